// Package nspi reads and writes the bodies by which the address book of an
// Exchange server is asked over HTTP: Bind, Unbind, ResolveNames, DNToMId,
// GetProps, QueryRows. [MS-OXCMAPIHTTP] 2.2.5, [MS-OXNSPI]
//
// Start from [Marshal] and [Parse] and from [QueryRowsRequest]. It knows no
// network.
//
// Not supported: restrictions and changes of the address book, templates,
// hierarchy tables.
package nspi

import (
	"fmt"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/internal/wire"
)

// A Body is a request or a response.
type Body interface{ code(c *wire.Coder) }

// Marshal is the bytes of a body.
func Marshal(b Body) ([]byte, error) {
	c := wire.NewWriter(nil)
	b.code(c)
	if err := c.Err(); err != nil {
		return nil, fmt.Errorf("nspi: %T: %w", b, err)
	}
	return c.Bytes(), nil
}

// Parse reads a body. 8-bit strings are in charset, which may be nil.
func Parse(data []byte, into Body, charset mapi.Charset) error {
	c := wire.NewReader(data)
	c.Charset = charset
	into.code(c)
	if c.Left() > 0 {
		c.Failf("%d bytes more than the body has", c.Left())
	}
	if err := c.Err(); err != nil {
		return fmt.Errorf("nspi: %T: %w", into, err)
	}
	return nil
}

// A MinimalID names an entry within a session. [MS-OXNSPI] 2.2.9.1
type MinimalID = uint32

// Minimal identifiers that are answers. [MS-OXNSPI] 2.2.1.9
const (
	Unresolved MinimalID = 0
	Ambiguous  MinimalID = 1
	Resolved   MinimalID = 2
)

// Places in a table for [Stat.CurrentRec]. [MS-OXNSPI] 2.2.1.8
const (
	BeginningOfTable MinimalID = 0
	CurrentPosition  MinimalID = 1
	EndOfTable       MinimalID = 2
)

// A Stat is where in which table a client stands. [MS-OXNSPI] 2.3.7
type Stat struct {
	SortType       uint32
	ContainerID    uint32
	CurrentRec     MinimalID
	Delta          int32
	NumPos         uint32
	TotalRecs      uint32
	CodePage       uint32
	TemplateLocale uint32
	SortLocale     uint32
}

// stat is an optional Stat.
func stat(c *wire.Coder, p **Stat) {
	has := *p != nil
	if c.BoolFF(&has); !has {
		return
	}
	if c.Reading() {
		*p = new(Stat)
	}
	s := *p
	c.Uint32(&s.SortType)
	c.Uint32(&s.ContainerID)
	c.Uint32(&s.CurrentRec)
	c.Int32(&s.Delta)
	c.Uint32(&s.NumPos)
	c.Uint32(&s.TotalRecs)
	c.Uint32(&s.CodePage)
	c.Uint32(&s.TemplateLocale)
	c.Uint32(&s.SortLocale)
}

// A Row is the values of the columns of an answer. One that is not there has
// the type [mapi.TypeErrorCode]. [MS-OXCMAPIHTTP] 2.2.1.7
type Row struct {
	Values  []mapi.Value
	Flagged bool
}

// Properties is the row without what is missing.
func (r *Row) Properties(columns []mapi.Tag) mapi.Properties {
	var props mapi.Properties
	for i, v := range r.Values {
		if i < len(columns) && v.Type() != mapi.TypeErrorCode && v.Type() != mapi.TypeUnspecified {
			props = append(props, mapi.Property{Tag: columns[i].WithType(v.Type()), Value: v})
		}
	}
	return props
}

// table is optional columns and rows.
func table(c *wire.Coder, columns *[]mapi.Tag, rows *[]Row) {
	has := len(*columns) > 0 || len(*rows) > 0
	if c.BoolFF(&has); !has {
		return
	}
	c.Tags(columns, 4)
	wire.List(c, rows, 4, 1, func(c *wire.Coder, r *Row) {
		c.Row(*columns, &r.Values, &r.Flagged, wire.AddressBook)
	})
}

// tags is an optional list.
func tags(c *wire.Coder, p *[]mapi.Tag) {
	has := len(*p) > 0
	if c.BoolFF(&has); has {
		c.Tags(p, 4)
	}
}

// ids is an optional list.
func ids(c *wire.Coder, p *[]MinimalID) {
	has := len(*p) > 0
	if c.BoolFF(&has); has {
		c.Uint32s(p, 4)
	}
}

// status begins every answer; false leaves no other field but the auxiliary
// buffer.
func status(c *wire.Coder, code, err *uint32) bool {
	if c.Uint32(code); *code != 0 {
		return false
	}
	c.Uint32(err)
	return true
}
