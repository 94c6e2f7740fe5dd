package wire

import (
	"context"
	"io"

	"github.com/mailconv/mailconv/mapi"
)

// A Form says how wide counts are in property values. [MS-OXCDATA] 2.11.1.1
type Form int

// Forms of property values.
const (
	// ROP has 16-bit counts of bytes and 32-bit counts of list elements.
	ROP Form = iota
	// AddressBook has 32-bit counts throughout, and a flag before values of
	// variable size. [MS-OXCMAPIHTTP] 2.2.1.1
	AddressBook
)

func (f Form) dataWidth() int {
	if f == AddressBook {
		return 4
	}
	return 2
}

// Value is a property value of type t. When writing, v must be of that type.
func (c *Coder) Value(t mapi.Type, v *mapi.Value, f Form) {
	if c.writing && v.Type() != t {
		c.Failf("a value of type %v in the place of %v", v.Type(), t)
		return
	}
	if f == AddressBook && (t.Multi() || t.Elem() == mapi.TypeString || t.Elem() == mapi.TypeString8 || t == mapi.TypeBinary) {
		has := true
		if c.writing {
			has = !(t.Multi() && len(v.Elems()) == 0)
		}
		c.BoolFF(&has)
		if !has {
			if c.Reading() {
				*v = mapi.RawValue(t, nil)
			}
			return
		}
	}
	if t.Multi() {
		c.list(t, v, f)
		return
	}
	raw := c.held(v)
	c.single(t, &raw, f)
	if c.Reading() {
		*v = c.made(mapi.RawValue(t, raw))
	}
}

// made gives 8-bit strings their code page.
func (c *Coder) made(v mapi.Value) mapi.Value {
	if v.Type().Elem() == mapi.TypeString8 && c.Charset != nil {
		return v.WithCharset(c.Charset)
	}
	return v
}

// held is the raw form of a value that is written.
func (c *Coder) held(v *mapi.Value) []byte {
	if c.Reading() {
		return nil
	}
	if v.InMemory() {
		return v.Raw()
	}
	// A value beyond what one buffer takes goes through a stream, never here.
	if v.Size() > 1<<20 {
		c.Failf("%w: a value of %d bytes in a buffer", mapi.ErrTooLarge, v.Size())
		return nil
	}
	r, err := v.Blob().Open(context.Background())
	if err != nil {
		c.Fail(err)
		return nil
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, 1<<20+1))
	if err != nil {
		c.Fail(err)
	}
	return b
}

// single is one value in its raw form.
func (c *Coder) single(t mapi.Type, raw *[]byte, f Form) {
	switch t {
	case mapi.TypeBoolean:
		// One byte here, two in a [mapi.Value]. [MS-OXCDATA] 2.11.1
		var b uint8
		if c.writing && len(*raw) > 0 {
			b = (*raw)[0]
		}
		c.Uint8(&b)
		if c.Reading() {
			*raw = []byte{b, 0}
		}
	case mapi.TypeString8:
		if c.writing {
			s := string(*raw)
			c.String8(&s)
			return
		}
		*raw = c.until8()
	case mapi.TypeString:
		if c.writing {
			c.write16(*raw)
			return
		}
		*raw = c.until16()
	case mapi.TypeBinary, mapi.TypeServerID, mapi.TypeObject:
		c.Data(raw, f.dataWidth())
	case mapi.TypeNull:
		*raw = nil
	case mapi.TypeRestriction:
		c.span(raw, skipRestriction, f)
	case mapi.TypeRuleAction:
		c.span(raw, skipRuleAction, f)
	default:
		n := t.FixedSize()
		if n == 0 {
			c.Failf("type %v has no place in a buffer", t)
			return
		}
		c.Raw(raw, n)
	}
}

