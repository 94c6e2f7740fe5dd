package ews

import (
	"context"
	"iter"

	"github.com/mailconv/mailconv/transport"
)

// Mark implements [transport.Tracker]: the mark is a SyncState at the end of the
// folder. The first of a folder costs a walk over it, later ones one request.
func (st *Store) Mark(ctx context.Context, f transport.Folder) (string, error) {
	id, err := st.folderID(ctx, "mark", f)
	if err != nil {
		return "", err
	}
	st.mu.Lock()
	state := st.marks[id]
	st.mu.Unlock()
	for {
		page, err := st.sync(ctx, f, id, state, true)
		if hasCode(err, "ErrorInvalidSyncStateData") && state != "" {
			state = ""
			continue
		}
		if err != nil {
			return "", err
		}
		done := page.last || page.state == "" || page.state == state
		state = page.state
		if done {
			break
		}
		if err := ctx.Err(); err != nil {
			return "", err
		}
	}
	st.mu.Lock()
	st.marks[id] = state
	st.mu.Unlock()
	return state, nil
}

// Since implements [transport.Tracker]. Of a mark that the server does not know
// any more nothing is known, so everything is listed.
func (st *Store) Since(ctx context.Context, f transport.Folder, mark string) iter.Seq2[transport.Meta, error] {
	return func(yield func(transport.Meta, error) bool) {
		id, err := st.folderID(ctx, "list", f)
		if err != nil {
			yield(transport.Meta{}, err)
			return
		}
		for first := true; ; first = false {
			page, err := st.sync(ctx, f, id, mark, true)
			if hasCode(err, "ErrorInvalidSyncStateData") && first && mark != "" {
				mark = ""
				continue
			}
			if err != nil {
				yield(transport.Meta{}, err)
				return
			}
			for _, c := range page.changes {
				if err := ctx.Err(); err != nil {
					yield(transport.Meta{}, err)
					return
				}
				if !yield(c.meta, nil) {
					return
				}
			}
			if page.last || page.state == "" || page.state == mark {
				return
			}
			mark = page.state
		}
	}
}
