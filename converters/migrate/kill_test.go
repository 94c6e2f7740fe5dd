package migrate_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/converters/migrate"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/mem"
)

// A killer stops the world at one step of a run: the call hangs, as that of a
// killed process would, until the test has taken what was on the disk.
type killer struct {
	at   int
	mu   sync.Mutex
	n    int
	what string
	hung chan struct{}
	free chan struct{}
}

var errKilled = errors.New("killed")

func newKiller(at int) *killer {
	return &killer{at: at, hung: make(chan struct{}), free: make(chan struct{})}
}

func (k *killer) step(what string) error {
	k.mu.Lock()
	k.n++
	n := k.n
	if n == k.at {
		k.what = what
		close(k.hung)
	}
	k.mu.Unlock()
	if n >= k.at {
		<-k.free
		return errKilled
	}
	return nil
}

// dying is a store of which each call is a step.
type dying struct {
	*mem.Store
	k       *killer
	noToken bool
}

func (d *dying) Ensure(ctx context.Context, f transport.Folder) (transport.Folder, error) {
	if err := d.k.step("Ensure"); err != nil {
		return f, err
	}
	return d.Store.Ensure(ctx, f)
}

func (d *dying) Mark(ctx context.Context, f transport.Folder) (string, error) {
	if err := d.k.step("Mark"); err != nil {
		return "", err
	}
	return d.Store.Mark(ctx, f)
}

