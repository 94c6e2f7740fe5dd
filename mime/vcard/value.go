package vcard

import (
	"bufio"
	"context"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/codepage"
	"github.com/mailconv/mailconv/mime/entity"
)

// A rawValue says where a value lies in its file and how it is written there.
type rawValue struct {
	src     mapi.Section
	version string
	qp      bool
	base64  bool
	charset mapi.Charset // nil: UTF-8, and Windows-1252 where it is none
	list    bool         // commas stand between elements, also in 2.1
}

// open reads the value without folding, transfer encoding and character set,
// escaped as RFC 6350 does.
func (v rawValue) open(ctx context.Context) (io.ReadCloser, error) {
	r, err := v.src.Open(ctx)
	if err != nil {
		return nil, err
	}
	u := &unfolder{
		src: bufio.NewReaderSize(r, 8<<10), qp: v.qp,
		// 2.1 folds between words and keeps the blank; base64 has no
		// blanks to keep.
		keepBlank: v.version == V21 && !v.base64,
	}
	var text io.Reader = u
	if v.charset != nil && v.charset.CodePage() != 65001 {
		text = v.charset.NewReader(text)
	}
	text = &cleaner{src: bufio.NewReaderSize(text, 4<<10), old: v.version == V21, qp: v.qp, list: v.list}
	return readCloser{text, r}, nil
}

type readCloser struct {
	io.Reader
	io.Closer
}

// skipping opens another blob behind its first n bytes.
func skipping(b mapi.Blob, n int64) mapi.Blob {
	return entity.NewBlob(func(ctx context.Context) (io.ReadCloser, error) {
		r, err := b.Open(ctx)
		if err != nil {
			return nil, err
		}
		if _, err := io.CopyN(io.Discard, r, n); err != nil {
			r.Close()
			return nil, err
		}
		return r, nil
	})
}

// unfolder joins the lines of a value. With qp it undoes quoted-printable,
// whose soft breaks go with it.
type unfolder struct {
	src       *bufio.Reader
	qp        bool
	keepBlank bool
	err       error
}

// Read implements io.Reader.
func (u *unfolder) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) && u.err == nil {
		c, err := u.src.ReadByte()
		if err != nil {
			u.err = err
			break
		}
		switch {
		case c == '\r' || c == '\n':
			u.src.UnreadByte()
			u.fold()
		case c == '=' && u.qp:
			if b, ok := u.quoted(); ok {
				p[n] = b
				n++
			}
		default:
			p[n] = c
			n++
		}
	}
	if n > 0 {
		return n, nil
	}
	return 0, u.err
}

// fold takes a line end and the blank behind it.
func (u *unfolder) fold() {
	b, _ := u.src.Peek(3)
	u.src.Discard(lineEnd(b))
	if u.keepBlank {
		return
	}
	if b, _ := u.src.Peek(1); len(b) == 1 && (b[0] == ' ' || b[0] == '\t') {
		u.src.Discard(1)
	}
}

// quoted reads what follows a "=": two digits, or the end of the line.
func (u *unfolder) quoted() (byte, bool) {
	b, _ := u.src.Peek(3)
	if n := lineEnd(b); n > 0 || len(b) == 0 {
		u.src.Discard(n)
		return 0, false
	}
	if len(b) >= 2 && hex(b[0]) >= 0 && hex(b[1]) >= 0 {
		u.src.Discard(2)
		return byte(hex(b[0])<<4 | hex(b[1])), true
	}
	return '=', true
}

func hex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	}
	return -1
}

// cleaner makes valid UTF-8 of what comes, drops zeros, and brings the escapes
// of 2.1 to those of RFC 6350. Bytes that are no UTF-8 are Windows-1252.
type cleaner struct {
	src  *bufio.Reader
	old  bool // 2.1: few escapes, real line ends (in quoted-printable)
	qp   bool
	list bool
	out  []byte
	mem  [16]byte
	cr   bool
	err  error
}

// Read implements io.Reader.
func (c *cleaner) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if len(c.out) == 0 {
			if n > 0 && c.src.Buffered() == 0 || c.err != nil {
				break
			}
			c.next()
			continue
		}
		k := copy(p[n:], c.out)
		n += k
		c.out = c.out[k:]
	}
	if n > 0 {
		return n, nil
	}
	return 0, c.err
}

func (c *cleaner) next() {
	b, err := c.src.ReadByte()
	if err != nil {
		c.err = err
		return
	}
	cr := c.cr
	c.cr = b == '\r'
	out := c.mem[:0]
	switch {
	case b >= utf8.RuneSelf:
		out = c.wide(out, b)
	case b == 0:
	case b == '\n' && cr:
	case b == '\r', b == '\n':
		out = append(out, '\\', 'n')
	case b == '\\' && c.old:
		// Only what is special is escaped in 2.1; else the backslash is
		// itself, as in a path.
		n, _ := c.src.Peek(1)
		if len(n) == 1 && strings.IndexByte(`\;,:`, n[0]) >= 0 {
			c.src.Discard(1)
			out = append(out, b, n[0])
			break
		}
		// QUIRK: quoted-printable makes line ends sayable, so that \n is
		// two characters there, but plain values of 2.1 have it for a
		// line end (corpus vcf/calcard/056.vcf).
		if !c.qp && len(n) == 1 && (n[0] == 'n' || n[0] == 'N') {
			c.src.Discard(1)
			out = append(out, '\\', 'n')
			break
		}
		out = append(out, '\\', '\\')
	case b == ',' && c.old && !c.list:
		// A comma is a character like any other in 2.1.
		out = append(out, '\\', b)
	default:
		out = append(out, b)
	}
	c.out = out
}

func (c *cleaner) wide(out []byte, b byte) []byte {
	rest, _ := c.src.Peek(utf8.UTFMax - 1)
	var seq [utf8.UTFMax]byte
	seq[0] = b
	n := 1 + copy(seq[1:], rest)
	r, size := utf8.DecodeRune(seq[:n])
	if r != utf8.RuneError || size > 1 {
		c.src.Discard(size - 1)
		return append(out, seq[:size]...)
	}
	cs, ok := codepage.Get(1252)
	if !ok {
		return append(out, "\uFFFD"...)
	}
	s, _ := cs.Decode(seq[:1])
	return append(out, s...)
}
