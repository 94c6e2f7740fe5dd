package rop

import (
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/internal/wire"
)

// LogonCodePage stands for the code page of the logon in [OpenMessage] and
// [CreateMessage].
const LogonCodePage = 0x0FFF

// OpenMessage opens a message; In is any object of the mailbox.
// [MS-OXCROPS] 2.2.6.1.1
type OpenMessage struct {
	CodePage      uint16
	FolderID      ObjectID
	OpenModeFlags uint8
	MessageID     ObjectID
}

func (*OpenMessage) ROP() ID { return IDOpenMessage }

func (r *OpenMessage) code(c *wire.Coder) {
	c.Uint16(&r.CodePage)
	objectID(c, &r.FolderID)
	c.Uint8(&r.OpenModeFlags)
	objectID(c, &r.MessageID)
}

// A TypedString is text in one of several forms, or none. [MS-OXCDATA] 2.11.7
type TypedString struct {
	Type uint8
	Text string
}

// Types of a [TypedString].
const (
	NoString      = 0x00
	EmptyString   = 0x01
	String8       = 0x02
	ReducedString = 0x03 // each character's low byte
	UnicodeString = 0x04
)

func (s *TypedString) code(c *wire.Coder) {
	c.Uint8(&s.Type)
	switch s.Type {
	case NoString, EmptyString:
	case String8, ReducedString:
		c.String8(&s.Text)
	case UnicodeString:
		c.String16(&s.Text)
	default:
		c.Failf("a string of type 0x%02X", s.Type)
	}
}

// An OpenRecipient is a row of the recipient table as a message is opened.
// [MS-OXCDATA] 2.8.3.1
type OpenRecipient struct {
	RecipientType uint8
	CodePage      uint16
	Reserved      uint16
	Row           RecipientRow
}

func openRecipient(c *wire.Coder, r *OpenRecipient, columns []mapi.Tag) {
	c.Uint8(&r.RecipientType)
	c.Uint16(&r.CodePage)
	c.Uint16(&r.Reserved)
	c.Sized(2, func(c *wire.Coder) { r.Row.code(c, columns) })
}

// OpenMessageResult is its answer. Recipients holds the first rows of
// RecipientCount; [ReadRecipients] reads the others. [MS-OXCROPS] 2.2.6.1.2
type OpenMessageResult struct {
	HasNamedProperties bool
	SubjectPrefix      TypedString
	NormalizedSubject  TypedString
	RecipientCount     uint16
	Columns            []mapi.Tag
	Recipients         []OpenRecipient
}

func (r *OpenMessageResult) code(c *wire.Coder) {
	c.Bool(&r.HasNamedProperties)
	r.SubjectPrefix.code(c)
	r.NormalizedSubject.code(c)
	c.Uint16(&r.RecipientCount)
	c.Tags(&r.Columns, 2)
	wire.List(c, &r.Recipients, 1, 7, func(c *wire.Coder, p *OpenRecipient) { openRecipient(c, p, r.Columns) })
}

// ReloadCachedInformation asks for the answer of [OpenMessage] again.
// [MS-OXCROPS] 2.2.6.7.1
type ReloadCachedInformation struct{ Reserved uint16 }

func (*ReloadCachedInformation) ROP() ID              { return IDReloadCachedInformation }
func (r *ReloadCachedInformation) code(c *wire.Coder) { c.Uint16(&r.Reserved) }

// CreateMessage makes a message that is kept once it is saved.
// [MS-OXCROPS] 2.2.6.2.1
type CreateMessage struct {
	CodePage   uint16
	FolderID   ObjectID
	Associated bool
}

func (*CreateMessage) ROP() ID { return IDCreateMessage }

func (r *CreateMessage) code(c *wire.Coder) {
	c.Uint16(&r.CodePage)
	objectID(c, &r.FolderID)
	c.Bool(&r.Associated)
}

// CreateMessageResult is its answer. [MS-OXCROPS] 2.2.6.2.2
type CreateMessageResult struct {
	HasMessageID bool
	MessageID    ObjectID
}

func (r *CreateMessageResult) code(c *wire.Coder) {
	if c.Bool(&r.HasMessageID); r.HasMessageID {
		objectID(c, &r.MessageID)
	}
}

// SaveFlags of [SaveChangesMessage] and [SaveChangesAttachment].
// [MS-OXCMSG] 2.2.3.3.1
const (
	KeepOpenReadOnly  = 0x01
	KeepOpenReadWrite = 0x02
	ForceSave         = 0x04
	DelayedCall       = 0x08
)

// SaveChangesMessage saves the message in In; Out is the handle of its
// container. [MS-OXCROPS] 2.2.6.3.1
type SaveChangesMessage struct{ SaveFlags uint8 }

func (*SaveChangesMessage) ROP() ID              { return IDSaveChangesMessage }
func (r *SaveChangesMessage) code(c *wire.Coder) { c.Uint8(&r.SaveFlags) }

// SaveChangesMessageResult is its answer. [MS-OXCROPS] 2.2.6.3.2
type SaveChangesMessageResult struct {
	InputHandleIndex uint8
	MessageID        ObjectID
}

func (r *SaveChangesMessageResult) code(c *wire.Coder) {
	c.Uint8(&r.InputHandleIndex)
	objectID(c, &r.MessageID)
}

// RemoveAllRecipients empties the recipient table. [MS-OXCROPS] 2.2.6.4.1
type RemoveAllRecipients struct{ Reserved uint32 }

