package mime_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/codepage"
	"github.com/mailconv/mailconv/mapi/rtf"
	"github.com/mailconv/mailconv/mapi/tnef"
	"github.com/mailconv/mailconv/mime"
	"github.com/mailconv/mailconv/mime/header"
)

// newMessage makes a message of texts by tag.
func newMessage(texts map[mapi.Tag]string) *mapi.Message {
	m := new(mapi.Message)
	for tag, s := range texts {
		m.Props.Set(tag, mapi.StringValue(s))
	}
	if m.Class() == "" {
		m.Props.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Note"))
	}
	return m
}

func newRecipient(typ int32, texts map[mapi.Tag]string) *mapi.Recipient {
	r := new(mapi.Recipient)
	r.Props.Set(mapi.PidTagRecipientType, mapi.Int32Value(typ))
	for tag, s := range texts {
		r.Props.Set(tag, mapi.StringValue(s))
	}
	return r
}

func newAttachment(name string, data []byte) *mapi.Attachment {
	a := new(mapi.Attachment)
	a.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachByValue))
	if name != "" {
		a.Props.Set(mapi.PidTagAttachLongFilename, mapi.StringValue(name))
	}
	a.Props.Set(mapi.PidTagAttachDataBinary, mapi.BinaryValue(data))
	return a
}

// A part is an entity as go-message reads it.
type part struct {
	typ    string
	params map[string]string
	disp   string
	name   string
	head   message.Header
	body   string
	kids   []*part
}

// tree reads a mail; every entity must be readable.
func tree(t testing.TB, mail string) *part {
	t.Helper()
	e, err := message.Read(strings.NewReader(mail))
	if err != nil {
		t.Fatalf("go-message: %v\n%s", err, mail)
	}
	return subtree(t, e)
}

func subtree(t testing.TB, e *message.Entity) *part {
	t.Helper()
	p := &part{head: e.Header}
	var err error
	if p.typ, p.params, err = e.Header.ContentType(); err != nil {
		t.Fatalf("content type: %v", err)
	}
	if e.Header.Has("Content-Disposition") {
		var params map[string]string
		if p.disp, params, err = e.Header.ContentDisposition(); err != nil {
			t.Fatalf("disposition: %v", err)
		}
		p.name = params["filename"]
	}
	if r := e.MultipartReader(); r != nil {
		for {
			k, err := r.NextPart()
			if err == io.EOF {
				return p
			}
			if err != nil {
				t.Fatalf("next part: %v", err)
			}
			p.kids = append(p.kids, subtree(t, k))
		}
	}
	b, err := io.ReadAll(e.Body)
	if err != nil {
		t.Fatalf("body: %v", err)
	}
	p.body = string(b)
	if p.typ == "message/rfc822" {
		p.kids = []*part{tree(t, p.body)}
	}
	return p
}

// shape is the structure of a part: mixed(alternative(plain html) pdf).
func (p *part) shape() string {
	_, s, _ := strings.Cut(p.typ, "/")
	if len(p.kids) > 0 {
		var list []string
		for _, k := range p.kids {
			list = append(list, k.shape())
		}
		s += "(" + strings.Join(list, " ") + ")"
	}
	return s
}

func export(t testing.TB, m *mapi.Message, opt *mime.ExportOptions) (string, *mime.ExportReport) {
	t.Helper()
	var b bytes.Buffer
	report, err := mime.Export(context.Background(), &b, m, opt)
	if err != nil {
		t.Fatal(err)
	}
	s := b.String()
	for i, line := range strings.Split(s, "\r\n") {
		if strings.ContainsAny(line, "\r\n\x00") {
			t.Errorf("line %d has a bare CR, LF or NUL: %q", i+1, line)
		}
		if len(line) > 998 {
			t.Errorf("line %d has %d bytes", i+1, len(line))
		}
	}
	return s, report
}

// fields is the header of a mail.
func fields(mail string) header.Fields {
	head, _, _ := strings.Cut(mail, "\r\n\r\n")
	return header.Parse([]byte(head + "\r\n"))
}

func TestPlainMessage(t *testing.T) {
	m := newMessage(map[mapi.Tag]string{
		mapi.PidTagSubject: "Grüße", mapi.PidTagBody: "Hello,\r\nworld\r\n",
		mapi.PidTagSentRepresentingName: "Ann Example", mapi.PidTagSentRepresentingSmtpAddress: "ann@example.com",
		mapi.PidTagSenderName: "Ann Example", mapi.PidTagSenderSmtpAddress: "ann@example.com",
		mapi.PidTagInternetMessageId: "<1@example.com>",
	})
	m.Props.Set(mapi.PidTagClientSubmitTime, mapi.TimeValue(time.Date(2024, 2, 3, 4, 5, 6, 0, time.UTC)))
	m.Recipients = []*mapi.Recipient{
		newRecipient(mapi.RecipientTo, map[mapi.Tag]string{mapi.PidTagDisplayName: "Bob", mapi.PidTagSmtpAddress: "bob@example.com"}),
		newRecipient(mapi.RecipientCc, map[mapi.Tag]string{mapi.PidTagDisplayName: "c@example.com", mapi.PidTagEmailAddress: "c@example.com", mapi.PidTagAddressType: "SMTP"}),
		newRecipient(mapi.RecipientBcc, map[mapi.Tag]string{mapi.PidTagSmtpAddress: "d@example.com"}),
	}
	got, report := export(t, m, nil)
	want := "From: Ann Example <ann@example.com>\r\n" +
		"To: Bob <bob@example.com>\r\n" +
		"Cc: <c@example.com>\r\n" +
		"Bcc: <d@example.com>\r\n" +
		"Subject: =?utf-8?B?R3LDvMOfZQ==?=\r\n" +
		"Date: Sat, 3 Feb 2024 04:05:06 +0000\r\n" +
		"Message-ID: <1@example.com>\r\n" +
		"MIME-Version: 1.0\r\n" +
		"Content-Type: text/plain; charset=utf-8\r\n" +
		"Content-Transfer-Encoding: 7bit\r\n" +
		"\r\nHello,\r\nworld\r\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if len(report.Problems)+len(report.Losses) > 0 {
		t.Errorf("%+v", report)
	}
	again, _ := export(t, m, nil)
	if again != got {
		t.Error("a second export differs")
	}
}

