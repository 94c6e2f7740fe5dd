package calendar

import (
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime/header"
	"github.com/mailconv/mailconv/mime/ical"
)

// noMail is the address of somebody who has none. [MS-OXCICAL] 2.1.3.1.1.20.2
const noMail = "invalid:nomail"

// A person is somebody as a message has them.
type person struct {
	name, smtp, dn, uri string
	typ                 string // of dn, where it is no Exchange address
}

// address is the value of ATTENDEE and ORGANIZER.
func (p *person) address() string {
	switch {
	case p.uri != "":
		return strings.Map(noBreak, p.uri)
	case p.smtp != "":
		return "mailto:" + strings.Map(noBreak, p.smtp)
	}
	return noMail
}

func (p *person) empty() bool { return p.name == "" && p.smtp == "" && p.dn == "" && p.uri == "" }

// personOf reads the properties of a person.
func (x *exporter) personOf(ps mapi.Properties, name, typ, addr, smtp mapi.Tag) person {
	p := person{name: ps.Text(name), smtp: ps.Text(smtp)}
	a := ps.Text(addr)
	switch strings.ToUpper(ps.Text(typ)) {
	case "SMTP":
		if p.smtp == "" {
			p.smtp = a
		}
	case "EX":
		p.dn = a
	case "URI":
		p.uri = a
	default:
		if p.smtp == "" && strings.Contains(a, "@") {
			p.smtp = a
		} else if a != "" {
			p.dn, p.typ = a, ps.Text(typ)
		}
	}
	if p.smtp == "" && p.dn != "" && p.typ == "" && x.opt.Resolve != nil {
		if s, ok := x.opt.Resolve(x.ctx, p.dn); ok {
			p.smtp = s
		}
	}
	if p.smtp == "" && p.dn != "" && p.typ == "" {
		p.smtp = x.inStored(p.name)
	}
	if p.smtp == "" && p.dn == "" && p.uri == "" && strings.Contains(p.name, "@") && !strings.Contains(p.name, " ") {
		p.smtp = p.name
	}
	return p
}

func (x *exporter) representing(ps mapi.Properties) person {
	return x.personOf(ps, mapi.PidTagSentRepresentingName, mapi.PidTagSentRepresentingAddressType, mapi.PidTagSentRepresentingEmailAddress, mapi.PidTagSentRepresentingSmtpAddress)
}

func (x *exporter) sender(ps mapi.Properties) person {
	return x.personOf(ps, mapi.PidTagSenderName, mapi.PidTagSenderAddressType, mapi.PidTagSenderEmailAddress, mapi.PidTagSenderSmtpAddress)
}

func (x *exporter) recipient(r *mapi.Recipient) person {
	p := x.personOf(r.Props, mapi.PidTagDisplayName, mapi.PidTagAddressType, mapi.PidTagEmailAddress, mapi.PidTagSmtpAddress)
	if p.name == "" {
		p.name = r.Props.Text(mapi.PidTagRecipientDisplayName)
	}
	return p
}

// line is ATTENDEE or ORGANIZER with the parameters that every person has.
func (p *person) line(name string) ical.Property {
	l := ical.New(name, p.address(), "CN", p.name)
	if p.dn != "" {
		l.Params = append(l.Params, ical.Param{Name: "X-MAILCONV-DN", Values: []string{p.dn}})
		if p.typ != "" {
			l.Params = append(l.Params, ical.Param{Name: "X-MAILCONV-ADDRTYPE", Values: []string{p.typ}})
		}
	}
	return l
}

// people adds ORGANIZER and ATTENDEE. [MS-OXCICAL] 2.1.3.1.1.20.2,
// 2.1.3.1.1.20.16
func (x *exporter) people(it *item, m *mapi.Message, recipients []*mapi.Recipient) {
	class := strings.ToLower(m.Class())
	if strings.HasPrefix(class, strings.ToLower(classResponse)) {
		x.reply(it, m, class)
		return
	}
	org := x.representing(m.Props)
	if org.empty() {
		org = x.sender(m.Props)
	}
	// RFC 5546 3.2.1 wants an organizer also of what is only published.
	if !org.empty() {
		l := org.line("ORGANIZER")
		x.sentBy(&l, m, &org)
		it.add(l)
	}
	for _, r := range recipients {
		if organizes(r) {
			continue
		}
		p := x.recipient(r)
		if !p.empty() {
			it.add(attendee(r, &p))
		}
	}
}

