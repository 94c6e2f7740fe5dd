package codepage

import (
	"bytes"
	"unicode/utf8"

	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/transform"
)

// The ISO 2022 sets of mail (RFC 1468, 1554, 1557, 1922) are one decoder: all
// of them name their sets by escape sequences. They differ in what is there
// before the first escape and in what eight-bit bytes mean.

type iso2022Family int

const (
	iso2022JP iso2022Family = iota
	iso2022KR
	iso2022CN
)

// A g2022 is one designated set.
type g2022 int

const (
	gASCII g2022 = iota
	gKatakana
	gJIS0208
	gJIS0212
	gGB
	gKS
	gCNS1
	gCNS2
	gLatin1 // the upper half of ISO-8859-1, 96 characters
	gGreek  // the upper half of ISO-8859-7
)

func (g g2022) plane() *plane {
	switch g {
	case gJIS0208:
		return planeJIS0208
	case gJIS0212:
		return planeJIS0212
	case gGB:
		return planeGB
	case gKS:
		return planeKS
	case gCNS1:
		return planeCNS1
	case gCNS2:
		return planeCNS2
	}
	return nil
}

var escapes2022 = []struct {
	seq string
	reg int // G0, G1 or G2
	set g2022
}{
	{"(B", 0, gASCII},
	{"(J", 0, gASCII},
	{"(H", 0, gASCII},
	{"(I", 0, gKatakana},
	{"$@", 0, gJIS0208},
	{"$B", 0, gJIS0208},
	{"$A", 0, gGB},
	{"$(@", 0, gJIS0208},
	{"$(B", 0, gJIS0208},
	{"$(D", 0, gJIS0212},
	{"$(C", 0, gKS},
	{"$(A", 0, gGB},
	{"$)C", 1, gKS},
	{"$)A", 1, gGB},
	{"$)E", 1, gGB},
	{"$)G", 1, gCNS1},
	{"$*H", 2, gCNS2},
	{")I", 1, gKatakana},
	{".A", 2, gLatin1},
	{".F", 2, gGreek},
}

type iso2022Decoder struct {
	family  iso2022Family
	g       [3]g2022
	shifted bool // SO: G1 is in use
}

func newISO2022(f iso2022Family) func(*charset) {
	return func(c *charset) {
		c.plain = isASCIIWithout("\x1B\x0E\x0F")
		c.decoder = func() transform.Transformer {
			d := &iso2022Decoder{family: f}
			d.Reset()
			return stream{d}
		}
		switch f {
		case iso2022JP:
			c.encode = func(text string) ([]byte, bool) { return encodeAll(japanese.ISO2022JP.NewEncoder(), text) }
		case iso2022KR:
			c.encode = encodeISO2022KR
		case iso2022CN:
			c.encode = encodeISO2022CN
		}
	}
}

func (d *iso2022Decoder) Reset() {
	d.shifted = false
	d.g = [3]g2022{gASCII, gKatakana, gCNS2}
	switch d.family {
	case iso2022KR:
		d.g[1] = gKS
	case iso2022CN:
		d.g[1] = gGB
	}
}

func (d *iso2022Decoder) next(src []byte, atEOF bool) (rune, int) {
	c := src[0]
	switch {
	case c == 0x1B:
		return d.escape(src, atEOF)
	case c == 0x0E:
		d.shifted = true
		return noRune, 1
	case c == 0x0F:
		d.shifted = false
		return noRune, 1
	case c == '\n' || c == '\r':
		// Each line begins in ASCII, RFC 1468; some writers forget the escape.
		d.shifted = false
		d.g[0] = gASCII
		return rune(c), 1
	case c <= 0x20 || c == 0x7F:
		return rune(c), 1
	case c >= utf8.RuneSelf && d.family == iso2022JP:
		if c >= 0xA1 && c <= 0xDF {
			return rune(c) - 0xA1 + 0xFF61, 1
		}
		return utf8.RuneError, 1
	}
	set := d.g[0]
	if d.shifted || c >= utf8.RuneSelf {
		set = d.g[1]
	}
	switch set {
	case gASCII:
		return rune(c), 1
	case gKatakana:
		if k := c & 0x7F; k >= 0x21 && k <= 0x5F {
			return rune(k) - 0x21 + 0xFF61, 1
		}
		return utf8.RuneError, 1
	}
	if len(src) < 2 {
		return utf8.RuneError, needMore(atEOF, 1)
	}
	if src[1]&0x7F < 0x21 {
		return utf8.RuneError, 1
	}
	return set.plane().rune(c&0x7F, src[1]&0x7F), 2
}

