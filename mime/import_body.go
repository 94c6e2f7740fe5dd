package mime

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/codepage"
	"github.com/mailconv/mailconv/mapi/rtf"
	"github.com/mailconv/mailconv/mime/entity"
	"github.com/mailconv/mailconv/mime/header"
)

// A bodySet is the parts that become the body of a message.
type bodySet struct {
	plain, html *entity.Entity
	// files are the uuencoded files that are cut out of plain.
	files []entity.InlineFile
	// only says that attachments are left out: the parts are read for the
	// text, and are stored as a whole elsewhere.
	only bool
	// skip is a part that is read in another way.
	skip *entity.Entity
}

// place is where in the structure a part stands.
type place uint8

const (
	inMixed       place = iota // a body only when there is none yet
	inAlternative              // a body of each kind
	behindBody                 // an attachment in any case
)

// walk reads a part and what is in it. [MS-OXCMAIL] 2.2.3.3, 2.2.3.4
func (im *importer) walk(e *entity.Entity, p place) {
	if e == im.bodies.skip {
		return
	}
	if !e.IsMultipart() || len(e.Parts) == 0 {
		im.leaf(e, p, false)
		return
	}
	im.structureLosses(e)
	switch e.MediaType {
	case "multipart/alternative":
		if p == inMixed && (im.bodies.plain != nil || im.bodies.html != nil) {
			p = behindBody
		} else if p == inMixed {
			p = inAlternative
		}
		for _, c := range e.Parts {
			im.walk(c, p)
		}
	case "multipart/related":
		// The root is named by "start", else it is the first. RFC 2387 3.2
		root := 0
		if start := strings.Trim(e.Param("start"), "<> "); start != "" {
			for i, c := range e.Parts {
				if c.ContentID() == start {
					root = i
					break
				}
			}
		}
		im.walk(e.Parts[root], p)
		for i, c := range e.Parts {
			switch {
			case i == root || c == im.bodies.skip:
			case c.IsMultipart() && len(c.Parts) > 0:
				im.walk(c, behindBody)
			default:
				im.leaf(c, behindBody, true)
			}
		}
	default:
		if e.MediaType == "multipart/signed" && !im.bodies.only {
			im.loss(partItem(e), mapi.LossReencoded, "the signature is kept as an attachment; what it signs is written anew")
		}
		for _, c := range e.Parts {
			im.walk(c, p)
		}
	}
}

// leaf makes a part the body or an attachment.
func (im *importer) leaf(e *entity.Entity, p place, related bool) {
	if im.isBody(e, p) {
		if e.MediaType == "text/html" {
			im.bodies.html = e
			return
		}
		im.bodies.plain = e
		im.partLosses(e)
		if e.MediaType != "text/plain" && e.IsText() {
			im.loss(partItem(e), mapi.LossApproximated, "the text is kept, not its type "+e.MediaType)
		}
		if !im.opt.KeepUUEncode && !im.bodies.only {
			im.cutFiles(e)
		}
		return
	}
	if im.bodies.only || im.itemPart(e, p) {
		return
	}
	im.partLosses(e)
	im.attach(e, related)
}

func (im *importer) isBody(e *entity.Entity, p place) bool {
	root := e.Parent() == nil || !e.Parent().IsMultipart()
	if p == behindBody || e.Disposition == "attachment" || e.IsMessage() {
		return false
	}
	if !root && e.Filename() != "" && p != inAlternative && e.Parent().MediaType != "multipart/report" {
		return false
	}
	b := &im.bodies
	if p == inMixed && (b.plain != nil || b.html != nil) {
		return false
	}
	switch {
	case e.MediaType == "text/html":
		return b.html == nil
	case e.MediaType == "text/plain":
		return b.plain == nil
	case root && e.IsMultipart():
		// A multipart in which no part was found is text.
		return true
	case e.MediaType == "text/calendar", e.MediaType == "text/vcard", e.MediaType == "text/x-vcard", e.MediaType == "text/directory":
		return false
	}
	return root && e.IsText() && e.Filename() == ""
}

// cutFiles makes attachments of the uuencoded files in a text. [MS-OXCMAIL]
// 2.2.3.4.3
func (im *importer) cutFiles(e *entity.Entity) {
	files, err := e.InlineFiles(im.ctx)
	if err != nil || len(files) == 0 {
		return
	}
	im.bodies.files = files
	for _, f := range files {
		a := &mapi.Attachment{}
		im.nameAttachment(a, header.DecodeText(f.Name, im.opt.Charset), "")
		im.fillAttachment(a, f.Content, mediaTypeOf(f.Name))
		im.m.Attachments = append(im.m.Attachments, a)
		im.loss(partItem(e), mapi.LossReencoded, "the uuencoded file "+quote(f.Name)+" becomes an attachment")
	}
}

