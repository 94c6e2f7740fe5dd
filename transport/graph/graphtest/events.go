package graphtest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/timezone"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

var eventRoutes = []*route{
	{"GET", "users/{user}/calendars", "calendars.list", "Calendars.Read", "", "Collection(graph.calendar)", (*call).listCalendars},
	{"POST", "users/{user}/calendars", "calendars.create", "Calendars.ReadWrite", "graph.calendar", "graph.calendar", (*call).createCalendar},
	{"GET", "users/{user}/calendar", "calendars.get", "Calendars.Read", "", "graph.calendar", (*call).getCalendar},
	{"GET", "users/{user}/calendars/{folder}", "calendars.get", "Calendars.Read", "", "graph.calendar", (*call).getCalendar},
	{"PATCH", "users/{user}/calendars/{folder}", "calendars.update", "Calendars.ReadWrite", "graph.calendar", "graph.calendar", (*call).updateCalendar},
	{"DELETE", "users/{user}/calendars/{folder}", "calendars.delete", "Calendars.ReadWrite", "", "", (*call).deleteCalendar},
	{"GET", "users/{user}/events", "events.list", "Calendars.Read", "", "Collection(graph.event)", (*call).listEvents},
	{"GET", "users/{user}/calendar/events", "events.list", "Calendars.Read", "", "Collection(graph.event)", (*call).listEvents},
	{"GET", "users/{user}/calendars/{folder}/events", "events.list", "Calendars.Read", "", "Collection(graph.event)", (*call).listEvents},
	{"GET", "users/{user}/calendarView", "events.list", "Calendars.Read", "", "Collection(graph.event)", (*call).calendarView},
	{"GET", "users/{user}/calendars/{folder}/calendarView", "events.list", "Calendars.Read", "", "Collection(graph.event)", (*call).calendarView},
	{"POST", "users/{user}/events", "events.create", "Calendars.ReadWrite", "graph.event", "graph.event", (*call).createEvent},
	{"POST", "users/{user}/calendar/events", "events.create", "Calendars.ReadWrite", "graph.event", "graph.event", (*call).createEvent},
	{"POST", "users/{user}/calendars/{folder}/events", "events.create", "Calendars.ReadWrite", "graph.event", "graph.event", (*call).createEvent},
	{"GET", "users/{user}/events/{item}", "events.get", "Calendars.Read", "", "graph.event", (*call).getEvent},
	{"GET", "users/{user}/calendars/{cal}/events/{item}", "events.get", "Calendars.Read", "", "graph.event", (*call).getEvent},
	{"PATCH", "users/{user}/events/{item}", "events.update", "Calendars.ReadWrite", "graph.event", "graph.event", (*call).updateEvent},
	{"DELETE", "users/{user}/events/{item}", "events.delete", "Calendars.ReadWrite", "", "", (*call).deleteEvent},
	{"DELETE", "users/{user}/calendars/{cal}/events/{item}", "events.delete", "Calendars.ReadWrite", "", "", (*call).deleteEvent},
}

func classed(f *mailbox.Folder, class string) bool {
	return strings.EqualFold(f.Class, class) || len(f.Class) > len(class) && strings.EqualFold(f.Class[:len(class)+1], class+".")
}

// of lists the folders of a class.
func (c *call) of(class string) (out []mailbox.Folder) {
	root, _ := c.box.WellKnown(mailbox.IPMSubtree)
	for _, f := range c.box.Folders(root.ID, true) {
		if classed(&f, class) && c.may(f.ID, mailbox.MayRead) == nil {
			out = append(out, f)
		}
	}
	return out
}

// room is the folder of the path, of a class, or the standard one.
func (c *call) room(class string, standard mailbox.WellKnown, r mailbox.Rights) (mailbox.Folder, error) {
	f, ok := c.box.WellKnown(standard)
	if id, has := c.vars["folder"]; has && !strings.EqualFold(id, string(standard)) {
		var err error
		if f, err = c.folder(id); err != nil {
			return f, err
		}
		if !classed(&f, class) {
			return f, errNotFound
		}
	} else if !ok {
		return f, errNotFound
	}
	return f, c.may(f.ID, r)
}

