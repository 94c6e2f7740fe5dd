package mime

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/tnef"
	"github.com/mailconv/mailconv/mime/entity"
	"github.com/mailconv/mailconv/mime/header"
)

// tnef reads a mail that carries its properties in a TNEF part (winmail.dat).
// It is false when there is none, or none that can be read; the part then is an
// attachment like any other. [MS-OXCMAIL] 2.2.3.5
func (im *importer) tnef(root *entity.Entity) bool {
	var part *entity.Entity
	whole := false // the TNEF part is one of Export
	root.Walk(func(e *entity.Entity) bool {
		if isTNEF(e) {
			n, ok := linkedAttachment(e)
			ours := ok && n < 0
			if part == nil || ours && !whole {
				part, whole = e, ours
			}
		}
		return !e.IsMessage()
	})
	if part == nil {
		return false
	}
	r, size := im.randomAccess(part.Content())
	tm, problems, err := tnef.Decode(im.ctx, r, size, &tnef.Options{Storage: im.opt.Storage})
	for _, p := range problems {
		p.Where = strings.TrimSuffix(partItem(part)+"/"+p.Where, "/")
		im.problem(p)
	}
	if err != nil {
		im.problem(mapi.Problem{Where: whereOf(part), Offset: part.BodyOffset(), Detail: "the TNEF part cannot be read and stays an attachment: " + err.Error(), Spec: "[MS-OXTNEF] 2"})
		return false
	}
	if whole {
		im.wholeTNEF(root, tm)
		return true
	}
	im.mergeTNEF(root, part, tm)
	return true
}

func isTNEF(e *entity.Entity) bool {
	switch e.MediaType {
	case "application/ms-tnef", "application/vnd.ms-tnef":
		return true
	case "application/octet-stream":
		return strings.EqualFold(e.Filename(), "winmail.dat")
	}
	return false
}

// linkedAttachment is the attachment of the TNEF part that a part holds the
// content of, counted from 0; -1 for the TNEF part itself.
func linkedAttachment(e *entity.Entity) (int, bool) {
	v, ok := header.FindParam(e.DispositionParams, paramAttachment)
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(v)
	return n - 1, err == nil && n >= 0
}

// wholeTNEF takes the message as the TNEF part has it, all properties as they
// were; the content of its attachments is in the other parts. Parts that are
// neither that nor a body were added on the way and become attachments.
func (im *importer) wholeTNEF(root *entity.Entity, tm *mapi.Message) {
	im.m, im.whole = tm, true
	root.Walk(func(e *entity.Entity) bool {
		if n, ok := linkedAttachment(e); ok && n >= 0 {
			if n >= len(tm.Attachments) {
				im.problem(mapi.Problem{Where: whereOf(e), Offset: e.Offset(), Field: paramAttachment, Detail: fmt.Sprintf("attachment %d of %d", n+1, len(tm.Attachments))})
				im.attach(e, false)
				return false
			}
			tm.Attachments[n].Props.Set(mapi.PidTagAttachDataBinary, im.binary(e.Content()))
			return false
		}
		return !e.IsMessage()
	})
}

// transportTags are what the header of the mail tells better than the TNEF
// part: gateways rewrite the header alone.
var transportTags = []mapi.Tag{
	mapi.PidTagTransportMessageHeaders, mapi.PidTagMessageDeliveryTime, mapi.PidTagClientSubmitTime,
	mapi.PidTagInternetMessageId, mapi.PidTagSubject, mapi.PidTagSubjectPrefix, mapi.PidTagNormalizedSubject,
	mapi.PidTagMessageFlags, mapi.PidTagDisplayTo, mapi.PidTagDisplayCc, mapi.PidTagDisplayBcc,
	mapi.PidTagSenderName, mapi.PidTagSenderAddressType, mapi.PidTagSenderEmailAddress, mapi.PidTagSenderEntryId,
	mapi.PidTagSenderSearchKey, mapi.PidTagSenderSmtpAddress,
	mapi.PidTagSentRepresentingName, mapi.PidTagSentRepresentingAddressType, mapi.PidTagSentRepresentingEmailAddress,
	mapi.PidTagSentRepresentingEntryId, mapi.PidTagSentRepresentingSearchKey, mapi.PidTagSentRepresentingSmtpAddress,
}

// mergeTNEF puts what a TNEF part of another program says over what the mail
// says, except about the transport. Its body and attachments join those of the
// mail. [MS-OXCMAIL] 2.2.3.5
func (im *importer) mergeTNEF(root, part *entity.Entity, tm *mapi.Message) {
	im.bodies.skip = part
	im.walk(root, inMixed)
	for _, tag := range []mapi.Tag{mapi.PidTagHtml, mapi.PidTagBodyHtml, mapi.PidTagRtfCompressed} {
		if v, ok := tm.Props.Get(tag); ok && v.Size() > 0 {
			im.bodies.html = nil
		}
	}
	if v, ok := tm.Props.Get(mapi.PidTagBody); ok && v.Size() > 0 && im.bodies.files == nil {
		im.bodies.plain = nil
	}
	for _, p := range tm.Props {
		if p.Name != nil {
			im.m.Props.SetName(*p.Name, p.Value)
			continue
		}
		if _, mail := im.m.Props.GetID(p.Tag.ID()); mail && isTransportTag(p.Tag) {
			continue
		}
		im.m.Props.Set(p.Tag, p.Value)
	}
	if len(im.m.Recipients) == 0 {
		im.m.Recipients = tm.Recipients
	}
	im.m.Attachments = append(im.m.Attachments, tm.Attachments...)
	if isSMIME(strings.ToUpper(im.m.Class())) && len(tm.Attachments) == 1 {
		// What is signed is the attachment, and there can only be one.
		im.m.Attachments = tm.Attachments
		im.refs = nil
	}
}

func isTransportTag(tag mapi.Tag) bool {
	for _, t := range transportTags {
		if t.ID() == tag.ID() {
			return true
		}
	}
	return false
}
