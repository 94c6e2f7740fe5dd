package rop

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrCompressed says that compressed bytes do not hold what they claim.
var ErrCompressed = errors.New("rop: the compressed data is damaged")

const (
	lzMinMatch = 3
	lzWindow   = 8192
)

// Decompress expands LZ77 with DIRECT2 encoding to exactly size bytes.
// [MS-OXCRPC] 3.1.4.11.1
func Decompress(src []byte, size int) ([]byte, error) {
	// The longest match that two bytes can start repeats 64 KiB.
	if size < 0 || size > maxPayload {
		return nil, fmt.Errorf("%w: %d bytes claimed", ErrCompressed, size)
	}
	dst := make([]byte, 0, size)
	var flags uint32
	bits, half, pos := 0, -1, 0
	short := func() ([]byte, error) {
		return nil, fmt.Errorf("%w: it ends after %d of %d bytes", ErrCompressed, len(dst), size)
	}
	for len(dst) < size {
		if bits == 0 {
			if pos+4 > len(src) {
				return short()
			}
			flags = binary.LittleEndian.Uint32(src[pos:])
			pos += 4
			bits = 32
		}
		bits--
		if flags>>uint(bits)&1 == 0 {
			if pos >= len(src) {
				return short()
			}
			dst = append(dst, src[pos])
			pos++
			continue
		}
		if pos+2 > len(src) {
			return short()
		}
		word := binary.LittleEndian.Uint16(src[pos:])
		pos += 2
		back := int(word>>3) + 1
		n := int(word & 7)
		if n == 7 {
			var ok bool
			if n, pos, half, ok = lzLength(src, pos, half); !ok {
				return short()
			}
			n += 7
		}
		n += lzMinMatch
		if back > len(dst) {
			return nil, fmt.Errorf("%w: a match of %d bytes back at offset %d", ErrCompressed, back, len(dst))
		}
		if n > size-len(dst) {
			return nil, fmt.Errorf("%w: a match of %d bytes where %d are left", ErrCompressed, n, size-len(dst))
		}
		for range n {
			dst = append(dst, dst[len(dst)-back])
		}
	}
	return dst, nil
}

// lzLength reads what a match length has beyond its three bits: half a byte,
// shared by two matches, then a byte, then 16 bits.
func lzLength(src []byte, pos, half int) (n, newPos, newHalf int, ok bool) {
	if half < 0 {
		if pos >= len(src) {
			return 0, pos, half, false
		}
		n = int(src[pos] & 0x0F)
		half = pos
		pos++
	} else {
		n = int(src[half] >> 4)
		half = -1
	}
	if n < 15 {
		return n, pos, half, true
	}
	if pos >= len(src) {
		return 0, pos, half, false
	}
	n = int(src[pos])
	pos++
	if n == 255 {
		if pos+2 > len(src) {
			return 0, pos, half, false
		}
		n = int(binary.LittleEndian.Uint16(src[pos:])) - 22
		pos += 2
		if n < 0 {
			return 0, pos, half, false
		}
	}
	return n + 15, pos, half, true
}

// Compress makes LZ77 with DIRECT2 encoding. The result can be larger than src.
func Compress(src []byte) []byte {
	w := lzWriter{dst: make([]byte, 4, len(src)+len(src)/8+8), half: -1}
	var last [1 << 12]int // position + 1 of the latest occurrence of a hash
	hash := func(i int) uint32 {
		return (uint32(src[i])<<16 ^ uint32(src[i+1])<<8 ^ uint32(src[i+2])) * 0x9E3779B1 >> 20
	}
	for i := 0; i < len(src); {
		n, back := 0, 0
		if i+lzMinMatch <= len(src) {
			h := hash(i)
			if p := last[h] - 1; p >= 0 && i-p <= lzWindow {
				for i+n < len(src) && n < 0xFFFF && src[p+n] == src[i+n] {
					n++
				}
				back = i - p
			}
			last[h] = i + 1
		}
		if n < lzMinMatch {
			w.flag(0)
			w.dst = append(w.dst, src[i])
			i++
			continue
		}
		w.match(back, n)
		for end := i + n; i < end; i++ {
			if i+lzMinMatch <= len(src) {
				last[hash(i)] = i + 1
			}
		}
	}
	return w.end()
}

type lzWriter struct {
	dst   []byte
	at    int // of the open flag word
	flags uint32
	bits  int
	half  int // offset of a byte whose upper half is free, or -1
}

func (w *lzWriter) flag(bit uint32) {
	if w.bits == 32 {
		binary.LittleEndian.PutUint32(w.dst[w.at:], w.flags)
		w.at = len(w.dst)
		w.dst = append(w.dst, 0, 0, 0, 0)
		w.flags, w.bits = 0, 0
	}
	w.flags = w.flags<<1 | bit
	w.bits++
}

func (w *lzWriter) match(back, n int) {
	w.flag(1)
	n -= lzMinMatch
	word := uint16(back-1) << 3
	if n < 7 {
		w.dst = binary.LittleEndian.AppendUint16(w.dst, word|uint16(n))
		return
	}
	w.dst = binary.LittleEndian.AppendUint16(w.dst, word|7)
	whole := n
	n -= 7
	nibble := byte(min(n, 15))
	if w.half < 0 {
		w.half = len(w.dst)
		w.dst = append(w.dst, nibble)
	} else {
		w.dst[w.half] |= nibble << 4
		w.half = -1
	}
	if n < 15 {
		return
	}
	if n -= 15; n < 255 {
		w.dst = append(w.dst, byte(n))
		return
	}
	w.dst = append(w.dst, 255)
	w.dst = binary.LittleEndian.AppendUint16(w.dst, uint16(whole))
}

// end fills the last flag word with ones.
func (w *lzWriter) end() []byte {
	if w.bits == 0 {
		return w.dst[:w.at]
	}
	rest := uint(32 - w.bits)
	w.flags = w.flags<<rest | (1<<rest - 1)
	binary.LittleEndian.PutUint32(w.dst[w.at:], w.flags)
	return w.dst
}
