package migrate_test

import (
	"context"
	"errors"
	"iter"
	"sync"
	"testing"
	"time"

	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/clock"
	"github.com/mailconv/mailconv/transport/mem"
)

// late is a sink whose server goes on with a batch when the connection is gone:
// what it was sent arrives some seconds after the failure.
type late struct {
	*mem.Store
	clock clock.Clock
	after time.Duration
	cut   func() error // the failure of the first batch

	mu      sync.Mutex
	tripped bool
	due     time.Time
	arrives func()
}

func (l *late) Settle() time.Duration { return 10 * time.Second }

func (l *late) PutBatch(ctx context.Context, f transport.Folder, items []transport.Staged) ([]transport.Result, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.tripped {
		return l.Store.PutBatch(ctx, f, items)
	}
	l.tripped = true
	var kept []transport.Staged
	for _, it := range items {
		b, err := mapi.ReadBlob(ctx, it.Content.MIME, 1<<20)
		if err != nil {
			return nil, err
		}
		m := it.Meta
		m.Token = "" // as with IMAP
		kept = append(kept, transport.Staged{Meta: m, Content: &transport.Content{Form: transport.FormMIME, MIME: mapi.Bytes(b)}})
	}
	l.due = l.clock.Now().Add(l.after)
	l.arrives = func() {
		if _, err := l.Store.PutBatch(bg, f, kept); err != nil {
			panic(err)
		}
	}
	return nil, l.cut()
}

func (l *late) Since(ctx context.Context, f transport.Folder, mark string) iter.Seq2[transport.Meta, error] {
	l.arrive(l.clock.Now())
	return l.Store.Since(ctx, f, mark)
}

// arrive lets happen what is due at a time.
func (l *late) arrive(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.arrives != nil && !now.Before(l.due) {
		l.arrives()
		l.arrives = nil
	}
}

// T58: the other side is still at work on a put when its connection, or the
// program, is gone. Asked too early, it would show nothing, and everything would
// be there twice.
func TestT58APutThatHappensAfterTheEnd(t *testing.T) {
	for name, after := range map[string]time.Duration{"soon": 2 * time.Second, "late": 9 * time.Second, "never": time.Hour} {
		for _, killed := range []bool{false, true} {
			src := filled(5, mem.Options{}, "Inbox")
			store := mem.New(mem.Options{BatchItems: 3})
			e := newEnv(t, src, nil)
			sink := &late{Store: store, clock: e.o.Clock, after: after}
			e.sink = sink
			ctx, kill := context.WithCancel(t.Context())
			sink.cut = func() error {
				if killed {
					kill()
					return ctx.Err()
				}
				return &transport.Error{Kind: transport.Temporary, Op: "append", Unsettled: true, Err: errors.New("the connection broke")}
			}
			start := e.o.Clock.Now()
			_, err := e.runCtx(ctx)
			if killed != (err != nil) {
				t.Fatalf("%s: killed %v: %v", name, killed, err)
			}
			if killed {
				e.ok()
			}
			kill()
			sink.arrive(start.Add(10 * time.Second))
			if d := dump(t, store); len(d) != 5 {
				t.Errorf("%s, killed %v: %d items, want 5", name, killed, len(d))
			}
			if rows := e.rows(); rows[ledger.Copied] != 5 || len(rows) != 1 {
				t.Errorf("%s, killed %v: rows %v", name, killed, rows)
			}
			if waited := e.o.Clock.Now().Sub(start); waited > 12*time.Second {
				t.Errorf("%s, killed %v: waited %v", name, killed, waited)
			}
		}
	}
}

// slowly is late from its third batch on; the second one takes longer than the
// sink needs to settle.
type slowly struct {
	late
	n int
}

func (s *slowly) PutBatch(ctx context.Context, f transport.Folder, items []transport.Staged) ([]transport.Result, error) {
	s.n++
	switch s.n {
	case 1:
	case 2:
		if err := s.clock.Sleep(ctx, time.Minute); err != nil {
			return nil, err
		}
	default:
		return s.late.PutBatch(ctx, f, items)
	}
	return s.Store.PutBatch(ctx, f, items)
}

// T58: a batch may have been intended long before it was put.
func TestT58AnIntentMayBeOlderThanItsPut(t *testing.T) {
	src, store := filled(6, mem.Options{}, "Inbox"), mem.New(mem.Options{BatchItems: 2})
	store.Add([]string{"Inbox"}, transport.Meta{}, mail(1000))
	e := newEnv(t, src, nil)
	e.o.Workers = 1
	ctx, kill := context.WithCancel(t.Context())
	sink := &slowly{late: late{Store: store, clock: e.o.Clock, after: 3 * time.Second}}
	sink.cut = func() error {
		kill()
		return ctx.Err()
	}
	e.sink = sink
	if _, err := e.runCtx(ctx); err == nil {
		t.Fatal("the run was not killed")
	}
	e.ok()
	sink.arrive(e.o.Clock.Now().Add(time.Hour))
	if d := dump(t, store); len(d) != 7 {
		t.Errorf("%d items, want 7", len(d))
	}
}
