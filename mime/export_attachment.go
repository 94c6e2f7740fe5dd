package mime

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime/header"
)

// Bits of PidTagAttachFlags. [MS-OXCMSG] 2.2.2.18
const attachMHTMLRef = 4 // rendered in the HTML of the body

// attachments turns the attachments into parts: those that the HTML shows, and
// the others. [MS-OXCMAIL] 2.1.3.4
//
// An attachment is inline only when the HTML refers to it, by Content-ID or by
// Content-Location: in multipart/related an attachment that nothing refers to
// is not shown by any reader.
func (x *exporter) attachments(refs *references) (inline, attached []*part, err error) {
	used := make(map[string]int, len(x.m.Attachments))
	for i, a := range x.m.Attachments {
		where := "attachment " + strconv.Itoa(i+1)
		if x.inItem(a) {
			continue
		}
		p, err := x.attachment(a, where, used)
		if err != nil {
			return nil, nil, err
		}
		if x.opt.KeepMAPI && x.depth == 0 {
			p.number = i + 1
		}
		id := contentID(a.Props.Text(mapi.PidTagAttachContentId))
		loc := strings.TrimSpace(a.Props.Text(mapi.PidTagAttachContentLocation))
		p.cid = header.MessageID(id)
		p.location = loc
		p.base = strings.TrimSpace(a.Props.Text(mapi.PidTagAttachContentBase))
		flags, _ := a.Props.Int(mapi.PidTagAttachFlags)
		p.disposition = "attachment"
		switch {
		case p.message == nil && (refs.cids.has(id) || refs.hasLocation(loc)):
			p.disposition = "inline"
			inline = append(inline, p)
			continue
		case p.cid != "" && (flags&attachMHTMLRef != 0 || a.Props.Bool(mapi.PidTagAttachmentHidden)):
			// Flagged as inline, but nothing refers to it. [MS-OXCMAIL] 2.1.3.4.1.2
			p.disposition = "inline"
		}
		attached = append(attached, p)
	}
	return inline, attached, nil
}

// contentID is the identifier without its brackets and without the zeros that
// some writers count as a part of it.
//
// QUIRK: [MS-OXCMSG] 2.2.2.29 has no brackets in the property; some files do.
func contentID(s string) string {
	s = strings.Trim(s, " \t\r\n\x00<>")
	// Outside of ASCII, and where a blank stands, the identifier is written as
	// the HTML would: in percent form.
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] >= 0x7F || s[i] == '<' || s[i] == '>' {
			return percentEncode(s)
		}
	}
	return s
}

