package migrate

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"maps"
	"slices"

	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/transport"
)

const (
	// pageSize is the number of items about which the ledger is asked at once.
	pageSize = 500
	// buffer is how many items of a folder are kept in memory between listing
	// and fetching. Larger folders go through the ledger, as pending rows.
	buffer = 8192
)

// first lists a folder in the first run over a ledger.
func (r *run) first(ctx context.Context, j *job) (pages, error) {
	fresh, spilled, err := r.list(ctx, j, r.o.Query != "")
	if err := r.unlisted(j, err); err != nil {
		return nil, err
	}
	if spilled {
		return r.rows(ctx, j)
	}
	return items(fresh), nil
}

// relist is the first half of a later run: what is new becomes pending, what
// changed is carried, what is missing is marked.
func (r *run) relist(ctx context.Context, j *job) error {
	_, _, err := r.list(ctx, j, true)
	if err := r.unlisted(j, err); err != nil {
		return err
	}
	if r.refilter && r.o.Query == "" {
		return r.lookAgain(ctx, j)
	}
	return nil
}

// A folderError is a folder that could not be listed, or not to its end.
type folderError struct{ err error }

func (e *folderError) Error() string { return e.err.Error() }
func (e *folderError) Unwrap() error { return e.err }

// unlisted records that a folder could not be listed, and passes other errors
// on. What was listed of it is copied; the cursor stays, so that the next run
// lists it again.
func (r *run) unlisted(j *job, err error) error {
	var fe *folderError
	if !errors.As(err, &fe) {
		return err
	}
	j.row.Error = err.Error()
	j.cursor = j.row.Cursor
	r.count(func(res *Result) { res.Unlisted++ })
	return nil
}

// folderDone tells the observer.
func (r *run) folderDone(j *job) {
	r.emit(FolderDone{Folder: j.f.String(), Listed: j.count, Known: j.known, Error: j.row.Error})
}

// listedNow sets what the listing found out about the folder.
func (r *run) listedNow(j *job) {
	if j.row.Error == "" && r.o.Plan == nil {
		j.row.Cursor, j.row.Listed = j.cursor, r.o.Clock.Now()
	}
	if j.row.Expected < 0 && j.row.Error == "" {
		j.row.Expected = j.count
	}
}

// bits is a set of row IDs: one bit for each, as they are dense.
type bits map[int64]uint64

func (b bits) add(id int64)      { b[id>>6] |= 1 << (id & 63) }
func (b bits) has(id int64) bool { return b[id>>6]&(1<<(id&63)) != 0 }

// lister is the state of one listing.
type lister struct {
	r       *run
	j       *job
	spill   bool
	fresh   []ledger.Item
	keys    map[transport.Key]bool // of fresh
	seen    bits
	nSeen   int64
	changes []flagChange
}

// changedLater is the reason of a note on a copy that is older than its
// original.
const changedLater = "changed-later"

type flagChange struct {
	it   ledger.Item
	meta transport.Meta
}

// list lists a folder against the ledger. New items are returned, or, with
// spill and in folders that are too large to keep, become pending rows.
func (r *run) list(ctx context.Context, j *job, spill bool) (fresh []ledger.Item, spilled bool, err error) {
	r.emit(FolderStarted{Folder: j.f.String(), Sink: transport.JoinPath(j.to.StorePath), Items: j.f.Count})
	most := min(max(j.f.Count, 0), pageSize)
	ls := &lister{r: r, j: j, spill: spill, keys: make(map[transport.Key]bool, most), seen: bits{}, fresh: make([]ledger.Item, 0, most)}
	cur := &transport.Cursor{Token: j.row.Cursor}
	page := make([]transport.Meta, 0, pageSize)
	var failed []ledger.Item
	var broke error
	for m, err := range r.items(ctx, j.f, cur) {
		if err != nil && m.Key == "" {
			if stops(err) {
				return nil, false, err
			}
			broke = &folderError{err}
			break
		}
		if err != nil {
			failed = append(failed, ledger.Item{Folder: j.row.ID, Meta: m, State: ledger.Failed, Reason: transport.KindOf(err).String(), Detail: err.Error(), Run: r.id})
			continue
		}
		if !m.Gone {
			j.count++
		}
		if page = append(page, m); len(page) == pageSize {
			if err := ls.page(ctx, page); err != nil {
				return nil, false, err
			}
			page = page[:0]
		}
	}
	if err := ls.page(ctx, page); err != nil {
		return nil, false, err
	}
	if err := ls.broken(ctx, failed); err != nil {
		return nil, false, err
	}
	if err := ls.carryFlags(ctx); err != nil {
		return nil, false, err
	}
	if r.o.Query != "" {
		j.seen = ls.seen
	} else if !cur.Delta && broke == nil {
		if err := ls.missing(ctx); err != nil {
			return nil, false, err
		}
	}
	if cur.Delta {
		// What the listing left out is known too.
		n, err := r.l.Count(ctx, ledger.Query{Folder: j.row.ID, States: []ledger.State{ledger.Copied, ledger.Duplicate, ledger.Skipped}, Gone: []ledger.Gone{ledger.Here}})
		if err != nil {
			return nil, false, err
		}
		more := n - j.known
		j.known += more
		r.count(func(res *Result) { res.Known += more })
	}
	j.cursor = cur.Token
	if r.o.Query != "" {
		j.cursor = j.row.Cursor // a search moves on nothing
	}
	if ls.spill {
		if err := ls.write(); err != nil {
			return nil, false, err
		}
		return nil, true, broke
	}
	return ls.fresh, false, broke
}

