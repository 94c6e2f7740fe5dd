package psttest

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"github.com/mailconv/mailconv/mapi/pst/ndb"
)

// A Place is a page or block of a file that was written.
type Place struct {
	// What is NBT, BBT, XBLOCK, XXBLOCK, SLBLOCK, SIBLOCK, heap, rows or data.
	What string
	// Node is the node to which a block belongs: of the node B-tree, and
	// within it.
	Node, Sub ndb.NID
	// Offset and Size are what lies on disk without padding and trailer.
	Offset int64
	Size   int
	// Level is that of a page; 0 is a leaf.
	Level int
}

// Written is a file that was written.
type Written struct {
	Size   int64
	Places []Place
	// Folders and Items are the nodes by name and by subject; of several with
	// one name it is the last.
	Folders map[string]ndb.NID
	Items   map[string]ndb.NID
}

// pageBase is where the first allocation map lies. [MS-PST] 2.2.2.7.2
func pageBase(l *ndb.Layout) int64 {
	if l.Kind == ndb.Unicode4K {
		return 0x22000
	}
	return 0x4400
}

// file is the lower half of the writer: blocks, pages, maps, header.
type file struct {
	w   io.WriterAt
	l   *ndb.Layout
	o   *Options
	end int64 // of what is allocated
	buf []byte
	off int64 // of buf
	err error
	bbt []entry
	nbt []entry
	// former is what a page of the NBT in free space names.
	former []entry
	bids   uint64
	pids   uint64
	out    *Written
	node   ndb.NID // that is being written, for Places
	sub    ndb.NID
	z      bytes.Buffer
	zw     *zlib.Writer
}

func newFile(out io.WriterAt, o *Options) *file {
	l := ndb.LayoutOf(o.Kind)
	return &file{
		w: out, l: l, o: o, end: pageBase(l), pids: 0x100,
		out: &Written{Folders: map[string]ndb.NID{}, Items: map[string]ndb.NID{}},
	}
}

// An entry is one of a tree: its key and the bytes of the leaf entry.
type entry struct {
	key uint64
	raw []byte
}

// covered is how much of the file one allocation map describes.
func (f *file) covered() int64 {
	n := int64(f.l.PageSize-f.l.PageTrailer) * 8
	if f.l.Kind == ndb.ANSI {
		n = 496 * 8
	}
	return n * int64(f.l.BlockAlign)
}

// alloc takes size bytes, aligned, past the maps that lie in the way.
func (f *file) alloc(size int, align int64) int64 {
	base, span, page := pageBase(f.l), f.covered(), int64(f.l.PageSize)
	for {
		f.end = (f.end + align - 1) / align * align
		k := (f.end - base) / span
		start := base + k*span
		// AMap, PMap with every eighth, FMap with the 129th and every 496th
		// after it. [MS-PST] 2.2.2.7.2 to 2.2.2.7.5
		maps := page
		if f.l.Kind != ndb.Unicode4K {
			if k%8 == 0 {
				maps += page
			}
			if k >= 128 && (k-128)%496 == 0 {
				maps += page
			}
		}
		if f.end < start+maps {
			f.end = start + maps
			continue
		}
		if f.end+int64(size) > start+span {
			f.end = start + span
			continue
		}
		off := f.end
		f.end += int64(size)
		return off
	}
}

const bufSize = 1 << 20

// put writes b at off; offsets ascend.
func (f *file) put(b []byte, off int64) {
	if f.err != nil {
		return
	}
	if len(f.buf) > 0 && (off < f.off+int64(len(f.buf)) || off > f.off+int64(len(f.buf))+8192 || len(f.buf) > bufSize) {
		f.flush()
	}
	if len(f.buf) == 0 {
		f.off = off
	}
	for f.off+int64(len(f.buf)) < off {
		f.buf = append(f.buf, 0)
	}
	f.buf = append(f.buf, b...)
}

func (f *file) flush() {
	if f.err == nil && len(f.buf) > 0 {
		_, f.err = f.w.WriteAt(f.buf, f.off)
	}
	f.buf = f.buf[:0]
}

func (f *file) putID(b []byte, v uint64) []byte {
	if f.l.IDSize == 4 {
		return binary.LittleEndian.AppendUint32(b, uint32(v))
	}
	return binary.LittleEndian.AppendUint64(b, v)
}

