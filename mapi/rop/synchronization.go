package rop

import (
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/internal/wire"
)

// SynchronizationType. [MS-OXCFXICS] 2.2.3.2.1.1.1
const (
	SyncContents  = 0x01
	SyncHierarchy = 0x02
)

// SynchronizationFlags. [MS-OXCFXICS] 2.2.3.2.1.1.1
const (
	SyncUnicode               = 0x0001
	SyncNoDeletions           = 0x0002
	SyncIgnoreNoLongerInScope = 0x0004
	SyncReadState             = 0x0008
	SyncFAI                   = 0x0010
	SyncNormal                = 0x0020
	SyncOnlySpecifiedProps    = 0x0080
	SyncNoForeignIdentifiers  = 0x0100
	SyncBestBody              = 0x2000
	SyncIgnoreSpecifiedOnFAI  = 0x4000
	SyncProgress              = 0x8000
)

// SynchronizationExtraFlags. [MS-OXCFXICS] 2.2.3.2.1.1.1
const (
	SyncExtraEID             = 0x00000001
	SyncExtraMessageSize     = 0x00000002
	SyncExtraCN              = 0x00000004
	SyncExtraOrderByDelivery = 0x00000008
)

// Properties of a synchronization state. [MS-OXCFXICS] 2.2.1.1
const (
	StateIdsetGiven mapi.Tag = 0x40170003
	StateCnsetSeen  mapi.Tag = 0x67960102
	StateCnsetFAI   mapi.Tag = 0x67DA0102
	StateCnsetRead  mapi.Tag = 0x67D20102
)

// SynchronizationConfigure begins a download of what changed in the folder in
// In. [MS-OXCROPS] 2.2.13.1.1
type SynchronizationConfigure struct {
	SynchronizationType uint8
	SendOptions         uint8
	Flags               uint16
	Restriction         Restriction // nil is none
	ExtraFlags          uint32
	Tags                []mapi.Tag
}

func (*SynchronizationConfigure) ROP() ID { return IDSynchronizationConfigure }

func (r *SynchronizationConfigure) code(c *wire.Coder) {
	c.Uint8(&r.SynchronizationType)
	c.Uint8(&r.SendOptions)
	c.Uint16(&r.Flags)
	sizedRestriction(c, &r.Restriction)
	c.Uint32(&r.ExtraFlags)
	c.Tags(&r.Tags, 2)
}

// SynchronizationUploadStateStreamBegin begins one property of the state.
// [MS-OXCROPS] 2.2.13.9.1
type SynchronizationUploadStateStreamBegin struct {
	StateProperty      mapi.Tag
	TransferBufferSize uint32
}

func (*SynchronizationUploadStateStreamBegin) ROP() ID {
	return IDSynchronizationUploadStateStreamBegin
}

func (r *SynchronizationUploadStateStreamBegin) code(c *wire.Coder) {
	c.Tag(&r.StateProperty)
	c.Uint32(&r.TransferBufferSize)
}

// SynchronizationUploadStateStreamContinue is a piece of it.
// [MS-OXCROPS] 2.2.13.10.1
type SynchronizationUploadStateStreamContinue struct{ Data []byte }

func (*SynchronizationUploadStateStreamContinue) ROP() ID {
	return IDSynchronizationUploadStateStreamContinue
}

func (r *SynchronizationUploadStateStreamContinue) code(c *wire.Coder) { c.Data(&r.Data, 4) }

// SynchronizationUploadStateStreamEnd ends it. [MS-OXCROPS] 2.2.13.11.1
type SynchronizationUploadStateStreamEnd struct{ empty }

func (*SynchronizationUploadStateStreamEnd) ROP() ID { return IDSynchronizationUploadStateStreamEnd }

// SynchronizationOpenCollector begins an upload of changes.
// [MS-OXCROPS] 2.2.13.7.1
type SynchronizationOpenCollector struct{ IsContentsCollector bool }

func (*SynchronizationOpenCollector) ROP() ID              { return IDSynchronizationOpenCollector }
func (r *SynchronizationOpenCollector) code(c *wire.Coder) { c.Bool(&r.IsContentsCollector) }

// ImportFlag of [SynchronizationImportMessageChange].
// [MS-OXCFXICS] 2.2.3.2.4.2.1
const (
	ImportAssociated     = 0x10
	ImportFailOnConflict = 0x40
)

// SynchronizationImportMessageChange makes or opens a message with the source
// key, time, change key and change list in Props. [MS-OXCROPS] 2.2.13.2.1
type SynchronizationImportMessageChange struct {
	ImportFlag uint8
	Props      mapi.Properties
}

func (*SynchronizationImportMessageChange) ROP() ID { return IDSynchronizationImportMessageChange }

func (r *SynchronizationImportMessageChange) code(c *wire.Coder) {
	c.Uint8(&r.ImportFlag)
	c.Properties(&r.Props, 2, wire.ROP)
}

// ImportedResult answers the imports of a change or a move; the identifier may
// be 0. [MS-OXCROPS] 2.2.13.2.2
type ImportedResult struct{ ObjectID ObjectID }

