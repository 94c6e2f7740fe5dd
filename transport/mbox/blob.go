package mbox

import (
	"bytes"
	"context"
	"io"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport/lineend"
)

// inMemory is the size up to which a mail is held.
const inMemory = 64 << 10

// Blob is the mail in its CRLF form, with quotes undone. Its size is counted
// first; small mails are then held in memory. The blob can be opened as long as
// r can be read.
func (e *Entry) Blob(ctx context.Context, r io.ReaderAt) (mapi.Blob, error) {
	b := &blob{e: e, stored: e.stored(r)}
	if b.stored.N <= inMemory {
		data := make([]byte, b.stored.N)
		if n, err := r.ReadAt(data, b.stored.Off); n < len(data) {
			return nil, err
		}
		return mapi.Bytes(e.mail(data)), nil
	}
	in, err := b.Open(ctx)
	if err != nil {
		return nil, err
	}
	b.size, err = io.Copy(io.Discard, in)
	return b, err
}

// mail is [blob.Open] for what is in memory.
func (e *Entry) mail(data []byte) []byte {
	if e.quoted != "" && bytes.Contains(data, []byte(">From ")) {
		var l lineStart
		u := unquoter{one: e.quoted == O}
		data = l.step(make([]byte, 0, len(data)), data, u.less)
		data = l.flush(data, 0)
	}
	if e.asIs {
		return data
	}
	return lineend.CRLF(data)
}

type blob struct {
	e      *Entry
	stored mapi.Section
	size   int64
}

func (b *blob) Size() int64 { return b.size }

func (b *blob) Open(ctx context.Context) (io.ReadCloser, error) {
	in, err := b.stored.Open(ctx)
	if err != nil {
		return nil, err
	}
	var r io.Reader = contextReader{ctx, in}
	if b.e.quoted != "" {
		r = &unquoter{src: r, one: b.e.quoted == O}
	}
	if !b.e.asIs {
		r = lineend.Widen(r)
	}
	return io.NopCloser(r), nil
}

type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// A lineStart follows the beginning of a line: some >, then "From ". It is what
// quoting and its undoing share.
type lineStart struct {
	inLine bool // behind the beginning
	gt     int  // > seen
	match  int  // bytes of "From " seen
}

// step takes bytes of p and appends to out. change says how many > a line
// that is a From line gets more or less, by the number it has.
func (l *lineStart) step(out, p []byte, change func(gt int) int) []byte {
	for len(p) > 0 {
		if l.inLine {
			i := bytes.IndexByte(p, '\n')
			if i < 0 {
				return append(out, p...)
			}
			out = append(out, p[:i+1]...)
			p = p[i+1:]
			l.inLine = false
			continue
		}
		switch c := p[0]; {
		case c == '>' && l.match == 0:
			l.gt++
		case c == fromPrefix[l.match]:
			if l.match++; l.match == len(fromPrefix) {
				out = l.flush(out, change(l.gt))
			}
		default:
			out = l.flush(out, 0)
			continue // the byte belongs to the line
		}
		p = p[1:]
	}
	return out
}

// flush writes what was held back.
func (l *lineStart) flush(out []byte, more int) []byte {
	for range l.gt + more {
		out = append(out, '>')
	}
	out = append(out, fromPrefix[:l.match]...)
	*l = lineStart{inLine: true}
	return out
}

// unquoter takes one > off each quoted From line.
type unquoter struct {
	src  io.Reader
	one  bool // only of lines that have one
	l    lineStart
	buf  []byte
	wide []byte
	out  []byte
	err  error
}

func (u *unquoter) Read(p []byte) (int, error) {
	for len(u.out) == 0 {
		if u.err != nil {
			return 0, u.err
		}
		if u.buf == nil {
			u.buf = make([]byte, 32<<10)
		}
		var n int
		n, u.err = u.src.Read(u.buf)
		u.wide = u.l.step(u.wide[:0], u.buf[:n], u.less)
		if u.err != nil {
			u.wide = u.l.flush(u.wide, 0)
		}
		u.out = u.wide
	}
	n := copy(p, u.out)
	u.out = u.out[n:]
	return n, nil
}

func (u *unquoter) less(gt int) int {
	if gt == 0 || u.one && gt != 1 {
		return 0
	}
	return -1
}

// quoter puts one more > before each From line. Close writes what it held back.
type quoter struct {
	w    io.Writer
	l    lineStart
	buf  []byte
	last byte
	any  bool
}

func (q *quoter) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	q.last, q.any = p[len(p)-1], true
	q.buf = q.l.step(q.buf[:0], p, func(int) int { return 1 })
	if _, err := q.w.Write(q.buf); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (q *quoter) Close() error {
	_, err := q.w.Write(q.l.flush(q.buf[:0], 0))
	return err
}
