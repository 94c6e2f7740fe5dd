// Package cursor reads a bounded range of a random-access source from front to
// back: the small reads of a binary format without one system call each, and
// without trust in any length that the format states.
package cursor

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// ErrShort says that fewer bytes are left than were asked for.
var ErrShort = errors.New("input ends here")

// window is how much is read at a time. It is small, as cursors nest: one for
// each level of embedded messages.
const window = 4 << 10

// A Cursor is a position within [start, end) of a source.
type Cursor struct {
	r   io.ReaderAt
	pos int64
	end int64

	buf  []byte // bytes of the source from base on
	base int64
}

// New makes a cursor over n bytes at off.
func New(r io.ReaderAt, off, n int64) *Cursor {
	return &Cursor{r: r, pos: off, end: off + n}
}

// Pos is the offset in the source of the next byte.
func (c *Cursor) Pos() int64 { return c.pos }

// Left is the number of bytes up to the end.
func (c *Cursor) Left() int64 { return c.end - c.pos }

// Source is what the cursor reads.
func (c *Cursor) Source() io.ReaderAt { return c.r }

// Skip moves forward n bytes, at most to the end.
func (c *Cursor) Skip(n int64) error {
	if n < 0 || n > c.Left() {
		c.pos = c.end
		return ErrShort
	}
	c.pos += n
	return nil
}

// Peek gives the next n bytes, with n up to 512, without moving. The slice is
// valid until the next call.
func (c *Cursor) Peek(n int) ([]byte, error) {
	if int64(n) > c.Left() {
		return nil, ErrShort
	}
	if c.pos < c.base || c.pos+int64(n) > c.base+int64(len(c.buf)) {
		if err := c.fill(); err != nil {
			return nil, err
		}
		if n > len(c.buf) {
			return nil, ErrShort
		}
	}
	i := int(c.pos - c.base)
	return c.buf[i : i+n], nil
}

func (c *Cursor) fill() error {
	want := min(int64(window), c.Left())
	if int64(cap(c.buf)) < want {
		c.buf = make([]byte, want)
	}
	n, err := c.r.ReadAt(c.buf[:want], c.pos)
	c.buf, c.base = c.buf[:n], c.pos
	if int64(n) < want && err != nil && err != io.EOF {
		return fmt.Errorf("reading at offset 0x%X: %w", c.pos, err)
	}
	return nil
}

// take is Peek and Skip.
func (c *Cursor) take(n int) ([]byte, error) {
	b, err := c.Peek(n)
	if err == nil {
		c.pos += int64(n)
	}
	return b, err
}

// Uint8 reads one byte.
func (c *Cursor) Uint8() (uint8, error) {
	b, err := c.take(1)
	if err != nil {
		return 0, err
	}
	return b[0], nil
}

// Uint16 reads two bytes, little-endian.
func (c *Cursor) Uint16() (uint16, error) {
	b, err := c.take(2)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint16(b), nil
}

// Uint32 reads four bytes, little-endian.
func (c *Cursor) Uint32() (uint32, error) {
	b, err := c.take(4)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(b), nil
}

// Bytes reads n bytes into memory of their own. What is allocated is never
// more than what is left of the source.
func (c *Cursor) Bytes(n int64) ([]byte, error) {
	if n < 0 || n > c.Left() {
		return nil, ErrShort
	}
	if n <= 512 {
		b, err := c.take(int(n))
		if err != nil {
			return nil, err
		}
		return append(make([]byte, 0, n), b...), nil
	}
	b, err := Read(c.r, c.pos, n)
	if err == nil {
		c.pos += n
	}
	return b, err
}

// Read reads n bytes at off into memory of their own. The caller has held n
// against the size of the source.
func Read(r io.ReaderAt, off, n int64) ([]byte, error) {
	if n <= 0 {
		return nil, nil
	}
	b := make([]byte, n)
	k, err := r.ReadAt(b, off)
	if int64(k) < n {
		if err == nil || err == io.EOF {
			err = ErrShort
		}
		return nil, err
	}
	return b, nil
}
