package vcard

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/codepage"
	"github.com/mailconv/mailconv/mime/entity"
)

const (
	// maxHead bounds the name and the parameters of a line.
	maxHead = 32 << 10
	// maxLines and maxHeld bound what a card may keep in memory.
	maxLines = 20000
	maxHeld  = 4 << 20
)

// A Reader gives the cards of a file, one after the other. It holds one card
// at a time.
type Reader struct {
	s        scanner
	pos      int64
	any      bool
	problems mapi.Problems // met before a card
}

// NewReader reads cards from r. The source must stay as it is while a line's
// Data or Long is in use.
func NewReader(r io.ReaderAt, size int64) (*Reader, error) {
	src, start, end, err := openSource(r, size)
	if err != nil {
		return nil, err
	}
	return &Reader{s: scanner{src: src, end: end}, pos: start}, nil
}

// Next reads one card. At the end it gives io.EOF, or a [*mapi.FormatError]
// when there was no card at all. A failing source is another error.
func (r *Reader) Next() (*Card, error) {
	junk := int64(-1)
	for {
		p, ok := r.s.line(r.pos)
		if r.s.err != nil {
			return nil, r.s.err
		}
		if !ok {
			break
		}
		if isMark(p.prefix, "BEGIN") {
			if junk >= 0 {
				r.problems.Add(outside(junk))
			}
			r.any = true
			return r.card(p)
		}
		if junk < 0 && len(bytes.TrimSpace(p.prefix)) > 0 {
			junk = p.start
		}
		r.pos = p.next
	}
	if !r.any {
		return nil, &mapi.FormatError{Format: "vcf", Problem: mapi.Problem{
			Severe: true, Offset: 0, Field: "BEGIN",
			Detail: "no line says BEGIN:VCARD", Spec: "RFC 6350 6.1.1",
		}}
	}
	if junk >= 0 {
		r.problems.Add(outside(junk))
	}
	return nil, io.EOF
}

func outside(off int64) mapi.Problem {
	return mapi.Problem{Offset: off, Detail: "text outside of a card", Spec: "RFC 6350 3.3"}
}

// Problems is what was wrong behind the last card. It is complete when Next
// has returned io.EOF.
func (r *Reader) Problems() mapi.Problems { return r.problems }

// isMark recognises BEGIN:VCARD and END:VCARD.
func isMark(b []byte, name string) bool {
	if len(b) > 256 {
		return false
	}
	i := bytes.IndexByte(b, ':')
	if i < 0 || !strings.EqualFold(string(bytes.TrimSpace(b[i+1:])), "VCARD") {
		return false
	}
	head := bytes.TrimSpace(b[:i])
	if j := bytes.LastIndexByte(head, '.'); j >= 0 {
		head = head[j+1:]
	}
	return strings.EqualFold(string(head), name)
}

// card reads the card whose BEGIN is p.
func (r *Reader) card(p physical) (*Card, error) {
	c := &Card{Offset: p.start, Problems: r.problems}
	r.problems = nil
	r.pos = p.next
	held := 0
	dropped := false
	for {
		p, ok := r.s.line(r.pos)
		if r.s.err != nil {
			return nil, r.s.err
		}
		if !ok || isMark(p.prefix, "BEGIN") {
			c.Problems.Add(mapi.Problem{Offset: c.Offset, Field: "END", Detail: "the card has no END:VCARD", Spec: "RFC 6350 6.1.2"})
			break
		}
		if isMark(p.prefix, "END") {
			r.pos = p.next
			break
		}
		if len(bytes.TrimSpace(p.prefix)) == 0 {
			r.pos = p.next
			continue
		}
		l, detail, err := r.line(p, c.Version)
		if err != nil {
			return nil, err
		}
		switch {
		case detail != "":
			c.Problems.Add(mapi.Problem{Offset: p.start, Detail: detail, Spec: "RFC 6350 3.3"})
			continue
		case l.Name == "VERSION" && c.Version == "":
			if v := strings.TrimSpace(l.Text()); len(v) <= 16 {
				c.Version = v
			}
			continue
		case l.Name == "VERSION":
			c.Problems.Add(mapi.Problem{Offset: p.start, Field: "VERSION", Detail: "a second VERSION is left out: " + quote([]byte(l.Value)), Spec: "RFC 6350 6.7.9"})
			continue
		}
		held += l.held()
		if len(c.Lines) >= maxLines || held > maxHeld {
			if !dropped {
				c.Problems.Add(mapi.Problem{
					Severe: true, Offset: p.start,
					Detail: fmt.Sprintf("more than %d lines or %d MiB of text in one card; the rest is left out", maxLines, maxHeld>>20),
				})
			}
			dropped = true
			continue
		}
		c.Lines = append(c.Lines, *l)
	}
	c.End = r.pos
	return c, nil
}

