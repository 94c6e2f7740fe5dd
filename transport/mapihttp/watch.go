package mapihttp

import (
	"context"
	"iter"
	"time"

	"github.com/mailconv/mailconv/mapi/rop"
	"github.com/mailconv/mailconv/transport"
)

// watchedEvents are what a folder is watched for.
const watchedEvents = rop.NewMail | rop.CreatedObject | rop.DeletedObject | rop.ModifiedObject | rop.MovedObject | rop.CopiedObject

const (
	// shortWatch is how long a session lives at least that is begun again at
	// once, shortWait how long a server waits that has nothing to tell.
	shortWatch = 10 * time.Second
	shortWait  = 100 * time.Millisecond
)

// Watch implements [transport.Watcher]: by notifications, or by looking at the
// folders from time to time where the server has none. It has a session of its
// own.
func (st *Store) Watch(ctx context.Context, folders []transport.Folder) iter.Seq2[transport.Folder, error] {
	return func(yield func(transport.Folder, error) bool) {
		w := &watch{st: st, folders: map[rop.ObjectID]transport.Folder{}, states: map[rop.ObjectID]string{}}
		for _, f := range folders {
			id, err := st.folderID(ctx, "watch", f)
			if err != nil {
				yield(transport.Folder{}, err)
				return
			}
			if _, twice := w.folders[id]; !twice {
				w.folders[id] = f
				w.ids = append(w.ids, id)
			}
		}
		if len(w.ids) == 0 {
			return
		}
		for {
			begin := st.o.Clock.Now()
			err := w.session(ctx, yield)
			if contextLost(err) && st.o.Clock.Now().Sub(begin) < shortWatch {
				// A server that forgets sessions at once is not asked for
				// one after the other.
				err = st.o.Clock.Sleep(ctx, st.o.Poll)
				if err == nil {
					continue
				}
			}
			switch {
			case err == errLeft:
				return
			case ctx.Err() != nil:
				yield(transport.Folder{}, ctx.Err())
				return
			case contextLost(err):
				continue
			case err != nil:
				yield(transport.Folder{}, fail("watch", transport.Folder{}, "", err))
				return
			}
		}
	}
}

// A watch knows the states of folders, so that what happens between two
// sessions is seen.
type watch struct {
	st      *Store
	folders map[rop.ObjectID]transport.Folder
	ids     []rop.ObjectID
	states  map[rop.ObjectID]string
}

// session watches until the session ends.
func (w *watch) session(ctx context.Context, yield func(transport.Folder, error) bool) error {
	s, err := w.st.connect(ctx)
	if err != nil {
		return err
	}
	defer s.close(context.WithoutCancel(ctx))
	s.keep = true
	handles, err := w.register(ctx, s)
	if err != nil {
		return err
	}
	if err := w.look(ctx, yield); err != nil {
		return err
	}
	for {
		if len(handles) == 0 {
			if err := w.st.o.Clock.Sleep(ctx, w.st.o.Poll); err != nil {
				return err
			}
			if err := w.look(ctx, yield); err != nil {
				return err
			}
			continue
		}
		begin := w.st.o.Clock.Now()
		pending, err := s.wait(ctx)
		if err != nil {
			if c, ok := codeOf(err); ok && c == rop.NotSupported {
				handles = nil
				continue
			}
			return err
		}
		if !pending {
			if w.st.o.Clock.Now().Sub(begin) < shortWait {
				if err := w.st.o.Clock.Sleep(ctx, shortWait); err != nil {
					return err
				}
			}
			continue
		}
		if err := w.collect(ctx, s, handles, yield); err != nil {
			return err
		}
	}
}

// register asks for notifications of each folder.
func (w *watch) register(ctx context.Context, s *session) (map[uint32]rop.ObjectID, error) {
	handles := map[uint32]rop.ObjectID{}
	for ids := w.ids; len(ids) > 0; {
		part := ids[:min(changePage, len(ids))]
		ids = ids[len(part):]
		b := s.batch("watch")
		at := make([]int, len(part))
		for i, id := range part {
			at[i] = b.out(b.put(s.logon), &rop.RegisterNotification{Types: watchedEvents, FolderID: id})
		}
		if err := b.do(ctx); err != nil {
			return nil, err
		}
		for i, n := range at {
			if err := b.err(n); err != nil {
				if c, _ := codeOf(err); c == rop.NotSupported {
					return nil, nil
				}
				return nil, err
			}
			handles[b.handle(n)] = part[i]
		}
	}
	return handles, nil
}

// collect fetches the notifications that wait. Any request brings them.
func (w *watch) collect(ctx context.Context, s *session, handles map[uint32]rop.ObjectID, yield func(transport.Folder, error) bool) error {
	b := s.batch("watch")
	b.in(b.put(s.logon), &rop.GetReceiveFolder{MessageClass: "IPM"})
	if err := b.do(ctx); err != nil {
		return err
	}
	told := map[rop.ObjectID]bool{}
	for _, n := range s.notices {
		if id, ok := handles[n.NotificationHandle]; ok {
			told[id] = true
		}
	}
	s.notices = s.notices[:0]
	for _, id := range w.ids {
		if told[id] && !yield(w.folders[id], nil) {
			return errLeft
		}
	}
	return nil
}

// look yields the folders that changed since it looked last. The first time only
// states are noted.
func (w *watch) look(ctx context.Context, yield func(transport.Folder, error) bool) error {
	for _, id := range w.ids {
		state, known := w.states[id]
		list, err := w.st.changes(ctx, id, state, false)
		if err != nil && state != "" && stateRefused(err) {
			list, err = w.st.changes(ctx, id, "", false)
		}
		if err != nil {
			return err
		}
		w.states[id] = list.state.token()
		if known && len(list.metas) > 0 && !yield(w.folders[id], nil) {
			return errLeft
		}
	}
	return nil
}
