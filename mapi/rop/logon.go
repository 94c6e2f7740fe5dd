package rop

import (
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/internal/wire"
)

// LogonFlags of a [Logon]. [MS-OXCROPS] 2.2.3.1.1
const (
	LogonPrivate     = 0x01
	LogonUndercover  = 0x02
	LogonGhosted     = 0x04
	LogonSpoolerOnly = 0x08
)

// OpenFlags of a [Logon]. [MS-OXCSTOR] 2.2.1.1.1
const (
	OpenUseAdminPrivilege  = 0x00000001
	OpenPublic             = 0x00000002
	OpenHomeLogon          = 0x00000004
	OpenTakeOwnership      = 0x00000008
	OpenAlternateServer    = 0x00000100
	OpenIgnoreHomeMDB      = 0x00000200
	OpenNoMail             = 0x00000400
	OpenUsePerMDBReplidMap = 0x01000000
)

// Logon opens a mailbox. [MS-OXCROPS] 2.2.3.1.1
type Logon struct {
	LogonFlags uint8
	OpenFlags  uint32
	StoreState uint32
	// ESSDN is the mailbox's legacyExchangeDN.
	ESSDN string
}

func (*Logon) ROP() ID { return IDLogon }

func (r *Logon) code(c *wire.Coder) {
	c.Uint8(&r.LogonFlags)
	c.Uint32(&r.OpenFlags)
	c.Uint32(&r.StoreState)
	c.Sized(2, func(c *wire.Coder) {
		if r.ESSDN == "" && (c.Writing() || c.Left() == 0) {
			return
		}
		c.String8(&r.ESSDN)
	})
}

// Indexes of the special folders in a [LogonResult] of a private mailbox.
// [MS-OXCROPS] 2.2.3.1.2
const (
	FolderRoot = iota
	FolderDeferredAction
	FolderSpoolerQueue
	FolderIPMSubtree
	FolderInbox
	FolderOutbox
	FolderSentItems
	FolderDeletedItems
	FolderCommonViews
	FolderSchedule
	FolderSearch
	FolderViews
	FolderShortcuts
	folderCount
)

// LogonResult is what a mailbox says of itself. [MS-OXCROPS] 2.2.3.1.2
type LogonResult struct {
	LogonFlags    uint8
	Folders       [folderCount]ObjectID
	ResponseFlags uint8 // private mailboxes only, as the next
	MailboxGUID   mapi.GUID
	ReplicaID     uint16
	ReplicaGUID   mapi.GUID
	LogonTime     [8]byte // a private mailbox: second, minute, hour, day of week, day, month, year
	GwartTime     uint64
	StoreState    uint32
	PerUserGUID   mapi.GUID // public folders only
}

func (r *LogonResult) code(c *wire.Coder) {
	c.Uint8(&r.LogonFlags)
	for i := range r.Folders {
		objectID(c, &r.Folders[i])
	}
	private := r.LogonFlags&LogonPrivate != 0
	if private {
		c.Uint8(&r.ResponseFlags)
		c.GUID(&r.MailboxGUID)
	}
	c.Uint16(&r.ReplicaID)
	c.GUID(&r.ReplicaGUID)
	if !private {
		c.GUID(&r.PerUserGUID)
		return
	}
	c.Fixed(r.LogonTime[:])
	c.Uint64(&r.GwartTime)
	c.Uint32(&r.StoreState)
}

// LogonRedirect comes with [WrongServer]. [MS-OXCROPS] 2.2.3.1.4
type LogonRedirect struct {
	LogonFlags uint8
	ServerName string
}

func (r *LogonRedirect) code(c *wire.Coder) {
	c.Uint8(&r.LogonFlags)
	c.Sized(1, func(c *wire.Coder) { c.String8(&r.ServerName) })
}

// GetReceiveFolder asks where messages of a class arrive. [MS-OXCROPS] 2.2.3.2.1
type GetReceiveFolder struct{ MessageClass string }

func (*GetReceiveFolder) ROP() ID              { return IDGetReceiveFolder }
func (r *GetReceiveFolder) code(c *wire.Coder) { c.String8(&r.MessageClass) }

