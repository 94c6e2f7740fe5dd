package tnef

import "encoding/binary"

// addChecksum adds the bytes of b to sum, modulo 65536. [MS-OXTNEF] 2.1.3.2
//
// It takes eight bytes at a time as four lanes of 16 bits each: a lane grows
// by at most 510 for each word, so 128 words fit before it can overflow.
func addChecksum(sum uint16, b []byte) uint16 {
	const lanes = 0x00FF00FF00FF00FF
	for len(b) >= 8 {
		block := b[:min(len(b)&^7, 128*8)]
		b = b[len(block):]
		var acc uint64
		for ; len(block) >= 8; block = block[8:] {
			w := binary.LittleEndian.Uint64(block)
			acc += w&lanes + w>>8&lanes
		}
		sum += uint16(acc) + uint16(acc>>16) + uint16(acc>>32) + uint16(acc>>48)
	}
	for _, x := range b {
		sum += uint16(x)
	}
	return sum
}
