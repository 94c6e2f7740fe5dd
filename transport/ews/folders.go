package ews

import (
	"context"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/ews/soap"
	"github.com/mailconv/mailconv/transport/exchange"
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

func readFolder(s *soap.Scanner) *exchange.Folder {
	f := &exchange.Folder{Count: -1, Size: -1, Search: s.Name() == "SearchFolder"}
	for depth := s.Depth(); s.Child(depth); {
		switch s.Name() {
		case "FolderId":
			f.ID = s.Attr("Id")
		case "ParentFolderId":
			f.Parent = s.Attr("Id")
		case "FolderClass":
			f.Class = s.Text()
		case "DisplayName":
			f.Name = s.Text()
		case "TotalCount":
			if c, err := strconv.ParseInt(strings.TrimSpace(s.Text()), 10, 64); err == nil {
				f.Count = c
			}
		case "ExtendedProperty":
			p, ok := readProperty(s)
			v, isInt := p.Value.Int()
			switch {
			case !ok || !isInt || p.Name != nil:
			case p.Tag.ID() == pidTagMessageSizeExtended.ID():
				f.Size = v
			case p.Tag.ID() == mapi.PidTagAttributeHidden.ID():
				f.Hidden = v != 0
			}
		}
	}
	return f
}

// readFolders reads the children of <m:Folders> or <t:Folders>.
func readFolders(s *soap.Scanner, add func(*exchange.Folder)) {
	for depth := s.Depth(); s.Child(depth); {
		if f := readFolder(s); f.ID != "" {
			add(f)
		}
	}
}

// loadTree reads all folders.
func (st *Store) loadTree(ctx context.Context) (*exchange.Tree, error) {
	named, err := st.distinguished(ctx)
	if err != nil {
		return nil, err
	}
	t := exchange.NewTree(named[0].ID)
	for _, f := range named[1:] {
		if f != nil {
			t.Add(f)
		}
	}
	tops := []string{st.top()}
	if st.o.Recoverable {
		tops = append(tops, st.recoverable())
	}
	for _, top := range tops {
		if err := st.findFolders(ctx, top, t.Add); err != nil {
			return nil, err
		}
	}
	t.Sort()
	if f := named[len(named)-1]; st.o.Recoverable && f != nil {
		t.Attach(f)
	}
	return t, nil
}

func (st *Store) recoverable() string {
	if st.o.Archive {
		return "archiverecoverableitemsroot"
	}
	return "recoverableitemsroot"
}

// distinguished finds the root, which comes first, then the folders with a
// special use and, where they are asked for, the recoverable items. One that is
// not there is nil and does not matter, but the root has to be.
func (st *Store) distinguished(ctx context.Context) ([]*exchange.Folder, error) {
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
	var rootErr error
	found := make([]*exchange.Folder, len(names))
	err := st.svc.do(ctx, r, reply{
		element: func(i int, s *soap.Scanner) error {
			if s.Name() == "Folders" && i < len(found) {
				readFolders(s, func(f *exchange.Folder) { found[i] = f })
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
	for i, f := range found[1:] {
		switch {
		case f == nil:
		case i < len(ask):
			f.Role = ask[i].role
		default:
			f.Name, f.Parent = recoverableName, ""
		}
	}
	return found, nil
}

// findFolders lists all that is below a distinguished folder.
func (st *Store) findFolders(ctx context.Context, top string, add func(*exchange.Folder)) error {
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
					readFolders(s, func(f *exchange.Folder) { n++; add(f) })
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
	return st.folders.Folders(ctx)
}

// folderID is the server's identifier of a folder.
func (st *Store) folderID(ctx context.Context, op string, f transport.Folder) (string, error) {
	return st.folders.ID(ctx, op, f)
}

func writeFolderID(w *soap.Writer, element, id string) {
	w.Start(element).Empty("t:FolderId", "Id", id).End()
}
