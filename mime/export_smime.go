package mime

import (
	"bytes"
	"io"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime/header"
)

// isSMIME reports whether a class, in upper case, is that of an S/MIME message.
// [MS-OXOSMIME] 2.1
func isSMIME(class string) bool {
	return class == "IPM.NOTE.SMIME" || strings.HasPrefix(class, "IPM.NOTE.SMIME.") ||
		strings.HasPrefix(class, "IPM.INFOPATHFORM.") && (strings.HasSuffix(class, ".SMIME") || strings.HasSuffix(class, ".SMIME.MULTIPARTSIGNED"))
}

// A rawEntity is a MIME entity whose bytes are stored. They are written as
// they are, so that a signature over them stays valid.
type rawEntity struct {
	blob mapi.Blob
	// head is the stored header of the entity with its empty line; it becomes
	// a part of the message's header.
	head      []byte
	hasHeader bool
}

// withoutContent leaves out the Content- fields that the stored entity brings
// along.
func withoutContent(stored, entity header.Fields) header.Fields {
	if len(entity) == 0 {
		return stored
	}
	out := make(header.Fields, 0, len(stored))
	for _, f := range stored {
		if hasPrefixFold(f.Name, "Content-") {
			if _, ok := entity.Get(f.Name); ok {
				continue
			}
		}
		out = append(out, f)
	}
	return out
}

// maxEntityHeader bounds the header of a stored entity.
const maxEntityHeader = 64 << 10

// smime is the body of an S/MIME message, which is its only attachment. It is
// nil when the attachment is not what the class promises; the message is then
// written like any other. [MS-OXOSMIME] 2.1.3
func (x *exporter) smime() (*part, error) {
	where := "attachment 1"
	if len(x.m.Attachments) != 1 || x.m.Attachments[0].Data() == nil {
		x.problem(mapi.Problem{
			Offset: -1, Field: "PidTagMessageClass",
			Detail: "an S/MIME message has exactly one attachment; this one is written as an ordinary message", Spec: "[MS-OXOSMIME] 2.1",
		})
		return nil, nil
	}
	a := x.m.Attachments[0]
	b := a.Data()
	head, err := x.entityHeader(b)
	if err != nil {
		return nil, err
	}
	if head != nil {
		return &part{raw: &rawEntity{blob: b, head: head, hasHeader: true}, where: where}, nil
	}
	tag := a.Props.Text(mapi.PidTagAttachMimeTag)
	typ := mediaType(tag)
	p := &part{typ: typ, blob: b, where: where, disposition: "attachment"}
	first := x.start(b)
	if bytes.HasPrefix(first, []byte("--")) {
		// The parts without their header: the boundary is in the first line.
		line, _, _ := bytes.Cut(first[2:], []byte("\n"))
		p.blob, p.disposition = nil, ""
		p.raw = &rawEntity{blob: b}
		p.typ = "multipart/signed"
		p.params = []header.Param{
			{Name: "protocol", Value: "application/pkcs7-signature"},
			{Name: "boundary", Value: strings.TrimRight(string(line), " \t\r")},
		}
		return p, nil
	}
	kind := cmsKind(first)
	if kind == "" && typ != "application/pkcs7-mime" && typ != "application/x-pkcs7-mime" {
		x.problem(mapi.Problem{
			Where: where, Offset: 0, Field: "PidTagAttachDataBinary",
			Detail: "neither a MIME entity nor a CMS object; the message is written as an ordinary one", Spec: "[MS-OXOSMIME] 2.1",
		})
		return nil, nil
	}
	if typ != "application/pkcs7-mime" && typ != "application/x-pkcs7-mime" {
		p.typ = "application/pkcs7-mime"
	}
	if _, params := header.ParseParams(tag, nil); len(params) > 0 {
		if s, ok := header.FindParam(params, "smime-type"); ok {
			kind = s
		}
	}
	p.params = []header.Param{{Name: "smime-type", Value: kind}}
	x.nameAttachment(p, a, map[string]int{})
	if a.Props.Text(mapi.PidTagAttachLongFilename) == "" && a.Props.Text(mapi.PidTagAttachFilename) == "" {
		p.name = "smime.p7m"
	}
	return p, nil
}

// start is the first bytes of a blob, fewer when it cannot be read.
func (x *exporter) start(b mapi.Blob) []byte {
	r, err := b.Open(x.ctx)
	if err != nil {
		return nil
	}
	defer r.Close()
	p := make([]byte, 512)
	n, _ := io.ReadFull(r, p)
	return p[:n]
}

