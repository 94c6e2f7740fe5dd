package pst_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/pst"
)

// scriptSample is how many messages the script reads over all files.
const scriptSample = 200

// A script that knows [MS-PST] and nothing of this project reads the property
// contexts of a sample of messages; each property must be in ours with the same
// bytes.
func TestPropertiesReadByAScript(t *testing.T) {
	corpus := os.Getenv("MAILCONV_CORPUS")
	if corpus == "" {
		t.Skip("MAILCONV_CORPUS is not set")
	}
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("LEFT OUT: python3 is not installed")
	}
	messages, values := 0, 0
	err := filepath.WalkDir(filepath.Join(corpus, "pst"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".pst" || messages >= scriptSample {
			return err
		}
		out, err := exec.Command("python3", "testdata/judge/pstprops.py", path, "25").Output()
		if err != nil {
			t.Logf("the script cannot read %s", filepath.Base(path))
			return nil
		}
		f, err := pst.Open(path, nil)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			return nil
		}
		defer f.Close()
		for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
			var m struct {
				NID        uint32
				Properties map[string][2]any
			}
			if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
				t.Fatal(err)
			}
			messages++
			values += compareScript(t, f, path, pst.NID(m.NID), m.Properties)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d values of %d messages are what the script reads", values, messages)
	if messages < scriptSample/2 {
		t.Errorf("only %d messages were compared", messages)
	}
}

func compareScript(t *testing.T, f *pst.File, path string, nid pst.NID, want map[string][2]any) (n int) {
	t.Helper()
	m, _, err := f.Item(t.Context(), nid)
	if err != nil {
		t.Errorf("%s: node %v: %v", filepath.Base(path), nid, err)
		return 0
	}
	have := map[string]string{}
	for _, p := range m.Props {
		have[p.Tag.String()] = valueHash(t, p.Value)
	}
	for tag, v := range want {
		b, err := hex.DecodeString(tag)
		if err != nil {
			t.Fatal(err)
		}
		typ := mapi.Type(uint16(b[2])<<8 | uint16(b[3]))
		// The subject begins with a marker of its prefix, which we take off;
		// lists are stored with offsets; a Boolean has one byte there.
		if tag[:4] == "0037" || typ.Multi() || typ == mapi.TypeBoolean {
			continue
		}
		switch got, ok := have[tag]; {
		case !ok:
			t.Errorf("%s: node %v: %s is missing", filepath.Base(path), nid, tag)
		case got != v[1]:
			t.Errorf("%s: node %v: %s has other bytes", filepath.Base(path), nid, tag)
		default:
			n++
		}
	}
	return n
}

func valueHash(t *testing.T, v mapi.Value) string {
	t.Helper()
	h := sha256.New()
	if v.Type().Multi() {
		return ""
	}
	r, err := v.Blob().Open(t.Context())
	if err != nil {
		t.Error(err)
		return ""
	}
	defer r.Close()
	if _, err := io.Copy(h, r); err != nil {
		t.Error(err)
	}
	return hex.EncodeToString(h.Sum(nil))
}
