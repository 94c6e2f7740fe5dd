package graphtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/codepage"
	"github.com/mailconv/mailconv/mapi/rtf"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// flagUnsent is the bit of PidTagMessageFlags that makes a draft.
// [MS-OXCMSG] 2.2.1.6
const (
	flagRead   = 0x1
	flagUnsent = 0x8
)

// A field is one property of a resource, made only when it is wanted.
type field struct {
	name string
	// asked marks those that come only when $select names them.
	asked bool
	f     func(c *call, it *mailbox.Item) any
}

// common are the fields of graph.outlookItem.
var common = []field{
	{name: "changeKey", f: func(_ *call, it *mailbox.Item) any { return changeKey(it) }},
	{name: "createdDateTime", f: func(_ *call, it *mailbox.Item) any { return it.Created }},
	{name: "lastModifiedDateTime", f: func(_ *call, it *mailbox.Item) any { return it.Modified }},
	{name: "categories", f: func(_ *call, it *mailbox.Item) any { return categories(it.Message.Props) }},
}

var messageFields = append([]field{
	{name: "parentFolderId", f: func(c *call, it *mailbox.Item) any { return c.folderID(it.Folder) }},
	{name: "subject", f: func(_ *call, it *mailbox.Item) any { return it.Message.Props.Text(mapi.PidTagSubject) }},
	{name: "receivedDateTime", f: func(_ *call, it *mailbox.Item) any { return received(it) }},
	{name: "sentDateTime", f: func(_ *call, it *mailbox.Item) any {
		return date(it.Message.Props.Time(mapi.PidTagClientSubmitTime), it.Created)
	}},
	{name: "hasAttachments", f: func(_ *call, it *mailbox.Item) any { return hasAttachments(it.Message) }},
	{name: "internetMessageId", f: func(_ *call, it *mailbox.Item) any {
		return orNull(it.Message.Props.Text(mapi.PidTagInternetMessageId))
	}},
	{name: "importance", f: func(_ *call, it *mailbox.Item) any { return importance(it.Message.Props) }},
	{name: "conversationId", f: func(_ *call, it *mailbox.Item) any { return conversation(it.Message.Props) }},
	{name: "conversationIndex", f: func(_ *call, it *mailbox.Item) any {
		b := it.Message.Props.Bytes(mapi.PidTagConversationIndex)
		if b == nil {
			return nil
		}
		return base64.StdEncoding.EncodeToString(b)
	}},
	{name: "isDeliveryReceiptRequested", f: func(_ *call, it *mailbox.Item) any {
		return it.Message.Props.Bool(mapi.PidTagOriginatorDeliveryReportRequested)
	}},
	{name: "isReadReceiptRequested", f: func(_ *call, it *mailbox.Item) any {
		return it.Message.Props.Bool(mapi.PidTagReadReceiptRequested)
	}},
	{name: "isRead", f: func(_ *call, it *mailbox.Item) any { return it.Read() }},
	{name: "isDraft", f: func(_ *call, it *mailbox.Item) any { return draft(it.Message) }},
	{name: "webLink", f: func(c *call, it *mailbox.Item) any {
		return "https://outlook.office365.com/owa/?ItemID=" + c.itemID(it) + "&exvsurl=1&viewmodel=ReadMessageItem"
	}},
	{name: "inferenceClassification", f: func(*call, *mailbox.Item) any { return "focused" }},
	{name: "bodyPreview", f: func(c *call, it *mailbox.Item) any { return preview(c.ctx, it.Message) }},
	{name: "body", f: func(c *call, it *mailbox.Item) any { return c.bodyOf(it.Message) }},
	{name: "sender", f: func(_ *call, it *mailbox.Item) any { return orNil(sender(it.Message.Props)) }},
	{name: "from", f: func(_ *call, it *mailbox.Item) any { return orNil(from(it.Message.Props)) }},
	{name: "toRecipients", f: func(_ *call, it *mailbox.Item) any { return recipients(it.Message, mapi.RecipientTo) }},
	{name: "ccRecipients", f: func(_ *call, it *mailbox.Item) any { return recipients(it.Message, mapi.RecipientCc) }},
	{name: "bccRecipients", f: func(_ *call, it *mailbox.Item) any { return recipients(it.Message, mapi.RecipientBcc) }},
	{name: "replyTo", f: func(_ *call, it *mailbox.Item) any { return replyTo(it.Message.Props) }},
	{name: "flag", f: func(_ *call, it *mailbox.Item) any { return followup(it.Message.Props) }},
	{name: "internetMessageHeaders", asked: true, f: func(_ *call, it *mailbox.Item) any { return headers(it.Message) }},
	{name: "uniqueBody", asked: true, f: func(c *call, it *mailbox.Item) any { return c.bodyOf(it.Message) }},
}, common...)

