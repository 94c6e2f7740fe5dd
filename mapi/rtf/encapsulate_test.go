package rtf

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

var keep = &Options{KeepCharset: true}

func toHTML(t testing.TB, rtf string, opts *Options) (string, Result) {
	t.Helper()
	var w bytes.Buffer
	res, err := ToHTML(&w, strings.NewReader(rtf), opts)
	if err != nil {
		t.Fatalf("ToHTML: %v", err)
	}
	return w.String(), res
}

func toText(t testing.TB, rtf string) (string, Result) {
	t.Helper()
	var w bytes.Buffer
	res, err := ToText(&w, strings.NewReader(rtf), nil)
	if err != nil {
		t.Fatalf("ToText: %v", err)
	}
	return w.String(), res
}

func fromHTML(t testing.TB, s string) string {
	t.Helper()
	var w bytes.Buffer
	if err := FromHTML(&w, strings.NewReader(s)); err != nil {
		t.Fatal(err)
	}
	return w.String()
}

const sampleHTML = "<!DOCTYPE html>\r\n<html>\r\n<head><meta http-equiv=\"Content-Type\" content=\"text/html; charset=koi8-r\">\r\n" +
	"<title>A {title} &amp; more</title><style>\r\n<!-- p {margin:0;\tcolor:red} -->\r\n</style></head>\r\n<body lang=\"en\">\r\n" +
	"<p class=\"MsoNormal\">Hello,   <b>bold</b> and <i>italic</i> \\ {braces} € 日本語 😀&nbsp;&euro;&bogus; 1 < 2 &\r\n next line</p>\n" +
	"<table><tr><td>a</td><td title='x > y'>b</td></tr></table><ul><li>one</li><li>two</li></ul>\r\n<br><!-- a > b --><pre>x\r\n  y</pre>\r\n</body>\r\n</html>\r\n"

func TestHTMLRoundTrip(t *testing.T) {
	for _, s := range []string{
		"", "x", "<", "</", "<b", "<!--", "<!-->x-->", "a\x00b\x01\x7f", "\n\r\r\n\t ", "&#x41;&lt;&", "<p>5</p>6", "<style>a{}</style", "<script>if (a</b>)</script >1",
		"\\par \\'41 {x}\r\n\\u65?", "\u00a0\u0085\ufeff\ufffd\U0010FFFF", "<title>\\{", sampleHTML,
	} {
		rtf := fromHTML(t, s)
		got, res := toHTML(t, rtf, keep)
		if got != s || len(res.Problems) != 0 || res.Kind != HTML {
			t.Errorf("%q\n comes back as %q, %v, %v\n by %s", s, got, res.Kind, res.Problems, rtf)
		}
	}
}

func TestHTMLShownAsText(t *testing.T) {
	got, _ := toText(t, fromHTML(t, sampleHTML))
	want := "Hello, bold and italic \\ {braces} € 日本語 😀\u00a0€&bogus; 1 < 2 & next line\r\na\tb\r\n•\tone\r\n•\ttwo\r\n"
	if !strings.HasPrefix(got, want) {
		t.Errorf("an RTF viewer shows %q, want %q", got, want)
	}
}

func TestTextRoundTrip(t *testing.T) {
	for _, s := range []string{"", "a", " a", "5\r\n5\r\n", "a\nb\rc\r\r\n", "\ttab\\{}", "é日本😀\x00\x1f", "\r\n\r\n x  y "} {
		var w bytes.Buffer
		if err := FromText(&w, strings.NewReader(s)); err != nil {
			t.Fatal(err)
		}
		if got, res := toText(t, w.String()); got != s || res.Kind != Text || len(res.Problems) != 0 {
			t.Errorf("%q comes back as %q, %v by %s", s, got, res, w.String())
		}
	}
}

func FuzzRoundTrip(f *testing.F) {
	f.Add(sampleHTML)
	f.Add("<!-- --><pre> \n</pre><script>'</'</script>&amp")
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			return
		}
		if got, _ := toHTML(t, fromHTML(t, s), keep); got != s {
			t.Fatalf("%q comes back as %q", s, got)
		}
		var w bytes.Buffer
		if err := FromText(&w, strings.NewReader(s)); err != nil {
			t.Fatal(err)
		}
		if got, _ := toText(t, w.String()); got != s {
			t.Fatalf("text %q comes back as %q", s, got)
		}
	})
}
