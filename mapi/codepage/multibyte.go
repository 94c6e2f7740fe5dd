package codepage

import (
	"sync"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/transform"
)

// fromText is a multi-byte encoding of x/text whose bytes below 0x80 are ASCII.
func fromText(e encoding.Encoding) func(*charset) {
	return func(c *charset) {
		c.plain = isASCII
		setText(c, e)
	}
}

// hz is GB2312 in seven bits, RFC 1843.
func hz(c *charset) {
	c.plain = isASCIIWithout("~")
	setText(c, simplifiedchinese.HZGB2312)
}

func setText(c *charset, e encoding.Encoding) {
	c.decoder = func() transform.Transformer { return e.NewDecoder() }
	c.encode = func(text string) ([]byte, bool) { return encodeAll(e.NewEncoder(), text) }
}

// encodeAll encodes with '?' for what has no code. A '?' goes through the
// encoder too, so that a stateful one returns to ASCII first.
func encodeAll(t transform.Transformer, text string) ([]byte, bool) {
	out := make([]byte, 0, len(text)+16)
	ok := true
	src := []byte(text)
	for {
		if cap(out)-len(out) < 16 {
			out = append(out, make([]byte, len(out)+64)...)[:len(out)]
		}
		nDst, nSrc, err := t.Transform(out[len(out):cap(out)], src, true)
		out = out[:len(out)+nDst]
		src = src[nSrc:]
		switch {
		case err == transform.ErrShortDst:
			out = append(out, make([]byte, len(out)+64)...)[:len(out)]
		case err != nil && len(src) > 0:
			ok = false
			_, n := utf8.DecodeRune(src)
			src = append([]byte{'?'}, src[n:]...)
		default:
			return out, ok
		}
	}
}

// A plane is a set of 94 rows of 94 characters.
type plane struct {
	fill func(t *[94 * 94]rune)
	once sync.Once
	dec  [94 * 94]rune
	enc  map[rune]uint16 // 0x2121 and up
}

func (p *plane) init() {
	p.fill(&p.dec)
	p.enc = make(map[rune]uint16, 8192)
	for i := len(p.dec) - 1; i >= 0; i-- {
		if r := p.dec[i]; r != utf8.RuneError && r != 0 {
			p.enc[r] = uint16(i/94+0x21)<<8 | uint16(i%94+0x21)
		}
	}
}

// rune is the character at a row and cell, each 0x21 to 0x7E.
func (p *plane) rune(row, cell byte) rune {
	p.once.Do(p.init)
	if row < 0x21 || row > 0x7E || cell < 0x21 || cell > 0x7E {
		return utf8.RuneError
	}
	return p.dec[int(row-0x21)*94+int(cell-0x21)]
}

func (p *plane) code(r rune) (uint16, bool) {
	p.once.Do(p.init)
	n, ok := p.enc[r]
	return n, ok
}

// eucPlane reads a plane out of an EUC encoding of x/text.
func eucPlane(e encoding.Encoding, prefix ...byte) *plane {
	return &plane{fill: func(t *[94 * 94]rune) {
		d := e.NewDecoder()
		for i := range t {
			src := append(prefix[:len(prefix):len(prefix)], byte(0xA1+i/94), byte(0xA1+i%94))
			s, ok := decodeAll(d, src)
			r, n := utf8.DecodeRuneInString(s)
			if !ok || n != len(s) {
				r = utf8.RuneError
			}
			t[i] = r
			d.Reset()
		}
	}}
}

// stringPlane is a plane of tables_gen.go.
func stringPlane(s string) *plane {
	return &plane{fill: func(t *[94 * 94]rune) {
		i := 0
		for _, r := range s {
			if i < len(t) {
				t[i] = r
				i++
			}
		}
	}}
}

var (
	planeJIS0208 = eucPlane(japanese.EUCJP)
	planeJIS0212 = eucPlane(japanese.EUCJP, 0x8F)
	planeKS      = eucPlane(korean.EUCKR)
	planeGB      = eucPlane(simplifiedchinese.GBK)
	planeCNS1    = stringPlane(cnsPlane1)
	planeCNS2    = stringPlane(cnsPlane2)
)

// A runeDecoder reads one character: r, or noRune for a control that has none.
// A size of 0 asks for more bytes; it is not allowed at the end.
type runeDecoder interface {
	next(src []byte, atEOF bool) (r rune, size int)
	Reset()
}

const noRune rune = -1

// stream makes a Transformer of a runeDecoder.
type stream struct{ runeDecoder }

func (s stream) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for nSrc < len(src) {
		if nDst+utf8.UTFMax > len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		r, size := s.next(src[nSrc:], atEOF)
		if size == 0 {
			if !atEOF {
				return nDst, nSrc, transform.ErrShortSrc
			}
			r, size = utf8.RuneError, 1
		}
		nSrc += size
		if r != noRune {
			nDst += utf8.EncodeRune(dst[nDst:], r)
		}
	}
	return nDst, nSrc, nil
}

// encodeRunes encodes character by character with '?' for what has no code.
func encodeRunes(text string, add func(dst []byte, r rune) ([]byte, bool)) ([]byte, bool) {
	out := make([]byte, 0, len(text)+len(text)/2)
	ok := true
	for _, r := range text {
		next, found := add(out, r)
		if !found {
			next, _ = add(out, '?')
			ok = false
		}
		out = next
	}
	return out, ok
}

// eucTW is EUC-TW: CNS 11643 plane 1 as pairs, plane 2 after 0x8E 0xA2. It also
// takes the form of Windows 20000, where a second byte below 0x80 means plane 2.
func eucTW(c *charset) {
	c.plain = isASCII
	c.decoder = func() transform.Transformer { return stream{eucTWDecoder{}} }
	c.encode = func(text string) ([]byte, bool) {
		return encodeRunes(text, func(dst []byte, r rune) ([]byte, bool) {
			if r < utf8.RuneSelf {
				return append(dst, byte(r)), true
			}
			if n, ok := planeCNS1.code(r); ok {
				return append(dst, byte(n>>8)|0x80, byte(n)|0x80), true
			}
			if n, ok := planeCNS2.code(r); ok {
				return append(dst, 0x8E, 0xA2, byte(n>>8)|0x80, byte(n)|0x80), true
			}
			return dst, false
		})
	}
}

type eucTWDecoder struct{ transform.NopResetter }

func (eucTWDecoder) next(src []byte, atEOF bool) (rune, int) {
	switch c := src[0]; {
	case c < utf8.RuneSelf:
		return rune(c), 1
	case c == 0x8E:
		if len(src) < 4 {
			return utf8.RuneError, needMore(atEOF, len(src))
		}
		switch src[1] {
		case 0xA1:
			return planeCNS1.rune(src[2]&0x7F, src[3]&0x7F), 4
		case 0xA2:
			return planeCNS2.rune(src[2]&0x7F, src[3]&0x7F), 4
		}
		return utf8.RuneError, 4
	case len(src) < 2:
		return utf8.RuneError, needMore(atEOF, 1)
	case src[1] < 0x21:
		return utf8.RuneError, 1
	case src[1] < utf8.RuneSelf:
		return planeCNS2.rune(c&0x7F, src[1]), 2
	default:
		return planeCNS1.rune(c&0x7F, src[1]&0x7F), 2
	}
}

// needMore is 0, which asks for more bytes, or at the end of the input n.
func needMore(atEOF bool, n int) int {
	if atEOF {
		return n
	}
	return 0
}
