package cfb

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf16"

	"github.com/mailconv/mailconv/mapi"
)

// WriteOptions for [Write]. A nil *WriteOptions is the zero value.
type WriteOptions struct {
	// Version is 3 (sectors of 512 bytes, up to 2 GiB) or 4 (sectors of 4096
	// bytes); 0 takes 3 where the file fits.
	Version int
}

// Write puts a tree into a compound file in one pass: nothing is sought back
// and no stream is held. Streams must deliver exactly their Size. Names have 1
// to 31 UTF-16 units without / \ : and !, and siblings must differ when case
// is ignored. The name of the root is not used. The same tree always gives the
// same bytes.
func Write(ctx context.Context, w io.Writer, root *mapi.Storage, o *WriteOptions) error {
	l, err := newLayout(root, o)
	if err != nil {
		return err
	}
	return l.write(ctx, w)
}

func newLayout(root *mapi.Storage, o *WriteOptions) (*layout, error) {
	version := 0
	if o != nil {
		version = o.Version
	}
	if version != 0 && version != 3 && version != 4 {
		return nil, fmt.Errorf("cfb: version %d cannot be written: 3 and 4 can", version)
	}
	nodes, err := flatten(root)
	if err != nil {
		return nil, err
	}
	var l *layout
	if version != 4 {
		if l = plan(nodes, 9, 0); l.fileSize() > maxV3Size {
			if version == 3 {
				return nil, fmt.Errorf("cfb: %d bytes do not fit into a file of version 3: write version 4", l.fileSize())
			}
			version = 4
		}
	}
	if version == 4 {
		l = plan(nodes, 12, rangeLock>>12-1)
	}
	if l.total() >= maxRegSect {
		return nil, fmt.Errorf("cfb: %d sectors are more than a compound file can number", l.total())
	}
	return l, nil
}

// A node is a directory entry to be written.
type node struct {
	units  []uint16 // name
	folded []uint16 // name for comparison
	typ    byte
	color  byte
	st     *mapi.Storage // of a storage
	data   mapi.Blob     // of a stream
	size   int64

	left, right, child uint32
	start              uint32
}

// flatten numbers the tree level by level and links siblings.
func flatten(root *mapi.Storage) ([]node, error) {
	nodes := []node{{units: utf16.Encode([]rune("Root Entry")), typ: typeRoot, color: black, st: root, left: noStream, right: noStream}}
	for i := 0; i < len(nodes); i++ {
		n := &nodes[i]
		n.child = noStream
		if n.st == nil {
			continue
		}
		first := len(nodes)
		for _, sub := range n.st.Storages {
			nodes = append(nodes, node{typ: typeStorage, st: sub, units: utf16.Encode([]rune(sub.Name))})
		}
		for _, s := range nodes[i].st.Streams {
			if s.Data == nil {
				return nil, fmt.Errorf("cfb: stream %q has no data", s.Name)
			}
			nodes = append(nodes, node{typ: typeStream, data: s.Data, size: s.Data.Size(), units: utf16.Encode([]rune(s.Name))})
		}
		children := nodes[first:]
		for k := range children {
			c := &children[k]
			if err := checkName(c.units); err != nil {
				return nil, err
			}
			if c.size < 0 {
				return nil, fmt.Errorf("cfb: stream %q has size %d", string(utf16.Decode(c.units)), c.size)
			}
			c.folded = foldUnits(make([]uint16, 0, len(c.units)), c.units)
		}
		slices.SortFunc(children, func(a, b node) int { return compareFolded(a.folded, b.folded) })
		for k := 1; k < len(children); k++ {
			if slices.Equal(children[k-1].folded, children[k].folded) {
				return nil, fmt.Errorf("cfb: two entries of %q are named %q", string(utf16.Decode(nodes[i].units)), string(utf16.Decode(children[k].units)))
			}
		}
		nodes[i].child = link(children, uint32(first), 0, lastLevel(len(children)))
	}
	return nodes, nil
}

func checkName(units []uint16) error {
	if len(units) == 0 || len(units) > maxNameUnits {
		return fmt.Errorf("cfb: name %q has %d UTF-16 units, 1 to %d are allowed", string(utf16.Decode(units)), len(units), maxNameUnits)
	}
	for _, u := range units {
		if u == '/' || u == '\\' || u == ':' || u == '!' || u == 0 {
			return fmt.Errorf("cfb: name %q holds the forbidden character %q", string(utf16.Decode(units)), rune(u))
		}
	}
	return nil
}

