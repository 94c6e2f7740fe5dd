package ltp_test

import (
	"bytes"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/pst/ltp"
	"github.com/mailconv/mailconv/mapi/pst/ndb"
	"github.com/mailconv/mailconv/mapi/pst/psttest"
)

// heaps are the blocks of the heaps of a file that psttest writes, of type.
func heaps(f testing.TB, o psttest.Options, table bool) [][]byte {
	f.Helper()
	o.Crypt = ndb.CryptNone
	var mem psttest.Memory
	w, err := psttest.Write(&mem, psttest.Sample(), &o)
	if err != nil {
		f.Fatal(err)
	}
	var out [][]byte
	for _, p := range w.Places {
		if p.What != "heap" || p.Node > 0x200200 {
			continue
		}
		b := mem.B[p.Offset : p.Offset+int64(p.Size)]
		if b[2] == 0xEC && (b[3] == 0x7C) == table && p.Size < 6000 {
			out = append(out, b)
		}
	}
	return out
}

// node makes a file whose node 0x200004 has the heap as its data.
func node(t testing.TB, k ndb.Kind, heap, second []byte) (*ndb.File, ndb.Node) {
	t.Helper()
	most := ndb.LayoutOf(k).BlockData()
	blocks := [][]byte{heap[:min(len(heap), most)]}
	if len(second) > 0 {
		blocks = append(blocks, second[:min(len(second), most)])
	}
	var mem psttest.Memory
	_, err := psttest.WriteRaw(&mem, []psttest.Raw{{NID: 0x200004, Blocks: blocks, Subnodes: map[ndb.NID][]byte{
		0x803F: bytes.Repeat([]byte("sub-node"), 3000), 0x805F: second, 0x807F: heap,
	}}}, &psttest.Options{Kind: k})
	if err != nil {
		t.Fatal(err)
	}
	r, size := mem.Reader()
	f, err := ndb.New(r, size, nil)
	if err != nil {
		t.Fatal(err)
	}
	n, err := f.Node(0x200004)
	if err != nil {
		t.Fatal(err)
	}
	return f, n
}

func FuzzPC(f *testing.F) {
	for _, k := range []ndb.Kind{ndb.ANSI, ndb.Unicode, ndb.Unicode4K} {
		for i, h := range heaps(f, psttest.Options{Kind: k}, false) {
			if i < 8 {
				f.Add(byte(k), h, []byte(nil))
			}
		}
	}
	for _, h := range heaps(f, psttest.Options{Kind: ndb.Unicode, HeapBlock: 1200}, false)[:2] {
		f.Add(byte(ndb.Unicode), h, h)
	}
	f.Fuzz(func(t *testing.T, k byte, heap, second []byte) {
		if len(heap) == 0 || len(heap)+len(second) > 1<<16 {
			return
		}
		db, n := node(t, ndb.Kind(k%3), heap, second)
		pc, err := ltp.OpenPC(db, n)
		if err != nil {
			return
		}
		ps, _, _ := pc.Properties()
		checkValues(t, ps)
	})
}

func FuzzTable(f *testing.F) {
	for _, k := range []ndb.Kind{ndb.ANSI, ndb.Unicode, ndb.Unicode4K} {
		for i, h := range heaps(f, psttest.Options{Kind: k}, true) {
			if i < 12 {
				f.Add(byte(k), h, []byte(nil))
			}
		}
	}
	for _, h := range heaps(f, psttest.Options{Kind: ndb.Unicode, RowsInSubnode: true}, true)[:4] {
		f.Add(byte(ndb.Unicode), h, h)
	}
	f.Fuzz(func(t *testing.T, k byte, heap, second []byte) {
		if len(heap) == 0 || len(heap)+len(second) > 1<<16 {
			return
		}
		db, n := node(t, ndb.Kind(k%3), heap, second)
		tb, err := ltp.OpenTable(db, n)
		if err != nil {
			return
		}
		rows := 0
		for r, err := range tb.Rows() {
			if rows++; rows > 2000 {
				break
			}
			if err != nil {
				continue
			}
			ps, _ := r.Properties()
			checkValues(t, ps)
		}
		for r := range tb.Dead() {
			if rows++; rows > 4000 {
				break
			}
			r.Properties()
		}
		tb.Len()
	})
}

// checkValues looks at each value in every way.
func checkValues(t *testing.T, ps mapi.Properties) {
	for _, p := range ps {
		v := p.Value
		if v.Type() != p.Tag.Type() {
			t.Errorf("%v has a value of type %v", p.Tag, v.Type())
		}
		v.Text()
		v.Texts()
		v.Int()
		v.Time()
		v.Float()
		if v.InMemory() {
			v.Elems()
		}
		if v.Size() < 0 {
			t.Errorf("%v has %d bytes", p.Tag, v.Size())
		}
	}
}
