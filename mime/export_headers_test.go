package mime_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime"
	"github.com/mailconv/mailconv/mime/header"
)

const dn = "/o=Some Org/ou=Site (X)/cn=Recipients/cn=ann.e"

func entryIDOneOff(name, typ, addr string) []byte {
	b := []byte{0, 0, 0, 0, 0x81, 0x2B, 0x1F, 0xA4, 0xBE, 0xA3, 0x10, 0x19, 0x9D, 0x6E, 0x00, 0xDD, 0x01, 0x0F, 0x54, 0x02, 0, 0, 1, 0x80}
	for _, s := range []string{name, typ, addr} {
		b = append(append(b, mapi.EncodeUTF16(s)...), 0, 0)
	}
	return b
}

func entryIDAddressBook(dn string) []byte {
	b := []byte{0, 0, 0, 0, 0xDC, 0xA7, 0x40, 0xC8, 0xC0, 0x42, 0x10, 0x1A, 0xB4, 0xB9, 0x08, 0x00, 0x2B, 0x2F, 0xE1, 0x82, 1, 0, 0, 0, 0, 0, 0, 0}
	return append(append(b, dn...), 0)
}

type directory map[string]string

func (d directory) ResolveEX(dn string) (string, bool) {
	s, ok := d[dn]
	return s, ok
}

// T20 and T21: each step of the ladder, with all the steps below it present.
func TestT20T21SenderLadder(t *testing.T) {
	full := func() *mapi.Message {
		m := newMessage(map[mapi.Tag]string{
			mapi.PidTagSentRepresentingName: "Ann", mapi.PidTagSentRepresentingAddressType: "EX",
			mapi.PidTagSentRepresentingEmailAddress: dn, mapi.PidTagSentRepresentingSmtpAddress: "smtp@example.com",
			mapi.PidTagTransportMessageHeaders: "From: Ann Header <header@example.com>\r\n",
			mapi.PidTagCreatorSmtpAddress:      "creator@example.com",
		})
		m.Props.Set(mapi.PidTagSentRepresentingEntryId, mapi.BinaryValue(entryIDOneOff("Ann", "SMTP", "oneoff@example.com")))
		m.Props.Set(mapi.PidTagSentRepresentingSearchKey, mapi.BinaryValue([]byte("SMTP:SEARCH@EXAMPLE.COM\x00")))
		return m
	}
	opt := &mime.ExportOptions{EXMap: map[string]string{strings.ToUpper(dn): "map@example.com"}, Resolver: directory{dn: "resolver@example.com"}}
	m := full()
	for _, step := range []struct {
		want string
		drop func()
	}{
		{"smtp@example.com", func() { m.Props.Delete(mapi.PidTagSentRepresentingSmtpAddress) }},
		{"oneoff@example.com", func() { m.Props.Set(mapi.PidTagSentRepresentingEntryId, mapi.BinaryValue(entryIDAddressBook(dn))) }},
		{"search@example.com", func() { m.Props.Delete(mapi.PidTagSentRepresentingSearchKey) }},
		{"header@example.com", func() { m.Props.Delete(mapi.PidTagTransportMessageHeaders) }},
		{"creator@example.com", func() { m.Props.Delete(mapi.PidTagCreatorSmtpAddress) }},
		{"map@example.com", func() { opt.EXMap = nil }},
		{"resolver@example.com", func() { opt.Resolver = nil }},
		{"IMCEAEX-_o=Some+20Org_ou=Site+20+28X+29_cn=Recipients_cn=ann+2Ee@imcea.invalid", func() {}},
	} {
		got, _ := export(t, m, opt)
		list := header.ParseAddresses(fields(got).Value("From"), nil)
		if len(list) != 1 || list[0].Addr != step.want {
			t.Errorf("want %s, got %+v", step.want, list)
		}
		step.drop()
	}
	// Only an entry identifier, and whatever the type says.
	m = newMessage(map[mapi.Tag]string{mapi.PidTagSenderName: "Ann", mapi.PidTagSenderAddressType: "SMTP", mapi.PidTagSenderEmailAddress: "/O=ORG/CN=X"})
	got, _ := export(t, m, &mime.ExportOptions{EncapsulationDomain: "example.com"})
	if v := fields(got).Value("From"); v != "Ann <IMCEAEX-_O=ORG_CN=X@example.com>" {
		t.Errorf("%q", v)
	}
	// A creator who is someone else says nothing of the sender.
	m = newMessage(map[mapi.Tag]string{mapi.PidTagSenderAddressType: "EX", mapi.PidTagSenderEmailAddress: dn, mapi.PidTagCreatorSmtpAddress: "boss@example.com"})
	m.Props.Set(mapi.PidTagCreatorEntryId, mapi.BinaryValue(entryIDAddressBook("/o=Some Org/cn=boss")))
	got, _ = export(t, m, nil)
	if v := fields(got).Value("From"); !strings.Contains(v, "IMCEAEX") {
		t.Errorf("%q", v)
	}
}

