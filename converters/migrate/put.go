package migrate

import (
	"context"
	"errors"
	"fmt"

	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/retry"
)

// Routes that the engine gives besides those of the sinks.
const (
	routePresent = "present" // it was in the sink before the first put
	routeFound   = "found"   // put by a run that could not record it
	routeMoved   = "moved"   // it was copied before, and is elsewhere now
)

// defaultBytes bounds a batch for sinks that do not say.
const defaultBytes = 8 << 20

// A putter takes the items of one folder and puts them in batches, one batch
// list for each place. While one batch is on its way the next is collected, and
// where that is safe also intended.
type putter struct {
	r       *run
	j       *job
	batches map[*place]*batch
	bytes   int64 // of all batches
	// late are results that are recorded together with the next intents, so
	// that a batch costs one commit and not two. A kill before that is the
	// same as one right after the put.
	late []result
	// done are folders of which all is put: their state is saved with the next
	// commit, too.
	done []*job
	// air is the batch on its way, or nil. Its place is locked.
	air *flight
	// before is the putter of the folder before, whose last batch may be on
	// its way yet, or nil.
	before *putter
	// ended says that the folder is among those that are done.
	ended bool
}

type batch struct {
	items []*staged
	bytes int64
}

type result struct {
	j     *job
	it    ledger.Item
	notes []ledger.Note
}

func (r *run) limits() (items int, bytes int64) {
	items, bytes = r.o.Batch, defaultBytes
	if r.batch != nil {
		n, b := r.batch.BatchLimit()
		if n > 0 {
			items = n
		}
		if b > 0 {
			bytes = b
		}
	}
	return items, min(bytes, r.share())
}

func (p *putter) add(ctx context.Context, s *staged) error {
	items, bytes := p.r.limits()
	b := p.batches[s.to]
	if b == nil {
		b = &batch{}
		p.batches[s.to] = b
	}
	if len(b.items) > 0 && b.bytes+s.size() > bytes {
		if err := p.flush(ctx, s.to); err != nil {
			s.close()
			return err
		}
	}
	b.items = append(b.items, s)
	b.bytes += s.size()
	p.bytes += s.size()
	switch {
	case len(b.items) >= items || b.bytes >= bytes:
		return p.flush(ctx, s.to)
	case p.bytes >= bytes:
		return p.flush(ctx, p.largest())
	}
	return nil
}

// largest is the place with the most bytes that wait.
func (p *putter) largest() (to *place) {
	for place, b := range p.batches {
		if to == nil || b.bytes > p.batches[to].bytes {
			to = place
		}
	}
	return to
}

func (p *putter) flushAll(ctx context.Context) error {
	for to := range p.batches {
		if err := p.flush(ctx, to); err != nil {
			return err
		}
	}
	return nil
}

func sizeOf(items []*staged) (n int64) {
	for _, s := range items {
		n += s.size()
	}
	return n
}

func release(items []*staged) {
	for _, s := range items {
		s.close()
	}
}

