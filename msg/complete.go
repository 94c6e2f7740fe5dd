package msg

import (
	"crypto/sha256"
	"encoding/binary"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mailconv/mailconv/mapi"
)

// storeSupportMask says that strings are Unicode, and what a store of messages
// can do; it is what Outlook writes. [MS-OXPROPS], PidTagStoreSupportMask
const storeSupportMask = 0x00040E79

// Object types, PidTagObjectType. [MS-OXCPRPT] 2.2.1.7
const (
	objectTypeMessage    = 5
	objectTypeMailUser   = 6
	objectTypeAttachment = 7
)

// Bits of PidTagMessageFlags. [MS-OXCMSG] 2.2.1.6
const (
	flagRead          = 0x01
	flagHasAttachment = 0x10
)

// Complete adds to a message made from nothing what Outlook expects of one in a
// .msg file: class, flags, store support mask, the parts of the subject, the
// display lists of recipients, search keys, row numbers, one-off entry
// identifiers, and what attachments need to be shown. A property that is there
// is not changed, but for the flag that attachments are present, and a prefix
// that the subject does not start with. Strings should be Unicode, as the store
// support mask says that they are. Nothing that
// only the sender could know is made up: no times, no addresses, no
// identifiers. The same message always gets the same values. Embedded messages
// are completed too.
//
// It is not meant for a message that was read from a file.
func Complete(m *mapi.Message) { complete(m, 0) }

func complete(m *mapi.Message, depth int) {
	p := &m.Props
	add(p, mapi.PidTagMessageClass, mapi.StringValue("IPM.Note"))
	add(p, mapi.PidTagObjectType, mapi.Int32Value(objectTypeMessage))
	add(p, mapi.PidTagStoreSupportMask, mapi.Int32Value(storeSupportMask))
	flags, ok := p.Int(mapi.PidTagMessageFlags)
	if !ok {
		flags = flagRead
	}
	if len(m.Attachments) > 0 {
		flags |= flagHasAttachment
	}
	p.Set(mapi.PidTagMessageFlags, mapi.Int32Value(int32(flags)))
	add(p, mapi.PidTagHasAttachments, mapi.BoolValue(len(m.Attachments) > 0))
	completeSubject(p)
	addText(p, mapi.PidTagDisplayTo, displayList(m, mapi.RecipientTo))
	addText(p, mapi.PidTagDisplayCc, displayList(m, mapi.RecipientCc))
	addText(p, mapi.PidTagDisplayBcc, displayList(m, mapi.RecipientBcc))
	for i, r := range m.Recipients {
		completeRecipient(&r.Props, i)
	}
	if _, ok := p.Get(mapi.PidTagSearchKey); !ok {
		p.Set(mapi.PidTagSearchKey, mapi.BinaryValue(searchKey(m)))
	}
	for i, a := range m.Attachments {
		if a.Embedded != nil && depth < maxDepth {
			complete(a.Embedded, depth+1)
		}
		completeAttachment(a, i)
	}
}

// add sets a property that is not there yet.
func add(p *mapi.Properties, tag mapi.Tag, v mapi.Value) {
	if _, ok := p.Get(tag); !ok {
		p.Set(tag, v)
	}
}

// addText is add for text, which must not be empty. [MS-OXMSG] 2.4.2.2
func addText(p *mapi.Properties, tag mapi.Tag, text string) {
	if text != "" {
		add(p, tag, mapi.StringValue(text))
	}
}

// completeSubject splits PidTagSubject, or joins it from its parts.
// [MS-OXCMSG] 2.2.1.9 and 2.2.1.10
func completeSubject(p *mapi.Properties) {
	prefix, normalized := p.Text(mapi.PidTagSubjectPrefix), p.Text(mapi.PidTagNormalizedSubject)
	subject, ok := p.Get(mapi.PidTagSubject)
	switch {
	case ok && normalized == "":
		prefix, normalized = splitSubject(subject.Text(), prefix)
	case !ok && normalized == "":
		return
	case !ok:
		p.Set(mapi.PidTagSubject, mapi.StringValue(prefix+normalized))
	}
	if p.Text(mapi.PidTagSubjectPrefix) != prefix {
		p.Delete(mapi.PidTagSubjectPrefix)
	}
	addText(p, mapi.PidTagSubjectPrefix, prefix)
	addText(p, mapi.PidTagNormalizedSubject, normalized)
	addText(p, mapi.PidTagConversationTopic, normalized)
}

// splitSubject cuts the known prefix if the subject starts with it, else one of
// one to three letters, a colon and a space, such as "RE: ".
func splitSubject(subject, known string) (prefix, normalized string) {
	if known != "" && strings.HasPrefix(subject, known) {
		return known, subject[len(known):]
	}
	head, rest, ok := strings.Cut(subject, ": ")
	if n := utf8.RuneCountInString(head); !ok || n < 1 || n > 3 {
		return "", subject
	}
	for _, r := range head {
		if !unicode.IsLetter(r) {
			return "", subject
		}
	}
	return head + ": ", rest
}

