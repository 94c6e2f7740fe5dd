package calendar

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime/ical"
)

// NameMail holds lines of the text/calendar part of a mail that the message
// would write in another way, as the mail around the part says something else:
// its subject, its text, who sent it to whom. Each is the digest of the line as
// the message gives it, a blank, and the line as it was; no line when the part
// had none; "+" in place of a digest when the message gives none. A line that
// the message gives otherwise by now is written as the message has it.
// PtypMultipleString, in [KeepSet].
var NameMail = mapi.Name{Set: KeepSet, Name: "iCalendarMail"}

// NameAttach marks an attachment that stands in the calendar and is no part of
// the mail around it. PtypBoolean, in [KeepSet].
var NameAttach = mapi.Name{Set: KeepSet, Name: "iCalendarAttach"}

// Inside reports whether an attachment of a message that is written as a part
// of a mail ([ExportOptions.Part]) is in that part: an exception of the
// recurrence, or what stood in the calendar. All others want parts of their own.
func Inside(a *mapi.Attachment) bool { return isException(a) || a.Props.NameBool(NameAttach) }

// A PartItem is the one item of a text/calendar part.
type PartItem struct {
	// Message is the item by itself, as [Import] gives it.
	Message *mapi.Message

	ctx    context.Context
	opt    ImportOptions
	line   *ical.Component // as it was read
	report *ImportReport
}

// ImportPart reads the text/calendar part of a mail. It gives nil when the part
// does not hold exactly one item, with the changed occurrences of its series;
// such a part is a file to the mail. Options, report and error are those of
// [Import].
func ImportPart(ctx context.Context, src io.ReaderAt, size int64, opt *ImportOptions) (*PartItem, *ImportReport, error) {
	im := &importer{ctx: ctx, report: &ImportReport{}}
	if opt != nil {
		im.opt = *opt
	}
	im.src, im.size = ical.Decoded(src, size)
	if err := im.index(); err != nil {
		return nil, im.report, err
	}
	var cal *calendarInfo
	var g *group
	for _, c := range im.calendars {
		for _, one := range c.groups {
			if g != nil {
				return nil, im.report, nil
			}
			cal, g = c, one
		}
	}
	if g == nil {
		return nil, im.report, nil
	}
	list, err := im.group(cal, g)
	if err != nil || len(list) != 1 {
		return nil, im.report, err
	}
	at := g.master
	if at == nil {
		at = &g.overrides[0]
	}
	line, err := im.read(*at)
	if err != nil {
		return nil, im.report, err
	}
	return &PartItem{Message: list[0], ctx: ctx, opt: im.opt, line: line, report: im.report}, im.report, nil
}

// ofMail are properties that the mail around a part tells, where it has them.
var ofMail = tags(
	mapi.PidTagSubject, mapi.PidTagNormalizedSubject, mapi.PidTagSubjectPrefix,
	mapi.PidTagSentRepresentingName, mapi.PidTagSentRepresentingEmailAddress, mapi.PidTagSentRepresentingAddressType,
	mapi.PidTagSentRepresentingSmtpAddress, mapi.PidTagSentRepresentingEntryId, mapi.PidTagSentRepresentingSearchKey,
	mapi.PidTagSenderName, mapi.PidTagSenderEmailAddress, mapi.PidTagSenderAddressType,
	mapi.PidTagSenderSmtpAddress, mapi.PidTagSenderEntryId, mapi.PidTagSenderSearchKey,
	mapi.PidTagClientSubmitTime, mapi.PidTagInternetMessageId, mapi.PidTagHasAttachments, mapi.PidTagDisplayTo, mapi.PidTagDisplayCc, mapi.PidTagDisplayBcc, mapi.PidTagMessageFlags)

var bodyTags = tags(mapi.PidTagBody, mapi.PidTagHtml, mapi.PidTagRtfCompressed, mapi.PidTagInternetCodepage)

