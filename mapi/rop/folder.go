package rop

import "github.com/mailconv/mailconv/mapi/internal/wire"

// OpenModeFlags of folders, messages and streams. [MS-OXCROPS] 2.2.4.1.1,
// [MS-OXCMSG] 2.2.3.1.1, [MS-OXCPRPT] 2.2.14.1
const (
	ReadOnly        = 0x00
	ReadWrite       = 0x01
	Create          = 0x02
	BestAccess      = 0x03
	OpenSoftDeleted = 0x04
)

// OpenFolder opens a folder. [MS-OXCROPS] 2.2.4.1.1
type OpenFolder struct {
	FolderID      ObjectID
	OpenModeFlags uint8
}

func (*OpenFolder) ROP() ID { return IDOpenFolder }

func (r *OpenFolder) code(c *wire.Coder) {
	objectID(c, &r.FolderID)
	c.Uint8(&r.OpenModeFlags)
}

// Ghost says whether a folder has rules, and of a public folder that is kept
// elsewhere where. [MS-OXCROPS] 2.2.4.1.2
type Ghost struct {
	HasRules         bool
	IsGhosted        bool
	CheapServerCount uint16
	Servers          []string
}

func (g *Ghost) code(c *wire.Coder) {
	c.Bool(&g.HasRules)
	c.Bool(&g.IsGhosted)
	if !g.IsGhosted {
		return
	}
	n := uint16(len(g.Servers))
	c.Uint16(&n)
	c.Uint16(&g.CheapServerCount)
	wire.Items(c, &g.Servers, int(n), 1, func(c *wire.Coder, s *string) { c.String8(s) })
}

// OpenFolderResult is its answer. [MS-OXCROPS] 2.2.4.1.2
type OpenFolderResult struct{ Ghost }

// Folder types. [MS-OXCFOLD] 2.2.1.2.1
const (
	GenericFolder = 1
	SearchFolder  = 2
)

// CreateFolder makes a folder. [MS-OXCROPS] 2.2.4.2.1
type CreateFolder struct {
	FolderType   uint8
	Unicode      bool
	OpenExisting bool
	Reserved     uint8
	DisplayName  string
	Comment      string
}

func (*CreateFolder) ROP() ID { return IDCreateFolder }

func (r *CreateFolder) code(c *wire.Coder) {
	c.Uint8(&r.FolderType)
	c.Bool(&r.Unicode)
	c.Bool(&r.OpenExisting)
	c.Uint8(&r.Reserved)
	c.Text(&r.DisplayName, r.Unicode)
	c.Text(&r.Comment, r.Unicode)
}

// CreateFolderResult is its answer. [MS-OXCROPS] 2.2.4.2.2
type CreateFolderResult struct {
	FolderID         ObjectID
	IsExistingFolder bool
	Ghost            // of a folder that was there before
}

func (r *CreateFolderResult) code(c *wire.Coder) {
	objectID(c, &r.FolderID)
	c.Bool(&r.IsExistingFolder)
	if r.IsExistingFolder {
		r.Ghost.code(c)
	}
}

// DeleteFolderFlags. [MS-OXCFOLD] 2.2.1.3.1
const (
	DeleteMessagesToo = 0x01
	DeleteFoldersToo  = 0x04
	DeleteHard        = 0x10
)

// DeleteFolder deletes a folder within the one in In. [MS-OXCROPS] 2.2.4.3.1
type DeleteFolder struct {
	DeleteFolderFlags uint8
	FolderID          ObjectID
}

func (*DeleteFolder) ROP() ID { return IDDeleteFolder }

func (r *DeleteFolder) code(c *wire.Coder) {
	c.Uint8(&r.DeleteFolderFlags)
	objectID(c, &r.FolderID)
}

// PartialResult says that an operation on several objects was not done on all
// of them. It answers deletes, moves and copies, and [SetReadFlags].
type PartialResult struct{ PartialCompletion bool }

func (r *PartialResult) code(c *wire.Coder) { c.Bool(&r.PartialCompletion) }

// NullDestination comes with [NullDestinationObject] from moves and copies.
// [MS-OXCROPS] 2.2.4.6.3
type NullDestination struct {
	DestHandleIndex   uint32
	PartialCompletion bool
}

func (r *NullDestination) code(c *wire.Coder) {
	c.Uint32(&r.DestHandleIndex)
	c.Bool(&r.PartialCompletion)
}

// SetSearchCriteria makes a search folder search. [MS-OXCROPS] 2.2.4.4.1
type SetSearchCriteria struct {
	Restriction Restriction // nil keeps the one before
	FolderIDs   []ObjectID
	SearchFlags uint32
}

func (*SetSearchCriteria) ROP() ID { return IDSetSearchCriteria }

func (r *SetSearchCriteria) code(c *wire.Coder) {
	sizedRestriction(c, &r.Restriction)
	objectIDs(c, &r.FolderIDs)
	c.Uint32(&r.SearchFlags)
}

// GetSearchCriteria asks what a search folder searches. [MS-OXCROPS] 2.2.4.5.1
type GetSearchCriteria struct {
	Unicode            bool
	IncludeRestriction bool
	IncludeFolders     bool
}

func (*GetSearchCriteria) ROP() ID { return IDGetSearchCriteria }

func (r *GetSearchCriteria) code(c *wire.Coder) {
	c.Bool(&r.Unicode)
	c.Bool(&r.IncludeRestriction)
	c.Bool(&r.IncludeFolders)
}

