package graphtest

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// readMembers reads an object whose members are all strings or null, and hands
// each string on as a stream, so that one of 200 MB needs no memory. What member
// does not read of it is skipped.
func readMembers(r io.Reader, member func(name string, value io.Reader) error) error {
	b := bufio.NewReaderSize(r, 32<<10)
	if err := want(b, '{'); err != nil {
		return err
	}
	for first := true; ; first = false {
		c, err := token(b)
		if err != nil {
			return err
		}
		switch {
		case c == '}':
			if _, err := token(b); err != io.EOF {
				return fmt.Errorf("there is more than one value")
			}
			return nil
		case !first && c != ',':
			return fmt.Errorf("%q between members", c)
		case !first:
			if err := want(b, '"'); err != nil {
				return err
			}
		case c != '"':
			return fmt.Errorf("%q in the place of a name", c)
		}
		name, err := io.ReadAll(io.LimitReader(&stringReader{b: b}, 256))
		if err != nil {
			return err
		}
		if err := want(b, ':'); err != nil {
			return err
		}
		if c, err = token(b); err != nil {
			return err
		}
		switch c {
		case 'n':
			if n, err := b.Discard(3); err != nil || n != 3 {
				return io.ErrUnexpectedEOF
			}
		case '"':
			s := &stringReader{b: b}
			if err := member(string(name), s); err != nil {
				return err
			}
			if _, err := io.Copy(io.Discard, s); err != nil {
				return err
			}
		default:
			return fmt.Errorf("the value of %s is no string", name)
		}
	}
}

// token is the next byte that is not white space.
func token(b *bufio.Reader) (byte, error) {
	for {
		c, err := b.ReadByte()
		if err != nil || c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return c, err
		}
	}
}

func want(b *bufio.Reader, c byte) error {
	got, err := token(b)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err == nil && got != c {
		err = fmt.Errorf("%q in the place of %q", got, c)
	}
	return err
}

// A stringReader gives the text of a JSON string whose opening quote was read,
// up to its closing quote.
type stringReader struct {
	b    *bufio.Reader
	rest []byte
	done bool
}

func (s *stringReader) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if len(s.rest) > 0 {
			k := copy(p[n:], s.rest)
			s.rest = s.rest[k:]
			n += k
			continue
		}
		if s.done {
			break
		}
		c, err := s.b.ReadByte()
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return n, err
		}
		switch {
		case c == '"':
			s.done = true
		case c == '\\':
			if err := s.escape(); err != nil {
				return n, err
			}
		case c < ' ':
			return n, fmt.Errorf("a control character in a string")
		default:
			p[n] = c
			n++
		}
	}
	if n == 0 && s.done && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (s *stringReader) escape() error {
	c, err := s.b.ReadByte()
	if err != nil {
		return io.ErrUnexpectedEOF
	}
	switch c {
	case '"', '\\', '/':
		s.rest = []byte{c}
	case 'b', 'f', 'n', 'r', 't':
		s.rest = []byte{map[byte]byte{'b': 8, 'f': 12, 'n': 10, 'r': 13, 't': 9}[c]}
	case 'u':
		u, err := s.unit()
		if err != nil {
			return err
		}
		r := rune(u)
		if utf16.IsSurrogate(r) {
			if next, err := s.b.Peek(2); err == nil && next[0] == '\\' && next[1] == 'u' {
				s.b.Discard(2)
				low, err := s.unit()
				if err != nil {
					return err
				}
				r = utf16.DecodeRune(r, rune(low))
			}
		}
		s.rest = utf8.AppendRune(nil, r)
	default:
		return fmt.Errorf("the escape \\%c", c)
	}
	return nil
}

func (s *stringReader) unit() (uint16, error) {
	var u uint16
	for range 4 {
		c, err := s.b.ReadByte()
		if err != nil {
			return 0, io.ErrUnexpectedEOF
		}
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, fmt.Errorf("%q in an escape", c)
		}
		u = u<<4 | uint16(c)
	}
	return u, nil
}

// copyBase64 decodes r into w.
func copyBase64(w io.Writer, r io.Reader) (int64, error) {
	return io.Copy(w, base64.NewDecoder(base64.StdEncoding, r))
}
