package ews_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/mapitest"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/clock"
	"github.com/mailconv/mailconv/transport/ews"
	"github.com/mailconv/mailconv/transport/ews/ewstest"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
	"github.com/mailconv/mailconv/transport/objecttest"
	"github.com/mailconv/mailconv/transport/retry"
)

const letter = "Message-ID: <one@x.example>\r\nFrom: Ann <ann@x.example>\r\nTo: ben@x.example\r\nDate: Tue, 14 May 2024 10:20:30 +0200\r\n" +
	"In-Reply-To: <zero@x.example>\r\nReferences: <first@x.example>\r\n <zero@x.example>\r\nSubject: a letter\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nGrüße\r\n"

var arrived = time.Date(2024, 5, 14, 8, 21, 0, 0, time.UTC)

func mimeContent(s string) *transport.Content {
	return &transport.Content{Form: transport.FormMIME, MIME: mapi.Bytes(s)}
}

func ensure(t testing.TB, st *ews.Store, path ...string) transport.Folder {
	t.Helper()
	f, err := st.Ensure(t.Context(), transport.Folder{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func put(t testing.TB, st *ews.Store, f transport.Folder, m transport.Meta, c *transport.Content) transport.Receipt {
	t.Helper()
	r, err := st.Put(t.Context(), f, m, c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// stored gives the objects of a folder as the server has them.
func stored(t testing.TB, s *ewstest.Server, user string, path ...string) []*mapi.Message {
	t.Helper()
	box, ok := s.Mailboxes().Mailbox(user)
	if !ok {
		t.Fatal("no mailbox of " + user)
	}
	return objecttest.Objects(t, box.Store(mailbox.StoreOptions{}))[transport.JoinPath(path)]
}

func one(t testing.TB, list []*mapi.Message) *mapi.Message {
	t.Helper()
	if len(list) != 1 {
		t.Fatalf("the server has %d items, not 1", len(list))
	}
	return list[0]
}

func TestT59ImportedMailIsNoDraftAndHasItsDates(t *testing.T) {
	for _, q := range []ewstest.Quirks{{}, ewstest.RealQuirks} {
		s := serve(t, ewstest.Options{Quirks: q})
		st := open(t, s)
		f := ensure(t, st, "Box")
		for _, flags := range []transport.Flags{0, transport.Seen, transport.Draft} {
			put(t, st, f, transport.Meta{Received: arrived, Flags: flags}, mimeContent(letter))
		}
		for i, m := range stored(t, s, alice, "Box") {
			n, _ := m.Props.Int(mapi.PidTagMessageFlags)
			if draft := n&8 != 0; draft != (i == 2) {
				t.Errorf("item %d: draft %v", i, draft)
			}
			if seen := n&1 != 0; seen != (i == 1) {
				t.Errorf("item %d: seen %v", i, seen)
			}
			if at := m.Props.Time(mapi.PidTagMessageDeliveryTime); !at.Equal(arrived) {
				t.Errorf("item %d arrived at %v", i, at)
			}
			if at := m.Props.Time(mapi.PidTagClientSubmitTime); !at.Equal(time.Date(2024, 5, 14, 8, 20, 30, 0, time.UTC)) {
				t.Errorf("item %d was sent at %v", i, at)
			}
		}
		for m, err := range st.Items(t.Context(), f, nil) {
			if err != nil || !m.Received.Equal(arrived) {
				t.Errorf("listed with %v, %v", m.Received, err)
			}
		}
	}
}

func TestT60ThreadingIsSetAtCreation(t *testing.T) {
	s := serve(t, ewstest.Options{})
	st := open(t, s)
	put(t, st, ensure(t, st, "Box"), transport.Meta{Received: arrived, Flags: transport.Seen | transport.Answered | transport.Flagged}, mimeContent(letter))
	m := one(t, stored(t, s, alice, "Box"))
	for tag, want := range map[mapi.Tag]string{
		mapi.PidTagInReplyToId: "<zero@x.example>", mapi.PidTagInternetReferences: "<first@x.example> <zero@x.example>", mapi.PidTagInternetMessageId: "<one@x.example>",
	} {
		if got := m.Props.Text(tag); got != want {
			t.Errorf("%v is %q, not %q", tag, got, want)
		}
	}
	for tag, want := range map[mapi.Tag]int64{mapi.PidTagLastVerbExecuted: 102, mapi.PidTagIconIndex: 0x105, mapi.PidTagFlagStatus: 2} {
		if got, _ := m.Props.Int(tag); got != want {
			t.Errorf("%v is %d, not %d", tag, got, want)
		}
	}
	if !strings.Contains(m.Props.Text(mapi.PidTagTransportMessageHeaders), "References: <first@x.example>") {
		t.Errorf("the stored header is %q", m.Props.Text(mapi.PidTagTransportMessageHeaders))
	}
}

func TestT61WhatIsTooLargeIsSaid(t *testing.T) {
	s := serve(t, ewstest.Options{MaxSize: 200 << 10})
	st := open(t, s)
	f := ensure(t, st, "Box")
	_, err := st.Put(t.Context(), f, transport.Meta{}, mimeContent(letter+strings.Repeat("0123456789abcdef\r\n", 20000)))
	if transport.KindOf(err) != transport.TooLarge {
		t.Errorf("%v is of kind %v", err, transport.KindOf(err))
	}
	put(t, st, f, transport.Meta{}, mimeContent(letter))
	if n := len(stored(t, s, alice, "Box")); n != 1 {
		t.Errorf("%d items are there", n)
	}
}

// embedding is a mail with a mail in it.
func embedding() *mapi.Message {
	m := mapitest.WithoutStorages(mapitest.Sample())
	m.Props.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Note"))
	return m
}

func TestT63EmbeddedMessagesStay(t *testing.T) {
	want := embedding()
	// As an object: the same inside.
	s := serve(t, ewstest.Options{})
	st := open(t, s)
	put(t, st, ensure(t, st, "Box"), transport.Meta{}, &transport.Content{Form: transport.FormObject, Object: want})
	got := one(t, stored(t, s, alice, "Box"))
	for i, a := range want.Attachments {
		if (a.Embedded == nil) != (got.Attachments[i].Embedded == nil) {
			t.Fatalf("attachment %d is no message any more", i)
		}
		if a.Embedded != nil {
			mapitest.Number(a.Embedded)
			for _, d := range mapitest.Diff(a.Embedded, got.Attachments[i].Embedded) {
				if !strings.Contains(d, "PtypErrorCode") {
					t.Error(d)
				}
			}
		}
	}
	// Without UploadItems: as a mail inside, with losses.
	s = serve(t, ewstest.Options{Without: []string{"UploadItems", "ExportItems"}})
	st = open(t, s)
	r := put(t, st, ensure(t, st, "Box"), transport.Meta{}, &transport.Content{Form: transport.FormObject, Object: want})
	if got := one(t, stored(t, s, alice, "Box")); !slices.ContainsFunc(got.Attachments, func(a *mapi.Attachment) bool { return a.Embedded != nil }) || r.Route != "mime" || len(r.Losses) == 0 {
		t.Errorf("route %s, %d losses, %d attachments", r.Route, len(r.Losses), len(got.Attachments))
	}
	// A contact with a mail in it: as a file, and it says so.
	contact := &mapi.Message{Attachments: want.Attachments}
	contact.Props.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Contact"))
	contact.Props.Set(mapi.PidTagDisplayName, mapi.StringValue("Ann"))
	r = put(t, st, ensure(t, st, "Contacts"), transport.Meta{Class: "IPM.Contact"}, &transport.Content{Form: transport.FormObject, Object: contact})
	if !slices.ContainsFunc(r.Losses, func(l mapi.Loss) bool {
		return l.Reason == mapi.LossApproximated && strings.HasSuffix(l.Item, ".eml")
	}) {
		t.Errorf("losses %v", r.Losses)
	}
}

// brokenBlob fails in the middle.
type brokenBlob struct{ mapi.Blob }

func (b brokenBlob) Open(ctx context.Context) (io.ReadCloser, error) {
	r, err := b.Blob.Open(ctx)
	if err != nil {
		return nil, err
	}
	return io.NopCloser(io.MultiReader(io.LimitReader(r, b.Size()/2), failing{})), nil
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, fmt.Errorf("a bad sector") }

func TestT64OneBrokenItemCostsItself(t *testing.T) {
	for name, c := range map[string]struct {
		o     ewstest.Options
		fault *ewstest.Fault
	}{
		"a body that cannot be read":                           {},
		"an item that the server refuses, by a fault over all": {fault: &ewstest.Fault{Kind: ewstest.Busy, Operation: "CreateItem", Code: "ErrorItemCorrupt", Times: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, c.o)
			st := open(t, s)
			f := ensure(t, st, "Box")
			if c.fault != nil {
				s.Inject(*c.fault)
			}
			var items []transport.Staged
			for i := range 10 {
				items = append(items, transport.Staged{Content: mimeContent(strings.Replace(letter, "a letter", fmt.Sprintf("letter %d", i), 1))})
			}
			if c.fault == nil {
				items[4].Content.MIME = brokenBlob{mapi.Bytes(letter + strings.Repeat("x\r\n", 100000))}
			}
			res, err := st.PutBatch(t.Context(), f, items)
			if err != nil {
				t.Fatal(err)
			}
			good := 0
			for i, r := range res {
				if r.Err == nil {
					good++
				} else if i != 4 {
					t.Errorf("item %d: %v", i, r.Err)
				}
			}
			if want := len(stored(t, s, alice, "Box")); good != want || good < 9 {
				t.Errorf("%d are said to be there, %d are", good, want)
			}
		})
	}
	// Reading: what the server can make no MIME of comes as an object, else it
	// has an error, and the others come.
	for name, without := range map[string][]string{"objects": nil, "no objects": {"UploadItems", "ExportItems"}} {
		s := serve(t, ewstest.Options{Without: without})
		st := open(t, s)
		f := ensure(t, st, "Box")
		for range 3 {
			put(t, st, f, transport.Meta{}, mimeContent(letter))
		}
		s.Inject(ewstest.Fault{Kind: ewstest.Code, Operation: "GetItem", Code: "ErrorItemCorrupt"})
		n := 0
		for fe, err := range st.Fetch(t.Context(), f, keysOf(t, st, f), nil) {
			if err != nil {
				t.Fatal(err)
			}
			if without == nil && (fe.Err != nil || fe.Content.Form != transport.FormObject) || without != nil && transport.KindOf(fe.Err) != transport.Rejected {
				t.Errorf("%s: %v", name, fe.Err)
			}
			fe.Content.Close()
			n++
		}
		if n != 3 {
			t.Errorf("%s: %d answers", name, n)
		}
	}
}

func keysOf(t testing.TB, st *ews.Store, f transport.Folder) []transport.Key {
	t.Helper()
	var keys []transport.Key
	for m, err := range st.Items(t.Context(), f, nil) {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, m.Key)
	}
	return keys
}

func TestT65NoMoreRequestsAtOnceThanAllowed(t *testing.T) {
	s := serve(t, ewstest.Options{Connections: 4, Latency: 2 * time.Millisecond})
	st := open(t, s)
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			f, err := st.Ensure(t.Context(), transport.Folder{Path: []string{fmt.Sprintf("Box %d", i)}})
			if err != nil {
				t.Error(err)
				return
			}
			for range 5 {
				if _, err := st.Put(t.Context(), f, transport.Meta{}, mimeContent(letter)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if s.Exceeded() > 0 || s.Peak(alice) > 4 {
		t.Errorf("the limit was exceeded %d times, %d at once", s.Exceeded(), s.Peak(alice))
	}
}

// waits runs work through the retries with a clock that does not wait, and
// gives the waits.
func waits(t testing.TB, st *ews.Store, work func(sink transport.Sink) error) []time.Duration {
	t.Helper()
	var list []time.Duration
	sink := retry.Sink(st, retry.Policy{Clock: clock.NewFake(time.Now()), Notify: func(e retry.Event) { list = append(list, e.Wait) }})
	if err := work(sink); err != nil {
		t.Error(err)
	}
	return list
}

func TestT66T69WaitsAreKeptAndHaveAFloor(t *testing.T) {
	wait := 7 * time.Second
	for name, c := range map[string]struct {
		f    ewstest.Fault
		want time.Duration // 0: growing waits of our own
	}{
		"busy":                       {ewstest.Fault{Kind: ewstest.Busy, Wait: wait}, wait},
		"busy in a body":             {ewstest.Fault{Kind: ewstest.BusyInBody, Wait: wait}, wait},
		"busy for an item":           {ewstest.Fault{Kind: ewstest.Code, Code: "ErrorServerBusy", Wait: wait}, wait},
		"connections, backoff 0":     {ewstest.Fault{Kind: ewstest.Busy, Code: "ErrorExceededConnectionCount", ZeroWait: true, Times: 3}, 0},
		"busy without a wait":        {ewstest.Fault{Kind: ewstest.Busy, Times: 3}, 0},
		"429 with Retry-After":       {ewstest.Fault{Kind: ewstest.Status, Status: 429, Wait: wait}, wait},
		"429 without":                {ewstest.Fault{Kind: ewstest.Status, Status: 429, Times: 3}, 0},
		"503 with Retry-After":       {ewstest.Fault{Kind: ewstest.Status, Status: 503, Wait: wait}, wait},
		"a dropped connection":       {ewstest.Fault{Kind: ewstest.Drop, Times: 2}, 0},
		"an answer that is no XML":   {ewstest.Fault{Kind: ewstest.Garbage, Times: 2}, 0},
		"an answer that breaks off":  {ewstest.Fault{Kind: ewstest.Cut, After: 300}, 0},
		"an answer that is not sent": {ewstest.Fault{Kind: ewstest.DropAfter}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, ewstest.Options{})
			st := open(t, s)
			f := ensure(t, st, "Box")
			c.f.Operation = "CreateItem"
			s.Inject(c.f)
			list := waits(t, st, func(sink transport.Sink) error {
				_, err := sink.Put(t.Context(), f, transport.Meta{Token: "t1", MessageID: "<one@x.example>"}, mimeContent(letter))
				return err
			})
			if n := max(c.f.Times, 1); len(list) != n {
				t.Errorf("%d waits, not %d: %v", len(list), n, list)
			}
			for i, d := range list {
				if c.want > 0 && d != c.want || d < 500*time.Millisecond<<i && c.want == 0 {
					t.Errorf("waits %v", list)
				}
			}
			// Time was lost, mail was not, and none came twice.
			if n := len(stored(t, s, alice, "Box")); n != 1 {
				t.Errorf("%d items are there", n)
			}
		})
	}
}

func TestT67AReplyThatBreaksOffIsReadAgain(t *testing.T) {
	s := serve(t, ewstest.Options{})
	st := open(t, s)
	f := ensure(t, st, "Box")
	data := make([]byte, 3<<20)
	for i := range data {
		data[i] = byte(i * 7 >> 3)
	}
	want := sha256.Sum256(data)
	m := &mapi.Message{}
	m.Props.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Note"))
	a := &mapi.Attachment{}
	a.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachByValue))
	a.Props.Set(mapi.PidTagAttachDataBinary, mapi.BinaryValue(data))
	m.Attachments = append(m.Attachments, a)
	put(t, st, f, transport.Meta{}, &transport.Content{Form: transport.FormObject, Object: m})
	for _, form := range []transport.Form{transport.FormObject, transport.FormMIME} {
		op := map[transport.Form]string{transport.FormObject: "ExportItems", transport.FormMIME: "GetItem"}[form]
		for _, after := range []int64{100, 1 << 20, 2 << 20} {
			s.Inject(ewstest.Fault{Kind: ewstest.Cut, Operation: op, After: after})
		}
		src := retry.Source(st, retry.Policy{Clock: clock.NewFake(time.Now())})
		n := 0
		for fe, err := range src.Fetch(t.Context(), f, keysOf(t, st, f), []transport.Form{form}) {
			if err != nil || fe.Err != nil {
				t.Fatal(form, err, fe.Err)
			}
			n++
			c := fe.Content
			if c.Form == transport.FormMIME {
				var err error
				if c, err = (&converters.Converter{}).ToObject(t.Context(), c); err != nil {
					t.Fatal(err)
				}
			}
			b, err := mapi.ReadBlob(t.Context(), c.Object.Attachments[0].Data(), 1<<30)
			if err != nil || sha256.Sum256(b) != want {
				t.Errorf("%s: the attachment is another: %v", form, err)
			}
			fe.Content.Close()
		}
		if n != 1 {
			t.Errorf("%s: %d items", form, n)
		}
	}
}

func TestT68ItemsAreReadWhole(t *testing.T) {
	s := serve(t, ewstest.Options{})
	st := open(t, s)
	f := ensure(t, st, "Box")
	put(t, st, f, transport.Meta{}, mimeContent(letter))
	for _, want := range [][]transport.Form{nil, {transport.FormMIME}, {transport.FormObject}} {
		for fe, err := range st.Fetch(t.Context(), f, keysOf(t, st, f), want) {
			if err != nil || fe.Err != nil {
				t.Fatal(err, fe.Err)
			}
			fe.Content.Close()
		}
	}
	// A mail is never put together of its fields.
	if n := s.Requests("GetAttachment"); n != 0 || s.Requests("ExportItems") != 1 {
		t.Errorf("requests %v", s.Counts())
	}
}

func TestT70VersionIsNegotiatedDown(t *testing.T) {
	for _, v := range []string{"Exchange2013", "Exchange2010_SP2", "Exchange2010_SP1", "Exchange2010", "Exchange2007_SP1"} {
		s := serve(t, ewstest.Options{Version: v})
		st := open(t, s)
		f := ensure(t, st, "Box")
		put(t, st, f, transport.Meta{}, mimeContent(letter))
		if n := len(keysOf(t, st, f)); n != 1 {
			t.Errorf("%s: %d items", v, n)
		}
	}
	s := serve(t, ewstest.Options{Version: "Exchange2007"})
	if _, err := ews.OpenAddress(t.Context(), address(s, alice), environment(t.TempDir())); transport.KindOf(err) != transport.Unavailable {
		t.Errorf("Exchange2007: %v", err)
	}
}

func TestT73SharedMailboxesAndImpersonation(t *testing.T) {
	boxes := mailbox.New(mailbox.Options{TempDir: t.TempDir()})
	defer boxes.Close()
	a := boxes.Add(mailbox.Account{Address: alice, Password: password})
	bob := boxes.Add(mailbox.Account{Address: "bob@example.test", Password: "other"})
	boxes.Add(mailbox.Account{Address: "carol@example.test", Password: "other"})
	bob.Grant(a, 0, mailbox.FullAccess)
	boxes.AllowImpersonation(alice, "carol@example.test")
	var mu sync.Mutex
	anchors := map[string]bool{}
	s := serve(t, ewstest.Options{Mailboxes: boxes, Record: func(x ewstest.Exchange) {
		mu.Lock()
		anchors[x.RequestHeader.Get("X-AnchorMailbox")] = true
		mu.Unlock()
		record(x)
	}})
	for param, user := range map[string]string{"mailbox": "bob@example.test", "impersonate": "carol@example.test"} {
		st := open(t, s, param, user)
		put(t, st, ensure(t, st, "Box"), transport.Meta{}, mimeContent(letter))
		one(t, stored(t, s, user, "Box"))
		if !anchors[user] {
			t.Errorf("%s: no request named the mailbox in X-AnchorMailbox: %v", param, anchors)
		}
	}
	// What is not allowed is an error that says so.
	for param, want := range map[string]transport.Kind{"mailbox": transport.Permanent, "impersonate": transport.Auth} {
		_, err := ews.OpenAddress(t.Context(), address(s, alice, param, map[string]string{"mailbox": "carol@example.test", "impersonate": "bob@example.test"}[param]), environment(t.TempDir()))
		if err == nil || transport.KindOf(err) != want && transport.KindOf(err) != transport.NotFound {
			t.Errorf("%s: %v is of kind %v", param, err, transport.KindOf(err))
		}
	}
}

func TestT74NoReadReceiptIsSentForOldMail(t *testing.T) {
	asks := strings.Replace(letter, "Subject:", "Disposition-Notification-To: ann@x.example\r\nSubject:", 1)
	object := &mapi.Message{}
	object.Props.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Note"))
	object.Props.Set(mapi.PidTagReadReceiptRequested, mapi.BoolValue(true))
	for name, c := range map[string]*transport.Content{"mime": mimeContent(asks), "object": {Form: transport.FormObject, Object: object}} {
		for _, keep := range []bool{false, true} {
			s := serve(t, ewstest.Options{})
			var params []string
			if keep {
				params = []string{"receipts", "keep"}
			}
			st := open(t, s, params...)
			r := put(t, st, ensure(t, st, "Box"), transport.Meta{}, c)
			m := one(t, stored(t, s, alice, "Box"))
			if m.Props.Bool(mapi.PidTagReadReceiptRequested) != keep {
				t.Errorf("%s: keep %v, the item asks: %v", name, keep, !keep)
			}
			if told := slices.ContainsFunc(r.Losses, func(l mapi.Loss) bool { return l.Reason == mapi.LossPolicy }); told == keep {
				t.Errorf("%s: keep %v, the change is told: %v", name, keep, told)
			}
		}
	}
	if b, _ := mapi.ReadBlob(t.Context(), mapi.Bytes(asks), 1<<20); !bytes.Contains(b, []byte("Disposition-Notification-To")) {
		t.Error("the mail itself was changed")
	}
}
