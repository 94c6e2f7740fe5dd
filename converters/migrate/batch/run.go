package batch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/converters/migrate"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/spool"
)

// Options say how a batch is run.
type Options struct {
	// Dir is the folder of the ledgers.
	Dir string
	// Jobs is the number of rows that are worked on at once; 0 is 4.
	Jobs int
	// Open opens the stores of a row.
	Open func(ctx context.Context, r *Row) (transport.Source, transport.Sink, error)
	// Migrate are the options of all rows; a row's own settings come on top.
	// Its Spool is the one budget of bytes of all rows, its Observer is not
	// used. Quarantine is a folder in which each row has one; "" is Dir.
	Migrate migrate.Options
	// OnlyFailed leaves out rows whose last run was through and left nothing
	// failed or open.
	OnlyFailed bool
	// Mask takes secrets out of what ledgers record; it may be nil.
	Mask func(string) string
	// Observer is told what happens, by one goroutine at a time.
	Observer func(r *Row, e migrate.Event)
}

// A State is where a row stands.
type State string

// States.
const (
	NotBegun    State = "not begun"
	Done        State = "done"
	Incomplete  State = "incomplete"  // through, but items failed or lost content
	Stopped     State = "stopped"     // ended by an error
	Interrupted State = "interrupted" // or killed; it goes on where it was
)

// Started says that the work on a row begins. It implements [migrate.Event].
type Started struct {
	Ledger string `json:"ledger"`
}

// Kind implements [migrate.Event].
func (Started) Kind() string { return "mailbox" }

// Ended says how a row ended. It implements [migrate.Event].
type Ended struct {
	State State `json:"state"`
	// Known says that the row was through before, and left out.
	Known bool   `json:"known,omitempty"`
	Error string `json:"error,omitempty"`
}

// Kind implements [migrate.Event].
func (Ended) Kind() string { return "mailbox-done" }

// MarshalEvent writes an event of a row as one JSON object, with the name of
// the row in "mailbox".
func MarshalEvent(r *Row, e migrate.Event) ([]byte, error) {
	b, err := migrate.MarshalEvent(e)
	if err != nil {
		return nil, err
	}
	name, err := json.Marshal(r.Name)
	if err != nil {
		return nil, err
	}
	return append(append([]byte(`{"mailbox":`), name...), append([]byte{','}, b[1:]...)...), nil
}

// An Outcome is what became of one row.
type Outcome struct {
	Row    *Row
	Ledger string // the file
	State  State
	// Known says that the row was through before, and left out.
	Known bool
	// Result is nil for rows that were left out or could not begin.
	Result *migrate.Result
	Err    error
}

// A Result has an outcome for each row, in the order of the rows.
type Result struct{ Rows []Outcome }

// Count is the number of rows in a state.
func (r *Result) Count(s State) int {
	n := 0
	for _, o := range r.Rows {
		if o.State == s {
			n++
		}
	}
	return n
}

// LedgerPath is the file of a row's ledger.
func (o *Options) LedgerPath(r *Row) string { return filepath.Join(o.Dir, ledger.FileName(r.Pair())) }

// Run works on all rows. Its error is only that of a context that ended, of a
// row that makes no sense, or of a folder that cannot be made; what happened to
// each row is in the result.
func Run(ctx context.Context, rows []Row, o Options) (*Result, error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("batch: %w", err)
	}
	if o.Migrate.Spool == nil {
		o.Migrate.Spool = spool.New(24<<20, "")
		defer o.Migrate.Spool.Close()
	}
	res := &Result{Rows: make([]Outcome, len(rows))}
	for i := range rows {
		res.Rows[i] = Outcome{Row: &rows[i], Ledger: o.LedgerPath(&rows[i]), State: NotBegun}
	}
	b := &batch{o: o, sinks: map[string]*sync.Mutex{}}
	err := b.each(ctx, rows, func(ctx context.Context, i int) { b.row(ctx, &res.Rows[i]) })
	return res, err
}

type batch struct {
	o         Options
	observing sync.Mutex

	mu    sync.Mutex
	sinks map[string]*sync.Mutex
}

// each works on rows, several at once. Two rows with one sink come one after
// the other: a put must know what arrived since its mark.
func (b *batch) each(ctx context.Context, rows []Row, fn func(context.Context, int)) error {
	var g errgroup.Group
	g.SetLimit(b.jobs())
	for i := range rows {
		if ctx.Err() != nil {
			break
		}
		g.Go(func() error {
			mu := b.sink(rows[i].Pair().Sink)
			mu.Lock()
			defer mu.Unlock()
			if ctx.Err() == nil {
				fn(ctx, i)
			}
			return nil
		})
	}
	_ = g.Wait() // nothing in it returns an error
	return ctx.Err()
}

func (b *batch) jobs() int {
	if b.o.Jobs <= 0 {
		return 4
	}
	return b.o.Jobs
}

func (b *batch) sink(name string) *sync.Mutex {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sinks[name] == nil {
		b.sinks[name] = &sync.Mutex{}
	}
	return b.sinks[name]
}

func (b *batch) emit(r *Row, e migrate.Event) {
	if b.o.Observer == nil {
		return
	}
	b.observing.Lock()
	defer b.observing.Unlock()
	b.o.Observer(r, e)
}