// organizes tells the organizer's row of the recipient table.
func organizes(r *mapi.Recipient) bool {
	n, ok := r.Props.Int(mapi.PidTagRecipientFlags)
	return ok && n&recipientOrganizer != 0
}

// attendee is the line of a recipient. [MS-OXCICAL] 2.1.3.1.1.20.2
func attendee(r *mapi.Recipient, p *person) ical.Property {
	l := p.line("ATTENDEE")
	param := func(n, v string) { l.Params = append(l.Params, ical.Param{Name: n, Values: []string{v}}) }
	switch r.Type() {
	case mapi.RecipientCc:
		param("ROLE", "OPT-PARTICIPANT")
	case mapi.RecipientBcc:
		param("CUTYPE", "RESOURCE")
		param("ROLE", "NON-PARTICIPANT")
	default:
		param("ROLE", "REQ-PARTICIPANT")
	}
	if n, ok := r.Props.Int(mapi.PidTagRecipientTrackStatus); ok {
		param("PARTSTAT", partstat(n))
	}
	if v, ok := r.Props.Int(mapi.PidTagResponseRequested); ok {
		param("RSVP", map[bool]string{true: "TRUE", false: "FALSE"}[v != 0])
	}
	return l
}

func partstat(n int64) string {
	switch n {
	case trackAccepted, trackOrganized:
		return "ACCEPTED"
	case trackTentative:
		return "TENTATIVE"
	case trackDeclined:
		return "DECLINED"
	}
	return "NEEDS-ACTION"
}

// reply adds the people of a response: who responds is its sender, the
// organizer its recipient.
func (x *exporter) reply(it *item, m *mapi.Message, class string) {
	for _, r := range m.Recipients {
		if r.Type() == mapi.RecipientTo {
			p := x.recipient(r)
			it.add(p.line("ORGANIZER"))
			break
		}
	}
	who := x.representing(m.Props)
	if who.empty() {
		who = x.sender(m.Props)
	}
	if who.empty() {
		return
	}
	l := who.line("ATTENDEE")
	status := "TENTATIVE"
	switch {
	case strings.HasSuffix(class, ".pos"):
		status = "ACCEPTED"
	case strings.HasSuffix(class, ".neg"):
		status = "DECLINED"
	}
	l.Params = append(l.Params, ical.Param{Name: "PARTSTAT", Values: []string{status}})
	x.sentBy(&l, m, &who)
	it.add(l)
}

// sentBy names who wrote for somebody else: a delegate, or the user of a shared
// mailbox. [MS-OXCICAL] 2.1.3.1.1.20.16
func (x *exporter) sentBy(l *ical.Property, m *mapi.Message, whose *person) {
	if s := x.sender(m.Props); s.smtp != "" && whose.smtp != "" && !strings.EqualFold(s.smtp, whose.smtp) {
		l.Params = append(l.Params, ical.Param{Name: "SENT-BY", Values: []string{s.address()}})
	}
}

// inStored looks up the SMTP address of somebody with an Exchange address in the
// header that the message arrived with: by the name, where only one has it.
func (x *exporter) inStored(name string) string {
	if x.storedOf != x.m {
		x.storedOf, x.stored = x.m, make(map[string]string)
		v, ok := x.m.Props.Get(mapi.PidTagTransportMessageHeaders)
		if !ok || v.Size() > maxStored {
			return ""
		}
		fields := header.Parse([]byte(v.Text()))
		for _, f := range []string{"From", "Sender", "To", "Cc"} {
			for _, h := range fields.All(f) {
				for _, a := range header.ParseAddresses(h.Value(), nil) {
					for _, one := range append([]header.Address{a}, a.Members...) {
						x.note(one)
					}
				}
			}
		}
	}
	return x.stored[strings.ToLower(name)]
}

// maxStored bounds the header that is searched for addresses.
const maxStored = 1 << 20

func (x *exporter) note(a header.Address) {
	addr, ok := header.AddrSpec(a.Addr)
	key := strings.ToLower(a.Name)
	if !ok || key == "" {
		return
	}
	if old, has := x.stored[key]; has && !strings.EqualFold(old, addr) {
		addr = "" // two of one name
	}
	x.stored[key] = addr
}
