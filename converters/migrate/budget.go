package migrate

import (
	"context"
	"errors"
	"sync"
	"time"
)

// ErrBudget is the error of a run that put as much as [Options.MaxBytes] says.
var ErrBudget = errors.New("the byte budget of this run is used up; run again to go on")

const day = 24 * time.Hour

// allowance counts what was put within a day.
type allowance struct {
	mu      sync.Mutex
	loaded  bool
	entries []spent
	total   int64 // of this run
}

type spent struct {
	at    time.Time
	bytes int64
}

// budget waits until so many bytes may be put. T52
func (r *run) budget(ctx context.Context, bytes int64) error {
	a := &r.allowance
	a.mu.Lock()
	defer a.mu.Unlock()
	if r.o.MaxBytes > 0 && a.total > 0 && a.total+bytes > r.o.MaxBytes {
		return ErrBudget
	}
	if r.o.BytesPerDay > 0 {
		if err := r.waitForDay(ctx, bytes); err != nil {
			return err
		}
	}
	a.total += bytes
	return nil
}

// budgeted reports whether there is a byte budget, for which a put may have to
// wait.
func (r *run) budgeted() bool { return r.o.MaxBytes > 0 || r.o.BytesPerDay > 0 }

func (r *run) waitForDay(ctx context.Context, bytes int64) error {
	a := &r.allowance
	if !a.loaded {
		a.loaded = true
		ticks, err := r.l.Timeline(ctx, 0, 10*time.Minute)
		if err != nil {
			return err
		}
		for _, t := range ticks {
			a.entries = append(a.entries, spent{t.Start.Add(10 * time.Minute), t.Bytes})
		}
	}
	for {
		now := r.o.Clock.Now()
		used := int64(0)
		for len(a.entries) > 0 && !a.entries[0].at.Add(day).After(now) {
			a.entries = a.entries[1:]
		}
		for _, e := range a.entries {
			used += e.bytes
		}
		if used == 0 || used+bytes <= r.o.BytesPerDay {
			if n := len(a.entries); n > 0 && now.Sub(a.entries[n-1].at) < time.Minute {
				a.entries[n-1].bytes += bytes
			} else {
				a.entries = append(a.entries, spent{now, bytes})
			}
			return nil
		}
		wait := a.entries[0].at.Add(day).Sub(now)
		r.emit(Waiting{Op: "budget", For: wait, Why: "the bytes of a day are used up"})
		if err := r.o.Clock.Sleep(ctx, wait); err != nil {
			return err
		}
	}
}
