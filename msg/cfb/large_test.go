package cfb

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/mailconv/mailconv/mapi"
)

// numbers is a blob that says at each offset where it is.
type numbers int64

func (n numbers) Size() int64 { return int64(n) }

func (n numbers) Open(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(io.LimitReader(new(counter), int64(n))), nil
}

type counter uint64

func (c *counter) Read(p []byte) (int, error) {
	p = p[:len(p)&^7]
	for i := 0; i < len(p); i += 8 {
		binary.LittleEndian.PutUint64(p[i:], uint64(*c))
		*c++
	}
	return len(p), nil
}

// TestPastTwoGiB: such a file is of version 4, and its sector at 2 GiB is in no
// stream.
func TestPastTwoGiB(t *testing.T) {
	if os.Getenv("MAILCONV_LARGE") == "" {
		t.Skip("MAILCONV_LARGE is not set: the file of 2 GiB is left out")
	}
	const size = 2<<30 + 64<<10
	name := filepath.Join(t.TempDir(), "large.cfb")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	root := &mapi.Storage{Streams: []mapi.Stream{{Name: "large", Data: numbers(size)}, stream("small", 1, 100)}}
	if err := Write(t.Context(), f, root, nil); err != nil {
		t.Fatal(err)
	}
	fi, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewReader(f, fi.Size())
	if err != nil {
		t.Fatal(err)
	}
	if r.f.shift != 12 {
		t.Errorf("sector shift %d", r.f.shift)
	}
	var lock [4096]byte
	if _, err := f.ReadAt(lock[:], rangeLock&^4095); err != nil || lock != zeros {
		t.Errorf("the range lock sector is in use: %v", err)
	}
	if v, err := r.f.next(rangeLock>>12 - 1); err != nil || v != endOfChain {
		t.Errorf("its FAT entry is 0x%X, %v", v, err)
	}
	for _, s := range r.Root.Streams {
		if s.Name != "large" {
			continue
		}
		if s.Data.Size() != size {
			t.Fatalf("size %d", s.Data.Size())
		}
		// Around the start, the lock, and the end.
		for _, off := range []int64{0, rangeLock - 1<<22, rangeLock - 4096*600, size - 4096} {
			var b [4096]byte
			n, err := s.Data.(*Stream).ReadAt(b[:], off)
			if err != nil && err != io.EOF {
				t.Fatal(err)
			}
			c := counter(off / 8)
			want := make([]byte, n)
			c.Read(want)
			if !bytes.Equal(b[:n], want) {
				t.Errorf("offset %d differs", off)
			}
		}
		if n := len(s.Data.(*Stream).run.ext); n > 2 {
			t.Errorf("%d extents", n)
		}
	}
	for _, p := range r.Problems() {
		t.Error(p)
	}
}
