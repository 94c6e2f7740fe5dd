package fasttransfer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"runtime"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/mapitest"
)

// TestMemoryOfHostileInput: 1 MiB of what costs a reader most stays within
// 64 MiB.
func TestMemoryOfHostileInput(t *testing.T) {
	const size = 1 << 20
	fill := func(s string) []byte { u := unhex(s); return bytes.Repeat(u, size/len(u)) }
	for name, b := range map[string][]byte{
		"many properties":  fill("0200 0010 0100"),
		"empty values":     fill("0201 0010 00000000"),
		"empty lists":      fill("1F10 0010 00000000"),
		"empty elements":   append(unhex("0211 0010 FFFFFFFF"), fill("00000000")...),
		"a count":          unhex("0210 0010 FFFFFFFF"),
		"a length":         unhex("0201 0010 FFFFFFFF"),
		"recipients":       fill("0300 0340"),
		"attachments":      fill("0300 0040"),
		"embedded":         fill("0300 0040 0300 0140"),
		"a name":           append(unhex("0300 0080 2903020000000000C000000000000046 01"), fill("6100")...),
		"names":            fill("0200 0080 2903020000000000C000000000000046 01 0000 0100"),
		"one byte buffers": append(unhex("01000000 00000000"), fill("02000000 01000000 00")...),
		"code pages":       fill("0180 0010 01000000 00"),
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			m, _, err := Decode(context.Background(), bytes.NewReader(b), int64(len(b)), nil)
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > 320<<20 {
				t.Errorf("%d MiB were allocated in all", n>>20)
			} else {
				t.Logf("%d MiB allocated in all, %v", n>>20, err)
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			if n := int64(after.HeapAlloc) - int64(before.HeapAlloc); n > 48<<20 {
				t.Errorf("%d MiB are held", n>>20)
			}
			runtime.KeepAlive(m)
		})
	}
}

// failing is a source with a bad block.
type failing struct{ io.ReaderAt }

var errBlock = errors.New("bad block")

func (f failing) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > 3000 {
		return 0, errBlock
	}
	return f.ReaderAt.ReadAt(p, off)
}

func TestFailureOfTheSourceIsAnError(t *testing.T) {
	for _, b := range [][]byte{encode8(t, sample(), nil), encodeItem(t, sample(), nil)} {
		_, _, err := Decode(context.Background(), failing{bytes.NewReader(b)}, int64(len(b)), nil)
		if !errors.Is(err, errBlock) {
			t.Errorf("a read error was taken for damage: %v", err)
		}
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	b := encodeItem(t, sample(), nil)
	if _, _, err := Decode(ctx, bytes.NewReader(b), int64(len(b)), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Decode: %v", err)
	}
	if err := Encode(ctx, io.Discard, sample(), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Encode: %v", err)
	}
}

// zeros is a large blob that exists nowhere.
type zeros int64

func (z zeros) Size() int64 { return int64(z) }
func (z zeros) Open(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(io.LimitReader(endless{}, int64(z))), nil
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestLargeAttachmentIsNotHeld writes 150 MB and holds next to nothing.
func TestLargeAttachmentIsNotHeld(t *testing.T) {
	a := &mapi.Attachment{}
	a.Props.Set(mapi.PidTagAttachDataBinary, mapi.BlobValue(mapi.TypeBinary, zeros(150<<20)))
	m := &mapi.Message{Attachments: []*mapi.Attachment{a}}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := EncodeItem(context.Background(), io.Discard, m, nil); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 4<<20 {
		t.Errorf("%d KiB were allocated", n>>10)
	}
}

func BenchmarkEncodeItem(b *testing.B) {
	m := sample()
	b.SetBytes(int64(len(encodeItem(b, m, nil))))
	for b.Loop() {
		EncodeItem(context.Background(), io.Discard, m, nil)
	}
}

func BenchmarkDecode(b *testing.B) {
	data := encodeItem(b, &mapi.Message{Props: mapitest.EveryType(0x6000)}, nil)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		Decode(context.Background(), bytes.NewReader(data), int64(len(data)), nil)
	}
}
