package migrate

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/retry"
)

const (
	// fetchSize is the number of bodies that one Fetch asks for.
	fetchSize = 200
	// ahead is how many fetched bodies may wait for the put before them.
	ahead = 200
	// refetch is how often a body is fetched again that broke off.
	refetch = 5
)

// staged is one item between fetch and put.
type staged struct {
	it ledger.Item
	// c is what is to be put. It is nil when the item only moved.
	c     *transport.Content
	notes []ledger.Note
	to    *place
	// old is the row of an item that left its place and may be this one.
	old *ledger.Item

	window *window // that took bytes for it
	taken  int64
}

func (s *staged) close() {
	if s == nil {
		return
	}
	if s.c != nil {
		s.c.Close()
	}
	if s.window != nil {
		s.window.give(s.taken)
		s.window = nil
	}
}

func (s *staged) size() int64 {
	switch {
	case s.c == nil:
		return 0
	case s.c.MIME != nil:
		return s.c.MIME.Size()
	}
	return max(s.it.Meta.Size, 1)
}

// pages are what is to be copied from a folder, a few hundred at a time.
type pages = iter.Seq2[[]ledger.Item, error]

// items are pages of items that have no rows yet.
func items(list []ledger.Item) pages {
	return func(yield func([]ledger.Item, error) bool) {
		for part := range slices.Chunk(list, fetchSize) {
			if !yield(part, nil) {
				return
			}
		}
	}
}

// rows are pages of what the ledger has as pending, and of what failed before.
func (r *run) rows(ctx context.Context, j *job) (pages, error) {
	if err := r.l.IndexOpen(); err != nil {
		return nil, err
	}
	states := []ledger.State{ledger.Pending}
	if !r.o.KeepFailed {
		states = append(states, ledger.Failed)
	}
	return func(yield func([]ledger.Item, error) bool) {
		page := make([]ledger.Item, 0, fetchSize)
		for it, err := range r.l.Items(ctx, ledger.Query{Folder: j.row.ID, States: states, Gone: []ledger.Gone{ledger.Here}}) {
			if err != nil {
				yield(nil, err)
				return
			}
			if it.State == ledger.Failed && it.Run == r.id || r.o.Query != "" && !j.seen.has(it.ID) {
				continue
			}
			if page = append(page, it); len(page) == fetchSize {
				if !yield(page, nil) {
					return
				}
				page = make([]ledger.Item, 0, fetchSize)
			}
		}
		if len(page) > 0 {
			yield(page, nil)
		}
	}, nil
}

