package ndb

import (
	"context"
	"errors"
	"io"

	"github.com/mailconv/mailconv/mapi"
)

// A Reader reads the data of a node from front to back, in large pieces. It is
// also an io.Seeker, an io.ReaderAt and an io.WriterTo. It is used by one
// goroutine at a time.
type Reader struct {
	d   *Data
	off int64
	buf *[]byte // pooled
	cur []byte  // what is left of buf
}

// NewReader reads d from its start. Close gives its buffer back.
func (d *Data) NewReader() *Reader { return &Reader{d: d} }

// fill reads the next run of blocks.
func (r *Reader) fill() error {
	if r.off >= r.d.size {
		return io.EOF
	}
	list, err := r.d.from(r.off)
	if err != nil {
		return err
	}
	if r.buf == nil {
		r.buf = runs.Get().(*[]byte)
	}
	n, err := r.d.read(list, *r.buf)
	if err == nil && n == 0 {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return err
	}
	r.cur = (*r.buf)[:n]
	if skip := r.off - list[0].off; skip > 0 {
		r.cur = r.cur[min(skip, int64(n)):]
	}
	return nil
}

// Read implements io.Reader.
func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(r.cur) == 0 {
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.cur)
	r.cur = r.cur[n:]
	r.off += int64(n)
	return n, nil
}

// WriteTo implements io.WriterTo.
func (r *Reader) WriteTo(w io.Writer) (int64, error) {
	var sum int64
	for {
		if len(r.cur) == 0 {
			if err := r.fill(); err == io.EOF {
				return sum, nil
			} else if err != nil {
				return sum, err
			}
		}
		n, err := w.Write(r.cur)
		sum += int64(n)
		r.off += int64(n)
		r.cur = r.cur[n:]
		if err != nil {
			return sum, err
		}
	}
}

// ReadAt implements io.ReaderAt.
func (r *Reader) ReadAt(p []byte, off int64) (int, error) { return r.d.ReadAt(p, off) }

// Seek implements io.Seeker.
func (r *Reader) Seek(off int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		off += r.off
	case io.SeekEnd:
		off += r.d.size
	}
	if off < 0 {
		return 0, errors.New("pst: seek before the start")
	}
	r.off, r.cur = off, nil
	return off, nil
}

// Close gives the buffer back.
func (r *Reader) Close() error {
	if r.buf != nil {
		runs.Put(r.buf)
	}
	r.buf, r.cur = nil, nil
	r.off = r.d.size
	return nil
}

// A Blob is the data of a node as a [mapi.Blob]. It holds only which node it
// is; where the blocks lie is found anew each time it is opened.
type Blob struct {
	f    *File
	node Node
	size int64
}

// Blob is d as a blob.
func (d *Data) Blob() Blob { return Blob{&File{core: d.f.core}, d.node, d.size} }

// Size implements [mapi.Blob].
func (b Blob) Size() int64 { return b.size }

// Open implements [mapi.Blob]. What it gives is a [*Reader].
func (b Blob) Open(ctx context.Context) (io.ReadCloser, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	d, err := b.f.Data(b.node)
	if err != nil {
		return nil, err
	}
	return d.NewReader(), nil
}

var _ mapi.Blob = Blob{}