// build makes the JSON of an item from its fields.
func (c *call) build(q *query, typ string, fields []field, it *mailbox.Item) (object, error) {
	o := object{"id": c.itemID(it), "@odata.etag": `W/"` + changeKey(it) + `"`}
	if typ != "" {
		o["@odata.type"] = typ
	}
	for _, f := range fields {
		if len(q.sel) == 0 && f.asked || !q.selects(f.name) {
			continue
		}
		o[f.name] = f.f(c, it)
	}
	if err := q.extended(o, it.Message.Props); err != nil {
		return nil, err
	}
	if e, ok := q.expands("attachments"); ok {
		o["attachments"] = c.attachments(&e.query, it, true)
	}
	return o, nil
}

// message makes the JSON of a message.
func (c *call) message(q *query, it *mailbox.Item) (object, error) {
	typ := ""
	switch class := strings.ToLower(it.Class()); {
	case class == "ipm.schedule.meeting.request":
		typ = "#microsoft.graph.eventMessageRequest"
	case strings.HasPrefix(class, "ipm.schedule.meeting.resp"):
		typ = "#microsoft.graph.eventMessageResponse"
	case strings.HasPrefix(class, "ipm.schedule.meeting"):
		typ = "#microsoft.graph.eventMessage"
	}
	return c.build(q, typ, messageFields, it)
}

func draft(m *mapi.Message) bool {
	n, _ := m.Props.Int(mapi.PidTagMessageFlags)
	return n&flagUnsent != 0
}

func received(it *mailbox.Item) time.Time {
	return date(it.Message.Props.Time(mapi.PidTagMessageDeliveryTime), it.Created)
}

