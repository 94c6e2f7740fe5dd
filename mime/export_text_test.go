package mime

import (
	"math/rand/v2"
	"testing"
)

// Counting eight bytes at a time gives what counting one by one gives.
func TestSpecialsAreCountedInWords(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	alphabets := []string{"abc xyz~!", "ab=\t", "a\x00\x1f\x7f\x80\xff= ", "~\x7e\x7f"}
	for i := range 20000 {
		a := alphabets[i%len(alphabets)]
		p := make([]byte, r.IntN(40))
		for k := range p {
			p[k] = a[r.IntN(len(a))]
			if r.IntN(30) == 0 {
				p[k] = byte(r.IntN(256))
			}
		}
		want := 0
		for _, c := range p {
			want += int(qpSpecial[c])
		}
		if got := specials(p); got != want {
			t.Fatalf("specials(%q) = %d, want %d", p, got, want)
		}
	}
}
