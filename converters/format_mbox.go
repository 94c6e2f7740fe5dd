package converters

import (
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"path/filepath"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/mbox"
)

var mboxFormat = &Format{
	Name: "mbox", flags: true, Ext: ".mbox", Summary: "a file of many mails (RFC 4155)", Many: true,
	sniff: func(head []byte, name string) bool { return hasPrefix(head, "From ") && !hasExt(name, ".eml") },
	read:  readMbox,
	write: writeMbox,
}

func readMbox(ctx context.Context, in *Input, _ *Converter) iter.Seq2[*Item, error] {
	return func(yield func(*Item, error) bool) {
		for e, err := range mbox.Scan(ctx, in.R, in.Size, mbox.Auto) {
			if err != nil {
				yield(nil, err)
				return
			}
			it := &Item{Content: &transport.Content{Form: transport.FormMIME}, Meta: e.Meta}
			if it.MIME, it.Err = e.Blob(ctx, in.R); !yield(it, nil) {
				return
			}
		}
	}
}

// writeMbox writes a file with one mail. The store knows how; it wants a file
// that it can seek in.
func writeMbox(ctx context.Context, w io.Writer, it *Item, cv *Converter) error {
	return withMIME(ctx, it, cv, func(b mapi.Blob) error {
		dir, err := os.MkdirTemp("", "mailconv-mbox-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		name := filepath.Join(dir, "mail.mbox")
		if err := putMbox(ctx, name, it.Meta, b); err != nil {
			return err
		}
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(w, f)
		return err
	})
}

func putMbox(ctx context.Context, name string, m transport.Meta, b mapi.Blob) (err error) {
	s, err := mbox.Open(name, &mbox.Options{NoSync: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	f, err := s.Ensure(ctx, transport.Folder{})
	if err != nil {
		return err
	}
	_, err = s.Put(ctx, f, m, &transport.Content{Form: transport.FormMIME, MIME: b})
	return err
}
