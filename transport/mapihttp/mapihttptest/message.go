package mapihttptest

import (
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/rop"
	"github.com/mailconv/mailconv/transport/itemprops"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

func doOpenMessage(x *execution, in object, body rop.RequestBody) (rop.Body, error) {
	r, l := body.(*rop.OpenMessage), logonOf(in)
	if l == nil {
		return nil, rop.NullObject
	}
	it, ok := l.box.At(mailbox.ItemID(r.MessageID.Counter()))
	if !ok || r.MessageID.Replica() != replica {
		return nil, rop.NotFound
	}
	// Some clients give the folder, some give 0. A soft-deleted message is in
	// a folder of its own.
	if f := mailbox.FolderID(r.FolderID.Counter()); f != 0 && f != it.Folder && f != it.DeletedFrom {
		return nil, rop.NotFound
	}
	if err := l.may(x, it.Folder, mailbox.MayRead); err != nil {
		return nil, err
	}
	m := &messageObject{logon: l, folder: it.Folder, item: it, saved: true, fai: it.Associated, msg: clone(it.Message)}
	x.put(m)
	res := m.opened()
	return &res, nil
}

// opened is what a client learns as it opens a message. [MS-OXCMSG] 2.2.3.1.2
func (m *messageObject) opened() rop.OpenMessageResult {
	res := rop.OpenMessageResult{
		SubjectPrefix:     typed(m.msg.Props, mapi.PidTagSubjectPrefix),
		NormalizedSubject: typed(m.msg.Props, mapi.PidTagNormalizedSubject),
		RecipientCount:    uint16(len(m.msg.Recipients)),
		Columns:           recipientColumns,
	}
	for _, p := range m.msg.Props {
		res.HasNamedProperties = res.HasNamedProperties || p.Name != nil
	}
	for i := range m.msg.Recipients {
		if i == maxOpenRecipients {
			break
		}
		res.Recipients = append(res.Recipients, m.recipient(i))
	}
	return res
}

// maxOpenRecipients is how many rows come with an open message; the others are
// read by ReadRecipients.
const maxOpenRecipients = 5

func typed(ps mapi.Properties, tag mapi.Tag) rop.TypedString {
	v, ok := ps.Get(tag)
	switch s := v.Text(); {
	case !ok:
		return rop.TypedString{Type: rop.NoString}
	case s == "":
		return rop.TypedString{Type: rop.EmptyString}
	default:
		return rop.TypedString{Type: rop.UnicodeString, Text: s}
	}
}

func doCreateMessage(x *execution, in object, body rop.RequestBody) (rop.Body, error) {
	r, l := body.(*rop.CreateMessage), logonOf(in)
	if l == nil {
		return nil, rop.NullObject
	}
	id := mailbox.FolderID(r.FolderID.Counter())
	if _, ok := l.box.Folder(id); !ok {
		return nil, rop.NotFound
	}
	if err := l.may(x, id, mailbox.MayCreate); err != nil {
		return nil, err
	}
	m := &messageObject{logon: l, folder: id, fai: r.Associated, msg: &mapi.Message{}}
	// What a new message has, [MS-OXCMSG] 3.2.5.2, as far as it is stored.
	m.msg.Props.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Note"))
	m.msg.Props.Set(mapi.PidTagMessageFlags, mapi.Int32Value(itemprops.FlagUnsent|itemprops.FlagRead))
	x.put(m)
	return &rop.CreateMessageResult{}, nil
}

func doSaveChangesMessage(x *execution, _ object, _ rop.RequestBody) (rop.Body, error) {
	m, ok := x.object(x.request.In).(*messageObject)
	if !ok {
		return nil, rop.NullObject
	}
	if m.broken != nil {
		return nil, rop.CorruptData
	}
	if err := m.save(x); err != nil {
		return nil, err
	}
	return &rop.SaveChangesMessageResult{InputHandleIndex: x.request.In, MessageID: messageID(m.item.Place)}, nil
}

// save puts the message into its folder, or into the attachment that it is.
func (m *messageObject) save(x *execution) error {
	if m.within != nil {
		m.within.att.Embedded = clone(m.msg)
		return nil
	}
	var err error
	if m.saved {
		if err := m.may(x, m.folder, mailbox.MayEdit); err != nil {
			return err
		}
		now := clone(m.msg)
		m.item, err = m.box.Change(m.item.ID, func(old *mapi.Message) error {
			old.Props, old.Recipients, old.Attachments = now.Props, now.Recipients, now.Attachments
			return nil
		})
		return err
	}
	// Values of streams and uploads lie in the server's spool already.
	m.item, err = m.box.Create(x.ctx, m.folder, clone(m.msg), mailbox.CreateOptions{Associated: m.fai, Owned: true})
	m.saved = err == nil
	return err
}

func doSetReadFlags(_ *execution, f *folderObject, r *rop.SetReadFlags) (rop.Body, error) {
	res := &rop.PartialResult{}
	for _, id := range r.MessageIDs {
		it, ok := f.item(id)
		if !ok {
			res.PartialCompletion = true
			continue
		}
		if _, _, err := f.box.SetRead(it.ID, r.ReadFlags&rop.ClearReadFlag == 0); err != nil {
			res.PartialCompletion = true
		}
	}
	return res, nil
}

func doSetMessageReadFlag(x *execution, _ object, body rop.RequestBody) (rop.Body, error) {
	r := body.(*rop.SetMessageReadFlag)
	m, ok := x.object(x.request.In).(*messageObject)
	if !ok {
		return nil, rop.NullObject
	}
	read := r.ReadFlags&rop.ClearReadFlag == 0
	if !m.saved {
		mailbox.SetRead(&m.msg.Props, read)
		return &rop.SetMessageReadFlagResult{ReadStatusChanged: true}, nil
	}
	it, changed, err := m.box.SetRead(m.item.ID, read)
	if err != nil {
		return nil, err
	}
	m.item = it
	mailbox.SetRead(&m.msg.Props, read)
	return &rop.SetMessageReadFlagResult{ReadStatusChanged: changed}, nil
}

func doSetMessageStatus(x *execution, f *folderObject, r *rop.SetMessageStatus) (rop.Body, error) {
	return f.status(r.MessageID, r.MessageStatusFlags, r.Mask)
}

func doGetMessageStatus(x *execution, f *folderObject, r *rop.GetMessageStatus) (rop.Body, error) {
	return f.status(r.MessageID, 0, 0)
}

func (f *folderObject) status(id rop.ObjectID, bits, mask uint32) (rop.Body, error) {
	it, ok := f.item(id)
	if !ok {
		return nil, rop.NotFound
	}
	old, _ := it.Message.Props.Int(mapi.PidTagMessageStatus)
	if mask != 0 {
		if _, err := f.box.Change(it.ID, func(m *mapi.Message) error {
			m.Props.Set(mapi.PidTagMessageStatus, mapi.Int32Value(int32(uint32(old)&^mask|bits&mask)))
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return &rop.MessageStatusResult{MessageStatusFlags: uint32(old)}, nil
}

// recipientColumns are what a row has beside its own fields.
var recipientColumns = []mapi.Tag{
	mapi.PidTagSmtpAddress, mapi.PidTagObjectType, mapi.PidTagDisplayType, mapi.PidTagEntryId, mapi.PidTagRecipientTrackStatus,
	mapi.PidTagRecipientFlags, mapi.PidTagRecipientDisplayName, mapi.PidTagRecipientEntryId, mapi.PidTagSearchKey,
}

// recipient is a row of the recipient table. [MS-OXCDATA] 2.8.3.2
func (m *messageObject) recipient(i int) rop.OpenRecipient {
	r := m.msg.Recipients[i]
	row := rop.RecipientRow{Flags: rop.RecipientUnicode, Properties: rop.Row{Columns: recipientColumns}}
	kind := r.Props.Text(mapi.PidTagAddressType)
	switch strings.ToUpper(kind) {
	case "SMTP":
		row.Flags |= rop.AddressSMTP
	case "":
	default:
		row.Flags |= rop.RecipientOtherAddress
		row.AddressType = kind
	}
	for _, f := range []struct {
		tag  mapi.Tag
		flag rop.RecipientFlags
		into *string
	}{
		{mapi.PidTagEmailAddress, rop.RecipientHasAddress, &row.EmailAddress},
		{mapi.PidTagDisplayName, rop.RecipientHasName, &row.DisplayName},
		{mapi.PidTagAddressBookDisplayNamePrintable, rop.RecipientHasSimple, &row.SimpleDisplayName},
		{mapi.PidTagTransmittableDisplayName, rop.RecipientHasTransmit, &row.TransmittableName},
	} {
		if v, ok := r.Props.Get(f.tag); ok {
			row.Flags |= f.flag
			*f.into = v.Text()
		}
	}
	for _, tag := range recipientColumns {
		v, ok := m.view(r.Props, tag)
		if !ok {
			v = rop.ErrorValue(rop.NotFound)
			row.Properties.Flagged = true
		}
		row.Properties.Values = append(row.Properties.Values, v)
	}
	n, _ := r.Props.Int(mapi.PidTagRecipientType)
	return rop.OpenRecipient{RecipientType: uint8(n), CodePage: 1252, Row: row}
}

func doReadRecipients(x *execution, m *messageObject, r *rop.ReadRecipients) (rop.Body, error) {
	res := &rop.ReadRecipientsResult{}
	for i := int(r.RowID); i < len(m.msg.Recipients) && len(res.Rows) < 100; i++ {
		res.Rows = append(res.Rows, rop.ReadRecipient{RowID: uint32(i), OpenRecipient: m.recipient(i)})
	}
	if len(res.Rows) == 0 {
		return nil, rop.NotFound
	}
	return res, nil
}

func doRemoveAllRecipients(_ *execution, m *messageObject, _ *rop.RemoveAllRecipients) (rop.Body, error) {
	m.msg.Recipients = nil
	return nil, nil
}

// doModifyRecipients adds, changes and deletes recipients by their row
// number. [MS-OXCMSG] 3.2.5.5
func doModifyRecipients(_ *execution, m *messageObject, r *rop.ModifyRecipients) (rop.Body, error) {
	byRow := map[uint32]int{}
	for i, old := range m.msg.Recipients {
		n, ok := old.Props.Int(mapi.PidTagRowid)
		if !ok {
			n = int64(i)
		}
		byRow[uint32(n)] = i
	}
	gone := map[int]bool{}
	for _, row := range r.Rows {
		at, ok := byRow[row.RowID]
		switch {
		case row.Row == nil && ok:
			gone[at] = true
		case row.Row == nil:
		case ok:
			m.msg.Recipients[at] = m.fromRow(row)
		default:
			byRow[row.RowID] = len(m.msg.Recipients)
			m.msg.Recipients = append(m.msg.Recipients, m.fromRow(row))
		}
	}
	var left []*mapi.Recipient
	for i, r := range m.msg.Recipients {
		if !gone[i] {
			left = append(left, r)
		}
	}
	m.msg.Recipients = left
	return nil, nil
}

func (m *messageObject) fromRow(row rop.ModifiedRecipient) *mapi.Recipient {
	ps := m.names.model(row.Row.Properties.Properties())
	text := func(tag mapi.Tag, s string, has rop.RecipientFlags) {
		if row.Row.Flags&has != 0 {
			ps.Set(tag, mapi.StringValue(s))
		}
	}
	ps.Set(mapi.PidTagRowid, mapi.Int32Value(int32(row.RowID)))
	ps.Set(mapi.PidTagRecipientType, mapi.Int32Value(int32(row.RecipientType)))
	text(mapi.PidTagEmailAddress, row.Row.EmailAddress, rop.RecipientHasAddress)
	text(mapi.PidTagDisplayName, row.Row.DisplayName, rop.RecipientHasName)
	text(mapi.PidTagAddressBookDisplayNamePrintable, row.Row.SimpleDisplayName, rop.RecipientHasSimple)
	text(mapi.PidTagTransmittableDisplayName, row.Row.TransmittableName, rop.RecipientHasTransmit)
	switch kind := row.Row.Flags & rop.RecipientTypeMask; {
	case kind == rop.AddressSMTP:
		ps.Set(mapi.PidTagAddressType, mapi.StringValue("SMTP"))
	case kind == rop.AddressX500:
		ps.Set(mapi.PidTagAddressType, mapi.StringValue("EX"))
		ps.Set(mapi.PidTagEmailAddress, mapi.StringValue(row.Row.X500DN))
	case row.Row.Flags&rop.RecipientOtherAddress != 0:
		ps.Set(mapi.PidTagAddressType, mapi.StringValue(row.Row.AddressType))
	}
	return &mapi.Recipient{Props: ps}
}