func (c *call) calendarObject(f *mailbox.Folder) object {
	return c.q.apply(object{
		"id": c.folderID(f.ID), "name": f.Name, "color": "auto", "hexColor": "", "isDefaultCalendar": f.Role == mailbox.Calendar, "changeKey": fmt.Sprint(f.Change),
		"canShare": true, "canViewPrivateItems": true, "canEdit": true, "isRemovable": f.Role == "", "isTallyingResponses": f.Role == mailbox.Calendar,
		"allowedOnlineMeetingProviders": []any{}, "defaultOnlineMeetingProvider": "unknown",
		"owner": object{"name": c.box.Account().Name, "address": c.box.Address()},
	})
}

func (c *call) listCalendars() error {
	l := c.of("IPF.Appointment")
	return c.replyList(len(l), func(_ *query, i int) (object, error) { return c.calendarObject(&l[i]), nil })
}

func (c *call) getCalendar() error {
	f, err := c.room("IPF.Appointment", mailbox.Calendar, mailbox.MayRead)
	if err != nil {
		return err
	}
	return c.reply(200, c.calendarObject(&f))
}

func (c *call) createCalendar() error {
	o, err := c.body()
	if err != nil {
		return err
	}
	// New calendars lie below the standard one.
	p, _ := c.box.WellKnown(mailbox.Calendar)
	f, err := c.newRoom(p, text(o, "name"), "IPF.Appointment")
	if err != nil {
		return err
	}
	return c.reply(201, c.calendarObject(&f))
}

func (c *call) newRoom(p mailbox.Folder, name, class string) (mailbox.Folder, error) {
	if err := c.may(p.ID, mailbox.MayCreateFolders); err != nil {
		return p, err
	}
	return c.box.CreateFolder(p.ID, name, class, nil)
}

// rename changes the name of a folder.
func (c *call) rename(f mailbox.Folder, name string) (mailbox.Folder, error) {
	if name == "" {
		return f, nil
	}
	return c.box.UpdateFolder(f.ID, func(n *mailbox.Folder) error { n.Name = name; return nil })
}

func (c *call) updateCalendar() error {
	f, err := c.room("IPF.Appointment", mailbox.Calendar, mailbox.MayCreateFolders)
	if err != nil {
		return err
	}
	o, err := c.body()
	if err != nil {
		return err
	}
	if f, err = c.rename(f, text(o, "name")); err != nil {
		return err
	}
	return c.reply(200, c.calendarObject(&f))
}

func (c *call) deleteCalendar() error { return c.deleteRoom("IPF.Appointment", mailbox.Calendar) }

func (c *call) deleteRoom(class string, standard mailbox.WellKnown) error {
	f, err := c.room(class, standard, mailbox.MayDelete)
	if err != nil {
		return err
	}
	if err := c.box.DeleteFolder(f.ID, true); err != nil {
		return err
	}
	return c.noContent(204)
}