// entityHeader is the header that a stored entity begins with, up to and with
// its empty line, or nil when it begins otherwise. The header must state a
// type.
func (x *exporter) entityHeader(b mapi.Blob) ([]byte, error) {
	r, err := b.Open(x.ctx)
	if err != nil {
		return nil, x.ctx.Err()
	}
	defer r.Close()
	p, _ := io.ReadAll(io.LimitReader(r, maxEntityHeader))
	if err := x.ctx.Err(); err != nil {
		return nil, err
	}
	for pos := 0; pos < len(p); {
		line := header.Line(p[pos:], false)
		if header.IsBlank(line) {
			if pos == 0 {
				return nil, nil
			}
			head := p[:pos+len(line)]
			if v := header.Parse(head).Value("Content-Type"); v == "" {
				return nil, nil
			}
			return head, nil
		}
		if line[0] != ' ' && line[0] != '\t' && !header.IsField(line) {
			return nil, nil
		}
		pos += len(line)
	}
	return nil, nil
}

// Object identifiers of CMS content types with their tag and length.
var cmsKinds = []struct {
	oid  []byte
	kind string
}{
	{[]byte{0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02}, "signed-data"},
	{[]byte{0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x03}, "enveloped-data"},
	{[]byte{0x06, 0x0B, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x10, 0x01, 0x09}, "compressed-data"},
	{[]byte{0x06, 0x0B, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x10, 0x01, 0x17}, "authEnveloped-data"},
}

// cmsKind is the smime-type of a CMS object in BER or DER, or "". RFC 8551
// 3.2.2
func cmsKind(p []byte) string {
	if len(p) < 16 || p[0] != 0x30 {
		return ""
	}
	for _, k := range cmsKinds {
		if i := bytes.Index(p[:min(len(p), 32)], k.oid); i >= 2 && i <= 6 {
			return k.kind
		}
	}
	return ""
}

// rawContent writes a stored entity. Its header goes before, with CRLF line
// ends; from the empty line on each byte is as stored.
func (x *exporter) rawContent(p *part) error {
	r, err := p.raw.blob.Open(x.ctx)
	if err != nil {
		x.unreadable(p.where, err)
		x.out.crlf()
		return x.ctx.Err()
	}
	defer r.Close()
	if n := int64(len(p.raw.head)); n > 0 {
		if _, err := io.CopyN(io.Discard, r, n); err != nil {
			x.unreadable(p.where, err)
			return x.ctx.Err()
		}
		for _, f := range header.Parse(p.raw.head) {
			if f.Name == "" || f.Is("MIME-Version") {
				continue
			}
			x.out.writeStored(x.hdr, f)
		}
		put(x.out, "\r\n")
	}
	return x.copyReader(r, p.where)
}

func (o *output) writeStored(w *header.Writer, f header.Field) {
	w.Reset()
	w.Stored(f.Name, string(f.Body()))
	put(o, w.Bytes())
}

// scanEmbedded looks into the stored entities of messages inside this message:
// whether they hold our boundary, and whether they are 8-bit, which the parts
// around them must then say.
func (x *exporter) scanEmbedded(m *mapi.Message, depth int) error {
	if depth > x.opt.MaxDepth {
		return nil
	}
	for _, a := range m.Attachments {
		if a.Embedded == nil {
			continue
		}
		if e := a.Embedded; isSMIME(strings.ToUpper(e.Class())) && len(e.Attachments) == 1 && e.Attachments[0].Data() != nil {
			if err := x.scanRaw(e.Attachments[0].Data()); err != nil {
				return err
			}
		}
		if err := x.scanEmbedded(a.Embedded, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (x *exporter) scanRaw(b mapi.Blob) error {
	r, err := b.Open(x.ctx)
	if err != nil {
		return x.ctx.Err()
	}
	defer r.Close()
	buf := make([]byte, 32<<10)
	kept := 0
	for {
		n, err := io.ReadFull(r, buf[kept:])
		n += kept
		if !x.boundary.eightBit {
			for _, c := range buf[:n] {
				if c >= 0x80 {
					x.boundary.eightBit = true
					break
				}
			}
		}
		if bytes.Contains(buf[:n], []byte(x.boundary.prefix())) {
			x.boundary.change()
			return x.scanRaw(b)
		}
		if err != nil {
			return x.ctx.Err()
		}
		kept = copy(buf, buf[n-64:n])
		if err := x.ctx.Err(); err != nil {
			return err
		}
	}
}
