package graphtest

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
)

// An extendedID names a MAPI property as Graph does: "Integer 0x0E07",
// "String {00020329-...} Name Keywords", "SystemTimeArray {...} Id 0x8502".
type extendedID struct {
	typ  mapi.Type
	tag  mapi.Tag
	name *mapi.Name
	text string
}

// extendedTypes are the types of the page of singleValueLegacyExtendedProperty.
var extendedTypes = map[string]mapi.Type{
	"Binary": mapi.TypeBinary, "Boolean": mapi.TypeBoolean, "CLSID": mapi.TypeGUID, "Currency": mapi.TypeCurrency,
	"Double": mapi.TypeFloating64, "Float": mapi.TypeFloating32, "Integer": mapi.TypeInteger32, "Long": mapi.TypeInteger64,
	"Short": mapi.TypeInteger16, "String": mapi.TypeString, "SystemTime": mapi.TypeTime, "ApplicationTime": mapi.TypeAppTime,
}

func parseExtendedID(s string) (extendedID, error) {
	bad := func() (extendedID, error) {
		return extendedID{}, fail(400, "ErrorInvalidExtendedProperty", "The extended property id '%s' is not valid.", s)
	}
	f := strings.Fields(s)
	if len(f) < 2 {
		return bad()
	}
	base, multi := strings.CutSuffix(f[0], "Array")
	t, ok := extendedTypes[base]
	if !ok {
		return bad()
	}
	if multi {
		t |= mapi.MultiValueFlag
	}
	id := extendedID{typ: t, text: s}
	if len(f) == 2 {
		n, err := strconv.ParseUint(f[1], 0, 16)
		// Identifiers from 0x8000 on have a meaning only by their names.
		if err != nil || n == 0 || n >= 0x8000 {
			return bad()
		}
		id.tag = mapi.NewTag(uint16(n), t)
		return id, nil
	}
	set, err := mapi.ParseGUID(f[1])
	if err != nil || len(f) < 4 {
		return bad()
	}
	switch f[2] {
	case "Id":
		n, err := strconv.ParseUint(f[3], 0, 32)
		if err != nil || len(f) != 4 {
			return bad()
		}
		id.name = &mapi.Name{Set: set, ID: uint32(n)}
	case "Name":
		_, after, _ := strings.Cut(s, " Name ")
		id.name = &mapi.Name{Set: set, Name: after}
	default:
		return bad()
	}
	return id, nil
}

// equal reports whether two ids mean one property. Case does not count in the
// words of an id.
func (id extendedID) equal(o extendedID) bool {
	if id.typ != o.typ || (id.name == nil) != (o.name == nil) {
		return false
	}
	if id.name != nil {
		return id.name.Set == o.name.Set && id.name.ID == o.name.ID && strings.EqualFold(id.name.Name, o.name.Name)
	}
	return id.tag.ID() == o.tag.ID()
}

func (id extendedID) find(ps mapi.Properties) (mapi.Value, bool) {
	if id.name == nil {
		return ps.Get(id.tag)
	}
	for _, p := range ps {
		if p.Name != nil && p.Name.Set == id.name.Set && p.Name.ID == id.name.ID && strings.EqualFold(p.Name.Name, id.name.Name) && sameKind(p.Value.Type(), id.typ) {
			return p.Value, true
		}
	}
	return mapi.Value{}, false
}

func sameKind(a, b mapi.Type) bool {
	return a == b || a.IsString() && b.IsString() && a.Multi() == b.Multi()
}

// notYours are properties that Exchange computes and does not let be set.
var notYours = []uint16{
	0x0E08, // PidTagMessageSize
	0x0E09, // PidTagParentEntryId
	0x0FFF, // PidTagEntryId
	0x0FF9, // PidTagRecordKey
	0x0E1B, // PidTagHasAttachments
	0x67AA, // PidTagAssociated
}

func (id extendedID) set(ps *mapi.Properties, v mapi.Value) error {
	if id.name != nil {
		ps.SetName(*id.name, v)
		return nil
	}
	if slices.Contains(notYours, id.tag.ID()) {
		return fail(400, "ErrorInvalidPropertySet", "Set action is invalid for property.")
	}
	ps.Set(id.tag, v)
	return nil
}

// value reads the text of a single value.
func (id extendedID) value(s string) (mapi.Value, error) {
	bad := func() (mapi.Value, error) {
		return mapi.Value{}, fail(400, "ErrorInvalidExtendedPropertyValue", "The extended property value for '%s' is not valid.", id.text)
	}
	switch t := id.typ.Elem(); t {
	case mapi.TypeString:
		return mapi.StringValue(s), nil
	case mapi.TypeInteger16, mapi.TypeInteger32, mapi.TypeInteger64, mapi.TypeCurrency:
		n, err := strconv.ParseInt(s, 10, 8*t.FixedSize())
		if err != nil {
			return bad()
		}
		switch t {
		case mapi.TypeInteger16:
			return mapi.Int16Value(int16(n)), nil
		case mapi.TypeInteger32:
			return mapi.Int32Value(int32(n)), nil
		}
		return mapi.RawValue(t, mapi.Int64Value(n).Raw()), nil
	case mapi.TypeBoolean:
		b, err := strconv.ParseBool(strings.ToLower(s))
		if err != nil {
			return bad()
		}
		return mapi.BoolValue(b), nil
	case mapi.TypeFloating64, mapi.TypeAppTime:
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return bad()
		}
		return mapi.RawValue(t, mapi.Float64Value(f).Raw()), nil
	case mapi.TypeTime:
		d, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			return bad()
		}
		return mapi.TimeValue(d), nil
	case mapi.TypeGUID:
		g, err := mapi.ParseGUID(s)
		if err != nil {
			return bad()
		}
		return mapi.GUIDValue(g), nil
	case mapi.TypeBinary:
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return bad()
		}
		return mapi.BinaryValue(b), nil
	}
	return bad()
}

