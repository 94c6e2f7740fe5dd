package graphtest_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/fasttransfer"
	"github.com/mailconv/mailconv/mapi/mapitest"
	"github.com/mailconv/mailconv/transport/graph/graphtest"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// admin is the base of the import and export API for a mailbox.
func (c *client) admin() string {
	c.t.Helper()
	return "admin/exchange/mailboxes/" + c.get("me/settings/exchange")["primaryMailboxId"].(string)
}

func (c *client) boxFolder(name string) string {
	c.t.Helper()
	l, _ := c.all(c.admin() + "/folders?$top=100")
	for _, f := range l {
		if f["displayName"] == name {
			return f["id"].(string)
		}
	}
	c.t.Fatalf("no folder %s in %v", name, l)
	return ""
}

func fts(t *testing.T, m *mapi.Message) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := fasttransfer.EncodeItem(context.Background(), &b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// What comes in by import has all its properties, is no draft, mails nobody,
// and goes out as the bytes that came.
func TestImportExport(t *testing.T) {
	s := start(t, graphtest.Options{})
	c := connect(t, s)
	sample := mapitest.WithoutStorages(mapitest.Sample())
	sample.Props.Set(mapi.PidTagMessageFlags, mapi.Int32Value(1))
	data := fts(t, sample)
	session := c.do(200, "POST", c.admin()+"/createImportSession", nil)
	url := session["importUrl"].(string)
	open := *c
	open.token = ""
	post := object{"FolderId": c.boxFolder("Inbox"), "Mode": "create", "Data": base64.StdEncoding.EncodeToString(data)}
	o := open.do(200, "POST", url, post)
	id := o["itemId"].(string)
	if m := c.get("me/messages/" + id); m["isDraft"] != false || m["subject"] != "Prüfung: 𝒂𝒃𝒄 日本" {
		t.Errorf("imported: %v", m["subject"])
	}
	ex := c.do(200, "POST", c.admin()+"/exportItems", object{"itemIds": []any{id, "AAMkbad"}})["value"].([]any)
	if e := ex[1].(object); at(e, "error", "code") != "ErrorInvalidIdMalformed" {
		t.Errorf("a bad id costs its own item only: %v", e)
	}
	if ex[0].(object)["data"] != base64.StdEncoding.EncodeToString(data) {
		t.Error("other bytes came out")
	}
	// Once it is changed there are no such bytes, but all properties.
	c.do(200, "PATCH", "me/messages/"+id, object{"categories": []any{"new"}})
	raw, _ := base64.StdEncoding.DecodeString(c.do(200, "POST", c.admin()+"/exportItems", object{"itemIds": []any{id}})["value"].([]any)[0].(object)["data"].(string))
	got, _, err := fasttransfer.Decode(context.Background(), bytes.NewReader(raw), int64(len(raw)), nil)
	if err != nil {
		t.Fatal(err)
	}
	want, _, _ := fasttransfer.Decode(context.Background(), bytes.NewReader(data), int64(len(data)), nil)
	want.Props.SetName(mapi.PidNameKeywords, mapi.MultiStringValue([]string{"new"}))
	if d := mapitest.Diff(want, got); len(d) > 0 {
		t.Errorf("changed and exported:\n%s", strings.Join(d, "\n"))
	}
	post["Mode"], post["ItemId"] = "update", id
	if u := open.do(200, "POST", url, post); u["itemId"] != id || u["changeKey"] == o["changeKey"] {
		t.Errorf("updated: %v", u)
	}
	post["ChangeKey"] = o["changeKey"]
	open.do(409, "POST", url, post)

	for what, bad := range map[string]object{
		"no data":       {"FolderId": post["FolderId"], "Mode": "create"},
		"a mode":        {"FolderId": post["FolderId"], "Mode": "upsert", "Data": b64("x")},
		"corrupt data":  {"FolderId": post["FolderId"], "Mode": "create", "Data": b64("no stream at all, no")},
		"a mailFolder":  {"FolderId": c.get("me/mailFolders/inbox")["id"], "Mode": "create", "Data": post["Data"]},
		"a member":      {"FolderId": post["FolderId"], "Mode": "create", "Data": post["Data"], "Folder": "x"},
		"broken base64": {"FolderId": post["FolderId"], "Mode": "create", "Data": "***"},
	} {
		if e := open.do(400, "POST", url, bad); code(e) == "" {
			t.Errorf("%s: %v", what, e)
		}
	}
	s.ForgetViolations() // those were meant
	if e := c.do(401, "POST", url, post); code(e) == "" {
		t.Errorf("with a token: %v", e)
	}
	s.ExpireSessions()
	open.do(401, "POST", url, post)
	if len(s.Outbox()) != 0 {
		t.Error("an import mailed somebody")
	}
	c.do(400, "POST", c.admin()+"/exportItems", object{"itemIds": make([]string, 21)})
}

func TestBoxFolders(t *testing.T) {
	s := start(t, graphtest.Options{})
	c := connect(t, s)
	cal := c.boxFolder("Calendar")
	l, _ := c.all(c.admin() + "/folders/" + cal + "/items")
	if len(l) != 0 {
		t.Errorf("items: %v", l)
	}
	f := c.do(201, "POST", c.admin()+"/folders/"+cal+"/childFolders", object{"displayName": "Team", "type": "IPF.Appointment"})
	if f["type"] != "IPF.Appointment" || f["parentFolderId"] != cal {
		t.Errorf("created: %v", f)
	}
	if _, err := s.Mailbox(zoe).Create(context.Background(), mustFolder(t, s, mailbox.Calendar), appointment(), mailbox.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	l, link := c.all(c.admin() + "/folders/" + cal + "/items/delta")
	if len(l) != 1 || l[0]["type"] != "IPM.Appointment" || l[0]["size"].(float64) <= 0 {
		t.Errorf("items: %v", l)
	}
	if l, _ := c.all(link); len(l) != 0 {
		t.Errorf("nothing happened: %v", l)
	}
	if fl, _ := c.all(c.admin() + "/folders/delta"); len(fl) < 12 {
		t.Errorf("all folders: %d", len(fl))
	}
}

func mustFolder(t *testing.T, s *graphtest.Server, w mailbox.WellKnown) mailbox.FolderID {
	t.Helper()
	f, ok := s.Mailbox(zoe).WellKnown(w)
	if !ok {
		t.Fatal(w)
	}
	return f.ID
}

func appointment() *mapi.Message {
	m := &mapi.Message{}
	m.Props.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Appointment"))
	m.Props.Set(mapi.PidTagSubject, mapi.StringValue("Lunch"))
	m.Props.SetName(mapi.PidLidAppointmentStartWhole, mapi.TimeValue(time.Date(2024, 3, 1, 11, 0, 0, 0, time.UTC)))
	m.Props.SetName(mapi.PidLidAppointmentEndWhole, mapi.TimeValue(time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC)))
	return m
}

// The archive is a mailbox of its own to this API, and beta tells of it.
func TestArchive(t *testing.T) {
	boxes := mailbox.New(mailbox.Options{})
	defer boxes.Close()
	boxes.Add(mailbox.Account{Address: zoe, Archive: true})
	s := start(t, graphtest.Options{Mailboxes: boxes})
	c := connect(t, s)
	id := c.get(s.Root() + "/beta/me/settings/exchange")["inPlaceArchiveMailboxId"].(string)
	l, _ := c.all("admin/exchange/mailboxes/" + id + "/folders")
	if len(l) != 1 || l[0]["displayName"] != "Deleted Items" {
		t.Errorf("folders of the archive: %v", l)
	}
	f := c.do(201, "POST", "admin/exchange/mailboxes/"+id+"/folders", object{"displayName": "2019"})
	if l, _ := c.all("admin/exchange/mailboxes/" + id + "/folders"); len(l) != 2 || f["id"] == "" {
		t.Errorf("folders of the archive: %v", l)
	}
}

// No cloud but the global one has the API, and an administrator may switch it
// off.
func TestNoImport(t *testing.T) {
	for _, o := range []graphtest.Options{{Cloud: "usgov"}, {Quirks: graphtest.Quirks{NoImport: true}}} {
		s := start(t, o)
		c := connect(t, s)
		status := 404
		if o.Cloud == "" {
			status = 403
		}
		c.do(status, "GET", "me/settings/exchange", nil)
		c.do(status, "POST", "admin/exchange/mailboxes/MBX:x@y/createImportSession", nil)
		c.get("me/mailFolders/inbox")
	}
}

// A zeros reads as base64 of zeros.
type zeros struct{ left int }

func (z *zeros) Read(p []byte) (int, error) {
	if z.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), z.left)
	for i := range p[:n] {
		p[i] = 'A'
	}
	z.left -= n
	return n, nil
}

