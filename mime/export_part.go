package mime

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime/header"
)

// A part is a MIME entity that is going to be written. Exactly one of kids,
// text, blob, message, raw and native is its content; none of them is an empty
// body.
type part struct {
	typ    string // media type
	params []header.Param
	enc    encoding

	disposition string // "attachment", "inline" or none
	name        string
	created     time.Time
	modified    time.Time
	cid         string // with angle brackets
	location    string
	base        string
	description string
	language    string

	kids    []*part
	text    *text
	blob    mapi.Blob
	message *exporter
	raw     *rawEntity
	write   func(w *output) (readErr, err error) // a generated body, of base64 lines

	number   int    // attachment of the message, from 1, where that is to be written
	where    string // property or attachment, for problems
	boundary string
}

// A boundary makes the delimiters of one export. They contain "=_", which
// quoted-printable and base64 cannot, and a hash, so that mails inside the mail
// have others. RFC 2046 5.1.1
type boundary struct {
	hash     [8]byte
	n        int
	eightBit bool // a stored entity further down is 8-bit
}

// boundaryHash is how much of the start and of the end of a value goes into a
// hash of boundaries.
const boundaryHash = 128

func newBoundary(m *mapi.Message) *boundary {
	d := &digest{h: sha256.New()}
	for i, tag := range digestTags {
		if v, ok := m.Props.Get(tag); ok && v.InMemory() {
			raw := v.Raw()
			if len(raw) > 2*boundaryHash {
				d.h.Write(raw[:boundaryHash])
				d.h.Write(raw[len(raw)-boundaryHash:])
			} else {
				d.h.Write(raw)
			}
			d.end(byte(i), int64(len(raw)))
		}
	}
	d.text(subject(m.Props))
	d.end('a', int64(len(m.Attachments)))
	d.end('r', int64(len(m.Recipients)))
	b := new(boundary)
	copy(b.hash[:], d.h.Sum(nil))
	return b
}

// prefix is what all boundaries of the export begin with.
func (b *boundary) prefix() string { return "=_" + hex.EncodeToString(b.hash[:]) }

// next is a new boundary; all have the same length, so that none is the start
// of another.
func (b *boundary) next() string {
	b.n++
	n := strconv.FormatInt(int64(b.n), 16)
	return b.prefix() + "_" + "000000"[min(len(n), 6):] + n
}

// change picks another hash, because content was found that holds this one.
func (b *boundary) change() {
	n := binary.LittleEndian.Uint64(b.hash[:])
	binary.LittleEndian.PutUint64(b.hash[:], n*6364136223846793005+1442695040888963407)
}

func multipart(subtype string, kids ...*part) *part {
	return &part{typ: "multipart/" + subtype, kids: kids}
}

// finish sets encodings and boundaries from the leaves up.
func (x *exporter) finish(p *part) error {
	switch {
	case p.kids != nil:
		for _, k := range p.kids {
			if err := x.finish(k); err != nil {
				return err
			}
			if k.enc == enc8bit {
				p.enc = enc8bit
			}
		}
		p.boundary = x.boundary.next()
		p.params = append(p.params, header.Param{Name: "boundary", Value: p.boundary})
	case p.text != nil:
		sample, all, err := p.text.sample(x.ctx)
		if err != nil {
			if x.ctx.Err() != nil {
				return x.ctx.Err()
			}
			// Reported when the text is written.
			sample, all = nil, false
		}
		if p.text.subtype != "" {
			p.enc = textEncoding(sample, all)
		} // else fields of a report, which must be 7bit: RFC 3464 2.1
		if p.text.charset != "" {
			p.params = append(p.params, header.Param{Name: "charset", Value: p.text.charset})
		}
	case p.blob != nil || p.write != nil:
		p.enc = encBase64
	case p.message != nil && x.boundary.eightBit:
		p.enc = enc8bit
	}
	return nil
}

// partHeaders writes the fields that describe a part. At the root of a message
// MIME-Version goes first. RFC 2045 4
func (x *exporter) partHeaders(p *part, root bool) {
	w := x.hdr
	if root {
		w.Value("MIME-Version", "1.0")
	}
	if p.raw != nil && p.raw.hasHeader {
		return
	}
	params := p.params
	if p.name != "" {
		if ascii := header.ASCIIName(p.name); ascii != "" {
			params = append(params[:len(params):len(params)], header.Param{Name: "name", Value: ascii})
		}
	}
	w.Params("Content-Type", p.typ, params...)
	if p.enc != enc7bit || p.text != nil {
		w.Value("Content-Transfer-Encoding", p.enc.String())
	}
	if p.disposition != "" {
		number := ""
		switch {
		case p.number > 0:
			number = strconv.Itoa(p.number)
		case p.number == wholeMessage:
			number = "0"
		}
		w.Params("Content-Disposition", p.disposition,
			header.Param{Name: "filename", Value: p.name},
			header.Param{Name: "creation-date", Value: partDate(p.created)},
			header.Param{Name: "modification-date", Value: partDate(p.modified)},
			header.Param{Name: paramAttachment, Value: number})
	}
	if p.cid != "" {
		w.MessageIDs("Content-ID", p.cid)
	}
	if p.description != "" {
		w.Text("Content-Description", p.description)
	}
	if p.language != "" {
		w.Value("Content-Language", p.language)
	}
	if p.base != "" {
		w.Value("Content-Base", p.base)
	}
	if p.location != "" {
		w.Value("Content-Location", p.location)
	}
}

func partDate(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("Mon, 2 Jan 2006 15:04:05 -0700")
}

// content writes the body of a part, without a line end after it.
func (x *exporter) content(p *part) error {
	o := x.out
	switch {
	case p.kids != nil:
		for _, k := range p.kids {
			put(o, "--")
			put(o, p.boundary)
			put(o, "\r\n")
			x.hdr.Reset()
			x.partHeaders(k, false)
			if k.raw == nil || !k.raw.hasHeader {
				x.hdr.End()
			}
			put(o, x.hdr.Bytes())
			if err := x.content(k); err != nil {
				return err
			}
			put(o, "\r\n")
		}
		put(o, "--")
		put(o, p.boundary)
		put(o, "--")
	case p.text != nil:
		readErr, err := o.text(x.ctx, p.text, p.enc)
		if err != nil {
			return err
		}
		if readErr != nil {
			x.unreadable(p.where, readErr)
		}
	case p.blob != nil:
		readErr, err := o.base64Blob(x.ctx, p.blob)
		if err != nil {
			return err
		}
		if readErr != nil {
			x.unreadable(p.where, readErr)
		}
	case p.write != nil:
		readErr, err := p.write(o)
		if err != nil {
			return err
		}
		if readErr != nil {
			x.unreadable(p.where, readErr)
		}
	case p.message != nil:
		return p.message.message()
	case p.raw != nil:
		return x.rawContent(p)
	}
	if o.err != nil {
		return o.err
	}
	return x.ctx.Err()
}
