package mime

import (
	"bytes"
	"context"
	"io"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime/calendar"
	"github.com/mailconv/mailconv/mime/contact"
	"github.com/mailconv/mailconv/mime/header"
)

// NamePart holds how the text/calendar part stood in the mail that a message
// was made from, where that was not as [Export] writes it: its disposition, its
// file name, and "beside" when it was not in the multipart/alternative of the
// text. PtypMultipleString, in [KeepSet].
var NamePart = mapi.Name{Set: KeepSet, Name: "CalendarPart"}

const partBeside = "beside"

// Content classes of items that are not mail. [MS-OXCMAIL] 2.1.3.2.13 has the
// field; the names are those of Exchange's schema.
const (
	contentClassMeeting     = "urn:content-classes:calendarmessage"
	contentClassAppointment = "urn:content-classes:appointment"
	contentClassTask        = "urn:content-classes:task"
	contentClassJournal     = "urn:content-classes:journal"
	contentClassNote        = "urn:content-classes:note"
	contentClassPerson      = "urn:content-classes:person"
	contentClassList        = "urn:content-classes:group"
)

// contentClassOf is the content class of a message that is no mail, or "".
func contentClassOf(m *mapi.Message) string {
	class := strings.ToLower(m.Class())
	is := func(c string) bool { return class == c || strings.HasPrefix(class, c+".") }
	switch {
	case is("ipm.schedule.meeting"):
		return contentClassMeeting
	case is("ipm.appointment"):
		return contentClassAppointment
	case is("ipm.task"):
		return contentClassTask
	case is("ipm.activity"):
		return contentClassJournal
	case is("ipm.stickynote"):
		return contentClassNote
	case is("ipm.contact"):
		return contentClassPerson
	case is("ipm.distlist"):
		return contentClassList
	}
	return ""
}

// An itemKind says what a message holds beside a mail.
type itemKind uint8

const (
	noItem       itemKind = iota
	calendarItem          // an appointment, meeting, task, journal entry or note
	calendarRest          // what is left of a calendar without items
	contactItem           // a contact or distribution list
)

func itemKindOf(m *mapi.Message) itemKind {
	if hasPrefixFold(m.Class(), "IPM.Note") || m.Class() == "" {
		// Nearly all messages, which need no closer look.
		if _, kept := m.Props.GetName(calendar.NameCalendar); !kept {
			return noItem
		}
		return calendarRest
	}
	switch _, ok := calendar.Part(m); {
	case ok && calendar.Component(m) == "":
		return calendarRest
	case ok:
		return calendarItem
	case contact.Is(m):
		return contactItem
	}
	return noItem
}

// itemPart is the text/calendar or text/vcard part of a message that is no
// mail, or nil. alternative says that it belongs to the forms of the text.
// [MS-OXCMAIL] 2.1.3.3.8
func (x *exporter) itemPart() (p *part, alternative bool, err error) {
	switch x.item {
	case noItem:
		return nil, false, nil
	case contactItem:
		p, err = x.contactPart()
		return p, false, err
	}
	method, _ := calendar.Part(x.m)
	write := func(w io.Writer) (mapi.Problems, []mapi.Loss, error) {
		r, err := calendar.Export(x.ctx, w, []*mapi.Message{x.m}, &calendar.ExportOptions{Part: true, Losses: x.opt.Losses, Resolve: x.smtpOf()})
		return r.Problems, r.Losses, err
	}
	t, err := x.generated("calendar", "text/calendar", write)
	if err != nil {
		return nil, false, err
	}
	p = &part{typ: "text/calendar", text: t, where: "text/calendar", params: []header.Param{{Name: "method", Value: method}}}
	alternative = true
	if x.item == calendarRest {
		p.disposition, p.name, p.params = "attachment", "calendar.ics", nil
		return p, false, nil
	}
	if v, ok := x.m.Props.GetName(NamePart); ok {
		for i, s := range v.Texts() {
			switch i {
			case 0:
				p.disposition = s
			case 1:
				p.name = s
			case 2:
				alternative = s != partBeside
			}
		}
	}
	return p, alternative, nil
}

// contactPart is the card of a contact or of a distribution list, as a file
// that programs offer to take over.
func (x *exporter) contactPart() (*part, error) {
	write := func(w io.Writer) (mapi.Problems, []mapi.Loss, error) {
		r, err := contact.Export(x.ctx, w, x.m, nil)
		if r == nil {
			return nil, nil, err
		}
		return r.Problems, nil, err
	}
	t, err := x.generated("vcard", "text/vcard", write)
	if err != nil {
		return nil, err
	}
	name := fileName(x.m.Props.Text(mapi.PidTagDisplayName))
	if name == "" {
		name = fileName(subject(x.m.Props))
	}
	if name == "" {
		name = "contact"
	}
	return &part{typ: "text/vcard", text: t, where: "text/vcard", disposition: "attachment", name: name + ".vcf"}, nil
}

