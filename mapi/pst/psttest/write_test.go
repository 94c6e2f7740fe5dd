package psttest_test

import (
	"bytes"
	"testing"

	"github.com/mailconv/mailconv/mapi/pst/psttest"
)

// TestSameBytes: one input gives the same file each time, or a fixture could
// not be talked about by offset.
func TestSameBytes(t *testing.T) {
	for _, k := range psttest.Kinds() {
		var a, b psttest.Memory
		for _, m := range []*psttest.Memory{&a, &b} {
			if _, err := psttest.Write(m, psttest.Sample(), &k.Options); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(a.B, b.B) {
			t.Errorf("%s: two files differ", k.Name)
		}
	}
}
