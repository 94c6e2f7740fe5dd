package graph

import (
	"context"
	"errors"
	"iter"
	"strings"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/graph/wire"
)

// Mark implements [transport.Tracker]: the delta link of now. The first mark of
// a folder costs its listing, each later one the listing of what was put since.
// Where there is no delta, the mark is empty, and Since goes by tokens.
func (s *Store) Mark(ctx context.Context, f transport.Folder) (string, error) {
	s.mu.Lock()
	last := s.marks[f.ID]
	s.mu.Unlock()
	c := &transport.Cursor{Token: last}
	if err := s.list(ctx, "mark", f, c, func(wire.Item, transport.Meta) error { return nil }); err != nil {
		return "", err
	}
	s.mu.Lock()
	s.marks[f.ID] = c.Token
	s.mu.Unlock()
	return c.Token, nil
}

// Since implements [transport.Tracker]. Items that are not complete, as a put of
// them was cut short, are not listed; the next put of the same item removes
// them.
func (s *Store) Since(ctx context.Context, f transport.Folder, mark string) iter.Seq2[transport.Meta, error] {
	return func(yield func(transport.Meta, error) bool) {
		stopped := errors.New("the range was left")
		k, _, _ := place(f)
		err := s.list(ctx, "list", f, &transport.Cursor{Token: mark}, func(it wire.Item, m transport.Meta) error {
			if m.Gone || strings.HasPrefix(bagOf(it.Properties).get(extToken), partial) {
				return nil
			}
			if mark == "" && k != kindMail && k != kindBox && m.Token == "" {
				return nil // it was there before, or is not ours
			}
			if !yield(m, nil) {
				return stopped
			}
			return nil
		})
		if err != nil && err != stopped {
			yield(transport.Meta{}, err)
		}
	}
}