func date(t, or time.Time) time.Time {
	if t.IsZero() {
		return or
	}
	return t
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func orNil(o object) any {
	if o == nil {
		return nil
	}
	return o
}

func categories(ps mapi.Properties) any {
	v, _ := ps.GetName(mapi.PidNameKeywords)
	return anys(v.Texts())
}

func importance(ps mapi.Properties) any {
	n, ok := ps.Int(mapi.PidTagImportance)
	switch {
	case ok && n == 0:
		return "low"
	case ok && n == 2:
		return "high"
	}
	return "normal"
}

// conversation is an id that all messages of a thread share.
func conversation(ps mapi.Properties) any {
	b := ps.Bytes(mapi.PidTagConversationIndex)
	if len(b) >= 22 {
		b = b[6:22]
	} else {
		sum := sha256.Sum256([]byte(ps.Text(mapi.PidTagConversationTopic)))
		b = sum[:16]
	}
	return "AAQkAD" + base64.URLEncoding.EncodeToString(b)
}

// address is an emailAddress within a recipient, nil when there is neither.
func address(smtp, kind, addr, name string) object {
	if smtp == "" {
		smtp = addr
	}
	if smtp == "" && name == "" {
		return nil
	}
	return object{"emailAddress": object{"name": name, "address": smtp}}
}

func sender(ps mapi.Properties) object {
	return address(ps.Text(mapi.PidTagSenderSmtpAddress), ps.Text(mapi.PidTagSenderAddressType), ps.Text(mapi.PidTagSenderEmailAddress), ps.Text(mapi.PidTagSenderName))
}

func from(ps mapi.Properties) object {
	a := address(ps.Text(mapi.PidTagSentRepresentingSmtpAddress), ps.Text(mapi.PidTagSentRepresentingAddressType),
		ps.Text(mapi.PidTagSentRepresentingEmailAddress), ps.Text(mapi.PidTagSentRepresentingName))
	if a == nil {
		a = sender(ps)
	}
	return a
}

func recipients(m *mapi.Message, kind int) any {
	out := []any{}
	for _, r := range m.Recipients {
		if r.Type() != kind {
			continue
		}
		a := address(r.Props.Text(mapi.PidTagSmtpAddress), r.Props.Text(mapi.PidTagAddressType), r.Props.Text(mapi.PidTagEmailAddress), r.Props.Text(mapi.PidTagDisplayName))
		if a != nil {
			out = append(out, a)
		}
	}
	return out
}

// replyTo reads the one-off entries of PidTagReplyRecipientEntries.
func replyTo(ps mapi.Properties) any {
	out := []any{}
	for _, e := range parseEntries(ps.Bytes(mapi.PidTagReplyRecipientEntries)) {
		out = append(out, object{"emailAddress": object{"name": e.name, "address": e.address}})
	}
	return out
}

// followup is the flag. [MS-OXOFLAG] 2.2.1.1
func followup(ps mapi.Properties) any {
	o := object{"flagStatus": "notFlagged"}
	switch n, _ := ps.Int(mapi.PidTagFlagStatus); n {
	case 1:
		o["flagStatus"] = "complete"
		if t := ps.Time(mapi.PidTagFlagCompleteTime); !t.IsZero() {
			o["completedDateTime"] = zoned(t)
		}
	case 2:
		o["flagStatus"] = "flagged"
		if t := ps.NameTime(mapi.PidLidTaskStartDate); !t.IsZero() {
			o["startDateTime"] = zoned(t)
		}
		if t := ps.NameTime(mapi.PidLidTaskDueDate); !t.IsZero() {
			o["dueDateTime"] = zoned(t)
		}
	}
	return o
}

// zoned is a dateTimeTimeZone in UTC.
func zoned(t time.Time) object {
	return object{"dateTime": t.UTC().Format("2006-01-02T15:04:05.0000000"), "timeZone": "UTC"}
}

// headers are those of the transport; a message that was never sent has none.
func headers(m *mapi.Message) any {
	block := m.Props.Text(mapi.PidTagTransportMessageHeaders)
	if block == "" {
		return []any{}
	}
	out := []any{}
	var cur object
	for _, line := range strings.Split(strings.ReplaceAll(block, "\r\n", "\n"), "\n") {
		if line == "" {
			continue
		}
		if (line[0] == ' ' || line[0] == '\t') && cur != nil {
			cur["value"] = text(cur, "value") + line
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		cur = object{"name": name, "value": strings.TrimLeft(value, " \t")}
		out = append(out, cur)
	}
	return out
}

// bodyLimit bounds a body in JSON.
const bodyLimit = 32 << 20

// bodyOf is the best body that there is: HTML, HTML within RTF, text.
func (c *call) bodyOf(m *mapi.Message) any {
	html, isHTML := htmlOf(c.ctx, m)
	if isHTML && c.prefer["outlook.body-content-type"] != "text" {
		return object{"contentType": "html", "content": html}
	}
	return object{"contentType": "text", "content": textOf(c.ctx, m)}
}

func readText(r io.Reader) string {
	b, _ := io.ReadAll(io.LimitReader(r, bodyLimit))
	return strings.ToValidUTF8(string(b), "\uFFFD")
}

func htmlOf(ctx context.Context, m *mapi.Message) (string, bool) {
	if p, ok := m.Props.GetID(mapi.PidTagHtml.ID()); ok {
		if p.Value.Type().IsString() {
			if r, err := p.Value.OpenText(ctx); err == nil {
				defer r.Close()
				return readText(r), true
			}
		}
		if r, err := p.Value.Blob().Open(ctx); err == nil {
			defer r.Close()
			b, _ := io.ReadAll(io.LimitReader(r, bodyLimit))
			if utf8.Valid(b) {
				return string(b), true
			}
			n, _ := m.Props.Int(mapi.PidTagInternetCodepage)
			cs, _ := codepage.Get(int(n))
			s, _ := cs.Decode(b)
			return s, true
		}
	}
	if v, ok := m.Props.Get(mapi.PidTagRtfCompressed); ok {
		if kind, err := rtf.Detect(ctx, v.Blob()); err == nil && kind == rtf.Text {
			return "", false
		}
		if r, err := v.Blob().Open(ctx); err == nil {
			defer r.Close()
			var b bytes.Buffer
			if _, err := rtf.ToHTML(&b, rtf.NewReader(r), &rtf.Options{CodePage: codepage.OfMessage(m.Props), MaxOutput: bodyLimit}); err == nil {
				return b.String(), true
			}
		}
	}
	return "", false
}

func textOf(ctx context.Context, m *mapi.Message) string {
	if v, ok := m.Props.Get(mapi.PidTagBody); ok {
		if r, err := v.OpenText(ctx); err == nil {
			defer r.Close()
			return readText(r)
		}
	}
	if v, ok := m.Props.Get(mapi.PidTagRtfCompressed); ok {
		if r, err := v.Blob().Open(ctx); err == nil {
			defer r.Close()
			var b bytes.Buffer
			if _, err := rtf.ToText(&b, rtf.NewReader(r), &rtf.Options{CodePage: codepage.OfMessage(m.Props), MaxOutput: bodyLimit}); err == nil {
				return b.String()
			}
		}
	}
	if h, ok := htmlOf(ctx, m); ok {
		return stripTags(h)
	}
	return ""
}

// stripTags is a rough text of HTML, for previews.
func stripTags(h string) string {
	var b strings.Builder
	in := false
	for _, r := range h {
		switch {
		case r == '<':
			in = true
		case r == '>' && in:
			in = false
			b.WriteByte(' ')
		case !in:
			b.WriteRune(r)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// preview is the first 255 characters of the text.
func preview(ctx context.Context, m *mapi.Message) any {
	s := ""
	if v, ok := m.Props.Get(mapi.PidTagBody); ok {
		if r, err := v.OpenText(ctx); err == nil {
			defer r.Close()
			b, _ := io.ReadAll(io.LimitReader(r, 2048))
			s = strings.ToValidUTF8(string(b), "")
		}
	} else if h, ok := htmlOf(ctx, m); ok {
		s = stripTags(h)
	}
	r := []rune(s)
	return string(r[:min(len(r), 255)])
}

// hasAttachments does not count what stands within the body.
func hasAttachments(m *mapi.Message) bool {
	for _, a := range m.Attachments {
		if !inline(a) {
			return true
		}
	}
	return false
}

func inline(a *mapi.Attachment) bool {
	n, _ := a.Props.Int(mapi.PidTagAttachFlags)
	return n&4 != 0 || a.Props.Bool(mapi.PidTagAttachmentHidden)
}
