package rtf

import (
	"bufio"
	"bytes"
	"html"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// HTMLTagParameter, by what the tag is and where it stands. Readers ignore it;
// the values are those that mail programs write. [MS-OXRTFEX] 2.1.3.1.4.1
const (
	tagOutside = 3   // before <html>
	tagHTML    = 18  // <html>
	tagHead    = 34  // <head>
	tagInHead  = 241 // anything in the head
	tagBody    = 50
	tagP       = 64
	tagText    = 84 // text that RTF says otherwise, in a paragraph
	tagBlock   = 96
	tagBreak   = 116
	tagInline  = 148
	tagOther   = 240
	tagClose   = 8 // added for an end tag
)

// htmlHeader begins encapsulated HTML: the fonts that mail programs write, and
// the empty HTMLTAG group that [MS-OXRTFEX] 2.1.3.2 asks for.
const htmlHeader = "{\\rtf1\\ansi\\ansicpg1252\\fromhtml1 \\fbidis \\deff0{\\fonttbl\r\n" +
	"{\\f0\\fswiss\\fcharset0 Arial;}\r\n{\\f1\\fmodern Courier New;}\r\n{\\f2\\fnil\\fcharset2 Symbol;}}\r\n" +
	"{\\colortbl\\red0\\green0\\blue0;\\red0\\green0\\blue255;}\r\n\\uc1\\pard\\plain\\deftab360 \\f0\\fs24 {\\*\\htmltag64}\r\n"

const textHeader = "{\\rtf1\\ansi\\ansicpg1252\\fromtext \\fbidis \\deff0{\\fonttbl\r\n" +
	"{\\f0\\fswiss\\fcharset0 Arial;}\r\n{\\f1\\fmodern Courier New;}}\r\n" +
	"{\\colortbl\\red0\\green0\\blue0;\\red0\\green0\\blue255;}\r\n\\uc1\\pard\\plain\\deftab360 \\f0\\fs20 "

// FromText encapsulates UTF-8 text in RTF, [MS-OXRTFEX] 2.1.3.3. [ToText] gives
// the same bytes back; bytes that are no UTF-8 become U+FFFD.
func FromText(w io.Writer, r io.Reader) error {
	e := &encapsulator{w: bufio.NewWriter(w), r: bufio.NewReaderSize(r, 4096)}
	e.put(textHeader)
	for {
		c, err := e.rune()
		if err != nil {
			return e.finish(err)
		}
		e.escape(c)
	}
}

// FromHTML encapsulates UTF-8 HTML in RTF, [MS-OXRTFEX] 2.1.3. [ToHTML] with
// [Options.KeepCharset] gives the same bytes back; bytes that are no UTF-8
// become U+FFFD. A viewer that only knows RTF shows the text with its
// paragraphs, bold, italic and underline.
func FromHTML(w io.Writer, r io.Reader) error {
	e := &encapsulator{w: bufio.NewWriter(w), r: bufio.NewReaderSize(r, 4096), lineStart: true, space: true}
	e.put(htmlHeader)
	for {
		c, err := e.rune()
		if err != nil {
			return e.finish(err)
		}
		switch {
		case e.raw != "":
			e.rawText(c)
		case c == '<' && e.markupFollows():
			e.markup()
		case c == '&':
			e.reference()
		case c < ' ' || c == ' ':
			e.white(c)
		default:
			e.endTag()
			e.escape(c)
			e.space, e.lineStart = false, false
		}
	}
}

// An encapsulator writes RTF. Errors of w stay in it until the end.
type encapsulator struct {
	w *bufio.Writer
	r *bufio.Reader

	inTag     bool // an HTMLTAG group is open
	raw       string
	head      bool
	pre       bool
	cells     int
	lineStart bool // nothing is shown on this line
	space     bool // the last that is shown is white space, or nothing is
}

func (e *encapsulator) put(s string) { e.w.WriteString(s) }

func (e *encapsulator) rune() (rune, error) {
	c, _, err := e.r.ReadRune()
	return c, err
}

func (e *encapsulator) finish(err error) error {
	e.endTag()
	e.put("}")
	if err != io.EOF {
		return err
	}
	return e.w.Flush()
}

// peekIs reports whether the next byte is c.
func (e *encapsulator) peekIs(c byte) bool {
	b, err := e.r.Peek(1)
	return err == nil && b[0] == c
}

// escape writes one character so that it comes back.
func (e *encapsulator) escape(c rune) {
	switch {
	case c == '\\' || c == '{' || c == '}':
		e.w.WriteByte('\\')
		e.w.WriteByte(byte(c))
	case c == '\r' && e.peekIs('\n'):
		e.r.ReadByte()
		e.put("\\par\r\n")
	case c == '\t':
		e.put("\\tab ")
	case c < ' ':
		const hex = "0123456789abcdef"
		e.put("\\'")
		e.w.WriteByte(hex[c>>4&15])
		e.w.WriteByte(hex[c&15])
	case c < utf8.RuneSelf:
		e.w.WriteByte(byte(c))
	case c >= 0x10000:
		hi, lo := utf16.EncodeRune(c)
		e.unit(hi)
		e.unit(lo)
	default:
		e.unit(c)
	}
}

func (e *encapsulator) unit(c rune) {
	e.put("\\u")
	e.w.Write(strconv.AppendInt(e.w.AvailableBuffer(), int64(int16(c)), 10))
	e.w.WriteByte('?')
}

// tag opens an HTMLTAG group.
func (e *encapsulator) tag(parameter int) {
	if !e.inTag {
		e.put("{\\*\\htmltag")
		e.w.Write(strconv.AppendInt(e.w.AvailableBuffer(), int64(parameter), 10))
		e.w.WriteByte(' ')
		e.inTag = true
	}
}

func (e *encapsulator) endTag() {
	if e.inTag {
		e.w.WriteByte('}')
		e.inTag = false
	}
}

// show writes RTF that is not part of the HTML.
func (e *encapsulator) show(rtf string) {
	e.endTag()
	e.put("\\htmlrtf ")
	e.put(rtf)
	e.put("\\htmlrtf0 ")
}

// white takes white space and control characters of the text: what HTML shows
// as one space is one space in the RTF, however it is written.
func (e *encapsulator) white(c rune) {
	if c == ' ' && !e.space && !e.pre {
		e.endTag()
		e.w.WriteByte(' ')
		e.space = true
		return
	}
	line := c == '\n' || c == '\r'
	e.tag(tagText)
	e.escape(c)
	switch {
	case e.pre && line:
		e.show("\\line ")
	case e.pre:
		e.show(" ")
	case !e.space:
		e.show(" ")
	}
	e.space = true
}

// reference takes a character reference, or a bare ampersand.
func (e *encapsulator) reference() {
	b, _ := e.r.Peek(32)
	n := 0
	for n < len(b) && (isLetter(b[n]) || isDigit(b[n]) || n == 0 && b[n] == '#') {
		n++
	}
	if n < len(b) && b[n] == ';' {
		n++
	}
	text := "&" + string(b[:n])
	shown := html.UnescapeString(text)
	if shown == text {
		e.endTag()
		e.w.WriteByte('&')
		e.space, e.lineStart = false, false
		return
	}
	e.r.Discard(n)
	e.endTag()
	e.tag(tagText)
	e.put(text)
	e.endTag()
	e.put("\\htmlrtf ")
	for _, c := range shown {
		if c >= ' ' {
			e.escape(c)
		}
	}
	e.put("\\htmlrtf0 ")
	e.space, e.lineStart = false, false
}

// markupFollows reports whether a '<' begins a tag, a comment or a declaration.
func (e *encapsulator) markupFollows() bool {
	b, _ := e.r.Peek(2)
	if len(b) == 0 {
		return false
	}
	return isLetter(b[0]) || b[0] == '!' || b[0] == '?' || b[0] == '/' && len(b) > 1
}

// markup copies a tag, comment or declaration into an HTMLTAG group, and writes
// the RTF that shows its effect. The '<' is read.
func (e *encapsulator) markup() {
	b, _ := e.r.Peek(40)
	closing := b[0] == '/'
	if closing {
		b = b[1:]
	}
	n := 0
	for n < len(b) && (isLetter(b[n]) || isDigit(b[n]) && n > 0) {
		n++
	}
	name := strings.ToLower(string(b[:n]))
	kind := elements[name]
	e.before(kind, closing)
	e.tag(e.parameter(name, kind, closing))
	e.w.WriteByte('<')
	if bytes.HasPrefix(b, []byte("!--")) {
		e.comment()
	} else {
		e.copyTag()
	}
	e.after(name, kind, closing)
}

// comment copies to the end of a comment.
func (e *encapsulator) comment() {
	dashes, count := 0, 0
	for {
		c, err := e.rune()
		if err != nil {
			return
		}
		e.escape(c)
		count++
		switch {
		case c == '-':
			if count > 1 { // those that begin the comment end none
				dashes++
			}
		case c == '>' && dashes >= 2 && count > 4:
			return
		default:
			dashes = 0
		}
	}
}

// copyTag copies to the end of a tag; a '>' in a quoted value is none.
func (e *encapsulator) copyTag() {
	var quote, last rune
	for {
		c, err := e.rune()
		if err != nil {
			return
		}
		e.escape(c)
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '>':
			return
		case (c == '"' || c == '\'') && last == '=':
			quote = c
		}
		if c > ' ' {
			last = c
		}
	}
}

