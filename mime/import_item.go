package mime

import (
	"context"
	"io"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/codepage"
	"github.com/mailconv/mailconv/mime/calendar"
	"github.com/mailconv/mailconv/mime/contact"
	"github.com/mailconv/mailconv/mime/entity"
)

// An importedItem is the item that a part of a mail holds: at most one of the
// two is set.
type importedItem struct {
	calendar *calendar.PartItem
	card     *contact.Item
	part     *entity.Entity
}

// itemPart takes a part as the item that the mail is about. It is false when the
// part is a file like any other: a calendar of several items, a second one, a
// vCard in a mail that does not say it is a contact. [MS-OXCMAIL] 2.2.3.4.3
func (im *importer) itemPart(e *entity.Entity, p place) bool {
	if im.item.part != nil {
		return false
	}
	class := im.contentClass(e)
	switch e.MediaType {
	case "text/calendar":
		return im.calendarPart(e, p, class)
	case "text/vcard", "text/x-vcard", "text/directory":
		if class != contentClassPerson && class != contentClassList {
			return false
		}
		return im.cardPart(e)
	}
	return false
}

// contentClass is the Content-Class of the mail that a part stands in, in lower
// case.
func (im *importer) contentClass(e *entity.Entity) string {
	for e.Parent() != nil && e.Parent().IsMultipart() {
		e = e.Parent()
	}
	return strings.ToLower(strings.TrimSpace(e.Fields.Value("Content-Class")))
}

// isMethod tells the methods that make a part a message and not a file. RFC 5546
// 1.4
func isMethod(s string) bool {
	switch s {
	case "REQUEST", "REPLY", "CANCEL", "COUNTER", "DECLINECOUNTER", "REFRESH", "ADD":
		return true
	}
	return false
}

// calendarPart reads text/calendar. One that is marked as an attachment is a
// file, unless it has a method: mail programs mark invitations so too.
func (im *importer) calendarPart(e *entity.Entity, p place, class string) bool {
	method := strings.ToUpper(strings.TrimSpace(e.Param("method")))
	if !isToken(method) {
		method = ""
	}
	if e.Disposition == "attachment" && !isMethod(method) {
		return false
	}
	src, size := im.randomAccess(im.utf8Content(e))
	item, report, err := calendar.ImportPart(im.ctx, src, size, &calendar.ImportOptions{Method: method})
	if err != nil || item == nil {
		return false
	}
	switch calendar.Component(item.Message) {
	case "VEVENT":
	case "":
		return false
	default:
		// Tasks and journal entries are not sent; these are items of ours.
		if class == "" || class != contentClassOf(item.Message) {
			return false
		}
	}
	im.item = importedItem{calendar: item, part: e}
	im.itemReport(e, report.Problems, report.Losses)
	im.damage(e)
	name := e.Filename()
	beside := ""
	if p != inAlternative && e.Parent() != nil && e.Parent().IsMultipart() {
		beside = partBeside
	}
	if e.Disposition != "" || name != "" || beside != "" {
		item.Message.Props.SetName(NamePart, mapi.MultiStringValue([]string{e.Disposition, fileName(name), beside}))
	}
	return true
}

// cardPart reads the card of a contact or of a distribution list.
func (im *importer) cardPart(e *entity.Entity) bool {
	src, size := im.randomAccess(im.utf8Content(e))
	var card *contact.Item
	for it, err := range contact.Import(im.ctx, src, size) {
		if err != nil || card != nil {
			return false
		}
		card = it
	}
	if card == nil {
		return false
	}
	im.item = importedItem{card: card, part: e}
	im.itemReport(e, card.Problems, card.Losses)
	im.damage(e)
	return true
}

// utf8Content is the content of a part in UTF-8.
func (im *importer) utf8Content(e *entity.Entity) mapi.Blob {
	switch cs, stated := e.Charset(im.ctx); {
	case !stated, cs == nil, cs.CodePage() == codepage.UTF8, cs.CodePage() == codepage.ASCII:
		return e.Content()
	}
	return entity.NewBlob(func(ctx context.Context) (io.ReadCloser, error) { return e.OpenText(ctx) })
}

func (im *importer) itemReport(e *entity.Entity, problems mapi.Problems, losses []mapi.Loss) {
	for _, p := range problems {
		p.Where = strings.TrimSuffix(partItem(e)+"/"+p.Where, "/")
		im.problem(p)
	}
	for _, l := range losses {
		im.loss(partItem(e)+"/"+l.Item, l.Reason, l.Detail)
	}
}

// joinItem gives the message what its item says.
func (im *importer) joinItem() {
	switch it := &im.item; {
	case it.calendar != nil:
		if !hasPrefixFold(im.m.Class(), "IPM.Note") {
			// A report, or what a TNEF part makes of it: the calendar is a file.
			im.attach(it.part, false)
			return
		}
		if im.bodies.plain == nil && im.bodies.html == nil {
			it.calendar.Message.Props.SetName(mapi.PidLidSingleBodyICal, mapi.BoolValue(true))
		}
		it.calendar.Join(im.m)
	case it.card != nil:
		im.joinCard(it.card)
	}
}

// joinCard makes the mail the contact that it carries. Its own text is that of
// the contact.
func (im *importer) joinCard(card *contact.Item) {
	ps := &im.m.Props
	_, hasText := ps.Get(mapi.PidTagBody)
	_, hasHTML := ps.Get(mapi.PidTagHtml)
	for _, p := range card.Message.Props {
		switch {
		case p.Name != nil:
			ps.SetName(*p.Name, p.Value)
		case p.Tag.ID() == mapi.PidTagBody.ID() && (hasText || hasHTML), p.Tag == mapi.PidTagHasAttachments:
		default:
			ps.Set(p.Tag, p.Value)
		}
	}
	im.m.Attachments = append(im.m.Attachments, card.Message.Attachments...)
}
