package graph

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/fasttransfer"
	"github.com/mailconv/mailconv/msg/cfb"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/graph/wire"
	"github.com/mailconv/mailconv/transport/spool"
)

// maxExport is the most items of one exportItems.
const maxExport = 20

// paceBytes is about how much one reply of exportItems may hold: when items are
// large, fewer are asked for at a time.
const paceBytes = 24 << 20

// pace remembers how large items were lately.
type pace struct{ average int64 }

func (s *Store) exportCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pace.average <= 0 {
		return maxExport
	}
	return int(min(max(paceBytes/s.pace.average, 1), maxExport))
}

func (s *Store) exported(items int, bytes int64) {
	if items == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pace.average = (s.pace.average + bytes/int64(items)) / 2
}

// export hands over items as objects, up to twenty in a request.
func (s *Store) export(ctx context.Context, f transport.Folder, keys []transport.Key, yield func(transport.Fetched, error) bool) {
	for len(keys) > 0 {
		n := min(s.exportCount(), len(keys))
		list, err := s.exportItems(ctx, f, keys[:n])
		if err != nil {
			if transport.Canceled(err) {
				yield(transport.Fetched{}, err)
				return
			}
			// All have the same answer.
			for _, k := range keys[:n] {
				var e *transport.Error
				if errors.As(err, &e) {
					own := *e
					own.Key = k
					err = &own
				}
				if !yield(transport.Fetched{Key: k, Err: err}, nil) {
					return
				}
			}
		}
		for i := range list {
			if err := ctx.Err(); err != nil || !yield(list[i], nil) {
				if err != nil {
					list[i].Content.Close()
					yield(transport.Fetched{}, err)
				}
				for _, rest := range list[i+1:] {
					rest.Content.Close()
				}
				return
			}
		}
		keys = keys[n:]
	}
}

// exportItems is one request, with a second one for the ids that the service
// knows only in their other form.
func (s *Store) exportItems(ctx context.Context, f transport.Folder, keys []transport.Key) ([]transport.Fetched, error) {
	ids := make([]string, len(keys))
	for i, k := range keys {
		ids[i] = string(k)
	}
	got, err := s.exportOnce(ctx, f, ids)
	if err != nil {
		switch {
		case len(keys) > 1 && (isKind(err, transport.NotFound) || isKind(err, transport.Rejected)):
			// One bad id spoils the request: one by one.
			var out []transport.Fetched
			for _, k := range keys {
				list, err := s.exportItems(ctx, f, []transport.Key{k})
				if err != nil {
					if transport.Canceled(err) {
						return nil, err
					}
					list = []transport.Fetched{{Key: k, Err: err}}
				}
				out = append(out, list...)
			}
			return out, nil
		case isKind(err, transport.NotFound) || isKind(err, transport.Rejected):
			got = map[string]transport.Fetched{ids[0]: {Err: err}}
		default:
			return nil, err
		}
	}
	var again []string
	for _, id := range ids {
		if isKind(got[id].Err, transport.NotFound) {
			again = append(again, id)
		}
	}
	if len(again) > 0 {
		// QUIRK: the pages of the import and export API do not mention
		// immutable ids. Where it does not take one, its other form is asked
		// for.
		if other, err := s.translate(ctx, again, "restImmutableEntryId", "restId"); err == nil {
			for _, id := range again {
				to, ok := other[id]
				if !ok || to == id {
					continue
				}
				if second, err := s.exportOnce(ctx, f, []string{to}); err == nil {
					got[id] = second[to]
				}
			}
		} else if transport.Canceled(err) {
			return nil, err
		}
	}
	out := make([]transport.Fetched, len(keys))
	for i, k := range keys {
		fe, ok := got[string(k)]
		if !ok {
			fe.Err = &transport.Error{Kind: transport.Temporary, Op: "fetch", Folder: f.String(), Err: errors.New("the service left the item out")}
		}
		fe.Key = k
		var e *transport.Error
		if errors.As(fe.Err, &e) && e.Key != k {
			own := *e
			own.Key = k
			fe.Err = &own
		}
		out[i] = fe
	}
	return out, nil
}

