package rtf

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"sync"

	"github.com/mailconv/mailconv/mapi"
)

// heldLimit is how much compressed output [Compress] holds to learn its size;
// of a larger body it makes two passes.
const heldLimit = 1 << 20

// Compress writes src as a value of PidTagRtfCompressed, LZFu. The choice of
// references is the best that the format allows over the matches found, and
// the output depends only on the input.
func Compress(ctx context.Context, w io.Writer, src mapi.Blob) error {
	if src.Size() > 0x7FFFFFFF {
		return fmt.Errorf("rtf: %w: %d bytes, RAWSIZE holds 31 bits", mapi.ErrTooLarge, src.Size())
	}
	e := newEncoder()
	defer encoders.Put(e)
	if err := e.encode(ctx, src); err != nil {
		return err
	}
	if _, err := w.Write(e.header(uint32(src.Size()), 0)); err != nil {
		return err
	}
	if e.hold {
		_, err := w.Write(e.buf)
		return err
	}
	again := newEncoder()
	defer encoders.Put(again)
	again.hold, again.w = false, w
	defer func() { again.w = nil }()
	if err := again.encode(ctx, src); err != nil {
		return err
	}
	if again.crc != e.crc || again.size != e.size {
		return fmt.Errorf("rtf: the source changed between two passes")
	}
	return nil
}

// Compressed is [Compress] for RTF in memory.
func Compressed(rtf []byte) []byte {
	e := newEncoder()
	defer encoders.Put(e)
	e.unbounded = true
	e.add(rtf)
	e.end()
	value := append(e.header(uint32(len(rtf)), len(e.buf)), e.buf...)
	if cap(e.buf) > heldLimit {
		e.buf = nil
	}
	return value
}

// Store writes src as a value of PidTagRtfCompressed without compression, MELA.
func Store(ctx context.Context, w io.Writer, src mapi.Blob) error {
	if src.Size() > 0x7FFFFFFF {
		return fmt.Errorf("rtf: %w: %d bytes, RAWSIZE holds 31 bits", mapi.ErrTooLarge, src.Size())
	}
	h := make([]byte, headerSize)
	binary.LittleEndian.PutUint32(h, uint32(src.Size()+12))
	binary.LittleEndian.PutUint32(h[4:], uint32(src.Size()))
	binary.LittleEndian.PutUint32(h[8:], magicMELA)
	if _, err := w.Write(h); err != nil {
		return err
	}
	r, err := src.Open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(w, r)
	return err
}

const (
	blockSize = 32 << 10
	hashBits  = 14
	// maxChain bounds the search for a match; the best is nearly always among
	// the nearest.
	maxChain = 64
	// goodMatch is a length from which on the search is shorter.
	goodMatch = 8
)

// An encoder finds, for each place of a block, the longest match in the 4095
// bytes before it, then walks the block backwards to choose the cheapest mix of
// bytes (9 bits with their control bit) and references (17 bits).
type encoder struct {
	// hold keeps the output in buf, until it passes heldLimit; then it is only
	// counted. Without hold it goes to w.
	hold, unbounded bool
	buf             []byte
	w               io.Writer
	err             error
	crc             uint32
	size            int64

	win   []byte               // dictionary and block
	start int                  // of the block in win
	place int                  // of win[start] in the dictionary of 4096 bytes
	head  [1 << hashBits]int32 // the last place of each three bytes, + 1
	prev  []int32              // the place before it with the same hash, + 1
	pairs [1 << 16]int32       // the last place of each two bytes, + 1

	// For each place of the block: the longest match, and by the way back the
	// bits from here to its end and the bytes of the token to take.
	length   []uint8
	distance []uint16
	cost     []uint32
	step     []uint8

	run    [17]byte // control byte and tokens of the run in the making
	runLen int
	bits   int
}

// encoders are used again: their tables are large and end empty.
var encoders = sync.Pool{New: func() any {
	return &encoder{
		win: make([]byte, 0, dictSize+blockSize), prev: make([]int32, dictSize+blockSize),
		length: make([]uint8, blockSize), distance: make([]uint16, blockSize),
		cost: make([]uint32, blockSize+1), step: make([]uint8, blockSize),
	}
}}

func newEncoder() *encoder {
	e := encoders.Get().(*encoder)
	e.hold, e.unbounded, e.err = true, false, nil
	e.crc, e.size, e.buf = 0, 0, e.buf[:0]
	e.win = append(e.win[:0], preset...)
	e.start, e.place = len(e.win), len(e.win)
	e.bits = 0
	return e
}

// header makes the header, with room for as many bytes behind it.
func (e *encoder) header(raw uint32, room int) []byte {
	h := make([]byte, headerSize, headerSize+room)
	binary.LittleEndian.PutUint32(h, uint32(e.size)+12)
	binary.LittleEndian.PutUint32(h[4:], raw)
	binary.LittleEndian.PutUint32(h[8:], magicLZFu)
	binary.LittleEndian.PutUint32(h[12:], e.crc)
	return h
}