func (d *iso2022Decoder) escape(src []byte, atEOF bool) (rune, int) {
	rest := src[1:]
	if len(rest) > 0 && rest[0] == 'N' {
		return d.singleShift(src, atEOF)
	}
	for _, e := range escapes2022 {
		if len(rest) >= len(e.seq) && string(rest[:len(e.seq)]) == e.seq {
			d.g[e.reg] = e.set
			return noRune, 1 + len(e.seq)
		}
	}
	if len(rest) < 3 && !atEOF {
		for _, e := range escapes2022 {
			if bytes.HasPrefix([]byte(e.seq), rest) {
				return noRune, 0
			}
		}
	}
	return utf8.RuneError, 1
}

// singleShift is ESC N: one character of G2.
func (d *iso2022Decoder) singleShift(src []byte, atEOF bool) (rune, int) {
	need := 3
	if d.g[2].plane() != nil {
		need = 4
	}
	if len(src) < need {
		return utf8.RuneError, needMore(atEOF, len(src))
	}
	switch d.g[2] {
	case gLatin1:
		return rune(src[2]&0x7F | 0x80), 3
	case gGreek:
		s, _ := byNumber()[28597].Decode([]byte{src[2] | 0x80})
		r, _ := utf8.DecodeRuneInString(s)
		return r, 3
	}
	return d.g[2].plane().rune(src[2]&0x7F, src[3]&0x7F), 4
}

func encodeISO2022KR(text string) ([]byte, bool) {
	shifted := false
	head := []byte("\x1B$)C") // once, before the first SO (RFC 1557)
	out, ok := encodeRunes(text, func(dst []byte, r rune) ([]byte, bool) {
		if r < utf8.RuneSelf {
			if shifted {
				dst, shifted = append(dst, 0x0F), false
			}
			return append(dst, byte(r)), true
		}
		n, ok := planeKS.code(r)
		if !ok {
			return dst, false
		}
		if !shifted {
			dst, shifted = append(dst, 0x0E), true
		}
		return append(dst, byte(n>>8), byte(n)), true
	})
	if shifted {
		out = append(out, 0x0F)
	}
	if bytes.IndexByte(out, 0x0E) >= 0 {
		out = append(head, out...)
	}
	return out, ok
}

func encodeISO2022CN(text string) ([]byte, bool) {
	shifted := false
	var g1, g2 g2022 // gASCII: not designated on this line
	out, ok := encodeRunes(text, func(dst []byte, r rune) ([]byte, bool) {
		if r < utf8.RuneSelf {
			if shifted {
				dst, shifted = append(dst, 0x0F), false
			}
			if r == '\n' {
				g1, g2 = gASCII, gASCII
			}
			return append(dst, byte(r)), true
		}
		n, set := uint16(0), gASCII
		if c, ok := planeGB.code(r); ok {
			n, set = c, gGB
		} else if c, ok := planeCNS1.code(r); ok {
			n, set = c, gCNS1
		} else if c, ok := planeCNS2.code(r); ok {
			n, set = c, gCNS2
		}
		switch set {
		case gASCII:
			return dst, false
		case gCNS2:
			if g2 != gCNS2 {
				dst, g2 = append(dst, "\x1B$*H"...), gCNS2
			}
			return append(dst, 0x1B, 'N', byte(n>>8), byte(n)), true
		}
		if g1 != set {
			seq := "\x1B$)A"
			if set == gCNS1 {
				seq = "\x1B$)G"
			}
			dst, g1 = append(dst, seq...), set
		}
		if !shifted {
			dst, shifted = append(dst, 0x0E), true
		}
		return append(dst, byte(n>>8), byte(n)), true
	})
	if shifted {
		out = append(out, 0x0F)
	}
	return out, ok
}
