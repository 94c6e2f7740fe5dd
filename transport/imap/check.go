package imap

import (
	"bytes"
	"context"
	"io"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/imap/wire"
)

// Servers take some mails and dates and change them without a word: bare CR and
// LF become CRLF, NUL becomes another byte, a date beyond 2038 becomes today's.
// Such items ([lineend.Check]) are looked at again after they were put, and what
// changed is a loss.

// recheck looks again at uploads that arrived.
func (b *batch) recheck(list []*upload) error {
	var uids []uint32
	at := map[uint32]*upload{}
	for _, u := range list {
		date := u.item.Meta.Received
		dated := u.date != "" && (date.Unix() < 0 || date.Unix() > 1<<31-1)
		if !u.doubt && !dated {
			continue
		}
		_, uid, ok := parseKey(b.results[u.at].Receipt.Ref)
		if !ok {
			b.lose(u, "body", "it holds bare line ends or NUL, or its date is far away, which servers change; this one does not tell where it put the mail, so that was not looked at")
			continue
		}
		uids = append(uids, uid)
		at[uid] = u
	}
	if len(uids) == 0 {
		return nil
	}
	if err := b.c.open(b.ctx, "append", b.folder, b.raw, false, true); err != nil {
		return err
	}
	var bodies []uint32
	seen := map[uint32]bool{}
	_, err := b.c.do(b.ctx, "append", b.folder, cmd("UID FETCH ").Set(uids).Raw(" (UID INTERNALDATE RFC822.SIZE)"), func(r *wire.Response) error {
		if r.Name != "FETCH" {
			return nil
		}
		e, err := b.c.readMeta(b.ctx, r)
		u := at[e.uid]
		if err != nil || u == nil || seen[e.uid] {
			return err
		}
		seen[e.uid] = true
		if d := e.meta.Received.Sub(u.item.Meta.Received).Abs(); u.date != "" && d >= 1e9 {
			b.lose(u, "received date", "the server made it "+e.meta.Received.String())
		}
		switch {
		case !u.doubt:
		case e.meta.Size != u.item.Content.MIME.Size():
			b.lose(u, "body", "the server changed bare line ends or NUL")
		case u.item.Content.OneShot:
			b.lose(u, "body", "it holds bare line ends or NUL, which servers change; whether this one did cannot be told, as the body could be read only once")
		default:
			bodies = append(bodies, e.uid)
		}
		return nil
	})
	if err != nil || len(bodies) == 0 {
		return err
	}
	_, err = b.c.do(b.ctx, "append", b.folder, cmd("UID FETCH ").Set(bodies).Raw(" (UID BODY.PEEK[])"), func(r *wire.Response) error {
		if r.Name != "FETCH" {
			return nil
		}
		return b.compare(at)
	})
	return err
}

// compare reads a body back.
func (b *batch) compare(at map[uint32]*upload) error {
	var u *upload
	for {
		a, ok, err := b.c.Attr(b.ctx)
		if err != nil || !ok {
			return err
		}
		switch {
		case a.Name == "UID":
			n, _ := a.Value.Number()
			u = at[uint32(n)]
		case a.Literal != nil && u != nil:
			same, err := equal(b.ctx, u.item.Content.MIME, a.Literal)
			if err != nil {
				return err
			}
			if !same {
				b.lose(u, "body", "the server changed bare line ends or NUL")
			}
		}
	}
}

func equal(ctx context.Context, blob mapi.Blob, got io.Reader) (bool, error) {
	r, err := blob.Open(ctx)
	if err != nil {
		return false, err
	}
	defer r.Close()
	x, y := make([]byte, 16<<10), make([]byte, 16<<10)
	for {
		n, err := io.ReadFull(got, y)
		if n > 0 {
			if _, err := io.ReadFull(r, x[:n]); err != nil || !bytes.Equal(x[:n], y[:n]) {
				return false, nil
			}
		}
		switch err {
		case nil:
		case io.EOF, io.ErrUnexpectedEOF:
			return true, nil // sizes are equal
		default:
			return false, err
		}
	}
}

func (b *batch) lose(u *upload, item, detail string) {
	r := &b.results[u.at].Receipt
	r.Losses = append(r.Losses, mapi.Loss{Item: item, Reason: mapi.LossReencoded, Detail: detail})
}

// checked is run, and then a look at what is in doubt. A failure of that look
// is a loss, not a failure of the put.
func (b *batch) checked() error {
	all := b.live
	if err := b.run(); err != nil {
		return err
	}
	var list []*upload
	for _, u := range all {
		if b.results[u.at].Err == nil {
			list = append(list, u)
		}
	}
	if err := b.recheck(list); err != nil {
		if transport.Canceled(err) {
			return nil
		}
		for _, u := range list {
			if u.doubt {
				b.lose(u, "body", "it holds bare line ends or NUL, which servers change; looking at it failed: "+cause(err).Error())
			}
		}
	}
	return nil
}
