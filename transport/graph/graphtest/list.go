package graphtest

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// maxPage is the largest page that a client may ask for.
const maxPage = 1000

// size is the number of elements of a page.
func (c *call) size() int {
	if c.q.top >= 0 {
		return min(c.q.top, maxPage)
	}
	if n, err := strconv.Atoi(c.prefer["odata.maxpagesize"]); err == nil && n > 0 {
		c.w.Header().Add("Preference-Applied", "odata.maxpagesize="+strconv.Itoa(n))
		return min(n, maxPage)
	}
	return c.s.o.Page
}

// link is the URL of the request with other options.
func (c *call) link(set map[string]string, drop ...string) string {
	q := url.Values{}
	for k, v := range c.q.raw {
		if !slices.ContainsFunc(drop, func(d string) bool { return strings.EqualFold(strings.TrimPrefix(d, "$"), strings.TrimPrefix(k, "$")) }) {
			q[k] = v
		}
	}
	for k, v := range set {
		q.Set(k, v)
	}
	return c.s.root + c.r.URL.EscapedPath() + "?" + q.Encode()
}

// replyList answers with a page of a collection of n elements, which are made
// one by one. Filters and orders look at the elements as they would be sent.
func (c *call) replyList(n int, elem func(q *query, i int) (object, error)) error {
	q := &c.q
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	var made map[int]object
	if q.filter != nil || len(q.order) > 0 || q.search != "" {
		// What is not selected can be filtered and ordered by, too.
		full := query{top: -1}
		if ids, ok := filteredIDs(q.filter); ok {
			full.expand = ids
		}
		made = map[int]object{}
		for i := range order {
			o, err := elem(&full, i)
			if err != nil {
				return err
			}
			made[i] = o
		}
		order = slices.DeleteFunc(order, func(i int) bool {
			return q.filter != nil && !matches(q.filter, made[i]) || q.search != "" && !found(q.search, made[i])
		})
		slices.SortStableFunc(order, func(a, b int) int {
			for _, o := range q.order {
				m := member{strings.Split(o.path, "/")}
				d, _ := compare(m.eval(made[a]), m.eval(made[b]))
				if o.desc {
					d = -d
				}
				if d != 0 {
					return d
				}
			}
			return 0
		})
	}
	total := len(order)
	skip := q.skip
	if q.token != "" {
		skip, _ = strconv.Atoi(q.token)
	}
	order = order[min(skip, total):]
	o := object{"@odata.context": c.base() + "/$metadata#" + contextOf(c.route.reply)}
	if q.count {
		o["@odata.count"] = total
	}
	if size := c.size(); len(order) > size {
		order = order[:size]
		o["@odata.nextLink"] = c.link(map[string]string{"$skip": strconv.Itoa(skip + size)}, "$skip", "$skiptoken")
	}
	// The first error is found before anything is sent.
	var first object
	if len(order) > 0 {
		var err error
		if first, err = elem(q, order[0]); err != nil {
			return err
		}
	}
	o["value"] = list(func(yield func(any) bool) {
		for k, i := range order {
			e := first
			if k > 0 {
				var err error
				if e, err = elem(q, i); err != nil {
					continue
				}
			}
			if !yield(e) {
				return
			}
		}
	})
	return c.reply(200, o)
}

// contextOf is the name of a collection in $metadata.
func contextOf(typ string) string {
	return strings.TrimSuffix(strings.TrimPrefix(typ, "Collection("), ")")
}

// filteredIDs finds extended properties that a filter looks at:
// singleValueExtendedProperties/any(ep:ep/id eq '...' and ep/value eq '...').
func filteredIDs(e expr) ([]expansion, bool) {
	switch e := e.(type) {
	case comparison:
		a, x := filteredIDs(e.a)
		b, y := filteredIDs(e.b)
		return append(a, b...), x || y
	case not:
		return filteredIDs(e.e)
	case lambda:
		if len(e.path) == 1 && (e.path[0] == singles || e.path[0] == multis) {
			var ids []expr
			collect(e.e, &ids)
			if len(ids) > 0 {
				f := ids[0]
				for _, n := range ids[1:] {
					f = comparison{"or", f, n}
				}
				x := expansion{name: e.path[0]}
				x.top, x.filter = -1, f
				return []expansion{x}, true
			}
		}
	}
	return nil, false
}

// collect finds the comparisons of an id in a lambda.
func collect(e expr, out *[]expr) {
	b, ok := e.(comparison)
	if !ok {
		return
	}
	if m, ok := b.a.(member); ok && b.op == "eq" && len(m.path) == 2 && m.path[1] == "id" {
		*out = append(*out, comparison{"eq", member{[]string{"id"}}, b.b})
		return
	}
	collect(b.a, out)
	collect(b.b, out)
}

// found is what $search finds: words in subject, body, addresses, or one of
// them by name as in "subject:word".
func found(search string, o object) bool {
	search = strings.Trim(search, `"`)
	key, word, ok := strings.Cut(search, ":")
	in := func(parts ...string) string {
		var b strings.Builder
		for _, p := range parts {
			b.WriteString(flat(o[p]))
			b.WriteByte('\n')
		}
		return strings.ToLower(b.String())
	}
	fields := map[string][]string{
		"subject": {"subject"}, "body": {"body"}, "from": {"from", "sender"}, "to": {"toRecipients"}, "cc": {"ccRecipients"},
		"participants": {"from", "toRecipients", "ccRecipients", "bccRecipients"}, "importance": {"importance"},
	}
	if parts, known := fields[strings.ToLower(key)]; ok && known {
		return strings.Contains(in(parts...), strings.ToLower(strings.Trim(word, `"`)))
	}
	all := in("subject", "body", "from", "toRecipients", "ccRecipients", "bccRecipients", "displayName")
	for _, w := range strings.Fields(search) {
		if w != "AND" && !strings.Contains(all, strings.ToLower(strings.Trim(w, `"`))) {
			return false
		}
	}
	return true
}

// flat is all text in a value.
func flat(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case object:
		var b strings.Builder
		for _, e := range v {
			b.WriteString(flat(e) + " ")
		}
		return b.String()
	case []any:
		var b strings.Builder
		for _, e := range v {
			b.WriteString(flat(e) + " ")
		}
		return b.String()
	}
	return ""
}

// byReceived is the order of a listing of messages: the newest first.
func byReceived(items []mailbox.Item) {
	slices.SortStableFunc(items, func(a, b mailbox.Item) int {
		if d := received(&b).Compare(received(&a)); d != 0 {
			return d
		}
		return int(b.Born) - int(a.Born)
	})
}
