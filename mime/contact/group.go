package contact

import (
	"context"
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
// member, and where one is missing the member itself. A list that has a stream
// has all of its members there only.
func (g *generator) members() []oneOff {
	list := g.stored()
	var members []oneOff
	for _, m := range list {
		if len(m.entry) == 0 && len(m.oneOff) == 0 {
			continue
		}
		if len(members) >= maxMembers {
			g.loss("PidLidDistributionListMembers", mapi.LossTooLarge, "members behind the first 100000")
			break
		}
		o, ok := parseOneOff(m.oneOff)
		p, isOneOff := parseOneOff(m.entry)
		switch {
		case !ok && isOneOff:
			o, ok = p, true
		case ok && !isOneOff && len(m.entry) > 0:
			g.loss("PidLidDistributionListMembers", mapi.LossStoreOnly, "the link to the entry of "+o.name)
		}
		if !ok {
			g.loss("PidLidDistributionListMembers", mapi.LossNoHeader, "a member without an address")
			continue
		}
		members = append(members, o)
	}
	return members
}

// stored reads the members as they are stored.
func (g *generator) stored() []member {
	if v, ok := g.m.Props.GetName(mapi.PidLidDistributionListStream); ok && v.Type() == mapi.TypeBinary && v.Size() > 0 {
		b, err := mapi.ReadBlob(context.Background(), v.Blob(), maxStream)
		list, whole := parseStream(b)
		if err == nil && whole {
			return list
		}
		g.loss("PidLidDistributionListStream", mapi.LossUnreadable, "the stream of members is damaged")
		if len(list) > 0 {
			return list
		}
	}
	var list []member
	for i, n := range []mapi.Name{mapi.PidLidDistributionListMembers, mapi.PidLidDistributionListOneOffMembers} {
		v, _ := g.m.Props.GetName(n)
		if v.Type() != mapi.TypeMultipleBinary {
			continue
		}
		for j, e := range v.Elems() {
			if j == len(list) {
				list = append(list, member{})
			}
			if i == 0 {
				list[j].entry = e
			} else {
				list[j].oneOff = e
			}
		}
	}
	return list
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
	for i := range r.card.Lines {
		o, ok := memberOf(&r.card.Lines[i])
		if ok && len(members) < maxMembers {
			members = append(members, o.entryID())
		}
	}
	r.setMembers(members)
	r.common()
}

// setMembers stores members, and where the lists have no room for all of them
// the stream. [MS-OXOCNTC] 2.2.2.2
func (r *cardReader) setMembers(members [][]byte) {
	if len(members) == 0 {
		return
	}
	fit, size, sum := 0, 0, uint32(0)
	for _, e := range members {
		if size += len(e); size >= maxMemberBytes {
			break
		}
		fit++
		sum = crc(sum, e)
	}
	if fit < len(members) {
		r.props.SetName(mapi.PidLidDistributionListStream, mapi.BinaryValue(listStream(members)))
	}
	v := mapi.MultiValue(mapi.TypeMultipleBinary, members[:fit])
	r.props.SetName(mapi.PidLidDistributionListMembers, v)
	r.props.SetName(mapi.PidLidDistributionListOneOffMembers, v)
	r.props.SetName(mapi.PidLidDistributionListChecksum, mapi.Int32Value(int32(sum)))
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
