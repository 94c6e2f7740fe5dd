package fasttransfer

import (
	"encoding/binary"
	"fmt"
	"testing"
)

// A checker reads a stream by the grammar of [MS-OXCFXICS] 2.2.4 and accepts
// nothing else. It shares no code with the lexer.
type checker struct {
	b     []byte
	pos   int
	atoms [][2]int // the places that no buffer may split
	err   error
}

// wire markers, once more, by number.
const (
	cNewAttach  = 0x40000003
	cStartEmbed = 0x40010003
	cEndEmbed   = 0x40020003
	cStartRecip = 0x40030003
	cEndToRecip = 0x40040003
	cEndAttach  = 0x400E0003
)

var cMarkers = map[uint32]bool{}

func init() {
	for _, m := range []uint32{
		0x40090003, 0x400B0003, 0x400A0003, 0x400C0003, 0x400D0003, 0x40100003, 0x40010003, 0x40020003,
		0x40030003, 0x40040003, 0x40000003, 0x400E0003, 0x40120003, 0x407D0003, 0x40130003, 0x40140003, 0x402F0003, 0x403A0003,
		0x403B0003, 0x4074000B, 0x4075000B, 0x40150003, 0x407B0102, 0x40180003,
	} {
		cMarkers[m] = true
	}
}

// cMeta are the meta-properties of 2.2.4.1.5, which a propList SHOULD NOT have.
var cMeta = map[uint32]bool{0x40160003: true, 0x400F0003: true, 0x40110102: true, 0x407C0003: true, 0x407A0003: true, 0x4008001E: true}

func (c *checker) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("offset 0x%X: %s", c.pos, fmt.Sprintf(format, args...))
	}
	c.pos = len(c.b)
}

func (c *checker) need(n int) []byte {
	if n < 0 || n > len(c.b)-c.pos {
		c.fail("%d bytes are missing", n-(len(c.b)-c.pos))
		return make([]byte, max(n, 0))[:max(0, min(n, 64))]
	}
	b := c.b[c.pos : c.pos+n]
	c.pos += n
	return b
}

func (c *checker) atom(n int) []byte {
	at := c.pos
	b := c.need(n)
	c.atoms = append(c.atoms, [2]int{at, c.pos})
	return b
}

// count reads a length or a number of values.
func (c *checker) count() int {
	if b := c.atom(4); len(b) == 4 {
		return int(binary.LittleEndian.Uint32(b))
	}
	return 0
}

func (c *checker) peek() uint32 {
	if len(c.b)-c.pos < 4 {
		return 0
	}
	return binary.LittleEndian.Uint32(c.b[c.pos:])
}

func (c *checker) marker(want uint32) {
	if c.peek() != want {
		c.fail("0x%08X in the place of 0x%08X", c.peek(), want)
		return
	}
	c.atom(4)
}

var cFixed = map[uint16]int{2: 2, 3: 4, 4: 4, 5: 8, 6: 8, 7: 8, 0xB: 2, 0x14: 8, 0x40: 8, 0x48: 16}

func cVariable(t uint16) bool {
	return t&0x8000 != 0 || t == 0x1E || t == 0x1F || t == 0x102 || t == 0xFB || t == 0xD
}

func (c *checker) sized(t uint16) {
	n := c.count()
	b := c.need(n)
	if c.err != nil {
		return
	}
	switch {
	case t == 0x1F || t == 0x84B0:
		if n < 2 || b[n-1] != 0 || b[n-2] != 0 {
			c.fail("a PtypString does not end in zeros")
		}
	case t == 0x1E || t&0x8000 != 0:
		if n < 1 || b[n-1] != 0 {
			c.fail("a PtypString8 does not end in a zero")
		}
	}
}

// property reads a propValue and gives its tag.
func (c *checker) property() uint32 {
	tag := c.peek()
	if tag == 0 || cMarkers[tag] {
		c.fail("0x%08X is no property", tag)
		return 0
	}
	at := c.pos
	c.need(4)
	if tag>>16 >= 0x8000 {
		c.need(16)
		switch k := c.need(1); {
		case c.err != nil:
		case k[0] == 0:
			c.need(4)
		case k[0] == 1:
			for c.err == nil {
				if u := c.need(2); c.err == nil && u[0] == 0 && u[1] == 0 {
					break
				}
			}
		default:
			c.fail("kind %d", k[0])
		}
	}
	c.atoms = append(c.atoms, [2]int{at, c.pos})
	t := uint16(tag)
	switch {
	case t&0x8000 != 0 || t&0x1000 == 0 && cVariable(t):
		c.sized(t)
	case cFixed[t] > 0:
		b := c.atom(cFixed[t])
		if c.err == nil && t == 0xB && (b[0] > 1 || b[1] != 0) {
			c.fail("a PtypBoolean of %x", b)
		}
	case t&0x1000 != 0 && (cFixed[t&^0x1000] > 0 || cVariable(t&^0x1000)):
		n := c.count()
		for i := 0; i < n && c.err == nil; i++ {
			if k := cFixed[t&^0x1000]; k > 0 {
				c.atom(k)
			} else {
				c.sized(t &^ 0x1000)
			}
		}
	default:
		c.fail("type 0x%04X (PtypErrorCode MUST be omitted, others have no place)", t)
	}
	return tag
}

// propList reads properties up to a marker; first is the tag that MUST stand
// first, or 0.
func (c *checker) propList(first uint32) {
	seen := map[uint32]bool{}
	for i := 0; c.err == nil && c.pos < len(c.b) && !cMarkers[c.peek()]; i++ {
		tag := c.property()
		if first != 0 && (tag == first) != (i == 0) {
			c.fail("0x%08X at place %d; 0x%08X is fixed at 1", tag, i+1, first)
		}
		if tag == 0x674A0014 && i != 0 {
			c.fail("PidTagMid at place %d", i+1)
		}
		if cMeta[tag] {
			c.fail("the meta-property 0x%08X in a propList", tag)
		}
		if seen[tag] && tag>>16 < 0x8000 {
			c.fail("0x%08X twice", tag)
		}
		seen[tag] = true
	}
	if first != 0 && !seen[first] {
		c.fail("0x%08X MUST be present", first)
	}
}

func (c *checker) messageContent() {
	c.propList(0)
	for c.err == nil && c.peek() == cStartRecip {
		c.marker(cStartRecip)
		c.propList(0x30000003)
		c.marker(cEndToRecip)
	}
	for c.err == nil && c.peek() == cNewAttach {
		c.marker(cNewAttach)
		if c.peek() != 0x0E210003 {
			c.fail("0x%08X in the place of PidTagAttachNumber", c.peek())
		}
		c.propList(0x0E210003)
		if c.peek() == cStartEmbed {
			c.marker(cStartEmbed)
			c.messageContent()
			c.marker(cEndEmbed)
		}
		c.marker(cEndAttach)
	}
}

// checkStream holds a messageContent to the grammar and gives its atoms.
func checkStream(t testing.TB, b []byte) [][2]int {
	t.Helper()
	c := &checker{b: b}
	c.messageContent()
	if c.err == nil && c.pos != len(b) {
		c.fail("%d bytes are left", len(b)-c.pos)
	}
	if c.err != nil {
		t.Error(c.err)
	}
	return c.atoms
}
