package rop

import (
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/internal/wire"
)

// LongCount in a 16-bit count says that a 32-bit one follows. Without it a
// server gives what fits. [MS-OXCROPS] 2.2.9.2.1
const LongCount = 0xBABE

// OpenStream opens a property as a stream. [MS-OXCROPS] 2.2.9.1.1
type OpenStream struct {
	Tag           mapi.Tag
	OpenModeFlags uint8
}

func (*OpenStream) ROP() ID { return IDOpenStream }

func (r *OpenStream) code(c *wire.Coder) {
	c.Tag(&r.Tag)
	c.Uint8(&r.OpenModeFlags)
}

// StreamSizeResult answers [OpenStream] and [GetStreamSize]; it also is that of
// [WriteStreamExtended]. [MS-OXCROPS] 2.2.9.1.2
type StreamSizeResult struct{ StreamSize uint32 }

func (r *StreamSizeResult) code(c *wire.Coder) { c.Uint32(&r.StreamSize) }

// ReadStream reads where the stream stands. With ByteCount [LongCount] it reads
// up to MaximumByteCount. [MS-OXCROPS] 2.2.9.2.1
type ReadStream struct {
	ByteCount        uint16
	MaximumByteCount uint32
}

func (*ReadStream) ROP() ID { return IDReadStream }

func (r *ReadStream) code(c *wire.Coder) {
	if c.Uint16(&r.ByteCount); r.ByteCount == LongCount {
		c.Uint32(&r.MaximumByteCount)
	}
}

// ReadStreamResult is its answer; no data is the end. [MS-OXCROPS] 2.2.9.2.2
type ReadStreamResult struct{ Data []byte }

func (r *ReadStreamResult) code(c *wire.Coder) { c.Data(&r.Data, 2) }

// WriteStream writes where the stream stands. [MS-OXCROPS] 2.2.9.3.1
type WriteStream struct{ Data []byte }

func (*WriteStream) ROP() ID              { return IDWriteStream }
func (r *WriteStream) code(c *wire.Coder) { c.Data(&r.Data, 2) }

// WriteAndCommitStream is [WriteStream] and [CommitStream] in one.
// [MS-OXCROPS] 2.2.9.10.1
type WriteAndCommitStream struct{ WriteStream }

func (*WriteAndCommitStream) ROP() ID { return IDWriteAndCommitStream }

// WriteStreamExtended is [WriteStream] with a wider answer.
// [MS-OXCROPS] 2.2.9.4.1
type WriteStreamExtended struct{ WriteStream }

func (*WriteStreamExtended) ROP() ID { return IDWriteStreamExtended }

// WriteStreamResult is how much was written. [MS-OXCROPS] 2.2.9.3.2
type WriteStreamResult struct{ WrittenSize uint16 }

func (r *WriteStreamResult) code(c *wire.Coder) { c.Uint16(&r.WrittenSize) }

// CommitStream makes what was written last. [MS-OXCROPS] 2.2.9.5.1
type CommitStream struct{ empty }

func (*CommitStream) ROP() ID { return IDCommitStream }

// GetStreamSize asks for the size. [MS-OXCROPS] 2.2.9.6.1
type GetStreamSize struct{ empty }

func (*GetStreamSize) ROP() ID { return IDGetStreamSize }

// SetStreamSize cuts a stream or makes it longer. [MS-OXCROPS] 2.2.9.7.1
type SetStreamSize struct{ StreamSize uint64 }

func (*SetStreamSize) ROP() ID              { return IDSetStreamSize }
func (r *SetStreamSize) code(c *wire.Coder) { c.Uint64(&r.StreamSize) }

// SeekStream moves in a stream: from its start (0), from where it stands (1),
// or from its end (2). [MS-OXCROPS] 2.2.9.8.1
type SeekStream struct {
	Origin uint8
	Offset uint64
}

func (*SeekStream) ROP() ID { return IDSeekStream }

func (r *SeekStream) code(c *wire.Coder) {
	c.Uint8(&r.Origin)
	c.Uint64(&r.Offset)
}

// SeekStreamResult is its answer. [MS-OXCROPS] 2.2.9.8.2
type SeekStreamResult struct{ NewPosition uint64 }

func (r *SeekStreamResult) code(c *wire.Coder) { c.Uint64(&r.NewPosition) }

// CopyToStream copies from the stream in In to that in Out.
// [MS-OXCROPS] 2.2.9.9.1
type CopyToStream struct{ ByteCount uint64 }

func (*CopyToStream) ROP() ID              { return IDCopyToStream }
func (r *CopyToStream) code(c *wire.Coder) { c.Uint64(&r.ByteCount) }

// CopyToStreamResult is its answer. [MS-OXCROPS] 2.2.9.9.2
type CopyToStreamResult struct{ ReadByteCount, WrittenByteCount uint64 }

func (r *CopyToStreamResult) code(c *wire.Coder) {
	c.Uint64(&r.ReadByteCount)
	c.Uint64(&r.WrittenByteCount)
}

// NullStreamDestination comes with [NullDestinationObject].
// [MS-OXCROPS] 2.2.9.9.3
type NullStreamDestination struct {
	DestHandleIndex uint32
	CopyToStreamResult
}

func (r *NullStreamDestination) code(c *wire.Coder) {
	c.Uint32(&r.DestHandleIndex)
	r.CopyToStreamResult.code(c)
}

// CloneStream opens a stream again. [MS-OXCROPS] 2.2.9.13.1
type CloneStream struct{ empty }

func (*CloneStream) ROP() ID { return IDCloneStream }

// LockRegionStream locks bytes. [MS-OXCROPS] 2.2.9.11.1
type LockRegionStream struct {
	RegionOffset, RegionSize uint64
	LockFlags                uint32
}

func (*LockRegionStream) ROP() ID { return IDLockRegionStream }

func (r *LockRegionStream) code(c *wire.Coder) {
	c.Uint64(&r.RegionOffset)
	c.Uint64(&r.RegionSize)
	c.Uint32(&r.LockFlags)
}

// UnlockRegionStream ends [LockRegionStream]. [MS-OXCROPS] 2.2.9.12.1
type UnlockRegionStream struct{ LockRegionStream }

func (*UnlockRegionStream) ROP() ID { return IDUnlockRegionStream }
