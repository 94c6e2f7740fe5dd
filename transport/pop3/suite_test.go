package pop3_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"sync"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/mem"
	"github.com/mailconv/mailconv/transport/pop3"
	"github.com/mailconv/mailconv/transport/storetest"
)

// A house is a POP3 server with one maildrop for each folder of a store in
// memory. Reading goes through POP3, writing does not: the protocol has none.
type house struct {
	t    *testing.T
	data *mem.Store
	s    *server
	tmp  string

	mu   sync.Mutex
	open map[string]*pop3.Store
}

func (h *house) drop(ctx context.Context, f transport.Folder) (*pop3.Store, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if st, ok := h.open[f.ID]; ok {
		return st, nil
	}
	there := false
	for have, err := range h.data.Folders(context.Background()) {
		there = there || err == nil && have.ID == f.ID
	}
	if !there {
		return nil, &transport.Error{Kind: transport.NotFound, Op: "login", Err: errors.New("no such maildrop")}
	}
	a, err := transport.ParseAddress("pop3://x:secret@" + h.s.addr + "?tls=none")
	if err != nil {
		return nil, err
	}
	a.User = f.ID
	st, err := pop3.Open(ctx, a, &transport.Env{TempDir: h.tmp})
	if err == nil {
		h.open[f.ID] = st
	}
	return st, err
}

func (h *house) Folders(ctx context.Context) iter.Seq2[transport.Folder, error] {
	return h.data.Folders(ctx)
}

func (h *house) Items(ctx context.Context, f transport.Folder, c *transport.Cursor) iter.Seq2[transport.Meta, error] {
	st, err := h.drop(ctx, f)
	if err != nil {
		return func(yield func(transport.Meta, error) bool) { yield(transport.Meta{}, err) }
	}
	return st.Items(ctx, inbox, c)
}

func (h *house) Fetch(ctx context.Context, f transport.Folder, keys []transport.Key, want []transport.Form) iter.Seq2[transport.Fetched, error] {
	st, err := h.drop(ctx, f)
	if err != nil {
		return func(yield func(transport.Fetched, error) bool) { yield(transport.Fetched{}, err) }
	}
	return st.Fetch(ctx, inbox, keys, want)
}

func (h *house) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var errs []error
	for _, st := range h.open {
		errs = append(errs, st.Close(), st.Close())
	}
	h.open = map[string]*pop3.Store{}
	return errors.Join(errs...)
}

// writer puts into the memory behind the server, and says what POP3 loses.
type writer struct {
	*house
	transport.Sink
}

func (w writer) Close() error { return nil }

func (w writer) Put(ctx context.Context, f transport.Folder, m transport.Meta, c *transport.Content) (transport.Receipt, error) {
	r, err := w.Sink.Put(ctx, f, m, c)
	if m.Flags != 0 || len(m.Keywords) > 0 || !m.Received.IsZero() {
		r.Losses = append(r.Losses, mapi.Loss{Item: "flags and dates", Reason: mapi.LossStoreOnly})
	}
	if c.MIME != nil && err == nil {
		if end, _ := lastTwo(ctx, c.MIME); end != "\r\n" && c.MIME.Size() > 0 {
			r.Losses = append(r.Losses, mapi.Loss{Item: "last line", Reason: mapi.LossReencoded})
		}
	}
	return r, err
}

func lastTwo(ctx context.Context, b mapi.Blob) (string, error) {
	r, err := b.Open(ctx)
	if err != nil {
		return "", err
	}
	defer r.Close()
	if _, err := io.CopyN(io.Discard, r, b.Size()-2); err != nil {
		return "", err
	}
	end, err := io.ReadAll(r)
	return string(end), err
}

func (w writer) Delete(ctx context.Context, f transport.Folder, refs []transport.Key) []error {
	st, err := w.drop(ctx, f)
	if err != nil {
		return []error{err}
	}
	return st.Delete(ctx, inbox, refs)
}

func TestSourcePassesTheSuite(t *testing.T) {
	huge := int64(24 << 20)
	if testing.Short() {
		huge = 2 << 20
	}
	for _, caps := range [][]string{{"USER", "UIDL", "TOP", "PIPELINING"}, {"USER", "UIDL"}} {
		data := mem.New(mem.Options{})
		byID := func(id string) transport.Folder {
			for f := range data.Folders(context.Background()) {
				if f.ID == id {
					return f
				}
			}
			return transport.Folder{ID: id}
		}
		s := &server{caps: caps}
		s.mails = func(user string) []stored {
			ctx := context.Background()
			var keys []transport.Key
			for m := range data.Items(ctx, byID(user), nil) {
				keys = append(keys, m.Key)
			}
			var list []stored
			for fe := range data.Fetch(ctx, byID(user), keys, nil) {
				b, err := mapi.ReadBlob(ctx, fe.Content.MIME, 64<<20)
				if err != nil {
					t.Error(err)
				}
				list = append(list, stored{string(fe.Key), b})
				fe.Content.Close()
			}
			return list
		}
		s.deleted = func(user, id string) {
			data.Delete(context.Background(), byID(user), []transport.Key{transport.Key(id)})
		}
		s.start(t)
		tmp := t.TempDir()
		h := &house{t: t, data: data, s: s, tmp: tmp, open: map[string]*pop3.Store{}}
		storetest.Run(t, storetest.Options{
			TempDir: tmp, Huge: huge,
			Open: func(context.Context) (transport.Source, transport.Sink, error) {
				x := &house{t: h.t, data: h.data, s: h.s, tmp: h.tmp, open: map[string]*pop3.Store{}}
				return x, writer{x, data}, nil
			},
		})
	}
}
