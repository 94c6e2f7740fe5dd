package ews

import (
	"context"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/ews/soap"
)

// Send sends a mail to the recipients of its header, Bcc among them, and keeps a
// copy in Sent Items. It is the only thing here that sends.
func (st *Store) Send(ctx context.Context, mail mapi.Blob) error {
	r := request{
		op: "send", name: "CreateItem", attrs: []string{"MessageDisposition", "SendAndSaveCopy"},
		body: func(w *soap.Writer) {
			w.Start("m:SavedItemFolderId")
			st.writeDistinguished(w, "sentitems")
			w.End().Start("m:Items").Start("t:Message")
			w.Start("t:MimeContent", "CharacterSet", "UTF-8").Base64(mail).End()
			w.End().End()
		},
	}
	err := st.svc.do(ctx, r, reply{})
	if k := transport.KindOf(err); err != nil && (k == transport.Temporary || k == transport.Throttled) && !isAnswer(err) {
		// Sent or not: it cannot be told, and nobody wants it twice.
		return &transport.Error{Kind: transport.Permanent, Op: "send", Err: err, Remedy: "look into Sent Items before it is sent again"}
	}
	return err
}

// isAnswer reports whether an error is what the server said.
func isAnswer(err error) bool {
	_, ok := codeOf(err)
	return ok
}