// list is a value with several elements.
func (c *Coder) list(t mapi.Type, v *mapi.Value, f Form) {
	var elems [][]byte
	if c.writing {
		elems = v.Elems()
	}
	e := t.Elem()
	least := e.FixedSize()
	if e == mapi.TypeBoolean || e.FixedSize() == 0 {
		least = 1
	}
	if !t.Known() {
		c.Failf("type %v has no place in a buffer", t)
		return
	}
	List(c, &elems, 4, least, func(c *Coder, b *[]byte) {
		if f == AddressBook && (e.IsString() || e == mapi.TypeBinary) {
			has := true
			c.BoolFF(&has)
			if !has {
				*b = nil
				return
			}
		}
		c.single(e, b, f)
	})
	if c.writing || c.err != nil {
		return
	}
	if e.FixedSize() == 0 {
		*v = c.made(mapi.MultiValue(t, elems))
		return
	}
	var raw []byte
	for _, b := range elems {
		raw = append(raw, b...)
	}
	*v = mapi.RawValue(t, raw)
}

// Property is a tagged value. [MS-OXCDATA] 2.11.4
func (c *Coder) Property(p *mapi.Property, f Form) {
	tag := p.Tag
	if c.writing {
		tag = tag.WithType(p.Value.Type())
	}
	if c.Tag(&tag); !c.writing {
		p.Tag = tag
	}
	c.Value(tag.Type(), &p.Value, f)
}

// Properties is a list of tagged values.
func (c *Coder) Properties(p *mapi.Properties, width int, f Form) {
	list := []mapi.Property(*p)
	List(c, &list, width, 4, func(c *Coder, p *mapi.Property) { c.Property(p, f) })
	if !c.writing {
		*p = list
	}
}

// span is a structure that is kept as its bytes: skip finds its end.
func (c *Coder) span(raw *[]byte, skip func(c *Coder, f Form), f Form) {
	if c.writing {
		c.Fixed(*raw)
		return
	}
	start := c.off
	skip(c, f)
	if c.err == nil {
		*raw = c.b[start:c.off:c.off]
	}
}

// skipRestriction passes over a restriction. [MS-OXCDATA] 2.12
func skipRestriction(c *Coder, f Form) {
	c.Enter()
	defer c.Leave()
	var kind, op, has uint8
	var small uint16
	var n uint32
	var tag mapi.Tag
	var p mapi.Property
	c.Uint8(&kind)
	if c.err != nil {
		return
	}
	switch kind {
	case 0x00, 0x01: // and, or
		count := c.count(f.dataWidth(), 0)
		for range count {
			if skipRestriction(c, f); c.err != nil {
				return
			}
		}
	case 0x02: // not
		skipRestriction(c, f)
	case 0x03: // content
		c.Uint16(&small)
		c.Uint16(&small)
		c.Tag(&tag)
		c.Property(&p, f)
	case 0x04: // property
		c.Uint8(&op)
		c.Tag(&tag)
		c.Property(&p, f)
	case 0x05: // compare
		c.Uint8(&op)
		c.Tag(&tag)
		c.Tag(&tag)
	case 0x06, 0x07: // bit mask, size
		c.Uint8(&op)
		c.Tag(&tag)
		c.Uint32(&n)
	case 0x08: // exist
		c.Tag(&tag)
	case 0x09: // subobject
		c.Tag(&tag)
		skipRestriction(c, f)
	case 0x0A: // comment
		var list mapi.Properties
		c.Properties(&list, 1, f)
		if c.Uint8(&has); has != 0 {
			skipRestriction(c, f)
		}
	case 0x0B: // count
		c.Uint32(&n)
		skipRestriction(c, f)
	case 0xFF: // QUIRK: a null restriction, as some servers keep it.
	default:
		c.Failf("restriction type 0x%02X is not known", kind)
	}
}

// skipRuleAction passes over the actions of a rule: each has its length before
// it. [MS-OXORULE] 2.2.5
func skipRuleAction(c *Coder, f Form) {
	count := c.count(f.dataWidth(), 0)
	for range count {
		var b []byte
		if c.Data(&b, f.dataWidth()); c.err != nil {
			return
		}
	}
}
