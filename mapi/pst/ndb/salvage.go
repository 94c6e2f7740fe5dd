package ndb

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/mailconv/mailconv/mapi"
)

// A pageKey names a page in the index of pages that a search of the file makes.
type pageKey struct {
	ptype byte
	bid   BID
}

// maxSalvaged bounds that index.
const maxSalvaged = 1 << 20

// salvage finds a page of a B-tree by its identifier anywhere in the file,
// for a pointer that leads nowhere. The first call reads the whole file.
func (f *File) salvage(ptype byte, bid BID) (int64, bool) {
	f.salvageOnce.Do(f.scanPages)
	ib, ok := f.salvaged[pageKey{ptype, bid}]
	return ib, ok
}

func (f *File) scanPages() {
	f.salvaged = map[pageKey]int64{}
	l := f.l
	const chunk = 1 << 20
	buf := make([]byte, chunk+l.PageSize)
	for off := int64(0); off < f.size; off += chunk {
		b := buf[:min(int64(len(buf)), f.size-off)]
		if f.readAt(b, off) != nil {
			continue
		}
		for i := 0; i < chunk && i+l.PageSize <= len(b); i += 512 {
			p := b[i : i+l.PageSize]
			t := p[l.PageSize-l.PageTrailer:]
			if t[0] != t[1] || t[0] != ptypeBBT && t[0] != ptypeNBT {
				continue
			}
			m := l.meta(p)
			if Checksum(p[:l.PageSize-l.PageTrailer]) != m.crc || len(f.salvaged) >= maxSalvaged {
				continue
			}
			f.salvaged[pageKey{m.ptype, m.bid}] = off + int64(i)
			if m.ptype == ptypeNBT && m.cLevel == 0 {
				f.leafPages = append(f.leafPages, off+int64(i))
			}
		}
	}
}

// Former lists the nodes that pages of the node B-tree in free space still
// name, and that the tree does not have any more: what was deleted, as long as
// nothing was written over it. Of several versions of a node it is the latest
// whose data block is found. The first call reads the whole file; afterwards
// blocks that the block B-tree does not have are looked for in free space too.
func (f *File) Former() []Node {
	f.formerOnce.Do(f.findFormer)
	list := make([]Node, 0, len(f.former))
	for _, n := range f.former {
		list = append(list, n)
	}
	slices.SortFunc(list, func(a, b Node) int { return cmp.Compare(a.NID, b.NID) })
	return list
}

func (f *File) findFormer() {
	f.salvage(ptypeNBT, 0)
	live := map[int64]struct{}{}
	f.nbt.walk(0, func(p *page) bool { live[p.ib] = struct{}{}; return true }, func(error) bool { return true })
	f.freeSpace.Store(true)
	f.former = map[NID]Node{}
	base := &File{core: f.core}
	for _, ib := range f.leafPages {
		if _, ok := live[ib]; ok {
			continue
		}
		raw := make([]byte, f.l.PageSize)
		if f.readAt(raw, ib) != nil {
			continue
		}
		p, err := base.parsePage(&f.nbt, BREF{f.l.meta(raw).bid, ib}, ib, 0)
		if err != nil {
			continue
		}
		for i := range p.n {
			n := base.parseNBT(p, i)
			n.Doubt = ib
			if old, ok := f.former[n.NID]; ok && old.Data >= n.Data || n.Data == 0 || len(f.former) >= maxSalvaged {
				continue
			}
			if _, _, err := f.nbt.find(uint64(n.NID)); err == nil {
				continue
			}
			if _, err := base.findBlock(n.Data, &bbtCursor{}); err == nil {
				f.former[n.NID] = n
			}
		}
	}
}

// A found block is one that a search for block trailers met.
type foundBlock struct {
	bid BID
	ib  int64
	cb  uint16
	n   uint16
}

// salvageBlock finds a block by its trailer, for a file whose block B-tree is
// damaged. The first call reads the whole file.
func (f *File) salvageBlock(bid BID) (blockRef, bool) {
	free := f.freeSpace.Load()
	if !f.bbtDamaged.Load() && !free {
		return blockRef{}, false
	}
	f.blocksOnce.Do(f.scanBlocks)
	i, ok := slices.BinarySearchFunc(f.found, bid&^1, func(b foundBlock, bid BID) int { return cmp.Compare(b.bid, bid) })
	if !ok {
		return blockRef{}, false
	}
	b := &f.found[i]
	if free {
		return blockRef{bid: bid, ib: b.ib, cb: int(b.cb), n: int(b.n)}, true
	}
	f.damage(mapi.Problem{
		Where: "BBT", Offset: b.ib, Field: "BBTENTRY",
		Detail: fmt.Sprintf("block %v is not in the block B-tree; it was found by its trailer", bid), Spec: "[MS-PST] 2.2.2.7.7.3",
	})
	return blockRef{bid: bid, ib: b.ib, cb: int(b.cb), n: int(b.n)}, true
}

func (f *File) scanBlocks() {
	l := f.l
	const chunk = 1 << 20
	buf := make([]byte, l.BlockMax+chunk)
	for off := int64(0); off < f.size; off += chunk {
		// The buffer starts a whole block before off, for blocks that end in
		// this piece.
		from := max(0, off-int64(l.BlockMax))
		b := buf[:min(off+chunk, f.size)-from]
		if f.readAt(b, from) != nil {
			continue
		}
		for end := int(off-from) + l.BlockAlign; end <= len(b); end += l.BlockAlign {
			raw := b[end-l.BlockTrailer : end]
			t := l.blockTrailer(raw)
			start := end - l.DiskSize(int(t.cb))
			if t.cb == 0 || t.bid == 0 || start < 0 || t.wSig != Signature(from+int64(start), t.bid) ||
				Checksum(b[start:start+int(t.cb)]) != t.crc || len(f.found) >= maxSalvaged {
				continue
			}
			n := t.cb
			if l.Kind == Unicode4K {
				n = binary.LittleEndian.Uint16(raw[18:])
			}
			f.found = append(f.found, foundBlock{t.bid &^ 1, from + int64(start), t.cb, n})
		}
	}
	slices.SortFunc(f.found, func(a, b foundBlock) int { return cmp.Compare(a.bid, b.bid) })
}
