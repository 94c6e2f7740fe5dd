package codepage

import (
	"encoding/base64"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

func utf8Set(c *charset) {
	c.plain = isASCII
	c.decoder = func() transform.Transformer { return unicode.UTF8.NewDecoder() }
	c.encode = encodeUTF8
}

func encodeUTF8(text string) ([]byte, bool) {
	if utf8.ValidString(text) {
		return []byte(text), true
	}
	return []byte(strings.ToValidUTF8(text, "\uFFFD")), false
}

// wide is UTF-16 or UTF-32. A byte order mark at the start is obeyed and
// dropped; none is written.
func wide(unit int, big bool) func(*charset) {
	return func(c *charset) {
		c.decoder = func() transform.Transformer {
			return stream{&wideDecoder{unit: unit, big: big, declared: big, start: true}}
		}
		c.encode = func(text string) ([]byte, bool) {
			return encodeRunes(text, func(dst []byte, r rune) ([]byte, bool) {
				if unit == 4 {
					return appendUnit(dst, uint32(r), 4, big), true
				}
				if r >= 0x10000 {
					hi, lo := utf16.EncodeRune(r)
					return appendUnit(appendUnit(dst, uint32(hi), 2, big), uint32(lo), 2, big), true
				}
				return appendUnit(dst, uint32(r), 2, big), true
			})
		}
	}
}

func appendUnit(dst []byte, v uint32, unit int, big bool) []byte {
	for i := range unit {
		shift := 8 * i
		if big {
			shift = 8 * (unit - 1 - i)
		}
		dst = append(dst, byte(v>>shift))
	}
	return dst
}

type wideDecoder struct {
	unit          int
	big, declared bool
	start         bool
}

func (d *wideDecoder) Reset() { d.big, d.start = d.declared, true }

func (d *wideDecoder) value(b []byte) rune {
	var v uint32
	for i := range d.unit {
		if d.big {
			v = v<<8 | uint32(b[i])
		} else {
			v |= uint32(b[i]) << (8 * i)
		}
	}
	return rune(v)
}

func (d *wideDecoder) next(src []byte, atEOF bool) (rune, int) {
	if len(src) < d.unit {
		return utf8.RuneError, needMore(atEOF, len(src))
	}
	r := d.value(src)
	if d.start {
		d.start = false
		if r == 0xFEFF {
			return noRune, d.unit
		}
		if d.unit == 2 && r == 0xFFFE || d.unit == 4 && uint32(r) == 0xFFFE0000 {
			d.big = !d.big
			return noRune, d.unit
		}
	}
	if utf16.IsSurrogate(r) && d.unit == 2 {
		if len(src) < 4 {
			if !atEOF {
				return noRune, 0
			}
			return utf8.RuneError, 2
		}
		if p := utf16.DecodeRune(r, d.value(src[2:])); p != utf8.RuneError {
			return p, 4
		}
	}
	if !utf8.ValidRune(r) {
		r = utf8.RuneError
	}
	return r, d.unit
}

// utf7 is RFC 2152.
func utf7(c *charset) {
	c.plain = isASCIIWithout("+")
	c.decoder = func() transform.Transformer { return stream{&utf7Decoder{}} }
	c.encode = encodeUTF7
}

type utf7Decoder struct {
	shifted bool
	empty   bool   // no base64 character since the '+'
	bits    uint32 // not yet used
	n       int
	high    rune // a first surrogate that waits for its other half
}

func (d *utf7Decoder) Reset() { *d = utf7Decoder{} }

func base64Value(c byte) int {
	switch {
	case 'A' <= c && c <= 'Z':
		return int(c - 'A')
	case 'a' <= c && c <= 'z':
		return int(c-'a') + 26
	case '0' <= c && c <= '9':
		return int(c-'0') + 52
	case c == '+':
		return 62
	case c == '/':
		return 63
	}
	return -1
}

func (d *utf7Decoder) next(src []byte, _ bool) (rune, int) {
	c := src[0]
	if !d.shifted {
		if c == '+' {
			*d = utf7Decoder{shifted: true, empty: true}
			return noRune, 1
		}
		if c >= utf8.RuneSelf {
			return utf8.RuneError, 1
		}
		return rune(c), 1
	}
	v := base64Value(c)
	if v < 0 {
		high, empty := d.high, d.empty
		*d = utf7Decoder{}
		switch {
		case high != 0: // half a character is lost
			return utf8.RuneError, 1
		case empty && c == '-':
			return '+', 1
		case c == '-':
			return noRune, 1
		case c >= utf8.RuneSelf:
			return utf8.RuneError, 1
		}
		if c == '+' {
			return noRune, 1
		}
		return rune(c), 1
	}
	d.empty = false
	d.bits = d.bits<<6 | uint32(v)
	d.n += 6
	if d.n < 16 {
		return noRune, 1
	}
	d.n -= 16
	u := rune(d.bits >> d.n & 0xFFFF)
	d.bits &= 1<<d.n - 1
	if d.high != 0 {
		r := utf16.DecodeRune(d.high, u)
		d.high = 0
		return r, 1
	}
	if u >= 0xD800 && u < 0xDC00 {
		d.high = u
		return noRune, 1
	}
	if utf16.IsSurrogate(u) {
		u = utf8.RuneError
	}
	return u, 1
}

// encodeUTF7 leaves the characters of set D and the white space of RFC 2152
// as they are.
func encodeUTF7(text string) ([]byte, bool) {
	direct := func(r rune) bool {
		return r < utf8.RuneSelf && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("'(),-./:? \t\r\n", r))
	}
	var out []byte
	for text != "" {
		n := strings.IndexFunc(text, func(r rune) bool { return !direct(r) })
		if n < 0 {
			n = len(text)
		}
		out = append(out, text[:n]...)
		text = text[n:]
		if n = strings.IndexFunc(text, direct); n < 0 {
			n = len(text)
		}
		switch run := text[:n]; run {
		case "":
		case "+":
			out = append(out, "+-"...)
		default:
			var units []byte
			for _, u := range utf16.Encode([]rune(run)) {
				units = append(units, byte(u>>8), byte(u))
			}
			out = append(out, '+')
			out = base64.RawStdEncoding.AppendEncode(out, units)
			out = append(out, '-')
		}
		text = text[n:]
	}
	return out, true
}

