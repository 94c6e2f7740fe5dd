package migrate_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/mem"
)

// renaming is a sink that gives every mail a Message-ID of its own and a header
// more, as Exchange does.
type renaming struct {
	*mem.Store
	t testing.TB
	n int
}

func (r *renaming) rewrite(c *transport.Content) *transport.Content {
	r.n++
	_, rest, _ := strings.Cut(body(r.t, c.MIME), "\r\n")
	own := *c
	own.OnClose = nil
	own.MIME = mapi.Bytes(fmt.Sprintf("X-Seen-By: sink\r\nMessage-ID: <%d@sink.example>\r\n%s", r.n, rest))
	return &own
}

func (r *renaming) Put(ctx context.Context, f transport.Folder, m transport.Meta, c *transport.Content) (transport.Receipt, error) {
	return r.Store.Put(ctx, f, m, r.rewrite(c))
}

func (r *renaming) PutBatch(ctx context.Context, f transport.Folder, items []transport.Staged) ([]transport.Result, error) {
	items = slices.Clone(items)
	for i := range items {
		items[i].Content = r.rewrite(items[i].Content)
	}
	return r.Store.PutBatch(ctx, f, items)
}

// T43: the sink rewrites Message-IDs. The ledger is keyed on the key of the
// source and on the content that was sent, so a later run puts only what is
// new, moves are still seen, and new keys of the source are matched.
func TestT43RewrittenMessageID(t *testing.T) {
	src := filled(6, mem.Options{}, "Inbox", "Work")
	for range 2 { // twins, which differ in nothing but their keys
		src.Add([]string{"Inbox"}, transport.Meta{}, mail(1))
	}
	store := mem.New(mem.Options{})
	e := newEnv(t, &forgetful{src}, &renaming{Store: store, t: t})
	if r := e.ok(); r.Copied != 14 || r.Duplicate != 0 {
		t.Fatalf("%+v", r)
	}
	for _, s := range dump(t, store) {
		if !strings.Contains(s, "@sink.example>") || strings.Contains(s, "@example.org>") {
			t.Fatalf("the sink did not rewrite %q", s)
		}
	}
	n := puts(store)
	if r := e.ok(); r.Copied != 0 || r.Known != 14 || puts(store) != n {
		t.Errorf("the second run: %+v, %d puts", r, puts(store)-n)
	}

	// New keys at the source: matched by the fingerprint of what was sent.
	src.ResetValidity("Inbox")
	src.Add([]string{"Inbox"}, transport.Meta{}, mail(700))
	if r := e.ok(); r.Copied != 1 || r.Rekeyed != 8 || puts(store) != n+1 {
		t.Errorf("after new keys: %+v, %d puts", r, puts(store)-n)
	}
	if rows := e.rows(); rows[ledger.Copied] != 15 || len(rows) != 1 {
		t.Errorf("%v", rows)
	}
	if got := len(dump(t, store)); got != 15 {
		t.Errorf("the sink holds %d mails, want 15", got)
	}
}

// T43 with the ledger lost: the sink holds everything, each mail with other
// headers and another Message-ID. What means the same and arrived at the same
// time is taken for the copy, one for one, and says so; what is new is put.
func TestT43RewrittenAndTheLedgerIsLost(t *testing.T) {
	src := filled(6, mem.Options{}, "Inbox", "Work")
	when := time.Unix(1500000000, 0)
	for range 2 { // twins
		src.Add([]string{"Inbox"}, transport.Meta{Received: when}, mail(1))
	}
	store := mem.New(mem.Options{})
	e := newEnv(t, src, &renaming{Store: store, t: t})
	e.o.Contenter = fields{}
	e.ok()
	// A third twin, another mail that arrived in the same second, and one that
	// differs only in its text.
	src.Add([]string{"Inbox"}, transport.Meta{Received: when}, mail(1))
	src.Add([]string{"Inbox"}, transport.Meta{Received: when}, mail(700))
	src.Add([]string{"Inbox"}, transport.Meta{Received: when}, mail(1)+"more\r\n")
	lost := newEnv(t, src, &renaming{Store: store, t: t})
	lost.o.Contenter = fields{}
	if r := lost.ok(); r.Copied != 3 || r.Present != 14 || len(dump(t, store)) != 17 {
		t.Errorf("%+v, %d in the sink", r, len(dump(t, store)))
	}
	if r := lost.ok(); r.Copied != 0 || r.Known != 17 {
		t.Errorf("again: %+v", r)
	}
	l, err := ledger.Read(bg, lost.path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if noted, err := l.Count(bg, ledger.Query{Noted: true}); noted != 14 || err != nil {
		t.Errorf("%d rows say that their copy was rewritten, %v", noted, err)
	}
	// Where the sink keeps bytes, other bytes are another mail.
	plain := mem.New(mem.Options{})
	plain.Add([]string{"Inbox"}, transport.Meta{Received: when}, mail(1))
	plain.Add([]string{"Inbox"}, transport.Meta{Received: when}, strings.Replace(mail(2), "Message-ID: <2@", "Message-ID: <other@", 1))
	one := mem.New(mem.Options{})
	one.Add([]string{"Inbox"}, transport.Meta{Received: when}, mail(1))
	one.Add([]string{"Inbox"}, transport.Meta{Received: when}, mail(2))
	kept := newEnv(t, one, plain)
	kept.o.Contenter = fields{}
	if r := kept.ok(); r.Copied != 1 || r.Present != 1 {
		t.Errorf("a sink that keeps bytes: %+v", r)
	}
}
