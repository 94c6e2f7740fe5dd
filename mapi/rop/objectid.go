package rop

import (
	"fmt"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/internal/wire"
)

// An ObjectID is a folder or message identifier: a replica identifier of 16
// bits, then a counter of 48 bits, high byte first. As a number it is read
// low byte first. [MS-OXCDATA] 2.2.1
type ObjectID uint64

// NewObjectID joins its two parts. Of the counter 48 bits count.
func NewObjectID(replica uint16, counter uint64) ObjectID {
	n := uint64(replica)
	for i := range 6 {
		n |= counter >> (8 * (5 - i)) & 0xFF << (16 + 8*i)
	}
	return ObjectID(n)
}

// Replica says which replica counts; it is short for a replica GUID in one
// logon.
func (id ObjectID) Replica() uint16 { return uint16(id) }

// Counter is the number within the replica.
func (id ObjectID) Counter() uint64 {
	var n uint64
	for i := range 6 {
		n = n<<8 | uint64(id)>>(16+8*i)&0xFF
	}
	return n
}

// String is the replica and the counter in hexadecimal, as in 1-D.
func (id ObjectID) String() string { return fmt.Sprintf("%X-%X", id.Replica(), id.Counter()) }

// Value is id as a property value.
func (id ObjectID) Value() mapi.Value { return mapi.Int64Value(int64(id)) }

func objectID(c *wire.Coder, p *ObjectID) {
	n := uint64(*p)
	if c.Uint64(&n); c.Reading() {
		*p = ObjectID(n)
	}
}

func objectIDs(c *wire.Coder, p *[]ObjectID) { wire.List(c, p, 2, 8, objectID) }
