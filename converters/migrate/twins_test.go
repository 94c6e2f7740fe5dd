package migrate_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/mem"
)

// keyless is a sink without tokens that tells the keys of some of its items.
type keyless struct {
	*mem.Store
	n      int
	keyed  func(batch, i, of int) bool
	before func(batch int) error
	after  func(batch int, r []transport.Result)
}

func (h *keyless) PutBatch(ctx context.Context, f transport.Folder, items []transport.Staged) ([]transport.Result, error) {
	h.n++
	if h.before != nil {
		if err := h.before(h.n); err != nil {
			return nil, err
		}
	}
	var list []transport.Staged
	for _, it := range items {
		it.Meta.Token = ""
		list = append(list, it)
	}
	r, err := h.Store.PutBatch(ctx, f, list)
	for i := range r {
		if !h.keyed(h.n, i, len(r)) {
			r[i].Receipt.Ref = ""
		}
	}
	if err == nil && h.after != nil {
		h.after(h.n, r)
	}
	return r, err
}

// Mails with equal bytes stand in two batches. The run is killed when the second
// of these is about to be put, and the sink does not tell all keys: the copies
// of the first must not be taken for the second.
func TestATwinIsNotTakenForAnIntent(t *testing.T) {
	broke := &transport.Error{Kind: transport.Temporary, Op: "append", Err: errors.New("broke")}
	for _, c := range []struct {
		name   string
		mails  []int
		keyed  func(batch, i, of int) bool
		before func(batch int) error
		after  func(batch int, r []transport.Result)
		killed int
	}{
		{
			name: "the last of a batch has a key", mails: []int{1, 2, 1, 3}, killed: 2,
			keyed: func(_, i, of int) bool { return i == of-1 },
		},
		{
			name: "the first of a batch has a key", mails: []int{1, 2, 2, 3}, killed: 2,
			keyed: func(_, i, _ int) bool { return i == 0 },
		},
		{
			name: "the answer got lost, and the item was found", mails: []int{1, 2, 1, 3}, killed: 2,
			keyed: func(int, int, int) bool { return false },
			after: func(batch int, r []transport.Result) {
				if batch == 1 {
					r[1] = transport.Result{Err: broke}
				}
			},
		},
		{
			// 1 and 2 have keys; 3 and 4 are refused together and put singly.
			name: "one by one", mails: []int{1, 2, 3, 4, 3, 5}, killed: 5,
			keyed: func(batch, _, _ int) bool { return batch != 3 },
			before: func(batch int) error {
				if batch == 2 {
					return errOf(transport.Permanent)
				}
				return nil
			},
		},
	} {
		for _, there := range []bool{false, true} {
			src, store := mem.New(mem.Options{}), mem.New(mem.Options{BatchItems: 2})
			for _, n := range c.mails {
				src.Add([]string{"A"}, transport.Meta{}, mail(n))
			}
			want := len(c.mails)
			if there {
				store.Add([]string{"A"}, transport.Meta{}, mail(1000))
				want++
			}
			e := newEnv(t, src, nil)
			e.o.Workers, e.o.Retry.Attempts = 1, 1
			ctx, kill := context.WithCancel(bg)
			sink := &keyless{Store: store, keyed: c.keyed, after: c.after}
			sink.before = func(batch int) error {
				if batch == c.killed {
					kill()
					return ctx.Err()
				}
				if c.before != nil {
					return c.before(batch)
				}
				return nil
			}
			e.sink = sink
			if _, err := e.runCtx(ctx); err == nil {
				t.Errorf("%s: the run was not killed", c.name)
			}
			sink.before, sink.after = nil, nil
			e.ok()
			if d := dump(t, store); len(d) != want {
				t.Errorf("%s, folder there %v: %d items in the sink, want %d; rows %v", c.name, there, len(d), want, e.rows())
			}
		}
	}
}

// What another program puts into a folder long after this run made it is matched
// like what was there before.
func TestANewFolderIsNotBelievedForEver(t *testing.T) {
	src, store := mem.New(mem.Options{}), mem.New(mem.Options{BatchItems: 2})
	for i := range 6 {
		src.Add([]string{"A"}, transport.Meta{}, mail(10+i))
	}
	src.Add([]string{"B"}, transport.Meta{}, mail(2))
	e := newEnv(t, src, nil)
	e.o.Workers = 1
	sink := &keyless{Store: store, keyed: func(int, int, int) bool { return true }}
	sink.before = func(batch int) error {
		if batch > 1 {
			return nil
		}
		store.Add([]string{"B"}, transport.Meta{}, mail(2))
		return e.o.Clock.Sleep(bg, 2*time.Minute)
	}
	e.sink = sink
	if r := e.ok(); r.Copied != 6 || r.Present != 1 {
		t.Errorf("%+v", r)
	}
	if d := dump(t, store); len(d) != 7 {
		t.Errorf("%d items", len(d))
	}
}

// A batch that has to be intended again does not count twice.
func TestTheBudgetIsChargedOnce(t *testing.T) {
	src, store := filled(8, mem.Options{}, "A"), mem.New(mem.Options{BatchItems: 2})
	e := newEnv(t, src, &keyless{Store: store, keyed: func(batch, _, _ int) bool { return batch == 1 }, before: func(batch int) error {
		if batch == 3 {
			return errOf(transport.Permanent) // its items are put one by one
		}
		return nil
	}})
	e.o.Workers, e.o.MaxBytes = 1, 8*int64(len(mail(0)))
	if r, err := e.run(); err != nil || r.Copied != 8 {
		t.Errorf("%d of 8 copied, all within the budget: %v", r.Copied, err)
	}
}

// Items that are no mail come to a folder that has mails of its own: two workers
// put there.
func TestForeignItemsInAFolderOfTheSource(t *testing.T) {
	for round := range 10 {
		src := mem.New(mem.Options{})
		for i := range 20 {
			add := func(folder, class string, n int) {
				src.Add([]string{folder}, transport.Meta{Class: class, Received: time.Unix(1600000000+int64(n), 0)}, mail(n))
			}
			add("Calendar", "IPM.Note", 3*i)
			add("Inbox", "IPM.Appointment", 3*i+1)
			add("Inbox", "IPM.Note", 3*i+2)
		}
		store := mem.New(mem.Options{BatchItems: 1 + round%3, Forms: []transport.Form{transport.FormMIME}})
		store.Add([]string{"Calendar"}, transport.Meta{}, mail(5000))
		e := newEnv(t, src, store)
		e.o.Workers = 2
		if r := e.ok(); r.Copied != 60 {
			t.Fatalf("%+v", r)
		}
		if rows := e.rows(); rows[ledger.Copied] != 60 {
			t.Fatalf("rows %v", rows)
		}
	}
}
