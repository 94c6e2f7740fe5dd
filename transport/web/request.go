package web

import (
	"context"
	"io"
	"net/http"

	"github.com/mailconv/mailconv/mapi"
)

// NewRequest makes a request whose body is a blob, nil for none. Its length is
// told to the server, as some take no chunked bodies, and it can be sent again.
func NewRequest(ctx context.Context, method, url string, body mapi.Blob) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil || body == nil {
		return req, err
	}
	req.ContentLength = body.Size()
	if req.ContentLength == 0 {
		return req, nil
	}
	req.GetBody = func() (io.ReadCloser, error) { return body.Open(ctx) }
	// Opened when it is read: a request that is refused before costs nothing.
	req.Body = &lazyBody{open: req.GetBody}
	return req, nil
}

type lazyBody struct {
	open func() (io.ReadCloser, error)
	r    io.ReadCloser
	err  error
}

func (b *lazyBody) Read(p []byte) (int, error) {
	if b.r == nil && b.err == nil {
		b.r, b.err = b.open()
	}
	if b.err != nil {
		return 0, b.err
	}
	return b.r.Read(p)
}

func (b *lazyBody) Close() error {
	if b.r == nil {
		b.err = io.ErrClosedPipe
		return nil
	}
	return b.r.Close()
}

// again is a copy of a request that can be sent once more, with an empty body
// where that is asked for.
func again(req *http.Request, empty bool) (*http.Request, error) {
	n := req.Clone(req.Context())
	if empty || req.Body == nil || req.Body == http.NoBody {
		n.Body, n.GetBody, n.ContentLength = nil, nil, 0
		return n, nil
	}
	if req.GetBody == nil {
		return nil, errNoReplay
	}
	n.Body = &lazyBody{open: req.GetBody}
	return n, nil
}
