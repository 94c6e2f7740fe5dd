package header

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// A Param is one parameter of Content-Type or Content-Disposition.
type Param struct{ Name, Value string }

// Params writes a value with parameters. Values outside of ASCII, and those
// too long for a line, take the form of RFC 2231, which is the only one that
// may carry them: an encoded word inside a quoted string is forbidden (RFC 2047
// 5), and so is a second, plain parameter of the same name. What old readers
// are given instead is [ASCIIName] in the "name" of Content-Type.
func (w *Writer) Params(name, value string, params ...Param) {
	w.begin(name)
	value = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7F {
			return -1
		}
		return r
	}, value)
	for i := range params {
		if params[i].Value == "" && params[i].Name != "boundary" {
			continue
		}
		w.tok = append(append(w.tok[:0], value...), ';')
		if value != "" {
			token(w, " ", w.tok)
		} else {
			w.buf = append(w.buf, ';')
			w.col++
		}
		w.param(params[i].Name, clean(params[i].Value))
		value = ""
	}
	if value != "" {
		token(w, " ", value)
	}
	w.finish()
}

// param writes one parameter without a semicolon at its end.
func (w *Writer) param(name, value string) {
	ascii, isToken, special := true, value != "", 0
	for i := 0; i < len(value); i++ {
		c := value[i]
		switch {
		case c < ' ' || c >= 0x7F:
			ascii, isToken = false, false
		case c == '"' || c == '\\':
			special++
			isToken = false
		case c == ' ' || strings.IndexByte("()<>@,;:/[]?=", c) >= 0:
			isToken = false
		}
		if c == '=' && i+1 < len(value) && value[i+1] == '?' {
			// A quoted string that looks like an encoded word would be
			// decoded by lenient readers.
			ascii = false
		}
	}
	n := len(name) + len(value) + special + 3
	switch {
	case ascii && isToken && n <= softLimit-2:
		w.tok = append(append(append(w.tok[:0], name...), '='), value...)
		token(w, " ", w.tok)
	case ascii && (n <= softLimit-2 || name == "name" || name == "boundary") && n < hardLimit-50:
		w.tok = append(append(w.tok[:0], name...), '=')
		w.tok = appendQuoted(w.tok, value)
		token(w, " ", w.tok)
	case ascii:
		for i := 0; value != ""; i++ {
			w.tok = append(append(append(w.tok[:0], name...), '*'), strconv.Itoa(i)...)
			w.tok = append(w.tok, '=')
			cut := min(len(value), 50)
			w.tok = appendQuoted(w.tok, value[:cut])
			w.section(value[cut:] != "")
			value = value[cut:]
		}
	default:
		w.extended(name, value)
	}
}

// section writes one section of a parameter.
func (w *Writer) section(more bool) {
	if more {
		w.tok = append(w.tok, ';')
	}
	token(w, " ", w.tok)
}

// extended writes the percent-encoded form in UTF-8, in sections when it is
// long. Characters are not split. RFC 2231 4.1
func (w *Writer) extended(name, value string) {
	one := len(name) + len("*=utf-8''")
	for i := 0; i < len(value); i++ {
		if attrChar(value[i]) {
			one++
		} else {
			one += 3
		}
	}
	if one <= softLimit-2 {
		w.tok = append(append(w.tok[:0], name...), "*=utf-8''"...)
		w.tok = appendPercent(w.tok, value)
		token(w, " ", w.tok)
		return
	}
	for i := 0; value != ""; i++ {
		w.tok = append(append(append(w.tok[:0], name...), '*'), strconv.Itoa(i)...)
		w.tok = append(w.tok, "*="...)
		if i == 0 {
			w.tok = append(w.tok, "utf-8''"...)
		}
		n := 0
		for n < len(value) {
			_, size := utf8.DecodeRuneInString(value[n:])
			if n > 0 && len(w.tok)+3*size > softLimit-3 {
				break
			}
			w.tok = appendPercent(w.tok, value[n:n+size])
			n += size
		}
		value = value[n:]
		w.section(value != "")
	}
}

func attrChar(c byte) bool {
	return c > ' ' && c < 0x7F && strings.IndexByte("*'%()<>@,;:\\\"/[]?=", c) < 0
}

func appendPercent(b []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if attrChar(s[i]) {
			b = append(b, s[i])
		} else {
			b = append(b, '%', hexDigits[s[i]>>4], hexDigits[s[i]&15])
		}
	}
	return b
}

// ASCIIName is the nearest name in ASCII, for readers that do not know RFC
// 2231: letters lose their accents, what is left over becomes an underscore.
// A name in ASCII comes back unchanged. It is "" when no letter or digit of
// the stem could be kept.
func ASCIIName(s string) string {
	s = clean(s)
	plain := true
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] >= 0x7F {
			plain = false
			break
		}
	}
	if plain {
		return s
	}
	var b strings.Builder
	kept := false
	for _, r := range norm.NFKD.String(s) {
		switch {
		case r >= 0x300 && r <= 0x36F: // combining marks
		case r == 'ß':
			b.WriteString("ss")
			kept = true
		case r < ' ' || r >= 0x7F:
			b.WriteByte('_')
		default:
			if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
				kept = kept || !strings.Contains(b.String(), ".")
			}
			b.WriteRune(r)
		}
	}
	if !kept {
		return ""
	}
	return b.String()
}
