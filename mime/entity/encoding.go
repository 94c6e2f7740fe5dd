package entity

import (
	"context"
	"io"
	"strings"

	"github.com/mailconv/mailconv/mapi"
)

// An Encoding is a content transfer encoding. RFC 2045 6
type Encoding uint8

// Transfer encodings. Identity stands for 7bit, 8bit and for what is not known.
const (
	Identity Encoding = iota
	Binary
	Base64
	QuotedPrintable
	UUEncode
)

func (e Encoding) identity() bool { return e == Identity || e == Binary }

// String is the name of the encoding in MIME, "" for Identity.
func (e Encoding) String() string {
	return [...]string{"", "binary", "base64", "quoted-printable", "x-uuencode"}[e]
}

// parseEncoding reads the value of Content-Transfer-Encoding, with the quotes,
// semicolons and comments that are found around it. It is false for a name
// that is not known.
func parseEncoding(s string) (Encoding, bool) {
	s = strings.TrimLeft(s, " \t\"'")
	if i := strings.IndexAny(s, " \t;,(\"'"); i >= 0 {
		s = s[:i]
	}
	switch strings.ToLower(s) {
	case "base64", "base-64", "b64":
		return Base64, true
	case "quoted-printable", "quotedprintable", "quoted_printable", "qp":
		return QuotedPrintable, true
	case "x-uuencode", "uuencode", "x-uue", "uue", "x-uuencoded":
		return UUEncode, true
	case "binary":
		return Binary, true
	case "7bit", "8bit", "7-bit", "8-bit", "7bits", "8bits", "none", "":
		return Identity, true
	}
	return Identity, false
}

// Content is the body without its transfer encoding. Text and mails of a
// source in store form have CRLF. The size is exact; where it takes a pass
// over the body to know it, that is made when it is first asked for.
func (e *Entity) Content() mapi.Blob {
	e.once.Do(func() {
		lines := asItIs
		if e.Encoding != Binary && (e.IsText() || e.IsMultipart() || strings.HasPrefix(e.MediaType, "message/")) {
			lines = e.src.lines()
		}
		e.content, e.decoded = makeContent(e.Body(), e.Encoding, lines)
	})
	return e.content
}

// CRLF is a section of the entity's source in the mail form: where the source
// is in the form of a store its line ends become CRLF, else it is b itself.
func (e *Entity) CRLF(b mapi.Blob) mapi.Blob { return newContent(b, Identity, e.src.lines()) }

// Decode is the content of any blob in a transfer encoding.
func Decode(b mapi.Blob, enc Encoding) mapi.Blob { return newContent(b, enc, asItIs) }

// lineEnds says what is done about line ends.
type lineEnds uint8

const (
	asItIs lineEnds = iota
	fromLF          // LF and CR CR LF become CRLF
	fromCR          // CR becomes CRLF
)

func (s *source) lines() lineEnds {
	switch {
	case s.cr:
		return fromCR
	case s.lf || s.crcrlf:
		return fromLF
	}
	return asItIs
}

// Damage says in one line what was wrong with the transfer encoding of the
// body, "" when nothing was. It reads the body, as the size of Content does.
func (e *Entity) Damage() string {
	e.Content().Size()
	if e.decoded == nil {
		return ""
	}
	return e.decoded.damage
}

func newContent(body mapi.Blob, enc Encoding, lines lineEnds) mapi.Blob {
	b, _ := makeContent(body, enc, lines)
	return b
}

// makeContent decodes small bodies at once; the blob is then in memory.
func makeContent(body mapi.Blob, enc Encoding, lines lineEnds) (mapi.Blob, *content) {
	if enc.identity() && lines == asItIs {
		return body, nil
	}
	c := &content{body: body, enc: enc, lines: lines}
	if body.Size() <= mapi.InlineLimit {
		if b, err := c.all(); err == nil {
			return mapi.Bytes(b), c
		}
	}
	return &counted{open: c.Open, end: c.note}, c
}

// content decodes a body each time it is opened.
type content struct {
	body  mapi.Blob
	enc   Encoding
	lines lineEnds
	// damage is known when the body was read to its end once.
	damage string
}

// note keeps what a reader of the whole body met.
func (c *content) note(r io.ReadCloser) {
	if d, ok := r.(*decodingReader); ok {
		if b, ok := d.dec.(*base64Decoder); ok {
			c.damage = b.damage()
		}
	}
}

func (c *content) all() ([]byte, error) {
	r, err := c.Open(context.Background())
	if err != nil {
		return nil, err
	}
	defer r.Close()
	size := c.body.Size()
	switch c.enc {
	case Base64:
		size = size / 4 * 3
	case QuotedPrintable:
	default:
		size += size / 16
	}
	out := make([]byte, 0, size+16)
	for {
		if len(out) == cap(out) {
			out = append(out, 0)[:len(out)]
		}
		n, err := r.Read(out[len(out):cap(out)])
		out = out[:len(out)+n]
		if err == io.EOF {
			c.note(r)
			return out, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// Open decodes the body from its start.
func (c *content) Open(ctx context.Context) (io.ReadCloser, error) {
	r, err := c.body.Open(ctx)
	if err != nil {
		return nil, err
	}
	d := &decodingReader{src: r}
	switch c.enc {
	case Base64:
		d.dec = &base64Decoder{}
	case QuotedPrintable:
		d.dec = &quotedPrintableDecoder{}
	case UUEncode:
		d.dec = &uuDecoder{}
	default:
		d.dec = lineDecoder{cr: c.lines == fromCR}
		return d, nil
	}
	if c.lines != asItIs && c.enc == QuotedPrintable {
		return &decodingReader{src: d, dec: lineDecoder{cr: c.lines == fromCR}}, nil
	}
	return d, nil
}
