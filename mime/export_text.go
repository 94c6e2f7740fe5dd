package mime

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
)

// An encoding is a Content-Transfer-Encoding. RFC 2045 6.1
type encoding int

const (
	enc7bit encoding = iota
	enc8bit
	encQuotedPrintable
	encBase64
)

func (e encoding) String() string {
	return [...]string{"7bit", "8bit", "quoted-printable", "base64"}[e]
}

// A text is a body in the character set in which it is written. It is either
// held, or opened again each time.
type text struct {
	subtype string // "plain", "html"
	charset string
	mem     []byte
	open    func(context.Context) (io.ReadCloser, error)
}

// sampleSize is how much of a text that is not held decides its encoding.
const sampleSize = 64 << 10

// sample is the start of the text, and whether it is all of it.
func (t *text) sample(ctx context.Context) (p []byte, all bool, err error) {
	if t.open == nil {
		return t.mem, true, nil
	}
	r, err := t.open(ctx)
	if err != nil {
		return nil, false, err
	}
	defer r.Close()
	p = make([]byte, sampleSize)
	n, err := io.ReadFull(r, p)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return p[:n], true, nil
	}
	return p[:n], false, err
}

// textEncoding chooses the encoding of a text: as it is when it is short-lined
// ASCII that no mail system would change, quoted-printable while that stays
// the smaller form, else base64.
func textEncoding(p []byte, all bool) encoding {
	plain, special := all, 0
	for rest := p; len(rest) > 0; {
		line := rest
		if i := bytes.IndexByte(rest, '\n'); i >= 0 {
			line, rest = rest[:i], rest[i+1:]
			n := len(line)
			if n == 0 || line[n-1] != '\r' {
				plain = false
			} else {
				line = line[:n-1]
			}
		} else {
			rest = nil
		}
		n := specials(line)
		special += n
		if !plain {
			continue
		}
		k := len(line)
		plain = k <= softLine && (k == 0 || line[k-1] != ' ' && line[k-1] != '\t') && !bytes.HasPrefix(line, []byte("From "))
		if n > 0 && plain {
			// Only "=" may be among them, and not before "_": our boundaries
			// contain "=_", which encoded text cannot.
			for i, c := range line {
				if qpSpecial[c] != 0 && (c != '=' || i+1 < k && line[i+1] == '_') {
					plain = false
				}
			}
		}
	}
	switch {
	case plain:
		return enc7bit
	case special*6 <= len(p):
		return encQuotedPrintable
	}
	return encBase64
}

// specials counts the bytes that quoted-printable encodes. Words of eight bytes
// that have none are passed over at once.
func specials(p []byte) (n int) {
	const (
		ones = 0x0101010101010101
		high = 0x80 * ones
	)
	for len(p) >= 8 {
		w := binary.LittleEndian.Uint64(p)
		eq := w ^ '='*ones // 0 where a byte is "="
		// The high bit is set of bytes above 0x7E, of "=", and of those below
		// a space; a borrow can only add to them.
		if (w|(w+ones)|(eq-ones)&^eq|(w-' '*ones)&^w)&high != 0 {
			for _, c := range p[:8] {
				n += int(qpSpecial[c])
			}
		}
		p = p[8:]
	}
	for _, c := range p {
		n += int(qpSpecial[c])
	}
	return n
}

// softLine is the length up to which a line needs no encoding. RFC 5322 2.1.1
const softLine = 78

// qpSpecial is 1 for the bytes that quoted-printable encodes in a line.
var qpSpecial = func() (t [256]uint8) {
	for c := range t {
		if !qpPlain[c] && c != ' ' && c != '\t' {
			t[c] = 1
		}
	}
	return
}()

// text writes a text in the encoding e, with CRLF line ends whatever its own
// are, and without NUL.
func (o *output) text(ctx context.Context, t *text, e encoding) (readErr, err error) {
	if t.open == nil {
		switch e {
		case encBase64:
			left := int64(0)
			return o.base64(ctx, &lineReader{r: bytes.NewReader(t.mem)}, &left)
		case encQuotedPrintable:
			var q quoted
			q.write(o, t.mem)
			q.close(o)
		default:
			put(o, t.mem)
		}
		return nil, o.err
	}
	r, readErr := t.open(ctx)
	if readErr != nil {
		return readErr, ctx.Err()
	}
	defer r.Close()
	if e == encBase64 {
		left := int64(0)
		return o.base64(ctx, &lineReader{r: r}, &left)
	}
	var q quoted
	for {
		n, e := r.Read(o.s.in[:])
		q.write(o, o.s.in[:n])
		if o.err != nil {
			return nil, o.err
		}
		if e != nil {
			q.close(o)
			if e == io.EOF {
				e = nil
			}
			return e, o.err
		}
		if e := ctx.Err(); e != nil {
			return nil, e
		}
	}
}

