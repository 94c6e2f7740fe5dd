package header

import (
	"bytes"
	"strings"

	"github.com/mailconv/mailconv/mapi"
)

// A Field is one header field as it stands in its source. Its bytes are never
// changed: order, case, folds and 8-bit characters are those of the sender.
type Field struct {
	// Name is the field's name without white space around it, "" for a line
	// that is no field: the "From " line of an mbox, junk before the first
	// field.
	Name string
	// Raw is the whole field from its name to the end of its last line, line
	// ends included. It must not be changed.
	Raw []byte
	// body is where what follows the colon begins.
	body int
}

// Body is all that follows the colon, with its folds and without the last line
// end. It must not be changed.
func (f Field) Body() []byte { return trimLineEnd(f.Raw[f.body:]) }

// Value is the body unfolded: line ends are removed, a continuation line that
// is not indented is joined by a space, white space at both ends is cut. Bytes
// outside of ASCII are passed as they are.
func (f Field) Value() string { return Unfold(f.Body()) }

// Text is the value as UTF-8 text with its encoded words decoded. Def is the
// character set of bytes that are neither ASCII nor UTF-8; nil stands for
// Windows-1252. RFC 2047, RFC 2231 5
func (f Field) Text(def mapi.Charset) string { return DecodeText(f.Value(), def) }

// Is reports whether f has the name, in any case.
func (f Field) Is(name string) bool {
	return len(f.Name) == len(name) && strings.EqualFold(f.Name, name)
}

// Fields is a header: its fields in their order.
type Fields []Field

// Get is the first field with the name, in any case.
func (fs Fields) Get(name string) (Field, bool) {
	for i := range fs {
		if fs[i].Is(name) {
			return fs[i], true
		}
	}
	return Field{}, false
}

// Value is the unfolded value of the first field with the name, "" when there
// is none.
func (fs Fields) Value(name string) string {
	if f, ok := fs.Get(name); ok {
		return f.Value()
	}
	return ""
}

// Text is the decoded text of the first field with the name. See [Field.Text].
func (fs Fields) Text(name string, def mapi.Charset) string {
	if f, ok := fs.Get(name); ok {
		return f.Text(def)
	}
	return ""
}

// All is every field with the name, in order.
func (fs Fields) All(name string) []Field {
	var list []Field
	for i := range fs {
		if fs[i].Is(name) {
			list = append(list, fs[i])
		}
	}
	return list
}

// Parse splits a header block into its fields. It refuses nothing: each byte
// of the block is in the Raw of one field, in order. A line that is neither
// indented nor has a colon continues the field before it. Lines end with CRLF,
// LF, CR CR LF, or, in a block without LF, with CR. The empty line that ends
// the header may be part of the block; it is left out.
//
// The fields are slices of block, which must not be changed afterwards.
func Parse(block []byte) Fields {
	cr := bytes.IndexByte(block, '\n') < 0
	fs := make(Fields, 0, 8+len(block)/80)
	for pos := 0; pos < len(block); {
		line := Line(block[pos:], cr)
		text := trimLineEnd(line)
		if len(text) == 0 {
			if end := pos + len(line); end == len(block) {
				break
			}
		}
		name, body, ok := splitField(text, len(fs) == 0)
		if !ok && len(fs) > 0 && (fs[len(fs)-1].Name != "" || !isFromLine(fs[len(fs)-1].Raw)) {
			last := &fs[len(fs)-1]
			start := pos - len(last.Raw)
			last.Raw = block[start : pos+len(line) : pos+len(line)]
		} else {
			fs = append(fs, Field{Name: name, Raw: line[:len(line):len(line)], body: body})
		}
		pos += len(line)
	}
	return fs
}

// Line is the first line of b with its end. Cr says that lines end with a bare
// CR.
func Line(b []byte, cr bool) []byte {
	end := byte('\n')
	if cr {
		end = '\r'
	}
	if i := bytes.IndexByte(b, end); i >= 0 {
		return b[:i+1]
	}
	return b
}

