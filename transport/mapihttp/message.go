package mapihttp

import (
	"context"
	"errors"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/rop"
	"github.com/mailconv/mailconv/transport"
)

// A Message is an open message. It takes one of the store's sessions until it is
// closed. Changes are kept with Save.
type Message struct {
	object
	folder rop.ObjectID
}

// OpenMessage opens a message that a listing named, to read and to change it.
// Nothing is marked as read by it. Where the account may only read it, it is
// opened for that.
func (st *Store) OpenMessage(ctx context.Context, f transport.Folder, key transport.Key) (*Message, error) {
	folder, err := st.folderID(ctx, "open", f)
	if err != nil {
		return nil, err
	}
	id, kind, err := parseKey(key)
	if err != nil {
		return nil, fail("open", f, key, err)
	}
	mode := uint8(rop.BestAccess)
	if kind == deletedItem {
		mode = rop.OpenSoftDeleted
	}
	m := &Message{object: object{op: "open", f: f, key: key}, folder: folder}
	return m, st.hold(ctx, &m.object, func(b *batch) int {
		return b.out(b.put(b.s.logon), &rop.OpenMessage{CodePage: rop.LogonCodePage, FolderID: folder, OpenModeFlags: mode, MessageID: id})
	})
}

// NewMessage makes a message in a folder. It is there once it is saved.
func (st *Store) NewMessage(ctx context.Context, f transport.Folder) (*Message, error) {
	folder, err := st.folderID(ctx, "create", f)
	if err != nil {
		return nil, err
	}
	m := &Message{object: object{op: "create", f: f}, folder: folder}
	return m, st.hold(ctx, &m.object, func(b *batch) int {
		return b.out(b.put(b.s.logon), &rop.CreateMessage{CodePage: rop.LogonCodePage, FolderID: folder})
	})
}

// Save keeps what was changed, and gives the key of the message.
func (m *Message) Save(ctx context.Context) (transport.Key, error) {
	b := m.s.batch(m.op)
	at := b.put(m.handle)
	n := b.two(at, at, &rop.SaveChangesMessage{SaveFlags: rop.KeepOpenReadWrite})
	if err := m.do(ctx, b); err != nil {
		return "", err
	}
	if a, ok := b.result(n).(*rop.SaveChangesMessageResult); ok && m.key == "" {
		m.key = keyOf(a.MessageID, normalItem)
	}
	return m.key, nil
}

// attachmentColumns are what [Message.Attachments] gives.
var attachmentColumns = []mapi.Tag{
	mapi.PidTagAttachNumber, mapi.PidTagAttachMethod, mapi.PidTagAttachLongFilename, mapi.PidTagAttachFilename, mapi.PidTagDisplayName,
	mapi.PidTagAttachMimeTag, mapi.PidTagAttachContentId, mapi.PidTagAttachSize,
}

// Attachments lists the attachments by their main properties, among them
// PidTagAttachNumber, which names one.
func (m *Message) Attachments(ctx context.Context) ([]mapi.Properties, error) {
	b := m.s.batch(m.op)
	t := b.out(b.put(m.handle), &rop.GetAttachmentTable{})
	b.in(b.index(t), &rop.SetColumns{Tags: attachmentColumns})
	q := b.in(b.index(t), &rop.QueryRows{ForwardRead: true, RowCount: rowPage})
	if err := m.do(ctx, b); err != nil {
		return nil, err
	}
	handle := b.handle(t)
	defer m.s.free(handle)
	var list []mapi.Properties
	for {
		a, ok := b.result(q).(*rop.QueryRowsResult)
		if !ok {
			return nil, m.fail(b.err(q))
		}
		for i := range a.Rows {
			list = append(list, a.Rows[i].Properties())
		}
		if len(a.Rows) == 0 || a.Origin == rop.BookmarkEnd {
			return list, nil
		}
		b = m.s.batch(m.op)
		q = b.in(b.put(handle), &rop.QueryRows{ForwardRead: true, RowCount: rowPage})
		if err := m.do(ctx, b); err != nil {
			return nil, err
		}
	}
}

