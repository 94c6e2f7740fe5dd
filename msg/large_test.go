package msg

import (
	"context"
	"crypto/sha256"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/mailconv/mailconv/mapi"
)

// generated is a blob that is made while it is read.
type generated int64

func (g generated) Size() int64 { return int64(g) }

func (g generated) Open(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(io.LimitReader(&generator{}, int64(g))), nil
}

type generator struct{ x uint64 }

func (g *generator) Read(p []byte) (int, error) {
	for i := range p {
		if i%8 == 0 {
			g.x += 0x9E3779B97F4A7C15
		}
		p[i] = byte(g.x >> (8 * (i % 8)))
	}
	return len(p), nil
}

func hashBlob(t *testing.T, b mapi.Blob) [32]byte {
	t.Helper()
	r, err := b.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	h := sha256.New()
	n, err := io.CopyBuffer(struct{ io.Writer }{h}, struct{ io.Reader }{r}, make([]byte, 64<<10))
	if err != nil || n != b.Size() {
		t.Fatalf("%d of %d bytes: %v", n, b.Size(), err)
	}
	return [32]byte(h.Sum(nil))
}

// TestLargeAttachment writes a message with an attachment of 1 GiB and reads it
// again. The memory in use stays below 16 MiB all the while.
func TestLargeAttachment(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the message of 1 GiB is left out")
	}
	if os.Getenv("MAILCONV_LARGE") == "" {
		t.Skip("MAILCONV_LARGE is not set: the message of 1 GiB is left out")
	}
	const size, limit = 1 << 30, 16 << 20
	done := make(chan uint64)
	stop := make(chan struct{})
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	go func() {
		var peak uint64
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				done <- peak
				return
			case <-tick.C:
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				peak = max(peak, m.HeapInuse)
			}
		}
	}()

	m := new(mapi.Message)
	m.Props.Set(mapi.PidTagSubject, mapi.StringValue("large"))
	a := new(mapi.Attachment)
	a.Props.Set(mapi.PidTagAttachLongFilename, mapi.StringValue("large.bin"))
	a.Props.Set(mapi.PidTagAttachDataBinary, mapi.BlobValue(mapi.TypeBinary, generated(size)))
	m.Attachments = append(m.Attachments, a)
	Complete(m)
	name := filepath.Join(t.TempDir(), "large.msg")
	start := time.Now()
	if err := WriteFile(t.Context(), name, m, nil); err != nil {
		t.Fatal(err)
	}
	wrote := time.Since(start)
	start = time.Now()
	f, err := Open(name, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	opened := time.Since(start)
	expectNoProblems(t, f)
	if hashBlob(t, f.Message.Attachments[0].Data()) != hashBlob(t, generated(size)) {
		t.Error("the content differs")
	}
	close(stop)
	peak := <-done
	t.Logf("written in %v, opened in %v, peak heap %d KiB above %d KiB", wrote, opened, (peak-min(peak, before.HeapInuse))>>10, before.HeapInuse>>10)
	if peak > before.HeapInuse+limit {
		t.Errorf("peak heap %d bytes", peak)
	}
}
