package contact

import (
	"io"
	"runtime"
	"strings"
	"testing"
	"time"
)

// virtual is a card with a value of any size, which takes no memory.
type virtual struct {
	head, tail string
	size       int64
}

func (p virtual) ReadAt(b []byte, off int64) (int, error) {
	n := 0
	for tail := p.size - int64(len(p.tail)); n < len(b) && off < p.size; n++ {
		switch {
		case off < int64(len(p.head)):
			b[n] = p.head[off]
		case off >= tail:
			b[n] = p.tail[off-tail]
		default:
			b[n] = 'Q'
		}
		off++
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func TestContentIsStreamed(t *testing.T) {
	for name, head := range map[string]string{
		"photo": "PHOTO;ENCODING=b;TYPE=JPEG:", "logo": "LOGO;ENCODING=b;TYPE=GIF:", "note": "NOTE:", "text": "X-TEXT:", "key": "KEY;ENCODING=b:",
	} {
		t.Run(name, func(t *testing.T) {
			p := virtual{"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:A\r\n" + head, "\r\nTEL:1\r\nEND:VCARD\r\n", 6 << 20}
			runtime.GC()
			var before runtime.MemStats
			runtime.ReadMemStats(&before)
			peak := uint64(0)
			n := 0
			for it, err := range Import(ctx, p, p.size) {
				if err != nil {
					t.Fatal(err)
				}
				n++
				for _, v := range versions {
					w := &counter{}
					if _, err := Export(ctx, w, it.Message, &ExportOptions{Version: v}); err != nil {
						t.Fatal(err)
					}
					peak = max(peak, w.peak)
					if w.n < p.size-1000 {
						t.Errorf("%s: %d bytes of %d", v, w.n, p.size)
					}
				}
			}
			if peak > before.HeapAlloc+5<<20 {
				t.Errorf("%d MiB held, %d before", peak>>20, before.HeapAlloc>>20)
			}
			if n != 1 {
				t.Errorf("%d items", n)
			}
		})
	}
}

// counter counts what is written, and looks at the heap now and then.
type counter struct {
	n, next int64
	peak    uint64
}

func (c *counter) Write(p []byte) (int, error) {
	if c.n += int64(len(p)); c.n >= c.next {
		c.next = c.n + 1<<20
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		c.peak = max(c.peak, m.HeapAlloc)
	}
	return len(p), nil
}

// Many lines of one kind cost no more than others.
func TestManyLines(t *testing.T) {
	start := time.Now()
	for _, l := range []string{
		"X-MS-CHILD:a", "TEL;X-A=1:1", "item1.X-MS-CHILD;X-B=2:a", "RELATED;TYPE=child:x", "CATEGORIES:a,b,c", "KEY;ENCODING=b:MIIB",
		"ADR:;;a;b;c;d;e", "LABEL:x", "EMAIL:a@b", "X-MS-TEXT:a", "LOGO;ENCODING=b:AAAA",
	} {
		m := one(t, append([]string{"VERSION:4.0"}, strings.Split(strings.Repeat(l+"\n", 2000), "\n")...)...)
		for _, v := range versions {
			export(t, m, v)
		}
	}
	if d := time.Since(start); d > time.Minute {
		t.Errorf("it took %v", d)
	} else {
		t.Log(d)
	}
}
