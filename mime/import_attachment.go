package mime

import (
	"fmt"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime/entity"
	"github.com/mailconv/mailconv/mime/header"
)

// attach makes an attachment of a part. [MS-OXCMAIL] 2.2.3.4
func (im *importer) attach(e *entity.Entity, related bool) {
	if len(im.m.Attachments) >= maxAttachments {
		im.loss(partItem(e), mapi.LossTooLarge, "more attachments than a message is given")
		im.problem(mapi.Problem{Severe: true, Where: whereOf(e), Offset: e.Offset(), Detail: fmt.Sprintf("more than %d attachments", maxAttachments)})
		return
	}
	a := &mapi.Attachment{Props: make(mapi.Properties, 0, 14)}
	im.m.Attachments = append(im.m.Attachments, a)
	if inner, ok := im.innerMessage(e); ok {
		im.attachMessage(a, e, inner)
	} else {
		im.nameAttachment(a, e.Filename(), e.MediaType)
		im.fillAttachment(a, e.Content(), e.MediaType)
	}
	im.damage(e)
	ps := &a.Props
	if cs := e.Param("charset"); cs != "" && e.IsText() {
		ps.Set(mapi.PidTagTextAttachmentCharset, mapi.StringValue(cs))
	}
	set := func(tag mapi.Tag, s string) {
		if s != "" {
			ps.Set(tag, mapi.StringValue(s))
		}
	}
	id := e.ContentID()
	loc := strings.TrimSpace(e.Fields.Text("Content-Location", im.opt.Charset))
	set(mapi.PidTagAttachContentId, id)
	set(mapi.PidTagAttachContentLocation, loc)
	set(mapi.PidTagAttachContentBase, strings.TrimSpace(e.Fields.Text("Content-Base", im.opt.Charset)))
	set(mapi.PidTagDisplayName, strings.TrimSpace(e.Fields.Text("Content-Description", im.opt.Charset)))
	for name, tag := range map[string]mapi.Tag{"creation-date": mapi.PidTagCreationTime, "modification-date": mapi.PidTagLastModificationTime} {
		if v, ok := header.FindParam(e.DispositionParams, name); ok {
			if t, ok := header.ParseDate(v); ok && mapi.Filetime(t) != 0 {
				ps.Set(tag, mapi.TimeValue(t))
			}
		}
	}
	if id != "" || loc != "" {
		im.refs = append(im.refs, pendingInline{a, id, loc, related})
	}
}

// damage reports a transfer encoding that is broken. What could be decoded is
// kept.
func (im *importer) damage(e *entity.Entity) {
	if e.IsMessage() {
		return
	}
	if s := e.Damage(); s != "" {
		im.problem(mapi.Problem{Where: whereOf(e), Offset: e.BodyOffset(), Field: "Content-Transfer-Encoding", Detail: s, Spec: "RFC 2045 6.8"})
	}
}

// maxAttachments bounds the attachments of a message.
const maxAttachments = 10000

// noRendering is the position of an attachment that is not shown within the
// text. [MS-OXCMSG] 2.2.2.16
const noRendering = -1

// fillAttachment stores content by value.
func (im *importer) fillAttachment(a *mapi.Attachment, content mapi.Blob, typ string) {
	ps := &a.Props
	ps.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachByValue))
	v := im.binary(content)
	ps.Set(mapi.PidTagAttachDataBinary, v)
	ps.Set(mapi.PidTagAttachSize, mapi.Int32Value(int32(min(v.Size(), 1<<31-1))))
	ps.Set(mapi.PidTagAttachMimeTag, mapi.StringValue(typ))
	ps.Set(mapi.PidTagRenderingPosition, mapi.Int32Value(noRendering))
	ps.Set(mapi.PidTagAttachFlags, mapi.Int32Value(0))
	ps.Set(mapi.PidTagAttachmentHidden, mapi.BoolValue(false))
}