// block writes one block and returns its identifier. [MS-PST] 2.2.2.8
func (f *file) block(data []byte, internal bool, what string) ndb.BID {
	f.bids += 4
	bid := ndb.BID(f.bids)
	disk := data
	if internal {
		bid |= 2
	} else if f.o.Crypt != ndb.CryptNone {
		disk = slices.Clone(data)
		f.o.Crypt.Encode(disk, bid)
	}
	if f.o.Compress && f.l.Kind == ndb.Unicode4K {
		f.z.Reset()
		if f.zw == nil {
			f.zw = zlib.NewWriter(&f.z)
		} else {
			f.zw.Reset(&f.z)
		}
		f.zw.Write(disk)
		f.zw.Close()
		if f.z.Len() < len(disk) {
			disk = slices.Clone(f.z.Bytes())
		}
	}
	size := f.l.DiskSize(len(disk))
	off := f.alloc(size, int64(f.l.BlockAlign))
	raw := make([]byte, size)
	copy(raw, disk)
	t := raw[:size-f.l.BlockTrailer]
	t = binary.LittleEndian.AppendUint16(t, uint16(len(disk)))
	t = binary.LittleEndian.AppendUint16(t, ndb.Signature(off, bid))
	crc := ndb.Checksum(disk)
	if f.l.Kind == ndb.ANSI {
		t = binary.LittleEndian.AppendUint32(t, uint32(bid))
		t = binary.LittleEndian.AppendUint32(t, crc)
	} else {
		t = binary.LittleEndian.AppendUint32(t, crc)
		t = binary.LittleEndian.AppendUint64(t, uint64(bid))
	}
	if f.l.Kind == ndb.Unicode4K {
		t = binary.LittleEndian.AppendUint16(t, 2)
		t = binary.LittleEndian.AppendUint16(t, uint16(len(data)))
		binary.LittleEndian.AppendUint32(t, 0)
	}
	f.put(raw, off)
	e := f.putID(nil, uint64(bid))
	e = f.putID(e, uint64(off))
	e = binary.LittleEndian.AppendUint16(e, uint16(len(disk)))
	if f.l.Kind == ndb.Unicode4K {
		e = binary.LittleEndian.AppendUint16(e, uint16(len(data)))
	}
	e = binary.LittleEndian.AppendUint16(e, 2)
	f.bbt = append(f.bbt, entry{uint64(bid), append(e, make([]byte, f.l.BBTEntry-len(e))...)})
	f.out.Places = append(f.out.Places, Place{What: what, Node: f.node, Sub: f.sub, Offset: off, Size: len(disk)})
	return bid
}

// blockData is how much goes into a data block.
func (f *file) blockData() int {
	if f.o.BlockData > 0 {
		return min(f.o.BlockData, f.l.BlockData())
	}
	return f.l.BlockData()
}

// data writes what r gives, as one block or a tree of them.
func (f *file) data(r io.Reader) (ndb.BID, int64, error) {
	var list []ndb.BID
	var sizes []int
	var total int64
	buf := make([]byte, f.blockData())
	for {
		n, err := io.ReadFull(r, buf)
		if n > 0 {
			list = append(list, f.block(buf[:n], false, "data"))
			sizes = append(sizes, n)
			total += int64(n)
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			break
		}
		if err != nil {
			return 0, 0, err
		}
	}
	if len(list) == 0 {
		return 0, 0, nil
	}
	return f.xblock(list, sizes), total, f.err
}

// blocks writes data that is cut into blocks already.
func (f *file) blocks(parts [][]byte, what string) ndb.BID {
	var list []ndb.BID
	var sizes []int
	for _, p := range parts {
		list = append(list, f.block(p, false, what))
		sizes = append(sizes, len(p))
	}
	if len(list) == 0 {
		return 0
	}
	return f.xblock(list, sizes)
}

