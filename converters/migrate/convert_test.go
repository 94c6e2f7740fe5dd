package migrate_test

import (
	"context"
	"errors"
	"iter"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
)

type (
	ctxt       = context.Context
	seqMeta    = iter.Seq2[transport.Meta, error]
	seqFolder  = iter.Seq2[transport.Folder, error]
	seqFetched = iter.Seq2[transport.Fetched, error]
)

// toMIME is a converter that makes a mail of the subject alone.
type toMIME struct{}

func (toMIME) ToObject(context.Context, *transport.Content) (*transport.Content, error) {
	return nil, errors.New("not here")
}

func (toMIME) ToMIME(_ context.Context, c *transport.Content) (*transport.Content, error) {
	return &transport.Content{Form: transport.FormMIME, MIME: mapi.Bytes("Subject: " + c.Object.Props.Text(mapi.PidTagSubject) + "\r\n\r\n")}, nil
}
