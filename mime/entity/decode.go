package entity

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"sync"
)

const bufferSize = 32 << 10

var buffers = sync.Pool{New: func() any { b := make([]byte, bufferSize); return &b }}

// A decoder turns the bytes at the start of src into bytes at the start of
// dst. It takes as much as it can; with last set, src is the end of the input.
// It may take nothing only while it needs more of src or of dst, and it never
// needs more than bufferSize of the one or minOutput of the other.
type decoder interface {
	decode(dst, src []byte, last bool) (nDst, nSrc int)
}

// minOutput is room for what one step of any decoder writes.
const minOutput = 128

// decodingReader runs a decoder over a stream.
type decodingReader struct {
	src    io.ReadCloser
	dec    decoder
	in     *[]byte
	i, n   int
	err    error  // of src
	out    []byte // decoded bytes for which a caller had no room
	spare  [minOutput]byte
	closed bool
}

// Read implements io.Reader.
func (d *decodingReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(d.out) > 0 {
		n := copy(p, d.out)
		d.out = d.out[n:]
		return n, nil
	}
	if d.closed {
		return 0, io.ErrClosedPipe
	}
	if d.in == nil {
		d.in = buffers.Get().(*[]byte)
	}
	for {
		if d.i < d.n || d.err != nil {
			src := (*d.in)[d.i:d.n]
			dst := p
			if len(p) < minOutput {
				dst = d.spare[:]
			}
			nd, ns := d.dec.decode(dst, src, d.err != nil)
			d.i += ns
			if nd > 0 {
				if len(p) < minOutput {
					d.out = dst[:nd]
					nd = copy(p, d.out)
					d.out = d.out[nd:]
				}
				return nd, nil
			}
			if d.err != nil {
				if ns > 0 {
					continue
				}
				return 0, d.err
			}
			if ns > 0 && d.i < d.n {
				continue
			}
		}
		d.n = copy(*d.in, (*d.in)[d.i:d.n])
		d.i = 0
		if d.n == len(*d.in) {
			// Cannot be: a decoder takes something of a full buffer.
			return 0, io.ErrShortBuffer
		}
		n, err := d.src.Read((*d.in)[d.n:])
		d.n += n
		d.err = err
	}
}

// Close implements io.Closer.
func (d *decodingReader) Close() error {
	if d.closed {
		return nil
	}
	d.closed = true
	if d.in != nil {
		buffers.Put(d.in)
		d.in = nil
	}
	return d.src.Close()
}

// base64Decoder is lenient: RFC 2045 6.8 tells to ignore what is no base64.
// Padding ends a run, not the body: further runs may follow. A line behind
// padding that holds anything else is text that somebody appended, and ends
// the body.
type base64Decoder struct {
	acc    uint32
	n      int // characters in acc
	padded bool
	// clean says that the rest of the line was seen to be base64.
	clean bool
	done  bool
	junk  int64 // characters that are no base64, blanks excepted
	cut   bool  // the input ended with a single character of a group
}

// damage says in one line what was wrong, "" when nothing was.
func (d *base64Decoder) damage() string {
	switch {
	case d.junk > 0 && d.cut:
		return fmt.Sprintf("%d characters are no base64, and the end is cut", d.junk)
	case d.junk > 0:
		return fmt.Sprintf("%d characters are no base64", d.junk)
	case d.cut:
		return "the base64 ends within a group of four characters"
	case d.done:
		return "text behind the end of the base64"
	}
	return ""
}

const invalid = 1 << 31

// base64Table gives the six bits of a character at each place of a group of
// four, or invalid.
var base64Table = func() (t [4][256]uint32) {
	for place := range t {
		for c := range t[place] {
			t[place][c] = invalid
		}
		for v, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
			t[place][c] = uint32(v) << (18 - 6*place)
		}
	}
	return t
}()

