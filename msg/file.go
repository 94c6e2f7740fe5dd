package msg

import (
	"fmt"
	"io"
	"os"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/msg/cfb"
)

// Options for reading. A nil *Options is the zero value.
type Options struct {
	// CodePage, when not 0, overrides the code page of string values that
	// are not Unicode (Windows code page number).
	CodePage int
}

// A File is an open .msg or .oft file. Its message, and the blobs in it, may be
// read by several goroutines at once.
type File struct {
	Message *mapi.Message
	// Problems lists damage that was survived.
	Problems mapi.Problems
	// CLSID of the root storage: [CLSIDMessage], [CLSIDTemplate], or whatever
	// other writers put there.
	CLSID mapi.GUID

	closer io.Closer
}

// smallFile is the size up to which Open reads a file whole and closes it at
// once.
const smallFile = 1 << 20

// Open reads the message in the named file. The caller closes the File.
func Open(name string, o *Options) (*File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	m, err := open(f, o)
	if m == nil || m.closer == nil {
		f.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return m, nil
}

func open(f *os.File, o *Options) (*File, error) {
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if fi.IsDir() {
		return nil, fmt.Errorf("is a folder, not a message")
	}
	size := fi.Size()
	if size > smallFile {
		m, err := NewReader(f, size, o)
		if m != nil {
			m.closer = f
		}
		return m, err
	}
	b := make([]byte, size)
	n, err := io.ReadFull(f, b)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	c, err := cfb.NewBytesReader(b[:n])
	if err != nil {
		return nil, err
	}
	return read(c, mapi.Bytes(b[:n]), o)
}

// NewReader reads a message of size bytes from r, which must stay open as long
// as blobs of the message are used. The error is a [*mapi.FormatError] when no
// message could be read, or one of r.
func NewReader(r io.ReaderAt, size int64, o *Options) (*File, error) {
	c, err := cfb.NewReader(r, size)
	if err != nil {
		return nil, err
	}
	return read(c, mapi.Section{R: r, N: size}, o)
}

// Close closes the file that [Open] opened. Blobs of the message cannot be
// opened afterwards.
func (f *File) Close() error {
	if f.closer == nil {
		return nil
	}
	c := f.closer
	f.closer = nil
	return c.Close()
}
