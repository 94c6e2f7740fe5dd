package rop

import (
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/internal/wire"
)

// SendOptions of a transfer. [MS-OXCFXICS] 2.2.3.1.1.1.2
const (
	SendUnicode      = 0x01
	SendUseCpid      = 0x02
	SendForUpload    = SendUnicode | SendUseCpid
	SendRecoverMode  = 0x04
	SendForceUnicode = 0x08
	SendPartialItem  = 0x10
)

// CopyFlags of [FastTransferSourceCopyTo], CopyMessages and CopyFolder.
// [MS-OXCFXICS] 2.2.3.1.1.1.1, 2.2.3.1.1.3.1, 2.2.3.1.1.4.1
const (
	CopyToMove           = 0x00000001
	CopyToBestBody       = 0x00002000
	MessagesMove         = 0x01
	MessagesBestBody     = 0x10
	MessagesSendEntryID  = 0x20
	FolderMove           = 0x01
	FolderCopySubfolders = 0x10
)

// FastTransferSourceCopyTo begins a download of an object without the
// properties in Excluded. [MS-OXCROPS] 2.2.12.6.1
type FastTransferSourceCopyTo struct {
	Level       uint8 // 0 is with subobjects
	CopyFlags   uint32
	SendOptions uint8
	Excluded    []mapi.Tag
}

func (*FastTransferSourceCopyTo) ROP() ID { return IDFastTransferSourceCopyTo }

func (r *FastTransferSourceCopyTo) code(c *wire.Coder) {
	c.Uint8(&r.Level)
	c.Uint32(&r.CopyFlags)
	c.Uint8(&r.SendOptions)
	c.Tags(&r.Excluded, 2)
}

// FastTransferSourceCopyProperties begins a download of some properties of an
// object. [MS-OXCROPS] 2.2.12.7.1
type FastTransferSourceCopyProperties struct {
	Level       uint8
	CopyFlags   uint8
	SendOptions uint8
	Tags        []mapi.Tag
}

func (*FastTransferSourceCopyProperties) ROP() ID { return IDFastTransferSourceCopyProperties }

func (r *FastTransferSourceCopyProperties) code(c *wire.Coder) {
	c.Uint8(&r.Level)
	c.Uint8(&r.CopyFlags)
	c.Uint8(&r.SendOptions)
	c.Tags(&r.Tags, 2)
}

// FastTransferSourceCopyMessages begins a download of messages of the folder
// in In. [MS-OXCROPS] 2.2.12.5.1
type FastTransferSourceCopyMessages struct {
	MessageIDs  []ObjectID
	CopyFlags   uint8
	SendOptions uint8
}

func (*FastTransferSourceCopyMessages) ROP() ID { return IDFastTransferSourceCopyMessages }

func (r *FastTransferSourceCopyMessages) code(c *wire.Coder) {
	objectIDs(c, &r.MessageIDs)
	c.Uint8(&r.CopyFlags)
	c.Uint8(&r.SendOptions)
}

// FastTransferSourceCopyFolder begins a download of a folder.
// [MS-OXCROPS] 2.2.12.4.1
type FastTransferSourceCopyFolder struct {
	CopyFlags   uint8
	SendOptions uint8
}

func (*FastTransferSourceCopyFolder) ROP() ID { return IDFastTransferSourceCopyFolder }

func (r *FastTransferSourceCopyFolder) code(c *wire.Coder) {
	c.Uint8(&r.CopyFlags)
	c.Uint8(&r.SendOptions)
}

// FastTransferSourceGetBuffer reads the next piece of a download. With
// BufferSize [LongCount] the server gives what fits, up to MaximumBufferSize.
// [MS-OXCROPS] 2.2.12.3.1
type FastTransferSourceGetBuffer struct {
	BufferSize        uint16
	MaximumBufferSize uint16
}

func (*FastTransferSourceGetBuffer) ROP() ID { return IDFastTransferSourceGetBuffer }

func (r *FastTransferSourceGetBuffer) code(c *wire.Coder) {
	if c.Uint16(&r.BufferSize); r.BufferSize == LongCount {
		c.Uint16(&r.MaximumBufferSize)
	}
}

// TransferStatus of a download. [MS-OXCFXICS] 2.2.3.1.1.5.2
const (
	TransferError   = 0x0000
	TransferPartial = 0x0001
	TransferNoRoom  = 0x0002
	TransferDone    = 0x0003
)