// displayList is the names of the recipients of one type. [MS-OXOMSG] 2.2.1
func displayList(m *mapi.Message, typ int) string {
	var names []string
	for _, r := range m.Recipients {
		if r.Type() != typ {
			continue
		}
		name := r.Props.Text(mapi.PidTagDisplayName)
		if name == "" {
			name = address(r.Props)
		}
		names = append(names, name)
	}
	return strings.Join(names, "; ")
}

func address(p mapi.Properties) string {
	if s := p.Text(mapi.PidTagSmtpAddress); s != "" {
		return s
	}
	return p.Text(mapi.PidTagEmailAddress)
}

func completeRecipient(p *mapi.Properties, row int) {
	add(p, mapi.PidTagRowid, mapi.Int32Value(int32(row)))
	add(p, mapi.PidTagRecipientType, mapi.Int32Value(mapi.RecipientTo))
	add(p, mapi.PidTagObjectType, mapi.Int32Value(objectTypeMailUser))
	add(p, mapi.PidTagDisplayType, mapi.Int32Value(0))
	typ, addr := p.Text(mapi.PidTagAddressType), p.Text(mapi.PidTagEmailAddress)
	if addr == "" {
		typ, addr = "SMTP", p.Text(mapi.PidTagSmtpAddress)
	}
	if typ == "" || addr == "" {
		return
	}
	add(p, mapi.PidTagAddressType, mapi.StringValue(typ))
	add(p, mapi.PidTagEmailAddress, mapi.StringValue(addr))
	if strings.EqualFold(typ, "SMTP") {
		add(p, mapi.PidTagSmtpAddress, mapi.StringValue(addr))
	}
	add(p, mapi.PidTagDisplayName, mapi.StringValue(addr))
	// Type, colon, address, in upper case, and a zero. [MS-OXCPRPT] 2.2.1.9
	add(p, mapi.PidTagSearchKey, mapi.BinaryValue(append([]byte(strings.ToUpper(typ+":"+addr)), 0)))
	add(p, mapi.PidTagEntryId, mapi.BinaryValue(oneOff(p.Text(mapi.PidTagDisplayName), typ, addr)))
}

// oneOff is a One-Off EntryID: an address that stands in no address book.
// [MS-OXCDATA] 2.2.5.1
func oneOff(name, typ, addr string) []byte {
	b := []byte{
		0, 0, 0, 0,
		0x81, 0x2B, 0x1F, 0xA4, 0xBE, 0xA3, 0x10, 0x19, 0x9D, 0x6E, 0x00, 0xDD, 0x01, 0x0F, 0x54, 0x02,
		0, 0, // version
		0x01, 0x90, // Unicode, no rich text
	}
	for _, s := range []string{name, typ, addr} {
		b = append(append(b, mapi.EncodeUTF16(strings.ReplaceAll(s, "\x00", ""))...), 0, 0)
	}
	return b
}

// searchKey is 16 bytes that tell messages apart, made from what the message
// says. [MS-OXCPRPT] 2.2.1.9
func searchKey(m *mapi.Message) []byte {
	h := sha256.New()
	part := func(b []byte) {
		h.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(b))))
		h.Write(b)
	}
	for _, tag := range []mapi.Tag{
		mapi.PidTagMessageClass, mapi.PidTagInternetMessageId, mapi.PidTagClientSubmitTime, mapi.PidTagMessageDeliveryTime,
		mapi.PidTagSubject, mapi.PidTagSenderEmailAddress, mapi.PidTagBody, mapi.PidTagHtml,
	} {
		v, _ := m.Props.Get(tag)
		part(v.Raw())
	}
	for _, r := range m.Recipients {
		part([]byte(address(r.Props)))
	}
	return h.Sum(nil)[:16]
}

func completeAttachment(a *mapi.Attachment, n int) {
	p := &a.Props
	add(p, mapi.PidTagAttachMethod, mapi.Int32Value(int32(a.Method())))
	add(p, mapi.PidTagAttachNumber, mapi.Int32Value(int32(n)))
	add(p, mapi.PidTagObjectType, mapi.Int32Value(objectTypeAttachment))
	add(p, mapi.PidTagStoreSupportMask, mapi.Int32Value(storeSupportMask))
	add(p, mapi.PidTagRenderingPosition, mapi.Int32Value(-1))
	if d := a.Data(); d != nil {
		add(p, mapi.PidTagAttachSize, mapi.Int32Value(int32(min(d.Size(), 1<<31-1))))
	}
	if a.Embedded != nil {
		addText(p, mapi.PidTagDisplayName, a.Embedded.Props.Text(mapi.PidTagSubject))
	}
	long := p.Text(mapi.PidTagAttachLongFilename)
	if long == "" {
		return
	}
	add(p, mapi.PidTagDisplayName, mapi.StringValue(long))
	if i := strings.LastIndexByte(long, '.'); i > 0 {
		add(p, mapi.PidTagAttachExtension, mapi.StringValue(long[i:]))
	}
}
