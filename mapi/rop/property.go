package rop

import (
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/internal/wire"
)

// GetPropertiesSpecific reads properties. A value larger than PropertySizeLimit
// (0 is the server's limit) comes as the error [OutOfMemory].
// [MS-OXCROPS] 2.2.8.3.1
type GetPropertiesSpecific struct {
	PropertySizeLimit uint16
	WantUnicode       uint16
	Tags              []mapi.Tag
}

func (*GetPropertiesSpecific) ROP() ID { return IDGetPropertiesSpecific }

func (r *GetPropertiesSpecific) code(c *wire.Coder) {
	c.Uint16(&r.PropertySizeLimit)
	c.Uint16(&r.WantUnicode)
	c.Tags(&r.Tags, 2)
}

// GetPropertiesSpecificResult is its answer: one row. [MS-OXCROPS] 2.2.8.3.2
type GetPropertiesSpecificResult struct{ Row Row }

func (r *GetPropertiesSpecificResult) columns(request RequestBody, _ uint32, _ *Columns) {
	if q, ok := request.(*GetPropertiesSpecific); ok {
		r.Row.Columns = q.Tags
	}
}

func (r *GetPropertiesSpecificResult) code(c *wire.Coder) { r.Row.code(c) }

// GetPropertiesAll reads all properties. [MS-OXCROPS] 2.2.8.4.1
type GetPropertiesAll struct {
	PropertySizeLimit uint16
	WantUnicode       uint16
}

func (*GetPropertiesAll) ROP() ID { return IDGetPropertiesAll }

func (r *GetPropertiesAll) code(c *wire.Coder) {
	c.Uint16(&r.PropertySizeLimit)
	c.Uint16(&r.WantUnicode)
}

// GetPropertiesAllResult is its answer. [MS-OXCROPS] 2.2.8.4.2
type GetPropertiesAllResult struct{ Props mapi.Properties }

func (r *GetPropertiesAllResult) code(c *wire.Coder) { c.Properties(&r.Props, 2, wire.ROP) }

// GetPropertiesList asks which properties there are. [MS-OXCROPS] 2.2.8.5.1
type GetPropertiesList struct{ empty }

func (*GetPropertiesList) ROP() ID { return IDGetPropertiesList }

// GetPropertiesListResult is its answer. [MS-OXCROPS] 2.2.8.5.2
type GetPropertiesListResult struct{ Tags []mapi.Tag }

func (r *GetPropertiesListResult) code(c *wire.Coder) { c.Tags(&r.Tags, 2) }

// SetProperties changes properties. [MS-OXCROPS] 2.2.8.6.1
type SetProperties struct{ Props mapi.Properties }

func (*SetProperties) ROP() ID { return IDSetProperties }

func (r *SetProperties) code(c *wire.Coder) {
	c.Sized(2, func(c *wire.Coder) { c.Properties(&r.Props, 2, wire.ROP) })
}

// SetPropertiesNoReplicate is [SetProperties] on folders without replication.
// [MS-OXCROPS] 2.2.8.7.1
type SetPropertiesNoReplicate struct{ SetProperties }

func (*SetPropertiesNoReplicate) ROP() ID { return IDSetPropertiesNoReplicate }

// A PropertyProblem is a property that was not changed: the Index-th of those
// asked for. [MS-OXCDATA] 2.7
type PropertyProblem struct {
	Index uint16
	Tag   mapi.Tag
	Code  Code
}

func (p *PropertyProblem) code(c *wire.Coder) {
	c.Uint16(&p.Index)
	c.Tag(&p.Tag)
	n := uint32(p.Code)
	if c.Uint32(&n); c.Reading() {
		p.Code = Code(n)
	}
}

// PropertyProblemsResult answers the operations that change properties.
// [MS-OXCROPS] 2.2.8.6.2
type PropertyProblemsResult struct{ Problems []PropertyProblem }

func (r *PropertyProblemsResult) code(c *wire.Coder) {
	wire.List(c, &r.Problems, 2, 10, func(c *wire.Coder, p *PropertyProblem) { p.code(c) })
}

// DeleteProperties removes properties. [MS-OXCROPS] 2.2.8.8.1
type DeleteProperties struct{ Tags []mapi.Tag }

func (*DeleteProperties) ROP() ID              { return IDDeleteProperties }
func (r *DeleteProperties) code(c *wire.Coder) { c.Tags(&r.Tags, 2) }

// DeletePropertiesNoReplicate is [DeleteProperties] on folders without
// replication. [MS-OXCROPS] 2.2.8.9.1
type DeletePropertiesNoReplicate struct{ DeleteProperties }

func (*DeletePropertiesNoReplicate) ROP() ID { return IDDeletePropertiesNoReplicate }

// CopyFlags of [CopyProperties] and [CopyTo]. [MS-OXCPRPT] 2.2.10.1
const (
	CopyMove        = 0x01
	CopyNoOverwrite = 0x02
)

// CopyProperties copies some properties from the object in In to that in Out.
// [MS-OXCROPS] 2.2.8.11.1
type CopyProperties struct {
	WantAsynchronous bool
	CopyFlags        uint8
	Tags             []mapi.Tag
}

func (*CopyProperties) ROP() ID { return IDCopyProperties }

func (r *CopyProperties) code(c *wire.Coder) {
	c.Bool(&r.WantAsynchronous)
	c.Uint8(&r.CopyFlags)
	c.Tags(&r.Tags, 2)
}

// CopyTo copies all properties but some from the object in In to that in Out.
// [MS-OXCROPS] 2.2.8.12.1
type CopyTo struct {
	WantAsynchronous bool
	WantSubObjects   bool
	CopyFlags        uint8
	Excluded         []mapi.Tag
}

func (*CopyTo) ROP() ID { return IDCopyTo }

func (r *CopyTo) code(c *wire.Coder) {
	c.Bool(&r.WantAsynchronous)
	c.Bool(&r.WantSubObjects)
	c.Uint8(&r.CopyFlags)
	c.Tags(&r.Excluded, 2)
}

// NullCopyDestination comes with [NullDestinationObject] from both.
// [MS-OXCROPS] 2.2.8.11.3
type NullCopyDestination struct{ DestHandleIndex uint32 }

func (r *NullCopyDestination) code(c *wire.Coder) { c.Uint32(&r.DestHandleIndex) }

// Progress asks how far the server is with long work. [MS-OXCROPS] 2.2.8.13.1
type Progress struct{ WantCancel bool }

func (*Progress) ROP() ID              { return IDProgress }
func (r *Progress) code(c *wire.Coder) { c.Bool(&r.WantCancel) }

// ProgressResult is its answer while the work goes on. At its end the answer
// of the operation itself comes. [MS-OXCROPS] 2.2.8.13.2
type ProgressResult struct {
	Logon            uint8
	Completed, Total uint32
}

func (r *ProgressResult) code(c *wire.Coder) {
	c.Uint8(&r.Logon)
	c.Uint32(&r.Completed)
	c.Uint32(&r.Total)
}