func TestT20Recipients(t *testing.T) {
	m := newMessage(map[mapi.Tag]string{mapi.PidTagTransportMessageHeaders: "To: Carl <carl@example.com>, x@example.com\r\n"})
	oneOff := newRecipient(mapi.RecipientTo, map[mapi.Tag]string{mapi.PidTagDisplayName: "Bob"})
	oneOff.Props.Set(mapi.PidTagEntryId, mapi.BinaryValue(entryIDOneOff("Bob", "SMTP", "bob@example.com")))
	m.Recipients = []*mapi.Recipient{
		newRecipient(mapi.RecipientTo, map[mapi.Tag]string{mapi.PidTagAddressType: "EX", mapi.PidTagEmailAddress: dn, mapi.PidTagSmtpAddress: "ann@example.com", mapi.PidTagDisplayName: "Ann"}),
		oneOff,
		newRecipient(mapi.RecipientTo, map[mapi.Tag]string{mapi.PidTagAddressType: "EX", mapi.PidTagEmailAddress: dn, mapi.PidTagDisplayName: "Carl"}),
		newRecipient(mapi.RecipientTo, map[mapi.Tag]string{mapi.PidTagAddressType: "FAX", mapi.PidTagEmailAddress: "Fax@+1 555", mapi.PidTagDisplayName: "Fax"}),
		newRecipient(mapi.RecipientTo, map[mapi.Tag]string{mapi.PidTagDisplayName: "No Address"}),
		newRecipient(mapi.RecipientTo|0x10000000, map[mapi.Tag]string{mapi.PidTagDisplayName: dn, mapi.PidTagAddressType: "EX", mapi.PidTagEmailAddress: dn}),
	}
	got, _ := export(t, m, nil)
	if strings.Contains(got, "/o=") {
		t.Errorf("a bare Exchange address:\n%s", got)
	}
	list := header.ParseAddresses(fields(got).Value("To"), nil)
	var addrs []string
	for _, a := range list {
		addrs = append(addrs, a.Name+"="+a.Addr)
	}
	want := []string{"Ann=ann@example.com", "Bob=bob@example.com", "Carl=carl@example.com", "Fax=IMCEAFAX-Fax+40+2B1+20555@imcea.invalid", "No Address="}
	if len(addrs) != 6 || strings.Join(addrs[:5], "|") != strings.Join(want, "|") {
		t.Errorf("%q", addrs)
	}
}

func TestSenderForAnother(t *testing.T) {
	m := newMessage(map[mapi.Tag]string{
		mapi.PidTagSentRepresentingName: "Boss", mapi.PidTagSentRepresentingSmtpAddress: "boss@example.com",
		mapi.PidTagSenderName: "Ann", mapi.PidTagSenderSmtpAddress: "ann@example.com",
	})
	m.Props.Set(mapi.PidTagReadReceiptRequested, mapi.BoolValue(true))
	got, _ := export(t, m, nil)
	f := fields(got)
	if f.Value("From") != "Boss <boss@example.com>" || f.Value("Sender") != "Ann <ann@example.com>" || f.Value("Disposition-Notification-To") != "Boss <boss@example.com>" {
		t.Errorf("%s", got)
	}
	m.Props.Delete(mapi.PidTagSentRepresentingName)
	m.Props.Delete(mapi.PidTagSentRepresentingSmtpAddress)
	got, _ = export(t, m, nil)
	if f := fields(got); f.Value("From") != "Ann <ann@example.com>" || f.Value("Sender") != "" {
		t.Errorf("%s", got)
	}
}

