package soap

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// maxReference is the longest &name; that counts as one.
const maxReference = 12

// ErrTooLarge is wrapped by errors about a value that has no place in memory.
var ErrTooLarge = errors.New("the value is too large")

// WriteText writes the text of the element whose start tag was read last to w,
// references replaced, and closes the element. Elements inside it are passed
// over. An error of w ends the scan.
func (s *Scanner) WriteText(w io.Writer) {
	if s.err != nil || !s.fresh {
		return
	}
	s.fresh = false
	depth := len(s.stack)
	if s.empty {
		s.empty = false
		s.pop()
		return
	}
	for s.err == nil {
		chunk := s.buf[s.pos:s.end]
		i := bytes.IndexAny(chunk, "<&")
		if i < 0 {
			i = len(chunk)
		}
		if i > 0 && len(s.stack) == depth {
			if _, err := w.Write(chunk[:i]); err != nil {
				s.err = err
				return
			}
		}
		s.pos += i
		switch {
		case s.pos == s.end:
			s.fill()
		case s.buf[s.pos] == '&':
			b := s.reference()
			if len(s.stack) == depth {
				if _, err := w.Write(b); err != nil {
					s.err = err
				}
			}
		case s.cdata(w, len(s.stack) == depth):
		default:
			s.readTag()
			if s.empty {
				s.empty = false
				s.pop()
			}
			s.fresh = false
			if len(s.stack) < depth {
				return
			}
		}
	}
}

// reference reads &name; at the position. What is none stands for itself.
func (s *Scanner) reference() []byte {
	s.need(maxReference) // there may be less
	if s.err == io.EOF {
		s.err = nil // what is in the buffer comes first; the end comes again
	}
	b := s.buf[s.pos:min(s.end, s.pos+maxReference)]
	if i := bytes.IndexByte(b, ';'); i > 0 {
		if r, ok := reference(b[1:i]); ok {
			s.pos += i + 1
			return utf8.AppendRune(s.ref[:0], r)
		}
	}
	s.pos++
	return b[:1]
}

// cdata reads a CDATA section, if there is one.
func (s *Scanner) cdata(w io.Writer, write bool) bool {
	if !s.need(2) || s.buf[s.pos+1] != '!' || !s.isCDATA() {
		return false
	}
	const mark = "]]>"
	for s.err == nil {
		chunk := s.buf[s.pos:s.end]
		i := bytes.Index(chunk, []byte(mark))
		n := i
		if i < 0 {
			n = max(0, len(chunk)-len(mark)+1)
		}
		if write && n > 0 {
			if _, err := w.Write(chunk[:n]); err != nil {
				s.err = err
				return true
			}
		}
		s.pos += n
		if i >= 0 {
			s.pos += len(mark)
			return true
		}
		s.fill()
	}
	return true
}

// bounded collects text up to a limit.
type bounded struct {
	b     []byte
	limit int
}

func (b *bounded) Write(p []byte) (int, error) {
	if len(b.b)+len(p) > b.limit {
		return 0, fmt.Errorf("%w: more than %d bytes of text", ErrTooLarge, b.limit)
	}
	b.b = append(b.b, p...)
	return len(p), nil
}

// Text is the text of the element whose start tag was read last, which is
// closed then. More than [MaxText] bytes are an error.
func (s *Scanner) Text() string {
	b := bounded{limit: MaxText}
	s.WriteText(&b)
	return string(b.b)
}

// Base64 decodes the text of the element whose start tag was read last into w,
// closes the element, and returns the number of bytes. Blanks between the
// characters are passed over.
func (s *Scanner) Base64(w io.Writer) (int64, error) {
	d := &decoder{w: w}
	s.WriteText(d)
	err := d.err
	if err == nil && s.err == nil {
		err = d.end()
	}
	if err == nil {
		err = s.Err()
		if s.err == io.EOF {
			err = nil
		}
	}
	return d.n, err
}

// A decoder is a writer that decodes base64. Input that is none is an error of
// its own and does not end the scan; an error of the writer does.
type decoder struct {
	w   io.Writer
	n   int64
	err error // damage of the base64

	in   [4096]byte
	have int
	out  [3072]byte
	last bool // padding was seen
}

// Write implements io.Writer.
func (d *decoder) Write(p []byte) (int, error) {
	if d.err != nil {
		return len(p), nil
	}
	for _, c := range p {
		if isSpace(c) {
			continue
		}
		d.in[d.have] = c
		if d.have++; d.have == len(d.in) {
			if err := d.flush(d.have); err != nil {
				return 0, err
			}
			if d.err != nil {
				break
			}
		}
	}
	return len(p), nil
}

func (d *decoder) flush(n int) error {
	if n == 0 {
		return nil
	}
	if d.last {
		d.err = errors.New("base64 goes on after its end")
		return nil
	}
	k, err := base64.StdEncoding.Decode(d.out[:], d.in[:n])
	if err != nil {
		d.err = fmt.Errorf("base64: %w", err)
		return nil
	}
	d.last = k < n/4*3
	d.have = copy(d.in[:], d.in[n:d.have])
	d.n += int64(k)
	_, err = d.w.Write(d.out[:k])
	return err
}

func (d *decoder) end() error {
	if err := d.flush(d.have); err != nil {
		return err
	}
	return d.err
}
