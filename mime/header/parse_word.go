package header

import (
	"strings"
	"unicode/utf8"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/codepage"
)

// DecodeText decodes the encoded words of an unfolded value. It is lenient:
// words may touch other text, hold blanks or a language tag (RFC 2231 5), lack
// their padding, and be split inside of a character, also in a stateful
// character set. A word that cannot be decoded is left as it is.
//
// Bytes outside of ASCII are UTF-8 where they can be, else in the character set
// def, else (def is nil) in Windows-1252. RFC 2047
func DecodeText(s string, def mapi.Charset) string {
	if !strings.Contains(s, "=?") {
		return guess(s, def)
	}
	var out strings.Builder
	out.Grow(len(s))
	var pending []byte // bytes of words that stand side by side
	var label string
	flush := func() {
		if len(pending) > 0 {
			out.WriteString(decodeBytes(pending, label))
			pending = pending[:0]
		}
	}
	for s != "" {
		i := strings.Index(s, "=?")
		if i < 0 {
			break
		}
		w, rest, ok := cutWord(s[i:])
		if !ok {
			flush()
			out.WriteString(guess(s[:i+2], def))
			s = s[i+2:]
			label = ""
			continue
		}
		gap := s[:i]
		if label == "" || strings.Trim(gap, " \t\r\n") != "" {
			flush()
			out.WriteString(guess(gap, def))
		}
		if !strings.EqualFold(w.charset, label) {
			flush()
		}
		label = w.charset
		if w.decoded() {
			flush()
			w.writeDecoded(&out)
		} else {
			pending = w.appendTo(pending)
		}
		s = rest
	}
	flush()
	out.WriteString(guess(s, def))
	return out.String()
}

// An encodedWord is one =?charset*language?encoding?text?=.
type encodedWord struct {
	charset string
	b64     bool
	text    string
}

// maxWord bounds what is searched for the end of a word. RFC 2047 2 allows 75
// characters, senders do not.
const maxWord = 8 << 10

// cutWord reads the encoded word at the start of s.
func cutWord(s string) (w encodedWord, rest string, ok bool) {
	if !strings.HasPrefix(s, "=?") {
		return w, s, false
	}
	t := s[2:]
	i := strings.IndexByte(t, '?')
	if i <= 0 || i > 60 || i+2 >= len(t) || t[i+2] != '?' {
		return w, s, false
	}
	w.charset, _, _ = strings.Cut(t[:i], "*")
	if w.charset == "" || strings.ContainsAny(w.charset, " \t\"()<>@,;:/[]=") {
		return w, s, false
	}
	switch t[i+1] {
	case 'B', 'b':
		w.b64 = true
	case 'Q', 'q':
	default:
		return w, s, false
	}
	t = t[i+3:]
	end := strings.Index(t[:min(len(t), maxWord)], "?=")
	if end < 0 {
		return w, s, false
	}
	w.text = t[:end]
	return w, t[end+2:], true
}

func (w encodedWord) appendTo(b []byte) []byte {
	if w.b64 {
		return appendBase64(b, w.text)
	}
	for i := 0; i < len(w.text); i++ {
		switch c := w.text[i]; {
		case c == '_':
			b = append(b, ' ')
		case c == '=' && i+2 < len(w.text) && unhex(w.text[i+1]) >= 0 && unhex(w.text[i+2]) >= 0:
			b = append(b, byte(unhex(w.text[i+1])<<4|unhex(w.text[i+2])))
			i += 2
		default:
			b = append(b, c)
		}
	}
	return b
}

// decoded reports whether the word holds characters, in UTF-8, that should be
// encoded: so it stands in a header that is stored as text.
func (w encodedWord) decoded() bool {
	return !w.b64 && hasUTF8([]byte(w.text)) && utf8.ValidString(w.text)
}

// writeDecoded writes a word whose characters outside of ASCII are what they
// are, whatever its character set.
func (w encodedWord) writeDecoded(out *strings.Builder) {
	for s := w.text; s != ""; {
		n := 0
		for n < len(s) && s[n] < utf8.RuneSelf {
			n++
		}
		w.text = s[:n]
		out.WriteString(decodeBytes(w.appendTo(nil), w.charset))
		s = s[n:]
		for n = 0; n < len(s) && s[n] >= utf8.RuneSelf; {
			n++
		}
		out.WriteString(s[:n])
		s = s[n:]
	}
}

// appendBase64 decodes with or without padding and skips what is no base64.
func appendBase64(b []byte, s string) []byte {
	var acc uint32
	n := 0
	flush := func() {
		switch n {
		case 2:
			b = append(b, byte(acc>>4))
		case 3:
			b = append(b, byte(acc>>10), byte(acc>>2))
		}
		acc, n = 0, 0
	}
	for i := 0; i < len(s); i++ {
		var v byte
		switch c := s[i]; {
		case 'A' <= c && c <= 'Z':
			v = c - 'A'
		case 'a' <= c && c <= 'z':
			v = c - 'a' + 26
		case '0' <= c && c <= '9':
			v = c - '0' + 52
		case c == '+' || c == '-':
			v = 62
		case c == '/' || c == '_':
			v = 63
		case c == '=':
			flush()
			continue
		default:
			continue
		}
		acc = acc<<6 | uint32(v)
		if n++; n == 4 {
			b = append(b, byte(acc>>16), byte(acc>>8), byte(acc))
			acc, n = 0, 0
		}
	}
	flush()
	return b
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	}
	return -1
}

// decodeBytes decodes bytes in a labelled character set. An unknown label is
// passed over: the bytes are guessed.
func decodeBytes(b []byte, label string) string {
	cs, known := codepage.ByName(label)
	if !known && utf8.Valid(b) {
		return string(b)
	}
	text, ok := cs.Decode(b)
	if !ok && cs.CodePage() != codepage.UTF8 && utf8.Valid(b) {
		// Bytes that mean nothing in the set they claim, but are UTF-8.
		return string(b)
	}
	if !ok && cs.CodePage() == codepage.UTF8 {
		if t, ok := windows1252().Decode(b); ok && !hasUTF8(b) {
			return t
		}
	}
	return text
}

// hasUTF8 reports whether b holds at least one whole character of more than
// one byte.
func hasUTF8(b []byte) bool {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if n > 1 && r != utf8.RuneError {
			return true
		}
		b = b[n:]
	}
	return false
}

func windows1252() mapi.Charset {
	cs, _ := codepage.Get(codepage.Windows1252)
	return cs
}

// guess decodes bytes without a label.
func guess(s string, def mapi.Charset) string {
	if utf8.ValidString(s) {
		return s
	}
	if def == nil || def.CodePage() == codepage.UTF8 {
		def = windows1252()
	}
	text, _ := def.Decode([]byte(s))
	return text
}