// xblock joins blocks. [MS-PST] 2.2.2.8.3.2
func (f *file) xblock(list []ndb.BID, sizes []int) ndb.BID {
	if len(list) == 1 {
		return list[0]
	}
	most := (f.l.BlockData() - 8) / f.l.IDSize
	if f.o.XBlockEntries > 0 {
		most = min(most, f.o.XBlockEntries)
	}
	make1 := func(level byte, ids []ndb.BID, total uint32, what string) ndb.BID {
		b := []byte{1, level}
		b = binary.LittleEndian.AppendUint16(b, uint16(len(ids)))
		b = binary.LittleEndian.AppendUint32(b, total)
		for _, id := range ids {
			b = f.putID(b, uint64(id))
		}
		return f.block(b, true, what)
	}
	var upper []ndb.BID
	var sum, all uint32
	for i := 0; i < len(list); i += most {
		j := min(i+most, len(list))
		sum = 0
		for _, n := range sizes[i:j] {
			sum += uint32(n)
		}
		all += sum
		upper = append(upper, make1(1, list[i:j], sum, "XBLOCK"))
	}
	if len(upper) == 1 {
		return upper[0]
	}
	if len(upper) > (f.l.BlockData()-8)/f.l.IDSize {
		f.err = fmt.Errorf("psttest: data of %d blocks has no place", len(list))
	}
	return make1(2, upper, all, "XXBLOCK")
}

// subs are the sub-nodes of a node while it is being written.
type subs struct {
	list []subEntry
	next uint32
}

type subEntry struct {
	nid       ndb.NID
	data, sub ndb.BID
}

func (s *subs) add(nid ndb.NID, data, sub ndb.BID) {
	s.list = append(s.list, subEntry{nid, data, sub})
}

// newNID is an identifier for a value that does not fit into the heap.
func (s *subs) newNID(t ndb.NIDType) ndb.NID {
	s.next++
	return ndb.NID((0x400+s.next)<<5) | ndb.NID(t)
}

// tree writes the sub-node tree. [MS-PST] 2.2.2.8.3.3
func (f *file) tree(s *subs) ndb.BID {
	if len(s.list) == 0 {
		return 0
	}
	slices.SortFunc(s.list, func(a, b subEntry) int { return int(int64(a.nid) - int64(b.nid)) })
	head := func(level byte, n int) []byte {
		b := binary.LittleEndian.AppendUint16([]byte{2, level}, uint16(n))
		if f.l.Kind != ndb.ANSI {
			b = append(b, 0, 0, 0, 0)
		}
		return b
	}
	most := func(size int) int {
		n := (f.l.BlockData() - 8) / size
		if f.o.SubEntries > 0 {
			n = min(n, f.o.SubEntries)
		}
		return n
	}
	type up struct {
		nid ndb.NID
		bid ndb.BID
	}
	var level []up
	for rest := s.list; len(rest) > 0; {
		n := min(len(rest), most(3*f.l.IDSize))
		b := head(0, n)
		for _, e := range rest[:n] {
			b = f.putID(b, uint64(e.nid))
			b = f.putID(b, uint64(e.data))
			b = f.putID(b, uint64(e.sub))
		}
		level = append(level, up{rest[0].nid, f.block(b, true, "SLBLOCK")})
		rest = rest[n:]
	}
	for depth := byte(1); len(level) > 1; depth++ {
		n := most(2 * f.l.IDSize)
		if depth == 1 && !f.o.DeepSubnodes {
			n = (f.l.BlockData() - 8) / (2 * f.l.IDSize)
		}
		var next []up
		for rest := level; len(rest) > 0; {
			k := min(len(rest), n)
			b := head(depth, k)
			for _, e := range rest[:k] {
				b = f.putID(b, uint64(e.nid))
				b = f.putID(b, uint64(e.bid))
			}
			next = append(next, up{rest[0].nid, f.block(b, true, "SIBLOCK")})
			rest = rest[k:]
		}
		level = next
	}
	return level[0].bid
}

// addNode enters a node into the node B-tree.
func (f *file) addNode(nid ndb.NID, data, sub ndb.BID, parent ndb.NID) {
	e := f.putID(nil, uint64(nid))
	e = f.putID(e, uint64(data))
	e = f.putID(e, uint64(sub))
	e = binary.LittleEndian.AppendUint32(e, uint32(parent))
	f.nbt = append(f.nbt, entry{uint64(nid), append(e, make([]byte, f.l.NBTEntry-len(e))...)})
}