var eventFields = append([]field{
	{name: "subject", f: func(_ *call, it *mailbox.Item) any { return it.Message.Props.Text(mapi.PidTagSubject) }},
	{name: "body", f: func(c *call, it *mailbox.Item) any { return c.bodyOf(it.Message) }},
	{name: "bodyPreview", f: func(c *call, it *mailbox.Item) any { return preview(c.ctx, it.Message) }},
	{name: "start", f: func(c *call, it *mailbox.Item) any { return c.eventTime(it, mapi.PidLidAppointmentStartWhole) }},
	{name: "end", f: func(c *call, it *mailbox.Item) any { return c.eventTime(it, mapi.PidLidAppointmentEndWhole) }},
	{name: "isAllDay", f: func(_ *call, it *mailbox.Item) any { return it.Message.Props.NameBool(mapi.PidLidAppointmentSubType) }},
	{name: "location", f: func(_ *call, it *mailbox.Item) any {
		return place(it.Message.Props.NameText(mapi.PidLidLocation))
	}},
	{name: "locations", f: func(_ *call, it *mailbox.Item) any {
		if s := it.Message.Props.NameText(mapi.PidLidLocation); s != "" {
			return []any{place(s)}
		}
		return []any{}
	}},
	{name: "showAs", f: func(_ *call, it *mailbox.Item) any {
		n, ok := it.Message.Props.NameInt(mapi.PidLidBusyStatus)
		return word(showAs, n, ok, "busy")
	}},
	{name: "importance", f: func(_ *call, it *mailbox.Item) any { return importance(it.Message.Props) }},
	{name: "sensitivity", f: func(_ *call, it *mailbox.Item) any {
		n, ok := it.Message.Props.Int(mapi.PidTagSensitivity)
		return word(sensitivities, n, ok, "normal")
	}},
	{name: "isReminderOn", f: func(_ *call, it *mailbox.Item) any { return it.Message.Props.NameBool(mapi.PidLidReminderSet) }},
	{name: "reminderMinutesBeforeStart", f: func(_ *call, it *mailbox.Item) any {
		n, _ := it.Message.Props.NameInt(mapi.PidLidReminderDelta)
		return n
	}},
	{name: "hasAttachments", f: func(_ *call, it *mailbox.Item) any { return hasAttachments(it.Message) }},
	{name: "isCancelled", f: func(_ *call, it *mailbox.Item) any { return meeting(it)&4 != 0 }},
	{name: "isOrganizer", f: func(_ *call, it *mailbox.Item) any { return meeting(it)&2 == 0 }},
	{name: "isDraft", f: func(*call, *mailbox.Item) any { return false }},
	{name: "isOnlineMeeting", f: func(*call, *mailbox.Item) any { return false }},
	{name: "onlineMeetingProvider", f: func(*call, *mailbox.Item) any { return "unknown" }},
	{name: "onlineMeeting", f: func(*call, *mailbox.Item) any { return nil }},
	{name: "onlineMeetingUrl", f: func(*call, *mailbox.Item) any { return nil }},
	{name: "allowNewTimeProposals", f: func(*call, *mailbox.Item) any { return true }},
	{name: "hideAttendees", f: func(*call, *mailbox.Item) any { return false }},
	{name: "responseRequested", f: func(_ *call, it *mailbox.Item) any {
		v, ok := it.Message.Props.Get(mapi.PidTagResponseRequested)
		n, _ := v.Int()
		return !ok || n != 0
	}},
	{name: "responseStatus", f: func(_ *call, it *mailbox.Item) any {
		n, ok := it.Message.Props.NameInt(mapi.PidLidResponseStatus)
		return object{"response": word(responses, n, ok, "organizer"), "time": time.Time{}}
	}},
	{name: "iCalUId", f: func(_ *call, it *mailbox.Item) any {
		v, _ := it.Message.Props.GetName(mapi.PidLidGlobalObjectId)
		return fmt.Sprintf("%X", v.Raw())
	}},
	{name: "transactionId", f: func(*call, *mailbox.Item) any { return nil }},
	{name: "originalStartTimeZone", f: func(_ *call, it *mailbox.Item) any { return zoneName(it.Message.Props) }},
	{name: "originalEndTimeZone", f: func(_ *call, it *mailbox.Item) any { return zoneName(it.Message.Props) }},
	{name: "seriesMasterId", f: func(*call, *mailbox.Item) any { return nil }},
	{name: "type", f: func(_ *call, it *mailbox.Item) any {
		if _, ok := it.Message.Props.GetName(mapi.PidLidAppointmentRecur); ok {
			return "seriesMaster"
		}
		return "singleInstance"
	}},
	{name: "recurrence", f: func(_ *call, it *mailbox.Item) any { return orNil(recurrenceOf(it.Message.Props)) }},
	{name: "organizer", f: func(c *call, it *mailbox.Item) any {
		if a := from(it.Message.Props); a != nil {
			return a
		}
		return object{"emailAddress": object{"name": c.box.Account().Name, "address": c.box.Address()}}
	}},
	{name: "attendees", f: func(_ *call, it *mailbox.Item) any { return attendees(it.Message) }},
	{name: "webLink", f: func(c *call, it *mailbox.Item) any {
		return "https://outlook.office365.com/owa/?itemid=" + c.itemID(it) + "&exvsurl=1&path=/calendar/item"
	}},
}, common...)

