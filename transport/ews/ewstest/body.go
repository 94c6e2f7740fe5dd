package ewstest

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"strings"

	"golang.org/x/net/html"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/codepage"
	"github.com/mailconv/mailconv/mapi/rtf"
	"github.com/mailconv/mailconv/mime/calendar"
	"github.com/mailconv/mailconv/mime/contact"
	"github.com/mailconv/mailconv/transport"
)

// body is the element Body.
func (v *view) body() any { return v.bodyAs("Body", v.sh.bodyType) }

// bodyAs is a body element in HTML, as text, or as what the item has best.
// [MS-OXWSCORE] 2.2.4.11
func (v *view) bodyAs(name, want string) any {
	return func(v *view) error {
		isHTML, open := v.openBody(want)
		if open == nil {
			if want == "Best" {
				want = "Text"
			}
			v.c.w.elem("t:"+name, "", "BodyType", want)
			return nil
		}
		kind := "Text"
		if isHTML {
			kind = "HTML"
		}
		r, err := open(v.c.ctx)
		if err != nil {
			return err
		}
		defer r.Close()
		v.c.w.open("t:"+name, "BodyType", kind)
		if err := v.c.w.stream(r); err != nil {
			return err
		}
		v.c.w.close()
		return nil
	}
}

type opener func(context.Context) (io.ReadCloser, error)

// openBody finds the body, and says whether it is HTML. It is nil where there
// is none.
func (v *view) openBody(want string) (isHTML bool, open opener) {
	plain, hasText := v.props().Get(mapi.PidTagBody)
	asHTML := openHTML(v.props())
	if want != "HTML" && hasText && (want == "Text" || asHTML == nil) {
		return false, plain.OpenText
	}
	if asHTML == nil {
		if asHTML = openRTF(v.props()); asHTML == nil && !hasText {
			return false, nil
		}
	}
	switch {
	case want == "Text":
		return false, func(ctx context.Context) (io.ReadCloser, error) {
			r, err := asHTML(ctx)
			if err != nil {
				return nil, err
			}
			defer r.Close()
			return textOf(r), nil
		}
	case asHTML == nil:
		return true, func(ctx context.Context) (io.ReadCloser, error) {
			r, err := plain.OpenText(ctx)
			if err != nil {
				return nil, err
			}
			defer r.Close()
			b, err := io.ReadAll(io.LimitReader(r, maxTree))
			text := strings.ReplaceAll(html.EscapeString(string(b)), "\n", "<br>\n")
			return io.NopCloser(strings.NewReader("<html><body>" + text + "</body></html>")), err
		}
	}
	return true, asHTML
}

func openHTML(ps mapi.Properties) opener {
	if v, ok := ps.Get(mapi.PidTagBodyHtml); ok {
		return v.OpenText
	}
	v, ok := ps.Get(mapi.PidTagHtml)
	if !ok {
		return nil
	}
	return func(ctx context.Context) (io.ReadCloser, error) {
		page := 65001
		if n, ok := ps.Int(mapi.PidTagInternetCodepage); ok {
			page = int(n)
		}
		cs, _ := codepage.Get(page)
		r, err := v.Blob().Open(ctx)
		if err != nil {
			return nil, err
		}
		return struct {
			io.Reader
			io.Closer
		}{cs.NewReader(r), r}, nil
	}
}

func openRTF(ps mapi.Properties) opener {
	v, ok := ps.Get(mapi.PidTagRtfCompressed)
	if !ok {
		return nil
	}
	return func(ctx context.Context) (io.ReadCloser, error) {
		r, err := v.Blob().Open(ctx)
		if err != nil {
			return nil, err
		}
		defer r.Close()
		var b bytes.Buffer
		_, err = rtf.ToHTML(&b, rtf.NewReader(r), &rtf.Options{CodePage: codepage.OfMessage(ps)})
		return io.NopCloser(&b), err
	}
}

// textOf is what a reader of HTML sees, roughly.
func textOf(r io.Reader) io.ReadCloser {
	var b strings.Builder
	z := html.NewTokenizer(r)
	skip := 0
	for {
		t := z.Next()
		if t == html.ErrorToken {
			return io.NopCloser(strings.NewReader(strings.TrimSpace(b.String())))
		}
		name, _ := z.TagName()
		switch tag := string(name); {
		case t == html.TextToken && skip == 0:
			b.WriteString(html.UnescapeString(string(z.Text())))
		case tag == "script" || tag == "style" || tag == "title":
			if t == html.StartTagToken {
				skip++
			} else if t == html.EndTagToken && skip > 0 {
				skip--
			}
		case tag == "br" || t == html.EndTagToken && (tag == "p" || tag == "div" || tag == "tr" || tag == "li"):
			b.WriteString("\r\n")
		}
	}
}

func removeBody(ps *mapi.Properties) {
	for _, t := range []mapi.Tag{mapi.PidTagBody, mapi.PidTagHtml, mapi.PidTagBodyHtml, mapi.PidTagRtfCompressed, mapi.PidTagNativeBody} {
		ps.Delete(t)
	}
}

