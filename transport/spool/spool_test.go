package spool_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/spool"
)

var bg = context.Background()

func read(t *testing.T, b mapi.Blob) string {
	t.Helper()
	r, err := b.Open(bg)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(data)) != b.Size() {
		t.Errorf("Size is %d, the blob has %d bytes", b.Size(), len(data))
	}
	return string(data)
}

func TestMemoryFirstThenFile(t *testing.T) {
	dir := t.TempDir()
	s := spool.New(64<<10, dir)
	for _, size := range []int{0, 1, 4096, 4097, 16 << 10, 32 << 10, 33 << 10, 1 << 20} {
		want := strings.Repeat("0123456789abcdef", size/16+1)[:size]
		b := s.Create()
		if _, err := io.Copy(b, iotest{strings.NewReader(want)}); err != nil {
			t.Fatal(err)
		}
		memory, disk := s.Used()
		if big := size > 32<<10; big != (disk == int64(size) && size > 0 && memory == 0) {
			t.Errorf("%d bytes: %d in memory, %d on disk", size, memory, disk)
		}
		blob, err := b.Blob()
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				if read(t, blob) != want {
					t.Errorf("%d bytes: came back otherwise", size)
				}
			})
		}
		wg.Wait()
		if err := errors.Join(b.Close(), b.Close()); err != nil {
			t.Error(err)
		}
		r, _ := blob.Open(bg)
		if _, err := r.Read(make([]byte, 1)); size > 0 && !errors.Is(err, os.ErrClosed) {
			t.Errorf("a closed buffer is read: %v", err)
		}
	}
	if m, d := s.Used(); m != 0 || d != 0 {
		t.Errorf("after all is closed: %d in memory, %d on disk", m, d)
	}
}

// iotest reads odd amounts.
type iotest struct{ r io.Reader }

func (o iotest) Read(p []byte) (int, error) { return o.r.Read(p[:min(len(p), 777)]) }

func TestBudgetIsSharedByAllBuffers(t *testing.T) {
	s := spool.New(64<<10, t.TempDir())
	defer s.Close()
	for range 20 {
		if _, err := s.Create().Write(make([]byte, 8<<10)); err != nil {
			t.Fatal(err)
		}
		if m, _ := s.Used(); m > 64<<10 {
			t.Fatalf("%d bytes in memory", m)
		}
	}
	if _, disk := s.Used(); disk != 12*8<<10 {
		t.Errorf("%d bytes on disk", disk)
	}
}

func TestCloseLeavesNoFile(t *testing.T) {
	dir := t.TempDir()
	s := spool.New(0, dir)
	b := s.Create()
	b.Write([]byte("secret"))
	list, _ := os.ReadDir(dir)
	for _, e := range list { // only where open files keep their name
		if st, err := e.Info(); err == nil && st.Mode().Perm() != 0o600 && runtime.GOOS != "windows" {
			t.Errorf("%s has mode %v", e.Name(), st.Mode())
		}
	}
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Error(err)
	}
	if list, _ := os.ReadDir(dir); len(list) != 0 {
		t.Errorf("%d files left", len(list))
	}
	if _, err := s.Create().Write([]byte("x")); !errors.Is(err, os.ErrClosed) {
		t.Errorf("write after Close: %v", err)
	}
}

// once is a blob that can be opened once.
type once struct {
	data []byte
	size int
	used *bool
}

func (o once) Size() int64 { return int64(o.size) }
func (o once) Open(context.Context) (io.ReadCloser, error) {
	if *o.used {
		return nil, errors.New("opened twice")
	}
	*o.used = true
	return io.NopCloser(bytes.NewReader(o.data)), nil
}

func newOnce(s string) once { return once{[]byte(s), len(s), new(bool)} }

func TestKeepMakesOneShotContentOpenAgain(t *testing.T) {
	s := spool.New(1<<20, t.TempDir())
	defer s.Close()
	closed := 0
	c, err := s.Keep(bg, &transport.Content{Form: transport.FormMIME, MIME: newOnce("Subject: x\r\n\r\n"), OneShot: true, OnClose: func() error { closed++; return nil }})
	if err != nil {
		t.Fatal(err)
	}
	first, second := read(t, c.MIME), read(t, c.MIME)
	if c.OneShot || closed != 1 || first != second {
		t.Error("the content is not kept")
	}
	c.Close()

	m := &mapi.Message{
		Props: mapi.Properties{{Tag: mapi.PidTagBody, Value: mapi.BlobValue(mapi.TypeString, newOnce("a\x00b\x00"))}},
		Attachments: []*mapi.Attachment{
			{Embedded: &mapi.Message{Props: mapi.Properties{{Tag: mapi.PidTagRtfCompressed, Value: mapi.BlobValue(mapi.TypeBinary, newOnce("rtf"))}}}},
			{Storage: &mapi.Storage{Streams: []mapi.Stream{{Name: "CONTENTS", Data: newOnce("ole")}}}},
		},
		Encoded: &mapi.Encoded{Format: "fts", Blob: newOnce("whole")},
	}
	c, err = s.Keep(bg, &transport.Content{Form: transport.FormObject, Object: m, OneShot: true})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		v, _ := c.Object.Props.Get(mapi.PidTagBody)
		e, _ := c.Object.Attachments[0].Embedded.Props.Get(mapi.PidTagRtfCompressed)
		got := []string{v.Text(), read(t, e.Blob()), read(t, c.Object.Attachments[1].Storage.Streams[0].Data), read(t, c.Object.Encoded.Blob)}
		if strings.Join(got, " ") != "ab rtf ole whole" {
			t.Errorf("kept as %q", got)
		}
	}
	c.Close()
	if m, d := s.Used(); m != 0 || d != 0 {
		t.Errorf("after Close: %d in memory, %d on disk", m, d)
	}
}

