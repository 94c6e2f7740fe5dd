package wire

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// Bounds on what is read.
const (
	// ValueLimit is the largest value that is held in memory.
	ValueLimit = 16 << 20
	maxDepth   = 64
)

// ErrTooLarge means that a value that has to be held is larger than
// [ValueLimit].
var ErrTooLarge = errors.New("a value of the reply is too large to be held")

// A SyntaxError says where a reply is no JSON.
type SyntaxError struct {
	Offset int64
	Want   string
	Got    string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("the reply is no JSON at byte %d: %s, not %s", e.Offset, e.Want, e.Got)
}

// A Decoder pulls values out of a reply, one after the other. It is not for use
// by several goroutines.
type Decoder struct {
	r     *bufio.Reader
	off   int64
	depth int
}

// NewDecoder reads from r.
func NewDecoder(r io.Reader) *Decoder {
	return &Decoder{r: bufio.NewReaderSize(r, 32<<10)}
}

func (d *Decoder) next() (byte, error) {
	c, err := d.r.ReadByte()
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err == nil {
		d.off++
	}
	return c, err
}

func (d *Decoder) back() {
	d.r.UnreadByte() //nolint:errcheck // follows a ReadByte
	d.off--
}

// token is the next byte that is no white space.
func (d *Decoder) token() (byte, error) {
	for {
		c, err := d.next()
		if err != nil {
			return 0, err
		}
		switch c {
		case ' ', '\t', '\r', '\n':
			continue
		case 0xEF:
			// QUIRK: RFC 8259 8.1 allows no byte order mark; proxies add one.
			if b, err := d.r.Peek(2); d.off == 1 && err == nil && b[0] == 0xBB && b[1] == 0xBF {
				d.r.Discard(2) //nolint:errcheck // was peeked
				d.off += 2
				continue
			}
		}
		return c, nil
	}
}

func (d *Decoder) wrong(want string, got byte) error {
	return &SyntaxError{Offset: d.off - 1, Want: want, Got: fmt.Sprintf("%q", got)}
}

// Peek is the first byte of the next value: one of {["tfn-0123456789.
func (d *Decoder) Peek() (byte, error) {
	c, err := d.token()
	if err == nil {
		d.back()
	}
	return c, err
}

// Object reads an object: field is called for each name and must read the
// value. null is an object without fields.
func (d *Decoder) Object(field func(name string) error) error {
	return d.group('{', '}', func(c byte) error {
		if c != '"' {
			return d.wrong("a name is due", c)
		}
		name, err := d.text(1 << 16)
		if err != nil {
			return err
		}
		if c, err = d.token(); err != nil {
			return err
		}
		if c != ':' {
			return d.wrong("a colon is due", c)
		}
		return field(name)
	})
}

// Array reads an array: elem is called for each element and must read it. null
// is an empty array.
func (d *Decoder) Array(elem func() error) error {
	return d.group('[', ']', func(byte) error {
		d.back()
		return elem()
	})
}

func (d *Decoder) group(open, end byte, one func(first byte) error) error {
	c, err := d.token()
	if err != nil {
		return err
	}
	if c == 'n' {
		return d.literal("ull")
	}
	if c != open {
		return d.wrong(fmt.Sprintf("%q is due", open), c)
	}
	if d.depth++; d.depth > maxDepth {
		return &SyntaxError{Offset: d.off, Want: fmt.Sprintf("at most %d levels are due", maxDepth), Got: "more"}
	}
	defer func() { d.depth-- }()
	for first := true; ; first = false {
		if c, err = d.token(); err != nil {
			return err
		}
		if c == end {
			return nil
		}
		if !first {
			if c != ',' {
				return d.wrong("a comma is due", c)
			}
			if c, err = d.token(); err != nil {
				return err
			}
		}
		if err := one(c); err != nil {
			return err
		}
	}
}

func (d *Decoder) literal(rest string) error {
	for i := range len(rest) {
		c, err := d.next()
		if err != nil {
			return err
		}
		if c != rest[i] {
			return d.wrong("true, false or null is due", c)
		}
	}
	return nil
}

// Skip reads a value and forgets it.
func (d *Decoder) Skip() error { return d.copy(io.Discard) }

// Value reads a value into v, as json.Unmarshal does.
func (d *Decoder) Value(v any) error {
	var b limited
	if err := d.copy(&b); err != nil {
		return err
	}
	return json.Unmarshal(b.Bytes(), v)
}

// limited is a buffer with the bound of a value.
type limited struct{ bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	if l.Len()+len(p) > ValueLimit {
		return 0, ErrTooLarge
	}
	return l.Buffer.Write(p)
}

