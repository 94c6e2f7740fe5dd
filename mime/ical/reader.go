package ical

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/codepage"
)

// ValueLimit is the size up to which a value is held in memory.
const ValueLimit = mapi.InlineLimit

const (
	maxDepth      = 16      // components in components
	maxProperties = 100_000 // in one component and those inside it
	heldLimit     = 4 << 20 // bytes of values held for one component
	utf16Limit    = 16 << 20
	specLine      = "RFC 5545 3.1"
)

// A Reader reads a stream of calendars. It is for one goroutine.
type Reader struct {
	src      *lines
	calendar *Component
	problems mapi.Problems
	any      bool // a line was understood
	props    int
	held     int64
	pending  *line // read ahead
}

// NewReader reads the first size bytes of src.
func NewReader(src io.ReaderAt, size int64) *Reader {
	src, size = Decoded(src, size)
	return &Reader{src: newLines(src, size), calendar: &Component{Name: "VCALENDAR"}}
}

// Decoded is the source in UTF-8: a file in UTF-16, which no specification
// allows, is turned into it, any other is given back as it is. Offsets of a
// [Reader] are offsets in this source.
func Decoded(src io.ReaderAt, size int64) (io.ReaderAt, int64) {
	var mark [2]byte
	if size < 2 || size > utf16Limit {
		return src, size
	}
	if _, err := src.ReadAt(mark[:], 0); err != nil && !errors.Is(err, io.EOF) {
		return src, size
	}
	big := mark == [2]byte{0xFE, 0xFF}
	if !big && mark != [2]byte{0xFF, 0xFE} {
		return src, size
	}
	b, err := io.ReadAll(io.NewSectionReader(src, 2, size-2))
	if err != nil {
		return src, size
	}
	if big {
		for i := 0; i+1 < len(b); i += 2 {
			b[i], b[i+1] = b[i+1], b[i]
		}
	}
	b = []byte(mapi.DecodeUTF16(b))
	return bytes.NewReader(b), int64(len(b))
}

// Problems lists the lines that could not be used so far.
func (r *Reader) Problems() mapi.Problems { return r.problems }

// Calendar is the VCALENDAR around the component that [Reader.Next] gave last,
// with the properties read so far and without its components. Each VCALENDAR
// has one of its own.
func (r *Reader) Calendar() *Component { return r.calendar }

func (r *Reader) problem(off int64, detail string) {
	r.problems.Add(mapi.Problem{Offset: off, Field: "contentline", Detail: detail, Spec: specLine})
}

// Next is the next component of a calendar, or io.EOF. A calendar without
// components gives none; see [Reader.Calendar]. What is no calendar at all is a
// [mapi.FormatError].
func (r *Reader) Next(ctx context.Context) (*Component, error) {
	for {
		l, err := r.line(ctx)
		if err == io.EOF {
			if !r.any {
				return nil, &mapi.FormatError{Format: "ical", Problem: mapi.Problem{Offset: 0, Field: "contentline", Detail: "no line of an iCalendar file is found", Spec: specLine}}
			}
			return nil, io.EOF
		}
		if err != nil {
			return nil, err
		}
		p := &l.prop
		switch p.Name {
		case "BEGIN":
			name := strings.ToUpper(strings.TrimSpace(p.Value))
			if name == "VCALENDAR" {
				r.calendar = &Component{Name: name, Offset: p.Offset}
				continue
			}
			r.props, r.held = 0, 0
			return r.component(ctx, name, l, 1)
		case "END":
			if strings.EqualFold(strings.TrimSpace(p.Value), "VCALENDAR") {
				r.calendar.Size = l.end - r.calendar.Offset
				continue
			}
			r.problem(p.Offset, fmt.Sprintf("END:%s without BEGIN", short(p.Value)))
		default:
			if len(r.calendar.Properties) < 10000 {
				r.calendar.Add(*p)
			}
		}
	}
}

// outer are the components that stand directly in a calendar. The BEGIN of one
// inside another means that an END is missing.
var outer = map[string]bool{"VEVENT": true, "VTODO": true, "VJOURNAL": true, "VFREEBUSY": true, "VTIMEZONE": true, "VCALENDAR": true}

