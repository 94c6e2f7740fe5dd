package ndb

import (
	"encoding/binary"
	"fmt"
	"io"
	"sort"
	"sync"
	"sync/atomic"

	"github.com/mailconv/mailconv/mapi"
)

// Data is the content of a node: the bytes of its blocks one after the other,
// with random access. It may be used by several goroutines. It holds where the
// blocks lie, never more than one XBLOCK's worth, and not what is in them.
// [MS-PST] 2.2.2.8.3.2
type Data struct {
	f     *File
	node  Node
	size  int64
	lost  mapi.Problems
	one   part // the only part, unless parts is set
	parts []part
	held  atomic.Pointer[heldPart]
}

// A part is the blocks that one XBLOCK lists, or a single block.
type part struct {
	bid   BID   // of the XBLOCK
	off   int64 // of its first byte in the data
	size  int64
	first int // number of its first block
	n     int // of blocks
	leafs []leaf
}

// A leaf is one data block and where its bytes go.
type leaf struct {
	blockRef
	off  int64
	lost bool // not in the block B-tree; read as zeros
}

type heldPart struct {
	index int
	leafs []leaf
}

// Data opens the content of n. A node without data has 0 bytes.
func (f *File) Data(n Node) (*Data, error) {
	d := &Data{f: f, node: n}
	if n.Data == 0 {
		return d, nil
	}
	var c bbtCursor
	if !n.Data.Internal() {
		r, err := f.findBlock(n.Data, &c)
		if err != nil {
			return nil, f.missing(n.Data, n, err)
		}
		d.one = part{n: 1, size: int64(r.n), leafs: []leaf{{blockRef: r}}}
		d.size = int64(r.n)
		return d, nil
	}
	x, err := f.xblock(n.Data, n)
	if err != nil {
		return nil, err
	}
	if x.level == 1 {
		d.one = part{bid: n.Data, n: x.n()}
		d.one.leafs, err = f.leafs(x, 0, n, &d.lost, &c)
		if err != nil {
			return nil, err
		}
		d.one.size = end(d.one.leafs)
		d.size = d.one.size
		return d, f.plausible(d, x)
	}
	if xx, ok := f.lists.get(n.Data, listBytes); ok {
		d.parts, d.size, d.lost = xx.parts, xx.size, xx.lost
		return d, nil
	}
	if err := f.parts(d, x, &c); err != nil {
		return nil, err
	}
	if err := f.plausible(d, x); err != nil {
		return nil, err
	}
	xx := partList{d.parts, d.size, d.lost}
	f.lists.add(n.Data, xx, listBytes(xx))
	return d, nil
}

// A partList is what an XXBLOCK comes to. It is kept for a while: to count
// the blocks of a long value takes a look-up for each.
type partList struct {
	parts []part
	size  int64
	lost  mapi.Problems
}

func listBytes(l partList) int { return 72*len(l.parts) + 200*len(l.lost) + 64 }

// parts reads the XBLOCKs of an XXBLOCK.
func (f *File) parts(d *Data, x xblock, c *bbtCursor) error {
	n := d.node
	blocks := 0
	for i := range x.n() {
		bid := x.bid(i)
		y, err := f.xblock(bid, n)
		if err == nil && y.level != 1 {
			err = broken(n.String(), -1, "cLevel", "2.2.2.8.3.2.1", "block %v: %d inside of an XXBLOCK, want 1", bid, y.level)
		}
		if err != nil {
			d.lost.Add(ProblemOf(err, ""))
			f.damage(ProblemOf(err, ""))
			continue
		}
		if blocks += y.n(); int64(blocks) > f.size/int64(f.l.BlockAlign)+1 {
			return broken(n.String(), -1, "cEnt", "2.2.2.8.3.2.2", "block %v: more blocks than the file has room for", n.Data)
		}
		leafs, err := f.leafs(y, d.size, n, &d.lost, c)
		if err != nil {
			return err
		}
		if len(leafs) == 0 {
			continue
		}
		p := part{bid: bid, off: d.size, size: end(leafs) - d.size, first: blocks - y.n(), n: y.n()}
		d.parts = append(d.parts, p)
		d.size += p.size
	}
	return nil
}

// plausible compares the size found with the one claimed and with the file.
func (f *File) plausible(d *Data, x xblock) error {
	most := f.size
	if f.l.Kind == Unicode4K {
		most *= 1100 // what deflate can do
	}
	if d.size > most {
		return broken(d.node.String(), -1, "lcbTotal", "2.2.2.8.3.2.1", "%d bytes in a file of %d: blocks are listed again and again", d.size, f.size)
	}
	if d.size != int64(x.total) && len(d.lost) == 0 {
		p := mapi.Problem{
			Where: d.node.String(), Offset: -1, Field: "lcbTotal",
			Detail: fmt.Sprintf("%d, but the blocks hold %d bytes", x.total, d.size), Spec: "[MS-PST] 2.2.2.8.3.2.1",
		}
		d.lost.Add(p)
		f.damage(p)
	}
	return nil
}

