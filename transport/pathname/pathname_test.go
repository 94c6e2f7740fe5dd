package pathname_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/transport/pathname"
)

func TestT46NamesComeBack(t *testing.T) {
	for name, want := range map[string]string{
		"Inbox": "Inbox", "03_März": "03_März", "a/b": "a%2Fb", `a\b`: "a%5Cb", "a.b": "a.b", "..": "%2E%2E", ".x": "%2Ex",
		" lead": "%20lead", "trail ": "trail%20", "two  in": "two  in", "100%": "100%25", "%41": "%2541", "": "%",
		"con": "%63on", "NUL.txt": "%4EUL.txt", "a\x00\n": "a%00%0A", "\xff": "%FF", "a:b": "a%3Ab", "...": "%2E.%2E", ".": "%2E", "~x": "%7Ex",
	} {
		got := pathname.Escape(name, "")
		if got != want {
			t.Errorf("%q becomes %q, not %q", name, got, want)
		}
		if back := pathname.Unescape(got, ""); back != name {
			t.Errorf("%q comes back as %q", name, back)
		}
	}
	if got := pathname.Escape("a.b=c", ".="); got != "a%2Eb%3Dc" || pathname.Unescape(got, ".=") != "a.b=c" {
		t.Errorf("with extra bytes: %q", got)
	}
	// Names that others made stay what they are.
	for _, name := range []string{"a%20b", "100%", "%zz", "%2f", "%41"} {
		if got := pathname.Unescape(name, ""); got != name {
			t.Errorf("%q was read as %q", name, got)
		}
	}
}

func TestBookKeepsLongNames(t *testing.T) {
	dir := t.TempDir()
	long := pathname.Escape(strings.Repeat("ü", 200), "")
	other := long + "x"
	b, err := pathname.OpenBook(dir)
	if err != nil {
		t.Fatal(err)
	}
	s1, err1 := b.Shorten(long)
	s2, err2 := b.Shorten(other)
	if err1 != nil || err2 != nil || s1 == s2 || len(s1) > pathname.MaxBytes || !strings.HasPrefix(long, s1[:100]) {
		t.Errorf("%q, %q, %v, %v", s1, s2, err1, err2)
	}
	b.Shorten(long)
	again, err := pathname.OpenBook(dir)
	if err != nil || again.Long(s1) != long || again.Long(s2) != other || again.Long("x") != "x" {
		t.Errorf("the book does not know its names: %v", err)
	}
	if data, _ := os.ReadFile(filepath.Join(dir, pathname.BookName)); strings.Count(string(data), "\n") != 2 {
		t.Errorf("the book holds %q", data)
	}
	if s, err := b.Shorten("short"); s != "short" || err != nil {
		t.Error(s, err)
	}
}