// fetch gets the bodies of a page and sends what is to be put, as fast as the
// window lets it; nil is none.
func (r *run) fetch(ctx context.Context, j *job, items []ledger.Item, out chan<- *staged, w *window) error {
	send := func(s *staged) error {
		select {
		case out <- s:
			return nil
		case <-ctx.Done():
			s.close()
			return ctx.Err()
		}
	}
	left := make(map[transport.Key]*ledger.Item, len(items))
	ask := make([]transport.Key, 0, len(items))
	moved := map[transport.Key]*ledger.Item{} // that need a second copy
	for i := range items {
		it := &items[i]
		old, err := r.movedByID(ctx, it)
		if err != nil {
			return err
		}
		if old != nil && r.movable(old, j.to) {
			if err := send(&staged{it: *it, old: old, to: j.to}); err != nil {
				return err
			}
			continue
		}
		if old != nil {
			moved[it.Meta.Key] = old
		}
		left[it.Meta.Key] = it
		ask = append(ask, it.Meta.Key)
	}
	for try := 1; len(ask) > 0; try++ {
		var again []transport.Key
		var last, broke error
		for fe, err := range r.src.Fetch(ctx, j.f, ask, r.want(items)) {
			if err != nil {
				broke = err
				break
			}
			it := left[fe.Key]
			if it == nil {
				fe.Content.Close()
				continue
			}
			expected := bodySize(fe.Content)
			err := w.room(ctx, expected, func() error { return send(nil) })
			if err != nil {
				fe.Content.Close()
				return err
			}
			s, err := r.prepare(ctx, j, it, fe)
			if err != nil && retry.Retryable(err) {
				last = err
				again = append(again, fe.Key)
				continue
			}
			if err != nil {
				return err
			}
			delete(left, fe.Key)
			if s != nil {
				if s.old == nil {
					s.old = moved[fe.Key]
				}
				w.take(s)
				if err := send(s); err != nil {
					return err
				}
			}
		}
		if broke != nil && (stops(broke) || retry.Retryable(broke)) {
			return broke
		}
		// Keys without an answer: the sequence broke for good somewhere. One
		// by one, so that only the item that breaks it fails.
		if len(left) > len(again) {
			done := map[transport.Key]bool{}
			for _, k := range again {
				done[k] = true
			}
			for _, k := range ask {
				if left[k] == nil || done[k] {
					continue
				}
				if len(ask) > 1 {
					if err := r.fetch(ctx, j, []ledger.Item{*left[k]}, out, w); err != nil {
						return err
					}
				} else {
					if broke == nil {
						broke = errors.New("the source gave no answer for the item")
					}
					if err := r.fail(ctx, j, left[k], nil, transport.KindOf(broke).String(), broke.Error()); err != nil {
						return err
					}
				}
				delete(left, k)
			}
		}
		if len(again) > 0 && try == refetch {
			for _, k := range again {
				if err := r.fail(ctx, j, left[k], nil, transport.KindOf(last).String(), last.Error()); err != nil {
					return err
				}
			}
			return nil
		}
		if ask = again; len(ask) > 0 {
			wait := max(time.Second<<(try-1), transport.RetryAfter(last))
			r.emit(Waiting{"fetch", j.f.String(), wait, last.Error()})
			if err := r.o.Clock.Sleep(ctx, wait); err != nil {
				return err
			}
		}
	}
	return nil
}

// want are the forms that the sink takes.
func (r *run) want(items []ledger.Item) []transport.Form {
	if len(items) == 0 {
		return nil
	}
	return r.sink.Accepts(items[0].Meta)
}

// prepare makes an item ready for its put: kept, fingerprinted, recognised when
// it only moved, converted. It returns nil when the item has found its end
// here, and an error that is retryable when the body is to be fetched again.
func (r *run) prepare(ctx context.Context, j *job, it *ledger.Item, fe transport.Fetched) (*staged, error) {
	if fe.Err != nil {
		return nil, r.unfetched(ctx, j, it, fe)
	}
	c, err := r.o.Spool.KeepSum(ctx, fe.Content)
	if err != nil {
		return nil, r.unreadable(ctx, j, it, nil, err)
	}
	if it.Content, err = Fingerprint(ctx, c); err != nil {
		defer c.Close()
		return nil, r.unreadable(ctx, j, it, c, err)
	}
	complete(ctx, &it.Meta, c)
	if reason := r.o.Filter.item(it.Meta); reason != "" {
		c.Close()
		return nil, r.skip(j, it, reason)
	}
	s := &staged{it: *it, c: c}
	if s.old, err = r.movedByContent(ctx, it, j.row.ID); err != nil {
		c.Close()
		return nil, err
	}
	if err := r.convert(ctx, j, s); err != nil {
		s.close()
		return nil, err
	}
	if s.c == nil {
		return nil, nil
	}
	s.notes = append(ledger.ProblemNotes(s.c.Problems), ledger.LossNotes(s.c.Losses)...)
	return s, nil
}

