package ews

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/ews/soap"
)

// folderPage is how many folders one FindFolder asks for.
const folderPage = 500

// roles of distinguished folders. [MS-OXWSFOLD] 2.2.5.3
var roles = []struct {
	name string
	role transport.Role
}{
	{"inbox", transport.RoleInbox},
	{"sentitems", transport.RoleSent},
	{"drafts", transport.RoleDrafts},
	{"deleteditems", transport.RoleTrash},
	{"junkemail", transport.RoleJunk},
	{"outbox", transport.RoleOutbox},
	{"calendar", transport.RoleCalendar},
	{"contacts", transport.RoleContacts},
	{"tasks", transport.RoleTasks},
	{"notes", transport.RoleNotes},
	{"journal", transport.RoleJournal},
}

// archiveRoles are those of an archive mailbox.
var archiveRoles = []struct {
	name string
	role transport.Role
}{
	{"archiveinbox", transport.RoleInbox},
	{"archivedeleteditems", transport.RoleTrash},
}

// recoverableName is the path under which recoverable items are shown.
const recoverableName = "Recoverable Items"

// A node is a folder as the server has it.
type node struct {
	id, parent string
	name       string
	class      string
	count      int64
	size       int64
	hidden     bool
	search     bool
	role       transport.Role
	path       []string // from the root, without it
}

// A tree is all folders of the store.
type tree struct {
	root   string // identifier
	byID   map[string]*node
	kids   map[string][]*node // by identifier of the parent
	sorted []*node            // parents first
}

// top is the folder that everything is below.
func (st *Store) top() string {
	if st.o.Archive {
		return "archivemsgfolderroot"
	}
	return "msgfolderroot"
}

// writeDistinguished writes the identifier of a distinguished folder.
func (st *Store) writeDistinguished(w *soap.Writer, name string) {
	w.Start("t:DistinguishedFolderId", "Id", name)
	if st.o.Mailbox != "" {
		w.Start("t:Mailbox").Element("t:EmailAddress", st.o.Mailbox).End()
	}
	w.End()
}

func writeFolderShape(w *soap.Writer) {
	w.Start("m:FolderShape").Element("t:BaseShape", "IdOnly").Start("t:AdditionalProperties")
	for _, f := range []string{"folder:FolderClass", "folder:DisplayName", "folder:ParentFolderId", "folder:TotalCount"} {
		w.Empty("t:FieldURI", "FieldURI", f)
	}
	field{tag: pidTagMessageSizeExtended}.write(w)
	field{tag: mapi.PidTagAttributeHidden}.write(w)
	w.End().End()
}

const pidTagMessageSizeExtended = mapi.Tag(0x0E080014)

func readFolder(s *soap.Scanner) *node {
	n := &node{count: -1, size: -1, search: s.Name() == "SearchFolder"}
	for depth := s.Depth(); s.Child(depth); {
		switch s.Name() {
		case "FolderId":
			n.id = s.Attr("Id")
		case "ParentFolderId":
			n.parent = s.Attr("Id")
		case "FolderClass":
			n.class = s.Text()
		case "DisplayName":
			n.name = s.Text()
		case "TotalCount":
			if c, err := strconv.ParseInt(strings.TrimSpace(s.Text()), 10, 64); err == nil {
				n.count = c
			}
		case "ExtendedProperty":
			p, ok := readProperty(s)
			v, isInt := p.Value.Int()
			switch {
			case !ok || !isInt || p.Name != nil:
			case p.Tag.ID() == pidTagMessageSizeExtended.ID():
				n.size = v
			case p.Tag.ID() == mapi.PidTagAttributeHidden.ID():
				n.hidden = v != 0
			}
		}
	}
	return n
}

// readFolders reads the children of <m:Folders> or <t:Folders>.
func readFolders(s *soap.Scanner, add func(*node)) {
	for depth := s.Depth(); s.Child(depth); {
		if n := readFolder(s); n.id != "" {
			add(n)
		}
	}
}

