package spool

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/mailconv/mailconv/mapi"
)

// Chunk sizes of buffers in memory: small mails take little, large ones few
// pieces.
const (
	firstChunk = 4 << 10
	largeChunk = 256 << 10
)

// A Spool is one byte budget and one folder. It may be used by several
// goroutines at once.
type Spool struct {
	dir string

	mu     sync.Mutex
	budget int64
	used   int64
	disk   int64
	open   map[*Buffer]struct{}
	closed bool
}

// New makes a spool that holds up to budget bytes in memory, all buffers
// together, and the rest in files in dir; "" is the system's temporary folder.
// A budget of 0 keeps everything in files. One buffer takes at most a quarter
// of the budget, so that one large mail does not push out all small ones.
func New(budget int64, dir string) *Spool {
	return &Spool{dir: dir, budget: max(budget, 0), open: map[*Buffer]struct{}{}}
}

// Used tells how many bytes are held in memory and in files.
func (s *Spool) Used() (memory, disk int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.used, s.disk
}

// Close drops all buffers that are still there and removes their files. Their
// blobs cannot be opened any more. A second Close does nothing.
func (s *Spool) Close() error {
	s.mu.Lock()
	s.closed = true
	list := make([]*Buffer, 0, len(s.open))
	for b := range s.open {
		list = append(list, b)
	}
	s.mu.Unlock()
	var errs []error
	for _, b := range list {
		errs = append(errs, b.Close())
	}
	return errors.Join(errs...)
}

// Create makes an empty buffer.
func (s *Spool) Create() *Buffer {
	b := &Buffer{s: s}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		b.err = os.ErrClosed
		return b
	}
	s.open[b] = struct{}{}
	return b
}

// reserve takes n bytes of the budget for a buffer that has taken held so far.
func (s *Spool) reserve(n, held int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.used+n > s.budget || held+n > max(s.budget/4, firstChunk) {
		return false
	}
	s.used += n
	return true
}

// A Buffer takes bytes and gives them back as a blob. Writing is up to one
// goroutine; the blob may be read by many.
type Buffer struct {
	s    *Spool
	size int64
	done bool
	err  error

	mu     sync.RWMutex // guards what readers see
	chunks [][]byte     // all full but the last
	held   int64        // bytes of the budget
	file   *os.File
	named  bool // the file still has a name to remove
	closed bool
}

// Write appends to the buffer.
func (b *Buffer) Write(p []byte) (int, error) {
	if b.err == nil && b.done {
		b.err = errors.New("spool: write after Blob")
	}
	if b.err != nil {
		return 0, b.err
	}
	total := 0
	for len(p) > 0 {
		b.mu.Lock()
		n, err := b.write(p)
		b.mu.Unlock()
		total += n
		b.size += int64(n)
		p = p[n:]
		if err != nil {
			b.err = err
			return total, err
		}
	}
	return total, nil
}

func (b *Buffer) write(p []byte) (int, error) {
	if b.closed {
		return 0, os.ErrClosed
	}
	if b.file != nil {
		n, err := b.file.Write(p)
		b.s.mu.Lock()
		b.s.disk += int64(n)
		b.s.mu.Unlock()
		return n, err
	}
	if k := len(b.chunks) - 1; k >= 0 && len(b.chunks[k]) < cap(b.chunks[k]) {
		last := b.chunks[k]
		n := min(cap(last)-len(last), len(p))
		b.chunks[k] = append(last, p[:n]...)
		return n, nil
	}
	size := int64(firstChunk)
	if b.held > 0 {
		size = min(b.held, largeChunk)
	}
	if b.s.reserve(size, b.held) {
		b.held += size
		b.chunks = append(b.chunks, make([]byte, 0, size))
		return 0, nil
	}
	return 0, b.spill()
}

// spill moves what is in memory to a file.
func (b *Buffer) spill() error {
	// CreateTemp makes files of mode 0600.
	f, err := os.CreateTemp(b.s.dir, ".mailconv-spool-*")
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	b.file, b.named = f, os.Remove(f.Name()) != nil
	for _, c := range b.chunks {
		if _, err := f.Write(c); err != nil {
			return fmt.Errorf("spool: %w", err)
		}
	}
	b.s.mu.Lock()
	b.s.used -= b.held
	b.s.disk += b.size
	b.s.mu.Unlock()
	b.chunks, b.held = nil, 0
	return nil
}

// Size is the number of bytes written so far.
func (b *Buffer) Size() int64 { return b.size }

// Blob ends the writing and gives the content, which can be opened until the
// buffer is closed. The readers are also io.Seeker and io.ReaderAt.
func (b *Buffer) Blob() (mapi.Blob, error) {
	if b.err != nil {
		return nil, b.err
	}
	b.done = true
	return mapi.Section{R: (*bufferAt)(b), N: b.size}, nil
}

// Close gives memory back and removes the file. A second Close does nothing.
func (b *Buffer) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	b.closed = true
	b.s.mu.Lock()
	delete(b.s.open, b)
	b.s.used -= b.held
	if b.file != nil {
		b.s.disk -= b.size
	}
	b.s.mu.Unlock()
	b.chunks, b.held = nil, 0
	if b.file == nil {
		return nil
	}
	err := b.file.Close()
	if b.named {
		err = errors.Join(err, os.Remove(b.file.Name()))
	}
	return err
}

// bufferAt is what readers see of a buffer.
type bufferAt Buffer

// ReadAt implements io.ReaderAt.
func (b *bufferAt) ReadAt(p []byte, off int64) (int, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.closed {
		return 0, os.ErrClosed
	}
	if b.file != nil {
		return b.file.ReadAt(p, off)
	}
	n := 0
	// Chunks double until they are large; their number is the logarithm of
	// the size, then one for each 256 KiB.
	for _, c := range b.chunks {
		if off >= int64(len(c)) {
			off -= int64(len(c))
			continue
		}
		k := copy(p[n:], c[off:])
		n, off = n+k, 0
		if n == len(p) {
			return n, nil
		}
	}
	return n, io.EOF
}
