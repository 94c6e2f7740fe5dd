package page

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"io"
	"net/url"
	"strconv"
	"strings"

	"github.com/microcosm-cc/bluemonday"

	"github.com/mailconv/mailconv/mime/entity"
)

// maxInline is the size up to which an image is put into the page, maxImages
// that of all of them: a mail can show one image a million times.
const (
	maxInline = 16 << 20
	maxImages = 64 << 20
)

// fit gives the frame the height of the mail in it. The frame runs no scripts.
const fit = `for(const f of document.querySelectorAll("iframe")){const s=()=>{f.style.height=(f.contentDocument.documentElement.scrollHeight+24)+"px"};f.addEventListener("load",s);s()}`

const style = `body{font:15px/1.5 system-ui,sans-serif;color:#1b1f24;background:#fff;margin:0 auto;max-width:60rem;padding:1.5rem 1rem}
h1{font-size:1.35rem;margin:0 0 .8rem;overflow-wrap:anywhere}
table{border-collapse:collapse;margin-bottom:1rem}
th{font-weight:600;color:#57606a;text-align:left;vertical-align:top;padding:.1rem 1rem .1rem 0;white-space:nowrap}
td{overflow-wrap:anywhere;padding:.1rem 0}
iframe{border:0;border-top:1px solid #d0d7de;width:100%;min-height:6rem;padding-top:1rem}
pre{border-top:1px solid #d0d7de;padding-top:1rem;white-space:pre-wrap;overflow-wrap:anywhere;font:inherit}
ul{border-top:1px solid #d0d7de;list-style:none;margin:1rem 0 0;padding:.8rem 0 0}
li{display:inline-block;border:1px solid #d0d7de;border-radius:6px;padding:.2rem .6rem;margin:0 .4rem .4rem 0;overflow-wrap:anywhere}
li span{color:#57606a}`

// WriteHTML writes the page as one HTML document. Images of the body are in it
// up to 16 MiB each; attachments are listed with name, type and size.
func (p *Page) WriteHTML(ctx context.Context, w io.Writer) error {
	b := bufio.NewWriterSize(w, 64<<10)
	sum := sha256.Sum256([]byte(fit))
	title := p.Subject
	if title == "" {
		title = "(no subject)"
	}
	fmt.Fprintf(b, "<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n"+
		"<meta name=\"viewport\" content=\"width=device-width\">\n"+
		"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-%s'\">\n"+
		"<title>%s</title>\n<style>\n%s\n</style>\n</head>\n<body>\n<h1>%s</h1>\n<table>\n",
		base64.StdEncoding.EncodeToString(sum[:]), html.EscapeString(title), style, html.EscapeString(title))
	for _, h := range p.Headers {
		if h.Name != "Subject" {
			fmt.Fprintf(b, "<tr><th>%s</th><td>%s</td></tr>\n", h.Name, html.EscapeString(h.Value))
		}
	}
	b.WriteString("</table>\n")
	if err := p.writeBody(ctx, b); err != nil {
		return err
	}
	if len(p.Attachments) > 0 {
		b.WriteString("<ul>\n")
		for _, c := range p.Attachments {
			fmt.Fprintf(b, "<li>%s <span>%s, %s</span></li>\n", html.EscapeString(name(c)), html.EscapeString(c.MediaType), size(c.Content().Size()))
		}
		b.WriteString("</ul>\n")
	}
	if p.HTML != nil {
		fmt.Fprintf(b, "<script>%s</script>\n", fit)
	}
	b.WriteString("</body>\n</html>\n")
	return b.Flush()
}

func (p *Page) writeBody(ctx context.Context, w *bufio.Writer) error {
	switch {
	case p.HTML != nil:
		w.WriteString(`<iframe sandbox="allow-same-origin allow-popups" title="message" srcdoc="`)
		err := p.writeSanitised(ctx, &attributeWriter{w})
		w.WriteString("\"></iframe>\n")
		return err
	case p.Text != nil:
		r, err := p.Text.OpenText(ctx)
		if err != nil {
			return err
		}
		defer r.Close()
		w.WriteString("<pre>")
		_, err = io.Copy(&textWriter{w}, r)
		w.WriteString("</pre>\n")
		return err
	}
	return nil
}

// partScheme stands in a sanitised body for the image that comes there.
const partScheme = "x-mailconv-part"

