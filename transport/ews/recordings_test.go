package ews

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/rtf"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/ews/soap"
)

// recordings is the folder of recorded exchanges.
func recordings(t testing.TB) string {
	root := os.Getenv("MAILCONV_RECORDINGS")
	if root == "" {
		t.Skip("MAILCONV_RECORDINGS does not name the recordings")
	}
	return filepath.Join(root, "ews")
}

// recorded is the raw reply of a recording.
func recorded(t testing.TB, name string) []byte {
	list, _ := filepath.Glob(filepath.Join(recordings(t), name+"*.http"))
	if len(list) != 1 {
		t.Fatalf("%d recordings are called %s", len(list), name)
	}
	b, err := os.ReadFile(list[0])
	if err != nil {
		t.Fatal(err)
	}
	_, reply, ok := bytes.Cut(b, []byte("\n=== response\n"))
	if !ok {
		t.Fatalf("%s has no response", name)
	}
	return reply
}

// replay is a store whose server answers each request with the next recording,
// byte for byte, stray ones too.
func replay(t testing.TB, names ...string) (*Store, *replayer) {
	p := &replayer{}
	for _, n := range names {
		p.replies = append(p.replies, recorded(t, n))
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go p.serve(l)
	a := transport.Address{Scheme: "ews", User: "alice@example.test", Password: "secret", Params: map[string][]string{
		"endpoint": {"http://" + l.Addr().String() + "/EWS/Exchange.asmx"}, "auth": {"basic"},
	}}
	env := &transport.Env{Secret: func(context.Context, transport.Address) (string, error) { return "secret", nil }}
	w, err := connect(t.Context(), a, env)
	if err != nil {
		t.Fatal(err)
	}
	st := Open(w, a.User, Options{TempDir: t.TempDir()})
	t.Cleanup(func() { st.Close() })
	return st, p
}

type replayer struct {
	mu       sync.Mutex
	replies  [][]byte
	requests []string
}

func (p *replayer) serve(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			c.SetDeadline(time.Now().Add(10 * time.Second))
			r := bufio.NewReader(c)
			for {
				req, err := http.ReadRequest(r)
				if err != nil {
					return
				}
				var body bytes.Buffer
				body.ReadFrom(req.Body)
				p.mu.Lock()
				p.requests = append(p.requests, body.String())
				var reply []byte
				if len(p.replies) > 0 {
					reply, p.replies = p.replies[0], p.replies[1:]
				}
				p.mu.Unlock()
				c.Write(reply)
			}
		}()
	}
}

// TestEveryRecordedReplyIsRead: each reply gives the codes that the index of
// the recordings lists.
func TestEveryRecordedReplyIsRead(t *testing.T) {
	index, err := os.ReadFile(filepath.Join(recordings(t), "INDEX.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(index)) {
		f := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if len(f) < 3 || f[0] == "file" || f[2] == "" {
			continue
		}
		name := strings.TrimSuffix(f[0], ".http")
		resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(recorded(t, name))), nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		n++
		var v service
		v.lacks = map[string]bool{}
		got := map[string]bool{}
		err = v.read(request{op: "test", name: name}, soap.NewScanner(resp.Body), reply{done: func(_ int, m *message) error {
			got[m.code] = true
			if (m.code == "NoError") != (m.err == nil) && m.class == "Error" {
				t.Errorf("%s: code %s and error %v", name, m.code, m.err)
			}
			return nil
		}})
		resp.Body.Close()
		for code := range strings.SplitSeq(f[2], ",") {
			if cut, ok := strings.CutPrefix(code, "SOAP:"); ok {
				if !hasCode(err, cut) {
					t.Errorf("%s: %v, the index says %s", name, err, code)
				}
				continue
			}
			if !got[code] && !hasCode(err, code) {
				t.Errorf("%s: codes %v and error %v, the index says %s", name, got, err, code)
			}
		}
	}
	t.Logf("%d replies", n)
	if n < 165 {
		t.Error("too few")
	}
}