func TestEmptyMessage(t *testing.T) {
	got, _ := export(t, new(mapi.Message), nil)
	if p := tree(t, got); p.typ != "text/plain" || strings.TrimSpace(p.body) != "" {
		t.Errorf("%q", got)
	}
	if fields(got).Value("Date") != "" || fields(got).Value("From") != "" {
		t.Errorf("something was invented: %q", got)
	}
}

func rtfOf(t testing.TB, source string) []byte {
	t.Helper()
	return rtf.Compressed([]byte(source))
}

const htmlInRTF = `{\rtf1\ansi\ansicpg1252\fromhtml1 \deff0{\fonttbl{\f0\fswiss Arial;}}
{\*\htmltag64 <html>}{\*\htmltag64 <body>}{\*\htmltag84 <b>}Gr\'fc\'dfe{\*\htmltag92 </b>}{\*\htmltag72 </body>}{\*\htmltag72 </html>}}`

func TestT05EncapsulatedHTML(t *testing.T) {
	m := newMessage(nil)
	m.Props.Set(mapi.PidTagRtfCompressed, mapi.BinaryValue(rtfOf(t, htmlInRTF)))
	got, report := export(t, m, nil)
	p := tree(t, got)
	if p.shape() != "html" || !strings.Contains(p.body, "<b>Grüße</b>") {
		t.Errorf("%s: %q %v", p.shape(), p.body, report)
	}
}

func TestT09BothBodies(t *testing.T) {
	m := newMessage(map[mapi.Tag]string{mapi.PidTagBody: "Grüße"})
	m.Props.Set(mapi.PidTagRtfCompressed, mapi.BinaryValue(rtfOf(t, htmlInRTF)))
	got, _ := export(t, m, nil)
	p := tree(t, got)
	if p.shape() != "alternative(plain html)" || p.kids[0].body != "Grüße" {
		t.Errorf("%s: %q", p.shape(), p.kids[0].body)
	}
	m.Props.Set(mapi.PidTagHtml, mapi.BinaryValue([]byte("<p>native</p>")))
	got, _ = export(t, m, nil)
	if p = tree(t, got); p.shape() != "alternative(plain html)" || p.kids[1].body != "<p>native</p>" {
		t.Errorf("%s: %q", p.shape(), p.kids[1].body)
	}
}

func TestPlainRTFBecomesHTMLAndText(t *testing.T) {
	m := newMessage(nil)
	m.Props.Set(mapi.PidTagRtfCompressed, mapi.BinaryValue(rtfOf(t, `{\rtf1\ansi one \b two\b0\par}`)))
	got, report := export(t, m, nil)
	p := tree(t, got)
	if p.shape() != "alternative(plain html)" || !strings.Contains(p.kids[0].body, "one two") || !strings.Contains(p.kids[1].body, "two") {
		t.Errorf("%s\n%s", p.shape(), got)
	}
	if len(report.Losses) != 1 || report.Losses[0].Reason != mapi.LossApproximated {
		t.Errorf("%+v", report.Losses)
	}
}

func TestEncapsulatedTextIsTextOnly(t *testing.T) {
	m := newMessage(nil)
	m.Props.Set(mapi.PidTagRtfCompressed, mapi.BinaryValue(rtfOf(t, `{\rtf1\ansi\fromtext just text\par}`)))
	got, _ := export(t, m, nil)
	if p := tree(t, got); p.shape() != "plain" || !strings.Contains(p.body, "just text") {
		t.Errorf("%s", got)
	}
}

// T06: RTF that cannot be read costs the RTF, not the message.
func TestT06BrokenRTF(t *testing.T) {
	m := newMessage(map[mapi.Tag]string{mapi.PidTagBody: "the text"})
	m.Props.Set(mapi.PidTagRtfCompressed, mapi.BinaryValue(rtfOf(t, "this is no RTF at all")))
	got, report := export(t, m, nil)
	p := tree(t, got)
	if p.shape() != "mixed(plain rtf)" || p.kids[0].body != "the text" || p.kids[1].body != "this is no RTF at all" {
		t.Errorf("%s\n%s", p.shape(), got)
	}
	if len(report.Losses) == 0 {
		t.Error("no loss is recorded")
	}
	m.Props.Set(mapi.PidTagRtfCompressed, mapi.BinaryValue([]byte{1, 2, 3}))
	got, report = export(t, m, nil)
	if len(report.Problems) == 0 || !strings.Contains(got, "the text") {
		t.Errorf("%v\n%s", report, got)
	}
}

func TestLargeBodiesAreStreamed(t *testing.T) {
	long := strings.Repeat("Zeile mit Umlaut ä und etwas mehr Text.\r\n", 60_000)
	m := newMessage(nil)
	m.Props.Set(mapi.PidTagBody, mapi.BlobValue(mapi.TypeString, hidden{mapi.EncodeUTF16(long)}))
	html := "<html>" + strings.Repeat("<p>x=y \xe4</p>\n", 200_000)
	m.Props.Set(mapi.PidTagHtml, mapi.BlobValue(mapi.TypeBinary, hidden{[]byte(html)}))
	m.Props.Set(mapi.PidTagInternetCodepage, mapi.Int32Value(28591))
	got, _ := export(t, m, nil)
	p := tree(t, got)
	if p.shape() != "alternative(plain html)" {
		t.Fatal(p.shape())
	}
	if p.kids[0].body != long {
		t.Error("the text differs")
	}
	if want := strings.NewReplacer("\n", "\r\n", "\xe4", "ä").Replace(html); p.kids[1].body != want {
		t.Error("the HTML differs")
	}
	if cs := p.kids[1].params["charset"]; cs != "iso-8859-1" {
		t.Error(cs)
	}
}

