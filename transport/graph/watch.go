package graph

import (
	"context"
	"iter"
	"time"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/graph/wire"
)

// Watch implements [transport.Watcher]: each folder's delta is asked for at
// intervals. What goes wrong for the moment is tried again, with growing waits;
// only what will not pass ends the sequence.
func (s *Store) Watch(ctx context.Context, folders []transport.Folder) iter.Seq2[transport.Folder, error] {
	return func(yield func(transport.Folder, error) bool) {
		cursors := make([]transport.Cursor, len(folders))
		seen := make([]map[transport.Key]bool, len(folders))
		wait := s.o.Poll
		for round := 0; ; round++ {
			failed := false
			for i, f := range folders {
				changed := false
				now := map[transport.Key]bool{}
				err := s.list(ctx, "watch", f, &cursors[i], func(_ wire.Item, m transport.Meta) error {
					changed = true
					now[m.Key] = true
					return nil
				})
				if ctx.Err() != nil {
					return
				}
				switch {
				case err != nil && s.passing(err):
					failed = true
					s.warn("a folder could not be looked at", "folder", f.String(), "why", err.Error())
					wait = max(wait, transport.RetryAfter(err))
					continue
				case err != nil:
					yield(f, err)
					return
				}
				if cursors[i].Token == "" {
					// No delta here: what is listed is compared.
					changed = !sameSet(seen[i], now)
					seen[i] = now
				}
				if changed && round > 0 && !yield(f, nil) {
					return
				}
			}
			if s.clock.Sleep(ctx, wait) != nil {
				return
			}
			if wait = s.o.Poll; failed {
				wait = min(2*wait, 10*time.Minute)
			}
		}
	}
}

func sameSet(a, b map[transport.Key]bool) bool {
	if len(a) != len(b) {
		return false
	}
	for k := range a {
		if !b[k] {
			return false
		}
	}
	return true
}
