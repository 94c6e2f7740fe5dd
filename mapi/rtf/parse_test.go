package rtf

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/codepage"
)

// encapsulated makes RTF with a font for each of the character sets given.
func encapsulated(kind string, ansicpg int, body string, charsets ...int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "{\\rtf1\\ansi\\ansicpg%d\\%s \\deff0\r\n{\\fonttbl\r\n{\\f0\\fswiss Arial;}", ansicpg, kind)
	for i, n := range charsets {
		fmt.Fprintf(&b, "{\\f%d\\fnil\\fcharset%d{\\*\\panose 0102} Font %d;}\r\n", i+1, n, i)
	}
	fmt.Fprintf(&b, "}\r\n{\\colortbl\\red0\\green0\\blue0;\\red0\\green0\\blue255;}\r\n\\uc1\\pard\\plain\\deftab360 \\f0\\fs24 %s}", body)
	return b.String()
}

// hexOf writes text as \'hh in a code page.
func hexOf(page int, text string) string {
	cs, _ := codepage.Get(page)
	raw, _ := cs.Encode(text)
	var b strings.Builder
	for _, c := range raw {
		fmt.Fprintf(&b, "\\'%02x", c)
	}
	return b.String()
}

// TestT05EncapsulatedHTML follows the constructs of the example in
// [MS-OXRTFEX] 3: markup in HTMLTAG groups, RTF that only viewers see, escapes,
// character references, list numbers.
func TestT05EncapsulatedHTML(t *testing.T) {
	body := "{\\*\\htmltag64}\r\n{\\*\\htmltag <HTML><head>\\par\r\n<style>\\par\r\n<!-- p \\{margin:0\\} -->\\par\r\n</style>\\par\r\n\\tab <!-- note -->\\par\r\n</head>\\par\r\n<body>\\par\r\n<p\\par\r\nclass=\"x\">}\r\n" +
		"{\\htmlrtf \\f1 \\htmlrtf0 Text. {\\*\\htmltag <b>}{\\htmlrtf \\b\r\n\\htmlrtf0 bold{\\*\\htmltag </b>}} \\htmlrtf\\par\\htmlrtf0}\r\n\\htmlrtf \\par \\htmlrtf0\r\n" +
		"{\\*\\mhtmltag80 <img src=\"mhtml:1\">}{\\*\\htmltag148 5 <img src=\"cid:1\">}{\\*\\htmltag &nbsp;}\\htmlrtf \\'a0\\htmlrtf0  {\\*\\htmltag &lt;}\\htmlrtf <\\htmlrtf0  \\{\\}\\\\ \\u8364?\\'80\r\n" +
		"\\lquote a\\rquote\\~\\ldblquote\\rdblquote\\bullet\\endash\\emdash\\_{\\*\\htmltag \\lquote\\~\\emdash}\\line\\tab x\r\n" +
		"{\\htmlrtf{{\\*\\pn\\pnlvlbody\\pndec\\pnstart1{\\pntxta.}}\\li360\\fi-360{\\pntext 1.\\tab} \\f1\r\n\\htmlrtf0 item}\\htmlrtf\\par\\htmlrtf0}\r\n{\\*\\htmltag \\par\r\n</body>\\par\r\n</HTML>\\par }"
	want := "<HTML><head>\r\n<style>\r\n<!-- p {margin:0} -->\r\n</style>\r\n\t<!-- note -->\r\n</head>\r\n<body>\r\n<p\r\nclass=\"x\">" +
		"Text. <b>bold</b> 5 <img src=\"cid:1\">&nbsp; &lt; {}\\ €€&lsquo;a&rsquo;&nbsp;&ldquo;&rdquo;&bull;&ndash;&emdash;&shy;‘\u00a0—\r\n\tx" +
		"item\r\n</body>\r\n</HTML>\r\n"
	want = strings.ReplaceAll(want, "&emdash;", "&mdash;")
	got, res := toHTML(t, encapsulated("fromhtml1", 1252, body, 0), nil)
	if got != want || res.Kind != HTML || len(res.Problems) != 0 {
		t.Errorf("%v %v\n got %q\nwant %q", res.Kind, res.Problems, got, want)
	}
}

