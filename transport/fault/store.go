package fault

import (
	"context"
	"iter"

	"github.com/mailconv/mailconv/transport"
)

// Source wraps a source.
func (fs *Faults) Source(s transport.Source) transport.Source { return &source{s, fs} }

// Sink wraps a sink. The optional interfaces are those of the sink below.
func (fs *Faults) Sink(s transport.Sink) transport.Sink { return &sink{s, fs} }

type source struct {
	transport.Source
	fs *Faults
}

func (s *source) Unwrap() any { return s.Source }

// sequence breaks a sequence where the order says so.
func sequence[T any](ctx context.Context, f *Fault, seq iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		if err := f.before(ctx); err != nil {
			yield(zero, err)
			return
		}
		n := 0
		if f.after != 0 {
			for v, err := range seq {
				if !yield(v, err) {
					return
				}
				if n++; n == f.after {
					break
				}
			}
		}
		if f.later != nil {
			yield(zero, f.later)
		}
	}
}

func (s *source) Folders(ctx context.Context) iter.Seq2[transport.Folder, error] {
	return sequence(ctx, s.fs.take("Folders"), s.Source.Folders(ctx))
}

func (s *source) Items(ctx context.Context, f transport.Folder, c *transport.Cursor) iter.Seq2[transport.Meta, error] {
	return sequence(ctx, s.fs.take("Items"), s.Source.Items(ctx, f, c))
}

func (s *source) Fetch(ctx context.Context, f transport.Folder, keys []transport.Key, want []transport.Form) iter.Seq2[transport.Fetched, error] {
	o := s.fs.take("Fetch")
	seq := sequence(ctx, o, s.Source.Fetch(ctx, f, keys, want))
	return func(yield func(transport.Fetched, error) bool) {
		for fe, err := range seq {
			fe.Content = o.content(fe.Content)
			if !yield(fe, err) {
				return
			}
		}
	}
}

type sink struct {
	transport.Sink
	fs *Faults
}

func (s *sink) Unwrap() any { return s.Sink }

func (s *sink) Ensure(ctx context.Context, f transport.Folder) (transport.Folder, error) {
	o := s.fs.take("Ensure")
	if err := o.before(ctx); err != nil {
		return transport.Folder{}, err
	}
	out, err := s.Sink.Ensure(ctx, f)
	if err == nil && o.later != nil {
		return transport.Folder{}, o.later
	}
	return out, err
}

func (s *sink) Put(ctx context.Context, f transport.Folder, m transport.Meta, c *transport.Content) (transport.Receipt, error) {
	o := s.fs.take("Put")
	if err := o.before(ctx); err != nil {
		return transport.Receipt{}, err
	}
	r, err := s.Sink.Put(ctx, f, m, o.content(c))
	if err == nil && o.later != nil {
		return transport.Receipt{}, o.later
	}
	return r, err
}

func (s *sink) BatchLimit() (int, int64) {
	b, _ := transport.As[transport.BatchSink](s.Sink)
	return b.BatchLimit()
}

func (s *sink) PutBatch(ctx context.Context, f transport.Folder, items []transport.Staged) ([]transport.Result, error) {
	b, _ := transport.As[transport.BatchSink](s.Sink)
	o := s.fs.take("PutBatch")
	if err := o.before(ctx); err != nil {
		return nil, err
	}
	if o.after >= 0 && o.after < len(items) {
		items = items[:o.after]
	}
	if o.short >= 0 && len(items) > 0 {
		items = append([]transport.Staged(nil), items...)
		last := &items[len(items)-1]
		last.Content = o.content(last.Content)
	}
	results, err := b.PutBatch(ctx, f, items)
	if err == nil && o.later != nil {
		return nil, o.later
	}
	return results, err
}

func (s *sink) Mark(ctx context.Context, f transport.Folder) (string, error) {
	t, _ := transport.As[transport.Tracker](s.Sink)
	o := s.fs.take("Mark")
	if err := o.before(ctx); err != nil {
		return "", err
	}
	mark, err := t.Mark(ctx, f)
	if err == nil {
		err = o.later
	}
	return mark, err
}

func (s *sink) Since(ctx context.Context, f transport.Folder, mark string) iter.Seq2[transport.Meta, error] {
	t, _ := transport.As[transport.Tracker](s.Sink)
	return sequence(ctx, s.fs.take("Since"), t.Since(ctx, f, mark))
}

// all is the result of a call that failed for each of n elements.
func all(n int, err error) []error {
	errs := make([]error, n)
	for i := range errs {
		errs[i] = err
	}
	return errs
}

func (s *sink) SetFlags(ctx context.Context, f transport.Folder, changes []transport.FlagChange) []error {
	t, _ := transport.As[transport.FlagSetter](s.Sink)
	o := s.fs.take("SetFlags")
	if err := o.before(ctx); err != nil {
		return all(len(changes), err)
	}
	errs := t.SetFlags(ctx, f, changes)
	if o.later != nil {
		return all(len(changes), o.later)
	}
	return errs
}

func (s *sink) Delete(ctx context.Context, f transport.Folder, refs []transport.Key) []error {
	t, _ := transport.As[transport.Deleter](s.Sink)
	o := s.fs.take("Delete")
	if err := o.before(ctx); err != nil {
		return all(len(refs), err)
	}
	errs := t.Delete(ctx, f, refs)
	if o.later != nil {
		return all(len(refs), o.later)
	}
	return errs
}

func (s *sink) Move(ctx context.Context, from, to transport.Folder, refs []transport.Key) []transport.Result {
	t, _ := transport.As[transport.Mover](s.Sink)
	o := s.fs.take("Move")
	err := o.before(ctx)
	var results []transport.Result
	if err == nil {
		results, err = t.Move(ctx, from, to, refs), o.later
	}
	if err != nil {
		results = make([]transport.Result, len(refs))
		for i := range results {
			results[i].Err = err
		}
	}
	return results
}
