package soap

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/mailconv/mailconv/mapi"
)

// A Writer collects a document. Markup and small values are in memory, blobs
// are only referred to, and the size of the whole is known at any time.
// The zero value is empty. What is complete can be sent as a [mapi.Blob].
type Writer struct {
	parts []part
	open  []string
	size  int64
}

var _ mapi.Blob = (*Writer)(nil)

// A part is markup, or a blob that is sent as base64.
type part struct {
	text []byte
	blob mapi.Blob
}

func (w *Writer) markup(s string) {
	if n := len(w.parts); n == 0 || w.parts[n-1].blob != nil {
		w.parts = append(w.parts, part{})
	}
	p := &w.parts[len(w.parts)-1]
	p.text = append(p.text, s...)
	w.size += int64(len(s))
}

// Raw writes markup as it is.
func (w *Writer) Raw(s string) *Writer { w.markup(s); return w }

// Start opens an element; attrs are names and values in turn. One with an empty
// value is left out.
func (w *Writer) Start(name string, attrs ...string) *Writer {
	w.tag(name, attrs, ">")
	w.open = append(w.open, name)
	return w
}

func (w *Writer) tag(name string, attrs []string, end string) {
	w.markup("<" + name)
	for i := 0; i+1 < len(attrs); i += 2 {
		if attrs[i+1] != "" {
			w.markup(" " + attrs[i] + `="` + Escape(attrs[i+1]) + `"`)
		}
	}
	w.markup(end)
}

// End closes the innermost element.
func (w *Writer) End() *Writer {
	n := len(w.open) - 1
	w.markup("</" + w.open[n] + ">")
	w.open = w.open[:n]
	return w
}

// Empty writes an element without content.
func (w *Writer) Empty(name string, attrs ...string) *Writer {
	w.tag(name, attrs, "/>")
	return w
}

// Text writes text.
func (w *Writer) Text(s string) *Writer { w.markup(Escape(s)); return w }

// Element writes an element that holds text.
func (w *Writer) Element(name, text string, attrs ...string) *Writer {
	return w.Start(name, attrs...).Text(text).End()
}

// Base64 writes a blob as base64, in one line.
func (w *Writer) Base64(b mapi.Blob) *Writer {
	w.parts = append(w.parts, part{blob: b})
	w.size += (b.Size() + 2) / 3 * 4
	return w
}

// Size is the number of bytes of the document.
func (w *Writer) Size() int64 { return w.size }

// Append takes over what another writer holds.
func (w *Writer) Append(other *Writer) *Writer {
	for _, p := range other.parts {
		if p.blob != nil {
			w.Base64(p.blob)
		} else {
			w.markup(string(p.text))
		}
	}
	return w
}

// Escape makes text of any string. Characters that XML 1.0 cannot say become
// U+FFFD, as do bytes that are not UTF-8; a carriage return is written so that
// it is kept.
func Escape(s string) string {
	plain := true
	for i := 0; i < len(s) && plain; i++ {
		c := s[i]
		plain = c >= ' ' && c < utf8.RuneSelf && c != '<' && c != '>' && c != '&' && c != '"' && c != 0x7F
	}
	if plain {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '&':
			b.WriteString("&amp;")
		case r == '"':
			b.WriteString("&quot;")
		case r == '\t' || r == '\n' || r == '\r':
			fmt.Fprintf(&b, "&#%d;", r)
		case r < ' ' || r == 0xFFFE || r == 0xFFFF:
			b.WriteRune(utf8.RuneError)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// A BlobError says which blob of a document could not be read, counted from 0,
// so that the caller knows whose fault a broken request is.
type BlobError struct {
	Index int
	Err   error
}

func (e *BlobError) Error() string { return "reading what is to be sent: " + e.Err.Error() }

func (e *BlobError) Unwrap() error { return e.Err }

// Open implements [mapi.Blob]: it reads the document from its beginning. The
// blobs are opened as they are reached.
func (w *Writer) Open(ctx context.Context) (io.ReadCloser, error) {
	return &reader{ctx: ctx, parts: w.parts}, nil
}

type reader struct {
	ctx   context.Context
	parts []part
	blobs int // begun so far

	text []byte // of the part that is being read
	blob io.ReadCloser
	left int64 // of the blob, in bytes of its content
	in   [3072]byte
	out  [4096]byte
	err  error
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	for len(r.text) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		if r.err = r.ctx.Err(); r.err == nil {
			r.err = r.next()
		}
	}
	n := copy(p, r.text)
	r.text = r.text[n:]
	return n, nil
}

// next fills r.text.
func (r *reader) next() error {
	if r.blob != nil {
		return r.encode()
	}
	if len(r.parts) == 0 {
		return io.EOF
	}
	p := r.parts[0]
	r.parts = r.parts[1:]
	if p.blob == nil {
		r.text = p.text
		return nil
	}
	r.blobs++
	b, err := p.blob.Open(r.ctx)
	if err != nil {
		return r.broken(err)
	}
	r.blob, r.left = b, p.blob.Size()
	return nil
}

func (r *reader) broken(err error) error { return &BlobError{Index: r.blobs - 1, Err: err} }

// encode takes the next bytes of the blob. The size was announced, so a blob
// that holds more or less cannot be sent.
func (r *reader) encode() error {
	n, err := io.ReadFull(r.blob, r.in[:min(int64(len(r.in)), r.left)])
	r.left -= int64(n)
	if n > 0 || err == nil {
		base64.StdEncoding.Encode(r.out[:], r.in[:n])
		r.text = r.out[:base64.StdEncoding.EncodedLen(n)]
	}
	switch {
	case err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF):
		r.text = nil
		return r.broken(fmt.Errorf("the content is %d bytes shorter than announced", r.left))
	case err != nil:
		r.text = nil
		return r.broken(err)
	case r.left == 0:
		if n, _ := r.blob.Read(r.in[:1]); n > 0 {
			r.text = nil
			return r.broken(errors.New("the content is longer than announced"))
		}
		err := r.blob.Close()
		r.blob = nil
		if err != nil {
			return r.broken(err)
		}
	}
	return nil
}

// Close implements io.Closer.
func (r *reader) Close() error {
	if r.blob == nil {
		return nil
	}
	b := r.blob
	r.blob = nil
	return b.Close()
}
