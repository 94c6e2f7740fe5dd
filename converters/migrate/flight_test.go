package migrate_test

import (
	"context"
	"iter"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/converters/migrate"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/mem"
	"github.com/mailconv/mailconv/transport/spool"
)

// slow is a sink that is told of each call and may wait in a put.
type slow struct {
	*mem.Store
	mark func()
	put  func(transport.Folder)
}

func (s *slow) Mark(ctx context.Context, f transport.Folder) (string, error) {
	if s.mark != nil {
		s.mark()
	}
	return s.Store.Mark(ctx, f)
}

func (s *slow) PutBatch(ctx context.Context, f transport.Folder, items []transport.Staged) ([]transport.Result, error) {
	if s.put != nil {
		s.put(f)
	}
	return s.Store.PutBatch(ctx, f, items)
}

// eager is a source that tells when a folder is fetched.
type eager struct {
	*mem.Store
	fetched func(transport.Folder)
}

func (s *eager) Fetch(ctx context.Context, f transport.Folder, keys []transport.Key, want []transport.Form) iter.Seq2[transport.Fetched, error] {
	s.fetched(f)
	return s.Store.Fetch(ctx, f, keys, want)
}

// A mark is good for many batches where the sink tells keys, and for none where
// it does not, or where several folders go to one.
func TestMarksAreTakenWhenTheyAreNeeded(t *testing.T) {
	const batches = 8
	for _, c := range []struct {
		name  string
		o     mem.Options
		there bool // the folder is there
		merge bool
		want  func(marks int) bool
	}{
		{"a new folder", mem.Options{}, false, false, func(n int) bool { return n <= 1 }},
		{"a folder that is there", mem.Options{}, true, false, func(n int) bool { return n <= 2 }},
		{"no keys", mem.Options{NoRef: true}, true, false, func(n int) bool { return n >= batches }},
		{"two folders into one", mem.Options{}, true, true, func(n int) bool { return n >= 2*batches }},
	} {
		c.o.BatchItems, c.o.BatchOnly = 5, true
		src, store := filled(5*batches, mem.Options{}, "A"), mem.New(c.o)
		if c.merge {
			src = filled(5*batches, mem.Options{}, "A", "B")
		}
		if c.there {
			store.Add([]string{"A"}, transport.Meta{}, mail(1000))
		}
		marks := 0
		e := newEnv(t, src, &slow{Store: store, mark: func() { marks++ }})
		if c.merge {
			e.o.Merge, e.o.Map = true, []migrate.MapRule{{From: "A", To: "X"}, {From: "B", To: "X"}}
		}
		if r := e.ok(); !r.Complete() {
			t.Errorf("%s: %+v", c.name, r)
		}
		// The wrapper that repeats puts takes marks of its own: one, as few
		// are put.
		if !c.want(marks - 1) {
			t.Errorf("%s: %d marks", c.name, marks)
		}
	}
}

// The sink works on a batch while the next one is intended, and while the next
// folder is fetched.
func TestBatchesDoNotWaitForTheLedgerOrTheSource(t *testing.T) {
	src, store := filled(20, mem.Options{OneShot: true}, "A", "B"), mem.New(mem.Options{BatchItems: 5, BatchOnly: true})
	var once sync.Once
	next := make(chan struct{})
	source := &eager{src, func(f transport.Folder) {
		if f.String() == "B" {
			once.Do(func() { close(next) })
		}
	}}
	puts := 0
	sink := &slow{Store: store}
	e := newEnv(t, source, sink)
	e.o.Workers = 1
	l, err := ledger.Open(t.Context(), e.path, ledger.Pair{Source: "mem:a", Sink: "mem:b"})
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	intents := func() int64 {
		r, err := ledger.Read(t.Context(), e.path)
		if err != nil {
			t.Error(err)
			return 0
		}
		defer r.Close()
		n, err := r.Count(t.Context(), ledger.Query{States: []ledger.State{ledger.Intent}})
		if err != nil {
			t.Error(err)
		}
		return n
	}
	sink.put = func(f transport.Folder) {
		puts++
		deadline := time.Now().Add(10 * time.Second)
		switch {
		case f.String() != "A":
		case puts == 2:
			// The second batch is on its way, the third one is intended.
			for intents() < 10 {
				if time.Now().After(deadline) {
					t.Error("the next batch is not intended while one is on its way")
					return
				}
				time.Sleep(time.Millisecond)
			}
		case puts == 4:
			select {
			case <-next:
			case <-time.After(time.Until(deadline)):
				t.Error("the next folder is not fetched while a batch is on its way")
			}
		}
	}
	if r := e.ok(); !r.Complete() || r.Copied != 40 {
		t.Errorf("%+v", r)
	}
	same(t, "after the run", src, store)
	if src.Open() != 0 {
		t.Errorf("%d contents left open", src.Open())
	}
}

// single is a source with one connection.
type single struct {
	*mem.Store
	conn chan struct{}
}

func (s *single) Fetch(ctx context.Context, f transport.Folder, keys []transport.Key, want []transport.Form) iter.Seq2[transport.Fetched, error] {
	return func(yield func(transport.Fetched, error) bool) {
		select {
		case s.conn <- struct{}{}:
		case <-ctx.Done():
			yield(transport.Fetched{}, ctx.Err())
			return
		}
		defer func() { <-s.conn }()
		s.Store.Fetch(ctx, f, keys, want)(yield)
	}
}

// Items that moved, and that the sink cannot move, are fetched by who has the
// connection of the source.
func TestMovedItemsWithOneConnection(t *testing.T) {
	src, store := filled(3, mem.Options{OneShot: true}, "A"), mem.New(mem.Options{BatchItems: 4})
	src.Add([]string{"B"}, transport.Meta{}, mail(100))
	e := newEnv(t, &single{src, make(chan struct{}, 1)}, silent{store, store})
	e.o.Workers, e.o.Spool = 1, spool.New(1<<20, t.TempDir())
	e.ok()
	var keys []transport.Key
	for m := range src.Items(bg, transport.Folder{Path: []string{"A"}}, nil) {
		keys = append(keys, m.Key)
	}
	src.Move(bg, transport.Folder{Path: []string{"A"}}, transport.Folder{Path: []string{"B"}}, keys)
	for i := range 40 {
		src.Add([]string{"B"}, transport.Meta{}, mail(200+i)+strings.Repeat("x", 100_000))
	}
	ctx, cancel := context.WithTimeout(bg, time.Minute)
	defer cancel()
	if r, err := e.runCtx(ctx); err != nil || r.Copied != 43 {
		t.Errorf("%+v, %v", r, err)
	}
}
