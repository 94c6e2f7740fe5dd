package psttest

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"math"
	"slices"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/codepage"
	"github.com/mailconv/mailconv/mapi/pst/ndb"
)

// A Folder is a folder with what is in it.
type Folder struct {
	Name  string
	Class string
	// Items are pulled one after the other, so that a file may be larger than
	// memory.
	Items iter.Seq[*mapi.Message]
	// Associated are hidden items; Dead have a row that the row index does
	// not name; Orphans have no row; Former were deleted, and only a page in
	// free space still names them.
	Associated, Dead, Orphans, Former []*mapi.Message
	Folders                           []*Folder
	// Search makes a search folder, which is empty.
	Search bool
	// Count, where it is not 0, is written instead of the number of items.
	Count int
}

// Items is a list of messages as [Folder] wants it.
func Items(list ...*mapi.Message) iter.Seq[*mapi.Message] { return slices.Values(list) }

// Options of [Write]. A nil pointer is the zero value.
type Options struct {
	Kind  ndb.Kind
	Crypt ndb.CryptMethod
	// Version is wVer; 0 is 15, 23 or 36 by the kind.
	Version uint16
	// Compress deflates blocks of files with 4096-byte pages.
	Compress bool
	// OST marks the file as a copy of a mailbox on a server.
	OST bool
	// Password is the checksum of a password, 0 for none.
	Password uint32
	// CodePage is that of the strings of 32-bit files; 0 is 1252.
	CodePage int
	// BlockData, XBlockEntries, SubEntries, PageEntries and HeapBlock are
	// bounds below those of the format, which make trees of small content.
	BlockData, XBlockEntries, SubEntries, PageEntries, HeapBlock int
	// DeepSubnodes lets SubEntries count on every level of sub-node trees,
	// which then have more than the two that the specification knows.
	DeepSubnodes bool
	// Inline is the largest value in a heap; 0 is what the format allows.
	Inline int
	// RowsInSubnode keeps the rows of small tables out of their heap.
	RowsInSubnode bool
	// OldPages leaves an earlier version of the node B-tree in free space, as
	// Outlook does.
	OldPages bool
	// Storage makes the compound file of an OLE object. Without it the
	// attachment's PidTagAttachDataObject is written.
	Storage func(ctx context.Context, s *mapi.Storage) (mapi.Blob, error)
}

func (o *Options) inline() int {
	if o.Inline > 0 {
		return o.Inline
	}
	return math.MaxInt
}

// The nodes that are the same in each file.
const (
	NIDSubtree    ndb.NID = 0x8022 // top of what a person sees
	nidSearchRoot ndb.NID = 0x8042
	nidSpamSearch ndb.NID = 0x2223
)

type writer struct {
	*file
	charset mapi.Charset

	names    []mapi.Name
	nameIDs  map[mapi.Name]uint16
	key      mapi.GUID
	folders  uint32
	searches uint32
	messages uint32
	assocs   uint32
}

// Write writes a file whose top folder is root. Root's own name is that of the
// store; its items are in the top folder.
func Write(out io.WriterAt, root *Folder, o *Options) (*Written, error) {
	if o == nil {
		o = &Options{Kind: ndb.Unicode}
	}
	f := newFile(out, o)
	w := &writer{file: f, nameIDs: map[mapi.Name]uint16{}, key: mapi.MustGUID("11223344-5566-7788-99AA-BBCCDDEEFF00")}
	w.folders, w.searches, w.messages, w.assocs = 0x404, 0x200, 0x10000, 0x8000
	cp := o.CodePage
	if cp == 0 {
		cp = codepage.Windows1252
	}
	var ok bool
	if w.charset, ok = codepage.Get(cp); !ok {
		return nil, fmt.Errorf("psttest: no code page %d", cp)
	}
	if err := w.templates(); err != nil {
		return nil, err
	}
	root.Search = false
	top := &Folder{Folders: []*Folder{
		{Name: "Search Root"},
		root,
		{Name: "SPAM Search Folder 2", Search: true},
	}}
	if err := w.folder(ndb.NIDRootFolder, ndb.NIDRootFolder, top); err != nil {
		return nil, err
	}
	if err := w.store(root.Name); err != nil {
		return nil, err
	}
	if err := w.nameMap(); err != nil {
		return nil, err
	}
	f.finish()
	if f.err != nil {
		return nil, f.err
	}
	return f.out, nil
}

