// Package meaning reads what a person would call the content of an item, in
// whichever form it is, so that copies in different forms can be compared.
//
// Start from [Reader], which is the Contenter of package migrate. An object is
// read through the mail that it makes ([MS-OXCMAIL]), so that both sides are
// read by one reader.
//
// Not supported: the meaning of calendar and contact items beyond the mail that
// they make.
package meaning

import (
	"context"
	"crypto/sha256"
	"io"
	"strings"

	"golang.org/x/net/html"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/converters/migrate"
	"github.com/mailconv/mailconv/mime/entity"
	"github.com/mailconv/mailconv/mime/header"
	"github.com/mailconv/mailconv/transport"
)

// A Reader reads meanings. It is safe for concurrent use.
type Reader struct {
	// Converter makes mail of objects; nil is the default one.
	Converter *converters.Converter
}

var _ migrate.Contenter = (*Reader)(nil)

// maxNesting bounds mails within mails.
const maxNesting = 32

// Meaning implements [migrate.Contenter].
func (r *Reader) Meaning(ctx context.Context, c *transport.Content) (*migrate.Meaning, error) {
	cv := r.Converter
	if cv == nil {
		cv = &converters.Converter{}
	}
	m, err := cv.ToMIME(ctx, c)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	at, size, release, err := cv.ReaderAt(ctx, m.MIME)
	if err != nil {
		return nil, err
	}
	defer release()
	e, err := entity.Parse(at, size, nil)
	if err != nil {
		return nil, err
	}
	return read(ctx, e, 0)
}

func read(ctx context.Context, e *entity.Entity, depth int) (*migrate.Meaning, error) {
	m := &migrate.Meaning{
		MessageID: strings.TrimSpace(e.Fields.Value("Message-ID")),
		From:      addresses(e, "From"),
		To:        addresses(e, "To"),
		Cc:        addresses(e, "Cc"),
		Subject:   e.Fields.Text("Subject", nil),
	}
	if d, ok := header.ParseDate(e.Fields.Value("Date")); ok {
		m.Date = d
	}
	plain, rich := texts(e)
	body := rich
	if body == nil {
		body = plain
	}
	var err error
	e.Walk(func(p *entity.Entity) bool {
		switch {
		case err != nil:
			return false
		case p.IsMessage() && p != e:
			var a migrate.Attachment
			if a, err = message(ctx, p, depth); err == nil {
				m.Attachments = append(m.Attachments, a)
			}
			return false
		case len(p.Parts) > 0:
			return true
		case p == body, alternative(p) && (p == plain || p == rich || invitation(p)):
			return false
		}
		var a migrate.Attachment
		if a, err = attachment(ctx, p); err == nil {
			m.Attachments = append(m.Attachments, a)
		}
		return false
	})
	if err != nil {
		return m, err
	}
	if body == nil {
		// No text and an empty one say the same.
		m.Words = migrate.NewWordHash().Sum()
		return m, nil
	}
	m.Words, err = words(ctx, body)
	return m, err
}

func addresses(e *entity.Entity, name string) []string {
	var list []string
	for _, f := range e.Fields.All(name) {
		list = flatten(list, header.ParseAddresses(f.Value(), nil))
	}
	return list
}

// flatten lists the addresses of mailboxes and of the members of groups.
func flatten(list []string, from []header.Address) []string {
	for _, a := range from {
		if a.Addr != "" {
			list = append(list, a.Addr)
		}
		list = flatten(list, a.Members)
	}
	return list
}

