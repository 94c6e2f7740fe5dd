// Package wire carries the structures of remote operations between memory and
// bytes. A structure is described once, by a function that names its fields in
// their order; a [Coder] walks it to read or to write. So both directions
// cannot disagree, and no field is forgotten in one of them.
package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/mailconv/mailconv/mapi"
)

// ErrShort says that fewer bytes are left than a field takes.
var ErrShort = errors.New("the buffer ends here")

// maxDepth bounds structures within structures.
const maxDepth = 64

// A Coder reads fields from a buffer, or appends them to one. The first error
// stays: after it reading gives zeros and writing does nothing. Writing changes
// no field, so several coders may write the same structure at once; one coder is
// not for use by several goroutines.
type Coder struct {
	// Charset is that of 8-bit strings in property values; nil is unknown.
	Charset mapi.Charset

	b       []byte
	off     int // of the next byte, when reading
	writing bool
	depth   int
	err     error
}

// NewReader reads b. What is read may share memory with it.
func NewReader(b []byte) *Coder { return &Coder{b: b} }

// NewWriter appends to b.
func NewWriter(b []byte) *Coder { return &Coder{b: b, writing: true} }

// Writing reports the direction.
func (c *Coder) Writing() bool { return c.writing }

// Reading reports whether fields are being filled.
func (c *Coder) Reading() bool { return !c.writing }

// Err is the first error.
func (c *Coder) Err() error { return c.err }

// Bytes is what was written.
func (c *Coder) Bytes() []byte { return c.b }

// Offset is that of the next byte.
func (c *Coder) Offset() int {
	if c.writing {
		return len(c.b)
	}
	return c.off
}

// Left is the number of bytes not yet read; after an error there are none.
func (c *Coder) Left() int {
	if c.writing || c.err != nil {
		return 0
	}
	return len(c.b) - c.off
}

// Fail keeps the first error, with its offset.
func (c *Coder) Fail(err error) {
	if c.err == nil && err != nil {
		c.err = fmt.Errorf("offset 0x%X: %w", c.Offset(), err)
	}
}

// Failf is Fail with a text.
func (c *Coder) Failf(format string, args ...any) { c.Fail(fmt.Errorf(format, args...)) }

// Enter counts one level of nesting, and fails when there are too many. Leave
// goes back.
func (c *Coder) Enter() {
	if c.depth++; c.depth > maxDepth {
		c.Failf("structures are nested deeper than %d", maxDepth)
	}
}

// Leave ends what Enter began.
func (c *Coder) Leave() { c.depth-- }

// take gives n bytes to read from; nil after an error.
func (c *Coder) take(n int) []byte {
	if c.err != nil {
		return nil
	}
	if n < 0 || n > len(c.b)-c.off {
		c.Fail(ErrShort)
		return nil
	}
	b := c.b[c.off : c.off+n : c.off+n]
	c.off += n
	return b
}

// Peek is the next byte; false at the end.
func (c *Coder) Peek() (byte, bool) {
	if c.Left() == 0 {
		return 0, false
	}
	return c.b[c.off], true
}

// Uint8 is one byte.
func (c *Coder) Uint8(p *uint8) {
	if c.writing {
		if c.err == nil {
			c.b = append(c.b, *p)
		}
		return
	}
	*p = 0
	if b := c.take(1); b != nil {
		*p = b[0]
	}
}

// Uint16 is two bytes, as all numbers low byte first.
func (c *Coder) Uint16(p *uint16) {
	if c.writing {
		if c.err == nil {
			c.b = binary.LittleEndian.AppendUint16(c.b, *p)
		}
		return
	}
	*p = 0
	if b := c.take(2); b != nil {
		*p = binary.LittleEndian.Uint16(b)
	}
}

// Uint32 is four bytes.
func (c *Coder) Uint32(p *uint32) {
	if c.writing {
		if c.err == nil {
			c.b = binary.LittleEndian.AppendUint32(c.b, *p)
		}
		return
	}
	*p = 0
	if b := c.take(4); b != nil {
		*p = binary.LittleEndian.Uint32(b)
	}
}