func setBody(e *edit, n *node) error {
	removeBody(&e.msg.Props)
	if n.attr("BodyType") == "HTML" {
		e.msg.Props.Set(mapi.PidTagHtml, mapi.BinaryValue([]byte(n.text)))
		e.msg.Props.Set(mapi.PidTagInternetCodepage, mapi.Int32Value(65001))
		b, _ := io.ReadAll(textOf(strings.NewReader(n.text)))
		e.msg.Props.Set(mapi.PidTagBody, mapi.StringValue(string(b)))
		return nil
	}
	e.msg.Props.Set(mapi.PidTagBody, mapi.StringValue(n.text))
	return nil
}

// mimeContent writes the item as a mail; a calendar item as iCalendar and a
// contact as a vCard, as Exchange does.
func (v *view) mimeContent() error {
	w := v.c.w
	var err error
	kind := kindOf(v.msg.Class()).element
	switch {
	case kind == "CalendarItem" && !w.q.MailMIME:
		w.open("t:MimeContent", "CharacterSet", "UTF-8")
		enc := base64.NewEncoder(base64.StdEncoding, w.w)
		_, err = calendar.Export(v.c.ctx, enc, []*mapi.Message{v.msg}, nil)
		err = errors.Join(err, enc.Close())
	case kind == "Contact" && !w.q.MailMIME:
		w.open("t:MimeContent", "CharacterSet", "UTF-8")
		enc := base64.NewEncoder(base64.StdEncoding, w.w)
		_, err = contact.Export(v.c.ctx, enc, v.msg, nil)
		err = errors.Join(err, enc.Close())
	default:
		var c *transport.Content
		if c, err = v.c.s.o.Convert.ToMIME(v.c.ctx, &transport.Content{Form: transport.FormObject, Object: v.msg}); err != nil {
			return err
		}
		defer c.Close()
		w.open("t:MimeContent", "CharacterSet", "UTF-8")
		err = w.base64(v.c.ctx, c.MIME)
	}
	if err == nil {
		w.close()
	}
	return err
}

// kept are properties of the item in its mailbox, which new content does not
// change.
var kept = []property{
	tagged(mapi.PidTagMessageFlags), tagged(mapi.PidTagMessageDeliveryTime), tagged(mapi.PidTagFlagStatus),
	tagged(mapi.PidTagLastVerbExecuted), tagged(mapi.PidTagIconIndex), named(mapi.PidNameKeywords),
}

// setMIME makes the item anew from a mail.
func setMIME(e *edit, n *node) error {
	m, err := e.c.fromMIME(n)
	if err != nil {
		return err
	}
	for _, p := range kept {
		if v, ok := p.get(e.msg.Props); ok {
			p.set(&m.Props, v)
		}
	}
	*e.msg = *m
	return nil
}

// bare reads MimeContent that is an iCalendar or a vCard alone, as that of
// calendar items and contacts is in Exchange; nil when it is neither.
func (c *call) bare(b mapi.Blob) (*mapi.Message, error) {
	r, err := b.Open(c.ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	at, ok := r.(io.ReaderAt)
	if !ok {
		return nil, errNoRandomAccess
	}
	head := make([]byte, 15)
	n, err := at.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	bad := fail("ErrorMimeContentInvalid", "There is no item in the content.")
	switch text := strings.ToUpper(string(head[:n])); {
	case strings.HasPrefix(text, "BEGIN:VCALENDAR"):
		list, _, err := calendar.Import(c.ctx, at, b.Size(), nil)
		if err != nil || len(list) == 0 {
			return nil, bad
		}
		return list[0], nil
	case strings.HasPrefix(text, "BEGIN:VCARD"):
		for it, err := range contact.Import(c.ctx, at, b.Size()) {
			if err != nil {
				return nil, bad
			}
			return it.Message, nil
		}
		return nil, bad
	}
	return nil, nil
}

// fromMIME makes an object of MimeContent. All of it is in the spool.
func (c *call) fromMIME(n *node) (*mapi.Message, error) {
	if n.data == nil {
		return nil, fail("ErrorMimeContentInvalid", "The MIME content is empty.")
	}
	if c.s.o.Quirks.BadBase64 {
		n.data.err = nil
	}
	blob, err := n.data.blob()
	if err != nil {
		return nil, fail("ErrorMimeContentInvalidBase64String", "The MIME content is not valid base64: %v", err)
	}
	made := &transport.Content{Form: transport.FormObject}
	if made.Object, err = c.bare(blob); err != nil {
		return nil, err
	}
	if made.Object == nil {
		made, err = c.s.o.Convert.ToObject(c.ctx, &transport.Content{Form: transport.FormMIME, MIME: blob})
		if err != nil {
			return nil, fail("ErrorMimeContentInvalid", "%v", err)
		}
	}
	defer made.Close()
	// What was made reads the mail; the copy stands on its own.
	own, err := c.s.boxes.Spool().Copy(c.ctx, made)
	if err != nil {
		return nil, err
	}
	return own.Object, n.data.buf.Close()
}

// bodyText reads the body whole.
func (v *view) bodyText(want string) (string, error) {
	isHTML, open := v.openBody(want)
	if open == nil || (want == "HTML") != isHTML {
		return "", nil
	}
	r, err := open(v.c.ctx)
	if err != nil {
		return "", err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, maxTree))
	return string(b), err
}
