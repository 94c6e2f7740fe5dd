package msg

import (
	"bytes"
	"io"
	"io/fs"
	"math/rand/v2"
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

// TestCorpusDamaged cuts real files and changes bytes in them. Whatever can be
// read must be consistent, and what was read can be written.
func TestCorpusDamaged(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: damaged copies of the sample collection are left out")
	}
	root, names := corpusFiles(t)
	rnd := rand.New(rand.NewPCG(1, 2))
	opened, tried := 0, 0
	for _, name := range names {
		whole, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if len(whole) > 300<<10 {
			continue
		}
		short, _ := filepath.Rel(root, name)
		for k := range 8 {
			b := bytes.Clone(whole)
			if k < 3 {
				b = b[:len(b)*(k+1)/4]
			} else {
				for range 1 << k {
					b[512+rnd.IntN(len(b)-512)] = byte(rnd.Uint32())
				}
			}
			tried++
			f, err := NewReader(bytes.NewReader(b), int64(len(b)), nil)
			if err != nil {
				continue
			}
			opened++
			readAll(t, f.Message)
			if k < 3 && len(f.Problems) == 0 {
				t.Errorf("%s: cut to %d of %d bytes, and nothing is said", short, len(b), len(whole))
			}
			var out bytes.Buffer
			if err := Write(t.Context(), &out, f.Message, nil); err != nil {
				t.Errorf("%s, case %d: %v", short, k, err)
			}
		}
	}
	t.Logf("%d of %d damaged files could be opened", opened, tried)
}
