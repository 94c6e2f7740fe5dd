package mime

import (
	"bytes"
	"context"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/codepage"
	"github.com/mailconv/mailconv/mime/header"
)

// bodyHold is how much of a body is held in memory; larger ones are opened
// again for each pass.
const bodyHold = 1 << 20

// plan decides the structure of the mail. [MS-OXCMAIL] 2.1.3.3, 2.1.3.4
func (x *exporter) plan() (*part, error) {
	root, err := x.structure()
	if err != nil {
		return nil, err
	}
	if x.opt.KeepMAPI && x.depth == 0 {
		root = x.withTNEF(root)
	}
	if x.depth == 0 {
		if err := x.scanEmbedded(x.m, 0); err != nil {
			return nil, err
		}
	}
	return root, x.finish(root)
}

func (x *exporter) structure() (*part, error) {
	class := strings.ToUpper(x.m.Class())
	switch {
	case isSMIME(class):
		p, err := x.smime()
		if p != nil || err != nil {
			return p, err
		}
	case strings.HasPrefix(class, "REPORT."):
		return x.reportPart(class)
	}
	return x.ordinary()
}

// ordinary is the structure of a message that is no report and no S/MIME:
// mixed(related(alternative(plain, html, calendar), inline...), attachment...), without
// the levels that have one child.
func (x *exporter) ordinary() (*part, error) {
	plain, html, extra, err := x.bodies()
	if err != nil {
		return nil, err
	}
	refs := new(references)
	if html != nil {
		if refs, err = x.references(html); err != nil {
			return nil, err
		}
	}
	inline, attached, err := x.attachments(refs)
	if err != nil {
		return nil, err
	}
	attached = append(attached, extra...)
	item, alternative, err := x.itemPart()
	if err != nil {
		return nil, err
	}
	if item != nil && !alternative {
		attached = append([]*part{item}, attached...)
		item = nil
	}
	body := x.withItem(plain, html, item)
	if len(inline) > 0 {
		// The type parameter is that of the root. RFC 2387 3.1
		rel := multipart("related", append([]*part{body}, inline...)...)
		rel.params = []header.Param{{Name: "type", Value: body.typ}}
		body = rel
	}
	switch {
	case len(attached) == 0 && body == nil:
		return x.textPart(&text{subtype: "plain", charset: "utf-8"}, "PidTagBody"), nil
	case len(attached) == 0:
		return body, nil
	case body == nil && len(attached) == 2 && x.isPGP(attached):
		// RFC 3156 4
		p := multipart("encrypted", attached...)
		p.params = []header.Param{{Name: "protocol", Value: typePGP}}
		return p, nil
	case body == nil:
		return multipart("mixed", attached...), nil
	}
	return multipart("mixed", append([]*part{body}, attached...)...), nil
}

// typePGP is the type of the first part of a mail that PGP has encrypted.
const typePGP = "application/pgp-encrypted"

// isPGP reports whether the parts are those of a mail that PGP has encrypted,
// and that came as one. The parts are files to a store, but a reader knows them
// by the type of the whole.
func (x *exporter) isPGP(parts []*part) bool {
	typ, _ := header.ParseParams(x.storedFields().Value("Content-Type"), nil)
	return typ == "multipart/encrypted" && parts[0].typ == typePGP && parts[0].blob != nil && parts[1].blob != nil
}

func (x *exporter) textPart(t *text, where string) *part {
	return &part{typ: "text/" + t.subtype, text: t, where: where}
}

// bodies finds the bodies to write, by the best body rules of [MS-OXBBODY]
// 2.1.3.1 as far as they matter where all forms can be kept: HTML that is
// stored goes before HTML inside RTF, text that is stored before text made of
// RTF. RTF that is neither is written as HTML and text. Extra is an attachment
// for a body that could not be converted.
func (x *exporter) bodies() (plain, html *text, extra []*part, err error) {
	if plain, err = x.plainBody(); err != nil {
		return
	}
	if html, err = x.htmlBody(); err != nil {
		return
	}
	v, ok := x.m.Props.Get(mapi.PidTagRtfCompressed)
	if !ok || v.Size() == 0 || html != nil {
		return
	}
	rtfPlain, rtfHTML, extra, err := x.rtfBody(v.Blob())
	if plain == nil {
		plain = rtfPlain
	}
	return plain, rtfHTML, extra, err
}

