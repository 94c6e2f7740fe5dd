package rop

import (
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/internal/wire"
)

// Kinds of names. [MS-OXCDATA] 2.6.1
const (
	nameByID   = 0x00
	nameByText = 0x01
	nameNone   = 0xFF
)

// name is a PropertyName; nil stands for an identifier without one.
// [MS-OXCDATA] 2.6.1
func name(c *wire.Coder, p **mapi.Name) {
	kind := uint8(nameNone)
	var n mapi.Name
	if c.Writing() && *p != nil {
		n = **p
		kind = nameByID
		if n.Name != "" {
			kind = nameByText
		}
	}
	c.Uint8(&kind)
	c.GUID(&n.Set)
	switch kind {
	case nameByID:
		c.Uint32(&n.ID)
	case nameByText:
		c.Sized(1, func(c *wire.Coder) { c.String16(&n.Name) })
	case nameNone:
		if c.Reading() {
			*p = nil
		}
		return
	default:
		c.Failf("a name of kind 0x%02X", kind)
	}
	if c.Reading() {
		*p = &n
	}
}

func propertyNames(c *wire.Coder, p *[]*mapi.Name) { wire.List(c, p, 2, 17, name) }

// GetPropertyIDsFromNames asks for the identifiers of names.
// [MS-OXCROPS] 2.2.8.1.1
type GetPropertyIDsFromNames struct {
	Flags uint8 // [NamesCreate] or 0
	Names []*mapi.Name
}

// NamesCreate makes identifiers for new names. [MS-OXCPRPT] 2.2.12.1
const NamesCreate = 0x02

func (*GetPropertyIDsFromNames) ROP() ID { return IDGetPropertyIdsFromNames }

func (r *GetPropertyIDsFromNames) code(c *wire.Coder) {
	c.Uint8(&r.Flags)
	propertyNames(c, &r.Names)
}

// GetPropertyIDsFromNamesResult is its answer, 0 for a name that has none.
// [MS-OXCROPS] 2.2.8.1.2
type GetPropertyIDsFromNamesResult struct{ IDs []uint16 }

func (r *GetPropertyIDsFromNamesResult) code(c *wire.Coder) { c.Uint16s(&r.IDs, 2) }

// GetNamesFromPropertyIDs asks for the names of identifiers.
// [MS-OXCROPS] 2.2.8.2.1
type GetNamesFromPropertyIDs struct{ IDs []uint16 }

func (*GetNamesFromPropertyIDs) ROP() ID              { return IDGetNamesFromPropertyIds }
func (r *GetNamesFromPropertyIDs) code(c *wire.Coder) { c.Uint16s(&r.IDs, 2) }

// GetNamesFromPropertyIDsResult is its answer, nil for an identifier that has
// none. [MS-OXCROPS] 2.2.8.2.2
type GetNamesFromPropertyIDsResult struct{ Names []*mapi.Name }

func (r *GetNamesFromPropertyIDsResult) code(c *wire.Coder) { propertyNames(c, &r.Names) }

// QueryNamedProperties asks which names an object has. [MS-OXCROPS] 2.2.8.10.1
type QueryNamedProperties struct {
	QueryFlags uint8
	Set        *mapi.GUID // nil is every property set
}

func (*QueryNamedProperties) ROP() ID { return IDQueryNamedProperties }

func (r *QueryNamedProperties) code(c *wire.Coder) {
	has := r.Set != nil
	c.Uint8(&r.QueryFlags)
	c.Bool(&has)
	if !has {
		return
	}
	if c.Reading() {
		r.Set = new(mapi.GUID)
	}
	c.GUID(r.Set)
}

// QueryNamedPropertiesResult is its answer: IDs[i] is the identifier of
// Names[i]. [MS-OXCROPS] 2.2.8.10.2
type QueryNamedPropertiesResult struct {
	IDs   []uint16
	Names []*mapi.Name
}

func (r *QueryNamedPropertiesResult) code(c *wire.Coder) {
	c.Uint16s(&r.IDs, 2)
	wire.Items(c, &r.Names, len(r.IDs), 17, name)
}
