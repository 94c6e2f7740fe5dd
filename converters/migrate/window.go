package migrate

import (
	"context"
	"sync"

	"github.com/mailconv/mailconv/transport"
)

// A window bounds the bytes of one folder that are fetched and not yet put, so
// that bodies on their way stay in memory: what the spool has to move to a file
// costs more than all the rest.
type window struct {
	limit func() int64

	mu   sync.Mutex
	used int64
	free chan struct{} // closed, and made anew, when bytes are given back
}

// share is the part of the spool that a batch of one folder may take. Each
// folder has a batch that is being put and one that is being fetched.
func (r *run) share() int64 {
	n := r.o.Spool.Budget() / int64(2*max(int(r.active.Load()), 1)*max(r.o.Share, 1))
	return max(n, leastShare)
}

const leastShare = 256 << 10

func (r *run) window() *window {
	return &window{limit: func() int64 { return 2 * r.share() }, free: make(chan struct{})}
}

// room waits until n more bytes are within the limit, or nothing is taken. What
// is taken may be waiting for more of its batch; full is called then, once, to
// have it put. A nil window has no limit.
func (w *window) room(ctx context.Context, n int64, full func() error) error {
	if w == nil {
		return nil
	}
	for told := false; ; {
		w.mu.Lock()
		ok, free := w.used == 0 || w.used+n < w.limit(), w.free
		w.mu.Unlock()
		if ok {
			return nil
		}
		if !told {
			told = true
			if err := full(); err != nil {
				return err
			}
			continue
		}
		select {
		case <-free:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// take counts an item until it is closed.
func (w *window) take(s *staged) {
	if w == nil {
		return
	}
	s.window, s.taken = w, s.size()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.used += s.taken
}

func (w *window) give(n int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.used -= n
	close(w.free)
	w.free = make(chan struct{})
}

// bodySize is what a body takes of the spool, as far as it is known before it
// is read.
func bodySize(c *transport.Content) int64 {
	if c == nil || !c.OneShot || c.MIME == nil {
		return 0
	}
	return max(c.MIME.Size(), 0)
}
