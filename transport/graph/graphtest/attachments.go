package graphtest

import (
	"encoding/base64"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/msg/cfb"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

var attachmentRoutes = []*route{
	{"GET", "users/{user}/messages/{item}/attachments", "attachments.list", "Mail.Read", "", "Collection(graph.attachment)", (*call).listAttachments},
	{"POST", "users/{user}/messages/{item}/attachments", "attachments.create", "Mail.ReadWrite", "graph.attachment", "graph.attachment", (*call).createAttachment},
	{"POST", "users/{user}/messages/{item}/attachments/createUploadSession", "upload.create", "Mail.ReadWrite", "graph.createUploadSessionBody", "graph.uploadSession", (*call).createUpload},
	{"GET", "users/{user}/messages/{item}/attachments/{attachment}", "attachments.get", "Mail.Read", "", "graph.attachment", (*call).getAttachment},
	{"DELETE", "users/{user}/messages/{item}/attachments/{attachment}", "attachments.delete", "Mail.ReadWrite", "", "", (*call).deleteAttachment},
	{"GET", "users/{user}/messages/{item}/attachments/{attachment}/$value", "attachments.value", "Mail.Read", "", "", (*call).attachmentValue},
	{"GET", "users/{user}/events/{item}/attachments", "attachments.list", "Calendars.Read", "", "Collection(graph.attachment)", (*call).listAttachments},
	{"POST", "users/{user}/events/{item}/attachments", "attachments.create", "Calendars.ReadWrite", "graph.attachment", "graph.attachment", (*call).createAttachment},
	{"POST", "users/{user}/events/{item}/attachments/createUploadSession", "upload.create", "Calendars.ReadWrite", "graph.createUploadSessionBody", "graph.uploadSession", (*call).createUpload},
	{"GET", "users/{user}/events/{item}/attachments/{attachment}", "attachments.get", "Calendars.Read", "", "graph.attachment", (*call).getAttachment},
	{"GET", "users/{user}/events/{item}/attachments/{attachment}/$value", "attachments.value", "Calendars.Read", "", "", (*call).attachmentValue},
}

// number identifies an attachment in its item.
func number(m *mapi.Message, i int) uint32 {
	if n, ok := m.Attachments[i].Props.Int(mapi.PidTagAttachNumber); ok {
		return uint32(n)
	}
	return 1<<31 + uint32(i)
}

// attach adds an attachment with a number of its own.
func attach(m *mapi.Message, a *mapi.Attachment) {
	next := int64(0)
	for _, o := range m.Attachments {
		if n, ok := o.Props.Int(mapi.PidTagAttachNumber); ok && n >= next {
			next = n + 1
		}
	}
	a.Props.Set(mapi.PidTagAttachNumber, mapi.Int32Value(int32(next)))
	m.Attachments = append(m.Attachments, a)
}

func (c *call) attachmentID(it *mailbox.Item, i int) string {
	return encodeID(c.box, ident{kind: idAttach, n: uint64(it.ID), sub: number(it.Message, i)})
}

// attachment makes the JSON of an attachment; content says whether its bytes
// belong to it.
func (c *call) attachment(q *query, it *mailbox.Item, i int, content bool) object {
	a := it.Message.Attachments[i]
	ps := a.Props
	name := ps.Text(mapi.PidTagDisplayName)
	for _, t := range []mapi.Tag{mapi.PidTagAttachLongFilename, mapi.PidTagAttachFilename} {
		if s := ps.Text(t); s != "" {
			name = s
			break
		}
	}
	size := int64(0)
	for _, p := range ps {
		size += p.Value.Size()
	}
	o := object{
		"id": c.attachmentID(it, i), "name": name, "contentType": orNull(ps.Text(mapi.PidTagAttachMimeTag)), "isInline": inline(a), "size": size,
		"lastModifiedDateTime": date(ps.Time(mapi.PidTagLastModificationTime), it.Modified),
	}
	switch a.Method() {
	case mapi.AttachEmbedded:
		o["@odata.type"] = "#microsoft.graph.itemAttachment"
		if a.Embedded != nil {
			o["size"] = size + 1024
			if e, ok := q.expands("microsoft.graph.itemAttachment/item"); ok {
				o["item"] = c.embedded(&e.query, it, a.Embedded)
			}
		}
	case mapi.AttachByReference, mapi.AttachByRefResolve, mapi.AttachByRefOnly, mapi.AttachByWebReference:
		o["@odata.type"] = "#microsoft.graph.referenceAttachment"
	default:
		o["@odata.type"] = "#microsoft.graph.fileAttachment"
		o["@odata.mediaContentType"] = "application/octet-stream"
		if s := ps.Text(mapi.PidTagAttachMimeTag); s != "" {
			o["@odata.mediaContentType"] = s
		}
		o["contentId"] = orNull(ps.Text(mapi.PidTagAttachContentId))
		o["contentLocation"] = orNull(ps.Text(mapi.PidTagAttachContentLocation))
		if b := c.fileOf(a); b != nil && content && q.selects("contentBytes") {
			o["contentBytes"] = b
		}
	}
	return q.apply(o)
}

// fileOf is the content of an attachment as a file, nil for none. An OLE object
// is the compound file of its storage.
func (c *call) fileOf(a *mapi.Attachment) mapi.Blob {
	if b := a.Data(); b != nil {
		return b
	}
	if a.Storage != nil {
		if b, err := cfb.StorageBlob(c.ctx, a.Storage); err == nil {
			return b
		}
	}
	if p, ok := a.Props.GetID(mapi.PidTagAttachDataObject.ID()); ok {
		return p.Value.Blob()
	}
	return nil
}

// embedded makes the JSON of an item within an item. It has no id of its own.
func (c *call) embedded(q *query, outer *mailbox.Item, m *mapi.Message) object {
	it := mailbox.Item{ID: outer.ID, Place: outer.Place, Folder: outer.Folder, Created: outer.Created, Modified: outer.Modified, Message: m}
	var o object
	var err error
	switch class := strings.ToLower(m.Class()); {
	case strings.HasPrefix(class, "ipm.contact"):
		o, err = c.build(q, "#microsoft.graph.contact", contactFields, &it)
	case strings.HasPrefix(class, "ipm.appointment"):
		o, err = c.build(q, "#microsoft.graph.event", eventFields, &it)
	default:
		o, err = c.message(q, &it)
		if err == nil && o["@odata.type"] == nil {
			o["@odata.type"] = "#microsoft.graph.message"
		}
	}
	if err != nil {
		return nil
	}
	delete(o, "id")
	delete(o, "@odata.etag")
	return o
}

func (c *call) attachments(q *query, it *mailbox.Item, content bool) []any {
	out := []any{}
	for i := range it.Message.Attachments {
		out = append(out, c.attachment(q, it, i, content))
	}
	return out
}

func (c *call) listAttachments() error {
	it, err := c.one(mailbox.MayRead)
	if err != nil {
		return err
	}
	return c.replyList(len(it.Message.Attachments), func(q *query, i int) (object, error) { return c.attachment(q, &it, i, true), nil })
}

// part finds the attachment of the path.
func (c *call) part(r mailbox.Rights) (mailbox.Item, int, error) {
	it, err := c.one(r)
	if err != nil {
		return it, 0, err
	}
	id, err := decodeID(c.box, c.vars["attachment"])
	if err != nil {
		return it, 0, err
	}
	if id.kind != idAttach {
		return it, 0, errMalformed
	}
	for i := range it.Message.Attachments {
		if id.n == uint64(it.ID) && number(it.Message, i) == id.sub {
			return it, i, nil
		}
	}
	return it, 0, errNotFound
}

func (c *call) getAttachment() error {
	it, i, err := c.part(mailbox.MayRead)
	if err != nil {
		return err
	}
	return c.reply(200, c.attachment(&c.q, &it, i, true))
}

// attachmentValue is the bytes of a file, or an attached item as MIME.
func (c *call) attachmentValue() error {
	it, i, err := c.part(mailbox.MayRead)
	if err != nil {
		return err
	}
	a := it.Message.Attachments[i]
	etag := `"` + changeKey(&it) + `"`
	if a.Embedded != nil {
		if c.s.o.Convert == nil {
			return fail(501, "NotImplemented", "This server was given no converter for MIME.")
		}
		m, err := c.s.o.Convert.ToMIME(c.ctx, &transport.Content{Form: transport.FormObject, Object: a.Embedded})
		if err != nil {
			return fail(500, "ErrorContentConversionFailed", "Content conversion failed. (%v)", err)
		}
		defer m.Close()
		return c.serve("text/plain", etag, m.MIME)
	}
	b := c.fileOf(a)
	if b == nil {
		return fail(405, "ErrorInvalidRequest", "The attachment has no content.")
	}
	typ := a.Props.Text(mapi.PidTagAttachMimeTag)
	if typ == "" {
		typ = "application/octet-stream"
	}
	return c.serve(typ, etag, b)
}

func (c *call) deleteAttachment() error {
	it, i, err := c.part(mailbox.MayEdit)
	if err != nil {
		return err
	}
	n := number(it.Message, i)
	if _, err := c.box.Change(it.ID, func(m *mapi.Message) error {
		for i := range m.Attachments {
			if number(m, i) == n {
				m.Attachments = append(m.Attachments[:i], m.Attachments[i+1:]...)
				return nil
			}
		}
		return errNotFound
	}); err != nil {
		return err
	}
	return c.noContent(204)
}

// newAttachment makes an attachment of what a client sent.
func (c *call) newAttachment(o object) (*mapi.Attachment, error) {
	a := &mapi.Attachment{}
	ps := &a.Props
	name := text(o, "name")
	if name == "" {
		return nil, fail(400, "ErrorInvalidAttachment", "An attachment needs a name.")
	}
	ps.Set(mapi.PidTagDisplayName, mapi.StringValue(name))
	ps.Set(mapi.PidTagLastModificationTime, mapi.TimeValue(c.s.now()))
	ps.Set(mapi.PidTagRenderingPosition, mapi.Int32Value(-1))
	if b, _ := truth(o, "isInline"); b {
		ps.Set(mapi.PidTagAttachFlags, mapi.Int32Value(4))
		ps.Set(mapi.PidTagAttachmentHidden, mapi.BoolValue(true))
	}
	switch typ := text(o, "@odata.type"); strings.TrimPrefix(typ, "#") {
	case "microsoft.graph.fileAttachment":
		b, err := base64.StdEncoding.DecodeString(text(o, "contentBytes"))
		if err != nil {
			return nil, fail(400, "ErrorInvalidRequest", "contentBytes is not valid base64.")
		}
		if int64(len(b)) > c.s.o.Limits.Inline {
			return nil, errTooLarge
		}
		fileProps(a, name, text(o, "contentType"), text(o, "contentId"), text(o, "contentLocation"))
		ps.Set(mapi.PidTagAttachDataBinary, mapi.BinaryValue(b))
	case "microsoft.graph.itemAttachment":
		item := child(o, "item")
		if item == nil {
			return nil, fail(400, "ErrorInvalidRequest", "An itemAttachment needs an item.")
		}
		m, err := c.newItem(item)
		if err != nil {
			return nil, err
		}
		ps.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachEmbedded))
		a.Embedded = m
	case "microsoft.graph.referenceAttachment":
		return nil, fail(400, "ErrorInvalidRequest", "A referenceAttachment cannot be created in this version.")
	default:
		return nil, fail(400, "ErrorInvalidRequest", "The @odata.type '%s' is no type of attachment.", typ)
	}
	return a, nil
}

