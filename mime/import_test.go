package mime

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/codepage"
	"github.com/mailconv/mailconv/mapi/mapitest"
	"github.com/mailconv/mailconv/mapi/rtf"
	"github.com/mailconv/mailconv/mapi/tnef"
)

// importMail reads a mail that is written with LF; it is given CRLF.
func importMail(t testing.TB, mail string, opt *ImportOptions) (*mapi.Message, *ImportReport) {
	t.Helper()
	mail = strings.ReplaceAll(mail, "\n", "\r\n")
	m, r, err := Import(context.Background(), strings.NewReader(mail), int64(len(mail)), opt)
	if err != nil {
		t.Fatal(err)
	}
	checkMessage(t, "message", m)
	return m, r
}

func blobText(t testing.TB, b mapi.Blob) string {
	t.Helper()
	if b == nil {
		return "<none>"
	}
	p, err := mapi.ReadBlob(context.Background(), b, 1<<30)
	if err != nil || int64(len(p)) != b.Size() {
		t.Fatalf("%d bytes of %d: %v", len(p), b.Size(), err)
	}
	return string(p)
}

const plainMail = `From: Ann <ann@example.org>
To: Bob <bob@example.com>, c@example.com
Cc: "D, E" <d@example.com>
Bcc: f@example.com
Subject: Re: hello
Date: Mon, 1 Jan 2024 10:00:00 +0100
Message-ID: <1@example.org>
In-Reply-To: <0@example.org>
References: <a@example.org>
 <0@example.org>
Importance: high
Sensitivity: Company-Confidential
Keywords: red, green
Thread-Topic: hello
Thread-Index: AQEB
X-Thing: one
X-Many: 1
X-Many: 2
List-Unsubscribe: <mailto:u@example.org>
Disposition-Notification-To: Ann <ann@example.org>
Reply-To: r@example.org

Hi
`

func TestImportProperties(t *testing.T) {
	m, _ := importMail(t, plainMail, nil)
	ps := m.Props
	for tag, want := range map[mapi.Tag]string{
		mapi.PidTagMessageClass: "IPM.Note", mapi.PidTagSubject: "Re: hello", mapi.PidTagSubjectPrefix: "Re: ",
		mapi.PidTagNormalizedSubject: "hello", mapi.PidTagConversationTopic: "hello", mapi.PidTagBody: "Hi\r\n",
		mapi.PidTagSentRepresentingName: "Ann", mapi.PidTagSentRepresentingEmailAddress: "ann@example.org",
		mapi.PidTagSenderSmtpAddress: "ann@example.org", mapi.PidTagSenderAddressType: "SMTP",
		mapi.PidTagInternetMessageId: "<1@example.org>", mapi.PidTagInReplyToId: "<0@example.org>",
		mapi.PidTagInternetReferences: "<a@example.org> <0@example.org>",
		mapi.PidTagListUnsubscribe:    "<mailto:u@example.org>", mapi.PidTagReadReceiptEmailAddress: "ann@example.org",
		mapi.PidTagDisplayTo: "Bob; c@example.com", mapi.PidTagDisplayCc: "D, E", mapi.PidTagDisplayBcc: "f@example.com",
		mapi.PidTagReplyRecipientNames: "r@example.org",
	} {
		if got := ps.Text(tag); got != want {
			t.Errorf("%v: %q, want %q", mapi.Property{Tag: tag}, got, want)
		}
	}
	for tag, want := range map[mapi.Tag]int64{
		mapi.PidTagImportance: 2, mapi.PidTagSensitivity: 3, mapi.PidTagReadReceiptRequested: 1,
		mapi.PidTagMessageFlags: flagRead, mapi.PidTagInternetCodepage: codepage.UTF8, mapi.PidTagHasAttachments: 0,
	} {
		if got, ok := ps.Int(tag); !ok || got != want {
			t.Errorf("%v: %d, want %d", mapi.Property{Tag: tag}, got, want)
		}
	}
	if got := ps.Time(mapi.PidTagClientSubmitTime); !got.Equal(time.Date(2024, 1, 1, 9, 0, 0, 0, time.UTC)) {
		t.Errorf("date %v", got)
	}
	if _, ok := ps.Get(mapi.PidTagMessageDeliveryTime); ok {
		t.Error("a delivery time was invented")
	}
	if got := ps.Bytes(mapi.PidTagConversationIndex); !bytes.Equal(got, []byte{1, 1, 1}) {
		t.Errorf("conversation index % x", got)
	}
	k, _ := ps.GetName(mapi.PidNameKeywords)
	if got := k.Texts(); !reflect.DeepEqual(got, []string{"red", "green"}) {
		t.Errorf("keywords %q", got)
	}
	if got := ps.NameText(mapi.Name{Set: mapi.PSInternetHeaders, Name: "x-thing"}); got != "one" {
		t.Errorf("x-thing %q", got)
	}
	many, _ := ps.GetName(mapi.Name{Set: mapi.PSInternetHeaders, Name: "x-many"})
	if got := many.Texts(); !reflect.DeepEqual(got, []string{"1", "2"}) {
		t.Errorf("x-many %q", got)
	}
	if got := ps.Bytes(mapi.PidTagSenderSearchKey); string(got) != "SMTP:ANN@EXAMPLE.ORG\x00" {
		t.Errorf("search key %q", got)
	}
	var kinds []int
	for _, r := range m.Recipients {
		kinds = append(kinds, r.Type())
	}
	if !reflect.DeepEqual(kinds, []int{1, 1, 2, 3}) {
		t.Errorf("recipient types %v", kinds)
	}
}