// copy writes the bytes of a value, without the white space around it.
func (d *Decoder) copy(w io.Writer) error {
	c, err := d.token()
	if err != nil {
		return err
	}
	var buf []byte
	emit := func(b byte) error {
		if buf = append(buf, b); len(buf) < 4096 {
			return nil
		}
		_, err := w.Write(buf)
		buf = buf[:0]
		return err
	}
	depth, quoted := 0, false
	for {
		if err := emit(c); err != nil {
			return err
		}
		switch {
		case quoted && c == '\\':
			if c, err = d.next(); err == nil {
				err = emit(c)
			}
			if err != nil {
				return err
			}
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{', c == '[':
			if depth++; depth > maxDepth {
				return &SyntaxError{Offset: d.off, Want: fmt.Sprintf("at most %d levels are due", maxDepth), Got: "more"}
			}
		case c == '}', c == ']':
			depth--
		}
		if depth == 0 && !quoted {
			if c == '"' || c == '}' || c == ']' {
				break
			}
			// A number or a literal ends before what cannot be part of it.
			b, err := d.r.Peek(1)
			if err == io.EOF || err == nil && bytes.IndexByte([]byte(" \t\r\n,]}"), b[0]) >= 0 {
				break
			}
			if err != nil {
				return err
			}
		}
		if c, err = d.next(); err != nil {
			return err
		}
	}
	_, err = w.Write(buf)
	return err
}

// String reads a string of at most limit bytes. null is "".
func (d *Decoder) String(limit int) (string, error) {
	c, err := d.token()
	switch {
	case err != nil:
		return "", err
	case c == 'n':
		return "", d.literal("ull")
	case c != '"':
		return "", d.wrong("a string is due", c)
	}
	return d.text(limit)
}

// text reads the rest of a string.
func (d *Decoder) text(limit int) (string, error) {
	var b []byte
	s := stringReader{d: d}
	for {
		var p [512]byte
		n, err := s.Read(p[:])
		if b = append(b, p[:n]...); len(b) > limit {
			return "", ErrTooLarge
		}
		if err == io.EOF {
			return string(b), nil
		}
		if err != nil {
			return "", err
		}
	}
}

// Base64 reads a string of base64 and writes the bytes that it stands for. It
// returns their number, and -1 for null.
func (d *Decoder) Base64(w io.Writer) (int64, error) {
	c, err := d.token()
	switch {
	case err != nil:
		return 0, err
	case c == 'n':
		return -1, d.literal("ull")
	case c != '"':
		return 0, d.wrong("a string is due", c)
	}
	s := &stringReader{d: d}
	n, err := io.Copy(w, base64.NewDecoder(base64.StdEncoding, s))
	var bad base64.CorruptInputError
	if errors.As(err, &bad) {
		// The rest of the string is passed over, so that the next item of the
		// reply can be read.
		if _, serr := io.Copy(io.Discard, s); serr != nil {
			return n, serr
		}
		return n, fmt.Errorf("the content is not base64: %w", err)
	}
	if err == nil {
		_, err = io.Copy(io.Discard, s)
	}
	return n, err
}

// A stringReader gives the characters of a string whose quote has been read, as
// UTF-8.
type stringReader struct {
	d    *Decoder
	rest []byte
	done bool
}

func (s *stringReader) Read(p []byte) (int, error) {
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	for n < len(p) && !s.done {
		// What needs no decoding goes in one piece.
		if b, err := s.d.r.Peek(1); err == nil && plain(b[0]) {
			b, _ = s.d.r.Peek(min(s.d.r.Buffered(), len(p)-n))
			k := 0
			for k < len(b) && plain(b[k]) {
				k++
			}
			n += copy(p[n:], b[:k])
			s.d.r.Discard(k) //nolint:errcheck // was peeked
			s.d.off += int64(k)
			continue
		}
		c, err := s.d.next()
		if err != nil {
			return n, err
		}
		switch {
		case c == '"':
			s.done = true
			continue
		case c == '\\':
			if s.rest, err = s.d.escape(); err != nil {
				return n, err
			}
		case c < ' ':
			return n, s.d.wrong("a character of a string is due", c)
		}
		k := copy(p[n:], s.rest)
		s.rest = s.rest[k:]
		n += k
	}
	if n == 0 && s.done && len(s.rest) == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

func plain(c byte) bool { return c >= ' ' && c != '"' && c != '\\' }

// escape reads what follows a backslash.
func (d *Decoder) escape() ([]byte, error) {
	c, err := d.next()
	if err != nil {
		return nil, err
	}
	switch c {
	case '"', '\\', '/':
		return []byte{c}, nil
	case 'b':
		return []byte{'\b'}, nil
	case 'f':
		return []byte{'\f'}, nil
	case 'n':
		return []byte{'\n'}, nil
	case 'r':
		return []byte{'\r'}, nil
	case 't':
		return []byte{'\t'}, nil
	case 'u':
	default:
		return nil, d.wrong("an escape is due", c)
	}
	r, err := d.hex()
	if err != nil {
		return nil, err
	}
	if utf16.IsSurrogate(r) {
		low := rune(utf8.RuneError)
		if b, err := d.r.Peek(2); err == nil && b[0] == '\\' && b[1] == 'u' {
			d.r.Discard(2) //nolint:errcheck // was peeked
			d.off += 2
			if low, err = d.hex(); err != nil {
				return nil, err
			}
		}
		first := r
		if r = utf16.DecodeRune(first, low); r == utf8.RuneError && low != utf8.RuneError {
			return utf8.AppendRune(utf8.AppendRune(nil, utf8.RuneError), low), nil
		}
	}
	return utf8.AppendRune(nil, r), nil
}

func (d *Decoder) hex() (rune, error) {
	var r rune
	for range 4 {
		c, err := d.next()
		if err != nil {
			return 0, err
		}
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, d.wrong("a hexadecimal digit is due", c)
		}
		r = r<<4 | rune(c)
	}
	return r, nil
}
