package ewstest

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/msg/cfb"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// Attachments. [MS-OXWSATT]

// attachRendered is the bit of PidTagAttachFlags for what is shown in the
// body. [MS-OXCMSG] 2.2.2.18
const attachRendered = 0x4

func attachmentName(a *mapi.Attachment) string {
	name := or(a.Props.Text(mapi.PidTagAttachLongFilename), a.Props.Text(mapi.PidTagAttachFilename))
	if name == "" {
		name = a.Props.Text(mapi.PidTagDisplayName)
	}
	if name == "" && a.Embedded != nil {
		name = a.Embedded.Props.Text(mapi.PidTagSubject)
	}
	return name
}

// content is the bytes of an attachment that is no message; nil for none.
func content(a *mapi.Attachment) (mapi.Blob, error) {
	if a.Storage != nil {
		return cfb.StorageBlob(context.Background(), a.Storage)
	}
	return a.Data(), nil
}

// attachments is the element of the same name: all of them, without content.
func (v *view) attachments() any {
	if len(v.msg.Attachments) == 0 {
		return nil
	}
	return func(v *view) error {
		v.c.w.open("t:Attachments")
		for i, a := range v.msg.Attachments {
			path := append(slices.Clone(v.path), i)
			v.openAttachment(a, path)
			v.c.w.close()
		}
		v.c.w.close()
		return nil
	}
}

// openAttachment writes what stands in front of the content.
func (v *view) openAttachment(a *mapi.Attachment, path []int) {
	w := v.c.w
	if a.Embedded != nil {
		w.open("t:ItemAttachment")
	} else {
		w.open("t:FileAttachment")
	}
	w.empty("t:AttachmentId", "Id", attachmentID(v.m, v.it, path))
	w.elem("t:Name", attachmentName(a))
	if s := a.Props.Text(mapi.PidTagAttachMimeTag); s != "" {
		w.elem("t:ContentType", s)
	} else if a.Embedded != nil {
		w.elem("t:ContentType", "message/rfc822")
	}
	if s := a.Props.Text(mapi.PidTagAttachContentId); s != "" {
		w.elem("t:ContentId", s)
	}
	if s := a.Props.Text(mapi.PidTagAttachContentLocation); s != "" {
		w.elem("t:ContentLocation", s)
	}
	w.int("t:Size", attachmentSize(a))
	t := a.Props.Time(mapi.PidTagLastModificationTime)
	if t.IsZero() {
		t = v.it.Modified
	}
	w.elem("t:LastModifiedTime", w.time(t))
	n, _ := a.Props.Int(mapi.PidTagAttachFlags)
	w.bool("t:IsInline", n&attachRendered != 0 || a.Props.Bool(mapi.PidTagAttachmentHidden))
	if a.Embedded == nil {
		w.bool("t:IsContactPhoto", a.Props.Bool(mapi.PidTagAttachmentContactPhoto))
	}
}

func attachmentSize(a *mapi.Attachment) int64 {
	if b, err := content(a); err == nil && b != nil {
		return b.Size()
	}
	var n int64
	if a.Embedded != nil {
		for _, p := range a.Embedded.Props {
			n += p.Value.Size()
		}
		for _, sub := range a.Embedded.Attachments {
			n += attachmentSize(sub)
		}
	}
	return n
}

// attachment finds what an AttachmentId names.
func (c *call) attachment(n *node, need mailbox.Rights) (*view, *mapi.Attachment, error) {
	r, ok := c.s.reference(n.attr("Id"))
	if !ok || r.kind != idAttachment || len(r.path) == 0 {
		return nil, nil, fail("ErrorInvalidAttachmentId", "The attachment id is malformed.")
	}
	if !r.m.May(c.acting, r.folder, need|mailbox.MayRead) {
		return nil, nil, fail("ErrorAccessDenied", "Access is denied. Check credentials and try again.")
	}
	it, ok := r.m.At(r.place)
	if !ok {
		return nil, nil, fail("ErrorItemNotFound", "The specified object was not found in the store.")
	}
	v := c.newView(r.m, &it, shape{base: inAll, bodyType: "Best"})
	for i, at := range r.path {
		if at >= len(v.msg.Attachments) {
			return nil, nil, fail("ErrorAttachmentNotFound", "The attachment could not be found.")
		}
		a := v.msg.Attachments[at]
		if i == len(r.path)-1 {
			v.path = r.path
			return v, a, nil
		}
		if v.msg = a.Embedded; v.msg == nil {
			break
		}
	}
	return nil, nil, fail("ErrorAttachmentNotFound", "The attachment could not be found.")
}

func getAttachment(c *call) *soapFault {
	extra := shape{fields: map[string]bool{}, indexed: map[string]map[string]bool{}}
	sh := c.body.child("AttachmentShape")
	if sf := extra.add(sh.list("AdditionalProperties")); sf != nil {
		return sf
	}
	c.begin()
	for _, id := range c.body.list("AttachmentIds") {
		c.message(func() { c.w.empty("m:Attachments") }, func() (func() error, error) {
			v, a, err := c.attachment(id, 0)
			if err != nil {
				return nil, err
			}
			blob, err := content(a)
			if err != nil {
				return nil, err
			}
			return func() error {
				c.w.open("m:Attachments")
				v.openAttachment(a, v.path)
				switch {
				case a.Embedded != nil:
					in := &view{c: c, m: v.m, it: v.it, msg: a.Embedded, path: v.path, sh: extra}
					in.sh.base, in.sh.mime = inAll, sh.isTrue("IncludeMimeContent")
					in.sh.bodyType = or(sh.value("BodyType"), "Best")
					if err := in.writeItem(); err != nil {
						return err
					}
				case blob != nil:
					c.w.open("t:Content")
					if err := c.w.base64(c.ctx, blob); err != nil {
						return err
					}
					c.w.close()
				}
				c.w.close()
				c.w.close()
				return nil
			}, nil
		})
	}
	return nil
}