// Join gives the item to the message that was made from the mail around it. The
// mail goes before the part in what both say: subject, sender, text. Attendees
// who are recipients of the mail get their status, and those who are not become
// recipients to whom nothing is sent. What the part said otherwise is kept, and
// [Export] gives it back.
func (p *PartItem) Join(mail *mapi.Message) {
	item := p.Message
	text := false
	for _, tag := range []mapi.Tag{mapi.PidTagBody, mapi.PidTagHtml, mapi.PidTagRtfCompressed} {
		if v, ok := mail.Props.GetID(tag.ID()); ok && v.Value.Size() > 0 {
			text = true
		}
	}
	sender := false
	for _, tag := range []mapi.Tag{mapi.PidTagSentRepresentingName, mapi.PidTagSentRepresentingEmailAddress} {
		if _, ok := mail.Props.GetID(tag.ID()); ok {
			sender = true
		}
	}
	for _, q := range item.Props {
		if q.Name != nil {
			if _, has := mail.Props.GetName(*q.Name); !has || *q.Name != mapi.PidNameKeywords {
				mail.Props.SetName(*q.Name, q.Value)
			}
			continue
		}
		id := q.Tag.ID()
		_, has := mail.Props.GetID(id)
		switch {
		case bodyTags[id]:
			if text {
				continue
			}
		case q.Tag == mapi.PidTagImportance || q.Tag == mapi.PidTagSensitivity:
			// A mail always has one; it counts when it is not the usual.
			usual := int64(0)
			if q.Tag == mapi.PidTagImportance {
				usual = 1
			}
			if n, _ := mail.Props.Int(q.Tag); has && n != usual {
				continue
			}
		case ofMail[id] && (has || sender && id != mapi.PidTagSubject.ID() && id != mapi.PidTagNormalizedSubject.ID() && id != mapi.PidTagSubjectPrefix.ID()):
			continue
		}
		mail.Props.Set(q.Tag, q.Value)
	}
	p.people(mail)
	exchange(representingTags, &mail.Props, item.Props)
	exchange(senderTags, &mail.Props, item.Props)
	for _, a := range item.Attachments {
		if !isException(a) {
			a.Props.SetName(NameAttach, mapi.BoolValue(true))
		}
		mail.Attachments = append(mail.Attachments, a)
	}
	p.keep(mail)
}

// people joins the recipients of the item with those of the mail.
func (p *PartItem) people(mail *mapi.Message) {
	if len(mail.Recipients) == 0 {
		mail.Recipients = p.Message.Recipients
		return
	}
	if strings.HasPrefix(p.Message.Class(), classResponse) {
		return // the organizer, to whom the mail went by whatever way
	}
	byAddress := make(map[string][]*mapi.Recipient)
	byName := make(map[string][]*mapi.Recipient)
	for _, r := range mail.Recipients {
		if a := addressOf(r); a != "" {
			byAddress[a] = append(byAddress[a], r)
		}
		n := strings.ToLower(r.Props.Text(mapi.PidTagDisplayName))
		byName[n] = append(byName[n], r)
	}
	taken := make(map[*mapi.Recipient]bool)
	take := func(list []*mapi.Recipient) *mapi.Recipient {
		for _, r := range list {
			if !taken[r] {
				taken[r] = true
				return r
			}
		}
		return nil
	}
	for _, r := range p.Message.Recipients {
		var row *mapi.Recipient
		if a := addressOf(r); a != "" {
			row = take(byAddress[a])
		}
		if row == nil && r.Props.Text(mapi.PidTagSmtpAddress) == "" {
			// An Exchange address, which the mail had to write otherwise.
			row = take(byName[strings.ToLower(r.Props.Text(mapi.PidTagDisplayName))])
		}
		if row == nil {
			if _, ok := r.Props.Int(mapi.PidTagRecipientFlags); !ok {
				r.Props.Set(mapi.PidTagRecipientFlags, mapi.Int32Value(0))
			}
			mail.Recipients = append(mail.Recipients, r)
			continue
		}
		for _, q := range r.Props {
			if _, has := row.Props.GetID(q.Tag.ID()); !has && q.Name == nil {
				row.Props.Set(q.Tag, q.Value)
			}
		}
		exchange(recipientTags, &row.Props, r.Props)
	}
	if p.Message.Class() == classAppointment && p.line.Get("ORGANIZER") != nil {
		w := parsePerson(p.line.Get("ORGANIZER"))
		for _, r := range mail.Recipients {
			if !taken[r] && (w.smtp != "" && addressOf(r) == strings.ToLower(w.smtp) || w.smtp == "" && w.name != "" && strings.EqualFold(w.name, r.Props.Text(mapi.PidTagDisplayName))) {
				exchange(recipientTags, &r.Props, p.Message.Props)
				r.Props.Set(mapi.PidTagRecipientFlags, mapi.Int32Value(recipientSendable|recipientOrganizer))
				break
			}
		}
	}
}