// pages writes a B-tree of pages. [MS-PST] 2.2.2.7.7
func (f *file) pages(list []entry, ptype byte, size int, what string) ndb.BREF {
	slices.SortFunc(list, func(a, b entry) int {
		if a.key < b.key {
			return -1
		}
		return 1
	})
	level := 0
	for {
		most := f.l.PageEntries / size
		per := most
		if f.o.PageEntries > 0 {
			per = min(most, f.o.PageEntries)
		}
		var next []entry
		var ref ndb.BREF
		for i := 0; i == 0 || i < len(list); i += per {
			part := list[i:min(i+per, len(list))]
			ref = f.page(part, ptype, size, most, level, what)
			key := uint64(0)
			if len(part) > 0 {
				key = part[0].key
			}
			e := f.putID(nil, key)
			e = f.putID(e, uint64(ref.BID))
			e = f.putID(e, uint64(ref.IB))
			next = append(next, entry{key, e})
		}
		if len(next) <= 1 {
			return ref
		}
		list, size = next, f.l.BTEntry
		level++
	}
}

func (f *file) page(list []entry, ptype byte, size, most, level int, what string) ndb.BREF {
	f.pids += 4
	ref := ndb.BREF{BID: ndb.BID(f.pids), IB: f.alloc(f.l.PageSize, int64(f.l.PageSize))}
	p := make([]byte, 0, f.l.PageSize)
	for _, e := range list {
		p = append(p, e.raw...)
	}
	p = p[:f.l.PageEntries]
	if f.l.Kind == ndb.Unicode4K {
		p = binary.LittleEndian.AppendUint16(p, uint16(len(list)))
		p = binary.LittleEndian.AppendUint16(p, uint16(most))
		p = append(p, byte(size), byte(level))
	} else {
		p = append(p, byte(len(list)), byte(most), byte(size), byte(level))
	}
	f.put(f.trailer(p[:f.l.PageSize-f.l.PageTrailer], ptype, ref, true), ref.IB)
	f.out.Places = append(f.out.Places, Place{What: what, Offset: ref.IB, Size: f.l.PageSize - f.l.PageTrailer, Level: level})
	return ref
}

// trailer ends a page. [MS-PST] 2.2.2.7.1
func (f *file) trailer(p []byte, ptype byte, ref ndb.BREF, signed bool) []byte {
	crc := ndb.Checksum(p)
	p = append(p, ptype, ptype)
	sig := uint16(0)
	if signed {
		sig = ndb.Signature(ref.IB, ref.BID)
	}
	p = binary.LittleEndian.AppendUint16(p, sig)
	if f.l.Kind == ndb.ANSI {
		p = binary.LittleEndian.AppendUint32(p, uint32(ref.BID))
		return binary.LittleEndian.AppendUint32(p, crc)
	}
	p = binary.LittleEndian.AppendUint32(p, crc)
	p = binary.LittleEndian.AppendUint64(p, uint64(ref.BID))
	return append(p, make([]byte, f.l.PageTrailer-16)...)
}

// finish writes the trees, the maps and the header.
func (f *file) finish() {
	if len(f.former) > 0 {
		f.page(f.former[:min(len(f.former), f.l.PageEntries/f.l.NBTEntry)], 0x81, f.l.NBTEntry, f.l.PageEntries/f.l.NBTEntry, 0, "free")
	}
	if f.o.OldPages {
		f.pages(slices.Clone(f.nbt), 0x81, f.l.NBTEntry, "free")
	}
	nbt := f.pages(f.nbt, 0x81, f.l.NBTEntry, "NBT")
	bbt := f.pages(f.bbt, 0x80, f.l.BBTEntry, "BBT")
	f.flush()
	base, span, page := pageBase(f.l), f.covered(), int64(f.l.PageSize)
	count := (f.end - base + span - 1) / span
	f.out.Size = base + count*span
	free := f.out.Size - (f.end+63)/64*64
	for k := range count {
		off := base + k*span
		used := min(f.end-off, span)
		bits := (used + int64(f.l.BlockAlign) - 1) / int64(f.l.BlockAlign)
		f.mapPage(off, 0x84, bits)
		if f.l.Kind == ndb.Unicode4K {
			continue
		}
		if k%8 == 0 {
			off += page
			f.mapPage(off, 0x83, 496*8)
		}
		if k >= 128 && (k-128)%496 == 0 {
			f.mapPage(off+page, 0x82, 496*8)
		}
	}
	h := f.header(nbt, bbt, base+(count-1)*span, free)
	if f.err == nil {
		_, f.err = f.w.WriteAt(h, 0)
	}
	// The file has its full length.
	if f.err == nil && f.end < f.out.Size {
		_, f.err = f.w.WriteAt([]byte{0}, f.out.Size-1)
	}
}