// The words for numbers of [MS-OXOCAL] 2.2.1.2, [MS-OXCMSG] 2.2.1.13 and
// [MS-OXOCAL] 2.2.1.11.
var (
	showAs        = []string{"free", "tentative", "busy", "oof", "workingElsewhere"}
	sensitivities = []string{"normal", "personal", "private", "confidential"}
	responses     = []string{"none", "organizer", "tentativelyAccepted", "accepted", "declined", "notResponded"}
)

func word(words []string, n int64, ok bool, or string) string {
	if !ok || n < 0 || n >= int64(len(words)) {
		return or
	}
	return words[n]
}

func place(name string) object {
	return object{"displayName": name, "locationType": "default", "uniqueId": name, "uniqueIdType": "private"}
}

// meeting is PidLidAppointmentStateFlags: 1 a meeting, 2 received, 4 canceled.
func meeting(it *mailbox.Item) int64 {
	n, _ := it.Message.Props.NameInt(mapi.PidLidAppointmentStateFlags)
	return n
}

// eventTime is a time in the zone that Prefer: outlook.timezone asks for.
func (c *call) eventTime(it *mailbox.Item, n mapi.Name) any {
	t := it.Message.Props.NameTime(n)
	if t.IsZero() {
		t = it.Created
	}
	if name := c.prefer["outlook.timezone"]; name != "" {
		if l, ok := location(name); ok {
			return object{"dateTime": t.In(l).Format("2006-01-02T15:04:05.0000000"), "timeZone": name}
		}
	}
	return zoned(t)
}

// location opens a zone by its Windows or IANA name.
func location(name string) (*time.Location, bool) {
	iana, ok := timezone.Resolve(name)
	if !ok {
		return nil, false
	}
	l, ok := timezone.Load(iana)
	return l.Location, ok
}

func zoneName(ps mapi.Properties) string {
	if s := ps.NameText(mapi.PidLidTimeZoneDescription); s != "" {
		return s
	}
	return "UTC"
}

func attendees(m *mapi.Message) any {
	out := []any{}
	for _, r := range m.Recipients {
		a := address(r.Props.Text(mapi.PidTagSmtpAddress), "", r.Props.Text(mapi.PidTagEmailAddress), r.Props.Text(mapi.PidTagDisplayName))
		if a == nil || r.Type() == mapi.RecipientOriginator {
			continue
		}
		a["type"] = map[int]string{mapi.RecipientTo: "required", mapi.RecipientCc: "optional", mapi.RecipientBcc: "resource"}[r.Type()]
		n, ok := r.Props.Int(mapi.PidTagRecipientTrackStatus)
		a["status"] = object{"response": word(responses, n, ok, "none"), "time": time.Time{}}
		out = append(out, a)
	}
	return out
}

func isEvent(it *mailbox.Item) bool {
	return strings.HasPrefix(strings.ToLower(it.Class()), "ipm.appointment")
}

func (c *call) event(q *query, it *mailbox.Item) (object, error) {
	return c.build(q, "", eventFields, it)
}

func (c *call) events() ([]mailbox.Item, error) {
	f, err := c.room("IPF.Appointment", mailbox.Calendar, mailbox.MayRead)
	if err != nil {
		return nil, err
	}
	items, err := c.box.Items(f.ID, mailbox.Normal)
	return slices.DeleteFunc(items, func(it mailbox.Item) bool { return !isEvent(&it) }), err
}

