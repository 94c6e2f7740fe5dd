package converters

import (
	"context"
	"encoding/binary"
	"io"
	"iter"

	"github.com/mailconv/mailconv/mapi/tnef"
	"github.com/mailconv/mailconv/msg/cfb"
	"github.com/mailconv/mailconv/transport"
)

var tnefFormat = &Format{
	Name: "tnef", Ext: ".tnef", Summary: "winmail.dat [MS-OXTNEF]",
	sniff: func(head []byte, _ string) bool {
		return len(head) >= 4 && binary.LittleEndian.Uint32(head) == 0x223E9F78
	},
	read: func(ctx context.Context, in *Input, cv *Converter) iter.Seq2[*Item, error] {
		return one(func() (*Item, error) {
			m, problems, err := tnef.Decode(ctx, in.R, in.Size, &tnef.Options{CodePage: cv.CodePage, Storage: cfb.ReadStorage})
			if err != nil {
				return nil, err
			}
			return &Item{Content: &transport.Content{Form: transport.FormObject, Object: m, Problems: problems}}, nil
		})
	},
	write: func(ctx context.Context, w io.Writer, it *Item, cv *Converter) error {
		return withObject(ctx, it, cv, func(c *transport.Content) error {
			return tnef.Encode(ctx, w, c.Object, &tnef.EncodeOptions{Storage: cfb.StorageBlob, Loss: it.lose})
		})
	},
}
