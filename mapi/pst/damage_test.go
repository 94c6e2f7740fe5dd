package pst_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/pst"
	"github.com/mailconv/mailconv/mapi/pst/ndb"
	"github.com/mailconv/mailconv/mapi/pst/psttest"
)

// A contents is what could be read of a file: a digest for each item, and what
// was reported.
type contents struct {
	items    map[pst.NID][32]byte
	problems mapi.Problems
	errs     []error
}

func digest(m *mapi.Message, h io.Writer) {
	list := func(ps mapi.Properties) {
		for _, p := range ps {
			fmt.Fprintf(h, "%v %v ", p.Tag, p.Name)
			if p.Value.InMemory() {
				fmt.Fprintf(h, "%x\n", p.Value.Elems())
				continue
			}
			r, err := p.Value.Blob().Open(context.Background())
			if err != nil {
				fmt.Fprint(h, err)
				continue
			}
			if _, err := io.Copy(h, r); err != nil {
				fmt.Fprint(h, err)
			}
			r.Close()
		}
	}
	list(m.Props)
	for _, r := range m.Recipients {
		list(r.Props)
	}
	for _, a := range m.Attachments {
		list(a.Props)
		if a.Embedded != nil {
			digest(a.Embedded, h)
		}
	}
}

func readAll(t testing.TB, r io.ReaderAt, size int64) (contents, error) {
	c := contents{items: map[pst.NID][32]byte{}}
	f, err := pst.NewReader(r, size, nil)
	if err != nil {
		return c, err
	}
	defer f.Close()
	for fo := range f.Folders() {
		if fo.Err != nil {
			c.errs = append(c.errs, fo.Err)
		}
		for _, v := range []pst.View{pst.Contents, pst.Associated} {
			for e, err := range f.Items(fo.NID, v) {
				if err != nil {
					c.errs = append(c.errs, err)
					continue
				}
				m, problems, err := f.Item(context.Background(), e.NID)
				c.problems = append(c.problems, problems...)
				if err != nil {
					c.errs = append(c.errs, err)
					continue
				}
				h := sha256.New()
				digest(m, h)
				c.items[e.NID] = [32]byte(h.Sum(nil))
			}
		}
	}
	c.problems = append(c.problems, f.Problems()...)
	return c, nil
}

// sampled are a few places of each sort.
func sampled(w *psttest.Written) []psttest.Place {
	byKind := map[string][]psttest.Place{}
	former := map[ndb.NID]bool{w.Items["Mail 902"]: true, w.Items["Mail 903"]: true, w.Items["Mail 900"]: true, w.Items["Mail 901"]: true}
	var kinds []string
	for _, p := range w.Places {
		// Not what no reader looks at: templates, and what is in free space.
		if p.What == "free" || former[p.Node] {
			continue
		}
		k := fmt.Sprint(p.What, p.Level > 0)
		if len(byKind[k]) == 0 {
			kinds = append(kinds, k)
		}
		if p.Node <= 0x600 || p.Node >= 0x800 {
			byKind[k] = append(byKind[k], p)
		}
	}
	var out []psttest.Place
	for _, k := range kinds {
		list := byKind[k]
		for i := range min(len(list), 3) {
			out = append(out, list[i*len(list)/min(len(list), 3)])
		}
	}
	return out
}

