package rtf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/mailconv/mailconv/mapi"
)

// A Reader decompresses the value of PidTagRtfCompressed as a stream, LZFu or
// MELA. It holds some 60 KiB whatever the size of the value.
//
// Sizes and checksum in the header are claims: text is delivered as far as the
// contents give it, and what does not fit is a problem. A value that is neither
// form fails with a [*mapi.FormatError], save that plain RTF without a header
// is passed through with a problem.
type Reader struct {
	src      io.Reader
	in       []byte // in[pos:end] is read and not used
	pos, end int
	off      int64 // of in[0] in the value
	err      error // of src
	done     error // what Read returns after the last byte

	started  bool
	stored   bool
	checked  bool // the CRC of a prefix of the contents was right
	compSize uint32
	rawSize  uint32
	wantCRC  uint32
	crc      uint32
	crcAt    int64 // contents summed so far
	zeros    int64 // held back: padding, unless more follows

	// out is the dictionary, as the last bytes of what was written, and after
	// it what was not delivered yet: out[next:fill].
	out        []byte
	next, fill int
	total      int64 // bytes of text made

	problems mapi.Problems
}

const (
	readSize   = 16 << 10
	windowSize = 44 << 10
)

// NewReader decompresses r.
func NewReader(r io.Reader) *Reader { return &Reader{src: r} }

// Reset starts again on another value; buffers are used again.
func (d *Reader) Reset(r io.Reader) {
	*d = Reader{src: r, in: d.in, out: d.out}
}

// Problems is what was wrong so far; complete once Read has returned io.EOF.
func (d *Reader) Problems() mapi.Problems { return d.problems }

// Size is RAWSIZE, the number of bytes that the header promises; 0 before the
// first Read.
func (d *Reader) Size() int64 { return int64(d.rawSize) }

// Read implements [io.Reader].
func (d *Reader) Read(p []byte) (int, error) {
	if !d.started {
		d.started = true
		if d.in == nil {
			d.in = make([]byte, readSize)
			d.out = make([]byte, windowSize)
		}
		clear(d.out[:dictSize-len(preset)])
		copy(d.out[dictSize-len(preset):], preset)
		d.next, d.fill = dictSize, dictSize
		d.done = d.header()
	}
	for d.next == d.fill {
		if d.done != nil {
			return 0, d.done
		}
		if len(p) == 0 {
			return 0, nil
		}
		if d.stored {
			return d.readStored(p)
		}
		d.expand()
	}
	n := copy(p, d.out[d.next:d.fill])
	d.next += n
	return n, nil
}

// need makes n bytes of input ready, or as many as there are.
func (d *Reader) need(n int) int {
	for d.end-d.pos < n && d.err == nil {
		if d.pos > 0 {
			d.sum(d.in[:d.pos])
			d.off += int64(d.pos)
			d.end = copy(d.in, d.in[d.pos:d.end])
			d.pos = 0
		}
		var k int
		k, d.err = read(d.src, d.in[d.end:])
		d.end += k
	}
	return min(n, d.end-d.pos)
}

// sum takes used input into the CRC, and looks at it where COMPSIZE ends.
func (d *Reader) sum(p []byte) {
	if skip := headerSize - d.off; skip > 0 {
		p = p[min(int64(len(p)), skip):]
	}
	if limit := int64(d.compSize) - 12; d.crcAt < limit && d.crcAt+int64(len(p)) >= limit {
		k := limit - d.crcAt
		d.crc = updateCRC(d.crc, p[:k])
		d.crcAt = limit
		p = p[k:]
		d.checked = d.checked || d.crc == d.wantCRC
	}
	d.crc = updateCRC(d.crc, p)
	d.crcAt += int64(len(p))
}

