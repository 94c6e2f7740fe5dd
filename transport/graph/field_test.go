package graph_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/converters/migrate"
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/clock"
	"github.com/mailconv/mailconv/transport/graph"
	"github.com/mailconv/mailconv/transport/graph/graphtest"
	"github.com/mailconv/mailconv/transport/mem"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
	"github.com/mailconv/mailconv/transport/retry"
)

// The cases of this file are what users of other tools met with Graph.

// ask is a look at the mailbox that shares no code with the driver.
func ask(t *testing.T, s *graphtest.Server, path string) map[string]any {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+"/users/zoe@"+s.Tenant()+"/"+strings.ReplaceAll(path, " ", "%20"), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.AppToken())
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %s %v", path, resp.StatusCode, b, err)
	}
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		return map[string]any{"text": string(b)}
	}
	o := map[string]any{}
	if err := json.Unmarshal(b, &o); err != nil {
		t.Fatal(err)
	}
	return o
}

func list(t *testing.T, s *graphtest.Server, path string) (out []map[string]any) {
	t.Helper()
	for _, v := range ask(t, s, path)["value"].([]any) {
		out = append(out, v.(map[string]any))
	}
	return out
}

// put writes one item into a folder of zoe's.
func put(t *testing.T, st *graph.Store, folder string, m *mapi.Message, meta transport.Meta) (transport.Receipt, error) {
	t.Helper()
	f, err := st.Ensure(t.Context(), transport.Folder{Path: []string{folder}})
	if err != nil {
		t.Fatal(err)
	}
	meta.Class = m.Class()
	return st.Put(t.Context(), f, meta, &transport.Content{Form: transport.FormObject, Object: m})
}

// old is a mail of years ago, in the middle of a thread.
func old() *mapi.Message {
	m := mailOf(1)
	m.Attachments = nil
	p := &m.Props
	p.Set(mapi.PidTagMessageFlags, mapi.Int32Value(1))
	p.Set(mapi.PidTagClientSubmitTime, mapi.TimeValue(time.Date(2011, 2, 3, 4, 5, 6, 0, time.UTC)))
	p.Set(mapi.PidTagMessageDeliveryTime, mapi.TimeValue(time.Date(2011, 2, 3, 4, 6, 0, 0, time.UTC)))
	p.Set(mapi.PidTagInReplyToId, text("<parent@mixed.example>"))
	p.Set(mapi.PidTagInternetReferences, text("<root@mixed.example> <parent@mixed.example>"))
	p.Set(mapi.PidTagTransportMessageHeaders, text("Received: from a.example by b.example; Thu, 3 Feb 2011 04:06:00 +0000\r\n"+
		"From: Ann <ann@mixed.example>\r\nTo: Ben <ben@mixed.example>\r\nSubject: mail 1, =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"+
		"Date: Thu, 3 Feb 2011 04:05:06 +0000\r\nMessage-ID: <mail.1@mixed.example>\r\nX-Own: kept\r\n"+
		"In-Reply-To: <parent@mixed.example>\r\nReferences: <root@mixed.example>\r\n <parent@mixed.example>\r\n"))
	return m
}

// T59, T60: what comes in is no draft, has the dates that it had, is read or
// not as it was, and stands in its thread.
func TestNoDraftAndInItsThread(t *testing.T) {
	for _, route := range []string{"import", "json", "auto"} {
		for _, read := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s read=%v", route, read), func(t *testing.T) {
				s := start(t, graphtest.Options{})
				meta := transport.Meta{Received: time.Date(2011, 2, 3, 4, 6, 0, 0, time.UTC)}
				if read {
					meta.Flags = transport.Seen
				}
				if _, err := put(t, open(t, s, "route", route), "Inbox", old(), meta); err != nil {
					t.Fatal(err)
				}
				l := list(t, s, "mailFolders/inbox/messages")
				if len(l) != 1 {
					t.Fatalf("%d mails", len(l))
				}
				for name, want := range map[string]any{
					"isDraft": false, "isRead": read, "receivedDateTime": "2011-02-03T04:06:00Z", "sentDateTime": "2011-02-03T04:05:06Z", "internetMessageId": "<mail.1@mixed.example>",
				} {
					if l[0][name] != want {
						t.Errorf("%s is %v, not %v", name, l[0][name], want)
					}
				}
				mail := ask(t, s, "messages/"+l[0]["id"].(string)+"/$value")["text"].(string)
				for _, line := range []string{
					"Received: from a.example by b.example", "In-Reply-To: <parent@mixed.example>", "References: <root@mixed.example>", "Date: Thu, 3 Feb 2011 04:05:06 +0000", "X-Own: kept",
				} {
					if !strings.Contains(mail, line) {
						t.Errorf("no %q in\n%s", line, mail)
					}
				}
			})
		}
	}
}

