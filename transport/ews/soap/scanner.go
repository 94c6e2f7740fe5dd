package soap

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"
)

// Bounds of what a reply may hold.
const (
	maxDepth   = 128
	maxName    = 256
	maxTag     = 64 << 10 // bytes of a start tag with its attributes
	bufferSize = 32 << 10
)

// MaxText is the largest value in bytes that [Scanner.Text] holds in memory.
const MaxText = 4 << 20

// ErrSyntax is wrapped by errors about input that is no XML.
var ErrSyntax = errors.New("not well-formed XML")

// A Scanner pulls elements out of a document:
//
//	for depth := s.Depth(); s.Child(depth); {
//		switch s.Name() {
//		case "Subject":
//			subject = s.Text()
//		case "Items":
//			for depth := s.Depth(); s.Child(depth); {
//				...
//			}
//		}
//	}
//	return s.Err()
//
// What the loop does not ask for is passed over. Errors stick: after one every
// method returns at once. A Scanner is for one goroutine.
type Scanner struct {
	r   io.Reader
	buf []byte
	// buf[pos:end] is read and not used.
	pos, end int
	off      int64 // of buf[0] in the document
	err      error // io.EOF where the input ends

	stack []string // open elements
	attrs []attr
	fresh bool // the start tag of the open element was just read
	empty bool // it was <name/>
	tag   []byte
	ref   [4]byte
}

type attr struct{ name, value string }

// NewScanner reads a document from r, which is read ahead.
func NewScanner(r io.Reader) *Scanner { return &Scanner{r: r, buf: make([]byte, bufferSize)} }

// Err is the first error; the regular end of the document is none.
func (s *Scanner) Err() error {
	if s.err == io.EOF && len(s.stack) == 0 {
		return nil
	}
	if s.err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return s.err
}

// Ended reports whether the document, or the last of several behind each other,
// is read and nothing follows. It waits for what follows.
func (s *Scanner) Ended() bool {
	return len(s.stack) == 0 && !s.toTag()
}

// Depth is the number of elements that are open.
func (s *Scanner) Depth() int { return len(s.stack) }

// Name is the local name of the element that was opened last.
func (s *Scanner) Name() string {
	if len(s.stack) == 0 {
		return ""
	}
	return s.stack[len(s.stack)-1]
}

// Attr is an attribute, by its local name, of the start tag that was read last.
func (s *Scanner) Attr(name string) string {
	for _, a := range s.attrs {
		if a.name == name {
			return a.value
		}
	}
	return ""
}

// Child moves to the next child of the element that was the innermost when
// [Scanner.Depth] was depth, and passes over what is left of the child before.
// At the end of that element it is false; the element is closed then.
func (s *Scanner) Child(depth int) bool {
	for s.err == nil {
		if s.empty {
			s.empty = false
			s.pop()
			if len(s.stack) < depth {
				return false
			}
		}
		s.fresh = false
		if !s.toTag() {
			return false
		}
		open, ok := s.readTag()
		if !ok {
			continue
		}
		if open && len(s.stack) == depth+1 {
			return true
		}
		if len(s.stack) < depth {
			return false
		}
	}
	return false
}

// Find moves down to the first descendant with that name, wherever it is.
func (s *Scanner) Find(name string) bool {
	for s.err == nil {
		if s.empty {
			s.empty = false
			s.pop()
		}
		s.fresh = false
		if !s.toTag() {
			return false
		}
		if open, ok := s.readTag(); ok && open && s.Name() == name {
			return true
		}
	}
	return false
}

func (s *Scanner) fail(format string, args ...any) {
	if s.err == nil || s.err == io.EOF {
		s.err = fmt.Errorf("%w: offset %d: %s", ErrSyntax, s.off+int64(s.pos), fmt.Sprintf(format, args...))
	}
}

// fill reads more; false at the end of the input.
func (s *Scanner) fill() bool {
	if s.err != nil {
		return false
	}
	if s.pos > 0 {
		s.off += int64(s.pos)
		s.end = copy(s.buf, s.buf[s.pos:s.end])
		s.pos = 0
	}
	for range 100 {
		n, err := s.r.Read(s.buf[s.end:])
		s.end += n
		if n > 0 {
			// An error comes again with the next read.
			return true
		}
		if err != nil {
			s.err = err
			return false
		}
	}
	s.err = io.ErrNoProgress
	return false
}

// more reads more where the input must not end.
func (s *Scanner) more() bool {
	if s.fill() {
		return true
	}
	if s.err == io.EOF {
		s.err = io.ErrUnexpectedEOF
	}
	return false
}

// need has at least n unused bytes in the buffer.
func (s *Scanner) need(n int) bool {
	for s.end-s.pos < n {
		if !s.fill() {
			return false
		}
	}
	return true
}

// toTag passes over text up to the next <.
func (s *Scanner) toTag() bool {
	for {
		if i := bytes.IndexByte(s.buf[s.pos:s.end], '<'); i >= 0 {
			s.pos += i
			return true
		}
		s.pos = s.end
		if !s.fill() {
			return false
		}
	}
}

// readTag reads the markup at <. ok is false where it was neither a start nor
// an end tag.
func (s *Scanner) readTag() (open, ok bool) {
	if !s.need(2) {
		return false, false
	}
	switch s.buf[s.pos+1] {
	case '?':
		return false, s.skipPast("?>")
	case '!':
		if s.need(4) && string(s.buf[s.pos:s.pos+4]) == "<!--" {
			s.pos += 4
			return false, s.skipPast("-->")
		}
		if s.isCDATA() {
			return false, s.skipPast("]]>")
		}
		s.fail("a document type or other declaration")
		return false, false
	case '/':
		return false, s.endTag()
	}
	return true, s.startTag()
}

