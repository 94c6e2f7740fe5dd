package graphtest_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/transport/graph/graphtest"
)

func recipient(name, addr string) object {
	return object{"emailAddress": object{"name": name, "address": addr}}
}

func TestFolders(t *testing.T) {
	s := start(t, graphtest.Options{})
	c := connect(t, s)
	list, _ := c.all("me/mailFolders?$top=3")
	names := map[string]object{}
	for _, f := range list {
		names[f["displayName"].(string)] = f
	}
	for _, n := range []string{"Inbox", "Drafts", "Sent Items", "Deleted Items", "Junk Email", "Outbox"} {
		if names[n] == nil {
			t.Errorf("no %s in %v", n, list)
		}
	}
	if names["Calendar"] != nil || names["Contacts"] != nil {
		t.Error("calendars and contacts are no folders of mail")
	}
	f := c.do(201, "POST", "me/mailFolders", object{"displayName": "Łódź/2024"})
	sub := c.do(201, "POST", "me/mailFolders/"+f["id"].(string)+"/childFolders", object{"displayName": "hid", "isHidden": true})
	if e := c.do(409, "POST", "me/mailFolders", object{"displayName": "łódź/2024"}); code(e) != "ErrorFolderExists" {
		t.Errorf("twice: %v", e)
	}
	if l, _ := c.all("me/mailFolders/" + f["id"].(string) + "/childFolders"); len(l) != 0 {
		t.Errorf("a hidden folder is listed: %v", l)
	}
	if l, _ := c.all("me/mailFolders/" + f["id"].(string) + "/childFolders?includeHiddenFolders=true"); len(l) != 1 {
		t.Errorf("a hidden folder is not listed: %v", l)
	}
	if o := c.do(200, "PATCH", "me/mailFolders/"+sub["id"].(string), object{"displayName": "seen"}); o["displayName"] != "seen" {
		t.Errorf("renamed: %v", o)
	}
	o := c.get("me/mailFolders/" + f["id"].(string) + "?$select=displayName,childFolderCount")
	if o["displayName"] != "Łódź/2024" || o["childFolderCount"] != 1.0 || o["isHidden"] != nil {
		t.Errorf("selected: %v", o)
	}
	c.do(204, "DELETE", "me/mailFolders/"+f["id"].(string), nil)
	if o := c.get("me/mailFolders/deleteditems"); o["childFolderCount"] != 1.0 {
		t.Errorf("a deleted folder goes to the deleted items: %v", o)
	}
	c.do(204, "DELETE", "me/mailFolders/"+f["id"].(string), nil)
	if e := c.do(404, "GET", "me/mailFolders/"+f["id"].(string), nil); code(e) != "ErrorItemNotFound" {
		t.Errorf("gone: %v", e)
	}
	c.do(403, "DELETE", "me/mailFolders/inbox", nil)
	if o := c.get("me/mailFolders/archive"); o["displayName"] != "Archive" {
		t.Errorf("archive: %v", o)
	}
}

