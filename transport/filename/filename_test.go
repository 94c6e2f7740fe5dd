package filename_test

import (
	"strings"
	"testing"

	"github.com/mailconv/mailconv/transport/filename"
)

func TestCleanNeverLeavesItsFolder(t *testing.T) {
	for in, want := range map[string]string{
		"report.pdf":           "report.pdf",
		"../../etc/passwd":     "_.._etc_passwd",
		"/abs":                 "_abs",
		`C:\Windows\x.exe`:     "C__Windows_x.exe",
		"..":                   "x",
		"":                     "x",
		"   ":                  "x",
		"???":                  "x",
		"con":                  "_con",
		"NUL.txt":              "_NUL.txt",
		"com1 .log":            "_com1 .log",
		"console.txt":          "console.txt",
		"trailing. . ":         "trailing",
		"a\x00b\r\nc":          "a b c",
		"invoice\u202Efdp.exe": "invoicefdp.exe",
		"März 📎.docx":          "März 📎.docx",
		"bad\xffutf8":          "badutf8",
	} {
		if got := filename.Clean(in, "x"); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
	long := filename.Clean(strings.Repeat("ü", 200)+".pdf", "x")
	if len(long) > 230 || !strings.HasSuffix(long, ".pdf") {
		t.Errorf("a long name became %d bytes: %q", len(long), long)
	}
}

func TestUniqueIgnoresCase(t *testing.T) {
	var s filename.Set
	got := []string{s.Unique("a.txt"), s.Unique("A.TXT"), s.Unique("a.txt"), s.Unique("a (2).txt")}
	want := []string{"a.txt", "A (2).TXT", "a (3).txt", "a (2) (2).txt"}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("name %d is %q, want %q", i, got[i], want[i])
		}
	}
}
