package imap

import (
	"context"
	"errors"
	"slices"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/imap/wire"
)

// Accepts implements [transport.Sink].
func (s *Store) Accepts(transport.Meta) []transport.Form {
	return []transport.Form{transport.FormMIME}
}

// Ensure implements [transport.Sink]. A name is escaped no more than the server
// asks for: first only its delimiter, then what file systems stumble over, and
// at last the name is cut and has a hash at its end.
func (s *Store) Ensure(ctx context.Context, f transport.Folder) (transport.Folder, error) {
	if err := s.listed(ctx); err != nil {
		return transport.Folder{}, err
	}
	full := slices.Concat(s.root, f.Path)
	if len(full) == 0 {
		full = []string{inbox}
	}
	c, err := s.pool.get(ctx, "")
	if err != nil {
		return transport.Folder{}, err
	}
	defer s.pool.put(c)
	ns, err := s.namespaces(ctx, c)
	if err != nil {
		return transport.Folder{}, err
	}
	var m mailbox
	made := []string{}
	for i := range full {
		path := slices.Concat(made, full[i:i+1])
		want := transport.Folder{}
		if i == len(full)-1 {
			want = f
		}
		if m, err = s.ensure(ctx, c, ns, path, want); err != nil {
			return transport.Folder{}, err
		}
		// The name may have become another one.
		made = m.path
	}
	out, ok := s.shown(m)
	if !ok {
		out = transport.Folder{Path: slices.Clone(m.path), ID: m.raw, Role: m.role}
	}
	out.Class, out.Count, out.Size = f.Class, -1, -1
	out.New = s.fresh(m.raw)
	return out, nil
}

// fresh reports, once, whether a mailbox was made by this store.
func (s *Store) fresh(raw string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, ok := s.known[raw]
	if !ok || !m.fresh {
		return false
	}
	m.fresh = false
	s.known[raw] = m
	return true
}

// listed sees to it that the mailboxes are known.
func (s *Store) listed(ctx context.Context) error {
	s.mu.Lock()
	done := s.byPath != nil
	s.mu.Unlock()
	if done {
		return nil
	}
	_, err := s.list(ctx, false)
	return err
}

// ensure finds or makes one mailbox whose parent is there.
func (s *Store) ensure(ctx context.Context, c *session, ns *namespaces, path []string, f transport.Folder) (mailbox, error) {
	s.mu.Lock()
	raw, ok := s.byPath[transport.JoinPath(path)]
	m := s.known[raw]
	s.mu.Unlock()
	if ok && !m.nonexistent {
		return m, nil
	}
	var last error
	tried := map[string]bool{}
	for _, e := range []escaping{weak, strong, picky, short} {
		raw := ns.raw(path, e, c.utf8)
		s.mu.Lock()
		m, known := s.known[raw]
		s.mu.Unlock()
		if known && !m.nonexistent {
			return m, nil
		}
		if tried[raw] {
			continue
		}
		tried[raw] = true
		role, fresh, err := s.create(ctx, c, raw, transport.JoinPath(path), f)
		if err == nil {
			m := mailbox{raw: raw, delim: ns.personal[0].delim, count: -1, size: -1, role: role, fresh: fresh}
			m.path = ns.path(raw, m.delim)
			s.mu.Lock()
			s.known[raw] = m
			s.byPath[transport.JoinPath(path)] = raw
			s.byPath[transport.JoinPath(m.path)] = raw
			s.mu.Unlock()
			return m, nil
		}
		last = err
		if k := transport.KindOf(err); c.Broken() != nil || k != transport.Rejected && k != transport.Permanent && k != transport.NotFound {
			break
		}
	}
	return mailbox{}, last
}

// use is the special use that a new mailbox may be given, or "". RFC 6154 3
func (c *session) use(role transport.Role) string {
	if !c.can("CREATE-SPECIAL-USE") {
		return ""
	}
	for a, r := range roles {
		if r == role && r != transport.RoleInbox && a != `\Allmail` && a != `\Starred` && a != `\Spam` {
			return string(a)
		}
	}
	return ""
}

// create makes a mailbox, or finds out that it is there.
func (s *Store) create(ctx context.Context, c *session, raw, folder string, f transport.Folder) (role transport.Role, fresh bool, err error) {
	use := c.use(f.Role)
	w := c.name(cmd("CREATE "), raw)
	if use != "" {
		w.Raw(" (USE (" + use + "))")
	}
	role = f.Role
	_, err = c.do(ctx, "create", folder, w, nil)
	if err != nil && use != "" && c.Broken() == nil {
		role = transport.RoleNone
		_, err = c.do(ctx, "create", folder, c.name(cmd("CREATE "), raw), nil)
	}
	if use == "" {
		role = transport.RoleNone
	}
	if err != nil {
		if c.Broken() != nil {
			return "", false, err
		}
		found := false
		_, lerr := c.do(ctx, "create", folder, c.name(cmd(`LIST "" `), raw), func(r *wire.Response) error {
			if r.Name == "LIST" && len(r.Values) > 2 && canonical(r.Values[2].Text) == canonical(raw) && len(r.Values[0].List) >= 0 {
				found = !slices.ContainsFunc(r.Values[0].List, func(v wire.Value) bool { return v.Is(`\NonExistent`) })
			}
			return nil
		})
		var te *transport.Error
		switch {
		case lerr != nil && c.Broken() != nil:
			return "", false, lerr
		case !found:
			if errors.As(err, &te) && te.Kind == transport.Permanent {
				te.Kind = transport.Rejected
			}
			return "", false, err
		}
		return transport.RoleNone, false, nil
	}
	if !f.Unsubscribed {
		if _, err := c.do(ctx, "subscribe", folder, c.name(cmd("SUBSCRIBE "), raw), nil); err != nil && c.Broken() != nil {
			return "", false, err
		}
	}
	return role, true, nil
}