// Int32 is four bytes with a sign.
func (c *Coder) Int32(p *int32) {
	n := uint32(*p)
	if c.Uint32(&n); !c.writing {
		*p = int32(n)
	}
}

// Uint64 is eight bytes.
func (c *Coder) Uint64(p *uint64) {
	if c.writing {
		if c.err == nil {
			c.b = binary.LittleEndian.AppendUint64(c.b, *p)
		}
		return
	}
	*p = 0
	if b := c.take(8); b != nil {
		*p = binary.LittleEndian.Uint64(b)
	}
}

// Bool is one byte: 0, or 1 for true. Any other value is read as true.
func (c *Coder) Bool(p *bool) { c.flag(p, 1) }

// BoolFF is a byte that is 0xFF for true, as address book bodies have it.
func (c *Coder) BoolFF(p *bool) { c.flag(p, 0xFF) }

func (c *Coder) flag(p *bool, yes uint8) {
	var n uint8
	if *p {
		n = yes
	}
	if c.Uint8(&n); !c.writing {
		*p = n != 0
	}
}

// Fixed is a field of the size of b.
func (c *Coder) Fixed(b []byte) {
	if c.writing {
		if c.err == nil {
			c.b = append(c.b, b...)
		}
		return
	}
	if src := c.take(len(b)); src != nil {
		copy(b, src)
	} else {
		clear(b)
	}
}

// GUID is 16 bytes.
func (c *Coder) GUID(p *mapi.GUID) { c.Fixed(p[:]) }

// Tag is a property tag: its type, then its identifier. [MS-OXCDATA] 2.9
func (c *Coder) Tag(p *mapi.Tag) {
	n := uint32(*p)
	if c.Uint32(&n); !c.writing {
		*p = mapi.Tag(n)
	}
}

// Raw is n bytes; when writing, as many as there are.
func (c *Coder) Raw(p *[]byte, n int) {
	if c.writing {
		c.Fixed(*p)
		return
	}
	*p = c.take(n)
}

// Rest is all bytes that are left.
func (c *Coder) Rest(p *[]byte) { c.Raw(p, c.Left()) }

// count reads or writes the number of something, in 1, 2 or 4 bytes.
func (c *Coder) count(width, n int) int {
	switch width {
	case 1:
		if n > math.MaxUint8 {
			c.Failf("%w: %d where a byte counts", mapi.ErrTooLarge, n)
		}
		u := uint8(n)
		c.Uint8(&u)
		return int(u)
	case 2:
		if n > math.MaxUint16 {
			c.Failf("%w: %d where 16 bits count", mapi.ErrTooLarge, n)
		}
		u := uint16(n)
		c.Uint16(&u)
		return int(u)
	}
	if uint64(n) > math.MaxUint32 {
		c.Failf("%w: %d where 32 bits count", mapi.ErrTooLarge, n)
	}
	u := uint32(n)
	c.Uint32(&u)
	return int(u)
}

// Data is bytes after their number, which has width bytes.
func (c *Coder) Data(p *[]byte, width int) {
	n := c.count(width, len(*p))
	c.Raw(p, n)
}

// Sized runs body on as many bytes as a number of width bytes says. What body
// does not read of them is an error.
func (c *Coder) Sized(width int, body func(c *Coder)) {
	if c.writing {
		c.sizedWrite(width, body)
		return
	}
	b := c.take(c.count(width, 0))
	if c.err != nil {
		return
	}
	sub := *c
	sub.b = c.b[:c.off]
	sub.off = c.off - len(b)
	body(&sub)
	if sub.err == nil && sub.off < len(sub.b) {
		sub.Failf("%d bytes more than the structure has", len(sub.b)-sub.off)
	}
	c.err = sub.err
}