// convert gives the item a form that the sink takes and finds its place. When
// that fails the item has its row, and s no content.
func (r *run) convert(ctx context.Context, j *job, s *staged) error {
	fail := func(reason, detail string) error {
		err := r.fail(ctx, j, &s.it, s.c, reason, detail)
		s.close()
		s.c = nil
		return err
	}
	accepts := r.sink.Accepts(s.it.Meta)
	object := false
	direct := false
	for _, f := range accepts {
		object = object || f == transport.FormObject
		direct = direct || f == s.c.Form
	}
	if len(accepts) == 0 {
		s.close()
		s.c = nil
		return r.skip(j, &s.it, ReasonNoForm)
	}
	if nonMail(s.it.Meta.Class) != "" && !object && r.o.NonMail == NonMailSkip {
		s.close()
		s.c = nil
		return r.skip(j, &s.it, ReasonNonMail)
	}
	var err error
	if s.to, err = r.placeFor(ctx, j, s.it.Meta); err != nil {
		return err
	}
	if direct {
		return r.tooLarge(ctx, j, s)
	}
	if r.o.Converter == nil {
		return fail(ReasonConvert, fmt.Sprintf("the source has the form %s, the sink takes %v, and nothing here converts", s.c.Form, accepts))
	}
	var out *transport.Content
	if accepts[0] == transport.FormMIME {
		out, err = r.o.Converter.ToMIME(ctx, s.c)
	} else {
		out, err = r.o.Converter.ToObject(ctx, s.c)
	}
	if err == nil {
		s.it.Put, err = Fingerprint(ctx, out)
	}
	if err != nil {
		out.Close()
		if transport.Canceled(err) {
			return err
		}
		var fe *mapi.FormatError
		if errors.As(err, &fe) {
			return fail(ReasonDamaged, err.Error())
		}
		return fail(ReasonConvert, err.Error())
	}
	first := s.c
	s.c = out
	if out.Form == transport.FormMIME {
		// A mail made of an object stands on its own: what the object holds
		// in memory can go.
		if err := first.Close(); err != nil {
			return err
		}
		return r.tooLarge(ctx, j, s)
	}
	// An object made of a mail lives on the mail.
	inner := out.OnClose
	out.OnClose = func() error {
		var err error
		if inner != nil {
			err = inner()
		}
		return errors.Join(err, first.Close())
	}
	return r.tooLarge(ctx, j, s)
}

// tooLarge spares the sink what it said that it does not take.
func (r *run) tooLarge(ctx context.Context, j *job, s *staged) error {
	if r.maxSize <= 0 || s.c.MIME == nil || s.c.MIME.Size() <= r.maxSize {
		return nil
	}
	err := r.fail(ctx, j, &s.it, s.c, transport.TooLarge.String(), fmt.Sprintf("%d bytes, the sink takes at most %d", s.c.MIME.Size(), r.maxSize))
	s.close()
	s.c = nil
	return err
}

// unfetched gives a row to an item that the source did not hand over.
func (r *run) unfetched(ctx context.Context, j *job, it *ledger.Item, fe transport.Fetched) error {
	defer fe.Content.Close()
	switch kind := transport.KindOf(fe.Err); {
	case transport.Canceled(fe.Err) || stops(fe.Err):
		return fe.Err
	case kind == transport.NotFound:
		return r.skip(j, it, ReasonVanished)
	case kind == transport.Permanent:
		return r.fail(ctx, j, it, fe.Content, ReasonDamaged, fe.Err.Error())
	default:
		// The wrapper tried for long enough.
		return r.fail(ctx, j, it, fe.Content, kind.String(), fe.Err.Error())
	}
}

// unreadable passes on what a new fetch may mend, and fails the item otherwise.
func (r *run) unreadable(ctx context.Context, j *job, it *ledger.Item, c *transport.Content, err error) error {
	if retry.Retryable(err) || stops(err) {
		return err
	}
	return r.fail(ctx, j, it, c, ReasonDamaged, err.Error())
}

// fail records that an item failed, and keeps its raw bytes.
func (r *run) fail(ctx context.Context, j *job, it *ledger.Item, c *transport.Content, reason, detail string) error {
	it.State, it.Reason, it.Detail, it.Run = ledger.Failed, reason, r.l.Words(clean(detail, 1000)), r.id
	it.Tries++
	if err := r.l.Update(func(tx *ledger.Tx) error { return tx.Finish(it) }); err != nil {
		return err
	}
	if err := r.quarantine(ctx, j, it, c); err != nil {
		return err
	}
	r.done(j, it)
	return nil
}

func (r *run) skip(j *job, it *ledger.Item, reason string) error {
	it.State, it.Reason, it.Run = ledger.Skipped, reason, r.id
	if err := r.l.Update(func(tx *ledger.Tx) error { return tx.Finish(it) }); err != nil {
		return err
	}
	r.done(j, it)
	return nil
}
