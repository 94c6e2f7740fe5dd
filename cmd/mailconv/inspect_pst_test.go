package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/mapi/pst/ndb"
	"github.com/mailconv/mailconv/mapi/pst/psttest"
)

// TestPST: an archive is a tree for inspect, a store for ls, and a file of many
// items for extract.
func TestPST(t *testing.T) {
	var mem psttest.Memory
	w, err := psttest.Write(&mem, psttest.Sample(), &psttest.Options{Kind: ndb.Unicode, Password: 5})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "x.pst")
	if err := os.WriteFile(file, mem.B, 0o600); err != nil {
		t.Fatal(err)
	}
	command := func(want int, args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		if code := run(t.Context(), append([]string{"mailconv"}, args...), stdio{in: strings.NewReader(""), out: &out, err: &errs}); code != want {
			t.Errorf("%v: exit code %d: %s", args, code, errs.String())
		}
		return out.String()
	}
	has := func(text string, parts ...string) {
		t.Helper()
		for _, p := range parts {
			if !strings.Contains(text, p) {
				t.Errorf("%q is not in:\n%s", p, text)
			}
		}
	}
	has(command(0, "inspect", file), "wVer 23", "hides nothing", "folder Inbox", "folder Many  (", "120 items", "1 associated", "a search folder")
	item := w.Items["attachments"].String()
	has(command(0, "inspect", "--props", "--node", item, "pst:"+file), "attachment noise.bin", "PidTagSearchKey")
	has(command(0, "inspect", "--node", w.Folders["Inbox"].WithType(ndb.TypeContentsTable).String(), file), "row "+item, "attachments")
	has(command(0, "inspect", "--node", "0x21", file), "PidTagIpmSubtreeEntryId")
	command(3, "inspect", "--node", "0x7FFFFFE4", file)
	command(2, "inspect", "--node", "Inbox", file)
	has(command(0, "ls", file), "Inbox", "Many")
	has(command(0, "extract", "-o", filepath.Join(dir, "out"), file), "noise.bin")
	if st, err := os.Stat(filepath.Join(dir, "out", "noise.bin")); err != nil || st.Size() != 150001 {
		t.Errorf("%v %v", st, err)
	}
}
