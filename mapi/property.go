package mapi

import "time"

// A Property is a tag, the name it stands for where it is a named property,
// and a value.
type Property struct {
	// Tag carries the type. For a property with a Name the identifier is
	// what the source happened to use, or 0, and has no meaning.
	Tag Tag
	// Name is set for named properties. A property with an identifier from
	// 0x8000 on and no Name had no mapping in its source; it is kept as it is.
	Name  *Name
	Value Value
}

// String is the best name there is: canonical, {set}:id, or the tag.
func (p Property) String() string {
	if p.Name != nil {
		return p.Name.String()
	}
	if s := p.Tag.Canonical(); s != "" {
		return s
	}
	return "0x" + p.Tag.String()
}

// Properties is an ordered list of properties. Look-ups scan it; messages have
// some hundred.
//
// Look-ups by [Tag] compare identifiers and, as a file may store text in either
// form, treat [TypeString] and [TypeString8] alike; other types must match.
// Properties with a Name are found by name only.
type Properties []Property

func sameType(a, b Type) bool {
	return a == b || a.IsString() && b.IsString() && a.Multi() == b.Multi()
}

func (ps Properties) index(tag Tag) int {
	for i := range ps {
		p := &ps[i]
		if p.Name == nil && p.Tag.ID() == tag.ID() && sameType(p.Tag.Type(), tag.Type()) {
			return i
		}
	}
	return -1
}

func (ps Properties) indexName(n Name) int {
	for i := range ps {
		if p := &ps[i]; p.Name != nil && *p.Name == n {
			return i
		}
	}
	return -1
}

// Get finds a property by tag.
func (ps Properties) Get(tag Tag) (Value, bool) {
	if i := ps.index(tag); i >= 0 {
		return ps[i].Value, true
	}
	return Value{}, false
}

// GetID finds the first unnamed property with the identifier, of any type.
func (ps Properties) GetID(id uint16) (Property, bool) {
	for i := range ps {
		if ps[i].Name == nil && ps[i].Tag.ID() == id {
			return ps[i], true
		}
	}
	return Property{}, false
}

// GetName finds a named property, of any type.
func (ps Properties) GetName(n Name) (Value, bool) {
	if i := ps.indexName(n); i >= 0 {
		return ps[i].Value, true
	}
	return Value{}, false
}

// Text is the text of a string property, "" when absent. See [Value.Text].
func (ps Properties) Text(tag Tag) string {
	v, _ := ps.Get(tag)
	return v.Text()
}

// Int is the value of an integer, error code or Boolean property.
func (ps Properties) Int(tag Tag) (int64, bool) {
	v, ok := ps.Get(tag)
	if !ok {
		return 0, false
	}
	return v.Int()
}

// Bool is the value of a Boolean property, false when absent.
func (ps Properties) Bool(tag Tag) bool {
	n, ok := ps.Int(tag)
	return ok && n != 0
}

// Time is the value of a time property; the zero Time when absent or null.
func (ps Properties) Time(tag Tag) time.Time {
	v, _ := ps.Get(tag)
	t, _ := v.Time()
	return t
}

// Bytes is the value of a binary property that is held in memory, else nil.
func (ps Properties) Bytes(tag Tag) []byte {
	v, _ := ps.Get(tag)
	return v.Raw()
}

// NameText, NameInt, NameBool and NameTime are the same views of named
// properties.
func (ps Properties) NameText(n Name) string { v, _ := ps.GetName(n); return v.Text() }

// NameInt is [Properties.Int] by name.
func (ps Properties) NameInt(n Name) (int64, bool) {
	v, ok := ps.GetName(n)
	if !ok {
		return 0, false
	}
	return v.Int()
}

// NameBool is [Properties.Bool] by name.
func (ps Properties) NameBool(n Name) bool { v, ok := ps.NameInt(n); return ok && v != 0 }

// NameTime is [Properties.Time] by name.
func (ps Properties) NameTime(n Name) time.Time {
	v, _ := ps.GetName(n)
	t, _ := v.Time()
	return t
}

// Set replaces the property with the tag (in either string form) or appends
// it. The stored tag takes the value's type.
func (ps *Properties) Set(tag Tag, v Value) {
	p := Property{Tag: tag.WithType(v.Type()), Value: v}
	if i := ps.index(tag); i >= 0 {
		(*ps)[i] = p
		return
	}
	*ps = append(*ps, p)
}

// SetName replaces or appends a named property.
func (ps *Properties) SetName(n Name, v Value) {
	p := Property{Tag: NewTag(0, v.Type()), Name: &n, Value: v}
	if i := ps.indexName(n); i >= 0 {
		p.Tag = NewTag((*ps)[i].Tag.ID(), v.Type())
		(*ps)[i] = p
		return
	}
	*ps = append(*ps, p)
}

// Delete removes a property by tag, in whatever string form.
func (ps *Properties) Delete(tag Tag) {
	if i := ps.index(tag); i >= 0 {
		*ps = append((*ps)[:i:i], (*ps)[i+1:]...)
	}
}

// DeleteName removes a named property.
func (ps *Properties) DeleteName(n Name) {
	if i := ps.indexName(n); i >= 0 {
		*ps = append((*ps)[:i:i], (*ps)[i+1:]...)
	}
}

// Clone copies the list; values are shared, as they are never changed.
func (ps Properties) Clone() Properties { return append(Properties(nil), ps...) }
