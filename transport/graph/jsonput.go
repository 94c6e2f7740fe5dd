package graph

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/graph/wire"
)

// jsonMessage creates a message with its properties, then adds the attachments
// that did not fit. A message that is not complete is marked as such, so that a
// run which was killed meanwhile is not taken for done.
func (p *putter) jsonMessage(ctx context.Context) (transport.Receipt, error) {
	x := &composer{ctx: ctx, s: p.s, m: p.m, out: &wire.Message{}, contents: &wire.Contents{}, room: requestLimit}
	defer x.release()
	if err := x.message(); err != nil {
		return transport.Receipt{}, p.unread(err)
	}
	r := transport.Receipt{Route: string(RouteJSON), Losses: x.losses}
	where := p.s.user("mailFolders", p.folder, "messages")
	id, n, err := p.create(ctx, x, where, func(id string) string { return p.s.user("messages", id) })
	r.Ref, r.Bytes = transport.Key(id), n
	return r, err
}

// create posts the resource of the composer, and what comes later.
func (p *putter) create(ctx context.Context, x *composer, where string, item func(string) string) (id string, bytes int64, err error) {
	marked := len(x.later) > 0 && p.meta.Token != ""
	if marked {
		if err := p.sweep(ctx, where, item); err != nil {
			return "", 0, err
		}
		x.mark(partial + p.meta.Token)
	}
	if x.doc == nil {
		x.doc = x.out
	}
	body, err := wire.JSON(x.doc, x.contents)
	if err != nil {
		return "", 0, p.unread(err)
	}
	bytes = body.Size()
	c := p.call()
	c.url, c.method, c.body, c.upload = where, http.MethodPost, body, true
	var made wire.Item
	if err := p.s.json(ctx, c, &made); err != nil {
		return "", 0, err
	}
	if made.ID == "" {
		return "", 0, c.broken(errors.New("the service does not say which item it made"))
	}
	if len(x.later) == 0 {
		return made.ID, bytes, nil
	}
	for _, u := range x.later {
		if err = p.s.attach(ctx, p.call(), item(made.ID), u); err != nil {
			break
		}
		bytes += u.data.Size()
	}
	if err == nil && marked {
		c := p.call()
		c.method, c.url = http.MethodPatch, item(made.ID)
		err = p.s.post(ctx, c, map[string]any{"singleValueExtendedProperties": []wire.Property{{ID: extToken, Value: p.meta.Token}}}, nil, nil)
	}
	if err == nil {
		return made.ID, bytes, nil
	}
	// Half an item is none. When this fails too, its mark tells.
	if derr := p.s.purge(context.WithoutCancel(ctx), p.call(), item(made.ID), true); derr != nil {
		p.s.warn("an item that is not complete is left in the mailbox", "folder", p.f.String(), "why", derr.Error())
	}
	return "", 0, err
}

// mark sets the token of the item.
func (x *composer) mark(value string) {
	for i := range x.out.Properties {
		if strings.EqualFold(x.out.Properties[i].ID, extToken) {
			x.out.Properties[i].Value = value
			return
		}
	}
	x.out.Properties = append(x.out.Properties, wire.Property{ID: extToken, Value: value})
}

// sweep deletes what a run that was killed left of the same put.
func (p *putter) sweep(ctx context.Context, where string, item func(string) string) error {
	c := p.call()
	value := strings.ReplaceAll(partial+p.meta.Token, "'", "''")
	c.url = query(where, "$select", "id", "$expand", expand(extToken), "$filter", "singleValueExtendedProperties/Any(ep: ep/id eq '"+extToken+"' and ep/value eq '"+value+"')")
	var list struct {
		Value []wire.Item `json:"value"`
	}
	if err := p.s.json(ctx, c, &list); err != nil {
		return err
	}
	for _, it := range list.Value {
		if err := p.s.purge(ctx, p.call(), item(it.ID), true); err != nil {
			return err
		}
	}
	return nil
}

// mime creates a draft of the bytes of a mail.
func (p *putter) mime(ctx context.Context, blob mapi.Blob) (transport.Receipt, error) {
	if p.kind != kindMail {
		return transport.Receipt{}, p.fail(transport.Rejected, "mails go into mail folders")
	}
	var body wire.Body
	body.Base64(blob)
	if body.Size() > mimeLimit {
		return transport.Receipt{}, &transport.Error{
			Kind: transport.TooLarge, Op: "put", Folder: p.f.String(), Err: errorf("the service takes a mail of 4 MB, this one has %d bytes in base64", body.Size()),
			Remedy: "take route=auto",
		}
	}
	c := p.call()
	c.url, c.method, c.body, c.typ, c.upload = p.s.user("mailFolders", p.folder, "messages"), http.MethodPost, &body, "text/plain", true
	var made wire.Item
	if err := p.s.json(ctx, c, &made); err != nil {
		return transport.Receipt{}, err
	}
	r := transport.Receipt{Ref: transport.Key(made.ID), Route: string(RouteMIME), Bytes: body.Size()}
	r.Losses = append(r.Losses, mapi.Loss{Item: "PidTagMessageFlags", Reason: mapi.LossApproximated, Detail: "a mail that is created of MIME is a draft"})
	if made.ID == "" {
		// Field case T61: 200 and nothing made.
		return r, c.broken(errors.New("the service says that it is done and names no item"))
	}
	if err := p.arrivedWhole(ctx, r.Ref, blob.Size()); err != nil {
		return transport.Receipt{}, err
	}
	if !p.meta.Received.IsZero() {
		r.Losses = append(r.Losses, mapi.Loss{Item: "PidTagMessageDeliveryTime", Reason: mapi.LossNoProperty, Detail: "drafts have no date of arrival"})
	}
	errs := p.s.SetFlags(ctx, p.f, []transport.FlagChange{{Ref: r.Ref, Flags: p.meta.Flags &^ transport.Draft, Keywords: p.meta.Keywords}})
	return r, errs[0]
}

// suspect is the size from which on a mail is read back: the service has
// answered large ones with success and kept nothing of their content.
const suspect = 1 << 20

// arrivedWhole reads back what a large mail became. Field case T61.
func (p *putter) arrivedWhole(ctx context.Context, key transport.Key, size int64) error {
	if size < suspect {
		return nil
	}
	c := p.call()
	c.key, c.url, c.header = key, p.s.user("messages", string(key), "$value"), http.Header{"Accept": {"*/*"}}
	resp, err := p.s.do(ctx, c)
	if err != nil {
		return err
	}
	n, err := io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	// The service writes the mail anew, in another encoding maybe.
	if err != nil || n >= size/4 {
		return c.broken(err)
	}
	err = &transport.Error{
		Kind: transport.TooLarge, Op: "put", Folder: p.f.String(), Err: errorf("the service took a mail of %d bytes and kept %d", size, n), Remedy: "take route=auto",
	}
	if derr := p.s.purge(ctx, p.call(), p.s.user("messages", string(key)), true); derr != nil {
		return errors.Join(err, derr)
	}
	return err
}

// mimeLimit is the largest request with the bytes of a mail.
const mimeLimit = 4 << 20
