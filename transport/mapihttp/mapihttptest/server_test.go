package mapihttptest_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/codepage"
	"github.com/mailconv/mailconv/mapi/fasttransfer"
	"github.com/mailconv/mailconv/mapi/rop"
	"github.com/mailconv/mailconv/transport/mapihttp/mapihttptest"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

var bg = context.Background()

// client is as little of a client as drives a server.
type client struct {
	t      *testing.T
	s      *mapihttptest.Server
	http   *http.Client
	cols   rop.Columns
	flags  uint32
	header rop.HeaderFlags
	n      int
}

const dn = "/o=Example/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn=ann"

func start(t *testing.T, o mapihttptest.Options) (*mapihttptest.Server, *mailbox.Mailbox, *client) {
	t.Helper()
	s, err := mapihttptest.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	box := s.Mailboxes().Add(mailbox.Account{Address: "ann@example.org", Name: "Ann", Password: "secret"})
	jar, _ := cookiejar.New(nil)
	c := &client{t: t, s: s, http: &http.Client{Jar: jar}, flags: rop.NoCompression | rop.NoXorMagic}
	c.cols.Charset, _ = codepage.Get(1252)
	return s, box, c
}

// post sends a body and gives the response code and the body behind DONE.
func (c *client) post(kind string, body []byte) (string, []byte, error) {
	c.t.Helper()
	req, _ := http.NewRequest("POST", c.s.URL(), bytes.NewReader(body))
	req.SetBasicAuth("ann", "secret")
	c.n++
	for k, v := range map[string]string{
		"Content-Type": "application/mapi-http", "X-RequestType": kind, "X-RequestId": fmt.Sprintf("{E2EA6C1C-E61B-49E9-9CFB-38184F907552}:%d", c.n),
		"X-ClientInfo": "{2F94A2BF-A2E6-4CCC-BF98-B5F22C542226}:1", "X-ClientApplication": "Outlook/15.0.4551.1",
	} {
		req.Header.Set(k, v)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return "", nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	_, b, _ = bytes.Cut(b, []byte("\r\n\r\n"))
	return resp.Header.Get("X-ResponseCode"), b, err
}

func (c *client) connect() {
	c.t.Helper()
	b, _ := rop.MarshalBody(&rop.ConnectRequest{UserDN: dn, DefaultCodePage: 1252, LcidSort: 0x409, LcidString: 0x409})
	code, b, err := c.post("Connect", b)
	var r rop.ConnectResponse
	if err != nil || code != "0" || rop.ParseBody(b, &r) != nil || r.ErrorCode != rop.Success || r.DisplayName != "Ann" {
		c.t.Fatalf("Connect: code %s, %+v, %v", code, r, err)
	}
}

// do executes operations and gives their answers.
func (c *client) do(handles []uint32, requests ...rop.Request) *rop.ResponseBuffer {
	c.t.Helper()
	rgb, err := rop.WrapRequests(&rop.RequestBuffer{Requests: requests, Handles: handles}, c.header)
	if err != nil {
		c.t.Fatal(err)
	}
	b, err := rop.MarshalBody(&rop.ExecuteRequest{Flags: c.flags, RopBuffer: rgb, MaxRopOut: 0x10008})
	if err != nil {
		c.t.Fatal(err)
	}
	code, b, err := c.post("Execute", b)
	var r rop.ExecuteResponse
	if err != nil || code != "0" || rop.ParseBody(b, &r) != nil || r.ErrorCode != rop.Success {
		c.t.Fatalf("Execute: code %s, %v, %v", code, r.ErrorCode, err)
	}
	list, err := rop.ParsePayloads(r.RopBuffer)
	if err != nil {
		c.t.Fatal(err)
	}
	out, err := rop.ParseResponse(list[0].Data, requests, &c.cols)
	if err != nil {
		c.t.Fatal(err)
	}
	return out
}

// must is do for operations that succeed.
func (c *client) must(handles []uint32, requests ...rop.Request) *rop.ResponseBuffer {
	c.t.Helper()
	out := c.do(handles, requests...)
	for _, r := range out.Responses {
		if r.Code != rop.Success {
			c.t.Fatalf("%v: %v", r.ID, r.Code)
		}
	}
	return out
}

func (c *client) logon() (uint32, *rop.LogonResult) {
	c.t.Helper()
	c.connect()
	out := c.must([]uint32{rop.NoHandle}, rop.Request{Body: &rop.Logon{LogonFlags: rop.LogonPrivate, OpenFlags: rop.OpenUsePerMDBReplidMap, ESSDN: dn}})
	return out.Handles[0], out.Responses[0].Body.(*rop.LogonResult)
}

func TestAMessageIsMadeAndRead(t *testing.T) {
	for name, o := range map[string]mapihttptest.Options{
		"plain":      {},
		"compressed": {Compress: true, Obfuscate: true, Pending: true},
	} {
		t.Run(name, func(t *testing.T) {
			_, box, c := start(t, o)
			if o.Compress {
				c.flags, c.header = 0, rop.Compressed|rop.XorMagic
			}
			h, l := c.logon()
			inbox := l.Folders[rop.FolderInbox]
			named := &mapi.Name{Set: mapi.PSMAPI, Name: "colour"}
			named.Set = mapi.MustGUID("00020329-0000-0000-C000-000000000046")
			out := c.must([]uint32{h}, rop.Request{Body: &rop.GetPropertyIDsFromNames{Flags: rop.NamesCreate, Names: []*mapi.Name{named}}})
			id := out.Responses[0].Body.(*rop.GetPropertyIDsFromNamesResult).IDs[0]
			if id < 0x8000 {
				t.Fatalf("the name has the identifier 0x%04X", id)
			}
			big := strings.Repeat("0123456789abcdef", 20_000)
			requests := []rop.Request{
				{In: 0, Out: 1, Body: &rop.CreateMessage{CodePage: rop.LogonCodePage, FolderID: inbox}},
				{In: 1, Body: &rop.SetProperties{Props: mapi.Properties{
					{Tag: mapi.PidTagSubject, Value: mapi.StringValue("Grüße")},
					{Tag: mapi.NewTag(id, mapi.TypeString), Value: mapi.StringValue("red")},
				}}},
				{In: 1, Out: 2, Body: &rop.OpenStream{Tag: mapi.PidTagHtml, OpenModeFlags: rop.Create}},
			}
			out = c.must([]uint32{h, rop.NoHandle, rop.NoHandle}, requests...)
			msg, st := out.Handles[1], out.Handles[2]
			for i := 0; i < len(big); i += 30_000 {
				c.must([]uint32{st}, rop.Request{Body: &rop.WriteStream{Data: []byte(big[i:min(i+30_000, len(big))])}})
			}
			out = c.must([]uint32{st, msg, h}, rop.Request{Body: &rop.CommitStream{}}, rop.Request{Body: &rop.Release{}},
				rop.Request{In: 1, Out: 2, Body: &rop.SaveChangesMessage{SaveFlags: rop.KeepOpenReadWrite}})
			saved := out.Responses[len(out.Responses)-1].Body.(*rop.SaveChangesMessageResult).MessageID

			in, _ := box.WellKnown(mailbox.Inbox)
			items, _ := box.Items(in.ID, mailbox.Normal)
			if len(items) != 1 {
				t.Fatalf("%d items", len(items))
			}
			ps := items[0].Message.Props
			if ps.Text(mapi.PidTagSubject) != "Grüße" || ps.NameText(*named) != "red" {
				t.Errorf("stored is %v", ps)
			}

			// And read: as a row, and as a stream.
			out = c.must([]uint32{h, rop.NoHandle, rop.NoHandle},
				rop.Request{Out: 1, Body: &rop.OpenFolder{FolderID: inbox}},
				rop.Request{In: 1, Out: 2, Body: &rop.GetContentsTable{TableFlags: rop.TableUseUnicode}},
				rop.Request{In: 2, Body: &rop.SetColumns{Tags: []mapi.Tag{mapi.PidTagMid, mapi.PidTagSubject, mapi.PidTagComment}}},
				rop.Request{In: 2, Body: &rop.QueryRows{ForwardRead: true, RowCount: 50}})
			rows := out.Responses[3].Body.(*rop.QueryRowsResult).Rows
			if len(rows) != 1 || rows[0].Values[1].Text() != "Grüße" || rows[0].Values[2].Type() != mapi.TypeErrorCode {
				t.Fatalf("rows %+v", rows)
			}
			if n, _ := rows[0].Values[0].Int(); rop.ObjectID(n) != saved {
				t.Errorf("saved as %v, listed as %v", saved, rop.ObjectID(n))
			}
			out = c.must([]uint32{h, rop.NoHandle, rop.NoHandle},
				rop.Request{Out: 1, Body: &rop.OpenMessage{CodePage: rop.LogonCodePage, FolderID: inbox, MessageID: saved}},
				rop.Request{In: 1, Out: 2, Body: &rop.FastTransferSourceCopyTo{SendOptions: rop.SendUnicode}})
			m := c.decode(c.download(out.Handles[2]))
			if m.Props.Text(mapi.PidTagSubject) != "Grüße" || m.Props.NameText(*named) != "red" {
				t.Errorf("streamed is %v", m.Props)
			}
			v, _ := m.Props.Get(mapi.PidTagHtml)
			if v.Size() != int64(len(big)) {
				t.Errorf("the body has %d of %d bytes", v.Size(), len(big))
			}
		})
	}
}

func (c *client) download(h uint32) []byte {
	c.t.Helper()
	var data []byte
	for {
		out := c.must([]uint32{h}, rop.Request{Body: &rop.FastTransferSourceGetBuffer{BufferSize: rop.LongCount, MaximumBufferSize: 0xF000}})
		r := out.Responses[0].Body.(*rop.FastTransferSourceGetBufferResult)
		data = append(data, r.Data...)
		if r.TransferStatus == rop.TransferDone {
			return data
		}
	}
}

func (c *client) decode(b []byte) *mapi.Message {
	c.t.Helper()
	m, problems, err := fasttransfer.Decode(bg, bytes.NewReader(b), int64(len(b)), nil)
	if err != nil || len(problems) > 0 {
		c.t.Fatal(problems, err)
	}
	return m
}

func TestAnUploadBecomesAMessage(t *testing.T) {
	_, box, c := start(t, mapihttptest.Options{})
	h, l := c.logon()
	m := &mapi.Message{}
	m.Props.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Note"))
	m.Props.Set(mapi.PidTagSubject, mapi.StringValue("by stream"))
	m.Props.Set(mapi.PidTagMessageFlags, mapi.Int32Value(1))
	r := &mapi.Recipient{}
	r.Props.Set(mapi.PidTagRowid, mapi.Int32Value(0))
	r.Props.Set(mapi.PidTagDisplayName, mapi.StringValue("Zoe"))
	m.Recipients = append(m.Recipients, r)
	var b bytes.Buffer
	if err := fasttransfer.Encode(bg, &b, m, nil); err != nil {
		t.Fatal(err)
	}
	upload := func(data []byte) rop.Code {
		out := c.must([]uint32{h, rop.NoHandle, rop.NoHandle},
			rop.Request{Out: 1, Body: &rop.CreateMessage{CodePage: rop.LogonCodePage, FolderID: l.Folders[rop.FolderInbox]}},
			rop.Request{In: 1, Out: 2, Body: &rop.FastTransferDestinationConfigure{SourceOperation: rop.FromCopyTo}},
			rop.Request{In: 2, Body: &rop.FastTransferDestinationPutBuffer{Data: data}},
			rop.Request{In: 2, Body: &rop.Release{}})
		out = c.do([]uint32{out.Handles[1], h}, rop.Request{In: 0, Out: 1, Body: &rop.SaveChangesMessage{}})
		return out.Responses[0].Code
	}
	if code := upload(b.Bytes()); code != rop.Success {
		t.Fatal(code)
	}
	if code := upload(b.Bytes()[:b.Len()-3]); code != rop.CorruptData {
		t.Errorf("a stream that is cut off: %v", code)
	}
	in, _ := box.WellKnown(mailbox.Inbox)
	items, _ := box.Items(in.ID, mailbox.Normal)
	if len(items) != 1 || items[0].Message.Props.Text(mapi.PidTagSubject) != "by stream" || len(items[0].Message.Recipients) != 1 {
		t.Fatalf("%d items", len(items))
	}
}

func TestSynchronization(t *testing.T) {
	_, box, c := start(t, mapihttptest.Options{})
	in, _ := box.WellKnown(mailbox.Inbox)
	add := func(subject string) mailbox.Item {
		m := &mapi.Message{}
		m.Props.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Note"))
		m.Props.Set(mapi.PidTagSubject, mapi.StringValue(subject))
		it, err := box.Create(bg, in.ID, m, mailbox.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return it
	}
	first, second := add("first"), add("second")
	h, l := c.logon()
	var state mapi.Properties
	sync := func() (subjects []string, marks map[fasttransfer.Marker]int) {
		t.Helper()
		out := c.must([]uint32{h, rop.NoHandle, rop.NoHandle},
			rop.Request{Out: 1, Body: &rop.OpenFolder{FolderID: l.Folders[rop.FolderInbox]}},
			rop.Request{In: 1, Out: 2, Body: &rop.SynchronizationConfigure{
				SynchronizationType: rop.SyncContents, SendOptions: rop.SendUnicode,
				Flags: rop.SyncUnicode | rop.SyncNormal | rop.SyncFAI | rop.SyncReadState, ExtraFlags: rop.SyncExtraEID | rop.SyncExtraCN,
			}})
		sh := out.Handles[2]
		for _, p := range state {
			tag := p.Tag
			if tag == fasttransfer.MetaTagIdsetGiven {
				tag = rop.StateIdsetGiven
			}
			c.must([]uint32{sh}, rop.Request{Body: &rop.SynchronizationUploadStateStreamBegin{StateProperty: tag, TransferBufferSize: uint32(p.Value.Size())}},
				rop.Request{Body: &rop.SynchronizationUploadStateStreamContinue{Data: p.Value.Raw()}}, rop.Request{Body: &rop.SynchronizationUploadStateStreamEnd{}})
		}
		data := c.download(sh)
		marks = map[fasttransfer.Marker]int{}
		lex := fasttransfer.NewLexer(bg, bytes.NewReader(data), int64(len(data)), nil)
		inState := false
		state = nil
		for {
			e, err := lex.Next()
			if err == io.EOF {
				return subjects, marks
			}
			if err != nil {
				t.Fatal(err)
			}
			if e.Marker != 0 {
				marks[e.Marker]++
				inState = e.IsMarker(fasttransfer.IncrSyncStateBegin)
			} else if inState {
				state = append(state, e.Property)
			} else if e.Property.Tag == mapi.PidTagSubject {
				subjects = append(subjects, e.Property.Value.Text())
			}
		}
	}
	if got, _ := sync(); len(got) != 2 {
		t.Fatalf("at first %q", got)
	}
	if got, m := sync(); len(got) != 0 || m[fasttransfer.IncrSyncDel]+m[fasttransfer.IncrSyncRead] != 0 {
		t.Fatalf("nothing changed, but %q, %v", got, m)
	}
	box.SetRead(first.ID, true)
	if got, m := sync(); len(got) != 0 || m[fasttransfer.IncrSyncRead] != 1 {
		t.Fatalf("one was read, but %q, %v", got, m)
	}
	box.Delete(second.ID, mailbox.Hard)
	add("third")
	if got, m := sync(); len(got) != 1 || got[0] != "third" || m[fasttransfer.IncrSyncDel] != 1 {
		t.Fatalf("one went and one came, but %q, %v", got, m)
	}
}

func TestWhatDoesNotFitIsHandedBack(t *testing.T) {
	_, box, c := start(t, mapihttptest.Options{MaxRopOut: 600})
	in, _ := box.WellKnown(mailbox.Inbox)
	m := &mapi.Message{}
	m.Props.Set(mapi.PidTagSubject, mapi.StringValue(strings.Repeat("long ", 30)))
	for range 10 {
		if _, err := box.Create(bg, in.ID, m, mailbox.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	h, l := c.logon()
	out := c.do([]uint32{h, rop.NoHandle, rop.NoHandle},
		rop.Request{Out: 1, Body: &rop.OpenFolder{FolderID: l.Folders[rop.FolderInbox]}},
		rop.Request{In: 1, Out: 2, Body: &rop.GetContentsTable{}},
		rop.Request{In: 2, Body: &rop.SetColumns{Tags: []mapi.Tag{mapi.PidTagSubject}}},
		rop.Request{In: 2, Body: &rop.QueryRows{ForwardRead: true, RowCount: 50}},
		rop.Request{In: 2, Body: &rop.GetPropertiesAll{}})
	last := out.Responses[len(out.Responses)-1]
	if n := len(out.Responses[3].Body.(*rop.QueryRowsResult).Rows); n == 0 || n == 10 {
		t.Errorf("%d rows in a small buffer", n)
	}
	if last.ID != rop.IDGetPropertiesAll && last.ID != rop.IDBufferTooSmall {
		t.Errorf("the last answer is %v", last.ID)
	}
}

func TestSessions(t *testing.T) {
	s, _, c := start(t, mapihttptest.Options{})
	c.logon()
	body, _ := rop.MarshalBody(&rop.ExecuteRequest{})
	s.Forget()
	if code, _, _ := c.post("Execute", body); code != "10" {
		t.Errorf("a session that is gone: code %s", code)
	}
	if code, _, _ := c.post("Dance", body); code != "5" {
		t.Errorf("an unknown type: code %s", code)
	}
	c.http.Jar, _ = cookiejar.New(nil)
	if code, _, _ := c.post("Execute", body); code != "13" {
		t.Errorf("no cookie: code %s", code)
	}
	c.connect()
	s.Inject("Execute", 1, 1, mapihttptest.Fault{Kind: mapihttptest.DropAfter})
	if _, _, err := c.post("Execute", body); err == nil {
		t.Error("a dropped answer arrived")
	}
}

func TestEventsAreTold(t *testing.T) {
	_, box, c := start(t, mapihttptest.Options{})
	h, l := c.logon()
	c.must([]uint32{h, rop.NoHandle}, rop.Request{Out: 1, Body: &rop.RegisterNotification{
		Types: rop.NewMail | rop.CreatedObject | rop.DeletedObject, FolderID: l.Folders[rop.FolderInbox],
	}})
	in, _ := box.WellKnown(mailbox.Inbox)
	m := &mapi.Message{}
	m.Props.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Note"))
	if _, err := box.Create(bg, in.ID, m, mailbox.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	body, _ := rop.MarshalBody(&rop.NotificationWaitRequest{})
	code, b, err := c.post("NotificationWait", body)
	var r rop.NotificationWaitResponse
	if err != nil || code != "0" || rop.ParseBody(b, &r) != nil || r.EventPending == 0 {
		t.Fatalf("code %s, %+v, %v", code, r, err)
	}
	out := c.must([]uint32{h}, rop.Request{Body: &rop.GetReceiveFolder{}})
	n, ok := out.Responses[len(out.Responses)-1].Body.(*rop.Notify)
	if !ok || n.FolderID != l.Folders[rop.FolderInbox] {
		t.Fatalf("answers %+v", out.Responses)
	}
}
