package ews

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport/ews/soap"
)

// wireTypes are the names of the types of extended properties.
// [MS-OXWSXPROP] 2.1.7
var wireTypes = map[mapi.Type]string{
	mapi.TypeInteger16: "Short", mapi.TypeInteger32: "Integer", mapi.TypeInteger64: "Long",
	mapi.TypeFloating32: "Float", mapi.TypeFloating64: "Double", mapi.TypeCurrency: "Currency", mapi.TypeAppTime: "ApplicationTime",
	mapi.TypeBoolean: "Boolean", mapi.TypeString: "String", mapi.TypeTime: "SystemTime", mapi.TypeGUID: "CLSID", mapi.TypeBinary: "Binary",
}

// wireType is the name of a type, "" for one that EWS has not.
func wireType(t mapi.Type) string {
	if t.Elem() == mapi.TypeString8 {
		t = t&mapi.MultiValueFlag | mapi.TypeString // the wire is UTF-8
	}
	name := wireTypes[t.Elem()]
	if name == "" || t == mapi.TypeBoolean|mapi.MultiValueFlag {
		return ""
	}
	if t.Multi() {
		name += "Array"
	}
	return name
}

// typeOf reads such a name.
func typeOf(name string) (mapi.Type, bool) {
	elem, multi := strings.CutSuffix(name, "Array")
	for t, n := range wireTypes {
		if n == elem {
			if multi {
				t |= mapi.MultiValueFlag
			}
			return t, true
		}
	}
	return 0, false
}

// sets are the property sets that have a name on the wire.
// [MS-OXWSXPROP] 2.1.4
var sets = map[string]mapi.GUID{
	"Meeting":           mapi.PSETIDMeeting,
	"Appointment":       mapi.PSETIDAppointment,
	"Common":            mapi.PSETIDCommon,
	"PublicStrings":     mapi.PidNameKeywords.Set,
	"Address":           mapi.PSETIDAddress,
	"InternetHeaders":   mapi.MustGUID("00020386-0000-0000-C000-000000000046"),
	"CalendarAssistant": mapi.PSETIDCalendarAssistant,
	"UnifiedMessaging":  mapi.PSETIDUnifiedMessaging,
	"Task":              mapi.PSETIDTask,
	"Sharing":           mapi.PSETIDSharing,
}

// A field is a property that is asked for.
type field struct {
	tag  mapi.Tag // its type counts; the identifier where name is nil
	name *mapi.Name
}

// attrs are the attributes of an ExtendedFieldURI, nil when EWS cannot say it.
func (f field) attrs() []string {
	t := wireType(f.tag.Type())
	switch {
	case t == "":
		return nil
	case f.name == nil && f.tag.Named():
		return nil // an identifier without a name means nothing elsewhere
	case f.name == nil:
		return []string{"PropertyTag", fmt.Sprintf("0x%04X", f.tag.ID()), "PropertyType", t}
	}
	out := []string{"PropertySetId", strings.ToLower(f.name.Set.String())}
	for name, set := range sets {
		if set == f.name.Set {
			out = []string{"DistinguishedPropertySetId", name}
		}
	}
	if f.name.Name != "" {
		out = append(out, "PropertyName", f.name.Name)
	} else {
		out = append(out, "PropertyId", strconv.FormatUint(uint64(f.name.ID), 10))
	}
	return append(out, "PropertyType", t)
}

func (f field) write(w *soap.Writer) { w.Empty("t:ExtendedFieldURI", f.attrs()...) }

// maxValue is the largest value in bytes that travels as an extended property.
const maxValue = 512 << 10

// writeProperty writes <t:ExtendedProperty>; false when EWS cannot carry it.
func writeProperty(w *soap.Writer, p mapi.Property) bool {
	attrs := field{p.Tag.WithType(p.Value.Type()), p.Name}.attrs()
	if attrs == nil || p.Value.Size() > maxValue {
		return false
	}
	v := p.Value
	if !v.InMemory() {
		raw, err := mapi.ReadBlob(context.Background(), v.Blob(), maxValue)
		if err != nil {
			return false
		}
		v = mapi.RawValue(v.Type(), raw).WithCharset(v.Charset())
	}
	var texts []string
	if v.Type().Multi() {
		for i := range v.Elems() {
			s, ok := valueText(v.Elem(i))
			if !ok {
				return false
			}
			texts = append(texts, s)
		}
		if len(texts) == 0 {
			return false // the schema has no empty list
		}
	} else {
		s, ok := valueText(v)
		if !ok {
			return false
		}
		texts = []string{s}
	}
	w.Start("t:ExtendedProperty").Empty("t:ExtendedFieldURI", attrs...)
	if v.Type().Multi() {
		w.Start("t:Values")
	}
	for _, s := range texts {
		w.Element("t:Value", s)
	}
	if v.Type().Multi() {
		w.End()
	}
	w.End()
	return true
}

