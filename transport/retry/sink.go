package retry

import (
	"context"
	"errors"
	"iter"
	"sync"
	"time"

	"github.com/mailconv/mailconv/transport"
)

// remark is the number of puts after which a new mark is taken, so that what
// [transport.Tracker] has to list stays small.
const remark = 500

// Sink wraps a sink, with BatchSink, Tracker, FlagSetter and Deleter where the
// sink below has them.
//
// Before the first put into a folder the tracker is asked for a mark. When a
// put fails for the moment, the tracker lists what arrived past it: an item
// with the token of the put, or, where the store keeps no token, one that is
// not known from a receipt and has the same Message-ID or size, is the one
// that was put.
func Sink(s transport.Sink, p Policy) transport.Sink {
	return &sink{Sink: s, p: p, tracks: map[string]*track{}}
}

var errNoResult = errors.New("the store gave no result for the item")

type sink struct {
	transport.Sink
	p Policy

	mu     sync.Mutex
	tracks map[string]*track
}

// track is what is known of one folder. At most one put runs there.
type track struct {
	mark  string
	have  bool
	known map[transport.Key]bool
}

func (s *sink) Unwrap() any { return s.Sink }

// do repeats work that may be repeated without harm.
func (s *sink) do(ctx context.Context, op string, f transport.Folder, work func() error) error {
	t := s.p.begin(op, f)
	for {
		err := work()
		if err == nil {
			return nil
		}
		if err := t.again(ctx, err); err != nil {
			return err
		}
	}
}

// Ensure implements [transport.Sink].
func (s *sink) Ensure(ctx context.Context, f transport.Folder) (out transport.Folder, err error) {
	err = s.do(ctx, "create", f, func() (err error) { out, err = s.Sink.Ensure(ctx, f); return err })
	return out, err
}

// Mark implements [transport.Tracker].
func (s *sink) Mark(ctx context.Context, f transport.Folder) (mark string, err error) {
	t, _ := transport.As[transport.Tracker](s.Sink)
	err = s.do(ctx, "mark", f, func() (err error) { mark, err = t.Mark(ctx, f); return err })
	return mark, err
}

// Since implements [transport.Tracker].
func (s *sink) Since(ctx context.Context, f transport.Folder, mark string) iter.Seq2[transport.Meta, error] {
	inner, _ := transport.As[transport.Tracker](s.Sink)
	return func(yield func(transport.Meta, error) bool) {
		t := s.p.begin("list", f)
		var done seen
		for {
			var last error
			for m, err := range inner.Since(ctx, f, mark) {
				if err != nil {
					last = err
					break
				}
				if !done.has(string(m.Key)) {
					done.add(string(m.Key))
					if !yield(m, nil) {
						return
					}
				}
			}
			if last == nil {
				return
			}
			if err := t.again(ctx, last); err != nil {
				yield(transport.Meta{}, err)
				return
			}
			done.freeze()
		}
	}
}

// track readies the folder for a put: there is a mark, not too old.
func (s *sink) track(ctx context.Context, f transport.Folder) (*track, error) {
	if _, ok := transport.As[transport.Tracker](s.Sink); !ok {
		return nil, nil
	}
	s.mu.Lock()
	id := f.ID + "\x00" + f.String()
	tr := s.tracks[id]
	if tr == nil {
		tr = &track{}
		s.tracks[id] = tr
	}
	s.mu.Unlock()
	if tr.have && len(tr.known) < remark {
		return tr, nil
	}
	mark, err := s.Mark(ctx, f)
	if err != nil {
		return nil, err
	}
	tr.mark, tr.have, tr.known = mark, true, map[transport.Key]bool{}
	return tr, nil
}

// done notes what a receipt says.
func (tr *track) done(r transport.Receipt) {
	if tr == nil {
		return
	}
	if r.Ref == "" {
		tr.have = false // what arrived cannot be told apart later: mark anew
		return
	}
	tr.known[r.Ref] = true
}

// arrived looks for items of which the outcome is unknown. It returns a receipt
// for each that is there, by its place in items. After a failure that leaves
// open what the other side still does, it looks until that has settled.
func (s *sink) arrived(ctx context.Context, f transport.Folder, tr *track, items []transport.Staged, why error, at time.Time) (map[int]transport.Receipt, error) {
	found := map[int]transport.Receipt{}
	if tr == nil {
		return found, nil
	}
	until := at
	if st, ok := transport.As[transport.Settler](s.Sink); ok && transport.Unsettled(why) {
		until = at.Add(st.Settle())
	}
	for wait := settleStep; ; wait *= 2 {
		rest := until.Sub(s.p.clock().Now())
		if err := s.look(ctx, f, tr, items, found); err != nil || len(found) == len(items) || rest <= 0 {
			return found, err
		}
		if err := s.p.clock().Sleep(ctx, min(wait, rest)); err != nil {
			return found, err
		}
	}
}

// settleStep is the first wait between two looks.
const settleStep = 250 * time.Millisecond

// look adds what is there to found.
func (s *sink) look(ctx context.Context, f transport.Folder, tr *track, items []transport.Staged, found map[int]transport.Receipt) error {
	for m, err := range s.Since(ctx, f, tr.mark) {
		if err != nil {
			return err
		}
		if tr.known[m.Key] {
			continue
		}
		for i, it := range items {
			if _, taken := found[i]; taken || !same(m, it) {
				continue
			}
			found[i] = transport.Receipt{Ref: m.Key, Route: "found", Bytes: max(m.Size, 0)}
			tr.known[m.Key] = true
			break
		}
	}
	return nil
}

