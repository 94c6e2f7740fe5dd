package cfb

import (
	"context"
	"io"

	"github.com/mailconv/mailconv/mapi"
)

// ReadStorage reads a compound file as the storage that it is. It is what the
// codecs that carry OLE objects, but do not know this format, are handed.
func ReadStorage(_ context.Context, r io.ReaderAt, size int64) (*mapi.Storage, error) {
	c, err := NewReader(r, size)
	if err != nil {
		return nil, err
	}
	return c.Root, nil
}

// StorageBlob is a storage as a compound file, the counterpart of
// [ReadStorage].
func StorageBlob(_ context.Context, s *mapi.Storage) (mapi.Blob, error) { return NewBlob(s, nil) }
