package ews

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/ews/soap"
	"github.com/mailconv/mailconv/transport/pathname"
)

// Ensure implements [transport.Sink]. Names are as they are, but control
// characters, which XML cannot say, are escaped as %XX.
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
	parent, refreshed := t.root, false
	var n *node
	for i := 0; i < len(full); {
		name := folderName(full[i])
		if n = t.child(parent, name); n == nil {
			class := ""
			if i == len(full)-1 {
				class = f.Class
			}
			n, err = st.createFolder(ctx, parent, name, class, transport.JoinPath(full[:i+1]))
			switch {
			case hasCode(err, "ErrorFolderExists") && !refreshed:
				// Made by someone else meanwhile.
				refreshed = true
				if t, err = st.loadTree(ctx); err != nil {
					return transport.Folder{}, err
				}
				st.setTree(t)
				parent, i = t.root, 0
				continue
			case err != nil:
				return transport.Folder{}, err
			}
			st.mu.Lock()
			t.add(n)
			st.mu.Unlock()
		}
		parent = n.id
		i++
	}
	out, ok := st.shown(n)
	if !ok {
		out = transport.Folder{Path: slices.Clone(n.path), ID: n.id, Role: n.role, Class: n.class}
	}
	out.Count, out.Size = -1, -1
	return out, nil
}

func (st *Store) setTree(t *tree) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.tree = t
}

// folderName is a name that the server can hold.
func folderName(name string) string {
	if strings.IndexFunc(name, func(r rune) bool { return r < ' ' || r == 0x7F || r == 0xFFFE || r == 0xFFFF || r == 0xFFFD }) < 0 {
		return name
	}
	return pathname.Escape(name, "")
}

// child finds a folder by name, in which case does not count.
func (t *tree) child(parent, name string) *node {
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
	t.byID[n.id] = n
	t.kids[n.parent] = append(t.kids[n.parent], n)
	if up := t.byID[n.parent]; up != nil {
		n.path = append(slices.Clip(up.path), n.name)
	} else {
		n.path = []string{n.name}
	}
	t.sorted = append(t.sorted, n)
}

// folderElement is the element that makes a folder of a class.
func folderElement(class string) string {
	c := strings.ToUpper(class)
	for _, e := range []struct{ class, element string }{
		{"IPF.APPOINTMENT", "CalendarFolder"}, {"IPF.CONTACT", "ContactsFolder"}, {"IPF.TASK", "TasksFolder"},
	} {
		if c == e.class || strings.HasPrefix(c, e.class+".") {
			return e.element
		}
	}
	return "Folder"
}

func (st *Store) createFolder(ctx context.Context, parent, name, class, path string) (*node, error) {
	if class == "" {
		class = "IPF.Note"
	}
	element := folderElement(class)
	r := request{op: "create", name: "CreateFolder", folder: path, body: func(w *soap.Writer) {
		writeFolderID(w, "m:ParentFolderId", parent)
		w.Start("m:Folders").Start("t:" + element)
		// The element says the class where it is one of its own; only then a
		// server refuses to be told.
		if element == "Folder" || strings.Count(class, ".") > 1 {
			w.Element("t:FolderClass", class)
		}
		w.Element("t:DisplayName", name).End().End()
	}}
	n := &node{parent: parent, name: name, class: class, count: 0, size: 0}
	err := st.svc.do(ctx, r, reply{element: func(_ int, s *soap.Scanner) error {
		if s.Name() == "Folders" {
			readFolders(s, func(x *node) { n.id = x.id })
		}
		return nil
	}})
	if err == nil && n.id == "" {
		err = fail(transport.Temporary, r, fmt.Errorf("the reply to CreateFolder names no folder"))
	}
	return n, err
}

// DeleteFolder implements [transport.FolderDeleter].
func (st *Store) DeleteFolder(ctx context.Context, f transport.Folder) error {
	id, err := st.folderID(ctx, "delete", f)
	if transport.KindOf(err) == transport.NotFound && err != nil {
		return nil
	}
	if err != nil {
		return err
	}
	st.ensureMu.Lock()
	defer st.ensureMu.Unlock()
	defer st.setTree(nil)
	err = st.deleteFolder(ctx, f, id, "HardDelete")
	if err == nil || transport.KindOf(err) == transport.NotFound {
		return nil
	}
	// QUIRK: some servers do not delete a folder for good that is not empty.
	// It is emptied first, from the leaves on.
	if k := transport.KindOf(err); k == transport.Auth || k == transport.Throttled || k == transport.Temporary || transport.Canceled(err) {
		return err
	}
	t, lerr := st.loadTree(ctx)
	if lerr != nil {
		return err
	}
	return st.emptyFolder(ctx, t, f, id, 0)
}

func (st *Store) emptyFolder(ctx context.Context, t *tree, f transport.Folder, id string, depth int) error {
	if depth > maxFolderDepth {
		return &transport.Error{Op: "delete", Folder: f.String(), Err: fmt.Errorf("folders are nested more than %d deep", maxFolderDepth)}
	}
	for _, n := range t.kids[id] {
		if err := st.emptyFolder(ctx, t, transport.Folder{Path: n.path, ID: n.id}, n.id, depth+1); err != nil {
			return err
		}
	}
	var keys []transport.Key
	for m, err := range st.Items(ctx, transport.Folder{Path: f.Path, ID: id}, nil) {
		if err != nil {
			return err
		}
		keys = append(keys, m.Key)
	}
	for _, err := range st.Delete(ctx, f, keys) {
		if err != nil {
			return err
		}
	}
	err := st.deleteFolder(ctx, f, id, "HardDelete")
	if err != nil && transport.KindOf(err) == transport.NotFound {
		return nil
	}
	return err
}

func (st *Store) deleteFolder(ctx context.Context, f transport.Folder, id, how string) error {
	return st.svc.do(ctx, request{op: "delete", name: "DeleteFolder", folder: f.String(), attrs: []string{"DeleteType", how}, body: func(w *soap.Writer) {
		w.Start("m:FolderIds").Empty("t:FolderId", "Id", id).End()
	}}, reply{})
}
