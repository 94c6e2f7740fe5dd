package rop

import (
	"bytes"
	"testing"
)

func FuzzRequest(f *testing.F) {
	for _, v := range requestVectors {
		f.Add(v.bytes(f))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := ParseRequest(b, nil)
		if err != nil {
			return
		}
		first, err := got.Marshal()
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		again, err := ParseRequest(first, nil)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if second, err := again.Marshal(); err != nil || !bytes.Equal(first, second) {
			t.Fatalf("%v\n%s", err, differ(second, first))
		}
	})
}

func FuzzResponse(f *testing.F) {
	f.Add(unhex(f, `3400 12 00 00000000 00 15 00 00000000 02 0200 00 01000000 0200 0700 4100 0000 01 00 01000000 0A00 0A 0F010480 0A 0E000780 07000000`))
	f.Add(unhex(f, `2400 2A 07000000 00 0280 010000000000000D 0100000000000010 01000000 00 49504D00`))
	var asked []Request
	for _, o := range operations {
		if o.request != nil {
			asked = append(asked, Request{Body: o.request()})
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for i := range asked {
			if len(b) > 2 && asked[i].Body.ROP() == ID(b[2]) {
				asked[0], asked[i] = asked[i], asked[0]
			}
		}
		got, err := ParseResponse(b, asked, new(Columns))
		if err != nil {
			return
		}
		if _, err := got.Marshal(); err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
	})
}

func FuzzPayloads(f *testing.F) {
	for _, flags := range []HeaderFlags{0, Compressed, XorMagic, Compressed | XorMagic} {
		b, _ := AppendPayload(nil, Payload{flags | Last, bytes.Repeat([]byte("again "), 40)})
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := ParsePayloads(b)
		if err != nil {
			return
		}
		var out []byte
		for _, p := range list {
			if out, err = AppendPayload(out, p); err != nil {
				t.Fatal(err)
			}
		}
		again, err := ParsePayloads(out)
		if err != nil || len(again) != len(list) {
			t.Fatalf("%d payloads became %d: %v", len(list), len(again), err)
		}
		for i := range list {
			if !bytes.Equal(list[i].Data, again[i].Data) {
				t.Fatal("a payload changed")
			}
		}
	})
}

func FuzzLZ77(f *testing.F) {
	f.Add([]byte("ffffff1f"), uint16(300))
	f.Add(Compress(bytes.Repeat([]byte("abcab"), 300)), uint16(1500))
	f.Fuzz(func(t *testing.T, b []byte, size uint16) {
		if out, err := Decompress(b, int(size)); err == nil && len(out) != int(size) {
			t.Fatalf("%d bytes of %d", len(out), size)
		}
		out, err := Decompress(Compress(b), len(b))
		if len(b) <= maxPayload && (err != nil || !bytes.Equal(out, b)) {
			t.Fatalf("not the same after compression: %v", err)
		}
	})
}