// hidden is a blob that is not in memory as far as anybody can see.
type hidden struct{ b []byte }

func (h hidden) Size() int64 { return int64(len(h.b)) }
func (h hidden) Open(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(h.b)), nil
}

func TestHTMLKeepsItsBytesAndCodePage(t *testing.T) {
	for _, c := range []struct {
		cp      int32
		html    string
		charset string
	}{
		{1251, "<p>\xcf\xf0\xe8\xe2\xe5\xf2</p>", "windows-1251"},
		{932, "<p>\x93\xfa\x96\x7b</p>", "shift_jis"},
		{65001, "<p>ü</p>", "utf-8"},
		{20127, "<p>\xfc</p>", "windows-1252"},
		{1252, `<meta charset="utf-8"><p>ü</p>`, "utf-8"},
		{0, `<meta http-equiv=Content-Type content="text/html; charset=koi8-r">` + "\xf0", "koi8-r"},
		{1200, "<\x00p\x00>\x00\xfc\x00", "utf-8"},
	} {
		m := newMessage(nil)
		if c.cp != 0 {
			m.Props.Set(mapi.PidTagInternetCodepage, mapi.Int32Value(c.cp))
		}
		m.Props.Set(mapi.PidTagHtml, mapi.BinaryValue([]byte(c.html)))
		got, report := export(t, m, nil)
		e, err := message.Read(strings.NewReader(got))
		if err != nil && !message.IsUnknownCharset(err) {
			t.Fatal(err)
		}
		_, params, _ := e.Header.ContentType()
		if !strings.EqualFold(params["charset"], c.charset) || len(report.Problems) > 0 {
			t.Errorf("%d: charset %q, want %q; %v", c.cp, params["charset"], c.charset, report.Problems)
		}
	}
}

func TestT01TextInACodePage(t *testing.T) {
	cs, _ := codepage.Get(1251)
	m := newMessage(nil)
	m.Props.Set(mapi.PidTagSubject, mapi.RawValue(mapi.TypeString8, []byte("\xcf\xf0\xe8\xe2\xe5\xf2")).WithCharset(cs))
	m.Props.Set(mapi.PidTagBody, mapi.RawValue(mapi.TypeString8, []byte("\xcf\xf0\xe8\xe2\xe5\xf2")).WithCharset(cs))
	got, _ := export(t, m, nil)
	if p := tree(t, got); p.body != "Привет\r\n" && p.body != "Привет" {
		t.Errorf("%q", p.body)
	}
	if s := fields(got).Text("Subject", nil); s != "Привет" {
		t.Errorf("%q", s)
	}
}

func TestTextComesBackInEveryEncoding(t *testing.T) {
	for _, s := range []string{
		"short\r\nlines\r\n", "trailing blank \r\nnext\t\r\n", "From here\r\nFrom there", "no end", "\r\n\r\n", ".\r\n..\r\n",
		"--=_looks like a boundary\r\n", "long " + strings.Repeat("word ", 400), strings.Repeat("x", 3000), "tab\tin",
		"ä" + strings.Repeat("ö", 50), strings.Repeat("日本語", 300), "nul\x00 dropped", "=3D", "bare\nLF", "bare\rCR", "mixed\r\n\r\r\n\n",
	} {
		m := newMessage(map[mapi.Tag]string{mapi.PidTagBody: s})
		m.Attachments = []*mapi.Attachment{newAttachment("x.bin", []byte{1})}
		got, _ := export(t, m, nil)
		want := strings.ReplaceAll(s, "\x00", "")
		want = strings.ReplaceAll(strings.ReplaceAll(want, "\r\n", "\n"), "\r", "\n")
		want = strings.ReplaceAll(want, "\n", "\r\n")
		if p := tree(t, got); p.kids[0].body != want {
			t.Errorf("%.40q: read %.60q\n%.300s", s, p.kids[0].body, got)
		}
	}
}

func htmlMessage(html string, list ...*mapi.Attachment) *mapi.Message {
	m := newMessage(map[mapi.Tag]string{mapi.PidTagBody: "text"})
	m.Props.Set(mapi.PidTagHtml, mapi.BinaryValue([]byte(html)))
	m.Attachments = list
	return m
}

func withText(a *mapi.Attachment, tag mapi.Tag, s string) *mapi.Attachment {
	a.Props.Set(tag, mapi.StringValue(s))
	return a
}

// T10 and T11: the Content-ID as a whole, without the zero that some writers
// count, and the image inside multipart/related.
func TestT10T11ContentID(t *testing.T) {
	const cid = "image001.png@01D719B4.37AF4500"
	for _, stored := range []string{cid, cid + "\x00", "<" + cid + ">"} {
		m := htmlMessage(`<img src="cid:`+cid+`">`, withText(newAttachment("image001.png", []byte("PNG")), mapi.PidTagAttachContentId, stored))
		got, _ := export(t, m, nil)
		p := tree(t, got)
		if p.shape() != "related(alternative(plain html) png)" {
			t.Fatalf("%q: %s", stored, p.shape())
		}
		img := p.kids[1]
		if id := img.head.Get("Content-Id"); id != "<"+cid+">" || img.disp != "inline" || img.body != "PNG" {
			t.Errorf("%q: %q %q %q", stored, id, img.disp, img.body)
		}
		if p.params["type"] != "multipart/alternative" {
			t.Errorf("type of the root: %q", p.params["type"])
		}
	}
}