// The entry identifier of a recipient is one that the exporter, and any other
// reader of [MS-OXCDATA] 2.2.5.1, understands.
func TestOneOffEntryID(t *testing.T) {
	id := oneOffEntryID("Jörg 𝔸", "j@example.org")
	if n := len(id); n != 24+2*(8+5+14) {
		t.Errorf("%d bytes", n)
	}
	if f := binary.LittleEndian.Uint16(id[22:]); f != 0x9001 {
		t.Errorf("flags %04X", f)
	}
	p, ok := parseEntryID(id, nil)
	if !ok || p.name != "Jörg 𝔸" || p.addr != "j@example.org" || p.typ != "SMTP" {
		t.Errorf("%+v %v", p, ok)
	}
	m, _ := importMail(t, "Reply-To: A <a@example.org>, Team: b@example.org;\n\nx", nil)
	x := &exporter{m: m, report: new(ExportReport)}
	list := x.replyTo()
	if len(list) != 2 || list[0].Name != "A" || list[1].Addr != "b@example.org" {
		t.Errorf("reply-to %+v", list)
	}
}

func TestImportGroups(t *testing.T) {
	m, _ := importMail(t, "To: Team: a@example.org, B <b@example.org>;\nCc: undisclosed-recipients:;\n\nx", nil)
	if len(m.Recipients) != 2 || m.Recipients[1].Props.Text(mapi.PidTagDisplayName) != "B" {
		t.Errorf("%d recipients", len(m.Recipients))
	}
}

// T23: a date that is missing stays absent, and the message is a draft; one
// that is only odd is understood.
func TestT23Dates(t *testing.T) {
	m, _ := importMail(t, "Subject: x\n\nx", nil)
	if _, ok := m.Props.Get(mapi.PidTagClientSubmitTime); ok {
		t.Error("a date was invented")
	}
	if f, _ := m.Props.Int(mapi.PidTagMessageFlags); f&flagUnsent == 0 {
		t.Error("not marked unsent")
	}
	m, r := importMail(t, "Date: soon\nReceived: from a by b; Mon, 1 Jan 2024 10:00:00 +0000\n\nx", nil)
	if !r.Problems.Severe() {
		t.Error("a date that cannot be read is no problem")
	}
	if f, _ := m.Props.Int(mapi.PidTagMessageFlags); f&flagUnsent != 0 {
		t.Error("a received mail is marked unsent")
	}
	if got := m.Props.Time(mapi.PidTagMessageDeliveryTime); got.Year() != 2024 {
		t.Errorf("delivery time %v", got)
	}
	m, _ = importMail(t, "Date: Fri, 1 Jan 24 10:00 EST\n\nx", nil)
	if got := m.Props.Time(mapi.PidTagClientSubmitTime).Format(time.RFC3339); got != "2024-01-01T15:00:00Z" {
		t.Errorf("date %s", got)
	}
}

// T24, T25: the header is kept as it came: order, case, folds, repeated fields.
func TestT24TransportHeaders(t *testing.T) {
	const head = "Received: from a\n\tby b; Mon, 1 Jan 2024 10:00:00 +0000\nRECEIVED: from c by d\nx-a: 1\nReceived: third\nX-A: 2\nSubject: caf\xe9 =?utf-8?Q?=C3=A9?=\nX-B: caf\xc3\xa9\n"
	m, _ := importMail(t, "From x Mon Jan  1 00:00:00 2024\n"+head+"\nbody", nil)
	want := strings.ReplaceAll(strings.ReplaceAll(head, "caf\xe9", "café"), "\n", "\r\n")
	if got := m.Props.Text(mapi.PidTagTransportMessageHeaders); got != want {
		t.Errorf("\n got %q\nwant %q", got, want)
	}
	var out bytes.Buffer
	if _, err := Export(t.Context(), &out, m, nil); err != nil {
		t.Fatal(err)
	}
	at := -1
	for _, s := range []string{"Received: from a\r\n\tby b", "RECEIVED: from c by d", "x-a: 1", "Received: third", "X-A: 2", "X-B: "} {
		i := strings.Index(out.String(), s)
		if i <= at {
			t.Errorf("%q is missing or out of order in\n%s", s, out.String())
		}
		at = i
	}
}

