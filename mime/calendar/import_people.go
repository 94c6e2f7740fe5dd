package calendar

import (
	"encoding/binary"
	"net/url"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime/ical"
)

// parsePerson reads ATTENDEE and ORGANIZER.
func parsePerson(p *ical.Property) person {
	w := person{name: p.Param("CN"), dn: p.Param("X-MAILCONV-DN"), typ: p.Param("X-MAILCONV-ADDRTYPE")}
	v := strings.TrimSpace(p.Value)
	l := strings.ToLower(v)
	switch {
	case strings.HasPrefix(l, "mailto:"):
		w.smtp = strings.TrimSpace(v[len("mailto:"):])
		if strings.Contains(w.smtp, "%") {
			if s, err := url.PathUnescape(w.smtp); err == nil && !strings.ContainsAny(s, "\r\n") && strings.Contains(w.smtp, "%40") {
				w.smtp = s
			}
		}
	case l == noMail || l == "":
	case !strings.Contains(v, ":") && strings.Contains(v, "@"):
		w.smtp = v
	default:
		w.uri = v
		if e := p.Param("EMAIL"); e != "" && strings.Contains(e, "@") {
			w.smtp = e
		}
	}
	return w
}

func (p *person) shown() string {
	for _, s := range []string{p.name, p.smtp, p.uri, p.dn} {
		if s != "" {
			return s
		}
	}
	return ""
}

// personTags are the properties of one person on a message.
type personTags struct{ name, typ, addr, smtp, entryID, searchKey mapi.Tag }

var (
	representingTags = personTags{
		mapi.PidTagSentRepresentingName, mapi.PidTagSentRepresentingAddressType, mapi.PidTagSentRepresentingEmailAddress,
		mapi.PidTagSentRepresentingSmtpAddress, mapi.PidTagSentRepresentingEntryId, mapi.PidTagSentRepresentingSearchKey,
	}
	senderTags = personTags{
		mapi.PidTagSenderName, mapi.PidTagSenderAddressType, mapi.PidTagSenderEmailAddress,
		mapi.PidTagSenderSmtpAddress, mapi.PidTagSenderEntryId, mapi.PidTagSenderSearchKey,
	}
	recipientTags = personTags{
		mapi.PidTagDisplayName, mapi.PidTagAddressType, mapi.PidTagEmailAddress,
		mapi.PidTagSmtpAddress, mapi.PidTagEntryId, mapi.PidTagSearchKey,
	}
)

// set writes the properties of a person.
func (t personTags) set(ps *mapi.Properties, p person) {
	ps.Set(t.name, mapi.StringValue(p.shown()))
	typ, addr := "", ""
	switch {
	case p.uri != "":
		typ, addr = "URI", p.uri
	case p.dn != "":
		typ, addr = "EX", p.dn
		if p.typ != "" {
			typ = p.typ
		}
	case p.smtp != "":
		typ, addr = "SMTP", p.smtp
	}
	if typ == "" {
		return
	}
	ps.Set(t.typ, mapi.StringValue(typ))
	ps.Set(t.addr, mapi.StringValue(addr))
	if p.smtp != "" {
		ps.Set(t.smtp, mapi.StringValue(p.smtp))
	}
	if typ == "SMTP" || typ == "URI" {
		ps.Set(t.entryID, mapi.BinaryValue(oneOff(p.shown(), typ, addr)))
		ps.Set(t.searchKey, mapi.BinaryValue(append([]byte(typ+":"+strings.ToUpper(addr)), 0)))
	}
}

// oneOffProvider marks a one-off entry identifier. [MS-OXCDATA] 2.2.5.1
var oneOffProvider = [16]byte{0x81, 0x2B, 0x1F, 0xA4, 0xBE, 0xA3, 0x10, 0x19, 0x9D, 0x6E, 0x00, 0xDD, 0x01, 0x0F, 0x54, 0x02}

// oneOff is the entry identifier of somebody who is in no address book.
// [MS-OXCDATA] 2.2.5.1
func oneOff(name, typ, addr string) []byte {
	b := append(make([]byte, 4), oneOffProvider[:]...)
	b = binary.LittleEndian.AppendUint16(b, 0)
	b = binary.LittleEndian.AppendUint16(b, 0x9001) // Unicode, no look-up, no rich text
	for _, s := range []string{name, typ, addr} {
		b = append(b, mapi.EncodeUTF16(s)...)
		b = append(b, 0, 0)
	}
	return b
}

const maxRecipients = 50000

// people reads ORGANIZER and the ATTENDEEs.
func (it *itemReader) people(class string) {
	var org *ical.Property
	var attendees []*ical.Property
	for i := range it.in.Properties {
		switch p := &it.in.Properties[i]; {
		case p.Large != nil:
		case p.Name == "ORGANIZER" && org == nil:
			org = p
		case p.Name == "ORGANIZER":
			it.keepLine(p)
		case p.Name == "ATTENDEE":
			attendees = append(attendees, p)
		}
	}
	ps := &it.m.Props
	if strings.HasPrefix(class, classResponse) {
		it.replyPeople(org, attendees)
		return
	}
	if org != nil {
		w := parsePerson(org)
		representingTags.set(ps, w)
		by := w
		if s := org.Param("SENT-BY"); s != "" {
			q := ical.New("SENT-BY", s)
			by = parsePerson(&q)
		}
		if by.smtp != "" || by.uri == "" {
			senderTags.set(ps, by)
		}
		l := w.line("ORGANIZER")
		placed := placedParams(org, &l)
		if by.smtp != "" && by.smtp != w.smtp && w.smtp != "" {
			placed = append(placed, "SENT-BY")
		}
		it.keepParams(org, w.address(), placed...)
	}
	if org != nil && class == classAppointment && len(attendees) > 0 {
		// The organizer is a row of the recipient table too.
		w := parsePerson(org)
		r := newRecipient(w, mapi.RecipientTo, len(it.m.Recipients))
		r.Props.Set(mapi.PidTagRecipientFlags, mapi.Int32Value(recipientSendable|recipientOrganizer))
		r.Props.Set(mapi.PidTagRecipientTrackStatus, mapi.Int32Value(trackNone))
		it.m.Recipients = append(it.m.Recipients, r)
	}
	for _, a := range attendees {
		it.attendee(a)
	}
	it.displayLists()
}

