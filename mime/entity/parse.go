package entity

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime/header"
)

// Options bound and guide [Parse]. A nil pointer is the zero value.
type Options struct {
	// MaxDepth bounds the nesting of multiparts and messages; 0 means 50.
	MaxDepth int
	// MaxParts bounds the parts of a mail; 0 means 10,000.
	MaxParts int
	// Charset is the character set of text, names and headers that state none
	// and are no UTF-8; nil means Windows-1252.
	Charset mapi.Charset
}

// Bounds on what is held in memory of headers.
const (
	maxHeader  = 1 << 20
	maxHeaders = 16 << 20
)

// Parse reads the structure of the mail in the first size bytes of r, which
// must stay readable as long as the tree is used. The error is one of reading
// r; whatever the bytes are, there is a tree. What is odd about them is in the
// Problems of the entity returned.
func Parse(r io.ReaderAt, size int64, opts *Options) (*Entity, error) {
	p := &parser{eol: '\n'}
	if opts != nil {
		p.opts = *opts
	}
	if p.opts.MaxDepth <= 0 {
		p.opts.MaxDepth = 50
	}
	if p.opts.MaxParts <= 0 {
		p.opts.MaxParts = 10000
	}
	p.w = window{r: r, size: size}
	root := &Entity{MediaType: "text/plain"}
	if size <= windowSize {
		// A small mail is read once, and its parts are sections of that.
		p.w.buf = make([]byte, max(size, 0))
		b := p.w.at(0, int(size))
		if p.w.err != nil {
			return nil, p.w.err
		}
		p.small = b
		r = bytes.NewReader(b)
	} else {
		buf := windows.Get().(*[]byte)
		defer windows.Put(buf)
		p.w.buf = *buf
	}
	p.src = &source{r: r, small: p.small, charset: p.opts.Charset}
	if b := p.w.at(0, 4096); len(b) > 0 {
		if i := bytes.IndexByte(b, '\n'); i < 0 {
			if j := bytes.IndexByte(b, '\r'); j >= 0 && j < len(b)-1 {
				p.eol = '\r'
				p.src.cr = true
			}
		} else if i == 0 || b[i-1] != '\r' {
			p.src.lf = true
		} else if i > 1 && b[i-2] == '\r' {
			p.src.crcrlf = true
		}
	}
	p.entity(root, 0, true)
	if p.w.err != nil {
		return nil, fmt.Errorf("reading the mail at offset 0x%X: %w", p.pos, p.w.err)
	}
	root.Problems = p.problems
	return root, nil
}

type parser struct {
	opts     Options
	w        window
	small    []byte // the whole source, where it is held
	src      *source
	eol      byte
	pos      int64
	stack    []string // boundaries that are open, outermost first
	parts    int
	held     int
	problems mapi.Problems
}

// A stop says what ended a part: the delimiter of a level of the stack, or
// (level -1) the end of the source. At is where its line begins; the parser
// stands behind the line.
type stop struct {
	level  int
	closes bool
	at     int64
}

func (p *parser) problem(e *Entity, field, format string, args ...any) {
	p.problems.Add(mapi.Problem{Where: e.where(), Offset: e.start, Field: field, Detail: fmt.Sprintf(format, args...)})
}

// entity reads one part from the header on. Message says that it is a mail and
// not a part of a multipart.
func (p *parser) entity(e *Entity, depth int, message bool) stop {
	e.src = p.src
	e.start = p.pos
	p.parts++
	s, ended := p.header(e, message)
	switch {
	case ended:
	case e.IsMultipart() && p.room(e, depth):
		s = p.multipart(e, depth)
	case e.holdsMessage() && e.Encoding.identity() && p.room(e, depth):
		child := &Entity{MediaType: "text/plain", parent: e}
		s = p.entity(child, depth+1, true)
		e.Parts = []*Entity{child}
	default:
		s = p.skip()
	}
	e.end = max(e.body, p.trimEOL(s.at, e.body))
	return s
}

