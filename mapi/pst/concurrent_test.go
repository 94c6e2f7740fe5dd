package pst_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/pst"
	"github.com/mailconv/mailconv/mapi/pst/ndb"
	"github.com/mailconv/mailconv/mapi/pst/psttest"
)

// TestConcurrentReads: items, lists and blobs of one file are read by several
// goroutines at once, and all get the same.
func TestConcurrentReads(t *testing.T) {
	mem, _ := build(t, psttest.Sample(), psttest.Options{Kind: ndb.Unicode4K, Compress: true, Crypt: ndb.CryptCyclic, XBlockEntries: 2})
	f := open(t, mem, nil)
	var nids []pst.NID
	for fo := range f.Folders() {
		for e := range f.Items(fo.NID, pst.Contents) {
			nids = append(nids, e.NID)
		}
	}
	sums := make([]string, 6)
	var wg sync.WaitGroup
	for g := range sums {
		wg.Go(func() {
			h := sha256.New()
			for _, nid := range nids {
				m, _, err := f.Item(context.Background(), nid)
				if err != nil {
					fmt.Fprint(h, err)
					continue
				}
				digest(m, h)
			}
			n := 0
			for fo := range f.Folders() {
				for range f.Items(fo.NID, pst.Contents) {
					n++
				}
			}
			sums[g] = fmt.Sprintf("%d %x", n, h.Sum(nil))
		})
	}
	wg.Wait()
	for _, s := range sums {
		if s != sums[0] {
			t.Errorf("%v", sums)
		}
	}
}

// TestCancelled: a context that ended stops the work.
func TestCancelled(t *testing.T) {
	mem, w := build(t, psttest.Sample(), psttest.Options{Kind: ndb.Unicode})
	f := open(t, mem, nil)
	ctx, cancel := context.WithCancel(context.Background())
	m, _, err := f.Item(ctx, w.Items["attachments"])
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, _, err := f.Item(ctx, w.Items["attachments"]); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	for _, a := range m.Attachments {
		if b := a.Data(); b != nil && b.Size() > mapi.InlineLimit {
			if _, err := b.Open(ctx); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}
	}
}

// TestStorageIsHandedIn: the compound file of an OLE object is read by who
// opened the file.
func TestStorageIsHandedIn(t *testing.T) {
	mem, w := build(t, psttest.Sample(), psttest.Options{Kind: ndb.Unicode, Crypt: ndb.CryptPermute})
	seen := int64(0)
	r, size := mem.Reader()
	f, err := pst.NewReader(r, size, &pst.Options{Storage: func(_ context.Context, r io.ReaderAt, n int64) (*mapi.Storage, error) {
		seen = n
		b := make([]byte, n)
		if _, err := r.ReadAt(b, 0); err != nil {
			return nil, err
		}
		return &mapi.Storage{Streams: []mapi.Stream{{Name: "all", Data: mapi.Bytes(b)}}}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	m, problems, err := f.Item(t.Context(), w.Items["attachments"])
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	for _, a := range m.Attachments {
		if a.Method() == mapi.AttachOLE {
			if _, ok := a.Props.Get(mapi.PidTagAttachDataObject); ok || a.Storage == nil || seen != 9000 {
				t.Errorf("storage %v of %d bytes", a.Storage, seen)
			}
			return
		}
	}
	t.Error("no OLE attachment")
}

func BenchmarkItems(b *testing.B) {
	mem, _ := build(b, psttest.Mailbox(320), psttest.Options{Kind: ndb.Unicode, Crypt: ndb.CryptPermute})
	r, size := mem.Reader()
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		f, err := pst.NewReader(r, size, nil)
		if err != nil {
			b.Fatal(err)
		}
		for fo := range f.Folders() {
			for e, err := range f.Items(fo.NID, pst.Contents) {
				if err != nil {
					b.Fatal(err)
				}
				m, _, err := f.Item(context.Background(), e.NID)
				if err != nil {
					b.Fatal(err)
				}
				for _, a := range m.Attachments {
					r, err := a.Data().Open(context.Background())
					if err != nil {
						b.Fatal(err)
					}
					if _, err := io.Copy(io.Discard, r); err != nil {
						b.Fatal(err)
					}
					r.Close()
				}
			}
		}
	}
}

func BenchmarkListFirstItem(b *testing.B) {
	mem, _ := build(b, psttest.Mailbox(320), psttest.Options{Kind: ndb.Unicode, Crypt: ndb.CryptPermute})
	r, size := mem.Reader()
	for b.Loop() {
		f, err := pst.NewReader(r, size, nil)
		if err != nil {
			b.Fatal(err)
		}
	search:
		for fo := range f.Folders() {
			for range f.Items(fo.NID, pst.Contents) {
				break search
			}
		}
	}
}