func end(l []leaf) int64 {
	if len(l) == 0 {
		return 0
	}
	last := &l[len(l)-1]
	return last.off + int64(last.n)
}

// An xblock is an XBLOCK or XXBLOCK. [MS-PST] 2.2.2.8.3.2
type xblock struct {
	level int
	total uint32
	ids   []byte
	l     *Layout
}

func (x xblock) n() int        { return len(x.ids) / x.l.IDSize }
func (x xblock) bid(i int) BID { return BID(x.l.id(x.ids[i*x.l.IDSize:])) }

func (f *File) xblock(bid BID, of Node) (xblock, error) {
	b, err := f.block(bid, of)
	if err != nil {
		return xblock{}, err
	}
	if len(b) < 8 || b[0] != 1 || b[1] < 1 || b[1] > 2 {
		var head []byte
		if len(b) > 0 {
			head = b[:min(2, len(b))]
		}
		return xblock{}, broken(of.String(), -1, "btype", "2.2.2.8.3.2", "block %v starts with % X: no XBLOCK or XXBLOCK", bid, head)
	}
	n := int(binary.LittleEndian.Uint16(b[2:]))
	x := xblock{level: int(b[1]), total: binary.LittleEndian.Uint32(b[4:]), l: f.l}
	if 8+n*f.l.IDSize > len(b) {
		f.damage(mapi.Problem{
			Severe: true, Where: of.String(), Offset: -1, Field: "cEnt",
			Detail: fmt.Sprintf("block %v of %d bytes has no room for %d entries", bid, len(b), n), Spec: "[MS-PST] 2.2.2.8.3.2.1",
		})
		n = (len(b) - 8) / f.l.IDSize
	}
	x.ids = b[8 : 8+n*f.l.IDSize]
	return x, nil
}

// leafs finds where the blocks of an XBLOCK lie. Those that cannot be found
// are added to lost and count with the bytes that are missing to the total.
func (f *File) leafs(x xblock, off int64, of Node, lost *mapi.Problems, c *bbtCursor) ([]leaf, error) {
	list := make([]leaf, 0, x.n())
	var sum int64
	missing := 0
	for i := range x.n() {
		bid := x.bid(i)
		if bid.Internal() {
			return nil, broken(of.String(), -1, "rgbid", "2.2.2.8.3.2.1", "block %v is internal where data belongs", bid)
		}
		r, err := f.findBlock(bid, c)
		if err != nil {
			missing++
			list = append(list, leaf{blockRef: blockRef{bid: bid}, lost: true})
			p := ProblemOf(f.missing(bid, of, err), "")
			if lost != nil {
				lost.Add(p)
				f.damage(p)
			}
			continue
		}
		sum += int64(r.n)
		list = append(list, leaf{blockRef: r})
	}
	gap := int64(x.total) - sum
	for i := range list {
		if e := &list[i]; e.lost {
			e.n = int(max(0, min(gap, int64(f.l.BlockData()))))
			gap -= int64(e.n)
		}
		list[i].off = off
		off += int64(list[i].n)
	}
	return list, nil
}

// Size is the number of bytes.
func (d *Data) Size() int64 { return d.size }

// Problems is what was found missing when the data was opened.
func (d *Data) Problems() mapi.Problems { return d.lost }

// Node is the node whose data it is.
func (d *Data) Node() Node { return d.node }

// Blocks is the number of data blocks.
func (d *Data) Blocks() int {
	if len(d.parts) == 0 {
		return d.one.n
	}
	p := &d.parts[len(d.parts)-1]
	return p.first + p.n
}

// Block is the content of the i-th block, which must not be changed. It is
// read through a cache: use it for heaps and tables, not for long values.
func (d *Data) Block(i int) ([]byte, error) {
	if i < 0 || i >= d.Blocks() {
		return nil, broken(d.node.String(), -1, "", "2.2.2.8.3", "no block number %d: there are %d", i, d.Blocks())
	}
	k := 0
	if len(d.parts) > 0 {
		k = sort.Search(len(d.parts), func(k int) bool { return d.parts[k].first > i }) - 1
	}
	leafs, first, err := d.leafsOf(k)
	if err != nil {
		return nil, err
	}
	e := &leafs[i-first]
	if e.lost {
		return nil, d.f.missing(e.bid, d.node, ErrNotFound)
	}
	if b, ok := d.f.held(e.bid); ok {
		return b, nil
	}
	return d.f.keep(e.blockRef, d.node)
}

