package ewstest

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
)

// A property is what an ExtendedFieldURI names. [MS-OXWSXPROP] 2.1.5
type property struct {
	tag  mapi.Tag // the type is that of the URI
	name *mapi.Name
}

func (p property) get(ps mapi.Properties) (mapi.Value, bool) {
	if p.name != nil {
		return ps.GetName(*p.name)
	}
	return ps.Get(p.tag)
}

func (p property) set(ps *mapi.Properties, v mapi.Value) {
	if p.name != nil {
		ps.SetName(*p.name, v)
		return
	}
	ps.Set(p.tag, v)
}

func (p property) remove(ps *mapi.Properties) {
	if p.name != nil {
		ps.DeleteName(*p.name)
		return
	}
	ps.Delete(p.tag)
}

func tagged(t mapi.Tag) property { return property{tag: t} }

func named(n mapi.Name) property { return property{tag: mapi.NewTag(0, n.Type()), name: &n} }

// propertyTypes are the values of MapiPropertyTypeType.
var propertyTypes = map[string]mapi.Type{
	"ApplicationTime": mapi.TypeAppTime, "Binary": mapi.TypeBinary, "Boolean": mapi.TypeBoolean, "CLSID": mapi.TypeGUID,
	"Currency": mapi.TypeCurrency, "Double": mapi.TypeFloating64, "Error": mapi.TypeErrorCode, "Float": mapi.TypeFloating32,
	"Integer": mapi.TypeInteger32, "Long": mapi.TypeInteger64, "Null": mapi.TypeNull, "Object": mapi.TypeObject,
	"Short": mapi.TypeInteger16, "String": mapi.TypeString, "SystemTime": mapi.TypeTime,
}

func init() {
	for k, t := range maps.Clone(propertyTypes) {
		if t != mapi.TypeNull && t != mapi.TypeObject && t != mapi.TypeErrorCode && t != mapi.TypeBoolean {
			propertyTypes[k+"Array"] = t | mapi.MultiValueFlag
		}
	}
}

func typeName(t mapi.Type) string {
	for k, v := range propertyTypes {
		if v == t {
			return k
		}
	}
	return "Binary"
}

// propertySets are the values of DistinguishedPropertySetType.
var propertySets = map[string]mapi.GUID{
	"Address": mapi.PSETIDAddress, "Appointment": mapi.PSETIDAppointment, "CalendarAssistant": mapi.PSETIDCalendarAssistant,
	"Common": mapi.PSETIDCommon, "InternetHeaders": mapi.PSInternetHeaders, "Meeting": mapi.PSETIDMeeting,
	"PublicStrings": mapi.PSPublicStrings, "Sharing": mapi.PSETIDSharing, "Task": mapi.PSETIDTask,
	"UnifiedMessaging": mapi.PSETIDUnifiedMessaging,
}

func parseProperty(n *node) (property, *failure) {
	var p property
	bad := func(why string) (property, *failure) {
		return p, fail("ErrorInvalidExtendedProperty", "The extended property attribute combination is invalid: %s.", why)
	}
	t, ok := propertyTypes[n.attr("PropertyType")]
	if !ok {
		return bad("PropertyType " + n.attr("PropertyType"))
	}
	if s := n.attr("PropertyTag"); s != "" {
		id, err := strconv.ParseUint(s, 0, 32)
		if err != nil || id > 0xFFFF {
			return bad("PropertyTag " + s)
		}
		p.tag = mapi.NewTag(uint16(id), t)
		if p.tag.Named() {
			return bad("a tag of a named property")
		}
		return p, nil
	}
	var name mapi.Name
	if s := n.attr("DistinguishedPropertySetId"); s != "" {
		if name.Set, ok = propertySets[s]; !ok {
			return bad("DistinguishedPropertySetId " + s)
		}
	} else {
		set, err := mapi.ParseGUID(n.attr("PropertySetId"))
		if err != nil {
			return bad("PropertySetId")
		}
		name.Set = set
	}
	switch id, text := n.attr("PropertyId"), n.attr("PropertyName"); {
	case text != "" && id == "":
		if name.Name = text; name.Set == mapi.PSInternetHeaders {
			name.Name = strings.ToLower(text) // [MS-OXPROPS] 1.3.2
		}
	case id != "" && text == "":
		v, err := strconv.ParseInt(id, 10, 64)
		if err != nil {
			return bad("PropertyId " + id)
		}
		name.ID = uint32(v)
	default:
		return bad("neither a name nor an id")
	}
	return property{tag: mapi.NewTag(0, t), name: &name}, nil
}

// attributes write a property as an ExtendedFieldURI has it.
func (p property) attributes(q Quirks) []string {
	kind := typeName(p.tag.Type())
	if p.name == nil {
		form := "0x%x" // without leading zeros, as Exchange does
		if q.LongTags {
			form = "0x%04x"
		}
		return []string{"PropertyTag", fmt.Sprintf(form, p.tag.ID()), "PropertyType", kind}
	}
	var a []string
	for k, g := range propertySets {
		if g == p.name.Set {
			a = []string{"DistinguishedPropertySetId", k}
		}
	}
	if a == nil {
		a = []string{"PropertySetId", p.name.Set.String()}
	}
	if p.name.Name != "" {
		a = append(a, "PropertyName", p.name.Name)
	} else {
		a = append(a, "PropertyId", strconv.FormatUint(uint64(p.name.ID), 10))
	}
	return append(a, "PropertyType", kind)
}

// maxExtended bounds a value that is held in memory to be written.
const maxExtended = 4 << 20

