package mapi

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
)

// A Blob is content that can be opened again and again. A retry needs the
// bytes twice and a writer needs their number first, so neither a reader that
// is half read nor an unknown size will do.
//
// Open may be called by several goroutines at once; each reader has its own
// position. Size is exact. A Blob points into its source: it can be opened
// until the source (a msg.File, a mime.Source, a store's Content) is closed.
type Blob interface {
	Open(ctx context.Context) (io.ReadCloser, error)
	Size() int64
}

// Bytes is a Blob over memory. The slice must not be changed afterwards.
type Bytes []byte

// Open implements [Blob].
func (b Bytes) Open(context.Context) (io.ReadCloser, error) {
	return nopSeekCloser{bytes.NewReader(b)}, nil
}

// Size implements [Blob].
func (b Bytes) Size() int64 { return int64(len(b)) }

type nopSeekCloser struct{ *bytes.Reader }

func (nopSeekCloser) Close() error { return nil }

// A Section is a Blob over N bytes at Off of a file or another random-access
// source. The readers that it opens are also io.Seeker and io.ReaderAt.
type Section struct {
	R   io.ReaderAt
	Off int64
	N   int64
}

// Open implements [Blob].
func (s Section) Open(context.Context) (io.ReadCloser, error) {
	return sectionReader{io.NewSectionReader(s.R, s.Off, s.N)}, nil
}

// Size implements [Blob].
func (s Section) Size() int64 { return s.N }

// A RangeWriter is a source of a [Section] that can write a part of itself
// without a buffer in between.
type RangeWriter interface {
	WriteRange(w io.Writer, off, n int64) (int64, error)
}

type sectionReader struct{ *io.SectionReader }

func (sectionReader) Close() error { return nil }

// WriteTo implements io.WriterTo.
func (s sectionReader) WriteTo(w io.Writer) (int64, error) {
	at, err := s.Seek(0, io.SeekCurrent)
	if err != nil || at >= s.Size() {
		return 0, err
	}
	r, off, n := s.Outer()
	f, ok := r.(RangeWriter)
	if !ok {
		return copyBuffered(w, s.SectionReader)
	}
	k, err := f.WriteRange(w, off+at, n-at)
	if _, serr := s.Seek(at+k, io.SeekStart); err == nil {
		err = serr
	}
	return k, err
}

var copyBuffers = sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}

// copyBuffered is io.Copy with a buffer that is used again.
func copyBuffered(w io.Writer, r io.Reader) (int64, error) {
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	return io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{r}, *buf)
}

// CopyBlob writes a blob to w and returns the number of bytes written. It ends
// when ctx does.
func CopyBlob(ctx context.Context, w io.Writer, b Blob) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if m, ok := b.(Bytes); ok {
		n, err := w.Write(m)
		return int64(n), err
	}
	r, err := b.Open(ctx)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	if t, ok := r.(io.WriterTo); ok {
		return t.WriteTo(contextWriter{ctx, w})
	}
	return copyBuffered(contextWriter{ctx, w}, r)
}

type contextWriter struct {
	ctx context.Context
	w   io.Writer
}

func (c contextWriter) Write(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.w.Write(p)
}

// ReadBlob reads a whole blob, or fails with [ErrTooLarge] when it is larger
// than limit bytes. It never allocates more than the blob delivers.
func ReadBlob(ctx context.Context, b Blob, limit int64) ([]byte, error) {
	if m, ok := b.(Bytes); ok && int64(len(m)) <= limit {
		return m, nil
	}
	if b.Size() > limit {
		return nil, fmt.Errorf("%w: %d bytes, the limit here is %d", ErrTooLarge, b.Size(), limit)
	}
	r, err := b.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var buf bytes.Buffer
	n, err := io.Copy(&buf, io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if n > limit {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit)
	}
	return buf.Bytes(), nil
}