// items lists what is to be looked at in a folder.
func (r *run) items(ctx context.Context, f transport.Folder, cur *transport.Cursor) iter.Seq2[transport.Meta, error] {
	if r.o.Query == "" {
		return r.src.Items(ctx, f, cur)
	}
	s, _ := transport.As[transport.Searcher](r.src) // usage made sure of it
	return s.Search(ctx, f, r.o.Query)
}

// page asks the ledger about some items.
func (ls *lister) page(ctx context.Context, metas []transport.Meta) error {
	r, j := ls.r, ls.j
	if len(metas) == 0 {
		return nil
	}
	keys := make([]transport.Key, len(metas))
	for i, m := range metas {
		keys[i] = m.Key
	}
	var known map[transport.Key]ledger.Item
	if r.later || ls.spill {
		var err error
		if known, err = r.l.Lookup(ctx, j.row.ID, keys); err != nil {
			return err
		}
	}
	var skips []ledger.Item
	var changes []func(*ledger.Tx) error
	for _, m := range metas {
		it, ok := known[m.Key]
		switch {
		case m.Gone:
			if ok && it.Gone == ledger.Here {
				changes = append(changes, func(tx *ledger.Tx) error { return gone(tx, &it, r.id) })
			}
		case ok:
			if !ls.seen.has(it.ID) {
				ls.seen.add(it.ID)
				ls.nSeen++
				changes = append(changes, ls.knownItem(it, m)...)
			}
		case ls.keys[m.Key]:
		default:
			if reason := r.o.Filter.item(m); reason != "" {
				skips = append(skips, ledger.Item{Folder: j.row.ID, Meta: m, State: ledger.Skipped, Reason: reason, Detail: m.Skip, Run: r.id})
			} else {
				ls.fresh = append(ls.fresh, ledger.Item{Folder: j.row.ID, Meta: m, State: ledger.Pending, Run: r.id})
			}
			ls.keys[m.Key] = true
		}
	}
	if len(skips) > 0 || len(changes) > 0 {
		err := r.l.Update(func(tx *ledger.Tx) error {
			for i := range skips {
				if err := tx.Add(&skips[i]); err != nil {
					return err
				}
			}
			for _, fn := range changes {
				if err := fn(tx); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	for i := range skips {
		ls.mark(&skips[i])
		r.done(j, &skips[i])
	}
	if len(ls.changes) >= pageSize {
		if err := ls.carryFlags(ctx); err != nil {
			return err
		}
	}
	if ls.spill || len(ls.keys) > max(buffer/max(r.o.Share, 1), pageSize) {
		if !ls.spill {
			// To sort a million rows later takes more memory than there is.
			if err := r.l.IndexOpen(); err != nil {
				return err
			}
			ls.spill = true
		}
		return ls.write()
	}
	return nil
}

func (ls *lister) mark(it *ledger.Item) {
	if !ls.seen.has(it.ID) {
		ls.seen.add(it.ID)
		ls.nSeen++
	}
}

// write makes pending rows of the items that were kept.
func (ls *lister) write() error {
	if len(ls.fresh) > 0 {
		err := ls.r.l.Update(func(tx *ledger.Tx) error {
			for i := range ls.fresh {
				if err := tx.Add(&ls.fresh[i]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		for i := range ls.fresh {
			ls.mark(&ls.fresh[i])
		}
	}
	ls.fresh = ls.fresh[:0]
	clear(ls.keys)
	return nil
}

// knownItem compares an item with its row.
func (ls *lister) knownItem(it ledger.Item, m transport.Meta) []func(*ledger.Tx) error {
	r := ls.r
	update := func(fn func(*ledger.Tx) error) []func(*ledger.Tx) error { return []func(*ledger.Tx) error{fn} }
	again := func(tx *ledger.Tx) error {
		it.State, it.Reason, it.Detail, it.Gone, it.Run = ledger.Pending, "", "", ledger.Here, r.id
		if err := tx.Finish(&it); err != nil {
			return err
		}
		return tx.SetMeta(it.ID, m)
	}
	changed := it.Meta.Flags != m.Flags || !sameKeywords(it.Meta.Keywords, m.Keywords)
	switch {
	case it.Gone == ledger.GoneBoth:
		return update(again)
	case it.State == ledger.Skipped:
		if r.o.wants(&it, m) {
			return update(again)
		}
		ls.j.known++
		r.count(func(res *Result) { res.Known++ })
		return nil
	case m.Skip != "" && it.State == ledger.Copied:
		// Another folder hands it over now, and will find it by this row.
		ls.j.known++
		r.count(func(res *Result) { res.Known++ })
		if it.Gone != ledger.Here {
			return nil
		}
		return update(func(tx *ledger.Tx) error { return tx.SetGone(it.ID, ledger.GoneSource) })
	case !it.State.Final() || it.State == ledger.Failed:
		if changed {
			return update(func(tx *ledger.Tx) error { return tx.SetMeta(it.ID, m) })
		}
		return nil
	}
	ls.j.known++
	r.count(func(res *Result) { res.Known++ })
	var list []func(*ledger.Tx) error
	if it.Gone != ledger.Here {
		list = update(func(tx *ledger.Tx) error { return tx.SetGone(it.ID, ledger.Here) })
	}
	if m.Size >= 0 && it.Meta.Size >= 0 && m.Size != it.Meta.Size && it.State == ledger.Copied {
		list = append(list, func(tx *ledger.Tx) error {
			keep := it.Meta
			keep.Size = m.Size
			if err := tx.SetMeta(it.ID, keep); err != nil {
				return err
			}
			return tx.Note(it.ID, ledger.Note{Kind: ledger.Change, Name: "content", Reason: changedLater, Detail: "the source changed the item after it was copied; the copy is as it was"})
		})
	}
	if changed && !r.o.NoFlags && it.State == ledger.Copied {
		ls.changes = append(ls.changes, flagChange{it, m})
	}
	return list
}

func sameKeywords(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// carryFlags sets in the sink what changed in the source.
func (ls *lister) carryFlags(ctx context.Context) error {
	r := ls.r
	bySink := map[int64][]flagChange{}
	for _, c := range ls.changes {
		bySink[c.it.Sink] = append(bySink[c.it.Sink], c)
	}
	ls.changes = nil
	for _, id := range slices.Sorted(maps.Keys(bySink)) {
		p, err := r.placeByID(ctx, id)
		if err != nil {
			return err
		}
		p.mu.Lock()
		err = r.setFlags(ctx, ls.j, p, bySink[id])
		p.mu.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

// setFlags changes flags in one place, which is locked.
func (r *run) setFlags(ctx context.Context, j *job, p *place, changes []flagChange) error {
	if r.flags == nil {
		r.trouble(j.f.String(), "flags changed at the source; the sink cannot change flags of items that are there")
		return nil
	}
	list := make([]flagChange, 0, len(changes))
	sets := make([]transport.FlagChange, 0, len(changes))
	for _, c := range changes {
		if c.it.Ref == "" {
			r.trouble(j.f.String(), "flags changed at the source; the sink did not tell the keys of its items, so they stay as they are")
			continue
		}
		list = append(list, c)
		sets = append(sets, transport.FlagChange{Ref: c.it.Ref, Flags: c.meta.Flags, Keywords: c.meta.Keywords})
	}
	if len(list) == 0 {
		return nil
	}
	errs := r.flags.SetFlags(ctx, p.f, sets)
	var stop error
	n := int64(0)
	err := r.l.Update(func(tx *ledger.Tx) error {
		for i, c := range list {
			switch err := at(errs, i); {
			case err == nil:
				n++
				keep := c.it.Meta
				keep.Flags, keep.Keywords, keep.ObjectID = c.meta.Flags, c.meta.Keywords, c.meta.ObjectID
				if err := tx.SetMeta(c.it.ID, keep); err != nil {
					return err
				}
			case stops(err):
				stop = err
			case transport.KindOf(err) == transport.NotFound:
				// Someone deleted it in the sink; that stays so.
			default:
				r.trouble(j.f.String(), "flags of an item are not carried: "+err.Error())
			}
		}
		return nil
	})
	r.count(func(res *Result) { res.Flags += n })
	return errors.Join(err, stop)
}

func at(errs []error, i int) error {
	if i < len(errs) {
		return errs[i]
	}
	return &transport.Error{Op: "store", Err: errors.New("the sink gave no answer for the item")}
}

// broken gives rows to items that could not even be listed.
func (ls *lister) broken(ctx context.Context, list []ledger.Item) error {
	for i := range list {
		it := &list[i]
		known, err := ls.r.l.Lookup(ctx, it.Folder, []transport.Key{it.Meta.Key})
		if err != nil {
			return err
		}
		if row, ok := known[it.Meta.Key]; ok {
			ls.mark(&row)
			if row.State.Final() && row.State != ledger.Failed {
				continue
			}
			it.ID, it.Tries = row.ID, row.Tries
		}
		if err := ls.r.l.Update(func(tx *ledger.Tx) error { return tx.Finish(it) }); err != nil {
			return err
		}
		ls.mark(it)
		ls.r.done(ls.j, it)
	}
	return nil
}

// gone records that an item is not in the source any more.
func gone(tx *ledger.Tx, it *ledger.Item, run int64) error {
	if it.State == ledger.Pending || it.State == ledger.Failed {
		it.State, it.Reason, it.Detail, it.Run = ledger.Skipped, ReasonVanished, "", run
		if err := tx.Finish(it); err != nil {
			return err
		}
	}
	return tx.SetGone(it.ID, ledger.GoneSource)
}

// missing marks the rows that a complete listing did not show.
func (ls *lister) missing(ctx context.Context) error {
	if !ls.r.later {
		return nil
	}
	here := ledger.Query{Folder: ls.j.row.ID, Gone: []ledger.Gone{ledger.Here}}
	n, err := ls.r.l.Count(ctx, here)
	if err != nil {
		return err
	}
	if n == ls.nSeen {
		return nil
	}
	return ls.r.markGone(ctx, here, ls.seen)
}

// markGone marks all items of a query but those that were seen.
func (r *run) markGone(ctx context.Context, q ledger.Query, seen bits) error {
	var list []ledger.Item
	flush := func() error {
		if len(list) == 0 {
			return nil
		}
		err := r.l.Update(func(tx *ledger.Tx) error {
			for i := range list {
				if err := gone(tx, &list[i], r.id); err != nil {
					return err
				}
			}
			return nil
		})
		list = list[:0]
		return err
	}
	for it, err := range r.l.Items(ctx, q) {
		if err != nil {
			return err
		}
		if seen.has(it.ID) {
			continue
		}
		if list = append(list, it); len(list) == pageSize {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// goneFolders marks the items of folders that the source has no more.
func (r *run) goneFolders(ctx context.Context, jobs []*job) error {
	have := map[int64]bool{}
	for _, j := range jobs {
		have[j.row.ID] = true
	}
	rows, err := r.l.Folders(ctx)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if have[row.ID] || row.Gone {
			continue
		}
		if err := r.markGone(ctx, ledger.Query{Folder: row.ID, Gone: []ledger.Gone{ledger.Here}}, nil); err != nil {
			return err
		}
		row.Gone, row.Cursor = true, ""
		if err := r.l.Update(func(tx *ledger.Tx) error { return tx.SaveFolder(&row) }); err != nil {
			return err
		}
	}
	return nil
}

// compareFilter finds out whether items that were left out before are to be
// looked at again although their folder did not change.
func (r *run) compareFilter(ctx context.Context) error {
	runs, err := r.l.Runs(ctx)
	if err != nil {
		return err
	}
	for _, run := range slices.Backward(runs) {
		if run.ID == r.id {
			continue
		}
		var o Options
		if json.Unmarshal([]byte(run.Options), &o) != nil {
			return nil
		}
		a, b := o.Filter, r.o.Filter
		r.refilter = !a.Since.Equal(b.Since) || !a.Before.Equal(b.Before) || a.MaxSize != b.MaxSize || !slices.Equal(a.Classes, b.Classes) || o.NonMail != r.o.NonMail
		return nil
	}
	return nil
}

// lookAgain makes items pending that another filter left out.
func (r *run) lookAgain(ctx context.Context, j *job) error {
	for it, err := range r.l.Items(ctx, ledger.Query{Folder: j.row.ID, States: []ledger.State{ledger.Skipped}, Gone: []ledger.Gone{ledger.Here}}) {
		if err != nil {
			return err
		}
		if !r.o.wants(&it, it.Meta) {
			continue
		}
		it.State, it.Reason, it.Detail, it.Run = ledger.Pending, "", "", r.id
		if err := r.l.Update(func(tx *ledger.Tx) error { return tx.Finish(&it) }); err != nil {
			return err
		}
	}
	return nil
}

// mirrorDeletes deletes in the sink what is gone in the source.
func (r *run) mirrorDeletes(ctx context.Context) error {
	bySink := map[int64][]ledger.Item{}
	flush := func(id int64) error {
		list := bySink[id]
		delete(bySink, id)
		if len(list) == 0 {
			return nil
		}
		p, err := r.placeByID(ctx, id)
		if err != nil {
			return err
		}
		refs := make([]transport.Key, len(list))
		for i, it := range list {
			refs[i] = it.Ref
		}
		p.mu.Lock()
		errs := r.deleter.Delete(ctx, p.f, refs)
		p.mu.Unlock()
		var stop error
		n := int64(0)
		err = r.l.Update(func(tx *ledger.Tx) error {
			for i, it := range list {
				switch err := at(errs, i); {
				case err == nil:
					n++
					if err := tx.SetGone(it.ID, ledger.GoneBoth); err != nil {
						return err
					}
				case stops(err):
					stop = err
				default:
					r.trouble(transport.JoinPath(p.StorePath), "an item is not deleted: "+err.Error())
				}
			}
			return nil
		})
		r.count(func(res *Result) { res.Deleted += n })
		return errors.Join(err, stop)
	}
	for it, err := range r.l.Items(ctx, ledger.Query{States: []ledger.State{ledger.Copied}, Gone: []ledger.Gone{ledger.GoneSource}}) {
		if err != nil {
			return err
		}
		if r.deleter == nil {
			r.trouble("", "items were deleted at the source; the sink cannot delete")
			return nil
		}
		if it.Ref == "" {
			r.trouble("", "items were deleted at the source; the sink did not tell the keys of their copies, so these stay")
			continue
		}
		if bySink[it.Sink] = append(bySink[it.Sink], it); len(bySink[it.Sink]) == 200 {
			if err := flush(it.Sink); err != nil {
				return err
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(bySink)) {
		if err := flush(id); err != nil {
			return err
		}
	}
	return nil
}

// done tells the observer of an item's new state, and counts it.
func (r *run) done(j *job, it *ledger.Item) {
	r.count(func(res *Result) {
		switch it.State {
		case ledger.Copied:
			switch it.Route {
			case routePresent:
				res.Present++
			case routeFound:
				res.Found++
			case routeMoved:
			default:
				res.Copied++
				res.Bytes += it.Bytes
			}
		case ledger.Duplicate:
			res.Duplicate++
		case ledger.Skipped:
			res.Skipped++
		case ledger.Failed:
			res.Failed++
		}
	})
	if r.o.Observer == nil {
		return
	}
	folder := ""
	if j != nil {
		folder = j.f.String()
	}
	r.emit(ItemDone{
		Folder: folder, Key: string(it.Meta.Key), Subject: it.Meta.Subject, State: it.State,
		Route: it.Route, Reason: it.Reason, Detail: it.Detail, Bytes: it.Bytes,
	})
}