func TestNamesThatAreAddresses(t *testing.T) {
	for name, want := range map[string]string{
		"a@example.com": "<a@example.com>", "'A@Example.com'": "<a@example.com>", "a@example.com <a@example.com>": "<a@example.com>",
		"Ann <a@example.com>": `"Ann <a@example.com>" <a@example.com>`, "": "<a@example.com>",
	} {
		m := newMessage(map[mapi.Tag]string{mapi.PidTagSenderName: name, mapi.PidTagSenderSmtpAddress: "a@example.com"})
		got, _ := export(t, m, nil)
		if v := fields(got).Value("From"); v != want {
			t.Errorf("%q: %q, want %q", name, v, want)
		}
	}
	m := newMessage(map[mapi.Tag]string{mapi.PidTagSenderName: "Unknown", mapi.PidTagSenderEmailAddress: "Unknown"})
	m.Recipients = []*mapi.Recipient{
		newRecipient(1, map[mapi.Tag]string{mapi.PidTagDisplayName: "'typed@example.com'"}),
		newRecipient(1, map[mapi.Tag]string{mapi.PidTagDisplayName: "Not Resolved"}),
	}
	got, _ := export(t, m, nil)
	if f := fields(got); f.Value("From") != "" || f.Value("To") != "<typed@example.com>, Not Resolved:;" {
		t.Errorf("%s", got)
	}
}

func TestReplyTo(t *testing.T) {
	m := newMessage(map[mapi.Tag]string{mapi.PidTagReplyRecipientNames: "List; Ann"})
	var list []byte
	for _, e := range [][]byte{entryIDOneOff("x", "SMTP", "list@example.com"), entryIDOneOff("Ann", "SMTP", "ann@example.com")} {
		list = append(list, byte(len(e)), byte(len(e)>>8), 0, 0)
		list = append(list, e...)
		for len(list)%4 != 0 {
			list = append(list, 0)
		}
	}
	flat := append([]byte{2, 0, 0, 0, byte(len(list)), byte(len(list) >> 8), 0, 0}, list...)
	m.Props.Set(mapi.PidTagReplyRecipientEntries, mapi.BinaryValue(flat))
	got, _ := export(t, m, nil)
	if v := fields(got).Value("Reply-To"); v != "List <list@example.com>, Ann <ann@example.com>" {
		t.Errorf("%q", v)
	}
	for n := range flat {
		m.Props.Set(mapi.PidTagReplyRecipientEntries, mapi.BinaryValue(flat[:n]))
		export(t, m, nil)
	}
}

// T22: the same bytes in every time zone.
func TestT22TimeZone(t *testing.T) {
	old := time.Local
	defer func() { time.Local = old }()
	m := newMessage(nil)
	m.Props.Set(mapi.PidTagMessageDeliveryTime, mapi.TimeValue(time.Date(2024, 7, 1, 23, 30, 0, 0, time.UTC)))
	a := newAttachment("x", nil)
	a.Props.Set(mapi.PidTagLastModificationTime, mapi.TimeValue(time.Date(2024, 7, 1, 23, 30, 0, 0, time.UTC)))
	m.Attachments = []*mapi.Attachment{a}
	var first string
	for i, zone := range []*time.Location{time.UTC, time.FixedZone("Asia/Kolkata", 19800), time.FixedZone("America/St_Johns", -12600)} {
		time.Local = zone
		got, _ := export(t, m, nil)
		if i == 0 {
			first = got
		} else if got != first {
			t.Errorf("%v: differs", zone)
		}
	}
	if v := fields(first).Value("Date"); v != "Mon, 1 Jul 2024 23:30:00 +0000" {
		t.Errorf("%q", v)
	}
}

