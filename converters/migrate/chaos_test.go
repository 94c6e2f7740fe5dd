package migrate_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailconv/mailconv/converters/migrate"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/mem"
)

// chaos is a sink in which puts fail in all ways: before, after, in the middle,
// or for one item.
type chaos struct {
	*dying
	mu   sync.Mutex
	r    *rand.Rand
	part int // of 100 batches, for each way
}

func (c *chaos) dice() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.r.IntN(100)
}

func (c *chaos) PutBatch(ctx context.Context, f transport.Folder, items []transport.Staged) ([]transport.Result, error) {
	time.Sleep(time.Duration(c.dice()) * 20 * time.Microsecond)
	switch d := c.dice(); {
	case d < c.part:
		return nil, errOf(transport.Temporary)
	case d < 2*c.part:
		if r, err := c.dying.PutBatch(ctx, f, items); err != nil {
			return r, err
		}
		return nil, errOf(transport.Temporary)
	case d < 3*c.part:
		if n := c.dice() % len(items); n > 0 {
			if r, err := c.dying.PutBatch(ctx, f, items[:n]); err != nil {
				return r, err
			}
		}
		return nil, errOf(transport.Permanent)
	case d < 4*c.part:
		r, err := c.dying.PutBatch(ctx, f, items)
		if err == nil {
			r[c.dice()%len(r)] = transport.Result{Err: errOf(transport.Temporary)}
		}
		return r, err
	}
	return c.dying.PutBatch(ctx, f, items)
}

// texts are the mails of a store, in whatever folder.
func texts(t *testing.T, s *mem.Store) []string {
	var out []string
	for _, d := range dump(t, s) {
		out = append(out, d[strings.LastIndex(d, "|")+1:])
	}
	slices.Sort(out)
	return out
}

// T58: runs that are killed up to four times, over a sink in which puts fail, with
// twins, merged folders, items that are no mail, with and without keys and
// tokens: each mail is there in the end, as often as the source has it.
// MAILCONV_SEEDS sets how many.
func TestT58Chaos(t *testing.T) {
	seeds := 25
	if n, err := strconv.Atoi(os.Getenv("MAILCONV_SEEDS")); err == nil {
		seeds = n
	}
	for seed := range seeds {
		rnd := rand.New(rand.NewPCG(uint64(seed), 1))
		src := mem.New(mem.Options{OneShot: true})
		folders := []string{"Calendar", "Inbox", "X", "Y", "Z"}
		for range 10 + rnd.IntN(40) {
			m := transport.Meta{Received: time.Unix(1600000000, 0)}
			if rnd.IntN(6) == 0 {
				m.Class = "IPM.Appointment"
			}
			src.Add([]string{folders[rnd.IntN(len(folders))]}, m, mail(rnd.IntN(12)))
		}
		want := texts(t, src)
		o := mem.Options{BatchItems: 1 + rnd.IntN(4), BatchOnly: true, Forms: []transport.Form{transport.FormMIME}, NoRef: rnd.IntN(3) == 0}
		store := mem.New(o)
		if rnd.IntN(2) == 0 {
			for _, f := range folders[:3] {
				store.Add([]string{f}, transport.Meta{}, mail(1000))
				want = append(want, mail(1000))
			}
			slices.Sort(want)
		}
		noToken, part := rnd.IntN(2) == 0, rnd.IntN(3)*4
		e := newEnv(t, nil, nil)
		e.o.Workers, e.o.Retry.Attempts = 1+rnd.IntN(3), 1
		if rnd.IntN(3) == 0 {
			e.o.Merge, e.o.Map = true, []migrate.MapRule{{From: "Y", To: "Q"}, {From: "Z", To: "Q"}}
		}
		what := fmt.Sprintf("seed %d: %d workers, batches of %d, no keys %v, no tokens %v, %d%% fail, merge %v",
			seed, e.o.Workers, o.BatchItems, o.NoRef, noToken, part, e.o.Merge)
		for round := range 5 {
			k := newKiller(5 + rnd.IntN(60))
			if round == 4 {
				k, part = newKiller(1<<30), 0
			}
			e.src = &dying{src.Reopen(), k, false}
			e.sink = &chaos{dying: &dying{store.Reopen(), k, noToken}, r: rand.New(rand.NewPCG(uint64(seed), uint64(round))), part: part}
			if round < 4 {
				strike(t, e, k, time.Duration(rnd.IntN(5))*time.Millisecond)
			} else if r, err := e.run(); err != nil || !r.Complete() {
				t.Fatalf("%s: %+v %v", what, r, err)
			}
		}
		if got := texts(t, store); !slices.Equal(got, want) {
			t.Errorf("%s: %d items, want %d", what, len(got), len(want))
		}
		if src.Open() != 0 {
			t.Errorf("%s: %d contents left open", what, src.Open())
		}
	}
}
