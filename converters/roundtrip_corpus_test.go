package converters_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/converters"
)

// msgFiles lists the .msg files of the corpus that can be read.
func msgFiles(t *testing.T) []string {
	t.Helper()
	corpus := os.Getenv("MAILCONV_CORPUS")
	if corpus == "" {
		t.Skip("MAILCONV_CORPUS is not set")
	}
	var files []string
	err := filepath.WalkDir(filepath.Join(corpus, "msg"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".msg" {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// convertAll converts files into a folder, numbered, and returns the results
// in the order of the inputs.
func convertAll(t *testing.T, files []string, to string, cv *converters.Converter) []string {
	t.Helper()
	dir := t.TempDir()
	f, ok := converters.ByName(to)
	if !ok {
		t.Fatalf("there is no format %s", to)
	}
	out := make([]string, len(files))
	for i, in := range files {
		out[i] = filepath.Join(dir, fmt.Sprintf("%04d%s", i, f.Ext))
		b := &converters.Batch{To: f, Out: out[i], Converter: cv, Done: func(r converters.Result) {
			if r.Err != nil || len(r.Errs) > 0 {
				t.Errorf("%s to %s: %v %v", in, to, r.Err, r.Errs)
			}
		}}
		if _, err := b.Run(t.Context(), []string{in}); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// What goes through a form that can hold all properties comes back with all of
// them, with type and bytes, named properties by name. olefile is the judge.
func TestEveryPropertyComesBackThrough(t *testing.T) {
	if exec.Command("/usr/bin/python3", "-c", "import olefile").Run() != nil {
		t.Skip("LEFT OUT: python3-olefile is not installed (make test-deps)")
	}
	files := msgFiles(t)
	forms := []struct {
		form string
		cv   *converters.Converter
		// derived are differences that the form makes by its nature.
		derived *regexp.Regexp
		// whole are files that cannot take the way.
		whole *regexp.Regexp
	}{
		{form: "msg"},
		{form: "json"},
		{form: "tnef"},
		// The stream must number recipients (PidTagRowid) and attachments
		// (PidTagAttachNumber). [MS-OXCFXICS] 2.2.4.3
		{form: "fts", derived: regexp.MustCompile(`(30000003|0E210003): missing and`)},
		// The bytes of a signed or encrypted mail are its signature's; a TNEF
		// part has no place in it. [MS-OXOSMIME] 2.1.3
		{form: "eml", cv: &converters.Converter{KeepMAPI: true}, whole: regexp.MustCompile(`(?i)S_?MIME|X500 dual address`)},
	}
	for _, f := range forms {
		t.Run(f.form, func(t *testing.T) {
			there := convertAll(t, files, f.form, f.cv)
			back := convertAll(t, there, "msg", nil)
			var pairs strings.Builder
			for i := range files {
				fmt.Fprintf(&pairs, "%s\t%s\n", files[i], back[i])
			}
			cmd := exec.Command("/usr/bin/python3", "../msg/testdata/judge/msgprops.py", "--pairs")
			cmd.Stdin = strings.NewReader(pairs.String())
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			if _, exit := err.(*exec.ExitError); err != nil && !exit {
				t.Fatal(err)
			}
			excepted := map[string]bool{}
			for line := range strings.Lines(string(out)) {
				line = strings.TrimSpace(line)
				rest, diff := strings.CutPrefix(line, "DIFF ")
				switch {
				case !diff:
					t.Log(line)
				case f.derived != nil && f.derived.MatchString(line):
				case f.whole != nil && f.whole.MatchString(rest):
					excepted[rest[:strings.Index(rest, ".msg")]] = true
				case strings.Contains(line, "Test at sign in personal From header.msg"):
					// The file names a stream that it does not have.
				default:
					t.Error(line)
				}
			}
			if stderr.Len() > 0 {
				t.Log(stderr.String())
			}
			for name := range excepted {
				t.Logf("S/MIME, not judged: %s", filepath.Base(name))
			}
		})
	}
}
