package migrate

import (
	"context"
	"slices"

	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/transport"
)

// A flight is a batch on its way to the sink.
type flight struct {
	to    *place
	items []*staged
	all   []*staged // that are released afterwards

	done    chan struct{} // closed when what follows is set
	results []transport.Result
	err     error
}

// launch sends some of the items, which have their intents, and takes all over.
// The place stays locked.
func (p *putter) launch(ctx context.Context, to *place, all, items []*staged) {
	f := &flight{to: to, items: items, all: all, done: make(chan struct{})}
	p.air = f
	go func() {
		defer close(f.done)
		f.results, f.err = p.r.putAll(ctx, to, items)
	}()
}

// landed is closed when what is on its way has arrived.
func (p *putter) landed() <-chan struct{} {
	if p == nil || p.air == nil {
		return nil
	}
	return p.air.done
}

// land waits for what is on its way, turns it into rows and leaves the place to
// others.
func (p *putter) land(ctx context.Context) error {
	if p.air == nil {
		return nil
	}
	to := p.air.to
	err := p.settleAir(ctx)
	if !p.own(to) {
		// Others go by what the ledger knows.
		err = first(err, p.record(nil))
	}
	to.mu.Unlock()
	return err
}

// settleAir is land without leaving the place.
func (p *putter) settleAir(ctx context.Context) error {
	f := p.air
	<-f.done
	p.air = nil
	err := p.settle(ctx, f.to, f.items, f.results, f.err)
	release(f.all)
	return err
}

// own reports whether this putter alone puts into a place as a rule. Others that
// come by record what they did before they leave it.
func (p *putter) own(to *place) bool { return to == p.j.to && !to.shared }

// reserve reports whether items may be intended while others are on their way. The
// place is locked then: it is that of the batch on its way, or one that was made
// just now.
//
// To the same place that is so with the same mark. A place that was made just
// now holds nothing. Where there is a byte budget what is on its way is settled
// first, as the budget may make the next batch wait for a day.
func (p *putter) reserve(to *place, items []*staged) bool {
	if !p.own(to) || p.r.o.Dedupe || p.r.budgeted() || slices.ContainsFunc(items, func(s *staged) bool { return s.old != nil }) {
		return false
	}
	switch {
	case p.air != nil:
		return p.air.to == to && !to.present && p.keepsMark(to)
	case p.before == nil || p.before.air == nil || p.before.air.to == to:
		return false
	}
	// The place of the batch before is locked: to wait for another might be for
	// ever.
	if !to.mu.TryLock() {
		return false
	}
	if p.r.fresh(to) {
		return true
	}
	to.mu.Unlock()
	return false
}

// follow intends items, waits for those on their way, and sends them after. Their
// place is reserved.
func (p *putter) follow(ctx context.Context, to *place, items []*staged) error {
	same := p.air != nil
	err := p.intend(ctx, to, items)
	if err != nil {
		release(items)
		if !same {
			to.mu.Unlock()
		}
		return err
	}
	if same {
		err = p.settleAir(ctx)
		if err == nil && (to.mark.unkeyed || to.mark.text != items[0].it.Mark) {
			// Something is past the mark now that has no key, and these may be
			// its twins.
			to.mark.spoil()
			err = p.intend(ctx, to, items)
		}
	} else {
		err = p.before.land(ctx)
	}
	if err == nil {
		p.launch(ctx, to, items, items)
		return p.finishBefore(ctx)
	}
	// None of them was sent.
	for _, s := range items {
		s.it.State, s.it.Reason, s.it.Detail = ledger.Pending, "", ""
		p.late = append(p.late, result{j: p.j, it: s.it})
	}
	to.mu.Unlock()
	release(items)
	return err
}

// finishBefore waits for what is on its way to the folder before, and takes over
// what is to be recorded of it: with the next commit, or by finish.
func (p *putter) finishBefore(ctx context.Context) error {
	b := p.before
	p.before = nil
	if b == nil {
		return nil
	}
	if err := b.end(ctx); err != nil {
		return first(err, b.record(nil))
	}
	p.late, p.done = append(b.late, p.late...), append(b.done, p.done...)
	return nil
}

// mostDone is how many folders may wait for a commit.
const mostDone = 50

// end waits for what is on its way. The folder is done then.
func (p *putter) end(ctx context.Context) error {
	if p.ended {
		return nil
	}
	if err := first(p.finishBefore(ctx), p.land(ctx)); err != nil {
		return err
	}
	p.r.listedNow(p.j)
	p.done, p.ended = append(p.done, p.j), true
	if len(p.done) >= mostDone {
		return p.record(nil)
	}
	return nil
}

// finish is end, and records it.
func (p *putter) finish(ctx context.Context) error {
	return first(p.end(ctx), p.record(nil))
}

// abort waits for what is on its way, records what happened and releases what
// did not.
func (p *putter) abort(ctx context.Context) error {
	err := first(p.finishBefore(ctx), p.land(ctx))
	for _, b := range p.batches {
		release(b.items)
	}
	p.batches = nil
	return first(err, p.record(nil))
}

// first is the first of some errors, which tells why. All that give them are
// called.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
