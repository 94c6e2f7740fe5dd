package migrate_test

import (
	"bytes"
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

// complete is a store whose listings are always complete.
func keysOf(t *testing.T, s *mem.Store, path ...string) []transport.Key {
	t.Helper()
	var keys []transport.Key
	for m, err := range s.Items(bg, transport.Folder{Path: path}, nil) {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, m.Key)
	}
	return keys
}

func folder(path ...string) transport.Folder { return transport.Folder{Path: path} }

// The second run carries flags, moves, new mails and, when asked, deletions.
func TestLaterRunCarriesWhatChanged(t *testing.T) {
	for _, full := range []bool{false, true} {
		t.Run(fmt.Sprint("full listings ", full), func(t *testing.T) {
			mk := func(s *mem.Store) transport.Source {
				if full {
					return &forgetful{s}
				}
				return s
			}
			src, sink := filled(6, mem.Options{}, "Inbox", "Work"), mem.New(mem.Options{})
			e := newEnv(t, mk(src), sink)
			e.ok()
			in := keysOf(t, src, "Inbox")
			src.SetFlags(bg, folder("Inbox"), []transport.FlagChange{{Ref: in[0], Flags: transport.Flagged | transport.Seen, Keywords: []string{"new"}}})
			src.Move(bg, folder("Inbox"), folder("Work"), in[1:3])
			src.Add([]string{"Inbox"}, transport.Meta{}, mail(500))
			src.Add([]string{"Neu"}, transport.Meta{}, mail(501))
			src.Delete(bg, folder("Work"), keysOf(t, src, "Work")[:1])
			n, sinkLen := puts(sink), len(dump(t, sink))
			r := e.ok()
			if r.Flags != 1 || r.Moved != 2 || r.Copied != 2 || r.Deleted != 0 {
				t.Errorf("%+v", r)
			}
			if sink.Calls("Move") == 0 || puts(sink)-n > 2 || len(dump(t, sink)) != sinkLen+2 {
				t.Errorf("%d moves, %d puts, %d items", sink.Calls("Move"), puts(sink)-n, len(dump(t, sink)))
			}
			// The deletion only when asked for.
			e.o.MirrorDeletes = true
			if r := e.ok(); r.Deleted != 1 || r.Copied != 0 || r.Moved != 0 || r.Flags != 0 {
				t.Errorf("%+v", r)
			}
			same(t, "after deletions", src, sink)
			n = puts(sink)
			if r := e.ok(); r.Deleted != 0 || puts(sink) != n {
				t.Errorf("%+v", r)
			}
		})
	}
}

// forgetful lists everything each time, and moved mails have a new identity.
type forgetful struct{ *mem.Store }

func (f *forgetful) Items(ctx ctxt, fo transport.Folder, c *transport.Cursor) seqMeta {
	return func(yield func(transport.Meta, error) bool) {
		for m, err := range f.Store.Items(ctx, fo, nil) {
			m.ObjectID = ""
			if !yield(m, err) {
				return
			}
		}
	}
}

func TestOptionsThatLeaveThingsAlone(t *testing.T) {
	src, sink := filled(3, mem.Options{}, "Inbox", "Work"), mem.New(mem.Options{})
	e := newEnv(t, src, sink)
	e.o.NoFlags, e.o.NoMoves = true, true
	e.ok()
	in := keysOf(t, src, "Inbox")
	src.SetFlags(bg, folder("Inbox"), []transport.FlagChange{{Ref: in[0], Flags: transport.Draft}})
	src.Move(bg, folder("Inbox"), folder("Work"), in[1:2])
	if r := e.ok(); r.Flags != 0 || r.Moved != 0 || r.Copied != 1 {
		t.Errorf("%+v", r)
	}
}