// cesu8 is UTF-8 in which characters above U+FFFF are two surrogates.
func cesu8(c *charset) {
	c.plain = isASCII
	c.decoder = func() transform.Transformer { return stream{cesu8Decoder{}} }
	c.encode = func(text string) ([]byte, bool) {
		return encodeRunes(text, func(dst []byte, r rune) ([]byte, bool) {
			if r < 0x10000 {
				return utf8.AppendRune(dst, r), true
			}
			hi, lo := utf16.EncodeRune(r)
			return appendSurrogate(appendSurrogate(dst, hi), lo), true
		})
	}
}

func appendSurrogate(dst []byte, r rune) []byte {
	return append(dst, 0xED, byte(r>>6&0x3F|0x80), byte(r&0x3F|0x80))
}

type cesu8Decoder struct{ transform.NopResetter }

func (cesu8Decoder) next(src []byte, atEOF bool) (rune, int) {
	if src[0] == 0xED && (len(src) < 2 || src[1] >= 0xA0) {
		if len(src) < 6 {
			return utf8.RuneError, needMore(atEOF, len(src))
		}
		hi := 0xD000 | rune(src[1]&0x3F)<<6 | rune(src[2]&0x3F)
		lo := 0xD000 | rune(src[4]&0x3F)<<6 | rune(src[5]&0x3F)
		if r := utf16.DecodeRune(hi, lo); src[3] == 0xED && r != utf8.RuneError {
			return r, 6
		}
		return utf8.RuneError, 3
	}
	if !atEOF && !utf8.FullRune(src) {
		return noRune, 0
	}
	return utf8.DecodeRune(src)
}