func (c *Coder) sizedWrite(width int, body func(c *Coder)) {
	at := len(c.b)
	c.count(width, 0)
	start := len(c.b)
	body(c)
	if c.err != nil {
		return
	}
	n := len(c.b) - start
	size := NewWriter(nil)
	size.count(width, n)
	if size.err != nil {
		c.Fail(size.err)
		return
	}
	copy(c.b[at:], size.b)
}

// List is a number of width bytes, and as many elements. One element takes
// least bytes or more, so that a claim is held against what is left.
func List[T any](c *Coder, p *[]T, width, least int, each func(c *Coder, e *T)) {
	n := c.count(width, len(*p))
	Items(c, p, n, least, each)
}

// Items is n elements whose number is told elsewhere.
func Items[T any](c *Coder, p *[]T, n, least int, each func(c *Coder, e *T)) {
	if c.writing {
		for i := range *p {
			each(c, &(*p)[i])
		}
		return
	}
	*p = nil
	if c.err != nil || n == 0 {
		return
	}
	if n < 0 || least > 0 && n > c.Left()/least {
		c.Failf("%d elements claimed with %d bytes left: %w", n, c.Left(), ErrShort)
		return
	}
	list := make([]T, 0, min(n, 4096))
	for range n {
		var e T
		each(c, &e)
		if c.err != nil {
			return
		}
		list = append(list, e)
	}
	*p = list
}

// Tags is a list of property tags.
func (c *Coder) Tags(p *[]mapi.Tag, width int) {
	List(c, p, width, 4, func(c *Coder, t *mapi.Tag) { c.Tag(t) })
}

// Uint64s is a list of numbers.
func (c *Coder) Uint64s(p *[]uint64, width int) {
	List(c, p, width, 8, func(c *Coder, n *uint64) { c.Uint64(n) })
}

// Uint16s is a list of numbers.
func (c *Coder) Uint16s(p *[]uint16, width int) {
	List(c, p, width, 2, func(c *Coder, n *uint16) { c.Uint16(n) })
}

// Uint32s is a list of numbers.
func (c *Coder) Uint32s(p *[]uint32, width int) {
	List(c, p, width, 4, func(c *Coder, n *uint32) { c.Uint32(n) })
}

// String8 is bytes up to a zero, without a code page. What follows a zero in
// a string that is written is left out.
func (c *Coder) String8(p *string) {
	if c.writing {
		b, _, _ := bytes.Cut([]byte(*p), []byte{0})
		c.Fixed(b)
		c.Fixed([]byte{0})
		return
	}
	*p = string(c.until8())
}

// String16 is UTF-16 up to a zero.
func (c *Coder) String16(p *string) {
	if c.writing {
		c.write16(mapi.EncodeUTF16(*p))
		return
	}
	*p = mapi.DecodeUTF16(c.until16())
}

// Text is a string in one of the two forms.
func (c *Coder) Text(p *string, unicode bool) {
	if unicode {
		c.String16(p)
	} else {
		c.String8(p)
	}
}

func (c *Coder) until8() []byte {
	if c.err != nil {
		return nil
	}
	n := bytes.IndexByte(c.b[c.off:], 0)
	if n < 0 {
		c.Failf("a string without an end: %w", ErrShort)
		return nil
	}
	b := c.take(n)
	c.take(1)
	return b
}

func (c *Coder) until16() []byte {
	if c.err != nil {
		return nil
	}
	for i := c.off; i+1 < len(c.b); i += 2 {
		if c.b[i] == 0 && c.b[i+1] == 0 {
			b := c.take(i - c.off)
			c.take(2)
			return b
		}
	}
	c.Failf("a string without an end: %w", ErrShort)
	return nil
}

func (c *Coder) write16(b []byte) {
	for i := 0; i+1 < len(b); i += 2 {
		if b[i] == 0 && b[i+1] == 0 {
			b = b[:i]
			break
		}
	}
	c.Fixed(b[:len(b)&^1])
	c.Fixed([]byte{0, 0})
}
