package pst_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/pst"
)

// corpus is the PST and OST files of the sample collection.
func corpus(t *testing.T) []string {
	t.Helper()
	dir := os.Getenv("MAILCONV_CORPUS")
	if dir == "" {
		t.Skip("MAILCONV_CORPUS does not name the sample collection")
	}
	var files []string
	filepath.WalkDir(filepath.Join(dir, "pst"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, path)
		}
		return nil
	})
	if len(files) == 0 {
		t.Fatalf("no files below %s/pst", dir)
	}
	return files
}

// TestT34CorpusAgainstPffexport: items and attachments by folder are at least
// those of pffexport, and the attachments are the same bytes.
func TestT34CorpusAgainstPffexport(t *testing.T) {
	items, atts := 0, 0
	for _, file := range corpus(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			theirs, ok := pffexport(t, file)
			f, err := pst.Open(file, nil)
			if err != nil {
				var fe *mapi.FormatError
				if !errors.As(err, &fe) || ok {
					t.Errorf("%v (pffexport opens it: %v)", err, ok)
				}
				return
			}
			defer f.Close()
			ours := read(t, f)
			atLeast(t, ours, theirs)
			items += sum(ours.items)
			atts += sum(ours.atts)
			if a, b := sum(ours.items), sum(theirs.items); a != b || sum(ours.atts) != sum(theirs.atts) {
				t.Logf("items %d, pffexport %d; attachments %d, pffexport %d", a, b, sum(ours.atts), sum(theirs.atts))
			}
			if sum(theirs.items) > 0 || sum(ours.items) == 0 {
				for _, p := range f.Problems() {
					if p.Severe {
						t.Logf("%v", p)
					}
				}
			}
		})
	}
	t.Logf("%d items, %d attachments", items, atts)
}

// TestCorpusItems reads every item of every view and checks what a list says
// of it.
func TestCorpusItems(t *testing.T) {
	for _, file := range corpus(t) {
		f, err := pst.Open(file, nil)
		if err != nil {
			continue
		}
		name := filepath.Base(file)
		for fo := range f.Folders() {
			for _, v := range []pst.View{pst.Contents, pst.Associated, pst.Deleted} {
				for e, err := range f.Items(fo.NID, v) {
					if err != nil {
						t.Errorf("%s: %v", name, err)
						continue
					}
					m, problems, err := f.Item(t.Context(), e.NID)
					if err != nil {
						t.Errorf("%s: %v", name, err)
						continue
					}
					for _, p := range problems {
						if p.Severe {
							t.Errorf("%s: %v: %v", name, e.NID, p)
						}
					}
					if e.Class != m.Class() {
						t.Errorf("%s: %v: class %q in the list, %q in the item", name, e.NID, e.Class, m.Class())
					}
					if s := m.Props.Text(mapi.PidTagSubject); v == pst.Contents && s != e.Subject || strings.HasPrefix(s, "\x01") {
						t.Errorf("%s: %v: subject %q in the list, %q in the item", name, e.NID, e.Subject, s)
					}
				}
			}
		}
		f.Close()
	}
}
