package migrate_test

import (
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/converters/migrate"
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/mem"
)

// endless is a source of one folder with n mails that are made as they are
// asked for.
type endless struct{ n int }

func (e endless) Folders(context.Context) iter.Seq2[transport.Folder, error] {
	return func(yield func(transport.Folder, error) bool) {
		yield(transport.Folder{Path: []string{"Inbox"}, ID: "1", Count: int64(e.n)}, nil)
	}
}

func (e endless) Items(_ context.Context, _ transport.Folder, _ *transport.Cursor) iter.Seq2[transport.Meta, error] {
	return func(yield func(transport.Meta, error) bool) {
		for i := range e.n {
			if !yield(transport.Meta{Key: transport.Key("1." + strconv.Itoa(i)), Size: 1000, Received: time.Unix(1600000000+int64(i), 0)}, nil) {
				return
			}
		}
	}
}

func (e endless) Fetch(_ context.Context, _ transport.Folder, keys []transport.Key, _ []transport.Form) iter.Seq2[transport.Fetched, error] {
	return func(yield func(transport.Fetched, error) bool) {
		for _, k := range keys {
			text := "Message-ID: <" + string(k) + "@example.org>\r\nSubject: mail\r\n\r\n" + strings.Repeat("text ", 180)
			if !yield(transport.Fetched{Key: k, Content: &transport.Content{Form: transport.FormMIME, MIME: mapi.Bytes(text), OneShot: true}}, nil) {
				return
			}
		}
	}
}

func (endless) Close() error { return nil }

// hole is a sink that reads what it gets and forgets it.
type hole struct{ n atomic.Int64 }

func (h *hole) Accepts(transport.Meta) []transport.Form {
	return []transport.Form{transport.FormMIME}
}

func (h *hole) Ensure(_ context.Context, f transport.Folder) (transport.Folder, error) {
	f.ID = f.String()
	return f, nil
}

func (h *hole) Put(ctx context.Context, _ transport.Folder, _ transport.Meta, c *transport.Content) (transport.Receipt, error) {
	r, err := c.MIME.Open(ctx)
	if err != nil {
		return transport.Receipt{}, err
	}
	defer r.Close()
	n, err := io.Copy(io.Discard, r)
	return transport.Receipt{Ref: transport.Key(strconv.FormatInt(h.n.Add(1), 10)), Bytes: n}, err
}

func (h *hole) BatchLimit() (int, int64) { return 50, 8 << 20 }

func (h *hole) PutBatch(ctx context.Context, f transport.Folder, items []transport.Staged) ([]transport.Result, error) {
	out := make([]transport.Result, len(items))
	for i, it := range items {
		out[i].Receipt, out[i].Err = h.Put(ctx, f, it.Meta, it.Content)
	}
	return out, nil
}

func (h *hole) Close() error { return nil }

// T54: a folder of any size in the same memory.
func TestT54MemoryIsFlat(t *testing.T) {
	if testing.Short() {
		t.Skip("copies 40,000 items; left out with -short")
	}
	n := 40_000
	if s := os.Getenv("MAILCONV_MILLION"); s != "" {
		n = 1_000_000
	}
	// As the program does.
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(40 << 20))
	dir := t.TempDir()
	var peak atomic.Uint64
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				peak.Store(max(peak.Load(), m.HeapInuse+m.StackInuse))
			}
		}
	}()
	defer close(done)
	for i, n := range []int{2000, n} {
		peak.Store(0)
		l, err := ledger.Open(bg, filepath.Join(dir, fmt.Sprint(i)), ledger.Pair{})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		r, err := migrate.Run(bg, endless{n}, &hole{}, l, migrate.Options{})
		if err != nil || r.Copied != int64(n) {
			t.Fatal(r, err)
		}
		t.Logf("%d items: %.0f a second, heap at most %.1f MiB", n, float64(n)/time.Since(start).Seconds(), float64(peak.Load())/(1<<20))
		start = time.Now()
		if r, err = migrate.Run(bg, endless{n}, &hole{}, l, migrate.Options{}); err != nil || r.Known != int64(n) || r.Copied != 0 {
			t.Fatal(r, err)
		}
		t.Logf("again: %.0f a second, heap at most %.1f MiB", float64(n)/time.Since(start).Seconds(), float64(peak.Load())/(1<<20))
		l.Close()
		if limit := uint64(48 << 20); peak.Load() > limit {
			t.Errorf("%d items took %d bytes", n, peak.Load())
		}
	}
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "VmHWM") {
			t.Log(strings.TrimSpace(line))
			var kb int
			if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kb); err == nil && os.Getenv("MAILCONV_MILLION") != "" && kb > 64<<10 {
				t.Errorf("the process took %d KiB, the promise is 64 MiB", kb)
			}
		}
	}
}

func BenchmarkRun(b *testing.B) {
	for _, o := range []mem.Options{{}, {OneShot: true, BatchOnly: true}} {
		b.Run(fmt.Sprintf("oneshot=%v", o.OneShot), func(b *testing.B) {
			const n = 5020
			src := filled(n, o, "Inbox")
			dir := b.TempDir()
			i := 0
			for b.Loop() {
				i++
				l, err := ledger.Open(bg, filepath.Join(dir, fmt.Sprint(i)), ledger.Pair{})
				if err != nil {
					b.Fatal(err)
				}
				r, err := migrate.Run(bg, src, mem.New(o), l, migrate.Options{})
				if err != nil || r.Copied != n {
					b.Fatal(r, err)
				}
				l.Close()
			}
			b.ReportMetric(float64(i*n)/b.Elapsed().Seconds(), "items/s")
		})
	}
}