// texts are the parts that hold the text, plain and HTML: the first text, and
// its other form where the two are alternatives. All further texts are things
// of their own.
func texts(e *entity.Entity) (plain, rich *entity.Entity) {
	find := func(in *entity.Entity) {
		in.Walk(func(p *entity.Entity) bool {
			if p.IsMessage() && p != e || p.Disposition == "attachment" {
				return false
			}
			if len(p.Parts) == 0 && p.Filename() == "" {
				switch {
				case p.MediaType == "text/html" && rich == nil:
					rich = p
				case p.MediaType == "text/plain" && plain == nil:
					plain = p
				}
			}
			return true
		})
	}
	if e.IsMultipart() && len(e.Parts) == 0 {
		// What says that it has parts and has none is a text.
		return e, nil
	}
	var first, group *entity.Entity
	e.Walk(func(p *entity.Entity) bool {
		if first != nil || p.IsMessage() && p != e || p.Disposition == "attachment" {
			return false
		}
		if len(p.Parts) == 0 && p.Filename() == "" && (p.MediaType == "text/html" || p.MediaType == "text/plain") {
			first = p
		}
		return true
	})
	if first == nil {
		return nil, nil
	}
	for up := first.Parent(); up != nil; up = up.Parent() {
		if up.MediaType == "multipart/alternative" {
			group = up
		}
		if up == e {
			break
		}
	}
	if group != nil {
		find(group)
		return plain, rich
	}
	if first.MediaType == "text/html" {
		return nil, first
	}
	return first, nil
}

// invitation reports whether a part says in iCalendar what the text says. Stores
// that keep objects write it anew.
func invitation(p *entity.Entity) bool { return p.MediaType == "text/calendar" }

// alternative reports whether a part says in another form what the text says.
func alternative(p *entity.Entity) bool {
	return p.Parent() != nil && p.Parent().MediaType == "multipart/alternative" && p.IsText() && p.Disposition != "attachment"
}

func message(ctx context.Context, p *entity.Entity, depth int) (migrate.Attachment, error) {
	a := migrate.Attachment{Name: p.Filename(), Size: p.Body().Size()}
	if depth >= maxNesting {
		return attachment(ctx, p)
	}
	inner, err := read(ctx, p.Parts[0], depth+1)
	if err != nil {
		return a, err
	}
	a.Hash = inner.Digest()
	return a, nil
}

func attachment(ctx context.Context, p *entity.Entity) (migrate.Attachment, error) {
	a := migrate.Attachment{Name: p.Filename(), Size: p.Content().Size()}
	r, err := p.Content().Open(ctx)
	if err != nil {
		return a, err
	}
	defer r.Close()
	h := sha256.New()
	_, err = io.Copy(h, r)
	a.Hash = ledger.Fingerprint(h.Sum(nil))
	return a, err
}

func words(ctx context.Context, p *entity.Entity) (ledger.Fingerprint, error) {
	r, err := p.OpenText(ctx)
	if err != nil {
		return ledger.Fingerprint{}, err
	}
	defer r.Close()
	if p.MediaType != "text/html" {
		return migrate.Words(r)
	}
	h := migrate.NewWordHash()
	err = htmlText(h, r)
	return h.Sum(), err
}

// htmlText writes the words of an HTML text: what stands between tags, without
// scripts and styles. A tag ends a word.
func htmlText(w io.Writer, r io.Reader) error {
	z := html.NewTokenizer(r)
	hidden := 0
	for {
		switch z.Next() {
		case html.ErrorToken:
			if z.Err() == io.EOF {
				return nil
			}
			return z.Err()
		case html.StartTagToken, html.EndTagToken:
			tok := z.Token()
			if tok.Data == "style" || tok.Data == "script" || tok.Data == "title" {
				if tok.Type == html.StartTagToken {
					hidden++
				} else if hidden > 0 {
					hidden--
				}
			}
			if block[tok.Data] {
				io.WriteString(w, " ")
			}
		case html.TextToken:
			if hidden == 0 {
				if _, err := io.WriteString(w, html.UnescapeString(string(z.Raw()))); err != nil {
					return err
				}
			}
		}
	}
}

// block are the tags that end a word; <b> in the middle of one does not.
var block = map[string]bool{
	"p": true, "div": true, "br": true, "td": true, "th": true, "tr": true, "table": true, "li": true, "ul": true, "ol": true,
	"h1": true, "h2": true, "h3": true, "h4": true, "h5": true, "h6": true, "hr": true, "img": true, "pre": true,
	"blockquote": true, "body": true, "head": true, "dt": true, "dd": true,
}
