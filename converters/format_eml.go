package converters

import (
	"bytes"
	"context"
	"io"
	"iter"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
)

var emlFormat = &Format{
	Name: "eml", Ext: ".eml", Summary: "internet mail (RFC 5322)",
	sniff: sniffMail,
	read:  readEML,
	write: writeEML,
}

// sniffMail accepts what has a header line near its beginning. Mail is text
// without a signature, so this comes after all formats that have one; a file
// that is called .eml is taken at its word, unless a disk left it as zeros.
func sniffMail(head []byte, name string) bool {
	if hasExt(name, ".eml") && len(bytes.Trim(head, "\x00")) > 0 {
		return true
	}
	if bytes.IndexByte(head, 0) >= 0 {
		return false
	}
	for range 4 {
		line, rest, _ := bytes.Cut(head, []byte("\n"))
		if field, _, ok := bytes.Cut(line, []byte(":")); ok && isFieldName(field) {
			return true
		}
		head = rest
	}
	return false
}

func isFieldName(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c >= 0x7F {
			return false
		}
	}
	return len(b) > 0
}

func readEML(_ context.Context, in *Input, _ *Converter) iter.Seq2[*Item, error] {
	return one(func() (*Item, error) {
		return &Item{Content: &transport.Content{Form: transport.FormMIME, MIME: mapi.Section{R: in.R, N: in.Size}}}, nil
	})
}

func writeEML(ctx context.Context, w io.Writer, it *Item, cv *Converter) error {
	if it.Form == transport.FormObject {
		return cv.export(ctx, w, it.Content, it.Content)
	}
	return withMIME(ctx, it, cv, func(b mapi.Blob) error { return copyBlob(ctx, w, b) })
}

// withMIME hands the item over as MIME bytes: its own when it has them.
func withMIME(ctx context.Context, it *Item, cv *Converter, do func(mapi.Blob) error) error {
	if it.Form == transport.FormMIME && cv.UnwrapTNEF {
		o, err := cv.ToObject(ctx, it.Content)
		if err != nil {
			return err
		}
		defer o.Close()
		it = &Item{Content: o, Meta: it.Meta}
	}
	c, err := cv.To(ctx, it.Content, transport.FormMIME)
	if err != nil {
		return err
	}
	defer c.Close()
	it.Problems, it.Losses = c.Problems, c.Losses
	return do(c.MIME)
}

func copyBlob(ctx context.Context, w io.Writer, b mapi.Blob) error {
	r, err := b.Open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(w, r)
	return err
}
