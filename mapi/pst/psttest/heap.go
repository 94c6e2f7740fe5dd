package psttest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"slices"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/pst/ndb"
)

// maxItem is the largest allocation of a heap. [MS-PST] 2.3.1
const maxItem = 3580

// heap builds a heap on a node. [MS-PST] 2.3.1
type heap struct {
	f      *file
	client byte
	blocks []heapBlock
	most   int // bytes of a block
}

type heapBlock struct {
	data []byte
	ib   []uint16
}

func (f *file) newHeap(client byte) *heap {
	h := &heap{f: f, client: client, most: f.l.BlockData()}
	if f.o.HeapBlock > 0 {
		h.most = min(h.most, f.o.HeapBlock)
	}
	h.grow()
	return h
}

func (h *heap) grow() {
	n := 2
	switch k := len(h.blocks); {
	case k == 0:
		n = 12
	case k >= 8 && (k-8)%128 == 0:
		n = 66 // HNBITMAPHDR
	}
	h.blocks = append(h.blocks, heapBlock{data: make([]byte, n, min(h.most, 1024))})
}

// largest is the largest allocation that this heap takes.
func (h *heap) largest() int { return min(maxItem, h.most-80) }

func (h *heap) alloc(b []byte) uint32 {
	if len(b) == 0 {
		return 0
	}
	bits := h.f.l.HIDIndexBits
	c := &h.blocks[len(h.blocks)-1]
	if len(c.data)+len(b)+1+4+2*(len(c.ib)+2) > h.most || len(c.ib) >= 1<<bits-1 {
		h.grow()
		c = &h.blocks[len(h.blocks)-1]
	}
	c.ib = append(c.ib, uint16(len(c.data)))
	c.data = append(c.data, b...)
	return uint32(len(h.blocks)-1)<<(5+bits) | uint32(len(c.ib))<<5
}

// finish is the blocks of the heap.
func (h *heap) finish(root uint32) [][]byte {
	var out [][]byte
	for i := range h.blocks {
		c := &h.blocks[i]
		c.ib = append(c.ib, uint16(len(c.data)))
		if len(c.data)%2 != 0 {
			c.data = append(c.data, 0)
		}
		binary.LittleEndian.PutUint16(c.data, uint16(len(c.data)))
		if i == 0 {
			c.data[2], c.data[3] = 0xEC, h.client
			binary.LittleEndian.PutUint32(c.data[4:], root)
		}
		c.data = binary.LittleEndian.AppendUint16(c.data, uint16(len(c.ib)-1))
		c.data = binary.LittleEndian.AppendUint16(c.data, 0)
		for _, ib := range c.ib {
			c.data = binary.LittleEndian.AppendUint16(c.data, ib)
		}
		out = append(out, c.data)
	}
	return out
}

// bth builds a B-tree in the heap from records in order. [MS-PST] 2.3.2
func (h *heap) bth(key, ent int, records []byte) uint32 {
	size := key + ent
	var level []byte // of keys with HIDs
	per := h.largest() / size * size
	var last uint32
	n := 0
	for rest := records; len(rest) > 0; n++ {
		k := min(per, len(rest))
		last = h.alloc(rest[:k])
		level = append(level, rest[:key]...)
		level = binary.LittleEndian.AppendUint32(level, last)
		rest = rest[k:]
	}
	levels := byte(0)
	for n > 1 {
		levels++
		var next []byte
		n = 0
		per := h.largest() / (key + 4) * (key + 4)
		for rest := level; len(rest) > 0; n++ {
			k := min(per, len(rest))
			last = h.alloc(rest[:k])
			next = append(next, rest[:key]...)
			next = binary.LittleEndian.AppendUint32(next, last)
			rest = rest[k:]
		}
		level = next
	}
	b := []byte{0xB5, byte(key), byte(ent), levels}
	return h.alloc(binary.LittleEndian.AppendUint32(b, last))
}

