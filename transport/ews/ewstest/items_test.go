package ewstest_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/fasttransfer"
	"github.com/mailconv/mailconv/transport/ews/ewstest"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// put makes an item of an element's inside, in the inbox, and gives its id.
func (f *fixture) put(inside string, attrs ...string) string {
	f.t.Helper()
	a := `MessageDisposition="SaveOnly"`
	if len(attrs) > 0 {
		a = attrs[0]
	}
	return f.first(f.ok(`<m:CreateItem `+a+`><m:SavedItemFolderId>`+inboxID+`</m:SavedItemFolderId><m:Items><t:Message>`+inside+`</t:Message></m:Items></m:CreateItem>`), `ItemId Id="([^"]+)"`)
}

func (f *fixture) update(id, updates string, attrs ...string) string {
	f.t.Helper()
	a := ""
	if len(attrs) > 0 {
		a = attrs[0]
	}
	return f.ok(`<m:UpdateItem MessageDisposition="SaveOnly" ConflictResolution="AlwaysOverwrite" ` + a + `><m:ItemChanges><t:ItemChange><t:ItemId Id="` + id + `"/><t:Updates>` + updates + `</t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>`)
}

func setRead(on bool) string {
	return fmt.Sprintf(`<t:SetItemField><t:FieldURI FieldURI="message:IsRead"/><t:Message><t:IsRead>%v</t:IsRead></t:Message></t:SetItemField>`, on)
}

func (f *fixture) sync(state string, most int) (reply, next string) {
	f.t.Helper()
	reply = f.ok(fmt.Sprintf(`<m:SyncFolderItems>%s<m:SyncFolderId>%s</m:SyncFolderId><m:SyncState>%s</m:SyncState><m:MaxChangesReturned>%d</m:MaxChangesReturned></m:SyncFolderItems>`, idOnly, inboxID, state, most))
	return reply, f.first(reply, `SyncState>([^<]+)<`)
}

func TestSynchronizationTellsEachChangeOnce(t *testing.T) {
	for _, quirk := range []bool{false, true} {
		f := start(t, ewstest.Options{Quirks: ewstest.Quirks{ReadAsUpdate: quirk}})
		var ids []string
		for i := range 7 {
			ids = append(ids, f.put(fmt.Sprintf("<t:Subject>%d</t:Subject>", i)))
		}
		reply, state := f.sync("", 3)
		if strings.Count(reply, "<t:Create>") != 3 || !strings.Contains(reply, "IncludesLastItemInRange>false") {
			t.Error(reply)
		}
		// One that was told changes, one that was not told changes, one is gone
		// before it was told, and one comes.
		subject := `<t:SetItemField><t:FieldURI FieldURI="item:Subject"/><t:Message><t:Subject>new</t:Subject></t:Message></t:SetItemField>`
		f.update(ids[0], subject)
		f.update(ids[3], subject)
		f.ok(`<m:DeleteItem DeleteType="HardDelete"><m:ItemIds><t:ItemId Id="` + ids[5] + `"/></m:ItemIds></m:DeleteItem>`)
		ids = append(ids, f.put("<t:Subject>7</t:Subject>"))
		seen := map[string]string{ids[0]: "Create", ids[1]: "Create", ids[2]: "Create"}
		for page := 0; ; page++ {
			reply, state = f.sync(state, 2)
			for _, part := range strings.Split(reply, "<t:Create>")[1:] {
				id := f.first(part, `ItemId Id="([^"]+)"`)
				if seen[id] != "" {
					t.Errorf("%s is created twice", id)
				}
				seen[id] = "Create"
			}
			for _, part := range strings.Split(reply, "<t:Update>")[1:] {
				if id := f.first(part, `ItemId Id="([^"]+)"`); id != ids[0] {
					t.Errorf("an update of %s, which was never told", id)
				}
			}
			if strings.Contains(reply, "<t:Delete>") {
				t.Error("what was never told is deleted")
			}
			if strings.Contains(reply, "IncludesLastItemInRange>true") {
				break
			}
			if page > 9 {
				t.Fatal("no end")
			}
		}
		if len(seen) != 7 || seen[ids[5]] != "" {
			t.Errorf("%v", seen)
		}
		f.update(ids[1], setRead(false))
		reply, state = f.sync(state, 10)
		if want := map[bool]string{false: "<t:ReadFlagChange>", true: "<t:Update>"}[quirk]; strings.Count(reply, want) != 1 || strings.Count(reply, "<t:ItemId ") != 1 {
			t.Error(reply)
		}
		f.ok(`<m:MoveItem><m:ToFolderId><t:DistinguishedFolderId Id="drafts"/></m:ToFolderId><m:ItemIds><t:ItemId Id="` + ids[1] + `"/></m:ItemIds></m:MoveItem>`)
		reply, state = f.sync(state, 10)
		if !strings.Contains(reply, `<t:Delete><t:ItemId Id="`+ids[1]) {
			t.Error(reply)
		}
		if reply, _ = f.sync(state, 10); strings.Contains(reply, "<t:ItemId ") {
			t.Error(reply)
		}
	}
}