func (d *base64Decoder) decode(dst, src []byte, last bool) (nd, ns int) {
	if d.done {
		return 0, len(src)
	}
	t0, t1, t2, t3 := &base64Table[0], &base64Table[1], &base64Table[2], &base64Table[3]
	for ns < len(src) {
		if d.n == 0 && !d.padded {
			s := src[ns:]
			o := dst[nd:]
			for len(s) >= 8 && len(o) >= 8 {
				v := t0[s[0]] | t1[s[1]] | t2[s[2]] | t3[s[3]]
				w := t0[s[4]] | t1[s[5]] | t2[s[6]] | t3[s[7]]
				if (v|w)&invalid != 0 {
					break
				}
				binary.BigEndian.PutUint64(o, uint64(v)<<40|uint64(w)<<16)
				s, o = s[8:], o[6:]
			}
			ns, nd = len(src)-len(s), len(dst)-len(o)
			if ns == len(src) {
				break
			}
		}
		if len(dst)-nd < 3 {
			return nd, ns
		}
		c := src[ns]
		v := t3[c]
		switch {
		case v != invalid:
			if d.padded && !d.clean {
				ok, known := onlyBase64(src[ns:], last)
				if !known && len(src) < bufferSize && !last {
					return nd, ns
				}
				if known && !ok {
					d.done = true
					return nd, len(src)
				}
				d.clean = true
			}
			d.padded = false
			d.acc = d.acc<<6 | v
			if d.n++; d.n == 4 {
				dst[nd], dst[nd+1], dst[nd+2] = byte(d.acc>>16), byte(d.acc>>8), byte(d.acc)
				nd += 3
				d.acc, d.n = 0, 0
			}
		case c == '=':
			if d.n > 1 {
				nd += d.flush(dst[nd:])
				d.padded = true
			}
		case c == '\n':
			d.clean = false
		case d.padded && !d.clean && c > ' ':
			if ok, known := onlyBase64(src[ns:], last); known && !ok {
				d.done = true
				return nd, len(src)
			} else if !known && len(src) < bufferSize && !last {
				return nd, ns
			}
			d.junk++
		case c > ' ':
			d.junk++
		}
		ns++
	}
	if last && ns == len(src) && len(dst)-nd >= 3 {
		nd += d.flush(dst[nd:])
	}
	return nd, ns
}

// flush writes the bytes of a group that is not full. A single character says
// nothing.
func (d *base64Decoder) flush(dst []byte) int {
	n := 0
	switch d.n {
	case 1:
		d.cut = true
	case 2:
		dst[0] = byte(d.acc >> 4)
		n = 1
	case 3:
		dst[0], dst[1] = byte(d.acc>>10), byte(d.acc>>2)
		n = 2
	}
	d.acc, d.n = 0, 0
	return n
}

// onlyBase64 reports whether the rest of a line is base64; known says that the
// line was seen to its end.
func onlyBase64(b []byte, last bool) (ok, known bool) {
	for i, c := range b {
		switch {
		case c == '\n':
			return true, true
		case c == '\r' || c == '=' || base64Table[0][c] != invalid:
		case (c == ' ' || c == '\t') && len(bytes.TrimLeft(b[i:min(len(b), i+100)], " \t\r\n")) == 0:
			return true, true
		default:
			return false, true
		}
	}
	return true, last
}

// quotedPrintableDecoder is lenient: an escape that is none stands for itself,
// lower-case digits count, blanks at the end of a line are transport's. RFC
// 2045 6.7
type quotedPrintableDecoder struct{}

func (quotedPrintableDecoder) decode(dst, src []byte, last bool) (nd, ns int) {
	for ns < len(src) {
		line := src[ns:]
		eol := bytes.IndexByte(line, '\n')
		size := eol + 1
		whole := true
		if eol < 0 {
			if !last && len(line) < bufferSize/2 {
				return nd, ns
			}
			size = len(line)
			whole = last
		}
		text := line[:size]
		end := ""
		switch {
		case eol > 0 && text[eol-1] == '\r':
			text, end = text[:eol-1], "\r\n"
		case eol >= 0:
			text, end = text[:eol], "\n"
		}
		trimmed := bytes.TrimRight(text, " \t")
		if !whole {
			// A piece of a very long line: what may be an escape or the
			// blanks at its end waits.
			if len(trimmed) > len(text)-1024 {
				text = trimmed
			}
			if i := bytes.LastIndexByte(text, '='); i >= 0 && i > 0 && i >= len(text)-2 {
				text = text[:i]
			}
			size = len(text)
			trimmed = text
			if size == 0 {
				return nd, ns
			}
		}
		if len(trimmed)+len(end) > len(dst)-nd {
			if len(dst)-nd < minOutput/2 && nd > 0 {
				return nd, ns
			}
			// Take what fits, and stay in the line.
			n := min(len(trimmed), len(dst)-nd-len(end))
			if n <= 3 {
				return nd, ns
			}
			cut := trimmed[:n]
			if i := bytes.LastIndexByte(cut, '='); i > 0 && i >= n-2 {
				cut = cut[:i]
			}
			if len(cut) < len(trimmed) {
				nd += unquote(dst[nd:], cut)
				ns += len(cut)
				if nd > 0 {
					return nd, ns
				}
				continue
			}
		}
		ns += size
		if n := len(trimmed); whole && n > 0 && trimmed[n-1] == '=' {
			nd += unquote(dst[nd:], trimmed[:n-1]) // a soft line break
			continue
		}
		nd += unquote(dst[nd:], trimmed)
		nd += copy(dst[nd:], end)
	}
	return nd, ns
}