// writeSanitised writes the HTML body without scripts, forms, frames and
// anything else that acts, its inline images as data: addresses.
func (p *Page) writeSanitised(ctx context.Context, w io.Writer) error {
	r, err := p.HTML.OpenText(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	images := &imageWriter{ctx: ctx, w: w, left: maxImages}
	io.WriteString(w, `<base target="_blank"><meta charset="utf-8">`)
	policy := bodyPolicy()
	policy.RewriteSrc(func(u *url.URL) {
		c := p.Inline[u.String()]
		if u.Scheme == "cid" {
			id, err := url.PathUnescape(u.Opaque)
			if err != nil {
				id = u.Opaque
			}
			c = p.Inline[id]
		}
		if c == nil || c.Content().Size() > maxInline || c.Content().Size() > images.left {
			return
		}
		images.left -= c.Content().Size()
		images.parts = append(images.parts, c)
		*u = url.URL{Scheme: partScheme, Opaque: strconv.Itoa(len(images.parts) - 1)}
	})
	return policy.SanitizeReaderToWriter(r, images)
}

// bodyPolicy allows what mail is made of. Styles are let through as they are:
// the frame can load nothing and is cut off from the page around it.
func bodyPolicy() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowUnsafe(true) // for the content of style
	p.AllowElements("html", "head", "body", "title", "style", "a", "abbr", "address", "b", "big", "blockquote", "br", "caption",
		"center", "cite", "code", "col", "colgroup", "dd", "del", "div", "dl", "dt", "em", "font", "h1", "h2", "h3", "h4", "h5",
		"h6", "hr", "i", "img", "ins", "kbd", "li", "ol", "p", "pre", "q", "s", "samp", "section", "article", "header",
		"footer", "small", "span", "strike", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr",
		"tt", "u", "ul", "var")
	p.AllowAttrs("style", "class", "id", "dir", "lang", "title", "align", "valign", "width", "height", "bgcolor", "color",
		"border", "cellpadding", "cellspacing", "colspan", "rowspan", "face", "size", "nowrap", "type", "start", "value",
		"hspace", "vspace", "clear", "noshade").Globally()
	p.AllowNoAttrs().Globally()
	p.AllowAttrs("href", "name").OnElements("a")
	p.AllowAttrs("src", "alt").OnElements("img")
	p.AllowURLSchemes("http", "https", "mailto", "tel", "cid", partScheme)
	p.AllowRelativeURLs(true)
	p.AllowDataURIImages()
	p.RequireNoReferrerOnLinks(true)
	p.AddTargetBlankToFullyQualifiedLinks(true)
	return p
}

// imageWriter passes sanitised HTML on and puts the images in. The sanitiser
// writes a token at a time, so that a stand-in is never cut in two.
type imageWriter struct {
	ctx   context.Context
	w     io.Writer
	parts []*entity.Entity
	next  int   // the first of parts that was not written
	left  int64 // bytes of images that may come
}

func (i *imageWriter) Write(b []byte) (int, error) {
	s := string(b)
	for {
		before, rest, found := strings.Cut(s, partScheme+":")
		if _, err := io.WriteString(i.w, before); err != nil {
			return 0, err
		}
		if !found {
			return len(b), nil
		}
		digits := 0
		for digits < len(rest) && rest[digits] >= '0' && rest[digits] <= '9' {
			digits++
		}
		// Stand-ins come in the order in which they were handed out, each once;
		// any other was in the mail itself.
		if n, err := strconv.Atoi(rest[:digits]); err == nil && n >= i.next && n < len(i.parts) {
			i.next = n + 1
			if err := i.image(i.parts[n]); err != nil {
				return 0, err
			}
		}
		s = rest[digits:]
	}
}

func (i *imageWriter) image(c *entity.Entity) error {
	if !strings.HasPrefix(c.MediaType, "image/") || strings.ContainsAny(c.MediaType, "\"'<>& ;,") {
		return nil
	}
	fmt.Fprintf(i.w, "data:%s;base64,", c.MediaType)
	r, err := c.Content().Open(i.ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	enc := base64.NewEncoder(base64.StdEncoding, i.w)
	if _, err := io.Copy(enc, r); err != nil {
		return err
	}
	return enc.Close()
}

// attributeWriter escapes what stands inside a quoted attribute.
type attributeWriter struct{ w *bufio.Writer }

var attributeEscapes = strings.NewReplacer("&", "&amp;", `"`, "&quot;", "\x00", "")

func (a *attributeWriter) Write(b []byte) (int, error) {
	_, err := attributeEscapes.WriteString(a.w, string(b))
	return len(b), err
}

// textWriter escapes what stands between tags.
type textWriter struct{ w *bufio.Writer }

var textEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\x00", "")

func (t *textWriter) Write(b []byte) (int, error) {
	_, err := textEscapes.WriteString(t.w, string(b))
	return len(b), err
}