// exportOnce reads one reply of exportItems into the spool.
func (s *Store) exportOnce(ctx context.Context, f transport.Folder, ids []string) (got map[string]transport.Fetched, err error) {
	box, err := s.mailboxID(ctx)
	if err != nil {
		return nil, err
	}
	body, err := wire.JSON(map[string][]string{"itemIds": ids}, nil)
	if err != nil {
		return nil, err
	}
	c := &call{op: "fetch", folder: f.String(), method: http.MethodPost, url: s.exchange(box, "exportItems"), body: body}
	resp, err := s.do(ctx, c)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	got = map[string]transport.Fetched{}
	var total int64
	d := wire.NewDecoder(resp.Body)
	err = d.Object(func(name string) error {
		if name != "value" {
			return d.Skip()
		}
		return d.Array(func() error {
			id, fe, n, err := s.exportedItem(ctx, c, d)
			if err != nil {
				return err
			}
			if old, twice := got[id]; twice {
				old.Content.Close()
			}
			got[id] = fe
			total += n
			return nil
		})
	})
	s.exported(len(got), total)
	if err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		if len(got) == 0 || transport.Canceled(err) {
			for _, fe := range got {
				fe.Content.Close()
			}
			return nil, c.broken(err)
		}
		// What came whole is good; the rest is asked for again.
		for _, id := range ids {
			if _, ok := got[id]; !ok {
				got[id] = transport.Fetched{Err: c.broken(err)}
			}
		}
	}
	return got, nil
}

// exportedItem reads one exportItemResponse.
func (s *Store) exportedItem(ctx context.Context, c *call, d *wire.Decoder) (id string, fe transport.Fetched, n int64, err error) {
	var fail *wire.Error
	var bad error
	n = -1
	buf := s.spool.Create()
	err = d.Object(func(name string) (err error) {
		switch name {
		case "itemId":
			id, err = d.String(4096)
		case "error":
			err = d.Value(&fail)
		case "data":
			var syntax *wire.SyntaxError
			if n, err = d.Base64(buf); err != nil && !errors.As(err, &syntax) && !errors.Is(err, io.ErrUnexpectedEOF) && ctx.Err() == nil {
				bad, err = err, nil
			}
		default:
			err = d.Skip()
		}
		return err
	})
	if err != nil {
		buf.Close()
		return id, fe, 0, err
	}
	item := *c
	item.key = transport.Key(id)
	switch {
	case fail != nil && (fail.Code != "" || fail.Message != ""):
		buf.Close()
		fe.Err = item.explain(&refusal{status: http.StatusOK, code: fail.Code, text: fail.Message})
	case bad != nil:
		buf.Close()
		fe.Err = &transport.Error{Op: c.op, Folder: c.folder, Key: item.key, Err: bad}
	case n < 0:
		buf.Close()
		fe.Err = &transport.Error{Kind: transport.Temporary, Op: c.op, Folder: c.folder, Key: item.key, Err: errors.New("the service gives neither data nor an error")}
	default:
		fe.Content, fe.Err = decode(ctx, &item, buf)
	}
	return id, fe, max(n, 0), nil
}

// decode reads a FastTransfer stream that lies in the spool. What cannot be
// understood comes with its bytes, for the quarantine.
func decode(ctx context.Context, c *call, buf *spool.Buffer) (*transport.Content, error) {
	blob, err := buf.Blob()
	if err != nil {
		buf.Close()
		return nil, err
	}
	r, err := blob.Open(ctx)
	if err != nil {
		buf.Close()
		return nil, err
	}
	at, ok := r.(io.ReaderAt)
	if !ok {
		b, err := io.ReadAll(r)
		if err != nil {
			buf.Close()
			return nil, err
		}
		at = bytes.NewReader(b)
	}
	done := func() error { return errors.Join(r.Close(), buf.Close()) }
	m, problems, err := fasttransfer.Decode(ctx, at, blob.Size(), &fasttransfer.Options{Storage: cfb.ReadStorage})
	if err == nil {
		return &transport.Content{Form: transport.FormObject, Object: m, Problems: problems, OnClose: done}, nil
	}
	if transport.Canceled(err) {
		return nil, errors.Join(err, done())
	}
	return &transport.Content{
		Form: transport.FormObject, Object: &mapi.Message{Encoded: &mapi.Encoded{Format: "fts", Blob: blob}}, Problems: problems, OnClose: done,
	}, &transport.Error{Op: c.op, Folder: c.folder, Key: c.key, Err: err}
}

func storageBlob(_ context.Context, st *mapi.Storage) (mapi.Blob, error) { return cfb.NewBlob(st, nil) }

// translate changes ids from one form to another, up to a thousand at a time.
// One that has no other form is missing from the result.
func (s *Store) translate(ctx context.Context, ids []string, from, to string) (map[string]string, error) {
	out := map[string]string{}
	for len(ids) > 0 {
		n := min(len(ids), 1000)
		var reply struct {
			Value []wire.ConvertedID `json:"value"`
		}
		body := struct {
			IDs  []string `json:"inputIds"`
			From string   `json:"sourceIdType"`
			To   string   `json:"targetIdType"`
		}{ids[:n], from, to}
		if err := s.post(ctx, &call{op: "translate ids", url: s.user("translateExchangeIds")}, body, nil, &reply); err != nil {
			return out, err
		}
		for _, v := range reply.Value {
			if v.TargetID != "" && v.Error == nil {
				out[v.SourceID] = v.TargetID
			}
		}
		ids = ids[n:]
	}
	return out, nil
}
