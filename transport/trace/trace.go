// Package trace writes what a store is asked, how long it takes and how it ends
// to a log. Bodies, subjects and secrets do not appear; folders, keys and counts
// do.
//
// Start from [Source] and [Sink]. A call that fails is logged as a warning, one
// that works at debug level. Not supported: spans and metrics.
package trace

import (
	"context"
	"iter"
	"log/slog"
	"time"

	"github.com/mailconv/mailconv/transport"
)

// Source wraps a source. The log's own attributes tell one store from another.
func Source(s transport.Source, l *slog.Logger) transport.Source { return &source{s, tracer{l}} }

// Sink wraps a sink. The optional interfaces are those of the sink below.
func Sink(s transport.Sink, l *slog.Logger) transport.Sink { return &sink{s, tracer{l}} }

type tracer struct{ l *slog.Logger }

// begin returns what ends the record of one call.
func (t tracer) begin(ctx context.Context, op string, attrs ...slog.Attr) func(err error, more ...slog.Attr) {
	start := time.Now()
	return func(err error, more ...slog.Attr) {
		level := slog.LevelDebug
		all := append(attrs[:len(attrs):len(attrs)], more...)
		all = append(all, slog.Duration("took", time.Since(start)))
		if err != nil {
			level = slog.LevelWarn
			all = append(all, slog.String("kind", transport.KindOf(err).String()), slog.String("error", err.Error()))
		}
		t.l.LogAttrs(ctx, level, op, all...)
	}
}

func folder(f transport.Folder) slog.Attr { return slog.String("folder", f.String()) }

// sequence counts what passes.
func sequence[T any](ctx context.Context, t tracer, op string, seq iter.Seq2[T, error], failed func(T) error, attrs ...slog.Attr) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		end := t.begin(ctx, op, attrs...)
		n, bad := 0, 0
		var last error
		defer func() { end(last, slog.Int("items", n), slog.Int("failed", bad)) }()
		for v, err := range seq {
			switch {
			case err != nil:
				last = err
			case failed(v) != nil:
				bad++
				t.l.LogAttrs(ctx, slog.LevelWarn, op+" item", append(attrs[:len(attrs):len(attrs)], slog.String("error", failed(v).Error()))...)
			default:
				n++
			}
			if !yield(v, err) {
				return
			}
		}
	}
}

type source struct {
	transport.Source
	t tracer
}

func (s *source) Unwrap() any { return s.Source }

func (s *source) Folders(ctx context.Context) iter.Seq2[transport.Folder, error] {
	return sequence(ctx, s.t, "folders", s.Source.Folders(ctx), func(f transport.Folder) error { return f.Err })
}

func (s *source) Items(ctx context.Context, f transport.Folder, c *transport.Cursor) iter.Seq2[transport.Meta, error] {
	return sequence(ctx, s.t, "items", s.Source.Items(ctx, f, c), func(transport.Meta) error { return nil }, folder(f))
}

func (s *source) Fetch(ctx context.Context, f transport.Folder, keys []transport.Key, want []transport.Form) iter.Seq2[transport.Fetched, error] {
	return sequence(ctx, s.t, "fetch", s.Source.Fetch(ctx, f, keys, want), func(fe transport.Fetched) error { return fe.Err }, folder(f), slog.Int("asked", len(keys)))
}

func (s *source) Close() error {
	end := s.t.begin(context.Background(), "close")
	err := s.Source.Close()
	end(err)
	return err
}

type sink struct {
	transport.Sink
	t tracer
}

func (s *sink) Unwrap() any { return s.Sink }

func (s *sink) Ensure(ctx context.Context, f transport.Folder) (transport.Folder, error) {
	end := s.t.begin(ctx, "ensure", folder(f))
	out, err := s.Sink.Ensure(ctx, f)
	end(err, slog.String("id", out.ID))
	return out, err
}

func (s *sink) MakeFolders(ctx context.Context, folders []transport.Folder) error {
	t, _ := transport.As[transport.FolderMaker](s.Sink)
	end := s.t.begin(ctx, "make folders", slog.Int("asked", len(folders)))
	err := t.MakeFolders(ctx, folders)
	end(err)
	return err
}

func (s *sink) Put(ctx context.Context, f transport.Folder, m transport.Meta, c *transport.Content) (transport.Receipt, error) {
	end := s.t.begin(ctx, "put", folder(f))
	r, err := s.Sink.Put(ctx, f, m, c)
	end(err, slog.String("ref", string(r.Ref)), slog.String("route", r.Route), slog.Int64("bytes", r.Bytes), slog.Int("losses", len(r.Losses)))
	return r, err
}

func (s *sink) BatchLimit() (int, int64) {
	b, _ := transport.As[transport.BatchSink](s.Sink)
	return b.BatchLimit()
}

func (s *sink) PutBatch(ctx context.Context, f transport.Folder, items []transport.Staged) ([]transport.Result, error) {
	b, _ := transport.As[transport.BatchSink](s.Sink)
	end := s.t.begin(ctx, "put batch", folder(f), slog.Int("asked", len(items)))
	results, err := b.PutBatch(ctx, f, items)
	bad, bytes := 0, int64(0)
	for _, r := range results {
		if bytes += r.Receipt.Bytes; r.Err != nil {
			bad++
			s.t.l.LogAttrs(ctx, slog.LevelWarn, "put batch item", folder(f), slog.String("error", r.Err.Error()))
		}
	}
	end(err, slog.Int("failed", bad), slog.Int64("bytes", bytes))
	return results, err
}

func (s *sink) SetFlags(ctx context.Context, f transport.Folder, changes []transport.FlagChange) []error {
	t, _ := transport.As[transport.FlagSetter](s.Sink)
	end := s.t.begin(ctx, "set flags", folder(f), slog.Int("asked", len(changes)))
	errs := t.SetFlags(ctx, f, changes)
	end(first(errs))
	return errs
}

func (s *sink) Delete(ctx context.Context, f transport.Folder, refs []transport.Key) []error {
	t, _ := transport.As[transport.Deleter](s.Sink)
	end := s.t.begin(ctx, "delete", folder(f), slog.Int("asked", len(refs)))
	errs := t.Delete(ctx, f, refs)
	end(first(errs))
	return errs
}

func (s *sink) Move(ctx context.Context, from, to transport.Folder, refs []transport.Key) []transport.Result {
	t, _ := transport.As[transport.Mover](s.Sink)
	end := s.t.begin(ctx, "move", folder(from), slog.String("to", to.String()), slog.Int("asked", len(refs)))
	results := t.Move(ctx, from, to, refs)
	var err error
	for _, r := range results {
		if err == nil {
			err = r.Err
		}
	}
	end(err)
	return results
}

func (s *sink) Close() error {
	end := s.t.begin(context.Background(), "close")
	err := s.Sink.Close()
	end(err)
	return err
}

func first(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
