package codepage

import (
	"sync"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/transform"
)

// A singleByte decodes a byte to one character. Tables are made on first use.
type singleByte struct {
	fill   func() [256]rune // decoding
	strict *[256]rune       // encoding, where it knows fewer than decoding
	once   sync.Once
	dec    [256]packed
	enc    map[rune]byte
}

// packed is up to three bytes of UTF-8 and, in the top byte, their number.
type packed uint32

func (s *singleByte) init() {
	runes := s.fill()
	for i, r := range runes {
		var b [utf8.UTFMax]byte
		n := utf8.EncodeRune(b[:], r)
		s.dec[i] = packed(b[0]) | packed(b[1])<<8 | packed(b[2])<<16 | packed(n)<<24
	}
	if s.strict != nil {
		runes = *s.strict
	}
	s.enc = make(map[rune]byte, 256)
	for i := 255; i >= 0; i-- {
		if runes[i] != utf8.RuneError {
			s.enc[runes[i]] = byte(i)
		}
	}
}

func (s *singleByte) decode(b []byte) (string, bool) {
	s.once.Do(s.init)
	out := make([]byte, 0, len(b)+len(b)/2)
	ok := true
	for _, c := range b {
		p := s.dec[c]
		switch p >> 24 {
		case 1:
			out = append(out, byte(p))
		case 2:
			out = append(out, byte(p), byte(p>>8))
		default:
			out = append(out, byte(p), byte(p>>8), byte(p>>16))
			ok = ok && p&0xFFFFFF != 0xBDBFEF
		}
	}
	return string(out), ok
}

func (s *singleByte) encode(text string) ([]byte, bool) {
	s.once.Do(s.init)
	out := make([]byte, 0, len(text))
	ok := true
	for _, r := range text {
		c, found := s.enc[r]
		if !found {
			c, ok = s.enc['?'], false
		}
		out = append(out, c)
	}
	return out, ok
}

// singleDecoder is the stream form.
type singleDecoder struct {
	transform.NopResetter
	*singleByte
}

func (s singleDecoder) Transform(dst, src []byte, _ bool) (nDst, nSrc int, err error) {
	for _, c := range src {
		p := s.dec[c]
		n := int(p >> 24)
		if nDst+n > len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		for ; n > 0; n-- {
			dst[nDst] = byte(p)
			nDst++
			p >>= 8
		}
		nSrc++
	}
	return nDst, nSrc, nil
}

func setSingle(c *charset, s *singleByte, ascii bool) {
	c.single = s
	c.encode = s.encode
	c.decoder = func() transform.Transformer {
		s.once.Do(s.init)
		return singleDecoder{singleByte: s}
	}
	if ascii {
		c.plain = isASCII
	}
}

func charmapRunes(m *charmap.Charmap) func() [256]rune {
	return func() (t [256]rune) {
		for i := range t {
			t[i] = m.DecodeByte(byte(i))
		}
		return t
	}
}

// fromCharmap is a table of x/text.
func fromCharmap(m *charmap.Charmap) func(*charset) {
	return func(c *charset) {
		setSingle(c, &singleByte{fill: charmapRunes(m)}, m.DecodeByte('a') == 'a')
	}
}

// lenient decodes by one table and encodes by a smaller one.
func lenient(dec, enc *charmap.Charmap) func(*charset) {
	return func(c *charset) {
		strict := charmapRunes(enc)()
		setSingle(c, &singleByte{fill: charmapRunes(dec), strict: &strict}, true)
	}
}

// usASCII decodes bytes above 0x7F as Windows-1252 and says that they are
// wrong; it encodes only ASCII.
func usASCII(c *charset) {
	var strict [256]rune
	for i := range strict {
		strict[i] = rune(i)
		if i > 0x7F {
			strict[i] = utf8.RuneError
		}
	}
	setSingle(c, &singleByte{fill: charmapRunes(charmap.Windows1252), strict: &strict}, true)
	c.strictASCII = true
}

// fromTable is a table of tables_gen.go.
func fromTable(n int) func(*charset) {
	return func(c *charset) {
		text := []rune(singleTables[n])
		upper := len(text) == 128
		setSingle(c, &singleByte{fill: func() (t [256]rune) {
			for i := range t {
				t[i] = rune(i)
			}
			copy(t[256-len(text):], text)
			return t
		}}, upper)
	}
}
