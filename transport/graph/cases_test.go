package graph_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/mail"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/mapitest"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/clock"
	"github.com/mailconv/mailconv/transport/graph"
	"github.com/mailconv/mailconv/transport/graph/graphtest"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
	"github.com/mailconv/mailconv/transport/retry"
)

var arrival = time.Date(2019, 8, 7, 6, 5, 4, 0, time.UTC)

// putIn writes one object into a folder of its own.
func putIn(t *testing.T, g *graph.Store, f transport.Folder, meta transport.Meta, m *mapi.Message) (transport.Folder, transport.Receipt) {
	t.Helper()
	to, err := g.Ensure(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	r, err := g.Put(t.Context(), to, meta, &transport.Content{Form: transport.FormObject, Object: m})
	if err != nil {
		t.Fatal(err)
	}
	return to, r
}

var inbox = transport.Folder{Path: []string{"Inbox"}, Role: transport.RoleInbox}

// listed is the items of a folder by subject.
func listed(t *testing.T, g *graph.Store, f transport.Folder) map[string]transport.Meta {
	t.Helper()
	out := map[string]transport.Meta{}
	for m, err := range g.Items(t.Context(), f, nil) {
		if err != nil {
			t.Fatal(err)
		}
		out[m.Subject] = m
	}
	return out
}

func fetchMIME(t *testing.T, src transport.Source, f transport.Folder, key transport.Key) []byte {
	t.Helper()
	var out []byte
	for fe, err := range src.Fetch(t.Context(), f, []transport.Key{key}, []transport.Form{transport.FormMIME}) {
		if err != nil || fe.Err != nil {
			t.Fatal(err, fe.Err)
		}
		var rerr error
		if out, rerr = mapi.ReadBlob(t.Context(), fe.Content.MIME, 64<<20); rerr != nil {
			t.Fatal(rerr)
		}
		fe.Content.Close()
	}
	return out
}

func lossOf(r transport.Receipt, item string) bool {
	return slices.ContainsFunc(r.Losses, func(l mapi.Loss) bool { return strings.Contains(l.Item, item) })
}

func received(i int) *mapi.Message {
	m := mailOf(i)
	p := &m.Props
	p.Set(mapi.PidTagTransportMessageHeaders, text("Received: from a.example by b.example; Wed, 7 Aug 2019 06:05:04 +0000\r\n"+
		"Received: from c.example by a.example; Wed, 7 Aug 2019 06:05:00 +0000\r\nX-Own: value\r\n"+
		fmt.Sprintf("Message-ID: <mail.%d@mixed.example>\r\nIn-Reply-To: <parent@mixed.example>\r\nReferences: <root@mixed.example> <parent@mixed.example>\r\n", i)+
		"From: Ann <ann@mixed.example>\r\nTo: Ben <ben@mixed.example>\r\nDate: Thu, 4 Mar 2021 05:00:09 +0000\r\n\r\n"))
	p.Set(mapi.PidTagInReplyToId, text("<parent@mixed.example>"))
	p.Set(mapi.PidTagInternetReferences, text("<root@mixed.example> <parent@mixed.example>"))
	p.Set(mapi.PidTagClientSubmitTime, mapi.TimeValue(time.Date(2021, 3, 4, 5, 0, 9, 0, time.UTC)))
	return m
}

// An item is no draft, and has the dates that it had.
func TestT59ImportedMailIsNoDraft(t *testing.T) {
	t.Parallel()
	s := start(t, graphtest.Options{})
	for _, route := range []string{"import", "json", "auto"} {
		g := open(t, s, "route", route)
		f, r := putIn(t, g, transport.Folder{Path: []string{"T59 " + route}}, transport.Meta{Flags: transport.Seen, Received: arrival}, received(9))
		for _, m := range listed(t, g, f) {
			if m.Flags != transport.Seen || !m.Received.Equal(arrival) {
				t.Errorf("%s: flags %b, received %v", r.Route, m.Flags, m.Received)
			}
		}
		msg, err := mail.ReadMessage(bytes.NewReader(fetchMIME(t, g, f, r.Ref)))
		if err != nil {
			t.Fatal(err)
		}
		if d, err := msg.Header.Date(); err != nil || !d.Equal(time.Date(2021, 3, 4, 5, 0, 9, 0, time.UTC)) {
			t.Errorf("%s: sent %v %v", r.Route, d, err)
		}
	}
}

// What threads and sorts a mail survives.
func TestT60HeadersAndThreading(t *testing.T) {
	t.Parallel()
	s := start(t, graphtest.Options{})
	for _, route := range []string{"import", "json"} {
		g := open(t, s, "route", route)
		f, r := putIn(t, g, inbox, transport.Meta{Flags: transport.Seen | transport.Answered, Received: arrival}, received(9))
		msg, err := mail.ReadMessage(bytes.NewReader(fetchMIME(t, g, f, r.Ref)))
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]string{
			"In-Reply-To": "<parent@mixed.example>", "References": "<root@mixed.example> <parent@mixed.example>", "Message-Id": "<mail.9@mixed.example>", "X-Own": "value",
		} {
			if got := msg.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q", route, name, got)
			}
		}
		if n := len(msg.Header["Received"]); n != 2 {
			t.Errorf("%s: %d Received fields", route, n)
		}
		m := listed(t, g, f)["mail 9, Grüße"]
		if m.Flags != transport.Seen|transport.Answered || !m.Received.Equal(arrival) || m.MessageID != "<mail.9@mixed.example>" {
			t.Errorf("%s: %+v", route, m)
		}
	}
}