// T10, T12: Content-ID, inline parts, and those that only claim to be.
func TestT10ContentID(t *testing.T) {
	const mail = `Content-Type: multipart/related; boundary=r

--r
Content-Type: text/html; charset=iso-8859-2

<p>` + "\xb1" + `<img src="cid:image001.png@01D719B4.37AF4500"><img src="logo%20a.png">
--r
Content-Type: image/png; name=a.png
Content-ID: <image001.png@01D719B4.37AF4500>
Content-Transfer-Encoding: base64

iVBORw==
--r
Content-Type: image/png
Content-Disposition: inline

no identifier
--r
Content-Type: image/png
Content-ID: <unused@x>

x
--r--
`
	m, _ := importMail(t, mail, nil)
	if len(m.Attachments) != 3 {
		t.Fatalf("%d attachments", len(m.Attachments))
	}
	a := m.Attachments[0]
	if got := a.Props.Text(mapi.PidTagAttachContentId); got != "image001.png@01D719B4.37AF4500" {
		t.Errorf("Content-ID %q", got)
	}
	for i, want := range []bool{true, false, false} {
		f, _ := m.Attachments[i].Props.Int(mapi.PidTagAttachFlags)
		if hidden := m.Attachments[i].Props.Bool(mapi.PidTagAttachmentHidden); hidden != want || (f == 4) != want {
			t.Errorf("attachment %d: hidden %v, flags %d", i, hidden, f)
		}
	}
	if got := m.Attachments[1].Props.Text(mapi.PidTagAttachLongFilename); got != "ATT00001.png" {
		t.Errorf("name %q", got)
	}
	if got := blobText(t, a.Data()); got != "\x89PNG" {
		t.Errorf("content %q", got)
	}
	html, _ := m.Props.Get(mapi.PidTagHtml)
	if page, _ := m.Props.Int(mapi.PidTagInternetCodepage); page != 28592 || !strings.HasPrefix(blobText(t, html.Blob()), "<p>\xb1") {
		t.Errorf("HTML in code page %d: %q", page, blobText(t, html.Blob()))
	}
	var out bytes.Buffer
	if _, err := Export(t.Context(), &out, m, nil); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "Content-ID: <image001.png@01D719B4.37AF4500>") {
		t.Error("the Content-ID is lost on the way back")
	}
}

// The structures that mail programs make, and what becomes the body.
func TestImportBodies(t *testing.T) {
	part := func(typ, rest, body string) string { return "Content-Type: " + typ + "\n" + rest + "\n" + body + "\n" }
	multi := func(typ, b string, parts ...string) string {
		return "Content-Type: multipart/" + typ + "; boundary=" + b + "\n\n--" + b + "\n" + strings.Join(parts, "--"+b+"\n") + "--" + b + "--\n"
	}
	for _, tt := range []struct{ name, mail, plain, html, files string }{
		{"text", part("text/plain", "", "a"), "a\r\n", "", ""},
		{"html", part("text/html", "", "<a>"), "", "<a>\r\n", ""},
		{"neither", part("application/pdf; name=x.pdf", "", "a"), "", "", "x.pdf"},
		{"alternative", multi("alternative", "b", part("text/plain", "", "a"), part("text/html", "", "<a>")), "a", "<a>", ""},
		{"three forms", multi("alternative", "b", part("text/plain", "", "a"), part("text/html", "", "<a>"), part("text/calendar; method=REQUEST", "", "c")), "a", "<a>", "ATT00001.ics"},
		{"mixed", multi("mixed", "b", part("text/plain", "", "a"), part("text/plain; name=b.txt", "", "b")), "a", "", "b.txt"},
		{"footer", multi("mixed", "b", part("text/plain", "", "a"), part("text/plain", "", "footer")), "a", "", "ATT00001.txt"},
		{"mixed(alternative, file)", multi("mixed", "b", multi("alternative", "c", part("text/plain", "", "a"), part("text/html", "", "<a>")), part("image/png", "Content-Disposition: attachment; filename=i.png\n", "i")), "a", "<a>", "i.png"},
		{"alternative(plain, related(html, image))", multi("alternative", "b", part("text/plain", "", "a"), multi("related", "c", part("text/html", "", "<a>"), part("image/png; name=i.png", "", "i"))), "a", "<a>", "i.png"},
		{"alternative(plain, mixed(html, file, html))", multi("alternative", "b", part("text/plain", "", "a"), multi("mixed", "c", part("text/html", "", "<a>"), part("image/png; name=i.png", "", "i"), part("text/html", "", "<b>"))), "a", "<a>", "i.png ATT00001.html"},
		{"text attached", multi("mixed", "b", part("text/plain", "Content-Disposition: attachment; filename=a.txt\n", "a")), "", "", "a.txt"},
		{"two alternatives", multi("mixed", "b", part("text/plain", "", "a"), multi("alternative", "c", part("text/plain", "", "x"), part("text/html", "", "<x>"))), "a", "", "ATT00001.txt ATT00002.html"},
		{"related with start", multi("related; start=\"<h>\"", "b", part("image/png; name=i.png", "", "i"), part("text/html", "Content-ID: <h>\n", "<a>")), "", "<a>", "i.png"},
		{"unknown text", part("text/x-new", "", "a"), "a\r\n", "", ""},
		{"no parts", "Content-Type: multipart/mixed\n\njust text\n", "just text\r\n", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, _ := importMail(t, tt.mail, nil)
			var files []string
			for _, a := range m.Attachments {
				files = append(files, a.Props.Text(mapi.PidTagAttachLongFilename))
			}
			html := ""
			if v, ok := m.Props.Get(mapi.PidTagHtml); ok {
				html = blobText(t, v.Blob())
			}
			if got := m.Props.Text(mapi.PidTagBody); got != tt.plain || html != tt.html || strings.Join(files, " ") != tt.files {
				t.Errorf("text %q, HTML %q, files %q", got, html, files)
			}
		})
	}
}