func (c *call) listEvents() error {
	items, err := c.events()
	if err != nil {
		return err
	}
	return c.replyList(len(items), func(q *query, i int) (object, error) { return c.event(q, &items[i]) })
}

func (c *call) calendarView() error {
	from, err1 := time.Parse(time.RFC3339, c.q.start)
	to, err2 := time.Parse(time.RFC3339, c.q.end)
	if err1 != nil || err2 != nil {
		return fail(400, "ErrorInvalidParameter", "This request requires a time window specified by the query string parameters StartDateTime and EndDateTime.")
	}
	items, err := c.events()
	if err != nil {
		return err
	}
	items = slices.DeleteFunc(items, func(it mailbox.Item) bool {
		ps := it.Message.Props
		return !ps.NameTime(mapi.PidLidAppointmentStartWhole).Before(to) || !ps.NameTime(mapi.PidLidAppointmentEndWhole).After(from)
	})
	return c.replyList(len(items), func(q *query, i int) (object, error) { return c.event(q, &items[i]) })
}

func (c *call) oneEvent(r mailbox.Rights) (mailbox.Item, error) {
	it, err := c.one(r)
	if err == nil && !isEvent(&it) {
		err = errNotFound
	}
	return it, err
}

func (c *call) replyEvent(status int, it mailbox.Item) error {
	o, err := c.event(&c.q, &it)
	if err != nil {
		return err
	}
	o["@odata.context"] = c.base() + "/$metadata#users('" + userID(c.box) + "')/events/$entity"
	return c.reply(status, o)
}

func (c *call) getEvent() error {
	it, err := c.oneEvent(mailbox.MayRead)
	if err != nil {
		return err
	}
	return c.replyEvent(200, it)
}

func (c *call) createEvent() error {
	f, err := c.room("IPF.Appointment", mailbox.Calendar, mailbox.MayCreate)
	if err != nil {
		return err
	}
	o, err := c.body()
	if err != nil {
		return err
	}
	m, err := c.newEvent(o)
	if err != nil {
		return err
	}
	it, err := c.box.Create(c.ctx, f.ID, m, mailbox.CreateOptions{})
	if err != nil {
		return err
	}
	// QUIRK: every attendee gets an invitation, and no switch prevents it.
	if err := c.invite(m, "IPM.Schedule.Meeting.Request"); err != nil {
		return err
	}
	return c.replyEvent(201, it)
}

// invite mails the attendees of a meeting.
func (c *call) invite(m *mapi.Message, class string) error {
	if len(m.Recipients) == 0 {
		return nil
	}
	r := &mapi.Message{Props: m.Props.Clone(), Recipients: m.Recipients}
	r.Props.Set(mapi.PidTagMessageClass, mapi.StringValue(class))
	return c.s.boxes.Submit(c.ctx, c.box, r, c.route.name)
}

func (c *call) updateEvent() error {
	it, err := c.oneEvent(mailbox.MayEdit)
	if err != nil {
		return err
	}
	o, err := c.body()
	if err != nil {
		return err
	}
	if it, err = c.box.Change(it.ID, func(m *mapi.Message) error { return c.setEvent(m, o) }); err != nil {
		return err
	}
	if meeting(&it)&2 == 0 {
		if err := c.invite(it.Message, "IPM.Schedule.Meeting.Request"); err != nil {
			return err
		}
	}
	return c.replyEvent(200, it)
}

func (c *call) deleteEvent() error {
	it, err := c.oneEvent(mailbox.MayDelete)
	if err != nil {
		return err
	}
	// QUIRK: the organizer's delete cancels the meeting, by mail.
	if meeting(&it)&2 == 0 {
		if err := c.invite(it.Message, "IPM.Schedule.Meeting.Canceled"); err != nil {
			return err
		}
	}
	if err := c.box.Delete(it.ID, mailbox.ToTrash); err != nil {
		return err
	}
	return c.noContent(204)
}
