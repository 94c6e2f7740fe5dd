package rop

import (
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/internal/wire"
)

// NotificationFlags are the type of an event and what its fields are.
// [MS-OXCNOTIF] 2.2.1.4.1.2
type NotificationFlags uint16

// Types of events, as asked for and as told.
const (
	NewMail        NotificationFlags = 0x0002
	CreatedObject  NotificationFlags = 0x0004
	DeletedObject  NotificationFlags = 0x0008
	ModifiedObject NotificationFlags = 0x0010
	MovedObject    NotificationFlags = 0x0020
	CopiedObject   NotificationFlags = 0x0040
	SearchComplete NotificationFlags = 0x0080
	TableModified  NotificationFlags = 0x0100
	Extended       NotificationFlags = 0x0400
	typeMask       NotificationFlags = 0x0FFF

	// TotalChanged, UnreadChanged, InSearchFolder and OfMessage say which
	// fields an event has.
	TotalChanged   NotificationFlags = 0x1000
	UnreadChanged  NotificationFlags = 0x2000
	InSearchFolder NotificationFlags = 0x4000
	OfMessage      NotificationFlags = 0x8000
)

// RegisterNotification asks to be told of events. [MS-OXCROPS] 2.2.14.1.1
type RegisterNotification struct {
	Types          NotificationFlags
	Reserved       uint8
	WantWholeStore bool
	FolderID       ObjectID // these two not with WantWholeStore
	MessageID      ObjectID
}

func (*RegisterNotification) ROP() ID { return IDRegisterNotification }

func (r *RegisterNotification) code(c *wire.Coder) {
	flags := uint16(r.Types)
	if c.Uint16(&flags); c.Reading() {
		r.Types = NotificationFlags(flags)
	}
	if r.Types&Extended != 0 {
		c.Uint8(&r.Reserved)
	}
	if c.Bool(&r.WantWholeStore); !r.WantWholeStore {
		objectID(c, &r.FolderID)
		objectID(c, &r.MessageID)
	}
}

// Table events. [MS-OXCNOTIF] 2.2.1.1.1
const (
	TableChanged            = 0x0001
	TableRowAdded           = 0x0003
	TableRowDeleted         = 0x0004
	TableRowModified        = 0x0005
	TableRestrictionChanged = 0x0007
)

// Notify tells of an event; it comes without being asked for, after other
// answers. [MS-OXCROPS] 2.2.14.2.1, [MS-OXCNOTIF] 2.2.1.4.1.2
type Notify struct {
	NotificationHandle uint32
	Logon              uint8
	Flags              NotificationFlags

	// TableModified only.
	TableEvent                    uint16
	RowFolderID, RowMessageID     ObjectID
	RowInstance                   uint32
	AfterFolderID, AfterMessageID ObjectID
	AfterInstance                 uint32
	RowData                       []byte // a [Row] under the table's columns, see [Notify.Row]

	FolderID, MessageID, ParentFolderID          ObjectID
	OldFolderID, OldMessageID, OldParentFolderID ObjectID
	Tags                                         []mapi.Tag
	NoTags                                       bool // a count of 0xFFFF stands for no list
	TotalMessageCount                            uint32
	UnreadMessageCount                           uint32
	MessageFlags                                 uint32
	Unicode                                      bool
	MessageClass                                 string
}

// Type is the kind of event.
func (r *Notify) Type() NotificationFlags { return r.Flags & typeMask }

// Row reads RowData under the columns of the table.
func (r *Notify) Row(columns []mapi.Tag, charset mapi.Charset) (Row, error) {
	c := wire.NewReader(r.RowData)
	c.Charset = charset
	row := Row{Columns: columns}
	row.code(c)
	return row, c.Err()
}

func (r *Notify) code(c *wire.Coder) {
	c.Uint32(&r.NotificationHandle)
	c.Uint8(&r.Logon)
	flags := uint16(r.Flags)
	if c.Uint16(&flags); c.Reading() {
		r.Flags = NotificationFlags(flags)
	}
	switch r.Type() {
	case TableModified:
		r.table(c)
	case NewMail, CreatedObject, DeletedObject, ModifiedObject, MovedObject, CopiedObject, SearchComplete:
		r.object(c)
	default:
		c.Failf("an event of type 0x%04X", uint16(r.Type()))
	}
}

