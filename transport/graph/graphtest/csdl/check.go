package csdl

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
)

// Check judges a JSON value of a type, as in graph.message or
// Collection(graph.message), and returns what is wrong with it, one line for
// each place. The value is what encoding/json makes of text; a [mapi.Blob]
// stands for the bytes of an Edm.Binary or Edm.Stream, and a time.Time for an
// Edm.DateTimeOffset. A collection may be
// wrapped as replies wrap it: {"value": [...]}. Requests leave properties out
// and so do replies to $select, so a missing one is an error only in types
// that say so.
func (s *Schema) Check(name string, v any) []string {
	c := checker{s: s}
	if elem, ok := collection(name); ok {
		if o, is := v.(map[string]any); is {
			c.wrapped(elem, o)
			return c.found
		}
	}
	c.value("", name, v, true)
	return c.found
}

type checker struct {
	s     *Schema
	found []string
}

func (c *checker) wrong(path, format string, args ...any) {
	if path == "" {
		path = "."
	}
	c.found = append(c.found, path+": "+fmt.Sprintf(format, args...))
}

func collection(name string) (elem string, ok bool) {
	if strings.HasPrefix(name, "Collection(") && strings.HasSuffix(name, ")") {
		return name[len("Collection(") : len(name)-1], true
	}
	return "", false
}

// control are the control information of a response that a whole reply, or
// each of its objects, may have. [OData-JSON 4.01] 4.6
var (
	ofReply  = []string{"@odata.context", "@odata.count", "@odata.nextLink", "@odata.deltaLink"}
	ofObject = []string{"@odata.context", "@odata.etag", "@odata.id", "@odata.type", "@odata.editLink", "@odata.mediaContentType", "@odata.mediaEditLink", "@odata.mediaReadLink"}
	ofMember = []string{"odata.context", "odata.count", "odata.nextLink", "odata.associationLink", "odata.navigationLink", "odata.type", "odata.mediaReadLink", "odata.bind"}
)

func (c *checker) wrapped(elem string, o map[string]any) {
	if _, ok := o["value"]; !ok {
		c.wrong("", "a collection without value")
	}
	for _, k := range keys(o) {
		switch v := o[k]; {
		case k == "value":
			c.value("value", "Collection("+elem+")", v, false)
		case !slices.Contains(ofReply, k):
			c.wrong(k, "no control information of a collection")
		case k == "@odata.count":
			c.value(k, "Edm.Int64", v, false)
		default:
			c.value(k, "Edm.String", v, false)
		}
	}
	if o["@odata.nextLink"] != nil && o["@odata.deltaLink"] != nil {
		c.wrong("", "a page has either a nextLink or a deltaLink")
	}
}