// TestOneByteFlipped: whatever byte breaks, the rest of the file still arrives
// and the damage is named with its offset.
func TestOneByteFlipped(t *testing.T) {
	for _, o := range []psttest.Options{
		{Kind: ndb.ANSI, Crypt: ndb.CryptPermute, PageEntries: 8},
		{Kind: ndb.Unicode, Crypt: ndb.CryptPermute, RowsInSubnode: true, XBlockEntries: 8, SubEntries: 3},
		{Kind: ndb.Unicode, Crypt: ndb.CryptCyclic},
		{Kind: ndb.Unicode4K, Crypt: ndb.CryptPermute, Compress: true, PageEntries: 40},
	} {
		t.Run(fmt.Sprintf("%v/%v", o.Kind, o.Crypt), func(t *testing.T) {
			if testing.Short() && o.Crypt == ndb.CryptCyclic {
				t.Skip("short")
			}
			t.Parallel()
			sample := psttest.Sample()
			sample.Folders[6].Items = psttest.Items(psttest.Plain(1000), psttest.Plain(1001), psttest.Plain(1002), psttest.Plain(1003), psttest.Plain(1004), psttest.Plain(1005))
			mem, w := build(t, sample, o)
			r, size := mem.Reader()
			base, err := readAll(t, r, size)
			if err != nil || len(base.problems)+len(base.errs) > 0 {
				t.Fatal(err, base.problems, base.errs)
			}
			worst := map[string]int{}
			flip := func(what string, off int64, place psttest.Place, mayLose int) {
				old := mem.B[off]
				mem.B[off] ^= 0xA5
				defer func() { mem.B[off] = old }()
				r, size := mem.Reader()
				got, err := readAll(t, r, size)
				if err != nil {
					t.Errorf("%s, offset 0x%X: %v", what, off, err)
					return
				}
				lost := 0
				for nid, d := range base.items {
					if got.items[nid] != d {
						lost++
					}
				}
				worst[what] = max(worst[what], lost)
				if lost > mayLose {
					t.Errorf("%s at 0x%X, offset 0x%X: %d of %d items lost or changed", what, place.Offset, off, lost, len(base.items))
				}
				// Named: a problem or error with an offset in the place.
				named := slices.ContainsFunc(got.problems, func(p mapi.Problem) bool {
					return p.Offset >= place.Offset && p.Offset <= place.Offset+int64(place.Size)+64
				}) || slices.ContainsFunc(got.errs, func(err error) bool {
					var fe *mapi.FormatError
					return errors.As(err, &fe) && fe.Offset >= place.Offset && fe.Offset <= place.Offset+int64(place.Size)+64
				})
				if !named {
					t.Errorf("%s at 0x%X, offset 0x%X: the damage is not named (%d problems)", what, place.Offset, off, len(got.problems))
					for _, p := range got.problems {
						t.Log(p)
					}
				}
			}
			head := psttest.Place{Offset: 0, Size: 512}
			crypt, root := int64(513), int64(216)
			if o.Kind == ndb.ANSI {
				crypt, root = 461, 184
			}
			for _, off := range []int64{0, 4, 8, 10, crypt, root, root + 4, root + 8, root + 16, root + 1} {
				flip("header", off, head, 0)
			}
			trailer := int64(16)
			for _, p := range sampled(w) {
				lose := 1
				what := p.What
				switch what {
				case "NBT", "BBT":
					what = fmt.Sprintf("%s level %d", p.What, p.Level)
					lose = 2
				case "heap", "rows", "SLBLOCK", "SIBLOCK":
					// A table of a folder can lose the rows in one block.
					if p.Node.Type() != ndb.TypeNormalMessage {
						lose = 3
					}
				}
				for _, at := range []int64{0, 1, 2, 4, 8, 16, 18, 24, int64(p.Size) / 2, int64(p.Size) - 1} {
					if at >= 0 && at < int64(p.Size) {
						flip(what, p.Offset+at, p, lose)
					}
				}
				if p.What == "NBT" || p.What == "BBT" {
					for at := range trailer {
						flip(what, p.Offset+int64(p.Size)+at, p, lose)
					}
					l := ndb.LayoutOf(o.Kind)
					for at := range 6 { // cEnt and its neighbours
						flip(what, p.Offset+int64(l.PageEntries+at), p, lose)
					}
				}
			}
			t.Logf("items lost or changed at worst, of %d: %v", len(base.items), worst)
		})
	}
}

// TestLostPages: a page that is overwritten as a whole costs nothing where an
// earlier version of it, or what it points to, can be found.
func TestLostPages(t *testing.T) {
	for _, kind := range []ndb.Kind{ndb.ANSI, ndb.Unicode, ndb.Unicode4K} {
		mem, w := build(t, psttest.Sample(), psttest.Options{Kind: kind, Crypt: ndb.CryptPermute, OldPages: true, PageEntries: 12})
		r, size := mem.Reader()
		base, err := readAll(t, r, size)
		if err != nil || len(base.problems) > 0 {
			t.Fatal(err, base.problems)
		}
		n := 0
		for _, p := range w.Places {
			if p.What != "NBT" && p.What != "BBT" || p.Level != 0 {
				continue
			}
			if n++; n%7 != 0 {
				continue
			}
			page := mem.B[p.Offset : p.Offset+int64(ndb.LayoutOf(kind).PageSize)]
			old := slices.Clone(page)
			clear(page)
			r, size := mem.Reader()
			got, err := readAll(t, r, size)
			copy(page, old)
			if err != nil {
				t.Error(err)
				continue
			}
			lost := 0
			for nid, d := range base.items {
				if got.items[nid] != d {
					lost++
				}
			}
			if lost > 0 {
				t.Errorf("%v: %s page at 0x%X: %d of %d items lost or changed: %v %v", kind, p.What, p.Offset, lost, len(base.items), got.problems, got.errs)
			}
			if !slices.ContainsFunc(got.problems, func(q mapi.Problem) bool { return q.Offset == p.Offset || q.Where == "BBT" }) {
				t.Errorf("%v: %s page at 0x%X is not named", kind, p.What, p.Offset)
			}
		}
	}
}
