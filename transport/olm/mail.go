package olm

import (
	"encoding/base64"
	"strings"

	"github.com/mailconv/mailconv/mapi"
)

const (
	flagRead      = 0x1
	flagUnsent    = 0x8
	flagHasAttach = 0x10
)

// build makes the object of an item.
func (a *archive) build(e *entry, item int, n *node) (*mapi.Message, mapi.Problems) {
	b := &builder{a: a, e: e, item: item, n: n, m: &mapi.Message{}}
	b.text(mapi.PidTagMessageClass, items[n.name])
	switch n.name {
	case "email":
		b.mail()
	case "contact":
		b.contact()
	case "group":
		b.group()
	case "appointment":
		b.appointment()
	case "task":
		b.task()
	case "note":
		b.note()
	}
	b.rest()
	return b.m, b.Problems
}

func (b *builder) mail() {
	n := b.n
	b.text(mapi.PidTagSubject, n.get("OPFMessageCopySubject"))
	b.text(mapi.PidTagConversationTopic, n.get("OPFMessageCopyThreadTopic"))
	b.text(mapi.PidTagInternetMessageId, angled(n.get("OPFMessageCopyMessageID")))
	b.text(mapi.PidTagInReplyToId, n.get("OPFMessageCopyInReplyTo"))
	b.text(mapi.PidTagInternetReferences, n.get("OPFMessageCopyReferences"))
	if index, err := base64.StdEncoding.DecodeString(strings.TrimSpace(n.get("OPFMessageCopyThreadIndex"))); err == nil && len(index) >= 22 {
		b.m.Props.Set(mapi.PidTagConversationIndex, mapi.BinaryValue(index))
	} else if k := n.child("OPFMessageCopyThreadIndex"); k != nil {
		k.used = false
	}
	b.time(mapi.PidTagClientSubmitTime, n.date("OPFMessageCopySentTime"))
	b.time(mapi.PidTagMessageDeliveryTime, n.date("OPFMessageCopyReceivedTime"))
	b.time(mapi.PidTagLastModificationTime, n.date("OPFMessageCopyModDate"))
	b.importance("OPFMessageGetPriority")
	b.categories("OPFMessageCopyCategoryList", "OPFMessageCopyPrimaryCategory")
	b.followUp("OPFMessageCopyGetFlagStatus", "OPFMessageCopyStartDateTime", "OPFMessageCopyDueDateTime", "OPFMessageCopyCompletedDateTime")
	if t := n.date("OPFMessageCopyReminderDateTime"); !t.IsZero() {
		b.m.Props.SetName(mapi.PidLidReminderSet, mapi.BoolValue(true))
		b.namedTime(mapi.PidLidReminderTime, t)
	}

	from, sender := b.people("OPFMessageCopyFromAddresses"), b.people("OPFMessageCopySenderAddress")
	if len(from) == 0 {
		from = sender
	}
	if len(sender) == 0 {
		sender = from
	}
	if len(from) > 0 {
		b.sender(from[0], mapi.PidTagSentRepresentingName, mapi.PidTagSentRepresentingAddressType, mapi.PidTagSentRepresentingEmailAddress, mapi.PidTagSentRepresentingSmtpAddress)
		b.sender(sender[0], mapi.PidTagSenderName, mapi.PidTagSenderAddressType, mapi.PidTagSenderEmailAddress, mapi.PidTagSenderSmtpAddress)
	}
	for _, list := range []struct {
		name string
		typ  int32
	}{{"OPFMessageCopyToAddresses", mapi.RecipientTo}, {"OPFMessageCopyCCAddresses", mapi.RecipientCc}, {"OPFMessageCopyBCCAddresses", mapi.RecipientBcc}} {
		for _, p := range b.people(list.name) {
			b.recipient(list.typ, p)
		}
	}
	if reply := b.people("OPFMessageCopyReplyToAddresses"); len(reply) > 0 {
		var names []string
		for _, p := range reply {
			names = append(names, p.shown())
		}
		b.text(mapi.PidTagReplyRecipientNames, strings.Join(names, ";"))
		b.m.Props.Set(mapi.PidTagReplyRecipientEntries, mapi.BinaryValue(entryList(reply)))
	}

	b.mailBody()
	b.attachments("OPFMessageCopyAttachmentList")
	b.source()
	b.meeting()

	flags := int32(0)
	if n.bool("OPFMessageGetIsRead") {
		flags |= flagRead
	}
	if out, sent := n.bool("OPFMessageIsOutgoing"), n.bool("OPFMessageGetWasSent"); out && !sent {
		flags |= flagUnsent
	}
	if len(b.m.Attachments) > 0 {
		flags |= flagHasAttach
	}
	b.m.Props.Set(mapi.PidTagMessageFlags, mapi.Int32Value(flags))
}

