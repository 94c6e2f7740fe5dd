package ewstest

import (
	"encoding/base64"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// A view is an item, or a message embedded in one, as one reply shows it.
type view struct {
	c   *call
	m   *mailbox.Mailbox
	it  *mailbox.Item // the item, also where msg is embedded in it
	msg *mapi.Message
	sh  shape
	// path leads to an embedded message.
	path []int
}

func (v *view) embedded() bool { return len(v.path) > 0 }

// A field is an element of an item: how it is read from properties and how it
// is set. [MS-OXWSCORE] 2.2.4.24 and the specifications of the item types
type field struct {
	uri   string
	name  string
	scope scope
	// get gives nil, string, bool, int64, float64, time.Time, []string,
	// []byte, or a func(*view) error that writes the element.
	get func(v *view) any
	// set reads the element into an item; nil is read-only.
	set func(e *edit, n *node) error
	// remove takes the field from an item; nil cannot be removed.
	remove func(ps *mapi.Properties)
}

// An edit is an item that is made or changed.
type edit struct {
	c   *call
	m   *mailbox.Mailbox
	msg *mapi.Message
	// read is the read state that was asked for.
	read *bool
}

func (v *view) props() mapi.Properties { return v.msg.Props }

// text is a field that is a string property.
func text(uri string, sc scope, p property) field {
	return field{
		uri: uri, name: element(uri), scope: sc,
		get: func(v *view) any {
			val, ok := p.get(v.props())
			if !ok || !val.Type().IsString() {
				return nil
			}
			return val.Text()
		},
		set:    func(e *edit, n *node) error { p.set(&e.msg.Props, mapi.StringValue(n.text)); return nil },
		remove: p.remove,
	}
}

func flag(uri string, sc scope, p property) field {
	return field{
		uri: uri, name: element(uri), scope: sc,
		get: func(v *view) any {
			val, ok := p.get(v.props())
			if !ok {
				return nil
			}
			n, _ := val.Int()
			return n != 0
		},
		set:    func(e *edit, n *node) error { p.set(&e.msg.Props, mapi.BoolValue(boolean(words(n.text)))); return nil },
		remove: p.remove,
	}
}

func integer(uri string, sc scope, p property) field {
	return field{
		uri: uri, name: element(uri), scope: sc,
		get: func(v *view) any {
			val, ok := p.get(v.props())
			if n, isInt := val.Int(); ok && isInt {
				return n
			}
			return nil
		},
		set: func(e *edit, n *node) error {
			i, err := strconv.ParseInt(words(n.text), 10, 32)
			if err != nil {
				return fail("ErrorInvalidPropertySet", "%s is no number", n.name)
			}
			p.set(&e.msg.Props, mapi.Int32Value(int32(i)))
			return nil
		},
		remove: p.remove,
	}
}

func date(uri string, sc scope, ps ...property) field {
	return field{
		uri: uri, name: element(uri), scope: sc,
		get: func(v *view) any {
			val, ok := ps[0].get(v.props())
			if t, isTime := val.Time(); ok && isTime {
				return t
			}
			return nil
		},
		set: func(e *edit, n *node) error {
			t, err := parseTime(n.text)
			if err != nil {
				return fail("ErrorInvalidPropertySet", "%v", err)
			}
			for _, p := range ps {
				p.set(&e.msg.Props, mapi.TimeValue(t))
			}
			return nil
		},
		remove: func(list *mapi.Properties) {
			for _, p := range ps {
				p.remove(list)
			}
		},
	}
}

// list is a field of several strings.
func list(uri string, sc scope, p property) field {
	return field{
		uri: uri, name: element(uri), scope: sc,
		get: func(v *view) any {
			val, ok := p.get(v.props())
			if !ok || len(val.Texts()) == 0 {
				return nil
			}
			return val.Texts()
		},
		set: func(e *edit, n *node) error {
			var l []string
			for _, k := range n.kids {
				l = append(l, k.text)
			}
			if len(l) == 0 {
				p.remove(&e.msg.Props)
				return nil
			}
			p.set(&e.msg.Props, mapi.MultiStringValue(l))
			return nil
		},
		remove: p.remove,
	}
}

// choice is a field whose values are names for numbers.
func choice(uri string, sc scope, p property, otherwise int64, names ...string) field {
	return field{
		uri: uri, name: element(uri), scope: sc,
		get: func(v *view) any {
			n := otherwise
			if val, ok := p.get(v.props()); ok {
				if i, ok := val.Int(); ok {
					n = i
				}
			}
			if n < 0 || n >= int64(len(names)) {
				return nil
			}
			return names[n]
		},
		set: func(e *edit, n *node) error {
			i := slices.Index(names, words(n.text))
			if i < 0 {
				return fail("ErrorInvalidPropertySet", "%s cannot be %q", n.name, n.text)
			}
			p.set(&e.msg.Props, mapi.Int32Value(int32(i)))
			return nil
		},
		remove: p.remove,
	}
}

// computed is a field that the server makes.
func computed(uri string, sc scope, get func(v *view) any) field {
	return field{uri: uri, name: element(uri), scope: sc, get: get}
}

func element(uri string) string {
	_, name, _ := strings.Cut(uri, ":")
	return name
}

// write writes a value that get gave.
func (v *view) write(name string, val any) error {
	w := v.c.w
	switch x := val.(type) {
	case nil:
	case string:
		w.elem("t:"+name, x)
	case bool:
		w.bool("t:"+name, x)
	case int64:
		w.int("t:"+name, x)
	case float64:
		w.elem("t:"+name, strconv.FormatFloat(x, 'f', -1, 64))
	case time.Time:
		w.elem("t:"+name, w.time(x))
	case []byte:
		w.elem("t:"+name, base64.StdEncoding.EncodeToString(x))
	case []string:
		w.open("t:" + name)
		for _, s := range x {
			w.elem("t:String", s)
		}
		w.close()
	case func(*view) error:
		return x(v)
	}
	return nil
}

// compare orders two plain values; ok is false where they cannot be compared.
func compare(a, b any) (n int, ok bool) {
	if l, isList := a.([]string); isList {
		a = strings.Join(l, ", ")
	}
	switch x := a.(type) {
	case string:
		y, ok := b.(string)
		return strings.Compare(strings.ToLower(x), strings.ToLower(y)), ok
	case bool:
		y, ok := b.(bool)
		return strings.Compare(btoa(x), btoa(y)), ok
	case int64:
		y, ok := b.(int64)
		switch {
		case x < y:
			return -1, ok
		case x > y:
			return 1, ok
		}
		return 0, ok
	case float64:
		y, ok := b.(float64)
		switch {
		case x < y:
			return -1, ok
		case x > y:
			return 1, ok
		}
		return 0, ok && !math.IsNaN(x)
	case time.Time:
		y, ok := b.(time.Time)
		return x.Compare(y), ok
	}
	return 0, false
}

// like reads a constant as a value of the kind that a is.
func like(a any, s string) (any, bool) {
	switch a.(type) {
	case string, []string:
		return s, true
	case bool:
		return boolean(words(s)), true
	case int64:
		n, err := strconv.ParseInt(words(s), 10, 64)
		return n, err == nil
	case float64:
		f, err := strconv.ParseFloat(words(s), 64)
		return f, err == nil
	case time.Time:
		t, err := parseTime(s)
		return t, err == nil
	}
	return nil, false
}

// kinds of items: the element, and the fields after those of every item.
type kind struct {
	element string
	fields  []field
}

var kinds = map[string]kind{
	"Item":                {"Item", nil},
	"Message":             {"Message", messageFields},
	"MeetingRequest":      {"MeetingRequest", messageFields},
	"MeetingResponse":     {"MeetingResponse", messageFields},
	"MeetingCancellation": {"MeetingCancellation", messageFields},
	"MeetingMessage":      {"MeetingMessage", messageFields},
	"CalendarItem":        {"CalendarItem", calendarFields},
	"Contact":             {"Contact", contactFields},
	"DistributionList":    {"DistributionList", listFields},
	"Task":                {"Task", taskFields},
	"PostItem":            {"PostItem", postFields},
}

// classes says which element items of a message class are. The first that fits
// counts; a class fits those below it too.
var classes = []struct{ class, element string }{
	{"IPM.Schedule.Meeting.Request", "MeetingRequest"},
	{"IPM.Schedule.Meeting.Canceled", "MeetingCancellation"},
	{"IPM.Schedule.Meeting.Resp", "MeetingResponse"},
	{"IPM.Appointment", "CalendarItem"},
	{"IPM.Contact", "Contact"},
	{"IPM.DistList", "DistributionList"},
	{"IPM.Task", "Task"},
	{"IPM.Post", "PostItem"},
	{"IPM.Note", "Message"},
	{"IPM.StickyNote", "Message"},
	{"REPORT", "Message"},
}

func kindOf(class string) kind {
	for _, c := range classes {
		if strings.EqualFold(class, c.class) || len(class) > len(c.class) && class[len(c.class)] == '.' && strings.EqualFold(class[:len(c.class)], c.class) {
			return kinds[c.element]
		}
	}
	return kinds["Item"]
}

// classFor is the message class of a new item by its element.
var classFor = map[string]string{
	"Item": "IPM.Note", "Message": "IPM.Note", "CalendarItem": "IPM.Appointment", "Contact": "IPM.Contact",
	"DistributionList": "IPM.DistList", "Task": "IPM.Task", "PostItem": "IPM.Post",
	"MeetingRequest": "IPM.Schedule.Meeting.Request", "MeetingCancellation": "IPM.Schedule.Meeting.Canceled",
}

// each goes through all fields of an item in the order of the schema.
func (k kind) each() []field { return slices.Concat(itemFields, k.fields) }

// byName finds a field of a kind by its element, byURI any field.
func (k kind) byName(name string) (field, bool) {
	for _, f := range k.each() {
		if f.name == name {
			return f, true
		}
	}
	return field{}, false
}

// fieldByURI finds a field of any kind.
func fieldByURI(uri string) (field, bool) {
	for _, l := range [][]field{itemFields, messageFields, calendarFields, contactFields, listFields, taskFields, postFields} {
		for _, f := range l {
			if f.uri == uri {
				return f, true
			}
		}
	}
	return field{}, false
}

// writeItem writes an item in the shape of the view.
func (v *view) writeItem() error {
	k := kindOf(v.msg.Class())
	w := v.c.w
	w.open("t:" + k.element)
	if v.sh.mime {
		if err := v.mimeContent(); err != nil {
			return err
		}
	}
	if !v.embedded() {
		v.c.itemID(v.m, v.it)
	}
	for _, f := range k.each() {
		if f.name == "ExtendedProperty" {
			if !w.q.OddElements {
				v.writeExtended()
			}
			continue
		}
		asked := v.sh.has(f.uri, f.scope)
		if f.uri == "item:DateTimeReceived" && w.q.ReceivedIsCreated && !asked && !v.embedded() {
			// QUIRK: the time of creation goes into every item.
			w.elem("t:DateTimeReceived", w.time(v.it.Created))
			continue
		}
		if !asked && !v.indexed(f.uri) || f.get == nil {
			continue
		}
		val := f.get(v)
		if text, ok := val.(string); ok && v.sh.short {
			val = shorten(text)
		}
		if err := v.write(f.name, val); err != nil {
			return err
		}
	}
	if w.q.OddElements {
		v.writeExtended()
	}
	w.close()
	return nil
}

// indexed reports whether an entry of a field with entries is asked for.
func (v *view) indexed(uri string) bool {
	for u := range v.sh.indexed {
		if indexedField(u) == uri {
			return true
		}
	}
	return false
}

func (v *view) writeExtended() {
	for _, p := range v.sh.extended {
		if val, ok := v.value(p); ok {
			if v.sh.short {
				val = shortValue(val)
			}
			v.c.extended(p, val)
		}
	}
}

// What a listing gives of a long value. [MS-OXCTABL] 2.2.1.1 and the remarks of
// FindItem: 255 characters, or 510 bytes.
const (
	shortText   = 255
	shortBinary = 510
)

func shorten(s string) string {
	n := 0
	for i := range s {
		if n++; n > shortText {
			return s[:i]
		}
	}
	return s
}

func shortValue(v mapi.Value) mapi.Value {
	switch t := v.Type(); {
	case t == mapi.TypeString || t == mapi.TypeString8:
		if s := v.Text(); v.Size() > shortText {
			return mapi.StringValue(shorten(s))
		}
	case t == mapi.TypeBinary && v.Size() > shortBinary:
		if b := v.Raw(); b != nil {
			return mapi.BinaryValue(b[:shortBinary])
		}
	}
	return v
}