// T59, T60: what decides over drafts, dates and threads.
func TestCreateJSON(t *testing.T) {
	s := start(t, graphtest.Options{})
	c := connect(t, s)
	plain := object{
		"subject": "Re: Plan", "body": object{"contentType": "html", "content": "<p>Grüße</p>"},
		"from": recipient("Anna", "anna@mailconv.example"), "toRecipients": []any{recipient("Zoe", zoe)},
		"ccRecipients": []any{recipient("", "c@x.example")}, "replyTo": []any{recipient("R", "r@x.example")},
		"importance": "high", "categories": []any{"Red category", "Ω"}, "isRead": true, "internetMessageId": "<x@y.example>",
		"receivedDateTime": "2001-01-01T00:00:00Z", "sentDateTime": "2001-01-01T00:00:00Z", "isDraft": false,
		"flag":                   object{"flagStatus": "flagged"},
		"internetMessageHeaders": []any{object{"name": "X-Trace", "value": "7"}},
		"attachments":            []any{object{"@odata.type": "#microsoft.graph.fileAttachment", "name": "a.txt", "contentType": "text/plain", "contentBytes": b64("hello")}},
	}
	o := c.do(201, "POST", "me/mailFolders/inbox/messages", plain)
	if o["isDraft"] != true || o["receivedDateTime"] == "2001-01-01T00:00:00Z" || o["isRead"] != true {
		t.Errorf("without extended properties it is a draft of today: %v", o)
	}
	if at(o, "body", "content") != "<p>Grüße</p>" || at(o, "flag", "flagStatus") != "flagged" || o["importance"] != "high" || o["hasAttachments"] != true ||
		at(o["replyTo"].([]any)[0].(object), "emailAddress", "address") != "r@x.example" || fmt.Sprint(o["categories"]) != "[Red category Ω]" {
		t.Errorf("created: %v", o)
	}
	plain["singleValueExtendedProperties"] = []any{
		object{"id": "Integer 0x0E07", "value": "4"},
		object{"id": "SystemTime 0x0E06", "value": "2019-05-01T10:00:00Z"},
		object{"id": "SystemTime 0x0039", "value": "2019-05-01T09:59:00.5Z"},
		object{"id": "String 0x1042", "value": "<parent@y.example>"},
		object{"id": "String 0x1039", "value": "<root@y.example> <parent@y.example>"},
		object{"id": "String 0x007D", "value": "Received: from a\r\n by b\r\nSubject: Re: Plan\r\n"},
		object{"id": "String {00020329-0000-0000-c000-000000000046} Name mailconv-token", "value": "t1"},
	}
	plain["multiValueExtendedProperties"] = []any{object{"id": "StringArray {00020329-0000-0000-c000-000000000046} Name Colors", "value": []any{"a", "b"}}}
	o = c.do(201, "POST", "me/mailFolders/inbox/messages", plain)
	if o["isDraft"] != false || o["receivedDateTime"] != "2019-05-01T10:00:00Z" || o["sentDateTime"] != "2019-05-01T09:59:00Z" || o["isRead"] != true {
		t.Errorf("with them it is none: %v", o)
	}
	o = c.get("me/messages/" + o["id"].(string) + "?$select=internetMessageHeaders&$expand=" +
		"singleValueExtendedProperties($filter=id eq 'String 0x1042' or id eq 'String 0x1039' or id eq 'String {00020329-0000-0000-C000-000000000046} Name mailconv-token')," +
		"multiValueExtendedProperties($filter=id eq 'StringArray {00020329-0000-0000-c000-000000000046} Name Colors')")
	if fmt.Sprint(o["internetMessageHeaders"]) != "[map[name:Received value:from a by b] map[name:Subject value:Re: Plan]]" {
		t.Errorf("headers: %v", o["internetMessageHeaders"])
	}
	if l := o["singleValueExtendedProperties"].([]any); len(l) != 3 || l[0].(object)["value"] != "<parent@y.example>" || l[2].(object)["value"] != "t1" {
		t.Errorf("extended: %v", l)
	}
	if l := o["multiValueExtendedProperties"].([]any); fmt.Sprint(l[0].(object)["value"]) != "[a b]" {
		t.Errorf("extended lists: %v", l)
	}
}

func TestExtendedProperties(t *testing.T) {
	s := start(t, graphtest.Options{})
	c := connect(t, s)
	values := map[string]string{
		"Integer 0x0E07": "1", "Boolean 0x0029": "true", "Binary 0x300B": b64("key"), "Short {00062008-0000-0000-c000-000000000046} Id 0x8501": "-3",
		"Long {00062008-0000-0000-c000-000000000046} Id 0x8502": "1099511627776", "Double {00062008-0000-0000-c000-000000000046} Name rate": "0.25",
		"SystemTime {00062008-0000-0000-c000-000000000046} Id 0x8516":  "2024-02-29T13:07:11.1234567Z",
		"CLSID {00062008-0000-0000-c000-000000000046} Name g":          "00062004-0000-0000-c000-000000000046",
		"String {00020329-0000-0000-c000-000000000046} Name two words": "x",
	}
	var list []any
	var ids []string
	for id, v := range values {
		list = append(list, object{"id": id, "value": v})
		ids = append(ids, "id eq '"+id+"'")
	}
	o := c.do(201, "POST", "me/messages", object{"subject": "x", "singleValueExtendedProperties": list})
	url := "me/messages/" + o["id"].(string) + "?$expand=singleValueExtendedProperties($filter=" + strings.Join(ids, " or ") + ")"
	got := map[string]string{}
	for _, e := range c.get(url)["singleValueExtendedProperties"].([]any) {
		got[e.(object)["id"].(string)] = e.(object)["value"].(string)
	}
	for id, v := range values {
		if got[id] != v {
			t.Errorf("%s: %q, want %q", id, got[id], v)
		}
	}
	// The draft bit is settled when a message is made.
	o = c.do(201, "POST", "me/messages", object{"subject": "draft"})
	o = c.do(200, "PATCH", "me/messages/"+o["id"].(string), object{"singleValueExtendedProperties": []any{object{"id": "Integer 0x0E07", "value": "1"}}})
	if o["isDraft"] != true {
		t.Error("a draft became none")
	}
	for _, bad := range []object{
		{"id": "Integer 0x0E07", "value": "x"},
		{"id": "Integer 0x8501", "value": "1"},
		{"id": "Number 0x0E07", "value": "1"},
		{"id": "String {x} Name y", "value": "1"},
		{"id": "Integer 0x0E08", "value": "1"},
	} {
		c.do(400, "POST", "me/messages", object{"subject": "x", "singleValueExtendedProperties": []any{bad}})
	}
	if e := c.do(400, "POST", "me/messages", object{"internetMessageHeaders": []any{object{"name": "Received", "value": "x"}}}); code(e) != "InvalidInternetMessageHeader" {
		t.Errorf("a header without x-: %v", e)
	}
	// An extended property finds its item.
	l, _ := c.all("me/messages?$filter=singleValueExtendedProperties/any(ep:ep/id eq 'String {00020329-0000-0000-c000-000000000046} Name two words' and ep/value eq 'x')")
	if len(l) != 1 {
		t.Errorf("found by a property: %v", l)
	}
}