// bigMail is a mail with an attachment of n bytes.
func bigMail(n int) *mapi.Message {
	m := mailOf(2)
	a := &mapi.Attachment{}
	a.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachByValue))
	a.Props.Set(mapi.PidTagAttachLongFilename, text("large.bin"))
	a.Props.Set(mapi.PidTagAttachDataBinary, mapi.BlobValue(mapi.TypeBinary, pattern(n)))
	m.Attachments = []*mapi.Attachment{a}
	return m
}

// T61: a mail of MIME that the service loses while it says that all went well is
// found out, and so is one that is too large.
func TestMailsThatTheServiceLoses(t *testing.T) {
	mail := func(n int) *transport.Content {
		var b bytes.Buffer
		fmt.Fprintf(&b, "From: a@b.example\r\nSubject: large\r\nMessage-ID: <l@b.example>\r\nDate: Thu, 3 Feb 2011 04:05:06 +0000\r\n\r\n")
		for b.Len() < n {
			b.WriteString("0123456789 0123456789 0123456789 0123456789 0123456789\r\n")
		}
		return &transport.Content{Form: transport.FormMIME, MIME: mapi.Bytes(b.Bytes())}
	}
	s := start(t, graphtest.Options{Quirks: graphtest.Quirks{LoseLargeMIME: 2 << 20}})
	st := open(t, s, "route", "mime")
	f, err := st.Ensure(t.Context(), transport.Folder{Path: []string{"Inbox"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.Put(t.Context(), f, transport.Meta{}, mail(1<<20)); err != nil {
		t.Errorf("a mail of 1 MB: %v", err)
	}
	if r, err := st.Put(t.Context(), f, transport.Meta{}, mail(5<<19)); err == nil {
		t.Errorf("a mail was lost, and the receipt says %+v", r)
	}
	if l := list(t, s, "mailFolders/inbox/messages"); len(l) != 1 {
		t.Errorf("%d mails are there", len(l))
	}
	if _, err := st.Put(t.Context(), f, transport.Meta{}, mail(4<<20)); transport.KindOf(err) != transport.TooLarge {
		t.Errorf("a mail of 4 MB: %v", err)
	}
	// As an object the same size has its way.
	s = start(t, graphtest.Options{})
	if _, err := put(t, open(t, s, "route", "json"), "Inbox", bigMail(4<<20), transport.Meta{}); err != nil {
		t.Errorf("4 MB by json: %v", err)
	}
}

// T62: attachments from 3 MB on go by an upload session, and come back by
// $value.
func TestLargeAttachmentsGoBySession(t *testing.T) {
	s := start(t, graphtest.Options{})
	st := open(t, s, "route", "json")
	for _, n := range []int{3<<20 - 1, 3 << 20, 9 << 20} {
		if _, err := put(t, st, fmt.Sprintf("Size %d", n), bigMail(n), transport.Meta{}); err != nil {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	if calls := s.Calls(); calls["upload.create"] != 2 || calls["upload.put"] != 1+3 {
		t.Errorf("calls: %v", calls)
	}
	s.ResetCalls()
	seen := 0
	each(t, open(t, s), func(_ transport.Folder, _ transport.Meta, c *transport.Content) {
		n := c.Object.Attachments[0].Data().Size()
		want, _ := io.ReadAll(mustOpen(t, pattern(n)))
		got, _ := io.ReadAll(mustOpen(t, c.Object.Attachments[0].Data()))
		if !bytes.Equal(got, want) {
			t.Errorf("%d bytes came back otherwise", n)
		}
		seen++
	})
	if seen != 3 {
		t.Errorf("%d mails came back", seen)
	}
}

func mustOpen(t *testing.T, b mapi.Blob) io.Reader {
	t.Helper()
	r, err := b.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// T62: a session that ends in the middle costs a second try, never the
// attachment.
func TestUploadSessionsThatEnd(t *testing.T) {
	for what, f := range map[string]graphtest.Fault{
		"in the middle":            {Call: "upload.put", Nth: 2, Status: 404},
		"before the last range":    {Call: "upload.put", Nth: 3, Status: 404},
		"the last reply is lost":   {Call: "upload.put", Nth: 3, Lose: true},
		"the last one is too busy": {Call: "upload.put", Nth: 3, Status: 503},
	} {
		t.Run(what, func(t *testing.T) {
			s := start(t, graphtest.Options{})
			s.Inject(f)
			if strings.Contains(what, "busy") {
				// And then nobody knows of the session any more.
				s.Inject(graphtest.Fault{Call: "upload.get", Status: 404})
			}
			src := mem.New(mem.Options{Forms: []transport.Form{transport.FormObject}})
			in, _ := src.Ensure(t.Context(), transport.Folder{Path: []string{"Inbox"}, Role: transport.RoleInbox})
			m := bigMail(9 << 20)
			if _, err := src.PutBatch(t.Context(), in, []transport.Staged{{Meta: transport.Meta{Class: "IPM.Note"}, Content: &transport.Content{Form: transport.FormObject, Object: m}}}); err != nil {
				t.Fatal(err)
			}
			if r := copyAll(t, src, open(t, s, "route", "json"), filepath.Join(t.TempDir(), "state")); r.Copied != 1 {
				t.Errorf("%+v", r)
			}
			l := list(t, s, "mailFolders/inbox/messages?$expand=attachments($select=name,size)")
			if len(l) != 1 {
				t.Fatalf("%d mails", len(l))
			}
			if a := l[0]["attachments"].([]any); len(a) != 1 || a[0].(map[string]any)["size"].(float64) < 9<<20 {
				t.Errorf("attachments: %v", a)
			}
		})
	}
}

// T63: a message within a message is whole by import, and by json a message
// still, or a file with an entry in the list of losses.
func TestMessagesWithinMessages(t *testing.T) {
	outer := func(size int) *mapi.Message {
		m := mailOf(1)
		a := &mapi.Attachment{Embedded: old()}
		if size > 0 {
			a.Embedded = bigMail(size)
		}
		a.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachEmbedded))
		a.Props.Set(mapi.PidTagDisplayName, text("inner"))
		m.Attachments = []*mapi.Attachment{a}
		return m
	}
	for _, c := range []struct {
		route string
		size  int
		typ   string
		loss  bool
	}{
		{"import", 0, "#microsoft.graph.itemAttachment", false},
		{"import", 5 << 20, "#microsoft.graph.itemAttachment", false},
		{"json", 0, "#microsoft.graph.itemAttachment", false},
		{"json", 5 << 20, "#microsoft.graph.fileAttachment", true},
	} {
		t.Run(fmt.Sprintf("%s %d", c.route, c.size), func(t *testing.T) {
			s := start(t, graphtest.Options{})
			r, err := put(t, open(t, s, "route", c.route), "Inbox", outer(c.size), transport.Meta{})
			if err != nil {
				t.Fatal(err)
			}
			l := list(t, s, "mailFolders/inbox/messages?$expand=attachments")
			a := l[0]["attachments"].([]any)
			if len(a) != 1 || a[0].(map[string]any)["@odata.type"] != c.typ {
				t.Fatalf("attachments: %v", a[0].(map[string]any)["@odata.type"])
			}
			lost := slices.ContainsFunc(r.Losses, func(l mapi.Loss) bool { return strings.Contains(l.Detail, "written as a file") })
			if lost != c.loss {
				t.Errorf("losses: %v", r.Losses)
			}
			inner := ask(t, s, "messages/"+l[0]["id"].(string)+"/attachments/"+a[0].(map[string]any)["id"].(string)+"/$value")["text"].(string)
			if !strings.Contains(inner, "ann@mixed.example") {
				t.Errorf("the inner mail: %.300s", inner)
			}
		})
	}
}

// T64: one item that the service cannot give costs itself only.
func TestOneBadItem(t *testing.T) {
	for _, form := range []transport.Form{transport.FormMIME, transport.FormObject} {
		t.Run(string(form), func(t *testing.T) {
			s := start(t, graphtest.Options{Limits: wide})
			box := s.Mailbox("zoe@" + s.Tenant())
			inbox, _ := box.WellKnown(mailbox.Inbox)
			for i := range 12 {
				if _, err := box.Create(t.Context(), inbox.ID, mailOf(i+2), mailbox.CreateOptions{}); err != nil {
					t.Fatal(err)
				}
			}
			st := open(t, s)
			var bad transport.Key
			for f, err := range st.Folders(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				for m := range st.Items(t.Context(), f, nil) {
					bad = m.Key
				}
			}
			s.Inject(graphtest.Fault{Call: "messages.value", Path: string(bad), Times: -1, Status: 500, Code: "ErrorContentConversionFailed"})
			s.Inject(graphtest.Fault{Call: "export.item", Path: string(bad), Times: -1, Status: 500, Code: "ErrorCorruptData"})
			sink := mem.New(mem.Options{Forms: []transport.Form{form}})
			l, err := ledger.Open(t.Context(), filepath.Join(t.TempDir(), "state"), ledger.Pair{Source: "graph", Sink: "mem"})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			r, err := migrate.Run(t.Context(), open(t, s), sink, l, migrate.Options{Converter: &converters.Converter{}, Retry: retry.Policy{Attempts: 2, First: time.Millisecond, Max: time.Millisecond}})
			if err != nil {
				t.Fatal(err)
			}
			if r.Copied != 11 || r.Failed != 1 {
				t.Errorf("%+v", r)
			}
		})
	}
}

// T65, T66: mailboxes in parallel keep to four requests each; and where the
// service says too fast without saying how long, the waits grow.
func TestTooFast(t *testing.T) {
	boxes := mailbox.New(mailbox.Options{})
	defer boxes.Close()
	for i := range 20 {
		boxes.Add(mailbox.Account{Address: fmt.Sprintf("u%d@mailconv.example", i)})
	}
	s := start(t, graphtest.Options{Mailboxes: boxes})
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			a := address(s, "route", "import")
			a.User = fmt.Sprintf("u%d", i)
			e := &transport.Env{Convert: &converters.Converter{}, TempDir: t.TempDir(), Secret: func(context.Context, transport.Address) (string, error) { return s.AppToken(), nil }}
			sink, err := graph.Driver().Sink(t.Context(), a, e)
			if err != nil {
				t.Error(err)
				return
			}
			defer sink.Close()
			f, err := sink.Ensure(t.Context(), transport.Folder{Path: []string{"Inbox"}})
			if err != nil {
				t.Error(err)
				return
			}
			var batch []transport.Staged
			for k := range 20 {
				m := mailOf(k + 2)
				batch = append(batch, transport.Staged{Meta: transport.Meta{Class: "IPM.Note"}, Content: &transport.Content{Form: transport.FormObject, Object: m}})
			}
			results, err := sink.(transport.BatchSink).PutBatch(t.Context(), f, batch)
			if err != nil {
				t.Error(err)
			}
			for _, r := range results {
				if r.Err != nil {
					t.Error(r.Err)
				}
			}
		})
	}
	wg.Wait()
	if e := s.Exceeded(); len(e) > 0 || s.Peak() > 4 || s.Peak() < 2 {
		t.Errorf("%d at once, %v", s.Peak(), e)
	}

	s = start(t, graphtest.Options{Quirks: graphtest.Quirks{NoRetryAfter: true}})
	s.Inject(graphtest.Fault{Call: "messages.value", Nth: 1, Times: 4, Status: 429})
	box := s.Mailbox("zoe@" + s.Tenant())
	inbox, _ := box.WellKnown(mailbox.Inbox)
	if _, err := box.Create(t.Context(), inbox.ID, mailOf(2), mailbox.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	clk := clock.NewFake(time.Now())
	l, err := ledger.Open(t.Context(), filepath.Join(t.TempDir(), "state"), ledger.Pair{Source: "graph", Sink: "mem"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r, err := migrate.Run(t.Context(), open(t, s), mem.New(mem.Options{Forms: []transport.Form{transport.FormMIME}}), l, migrate.Options{Retry: retry.Policy{Clock: clk}})
	if err != nil || r.Copied != 1 {
		t.Errorf("%+v %v", r, err)
	}
	waits := clk.Slept()
	if len(waits) != 4 || waits[0] < 500*time.Millisecond || waits[3] < 2*waits[0] {
		t.Errorf("waits: %v", waits)
	}
}

// T67: a download that breaks off after 25 MB goes on where it was, or from the
// start where the service gives no ranges, and is the same mail.
func TestDownloadsThatBreakOff(t *testing.T) {
	for _, norange := range []bool{false, true} {
		s := start(t, graphtest.Options{Limits: wide, Quirks: graphtest.Quirks{NoRange: norange}})
		box := s.Mailbox("zoe@" + s.Tenant())
		inbox, _ := box.WellKnown(mailbox.Inbox)
		if _, err := box.Create(t.Context(), inbox.ID, bigMail(20<<20), mailbox.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		id := list(t, s, "mailFolders/inbox/messages")[0]["id"].(string)
		want := ask(t, s, "messages/"+id+"/$value")["text"].(string)
		if len(want) < 26<<20 {
			t.Fatalf("the mail has only %d bytes", len(want))
		}
		s.Inject(graphtest.Fault{Call: "messages.value", Cut: 25 << 20})
		s.ResetCalls()
		st := open(t, s)
		var got []byte
		for f, err := range st.Folders(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			for m := range st.Items(t.Context(), f, nil) {
				for fe, err := range st.Fetch(t.Context(), f, []transport.Key{m.Key}, []transport.Form{transport.FormMIME}) {
					if err != nil || fe.Err != nil {
						t.Fatal(err, fe.Err)
					}
					got, _ = io.ReadAll(mustOpen(t, fe.Content.MIME))
					fe.Content.Close()
				}
			}
		}
		if string(got) != want {
			t.Errorf("%d bytes came, of %d", len(got), len(want))
		}
		if n := s.Calls()["messages.value"]; n != 2 {
			t.Errorf("it took %d requests", n)
		}
	}
}

// T68: an export is the mail itself or the item itself, never put together from
// fields.
func TestExportsAreNotPutTogether(t *testing.T) {
	for form, calls := range map[transport.Form][]string{
		transport.FormMIME:   {"messages.value"},
		transport.FormObject: {"export"},
	} {
		s := start(t, graphtest.Options{Limits: wide})
		box := s.Mailbox("zoe@" + s.Tenant())
		inbox, _ := box.WellKnown(mailbox.Inbox)
		for i := range 25 {
			if _, err := box.Create(t.Context(), inbox.ID, mailOf(i+2), mailbox.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		if r := copyAll(t, open(t, s), mem.New(mem.Options{Forms: []transport.Form{form}}), filepath.Join(t.TempDir(), "state")); r.Copied != 25 {
			t.Errorf("%+v", r)
		}
		for name := range s.Calls() {
			switch {
			case slices.Contains(calls, name), strings.HasPrefix(name, "folders."), strings.HasPrefix(name, "boxfolders."), name == "messages.list", name == "messages.delta",
				strings.HasPrefix(name, "boxitems."), name == "settings.exchange", name == "calendars.list", name == "contactfolders.list", name == "todolists.list", name == "users.get":
			default:
				t.Errorf("%s: %s", form, name)
			}
		}
		if form == transport.FormObject && s.Calls()["export"] != 2 {
			t.Errorf("25 items took %d exports", s.Calls()["export"])
		}
	}
}

// T73: the mailbox of another, for a person who was let in and for an
// application; and who was not let in hears so.
func TestOtherMailboxes(t *testing.T) {
	s := start(t, graphtest.Options{})
	anna := s.Mailbox("anna@" + s.Tenant())
	inbox, _ := anna.WellKnown(mailbox.Inbox)
	if _, err := anna.Create(t.Context(), inbox.ID, mailOf(2), mailbox.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	look := func(token string) (int, error) {
		e := &transport.Env{TempDir: t.TempDir(), Secret: func(context.Context, transport.Address) (string, error) { return token, nil }}
		src, err := graph.Driver().Source(t.Context(), address(s, "mailbox", "anna@"+s.Tenant()), e)
		if err != nil {
			return 0, err
		}
		defer src.Close()
		n := 0
		for f, err := range src.Folders(t.Context()) {
			if err != nil {
				return n, err
			}
			for _, err := range src.Items(t.Context(), f, nil) {
				if err != nil {
					return n, err
				}
				n++
			}
		}
		return n, nil
	}
	if _, err := look(s.Token("zoe@" + s.Tenant())); transport.KindOf(err) != transport.Auth {
		t.Errorf("a stranger: %v", err)
	}
	anna.Grant(s.Mailbox("zoe@"+s.Tenant()), 0, mailbox.FullAccess)
	if n, err := look(s.Token("zoe@" + s.Tenant())); err != nil || n != 1 {
		t.Errorf("a person with rights: %d, %v", n, err)
	}
	if n, err := look(s.AppToken()); err != nil || n != 1 {
		t.Errorf("an application: %d, %v", n, err)
	}
}

// Causes that a person can mend are named in one line, with what to do.
func TestCausesAreNamed(t *testing.T) {
	for what, c := range map[string]struct {
		prepare func(*graphtest.Server) (user, token string)
		want    string
	}{
		"no licence": {func(s *graphtest.Server) (string, string) {
			s.Unlicensed("zoe@" + s.Tenant())
			return "zoe", s.Token("zoe@" + s.Tenant())
		}, "licence"},
		"no consent":    {func(s *graphtest.Server) (string, string) { return "zoe", s.Token("zoe@"+s.Tenant(), "User.Read") }, "consent"},
		"no such user":  {func(s *graphtest.Server) (string, string) { return "nobody", s.AppToken() }, "no such user"},
		"expired token": {func(s *graphtest.Server) (string, string) { return "zoe", "expired" }, "log in again"},
	} {
		t.Run(what, func(t *testing.T) {
			s := start(t, graphtest.Options{})
			user, token := c.prepare(s)
			a := address(s)
			a.User = user
			e := &transport.Env{TempDir: t.TempDir(), Secret: func(context.Context, transport.Address) (string, error) { return token, nil }}
			src, err := graph.Driver().Source(t.Context(), a, e)
			if err == nil {
				for _, ferr := range src.Folders(t.Context()) {
					if err = ferr; err != nil {
						break
					}
				}
				src.Close()
			}
			var terr *transport.Error
			if !errors.As(err, &terr) || terr.Kind != transport.Auth || terr.Remedy == "" || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v", err)
			}
		})
	}
}

// Requests per item: at most 1.1 by import, 2 by json for small mail.
func TestRequestsPerItem(t *testing.T) {
	for route, most := range map[string]float64{"import": 1.1, "auto": 1.1, "json": 2} {
		s := start(t, graphtest.Options{Limits: wide})
		const n = 400
		src := mem.New(mem.Options{Forms: []transport.Form{transport.FormObject}})
		in, _ := src.Ensure(t.Context(), transport.Folder{Path: []string{"Inbox"}, Role: transport.RoleInbox})
		for i := range n {
			m := mailOf(5*i + 2)
			if _, err := src.PutBatch(t.Context(), in, []transport.Staged{{Meta: transport.Meta{Class: "IPM.Note", Flags: transport.Seen}, Content: &transport.Content{Form: transport.FormObject, Object: m}}}); err != nil {
				t.Fatal(err)
			}
		}
		if r := copyAll(t, src, open(t, s, "route", route), filepath.Join(t.TempDir(), "state")); r.Copied != n {
			t.Errorf("%+v", r)
		}
		per := float64(s.Count()) / n
		t.Logf("%s: %.3f requests per item: %v", route, per, s.Calls())
		if per > most {
			t.Errorf("%s: %.2f requests per item", route, per)
		}
	}
}

// The URLs of sessions lie on another host, are their own permission, and are
// told to nobody.
func TestSessionsOfAnotherHost(t *testing.T) {
	s := start(t, graphtest.Options{SessionHost: "localhost"})
	for _, route := range []string{"import", "json"} {
		if _, err := put(t, open(t, s, "route", route), "Inbox", bigMail(5<<20), transport.Meta{}); err != nil {
			t.Errorf("%s: %v", route, err)
		}
	}
	for _, f := range []graphtest.Fault{{Drop: true}, {Status: 403, Code: "ErrorAccessDenied"}, {Status: 500}, {Garbage: true}} {
		for route, call := range map[string]string{"import": "import.post", "json": "upload.put"} {
			if route == "json" && f.Status != 403 {
				continue // it would be tried again, with waits
			}
			f.Call, f.Times = call, -1
			s.Inject(f)
			_, err := put(t, open(t, s, "route", route), "Inbox", bigMail(5<<20), transport.Meta{})
			s.ClearFaults()
			if err == nil || strings.Contains(err.Error(), "authtoken") || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s with %+v: %v", route, f, err)
			}
		}
	}
}

// An import URL that expires in the middle of a run is replaced by another.
func TestImportURLsExpire(t *testing.T) {
	s := start(t, graphtest.Options{})
	st := open(t, s, "route", "import")
	for i := range 3 {
		if _, err := put(t, st, "Inbox", mailOf(5*i+2), transport.Meta{}); err != nil {
			t.Error(err)
		}
		s.ExpireSessions()
	}
	if n := s.Calls()["import.session"]; n != 3 {
		t.Errorf("%d sessions", n)
	}
	if l := list(t, s, "mailFolders/inbox/messages"); len(l) != 3 {
		t.Errorf("%d mails", len(l))
	}
}
