package spool

import (
	"errors"
	"os"
	"sync"
)

// maxFree is how many files wait to be used again, each of up to freeSize
// bytes: to make a file costs more than to fill it.
const (
	maxFree  = 8
	freeSize = 16 << 20
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
	free   []*os.File // without a name
	closed bool

	idle      [len(chunkSizes)][]*chunk
	idleBytes int64
}

// New makes a spool that holds up to budget bytes in memory, all buffers
// together, and the rest in files in dir; "" is the system's temporary folder.
// A budget of 0 keeps everything in files. One buffer takes at most half of the
// budget, so that one large mail does not push out all small ones.
func New(budget int64, dir string) *Spool {
	return &Spool{dir: dir, budget: max(budget, 0), open: map[*Buffer]struct{}{}}
}

// Budget is how many bytes are held in memory at most.
func (s *Spool) Budget() int64 { return s.budget }

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
	free := s.free
	s.free, s.idle, s.idleBytes = nil, [len(chunkSizes)][]*chunk{}, 0
	s.mu.Unlock()
	var errs []error
	for _, b := range list {
		errs = append(errs, b.Close())
	}
	for _, f := range free {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// Create makes an empty buffer.
func (s *Spool) Create() *Buffer { return s.CreateFor(0) }

// CreateFor makes an empty buffer for about size bytes, which saves memory and
// time where the size is right, and no more.
func (s *Spool) CreateFor(size int64) *Buffer {
	b := &Buffer{s: s, hint: size}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		b.err = os.ErrClosed
		return b
	}
	s.open[b] = struct{}{}
	return b
}

// takeFile gives a file without a name that was used before, nil when there is
// none.
func (s *Spool) takeFile() *os.File {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.free)
	if n == 0 {
		return nil
	}
	f := s.free[n-1]
	s.free = s.free[:n-1]
	return f
}

// giveFile keeps a file for later, and says whether it did.
func (s *Spool) giveFile(f *os.File, size int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.free) >= maxFree || size > freeSize {
		return false
	}
	s.free = append(s.free, f)
	return true
}
