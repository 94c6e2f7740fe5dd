package entity

import (
	"bytes"
	"io"
	"sync"
)

// windowSize is how much of a source is looked at at once.
const windowSize = 128 << 10

var windows = sync.Pool{New: func() any { b := make([]byte, windowSize); return &b }}

// A window is a buffer that moves forward over a source.
type window struct {
	r    io.ReaderAt
	size int64
	buf  []byte
	base int64 // position of buf[0]
	n    int   // bytes in buf
	err  error
}

// at is what the window shows from pos on: at least want bytes, fewer only at
// the end of the source. It is valid until the next call.
func (w *window) at(pos int64, want int) []byte {
	if pos >= w.size {
		return nil
	}
	if pos >= w.base && pos < w.base+int64(w.n) {
		b := w.buf[pos-w.base : w.n]
		if len(b) >= want || w.base+int64(w.n) == w.size {
			return b
		}
	}
	if w.err != nil {
		return nil
	}
	from := 0
	if pos >= w.base && pos < w.base+int64(w.n) {
		from = copy(w.buf, w.buf[pos-w.base:w.n])
	}
	w.base = pos
	rest := w.size - pos - int64(from)
	n, err := w.r.ReadAt(w.buf[from:min(int64(len(w.buf)), int64(from)+rest)], pos+int64(from))
	w.n = from + n
	if err != nil && err != io.EOF {
		w.err = err
	}
	if err != nil && w.base+int64(w.n) < w.size {
		// The source is shorter than it was said to be.
		w.size = w.base + int64(w.n)
	}
	return w.buf[:w.n]
}

// maxLine is the longest line that is seen whole; longer ones come in pieces.
const maxLine = 32 << 10

// line is the line at pos with its end.
func (w *window) line(pos int64, eol byte) []byte {
	b := w.at(pos, 1)
	i := bytes.IndexByte(b, eol)
	if i < 0 {
		b = w.at(pos, maxLine)
		if i = bytes.IndexByte(b, eol); i < 0 {
			return b[:min(len(b), maxLine)]
		}
	}
	return b[:min(i+1, maxLine)]
}