func (s *Scanner) isCDATA() bool {
	const head = "<![CDATA["
	if s.need(len(head)) && string(s.buf[s.pos:s.pos+len(head)]) == head {
		s.pos += len(head)
		return true
	}
	return false
}

// skipPast is always false, as what it passes over is no tag.
func (s *Scanner) skipPast(mark string) bool {
	for {
		if i := bytes.Index(s.buf[s.pos:s.end], []byte(mark)); i >= 0 {
			s.pos += i + len(mark)
			return false
		}
		s.pos = max(s.pos, s.end-len(mark)+1)
		if !s.more() {
			return false
		}
	}
}

// take reads a tag up to its > into s.tag, with the angle brackets left out.
func (s *Scanner) take() bool {
	s.tag = s.tag[:0]
	s.pos++ // <
	var quote byte
	for {
		for i, c := range s.buf[s.pos:s.end] {
			switch {
			case quote != 0:
				if c == quote {
					quote = 0
				}
			case c == '"' || c == '\'':
				quote = c
			case c == '<':
				s.pos += i
				s.fail("a < inside a tag")
				return false
			case c == '>':
				s.tag = append(s.tag, s.buf[s.pos:s.pos+i]...)
				s.pos += i + 1
				return true
			}
		}
		s.tag = append(s.tag, s.buf[s.pos:s.end]...)
		s.pos = s.end
		if len(s.tag) > maxTag {
			s.fail("a tag of more than %d bytes", maxTag)
			return false
		}
		if !s.more() {
			return false
		}
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// local cuts the prefix of a name off.
func local(name []byte) []byte {
	if i := bytes.LastIndexByte(name, ':'); i >= 0 {
		return name[i+1:]
	}
	return name
}

func (s *Scanner) startTag() bool {
	if !s.take() {
		return false
	}
	t := s.tag
	if len(t) > 0 && t[len(t)-1] == '/' {
		s.empty = true
		t = t[:len(t)-1]
	}
	n := bytes.IndexFunc(t, func(r rune) bool { return r < utf8.RuneSelf && isSpace(byte(r)) })
	if n < 0 {
		n = len(t)
	}
	name := local(t[:n])
	if len(name) == 0 || n > maxName {
		s.fail("a tag without a name, or with a name of %d bytes", n)
		return false
	}
	if len(s.stack) >= maxDepth {
		s.fail("elements are nested more than %d deep", maxDepth)
		return false
	}
	s.stack = append(s.stack, string(name))
	s.fresh = true
	return s.readAttrs(t[n:])
}

func (s *Scanner) readAttrs(t []byte) bool {
	s.attrs = s.attrs[:0]
	for {
		t = bytes.TrimLeft(t, " \t\r\n")
		if len(t) == 0 {
			return true
		}
		name, rest, ok := bytes.Cut(t, []byte("="))
		rest = bytes.TrimLeft(rest, " \t\r\n")
		if !ok || len(rest) < 2 || rest[0] != '"' && rest[0] != '\'' {
			s.fail("an attribute without a quoted value")
			return false
		}
		i := bytes.IndexByte(rest[1:], rest[0])
		if i < 0 {
			s.fail("an attribute without an end")
			return false
		}
		if name := local(bytes.TrimRight(name, " \t\r\n")); len(name) <= maxName && !bytes.HasPrefix(t, []byte("xmlns")) {
			s.attrs = append(s.attrs, attr{string(name), unescape(rest[1 : 1+i])})
		}
		t = rest[i+2:]
	}
}

func (s *Scanner) pop() {
	s.stack = s.stack[:len(s.stack)-1]
}

func (s *Scanner) endTag() bool {
	if !s.take() {
		return false
	}
	name := local(bytes.TrimRight(s.tag[1:], " \t\r\n"))
	if len(s.stack) == 0 || string(name) != s.Name() {
		s.fail("an end tag %.40q where %q is open", name, s.Name())
		return false
	}
	s.pop()
	return true
}

// unescape replaces the references of an attribute.
func unescape(b []byte) string {
	if bytes.IndexByte(b, '&') < 0 {
		return string(b)
	}
	var out []byte
	for len(b) > 0 {
		i := bytes.IndexByte(b, '&')
		if i < 0 {
			break
		}
		out, b = append(out, b[:i]...), b[i:]
		if j := bytes.IndexByte(b[:min(len(b), maxReference)], ';'); j > 0 {
			if r, ok := reference(b[1:j]); ok {
				out, b = utf8.AppendRune(out, r), b[j+1:]
				continue
			}
		}
		out, b = append(out, b[0]), b[1:]
	}
	return string(append(out, b...))
}

// reference is the character of &name; without its marks. Control characters
// count, whatever XML 1.0 says: Exchange writes them.
func reference(name []byte) (rune, bool) {
	switch string(name) {
	case "lt":
		return '<', true
	case "gt":
		return '>', true
	case "amp":
		return '&', true
	case "quot":
		return '"', true
	case "apos":
		return '\'', true
	}
	if len(name) < 2 || len(name) > 10 || name[0] != '#' {
		return 0, false
	}
	digits, base := string(name[1:]), 10
	if digits[0] == 'x' || digits[0] == 'X' {
		digits, base = digits[1:], 16
	}
	n, err := strconv.ParseUint(digits, base, 32)
	if err != nil || n > utf8.MaxRune || n >= 0xD800 && n < 0xE000 {
		return utf8.RuneError, err == nil
	}
	return rune(n), true
}
