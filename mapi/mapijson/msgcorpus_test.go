package mapijson_test

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/mapi/mapijson"
	"github.com/mailconv/mailconv/mapi/mapitest"
	"github.com/mailconv/mailconv/msg"
)

// TestCorpusMessagesComeBack writes every .msg of the sample collection as
// JSON and reads it again: all properties equal in type and bytes.
func TestCorpusMessagesComeBack(t *testing.T) {
	root := os.Getenv("MAILCONV_CORPUS")
	if root == "" {
		t.Skip("MAILCONV_CORPUS does not name the sample collection")
	}
	n := 0
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
		var buf bytes.Buffer
		if err := mapijson.Encode(context.Background(), &buf, m); err != nil {
			t.Errorf("%s: %v", path, err)
			return nil
		}
		got, problems, err := mapijson.Decode(context.Background(), bytes.NewReader(buf.Bytes()), int64(buf.Len()))
		if err != nil {
			t.Errorf("%s: %v", path, err)
			return nil
		}
		for _, p := range problems {
			t.Errorf("%s: %v", filepath.Base(path), p)
		}
		for _, s := range mapitest.Diff(m, got) {
			t.Errorf("%s: %s", filepath.Base(path), s)
		}
		n++
		return nil
	})
	t.Logf("%d messages", n)
	if n == 0 {
		t.Error("no message was read")
	}
}
