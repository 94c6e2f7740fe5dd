package pst

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/pst/ltp"
	"github.com/mailconv/mailconv/mapi/pst/ndb"
)

// A View says which items of a folder are wanted.
type View int

// Views.
const (
	// Contents is the items that a person sees.
	Contents View = iota
	// Associated is the hidden items that keep settings, views and rules.
	Associated
	// Deleted is the items whose row was taken out of the contents table, but
	// whose node is still there.
	Deleted
)

// An Entry is an item as a list shows it, without its body.
type Entry struct {
	NID NID
	// Folder is the folder that the node says it is in, 0 when not known.
	// For items of a search folder it is another folder than the one listed.
	Folder  NID
	Class   string
	Subject string
	// Size is what the item says, in bytes; -1 when it does not.
	Size int64
	// Flags is PidTagMessageFlags, Status PidTagMessageStatus.
	Flags, Status int32
	// FlagStatus is PidTagFlagStatus: 1 complete, 2 flagged. LastVerb is
	// PidTagLastVerbExecuted: 102 and 103 replied, 104 forwarded.
	FlagStatus, LastVerb int32
	// Received, Submitted and Modified are zero when not stored.
	Received, Submitted, Modified time.Time
	// MessageID is PidTagInternetMessageId, where the list has it.
	MessageID string
	// SearchKey stays with an item when it is moved or copied.
	SearchKey []byte
	// Keywords are the categories; only [File.Complete] fills them in.
	Keywords []string
	View     View
}

// maxListed bounds the items of a folder that are remembered to find those
// that a damaged list leaves out.
const maxListed = 4 << 20

// Items lists a folder in the order of the node identifiers. An error comes
// with the entry's NID where that is known, and the list goes on. When the
// contents table cannot be read, the items are those that the node B-tree has
// for the folder. What was read is compared with the folder's count; a
// difference is added to [File.Problems].
func (f *File) Items(folder NID, v View) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		typ := ndb.TypeContentsTable
		switch {
		case v == Associated:
			typ = ndb.TypeAssocContentsTable
		case folder.Type() == ndb.TypeSearchFolder:
			typ = ndb.TypeSearchContentsTable
		}
		damaged := false
		db := f.db.Scope(func(mapi.Problem) { damaged = true }, 0)
		nid := folder.WithType(typ)
		n, err := f.db.Node(nid)
		if notFound(err) && (v == Associated || typ == ndb.TypeSearchContentsTable) {
			return
		}
		var t *ltp.Table
		if err == nil {
			t, err = ltp.OpenTable(db, n)
		}
		if err != nil {
			if typ == ndb.TypeSearchContentsTable {
				// Some of Outlook's own search folders have a list of
				// another kind, which only Outlook needs.
				return
			}
			f.problem(ndb.ProblemOf(err, "node "+nid.String()))
			if v != Deleted {
				f.byParent(folder, v, nil, yield)
			}
			return
		}
		for _, p := range t.Problems() {
			f.problem(p)
		}
		c := newColumns(t, f.charset)
		if v == Deleted {
			f.dead(folder, t, c, yield)
			return
		}
		read, stopped := 0, false
		damaged = damaged || len(t.Problems()) > 0 || n.Doubt != 0
		var listed []NID
		for r, err := range t.Rows() {
			if err != nil {
				damaged = true
				f.problem(ndb.ProblemOf(err, n.String()))
				if r.ID == 0 {
					continue
				}
			}
			e := Entry{NID: f.rowNode(r), Size: -1}
			if err == nil {
				e = c.entry(r, e.NID)
				if r.Stored != r.ID {
					damaged = true
					f.problem(mapi.Problem{Where: n.String(), Offset: -1, Field: "dwRowID", Detail: fmt.Sprintf("0x%X in row %d, 0x%X in the row index", r.Stored, r.Number, r.ID), Spec: "[MS-PST] 2.3.4.4.1"})
				}
			} else {
				// The row is lost, the item need not be.
				e = f.entryOf(e.NID)
			}
			e.View = v
			node, nerr := f.db.Node(e.NID)
			e.Folder = node.Parent
			if nerr != nil {
				damaged = true
				if notFound(nerr) {
					nerr = fmt.Errorf("pst: item %v (%q) is in the list of its folder, but its node is not in the file: %w", e.NID, e.Subject, nerr)
				}
			} else {
				read++
				if len(listed) < maxListed {
					listed = append(listed, e.NID)
				}
			}
			if !yield(e, nerr) {
				stopped = true
				break
			}
		}
		if stopped || typ == ndb.TypeSearchContentsTable {
			return
		}
		if damaged && len(listed) < maxListed {
			// Items that the damaged table no longer names.
			slices.Sort(listed)
			n, ok := f.byParent(folder, v, listed, yield)
			if read += n; !ok {
				return
			}
		}
		f.compareCount(folder, v, read)
	}
}

