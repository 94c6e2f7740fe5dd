package converters

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime"
	"github.com/mailconv/mailconv/mime/entity"
	"github.com/mailconv/mailconv/msg"
	"github.com/mailconv/mailconv/msg/cfb"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/filename"
)

// An Extractor writes attachments to files. Their names are made safe and
// differ from each other over its life.
type Extractor struct {
	// Dir is the folder to write to; it is made.
	Dir string
	// Force overwrites files that are there.
	Force bool

	names filename.Set
}

// maxNesting bounds messages within messages.
const maxNesting = 64

// Extract writes all attachments of an item, those of embedded messages
// included, and returns the files written. With an error the other
// attachments were still written.
func (x *Extractor) Extract(ctx context.Context, it *Item, cv *Converter) ([]string, error) {
	if err := os.MkdirAll(x.Dir, 0o777); err != nil {
		return nil, err
	}
	w := &extraction{x: x, ctx: ctx}
	if it.Form == transport.FormObject {
		w.message(it.Object, 0)
		return w.files, errors.Join(w.errs...)
	}
	r, size, release, err := cv.ReaderAt(ctx, it.MIME)
	if err != nil {
		return nil, err
	}
	defer release()
	e, err := entity.Parse(r, size, nil)
	if err != nil {
		return nil, err
	}
	w.parts(e)
	return w.files, errors.Join(w.errs...)
}

type extraction struct {
	x     *Extractor
	ctx   context.Context
	files []string
	errs  []error
}

func (w *extraction) message(m *mapi.Message, depth int) {
	if depth > maxNesting {
		w.errs = append(w.errs, fmt.Errorf("messages are nested more than %d deep", maxNesting))
		return
	}
	for _, a := range m.Attachments {
		name := mime.AttachmentName(a)
		switch {
		case a.Embedded != nil:
			w.write(name, ".msg", func(f io.Writer) error { return msg.Write(w.ctx, f, a.Embedded, nil) })
			w.message(a.Embedded, depth+1)
		case a.Storage != nil:
			w.write(name, ".ole", func(f io.Writer) error { return cfb.Write(w.ctx, f, a.Storage, nil) })
		case a.Data() != nil:
			w.write(name, "", func(f io.Writer) error { return copyBlob(w.ctx, f, a.Data()) })
		}
	}
}

// parts writes what a mail program lists as attachments: parts that have a
// name, say that they are attachments, or are neither text nor a container.
func (w *extraction) parts(root *entity.Entity) {
	root.Walk(func(p *entity.Entity) bool {
		switch {
		case p.IsMessage():
			if p != root {
				w.write(firstOf(p.Filename(), "message"), ".eml", func(f io.Writer) error { return copyBlob(w.ctx, f, p.Content()) })
			}
		case len(p.Parts) > 0:
		case p.Filename() != "" || p.Disposition == "attachment" || !p.IsText():
			w.write(firstOf(p.Filename(), "attachment"), mime.Extension(p.MediaType), func(f io.Writer) error { return copyBlob(w.ctx, f, p.Content()) })
		}
		return true
	})
}

// write writes one attachment. ext is added to names that have none, and to
// those of messages that have another.
func (w *extraction) write(name, ext string, content func(io.Writer) error) {
	name = filename.Clean(name, "attachment")
	if has := filepath.Ext(name); has == "" || has != ext && (ext == ".msg" || ext == ".eml") {
		name += ext
	}
	path := filepath.Join(w.x.Dir, w.x.names.Unique(name))
	if !w.x.Force {
		if _, err := os.Lstat(path); err == nil {
			w.errs = append(w.errs, fmt.Errorf("%s is there already; --force overwrites it", path))
			return
		}
	}
	if err := WriteFile(path, content); err != nil {
		w.errs = append(w.errs, fmt.Errorf("%s: %w", filepath.Base(path), err))
		return
	}
	w.files = append(w.files, path)
}
