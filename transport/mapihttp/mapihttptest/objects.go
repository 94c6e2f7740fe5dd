package mapihttptest

import (
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/rop"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// A logon is a mailbox that the session has opened.
type logon struct {
	s     *Server
	box   *mailbox.Mailbox
	names *names
}

// A folderObject is an open folder.
type folderObject struct {
	*logon
	id mailbox.FolderID
}

func (f *folderObject) folder() (mailbox.Folder, error) {
	fo, ok := f.box.Folder(f.id)
	if !ok {
		return fo, rop.ObjectDeleted
	}
	return fo, nil
}

// A messageObject is an open message: a copy that SaveChanges puts back.
// [MS-OXCMSG] 3.2.5
type messageObject struct {
	*logon
	folder mailbox.FolderID
	item   mailbox.Item // of a message that was there before
	saved  bool
	fai    bool
	msg    *mapi.Message
	within *attachmentObject // of an embedded message
	// broken is why the last upload into it failed.
	broken error
}

// An attachmentObject is an open attachment.
type attachmentObject struct {
	of  *messageObject
	att *mapi.Attachment
	num int32
	new bool
}

// holder is what has properties that can be changed.
type holder interface {
	props() *mapi.Properties
	owner() *logon
}

func (m *messageObject) props() *mapi.Properties    { return &m.msg.Props }
func (m *messageObject) owner() *logon              { return m.logon }
func (a *attachmentObject) props() *mapi.Properties { return &a.att.Props }
func (a *attachmentObject) owner() *logon           { return a.of.logon }

// replica is the number by which the identifiers of a logon name its replica.
// There is one, whose GUID is that of the mailbox.
const replica = 1

func folderID(id mailbox.FolderID) rop.ObjectID   { return rop.NewObjectID(replica, uint64(id)) }
func messageID(place mailbox.ItemID) rop.ObjectID { return rop.NewObjectID(replica, uint64(place)) }

// xid is the long form of an identifier: a GUID and the counter. [MS-OXCFXICS]
// 2.2.2.2
func (l *logon) xid(counter uint64) []byte {
	g := l.box.GUID()
	b := append([]byte(nil), g[:]...)
	for i := range 6 {
		b = append(b, byte(counter>>(8*(5-i))))
	}
	return b
}

// entryID is that of a folder, or of a message in it. [MS-OXCDATA] 2.2.4.1,
// 2.2.4.2
func (l *logon) entryID(folder mailbox.FolderID, item mailbox.ItemID) []byte {
	g := l.box.GUID()
	b := append([]byte{0, 0, 0, 0}, g[:]...)
	kind := byte(1) // eitLTPrivateFolder
	if item != 0 {
		kind = 7 // eitLTPrivateMessage
	}
	b = append(b, kind, 0)
	b = append(append(b, l.xid(uint64(folder))...), 0, 0)
	if item != 0 {
		b = append(append(b, l.xid(uint64(item))...), 0, 0)
	}
	return b
}

// clone is a copy of a message whose lists and property sets can be changed.
func clone(m *mapi.Message) *mapi.Message {
	out := &mapi.Message{Props: m.Props.Clone()}
	for _, r := range m.Recipients {
		out.Recipients = append(out.Recipients, &mapi.Recipient{Props: r.Props.Clone()})
	}
	for _, a := range m.Attachments {
		n := *a
		n.Props = a.Props.Clone()
		out.Attachments = append(out.Attachments, &n)
	}
	return out
}

// attachment finds an attachment by its number.
func (m *messageObject) attachment(num int32) (*mapi.Attachment, bool) {
	for i, a := range m.msg.Attachments {
		if number(a, i) == num {
			return a, true
		}
	}
	return nil, false
}

// number is PidTagAttachNumber, or the place in the list.
func number(a *mapi.Attachment, i int) int32 {
	if n, ok := a.Props.Int(mapi.PidTagAttachNumber); ok {
		return int32(n)
	}
	return int32(i)
}