// nodePC writes a node that is a property context.
func (w *writer) nodePC(nid, parent ndb.NID, ps mapi.Properties) error {
	w.node, w.sub = nid, 0
	s := &subs{}
	blocks, err := w.pc(ps, nil, s)
	if err != nil {
		return err
	}
	w.sub = 0
	data := w.blocks(blocks, "heap")
	w.addNode(nid, data, w.tree(s), parent)
	return nil
}

// nodeTable writes a node that is a table, with what fill adds to it.
func (w *writer) nodeTable(nid ndb.NID, tags []mapi.Tag, rows []row) error {
	w.node, w.sub = nid, 0
	s := &subs{}
	t := w.newTable(w.localTags(tags), s)
	for _, r := range rows {
		if err := t.add(r); err != nil {
			return err
		}
	}
	return w.endTable(nid, t, s)
}

func (w *writer) endTable(nid ndb.NID, t *table, s *subs) error {
	w.node, w.sub = nid, 0
	blocks := t.finish()
	w.sub = 0
	data := w.blocks(blocks, "heap")
	w.addNode(nid, data, w.tree(s), 0)
	return w.err
}

var hierarchyColumns = []mapi.Tag{
	mapi.PidTagDisplayName, mapi.PidTagContentCount, mapi.PidTagContentUnreadCount, mapi.PidTagSubfolders, mapi.PidTagContainerClass,
}

var contentsColumns = []mapi.Tag{
	mapi.PidTagImportance, mapi.PidTagMessageClass, mapi.PidTagSensitivity, mapi.PidTagSubject, mapi.PidTagClientSubmitTime,
	mapi.PidTagSentRepresentingName, mapi.PidTagDisplayTo, mapi.PidTagDisplayCc, mapi.PidTagMessageDeliveryTime, mapi.PidTagMessageFlags,
	mapi.PidTagMessageSize, mapi.PidTagMessageStatus, mapi.PidTagLastModificationTime, mapi.PidTagSearchKey, mapi.PidTagFlagStatus,
}

var recipientColumns = []mapi.Tag{
	mapi.PidTagRecipientType, mapi.PidTagDisplayName, mapi.PidTagAddressType, mapi.PidTagEmailAddress,
}

var attachmentColumns = []mapi.Tag{
	mapi.PidTagAttachSize, mapi.PidTagAttachFilename, mapi.PidTagAttachMethod, mapi.PidTagRenderingPosition,
}

// templates are the empty tables that each file has. [MS-PST] 2.4.1
func (w *writer) templates() error {
	for _, t := range []struct {
		nid  ndb.NID
		tags []mapi.Tag
	}{
		{ndb.NIDHierarchyTemplate, hierarchyColumns},
		{ndb.NIDContentsTemplate, contentsColumns},
		{ndb.NIDAssocTemplate, contentsColumns},
		{ndb.NIDSearchTemplate, contentsColumns},
		{ndb.NIDAttachmentTable, attachmentColumns},
		{ndb.NIDRecipientTable, recipientColumns},
	} {
		if err := w.nodeTable(t.nid, t.tags, nil); err != nil {
			return err
		}
	}
	return nil
}

// store writes the message store. [MS-PST] 2.4.3
func (w *writer) store(name string) error {
	entry := func(nid ndb.NID) mapi.Value {
		b := append(make([]byte, 4), w.key[:]...)
		return mapi.BinaryValue(binary.LittleEndian.AppendUint32(b, uint32(nid)))
	}
	var ps mapi.Properties
	ps.Set(mapi.PidTagRecordKey, mapi.BinaryValue(w.key[:]))
	ps.Set(mapi.PidTagDisplayName, mapi.StringValue(name))
	ps.Set(mapi.PidTagValidFolderMask, mapi.Int32Value(0x89))
	ps.Set(mapi.PidTagIpmSubtreeEntryId, entry(NIDSubtree))
	ps.Set(mapi.PidTagIpmWastebasketEntryId, entry(w.out.Folders["Deleted Items"]))
	ps.Set(mapi.PidTagFinderEntryId, entry(nidSearchRoot))
	ps.Set(mapi.PidTagPstPassword, mapi.Int32Value(int32(w.o.Password)))
	return w.nodePC(ndb.NIDMessageStore, 0, ps)
}

