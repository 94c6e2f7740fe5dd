package rtf

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// charFormat is the character format of a state; it is compared to see whether
// output must change.
type charFormat struct {
	bold, italic, under, strike, hidden bool
	script                              uint8 // 1 superscript, 2 subscript
	size                                int16 // half points, 0 unknown
	color, back                         int16 // index in the colour table, 0 automatic
	link                                int32 // index in links + 1
}

// paraFormat is the paragraph format of a state.
type paraFormat struct {
	align   uint8
	indent  int // twips
	inTable bool
}

type style struct {
	charFormat
	font int
}

const (
	maxColors  = 4096
	maxLinks   = 1 << 16
	maxURLs    = 1 << 20 // bytes of all links
	maxAside   = 4096    // bytes of a field instruction or list text
	maxIndent  = 720 * 20
	autoColour = -1
)

// A renderer makes HTML or text of RTF that is not encapsulated. Paragraphs,
// cells and styles are opened when text comes for them and closed when it is
// over, so it holds one paragraph's state and no text.
type renderer struct {
	html bool

	colors []int32 // 0xRRGGBB, or autoColour
	rgb    int32
	rgbSet bool

	links    []string
	urlBytes int
	link     int32 // of the field whose result comes next

	instr     []byte // field instruction, or list text, that is being read
	marker    []byte // list text of the paragraph that comes
	hasMarker bool

	inPara, empty         bool
	item                  bool // the paragraph is a list item
	list                  string
	inTable, inRow, inCel bool
	space                 bool // the last character was a space
	cur                   style
	tags                  [8]string // open for cur, from outside
	tagN                  int

	pict Object
}

func (r *renderer) cleared() renderer {
	return renderer{colors: r.colors[:0], instr: r.instr[:0], marker: r.marker[:0], cur: style{font: -1}}
}

func (r *renderer) begin(p *parser) {
	r.html = p.mode == outHTML
	if r.html {
		p.emitString("<!DOCTYPE html>\r\n<html><head><meta charset=\"utf-8\"></head><body>\r\n")
	}
}

func (r *renderer) end(p *parser) {
	if !r.html {
		return
	}
	r.endPara(p)
	r.endList(p)
	r.endTable(p)
	p.emitString("</body></html>\r\n")
}

// text takes text of the body.
func (r *renderer) text(p *parser, b []byte) {
	if p.st.ch.hidden {
		return
	}
	if f := p.fonts[p.st.font]; f.page == symbolPage && isLetter(b[0]) {
		b = []byte(symbolText(f.name, b, string(b)))
	}
	p.chars += int64(utf8.RuneCount(b))
	if !r.html {
		r.startText(p)
		p.out = append(p.out, b...)
		return
	}
	r.startPara(p)
	r.setStyle(p)
	r.empty = false
	out := p.out
	for _, c := range b {
		space := false
		switch c {
		case '<':
			out = append(out, "&lt;"...)
		case '>':
			out = append(out, "&gt;"...)
		case '&':
			out = append(out, "&amp;"...)
		case '\t':
			out = append(out, "&emsp;"...)
		case ' ', '\r', '\n':
			space = true
			if r.space {
				out = append(out, "&nbsp;"...)
			} else {
				out = append(out, ' ')
			}
		default:
			out = append(out, c)
		}
		r.space = space
	}
	p.out = out
}

// startText puts the list text before a paragraph of plain text.
func (r *renderer) startText(p *parser) {
	if r.hasMarker {
		r.hasMarker = false
		p.out = append(p.out, r.marker...)
		p.chars += int64(utf8.RuneCount(r.marker))
	}
	r.inPara = true
}

func (r *renderer) startPara(p *parser) {
	if r.inPara {
		return
	}
	if p.st.pa.inTable {
		r.startCell(p)
	} else if r.inTable {
		r.endList(p)
		r.endTable(p)
	}
	r.inPara, r.empty, r.space = true, true, true
	r.item = r.hasMarker
	if r.hasMarker {
		r.hasMarker = false
		r.startItem(p)
	} else {
		r.endList(p)
		p.emitString("<p style=\"margin:0")
	}
	if a := p.st.pa.align; a > 0 {
		p.emitString([...]string{"", ";text-align:center", ";text-align:right", ";text-align:justify"}[a&3])
	}
	if n := p.st.pa.indent; n > 0 && !r.item {
		p.emitString(";margin-left:")
		p.out = strconv.AppendInt(p.out, int64(min(n, maxIndent)/20), 10)
		p.emitString("pt")
	}
	p.emitString("\">")
}

// startItem opens a list item, and a list where none is open or another kind.
func (r *renderer) startItem(p *parser) {
	kind, start := "ul", 0
	if m := bytes.TrimSpace(r.marker); len(m) > 0 && m[0] < utf8.RuneSelf && (isDigit(m[0]) || len(m) > 1 && isLetter(m[0])) {
		kind = "ol"
		for _, c := range m {
			if !isDigit(c) || start > 1<<20 {
				break
			}
			start = start*10 + int(c-'0')
		}
	}
	if r.list != kind {
		r.endList(p)
		p.emitString("<")
		p.emitString(kind)
		if start > 1 {
			p.emitString(" start=\"")
			p.out = strconv.AppendInt(p.out, int64(start), 10)
			p.emitString("\"")
		}
		p.emitString(">\r\n")
		r.list = kind
	}
	p.emitString("<li style=\"margin:0")
}

