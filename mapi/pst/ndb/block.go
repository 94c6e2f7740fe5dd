package ndb

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"io"
	"sync"

	"github.com/mailconv/mailconv/mapi"
)

// A blockRef is an entry of the block B-tree. [MS-PST] 2.2.2.7.7.3
type blockRef struct {
	bid BID
	ib  int64
	cb  int // bytes on disk without padding and trailer
	n   int // bytes of data, after inflating
}

func (f *File) parseBBT(e []byte) blockRef {
	var r blockRef
	switch f.l.Kind {
	case ANSI:
		r.bid = BID(binary.LittleEndian.Uint32(e))
		r.ib = int64(binary.LittleEndian.Uint32(e[4:]))
		r.cb = int(binary.LittleEndian.Uint16(e[8:]))
		r.n = r.cb
	default:
		r.bid = BID(binary.LittleEndian.Uint64(e))
		r.ib = int64(binary.LittleEndian.Uint64(e[8:]))
		r.cb = int(binary.LittleEndian.Uint16(e[16:]))
		r.n = r.cb
		if f.l.Kind == Unicode4K {
			// The size after inflating; equal or 0 where it is not deflated.
			if n := int(binary.LittleEndian.Uint16(e[18:])); n != 0 {
				r.n = n
			}
		}
	}
	return r
}

// A bbtCursor remembers the leaf page of the last look-up: the blocks of one
// node mostly stand side by side in the tree.
type bbtCursor struct{ p *page }

func (f *File) findBlock(bid BID, c *bbtCursor) (blockRef, error) {
	key := uint64(bid &^ 1)
	if p := c.p; p != nil && p.n > 0 && !p.damaged && key >= p.key(0) && key <= p.key(p.n-1) {
		if i := p.search(key); i >= 0 && p.key(i) == key {
			return f.parseBBT(p.entry(i)), nil
		}
	}
	p, i, err := f.bbt.find(key)
	if err == ErrNotFound {
		// QUIRK: bit 0 is to be ignored, but may be stored.
		p, i, err = f.bbt.find(key | 1)
	}
	if err != nil {
		if r, ok := f.salvageBlock(bid); ok {
			return r, nil
		}
		return blockRef{}, err
	}
	c.p = p
	r := f.parseBBT(p.entry(i))
	if p.damaged {
		r = f.mend(r)
	}
	return r, nil
}

// mend looks at the block that an entry of a damaged page points to, and
// searches for it when it is not there.
func (f *File) mend(r blockRef) blockRef {
	raw := make([]byte, f.l.DiskSize(r.cb))
	if err := f.readAt(raw, r.ib); err == nil {
		t := f.l.blockTrailer(raw[len(raw)-f.l.BlockTrailer:])
		if t.bid&^1 == r.bid&^1 && int(t.cb) == r.cb || Checksum(raw[:r.cb]) == t.crc {
			if f.l.Kind == Unicode4K && int(t.cb) == r.cb {
				r.n = int(binary.LittleEndian.Uint16(raw[len(raw)-6:]))
			}
			return r
		}
	}
	if fixed, ok := f.resize(r); ok {
		return fixed
	}
	if fixed, ok := f.salvageBlock(r.bid); ok {
		return fixed
	}
	return r
}

// check compares a block's bytes with its trailer. It returns the data as it
// lies on disk (obfuscated, deflated) and what is wrong with it.
func (f *File) check(r blockRef, raw []byte, of Node) ([]byte, *mapi.Problem, error) {
	t := f.l.blockTrailer(raw[len(raw)-f.l.BlockTrailer:])
	data := raw[:r.cb]
	crcOK := Checksum(data) == t.crc
	same := t.bid&^1 == r.bid&^1
	whole := crcOK && same && int(t.cb) == r.cb
	// QUIRK: [MS-PST] 5.5 asks for a signature; some programs write 0.
	if whole && (t.wSig == 0 || t.wSig == Signature(r.ib, r.bid) || t.wSig == Signature(r.ib, t.bid)) {
		return data, nil, nil
	}
	p := mapi.Problem{Where: of.String(), Offset: r.ib, Spec: "[MS-PST] 2.2.2.8.1"}
	switch {
	case whole:
		p.Field, p.Detail = "wSig", fmt.Sprintf("0x%04X, want 0x%04X", t.wSig, Signature(r.ib, r.bid))
	case !same && !crcOK:
		return nil, nil, broken(of.String(), r.ib, "BLOCKTRAILER", "2.2.2.8.1", "no block %v here: neither checksum nor identifier match", r.bid)
	case !crcOK:
		p.Severe = true
		p.Field, p.Detail = "dwCRC", fmt.Sprintf("checksum of block %v (%d bytes) does not match; its content is altered", r.bid, r.cb)
	case !same:
		p.Field, p.Detail = "bid", fmt.Sprintf("%v, want %v", t.bid, r.bid)
	default:
		p.Field, p.Detail = "cb", fmt.Sprintf("%d, the tree says %d", t.cb, r.cb)
	}
	return data, &p, nil
}