func (f *file) mapPage(off int64, ptype byte, bits int64) {
	size := f.l.PageSize - f.l.PageTrailer
	p := make([]byte, size, f.l.PageSize)
	m := p
	if f.l.Kind == ndb.ANSI {
		m = p[4:] // dwPadding
	}
	for i := range m {
		switch n := bits - int64(8*i); {
		case n >= 8:
			m[i] = 0xFF
		case n > 0:
			m[i] = 0xFF << (8 - n)
		}
	}
	b := f.trailer(p, ptype, ndb.BREF{BID: ndb.BID(off), IB: off}, false)
	if f.err == nil {
		_, f.err = f.w.WriteAt(b, off)
	}
}

// header is HEADER with ROOT in it. [MS-PST] 2.2.2.6
func (f *file) header(nbt, bbt ndb.BREF, lastMap, free int64) []byte {
	ver := f.o.Version
	if ver == 0 {
		ver = map[ndb.Kind]uint16{ndb.ANSI: 15, ndb.Unicode: 23, ndb.Unicode4K: 36}[f.l.Kind]
	}
	b := []byte("!BDN\x00\x00\x00\x00SM")
	client := uint16(19)
	if f.o.OST {
		b[9] = 'O'
		client = 12
	}
	b = binary.LittleEndian.AppendUint16(b, ver)
	b = binary.LittleEndian.AppendUint16(b, client)
	b = append(b, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0)
	nids := func() {
		for t := range 32 {
			next := uint32(0x400)
			switch ndb.NIDType(t) {
			case ndb.TypeSearchFolder:
				next = 0x4000
			case ndb.TypeNormalMessage:
				next = 0x10000
			case ndb.TypeAssocMessage:
				next = 0x8000
			}
			b = binary.LittleEndian.AppendUint32(b, next+uint32(len(f.nbt)))
		}
	}
	root := func() {
		b = binary.LittleEndian.AppendUint32(b, 0)
		for _, v := range []int64{f.out.Size, lastMap, free, 0} {
			b = f.putID(b, uint64(v))
		}
		for _, r := range []ndb.BREF{nbt, bbt} {
			b = f.putID(b, uint64(r.BID))
			b = f.putID(b, uint64(r.IB))
		}
		b = append(b, 2, 0, 0, 0)
	}
	maps := bytes.Repeat([]byte{0xFF}, 256)
	if f.l.Kind == ndb.ANSI {
		b = f.putID(b, f.bids+4)
		b = f.putID(b, f.pids+4)
		b = binary.LittleEndian.AppendUint32(b, 7)
		nids()
		root()
		b = append(b, maps...)
		b = append(b, 0x80, byte(f.o.Crypt))
		b = append(b, make([]byte, 512-len(b))...)
	} else {
		b = f.putID(b, 0)
		b = f.putID(b, f.pids+4)
		b = binary.LittleEndian.AppendUint32(b, 7)
		nids()
		b = f.putID(b, 0)
		root()
		b = append(b, 0, 0, 0, 0)
		b = append(b, maps...)
		b = append(b, 0x80, byte(f.o.Crypt), 0, 0)
		b = f.putID(b, f.bids+4)
		b = binary.LittleEndian.AppendUint32(b, 0)
		b = append(b, make([]byte, 36)...)
	}
	SealHeader(b)
	return b
}

// SealHeader puts the checksums of a header right, after it was changed. b
// starts with the file.
func SealHeader(b []byte) {
	binary.LittleEndian.PutUint32(b[4:], ndb.Checksum(b[8:8+471]))
	if ver := binary.LittleEndian.Uint16(b[10:]); ver != 14 && ver != 15 {
		binary.LittleEndian.PutUint32(b[524:], ndb.Checksum(b[8:8+516]))
	}
}
