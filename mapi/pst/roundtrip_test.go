package pst_test

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/codepage"
	"github.com/mailconv/mailconv/mapi/mapitest"
	"github.com/mailconv/mailconv/mapi/pst"
	"github.com/mailconv/mailconv/mapi/pst/ndb"
	"github.com/mailconv/mailconv/mapi/pst/psttest"
)

// build writes a file into memory.
func build(t testing.TB, root *psttest.Folder, o psttest.Options) (*psttest.Memory, *psttest.Written) {
	t.Helper()
	var mem psttest.Memory
	w, err := psttest.Write(&mem, root, &o)
	if err != nil {
		t.Fatal(err)
	}
	return &mem, w
}

func open(t testing.TB, mem *psttest.Memory, o *pst.Options) *pst.File {
	t.Helper()
	r, size := mem.Reader()
	f, err := pst.NewReader(r, size, o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// ansi is what a 32-bit file makes of a message: its strings in a code page.
func ansi(t testing.TB, m *mapi.Message) *mapi.Message {
	cs, _ := codepage.Get(1252)
	list := func(ps mapi.Properties) mapi.Properties {
		out := ps.Clone()
		for i, p := range out {
			switch v := p.Value; v.Type() {
			case mapi.TypeString:
				r, err := v.OpenText(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				text, _ := io.ReadAll(r)
				b, _ := cs.Encode(string(text))
				out[i].Value = mapi.RawValue(mapi.TypeString8, b).WithCharset(cs)
			case mapi.TypeMultipleString:
				var e [][]byte
				for _, s := range v.Texts() {
					b, _ := cs.Encode(s)
					e = append(e, b)
				}
				out[i].Value = mapi.MultiValue(mapi.TypeMultipleString8, e).WithCharset(cs)
			case mapi.TypeString8, mapi.TypeMultipleString8:
				out[i].Value = v.WithCharset(cs)
			}
			out[i].Tag = p.Tag.WithType(out[i].Value.Type())
		}
		return out
	}
	c := &mapi.Message{Props: list(m.Props)}
	for _, r := range m.Recipients {
		c.Recipients = append(c.Recipients, &mapi.Recipient{Props: list(r.Props)})
	}
	for _, a := range m.Attachments {
		b := &mapi.Attachment{Props: list(a.Props), Storage: a.Storage}
		if a.Embedded != nil {
			b.Embedded = ansi(t, a.Embedded)
		}
		c.Attachments = append(c.Attachments, b)
	}
	return c
}

func TestEveryKindReadsWhole(t *testing.T) {
	for _, k := range psttest.Kinds() {
		t.Run(k.Name, func(t *testing.T) {
			root := psttest.Sample()
			mem, w := build(t, root, k.Options)
			f := open(t, mem, nil)
			defer f.Close()
			want := map[pst.NID]*mapi.Message{}
			var collect func(*psttest.Folder)
			collect = func(fo *psttest.Folder) {
				if fo.Items != nil {
					for m := range fo.Items {
						want[w.Items[m.Props.Text(mapi.PidTagSubject)]] = m
					}
				}
				for _, k := range fo.Folders {
					collect(k)
				}
			}
			collect(root)
			var names []string
			for fo := range f.Folders() {
				if fo.Err != nil {
					t.Errorf("%v: %v", fo.Path, fo.Err)
				}
				names = append(names, strings.Join(fo.Path, "|"))
				n := 0
				for e, err := range f.Items(fo.NID, pst.Contents) {
					if err != nil {
						t.Error(err)
						continue
					}
					n++
					m, problems, err := f.Item(t.Context(), e.NID)
					if err != nil {
						t.Error(err)
						continue
					}
					for _, p := range problems {
						t.Error(p)
					}
					exp := want[e.NID]
					delete(want, e.NID)
					if exp == nil {
						t.Errorf("%q was not written", e.Subject)
						continue
					}
					if k.Options.Kind == ndb.ANSI {
						exp = ansi(t, exp)
					}
					for _, l := range mapitest.Diff(exp, m) {
						t.Errorf("%q: %s", e.Subject, l)
					}
					if got := m.Props.Text(mapi.PidTagSubject); got != e.Subject || e.Class != m.Class() || !e.Received.Equal(m.Props.Time(mapi.PidTagMessageDeliveryTime)) {
						t.Errorf("listed as %q %s %v, is %q %s", e.Subject, e.Class, e.Received, got, m.Class())
					}
				}
				if fo.Count != n {
					t.Errorf("%v: %d items, want %d", fo.Path, n, fo.Count)
				}
			}
			for nid, m := range want {
				t.Errorf("item %v %q is missing", nid, m.Props.Text(mapi.PidTagSubject))
			}
			for _, p := range f.Problems() {
				t.Error(p)
			}
			// T40: siblings of one name stay apart.
			for _, n := range []string{"Inbox|Twin", "Inbox|Twin (2)", "Inbox|Deep/Größe|Deeper", "Search Root"} {
				if !slices.Contains(names, n) {
					t.Errorf("no folder %q in %q", n, names)
				}
			}
			if f.Info().Password != (k.Options.Password != 0) {
				t.Error("password flag")
			}
		})
	}
}

func TestHiddenDeletedAndLostItems(t *testing.T) {
	for _, kind := range []ndb.Kind{ndb.ANSI, ndb.Unicode, ndb.Unicode4K} {
		mem, w := build(t, psttest.Sample(), psttest.Options{Kind: kind, Crypt: ndb.CryptPermute})
		f := open(t, mem, nil)
		list := func(v pst.View) (out []string) {
			for e, err := range f.Items(w.Folders["Inbox"], v) {
				if err != nil {
					t.Error(err)
				}
				out = append(out, e.Subject)
			}
			return out
		}
		if got := list(pst.Associated); !slices.Equal(got, []string{"settings"}) {
			t.Errorf("%v: associated: %q", kind, got)
		}
		if got := list(pst.Deleted); !slices.Equal(got, []string{"Mail 900"}) {
			t.Errorf("%v: deleted: %q", kind, got)
		}
		var lost []string
		for e, err := range f.Orphans(t.Context()) {
			if err != nil {
				t.Error(err)
			}
			lost = append(lost, e.Subject)
		}
		slices.Sort(lost)
		if !slices.Equal(lost, []string{"Mail 900", "Mail 901"}) {
			t.Errorf("%v: orphans: %q", kind, lost)
		}
		// What was deleted is still in free space.
		var former []string
		for e, err := range f.Former(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			m, problems, err := f.ItemOf(t.Context(), e.Node)
			if err != nil || problems.Severe() {
				t.Fatal(err, problems)
			}
			for _, a := range m.Attachments {
				b, err := mapi.ReadBlob(t.Context(), a.Data(), 1<<20)
				if err != nil || len(b) != 70_001 {
					t.Errorf("%v: %d bytes: %v", kind, len(b), err)
				}
			}
			former = append(former, e.Subject)
		}
		if !slices.Equal(former, []string{"Mail 902", "Mail 903"}) {
			t.Errorf("%v: former: %q", kind, former)
		}
		for _, p := range f.Problems() {
			t.Errorf("%v: %v", kind, p)
		}
	}
}
