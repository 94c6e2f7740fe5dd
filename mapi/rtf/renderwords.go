package rtf

import (
	"strings"
	"unicode/utf8"
)

// word takes the control words that only the renderer knows.
func (r *renderer) word(p *parser, w word) {
	ch, pa := &p.st.ch, &p.st.pa
	on := !p.has || p.param != 0
	if p.st.dest == destPict {
		r.pictWord(p, w)
		return
	}
	switch w.op {
	case opColorTable:
		p.enter(destColors)
	case opRed, opGreen, opBlue:
		if p.st.dest == destColors {
			shift := 8 * (2 - int(w.op-opRed))
			r.rgb = r.rgb&^(0xFF<<shift) | int32(min(max(p.param, 0), 255))<<shift
			r.rgbSet = true
		}
	case opPard:
		p.flush()
		*pa = paraFormat{}
	case opBold:
		ch.bold = on
	case opItalic:
		ch.italic = on
	case opUnderline:
		ch.under = on && w.arg == 1
	case opStrike:
		ch.strike = on
	case opSuper:
		ch.script = uint8(w.arg)
		if !on {
			ch.script = 0
		}
	case opSize:
		ch.size = int16(min(max(p.param, 0), 1000))
	case opColor:
		ch.color = int16(min(max(p.param, 0), maxColors))
	case opBack:
		ch.back = int16(min(max(p.param, 0), maxColors))
	case opHidden, opDeleted:
		p.flush()
		ch.hidden = on
	case opAlign:
		pa.align = uint8(w.arg)
	case opIndent:
		pa.indent = p.param
	case opInTable:
		pa.inTable = on
	default:
		r.bodyWord(p, w)
	}
}

// bodyWord takes the words that stand for something in the text, or begin it.
func (r *renderer) bodyWord(p *parser, w word) {
	switch w.op {
	case opField:
		r.link = 0
	case opFieldInst:
		p.enter(destFieldInst)
		r.instr = r.instr[:0]
	case opFieldResult:
		p.enter(destBody)
		if r.link > 0 {
			p.flush()
			p.st.ch.link = r.link
		}
		r.link = 0
	case opListText:
		if p.st.dest == destBody {
			p.enter(destListText)
			r.instr = r.instr[:0]
		}
	case opObject:
		if p.st.dest == destBody {
			p.flush()
			p.object(Object{Kind: OLEObject})
		}
		p.enter(destObject)
	case opResult:
		p.enter(destBody)
	case opNonShpPict:
		p.enter(destSkip)
	case opPict:
		p.enter(destPict)
		r.pict = Object{Kind: Picture}
	case opObjAttPh:
		if p.st.dest == destBody {
			p.flush()
			p.object(Object{Kind: AttachmentPlace})
		}
	}
	if p.st.dest != destBody {
		return
	}
	switch w.op {
	case opCell:
		p.flush()
		r.cell(p)
	case opRow:
		p.flush()
		r.row(p)
	case opNestCell:
		p.hex('\t')
	case opNestRow:
		p.lineEnd(opLine)
	case opPage:
		if r.inPara {
			p.lineEnd(opPar)
		}
	}
}

func (r *renderer) pictWord(p *parser, w word) {
	switch w.op {
	case opPictFormat:
		r.pict.Format = pictFormats[w.arg]
	case opPicW:
		r.pict.Width = max(p.param, 0)
	case opPicH:
		r.pict.Height = max(p.param, 0)
	}
}

// leave ends a destination whose text the renderer wants.
func (r *renderer) leave(p *parser, d dest) {
	switch d {
	case destFieldInst:
		r.link = r.addLink(fieldURL(string(r.instr)))
	case destListText:
		r.marker = append(r.marker[:0], r.instr...)
		r.hasMarker = true
	case destPict:
		p.object(r.pict)
	}
}

// colorText ends an entry of the colour table at each semicolon.
func (r *renderer) colorText(b []byte) {
	for _, c := range b {
		if c != ';' || len(r.colors) >= maxColors {
			continue
		}
		if !r.rgbSet {
			r.rgb = autoColour
		}
		r.colors = append(r.colors, r.rgb)
		r.rgb, r.rgbSet = 0, false
	}
}

