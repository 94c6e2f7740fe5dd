package rop

import (
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/internal/wire"
)

// A Restriction is a condition on a row: one of [And], [Or], [Not],
// [ContentRestriction], [PropertyRestriction], [CompareRestriction],
// [BitmaskRestriction], [SizeRestriction], [ExistRestriction],
// [SubobjectRestriction], [CommentRestriction], [CountRestriction].
// [MS-OXCDATA] 2.12
type Restriction interface {
	Body
	kind() uint8
}

// Relational operators. [MS-OXCDATA] 2.12.5.1
const (
	Less           = 0x00
	LessOrEqual    = 0x01
	Greater        = 0x02
	GreaterOrEqual = 0x03
	Equal          = 0x04
	NotEqual       = 0x05
	MemberOfDL     = 0x64
)

// Fuzzy levels of a [ContentRestriction]: how much must match, and how
// strictly. [MS-OXCDATA] 2.12.4.1
const (
	FullString = 0x0000
	Substring  = 0x0001
	Prefix     = 0x0002

	IgnoreCase     = 0x0001
	IgnoreNonSpace = 0x0002
	Loose          = 0x0004
)

// And is true where all are. [MS-OXCDATA] 2.12.1
type And []Restriction

// Or is true where one is. [MS-OXCDATA] 2.12.2
type Or []Restriction

// Not is true where the other is not. [MS-OXCDATA] 2.12.3
type Not struct{ Restriction Restriction }

// ContentRestriction looks for text or bytes in a value. [MS-OXCDATA] 2.12.4
type ContentRestriction struct {
	FuzzyLow, FuzzyHigh uint16
	Tag                 mapi.Tag
	Value               mapi.Property
}

// PropertyRestriction compares a value. [MS-OXCDATA] 2.12.5
type PropertyRestriction struct {
	RelOp uint8
	Tag   mapi.Tag
	Value mapi.Property
}

// CompareRestriction compares two properties. [MS-OXCDATA] 2.12.6
type CompareRestriction struct {
	RelOp      uint8
	Tag1, Tag2 mapi.Tag
}

// BitmaskRestriction looks at bits: all of Mask are 0 (BitmapRelOp 0), or one
// is not (1). [MS-OXCDATA] 2.12.7
type BitmaskRestriction struct {
	BitmapRelOp uint8
	Tag         mapi.Tag
	Mask        uint32
}

// SizeRestriction compares the size of a value. [MS-OXCDATA] 2.12.8
type SizeRestriction struct {
	RelOp uint8
	Tag   mapi.Tag
	Size  uint32
}

// ExistRestriction is true where there is a value. [MS-OXCDATA] 2.12.9
type ExistRestriction struct{ Tag mapi.Tag }

// SubobjectRestriction is a condition on one recipient or attachment: Tag is
// PidTagMessageRecipients or PidTagMessageAttachments. [MS-OXCDATA] 2.12.10
type SubobjectRestriction struct {
	Tag         mapi.Tag
	Restriction Restriction
}

// CommentRestriction carries properties that mean nothing to the server.
// [MS-OXCDATA] 2.12.11
type CommentRestriction struct {
	Props       mapi.Properties
	Restriction Restriction // may be nil
}

// CountRestriction ends after Count matches. [MS-OXCDATA] 2.12.12
type CountRestriction struct {
	Count       uint32
	Restriction Restriction
}

func (*And) kind() uint8                  { return 0x00 }
func (*Or) kind() uint8                   { return 0x01 }
func (*Not) kind() uint8                  { return 0x02 }
func (*ContentRestriction) kind() uint8   { return 0x03 }
func (*PropertyRestriction) kind() uint8  { return 0x04 }
func (*CompareRestriction) kind() uint8   { return 0x05 }
func (*BitmaskRestriction) kind() uint8   { return 0x06 }
func (*SizeRestriction) kind() uint8      { return 0x07 }
func (*ExistRestriction) kind() uint8     { return 0x08 }
func (*SubobjectRestriction) kind() uint8 { return 0x09 }
func (*CommentRestriction) kind() uint8   { return 0x0A }
func (*CountRestriction) kind() uint8     { return 0x0B }

