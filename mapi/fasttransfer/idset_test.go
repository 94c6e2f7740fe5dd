package fasttransfer

import (
	"bytes"
	"context"
	"io"
	"reflect"
	"testing"
)

func TestIDSets(t *testing.T) {
	const repl = "02000000 A5187B6FBCDCEA1ED03C5657"
	for _, c := range []struct {
		name, bytes string
		want        []Range
	}{
		{"empty", "00", nil},
		{"a whole counter", "06 00000000001D 00", []Range{{0x1D, 0x1D}}},
		{"a range of whole counters", "52 000000000001 00000000002D 00", []Range{{1, 0x2D}}},
		{"shared bytes", "05 0000000300 0100 520205 50 00", []Range{{0x30000, 0x30000}, {0x30002, 0x30005}}},
		{"pushes upon pushes", "03000000 020000 520A17 50 020000 52191D 50 50 00", []Range{{0x0A, 0x17}, {0x19, 0x1D}}},
		{"bits", "05 0000000000 42 10 05 50 00", []Range{{0x10, 0x11}, {0x13, 0x13}}},
		{"neighbours join", "06 000000000002 06 000000000001 00", []Range{{1, 2}}},
		{"the largest", "52 000000000001 FFFFFFFFFFFF 00", []Range{{1, maxCounter}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			sets, err := ParseReplGUIDSets(unhex(repl + c.bytes))
			if err != nil || len(sets) != 1 {
				t.Fatalf("%v, %v", sets, err)
			}
			if len(sets[0].Ranges)+len(c.want) > 0 && !reflect.DeepEqual(sets[0].Ranges, c.want) {
				t.Errorf("%v, want %v", sets[0].Ranges, c.want)
			}
			again, err := ParseReplGUIDSets(AppendReplGUIDSets(nil, sets))
			if err != nil || !reflect.DeepEqual(again, sets) {
				t.Errorf("written and read: %v, %v", again, err)
			}
			for _, r := range c.want {
				if !sets[0].Contains(r.Low) || !sets[0].Contains(r.High) || sets[0].Contains(r.Low-1) {
					t.Error("Contains")
				}
			}
		})
	}
	sets, err := ParseReplIDSets(unhex("0100 06 00000000001D 00  0500 52 000000000001 000000000002 00"))
	if err != nil || len(sets) != 2 || sets[0].ReplID != 1 || sets[1].ReplID != 5 {
		t.Errorf("%v, %v", sets, err)
	}
	for _, bad := range []string{"01", "0100", "0100 07", "0100 05", "0100 06 00000000001D", "0100 42 0000 00", "0100 52 000000000002 000000000001 00", "0100 05 0000000000 02 0000 00", "0100 50 00"} {
		if _, err := ParseReplIDSets(unhex(bad)); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
}

// TestRecordedIDSets reads every set of the recorded streams, and writes it so
// that it reads the same.
func TestRecordedIDSets(t *testing.T) {
	n := 0
	for _, path := range recordings(t, "ics-*.fts") {
		b := load(t, path)
		l := NewLexer(context.Background(), bytes.NewReader(b), int64(len(b)), nil)
		for {
			e, err := l.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			parse, write := ParseReplGUIDSets, AppendReplGUIDSets
			switch e.Property.Tag {
			case MetaTagIdsetGiven, MetaTagCnsetSeen, MetaTagCnsetSeenFAI, MetaTagCnsetRead:
			case MetaTagIdsetDeleted, MetaTagIdsetNoLongerInScope, MetaTagIdsetExpired, MetaTagIdsetRead, MetaTagIdsetUnread:
				parse, write = ParseReplIDSets, AppendReplIDSets
			default:
				continue
			}
			n++
			sets, err := parse(e.Property.Value.Raw())
			if err != nil {
				t.Errorf("%v: %v", e.Property, err)
			}
			again, err := parse(write(nil, sets))
			if err != nil || !reflect.DeepEqual(again, sets) {
				t.Errorf("%v: %v, want %v (%v)", e.Property, again, sets, err)
			}
		}
	}
	if n < 15 {
		t.Errorf("only %d sets", n)
	}
}

func FuzzIDSets(f *testing.F) {
	f.Add(unhex("0100 05 0000000300 0100 520205 50 00"))
	f.Add(unhex("0100 05 0000000000 42 10 05 50 00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		sets, err := ParseReplIDSets(b)
		if err != nil {
			return
		}
		written := AppendReplIDSets(nil, sets)
		again, err := ParseReplIDSets(written)
		if err != nil || len(again) != len(sets) {
			t.Fatalf("%v, %v, want %v", again, err, sets)
		}
		if !bytes.Equal(AppendReplIDSets(nil, again), written) {
			t.Error("written twice it differs")
		}
	})
}