// T12 and T13: what the HTML does not show stays an attachment.
func TestT12T13InlineOnlyWhereReferenced(t *testing.T) {
	flagged := withText(newAttachment("flagged.png", []byte("1")), mapi.PidTagAttachContentId, "other@x")
	flagged.Props.Set(mapi.PidTagAttachFlags, mapi.Int32Value(4))
	hiddenOne := newAttachment("hidden.png", []byte("2"))
	hiddenOne.Props.Set(mapi.PidTagAttachmentHidden, mapi.BoolValue(true))
	m := htmlMessage(`<img src='CID:Shown%40x'><img src="logo.gif">`,
		newAttachment("plain.pdf", []byte("3")), flagged, hiddenOne,
		withText(newAttachment("a.png", []byte("4")), mapi.PidTagAttachContentId, "shown@x"),
		withText(newAttachment("b.gif", []byte("5")), mapi.PidTagAttachContentLocation, "logo.gif"))
	got, _ := export(t, m, nil)
	p := tree(t, got)
	if p.shape() != "mixed(related(alternative(plain html) png gif) pdf png png)" {
		t.Fatal(p.shape())
	}
	if d := []string{p.kids[1].disp, p.kids[2].disp, p.kids[3].disp}; d[0] != "attachment" || d[1] != "inline" || d[2] != "attachment" {
		t.Errorf("dispositions %q", d)
	}
	if loc := p.kids[0].kids[2].head.Get("Content-Location"); loc != "logo.gif" {
		t.Errorf("location %q", loc)
	}
}

// T15: any class is a mail.
func TestT15UnknownClass(t *testing.T) {
	for _, class := range []string{"IPM", "", "IPM.Something.Else", "IPM.Appointment", "REPORT", "x"} {
		m := newMessage(map[mapi.Tag]string{mapi.PidTagMessageClass: class, mapi.PidTagBody: "text", mapi.PidTagSubject: "s"})
		got, _ := export(t, m, nil)
		if p := tree(t, got); p.body != "text\r\n" && p.body != "text" {
			t.Errorf("%q: %s", class, got)
		}
	}
}

// T17: a name from wherever one is, and one that no other has.
func TestT17AttachmentNames(t *testing.T) {
	embedded := &mapi.Attachment{Embedded: newMessage(map[mapi.Tag]string{mapi.PidTagSubject: "The subject"})}
	shown := withText(newAttachment("", []byte("x")), mapi.PidTagDisplayName, "Display.txt")
	again := withText(newAttachment("", []byte("x")), mapi.PidTagDisplayName, "Display.txt")
	short := withText(newAttachment("", []byte("x")), mapi.PidTagAttachFilename, "SHORT~1.TXT")
	typed := withText(newAttachment("", []byte("x")), mapi.PidTagAttachMimeTag, "image/jpeg")
	ext := withText(newAttachment("", []byte("x")), mapi.PidTagAttachExtension, ".xyz")
	msgFile := &mapi.Attachment{Embedded: newMessage(nil)}
	msgFile.Props.Set(mapi.PidTagAttachLongFilename, mapi.StringValue("mail.msg"))
	m := newMessage(nil)
	m.Attachments = []*mapi.Attachment{newAttachment("Long name.txt", nil), short, shown, again, embedded, typed, ext,
		newAttachment("", nil), newAttachment("", nil), msgFile, newAttachment("bad\r\nname\x00.txt", nil)}
	want := []string{"Long name.txt", "SHORT~1.TXT", "Display.txt", "Display (2).txt", "The subject.eml", "attachment.jpg", "attachment.xyz",
		"attachment.bin", "attachment (2).bin", "mail.eml", "badname.txt"}
	got, _ := export(t, m, nil)
	p := tree(t, got)
	for i, k := range p.kids {
		if i >= len(want) || k.name != want[i] {
			t.Errorf("attachment %d is %q", i, k.name)
		}
	}
	if len(p.kids) != len(want) {
		t.Errorf("%d parts", len(p.kids))
	}
}

