package pst_test

import (
	"testing"

	"github.com/mailconv/mailconv/mapi/pst/ndb"
	"github.com/mailconv/mailconv/mapi/pst/psttest"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/pst"
)

// FuzzStore lists and fetches what a damaged file still has: each key that is
// listed has an answer.
func FuzzStore(f *testing.F) {
	_, _, b := write(f, &psttest.Folder{Name: "x", Folders: []*psttest.Folder{{Name: "In", Items: psttest.Items(psttest.Plain(1), psttest.Plain(2))}}}, psttest.Options{Kind: ndb.Unicode, Crypt: ndb.CryptPermute})
	for _, at := range []int{0, 0x44, 0x4400, 0x4800, 0x5000, 0x6000} {
		f.Add(uint32(at), byte(0x55))
		f.Add(uint32(at+8), byte(1))
	}
	f.Fuzz(func(t *testing.T, at uint32, x byte) {
		c := append([]byte(nil), b...)
		c[int(at)%len(c)] ^= x
		c[int(at*7)%len(c)] ^= x
		s, err := pst.Open(save(t, c), &pst.Options{Associated: true, Deleted: true, Recover: true, Recoverable: true})
		if err != nil {
			return
		}
		defer s.Close()
		for fo, err := range s.Folders(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			var keys []transport.Key
			for m, err := range s.Items(t.Context(), fo, nil) {
				if err == nil {
					keys = append(keys, m.Key)
				}
			}
			fetch(t, s, fo, keys...)
		}
	})
}
