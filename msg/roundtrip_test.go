package msg

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"sync"
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

// TestOpenedFile reads a file that is too large to be held, by several readers
// at once, and only until it is closed.
func TestOpenedFile(t *testing.T) {
	m := new(mapi.Message)
	want := mapitest.Large(3 << 20)
	a := new(mapi.Attachment)
	a.Props.Set(mapi.PidTagAttachDataBinary, mapi.BinaryValue(want))
	m.Attachments = append(m.Attachments, a)
	m.Props.Set(mapi.PidTagSubject, mapi.StringValue("large"))
	Complete(m)
	name := filepath.Join(t.TempDir(), "large.msg")
	if err := WriteFile(t.Context(), name, m, nil); err != nil {
		t.Fatal(err)
	}
	f, err := Open(name, nil)
	if err != nil {
		t.Fatal(err)
	}
	expectNoProblems(t, f)
	data := f.Message.Attachments[0].Data()
	if v, _ := f.Message.Attachments[0].Props.Get(mapi.PidTagAttachDataBinary); v.InMemory() {
		t.Error("the attachment is held in memory")
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			got, err := mapi.ReadBlob(t.Context(), data, 4<<20)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		})
	}
	wg.Wait()
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := mapi.ReadBlob(t.Context(), f.Message.Encoded.Blob, 8<<20); err != nil || !bytes.Equal(got, whole) {
		t.Errorf("the encoded original differs: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if err := f.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
	if _, err := mapi.ReadBlob(t.Context(), data, 4<<20); err == nil {
		t.Error("a blob of a closed file can be read")
	}
}

func TestFailedWriteLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	m := new(mapi.Message)
	m.Props.Set(mapi.PidTagHtml, mapi.BlobValue(mapi.TypeBinary, mapi.Section{R: bytes.NewReader(nil), N: 100_000}))
	if err := WriteFile(t.Context(), filepath.Join(dir, "x.msg"), m, nil); err == nil {
		t.Fatal("a blob that ends early is written")
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("%v is left behind", left[0].Name())
	}
}
