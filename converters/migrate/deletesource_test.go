package migrate_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/converters/migrate"
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/mem"
)

func TestDeleteSource(t *testing.T) {
	for name, o := range map[string]mem.Options{"keys": {}, "no keys": {NoRef: true}} {
		t.Run(name, func(t *testing.T) {
			src, sink := filled(20, mem.Options{}, "Inbox", "Work"), mem.New(o)
			// Twins: each copy answers for one original. One was there before.
			src.Add([]string{"Inbox"}, transport.Meta{}, mail(1))
			sink.Add([]string{"Inbox"}, transport.Meta{}, mail(99))
			want := append(dump(t, src), dump(t, sink)...)
			e := newEnv(t, src, sink)
			e.o.DeleteSource = true
			if r := e.ok(); r.Copied != 41 || r.Removed != 41 || !r.Complete() {
				t.Errorf("%+v", r)
			}
			if got := dump(t, sink); len(dump(t, src)) != 0 || len(got) != len(want) {
				t.Errorf("%d left at the source, %d in the sink", len(dump(t, src)), len(got))
			}
			for _, it := range e.items() {
				if it.Gone != ledger.Removed {
					t.Fatalf("%+v", it)
				}
			}
			// What we deleted is not what the user deleted.
			src.Add([]string{"Inbox"}, transport.Meta{}, mail(500))
			e.o.MirrorDeletes = true
			if r := e.ok(); r.Copied != 1 || r.Removed != 1 || r.Deleted != 0 {
				t.Errorf("later: %+v", r)
			}
			if n := len(dump(t, sink)); n != len(want)+1 {
				t.Errorf("%d items in the sink", n)
			}
		})
	}
}

// What the sink does not have any more, or not as it was put, or not whole,
// stays at the source.
func TestDeleteSourceWantsAWholeCopy(t *testing.T) {
	for name, o := range map[string]mem.Options{"keys": {}, "no keys": {NoRef: true}} {
		src, sink := filled(5, mem.Options{}, "Inbox"), mem.New(o)
		e := newEnv(t, src, sink)
		e.ok()
		sink.Delete(bg, folder("Inbox"), keysOf(t, sink, "Inbox")[:2])
		sink.Add([]string{"Inbox"}, transport.Meta{}, strings.Replace(mail(0), "body", "BODY", 1))
		e.o.DeleteSource = true
		r := e.ok()
		if r.Removed != 3 || r.Kept != 2 || r.Complete() {
			t.Errorf("%s: %+v", name, r)
		}
		if d := dump(t, src); len(d) != 2 || !strings.Contains(d[0], "body 0") || !strings.Contains(d[1], "body 1") {
			t.Errorf("%s: %q", name, d)
		}
	}
	src, sink := filled(1, mem.Options{}, "A"), mem.New(mem.Options{Forms: []transport.Form{transport.FormObject}})
	e := newEnv(t, src, sink)
	e.o.Converter, e.o.DeleteSource = toObject{}, true // it loses half of the body
	if r := e.ok(); r.Copied != 1 || r.Severe != 1 || r.Removed != 0 || r.Kept != 1 || len(dump(t, src)) != 1 {
		t.Errorf("%+v", r)
	}
}

