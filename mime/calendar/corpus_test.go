package calendar_test

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/mailconv/mailconv/mime/calendar"
)

func corpus(t *testing.T) string {
	dir := os.Getenv("MAILCONV_CORPUS")
	if dir == "" {
		t.Skip("MAILCONV_CORPUS does not name the sample collection")
	}
	return dir
}

// calendars calls f for every calendar of the collection.
func calendars(t *testing.T, f func(name string, b []byte)) {
	dir := filepath.Join(corpus(t), "ics")
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		f(name, b)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func there(t *testing.T, name string, b []byte) ([]byte, bool) {
	t.Helper()
	ctx := context.Background()
	list, _, err := Import(ctx, bytes.NewReader(b), int64(len(b)), nil)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return nil, false
	}
	var out bytes.Buffer
	report, err := Export(ctx, &out, list, nil)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return nil, false
	}
	if report.Problems.Severe() {
		t.Errorf("%s: %v", name, report.Problems)
	}
	for _, l := range strings.Split(out.String(), "\r\n") {
		if len(l) > 75 {
			t.Errorf("%s: a line of %d octets", name, len(l))
		}
	}
	return out.Bytes(), true
}

// Every calendar of the collection is read, and what is written is read again
// and written the same.
func TestCorpusICSIsStable(t *testing.T) {
	n := 0
	dump := os.Getenv("MAILCONV_DUMP")
	calendars(t, func(name string, b []byte) {
		n++
		once, ok := there(t, name, b)
		if !ok {
			return
		}
		if dump != "" {
			p := filepath.Join(dump, name)
			os.MkdirAll(filepath.Dir(p), 0o755)
			os.WriteFile(p, once, 0o644)
		}
		twice, ok := there(t, name, once)
		if ok && !bytes.Equal(once, twice) {
			t.Errorf("%s: written again, it is another: %s", name, firstDifference(once, twice))
		}
	})
	t.Logf("%d calendars", n)
}

func firstDifference(a, b []byte) string {
	x, y := strings.Split(string(a), "\r\n"), strings.Split(string(b), "\r\n")
	for i := range x {
		if i >= len(y) {
			return "missing: " + x[i]
		}
		if x[i] != y[i] {
			return x[i] + "  |  " + y[i]
		}
	}
	return "longer"
}