func (r *renderer) endPara(p *parser) {
	if !r.inPara {
		return
	}
	r.closeStyle(p)
	if r.empty {
		p.emitString("<br>")
	}
	if r.item {
		p.emitString("</li>\r\n")
	} else {
		p.emitString("</p>\r\n")
	}
	r.inPara = false
}

func (r *renderer) endList(p *parser) {
	if r.list != "" {
		p.emitString("</" + r.list + ">\r\n")
		r.list = ""
	}
}

// paragraph takes \par.
func (r *renderer) paragraph(p *parser) {
	p.chars++
	if !r.html {
		r.startText(p)
		p.emitString("\r\n")
		r.inPara = false
		return
	}
	r.startPara(p)
	r.endPara(p)
}

// lineBreak takes \line.
func (r *renderer) lineBreak(p *parser) {
	p.chars++
	if !r.html {
		p.emitString("\r\n")
		return
	}
	r.startPara(p)
	p.emitString("<br>")
	r.space, r.empty = true, false
}

func (r *renderer) startCell(p *parser) {
	if !r.inTable {
		r.endList(p)
		p.emitString("<table border=\"1\" style=\"border-collapse:collapse\">\r\n")
		r.inTable = true
	}
	if !r.inRow {
		p.emitString("<tr>")
		r.inRow = true
	}
	if !r.inCel {
		p.emitString("<td>")
		r.inCel = true
	}
}

// cell takes \cell.
func (r *renderer) cell(p *parser) {
	p.chars++
	if !r.html {
		r.startText(p)
		p.emitString("\t")
		return
	}
	r.endPara(p)
	r.endList(p)
	r.startCell(p)
	p.emitString("</td>")
	r.inCel = false
}

// row takes \row.
func (r *renderer) row(p *parser) {
	p.chars++
	if !r.html {
		p.emitString("\r\n")
		return
	}
	r.endPara(p)
	r.endList(p)
	if r.inCel {
		p.emitString("</td>")
	}
	if r.inRow {
		p.emitString("</tr>\r\n")
	}
	r.inCel, r.inRow = false, false
}

func (r *renderer) endTable(p *parser) {
	if r.inTable {
		r.row(p)
		p.emitString("</table>\r\n")
		r.inTable = false
	}
}

// setStyle closes and opens what differs between the style of the output and
// that of the text which comes.
func (r *renderer) setStyle(p *parser) {
	want := style{p.st.ch, p.st.font}
	if want == r.cur {
		return
	}
	r.closeStyle(p)
	r.cur = want
	if n := want.link; n > 0 && int(n) <= len(r.links) {
		p.emitString("<a href=\"")
		r.escape(p, r.links[n-1])
		p.emitString("\">")
		r.push("</a>")
	}
	r.span(p, want)
	for _, t := range []struct {
		on          bool
		open, close string
	}{
		{want.bold, "<b>", "</b>"},
		{want.italic, "<i>", "</i>"},
		{want.under, "<u>", "</u>"},
		{want.strike, "<s>", "</s>"},
		{want.script == 1, "<sup>", "</sup>"},
		{want.script == 2, "<sub>", "</sub>"},
	} {
		if t.on {
			p.emitString(t.open)
			r.push(t.close)
		}
	}
}

// span opens a span where a font, a size or a colour is known.
func (r *renderer) span(p *parser, s style) {
	name := p.fonts[s.font].name
	color, back := r.color(s.color), r.color(s.back)
	if name == "" && s.size == 0 && color < 0 && back < 0 {
		return
	}
	p.emitString("<span style=\"")
	sep := ""
	if name != "" {
		p.emitString("font-family:'")
		r.escape(p, name)
		p.emitString("'")
		sep = ";"
	}
	if s.size > 0 {
		p.emitString(sep + "font-size:")
		p.out = strconv.AppendFloat(p.out, float64(s.size)/2, 'f', -1, 64)
		p.emitString("pt")
		sep = ";"
	}
	if color >= 0 {
		p.emitString(sep + "color:#")
		p.out = appendColor(p.out, color)
		sep = ";"
	}
	if back >= 0 {
		p.emitString(sep + "background-color:#")
		p.out = appendColor(p.out, back)
	}
	p.emitString("\">")
	r.push("</span>")
}

func (r *renderer) color(i int16) int32 {
	if i < 0 || int(i) >= len(r.colors) {
		return autoColour
	}
	return r.colors[i]
}

func appendColor(b []byte, rgb int32) []byte {
	const hex = "0123456789abcdef"
	for shift := 20; shift >= 0; shift -= 4 {
		b = append(b, hex[rgb>>shift&15])
	}
	return b
}

func (r *renderer) push(tag string) {
	r.tags[r.tagN] = tag
	r.tagN++
}

func (r *renderer) closeStyle(p *parser) {
	for ; r.tagN > 0; r.tagN-- {
		p.emitString(r.tags[r.tagN-1])
	}
	r.cur = style{font: -1}
}

// escape writes an attribute value.
func (r *renderer) escape(p *parser, s string) {
	for i := range len(s) {
		switch c := s[i]; c {
		case '<':
			p.emitString("&lt;")
		case '>':
			p.emitString("&gt;")
		case '&':
			p.emitString("&amp;")
		case '"':
			p.emitString("&quot;")
		default:
			if c >= ' ' {
				p.out = append(p.out, c)
			}
		}
	}
}

// aside takes the text of a field instruction or of a list item's number.
func (r *renderer) aside(b []byte) {
	if len(r.instr)+len(b) <= maxAside {
		r.instr = append(r.instr, b...)
	}
}
