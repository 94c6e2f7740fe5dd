package mime

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"sync"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime/header"
)

// Base64 lines hold 57 bytes as 76 characters. RFC 2045 6.8
const (
	lineIn  = 57
	lineOut = 78 // with CRLF
	// lines that are encoded at a time. The input stays below 64 KiB: some
	// readers of compound files become slow when one Read asks for more.
	linesOnce = 1024
)

// scratch is the memory that one export works in.
type scratch struct {
	in  [lineIn * linesOnce]byte
	out [lineOut * linesOnce]byte
	hdr header.Writer
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// An output is a buffered writer that remembers the first error.
type output struct {
	w    io.Writer
	s    *scratch
	n    int // bytes in s.out
	err  error
	last [2]byte // the last two bytes written
}

func (o *output) flush() error {
	if o.n > 0 && o.err == nil {
		_, o.err = o.w.Write(o.s.out[:o.n])
	}
	o.n = 0
	return o.err
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	put(o, p)
	return len(p), o.err
}

func put[T string | []byte](o *output, p T) {
	switch {
	case len(p) >= 2:
		o.last = [2]byte{p[len(p)-2], p[len(p)-1]}
	case len(p) == 1:
		o.last = [2]byte{o.last[1], p[0]}
	}
	for len(p) > 0 && o.err == nil {
		n := copy(o.s.out[o.n:], p)
		o.n += n
		p = p[n:]
		if o.n == len(o.s.out) {
			o.flush()
		}
	}
}

// crlf ends the line, if it is not ended yet.
func (o *output) crlf() {
	if o.last != [2]byte{'\r', '\n'} {
		put(o, "\r\n")
	}
}

// errShort is given when content ends before its size.
var errShort = errors.New("content ends before its declared size")

// base64Blob writes a blob as base64 lines without CRLF after the last. What
// the blob cannot deliver is returned as readErr, the rest is written; err is
// that of the writer or of the context.
func (o *output) base64Blob(ctx context.Context, b mapi.Blob) (readErr, err error) {
	if m, ok := b.(mapi.Bytes); ok {
		o.base64Bytes(m)
		return nil, o.err
	}
	r, readErr := b.Open(ctx)
	if readErr != nil {
		return readErr, ctx.Err()
	}
	defer r.Close()
	size := b.Size()
	readErr, err = o.base64(ctx, r, &size)
	if readErr == nil && size > 0 {
		readErr = errShort
	}
	return readErr, err
}

// base64 encodes all of r; what was read is taken off left.
func (o *output) base64(ctx context.Context, r io.Reader, left *int64) (readErr, err error) {
	o.flush()
	in := o.s.in[:]
	for first := true; ; first = false {
		n, e := io.ReadFull(r, in)
		*left -= int64(n)
		if n > 0 {
			if !first {
				put(o, "\r\n")
			}
			o.base64Bytes(in[:n])
		}
		if e != nil {
			if e == io.EOF || e == io.ErrUnexpectedEOF {
				e = nil
			}
			return e, o.err
		}
		if o.err != nil {
			return nil, o.err
		}
		if e := ctx.Err(); e != nil {
			return nil, e
		}
	}
}

// base64Bytes encodes p, which begins at the start of a line.
func (o *output) base64Bytes(p []byte) {
	for len(p) > 0 && o.err == nil {
		if len(o.s.out)-o.n < lineOut {
			o.flush()
		}
		n := min((len(o.s.out)-o.n)/lineOut*lineIn, len(p))
		o.n += appendBase64(o.s.out[o.n:], p[:n])
		p = p[n:]
		if len(p) > 0 {
			o.s.out[o.n], o.s.out[o.n+1] = '\r', '\n'
			o.n += 2
		}
		o.last = [2]byte{'=', '='}
	}
}

// base64Pairs holds the two characters of each 12 bits, the first one low.
var base64Pairs = func() (t [4096]uint16) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for i := range t {
		t[i] = uint16(alphabet[i>>6]) | uint16(alphabet[i&63])<<8
	}
	return
}()

// appendBase64 encodes src in lines into dst, without CRLF after the last, and
// returns the number of bytes. Whole lines go through a table of pairs, six
// bytes at a time: half the look-ups of encoding/base64, which is most of the
// time that a large attachment takes.
func appendBase64(dst, src []byte) int {
	n := 0
	for len(src) > lineIn {
		encodeLine((*[lineOut]byte)(dst[n:]), (*[lineIn]byte)(src))
		n += lineOut
		src = src[lineIn:]
	}
	base64.StdEncoding.Encode(dst[n:], src)
	return n + base64.StdEncoding.EncodedLen(len(src))
}

func encodeLine(dst *[lineOut]byte, src *[lineIn]byte) {
	for i := range 9 {
		// The load takes two bytes more than are used; the last group of the
		// line lies apart, so that none goes beyond it.
		v := binary.BigEndian.Uint64(src[i*6 : i*6+8 : lineIn])
		binary.LittleEndian.PutUint64(dst[i*8:i*8+8:lineOut],
			uint64(base64Pairs[v>>52])|uint64(base64Pairs[v>>40&0xFFF])<<16|
				uint64(base64Pairs[v>>28&0xFFF])<<32|uint64(base64Pairs[v>>16&0xFFF])<<48)
	}
	v := uint32(src[54])<<16 | uint32(src[55])<<8 | uint32(src[56])
	binary.LittleEndian.PutUint32(dst[72:76], uint32(base64Pairs[v>>12])|uint32(base64Pairs[v&0xFFF])<<16)
	dst[76], dst[77] = '\r', '\n'
}

// A base64Writer encodes what is written to it. close writes the rest.
type base64Writer struct {
	o    *output
	rest [lineIn]byte
	n    int
	any  bool
}

func (b *base64Writer) line(p []byte) {
	if b.any {
		put(b.o, "\r\n")
	}
	b.any = true
	b.o.base64Bytes(p)
}

// Write implements io.Writer.
func (b *base64Writer) Write(p []byte) (int, error) {
	total := len(p)
	if b.n > 0 {
		k := copy(b.rest[b.n:], p)
		b.n += k
		p = p[k:]
		if b.n < lineIn {
			return total, b.o.err
		}
		b.line(b.rest[:])
		b.n = 0
	}
	if whole := len(p) / lineIn * lineIn; whole > 0 {
		b.line(p[:whole])
		p = p[whole:]
	}
	b.n = copy(b.rest[:], p)
	return total, b.o.err
}

func (b *base64Writer) close() {
	if b.n > 0 {
		b.line(b.rest[:b.n])
		b.n = 0
	}
}