// A mail that is too large for a request is refused before it is sent; one of
// which the service kept nothing is found out.
func TestT61LargeMIME(t *testing.T) {
	t.Parallel()
	s := start(t, graphtest.Options{Quirks: graphtest.Quirks{LoseLargeMIME: 2 << 20}})
	g := open(t, s, "route", "mime")
	f, err := g.Ensure(t.Context(), inbox)
	if err != nil {
		t.Fatal(err)
	}
	mailOf := func(n int) *transport.Content {
		line := strings.Repeat("0123456789", 7) + "\r\n"
		return &transport.Content{Form: transport.FormMIME, MIME: mapi.Bytes("From: a@x.example\r\nSubject: large\r\n\r\n" + strings.Repeat(line, n/len(line)))}
	}
	if _, err := g.Put(t.Context(), f, transport.Meta{}, mailOf(4<<20)); transport.KindOf(err) != transport.TooLarge {
		t.Errorf("4 MiB: %v", err)
	}
	if n := s.Calls()["messages.create"]; n != 0 {
		t.Errorf("it was sent %d times", n)
	}
	if _, err := g.Put(t.Context(), f, transport.Meta{}, mailOf(2_500_000)); transport.KindOf(err) != transport.TooLarge {
		t.Errorf("2.5 MB of which nothing is kept: %v", err)
	}
	if n := len(listed(t, g, f)); n != 0 {
		t.Errorf("%d halves are left", n)
	}
	r, err := g.Put(t.Context(), f, transport.Meta{}, mailOf(1_100_000))
	if err != nil || r.Route != "mime" || len(r.Losses) == 0 {
		t.Errorf("1.1 MB: %+v %v", r, err)
	}
}