func (r *ImportedResult) code(c *wire.Coder) { objectID(c, &r.ObjectID) }

// SynchronizationImportHierarchyChange makes or changes a folder.
// [MS-OXCROPS] 2.2.13.4.1
type SynchronizationImportHierarchyChange struct{ Hierarchy, Props mapi.Properties }

func (*SynchronizationImportHierarchyChange) ROP() ID { return IDSynchronizationImportHierarchyChange }

func (r *SynchronizationImportHierarchyChange) code(c *wire.Coder) {
	c.Properties(&r.Hierarchy, 2, wire.ROP)
	c.Properties(&r.Props, 2, wire.ROP)
}

// SynchronizationImportMessageMove moves a message into the collector's folder.
// [MS-OXCROPS] 2.2.13.6.1
type SynchronizationImportMessageMove struct {
	SourceFolderID        []byte
	SourceMessageID       []byte
	PredecessorChangeList []byte
	DestinationMessageID  []byte
	ChangeNumber          []byte
}

func (*SynchronizationImportMessageMove) ROP() ID { return IDSynchronizationImportMessageMove }

func (r *SynchronizationImportMessageMove) code(c *wire.Coder) {
	c.Data(&r.SourceFolderID, 4)
	c.Data(&r.SourceMessageID, 4)
	c.Data(&r.PredecessorChangeList, 4)
	c.Data(&r.DestinationMessageID, 4)
	c.Data(&r.ChangeNumber, 4)
}

// SynchronizationImportDeletes deletes the objects whose source keys are in
// Props. [MS-OXCROPS] 2.2.13.5.1
type SynchronizationImportDeletes struct {
	Flags uint8 // 1 is folders, 2 is for good
	Props mapi.Properties
}

func (*SynchronizationImportDeletes) ROP() ID { return IDSynchronizationImportDeletes }

func (r *SynchronizationImportDeletes) code(c *wire.Coder) {
	c.Uint8(&r.Flags)
	c.Properties(&r.Props, 2, wire.ROP)
}

// A ReadStateChange says whether a message was read. [MS-OXCROPS] 2.2.13.3.1.1
type ReadStateChange struct {
	SourceKey  []byte
	MarkAsRead bool
}

// SynchronizationImportReadStateChanges marks messages as read or not.
// [MS-OXCROPS] 2.2.13.3.1
type SynchronizationImportReadStateChanges struct{ Changes []ReadStateChange }

func (*SynchronizationImportReadStateChanges) ROP() ID {
	return IDSynchronizationImportReadStateChanges
}

func (r *SynchronizationImportReadStateChanges) code(c *wire.Coder) {
	c.Sized(2, func(c *wire.Coder) {
		if c.Reading() {
			r.Changes = nil
		}
		for i := 0; c.Left() > 0 || i < len(r.Changes) && c.Writing(); i++ {
			if c.Reading() {
				r.Changes = append(r.Changes, ReadStateChange{})
			}
			c.Data(&r.Changes[i].SourceKey, 2)
			c.Bool(&r.Changes[i].MarkAsRead)
		}
	})
}

// SynchronizationGetTransferState opens the state of a collector as a
// download. [MS-OXCROPS] 2.2.13.8.1
type SynchronizationGetTransferState struct{ empty }

func (*SynchronizationGetTransferState) ROP() ID { return IDSynchronizationGetTransferState }

// GetLocalReplicaIDs sets counters aside for the client.
// [MS-OXCROPS] 2.2.13.13.1
type GetLocalReplicaIDs struct{ IDCount uint32 }

func (*GetLocalReplicaIDs) ROP() ID              { return IDGetLocalReplicaIds }
func (r *GetLocalReplicaIDs) code(c *wire.Coder) { c.Uint32(&r.IDCount) }

// GetLocalReplicaIDsResult is the first of them. [MS-OXCROPS] 2.2.13.13.2
type GetLocalReplicaIDsResult struct {
	Replica mapi.GUID
	Counter [6]byte // high byte first
}

func (r *GetLocalReplicaIDsResult) code(c *wire.Coder) {
	c.GUID(&r.Replica)
	c.Fixed(r.Counter[:])
}

// A LongTermIDRange is from Min to Max. [MS-OXCROPS] 2.2.13.12.1.1
type LongTermIDRange struct{ Min, Max LongTermID }

// SetLocalReplicaMidsetDeleted says which identifiers will not be used.
// [MS-OXCROPS] 2.2.13.12.1
type SetLocalReplicaMidsetDeleted struct{ Ranges []LongTermIDRange }

func (*SetLocalReplicaMidsetDeleted) ROP() ID { return IDSetLocalReplicaMidsetDeleted }

func (r *SetLocalReplicaMidsetDeleted) code(c *wire.Coder) {
	c.Sized(2, func(c *wire.Coder) {
		wire.List(c, &r.Ranges, 4, 48, func(c *wire.Coder, p *LongTermIDRange) {
			p.Min.code(c)
			p.Max.code(c)
		})
	})
}
