package header

import (
	"slices"
	"strconv"
	"strings"

	"github.com/mailconv/mailconv/mapi"
)

// ParseParams reads a value with parameters: Content-Type, Content-Disposition.
// The value is in lower case. Parameter names are in lower case, each stands
// once (the first wins, and the form of RFC 2231 wins over the plain one), and
// values are decoded: continuations and character sets of RFC 2231, and the
// encoded words that some programs put into quoted strings. Def is as in
// [DecodeText].
//
// Junk between semicolons is passed over, a semicolon or a closing quote may be
// missing, and a value without quotes may hold specials.
func ParseParams(s string, def mapi.Charset) (value string, params []Param) {
	i := 0
	for i < len(s) && s[i] != ';' && s[i] != ' ' && s[i] != '\t' && s[i] != '(' && s[i] != ',' {
		i++
	}
	value = strings.ToLower(strings.Trim(s[:i], "\"' \t"))
	if strings.IndexByte(value, '=') >= 0 {
		value, i = "", 0
	}
	var parts []section
	for s = s[i:]; ; {
		s = strings.TrimLeft(s, "; \t,")
		if s == "" {
			break
		}
		if s[0] == '(' {
			_, s = cutComment(s)
			continue
		}
		eq := strings.IndexAny(s, "=;")
		if eq < 0 || s[eq] == ';' {
			if eq < 0 {
				break
			}
			s = s[eq:]
			continue
		}
		name := strings.ToLower(strings.TrimSpace(s[:eq]))
		if j := strings.LastIndexAny(name, " \t)"); j >= 0 {
			name = name[j+1:]
		}
		var raw string
		var quoted bool
		raw, quoted, s = cutParamValue(strings.TrimLeft(s[eq+1:], " \t"))
		if name == "" {
			continue
		}
		p := parseSection(name, raw)
		if !quoted && !p.extended && !isNameParam(p.name) {
			if j := strings.Index(p.raw, " ("); j >= 0 {
				p.raw = strings.TrimRight(p.raw[:j], " \t")
			}
		}
		if parts = append(parts, p); len(parts) == maxParams {
			break
		}
	}
	return value, joinSections(parts, def)
}

// FindParam is the value of the parameter with the name, in lower case.
func FindParam(params []Param, name string) (string, bool) {
	for i := range params {
		if params[i].Name == name {
			return params[i].Value, true
		}
	}
	return "", false
}

func isNameParam(name string) bool { return name == "name" || name == "filename" }

// cutParamValue reads a value up to its semicolon.
func cutParamValue(s string) (raw string, quoted bool, rest string) {
	if s == "" || s[0] != '"' {
		end := strings.IndexByte(s, ';')
		if end < 0 {
			end = len(s)
		}
		// A semicolon is missing where the next parameter follows a blank.
		for i := 0; i < end; i++ {
			if (s[i] == ' ' || s[i] == '\t') && (i == 0 || s[i-1] != ' ' && s[i-1] != '\t') && startsParam(s[i:end]) {
				return strings.TrimRight(s[:i], " \t"), false, s[i:]
			}
		}
		return strings.TrimRight(s[:end], " \t"), false, s[end:]
	}
	var b []byte
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\'):
			// Other pairs are left alone: C:\dir is meant as it is written.
			b = append(b, s[i+1])
			i++
		case c == '"' && closesQuote(s[i+1:]):
			rest = s[i+1:]
			if j := strings.IndexByte(rest, ';'); j >= 0 && !startsParam(rest) {
				rest = rest[j:]
			}
			return string(b), true, rest
		default:
			b = append(b, c)
		}
	}
	// No closing quote.
	end := strings.IndexByte(s, ';')
	if end < 0 {
		end = len(s)
	}
	return strings.Trim(s[1:end], " \t\""), true, s[end:]
}

// closesQuote reports whether a quote before rest ends its string.
func closesQuote(rest string) bool {
	t := strings.TrimLeft(rest[:min(len(rest), 1000)], " \t")
	if t == "" || t[0] == ';' || t[0] == '(' || t[0] == ',' || paramAhead(t) {
		return true
	}
	next := strings.IndexByte(t, '"')
	return next < 0 || strings.IndexByte(t[:next], ';') >= 0
}

