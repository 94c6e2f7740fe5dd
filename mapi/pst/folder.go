package pst

import (
	"fmt"
	"iter"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/pst/ltp"
	"github.com/mailconv/mailconv/mapi/pst/ndb"
)

// A Role is the special use of a folder. [MS-OXOSFLD] 2.2
type Role string

// Roles.
const (
	RoleInbox    Role = "inbox"
	RoleOutbox   Role = "outbox"
	RoleSent     Role = "sent"
	RoleTrash    Role = "trash"
	RoleDrafts   Role = "drafts"
	RoleJunk     Role = "junk"
	RoleCalendar Role = "calendar"
	RoleContacts Role = "contacts"
	RoleJournal  Role = "journal"
	RoleNotes    Role = "notes"
	RoleTasks    Role = "tasks"
)

// A Folder is a folder as the hierarchy shows it. [MS-PST] 2.4.4
type Folder struct {
	NID    NID
	Parent NID
	// Name is the display name as stored.
	Name string
	// Path is the names from the top of what a person sees (the IPM subtree)
	// down; of a folder outside of it, from the root of the file. It is empty
	// for these two themselves. Of siblings with one name the second and
	// later ones carry a number, and Renamed is set.
	Path    []string
	Renamed bool
	// Class is the container class, as IPF.Note.
	Class string
	Role  Role
	// Search is set for search folders, which list items of other folders.
	Search bool
	// Hidden is set outside of the IPM subtree.
	Hidden bool
	// Recoverable is set for the dumpster of an Exchange mailbox and what is
	// below it.
	Recoverable bool
	// Count, Unread and Associated are what the folder says of its contents;
	// -1 where it does not.
	Count, Unread, Associated int
	// Err says why the folder's own properties, or the list of its
	// sub-folders, cannot be read. Its contents may be there all the same.
	Err error
}

// maxFolderDepth bounds the nesting of folders.
const maxFolderDepth = 200

// Folders lists all folders, parents before children, in the order of the
// hierarchy tables. It starts with the root of the file, which is no folder of
// the user's.
func (f *File) Folders() iter.Seq[Folder] {
	return func(yield func(Folder) bool) {
		f.rolesOnce.Do(f.findSpecial)
		w := walker{f: f, seen: map[NID]struct{}{}, yield: yield}
		root := Folder{NID: ndb.NIDRootFolder, Parent: ndb.NIDRootFolder, Hidden: f.special.subtree != ndb.NIDRootFolder}
		w.walk(root, 0)
	}
}

type walker struct {
	f     *File
	seen  map[NID]struct{}
	yield func(Folder) bool
	// children by parent, from the node B-tree; made when a table is damaged.
	byParent map[NID][]NID
}

func (w *walker) walk(fo Folder, depth int) bool {
	f := w.f
	w.seen[fo.NID] = struct{}{}
	if fo.NID == f.special.subtree {
		fo.Hidden, fo.Path = false, nil
	}
	f.fill(&fo)
	kids, err := w.children(fo.NID)
	if err != nil && fo.Err == nil {
		fo.Err = err
	}
	if !w.yield(fo) {
		return false
	}
	if depth >= maxFolderDepth {
		f.problem(mapi.Problem{Severe: true, Where: fo.NID.String(), Offset: -1, Detail: fmt.Sprintf("folders nested more than %d deep are not read", maxFolderDepth)})
		return true
	}
	taken := map[string]int{}
	for _, k := range kids {
		if _, dup := w.seen[k.NID]; dup {
			f.problem(mapi.Problem{
				Severe: true, Where: "node " + fo.NID.String(), Offset: -1, Field: "dwRowID",
				Detail: fmt.Sprintf("sub-folder %v is in the hierarchy twice", k.NID), Spec: "[MS-PST] 2.4.4.4",
			})
			continue
		}
		if k.Name == "" {
			k.Name = f.folderName(k.NID)
		}
		name := k.Name
		if name == "" {
			name = k.NID.String()
		}
		if n := taken[k.Name]; n > 0 {
			k.Renamed = true
			name = fmt.Sprintf("%s (%d)", name, n+1)
			for taken[name] > 0 {
				n++
				name = fmt.Sprintf("%s (%d)", k.Name, n+1)
			}
		}
		taken[k.Name]++
		if k.Renamed {
			taken[name]++
		}
		k.Path = append(fo.Path[:len(fo.Path):len(fo.Path)], name)
		k.Parent, k.Hidden = fo.NID, fo.Hidden
		k.Recoverable = fo.Recoverable || fo.Hidden && strings.EqualFold(k.Name, "Recoverable Items")
		k.Search = k.NID.Type() == ndb.TypeSearchFolder
		if !w.walk(k, depth+1) {
			return false
		}
	}
	return true
}

