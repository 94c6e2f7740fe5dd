package migrate

import (
	"context"
	"iter"
	"time"

	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/transport"
)

// resolveOpen finds out what became of the intents that a killed run left.
func (r *run) resolveOpen(ctx context.Context) error {
	if !r.later {
		return nil
	}
	if err := r.l.IndexOpen(); err != nil {
		return err
	}
	type group struct {
		sink int64
		mark string
	}
	groups := map[group][]*ledger.Item{}
	var order []group
	for it, err := range r.l.Items(ctx, ledger.Query{States: []ledger.State{ledger.Intent}}) {
		if err != nil {
			return err
		}
		g := group{it.Sink, it.Mark}
		if groups[g] == nil {
			order = append(order, g)
		}
		groups[g] = append(groups[g], &it)
	}
	// The run before was killed at the latest just now; an intent may be far older
	// than its put.
	until := r.settled(true)
	for _, g := range order {
		p, err := r.placeByID(ctx, g.sink)
		if err != nil {
			return err
		}
		found, err := r.resolve(ctx, p, groups[g], until)
		if err != nil {
			return err
		}
		err = r.l.Update(func(tx *ledger.Tx) error {
			for _, it := range groups[g] {
				it.Run = r.id
				if ref, ok := found[it.ID]; ok {
					it.State, it.Ref, it.Route = ledger.Copied, ref, routeFound
					it.Bytes = max(it.Meta.Size, 0)
				} else {
					it.State = ledger.Pending
				}
				if err := tx.Finish(it); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, it := range groups[g] {
			if it.State.Final() {
				r.done(nil, it)
			}
		}
	}
	return nil
}

// settleStep is the first wait between two looks.
const settleStep = 250 * time.Millisecond

// settled is when nothing of what was sent up to now can arrive any more. A sink
// may go on with a put after its connection is gone.
func (r *run) settled(unsettled bool) time.Time {
	now := r.o.Clock.Now()
	if s, ok := transport.As[transport.Settler](r.sink); ok && unsettled {
		return now.Add(s.Settle())
	}
	return now
}

// resolve finds out which of some intents, all with the same mark, are there.
// What is not is looked for again until the sink has settled.
func (r *run) resolve(ctx context.Context, p *place, items []*ledger.Item, until time.Time) (map[int64]transport.Key, error) {
	for wait := settleStep; ; wait *= 2 {
		rest := until.Sub(r.o.Clock.Now())
		found, err := r.look(ctx, p, items)
		if err != nil || len(found) == len(items) || rest <= 0 || r.blind() {
			return found, err
		}
		if wait == settleStep {
			r.emit(Waiting{Op: "append", Folder: transport.JoinPath(p.StorePath), For: rest, Why: "the sink may still be at work on a put that was cut off"})
		}
		if err := r.o.Clock.Sleep(ctx, min(wait, rest)); err != nil {
			return nil, err
		}
	}
}

// look asks the sink which of some intents, all with the same mark, are
// there: past the mark where the sink can tell, else among all that it holds
// and did not hold before. What the ledger knows as the copy of another item is
// left out, so a twin is never taken for ours.
func (r *run) look(ctx context.Context, p *place, items []*ledger.Item) (map[int64]transport.Key, error) {
	found := map[int64]transport.Key{}
	if r.blind() {
		if len(items) > 0 {
			r.trouble(transport.JoinPath(p.StorePath), "a put has no known outcome and the sink cannot be asked; the items are put again")
		}
		return found, nil
	}
	var seq iter.Seq2[transport.Meta, error]
	if r.tracker != nil {
		seq = r.tracker.Since(ctx, p.f, items[0].Mark)
	} else {
		seq = r.listed.Items(ctx, p.f, nil)
	}
	if err := r.l.IndexRefs(); err != nil {
		return nil, err
	}
	open := map[int64]*ledger.Item{}
	tokens := map[string]*ledger.Item{}
	ids := map[string]bool{}
	unnamed := false
	for _, it := range items {
		open[it.ID], tokens[r.token(it)] = it, it
		ids[it.Meta.MessageID] = true
		unnamed = unnamed || it.Meta.MessageID == ""
	}
	check := func(page []transport.Meta) error {
		keys := make([]transport.Key, len(page))
		for i, m := range page {
			keys[i] = m.Key
		}
		ours, err := r.l.Refs(ctx, p.ID, keys)
		if err != nil {
			return err
		}
		var before map[transport.Key]bool
		if r.tracker == nil {
			if before, err = r.l.WasPresent(ctx, p.ID, keys); err != nil {
				return err
			}
		}
		var ask []transport.Key
		for _, m := range page {
			if _, ok := ours[m.Key]; ok || before[m.Key] {
				continue
			}
			if it := tokens[m.Token]; m.Token != "" && it != nil {
				if open[it.ID] != nil {
					found[it.ID] = m.Key
					delete(open, it.ID)
				}
				continue
			}
			if m.MessageID != "" && !unnamed && !ids[m.MessageID] {
				continue
			}
			ask = append(ask, m.Key)
		}
		if len(ask) == 0 || len(open) == 0 {
			return nil
		}
		if r.listed == nil {
			// Only the Message-ID is there to go by.
			for _, m := range page {
				for _, it := range items {
					if open[it.ID] != nil && m.MessageID != "" && it.Meta.MessageID == m.MessageID {
						found[it.ID] = m.Key
						delete(open, it.ID)
						break
					}
				}
			}
			return nil
		}
		return r.read(ctx, p, ask, func(k transport.Key, sums sums) error {
			for _, it := range items {
				if open[it.ID] != nil && sums.content == it.PutFingerprint() {
					found[it.ID] = k
					delete(open, it.ID)
					break
				}
			}
			return nil
		})
	}
	var page []transport.Meta
	for m, err := range seq {
		if err != nil {
			if transport.KindOf(err) == transport.NotFound {
				return found, nil // the folder is not there, nor is the item
			}
			return nil, err
		}
		if page = append(page, m); len(page) == pageSize {
			if err := check(page); err != nil {
				return nil, err
			}
			page = page[:0]
		}
	}
	return found, check(page)
}

// sums are what is known of an item that was read from the sink.
type sums struct{ content, digest ledger.Fingerprint }

// read fetches items of the sink and hands over their fingerprints. An item
// that cannot be read is left out.
func (r *run) read(ctx context.Context, p *place, keys []transport.Key, fn func(transport.Key, sums) error) error {
	for len(keys) > 0 {
		n := min(len(keys), fetchSize)
		for fe, err := range r.listed.Fetch(ctx, p.f, keys[:n], []transport.Form{transport.FormMIME, transport.FormObject}) {
			if err != nil {
				return err
			}
			if fe.Err != nil {
				fe.Content.Close()
				if stops(fe.Err) {
					return fe.Err
				}
				continue
			}
			s, err := r.sums(ctx, fe.Content)
			if err != nil {
				if transport.Canceled(err) {
					return err
				}
				r.trouble(transport.JoinPath(p.StorePath), "an item of the sink cannot be read: "+err.Error())
				continue
			}
			if err := fn(fe.Key, s); err != nil {
				return err
			}
		}
		keys = keys[n:]
	}
	return nil
}

// sums takes the content over.
func (r *run) sums(ctx context.Context, c *transport.Content) (s sums, err error) {
	want := r.o.Contenter != nil && (c.Form == transport.FormObject || r.digestMIME)
	if want {
		if c, err = r.o.Spool.Keep(ctx, c); err != nil {
			return s, err
		}
	}
	defer c.Close()
	if s.content, err = Fingerprint(ctx, c); err == nil && want {
		s.digest, err = r.digest(ctx, c)
	}
	return s, err
}

// digest is the fingerprint of what an item means.
func (r *run) digest(ctx context.Context, c *transport.Content) (ledger.Fingerprint, error) {
	m, err := r.o.Contenter.Meaning(ctx, c)
	if err != nil {
		return ledger.Fingerprint{}, err
	}
	return m.Digest(), nil
}