// placedParams are the parameters of a line that the message gives back as
// they are.
func placedParams(p, made *ical.Property) []string {
	list := []string{"X-MAILCONV-DN", "X-MAILCONV-ADDRTYPE"}
	for _, a := range p.Params {
		for _, b := range made.Params {
			if a.Name == b.Name && len(a.Values) == 1 && len(b.Values) == 1 && a.Values[0] == b.Values[0] {
				list = append(list, a.Name)
			}
		}
		if a.Name == "CN" {
			list = append(list, "CN")
		}
	}
	return list
}

func newRecipient(w person, kind, row int) *mapi.Recipient {
	r := &mapi.Recipient{}
	r.Props.Set(mapi.PidTagRowid, mapi.Int32Value(int32(row)))
	r.Props.Set(mapi.PidTagRecipientType, mapi.Int32Value(int32(kind)))
	recipientTags.set(&r.Props, w)
	r.Props.Set(mapi.PidTagObjectType, mapi.Int32Value(6)) // a mail user, [MS-OXOABK] 2.2.3.10
	r.Props.Set(mapi.PidTagDisplayType, mapi.Int32Value(0))
	return r
}

// attendee adds a recipient. [MS-OXCICAL] 2.1.3.1.1.20.2
func (it *itemReader) attendee(p *ical.Property) {
	if len(it.m.Recipients) >= maxRecipients {
		it.keepLine(p)
		return
	}
	w := parsePerson(p)
	if w.empty() {
		it.keepLine(p)
		return
	}
	kind := mapi.RecipientTo
	switch strings.ToUpper(p.Param("ROLE")) {
	case "OPT-PARTICIPANT":
		kind = mapi.RecipientCc
	case "NON-PARTICIPANT":
		kind = mapi.RecipientCc
	}
	switch strings.ToUpper(p.Param("CUTYPE")) {
	case "RESOURCE", "ROOM":
		kind = mapi.RecipientBcc
	}
	r := newRecipient(w, kind, len(it.m.Recipients))
	if s := strings.ToUpper(p.Param("PARTSTAT")); s != "" {
		r.Props.Set(mapi.PidTagRecipientTrackStatus, mapi.Int32Value(int32(track(s))))
	}
	if s := strings.ToUpper(p.Param("RSVP")); s == "TRUE" || s == "FALSE" {
		r.Props.Set(mapi.PidTagResponseRequested, mapi.BoolValue(s == "TRUE"))
	}
	it.m.Recipients = append(it.m.Recipients, r)
	l := attendee(r, &w)
	it.keepParams(p, w.address(), placedParams(p, &l)...)
}

func track(partstat string) int {
	switch partstat {
	case "ACCEPTED":
		return trackAccepted
	case "TENTATIVE":
		return trackTentative
	case "DECLINED":
		return trackDeclined
	}
	return trackNone
}

// replyPeople reads the people of a response.
func (it *itemReader) replyPeople(org *ical.Property, attendees []*ical.Property) {
	if org != nil {
		w := parsePerson(org)
		it.m.Recipients = append(it.m.Recipients, newRecipient(w, mapi.RecipientTo, 0))
		l := w.line("ORGANIZER")
		it.keepParams(org, w.address(), placedParams(org, &l)...)
	}
	for i, a := range attendees {
		if i > 0 {
			it.keepLine(a)
			continue
		}
		w := parsePerson(a)
		if w.empty() {
			it.keepLine(a)
			continue
		}
		by := w
		if s := a.Param("SENT-BY"); s != "" {
			q := ical.New("SENT-BY", s)
			by = parsePerson(&q)
		}
		representingTags.set(&it.m.Props, w)
		senderTags.set(&it.m.Props, by)
		l := w.line("ATTENDEE")
		placed := append(placedParams(a, &l), "PARTSTAT")
		if by.smtp != "" && by.smtp != w.smtp && w.smtp != "" {
			placed = append(placed, "SENT-BY")
		}
		it.keepParams(a, w.address(), placed...)
	}
	it.displayLists()
}

// displayLists sets PidTagDisplayTo, Cc and Bcc, which a store computes.
// [MS-OXCMSG] 2.2.1.36
func (it *itemReader) displayLists() {
	for _, k := range []struct {
		kind int
		tag  mapi.Tag
	}{{mapi.RecipientTo, mapi.PidTagDisplayTo}, {mapi.RecipientCc, mapi.PidTagDisplayCc}, {mapi.RecipientBcc, mapi.PidTagDisplayBcc}} {
		var list []string
		for _, r := range it.m.Recipients {
			if r.Type() == k.kind && !organizes(r) {
				list = append(list, r.Props.Text(mapi.PidTagDisplayName))
			}
		}
		it.m.Props.Set(k.tag, mapi.StringValue(strings.Join(list, "; ")))
	}
}