// rawText copies the content of elements that hold no markup, up to their end
// tag.
func (e *encapsulator) rawText(c rune) {
	if c == '<' && e.peekIs('/') {
		b, _ := e.r.Peek(len(e.raw) + 1)
		if len(b) == len(e.raw)+1 && equalFold(b[1:], e.raw) {
			e.raw = ""
			e.endTag()
			e.markup()
			return
		}
	}
	e.tag(tagInHead)
	e.escape(c)
}

// element says what a tag does in the RTF.
type element uint8

const (
	elOther element = iota
	elBlock
	elPara
	elBreak
	elCell
	elRow
	elItem
	elRule
	elPre
	elRaw
	elBold
	elItalic
	elUnderline
	elStrike
	elLink
	elInline
	elStructure
)

var elements = map[string]element{
	"p": elPara, "h1": elPara, "h2": elPara, "h3": elPara, "h4": elPara, "h5": elPara, "h6": elPara,
	"div": elBlock, "table": elBlock, "tbody": elBlock, "thead": elBlock, "tfoot": elBlock, "ul": elBlock, "ol": elBlock, "dl": elBlock, "dt": elBlock, "dd": elBlock,
	"blockquote": elBlock, "center": elBlock, "address": elBlock, "form": elBlock, "fieldset": elBlock, "section": elBlock,
	"article": elBlock, "header": elBlock, "footer": elBlock, "main": elBlock, "nav": elBlock, "figure": elBlock, "caption": elBlock,
	"br": elBreak, "td": elCell, "th": elCell, "tr": elRow, "li": elItem, "hr": elRule, "pre": elPre,
	"style": elRaw, "script": elRaw, "title": elRaw, "textarea": elRaw, "xmp": elRaw, "noframes": elRaw,
	"b": elBold, "strong": elBold, "i": elItalic, "em": elItalic, "u": elUnderline, "ins": elUnderline, "s": elStrike, "strike": elStrike, "del": elStrike,
	"a": elLink, "span": elInline, "font": elInline, "img": elInline,
	"html": elStructure, "head": elStructure, "body": elStructure,
}

