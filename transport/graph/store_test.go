package graph_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/graph/graphtest"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// Where items cannot be imported, json takes their place and the ledger says so.
func TestAutoFallsBackToJSON(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]graphtest.Options{"no permission": {Quirks: graphtest.Quirks{NoImport: true}}, "another cloud": {Cloud: "usgov"}} {
		t.Run(name, func(t *testing.T) {
			s := start(t, o)
			src, err := mixed(t.Context(), 60)
			if err != nil {
				t.Fatal(err)
			}
			params := []string{"route", "auto"}
			if o.Cloud != "" {
				params = append(params, "cloud", o.Cloud)
			}
			state := filepath.Join(t.TempDir(), "state")
			if r := copyAll(t, src, open(t, s, params...), state); !r.Complete() {
				t.Errorf("%+v", r)
			}
			l, err := ledger.Open(t.Context(), state, ledger.Pair{Source: "mem:mixed", Sink: "graph"})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			for it, err := range l.Items(t.Context(), ledger.Query{}) {
				if err != nil || it.Route != "json" {
					t.Fatalf("%+v %v", it, err)
				}
			}
			if o.Cloud == "" {
				notes, err := l.NoteCounts(t.Context(), 1000)
				said := false
				for _, n := range notes {
					said = said || n.Name == "import"
				}
				if err != nil || !said {
					t.Errorf("nobody says why: %v %v", notes, err)
				}
			}
			if out := s.Outbox(); len(out) > 0 {
				t.Errorf("%d mails were sent", len(out))
			}
			// And out again.
			g := open(t, s, params...)
			got := subjects(t, g)
			if len(got) != 60 {
				t.Errorf("%d items", len(got))
			}
			each(t, g, func(f transport.Folder, m transport.Meta, c *transport.Content) {
				if c.Form == transport.FormObject && c.Object.Props.Text(mapi.PidTagSubject) == "" {
					t.Errorf("%s %s has no subject", f, m.Key)
				}
			})
		})
	}
}

// The archive of a mailbox is another mailbox to the import and export API.
func TestArchive(t *testing.T) {
	t.Parallel()
	boxes := mailbox.New(mailbox.Options{})
	t.Cleanup(func() { boxes.Close() })
	boxes.Add(mailbox.Account{Address: "zoe@" + graphtest.DefaultTenant, Archive: true})
	s := start(t, graphtest.Options{Mailboxes: boxes})
	g := open(t, s, "archive", "1")
	f, r := putIn(t, g, transport.Folder{Path: []string{"Old", "Projects"}}, transport.Meta{Flags: transport.Seen, Received: arrival}, received(7))
	m := listed(t, g, f)["mail 7, Grüße"]
	if m.Key != r.Ref || m.Flags != transport.Seen || !m.Received.Equal(arrival) || m.MessageID == "" {
		t.Errorf("%+v", m)
	}
	fetchObject(t, g, f, r.Ref).Close()
	if got := subjects(t, open(t, s)); len(got) != 0 {
		t.Errorf("the primary mailbox has %v", got)
	}
}

// A watched folder is told of when something changed, and only then.
func TestWatch(t *testing.T) {
	t.Parallel()
	s := start(t, graphtest.Options{})
	g := open(t, s, "route", "json", "poll", "20ms")
	a, err := g.Ensure(t.Context(), inbox)
	if err != nil {
		t.Fatal(err)
	}
	b, err := g.Ensure(t.Context(), transport.Folder{Path: []string{"Quiet"}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	go func() {
		time.Sleep(100 * time.Millisecond)
		s.Inject(graphtest.Fault{Call: "messages.delta", Status: 503})
		g.Put(ctx, a, transport.Meta{}, &transport.Content{Form: transport.FormObject, Object: mailOf(1000)})
	}()
	for f, err := range g.Watch(ctx, []transport.Folder{b, a}) {
		if err != nil || f.ID != a.ID {
			t.Errorf("%v %v", f, err)
		}
		break
	}
	if ctx.Err() != nil {
		t.Error("nothing was told")
	}
}

func TestSearch(t *testing.T) {
	t.Parallel()
	s := start(t, graphtest.Options{})
	g := open(t, s, "route", "json")
	f, _ := putIn(t, g, inbox, transport.Meta{Flags: transport.Seen}, mailOf(1000))
	putIn(t, g, inbox, transport.Meta{}, mailOf(2000))
	for q, want := range map[string]string{"subject:2000": "mail 2000, Grüße", "filter:isRead eq true": "mail 1000, Grüße"} {
		var got []string
		for m, err := range g.Search(t.Context(), f, q) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, m.Subject)
		}
		if len(got) != 1 || got[0] != want {
			t.Errorf("%s finds %q", q, got)
		}
	}
}

// Small mail costs about one request, by import and by json.
func TestSmallMailCostsOneRequest(t *testing.T) {
	t.Parallel()
	for route, most := range map[string]float64{"import": 1.1, "json": 2} {
		s := start(t, graphtest.Options{})
		src := smallMails(t, 1000)
		s.ResetCalls()
		if r := copyAll(t, src, open(t, s, "route", route), filepath.Join(t.TempDir(), "state")); r.Copied != 1000 {
			t.Fatalf("%+v", r)
		}
		per := float64(s.Count()) / 1000
		if per > most {
			t.Errorf("%s: %.3f requests for each item: %v", route, per, s.Calls())
		}
		t.Logf("%s: %.3f requests for each item", route, per)
		// Reading: 20 in a request.
		if route == "import" {
			s.ResetCalls()
			n := 0
			each20(t, open(t, s), func(*transport.Content) { n++ })
			if per := float64(s.Count()) / 1000; n != 1000 || per > 0.1 {
				t.Errorf("%d items read, %.3f requests for each", n, per)
			}
		}
	}
}

func smallMails(t *testing.T, n int) transport.Source {
	t.Helper()
	st, err := mixed(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	f, err := st.Ensure(t.Context(), inbox)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if _, err := st.PutBatch(t.Context(), f, []transport.Staged{{Meta: transport.Meta{Received: arrival}, Content: &transport.Content{Form: transport.FormObject, Object: mailOf(10*i + 4)}}}); err != nil {
			t.Fatal(err)
		}
	}
	return st
}

func each20(t *testing.T, src transport.Source, fn func(*transport.Content)) {
	t.Helper()
	for f, err := range src.Folders(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		var keys []transport.Key
		for m, err := range src.Items(t.Context(), f, nil) {
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, m.Key)
		}
		for fe, err := range src.Fetch(t.Context(), f, keys, []transport.Form{transport.FormObject}) {
			if err != nil || fe.Err != nil {
				t.Fatal(err, fe.Err)
			}
			fn(fe.Content)
			fe.Content.Close()
		}
	}
}
