package ndb

import (
	"encoding/binary"
	"fmt"
	"sort"

	"github.com/mailconv/mailconv/mapi"
)

// maxLevels bounds the depth of the B-trees: with 15 entries in a leaf and 20
// in each page above, eight levels hold more than any file can.
const maxLevels = 8

// A tree is one of the two B-trees of pages. [MS-PST] 2.2.2.7.7
type tree struct {
	f     *File
	root  BREF
	ptype byte
	entry int // size of a leaf entry
	name  string
}

// A page is a BTPAGE that passed its checks. Its bytes are never changed.
type page struct {
	tree    byte // ptype of the tree that it was read for
	ib      int64
	level   int // 0 is a leaf
	n       int
	size    int // of an entry
	width   int // of a key
	data    []byte
	damaged bool // the checksum failed: order cannot be relied on
}

func (p *page) entry(i int) []byte { return p.data[i*p.size : (i+1)*p.size] }

func (p *page) key(i int) uint64 {
	if p.width == 4 {
		return uint64(binary.LittleEndian.Uint32(p.data[i*p.size:]))
	}
	return binary.LittleEndian.Uint64(p.data[i*p.size:])
}

// ref is the page that an entry of an intermediate page points to.
// [MS-PST] 2.2.2.7.7.2
func (p *page) ref(i int) BREF {
	e := p.entry(i)
	if p.width == 4 {
		return BREF{BID(binary.LittleEndian.Uint32(e[4:])), int64(binary.LittleEndian.Uint32(e[8:]))}
	}
	return BREF{BID(binary.LittleEndian.Uint64(e[8:])), int64(binary.LittleEndian.Uint64(e[16:]))}
}

func pageBytes(p *page) int { return len(p.data) + 96 }

// loadPage reads the page at ref. Level is the one it must have, or -1.
// Search allows to look for it elsewhere when it is not where ref says.
func (f *File) loadPage(t *tree, ref BREF, level int, search bool) (*page, error) {
	if p, ok := f.pages.get(ref.IB, pageBytes); ok {
		if p.tree != t.ptype {
			return nil, broken(t.name, ref.IB, "ptype", "2.2.2.7.1", "the page is part of the other tree already")
		}
		if level >= 0 && p.level != level {
			return nil, broken(t.name, ref.IB, "cLevel", "2.2.2.7.7.1", "page of level %d where level %d belongs", p.level, level)
		}
		return p, nil
	}
	p, err := f.parsePage(t, ref, ref.IB, level)
	if t.ptype == ptypeBBT && (err != nil || p.damaged) {
		f.bbtDamaged.Store(true)
	}
	if err != nil && search {
		if ib, ok := f.salvage(t.ptype, ref.BID); ok && ib != ref.IB {
			if q, err2 := f.parsePage(t, ref, ib, level); err2 == nil {
				f.damage(mapi.Problem{
					Where: t.name, Offset: ref.IB, Field: "BREF",
					Detail: fmt.Sprintf("no page %v here; it was found at offset 0x%X", ref.BID, ib), Spec: "[MS-PST] 2.2.2.4",
				})
				p, err = q, nil
			}
		}
	}
	if err != nil {
		if pe, ok := err.(*pageError); ok && pe.page != nil {
			// Readable, though not what was asked for by name.
			f.damage(pe.FormatError.Problem)
			p, err = pe.page, nil
		} else if ok {
			return nil, pe.FormatError
		} else {
			return nil, err
		}
	}
	f.pages.add(ref.IB, p, pageBytes(p))
	return p, nil
}

// A pageError says what is wrong with a page; page is set where it can be used
// for want of a better one.
type pageError struct {
	*mapi.FormatError
	page *page
}

func (f *File) parsePage(t *tree, ref BREF, ib int64, level int) (*page, error) {
	l := f.l
	raw := make([]byte, l.PageSize)
	if err := f.readAt(raw, ib); err != nil {
		return nil, &pageError{FormatError: broken(t.name, ref.IB, "BREF", "2.2.2.4", "page %v lies outside of the file or cannot be read: %v", ref.BID, err)}
	}
	m := l.meta(raw)
	crcOK := Checksum(raw[:l.PageSize-l.PageTrailer]) == m.crc
	typeOK := m.ptype == t.ptype && m.ptypeRepeat == t.ptype
	p := &page{tree: t.ptype, ib: ib, level: m.cLevel, n: m.cEnt, size: m.cbEnt, width: l.IDSize, damaged: !crcOK}
	bad := func(field, format string, args ...any) *pageError {
		return &pageError{FormatError: broken(t.name, ib, field, "2.2.2.7.7.1", format, args...)}
	}
	if m.ptype != t.ptype && m.ptypeRepeat != t.ptype {
		return nil, bad("ptype", "0x%02X, want 0x%02X: no page of this tree", m.ptype, t.ptype)
	}
	if !crcOK && m.bid != ref.BID && !typeOK {
		return nil, bad("dwCRC", "neither checksum nor identifier match")
	}
	if level >= 0 && m.cLevel != level {
		if crcOK {
			return nil, bad("cLevel", "%d, want %d", m.cLevel, level)
		}
		p.level = level
	}
	if p.level > maxLevels && crcOK {
		return nil, bad("cLevel", "%d: the tree is deeper than any file needs", m.cLevel)
	}
	if !crcOK && level < 0 {
		p.level = f.guessLevel(t, raw, m)
	}
	want := l.BTEntry
	if p.level == 0 {
		want = t.entry
	}
	if p.size < want || p.size > l.PageEntries || !crcOK && p.size != want && p.size != 32 {
		if crcOK {
			return nil, bad("cbEnt", "%d, want %d", p.size, want)
		}
		p.size = want
	}
	if p.n*p.size > l.PageEntries {
		if crcOK {
			return nil, bad("cEnt", "%d entries of %d bytes do not fit into a page", p.n, p.size)
		}
		p.n = l.PageEntries / p.size
	}
	p.data = raw[:p.n*p.size]
	switch {
	case !crcOK:
		f.damage(mapi.Problem{
			Where: t.name, Offset: ib, Field: "dwCRC",
			Detail: fmt.Sprintf("checksum of page %v does not match (0x%08X stored); its entries are used as far as they make sense", ref.BID, m.crc), Spec: "[MS-PST] 2.2.2.7.1",
		})
	case m.bid != ref.BID:
		e := bad("bid", "page %v where %v belongs", m.bid, ref.BID)
		e.page = p
		e.Severe = false
		return nil, e
	case !typeOK:
		f.damage(mapi.Problem{Where: t.name, Offset: ib, Field: "ptype", Detail: fmt.Sprintf("0x%02X, 0x%02X", m.ptype, m.ptypeRepeat), Spec: "[MS-PST] 2.2.2.7.1"})
	case m.wSig != 0 && m.wSig != Signature(ib, m.bid):
		// QUIRK: [MS-PST] 5.5 asks for a signature; some programs write 0.
		f.damage(mapi.Problem{Where: t.name, Offset: ib, Field: "wSig", Detail: fmt.Sprintf("0x%04X, want 0x%04X", m.wSig, Signature(ib, m.bid)), Spec: "[MS-PST] 5.5"})
	}
	return p, nil
}