// nameAttachment sets the names of an attachment. A part without a name gets
// one from its type, as Exchange does: ATT00001.png. [MS-OXCMAIL] 2.2.3.4.2
func (im *importer) nameAttachment(a *mapi.Attachment, name, typ string) {
	name = fileName(name)
	if name == "" {
		im.names++
		name = fmt.Sprintf("ATT%05d%s", im.names, extensionOf(typ))
	}
	ps := &a.Props
	ps.Set(mapi.PidTagAttachLongFilename, mapi.StringValue(name))
	ps.Set(mapi.PidTagAttachFilename, mapi.StringValue(shortName(name)))
	if i := strings.LastIndexByte(name, '.'); i >= 0 && len(name)-i <= 32 && !strings.ContainsAny(name[i:], `/\`) {
		ps.Set(mapi.PidTagAttachExtension, mapi.StringValue(name[i:]))
	}
	ps.Set(mapi.PidTagDisplayName, mapi.StringValue(name))
}

// shortName is a name of eight characters and an extension of three, for
// programs that know no others. [MS-OXCMSG] 2.2.2.11
func shortName(name string) string {
	base, ext := name, ""
	if i := strings.LastIndexByte(name, '.'); i > 0 {
		base, ext = name[:i], name[i+1:]
	}
	plain := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r < 0x7F && strings.ContainsRune("!#$%&'()-@^_`{}~", r) {
				return r
			}
			return -1
		}, s)
	}
	b, e := plain(base), plain(ext)
	if b == base && e == ext && len(b) <= 8 && len(e) <= 3 {
		return name
	}
	if b = b[:min(len(b), 6)]; b == "" {
		b = "FILE"
	}
	if b += "~1"; e != "" {
		b += "." + e[:min(len(e), 3)]
	}
	return b
}

// maxInnerMessage bounds a mail that stands in a part with a transfer
// encoding, which RFC 2046 5.2.1 forbids and mail programs do.
const maxInnerMessage = 256 << 20

// innerMessage finds the mail in a message/rfc822.
func (im *importer) innerMessage(e *entity.Entity) (*entity.Entity, bool) {
	if im.depth >= im.opt.MaxDepth {
		if e.IsMessage() {
			im.problem(mapi.Problem{Where: whereOf(e), Offset: e.Offset(), Detail: fmt.Sprintf("messages are nested deeper than %d levels; this one stays a file", im.opt.MaxDepth)})
		}
		return nil, false
	}
	if e.IsMessage() {
		return e.Parts[0], true
	}
	if e.MediaType != "message/rfc822" || e.Encoding == entity.Identity || e.Encoding == entity.Binary || e.Content().Size() == 0 || e.Content().Size() > maxInnerMessage {
		return nil, false
	}
	r, size := im.randomAccess(e.Content())
	inner, err := im.parse(r, size)
	if err != nil || !inner.HasHeader() {
		return nil, false
	}
	return inner, true
}

// attachMessage makes an embedded message. [MS-OXCMAIL] 2.2.3.4.4
func (im *importer) attachMessage(a *mapi.Attachment, e, inner *entity.Entity) {
	a.Embedded = im.embedded(inner, fmt.Sprintf("attachment %d", len(im.m.Attachments)))
	ps := &a.Props
	name := fileName(e.Filename())
	subject := a.Embedded.Props.Text(mapi.PidTagSubject)
	if name != "" {
		ps.Set(mapi.PidTagAttachLongFilename, mapi.StringValue(name))
		ps.Set(mapi.PidTagAttachFilename, mapi.StringValue(shortName(name)))
	} else if subject != "" {
		name = subject
	}
	ps.Set(mapi.PidTagDisplayName, mapi.StringValue(name))
	ps.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachEmbedded))
	ps.Set(mapi.PidTagAttachMimeTag, mapi.StringValue("message/rfc822"))
	ps.Set(mapi.PidTagAttachSize, mapi.Int32Value(int32(min(inner.Raw().Size(), 1<<31-1))))
	ps.Set(mapi.PidTagRenderingPosition, mapi.Int32Value(noRendering))
	ps.Set(mapi.PidTagAttachFlags, mapi.Int32Value(0))
	ps.Set(mapi.PidTagAttachmentHidden, mapi.BoolValue(false))
}
