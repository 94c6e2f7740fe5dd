package mime_test

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/codepage"
	"github.com/mailconv/mailconv/mapi/rtf"
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

// T15: any class is a mail.
func TestT15UnknownClass(t *testing.T) {
	for _, class := range []string{"IPM", "", "IPM.Something.Else", "IPM.TaskRequest", "REPORT", "x"} {
		m := newMessage(map[mapi.Tag]string{mapi.PidTagMessageClass: class, mapi.PidTagBody: "text", mapi.PidTagSubject: "s"})
		got, _ := export(t, m, nil)
		if p := tree(t, got); p.body != "text\r\n" && p.body != "text" {
			t.Errorf("%q: %s", class, got)
		}
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