// fill reads the properties of a folder.
func (f *File) fill(fo *Folder) {
	fo.Count, fo.Unread, fo.Associated = -1, -1, -1
	fo.Role = f.special.roles[fo.NID]
	ps, err := f.FolderProperties(fo.NID)
	if err != nil {
		fo.Err = err
		return
	}
	if s := ps.Text(mapi.PidTagDisplayName); s != "" && fo.Name == "" {
		fo.Name = s
	}
	fo.Class = ps.Text(mapi.PidTagContainerClass)
	for tag, to := range map[mapi.Tag]*int{
		mapi.PidTagContentCount: &fo.Count, mapi.PidTagContentUnreadCount: &fo.Unread, mapi.PidTagAssociatedContentCount: &fo.Associated,
	} {
		if v, ok := ps.Int(tag); ok {
			*to = int(v)
		}
	}
}

func (f *File) folderName(nid NID) string {
	ps, err := f.FolderProperties(nid)
	if err != nil {
		return ""
	}
	return ps.Text(mapi.PidTagDisplayName)
}

// FolderProperties reads all properties of a folder.
func (f *File) FolderProperties(nid NID) (mapi.Properties, error) {
	n, err := f.db.Node(nid)
	if err != nil {
		return nil, err
	}
	pc, err := ltp.OpenPC(f.db, n)
	if err != nil {
		return nil, err
	}
	ps, _, problems := pc.Properties()
	for _, p := range problems {
		f.problem(p)
	}
	return f.resolve(ps, charsetOf(ps, f.charset)), nil
}

// children lists the sub-folders of a folder from its hierarchy table, and
// from the node B-tree where that is damaged. [MS-PST] 2.4.4.4
func (w *walker) children(nid NID) ([]Folder, error) {
	f := w.f
	var list []Folder
	have := map[NID]struct{}{}
	damaged := false
	db := f.db.Scope(func(mapi.Problem) { damaged = true }, 0)
	n, err := f.db.Node(nid.WithType(ndb.TypeHierarchyTable))
	if notFound(err) && nid.Type() == ndb.TypeSearchFolder {
		return nil, nil
	}
	if err == nil {
		var t *ltp.Table
		if t, err = ltp.OpenTable(db, n); err == nil {
			for _, p := range t.Problems() {
				f.problem(p)
			}
			name, _ := t.Column(mapi.PidTagDisplayName)
			for r, rowErr := range t.Rows() {
				id := f.rowNode(r)
				if rowErr != nil {
					err = rowErr
				}
				if id == 0 || id.Type() != ndb.TypeNormalFolder && id.Type() != ndb.TypeSearchFolder {
					if rowErr == nil {
						f.problem(mapi.Problem{Severe: true, Where: n.String(), Offset: -1, Field: "dwRowID", Detail: fmt.Sprintf("0x%X is no folder", r.ID), Spec: "[MS-PST] 2.4.4.4"})
					}
					continue
				}
				v, _, _ := r.Value(name)
				have[id] = struct{}{}
				list = append(list, Folder{NID: id, Name: v.WithCharset(f.charset).Text()})
			}
		}
	}
	if err == nil && !damaged {
		return list, nil
	}
	if err != nil {
		f.problem(ndb.ProblemOf(err, n.String()))
	}
	for _, id := range w.inTree(nid) {
		if _, dup := have[id]; !dup {
			list = append(list, Folder{NID: id})
		}
	}
	if err != nil {
		err = fmt.Errorf("pst: sub-folders of node %v: %w", nid, err)
	}
	return list, err
}

// rowNode is the node that a row stands for: its ID, or where that leads
// nowhere what the row itself says.
func (f *File) rowNode(r ltp.Row) NID {
	id := NID(r.ID)
	if r.Stored == r.ID || r.Stored == 0 {
		return id
	}
	if _, err := f.db.Node(id); err == nil {
		return id
	}
	if _, err := f.db.Node(NID(r.Stored)); err == nil {
		return NID(r.Stored)
	}
	return id
}

// inTree lists the sub-folders by the parents that the node B-tree has.
func (w *walker) inTree(parent NID) []NID {
	if w.byParent == nil {
		w.byParent = map[NID][]NID{}
		for n, err := range w.f.db.Nodes(0) {
			if err != nil {
				w.f.problem(ndb.ProblemOf(err, ""))
				continue
			}
			if t := n.NID.Type(); (t == ndb.TypeNormalFolder || t == ndb.TypeSearchFolder) && n.Parent != n.NID {
				w.byParent[n.Parent] = append(w.byParent[n.Parent], n.NID)
			}
		}
	}
	return w.byParent[parent]
}
