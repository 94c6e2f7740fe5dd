// Package localfile is what the stores of files have in common: errors of the
// file system by their class, copies that hold a body to its size, files that
// appear whole or not at all.
//
// Start from [Error] and [Copy]. Not supported: locks between programs.
package localfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
)

// Error classifies an error of the file system. One that has a class already,
// and the end of a context, come back as they are.
func Error(op string, f transport.Folder, key transport.Key, err error) error {
	var known *transport.Error
	if err == nil || errors.As(err, &known) || transport.Canceled(err) {
		return err
	}
	e := &transport.Error{Op: op, Folder: f.String(), Key: key, Err: err}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.Kind = transport.NotFound
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		e.Kind, e.Remedy = transport.QuotaExceeded, "make room and run again"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		e.Kind, e.Remedy = transport.Unavailable, "see who may read and write there"
	}
	return e
}

// NoFolder is the error about a folder that is not there.
func NoFolder(op string, f transport.Folder) error {
	return &transport.Error{Kind: transport.NotFound, Op: op, Folder: f.String(), Err: errors.New("there is no such folder")}
}

// NoItem is the error about an item that is not there.
func NoItem(op string, f transport.Folder, key transport.Key) error {
	return &transport.Error{Kind: transport.NotFound, Op: op, Folder: f.String(), Key: key, Err: errors.New("there is no such item")}
}

// Closed is the error of a store that was closed.
func Closed(op string) error {
	return &transport.Error{Kind: transport.Usage, Op: op, Err: errors.New("the store is closed")}
}

// Copy writes a body, and fails when it does not have the size that it
// announced, or when ctx ends.
func Copy(ctx context.Context, w io.Writer, b mapi.Blob) error {
	n, err := mapi.CopyBlob(ctx, w, b)
	if err == nil && n != b.Size() {
		err = &transport.Error{Kind: transport.Temporary, Op: "read", Err: fmt.Errorf("the body has %d bytes, %d were announced", n, b.Size())}
	}
	return err
}

// SyncDir makes names in a folder durable, where the system can do that.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	// Some systems cannot sync a folder; there is nothing better to do there.
	_ = d.Sync()
	return d.Close()
}

var count atomic.Int64

// Temp makes a file beside a final name, for writing. It is hidden, and has the
// user's umask.
func Temp(dir string) (*os.File, error) {
	name := ".mailconv-" + strconv.Itoa(os.Getpid()) + "-" + strconv.FormatInt(count.Add(1), 10) + ".tmp"
	return os.OpenFile(filepath.Join(dir, name), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
}

// Replace writes a file whole, or leaves the one that is there.
func Replace(name string, data []byte) (err error) {
	f, err := Temp(filepath.Dir(name))
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(data); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

// A Blob is a whole file that is opened anew each time.
type Blob struct {
	Path string
	N    int64
}

// Open implements [mapi.Blob]. A file that has another size by now is an error.
func (b Blob) Open(context.Context) (io.ReadCloser, error) {
	f, err := os.Open(b.Path)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && st.Size() != b.N {
		err = fmt.Errorf("the file had %d bytes and has %d now", b.N, st.Size())
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Size implements [mapi.Blob].
func (b Blob) Size() int64 { return b.N }
