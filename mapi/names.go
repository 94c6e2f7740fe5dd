package mapi

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
)

//go:generate go run ./internal/namesgen

type setRow struct {
	name string
	guid GUID
}

type tagRow struct {
	tag  Tag
	name string
}

type nameRow struct {
	name Name
	typ  Type
	text string
}

// unicode is the form in which the table lists strings.
func (t Tag) unicode() Tag {
	if t.Type().IsString() {
		return t.WithType(TypeString | t.Type()&MultiValueFlag)
	}
	return t
}

// Canonical is the name of the tag in [MS-OXPROPS], or the name in mapidefs
// where the specification has none, or "". The type takes part: 3701000D and
// 37010102 are two properties.
func (t Tag) Canonical() string {
	t = t.unicode()
	i, ok := slices.BinarySearchFunc(tagTable[:], t, func(r tagRow, t Tag) int { return cmp.Compare(r.tag, t) })
	if !ok {
		return ""
	}
	return tagTable[i].name
}

func compareNames(a, b Name) int {
	return cmp.Or(bytes.Compare(a.Set[:], b.Set[:]), cmp.Compare(a.ID, b.ID), strings.Compare(a.Name, b.Name))
}

func (n Name) row() (nameRow, bool) {
	i, ok := slices.BinarySearchFunc(nameTable[:], n, func(r nameRow, n Name) int { return compareNames(r.name, n) })
	if !ok {
		return nameRow{}, false
	}
	return nameTable[i], true
}

// Canonical is the name of the property in [MS-OXPROPS], or "".
func (n Name) Canonical() string {
	r, _ := n.row()
	return r.text
}

// Type is the type that [MS-OXPROPS] gives the named property, or
// [TypeUnspecified].
func (n Name) Type() Type {
	r, _ := n.row()
	return r.typ
}

// SetName is the specification's name of a property set, or "".
func (g GUID) SetName() string {
	for _, r := range setTable {
		if r.guid == g {
			return r.name
		}
	}
	return ""
}

// LookupTag finds a tag by its canonical name, without regard to case.
func LookupTag(name string) (Tag, bool) {
	for _, r := range tagTable {
		if strings.EqualFold(r.name, name) {
			return r.tag, true
		}
	}
	return 0, false
}

// LookupName finds a named property by its canonical name, without regard to
// case.
func LookupName(name string) (Name, bool) {
	for _, r := range nameTable {
		if strings.EqualFold(r.text, name) {
			return r.name, true
		}
	}
	return Name{}, false
}