// Attachment reads all properties of an attachment, by its PidTagAttachNumber;
// its content is PidTagAttachDataBinary. Large values live until Close.
func (m *Message) Attachment(ctx context.Context, number int) (mapi.Properties, error) {
	b := m.s.batch(m.op)
	n := b.out(b.put(m.handle), &rop.OpenAttachment{AttachmentID: uint32(number)})
	if err := m.do(ctx, b); err != nil {
		return nil, err
	}
	a := object{st: m.st, s: m.s, handle: b.handle(n), op: m.op, f: m.f, key: m.key}
	defer m.s.free(a.handle)
	ps, err := a.Properties(ctx)
	m.bufs = append(m.bufs, a.bufs...)
	return ps, err
}

// AddAttachment adds an attachment by value: its content, streamed, and its
// properties, such as PidTagAttachLongFilename and PidTagAttachMimeTag. It is
// kept with Save.
func (m *Message) AddAttachment(ctx context.Context, content mapi.Blob, props mapi.Properties) error {
	if content == nil {
		return m.fail(errors.New("an attachment without content"))
	}
	b := m.s.batch(m.op)
	n := b.out(b.put(m.handle), &rop.CreateAttachment{})
	if err := m.do(ctx, b); err != nil {
		return err
	}
	a := object{st: m.st, s: m.s, handle: b.handle(n), op: m.op, f: m.f, key: m.key}
	defer m.s.free(a.handle)
	ps := props.Clone()
	ps.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachByValue))
	if _, ok := ps.Get(mapi.PidTagRenderingPosition); !ok {
		ps.Set(mapi.PidTagRenderingPosition, mapi.Int32Value(-1))
	}
	if err := a.Set(ctx, ps); err != nil {
		return err
	}
	if err := a.write(ctx, mapi.PidTagAttachDataBinary, content); err != nil {
		return err
	}
	b = m.s.batch(m.op)
	b.two(b.put(a.handle), b.put(m.handle), &rop.SaveChangesAttachment{SaveFlags: rop.KeepOpenReadWrite})
	return m.do(ctx, b)
}

// RemoveAttachment removes an attachment by its PidTagAttachNumber.
func (m *Message) RemoveAttachment(ctx context.Context, number int) error {
	b := m.s.batch(m.op)
	b.in(b.put(m.handle), &rop.DeleteAttachment{AttachmentID: uint32(number)})
	return m.do(ctx, b)
}

// SetRecipients replaces the recipient table. Of each recipient type, name,
// SMTP or other address are taken.
func (m *Message) SetRecipients(ctx context.Context, list []*mapi.Recipient) error {
	b := m.s.batch(m.op)
	at := b.put(m.handle)
	b.in(at, &rop.RemoveAllRecipients{})
	if len(list) > 0 {
		b.in(at, modifyRecipients(list))
	}
	return m.do(ctx, b)
}

// recipientColumns go beside the fields that each row has. [MS-OXCMSG] 2.2.3.5.1
var recipientColumns = []mapi.Tag{mapi.PidTagObjectType, mapi.PidTagSmtpAddress, mapi.PidTagDisplayType}

// Values of PidTagObjectType and PidTagDisplayType of a mail user.
// [MS-OXCDATA] 2.2.3, [MS-OXOABK] 2.2.3.11
const (
	mailUser    = 6
	displayUser = 0
)

func modifyRecipients(list []*mapi.Recipient) *rop.ModifyRecipients {
	q := &rop.ModifyRecipients{Columns: recipientColumns}
	for i, r := range list {
		smtp := r.Props.Text(mapi.PidTagSmtpAddress)
		address, kind := r.Props.Text(mapi.PidTagEmailAddress), r.Props.Text(mapi.PidTagAddressType)
		if smtp == "" && (kind == "SMTP" || kind == "") {
			smtp = address
		}
		row := &rop.RecipientRow{
			Flags:       rop.RecipientUnicode | rop.RecipientHasAddress | rop.RecipientHasName | rop.AddressSMTP,
			DisplayName: r.Props.Text(mapi.PidTagDisplayName), EmailAddress: address,
		}
		switch {
		case kind == "SMTP" || kind == "" || smtp != "" && address == "":
			row.EmailAddress = smtp
		default:
			row.Flags = row.Flags&^rop.RecipientTypeMask | rop.AddressNone | rop.RecipientOtherAddress
			row.AddressType = kind
		}
		row.Properties = rop.Row{Columns: recipientColumns, Values: []mapi.Value{
			mapi.Int32Value(mailUser), mapi.StringValue(smtp), mapi.Int32Value(displayUser),
		}}
		q.Rows = append(q.Rows, rop.ModifiedRecipient{RowID: uint32(i), RecipientType: uint8(r.Type()), Row: row})
	}
	return q
}