// Large files come and go while the heap stays small: 150 MB where there is
// time for it.
func TestMemory(t *testing.T) {
	size := 16 << 20
	if os.Getenv("MAILCONV_CORPUS") != "" {
		size = 150 << 20
	}
	boxes := mailbox.New(mailbox.Options{TempDir: t.TempDir()})
	defer boxes.Close()
	boxes.Add(mailbox.Account{Address: zoe})
	s := start(t, graphtest.Options{Mailboxes: boxes, Limits: graphtest.Limits{Upload: -1, Message: 400 << 20}})
	c := connect(t, s)
	var peak atomic.Uint64
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			peak.Store(max(peak.Load(), m.HeapInuse))
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	o := c.do(201, "POST", "me/messages", object{"subject": "x"})
	base := "me/messages/" + o["id"].(string) + "/attachments"
	u := c.do(201, "POST", base+"/createUploadSession", object{"AttachmentItem": object{"attachmentType": "file", "name": "big", "size": size}})
	open := *c
	open.token = ""
	for at := 0; at < size; at += 4 << 20 {
		n := min(4<<20, size-at)
		r, err := open.with("Content-Range", fmt.Sprintf("bytes %d-%d/%d", at, at+n-1, size)).raw("PUT", u["uploadUrl"].(string), &zeros{n}, "application/octet-stream")
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
	}
	l, _ := c.all(base + "?$select=id")
	r, err := c.raw("GET", base+"/"+l[0]["id"].(string)+"/$value", nil, "")
	if err != nil {
		t.Fatal(err)
	}
	n, _ := io.Copy(io.Discard, r.Body)
	r.Body.Close()
	if n != int64(size) {
		t.Errorf("%d bytes came back", n)
	}
	// Out by export, and in again by import.
	box := c.admin()
	r, err = c.raw("POST", box+"/exportItems", strings.NewReader(`{"itemIds":["`+o["id"].(string)+`"]}`), "application/json")
	if err != nil {
		t.Fatal(err)
	}
	pr, pw := io.Pipe()
	go func() {
		// The data stand between their quotes.
		find := make([]byte, 0, 64<<10)
		one := make([]byte, 1)
		for !bytes.HasSuffix(find, []byte(`"data":"`)) {
			if _, err := r.Body.Read(one); err != nil {
				pw.CloseWithError(err)
				return
			}
			find = append(find, one[0])
		}
		io.WriteString(pw, `{"FolderId":"`+c.boxFolder("Inbox")+`","Mode":"create","Data":"`)
		buf := make([]byte, 64<<10)
		for {
			n, err := r.Body.Read(buf)
			if i := bytes.IndexByte(buf[:n], '"'); i >= 0 {
				pw.Write(buf[:i])
				break
			}
			pw.Write(buf[:n])
			if err != nil {
				pw.CloseWithError(io.ErrUnexpectedEOF)
				return
			}
		}
		io.Copy(io.Discard, r.Body)
		r.Body.Close()
		io.WriteString(pw, `"}`)
		pw.Close()
	}()
	im := c.do(200, "POST", box+"/createImportSession", nil)
	resp, err := open.raw("POST", im["importUrl"].(string), pr, "application/json")
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Fatalf("import: %d %s", resp.StatusCode, b)
	}
	close(stop)
	<-done
	t.Logf("peak of the heap: %.1f MiB", float64(peak.Load())/(1<<20))
	if peak.Load() > 32<<20 {
		t.Errorf("the heap grew to %d MiB", peak.Load()>>20)
	}
	if l, _ := c.all("me/mailFolders/inbox/messages?$select=subject"); len(l) != 1 {
		t.Errorf("imported: %v", l)
	}
}