// unpack turns the bytes on disk into the data: dst has exactly r.n bytes.
func (f *File) unpack(r blockRef, dst, disk []byte, of Node) error {
	if r.n != r.cb {
		if err := inflate(dst, disk); err != nil {
			return broken(of.String(), r.ib, "cbInflated", "2.2.2.8", "block %v does not inflate to %d bytes: %v", r.bid, r.n, err)
		}
		disk = dst
	}
	m := f.header.Crypt
	if r.bid.Internal() {
		m = CryptNone
	}
	if m == CryptNone && r.n != r.cb {
		return nil
	}
	m.decode(dst, disk, r.bid)
	return nil
}

var inflaters sync.Pool

// inflate fills dst from a zlib stream that must hold just as many bytes.
func inflate(dst, src []byte) error {
	in := bytes.NewReader(src)
	z, _ := inflaters.Get().(io.ReadCloser)
	if z == nil {
		var err error
		if z, err = zlib.NewReader(in); err != nil {
			return err
		}
	} else if err := z.(zlib.Resetter).Reset(in, nil); err != nil {
		return err
	}
	defer inflaters.Put(z)
	if _, err := io.ReadFull(z, dst); err != nil {
		return err
	}
	var more [1]byte
	if n, err := z.Read(more[:]); n > 0 {
		return fmt.Errorf("it holds more")
	} else if err != nil && err != io.EOF && err != zlib.ErrChecksum {
		return err
	}
	// A checksum that fails here fails for the block too, which is reported.
	return nil
}

// A block is the content of a block and what is wrong with it.
type block struct {
	data    []byte
	problem *mapi.Problem
}

// fetch reads one block into new memory.
func (f *File) fetch(r blockRef, of Node) (block, error) {
	raw := make([]byte, f.l.DiskSize(r.cb))
	if err := f.readAt(raw, r.ib); err != nil {
		return block{}, f.outside(r, of, err)
	}
	disk, p, err := f.check(r, raw, of)
	if err != nil {
		fixed, ok := f.resize(r)
		if !ok {
			return block{}, err
		}
		return f.fetch(fixed, of) // its trailer fits, so this ends here
	}
	dst := disk
	if r.n != r.cb {
		dst = make([]byte, r.n)
	}
	if err := f.unpack(r, dst, disk, of); err != nil {
		return block{}, err
	}
	return block{dst[:len(dst):len(dst)], p}, nil
}

// resize looks for the trailer of a block whose size in the tree is wrong.
func (f *File) resize(r blockRef) (blockRef, bool) {
	l := f.l
	if l.Kind == Unicode4K || r.ib < 0 || r.ib >= f.size {
		return r, false
	}
	raw := make([]byte, min(int64(l.BlockMax), f.size-r.ib))
	if f.readAt(raw, r.ib) != nil {
		return r, false
	}
	for end := l.BlockAlign; end <= len(raw); end += l.BlockAlign {
		t := l.blockTrailer(raw[end-l.BlockTrailer:])
		if t.bid&^1 == r.bid&^1 && int(t.cb) != r.cb && l.DiskSize(int(t.cb)) == end && Checksum(raw[:t.cb]) == t.crc {
			r.cb, r.n = int(t.cb), int(t.cb)
			return r, true
		}
	}
	return r, false
}

func (f *File) outside(r blockRef, of Node, err error) error {
	return broken(of.String(), r.ib, "BREF", "2.2.2.4", "block %v of %d bytes lies outside of the file or cannot be read: %v", r.bid, r.cb, err)
}

// block reads a block through the cache: blocks of structure and of heaps,
// which are asked for again and again. The bytes must not be changed.
func (f *File) block(bid BID, of Node) ([]byte, error) {
	if b, ok := f.held(bid); ok {
		return b, nil
	}
	r, err := f.findBlock(bid, &bbtCursor{})
	if err != nil {
		return nil, f.missing(bid, of, err)
	}
	return f.keep(r, of)
}

// keep fetches a block and puts it into the cache.
func (f *File) keep(r blockRef, of Node) ([]byte, error) {
	if !f.reserve(int64(max(r.n, r.cb)), 0) {
		return nil, fmt.Errorf("pst: %v: %w", of, mapi.ErrTooLarge)
	}
	b, err := f.fetch(r, of)
	if err != nil {
		return nil, err
	}
	f.blocks.add(r.bid, b, blockBytes(b))
	if b.problem != nil {
		f.damage(*b.problem)
	}
	return b.data, nil
}

// held looks into the cache of blocks.
func (f *File) held(bid BID) ([]byte, bool) {
	b, ok := f.blocks.get(bid, blockBytes)
	if ok && b.problem != nil {
		f.damage(*b.problem)
	}
	return b.data, ok
}

func blockBytes(b block) int { return cap(b.data) + 64 }

func (f *File) missing(bid BID, of Node, err error) error {
	if err == ErrNotFound {
		return broken(of.String(), -1, "bid", "2.2.2.7.7.3", "block %v is not in the block B-tree", bid)
	}
	p := ProblemOf(err, of.String())
	p.Detail = fmt.Sprintf("block %v cannot be found: %s", bid, p.Detail)
	return &mapi.FormatError{Format: "pst", Problem: p}
}
