// Package page writes a mail as something to read: one self-contained HTML
// page, or an MHTML file (RFC 2557).
//
// Start from [New] and [Page.WriteHTML]. The message's own HTML is sanitised
// and shown in a sandboxed frame; nothing is loaded from outside.
//
// Not supported: the way back. A page shows a mail, it does not hold it.
package page

import (
	"fmt"
	"strings"

	"github.com/mailconv/mailconv/mime/entity"
)

// A Page is what a reader of a mail sees.
type Page struct {
	// Headers are the fields that people read, decoded.
	Headers []Header
	Subject string
	// HTML and Text are the body; HTML is preferred.
	HTML, Text *entity.Entity
	// Inline are the images that the HTML shows, by Content-ID and
	// Content-Location.
	Inline map[string]*entity.Entity
	// Attachments are the other parts, in their order.
	Attachments []*entity.Entity
}

// A Header is one field.
type Header struct{ Name, Value string }

// shown are the fields of a page, in its order.
var shown = []string{"From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Date", "Subject"}

// New lays a mail out as a page.
func New(e *entity.Entity) *Page {
	p := &Page{Inline: map[string]*entity.Entity{}, Subject: e.Fields.Text("Subject", nil)}
	for _, name := range shown {
		for _, f := range e.Fields.All(name) {
			if v := f.Text(nil); v != "" {
				p.Headers = append(p.Headers, Header{name, v})
			}
		}
	}
	p.body(e)
	p.parts(e)
	return p
}

// body finds the text and the HTML: the first of each that is not an
// attachment.
func (p *Page) body(e *entity.Entity) {
	e.Walk(func(c *entity.Entity) bool {
		if c.IsMessage() && c != e {
			return false
		}
		if c.Disposition == "attachment" || len(c.Parts) > 0 {
			return true
		}
		switch {
		case c.MediaType == "text/html" && p.HTML == nil:
			p.HTML = c
		case c.MediaType == "text/plain" && p.Text == nil && c.Filename() == "":
			p.Text = c
		}
		return true
	})
}

func (p *Page) parts(e *entity.Entity) {
	e.Walk(func(c *entity.Entity) bool {
		switch {
		case c == p.HTML, c == p.Text:
		case c.IsMessage() && c != e:
			p.Attachments = append(p.Attachments, c)
			return false
		case len(c.Parts) > 0 || c.IsMultipart():
		default:
			image := strings.HasPrefix(c.MediaType, "image/") && p.HTML != nil
			if id := c.ContentID(); id != "" && image {
				p.Inline[id] = c
			}
			if loc := strings.TrimSpace(c.Fields.Value("Content-Location")); loc != "" && image {
				p.Inline[loc] = c
			}
			if c.ContentID() == "" || !image {
				p.Attachments = append(p.Attachments, c)
			}
		}
		return true
	})
}

// name is what the list of attachments calls a part.
func name(c *entity.Entity) string {
	if n := c.Filename(); n != "" {
		return n
	}
	if c.IsMessage() {
		if s := c.Parts[0].Fields.Text("Subject", nil); s != "" {
			return s
		}
		return "message"
	}
	return c.MediaType
}

func size(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d bytes", n)
	case n < 1000*1000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}