// GetReceiveFolderResult is its answer. [MS-OXCROPS] 2.2.3.2.2
type GetReceiveFolderResult struct {
	FolderID             ObjectID
	ExplicitMessageClass string
}

func (r *GetReceiveFolderResult) code(c *wire.Coder) {
	objectID(c, &r.FolderID)
	c.String8(&r.ExplicitMessageClass)
}

// SetReceiveFolder says where messages of a class arrive. [MS-OXCROPS] 2.2.3.3.1
type SetReceiveFolder struct {
	FolderID     ObjectID
	MessageClass string
}

func (*SetReceiveFolder) ROP() ID { return IDSetReceiveFolder }

func (r *SetReceiveFolder) code(c *wire.Coder) {
	objectID(c, &r.FolderID)
	c.String8(&r.MessageClass)
}

// GetReceiveFolderTable asks for all receive folders. [MS-OXCROPS] 2.2.3.4.1
type GetReceiveFolderTable struct{ empty }

func (*GetReceiveFolderTable) ROP() ID { return IDGetReceiveFolderTable }

// GetReceiveFolderTableResult is its answer. [MS-OXCROPS] 2.2.3.4.2
type GetReceiveFolderTableResult struct{ Rows []Row }

// receiveFolderColumns are fixed. [MS-OXCSTOR] 2.2.1.4.2
var receiveFolderColumns = []mapi.Tag{0x67480014, 0x001A001E, 0x30080040}

func (r *GetReceiveFolderTableResult) code(c *wire.Coder) {
	n := uint32(len(r.Rows))
	c.Uint32(&n)
	rows(c, &r.Rows, int(n), receiveFolderColumns)
}

// A LongTermID is an [ObjectID] with the replica's GUID in place of its number.
// [MS-OXCDATA] 2.2.1.3.1
type LongTermID struct {
	Replica mapi.GUID
	Counter [6]byte // high byte first
}

func (id *LongTermID) code(c *wire.Coder) {
	var pad [2]byte
	c.GUID(&id.Replica)
	c.Fixed(id.Counter[:])
	c.Fixed(pad[:])
}

// LongTermIDFromID asks for the long form. [MS-OXCROPS] 2.2.3.8.1
type LongTermIDFromID struct{ ObjectID ObjectID }

func (*LongTermIDFromID) ROP() ID              { return IDLongTermIdFromId }
func (r *LongTermIDFromID) code(c *wire.Coder) { objectID(c, &r.ObjectID) }

// LongTermIDFromIDResult is its answer. [MS-OXCROPS] 2.2.3.8.2
type LongTermIDFromIDResult struct{ LongTermID LongTermID }

func (r *LongTermIDFromIDResult) code(c *wire.Coder) { r.LongTermID.code(c) }

// IDFromLongTermID asks for the short form. [MS-OXCROPS] 2.2.3.9.1
type IDFromLongTermID struct{ LongTermID LongTermID }

func (*IDFromLongTermID) ROP() ID              { return IDIdFromLongTermId }
func (r *IDFromLongTermID) code(c *wire.Coder) { r.LongTermID.code(c) }

// IDFromLongTermIDResult is its answer. [MS-OXCROPS] 2.2.3.9.2
type IDFromLongTermIDResult struct{ ObjectID ObjectID }

func (r *IDFromLongTermIDResult) code(c *wire.Coder) { objectID(c, &r.ObjectID) }

// GetStoreState asks for the state of a mailbox. [MS-OXCROPS] 2.2.3.5.1
type GetStoreState struct{ empty }

func (*GetStoreState) ROP() ID { return IDGetStoreState }

// GetStoreStateResult is its answer. [MS-OXCROPS] 2.2.3.5.2
type GetStoreStateResult struct{ StoreState uint32 }

func (r *GetStoreStateResult) code(c *wire.Coder) { c.Uint32(&r.StoreState) }

// Release gives a server object back. It has no answer. [MS-OXCROPS] 2.2.15.3.1
type Release struct{ empty }

func (*Release) ROP() ID { return IDRelease }

// empty is a body without fields.
type empty struct{}

func (*empty) code(*wire.Coder) {}
