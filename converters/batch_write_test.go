package converters_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/converters"
)

// A file is overwritten only when that was asked for, also when it came into
// being in a folder that the batch has made itself, where it does not look for
// each name first.
func TestFilesAreOverwrittenWhenAsked(t *testing.T) {
	to, _ := converters.ByName("eml")
	in := t.TempDir()
	// The batch is at most a few files ahead of Done.
	var inputs []string
	for _, name := range []string{"first", "b", "c", "d", "e", "f", "last"} {
		path := filepath.Join(in, name+".json")
		if err := os.WriteFile(path, []byte(`{"format":"mailconv.message","version":1,"properties":[]}`), 0o600); err != nil {
			t.Fatal(err)
		}
		inputs = append(inputs, path)
	}
	for _, force := range []bool{false, true} {
		for _, before := range []bool{false, true} {
			out := filepath.Join(t.TempDir(), "out")
			mine := filepath.Join(out, "last.eml")
			write := func() {
				if err := os.MkdirAll(out, 0o700); err != nil {
					t.Error(err)
				}
				if err := os.WriteFile(mine, []byte("mine"), 0o600); err != nil {
					t.Error(err)
				}
			}
			if before {
				write()
			}
			var failed error
			b := &converters.Batch{To: to, Out: out, Workers: 1, Force: force, Done: func(r converters.Result) {
				switch {
				case strings.HasSuffix(r.In, "first.json") && !before:
					write()
				case strings.HasSuffix(r.In, "last.json"):
					failed = errors.Join(append(r.Errs, r.Err)...)
				}
			}}
			if _, err := b.Run(t.Context(), inputs); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(mine)
			if err != nil || (string(got) == "mine") != !force {
				t.Errorf("force %v, there before %v: %.20q, %v", force, before, got, err)
			}
			if !force && (failed == nil || failed.Error() != mine+" is there already; --force overwrites it") || force && failed != nil {
				t.Errorf("force %v, there before %v: %v", force, before, failed)
			}
			if files := tree(t, out); len(files) != len(inputs) {
				t.Errorf("force %v, there before %v: %d files", force, before, len(files))
			}
		}
	}
}
