package ndb

import (
	"encoding/binary"
	"fmt"
	"iter"
	"sort"

	"github.com/mailconv/mailconv/mapi"
)

func (f *File) parseNBT(p *page, i int) Node {
	e := p.entry(i)
	doubt := int64(0)
	if p.damaged {
		doubt = p.ib
	}
	if f.l.Kind == ANSI {
		return Node{
			NID: NID(binary.LittleEndian.Uint32(e)), Data: BID(binary.LittleEndian.Uint32(e[4:])),
			Sub: BID(binary.LittleEndian.Uint32(e[8:])), Parent: NID(binary.LittleEndian.Uint32(e[12:])), Doubt: doubt,
		}
	}
	return Node{
		NID: NID(binary.LittleEndian.Uint32(e)), Data: BID(binary.LittleEndian.Uint64(e[8:])),
		Sub: BID(binary.LittleEndian.Uint64(e[16:])), Parent: NID(binary.LittleEndian.Uint32(e[24:])), Doubt: doubt,
	}
}

// A notFoundError is [ErrNotFound] with the node that was asked for. Messages
// without attachments are many, so its text is made only when it is read.
type notFoundError struct {
	of  Node // the node whose sub-node it would be, if any
	nid NID
}

func (e *notFoundError) Error() string {
	if e.of.NID == 0 {
		return fmt.Sprintf("pst: node %v: %v", e.nid, ErrNotFound)
	}
	return fmt.Sprintf("pst: %v, sub-node %v: %v", e.of, e.nid, ErrNotFound)
}

func (e *notFoundError) Unwrap() error { return ErrNotFound }

// Node finds a node of the node B-tree. The error wraps [ErrNotFound] when it
// is not there.
func (f *File) Node(nid NID) (Node, error) {
	p, i, err := f.nbt.find(uint64(nid))
	if err == ErrNotFound {
		return Node{}, &notFoundError{nid: nid}
	}
	if err != nil {
		// The page is lost; an earlier version of it may be in free space.
		f.formerOnce.Do(f.findFormer)
		if n, ok := f.former[nid]; ok {
			p := ProblemOf(err, "")
			p.Severe = false
			p.Detail += "; nodes are taken from an earlier version of the page"
			f.damage(p)
			return n, nil
		}
		return Node{}, err
	}
	return f.parseNBT(p, i), nil
}

// Nodes walks the node B-tree from the first node that is not below from, in
// order. A page that cannot be read is an error between nodes; the walk goes
// on behind it.
func (f *File) Nodes(from NID) iter.Seq2[Node, error] {
	return func(yield func(Node, error) bool) {
		f.nbt.walk(uint64(from), func(p *page) bool {
			for i := range p.n {
				if n := f.parseNBT(p, i); n.NID >= from && !yield(n, nil) {
					return false
				}
			}
			return true
		}, func(err error) bool { return yield(Node{}, err) })
	}
}

// A subBlock is an SLBLOCK (level 0) or SIBLOCK. [MS-PST] 2.2.2.8.3.3
type subBlock struct {
	level, n, size int
	data           []byte
	ansi           bool
}

func (f *File) subBlock(bid BID, of Node, level int) (subBlock, error) {
	b, err := f.block(bid, of)
	if err != nil {
		return subBlock{}, err
	}
	s := subBlock{ansi: f.l.Kind == ANSI}
	head := 8
	if s.ansi {
		head = 4
	}
	if len(b) < head || b[0] != 2 {
		return s, broken(of.String(), -1, "btype", "2.2.2.8.3.3.1", "block %v starts with % X: no SLBLOCK or SIBLOCK", bid, b[:min(2, len(b))])
	}
	s.level, s.n = int(b[1]), int(binary.LittleEndian.Uint16(b[2:]))
	// QUIRK: [MS-PST] 2.2.2.8.3.3.2.2 knows level 1 only; more are read.
	if level >= 0 && s.level != level || s.level > maxLevels {
		return s, broken(of.String(), -1, "cLevel", "2.2.2.8.3.3.2.2", "block %v: %d, want %d", bid, s.level, level)
	}
	s.size = 3 * f.l.IDSize
	if s.level > 0 {
		s.size = 2 * f.l.IDSize
	}
	if head+s.n*s.size > len(b) {
		f.damage(mapi.Problem{
			Severe: true, Where: of.String(), Offset: -1, Field: "cEnt",
			Detail: fmt.Sprintf("block %v of %d bytes has no room for %d entries", bid, len(b), s.n), Spec: "[MS-PST] 2.2.2.8.3.3.1",
		})
		s.n = (len(b) - head) / s.size
	}
	s.data = b[head : head+s.n*s.size]
	return s, nil
}

func (s subBlock) nid(i int) NID { return NID(binary.LittleEndian.Uint32(s.data[i*s.size:])) }

// bid is the k-th identifier of an entry: data and sub in a leaf, the block
// below otherwise.
func (s subBlock) bid(i, k int) BID {
	if s.ansi {
		return BID(binary.LittleEndian.Uint32(s.data[i*s.size+4+4*k:]))
	}
	return BID(binary.LittleEndian.Uint64(s.data[i*s.size+8+8*k:]))
}

func (s subBlock) node(i int, top NID) Node {
	return Node{NID: s.nid(i), Data: s.bid(i, 0), Sub: s.bid(i, 1), Top: top}
}

// Subnode finds a node in the sub-node tree of n.
func (f *File) Subnode(n Node, nid NID) (Node, error) {
	if n.Sub == 0 {
		return Node{}, &notFoundError{n, nid}
	}
	bid, level := n.Sub, -1
	for {
		s, err := f.subBlock(bid, n, level)
		if err != nil {
			return Node{}, err
		}
		i := sort.Search(s.n, func(i int) bool { return s.nid(i) > nid }) - 1
		if s.level == 0 {
			if i >= 0 && s.nid(i) == nid {
				return s.node(i, n.top()), nil
			}
			for i := range s.n { // not in order
				if s.nid(i) == nid {
					return s.node(i, n.top()), nil
				}
			}
			return Node{}, &notFoundError{n, nid}
		}
		if i < 0 {
			return Node{}, &notFoundError{n, nid}
		}
		bid, level = s.bid(i, 0), s.level-1
	}
}

// Subnodes walks the sub-node tree of n. A block that cannot be read is an
// error between nodes.
func (f *File) Subnodes(n Node) iter.Seq2[Node, error] {
	return func(yield func(Node, error) bool) {
		if n.Sub == 0 {
			return
		}
		f.walkSub(n.Sub, -1, n, map[BID]struct{}{}, yield)
	}
}

func (f *File) walkSub(bid BID, level int, of Node, seen map[BID]struct{}, yield func(Node, error) bool) bool {
	if _, dup := seen[bid]; dup {
		return yield(Node{}, broken(of.String(), -1, "bid", "2.2.2.8.3.3.2.1", "block %v is in the sub-node tree twice", bid))
	}
	seen[bid] = struct{}{}
	s, err := f.subBlock(bid, of, level)
	if err != nil {
		return yield(Node{}, err)
	}
	for i := range s.n {
		if s.level == 0 {
			if !yield(s.node(i, of.top()), nil) {
				return false
			}
		} else if !f.walkSub(s.bid(i, 0), s.level-1, of, seen, yield) {
			return false
		}
	}
	return true
}
