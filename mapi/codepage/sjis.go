package codepage

import (
	"unicode/utf8"

	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/transform"
)

// shiftJIS is Windows 932: Shift_JIS of x/text and the user-defined characters
// 0xF040 to 0xF9FC, which Windows puts at U+E000 to U+E757 in the private use
// area.
func shiftJIS(c *charset) {
	c.plain = isASCII
	c.decoder = func() transform.Transformer {
		return &shiftJISDecoder{inner: japanese.ShiftJIS.NewDecoder()}
	}
	c.encode = func(text string) ([]byte, bool) {
		return encodeAll(&shiftJISEncoder{inner: japanese.ShiftJIS.NewEncoder()}, text)
	}
}

const (
	userFirst = 0xE000
	userCount = 10 * 188
)

// userDefined is the character of a pair in the user-defined range.
func userDefined(lead, trail byte) (rune, bool) {
	if lead < 0xF0 || lead > 0xF9 || trail < 0x40 || trail == 0x7F || trail > 0xFC {
		return 0, false
	}
	cell := rune(trail) - 0x40
	if trail > 0x7F {
		cell--
	}
	return userFirst + rune(lead-0xF0)*188 + cell, true
}

type shiftJISDecoder struct{ inner transform.Transformer }

func (d *shiftJISDecoder) Reset() { d.inner.Reset() }

// userPair finds the first lead byte of the user-defined range in src.
func userPair(src []byte) (at int) {
	for i := 0; i < len(src); i++ {
		switch c := src[i]; {
		case c >= 0xF0 && c <= 0xF9:
			return i
		case c >= 0x81 && c <= 0x9F || c >= 0xE0 && c <= 0xFC:
			if i+1 < len(src) && src[i+1] >= 0x40 {
				i++
			}
		}
	}
	return len(src)
}

func (d *shiftJISDecoder) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for {
		at := nSrc + userPair(src[nSrc:])
		if at > nSrc {
			n, k, err := d.inner.Transform(dst[nDst:], src[nSrc:at], atEOF || at < len(src))
			nDst, nSrc = nDst+n, nSrc+k
			if err != nil || nSrc < at {
				return nDst, nSrc, err
			}
		}
		if at == len(src) {
			return nDst, nSrc, nil
		}
		size, r := 2, rune(utf8.RuneError)
		switch {
		case at+1 < len(src):
			u, ok := userDefined(src[at], src[at+1])
			if ok {
				r = u
			} else {
				size = 1
			}
		case !atEOF:
			return nDst, nSrc, transform.ErrShortSrc
		default:
			size = 1
		}
		if nDst+utf8.UTFMax > len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		nDst += utf8.EncodeRune(dst[nDst:], r)
		nSrc += size
	}
}

type shiftJISEncoder struct{ inner transform.Transformer }

func (e *shiftJISEncoder) Reset() { e.inner.Reset() }

func (e *shiftJISEncoder) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for nSrc < len(src) {
		at := nSrc
		var r rune
		var size int
		for at < len(src) {
			r, size = utf8.DecodeRune(src[at:])
			if r >= userFirst && r < userFirst+userCount {
				break
			}
			at += size
		}
		if at > nSrc {
			n, k, err := e.inner.Transform(dst[nDst:], src[nSrc:at], atEOF)
			nDst, nSrc = nDst+n, nSrc+k
			if err != nil || nSrc < at {
				return nDst, nSrc, err
			}
			continue
		}
		if nDst+2 > len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		n := r - userFirst
		trail := n%188 + 0x40
		if trail >= 0x7F {
			trail++
		}
		dst[nDst], dst[nDst+1] = byte(n/188)+0xF0, byte(trail)
		nDst, nSrc = nDst+2, nSrc+size
	}
	return nDst, nSrc, nil
}
