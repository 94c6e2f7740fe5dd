package rtf

import "fmt"

// word takes a control word.
func (p *parser) word() {
	star := p.star
	p.star = false
	w, known := lookup(p.name[:p.nameN])
	if !known {
		p.skip = 0
		if star {
			p.enter(destSkip)
		}
		return
	}
	if w.op == opBin {
		if n := p.param; n > 0 && p.skipBytes(n) < n {
			p.problem(false, "\\bin", fmt.Sprintf("%d bytes are said, the RTF ends before", n))
		}
		p.skip = max(p.skip-1, 0)
		return
	}
	if p.st.dest == destSkip {
		return
	}
	if star && !w.star && w.op != opSkip {
		p.enter(destSkip)
		return
	}
	switch w.op {
	case opChar:
		p.character(w.arg)
		return
	case opTab:
		p.hex('\t')
		return
	case opPar, opLine:
		p.lineEnd(w.op)
		return
	}
	p.skip = 0
	p.otherWord(w)
}

// otherWord takes the words that are no characters.
func (p *parser) otherWord(w word) {
	p.settle()
	switch w.op {
	case opSkip:
		p.enter(destSkip)
	case opU:
		p.unicode(p.param)
	case opUC:
		p.st.uc = min(max(p.param, 0), 16)
	case opHTMLRTF:
		p.st.htmlrtf = !p.has || p.param != 0
	case opHTMLTag:
		if p.mode == outHTMLTags && !p.st.htmlrtf {
			p.enter(destTag)
		} else {
			p.enter(destSkip)
		}
	case opMHTMLTag:
		p.enter(destSkip)
	case opFont:
		if p.st.dest == destFonts {
			p.endFont()
			p.fontNow = p.param
			return
		}
		p.st.font = p.param
	case opPlain:
		p.st.font = p.deff
		p.st.ch = charFormat{link: p.st.ch.link}
	case opDeff:
		p.deff, p.st.font = p.param, p.param
		p.stack[len(p.stack)-1].font = p.param
	case opAnsiCP:
		// \ansi says nothing where the caller knows better.
		if w.arg != 1252 {
			p.ansi = w.arg
		}
	case opAnsicpg:
		if p.param > 1 && p.param != 1200 && p.param != 1201 {
			p.ansi = p.param
		}
	case opFontTable:
		p.enter(destFonts)
	case opFcharset:
		if p.st.dest == destFonts {
			p.setFont(func(f *font) { f.page = pageOfCharset(p.param) })
		}
	case opCpg:
		if p.st.dest == destFonts && p.param > 1 {
			p.setFont(func(f *font) { f.page = p.param })
		}
	case opUpr:
		p.enter(destUpr)
	case opUd:
		p.enter(destBody)
	default:
		if p.mode.rendered() {
			p.render.word(p, w)
		} else {
			p.plainWord(w)
		}
	}
}

// plainWord takes words that only matter to keep other text out of
// encapsulated content.
func (p *parser) plainWord(w word) {
	switch w.op {
	case opColorTable, opFieldInst, opListText, opNonShpPict, opPict, opObject:
		p.enter(destSkip)
	case opResult:
		p.enter(destBody)
	case opObjAttPh:
		p.object(Object{Kind: AttachmentPlace})
	}
}

func (p *parser) object(o Object) {
	if len(p.res.Objects) >= MaxObjects {
		return
	}
	// A space stands for the attachment in readers that know no better.
	if o.Kind == AttachmentPlace && p.ensure(4) >= 4 && string(p.buf[p.pos:p.pos+4]) == "\\'20" {
		p.pos += 4
	}
	o.Offset, o.Position = p.written+int64(len(p.out)), p.chars
	p.res.Objects = append(p.res.Objects, o)
}

// setFont changes the font that the table is at.
func (p *parser) setFont(change func(*font)) {
	if p.fontNow < 0 {
		return
	}
	f, ok := p.fonts[p.fontNow]
	if !ok && len(p.fonts) >= maxFonts {
		return
	}
	change(&f)
	p.fonts[p.fontNow] = f
}

func (p *parser) fontText(b []byte) {
	for _, c := range b {
		if c == ';' {
			p.endFont()
			continue
		}
		if len(p.fontName) < maxFontName {
			p.fontName = append(p.fontName, c)
		}
	}
}

// endFont names the font that the table is at.
func (p *parser) endFont() {
	if len(p.fontName) > 0 && p.mode.rendered() {
		p.setFont(func(f *font) {
			if f.name == "" {
				f.name = fontFamily(p.fontName)
			}
		})
	}
	p.fontName = p.fontName[:0]
}