// guessLevel says whether a damaged page that nothing else speaks for is a
// leaf: 0 or 1.
func (f *File) guessLevel(t *tree, raw []byte, m pageMeta) int {
	l := f.l
	if t.ptype == ptypeNBT && m.cbEnt == l.NBTEntry {
		return 0
	}
	if t.ptype == ptypeNBT && m.cbEnt == l.BTEntry {
		return 1
	}
	// The entries have one size: see where the first two point.
	p := page{n: 2, size: l.BTEntry, width: l.IDSize, data: raw}
	child := make([]byte, l.PageSize)
	for i := range p.n {
		if f.readAt(child, p.ref(i).IB) != nil {
			continue
		}
		if c := l.meta(child); c.ptype == t.ptype && Checksum(child[:l.PageSize-l.PageTrailer]) == c.crc {
			return 1
		}
	}
	return 0
}

// below is the level that the pages under p must have; -1 where that of p
// itself is not certain.
func (p *page) below() int {
	if p.damaged {
		return -1
	}
	return p.level - 1
}

// search is the index of the last entry whose key is not above key, or -1.
func (p *page) search(key uint64) int {
	return sort.Search(p.n, func(i int) bool { return p.key(i) > key }) - 1
}

// lookupBudget bounds the pages that one look-up in a damaged tree visits.
const lookupBudget = 4096

// find is the leaf entry with the key, and its page.
func (t *tree) find(key uint64) (*page, int, error) {
	budget := lookupBudget
	return t.findIn(t.root, -1, key, &budget, 0)
}

func (t *tree) findIn(ref BREF, level int, key uint64, budget *int, depth int) (*page, int, error) {
	if *budget--; *budget < 0 || depth > maxLevels {
		return nil, 0, ErrNotFound
	}
	p, err := t.f.loadPage(t, ref, level, true)
	if err != nil {
		return nil, 0, err
	}
	i := p.search(key)
	if p.level == 0 {
		if i >= 0 && p.key(i) == key {
			return p, i, nil
		}
		if p.damaged {
			for i := range p.n {
				if p.key(i) == key {
					return p, i, nil
				}
			}
		}
		return nil, 0, ErrNotFound
	}
	err = ErrNotFound
	if i >= 0 {
		var q *page
		var j int
		if q, j, err = t.findIn(p.ref(i), p.below(), key, budget, depth+1); err == nil {
			return q, j, nil
		}
	}
	if p.damaged {
		// A key in this page may be what broke: try every way down.
		for k := range p.n {
			if k == i {
				continue
			}
			if q, j, err2 := t.findIn(p.ref(k), p.below(), key, budget, depth+1); err2 == nil {
				return q, j, nil
			}
		}
	}
	return nil, 0, err
}

// walk calls leaf for every leaf page from the one that holds from, in order.
// Pages that cannot be read go to fail; it and leaf return false to stop.
func (t *tree) walk(from uint64, leaf func(*page) bool, fail func(error) bool) {
	seen := map[int64]struct{}{}
	t.walkIn(t.root, -1, from, 0, seen, leaf, fail)
}

func (t *tree) walkIn(ref BREF, level int, from uint64, depth int, seen map[int64]struct{}, leaf func(*page) bool, fail func(error) bool) bool {
	if _, dup := seen[ref.IB]; dup || len(seen) > 1<<24 {
		return fail(broken(t.name, ref.IB, "BREF", "2.2.2.7.7.2", "the page is in the tree twice"))
	}
	if depth > maxLevels {
		return fail(broken(t.name, ref.IB, "cLevel", "2.2.2.7.7.1", "the tree is deeper than any file needs"))
	}
	seen[ref.IB] = struct{}{}
	p, err := t.f.loadPage(t, ref, level, true)
	if err != nil {
		return fail(err)
	}
	if p.level == 0 {
		return leaf(p)
	}
	i := 0
	if !p.damaged {
		i = max(0, p.search(from))
	}
	for ; i < p.n; i++ {
		if !t.walkIn(p.ref(i), p.below(), from, depth+1, seen, leaf, fail) {
			return false
		}
	}
	return true
}
