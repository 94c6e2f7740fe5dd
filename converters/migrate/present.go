package migrate

import (
	"context"
	"slices"

	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/transport"
)

// ready finds out, before the first put of this ledger into a folder, what the
// folder holds. It is called with the place locked.
func (r *run) ready(ctx context.Context, p *place) error {
	if p.ready {
		return nil
	}
	if r.fresh(p) {
		// It holds nothing, which the first intent says for it.
		p.ready = true
		return nil
	}
	if !p.Scanned {
		if err := r.scan(ctx, p); err != nil {
			return err
		}
	}
	var err error
	if p.present, err = r.l.HasPresent(ctx, p.ID); err != nil {
		return err
	}
	p.ready = true
	return nil
}

func (r *run) scan(ctx context.Context, p *place) error {
	var page []transport.Meta
	save := func(last bool) error {
		return r.l.Update(func(tx *ledger.Tx) error {
			for _, m := range page {
				if err := tx.AddPresent(p.ID, m); err != nil {
					return err
				}
			}
			page = page[:0]
			if last {
				return tx.SetScanned(p.ID)
			}
			return nil
		})
	}
	if r.listed != nil {
		for m, err := range r.listed.Items(ctx, p.f, nil) {
			if err != nil && m.Key != "" {
				continue // an item that cannot be listed cannot be recognised
			}
			if err != nil {
				if transport.KindOf(err) == transport.NotFound {
					break
				}
				return err
			}
			if page = append(page, m); len(page) == pageSize {
				if err := save(false); err != nil {
					return err
				}
			}
		}
	}
	if err := save(true); err != nil {
		return err
	}
	p.Scanned = true
	return nil
}

// pair is an item and its copy in the sink.
type pair struct {
	s *staged
	c ledger.Present
}