func (e *encapsulator) parameter(name string, kind element, closing bool) int {
	n := tagOther
	switch {
	case name == "html":
		n = tagHTML
	case name == "head":
		n = tagHead
	case name == "body":
		n = tagBody
	case e.head:
		return tagInHead
	case name == "":
		n = tagOutside
	case kind == elPara:
		n = tagP
	case kind == elBlock, kind == elRow, kind == elCell, kind == elItem:
		n = tagBlock
	case kind == elBreak:
		n = tagBreak
	case kind == elInline:
		n = tagInline
	case kind >= elBold && kind <= elLink:
		n = tagText
	}
	if closing {
		n |= tagClose
	}
	return n
}

// before ends the line where a block begins or ends.
func (e *encapsulator) before(kind element, closing bool) {
	switch kind {
	case elPara, elBlock, elRow, elItem, elPre, elRule:
		if !e.lineStart {
			e.show("\\par")
			e.lineStart, e.space = true, true
		}
	case elBold, elItalic, elUnderline, elStrike, elLink:
		if closing {
			e.show(characterWords[kind][1])
		}
	}
}

var characterWords = map[element][2]string{
	elBold: {"\\b", "\\b0"}, elItalic: {"\\i", "\\i0"}, elUnderline: {"\\ul", "\\ulnone"},
	elStrike: {"\\strike", "\\strike0"}, elLink: {"\\ul\\cf1", "\\ulnone\\cf0"},
}

// after shows the effect of a tag that was copied.
func (e *encapsulator) after(name string, kind element, closing bool) {
	e.endTag()
	switch kind {
	case elStructure:
		e.head = name == "head" && !closing || name == "html" && e.head
		e.put("\r\n")
	case elRaw:
		if !closing {
			e.raw = name
		}
	case elPre:
		e.pre = !closing
	case elBreak:
		e.show("\\line")
		e.put("\r\n")
		e.lineStart, e.space = true, true
	case elRule:
		e.show("____________\\par")
	case elRow:
		e.cells = 0
		e.put("\r\n")
	case elCell:
		if !closing {
			if e.cells > 0 {
				e.show("\\tab")
			}
			e.cells++
			e.space = true
		}
	case elItem:
		if !closing {
			e.show("\\bullet\\tab")
			e.space, e.lineStart = true, false
		}
	case elPara, elBlock:
		e.put("\r\n")
	case elBold, elItalic, elUnderline, elStrike, elLink:
		if !closing {
			e.show(characterWords[kind][0])
		}
	}
}
