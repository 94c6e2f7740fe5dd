package lineend

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// What servers change is found however the bytes are cut into writes.
func TestBareLineEndsAreFoundAcrossWrites(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"a", "bc", "\r\n", "\r\n", "\r\n\r\n", "line of text\r\n"}
	odd := []string{"\r", "\n", "\x00", "\r\r\n", "\n\r"}
	for range 20000 {
		var b []byte
		for range r.IntN(8) {
			b = append(b, pieces[r.IntN(len(pieces))]...)
		}
		if r.IntN(2) == 0 {
			at := 0
			if len(b) > 0 {
				at = r.IntN(len(b))
			}
			b = append(b[:at:at], append([]byte(odd[r.IntN(len(odd))]), b[at:]...)...)
		}
		plain := bytes.ReplaceAll(b, []byte("\r\n"), nil)
		want := bytes.ContainsAny(plain, "\r\n\x00")
		var c Check
		for rest := b; len(rest) > 0; {
			n := 1 + r.IntN(len(rest))
			c.Write(rest[:n])
			rest = rest[n:]
		}
		if got := !c.Clean(); got != want {
			t.Fatalf("%q: found %v, want %v", b, got, want)
		}
	}
}