// GetSearchCriteriaResult is its answer. [MS-OXCROPS] 2.2.4.5.2
type GetSearchCriteriaResult struct {
	Restriction Restriction
	Logon       uint8
	FolderIDs   []ObjectID
	SearchFlags uint32
}

func (r *GetSearchCriteriaResult) code(c *wire.Coder) {
	sizedRestriction(c, &r.Restriction)
	c.Uint8(&r.Logon)
	objectIDs(c, &r.FolderIDs)
	c.Uint32(&r.SearchFlags)
}

// MoveCopyMessages moves or copies messages from the folder in In to that in
// Out. [MS-OXCROPS] 2.2.4.6.1
type MoveCopyMessages struct {
	MessageIDs       []ObjectID
	WantAsynchronous bool
	WantCopy         bool
}

func (*MoveCopyMessages) ROP() ID { return IDMoveCopyMessages }

func (r *MoveCopyMessages) code(c *wire.Coder) {
	objectIDs(c, &r.MessageIDs)
	c.Bool(&r.WantAsynchronous)
	c.Bool(&r.WantCopy)
}

// MoveFolder moves a folder from the one in In to that in Out.
// [MS-OXCROPS] 2.2.4.7.1
type MoveFolder struct {
	WantAsynchronous bool
	Unicode          bool
	FolderID         ObjectID
	NewFolderName    string
}

func (*MoveFolder) ROP() ID { return IDMoveFolder }

func (r *MoveFolder) code(c *wire.Coder) {
	c.Bool(&r.WantAsynchronous)
	c.Bool(&r.Unicode)
	objectID(c, &r.FolderID)
	c.Text(&r.NewFolderName, r.Unicode)
}

// CopyFolder copies a folder from the one in In to that in Out.
// [MS-OXCROPS] 2.2.4.8.1
type CopyFolder struct {
	WantAsynchronous bool
	WantRecursive    bool
	Unicode          bool
	FolderID         ObjectID
	NewFolderName    string
}

func (*CopyFolder) ROP() ID { return IDCopyFolder }

func (r *CopyFolder) code(c *wire.Coder) {
	c.Bool(&r.WantAsynchronous)
	c.Bool(&r.WantRecursive)
	c.Bool(&r.Unicode)
	objectID(c, &r.FolderID)
	c.Text(&r.NewFolderName, r.Unicode)
}

// EmptyFolder deletes what is in a folder. [MS-OXCROPS] 2.2.4.9.1
type EmptyFolder struct {
	WantAsynchronous     bool
	WantDeleteAssociated bool
}

func (*EmptyFolder) ROP() ID { return IDEmptyFolder }

func (r *EmptyFolder) code(c *wire.Coder) {
	c.Bool(&r.WantAsynchronous)
	c.Bool(&r.WantDeleteAssociated)
}

// HardDeleteMessagesAndSubfolders is [EmptyFolder] without a way back.
// [MS-OXCROPS] 2.2.4.10.1
type HardDeleteMessagesAndSubfolders struct{ EmptyFolder }

func (*HardDeleteMessagesAndSubfolders) ROP() ID { return IDHardDeleteMessagesAndSubfolders }

// DeleteMessages deletes messages so that they can be recovered.
// [MS-OXCROPS] 2.2.4.11.1
type DeleteMessages struct {
	WantAsynchronous bool
	NotifyNonRead    bool
	MessageIDs       []ObjectID
}

func (*DeleteMessages) ROP() ID { return IDDeleteMessages }

func (r *DeleteMessages) code(c *wire.Coder) {
	c.Bool(&r.WantAsynchronous)
	c.Bool(&r.NotifyNonRead)
	objectIDs(c, &r.MessageIDs)
}

// HardDeleteMessages deletes messages for good. [MS-OXCROPS] 2.2.4.12.1
type HardDeleteMessages struct{ DeleteMessages }

func (*HardDeleteMessages) ROP() ID { return IDHardDeleteMessages }

// Table flags of [GetHierarchyTable] and [GetContentsTable].
// [MS-OXCFOLD] 2.2.1.13.1, 2.2.1.14.1
const (
	TableAssociated         = 0x02
	TableDepth              = 0x04
	TableDeferredErrors     = 0x08
	TableNoNotifications    = 0x10
	TableSoftDeletes        = 0x20
	TableUseUnicode         = 0x40
	TableConversationMember = 0x80
)

// GetHierarchyTable opens the table of a folder's folders.
// [MS-OXCROPS] 2.2.4.13.1
type GetHierarchyTable struct{ TableFlags uint8 }

func (*GetHierarchyTable) ROP() ID              { return IDGetHierarchyTable }
func (r *GetHierarchyTable) code(c *wire.Coder) { c.Uint8(&r.TableFlags) }

// GetContentsTable opens the table of a folder's messages.
// [MS-OXCROPS] 2.2.4.14.1
type GetContentsTable struct{ TableFlags uint8 }

func (*GetContentsTable) ROP() ID              { return IDGetContentsTable }
func (r *GetContentsTable) code(c *wire.Coder) { c.Uint8(&r.TableFlags) }

// OpenTableResult answers both. The count can be an estimate.
// [MS-OXCROPS] 2.2.4.13.2
type OpenTableResult struct{ RowCount uint32 }

func (r *OpenTableResult) code(c *wire.Coder) { c.Uint32(&r.RowCount) }