// same reports whether a listed item is the one that was put.
func same(m transport.Meta, it transport.Staged) bool {
	if m.Token != "" {
		return m.Token == it.Meta.Token
	}
	if m.MessageID != "" && it.Meta.MessageID != "" {
		return m.MessageID == it.Meta.MessageID
	}
	if c := it.Content; c.Form == transport.FormMIME && m.Size >= 0 {
		return m.Size == c.MIME.Size()
	}
	return true
}

// Put implements [transport.Sink].
func (s *sink) Put(ctx context.Context, f transport.Folder, m transport.Meta, c *transport.Content) (transport.Receipt, error) {
	tr, err := s.track(ctx, f)
	if err != nil {
		return transport.Receipt{}, err
	}
	t := s.p.begin("append", f)
	for {
		r, err := s.Sink.Put(ctx, f, m, c)
		if err == nil {
			tr.done(r)
			return r, nil
		}
		if c.OneShot {
			return r, err
		}
		why, at := err, s.p.clock().Now()
		if err := t.again(ctx, err); err != nil {
			return r, err
		}
		found, err := s.arrived(ctx, f, tr, []transport.Staged{{Meta: m, Content: c}}, why, at)
		if err != nil {
			return r, err
		}
		if r, ok := found[0]; ok {
			return r, nil
		}
	}
}

// BatchLimit implements [transport.BatchSink].
func (s *sink) BatchLimit() (items int, bytes int64) {
	b, _ := transport.As[transport.BatchSink](s.Sink)
	return b.BatchLimit()
}

// PutBatch implements [transport.BatchSink]. Items that arrived are not put
// again, those that failed for good are not tried again.
func (s *sink) PutBatch(ctx context.Context, f transport.Folder, items []transport.Staged) ([]transport.Result, error) {
	b, _ := transport.As[transport.BatchSink](s.Sink)
	tr, err := s.track(ctx, f)
	if err != nil {
		return nil, err
	}
	results := make([]transport.Result, len(items))
	left := make([]int, len(items)) // places in items
	oneShot := false
	for i, it := range items {
		left[i] = i
		oneShot = oneShot || it.Content.OneShot
	}
	t := s.p.begin("append", f)
	for {
		batch := make([]transport.Staged, len(left))
		for i, at := range left {
			batch[i] = items[at]
		}
		part, err := b.PutBatch(ctx, f, batch)
		var again []int
		for i, at := range left {
			switch {
			case err != nil:
				results[at] = transport.Result{Err: err}
				again = append(again, at)
			case i >= len(part):
				results[at].Err = &transport.Error{Kind: transport.Permanent, Op: "append", Folder: f.String(), Err: errNoResult}
			default:
				if results[at] = part[i]; part[i].Err == nil {
					tr.done(part[i].Receipt)
					t.progress()
				} else if Retryable(part[i].Err) {
					again = append(again, at)
				}
			}
		}
		if len(again) == 0 {
			return results, nil
		}
		last := results[again[0]].Err
		if oneShot {
			return results, err
		}
		failed := s.p.clock().Now()
		if gaveUp := t.again(ctx, last); gaveUp != nil {
			if err != nil && len(again) == len(items) {
				return nil, gaveUp
			}
			return results, nil
		}
		unknown := make([]transport.Staged, len(again))
		for i, at := range again {
			unknown[i] = items[at]
		}
		found, err := s.arrived(ctx, f, tr, unknown, last, failed)
		if err != nil {
			return results, nil
		}
		left = left[:0]
		for i, at := range again {
			if r, ok := found[i]; ok {
				results[at] = transport.Result{Receipt: r}
				continue
			}
			left = append(left, at)
		}
		if len(left) == 0 {
			return results, nil
		}
	}
}

// SetFlags implements [transport.FlagSetter].
func (s *sink) SetFlags(ctx context.Context, f transport.Folder, changes []transport.FlagChange) []error {
	fs, _ := transport.As[transport.FlagSetter](s.Sink)
	return each(ctx, s.p.begin("store", f), changes, func(part []transport.FlagChange) []error { return fs.SetFlags(ctx, f, part) })
}

// Delete implements [transport.Deleter].
func (s *sink) Delete(ctx context.Context, f transport.Folder, refs []transport.Key) []error {
	d, _ := transport.As[transport.Deleter](s.Sink)
	return each(ctx, s.p.begin("delete", f), refs, func(part []transport.Key) []error { return d.Delete(ctx, f, part) })
}

// each repeats the elements of a list that failed for the moment.
func each[T any](ctx context.Context, t *tries, list []T, work func([]T) []error) []error {
	errs := make([]error, len(list))
	left := make([]int, len(list))
	for i := range list {
		left[i] = i
	}
	for {
		part := make([]T, len(left))
		for i, at := range left {
			part[i] = list[at]
		}
		var again []int
		for i, err := range work(part) {
			if i >= len(left) {
				break
			}
			if errs[left[i]] = err; Retryable(err) {
				again = append(again, left[i])
			}
		}
		if len(again) == 0 || t.again(ctx, errs[again[0]]) != nil {
			return errs
		}
		left = again
	}
}
