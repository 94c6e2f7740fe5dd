package wire

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"

	"github.com/mailconv/mailconv/mapi"
)

// A Body is a request body that is made while it is sent. It is a [mapi.Blob],
// so it can be opened again for a retry.
type Body struct {
	parts []part
	size  int64
}

// A part is text as it is, or a blob that is written in base64.
type part struct {
	text []byte
	blob mapi.Blob
}

// Text adds bytes.
func (b *Body) Text(p []byte) {
	if len(p) == 0 {
		return
	}
	if n := len(b.parts); n > 0 && b.parts[n-1].blob == nil {
		b.parts[n-1].text = append(b.parts[n-1].text, p...)
	} else {
		b.parts = append(b.parts, part{text: bytes.Clone(p)})
	}
	b.size += int64(len(p))
}

// Base64 adds a blob in base64. The blob must live as long as the body.
func (b *Body) Base64(blob mapi.Blob) {
	b.parts = append(b.parts, part{blob: blob})
	b.size += EncodedLen(blob.Size())
}

// EncodedLen is the length of n bytes in base64.
func EncodedLen(n int64) int64 { return (n + 2) / 3 * 4 }

// Size is the exact number of bytes of the body.
func (b *Body) Size() int64 { return b.size }

// Open gives the body from its start.
func (b *Body) Open(ctx context.Context) (io.ReadCloser, error) {
	return &bodyReader{ctx: ctx, parts: b.parts}, nil
}

type bodyReader struct {
	ctx   context.Context
	parts []part
	cur   io.Reader
	src   io.Closer
	left  int64 // bytes that the present blob still promises, in base64
}

func (r *bodyReader) Read(p []byte) (int, error) {
	for {
		if r.cur == nil {
			if len(r.parts) == 0 {
				return 0, io.EOF
			}
			next := r.parts[0]
			r.parts = r.parts[1:]
			if next.blob == nil {
				r.cur, r.left = bytes.NewReader(next.text), int64(len(next.text))
			} else {
				src, err := next.blob.Open(r.ctx)
				if err != nil {
					return 0, err
				}
				r.cur, r.src, r.left = &encoder{r: src}, src, EncodedLen(next.blob.Size())
			}
		}
		n, err := r.cur.Read(p)
		if r.left -= int64(n); r.left < 0 {
			return 0, fmt.Errorf("the content is longer than it was said to be")
		}
		if err != io.EOF {
			return n, err
		}
		if r.left > 0 {
			return n, fmt.Errorf("the content ends %d bytes before its size: %w", r.left/4*3, io.ErrUnexpectedEOF)
		}
		if err := r.Close(); err != nil {
			return n, err
		}
		if n > 0 {
			return n, nil
		}
	}
}

// Close implements io.Closer.
func (r *bodyReader) Close() error {
	r.cur = nil
	if r.src == nil {
		return nil
	}
	err := r.src.Close()
	r.src = nil
	return err
}

// An encoder reads base64 of what it reads.
type encoder struct {
	r   io.Reader
	raw [6 << 10]byte
	out [8 << 10]byte
	buf []byte
	err error
}

func (e *encoder) Read(p []byte) (int, error) {
	if len(e.buf) == 0 {
		if e.err != nil {
			return 0, e.err
		}
		n, err := io.ReadFull(e.r, e.raw[:])
		if err == io.ErrUnexpectedEOF {
			err = io.EOF
		}
		e.err = err
		if err != nil && err != io.EOF {
			return 0, err
		}
		base64.StdEncoding.Encode(e.out[:], e.raw[:n])
		e.buf = e.out[:base64.StdEncoding.EncodedLen(n)]
		if n == 0 {
			return 0, e.err
		}
	}
	n := copy(p, e.buf)
	e.buf = e.buf[n:]
	return n, nil
}

// Contents are the blobs of a request that is written as JSON. The zero value is
// ready for use.
type Contents struct {
	nonce string
	blobs []mapi.Blob
}

// A Content is a field whose bytes are written in base64 while the body is
// sent. It comes from [Contents.Add].
type Content struct {
	of *Contents
	n  int
}

// Add makes the field for a blob.
func (c *Contents) Add(b mapi.Blob) *Content {
	if c.nonce == "" {
		// Nobody who writes a mail can know it.
		c.nonce = rand.Text()
	}
	c.blobs = append(c.blobs, b)
	return &Content{c, len(c.blobs) - 1}
}

// MarshalJSON implements json.Marshaler. It writes a mark, for which [JSON]
// puts the content.
func (c *Content) MarshalJSON() ([]byte, error) {
	return []byte(c.of.mark(c.n)), nil
}

func (c *Contents) mark(n int) string { return fmt.Sprintf("%q", fmt.Sprintf("%s.%d", c.nonce, n)) }

// JSON is a body that holds v with the contents that belong to it. They may be
// nil.
func JSON(v any, contents *Contents) (*Body, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	text := bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
	b := &Body{}
	if contents != nil {
		for n, blob := range contents.blobs {
			before, after, ok := bytes.Cut(text, []byte(contents.mark(n)))
			if !ok {
				continue // not part of this request
			}
			b.Text(append(before, '"'))
			b.Base64(blob)
			text = append([]byte{'"'}, after...)
		}
	}
	b.Text(text)
	return b, nil
}