// value stores a value and returns its HNID.
func (h *heap) value(v mapi.Value, s *subs) (uint32, error) {
	f := h.f
	t := v.Type()
	var raw []byte
	switch {
	case !v.InMemory():
		r, err := v.Blob().Open(context.Background())
		if err != nil {
			return 0, err
		}
		defer r.Close()
		nid := s.newNID(ndb.TypeLTP)
		f.sub = nid
		bid, _, err := f.data(r)
		if err != nil || bid == 0 {
			return 0, err
		}
		s.add(nid, bid, 0)
		return uint32(nid), nil
	case t.Multi() && t.FixedSize() == 0:
		elems := v.Elems()
		if len(elems) == 0 {
			return 0, nil
		}
		raw = binary.LittleEndian.AppendUint32(nil, uint32(len(elems)))
		at := 4 + 4*len(elems)
		for _, e := range elems {
			raw = binary.LittleEndian.AppendUint32(raw, uint32(at))
			at += len(e)
		}
		for _, e := range elems {
			raw = append(raw, e...)
		}
	default:
		raw = v.Raw()
	}
	if len(raw) <= h.largest() && len(raw) <= f.o.inline() {
		return h.alloc(raw), nil
	}
	nid := s.newNID(ndb.TypeLTP)
	f.sub = nid
	bid, _, err := f.data(bytes.NewReader(raw))
	if err != nil {
		return 0, err
	}
	s.add(nid, bid, 0)
	return uint32(nid), nil
}

// An object is a property of type mapi.TypeObject. [MS-PST] 2.3.3.5
type object struct {
	id   uint16
	nid  ndb.NID
	size uint32
}

// pc builds a property context. [MS-PST] 2.3.3
func (w *writer) pc(ps mapi.Properties, objects []object, s *subs) ([][]byte, error) {
	h := w.newHeap(0xBC)
	type rec struct {
		id uint16
		b  []byte
	}
	var recs []rec
	add := func(id uint16, t mapi.Type, v uint32) {
		b := binary.LittleEndian.AppendUint16(nil, id)
		b = binary.LittleEndian.AppendUint16(b, uint16(t))
		recs = append(recs, rec{id, binary.LittleEndian.AppendUint32(b, v)})
	}
	for _, p := range ps {
		v, err := w.local(p.Value)
		if err != nil {
			return nil, err
		}
		id, t := w.id(p), v.Type()
		if n := t.FixedSize(); n > 0 && n <= 4 && !t.Multi() {
			var b [4]byte
			copy(b[:], v.Raw())
			add(id, t, binary.LittleEndian.Uint32(b[:]))
			continue
		}
		hnid, err := h.value(v, s)
		if err != nil {
			return nil, err
		}
		add(id, t, hnid)
	}
	for _, o := range objects {
		b := binary.LittleEndian.AppendUint32(nil, uint32(o.nid))
		add(o.id, mapi.TypeObject, h.alloc(binary.LittleEndian.AppendUint32(b, o.size)))
	}
	slices.SortStableFunc(recs, func(a, b rec) int { return cmp.Compare(a.id, b.id) })
	var flat []byte
	for _, r := range recs {
		flat = append(flat, r.b...)
	}
	return h.finish(h.bth(2, 6, flat)), nil
}

// A row is one row of a table: its identifier and values.
type row struct {
	id uint32
	ps mapi.Properties
	// dead rows are left out of the row index.
	dead bool
}

// column is TCOLDESC.
type column struct {
	tag    mapi.Tag
	ib, cb int
	bit    int
}

// cellSize is the room of a value in a row. [MS-PST] 2.3.4.2
func cellSize(t mapi.Type) int {
	switch n := t.FixedSize(); {
	case t == mapi.TypeBoolean:
		return 1
	case n > 0 && n <= 8 && !t.Multi():
		return n
	}
	return 4
}

// table collects the rows of a table context. [MS-PST] 2.3.4
type table struct {
	w     *writer
	h     *heap
	s     *subs
	cols  []column
	rgib  [4]int
	index []byte
	rows  []byte
	n     uint32
	part  [][]byte // full blocks of rows
}

// newTable lays out the columns.
func (w *writer) newTable(tags []mapi.Tag, s *subs) *table {
	t := &table{w: w, h: w.newHeap(0x7C), s: s}
	have := map[mapi.Tag]bool{}
	for _, tag := range append([]mapi.Tag{mapi.PidTagLtpRowId, mapi.PidTagLtpRowVer}, tags...) {
		if !have[tag] && len(t.cols) < 255 {
			have[tag] = true
			t.cols = append(t.cols, column{tag: tag, cb: cellSize(tag.Type()), bit: len(t.cols)})
		}
	}
	ib := 0
	for k, group := range [][]int{{4, 8}, {2}, {1}} {
		for i := range t.cols {
			if c := &t.cols[i]; slices.Contains(group, c.cb) {
				c.ib = ib
				ib += c.cb
			}
		}
		t.rgib[k] = ib
	}
	t.rgib[3] = ib + (len(t.cols)+7)/8
	return t
}

