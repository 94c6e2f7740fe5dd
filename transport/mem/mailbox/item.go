package mailbox

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/mailconv/mailconv/mapi"
)

// An Item is what a mailbox says of an item at one moment. It is not to be
// changed.
type Item struct {
	// ID stays for as long as the item is in the mailbox. Place is new each
	// time that it comes into a folder, as the MID of [MS-OXCDATA] 2.2.1.2 is.
	ID, Place ItemID
	Folder    FolderID
	// Change is the change number of the content, ReadChange that of the read
	// state, Born that of the arrival in this folder.
	Change, ReadChange, Born uint64
	Created, Modified        time.Time
	// Associated marks an item that a mail program does not show.
	Associated bool
	// DeletedFrom is the folder that a deleted item was in.
	DeletedFrom FolderID
	// Size is the number of bytes of all values.
	Size int64
	// Message is the content. It is not to be changed.
	Message *mapi.Message
}

// messageRead is the bit of PidTagMessageFlags. [MS-OXCMSG] 2.2.1.6
const messageRead = 0x1

// Read is the read state.
func (it *Item) Read() bool {
	n, _ := it.Message.Props.Int(mapi.PidTagMessageFlags)
	return n&messageRead != 0
}

// Class is the message class.
func (it *Item) Class() string { return it.Message.Class() }

// CreateOptions say how an item is made.
type CreateOptions struct {
	Associated bool
	// Owned says that the large values of the message live as long as the
	// server does, so that they need not be copied.
	Owned bool
}

// Create puts an item into a folder.
func (m *Mailbox) Create(ctx context.Context, parent FolderID, msg *mapi.Message, o CreateOptions) (Item, error) {
	return m.create(ctx, parent, msg, o, EventCreated)
}

func (m *Mailbox) create(ctx context.Context, parent FolderID, msg *mapi.Message, o CreateOptions, kind EventKind) (Item, error) {
	if !o.Owned {
		var err error
		if msg, err = m.s.hold(ctx, msg); err != nil {
			return Item{}, err
		}
	}
	it := &Item{Associated: o.Associated, Message: msg, Size: size(msg), Created: m.s.Now()}
	it.Modified = it.Created
	it.ID = ItemID(m.s.id())
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.folders[parent]
	if f == nil {
		return Item{}, ErrNotFound
	}
	m.put(f, it)
	m.emit(Event{Kind: kind, Item: it.ID, Place: it.Place, Parent: parent})
	return *it, nil
}

// put gives an item a place in a folder.
func (m *Mailbox) put(f *folder, it *Item) {
	m.change++
	it.Place, it.Folder = ItemID(m.s.id()), f.ID
	it.Change, it.ReadChange, it.Born = m.change, m.change, m.change
	f.items = append(f.items, it)
	m.items[it.ID], m.places[it.Place] = it, it
	m.touchFolder(f.ID)
}

// take takes an item out of its folder.
func (m *Mailbox) take(f *folder, it *Item, soft bool) {
	m.change++
	f.gone = append(f.gone, Gone{ID: it.ID, Place: it.Place, Change: m.change, Soft: soft, Associated: it.Associated})
	i, ok := f.find(it.Place)
	if ok {
		f.items = slices.Delete(f.items, i, i+1)
	}
	delete(m.places, it.Place)
	m.touchFolder(f.ID)
}

// find looks a place up; items lie in the order of their places.
func (f *folder) find(place ItemID) (int, bool) {
	return slices.BinarySearchFunc(f.items, place, func(it *Item, p ItemID) int { return cmp.Compare(it.Place, p) })
}

// replace puts a changed copy of an item in its place.
func (m *Mailbox) replace(it *Item) {
	f := m.folders[it.Folder]
	if i, ok := f.find(it.Place); ok {
		f.items[i] = it
	}
	m.items[it.ID], m.places[it.Place] = it, it
	m.touchFolder(f.ID)
}

// Item finds an item by its ID.
func (m *Mailbox) Item(id ItemID) (Item, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	it := m.items[id]
	if it == nil {
		return Item{}, false
	}
	return *it, true
}

// At finds an item by its place.
func (m *Mailbox) At(place ItemID) (Item, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	it := m.places[place]
	if it == nil {
		return Item{}, false
	}
	return *it, true
}

// A View is a kind of items of a folder.
type View int

// Views.
const (
	Normal View = iota
	Associated
	All
)

// Items lists a folder in the order in which the items came.
func (m *Mailbox) Items(id FolderID, v View) ([]Item, error) {
	m.mu.Lock()
	f := m.folders[id]
	if f == nil {
		m.mu.Unlock()
		return nil, ErrNotFound
	}
	list := slices.Clone(f.items)
	m.mu.Unlock()
	out := make([]Item, 0, len(list))
	for _, it := range list {
		if v == All || it.Associated == (v == Associated) {
			out = append(out, *it)
		}
	}
	return out, nil
}

