package graphtest

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// An expr is a filter or a part of one. [OData-URL 4.01] 5.1.1
type expr interface{ eval(o object) any }

type (
	literal    struct{ v any }
	member     struct{ path []string }
	comparison struct {
		op   string
		a, b expr
	}
	not      struct{ e expr }
	function struct {
		name string
		args []expr
	}
	// lambda is any or all over a collection.
	lambda struct {
		path     []string
		all      bool
		variable string
		e        expr
	}
)

func parseFilter(s string) (expr, error) {
	p := &filterParser{s: s}
	e, err := p.or()
	if err == nil && p.peek() != "" {
		err = fmt.Errorf("%q is too much", p.peek())
	}
	if err != nil {
		return nil, fmt.Errorf("invalid filter clause: %w", err)
	}
	return e, nil
}

// matches reports whether a filter holds for an object.
func matches(e expr, o object) bool {
	v, _ := e.eval(o).(bool)
	return v
}

type filterParser struct {
	s     string
	pos   int
	depth int
}

// peek is the next token: a literal in quotes, a word, or a sign.
func (p *filterParser) peek() string {
	for p.pos < len(p.s) && p.s[p.pos] == ' ' {
		p.pos++
	}
	rest := p.s[p.pos:]
	if rest == "" {
		return ""
	}
	switch rest[0] {
	case '(', ')', ',':
		return rest[:1]
	case '\'':
		for i := 1; i < len(rest); i++ {
			if rest[i] != '\'' {
				continue
			}
			if i+1 < len(rest) && rest[i+1] == '\'' {
				i++
				continue
			}
			return rest[:i+1]
		}
		return rest
	}
	if i := strings.IndexAny(rest, " (),"); i >= 0 {
		return rest[:i]
	}
	return rest
}

func (p *filterParser) next() string {
	t := p.peek()
	p.pos += len(t)
	return t
}

func (p *filterParser) expect(t string) error {
	if got := p.next(); got != t {
		return fmt.Errorf("%q in the place of %q", got, t)
	}
	return nil
}

func (p *filterParser) or() (expr, error) { return p.chain("or", p.and) }

func (p *filterParser) and() (expr, error) { return p.chain("and", p.comparison) }

func (p *filterParser) chain(op string, part func() (expr, error)) (expr, error) {
	if p.depth++; p.depth > 100 {
		return nil, fmt.Errorf("too deep")
	}
	defer func() { p.depth-- }()
	a, err := part()
	for err == nil && p.peek() == op {
		p.next()
		var b expr
		if b, err = part(); err == nil {
			a = comparison{op, a, b}
		}
	}
	return a, err
}

func (p *filterParser) comparison() (expr, error) {
	if p.peek() == "not" {
		p.next()
		e, err := p.comparison()
		return not{e}, err
	}
	a, err := p.operand()
	if err != nil {
		return nil, err
	}
	switch op := p.peek(); op {
	case "eq", "ne", "gt", "ge", "lt", "le":
		p.next()
		b, err := p.operand()
		return comparison{op, a, b}, err
	}
	return a, nil
}

func (p *filterParser) operand() (expr, error) {
	t := p.next()
	switch {
	case t == "":
		return nil, fmt.Errorf("it ends too early")
	case t == "(":
		e, err := p.or()
		if err == nil {
			err = p.expect(")")
		}
		return e, err
	case t[0] == '\'':
		if len(t) < 2 || t[len(t)-1] != '\'' {
			return nil, fmt.Errorf("a quote is not closed")
		}
		return literal{strings.ReplaceAll(t[1:len(t)-1], "''", "'")}, nil
	case t == "true" || t == "false":
		return literal{t == "true"}, nil
	case t == "null":
		return literal{nil}, nil
	case t[0] == '-' || t[0] >= '0' && t[0] <= '9':
		if d, err := time.Parse(time.RFC3339, t); err == nil {
			return literal{d}, nil
		}
		if d, err := time.Parse("2006-01-02", t); err == nil {
			return literal{d}, nil
		}
		f, err := strconv.ParseFloat(t, 64)
		return literal{f}, err
	case p.peek() == "(":
		p.next()
		if i := strings.LastIndexByte(t, '/'); i >= 0 && (strings.EqualFold(t[i+1:], "any") || strings.EqualFold(t[i+1:], "all")) {
			return p.lambda(strings.Split(t[:i], "/"), strings.EqualFold(t[i+1:], "all"))
		}
		f := function{name: t}
		for {
			a, err := p.or()
			if err != nil {
				return nil, err
			}
			f.args = append(f.args, a)
			if t := p.next(); t == ")" {
				break
			} else if t != "," {
				return nil, fmt.Errorf("%q within %s()", t, f.name)
			}
		}
		if n, ok := functions[f.name]; !ok || n != len(f.args) {
			return nil, fmt.Errorf("no function %s of %d arguments", f.name, len(f.args))
		}
		return f, nil
	case t == ")" || t == ",":
		return nil, fmt.Errorf("%q in the place of a value", t)
	}
	return member{strings.Split(t, "/")}, nil
}