func (*RemoveAllRecipients) ROP() ID              { return IDRemoveAllRecipients }
func (r *RemoveAllRecipients) code(c *wire.Coder) { c.Uint32(&r.Reserved) }

// A ModifiedRecipient is a row that is added, changed, or, with Row nil,
// deleted. [MS-OXCDATA] 2.8.3.2
type ModifiedRecipient struct {
	RowID         uint32
	RecipientType uint8
	Row           *RecipientRow
}

// ModifyRecipients changes the recipient table. [MS-OXCROPS] 2.2.6.5.1
type ModifyRecipients struct {
	Columns []mapi.Tag
	Rows    []ModifiedRecipient
}

func (*ModifyRecipients) ROP() ID { return IDModifyRecipients }

func (r *ModifyRecipients) code(c *wire.Coder) {
	c.Tags(&r.Columns, 2)
	wire.List(c, &r.Rows, 2, 7, func(c *wire.Coder, p *ModifiedRecipient) {
		c.Uint32(&p.RowID)
		c.Uint8(&p.RecipientType)
		c.Sized(2, func(c *wire.Coder) {
			if c.Reading() && c.Left() > 0 {
				p.Row = new(RecipientRow)
			}
			if p.Row != nil {
				p.Row.code(c, r.Columns)
			}
		})
	})
}

// ReadRecipients reads the recipient table from a row on.
// [MS-OXCROPS] 2.2.6.6.1
type ReadRecipients struct {
	RowID    uint32
	Reserved uint16
}

func (*ReadRecipients) ROP() ID { return IDReadRecipients }

func (r *ReadRecipients) code(c *wire.Coder) {
	c.Uint32(&r.RowID)
	c.Uint16(&r.Reserved)
}

// A ReadRecipient is a row with its number. [MS-OXCDATA] 2.8.3.3
type ReadRecipient struct {
	RowID uint32
	OpenRecipient
}

// ReadRecipientsResult is its answer. [MS-OXCROPS] 2.2.6.6.2
type ReadRecipientsResult struct {
	Rows []ReadRecipient

	cols []mapi.Tag
}

func (r *ReadRecipientsResult) columns(_ RequestBody, handle uint32, k *Columns) {
	r.cols = k.Get(handle)
}

func (r *ReadRecipientsResult) code(c *wire.Coder) {
	wire.List(c, &r.Rows, 1, 11, func(c *wire.Coder, p *ReadRecipient) {
		c.Uint32(&p.RowID)
		openRecipient(c, &p.OpenRecipient, r.cols)
	})
}

// GetMessageStatus asks for the status of a message in a folder.
// [MS-OXCROPS] 2.2.6.9.1
type GetMessageStatus struct{ MessageID ObjectID }

func (*GetMessageStatus) ROP() ID              { return IDGetMessageStatus }
func (r *GetMessageStatus) code(c *wire.Coder) { objectID(c, &r.MessageID) }

// SetMessageStatus changes the bits of Mask. [MS-OXCROPS] 2.2.6.8.1
type SetMessageStatus struct {
	MessageID          ObjectID
	MessageStatusFlags uint32
	Mask               uint32
}

func (*SetMessageStatus) ROP() ID { return IDSetMessageStatus }

func (r *SetMessageStatus) code(c *wire.Coder) {
	objectID(c, &r.MessageID)
	c.Uint32(&r.MessageStatusFlags)
	c.Uint32(&r.Mask)
}

// MessageStatusResult answers both, both with the RopId of [SetMessageStatus]:
// the status before. [MS-OXCROPS] 2.2.6.8.2, 2.2.6.9.2
type MessageStatusResult struct{ MessageStatusFlags uint32 }

func (r *MessageStatusResult) code(c *wire.Coder) { c.Uint32(&r.MessageStatusFlags) }

// ReadFlags of [SetReadFlags]. [MS-OXCMSG] 2.2.3.10.1
const (
	ReadFlagDefault     = 0x00 // mark as read
	SuppressReceipt     = 0x01
	FolderMessageDialog = 0x02
	ClearReadFlag       = 0x04
	GenerateReceiptOnly = 0x10
	ClearNotifyRead     = 0x20
	ClearNotifyUnread   = 0x40
)

// SetReadFlags marks messages of a folder as read or not.
// [MS-OXCROPS] 2.2.6.10.1
type SetReadFlags struct {
	WantAsynchronous bool
	ReadFlags        uint8
	MessageIDs       []ObjectID
}

func (*SetReadFlags) ROP() ID { return IDSetReadFlags }

func (r *SetReadFlags) code(c *wire.Coder) {
	c.Bool(&r.WantAsynchronous)
	c.Uint8(&r.ReadFlags)
	objectIDs(c, &r.MessageIDs)
}

// SetMessageReadFlag marks the message in In; Out is the handle that the answer
// names. Not supported: public folders, whose form has client data.
// [MS-OXCROPS] 2.2.6.11.1
type SetMessageReadFlag struct{ ReadFlags uint8 }

func (*SetMessageReadFlag) ROP() ID              { return IDSetMessageReadFlag }
func (r *SetMessageReadFlag) code(c *wire.Coder) { c.Uint8(&r.ReadFlags) }

// SetMessageReadFlagResult is its answer. [MS-OXCROPS] 2.2.6.11.2
type SetMessageReadFlagResult struct{ ReadStatusChanged bool }

func (r *SetMessageReadFlagResult) code(c *wire.Coder) { c.Bool(&r.ReadStatusChanged) }
