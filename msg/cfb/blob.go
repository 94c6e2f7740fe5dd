package cfb

import (
	"context"
	"io"

	"github.com/mailconv/mailconv/mapi"
)

// NewBlob is the compound file of a tree as a blob: its size is known at once,
// its bytes are made each time it is opened. The tree must not change while
// the blob is used.
func NewBlob(root *mapi.Storage, o *WriteOptions) (mapi.Blob, error) {
	l, err := newLayout(root, o)
	if err != nil {
		return nil, err
	}
	return &fileBlob{root, o, l.fileSize()}, nil
}

type fileBlob struct {
	root *mapi.Storage
	o    *WriteOptions
	size int64
}

func (b *fileBlob) Size() int64 { return b.size }

func (b *fileBlob) Open(ctx context.Context) (io.ReadCloser, error) {
	r, w := io.Pipe()
	go func() { w.CloseWithError(Write(ctx, w, b.root, b.o)) }()
	return r, nil
}