func fileProps(a *mapi.Attachment, name, typ, cid, location string) {
	ps := &a.Props
	ps.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachByValue))
	ps.Set(mapi.PidTagAttachLongFilename, mapi.StringValue(name))
	if typ != "" {
		ps.Set(mapi.PidTagAttachMimeTag, mapi.StringValue(typ))
	}
	if cid != "" {
		ps.Set(mapi.PidTagAttachContentId, mapi.StringValue(cid))
	}
	if location != "" {
		ps.Set(mapi.PidTagAttachContentLocation, mapi.StringValue(location))
	}
	if i := strings.LastIndexByte(name, '.'); i > 0 {
		ps.Set(mapi.PidTagAttachExtension, mapi.StringValue(name[i:]))
	}
}

// newItem makes the item of an itemAttachment: a message, an event, a contact.
func (c *call) newItem(o object) (*mapi.Message, error) {
	switch strings.TrimPrefix(text(o, "@odata.type"), "#microsoft.graph.") {
	case "message":
		return c.newMessage(o)
	case "event":
		return c.newEvent(o)
	case "contact":
		return c.newContact(o)
	}
	return nil, fail(400, "ErrorItemPropertyRequestFailed", "The @odata.type '%s' cannot be attached.", text(o, "@odata.type"))
}

func (c *call) createAttachment() error {
	it, err := c.one(mailbox.MayEdit)
	if err != nil {
		return err
	}
	o, err := c.body()
	if err != nil {
		return err
	}
	a, err := c.newAttachment(o)
	if err != nil {
		return err
	}
	it, err = c.addAttachment(it, a)
	if err != nil {
		return err
	}
	return c.reply(201, c.attachment(&c.q, &it, len(it.Message.Attachments)-1, true))
}

// addAttachment adds an attachment to an item, whose size is limited.
func (c *call) addAttachment(it mailbox.Item, a *mapi.Attachment) (mailbox.Item, error) {
	if d := a.Data(); d != nil && it.Size+d.Size() > c.s.o.Limits.Message {
		return it, fail(413, "ErrorMessageSizeExceeded", "The message exceeds the maximum supported size.")
	}
	return c.box.Change(it.ID, func(m *mapi.Message) error { attach(m, a); return nil })
}
