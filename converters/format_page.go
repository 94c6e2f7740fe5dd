package converters

import (
	"context"
	"io"

	"github.com/mailconv/mailconv/converters/page"
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime/entity"
)

// mhtFormat is a web page with its images as one mail. Read as mail, it is one.
var mhtFormat = &Format{
	Name: "mht", Ext: ".mht", Summary: "web archive (RFC 2557)",
	sniff: func(head []byte, name string) bool {
		return (hasExt(name, ".mht") || hasExt(name, ".mhtml")) && sniffMail(head, name)
	},
	read: readEML,
	write: func(ctx context.Context, w io.Writer, it *Item, cv *Converter) error {
		return withPage(ctx, it, cv, func(p *page.Page, e *entity.Entity) error { return p.WriteMHT(ctx, w, e) })
	},
}

var htmlFormat = &Format{
	Name: "html", Ext: ".html", Summary: "a page to read",
	sniff: func([]byte, string) bool { return false },
	write: func(ctx context.Context, w io.Writer, it *Item, cv *Converter) error {
		return withPage(ctx, it, cv, func(p *page.Page, _ *entity.Entity) error { return p.WriteHTML(ctx, w) })
	},
}

func withPage(ctx context.Context, it *Item, cv *Converter, do func(*page.Page, *entity.Entity) error) error {
	return withMIME(ctx, it, cv, func(b mapi.Blob) error {
		r, size, release, err := cv.ReaderAt(ctx, b)
		if err != nil {
			return err
		}
		defer release()
		e, err := entity.Parse(r, size, nil)
		if err != nil {
			return err
		}
		return do(page.New(e), e)
	})
}