func (d *dying) PutBatch(ctx context.Context, f transport.Folder, items []transport.Staged) ([]transport.Result, error) {
	if err := d.k.step("before PutBatch"); err != nil {
		return nil, err
	}
	var out []transport.Result
	for _, it := range items {
		if d.noToken {
			it.Meta.Token = ""
		}
		r, err := d.Store.PutBatch(ctx, f, []transport.Staged{it})
		if err != nil {
			return nil, err
		}
		out = append(out, r...)
		if err := d.k.step("after an item of PutBatch"); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (d *dying) Put(ctx context.Context, f transport.Folder, m transport.Meta, c *transport.Content) (transport.Receipt, error) {
	if err := d.k.step("before Put"); err != nil {
		return transport.Receipt{}, err
	}
	if d.noToken {
		m.Token = ""
	}
	r, err := d.Store.Put(ctx, f, m, c)
	if err != nil {
		return r, err
	}
	return r, d.k.step("after Put")
}

func (d *dying) Items(ctx context.Context, f transport.Folder, c *transport.Cursor) iter.Seq2[transport.Meta, error] {
	return func(yield func(transport.Meta, error) bool) {
		if err := d.k.step("Items"); err != nil {
			yield(transport.Meta{}, err)
			return
		}
		d.Store.Items(ctx, f, c)(yield)
	}
}

func (d *dying) Fetch(ctx context.Context, f transport.Folder, keys []transport.Key, want []transport.Form) iter.Seq2[transport.Fetched, error] {
	return func(yield func(transport.Fetched, error) bool) {
		if err := d.k.step("Fetch"); err != nil {
			yield(transport.Fetched{}, err)
			return
		}
		d.Store.Fetch(ctx, f, keys, want)(yield)
	}
}

// silent hides that the sink can track.
type silent struct {
	transport.Sink
	transport.Source
}

func (s silent) Close() error { return nil }

// T58: killed at every step, resumed: nothing is lost, nothing is there twice.
func TestT58KilledAtEveryStep(t *testing.T) {
	type variant struct {
		name    string
		o       mem.Options
		noToken bool
		silent  bool
		twin    bool // an identical mail was there before
	}
	for _, v := range []variant{
		{name: "token"},
		{name: "content", noToken: true, twin: true},
		{name: "no refs", o: mem.Options{NoRef: true}, noToken: true},
		{name: "no tracker", noToken: true, silent: true, twin: true},
	} {
		t.Run(v.name, func(t *testing.T) {
			step := 1
			for ; ; step += stride() {
				v.o.BatchItems = 2
				src := filled(3, mem.Options{OneShot: true}, "Inbox", "Sent")
				// Twins within the source, and one of them in the sink.
				src.Add([]string{"Inbox"}, transport.Meta{}, mail(1))
				src.Add([]string{"Inbox"}, transport.Meta{}, mail(1))
				store := mem.New(v.o)
				want := 8
				if v.twin {
					store.Add([]string{"Inbox"}, transport.Meta{}, mail(1))
					store.Add([]string{"Inbox"}, transport.Meta{}, mail(99))
					want = 9
				}
				k := newKiller(step)
				wrap := func(k *killer) transport.Sink {
					d := &dying{store.Reopen(), k, v.noToken}
					if v.silent {
						return silent{d, d}
					}
					return d
				}
				e := newEnv(t, &dying{src.Reopen(), k, false}, wrap(k))
				e.o.Workers = 1
				if killedRun(t, e, k) {
					break
				}
				never := newKiller(1 << 30)
				e.src, e.sink = src.Reopen(), wrap(never)
				r, err := e.run()
				what := fmt.Sprintf("killed at step %d, %s", step, k.what)
				if err != nil || !r.Complete() {
					t.Fatalf("%s: %+v, %v", what, r, err)
				}
				if d := dump(t, store); len(d) != want {
					t.Errorf("%s: %d items, want %d", what, len(d), want)
				}
				if s := e.rows(); s[ledger.Copied] != 8 || len(s) != 1 {
					t.Errorf("%s: rows %v", what, s)
				}
				n := puts(store)
				if e.ok(); puts(store) != n {
					t.Errorf("%s: the third run puts", what)
				}
			}
			t.Logf("%d steps", step-1)
			if step < 15 && !testing.Short() {
				t.Errorf("only %d steps", step-1)
			}
		})
	}
}

func (d *dying) Move(ctx context.Context, from, to transport.Folder, refs []transport.Key) []transport.Result {
	out := make([]transport.Result, len(refs))
	if err := d.k.step("before Move"); err != nil {
		for i := range out {
			out[i].Err = err
		}
		return out
	}
	for i := range refs {
		out[i] = d.Store.Move(ctx, from, to, refs[i:i+1])[0]
		if err := d.k.step("after an item of Move"); err != nil {
			out[i].Err = err
		}
	}
	return out
}

func (d *dying) SetFlags(ctx context.Context, f transport.Folder, changes []transport.FlagChange) []error {
	if err := d.k.step("SetFlags"); err != nil {
		return slices.Repeat([]error{err}, len(changes))
	}
	errs := d.Store.SetFlags(ctx, f, changes)
	if err := d.k.step("after SetFlags"); err != nil {
		return slices.Repeat([]error{err}, len(changes))
	}
	return errs
}

func (d *dying) Delete(ctx context.Context, f transport.Folder, refs []transport.Key) []error {
	if err := d.k.step("Delete"); err != nil {
		return slices.Repeat([]error{err}, len(refs))
	}
	errs := d.Store.Delete(ctx, f, refs)
	if err := d.k.step("after Delete"); err != nil {
		return slices.Repeat([]error{err}, len(refs))
	}
	return errs
}

// killedRun runs until the killer strikes, and leaves what the disk has then in
// e.path. It reports whether the run went through to its end.
func killedRun(t *testing.T, e *env, k *killer) bool {
	t.Helper()
	finished, err := strike(t, e, k, 0)
	if finished && err != nil {
		t.Fatal(err)
	}
	return finished
}

// strike is killedRun for runs that may also end with an error. What else the run
// does goes on for a moment after the killer struck.
func strike(t *testing.T, e *env, k *killer, moment time.Duration) (finished bool, err error) {
	t.Helper()
	l, err := ledger.Open(bg, e.path, ledger.Pair{})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := migrate.Run(bg, e.src, e.sink, l, e.o)
		done <- err
	}()
	select {
	case <-k.hung:
		time.Sleep(moment)
	case err = <-done:
		finished = true
	case <-time.After(time.Minute):
		t.Fatal("the run does not end")
	}
	disk := e.path + ".copy"
	for _, part := range []string{"", "-wal"} {
		if b, err := os.ReadFile(e.path + part); err == nil {
			if err := os.WriteFile(disk+part, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !finished {
		close(k.free)
		<-done
	}
	l.Close()
	e.path = disk
	return finished, err
}

// A later run with moves, flags, deletions and new mails, killed at every step.
func TestT58LaterRunKilledAtEveryStep(t *testing.T) {
	for _, identity := range []bool{true, false} {
		t.Run(fmt.Sprint("with object ids ", identity), func(t *testing.T) {
			step := 1
			for ; ; step += stride() {
				src, store := filled(5, mem.Options{}, "Inbox", "Work"), mem.New(mem.Options{BatchItems: 2})
				from := func(k *killer) transport.Source {
					if !identity {
						return &forgetful{src.Reopen()}
					}
					return &dying{src.Reopen(), k, false}
				}
				never := newKiller(1 << 30)
				e := newEnv(t, from(never), &dying{store.Reopen(), never, !identity})
				e.o.Workers, e.o.MirrorDeletes = 1, true
				e.ok()
				in := keysOf(t, src, "Inbox")
				src.SetFlags(bg, folder("Inbox"), []transport.FlagChange{{Ref: in[0], Flags: transport.Flagged}})
				src.Move(bg, folder("Inbox"), folder("Work"), in[1:4])
				src.Add([]string{"Inbox"}, transport.Meta{}, mail(500))
				src.Delete(bg, folder("Work"), keysOf(t, src, "Work")[:1])
				k := newKiller(step)
				e.src, e.sink = from(k), &dying{store.Reopen(), k, !identity}
				finished := killedRun(t, e, k)
				e.sink = &dying{store.Reopen(), never, !identity}
				e.src = from(never)
				what := fmt.Sprintf("killed at step %d, %s", step, k.what)
				if r, err := e.run(); err != nil || !r.Complete() {
					t.Fatalf("%s: %+v, %v", what, r, err)
				}
				same(t, what, src, store)
				n := puts(store)
				if r := e.ok(); puts(store) != n || r.Moved+r.Flags+r.Deleted != 0 {
					t.Errorf("%s: third run %+v", what, r)
				}
				if finished {
					break
				}
			}
			t.Logf("%d steps", step-1)
		})
	}
}

// A run that is cancelled saves its state and goes on later.
func TestCancelSavesState(t *testing.T) {
	for stop := range 12 {
		src, sink := filled(10, mem.Options{OneShot: true}, "A", "B"), mem.New(mem.Options{BatchItems: 3})
		e := newEnv(t, src, sink)
		ctx, cancel := context.WithCancel(bg)
		n := 0
		e.o.Observer = func(migrate.Event) {
			if n++; n == stop+1 {
				cancel()
			}
		}
		r, err := e.runCtx(ctx)
		if !errors.Is(err, context.Canceled) || r.Outcome != ledger.Interrupted {
			t.Fatalf("stop %d: %+v %v", stop, r, err)
		}
		e.o.Observer = nil
		if r := e.ok(); !r.Complete() {
			t.Errorf("%+v", r)
		}
		same(t, fmt.Sprint("cancelled at event ", stop), src, sink)
		if src.Open() != 0 {
			t.Errorf("%d contents left open", src.Open())
		}
		cancel()
	}
}

// stride leaves out steps with -short.
func stride() int {
	if testing.Short() {
		return 4
	}
	return 1
}