func TestMIME(t *testing.T) {
	s := start(t, graphtest.Options{})
	c := connect(t, s)
	o := c.do(201, "POST", "me/mailFolders/inbox/messages", b64(mail))
	if o["isDraft"] != true || o["subject"] != "Über uns" || o["internetMessageId"] != "<1@mailconv.example>" {
		t.Errorf("of MIME: %v", o)
	}
	v := c.get("me/messages/" + o["id"].(string) + "/$value")["text"].(string)
	if !strings.Contains(v, "Message-ID: <1@mailconv.example>") || !strings.Contains(v, "Date: Thu, 29 Feb 2024 12:00:00 +0100") && !strings.Contains(v, "Date: Thu, 29 Feb 2024 11:00:00 +0000") {
		t.Errorf("$value: %s", v)
	}
	if e := c.do(400, "POST", "me/messages", "no base64!"); code(e) != "ErrorMimeContentInvalidBase64String" {
		t.Errorf("bad base64: %v", e)
	}
	c.do(413, "POST", "me/messages", strings.Repeat("QUJD", 1<<20+1))
	// Made anew each time, and the same each time.
	o = c.do(201, "POST", "me/messages", object{"subject": "large", "attachments": []any{
		object{"@odata.type": "#microsoft.graph.fileAttachment", "name": "a.bin", "contentBytes": b64(strings.Repeat("0123456789", 200_000))},
	}})
	v = c.get("me/messages/" + o["id"].(string) + "/$value")["text"].(string)
	if c.get("me/messages/" + o["id"].(string) + "/$value")["text"] != v || len(v) < 2_600_000 {
		t.Errorf("%d bytes, and others the second time", len(v))
	}
	// A range, as a broken download asks for.
	resp, err := c.with("Range", "bytes=10-").raw("GET", "me/messages/"+o["id"].(string)+"/$value", nil, "")
	if err != nil {
		t.Fatal(err)
	}
	rest, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode != 206 || string(rest) != v[10:] {
		t.Errorf("range: %d, %d bytes of %d", resp.StatusCode, len(rest), len(v)-10)
	}
}