// T53: new keys for all items of a folder are matched by content, not copied.
func TestT53NewKeysAreMatchedByContent(t *testing.T) {
	src, sink := filled(8, mem.Options{OneShot: true}, "Inbox", "Work"), mem.New(mem.Options{})
	for range 3 {
		src.Add([]string{"Inbox"}, transport.Meta{}, mail(1))
	}
	e := newEnv(t, &forgetful{src}, sink)
	e.ok()
	n := puts(sink)
	src.ResetValidity("Inbox")
	in := keysOf(t, src, "Inbox")
	src.SetFlags(bg, folder("Inbox"), []transport.FlagChange{{Ref: in[3], Flags: transport.Flagged}})
	src.Delete(bg, folder("Inbox"), in[:1])
	src.Add([]string{"Inbox"}, transport.Meta{}, mail(900))
	r := e.ok()
	if r.Rekeyed != 10 || r.Copied != 1 || puts(sink) != n+1 || r.Flags != 1 {
		t.Errorf("%+v, %d puts", r, puts(sink)-n)
	}
	e.o.MirrorDeletes = true
	e.ok()
	same(t, "after the new keys", src, sink)
	if s := e.rows(); s[ledger.Copied] != 20 || len(s) != 1 {
		t.Errorf("%v", s)
	}
	if r := e.ok(); r.Copied+r.Rekeyed != 0 {
		t.Errorf("%+v", r)
	}
}

// A folder that was renamed keeps its place; where a name is all the identity
// that there is, its mails are seen as moved.
func TestRenamedFolder(t *testing.T) {
	for _, named := range []bool{false, true} {
		src, sink := filled(4, mem.Options{}, "Inbox", "Old"), mem.New(mem.Options{})
		var s transport.Source = &forgetful{src}
		if named {
			s = &nameless{forgetful{src}}
		}
		e := newEnv(t, s, sink)
		e.o.MirrorDeletes = true
		e.ok()
		n := puts(sink)
		src.Rename([]string{"Old"}, []string{"New"})
		src.Add([]string{"New"}, transport.Meta{}, mail(50))
		r := e.ok()
		if !r.Complete() || r.Copied != 1 || puts(sink) != n+1 || r.Deleted != 0 || named != (r.Moved == 4) {
			t.Errorf("named %v: %+v", named, r)
		}
		want := "Old"
		if named {
			want = "New"
		}
		if len(keysOf(t, sink, want)) != 5 {
			t.Errorf("%s has %d items", want, len(keysOf(t, sink, want)))
		}
		if r := e.ok(); r.Copied+r.Moved+r.Deleted != 0 {
			t.Errorf("%+v", r)
		}
	}
}

// nameless is a store whose folders have no identity but their path.
type nameless struct{ forgetful }

func (n *nameless) Folders(ctx ctxt) seqFolder {
	return func(yield func(transport.Folder, error) bool) {
		for f, err := range n.Store.Folders(ctx) {
			f.ID = ""
			if !yield(f, err) {
				return
			}
		}
	}
}

// Items that fail in a vanished source are told apart.
func TestItemThatVanished(t *testing.T) {
	src, sink := filled(4, mem.Options{}, "Inbox"), mem.New(mem.Options{})
	e := newEnv(t, &vanishing{src}, sink)
	if r := e.ok(); r.Copied != 3 || r.Skipped != 1 {
		t.Errorf("%+v", r)
	}
}

// vanishing loses an item between listing and fetch.
type vanishing struct{ *mem.Store }

func (v *vanishing) Fetch(ctx ctxt, f transport.Folder, keys []transport.Key, want []transport.Form) seqFetched {
	v.Store.Delete(ctx, f, keys[1:2])
	return v.Store.Fetch(ctx, f, keys, want)
}