// generated is a text that is made by write: held when it is small, else made
// again each time it is read. Problems and losses are reported once.
func (x *exporter) generated(subtype, where string, write func(io.Writer) (mapi.Problems, []mapi.Loss, error)) (*text, error) {
	t := &text{subtype: subtype, charset: "utf-8"}
	var held bytes.Buffer
	problems, losses, err := write(&head{w: &held, n: bodyHold})
	if err != nil {
		if x.ctx.Err() != nil {
			return nil, x.ctx.Err()
		}
		problems.Add(mapi.Problem{Severe: true, Offset: -1, Detail: err.Error()})
	}
	for _, p := range problems {
		p.Where = strings.TrimSuffix(where+"/"+p.Where, "/")
		x.problem(p)
	}
	for _, l := range losses {
		x.loss(where+"/"+l.Item, l.Reason, l.Detail)
	}
	if held.Len() < bodyHold {
		t.mem = held.Bytes()
		return t, nil
	}
	t.open = func(context.Context) (io.ReadCloser, error) {
		pr, pw := io.Pipe()
		go func() {
			_, _, err := write(pw)
			pw.CloseWithError(err)
		}()
		return pr, nil
	}
	return t, nil
}

// A head keeps the first n bytes and drops the rest.
type head struct {
	w io.Writer
	n int
}

// Write implements io.Writer.
func (h *head) Write(p []byte) (int, error) {
	k := min(len(p), h.n)
	h.n -= k
	if _, err := h.w.Write(p[:k]); err != nil {
		return 0, err
	}
	return len(p), nil
}

// smtpOf finds the SMTP addresses of the Exchange addresses of the message, as
// its header has them.
func (x *exporter) smtpOf() func(context.Context, string) (string, bool) {
	stored := x.storedFields()
	known := make(map[string]string)
	add := func(p person, field string, creator bool) {
		dn := strings.ToLower(p.addr)
		if dn == "" || known[dn] != "" || strings.EqualFold(p.typ, "SMTP") {
			return
		}
		if a := x.address(&p, x.hint(stored, field, &p), creator); a.Addr != "" && !hasPrefixFold(a.Addr, "imcea") {
			known[dn] = a.Addr
		}
	}
	add(tagsFrom.of(x.m.Props), "From", true)
	add(tagsSender.of(x.m.Props), "Sender", true)
	for _, r := range x.m.Recipients {
		field := "To"
		if r.Type() == mapi.RecipientCc {
			field = "Cc"
		}
		add(tagsRecipient.of(r.Props), field, false)
	}
	return func(_ context.Context, dn string) (string, bool) {
		if s := known[strings.ToLower(dn)]; s != "" {
			return s, true
		}
		s := x.resolve(dn, false)
		return s, s != ""
	}
}

// inItem reports whether an attachment is in the part of the item.
func (x *exporter) inItem(a *mapi.Attachment) bool {
	switch x.item {
	case contactItem:
		return contact.Inside(a)
	case calendarItem:
		return calendar.Inside(a)
	}
	return false
}

// unsent reports whether a row of the recipient table of a calendar item is no
// recipient of the mail: the organizer, and attendees whom the header that is
// stored does not have. [MS-OXOCAL] 2.2.4.10.1
func (x *exporter) unsent(r *mapi.Recipient, stored header.Fields) bool {
	if x.item != calendarItem || len(stored) == 0 || !calendar.Unsent(r) {
		return false
	}
	p := tagsRecipient.of(r.Props)
	for _, name := range []string{"To", "Cc", "Bcc"} {
		for _, a := range x.storedPeople(stored, name) {
			if strings.EqualFold(a.Addr, p.smtp) && p.smtp != "" || strings.EqualFold(a.Addr, p.addr) && p.addr != "" {
				return false
			}
		}
	}
	return true
}

// contentClass writes Content-Class for an item that is no mail, unless the
// message has one. Meetings are known without it. [MS-OXCMAIL] 2.1.3.2.13
func (x *exporter) contentClass(stored header.Fields) {
	s := contentClassOf(x.m)
	if s == "" {
		return
	}
	if _, ok := stored.Get("Content-Class"); ok {
		return
	}
	if len(stored) > 0 && calendar.Component(x.m) == "VEVENT" {
		return // a mail that did without
	}
	for i := range x.m.Props {
		if n := x.m.Props[i].Name; n != nil && n.Set == mapi.PSInternetHeaders && strings.EqualFold(n.Name, "content-class") {
			return
		}
	}
	x.hdr.Value("Content-Class", s)
}

// withItem puts the part of the item among the forms of the text, where it
// belongs there.
func (x *exporter) withItem(plain, html *text, item *part) *part {
	var forms []*part
	// The text of a mail that was nothing but a calendar is in the calendar.
	if plain != nil && (item == nil || html != nil || !x.m.Props.NameBool(mapi.PidLidSingleBodyICal)) {
		forms = append(forms, x.textPart(plain, "PidTagBody"))
	}
	if html != nil {
		forms = append(forms, x.textPart(html, "PidTagHtml"))
	}
	if item != nil {
		forms = append(forms, item)
	}
	switch len(forms) {
	case 0:
		return nil
	case 1:
		return forms[0]
	}
	return multipart("alternative", forms...)
}

// itemCarries tells the properties that the part of the item carries, or is
// nil.
func (x *exporter) itemCarries() func(*mapi.Property) bool {
	switch x.item {
	case contactItem:
		return contact.Carried
	case calendarItem:
		component := calendar.Component(x.m)
		return func(p *mapi.Property) bool { return calendar.Carried(component, p) }
	}
	return nil
}
