package psttest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/mapitest"
	"github.com/mailconv/mailconv/mapi/pst"
	"github.com/mailconv/mailconv/mapi/pst/ndb"
	"github.com/mailconv/mailconv/mapi/pst/psttest"
)

// A memory is a file in memory.
type memory struct{ b []byte }

func (m *memory) WriteAt(p []byte, off int64) (int, error) {
	if n := int(off) + len(p); n > len(m.b) {
		m.b = append(m.b, make([]byte, n-len(m.b))...)
	}
	return copy(m.b[off:], p), nil
}

var _ = errors.New
var _ = context.Background

func TestJudge(t *testing.T) {
	kinds := map[string]*psttest.Options{
		"ansi":    {Kind: ndb.ANSI, Crypt: ndb.CryptPermute},
		"unicode": {Kind: ndb.Unicode, Crypt: ndb.CryptPermute},
		"cyclic":  {Kind: ndb.Unicode, Crypt: ndb.CryptCyclic},
		"none":    {Kind: ndb.Unicode},
		"4k":      {Kind: ndb.Unicode4K, Compress: true, Crypt: ndb.CryptPermute, OST: true},
	}
	for name, o := range kinds {
		t.Run(name, func(t *testing.T) {
			m := mapitest.WithoutStorages(mapitest.Sample())
			root := &psttest.Folder{Name: "Test", Folders: []*psttest.Folder{
				{Name: "Inbox", Class: "IPF.Note", Items: psttest.Items(m)},
				{Name: "Deleted Items"},
			}}
			var mem memory
			w, err := psttest.Write(&mem, root, o)
			if err != nil {
				t.Fatal(err)
			}
			f, err := pst.NewReader(bytes.NewReader(mem.b), int64(len(mem.b)), nil)
			if err != nil {
				t.Fatal(err)
			}
			got, ps, err := f.Item(t.Context(), w.Items[m.Props.Text(mapi.PidTagSubject)])
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range append(ps, f.Problems()...) {
				t.Error(p)
			}
			for _, l := range mapitest.Diff(m, got) {
				t.Log(l)
			}
			dir := t.TempDir()
			if d := os.Getenv("KEEP"); d != "" {
				dir = d
			}
			file := filepath.Join(dir, name+".pst")
			os.WriteFile(file, mem.b, 0o600)
			out, err := exec.Command("pffexport", "-q", "-t", filepath.Join(dir, name), file).CombinedOutput()
			fmt.Println(string(out), err)
			out, _ = exec.Command("find", filepath.Join(dir, name+".export")).CombinedOutput()
			t.Log(strings.ReplaceAll(string(out), dir, ""))
		})
	}
}
