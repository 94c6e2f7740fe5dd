package mapihttp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/fasttransfer"
	"github.com/mailconv/mailconv/mapi/rop"
	"github.com/mailconv/mailconv/msg/cfb"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/itemprops"
)

const (
	// transferPiece is how much of a stream one operation carries.
	transferPiece = 0x7BC0
	// groupItems and groupBytes bound what is read before it is handed over.
	groupItems = 16
	groupBytes = 4 << 20
	// So many items are asked for in one request: more while they are small, as
	// what does not fit into an answer costs another request.
	firstTogether = 4
	mostTogether  = 16
	maxTogether   = 40 << 10
	// maxBackoffs is how often a server may ask to wait within one stream.
	maxBackoffs = 20
)

// Fetch implements [transport.Source]: items are objects, each read by one
// FastTransfer stream. Several small ones come with one request.
func (st *Store) Fetch(ctx context.Context, f transport.Folder, keys []transport.Key, _ []transport.Form) iter.Seq2[transport.Fetched, error] {
	return func(yield func(transport.Fetched, error) bool) {
		id, err := st.folderID(ctx, "fetch", f)
		if err != nil {
			yield(transport.Fetched{}, err)
			return
		}
		size := firstTogether
		for len(keys) > 0 {
			// A group is read to its end before its first item is handed
			// over, so that a slow reader does not keep a session.
			var got []transport.Fetched
			err := st.run(ctx, "fetch", func(s *session) error {
				var bytes int64
				for len(got) < min(len(keys), groupItems) && bytes < groupBytes {
					part := keys[len(got):min(len(got)+size, len(keys), groupItems)]
					some, n, err := st.fetchSome(ctx, s, id, f, part)
					got = append(got, some...)
					bytes += n
					if code, ok := codeOf(err); ok && len(part) > 1 && len(some) == 0 && (code == rop.ServerMemory || code == rop.BufferTooSmall) {
						// [MS-OXCROPS] 3.2.5.2 has RopBufferTooSmall for what
						// does not fit; some servers refuse the whole request.
						size = 1
						continue
					}
					if err != nil {
						return err
					}
					switch {
					case n > maxTogether:
						size = max(1, size/2)
					case n < maxTogether/4:
						size = min(mostTogether, size*2)
					}
				}
				return nil
			})
			for i, fe := range got {
				end := ctx.Err()
				if end != nil {
					fe.Content.Close()
					yield(transport.Fetched{}, end)
				}
				if end != nil || !yield(fe, nil) {
					for _, rest := range got[i+1:] {
						rest.Content.Close()
					}
					return
				}
			}
			keys = keys[len(got):]
			if err != nil {
				yield(transport.Fetched{}, fail("fetch", f, "", err))
				return
			}
		}
	}
}

// fetchSome reads messages: the first piece of each in one request, then what is
// left of each. Nothing is marked as read by it. The error is about those that
// are not in the result.
func (st *Store) fetchSome(ctx context.Context, s *session, folder rop.ObjectID, f transport.Folder, keys []transport.Key) ([]transport.Fetched, int64, error) {
	type ops struct {
		open, copy, get int
		bad             error
	}
	steps := make([]ops, len(keys))
	b := s.batch("fetch")
	for i, key := range keys {
		id, kind, err := parseKey(key)
		if err != nil {
			steps[i].bad = err
			continue
		}
		mode := uint8(rop.ReadOnly)
		if kind == deletedItem {
			mode = rop.OpenSoftDeleted
		}
		o := &steps[i]
		o.open = b.out(b.put(s.logon), &rop.OpenMessage{CodePage: rop.LogonCodePage, FolderID: folder, OpenModeFlags: mode, MessageID: id})
		o.copy = b.out(b.index(o.open), &rop.FastTransferSourceCopyTo{SendOptions: rop.SendUnicode})
		o.get = b.in(b.index(o.copy), getBuffer)
	}
	if err := b.do(ctx); err != nil {
		return nil, 0, err
	}
	made := b.made()
	defer func() { s.free(made...) }()
	var got []transport.Fetched
	var bytes int64
	for i, key := range keys {
		o := steps[i]
		err := o.bad
		var c *transport.Content
		if err == nil {
			err = cmp.Or(b.err(o.open), b.err(o.copy))
		}
		if err == nil {
			var n int64
			c, n, err = st.fetchStream(ctx, s, b, o.copy, o.get)
			bytes += n
		}
		if err != nil && (ctx.Err() != nil || s.dead || contextLost(err)) {
			return got, bytes, err
		}
		got = append(got, transport.Fetched{Key: key, Content: c, Err: fail("fetch", f, key, err)})
	}
	return got, bytes, nil
}

