package rtf

import "io"

// A scanner cuts RTF into tokens. Its buffer slides over the source, so a token
// is valid until the next call.
type scanner struct {
	src      io.Reader
	buf      []byte
	pos, end int
	base     int64 // offset of buf[0] in the source
	err      error

	// The token.
	name  [maxName]byte // of a control word
	nameN int
	param int
	has   bool // a parameter was there
	text  []byte
	ch    byte // a control symbol, or the byte of \'hh
}

const maxName = 32

type token int

const (
	tokEnd    token = iota
	tokOpen         // {
	tokClose        // }
	tokWord         // \name and parameter
	tokSymbol       // \ and a character
	tokHex          // \'hh
	tokText         // bytes without \ { } CR LF NUL
)

func (s *scanner) offset() int64 { return s.base + int64(s.pos) }

// ensure makes n bytes ready if there are as many, and says how many are.
func (s *scanner) ensure(n int) int {
	for s.end-s.pos < n && s.err == nil {
		if s.pos > 0 {
			s.base += int64(s.pos)
			s.end = copy(s.buf, s.buf[s.pos:s.end])
			s.pos = 0
		}
		var k int
		k, s.err = read(s.src, s.buf[s.end:])
		s.end += k
	}
	return s.end - s.pos
}

// read is one Read that brings something or fails.
func read(r io.Reader, p []byte) (int, error) {
	for range 100 {
		if n, err := r.Read(p); n > 0 || err != nil {
			return n, err
		}
	}
	return 0, io.ErrNoProgress
}

func (s *scanner) next() token {
	for {
		if s.pos >= s.end && s.ensure(1) == 0 {
			return tokEnd
		}
		switch c := s.buf[s.pos]; c {
		case '\r', '\n', 0:
			s.pos++
		case '{':
			s.pos++
			return tokOpen
		case '}':
			s.pos++
			return tokClose
		case '\\':
			return s.control()
		default:
			i := s.pos + 1
			for i < s.end && !special[s.buf[i]] {
				i++
			}
			s.text = s.buf[s.pos:i]
			s.pos = i
			return tokText
		}
	}
}

var special = [256]bool{'\\': true, '{': true, '}': true, '\r': true, '\n': true, 0: true}

// control reads a control word or symbol; the backslash is at pos.
func (s *scanner) control() token {
	n := s.ensure(64)
	if n < 2 {
		s.pos++
		return tokEnd
	}
	b := s.buf[s.pos+1 : s.pos+min(n, 64)]
	if !isLetter(b[0]) {
		s.ch = b[0]
		s.pos += 2
		if b[0] != '\'' {
			return tokSymbol
		}
		if len(b) < 3 {
			s.ch = '\''
			return tokSymbol
		}
		hi, lo := hexValue(b[1]), hexValue(b[2])
		if hi < 0 || lo < 0 {
			return tokSymbol
		}
		s.ch = byte(hi<<4 | lo)
		s.pos += 2
		return tokHex
	}
	i := 0
	for i < len(b) && i < maxName && isLetter(b[i]) {
		s.name[i] = b[i]
		i++
	}
	s.nameN = i
	s.has, s.param = false, 0
	// The rest of a name longer than any that is known makes it unknown.
	if i == maxName && i < len(b) && isLetter(b[i]) {
		s.nameN = 0
		s.pos += 1 + i
		for s.ensure(1) > 0 && isLetter(s.buf[s.pos]) {
			s.pos++
		}
		n = min(s.ensure(32), 32) // moves pos
		b, i = s.buf[s.pos:s.pos+n], 0
		s.pos--
	}
	neg := false
	if i+1 < len(b) && b[i] == '-' && isDigit(b[i+1]) {
		neg = true
		i++
	}
	for i < len(b) && isDigit(b[i]) {
		s.has = true
		if s.param < 1<<26 {
			s.param = s.param*10 + int(b[i]-'0')
		}
		i++
	}
	if neg {
		s.param = -s.param
	}
	if i < len(b) && b[i] == ' ' {
		i++
	}
	s.pos += 1 + i
	return tokWord
}

// skipBytes passes over n bytes of \bin data and reports how many there were.
func (s *scanner) skipBytes(n int) int {
	done := 0
	for done < n && s.ensure(1) > 0 {
		k := min(n-done, s.end-s.pos)
		s.pos += k
		done += k
	}
	return done
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }

func hexValue(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
