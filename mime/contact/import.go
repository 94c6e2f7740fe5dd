package contact

import (
	"context"
	"io"
	"iter"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime/vcard"
)

// An Item is one card as a message.
type Item struct {
	// Message is a contact (IPM.Contact) or, for a card of the kind group, a
	// distribution list (IPM.DistList). Its content points into the source.
	Message *mapi.Message
	// Problems is what was wrong in the card, and, at the last card, behind
	// it.
	Problems mapi.Problems
	// Losses is what neither a property nor a kept line holds.
	Losses []mapi.Loss
	// Offset and End are the position of the card in the file.
	Offset, End int64
}

// Import reads a .vcf file. Each card is one item, in the order of the file;
// one card is held at a time. An error ends the sequence: a
// [*mapi.FormatError] when there is no card in the file, else one of the
// source. The source must stay open as long as a message is in use.
func Import(ctx context.Context, r io.ReaderAt, size int64) iter.Seq2[*Item, error] {
	return func(yield func(*Item, error) bool) {
		cards, err := vcard.NewReader(r, size)
		if err != nil {
			yield(nil, err)
			return
		}
		var last *Item
		for {
			if err := ctx.Err(); err != nil {
				yield(nil, err)
				return
			}
			c, err := cards.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				if last == nil || yield(last, nil) {
					yield(nil, err)
				}
				return
			}
			if last != nil && !yield(last, nil) {
				return
			}
			last = FromCard(ctx, c)
		}
		if last != nil {
			for _, p := range cards.Problems() {
				last.Problems.Add(p)
			}
			yield(last, nil)
		}
	}
}

// FromCard makes a message of one card.
func FromCard(ctx context.Context, c *vcard.Card) *Item {
	it := &Item{Problems: c.Problems, Offset: c.Offset, End: c.End}
	r := &cardReader{ctx: ctx, card: c, used: map[int]bool{}}
	switch isGroup(c) {
	case true:
		r.props.Set(mapi.PidTagMessageClass, mapi.StringValue(classDistList))
		r.props.Set(mapi.PidTagIconIndex, mapi.Int32Value(0x202))
		r.group()
	default:
		r.props.Set(mapi.PidTagMessageClass, mapi.StringValue(classContact))
		r.props.Set(mapi.PidTagIconIndex, mapi.Int32Value(0x200))
		r.contact()
	}
	r.keep(&mapi.Message{Props: r.props, Attachments: r.atts})
	if len(r.atts) > 0 {
		r.props.Set(mapi.PidTagHasAttachments, mapi.BoolValue(true))
	}
	it.Message = &mapi.Message{Props: r.props, Attachments: r.atts}
	return it
}