// mailBody tells HTML from text by what it is: flags and elements do not say.
func (b *builder) mailBody() {
	plain, html := b.n.child("OPFMessageCopyBody"), b.n.child("OPFMessageCopyHTMLBody")
	for _, k := range []string{"OPFMessageGetHasHTML", "OPFMessageGetHasRichText", "OPFMessageCopyPreview"} {
		b.n.child(k) // say what the bodies show
	}
	if html != nil && (html.size == 0 || !isMarkup(html.text)) {
		// QUIRK: text in the place of HTML (corpus olm/aspose.email-for-.net/SampleOLM.olm).
		if plain == nil || plain.size == 0 {
			plain = html
		}
		html = nil
	}
	if plain != nil && isDocument(plain.text) {
		// QUIRK: HTML in the place of text (same file).
		if html == nil {
			html = plain
		}
		plain = nil
	}
	if html != nil {
		b.setBody(true, html)
	}
	if plain != nil && plain.size > 0 {
		b.setBody(false, plain)
	}
}

func isMarkup(s string) bool {
	return strings.Contains(s, "</") || strings.Contains(s, "/>") || isDocument(s)
}

func isDocument(s string) bool {
	s = strings.ToLower(strings.TrimSpace(s[:min(len(s), 200)]))
	return strings.HasPrefix(s, "<html") || strings.HasPrefix(s, "<!doctype html")
}

// source takes the header out of the original, where that is there.
func (b *builder) source() {
	k := b.n.child("OPFMessageCopySource")
	if k == nil {
		return
	}
	head, _, whole := strings.Cut(strings.ReplaceAll(k.text, "\r\n", "\n"), "\n\n")
	name, _, ok := strings.Cut(head, ":")
	if !ok || strings.ContainsAny(name, " \t\n<") || !whole && k.large() {
		k.used = false
		return
	}
	b.text(mapi.PidTagTransportMessageHeaders, crlf(head)+"\r\n")
	// The body is there as a property of its own; what else was there stays.
	k.used = !whole
}

// meeting keeps the calendar of a meeting request as a file.
func (b *builder) meeting() {
	k := b.n.child("OPFMessageCopyMeetingData")
	if k == nil || k.size == 0 {
		return
	}
	if k.large() || !strings.Contains(k.text, "BEGIN:VCALENDAR") {
		k.used = false
		return
	}
	a := &mapi.Attachment{}
	a.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachByValue))
	a.Props.Set(mapi.PidTagAttachLongFilename, mapi.StringValue("meeting.ics"))
	a.Props.Set(mapi.PidTagAttachMimeTag, mapi.StringValue("text/calendar"))
	a.Props.Set(mapi.PidTagAttachDataBinary, mapi.BinaryValue([]byte(crlf(k.text))))
	b.m.Attachments = append(b.m.Attachments, a)
}

const attachedInHTML = 4 // ATT_MHTML_REF. [MS-OXCMSG] 2.2.2.18

func (b *builder) attachments(list string) {
	k := b.n.child(list)
	if k == nil {
		return
	}
	_, html := b.m.Props.Get(mapi.PidTagHtml)
	for _, x := range k.kids {
		a := &mapi.Attachment{}
		set := func(tag mapi.Tag, name string) {
			if s := x.attr(name); s != "" {
				a.Props.Set(tag, mapi.StringValue(s))
			}
		}
		a.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachByValue))
		set(mapi.PidTagAttachLongFilename, "OPFAttachmentName")
		set(mapi.PidTagDisplayName, "OPFAttachmentName")
		set(mapi.PidTagAttachMimeTag, "OPFAttachmentContentType")
		if id := strings.Trim(x.attr("OPFAttachmentContentID"), "<> "); id != "" {
			a.Props.Set(mapi.PidTagAttachContentId, mapi.StringValue(id))
			if html {
				a.Props.Set(mapi.PidTagAttachFlags, mapi.Int32Value(attachedInHTML))
			}
		}
		if ext := x.attr("OPFAttachmentContentExtension"); ext != "" {
			a.Props.Set(mapi.PidTagAttachExtension, mapi.StringValue("."+strings.TrimPrefix(ext, ".")))
		}
		url := x.attr("OPFAttachmentURL")
		if f := b.a.files[clean(url)]; f != nil {
			a.Props.Set(mapi.PidTagAttachDataBinary, mapi.BlobValue(mapi.TypeBinary, fileBlob{f}))
		} else {
			b.Add(mapi.Problem{Severe: true, Where: b.e.file.Name, Offset: -1, Field: "OPFAttachmentURL", Detail: "the archive does not hold the attachment " + clean(url)})
		}
		b.m.Attachments = append(b.m.Attachments, a)
	}
}

// angled gives a Message-ID its brackets.
func angled(s string) string {
	if s = strings.TrimSpace(s); s == "" || strings.HasPrefix(s, "<") {
		return s
	}
	return "<" + s + ">"
}
