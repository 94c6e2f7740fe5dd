package vcard

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/mailconv/mailconv/mapi"
)

// foldAt is the length at which a line is folded, in bytes. RFC 6350 3.2
const foldAt = 75

// A Writer writes cards, with CRLF, in UTF-8.
type Writer struct {
	out     *bufio.Writer
	version string
	col     int
	err     error
}

// NewWriter writes cards of a version: [V21], [V30] or [V40].
func NewWriter(w io.Writer, version string) (*Writer, error) {
	switch version {
	case V21, V30, V40:
	default:
		return nil, fmt.Errorf("vcard: no version %q; there are 2.1, 3.0 and 4.0", version)
	}
	return &Writer{out: bufio.NewWriterSize(w, 32<<10), version: version}, nil
}

// Write writes one card; its own Version is not looked at. What it wrote is
// passed on when it returns. Names, groups and parameters that no line can
// hold are left out.
func (w *Writer) Write(ctx context.Context, c *Card) error {
	w.plain("BEGIN:VCARD")
	w.plain("VERSION:" + w.version)
	for i := range c.Lines {
		if err := w.line(ctx, &c.Lines[i]); err != nil {
			return err
		}
	}
	w.plain("END:VCARD")
	if w.err == nil {
		w.err = w.out.Flush()
	}
	return w.err
}

func (w *Writer) raw(s string) {
	if w.err == nil {
		_, w.err = w.out.WriteString(s)
	}
}

func (w *Writer) plain(s string) {
	w.raw(s)
	w.end()
}

func (w *Writer) end() {
	w.raw("\r\n")
	w.col = 0
}

// folded writes text and folds it between characters.
func (w *Writer) folded(s string) {
	for len(s) > 0 {
		if w.col >= foldAt {
			w.raw("\r\n ")
			w.col = 1
		}
		n := min(len(s), foldAt-w.col)
		for n < len(s) && n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		if n == 0 {
			if w.col <= 1 {
				n = len(s)
			} else {
				w.col = foldAt
				continue
			}
		}
		w.raw(s[:n])
		w.col += n
		s = s[n:]
	}
}

func (w *Writer) line(ctx context.Context, l *Line) error {
	if !validName(l.Name) || strings.ContainsAny(l.Name, ".:;") || l.Name == "BEGIN" || l.Name == "END" || l.Name == "VERSION" {
		return w.err
	}
	o := Line{Group: l.Group, Name: strings.ToUpper(l.Name), Media: l.Media}
	if strings.ContainsAny(o.Group, ":;\"") || o.Group != "" && !validName(o.Group) {
		o.Group = ""
	}
	o.Params = w.params(l)
	if w.version == V21 {
		return w.line21(ctx, l, &o)
	}
	if l.Data != nil {
		return w.data(ctx, l, &o)
	}
	var b strings.Builder
	o.writeHead(&b)
	b.WriteByte(':')
	w.folded(clean(b.String()))
	if l.Long != nil {
		return w.long(ctx, l.Long, func(s string) { w.folded(clean(s)) })
	}
	w.folded(clean(l.Value))
	w.end()
	return w.err
}

