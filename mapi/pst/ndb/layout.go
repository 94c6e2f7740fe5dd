package ndb

import "encoding/binary"

// A Kind is one of the three layouts of the format.
type Kind byte

// Layouts.
const (
	ANSI      Kind = iota // 32-bit, wVer 14 and 15
	Unicode               // 64-bit, wVer 21 and 23
	Unicode4K             // 64-bit with pages of 4096 bytes, wVer 36
)

// String is the name people use.
func (k Kind) String() string {
	switch k {
	case ANSI:
		return "ANSI"
	case Unicode:
		return "Unicode"
	}
	return "Unicode, 4096-byte pages"
}

// A Layout is the sizes and positions in which the kinds differ.
type Layout struct {
	Kind Kind
	// PageSize is the size of a page; its trailer takes PageTrailer, and
	// PageEntries is the room for entries of a BTPAGE.
	PageSize, PageTrailer, PageEntries int
	// BlockAlign is what the size of a block on disk is a multiple of;
	// BlockMax is the largest, and BlockTrailer its end.
	BlockAlign, BlockTrailer, BlockMax int
	// IDSize is the width of a BID and of an offset.
	IDSize int
	// Entry sizes of BTENTRY, BBTENTRY, NBTENTRY.
	BTEntry, BBTEntry, NBTEntry int
	// HIDIndexBits is the width of hidIndex. [MS-PST] 2.3.1.1 has 11; files
	// with 4096-byte pages use 14, as their heap blocks are larger.
	HIDIndexBits uint
}

var layouts = [...]Layout{
	ANSI:      {ANSI, 512, 12, 496, 64, 12, 8192, 4, 12, 12, 16, 11},
	Unicode:   {Unicode, 512, 16, 488, 64, 16, 8192, 8, 24, 24, 32, 11},
	Unicode4K: {Unicode4K, 4096, 24, 4056, 512, 24, 65536, 8, 24, 24, 32, 14},
}

// LayoutOf is the layout of a kind.
func LayoutOf(k Kind) *Layout { return &layouts[k] }

// BlockData is the most data that one block holds.
func (l *Layout) BlockData() int { return l.BlockMax - l.BlockTrailer }

// DiskSize is the space that a block with n bytes of data takes.
// [MS-PST] 2.2.2.8
func (l *Layout) DiskSize(n int) int {
	a := l.BlockAlign
	return (n + l.BlockTrailer + a - 1) / a * a
}

// id reads a BID or an offset.
func (l *Layout) id(b []byte) uint64 {
	if l.IDSize == 4 {
		return uint64(binary.LittleEndian.Uint32(b))
	}
	return binary.LittleEndian.Uint64(b)
}

// pageMeta are the fields behind the entries of a BTPAGE, and its trailer.
// [MS-PST] 2.2.2.7.7.1, 2.2.2.7.1
type pageMeta struct {
	cEnt, cEntMax, cbEnt, cLevel int
	ptype, ptypeRepeat           byte
	wSig                         uint16
	crc                          uint32
	bid                          BID
}

func (l *Layout) meta(p []byte) pageMeta {
	var m pageMeta
	b := p[l.PageEntries:]
	if l.Kind == Unicode4K {
		m.cEnt = int(binary.LittleEndian.Uint16(b))
		m.cEntMax = int(binary.LittleEndian.Uint16(b[2:]))
		m.cbEnt, m.cLevel = int(b[4]), int(b[5])
	} else {
		m.cEnt, m.cEntMax, m.cbEnt, m.cLevel = int(b[0]), int(b[1]), int(b[2]), int(b[3])
	}
	t := p[l.PageSize-l.PageTrailer:]
	m.ptype, m.ptypeRepeat = t[0], t[1]
	m.wSig = binary.LittleEndian.Uint16(t[2:])
	if l.Kind == ANSI {
		m.bid = BID(binary.LittleEndian.Uint32(t[4:]))
		m.crc = binary.LittleEndian.Uint32(t[8:])
	} else {
		m.crc = binary.LittleEndian.Uint32(t[4:])
		m.bid = BID(binary.LittleEndian.Uint64(t[8:]))
	}
	return m
}

// blockTrailer is BLOCKTRAILER. [MS-PST] 2.2.2.8.1
type blockTrailer struct {
	cb, wSig uint16
	crc      uint32
	bid      BID
}

func (l *Layout) blockTrailer(t []byte) blockTrailer {
	m := blockTrailer{cb: binary.LittleEndian.Uint16(t), wSig: binary.LittleEndian.Uint16(t[2:])}
	if l.Kind == ANSI {
		m.bid = BID(binary.LittleEndian.Uint32(t[4:]))
		m.crc = binary.LittleEndian.Uint32(t[8:])
	} else {
		m.crc = binary.LittleEndian.Uint32(t[4:])
		m.bid = BID(binary.LittleEndian.Uint64(t[8:]))
	}
	return m
}
