package csdl

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// A Schema knows types by their names, which have the alias of the schema in
// front, as in graph.message.
type Schema struct {
	types map[string]*typ
	enums map[string]map[string]bool
}

// A typ is an entity type or a complex type.
type typ struct {
	name, base string
	// open types take properties that the schema does not name; what they
	// are is not known here.
	open  bool
	props map[string]property
}

type property struct {
	typ string
	// null says that null is a value of the property.
	null bool
	// required is an addition of ours for types written by hand.
	required bool
}

// The elements of a schema. [OData-CSDL-XML 4.01] 5, 6, 9, 10
type (
	xmlSchema struct {
		Namespace string    `xml:"Namespace,attr"`
		Alias     string    `xml:"Alias,attr"`
		Entities  []xmlType `xml:"EntityType"`
		Complex   []xmlType `xml:"ComplexType"`
		Enums     []xmlEnum `xml:"EnumType"`
	}
	xmlType struct {
		Name       string    `xml:"Name,attr"`
		Base       string    `xml:"BaseType,attr"`
		Open       bool      `xml:"OpenType,attr"`
		Props      []xmlProp `xml:"Property"`
		Navigation []xmlProp `xml:"NavigationProperty"`
	}
	xmlProp struct {
		Name     string `xml:"Name,attr"`
		Type     string `xml:"Type,attr"`
		Nullable string `xml:"Nullable,attr"`
		Required bool   `xml:"Required,attr"`
	}
	xmlEnum struct {
		Name    string `xml:"Name,attr"`
		Members []struct {
			Name string `xml:"Name,attr"`
		} `xml:"Member"`
	}
)

// Parse reads the Schema elements of r, whether they stand alone or in the
// envelope of a metadata document. The types of several belong together.
func Parse(r io.Reader) (*Schema, error) {
	s := &Schema{types: map[string]*typ{}, enums: map[string]map[string]bool{}}
	d := xml.NewDecoder(r)
	found := false
	for {
		t, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("csdl: %w", err)
		}
		e, ok := t.(xml.StartElement)
		if !ok || e.Name.Local != "Schema" {
			continue
		}
		var x xmlSchema
		if err := d.DecodeElement(&x, &e); err != nil {
			return nil, fmt.Errorf("csdl: %w", err)
		}
		s.add(&x)
		found = true
	}
	if !found {
		return nil, fmt.Errorf("csdl: there is no Schema element")
	}
	return s, nil
}

func (s *Schema) add(x *xmlSchema) {
	alias := x.Alias
	if alias == "" {
		alias = x.Namespace
	}
	short := func(t string) string {
		return strings.ReplaceAll(t, x.Namespace+".", alias+".")
	}
	for _, list := range [][]xmlType{x.Entities, x.Complex} {
		for _, e := range list {
			t := &typ{name: alias + "." + e.Name, base: short(e.Base), open: e.Open, props: map[string]property{}}
			for _, p := range e.Props {
				t.props[p.Name] = property{typ: short(p.Type), null: p.Nullable != "false", required: p.Required}
			}
			for _, p := range e.Navigation {
				t.props[p.Name] = property{typ: short(p.Type), null: p.Nullable != "false"}
			}
			s.types[t.name] = t
		}
	}
	for _, e := range x.Enums {
		m := map[string]bool{}
		for _, v := range e.Members {
			m[v.Name] = true
		}
		s.enums[alias+"."+e.Name] = m
	}
}

// Has reports whether the schema defines a type.
func (s *Schema) Has(name string) bool {
	return s.types[name] != nil || s.enums[name] != nil
}

// property finds a property in a type or in what it is based on.
func (s *Schema) property(t *typ, name string) (property, bool) {
	for n := 0; t != nil && n < 16; n++ {
		if p, ok := t.props[name]; ok {
			return p, true
		}
		t = s.types[t.base]
	}
	return property{}, false
}

// derives reports whether a type is another one or based on it.
func (s *Schema) derives(name, from string) bool {
	for n := 0; n < 16; n++ {
		if name == from {
			return true
		}
		t := s.types[name]
		if t == nil {
			return false
		}
		name = t.base
	}
	return false
}
