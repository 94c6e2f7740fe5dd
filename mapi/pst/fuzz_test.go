package pst_test

import (
	"bytes"
	"testing"

	"github.com/mailconv/mailconv/mapi/pst/ndb"
	"github.com/mailconv/mailconv/mapi/pst/psttest"
)

// FuzzFile changes bytes of whole files: pairs of a position and a value.
func FuzzFile(f *testing.F) {
	var files [][]byte
	for _, k := range []ndb.Kind{ndb.ANSI, ndb.Unicode, ndb.Unicode4K} {
		s := psttest.Sample()
		s.Folders = s.Folders[:3]
		mem, w := build(f, s, psttest.Options{Kind: k, Compress: true, SubEntries: 3})
		end := int64(0)
		for _, p := range w.Places {
			end = max(end, p.Offset+int64(p.Size)+64)
		}
		b := bytes.Clone(mem.B[:min(end, int64(len(mem.B)))])
		files = append(files, b)
		for i := 0; i < len(w.Places); i += 7 {
			p := w.Places[i]
			f.Add(byte(k), []byte{byte(p.Offset >> 16), byte(p.Offset >> 8), byte(p.Offset), 0xFF})
		}
	}
	f.Fuzz(func(t *testing.T, k byte, changes []byte) {
		b := bytes.Clone(files[int(k)%len(files)])
		for ; len(changes) >= 4; changes = changes[4:] {
			at := int(changes[0])<<16 | int(changes[1])<<8 | int(changes[2])
			b[at%len(b)] = changes[3]
		}
		readAll(t, bytes.NewReader(b), int64(len(b)))
	})
}