// fetchStream reads the stream that operation copy began and of which get is the
// first piece.
func (st *Store) fetchStream(ctx context.Context, s *session, b *batch, copy, get int) (*transport.Content, int64, error) {
	buf := st.spool.Create()
	c := &transport.Content{Form: transport.FormObject, OnClose: buf.Close}
	err := st.download(ctx, s, "fetch", b.handle(copy), &answered{b, get}, buf)
	if err == nil {
		err = decode(ctx, buf.Blob, c)
	}
	if err != nil {
		c.Close()
		return nil, 0, err
	}
	blob, _ := buf.Blob()
	return c, blob.Size(), nil
}

// getBuffer asks for as much as fits.
var getBuffer = &rop.FastTransferSourceGetBuffer{BufferSize: rop.LongCount, MaximumBufferSize: transferPiece}

// answered is an operation of a batch that was sent.
type answered struct {
	b *batch
	n int
}

// download copies a stream. first is the answer that is there already, or nil.
func (st *Store) download(ctx context.Context, s *session, op string, handle uint32, first *answered, w io.Writer) error {
	backoffs := 0
	for {
		if first == nil {
			b := s.batch(op)
			b.flags |= rop.Chain
			n := b.in(b.put(handle), getBuffer)
			if err := b.do(ctx); err != nil {
				return err
			}
			first = &answered{b, n}
		}
		b, n := first.b, first.n
		first = nil
		var list []rop.Response
		if a := b.answers[n]; a != nil {
			list = append(list, *a)
		} else {
			return b.err(n)
		}
		list = append(list, b.extra...)
		for _, a := range list {
			switch body := a.Body.(type) {
			case *rop.FastTransferBackoff:
				if backoffs++; backoffs > maxBackoffs {
					return &transport.Error{Kind: transport.Throttled, Op: op, After: time.Duration(body.BackoffTime) * time.Millisecond, Err: a.Code}
				}
				if err := st.o.Clock.Sleep(ctx, time.Duration(min(body.BackoffTime, 60000))*time.Millisecond); err != nil {
					return err
				}
				continue
			case *rop.FastTransferSourceGetBufferResult:
				if a.Code != rop.Success {
					return fmt.Errorf("%v: %w", a.ID, a.Code)
				}
				if _, err := w.Write(body.Data); err != nil {
					return &transport.Error{Kind: transport.Unavailable, Op: op, Err: err}
				}
				switch body.TransferStatus {
				case rop.TransferDone:
					return nil
				case rop.TransferError:
					return &transport.Error{Op: op, Err: errors.New("the server could not go on with the stream (TransferStatus 0)")}
				}
				if len(body.Data) == 0 && body.TransferStatus != rop.TransferPartial && body.TransferStatus != rop.TransferNoRoom {
					return &transport.Error{Kind: transport.Temporary, Op: op, Err: fmt.Errorf("TransferStatus 0x%04X with no data", body.TransferStatus)}
				}
			default:
				return fmt.Errorf("%v: %w", a.ID, a.Code)
			}
		}
	}
}

// decode reads an object out of its stream.
func decode(ctx context.Context, open func() (mapi.Blob, error), c *transport.Content) error {
	blob, err := open()
	if err != nil {
		return &transport.Error{Kind: transport.Unavailable, Op: "fetch", Err: err}
	}
	sec, ok := blob.(mapi.Section)
	if !ok {
		return fmt.Errorf("a spooled body of type %T", blob)
	}
	m, problems, err := fasttransfer.Decode(ctx, sec.R, sec.N, &fasttransfer.Options{CodePage: codePage, Storage: cfb.ReadStorage})
	if err != nil {
		return err
	}
	m.Props.DeleteName(itemprops.NameToken) // ours, and of no use elsewhere
	c.Object, c.Problems = m, problems
	return nil
}