// A sink that keeps mails in its own way is asked for their meaning.
func TestDeleteSourceByMeaning(t *testing.T) {
	for name, c := range map[string]struct {
		change func(string) string
		want   int64
	}{
		"a header more": {func(s string) string { return "X-Seen: here\r\n" + s }, 3},
		"another text":  {func(s string) string { return strings.Replace(s, "Hello", "Bye", 1) }, 0},
	} {
		src, store := mem.New(mem.Options{}), mem.New(mem.Options{})
		for i := range 3 {
			src.Add([]string{"A"}, transport.Meta{}, fmt.Sprintf("Message-ID: <%d@x>\r\nSubject: s\r\n\r\nHello %d\r\n", i, i))
		}
		e := newEnv(t, src, &rewriting{store, c.change})
		e.o.DeleteSource, e.o.Contenter = true, fields{}
		if r := e.ok(); r.Removed != c.want || r.Kept != 3-c.want {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// rewriting is a sink that changes mails.
type rewriting struct {
	*mem.Store
	change func(string) string
}

func (s *rewriting) Put(ctx context.Context, f transport.Folder, m transport.Meta, c *transport.Content) (transport.Receipt, error) {
	r, err := c.MIME.Open(ctx)
	if err != nil {
		return transport.Receipt{}, err
	}
	defer r.Close()
	var b bytes.Buffer
	if _, err := io.Copy(&b, r); err != nil {
		return transport.Receipt{}, err
	}
	return s.Store.Put(ctx, f, m, &transport.Content{Form: transport.FormMIME, MIME: mapi.Bytes(s.change(b.String()))})
}

func (s *rewriting) PutBatch(ctx context.Context, f transport.Folder, items []transport.Staged) ([]transport.Result, error) {
	out := make([]transport.Result, len(items))
	for i, it := range items {
		out[i].Receipt, out[i].Err = s.Put(ctx, f, it.Meta, it.Content)
	}
	return out, nil
}

// T43: the sink writes Message-IDs of its own. The ledger goes by the source's
// key and content, so a second run puts nothing, also after a kill.
func TestT43SinkRewritesMessageIDs(t *testing.T) {
	src, store := filled(10, mem.Options{}, "Inbox"), mem.New(mem.Options{})
	n := 0
	sink := &rewriting{store, func(s string) string {
		n++
		_, rest, _ := strings.Cut(s, "\r\n")
		return fmt.Sprintf("Message-ID: <%d@sink.example>\r\n%s", n, rest)
	}}
	e := newEnv(t, src, sink)
	if r := e.ok(); r.Copied != 10 {
		t.Fatalf("%+v", r)
	}
	if r := e.ok(); r.Copied != 0 || r.Known != 10 || n != 10 {
		t.Errorf("second run: %+v, %d puts", r, n)
	}
	// New keys at the source change nothing of that.
	src.ResetValidity("Inbox")
	if r := e.ok(); r.Copied != 0 || r.Rekeyed != 10 || n != 10 {
		t.Errorf("after new keys: %+v, %d puts", r, n)
	}
	// A put of which the outcome is unknown is found again by its mark.
	for step := 1; step < 40; step++ {
		src, store := filled(4, mem.Options{}, "Inbox"), mem.New(mem.Options{BatchItems: 2})
		k := newKiller(step)
		e := newEnv(t, &dying{src.Reopen(), k, false}, &dying{store.Reopen(), k, false})
		if killedRun(t, e, k) {
			break
		}
		e.src, e.sink = src, &rewriting{store, strings.ToUpper}
		if r := e.ok(); !r.Complete() || len(dump(t, store)) != 4 {
			t.Errorf("step %d: %+v, %d items", step, r, len(dump(t, store)))
		}
	}
}

// Killed at every step of a run that deletes at the source: each mail is at
// least in one of the two, in the end only in the sink, and there once.
func TestDeleteSourceKilledAtEveryStep(t *testing.T) {
	for name, o := range map[string]mem.Options{"keys": {BatchItems: 2}, "no keys": {BatchItems: 2, NoRef: true}} {
		step := 1
		for ; ; step += stride() {
			src, store := filled(3, mem.Options{}, "Inbox", "Work"), mem.New(o)
			want := dump(t, src)
			k, never := newKiller(step), newKiller(1<<30)
			e := newEnv(t, &dying{src.Reopen(), k, false}, &dying{store.Reopen(), k, false})
			e.o.Workers, e.o.DeleteSource = 1, true
			finished := killedRun(t, e, k)
			what := fmt.Sprintf("%s, killed at step %d, %s", name, step, k.what)
			have := strings.Join(append(dump(t, src), dump(t, store)...), "\n")
			for _, s := range want {
				if !strings.Contains(have, s) {
					t.Fatalf("%s: lost %q", what, s)
				}
			}
			e.src, e.sink = &dying{src.Reopen(), never, false}, &dying{store.Reopen(), never, false}
			// The next run mirrors deletions, and must not take ours for them.
			e.o.MirrorDeletes = true
			if r, err := e.run(); err != nil || !r.Complete() || r.Deleted != 0 {
				t.Fatalf("%s: %+v, %v", what, r, err)
			}
			if a, b := dump(t, src), dump(t, store); len(a) != 0 || strings.Join(b, "\n") != strings.Join(want, "\n") {
				t.Errorf("%s: %d at the source, %d in the sink", what, len(a), len(b))
			}
			for _, it := range e.items() {
				if it.State != ledger.Copied || it.Gone != ledger.Removed {
					t.Errorf("%s: %s %d", what, it.State, it.Gone)
				}
			}
			if finished {
				break
			}
		}
		t.Logf("%s: %d steps", name, step)
	}
}

func TestDeleteSourceRefusals(t *testing.T) {
	src, sink := filled(2, mem.Options{}, "Inbox"), mem.New(mem.Options{})
	e := newEnv(t, readOnly{src}, sink)
	e.o.DeleteSource = true
	if _, err := e.run(); transport.KindOf(err) != transport.Usage || len(dump(t, sink)) != 0 {
		t.Errorf("a source that cannot delete: %v", err)
	}
	e.src, e.sink = src, &hole{}
	if _, err := e.run(); transport.KindOf(err) != transport.Usage {
		t.Errorf("a sink that cannot be asked: %v", err)
	}
	if _, err := migrate.DryRun(bg, src, sink, nil, e.o, nil); err != nil || len(dump(t, src)) != 2 {
		t.Errorf("a dry run: %v", err)
	}
	e.o.DeleteSource, e.o.Query = false, "x"
	if _, err := e.run(); transport.KindOf(err) != transport.Usage {
		t.Errorf("a source that cannot search: %v", err)
	}
}

// readOnly has nothing but what a source must have.
type readOnly struct{ transport.Source }

// searching is a store that is searched for words.
type searching struct {
	*mem.Store
	n int
}

func (s *searching) Search(ctx context.Context, f transport.Folder, query string) seqMeta {
	s.n++
	return func(yield func(transport.Meta, error) bool) {
		for m, err := range s.Items(ctx, f, nil) {
			if err != nil || strings.Contains(m.MessageID, query) {
				if !yield(m, err) {
					return
				}
			}
		}
	}
}

func TestQuery(t *testing.T) {
	src, sink := &searching{mem.New(mem.Options{}), 0}, mem.New(mem.Options{})
	for i := range 30 {
		src.Add([]string{"Inbox"}, transport.Meta{MessageID: fmt.Sprintf("<%d@example.org>", i), Received: time.Unix(1e9+int64(i), 0)}, mail(i))
	}
	e := newEnv(t, src, sink)
	e.o.Query = "<1"
	f, err := migrate.DryRun(bg, src, sink, nil, e.o, nil)
	if err != nil || f.Copy != 11 {
		t.Errorf("dry run: %+v, %v", f, err)
	}
	if r := e.ok(); r.Copied != 11 || r.Skipped != 0 || !r.Complete() || len(e.items()) != 11 {
		t.Errorf("%+v, %d rows", r, len(e.items()))
	}
	if r := e.ok(); r.Copied != 0 || r.Known != 11 {
		t.Errorf("again: %+v", r)
	}
	e.o.Query = "<2"
	if r := e.ok(); r.Copied != 11 || r.Known != 0 {
		t.Errorf("another query: %+v", r)
	}
	// Only what the query selects is deleted, and what it leaves out is not
	// taken for deleted.
	e.o.Query, e.o.DeleteSource, e.o.MirrorDeletes = "<1", true, true
	if r := e.ok(); r.Removed != 11 || r.Deleted != 0 || len(dump(t, src.Store)) != 19 {
		t.Errorf("with deletion: %+v, %d left", r, len(dump(t, src.Store)))
	}
	e.o.Query, e.o.DeleteSource, e.o.MirrorDeletes = "", false, false
	if r := e.ok(); r.Copied != 8 || r.Known != 11 {
		t.Errorf("without a query: %+v", r)
	}
	if n := len(dump(t, sink)); n != 30 {
		t.Errorf("%d items in the sink", n)
	}
}