// newAttachment makes an attachment of an element; nil where a quirk drops it.
func (e *edit) newAttachment(n *node) (*mapi.Attachment, error) {
	a := &mapi.Attachment{}
	name := n.value("Name")
	a.Props.Set(mapi.PidTagAttachLongFilename, mapi.StringValue(name))
	a.Props.Set(mapi.PidTagDisplayName, mapi.StringValue(name))
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		a.Props.Set(mapi.PidTagAttachExtension, mapi.StringValue(name[i:]))
	}
	for tag, element := range map[mapi.Tag]string{
		mapi.PidTagAttachMimeTag: "ContentType", mapi.PidTagAttachContentId: "ContentId", mapi.PidTagAttachContentLocation: "ContentLocation",
	} {
		if s := n.value(element); s != "" {
			a.Props.Set(tag, mapi.StringValue(s))
		}
	}
	a.Props.Set(mapi.PidTagRenderingPosition, mapi.Int32Value(-1))
	if n.isTrue("IsInline") {
		a.Props.Set(mapi.PidTagAttachFlags, mapi.Int32Value(attachRendered))
		a.Props.Set(mapi.PidTagAttachmentHidden, mapi.BoolValue(true))
	}
	if n.isTrue("IsContactPhoto") {
		a.Props.Set(mapi.PidTagAttachmentContactPhoto, mapi.BoolValue(true))
	}
	a.Props.Set(mapi.PidTagLastModificationTime, mapi.TimeValue(e.c.s.boxes.Now().Truncate(time.Second)))
	switch n.name {
	case "FileAttachment":
		a.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachByValue))
		d := n.child("Content")
		if d == nil || d.data == nil {
			a.Props.Set(mapi.PidTagAttachDataBinary, mapi.BinaryValue(nil))
			return a, nil
		}
		b, err := d.data.blob()
		if err != nil {
			return nil, fail("ErrorInvalidRequest", "the content is not valid base64: %v", err)
		}
		a.Props.Set(mapi.PidTagAttachDataBinary, mapi.BlobValue(mapi.TypeBinary, b))
		return a, nil
	case "ItemAttachment":
		if e.c.s.o.Quirks.DropItemAttachments {
			return nil, nil
		}
		for _, k := range n.kids {
			if _, ok := kinds[k.name]; !ok {
				continue
			}
			in := &edit{c: e.c, m: e.m, msg: &mapi.Message{}}
			if err := in.build(k); err != nil {
				return nil, err
			}
			a.Embedded = in.msg
			a.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachEmbedded))
			return a, nil
		}
	}
	return nil, fail("ErrorInvalidRequest", "an attachment of the kind %s is not known", n.name)
}

func setAttachments(e *edit, n *node) error {
	for _, k := range n.kids {
		a, err := e.newAttachment(k)
		if err != nil {
			return err
		}
		if a != nil {
			e.msg.Attachments = append(e.msg.Attachments, a)
		}
	}
	return nil
}

func createAttachment(c *call) *soapFault {
	c.begin()
	for _, n := range c.body.list("Attachments") {
		c.message(func() { c.w.empty("m:Attachments") }, func() (func() error, error) {
			m, it, err := c.item(c.body.child("ParentItemId"), mailbox.MayEdit)
			if err != nil {
				return nil, err
			}
			a, aerr := (&edit{c: c, m: m}).newAttachment(n)
			if aerr != nil {
				return nil, aerr
			}
			if a != nil {
				if it, aerr = m.Change(it.ID, func(msg *mapi.Message) error {
					msg.Attachments = append(msg.Attachments, a)
					return nil
				}); aerr != nil {
					return nil, aerr
				}
			}
			return func() error {
				last := max(len(it.Message.Attachments)-1, 0)
				c.w.open("m:Attachments")
				c.w.open("t:" + n.name)
				c.w.empty("t:AttachmentId", "Id", attachmentID(m, &it, []int{last}), "RootItemId", itemID(m, it.Folder, it.Place), "RootItemChangeKey", changeKey(it.Change))
				c.w.close()
				c.w.close()
				return nil
			}, nil
		})
	}
	return nil
}

func deleteAttachment(c *call) *soapFault {
	c.begin()
	for _, n := range c.body.list("AttachmentIds") {
		c.message(nil, func() (func() error, error) {
			v, _, err := c.attachment(n, mailbox.MayEdit)
			if err != nil {
				return nil, err
			}
			if len(v.path) != 1 {
				return nil, fail("ErrorCannotDeleteObject", "It is part of an attached item.")
			}
			at := v.path[0]
			it, err := v.m.Change(v.it.ID, func(msg *mapi.Message) error {
				msg.Attachments = slices.Delete(msg.Attachments, at, at+1)
				return nil
			})
			if err != nil {
				return nil, err
			}
			return func() error {
				c.w.empty("m:RootItemId", "RootItemId", itemID(v.m, it.Folder, it.Place), "RootItemChangeKey", changeKey(it.Change))
				return nil
			}, nil
		})
	}
	return nil
}