func (f *File) compareCount(folder NID, v View, read int) {
	ps, err := f.FolderProperties(folder)
	if err != nil {
		return
	}
	tag := mapi.PidTagContentCount
	if v == Associated {
		tag = mapi.PidTagAssociatedContentCount
	}
	if want, ok := ps.Int(tag); ok && int(want) != read {
		f.problem(mapi.Problem{
			Severe: int(want) > read && v == Contents, Where: "folder " + folder.String(), Offset: -1, Field: tag.Canonical(),
			Detail: fmt.Sprintf("the folder says %d items, %d were read", want, read), Spec: "[MS-PST] 2.4.4.1",
		})
	}
}

// byParent yields the messages that the node B-tree has for a folder, except
// those listed already, which are in order.
func (f *File) byParent(folder NID, v View, listed []NID, yield func(Entry, error) bool) (int, bool) {
	want := ndb.TypeNormalMessage
	if v == Associated {
		want = ndb.TypeAssocMessage
	}
	found := 0
	for n, err := range f.db.Nodes(0) {
		if err != nil {
			f.problem(ndb.ProblemOf(err, ""))
			continue
		}
		if n.NID.Type() != want || n.Parent != folder {
			continue
		}
		if _, ok := slices.BinarySearch(listed, n.NID); ok {
			continue
		}
		e := f.entryOf(n.NID)
		e.Folder, e.View = n.Parent, v
		found++
		if !yield(e, nil) {
			return found, false
		}
	}
	return found, true
}

// dead yields the items of rows that the row index does not name any more.
func (f *File) dead(folder NID, t *ltp.Table, c columns, yield func(Entry, error) bool) {
	live := map[NID]struct{}{}
	for r := range t.Rows() {
		live[NID(r.ID)] = struct{}{}
	}
	for r := range t.Dead() {
		nid := NID(r.ID)
		if _, ok := live[nid]; ok || nid.Type() != ndb.TypeNormalMessage {
			continue
		}
		n, err := f.db.Node(nid)
		if err != nil || n.Parent != folder {
			continue // its node is gone, or lives elsewhere now
		}
		live[nid] = struct{}{}
		e := c.entry(r, nid)
		e.Folder, e.View = n.Parent, Deleted
		if !yield(e, nil) {
			return
		}
	}
}