func (e *encoder) encode(ctx context.Context, src mapi.Blob) error {
	r, err := src.Open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	buf := make([]byte, blockSize)
	var total int64
	for {
		n, err := io.ReadFull(r, buf)
		total += int64(n)
		e.add(buf[:n])
		if e.err != nil {
			return e.err
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			break
		}
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	if total != src.Size() {
		return fmt.Errorf("rtf: the source has %d bytes and says %d", total, src.Size())
	}
	e.end()
	return e.err
}

// add takes text. A block is coded when it is full.
func (e *encoder) add(p []byte) {
	for len(p) > 0 {
		n := min(len(p), e.start+blockSize-len(e.win))
		e.win = append(e.win, p[:n]...)
		p = p[n:]
		if len(e.win) == e.start+blockSize {
			e.block()
		}
	}
}

// end codes what is left and writes the end mark.
func (e *encoder) end() {
	if len(e.win) > e.start {
		e.block()
	}
	e.reference(e.place&(dictSize-1)<<4, 0)
	e.flushRun()
	if e.hold {
		e.crc, e.size = updateCRC(0, e.buf), int64(len(e.buf))
	} else {
		e.drain()
	}
}

func hash3(p []byte) uint32 {
	return (uint32(p[0])<<16 | uint32(p[1])<<8 | uint32(p[2])) * 0x9E3779B1 >> (32 - hashBits)
}

func pair(p []byte) uint32 { return uint32(p[0])<<8 | uint32(p[1]) }

// insert makes a place known to match.
func (e *encoder) insert(i int) {
	rest := e.win[i:]
	if len(rest) < 2 {
		return
	}
	e.pairs[pair(rest)] = int32(i + 1)
	if len(rest) >= 3 {
		h := hash3(rest)
		e.prev[i] = e.head[h]
		e.head[h] = int32(i + 1)
	}
}

func (e *encoder) block() {
	win, start := e.win, e.start
	n := len(win) - start
	// The hash holds nothing yet: it starts again with each block.
	for i := range start {
		e.insert(i)
	}
	for i := range n {
		e.match(i, win, start+i)
		e.insert(start + i)
	}
	e.choose(n)
	for i := 0; i < n; {
		if k := int(e.step[i]); k == 1 {
			e.literal(win[start+i])
			i++
		} else {
			place := e.place + i
			e.reference((place-int(e.distance[i]))&(dictSize-1)<<4, k-minMatch)
			i += k
		}
	}
	e.place = (e.place + n) & (dictSize - 1)
	// Keep the dictionary, start the hash again.
	keep := min(len(win), dictSize)
	copy(win, win[len(win)-keep:])
	e.win = win[:keep]
	e.start = keep
	clear(e.head[:])
	clear(e.pairs[:])
}

// match finds the longest match of the text at place at, of length[i] bytes
// distance[i] back; 0 where there is none.
func (e *encoder) match(i int, win []byte, at int) {
	best, distance := 0, 0
	rest := win[at:min(at+maxMatch, len(win))]
	chain := maxChain
	if i > 0 && e.length[i-1] > minMatch {
		// The match one place before goes on here.
		best, distance = int(e.length[i-1])-1, int(e.distance[i-1])
		for best < len(rest) && win[at-distance+best] == rest[best] {
			best++
		}
		if best >= goodMatch {
			chain = maxChain / 8
		}
	}
	if len(rest) >= 3 && best < len(rest) {
		cand := e.head[hash3(rest)]
		for ; cand > 0 && chain > 0; chain-- {
			c := int(cand - 1)
			if at-c >= dictSize {
				break
			}
			if win[c+best] == rest[best] {
				k := 0
				for k < len(rest) && win[c+k] == rest[k] {
					k++
				}
				if k > best {
					best, distance = k, at-c
					if k == len(rest) {
						break
					}
				}
			}
			cand = e.prev[c]
		}
	}
	if best < minMatch {
		best = 0
		if len(rest) >= 2 {
			if c := int(e.pairs[pair(rest)]) - 1; c >= 0 && at-c < dictSize {
				best, distance = 2, at-c
			}
		}
	}
	e.length[i], e.distance[i] = uint8(best), uint16(distance)
}

// choose sets step: how many bytes the token at each place takes. What follows
// a token costs the less the later it starts, so of all lengths of a reference
// only the longest matters.
func (e *encoder) choose(n int) {
	e.cost[n] = 0
	for i := n - 1; i >= 0; i-- {
		best, step := e.cost[i+1]+9, uint8(1)
		if k := e.length[i]; k >= minMatch {
			if c := e.cost[i+int(k)] + 17; c <= best {
				best, step = c, k
			}
		}
		e.cost[i], e.step[i] = best, step
	}
}

func (e *encoder) literal(b byte) {
	e.room()
	e.run[e.runLen] = b
	e.runLen++
	e.bits++
}

func (e *encoder) reference(place, length int) {
	e.room()
	e.run[0] |= 1 << e.bits
	e.run[e.runLen] = byte(place >> 8)
	e.run[e.runLen+1] = byte(place) | byte(length)
	e.runLen += 2
	e.bits++
}

func (e *encoder) room() {
	if e.bits == 8 {
		e.flushRun()
	}
	if e.bits == 0 {
		e.run[0] = 0
		e.runLen = 1
	}
}

func (e *encoder) flushRun() {
	if e.bits == 0 {
		return
	}
	e.buf = append(e.buf, e.run[:e.runLen]...)
	e.bits = 0
	if e.hold && !e.unbounded && len(e.buf) > heldLimit {
		e.hold = false
	}
	if !e.hold && len(e.buf) >= blockSize/2 {
		e.drain()
	}
}

// drain counts and sums what is in buf, and writes it where there is a writer.
func (e *encoder) drain() {
	e.crc = updateCRC(e.crc, e.buf)
	e.size += int64(len(e.buf))
	if e.w != nil && e.err == nil {
		_, e.err = e.w.Write(e.buf)
	}
	e.buf = e.buf[:0]
}