// TestT03SplitPairs: the two bytes of a character may be in different groups.
func TestT03SplitPairs(t *testing.T) {
	for _, c := range []struct {
		charset, page int
		text          string
	}{{128, 932, "日本語ソ表"}, {134, 936, "中文丂"}, {129, 949, "한글갂"}, {136, 950, "中文功"}} {
		h := strings.Split(strings.TrimPrefix(hexOf(c.page, c.text), "\\'"), "\\'")
		for name, join := range map[string]string{
			"together": "\\'%s\\'%s", "groups": "{\\'%s}{\\'%s}", "after a group": "{\\'%s}\\'%s", "deeper": "{{\\'%s}}{\\b \\'%s}",
			"suppressed between": "\\'%s\\htmlrtf x\\par \\htmlrtf0 \\'%s", "line end": "\\'%s\r\n\\'%s",
		} {
			body := "{\\f1 "
			for i := 0; i < len(h); i += 2 {
				body += fmt.Sprintf(join, h[i], h[i+1])
			}
			for _, kind := range []string{"fromhtml1", "fromtext"} {
				rtf := encapsulated(kind, 1252, body+"}", c.charset)
				var got string
				if kind == "fromtext" {
					got, _ = toText(t, rtf)
				} else {
					got, _ = toHTML(t, rtf, nil)
				}
				if got != c.text {
					t.Errorf("%d, %s, %s: %q, want %q", c.page, name, kind, got, c.text)
				}
			}
		}
	}
	// The second byte may be a plain character.
	if got, _ := toText(t, encapsulated("fromtext", 932, "\\'83\\\\\\'83A", 128)); got != "ソア" {
		t.Errorf("second byte as a character: %q", got)
	}
}

// TestT04FontCharsets: the character set of the font decides, run by run; in
// HTMLTAG groups that of the document.
func TestT04FontCharsets(t *testing.T) {
	body := "{\\f1 " + hexOf(1255, "שלום") + "}{\\f2 " + hexOf(1253, "Ελλάς") + "}{\\f3 " + hexOf(20866, "КОИ") + "}{\\f4 " + hexOf(1250, "řeč") + "}" +
		"\\f1 " + hexOf(1255, "א") + "\\f2 " + hexOf(1253, "α") + "{\\*\\htmltag84 " + hexOf(1251, "Привет") + "}\\plain " + hexOf(1251, "ж")
	rtf := encapsulated("fromhtml1", 1251, body, 177, 161, 204, 238)
	rtf = strings.Replace(rtf, "\\f3\\fnil\\fcharset204", "\\f3\\fnil\\cpg20866", 1)
	got, res := toHTML(t, rtf, nil)
	if want := "שלוםΕλλάςКОИřečאαПриветж"; got != want || len(res.Problems) != 0 {
		t.Errorf("%q, %v, want %q", got, res.Problems, want)
	}
	// A font that is set where the RTF is suppressed still counts.
	if got, _ := toText(t, encapsulated("fromtext", 1252, "\\htmlrtf{\\f1\\fs20\\htmlrtf0 \\'f4\\htmlrtf\\f0}\\htmlrtf0 \\par ", 204)); got != "ф\r\n" {
		t.Errorf("font in suppressed RTF: %q", got)
	}
	if got, _ := toText(t, encapsulated("fromtext", 65001, "caf\\'c3\\'a9 \\'e6\\'97\\'a5")); got != "café 日" {
		t.Errorf("code page 65001: %q", got)
	}
}

