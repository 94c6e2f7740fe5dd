package spool

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/mailconv/mailconv/mapi"
)

// A Buffer takes bytes and gives them back as a blob. Writing is up to one
// goroutine; the blob may be read by many.
type Buffer struct {
	s      *Spool
	size   int64
	hint   int64 // the size that is expected; 0 is not known
	digest io.Writer
	done   bool
	err    error

	mu     sync.RWMutex // guards what readers see
	chunks []*chunk     // all full but the last
	held   int64        // bytes of the budget
	file   *os.File
	named  bool // the file still has a name to remove
	closed bool
}

// Digest has w, which does not fail, told of all that is written from now on.
func (b *Buffer) Digest(w io.Writer) { b.digest = w }

// begin says whether the buffer can be written to.
func (b *Buffer) begin() error {
	if b.err == nil && b.done {
		b.err = errors.New("spool: write after Blob")
	}
	return b.err
}

// wrote counts p, which is in the buffer now.
func (b *Buffer) wrote(p []byte) {
	b.size += int64(len(p))
	if b.digest != nil {
		b.digest.Write(p)
	}
}

// Write appends to the buffer.
func (b *Buffer) Write(p []byte) (int, error) {
	if err := b.begin(); err != nil {
		return 0, err
	}
	total := 0
	for len(p) > 0 {
		b.mu.Lock()
		n, err := b.write(p)
		b.mu.Unlock()
		b.wrote(p[:n])
		total += n
		p = p[n:]
		if err != nil {
			b.err = err
			return total, err
		}
	}
	return total, nil
}

// write appends some of p.
func (b *Buffer) write(p []byte) (int, error) {
	if b.closed {
		return 0, os.ErrClosed
	}
	last, err := b.room(len(p))
	if err != nil {
		return 0, err
	}
	if last == nil {
		return b.writeFile(p)
	}
	n := min(cap(last.b)-len(last.b), len(p))
	last.b = append(last.b, p[:n]...)
	return n, nil
}

// room is the last chunk, with room in it, or a new one for about n bytes; nil
// when the buffer is a file.
func (b *Buffer) room(n int) (*chunk, error) {
	if b.file != nil {
		return nil, nil
	}
	if k := len(b.chunks) - 1; k >= 0 && len(b.chunks[k].b) < cap(b.chunks[k].b) {
		return b.chunks[k], nil
	}
	want := max(b.held, int64(n), firstChunk)
	if b.hint > b.size {
		want = b.hint - b.size
	}
	if c := b.s.chunk(classOf(want), b.held); c != nil {
		b.held += c.size()
		b.chunks = append(b.chunks, c)
		return c, nil
	}
	return nil, b.spill()
}

// capacity is the room of all chunks; all but the last are full.
func (b *Buffer) capacity() (n int64) {
	for _, c := range b.chunks {
		n += int64(cap(c.b))
	}
	return n
}

func (b *Buffer) writeFile(p []byte) (int, error) {
	n, err := b.file.WriteAt(p, b.size)
	b.s.mu.Lock()
	b.s.disk += int64(n)
	b.s.mu.Unlock()
	return n, err
}

// spill moves the buffer to a file.
func (b *Buffer) spill() error {
	f := b.s.takeFile()
	if f == nil {
		// CreateTemp makes files of mode 0600.
		var err error
		if f, err = os.CreateTemp(b.s.dir, ".mailconv-spool-*"); err != nil {
			return fmt.Errorf("spool: %w", err)
		}
		b.named = os.Remove(f.Name()) != nil
	}
	b.file = f
	off := int64(0)
	for _, c := range b.chunks {
		if _, err := f.WriteAt(c.b, off); err != nil {
			return fmt.Errorf("spool: %w", err)
		}
		off += int64(len(c.b))
	}
	b.s.mu.Lock()
	b.s.giveBack(b.chunks)
	b.s.disk += b.size
	b.s.mu.Unlock()
	b.chunks, b.held = nil, 0
	return nil
}

var copyBuffers = sync.Pool{New: func() any { b := make([]byte, 64<<10); return &b }}

// ReadFrom implements io.ReaderFrom: what r gives goes right to its place.
func (b *Buffer) ReadFrom(r io.Reader) (int64, error) {
	if err := b.begin(); err != nil {
		return 0, err
	}
	start := b.size
	for range emptyReads {
		n, err := b.readSome(r)
		for n > 0 && err == nil {
			n, err = b.readSome(r)
		}
		switch {
		case err == io.EOF:
			return b.size - start, nil
		case err != nil:
			return b.size - start, err
		}
	}
	return b.size - start, io.ErrNoProgress
}

