package migrate_test

import (
	"context"
	"iter"
	"time"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/mem"
)

// undated is a store that tells no dates.
type undated struct{ *mem.Store }

func (u *undated) Items(ctx context.Context, f transport.Folder, c *transport.Cursor) iter.Seq2[transport.Meta, error] {
	return func(yield func(transport.Meta, error) bool) {
		for m, err := range u.Store.Items(ctx, f, c) {
			m.Received = time.Time{}
			if !yield(m, err) {
				return
			}
		}
	}
}
