package mime

import (
	"context"
	"io"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime/entity"
	"github.com/mailconv/mailconv/mime/header"
)

// smime reads a mail that is signed or encrypted as a whole. Its content
// becomes the only attachment, with its bytes as they are, so that signatures
// stay valid. [MS-OXOSMIME] 2.1
func (im *importer) smime(e *entity.Entity) bool {
	switch {
	case isClearSigned(e):
		im.class("IPM.Note.SMIME.MultipartSigned")
		im.smimeAttachment("multipart/signed", im.wholeEntity(e))
		// The text can be read without the signature.
		im.bodies.only = true
		im.walk(e.Parts[0], inMixed)
		return true
	case isOpaqueSMIME(e):
		im.class("IPM.Note.SMIME")
		im.smimeAttachment("application/pkcs7-mime", e.Content())
		return true
	}
	return false
}

func isClearSigned(e *entity.Entity) bool {
	if e.MediaType != "multipart/signed" || len(e.Parts) != 2 {
		return false
	}
	switch strings.ToLower(e.Param("protocol")) {
	case "application/pkcs7-signature", "application/x-pkcs7-signature":
		return true
	}
	t := e.Parts[1].MediaType
	return t == "application/pkcs7-signature" || t == "application/x-pkcs7-signature"
}

// isOpaqueSMIME also knows gateways that forget the type. A list of
// certificates is an attachment like any other. RFC 8551 3.2, 3.9
func isOpaqueSMIME(e *entity.Entity) bool {
	name := strings.ToLower(e.Filename())
	switch e.MediaType {
	case "application/pkcs7-mime", "application/x-pkcs7-mime":
		return !strings.EqualFold(e.Param("smime-type"), "certs-only") && !strings.HasSuffix(name, ".p7c")
	case "application/octet-stream":
		return strings.HasSuffix(name, ".p7m")
	}
	return false
}

func (im *importer) smimeAttachment(typ string, content mapi.Blob) {
	a := &mapi.Attachment{}
	im.nameAttachment(a, "smime.p7m", typ)
	im.fillAttachment(a, content, typ)
	im.m.Attachments = append(im.m.Attachments, a)
}

// wholeEntity is the entity without the fields of the mail: its Content- fields
// as they stand, an empty line, and the body. Line ends are CRLF.
// [MS-OXOSMIME] 2.1.3.1
func (im *importer) wholeEntity(e *entity.Entity) mapi.Blob {
	var head []byte
	for i := range e.Fields {
		if len(e.Fields[i].Name) > 8 && strings.EqualFold(e.Fields[i].Name[:8], "Content-") {
			head = append(head, canonicalBytes(e.Fields[i])...)
		}
	}
	head = append(head, '\r', '\n')
	return joined{mapi.Bytes(head), e.CRLF(e.Body())}
}

// canonicalBytes is a field with CRLF line ends and its bytes otherwise kept.
func canonicalBytes(f header.Field) []byte {
	var b []byte
	for i, line := range strings.FieldsFunc(string(f.Raw), func(r rune) bool { return r == '\r' || r == '\n' }) {
		if i > 0 && line[0] != ' ' && line[0] != '\t' {
			b = append(b, ' ')
		}
		b = append(append(b, line...), '\r', '\n')
	}
	return b
}

// joined is one blob after another.
type joined []mapi.Blob

// Size implements [mapi.Blob].
func (j joined) Size() (n int64) {
	for _, b := range j {
		n += b.Size()
	}
	return n
}

// Open implements [mapi.Blob].
func (j joined) Open(ctx context.Context) (io.ReadCloser, error) {
	var c closers
	var list []io.Reader
	for _, b := range j {
		r, err := b.Open(ctx)
		if err != nil {
			c.Close()
			return nil, err
		}
		c = append(c, r)
		list = append(list, r)
	}
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(list...), c}, nil
}

type closers []io.Closer

// Close implements io.Closer.
func (c closers) Close() (err error) {
	for _, r := range c {
		if e := r.Close(); e != nil {
			err = e
		}
	}
	return err
}
