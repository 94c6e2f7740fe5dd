package header

import (
	"strings"
	"time"
	"unicode/utf8"
)

// Line lengths without CRLF. RFC 5322 2.1.1
const (
	softLimit = 78
	hardLimit = 998
)

// A Writer collects the fields of one header, folded and 7-bit safe, with CRLF
// line ends. Whatever text it is given, no CR, LF or NUL of it reaches a line
// of its own: line breaks become a space, NUL is dropped.
//
// Lines are at most 78 characters where the syntax allows it, and never more
// than 998. The zero value is ready. A Writer is for one goroutine.
type Writer struct {
	buf []byte
	col int  // characters in the current line
	any bool // the current line holds more than the field's name
	tok []byte
}

// Bytes is what was written so far. It is valid until the next call.
func (w *Writer) Bytes() []byte { return w.buf }

// Len is the number of bytes written so far.
func (w *Writer) Len() int { return len(w.buf) }

// Reset empties the writer and keeps its memory.
func (w *Writer) Reset() { w.buf = w.buf[:0] }

// End writes the empty line after the last field.
func (w *Writer) End() { w.buf = append(w.buf, '\r', '\n') }

// ValidName reports whether name can be a field name. RFC 5322 2.2
func ValidName(name string) bool {
	if name == "" || len(name) > 76 {
		return false
	}
	for i := 0; i < len(name); i++ {
		if c := name[i]; c <= ' ' || c >= 0x7F || c == ':' {
			return false
		}
	}
	return true
}

func (w *Writer) begin(name string) {
	w.buf = append(w.buf, name...)
	w.buf = append(w.buf, ':')
	w.col = len(name) + 1
	w.any = false
}

func (w *Writer) finish() { w.buf = append(w.buf, '\r', '\n') }

// fold begins a continuation line with the white space ws.
func (w *Writer) fold(ws string) {
	w.buf = append(w.buf, '\r', '\n')
	w.buf = append(w.buf, ws...)
	w.col = len(ws)
	w.any = false
}

// token writes white space and a token that cannot be broken, on a new line
// where the current one has no room.
func token[T string | []byte](w *Writer, ws string, tok T) {
	n := len(ws) + len(tok)
	if ws != "" && w.col+n > softLimit && (w.any || n <= softLimit) {
		w.fold(ws)
	} else {
		w.buf = append(w.buf, ws...)
		w.col += len(ws)
	}
	w.buf = append(w.buf, tok...)
	w.col += len(tok)
	w.any = true
}

// Text writes an unstructured field: Subject, Comments, Thread-Topic. Text
// outside of printable ASCII, and words too long for a line, become encoded
// words in UTF-8. RFC 5322 2.2.1, RFC 2047 5 (1)
func (w *Writer) Text(name, text string) {
	w.begin(name)
	text = clean(text)
	if len(name)+2+len(text) <= softLimit && plainText(text) {
		w.buf = append(w.buf, ' ')
		w.buf = append(w.buf, text...)
	} else {
		w.text(text, softLimit-2)
	}
	w.finish()
}

// Value writes a field whose text has a syntax of its own, such as an X- field
// or List-Unsubscribe: it is folded at white space, and words are left whole
// up to the hard limit. What is not ASCII still becomes encoded words.
func (w *Writer) Value(name, text string) {
	w.begin(name)
	w.text(strings.Trim(clean(text), " \t"), hardLimit-100)
	w.finish()
}

