package msg

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/mapitest"
)

func encode(t testing.TB, m *mapi.Message, o *WriteOptions) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(context.Background(), &b, m, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func decode(t testing.TB, b []byte) *File {
	t.Helper()
	f, err := NewReader(bytes.NewReader(b), int64(len(b)), nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func expectEqual(t testing.TB, a, b *mapi.Message) {
	t.Helper()
	for _, d := range mapitest.Diff(a, b) {
		t.Error(d)
	}
}

func expectNoProblems(t testing.TB, f *File) {
	t.Helper()
	for _, p := range f.Problems {
		t.Errorf("problem: %v", p)
	}
}

func TestEveryPropertySurvives(t *testing.T) {
	m := mapitest.Sample()
	b := encode(t, m, nil)
	f := decode(t, b)
	for _, p := range f.Problems {
		if p.Field != "PidTagAttachMethod" { // one attachment of the sample has none
			t.Errorf("problem: %v", p)
		}
	}
	expectEqual(t, m, f.Message)
	if f.CLSID != CLSIDMessage {
		t.Errorf("CLSID %v", f.CLSID)
	}
	if again := encode(t, m, nil); !bytes.Equal(b, again) {
		t.Error("the same message gives other bytes")
	}
}

func TestCorpusRewritten(t *testing.T) {
	root, names := corpusFiles(t)
	for _, name := range names {
		short, _ := filepath.Rel(root, name)
		f, err := Open(name, nil)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		g := decode(t, encode(t, f.Message, &WriteOptions{CLSID: f.CLSID}))
		for _, d := range mapitest.Diff(f.Message, g.Message) {
			t.Errorf("%s: %s", short, d)
		}
		for _, p := range g.Problems {
			if p.Field != "PidTagAttachMethod" {
				t.Errorf("%s: %v", short, p)
			}
		}
		if g.CLSID != f.CLSID && !f.CLSID.IsZero() {
			t.Errorf("%s: CLSID %v became %v", short, f.CLSID, g.CLSID)
		}
		f.Close()
	}
}
