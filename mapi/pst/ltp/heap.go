package ltp

import (
	"encoding/binary"
	"fmt"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/pst/ndb"
)

// bType and bClientSig values. [MS-PST] 2.3.1.2
const (
	typeTC  = 0x7C
	typePC  = 0xBC
	typeBTH = 0xB5
	heapSig = 0xEC
)

// A HID names an allocation of a heap, an HNID that or a sub-node.
// [MS-PST] 2.3.1.1, 2.3.3.2
type HID uint32

// IsHID reports whether an HNID is a HID and not a sub-node.
func (h HID) IsHID() bool { return h&0x1F == 0 }

// A Heap is a node with small allocations, the HN. [MS-PST] 2.3.1
type Heap struct {
	f    *ndb.File
	node ndb.Node
	d    *ndb.Data
	// first is the first block, which is mostly the only one.
	first    []byte
	client   byte
	userRoot HID
}

func broken(n ndb.Node, field, spec, format string, args ...any) *mapi.FormatError {
	return &mapi.FormatError{Format: "pst", Problem: mapi.Problem{
		Severe: true, Where: n.String(), Offset: -1, Field: field, Detail: fmt.Sprintf(format, args...), Spec: "[MS-PST] " + spec,
	}}
}

// openHeap reads the header of a heap of the wanted client.
func openHeap(f *ndb.File, n ndb.Node, client byte) (*Heap, error) {
	d, err := f.Data(n)
	if err != nil {
		return nil, err
	}
	h := &Heap{f: f, node: n, d: d}
	if d.Blocks() == 0 {
		return nil, broken(n, "HNHDR", "2.3.1.2", "no heap: the node has no data")
	}
	if h.first, err = d.Block(0); err != nil {
		return nil, err
	}
	b := h.first
	if len(b) < 12 {
		return nil, broken(n, "HNHDR", "2.3.1.2", "no heap: only %d bytes", len(b))
	}
	h.client = b[3]
	h.userRoot = HID(binary.LittleEndian.Uint32(b[4:]))
	// One of the two signatures may be what broke.
	if b[2] != heapSig && h.client != client {
		return nil, broken(n, "bSig", "2.3.1.2", "no heap: 0x%02X, want 0x%02X", b[2], heapSig)
	}
	if b[2] == heapSig && h.client != client && (h.client == typePC || h.client == typeTC) {
		return nil, broken(n, "bClientSig", "2.3.1.2", "0x%02X, want 0x%02X", h.client, client)
	}
	return h, nil
}

// split takes a HID apart: block number and index, which counts from 1.
func (h *Heap) split(hid HID) (block, index int) {
	bits := h.f.Layout().HIDIndexBits
	return int(hid >> (5 + bits)), int(hid >> 5 & (1<<bits - 1))
}

// Item is the bytes of an allocation. They must not be changed.
// [MS-PST] 2.3.1.5
func (h *Heap) Item(hid HID) ([]byte, error) {
	if !hid.IsHID() {
		return nil, broken(h.node, "hidType", "2.3.1.1", "0x%X is no HID", uint32(hid))
	}
	k, i := h.split(hid)
	b := h.first
	if k > 0 {
		var err error
		if b, err = h.d.Block(k); err != nil {
			return nil, err
		}
	}
	if len(b) < 2 {
		return nil, broken(h.node, "ibHnpm", "2.3.1.5", "heap block %d has no page map", k)
	}
	m := int(binary.LittleEndian.Uint16(b))
	if m+4 > len(b) {
		return nil, broken(h.node, "ibHnpm", "2.3.1.5", "heap block %d: page map at %d of %d bytes", k, m, len(b))
	}
	n := int(binary.LittleEndian.Uint16(b[m:]))
	if i < 1 || i > n || m+4+2*(i+1) > len(b) {
		return nil, broken(h.node, "hidIndex", "2.3.1.1", "HID 0x%X: block %d has %d allocations", uint32(hid), k, n)
	}
	from := int(binary.LittleEndian.Uint16(b[m+4+2*(i-1):]))
	to := int(binary.LittleEndian.Uint16(b[m+4+2*i:]))
	if from > to || to > len(b) {
		return nil, broken(h.node, "rgibAlloc", "2.3.1.5", "HID 0x%X: from %d to %d in a block of %d bytes", uint32(hid), from, to, len(b))
	}
	return b[from:to:to], nil
}

