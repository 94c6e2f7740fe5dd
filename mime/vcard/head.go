package vcard

import (
	"bytes"
	"strings"

	"github.com/mailconv/mailconv/mapi/codepage"
)

// maxParams bounds the parameters of a line, and the values of one.
const maxParams = 1000

// splitHead finds the colon before the value: the first outside of quotes, or,
// where quotes do not close, the first at all. The head is unfolded; value is
// a position in raw.
func splitHead(raw []byte) (head []byte, value int, ok bool) {
	colon, quoted := -1, false
	for i, c := range raw {
		if c == '"' {
			quoted = !quoted
		}
		if c == ':' && !quoted {
			colon = i
			break
		}
	}
	if colon < 0 {
		if colon = bytes.IndexByte(raw, ':'); colon < 0 {
			return nil, 0, false
		}
	}
	head = raw[:colon]
	if bytes.IndexByte(head, '\r') >= 0 {
		out := make([]byte, 0, len(head))
		for i := 0; i < len(head); i++ {
			if head[i] == '\r' {
				i += 2 // the LF and the blank
				continue
			}
			out = append(out, head[i])
		}
		head = out
	}
	return head, colon + 1, true
}

// parseHead reads [group.]NAME[;param...].
func parseHead(head []byte) (*Line, bool) {
	parts := splitQuoted(headText(head), ';')
	name := strings.TrimSpace(parts[0])
	l := &Line{}
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		l.Group, name = name[:i], name[i+1:]
	}
	if !validName(name) {
		return nil, false
	}
	l.Name = strings.ToUpper(name)
	for _, s := range parts[1:] {
		if len(l.Params) == maxParams {
			break
		}
		name, value, has := strings.Cut(s, "=")
		name = strings.ToUpper(strings.TrimSpace(name))
		if !has {
			if name == "" {
				continue
			}
			l.Params = append(l.Params, bareParam(s))
			continue
		}
		p := Param{Name: name}
		for _, v := range splitQuoted(value, ',') {
			if len(p.Values) == maxParams {
				break
			}
			v = strings.TrimSpace(v)
			if len(v) >= 2 && v[0] == '"' && v[len(v)-1] == '"' {
				v = v[1 : len(v)-1]
			}
			if name == "TYPE" && len(v) > 5 && strings.EqualFold(v[:5], "TYPE=") {
				// QUIRK: TYPE=HOME,TYPE=VOICE (corpus vcf/calcard/006.vcf).
				v = v[5:]
			}
			p.Values = append(p.Values, uncaret(v))
		}
		l.Params = append(l.Params, p)
	}
	return l, true
}

// bareParam gives a parameter of 2.1 its name.
func bareParam(s string) Param {
	s = strings.TrimSpace(s)
	switch strings.ToUpper(s) {
	case "QUOTED-PRINTABLE", "BASE64", "8BIT", "7BIT":
		return Param{Name: "ENCODING", Values: []string{s}}
	case "INLINE", "URL", "CONTENT-ID", "CID":
		return Param{Name: "VALUE", Values: []string{s}}
	}
	return Param{Name: "TYPE", Values: []string{s}}
}

// validName is lenient: any printing character but those with a meaning.
//
// QUIRK: names hold blanks and slashes (corpus vcf/calcard/064.vcf,
// vcf/calcard/074.vcf).
func validName(s string) bool {
	if s == "" || len(s) > 256 {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c >= 0x7F || c == '"' || c == ',' || c == '=' {
			return false
		}
	}
	return true
}

// headText is a head as UTF-8.
func headText(b []byte) string {
	s := string(bytes.ReplaceAll(b, []byte{0}, nil))
	if strings.ToValidUTF8(s, "") == s {
		return s
	}
	if cs, ok := codepage.Get(1252); ok {
		s, _ = cs.Decode([]byte(s))
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// splitQuoted cuts at each sep outside of quotes.
func splitQuoted(s string, sep byte) []string {
	var parts []string
	start, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == sep && !quoted:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}

// uncaret undoes RFC 6868.
func uncaret(s string) string {
	if strings.IndexByte(s, '^') < 0 {
		return s
	}
	return caretDecoder.Replace(s)
}

func caret(s string) string { return caretEncoder.Replace(s) }

var (
	caretDecoder = strings.NewReplacer("^n", "\n", "^'", `"`, "^^", "^")
	caretEncoder = strings.NewReplacer("\r\n", "^n", "\n", "^n", "\r", "^n", `"`, "^'", "^", "^^")
)

// String is the line as 4.0 writes it, without folding. The value of a line
// that holds Data or Long is left out.
func (l *Line) String() string {
	var b strings.Builder
	l.writeHead(&b)
	b.WriteByte(':')
	b.WriteString(l.Value)
	return b.String()
}

// ParseLine reads what [Line.String] has written.
func ParseLine(s string) (Line, bool) {
	head, value, ok := splitHead([]byte(s))
	if !ok {
		return Line{}, false
	}
	l, ok := parseHead(head)
	if !ok {
		return Line{}, false
	}
	l.Value = s[value:]
	return *l, true
}

func (l *Line) writeHead(b *strings.Builder) {
	if l.Group != "" {
		b.WriteString(l.Group)
		b.WriteByte('.')
	}
	b.WriteString(l.Name)
	for _, p := range l.Params {
		b.WriteByte(';')
		b.WriteString(p.Name)
		b.WriteByte('=')
		for i, v := range p.Values {
			if i > 0 {
				b.WriteByte(',')
			}
			writeParamValue(b, v)
		}
	}
}

func writeParamValue(b *strings.Builder, v string) {
	v = caret(v)
	if strings.ContainsAny(v, `:;,`) || v != strings.TrimSpace(v) {
		b.WriteByte('"')
		b.WriteString(v)
		b.WriteByte('"')
		return
	}
	b.WriteString(v)
}
