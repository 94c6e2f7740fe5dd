package mapi

import "fmt"

// A Tag is a property identifier (high 16 bits) and a [Type] (low 16 bits).
// [MS-OXCDATA] 2.9
type Tag uint32

// NewTag joins an identifier and a type.
func NewTag(id uint16, t Type) Tag { return Tag(id)<<16 | Tag(t) }

// ID is the property identifier.
func (t Tag) ID() uint16 { return uint16(t >> 16) }

// Type is the property type.
func (t Tag) Type() Type { return Type(t) }

// WithType is the same identifier with another type.
func (t Tag) WithType(typ Type) Tag { return t&0xFFFF0000 | Tag(typ) }

// Named reports whether the identifier lies in the range that files give to
// named properties (0x8000 to 0xFFFE).
func (t Tag) Named() bool { return t.ID() >= 0x8000 && t.ID() != 0xFFFF }

// String is the tag as eight hexadecimal digits, as in 0037001F.
func (t Tag) String() string { return fmt.Sprintf("%08X", uint32(t)) }