func TestT18EmptyAttachmentIsKept(t *testing.T) {
	m := htmlMessage(`<img src="cid:x@y">`, withText(newAttachment("empty.png", nil), mapi.PidTagAttachContentId, "x@y"), newAttachment("empty.txt", nil))
	m.Attachments = append(m.Attachments, new(mapi.Attachment))
	got, report := export(t, m, nil)
	p := tree(t, got)
	if p.shape() != "mixed(related(alternative(plain html) png) plain octet-stream)" || p.kids[1].body != "" || p.kids[0].kids[1].body != "" {
		t.Errorf("%s\n%s", p.shape(), got)
	}
	if report.Problems.Severe() {
		t.Errorf("%v", report.Problems)
	}
}

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
		"Thread-Topic: =?utf-8?B?R3LDvMOfZQ==?=\r\n" +
		"X-Priority: 1\r\n" +
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
		mapi.PidTagSubject: "s"})
	got, _ := export(t, m, nil)
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
	for n, s := range map[string]string{"X-Mine": "v", "x-lower": "l", "acceptlanguage": "de-DE", "Subject": "no", "X-Microsoft-Exchange-Organization-X": "no",
		"bad name": "no", "X-Evil": "a\r\nBcc: x@y"} {
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
	for _, tag := range []mapi.Tag{mapi.PidTagSubject, mapi.PidTagSenderName, mapi.PidTagSenderEmailAddress, mapi.PidTagSentRepresentingName,
		mapi.PidTagSentRepresentingSmtpAddress, mapi.PidTagInternetMessageId, mapi.PidTagInReplyToId, mapi.PidTagInternetReferences,
		mapi.PidTagConversationTopic, mapi.PidTagListHelp, mapi.PidTagReplyRecipientNames} {
		texts[tag] = evil
	}
	m := newMessage(texts)
	m.Props.SetName(mapi.PidNameKeywords, mapi.MultiStringValue([]string{evil}))
	m.Recipients = []*mapi.Recipient{newRecipient(1, map[mapi.Tag]string{mapi.PidTagDisplayName: evil, mapi.PidTagEmailAddress: evil, mapi.PidTagAddressType: evil})}
	a := newAttachment(evil, []byte("x"))
	for _, tag := range []mapi.Tag{mapi.PidTagAttachMimeTag, mapi.PidTagAttachContentId, mapi.PidTagAttachContentLocation, mapi.PidTagAttachContentBase,
		mapi.PidTagDisplayName, mapi.PidTagTextAttachmentCharset} {
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

func TestEmbeddedMessages(t *testing.T) {
	m := newMessage(map[mapi.Tag]string{mapi.PidTagSubject: "level 0", mapi.PidTagBody: "0"})
	last := m
	for i := 1; i <= 5; i++ {
		e := newMessage(map[mapi.Tag]string{mapi.PidTagSubject: fmt.Sprintf("level %d", i), mapi.PidTagBody: fmt.Sprint(i)})
		last.Attachments = []*mapi.Attachment{{Embedded: e}}
		last = e
	}
	got, report := export(t, m, nil)
	p := tree(t, got)
	if want := "mixed(plain rfc822(mixed(plain rfc822(mixed(plain rfc822(mixed(plain rfc822(mixed(plain rfc822(plain))))))))))"; p.shape() != want {
		t.Errorf("%s\nwant %s", p.shape(), want)
	}
	if len(report.Problems) > 0 {
		t.Errorf("%v", report.Problems)
	}
	got, report = export(t, m, &mime.ExportOptions{MaxDepth: 2})
	if !report.Problems.Severe() || strings.Contains(got, "Subject: level 3") || !strings.Contains(got, "Subject: level 2") {
		t.Errorf("%v\n%s", report.Problems, got)
	}
	if p := report.Problems[0]; p.Where != "attachment 1/attachment 1/attachment 1" {
		t.Errorf("%+v", p)
	}
	// A message that holds itself ends at the bound.
	loop := newMessage(nil)
	loop.Attachments = []*mapi.Attachment{{Embedded: loop}}
	if _, report := export(t, loop, nil); !report.Problems.Severe() {
		t.Error("a cycle went unnoticed")
	}
}

func TestMediaTypesThatWouldBeStructure(t *testing.T) {
	for tag, want := range map[string]string{
		"message/rfc822": "application/octet-stream", "multipart/mixed": "application/octet-stream", "MESSAGE/partial": "application/octet-stream",
		"Image/PNG; name=x": "image/png", "not a type": "application/pdf", "": "application/pdf", "application/mac-binhex40": "application/octet-stream",
	} {
		m := newMessage(nil)
		m.Attachments = []*mapi.Attachment{withText(newAttachment("x.pdf", []byte("%PDF")), mapi.PidTagAttachMimeTag, tag)}
		got, _ := export(t, m, nil)
		if p := tree(t, got); p.kids[0].typ != want || p.kids[0].body != "%PDF" {
			t.Errorf("%q: %s", tag, p.kids[0].typ)
		}
	}
}

func TestReferenceAttachments(t *testing.T) {
	for link, want := range map[string]string{
		`\\server\share\a b.doc`:    "file://server/share/a%20b.doc",
		`C:\docs\x.doc`:             "file:///C:/docs/x.doc",
		"https://example.com/a?b=c": "https://example.com/a?b=c",
	} {
		a := new(mapi.Attachment)
		a.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachByReference))
		a.Props.Set(mapi.PidTagAttachLongPathname, mapi.StringValue(link))
		a.Props.Set(mapi.PidTagAttachLongFilename, mapi.StringValue("x.doc"))
		m := newMessage(nil)
		m.Attachments = []*mapi.Attachment{a}
		got, report := export(t, m, nil)
		p := tree(t, got).kids[0]
		if p.typ != "text/uri-list" || strings.TrimSpace(p.body) != want || p.name != "x.doc.uri" || len(report.Losses) != 1 {
			t.Errorf("%q: %s %q %q %v", link, p.typ, p.body, p.name, report.Losses)
		}
	}
}

func TestOLEAttachment(t *testing.T) {
	pkg := append([]byte{0, 0, 0, 0, 2, 0}, "file.txt\x00C:\\file.txt\x00\x00\x00\x03\x00\x04\x00\x00\x00abc\x00\x05\x00\x00\x00hello"...)
	for _, c := range []struct {
		stream string
		data   []byte
		want   string
		name   string
	}{
		{"\x01Ole10Native", pkg, "hello", "file.txt"},
		{"CONTENTS", []byte("BM"), "BM", "obj"},
		{"\x02OlePres000", []byte("pic"), "pic", "obj"},
		{"unknown", []byte("x"), "", "obj"},
	} {
		a := &mapi.Attachment{Storage: &mapi.Storage{Streams: []mapi.Stream{{Name: c.stream, Data: mapi.Bytes(c.data)}}}}
		if c.name == "obj" {
			a.Props.Set(mapi.PidTagDisplayName, mapi.StringValue("obj"))
		}
		m := newMessage(nil)
		m.Attachments = []*mapi.Attachment{a}
		got, report := export(t, m, nil)
		if p := tree(t, got).kids[0]; p.body != c.want || p.name != c.name || len(report.Losses) != 1 {
			t.Errorf("%q: %q %q %v", c.stream, p.name, p.body, report.Losses)
		}
		got, report = export(t, m, &mime.ExportOptions{Storage: func(context.Context, *mapi.Storage) (mapi.Blob, error) { return mapi.Bytes("CFB"), nil }})
		if p := tree(t, got).kids[0]; p.body != "CFB" || len(report.Losses) != 0 {
			t.Errorf("%q: %q %v", c.stream, p.body, report.Losses)
		}
	}
}

