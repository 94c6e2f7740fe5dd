package contact

import (
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime/vcard"
)

// An addressProps is one postal address of a contact. [MS-OXOCNTC] 2.2.1.3
type addressProps struct {
	types []string
	id    int64 // in PidLidPostalAddressId
	// parts are in the order of ADR: post office box, extended address,
	// street, city, region, postal code, country.
	parts   [7]prop
	label   prop
	country prop // code
}

var addresses = []addressProps{
	{
		[]string{"WORK"},
		2,
		[7]prop{
			named(mapi.PidLidWorkAddressPostOfficeBox), tag(mapi.PidTagOfficeLocation), named(mapi.PidLidWorkAddressStreet),
			named(mapi.PidLidWorkAddressCity), named(mapi.PidLidWorkAddressState), named(mapi.PidLidWorkAddressPostalCode), named(mapi.PidLidWorkAddressCountry),
		},
		named(mapi.PidLidWorkAddress), named(mapi.PidLidWorkAddressCountryCode),
	},
	{
		[]string{"HOME"},
		1,
		[7]prop{
			tag(mapi.PidTagHomeAddressPostOfficeBox),
			{},
			tag(mapi.PidTagHomeAddressStreet),
			tag(mapi.PidTagHomeAddressCity), tag(mapi.PidTagHomeAddressStateOrProvince), tag(mapi.PidTagHomeAddressPostalCode), tag(mapi.PidTagHomeAddressCountry),
		},
		named(mapi.PidLidHomeAddress), named(mapi.PidLidHomeAddressCountryCode),
	},
	{
		[]string{"POSTAL"},
		3,
		[7]prop{
			tag(mapi.PidTagOtherAddressPostOfficeBox),
			{},
			tag(mapi.PidTagOtherAddressStreet),
			tag(mapi.PidTagOtherAddressCity), tag(mapi.PidTagOtherAddressStateOrProvince), tag(mapi.PidTagOtherAddressPostalCode), tag(mapi.PidTagOtherAddressCountry),
		},
		named(mapi.PidLidOtherAddress), named(mapi.PidLidOtherAddressCountryCode),
	},
}

// mailing is the address that mail goes to, a copy of one of the others where
// PidLidPostalAddressId says which. It has a type of our own, for when it is
// none.
var mailing = addressProps{
	[]string{"X-MAILING"},
	-1,
	[7]prop{
		tag(mapi.PidTagPostOfficeBox),
		{},
		tag(mapi.PidTagStreetAddress),
		tag(mapi.PidTagLocality), tag(mapi.PidTagStateOrProvince), tag(mapi.PidTagPostalCode), tag(mapi.PidTagCountry),
	},
	tag(mapi.PidTagPostalAddress), named(mapi.PidLidAddressCountryCode),
}

type address struct {
	parts [7]string
	label string
	code  string
}

func (a *address) empty() bool { return *a == address{} }

// plain reports whether there are parts besides the label.
func (a *address) plain() bool { return a.parts != [7]string{} }

func (p *addressProps) read(ps mapi.Properties) (a address) {
	for i, q := range p.parts {
		if q != (prop{}) {
			a.parts[i] = lf(q.text(ps))
		}
	}
	a.label = lf(p.label.text(ps))
	if p.id >= 0 {
		a.code = p.country.text(ps)
	}
	return a
}

func (p *addressProps) write(ps *mapi.Properties, a address) {
	for i, q := range p.parts {
		if q != (prop{}) && (p.id >= 0 || i != 1) {
			q.setText(ps, a.parts[i])
		}
	}
	p.label.setText(ps, a.label)
	if p.id >= 0 {
		p.country.setText(ps, a.code)
	}
}

// composed is the label of an address that has none: one line for the street,
// one for city, region and code, one for the country.
func (a *address) composed() string {
	var list []string
	add := func(s string) {
		if s = strings.TrimSpace(s); s != "" {
			list = append(list, s)
		}
	}
	add(a.parts[2])
	city := a.parts[3]
	rest := strings.TrimSpace(a.parts[4] + " " + a.parts[5])
	if city != "" && rest != "" {
		city += ", "
	}
	add(city + rest)
	add(a.parts[0])
	add(a.parts[6])
	return strings.Join(list, "\n")
}