func (r *Notify) table(c *wire.Coder) {
	message := r.Flags&OfMessage != 0
	c.Uint16(&r.TableEvent)
	switch r.TableEvent {
	case TableRowAdded, TableRowDeleted, TableRowModified:
	default:
		return
	}
	objectID(c, &r.RowFolderID)
	if message {
		objectID(c, &r.RowMessageID)
		c.Uint32(&r.RowInstance)
	}
	if r.TableEvent == TableRowDeleted {
		return
	}
	objectID(c, &r.AfterFolderID)
	if message {
		objectID(c, &r.AfterMessageID)
		c.Uint32(&r.AfterInstance)
	}
	c.Data(&r.RowData, 2)
}

func (r *Notify) object(c *wire.Coder) {
	message := r.Flags&OfMessage != 0
	t := r.Type()
	moved := t == MovedObject || t == CopiedObject
	objectID(c, &r.FolderID)
	if message {
		objectID(c, &r.MessageID)
	}
	if (t == CreatedObject || t == DeletedObject || moved) && (r.Flags&InSearchFolder != 0) == message {
		objectID(c, &r.ParentFolderID)
	}
	if moved {
		objectID(c, &r.OldFolderID)
		if message {
			objectID(c, &r.OldMessageID)
		} else {
			objectID(c, &r.OldParentFolderID)
		}
	}
	if t == CreatedObject || t == ModifiedObject {
		r.tags(c)
	}
	if r.Flags&TotalChanged != 0 {
		c.Uint32(&r.TotalMessageCount)
	}
	if r.Flags&UnreadChanged != 0 {
		c.Uint32(&r.UnreadMessageCount)
	}
	if t == NewMail {
		c.Uint32(&r.MessageFlags)
		c.Bool(&r.Unicode)
		c.Text(&r.MessageClass, r.Unicode)
	}
}

func (r *Notify) tags(c *wire.Coder) {
	n := uint16(len(r.Tags))
	if r.NoTags {
		n = 0xFFFF
	}
	if c.Uint16(&n); c.Reading() {
		r.NoTags = n == 0xFFFF
	}
	if n != 0xFFFF {
		wire.Items(c, &r.Tags, int(n), 4, func(c *wire.Coder, t *mapi.Tag) { c.Tag(t) })
	}
}

// Pending says that another session has notifications. [MS-OXCROPS] 2.2.14.3.1
type Pending struct{ SessionIndex uint16 }

func (r *Pending) code(c *wire.Coder) { c.Uint16(&r.SessionIndex) }

// A BackoffROP is how long to wait before one kind of operation.
// [MS-OXCROPS] 2.2.15.2.1.1
type BackoffROP struct {
	ROP      ID
	Duration uint32 // milliseconds
}

// Backoff asks the client to wait before it sends more operations in a logon.
// [MS-OXCROPS] 2.2.15.2.1
type Backoff struct {
	Logon          uint8
	Duration       uint32 // milliseconds
	ROPs           []BackoffROP
	AdditionalData []byte
}

func (r *Backoff) code(c *wire.Coder) {
	c.Uint8(&r.Logon)
	c.Uint32(&r.Duration)
	wire.List(c, &r.ROPs, 1, 5, func(c *wire.Coder, p *BackoffROP) {
		id := uint8(p.ROP)
		if c.Uint8(&id); c.Reading() {
			p.ROP = ID(id)
		}
		c.Uint32(&p.Duration)
	})
	c.Data(&r.AdditionalData, 2)
}

// TooSmall stands where the answers no longer fit: what it holds of the request
// buffer was not done. [MS-OXCROPS] 2.2.15.1.1
type TooSmall struct {
	SizeNeeded uint16
	Requests   []byte
}

func (r *TooSmall) code(c *wire.Coder) {
	c.Uint16(&r.SizeNeeded)
	c.Rest(&r.Requests)
}
