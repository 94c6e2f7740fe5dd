package imap

import (
	"context"
	"iter"
	"slices"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/imap/wire"
)

// makeAhead is how many CREATE commands are on their way at once.
const makeAhead = 100

// FolderNames implements [transport.FolderNamer]: without a STATUS of each
// mailbox.
func (s *Store) FolderNames(ctx context.Context) iter.Seq2[transport.Folder, error] {
	return s.folders(ctx, false)
}

// MakeFolders implements [transport.FolderMaker]: CREATE commands that do not
// wait for each other. What a server refuses is left to [Store.Ensure], which
// tries other names.
func (s *Store) MakeFolders(ctx context.Context, folders []transport.Folder) error {
	if err := s.listed(ctx); err != nil {
		return err
	}
	c, err := s.pool.get(ctx, "")
	if err != nil {
		return err
	}
	defer s.pool.put(c)
	ns, err := s.namespaces(ctx, c)
	if err != nil {
		return err
	}
	var list []*making
	asked := map[string]bool{}
	for _, f := range folders {
		full := slices.Concat(s.root, f.Path)
		for i := range full {
			want := transport.Folder{}
			if i == len(full)-1 {
				want = f
			}
			m := s.missing(ns, full[:i+1], want, c)
			if m == nil || asked[m.raw] {
				continue
			}
			asked[m.raw] = true
			m.create = c.name(cmd("CREATE "), m.raw)
			if use := c.use(want.Role); use != "" {
				m.create.Raw(" (USE (" + use + "))")
				m.role = want.Role
			}
			if !m.create.Waits(c.Literals) {
				list = append(list, m)
			}
		}
	}
	for part := range slices.Chunk(list, makeAhead) {
		if err := s.make(ctx, c, part); err != nil {
			return err
		}
	}
	return nil
}

// making is a mailbox that is about to be made.
type making struct {
	mailbox
	asked  []string // the path that was asked for
	create *wire.Command
	hidden bool // not to be subscribed
}

// missing is the mailbox of a path, nil when it is there.
func (s *Store) missing(ns *namespaces, path []string, f transport.Folder, c *session) *making {
	raw := ns.raw(path, weak, c.utf8)
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, ok := s.byPath[transport.JoinPath(path)]; ok && !s.known[at].nonexistent {
		return nil
	}
	if m, ok := s.known[raw]; ok && !m.nonexistent {
		return nil
	}
	delim := ns.personal[0].delim
	return &making{mailbox{raw: raw, delim: delim, path: ns.path(raw, delim), count: -1, size: -1, fresh: true}, slices.Clone(path), nil, f.Unsubscribed}
}

func (s *Store) make(ctx context.Context, c *session, list []*making) error {
	commands := make([]*wire.Command, len(list))
	for i, m := range list {
		commands[i] = m.create
	}
	var subscribe []*wire.Command
	err := c.togetherEach(ctx, "create", commands, nil, func(i int, r *wire.Response) {
		if r.Name != "OK" {
			return
		}
		m := list[i]
		s.mu.Lock()
		s.known[m.raw] = m.mailbox
		s.byPath[transport.JoinPath(m.asked)] = m.raw
		s.byPath[transport.JoinPath(m.path)] = m.raw
		s.mu.Unlock()
		if !m.hidden {
			subscribe = append(subscribe, c.name(cmd("SUBSCRIBE "), m.raw))
		}
	})
	if err != nil {
		return err
	}
	return c.together(ctx, "subscribe", subscribe, nil)
}
