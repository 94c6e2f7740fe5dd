package converters

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/emlx"
	"github.com/mailconv/mailconv/transport/lineend"
)

// emlxFormat is a mail between its length and a property list. Attachments
// that Apple Mail keeps beside a .partial.emlx are joined by the store
// emlx:PATH, which sees the folder.
var emlxFormat = &Format{
	Name: "emlx", flags: true, Ext: ".emlx", Summary: "Apple Mail message",
	sniff: func(head []byte, name string) bool {
		line, _, ok := bytes.Cut(head, []byte("\n"))
		line = bytes.TrimRight(line, " \r")
		return ok && len(line) > 0 && len(line) < 16 && bytes.Trim(line, "0123456789") == nil
	},
	read: func(ctx context.Context, in *Input, _ *Converter) iter.Seq2[*Item, error] {
		return one(func() (*Item, error) {
			m, err := emlx.Read(in.R, in.Size)
			if err != nil {
				return nil, err
			}
			mail, err := lineend.Load(ctx, m.Mail)
			if err != nil {
				return nil, err
			}
			return &Item{Meta: m.Meta, Content: &transport.Content{Form: transport.FormMIME, MIME: mail, Problems: m.Problems}}, nil
		})
	},
	write: func(ctx context.Context, w io.Writer, it *Item, cv *Converter) error {
		return withMIME(ctx, it, cv, func(b mapi.Blob) error {
			// The length comes first, and lines end in LF: count, then write.
			length := &lfWriter{w: io.Discard}
			if err := copyBlob(ctx, length, b); err != nil {
				return err
			}
			if _, err := fmt.Fprintf(w, "%-10d\n", length.close()); err != nil {
				return err
			}
			lines := &lfWriter{w: w}
			if err := copyBlob(ctx, lines, b); err != nil {
				return err
			}
			lines.close()
			if lines.err != nil {
				return lines.err
			}
			_, err := io.WriteString(w, emlx.Plist(it.Meta))
			return err
		})
	},
}

// lfWriter writes lines that end in CRLF with LF, and counts.
type lfWriter struct {
	w   io.Writer
	n   int64
	cr  bool // a CR is held back until it is known what follows
	err error
}

func (l *lfWriter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0 && l.err == nil; {
		if l.cr {
			l.cr = false
			if rest[0] != '\n' {
				l.put([]byte{'\r'})
			}
		}
		i := bytes.IndexByte(rest, '\r')
		if i < 0 {
			l.put(rest)
			break
		}
		l.put(rest[:i])
		l.cr = true
		rest = rest[i+1:]
	}
	return len(p), l.err
}

func (l *lfWriter) put(b []byte) {
	if l.err == nil && len(b) > 0 {
		var n int
		n, l.err = l.w.Write(b)
		l.n += int64(n)
	}
}

func (l *lfWriter) close() int64 {
	if l.cr {
		l.cr = false
		l.put([]byte{'\r'})
	}
	return l.n
}
