package entity

import (
	"context"
	"io"
	"sync"

	"github.com/mailconv/mailconv/mapi"
)

// NewBlob is what open delivers, as a blob. Its size is counted by one pass
// when it is first asked for.
func NewBlob(open func(context.Context) (io.ReadCloser, error)) mapi.Blob {
	return &counted{open: open}
}

// counted is a blob whose size is known only when it was read.
type counted struct {
	open func(context.Context) (io.ReadCloser, error)
	end  func(io.ReadCloser) // is told the reader that was read to its end
	once sync.Once
	size int64
}

// Open implements [mapi.Blob].
func (c *counted) Open(ctx context.Context) (io.ReadCloser, error) { return c.open(ctx) }

// Size implements [mapi.Blob]. A source that fails while it is counted gives
// what could be read.
func (c *counted) Size() int64 {
	c.once.Do(func() {
		r, err := c.open(context.Background())
		if err != nil {
			return
		}
		defer r.Close()
		buf := buffers.Get().(*[]byte)
		defer buffers.Put(buf)
		for {
			n, err := r.Read(*buf)
			c.size += int64(n)
			if err != nil {
				if c.end != nil {
					c.end(r)
				}
				return
			}
		}
	})
	return c.size
}