// Attachments of 3 MB and more go through an upload session, in ranges.
func TestT62LargeAttachments(t *testing.T) {
	t.Parallel()
	s := start(t, graphtest.Options{})
	g := open(t, s, "route", "json")
	m := mailOf(2)
	for _, n := range []int{3 << 20, 9<<20 + 1, 100} {
		a := &mapi.Attachment{}
		a.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachByValue))
		a.Props.Set(mapi.PidTagAttachLongFilename, text(fmt.Sprintf("a%d.bin", n)))
		a.Props.Set(mapi.PidTagAttachDataBinary, mapi.BlobValue(mapi.TypeBinary, pattern(n)))
		m.Attachments = append(m.Attachments, a)
	}
	for _, f := range []graphtest.Fault{{Call: "upload.put", Nth: 2, Drop: true}, {Call: "upload.put", Nth: 2, Lose: true}, {Call: "upload.put", Nth: 2, Status: 503}} {
		s.Inject(f)
	}
	f, r := putIn(t, g, inbox, transport.Meta{Token: "t"}, m)
	calls := s.Calls()
	if calls["upload.create"] != 2 || calls["upload.put"] < 4 {
		t.Errorf("%v", calls)
	}
	back := fetchObject(t, g, f, r.Ref)
	defer back.Close()
	if len(back.Object.Attachments) != 3 {
		t.Fatalf("%d attachments", len(back.Object.Attachments))
	}
	for _, a := range back.Object.Attachments {
		var n int
		fmt.Sscanf(a.Props.Text(mapi.PidTagAttachLongFilename), "a%d.bin", &n)
		if got, err := equal(t.Context(), a.Data(), pattern(n)); err != nil || got != int64(n) {
			t.Errorf("%d bytes became %d: %v", n, got, err)
		}
	}
	if m := listed(t, g, f)["mail 2, Grüße"]; m.Token != "t" {
		t.Errorf("the token is %q", m.Token)
	}
	// What a killed run left is no item, and goes with the next put.
	half := mailOf(2)
	half.Attachments = m.Attachments[:1]
	s.Inject(graphtest.Fault{Call: "upload.create", Times: -1, Status: 400, Code: "ErrorInvalidRequest"})
	s.Inject(graphtest.Fault{Call: "messages.purge", Times: -1, Status: 403, Code: "ErrorAccessDenied"})
	s.Inject(graphtest.Fault{Call: "messages.delete", Times: -1, Status: 403, Code: "ErrorAccessDenied"})
	if _, err := g.Put(t.Context(), f, transport.Meta{Token: "half"}, &transport.Content{Form: transport.FormObject, Object: half}); err == nil {
		t.Fatal("an item without its attachment has no error")
	}
	s.ClearFaults()
	for m, err := range g.Since(t.Context(), f, "") {
		if err != nil || m.Token == "half" {
			t.Errorf("half an item is listed: %+v %v", m, err)
		}
	}
	if _, err := g.Put(t.Context(), f, transport.Meta{Token: "half"}, &transport.Content{Form: transport.FormObject, Object: half}); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, err := range g.Items(t.Context(), f, nil) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 2 {
		t.Errorf("%d items are there, not 2", n)
	}
}

// A message in a message arrives: whole by import, as an item by json, and as a
// file with a note when it is too large for that.
func TestT63MessagesInMessages(t *testing.T) {
	t.Parallel()
	s := start(t, graphtest.Options{})
	outer := func(inner *mapi.Message) *mapi.Message {
		m := mailOf(2)
		a := &mapi.Attachment{Embedded: inner}
		a.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachEmbedded))
		a.Props.Set(mapi.PidTagDisplayName, text("inner"))
		m.Attachments = append(m.Attachments, a)
		return m
	}
	big := mailOf(4)
	a := &mapi.Attachment{}
	a.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachByValue))
	a.Props.Set(mapi.PidTagAttachLongFilename, text("big.bin"))
	a.Props.Set(mapi.PidTagAttachDataBinary, mapi.BlobValue(mapi.TypeBinary, pattern(5<<20)))
	big.Attachments = append(big.Attachments, a)

	g := open(t, s, "route", "import")
	f, r := putIn(t, g, inbox, transport.Meta{}, outer(mailOf(10)))
	back := fetchObject(t, g, f, r.Ref)
	if d := mapitest.Diff(outer(mailOf(10)).Attachments[0].Embedded, back.Object.Attachments[0].Embedded); slices.ContainsFunc(d, func(s string) bool { return !strings.Contains(s, "only in the second") }) {
		t.Errorf("import: %q", d)
	}
	back.Close()

	g = open(t, s, "route", "json")
	f, r = putIn(t, g, inbox, transport.Meta{}, outer(mailOf(10)))
	back = fetchObject(t, g, f, r.Ref)
	if e := back.Object.Attachments[0].Embedded; e == nil || e.Props.Text(mapi.PidTagSubject) != "mail 10, Grüße" || len(e.Attachments) != 1 {
		t.Errorf("json: %+v", e)
	}
	back.Close()
	f, r = putIn(t, g, inbox, transport.Meta{}, outer(big))
	back = fetchObject(t, g, f, r.Ref)
	defer back.Close()
	b := back.Object.Attachments[0]
	if b.Embedded != nil || !strings.HasSuffix(b.Props.Text(mapi.PidTagAttachLongFilename), ".eml") || b.Data().Size() < 5<<20 || !lossOf(r, "attachment 1") {
		t.Errorf("large: %q, %d bytes, losses %v", b.Props.Text(mapi.PidTagAttachLongFilename), b.Data().Size(), r.Losses)
	}
}

// broken fails in the middle.
type broken struct{ pattern }

func (b broken) Open(ctx context.Context) (io.ReadCloser, error) {
	r, err := b.pattern.Open(ctx)
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(io.LimitReader(r, 1000), errReader{}), r}, err
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errors.New("the disk has a bad sector") }

