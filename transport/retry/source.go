package retry

import (
	"context"
	"hash/maphash"
	"iter"
	"slices"

	"github.com/mailconv/mailconv/transport"
)

// Source wraps a source. Listings that break off go on where they were; a
// Fetch asks again for the keys that have no answer, or one that may pass. It
// has Searcher and Deleter where the source below has them.
func Source(s transport.Source, p Policy) transport.Source { return &source{s, p} }

type source struct {
	transport.Source
	p Policy
}

func (s *source) Unwrap() any { return s.Source }

var seed = maphash.MakeSeed()

// chunk is the number of entries of one part of [seen].
const chunk = 1 << 15

// seen remembers what was yielded, 8 bytes each, so that a listing of a million
// items can be begun again without yielding one twice. It grows in parts, as a
// list that is copied to grow takes thrice its size for a while.
type seen struct {
	full   [][]uint64 // of chunk entries each
	last   []uint64
	frozen bool
}

func (s *seen) add(id string) {
	if len(s.last) == chunk {
		if s.frozen {
			slices.Sort(s.last)
		}
		s.full = append(s.full, s.last)
		s.last = make([]uint64, 0, chunk)
	}
	s.last = append(s.last, maphash.String(seed, id))
}

// freeze is called before a listing begins again.
func (s *seen) freeze() {
	if len(s.last) > 0 {
		s.full = append(s.full, s.last)
		s.last = nil
	}
	for _, part := range s.full {
		slices.Sort(part)
	}
	s.frozen = len(s.full) > 0
}

// has asks for what was there before the listing began again.
func (s *seen) has(id string) bool {
	if !s.frozen {
		return false
	}
	h := maphash.String(seed, id)
	for _, part := range s.full {
		if _, ok := slices.BinarySearch(part, h); ok {
			return true
		}
	}
	return false
}

// Folders implements [transport.Source].
func (s *source) Folders(ctx context.Context) iter.Seq2[transport.Folder, error] {
	return func(yield func(transport.Folder, error) bool) {
		t := s.p.begin("list folders", transport.Folder{})
		var done seen
		for {
			var last error
			for f, err := range s.Source.Folders(ctx) {
				if err != nil {
					last = err
					break
				}
				if id := f.ID + "\x00" + f.String(); !done.has(id) {
					done.add(id)
					t.progress()
					if !yield(f, nil) {
						return
					}
				}
			}
			if last == nil {
				return
			}
			if err := t.again(ctx, last); err != nil {
				yield(transport.Folder{}, err)
				return
			}
			done.freeze()
		}
	}
}

// Items implements [transport.Source]. An error about one item is handed up as
// it is; the body will show whether it lasts.
func (s *source) Items(ctx context.Context, f transport.Folder, c *transport.Cursor) iter.Seq2[transport.Meta, error] {
	return func(yield func(transport.Meta, error) bool) {
		t := s.p.begin("list", f)
		var done seen
		for {
			var start *transport.Cursor
			if c != nil {
				start = &transport.Cursor{Token: c.Token}
			}
			var last error
			for m, err := range s.Source.Items(ctx, f, start) {
				if err != nil && m.Key == "" {
					last = err
					break
				}
				if !done.has(string(m.Key)) {
					done.add(string(m.Key))
					t.progress()
					if !yield(m, err) {
						return
					}
				}
			}
			if last == nil {
				if c != nil {
					*c = *start
				}
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

// Search implements [transport.Searcher].
func (s *source) Search(ctx context.Context, f transport.Folder, query string) iter.Seq2[transport.Meta, error] {
	inner, _ := transport.As[transport.Searcher](s.Source)
	return func(yield func(transport.Meta, error) bool) {
		t := s.p.begin("search", f)
		var done seen
		for {
			var last error
			for m, err := range inner.Search(ctx, f, query) {
				if err != nil && m.Key == "" {
					last = err
					break
				}
				if !done.has(string(m.Key)) {
					done.add(string(m.Key))
					t.progress()
					if !yield(m, err) {
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

// Delete implements [transport.Deleter].
func (s *source) Delete(ctx context.Context, f transport.Folder, refs []transport.Key) []error {
	d, _ := transport.As[transport.Deleter](s.Source)
	return each(ctx, s.p.begin("delete", f), refs, func(part []transport.Key) []error { return d.Delete(ctx, f, part) })
}

// Fetch implements [transport.Source].
func (s *source) Fetch(ctx context.Context, f transport.Folder, keys []transport.Key, want []transport.Form) iter.Seq2[transport.Fetched, error] {
	return func(yield func(transport.Fetched, error) bool) {
		t := s.p.begin("fetch", f)
		ask := keys
		for {
			answered := map[transport.Key]bool{}
			later := map[transport.Key]error{}
			var last error
			for fe, err := range s.Source.Fetch(ctx, f, ask, want) {
				if err != nil {
					last = err
					break
				}
				if Retryable(fe.Err) {
					fe.Content.Close()
					later[fe.Key] = fe.Err
					continue
				}
				answered[fe.Key] = true
				if fe.Err == nil {
					t.progress()
				}
				if !yield(fe, nil) {
					return
				}
			}
			if last == nil {
				if len(later) == 0 {
					return
				}
				last = longest(later)
			}
			err := t.again(ctx, last)
			if err != nil {
				// What may pass, but did not, is about those items alone.
				for _, k := range ask {
					if kerr := later[k]; kerr != nil && !yield(transport.Fetched{Key: k, Err: kerr}, nil) {
						return
					}
				}
				if len(answered)+len(later) < len(ask) || transport.Canceled(err) {
					yield(transport.Fetched{}, err)
				}
				return
			}
			ask = slices.DeleteFunc(slices.Clone(ask), func(k transport.Key) bool { return answered[k] })
			if len(ask) == 0 {
				return
			}
		}
	}
}

// longest is the error that asks for the longest wait.
func longest(errs map[transport.Key]error) (err error) {
	for _, e := range errs {
		if err == nil || transport.RetryAfter(e) > transport.RetryAfter(err) {
			err = e
		}
	}
	return err
}