func TestAGarbledSyncStateIsRefused(t *testing.T) {
	f := start(t, ewstest.Options{})
	req := `<m:SyncFolderItems>` + idOnly + `<m:SyncFolderId>` + inboxID + `</m:SyncFolderId><m:SyncState>%s</m:SyncState><m:MaxChangesReturned>5</m:MaxChangesReturned></m:SyncFolderItems>`
	for _, s := range []string{"AAAA", "garbage", base64.StdEncoding.EncodeToString([]byte("\x01\xfa\xfb\xff\xff"))} {
		if _, reply := f.post("", fmt.Sprintf(req, s)); fmt.Sprint(codes(reply)) != "[ErrorInvalidSyncStateData]" {
			t.Errorf("%s: %s", s, reply)
		}
	}
}

func TestNothingIsSentUnlessItIsAskedFor(t *testing.T) {
	f := start(t, ewstest.Options{})
	receipt := `<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="0x0E07" PropertyType="Integer"/><t:Value>0</t:Value></t:ExtendedProperty><t:IsReadReceiptRequested>true</t:IsReadReceiptRequested><t:From><t:Mailbox><t:EmailAddress>bob@example.test</t:EmailAddress></t:Mailbox></t:From><t:IsRead>false</t:IsRead>`
	via := func() (l []string) {
		for _, s := range f.boxes.Outbox() {
			l = append(l, s.Via)
		}
		return l
	}
	a, b := f.put(receipt), f.put(receipt)
	f.update(a, setRead(true), `SuppressReadReceipts="true"`)
	if l := via(); len(l) != 0 {
		t.Errorf("%q", l)
	}
	f.update(b, setRead(true))
	if l := via(); fmt.Sprint(l) != "[read receipt]" {
		t.Errorf("%q", l)
	}
	meeting := `<m:CreateItem SendMeetingInvitations="%s"><m:Items><t:CalendarItem><t:Subject>m</t:Subject><t:Start>2026-05-01T10:00:00Z</t:Start><t:End>2026-05-01T11:00:00Z</t:End><t:RequiredAttendees><t:Attendee><t:Mailbox><t:EmailAddress>bob@example.test</t:EmailAddress></t:Mailbox></t:Attendee></t:RequiredAttendees></t:CalendarItem></m:Items></m:CreateItem>`
	f.ok(fmt.Sprintf(meeting, "SendToNone"))
	if l := via(); len(l) != 1 {
		t.Errorf("%q", l)
	}
	f.ok(fmt.Sprintf(meeting, "SendToAllAndSaveCopy"))
	mail := `<m:CreateItem MessageDisposition="SendOnly"><m:Items><t:Message><t:Subject>s</t:Subject><t:ToRecipients><t:Mailbox><t:EmailAddress>bob@example.test</t:EmailAddress></t:Mailbox></t:ToRecipients></t:Message></m:Items></m:CreateItem>`
	f.ok(mail)
	draft := f.put(`<t:Subject>d</t:Subject><t:ToRecipients><t:Mailbox><t:EmailAddress>bob@example.test</t:EmailAddress></t:Mailbox></t:ToRecipients>`)
	f.ok(`<m:SendItem SaveItemToFolder="true"><m:ItemIds><t:ItemId Id="` + draft + `"/></m:ItemIds></m:SendItem>`)
	if l := via(); fmt.Sprint(l) != "[read receipt CreateItem SendToAllAndSaveCopy CreateItem SendOnly SendItem]" {
		t.Errorf("%q", l)
	}
	if sent, _ := f.alice.WellKnown(mailbox.SentItems); sent.Count != 1 {
		t.Errorf("%+v", sent)
	}
	if in, _ := f.bob.WellKnown(mailbox.Inbox); in.Count != 4 {
		t.Errorf("%d arrived", in.Count)
	}
}

