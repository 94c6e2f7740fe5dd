package localfile_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/localfile"
)

func TestErrorsHaveTheirClass(t *testing.T) {
	for _, c := range []struct {
		err  error
		want transport.Kind
	}{
		{&fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}, transport.QuotaExceeded},
		{&fs.PathError{Op: "open", Path: "x", Err: syscall.EROFS}, transport.Unavailable},
		{fmt.Errorf("so: %w", fs.ErrPermission), transport.Unavailable},
		{fs.ErrNotExist, transport.NotFound},
		{syscall.EIO, transport.Permanent},
		{&transport.Error{Kind: transport.Temporary}, transport.Temporary},
	} {
		if got := transport.KindOf(localfile.Error("append", transport.Folder{Path: []string{"a"}}, "k", c.err)); got != c.want {
			t.Errorf("%v is of kind %s, not %s", c.err, got, c.want)
		}
	}
	if localfile.Error("x", transport.Folder{}, "", nil) != nil {
		t.Error("no error became one")
	}
	if err := localfile.Error("x", transport.Folder{}, "", context.Canceled); !transport.Canceled(err) {
		t.Error("the end of a context is hidden")
	}
}

func TestFullDiskIsQuota(t *testing.T) {
	f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("there is no device that is always full")
	}
	defer f.Close()
	err = localfile.Error("append", transport.Folder{}, "", localfile.Copy(t.Context(), f, mapi.Bytes("x")))
	if transport.KindOf(err) != transport.QuotaExceeded {
		t.Errorf("error %v", err)
	}
}

func TestReplaceIsWhole(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "x")
	for _, text := range []string{"one", "two"} {
		if err := localfile.Replace(name, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if b, _ := os.ReadFile(name); string(b) != text {
			t.Errorf("read %q", b)
		}
	}
	if l, _ := os.ReadDir(dir); len(l) != 1 {
		t.Errorf("%d files", len(l))
	}
}

func TestBlobOfAFileThatChangedIsRefused(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x")
	os.WriteFile(name, []byte("longer"), 0o600)
	if _, err := (localfile.Blob{Path: name, N: 3}).Open(t.Context()); err == nil {
		t.Error("it opens")
	}
	var b bytes.Buffer
	if err := localfile.Copy(t.Context(), &b, localfile.Blob{Path: name, N: 6}); err != nil || b.String() != "longer" {
		t.Error(err, b.String())
	}
}
