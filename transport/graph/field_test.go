package graph_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/converters/migrate"
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
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

// T65: mailboxes in parallel keep to four requests each.
func TestTwentyMailboxesAtOnce(t *testing.T) {
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

// A calendar may lie below a folder of mail, and a folder of mail below a
// calendar, as in many an archive.
func TestFoldersOfOtherKindsBelow(t *testing.T) {
	s := start(t, graphtest.Options{})
	st, err := graph.Driver().Sink(t.Context(), address(s, "path", "Archive of Zoe/2019"), env(t, s))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	for _, c := range []struct {
		path  []string
		class string
		m     *mapi.Message
	}{
		{[]string{"Letters"}, "IPF.Note", mailOf(2)},
		{[]string{"Letters", "Dates"}, "IPF.Appointment", eventOf(1, time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC))},
		{[]string{"Letters", "Dates", "Mail about dates"}, "IPF.Note", mailOf(7)},
		{[]string{"People"}, "IPF.Contact", contactOf(1)},
	} {
		f, err := st.Ensure(t.Context(), transport.Folder{Path: c.path, Class: c.class})
		if err != nil {
			t.Errorf("%v: %v", c.path, err)
			continue
		}
		if _, err := st.Put(t.Context(), f, transport.Meta{Class: c.m.Class()}, &transport.Content{Form: transport.FormObject, Object: c.m}); err != nil {
			t.Errorf("%v: %v", c.path, err)
		}
	}
	got := map[string]string{}
	each(t, open(t, s, "path", "Archive of Zoe/2019"), func(f transport.Folder, m transport.Meta, c *transport.Content) {
		got[f.String()] = c.Object.Class()
	})
	want := map[string]string{
		"Archive of Zoe/2019/Letters": "IPM.Note", "Archive of Zoe/2019/Letters/Dates": "IPM.Appointment",
		"Archive of Zoe/2019/Letters/Dates/Mail about dates": "IPM.Note", "Archive of Zoe/2019/People": "IPM.Contact",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("there are %v", got)
	}
}

// T55: a mail whose header tells no arrival keeps the date that its store had,
// also where that is the date of its sending.
func TestDatesOfArrival(t *testing.T) {
	for _, route := range []string{"import", "json"} {
		for _, at := range []time.Time{time.Date(2021, 3, 4, 5, 0, 2, 0, time.UTC), time.Date(2022, 1, 1, 0, 0, 0, 0, time.UTC)} {
			s := start(t, graphtest.Options{})
			m := mailOf(2)
			if _, err := put(t, open(t, s, "route", route), "Inbox", m, transport.Meta{Received: at, Flags: transport.Seen}); err != nil {
				t.Fatal(err)
			}
			if l := list(t, s, "mailFolders/inbox/messages"); l[0]["receivedDateTime"] != at.Format(time.RFC3339) {
				t.Errorf("%s: sent at %v, arrived at %v, there at %v", route, m.Props.Time(mapi.PidTagClientSubmitTime), at, l[0]["receivedDateTime"])
			}
		}
	}
}

// A state that the service has forgotten costs a listing, not a second copy.
func TestForgottenStates(t *testing.T) {
	s := start(t, graphtest.Options{Limits: wide})
	box := s.Mailbox("zoe@" + s.Tenant())
	inbox, _ := box.WellKnown(mailbox.Inbox)
	deliver := func(i int) mailbox.Item {
		it, err := box.Create(t.Context(), inbox.ID, mailOf(i), mailbox.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return it
	}
	var items []mailbox.Item
	for i := range 30 {
		items = append(items, deliver(i+2))
	}
	sink := mem.New(mem.Options{Forms: []transport.Form{transport.FormMIME}})
	state := filepath.Join(t.TempDir(), "state")
	if r := copyAll(t, open(t, s), sink, state); r.Copied != 30 {
		t.Fatalf("%+v", r)
	}
	deliver(40)
	if r := copyAll(t, open(t, s), sink, state); r.Copied != 1 {
		t.Errorf("one more: %+v", r)
	}
	deliver(41)
	if err := box.Delete(items[0].ID, mailbox.Hard); err != nil {
		t.Fatal(err)
	}
	s.Inject(graphtest.Fault{Call: "messages.delta", Path: "deltatoken", Times: -1, Status: 410})
	s.Inject(graphtest.Fault{Call: "boxitems.delta", Path: "deltatoken", Times: -1, Status: 410})
	if r := copyAll(t, open(t, s), sink, state); r.Copied != 1 || r.Failed != 0 {
		t.Errorf("one more, and a state that is forgotten: %+v", r)
	}
	if s.Struck() == 0 {
		t.Error("no state was asked for")
	}
}

// A mail is sent once: small as it is, large by a draft, and a draft that is
// refused does not stay.
func TestSend(t *testing.T) {
	mail := func(n int) mapi.Blob {
		return mapi.Bytes("From: Zoe <zoe@mailconv.example>\r\nTo: Anna <anna@mailconv.example>\r\nSubject: sent\r\nMessage-ID: <s@mailconv.example>\r\nMIME-Version: 1.0\r\n" +
			"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nHello\r\n--b\r\nContent-Type: application/octet-stream\r\n" +
			"Content-Disposition: attachment; filename=data.bin\r\nContent-Transfer-Encoding: base64\r\n\r\n" + strings.Repeat(strings.Repeat("QUJD", 19)+"\r\n", n/57) + "--b--\r\n")
	}
	for _, size := range []int{1000, 6 << 20} {
		s := start(t, graphtest.Options{})
		if err := open(t, s).Send(t.Context(), mail(size)); err != nil {
			t.Fatal(err)
		}
		out := s.Outbox()
		if len(out) != 1 || fmt.Sprint(out[0].Recipients) != "[anna@mailconv.example]" || len(out[0].Message.Attachments) != 1 || out[0].Message.Attachments[0].Data().Size() != int64(size/57*57) {
			t.Errorf("%d bytes: outbox %+v", size, out)
		}
		for folder, want := range map[string]int{"drafts": 0, "sentitems": 1} {
			if l := list(t, s, "mailFolders/"+folder+"/messages"); len(l) != want {
				t.Errorf("%d bytes: %d mails in %s", size, len(l), folder)
			}
		}
		if l := list(t, s, "mailFolders/sentitems/messages"); l[0]["isDraft"] != false || l[0]["internetMessageId"] != "<s@mailconv.example>" {
			t.Errorf("%d bytes: kept as %v", size, l[0])
		}
	}
	s := start(t, graphtest.Options{})
	s.Inject(graphtest.Fault{Call: "messages.send", Status: 403})
	if err := open(t, s).Send(t.Context(), mail(6<<20)); transport.KindOf(err) != transport.Auth {
		t.Errorf("refused: %v", err)
	}
	if l := list(t, s, "mailFolders/drafts/messages"); len(l) != 0 || len(s.Outbox()) != 0 {
		t.Errorf("%d drafts are left, %d mails went out", len(l), len(s.Outbox()))
	}
}