func TestDraftsStayDrafts(t *testing.T) {
	f := start(t, ewstest.Options{})
	flags := func(id string) string {
		return f.first(f.ok(`<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties><t:FieldURI FieldURI="item:IsDraft"/></t:AdditionalProperties></m:ItemShape><m:ItemIds><t:ItemId Id="`+id+`"/></m:ItemIds></m:GetItem>`), `IsDraft>(\w+)<`)
	}
	draft := f.put(`<t:Subject>d</t:Subject>`)
	mail := f.put(`<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="0x0E07" PropertyType="Integer"/><t:Value>1</t:Value></t:ExtendedProperty>`)
	if flags(draft) != "true" || flags(mail) != "false" {
		t.Errorf("%s %s", flags(draft), flags(mail))
	}
	f.update(draft, `<t:SetItemField><t:ExtendedFieldURI PropertyTag="0x0E07" PropertyType="Integer"/><t:Message><t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="0x0E07" PropertyType="Integer"/><t:Value>1</t:Value></t:ExtendedProperty></t:Message></t:SetItemField>`)
	if flags(draft) != "true" {
		t.Error("the draft bit was cleared after the fact")
	}
}

func TestUploadedBytesComeBackAsTheyCame(t *testing.T) {
	f := start(t, ewstest.Options{})
	m := &mapi.Message{}
	m.Props.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Note"))
	m.Props.Set(mapi.PidTagSubject, mapi.StringValue("whole"))
	m.Props.SetName(mapi.Name{Set: mapi.PSPublicStrings, Name: "nobody-knows"}, mapi.Int32Value(7))
	var data bytes.Buffer
	if err := fasttransfer.EncodeItem(context.Background(), &data, m, nil); err != nil {
		t.Fatal(err)
	}
	text := base64.StdEncoding.EncodeToString(data.Bytes())
	inbox := f.first(f.ok(getInbox), `FolderId Id="([^"]+)"`)
	upload := func(action, item, data string) string {
		return `<m:UploadItems><m:Items><t:Item CreateAction="` + action + `"><t:ParentFolderId Id="` + inbox + `"/>` + item + `<t:Data>` + data + `</t:Data></t:Item></m:Items></m:UploadItems>`
	}
	id := f.first(f.ok(upload("CreateNew", "", text)), `ItemId Id="([^"]+)"`)
	export := `<m:ExportItems><m:ItemIds><t:ItemId Id="` + id + `"/></m:ItemIds></m:ExportItems>`
	if got := f.first(f.ok(export), `Data>([^<]+)<`); got != text {
		t.Error("other bytes came back")
	}
	f.ok(upload("Update", `<t:ItemId Id="`+id+`"/>`, text))
	f.update(id, setRead(true))
	got, err := base64.StdEncoding.DecodeString(f.first(f.ok(export), `Data>([^<]+)<`))
	if err != nil || bytes.Equal(got, data.Bytes()) {
		t.Errorf("the bytes do not tell the new read state: %v", err)
	}
	back, _, err := fasttransfer.Decode(context.Background(), bytes.NewReader(got), int64(len(got)), nil)
	if err != nil || back.Props.Text(mapi.PidTagSubject) != "whole" {
		t.Errorf("%v %v", back, err)
	}
	for _, bad := range []string{upload("CreateNew", "", text[:len(text)/8*4]), upload("Other", "", text), upload("CreateNew", "", "!!!"), upload("Update", `<t:ItemId Id="AAAA"/>`, text)} {
		if _, reply := f.post("", bad); !strings.Contains(reply, `ResponseClass="Error"`) {
			t.Errorf("%.200s", reply)
		}
	}
	if f, _ := f.alice.WellKnown(mailbox.Inbox); f.Count != 1 {
		t.Errorf("%d items", f.Count)
	}
}