func (p *parser) room(e *Entity, depth int) bool {
	switch {
	case depth >= p.opts.MaxDepth:
		p.problem(e, "Content-Type", "nested deeper than %d; the part stays as it is", p.opts.MaxDepth)
	case p.parts >= p.opts.MaxParts || p.held >= maxHeaders:
		p.problem(e, "Content-Type", "more than %d parts; the part stays as it is", p.opts.MaxParts)
	default:
		return true
	}
	return false
}

// trimEOL steps back over the line end before a delimiter, which is part of
// it. RFC 2046 5.1.1
func (p *parser) trimEOL(at, from int64) int64 {
	if at >= p.w.size || at <= from {
		return at
	}
	var b [3]byte
	n := min(at-from, 3)
	tail := b[3-n:]
	if at-n >= p.w.base && at <= p.w.base+int64(p.w.n) {
		copy(tail, p.w.buf[at-n-p.w.base:])
	} else if _, err := p.w.r.ReadAt(tail, at-n); err != nil {
		return at
	}
	switch {
	case b[2] == '\n' && b[1] == '\r' && b[0] == '\r' && n == 3 && p.src.crcrlf:
		return at - 3
	case b[2] == '\n' && b[1] == '\r' && n >= 2:
		return at - 2
	case b[2] == '\n' || b[2] == '\r' && p.eol == '\r':
		return at - 1
	}
	return at
}

// maxJunk is how many lines in a row may stand in a header without being
// fields or continuations; more are a body that lacks its empty line.
const maxJunk = 3

// header reads to the empty line and sets the fields and the start of the body.
// Ended says that the part was over before there was one; the stop then tells
// by what.
func (p *parser) header(e *Entity, message bool) (s stop, ended bool) {
	if message {
		p.skipBlank()
	}
	e.first = p.pos
	var block []byte
	var (
		fields, lines int
		junk          int         // lines in a row that are no fields
		junkAt        = int64(-1) // where they begin
		open          bool        // the last line of a field ends in a semicolon
		long          bool
		fieldsEnd     = int64(-1)
		inside        bool // of a line that is longer than can be seen at once
	)
	for fieldsEnd < 0 {
		line := p.w.line(p.pos, p.eol)
		if len(line) == 0 {
			s, ended = stop{-1, false, p.pos}, true
		} else if inside {
		} else if level, closes, ok := p.delimiter(line); ok {
			s, ended = stop{level, closes, p.pos}, true
			p.pos += int64(len(line))
		}
		if ended {
			fieldsEnd, e.body = s.at, s.at
			if junkAt >= 0 {
				fieldsEnd, e.body = junkAt, junkAt
			}
			break
		}
		noBody := false // the line does not belong to a header
		switch {
		case inside:
		case header.IsBlank(line):
			if junkAt < 0 || fields > 0 && (message || open) {
				fieldsEnd, e.body = p.pos, p.pos+int64(len(line))
				p.pos = e.body
			} else {
				noBody = true
			}
		case line[0] == ' ' || line[0] == '\t':
			if lines == 0 {
				noBody = !message
				fields++
			}
		case header.IsFromLine(line) && line[4] != ':' && lines == 0 && message:
		case header.IsField(line):
			fields++
			junkAt, junk = -1, 0
		default:
			if junkAt < 0 {
				junkAt, junk = p.pos, 0
			}
			junk++
			noBody = junk > maxJunk || fields == 0 && !message
		}
		if noBody {
			if junkAt < 0 {
				junkAt = p.pos
			}
			fieldsEnd, e.body, p.pos = junkAt, junkAt, junkAt
			if fields > 0 {
				p.problem(e, "header", "no empty line before the body")
			}
		}
		if fieldsEnd >= 0 {
			break
		}
		inside = line[len(line)-1] != p.eol
		if junkAt < 0 {
			t := bytes.TrimRight(line, "\r\n\t ")
			open = len(t) > 0 && t[len(t)-1] == ';'
		}
		lines++
		if p.small == nil {
			if len(block)+len(line) <= maxHeader && p.held+len(line) <= maxHeaders {
				block = append(block, line...)
				p.held += len(line)
			} else if !long {
				long = true
				p.problem(e, "header", "larger than can be held; its rest is in the raw bytes only")
			}
		}
		p.pos += int64(len(line))
	}
	if p.small != nil {
		block = p.small[e.first:fieldsEnd:fieldsEnd]
	} else if n := fieldsEnd - e.first; int64(len(block)) > n {
		block = block[:n]
	}
	e.Fields = header.Parse(block)
	if unknown := e.readType(); unknown != "" {
		p.problem(e, "Content-Transfer-Encoding", "%q is not known; the content is taken as it is", clip(unknown))
	}
	return s, ended
}