// T30: names of attachments, in all the ways in which they are written.
func TestT30Names(t *testing.T) {
	for header, want := range map[string]string{
		`filename*=utf-8''Hello-%28123%29-World.pdf`:                       "Hello-(123)-World.pdf",
		`filename=Hello-(123)-World.pdf`:                                   "Hello-(123)-World.pdf",
		`filename*=iso-8859-1''caf%E9.pdf`:                                 "café.pdf",
		"filename*0=\"long \";\n filename*1*=%e2%82%ac.pdf":                "long €.pdf",
		"filename*0*=utf-8''long%20;\n filename*1*=%e2%82%ac.pdf":          "long €.pdf",
		`filename="=?utf-8?Q?=E2=82=AC.pdf?="`:                             "€.pdf",
		`filename="=?iso-2022-jp?B?GyRCRnw=?= =?iso-2022-jp?B?S1wbKEI=?="`: "日本",
	} {
		m, _ := importMail(t, "Content-Type: application/pdf\nContent-Disposition: attachment; "+header+"\n\nx", nil)
		if got := m.Attachments[0].Props.Text(mapi.PidTagAttachLongFilename); got != want {
			t.Errorf("%s: %q, want %q", header, got, want)
		}
	}
	for name, want := range map[string]string{"a.pdf": "a.pdf", "Some long name.jpeg": "Somelo~1.jpe", "日本.txt": "FILE~1.txt"} {
		if got := shortName(name); got != want {
			t.Errorf("short name of %q: %q, want %q", name, got, want)
		}
	}
}

// T16: a mail in a mail becomes a message of its own, to any depth allowed.
func TestT16EmbeddedMail(t *testing.T) {
	const inner = "Content-Type: message/rfc822; name=in.eml\n\nSubject: inner\nFrom: i@example.org\nContent-Type: text/html\n\n<p>in\n"
	m, _ := importMail(t, "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nout\n--b\n"+inner+"--b\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n"+
		base64.StdEncoding.EncodeToString([]byte("Subject: coded\r\n\r\nx"))+"\n--b--\n", nil)
	if len(m.Attachments) != 2 || m.Attachments[0].Embedded == nil || m.Attachments[1].Embedded == nil {
		t.Fatalf("%d attachments", len(m.Attachments))
	}
	e := m.Attachments[0].Embedded
	v, _ := e.Props.Get(mapi.PidTagHtml)
	if e.Class() != "IPM.Note" || e.Props.Text(mapi.PidTagSubject) != "inner" || blobText(t, v.Blob()) != "<p>in" ||
		e.Props.Text(mapi.PidTagSenderEmailAddress) != "i@example.org" || m.Attachments[0].Method() != mapi.AttachEmbedded {
		t.Errorf("%+v", e.Props)
	}
	if got := m.Attachments[1].Embedded.Props.Text(mapi.PidTagSubject); got != "coded" {
		t.Errorf("the mail in base64: %q", got)
	}
	deep := "x\n"
	for range 40 {
		deep = "Content-Type: message/rfc822\n\n" + deep
	}
	m, r := importMail(t, deep, &ImportOptions{MaxDepth: 5})
	n := 0
	for len(m.Attachments) == 1 && m.Attachments[0].Embedded != nil {
		m = m.Attachments[0].Embedded
		n++
	}
	if n != 5 || len(m.Attachments) != 1 || m.Attachments[0].Data() == nil || len(r.Problems) == 0 {
		t.Errorf("%d levels, %d attachments, %v", n, len(m.Attachments), r.Problems)
	}
}