func TestChangeMoveDelete(t *testing.T) {
	s := start(t, graphtest.Options{})
	c := connect(t, s)
	im := c.with("Prefer", `IdType="ImmutableId"`)
	o := c.do(201, "POST", "me/mailFolders/inbox/messages", object{"subject": "a"})
	id := o["id"].(string)
	tr := c.do(200, "POST", "me/translateExchangeIds", object{"inputIds": []any{id, "bad"}, "sourceIdType": "restId", "targetIdType": "restImmutableEntryId"})
	fixed := tr["value"].([]any)[0].(object)["targetId"].(string)
	if tr["value"].([]any)[1].(object)["errorDetails"] == nil {
		t.Errorf("a bad id: %v", tr)
	}
	if o := im.get("me/messages/" + id); o["id"] != fixed {
		t.Errorf("immutable: %v, translated: %s", o["id"], fixed)
	}
	moved := c.do(201, "POST", "me/messages/"+id+"/move", object{"destinationId": "archive"})
	if moved["id"] == id {
		t.Error("a move changes the id")
	}
	c.do(404, "GET", "me/messages/"+id, nil)
	if o := im.get("me/messages/" + fixed); o["id"] != fixed {
		t.Errorf("an immutable id stays: %v", o["id"])
	}
	o = im.do(200, "PATCH", "me/messages/"+fixed, object{"isRead": true, "categories": []any{"x"}, "flag": object{"flagStatus": "complete"}})
	if o["isRead"] != true || fmt.Sprint(o["categories"]) != "[x]" || at(o, "flag", "flagStatus") != "complete" {
		t.Errorf("changed: %v", o)
	}
	if e := im.with("If-Match", `W/"old"`).do(412, "PATCH", "me/messages/"+fixed, object{"subject": "b"}); code(e) != "ErrorIrresolvableConflict" {
		t.Errorf("conflict: %v", e)
	}
	if cp := im.do(201, "POST", "me/messages/"+fixed+"/copy", object{"destinationId": "inbox"}); cp["id"] == fixed {
		t.Error("a copy has an id of its own")
	}
	im.do(204, "DELETE", "me/messages/"+fixed, nil)
	if l, _ := c.all("me/mailFolders/deleteditems/messages"); len(l) != 1 {
		t.Errorf("deleted items: %v", l)
	}
	im.do(204, "DELETE", "me/messages/"+fixed, nil)
	if l, _ := c.all("me/mailFolders/recoverableitemsdeletions/messages"); len(l) != 1 {
		t.Errorf("recoverable items: %v", l)
	}
	im.do(204, "POST", "me/messages/"+fixed+"/permanentDelete", nil)
	im.do(404, "GET", "me/messages/"+fixed, nil)
}

func TestListing(t *testing.T) {
	s := start(t, graphtest.Options{})
	c := connect(t, s)
	for i := range 25 {
		c.do(201, "POST", "me/mailFolders/inbox/messages", object{
			"subject": fmt.Sprintf("Letter %02d", i), "isRead": i%2 == 0, "body": object{"contentType": "text", "content": fmt.Sprintf("word%d", i)},
			"singleValueExtendedProperties": []any{object{"id": "SystemTime 0x0E06", "value": fmt.Sprintf("2020-01-%02dT00:00:00Z", i+1)}},
		})
	}
	l, _ := c.all("me/mailFolders/inbox/messages")
	if len(l) != 25 || l[0]["subject"] != "Letter 24" || l[24]["subject"] != "Letter 00" {
		t.Errorf("listed: %d, %v", len(l), l[0]["subject"])
	}
	for url, want := range map[string]string{
		"$filter=isRead eq true and receivedDateTime ge 2020-01-20T00:00:00Z&$select=subject":   "[Letter 24 Letter 22 Letter 20]",
		"$orderby=receivedDateTime asc&$top=2&$select=subject&$skip=23":                         "[Letter 23 Letter 24]",
		"$filter=startswith(subject,'letter 0') and not (isRead eq true)&$orderby=subject desc": "[Letter 09 Letter 07 Letter 05 Letter 03 Letter 01]",
		`$search="word13"`: "[Letter 13]",
		"$filter=subject eq 'Letter 05' or subject eq 'Letter 06'": "[Letter 06 Letter 05]",
	} {
		l, _ := c.all("me/mailFolders/inbox/messages?" + url)
		var got []string
		for _, o := range l {
			got = append(got, o["subject"].(string))
		}
		if fmt.Sprint(got) != want {
			t.Errorf("%s: %v, want %s", url, got, want)
		}
	}
	o := c.get("me/mailFolders/inbox/messages?$count=true&$top=1&$select=subject")
	if o["@odata.count"] != 25.0 || o["value"].([]any)[0].(object)["body"] != nil {
		t.Errorf("counted: %v", o)
	}
	o = c.with("Prefer", "odata.maxpagesize=7").get("me/mailFolders/inbox/messages")
	if len(o["value"].([]any)) != 7 || o["@odata.nextLink"] == nil {
		t.Errorf("a page of 7: %d", len(o["value"].([]any)))
	}
	for _, bad := range []string{"$top=x", "$filter=subject eq", "$filter=subject like 'x'", "$nope=1", "$filter=foo(subject)", "$orderby=subject sideways"} {
		c.do(400, "GET", "me/messages?"+bad, nil)
	}
}

