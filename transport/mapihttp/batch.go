package mapihttp

import (
	"context"
	"errors"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/fasttransfer"
	"github.com/mailconv/mailconv/mapi/rop"
	"github.com/mailconv/mailconv/msg/cfb"
	"github.com/mailconv/mailconv/transport"
)

const (
	// batchItems and batchBytes bound one PutBatch.
	batchItems = 40
	batchBytes = 4 << 20
	// requestItems and requestBytes bound the messages that are written by one
	// request, whose operations have a 16-bit size.
	requestItems = 16
	requestBytes = 48 << 10
)

// BatchLimit implements [transport.BatchSink].
func (st *Store) BatchLimit() (items int, bytes int64) { return batchItems, batchBytes }

// A small is a message whose stream is one piece.
type small struct {
	at         int // in the batch
	data       []byte
	associated bool
	seen       bool
	losses     []mapi.Loss
}

var errLarge = errors.New("the stream has more than one piece")

// piece is a stream of one piece at most.
type piece struct{ b []byte }

func (p *piece) Write(b []byte) (int, error) {
	if len(p.b)+len(b) > transferPiece {
		return 0, errLarge
	}
	p.b = append(p.b, b...)
	return len(b), nil
}

// PutBatch implements [transport.BatchSink]: several small messages go in one
// request; a large one goes alone, as by Put.
func (st *Store) PutBatch(ctx context.Context, f transport.Folder, items []transport.Staged) ([]transport.Result, error) {
	id, err := st.folderID(ctx, "append", f)
	if err != nil {
		return nil, err
	}
	out := make([]transport.Result, len(items))
	var wait []small
	bytes := 0
	flush := func() {
		if len(wait) > 0 {
			st.putSmall(ctx, f, id, items, wait, out)
		}
		wait, bytes = nil, 0
	}
	for i, it := range items {
		s, err := st.smallOf(ctx, it)
		switch {
		case err == nil:
			if s.at = i; len(wait) >= requestItems || bytes+len(s.data) > requestBytes {
				flush()
			}
			wait = append(wait, s)
			bytes += len(s.data)
		case errors.Is(err, errLarge):
			// Items stay in their order.
			flush()
			out[i].Receipt, out[i].Err = st.Put(ctx, f, it.Meta, it.Content)
		default:
			out[i].Err = fail("append", f, it.Meta.Key, err)
		}
	}
	flush()
	return out, nil
}

// smallOf encodes an item that is small; [errLarge] for any other. What is
// encoded is in memory, so that the work can be done twice.
func (st *Store) smallOf(ctx context.Context, it transport.Staged) (small, error) {
	c := it.Content
	if c.Form != transport.FormObject || c.Object == nil || st.o.ImportICS {
		return small{}, errLarge // Put says why
	}
	flags, _ := c.Object.Props.Int(mapi.PidTagMessageFlags)
	s := small{associated: flags&flagAssociated != 0, seen: it.Meta.Flags.Has(transport.Seen)}
	obj := st.adapt(c.Object, it.Meta, &s.losses)
	if sizeOf(obj) > transferPiece {
		return small{}, errLarge // nothing of it was read yet, as it may be there only once
	}
	var p piece
	err := fasttransfer.Encode(ctx, &p, obj, &fasttransfer.EncodeOptions{
		Storage: cfb.StorageBlob,
		Loss:    func(l mapi.Loss) { s.losses = append(s.losses, l) },
	})
	s.data = p.b
	return s, err
}

// sizeOf is how much a stream of a message takes at most, or more than a piece.
func sizeOf(m *mapi.Message) (n int64) {
	add := func(ps mapi.Properties) {
		for _, p := range ps {
			// A definition, a name, a length.
			n += p.Value.Size() + 12
			if p.Name != nil {
				n += 22 + 2*int64(len(p.Name.Name))
			}
			if p.Value.Type().Multi() {
				n += 6 * int64(len(p.Value.Elems()))
			}
		}
	}
	add(m.Props)
	for _, r := range m.Recipients {
		n += 20
		add(r.Props)
	}
	for _, a := range m.Attachments {
		if n += 20; a.Embedded != nil || a.Storage != nil {
			return transferPiece + 1
		}
		add(a.Props)
	}
	return n + 200
}

// putSmall writes messages with one request.
func (st *Store) putSmall(ctx context.Context, f transport.Folder, folder rop.ObjectID, items []transport.Staged, list []small, out []transport.Result) {
	type ops struct{ create, configure, put, save, mark int }
	err := st.run(ctx, "append", func(s *session) error {
		b := s.batch("append")
		steps := make([]ops, len(list))
		for i, m := range list {
			o := &steps[i]
			o.create = b.out(b.put(s.logon), &rop.CreateMessage{CodePage: rop.LogonCodePage, FolderID: folder, Associated: m.associated})
			at := b.index(o.create)
			o.configure = b.out(at, &rop.FastTransferDestinationConfigure{SourceOperation: rop.FromCopyTo})
			o.put = b.in(b.index(o.configure), &rop.FastTransferDestinationPutBuffer{Data: m.data})
			b.in(b.index(o.configure), &rop.Release{})
			o.save = b.two(at, at, &rop.SaveChangesMessage{SaveFlags: rop.KeepOpenReadWrite})
			o.mark = -1
			if !m.associated {
				o.mark = b.two(at, at, markRead(m.seen))
			}
			b.in(at, &rop.Release{})
		}
		if err := b.do(ctx); err != nil {
			var te *transport.Error
			if errors.As(err, &te) && te.Kind != transport.Auth && !contextLost(err) {
				te.Unsettled = true
			}
			return err
		}
		for i, m := range list {
			o, r := steps[i], &out[m.at]
			kind := normalItem
			if m.associated {
				kind = associatedItem
			}
			id := b.saved(o.save)
			r.Receipt = transport.Receipt{Ref: keyOf(id, kind), Route: "fasttransfer", Bytes: int64(len(m.data)), Losses: m.losses}
			for _, n := range []int{o.create, o.configure, o.put, o.save} {
				if err := b.err(n); err != nil && r.Err == nil {
					r.Err = rejected(err)
				}
			}
			if a, ok := b.result(o.put).(*rop.FastTransferDestinationPutBufferResult); r.Err == nil && (!ok || int(a.BufferUsedSize) != len(m.data)) {
				r.Err = errNotWhole
			}
			if r.Err != nil {
				r.Receipt = transport.Receipt{}
				st.undo(ctx, s, folder, id)
			} else if o.mark >= 0 {
				r.Err = notMarked(b.err(o.mark))
			}
			r.Err = fail("append", f, items[m.at].Meta.Key, r.Err)
		}
		return nil
	})
	if err != nil {
		for _, m := range list {
			out[m.at] = transport.Result{Err: fail("append", f, items[m.at].Meta.Key, err)}
		}
	}
}
