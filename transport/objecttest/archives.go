package objecttest

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/mapitest"
	"github.com/mailconv/mailconv/mapi/pst/psttest"
)

// ArchiveItems is how many items are in the first of [Archives].
const ArchiveItems = 41

// Archives are .pst files: first one that is made here, with [mapitest.Sample]
// in it, then the small ones of the sample collection, where there is one.
func Archives(t testing.TB) []string {
	t.Helper()
	made := filepath.Join(t.TempDir(), "made.pst")
	f, err := os.Create(made)
	if err != nil {
		t.Fatal(err)
	}
	root := psttest.Mailbox(ArchiveItems - 1)
	root.Folders = append(root.Folders, &psttest.Folder{Name: "Everything", Class: "IPF.Note", Items: func(yield func(*mapi.Message) bool) {
		yield(mapitest.WithoutStorages(mapitest.Sample()))
	}})
	if _, err := psttest.Write(f, root, nil); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	files := []string{made}
	if corpus := os.Getenv("MAILCONV_CORPUS"); corpus != "" && !testing.Short() {
		err := filepath.WalkDir(filepath.Join(corpus, "pst"), func(path string, d fs.DirEntry, err error) error {
			if err == nil && strings.EqualFold(filepath.Ext(path), ".pst") {
				if i, err := d.Info(); err == nil && i.Size() < 8<<20 {
					files = append(files, path)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}