func TestRecordedErrorsHaveTheirKinds(t *testing.T) {
	for name, want := range map[string]transport.Kind{
		"079": transport.NotFound, "033": transport.NotFound, "145": transport.Permanent, "142": transport.Auth, "143": transport.Unavailable,
		"156": transport.NotFound, "157": transport.NotFound, "106": transport.Rejected, "124": transport.Rejected, "136": transport.NotFound,
		"024": transport.Rejected,
	} {
		st, _ := replay(t, name)
		err := st.svc.do(t.Context(), request{op: "test", name: "GetItem", body: func(*soap.Writer) {}}, reply{})
		if err == nil || transport.KindOf(err) != want {
			t.Errorf("%s: %v is of kind %v, not %v", name, err, transport.KindOf(err), want)
		}
	}
}

func TestRecordedFolders(t *testing.T) {
	st, _ := replay(t, "001", "013", "014")
	seen := map[string]transport.Folder{}
	for f, err := range st.Folders(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if f.ID == "" || f.Count < 0 {
			t.Errorf("%+v", f)
		}
		seen[f.String()] = f
	}
	t.Log(len(seen), "folders")
	for _, name := range []string{"Inbox", "Calendar", "Contacts"} {
		if _, ok := seen[name]; !ok {
			t.Errorf("no folder %s among %d", name, len(seen))
		}
	}
	if c := seen["Calendar"].Class; c != "IPF.Appointment" {
		t.Errorf("the calendar has the class %q", c)
	}
}

func TestRecordedSynchronization(t *testing.T) {
	st, p := replay(t, "059", "060", "061")
	f := transport.Folder{ID: "x", Path: []string{"x"}}
	c := &transport.Cursor{}
	n := 0
	for m, err := range st.Items(t.Context(), f, c) {
		if err != nil {
			t.Fatal(err)
		}
		if m.Key == "" || m.Gone {
			t.Errorf("%+v", m)
		}
		n++
	}
	if n != 9 || c.Delta || c.Token == "" || len(p.requests) != 3 {
		t.Errorf("%d items, cursor %+v, %d requests", n, c, len(p.requests))
	}
	if !strings.Contains(p.requests[1], "<m:SyncState>AgACARdAEAAAAAEABQAAAB0AAQUBBwEJUAACAZZnEAAAAAEABQAAAAAAAS4BMQEzUAA=</m:SyncState>") {
		t.Errorf("the second page was asked for by %s", p.requests[1])
	}
	// Later: created, changed and deleted ones.
	st, _ = replay(t, "075")
	var gone, there int
	c = &transport.Cursor{Token: "x"}
	for m, err := range st.Items(t.Context(), f, c) {
		if err != nil {
			t.Fatal(err)
		}
		if m.Gone {
			gone++
		} else {
			there++
		}
	}
	if gone != 2 || there < 4 || !c.Delta {
		t.Errorf("%d gone, %d there, %+v", gone, there, c)
	}
	st, _ = replay(t, "062")
	for m := range st.Items(t.Context(), f, &transport.Cursor{Token: "x"}) {
		t.Errorf("nothing changed, but %+v", m)
	}
}

func TestRecordedListing(t *testing.T) {
	st, _ := replay(t, "052")
	found := 0
	for m, err := range st.Search(t.Context(), transport.Folder{ID: "x"}, "subject:x") {
		if err != nil {
			t.Fatal(err)
		}
		if m.Subject == "plain seven bit" {
			found++
			// 0x0E06 was set; the field DateTimeReceived of this server is the
			// time of creation.
			if want := time.Date(2021, 3, 4, 5, 6, 7, 0, time.UTC); m.Received.IsZero() || m.Received.Year() > 2022 || m.Size <= 0 || m.Class != "IPM.Note" || !m.Flags.Has(transport.Seen) || m.Flags.Has(transport.Draft) {
				t.Errorf("%+v, want about %v", m, want)
			}
		}
	}
	if found != 1 {
		t.Errorf("%d found", found)
	}
}

func TestRecordedMail(t *testing.T) {
	st, _ := replay(t, "089")
	keys := []transport.Key{"a", "b", "c"}
	var got []string
	for fe, err := range st.Fetch(t.Context(), transport.Folder{ID: "x"}, keys, nil) {
		if err != nil {
			t.Fatal(err)
		}
		if fe.Err != nil {
			if transport.KindOf(fe.Err) != transport.NotFound {
				t.Error(fe.Err)
			}
			got = append(got, string(fe.Key)+" gone")
			continue
		}
		b, err := mapi.ReadBlob(t.Context(), fe.Content.MIME, 1<<20)
		if err != nil || !bytes.Contains(b, []byte("Subject: ")) {
			t.Errorf("%s: %v, %.100q", fe.Key, err, b)
		}
		got = append(got, string(fe.Key))
		fe.Content.Close()
	}
	if want := "a,b gone,c"; strings.Join(got, ",") != want {
		t.Errorf("%v, want %s", got, want)
	}
}