func TestKeepOfABodyThatBreaksOffIsTemporary(t *testing.T) {
	s := spool.New(1<<20, t.TempDir())
	defer s.Close()
	closed := 0
	short := newOnce("abc")
	short.size = 10
	_, err := s.Keep(bg, &transport.Content{Form: transport.FormMIME, MIME: short, OneShot: true, OnClose: func() error { closed++; return nil }})
	if transport.KindOf(err) != transport.Temporary || closed != 1 {
		t.Errorf("error %v, closed %d times", err, closed)
	}
	if m, d := s.Used(); m != 0 || d != 0 {
		t.Errorf("after the error: %d in memory, %d on disk", m, d)
	}
}

// Memory and files are used again. What an earlier buffer held never shows, by
// whatever way it is read.
func TestNothingOfAnEarlierBufferShows(t *testing.T) {
	for _, budget := range []int64{0, 1 << 20} {
		s := spool.New(budget, t.TempDir())
		defer s.Close()
		for i, size := range []int{300_000, 5, 70_000, 0, 4096, 100_000, 299_999} {
			want := strings.Repeat(string(rune('a'+i)), size)
			b := s.CreateFor([]int64{0, int64(size), int64(size) / 2, 1 << 40}[i%4])
			sum := sha256.New()
			b.Digest(sum)
			half := size / 2
			if _, err := b.Write([]byte(want[:half])); err != nil {
				t.Fatal(err)
			}
			if n, err := b.ReadFrom(iotest{strings.NewReader(want[half:])}); err != nil || n != int64(size-half) {
				t.Fatalf("%d bytes are read of %d: %v", n, size-half, err)
			}
			if got := sha256.Sum256([]byte(want)); !bytes.Equal(sum.Sum(nil), got[:]) {
				t.Errorf("%d bytes: the digest is that of other bytes", size)
			}
			blob, err := b.Blob()
			if err != nil {
				t.Fatal(err)
			}
			if got := read(t, blob); got != want {
				t.Errorf("budget %d, %d bytes come back otherwise", budget, size)
			}
			var out bytes.Buffer
			if n, err := mapi.CopyBlob(bg, &out, blob); err != nil || n != int64(size) || out.String() != want {
				t.Errorf("budget %d, %d bytes are copied as %d: %v", budget, size, n, err)
			}
			r, _ := blob.Open(bg)
			skip := min(size, 4100)
			r.(io.Seeker).Seek(int64(skip), io.SeekStart)
			out.Reset()
			if _, err := io.Copy(&out, r); err != nil || out.String() != want[skip:] {
				t.Errorf("budget %d, %d bytes from %d on: %d, %v", budget, size, skip, out.Len(), err)
			}
			p := make([]byte, 100)
			if n, err := r.(io.ReaderAt).ReadAt(p, int64(max(size-3, 0))); n != min(size, 3) || err != io.EOF {
				t.Errorf("budget %d, the end of %d bytes: %d, %v", budget, size, n, err)
			}
			if err := b.Close(); err != nil {
				t.Error(err)
			}
			if _, err := mapi.CopyBlob(bg, io.Discard, blob); size > 0 && !errors.Is(err, os.ErrClosed) {
				t.Errorf("a closed buffer is copied: %v", err)
			}
		}
		if m, d := s.Used(); m != 0 || d != 0 {
			t.Errorf("after all is closed: %d in memory, %d on disk", m, d)
		}
	}
}

func TestKeepSum(t *testing.T) {
	s := spool.New(1<<20, t.TempDir())
	defer s.Close()
	c, err := s.KeepSum(bg, &transport.Content{Form: transport.FormMIME, MIME: newOnce("Subject: x\r\n\r\n"), OneShot: true})
	if err != nil {
		t.Fatal(err)
	}
	if want := sha256.Sum256([]byte("Subject: x\r\n\r\n")); !bytes.Equal(c.Sum, want[:]) {
		t.Errorf("the sum is %x", c.Sum)
	}
	// What is not copied has none: nothing was read.
	if c, _ = s.KeepSum(bg, &transport.Content{Form: transport.FormMIME, MIME: mapi.Bytes("x")}); c.Sum != nil {
		t.Errorf("the sum of what was not read is %x", c.Sum)
	}
}
