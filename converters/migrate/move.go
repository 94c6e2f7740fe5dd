package migrate

import (
	"context"
	"errors"

	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/transport"
)

// claim takes an item that left its place for one new item; false when another
// has it.
func (r *run) claim(id int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.claimed[id] {
		return false
	}
	r.claimed[id] = true
	return true
}

// movedByID finds the row of an item that the store says is the same one, now
// elsewhere.
func (r *run) movedByID(ctx context.Context, it *ledger.Item) (*ledger.Item, error) {
	if !r.later || r.o.NoMoves || it.Meta.ObjectID == "" {
		return nil, nil
	}
	list, err := r.l.LeftObject(ctx, it.Meta.ObjectID)
	return r.pick(list, it.Folder), err
}

// movedByContent finds the row of an item that left its place and has the same
// content: it moved, or its folder got new keys. T53
func (r *run) movedByContent(ctx context.Context, it *ledger.Item, folder int64) (*ledger.Item, error) {
	if !r.later || r.o.NoMoves {
		return nil, nil
	}
	list, err := r.l.LeftContent(ctx, it.Content, folder)
	return r.pick(list, folder), err
}

// pick claims one row, best of the same folder.
func (r *run) pick(list []ledger.Item, folder int64) *ledger.Item {
	for _, same := range []bool{true, false} {
		for i := range list {
			if (list[i].Folder == folder) == same && r.claim(list[i].ID) {
				return &list[i]
			}
		}
	}
	return nil
}

// movable reports whether an item that left its place needs no body: it stays in
// its place of the sink, or the sink can move it.
func (r *run) movable(old *ledger.Item, to *place) bool {
	return old.Sink == to.ID || r.mover != nil && old.Ref != ""
}

// moves carries moves, and returns what is to be put.
func (p *putter) moves(ctx context.Context, to *place, items []*staged) ([]*staged, error) {
	r := p.r
	var rest, stay []*staged
	from := map[int64][]*staged{}
	var order []int64
	for _, s := range items {
		switch {
		case s.old == nil:
			rest = append(rest, s)
		case s.old.Sink == to.ID:
			stay = append(stay, s)
		case !r.movable(s.old, to):
			s.notes = append(s.notes, ledger.Note{Kind: ledger.Change, Name: "place", Reason: "copied-again", Detail: "the item moved at the source; the sink cannot move it, so it has a second copy"})
			rest = append(rest, s)
		default:
			if from[s.old.Sink] == nil {
				order = append(order, s.old.Sink)
			}
			// After a kill the item is looked for by content.
			if s.it.Content.IsZero() {
				s.it.Content = s.old.Content
			}
			if s.it.Put.IsZero() {
				s.it.Put = s.old.Put
			}
			from[s.old.Sink] = append(from[s.old.Sink], s)
		}
	}
	if err := p.rekey(ctx, to, stay, nil); err != nil {
		return nil, err
	}
	for _, id := range order {
		list := from[id]
		src, err := r.placeByID(ctx, id)
		if err != nil {
			return nil, err
		}
		to.mark.spoil() // what is moved may get a key that nobody is told
		if err := p.intend(ctx, to, list); err != nil {
			return nil, err
		}
		to.mark.spoil()
		refs := make([]transport.Key, len(list))
		for i, s := range list {
			refs[i] = s.old.Ref
		}
		results := r.mover.Move(ctx, src.f, to.f, refs)
		var done []*staged
		var keys []transport.Key
		for i, s := range list {
			err := error(&transport.Error{Op: "move", Err: errors.New("the sink gave no answer for the item")})
			if i < len(results) {
				err = results[i].Err
			}
			switch {
			case err == nil:
				done, keys = append(done, s), append(keys, results[i].Receipt.Ref)
			case stops(err):
				return nil, errors.Join(p.rekey(ctx, to, done, keys), err)
			default:
				// It is not where it was: put it anew.
				r.trouble(transport.JoinPath(src.StorePath), "an item is not moved but put again: "+err.Error())
				rest = append(rest, s)
			}
		}
		if err := p.rekey(ctx, to, done, keys); err != nil {
			return nil, err
		}
	}
	var bodies []*staged
	for _, s := range rest {
		ok := s.c != nil
		if !ok {
			var err error
			if ok, err = p.body(ctx, s); err != nil {
				return nil, err
			}
		}
		if ok {
			bodies = append(bodies, s)
		}
	}
	return bodies, nil
}

// body fetches what was thought not to be needed.
func (p *putter) body(ctx context.Context, s *staged) (bool, error) {
	out := make(chan *staged, 1)
	it := s.it
	it.Meta.ObjectID = "" // do not recognise it again
	if err := p.r.fetch(ctx, p.j, []ledger.Item{it}, out, nil); err != nil {
		return false, err
	}
	select {
	case got := <-out:
		s.c, s.it.Content, s.it.Put, s.notes = got.c, got.it.Content, got.it.Put, append(s.notes, got.notes...)
		s.it.Meta.MessageID, s.it.Meta.Subject, s.it.Meta.Received = got.it.Meta.MessageID, got.it.Meta.Subject, got.it.Meta.Received
		return true, nil
	default:
		return false, nil // it has found its end
	}
}

// rekey gives old rows their new keys and places; refs are the new keys in the
// sink, nil where they stay.
func (p *putter) rekey(ctx context.Context, to *place, list []*staged, refs []transport.Key) error {
	if len(list) == 0 {
		return nil
	}
	r := p.r
	for i, s := range list {
		s.old.Sink, s.old.Run = to.ID, r.id
		if refs != nil {
			s.old.Ref = refs[i]
		}
	}
	err := p.record(func(tx *ledger.Tx) error {
		for _, s := range list {
			if err := tx.Rekey(s.old, &s.it); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	var flags []flagChange
	r.count(func(res *Result) {
		for _, s := range list {
			switch {
			case s.old.Folder != s.it.Folder:
				res.Moved++
			default:
				res.Rekeyed++
			}
		}
	})
	for _, s := range list {
		old := s.old.Meta
		s.old.Meta, s.old.Folder = s.it.Meta, s.it.Folder
		if old.Flags != s.it.Meta.Flags || !sameKeywords(old.Keywords, s.it.Meta.Keywords) {
			flags = append(flags, flagChange{*s.old, s.it.Meta})
		}
		r.done(p.j, &ledger.Item{Meta: s.it.Meta, State: ledger.Copied, Route: routeMoved})
	}
	if len(flags) == 0 || r.o.NoFlags {
		return nil
	}
	return r.setFlags(ctx, p.j, to, flags)
}
