package codepage

import (
	"unicode/utf8"

	"golang.org/x/text/transform"
)

// johab is Windows 1361, KS X 1001 annex 3: Hangul by three fields of five
// bits, everything else by the rows of KS X 1001.
func johab(c *charset) {
	c.plain = isASCII
	c.decoder = func() transform.Transformer { return stream{johabDecoder{}} }
	c.encode = func(text string) ([]byte, bool) { return encodeRunes(text, appendJohab) }
}

type johabDecoder struct{ transform.NopResetter }

// Field values to indices of the three letters of a syllable; -1 is none, 0 of
// the last field is "no final".
var (
	johabInitial, johabMedial, johabFinal [32]int8

	// Letters that stand alone, in the order of the fields.
	johabInitialJamo = []rune("ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ")
	johabFinalJamo   = []rune("ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ")
)

func init() {
	for i := range 32 {
		johabInitial[i], johabMedial[i], johabFinal[i] = -1, -1, -1
		if i >= 2 && i <= 20 {
			johabInitial[i] = int8(i - 2)
		}
		if f := i & 7; i >= 3 && i <= 29 && f >= 2 && i != 8 && i != 9 {
			// Medials lie in groups of six from 10, 18 and 26; the first
			// group has five, from 3.
			switch {
			case i < 8:
				johabMedial[i] = int8(i - 3)
			default:
				johabMedial[i] = int8(5 + (i/8-1)*6 + f - 2)
			}
		}
		switch {
		case i >= 1 && i <= 17:
			johabFinal[i] = int8(i - 1)
		case i >= 19 && i <= 29:
			johabFinal[i] = int8(i - 2)
		}
	}
}

func (johabDecoder) next(src []byte, atEOF bool) (rune, int) {
	c := src[0]
	if c < utf8.RuneSelf {
		return rune(c), 1
	}
	if len(src) < 2 {
		return utf8.RuneError, needMore(atEOF, 1)
	}
	d := src[1]
	if d < 0x31 || d > 0x7E && d < 0x81 || d == 0xFF {
		return utf8.RuneError, 1
	}
	if c >= 0x84 && c <= 0xD3 {
		return johabHangul(uint16(c)<<8 | uint16(d)), 2
	}
	var row byte
	switch {
	case c >= 0xD9 && c <= 0xDE:
		row = 2*(c-0xD9) + 0x21
	case c >= 0xE0 && c <= 0xF9:
		row = 2*(c-0xE0) + 0x4A
	default:
		return utf8.RuneError, 2
	}
	cell := d - 0x31
	if d >= 0x91 {
		cell = d - 0x43
	} else if d > 0x7E {
		return utf8.RuneError, 2
	}
	if cell >= 94 {
		row, cell = row+1, cell-94
	}
	return planeKS.rune(row, cell+0x21), 2
}

func johabHangul(n uint16) rune {
	i, m, f := n>>10&31, n>>5&31, n&31
	initial, medial, final := johabInitial[i], johabMedial[m], johabFinal[f]
	switch {
	case initial >= 0 && medial >= 0 && final >= 0:
		return 0xAC00 + (rune(initial)*21+rune(medial))*28 + rune(final)
	case initial >= 0 && m == 2 && final == 0:
		return johabInitialJamo[initial]
	case i == 1 && medial >= 0 && final == 0:
		return 0x314F + rune(medial)
	case i == 1 && m == 2 && final > 0:
		return johabFinalJamo[final-1]
	}
	return utf8.RuneError
}

func johabField(t *[32]int8, index rune) uint16 {
	for i, n := range t {
		if rune(n) == index {
			return uint16(i)
		}
	}
	return 0
}

func appendJohab(dst []byte, r rune) ([]byte, bool) {
	var n uint16
	switch {
	case r < utf8.RuneSelf:
		return append(dst, byte(r)), true
	case r >= 0xAC00 && r < 0xAC00+19*21*28:
		s := r - 0xAC00
		n = 0x8000 | johabField(&johabInitial, s/28/21)<<10 | johabField(&johabMedial, s/28%21)<<5 | johabField(&johabFinal, s%28)
		return append(dst, byte(n>>8), byte(n)), true
	case r >= 0x314F && r <= 0x3163:
		n = 0x8401 | johabField(&johabMedial, r-0x314F)<<5
		return append(dst, byte(n>>8), byte(n)), true
	}
	for i, j := range johabInitialJamo {
		if j == r {
			n = 0x8041 | johabField(&johabInitial, rune(i))<<10
			return append(dst, byte(n>>8), byte(n)), true
		}
	}
	for i, j := range johabFinalJamo {
		if j == r {
			n = 0x8440 | johabField(&johabFinal, rune(i+1))
			return append(dst, byte(n>>8), byte(n)), true
		}
	}
	code, ok := planeKS.code(r)
	if !ok {
		return dst, false
	}
	row, cell := byte(code>>8), byte(code)-0x21
	var c byte
	switch {
	case row >= 0x21 && row <= 0x2C:
		c = (row - 0x21)
	case row >= 0x4A && row <= 0x7D:
		c = (row - 0x4A)
	default:
		return dst, false
	}
	if c&1 == 1 {
		cell += 94
	}
	if row < 0x4A {
		c = 0xD9 + c/2
	} else {
		c = 0xE0 + c/2
	}
	if cell < 0x4E {
		cell += 0x31
	} else {
		cell += 0x43
	}
	return append(dst, c, cell), true
}
