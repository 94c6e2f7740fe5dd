package mime

import (
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/tnef"
)

// paramAttachment is a parameter of Content-Disposition in a mail that carries
// all properties in a TNEF part: which attachment of the message the part is,
// counted from 1. The TNEF part has its properties and leaves its content out.
// On the TNEF part itself it is 0, which says that the part is the message
// whole, with nothing to be merged from the header around it.
const paramAttachment = "x-mapi-attachment"

// wholeMessage is the number of the TNEF part.
const wholeMessage = -1

// withTNEF adds the whole message as application/ms-tnef, which says what MIME
// cannot. The content of attachments by value is not repeated there: it stands
// in their own parts, which [paramAttachment] ties to the TNEF part.
// [MS-OXCMAIL] 2.1.3.5
func (x *exporter) withTNEF(root *part) *part {
	if root.raw != nil || isSMIME(strings.ToUpper(x.m.Class())) {
		// What is signed or encrypted stays as it is; there is no place beside it.
		x.loss("winmail.dat", mapi.LossNoContainer, "an S/MIME message has no room for a TNEF part")
		return root
	}
	inParts := make(map[int]bool)
	root.walk(func(p *part) {
		if p.number > 0 && p.blob != nil && x.m.Attachments[p.number-1].Data() != nil {
			inParts[p.number] = true
		} else {
			p.number = 0
		}
	})
	p := &part{typ: "application/ms-tnef", name: "winmail.dat", disposition: "attachment", number: wholeMessage, where: "winmail.dat"}
	p.write = func(o *output) (readErr, err error) {
		b := &base64Writer{o: o}
		readErr = tnef.Encode(x.ctx, b, x.m, &tnef.EncodeOptions{
			Skip:    func(i int, a *mapi.Attachment) bool { return inParts[i+1] },
			Storage: x.opt.Storage,
			Loss:    func(l mapi.Loss) { x.loss(l.Item, l.Reason, l.Detail) },
		})
		b.close()
		if o.err != nil {
			return nil, o.err
		}
		return readErr, x.ctx.Err()
	}
	if root.typ == "multipart/mixed" {
		root.kids = append(root.kids, p)
		return root
	}
	return multipart("mixed", root, p)
}

func (p *part) walk(f func(*part)) {
	f(p)
	for _, k := range p.kids {
		k.walk(f)
	}
}