// lastLevel is the level of a balanced tree of n nodes that is not full, or -1.
func lastLevel(n int) int {
	level := 0
	for full := 1; full <= n; full = 2*full + 1 {
		if full == n {
			return -1
		}
		level++
	}
	return level
}

// link makes a balanced tree of sorted siblings. All nodes are black but those
// of a last level that is not full: so no red node has a red child, and every
// path has as many black nodes. [MS-CFB] 2.6.4
func link(sorted []node, first uint32, level, redLevel int) uint32 {
	if len(sorted) == 0 {
		return noStream
	}
	mid := len(sorted) / 2
	n := &sorted[mid]
	n.color = black
	if level == redLevel {
		n.color = red
	}
	n.left = link(sorted[:mid], first, level+1, redLevel)
	n.right = link(sorted[mid+1:], first+uint32(mid)+1, level+1, redLevel)
	return first + uint32(mid)
}

// A layout says where everything lies. The parts follow each other in the
// order of the fields, each of whole sectors; streams come in the order of
// their entries. Sectors are counted without the one of the range lock.
type layout struct {
	nodes []node
	shift uint
	lock  int64 // sector that must stay unused, 0 when there is none

	difat, fat, dir, miniFAT, mini, data int64 // sectors
	miniUnits                            int64
}

func plan(nodes []node, shift uint, lock int64) *layout {
	l := &layout{nodes: nodes, shift: shift, lock: lock}
	ss := int64(1) << shift
	for i := range nodes {
		switch n := &nodes[i]; {
		case n.size == 0:
		case n.size < miniCutoff:
			l.miniUnits += (n.size + miniSectorSize - 1) >> miniShift
		default:
			l.data += (n.size + ss - 1) >> shift
		}
	}
	l.dir = (int64(len(nodes))*dirEntrySize + ss - 1) >> shift
	l.mini = (l.miniUnits<<miniShift + ss - 1) >> shift
	l.miniFAT = (l.miniUnits*4 + ss - 1) >> shift
	// The FAT also covers itself and the DIFAT: grow until it does.
	per := ss / 4
	for {
		fat := (l.physical() + per - 1) / per
		difat := int64(0)
		if fat > headerDIFAT {
			difat = (fat - headerDIFAT + per - 2) / (per - 1)
		}
		if fat == l.fat && difat == l.difat {
			return l
		}
		l.fat, l.difat = fat, difat
	}
}

// total is the number of sectors without the range lock's.
func (l *layout) total() int64 { return l.difat + l.fat + l.dir + l.miniFAT + l.mini + l.data }

// physical is the number of sectors in the file.
func (l *layout) physical() int64 {
	if n := l.total(); l.lock == 0 || n <= l.lock {
		return n
	} else {
		return n + 1
	}
}

func (l *layout) fileSize() int64 { return (l.physical() + 1) << l.shift }

// sector is the number of the i-th sector that is in use.
func (l *layout) sector(i int64) uint32 {
	if l.lock != 0 && i >= l.lock {
		i++
	}
	return uint32(i)
}

// write lays the parts down one after the other.
func (l *layout) write(ctx context.Context, w io.Writer) error {
	buf := bufio.NewWriterSize(w, 64<<10)
	s := &sectorWriter{w: buf, l: l, ctx: ctx, err: ctx.Err()}
	s.header()
	s.writeDIFAT()
	s.writeFAT()
	s.writeDirectory()
	s.writeMiniFAT()
	for i := range l.nodes {
		if n := &l.nodes[i]; n.size > 0 && n.size < miniCutoff {
			s.stream(n)
			s.pad(miniSectorSize)
		}
	}
	s.align()
	for i := range l.nodes {
		if n := &l.nodes[i]; n.size >= miniCutoff {
			s.stream(n)
			s.align()
		}
	}
	if s.err != nil {
		return s.err
	}
	return buf.Flush()
}

// A sectorWriter counts bytes, leaves out the range lock sector, and keeps the
// first error.
type sectorWriter struct {
	w   *bufio.Writer
	l   *layout
	ctx context.Context
	n   int64 // bytes written, header and lock sector included
	err error
	tmp []byte
}

var zeros [4096]byte

