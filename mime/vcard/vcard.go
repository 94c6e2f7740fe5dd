package vcard

import (
	"context"
	"io"
	"strings"

	"github.com/mailconv/mailconv/mapi"
)

// Versions of the form, as the VERSION line says them.
const (
	V21 = "2.1"
	V30 = "3.0"
	V40 = "4.0"
)

// A Card is what stands between BEGIN:VCARD and END:VCARD.
type Card struct {
	// Version is the value of the VERSION line, "" when there is none. The
	// line itself is not among Lines, and neither are BEGIN and END.
	Version string
	Lines   []Line
	// Offset and End are the position of the card in its file. They are 0
	// for a card that was not read.
	Offset, End int64
	// Problems is what was wrong in and directly before the card.
	Problems mapi.Problems
}

// Get is the first line with the name, or nil.
func (c *Card) Get(name string) *Line {
	for i := range c.Lines {
		if c.Lines[i].Name == name {
			return &c.Lines[i]
		}
	}
	return nil
}

// A Line is one property of a card: [group.]NAME[;PARAM=value]:value.
type Line struct {
	// Group is what stands before the dot of the name, or "".
	Group string
	// Name is in upper case.
	Name   string
	Params []Param

	// Value is the value as text with the escapes of RFC 6350 3.4 (\\ \, \;
	// \n). It is empty where Data or Long is set.
	Value string
	// Data is the value where it was base64 or a data: URI with base64.
	Data mapi.Blob
	// Media is the media type that a data: URI stated, or "".
	Media string
	// Long is a Value that is too long to be held, as UTF-8, escaped like
	// Value. [Line.OpenText] reads it.
	Long mapi.Blob

	// Offset is the position of the line in its file.
	Offset int64
}

// A Param is one parameter of a line. A parameter of version 2.1 without a
// name is TYPE, or ENCODING where its value is one.
type Param struct {
	Name   string // in upper case
	Values []string
}

// Param is the first value of the parameter, or "".
func (l *Line) Param(name string) string {
	for _, p := range l.Params {
		if p.Name == name && len(p.Values) > 0 {
			return p.Values[0]
		}
	}
	return ""
}

// Types is every value of every TYPE parameter, in upper case.
func (l *Line) Types() []string {
	var list []string
	for _, p := range l.Params {
		if p.Name != "TYPE" {
			continue
		}
		for _, v := range p.Values {
			// QUIRK: lists inside quotes are lists all the same (corpus
			// vcf/calcard/rfc.vcf).
			for t := range strings.SplitSeq(v, ",") {
				if t = strings.ToUpper(strings.TrimSpace(t)); t != "" {
					list = append(list, t)
				}
			}
		}
	}
	return list
}

// HasType reports whether a TYPE parameter has the value, in any case.
func (l *Line) HasType(t string) bool {
	for _, have := range l.Types() {
		if strings.EqualFold(have, t) {
			return true
		}
	}
	return false
}

// Text is the value as one text.
func (l *Line) Text() string { return Unescape(l.Value) }

// List is the value as a list with commas between its elements.
func (l *Line) List() []string {
	parts := Split(l.Value, ',')
	for i, p := range parts {
		parts[i] = Unescape(p)
	}
	return parts
}

// Components is the value as components with semicolons between them. A
// component that is a list keeps its commas.
func (l *Line) Components() []string {
	parts := Split(l.Value, ';')
	for i, p := range parts {
		parts[i] = Unescape(p)
	}
	return parts
}

// OpenText reads the value as text, whether held or not.
func (l *Line) OpenText(ctx context.Context) (io.ReadCloser, error) {
	if l.Long == nil {
		return io.NopCloser(strings.NewReader(l.Text())), nil
	}
	r, err := l.Long.Open(ctx)
	if err != nil {
		return nil, err
	}
	return &unescaper{src: r}, nil
}

// Escape makes text a value. Line ends of any kind become \n.
func Escape(s string) string {
	if !strings.ContainsAny(s, "\\,;\r\n") {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 8)
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '\\', ',', ';':
			b.WriteByte('\\')
			b.WriteByte(c)
		case '\r':
			if i+1 < len(s) && s[i+1] == '\n' {
				continue
			}
			b.WriteString(`\n`)
		case '\n':
			b.WriteString(`\n`)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// Join escapes texts and puts sep between them.
func Join(list []string, sep string) string {
	var b strings.Builder
	for i, s := range list {
		if i > 0 {
			b.WriteString(sep)
		}
		b.WriteString(Escape(s))
	}
	return b.String()
}

// Unescape is the text of a value. A backslash before a character that needs
// none goes too, one at the end stays.
func Unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
			b.WriteByte(unescaped(s[i]))
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// unescaped is what a character behind a backslash stands for.
//
// QUIRK: colons are escaped too, as in http\://, and any other character may
// be (corpus vcf/mailpile/contacttest.vcf).
func unescaped(c byte) byte {
	if c == 'n' || c == 'N' {
		return '\n'
	}
	return c
}

// Split cuts a value at each sep that is not escaped. The parts stay escaped.
func Split(s string, sep byte) []string {
	var parts []string
	start := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case sep:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}

// unescaper is Unescape over a stream.
type unescaper struct {
	src     io.ReadCloser
	pending bool
}

// Close implements io.Closer.
func (u *unescaper) Close() error { return u.src.Close() }

// Read implements io.Reader.
func (u *unescaper) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		n, err := u.src.Read(p)
		w := 0
		for _, c := range p[:n] {
			switch {
			case u.pending:
				c, u.pending = unescaped(c), false
			case c == '\\':
				u.pending = true
				continue
			}
			p[w] = c
			w++
		}
		if w > 0 || err != nil {
			return w, err
		}
	}
}

// NewEscaper is [Escape] over a stream.
func NewEscaper(r io.ReadCloser) io.ReadCloser { return &escaper{src: r} }

type escaper struct {
	src  io.ReadCloser
	in   [2048]byte
	buf  [4096]byte
	out  []byte
	cr   bool // the last character was a CR, and its \n is written
	fail error
}

// Close implements io.Closer.
func (e *escaper) Close() error { return e.src.Close() }

// Read implements io.Reader.
func (e *escaper) Read(p []byte) (int, error) {
	for len(e.out) == 0 {
		if e.fail != nil {
			return 0, e.fail
		}
		n, err := e.src.Read(e.in[:])
		e.fail = err
		out := e.buf[:0]
		for _, c := range e.in[:n] {
			lf := c == '\n' && e.cr
			e.cr = c == '\r'
			switch {
			case lf:
			case c == '\r', c == '\n':
				out = append(out, '\\', 'n')
			case c == '\\', c == ',', c == ';':
				out = append(out, '\\', c)
			default:
				out = append(out, c)
			}
		}
		e.out = out
	}
	n := copy(p, e.out)
	e.out = e.out[n:]
	return n, nil
}
