package migrate

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/filename"
)

// quarantine keeps the raw bytes of an item that failed, and the reason beside
// them, in files named by the row. T56
func (r *run) quarantine(ctx context.Context, j *job, it *ledger.Item, c *transport.Content) error {
	if r.o.Quarantine == "" {
		return nil
	}
	if err := os.MkdirAll(r.o.Quarantine, 0o700); err != nil {
		return fmt.Errorf("quarantine: %w", err)
	}
	stem := filepath.Join(r.o.Quarantine, fmt.Sprintf("%06d", it.ID))
	var b strings.Builder
	fmt.Fprintf(&b, "folder: %s\nkey: %s\nsubject: %s\nreason: %s\ndetail: %s\n", j.f.String(), it.Meta.Key, it.Meta.Subject, it.Reason, it.Detail)
	body, ext := r.raw(c)
	if body == nil {
		b.WriteString("content: none was read\n")
	} else if err := r.save(ctx, stem+ext, body); err != nil {
		if transport.Canceled(err) {
			return err
		}
		// One broken body more does not end the run.
		fmt.Fprintf(&b, "content: incomplete: %s\n", clean(err.Error(), 500))
	}
	if err := os.WriteFile(stem+".txt", []byte(b.String()), 0o600); err != nil {
		return fmt.Errorf("quarantine: %w", err)
	}
	return nil
}

// raw is what can be kept of an item, and the extension of such a file.
func (r *run) raw(c *transport.Content) (mapi.Blob, string) {
	switch {
	case c == nil:
	case c.MIME != nil:
		return c.MIME, ".eml"
	case c.Object != nil && c.Object.Encoded != nil:
		return c.Object.Encoded.Blob, "." + filename.Clean(c.Object.Encoded.Format, "bin")
	case c.Object != nil && r.o.Encode != nil:
		return encoded{r.o.Encode, c.Object}, ".msg"
	}
	return nil, ""
}

// encoded is an object as the file that Options.Encode makes of it.
type encoded struct {
	encode func(context.Context, io.Writer, *mapi.Message) error
	m      *mapi.Message
}

func (e encoded) Size() int64 { return -1 }

func (e encoded) Open(ctx context.Context) (io.ReadCloser, error) {
	r, w := io.Pipe()
	go func() { w.CloseWithError(e.encode(ctx, w, e.m)) }()
	return r, nil
}

func (r *run) save(ctx context.Context, name string, b mapi.Blob) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = mapi.CopyBlob(ctx, f, b)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}
