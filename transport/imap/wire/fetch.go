package wire

import (
	"bytes"
	"io"
	"strings"
)

// An Attr is one data item of a FETCH response.
type Attr struct {
	// Name is in upper case, a section with its brackets, without the origin
	// of a partial fetch: UID, FLAGS, BODY[], BODY[HEADER.FIELDS (SUBJECT)].
	Name  string
	Value Value
	// Literal is set instead of Value for a whole message (BODY[], BINARY[],
	// RFC822) that came as a literal. It is to be read before the next call of
	// the reader.
	Literal *Literal
}

// Attr reads the next data item of the FETCH response that [Reader.Next]
// returned. It is false at the end.
func (r *Reader) Attr() (Attr, bool, error) {
	if r.lit != nil {
		l := r.lit
		r.lit = nil
		n := l.left
		l.left, l.over = 0, true
		err := l.err
		if err == nil {
			err = r.discard(n)
		}
		if err != nil {
			r.fetch = false
			return Attr{}, false, eof(err)
		}
	}
	if !r.fetch {
		return Attr{}, false, nil
	}
	a, ok, err := r.attr()
	if err != nil {
		r.fetch = false
		err = eof(err)
	}
	return a, ok, err
}

func (r *Reader) attr() (a Attr, ok bool, err error) {
	for {
		c, err := r.skipSpaces()
		if err != nil {
			return a, false, err
		}
		switch c {
		case ')':
			r.fetch = false
			return a, false, r.skipLine()
		case '\r':
			continue
		case '\n':
			r.fetch = false // not closed, but the line ends
			return a, false, nil
		}
		r.unread()
		break
	}
	if a.Name, err = r.attrName(); err != nil {
		return a, false, err
	}
	switch a.Name {
	case "BODY[]", "BINARY[]", "RFC822":
		c, err := r.skipSpaces()
		if err != nil {
			return a, false, err
		}
		r.unread()
		if c != '{' && c != '~' {
			break
		}
		n, isLiteral, err := r.literalHead()
		if err != nil {
			return a, false, err
		}
		if !isLiteral {
			a.Value = Value{Kind: Atom, Text: string(r.scratch)}
			return a, true, nil
		}
		a.Literal = &Literal{r: r, Size: n, left: n}
		r.lit = a.Literal
		return a, true, nil
	}
	a.Value, err = r.value(1)
	return a, true, err
}

// attrName reads a name with its section. Spaces within brackets belong to it.
func (r *Reader) attrName() (string, error) {
	b := r.scratch[:0]
	depth := 0
	for {
		c, err := r.byte()
		if err != nil {
			return "", err
		}
		switch {
		case c == '[':
			depth++
		case c == ']':
			depth--
		case c == '\r' || c == '\n', depth <= 0 && (c == ' ' || c == '(' || c == ')'):
			r.unread()
			r.scratch = b
			if i := bytes.LastIndexByte(b, '<'); i > 0 && b[i-1] == ']' {
				b = b[:i]
			}
			if len(b) == 0 {
				_, err := r.byte() // never stand still
				return "", err
			}
			return strings.ToUpper(r.word(b)), nil
		}
		if len(b) >= maxText {
			return "", r.syntax("the name of a data item has more than %d bytes", maxText)
		}
		b = append(b, c)
	}
}

// A Literal is the body of a message, straight from the connection.
type Literal struct {
	// Size is what the server announced. Fewer bytes end with
	// io.ErrUnexpectedEOF, and a [SyntaxError] tells where another size than
	// the true one was announced, as far as that can be seen from what
	// follows.
	Size int64
	r    *Reader
	left int64
	over bool
	err  error
}

// Read implements io.Reader.
func (l *Literal) Read(p []byte) (int, error) {
	if l.err != nil {
		return 0, l.err
	}
	if l.over {
		return 0, io.ErrClosedPipe
	}
	if l.left == 0 {
		return 0, io.EOF
	}
	if int64(len(p)) > l.left {
		p = p[:l.left]
	}
	n, err := l.r.br.Read(p)
	l.left -= int64(n)
	l.r.off += int64(n)
	if l.err = eof(err); l.err == nil && l.left == 0 {
		l.err = l.follows()
	}
	return n, l.err
}

// follows looks at what comes behind the last byte: the end of the list, or a
// space and another item.
func (l *Literal) follows() error {
	p, err := l.r.br.Peek(2)
	if err != nil {
		return eof(err)
	}
	switch c := p[1]; {
	case p[0] == ')' && (c == '\r' || c == '\n' || c == ' '):
		return nil
	case p[0] == ' ' && (c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == ' ' || c == ')'):
		return nil
	}
	return l.r.syntax("a body of %d bytes is followed by %q", l.Size, p)
}

// WriteTo implements io.WriterTo, without a buffer of its own.
func (l *Literal) WriteTo(w io.Writer) (total int64, err error) {
	if l.over {
		return 0, io.ErrClosedPipe
	}
	for l.left > 0 && l.err == nil {
		if l.r.br.Buffered() == 0 {
			if _, err := l.r.br.Peek(1); err != nil {
				l.err = eof(err)
				break
			}
		}
		p, _ := l.r.br.Peek(int(min(int64(l.r.br.Buffered()), l.left)))
		n, err := w.Write(p)
		l.r.br.Discard(n)
		l.left -= int64(n)
		l.r.off += int64(n)
		total += int64(n)
		if err != nil {
			return total, err
		}
		if l.left == 0 {
			l.err = l.follows()
		}
	}
	return total, l.err
}

// Err is the error of the connection that ended the literal early, or nil.
func (l *Literal) Err() error { return l.err }
