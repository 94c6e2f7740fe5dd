package mapihttp

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/rop"
	"github.com/mailconv/mailconv/transport"
)

// rowPage is how many rows one QueryRows asks for; the server gives what fits.
const rowPage = 4096

// A node is a folder as the server has it.
type node struct {
	id, parent rop.ObjectID
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
	root   rop.ObjectID
	byID   map[rop.ObjectID]*node
	kids   map[rop.ObjectID][]*node // by parent
	sorted []*node                  // parents first
}

// folderColumns are those of the hierarchy table.
var folderColumns = []mapi.Tag{
	mapi.PidTagFolderId, mapi.PidTagParentFolderId, mapi.PidTagDisplayName, mapi.PidTagContainerClass,
	mapi.PidTagContentCount, mapi.PidTagMessageSizeExtended, mapi.PidTagAttributeHidden, mapi.PidTagFolderType,
}

func objectID(ps mapi.Properties, tag mapi.Tag) rop.ObjectID {
	n, _ := ps.Int(tag)
	return rop.ObjectID(n)
}

// loadTree reads all folders below the IPM subtree.
func (st *Store) loadTree(ctx context.Context) (*tree, error) {
	var t *tree
	err := st.run(ctx, "list folders", func(s *session) error {
		t = &tree{root: s.mailbox.Folders[rop.FolderIPMSubtree], byID: map[rop.ObjectID]*node{}, kids: map[rop.ObjectID][]*node{}}
		roles, err := st.roles(ctx, s)
		if err != nil {
			return err
		}
		return s.table(ctx, "list folders", t.root, &rop.GetHierarchyTable{TableFlags: rop.TableDepth}, folderColumns, nil, func(r *rop.Row) error {
			ps := r.Properties()
			n := &node{
				id: objectID(ps, mapi.PidTagFolderId), parent: objectID(ps, mapi.PidTagParentFolderId), name: ps.Text(mapi.PidTagDisplayName),
				class: ps.Text(mapi.PidTagContainerClass), count: -1, size: -1, hidden: ps.Bool(mapi.PidTagAttributeHidden),
			}
			if c, ok := ps.Int(mapi.PidTagContentCount); ok {
				n.count = c
			}
			if c, ok := ps.Int(mapi.PidTagMessageSizeExtended); ok {
				n.size = c
			}
			if k, _ := ps.Int(mapi.PidTagFolderType); k == rop.SearchFolder {
				n.search = true
			}
			n.role = roles[n.id]
			if n.id == 0 || t.byID[n.id] != nil {
				return nil
			}
			t.byID[n.id] = n
			t.kids[n.parent] = append(t.kids[n.parent], n)
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	t.sort(t.root, nil, 0)
	return t, nil
}

// maxFolderDepth bounds a tree that goes in circles.
const maxFolderDepth = 300

// sort gives paths, parents first.
func (t *tree) sort(parent rop.ObjectID, path []string, depth int) {
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

// specialFolders are entry identifiers that stand on the Inbox.
// [MS-OXOSFLD] 2.2.3
var specialFolders = []struct {
	tag  mapi.Tag
	role transport.Role
}{
	{mapi.PidTagIpmDraftsEntryId, transport.RoleDrafts},
	{mapi.PidTagIpmAppointmentEntryId, transport.RoleCalendar},
	{mapi.PidTagIpmContactEntryId, transport.RoleContacts},
	{mapi.PidTagIpmJournalEntryId, transport.RoleJournal},
	{mapi.PidTagIpmNoteEntryId, transport.RoleNotes},
	{mapi.PidTagIpmTaskEntryId, transport.RoleTasks},
}

// junkIndex is that of the junk mail folder in PidTagAdditionalRenEntryIds.
// [MS-OXOSFLD] 2.2.4
const junkIndex = 4

// roles are the special uses of folders: those that the logon tells, and those
// that stand on the Inbox.
func (st *Store) roles(ctx context.Context, s *session) (map[rop.ObjectID]transport.Role, error) {
	special := s.mailbox.Folders
	roles := map[rop.ObjectID]transport.Role{
		special[rop.FolderInbox]: transport.RoleInbox, special[rop.FolderOutbox]: transport.RoleOutbox,
		special[rop.FolderSentItems]: transport.RoleSent, special[rop.FolderDeletedItems]: transport.RoleTrash,
	}
	q := &rop.GetPropertiesSpecific{WantUnicode: 1, Tags: []mapi.Tag{mapi.PidTagAdditionalRenEntryIds}}
	for _, f := range specialFolders {
		q.Tags = append(q.Tags, f.tag)
	}
	b := s.batch("list folders")
	open := b.out(b.put(s.logon), &rop.OpenFolder{FolderID: special[rop.FolderInbox]})
	get := b.in(b.index(open), q)
	if err := b.do(ctx); err != nil {
		return nil, err
	}
	s.free(b.made()...)
	a, ok := b.result(get).(*rop.GetPropertiesSpecificResult)
	if !ok {
		return roles, nil // a shared mailbox whose Inbox is closed to us
	}
	ps := a.Row.Properties()
	for _, f := range specialFolders {
		if id, ok := folderOfEntryID(s, ps.Bytes(f.tag)); ok {
			roles[id] = f.role
		}
	}
	if v, ok := ps.Get(mapi.PidTagAdditionalRenEntryIds); ok && len(v.Elems()) > junkIndex {
		if id, ok := folderOfEntryID(s, v.Elems()[junkIndex]); ok {
			roles[id] = transport.RoleJunk
		}
	}
	return roles, nil
}

// folderOfEntryID is the folder that a Folder EntryID names: flags, provider,
// type, replica GUID, counter, padding. [MS-OXCDATA] 2.2.4.1
func folderOfEntryID(s *session, b []byte) (rop.ObjectID, bool) {
	const size = 4 + 16 + 2 + 16 + 6 + 2
	if len(b) != size {
		return 0, false
	}
	var counter uint64
	for _, c := range b[38:44] {
		counter = counter<<8 | uint64(c)
	}
	return rop.NewObjectID(s.mailbox.Folders[rop.FolderInbox].Replica(), counter), counter != 0
}

// table reads a table of a folder row by row. prepare, which may be nil, adds
// operations between the choice of columns and the first rows. The first rows
// come with the request that opens the table.
func (s *session) table(ctx context.Context, op string, folder rop.ObjectID, open rop.RequestBody, columns []mapi.Tag, restrict rop.Restriction, row func(*rop.Row) error) error {
	query := &rop.QueryRows{ForwardRead: true, RowCount: rowPage}
	b := s.batch(op)
	f := b.out(b.put(s.logon), &rop.OpenFolder{FolderID: folder})
	t := b.out(b.index(f), open)
	at := b.index(t)
	b.in(at, &rop.SetColumns{Tags: columns})
	if restrict != nil {
		b.in(at, &rop.Restrict{Restriction: restrict})
	}
	q := b.in(at, query)
	if err := b.do(ctx); err != nil {
		return err
	}
	s.free(b.made()...)
	if err := b.first(); err != nil {
		return err
	}
	handle := b.handle(t)
	for {
		a, ok := b.result(q).(*rop.QueryRowsResult)
		if !ok {
			return b.err(q)
		}
		for i := range a.Rows {
			if err := row(&a.Rows[i]); err != nil {
				return err
			}
		}
		if len(a.Rows) == 0 || a.Origin == rop.BookmarkEnd {
			return nil
		}
		// The table is in use: it is not released yet.
		s.use(handle)
		b = s.batch(op)
		q = b.in(b.put(handle), query)
		err := b.do(ctx)
		s.free(handle)
		if err != nil {
			return err
		}
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
		st.setTree(t)
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
	return transport.Folder{
		Path: slices.Clone(path), ID: n.id.String(), Role: n.role, Class: n.class, Count: n.count, Size: n.size,
		Hidden: n.hidden || n.search,
	}, true
}

func equalFolds(a, b []string) bool { return slices.EqualFunc(a, b, strings.EqualFold) }

func (st *Store) setTree(t *tree) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.tree = t
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
	if err == nil {
		st.setTree(t)
	}
	return t, err
}

var errNoFolder = errors.New("the mailbox has no such folder")

// folderID is the server's identifier of a folder.
func (st *Store) folderID(ctx context.Context, op string, f transport.Folder) (rop.ObjectID, error) {
	if f.ID != "" {
		id, err := parseID(f.ID)
		if err != nil {
			return 0, &transport.Error{Kind: transport.NotFound, Op: op, Folder: f.String(), Err: errNoFolder}
		}
		return id, nil
	}
	t, err := st.folderTree(ctx)
	if err != nil {
		return 0, err
	}
	full := slices.Concat(st.root, f.Path)
	for _, n := range t.sorted {
		if equalFolds(n.path, full) {
			return n.id, nil
		}
	}
	return 0, &transport.Error{Kind: transport.NotFound, Op: op, Folder: f.String(), Err: errNoFolder}
}

// parseID reads what [rop.ObjectID.String] writes.
func parseID(s string) (rop.ObjectID, error) {
	replica, counter, ok := strings.Cut(s, "-")
	r, err1 := strconv.ParseUint(replica, 16, 16)
	c, err2 := strconv.ParseUint(counter, 16, 48)
	if !ok || err1 != nil || err2 != nil {
		return 0, fmt.Errorf("%q is not an identifier of a folder or message", s)
	}
	return rop.NewObjectID(uint16(r), c), nil
}
