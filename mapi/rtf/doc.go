// Package rtf reads and writes the RTF bodies of messages: the compression of
// PidTagRtfCompressed ([MS-OXRTFCP]), HTML and text encapsulated in RTF
// ([MS-OXRTFEX]), and RTF that was written as such.
//
// Start from [NewReader], which decompresses a value, and [ToHTML] or [ToText],
// which read the RTF that comes of it. [Detect] tells what a value holds. The
// way back is [FromHTML] or [FromText], then [Compress].
//
// All of it streams: memory does not grow with a body, nesting and output are
// bounded, and text comes out as UTF-8. RTF that is damaged yields what can be
// read and problems.
//
// Not supported: drawing objects, page layout, headers, footers and footnotes,
// revision marks (deleted text is left out); of list formats only the text that
// the writer put beside each item; pictures are reported by place, not decoded.
package rtf

import (
	"context"
	"errors"
	"io"

	"github.com/mailconv/mailconv/mapi"
)

// A Kind tells what an RTF body was made from.
type Kind int

// Kinds of RTF body. [MS-OXRTFEX] 2.2.3.1
const (
	Plain Kind = iota // written as RTF
	HTML              // \fromhtml1: encapsulated HTML
	Text              // \fromtext: encapsulated text
)

func (k Kind) String() string {
	switch k {
	case HTML:
		return "html"
	case Text:
		return "text"
	}
	return "rtf"
}

// Options of [ToHTML] and [ToText]. Nil is the zero value.
type Options struct {
	// CodePage is that of the message, for RTF that names none. 0 is 1252.
	CodePage int
	// KeepCharset leaves a charset that the HTML declares in a meta element as
	// it is. Without it, the value is replaced by utf-8, since that is what is
	// written: a reader that trusts the element is then right. See
	// [Result.Charset].
	KeepCharset bool
	// MaxOutput bounds the output in bytes; more is cut with a severe problem.
	// 0 is 256 MiB.
	MaxOutput int64
}

func (o *Options) withDefaults() Options {
	var v Options
	if o != nil {
		v = *o
	}
	if v.MaxOutput <= 0 {
		v.MaxOutput = 256 << 20
	}
	return v
}

// A Result is what a conversion found beside its output.
type Result struct {
	// Kind is what the RTF was made from.
	Kind Kind
	// Charset is the charset that the HTML declared in a meta element of its
	// head, "" for none. The output is UTF-8 and, unless
	// [Options.KeepCharset] is set, says so.
	Charset string
	// Objects lists pictures, OLE objects and attachment places in the order
	// of the text.
	Objects []Object
	// Problems is what was wrong with the RTF. A problem is severe where text
	// was lost.
	Problems mapi.Problems
}

// MaxObjects bounds [Result.Objects].
const MaxObjects = 10000

// An ObjectKind says what stands at a place of the text.
type ObjectKind int

// Kinds of object.
const (
	// AttachmentPlace is \objattph: the attachment that comes next by
	// PidTagRenderingPosition is shown here.
	AttachmentPlace ObjectKind = iota
	// Picture is \pict.
	Picture
	// OLEObject is \object.
	OLEObject
)

// An Object is something in the text that is not text.
type Object struct {
	Kind ObjectKind
	// Offset is the place in the output, in bytes.
	Offset int64
	// Position is the place in the text, in characters: what
	// PidTagRenderingPosition counts.
	Position int64
	// Format is that of a picture: png, jpeg, emf, wmf, dib, or "".
	Format string
	// Width and Height are the size wanted, in twips (1/1440 inch), or 0.
	Width, Height int
}

// ToHTML converts RTF (not compressed) to HTML. Encapsulated HTML comes out as
// it went in, [MS-OXRTFEX] 2.2.3.2; encapsulated text and other RTF are rendered.
// The output is UTF-8.
//
// An error is one of w or r, or a [*mapi.FormatError] when r is no RTF at all;
// what was written before it stays written.
func ToHTML(w io.Writer, r io.Reader, opts *Options) (Result, error) {
	return convert(w, r, opts, func(k Kind) output {
		if k == HTML {
			return outHTMLTags
		}
		return outHTML
	})
}

// ToText converts RTF (not compressed) to plain text with CRLF line ends.
// Encapsulated text comes out as it went in, [MS-OXRTFEX] 2.2.3.3; of
// encapsulated HTML and of other RTF it is the text that an RTF viewer shows,
// which is nothing where a writer put the text itself into HTMLTAG groups.
// The output is UTF-8. Errors are those of [ToHTML].
func ToText(w io.Writer, r io.Reader, opts *Options) (Result, error) {
	return convert(w, r, opts, func(k Kind) output {
		if k == Text {
			return outText
		}
		return outPlain
	})
}

// kindWindow is how much of an RTF decides its kind. [MS-OXRTFEX] 2.2.3.1 looks
// at the first ten tokens.
const kindWindow = 1024

// KindOf tells what an RTF was made from by its first bytes; 1 KiB is enough.
func KindOf(head []byte) Kind {
	if len(head) > kindWindow {
		head = head[:kindWindow]
	}
	p := parser{scanner: scanner{buf: head, end: len(head), err: io.EOF}}
	return p.sniff()
}

// Detect tells what a value of PidTagRtfCompressed holds. It reads little of it.
func Detect(ctx context.Context, value mapi.Blob) (Kind, error) {
	r, err := value.Open(ctx)
	if err != nil {
		return Plain, err
	}
	defer r.Close()
	head := make([]byte, kindWindow)
	n, err := io.ReadFull(NewReader(r), head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return Plain, err
	}
	return KindOf(head[:n]), nil
}