// setBodies stores the bodies that were found. [MS-OXCMAIL] 2.2.3.3
func (im *importer) setBodies() {
	ps := &im.m.Props
	b := &im.bodies
	page := 0
	if e := b.plain; e != nil {
		page = im.charset(e)
		if v, ok := im.textValue(e, b.files); ok {
			ps.Set(mapi.PidTagBody, v)
		}
		if im.opt.RTF && b.html == nil {
			im.setRTF(e, rtf.FromText)
		}
	}
	if e := b.html; e != nil {
		im.partLosses(e)
		page = im.charset(e)
		if im.opt.RTF && im.setRTF(e, rtf.FromHTML) {
			ps.Set(mapi.PidTagInternetCodepage, mapi.Int32Value(int32(page)))
			return
		}
		content := e.Content()
		switch page {
		case codepage.UTF16, 1201, 12000, 12001, 65000:
			// Not a superset of ASCII, so that no reader could find its "meta".
			page = codepage.UTF8
			content = entity.NewBlob(e.OpenText)
		}
		if content.Size() > 0 {
			ps.Set(mapi.PidTagHtml, im.binary(content))
		}
	}
	if page != 0 {
		ps.Set(mapi.PidTagInternetCodepage, mapi.Int32Value(int32(page)))
	}
}

// charset is the code page of a text. A label that is not known is a problem,
// as what is read is a guess.
func (im *importer) charset(e *entity.Entity) int {
	im.damage(e)
	cs, _ := e.Charset(im.ctx)
	if label := e.Param("charset"); label != "" {
		if _, known := codepage.ByName(label); !known {
			im.problem(mapi.Problem{
				Where: whereOf(e), Offset: e.Offset(), Field: "charset",
				Detail: fmt.Sprintf("%s is not known; the text is read as code page %d", quote(label), cs.CodePage()),
			})
		}
	}
	return cs.CodePage()
}

// binary holds a small blob in memory.
func (im *importer) binary(b mapi.Blob) mapi.Value {
	if b.Size() <= mapi.InlineLimit {
		if p, err := mapi.ReadBlob(im.ctx, b, mapi.InlineLimit); err == nil {
			return mapi.BinaryValue(p)
		}
	}
	return mapi.BlobValue(mapi.TypeBinary, b)
}

// textValue is text as a Unicode string, without files: in memory when it is
// small, else read each time it is needed.
func (im *importer) textValue(e *entity.Entity, files []entity.InlineFile) (mapi.Value, bool) {
	if len(files) == 0 {
		if s, ok := e.HeldText(im.ctx); ok && len(s) <= mapi.InlineLimit {
			return im.heldText(e, s)
		}
	}
	open := func(ctx context.Context) (io.ReadCloser, error) { return e.OpenTextWithout(ctx, files) }
	unreadable := func(err error) {
		im.problem(mapi.Problem{Severe: true, Where: whereOf(e), Offset: e.BodyOffset(), Detail: "the text cannot be read: " + err.Error()})
	}
	r, err := open(im.ctx)
	if err != nil {
		unreadable(err)
		return mapi.Value{}, false
	}
	var text bytes.Buffer
	text.Grow(int(min(e.Content().Size()+e.Content().Size()/8, mapi.InlineLimit)) + bytes.MinRead + 1)
	_, err = text.ReadFrom(io.LimitReader(r, mapi.InlineLimit+1))
	r.Close()
	if err != nil {
		unreadable(err)
	}
	if text.Len() <= mapi.InlineLimit {
		return im.heldText(e, text.String())
	}
	return mapi.BlobValue(mapi.TypeString, entity.NewBlob(func(ctx context.Context) (io.ReadCloser, error) {
		r, err := open(ctx)
		if err != nil {
			return nil, err
		}
		return newUTF16Encoder(r), nil
	})), true
}

// heldText is a small text as a Unicode string. NUL is dropped: it would end
// the text for other programs.
func (im *importer) heldText(e *entity.Entity, s string) (mapi.Value, bool) {
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "")
	}
	if strings.Contains(s, "\uFFFD") {
		im.loss(partItem(e), mapi.LossCharset, "some bytes mean nothing in the character set of the text")
	}
	return mapi.StringValue(s), s != ""
}

