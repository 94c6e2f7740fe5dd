package migrate

import (
	"context"
	"errors"
	"fmt"

	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/transport"
)

// usage refuses options that the stores cannot serve, before anything is done.
func (r *run) usage() error {
	refuse := func(op, what, remedy string) error {
		return &transport.Error{Kind: transport.Usage, Op: op, Err: errors.New(what), Remedy: remedy}
	}
	if r.o.Query != "" {
		if _, ok := transport.As[transport.Searcher](r.src); !ok {
			return refuse("query", "the source cannot search", "leave --query out, or use --since, --before, --folder")
		}
		if r.o.Plan != nil {
			return refuse("query", "a plan says itself what is copied", "leave --query out")
		}
	}
	if r.o.DeleteSource {
		if _, ok := transport.As[transport.Deleter](r.src); !ok {
			return refuse("delete", "the source cannot delete", "leave --delete-source out")
		}
		if r.sink != nil && r.listed == nil {
			return refuse("delete", "the sink cannot be asked whether it has the copies", "leave --delete-source out")
		}
	}
	return nil
}

// deleteSource deletes at the source what was copied by this run or an earlier
// one, lost nothing, and is in the sink now.
func (r *run) deleteSource(ctx context.Context, jobs []*job) error {
	loose, err := r.looseCopies(ctx)
	if err != nil {
		return err
	}
	return r.each(ctx, jobs, func(ctx context.Context, j *job) error {
		if j.row.Error != "" {
			return nil
		}
		page := make([]ledger.Item, 0, pageSize)
		unproven := 0
		for it, err := range r.l.Items(ctx, deletable(j.row.ID)) {
			if err != nil {
				return err
			}
			if r.o.Query != "" && !j.seen.has(it.ID) || r.o.Filter.item(it.Meta) != "" {
				continue
			}
			if page = append(page, it); len(page) == pageSize {
				n, err := r.deletePage(ctx, j, page, loose)
				if err != nil {
					return err
				}
				unproven += n
				page = page[:0]
			}
		}
		n, err := r.deletePage(ctx, j, page, loose)
		if unproven += n; unproven > 0 {
			r.trouble(j.f.String(), fmt.Sprintf("%d items stay at the source: the sink does not show a whole copy of them", unproven))
		}
		return err
	})
}

// deletable are copies whose originals are there, as far as is known; of those
// that a killed run was deleting nothing is known.
func deletable(folder int64) ledger.Query {
	return ledger.Query{Folder: folder, States: []ledger.State{ledger.Copied}, Gone: []ledger.Gone{ledger.Here, ledger.Removing}}
}

// deletePage deletes some items of a folder, and counts those of which the sink
// shows no whole copy.
func (r *run) deletePage(ctx context.Context, j *job, page []ledger.Item, loose bits) (unproven int, err error) {
	if len(page) == 0 {
		return 0, nil
	}
	list, err := r.proven(ctx, j, page, loose)
	if err != nil {
		return 0, err
	}
	unproven = len(page) - len(list)
	r.count(func(res *Result) { res.Kept += int64(unproven) })
	if len(list) == 0 {
		return unproven, nil
	}
	// On the disk before the first is gone: --mirror-deletes of a later run
	// must not take our deletion for the user's.
	set := func(g func(i int) (ledger.Gone, bool)) error {
		return r.l.Update(func(tx *ledger.Tx) error {
			for i := range list {
				if to, ok := g(i); ok && to != list[i].Gone {
					if err := tx.SetRemoved(list[i].ID, to); err != nil {
						return err
					}
					list[i].Gone = to
				}
			}
			return nil
		})
	}
	if err := set(func(int) (ledger.Gone, bool) { return ledger.Removing, true }); err != nil {
		return unproven, err
	}
	keys := make([]transport.Key, len(list))
	for i, it := range list {
		keys[i] = it.Meta.Key
	}
	d, _ := transport.As[transport.Deleter](r.src)
	errs := d.Delete(ctx, j.f, keys)
	var stop error
	n := int64(0)
	err = set(func(i int) (ledger.Gone, bool) {
		switch err := at(errs, i); {
		case err == nil:
			n++
			return ledger.Removed, true
		case stops(err):
			stop = err
			return 0, false
		default:
			// Whether it is gone the next run finds out.
			r.trouble(j.f.String(), "an item is not deleted at the source: "+err.Error())
			return 0, false
		}
	})
	r.count(func(res *Result) { res.Removed, res.Kept = res.Removed+n, res.Kept+int64(len(list))-n })
	return unproven, errors.Join(err, stop)
}

// proven asks the sink which of some items it has, whole: the same bytes, or
// where the sink keeps items in its own way, the same meaning as the original
// has now.
func (r *run) proven(ctx context.Context, j *job, page []ledger.Item, loose bits) ([]ledger.Item, error) {
	ids := make([]int64, len(page))
	for i, it := range page {
		ids[i] = it.ID
	}
	notes, err := r.l.Notes(ctx, ids...)
	if err != nil {
		return nil, err
	}
	good := map[int64]bool{}
	bySink := map[int64]map[transport.Key]*ledger.Item{}
	var sinks []int64
	for i := range page {
		it := &page[i]
		switch {
		case !wholeCopy(notes[it.ID]):
		case it.Ref == "":
			good[it.ID] = loose.has(it.ID)
		default:
			if bySink[it.Sink] == nil {
				bySink[it.Sink] = map[transport.Key]*ledger.Item{}
				sinks = append(sinks, it.Sink)
			}
			bySink[it.Sink][it.Ref] = it
		}
	}
	for _, id := range sinks {
		p, err := r.placeByID(ctx, id)
		if err != nil {
			return nil, err
		}
		if err := r.provenIn(ctx, j, p, bySink[id], good); err != nil {
			if stops(err) {
				return nil, err
			}
			r.trouble(transport.JoinPath(p.StorePath), "copies cannot be checked: "+err.Error())
		}
	}
	var list []ledger.Item
	for _, it := range page {
		if good[it.ID] {
			list = append(list, it)
		}
	}
	return list, nil
}

