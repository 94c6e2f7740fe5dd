package mapihttp

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/rop"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/pathname"
)

// Ensure implements [transport.Sink]. Names are as they are, but control
// characters are escaped as %XX.
func (st *Store) Ensure(ctx context.Context, f transport.Folder) (transport.Folder, error) {
	st.ensureMu.Lock()
	defer st.ensureMu.Unlock()
	t, err := st.folderTree(ctx)
	if err != nil {
		return transport.Folder{}, err
	}
	full := slices.Concat(st.root, f.Path)
	if len(full) == 0 {
		return transport.Folder{}, &transport.Error{Kind: transport.Usage, Op: "create", Err: fmt.Errorf("the root of a mailbox takes no items")}
	}
	parent := t.root
	var n *node
	for i := range full {
		name := folderName(full[i])
		if n = t.child(parent, name); n == nil {
			class := ""
			if i == len(full)-1 {
				class = f.Class
			}
			if n, err = st.createFolder(ctx, parent, name, class); err != nil {
				return transport.Folder{}, fail("create", transport.Folder{Path: full[:i+1]}, "", err)
			}
			st.mu.Lock()
			t.add(n)
			st.mu.Unlock()
		}
		parent = n.id
	}
	out, ok := st.shown(n)
	if !ok {
		out = transport.Folder{Path: slices.Clone(n.path), ID: n.id.String(), Role: n.role, Class: n.class}
	}
	out.Count, out.Size = -1, -1
	return out, nil
}

// folderName is a name that the server can hold.
func folderName(name string) string {
	if strings.IndexFunc(name, func(r rune) bool { return r < ' ' || r == 0x7F }) < 0 {
		return name
	}
	return pathname.Escape(name, "")
}

// child finds a folder by name, in which case does not count.
func (t *tree) child(parent rop.ObjectID, name string) *node {
	var other *node
	for _, n := range t.kids[parent] {
		switch {
		case n.name == name:
			return n
		case strings.EqualFold(n.name, name):
			other = n
		}
	}
	return other
}

// add puts a new folder into the tree.
func (t *tree) add(n *node) {
	if t.byID[n.id] != nil {
		return
	}
	t.byID[n.id] = n
	t.kids[n.parent] = append(t.kids[n.parent], n)
	if up := t.byID[n.parent]; up != nil {
		n.path = append(slices.Clip(up.path), n.name)
	} else {
		n.path = []string{n.name}
	}
	t.sorted = append(t.sorted, n)
}

// createFolder makes a folder, or finds it where someone else has made it
// meanwhile, which does not change it.
func (st *Store) createFolder(ctx context.Context, parent rop.ObjectID, name, class string) (*node, error) {
	if class == "" {
		class = "IPF.Note"
	}
	n := &node{parent: parent, name: name, class: class, count: 0, size: 0}
	err := st.run(ctx, "create", func(s *session) error {
		b := s.batch("create")
		up := b.out(b.put(s.logon), &rop.OpenFolder{FolderID: parent})
		made := b.out(b.index(up), &rop.CreateFolder{FolderType: rop.GenericFolder, Unicode: true, OpenExisting: true, DisplayName: name})
		// The class of a folder that was there is not touched, so it is set
		// in a request of its own.
		if err := b.do(ctx); err != nil {
			return err
		}
		s.free(b.made()...)
		if err := b.first(); err != nil {
			return err
		}
		a, ok := b.result(made).(*rop.CreateFolderResult)
		if !ok {
			return b.err(made)
		}
		n.id = a.FolderID
		if a.IsExistingFolder {
			n.class = ""
			return nil
		}
		handle := b.handle(made)
		s.use(handle)
		b = s.batch("create")
		b.in(b.put(handle), &rop.SetProperties{Props: mapi.Properties{{Tag: mapi.PidTagContainerClass, Value: mapi.StringValue(class)}}})
		err := b.do(ctx)
		s.free(handle)
		if err != nil {
			return err
		}
		return b.first()
	})
	return n, err
}

// DeleteFolder implements [transport.FolderDeleter].
func (st *Store) DeleteFolder(ctx context.Context, f transport.Folder) error {
	id, err := st.folderID(ctx, "delete", f)
	if err != nil {
		if transport.KindOf(err) == transport.NotFound {
			return nil
		}
		return err
	}
	st.ensureMu.Lock()
	defer st.ensureMu.Unlock()
	defer st.setTree(nil)
	t, err := st.loadTree(ctx)
	if err != nil {
		return err
	}
	n := t.byID[id]
	if n == nil {
		return nil
	}
	err = st.run(ctx, "delete", func(s *session) error {
		b := s.batch("delete")
		up := b.out(b.put(s.logon), &rop.OpenFolder{FolderID: n.parent})
		del := b.in(b.index(up), &rop.DeleteFolder{DeleteFolderFlags: rop.DeleteMessagesToo | rop.DeleteFoldersToo | rop.DeleteHard, FolderID: id})
		if err := b.do(ctx); err != nil {
			return err
		}
		s.free(b.made()...)
		if err := b.first(); err != nil {
			return err
		}
		if a, ok := b.result(del).(*rop.PartialResult); ok && a.PartialCompletion {
			return fmt.Errorf("%v: %w", rop.IDDeleteFolder, rop.PartiallyComplete)
		}
		return nil
	})
	if err != nil && transport.KindOf(err) == transport.NotFound {
		return nil
	}
	return fail("delete", f, "", err)
}
