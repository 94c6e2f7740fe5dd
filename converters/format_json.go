package converters

import (
	"bytes"
	"context"
	"io"
	"iter"

	"github.com/mailconv/mailconv/mapi/mapijson"
	"github.com/mailconv/mailconv/transport"
)

var jsonFormat = &Format{
	Name: "json", Ext: ".json", Summary: "every property as JSON",
	sniff: func(head []byte, _ string) bool {
		head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\uFEFF")), " \t\r\n")
		return hasPrefix(head, "{") && bytes.Contains(head, []byte(`"mailconv.message"`))
	},
	read: func(ctx context.Context, in *Input, _ *Converter) iter.Seq2[*Item, error] {
		return one(func() (*Item, error) {
			m, problems, err := mapijson.Decode(ctx, in.R, in.Size)
			if err != nil {
				return nil, err
			}
			return &Item{Content: &transport.Content{Form: transport.FormObject, Object: m, Problems: problems}}, nil
		})
	},
	write: func(ctx context.Context, w io.Writer, it *Item, cv *Converter) error {
		return withObject(ctx, it, cv, func(c *transport.Content) error { return mapijson.Encode(ctx, w, c.Object) })
	},
}