// plainBody is PidTagBody as UTF-8.
func (x *exporter) plainBody() (*text, error) {
	v, ok := x.m.Props.Get(mapi.PidTagBody)
	if !ok || v.Size() == 0 {
		return nil, nil
	}
	t := &text{subtype: "plain", charset: "utf-8"}
	if v.InMemory() {
		b := x.buffer()
		b.Write(v.AppendText(b.AvailableBuffer()))
		if t.mem = b.Bytes(); len(t.mem) == 0 {
			return nil, nil
		}
		if bytes.IndexByte(t.mem, 0) >= 0 {
			t.mem = bytes.ReplaceAll(t.mem, []byte{0}, nil)
		}
		return t, nil
	}
	t.open = v.OpenText
	return t, nil
}

// htmlBody is PidTagHtml with its own bytes, or PidTagBodyHtml as UTF-8.
func (x *exporter) htmlBody() (*text, error) {
	if v, ok := x.m.Props.Get(mapi.PidTagHtml); ok && v.Size() > 0 {
		return x.htmlBytes(v.Blob())
	}
	v, ok := x.m.Props.Get(mapi.PidTagBodyHtml)
	if !ok || v.Size() == 0 {
		return nil, nil
	}
	t := &text{subtype: "html", charset: "utf-8"}
	if v.Type() == mapi.TypeString8 && x.internetCodepage() == codepage.UTF8 {
		// The bytes were taken from the mail, so they may be in the code page
		// of the HTML and not in that of the message.
		u, err := x.htmlBytes(v.Blob())
		if u != nil && u.open == nil && u.charset == "utf-8" && utf8.Valid(u.mem) || err != nil {
			return u, err
		}
	}
	if v.InMemory() {
		b := x.buffer()
		b.Write(v.AppendText(b.AvailableBuffer()))
		t.mem = b.Bytes()
		return t, nil
	}
	t.open = v.OpenText
	return x.hold(t)
}

// hold reads a text into memory when it is small enough.
func (x *exporter) hold(t *text) (*text, error) {
	r, err := t.open(x.ctx)
	if err != nil {
		return t, x.ctx.Err()
	}
	defer r.Close()
	p, err := io.ReadAll(io.LimitReader(r, bodyHold+1))
	if err == nil && len(p) <= bodyHold {
		t.mem, t.open = p, nil
	}
	return t, x.ctx.Err()
}

func (x *exporter) internetCodepage() int {
	n, _ := x.m.Props.Int(mapi.PidTagInternetCodepage)
	return int(n)
}

// htmlBytes is HTML that is stored as bytes. They are written as they are and
// labelled with their code page, unless that is not a superset of ASCII or has
// no name in MIME.
func (x *exporter) htmlBytes(b mapi.Blob) (*text, error) {
	t := &text{subtype: "html"}
	t.open = func(ctx context.Context) (io.ReadCloser, error) { return b.Open(ctx) }
	if b.Size() <= bodyHold {
		p, err := mapi.ReadBlob(x.ctx, b, bodyHold)
		if err == nil {
			t.mem, t.open = bytes.TrimRight(p, "\x00"), nil
		}
	}
	sample, all, err := t.sample(x.ctx)
	if err != nil && x.ctx.Err() != nil {
		return nil, x.ctx.Err()
	}
	if all && len(sample) == 0 && err == nil {
		return nil, nil
	}
	cp, known := x.htmlCodepage(sample, all)
	name := codepage.Name(cp)
	cs, ok := codepage.Get(cp)
	if !known {
		x.problem(mapi.Problem{
			Offset: -1, Field: "PidTagInternetCodepage", Detail: "code page of the HTML body is not known; taken as " + name,
			Spec: "[MS-OXCMSG] 2.2.1.58.6",
		})
	}
	if name != "" && ok && asciiSuperset(cp) {
		t.charset = name
		return t, nil
	}
	inner := t.open
	if t.open == nil {
		mem := t.mem
		inner = func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(mem)), nil }
	}
	u := &text{subtype: "html", charset: "utf-8"}
	u.open = func(ctx context.Context) (io.ReadCloser, error) {
		r, err := inner(ctx)
		if err != nil {
			return nil, err
		}
		return decoder{cs.NewReader(r), r}, nil
	}
	return x.hold(u)
}

type decoder struct {
	io.Reader
	io.Closer
}

func asciiSuperset(cp int) bool {
	switch cp {
	case 1200, 1201, 12000, 12001, 65000, 37, 500, 1026, 1047, 52936:
		return false
	}
	return cp < 1140 || cp > 1149 && cp < 20273 || cp == 20932 || cp == 20936 || cp == 20949 || cp == codepage.UTF8 ||
		cp == 20866 || cp == 21866 || cp > 28590
}