// nid is the identifier of a new folder.
func (w *writer) folderNID(f *Folder, root bool) ndb.NID {
	switch {
	case root && f.Name == "Search Root":
		return nidSearchRoot
	case root && f.Search:
		return nidSpamSearch
	case root:
		return NIDSubtree
	case f.Search:
		w.searches++
		return ndb.NID(w.searches<<5) | ndb.NID(ndb.TypeSearchFolder)
	}
	w.folders++
	return ndb.NID(w.folders<<5) | ndb.NID(ndb.TypeNormalFolder)
}

// folder writes a folder and all that is below it. [MS-PST] 2.4.4
func (w *writer) folder(nid, parent ndb.NID, fo *Folder) error {
	if nid != ndb.NIDRootFolder {
		w.out.Folders[fo.Name] = nid
	}
	cols := w.localTags(contentsColumns)
	s := &subs{}
	t := w.newTable(cols, s)
	count, unread := 0, 0
	add := func(m *mapi.Message, dead bool) error {
		w.messages++
		id := ndb.NID(w.messages<<5) | ndb.NID(ndb.TypeNormalMessage)
		if err := w.message(id, nid, m); err != nil {
			return err
		}
		w.node, w.sub = nid.WithType(ndb.TypeContentsTable), 0
		return t.add(row{id: uint32(id), ps: listed(m), dead: dead})
	}
	if fo.Items != nil {
		for m := range fo.Items {
			if err := add(m, false); err != nil {
				return err
			}
			count++
			if v, ok := m.Props.Int(mapi.PidTagMessageFlags); ok && v&1 == 0 {
				unread++
			}
		}
	}
	for _, m := range fo.Dead {
		if err := add(m, true); err != nil {
			return err
		}
	}
	for _, m := range fo.Orphans {
		w.messages++
		if err := w.message(ndb.NID(w.messages<<5)|ndb.NID(ndb.TypeNormalMessage), nid, m); err != nil {
			return err
		}
	}
	for _, m := range fo.Former {
		w.messages++
		blocks := len(w.bbt)
		if err := w.message(ndb.NID(w.messages<<5)|ndb.NID(ndb.TypeNormalMessage), nid, m); err != nil {
			return err
		}
		w.bbt = w.bbt[:blocks]
		w.former = append(w.former, w.nbt[len(w.nbt)-1])
		w.nbt = w.nbt[:len(w.nbt)-1]
	}
	var hidden []row
	for _, m := range fo.Associated {
		w.assocs++
		id := ndb.NID(w.assocs<<5) | ndb.NID(ndb.TypeAssocMessage)
		if err := w.message(id, nid, m); err != nil {
			return err
		}
		hidden = append(hidden, row{id: uint32(id), ps: listed(m)})
	}
	var kids []row
	for _, k := range fo.Folders {
		id := w.folderNID(k, nid == ndb.NIDRootFolder)
		if err := w.folder(id, nid, k); err != nil {
			return err
		}
		var ps mapi.Properties
		ps.Set(mapi.PidTagDisplayName, mapi.StringValue(k.Name))
		ps.Set(mapi.PidTagSubfolders, mapi.BoolValue(len(k.Folders) > 0))
		kids = append(kids, row{id: uint32(id), ps: ps})
	}
	if fo.Count != 0 {
		count = fo.Count
	}
	var ps mapi.Properties
	ps.Set(mapi.PidTagDisplayName, mapi.StringValue(fo.Name))
	ps.Set(mapi.PidTagContentCount, mapi.Int32Value(int32(count)))
	ps.Set(mapi.PidTagContentUnreadCount, mapi.Int32Value(int32(unread)))
	ps.Set(mapi.PidTagSubfolders, mapi.BoolValue(len(kids) > 0))
	if fo.Class != "" {
		ps.Set(mapi.PidTagContainerClass, mapi.StringValue(fo.Class))
	}
	if err := w.nodePC(nid, parent, ps); err != nil {
		return err
	}
	typ := ndb.TypeContentsTable
	if fo.Search {
		typ = ndb.TypeSearchContentsTable
	} else {
		if err := w.nodeTable(nid.WithType(ndb.TypeHierarchyTable), hierarchyColumns, kids); err != nil {
			return err
		}
		if err := w.nodeTable(nid.WithType(ndb.TypeAssocContentsTable), contentsColumns, hidden); err != nil {
			return err
		}
	}
	return w.endTable(nid.WithType(typ), t, s)
}

// listed is the properties of a message as a contents table shows them.
func listed(m *mapi.Message) mapi.Properties {
	ps := markSubject(m.Props)
	if _, ok := ps.Get(mapi.PidTagMessageSize); !ok {
		ps.Set(mapi.PidTagMessageSize, mapi.Int32Value(1000))
	}
	return ps
}