func keys(o map[string]any) []string {
	list := make([]string, 0, len(o))
	for k := range o {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}

func (c *checker) value(path, name string, v any, null bool) {
	if v == nil {
		if !null {
			c.wrong(path, "null in the place of %s", name)
		}
		return
	}
	if elem, ok := collection(name); ok {
		list, is := v.([]any)
		if !is {
			c.wrong(path, "%T in the place of %s", v, name)
			return
		}
		for i, e := range list {
			c.value(fmt.Sprintf("%s[%d]", path, i), elem, e, false)
		}
		return
	}
	if m, ok := c.s.enums[name]; ok {
		if s, is := v.(string); !is || !m[s] {
			c.wrong(path, "%v is no member of %s", v, name)
		}
		return
	}
	if strings.HasPrefix(name, "Edm.") {
		c.primitive(path, name, v)
		return
	}
	o, is := v.(map[string]any)
	if !is {
		c.wrong(path, "%T in the place of %s", v, name)
		return
	}
	c.object(path, name, o)
}

func (c *checker) object(path, name string, o map[string]any) {
	if s, ok := o["@odata.type"].(string); ok {
		d := strings.Replace(strings.TrimPrefix(s, "#"), "microsoft.graph.", "graph.", 1)
		switch {
		case c.s.types[d] == nil:
			c.wrong(path, "@odata.type %s is not known", s)
			return
		case !c.s.derives(d, name):
			c.wrong(path, "@odata.type %s in the place of %s", s, name)
			return
		}
		name = d
	}
	t := c.s.types[name]
	if t == nil {
		c.wrong(path, "the type %s is not known", name)
		return
	}
	for _, k := range keys(o) {
		at := k
		if path != "" {
			at = path + "." + k
		}
		if p, ok := c.s.property(t, k); ok {
			c.value(at, p.typ, o[k], p.null)
			continue
		}
		switch member, control, _ := strings.Cut(k, "@"); {
		case k == "@removed":
			c.value(at, "Edm.Untyped", o[k], false)
		case member == "" && slices.Contains(ofObject, k):
			c.value(at, "Edm.String", o[k], false)
		case member != "" && slices.Contains(ofMember, control):
			if _, ok := c.s.property(t, member); !ok {
				c.wrong(at, "%s has no such property", name)
			}
		default:
			c.wrong(at, "%s has no such property", name)
		}
	}
	for n, p := range t.props {
		if _, has := o[n]; p.required && !has {
			c.wrong(path, "%s is missing", n)
		}
	}
}

var (
	dateRE = regexp.MustCompile(`^\d{4}-\d\d-\d\d$`)
	timeRE = regexp.MustCompile(`^\d\d:\d\d(:\d\d(\.\d+)?)?$`)
)

// primitive judges a value of a primitive type. [OData-JSON 4.01] 7.1
func (c *checker) primitive(path, name string, v any) {
	bad := func() { c.wrong(path, "%s is no %s", short(v), name) }
	s, isString := v.(string)
	switch name {
	case "Edm.Untyped":
	case "Edm.String":
		if !isString {
			bad()
		}
	case "Edm.Boolean":
		if _, ok := v.(bool); !ok {
			bad()
		}
	case "Edm.Int16", "Edm.Int32", "Edm.Int64":
		bits := map[string]int{"Edm.Int16": 16, "Edm.Int32": 32, "Edm.Int64": 64}[name]
		if _, err := strconv.ParseInt(number(v), 10, bits); err != nil {
			bad()
		}
	case "Edm.Double", "Edm.Single", "Edm.Decimal":
		if _, err := strconv.ParseFloat(number(v), 64); err != nil {
			bad()
		}
	case "Edm.DateTimeOffset":
		if _, ok := v.(time.Time); ok {
			return
		}
		if _, err := time.Parse(time.RFC3339, s); err != nil {
			bad()
		}
	case "Edm.Date":
		if _, err := time.Parse("2006-01-02", s); err != nil || !dateRE.MatchString(s) {
			bad()
		}
	case "Edm.TimeOfDay":
		if !timeRE.MatchString(s) {
			bad()
		}
	case "Edm.Guid":
		if _, err := mapi.ParseGUID(s); err != nil {
			bad()
		}
	case "Edm.Binary", "Edm.Stream":
		if _, ok := v.(mapi.Blob); ok {
			return
		}
		if _, err := base64.StdEncoding.DecodeString(s); !isString || err != nil {
			if _, err := base64.URLEncoding.DecodeString(s); !isString || err != nil {
				bad()
			}
		}
	case "Edm.Duration":
		if !strings.HasPrefix(strings.TrimPrefix(s, "-"), "P") {
			bad()
		}
	default:
		c.wrong(path, "the type %s is not known", name)
	}
}

// number is the text of a JSON number, "" for anything else.
func number(v any) string {
	switch n := v.(type) {
	case json.Number:
		return n.String()
	case float64:
		return strconv.FormatFloat(n, 'f', -1, 64)
	case int:
		return strconv.Itoa(n)
	case int32:
		return strconv.FormatInt(int64(n), 10)
	case int64:
		return strconv.FormatInt(n, 10)
	}
	return ""
}

func short(v any) string {
	s := fmt.Sprint(v)
	if len(s) > 40 {
		s = s[:40] + "..."
	}
	return strconv.Quote(s)
}