func TestUnicodeFallback(t *testing.T) {
	for body, want := range map[string]string{
		"\\u8364?x":                           "€x",
		"\\u8364 x":                           "€",
		"{\\uc0\\u8364 x}":                    "€x",
		"{\\uc2\\u26085\\'93\\'fa}x":          "日x",
		"{\\uc2\\u26085\\'93\\'fa\\u26412??}": "日本",
		"\\u-10179?\\u-8704?":                 "😀",
		"\\u55357 ?\\u56832 ?":                "😀",
		"\\u55357\\'20\\u56832 ?":             "😀",
		"\\u55357?x":                          "\uFFFDx",
		"\\u56832?x":                          "\uFFFDx",
		"\\u8217\\'92s":                       "’s",
		"\\u8226\\bullet y":                   "•y",
		"\\u8364}x":                           "€",
		"{\\u8364}x":                          "€x",
		"\\u128512?":                          "😀",
		"\\u8364\\par x":                      "€\r\nx",
		"\\'zzx":                              "zzx",
		"{\\upr{a}{\\*\\ud{\\u8364?}}}":       "€",
		"a\\bin3 {}}b":                        "ab",
		"\\unknownword-5 x{\\*\\unknown y}z":  "xz",
		"\\verylongcontrolwordthatnobodywouldeverwriteordefine12 x": "x",
		"a\\-b\\_c\\~d": "a\u00adb\u00adc\u00a0d",
		"\\htmlrtf x{y\\htmlrtf0 a}z\\htmlrtf0 b": "ab",
	} {
		rtf := encapsulated("fromtext", 1252, body)
		if got, _ := toText(t, rtf); got != want {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
		var w bytes.Buffer
		if _, err := ToText(&w, iotest.OneByteReader(strings.NewReader(rtf)), nil); err != nil || w.String() != want {
			t.Errorf("%s, byte by byte: %q, %v", body, w.String(), err)
		}
	}
}

// TestT06DamagedRTF: whatever the damage, there is output or one clear error.
func TestT06DamagedRTF(t *testing.T) {
	good := fromHTML(t, sampleHTML)
	for i := 0; i < len(good); i += 7 {
		for _, s := range []string{good[:i], good[:i] + "}" + good[i:], good[:i] + "{" + good[i:], good[:i] + "\\" + good[i:], good[:i] + "\x00\xff" + good[i:]} {
			var w bytes.Buffer
			if _, err := ToHTML(&w, strings.NewReader(s), nil); err != nil {
				var fe *mapi.FormatError
				if i > 10 || !errors.As(err, &fe) {
					t.Fatalf("at %d: %v", i, err)
				}
			}
			if !utf8.Valid(w.Bytes()) {
				t.Fatalf("at %d: not UTF-8", i)
			}
		}
	}
	for _, s := range []string{"", "x", "<html>", "{\\html}", "{\\rt", "{}"} {
		var fe *mapi.FormatError
		if _, err := ToHTML(io.Discard, strings.NewReader(s), nil); !errors.As(err, &fe) {
			t.Errorf("%q: %v, want a FormatError", s, err)
		}
	}
}

// TestT07TextAfterTheEnd: a brace too many does not cut the body.
func TestT07TextAfterTheEnd(t *testing.T) {
	got, res := toHTML(t, encapsulated("fromhtml1", 1252, "{\\*\\htmltag64 <p>}one}{\\*\\htmltag72 </p>}two {\\*\\htmltag72 <br>}three"), nil)
	if want := "<p>one</p>two <br>three"; got != want || len(res.Problems) == 0 {
		t.Errorf("%q, %v", got, res.Problems)
	}
	if got, res := toText(t, encapsulated("fromtext", 1252, "one")+"\r\n\x00\x00}\r\n"); got != "one" || len(res.Problems) != 0 {
		t.Errorf("padding after the end: %q, %v", got, res.Problems)
	}
}

func TestBounds(t *testing.T) {
	deep := "{\\rtf1\\fromtext " + strings.Repeat("{\\b ", 100_000) + "x" + strings.Repeat("}", 100_000) + "y}"
	if got, res := toText(t, deep); got != "xy" || len(res.Problems) != 1 {
		t.Errorf("deep: %q, %v", got, res.Problems)
	}
	long := encapsulated("fromtext", 1252, strings.Repeat("0123456789é", 50_000))
	got, res := "", Result{}
	var w bytes.Buffer
	res, err := ToText(&w, strings.NewReader(long), &Options{MaxOutput: 100_001})
	got = w.String()
	if err != nil || len(got) > 100_001 || len(got) < 99_990 || !utf8.ValidString(got) || !res.Problems.Severe() {
		t.Errorf("MaxOutput: %d bytes, %v, %v", len(got), res.Problems, err)
	}
	boom := errors.New("boom")
	if _, err := ToText(io.Discard, io.MultiReader(strings.NewReader(long[:5000]), iotest.ErrReader(boom)), nil); err != boom {
		t.Errorf("a source that fails: %v", err)
	}
	if _, err := ToText(failWriter{boom}, strings.NewReader(long), nil); err != boom {
		t.Errorf("a sink that fails: %v", err)
	}
}

type failWriter struct{ err error }

func (f failWriter) Write([]byte) (int, error) { return 0, f.err }

func TestCharsetOfHead(t *testing.T) {
	for in, want := range map[string][2]string{
		`<head><meta charset=koi8-r><body>`:                                                  {`<head><meta charset=utf-8><body>`, "koi8-r"},
		`<META HTTP-EQUIV="Content-Type" CONTENT="text/html; CHARSET = 'iso-8859-1'"><body>`: {`<META HTTP-EQUIV="Content-Type" CONTENT="text/html; CHARSET = 'utf-8'"><body>`, "iso-8859-1"},
		`<meta charset="UTF-8">`:                                                             {`<meta charset="UTF-8">`, "UTF-8"},
		`<meta name=x><meta charset=a/><meta charset="b">`:                                   {`<meta name=x><meta charset=utf-8/><meta charset="utf-8">`, "a"},
		`<body><meta charset=a>`:                                                             {`<body><meta charset=a>`, ""},
		`<p>charset=x`:                                                                       {`<p>charset=x`, ""},
	} {
		rtf := fromHTML(t, in)
		if got, res := toHTML(t, rtf, nil); got != want[0] || res.Charset != want[1] {
			t.Errorf("%s: %s, %q", in, got, res.Charset)
		}
		if got, res := toHTML(t, rtf, keep); got != in || res.Charset != want[1] {
			t.Errorf("%s, kept: %s, %q", in, got, res.Charset)
		}
	}
}

func TestKind(t *testing.T) {
	for s, want := range map[string]Kind{
		"{\\rtf1\\ansi\\fromhtml1 x}":                    HTML,
		"{\\rtf1\\ansi\\fromtext x}":                     Text,
		"{\\rtf1\\ansi x\\fromhtml1}":                    Plain,
		"{\\rtf1\\a\\b\\c\\d\\e\\f\\g\\h\\i\\fromhtml1}": Plain, // the twelfth token
		"": Plain, "{\\rtf1{\\fonttbl}}": Plain,
	} {
		if got := KindOf([]byte(s)); got != want {
			t.Errorf("%q: %v", s, got)
		}
		if got, err := Detect(t.Context(), mapi.Bytes(Compressed([]byte(s)))); got != want || err != nil {
			t.Errorf("%q, compressed: %v, %v", s, got, err)
		}
	}
}

func FuzzToHTML(f *testing.F) {
	f.Add([]byte(fromHTML(f, sampleHTML)))
	f.Add([]byte(encapsulated("fromtext", 932, "\\'83\\\\{\\f1\\'b5\\u-10179?\\u-8704?}\\par", 128, 2)))
	f.Add([]byte(renderSample))
	f.Fuzz(func(t *testing.T, rtf []byte) {
		for _, to := range []func(io.Writer, io.Reader, *Options) (Result, error){ToHTML, ToText} {
			var w bytes.Buffer
			res, err := to(&w, bytes.NewReader(rtf), nil)
			if !utf8.Valid(w.Bytes()) {
				t.Fatalf("%q gives %q, which is not UTF-8", rtf, w.Bytes())
			}
			if w.Len() > 64*len(rtf)+1000 {
				t.Fatalf("%d bytes give %d", len(rtf), w.Len())
			}
			var slow bytes.Buffer
			res2, err2 := to(&slow, iotest.HalfReader(bytes.NewReader(rtf)), nil)
			if slow.String() != w.String() || (err == nil) != (err2 == nil) || len(res.Objects) != len(res2.Objects) {
				t.Fatalf("%q: in pieces %q, at once %q", rtf, slow.String(), w.String())
			}
		}
	})
}

func BenchmarkToHTML(b *testing.B) {
	html := strings.Repeat(sampleHTML, 100_000/len(sampleHTML))
	value := Compressed([]byte(fromHTML(b, html)))
	b.SetBytes(int64(len(html)))
	b.ReportAllocs()
	r := NewReader(nil)
	for b.Loop() {
		r.Reset(bytes.NewReader(value))
		if _, err := ToHTML(io.Discard, r, keep); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFromHTML(b *testing.B) {
	html := strings.Repeat(sampleHTML, 100_000/len(sampleHTML))
	b.SetBytes(int64(len(html)))
	b.ReportAllocs()
	for b.Loop() {
		if err := FromHTML(io.Discard, strings.NewReader(html)); err != nil {
			b.Fatal(err)
		}
	}
}

// TestHostileInput: 1 MiB made to cost as much as it can stays far below 64 MiB.
func TestHostileInput(t *testing.T) {
	fill := func(f func(i int) string) string {
		var b strings.Builder
		b.WriteString("{\\rtf1\\ansi{\\fonttbl{\\f0 " + strings.Repeat("N", 60) + ";}}{\\colortbl;\\red1;}")
		for i := 0; b.Len() < 1<<20; i++ {
			b.WriteString(f(i))
		}
		return b.String()
	}
	for name, s := range map[string]string{
		"groups":   fill(func(int) string { return "{" }),
		"fonts":    fill(func(i int) string { return fmt.Sprintf("{\\fonttbl\\f%d %s;}", i, strings.Repeat("x", 40)) }),
		"colours":  fill(func(int) string { return "{\\colortbl;\\red1;}" }),
		"styles":   fill(func(i int) string { return fmt.Sprintf("\\fs%dx\\cf1y\\cf0", i%99) }),
		"links":    fill(func(i int) string { return fmt.Sprintf("{\\field{\\*\\fldinst HYPERLINK a%d}{\\fldrslt x}}", i) }),
		"objects":  fill(func(int) string { return "\\objattph{\\pict}" }),
		"lists":    fill(func(i int) string { return fmt.Sprintf("{\\pntext %c.}x\\par", "1a*"[i%3]) }),
		"cells":    fill(func(int) string { return "\\intbl\\cell\\row\\pard\\par" }),
		"bad text": fill(func(int) string { return "\\ansicpg932\\'81 " }),
		"one word": "{\\rtf1\\" + strings.Repeat("a", 1<<20),
		"number":   "{\\rtf1\\u" + strings.Repeat("9", 1<<20),
		"spaces":   "{\\rtf1 " + strings.Repeat(" ", 1<<20),
		"bin":      "{\\rtf1\\bin2147483647 " + strings.Repeat("x", 1<<20),
	} {
		for _, to := range []func(io.Writer, io.Reader, *Options) (Result, error){ToHTML, ToText} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if _, err := to(io.Discard, strings.NewReader(s), nil); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > 24<<20 {
				t.Errorf("%s: %d MiB are allocated in all", name, n>>20)
			}
		}
	}
}