// T27: a signed mail keeps the bytes that are signed.
func TestT27SMIME(t *testing.T) {
	const body = "--b\nContent-Type: text/plain\n\nsigned  text \n\n--b\nContent-Type: application/pkcs7-signature; name=smime.p7s\nContent-Transfer-Encoding: base64\n\nMAA=\n--b--\nepilogue\n"
	const mail = "Subject: x\nMIME-Version: 1.0\nContent-Type: multipart/signed; protocol=\"application/pkcs7-signature\";\n\tmicalg=sha1; boundary=b\n\n" + body
	for _, form := range []string{"\r\n", "\n"} {
		in := strings.ReplaceAll(mail, "\n", form)
		m, _, err := Import(t.Context(), strings.NewReader(in), int64(len(in)), nil)
		if err != nil {
			t.Fatal(err)
		}
		if m.Class() != "IPM.Note.SMIME.MultipartSigned" || len(m.Attachments) != 1 {
			t.Fatalf("%s, %d attachments", m.Class(), len(m.Attachments))
		}
		a := m.Attachments[0]
		want := strings.ReplaceAll("Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\";\n\tmicalg=sha1; boundary=b\n\n"+body, "\n", "\r\n")
		if got := blobText(t, a.Data()); got != want {
			t.Errorf("content %q", got)
		}
		if a.Props.Text(mapi.PidTagAttachLongFilename) != "smime.p7m" || a.Props.Text(mapi.PidTagAttachMimeTag) != "multipart/signed" {
			t.Errorf("%v", a.Props)
		}
		if got := m.Props.Text(mapi.PidTagBody); got != "signed  text \r\n" {
			t.Errorf("text %q", got)
		}
		var out bytes.Buffer
		if _, err := Export(t.Context(), &out, m, nil); err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(strings.TrimRight(out.String(), "\r\n"), strings.TrimRight(strings.ReplaceAll(body, "\n", "\r\n"), "\r\n")) {
			t.Errorf("the signed bytes are changed on the way back:\n%s", out.String())
		}
	}
	m, _ := importMail(t, "Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\nContent-Transfer-Encoding: base64\n\nMAA=\n", nil)
	if m.Class() != "IPM.Note.SMIME" || len(m.Attachments) != 1 || blobText(t, m.Attachments[0].Data()) != "0\x00" {
		t.Errorf("%s, %d attachments", m.Class(), len(m.Attachments))
	}
	m, _ = importMail(t, "Content-Type: application/pkcs7-mime; smime-type=certs-only\n\nx\n", nil)
	if m.Class() != "IPM.Note" {
		t.Errorf("a list of certificates is %s", m.Class())
	}
}

func tnefMail(t *testing.T, m *mapi.Message, fields string) string {
	var b bytes.Buffer
	if err := tnef.Encode(t.Context(), &b, m, nil); err != nil {
		t.Fatal(err)
	}
	return fields + "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nplain\n--b\nContent-Type: application/ms-tnef; name=winmail.dat\nContent-Transfer-Encoding: base64\n\n" +
		base64.StdEncoding.EncodeToString(b.Bytes()) + "\n--b--\n"
}

