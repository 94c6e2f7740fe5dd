package mapihttptest

import (
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/codepage"
	"github.com/mailconv/mailconv/mapi/rop"
	"github.com/mailconv/mailconv/transport/itemprops"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// special are the entry identifiers of folders that the root and the inbox tell.
// [MS-OXOSFLD] 2.2.3
var special = []struct {
	tag  mapi.Tag
	role mailbox.WellKnown
}{
	{0x36D00102, mailbox.Calendar},
	{0x36D10102, mailbox.Contacts},
	{0x36D20102, mailbox.Journal},
	{0x36D30102, mailbox.Notes},
	{0x36D40102, mailbox.Tasks},
	{0x36D70102, mailbox.Drafts},
}

// folderProps are the properties of a folder in the model.
func (l *logon) folderProps(f mailbox.Folder, depth int) mapi.Properties {
	ps := f.Props.Clone()
	set := func(tag mapi.Tag, v mapi.Value) { ps.Set(tag, v) }
	set(mapi.PidTagDisplayName, mapi.StringValue(f.Name))
	if f.Class != "" {
		set(mapi.PidTagContainerClass, mapi.StringValue(f.Class))
	}
	set(mapi.PidTagFolderId, folderID(f.ID).Value())
	set(mapi.PidTagParentFolderId, folderID(f.Parent).Value())
	set(mapi.PidTagSubfolders, mapi.BoolValue(f.Children > 0))
	set(mapi.PidTagContentCount, mapi.Int32Value(int32(f.Count)))
	set(mapi.PidTagContentUnreadCount, mapi.Int32Value(int32(f.Unread)))
	set(mapi.PidTagAssociatedContentCount, mapi.Int32Value(int32(f.Associated)))
	set(mapi.PidTagFolderType, mapi.Int32Value(1))
	set(mapi.PidTagDepth, mapi.Int32Value(int32(depth)))
	set(mapi.PidTagCreationTime, mapi.TimeValue(f.Created))
	set(mapi.PidTagLastModificationTime, mapi.TimeValue(f.Modified))
	set(mapi.PidTagMessageSizeExtended, mapi.Int64Value(f.Size))
	set(mapi.PidTagSourceKey, mapi.BinaryValue(l.xid(uint64(f.ID))))
	set(mapi.PidTagParentSourceKey, mapi.BinaryValue(l.xid(uint64(f.Parent))))
	set(mapi.PidTagChangeKey, mapi.BinaryValue(l.xid(f.Change)))
	set(mapi.PidTagPredecessorChangeList, mapi.BinaryValue(append([]byte{22}, l.xid(f.Change)...)))
	set(mapi.PidTagChangeNumber, rop.NewObjectID(replica, f.Change).Value())
	set(mapi.PidTagEntryId, mapi.BinaryValue(l.entryID(f.ID, 0)))
	if f.Role == mailbox.Root || f.Role == mailbox.Inbox {
		for _, s := range special {
			if to, ok := l.box.WellKnown(s.role); ok {
				set(s.tag, mapi.BinaryValue(l.entryID(to.ID, 0)))
			}
		}
		if to, ok := l.box.WellKnown(mailbox.JunkEmail); ok {
			// The fifth is the junk mail folder.
			set(mapi.PidTagAdditionalRenEntryIds, mapi.MultiValue(mapi.TypeMultipleBinary, [][]byte{{}, {}, {}, {}, l.entryID(to.ID, 0)}))
		}
	}
	return ps
}

// itemProps are the properties that the store gives to an item: what a table
// and GetProps show beside those of the message.
func (l *logon) itemProps(it mailbox.Item) mapi.Properties {
	ps := it.Message.Props.Clone()
	l.storeProps(&ps, it)
	return ps
}

func (l *logon) storeProps(ps *mapi.Properties, it mailbox.Item) {
	ps.Set(mapi.PidTagMid, messageID(it.Place).Value())
	ps.Set(mapi.PidTagInstID, messageID(it.Place).Value())
	ps.Set(mapi.PidTagInstanceNum, mapi.Int32Value(0))
	ps.Set(mapi.PidTagFolderId, folderID(it.Folder).Value())
	ps.Set(mapi.PidTagSourceKey, mapi.BinaryValue(l.xid(uint64(it.Place))))
	ps.Set(mapi.PidTagParentSourceKey, mapi.BinaryValue(l.xid(uint64(it.Folder))))
	ps.Set(mapi.PidTagChangeNumber, rop.NewObjectID(replica, it.Change).Value())
	ps.Set(mapi.PidTagAssociated, mapi.BoolValue(it.Associated))
	ps.Set(mapi.PidTagRowType, mapi.Int32Value(1))
	ps.Set(mapi.PidTagEntryId, mapi.BinaryValue(l.entryID(it.Folder, it.Place)))
	ps.Set(mapi.PidTagMessageSize, mapi.Int32Value(int32(min(it.Size, 1<<31-1))))
	ps.Set(mapi.PidTagHasAttachments, mapi.BoolValue(len(it.Message.Attachments) > 0))
	n, _ := ps.Int(mapi.PidTagMessageFlags)
	if len(it.Message.Attachments) > 0 {
		n |= itemprops.FlagHasAttach
	}
	ps.Set(mapi.PidTagMessageFlags, mapi.Int32Value(int32(n)))
	own := func(tag mapi.Tag, v mapi.Value) {
		if _, ok := ps.Get(tag); !ok {
			ps.Set(tag, v)
		}
	}
	own(mapi.PidTagCreationTime, mapi.TimeValue(it.Created))
	own(mapi.PidTagLastModificationTime, mapi.TimeValue(it.Modified))
	own(mapi.PidTagChangeKey, mapi.BinaryValue(l.xid(it.Change)))
	own(mapi.PidTagPredecessorChangeList, mapi.BinaryValue(append([]byte{22}, l.xid(it.Change)...)))
	own(mapi.PidTagMessageClass, mapi.StringValue("IPM.Note"))
}

// view is the value of a column: the wanted string type, and the error that
// stands for what is not there.
func (l *logon) view(ps mapi.Properties, tag mapi.Tag) (mapi.Value, bool) {
	v, ok := l.names.find(ps, tag)
	if !ok {
		return mapi.Value{}, false
	}
	return retype(v, tag.Type())
}

// retype gives a value the type that was asked for: PtypUnspecified takes any,
// and the two forms of strings stand for one another.
func retype(v mapi.Value, want mapi.Type) (mapi.Value, bool) {
	switch {
	case want == mapi.TypeUnspecified, v.Type() == want:
		return v, true
	case want == mapi.TypeString && v.Type() == mapi.TypeString8:
		return mapi.StringValue(v.Text()), true
	case want == mapi.TypeString8 && v.Type() == mapi.TypeString:
		return toString8(v), true
	}
	return v, false
}

// toString8 is a string in the code page of the session.
func toString8(v mapi.Value) mapi.Value {
	cs, _ := codepage.Get(codepage.Windows1252)
	b, _ := cs.Encode(v.Text())
	return mapi.RawValue(mapi.TypeString8, b).WithCharset(cs)
}