// FastTransferSourceGetBufferResult is its answer. [MS-OXCROPS] 2.2.12.3.2
type FastTransferSourceGetBufferResult struct {
	TransferStatus  uint16
	InProgressCount uint16
	TotalStepCount  uint16
	Reserved        uint8
	Data            []byte
}

func (r *FastTransferSourceGetBufferResult) code(c *wire.Coder) {
	c.Uint16(&r.TransferStatus)
	c.Uint16(&r.InProgressCount)
	c.Uint16(&r.TotalStepCount)
	c.Uint8(&r.Reserved)
	c.Data(&r.Data, 2)
}

// FastTransferBackoff comes with [ServerBusy]: milliseconds to wait.
// [MS-OXCFXICS] 2.2.3.1.1.5.2
type FastTransferBackoff struct {
	TransferStatus     uint16
	InProgressCount    uint16
	TotalStepCount     uint16
	Reserved           uint8
	TransferBufferSize uint16
	BackoffTime        uint32
}

func (r *FastTransferBackoff) code(c *wire.Coder) {
	c.Uint16(&r.TransferStatus)
	c.Uint16(&r.InProgressCount)
	c.Uint16(&r.TotalStepCount)
	c.Uint8(&r.Reserved)
	c.Uint16(&r.TransferBufferSize)
	c.Uint32(&r.BackoffTime)
}

// SourceOperation of an upload: what made the stream.
// [MS-OXCFXICS] 2.2.3.1.2.1.1
const (
	FromCopyTo         = 1
	FromCopyProperties = 2
	FromCopyMessages   = 3
	FromCopyFolder     = 4
)

// FastTransferDestinationConfigure begins an upload into an object.
// [MS-OXCROPS] 2.2.12.1.1
type FastTransferDestinationConfigure struct {
	SourceOperation uint8
	CopyFlags       uint8
}

func (*FastTransferDestinationConfigure) ROP() ID { return IDFastTransferDestinationConfigure }

func (r *FastTransferDestinationConfigure) code(c *wire.Coder) {
	c.Uint8(&r.SourceOperation)
	c.Uint8(&r.CopyFlags)
}

// FastTransferDestinationPutBuffer writes the next piece of an upload.
// [MS-OXCROPS] 2.2.12.2.1
type FastTransferDestinationPutBuffer struct{ Data []byte }

func (*FastTransferDestinationPutBuffer) ROP() ID              { return IDFastTransferDestinationPutBuffer }
func (r *FastTransferDestinationPutBuffer) code(c *wire.Coder) { c.Data(&r.Data, 2) }

// FastTransferDestinationPutBufferResult is its answer, also where it failed.
// [MS-OXCROPS] 2.2.12.2.2
type FastTransferDestinationPutBufferResult struct {
	TransferStatus  uint16
	InProgressCount uint16
	TotalStepCount  uint16
	Reserved        uint8
	BufferUsedSize  uint16
}

func (r *FastTransferDestinationPutBufferResult) code(c *wire.Coder) {
	c.Uint16(&r.TransferStatus)
	c.Uint16(&r.InProgressCount)
	c.Uint16(&r.TotalStepCount)
	c.Uint8(&r.Reserved)
	c.Uint16(&r.BufferUsedSize)
}

// FastTransferDestinationPutBufferExtended is the same with wider counts in its
// answer. [MS-OXCROPS] 2.2.12.3.1
type FastTransferDestinationPutBufferExtended struct {
	FastTransferDestinationPutBuffer
}

func (*FastTransferDestinationPutBufferExtended) ROP() ID {
	return IDFastTransferDestinationPutBufferExtended
}

// FastTransferDestinationPutBufferExtendedResult is its answer.
// [MS-OXCROPS] 2.2.12.3.2
type FastTransferDestinationPutBufferExtendedResult struct {
	TransferStatus  uint16
	InProgressCount uint32
	TotalStepCount  uint32
	Reserved        uint8
	BufferUsedSize  uint16
}

func (r *FastTransferDestinationPutBufferExtendedResult) code(c *wire.Coder) {
	c.Uint16(&r.TransferStatus)
	c.Uint32(&r.InProgressCount)
	c.Uint32(&r.TotalStepCount)
	c.Uint8(&r.Reserved)
	c.Uint16(&r.BufferUsedSize)
}

// TellVersion tells the other server's version. [MS-OXCROPS] 2.2.12.8.1
type TellVersion struct{ Version [3]uint16 }

func (*TellVersion) ROP() ID { return IDTellVersion }

func (r *TellVersion) code(c *wire.Coder) {
	for i := range r.Version {
		c.Uint16(&r.Version[i])
	}
}