func TestRestrictionsAndOrder(t *testing.T) {
	f := start(t, ewstest.Options{})
	for i, c := range []string{"Red", "Green", "red"} {
		f.put(fmt.Sprintf(`<t:Subject>Letter %d</t:Subject><t:Categories><t:String>%s</t:String></t:Categories><t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="0x0E06" PropertyType="SystemTime"/><t:Value>202%d-01-01T00:00:00Z</t:Value></t:ExtendedProperty><t:IsRead>%v</t:IsRead>`, i, c, i, i == 1))
	}
	constant := func(op, uri, v string) string {
		return `<t:` + op + `><t:FieldURI FieldURI="` + uri + `"/><t:FieldURIOrConstant><t:Constant Value="` + v + `"/></t:FieldURIOrConstant></t:` + op + `>`
	}
	contains := func(mode, cmp, v string) string {
		return `<t:Contains ContainmentMode="` + mode + `" ContainmentComparison="` + cmp + `"><t:FieldURI FieldURI="item:Subject"/><t:Constant Value="` + v + `"/></t:Contains>`
	}
	for r, want := range map[string]string{
		constant("IsEqualTo", "item:Subject", "letter 1"):                                                                   "[1]",
		constant("IsNotEqualTo", "item:Subject", "Letter 1"):                                                                "[0 2]",
		constant("IsGreaterThan", "item:DateTimeReceived", "2020-06-01T00:00:00Z"):                                          "[1 2]",
		constant("IsGreaterThanOrEqualTo", "item:DateTimeReceived", "2021-01-01T00:00:00Z"):                                 "[1 2]",
		constant("IsLessThan", "item:DateTimeReceived", "2021-01-01T00:00:00Z"):                                             "[0]",
		constant("IsEqualTo", "message:IsRead", "false"):                                                                    "[0 2]",
		constant("IsEqualTo", "item:Categories", "RED"):                                                                     "[0 2]",
		contains("Substring", "IgnoreCase", "ETTER 2"):                                                                      "[2]",
		contains("Prefixed", "Exact", "letter"):                                                                             "[]",
		contains("FullString", "Exact", "Letter 0"):                                                                         "[0]",
		"<t:Not>" + contains("Substring", "Exact", "0") + "</t:Not>":                                                        "[1 2]",
		"<t:Or>" + contains("Substring", "Exact", "0") + contains("Substring", "Exact", "2") + "</t:Or>":                    "[0 2]",
		"<t:And>" + contains("Substring", "Exact", "Letter") + constant("IsEqualTo", "message:IsRead", "true") + "</t:And>": "[1]",
		`<t:Exists><t:ExtendedFieldURI PropertyTag="0x0E06" PropertyType="SystemTime"/></t:Exists>`:                         "[0 1 2]",
		`<t:Exists><t:ExtendedFieldURI PropertyTag="0x1090" PropertyType="Integer"/></t:Exists>`:                            "[]",
	} {
		reply := f.ok(`<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>Default</t:BaseShape></m:ItemShape><m:Restriction>` + r + `</m:Restriction><m:ParentFolderIds>` + inboxID + `</m:ParentFolderIds></m:FindItem>`)
		var got []string
		for i := range 3 {
			if strings.Contains(reply, fmt.Sprintf("Letter %d<", i)) {
				got = append(got, fmt.Sprint(i))
			}
		}
		if fmt.Sprint(got) != want {
			t.Errorf("%s: %v, want %s", r, got, want)
		}
	}
	reply := f.ok(`<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>Default</t:BaseShape></m:ItemShape><m:SortOrder><t:FieldOrder Order="Descending"><t:FieldURI FieldURI="item:DateTimeReceived"/></t:FieldOrder></m:SortOrder><m:ParentFolderIds>` + inboxID + `</m:ParentFolderIds></m:FindItem>`)
	if strings.Index(reply, "Letter 2") > strings.Index(reply, "Letter 0") {
		t.Error(reply)
	}
	_, reply = f.post("", `<m:FindItem Traversal="Shallow">`+idOnly+`<m:Restriction>`+constant("IsEqualTo", "item:NoSuch", "1")+`</m:Restriction><m:ParentFolderIds>`+inboxID+`</m:ParentFolderIds></m:FindItem>`)
	if fmt.Sprint(codes(reply)) != "[ErrorUnsupportedPathForQuery]" {
		t.Error(reply)
	}
}

func TestAStreamOfEvents(t *testing.T) {
	f := start(t, ewstest.Options{Minute: time.Second, Heartbeat: 50 * time.Millisecond})
	id := f.first(f.ok(`<m:Subscribe><m:StreamingSubscriptionRequest><t:FolderIds>`+inboxID+`</t:FolderIds><t:EventTypes><t:EventType>CreatedEvent</t:EventType><t:EventType>NewMailEvent</t:EventType></t:EventTypes></m:StreamingSubscriptionRequest></m:Subscribe>`), `SubscriptionId>([^<]+)<`)
	f.put("<t:Subject>before</t:Subject>")
	go func() {
		time.Sleep(150 * time.Millisecond)
		inbox, _ := f.alice.WellKnown(mailbox.Inbox)
		_, _ = f.alice.Create(context.Background(), inbox.ID, &mapi.Message{}, mailbox.CreateOptions{})
	}()
	status, reply := f.post("", `<m:GetStreamingEvents><m:SubscriptionIds><t:SubscriptionId>`+id+`</t:SubscriptionId></m:SubscriptionIds><m:ConnectionTimeout>1</m:ConnectionTimeout></m:GetStreamingEvents>`)
	if status != 200 || strings.Count(reply, "<t:CreatedEvent>") != 2 || !strings.Contains(reply, "<t:StatusEvent>") || !strings.Contains(reply, "ConnectionStatus>Closed<") || strings.Count(reply, "<?xml") < 4 {
		t.Errorf("%d %s", status, reply)
	}
	if _, reply := f.post("", `<m:GetStreamingEvents><m:SubscriptionIds><t:SubscriptionId>`+id+`</t:SubscriptionId></m:SubscriptionIds><m:ConnectionTimeout>1</m:ConnectionTimeout></m:GetStreamingEvents>`, "bob"); fmt.Sprint(codes(reply)) != "[ErrorInvalidSubscription]" {
		t.Errorf("bob hears of the mail of alice: %s", reply)
	}
}