// emptyReads is how many reads in a row may give nothing.
const emptyReads = 100

// readSome takes what one Read gives. Errors of the buffer stay in it.
func (b *Buffer) readSome(r io.Reader) (int, error) {
	b.mu.Lock()
	full := b.file == nil && b.size > 0 && b.size == b.capacity()
	var last *chunk
	err := os.ErrClosed
	switch {
	case b.closed:
	case full || b.hint > 0 && b.size == b.hint:
		// It may be all: no chunk for nothing.
		err = nil
	default:
		last, err = b.room(0)
	}
	b.mu.Unlock()
	if err != nil {
		b.err = err
		return 0, err
	}
	if last == nil && b.file == nil {
		var few [512]byte
		n, err := r.Read(few[:])
		if _, werr := b.Write(few[:n]); werr != nil {
			return n, werr
		}
		return n, err
	}
	if last == nil {
		buf := copyBuffers.Get().(*[]byte)
		defer copyBuffers.Put(buf)
		n, err := r.Read(*buf)
		if _, werr := b.Write((*buf)[:n]); werr != nil {
			return n, werr
		}
		return n, err
	}
	// Nobody reads the chunk beyond its length, and only this goroutine
	// writes to it.
	tail := last.b[len(last.b):cap(last.b)]
	n, err := r.Read(tail)
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		b.err = os.ErrClosed
		return 0, b.err
	}
	last.b = last.b[:len(last.b)+n]
	b.mu.Unlock()
	b.wrote(tail[:n])
	return n, err
}

// Size is the number of bytes written.
func (b *Buffer) Size() int64 { return b.size }

// Blob ends the writing. The blob can be opened until the buffer is closed, and
// its readers are also io.Seeker and io.ReaderAt.
func (b *Buffer) Blob() (mapi.Blob, error) {
	if b.err != nil {
		return nil, b.err
	}
	b.done = true
	return mapi.Section{R: (*bufferAt)(b), N: b.size}, nil
}

// Close drops the bytes. A second Close does nothing.
func (b *Buffer) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	b.closed = true
	b.s.mu.Lock()
	delete(b.s.open, b)
	b.s.giveBack(b.chunks)
	if b.file != nil {
		b.s.disk -= b.size
	}
	b.s.mu.Unlock()
	b.chunks, b.held = nil, 0
	if b.file == nil || !b.named && b.s.giveFile(b.file, b.size) {
		return nil
	}
	err := b.file.Close()
	if b.named {
		err = errors.Join(err, os.Remove(b.file.Name()))
	}
	return err
}

// bufferAt is a buffer as it is read.
type bufferAt Buffer

// ReadAt implements io.ReaderAt.
func (b *bufferAt) ReadAt(p []byte, off int64) (int, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	switch {
	case b.closed:
		return 0, os.ErrClosed
	case off >= b.size:
		return 0, io.EOF
	case b.file != nil:
		// A file that was used before may be longer.
		n, err := b.file.ReadAt(p[:min(int64(len(p)), b.size-off)], off)
		if err == nil && n < len(p) {
			err = io.EOF
		}
		return n, err
	}
	n := 0
	// Chunks double until they are large; their number is the logarithm of
	// the size, then one for each 256 KiB.
	for _, c := range b.chunks {
		if off >= int64(len(c.b)) {
			off -= int64(len(c.b))
			continue
		}
		k := copy(p[n:], c.b[off:])
		n, off = n+k, 0
		if n == len(p) {
			return n, nil
		}
	}
	return n, io.EOF
}

// WriteRange implements [mapi.RangeWriter]: without a copy in between. A Close
// waits for its end.
func (b *bufferAt) WriteRange(w io.Writer, off, n int64) (int64, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.closed {
		return 0, os.ErrClosed
	}
	n = min(n, b.size-off)
	done := int64(0)
	if b.file != nil {
		buf := copyBuffers.Get().(*[]byte)
		defer copyBuffers.Put(buf)
		for done < n {
			p := (*buf)[:min(int64(len(*buf)), n-done)]
			k, err := b.file.ReadAt(p, off+done)
			if k < len(p) {
				return done, err
			}
			k, err = w.Write(p)
			if done += int64(k); err != nil {
				return done, err
			}
		}
		return done, nil
	}
	for _, c := range b.chunks {
		if off >= int64(len(c.b)) {
			off -= int64(len(c.b))
			continue
		}
		if done >= n {
			break
		}
		p := c.b[off:min(int64(len(c.b)), off+n-done)]
		off = 0
		k, err := w.Write(p)
		if done += int64(k); err != nil {
			return done, err
		}
	}
	return done, nil
}
