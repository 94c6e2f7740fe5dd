package graphtest

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// A query holds the system query options of a request.
// [OData-Protocol 4.01] 11.2
type query struct {
	sel     []string
	expand  []expansion
	filter  expr
	text    string // the filter as it was written
	order   []ordering
	search  string
	top     int // -1 when not given
	skip    int
	count   bool
	token   string // $skiptoken, of our own making
	delta   string // $deltatoken, of our own making
	changes string // changeType
	hidden  bool   // includeHiddenFolders
	start   string // startDateTime, endDateTime of a calendarView
	end     string
	raw     url.Values
}

// An expansion is one navigation property to be included, with the options that
// stand in its parentheses.
type expansion struct {
	name string
	query
}

type ordering struct {
	path string
	desc bool
}

// options that a request may have besides those that start with $.
var plainOptions = []string{"changeType", "includeHiddenFolders", "startDateTime", "endDateTime", "includeNestedFolders"}

func parseQuery(v url.Values) (query, error) {
	q := query{top: -1, raw: v}
	for name, values := range v {
		if len(values) != 1 {
			return q, fmt.Errorf("query option %s was given more than once", name)
		}
		s := values[0]
		// QUIRK: Graph takes system query options without their $ too.
		if !slices.Contains(plainOptions, name) {
			name = "$" + strings.TrimPrefix(name, "$")
		}
		if err := q.set(name, s); err != nil {
			return q, err
		}
	}
	return q, nil
}

func (q *query) set(name, s string) (err error) {
	switch strings.ToLower(name) {
	case "$select":
		for _, f := range strings.Split(s, ",") {
			q.sel = append(q.sel, strings.TrimSpace(f))
		}
	case "$expand":
		q.expand, err = parseExpand(s)
	case "$filter":
		q.text = s
		q.filter, err = parseFilter(s)
	case "$orderby":
		for _, f := range strings.Split(s, ",") {
			path, dir, _ := strings.Cut(strings.TrimSpace(f), " ")
			if dir = strings.TrimSpace(dir); dir != "" && dir != "asc" && dir != "desc" {
				return fmt.Errorf("$orderby: %q is neither asc nor desc", dir)
			}
			q.order = append(q.order, ordering{path, dir == "desc"})
		}
	case "$search":
		q.search = s
	case "$top":
		if q.top, err = strconv.Atoi(s); err != nil || q.top < 0 {
			return fmt.Errorf("invalid value %q for $top", s)
		}
	case "$skip":
		if q.skip, err = strconv.Atoi(s); err != nil || q.skip < 0 {
			return fmt.Errorf("invalid value %q for $skip", s)
		}
	case "$count":
		if q.count, err = strconv.ParseBool(s); err != nil {
			return fmt.Errorf("invalid value %q for $count", s)
		}
	case "$skiptoken":
		q.token = s
	case "$deltatoken":
		q.delta = s
	case "$format":
	case "changetype":
		if !slices.Contains([]string{"created", "updated", "deleted"}, s) {
			return fmt.Errorf("changeType %q is not known", s)
		}
		q.changes = s
	case "includehiddenfolders":
		if q.hidden, err = strconv.ParseBool(s); err != nil {
			return fmt.Errorf("invalid value %q for includeHiddenFolders", s)
		}
	case "includenestedfolders":
	case "startdatetime":
		q.start = s
	case "enddatetime":
		q.end = s
	default:
		return fmt.Errorf("the query option %s is not known", name)
	}
	return err
}

// parseExpand reads a list of properties, each with options in parentheses that
// are parted by semicolons. [OData-URL 4.01] 5.1.3
func parseExpand(s string) ([]expansion, error) {
	var out []expansion
	for _, item := range splitOutside(s, ',') {
		name, options, has := strings.Cut(strings.TrimSpace(item), "(")
		e := expansion{name: strings.TrimSpace(name)}
		e.top = -1
		if has {
			if !strings.HasSuffix(options, ")") {
				return nil, fmt.Errorf("$expand: a parenthesis is not closed")
			}
			for _, o := range splitOutside(options[:len(options)-1], ';') {
				k, v, _ := strings.Cut(o, "=")
				if err := e.set("$"+strings.TrimPrefix(strings.TrimSpace(k), "$"), strings.TrimSpace(v)); err != nil {
					return nil, err
				}
			}
		}
		if e.name == "" {
			return nil, fmt.Errorf("$expand: a name is missing")
		}
		out = append(out, e)
	}
	return out, nil
}

// splitOutside splits at sep where it stands neither in parentheses nor in
// quotes.
func splitOutside(s string, sep byte) []string {
	var out []string
	depth, quoted, from := 0, false, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == sep && depth == 0:
			out = append(out, s[from:i])
			from = i + 1
		}
	}
	return append(out, s[from:])
}

func (q *query) expands(name string) (expansion, bool) {
	for _, e := range q.expand {
		if strings.EqualFold(e.name, name) {
			return e, true
		}
	}
	return expansion{}, false
}

// selects reports whether a property is wanted.
func (q *query) selects(name string) bool {
	return len(q.sel) == 0 || slices.ContainsFunc(q.sel, func(s string) bool { return s == "*" || strings.EqualFold(s, name) })
}

// apply leaves the properties that were selected or expanded, and control
// information.
func (q *query) apply(o object) object {
	if len(q.sel) == 0 {
		return o
	}
	for n := range o {
		base, _, control := strings.Cut(n, "@")
		keep := n == "id" || q.selects(n) || control && (base == "" || q.selects(base))
		if _, ok := q.expands(n); ok {
			keep = true
		}
		if !keep {
			delete(o, n)
		}
	}
	return o
}
