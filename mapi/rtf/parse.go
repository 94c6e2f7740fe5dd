package rtf

import (
	"fmt"
	"io"
	"sync"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/mailconv/mailconv/mapi"
)

// An output says what is made of the body.
type output int

const (
	outHTMLTags output = iota // encapsulated HTML, as it was
	outText                   // encapsulated text, as it was
	outHTML                   // rendered
	outPlain                  // rendered
)

func (o output) rendered() bool { return o >= outHTML }

// A dest is what text in a group belongs to.
type dest uint8

const (
	destBody dest = iota
	destTag       // \*\htmltag
	destSkip
	destFonts
	destColors
	destFieldInst
	destListText
	destObject // \object outside its \result
	destPict
	destUpr
)

const (
	maxDepth  = 4096
	flushSize = 64 << 10
)

// state is what a group saves and restores.
type state struct {
	dest    dest
	htmlrtf bool
	uc      int
	font    int
	ch      charFormat
	pa      paraFormat
}

// A parser reads RTF and writes one of the outputs. It holds the state of each
// open group, up to maxDepth, and a window of input and output.
type parser struct {
	scanner
	mode  output
	opts  Options
	st    state
	stack []state
	over  int  // groups beyond maxDepth
	ended bool // the outermost group was closed
	star  bool // \* came before
	skip  int  // characters that a \u replaces

	// Bytes that wait to be decoded, the last perhaps the first of a pair, and
	// a high surrogate that waits for its other half.
	pend     []byte
	pendPage int
	lead     bool
	high     rune

	ansi        int
	deff        int
	fonts       map[int]font
	fontNow     int
	fontName    []byte
	lastPage    int
	lastCharset mapi.Charset
	badPages    map[int]bool
	badText     bool // a problem tells of bytes that are no text

	w        io.Writer
	out      []byte
	written  int64
	chars    int64
	headDone bool // the charset of the head was looked at
	full     bool
	werr     error
	res      Result
	render   renderer
	utf      [utf8.UTFMax]byte
}

var parsers = sync.Pool{New: func() any {
	return &parser{scanner: scanner{buf: make([]byte, readSize)}, fonts: make(map[int]font)}
}}

func (p *parser) reset(w io.Writer, r io.Reader, opts *Options) {
	clear(p.fonts)
	*p = parser{
		scanner: scanner{src: r, buf: p.buf}, opts: opts.withDefaults(), w: w,
		stack: p.stack[:0], pend: p.pend[:0], fonts: p.fonts, fontName: p.fontName[:0], out: p.out[:0],
		render: p.render.cleared(), fontNow: -1,
	}
	p.ansi = p.opts.CodePage
	if p.ansi <= 1 || p.ansi == 1200 || p.ansi == 1201 {
		p.ansi = 1252
	}
	p.st.uc = 1
}

func convert(w io.Writer, r io.Reader, opts *Options, pick func(Kind) output) (Result, error) {
	p := parsers.Get().(*parser)
	p.reset(w, r, opts)
	err := p.run(pick)
	res := p.res
	p.src, p.w, p.res, p.lastCharset = nil, nil, Result{}, nil
	parsers.Put(p)
	return res, err
}

// sniff reads the first ten tokens for \fromhtml and \fromtext.
// [MS-OXRTFEX] 2.2.3.1
func (p *parser) sniff() Kind {
	for range 10 {
		switch p.next() {
		case tokOpen:
		case tokWord:
			switch string(p.name[:p.nameN]) {
			case "fromhtml":
				return HTML
			case "fromtext":
				return Text
			}
		default:
			return Plain
		}
	}
	return Plain
}

func (p *parser) run(pick func(Kind) output) error {
	n := p.ensure(kindWindow)
	if n >= 3 && string(p.buf[:3]) == "\xEF\xBB\xBF" {
		p.pos += 3
		n -= 3
	}
	p.res.Kind = KindOf(p.buf[p.pos : p.pos+n])
	p.mode = pick(p.res.Kind)
	if p.next() != tokOpen || p.next() != tokWord || p.nameN < 3 || string(p.name[:3]) != "rtf" {
		if p.err != nil && p.err != io.EOF {
			return p.err
		}
		return &mapi.FormatError{Format: "rtf", Problem: mapi.Problem{Severe: true, Offset: 0, Field: "\\rtf", Detail: "no RTF: it does not begin with {\\rtf", Spec: "[MSFT-RTF]"}}
	}
	p.stack = append(p.stack, p.st)
	if p.mode.rendered() {
		p.render.begin(p)
	}
	for !p.full && p.werr == nil {
		t := p.next()
		if t == tokEnd {
			break
		}
		if p.ended && !p.reopen(t) {
			continue
		}
		switch t {
		case tokOpen:
			p.open()
		case tokClose:
			p.close()
		case tokWord:
			p.word()
		case tokSymbol:
			p.symbol(p.ch)
		case tokHex:
			p.hex(p.ch)
		case tokText:
			p.text(p.scanner.text)
		}
		if len(p.out) >= flushSize {
			p.drain()
		}
	}
	if p.err != nil && p.err != io.EOF && p.werr == nil {
		p.werr = p.err
	}
	if !p.ended && !p.full && p.werr == nil {
		p.problem(false, "}", fmt.Sprintf("%d groups are not closed", len(p.stack)+p.over))
	}
	p.flush()
	if p.mode.rendered() {
		p.render.end(p)
	}
	p.headDone = p.headDone || p.rewriteHead()
	p.drain()
	return p.werr
}

