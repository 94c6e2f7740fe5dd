package mapihttp_test

import (
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/converters/migrate"
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/dir"
	"github.com/mailconv/mailconv/transport/ews"
	"github.com/mailconv/mailconv/transport/ews/ewstest"
	"github.com/mailconv/mailconv/transport/graph"
	"github.com/mailconv/mailconv/transport/graph/graphtest"
	"github.com/mailconv/mailconv/transport/mapihttp/mapihttptest"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
	"github.com/mailconv/mailconv/transport/objecttest"
	"github.com/mailconv/mailconv/transport/pst"
)

// run copies one store into another, twice: the second time there must be
// nothing to do.
func run(t testing.TB, name string, src transport.Source, sink transport.Sink) *migrate.Result {
	t.Helper()
	l, err := ledger.Open(t.Context(), filepath.Join(t.TempDir(), "state"), ledger.Pair{Source: name + ":source", Sink: name + ":sink"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	o := migrate.Options{Converter: &converters.Converter{Losses: true}}
	r, err := migrate.Run(t.Context(), src, sink, l, o)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if !r.Complete() {
		t.Errorf("%s: not complete: %+v", name, r)
		for it, err := range l.Items(t.Context(), ledger.Query{States: []ledger.State{ledger.Failed}}) {
			t.Logf("%s: %v %s: %s", name, err, it.Meta.Subject, it.Reason)
		}
	}
	again, err := migrate.Run(t.Context(), src, sink, l, o)
	if err != nil || again.Copied != 0 {
		t.Errorf("%s: the second run copies %d: %v", name, again.Copied, err)
	}
	return r
}

// TestPSTToMAPIToMSG: objects go from .pst files to a server and on to .msg
// files, with every property.
func TestPSTToMAPIToMSG(t *testing.T) {
	total := 0
	for _, file := range objecttest.Archives(t) {
		s, _ := serve(t, mapihttptest.Options{})
		src, err := pst.Open(file, nil)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(file)
		run(t, name, src, open(t, address(s), nil))
		msgs, err := dir.Open(filepath.Join(t.TempDir(), "msgs"), &dir.Options{Format: dir.MSG, New: true})
		if err != nil {
			t.Fatal(err)
		}
		run(t, name+" again", open(t, address(s), nil), msgs)
		n := objecttest.Same(t, objecttest.Objects(t, src), objecttest.Objects(t, msgs), objecttest.Added("PidTagMessageFlags"))
		t.Logf("%s: %d items are equal", name, n)
		total += n
		if n := len(s.Mailboxes().Outbox()); n != 0 {
			t.Errorf("%s: %d messages were sent", name, n)
		}
		msgs.Close()
		src.Close()
	}
	t.Logf("%d items in all", total)
}

// TestEWSToMAPI: objects go from one Exchange server, by Exchange Web Services,
// to another one.
func TestEWSToMAPI(t *testing.T) {
	e, err := ewstest.New(ewstest.Options{Convert: &converters.Converter{}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	e.Mailboxes().Add(mailbox.Account{Address: "ann@example.org", Name: "Ann", Password: "secret"})
	a := transport.Address{Scheme: "ews", User: "ann@example.org", Password: "secret", Params: url.Values{"endpoint": {e.URL()}, "auth": {"basic"}, "objects": {"always"}}}
	old, err := ews.OpenAddress(bg, a, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	src, err := pst.Open(objecttest.Archives(t)[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	run(t, "pst", src, old)
	s, _ := serve(t, mapihttptest.Options{})
	run(t, "ews", old, open(t, address(s), nil))
	n := objecttest.Same(t, objecttest.Objects(t, old), objecttest.Objects(t, open(t, address(s), nil)), objecttest.Added("PidTagMessageFlags", "PidTagMessageDeliveryTime"))
	if t.Logf("%d items are equal", n); n != objecttest.ArchiveItems {
		t.Errorf("%d items", n)
	}
}

// TestMAPIToGraph: objects go on to Microsoft 365.
func TestMAPIToGraph(t *testing.T) {
	s, _ := serve(t, mapihttptest.Options{})
	src, err := pst.Open(objecttest.Archives(t)[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	run(t, "pst", src, open(t, address(s), nil))
	g, err := graphtest.New(graphtest.Options{Convert: &converters.Converter{}})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	zoe := transport.Address{Scheme: "graph", User: "zoe", Host: g.Tenant(), Password: g.Token("zoe@" + g.Tenant()), Params: url.Values{"endpoint": {g.URL()}, "route": {"import"}}}
	sink, err := graph.OpenAddress(bg, zoe, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	run(t, "mapi", open(t, address(s), nil), sink)
	back, err := graph.OpenAddress(bg, zoe, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer back.Close()
	n := objecttest.Same(t, objecttest.Objects(t, open(t, address(s), nil)), objecttest.Objects(t, back), objecttest.Added("{6d61696c-636f-6e76-8002-546f6b656e73}:Token", "PidTagMessageDeliveryTime"))
	if t.Logf("%d items are equal", n); n != objecttest.ArchiveItems {
		t.Errorf("%d items", n)
	}
}

// TestRequestsPerItem: small messages take at most 2 requests each on the way
// out and 4 on the way in, the folders and the listing counted.
func TestRequestsPerItem(t *testing.T) {
	const n = 200
	s, _ := serve(t, mapihttptest.Options{})
	src := filled(t, n)
	run(t, "in", src, open(t, address(s), nil))
	in := s.Requests("")
	msgs, err := dir.Open(filepath.Join(t.TempDir(), "msgs"), &dir.Options{Format: dir.MSG, New: true})
	if err != nil {
		t.Fatal(err)
	}
	defer msgs.Close()
	run(t, "out", open(t, address(s), nil), msgs)
	out := s.Requests("") - in
	t.Logf("%.2f requests for each item on the way in, %.2f on the way out", float64(in)/n, float64(out)/n)
	if in > 4*n || out > 2*n {
		t.Errorf("%d and %d requests for %d items", in, out, n)
	}
}

// filled is a store of n small messages in four folders.
func filled(t testing.TB, n int) transport.Source {
	t.Helper()
	boxes := mailbox.New(mailbox.Options{})
	t.Cleanup(func() { boxes.Close() })
	box := boxes.Add(mailbox.Account{Address: "old@example.org"})
	st := box.Store(mailbox.StoreOptions{})
	for i := range n {
		f, err := st.Ensure(bg, transport.Folder{Path: []string{fmt.Sprintf("Box %d", i%4)}})
		if err != nil {
			t.Fatal(err)
		}
		var ps mapi.Properties
		ps.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Note"))
		ps.Set(mapi.PidTagSubject, mapi.StringValue(fmt.Sprintf("message %d", i)))
		ps.Set(mapi.PidTagBody, mapi.StringValue(strings.Repeat("a few words ", 20)))
		if _, err := st.Put(bg, f, transport.Meta{}, &transport.Content{Form: transport.FormObject, Object: &mapi.Message{Props: ps}}); err != nil {
			t.Fatal(err)
		}
	}
	return st
}