// match takes out items that the folder held before the first put. Each item
// there stands for one copy.
func (p *putter) match(ctx context.Context, to *place, items []*staged) ([]*staged, error) {
	r := p.r
	if !to.present || len(items) == 0 {
		return items, nil
	}
	candidates := make([][]ledger.Present, len(items))
	sumsOf := map[int64]sums{}
	unread := map[transport.Key]ledger.Present{}
	var ask []transport.Key
	for i, s := range items {
		m := s.it.Meta
		if s.c.MIME != nil {
			m.Size = s.c.MIME.Size()
		}
		list, err := r.l.Candidates(ctx, to.ID, m)
		if err != nil {
			return nil, err
		}
		candidates[i] = list
		for _, c := range list {
			if !c.Content.IsZero() {
				sumsOf[c.ID] = sums{c.Content, c.Digest}
			} else if _, ok := unread[c.Ref]; !ok {
				unread[c.Ref] = c
				ask = append(ask, c.Ref)
			}
		}
	}
	var fresh []ledger.Present
	err := r.read(ctx, to, ask, func(k transport.Key, s sums) error {
		c := unread[k]
		c.Content, c.Digest = s.content, s.digest
		sumsOf[c.ID] = s
		fresh = append(fresh, c)
		return nil
	})
	if err != nil {
		return nil, err
	}
	taken := map[int64]bool{}
	var pairs []pair
	var rest []*staged
next:
	for i, s := range items {
		for _, c := range candidates[i] {
			if got, ok := sumsOf[c.ID]; ok && !taken[c.ID] && got.content == s.it.PutFingerprint() {
				taken[c.ID] = true
				pairs = append(pairs, pair{s, c})
				continue next
			}
		}
		// A store that keeps objects gives them back with properties of its
		// own: there the meaning counts.
		var digest ledger.Fingerprint
		for _, c := range candidates[i] {
			got := sumsOf[c.ID]
			if taken[c.ID] || got.digest.IsZero() {
				continue
			}
			if digest.IsZero() {
				if digest, err = r.digest(ctx, s.c); err != nil {
					break
				}
			}
			if got.digest == digest {
				taken[c.ID] = true
				pairs = append(pairs, pair{s, c})
				continue next
			}
		}
		rest = append(rest, s)
	}
	if len(pairs) > 0 {
		to.exact = true
	}
	if !to.exact {
		alike, left, err := p.alike(ctx, to, rest)
		if err != nil {
			return nil, err
		}
		pairs, rest = append(pairs, alike...), left
	}
	if len(pairs) == 0 && len(fresh) == 0 {
		return rest, nil
	}
	err = p.record(func(tx *ledger.Tx) error {
		for _, c := range fresh {
			if err := tx.SetPresent(c); err != nil {
				return err
			}
		}
		for _, m := range pairs {
			it := &m.s.it
			it.State, it.Ref, it.Route, it.Sink, it.Run = ledger.Copied, m.c.Ref, routePresent, to.ID, r.id
			it.Bytes = 0
			if err := tx.Finish(it, m.s.notes...); err != nil {
				return err
			}
			if err := tx.TakePresent(m.c.ID, it.ID); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, m := range pairs {
		r.done(p.j, &m.s.it)
	}
	return rest, nil
}

// mostAlike bounds how many items of a sink are read for one item.
const mostAlike = 20

// alike finds copies in a sink that writes mails anew, as Exchange does: other
// headers, perhaps another Message-ID, but the same date of arrival or
// Message-ID, and the same meaning. Where a folder has kept the bytes of any
// mail it is not such a sink, and this is not called. T43
func (p *putter) alike(ctx context.Context, to *place, items []*staged) (pairs []pair, rest []*staged, err error) {
	r := p.r
	if r.o.Contenter == nil || r.listed == nil {
		return nil, items, nil
	}
	if !to.indexed {
		if err := r.l.IndexReceived(); err != nil {
			return nil, nil, err
		}
		to.indexed = true
	}
	candidates := make([][]ledger.Present, len(items))
	meanings := map[transport.Key]ledger.Fingerprint{}
	var ask []transport.Key
	for i, s := range items {
		if s.c == nil || s.c.MIME == nil {
			continue
		}
		if candidates[i], err = r.l.Alike(ctx, to.ID, s.it.Meta, mostAlike); err != nil {
			return nil, nil, err
		}
		for _, c := range candidates[i] {
			if _, known := meanings[c.Ref]; !known {
				meanings[c.Ref] = ledger.Fingerprint{}
				ask = append(ask, c.Ref)
			}
		}
	}
	for part := range slices.Chunk(ask, fetchSize) {
		for fe, err := range r.listed.Fetch(ctx, to.f, part, []transport.Form{transport.FormMIME}) {
			if err != nil {
				return nil, nil, err
			}
			if fe.Err != nil {
				fe.Content.Close()
				continue
			}
			c, err := r.o.Spool.Keep(ctx, fe.Content)
			if err != nil {
				if transport.Canceled(err) {
					return nil, nil, err
				}
				continue
			}
			if m, err := r.o.Contenter.Meaning(ctx, c); err == nil {
				meanings[fe.Key] = m.anonymous()
			}
			c.Close()
		}
	}
	taken := map[int64]bool{}
next:
	for i, s := range items {
		var own ledger.Fingerprint
		for _, c := range candidates[i] {
			if taken[c.ID] || meanings[c.Ref].IsZero() {
				continue
			}
			if own.IsZero() {
				m, err := r.o.Contenter.Meaning(ctx, s.c)
				if err != nil {
					break
				}
				own = m.anonymous()
			}
			if meanings[c.Ref] == own {
				taken[c.ID] = true
				s.notes = append(s.notes, ledger.Note{Kind: ledger.Change, Name: "copy", Reason: "rewritten", Detail: "the sink held it already with other bytes: the dates, addresses, subject, text and attachments are the same"})
				pairs = append(pairs, pair{s, c})
				continue next
			}
		}
		rest = append(rest, s)
	}
	return pairs, rest, nil
}