// loadTree reads all folders.
func (st *Store) loadTree(ctx context.Context) (*tree, error) {
	t := &tree{byID: map[string]*node{}, kids: map[string][]*node{}}
	list, err := st.distinguished(ctx, t)
	if err != nil {
		return nil, err
	}
	tops := []string{st.top()}
	if st.o.Recoverable {
		tops = append(tops, st.recoverable())
	}
	for _, top := range tops {
		if err := st.findFolders(ctx, top, func(n *node) {
			if old := t.byID[n.id]; old == nil {
				list = append(list, n)
				t.byID[n.id] = n
			}
		}); err != nil {
			return nil, err
		}
	}
	for _, n := range list {
		t.kids[n.parent] = append(t.kids[n.parent], n)
	}
	t.sort(t.root, nil, 0)
	if st.o.Recoverable {
		if n := t.byName(recoverableName); n != nil {
			n.path = []string{recoverableName}
			t.sorted = append(t.sorted, n)
			t.sort(n.id, n.path, 0)
		}
	}
	return t, nil
}

func (t *tree) byName(name string) *node {
	for _, n := range t.byID {
		if n.name == name && n.parent == "" {
			return n
		}
	}
	return nil
}

func (st *Store) recoverable() string {
	if st.o.Archive {
		return "archiverecoverableitemsroot"
	}
	return "recoverableitemsroot"
}

// maxFolderDepth bounds a tree that goes in circles.
const maxFolderDepth = 300

// sort gives paths, parents first.
func (t *tree) sort(parent string, path []string, depth int) {
	if depth > maxFolderDepth {
		return
	}
	for _, n := range t.kids[parent] {
		if n.path != nil || n.id == t.root {
			continue
		}
		n.path = append(slices.Clip(path), n.name)
		t.sorted = append(t.sorted, n)
		t.sort(n.id, n.path, depth+1)
	}
}

// distinguished finds the root and the folders with a special use. One that is
// not there is an error of its own and does not matter, but the root has to be.
func (st *Store) distinguished(ctx context.Context, t *tree) ([]*node, error) {
	ask := roles
	if st.o.Archive {
		ask = archiveRoles
	}
	names := []string{st.top()}
	for _, r := range ask {
		names = append(names, r.name)
	}
	if st.o.Recoverable {
		names = append(names, st.recoverable())
	}
	r := request{op: "list folders", name: "GetFolder", body: func(w *soap.Writer) {
		writeFolderShape(w)
		w.Start("m:FolderIds")
		for _, name := range names {
			st.writeDistinguished(w, name)
		}
		w.End()
	}}
	var list []*node
	var rootErr error
	found := make([]*node, len(names))
	err := st.svc.do(ctx, r, reply{
		element: func(i int, s *soap.Scanner) error {
			if s.Name() == "Folders" && i < len(found) {
				readFolders(s, func(n *node) { found[i] = n })
			}
			return nil
		},
		done: func(i int, m *message) error {
			switch k := transport.KindOf(m.err); {
			case m.err == nil:
			case i == 0:
				rootErr = m.err
			case k == transport.Throttled || k == transport.Temporary:
				rootErr = m.err
			}
			return nil
		},
	})
	if err == nil {
		err = rootErr
	}
	if err == nil && found[0] == nil {
		err = fail(transport.Unavailable, r, fmt.Errorf("the server names no folder %s", st.top()))
	}
	if err != nil {
		return nil, err
	}
	t.root = found[0].id
	for i, n := range found[1:] {
		switch {
		case n == nil || t.byID[n.id] != nil || n.id == t.root:
			continue
		case i < len(ask):
			n.role = ask[i].role
		default:
			n.name, n.parent = recoverableName, ""
		}
		t.byID[n.id] = n
		list = append(list, n)
	}
	return list, nil
}