// T28, T29: what is in winmail.dat becomes the message.
func TestT28TNEF(t *testing.T) {
	inner := &mapi.Message{}
	inner.Props.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Note.SMIME.MultipartSigned"))
	inner.Props.Set(mapi.PidTagSubject, mapi.StringValue("inside"))
	a := &mapi.Attachment{}
	a.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(1))
	a.Props.Set(mapi.PidTagAttachLongFilename, mapi.StringValue("A very long name.p7m"))
	a.Props.Set(mapi.PidTagAttachDataBinary, mapi.BinaryValue([]byte("Content-Type: multipart/signed; boundary=x\r\n\r\n--x\r\n")))
	a.Props.Set(mapi.PidTagAttachMimeTag, mapi.StringValue("multipart/signed"))
	inner.Attachments = []*mapi.Attachment{a}
	mail := tnefMail(t, inner, "From: a@example.org\nTo: b@example.org\nSubject: outside\n")
	m, _ := importMail(t, mail, nil)
	if m.Class() != "IPM.Note.SMIME.MultipartSigned" || len(m.Attachments) != 1 || m.Props.Text(mapi.PidTagSubject) != "outside" ||
		len(m.Recipients) != 1 || m.Attachments[0].Props.Text(mapi.PidTagAttachLongFilename) != "A very long name.p7m" {
		t.Errorf("%s, %q, %d attachments, %d recipients", m.Class(), m.Props.Text(mapi.PidTagSubject), len(m.Attachments), len(m.Recipients))
	}
	m, _ = importMail(t, mail, &ImportOptions{KeepTNEF: true})
	if len(m.Attachments) != 1 || m.Attachments[0].Props.Text(mapi.PidTagAttachLongFilename) != "winmail.dat" {
		t.Errorf("%d attachments", len(m.Attachments))
	}
	m, r := importMail(t, strings.Replace(mail, "base64\n\n", "base64\n\nAAAA", 1), nil)
	if len(r.Problems) == 0 || len(m.Attachments) != 1 || m.Props.Text(mapi.PidTagBody) != "plain" {
		t.Errorf("a broken winmail.dat: %v, %d attachments", r.Problems, len(m.Attachments))
	}
}

// MSG -> EML with all properties -> MSG.
func TestKeepMAPIRoundTrip(t *testing.T) {
	m, _ := importMail(t, plainMail, nil)
	m.Props.SetName(mapi.Name{Set: mapi.PSETIDCommon, ID: 0x8501}, mapi.Int32Value(15))
	m.Props.Set(mapi.NewTag(0x6789, mapi.TypeBinary), mapi.BinaryValue([]byte{1, 2, 3}))
	for i, content := range []string{"small", strings.Repeat("large ", 20000), ""} {
		a := &mapi.Attachment{}
		a.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(1))
		a.Props.Set(mapi.PidTagAttachLongFilename, mapi.StringValue(fmt.Sprintf("f%d.bin", i)))
		a.Props.Set(mapi.PidTagAttachDataBinary, mapi.BinaryValue([]byte(content)))
		m.Attachments = append(m.Attachments, a)
	}
	inner, _ := importMail(t, "Subject: inner\n\nx", nil)
	a := &mapi.Attachment{Embedded: inner}
	a.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(5))
	m.Attachments = append(m.Attachments, a)
	var out bytes.Buffer
	if _, err := Export(t.Context(), &out, m, &ExportOptions{KeepMAPI: true}); err != nil {
		t.Fatal(err)
	}
	back, _, err := Import(t.Context(), bytes.NewReader(out.Bytes()), int64(out.Len()), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range mapitest.Diff(m, back) {
		t.Error(d)
	}
}

// EML -> MSG with the bytes kept -> EML.
func TestKeepMIMERoundTrip(t *testing.T) {
	const mail = "From x\nSubject: \xe9\n\nbody\r\nmixed ends\n"
	m, _, err := Import(t.Context(), strings.NewReader(mail), int64(len(mail)), &ImportOptions{KeepMIME: true})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if r, err := Export(t.Context(), &out, m, nil); err != nil || !r.Kept || out.String() != mail {
		t.Errorf("%q %v", out.String(), err)
	}
}

func TestImportReports(t *testing.T) {
	const dsn = `To: owner@example.org
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b

It failed.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org

Final-Recipient: rfc822; a@example.org
Action: delayed
Status: 4.0.0

Original-Recipient: rfc822; B@example.org
Final-Recipient: rfc822; b@example.org
Action: failed (gone)
Status: 5.1.1 (user unknown)
Remote-MTA: dns; far.example.org
Diagnostic-Code: smtp; 550 no such user

--b
Content-Type: message/rfc822

Subject: original

x
--b--
`
	m, _ := importMail(t, dsn, nil)
	if m.Class() != "REPORT.IPM.Note.NDR" || m.Props.Text(mapi.PidTagReportingMessageTransferAgent) != "mx.example.org" || m.Props.Text(mapi.PidTagBody) != "It failed." {
		t.Errorf("%s %v", m.Class(), m.Props)
	}
	if len(m.Recipients) != 1 || len(m.Attachments) != 1 || m.Attachments[0].Embedded == nil {
		t.Fatalf("%d recipients, %d attachments", len(m.Recipients), len(m.Attachments))
	}
	r := m.Recipients[0].Props
	if code, _ := r.Int(mapi.PidTagNonDeliveryReportStatusCode); code != 511 || r.Text(mapi.PidTagSmtpAddress) != "B@example.org" || r.Text(mapi.PidTagSupplementaryInfo) != "550 no such user" || r.Text(mapi.PidTagRemoteMessageTransferAgent) != "far.example.org" {
		t.Errorf("%v", r)
	}
	if v, ok := m.Props.GetName(NameReport); !ok || !strings.Contains(string(v.Raw()), "Action: delayed") {
		t.Error("the report is not kept")
	}
	for disposition, want := range map[string]string{"displayed": "REPORT.IPM.Note.IPNRN", "deleted": "REPORT.IPM.Note.IPNNRN"} {
		m, _ := importMail(t, "Content-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n--b\n\nread\n--b\nContent-Type: message/disposition-notification\n\nFinal-Recipient: rfc822; a@example.org\nOriginal-Message-ID: <1@example.org>\nDisposition: manual-action/MDN-sent-manually; "+disposition+"\n--b--\n", nil)
		if m.Class() != want || m.Props.Text(tagOriginalMessageID) != "<1@example.org>" {
			t.Errorf("%s: %s", disposition, m.Class())
		}
	}
}