// markSubject puts the length of the prefix before the subject, if the message
// has the parts. [MS-PST] 2.5.3.1.1.1
func markSubject(ps mapi.Properties) mapi.Properties {
	ps = ps.Clone()
	if _, ok := ps.Get(mapi.PidTagNormalizedSubject); !ok {
		return ps
	}
	prefix := ps.Text(mapi.PidTagSubjectPrefix)
	n := len([]rune(prefix)) + 1
	ps.Set(mapi.PidTagSubject, mapi.StringValue("\x01"+string(rune(n))+ps.Text(mapi.PidTagSubject)))
	ps.Delete(mapi.PidTagSubjectPrefix)
	ps.Delete(mapi.PidTagNormalizedSubject)
	return ps
}

// message writes a message as a node. [MS-PST] 2.4.5
func (w *writer) message(nid, parent ndb.NID, m *mapi.Message) error {
	w.out.Items[m.Props.Text(mapi.PidTagSubject)] = nid
	w.node, w.sub = nid, 0
	data, sub, err := w.messageBody(m)
	if err != nil {
		return err
	}
	w.addNode(nid, data, sub, parent)
	return w.err
}

// messageBody writes what a message consists of.
func (w *writer) messageBody(m *mapi.Message) (data, sub ndb.BID, err error) {
	s := &subs{}
	inside := w.sub
	blocks, err := w.pc(markSubject(m.Props), nil, s)
	if err != nil {
		return 0, 0, err
	}
	w.sub = inside
	data = w.blocks(blocks, "heap")
	if len(m.Recipients) > 0 {
		var rows []row
		var tags []mapi.Tag
		for i, r := range m.Recipients {
			rows = append(rows, row{id: uint32(i + 1), ps: r.Props})
			tags = append(tags, w.tags(r.Props)...)
		}
		if err := w.subTable(ndb.NIDRecipientTable, tags, rows, s); err != nil {
			return 0, 0, err
		}
	}
	if len(m.Attachments) > 0 {
		var rows []row
		for i, a := range m.Attachments {
			nid := ndb.NID(0x401+i)<<5 | ndb.NID(ndb.TypeAttachment)
			if err := w.attachment(nid, a, s); err != nil {
				return 0, 0, err
			}
			rows = append(rows, row{id: uint32(nid), ps: a.Props})
		}
		if err := w.subTable(ndb.NIDAttachmentTable, w.localTags(attachmentColumns), rows, s); err != nil {
			return 0, 0, err
		}
	}
	w.sub = inside
	return data, w.tree(s), w.err
}

// subTable writes a table as a sub-node.
func (w *writer) subTable(nid ndb.NID, tags []mapi.Tag, rows []row, s *subs) error {
	inner := &subs{}
	t := w.newTable(tags, inner)
	for _, r := range rows {
		if err := t.add(r); err != nil {
			return err
		}
	}
	blocks := t.finish()
	w.sub = nid
	data := w.blocks(blocks, "heap")
	s.add(nid, data, w.tree(inner))
	return w.err
}

// attachment writes an attachment object. [MS-PST] 2.4.6
func (w *writer) attachment(nid ndb.NID, a *mapi.Attachment, s *subs) error {
	inner := &subs{}
	ps := a.Props.Clone()
	var objects []object
	id := mapi.PidTagAttachDataObject.ID()
	switch {
	case a.Embedded != nil:
		w.sub = nid
		data, sub, err := w.messageBody(a.Embedded)
		if err != nil {
			return err
		}
		n := inner.newNID(ndb.TypeNormalMessage)
		inner.add(n, data, sub)
		objects = append(objects, object{id, n, 1000})
		ps.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachEmbedded))
	default:
		var b mapi.Blob
		var err error
		if a.Storage != nil && w.o.Storage != nil {
			if b, err = w.o.Storage(context.Background(), a.Storage); err != nil {
				return err
			}
		} else if v, ok := ps.Get(mapi.PidTagAttachDataObject); ok {
			b = v.Blob()
		}
		ps.Delete(mapi.PidTagAttachDataObject)
		if b == nil {
			break
		}
		r, err := b.Open(context.Background())
		if err != nil {
			return err
		}
		w.sub = nid
		bid, size, err := w.data(r)
		r.Close()
		if err != nil {
			return err
		}
		n := inner.newNID(ndb.TypeLTP)
		inner.add(n, bid, 0)
		objects = append(objects, object{id, n, uint32(size)})
	}
	w.sub = nid
	blocks, err := w.pc(ps, objects, inner)
	if err != nil {
		return err
	}
	w.sub = nid
	s.add(nid, w.blocks(blocks, "heap"), w.tree(inner))
	return nil
}