// findFolders lists all that is below a distinguished folder.
func (st *Store) findFolders(ctx context.Context, top string, add func(*node)) error {
	for offset := 0; ; {
		r := request{op: "list folders", name: "FindFolder", attrs: []string{"Traversal", "Deep"}, body: func(w *soap.Writer) {
			writeFolderShape(w)
			w.Empty("m:IndexedPageFolderView", "MaxEntriesReturned", strconv.Itoa(folderPage), "Offset", strconv.Itoa(offset), "BasePoint", "Beginning")
			w.Start("m:ParentFolderIds")
			st.writeDistinguished(w, top)
			w.End()
		}}
		n, last, next := 0, true, offset
		err := st.svc.do(ctx, r, reply{element: func(_ int, s *soap.Scanner) error {
			if s.Name() != "RootFolder" {
				return nil
			}
			last = s.Attr("IncludesLastItemInRange") != "false"
			next, _ = strconv.Atoi(s.Attr("IndexedPagingOffset"))
			for depth := s.Depth(); s.Child(depth); {
				if s.Name() == "Folders" {
					readFolders(s, func(x *node) { n++; add(x) })
				}
			}
			return nil
		}})
		if err != nil || last || n == 0 {
			return err
		}
		// QUIRK: the offset of the reply may pass what was given.
		offset = max(offset+n, min(next, offset+n))
	}
}

// Folders implements [transport.Source].
func (st *Store) Folders(ctx context.Context) iter.Seq2[transport.Folder, error] {
	return func(yield func(transport.Folder, error) bool) {
		t, err := st.loadTree(ctx)
		if err != nil {
			yield(transport.Folder{}, err)
			return
		}
		st.mu.Lock()
		st.tree = t
		st.mu.Unlock()
		for _, n := range t.sorted {
			if err := ctx.Err(); err != nil {
				yield(transport.Folder{}, err)
				return
			}
			f, ok := st.shown(n)
			if ok && !yield(f, nil) {
				return
			}
		}
	}
}

// shown is a folder as this store gives it out; false when it lies outside of
// what the address names.
func (st *Store) shown(n *node) (transport.Folder, bool) {
	path := n.path
	switch {
	case len(st.only) > 0:
		if len(path) < len(st.only) || !equalFolds(path[:len(st.only)], st.only) {
			return transport.Folder{}, false
		}
	case len(st.root) > 0:
		if len(path) <= len(st.root) || !equalFolds(path[:len(st.root)], st.root) {
			return transport.Folder{}, false
		}
		path = path[len(st.root):]
	}
	f := transport.Folder{
		Path: slices.Clone(path), ID: n.id, Role: n.role, Class: n.class, Count: n.count, Size: n.size,
		Hidden: n.hidden || n.search,
	}
	return f, true
}

func equalFolds(a, b []string) bool {
	return slices.EqualFunc(a, b, strings.EqualFold)
}

// folderTree is the tree as it was read last.
func (st *Store) folderTree(ctx context.Context) (*tree, error) {
	st.mu.Lock()
	t := st.tree
	st.mu.Unlock()
	if t != nil {
		return t, nil
	}
	t, err := st.loadTree(ctx)
	if err != nil {
		return nil, err
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	st.tree = t
	return t, nil
}

// folderID is the server's identifier of a folder.
func (st *Store) folderID(ctx context.Context, op string, f transport.Folder) (string, error) {
	if f.ID != "" {
		return f.ID, nil
	}
	t, err := st.folderTree(ctx)
	if err != nil {
		return "", err
	}
	full := slices.Concat(st.root, f.Path)
	for _, n := range t.sorted {
		if equalFolds(n.path, full) {
			return n.id, nil
		}
	}
	return "", &transport.Error{Kind: transport.NotFound, Op: op, Folder: f.String(), Err: fmt.Errorf("the mailbox has no such folder")}
}

func writeFolderID(w *soap.Writer, element, id string) {
	w.Start(element).Empty("t:FolderId", "Id", id).End()
}