func TestImportUUEncode(t *testing.T) {
	const mail = "Subject: x\n\nhere it is\nbegin 644 a.txt\n%:&5L;&\\\n`\nend\nbye\n"
	m, _ := importMail(t, mail, nil)
	if m.Props.Text(mapi.PidTagBody) != "here it is\r\nbye\r\n" || len(m.Attachments) != 1 || blobText(t, m.Attachments[0].Data()) != "hello" {
		t.Errorf("%q, %d attachments", m.Props.Text(mapi.PidTagBody), len(m.Attachments))
	}
	m, _ = importMail(t, mail, &ImportOptions{KeepUUEncode: true})
	if len(m.Attachments) != 0 || !strings.Contains(m.Props.Text(mapi.PidTagBody), "begin 644") {
		t.Error("the file was cut out")
	}
}

func TestImportRTF(t *testing.T) {
	m, _ := importMail(t, "Content-Type: text/html; charset=utf-8\n\n<p>caf\xc3\xa9</p>\n", &ImportOptions{RTF: true})
	v, ok := m.Props.Get(mapi.PidTagRtfCompressed)
	if _, html := m.Props.Get(mapi.PidTagHtml); html || !ok {
		t.Fatal("the HTML is not in RTF")
	}
	r, _ := v.Blob().Open(t.Context())
	var out strings.Builder
	if _, err := rtf.ToHTML(&out, rtf.NewReader(r), nil); err != nil || !strings.Contains(out.String(), "<p>café</p>") {
		t.Errorf("%q %v", out.String(), err)
	}
}

// Content above the bound is not held: the values are blobs over the source,
// and their sizes are exact.
func TestImportLarge(t *testing.T) {
	text := strings.Repeat("caf\xc3\xa9 \xf0\x9f\x98\x80 line\n", 10000)
	data := strings.Repeat("QUJD", 50000)
	m, _ := importMail(t, "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain; charset=utf-8\n\n"+text+"--b\nContent-Type: application/x\nContent-Transfer-Encoding: base64\n\n"+data+"\n--b--\n", nil)
	v, _ := m.Props.Get(mapi.PidTagBody)
	if v.InMemory() {
		t.Error("a large text is held")
	}
	r, err := v.OpenText(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got, _ := io.ReadAll(r)
	if want := strings.TrimSuffix(strings.ReplaceAll(text, "\n", "\r\n"), "\r\n"); string(got) != want {
		t.Errorf("text of %d bytes, want %d", len(got), len(want))
	}
	w, _ := m.Attachments[0].Props.Get(mapi.PidTagAttachDataBinary)
	if w.InMemory() || w.Size() != 150000 || blobText(t, w.Blob()) != strings.Repeat("ABC", 50000) {
		t.Errorf("attachment of %d bytes", w.Size())
	}
}

func TestImportLosses(t *testing.T) {
	_, r := importMail(t, "From: a@x.example, b@x.example\nContent-Type: multipart/mixed; boundary=b\n\nold readers see this\n--b\nX-Odd: 1\n\nx\n--b--\nbehind\n", nil)
	got := map[mapi.LossReason]int{}
	for _, l := range r.Losses {
		got[l.Reason]++
	}
	want := map[mapi.LossReason]int{mapi.LossApproximated: 1, mapi.LossNoContainer: 2, mapi.LossNoProperty: 1}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v", r.Losses)
	}
}

func TestImportImportance(t *testing.T) {
	for field, want := range map[string]int64{
		"Importance: low": 0, "X-Priority: 1 (Highest)": 2, "X-Priority: 5": 0, "X-MSMail-Priority: High": 2,
		"Priority: urgent": 2, "Importance: normal\nX-Priority: 1": 1, "X: y": 1,
	} {
		m, _ := importMail(t, field+"\n\nx", nil)
		if got, _ := m.Props.Int(mapi.PidTagImportance); got != want {
			t.Errorf("%s: %d, want %d", field, got, want)
		}
	}
}