// find looks through the first block for an allocation that starts with the
// bytes, for a heap whose hidUserRoot is damaged.
func (h *Heap) find(prefix ...byte) (HID, bool) {
	b := h.first
	m := int(binary.LittleEndian.Uint16(b))
	if m+4 > len(b) {
		return 0, false
	}
next:
	for i := 1; i <= int(binary.LittleEndian.Uint16(b[m:])); i++ {
		it, err := h.Item(HID(i << 5))
		if err != nil || len(it) < len(prefix) || len(it) < 8 {
			continue
		}
		for k, c := range prefix {
			if it[k] != c {
				continue next
			}
		}
		return HID(i << 5), true
	}
	return 0, false
}

// maxIndexLevels bounds the depth of a BTH.
const maxIndexLevels = 8

// A bth is the header of a B-tree in a heap. [MS-PST] 2.3.2.1
type bth struct {
	key, ent int
	levels   int
	root     HID
}

func (h *Heap) bth(hid HID, key int) (bth, error) {
	b, err := h.Item(hid)
	if err != nil {
		return bth{}, err
	}
	if len(b) < 8 {
		return bth{}, broken(h.node, "BTHHEADER", "2.3.2.1", "%d bytes, want 8", len(b))
	}
	t := bth{key: int(b[1]), ent: int(b[2]), levels: int(b[3]), root: HID(binary.LittleEndian.Uint32(b[4:]))}
	if b[0] != typeBTH && t.key != key {
		return t, broken(h.node, "bType", "2.3.2.1", "0x%02X, want 0x%02X", b[0], typeBTH)
	}
	if t.key != key || t.ent == 0 || t.ent > 32 {
		return t, broken(h.node, "cbKey", "2.3.2.1", "keys of %d and records of %d bytes", t.key, t.ent)
	}
	if t.levels > maxIndexLevels {
		return t, broken(h.node, "bIdxLevels", "2.3.2.1", "%d levels", t.levels)
	}
	return t, nil
}

// each calls leaf for every allocation of leaf records; parts that cannot be
// read go to fail. Leaf returns false to stop.
func (h *Heap) each(t bth, leaf func(records []byte) bool, fail func(error)) {
	if t.root == 0 {
		return
	}
	if t.levels == 0 {
		if b, err := h.Item(t.root); err != nil {
			fail(err)
		} else {
			leaf(b[:len(b)/(t.key+t.ent)*(t.key+t.ent)])
		}
		return
	}
	h.eachIn(t, t.root, t.levels, map[HID]struct{}{}, leaf, fail)
}

func (h *Heap) eachIn(t bth, hid HID, level int, seen map[HID]struct{}, leaf func([]byte) bool, fail func(error)) bool {
	if _, dup := seen[hid]; dup {
		fail(broken(h.node, "hidNextLevel", "2.3.2.2", "HID 0x%X is in the tree twice", uint32(hid)))
		return true
	}
	seen[hid] = struct{}{}
	b, err := h.Item(hid)
	if err != nil {
		fail(err)
		return true
	}
	if level == 0 {
		return leaf(b[:len(b)/(t.key+t.ent)*(t.key+t.ent)])
	}
	size := t.key + 4
	for i := 0; i+size <= len(b); i += size {
		if !h.eachIn(t, HID(binary.LittleEndian.Uint32(b[i+t.key:])), level-1, seen, leaf, fail) {
			return false
		}
	}
	return true
}
