package spool

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/lineend"
)

// maxDepth bounds messages within messages and storages within storages.
const maxDepth = 64

// Keep gives content that can be opened again and again, and until it is
// closed. Content that is like that already is returned as it is; OneShot
// content is copied. Keep takes c over, also when it fails: the result is what
// is left to close. A body that ends before its size is an error of kind
// [transport.Temporary].
func (s *Spool) Keep(ctx context.Context, c *transport.Content) (*transport.Content, error) {
	return s.keep(ctx, c, false)
}

// KeepSum is [Spool.Keep], and sets [transport.Content.Sum] and Clean of a mail
// that is copied: its bytes need not be read again for that.
func (s *Spool) KeepSum(ctx context.Context, c *transport.Content) (*transport.Content, error) {
	return s.keep(ctx, c, true)
}

func (s *Spool) keep(ctx context.Context, c *transport.Content, sum bool) (*transport.Content, error) {
	if c == nil || !c.OneShot {
		return c, nil
	}
	kept, err := s.copy(ctx, c, sum)
	if cerr := c.Close(); err == nil && cerr != nil {
		kept.Close()
		err = cerr
	}
	if err != nil {
		return nil, err
	}
	return kept, nil
}

// Copy copies content, whatever it is, so that the copy does not need the
// original. The original is not closed.
func (s *Spool) Copy(ctx context.Context, c *transport.Content) (*transport.Content, error) {
	return s.copy(ctx, c, false)
}

func (s *Spool) copy(ctx context.Context, c *transport.Content, sum bool) (*transport.Content, error) {
	k := &keeper{ctx: ctx, s: s}
	out := &transport.Content{Form: c.Form, Partial: c.Partial, Problems: c.Problems, Losses: c.Losses, OnClose: k.close}
	var err error
	if c.MIME != nil {
		if sum {
			k.digest = &digest{sum: sha256.New()}
		}
		if out.MIME, err = k.blob(c.MIME); sum && err == nil {
			out.Sum, out.Clean = k.digest.sum.Sum(nil), k.digest.check.Clean()
		}
		k.digest = nil
	}
	if err == nil && c.Object != nil {
		out.Object, err = k.message(c.Object, 0)
	}
	if err != nil {
		k.close()
		return nil, err
	}
	return out, nil
}

// keeper copies the blobs of one item.
type keeper struct {
	ctx     context.Context
	s       *Spool
	digest  *digest // of what is copied; nil when nobody asks
	buffers []*Buffer
}

// digest is what is to be known of bytes.
type digest struct {
	sum   hash.Hash
	check lineend.Check
}

func (d *digest) Write(p []byte) (int, error) {
	d.check.Write(p)
	return d.sum.Write(p)
}

func (k *keeper) close() error {
	var first error
	for _, b := range k.buffers {
		if err := b.Close(); first == nil {
			first = err
		}
	}
	k.buffers = nil
	return first
}

func (k *keeper) blob(b mapi.Blob) (mapi.Blob, error) {
	if b == nil {
		return nil, nil
	}
	if m, ok := b.(mapi.Bytes); ok {
		if k.digest != nil {
			k.digest.Write(m)
		}
		return m, nil
	}
	r, err := b.Open(k.ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	buf := k.s.CreateFor(b.Size())
	k.buffers = append(k.buffers, buf)
	if k.digest != nil {
		buf.Digest(k.digest)
	}
	n, err := buf.ReadFrom(contextReader{k.ctx, r})
	if err != nil {
		return nil, err
	}
	if n != b.Size() {
		return nil, &transport.Error{
			Kind: transport.Temporary, Op: "read",
			Err: fmt.Errorf("the body has %d bytes, %d were announced", n, b.Size()),
		}
	}
	return buf.Blob()
}

// contextReader ends a copy when the context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

func tooDeep() error {
	return &transport.Error{Op: "read", Err: fmt.Errorf("messages are nested more than %d deep", maxDepth)}
}

func (k *keeper) message(m *mapi.Message, depth int) (*mapi.Message, error) {
	if m == nil {
		return nil, nil
	}
	if depth > maxDepth {
		return nil, tooDeep()
	}
	out := &mapi.Message{}
	var err error
	if out.Props, err = k.properties(m.Props); err != nil {
		return nil, err
	}
	for _, r := range m.Recipients {
		props, err := k.properties(r.Props)
		if err != nil {
			return nil, err
		}
		out.Recipients = append(out.Recipients, &mapi.Recipient{Props: props})
	}
	for _, a := range m.Attachments {
		n := &mapi.Attachment{}
		if n.Props, err = k.properties(a.Props); err != nil {
			return nil, err
		}
		if n.Embedded, err = k.message(a.Embedded, depth+1); err != nil {
			return nil, err
		}
		if n.Storage, err = k.storage(a.Storage, depth+1); err != nil {
			return nil, err
		}
		out.Attachments = append(out.Attachments, n)
	}
	if m.Encoded != nil {
		b, err := k.blob(m.Encoded.Blob)
		if err != nil {
			return nil, err
		}
		out.Encoded = &mapi.Encoded{Format: m.Encoded.Format, Blob: b}
	}
	return out, nil
}

func (k *keeper) properties(ps mapi.Properties) (mapi.Properties, error) {
	out := ps.Clone()
	for i, p := range out {
		if p.Value.InMemory() {
			continue
		}
		b, err := k.blob(p.Value.Blob())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.Tag, err)
		}
		out[i].Value = mapi.BlobValue(p.Value.Type(), b).WithCharset(p.Value.Charset())
	}
	return out, nil
}

func (k *keeper) storage(st *mapi.Storage, depth int) (*mapi.Storage, error) {
	if st == nil {
		return nil, nil
	}
	if depth > maxDepth {
		return nil, tooDeep()
	}
	out := *st
	out.Storages, out.Streams = nil, nil
	for _, sub := range st.Storages {
		c, err := k.storage(sub, depth+1)
		if err != nil {
			return nil, err
		}
		out.Storages = append(out.Storages, c)
	}
	for _, stream := range st.Streams {
		b, err := k.blob(stream.Data)
		if err != nil {
			return nil, err
		}
		out.Streams = append(out.Streams, mapi.Stream{Name: stream.Name, Data: b})
	}
	return &out, nil
}
