// Package dryrun stands before a sink and does nothing, but says what it would
// have done.
//
// Start from [Sink]. Reading from the sink (its folders, limits, quota) goes
// through; nothing that writes does. Bodies are not opened.
//
// Not supported: telling what the store itself would have refused, except for
// the size of an item.
package dryrun

import (
	"context"
	"fmt"
	"iter"

	"github.com/mailconv/mailconv/transport"
)

// An Action is one thing that was not done.
type Action struct {
	// Op is "create", "put", "flags", "move", "delete" or "delete folder".
	Op     string
	Folder transport.Folder
	To     transport.Folder // of a move
	Meta   transport.Meta   // of a put
	Bytes  int64            // of a put, -1 when not known
	Refs   []transport.Key  // of the others
}

// Sink wraps a sink. plan is told of each action; it may be called by several
// goroutines at once.
func Sink(s transport.Sink, plan func(Action)) transport.Sink {
	if plan == nil {
		plan = func(Action) {}
	}
	return &sink{s, plan}
}

type sink struct {
	transport.Sink
	plan func(Action)
}

func (s *sink) Unwrap() any { return s.Sink }

// Ensure implements [transport.Sink].
func (s *sink) Ensure(_ context.Context, f transport.Folder) (transport.Folder, error) {
	s.plan(Action{Op: "create", Folder: f, Bytes: -1})
	if f.ID == "" {
		f.ID = f.String()
	}
	return f, nil
}

// MakeFolders implements [transport.FolderMaker]: Ensure tells of each.
func (s *sink) MakeFolders(context.Context, []transport.Folder) error { return nil }

// Put implements [transport.Sink].
func (s *sink) Put(ctx context.Context, f transport.Folder, m transport.Meta, c *transport.Content) (transport.Receipt, error) {
	n := m.Size
	if c != nil && c.MIME != nil {
		n = c.MIME.Size()
	}
	if l, ok := transport.As[transport.SizeLimiter](s.Sink); ok {
		if limit, err := l.MaxSize(ctx); err == nil && limit > 0 && n > limit {
			return transport.Receipt{}, &transport.Error{
				Kind: transport.TooLarge, Op: "append", Folder: f.String(), Key: m.Key,
				Err: fmt.Errorf("%d bytes, at most %d are taken", n, limit),
			}
		}
	}
	s.plan(Action{Op: "put", Folder: f, Meta: m, Bytes: n})
	return transport.Receipt{Route: "dry-run", Bytes: max(n, 0)}, nil
}

// BatchLimit implements [transport.BatchSink].
func (s *sink) BatchLimit() (int, int64) {
	b, _ := transport.As[transport.BatchSink](s.Sink)
	return b.BatchLimit()
}

// PutBatch implements [transport.BatchSink].
func (s *sink) PutBatch(ctx context.Context, f transport.Folder, items []transport.Staged) ([]transport.Result, error) {
	results := make([]transport.Result, len(items))
	for i, it := range items {
		results[i].Receipt, results[i].Err = s.Put(ctx, f, it.Meta, it.Content)
	}
	return results, nil
}

// Mark implements [transport.Tracker]. Nothing ever arrives.
func (s *sink) Mark(context.Context, transport.Folder) (string, error) { return "dry-run", nil }

// Since implements [transport.Tracker].
func (s *sink) Since(context.Context, transport.Folder, string) iter.Seq2[transport.Meta, error] {
	return func(func(transport.Meta, error) bool) {}
}

// SetFlags implements [transport.FlagSetter].
func (s *sink) SetFlags(_ context.Context, f transport.Folder, changes []transport.FlagChange) []error {
	refs := make([]transport.Key, len(changes))
	for i, c := range changes {
		refs[i] = c.Ref
	}
	s.plan(Action{Op: "flags", Folder: f, Refs: refs, Bytes: -1})
	return make([]error, len(changes))
}

// Move implements [transport.Mover].
func (s *sink) Move(_ context.Context, from, to transport.Folder, refs []transport.Key) []transport.Result {
	s.plan(Action{Op: "move", Folder: from, To: to, Refs: refs, Bytes: -1})
	results := make([]transport.Result, len(refs))
	for i := range results {
		results[i].Receipt.Route = "dry-run"
	}
	return results
}

// Delete implements [transport.Deleter].
func (s *sink) Delete(_ context.Context, f transport.Folder, refs []transport.Key) []error {
	s.plan(Action{Op: "delete", Folder: f, Refs: refs, Bytes: -1})
	return make([]error, len(refs))
}

// DeleteFolder implements [transport.FolderDeleter].
func (s *sink) DeleteFolder(_ context.Context, f transport.Folder) error {
	s.plan(Action{Op: "delete folder", Folder: f, Bytes: -1})
	return nil
}
