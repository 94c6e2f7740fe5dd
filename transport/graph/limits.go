package graph

import (
	"context"
	"sync"
	"time"

	"github.com/mailconv/mailconv/transport/clock"
)

// The limits of Outlook's part of the service, for each application and
// mailbox.
const (
	MaxInFlight   = 4
	MaxRequests   = 10000
	RequestWindow = 10 * time.Minute
	MaxUpload     = 150 << 20
	UploadWindow  = 5 * time.Minute
)

// Limits keeps the requests to one mailbox within what the service allows, so
// that it has no cause to refuse any: at most four at a time, 10,000 in any ten
// minutes, 150 MB of uploads in any five. Where the service asks all the same
// to wait, no request goes out before. It may be used by several goroutines at
// once.
type Limits struct {
	clock clock.Clock
	slots chan struct{}

	mu       sync.Mutex
	requests window
	uploads  window
	pause    time.Time
}

// NewLimits makes a fresh budget. A nil clock is the system's.
func NewLimits(c clock.Clock) *Limits {
	if c == nil {
		c = clock.System{}
	}
	return &Limits{
		clock: c, slots: make(chan struct{}, MaxInFlight),
		requests: window{span: RequestWindow, most: MaxRequests},
		uploads:  window{span: UploadWindow, most: MaxUpload},
	}
}

// all has the budgets of the mailboxes that this process has to do with: the
// service counts the application, not our stores.
var all sync.Map

func shared(name string, c clock.Clock) *Limits {
	l, _ := all.LoadOrStore(name, NewLimits(c))
	return l.(*Limits)
}

// Acquire waits until a request with so many bytes of body may be sent. release
// is called when its reply has been read.
func (l *Limits) Acquire(ctx context.Context, upload int64) (release func(), err error) {
	select {
	case l.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	free := func() { <-l.slots }
	for {
		l.mu.Lock()
		now := l.clock.Now()
		wait := max(l.pause.Sub(now), l.requests.wait(now, 1))
		if upload > 0 {
			wait = max(wait, l.uploads.wait(now, upload))
		}
		if wait <= 0 {
			l.requests.add(now, 1)
			if upload > 0 {
				l.uploads.add(now, upload)
			}
			l.mu.Unlock()
			return sync.OnceFunc(free), nil
		}
		l.mu.Unlock()
		if err := l.clock.Sleep(ctx, wait); err != nil {
			free()
			return nil, err
		}
	}
}

// Pause holds all requests back for d from now on.
func (l *Limits) Pause(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if until := l.clock.Now().Add(d); until.After(l.pause) {
		l.pause = until
	}
}

// A window counts what happened within the last span.
type window struct {
	span time.Duration
	most int64
	sum  int64
	list []event // in the order of time, from head on
	head int
}

type event struct {
	at time.Time
	n  int64
}

// forget drops what is older than the span.
func (w *window) forget(now time.Time) {
	for w.head < len(w.list) && now.Sub(w.list[w.head].at) > w.span {
		w.sum -= w.list[w.head].n
		w.head++
	}
	if w.head > 1024 && w.head*2 > len(w.list) {
		w.list = append(w.list[:0], w.list[w.head:]...)
		w.head = 0
	}
}

// wait is how long it takes until n more have room. More than the window holds
// goes when the window is empty.
func (w *window) wait(now time.Time, n int64) time.Duration {
	w.forget(now)
	over := w.sum + min(n, w.most) - w.most
	for i := w.head; over > 0 && i < len(w.list); i++ {
		if over -= w.list[i].n; over <= 0 {
			return w.list[i].at.Add(w.span).Sub(now) + time.Millisecond
		}
	}
	return 0
}

func (w *window) add(now time.Time, n int64) {
	// What comes at the same time is one entry.
	if k := len(w.list); k > w.head && w.list[k-1].at.Equal(now) {
		w.list[k-1].n += n
	} else {
		w.list = append(w.list, event{now, n})
	}
	w.sum += n
}