// reopen deals with what follows the end of the document. A brace too many
// must not cut the rest (field case T07), so text after it counts, in the state
// of the outermost group; other things are ignored.
func (p *parser) reopen(t token) bool {
	if t == tokClose || t == tokText && isPadding(p.scanner.text) {
		return false
	}
	// QUIRK: a few bytes of another text are left behind the end (corpus
	// rtf/rtf-to-html/hebrew-test.rtf).
	if p.ensure(16) < 16 {
		return false
	}
	p.ended = false
	p.problem(false, "}", "text goes on after the end of the document")
	return true
}

func isPadding(b []byte) bool {
	for _, c := range b {
		if c > ' ' {
			return false
		}
	}
	return true
}

func (p *parser) open() {
	p.skip, p.star = 0, false
	if len(p.stack) >= maxDepth {
		if p.over == 0 {
			p.problem(false, "{", fmt.Sprintf("groups nest deeper than %d", maxDepth))
		}
		p.over++
		return
	}
	p.stack = append(p.stack, p.st)
}

func (p *parser) close() {
	p.skip, p.star = 0, false
	if p.over > 0 {
		p.over--
		return
	}
	if len(p.stack) == 1 {
		p.ended = true
		return
	}
	p.settle()
	outer := &p.stack[len(p.stack)-1]
	if outer.dest != p.st.dest {
		p.flush()
		p.leave(p.st.dest)
	}
	p.st = *outer
	p.stack = p.stack[:len(p.stack)-1]
}

// enter makes d the destination of the rest of the group.
func (p *parser) enter(d dest) {
	if p.st.dest != d {
		p.flush()
		p.st.dest = d
	}
}

// leave ends a destination.
func (p *parser) leave(d dest) {
	switch d {
	case destFonts:
		p.endFont()
	case destFieldInst, destListText, destPict:
		if p.mode.rendered() {
			p.render.leave(p, d)
		}
	}
}

// visible reports whether text here is part of the output.
func (p *parser) visible() bool {
	switch p.st.dest {
	case destBody:
		return p.mode.rendered() || !p.st.htmlrtf
	case destTag, destFonts, destFieldInst, destListText:
		return true
	}
	return false
}

func (p *parser) text(b []byte) {
	if p.skip > 0 {
		n := min(p.skip, len(b))
		p.skip -= n
		if b = b[n:]; len(b) == 0 {
			return
		}
	}
	p.star = false
	if p.st.dest == destColors {
		p.render.colorText(b)
		return
	}
	if !p.visible() {
		return
	}
	for len(b) > 0 {
		if len(p.pend) > 0 || p.high != 0 || b[0] >= utf8.RuneSelf {
			p.byte(b[0])
			b = b[1:]
			continue
		}
		n := 1
		for n < len(b) && b[n] < utf8.RuneSelf {
			n++
		}
		p.emit(b[:n])
		b = b[n:]
	}
}

func (p *parser) hex(c byte) {
	if p.skip > 0 {
		p.skip--
		return
	}
	p.star = false
	if p.visible() {
		p.byte(c)
	}
}

// byte takes one byte of text. Pairs may be split across groups and fonts
// (field case T03), so a first byte waits for its second whatever comes
// between, as long as that is not output.
func (p *parser) byte(c byte) {
	if p.high != 0 {
		p.flush()
	}
	if p.lead {
		if c >= 0x30 && c != 0x7F && c != 0xFF {
			p.pend = append(p.pend, c)
			p.lead = false
			return
		}
		p.flush()
	}
	if c < utf8.RuneSelf {
		if len(p.pend) > 0 {
			p.flush()
		}
		p.utf[0] = c
		p.emit(p.utf[:1])
		return
	}
	page := p.page()
	if len(p.pend) > 0 && page != p.pendPage || len(p.pend) >= 512 {
		p.flush()
	}
	p.pendPage = page
	p.pend = append(p.pend, c)
	p.lead = isLead(page, c)
}

