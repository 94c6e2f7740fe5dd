package converters

import (
	"context"
	"io"
	"iter"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/fasttransfer"
	"github.com/mailconv/mailconv/msg/cfb"
	"github.com/mailconv/mailconv/transport"
)

// ftsFormat is what ExportItems of Exchange gives. The form has no signature,
// so that its name decides.
var ftsFormat = &Format{
	Name: "fts", Ext: ".fts", Summary: "FastTransfer item of ExportItems [MS-OXCFXICS]",
	sniff: func(_ []byte, name string) bool { return hasExt(name, ".fts") },
	read: func(ctx context.Context, in *Input, _ *Converter) iter.Seq2[*Item, error] {
		return one(func() (*Item, error) {
			m, problems, err := fasttransfer.Decode(ctx, in.R, in.Size, &fasttransfer.Options{Storage: cfb.ReadStorage})
			if err != nil {
				return nil, err
			}
			return &Item{Content: &transport.Content{Form: transport.FormObject, Object: m, Problems: problems}}, nil
		})
	},
	write: func(ctx context.Context, w io.Writer, it *Item, cv *Converter) error {
		return withObject(ctx, it, cv, func(c *transport.Content) error {
			return fasttransfer.EncodeItem(ctx, w, c.Object, &fasttransfer.EncodeOptions{Storage: cfb.StorageBlob, Loss: it.lose})
		})
	},
}

// lose records what the target form cannot carry.
func (it *Item) lose(l mapi.Loss) { it.Losses = append(it.Losses, l) }
