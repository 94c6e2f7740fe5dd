package filename_test

import (
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/mailconv/mailconv/transport/filename"
)

// FuzzClean holds that a stranger's name is one safe path element, that making
// it safe twice changes nothing, and that two of them differ.
func FuzzClean(f *testing.F) {
	f.Add("../../etc/passwd")
	f.Add(`C:\x\CON .txt`)
	f.Add("exe\u202Egpj.\x00")
	f.Add(strings.Repeat("ü", 300) + ".pdf")
	f.Add("con." + strings.Repeat("x", 300))
	f.Fuzz(func(t *testing.T, s string) {
		got := filename.Clean(s, "attachment")
		if got == "" || len(got) > 230 || !utf8.ValidString(got) || !filepath.IsLocal(got) || strings.ContainsAny(got, "/\\:*?\"<>|\x00\r\n\u202E") {
			t.Errorf("%q becomes %q", s, got)
		}
		if again := filename.Clean(got, "attachment"); again != got {
			t.Errorf("%q becomes %q and then %q", s, got, again)
		}
		var set filename.Set
		a, b := set.Unique(got), set.Unique(strings.ToUpper(got))
		if strings.EqualFold(a, b) || len(b) > 255 || !filepath.IsLocal(b) {
			t.Errorf("%q and %q", a, b)
		}
	})
}