// exchange gives somebody the Exchange address that the item has for them, which
// a header cannot say. An SMTP address that only stands for it goes.
func exchange(t personTags, ps *mapi.Properties, item mapi.Properties) {
	typ := item.Text(t.typ)
	if typ == "" || strings.EqualFold(typ, "SMTP") || strings.EqualFold(typ, "URI") {
		return
	}
	if smtp := item.Text(t.smtp); !strings.EqualFold(item.Text(t.name), ps.Text(t.name)) && (smtp == "" || !strings.EqualFold(smtp, ps.Text(t.smtp))) {
		return
	}
	ps.Set(t.typ, mapi.StringValue(typ))
	ps.Set(t.addr, mapi.StringValue(item.Text(t.addr)))
	ps.Delete(t.entryID)
	ps.Delete(t.searchKey)
	if strings.HasPrefix(strings.ToLower(ps.Text(t.smtp)), "imcea") {
		ps.Delete(t.smtp)
	}
}

// Unsent reports whether a recipient of a calendar item is only told of, and
// nothing was sent to: an attendee beside the recipients of the mail, or the
// organizer. [MS-OXOCAL] 2.2.4.10.1
func Unsent(r *mapi.Recipient) bool {
	n, ok := r.Props.Int(mapi.PidTagRecipientFlags)
	return ok && (n&recipientSendable == 0 || n&recipientOrganizer != 0)
}

func addressOf(r *mapi.Recipient) string {
	a := r.Props.Text(mapi.PidTagSmtpAddress)
	if a == "" {
		a = r.Props.Text(mapi.PidTagEmailAddress)
	}
	return strings.ToLower(a)
}

// keep writes the item again, as a part, and keeps the lines that would not
// come back.
func (p *PartItem) keep(mail *mapi.Message) {
	var b bytes.Buffer
	report, err := Export(p.ctx, &limited{w: &b, n: keptLimit}, []*mapi.Message{mail}, &ExportOptions{Part: true, Zone: p.opt.Zone})
	if err != nil || report.Items != 1 {
		return
	}
	var made *ical.Component
	for r := ical.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len())); made == nil; {
		c, err := r.Next(p.ctx)
		if err != nil {
			return
		}
		if c.Name == p.line.Name {
			made = c
		}
	}
	k := keeper{limit: keptLimit}
	for _, name := range names2(p.line, made) {
		was, now := p.line.All(name), made.All(name)
		was, now = differing(was, now)
		was = slices.DeleteFunc(was, func(q *ical.Property) bool {
			if q.Large != nil {
				p.report.Losses = append(p.report.Losses, mapi.Loss{Item: label(p.line) + "/" + q.Name, Reason: mapi.LossTooLarge, Detail: "the mail has another, and both are not kept"})
			}
			return q.Large != nil
		})
		fits := true
		for i, q := range now {
			old := ""
			if i < len(was) {
				old = " " + ical.Format(*was[i])
			}
			fits = k.line(digestOf(q, nil)+old) && fits
		}
		for i := len(now); i < len(was); i++ {
			fits = k.line("+ "+ical.Format(*was[i])) && fits
		}
		if !fits {
			p.report.Losses = append(p.report.Losses, mapi.Loss{Item: label(p.line) + "/" + name, Reason: mapi.LossTooLarge, Detail: "more lines than are kept"})
		}
	}
	keep(&mail.Props, NameMail, k.lines)
}

// mailLines are the properties in which a mail and its part can say different
// things. Of all others the message is the only source.
var mailLines = []string{"SUMMARY", "DESCRIPTION", "X-ALT-DESC", "ORGANIZER", "ATTENDEE", "PRIORITY", "CLASS", "CATEGORIES", "X-MICROSOFT-CDO-IMPORTANCE", "X-MAILCONV-NORMALIZED-SUBJECT"}

func names2(a, b *ical.Component) []string {
	return slices.DeleteFunc(slices.Clone(mailLines), func(n string) bool { return a.Get(n) == nil && b.Get(n) == nil })
}