const signedEntity = "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\";\r\n\tmicalg=sha-256; boundary=\"b\"\r\n" +
	"\r\nThis is an S/MIME message\r\n--b\r\nContent-Type: text/plain\r\n\r\nsigned  \r\n--b\r\nContent-Type: application/pkcs7-signature\r\n\r\nsig\r\n--b--\r\n"

func smimeMessage(class, tag string, data []byte) *mapi.Message {
	m := newMessage(map[mapi.Tag]string{mapi.PidTagMessageClass: class, mapi.PidTagSubject: "s", mapi.PidTagBody: "a copy of the text",
		mapi.PidTagSenderSmtpAddress: "a@example.com"})
	m.Attachments = []*mapi.Attachment{withText(newAttachment("", data), mapi.PidTagAttachMimeTag, tag)}
	return m
}

// T27: a signed entity leaves as it came.
func TestT27SignedEntityIsUntouched(t *testing.T) {
	for _, class := range []string{"IPM.Note.SMIME.MultipartSigned", "IPM.Note.SMIME", "ipm.note.smime.multipartsigned"} {
		got, report := export(t, smimeMessage(class, "multipart/signed", []byte(signedEntity)), nil)
		head, body, _ := strings.Cut(got, "\r\n\r\n")
		_, want, _ := strings.Cut(signedEntity, "\r\n\r\n")
		if body != want {
			t.Errorf("%s: the body is %q", class, body)
		}
		if !strings.Contains(head, "\r\nContent-Type: multipart/signed;") || strings.Count(head, "MIME-Version") != 1 || len(report.Problems) > 0 {
			t.Errorf("%s: %s", class, head)
		}
	}
	_, parts, _ := strings.Cut(signedEntity, "message\r\n")
	got, _ := export(t, smimeMessage("IPM.Note.SMIME.MultipartSigned", "multipart/signed", []byte(parts)), nil)
	if !strings.HasSuffix(got, "\r\n\r\n"+parts) || tree(t, got).shape() != "signed(plain pkcs7-signature)" {
		t.Errorf("parts alone:\n%s", got)
	}
	cms := []byte{0x30, 0x80, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x03, 0xA0, 0x80, 0, 1, 2, 3}
	got, _ = export(t, smimeMessage("IPM.Note.SMIME", "", cms), nil)
	if p := tree(t, got); p.typ != "application/pkcs7-mime" || p.params["smime-type"] != "enveloped-data" || p.body != string(cms) || p.name != "smime.p7m" {
		t.Errorf("opaque:\n%s", got)
	}
	// What is neither is written as an ordinary message, and said.
	got, report := export(t, smimeMessage("IPM.Note.SMIME", "text/plain", []byte("just text")), nil)
	if p := tree(t, got); p.shape() != "mixed(plain plain)" || len(report.Problems) != 1 {
		t.Errorf("%s %v", p.shape(), report.Problems)
	}
}

