package tnef

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/mapi"
)

// corpus gives the TNEF files of the sample collection.
func corpus(t *testing.T) []string {
	t.Helper()
	root := os.Getenv("MAILCONV_CORPUS")
	if root == "" {
		t.Skip("MAILCONV_CORPUS does not name the sample collection")
	}
	var files []string
	filepath.WalkDir(filepath.Join(root, "tnef"), func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			files = append(files, path)
		}
		return nil
	})
	if len(files) == 0 {
		t.Fatal("no file found")
	}
	return files
}

func open(t *testing.T, path string) (*mapi.Message, mapi.Problems, error) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	st, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return Decode(context.Background(), f, st.Size(), nil)
}

// contents are the hashes of all attachments by value, of embedded messages
// too.
func contents(t *testing.T, m *mapi.Message, into map[string]string) {
	for _, a := range m.Attachments {
		if a.Embedded != nil {
			contents(t, a.Embedded, into)
		}
		for _, tag := range []mapi.Tag{mapi.PidTagAttachDataBinary, mapi.PidTagAttachDataObject} {
			v, ok := a.Props.Get(tag)
			if !ok {
				continue
			}
			r, err := v.Blob().Open(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			h := sha256.New()
			if _, err := io.Copy(h, r); err != nil {
				t.Error(err)
			}
			r.Close()
			into[fmt.Sprintf("%x", h.Sum(nil))] = a.Props.Text(mapi.PidTagAttachLongFilename)
		}
	}
}

// generated are files that ytnef makes up from properties; they are no
// attachments of the stream.
func generated(name string) bool {
	switch filepath.Ext(name) {
	case ".ics", ".vcf", ".rtf":
		return true
	}
	return false
}

// TestCorpusAttachments holds the reader to whatever attachment tnef or ytnef
// find, by content.
func TestCorpusAttachments(t *testing.T) {
	for _, path := range corpus(t) {
		t.Run(filepath.Join(filepath.Base(filepath.Dir(path)), filepath.Base(path)), func(t *testing.T) {
			m, problems, err := open(t, path)
			have := map[string]string{}
			if err == nil {
				contents(t, m, have)
			}
			t.Logf("error %v; %d attachments; %d contents; problems %d, severe %v", err, attachments(m), len(have), len(problems), problems.Severe())
			for i, p := range problems {
				if i < 6 {
					t.Log(p)
				}
			}
			for tool, args := range map[string][]string{
				"tnef":  {"-C", "DIR", "--overwrite", "-f", path},
				"ytnef": {"-f", "DIR", path},
			} {
				if _, err := exec.LookPath(tool); err != nil {
					t.Logf("%s is not installed and does not judge", tool)
					continue
				}
				dir := t.TempDir()
				for i := range args {
					args[i] = strings.Replace(args[i], "DIR", dir, 1)
				}
				exec.Command(tool, args...).Run()
				list, _ := os.ReadDir(dir)
				for _, e := range list {
					b, err := os.ReadFile(filepath.Join(dir, e.Name()))
					if err != nil || generated(e.Name()) || len(b) == 0 {
						continue
					}
					_, ok := have[fmt.Sprintf("%x", sha256.Sum256(b))]
					if !ok && len(b) > 16 {
						// tnef leaves the interface identifier in front of an object.
						_, ok = have[fmt.Sprintf("%x", sha256.Sum256(b[16:]))]
					}
					if !ok {
						t.Errorf("%s finds %q (%d bytes), which is not there", tool, e.Name(), len(b))
					}
				}
			}
		})
	}
}

func attachments(m *mapi.Message) int {
	if m == nil {
		return 0
	}
	return len(m.Attachments)
}

// TestCorpusRoundTrip: what was read is written and reads the same.
func TestCorpusRoundTrip(t *testing.T) {
	for _, path := range corpus(t) {
		m, _, err := open(t, path)
		if err != nil {
			continue
		}
		got, problems := decode(t, encode(t, m, nil), nil)
		if len(problems) > 0 {
			t.Errorf("%s: %v", filepath.Base(path), problems)
		}
		t.Run(filepath.Base(path), func(t *testing.T) { wantEqual(t, m, got) })
	}
}
