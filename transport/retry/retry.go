// Package retry repeats what failed for the moment. It acts on the class of an
// error ([transport.KindOf]) and on the wait that the other side asked for
// ([transport.RetryAfter]), and on nothing else: drivers classify, this package
// waits.
//
// Start from [Policy], [Source] and [Sink]. A Put whose outcome is unknown is
// repeated only after [transport.Tracker] was asked, where the sink has it.
//
// Not supported: bodies of OneShot content, which cannot be opened a second
// time. Their errors are handed up, and the engine fetches anew.
package retry

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/clock"
)

// A Policy says how often and how long. The zero value is a good one.
type Policy struct {
	// Attempts is the number of tries in a row without any progress; 0 is 8.
	Attempts int
	// First is the wait before the second try; it doubles each time up to
	// Max. 0 is one second and two minutes. A wait that the other side names
	// is kept to, and may be longer than Max.
	First, Max time.Duration
	// Longest bounds the wait that the other side may ask for; an error that
	// asks for more is handed up. 0 is one hour.
	Longest time.Duration
	// Clock is nil for the system's.
	Clock clock.Clock
	// Jitter gives numbers in [0,1); nil is a random source. A wait is drawn
	// from the upper half of its range, so that workers do not come back all
	// at once.
	Jitter func() float64
	// Notify is told of each wait before it begins; it may be nil. It is
	// called by several goroutines at once.
	Notify func(Event)
}

// An Event is one wait.
type Event struct {
	Op      string
	Folder  string
	Attempt int // the try that failed, from 1
	Wait    time.Duration
	Err     error
}

// Retryable reports whether an error may pass by itself.
func Retryable(err error) bool {
	if err == nil || transport.Canceled(err) {
		return false
	}
	k := transport.KindOf(err)
	return k == transport.Temporary || k == transport.Throttled
}

func (p Policy) clock() clock.Clock {
	if p.Clock != nil {
		return p.Clock
	}
	return clock.System{}
}

// A tries counts the failures in a row of one piece of work.
type tries struct {
	p      Policy
	op     string
	folder string
	failed int
}

func (p Policy) begin(op string, f transport.Folder) *tries {
	return &tries{p: p, op: op, folder: f.String()}
}

// progress forgets the failures so far.
func (t *tries) progress() { t.failed = 0 }

// again waits and reports nil when the work that failed with err is to be
// repeated, else the error to hand up.
func (t *tries) again(ctx context.Context, err error) error {
	if !Retryable(err) {
		return err
	}
	t.failed++
	attempts := t.p.Attempts
	if attempts <= 0 {
		attempts = 8
	}
	if t.failed >= attempts {
		return err
	}
	wait := t.wait()
	if after := transport.RetryAfter(err); after > 0 {
		longest := t.p.Longest
		if longest <= 0 {
			longest = time.Hour
		}
		if after > longest {
			return err
		}
		wait = after
	}
	if t.p.Notify != nil {
		t.p.Notify(Event{t.op, t.folder, t.failed, wait, err})
	}
	if serr := t.p.clock().Sleep(ctx, wait); serr != nil {
		return serr
	}
	return nil
}

func (t *tries) wait() time.Duration {
	first, limit := t.p.First, t.p.Max
	if first <= 0 {
		first = time.Second
	}
	if limit <= 0 {
		limit = 2 * time.Minute
	}
	d := first
	for i := 1; i < t.failed && d < limit; i++ {
		d *= 2
	}
	d = min(d, limit)
	jitter := rand.Float64
	if t.p.Jitter != nil {
		jitter = t.p.Jitter
	}
	return d/2 + time.Duration(jitter()*float64(d/2))
}