// maxRTF bounds the bodies that are turned into RTF, which is held in memory.
const maxRTF = 4 << 20

// setRTF stores a body as RTF; false means that it stays as it is.
func (im *importer) setRTF(e *entity.Entity, encapsulate func(io.Writer, io.Reader) error) bool {
	if e.Content().Size() > maxRTF {
		im.loss(partItem(e), mapi.LossTooLarge, "the body is too large to be turned into RTF")
		return false
	}
	r, err := e.OpenText(im.ctx)
	if err != nil {
		return false
	}
	defer r.Close()
	var plain bytes.Buffer
	if err := encapsulate(&plain, r); err != nil {
		return false
	}
	im.m.Props.Set(mapi.PidTagRtfCompressed, mapi.BinaryValue(rtf.Compressed(plain.Bytes())))
	im.m.Props.Set(mapi.PidTagRtfInSync, mapi.BoolValue(true))
	return true
}

// A pendingInline is an attachment that the HTML may show.
type pendingInline struct {
	a       *mapi.Attachment
	id, loc string
	related bool
}

// maxHTMLScan bounds the HTML that is searched for references.
const maxHTMLScan = 2 << 20

// markInline flags the attachments that the HTML shows. [MS-OXCMAIL]
// 2.2.3.4.1.4.1
func (im *importer) markInline() {
	if len(im.refs) == 0 || im.bodies.html == nil {
		return
	}
	html := im.htmlText()
	whole := len(html) < maxHTMLScan
	shown := make(contentIDs)
	shown.find(html)
	for _, p := range im.refs {
		if shown.has(p.id) ||
			p.loc != "" && p.related && len(p.loc) > 3 && bytes.Contains(html, []byte(p.loc)) ||
			!whole && p.related && p.id != "" {
			p.a.Props.Set(mapi.PidTagAttachFlags, mapi.Int32Value(attachMHTMLRef))
			p.a.Props.Set(mapi.PidTagAttachmentHidden, mapi.BoolValue(true))
		}
	}
}

// htmlText is the HTML, or the start of it, in a character set that is a
// superset of ASCII.
func (im *importer) htmlText() []byte {
	if v, ok := im.m.Props.Get(mapi.PidTagHtml); ok && v.InMemory() {
		return v.Raw()
	}
	r, err := im.bodies.html.OpenText(im.ctx)
	if err != nil {
		return nil
	}
	defer r.Close()
	b, _ := io.ReadAll(io.LimitReader(r, maxHTMLScan))
	return b
}

// structureLosses lists what stands between the parts of a multipart.
func (im *importer) structureLosses(e *entity.Entity) {
	im.partLosses(e)
	if b := e.Preamble(); b != nil && b.Size() > 0 && !im.isBlank(b, "mime format") {
		im.loss(partItem(e), mapi.LossNoContainer, "the text before the first part")
	}
	if b := e.Epilogue(); b != nil && b.Size() > 0 && !im.isBlank(b, "") {
		im.loss(partItem(e), mapi.LossNoContainer, "the text behind the last part")
	}
}

func (im *importer) isBlank(b mapi.Blob, usual string) bool {
	r, err := b.Open(im.ctx)
	if err != nil {
		return true
	}
	defer r.Close()
	p, _ := io.ReadAll(io.LimitReader(r, 1024))
	s := strings.ToLower(strings.TrimSpace(string(p)))
	return s == "" && b.Size() <= 1024 || usual != "" && len(s) < 300 && strings.Contains(s, usual)
}

// partLosses lists the fields and parameters of a part that have no property.
func (im *importer) partLosses(e *entity.Entity) {
	for _, p := range e.Params {
		switch p.Name {
		case "charset", "name", "boundary", "type", "start", "protocol", "micalg", "report-type", "smime-type":
		default:
			im.loss(partItem(e)+"/Content-Type;"+p.Name, mapi.LossNoProperty, quote(p.Value))
		}
	}
	if e.Parent() == nil || !e.Parent().IsMultipart() {
		return // the header of a mail is kept as a whole
	}
	for i := range e.Fields {
		f := &e.Fields[i]
		switch strings.ToLower(f.Name) {
		case "content-type", "content-disposition", "content-transfer-encoding", "content-id", "content-location",
			"content-base", "content-description", "mime-version", "x-attachment-id", "":
		default:
			im.loss(partItem(e)+"/"+f.Name, mapi.LossNoProperty, "a field of a part")
		}
	}
}

func partItem(e *entity.Entity) string {
	if s := whereOf(e); s != "" {
		return s
	}
	return e.MediaType
}