// Change puts another message in the place of an item's. change is given a copy
// whose lists and property sets may be changed (not those of embedded
// messages); its Encoded is gone, unless change sets one. Large values that
// change adds must live as long as the server, see [Server.Spool].
func (m *Mailbox) Change(id ItemID, change func(*mapi.Message) error) (Item, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	old := m.items[id]
	if old == nil {
		return Item{}, ErrNotFound
	}
	n := *old
	n.Message = clone(old.Message)
	n.Message.Encoded = nil
	if err := change(n.Message); err != nil {
		return Item{}, err
	}
	m.change++
	n.Change, n.Modified, n.Size = m.change, m.s.Now(), size(n.Message)
	if n.Read() != old.Read() {
		n.ReadChange = m.change
	}
	m.replace(&n)
	m.emit(Event{Kind: EventModified, Item: n.ID, Place: n.Place, Parent: n.Folder})
	return n, nil
}

// Replace puts a message in the place of an item's, and copies what is large.
func (m *Mailbox) Replace(ctx context.Context, id ItemID, msg *mapi.Message) (Item, error) {
	msg, err := m.s.hold(ctx, msg)
	if err != nil {
		return Item{}, err
	}
	return m.Change(id, func(n *mapi.Message) error {
		*n = *msg
		return nil
	})
}

// SetRead changes the read state only: a change of its own kind for those who
// synchronize. It reports whether there was anything to change.
// [MS-OXCMSG] 2.2.3.10
func (m *Mailbox) SetRead(id ItemID, read bool) (Item, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	old := m.items[id]
	if old == nil {
		return Item{}, false, ErrNotFound
	}
	if old.Read() == read {
		return *old, false, nil
	}
	n := *old
	n.Message = clone(old.Message)
	n.Message.Encoded = nil
	SetRead(&n.Message.Props, read)
	m.change++
	n.ReadChange = m.change
	m.replace(&n)
	m.emit(Event{Kind: EventModified, Item: n.ID, Place: n.Place, Parent: n.Folder, ReadOnly: true})
	return n, true, nil
}

// SetRead changes the read state in a property set.
func SetRead(ps *mapi.Properties, read bool) {
	n, _ := ps.Int(mapi.PidTagMessageFlags)
	n &^= messageRead
	if read {
		n |= messageRead
	}
	ps.Set(mapi.PidTagMessageFlags, mapi.Int32Value(int32(n)))
}

// Move puts an item into another folder of the mailbox: its ID stays, its place
// is new. [MS-OXCFOLD] 2.2.1.6
func (m *Mailbox) Move(id ItemID, to FolderID) (Item, error) { return m.move(id, to, EventMoved) }

func (m *Mailbox) move(id ItemID, to FolderID, kind EventKind) (Item, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	old, dst := m.items[id], m.folders[to]
	if old == nil || dst == nil {
		return Item{}, ErrNotFound
	}
	m.take(m.folders[old.Folder], old, kind == EventDeleted)
	n := *old
	n.Modified, n.DeletedFrom = m.s.Now(), 0
	if kind == EventDeleted {
		n.DeletedFrom = old.Folder
	}
	m.put(dst, &n)
	m.emit(Event{Kind: kind, Item: n.ID, Place: n.Place, Parent: to, OldPlace: old.Place, OldParent: old.Folder})
	return n, nil
}

// Copy puts a copy of an item into a folder of a mailbox of the same server.
func (m *Mailbox) Copy(id ItemID, dst *Mailbox, to FolderID) (Item, error) {
	old, ok := m.Item(id)
	if !ok {
		return Item{}, ErrNotFound
	}
	return dst.create(context.Background(), to, old.Message, CreateOptions{Associated: old.Associated, Owned: true}, EventCopied)
}

// How an item is deleted.
type DeleteKind int

// Kinds of deletion.
const (
	// ToTrash moves an item to the deleted items.
	ToTrash DeleteKind = iota
	// Soft moves it to the recoverable items.
	Soft
	// Hard removes it for good.
	Hard
)

// Delete removes an item. [MS-OXCFOLD] 2.2.1.11, 2.2.1.12
func (m *Mailbox) Delete(id ItemID, how DeleteKind) error {
	switch how {
	case ToTrash:
		f, _ := m.WellKnown(DeletedItems)
		_, err := m.move(id, f.ID, EventMoved)
		return err
	case Soft:
		f, _ := m.WellKnown(RecoverableDeletions)
		_, err := m.move(id, f.ID, EventDeleted)
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	it := m.items[id]
	if it == nil {
		return ErrNotFound
	}
	m.take(m.folders[it.Folder], it, false)
	delete(m.items, id)
	m.emit(Event{Kind: EventDeleted, Item: id, Place: it.Place, Parent: it.Folder})
	return nil
}

// size is the number of bytes of all values.
func size(m *mapi.Message) int64 {
	var n int64
	props := func(ps mapi.Properties) {
		for _, p := range ps {
			n += p.Value.Size()
		}
	}
	props(m.Props)
	for _, r := range m.Recipients {
		props(r.Props)
	}
	for _, a := range m.Attachments {
		props(a.Props)
		if a.Embedded != nil {
			n += size(a.Embedded)
		}
		n += storageSize(a.Storage)
	}
	return n
}

func storageSize(s *mapi.Storage) (n int64) {
	if s == nil {
		return 0
	}
	for _, st := range s.Streams {
		n += st.Data.Size()
	}
	for _, sub := range s.Storages {
		n += storageSize(sub)
	}
	return n
}