// Orphans lists the messages of the node B-tree that no folder lists. It reads
// all contents tables first; memory grows by four bytes for each item.
func (f *File) Orphans(ctx context.Context) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		var listed []NID
		for fo := range f.Folders() {
			if fo.Search {
				continue
			}
			for _, v := range []View{Contents, Associated} {
				for e := range f.Items(fo.NID, v) {
					listed = append(listed, e.NID)
				}
				if ctx.Err() != nil {
					yield(Entry{}, ctx.Err())
					return
				}
			}
		}
		slices.Sort(listed)
		for n, err := range f.db.Nodes(0) {
			if err != nil {
				if !yield(Entry{}, err) {
					return
				}
				continue
			}
			t := n.NID.Type()
			if t != ndb.TypeNormalMessage && t != ndb.TypeAssocMessage {
				continue
			}
			if _, ok := slices.BinarySearch(listed, n.NID); ok {
				continue
			}
			e := f.entryOf(n.NID)
			e.Folder = n.Parent
			if t == ndb.TypeAssocMessage {
				e.View = Associated
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

// A Former item was deleted from the file, but is still found in its free
// space.
type Former struct {
	Entry
	// Node is what [File.ItemOf] reads the item from.
	Node ndb.Node
}

// Former lists the items that were deleted and are still found in the free
// space of the file. They may be damaged, as parts of them can be overwritten.
// The first call reads the whole file.
func (f *File) Former(ctx context.Context) iter.Seq2[Former, error] {
	return func(yield func(Former, error) bool) {
		for _, n := range f.db.Former() {
			if ctx.Err() != nil {
				yield(Former{}, ctx.Err())
				return
			}
			t := n.NID.Type()
			if t != ndb.TypeNormalMessage && t != ndb.TypeAssocMessage {
				continue
			}
			e := f.entryOfNode(n)
			if e.Class == "" {
				continue // overwritten, or no item
			}
			if t == ndb.TypeAssocMessage {
				e.View = Associated
			}
			if !yield(Former{e, n}, nil) {
				return
			}
		}
	}
}

// columns are the columns of a contents table that an [Entry] shows.
type columns struct {
	cs                                                        mapi.Charset
	class, subject, size, flags, status, flagStatus, lastVerb ltp.Column
	received, submitted, modified, messageID, searchKey       ltp.Column
}

func newColumns(t *ltp.Table, cs mapi.Charset) columns {
	col := func(tag mapi.Tag) ltp.Column { c, _ := t.Column(tag); return c }
	return columns{
		cs: cs, class: col(mapi.PidTagMessageClass), subject: col(mapi.PidTagSubject), size: col(mapi.PidTagMessageSize),
		flags: col(mapi.PidTagMessageFlags), status: col(mapi.PidTagMessageStatus),
		flagStatus: col(mapi.PidTagFlagStatus), lastVerb: col(mapi.PidTagLastVerbExecuted),
		received: col(mapi.PidTagMessageDeliveryTime), submitted: col(mapi.PidTagClientSubmitTime),
		modified: col(mapi.PidTagLastModificationTime), messageID: col(mapi.PidTagInternetMessageId), searchKey: col(mapi.PidTagSearchKey),
	}
}

func (c *columns) entry(r ltp.Row, nid NID) Entry {
	text := func(col ltp.Column) string {
		v, _, _ := r.Value(col)
		return v.WithCharset(c.cs).Text()
	}
	num := func(col ltp.Column, none int64) int64 {
		if v, ok, _ := r.Value(col); ok {
			if n, ok := v.Int(); ok {
				return n
			}
		}
		return none
	}
	date := func(col ltp.Column) time.Time {
		v, _, _ := r.Value(col)
		t, _ := v.Time()
		return t
	}
	e := Entry{
		NID: nid, Class: text(c.class), Size: num(c.size, -1),
		Flags: int32(num(c.flags, 0)), Status: int32(num(c.status, 0)),
		FlagStatus: int32(num(c.flagStatus, 0)), LastVerb: int32(num(c.lastVerb, 0)),
		Received: date(c.received), Submitted: date(c.submitted), Modified: date(c.modified), MessageID: text(c.messageID),
	}
	_, e.Subject = splitSubject(text(c.subject))
	if v, ok, _ := r.Value(c.searchKey); ok {
		e.SearchKey = slices.Clone(v.Raw())
	}
	return e
}

// entryOf makes an entry from the item itself, for want of a row.
func (f *File) entryOf(nid NID) Entry {
	e := Entry{NID: nid, Size: -1}
	n, err := f.db.Node(nid)
	if err != nil {
		return e
	}
	return f.entryOfNode(n)
}

func (f *File) entryOfNode(n ndb.Node) Entry {
	e := Entry{NID: n.NID, Folder: n.Parent, Size: -1}
	pc, err := ltp.OpenPC(f.db, n)
	if err != nil {
		return e
	}
	ps, _, _ := pc.Properties()
	ps = f.resolve(ps, charsetOf(ps, f.charset))
	num := func(t mapi.Tag) int32 { v, _ := ps.Int(t); return int32(v) }
	e.Class = ps.Text(mapi.PidTagMessageClass)
	_, e.Subject = splitSubject(ps.Text(mapi.PidTagSubject))
	if v, ok := ps.Int(mapi.PidTagMessageSize); ok {
		e.Size = v
	}
	e.Flags, e.Status = num(mapi.PidTagMessageFlags), num(mapi.PidTagMessageStatus)
	e.FlagStatus, e.LastVerb = num(mapi.PidTagFlagStatus), num(mapi.PidTagLastVerbExecuted)
	e.Received, e.Submitted, e.Modified = ps.Time(mapi.PidTagMessageDeliveryTime), ps.Time(mapi.PidTagClientSubmitTime), ps.Time(mapi.PidTagLastModificationTime)
	e.MessageID = ps.Text(mapi.PidTagInternetMessageId)
	e.SearchKey = slices.Clone(ps.Bytes(mapi.PidTagSearchKey))
	return e
}
