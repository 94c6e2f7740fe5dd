package pop3

import (
	"bufio"
	"bytes"
	"io"
)

// body reads a multi-line reply as the bytes of a mail: a dot at the begin of a
// line is taken off, a line of one dot ends it. Lines may have any length, and
// only CRLF ends one: a bare LF is a byte of the mail. RFC 1939 3
type body struct {
	r *bufio.Reader
	// bareLF is set for a server that ends its own lines with LF alone; then
	// LF ends those of the mail too.
	bareLF bool
	inLine bool // what comes next is not the begin of a line
	cr     bool // the last byte was CR
	rest   []byte
	done   bool
	err    error
}

// Read implements io.Reader. It gives io.EOF only behind the final dot.
func (b *body) Read(p []byte) (int, error) {
	for len(b.rest) == 0 {
		if b.done {
			return 0, io.EOF
		}
		if b.err != nil {
			return 0, b.err
		}
		b.next()
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

// next takes a line, or as much of it as the buffer holds.
func (b *body) next() {
	line, err := b.r.ReadSlice('\n')
	if err != nil && err != bufio.ErrBufferFull {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		b.err = err // half a line is of no use: the mail is not whole
		return
	}
	if len(line) == 0 {
		return
	}
	if !b.inLine && line[0] == '.' {
		if bytes.Equal(line, []byte(".\r\n")) || b.bareLF && bytes.Equal(line, []byte(".\n")) {
			b.done = true
			return
		}
		b.cr = false
		line = line[1:]
	}
	b.rest = line
	b.inLine = true
	if n := len(line); n > 0 {
		if line[n-1] == '\n' {
			b.inLine = !b.bareLF && !(n > 1 && line[n-2] == '\r' || n == 1 && b.cr)
		}
		b.cr = line[n-1] == '\r'
	}
}
