package ical

import (
	"bufio"
	"context"
	"encoding/base64"
	"io"
	"strings"
	"unicode/utf8"
)

// lineLimit is the number of octets of a line without its end. RFC 5545 3.1
const lineLimit = 75

// A Writer writes content lines, folded. It keeps the first error, which
// [Writer.Flush] gives. It is for one goroutine.
type Writer struct {
	w   *bufio.Writer
	col int
	err error
}

// NewWriter writes to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: bufio.NewWriter(w)} }

// Begin writes BEGIN.
func (w *Writer) Begin(name string) { w.Line(New("BEGIN", name)) }

// End writes END.
func (w *Writer) End(name string) { w.Line(New("END", name)) }

// Component writes a component with all that is in it.
func (w *Writer) Component(c *Component) {
	w.Begin(c.Name)
	for _, p := range c.Properties {
		w.Line(p)
	}
	for _, in := range c.Components {
		w.Component(in)
	}
	w.End(c.Name)
}

// Line writes a property. A Large value is read without a deadline; see
// [Writer.Stream].
func (w *Writer) Line(p Property) {
	if p.Large != nil {
		r, err := p.Large.Open(context.Background())
		if err != nil {
			w.fail(err)
			return
		}
		defer r.Close()
		w.fail(w.Stream(p, r))
		return
	}
	w.head(p)
	w.text(p.Value)
	w.end()
}

// Stream writes a property whose value is what r gives; line ends in it are
// left out. It returns the error of r, which leaves a shorter value.
func (w *Writer) Stream(p Property, r io.Reader) error {
	w.head(p)
	br := bufio.NewReader(r)
	var err error
	for w.err == nil {
		var c rune
		var n int
		c, n, err = br.ReadRune()
		if err != nil {
			break
		}
		if c == utf8.RuneError && n == 1 || c == '\r' || c == '\n' || c == 0 {
			continue
		}
		w.rune(c)
	}
	w.end()
	if err == io.EOF {
		err = nil
	}
	return err
}

// Base64 writes a property whose value is what r gives, in base64.
func (w *Writer) Base64(p Property, r io.Reader) error {
	w.head(p)
	e := base64.NewEncoder(base64.StdEncoding, asciiWriter{w})
	_, err := io.Copy(e, r)
	e.Close()
	w.end()
	return err
}

// Flush writes what is left and gives the first error.
func (w *Writer) Flush() error {
	w.fail(w.w.Flush())
	return w.err
}

func (w *Writer) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

func (w *Writer) head(p Property) {
	w.text(p.Name)
	for _, q := range p.Params {
		w.text(";" + q.Name)
		for i, v := range q.Values {
			if i == 0 {
				w.text("=")
			} else {
				w.text(",")
			}
			w.text(FormatParam(v))
		}
	}
	w.text(":")
}

var paramEscaper = strings.NewReplacer("^", "^^", "\r\n", "^n", "\n", "^n", "\r", "^n", `"`, "^'")

// FormatParam writes a value of a parameter, in quotes where it needs them. RFC
// 6868
func FormatParam(v string) string {
	v = paramEscaper.Replace(v)
	if strings.ContainsAny(v, ":;,") || strings.HasPrefix(v, " ") || strings.HasSuffix(v, " ") {
		return `"` + v + `"`
	}
	return v
}

func (w *Writer) text(s string) {
	for _, c := range s {
		if c == '\r' || c == '\n' || c == 0 {
			continue // a value is one line
		}
		w.rune(c)
	}
}

func (w *Writer) rune(c rune) {
	n := utf8.RuneLen(c)
	if n < 0 {
		c, n = utf8.RuneError, 3
	}
	if w.col+n > lineLimit {
		w.put("\r\n ")
		w.col = 1
	}
	_, err := w.w.WriteRune(c)
	w.fail(err)
	w.col += n
}

func (w *Writer) end() {
	w.put("\r\n")
	w.col = 0
}

func (w *Writer) put(s string) {
	_, err := w.w.WriteString(s)
	w.fail(err)
}

type asciiWriter struct{ w *Writer }

func (a asciiWriter) Write(p []byte) (int, error) {
	for _, c := range p {
		a.w.rune(rune(c))
	}
	return len(p), a.w.err
}

// Format is a property as one line, unfolded and without a line end; a Large
// value is left out. [ParseLine] reads it.
func Format(p Property) string {
	var b strings.Builder
	b.WriteString(p.Name)
	for _, q := range p.Params {
		b.WriteString(";" + q.Name)
		for i, v := range q.Values {
			if i == 0 {
				b.WriteByte('=')
			} else {
				b.WriteByte(',')
			}
			b.WriteString(FormatParam(v))
		}
	}
	b.WriteString(":" + p.Value)
	return b.String()
}

// ParseLine reads one unfolded line.
func ParseLine(s string) (Property, bool) {
	src := strings.NewReader(s)
	lines := newLines(src, int64(len(s)))
	l, err := lines.next(int64(len(s)))
	if err != nil || l.blank || l.parse(lines) != "" {
		return Property{}, false
	}
	return l.prop, true
}
