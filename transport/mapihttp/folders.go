package mapihttp

import (
	"context"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/rop"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/exchange"
)

// rowPage is how many rows one QueryRows asks for; the server gives what fits.
const rowPage = 4096

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
func (st *Store) loadTree(ctx context.Context) (*exchange.Tree, error) {
	var t *exchange.Tree
	err := st.run(ctx, "list folders", func(s *session) error {
		root := s.mailbox.Folders[rop.FolderIPMSubtree]
		t = exchange.NewTree(root.String())
		roles, err := st.roles(ctx, s)
		if err != nil {
			return err
		}
		return s.table(ctx, "list folders", root, &rop.GetHierarchyTable{TableFlags: rop.TableDepth}, folderColumns, nil, func(r *rop.Row) error {
			ps := r.Properties()
			id := objectID(ps, mapi.PidTagFolderId)
			if id == 0 {
				return nil
			}
			f := &exchange.Folder{
				ID: id.String(), Parent: objectID(ps, mapi.PidTagParentFolderId).String(), Name: ps.Text(mapi.PidTagDisplayName),
				Class: ps.Text(mapi.PidTagContainerClass), Count: -1, Size: -1, Hidden: ps.Bool(mapi.PidTagAttributeHidden), Role: roles[id],
			}
			if c, ok := ps.Int(mapi.PidTagContentCount); ok {
				f.Count = c
			}
			if c, ok := ps.Int(mapi.PidTagMessageSizeExtended); ok {
				f.Size = c
			}
			if k, _ := ps.Int(mapi.PidTagFolderType); k == rop.SearchFolder {
				f.Search = true
			}
			t.Add(f)
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	t.Sort()
	return t, nil
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
	return st.folders.Folders(ctx)
}

// folderID is the server's identifier of a folder.
func (st *Store) folderID(ctx context.Context, op string, f transport.Folder) (rop.ObjectID, error) {
	s, err := st.folders.ID(ctx, op, f)
	if err != nil {
		return 0, err
	}
	id, err := parseID(s)
	if err != nil {
		return 0, exchange.NoFolder(op, f)
	}
	return id, nil
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