// T23: the date that is stored, in its own offset where the header has the same
// instant, and none where none is stored.
func TestT23Date(t *testing.T) {
	submit := time.Date(2024, 2, 3, 4, 5, 6, 500e6, time.UTC)
	for _, c := range []struct {
		submit, delivery bool
		stored, want     string
	}{
		{true, true, "", "Sat, 3 Feb 2024 04:05:06 +0000"},
		{true, true, "Date: Sat, 3 Feb 2024 09:35:06 +0530\r\n", "Sat, 3 Feb 2024 09:35:06 +0530"},
		{true, false, "Date: Fri, 2 Feb 2024 09:35:06 +0530\r\n", "Sat, 3 Feb 2024 04:05:06 +0000"},
		{false, true, "Date: Fri, 2 Feb 2024 09:35:06 +0530\r\n", "Fri, 2 Feb 2024 09:35:06 +0530"},
		{false, true, "Date: nonsense\r\n", "Sat, 3 Feb 2024 05:05:06 +0000"},
		{false, true, "", "Sat, 3 Feb 2024 05:05:06 +0000"},
		{false, false, "", ""},
	} {
		m := newMessage(map[mapi.Tag]string{mapi.PidTagTransportMessageHeaders: c.stored})
		m.Props.Set(mapi.PidTagCreationTime, mapi.TimeValue(submit.Add(-time.Hour)))
		if c.submit {
			m.Props.Set(mapi.PidTagClientSubmitTime, mapi.TimeValue(submit))
		}
		if c.delivery {
			m.Props.Set(mapi.PidTagMessageDeliveryTime, mapi.TimeValue(submit.Add(time.Hour)))
		}
		got, _ := export(t, m, nil)
		if v := fields(got).Value("Date"); v != c.want {
			t.Errorf("%+v: %q", c, v)
		}
	}
}

const storedHeader = "Microsoft Mail Internet Headers Version 2.0\r\n" +
	"Received: from b by c; Sat, 3 Feb 2024 04:05:08 +0000\r\n" +
	"Received: from a by b;\r\n\tSat, 3 Feb 2024 04:05:07 +0000\r\n" +
	"Received: from b by c; Sat, 3 Feb 2024 04:05:08 +0000\r\n" +
	"DKIM-Signature: v=1; a=rsa-sha256;\r\n\tbh=abc=;\r\n  b=def==\r\n" +
	"from: \"Ann\" <Ann@Example.com>\r\n" +
	"To: bob@example.com\r\n" +
	"SUBJECT: =?iso-8859-1?Q?Gr=FC=DFe?=\r\n" +
	"Date: Sat, 3 Feb 2024 05:05:06 +0100 (CET)\r\n" +
	"Message-ID: <1@example.com>\r\n" +
	"MIME-Version: 1.0\r\n" +
	"Content-Type: multipart/mixed;\r\n\tboundary=\"old\"\r\n" +
	"Content-Transfer-Encoding: 8bit\r\n" +
	"X-Custom: one\r\n" +
	"Importance: high\r\n" +
	"X-Custom: two\r\n" +
	"\r\n--old\r\nContent-Type: text/plain\r\n"

func arrived() *mapi.Message {
	m := newMessage(map[mapi.Tag]string{
		mapi.PidTagTransportMessageHeaders: storedHeader, mapi.PidTagSubject: "Grüße", mapi.PidTagBody: "x",
		mapi.PidTagSentRepresentingName: "Ann", mapi.PidTagSentRepresentingSmtpAddress: "ann@example.com",
		mapi.PidTagInternetMessageId: "<1@example.com>", mapi.PidTagConversationTopic: "Grüße",
	})
	m.Props.Set(mapi.PidTagImportance, mapi.Int32Value(2))
	m.Props.Set(mapi.PidTagClientSubmitTime, mapi.TimeValue(time.Date(2024, 2, 3, 4, 5, 6, 0, time.UTC)))
	m.Recipients = []*mapi.Recipient{newRecipient(mapi.RecipientTo, map[mapi.Tag]string{mapi.PidTagSmtpAddress: "bob@example.com", mapi.PidTagDisplayName: "Bob B"})}
	return m
}