// IsField reports whether a line can begin a field: it is not indented and has
// a colon behind a name, which may hold blanks and 8-bit characters.
func IsField(line []byte) bool {
	_, _, ok := splitField(line, false)
	return ok
}

// IsFromLine reports whether a line is the separator of an mbox, also with the
// quote that some programs put before it.
func IsFromLine(line []byte) bool { return isFromLine(line) }

func isFromLine(line []byte) bool {
	return bytes.HasPrefix(line, []byte("From ")) || bytes.HasPrefix(line, []byte(">From "))
}

// IsBlank reports whether a line, with its end, is empty.
func IsBlank(line []byte) bool { return len(trimLineEnd(line)) == 0 }

// maxName bounds a field name, so that a long line of text with a colon in it
// is not taken for a field.
const maxName = 200

// splitField finds the name of a field and where its body begins. The first
// line of a block may be indented.
func splitField(line []byte, first bool) (name string, body int, ok bool) {
	if len(line) == 0 || isFromLine(line) && bytes.IndexByte(line, ':') != 4 {
		return "", 0, false
	}
	start := 0
	if line[0] == ' ' || line[0] == '\t' {
		if !first {
			return "", 0, false
		}
		for start < len(line) && (line[start] == ' ' || line[start] == '\t') {
			start++
		}
	}
	if first && bytes.HasPrefix(line[start:], []byte("\xEF\xBB\xBF")) {
		start += 3
	}
	colon := bytes.IndexByte(line[start:], ':')
	if colon <= 0 || colon > maxName {
		return "", 0, false
	}
	colon += start
	n := bytes.TrimRight(line[start:colon], " \t")
	if len(n) == 0 {
		return "", 0, false
	}
	for _, c := range n {
		if c < ' ' || c == 0x7F {
			return "", 0, false
		}
	}
	return intern(n), colon + 1, true
}

// intern saves an allocation for the names that nearly every mail has.
func intern(b []byte) string {
	switch string(b) {
	case "Received":
		return "Received"
	case "Return-Path":
		return "Return-Path"
	case "From":
		return "From"
	case "To":
		return "To"
	case "Cc":
		return "Cc"
	case "Subject":
		return "Subject"
	case "Date":
		return "Date"
	case "Message-ID":
		return "Message-ID"
	case "Message-Id":
		return "Message-Id"
	case "MIME-Version":
		return "MIME-Version"
	case "Mime-Version":
		return "Mime-Version"
	case "Content-Type":
		return "Content-Type"
	case "Content-Transfer-Encoding":
		return "Content-Transfer-Encoding"
	case "Content-Disposition":
		return "Content-Disposition"
	case "Content-ID":
		return "Content-ID"
	case "References":
		return "References"
	case "In-Reply-To":
		return "In-Reply-To"
	case "DKIM-Signature":
		return "DKIM-Signature"
	case "X-Mailer":
		return "X-Mailer"
	case "Delivered-To":
		return "Delivered-To"
	}
	return string(b)
}

func trimLineEnd(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] == '\n' {
		b = b[:n-1]
	}
	for len(b) > 0 && b[len(b)-1] == '\r' {
		b = b[:len(b)-1]
	}
	return b
}

// Unfold removes the line ends of a field body and the white space around it.
// RFC 5322 2.2.3
func Unfold(body []byte) string {
	body = bytes.Trim(body, " \t\r\n")
	if bytes.IndexByte(body, '\n') < 0 && bytes.IndexByte(body, '\r') < 0 {
		return string(body)
	}
	out := make([]byte, 0, len(body))
	for i := 0; i < len(body); i++ {
		c := body[i]
		if c != '\r' && c != '\n' {
			out = append(out, c)
			continue
		}
		for i+1 < len(body) && (body[i+1] == '\r' || body[i+1] == '\n') {
			i++
		}
		if i+1 < len(body) {
			switch body[i+1] {
			case '\t':
				// The tab is the fold's, not the text's.
				out = append(out, ' ')
				i++
			case ' ':
			default:
				out = append(out, ' ')
			}
		}
	}
	return string(out)
}
