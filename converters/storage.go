package converters

import (
	"context"
	"io"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/msg/cfb"
)

// OLE objects travel as compound files inside other forms, and neither mime nor
// mapi/tnef knows that format: these functions are handed to them.

func readStorage(_ context.Context, r io.ReaderAt, size int64) (*mapi.Storage, error) {
	c, err := cfb.NewReader(r, size)
	if err != nil {
		return nil, err
	}
	return c.Root, nil
}

func storageBlob(_ context.Context, s *mapi.Storage) (mapi.Blob, error) {
	return cfb.NewBlob(s, nil)
}