// A plan says what a run would do, and can be carried out later.
func TestPlan(t *testing.T) {
	src, sink := filled(5, mem.Options{}, "Inbox", "Work"), mem.New(mem.Options{MaxSize: 3000})
	src.Add([]string{"Work"}, transport.Meta{}, mail(9)+strings.Repeat("x", 4000))
	src.Add([]string{"Work"}, transport.Meta{Received: time.Unix(5, 0)}, mail(10))
	for i := range 2 {
		sink.Add([]string{"Inbox"}, transport.Meta{}, mail(i))
	}
	sink.Add([]string{"Inbox"}, transport.Meta{}, mail(99))
	e := newEnv(t, src, sink)
	e.o.Filter.Since = time.Unix(1000, 0)
	var plan bytes.Buffer
	f, err := migrate.DryRun(bg, src, sink, nil, e.o, &plan)
	if err != nil {
		t.Fatal(err)
	}
	if f.Copy != 8 || f.Present != 2 || f.TooLarge != 1 || f.Skip[migrate.ReasonSince] != 1 || f.Extra != 1 || f.Folders != 2 || f.NewFolders != 1 || f.Estimate == 0 {
		t.Errorf("%+v", f)
	}
	if puts(sink) != 0 || sink.Calls("Ensure") != 0 {
		t.Error("the dry run touched the sink")
	}
	t.Log(strings.SplitN(plan.String(), "\n", 4)[:3])
	// What comes later is not in the plan; one mail is taken out by hand, and
	// a folder goes elsewhere.
	src.Add([]string{"Inbox"}, transport.Meta{}, mail(1000))
	edited := strings.Replace(plan.String(), `"item":{"action":"copy"`, `"item":{"action":"skip"`, 1)
	edited = strings.Replace(edited, `"sink":"Work"`, `"sink":"Jobs/2026"`, 1)
	e.o.Plan = &migrate.Plan{Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(edited)), nil }}
	r := e.ok()
	if r.Copied != 7 || r.Present != 2 || r.Failed != 1 || r.Skipped != 2 {
		t.Errorf("%+v", r)
	}
	if len(keysOf(t, sink, "Jobs", "2026")) != 5 {
		t.Error("the folder did not go where the plan says")
	}
	e.o.Plan = nil
	if r := e.ok(); r.Copied != 1 || r.Failed != 1 {
		t.Errorf("after the plan: %+v", r)
	}
	l, _ := ledger.Read(bg, e.path)
	defer l.Close()
	f, err = migrate.DryRun(bg, src, sink, l, e.o, nil)
	if err != nil || f.Copy != 0 || f.Present != 0 || f.Known != 12 {
		t.Errorf("dry run with the ledger: %+v %v", f, err)
	}
	for _, bad := range []string{"", "{}", `{"plan":2}`, "{\"plan\":1}\n{\"x\":1}"} {
		e.o.Plan = &migrate.Plan{Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(bad)), nil }}
		if _, err := e.run(); err == nil || !strings.HasPrefix(err.Error(), "plan: ") {
			t.Errorf("plan %q: %v", bad, err)
		}
	}
}

// What is not mail goes to a folder of its own where the sink takes only mail.
func TestNonMail(t *testing.T) {
	put := func(s *mem.Store, class string, path ...string) {
		f, _ := s.Ensure(bg, folder(path...))
		m := &mapi.Message{}
		m.Props.Set(mapi.PidTagMessageClass, mapi.StringValue(class))
		m.Props.Set(mapi.PidTagSubject, mapi.StringValue(class))
		if _, err := s.Put(bg, f, transport.Meta{Class: class}, &transport.Content{Form: transport.FormObject, Object: m}); err != nil {
			t.Fatal(err)
		}
	}
	src := mem.New(mem.Options{})
	put(src, "IPM.Note", "Inbox")
	put(src, "IPM.Schedule.Meeting.Request", "Inbox")
	put(src, "IPM.Appointment", "Inbox")
	put(src, "IPM.Contact.Custom", "Inbox")
	put(src, "IPM.Appointment", "Kalender")
	src.SetFolder(transport.Folder{Path: []string{"Kalender"}, Class: "IPF.Appointment"})
	for _, c := range []struct {
		forms []transport.Form
		skip  migrate.NonMail
		want  string
	}{
		{[]transport.Form{transport.FormObject}, "", "Inbox:4 Kalender:1"},
		{[]transport.Form{transport.FormMIME}, "", "Calendar:1 Contacts:1 Inbox:2 Kalender:1"},
		{[]transport.Form{transport.FormMIME}, migrate.NonMailSkip, "Inbox:2 Kalender:0"},
	} {
		sink := mem.New(mem.Options{Forms: c.forms})
		e := newEnv(t, src, sink)
		e.o.Converter, e.o.NonMail = toMIME{}, c.skip
		e.ok()
		var got []string
		for f := range sink.Folders(bg) {
			got = append(got, fmt.Sprintf("%s:%d", f, f.Count))
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%v %q: %s, want %s", c.forms, c.skip, s, c.want)
		}
		n := puts(sink)
		if e.ok(); puts(sink) != n {
			t.Error("the second run puts")
		}
	}
}
