package graph

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/graph/wire"
	"github.com/mailconv/mailconv/transport/itemprops"
)

// Send sends a mail to whom its header names, and keeps a copy among the
// sent items. The bytes go as they are while they fit into a request; a larger
// mail is made a draft, its attachments are uploaded, and the draft is sent,
// which needs the converter of the environment. This is the only method that
// sends.
func (s *Store) Send(ctx context.Context, mail mapi.Blob) error {
	var body wire.Body
	body.Base64(mail)
	c := &call{op: "send", method: http.MethodPost, url: s.user("sendMail"), body: &body, typ: "text/plain", upload: true}
	if body.Size() <= mimeLimit {
		return s.json(ctx, c, nil)
	}
	if s.o.Env.Convert == nil {
		return &transport.Error{Kind: transport.TooLarge, Op: "send", Err: errors.New("the mail is larger than a request may be")}
	}
	object, err := s.o.Env.Convert.ToObject(ctx, &transport.Content{Form: transport.FormMIME, MIME: mail})
	if err != nil {
		return err
	}
	defer object.Close()
	own := *object.Object
	own.Props = own.Props.Clone()
	own.Props.Set(mapi.PidTagMessageFlags, mapi.Int32Value(itemprops.FlagUnsent|itemprops.FlagRead))
	p := &putter{s: s, kind: kindMail, folder: "drafts", m: &own}
	r, err := p.jsonMessage(ctx)
	if err != nil {
		return err
	}
	for _, l := range r.Losses {
		if l.Reason == mapi.LossUnreadable {
			err = errors.Join(err, errorf("%s: %s", l.Item, l.Detail))
		}
	}
	item := s.user("messages", string(r.Ref))
	if err != nil {
		return errors.Join(err, s.purge(ctx, c, item, true))
	}
	send := &call{op: "send", method: http.MethodPost, url: item + "/send"}
	if err := s.json(ctx, send, nil); err != nil {
		// Whether it went out is not known when the line broke; the draft stays
		// then, for the user to see.
		if slices.Contains([]transport.Kind{transport.Temporary, transport.Unavailable}, transport.KindOf(err)) {
			return err
		}
		return errors.Join(err, s.purge(ctx, c, item, true))
	}
	return nil
}