// T24 and T25: the header that the message arrived with, in its order, with
// every Received line; only the MIME structure is ours.
func TestT24T25StoredHeader(t *testing.T) {
	got, _ := export(t, arrived(), nil)
	want := "Received: from b by c; Sat, 3 Feb 2024 04:05:08 +0000\r\n" +
		"Received: from a by b;\r\n\tSat, 3 Feb 2024 04:05:07 +0000\r\n" +
		"Received: from b by c; Sat, 3 Feb 2024 04:05:08 +0000\r\n" +
		"DKIM-Signature: v=1; a=rsa-sha256;\r\n\tbh=abc=;\r\n  b=def==\r\n" +
		"from: \"Ann\" <Ann@Example.com>\r\n" +
		"To: bob@example.com\r\n" +
		"SUBJECT: =?iso-8859-1?Q?Gr=FC=DFe?=\r\n" +
		"Date: Sat, 3 Feb 2024 05:05:06 +0100 (CET)\r\n" +
		"Message-ID: <1@example.com>\r\n" +
		"X-Custom: one\r\n" +
		"Importance: high\r\n" +
		"X-Custom: two\r\n" +
		"MIME-Version: 1.0\r\n" +
		"Content-Type: text/plain; charset=utf-8\r\n" +
		"Content-Transfer-Encoding: 7bit\r\n\r\nx\r\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// A property that says something else than the header wins, in its place.
func TestEditedPropertyWins(t *testing.T) {
	m := arrived()
	m.Props.Set(mapi.PidTagSubject, mapi.StringValue("Edited"))
	m.Props.Set(mapi.PidTagImportance, mapi.Int32Value(1))
	m.Recipients = append(m.Recipients, newRecipient(mapi.RecipientTo, map[mapi.Tag]string{mapi.PidTagSmtpAddress: "new@example.com"}))
	got, _ := export(t, m, nil)
	f := fields(got)
	if f.Value("Subject") != "Edited" || f.Value("Importance") != "" || f.Value("To") != "Bob B <bob@example.com>, <new@example.com>" {
		t.Errorf("%s", got)
	}
	if len(f.All("Received")) != 3 || len(f.All("X-Custom")) != 2 || len(f.All("Subject")) != 1 {
		t.Errorf("%s", got)
	}
}

func TestStoredHeaderInDisorder(t *testing.T) {
	m := newMessage(map[mapi.Tag]string{
		mapi.PidTagTransportMessageHeaders: "\r\n\r\nFrom: \"=?utf-8?Q?J=C3=B6rg?=\" <j@example.com>\nTo: C.Cane <c@example.com>\nX-Raw: ü\nno colon here\n continued\nX-Long: " +
			strings.Repeat("y", 2000) + "\nSubject: s\nBad Name: x\n",
		mapi.PidTagSubject: "s",
	})
	got, report := export(t, m, nil)
	if len(report.Losses) != 1 || !strings.Contains(report.Losses[0].Detail, "Bad Name") {
		t.Errorf("%v", report.Losses)
	}
	f := fields(got)
	if v := f.Value("From"); v != "=?utf-8?Q?J=C3=B6rg?= <j@example.com>" && v != "=?utf-8?B?SsO2cmc=?= <j@example.com>" {
		t.Errorf("%q", v)
	}
	if v := f.Value("To"); v != `"C.Cane" <c@example.com>` {
		t.Errorf("%q", v)
	}
	tree(t, got)
}

// T26 is held by the helper export: every line ends in CRLF and only there.
func TestT26LineEnds(t *testing.T) {
	m := arrived()
	m.Props.Set(mapi.PidTagTransportMessageHeaders, mapi.StringValue(strings.ReplaceAll(storedHeader, "\r\n", "\n")))
	m.Props.Set(mapi.PidTagBody, mapi.StringValue("a\nb\rc\r\nd"))
	got, _ := export(t, m, nil)
	if !strings.HasSuffix(got, "a\r\nb\r\nc\r\nd\r\n") {
		t.Errorf("%q", got)
	}
}

func TestHeadersOfProperties(t *testing.T) {
	m := newMessage(map[mapi.Tag]string{
		mapi.PidTagInReplyToId: "<a@x>", mapi.PidTagInternetReferences: "<a@x> <b@x>", mapi.PidTagConversationTopic: "Topic",
		mapi.PidTagListHelp: "<mailto:help@example.com>", mapi.PidTagListUnsubscribe: "<https://example.com/u>",
	})
	m.Props.Set(mapi.PidTagConversationIndex, mapi.BinaryValue(bytes.Repeat([]byte{1, 2, 3}, 30)))
	m.Props.Set(mapi.PidTagImportance, mapi.Int32Value(0))
	m.Props.Set(mapi.PidTagPriority, mapi.Int32Value(-1))
	m.Props.Set(mapi.PidTagSensitivity, mapi.Int32Value(2))
	m.Props.Set(mapi.PidTagAutoResponseSuppress, mapi.Int32Value(-1))
	m.Props.Set(mapi.PidTagMessageFlags, mapi.Int32Value(8))
	m.Props.Set(mapi.PidTagExpiryTime, mapi.TimeValue(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)))
	m.Props.SetName(mapi.PidNameKeywords, mapi.MultiStringValue([]string{"Red, blue", "Grün"}))
	for n, s := range map[string]string{
		"X-Mine": "v", "x-lower": "l", "acceptlanguage": "de-DE", "Subject": "no", "X-Microsoft-Exchange-Organization-X": "no",
		"bad name": "no", "X-Evil": "a\r\nBcc: x@y",
	} {
		m.Props.SetName(mapi.Name{Set: mapi.PSInternetHeaders, Name: n}, mapi.StringValue(s))
	}
	got, _ := export(t, m, nil)
	f := fields(got)
	for name, want := range map[string]string{
		"In-Reply-To": "<a@x>", "References": "<a@x> <b@x>", "Thread-Topic": "Topic", "Importance": "low", "X-Priority": "5", "Priority": "non-urgent",
		"Sensitivity": "Private", "X-Auto-Response-Suppress": "All", "X-Unsent": "1", "Expires": "Tue, 1 Jan 2030 00:00:00 +0000",
		"List-Help": "<mailto:help@example.com>", "List-Unsubscribe": "<https://example.com/u>", "Keywords": `"Red, blue", =?utf-8?B?R3LDvG4=?=`,
		"X-Mine": "v", "X-Lower": "l", "Accept-Language": "de-DE", "Subject": "", "X-Microsoft-Exchange-Organization-X": "", "X-Evil": "a Bcc: x@y", "Bcc": "",
	} {
		if v := f.Value(name); v != want {
			t.Errorf("%s: %q, want %q", name, v, want)
		}
	}
	if v := strings.Join(strings.Fields(f.Value("Thread-Index")), ""); len(v) != 120 {
		t.Errorf("Thread-Index %q", v)
	}
}