// show writes a single value as text, false for one that is not told.
func (id extendedID) show(v mapi.Value) (string, bool) {
	switch v.Type() {
	case mapi.TypeString, mapi.TypeString8:
		return v.Text(), true
	case mapi.TypeInteger16, mapi.TypeInteger32, mapi.TypeInteger64, mapi.TypeCurrency:
		n, _ := v.Int()
		return strconv.FormatInt(n, 10), true
	case mapi.TypeBoolean:
		n, _ := v.Int()
		return strconv.FormatBool(n != 0), true
	case mapi.TypeFloating32, mapi.TypeFloating64, mapi.TypeAppTime:
		f, _ := v.Float()
		return strconv.FormatFloat(f, 'g', -1, 64), true
	case mapi.TypeTime:
		d, ok := v.Time()
		return d.Format("2006-01-02T15:04:05.9999999Z"), ok
	case mapi.TypeGUID:
		g, ok := v.GUID()
		return g.String(), ok
	case mapi.TypeBinary:
		// Large ones are not told; the client asks for the item itself.
		if !v.InMemory() {
			return "", false
		}
		return base64.StdEncoding.EncodeToString(v.Raw()), true
	}
	return "", false
}

// Names of the two collections.
const (
	singles = "singleValueExtendedProperties"
	multis  = "multiValueExtendedProperties"
)

// setExtended sets the extended properties of a request.
func setExtended(ps *mapi.Properties, o object) error {
	for _, e := range children(o, singles) {
		id, err := parseExtendedID(text(e, "id"))
		if err != nil {
			return err
		}
		s, ok := e["value"].(string)
		if !ok || id.typ.Multi() {
			return fail(400, "ErrorInvalidExtendedPropertyValue", "The extended property '%s' has no single value.", id.text)
		}
		v, err := id.value(s)
		if err != nil {
			return err
		}
		if err := id.set(ps, v); err != nil {
			return err
		}
	}
	for _, e := range children(o, multis) {
		id, err := parseExtendedID(text(e, "id"))
		if err != nil {
			return err
		}
		if !id.typ.Multi() {
			return fail(400, "ErrorInvalidExtendedPropertyValue", "The extended property '%s' has no list of values.", id.text)
		}
		var raw [][]byte
		for _, s := range texts(e, "value") {
			v, err := id.value(s)
			if err != nil {
				return err
			}
			raw = append(raw, v.Raw())
		}
		v := mapi.MultiValue(id.typ, raw)
		if id.typ.FixedSize() > 0 {
			v = mapi.RawValue(id.typ, slices.Concat(raw...))
		}
		if err := id.set(ps, v); err != nil {
			return err
		}
	}
	return nil
}

// extended gives the properties that a request asks for in $expand, whose
// $filter names them: id eq '...' or id eq '...'.
func (q *query) extended(o object, ps mapi.Properties) error {
	for _, name := range []string{singles, multis} {
		e, ok := q.expands(name)
		if !ok {
			continue
		}
		ids, err := wantedIDs(e.filter)
		if err != nil {
			return err
		}
		var out []any
		for _, s := range ids {
			id, err := parseExtendedID(s)
			if err != nil {
				return err
			}
			v, ok := id.find(ps)
			if !ok || id.typ.Multi() != (name == multis) {
				continue
			}
			if name == singles {
				if s, ok := id.show(v); ok {
					out = append(out, object{"id": id.text, "value": s})
				}
				continue
			}
			list := []any{}
			for i := range v.Elems() {
				if s, ok := id.show(v.Elem(i)); ok {
					list = append(list, s)
				}
			}
			out = append(out, object{"id": id.text, "value": list})
		}
		if len(out) > 0 {
			o[name] = out
		}
	}
	return nil
}

// wantedIDs reads a filter that may only be a chain of id eq '...'.
func wantedIDs(e expr) ([]string, error) {
	switch e := e.(type) {
	case comparison:
		if e.op == "or" {
			a, err := wantedIDs(e.a)
			if err != nil {
				return nil, err
			}
			b, err := wantedIDs(e.b)
			return append(a, b...), err
		}
		m, ok := e.a.(member)
		l, is := e.b.(literal)
		if s, isText := l.v.(string); ok && is && isText && e.op == "eq" && len(m.path) == 1 && m.path[0] == "id" {
			return []string{s}, nil
		}
	case nil:
	}
	return nil, fail(400, "ErrorInvalidUrlQueryFilter", "The query filter contains one or more invalid nodes: extended properties are asked for by id eq.")
}