// One item that cannot be read, and one that the service refuses, cost
// themselves only.
func TestT64OneBadItem(t *testing.T) {
	t.Parallel()
	for _, route := range []string{"import", "json"} {
		s := start(t, graphtest.Options{})
		g := open(t, s, "route", route)
		f, err := g.Ensure(t.Context(), inbox)
		if err != nil {
			t.Fatal(err)
		}
		var items []transport.Staged
		for i := range 6 {
			m := mailOf(5 * (i + 1))
			if i == 2 {
				m.Attachments[0].Props.Set(mapi.PidTagAttachDataBinary, mapi.BlobValue(mapi.TypeBinary, broken{pattern(2000)}))
			}
			items = append(items, transport.Staged{Content: &transport.Content{Form: transport.FormObject, Object: m}})
		}
		results, err := g.PutBatch(t.Context(), f, items)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range results {
			if (r.Err != nil) != (i == 2) || i != 2 && r.Receipt.Ref == "" {
				t.Errorf("%s: item %d: %+v", route, i, r)
			}
		}
		if n := len(listed(t, g, f)); n != 5 {
			t.Errorf("%s: %d items", route, n)
		}
		// And out again: one that cannot be exported.
		var keys []transport.Key
		for _, m := range listed(t, g, f) {
			keys = append(keys, m.Key)
		}
		keys = append(keys, keys[0]+"x")
		bad := 0
		for fe, err := range g.Fetch(t.Context(), f, keys, []transport.Form{transport.FormObject}) {
			if err != nil {
				t.Fatal(err)
			}
			if fe.Err != nil {
				bad++
			}
			fe.Content.Close()
		}
		if bad != 1 {
			t.Errorf("%s: %d bad items", route, bad)
		}
	}
}

// No more than four requests are in flight for a mailbox, and a wait that the
// service names is kept to by all.
func TestT65FourInFlight(t *testing.T) {
	t.Parallel()
	s := start(t, graphtest.Options{})
	g := open(t, s, "route", "json")
	f, err := g.Ensure(t.Context(), inbox)
	if err != nil {
		t.Fatal(err)
	}
	var items []transport.Staged
	for i := range 50 {
		items = append(items, transport.Staged{Content: &transport.Content{Form: transport.FormObject, Object: mailOf(i)}})
	}
	if _, err := g.PutBatch(t.Context(), f, items); err != nil {
		t.Fatal(err)
	}
	if s.Peak() > 4 || len(s.Exceeded()) > 0 {
		t.Errorf("%d at a time, %v", s.Peak(), s.Exceeded())
	}
	s.Inject(graphtest.Fault{Call: "messages.create", Status: 429, Code: "ApplicationThrottled", After: time.Second})
	begin := time.Now()
	_, err = g.Put(t.Context(), f, transport.Meta{}, items[0].Content)
	if transport.KindOf(err) != transport.Throttled || transport.RetryAfter(err) != time.Second {
		t.Errorf("the error is %v after %v", err, transport.RetryAfter(err))
	}
	if _, err = g.Put(t.Context(), f, transport.Meta{}, items[0].Content); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(begin); d < 900*time.Millisecond {
		t.Errorf("the next request went out after %v", d)
	}
}

// Where the service does not say how long to wait, the wait grows, with jitter.
func TestT66ThrottledWithoutRetryAfter(t *testing.T) {
	t.Parallel()
	s := start(t, graphtest.Options{Quirks: graphtest.Quirks{NoRetryAfter: true}})
	for range 3 {
		s.Inject(graphtest.Fault{Call: "messages.create", Status: 429, Code: "ApplicationThrottled"})
	}
	g := open(t, s, "route", "json")
	c := clock.NewFake(time.Now())
	sink := retry.Sink(g, retry.Policy{Clock: c, Jitter: func() float64 { return 0.5 }})
	f, err := sink.Ensure(t.Context(), inbox)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sink.Put(t.Context(), f, transport.Meta{Token: "x"}, &transport.Content{Form: transport.FormObject, Object: mailOf(1000)}); err != nil {
		t.Fatal(err)
	}
	waits := c.Slept()
	if len(waits) < 3 || waits[0] <= 0 || waits[1] <= waits[0] || waits[2] <= waits[1] {
		t.Errorf("waits %v", waits)
	}
	if n := len(listed(t, g, f)); n != 1 {
		t.Errorf("%d items", n)
	}
}