// Stored writes a field as it was stored, with its folding, where every line
// is printable ASCII within the hard limit; else it decodes encoded words and
// does what Value does.
// Raw is all that follows the colon, continuation lines included.
func (w *Writer) Stored(name, raw string) {
	if !storable(len(name)+1, raw) {
		// Blanks behind the text say nothing, nor do a line full of them.
		raw = strings.TrimRight(raw, " \t\r\n")
		if strings.Contains(raw, wideGap) {
			raw = " " + strings.Join(strings.Fields(raw), " ")
		}
	}
	if !storable(len(name)+1, raw) {
		if strings.Contains(raw, "=?") {
			// Words that are encoded are not to be encoded again.
			raw = DecodeText(clean(raw), nil)
		}
		w.Value(name, raw)
		return
	}
	w.buf = append(w.buf, name...)
	w.buf = append(w.buf, ':')
	if raw != "" && raw[0] != ' ' && raw[0] != '\t' && raw[0] != '\r' && raw[0] != '\n' {
		w.buf = append(w.buf, ' ')
	}
	for raw != "" {
		line, rest, more := strings.Cut(raw, "\n")
		w.buf = append(w.buf, strings.TrimSuffix(line, "\r")...)
		if !more {
			break
		}
		w.buf = append(w.buf, '\r', '\n')
		raw = rest
	}
	if n := len(w.buf); w.buf[n-1] != '\n' {
		w.buf = append(w.buf, '\r', '\n')
	}
}

var wideGap = strings.Repeat(" ", softLimit)

// storable reports whether raw is a well-folded 7-bit field value.
func storable(col int, raw string) bool {
	blank := false // the line so far is white space only
	first := true
	n := col + 1
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		switch {
		case c == '\r':
			if i+1 >= len(raw) || raw[i+1] != '\n' {
				return false
			}
		case c == '\n':
			if blank && !first || n > hardLimit {
				return false
			}
			if i+1 < len(raw) && raw[i+1] != ' ' && raw[i+1] != '\t' {
				return false
			}
			n, blank, first = 0, true, false
		case c == ' ' || c == '\t':
			n++
		case c < ' ' || c >= 0x7F:
			return false
		default:
			n++
			blank = false
		}
	}
	return n <= hardLimit && !(blank && !first && n > 0)
}

// Date writes a date with a numeric offset, in the zone that t carries. RFC
// 5322 3.3
func (w *Writer) Date(name string, t time.Time) {
	w.begin(name)
	w.buf = append(w.buf, ' ')
	w.buf = t.AppendFormat(w.buf, "Mon, 2 Jan 2006 15:04:05 -0700")
	w.finish()
}

// MessageIDs writes one or more message identifiers: Message-ID, In-Reply-To,
// References, Content-ID. RFC 5322 3.6.4
func (w *Writer) MessageIDs(name string, ids ...string) {
	w.begin(name)
	for _, id := range ids {
		token(w, " ", id)
	}
	w.finish()
}

// MessageID makes an identifier of what is stored: angle brackets are added,
// white space, control characters and everything outside of ASCII is removed.
// It is "" when nothing is left or when no line could hold it.
func MessageID(s string) string {
	s = strings.Trim(s, "<> \t\r\n\x00")
	clean := true
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c >= 0x7F || c == '<' || c == '>' {
			clean = false
			break
		}
	}
	if !clean {
		s = strings.Map(func(r rune) rune {
			if r <= ' ' || r >= 0x7F || r == '<' || r == '>' {
				return -1
			}
			return r
		}, s)
	}
	if s == "" || len(s) > 900 {
		return ""
	}
	return "<" + s + ">"
}

// clean turns line breaks into a space and drops NUL. Invalid UTF-8 becomes
// U+FFFD.
func clean(s string) string {
	ok := true
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' && c != '\t' || c >= utf8.RuneSelf {
			ok = false
			break
		}
	}
	if ok {
		return s
	}
	s = strings.ToValidUTF8(s, "\uFFFD")
	if !strings.ContainsAny(s, "\r\n\x00") {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case 0:
		case '\r', '\n':
			if n := b.Len(); n == 0 || b.String()[n-1] != ' ' {
				b.WriteByte(' ')
			}
			// The white space of a folded line is part of the fold.
			for i+1 < len(s) && (s[i+1] == '\n' || s[i+1] == '\r' || s[i+1] == ' ' || s[i+1] == '\t') {
				i++
			}
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// plainText reports whether text can stand in an unstructured field as it is.
func plainText(s string) bool {
	if s == "" {
		return true
	}
	if s[0] == ' ' || s[0] == '\t' || s[len(s)-1] == ' ' || s[len(s)-1] == '\t' {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c < ' ' && c != '\t' || c >= 0x7F || c == '=' && i+1 < len(s) && s[i+1] == '?' {
			return false
		}
	}
	return true
}