func (s *sectorWriter) raw(p []byte) {
	if s.err == nil {
		_, s.err = s.w.Write(p)
	}
	s.n += int64(len(p))
}

func (s *sectorWriter) Write(p []byte) (int, error) {
	total := len(p)
	ss := int64(1) << s.l.shift
	if s.l.lock != 0 {
		lockAt := (s.l.lock + 1) << s.l.shift
		if s.n < lockAt && s.n+int64(len(p)) > lockAt {
			k := lockAt - s.n
			s.raw(p[:k])
			p = p[k:]
		}
		if s.n == lockAt && len(p) > 0 {
			s.raw(zeros[:ss])
		}
	}
	s.raw(p)
	return total, s.err
}

// pad fills up to a multiple of unit.
func (s *sectorWriter) pad(unit int64) {
	if r := s.n % unit; r != 0 {
		s.Write(zeros[:unit-r])
	}
}

func (s *sectorWriter) align() { s.pad(1 << s.l.shift) }

func (s *sectorWriter) u32(v uint32) {
	s.tmp = binary.LittleEndian.AppendUint32(s.tmp[:0], v)
	s.Write(s.tmp)
}

// fillSector completes a sector of numbers with v.
func (s *sectorWriter) fillSector(v uint32) {
	for s.n%(1<<s.l.shift) != 0 {
		s.u32(v)
	}
}

// header writes the header. [MS-CFB] 2.2
func (s *sectorWriter) header() {
	l := s.l
	le := binary.LittleEndian
	h := make([]byte, headerSize, 1<<l.shift)
	copy(h, Signature)
	le.PutUint16(h[offMinorVersion:], minorVersion)
	le.PutUint16(h[offMajorVersion:], 3)
	if l.shift == 12 {
		le.PutUint16(h[offMajorVersion:], 4)
		le.PutUint32(h[offDirSectors:], uint32(l.dir))
	}
	le.PutUint16(h[offByteOrder:], byteOrder)
	le.PutUint16(h[offSectorShift:], uint16(l.shift))
	le.PutUint16(h[offMiniShift:], miniShift)
	le.PutUint32(h[offFATSectors:], uint32(l.fat))
	le.PutUint32(h[offFirstDir:], l.sector(l.difat+l.fat))
	le.PutUint32(h[offMiniCutoff:], miniCutoff)
	le.PutUint32(h[offFirstMiniFAT:], endOfChain)
	if l.miniFAT > 0 {
		le.PutUint32(h[offFirstMiniFAT:], l.sector(l.difat+l.fat+l.dir))
		le.PutUint32(h[offMiniFATSectors:], uint32(l.miniFAT))
	}
	le.PutUint32(h[offFirstDIFAT:], endOfChain)
	if l.difat > 0 {
		le.PutUint32(h[offFirstDIFAT:], l.sector(0))
		le.PutUint32(h[offDIFATSectors:], uint32(l.difat))
	}
	for i := int64(0); i < headerDIFAT; i++ {
		v := uint32(freeSect)
		if i < l.fat {
			v = l.sector(l.difat + i)
		}
		le.PutUint32(h[offDIFAT+4*i:], v)
	}
	s.Write(h[:cap(h)])
}

// writeDIFAT lists the FAT sectors that the header has no place for.
// [MS-CFB] 2.5
func (s *sectorWriter) writeDIFAT() {
	l := s.l
	per := int64(1)<<l.shift/4 - 1
	for d := int64(0); d < l.difat; d++ {
		for i := int64(0); i < per; i++ {
			v := uint32(freeSect)
			if k := headerDIFAT + d*per + i; k < l.fat {
				v = l.sector(l.difat + k)
			}
			s.u32(v)
		}
		if d+1 < l.difat {
			s.u32(l.sector(d + 1))
		} else {
			s.u32(endOfChain)
		}
	}
}