// quoted encodes text as quoted-printable. RFC 2045 6.7
type quoted struct {
	col   int
	space byte // a blank that may turn out to end the line
	cr    bool // a CR was seen
}

// qpLimit leaves room for the = of a soft line break.
const qpLimit = 75

var qpPlain = func() (t [256]bool) {
	for c := byte('!'); c <= '~'; c++ {
		t[c] = c != '='
	}
	return
}()

func (q *quoted) write(o *output, p []byte) {
	for i := 0; i < len(p); i++ {
		c := p[i]
		if qpPlain[c] && !q.cr && q.space == 0 && q.col > 0 {
			// A run of plain characters within the line, with the blanks in it.
			j := i + 1
			for end := min(len(p), i+qpLimit-q.col); j < end && (qpPlain[p[j]] || p[j] == ' ' && j+1 < len(p) && qpPlain[p[j+1]]); {
				j++
			}
			if q.col+j-i <= qpLimit {
				put(o, p[i:j])
				q.col += j - i
				i = j - 1
				continue
			}
		}
		if q.cr {
			q.cr = false
			q.newline(o)
			if c == '\n' {
				continue
			}
		}
		switch {
		case c == '\r':
			q.cr = true
		case c == '\n':
			q.newline(o)
		case c == 0:
		case c == ' ' || c == '\t':
			q.blank(o)
			q.space = c
		default:
			q.blank(o)
			if qpPlain[c] && !(c == 'F' && q.col == 0) {
				q.room(o, 1)
				put(o, p[i:i+1])
				q.col++
			} else {
				q.escape(o, c)
			}
		}
	}
}

func (q *quoted) room(o *output, n int) {
	if q.col+n > qpLimit {
		put(o, "=\r\n")
		q.col = 0
	}
}

func (q *quoted) escape(o *output, c byte) {
	q.room(o, 3)
	const hex = "0123456789ABCDEF"
	b := [3]byte{'=', hex[c>>4], hex[c&15]}
	put(o, b[:])
	q.col += 3
}

// blank writes the blank that was held back: something follows on its line.
func (q *quoted) blank(o *output) {
	if q.space != 0 {
		q.room(o, 1)
		b := [1]byte{q.space}
		put(o, b[:])
		q.col++
		q.space = 0
	}
}

func (q *quoted) newline(o *output) {
	if q.space != 0 {
		q.escape(o, q.space)
		q.space = 0
	}
	put(o, "\r\n")
	q.col = 0
}

func (q *quoted) close(o *output) {
	if q.cr {
		q.newline(o)
	}
	if q.space != 0 {
		q.escape(o, q.space)
		q.space = 0
	}
}

// A lineReader turns every line end into CRLF and drops NUL, for text that is
// written as base64. RFC 2046 4.1.1
type lineReader struct {
	r   io.Reader
	in  [4096]byte
	out []byte
	cr  bool
	err error
}

func (l *lineReader) Read(p []byte) (int, error) {
	for len(l.out) == 0 {
		if l.err != nil {
			return 0, l.err
		}
		n, err := l.r.Read(l.in[:])
		l.err = err
		out := make([]byte, 0, n+n/8+2)
		for _, c := range l.in[:n] {
			if l.cr {
				l.cr = false
				out = append(out, '\r', '\n')
				if c == '\n' {
					continue
				}
			}
			switch c {
			case '\r':
				l.cr = true
			case '\n':
				out = append(out, '\r', '\n')
			case 0:
			default:
				out = append(out, c)
			}
		}
		if err != nil && l.cr {
			l.cr = false
			out = append(out, '\r', '\n')
		}
		l.out = out
	}
	n := copy(p, l.out)
	l.out = l.out[n:]
	return n, nil
}