func percentEncode(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c >= 0x7F || c == '<' || c == '>' {
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func (x *exporter) attachment(a *mapi.Attachment, where string, used map[string]int) (*part, error) {
	p := &part{where: where, created: a.Props.Time(mapi.PidTagCreationTime), modified: a.Props.Time(mapi.PidTagLastModificationTime)}
	p.typ = mediaType(a.Props.Text(mapi.PidTagAttachMimeTag))
	var err error
	switch method := a.Method(); {
	case a.Embedded != nil:
		x.embeddedPart(p, a)
	case a.Storage != nil:
		err = x.storagePart(p, a)
	case a.Data() != nil:
		p.blob = a.Data()
	case method >= mapi.AttachByReference && method <= mapi.AttachByRefOnly || method == mapi.AttachByWebReference:
		x.referencePart(p, a)
	default:
		// Nothing is stored: an empty part keeps the name and the place.
		if method != mapi.AttachNone {
			x.problem(mapi.Problem{
				Where: where, Offset: -1, Field: "PidTagAttachDataBinary",
				Detail: fmt.Sprintf("attachment by method %d holds no content", method), Spec: "[MS-OXCMSG] 2.2.2.7",
			})
		}
	}
	if err != nil {
		return nil, err
	}
	x.nameAttachment(p, a, used)
	x.typeAttachment(p)
	if cs := a.Props.Text(mapi.PidTagTextAttachmentCharset); cs != "" && isToken(cs) && strings.HasPrefix(p.typ, "text/") {
		p.params = append(p.params, header.Param{Name: "charset", Value: cs})
	}
	if d := strings.TrimSpace(a.Props.Text(mapi.PidTagDisplayName)); d != "" && d != p.name {
		p.description = d
	}
	return p, nil
}

// embeddedPart is message/rfc822, as deep as the bound allows.
func (x *exporter) embeddedPart(p *part, a *mapi.Attachment) {
	if x.depth >= x.opt.MaxDepth {
		x.problem(mapi.Problem{
			Severe: true, Where: p.where, Offset: -1,
			Detail: fmt.Sprintf("messages are nested deeper than %d levels; this one and what is in it are left out", x.opt.MaxDepth),
		})
		p.typ = "text/plain"
		p.text = &text{subtype: "plain", charset: "us-ascii", mem: []byte("[message nested too deeply]\r\n")}
		return
	}
	p.typ = "message/rfc822"
	p.message = x.embedded(a.Embedded, p.where)
}

// referencePart is the link of an attachment by reference, as a list of one
// URI. RFC 2483 5
func (x *exporter) referencePart(p *part, a *mapi.Attachment) {
	link := ""
	for _, tag := range []mapi.Tag{mapi.PidTagAttachLongPathname, mapi.PidTagAttachPathname} {
		if link = strings.TrimSpace(a.Props.Text(tag)); link != "" {
			break
		}
	}
	if link == "" {
		for _, n := range webReferenceNames {
			if link = strings.TrimSpace(a.Props.NameText(n)); link != "" {
				break
			}
		}
	}
	x.loss(p.where, mapi.LossApproximated, "the attachment is a link; its target is not in the message")
	p.typ = "text/uri-list"
	p.text = &text{subtype: "uri-list", charset: "utf-8", mem: []byte(fileURI(link) + "\r\n")}
}

// webReferenceNames hold the link of a cloud attachment. [MS-OXCMSG] 2.2.2.9
var webReferenceNames = func() (list []mapi.Name) {
	for _, s := range []string{"PidNameAttachmentProviderEndpointUrl", "PidNameAttachmentOriginalUrl"} {
		if n, ok := mapi.LookupName(s); ok {
			list = append(list, n)
		}
	}
	return list
}()

// fileURI makes a URI of a Windows path; a URI comes back as it is. RFC 8089 E
func fileURI(s string) string {
	if i := strings.Index(s, "://"); i > 1 || s == "" {
		return oneLine(s)
	}
	s = strings.ReplaceAll(s, `\`, "/")
	switch {
	case strings.HasPrefix(s, "//"):
		s = "file:" + s
	case len(s) > 1 && s[1] == ':':
		s = "file:///" + s
	}
	return percentEncode(oneLine(s))
}

// oneLine drops line breaks and NUL.
func oneLine(s string) string {
	return strings.NewReplacer("\r", "", "\n", "", "\x00", "").Replace(s)
}

// nameAttachment finds the file name: PidTagAttachLongFilename, then
// PidTagAttachFilename, PidTagDisplayName, the subject of an embedded message,
// and last a name made of the media type. A name that is not stored as a file
// name is made unique. [MS-OXCMAIL] 2.1.3.4.2.1
func (x *exporter) nameAttachment(p *part, a *mapi.Attachment, used map[string]int) {
	name, stored := storedName(a)
	if name == "" {
		name = fileName(p.name)
	}
	switch {
	case name != "":
	case p.message != nil:
		name = "message"
	case p.typ != "" && a.Props.Text(mapi.PidTagAttachExtension) == "":
		name = "attachment" + extensionOf(p.typ)
	default:
		name = "attachment" + attachmentExt(a)
	}
	switch {
	case p.message != nil:
		// The content is a mail now.
		if n := len(name) - 4; n > 0 && strings.EqualFold(name[n:], ".msg") {
			name = name[:n]
		}
		if n := len(name) - 4; n < 0 || !strings.EqualFold(name[n:], ".eml") {
			name += ".eml"
		}
	case p.typ == "text/uri-list":
		name += ".uri"
	}
	if !stored {
		base, tail := name, ""
		if i := strings.LastIndexByte(name, '.'); i > 0 {
			base, tail = name[:i], name[i:]
		}
		// Each base counts on from its last number, so that many attachments
		// without a name cost one look-up each.
		key := strings.ToLower(name)
		for n := used[key] + 1; used[strings.ToLower(name)] > 0; n++ {
			used[key] = n
			name = base + " (" + strconv.Itoa(n) + ")" + tail
		}
	}
	used[strings.ToLower(name)]++
	p.name = name
}

// fileName cleans a stored name: no control characters, no blanks around it.
func fileName(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7F {
			return -1
		}
		return r
	}, s))
}

// typeAttachment settles the media type. [MS-OXCMAIL] 2.1.3.4.2.2
func (x *exporter) typeAttachment(p *part) {
	if p.message != nil || p.text != nil {
		return
	}
	if p.typ == "" {
		p.typ = mediaTypeOf(p.name)
	}
	switch {
	case p.blob != nil && x.isFieldType(p.typ):
		if b, err := mapi.ReadBlob(x.ctx, p.blob, maxReport); err == nil && x.sevenBit(b) {
			p.text, p.blob = &text{mem: b}, nil
		} else if p.typ != typeHeaders {
			p.typ = octetStream
		}
	// A leaf in base64 must not claim to be a structure. RFC 2045 6.4
	case strings.HasPrefix(p.typ, "multipart/"), strings.HasPrefix(p.typ, "message/"),
		p.typ == "application/applefile", p.typ == "application/mac-binhex40":
		p.typ = octetStream
	}
}

// typeHeaders is the header of a message that is returned. RFC 6522 4
const typeHeaders = "text/rfc822-headers"

// isFieldType reports whether a type is that of fields for machines, which are
// not to be encoded. Those of a report have their place in one that came as a
// mail; elsewhere they are files. RFC 3464 2.1, RFC 8098 3.1, RFC 6522 4
func (x *exporter) isFieldType(typ string) bool {
	switch typ {
	case typeHeaders:
		return true
	case "message/delivery-status", "message/disposition-notification":
		_, ok := x.m.Props.GetName(NameReport)
		return ok
	}
	return false
}

// sevenBit reports whether content can stand in a mail as it is: ASCII in lines
// of at most 998 bytes that end in CRLF, and none of our boundaries in it. RFC
// 2045 2.7
func (x *exporter) sevenBit(b []byte) bool {
	n := 0
	for i, c := range b {
		switch {
		case c == '\n':
			if i == 0 || b[i-1] != '\r' {
				return false
			}
			n = 0
		case c == '\r':
			if i+1 == len(b) || b[i+1] != '\n' {
				return false
			}
		case c == 0 || c >= 0x80 || n == 998:
			return false
		default:
			n++
		}
	}
	return !bytes.Contains(b, []byte(x.boundary.prefix()))
}
