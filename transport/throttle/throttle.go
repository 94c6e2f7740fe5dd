// Package throttle keeps a store within rates that its operator asked for:
// operations and bytes per second, and bytes per day, as mail hosters cap them.
//
// Start from [New]; one [Throttle] may stand before a source and a sink, and
// counts both. A wait ends early when its context does. When the budget of a
// day is spent, work goes on by itself when the day is over.
//
// Not supported: rates that adapt to a server; that is what errors of kind
// [transport.Throttled] and package retry do.
package throttle

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/clock"
)

// Limits are the rates; 0 is no limit.
type Limits struct {
	// Operations per second: listings, fetches of one item, puts of one item.
	Operations float64
	// Bytes of bodies per second.
	Bytes int64
	// PerDay is the number of bytes of bodies within 24 hours.
	PerDay int64
	// Day is where the present budget stands, from a run before.
	Day Day
	// Clock is nil for the system's.
	Clock clock.Clock
	// Notify is told of waits of a second and more before they begin; it may
	// be nil.
	Notify func(why string, wait time.Duration)
}

// A Day is a stretch of 24 hours and what was spent of its budget.
type Day struct {
	Start time.Time
	Spent int64
}

// burst is how much of a rate may be used at once, in seconds of it.
const burst = 1

// A Throttle counts for all workers.
type Throttle struct {
	l  Limits
	mu sync.Mutex
	// When the work so far is paid for. Debts make the next one wait.
	ops, bytes time.Time
	day        Day
}

// New makes a throttle.
func New(l Limits) *Throttle {
	if l.Clock == nil {
		l.Clock = clock.System{}
	}
	return &Throttle{l: l, day: l.Day}
}

// Day tells where the budget stands, to be kept for the next run.
func (t *Throttle) Day() Day {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.day
}

// operation waits for n operations to be due.
func (t *Throttle) operation(ctx context.Context, n int) error {
	if t.l.Operations <= 0 {
		return ctx.Err()
	}
	cost := time.Duration(float64(n) / t.l.Operations * float64(time.Second))
	t.mu.Lock()
	wait := pay(&t.ops, t.l.Clock.Now(), cost)
	t.mu.Unlock()
	return t.sleep(ctx, "operations per second", wait)
}

// pay moves the moment on by cost, and tells how long that is ahead of now
// beyond the burst.
func pay(paid *time.Time, now time.Time, cost time.Duration) time.Duration {
	if paid.Before(now) {
		*paid = now
	}
	*paid = paid.Add(cost)
	return paid.Sub(now) - burst*time.Second
}

// spend waits until n bytes of bodies are due.
func (t *Throttle) spend(ctx context.Context, n int64) error {
	if err := t.spendDay(ctx, n); err != nil || t.l.Bytes <= 0 {
		return err
	}
	cost := time.Duration(float64(n) / float64(t.l.Bytes) * float64(time.Second))
	t.mu.Lock()
	wait := pay(&t.bytes, t.l.Clock.Now(), cost)
	t.mu.Unlock()
	return t.sleep(ctx, "bytes per second", wait)
}

func (t *Throttle) spendDay(ctx context.Context, n int64) error {
	for t.l.PerDay > 0 {
		now := t.l.Clock.Now()
		t.mu.Lock()
		end := t.day.Start.Add(24 * time.Hour)
		if !now.Before(end) {
			t.day = Day{Start: now}
			end = now.Add(24 * time.Hour)
		}
		if t.day.Spent < t.l.PerDay {
			t.day.Spent += n
			t.mu.Unlock()
			break
		}
		t.mu.Unlock()
		if err := t.sleep(ctx, "bytes per day", end.Sub(now)); err != nil {
			return err
		}
	}
	return nil
}

func (t *Throttle) sleep(ctx context.Context, why string, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	if t.l.Notify != nil && d >= time.Second {
		t.l.Notify(why, d)
	}
	return t.l.Clock.Sleep(ctx, d)
}

// content paces the reading of a MIME body. An object's bytes are paid for
// before it is handed on, as a driver may have fetched them already.
func (t *Throttle) content(ctx context.Context, c *transport.Content) (*transport.Content, error) {
	if c == nil {
		return nil, nil
	}
	if c.MIME == nil {
		return c, t.spend(ctx, objectSize(c.Object))
	}
	out := *c
	out.MIME = pacedBlob{c.MIME, t}
	out.OnClose = c.Close
	return &out, nil
}

type pacedBlob struct {
	mapi.Blob
	t *Throttle
}

func (b pacedBlob) Open(ctx context.Context) (io.ReadCloser, error) {
	r, err := b.Blob.Open(ctx)
	if err != nil {
		return nil, err
	}
	return &pacedReader{r, ctx, b.t}, nil
}

type pacedReader struct {
	io.ReadCloser
	ctx context.Context
	t   *Throttle
}

func (p *pacedReader) Read(b []byte) (int, error) {
	n, err := p.ReadCloser.Read(b)
	if n > 0 {
		if serr := p.t.spend(p.ctx, int64(n)); serr != nil {
			return n, serr
		}
	}
	return n, err
}

func objectSize(m *mapi.Message) int64 {
	if m == nil {
		return 0
	}
	var n int64
	for _, p := range m.Props {
		n += p.Value.Size()
	}
	for _, a := range m.Attachments {
		for _, p := range a.Props {
			n += p.Value.Size()
		}
		n += objectSize(a.Embedded)
	}
	return n
}