func TestDelta(t *testing.T) {
	s := start(t, graphtest.Options{})
	c := connect(t, s).with("Prefer", `odata.maxpagesize=4, IdType="ImmutableId"`)
	var ids []string
	for i := range 10 {
		o := c.do(201, "POST", "me/mailFolders/inbox/messages", object{"subject": fmt.Sprint(i)})
		ids = append(ids, o["id"].(string))
	}
	l, link := c.all("me/mailFolders/inbox/messages/delta?$select=subject,isRead")
	if len(l) != 10 || link == "" {
		t.Fatalf("first round: %d", len(l))
	}
	if l, _ := c.all(link); len(l) != 0 {
		t.Errorf("nothing happened: %v", l)
	}
	c.do(200, "PATCH", "me/messages/"+ids[1], object{"isRead": false})
	c.do(204, "POST", "me/messages/"+ids[2]+"/permanentDelete", nil)
	c.do(201, "POST", "me/messages/"+ids[3]+"/move", object{"destinationId": "archive"})
	c.do(201, "POST", "me/mailFolders/inbox/messages", object{"subject": "new"})
	l, link = c.all(link)
	seen := map[string]string{}
	for _, o := range l {
		what := fmt.Sprint(o["subject"])
		if o["@removed"] != nil {
			what = "removed"
		}
		seen[o["id"].(string)] = what
	}
	if len(l) != 4 || seen[ids[1]] != "1" || seen[ids[2]] != "removed" || seen[ids[3]] != "removed" {
		t.Errorf("second round: %v", l)
	}
	if e := c.do(410, "GET", strings.Split(link, "deltatoken=")[0]+"deltatoken=old", nil); code(e) != "SyncStateNotFound" {
		t.Errorf("an old token: %v", e)
	}
	fl, flink := c.all("me/mailFolders/delta")
	if len(fl) < 6 {
		t.Errorf("folders: %v", fl)
	}
	f := c.do(201, "POST", "me/mailFolders", object{"displayName": "x"})
	if fl, flink = c.all(flink); len(fl) != 1 || fl[0]["id"] != f["id"] {
		t.Errorf("a new folder: %v", fl)
	}
	c.do(204, "POST", "me/mailFolders/"+f["id"].(string)+"/permanentDelete", nil)
	if fl, _ = c.all(flink); len(fl) != 1 || fl[0]["@removed"] == nil {
		t.Errorf("a folder that went: %v", fl)
	}
}

func TestAttachments(t *testing.T) {
	s := start(t, graphtest.Options{})
	c := connect(t, s)
	o := c.do(201, "POST", "me/messages", object{"subject": "x"})
	base := "me/messages/" + o["id"].(string) + "/attachments"
	c.do(201, "POST", base, object{"@odata.type": "#microsoft.graph.fileAttachment", "name": "a.png", "isInline": true, "contentId": "i@x", "contentType": "image/png", "contentBytes": b64("png")})
	c.do(201, "POST", base, object{"@odata.type": "#microsoft.graph.itemAttachment", "name": "inner", "item": object{
		"@odata.type": "#microsoft.graph.message", "subject": "inner", "body": object{"contentType": "text", "content": "deep"},
	}})
	l, _ := c.all(base)
	if len(l) != 2 || l[0]["contentBytes"] != b64("png") || l[0]["contentId"] != "i@x" || l[1]["@odata.type"] != "#microsoft.graph.itemAttachment" {
		t.Fatalf("listed: %v", l)
	}
	if v := c.get(base + "/" + l[0]["id"].(string) + "/$value"); v["text"] != "png" {
		t.Errorf("$value: %v", v)
	}
	in := c.get(base + "/" + l[1]["id"].(string) + "?$expand=microsoft.graph.itemAttachment/item")
	if at(in, "item", "subject") != "inner" {
		t.Errorf("inner: %v", in)
	}
	if v := c.get(base + "/" + l[1]["id"].(string) + "/$value"); !strings.Contains(v["text"].(string), "Subject: inner") {
		t.Errorf("inner as MIME: %v", v)
	}
	c.do(413, "POST", base, object{"@odata.type": "#microsoft.graph.fileAttachment", "name": "big", "contentBytes": b64(strings.Repeat("x", 3<<20+1))})
	c.do(400, "POST", base, object{"@odata.type": "#microsoft.graph.referenceAttachment", "name": "cloud"})
	c.do(204, "DELETE", base+"/"+l[0]["id"].(string), nil)
	if l, _ := c.all(base); len(l) != 1 {
		t.Errorf("one is deleted: %v", l)
	}
}

