package entity

import (
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime/header"
)

// source is what all entities of a mail share.
type source struct {
	r       io.ReaderAt
	small   []byte // all of r, where it is held
	charset mapi.Charset
	lf      bool // lines end in LF
	cr      bool // lines end in CR
	crcrlf  bool // lines end in CR CR LF
}

// An Entity is a mail, or a part of one: a header and a body, both sections
// over the source. An Entity may be read by several goroutines.
type Entity struct {
	// Fields is the header.
	Fields header.Fields
	// MediaType is the type of the content in lower case, as in "text/plain",
	// which is also what a part without a usable Content-Type counts as (in a
	// multipart/digest: message/rfc822). RFC 2045 5.2, RFC 2046 5.1.5
	MediaType string
	// Params are the parameters of Content-Type, decoded.
	Params []header.Param
	// Disposition is the value of Content-Disposition in lower case, "" when
	// there is none, and DispositionParams its parameters. RFC 2183
	Disposition       string
	DispositionParams []header.Param
	// Encoding is the transfer encoding.
	Encoding Encoding
	// Parts are the body parts of a multipart, or the one mail in a
	// message/rfc822; none for a leaf.
	Parts []*Entity
	// Problems is what was odd about the whole mail; set in its root only.
	Problems mapi.Problems

	src    *source
	parent *Entity
	index  int

	start       int64 // with what stands before the header
	first       int64 // the header
	body        int64
	end         int64
	preambleEnd int64
	epilogue    int64

	once    sync.Once
	content mapi.Blob
	decoded *content // behind content, where it is decoded
}

// readType reads the fields that say what the content is. The result is a
// transfer encoding that is not known, else "".
func (e *Entity) readType() (unknown string) {
	for i := range e.Fields {
		f := &e.Fields[i]
		if len(f.Name) < 12 || f.Name[7] != '-' {
			continue
		}
		switch {
		case f.Is("Content-Type") && e.Params == nil:
			t, params := header.ParseParams(f.Value(), e.src.charset)
			e.Params = params
			if t == "" {
				break
			}
			if major, minor, ok := strings.Cut(t, "/"); ok && major != "" && minor != "" {
				e.MediaType = t
			} else if t != "text" {
				// Not a type: say that nothing is known. RFC 2045 5.2 takes
				// it for text, but then binary content would be decoded as such.
				e.MediaType = "application/octet-stream"
			}
		case f.Is("Content-Disposition") && e.Disposition == "":
			e.Disposition, e.DispositionParams = header.ParseParams(f.Value(), e.src.charset)
		case f.Is("Content-Transfer-Encoding") && e.Encoding == Identity:
			enc, ok := parseEncoding(f.Value())
			if e.Encoding = enc; !ok {
				unknown = f.Value()
			}
		}
	}
	return unknown
}

// Param is the value of a Content-Type parameter, "" when there is none.
func (e *Entity) Param(name string) string {
	v, _ := header.FindParam(e.Params, name)
	return v
}

// Filename is the name that the part states for a file: "filename" of
// Content-Disposition, else "name" of Content-Type. It is text from the mail
// and may hold anything, path separators too.
func (e *Entity) Filename() string {
	if v, ok := header.FindParam(e.DispositionParams, "filename"); ok && v != "" {
		return v
	}
	return e.Param("name")
}

// ContentID is the Content-ID without angle brackets, "" when there is none.
func (e *Entity) ContentID() string {
	return strings.Trim(e.Fields.Text("Content-ID", e.src.charset), "<> \t")
}

// Parent is the part that holds this one, nil for the root.
func (e *Entity) Parent() *Entity { return e.parent }

// IsMultipart reports whether the content is declared as a multipart.
func (e *Entity) IsMultipart() bool { return strings.HasPrefix(e.MediaType, "multipart/") }

// IsText reports whether the content is declared as text.
func (e *Entity) IsText() bool { return strings.HasPrefix(e.MediaType, "text/") }

// IsMessage reports whether the part holds a mail that was read: Parts has it.
func (e *Entity) IsMessage() bool { return len(e.Parts) == 1 && e.holdsMessage() }

func (e *Entity) holdsMessage() bool {
	switch e.MediaType {
	case "message/rfc822", "message/global", "message/news", "message/rfc2822":
		return true
	}
	return false
}

// HasHeader reports whether the entity has any field.
func (e *Entity) HasHeader() bool { return len(e.Fields) > 0 }

// Path is the number of the part as in IMAP, "1.2"; "" for the root.
func (e *Entity) Path() string {
	if e.parent == nil {
		return ""
	}
	up := e.parent.Path()
	if e.parent.holdsMessage() && !e.parent.IsMultipart() {
		return up + "/"
	}
	if up != "" && !strings.HasSuffix(up, "/") {
		up += "."
	}
	return up + strconv.Itoa(e.index+1)
}

func (e *Entity) where() string {
	if s := e.Path(); s != "" {
		return "part " + s
	}
	return ""
}

func (e *Entity) section(from, to int64) mapi.Blob {
	if e.src.small != nil {
		return mapi.Bytes(e.src.small[from:max(to, from):max(to, from)])
	}
	return mapi.Section{R: e.src.r, Off: from, N: max(to-from, 0)}
}

// Raw is the whole entity as it stands: header, empty line, body.
func (e *Entity) Raw() mapi.Blob { return e.section(e.start, e.end) }

// Header is the header as it stands, with the empty line that ends it where
// there is one.
func (e *Entity) Header() mapi.Blob { return e.section(e.first, e.body) }

// Body is the body as it stands, still in its transfer encoding.
func (e *Entity) Body() mapi.Blob { return e.section(e.body, e.end) }

// Offset is where the entity begins in the source, BodyOffset where its body
// does, and End where that ends.
func (e *Entity) Offset() int64 { return e.start }

// BodyOffset is where the body begins in the source.
func (e *Entity) BodyOffset() int64 { return e.body }

// End is where the body ends in the source.
func (e *Entity) End() int64 { return e.end }

// Preamble is what stands before the first part of a multipart, up to its
// delimiter; nil for a leaf.
func (e *Entity) Preamble() mapi.Blob {
	if len(e.Parts) == 0 || !e.IsMultipart() {
		return nil
	}
	return e.section(e.body, e.preambleEnd)
}

// Epilogue is what stands behind the closing delimiter of a multipart; nil for
// a leaf and for a multipart that was not closed.
func (e *Entity) Epilogue() mapi.Blob {
	if e.epilogue == 0 {
		return nil
	}
	return e.section(e.epilogue, e.end)
}

// StoreForm reports whether the source has its lines in the form of a store
// (LF, CR, or CR CR LF) instead of CRLF.
func (e *Entity) StoreForm() bool { return e.src.lines() != asItIs }

// Walk calls f for the entity and every part below it, parents first, until f
// is false for a part, whose own parts are then left out.
func (e *Entity) Walk(f func(*Entity) bool) {
	if !f(e) {
		return
	}
	for _, c := range e.Parts {
		c.Walk(f)
	}
}