// extended writes a property with its value, if the value is of the type asked
// for.
func (c *call) extended(p property, v mapi.Value) {
	want, have := p.tag.Type(), v.Type()
	if have == mapi.TypeString8 || have == mapi.TypeMultipleString8 {
		have = have&mapi.MultiValueFlag | mapi.TypeString
	}
	if want != have && !(want == mapi.TypeInteger64 && have == mapi.TypeInteger32) && !(want == mapi.TypeInteger32 && have == mapi.TypeErrorCode) {
		return
	}
	if v.Size() > maxExtended {
		return
	}
	w := c.w
	w.open("t:ExtendedProperty")
	w.empty("t:ExtendedFieldURI", p.attributes(w.q)...)
	if want.Multi() {
		w.open("t:Values")
		n := len(v.Elems())
		for i := range n {
			w.elem("t:Value", c.valueText(v.Elem(i)))
		}
		w.close()
	} else {
		w.elem("t:Value", c.valueText(v))
	}
	w.close()
}

func (c *call) valueText(v mapi.Value) string {
	raw := v.Raw()
	if raw == nil && !v.Type().IsString() {
		raw, _ = mapi.ReadBlob(c.ctx, v.Blob(), maxExtended)
	}
	switch v.Type() {
	case mapi.TypeString, mapi.TypeString8:
		return v.Text()
	case mapi.TypeBoolean:
		n, _ := v.Int()
		return btoa(n != 0)
	case mapi.TypeTime:
		t, ok := v.Time()
		if !ok && len(raw) == 8 && binary.LittleEndian.Uint64(raw) != 0 {
			return "4501-01-01T00:00:00Z"
		}
		if !ok {
			return "1601-01-01T00:00:00Z"
		}
		return c.w.time(t)
	case mapi.TypeGUID:
		g, _ := v.GUID()
		return g.String()
	case mapi.TypeFloating32, mapi.TypeFloating64, mapi.TypeAppTime:
		f, _ := v.Float()
		return strconv.FormatFloat(f, 'g', -1, 64)
	case mapi.TypeInteger16, mapi.TypeInteger32, mapi.TypeInteger64, mapi.TypeCurrency, mapi.TypeErrorCode:
		n, _ := v.Int()
		return strconv.FormatInt(n, 10)
	}
	return base64.StdEncoding.EncodeToString(raw)
}

// extendedProperties reads the ExtendedProperty elements of an item or folder.
func extendedProperties(n *node) (mapi.Properties, error) {
	var ps mapi.Properties
	for _, k := range n.kids {
		if k.name != "ExtendedProperty" {
			continue
		}
		p, err := parseProperty(k.child("ExtendedFieldURI"))
		if err != nil {
			return nil, err
		}
		v, err := parseValue(p.tag.Type(), k)
		if err != nil {
			return nil, err
		}
		p.set(&ps, v)
	}
	return ps, nil
}

func parseValue(t mapi.Type, n *node) (mapi.Value, *failure) {
	if !t.Multi() {
		return parseSingle(t, n.value("Value"))
	}
	var elems [][]byte
	for _, k := range n.list("Values") {
		v, err := parseSingle(t.Elem(), k.text)
		if err != nil {
			return v, err
		}
		elems = append(elems, v.Raw())
	}
	if t.FixedSize() > 0 {
		var raw []byte
		for _, e := range elems {
			raw = append(raw, e...)
		}
		return mapi.RawValue(t, raw), nil
	}
	return mapi.MultiValue(t, elems), nil
}

func parseSingle(t mapi.Type, s string) (mapi.Value, *failure) {
	bad := fail("ErrorInvalidExtendedPropertyValue", "The value %.40q does not have the type %s.", s, typeName(t))
	if t != mapi.TypeString {
		s = words(s)
	}
	le := binary.LittleEndian
	switch t {
	case mapi.TypeString:
		return mapi.StringValue(s), nil
	case mapi.TypeBoolean:
		if s != "true" && s != "false" && s != "1" && s != "0" {
			return mapi.Value{}, bad
		}
		return mapi.BoolValue(boolean(s)), nil
	case mapi.TypeTime:
		tm, err := parseTime(s)
		if err != nil {
			return mapi.Value{}, bad
		}
		return mapi.TimeValue(tm), nil
	case mapi.TypeGUID:
		g, err := mapi.ParseGUID(s)
		if err != nil {
			return mapi.Value{}, bad
		}
		return mapi.GUIDValue(g), nil
	case mapi.TypeBinary:
		b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(s), ""))
		if err != nil {
			return mapi.Value{}, bad
		}
		return mapi.BinaryValue(b), nil
	case mapi.TypeFloating32:
		f, err := strconv.ParseFloat(s, 32)
		if err != nil {
			return mapi.Value{}, bad
		}
		return mapi.RawValue(t, le.AppendUint32(nil, math.Float32bits(float32(f)))), nil
	case mapi.TypeFloating64, mapi.TypeAppTime:
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return mapi.Value{}, bad
		}
		return mapi.RawValue(t, le.AppendUint64(nil, math.Float64bits(f))), nil
	case mapi.TypeInteger16, mapi.TypeInteger32, mapi.TypeInteger64, mapi.TypeCurrency:
		n, err := strconv.ParseInt(s, 10, 8*t.FixedSize())
		if err != nil {
			return mapi.Value{}, bad
		}
		return mapi.RawValue(t, le.AppendUint64(nil, uint64(n))[:t.FixedSize()]), nil
	}
	return mapi.Value{}, bad
}

// parseTime reads an xs:dateTime; without a zone it is UTC.
func parseTime(s string) (time.Time, error) {
	s = words(s)
	for _, form := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02Z07:00", "2006-01-02"} {
		if t, err := time.Parse(form, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%.40q is no time", s)
}

func itoa(n int) string { return strconv.Itoa(n) }

func btoa(b bool) string { return strconv.FormatBool(b) }