// skipBlank passes over empty lines before the header of a mail.
func (p *parser) skipBlank() {
	pos := p.pos
	for i := 0; i < 32; i++ {
		line := p.w.line(pos, p.eol)
		if len(line) == 0 {
			return
		}
		if !header.IsBlank(line) {
			if header.IsField(line) && i > 0 {
				p.pos = pos
			}
			return
		}
		pos += int64(len(line))
	}
}

// multipart reads the body parts between the delimiters.
func (p *parser) multipart(e *Entity, depth int) stop {
	boundary := strings.TrimRight(e.Param("boundary"), " \t")
	if boundary == "" {
		if boundary = p.guessBoundary(); boundary == "" {
			p.problem(e, "boundary", "a multipart without one; the part stays as it is")
			return p.skip()
		}
		p.problem(e, "boundary", "missing; %q is taken from the body", boundary)
	}
	level := len(p.stack)
	p.stack = append(p.stack, boundary)
	s := p.skip()
	if s.level != level && e.body < s.at {
		// Its own delimiter never came: the boundary may be wrong.
		after := p.pos
		p.pos = e.body
		guess := p.guessBoundary()
		if guess == "" || p.isOpen(guess) {
			p.pos = after
			p.problem(e, "boundary", "%q does not occur; the part stays as it is", clip(boundary))
			p.stack = p.stack[:level]
			return s
		}
		p.problem(e, "boundary", "%q does not occur; %q is taken from the body", clip(boundary), guess)
		p.stack[level] = guess
		if s = p.skip(); s.level != level {
			p.stack = p.stack[:level]
			return s
		}
	}
	e.preambleEnd = s.at
	twin := false // a parent has the same boundary
	for _, b := range p.stack[:level] {
		twin = twin || b == p.stack[level]
	}
	for s.level == level {
		if s.closes {
			e.epilogue = p.pos
			if twin {
				p.stack = p.stack[:level]
			}
			// Parts may follow behind the closing delimiter.
			if s = p.skip(); s.level == level {
				if s.closes {
					continue
				}
				p.problem(e, "boundary", "parts behind the closing delimiter")
				e.epilogue = 0
			}
			continue
		}
		if p.parts >= p.opts.MaxParts || p.held >= maxHeaders {
			p.problem(e, "Content-Type", "more than %d parts; the rest is one part", p.opts.MaxParts)
			rest := &Entity{MediaType: "application/octet-stream", parent: e, src: p.src, index: len(e.Parts)}
			rest.start, rest.first, rest.body = p.pos, p.pos, p.pos
			for s.level == level && s.level >= 0 && !s.closes {
				s = p.skip()
			}
			rest.end = p.trimEOL(s.at, rest.body)
			e.Parts = append(e.Parts, rest)
			continue
		}
		child := &Entity{MediaType: "text/plain", parent: e}
		if e.MediaType == "multipart/digest" {
			child.MediaType = "message/rfc822"
		}
		child.index = len(e.Parts)
		e.Parts = append(e.Parts, child)
		s = p.entity(child, depth+1, false)
	}
	if e.epilogue == 0 {
		p.problem(e, "boundary", "%q is never closed", clip(p.boundaryOf(level)))
	}
	if len(p.stack) > level {
		p.stack = p.stack[:level]
	}
	return s
}