// held is about what a line takes in memory.
func (l *Line) held() int {
	n := 160 + len(l.Group) + len(l.Name) + len(l.Value)
	if b, ok := l.Data.(mapi.Bytes); ok {
		n += len(b)
	}
	for _, p := range l.Params {
		n += 40 + len(p.Name)
		for _, v := range p.Values {
			n += 16 + len(v)
		}
	}
	return n
}

// line reads the logical line that begins with p and moves on behind it.
// detail says why it is no line.
func (r *Reader) line(p physical, version string) (l *Line, detail string, err error) {
	start, end, next := p.start, p.end, p.next
	prefix := p.prefix
	if len(prefix) > maxHead {
		prefix = prefix[:maxHead]
	}
	raw := bytes.Clone(prefix)
	more := func(q physical) {
		end, next = q.end, q.next
		if room := maxHead - len(raw); room > 2 {
			// The head may be folded too; one line end stands for any.
			raw = append(raw, '\r', '\n')
			raw = append(raw, q.prefix[:min(len(q.prefix), room-2)]...)
		}
	}
	// value is where the value begins, counted from the start of the line;
	// a head that is folded is scanned again in the source.
	for {
		q, ok := r.s.line(next)
		if !ok || len(q.prefix) == 0 || q.prefix[0] != ' ' && q.prefix[0] != '\t' || isMark(q.prefix, "END") {
			break
		}
		if len(bytes.TrimSpace(q.prefix)) == 0 && q.end-q.start < windowSize {
			// A blank line ends base64 of 2.1, indented or not.
			next = q.next
			break
		}
		// QUIRK: a line that only looks folded, behind a line that is no
		// base64, is a line all the same (corpus
		// vcf/mailpile/contacttest.vcf).
		if looksLikeProperty(q.prefix) && !bytes.Contains(raw, []byte("\r\n")) && len(raw) < 60 {
			break
		}
		more(q)
	}
	r.pos = next
	head, value, ok := splitHead(raw)
	if !ok {
		return nil, "no property: " + quote(raw), r.s.err
	}
	l, ok = parseHead(head)
	if !ok {
		return nil, "no property name: " + quote(raw), r.s.err
	}
	l.Offset = start
	v := rawValue{version: version, list: isList(l.Name)}
	l.takeEncoding(&v)

	if v.qp {
		for r.softBreak(end) {
			q, ok := r.s.line(next)
			if !ok || isMark(q.prefix, "END") {
				break
			}
			end, next = q.end, q.next
		}
		r.pos = next
	}
	if v.base64 {
		// QUIRK: base64 that goes on without a blank before it (2.1 of
		// several phones).
		for {
			q, ok := r.s.line(next)
			if !ok || !looksLikeBase64(q.prefix) {
				break
			}
			end, next = q.end, q.next
		}
		r.pos = next
	}
	off := start + int64(r.valueOffset(start, value, raw))
	if l.Name == "AGENT" {
		// QUIRK: the card in the card begins on the next line, or on the
		// same (corpus vcf/calcard/vcard_003.vcf).
		begin := int64(-1)
		if rest := bytes.TrimSpace(raw[value:]); isMark(rest, "BEGIN") {
			begin = off
		} else if q, ok := r.s.line(next); ok && len(rest) == 0 && isMark(q.prefix, "BEGIN") {
			begin = next
		}
		if begin >= 0 {
			v.src = mapi.Section{R: r.s.src, Off: begin, N: r.nested(begin) - begin}
			return l, "", l.takeNested(v.src)
		}
	}
	v.src = mapi.Section{R: r.s.src, Off: off, N: max(end-off, 0)}
	if err := l.takeValue(v); err != nil {
		return nil, "", err
	}
	return l, "", r.s.err
}

// isList reports whether programs that write 2.1 put commas between the
// elements of a property.
func isList(name string) bool { return name == "CATEGORIES" || name == "NICKNAME" }

// looksLikeProperty recognises an indented line of the form NAME:value with a
// name that many cards have.
func looksLikeProperty(b []byte) bool {
	b = bytes.TrimSpace(b)
	i := bytes.IndexAny(b, ":;")
	if i < 1 || i > 12 {
		return false
	}
	switch string(b[:i]) {
	case "FN", "N", "ORG", "TITLE", "TEL", "EMAIL", "ADR", "NOTE", "URL", "BDAY", "PHOTO", "VERSION", "UID", "REV", "NICKNAME":
		return true
	}
	return false
}

func looksLikeBase64(b []byte) bool {
	b = bytes.TrimSpace(b)
	if len(b) == 0 {
		return false
	}
	for _, c := range b {
		if !(c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '+' || c == '/' || c == '=') {
			return false
		}
	}
	return true
}

