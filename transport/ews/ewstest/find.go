package ewstest

import (
	"slices"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// Searching. [MS-OXWSSRCH]

// A subject is what a restriction looks at.
type subject interface {
	// field is the plain value of a path, nil where there is none.
	field(path *node) (any, *failure)
}

type itemSubject struct{ v *view }

func (s itemSubject) field(path *node) (any, *failure) {
	if path.name == "ExtendedFieldURI" {
		p, err := parseProperty(path)
		if err != nil {
			return nil, err
		}
		v, ok := s.v.value(p)
		if !ok {
			return nil, nil
		}
		return plain(v), nil
	}
	uri := path.attr("FieldURI")
	f, ok := fieldByURI(indexedField(uri))
	if !ok || f.get == nil {
		return nil, fail("ErrorUnsupportedPathForQuery", "The property %s cannot be searched.", uri)
	}
	switch uri {
	case "item:Body":
		text, _ := s.v.bodyText("Text")
		return text, nil
	case "message:From", "message:Sender":
		p := from
		if uri == "message:Sender" {
			p = sender
		}
		return s.v.props().Text(p.name) + " " + or(s.v.props().Text(p.smtp), s.v.props().Text(p.email)), nil
	case "message:ToRecipients", "message:CcRecipients", "message:BccRecipients":
		kind := map[string]int{"message:ToRecipients": mapi.RecipientTo, "message:CcRecipients": mapi.RecipientCc, "message:BccRecipients": mapi.RecipientBcc}[uri]
		var l []string
		for _, r := range s.v.msg.Recipients {
			if r.Type() == kind {
				l = append(l, r.Props.Text(mapi.PidTagDisplayName), address(r.Props))
			}
		}
		return l, nil
	}
	val := f.get(s.v)
	if _, isFunc := val.(func(*view) error); isFunc {
		return nil, fail("ErrorUnsupportedPathForQuery", "The property %s cannot be searched.", uri)
	}
	return val, nil
}

type folderSubject struct {
	m *mailbox.Mailbox
	f mailbox.Folder
}

func (s folderSubject) field(path *node) (any, *failure) {
	if path.name == "ExtendedFieldURI" {
		p, err := parseProperty(path)
		if err != nil {
			return nil, err
		}
		v, ok := folderValue(s.m, s.f, p)
		if !ok {
			return nil, nil
		}
		return plain(v), nil
	}
	switch uri := path.attr("FieldURI"); uri {
	case "folder:DisplayName":
		return s.f.Name, nil
	case "folder:FolderClass":
		return s.f.Class, nil
	case "folder:TotalCount":
		return int64(s.f.Count), nil
	case "folder:UnreadCount":
		return int64(s.f.Unread), nil
	case "folder:ChildFolderCount":
		return int64(s.f.Children), nil
	default:
		return nil, fail("ErrorUnsupportedPathForQuery", "The property %s cannot be searched.", uri)
	}
}

// plain is a property value for a comparison.
func plain(v mapi.Value) any {
	switch {
	case v.Type().IsString() && v.Type().Multi():
		return v.Texts()
	case v.Type().IsString():
		return v.Text()
	case v.Type() == mapi.TypeTime:
		if t, ok := v.Time(); ok {
			return t
		}
		return nil
	case v.Type() == mapi.TypeBoolean:
		n, _ := v.Int()
		return n != 0
	}
	if n, ok := v.Int(); ok {
		return n
	}
	if f, ok := v.Float(); ok {
		return f
	}
	return nil
}

type matcher func(subject) bool

// restriction compiles a Restriction. What it is about is checked before
// anything is listed, with an empty item.
func (c *call) restriction(n *node) (matcher, *failure) {
	if n == nil || len(n.kids) == 0 {
		return func(subject) bool { return true }, nil
	}
	return compile(n.kids[0], 0)
}

func compile(n *node, depth int) (matcher, *failure) {
	if depth > 32 {
		return nil, fail("ErrorRestrictionTooComplex", "The restriction is nested too deep.")
	}
	bad := fail("ErrorInvalidRestriction", "%s is no restriction.", n.name)
	switch n.name {
	case "And", "Or":
		var l []matcher
		for _, k := range n.kids {
			m, err := compile(k, depth+1)
			if err != nil {
				return nil, err
			}
			l = append(l, m)
		}
		and := n.name == "And"
		return func(s subject) bool {
			for _, m := range l {
				if m(s) != and {
					return !and
				}
			}
			return and
		}, nil
	case "Not":
		if len(n.kids) != 1 {
			return nil, bad
		}
		m, err := compile(n.kids[0], depth+1)
		return func(s subject) bool { return !m(s) }, err
	case "Exists":
		if len(n.kids) != 1 {
			return nil, bad
		}
		return func(s subject) bool { v, _ := s.field(n.kids[0]); return v != nil }, nil
	case "Contains":
		return contains(n)
	case "IsEqualTo", "IsNotEqualTo", "IsGreaterThan", "IsGreaterThanOrEqualTo", "IsLessThan", "IsLessThanOrEqualTo":
		return comparison(n)
	case "Excludes":
		if len(n.kids) != 2 {
			return nil, bad
		}
		mask := int64(number(n.kids[1].attr("Value"), 0))
		return func(s subject) bool { v, _ := s.field(n.kids[0]); i, _ := v.(int64); return i&mask == 0 }, nil
	}
	return nil, bad
}

func comparison(n *node) (matcher, *failure) {
	if len(n.kids) != 2 || len(n.kids[1].kids) != 1 {
		return nil, fail("ErrorInvalidRestriction", "%s wants two operands.", n.name)
	}
	path, other := n.kids[0], n.kids[1].kids[0]
	return func(s subject) bool {
		a, _ := s.field(path)
		var b any
		ok := a != nil
		if other.name == "Constant" {
			if a == nil && other.attr("Value") == "false" {
				a, ok = false, true // a flag that was never set
			}
			if ok {
				b, ok = like(a, other.attr("Value"))
			}
		} else if b, _ = s.field(other); b == nil {
			ok = false
		}
		var r int
		if ok {
			r, ok = compare(a, b)
		}
		if l, isList := a.([]string); isList && n.name == "IsEqualTo" {
			return slices.ContainsFunc(l, func(x string) bool { return strings.EqualFold(x, other.attr("Value")) })
		}
		if !ok {
			return n.name == "IsNotEqualTo"
		}
		switch n.name {
		case "IsEqualTo":
			return r == 0
		case "IsNotEqualTo":
			return r != 0
		case "IsGreaterThan":
			return r > 0
		case "IsGreaterThanOrEqualTo":
			return r >= 0
		case "IsLessThan":
			return r < 0
		}
		return r <= 0
	}, nil
}

func contains(n *node) (matcher, *failure) {
	if len(n.kids) != 2 {
		return nil, fail("ErrorInvalidRestriction", "Contains wants two operands.")
	}
	want := n.kids[1].attr("Value")
	fold := strings.Contains(n.attr("ContainmentComparison"), "IgnoreCase") || n.attr("ContainmentComparison") == "Loose"
	norm := func(s string) string {
		if fold {
			return strings.ToLower(s)
		}
		return s
	}
	one := func(s string) bool {
		s, want := norm(s), norm(want)
		switch n.attr("ContainmentMode") {
		case "FullString":
			return s == want
		case "Prefixed":
			return strings.HasPrefix(s, want)
		case "PrefixOnWords", "ExactPhrase":
			return strings.HasPrefix(s, want) || strings.Contains(s, " "+want)
		}
		return strings.Contains(s, want)
	}
	return func(s subject) bool {
		v, _ := s.field(n.kids[0])
		switch x := v.(type) {
		case string:
			return one(x)
		case []string:
			return slices.ContainsFunc(x, one)
		}
		return false
	}, nil
}

// sortViews sorts items by a SortOrder.
func sortViews(views []*view, n *node) {
	if n == nil {
		return
	}
	slices.SortStableFunc(views, func(a, b *view) int {
		for _, o := range n.kids {
			if len(o.kids) == 0 {
				continue
			}
			x, _ := itemSubject{a}.field(o.kids[0])
			y, _ := itemSubject{b}.field(o.kids[0])
			r, ok := compare(x, y)
			switch {
			case x == nil && y != nil:
				r, ok = -1, true
			case x != nil && y == nil:
				r, ok = 1, true
			}
			if !ok || r == 0 {
				continue
			}
			if o.attr("Order") == "Descending" {
				return -r
			}
			return r
		}
		return 0
	})
}

// paths are all field paths within a restriction or an order.
func paths(n *node) (l []*node) {
	if n == nil {
		return nil
	}
	for _, k := range n.kids {
		if k.name == "FieldURI" || k.name == "IndexedFieldURI" || k.name == "ExtendedFieldURI" {
			l = append(l, k)
		}
		l = append(l, paths(k)...)
	}
	return l
}

func findItem(c *call) *soapFault {
	sh, sf := parseShape(c.body.child("ItemShape"))
	if sf != nil {
		return sf
	}
	if sh.mime {
		return schemaFault("MimeContent is not a property of FindItem")
	}
	// FindItem gives neither bodies nor attachments nor recipients.
	// [MS-OXWSSRCH] 3.1.4.2
	for _, uri := range []string{"item:Body", "item:Attachments", "item:MimeContent", "item:TextBody", "item:UniqueBody", "item:NormalizedBody", "message:ToRecipients", "message:CcRecipients", "message:BccRecipients", "message:ReplyTo", "item:InternetMessageHeaders"} {
		if sh.fields[uri] {
			return faultOf(fail("ErrorInvalidPropertyForOperation", "The property %s is not valid for FindItem.", uri))
		}
	}
	if sh.base == inAll {
		sh.base = inDefault
	}
	sh.short = true
	view := mailbox.Normal
	if c.body.attr("Traversal") == "Associated" {
		view = mailbox.Associated
	}
	c.begin()
	for _, id := range c.body.list("ParentFolderIds") {
		c.message(nil, func() (func() error, error) {
			m, f, err := c.folder(id, 0)
			if err != nil {
				return nil, err
			}
			list, err := c.search(m, f, view, sh)
			if err != nil {
				return nil, err
			}
			from, to, next, last := window(c.body.child("IndexedPageItemView"), len(list))
			if cv := c.body.child("CalendarView"); cv != nil {
				to = min(to, number(cv.attr("MaxEntriesReturned"), to))
			}
			return func() error {
				c.rootFolder(next, last, len(list))
				c.w.open("t:Items")
				for _, v := range list[from:to] {
					if err := v.writeItem(); err != nil {
						return err
					}
				}
				c.w.close()
				if c.w.q.OddElements {
					c.w.empty("t:Groups")
				}
				c.w.close()
				return nil
			}, nil
		})
	}
	return nil
}

// search lists the items of a folder that match the request, in its order.
func (c *call) search(m *mailbox.Mailbox, f mailbox.Folder, which mailbox.View, sh shape) ([]*view, *failure) {
	match, err := c.restriction(c.body.child("Restriction"))
	if err != nil {
		return nil, err
	}
	nobody := itemSubject{&view{c: c, m: m, it: &mailbox.Item{Message: &mapi.Message{}}, msg: &mapi.Message{}}}
	for _, p := range append(paths(c.body.child("Restriction")), paths(c.body.child("SortOrder"))...) {
		if _, err := nobody.field(p); err != nil {
			return nil, err
		}
	}
	inView, err := c.calendarView()
	if err != nil {
		return nil, err
	}
	if c.body.attr("Traversal") == "SoftDeleted" {
		d, _ := m.WellKnown(mailbox.RecoverableDeletions)
		gone, _ := m.Items(d.ID, which)
		gone = slices.DeleteFunc(gone, func(it mailbox.Item) bool { return it.DeletedFrom != f.ID })
		return c.views(m, gone, sh, match, inView), nil
	}
	items, lerr := m.Items(f.ID, which)
	if lerr != nil {
		return nil, fail("ErrorFolderNotFound", "The specified folder could not be found in the store.")
	}
	words := strings.ToLower(c.body.value("QueryString"))
	if words != "" {
		inner := match
		match = func(s subject) bool {
			v := s.(itemSubject).v
			text := strings.ToLower(v.props().Text(mapi.PidTagSubject) + " " + v.props().Text(mapi.PidTagBody) + " " + v.props().Text(from.name))
			return inner(s) && strings.Contains(text, words)
		}
	}
	list := c.views(m, items, sh, match, inView)
	sortViews(list, c.body.child("SortOrder"))
	return list, nil
}

func (c *call) views(m *mailbox.Mailbox, items []mailbox.Item, sh shape, match matcher, inView func(*view) bool) []*view {
	var list []*view
	for i := range items {
		v := c.newView(m, &items[i], sh)
		if match(itemSubject{v}) && inView(v) {
			list = append(list, v)
		}
	}
	return list
}

// calendarView selects appointments that touch a span of time. A series counts
// as one, where any of its occurrences does.
func (c *call) calendarView() (func(*view) bool, *failure) {
	cv := c.body.child("CalendarView")
	if cv == nil {
		return func(*view) bool { return true }, nil
	}
	from, err1 := parseTime(cv.attr("StartDate"))
	to, err2 := parseTime(cv.attr("EndDate"))
	if err1 != nil || err2 != nil || to.Before(from) {
		return nil, fail("ErrorCalendarEndDateIsEarlierThanStartDate", "The span of the view is invalid.")
	}
	return func(v *view) bool {
		start, end := v.props().NameTime(mapi.PidLidAppointmentStartWhole), v.props().NameTime(mapi.PidLidAppointmentEndWhole)
		if r := v.recurring(); r != nil {
			// Clocks of zones are at most a day off.
			return len(r.Between(from.Add(-24*time.Hour), to.Add(24*time.Hour))) > 0
		}
		return start.Before(to) && end.After(from)
	}, nil
}