// TestRecordedProperties reads extended properties of many types.
func TestRecordedProperties(t *testing.T) {
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(recorded(t, "085"))), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	s := soap.NewScanner(resp.Body)
	if !s.Find("Message") {
		t.Fatal("no message")
	}
	it, err := readItem(s, nil)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, p := range it.props {
		t.Logf("%v %v %q", p, p.Value.Type(), p.Value.Texts())
		if p.Name != nil && p.Name.Set == mapi.MustGUID("11111111-2222-3333-4444-555555555555") {
			n++
		}
	}
	if n < 4 {
		t.Errorf("%d named properties of the recording's own set", n)
	}
}

func TestRecordedNotifications(t *testing.T) {
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(recorded(t, "139"))), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var v service
	s := soap.NewScanner(resp.Body)
	told := map[string]bool{}
	envelopes := 0
	for !s.Ended() {
		err := v.readNext(request{op: "watch", name: "GetStreamingEvents"}, s, reply{element: func(_ int, s *soap.Scanner) error {
			if s.Name() == "Notifications" {
				readNotifications(s, told)
			}
			return nil
		}})
		if err != nil {
			break // the recording ends where its client hung up
		}
		envelopes++
	}
	t.Log(envelopes, "envelopes,", len(told), "folders")
	if envelopes == 0 || len(told) == 0 {
		t.Errorf("%d envelopes tell of %d folders", envelopes, len(told))
	}
}

// TestFaultsSayWhatTheServerLacks: UploadItems is asked for once.
func TestFaultsSayWhatTheServerLacks(t *testing.T) {
	st, p := replay(t, "149", "089")
	for fe, err := range st.Fetch(t.Context(), transport.Folder{ID: "x"}, []transport.Key{"a", "b", "c"}, []transport.Form{transport.FormObject}) {
		if err != nil {
			t.Fatal(err)
		}
		fe.Content.Close()
	}
	if st.svc.has(opExport) || len(p.requests) != 2 || !strings.Contains(p.requests[0], "ExportItems") || !strings.Contains(p.requests[1], "IncludeMimeContent") {
		t.Errorf("requests %q", p.requests)
	}
}

// TestServerThatTakesNoBinaryProperties: the fault is met once, and the item
// goes without them, as a loss.
func TestServerThatTakesNoBinaryProperties(t *testing.T) {
	st, p := replay(t, "043", "107", "107")
	st.svc.lack(opUpload)
	contact := func() *mapi.Message {
		m := &mapi.Message{}
		m.Props.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Contact"))
		m.Props.Set(mapi.PidTagDisplayName, mapi.StringValue("Ann"))
		m.Props.Set(0x66FF0102, mapi.BinaryValue([]byte{1, 2}))
		m.Props.Set(mapi.PidTagRtfCompressed, mapi.BinaryValue(rtf.Compressed([]byte(`{\rtf1 likes tea}`))))
		return m
	}
	for i := range 2 {
		r, err := st.Put(t.Context(), transport.Folder{ID: "x"}, transport.Meta{Class: "IPM.Contact"}, &transport.Content{Form: transport.FormObject, Object: contact()})
		if err != nil || r.Ref == "" || r.Route != "properties" {
			t.Fatalf("%+v, %v", r, err)
		}
		lost := fmt.Sprint(r.Losses)
		if !strings.Contains(lost, "66FF0102") || !strings.Contains(lost, "PidTagRtfCompressed") {
			t.Errorf("losses %v", r.Losses)
		}
		if last := p.requests[len(p.requests)-1]; len(p.requests) != i+2 || strings.Contains(last, "0x66FF") || !strings.Contains(last, "likes tea") || !strings.Contains(p.requests[0], "0x66FF") {
			t.Errorf("requests %q", p.requests)
		}
	}
}