func (d *Reader) problem(severe bool, off int64, field, format string, args ...any) {
	d.problems.Add(mapi.Problem{
		Severe: severe, Where: "PidTagRtfCompressed", Offset: off, Field: field,
		Detail: fmt.Sprintf(format, args...), Spec: "[MS-OXRTFCP] 2.1.3.1.1",
	})
}

func formatError(off int64, field, detail string) error {
	return &mapi.FormatError{Format: "rtf", Problem: mapi.Problem{
		Severe: true, Where: "PidTagRtfCompressed", Offset: off, Field: field,
		Detail: detail, Spec: "[MS-OXRTFCP] 2.1.3.1.1",
	}}
}

func (d *Reader) header() error {
	n := d.need(headerSize)
	if d.err != nil && !errors.Is(d.err, io.EOF) {
		return d.err
	}
	h := d.in[:n]
	if n >= 5 && string(h[:5]) == "{\\rtf" {
		// QUIRK: plain RTF where a compressed value belongs; some converters
		// write that.
		d.problem(false, 0, "COMPTYPE", "plain RTF without a header")
		d.stored, d.checked = true, true
		return nil
	}
	if n < headerSize {
		return formatError(0, "COMPSIZE", fmt.Sprintf("%d bytes, fewer than the header of 16", n))
	}
	d.compSize = binary.LittleEndian.Uint32(h)
	d.rawSize = binary.LittleEndian.Uint32(h[4:])
	d.wantCRC = binary.LittleEndian.Uint32(h[12:])
	d.pos = headerSize
	switch magic := binary.LittleEndian.Uint32(h[8:]); magic {
	case magicLZFu:
	case magicMELA:
		d.stored = true
		if d.wantCRC != 0 {
			d.problem(false, 12, "CRC", "0x%08X where MELA has 0", d.wantCRC)
		}
		d.checked = true
	default:
		return formatError(8, "COMPTYPE", fmt.Sprintf("0x%08X is neither LZFu nor MELA", magic))
	}
	return nil
}

// expand fills the window behind the dictionary with more text.
func (d *Reader) expand() {
	// Slide: keep the last 4096 bytes as the dictionary.
	if d.fill > len(d.out)/2 {
		copy(d.out, d.out[d.fill-dictSize:d.fill])
		d.next, d.fill = dictSize, dictSize
	}
	limit := len(d.out) - 8*maxMatch
	for d.fill < limit {
		// A run is at most 1 + 8*2 bytes.
		if n := d.need(17); n < 17 {
			d.lastRun(n)
			return
		}
		if d.run(d.in[d.pos:d.pos+17], false) {
			return
		}
	}
}

// run expands one control byte and its tokens out of b, and reports whether it
// met the end.
func (d *Reader) run(b []byte, last bool) bool {
	control := b[0]
	i := 1
	out, fill := d.out, d.fill
	// The next place in the dictionary of 4096 bytes, as offsets count it.
	place := len(preset) + int(d.total&(dictSize-1))
	start := fill
	for bit := 0; bit < 8; bit++ {
		if control&1 == 0 {
			if i >= len(b) {
				break
			}
			out[fill] = b[i]
			fill++
			i++
		} else {
			if i+2 > len(b) {
				if last && i < len(b) {
					i = len(b)
				}
				break
			}
			ref := int(b[i])<<8 | int(b[i+1])
			i += 2
			length := ref&15 + minMatch
			distance := (place + (fill - start) - ref>>4) & (dictSize - 1)
			if distance == 0 {
				d.pos += i
				d.total += int64(fill - start)
				d.fill = fill
				d.finish(true)
				return true
			}
			if distance >= length {
				copy(out[fill:fill+length], out[fill-distance:])
			} else {
				for k := range length {
					out[fill+k] = out[fill+k-distance]
				}
			}
			fill += length
		}
		control >>= 1
	}
	d.pos += i
	d.total += int64(fill - start)
	d.fill = fill
	return false
}

