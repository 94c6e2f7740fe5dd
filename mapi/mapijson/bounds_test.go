package mapijson

import (
	"bytes"
	"context"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/mapitest"
)

// TestMemoryOfHostileInput: 1 MiB of what costs a reader most stays within
// 64 MiB.
func TestMemoryOfHostileInput(t *testing.T) {
	const size = 1 << 20
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	for name, s := range map[string]string{
		"empty properties":  `{"properties": [` + fill(`{},`),
		"unknown names":     `{"properties": [` + fill(`{"name":"x"},`),
		"properties":        `{"properties": [` + fill(`{"tag":"1000000B","value":true},`),
		"elements":          `{"properties": [{"tag":"1000101F","value":[` + fill(`"",`) + `""]}]}`,
		"numbers":           `{"properties": [{"tag":"10001002","value":[` + fill(`0,`) + `0]}]}`,
		"recipients":        `{"recipients": [` + fill(`{},`),
		"attachments":       `{"attachments": [` + fill(`{},`),
		"embedded messages": fill(`{"attachments": [{"embedded": `),
		"storages":          `{"attachments": [{"storage": ` + fill(`{"storages": [`),
		"depth":             `{"properties": [], "x": ` + fill("["),
		"a string":          `{"properties": [{"tag":"1000001F","value":"` + fill("a"),
		"escapes":           `{"properties": [{"tag":"1000001F","value":"` + fill(`\u0000`) + `"}]}`,
		"white space":       `{"properties": ` + fill(" "),
	} {
		t.Run(name, func(t *testing.T) {
			b := []byte(s)
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			m, _, err := Decode(context.Background(), bytes.NewReader(b), int64(len(b)))
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
	if off+int64(len(p)) > 30000 {
		return 0, errBlock
	}
	return f.ReaderAt.ReadAt(p, off)
}

func TestFailureOfTheSourceIsAnError(t *testing.T) {
	b := encode(t, mapitest.Sample())
	_, _, err := Decode(context.Background(), failing{bytes.NewReader(b)}, int64(len(b)))
	if !errors.Is(err, errBlock) {
		t.Errorf("a read error was taken for damage: %v", err)
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

// file is a text of which only the ends were kept.
type file struct {
	head, tail []byte
	fill       byte
	size       int64
}

func (f file) ReadAt(p []byte, off int64) (int, error) {
	for i := range p {
		switch at := off + int64(i); {
		case at < int64(len(f.head)):
			p[i] = f.head[at]
		case at >= f.size:
			return i, io.EOF
		case at >= f.size-int64(len(f.tail)):
			p[i] = f.tail[at-f.size+int64(len(f.tail))]
		default:
			p[i] = f.fill
		}
	}
	return len(p), nil
}

// TestLargeAttachmentIsNotHeld writes and reads 150 MB and holds next to
// nothing.
func TestLargeAttachmentIsNotHeld(t *testing.T) {
	a := &mapi.Attachment{}
	a.Props.Set(mapi.PidTagAttachDataBinary, mapi.BlobValue(mapi.TypeBinary, zeros(150<<20)))
	m := &mapi.Message{Attachments: []*mapi.Attachment{a}}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := Encode(context.Background(), io.Discard, m); err != nil {
		t.Fatal(err)
	}
	head, tail := `{"attachments": [{"properties": [{"tag": "37010102", "raw": "`, `"}]}]}`
	f := file{[]byte(head), []byte(tail), 'A', int64(len(head)+len(tail)) + 40<<20}
	got, problems, err := Decode(context.Background(), f, f.size)
	if err != nil || len(problems) > 0 || got.Attachments[0].Data().Size() != 30<<20 {
		t.Errorf("%v, %v", err, problems)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 4<<20 {
		t.Errorf("%d KiB were allocated", n>>10)
	}
}