// startsParam reports whether s is a blank, a token and an equals sign.
func startsParam(s string) bool {
	t := strings.TrimLeft(s, " \t")
	return len(t) < len(s) && paramAhead(t)
}

// paramAhead reports whether t is a token and an equals sign.
func paramAhead(t string) bool {
	for i := 0; i < len(t) && i < 40; i++ {
		c := t[i]
		if c == '=' {
			// Not the padding of base64 and not an encoded word.
			return i > 0 && !strings.HasPrefix(t[i:], "==") && !strings.HasPrefix(t[i:], "=?=")
		}
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-' || c == '*' || c >= '0' && c <= '9' && i > 0) {
			return false
		}
	}
	return false
}

// maxParams bounds the parameters of one value.
const maxParams = 1000

// A section is a parameter or one piece of it. RFC 2231 3
type section struct {
	name     string
	index    int // -1 for a plain parameter
	extended bool
	raw      string
}

func parseSection(name, raw string) section {
	p := section{name: name, index: -1, raw: raw}
	base, tail, star := strings.Cut(name, "*")
	if !star || base == "" {
		return p
	}
	p.name = base
	if t, ext := strings.CutSuffix(tail, "*"); ext {
		p.extended = true
		tail = t
	}
	if tail == "" {
		p.extended = true
		p.index = 0
		return p
	}
	n, err := strconv.Atoi(tail)
	if err != nil || n < 0 {
		p.index = 0
		return p
	}
	p.index = n
	return p
}

func joinSections(parts []section, def mapi.Charset) []Param {
	var params []Param
	for i := range parts {
		name := parts[i].name
		if _, done := FindParam(params, name); done {
			continue
		}
		var pieces []section
		plain := -1
		for j := i; j < len(parts); j++ {
			switch {
			case parts[j].name != name:
			case parts[j].index >= 0:
				pieces = append(pieces, parts[j])
			case plain < 0:
				plain = j
			}
		}
		if len(pieces) == 0 {
			params = append(params, Param{name, DecodeText(parts[plain].raw, def)})
			continue
		}
		slices.SortStableFunc(pieces, func(a, b section) int { return a.index - b.index })
		value := decodeSections(pieces, def)
		if value == "" && plain >= 0 {
			value = DecodeText(parts[plain].raw, def)
		}
		params = append(params, Param{name, value})
	}
	return params
}

func decodeSections(pieces []section, def mapi.Charset) string {
	var b []byte
	label, extended := "", false
	last := -1
	for i, p := range pieces {
		if p.index == last {
			continue // said twice; the first counts
		}
		last = p.index
		raw := p.raw
		if !p.extended {
			b = append(b, raw...)
			continue
		}
		if i == 0 {
			if cs, rest, ok := strings.Cut(raw, "'"); ok {
				if _, text, ok := strings.Cut(rest, "'"); ok {
					label, raw = cs, text
				}
			}
		}
		extended = true
		b = appendUnpercent(b, raw)
	}
	switch {
	case !extended:
		return DecodeText(string(b), def)
	case label == "":
		return guess(string(b), def)
	}
	return decodeBytes(b, label)
}

func appendUnpercent(b []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && unhex(s[i+1]) >= 0 && unhex(s[i+2]) >= 0 {
			b = append(b, byte(unhex(s[i+1])<<4|unhex(s[i+2])))
			i += 2
			continue
		}
		b = append(b, s[i])
	}
	return b
}

// cutComment reads the comment at the start of s, which is nested and may lack
// its end. Text is without the outer parentheses and unescaped. RFC 5322 3.2.2
func cutComment(s string) (text, rest string) {
	var b []byte
	depth := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '\\':
			if i+1 < len(s) {
				i++
				b = append(b, s[i])
			}
		case '(':
			if depth++; depth > 1 {
				b = append(b, c)
			}
		case ')':
			if depth--; depth == 0 {
				return string(b), s[i+1:]
			}
			b = append(b, c)
		default:
			b = append(b, c)
		}
	}
	return string(b), ""
}
