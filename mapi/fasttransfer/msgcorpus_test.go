package fasttransfer_test

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/fasttransfer"
	"github.com/mailconv/mailconv/mapi/mapitest"
	"github.com/mailconv/mailconv/msg"
	"github.com/mailconv/mailconv/msg/cfb"
)

// TestCorpusMessagesComeBack writes every .msg of the sample collection as the
// data of ExportItems and reads it again: all properties equal in type and
// bytes, except those that are reported as losses.
func TestCorpusMessagesComeBack(t *testing.T) {
	root := os.Getenv("MAILCONV_CORPUS")
	if root == "" {
		t.Skip("MAILCONV_CORPUS does not name the sample collection")
	}
	messages, losses := 0, 0
	filepath.WalkDir(filepath.Join(root, "msg"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || !strings.EqualFold(filepath.Ext(path), ".msg") {
			return nil
		}
		f, err := msg.Open(path, nil)
		if err != nil {
			return nil
		}
		defer f.Close()
		m := f.Message
		asRoots(m)
		lost := map[string]bool{}
		var buf bytes.Buffer
		err = fasttransfer.EncodeItem(context.Background(), &buf, m, &fasttransfer.EncodeOptions{Storage: compoundFile, Loss: func(l mapi.Loss) {
			losses++
			lost[l.Item] = true
			t.Logf("%s: %v", filepath.Base(path), l)
		}})
		if err != nil {
			t.Errorf("%s: %v", path, err)
			return nil
		}
		got, problems, err := fasttransfer.Decode(context.Background(), bytes.NewReader(buf.Bytes()), int64(buf.Len()), &fasttransfer.Options{Storage: readCompoundFile})
		if err != nil {
			t.Errorf("%s: %v", path, err)
			return nil
		}
		for _, p := range problems {
			t.Errorf("%s: %v", filepath.Base(path), p)
		}
		mapitest.Number(m)
		for _, s := range mapitest.Diff(m, got) {
			expected := false
			for item := range lost {
				expected = expected || strings.Contains(s, item+" (") && strings.HasSuffix(s, "only in the first")
			}
			if !expected {
				t.Errorf("%s: %s", filepath.Base(path), s)
			}
		}
		messages++
		return nil
	})
	t.Logf("%d messages, %d losses", messages, losses)
	if messages == 0 {
		t.Error("no message was read")
	}
}

// compoundFile and readCompoundFile are what callers hand in for OLE objects.
func compoundFile(_ context.Context, s *mapi.Storage) (mapi.Blob, error) {
	return cfb.NewBlob(s, nil)
}

func readCompoundFile(_ context.Context, r io.ReaderAt, size int64) (*mapi.Storage, error) {
	c, err := cfb.NewReader(r, size)
	if err != nil {
		return nil, err
	}
	return c.Root, nil
}

// asRoots gives OLE objects the name that the root of a compound file has, and
// no creation time, which a root must not have. [MS-CFB] 2.6.1, 2.6.2
func asRoots(m *mapi.Message) {
	for _, a := range m.Attachments {
		if a.Storage != nil {
			a.Storage.Name, a.Storage.Created = "Root Entry", 0
		}
		if a.Embedded != nil {
			asRoots(a.Embedded)
		}
	}
}
