package tnef

import (
	"bytes"
	"context"
	"encoding/binary"
	"runtime"
	"testing"
)

// TestMemoryOfHostileInput: 1 MiB of what costs a reader most stays within
// 64 MiB.
func TestMemoryOfHostileInput(t *testing.T) {
	const size = 1 << 20
	le := binary.LittleEndian
	fill := func(unit ...byte) []byte { return bytes.Repeat(unit, size/len(unit)) }
	list := func(body []byte) []byte {
		return newStream().att(1, attMsgProps, append(le.AppendUint32(nil, 0xFFFFFFFF), body...)...).b
	}
	table := func(body []byte) []byte {
		return newStream().att(1, attRecipTable, append(le.AppendUint32(nil, 0xFFFFFFFF), body...)...).b
	}
	var rends, ends []byte
	for range size / 11 {
		rends = append(rends, newStream().att(2, attAttachRenddata).b[6:]...)
		ends = append(ends, newStream().att(1, attBody).b[6:]...)
	}
	for name, b := range map[string][]byte{
		"many properties":       list(fill(0x02, 0, 0x00, 0x10, 1, 0, 0, 0)),
		"empty lists":           list(fill(0x1F, 0x10, 0x00, 0x10, 0, 0, 0, 0)),
		"empty elements":        list(append([]byte{0x02, 0x11, 0, 0x10, 0xFF, 0xFF, 0xFF, 0xFF}, fill(0, 0, 0, 0)...)),
		"a count of values":     list([]byte{0x02, 0x10, 0, 0x10, 0xFF, 0xFF, 0xFF, 0xFF}),
		"a length":              list([]byte{0x02, 0x01, 0, 0x10, 1, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF}),
		"empty rows":            table(fill(0, 0, 0, 0)),
		"rows of one property":  table(fill(1, 0, 0, 0, 0x0B, 0, 0, 0x10, 1, 0, 0, 0)),
		"attachments":           append(newStream().b, rends...),
		"empty attributes":      append(newStream().b, ends...),
		"a row of empty values": table(append(le.AppendUint32(nil, 0xFFFFFFFF), fill(0x02, 0x01, 0, 0x10, 0, 0, 0, 0)...)),
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			m, _, err := Decode(context.Background(), bytes.NewReader(b), int64(len(b)), nil)
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > 320<<20 {
				t.Errorf("%d MiB were allocated in all", n>>20)
			} else if err == nil {
				t.Logf("%d MiB allocated in all", n>>20)
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