func (p *parser) boundaryOf(level int) string {
	if level < len(p.stack) {
		return p.stack[level]
	}
	return ""
}

func clip(s string) string { return s[:min(len(s), 80)] }

func (p *parser) isOpen(b string) bool {
	for _, o := range p.stack {
		if o == b {
			return true
		}
	}
	return false
}

// delimiter reports whether a line is a delimiter, innermost level first.
func (p *parser) delimiter(line []byte) (level int, closes, ok bool) {
	if len(p.stack) == 0 || len(line) < 2 || line[0] != '-' || line[1] != '-' {
		return 0, false, false
	}
	text := bytes.TrimRight(line[2:], " \t\r\n")
	for i := len(p.stack) - 1; i >= 0; i-- {
		b := p.stack[i]
		if len(text) < len(b) || string(text[:len(b)]) != b {
			continue
		}
		switch rest := text[len(b):]; {
		case len(rest) == 0:
			return i, false, true
		case len(rest) >= 2 && rest[0] == '-' && rest[1] == '-' && len(bytes.Trim(rest, "- \t")) == 0:
			return i, true, true
		}
	}
	return 0, false, false
}

// skip goes behind the next delimiter of any level that is open.
func (p *parser) skip() stop {
	if len(p.stack) == 0 {
		p.pos = p.w.size
		return stop{-1, false, p.pos}
	}
	pos := p.pos
	fresh := true // pos is the start of a line
	for {
		b := p.w.at(pos, maxLine)
		if len(b) < 2 {
			p.pos = p.w.size
			return stop{-1, false, p.pos}
		}
		i := 0
		if !fresh || b[0] != '-' || b[1] != '-' {
			for from := 1; ; {
				j := bytes.Index(b[from:], dashes)
				if j < 0 {
					i = -1
					break
				}
				i = from + j
				if b[i-1] == p.eol {
					break
				}
				for from = i + 2; from < len(b) && b[from] == '-'; from++ {
				}
				if from >= len(b) {
					i = -1
					break
				}
			}
		}
		if i < 0 {
			// Keep the last two bytes: a delimiter may begin in them.
			pos += int64(max(len(b)-2, 1))
			fresh = false
			if pos+2 >= p.w.size {
				p.pos = p.w.size
				return stop{-1, false, p.pos}
			}
			continue
		}
		pos += int64(i)
		line := p.w.line(pos, p.eol)
		if level, closes, ok := p.delimiter(line); ok {
			p.pos = pos + int64(len(line))
			return stop{level, closes, pos}
		}
		pos++
		fresh = false
	}
}

var dashes = []byte("--")

// guessBoundary looks for a line at the start of the body that is a delimiter:
// the header of a part, or nothing, follows, or it comes again.
func (p *parser) guessBoundary() string {
	b := p.w.at(p.pos, maxLine)
	seen := map[string]bool{}
	for len(b) > 0 && len(seen) < 64 {
		line := header.Line(b, p.eol == '\r')
		b = b[len(line):]
		if len(line) > 200 || !bytes.HasPrefix(line, dashes) {
			continue
		}
		text := string(bytes.TrimRight(line[2:], " \t\r\n"))
		if text == "" || strings.Trim(text, "-_=* ") == "" {
			continue
		}
		if closed, ok := strings.CutSuffix(text, "--"); ok && seen[closed] {
			return closed
		}
		if seen[text] {
			return text
		}
		seen[text] = true
		next := header.Line(b, p.eol == '\r')
		if len(next) > 8 && bytes.EqualFold(next[:8], []byte("Content-")) {
			return text
		}
	}
	return ""
}