// lastRun expands what is left when the input has no whole run any more.
func (d *Reader) lastRun(n int) {
	if n > 0 && !d.run(d.in[d.pos:d.pos+n], true) && d.pos < d.end {
		return
	}
	if d.done == nil && d.need(1) == 0 {
		d.finish(false)
	}
}

// finish reads to the end of the input and compares the text with the header.
func (d *Reader) finish(marked bool) {
	end := d.off + int64(d.pos)
	d.sum(d.in[:d.pos])
	d.off, d.pos, d.end = end, 0, copy(d.in, d.in[d.pos:d.end])
	d.checked = d.checked || d.crc == d.wantCRC
	for d.need(1) > 0 {
		d.pos = d.end
	}
	d.sum(d.in[:d.pos])
	d.checked = d.checked || d.crc == d.wantCRC
	total := d.off + int64(d.pos)
	d.pos, d.end = 0, 0
	d.done = d.err
	if d.err != io.EOF {
		return
	}
	short := d.total < int64(d.rawSize)
	if !marked && (short || d.total == 0) {
		d.problem(true, end, "contents", "ends without an end mark after %d of %d bytes of text", d.total, d.rawSize)
	} else if !marked {
		d.problem(false, end, "contents", "no end mark")
	}
	d.compareSizes(total, short && marked)
	if !d.checked {
		d.problem(false, 12, "CRC", "0x%08X, the contents give 0x%08X", d.wantCRC, d.crc)
	}
}

// compareSizes tells where the header's sizes are wrong. The end mark decides,
// so that costs nothing.
//
// QUIRK: [MS-OXRTFCP] 2.1.3.1.1 has RAWSIZE count the text; some writers add the
// 12 bytes of header that only COMPSIZE counts (corpus
// msg/aspose.email-for-.net/Message.msg).
func (d *Reader) compareSizes(total int64, short bool) {
	if d.total != int64(d.rawSize) {
		d.problem(false, 4, "RAWSIZE", "%d, the text has %d bytes", d.rawSize, d.total)
	}
	if want := total - 4; int64(d.compSize) != want {
		// Padding after the contents is allowed and counted by some writers
		// only.
		if d.stored || int64(d.compSize) > want || short {
			d.problem(false, 0, "COMPSIZE", "%d, the value has %d bytes after this field", d.compSize, want)
		}
	}
}

// readStored delivers MELA contents. All that is there counts as text: a size
// that is off by the 12 bytes of header must not cut the end. Zeros past the
// size are padding.
func (d *Reader) readStored(p []byte) (int, error) {
	for {
		if d.need(1) == 0 {
			if d.err != io.EOF {
				d.done = d.err
				return 0, d.done
			}
			if d.wantsSizes() {
				if d.total < int64(d.rawSize) && int64(d.rawSize)-d.total != 12 {
					d.problem(true, d.off, "contents", "ends after %d of %d bytes of text", d.total, d.rawSize)
				}
				d.compareSizes(d.off+int64(d.pos), true)
			}
			d.done = io.EOF
			return 0, io.EOF
		}
		b := d.in[d.pos:d.end]
		if d.wantsSizes() && d.total >= int64(d.rawSize) {
			k := 0
			for k < len(b) && b[k] == 0 {
				k++
			}
			d.zeros += int64(k)
			d.pos += k
			if b = b[k:]; len(b) == 0 {
				continue
			}
			if d.zeros > 0 {
				n := int(min(int64(len(p)), d.zeros))
				clear(p[:n])
				d.zeros -= int64(n)
				d.total += int64(n)
				return n, nil
			}
		} else if left := int64(d.rawSize) - d.total; d.wantsSizes() && int64(len(b)) > left {
			b = b[:left]
		}
		n := copy(p, b)
		d.pos += n
		d.total += int64(n)
		return n, nil
	}
}

// wantsSizes says that there was a header.
func (d *Reader) wantsSizes() bool { return d.compSize != 0 || d.rawSize != 0 }