// differing leaves out what both lists have, and puts first what has the same
// value.
func differing(was, now []*ical.Property) (a, b []*ical.Property) {
	take := func(same func(p, q *ical.Property) bool) {
		for i := 0; i < len(was); {
			j := slices.IndexFunc(now, func(q *ical.Property) bool { return same(was[i], q) })
			if j < 0 {
				i++
				continue
			}
			a, b = append(a, was[i]), append(b, now[j])
			was, now = slices.Delete(was, i, i+1), slices.Delete(now, j, j+1)
		}
	}
	take(func(p, q *ical.Property) bool { return p.Large == nil && q.Large == nil && sorted(p) == sorted(q) })
	a, b = nil, nil
	take(func(p, q *ical.Property) bool { return lineKey(p) == lineKey(q) })
	a, b = append(a, was...), append(b, now...)
	return a, b
}

// sorted is a line with its parameters in order.
func sorted(p *ical.Property) string {
	q := *p
	q.Params = slices.Clone(p.Params)
	slices.SortStableFunc(q.Params, func(a, b ical.Param) int { return strings.Compare(a.Name, b.Name) })
	if q.Name == "ATTENDEE" || q.Name == "ORGANIZER" {
		if len(q.Value) > 7 && strings.EqualFold(q.Value[:7], "mailto:") {
			q.Value = "mailto:" + q.Value[7:]
		}
	}
	return ical.Format(q)
}

// digestOf tells a line; r is its value where that is streamed.
func digestOf(p *ical.Property, r io.Reader) string {
	h := sha256.New()
	io.WriteString(h, ical.Format(ical.Property{Name: p.Name, Params: p.Params}))
	switch {
	case r != nil:
		io.Copy(h, r)
	case p.Large != nil:
		if b, err := p.Large.Open(context.Background()); err == nil {
			io.Copy(h, b)
			b.Close()
		}
	default:
		io.WriteString(h, p.Value)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// besides is what the mail said in place of a line of its part.
var besides = map[string]string{"SUMMARY": "PidTagSubject", "DESCRIPTION": "PidTagBody"}

// asInMail gives an item that came in a mail the lines that were kept for it.
func (x *exporter) asInMail(it *item) {
	kept := lines(x.m.Props, NameMail)
	if len(kept) == 0 {
		return
	}
	instead := make(map[string]string, len(kept))
	var more []string
	for _, s := range kept {
		digest, line, _ := strings.Cut(s, " ")
		if digest == "+" {
			more = append(more, line)
		} else {
			instead[digest] = line
		}
	}
	var out []itemLine
	otherText := false // the formatted text is of another text then
	for _, l := range it.lines {
		if !slices.Contains(mailLines, l.prop.Name) {
			out = append(out, l)
			continue
		}
		var r io.ReadCloser
		if l.open != nil {
			var err error
			if r, err = l.open(); err != nil {
				out = append(out, l)
				continue
			}
		}
		line, ok := instead[digestLine(&l.prop, r)]
		otherText = otherText || ok && l.prop.Name == "DESCRIPTION"
		switch p, valid := ical.ParseLine(line); {
		case !ok:
			out = append(out, l)
		case valid:
			out = append(out, itemLine{prop: p})
			if name := besides[p.Name]; name != "" && x.opt.Losses && !x.opt.Part {
				x.loss(name, mapi.LossApproximated, "the mail has another, and what its calendar says is written")
			}
		}
	}
	if otherText && !x.opt.Part {
		out = slices.DeleteFunc(out, func(l itemLine) bool { return l.prop.Name == "X-ALT-DESC" })
	}
	for _, s := range more {
		if p, ok := ical.ParseLine(s); ok {
			out = append(out, itemLine{prop: p})
		}
	}
	it.lines = out
}

// digestLine is digestOf for a line that may be streamed; it closes r.
func digestLine(p *ical.Property, r io.ReadCloser) string {
	if r == nil {
		return digestOf(p, nil)
	}
	defer r.Close()
	return digestOf(p, r)
}

// limited is a writer of n bytes; what is beyond fails.
type limited struct {
	w io.Writer
	n int
}

// Write implements io.Writer.
func (l *limited) Write(p []byte) (int, error) {
	if l.n -= len(p); l.n < 0 {
		return 0, io.ErrShortWrite
	}
	return l.w.Write(p)
}
