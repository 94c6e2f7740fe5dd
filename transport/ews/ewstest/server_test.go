package ewstest_test

import (
	"bytes"
	"crypto/tls"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/ews/ewstest"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// fixture is a server with the people of the recordings.
type fixture struct {
	*ewstest.Server
	t                        testing.TB
	boxes                    *mailbox.Server
	alice, bob, carol, robot *mailbox.Mailbox
	client                   *http.Client
	mu                       sync.Mutex
	seen                     []ewstest.Exchange
}

func start(t testing.TB, o ewstest.Options) *fixture {
	t.Helper()
	f := &fixture{t: t, boxes: mailbox.New(mailbox.Options{TempDir: t.TempDir(), Budget: 1 << 20})}
	f.alice = f.boxes.Add(mailbox.Account{Address: "alice@example.test", Name: "Alice Example", Domain: "EXAMPLE", Password: "secret", Tokens: []string{"token-of-alice"}})
	f.bob = f.boxes.Add(mailbox.Account{Address: "bob@example.test", Name: "Bob Example", Password: "secret"})
	f.carol = f.boxes.Add(mailbox.Account{Address: "carol@example.test", Name: "Carol Example", Password: "secret", FolderNames: map[mailbox.WellKnown]string{mailbox.Inbox: "Posteingang"}})
	f.robot = f.boxes.Add(mailbox.Account{Address: "svc@example.test", Name: "Service Account", Password: "secret"})
	f.boxes.AllowImpersonation("svc@example.test", mailbox.Everybody)
	o.Mailboxes, o.Convert = f.boxes, f.convert()
	o.Record = func(x ewstest.Exchange) {
		f.mu.Lock()
		f.seen = append(f.seen, x)
		f.mu.Unlock()
	}
	s, err := ewstest.New(o)
	if err != nil {
		t.Fatal(err)
	}
	f.Server = s
	f.client = &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: s.CA()},
		// A stray reply is not to be taken for the next one.
		DisableKeepAlives: o.Quirks.StrayReply,
	}}
	t.Cleanup(func() {
		f.client.CloseIdleConnections()
		s.Close()
		f.boxes.Close()
		f.mu.Lock()
		defer f.mu.Unlock()
		keepForJudges(t, f.seen)
	})
	return f
}

// keepForJudges writes what was said into a folder, for xmllint.
func keepForJudges(t testing.TB, seen []ewstest.Exchange) {
	dir := os.Getenv("MAILCONV_KEEP_SOAP")
	if dir == "" {
		return
	}
	name := strings.NewReplacer("/", "-", " ", "_").Replace(t.Name())
	for i, x := range seen {
		base := filepath.Join(dir, fmt.Sprintf("%s-%03d-%s", name, i, x.Operation))
		_ = os.WriteFile(base+".request.xml", x.Request, 0o600)
		_ = os.WriteFile(base+".reply.xml", x.Reply, 0o600)
	}
}

const envelope = `<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types" xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"><s:Header>%s</s:Header><s:Body>%s</s:Body></s:Envelope>`

const version = `<t:RequestServerVersion Version="Exchange2013_SP1"/>`

// post sends a body as alice, or as somebody else.
func (f *fixture) post(header, body string, as ...string) (int, string) {
	f.t.Helper()
	req, err := http.NewRequest("POST", f.URL(), strings.NewReader(fmt.Sprintf(envelope, version+header, body)))
	if err != nil {
		f.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "text/xml; charset=utf-8")
	user := "alice"
	if len(as) > 0 {
		user = as[0]
	}
	req.SetBasicAuth(user, "secret")
	resp, err := f.client.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return resp.StatusCode, string(b) + " [" + err.Error() + "]"
	}
	return resp.StatusCode, string(b)
}

// ok is post for what must succeed.
func (f *fixture) ok(body string) string {
	f.t.Helper()
	status, reply := f.post("", body)
	if status != 200 || !strings.Contains(reply, "<m:ResponseCode>NoError<") || strings.Contains(reply, `ResponseClass="Error"`) {
		f.t.Fatalf("status %d\n%s\n%s", status, body, reply)
	}
	if err := wellFormed(reply); err != nil {
		f.t.Fatalf("%v\n%s", err, reply)
	}
	return reply
}