// unquote resolves the escapes of one line.
func unquote(dst, s []byte) (n int) {
	for {
		i := bytes.IndexByte(s, '=')
		if i < 0 {
			return n + copy(dst[n:], s)
		}
		n += copy(dst[n:], s[:i])
		if i+2 < len(s) && unhex[s[i+1]] < 16 && unhex[s[i+2]] < 16 {
			dst[n] = unhex[s[i+1]]<<4 | unhex[s[i+2]]
			n++
			s = s[i+3:]
			continue
		}
		dst[n] = '='
		n++
		s = s[i+1:]
	}
}

var unhex = func() (t [256]byte) {
	for c := range t {
		switch {
		case '0' <= c && c <= '9':
			t[c] = byte(c - '0')
		case 'A' <= c && c <= 'F':
			t[c] = byte(c - 'A' + 10)
		case 'a' <= c && c <= 'f':
			t[c] = byte(c - 'a' + 10)
		default:
			t[c] = 0xFF
		}
	}
	return t
}()

// uuDecoder reads what stands between "begin" and "end"; without a "begin"
// line it reads from the start. Several files follow one another.
type uuDecoder struct{ begun, ended bool }

func (d *uuDecoder) decode(dst, src []byte, last bool) (nd, ns int) {
	for ns < len(src) {
		line := src[ns:]
		eol := bytes.IndexByte(line, '\n')
		size := eol + 1
		if eol < 0 {
			if !last && len(line) < bufferSize/2 {
				return nd, ns
			}
			size = len(line)
		}
		line = bytes.TrimRight(line[:size], "\r\n")
		switch {
		case len(line) == 0:
		case !d.begun && isUUBegin(line):
			d.begun, d.ended = true, false
		case d.begun && string(line) == "end":
			d.begun, d.ended = false, true
		case d.begun || !d.ended && isUULine(line):
			if len(dst)-nd < 66 {
				return nd, ns
			}
			nd += uuLine(dst[nd:], line)
		}
		ns += size
	}
	return nd, ns
}

// isUUBegin reports whether a line is "begin", an octal mode and a name.
func isUUBegin(line []byte) bool {
	rest, ok := bytes.CutPrefix(line, []byte("begin "))
	if !ok {
		return false
	}
	mode, name, ok := bytes.Cut(bytes.TrimLeft(rest, " "), []byte(" "))
	if !ok || len(mode) < 3 || len(mode) > 5 || len(bytes.TrimSpace(name)) == 0 {
		return false
	}
	for _, c := range mode {
		if c < '0' || c > '7' {
			return false
		}
	}
	return true
}

// isUULine reports whether a line has the length that its first character
// states.
func isUULine(line []byte) bool {
	if len(line) == 0 || line[0] < ' ' || line[0] > '`' {
		return false
	}
	n := int(line[0]-' ') & 63
	need := 1 + (n+2)/3*4
	return n == 0 && len(line) <= 2 || n > 0 && n <= 45 && len(line) >= need-2 && len(line) <= need+2
}

// uuLine decodes one line; blanks cut from its end count as zeros.
func uuLine(dst, line []byte) int {
	want := int(line[0]-' ') & 63
	line = line[1:]
	n := 0
	for n < want {
		var q [4]byte
		for k := range q {
			if k < len(line) {
				q[k] = (line[k] - ' ') & 63
			}
		}
		b := [3]byte{q[0]<<2 | q[1]>>4, q[1]<<4 | q[2]>>2, q[2]<<6 | q[3]}
		n += copy(dst[n:], b[:min(3, want-n)])
		if len(line) <= 4 {
			line = nil
		} else {
			line = line[4:]
		}
	}
	return n
}

// lineDecoder turns LF and CR CR LF into CRLF, or (cr) each CR.
type lineDecoder struct{ cr bool }

func (d lineDecoder) decode(dst, src []byte, last bool) (nd, ns int) {
	eol := byte('\n')
	if d.cr {
		eol = '\r'
	}
	for ns < len(src) {
		run := src[ns:]
		i := bytes.IndexByte(run, eol)
		if i >= 0 {
			run = run[:i]
		}
		text := run
		if !d.cr && (i >= 0 || !last) {
			text = bytes.TrimRight(run, "\r")
		}
		if i < 0 && len(text) == 0 && len(run) > bufferSize/2 {
			text = run // a heap of CR is no line end
		}
		n := copy(dst[nd:], text)
		nd, ns = nd+n, ns+n
		if n < len(text) || i < 0 {
			return nd, ns
		}
		if len(dst)-nd < 2 {
			return nd, ns
		}
		dst[nd], dst[nd+1] = '\r', '\n'
		nd, ns = nd+2, ns+len(run)-n+1
	}
	return nd, ns
}