// settle decodes what waits before its format changes, unless half a
// character is missing.
func (p *parser) settle() {
	if p.mode.rendered() && len(p.pend) > 0 && !p.lead && p.high == 0 {
		p.flush()
	}
}

// flush decodes what waits.
func (p *parser) flush() {
	if p.high != 0 {
		p.high = 0
		p.emit([]byte("\uFFFD"))
	}
	if len(p.pend) == 0 {
		return
	}
	text, ok := p.charset(p.pendPage).Decode(p.pend)
	if !ok && !p.badText {
		p.badText = true
		p.problem(false, "\\'", fmt.Sprintf("% X is no text in code page %d", p.pend[:min(len(p.pend), 16)], p.pendPage))
	}
	if p.mode.rendered() && p.pendPage == symbolPage {
		text = symbolText(p.fonts[p.st.font].name, p.pend, text)
	}
	p.pend, p.lead = p.pend[:0], false
	p.emit([]byte(text))
}

// unicode takes \u.
func (p *parser) unicode(n int) {
	p.skip = p.st.uc
	if !p.visible() {
		return
	}
	if n < 0 {
		n += 0x10000
	}
	r := rune(n)
	if n < 0 || n > utf8.MaxRune {
		r = utf8.RuneError
	}
	switch {
	case r >= 0xD800 && r < 0xDC00:
		p.flush()
		p.high = r
		return
	case r >= 0xDC00 && r < 0xE000:
		r = utf16.DecodeRune(p.high, r)
		p.high = 0
	case r == 0:
		return
	}
	p.flush()
	if r >= 0xF020 && r <= 0xF0FF && p.mode.rendered() && p.st.dest == destBody {
		p.emit([]byte(symbolText(p.fonts[p.st.font].name, []byte{byte(r)}, string(r))))
		return
	}
	p.emit(p.utf[:utf8.EncodeRune(p.utf[:], r)])
}

// emit takes decoded text to where it belongs.
func (p *parser) emit(b []byte) {
	switch p.st.dest {
	case destBody:
		if p.mode.rendered() {
			p.render.text(p, b)
			return
		}
		p.out = append(p.out, b...)
	case destTag:
		p.out = append(p.out, b...)
	case destFonts:
		p.fontText(b)
	case destFieldInst, destListText:
		p.render.aside(b)
	}
}

func (p *parser) emitString(s string) { p.out = append(p.out, s...) }

// character emits one of characters.
func (p *parser) character(i int) {
	if p.skip > 0 {
		p.skip--
		return
	}
	if !p.visible() {
		return
	}
	p.flush()
	if p.mode == outHTMLTags && p.st.dest == destBody {
		p.emitString(characters[i].html)
		return
	}
	p.emit([]byte(characters[i].text))
}

func (p *parser) symbol(c byte) {
	if c == '*' {
		p.star = true
		return
	}
	p.star = false
	switch c {
	case '\\', '{', '}':
		p.hex(c)
	case '~':
		p.character(7)
	case '-', '_':
		if c == '_' && p.mode.rendered() && p.skip == 0 {
			if p.visible() {
				p.flush()
				p.emit([]byte("\u2011"))
			}
			return
		}
		p.character(8)
	case '\r', '\n':
		p.lineEnd(opPar)
	case '\t':
		p.hex('\t')
	}
}

// lineEnd takes \par and \line.
func (p *parser) lineEnd(o op) {
	p.skip = 0
	if !p.visible() {
		return
	}
	p.flush()
	switch {
	case !p.mode.rendered() && p.st.dest <= destTag:
		p.emitString("\r\n")
	case p.st.dest == destBody && o == opPar:
		p.render.paragraph(p)
	case p.st.dest == destBody:
		p.render.lineBreak(p)
	}
}

// drain writes the output that is ready.
func (p *parser) drain() {
	if !p.headDone {
		p.headDone = p.rewriteHead()
	}
	if n := p.opts.MaxOutput - p.written; int64(len(p.out)) > n {
		p.out = p.out[:n]
		for i := len(p.out) - 1; i >= 0 && i >= len(p.out)-utf8.UTFMax; i-- {
			if utf8.RuneStart(p.out[i]) {
				if !utf8.FullRune(p.out[i:]) {
					p.out = p.out[:i]
				}
				break
			}
		}
		p.full = true
		p.problem(true, "", fmt.Sprintf("the output is cut at %d bytes", p.opts.MaxOutput))
	}
	if len(p.out) > 0 && p.werr == nil {
		_, p.werr = p.w.Write(p.out)
	}
	p.written += int64(len(p.out))
	p.out = p.out[:0]
}
