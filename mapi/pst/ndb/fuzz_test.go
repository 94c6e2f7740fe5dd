package ndb_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"testing"

	"github.com/mailconv/mailconv/mapi/pst/ndb"
	"github.com/mailconv/mailconv/mapi/pst/psttest"
)

// small is a small file of a kind, with trees of two levels.
func small(t testing.TB, k ndb.Kind) ([]byte, *psttest.Written) {
	t.Helper()
	var mem psttest.Memory
	o := &psttest.Options{Kind: k, Crypt: ndb.CryptPermute, Compress: true, BlockData: 100, XBlockEntries: 3, SubEntries: 2, PageEntries: 4}
	nodes := []psttest.Raw{
		{NID: 0x21, Blocks: [][]byte{[]byte("store")}},
		{NID: 0x122, Parent: 0x122, Blocks: [][]byte{[]byte("root")}},
	}
	for i := range ndb.NID(6) {
		nodes = append(nodes, psttest.Raw{
			NID: 0x200004 + i<<5, Parent: 0x122, Blocks: [][]byte{bytes.Repeat([]byte{'a' + byte(i)}, 90), []byte("second"), []byte("third"), []byte("fourth")},
			Subnodes: map[ndb.NID][]byte{0x671: []byte("sub"), 0x692: bytes.Repeat([]byte("0123456789"), 70), 0x8025: nil, 0x8045: []byte("x")},
		})
	}
	w, err := psttest.WriteRaw(&mem, nodes, o)
	if err != nil {
		t.Fatal(err)
	}
	// What follows the last page is free space.
	end := int64(0)
	l := ndb.LayoutOf(k)
	for _, p := range w.Places {
		end = max(end, p.Offset+int64(p.Size+l.PageTrailer))
	}
	return mem.B[:end], w
}

// readAll reads every node with all that is below it.
func readAll(t testing.TB, b []byte) int {
	f, err := ndb.New(bytes.NewReader(b), int64(len(b)), &ndb.Options{ReadProtected: true})
	if err != nil {
		return 0
	}
	read, budget := 0, 2000
	var node func(n ndb.Node, depth int)
	node = func(n ndb.Node, depth int) {
		if budget--; budget < 0 || depth > 4 {
			return
		}
		if d, err := f.Data(n); err == nil {
			if d.Size() > 1100*int64(len(b)) {
				t.Errorf("node of %d bytes in a file of %d", d.Size(), len(b))
			}
			k, err := io.Copy(io.Discard, io.LimitReader(d.NewReader(), 1<<20))
			if err == nil && k != min(d.Size(), 1<<20) {
				t.Errorf("%d bytes read of %d", k, d.Size())
			}
			if d.Blocks() > 0 {
				d.Block(d.Blocks() - 1)
			}
			read++
		}
		for s, err := range f.Subnodes(n) {
			if err != nil {
				continue
			}
			node(s, depth+1)
			f.Subnode(n, s.NID)
		}
	}
	for n, err := range f.Nodes(0) {
		if err != nil {
			continue
		}
		if budget < 0 {
			break
		}
		node(n, 0)
		f.Node(n.NID)
	}
	return read
}

func TestSmallFilesReadWhole(t *testing.T) {
	for _, k := range []ndb.Kind{ndb.ANSI, ndb.Unicode, ndb.Unicode4K} {
		b, _ := small(t, k)
		if n := readAll(t, b); n != 2+6*5 {
			t.Errorf("%v: %d nodes, want 32", k, n)
		}
	}
}

// FuzzHeader puts any bytes in place of the header.
func FuzzHeader(f *testing.F) {
	var files [][]byte
	for _, k := range []ndb.Kind{ndb.ANSI, ndb.Unicode, ndb.Unicode4K} {
		b, _ := small(f, k)
		files = append(files, b)
		f.Add(byte(k), false, b[:564])
		f.Add(byte(k), true, b[:564])
	}
	f.Fuzz(func(t *testing.T, k byte, seal bool, header []byte) {
		b := bytes.Clone(files[int(k)%len(files)])
		copy(b, header[:min(len(header), 564)])
		if seal {
			psttest.SealHeader(b)
		}
		readAll(t, b)
	})
}

// FuzzBTree puts any bytes in place of a page or block of structure.
func FuzzBTree(f *testing.F) {
	type sample struct {
		b []byte
		w *psttest.Written
		l *ndb.Layout
	}
	var files []sample
	for _, k := range []ndb.Kind{ndb.ANSI, ndb.Unicode, ndb.Unicode4K} {
		b, w := small(f, k)
		files = append(files, sample{b, w, ndb.LayoutOf(k)})
		for i, p := range w.Places {
			if p.What != "data" {
				f.Add(byte(k), uint16(i), true, b[p.Offset:p.Offset+int64(p.Size)])
			}
		}
	}
	f.Fuzz(func(t *testing.T, k byte, place uint16, seal bool, content []byte) {
		s := files[int(k)%len(files)]
		b := bytes.Clone(s.b)
		p := s.w.Places[int(place)%len(s.w.Places)]
		part := b[p.Offset : p.Offset+int64(p.Size)]
		copy(part, content)
		if seal {
			end := p.Offset + int64(s.l.PageSize) - int64(s.l.PageTrailer)
			if p.What != "NBT" && p.What != "BBT" {
				end = p.Offset + int64(s.l.DiskSize(p.Size)-s.l.BlockTrailer)
			}
			at := end + 4
			if s.l.Kind == ndb.ANSI {
				at = end + 8
			}
			binary.LittleEndian.PutUint32(b[at:], ndb.Checksum(part))
		}
		readAll(t, b)
	})
}