// softBreak reports whether the line that ends at end ends in "=".
func (r *Reader) softBreak(end int64) bool {
	if end < 1 {
		return false
	}
	w := r.s.window(end - 1)
	return len(w) > 0 && w[0] == '='
}

// valueOffset turns a position in raw, whose folds are all CRLF, into one in
// the source.
func (r *Reader) valueOffset(start int64, value int, raw []byte) int {
	if bytes.IndexByte(raw[:value], '\r') < 0 {
		return value
	}
	off := 0
	for i := 0; i < value; i++ {
		if raw[i] != '\r' {
			off++
			continue
		}
		i++ // the LF of the fold
		at := start + int64(off)
		w := r.s.window(at)
		if len(w) < 3 {
			w = r.s.fill(at)
		}
		off += lineEnd(w)
	}
	return off
}

// nested finds the end of the cards in a card that begin at off, and moves on
// behind it.
func (r *Reader) nested(off int64) int64 {
	depth := 0
	pos := off
	for {
		p, ok := r.s.line(pos)
		if !ok {
			break
		}
		pos = p.next
		if isMark(p.prefix, "BEGIN") {
			depth++
		}
		if isMark(p.prefix, "END") {
			depth--
			if depth == 0 {
				break
			}
		}
	}
	r.pos = pos
	return pos
}

// takeNested makes the value of AGENT that of 3.0: a card as text.
func (l *Line) takeNested(src mapi.Section) error {
	b, err := mapi.ReadBlob(context.Background(), mapi.Section{R: src.R, Off: src.Off, N: min(src.N, mapi.InlineLimit)}, mapi.InlineLimit)
	if err != nil {
		return err
	}
	if src.N <= mapi.InlineLimit {
		l.Value = Escape(strings.TrimRight(strings.ToValidUTF8(string(b), "\uFFFD"), "\r\n"))
		return nil
	}
	l.Long = entity.NewBlob(func(ctx context.Context) (io.ReadCloser, error) {
		r, err := src.Open(ctx)
		if err != nil {
			return nil, err
		}
		return NewEscaper(r), nil
	})
	return nil
}

// takeEncoding removes the parameters that say how the value is written.
func (l *Line) takeEncoding(v *rawValue) {
	kept := l.Params[:0]
	for _, p := range l.Params {
		if len(p.Values) != 1 {
			kept = append(kept, p)
			continue
		}
		switch p.Name {
		case "ENCODING":
			switch strings.ToUpper(p.Values[0]) {
			case "QUOTED-PRINTABLE", "Q":
				v.qp = true
				continue
			case "BASE64", "B":
				v.base64 = true
				continue
			case "7BIT", "8BIT":
				continue
			}
		case "CHARSET":
			if cs, ok := codepage.ByName(p.Values[0]); ok {
				v.charset = cs
				continue
			}
		}
		kept = append(kept, p)
	}
	l.Params = kept
}

// takeValue reads a value that is small, and leaves one that is not where it
// is.
func (l *Line) takeValue(v rawValue) error {
	if v.base64 {
		l.Data = entity.Decode(v.src, entity.Base64)
		return nil
	}
	open := v.open
	r, err := open(context.Background())
	if err != nil {
		return err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, mapi.InlineLimit+1))
	if err != nil {
		return err
	}
	if n, media, ok := dataURI(b); ok {
		text := mapi.Blob(mapi.Bytes(b[n:]))
		if len(b) > mapi.InlineLimit {
			text = skipping(entity.NewBlob(open), int64(n))
		}
		l.Data, l.Media = entity.Decode(text, entity.Base64), media
		return nil
	}
	if len(b) <= mapi.InlineLimit {
		l.Value = string(b)
		return nil
	}
	l.Long = entity.NewBlob(open)
	return nil
}

// dataURI finds the content of a data: URI in base64. RFC 2397
//
// QUIRK: its comma and semicolon may be escaped (corpus
// vcf/calcard/076.vcf).
func dataURI(b []byte) (n int, media string, ok bool) {
	if len(b) < 5 || !strings.EqualFold(string(b[:5]), "data:") {
		return 0, "", false
	}
	head := b[:min(len(b), 512)]
	i := bytes.IndexByte(head, ',')
	if i < 0 {
		return 0, "", false
	}
	s := strings.ReplaceAll(string(head[5:i]), `\`, "")
	lower := strings.ToLower(s)
	if lower == "base64" {
		return i + 1, "", true
	}
	if !strings.HasSuffix(lower, ";base64") {
		return 0, "", false
	}
	return i + 1, s[:len(s)-len(";base64")], true
}

func quote(b []byte) string {
	if len(b) > 60 {
		b = b[:60]
	}
	return fmt.Sprintf("%q", b)
}