// Nothing that a message holds can begin a line of the header.
func TestNothingBreaksOutOfTheHeader(t *testing.T) {
	const evil = "x\r\nBcc: evil@example.com\r\n\r\n\x00body"
	texts := make(map[mapi.Tag]string)
	for _, tag := range []mapi.Tag{
		mapi.PidTagSubject, mapi.PidTagSenderName, mapi.PidTagSenderEmailAddress, mapi.PidTagSentRepresentingName,
		mapi.PidTagSentRepresentingSmtpAddress, mapi.PidTagInternetMessageId, mapi.PidTagInReplyToId, mapi.PidTagInternetReferences,
		mapi.PidTagConversationTopic, mapi.PidTagListHelp, mapi.PidTagReplyRecipientNames,
	} {
		texts[tag] = evil
	}
	m := newMessage(texts)
	m.Props.SetName(mapi.PidNameKeywords, mapi.MultiStringValue([]string{evil}))
	m.Recipients = []*mapi.Recipient{newRecipient(1, map[mapi.Tag]string{mapi.PidTagDisplayName: evil, mapi.PidTagEmailAddress: evil, mapi.PidTagAddressType: evil})}
	a := newAttachment(evil, []byte("x"))
	for _, tag := range []mapi.Tag{
		mapi.PidTagAttachMimeTag, mapi.PidTagAttachContentId, mapi.PidTagAttachContentLocation, mapi.PidTagAttachContentBase,
		mapi.PidTagDisplayName, mapi.PidTagTextAttachmentCharset,
	} {
		a.Props.Set(tag, mapi.StringValue(evil))
	}
	link := new(mapi.Attachment)
	link.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachByWebReference))
	link.Props.Set(mapi.PidTagAttachLongPathname, mapi.StringValue("https://example.com/"+evil))
	m.Attachments = []*mapi.Attachment{a, link}
	got, _ := export(t, m, nil)
	if f := fields(got); f.Value("Bcc") != "" {
		t.Errorf("%s", got)
	}
	if p := tree(t, got); len(p.kids) != 2 {
		t.Errorf("%s", got)
	}
}
