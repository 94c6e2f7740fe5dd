package mapihttptest

import (
	"slices"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/rop"
)

func doGetAttachmentTable(x *execution, m *messageObject, _ *rop.GetAttachmentTable) (rop.Body, error) {
	t := &table{logon: m.logon, contents: true}
	for i, a := range m.msg.Attachments {
		ps := a.Props.Clone()
		ps.Set(mapi.PidTagAttachNumber, mapi.Int32Value(number(a, i)))
		t.all = append(t.all, ps)
	}
	t.rows = t.all
	x.put(t)
	return nil, nil
}

func doGetValidAttachments(_ *execution, m *messageObject, _ *rop.GetValidAttachments) (rop.Body, error) {
	res := &rop.GetValidAttachmentsResult{}
	for i, a := range m.msg.Attachments {
		res.AttachmentIDs = append(res.AttachmentIDs, uint32(number(a, i)))
	}
	return res, nil
}

func doOpenAttachment(x *execution, m *messageObject, r *rop.OpenAttachment) (rop.Body, error) {
	a, ok := m.attachment(int32(r.AttachmentID))
	if !ok {
		return nil, rop.NotFound
	}
	own := *a
	own.Props = a.Props.Clone()
	x.put(&attachmentObject{of: m, att: &own, num: int32(r.AttachmentID)})
	return nil, nil
}

func doCreateAttachment(x *execution, m *messageObject, _ *rop.CreateAttachment) (rop.Body, error) {
	num := int32(0)
	for i, a := range m.msg.Attachments {
		num = max(num, number(a, i)+1)
	}
	a := &attachmentObject{of: m, att: &mapi.Attachment{}, num: num, new: true}
	a.att.Props.Set(mapi.PidTagAttachNumber, mapi.Int32Value(num))
	x.put(a)
	return &rop.CreateAttachmentResult{AttachmentID: uint32(num)}, nil
}

func doDeleteAttachment(_ *execution, m *messageObject, r *rop.DeleteAttachment) (rop.Body, error) {
	for i, a := range m.msg.Attachments {
		if number(a, i) == int32(r.AttachmentID) {
			m.msg.Attachments = slices.Delete(slices.Clone(m.msg.Attachments), i, i+1)
			return nil, nil
		}
	}
	return nil, rop.NotFound
}

func doSaveChangesAttachment(x *execution, _ object, _ rop.RequestBody) (rop.Body, error) {
	a, ok := x.object(x.request.In).(*attachmentObject)
	if !ok {
		return nil, rop.NullObject
	}
	own := *a.att
	own.Props = a.att.Props.Clone()
	if a.new {
		a.of.msg.Attachments = append(slices.Clone(a.of.msg.Attachments), &own)
		a.new = false
		return nil, nil
	}
	for i, old := range a.of.msg.Attachments {
		if number(old, i) == a.num {
			a.of.msg.Attachments = slices.Clone(a.of.msg.Attachments)
			a.of.msg.Attachments[i] = &own
			return nil, nil
		}
	}
	return nil, rop.ObjectDeleted
}

// doOpenEmbeddedMessage opens the message that an attachment is, or makes it.
// [MS-OXCMSG] 3.2.5.17
func doOpenEmbeddedMessage(x *execution, a *attachmentObject, r *rop.OpenEmbeddedMessage) (rop.Body, error) {
	m := &messageObject{logon: a.of.logon, within: a}
	switch {
	case a.att.Embedded != nil:
		m.msg = clone(a.att.Embedded)
	case r.OpenModeFlags&rop.Create != 0:
		m.msg = &mapi.Message{}
		m.msg.Props.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Note"))
	default:
		return nil, rop.NotFound
	}
	x.put(m)
	return &rop.OpenEmbeddedMessageResult{OpenMessageResult: m.opened()}, nil
}
