package mapihttp

import (
	"context"
	"iter"

	"github.com/mailconv/mailconv/transport"
)

// Mark implements [transport.Tracker]: the mark is the state of a
// synchronization. The first of a folder costs a walk over it, later ones two
// requests.
func (st *Store) Mark(ctx context.Context, f transport.Folder) (string, error) {
	id, err := st.folderID(ctx, "mark", f)
	if err != nil {
		return "", err
	}
	st.mu.Lock()
	token := st.marks[id.String()]
	st.mu.Unlock()
	list, err := st.changes(ctx, id, token, true)
	if err != nil && token != "" && stateRefused(err) {
		list, err = st.changes(ctx, id, "", true)
	}
	if err != nil {
		return "", fail("mark", f, "", err)
	}
	token = list.state.token()
	st.mu.Lock()
	st.marks[id.String()] = token
	st.mu.Unlock()
	return token, nil
}

// Since implements [transport.Tracker]. Items that were changed since are listed
// too. Of a mark that the server does not take any more nothing is known, so
// everything is listed.
func (st *Store) Since(ctx context.Context, f transport.Folder, mark string) iter.Seq2[transport.Meta, error] {
	return func(yield func(transport.Meta, error) bool) {
		id, err := st.folderID(ctx, "list", f)
		if err != nil {
			yield(transport.Meta{}, err)
			return
		}
		list, err := st.changes(ctx, id, mark, true)
		if err != nil && mark != "" && stateRefused(err) {
			list, err = st.changes(ctx, id, "", true)
		}
		if err != nil {
			yield(transport.Meta{}, fail("list", f, "", err))
			return
		}
		for _, m := range list.metas {
			if err := ctx.Err(); err != nil {
				yield(transport.Meta{}, err)
				return
			}
			if !m.Gone && !yield(m, nil) {
				return
			}
		}
	}
}
