package pathname_test

import (
	"strings"
	"testing"

	"github.com/mailconv/mailconv/transport/pathname"
)

// FuzzEscape holds that every name becomes one path element, and comes back.
func FuzzEscape(f *testing.F) {
	f.Add("a/b", "")
	f.Add("CON.txt. ", ".")
	f.Add("%\xff\x00..", "%a")
	f.Fuzz(func(t *testing.T, name, extra string) {
		if strings.ContainsFunc(extra, func(r rune) bool {
			return r < '!' || r > '~' || r == '%' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z'
		}) {
			return // extra are separators
		}
		s := pathname.Escape(name, extra)
		if s == "" || s == "." || s == ".." || strings.ContainsAny(s, "/\\\x00:"+extra) {
			t.Errorf("%q becomes %q", name, s)
		}
		if back := pathname.Unescape(s, extra); back != name {
			t.Errorf("%q becomes %q and comes back as %q", name, s, back)
		}
	})
}