// wholeCopy reports whether nothing is known that the copy lacks.
func wholeCopy(notes []ledger.Note) bool {
	for _, n := range notes {
		if n.Severe || n.Reason == changedLater {
			return false
		}
	}
	return true
}

func (r *run) provenIn(ctx context.Context, j *job, p *place, byRef map[transport.Key]*ledger.Item, good map[int64]bool) error {
	refs := make([]transport.Key, 0, len(byRef))
	for ref := range byRef {
		refs = append(refs, ref)
	}
	var others, originals []transport.Key
	err := r.read(ctx, p, refs, func(k transport.Key, s sums) error {
		it := byRef[k]
		switch {
		case it == nil:
		case s.content == it.PutFingerprint():
			good[it.ID] = true
		default:
			others, originals = append(others, k), append(originals, it.Meta.Key)
		}
		return nil
	})
	if err != nil || len(others) == 0 || r.o.Contenter == nil {
		return err
	}
	there, err := r.meanings(ctx, r.listed, p.f, others)
	if err != nil {
		return err
	}
	here, err := r.meanings(ctx, r.src, j.f, originals)
	if err != nil {
		return err
	}
	for i, k := range others {
		d, ok := there[k]
		if e, eok := here[originals[i]]; ok && eok && d == e {
			good[byRef[k].ID] = true
		}
	}
	return nil
}

// meanings are the digests of items; one that cannot be read has none.
func (r *run) meanings(ctx context.Context, s transport.Source, f transport.Folder, keys []transport.Key) (map[transport.Key]ledger.Fingerprint, error) {
	out := map[transport.Key]ledger.Fingerprint{}
	for fe, err := range s.Fetch(ctx, f, keys, []transport.Form{transport.FormMIME, transport.FormObject}) {
		if err != nil {
			return nil, err
		}
		if fe.Err != nil {
			fe.Content.Close()
			if stops(fe.Err) {
				return nil, fe.Err
			}
			continue
		}
		c, err := r.o.Spool.Keep(ctx, fe.Content)
		if err != nil {
			if stops(err) {
				return nil, err
			}
			continue
		}
		d, err := r.digest(ctx, c)
		c.Close()
		switch {
		case err == nil:
			out[fe.Key] = d
		case transport.Canceled(err):
			return nil, err
		}
	}
	return out, nil
}

// looseCopies finds copies in sinks that told no keys: among all that a folder
// holds now, did not hold before, and is not the copy of another item. Each
// stands for one.
func (r *run) looseCopies(ctx context.Context) (bits, error) {
	wanted := map[int64]map[ledger.Fingerprint][]int64{}
	for it, err := range r.l.Items(ctx, deletable(0)) {
		if err != nil {
			return nil, err
		}
		if it.Ref != "" {
			continue
		}
		if wanted[it.Sink] == nil {
			wanted[it.Sink] = map[ledger.Fingerprint][]int64{}
		}
		print := it.PutFingerprint()
		wanted[it.Sink][print] = append(wanted[it.Sink][print], it.ID)
	}
	found := bits{}
	for id, prints := range wanted {
		p, err := r.placeByID(ctx, id)
		if err != nil {
			return nil, err
		}
		if err := r.looseIn(ctx, p, prints, found); err != nil {
			if stops(err) {
				return nil, err
			}
			r.trouble(transport.JoinPath(p.StorePath), "copies cannot be checked: "+err.Error())
		}
	}
	return found, nil
}

func (r *run) looseIn(ctx context.Context, p *place, prints map[ledger.Fingerprint][]int64, found bits) error {
	check := func(keys []transport.Key) error {
		ours, err := r.l.Refs(ctx, p.ID, keys)
		if err != nil {
			return err
		}
		before, err := r.l.WasPresent(ctx, p.ID, keys)
		if err != nil {
			return err
		}
		var ask []transport.Key
		for _, k := range keys {
			if _, known := ours[k]; !known && !before[k] {
				ask = append(ask, k)
			}
		}
		return r.read(ctx, p, ask, func(_ transport.Key, s sums) error {
			if list := prints[s.content]; len(list) > 0 {
				found.add(list[0])
				prints[s.content] = list[1:]
			}
			return nil
		})
	}
	var page []transport.Key
	for m, err := range r.listed.Items(ctx, p.f, nil) {
		if err != nil && m.Key == "" {
			return err
		}
		if page = append(page, m.Key); len(page) == pageSize {
			if err := check(page); err != nil {
				return err
			}
			page = page[:0]
		}
	}
	if len(page) == 0 {
		return nil
	}
	return check(page)
}
