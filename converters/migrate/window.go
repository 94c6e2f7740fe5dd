package migrate

import (
	"context"
	"sync"
)

// A window bounds the bytes of one folder that are fetched and not yet put, so
// that bodies on their way stay in memory: what the spool has to move to a file
// costs more than all the rest.
type window struct {
	limit int64

	mu   sync.Mutex
	used int64
	free chan struct{} // closed, and made anew, when bytes are given back
}

// share is the part of the spool that a batch of one folder may take. Each
// folder has a batch that is being put and one that is being fetched.
func (r *run) share() int64 {
	n := r.o.Spool.Budget() / int64(2*r.o.Workers*max(r.o.Share, 1))
	return max(n, leastShare)
}

const leastShare = 256 << 10

func (r *run) window() *window {
	return &window{limit: 2 * r.share(), free: make(chan struct{})}
}

// wait waits until less than the limit is taken. A batch is put before it is
// that large, so that it always ends.
func (w *window) wait(ctx context.Context) error {
	for {
		w.mu.Lock()
		full, free := w.used >= w.limit, w.free
		w.mu.Unlock()
		if !full {
			return nil
		}
		select {
		case <-free:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (w *window) take(n int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.used += n
}

func (w *window) give(n int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.used -= n
	close(w.free)
	w.free = make(chan struct{})
}