// id is the identifier of a property; a named one gets the next that is free.
func (w *writer) id(p mapi.Property) uint16 {
	if p.Name == nil {
		return p.Tag.ID()
	}
	id, ok := w.nameIDs[*p.Name]
	if !ok {
		id = uint16(0x8000 + len(w.names))
		w.nameIDs[*p.Name] = id
		w.names = append(w.names, *p.Name)
	}
	return id
}

// tags are the tags of properties as they are stored.
func (w *writer) tags(ps mapi.Properties) []mapi.Tag {
	var list []mapi.Tag
	for _, p := range ps {
		v, err := w.local(p.Value)
		if err == nil {
			list = append(list, mapi.NewTag(w.id(p), v.Type()))
		}
	}
	return list
}

// localTags makes strings 8-bit in 32-bit files.
func (w *writer) localTags(tags []mapi.Tag) []mapi.Tag {
	if w.l.Kind != ndb.ANSI {
		return tags
	}
	out := slices.Clone(tags)
	for i, t := range out {
		if t.Type().Elem() == mapi.TypeString {
			out[i] = t.WithType(mapi.TypeString8 | t.Type()&mapi.MultiValueFlag)
		}
	}
	return out
}

// local is a value as the file stores it: 32-bit files know 8-bit strings only.
func (w *writer) local(v mapi.Value) (mapi.Value, error) {
	if w.l.Kind != ndb.ANSI || v.Type().Elem() != mapi.TypeString {
		return v, nil
	}
	if v.Type().Multi() {
		var elems [][]byte
		for _, s := range v.Texts() {
			b, _ := w.charset.Encode(s)
			elems = append(elems, b)
		}
		return mapi.MultiValue(mapi.TypeMultipleString8, elems), nil
	}
	r, err := v.OpenText(context.Background())
	if err != nil {
		return v, err
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		return v, err
	}
	b, _ := w.charset.Encode(string(text))
	return mapi.RawValue(mapi.TypeString8, b), nil
}

// nameMap writes the map of named properties. [MS-PST] 2.4.7
func (w *writer) nameMap() error {
	const buckets = 251
	var guids, entries, texts []byte
	sets := map[mapi.GUID]uint16{{}: 0, mapi.PSMAPI: 1, mapi.PSPublicStrings: 2}
	hash := map[uint32][]byte{}
	for i, n := range w.names {
		k, ok := sets[n.Set]
		if !ok {
			k = uint16(3 + len(guids)/16)
			sets[n.Set] = k
			guids = append(guids, n.Set[:]...)
		}
		id, sum := n.ID, n.ID
		k <<= 1
		if n.Name != "" {
			k |= 1
			id = uint32(len(texts))
			b := mapi.EncodeUTF16(n.Name)
			sum = crc32.ChecksumIEEE(b)
			texts = binary.LittleEndian.AppendUint32(texts, uint32(len(b)))
			texts = append(texts, b...)
			for len(texts)%4 != 0 {
				texts = append(texts, 0)
			}
		}
		tail := binary.LittleEndian.AppendUint16(nil, k)
		tail = binary.LittleEndian.AppendUint16(tail, uint16(i))
		entries = append(binary.LittleEndian.AppendUint32(entries, id), tail...)
		slot := (sum ^ uint32(k)) % buckets
		hash[slot] = append(binary.LittleEndian.AppendUint32(hash[slot], sum), tail...)
	}
	ps := mapi.Properties{
		{Tag: 0x00010003, Value: mapi.Int32Value(buckets)},
		{Tag: 0x00020102, Value: mapi.BinaryValue(guids)},
		{Tag: 0x00030102, Value: mapi.BinaryValue(entries)},
		{Tag: 0x00040102, Value: mapi.BinaryValue(texts)},
	}
	for slot := range uint32(buckets) {
		if b, ok := hash[slot]; ok {
			ps = append(ps, mapi.Property{Tag: mapi.NewTag(uint16(0x1000+slot), mapi.TypeBinary), Value: mapi.BinaryValue(b)})
		}
	}
	return w.nodePC(ndb.NIDNameToIDMap, 0, ps)
}
