package ews_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/converters/migrate"
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/clock"
	"github.com/mailconv/mailconv/transport/ews"
	"github.com/mailconv/mailconv/transport/ews/ewstest"
	"github.com/mailconv/mailconv/transport/mem"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
	"github.com/mailconv/mailconv/transport/retry"
)

// TestRequestsPerItem: small mail takes at most 1.2 requests for each item, the
// folders and the listing counted.
func TestRequestsPerItem(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]ewstest.Options{"mime": {}, "without objects": {Without: []string{"UploadItems", "ExportItems"}}} {
		const n = 200
		src := mem.New(mem.Options{})
		for i := range n {
			src.Add([]string{fmt.Sprintf("Box %d", i%4)}, transport.Meta{Received: arrived}, strings.Replace(letter, "a letter", fmt.Sprintf("letter %d", i), 1))
		}
		s := serve(t, o)
		run(t, "in", src, open(t, s))
		in := s.Requests("")
		run(t, "out", open(t, s), mem.New(mem.Options{}))
		out := s.Requests("") - in
		t.Logf("%s: %.2f requests for each item on the way in, %.2f on the way out; %v", name, float64(in)/n, float64(out)/n, s.Counts())
		if float64(in) > 1.2*n || float64(out) > 1.2*n {
			t.Errorf("%s: %d and %d requests for %d items", name, in, out, n)
		}
	}
}

// TestTwentyMailboxesAtOnce: with a server that throttles, all are done, limits
// are kept, and the waits are those that were told.
func TestTwentyMailboxesAtOnce(t *testing.T) {
	t.Parallel()
	boxes := mailbox.New(mailbox.Options{TempDir: t.TempDir()})
	defer boxes.Close()
	const n, each = 20, 60
	s := serve(t, ewstest.Options{Mailboxes: boxes, Connections: 4})
	var users []string
	for i := range n {
		user := fmt.Sprintf("user%d@example.test", i)
		users = append(users, user)
		boxes.Add(mailbox.Account{Address: user, Password: password})
		wait := time.Duration(50+10*i) * time.Millisecond
		s.Inject(ewstest.Fault{Kind: ewstest.Busy, Mailbox: user, Operation: "CreateItem", At: 2, Wait: wait, Bar: true})
		s.Inject(ewstest.Fault{Kind: ewstest.BusyInBody, Mailbox: user, Operation: "GetItem", At: 1, Wait: wait, Bar: true})
		s.Inject(ewstest.Fault{Kind: ewstest.Status, Status: 503, Mailbox: user, Operation: "SyncFolderItems", At: 3, Wait: time.Second, Bar: true})
	}
	var wg sync.WaitGroup
	for _, user := range users {
		wg.Go(func() {
			src := mem.New(mem.Options{})
			for i := range each {
				src.Add([]string{fmt.Sprintf("Box %d", i%3)}, transport.Meta{Received: arrived}, strings.Replace(letter, "a letter", fmt.Sprintf("letter %d", i), 1))
			}
			st, err := ews.OpenAddress(t.Context(), address(s, user), environment(t.TempDir()))
			if err != nil {
				t.Error(err)
				return
			}
			defer st.Close()
			back := mem.New(mem.Options{})
			for dir, pair := range map[string][2]any{"in": {src, st}} {
				l, err := ledger.Open(t.Context(), filepath.Join(t.TempDir(), "state"), ledger.Pair{Source: dir + user, Sink: "x"})
				if err != nil {
					t.Error(err)
					return
				}
				r, err := migrate.Run(t.Context(), pair[0].(transport.Source), pair[1].(transport.Sink), l, migrate.Options{Workers: 1})
				if err != nil || r.Copied != each {
					t.Errorf("%s: %v, %+v", user, err, r)
				}
				l.Close()
			}
			l, err := ledger.Open(t.Context(), filepath.Join(t.TempDir(), "state"), ledger.Pair{Source: user, Sink: "back"})
			if err != nil {
				t.Error(err)
				return
			}
			defer l.Close()
			r, err := migrate.Run(t.Context(), st, back, l, migrate.Options{Workers: 1})
			if err != nil || r.Copied != each {
				t.Errorf("%s back: %v, %+v", user, err, r)
			}
		})
	}
	wg.Wait()
	if s.Exceeded() > 0 {
		t.Errorf("the limit of connections was exceeded %d times", s.Exceeded())
	}
	if got := len(s.Waits()); got < 2*n {
		t.Errorf("only %d waits were told", got)
	}
	if early := s.TooEarly(); early > 0 {
		t.Errorf("%d requests came before the end of a wait", early)
	}
	t.Logf("%d requests, %d waits told", s.Requests(""), len(s.Waits()))
}

// TestRunThatWasCutOffFindsItsItems: answers are lost after the server did what
// was asked, and the run gives up. The next one finds what arrived; nothing is
// there twice.
func TestRunThatWasCutOffFindsItsItems(t *testing.T) {
	for name, o := range map[string]ewstest.Options{"mime": {}, "objects": {}} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, o)
			var src transport.Source
			const n = 90
			if name == "mime" {
				m := mem.New(mem.Options{})
				for i := range n {
					m.Add([]string{"Box"}, transport.Meta{Received: arrived}, strings.Replace(letter, "a letter", fmt.Sprintf("letter %d", i%30), 1)) // with twins
				}
				src = m
			} else {
				m := mem.New(mem.Options{Forms: []transport.Form{transport.FormObject}})
				f, err := m.Ensure(t.Context(), transport.Folder{Path: []string{"Box"}})
				if err != nil {
					t.Fatal(err)
				}
				for i := range n {
					o := &mapi.Message{}
					o.Props.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Note"))
					o.Props.Set(mapi.PidTagMessageFlags, mapi.Int32Value(1))
					o.Props.Set(mapi.PidTagSubject, mapi.StringValue(fmt.Sprintf("object %d", i%30)))
					if _, err := m.Put(t.Context(), f, transport.Meta{Flags: transport.Seen}, &transport.Content{Form: transport.FormObject, Object: o}); err != nil {
						t.Fatal(err)
					}
				}
				src = m
			}
			op := map[string]string{"mime": "CreateItem", "objects": "UploadItems"}[name]
			l, err := ledger.Open(t.Context(), filepath.Join(t.TempDir(), "state"), ledger.Pair{Source: "a", Sink: "b"})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			for round := range 3 {
				if round < 2 {
					s.Inject(ewstest.Fault{Kind: ewstest.DropAfter, Operation: op})
				}
				st := open(t, s)
				r, err := migrate.Run(t.Context(), src, st, l, migrate.Options{Workers: 1, Retry: retry.Policy{Attempts: 1, Clock: clock.NewFake(time.Now())}})
				t.Logf("round %d: %v, %d copied, %d known, %d failed", round, err, r.Copied, r.Known, r.Failed)
				st.Close()
			}
			if got := len(stored(t, s, alice, "Box")); got != n {
				t.Errorf("%d items are there, not %d", got, n)
			}
		})
	}
}