// component reads up to the END of a component.
func (r *Reader) component(ctx context.Context, name string, begin *line, depth int) (*Component, error) {
	c := &Component{Name: name, Offset: begin.prop.Offset}
	end := begin.end
	defer func() { c.Size = end - c.Offset }()
	for {
		l, err := r.line(ctx)
		if err == io.EOF {
			r.problem(end, "END:"+short(name)+" is missing")
			return c, nil
		}
		if err != nil {
			return nil, err
		}
		p := &l.prop
		switch p.Name {
		case "BEGIN":
			inner := strings.ToUpper(strings.TrimSpace(p.Value))
			if outer[inner] && (outer[name] || depth > 1) {
				r.problem(p.Offset, "END:"+short(name)+" is missing")
				r.pending = l
				return c, nil
			}
			if depth >= maxDepth {
				r.problem(p.Offset, "components are nested too deep; the line is left out")
				continue
			}
			in, err := r.component(ctx, inner, l, depth+1)
			if err != nil {
				return nil, err
			}
			end = in.Offset + in.Size
			if r.props++; r.props <= maxProperties {
				c.Components = append(c.Components, in)
			}
		case "END":
			what := strings.ToUpper(strings.TrimSpace(p.Value))
			if what != name {
				if depth > 1 || what == "VCALENDAR" {
					r.problem(p.Offset, "END:"+short(name)+" is missing")
					r.pending = l
					return c, nil
				}
				r.problem(p.Offset, fmt.Sprintf("END:%s within %s", short(what), short(name)))
				continue
			}
			end = l.end
			return c, nil
		default:
			end = l.end
			if r.props++; r.props > maxProperties {
				if r.props == maxProperties+1 {
					r.problems.Add(mapi.Problem{Severe: true, Offset: p.Offset, Detail: fmt.Sprintf("more than %d properties; the rest is not read", maxProperties)})
				}
				continue
			}
			c.Add(*p)
		}
	}
}

// line is the next line that is a property.
func (r *Reader) line(ctx context.Context) (*line, error) {
	if l := r.pending; l != nil {
		r.pending = nil
		return l, nil
	}
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		l, err := r.src.next(max(0, min(ValueLimit, heldLimit-r.held)))
		if err != nil {
			return nil, err
		}
		if l.blank {
			continue
		}
		if why := l.parse(r.src); why != "" {
			r.problem(l.prop.Offset, why)
			continue
		}
		r.held += int64(len(l.prop.Value))
		r.any = true
		return l, nil
	}
}

// Read reads all calendars of a file with all their components. Use [Reader]
// where there may be many.
func Read(ctx context.Context, src io.ReaderAt, size int64) ([]*Component, mapi.Problems, error) {
	r := NewReader(src, size)
	var list []*Component
	for {
		c, err := r.Next(ctx)
		if n := len(list); (err == nil || err == io.EOF) && (n == 0 || list[n-1] != r.calendar) {
			list = append(list, r.calendar)
		}
		if err == io.EOF {
			return list, r.problems, nil
		}
		if err != nil {
			return list, r.problems, err
		}
		r.calendar.Components = append(r.calendar.Components, c)
	}
}

// short is text of the file as an error shows it.
func short(s string) string {
	s = strings.ToValidUTF8(s, "?")
	if len(s) > 60 {
		s = s[:57] + "..."
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7F {
			return '?'
		}
		return r
	}, s)
}

// lines reads physical lines of any length and joins folded ones.
type lines struct {
	src  io.ReaderAt
	size int64
	r    *bufio.Reader
	off  int64 // of the next byte of r
	buf  []byte
}

func newLines(src io.ReaderAt, size int64) *lines {
	l := &lines{src: src, size: size, r: bufio.NewReaderSize(io.NewSectionReader(src, 0, size), 16<<10)}
	if b, _ := l.r.Peek(3); bytes.Equal(b, []byte{0xEF, 0xBB, 0xBF}) {
		n, _ := l.r.Discard(3)
		l.off = int64(n)
	}
	return l
}

// A line is a logical line: where it stands and, up to a limit, what it says.
type line struct {
	text    []byte // unfolded, up to the limit; valid until the next line
	end     int64  // of the bytes in the source, with the line end
	tooLong bool   // text is not the whole line
	blank   bool
	prop    Property
}

