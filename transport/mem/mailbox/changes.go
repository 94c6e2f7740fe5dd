package mailbox

import (
	"cmp"
	"slices"
	"time"
)

// Gone is an item that left its folder.
type Gone struct {
	ID, Place  ItemID
	Change     uint64
	Soft       bool // it is in the recoverable items
	Associated bool
}

// GoneFolder is a folder that was deleted.
type GoneFolder struct {
	ID, Parent FolderID
	Change     uint64
}

// A ChangeKind says what happened to an item or a folder since a change number.
type ChangeKind int

// Kinds of changes.
const (
	// Changed is new or has other content; Item.Born tells which.
	Changed ChangeKind = iota
	// ReadChanged has another read state and nothing else.
	ReadChanged
	// Removed left the folder.
	Removed
)

// A Change is one difference between a folder now and at a change number.
type Change struct {
	Kind   ChangeKind
	Number uint64
	Item   Item // not for Removed
	Gone   Gone // for Removed
}

// Changes lists what is different in a folder since a change number, each item
// once, in the order of the numbers. 0 asks for everything that is there. An
// item that came and went since is a Removed that the caller never heard of.
// latest is what to ask from next. [MS-OXCFXICS] 3.1.5.3
func (m *Mailbox) Changes(id FolderID, v View, since uint64) (list []Change, latest uint64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.folders[id]
	if f == nil {
		return nil, 0, ErrNotFound
	}
	for _, it := range f.items {
		if v != All && it.Associated != (v == Associated) {
			continue
		}
		switch {
		case it.Change > since:
			list = append(list, Change{Kind: Changed, Number: max(it.Change, it.ReadChange), Item: *it})
		case it.ReadChange > since:
			list = append(list, Change{Kind: ReadChanged, Number: it.ReadChange, Item: *it})
		}
	}
	for _, g := range f.gone {
		if g.Change > since && since > 0 && (v == All || g.Associated == (v == Associated)) {
			list = append(list, Change{Kind: Removed, Number: g.Change, Gone: g})
		}
	}
	slices.SortStableFunc(list, func(a, b Change) int { return cmp.Compare(a.Number, b.Number) })
	return list, m.change, nil
}

// A FolderChange is one difference of the hierarchy.
type FolderChange struct {
	Number  uint64
	Removed bool
	Folder  Folder // not for Removed
	Gone    GoneFolder
}

// FolderChanges lists which folders below another are different since a change
// number: new, renamed, moved, deleted. Parents come before children.
func (m *Mailbox) FolderChanges(root FolderID, since uint64) (list []FolderChange, latest uint64) {
	for _, f := range m.Folders(root, true) {
		if f.Change > since {
			list = append(list, FolderChange{Number: f.Change, Folder: f})
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, g := range m.gone {
		if g.Change > since && since > 0 {
			list = append(list, FolderChange{Number: g.Change, Removed: true, Gone: g})
		}
	}
	return list, m.change
}

// Latest is the change number of the newest change of the mailbox.
func (m *Mailbox) Latest() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.change
}

// An EventKind is the kind of a notification.
type EventKind string

// Kinds of events, in the words of EWS.
const (
	EventNewMail  EventKind = "NewMail"
	EventCreated  EventKind = "Created"
	EventModified EventKind = "Modified"
	EventMoved    EventKind = "Moved"
	EventCopied   EventKind = "Copied"
	EventDeleted  EventKind = "Deleted"
)

// An Event is one notification. [MS-OXCNOTIF] 2.2.1
type Event struct {
	// Number counts the events of a mailbox, from 1.
	Number uint64
	Time   time.Time
	Kind   EventKind
	// IsFolder tells an event about a folder from one about an item.
	IsFolder        bool
	Folder          FolderID
	Item            ItemID
	Place, OldPlace ItemID
	// Parent is where it happened; OldParent where a moved one was before.
	Parent, OldParent FolderID
	// ReadOnly marks a change of the read state alone.
	ReadOnly bool
}

// maxEvents bounds the journal.
const maxEvents = 100_000

// emit is called with the lock held.
func (m *Mailbox) emit(e Event) {
	e.Number, e.Time = m.first+uint64(len(m.events)), m.s.Now()
	m.events = append(m.events, e)
	if n := len(m.events) - maxEvents; n > 0 {
		m.events = slices.Delete(m.events, 0, n)
		m.first += uint64(n)
	}
	close(m.wake)
	m.wake = make(chan struct{})
}

// Events lists what happened after the event with a number (0 is from the
// start), and gives a channel that is closed when the next one comes.
func (m *Mailbox) Events(after uint64) ([]Event, <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	from := 0
	if after >= m.first {
		from = min(int(after-m.first)+1, len(m.events))
	}
	return slices.Clone(m.events[from:]), m.wake
}

// LastEvent is the number of the newest event.
func (m *Mailbox) LastEvent() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.first + uint64(len(m.events)) - 1
}