func TestSplitSubject(t *testing.T) {
	for in, want := range map[string]string{
		"Re: a": "Re: ", "FW: a": "FW: ", "Fwd: a": "Fwd: ", "antw: a": "", "Re:a": "", "a: b": "a: ", "12: x": "", "": "", ": x": "", "答复: x": "答复: ",
	} {
		if got, rest := splitSubject(in); got != want || got+rest != in {
			t.Errorf("%q: %q + %q", in, got, rest)
		}
	}
}

func FuzzImport(f *testing.F) {
	for _, s := range []string{
		plainMail,
		"Content-Type: multipart/related; boundary=r\n\n--r\nContent-Type: text/html\n\n<img src=\"cid:a@b\">\n--r\nContent-ID: <a@b>\nContent-Type: image/png\n\nx\n--r--",
		"Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; boundary=b\n\n--b\n\nx\n--b\n\ny\n--b--",
		"Content-Type: multipart/report; boundary=b\n\n--b\n\nx\n--b\nContent-Type: message/delivery-status\n\nA: 1\n\nFinal-Recipient: rfc822; a@b\nAction: failed\nStatus: 5.1.1\n--b--",
		"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogeAoKeA==\n",
		"Content-Type: application/ms-tnef\nContent-Transfer-Encoding: base64\n\neJ8+IgEA\n",
		invitation,
		"Content-Class: urn:content-classes:person\nContent-Type: text/vcard\n\nBEGIN:VCARD\nVERSION:3.0\nFN:A\nNOTE:b\nEND:VCARD\n",
		"Content-Class: urn:content-classes:task\nContent-Type: text/calendar\n\nBEGIN:VCALENDAR\nBEGIN:VTODO\nUID:1\nDUE:20240101T000000Z\nRRULE:FREQ=DAILY\nEND:VTODO\nEND:VCALENDAR\n",
		"A: 1\n\nbegin 644 x\n%:&5L;&\\\n`\nend\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, r, err := Import(t.Context(), bytes.NewReader(b), int64(len(b)), &ImportOptions{KeepMIME: true, RTF: len(b)%2 == 0})
		if err != nil || r == nil {
			t.Fatal(err)
		}
		checkMessage(t, "message", m)
		if _, err := Export(t.Context(), io.Discard, m, &ExportOptions{IgnoreKept: true, KeepMAPI: len(b)%3 == 0}); err != nil {
			t.Fatal(err)
		}
	})
}

// T32: a mail with an attachment of 1 GiB becomes a message in constant memory.
func TestT32HugeAttachment(t *testing.T) {
	if testing.Short() {
		t.Skip("reads a mail of 1 GiB that is made on the way")
	}
	line := strings.Repeat(strings.Repeat("QUJD", 19)+"\r\n", 500)
	src := repeated{
		head: "Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhi\r\n--b\r\nContent-Type: application/zip; name=a.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n",
		line: line, tail: "--b--\r\n",
	}
	src.n = 1<<30/int64(len(line)) + 1
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	m, r, err := Import(t.Context(), src, src.size(), nil)
	runtime.ReadMemStats(&after)
	if err != nil || len(r.Problems) > 0 || len(m.Attachments) != 1 {
		t.Fatalf("%d attachments, %v, %v", len(m.Attachments), r.Problems, err)
	}
	if got, want := m.Attachments[0].Data().Size(), src.n*500*19*3; got != want {
		t.Errorf("%d bytes, want %d", got, want)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 4<<20 {
		t.Errorf("%d bytes were allocated", n)
	}
}

// repeated is a mail of any size that is made while it is read.
type repeated struct {
	head, line, tail string
	n                int64
}

func (p repeated) size() int64 {
	return int64(len(p.head)) + p.n*int64(len(p.line)) + int64(len(p.tail))
}

// ReadAt implements io.ReaderAt.
func (p repeated) ReadAt(b []byte, off int64) (int, error) {
	n := 0
	for n < len(b) {
		at := off + int64(n)
		switch mid := at - int64(len(p.head)); {
		case mid < 0:
			n += copy(b[n:], p.head[at:])
		case mid < p.n*int64(len(p.line)):
			n += copy(b[n:], p.line[mid%int64(len(p.line)):])
		case at < p.size():
			n += copy(b[n:], p.tail[mid-p.n*int64(len(p.line)):])
		default:
			return n, io.EOF
		}
	}
	return n, nil
}