// next reads a logical line of which limit bytes of value are held. Space for
// the name and the parameters comes on top.
func (s *lines) next(limit int64) (*line, error) {
	l := &line{}
	l.prop.Offset = s.off
	s.buf = s.buf[:0]
	room := limit + 16<<10
	started := false
	for {
		b, err := s.r.ReadByte()
		if err != nil {
			if err != io.EOF {
				return nil, err
			}
			if !started {
				return nil, io.EOF
			}
			break
		}
		started = true
		s.off++
		if b != '\n' && b != '\r' {
			if int64(len(s.buf)) < room {
				s.buf = append(s.buf, b)
			} else {
				l.tooLong = true
			}
			continue
		}
		if b == '\r' {
			// CR CR LF is the work of a transfer in text mode.
			for {
				c, _ := s.r.Peek(1)
				if len(c) == 0 || c[0] != '\n' && c[0] != '\r' {
					break
				}
				if c[0] == '\r' {
					if d, _ := s.r.Peek(2); len(d) < 2 || d[1] != '\n' {
						break
					}
				}
				s.r.Discard(1)
				s.off++
				if c[0] == '\n' {
					break
				}
			}
		}
		c, _ := s.r.Peek(1)
		if len(c) == 1 && (c[0] == ' ' || c[0] == '\t') {
			// Folded; but a line of blanks alone between two properties is
			// an empty line.
			s.r.Discard(1)
			s.off++
			continue
		}
		if quotedTail(s.buf) && len(c) == 1 && !l.tooLong {
			// A soft break of quoted-printable in vCalendar 1.0.
			s.buf = s.buf[:len(s.buf)-1]
			continue
		}
		break
	}
	l.end = s.off
	l.text = s.buf
	l.blank = len(bytes.TrimSpace(s.buf)) == 0
	return l, nil
}

// quotedTail reports whether a line in quoted-printable goes on behind its end.
func quotedTail(b []byte) bool {
	if len(b) == 0 || b[len(b)-1] != '=' {
		return false
	}
	head, _, ok := bytes.Cut(b, []byte{':'})
	return ok && bytes.Contains(bytes.ToUpper(head[:min(len(head), 1000)]), []byte("QUOTED-PRINTABLE"))
}

// validName is a name of RFC 5545 with what files use beside it.
func validName(b []byte) bool {
	if len(b) == 0 || len(b) > 255 {
		return false
	}
	for _, c := range b {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.', c == '/':
		default:
			return false
		}
	}
	return true
}

// parse splits a line into name, parameters and value; it says why it cannot.
func (l *line) parse(s *lines) (why string) {
	b := l.text
	i := bytes.IndexAny(b, ";:")
	if i < 0 {
		return fmt.Sprintf("%q is no property and is left out", short(string(b)))
	}
	name := bytes.TrimSpace(b[:i])
	if !validName(name) {
		return fmt.Sprintf("%q is no name of a property; the line is left out", short(string(name)))
	}
	l.prop.Name = strings.ToUpper(string(name))
	pos := i
	for pos < len(b) && b[pos] == ';' {
		pos++
		end := pos
		for end < len(b) && b[end] != '=' && b[end] != ';' && b[end] != ':' {
			end++
		}
		p := Param{Name: strings.ToUpper(string(bytes.TrimSpace(b[pos:end])))}
		pos = end
		if pos < len(b) && b[pos] == '=' {
			for {
				var v string
				v, pos = paramValue(b, pos+1)
				p.Values = append(p.Values, v)
				if pos >= len(b) || b[pos] != ',' || len(p.Values) > 1000 {
					break
				}
			}
		} else if bare := p.Name; bare != "" {
			// vCalendar 1.0 has values without a name.
			switch bare {
			case "QUOTED-PRINTABLE", "BASE64", "8BIT", "7BIT":
				p = Param{Name: "ENCODING", Values: []string{bare}}
			}
		}
		if validName([]byte(p.Name)) && len(l.prop.Params) < 1000 {
			l.prop.Params = append(l.prop.Params, p)
		}
		for pos < len(b) && b[pos] != ';' && b[pos] != ':' {
			pos++
		}
	}
	if pos >= len(b) {
		return fmt.Sprintf("%s has no value; the line is left out", short(l.prop.Name))
	}
	l.setValue(s, b[pos+1:], pos+1)
	return ""
}