func TestUpload(t *testing.T) {
	s := start(t, graphtest.Options{})
	c := connect(t, s)
	o := c.do(201, "POST", "me/messages", object{"subject": "x"})
	base := "me/messages/" + o["id"].(string) + "/attachments"
	data := bytes.Repeat([]byte("0123456789abcdef"), 9<<16) // 9 MiB
	item := object{"AttachmentItem": object{"attachmentType": "file", "name": "big.bin", "size": len(data)}}
	session := c.do(201, "POST", base+"/createUploadSession", item)
	open := *c
	open.token = ""
	put := func(from, to, status int) object {
		t.Helper()
		resp, err := open.with("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to-1, len(data))).raw("PUT", session["uploadUrl"].(string), bytes.NewReader(data[from:to]), "application/octet-stream")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != status {
			t.Fatalf("range from %d: %d, want %d: %s", from, resp.StatusCode, status, b)
		}
		return object{"location": resp.Header.Get("Location"), "text": string(b)}
	}
	put(4<<20, 8<<20, 416)
	put(0, 4<<20+1, 413)
	if r := put(0, 4<<20, 200); !strings.Contains(r["text"].(string), `"nextExpectedRanges":["4194304-"]`) {
		t.Errorf("next: %v", r)
	}
	put(0, 4<<20, 416)
	put(4<<20, 8<<20, 200)
	if r := put(8<<20, 9<<20, 201); !strings.Contains(r["location"].(string), "/Attachments('") {
		t.Errorf("location: %v", r)
	}
	l, _ := c.all(base + "?$select=name,size")
	if len(l) != 1 || l[0]["name"] != "big.bin" || l[0]["contentBytes"] != nil {
		t.Fatalf("uploaded: %v", l)
	}
	if v := c.get(base + "/" + l[0]["id"].(string) + "/$value"); v["text"] != string(data) {
		t.Error("other bytes came back")
	}
	// With a token the URL of a session is refused, and after its time.
	session = c.do(201, "POST", base+"/createUploadSession", item)
	resp, err := c.with("Content-Range", "bytes 0-1/9437184").raw("PUT", session["uploadUrl"].(string), strings.NewReader("xx"), "")
	if err != nil || resp.StatusCode != 401 {
		t.Errorf("with a token: %v %v", resp, err)
	}
	s.ExpireSessions()
	put(0, 4<<20, 404)
	for _, bad := range []object{
		{"attachmentType": "file", "name": "s", "size": 100},
		{"attachmentType": "item", "name": "s", "size": 4 << 20},
		{"attachmentType": "file", "size": 4 << 20},
	} {
		c.do(400, "POST", base+"/createUploadSession", object{"AttachmentItem": bad})
	}
	c.do(413, "POST", base+"/createUploadSession", object{"AttachmentItem": object{"attachmentType": "file", "name": "s", "size": 151 << 20}})
}

func TestSend(t *testing.T) {
	s := start(t, graphtest.Options{})
	c := connect(t, s)
	msg := object{"subject": "hello", "toRecipients": []any{recipient("Anna", "anna@mailconv.example")}, "body": object{"contentType": "text", "content": "x"}}
	c.do(202, "POST", "me/sendMail", object{"message": msg})
	c.do(202, "POST", "me/sendMail", b64(mail))
	d := c.do(201, "POST", "me/messages", msg)
	c.do(202, "POST", "me/messages/"+d["id"].(string)+"/send", nil)
	if out := s.Outbox(); len(out) != 3 || out[0].Via != "sendMail" || out[2].Via != "messages.send" || fmt.Sprint(out[0].Recipients) != "[anna@mailconv.example]" {
		t.Errorf("outbox: %v", out)
	}
	if l, _ := c.all("me/mailFolders/sentitems/messages"); len(l) != 3 || l[0]["isDraft"] != false {
		t.Errorf("sent items: %v", l)
	}
	anna := *c
	anna.token = s.Token("anna@mailconv.example")
	if l, _ := anna.all("me/mailFolders/inbox/messages"); len(l) != 2 {
		t.Errorf("it arrives: %v", l)
	}
	c.do(400, "POST", "me/sendMail", object{"message": object{"subject": "to nobody"}})
}