// add appends a row.
func (t *table) add(r row) error {
	b := make([]byte, t.rgib[3])
	set := func(c *column) { b[t.rgib[2]+c.bit/8] |= 1 << (7 - c.bit%8) }
	for i := range t.cols {
		c := &t.cols[i]
		switch c.tag {
		case mapi.PidTagLtpRowId:
			binary.LittleEndian.PutUint32(b[c.ib:], r.id)
			set(c)
			continue
		case mapi.PidTagLtpRowVer:
			binary.LittleEndian.PutUint32(b[c.ib:], t.n+1)
			set(c)
			continue
		}
		for _, p := range r.ps {
			v, err := t.w.local(p.Value)
			if err != nil {
				return err
			}
			if mapi.NewTag(t.w.id(p), v.Type()) != c.tag {
				continue
			}
			set(c)
			if n := v.Type().FixedSize(); n > 0 && n <= 8 && !v.Type().Multi() {
				copy(b[c.ib:c.ib+c.cb], v.Raw())
				break
			}
			hnid, err := t.h.value(v, t.s)
			if err != nil {
				return err
			}
			binary.LittleEndian.PutUint32(b[c.ib:], hnid)
			break
		}
	}
	if !r.dead {
		t.index = binary.LittleEndian.AppendUint32(t.index, r.id)
		if t.w.l.Kind == ndb.ANSI {
			t.index = binary.LittleEndian.AppendUint16(t.index, uint16(t.n))
		} else {
			t.index = binary.LittleEndian.AppendUint32(t.index, t.n)
		}
	}
	t.n++
	// Rows do not cross blocks; each but the last is as long as a block.
	if len(t.rows)+len(b) > t.w.l.BlockData() {
		t.part = append(t.part, append(t.rows, make([]byte, t.w.l.BlockData()-len(t.rows))...))
		t.rows = nil
	}
	t.rows = append(t.rows, b...)
	return nil
}

// finish is the heap blocks of the table; its rows are in the heap or in a
// sub-node.
func (t *table) finish() [][]byte {
	ent := 4
	if t.w.l.Kind == ndb.ANSI {
		ent = 2
	}
	size := 4 + ent
	recs := make([][]byte, 0, len(t.index)/size)
	for i := 0; i+size <= len(t.index); i += size {
		recs = append(recs, t.index[i:i+size])
	}
	slices.SortFunc(recs, func(a, b []byte) int {
		return cmp.Compare(binary.LittleEndian.Uint32(a), binary.LittleEndian.Uint32(b))
	})
	index := t.h.bth(4, ent, slices.Concat(recs...))
	rows := uint32(0)
	switch {
	case t.n == 0:
	case len(t.part) == 0 && len(t.rows) <= t.h.largest() && !t.w.o.RowsInSubnode:
		rows = t.h.alloc(t.rows)
	default:
		nid := t.s.newNID(ndb.TypeLTP)
		t.w.sub = nid
		t.s.add(nid, t.w.blocks(append(t.part, t.rows), "rows"), 0)
		rows = uint32(nid)
	}
	b := []byte{0x7C, byte(len(t.cols))}
	for _, n := range t.rgib {
		b = binary.LittleEndian.AppendUint16(b, uint16(n))
	}
	b = binary.LittleEndian.AppendUint32(b, index)
	b = binary.LittleEndian.AppendUint32(b, rows)
	b = binary.LittleEndian.AppendUint32(b, 0)
	cols := slices.Clone(t.cols)
	slices.SortFunc(cols, func(a, b column) int { return cmp.Compare(a.tag, b.tag) })
	for _, c := range cols {
		b = binary.LittleEndian.AppendUint32(b, uint32(c.tag))
		b = binary.LittleEndian.AppendUint16(b, uint16(c.ib))
		b = append(b, byte(c.cb), byte(c.bit))
	}
	return t.h.finish(t.h.alloc(b))
}
