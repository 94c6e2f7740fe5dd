package mapihttptest

import (
	"bytes"
	"errors"
	"slices"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/fasttransfer"
	"github.com/mailconv/mailconv/mapi/rop"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// A syncState is what a client has seen: identifiers and change numbers of the
// one replica. [MS-OXCFXICS] 2.2.1.1
type syncState struct {
	given, seen, seenFAI, read fasttransfer.IDSet
}

func (st *syncState) set(tag mapi.Tag) *fasttransfer.IDSet {
	switch tag.ID() {
	case fasttransfer.MetaTagIdsetGiven.ID():
		return &st.given
	case fasttransfer.MetaTagCnsetSeen.ID():
		return &st.seen
	case fasttransfer.MetaTagCnsetSeenFAI.ID():
		return &st.seenFAI
	case fasttransfer.MetaTagCnsetRead.ID():
		return &st.read
	}
	return nil
}

// A synchronization is a synchronization download, or with collector an upload; either
// takes the client's state first. [MS-OXCFXICS] 3.2.5.9
type synchronization struct {
	*folderObject
	cfg       *rop.SynchronizationConfigure
	contents  bool
	collector bool
	state     syncState
	part      mapi.Tag
	data      []byte
	down      *pieces
}

func (s *synchronization) close() {
	if s.down != nil {
		s.down.close()
	}
}

func doSyncConfigure(x *execution, f *folderObject, r *rop.SynchronizationConfigure) (rop.Body, error) {
	if r.SynchronizationType != rop.SyncContents && r.SynchronizationType != rop.SyncHierarchy {
		return nil, rop.InvalidParameter
	}
	if r.Restriction != nil {
		return nil, rop.NotSupported
	}
	x.put(&synchronization{folderObject: f, cfg: r, contents: r.SynchronizationType == rop.SyncContents})
	return nil, nil
}

func doOpenCollector(x *execution, f *folderObject, r *rop.SynchronizationOpenCollector) (rop.Body, error) {
	x.put(&synchronization{folderObject: f, contents: r.IsContentsCollector, collector: true})
	return nil, nil
}

// maxState bounds one property of a state.
const maxState = 4 << 20

func doStateBegin(_ *execution, s *synchronization, r *rop.SynchronizationUploadStateStreamBegin) (rop.Body, error) {
	if s.part != 0 || s.state.set(r.StateProperty) == nil || s.down != nil {
		return nil, rop.InvalidParameter
	}
	s.part, s.data = r.StateProperty, nil
	return nil, nil
}

func doStateContinue(_ *execution, s *synchronization, r *rop.SynchronizationUploadStateStreamContinue) (rop.Body, error) {
	if s.part == 0 || len(s.data)+len(r.Data) > maxState {
		return nil, rop.InvalidParameter
	}
	s.data = append(s.data, r.Data...)
	return nil, nil
}

func doStateEnd(_ *execution, s *synchronization, _ *rop.SynchronizationUploadStateStreamEnd) (rop.Body, error) {
	if s.part == 0 {
		return nil, rop.InvalidParameter
	}
	sets, err := fasttransfer.ParseReplGUIDSets(s.data)
	if err != nil {
		return nil, rop.CorruptData
	}
	for _, set := range sets {
		if set.ReplGUID == s.box.GUID() {
			*s.state.set(s.part) = set
		}
	}
	s.part = 0
	return nil, nil
}

// doSyncGetBuffer reads the download, which begins with the first piece.
func doSyncGetBuffer(x *execution, s *synchronization, r *rop.FastTransferSourceGetBuffer) (rop.Body, error) {
	if s.collector {
		return nil, rop.NotSupported
	}
	if s.down == nil {
		write := s.writeHierarchy
		if s.contents {
			write = s.writeContents
		}
		s.down = piecesOf(write)
	}
	return doGetBuffer(x, &download{s.down}, r)
}

// header is what stands before each object.
func header(pairs ...mapi.Property) mapi.Properties { return pairs }

func prop(tag mapi.Tag, v mapi.Value) mapi.Property { return mapi.Property{Tag: tag, Value: v} }

// writeContents is contentsSync. [MS-OXCFXICS] 2.2.4.3.2
func (s *synchronization) writeContents(w *fasttransfer.Writer) error {
	items, err := s.box.Items(s.id, mailbox.All)
	if err != nil {
		return err
	}
	var there fasttransfer.IDSet
	var read, unread fasttransfer.IDSet
	latest := s.box.Latest()
	for _, it := range items {
		seen, wanted := &s.state.seen, s.cfg.Flags&rop.SyncNormal != 0
		if it.Associated {
			seen, wanted = &s.state.seenFAI, s.cfg.Flags&rop.SyncFAI != 0
		}
		if !wanted {
			continue
		}
		id := uint64(it.Place)
		there.Add(fasttransfer.Range{Low: id, High: id})
		switch {
		case !seen.Contains(it.Change) || !s.state.given.Contains(id):
			if err := s.writeMessage(w, it); err != nil {
				return err
			}
		case s.cfg.Flags&rop.SyncReadState != 0 && it.ReadChange != 0 && !s.state.read.Contains(it.ReadChange):
			set := &unread
			if it.Read() {
				set = &read
			}
			set.Add(fasttransfer.Range{Low: id, High: id})
		}
	}
	if err := s.writeDeletions(w, there); err != nil {
		return err
	}
	if err := s.writeSets(w, fasttransfer.IncrSyncRead, set{fasttransfer.MetaTagIdsetRead, read}, set{fasttransfer.MetaTagIdsetUnread, unread}); err != nil {
		return err
	}
	if latest > 0 {
		for _, c := range []*fasttransfer.IDSet{&s.state.seen, &s.state.seenFAI, &s.state.read} {
			c.Add(fasttransfer.Range{Low: 1, High: latest})
		}
	}
	s.state.given = there
	return s.writeState(w, true)
}

func (s *synchronization) writeMessage(w *fasttransfer.Writer, it mailbox.Item) error {
	ps := it.Message.Props.Clone()
	s.storeProps(&ps, it)
	value := func(tag mapi.Tag) mapi.Value { v, _ := ps.Get(tag); return v }
	h := header(
		prop(mapi.PidTagSourceKey, value(mapi.PidTagSourceKey)),
		prop(mapi.PidTagLastModificationTime, value(mapi.PidTagLastModificationTime)),
		prop(mapi.PidTagChangeKey, value(mapi.PidTagChangeKey)),
		prop(mapi.PidTagPredecessorChangeList, value(mapi.PidTagPredecessorChangeList)),
		prop(mapi.PidTagAssociated, mapi.BoolValue(it.Associated)),
	)
	if s.cfg.ExtraFlags&rop.SyncExtraEID != 0 {
		h = append(h, prop(mapi.PidTagMid, messageID(it.Place).Value()))
	}
	if s.cfg.ExtraFlags&rop.SyncExtraMessageSize != 0 {
		h = append(h, prop(mapi.PidTagMessageSize, value(mapi.PidTagMessageSize)))
	}
	if s.cfg.ExtraFlags&rop.SyncExtraCN != 0 {
		h = append(h, prop(mapi.PidTagChangeNumber, value(mapi.PidTagChangeNumber)))
	}
	m := it.Message
	if s.cfg.Flags&rop.SyncOnlySpecifiedProps != 0 {
		m = only(s.names, m, s.cfg.Tags)
	} else {
		m = without(s.names, m, s.cfg.Tags)
	}
	return errors.Join(w.Marker(fasttransfer.IncrSyncChg), w.Properties(h), w.Marker(fasttransfer.IncrSyncMessage), w.MessageContent(m))
}

// only is a message with some properties and nothing else.
func only(n *names, m *mapi.Message, tags []mapi.Tag) *mapi.Message {
	out := &mapi.Message{}
	for _, tag := range tags {
		switch tag.ID() {
		case mapi.PidTagMessageRecipients.ID():
			out.Recipients = m.Recipients
			continue
		case mapi.PidTagMessageAttachments.ID():
			out.Attachments = m.Attachments
			continue
		}
		for _, p := range m.Props {
			if p.Name == nil && p.Tag.ID() == tag.ID() || p.Name != nil && n.id(*p.Name, false) == tag.ID() {
				out.Props = append(out.Props, p)
			}
		}
	}
	return out
}

// writeHierarchy is hierarchySync. [MS-OXCFXICS] 2.2.4.3.9
func (s *synchronization) writeHierarchy(w *fasttransfer.Writer) error {
	var there fasttransfer.IDSet
	latest := s.box.Latest()
	for _, f := range s.box.Folders(s.id, true) {
		id := uint64(f.ID)
		there.Add(fasttransfer.Range{Low: id, High: id})
		if s.state.seen.Contains(f.Change) && s.state.given.Contains(id) {
			continue
		}
		ps := s.folderProps(f, 0)
		parent := mapi.BinaryValue(s.xid(uint64(f.Parent)))
		if f.Parent == s.id {
			parent = mapi.BinaryValue(nil) // [MS-OXCFXICS] 2.2.4.3.5
		}
		value := func(tag mapi.Tag) mapi.Value { v, _ := ps.Get(tag); return v }
		h := header(
			prop(mapi.PidTagParentSourceKey, parent),
			prop(mapi.PidTagSourceKey, value(mapi.PidTagSourceKey)),
			prop(mapi.PidTagLastModificationTime, value(mapi.PidTagLastModificationTime)),
			prop(mapi.PidTagChangeKey, value(mapi.PidTagChangeKey)),
			prop(mapi.PidTagPredecessorChangeList, value(mapi.PidTagPredecessorChangeList)),
			prop(mapi.PidTagDisplayName, value(mapi.PidTagDisplayName)),
		)
		if s.cfg.ExtraFlags&rop.SyncExtraEID != 0 {
			h = append(h, prop(mapi.PidTagFolderId, value(mapi.PidTagFolderId)), prop(mapi.PidTagParentFolderId, value(mapi.PidTagParentFolderId)))
		}
		for _, tag := range []mapi.Tag{mapi.PidTagContainerClass, mapi.PidTagFolderType, mapi.PidTagComment, mapi.PidTagContentCount, mapi.PidTagMessageSizeExtended} {
			if v, ok := ps.Get(tag); ok && !slices.Contains(s.cfg.Tags, tag) {
				h = append(h, prop(tag, v))
			}
		}
		if err := errors.Join(w.Marker(fasttransfer.IncrSyncChg), w.Properties(h)); err != nil {
			return err
		}
	}
	if err := s.writeDeletions(w, there); err != nil {
		return err
	}
	if latest > 0 {
		s.state.seen.Add(fasttransfer.Range{Low: 1, High: latest})
	}
	s.state.given = there
	return s.writeState(w, false)
}

// writeDeletions tells what the client was given and is not there any more.
func (s *synchronization) writeDeletions(w *fasttransfer.Writer, there fasttransfer.IDSet) error {
	if s.cfg.Flags&rop.SyncNoDeletions != 0 {
		return nil
	}
	var gone fasttransfer.IDSet
	for _, r := range s.state.given.Ranges {
		for id := r.Low; id <= r.High; id++ {
			if !there.Contains(id) {
				gone.Add(fasttransfer.Range{Low: id, High: id})
			}
		}
	}
	return s.writeSets(w, fasttransfer.IncrSyncDel, set{fasttransfer.MetaTagIdsetDeleted, gone})
}

type set struct {
	tag mapi.Tag
	ids fasttransfer.IDSet
}

// writeSets writes a marker and the sets that are not empty, by replica number.
func (s *synchronization) writeSets(w *fasttransfer.Writer, m fasttransfer.Marker, sets ...set) error {
	var ps mapi.Properties
	for _, x := range sets {
		if len(x.ids.Ranges) > 0 {
			x.ids.ReplID = replica
			ps = append(ps, prop(x.tag, mapi.BinaryValue(fasttransfer.AppendReplIDSets(nil, []fasttransfer.IDSet{x.ids}))))
		}
	}
	if len(ps) == 0 {
		return nil
	}
	return errors.Join(w.Marker(m), w.Properties(ps))
}

// writeState is state and the end of the stream. [MS-OXCFXICS] 2.2.4.3.25
func (s *synchronization) writeState(w *fasttransfer.Writer, contents bool) error {
	return errors.Join(s.writeStateOnly(w, contents), w.Marker(fasttransfer.IncrSyncEnd))
}

func (s *synchronization) writeStateOnly(w *fasttransfer.Writer, contents bool) error {
	tags := []mapi.Tag{fasttransfer.MetaTagIdsetGiven, fasttransfer.MetaTagCnsetSeen}
	if contents {
		tags = append(tags, fasttransfer.MetaTagCnsetSeenFAI, fasttransfer.MetaTagCnsetRead)
	}
	var ps mapi.Properties
	for _, tag := range tags {
		x := *s.state.set(tag)
		x.ReplGUID = s.box.GUID()
		var sets []fasttransfer.IDSet
		if len(x.Ranges) > 0 {
			sets = append(sets, x)
		}
		ps = append(ps, prop(tag, mapi.BinaryValue(fasttransfer.AppendReplGUIDSets(nil, sets))))
	}
	return errors.Join(w.Marker(fasttransfer.IncrSyncStateBegin), w.Properties(ps), w.Marker(fasttransfer.IncrSyncStateEnd))
}

func doGetTransferState(x *execution, s *synchronization, _ *rop.SynchronizationGetTransferState) (rop.Body, error) {
	state := *s
	x.put(&download{piecesOf(func(w *fasttransfer.Writer) error { return state.writeStateOnly(w, state.contents) })})
	return nil, nil
}

// bySourceKey finds an object of this mailbox by its source key.
func (s *synchronization) bySourceKey(key []byte) (uint64, bool) {
	g := s.box.GUID()
	if len(key) != 22 || !bytes.Equal(key[:16], g[:]) {
		return 0, false
	}
	var n uint64
	for _, b := range key[16:] {
		n = n<<8 | uint64(b)
	}
	return n, true
}

// doImportMessageChange makes a message, or opens the one with the source key.
// Identifiers that the client made are not kept.
func doImportMessageChange(x *execution, s *synchronization, r *rop.SynchronizationImportMessageChange) (rop.Body, error) {
	if !s.collector || !s.contents {
		return nil, rop.NotSupported
	}
	m := &messageObject{logon: s.logon, folder: s.id, fai: r.ImportFlag&rop.ImportAssociated != 0, msg: &mapi.Message{}}
	if id, ok := s.bySourceKey(r.Props.Bytes(mapi.PidTagSourceKey)); ok {
		if it, ok := s.box.At(mailbox.ItemID(id)); ok && it.Folder == s.id {
			m.item, m.saved, m.fai, m.msg = it, true, it.Associated, clone(it.Message)
		}
	}
	for _, p := range s.names.model(r.Props) {
		if p.Tag != mapi.PidTagSourceKey {
			m.msg.Props.Set(p.Tag, p.Value)
		}
	}
	x.put(m)
	return &rop.ImportedResult{}, nil
}

func doImportDeletes(x *execution, s *synchronization, r *rop.SynchronizationImportDeletes) (rop.Body, error) {
	how := mailbox.Soft
	if r.Flags&2 != 0 {
		how = mailbox.Hard
	}
	if err := s.may(x, s.id, mailbox.MayDelete); err != nil {
		return nil, err
	}
	for _, p := range r.Props {
		for _, key := range p.Value.Elems() {
			id, ok := s.bySourceKey(key)
			if !ok {
				continue
			}
			if r.Flags&1 != 0 {
				if err := s.box.DeleteFolder(mailbox.FolderID(id), true); err != nil && !errors.Is(err, mailbox.ErrNotFound) {
					return nil, err
				}
				continue
			}
			if it, ok := s.box.At(mailbox.ItemID(id)); ok {
				if err := s.box.Delete(it.ID, how); err != nil {
					return nil, err
				}
			}
		}
	}
	return nil, nil
}

func doImportReadState(_ *execution, s *synchronization, r *rop.SynchronizationImportReadStateChanges) (rop.Body, error) {
	for _, c := range r.Changes {
		id, ok := s.bySourceKey(c.SourceKey)
		if !ok {
			continue
		}
		if it, ok := s.box.At(mailbox.ItemID(id)); ok {
			if _, _, err := s.box.SetRead(it.ID, c.MarkAsRead); err != nil {
				return nil, err
			}
		}
	}
	return nil, nil
}