// A download that breaks off goes on where it was, or begins anew, and is whole.
func TestT67DownloadsThatBreakOff(t *testing.T) {
	t.Parallel()
	for _, noRange := range []bool{false, true} {
		s := start(t, graphtest.Options{Limits: graphtest.Limits{Message: 100 << 20}, Quirks: graphtest.Quirks{NoRange: noRange}})
		g := open(t, s, "route", "import")
		m := mailOf(2)
		a := &mapi.Attachment{}
		a.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachByValue))
		a.Props.Set(mapi.PidTagAttachLongFilename, text("a.bin"))
		a.Props.Set(mapi.PidTagAttachDataBinary, mapi.BlobValue(mapi.TypeBinary, pattern(6<<20)))
		m.Attachments = append(m.Attachments, a)
		f, r := putIn(t, g, inbox, transport.Meta{}, m)
		want := fetchMIME(t, g, f, r.Ref)
		for _, cut := range []int64{5 << 20, 1 << 20, 100} {
			s.Inject(graphtest.Fault{Call: "messages.value", Cut: cut})
		}
		s.ResetCalls()
		got := fetchMIME(t, g, f, r.Ref)
		if !bytes.Equal(got, want) {
			t.Errorf("no range %v: %d bytes became %d others", noRange, len(want), len(got))
		}
		var sent int64
		for _, q := range s.Log() {
			sent += q.Sent
		}
		if n := s.Calls()["messages.value"]; n != 4 || !noRange && sent > int64(len(want))*5/4 {
			t.Errorf("no range %v: %d requests, %d bytes for a mail of %d", noRange, n, sent, len(want))
		}
	}
}

// What is read is $value or a FastTransfer stream, never a mail made of JSON.
func TestT68NothingIsRebuilt(t *testing.T) {
	t.Parallel()
	s := start(t, graphtest.Options{})
	g := open(t, s, "route", "import")
	f, r := putIn(t, g, inbox, transport.Meta{}, received(5))
	s.ResetCalls()
	fetchMIME(t, g, f, r.Ref)
	fetchObject(t, g, f, r.Ref).Close()
	for call := range s.Calls() {
		if call != "messages.value" && call != "export" {
			t.Errorf("%s was called", call)
		}
	}
}

// A shared mailbox by its name, and any mailbox as an application on its own.
func TestT73SharedMailboxAndApplication(t *testing.T) {
	t.Parallel()
	s := start(t, graphtest.Options{})
	anna := "anna@" + s.Tenant()
	g := open(t, s, "mailbox", anna)
	var err error
	for _, err = range g.Folders(t.Context()) {
		break
	}
	if transport.KindOf(err) != transport.Auth || !strings.Contains(err.Error(), "login --explain") {
		t.Errorf("without rights the error is %v", err)
	}
	s.Mailbox(anna).Grant(s.Mailbox("zoe@"+s.Tenant()), 0, mailbox.FullAccess)
	g = open(t, s, "mailbox", anna)
	f, r := putIn(t, g, inbox, transport.Meta{}, mailOf(3))
	fetchObject(t, g, f, r.Ref).Close()

	e := env(t, s)
	e.Secret = func(context.Context, transport.Address) (string, error) { return s.AppToken(), nil }
	src, err := graph.Driver().Source(t.Context(), address(s, "mailbox", anna), e)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if m := listed(t, src.(*graph.Store), f); len(m) != 1 {
		t.Errorf("the application sees %d items", len(m))
	}
	fetchObject(t, src, f, r.Ref).Close()
}

// Requests for receipts are cleared, and said so; a draft keeps its own, and
// who asks for it keeps all.
func TestT74ReceiptsAreNotAskedForAgain(t *testing.T) {
	t.Parallel()
	s := start(t, graphtest.Options{})
	for _, route := range []string{"import", "json"} {
		for _, c := range []struct {
			meta  transport.Meta
			param string
			want  bool
		}{{transport.Meta{}, "clear", false}, {transport.Meta{Flags: transport.Draft}, "clear", true}, {transport.Meta{}, "keep", true}} {
			g := open(t, s, "route", route, "receipts", c.param)
			f, r := putIn(t, g, inbox, c.meta, mailOf(4))
			back := fetchObject(t, g, f, r.Ref)
			if got := back.Object.Props.Bool(mapi.PidTagReadReceiptRequested); got != c.want || lossOf(r, "PidTagReadReceiptRequested") == c.want {
				t.Errorf("%s, %+v: requested %v, losses %v", route, c, got, r.Losses)
			}
			back.Close()
		}
	}
}
