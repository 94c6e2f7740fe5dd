package mailbox

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mailconv/mailconv/mapi"
)

// Errors of mailboxes.
var (
	ErrNotFound = errors.New("there is no such item or folder")
	ErrExists   = errors.New("a folder with this name exists")
	ErrNotEmpty = errors.New("the folder is not empty")
	ErrStandard = errors.New("a folder that each mailbox has cannot be moved, renamed or deleted")
	ErrLoop     = errors.New("a folder cannot be moved below itself")
	ErrName     = errors.New("a folder needs a name")
)

// A FolderID and an ItemID are unique in the whole server and never used again.
type (
	FolderID uint64
	ItemID   uint64
)

// A Folder is what a mailbox says of a folder at one moment.
type Folder struct {
	ID, Parent FolderID
	Name       string
	Class      string // container class, as in IPF.Note
	// Role is set for folders that each mailbox has.
	Role WellKnown
	// Props are properties beside name and class. They are not to be changed.
	Props mapi.Properties
	// Change is the change number of the folder itself, Born that of its
	// arrival below its parent.
	Change, Born      uint64
	Created, Modified time.Time
	// Count, Unread and Size (bytes) are of normal items, Associated of the
	// others; Children are the folders right below.
	Count, Unread, Associated, Children int
	Size                                int64
}

// folder is the folder itself.
type folder struct {
	Folder
	items []*Item // in the order of arrival; deleted ones are taken out
	gone  []Gone
}

// A Mailbox is the store of one account.
type Mailbox struct {
	s       *Server
	account Account
	guid    mapi.GUID

	mu      sync.Mutex
	folders map[FolderID]*folder
	items   map[ItemID]*Item
	places  map[ItemID]*Item // by the place
	known   map[WellKnown]FolderID
	gone    []GoneFolder
	grants  []grant
	change  uint64
	events  []Event
	first   uint64 // number of events[0]
	wake    chan struct{}
}

func newMailbox(s *Server, a Account) *Mailbox {
	m := &Mailbox{
		s: s, account: a, folders: map[FolderID]*folder{}, items: map[ItemID]*Item{}, places: map[ItemID]*Item{},
		known: map[WellKnown]FolderID{}, first: 1, wake: make(chan struct{}),
	}
	copy(m.guid[:], "mailbox\x00")
	n := s.id()
	for i := range 8 {
		m.guid[8+i] = byte(n >> (8 * i))
	}
	for _, f := range standard {
		if f.archive && !a.Archive {
			continue
		}
		name := f.name
		if n, ok := a.FolderNames[f.role]; ok {
			name = n
		}
		m.known[f.role] = m.addFolder(m.known[f.parent], name, f.class, f.role, nil).ID
	}
	return m
}

// Account is the owner.
func (m *Mailbox) Account() Account { return m.account }

// Address is the primary address of the owner.
func (m *Mailbox) Address() string { return m.account.Address }

// GUID identifies the mailbox.
func (m *Mailbox) GUID() mapi.GUID { return m.guid }

// Server is the server that the mailbox is on.
func (m *Mailbox) Server() *Server { return m.s }

// addFolder is called with the lock held, or before anybody else knows m.
func (m *Mailbox) addFolder(parent FolderID, name, class string, role WellKnown, props mapi.Properties) *folder {
	m.change++
	now := m.s.Now()
	f := &folder{Folder: Folder{
		ID: FolderID(m.s.id()), Parent: parent, Name: name, Class: class, Role: role, Props: props.Clone(),
		Change: m.change, Born: m.change, Created: now, Modified: now,
	}}
	m.folders[f.ID] = f
	return f
}

// snapshot is called with the lock held.
func (m *Mailbox) snapshot(f *folder) Folder {
	out := f.Folder
	for _, it := range f.items {
		switch {
		case it.Associated:
			out.Associated++
			continue
		case !it.Read():
			out.Unread++
		}
		out.Count++
		out.Size += it.Size
	}
	for _, c := range m.folders {
		if c.Parent == f.ID {
			out.Children++
		}
	}
	return out
}

// Folder finds a folder.
func (m *Mailbox) Folder(id FolderID) (Folder, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.folders[id]
	if f == nil {
		return Folder{}, false
	}
	return m.snapshot(f), true
}

// WellKnown finds a folder that each mailbox has.
func (m *Mailbox) WellKnown(w WellKnown) (Folder, bool) {
	m.mu.Lock()
	id, ok := m.known[w]
	m.mu.Unlock()
	if !ok {
		return Folder{}, false
	}
	return m.Folder(id)
}

// Folders lists what is below a folder: right below, or with deep everything,
// parents before children. The folder itself is not listed.
func (m *Mailbox) Folders(parent FolderID, deep bool) []Folder {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []Folder
	var walk func(FolderID)
	walk = func(id FolderID) {
		var below []*folder
		for _, f := range m.folders {
			if f.Parent == id && f.ID != id {
				below = append(below, f)
			}
		}
		slices.SortFunc(below, func(a, b *folder) int {
			if a.ID < b.ID {
				return -1
			}
			return 1
		})
		for _, f := range below {
			list = append(list, m.snapshot(f))
			if deep {
				walk(f.ID)
			}
		}
	}
	walk(parent)
	return list
}

