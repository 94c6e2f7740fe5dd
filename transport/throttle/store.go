package throttle

import (
	"context"
	"iter"

	"github.com/mailconv/mailconv/transport"
)

// Source wraps a source.
func (t *Throttle) Source(s transport.Source) transport.Source { return &source{s, t} }

// Sink wraps a sink, with BatchSink where the sink below has it.
func (t *Throttle) Sink(s transport.Sink) transport.Sink { return &sink{s, t} }

type source struct {
	transport.Source
	t *Throttle
}

func (s *source) Unwrap() any { return s.Source }

func (s *source) Folders(ctx context.Context) iter.Seq2[transport.Folder, error] {
	return func(yield func(transport.Folder, error) bool) {
		if err := s.t.operation(ctx, 1); err != nil {
			yield(transport.Folder{}, err)
			return
		}
		s.Source.Folders(ctx)(yield)
	}
}

func (s *source) Items(ctx context.Context, f transport.Folder, c *transport.Cursor) iter.Seq2[transport.Meta, error] {
	return func(yield func(transport.Meta, error) bool) {
		if err := s.t.operation(ctx, 1); err != nil {
			yield(transport.Meta{}, err)
			return
		}
		s.Source.Items(ctx, f, c)(yield)
	}
}

func (s *source) Fetch(ctx context.Context, f transport.Folder, keys []transport.Key, want []transport.Form) iter.Seq2[transport.Fetched, error] {
	return func(yield func(transport.Fetched, error) bool) {
		for fe, err := range s.Source.Fetch(ctx, f, keys, want) {
			if err == nil {
				err = s.t.operation(ctx, 1)
			}
			if err == nil {
				fe.Content, err = s.t.content(ctx, fe.Content)
			}
			if err != nil {
				fe.Content.Close()
				yield(transport.Fetched{}, err)
				return
			}
			if !yield(fe, nil) {
				return
			}
		}
	}
}

type sink struct {
	transport.Sink
	t *Throttle
}

func (s *sink) Unwrap() any { return s.Sink }

func (s *sink) Put(ctx context.Context, f transport.Folder, m transport.Meta, c *transport.Content) (transport.Receipt, error) {
	err := s.t.operation(ctx, 1)
	if err == nil {
		c, err = s.t.content(ctx, c)
	}
	if err != nil {
		return transport.Receipt{}, err
	}
	return s.Sink.Put(ctx, f, m, c)
}

func (s *sink) BatchLimit() (int, int64) {
	b, _ := transport.As[transport.BatchSink](s.Sink)
	return b.BatchLimit()
}

func (s *sink) PutBatch(ctx context.Context, f transport.Folder, items []transport.Staged) ([]transport.Result, error) {
	b, _ := transport.As[transport.BatchSink](s.Sink)
	if err := s.t.operation(ctx, len(items)); err != nil {
		return nil, err
	}
	paced := make([]transport.Staged, len(items))
	for i, it := range items {
		c, err := s.t.content(ctx, it.Content)
		if err != nil {
			return nil, err
		}
		paced[i] = transport.Staged{Meta: it.Meta, Content: c}
	}
	return b.PutBatch(ctx, f, paced)
}