func (p *filterParser) lambda(path []string, all bool) (expr, error) {
	l := lambda{path: path, all: all}
	if p.peek() == ")" {
		p.next()
		return l, nil
	}
	v := p.next()
	name, rest, ok := strings.Cut(v, ":")
	if !ok {
		return nil, fmt.Errorf("%q is no variable of a lambda", v)
	}
	l.variable = name
	p.pos -= len(rest)
	e, err := p.or()
	l.e = e
	if err == nil {
		err = p.expect(")")
	}
	return l, err
}

// functions with the number of their arguments.
var functions = map[string]int{"startswith": 2, "endswith": 2, "contains": 2, "tolower": 1, "toupper": 1, "length": 1}

func (l literal) eval(object) any { return l.v }

func (m member) eval(o object) any {
	var v any = o
	for _, n := range m.path {
		c, ok := v.(object)
		if !ok {
			return nil
		}
		v = c[n]
	}
	return v
}

func (n not) eval(o object) any { v, _ := n.e.eval(o).(bool); return !v }

func (b comparison) eval(o object) any {
	x, y := b.a.eval(o), b.b.eval(o)
	switch b.op {
	case "and", "or":
		p, _ := x.(bool)
		q, _ := y.(bool)
		if b.op == "and" {
			return p && q
		}
		return p || q
	}
	c, ok := compare(x, y)
	switch b.op {
	case "eq":
		return ok && c == 0
	case "ne":
		return !ok || c != 0
	case "gt":
		return ok && c > 0
	case "ge":
		return ok && c >= 0
	case "lt":
		return ok && c < 0
	}
	return ok && c <= 0
}

func (f function) eval(o object) any {
	s, _ := f.args[0].eval(o).(string)
	switch f.name {
	case "tolower":
		return strings.ToLower(s)
	case "toupper":
		return strings.ToUpper(s)
	case "length":
		return float64(len(s))
	}
	t, _ := f.args[1].eval(o).(string)
	// Exchange compares without regard to case.
	s, t = strings.ToLower(s), strings.ToLower(t)
	switch f.name {
	case "startswith":
		return strings.HasPrefix(s, t)
	case "endswith":
		return strings.HasSuffix(s, t)
	}
	return strings.Contains(s, t)
}

func (l lambda) eval(o object) any {
	v := member{l.path}.eval(o)
	elems, _ := v.([]any)
	if s, ok := v.([]string); ok {
		elems = anys(s)
	}
	for _, e := range elems {
		ok := l.e == nil || matches(l.e, object{l.variable: e})
		if ok != l.all {
			return !l.all
		}
	}
	return l.all
}

// compare orders two values of like types.
func compare(a, b any) (c int, ok bool) {
	a, b = plain(a), plain(b)
	if a == nil || b == nil {
		return 0, a == nil && b == nil
	}
	switch x := a.(type) {
	case string:
		if t, err := time.Parse(time.RFC3339, x); err == nil {
			if y, ok := b.(time.Time); ok {
				return t.Compare(y), true
			}
		}
		y, ok := b.(string)
		return strings.Compare(strings.ToLower(x), strings.ToLower(y)), ok
	case float64:
		y, ok := b.(float64)
		switch {
		case x < y:
			c = -1
		case x > y:
			c = 1
		}
		return c, ok
	case time.Time:
		y, ok := b.(time.Time)
		return x.Truncate(time.Second).Compare(y), ok
	case bool:
		y, ok := b.(bool)
		if x == y {
			return 0, ok
		}
		return 1, ok
	}
	return 0, false
}

func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		f, _ := v.Float64()
		return f
	case int:
		return float64(v)
	case int32:
		return float64(v)
	case int64:
		return float64(v)
	}
	return v
}