// valueText is one value as the wire has it.
func valueText(v mapi.Value) (string, bool) {
	switch v.Type() {
	case mapi.TypeString, mapi.TypeString8:
		return v.Text(), true
	case mapi.TypeBoolean:
		n, ok := v.Int()
		return strconv.FormatBool(n != 0), ok
	case mapi.TypeTime:
		t, ok := v.Time()
		return t.UTC().Format(timeForm), ok && t.Year() > 0 && t.Year() < 10000
	case mapi.TypeGUID:
		g, ok := v.GUID()
		return strings.ToLower(g.String()), ok
	case mapi.TypeBinary:
		return base64.StdEncoding.EncodeToString(v.Raw()), true
	case mapi.TypeFloating32, mapi.TypeFloating64, mapi.TypeAppTime:
		f, ok := v.Float()
		return strconv.FormatFloat(f, 'g', -1, 64), ok
	}
	n, ok := v.Int()
	return strconv.FormatInt(n, 10), ok
}

// timeForm is an instant with the precision of a FILETIME.
const timeForm = "2006-01-02T15:04:05.9999999Z"

// readTime reads xs:dateTime. QUIRK: servers write up to nine decimals.
func readTime(s string) (time.Time, bool) {
	s = strings.TrimSpace(s)
	for _, form := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
		if t, err := time.Parse(form, s); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// readProperty reads an ExtendedProperty; false when it says nothing that we
// know.
func readProperty(s *soap.Scanner) (mapi.Property, bool) {
	var p mapi.Property
	var texts []string
	known := false
	for depth := s.Depth(); s.Child(depth); {
		switch s.Name() {
		case "ExtendedFieldURI":
			p, known = readField(s)
		case "Value":
			texts = append(texts, s.Text())
		case "Values":
			for depth := s.Depth(); s.Child(depth); {
				texts = append(texts, s.Text())
			}
		}
	}
	if !known {
		return p, false
	}
	t := p.Tag.Type()
	if !t.Multi() {
		if len(texts) == 0 {
			return p, false
		}
		var ok bool
		p.Value, ok = textValue(t, texts[0])
		return p, ok
	}
	elems := make([][]byte, 0, len(texts))
	for _, text := range texts {
		v, ok := textValue(t.Elem(), text)
		if !ok {
			return p, false
		}
		elems = append(elems, v.Raw())
	}
	if t.FixedSize() > 0 {
		p.Value = mapi.RawValue(t, bytes.Join(elems, nil))
	} else {
		p.Value = mapi.MultiValue(t, elems)
	}
	return p, true
}

// readField reads the attributes of an ExtendedFieldURI. QUIRK: tags come
// without leading zeros (0xe06), and in decimal.
func readField(s *soap.Scanner) (p mapi.Property, ok bool) {
	t, ok := typeOf(s.Attr("PropertyType"))
	if !ok {
		return p, false
	}
	if tag := s.Attr("PropertyTag"); tag != "" {
		n, err := strconv.ParseUint(strings.ToLower(tag), 0, 16)
		p.Tag = mapi.NewTag(uint16(n), t)
		return p, err == nil
	}
	name := &mapi.Name{Name: s.Attr("PropertyName")}
	if d := s.Attr("DistinguishedPropertySetId"); d != "" {
		if name.Set, ok = sets[d]; !ok {
			return p, false
		}
	} else {
		var err error
		if name.Set, err = mapi.ParseGUID(s.Attr("PropertySetId")); err != nil {
			return p, false
		}
	}
	if name.Name == "" {
		n, err := strconv.ParseUint(s.Attr("PropertyId"), 0, 32)
		if err != nil {
			return p, false
		}
		name.ID = uint32(n)
	}
	p.Name, p.Tag = name, mapi.NewTag(0x8000, t)
	return p, true
}

// textValue reads one value of the wire.
func textValue(t mapi.Type, s string) (mapi.Value, bool) {
	text := s
	s = strings.TrimSpace(s)
	switch t {
	case mapi.TypeString:
		return mapi.StringValue(text), true
	case mapi.TypeBoolean:
		return mapi.BoolValue(s == "true" || s == "1"), true
	case mapi.TypeTime:
		at, ok := readTime(s)
		return mapi.TimeValue(at), ok
	case mapi.TypeGUID:
		g, err := mapi.ParseGUID(s)
		return mapi.GUIDValue(g), err == nil
	case mapi.TypeBinary:
		b, err := base64.StdEncoding.DecodeString(s)
		return mapi.BinaryValue(b), err == nil
	case mapi.TypeFloating64:
		f, err := strconv.ParseFloat(s, 64)
		return mapi.Float64Value(f), err == nil
	case mapi.TypeFloating32:
		f, err := strconv.ParseFloat(s, 32)
		return mapi.RawValue(t, binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(f)))), err == nil
	case mapi.TypeAppTime:
		f, err := strconv.ParseFloat(s, 64)
		return mapi.RawValue(t, mapi.Float64Value(f).Raw()), err == nil
	case mapi.TypeInteger16:
		n, err := strconv.ParseInt(s, 10, 16)
		return mapi.Int16Value(int16(n)), err == nil
	case mapi.TypeInteger32:
		// Some servers write a number with its highest bit set as positive.
		n, err := strconv.ParseInt(s, 10, 64)
		return mapi.Int32Value(int32(n)), err == nil && n >= -1<<31 && n < 1<<32
	case mapi.TypeInteger64, mapi.TypeCurrency:
		n, err := strconv.ParseInt(s, 10, 64)
		return mapi.RawValue(t, mapi.Int64Value(n).Raw()), err == nil
	}
	return mapi.Value{}, false
}
