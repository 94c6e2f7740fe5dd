package page_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/converters/page"
	"github.com/mailconv/mailconv/mime/entity"
)

const hostile = "From: =?utf-8?q?M=C3=BCller?= <m@mailconv.example>\r\n" +
	"To: a@mailconv.example\r\n" +
	"Subject: <script>alert(1)</script>\r\n" +
	"MIME-Version: 1.0\r\n" +
	"Content-Type: multipart/related; boundary=b\r\n\r\n" +
	"--b\r\nContent-Type: text/html; charset=iso-8859-1\r\n\r\n" +
	"<p onclick='x()'>Gr\xfc\xdfe \"quoted\" &amp; more</p><script>steal()</script>" +
	"<a href='javascript:steal()'>link</a><a href='https://mailconv.example/'>good</a>" +
	"<img src='cid:pic@x'><img src='https://tracker.example/p.png'><form action='/x'><input></form>" +
	"<iframe src='https://evil.example/'></iframe></body></html>\r\n" +
	"--b\r\nContent-Type: image/png\r\nContent-ID: <pic@x>\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n" +
	"--b\r\nContent-Type: application/pdf; name=\"<b>.pdf\"\r\nContent-Disposition: attachment\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERg==\r\n" +
	"--b--\r\n"

func parse(t *testing.T, mail string) *entity.Entity {
	t.Helper()
	e, err := entity.Parse(strings.NewReader(mail), int64(len(mail)), nil)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestPageIsSafeAndWhole(t *testing.T) {
	var out bytes.Buffer
	if err := page.New(parse(t, hostile)).WriteHTML(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	s := out.String()
	for _, want := range []string{
		"<h1>&lt;script&gt;alert(1)&lt;/script&gt;</h1>",
		"Müller &lt;m@mailconv.example&gt;",
		`sandbox="allow-same-origin allow-popups"`,
		"Content-Security-Policy",
		"Grüße &amp;#34;quoted&amp;#34; &amp;amp; more",
		"data:image/png;base64,iVBORw0KGgo=",
		"https://mailconv.example/",
		"&lt;b&gt;.pdf <span>application/pdf, 4 bytes</span>",
	} {
		if !strings.Contains(s, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, bad := range []string{"steal", "onclick", "javascript:", "evil.example", "<form", "&lt;form", "cid:", "x-mailconv-part"} {
		if strings.Contains(s, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
}

func TestPlainTextIsEscaped(t *testing.T) {
	var out bytes.Buffer
	if err := page.New(parse(t, "Subject: x\n\n1 < 2 & <b>no bold</b>\n")).WriteHTML(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "<pre>1 &lt; 2 &amp; &lt;b&gt;no bold&lt;/b&gt;") {
		t.Errorf("text is not shown as text: %s", out.String())
	}
}

func TestMHTHoldsPageImageAndAttachment(t *testing.T) {
	var out bytes.Buffer
	e := parse(t, hostile)
	if err := page.New(e).WriteMHT(t.Context(), &out, e); err != nil {
		t.Fatal(err)
	}
	back := parse(t, out.String())
	if back.MediaType != "multipart/related" || len(back.Parts) != 3 || len(back.Problems) > 0 {
		t.Fatalf("%s with %d parts, problems %v", back.MediaType, len(back.Parts), back.Problems)
	}
	if back.Parts[0].MediaType != "text/html" || back.Parts[1].ContentID() != "pic@x" || back.Parts[2].Filename() != "<b>.pdf" {
		t.Errorf("parts are %s, %q, %q", back.Parts[0].MediaType, back.Parts[1].ContentID(), back.Parts[2].Filename())
	}
	if back.Fields.Text("From", nil) != "Müller <m@mailconv.example>" {
		t.Errorf("From is %q", back.Fields.Text("From", nil))
	}
}
