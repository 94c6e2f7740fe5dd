package vcard

import (
	"bytes"
	"io"
	"unicode/utf16"

	"github.com/mailconv/mailconv/mapi"
)

const (
	windowSize = 64 << 10
	// maxUTF16 bounds a file in UTF-16, which is held as UTF-8.
	maxUTF16 = 16 << 20
)

// openSource skips a byte order mark, and turns UTF-16 into UTF-8.
func openSource(r io.ReaderAt, size int64) (src io.ReaderAt, start, end int64, err error) {
	var b [4]byte
	n, err := r.ReadAt(b[:min(4, max(size, 0))], 0)
	if err != nil && err != io.EOF {
		return nil, 0, 0, err
	}
	head := b[:n]
	switch {
	case bytes.HasPrefix(head, []byte("\xEF\xBB\xBF")):
		return r, 3, size, nil
	case bytes.HasPrefix(head, []byte("\xFF\xFE")):
		return wideSource(r, size, 2, false)
	case bytes.HasPrefix(head, []byte("\xFE\xFF")):
		return wideSource(r, size, 2, true)
	case len(head) == 4 && head[0] != 0 && head[1] == 0 && head[2] != 0 && head[3] == 0:
		return wideSource(r, size, 0, false)
	case len(head) == 4 && head[0] == 0 && head[1] != 0 && head[2] == 0 && head[3] != 0:
		return wideSource(r, size, 0, true)
	}
	return r, 0, size, nil
}

func wideSource(r io.ReaderAt, size, skip int64, big bool) (io.ReaderAt, int64, int64, error) {
	if size > maxUTF16 {
		return nil, 0, 0, &mapi.FormatError{Format: "vcf", Problem: mapi.Problem{
			Severe: true, Unsupported: true, Offset: 0, Detail: "a file in UTF-16 above 16 MiB; convert it to UTF-8 first",
		}}
	}
	raw, err := io.ReadAll(io.NewSectionReader(r, skip, size-skip))
	if err != nil {
		return nil, 0, 0, err
	}
	units := make([]uint16, len(raw)/2)
	for i := range units {
		lo, hi := raw[2*i], raw[2*i+1]
		if big {
			lo, hi = hi, lo
		}
		units[i] = uint16(hi)<<8 | uint16(lo)
	}
	text := []byte(string(utf16.Decode(units)))
	return bytes.NewReader(text), 0, int64(len(text)), nil
}

// lineEnd is the length of the line end that b begins with, or 0: CRLF, LF or
// CR.
//
// QUIRK: or CR CR LF, which is what a file becomes that was text twice (corpus
// vcf/calcard/033.vcf).
func lineEnd(b []byte) int {
	switch {
	case bytes.HasPrefix(b, []byte("\r\r\n")):
		return 3
	case bytes.HasPrefix(b, []byte("\r\n")):
		return 2
	case len(b) > 0 && (b[0] == '\r' || b[0] == '\n'):
		return 1
	}
	return 0
}

// A physical line: its first bytes, and where it lies.
type physical struct {
	prefix     []byte // at most windowSize; valid until the next line is read
	start, end int64
	next       int64 // start of the line behind it
}

// scanner cuts a source into lines. It holds one window of it.
type scanner struct {
	src  io.ReaderAt
	end  int64
	buf  []byte
	base int64 // position of buf in src
	n    int
	err  error
}

// window makes the bytes from off on available, some of them at least.
func (s *scanner) window(off int64) []byte {
	if off >= s.base && off < s.base+int64(s.n) {
		return s.buf[off-s.base : s.n]
	}
	return s.fill(off)
}

func (s *scanner) fill(off int64) []byte {
	if s.buf == nil {
		s.buf = make([]byte, windowSize)
	}
	s.base, s.n = off, 0
	if off >= s.end {
		return nil
	}
	n, err := s.src.ReadAt(s.buf[:min(int64(len(s.buf)), s.end-off)], off)
	if err != nil && err != io.EOF {
		s.err = err
	}
	s.n = n
	return s.buf[:n]
}

// line reads the line at off. ok is false at the end.
func (s *scanner) line(off int64) (p physical, ok bool) {
	w := s.window(off)
	if len(w) == 0 {
		return p, false
	}
	i := bytes.IndexAny(w, "\r\n")
	if i < 0 || i >= len(w)-2 {
		// The end is not in sight: look from the line's start on.
		if s.base != off {
			w = s.fill(off)
			i = bytes.IndexAny(w, "\r\n")
		}
	}
	p.start = off
	if i >= 0 && (i+2 < len(w) || off+int64(len(w)) >= s.end) {
		p.prefix = w[:i]
		p.end = off + int64(i)
		p.next = p.end + int64(lineEnd(w[i:]))
		return p, true
	}
	// A line longer than the window: its prefix is copied, as the window
	// moves on.
	p.prefix = bytes.Clone(w)
	if i >= 0 {
		p.prefix = p.prefix[:i]
	}
	at := off
	for {
		i := bytes.IndexAny(w, "\r\n")
		if i >= 0 {
			p.end = at + int64(i)
			p.next = p.end + int64(lineEnd(s.fill(p.end)))
			return p, true
		}
		at += int64(len(w))
		w = s.window(at)
		if len(w) == 0 {
			p.end, p.next = at, at
			return p, true
		}
	}
}