// record writes the late results, the state of folders that are done, and
// whatever else belongs to the commit, and then tells the observer.
func (p *putter) record(also func(*ledger.Tx) error) error {
	if len(p.late) == 0 && len(p.done) == 0 && also == nil {
		return nil
	}
	err := p.r.l.Update(func(tx *ledger.Tx) error {
		for i := range p.late {
			if err := tx.Finish(&p.late[i].it, p.late[i].notes...); err != nil {
				return err
			}
		}
		for _, j := range p.done {
			if err := tx.SaveFolder(&j.row); err != nil {
				return err
			}
		}
		if also != nil {
			return also(tx)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i := range p.late {
		res := &p.late[i]
		severe := false
		for _, n := range res.notes {
			severe = severe || n.Severe
		}
		if severe && res.it.State == ledger.Copied {
			p.r.count(func(res *Result) { res.Severe++ })
		}
		if res.it.State.Final() {
			p.r.done(res.j, &res.it)
		}
	}
	for _, j := range p.done {
		p.r.folderDone(j)
	}
	p.late, p.done = p.late[:0], p.done[:0]
	return nil
}

// flush puts what is collected for a place on its way.
func (p *putter) flush(ctx context.Context, to *place) error {
	b := p.batches[to]
	if b == nil || len(b.items) == 0 {
		return nil
	}
	items := b.items
	p.bytes -= b.bytes
	b.items, b.bytes = nil, 0
	if p.reserve(to, items) {
		return p.follow(ctx, to, items)
	}
	if err := first(p.land(ctx), p.finishBefore(ctx)); err != nil {
		release(items)
		return err
	}
	to.mu.Lock()
	rest, err := p.begin(ctx, to, items)
	if err == nil && len(rest) > 0 {
		if err = p.r.budget(ctx, sizeOf(rest)); err == nil {
			err = p.intend(ctx, to, rest)
		}
		if err == nil {
			p.launch(ctx, to, items, rest)
			return nil
		}
	}
	to.mu.Unlock()
	release(items)
	return err
}

// begin does what is to be done before a put, and returns what is to be put. The
// place is locked.
func (p *putter) begin(ctx context.Context, to *place, items []*staged) ([]*staged, error) {
	if p.r.o.Dedupe {
		// Twins in other folders wait until this one is recorded.
		p.r.deduping.Lock()
		defer p.r.deduping.Unlock()
	}
	if err := p.r.ready(ctx, to); err != nil {
		return nil, err
	}
	rest, err := p.moves(ctx, to, items)
	if err != nil {
		return nil, err
	}
	if rest, err = p.match(ctx, to, rest); err != nil || !p.r.o.Dedupe {
		return rest, err
	}
	for len(rest) > 0 {
		first, twins, err := p.dedupe(ctx, rest)
		if err != nil {
			return nil, err
		}
		if err := p.r.budget(ctx, sizeOf(first)); err != nil {
			return nil, err
		}
		if err := p.put(ctx, to, first); err != nil {
			return nil, err
		}
		if err := p.record(nil); err != nil {
			return nil, err
		}
		rest = twins
	}
	return nil, nil
}

// dedupe takes out what the sink has already, and twins within the batch.
func (p *putter) dedupe(ctx context.Context, items []*staged) (first, twins []*staged, err error) {
	seen := map[ledger.Fingerprint]bool{}
	for _, s := range items {
		if seen[s.it.Content] {
			twins = append(twins, s)
			continue
		}
		twin, err := p.r.l.Twin(ctx, s.it.Content)
		if err != nil {
			return nil, nil, err
		}
		if twin != nil {
			s.it.State, s.it.Detail, s.it.Run = ledger.Duplicate, "the same as item "+string(twin.Meta.Key), p.r.id
			s.it.Sink, s.it.Ref = twin.Sink, twin.Ref
			p.late = append(p.late, result{j: p.j, it: s.it})
			continue
		}
		seen[s.it.Content] = true
		first = append(first, s)
	}
	return first, twins, nil
}

// put marks, intends, puts, and keeps the results for the next commit.
func (p *putter) put(ctx context.Context, to *place, items []*staged) error {
	if len(items) == 0 {
		return nil
	}
	to.mark.spoil() // something went wrong, or the order counts
	if err := p.intend(ctx, to, items); err != nil {
		return err
	}
	results, whole := p.r.putAll(ctx, to, items)
	return p.settle(ctx, to, items, results, whole)
}

// keepsMark reports whether the mark of the batch before is good for one more.
func (p *putter) keepsMark(to *place) bool { return p.own(to) && to.mark.good() }

// intend records that a put of the items is about to happen. The mark of a
// folder that was made just now is its beginning.
func (p *putter) intend(ctx context.Context, to *place, items []*staged) error {
	fresh := p.r.fresh(to)
	switch {
	case p.keepsMark(to):
		to.mark.batches++
	case fresh && p.own(to):
		to.mark.take("")
	case p.r.tracker != nil:
		text, err := p.r.tracker.Mark(ctx, to.f)
		if err != nil {
			return err
		}
		to.mark.take(text)
	}
	err := p.record(func(tx *ledger.Tx) error {
		for _, s := range items {
			s.it.Sink, s.it.Mark, s.it.Run = to.ID, to.mark.text, p.r.id
			if err := tx.Intend(&s.it); err != nil {
				return err
			}
		}
		if fresh {
			return tx.SetScanned(to.ID)
		}
		return nil
	})
	if err == nil && fresh {
		to.Scanned, to.f.New = true, false
	}
	return err
}

// token marks an item in stores that keep such a mark.
func (r *run) token(it *ledger.Item) string { return fmt.Sprintf("%s.%d", r.l.ID(), it.ID) }

// putAll puts items. The error is one of the whole batch, of which nothing is
// known then.
func (r *run) putAll(ctx context.Context, to *place, items []*staged) ([]transport.Result, error) {
	meta := func(s *staged) transport.Meta {
		m := s.it.Meta
		m.Token = r.token(&s.it)
		return m
	}
	if r.batch != nil {
		list := make([]transport.Staged, len(items))
		for i, s := range items {
			list[i] = transport.Staged{Meta: meta(s), Content: s.c}
		}
		results, err := r.batch.PutBatch(ctx, to.f, list)
		if err == nil && len(results) != len(items) {
			err = &transport.Error{Op: "append", Folder: to.f.String(), Err: fmt.Errorf("the sink gave %d results for %d items", len(results), len(items))}
		}
		return results, err
	}
	results := make([]transport.Result, len(items))
	for i, s := range items {
		results[i].Receipt, results[i].Err = r.sink.Put(ctx, to.f, meta(s), s.c)
		if err := results[i].Err; err != nil && stops(err) {
			// What was not tried has the same fate.
			for k := i + 1; k < len(items); k++ {
				results[k].Err = notTried
			}
			break
		}
	}
	return results, nil
}

// notTried is the outcome of an item whose put never began.
var notTried = &transport.Error{Kind: transport.Unavailable, Op: "append", Err: errors.New("not tried")}

// settle turns the outcome of a put into rows.
func (p *putter) settle(ctx context.Context, to *place, items []*staged, results []transport.Result, whole error) error {
	var unknown []*staged
	var last, stop error
	unsettled := false
	for i, s := range items {
		err := whole
		if whole == nil {
			err = results[i].Err
		}
		switch {
		case err == nil:
			to.mark.arrived(results[i].Receipt.Ref)
			p.copied(s, results[i].Receipt)
		case transport.Canceled(err):
			// It may be there: the intent stays for the next run.
			stop = err
		case whole != nil || retry.Retryable(err):
			unknown, last = append(unknown, s), err
			unsettled = unsettled || transport.Unsettled(err)
		case stops(err):
			if stop == nil && !errors.Is(err, notTried) {
				stop = err
			}
			s.it.State, s.it.Reason, s.it.Detail = ledger.Pending, "", ""
			p.late = append(p.late, result{j: p.j, it: s.it})
		default:
			if err := p.refused(ctx, to, s, err); err != nil {
				return err
			}
		}
	}
	if stop != nil {
		return stop
	}
	if len(unknown) == 0 {
		return nil
	}
	list := make([]*ledger.Item, len(unknown))
	for i, s := range unknown {
		list[i] = &s.it
	}
	if err := p.record(nil); err != nil {
		return err
	}
	found, err := p.r.resolve(ctx, to, list, p.r.settled(unsettled))
	if err != nil {
		// The other side does not answer: the intents stay.
		return errors.Join(last, err)
	}
	var left []*staged
	for _, s := range unknown {
		if ref, ok := found[s.it.ID]; ok {
			to.mark.arrived(ref)
			p.copied(s, transport.Receipt{Ref: ref, Route: routeFound, Bytes: s.size()})
			continue
		}
		left = append(left, s)
	}
	switch {
	case len(left) == 0:
		return nil
	case whole != nil && (stops(whole) || retry.Retryable(whole)):
		// The wrapper tried for long enough: the run stops, nothing is lost.
		for _, s := range left {
			s.it.State = ledger.Pending
			p.late = append(p.late, result{j: p.j, it: s.it})
		}
		return whole
	case whole != nil && len(items) > 1:
		// One item spoils the batch. One by one, only that one fails.
		for _, s := range left {
			if err := p.put(ctx, to, []*staged{s}); err != nil {
				return err
			}
		}
		return nil
	}
	for _, s := range left {
		if err := p.refused(ctx, to, s, last); err != nil {
			return err
		}
	}
	return nil
}

func (p *putter) copied(s *staged, rc transport.Receipt) {
	s.it.State, s.it.Ref, s.it.Route, s.it.Bytes = ledger.Copied, rc.Ref, rc.Route, rc.Bytes
	s.it.Reason, s.it.Detail = "", ""
	if s.it.Bytes == 0 {
		s.it.Bytes = s.size()
	}
	notes := append(s.notes, ledger.LossNotes(rc.Losses)...)
	if s.it.Tries > 1 && p.r.blind() && rc.Route != routeFound {
		notes = append(notes, ledger.Note{Kind: ledger.Change, Name: "copy", Reason: "perhaps-twice", Detail: "an earlier try has no known outcome, and the sink cannot be asked"})
	}
	p.late = append(p.late, result{j: p.j, it: s.it, notes: notes})
}

// blind says that the sink can be asked for nothing.
func (r *run) blind() bool { return r.tracker == nil && r.listed == nil }

// refused mends an item that the sink does not take, if that was asked for, or
// gives it up.
func (p *putter) refused(ctx context.Context, to *place, s *staged, err error) error {
	kind := transport.KindOf(err)
	if p.r.o.Repair && s.c.Form == transport.FormMIME && s.it.Put.IsZero() && (kind == transport.Rejected || kind == transport.Permanent) {
		mended, note, merr := p.r.mend(ctx, s)
		if merr != nil {
			return merr
		}
		if mended {
			s.notes = append(s.notes, note)
			return p.put(ctx, to, []*staged{s})
		}
	}
	return p.r.fail(ctx, p.j, &s.it, s.c, kind.String(), err.Error())
}