// Child finds a folder right below another by its name, without regard to case.
func (m *Mailbox) Child(parent FolderID, name string) (Folder, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := m.child(parent, name); f != nil {
		return m.snapshot(f), true
	}
	return Folder{}, false
}

func (m *Mailbox) child(parent FolderID, name string) *folder {
	for _, f := range m.folders {
		if f.Parent == parent && strings.EqualFold(f.Name, name) {
			return f
		}
	}
	return nil
}

// CreateFolder makes a folder. props are properties beside name and class; they
// may be nil. [MS-OXCFOLD] 2.2.1.2
func (m *Mailbox) CreateFolder(parent FolderID, name, class string, props mapi.Properties) (Folder, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.folders[parent] == nil:
		return Folder{}, ErrNotFound
	case name == "":
		return Folder{}, ErrName
	case m.child(parent, name) != nil:
		return Folder{}, ErrExists
	}
	f := m.addFolder(parent, name, class, "", props)
	m.emit(Event{Kind: EventCreated, Folder: f.ID, Parent: parent, IsFolder: true})
	m.touchFolder(parent)
	return m.snapshot(f), nil
}

// touchFolder records that a folder looks different now: its counts changed.
// That is no change of the folder itself.
func (m *Mailbox) touchFolder(id FolderID) {
	if f := m.folders[id]; f != nil {
		f.Modified = m.s.Now()
	}
}

// UpdateFolder changes a folder; change is given a copy and may change its
// Name, Class and Props.
func (m *Mailbox) UpdateFolder(id FolderID, change func(*Folder) error) (Folder, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.folders[id]
	if f == nil {
		return Folder{}, ErrNotFound
	}
	n := m.snapshot(f)
	n.Props = n.Props.Clone()
	if err := change(&n); err != nil {
		return Folder{}, err
	}
	if n.Name != f.Name {
		if n.Name == "" {
			return Folder{}, ErrName
		}
		if c := m.child(f.Parent, n.Name); c != nil && c != f {
			return Folder{}, ErrExists
		}
	}
	m.change++
	f.Name, f.Class, f.Props, f.Change, f.Modified = n.Name, n.Class, n.Props, m.change, m.s.Now()
	m.emit(Event{Kind: EventModified, Folder: f.ID, Parent: f.Parent, IsFolder: true})
	return m.snapshot(f), nil
}

// MoveFolder puts a folder with all below it elsewhere. [MS-OXCFOLD] 2.2.1.7
func (m *Mailbox) MoveFolder(id, to FolderID) (Folder, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.folders[id]
	switch {
	case f == nil || m.folders[to] == nil:
		return Folder{}, ErrNotFound
	case f.Role != "":
		return Folder{}, ErrStandard
	case f.Parent != to && m.child(to, f.Name) != nil:
		return Folder{}, ErrExists
	}
	for up := m.folders[to]; up != nil; up = m.folders[up.Parent] {
		if up == f {
			return Folder{}, ErrLoop
		}
	}
	m.change++
	old := f.Parent
	f.Parent, f.Change, f.Modified = to, m.change, m.s.Now()
	m.emit(Event{Kind: EventMoved, Folder: f.ID, Parent: to, OldParent: old, IsFolder: true})
	return m.snapshot(f), nil
}

// DeleteFolder removes a folder. Without all, one that holds anything is
// refused. [MS-OXCFOLD] 2.2.1.3
func (m *Mailbox) DeleteFolder(id FolderID, all bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.folders[id]
	switch {
	case f == nil:
		return ErrNotFound
	case f.Role != "":
		return ErrStandard
	}
	if !all && (len(f.items) > 0 || m.snapshot(f).Children > 0) {
		return ErrNotEmpty
	}
	m.removeFolder(f)
	return nil
}

func (m *Mailbox) removeFolder(f *folder) {
	for _, c := range m.folders {
		if c.Parent == f.ID {
			m.removeFolder(c)
		}
	}
	for _, it := range slices.Clone(f.items) {
		m.take(f, it, false)
		delete(m.items, it.ID)
	}
	m.change++
	delete(m.folders, f.ID)
	m.gone = append(m.gone, GoneFolder{ID: f.ID, Parent: f.Parent, Change: m.change})
	m.emit(Event{Kind: EventDeleted, Folder: f.ID, Parent: f.Parent, IsFolder: true})
}

// Path is the names from below one folder down to another; false when the
// other is not below it.
func (m *Mailbox) Path(from, id FolderID) ([]string, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var path []string
	for id != from {
		f := m.folders[id]
		if f == nil {
			return nil, false
		}
		path = append(path, f.Name)
		id = f.Parent
	}
	slices.Reverse(path)
	return path, true
}
