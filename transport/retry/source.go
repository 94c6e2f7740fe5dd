package retry

import (
	"context"
	"hash/maphash"
	"iter"
	"slices"

	"github.com/mailconv/mailconv/transport"
)

// Source wraps a source. Listings that break off go on where they were; a
// Fetch asks again for the keys that have no answer, or one that may pass.
func Source(s transport.Source, p Policy) transport.Source { return &source{s, p} }

type source struct {
	transport.Source
	p Policy
}

func (s *source) Unwrap() any { return s.Source }

var seed = maphash.MakeSeed()

// seen remembers what was yielded, 8 bytes each, so that a listing of a million
// items can be begun again without yielding one twice.
type seen struct {
	list   []uint64
	sorted int
}

func (s *seen) add(id string) { s.list = append(s.list, maphash.String(seed, id)) }

// freeze is called before a listing begins again.
func (s *seen) freeze() { slices.Sort(s.list); s.sorted = len(s.list) }

func (s *seen) has(id string) bool {
	if s.sorted == 0 {
		return false
	}
	_, ok := slices.BinarySearch(s.list[:s.sorted], maphash.String(seed, id))
	return ok
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