// htmlCodepage is the code page of HTML bytes: a byte order mark, the stored
// PidTagInternetCodepage, the charset that the HTML itself names, UTF-8 where
// the bytes are that, the code page of the message.
//
// QUIRK: [MS-OXCMSG] 2.2.1.58.6 makes the property decide alone. Files exist
// whose bytes say otherwise: non-ASCII bytes under 20127, and UTF-8 that names
// itself so under another number.
func (x *exporter) htmlCodepage(p []byte, all bool) (cp int, known bool) {
	switch {
	case bytes.HasPrefix(p, []byte("\xEF\xBB\xBF")):
		return codepage.UTF8, true
	case bytes.HasPrefix(p, []byte("\xFF\xFE")):
		return codepage.UTF16, true
	}
	ascii := true
	for _, c := range p {
		if c >= utf8.RuneSelf {
			ascii = false
			break
		}
	}
	cp = x.internetCodepage()
	if ascii && cp != 0 {
		_, ok := codepage.Get(cp)
		return cp, ok
	}
	if ascii {
		return codepage.UTF8, true
	}
	named := metaCharset(p)
	isUTF8 := utf8.Valid(p) || !all && validUTF8(p)
	switch {
	case isUTF8 && (cp == codepage.UTF8 || named == codepage.UTF8 || cp == 0):
		return codepage.UTF8, true
	case cp == 0 && named != 0:
		return named, true
	case cp == codepage.ASCII && named != 0 && named != codepage.ASCII:
		return named, true
	case cp == codepage.ASCII && isUTF8:
		return codepage.UTF8, true
	case cp == codepage.ASCII:
		return codepage.Windows1252, true
	case cp == 0 || cp == codepage.UTF8 && !isUTF8:
		n := codepage.OfMessage(x.m.Props)
		if named != 0 && named != codepage.UTF8 {
			n = named
		}
		if n == codepage.UTF8 {
			n = codepage.Windows1252
		}
		return n, cp == 0
	}
	if _, ok := codepage.Get(cp); !ok {
		if named != 0 {
			return named, true
		}
		return codepage.OfMessage(x.m.Props), false
	}
	return cp, true
}

// validUTF8 is utf8.Valid for a sample whose last character may be cut.
func validUTF8(p []byte) bool {
	for i := 0; i < utf8.UTFMax && len(p) > 0; i++ {
		if utf8.Valid(p) {
			return true
		}
		if r, n := utf8.DecodeLastRune(p); r == utf8.RuneError && n == 1 {
			p = p[:len(p)-1]
			continue
		}
		return false
	}
	return utf8.Valid(p)
}

// metaCharset is the code page that HTML names for itself, or 0.
func metaCharset(p []byte) int {
	p = p[:min(len(p), 4096)]
	low := bytes.ToLower(p)
	i := bytes.Index(low, []byte("charset="))
	if i < 0 {
		return 0
	}
	s := strings.TrimLeft(string(low[i+len("charset="):]), `"' `)
	if j := strings.IndexAny(s, "\"' ;/>\r\n\t"); j >= 0 {
		s = s[:j]
	}
	cs, ok := codepage.ByName(s)
	if !ok {
		return 0
	}
	return cs.CodePage()
}

// references is what the HTML points to: Content-IDs, and the places in which
// it could name a Content-Location.
type references struct {
	cids  contentIDs
	x     *exporter
	html  *text
	scans int // passes over HTML that is not held
}

// maxScans bounds the passes over HTML that is not held.
const maxScans = 64

func (x *exporter) references(t *text) (*references, error) {
	r := &references{cids: make(contentIDs), x: x, html: t}
	return r, r.scan(r.cids.find)
}

// scan shows the HTML to f in pieces that overlap, until f returns false.
func (r *references) scan(f func([]byte) bool) error {
	if r.html == nil {
		return nil
	}
	if r.html.open == nil {
		f(r.html.mem)
		return nil
	}
	rd, err := r.html.open(r.x.ctx)
	if err != nil {
		// Reported when the body is written.
		return r.x.ctx.Err()
	}
	defer rd.Close()
	const overlap = 2048
	buf := make([]byte, 64<<10)
	kept := 0
	for {
		n, err := io.ReadFull(rd, buf[kept:])
		n += kept
		if !f(buf[:n]) || err != nil {
			return r.x.ctx.Err()
		}
		kept = copy(buf, buf[n-overlap:n])
		if err := r.x.ctx.Err(); err != nil {
			return err
		}
	}
}

func (r *references) hasLocation(loc string) bool {
	if len(loc) < 4 || len(loc) > 1000 || r.html == nil {
		return false
	}
	if r.html.open != nil {
		if r.scans++; r.scans > maxScans {
			return false
		}
	}
	found := false
	needle := []byte(loc)
	r.scan(func(p []byte) bool {
		found = bytes.Contains(p, needle)
		return !found
	})
	return found
}
