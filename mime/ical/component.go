package ical

import (
	"context"
	"io"
	"strings"

	"github.com/mailconv/mailconv/mapi"
)

// A Param is one parameter of a property, with its name in upper case. Values
// are without quotes, and with the escapes of RFC 6868 undone.
type Param struct {
	Name   string
	Values []string
}

// A Property is one content line.
type Property struct {
	// Name is in upper case. A vCard-like group ("A.NAME") is part of it.
	Name   string
	Params []Param
	// Value is the value as it stands in the line, unfolded; empty when it
	// is Large.
	Value string
	// Large is a value above [ValueLimit], unfolded.
	Large mapi.Blob
	// Offset is where the line begins in the source, 0 for a line that was
	// made.
	Offset int64
}

// Param is the first value of a parameter, "" when there is none.
func (p *Property) Param(name string) string {
	for i := range p.Params {
		if p.Params[i].Name == name && len(p.Params[i].Values) > 0 {
			return p.Params[i].Values[0]
		}
	}
	return ""
}

// Open reads the value as it stands, however long.
func (p *Property) Open(ctx context.Context) (io.ReadCloser, error) {
	if p.Large != nil {
		return p.Large.Open(ctx)
	}
	return io.NopCloser(strings.NewReader(p.Value)), nil
}

// New makes a property. Params are name, value, name, value; an empty value
// leaves the parameter out.
func New(name, value string, params ...string) Property {
	p := Property{Name: name, Value: value}
	for i := 0; i+1 < len(params); i += 2 {
		if params[i+1] != "" {
			p.Params = append(p.Params, Param{params[i], []string{params[i+1]}})
		}
	}
	return p
}

// A Component is what stands between BEGIN and END. The name is in upper case.
type Component struct {
	Name       string
	Properties []Property
	Components []*Component
	// Offset and Size are where it stands in the source.
	Offset, Size int64
}

// Get is the first property of a name, or nil.
func (c *Component) Get(name string) *Property {
	for i := range c.Properties {
		if c.Properties[i].Name == name {
			return &c.Properties[i]
		}
	}
	return nil
}

// All are the properties of a name.
func (c *Component) All(name string) []*Property {
	var list []*Property
	for i := range c.Properties {
		if c.Properties[i].Name == name {
			list = append(list, &c.Properties[i])
		}
	}
	return list
}

// Value is the value of the first property of a name, "" when there is none.
func (c *Component) Value(name string) string {
	if p := c.Get(name); p != nil {
		return p.Value
	}
	return ""
}

// Add appends a property.
func (c *Component) Add(p Property) { c.Properties = append(c.Properties, p) }
