package converters

import (
	"context"
	"io"
	"iter"

	"github.com/mailconv/mailconv/mime/contact"
	"github.com/mailconv/mailconv/transport"
)

// vcfFormat holds contacts and distribution lists.
var vcfFormat = &Format{
	Name: "vcf", Ext: ".vcf", Summary: "vCard (RFC 6350, 2426)", Many: true,
	sniff: func(head []byte, _ string) bool { return beginsWith(head, "BEGIN:VCARD") },
	read: func(ctx context.Context, in *Input, _ *Converter) iter.Seq2[*Item, error] {
		return func(yield func(*Item, error) bool) {
			for card, err := range contact.Import(ctx, in.R, in.Size) {
				if err != nil {
					yield(nil, err)
					return
				}
				it := objectItem(card.Message)
				it.Problems, it.Losses = card.Problems, card.Losses
				if !yield(it, nil) {
					return
				}
			}
		}
	},
	write: func(ctx context.Context, w io.Writer, it *Item, cv *Converter) error {
		return withObject(ctx, it, cv, func(c *transport.Content) error {
			if !contact.Is(c.Object) {
				return &NoFormError{"vCard", c.Object.Class()}
			}
			rep, err := contact.Export(ctx, w, c.Object, nil)
			it.Problems = append(it.Problems, rep.Problems...)
			it.Losses = append(it.Losses, rep.Losses...)
			return err
		})
	},
}