func TestT27OpenSSLVerifies(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not here")
	}
	dir := t.TempDir()
	run := func(args ...string) []byte {
		t.Helper()
		cmd := exec.Command(openssl, args...)
		cmd.Dir = dir
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		b, err := cmd.Output()
		if err != nil {
			t.Fatalf("openssl %v: %v\n%s", args, err, stderr.String())
		}
		return b
	}
	run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key", "-out", "cert", "-days", "2", "-subj", "/CN=test", "-batch")
	os.WriteFile(filepath.Join(dir, "in"), []byte("Content-Type: text/plain\r\n\r\nGr=C3=BC=C3=9Fe  \r\n"), 0o600)
	clear := run("smime", "-sign", "-in", "in", "-signer", "cert", "-inkey", "key", "-crlfeol", "-binary")
	clear = bytes.ReplaceAll(bytes.ReplaceAll(clear, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
	clear = bytes.TrimPrefix(clear, []byte("MIME-Version: 1.0\r\n"))
	der := run("smime", "-sign", "-nodetach", "-in", "in", "-signer", "cert", "-inkey", "key", "-outform", "DER", "-binary")
	for name, m := range map[string]*mapi.Message{
		"clear":  smimeMessage("IPM.Note.SMIME.MultipartSigned", "multipart/signed", clear),
		"opaque": smimeMessage("IPM.Note.SMIME", "application/pkcs7-mime", der),
	} {
		got, _ := export(t, m, nil)
		os.WriteFile(filepath.Join(dir, "mail"), []byte(got), 0o600)
		out := run("smime", "-verify", "-in", "mail", "-CAfile", "cert")
		if !bytes.Contains(out, []byte("Gr=C3=BC=C3=9Fe")) {
			t.Errorf("%s: %q", name, out)
		}
	}
}

// A signed message inside another keeps its bytes, even if they are 8-bit or
// hold the boundaries that we would have used.
func TestT27SignedMessageInside(t *testing.T) {
	entity := strings.Replace(signedEntity, "signed  ", "Gr\xc3\xbc\xc3\x9fe", 1)
	outer := newMessage(map[mapi.Tag]string{mapi.PidTagBody: "outer"})
	outer.Attachments = []*mapi.Attachment{{Embedded: smimeMessage("IPM.Note.SMIME.MultipartSigned", "multipart/signed", []byte(entity))}}
	got, _ := export(t, outer, nil)
	boundary := tree(t, got).params["boundary"]
	entity = strings.Replace(entity, "Gr", "--"+boundary+"\r\nGr", 1)
	outer.Attachments[0].Embedded = smimeMessage("IPM.Note.SMIME.MultipartSigned", "multipart/signed", []byte(entity))
	got, _ = export(t, outer, nil)
	p := tree(t, got)
	_, body, _ := strings.Cut(entity, "\r\n\r\n")
	if p.shape() != "mixed(plain rfc822(signed(plain pkcs7-signature)))" || !strings.Contains(got, body) {
		t.Errorf("%s\n%s", p.shape(), got)
	}
	if p.params["boundary"] == boundary {
		t.Error("the boundary occurs in the content")
	}
	if e := p.kids[1].head.Get("Content-Transfer-Encoding"); e != "8bit" || p.head.Get("Content-Transfer-Encoding") != "8bit" {
		t.Errorf("encoding %q of 8-bit content", e)
	}
}

func TestReports(t *testing.T) {
	m := newMessage(map[mapi.Tag]string{mapi.PidTagMessageClass: "REPORT.IPM.Note.NDR", mapi.PidTagBody: "not delivered",
		mapi.PidTagReportingMessageTransferAgent: "dns; mta.example.com"})
	r := newRecipient(1, map[mapi.Tag]string{mapi.PidTagDisplayName: "Bob", mapi.PidTagSmtpAddress: "bob@example.com", mapi.PidTagSupplementaryInfo: "<mx #5.1.1 smtp;550 5.1.1 unknown>"})
	m.Recipients = []*mapi.Recipient{r, newRecipient(1, map[mapi.Tag]string{mapi.PidTagDisplayName: "Nobody"})}
	m.Recipients[1].Props.Set(mapi.PidTagNonDeliveryReportStatusCode, mapi.Int32Value(550))
	m.Attachments = []*mapi.Attachment{{Embedded: newMessage(map[mapi.Tag]string{mapi.PidTagSubject: "original"})}}
	got, _ := export(t, m, nil)
	p := tree(t, got)
	if p.shape() != "report(plain delivery-status rfc822(plain))" || p.params["report-type"] != "delivery-status" {
		t.Fatalf("%s\n%s", p.shape(), got)
	}
	want := "Reporting-MTA: dns; mta.example.com\r\n\r\nFinal-Recipient: rfc822; bob@example.com\r\nAction: failed\r\nStatus: 5.1.1\r\n"
	if s := p.kids[1].body; !strings.HasPrefix(s, want) || !strings.Contains(s, "Status: 5.5.0") {
		t.Errorf("%s", s)
	}
	m = newMessage(map[mapi.Tag]string{mapi.PidTagMessageClass: "REPORT.IPM.Note.IPNRN", mapi.PidTagSenderSmtpAddress: "bob@example.com",
		mapi.NewTag(0x1046, mapi.TypeString): "<1@example.com>"})
	got, _ = export(t, m, nil)
	p = tree(t, got)
	if p.shape() != "report(plain disposition-notification)" || !strings.Contains(p.kids[1].body, "Final-Recipient: rfc822; bob@example.com\r\n") ||
		!strings.Contains(p.kids[1].body, "; displayed\r\n") || !strings.Contains(p.kids[1].body, "Original-Message-ID: <1@example.com>\r\n") {
		t.Errorf("%s\n%s", p.shape(), got)
	}
}

func TestKeptMailIsGivenBack(t *testing.T) {
	original := "From: a@b\nSubject: x\n\nbare LF, and \xff bytes\n"
	m := newMessage(map[mapi.Tag]string{mapi.PidTagSubject: "x", mapi.PidTagBody: "bare LF"})
	m.Attachments = []*mapi.Attachment{newAttachment("x", []byte("y"))}
	if err := mime.Keep(context.Background(), m, mapi.Bytes(original)); err != nil {
		t.Fatal(err)
	}
	give := func(opt *mime.ExportOptions) (string, bool) {
		var b bytes.Buffer
		report, err := mime.Export(context.Background(), &b, m, opt)
		if err != nil {
			t.Fatal(err)
		}
		return b.String(), report.Kept
	}
	m.Props.Set(mapi.PidTagMessageFlags, mapi.Int32Value(1)) // read: no change of the mail
	if got, kept := give(nil); got != original || !kept {
		t.Errorf("%q", got)
	}
	if got, kept := give(&mime.ExportOptions{IgnoreKept: true}); got == original || kept {
		t.Error("given back although asked not to")
	}
	for what, change := range map[string]func(){
		"subject":    func() { m.Props.Set(mapi.PidTagSubject, mapi.StringValue("y")) },
		"recipient":  func() { m.Recipients = append(m.Recipients, newRecipient(1, nil)) },
		"attachment": func() { m.Attachments[0].Props.Set(mapi.PidTagAttachDataBinary, mapi.BinaryValue([]byte("z"))) },
		"fewer":      func() { m.Attachments = nil },
	} {
		saved := *m
		saved.Props = m.Props.Clone()
		data, _ := m.Attachments[0].Props.Get(mapi.PidTagAttachDataBinary)
		list := m.Attachments
		change()
		if _, kept := give(nil); kept {
			t.Errorf("the old bytes were given back after a change of the %s", what)
		}
		*m = saved
		m.Attachments = list
		m.Attachments[0].Props.Set(mapi.PidTagAttachDataBinary, data)
	}
	if _, kept := give(nil); !kept {
		t.Error("the test itself changed the message")
	}
}

func TestKeepMAPI(t *testing.T) {
	m := newMessage(map[mapi.Tag]string{mapi.PidTagSubject: "x", mapi.PidTagBody: "text"})
	name := mapi.Name{Set: mapi.PSETIDCommon, ID: 0x8554}
	m.Props.SetName(name, mapi.StringValue("16.0"))
	data := bytes.Repeat([]byte("data"), 1000)
	m.Attachments = []*mapi.Attachment{newAttachment("x.bin", data), {Embedded: newMessage(map[mapi.Tag]string{mapi.PidTagSubject: "inner"})}}
	got, _ := export(t, m, &mime.ExportOptions{KeepMAPI: true})
	p := tree(t, got)
	if p.shape() != "mixed(plain octet-stream rfc822(plain) ms-tnef)" {
		t.Fatal(p.shape())
	}
	body := p.kids[3].body
	back, problems, err := tnef.Decode(context.Background(), strings.NewReader(body), int64(len(body)), nil)
	if err != nil || problems.Severe() {
		t.Fatal(err, problems)
	}
	if back.Props.NameText(name) != "16.0" || len(back.Attachments) != 2 || back.Attachments[1].Embedded == nil {
		t.Errorf("%+v", back)
	}
	if len(body) > 3500 {
		t.Errorf("%d bytes: the attachment is repeated", len(body))
	}
	_, params, _ := p.kids[1].head.ContentDisposition()
	if params["x-mapi-attachment"] != "1" {
		t.Errorf("%q", params)
	}
}

func TestLossesAreListedWhenAsked(t *testing.T) {
	m := newMessage(map[mapi.Tag]string{mapi.PidTagSubject: "x"})
	m.Props.Set(mapi.PidTagIconIndex, mapi.Int32Value(1))
	m.Props.Set(mapi.PidTagRecordKey, mapi.BinaryValue([]byte{1}))
	m.Props.SetName(mapi.Name{Set: mapi.PSETIDTask, ID: 0x8101}, mapi.Int32Value(1))
	if _, report := export(t, m, nil); len(report.Losses) > 0 {
		t.Errorf("%v", report.Losses)
	}
	_, report := export(t, m, &mime.ExportOptions{Losses: true})
	got := make(map[string]mapi.LossReason)
	for _, l := range report.Losses {
		got[l.Item] = l.Reason
	}
	if len(got) != 3 || got["PidTagIconIndex"] != mapi.LossNoHeader || got["PidTagRecordKey"] != mapi.LossStoreOnly || got["PidLidTaskStatus"] != mapi.LossNoHeader {
		t.Errorf("%v", got)
	}
}

// broken fails after some bytes, or delivers fewer than it says.
type broken struct {
	n    int
	err  error
	size int64
}

func (b broken) Size() int64 { return b.size }
func (b broken) Open(context.Context) (io.ReadCloser, error) {
	r := io.Reader(strings.NewReader(strings.Repeat("x", b.n)))
	if b.err != nil {
		r = io.MultiReader(r, failing{b.err})
	}
	return io.NopCloser(r), nil
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestUnreadableContentIsAProblem(t *testing.T) {
	for _, b := range []broken{{n: 100, err: errors.New("bad sector"), size: 1000}, {n: 10, size: 50}} {
		m := newMessage(map[mapi.Tag]string{mapi.PidTagBody: "text"})
		m.Attachments = []*mapi.Attachment{newAttachment("x.bin", nil), newAttachment("y.bin", []byte("whole"))}
		m.Attachments[0].Props.Set(mapi.PidTagAttachDataBinary, mapi.BlobValue(mapi.TypeBinary, b))
		got, report := export(t, m, nil)
		p := tree(t, got)
		if len(p.kids) != 3 || len(p.kids[1].body) != b.n || p.kids[2].body != "whole" {
			t.Errorf("%s", got)
		}
		if !report.Problems.Severe() || report.Problems[0].Where != "attachment 1" {
			t.Errorf("%v", report.Problems)
		}
	}
}

type failingWriter struct{ n int }

func (w *failingWriter) Write(p []byte) (int, error) {
	if w.n -= len(p); w.n < 0 {
		return 0, io.ErrShortWrite
	}
	return len(p), nil
}

func TestWriterAndContextErrors(t *testing.T) {
	m := newMessage(map[mapi.Tag]string{mapi.PidTagBody: "text"})
	m.Attachments = []*mapi.Attachment{newAttachment("x", nil)}
	m.Attachments[0].Props.Set(mapi.PidTagAttachDataBinary, mapi.BlobValue(mapi.TypeBinary, zeros(1<<20)))
	for _, n := range []int{0, 100, 100_000} {
		if _, err := mime.Export(context.Background(), &failingWriter{n}, m, nil); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("%d: %v", n, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := mime.Export(ctx, io.Discard, m, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// zeros is a blob of so many zero bytes.
type zeros int64

func (z zeros) Size() int64 { return int64(z) }
func (z zeros) Open(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(io.LimitReader(zeroReader{}, int64(z))), nil
}

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// counter counts what it is given.
type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) { c.n += int64(len(p)); return len(p), nil }

// T19: memory does not grow with an attachment.
func TestT19LargeAttachmentIsStreamed(t *testing.T) {
	run := func(size int64) float64 {
		m := newMessage(nil)
		m.Attachments = []*mapi.Attachment{newAttachment("x", nil)}
		m.Attachments[0].Props.Set(mapi.PidTagAttachDataBinary, mapi.BlobValue(mapi.TypeBinary, zeros(size)))
		var c counter
		return testing.AllocsPerRun(1, func() {
			c.n = 0
			if _, err := mime.Export(context.Background(), &c, m, nil); err != nil {
				t.Fatal(err)
			}
			if c.n < size*4/3 {
				t.Fatalf("%d bytes written of %d", c.n, size)
			}
		})
	}
	small, large := run(1000), run(256<<20)
	if large > small+20 {
		t.Errorf("%v allocations for a small attachment, %v for a large one", small, large)
	}
}