// writeFAT makes the FAT while it writes it: every part is one run of sectors.
// It also gives streams their place. [MS-CFB] 2.3
func (s *sectorWriter) writeFAT() {
	l := s.l
	at := int64(0) // sectors in use
	out := func(v uint32) {
		if l.lock != 0 && at == l.lock {
			s.u32(endOfChain) // the range lock sector is in no chain
		}
		s.u32(v)
		at++
	}
	chain := func(n int64) uint32 {
		if n == 0 {
			return endOfChain
		}
		first := l.sector(at)
		for range n - 1 {
			out(l.sector(at + 1))
		}
		out(endOfChain)
		return first
	}
	for range l.difat {
		out(difSect)
	}
	for range l.fat {
		out(fatSect)
	}
	chain(l.dir)
	chain(l.miniFAT)
	root := &l.nodes[0]
	root.start = chain(l.mini)
	unit := uint32(0)
	for i := range l.nodes {
		switch n := &l.nodes[i]; {
		case n.typ != typeStream:
		case n.size == 0:
			n.start = endOfChain
		case n.size < miniCutoff:
			n.start = unit
			unit += uint32((n.size + miniSectorSize - 1) >> miniShift)
		default:
			n.start = chain((n.size + 1<<l.shift - 1) >> l.shift)
		}
	}
	s.fillSector(freeSect)
}

// writeDirectory writes the entries. [MS-CFB] 2.6
func (s *sectorWriter) writeDirectory() {
	le := binary.LittleEndian
	var e [dirEntrySize]byte
	for i := range s.l.nodes {
		n := &s.l.nodes[i]
		clear(e[:])
		for k, u := range n.units {
			le.PutUint16(e[2*k:], u)
		}
		le.PutUint16(e[offNameLen:], uint16(2*len(n.units)+2))
		e[offType], e[offColor] = n.typ, n.color
		le.PutUint32(e[offLeft:], n.left)
		le.PutUint32(e[offRight:], n.right)
		le.PutUint32(e[offChild:], n.child)
		if st := n.st; st != nil {
			copy(e[offCLSID:], st.CLSID[:])
			le.PutUint32(e[offState:], st.State)
			if n.typ != typeRoot { // the root has no creation time
				le.PutUint64(e[offCreated:], st.Created)
			}
			le.PutUint64(e[offModified:], st.Modified)
		}
		size := n.size
		if n.typ == typeRoot {
			size = s.l.miniUnits << miniShift
		}
		le.PutUint32(e[offStart:], n.start)
		le.PutUint64(e[offSize:], uint64(size))
		s.Write(e[:])
	}
	clear(e[:])
	le.PutUint32(e[offLeft:], noStream)
	le.PutUint32(e[offRight:], noStream)
	le.PutUint32(e[offChild:], noStream)
	for s.n%(1<<s.l.shift) != 0 {
		s.Write(e[:])
	}
}

// writeMiniFAT writes the chains of the mini stream. [MS-CFB] 2.4
func (s *sectorWriter) writeMiniFAT() {
	unit := uint32(0)
	for i := range s.l.nodes {
		n := &s.l.nodes[i]
		if n.size == 0 || n.size >= miniCutoff {
			continue
		}
		for k := (n.size + miniSectorSize - 1) >> miniShift; k > 1; k-- {
			unit++
			s.u32(unit)
		}
		unit++
		s.u32(endOfChain)
	}
	s.fillSector(freeSect)
}

// stream copies the bytes of one stream and holds it to its size.
func (s *sectorWriter) stream(n *node) {
	if s.err == nil {
		s.err = s.ctx.Err()
	}
	if s.err != nil {
		return
	}
	if b, ok := n.data.(mapi.Bytes); ok {
		s.Write(b)
		return
	}
	name := string(utf16.Decode(n.units))
	r, err := n.data.Open(s.ctx)
	if err != nil {
		s.err = fmt.Errorf("cfb: stream %q: %w", name, err)
		return
	}
	defer r.Close()
	if cap(s.tmp) < 64<<10 {
		s.tmp = make([]byte, 64<<10)
	}
	buf := s.tmp[:cap(s.tmp)]
	for left := n.size; left > 0; {
		if s.err = s.ctx.Err(); s.err != nil {
			return
		}
		m, err := io.ReadFull(r, buf[:min(left, int64(len(buf)))])
		s.Write(buf[:m])
		left -= int64(m)
		if err != nil && left > 0 {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				err = fmt.Errorf("%w: it ends %d bytes before its size of %d", io.ErrUnexpectedEOF, left, n.size)
			}
			s.err = fmt.Errorf("cfb: stream %q: %w", name, err)
			return
		}
		if s.err != nil {
			return
		}
	}
	if m, _ := io.ReadFull(r, buf[:1]); m != 0 {
		s.err = fmt.Errorf("cfb: stream %q delivers more than its size of %d", name, n.size)
	}
}
