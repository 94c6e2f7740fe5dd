package page

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"html"
	"io"
	"strings"

	"github.com/mailconv/mailconv/mime/entity"
)

// WriteMHT writes the page as MHTML: a multipart/related whose first part is
// the page and whose other parts are its images, and the attachments. RFC 2557
//
// e is the mail that the page was made from; its fields head the file.
func (p *Page) WriteMHT(ctx context.Context, w io.Writer, e *entity.Entity) error {
	b := bufio.NewWriterSize(w, 64<<10)
	hash := sha256.New()
	for _, name := range []string{"From", "To", "Cc", "Date", "Subject", "Message-ID"} {
		for _, f := range e.Fields.All(name) {
			line := strings.TrimRight(string(f.Raw), "\r\n")
			io.WriteString(hash, line)
			b.WriteString(strings.ReplaceAll(strings.ReplaceAll(line, "\r\n", "\n"), "\n", "\r\n") + "\r\n")
		}
	}
	// From the header, so that the same mail gives the same file; a line of
	// base64 or quoted-printable cannot begin like it.
	boundary := "=_" + hex.EncodeToString(hash.Sum(nil)[:12])
	fmt.Fprintf(b, "MIME-Version: 1.0\r\nContent-Type: multipart/related; type=\"text/html\";\r\n boundary=\"%s\"\r\n\r\n", boundary)

	fmt.Fprintf(b, "--%s\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n", boundary)
	if err := base64Part(b, func(w io.Writer) error { return p.writeFlat(ctx, w) }); err != nil {
		return err
	}
	done := map[*entity.Entity]bool{}
	part := func(c *entity.Entity, disposition string) error {
		if done[c] || c.IsMultipart() {
			return nil
		}
		done[c] = true
		fmt.Fprintf(b, "--%s\r\n", boundary)
		for _, name := range []string{"Content-Type", "Content-ID", "Content-Location"} {
			if f, ok := c.Fields.Get(name); ok {
				b.WriteString(strings.TrimRight(string(f.Raw), "\r\n") + "\r\n")
			}
		}
		fmt.Fprintf(b, "Content-Disposition: %s\r\nContent-Transfer-Encoding: base64\r\n\r\n", disposition)
		return base64Part(b, func(w io.Writer) error {
			r, err := c.Content().Open(ctx)
			if err != nil {
				return err
			}
			defer r.Close()
			_, err = io.Copy(w, r)
			return err
		})
	}
	var err error
	e.Walk(func(c *entity.Entity) bool {
		for _, in := range p.Inline {
			if in == c && err == nil {
				err = part(c, "inline")
			}
		}
		return err == nil
	})
	for _, c := range p.Attachments {
		if err == nil {
			err = part(c, "attachment")
		}
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(b, "--%s--\r\n", boundary)
	return b.Flush()
}

// writeFlat writes the page without a frame, for a viewer that runs no scripts
// in such files.
func (p *Page) writeFlat(ctx context.Context, w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>%s</title><style>\n%s\n</style></head><body>\n<h1>%[1]s</h1>\n<table>\n",
		html.EscapeString(p.Subject), style)
	for _, h := range p.Headers {
		fmt.Fprintf(b, "<tr><th>%s</th><td>%s</td></tr>\n", h.Name, html.EscapeString(h.Value))
	}
	b.WriteString("</table>\n")
	switch {
	case p.HTML != nil:
		r, err := p.HTML.OpenText(ctx)
		if err != nil {
			return err
		}
		defer r.Close()
		b.WriteString("<div>")
		if err := bodyPolicy().SanitizeReaderToWriter(r, b); err != nil {
			return err
		}
		b.WriteString("</div>\n")
	case p.Text != nil:
		if err := p.writeBody(ctx, b); err != nil {
			return err
		}
	}
	b.WriteString("</body></html>\n")
	return b.Flush()
}

// base64Part writes what content writes in lines of base64.
func base64Part(b *bufio.Writer, content func(io.Writer) error) error {
	lines := &lineWriter{w: b}
	enc := base64.NewEncoder(base64.StdEncoding, lines)
	if err := content(enc); err != nil {
		return err
	}
	if err := enc.Close(); err != nil {
		return err
	}
	_, err := b.WriteString("\r\n")
	return err
}

// lineWriter breaks lines after 76 characters. RFC 2045 6.8
type lineWriter struct {
	w *bufio.Writer
	n int
}

func (l *lineWriter) Write(p []byte) (int, error) {
	total := len(p)
	for len(p) > 0 {
		if l.n == 76 {
			l.w.WriteString("\r\n")
			l.n = 0
		}
		k := min(76-l.n, len(p))
		if _, err := l.w.Write(p[:k]); err != nil {
			return 0, err
		}
		l.n += k
		p = p[k:]
	}
	return total, nil
}
