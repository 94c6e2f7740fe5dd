// Package lineend turns the CRLF form of a mail into the LF form that file
// stores keep, and back, so that every byte comes back where that is possible.
//
// Start from [Load] and [NewReader], which read, and from [Storer], which
// writes. The rule is one: a file whose first line ends in CRLF is taken byte
// for byte; in any other, an LF without a CR before it becomes CRLF. So a mail
// of clean CRLF lines is stored with LF, and one with bare LF or CR CR LF among
// its lines is stored as it is. Only a mail whose very first line ends in a
// bare LF cannot be told from a stored one; [Storer.Changed] says so.
//
// Not supported: lines that end in CR alone; a CR without LF is a byte like any
// other.
package lineend

import (
	"bytes"
	"context"
	"io"

	"github.com/mailconv/mailconv/mapi"
)

// inMemory is the size up to which Load holds a mail.
const inMemory = 64 << 10

// Load gives the CRLF form of a stored mail, with its exact size: small mails
// are held in memory, larger ones are read once to be counted.
func Load(ctx context.Context, b mapi.Blob) (mapi.Blob, error) {
	r, err := b.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if b.Size() <= inMemory {
		data := make([]byte, b.Size())
		if _, err := io.ReadFull(r, data); err != nil {
			return nil, err
		}
		if i := bytes.IndexByte(data, '\n'); i < 0 || i > 0 && data[i-1] == '\r' {
			return mapi.Bytes(data), nil
		}
		return mapi.Bytes(CRLF(data)), nil
	}
	n, err := io.Copy(io.Discard, &contextReader{ctx, NewReader(r)})
	if err != nil {
		return nil, err
	}
	return &blob{b, n}, nil
}

type blob struct {
	stored mapi.Blob
	size   int64
}

func (b *blob) Size() int64 { return b.size }

func (b *blob) Open(ctx context.Context) (io.ReadCloser, error) {
	r, err := b.stored.Open(ctx)
	if err != nil {
		return nil, err
	}
	return &readCloser{NewReader(r), r}, nil
}

type readCloser struct {
	io.Reader
	io.Closer
}

type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// NewReader gives the CRLF form of what is stored.
func NewReader(r io.Reader) io.Reader { return &reader{src: r, mode: undecided} }

// Widen adds a CR before each LF that has none, whatever the first line is.
func Widen(r io.Reader) io.Reader { return &reader{src: r, mode: adding} }

const (
	undecided = iota
	asIs
	adding
)

type reader struct {
	src  io.Reader
	mode int
	last byte
	in   []byte // read, not yet looked at
	out  []byte // ready to hand out
	buf  []byte
	wide []byte
	err  error
}

func (r *reader) Read(p []byte) (int, error) {
	for len(r.out) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		if r.buf == nil {
			r.buf = make([]byte, 32<<10)
		}
		n, err := r.src.Read(r.buf)
		r.in, r.err = r.buf[:n], err
		r.convert()
	}
	n := copy(p, r.out)
	r.out = r.out[n:]
	return n, nil
}

func (r *reader) convert() {
	if r.mode == undecided {
		i := bytes.IndexByte(r.in, '\n')
		switch {
		case i < 0:
			// No line has ended: the bytes are the same either way.
			if len(r.in) > 0 {
				r.last = r.in[len(r.in)-1]
			}
			r.out = r.in
			return
		case i > 0 && r.in[i-1] == '\r', i == 0 && r.last == '\r':
			r.mode = asIs
		default:
			r.mode = adding
		}
	}
	if r.mode == asIs {
		r.out = r.in
		return
	}
	r.wide, r.last = AppendCRLF(r.wide[:0], r.in, r.last)
	r.out = r.wide
}

// CRLF gives text with a CR before each LF that has none.
func CRLF(text []byte) []byte {
	out, _ := AppendCRLF(make([]byte, 0, len(text)+bytes.Count(text, []byte("\n"))), text, 0)
	return out
}

// AppendCRLF appends src to dst with a CR before each LF that has none. last is
// the byte before src, and the byte before what comes next is returned.
func AppendCRLF(dst, src []byte, last byte) ([]byte, byte) {
	for len(src) > 0 {
		i := bytes.IndexByte(src, '\n')
		if i < 0 {
			return append(dst, src...), src[len(src)-1]
		}
		if i > 0 {
			last = src[i-1]
		}
		dst = append(dst, src[:i]...)
		if last != '\r' {
			dst = append(dst, '\r')
		}
		dst = append(dst, '\n')
		last = '\n'
		src = src[i+1:]
	}
	return dst, last
}
