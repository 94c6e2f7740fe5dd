package converters

import (
	"context"
	"io"
	"iter"

	"github.com/mailconv/mailconv/msg"
	"github.com/mailconv/mailconv/transport"
)

// signatureCFB begins every compound file. [MS-CFB] 2.2
const signatureCFB = "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"

const (
	formatMSG = "msg"
	formatOFT = "oft"
)

var msgFormat = &Format{
	Name: formatMSG, Ext: ".msg", Summary: "Outlook message [MS-OXMSG]",
	sniff: func(head []byte, name string) bool { return hasPrefix(head, signatureCFB) && !hasExt(name, ".oft") },
	read:  readMSG,
	write: func(ctx context.Context, w io.Writer, it *Item, cv *Converter) error {
		return writeMSG(ctx, w, it, cv, false)
	},
}

var oftFormat = &Format{
	Name: formatOFT, Ext: ".oft", Summary: "Outlook template",
	sniff: func(head []byte, _ string) bool { return hasPrefix(head, signatureCFB) },
	read:  readMSG,
	write: func(ctx context.Context, w io.Writer, it *Item, cv *Converter) error {
		return writeMSG(ctx, w, it, cv, true)
	},
}

func readMSG(_ context.Context, in *Input, cv *Converter) iter.Seq2[*Item, error] {
	return one(func() (*Item, error) {
		f, err := msg.NewReader(in.R, in.Size, &msg.Options{CodePage: cv.CodePage})
		if err != nil {
			return nil, err
		}
		if f.CLSID == msg.CLSIDTemplate && f.Message.Encoded != nil {
			f.Message.Encoded.Format = formatOFT
		}
		return &Item{Content: &transport.Content{
			Form: transport.FormObject, Object: f.Message, Problems: f.Problems, OnClose: f.Close,
		}}, nil
	})
}

func writeMSG(ctx context.Context, w io.Writer, it *Item, cv *Converter, template bool) error {
	return withObject(ctx, it, cv, func(c *transport.Content) error {
		clsid, name := msg.CLSIDMessage, formatMSG
		if template {
			clsid, name = msg.CLSIDTemplate, formatOFT
		}
		if e := c.Object.Encoded; e != nil && e.Format == name && len(c.Problems) == 0 {
			return copyBlob(ctx, w, e.Blob)
		}
		return msg.Write(ctx, w, c.Object, &msg.WriteOptions{CLSID: clsid})
	})
}

// withObject hands the item over as an object, and takes the problems and
// losses of the way back into it.
func withObject(ctx context.Context, it *Item, cv *Converter, do func(*transport.Content) error) error {
	c, err := cv.To(ctx, it.Content, transport.FormObject)
	if err != nil {
		return err
	}
	defer c.Close()
	it.Problems, it.Losses = c.Problems, c.Losses
	return do(c)
}