// addressLines writes the postal addresses.
func (g *generator) addressLines() {
	ps := g.m.Props
	id, hasID := ps.NameInt(mapi.PidLidPostalAddressId)
	mail := mailing.read(ps)
	copied := false
	for i := range addresses {
		p := &addresses[i]
		a := p.read(ps)
		if a.empty() {
			continue
		}
		pref := hasID && id == p.id
		if pref {
			b := a
			b.parts[1], b.code = "", ""
			if b.label == "" && mail.label == b.composed() {
				b.label = mail.label
			}
			copied = b == mail
		}
		g.addressLine(p, a, pref)
	}
	if hasID && id != 0 {
		g.add("X-MS-OL-DEFAULT-POSTAL-ADDRESS", int64Text(id))
	}
	if !mail.empty() && !copied {
		g.addressLine(&mailing, mail, false)
	}
}

func (g *generator) addressLine(p *addressProps, a address, pref bool) {
	types := p.types
	if pref {
		types = append(types[:len(types):len(types)], "PREF")
	}
	label := a.label
	if label == a.composed() && !g.labels {
		label = ""
	}
	if a.plain() || a.code != "" || g.version == vcard.V40 {
		l := vcard.Line{Name: "ADR", Params: typeParam(types...), Value: vcard.Join(a.parts[:], ";")}
		if a.code != "" {
			l.Params = append(l.Params, vcard.Param{Name: "CC", Values: []string{a.code}})
		}
		if label != "" && g.version == vcard.V40 {
			l.Params = append(l.Params, vcard.Param{Name: "LABEL", Values: []string{label}})
			label = ""
		}
		g.lines = append(g.lines, l)
	}
	if label != "" {
		g.add("LABEL", vcard.Escape(label), p.types...)
	}
}

// readAddresses sets the postal addresses of a card.
func (r *cardReader) readAddresses() {
	var found [4]address // as addresses, then mailing
	var taken [4]bool
	var isSet [4]bool
	pref := -1
	for i := range r.card.Lines {
		l := &r.card.Lines[i]
		if l.Name != "ADR" || l.Data != nil || l.Long != nil {
			continue
		}
		k := addressSlot(l, &taken)
		if k < 0 {
			continue
		}
		taken[k], isSet[k] = true, true
		c := l.Components()
		for j := 0; j < len(c) && j < 7; j++ {
			found[k].parts[j] = lf(strings.TrimSpace(c[j]))
		}
		found[k].label = lf(l.Param("LABEL"))
		found[k].code = l.Param("CC")
		if pref < 0 && k < 3 && isPref(l) {
			pref = k
		}
	}
	var labelled [4]bool
	for i := range r.card.Lines {
		l := &r.card.Lines[i]
		if l.Name != "LABEL" || l.Data != nil || l.Long != nil {
			continue
		}
		if k := addressSlot(l, &labelled); k >= 0 && found[k].label == "" {
			labelled[k], isSet[k] = true, true
			found[k].label = lf(l.Text())
		}
	}
	id := int64(-1)
	if l := r.text("X-MS-OL-DEFAULT-POSTAL-ADDRESS"); l != nil {
		if n, ok := parseInt(l.Text()); ok && n >= 0 && n <= 3 {
			id = n
			r.props.SetName(mapi.PidLidPostalAddressId, mapi.Int32Value(int32(n)))
		}
	}
	if id < 0 && pref >= 0 {
		id = addresses[pref].id
		r.props.SetName(mapi.PidLidPostalAddressId, mapi.Int32Value(int32(id)))
	}
	for k := range addresses {
		if !isSet[k] {
			continue
		}
		if found[k].label == "" {
			found[k].label = found[k].composed()
		}
		addresses[k].write(&r.props, found[k])
		if addresses[k].id == id && !isSet[3] {
			a := found[k]
			a.parts[1] = ""
			mailing.write(&r.props, a)
			if a.code != "" {
				mailing.country.setText(&r.props, a.code)
			}
		}
	}
	if isSet[3] {
		if found[3].label == "" {
			found[3].label = found[3].composed()
		}
		mailing.write(&r.props, found[3])
	}
}

// addressSlot says which address a line is, or -1. Without a word it is the
// first that is free. RFC 2426 3.2.1
func addressSlot(l *vcard.Line, taken *[4]bool) int {
	k := -1
	switch {
	case l.HasType("X-MAILING"):
		k = 3
	case l.HasType("HOME"):
		k = 1
	case l.HasType("WORK"):
		k = 0
	case l.HasType("POSTAL"), l.HasType("PARCEL"), l.HasType("OTHER"), l.HasType("DOM"), l.HasType("INTL"):
		k = 2
	default:
		for _, k := range []int{0, 1, 2} {
			if !taken[k] {
				return k
			}
		}
	}
	if k >= 0 && taken[k] {
		if taken[2] {
			return -1
		}
		return 2
	}
	return k
}

func isPref(l *vcard.Line) bool { return l.HasType("PREF") || l.Param("PREF") == "1" }
