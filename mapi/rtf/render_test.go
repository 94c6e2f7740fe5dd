package rtf

import (
	"strings"
	"testing"
)

const renderSample = `{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fswiss Arial;}{\f1\fnil\fcharset2 Symbol;}}` +
	`{\colortbl;\red255\green0\blue0;\red0\green128\blue255;}{\stylesheet{\s0 Normal;}}{\info{\title secret}}` +
	`\pard\plain\fs20 Hello {\b bold} {\i\ul both} {\strike s}{\super 2}{\sub 3} {\cf1 red} {\highlight2 back} <&>  two\tab t\line new{\v hidden}\par` +
	`\pard\qc centred\par\pard\par` +
	`{\field{\*\fldinst{HYPERLINK "http://example.com/?a=1&b=2" \\o "tip"}}{\fldrslt{\ul link}}}{\field{\*\fldinst HYPERLINK "javascript:x()"}{\fldrslt bad}}{\field{\*\fldinst PAGE}{\fldrslt 1}}\par` +
	`{\pntext\f1\'b7\tab}\pard\li360 one\par{\pntext\f1\'b7\tab}two\par{\listtext 3.\tab}three\par{\listtext 4.\tab}four\par` +
	`\pard\trowd\intbl a\cell b\par c\cell\row\trowd d\cell e\cell\row\pard after\par` +
	`{\*\shppict{\pict\pngblip\picwgoal1440\pichgoal720 89504e47}}{\nonshppict{\pict\wmetafile8 0102}}\objattph\'20x{\object\objemb{\*\objclass Y}{\*\objdata 01}{\result{\b R}}}\par}`

func TestRenderHTML(t *testing.T) {
	got, res := toHTML(t, renderSample, nil)
	got = strings.NewReplacer(" style=\"margin:0\"", "", "<span style=\"font-family:'Arial';font-size:10pt\">", "[", "<span style=\"font-family:'Arial';font-size:10pt;", "<span style=\"F;", "</span>", "]", "\r\n", "\n").Replace(got)
	want := `<!DOCTYPE html>
<html><head><meta charset="utf-8"></head><body>
<p>[Hello ][<b>bold</b>][ ][<i><u>both</u></i>][ ][<s>s</s>][<sup>2</sup>][<sub>3</sub>][ ]<span style="F;color:#ff0000">red][ ]<span style="F;background-color:#0080ff">back][ &lt;&amp;&gt; &nbsp;two&emsp;t<br>new]</p>
<p style="margin:0;text-align:center">[centred]</p>
<p><br></p>
<p><a href="http://example.com/?a=1&amp;b=2">[<u>link</u>]</a>[bad1]</p>
<ul>
<li>[one]</li>
<li>[two]</li>
</ul>
<ol start="3">
<li>[three]</li>
<li>[four]</li>
</ol>
<table border="1" style="border-collapse:collapse">
<tr><td><p>[a]</p>
</td><td><p>[b]</p>
<p>[c]</p>
</td></tr>
<tr><td><p>[d]</p>
</td><td><p>[e]</p>
</td></tr>
</table>
<p>[after]</p>
<p>[x][<b>R</b>]</p>
</body></html>
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if len(res.Objects) != 3 || res.Objects[0].Kind != Picture || res.Objects[0].Format != "png" || res.Objects[0].Width != 1440 ||
		res.Objects[1].Kind != AttachmentPlace || res.Objects[2].Kind != OLEObject {
		t.Errorf("objects: %+v", res.Objects)
	}
	if len(res.Problems) != 0 || res.Kind != Plain {
		t.Errorf("%v, %v", res.Kind, res.Problems)
	}
}

func TestRenderText(t *testing.T) {
	got, _ := toText(t, renderSample)
	want := "Hello bold both s23 red back <&>  two\tt\r\nnew\r\ncentred\r\n\r\nlinkbad1\r\n•\tone\r\n•\ttwo\r\n3.\tthree\r\n4.\tfour\r\na\tb\r\nc\t\r\nd\te\t\r\nafter\r\nxR\r\n"
	if got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestFormatOfBytes(t *testing.T) {
	got, _ := toHTML(t, `{\rtf1\ansi {\b\'e9}\'e8\i\'e0}`, nil)
	if want := "<b>é</b>è<i>à</i>"; !strings.Contains(got, want) {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestFieldURL(t *testing.T) {
	for instr, want := range map[string]string{
		`HYPERLINK "http://a/"`: "http://a/", ` HYPERLINK http://a/ `: "http://a/", `HYPERLINK \l "place"`: "#place",
		`HYPERLINK "http://a/" \l "b" \t "_blank"`: "http://a/#b", `PAGE`: "", `HYPERLINK "JavaScript:alert(1)"`: "", `hyperlink "mailto:a@example.com"`: "mailto:a@example.com",
	} {
		if got := fieldURL(instr); got != want {
			t.Errorf("%s: %q, want %q", instr, got, want)
		}
	}
}

func TestSymbolFonts(t *testing.T) {
	rtf := `{\rtf1\ansi{\fonttbl{\f0 Arial;}{\f1\fcharset2 Symbol;}{\f2\fcharset2 Wingdings;}{\f3\fcharset2 Other;}}{\f1 ab\'b7}{\f2\'fc\'4a}{\f3 a\u61623?}{\f1\u61623?}{\b\'e9}a}`
	if got, _ := toText(t, rtf); got != "αβ•✓☺a\uF0B7•éa" {
		t.Errorf("%q", got)
	}
}