// row works on one row.
func (b *batch) row(ctx context.Context, out *Outcome) {
	if b.o.OnlyFailed {
		if s, err := StateOf(ctx, out.Ledger); err == nil && s == Done {
			out.State, out.Known = Done, true
			b.emit(out.Row, Ended{State: Done, Known: true})
			return
		}
	}
	b.emit(out.Row, Started{Ledger: out.Ledger})
	out.Result, out.Err = b.migrate(ctx, out)
	switch {
	case ctx.Err() != nil:
		out.State = Interrupted
	case out.Err != nil:
		out.State = Stopped
	case !out.Result.Complete():
		out.State = Incomplete
	default:
		out.State = Done
	}
	e := Ended{State: out.State}
	if out.Err != nil {
		e.Error = out.Err.Error()
	}
	b.emit(out.Row, e)
}

func (b *batch) migrate(ctx context.Context, out *Outcome) (res *migrate.Result, err error) {
	o, err := out.Row.apply(b.o.Migrate)
	if err != nil {
		return nil, usagef("mailbox %s: %w", out.Row.Name, err)
	}
	l, err := ledger.OpenShare(ctx, out.Ledger, out.Row.Pair(), b.jobs())
	if err != nil {
		return nil, err
	}
	defer l.Close()
	l.Mask(b.o.Mask)
	source, sink, err := b.o.Open(ctx, out.Row)
	if err != nil {
		// In the ledger too, for reports and the next --only-failed.
		return nil, errors.Join(err, l.Update(func(tx *ledger.Tx) error {
			id, terr := tx.StartRun("{}")
			if terr != nil {
				return terr
			}
			return tx.EndRun(id, ledger.Stopped, err.Error())
		}))
	}
	defer source.Close()
	stem := strings.TrimSuffix(filepath.Base(out.Ledger), ".ledger")
	if o.Quarantine == "" {
		o.Quarantine = b.o.Dir
	}
	o.Quarantine = filepath.Join(o.Quarantine, stem+".quarantine")
	o.Share = b.jobs()
	o.Observer = func(e migrate.Event) { b.emit(out.Row, e) }
	res, err = migrate.Run(ctx, source, sink, l, o)
	// The last write of a sink may fail when it is closed.
	return res, errors.Join(err, sink.Close())
}

// StateOf reads from a ledger where its row stands. Content that was lost for
// good does not count: another run does not bring it back.
func StateOf(ctx context.Context, path string) (State, error) {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return NotBegun, nil
	}
	l, err := ledger.Read(ctx, path)
	if err != nil {
		return NotBegun, err
	}
	defer l.Close()
	runs, err := l.Runs(ctx)
	if err != nil || len(runs) == 0 {
		return NotBegun, err
	}
	switch last := runs[len(runs)-1]; {
	case last.Outcome == ledger.Stopped:
		return Stopped, nil
	case last.Outcome != ledger.Done:
		return Interrupted, nil
	case last.Detail != "":
		return Incomplete, nil
	}
	n, err := l.Count(ctx, ledger.Query{States: []ledger.State{ledger.Failed, ledger.Pending, ledger.Intent}})
	if err != nil {
		return NotBegun, err
	}
	folders, err := l.Folders(ctx)
	if err != nil {
		return NotBegun, err
	}
	for _, f := range folders {
		if f.Error != "" && !f.Gone {
			n++
		}
	}
	if n > 0 {
		return Incomplete, nil
	}
	return Done, nil
}

// A Prospect is what a run would do to one row.
type Prospect struct {
	Row *Row
	// Known says that the row is through and would be left out.
	Known    bool
	Forecast *migrate.Forecast
	Err      error
}

// DryRun says what [Run] would do, puts nothing and writes no ledger.
func DryRun(ctx context.Context, rows []Row, o Options) ([]Prospect, error) {
	if o.Migrate.Spool == nil {
		o.Migrate.Spool = spool.New(24<<20, "")
		defer o.Migrate.Spool.Close()
	}
	list := make([]Prospect, len(rows))
	for i := range rows {
		list[i].Row = &rows[i]
	}
	b := &batch{o: o, sinks: map[string]*sync.Mutex{}}
	err := b.each(ctx, rows, func(ctx context.Context, i int) { b.prospect(ctx, &list[i]) })
	return list, err
}

func (b *batch) prospect(ctx context.Context, p *Prospect) {
	var l *ledger.Ledger
	path := b.o.LedgerPath(p.Row)
	state, err := StateOf(ctx, path)
	if err == nil && state == Done && b.o.OnlyFailed {
		p.Known = true
		return
	}
	if state != NotBegun {
		if l, p.Err = ledger.Read(ctx, path); p.Err != nil {
			return
		}
		defer l.Close()
	}
	o, err := p.Row.apply(b.o.Migrate)
	if err != nil {
		p.Err = usagef("mailbox %s: %w", p.Row.Name, err)
		return
	}
	source, sink, err := b.o.Open(ctx, p.Row)
	if err != nil {
		p.Err = err
		return
	}
	defer source.Close()
	defer sink.Close()
	o.Observer = func(e migrate.Event) { b.emit(p.Row, e) }
	p.Forecast, p.Err = migrate.DryRun(ctx, source, sink, l, o, nil)
}
