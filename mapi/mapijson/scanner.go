package mapijson

import (
	"bufio"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// A syntaxError says where the text stops being JSON.
type syntaxError struct {
	off    int64
	detail string
}

func (e *syntaxError) Error() string { return fmt.Sprintf("offset 0x%X: %s", e.off, e.detail) }

// textLimit is up to what length the scanner holds a string; of longer ones it
// knows where they are.
const textLimit = 64 << 10

// kinds of tokens.
type kind byte

const (
	kindNone kind = iota
	kindString
	kindNumber
	kindBool
	kindNull
	kindList // only its place is kept
	kindObject
)

// A token is one value of the text: for strings the place between the quotes.
type token struct {
	kind    kind
	large   bool // the text is not held
	escapes bool // the text has escape sequences
	notB64  bool // there are characters that base64 has not
	pad     byte // '=' at the end, as base64 has them
	text    string
	off     int64
	end     int64
	n       int64 // decoded length in bytes
}

// b64Size is the length of what a base64 string stands for.
func (t *token) b64Size() (int64, bool) {
	if t.kind != kindString || t.notB64 || t.n%4 != 0 || t.pad > 2 {
		return 0, false
	}
	return t.n/4*3 - int64(t.pad), true
}

// A scanner reads JSON from front to back and knows where it is.
type scanner struct {
	r   io.ReaderAt
	br  *bufio.Reader
	pos int64
	end int64
}

func newScanner(r io.ReaderAt, off, end int64) *scanner {
	return &scanner{r: r, br: bufio.NewReaderSize(io.NewSectionReader(r, off, end-off), 16<<10), pos: off, end: end}
}

func (s *scanner) syntax(format string, args ...any) error {
	return &syntaxError{s.pos, fmt.Sprintf(format, args...)}
}

// short turns the end of the input into damage, other errors stay.
func (s *scanner) short(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return s.syntax("the text ends here")
	}
	return err
}

func (s *scanner) byte() (byte, error) {
	b, err := s.br.ReadByte()
	if err != nil {
		return 0, s.short(err)
	}
	s.pos++
	return b, nil
}

func (s *scanner) unread() {
	s.br.UnreadByte()
	s.pos--
}

// next is the next byte that is not white space; it is not consumed.
func (s *scanner) next() (byte, error) {
	for {
		b, err := s.byte()
		if err != nil {
			return 0, err
		}
		if b != ' ' && b != '\t' && b != '\n' && b != '\r' {
			s.unread()
			return b, nil
		}
	}
}

// expect consumes c.
func (s *scanner) expect(c byte) error {
	b, err := s.next()
	if err != nil {
		return err
	}
	if b != c {
		return s.syntax("%q in the place of %q", b, c)
	}
	_, err = s.byte()
	return err
}

// object calls f at the value of each key; f consumes it.
func (s *scanner) object(f func(key string) error) error {
	if err := s.expect('{'); err != nil {
		return err
	}
	return s.elements('}', func() error {
		t, err := s.str()
		if err != nil {
			return err
		}
		if err := s.expect(':'); err != nil {
			return err
		}
		return f(t.text)
	})
}

// array calls f at each element; f consumes it.
func (s *scanner) array(f func() error) error {
	if err := s.expect('['); err != nil {
		return err
	}
	return s.elements(']', f)
}

func (s *scanner) elements(end byte, f func() error) error {
	b, err := s.next()
	if err != nil {
		return err
	}
	if b == end {
		_, err := s.byte()
		return err
	}
	for {
		if err := f(); err != nil {
			return err
		}
		b, err := s.next()
		if err != nil {
			return err
		}
		s.byte()
		switch b {
		case end:
			return nil
		case ',':
		default:
			s.unread()
			return s.syntax("%q in the place of ',' or %q", b, end)
		}
	}
}

// value reads any value. Of lists and objects only the place is kept.
func (s *scanner) value() (token, error) {
	b, err := s.next()
	if err != nil {
		return token{}, err
	}
	off := s.pos
	switch {
	case b == '"':
		return s.str()
	case b == '[' || b == '{':
		if err := s.skip(); err != nil {
			return token{}, err
		}
		k := kindList
		if b == '{' {
			k = kindObject
		}
		return token{kind: k, off: off, end: s.pos}, nil
	}
	var text []byte
	for {
		b, err := s.br.ReadByte()
		if err == io.EOF {
			break
		}
		if err != nil {
			return token{}, err
		}
		s.pos++
		if !(b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b == 'E' || b == '+' || b == '-' || b == '.') {
			s.unread()
			break
		}
		if text = append(text, b); len(text) > 64 {
			return token{}, s.syntax("a number of more than 64 digits")
		}
	}
	t := token{text: string(text), off: off, end: s.pos}
	switch t.text {
	case "true", "false":
		t.kind = kindBool
	case "null":
		t.kind = kindNull
	case "":
		return t, s.syntax("%q where a value is expected", b)
	default:
		if c := t.text[0]; c != '-' && (c < '0' || c > '9') {
			return t, &syntaxError{off, fmt.Sprintf("%q is no value", t.text)}
		}
		t.kind = kindNumber
	}
	return t, nil
}

