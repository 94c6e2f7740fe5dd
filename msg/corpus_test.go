package msg

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// corpusFiles lists the .msg and .oft files of the sample collection.
func corpusFiles(t testing.TB) (root string, names []string) {
	t.Helper()
	root = os.Getenv("MAILCONV_CORPUS")
	if root == "" {
		t.Skip("MAILCONV_CORPUS is not set: the sample collection is not tested")
	}
	for _, kind := range []string{"msg", "oft"} {
		err := filepath.WalkDir(filepath.Join(root, kind), func(p string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() && (strings.HasSuffix(p, ".msg") || strings.HasSuffix(p, ".oft")) {
				names = append(names, p)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(names) == 0 {
		t.Fatalf("%s holds no .msg files", root)
	}
	return root, names
}

func TestCorpusOpens(t *testing.T) {
	root, names := corpusFiles(t)
	for _, name := range names {
		short, _ := filepath.Rel(root, name)
		f, err := Open(name, nil)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		for _, p := range f.Problems {
			t.Logf("%s: severe %v: %v", short, p.Severe, p)
		}
		f.Close()
	}
}

func BenchmarkOpen(b *testing.B) {
	_, names := corpusFiles(b)
	b.ReportAllocs()
	for b.Loop() {
		for _, name := range names {
			f, err := Open(name, nil)
			if err == nil {
				f.Close()
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*len(names)), "us/file")
}

func BenchmarkWrite(b *testing.B) {
	_, names := corpusFiles(b)
	var files []*File
	for _, name := range names {
		if f, err := Open(name, nil); err == nil {
			files = append(files, f)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, f := range files {
			if err := Write(b.Context(), io.Discard, f.Message, nil); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*len(names)), "us/file")
}
