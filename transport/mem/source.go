package mem

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
)

// Folders implements [transport.Source].
func (s *Store) Folders(ctx context.Context) iter.Seq2[transport.Folder, error] {
	return func(yield func(transport.Folder, error) bool) {
		if err := s.begin(ctx, "Folders"); err != nil {
			yield(transport.Folder{}, err)
			return
		}
		var list []transport.Folder
		s.d.mu.Lock()
		for _, fo := range s.d.folders {
			f := fo.Folder
			f.Count, f.Size = int64(len(fo.items)), 0
			for _, it := range fo.items {
				f.Size += it.size
			}
			list = append(list, f)
		}
		s.d.mu.Unlock()
		// Element by element, so that parents come before children.
		slices.SortFunc(list, func(a, b transport.Folder) int { return slices.Compare(a.Path, b.Path) })
		for _, f := range list {
			if err := ctx.Err(); err != nil {
				yield(transport.Folder{}, err)
				return
			}
			if !yield(f, nil) {
				return
			}
		}
	}
}

// Items implements [transport.Source]. The cursor counts changes, so a later
// listing holds what changed, unless UIDVALIDITY did.
func (s *Store) Items(ctx context.Context, f transport.Folder, c *transport.Cursor) iter.Seq2[transport.Meta, error] {
	return func(yield func(transport.Meta, error) bool) {
		if err := s.begin(ctx, "Items"); err != nil {
			yield(transport.Meta{}, err)
			return
		}
		s.d.mu.Lock()
		fo, err := s.d.find("list", f)
		if err == nil && fo.Err != nil {
			err = fo.Err
		}
		if err != nil {
			s.d.mu.Unlock()
			yield(transport.Meta{}, err)
			return
		}
		var since int64
		var validity uint32
		delta := false
		if c != nil {
			_, err := fmt.Sscanf(c.Token, "%d.%d", &validity, &since)
			delta = err == nil && validity == fo.validity
		}
		var list []transport.Meta
		for _, it := range fo.items {
			if !delta || it.modseq > since {
				list = append(list, s.listed(fo, it))
			}
		}
		if delta {
			for _, g := range fo.gone {
				if g.modseq > since {
					list = append(list, transport.Meta{Key: fo.key(g.uid), ObjectID: g.object, Gone: true})
				}
			}
		}
		token := fmt.Sprintf("%d.%d", fo.validity, s.d.modseq)
		s.d.mu.Unlock()
		for _, m := range list {
			if err := ctx.Err(); err != nil {
				yield(transport.Meta{}, err)
				return
			}
			if !yield(m, nil) {
				return
			}
		}
		if c != nil {
			c.Token, c.Delta = token, delta
		}
	}
}

// listed is what a listing says of an item.
func (s *Store) listed(fo *folder, it *item) transport.Meta {
	m := it.meta
	m.Key, m.Size, m.Keywords = fo.key(it.uid), it.size, slices.Clone(m.Keywords)
	if s.o.NoMessageID {
		m.MessageID = ""
	}
	return m
}

// Fetch implements [transport.Source].
func (s *Store) Fetch(ctx context.Context, f transport.Folder, keys []transport.Key, _ []transport.Form) iter.Seq2[transport.Fetched, error] {
	return func(yield func(transport.Fetched, error) bool) {
		if err := s.begin(ctx, "Fetch"); err != nil {
			yield(transport.Fetched{}, err)
			return
		}
		var live atomic.Int64 // the item whose body can be opened
		for i, k := range keys {
			if err := ctx.Err(); err != nil {
				yield(transport.Fetched{}, err)
				return
			}
			live.Store(int64(i))
			fe := transport.Fetched{Key: k}
			fe.Content, fe.Err = s.body(f, k)
			if fe.Err == nil && s.o.OneShot {
				oneShot(fe.Content, func() bool { return live.Load() == int64(i) })
			}
			if !yield(fe, nil) {
				live.Store(-1)
				return
			}
		}
		live.Store(-1)
	}
}

func (s *Store) body(f transport.Folder, k transport.Key) (*transport.Content, error) {
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	fo, err := s.d.find("fetch", f)
	if err != nil {
		return nil, err
	}
	i, ok := fo.item(k)
	if !ok {
		return nil, fo.notFound("fetch", k)
	}
	c := *fo.items[i].content
	s.d.bodies++
	c.OnClose = func() error {
		s.d.mu.Lock()
		s.d.bodies--
		s.d.mu.Unlock()
		return nil
	}
	return &c, nil
}

// oneShot makes the blobs of content open once, while live says yes.
func oneShot(c *transport.Content, live func() bool) {
	c.OneShot = true
	if c.MIME != nil {
		c.MIME = &onceBlob{Blob: c.MIME, live: live}
	}
	if c.Object != nil {
		c.Object = onceMessage(c.Object, live)
	}
}

func onceMessage(m *mapi.Message, live func() bool) *mapi.Message {
	out := *m
	out.Props = m.Props.Clone()
	for i, p := range out.Props {
		if !p.Value.InMemory() {
			out.Props[i].Value = mapi.BlobValue(p.Value.Type(), &onceBlob{Blob: p.Value.Blob(), live: live}).WithCharset(p.Value.Charset())
		}
	}
	out.Attachments = nil
	for _, a := range m.Attachments {
		n := *a
		n.Props = onceMessage(&mapi.Message{Props: a.Props}, live).Props
		if a.Embedded != nil {
			n.Embedded = onceMessage(a.Embedded, live)
		}
		out.Attachments = append(out.Attachments, &n)
	}
	return &out
}

type onceBlob struct {
	mapi.Blob
	live func() bool
	used atomic.Bool
}

func (b *onceBlob) Open(ctx context.Context) (io.ReadCloser, error) {
	if !b.live() {
		return nil, errors.New("a one-shot body was opened after the next item was pulled")
	}
	if b.used.Swap(true) {
		return nil, errors.New("a one-shot body was opened twice")
	}
	r, err := b.Blob.Open(ctx)
	if err != nil {
		return nil, err
	}
	return &onceReader{r, b.live}, nil
}

// onceReader has no other method than Read and Close: a connection cannot seek.
type onceReader struct {
	r    io.ReadCloser
	live func() bool
}

func (o *onceReader) Read(p []byte) (int, error) {
	if !o.live() {
		return 0, errors.New("a one-shot body was read after the next item was pulled")
	}
	return o.r.Read(p)
}

func (o *onceReader) Close() error { return o.r.Close() }

// messageID finds the Message-ID for listings, in the first 64 KiB.
func messageID(ctx context.Context, c *transport.Content) string {
	if c.Object != nil {
		return c.Object.Props.Text(mapi.PidTagInternetMessageId)
	}
	if c.MIME == nil {
		return ""
	}
	r, err := c.MIME.Open(ctx)
	if err != nil {
		return ""
	}
	defer r.Close()
	head, _ := io.ReadAll(io.LimitReader(r, 64<<10))
	text, _, _ := strings.Cut(string(head), "\r\n\r\n")
	lines := strings.Split(text, "\r\n")
	for i, line := range lines {
		name, value, ok := strings.Cut(line, ":")
		if !ok || !strings.EqualFold(name, "message-id") {
			continue
		}
		if value = strings.TrimSpace(value); value == "" && i+1 < len(lines) {
			value = strings.TrimSpace(lines[i+1])
		}
		return value
	}
	return ""
}
