package contact

import (
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime/vcard"
)

// maxMembers bounds the members of a list.
const maxMembers = 100000

// isGroup reports whether a card is a distribution list. RFC 6350 6.1.4; the
// X- name is what address books write before 4.0.
func isGroup(c *vcard.Card) bool {
	for i := range c.Lines {
		l := &c.Lines[i]
		if (l.Name == "KIND" || l.Name == "X-ADDRESSBOOKSERVER-KIND") && strings.EqualFold(strings.TrimSpace(l.Text()), "group") {
			return true
		}
	}
	return false
}

// group makes the lines of a distribution list. [MS-OXOCNTC] 2.2.2
func (g *generator) group() {
	ps := g.m.Props
	kind, member := "KIND", "MEMBER"
	if g.version != vcard.V40 {
		kind, member = "X-ADDRESSBOOKSERVER-KIND", "X-ADDRESSBOOKSERVER-MEMBER"
	}
	g.add(kind, "group")
	fn := ps.Text(mapi.PidTagDisplayName)
	name := ps.NameText(mapi.PidLidDistributionListName)
	shown := fn
	for _, s := range []string{name, subject(ps)} {
		if shown == "" {
			shown = s
		}
	}
	g.add("FN", vcard.Escape(lf(shown)))
	if g.version != vcard.V40 {
		g.add("N", vcard.Escape(lf(shown))+";;;;")
	}
	if name != "" && name != shown {
		g.addText(extraPrefix+"LIST-NAME", name)
	}
	if s := ps.NameText(mapi.PidLidFileUnder); s != "" && s != shown {
		g.addText(extraPrefix+"FILE-AS", s)
	}
	for _, o := range g.members() {
		// A member of another kind than mail has its type for a scheme.
		scheme := "mailto:"
		if o.typ != "" && !strings.EqualFold(o.typ, "SMTP") {
			scheme = ""
		}
		l := g.add(member, vcard.Escape(scheme+o.addr))
		if o.name != "" && o.name != o.addr {
			l.Params = append(l.Params, vcard.Param{Name: "X-NAME", Values: []string{o.name}})
		}
		if scheme == "" {
			l.Params = append(l.Params, vcard.Param{Name: "X-ADDRESS-TYPE", Values: []string{o.typ}})
		}
	}
	g.commonLines(shown)
}

// members reads the members of a list: the one-offs, which a list has for each
// member, and where one is missing the member itself.
func (g *generator) members() []oneOff {
	list, _ := g.m.Props.GetName(mapi.PidLidDistributionListOneOffMembers)
	whole, _ := g.m.Props.GetName(mapi.PidLidDistributionListMembers)
	var a, b [][]byte
	if list.Type() == mapi.TypeMultipleBinary {
		a = list.Elems()
	}
	if whole.Type() == mapi.TypeMultipleBinary {
		b = whole.Elems()
	}
	if v, ok := g.m.Props.GetName(mapi.PidLidDistributionListStream); ok && v.Size() > 0 && len(a) == 0 && len(b) == 0 {
		g.loss("PidLidDistributionListStream", mapi.LossNoHeader, "members that are stored in this form only are not read")
	}
	var members []oneOff
	for i := range max(len(a), len(b)) {
		if i >= maxMembers {
			g.loss("PidLidDistributionListMembers", mapi.LossTooLarge, "members behind the first 100000")
			break
		}
		var o oneOff
		ok := false
		if i < len(a) {
			o, ok = parseOneOff(a[i])
		}
		if i < len(b) {
			p, isOneOff := parseOneOff(b[i])
			switch {
			case !ok && isOneOff:
				o, ok = p, true
			case !isOneOff && len(b[i]) > 0 && ok:
				g.loss("PidLidDistributionListMembers", mapi.LossStoreOnly, "the link to the entry of "+o.name)
			}
		}
		if !ok {
			if i < len(a) && len(a[i]) > 0 || i < len(b) && len(b[i]) > 0 {
				g.loss("PidLidDistributionListMembers", mapi.LossNoHeader, "a member without an address")
			}
			continue
		}
		members = append(members, o)
	}
	return members
}

// group reads a card as a distribution list.
func (r *cardReader) group() {
	fn := ""
	if l := r.text("FN"); l != nil {
		fn = strings.TrimSpace(l.Text())
	}
	if l := r.text("N"); l != nil && fn == "" {
		fn = strings.TrimSpace(strings.Join(l.Components(), " "))
	}
	r.setText(tag(mapi.PidTagDisplayName), fn)
	name := fn
	if l := r.text(extraPrefix + "LIST-NAME"); l != nil {
		name = l.Text()
	}
	r.setText(named(mapi.PidLidDistributionListName), name)
	r.subject(fn)
	file := fn
	if l := r.text(extraPrefix + "FILE-AS"); l != nil {
		file = l.Text()
	}
	r.setText(named(mapi.PidLidFileUnder), file)
	r.props.SetName(mapi.PidLidFileUnderId, mapi.Int32Value(-1))

	var members [][]byte
	sum := uint32(0)
	for i := range r.card.Lines {
		l := &r.card.Lines[i]
		o, ok := memberOf(l)
		if !ok || len(members) >= maxMembers {
			continue
		}
		e := o.entryID()
		sum = crc(sum, e)
		members = append(members, e)
	}
	if len(members) > 0 {
		v := mapi.MultiValue(mapi.TypeMultipleBinary, members)
		r.props.SetName(mapi.PidLidDistributionListMembers, v)
		r.props.SetName(mapi.PidLidDistributionListOneOffMembers, v)
		r.props.SetName(mapi.PidLidDistributionListChecksum, mapi.Int32Value(int32(sum)))
	}
	r.common()
}

// memberOf reads a member that is an address. A member that is a reference to
// another card is kept as a line.
func memberOf(l *vcard.Line) (o oneOff, ok bool) {
	if canonicalName(l) != "MEMBER" || l.Data != nil || l.Long != nil {
		return o, false
	}
	s := strings.TrimSpace(l.Text())
	o.typ = l.Param("X-ADDRESS-TYPE")
	if o.typ == "" {
		if len(s) < 7 || !strings.EqualFold(s[:7], "mailto:") {
			return o, false
		}
		o.typ, s = "SMTP", s[7:]
	}
	o.addr = s
	o.name = l.Param("X-NAME")
	if o.name == "" {
		o.name = s
	}
	return o, true
}