// clean removes what would break a line.
func clean(s string) string {
	if strings.ContainsAny(s, "\r\n\x00") {
		s = lineBreaker.Replace(s)
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

var lineBreaker = strings.NewReplacer("\r\n", `\n`, "\n", `\n`, "\r", `\n`, "\x00", "")

// params are the parameters of a line as the version says them: PREF is a
// parameter of its own in 4.0 and a type before it.
func (w *Writer) params(l *Line) []Param {
	var out []Param
	pref := false
	for _, p := range l.Params {
		if !validName(p.Name) || strings.ContainsAny(p.Name, ".:;") || len(p.Values) == 0 {
			continue
		}
		switch {
		case w.version == V40 && p.Name == "TYPE":
			values := slices.DeleteFunc(slices.Clone(p.Values), func(v string) bool { return strings.EqualFold(v, "PREF") })
			if len(values) > 0 {
				out = append(out, Param{Name: "TYPE", Values: values})
			}
			if len(values) < len(p.Values) && !pref && !slices.ContainsFunc(l.Params, func(p Param) bool { return p.Name == "PREF" }) {
				pref = true
				out = append(out, Param{Name: "PREF", Values: []string{"1"}})
			}
			continue
		case w.version != V40 && p.Name == "PREF" && len(p.Values) == 1 && p.Values[0] == "1":
			pref = true
			continue
		case p.Name == "ENCODING" && l.Data != nil:
			continue
		}
		out = append(out, p)
	}
	if !pref || w.version == V40 {
		return out
	}
	for i := range out {
		if out[i].Name == "TYPE" {
			if !slices.ContainsFunc(out[i].Values, func(v string) bool { return strings.EqualFold(v, "PREF") }) {
				out[i].Values = append(slices.Clone(out[i].Values), "PREF")
			}
			return out
		}
	}
	return append(out, Param{Name: "TYPE", Values: []string{"PREF"}})
}

// data writes a value in base64: a data: URI in 4.0, ENCODING=b before it.
func (w *Writer) data(ctx context.Context, l, o *Line) error {
	var b strings.Builder
	if w.version == V40 {
		media := MediaType(l)
		o.Params = slices.DeleteFunc(o.Params, func(p Param) bool {
			return p.Name == "TYPE" && len(p.Values) == 1 && mediaOfType[strings.ToUpper(p.Values[0])] != "" ||
				p.Name == "VALUE" || p.Name == "MEDIATYPE" && l.Media == ""
		})
		o.writeHead(&b)
		b.WriteString(":data:" + media + ";base64,")
	} else {
		o.Params = slices.DeleteFunc(o.Params, func(p Param) bool { return p.Name == "VALUE" || p.Name == "MEDIATYPE" })
		o.Params = append([]Param{{Name: "ENCODING", Values: []string{"b"}}}, o.Params...)
		if len(o.Types()) == 0 {
			if t := typeOfMedia(l.Media); t != "" {
				o.Params = append(o.Params, Param{Name: "TYPE", Values: []string{t}})
			}
		}
		o.writeHead(&b)
		b.WriteByte(':')
	}
	w.folded(clean(b.String()))
	if err := w.base64(ctx, l.Data, func(p []byte) { w.folded(string(p)) }); err != nil {
		return err
	}
	w.end()
	return w.err
}

// base64 encodes a blob piece by piece.
func (w *Writer) base64(ctx context.Context, data mapi.Blob, put func([]byte)) error {
	r, err := data.Open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	var in [57 * 128]byte
	var out [76 * 128]byte
	for {
		n, err := io.ReadFull(r, in[:])
		if n > 0 {
			base64.StdEncoding.Encode(out[:], in[:n])
			put(out[:base64.StdEncoding.EncodedLen(n)])
		}
		switch {
		case w.err != nil:
			return w.err
		case err == io.EOF || err == io.ErrUnexpectedEOF:
			return nil
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		}
	}
}

// long writes a stream of text in pieces that end between characters.
func (w *Writer) long(ctx context.Context, b mapi.Blob, put func(string)) error {
	r, err := b.Open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	var buf [8 << 10]byte
	n := 0
	for {
		k, err := r.Read(buf[n:])
		n += k
		cut := n
		if err == nil {
			for cut > 0 && n-cut < utf8.UTFMax && !utf8.FullRune(buf[lastRune(buf[:cut]):cut]) {
				cut = lastRune(buf[:cut])
			}
			// A backslash stays with what it escapes.
			if cut > 0 && buf[cut-1] == '\\' && oddBackslashes(buf[:cut]) {
				cut--
			}
		}
		put(string(buf[:cut]))
		n = copy(buf[:], buf[cut:n])
		switch {
		case w.err != nil:
			return w.err
		case err == io.EOF:
			w.end()
			return w.err
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		}
	}
}

func lastRune(b []byte) int {
	i := len(b) - 1
	for i > 0 && !utf8.RuneStart(b[i]) && len(b)-i < utf8.UTFMax {
		i--
	}
	return max(i, 0)
}

func oddBackslashes(b []byte) bool {
	n := 0
	for i := len(b) - 1; i >= 0 && b[i] == '\\'; i-- {
		n++
	}
	return n%2 == 1
}