// endless is base64 of n bytes that are never in memory.
func endless(n int64) io.Reader {
	pr, pw := io.Pipe()
	go func() {
		enc := base64.NewEncoder(base64.StdEncoding, pw)
		_, _ = io.WriteString(enc, "From: a@example.org\r\nSubject: large\r\nMIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n")
		line := strings.Repeat("QUJD", 19) + "\r\n"
		for left := n; left > 0; left -= int64(len(line)) {
			if _, err := io.WriteString(enc, line); err != nil {
				return
			}
		}
		_ = enc.Close()
		_ = pw.Close()
	}()
	return pr
}

func TestALargeMailDoesNotFillMemory(t *testing.T) {
	size := int64(20 << 20)
	if os.Getenv("MAILCONV_CORPUS") != "" { // where there is time
		size = 150 << 20
	}
	f := start(t, ewstest.Options{})
	f.Server.Close()
	s, err := ewstest.New(ewstest.Options{Mailboxes: f.boxes, Convert: f.convert()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	stop, peak := make(chan struct{}), make(chan uint64)
	go func() {
		var most uint64
		for {
			select {
			case <-stop:
				peak <- most
				return
			case <-time.After(5 * time.Millisecond):
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapInuse)
			}
		}
	}()
	head, tail, _ := strings.Cut(fmt.Sprintf(envelope, version, `<m:CreateItem MessageDisposition="SaveOnly"><m:SavedItemFolderId>`+inboxID+`</m:SavedItemFolderId><m:Items><t:Message><t:MimeContent>|</t:MimeContent></t:Message></m:Items></m:CreateItem>`), "|")
	send := func(body io.Reader) *http.Response {
		req, _ := http.NewRequest("POST", s.URL(), body)
		req.SetBasicAuth("alice", "secret")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}
	resp := send(io.MultiReader(strings.NewReader(head), endless(size), strings.NewReader(tail)))
	b, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	id := f.first(string(b), `ItemId Id="([^"]+)"`)
	for _, op := range []string{
		`<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:IncludeMimeContent>true</t:IncludeMimeContent></m:ItemShape><m:ItemIds><t:ItemId Id="` + id + `"/></m:ItemIds></m:GetItem>`,
		`<m:ExportItems><m:ItemIds><t:ItemId Id="` + id + `"/></m:ItemIds></m:ExportItems>`,
	} {
		resp := send(strings.NewReader(fmt.Sprintf(envelope, version, op)))
		n, err := io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if err != nil || n < size*9/10 { // a stream holds the decoded attachment
			t.Errorf("%d bytes came, %v", n, err)
		}
	}
	close(stop)
	most := <-peak
	t.Logf("%d MiB each way, the heap of both sides has at most %d MiB", size>>20, most>>20)
	if most > 32<<20 {
		t.Errorf("the heap has %d MiB", most>>20)
	}
}

func TestListingsCutLongValues(t *testing.T) {
	f := start(t, ewstest.Options{})
	long := strings.Repeat("ä", 400)
	id := f.put(`<t:Subject>` + long + `</t:Subject>`)
	more := `<t:AdditionalProperties><t:FieldURI FieldURI="item:Subject"/><t:ExtendedFieldURI PropertyTag="0x0037" PropertyType="String"/></t:AdditionalProperties>`
	reply := f.ok(`<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape>` + more + `</m:ItemShape><m:ParentFolderIds>` + inboxID + `</m:ParentFolderIds></m:FindItem>`)
	if n := strings.Count(reply, "ä"); n != 2*255 {
		t.Errorf("%d characters in the listing", n)
	}
	reply = f.ok(`<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape>` + more + `</m:ItemShape><m:ItemIds><t:ItemId Id="` + id + `"/></m:ItemIds></m:GetItem>`)
	if n := strings.Count(reply, "ä"); n != 2*400 {
		t.Errorf("%d characters of the item", n)
	}
}