// paramValue reads one value of a parameter from pos; it gives where it ends.
func paramValue(b []byte, pos int) (string, int) {
	start := pos
	for pos < len(b) && (b[pos] == ' ' || b[pos] == '\t') {
		pos++
	}
	if pos < len(b) && b[pos] == '"' {
		if n := bytes.IndexByte(b[pos+1:], '"'); n >= 0 {
			return unescapeParam(decodeBytes(b[pos+1:pos+1+n], nil)), pos + 1 + n + 1
		}
	}
	pos = start
	if pos < len(b) && b[pos] == '(' {
		// QUIRK: "(GMT-05:00) Eastern" without quotes; the colon is part of it
		// (corpus ics/ical.js/tzid_with_gmt.ics).
		if n := bytes.IndexByte(b[pos:], ')'); n > 0 && n < 20 {
			pos += n
		}
	}
	for pos < len(b) && b[pos] != ',' && b[pos] != ';' && b[pos] != ':' {
		pos++
	}
	return unescapeParam(strings.TrimSpace(decodeBytes(b[start:pos], nil))), pos
}

// unescapeParam undoes RFC 6868.
func unescapeParam(s string) string {
	if !strings.Contains(s, "^") {
		return s
	}
	return strings.NewReplacer("^^", "^", "^n", "\n", "^N", "\n", "^'", `"`).Replace(s)
}

// setValue takes the value: held, or where it is too long, by its place.
func (l *line) setValue(s *lines, v []byte, head int) {
	p := &l.prop
	if l.tooLong || len(v) > ValueLimit {
		p.Large = &folded{src: s.src, off: p.Offset, n: l.end - p.Offset, skip: head}
		return
	}
	var cs mapi.Charset
	if label := p.Param("CHARSET"); label != "" {
		cs, _ = codepage.ByName(label)
	}
	switch strings.ToUpper(p.Param("ENCODING")) {
	case "QUOTED-PRINTABLE":
		p.Value = EscapeText(decodeBytes(unquote(v), cs))
		p.drop("ENCODING", "CHARSET")
		return
	case "BASE64":
		for i := range p.Params {
			if p.Params[i].Name == "ENCODING" {
				p.Params[i].Values = []string{"BASE64"}
			}
		}
		if p.Param("VALUE") == "" {
			p.Params = append(p.Params, Param{"VALUE", []string{"BINARY"}})
		}
	}
	p.Value = decodeBytes(v, cs)
	if cs != nil {
		p.drop("CHARSET")
	}
}

func (p *Property) drop(names ...string) {
	var list []Param
	for _, q := range p.Params {
		keep := true
		for _, n := range names {
			keep = keep && q.Name != n
		}
		if keep {
			list = append(list, q)
		}
	}
	p.Params = list
}

// decodeBytes reads bytes as UTF-8 or, where they are not, in a character set.
func decodeBytes(b []byte, cs mapi.Charset) string {
	if cs == nil || cs.CodePage() == codepage.UTF8 {
		if utf8.Valid(b) {
			return clean(string(b))
		}
		cs, _ = codepage.Get(codepage.Windows1252)
	}
	s, _ := cs.Decode(b)
	return clean(s)
}

// clean drops NUL, which ends a text for other programs.
func clean(s string) string {
	if strings.IndexByte(s, 0) < 0 {
		return s
	}
	return strings.ReplaceAll(s, "\x00", "")
}

// unquote undoes quoted-printable within a line.
func unquote(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] == '=' && i+2 < len(b) {
			if h, ok := hexByte(b[i+1], b[i+2]); ok {
				out = append(out, h)
				i += 2
				continue
			}
		}
		out = append(out, b[i])
	}
	return out
}

func hexByte(a, b byte) (byte, bool) {
	x, y := strings.IndexByte("0123456789ABCDEF", upper(a)), strings.IndexByte("0123456789ABCDEF", upper(b))
	return byte(x<<4 | y&15), x >= 0 && y >= 0
}

func upper(c byte) byte {
	if c >= 'a' && c <= 'z' {
		return c - 32
	}
	return c
}