func newRestriction(kind uint8) Restriction {
	switch kind {
	case 0x00:
		return new(And)
	case 0x01:
		return new(Or)
	case 0x02:
		return new(Not)
	case 0x03:
		return new(ContentRestriction)
	case 0x04:
		return new(PropertyRestriction)
	case 0x05:
		return new(CompareRestriction)
	case 0x06:
		return new(BitmaskRestriction)
	case 0x07:
		return new(SizeRestriction)
	case 0x08:
		return new(ExistRestriction)
	case 0x09:
		return new(SubobjectRestriction)
	case 0x0A:
		return new(CommentRestriction)
	case 0x0B:
		return new(CountRestriction)
	}
	return nil
}

// restriction is one with its type before it.
func restriction(c *wire.Coder, p *Restriction) {
	c.Enter()
	defer c.Leave()
	if c.Writing() {
		if *p == nil {
			c.Failf("a restriction is missing")
			return
		}
		kind := (*p).kind()
		c.Uint8(&kind)
		(*p).code(c)
		return
	}
	var kind uint8
	c.Uint8(&kind)
	if c.Err() != nil {
		return
	}
	if *p = newRestriction(kind); *p == nil {
		c.Failf("restriction type 0x%02X is not known", kind)
		return
	}
	(*p).code(c)
}

// sizedRestriction is one with its size before it, 0 when there is none.
func sizedRestriction(c *wire.Coder, p *Restriction) {
	c.Sized(2, func(c *wire.Coder) {
		if c.Writing() && *p == nil || c.Reading() && c.Left() == 0 {
			return
		}
		restriction(c, p)
	})
}

// MarshalRestriction is the bytes of a restriction.
func MarshalRestriction(r Restriction) ([]byte, error) {
	c := wire.NewWriter(nil)
	restriction(c, &r)
	return c.Bytes(), c.Err()
}

// ParseRestriction reads a restriction.
func ParseRestriction(b []byte, charset mapi.Charset) (Restriction, error) {
	c := wire.NewReader(b)
	c.Charset = charset
	var r Restriction
	restriction(c, &r)
	if c.Left() > 0 {
		c.Failf("%d bytes after a restriction", c.Left())
	}
	return r, c.Err()
}

func (r *And) code(c *wire.Coder) { wire.List(c, (*[]Restriction)(r), 2, 1, restriction) }
func (r *Or) code(c *wire.Coder)  { wire.List(c, (*[]Restriction)(r), 2, 1, restriction) }
func (r *Not) code(c *wire.Coder) { restriction(c, &r.Restriction) }

func (r *ContentRestriction) code(c *wire.Coder) {
	c.Uint16(&r.FuzzyLow)
	c.Uint16(&r.FuzzyHigh)
	c.Tag(&r.Tag)
	c.Property(&r.Value, wire.ROP)
}

func (r *PropertyRestriction) code(c *wire.Coder) {
	c.Uint8(&r.RelOp)
	c.Tag(&r.Tag)
	c.Property(&r.Value, wire.ROP)
}

func (r *CompareRestriction) code(c *wire.Coder) {
	c.Uint8(&r.RelOp)
	c.Tag(&r.Tag1)
	c.Tag(&r.Tag2)
}

func (r *BitmaskRestriction) code(c *wire.Coder) {
	c.Uint8(&r.BitmapRelOp)
	c.Tag(&r.Tag)
	c.Uint32(&r.Mask)
}

func (r *SizeRestriction) code(c *wire.Coder) {
	c.Uint8(&r.RelOp)
	c.Tag(&r.Tag)
	c.Uint32(&r.Size)
}

func (r *ExistRestriction) code(c *wire.Coder) { c.Tag(&r.Tag) }

func (r *SubobjectRestriction) code(c *wire.Coder) {
	c.Tag(&r.Tag)
	restriction(c, &r.Restriction)
}

func (r *CommentRestriction) code(c *wire.Coder) {
	c.Properties(&r.Props, 1, wire.ROP)
	has := r.Restriction != nil
	if c.Bool(&has); has {
		restriction(c, &r.Restriction)
	}
}

func (r *CountRestriction) code(c *wire.Coder) {
	c.Uint32(&r.Count)
	restriction(c, &r.Restriction)
}
