package pst_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/pst"
	"github.com/mailconv/mailconv/mapi/pst/ltp"
)

// itemValues reads a dump of pffexport: a line for each property, with the
// digest of its bytes. Objects are left out.
func itemValues(file string) (map[string]bool, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	out := map[string]bool{}
	var id, typ uint64
	var value []byte
	open := false
	end := func() {
		if open && mapi.Type(typ) != mapi.TypeObject {
			out[valueLine(uint16(id), mapi.Type(typ), value)] = true
		}
		value, open = nil, false
	}
	for line := range strings.SplitSeq(string(b), "\n") {
		name, rest, _ := strings.Cut(line, ":")
		rest = strings.TrimSpace(rest)
		switch {
		case name == "Entry type":
			end()
			id, err = strconv.ParseUint(rest, 0, 32)
		case name == "Value type":
			typ, err = strconv.ParseUint(rest, 0, 32)
			open = true
		case strings.HasPrefix(name, "0x") && open:
			// Two groups of eight bytes in hexadecimal, then the same as text.
			const at, width = len("0x00000000: "), 49
			if len(line) < at+width {
				return nil, fmt.Errorf("short line %q", line)
			}
			h := strings.Join(strings.Fields(line[at:at+width]), "")
			var part []byte
			if part, err = hex.DecodeString(h); err == nil {
				value = append(value, part...)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("%q: %v", line, err)
		}
	}
	end()
	return out, nil
}

func valueLine(id uint16, t mapi.Type, value []byte) string {
	if t.Multi() && t.FixedSize() == 0 && len(value) >= 4 {
		// Without the count and the offsets.
		n := int(value[0]) | int(value[1])<<8
		value = value[min(4+4*n, len(value)):]
	}
	d := sha256.Sum256(value)
	return fmt.Sprintf("%04X %04X %x", id, uint16(t), d[:6])
}

// ourValues is the same of a node.
func ourValues(t *testing.T, f *pst.File, nid pst.NID) (map[string]bool, error) {
	n, err := f.DB().Node(nid)
	if err != nil {
		return nil, err
	}
	pc, err := ltp.OpenPC(f.DB(), n)
	if err != nil {
		return nil, err
	}
	ps, _, _ := pc.Properties()
	out := map[string]bool{}
	for _, p := range ps {
		v := p.Value
		var b []byte
		switch {
		case v.Type().Multi() && v.Type().FixedSize() == 0:
			out[valueLine(p.Tag.ID(), v.Type(), append(make([]byte, 4), bytes.Join(v.Elems(), nil)...))] = true
			continue
		case v.Type() == mapi.TypeBoolean:
			b = v.Raw()[:1]
		default:
			if b, err = mapi.ReadBlob(context.Background(), v.Blob(), 64<<20); err != nil {
				t.Error(err)
			}
		}
		out[valueLine(p.Tag.ID(), v.Type(), b)] = true
	}
	return out, nil
}

// TestCorpusValuesAgainstPffexport: for each item that pffexport dumps there
// is one of ours with the same properties, types and bytes. Named properties
// are left to other tests, as the dump resolves their identifiers.
func TestCorpusValuesAgainstPffexport(t *testing.T) {
	if _, err := exec.LookPath("pffexport"); err != nil {
		t.Skip("LEFT OUT: pffexport is missing (Debian package pff-tools)")
	}
	items, values := 0, 0
	for _, file := range corpus(t) {
		f, err := pst.Open(file, nil)
		if err != nil {
			continue
		}
		dir := t.TempDir()
		if exec.Command("pffexport", "-q", "-d", "-t", filepath.Join(dir, "o"), file).Run() != nil {
			f.Close()
			continue
		}
		var ours []map[string]bool
		for fo := range f.Folders() {
			for e, err := range f.Items(fo.NID, pst.Contents) {
				if err != nil {
					continue
				}
				v, err := ourValues(t, f, e.NID)
				if err != nil {
					t.Error(err)
					continue
				}
				ours = append(ours, v)
			}
		}
		root := filepath.Join(dir, "o.export")
		filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			rel, _ := filepath.Rel(root, path)
			if err != nil || d.Name() != "ItemValues.txt" || strings.Contains(rel, "Attachments") || !itemDir.MatchString(filepath.Base(filepath.Dir(path))) {
				return nil
			}
			theirs, err := itemValues(path)
			if err != nil {
				t.Errorf("%s: %v", rel, err)
				return nil
			}
			best, missing := -1, []string(nil)
			for i, v := range ours {
				var miss []string
				for line := range theirs {
					if line < "8000" && !v[line] {
						miss = append(miss, line)
					}
				}
				if best < 0 || len(miss) < len(missing) {
					best, missing = i, miss
				}
			}
			items++
			values += len(theirs)
			if best < 0 || len(missing) > 0 {
				t.Errorf("%s: %s: %d of %d values differ: %q", filepath.Base(file), rel, len(missing), len(theirs), missing)
			}
			return nil
		})
		f.Close()
	}
	t.Logf("%d items with %d values compared", items, values)
}