func wellFormed(s string) error {
	d := xml.NewDecoder(bytes.NewReader([]byte(s)))
	for {
		if _, err := d.Token(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

var codeRE = regexp.MustCompile(`<\w+:ResponseCode[^>]*>(\w+)<`)

func codes(reply string) (l []string) {
	for _, m := range codeRE.FindAllStringSubmatch(reply, -1) {
		l = append(l, m[1])
	}
	return l
}

// first is the first group of a pattern in s.
func (f *fixture) first(s, pattern string) string {
	f.t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(s)
	if m == nil {
		f.t.Fatalf("%s is not in\n%s", pattern, s)
	}
	return m[1]
}

const idOnly = `<m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape>`

const inboxID = `<t:DistinguishedFolderId Id="inbox"/>`

func TestAMailGoesInAndComesOut(t *testing.T) {
	f := start(t, ewstest.Options{})
	reply := f.ok(`<m:CreateItem MessageDisposition="SaveOnly"><m:SavedItemFolderId>` + inboxID + `</m:SavedItemFolderId><m:Items><t:Message>` +
		`<t:MimeContent CharacterSet="UTF-8">RnJvbTogQW5uIDxhbm5AZXhhbXBsZS5vcmc+DQpUbzogQWxpY2UgPGFsaWNlQGV4YW1wbGUudGVzdD4NClN1YmplY3Q6IHBsYWluDQpNZXNzYWdlLUlEOiA8cGxhaW4uMUBleGFtcGxlLm9yZz4NCg0KSGVsbG8NCg==</t:MimeContent>` +
		`<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="0x0E07" PropertyType="Integer"/><t:Value>1</t:Value></t:ExtendedProperty>` +
		`<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="0x0E06" PropertyType="SystemTime"/><t:Value>2020-03-03T09:11:14Z</t:Value></t:ExtendedProperty>` +
		`<t:IsRead>true</t:IsRead></t:Message></m:Items></m:CreateItem>`)
	id := f.first(reply, `ItemId Id="([^"]+)"`)
	reply = f.ok(`<m:GetItem><m:ItemShape><t:BaseShape>AllProperties</t:BaseShape><t:IncludeMimeContent>true</t:IncludeMimeContent></m:ItemShape><m:ItemIds><t:ItemId Id="` + id + `"/></m:ItemIds></m:GetItem>`)
	for _, want := range []string{"<t:Subject>plain</t:Subject>", "<t:IsDraft>false</t:IsDraft>", "<t:IsRead>true</t:IsRead>", "<t:DateTimeReceived>2020-03-03T09:11:14Z</t:DateTimeReceived>", "&lt;plain.1@example.org&gt;", "<t:EmailAddress>ann@example.org</t:EmailAddress>"} {
		if !strings.Contains(reply, want) {
			t.Errorf("%s is not in\n%s", want, reply)
		}
	}
	reply = f.ok(`<m:FindItem Traversal="Shallow">` + idOnly + `<m:ParentFolderIds>` + inboxID + `</m:ParentFolderIds></m:FindItem>`)
	if !strings.Contains(reply, id) || !strings.Contains(reply, `TotalItemsInView="1"`) {
		t.Error(reply)
	}
	if n := f.Requests("CreateItem"); n != 1 || len(f.boxes.Outbox()) != 0 {
		t.Errorf("%d requests, %d sent", n, len(f.boxes.Outbox()))
	}
}

func TestFoldersAreMadeMovedAndDeleted(t *testing.T) {
	f := start(t, ewstest.Options{})
	root := `<t:DistinguishedFolderId Id="msgfolderroot"/>`
	reply := f.ok(`<m:CreateFolder><m:ParentFolderId>` + root + `</m:ParentFolderId><m:Folders><t:Folder><t:FolderClass>IPF.Note</t:FolderClass><t:DisplayName>A &amp; B/C 𝄞</t:DisplayName></t:Folder><t:TasksFolder><t:DisplayName>T</t:DisplayName></t:TasksFolder></m:Folders></m:CreateFolder>`)
	id := f.first(reply, `<t:Folder><t:FolderId Id="([^"]+)"`)
	if !strings.Contains(reply, "<t:TasksFolder>") {
		t.Error(reply)
	}
	state := f.first(f.ok(`<m:SyncFolderHierarchy><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape></m:SyncFolderHierarchy>`), `SyncState>([^<]+)<`)
	f.ok(`<m:UpdateFolder><m:FolderChanges><t:FolderChange><t:FolderId Id="` + id + `"/><t:Updates><t:SetFolderField><t:FieldURI FieldURI="folder:DisplayName"/><t:Folder><t:DisplayName>renamed</t:DisplayName></t:Folder></t:SetFolderField></t:Updates></t:FolderChange></m:FolderChanges></m:UpdateFolder>`)
	f.ok(`<m:MoveFolder><m:ToFolderId>` + inboxID + `</m:ToFolderId><m:FolderIds><t:FolderId Id="` + id + `"/></m:FolderIds></m:MoveFolder>`)
	sync := `<m:SyncFolderHierarchy><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape><m:SyncState>%s</m:SyncState></m:SyncFolderHierarchy>`
	reply = f.ok(fmt.Sprintf(sync, state))
	if !strings.Contains(reply, "<t:Update><t:Folder>") || !strings.Contains(reply, "renamed") || strings.Contains(reply, "<t:Create>") {
		t.Error(reply)
	}
	state = f.first(reply, `SyncState>([^<]+)<`)
	f.ok(`<m:DeleteFolder DeleteType="HardDelete"><m:FolderIds><t:FolderId Id="` + id + `"/></m:FolderIds></m:DeleteFolder>`)
	if reply = f.ok(fmt.Sprintf(sync, state)); !strings.Contains(reply, `<t:Delete><t:FolderId Id="`+id) {
		t.Error(reply)
	}
	_, reply = f.post("", `<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape><m:FolderIds><t:FolderId Id="`+id+`"/><t:DistinguishedFolderId Id="inbox"/></m:FolderIds></m:GetFolder>`)
	if got := fmt.Sprint(codes(reply)); got != "[ErrorFolderNotFound NoError]" {
		t.Error(got)
	}
	for off, want := range map[int]string{0: `IndexedPagingOffset="5"`, 1000: `IndexedPagingOffset="1005"`} {
		reply = f.ok(fmt.Sprintf(`<m:FindFolder Traversal="Deep"><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape><m:IndexedPageFolderView MaxEntriesReturned="5" Offset="%d" BasePoint="Beginning"/><m:ParentFolderIds>%s</m:ParentFolderIds></m:FindFolder>`, off, root))
		if !strings.Contains(reply, want) || strings.Contains(reply, `IncludesLastItemInRange="true"`) != (off > 0) {
			t.Error(reply)
		}
	}
}

func (f *fixture) convert() transport.Converter { return &converters.Converter{Spool: f.boxes.Spool()} }