// leafsOf is the blocks of the k-th part and the number of the first.
func (d *Data) leafsOf(k int) ([]leaf, int, error) {
	if len(d.parts) == 0 {
		return d.one.leafs, 0, nil
	}
	p := &d.parts[k]
	if h := d.held.Load(); h != nil && h.index == k {
		return h.leafs, p.first, nil
	}
	x, err := d.f.xblock(p.bid, d.node)
	if err != nil {
		return nil, 0, err
	}
	leafs, err := d.f.leafs(x, p.off, d.node, nil, &bbtCursor{})
	if err != nil {
		return nil, 0, err
	}
	if len(leafs) != p.n || end(leafs)-p.off != p.size {
		return nil, 0, broken(d.node.String(), -1, "rgbid", "2.2.2.8.3.2.1", "block %v does not read the same twice", p.bid)
	}
	d.held.Store(&heldPart{k, leafs})
	return leafs, p.first, nil
}

// from is the blocks from the one that holds the byte at off to the end of
// its part.
func (d *Data) from(off int64) ([]leaf, error) {
	k := 0
	if len(d.parts) > 0 {
		k = sort.Search(len(d.parts), func(k int) bool { return d.parts[k].off > off }) - 1
	}
	leafs, _, err := d.leafsOf(k)
	if err != nil {
		return nil, err
	}
	i := sort.Search(len(leafs), func(i int) bool { return leafs[i].off > off }) - 1
	for i > 0 && leafs[i].n == 0 {
		i--
	}
	return leafs[i:], nil
}

// runBytes is how much is read from the file at once: a run of blocks that lie
// one behind the other.
const runBytes = 256 << 10

var runs = sync.Pool{New: func() any { b := make([]byte, runBytes); return &b }}

// read unpacks the first blocks of list into dst, as many as fit whole, and
// returns the number of bytes.
func (d *Data) read(list []leaf, dst []byte) (int, error) {
	f := d.f
	done := 0
	buf := runs.Get().(*[]byte)
	defer runs.Put(buf)
	for len(list) > 0 {
		// A run: blocks in a row, within the buffer and within dst.
		n, disk, out := 0, 0, 0
		for n < len(list) {
			e := &list[n]
			size := f.l.DiskSize(e.cb)
			if e.lost || done+out+e.n > len(dst) || disk+size > runBytes || n > 0 && e.ib != list[0].ib+int64(disk) {
				break
			}
			n, disk, out = n+1, disk+size, out+e.n
		}
		if n == 0 {
			e := &list[0]
			if done+e.n > len(dst) || !e.lost {
				break
			}
			clear(dst[done : done+e.n])
			done += e.n
			list = list[1:]
			continue
		}
		raw := (*buf)[:disk]
		if err := f.readAt(raw, list[0].ib); err != nil {
			if n == 1 {
				return done, f.outside(list[0].blockRef, d.node, err)
			}
			// One of them is outside: read them one by one.
			m, err := d.read(list[:1], dst[done:done+list[0].n])
			if done += m; err != nil {
				return done, err
			}
			list = list[1:]
			continue
		}
		for i := range list[:n] {
			e := &list[i]
			size := f.l.DiskSize(e.cb)
			out := dst[done : done+e.n]
			disk, p, err := f.check(e.blockRef, raw[:size], d.node)
			if p != nil {
				f.damage(*p)
			}
			if err == nil {
				err = f.unpack(e.blockRef, out, disk, d.node)
			}
			if err != nil {
				// The rest still arrives; the hole is reported.
				f.damage(ProblemOf(err, ""))
				clear(out)
			}
			done += e.n
			raw = raw[size:]
		}
		list = list[n:]
	}
	return done, nil
}

// ReadAt implements io.ReaderAt. A block that is missing or damaged beyond
// use reads as zeros, and is reported to [Options.Report].
func (d *Data) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("pst: negative offset %d", off)
	}
	done := 0
	for done < len(p) {
		if off >= d.size {
			return done, io.EOF
		}
		list, err := d.from(off)
		if err != nil {
			return done, err
		}
		skip := int(off - list[0].off)
		if skip > 0 || len(p)-done < list[0].n {
			// Part of a block: through the cache, as who reads at random
			// mostly reads near by.
			n := d.readPart(&list[0], p[done:], skip)
			done, off = done+n, off+int64(n)
			continue
		}
		n, err := d.read(list, p[done:])
		done, off = done+n, off+int64(n)
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// readPart copies from one block, from its byte skip on.
func (d *Data) readPart(e *leaf, p []byte, skip int) int {
	n := min(len(p), e.n-skip)
	b, ok := d.f.held(e.bid)
	if !ok && !e.lost {
		var err error
		if b, err = d.f.keep(e.blockRef, d.node); err != nil {
			d.f.damage(ProblemOf(err, ""))
		}
	}
	if len(b) < skip+n {
		clear(p[:n])
		return n
	}
	return copy(p[:n], b[skip:])
}