func (r *renderer) addLink(url string) int32 {
	if url == "" || len(r.links) >= maxLinks || r.urlBytes+len(url) > maxURLs {
		return 0
	}
	if n := len(r.links); n > 0 && r.links[n-1] == url {
		return int32(n)
	}
	r.links = append(r.links, url)
	r.urlBytes += len(url)
	return int32(len(r.links))
}

// fieldURL is the address of a HYPERLINK field instruction, with \l as its
// fragment; "" for other fields, and for schemes that run something.
func fieldURL(instr string) string {
	instr = strings.TrimSpace(instr)
	if len(instr) < 9 || !strings.EqualFold(instr[:9], "HYPERLINK") {
		return ""
	}
	rest, url, fragment, local := instr[9:], "", "", false
	for {
		rest = strings.TrimLeft(rest, " \t\r\n")
		if rest == "" {
			break
		}
		arg := ""
		if rest[0] == '"' {
			arg, rest, _ = strings.Cut(rest[1:], "\"")
		} else {
			n := strings.IndexAny(rest, " \t\r\n")
			if n < 0 {
				n = len(rest)
			}
			arg, rest = rest[:n], rest[n:]
			if len(arg) == 2 && arg[0] == '\\' {
				local = arg[1] == 'l'
				if strings.ContainsRune("ot", rune(arg[1])) { // these have a value
					rest = strings.TrimLeft(rest, " ")
					if strings.HasPrefix(rest, "\"") {
						_, rest, _ = strings.Cut(rest[1:], "\"")
					}
				}
				continue
			}
		}
		switch {
		case local:
			fragment, local = arg, false
		case url == "":
			url = arg
		}
	}
	if fragment != "" {
		url += "#" + fragment
	}
	if scheme, _, ok := strings.Cut(url, ":"); ok {
		switch s := strings.ToLower(strings.TrimSpace(scheme)); {
		case s == "javascript", s == "vbscript", s == "data":
			return ""
		}
	}
	return url
}

// fontFamily makes a font's name fit to stand between apostrophes in CSS.
func fontFamily(b []byte) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == utf8.RuneError || strings.ContainsRune("'\"\\<>&;{}", r) {
			return -1
		}
		return r
	}, string(b)))
}

// symbolText is the text of bytes in a symbol font: Unicode for the Symbol
// font and the bullets of Wingdings, else fallback.
func symbolText(name string, b []byte, fallback string) string {
	var out []rune
	for _, c := range b {
		r, ok := symbolFont[c]
		if !strings.EqualFold(name, "Symbol") {
			r, ok = wingdings[c]
			if !strings.HasPrefix(strings.ToLower(name), "wingdings") {
				ok = false
			}
		}
		if !ok {
			return fallback
		}
		out = append(out, r)
	}
	return string(out)
}

var symbolFont = func() map[byte]rune {
	m := make(map[byte]rune)
	add := func(from byte, s string) {
		for _, r := range s {
			if r != ' ' {
				m[from] = r
			}
			from++
		}
	}
	add(0x41, "ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ")
	add(0x61, "αβχδεφγηιϕκλμνοπθρστυϖωξψζ")
	add(0xA1, "ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈… ")
	add(0xC0, "ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓◊")
	m[0xE5], m[0xF2] = '∑', '∫'
	return m
}()

var wingdings = map[byte]rune{
	0x4A: '☺', 0x4B: '😐', 0x4C: '☹', 0x6C: '●', 0x6E: '■', 0x71: '❑', 0x72: '❒', 0x73: '⬧', 0x75: '◆', 0x76: '❖', 0x77: '⬥',
	0x9F: '•', 0xA7: '▪', 0xA8: '◻', 0xD8: '➢', 0xDF: '←', 0xE0: '→', 0xE1: '↑', 0xE2: '↓', 0xE8: '➔', 0xFB: '✗', 0xFC: '✓', 0xFE: '☑',
}
