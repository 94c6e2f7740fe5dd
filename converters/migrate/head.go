package migrate

import (
	"bytes"
	"context"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime/header"
	"github.com/mailconv/mailconv/transport"
)

// headLimit bounds what is read of a header.
const headLimit = 128 << 10

// complete fills in what the listing did not tell: Message-ID, subject, class,
// and a date of arrival, for which the order is the topmost Received field,
// then Date. T55
func complete(ctx context.Context, m *transport.Meta, c *transport.Content) {
	if m.MessageID != "" && m.Subject != "" && !m.Received.IsZero() && (c.Form == transport.FormMIME || m.Class != "") {
		return
	}
	var id, subject string
	var date time.Time
	switch {
	case c.Object != nil:
		p := c.Object.Props
		id, subject = p.Text(mapi.PidTagInternetMessageId), p.Text(mapi.PidTagSubject)
		if date = p.Time(mapi.PidTagMessageDeliveryTime); date.IsZero() {
			date = p.Time(mapi.PidTagClientSubmitTime)
		}
		if m.Class == "" {
			m.Class = c.Object.Class()
		}
	case c.MIME != nil:
		buf := headers.Get().(*[]byte)
		defer headers.Put(buf)
		*buf = head(ctx, c.MIME, *buf)
		fields := header.Parse(*buf)
		id, subject = fields.Value("Message-ID"), fields.Text("Subject", nil)
		if f, ok := fields.Get("Received"); ok {
			v := f.Value()
			if i := strings.LastIndexByte(v, ';'); i >= 0 {
				date, _ = header.ParseDate(v[i+1:])
			}
		}
		if date.IsZero() {
			date, _ = header.ParseDate(fields.Value("Date"))
		}
	}
	if m.MessageID == "" {
		m.MessageID = clean(id, 995)
	}
	if m.Subject == "" {
		m.Subject = clean(subject, 300)
	}
	if m.Received.IsZero() && date.Year() >= 1970 {
		m.Received = date
	}
}

var headers = sync.Pool{New: func() any { b := make([]byte, 0, 4096); return &b }}

// head is the header block of a mail, in the memory of buf where that is large
// enough.
func head(ctx context.Context, b mapi.Blob, buf []byte) []byte {
	block := buf[:0]
	r, err := b.Open(ctx)
	if err != nil {
		return block
	}
	defer r.Close()
	for len(block) < headLimit {
		if len(block) == cap(block) {
			block = append(block, 0)[:len(block)]
		}
		n, err := r.Read(block[len(block):min(cap(block), headLimit)])
		from := max(len(block)-3, 0)
		block = block[:len(block)+n]
		if i := bytes.Index(block[from:], []byte("\n\r\n")); i >= 0 {
			return block[:from+i+1]
		}
		if i := bytes.Index(block[from:], []byte("\n\n")); i >= 0 {
			return block[:from+i+1]
		}
		if err != nil {
			if err == io.EOF {
				return block
			}
			return block[:0]
		}
	}
	return block
}

// clean makes one line of text that others wrote.
func clean(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7F {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "")
	}
	return strings.TrimSpace(s)
}
