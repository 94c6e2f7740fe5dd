package pst_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/pst"
	"github.com/mailconv/mailconv/mapi/pst/ndb"
	"github.com/mailconv/mailconv/mapi/pst/psttest"
)

// find is a place of a file.
func find(t *testing.T, w *psttest.Written, what string, ok func(psttest.Place) bool) psttest.Place {
	t.Helper()
	for _, p := range w.Places {
		if p.What == what && (ok == nil || ok(p)) {
			return p
		}
	}
	t.Fatalf("no %s in the file", what)
	return psttest.Place{}
}

// seal puts the checksum of a block of a Unicode file right.
func seal(mem *psttest.Memory, p psttest.Place) {
	l := ndb.LayoutOf(ndb.Unicode)
	end := p.Offset + int64(l.DiskSize(p.Size))
	binary.LittleEndian.PutUint32(mem.B[end-12:], ndb.Checksum(mem.B[p.Offset:p.Offset+int64(p.Size)]))
}

// sealPage does that of a page.
func sealPage(mem *psttest.Memory, p psttest.Place) {
	binary.LittleEndian.PutUint32(mem.B[p.Offset+500:], ndb.Checksum(mem.B[p.Offset:p.Offset+496]))
}

// TestT35Versions: what each wVer and bCryptMethod leads to. Those that can be
// read are in TestEveryKindReadsWhole.
func TestT35Versions(t *testing.T) {
	mem, w := build(t, psttest.Sample(), psttest.Options{Kind: ndb.Unicode, Crypt: ndb.CryptPermute})
	for _, c := range []struct {
		name        string
		ver         uint16
		crypt       byte
		unsupported bool
		says        string
	}{
		{"Windows Information Protection", 37, 0x10, true, "Windows Information Protection"},
		{"wVer 37", 37, 1, true, "export to a new .pst"},
		{"bCryptMethod 0x10", 23, 0x10, true, "Windows Information Protection"},
		{"wVer 99", 99, 1, true, "version 99 is not known"},
	} {
		b := bytes.Clone(mem.B)
		binary.LittleEndian.PutUint16(b[10:], c.ver)
		b[513] = c.crypt
		psttest.SealHeader(b)
		_, err := pst.NewReader(bytes.NewReader(b), int64(len(b)), nil)
		if errors.Is(err, mapi.ErrUnsupported) != c.unsupported || err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	// A file of version 37 that is not protected opens when that is asked for.
	b := bytes.Clone(mem.B)
	binary.LittleEndian.PutUint16(b[10:], 37)
	psttest.SealHeader(b)
	f, err := pst.NewReader(bytes.NewReader(b), int64(len(b)), &pst.Options{ReadProtected: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.Item(t.Context(), w.Items["Mail 1"]); err != nil {
		t.Error(err)
	}
	for _, junk := range []string{"", "!BDN", "From someone", strings.Repeat("x", 2000), "!BDN" + strings.Repeat("\x00", 2000)} {
		var fe *mapi.FormatError
		if _, err := pst.NewReader(strings.NewReader(junk), int64(len(junk)), nil); !errors.As(err, &fe) {
			t.Errorf("%.10q: %v", junk, err)
		}
	}
}

// TestT36ReferenceAttachment: an attachment by reference keeps its link and
// all properties.
func TestT36ReferenceAttachment(t *testing.T) {
	mem, w := build(t, psttest.Sample(), psttest.Options{Kind: ndb.Unicode, Crypt: ndb.CryptPermute})
	f := open(t, mem, nil)
	m, problems, err := f.Item(t.Context(), w.Items["attachments"])
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	for _, a := range m.Attachments {
		if a.Method() != mapi.AttachByWebReference {
			continue
		}
		if s := a.Props.Text(mapi.PidTagAttachLongPathname); s != "https://example.test/shared/file.docx" {
			t.Errorf("link %q", s)
		}
		if s := a.Props.NameText(mapi.Name{Set: mapi.PSETIDAttachment, Name: "AttachmentProviderType"}); s != "OneDrive" {
			t.Errorf("provider %q", s)
		}
		return
	}
	t.Error("no attachment by reference")
}

// TestT33DeclaredSizeIsEmitted: what a blob says it holds is what it gives, in
// files with deflated blocks too.
func TestT33DeclaredSizeIsEmitted(t *testing.T) {
	for _, k := range psttest.Kinds() {
		mem, w := build(t, psttest.Sample(), k.Options)
		f := open(t, mem, nil)
		m, _, err := f.Item(t.Context(), w.Items["attachments"])
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range m.Attachments {
			b := a.Data()
			if b == nil {
				continue
			}
			r, err := b.Open(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			whole, err := io.ReadAll(r)
			declared, _ := a.Props.Int(mapi.PidTagAttachSize)
			if err != nil || int64(len(whole)) != b.Size() || declared != b.Size() {
				t.Errorf("%s: %d bytes read of %d, %d declared: %v", k.Name, len(whole), b.Size(), declared, err)
			}
			if ra, ok := r.(io.ReaderAt); ok && len(whole) > 70000 {
				part := make([]byte, 12345)
				for _, off := range []int64{0, 1, 999, 8175, 8176, 65535, int64(len(whole)) - 12345} {
					if _, err := ra.ReadAt(part, off); err != nil || !bytes.Equal(part, whole[off:off+12345]) {
						t.Errorf("%s: ReadAt %d: %v", k.Name, off, err)
					}
				}
				if n, err := ra.ReadAt(part, int64(len(whole))-5); n != 5 || err != io.EOF {
					t.Errorf("%s: ReadAt over the end: %d, %v", k.Name, n, err)
				}
			}
			r.Close()
		}
	}
}

// TestT39CountsAreCompared: a folder that says more than it has is reported.
func TestT39CountsAreCompared(t *testing.T) {
	root := &psttest.Folder{Name: "x", Folders: []*psttest.Folder{{Name: "Inbox", Items: psttest.Items(psttest.Plain(1)), Count: 5}}}
	mem, w := build(t, root, psttest.Options{Kind: ndb.Unicode})
	f := open(t, mem, nil)
	for _, err := range f.Items(w.Folders["Inbox"], pst.Contents) {
		if err != nil {
			t.Error(err)
		}
	}
	for _, p := range f.Problems() {
		if p.Severe && p.Field == "PidTagContentCount" && strings.Contains(p.Detail, "5 items, 1 were read") {
			return
		}
	}
	t.Errorf("problems: %v", f.Problems())
}

// TestT34UnreadableItemIsNamed: an item whose node is gone has its own error,
// and the others arrive.
func TestT34UnreadableItemIsNamed(t *testing.T) {
	mem, w := build(t, psttest.Sample(), psttest.Options{Kind: ndb.Unicode})
	lost := w.Items["Mail 2"]
	for _, p := range w.Places {
		if p.What != "NBT" || p.Level != 0 {
			continue
		}
		for at := p.Offset; at < p.Offset+480; at += 32 {
			if ndb.NID(binary.LittleEndian.Uint32(mem.B[at:])) == lost {
				binary.LittleEndian.PutUint32(mem.B[at:], uint32(lost)+1) // same order, other type
				sealPage(mem, p)
			}
		}
	}
	f := open(t, mem, nil)
	n, named := 0, 0
	for e, err := range f.Items(w.Folders["Inbox"], pst.Contents) {
		n++
		if err != nil {
			named++
			if e.NID != lost || e.Subject != "Mail 2" || !errors.Is(err, pst.ErrNotFound) {
				t.Errorf("%v %q: %v", e.NID, e.Subject, err)
			}
		}
	}
	if named != 1 || n < 5 {
		t.Errorf("%d listed, %d named as unreadable", n, named)
	}
}

// TestClaimedSizeCostsNothing: 1 GiB claimed in a file of less than 1 MiB, in
// each place where a size stands.
func TestClaimedSizeCostsNothing(t *testing.T) {
	base, w := build(t, psttest.Sample(), psttest.Options{Kind: ndb.Unicode, XBlockEntries: 3, RowsInSubnode: true})
	put32 := func(p psttest.Place, at int64, v uint32) func(*psttest.Memory) {
		return func(m *psttest.Memory) {
			binary.LittleEndian.PutUint32(m.B[p.Offset+at:], v)
			seal(m, p)
		}
	}
	xx := find(t, w, "XXBLOCK", nil)
	x := find(t, w, "XBLOCK", nil)
	inMail := func(p psttest.Place) bool { return p.Node == w.Items["attachments"] }
	heap := find(t, w, "heap", inMail)
	cases := map[string]func(*psttest.Memory){
		"XXBLOCK lcbTotal": put32(xx, 4, 1<<30),
		"XBLOCK lcbTotal":  put32(x, 4, 1<<30),
		"XXBLOCK to itself": func(m *psttest.Memory) {
			// All entries name the first one.
			for at := int64(16); at+8 <= int64(xx.Size); at += 8 {
				copy(m.B[xx.Offset+at:xx.Offset+at+8], m.B[xx.Offset+8:])
			}
			binary.LittleEndian.PutUint16(m.B[xx.Offset+2:], 0xFFFF)
			seal(m, xx)
		},
		"heap ibHnpm": func(m *psttest.Memory) {
			binary.LittleEndian.PutUint16(m.B[heap.Offset:], 0xFFF0)
			seal(m, heap)
		},
	}
	for _, p := range w.Places {
		// Every word of the heaps of the largest item, one after the other.
		if p.What != "heap" || p.Node != w.Items["attachments"] {
			continue
		}
		for at := int64(0); at+4 <= int64(p.Size); at += 2 {
			cases[p.What+" word"] = put32(p, at, 1<<30)
			runCase(t, p.What+" word", base, cases[p.What+" word"])
		}
		delete(cases, p.What+" word")
		break
	}
	for name, change := range cases {
		runCase(t, name, base, change)
	}
}

func runCase(t *testing.T, name string, base *psttest.Memory, change func(*psttest.Memory)) {
	t.Helper()
	m := &psttest.Memory{B: bytes.Clone(base.B)}
	change(m)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r, size := m.Reader()
	f, err := pst.NewReader(r, size, nil)
	if err != nil {
		return
	}
	for fo := range f.Folders() {
		for e := range f.Items(fo.NID, pst.Contents) {
			if e.Subject != "attachments" {
				continue
			}
			if m, _, err := f.Item(context.Background(), e.NID); err == nil {
				for _, a := range m.Attachments {
					if b := a.Data(); b != nil && b.Size() > 2*size {
						t.Errorf("%s: an attachment says %d bytes in a file of %d", name, b.Size(), size)
					}
				}
			}
		}
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 32<<20 {
		t.Errorf("%s: %d MiB allocated", name, n>>20)
	}
}

// TestCyclesEnd: structures that lead back into themselves end with an error.
func TestCyclesEnd(t *testing.T) {
	base, w := build(t, psttest.Sample(), psttest.Options{Kind: ndb.Unicode, PageEntries: 5, SubEntries: 2})
	clone := func() *psttest.Memory { return &psttest.Memory{B: bytes.Clone(base.B)} }

	t.Run("B-tree", func(t *testing.T) {
		for _, tree := range []string{"NBT", "BBT"} {
			m := clone()
			top := psttest.Place{}
			for _, p := range w.Places {
				if p.What == tree && p.Level > top.Level {
					top = p
				}
			}
			// All pages of the top page are the page itself, or the first.
			bid := binary.LittleEndian.Uint64(m.B[top.Offset+504:])
			for at := top.Offset + 24; at+24 <= top.Offset+120; at += 24 {
				binary.LittleEndian.PutUint64(m.B[at+8:], bid)
				binary.LittleEndian.PutUint64(m.B[at+16:], uint64(top.Offset))
			}
			sealPage(m, top)
			if _, err := readAll(t, bytes.NewReader(m.B), int64(len(m.B))); err != nil {
				t.Log(err)
			}
		}
	})
	t.Run("sub-node tree", func(t *testing.T) {
		m := clone()
		p := find(t, w, "SIBLOCK", nil)
		l := ndb.LayoutOf(ndb.Unicode)
		end := p.Offset + int64(l.DiskSize(p.Size))
		bid := binary.LittleEndian.Uint64(m.B[end-8:])
		for at := p.Offset + 8; at+16 <= p.Offset+int64(p.Size); at += 16 {
			binary.LittleEndian.PutUint64(m.B[at+8:], bid)
		}
		seal(m, p)
		got, err := readAll(t, bytes.NewReader(m.B), int64(len(m.B)))
		if err != nil {
			t.Fatal(err)
		}
		if len(got.problems) == 0 {
			t.Error("nothing was reported")
		}
	})
	t.Run("embedded message", func(t *testing.T) {
		// The object within an attachment is the message that it is in.
		m := clone()
		f := open(t, m, nil)
		outer, err := f.DB().Node(w.Items["attachments"])
		if err != nil {
			t.Fatal(err)
		}
		changed := 0
		for _, p := range w.Places {
			if p.What != "SLBLOCK" || p.Node != outer.NID {
				continue
			}
			for at := p.Offset + 8; at+24 <= p.Offset+int64(p.Size); at += 24 {
				if ndb.NID(binary.LittleEndian.Uint32(m.B[at:])).Type() == ndb.TypeNormalMessage {
					binary.LittleEndian.PutUint64(m.B[at+8:], uint64(outer.Data))
					binary.LittleEndian.PutUint64(m.B[at+16:], uint64(outer.Sub))
					seal(m, p)
					changed++
				}
			}
		}
		if changed == 0 {
			t.Fatal("no embedded message found")
		}
		f = open(t, m, nil)
		msg, problems, err := f.Item(t.Context(), outer.NID)
		if err != nil || msg == nil {
			t.Fatal(err)
		}
		for _, p := range problems {
			if p.Severe && strings.Contains(p.Detail, "embedded in itself") {
				return
			}
		}
		t.Errorf("problems: %v", problems)
	})
	t.Run("folders", func(t *testing.T) {
		m := clone()
		// The row of a sub-folder names the folder itself.
		inbox := w.Folders["Inbox"]
		for _, p := range w.Places {
			if p.What != "heap" || p.Node != inbox.WithType(ndb.TypeHierarchyTable) {
				continue
			}
			for at := p.Offset; at+4 <= p.Offset+int64(p.Size); at++ {
				if ndb.NID(binary.LittleEndian.Uint32(m.B[at:])) == w.Folders["Deep/Größe"] {
					binary.LittleEndian.PutUint32(m.B[at:], uint32(inbox))
				}
			}
			seal(m, p)
		}
		f := open(t, m, nil)
		n := 0
		for range f.Folders() {
			if n++; n > 100 {
				t.Fatal("the walk does not end")
			}
		}
		if len(f.Problems()) == 0 {
			t.Error("nothing was reported")
		}
	})
}

// TestManyValuesStayBounded: what is held of one item is bounded, however much
// its deflated values come to.
func TestManyValuesStayBounded(t *testing.T) {
	m := psttest.Plain(1)
	data := mapi.BinaryValue(make([]byte, 30_000))
	for range 3000 {
		m.Attachments = append(m.Attachments, &mapi.Attachment{Props: mapi.Properties{
			{Tag: mapi.PidTagAttachMethod, Value: mapi.Int32Value(mapi.AttachByValue)},
			{Tag: mapi.PidTagAttachDataBinary, Value: data},
		}})
	}
	mem, w := build(t, &psttest.Folder{Folders: []*psttest.Folder{{Name: "Inbox", Items: psttest.Items(m)}}},
		psttest.Options{Kind: ndb.Unicode4K, Compress: true})
	f := open(t, mem, nil)
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got, problems, err := f.Item(t.Context(), w.Items["Mail 1"])
	runtime.GC()
	runtime.ReadMemStats(&after)
	if err != nil || len(problems) > 0 || len(got.Attachments) != 3000 {
		t.Fatalf("%d attachments, %d problems: %v", len(got.Attachments), len(problems), err)
	}
	if n := int64(after.HeapAlloc) - int64(before.HeapAlloc); n > 48<<20 {
		t.Errorf("%d MiB are held", n>>20)
	}
	for _, a := range got.Attachments {
		if b := a.Data(); b == nil || b.Size() != 30_000 {
			t.Fatal("an attachment is not whole")
		}
	}
	runtime.KeepAlive(got)
}