// skip passes a list or object of any depth.
func (s *scanner) skip() error {
	depth := 0
	for {
		b, err := s.next()
		if err != nil {
			return err
		}
		switch b {
		case '"':
			if _, err := s.str(); err != nil {
				return err
			}
			continue
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		}
		if _, err := s.byte(); err != nil {
			return err
		}
		if depth == 0 {
			return nil
		}
	}
}

// b64 marks the alphabet of base64.
var b64 = func() (t [256]bool) {
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/" {
		t[c] = true
	}
	return
}()

// str reads a string.
func (s *scanner) str() (token, error) {
	if err := s.expect('"'); err != nil {
		return token{}, err
	}
	t := token{kind: kindString, off: s.pos}
	var text []byte
	add := func(b []byte) {
		t.n += int64(len(b))
		if !t.notB64 {
			for _, c := range b {
				switch {
				case b64[c] && t.pad == 0:
				case c == '=':
					t.pad++
					t.notB64 = t.pad > 2
				default:
					t.notB64 = true
				}
			}
		}
		if t.n <= textLimit {
			text = append(text, b...)
		} else {
			text, t.large = nil, true
		}
	}
	u := unescaper{br: s.br}
	for {
		span, n, err := u.span()
		s.pos += int64(n)
		if err == errQuote {
			t.end = s.pos - 1
			t.text = string(text)
			t.escapes = u.escapes
			return t, nil
		}
		if err != nil {
			if e, ok := err.(*syntaxError); ok {
				return token{}, s.syntax("%s", e.detail)
			}
			return token{}, s.short(err)
		}
		add(span)
	}
}

// errQuote ends a string.
var errQuote = fmt.Errorf("end of string")

// An unescaper reads the inside of a JSON string.
type unescaper struct {
	br      *bufio.Reader
	escapes bool
	out     [8]byte
}

// span gives the next piece of text, and how many bytes of the source it took.
func (u *unescaper) span() (text []byte, n int, err error) {
	if u.br.Buffered() == 0 {
		if _, err := u.br.Peek(1); err != nil {
			return nil, 0, err
		}
	}
	b, _ := u.br.Peek(u.br.Buffered())
	i := 0
	for i < len(b) && b[i] != '"' && b[i] != '\\' && b[i] >= 0x20 {
		i++
	}
	if i > 0 {
		// The slice stays good until the next read.
		u.br.Discard(i)
		return b[:i], i, nil
	}
	switch b[0] {
	case '"':
		u.br.Discard(1)
		return nil, 1, errQuote
	case '\\':
		u.escapes = true
		return u.escape()
	}
	return nil, 0, &syntaxError{detail: fmt.Sprintf("control character 0x%02X in a string", b[0])}
}

func (u *unescaper) escape() ([]byte, int, error) {
	b, err := u.br.Peek(2)
	if err != nil {
		return nil, 0, err
	}
	c := b[1]
	switch c {
	case '"', '\\', '/':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'u':
		return u.unicode()
	default:
		return nil, 0, &syntaxError{detail: fmt.Sprintf(`escape \%c is not known`, c)}
	}
	u.br.Discard(2)
	u.out[0] = c
	return u.out[:1], 2, nil
}

func (u *unescaper) unicode() ([]byte, int, error) {
	b, err := u.br.Peek(6)
	if err != nil {
		return nil, 0, err
	}
	r, ok := hex4(b[2:])
	if !ok {
		return nil, 0, &syntaxError{detail: fmt.Sprintf("escape %q is not hexadecimal", b)}
	}
	n := 6
	if utf16.IsSurrogate(r) {
		full := utf8.RuneError
		if b, err := u.br.Peek(12); err == nil && b[6] == '\\' && b[7] == 'u' {
			if low, ok := hex4(b[8:]); ok {
				full = utf16.DecodeRune(r, low)
			}
		}
		if full != utf8.RuneError {
			n = 12
		}
		r = full
	}
	u.br.Discard(n)
	return utf8.AppendRune(u.out[:0], r), n, nil
}

func hex4(b []byte) (rune, bool) {
	var r rune
	for _, c := range b[:4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
