package graph

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/recurrence"
	"github.com/mailconv/mailconv/mapi/timezone"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/graph/wire"
	"github.com/mailconv/mailconv/transport/itemprops"
)

// Words of the service for values of MAPI, by number.
var (
	busyWords        = []string{"free", "tentative", "busy", "oof", "workingElsewhere"} // PidLidBusyStatus
	sensitivityWords = []string{"normal", "personal", "private", "confidential"}        // PidTagSensitivity
	importanceWords  = []string{"low", "normal", "high"}                                // PidTagImportance
	statusWords      = []string{"notStarted", "inProgress", "completed", "waitingOnOthers", "deferred"}
	dayWords         = []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}
	nthWords         = []string{"first", "second", "third", "fourth", "last"}
)

func word(list []string, n int64, ok bool) string {
	if !ok || n < 0 || n >= int64(len(list)) {
		return ""
	}
	return list[n]
}

// eventFields are named properties that the resource of an event says, or that
// the service computes of it.
var eventFields = map[mapi.Name]bool{
	mapi.PidNameKeywords: true, mapi.PidLidAppointmentStartWhole: true, mapi.PidLidAppointmentEndWhole: true, mapi.PidLidCommonStart: true, mapi.PidLidCommonEnd: true,
	mapi.PidLidLocation: true, mapi.PidLidBusyStatus: true, mapi.PidLidAppointmentSubType: true, mapi.PidLidReminderSet: true, mapi.PidLidReminderDelta: true,
	mapi.PidLidAppointmentRecur: true, mapi.PidLidRecurring: true, mapi.PidLidRecurrencePattern: true, mapi.PidLidAppointmentDuration: true, mapi.PidLidClipStart: true,
	mapi.PidLidClipEnd: true, mapi.PidLidReminderTime: true, mapi.PidLidReminderSignalTime: true, mapi.PidLidTimeZoneDescription: true, mapi.PidLidTimeZoneStruct: true,
	mapi.PidLidAppointmentTimeZoneDefinitionStartDisplay: true, mapi.PidLidAppointmentTimeZoneDefinitionEndDisplay: true, mapi.PidLidAppointmentTimeZoneDefinitionRecur: true,
	mapi.PidLidAllAttendeesString: true, mapi.PidLidToAttendeesString: true, mapi.PidLidCcAttendeesString: true, mapi.PidLidRecurrenceType: true,
	// What makes it a meeting is left out, as the service would act on it.
	mapi.PidLidAppointmentStateFlags: true, mapi.PidLidResponseStatus: true, mapi.PidLidFInvited: true,
}

// nameAttendees keeps the attendees of a meeting, one line each.
var nameAttendees = mapi.Name{Set: itemprops.OwnSet, Name: "Attendees"}

// event creates an event. Attendees are never among its fields: the service
// mails everybody in them. They are kept in a property and in the body.
func (p *putter) event(ctx context.Context) (transport.Receipt, error) {
	e := &wire.Event{}
	x := &composer{ctx: ctx, s: p.s, m: p.m, out: &e.Message, doc: e, contents: &wire.Contents{}, room: requestLimit}
	defer x.release()
	ps := p.m.Props
	e.Subject = ps.Text(mapi.PidTagSubject)
	if err := x.body(); err != nil {
		return transport.Receipt{}, p.unread(err)
	}
	start, end := ps.NameTime(mapi.PidLidAppointmentStartWhole), ps.NameTime(mapi.PidLidAppointmentEndWhole)
	if start.IsZero() {
		return transport.Receipt{}, p.fail(transport.Rejected, "the appointment has no start, and an event must have one")
	}
	if end.Before(start) {
		end = start
	}
	zone, name := x.zone()
	e.AllDay = ps.NameBool(mapi.PidLidAppointmentSubType)
	e.Start, e.End = clockTime(zone, name, start), clockTime(zone, name, end)
	if e.AllDay {
		// The service wants midnights; they are those of the zone of the event.
		s, t := timezone.Clock(zone, start), timezone.Clock(zone, end)
		if !midnight(s) || !midnight(t) || !t.After(s) {
			e.AllDay = false
			x.lose("PidLidAppointmentSubType", mapi.LossApproximated, "an event of the whole day that does not last from midnight to midnight")
		}
	}
	if s := ps.NameText(mapi.PidLidLocation); s != "" {
		e.Location = &wire.Location{DisplayName: s}
	}
	n, ok := ps.NameInt(mapi.PidLidBusyStatus)
	e.ShowAs = word(busyWords, n, ok)
	n, ok = ps.Int(mapi.PidTagSensitivity)
	e.Sensitivity = word(sensitivityWords, n, ok)
	n, ok = ps.Int(mapi.PidTagImportance)
	e.Importance = word(importanceWords, n, ok)
	on := ps.NameBool(mapi.PidLidReminderSet)
	e.ReminderOn = &on
	if n, ok := ps.NameInt(mapi.PidLidReminderDelta); ok && n >= 0 && n < 1<<20 {
		e.Reminder = &n
	}
	if v, ok := ps.GetName(mapi.PidNameKeywords); ok {
		e.Categories = v.Texts()
	}
	if v, ok := ps.GetName(mapi.PidLidAppointmentRecur); ok && v.Size() > 0 {
		e.Recurrence = x.recurrence(v, name)
	}
	x.attendees()
	x.others(eventFields, map[uint16]bool{0x0036: true})
	if err := x.attachments(); err != nil {
		return transport.Receipt{}, p.unread(err)
	}
	r := transport.Receipt{Route: string(RouteJSON), Losses: x.losses}
	id, n, err := p.create(ctx, x, p.s.user("calendars", p.folder, "events"), func(id string) string { return p.s.user("events", id) })
	r.Ref, r.Bytes = transport.Key(id), n
	return r, err
}

func midnight(t time.Time) bool { return t.Hour() == 0 && t.Minute() == 0 && t.Second() == 0 }

// zone is the zone of an appointment and its name, UTC when it has none.
func (x *composer) zone() (timezone.Zone, string) {
	for _, n := range []mapi.Name{mapi.PidLidAppointmentTimeZoneDefinitionRecur, mapi.PidLidAppointmentTimeZoneDefinitionStartDisplay} {
		v, ok := x.m.Props.GetName(n)
		if !ok || len(v.Raw()) == 0 {
			continue
		}
		if d, _, err := timezone.ParseDefinition(v.Raw()); err == nil && d.KeyName != "" {
			if _, known := timezone.Resolve(d.KeyName); known {
				return &d, d.KeyName
			}
			x.lose(n.String(), mapi.LossApproximated, "the zone has a name that the service does not know; UTC is taken")
		}
	}
	utc := timezone.UTC()
	return &utc, "UTC"
}

func clockTime(z timezone.Zone, name string, t time.Time) *wire.DateTimeZone {
	return &wire.DateTimeZone{DateTime: timezone.Clock(z, t).Format("2006-01-02T15:04:05.0000000"), TimeZone: name}
}

// recurrence is a rule as the service says it.
func (x *composer) recurrence(v mapi.Value, zone string) *wire.Recurrence {
	r, _, err := recurrence.Parse(v.Raw())
	if err != nil {
		x.lose("PidLidAppointmentRecur", mapi.LossUnreadable, err.Error())
		return nil
	}
	if len(r.Deleted) > 0 || len(r.Exceptions) > 0 {
		x.lose("PidLidAppointmentRecur", mapi.LossNoContainer, fmt.Sprintf("%d occurrences that are deleted or differ are created as the rule has them", max(len(r.Deleted), len(r.Exceptions))))
	}
	out := rule(&r.Pattern, zone)
	if out == nil {
		x.lose("PidLidAppointmentRecur", mapi.LossNoContainer, "the service has no such rule; the first occurrence is created")
	}
	return out
}

// rule is nil for what the service cannot say.
func rule(p *recurrence.Pattern, zone string) *wire.Recurrence {
	out := &wire.Recurrence{Range: wire.RecurrenceRange{Type: "noEnd", StartDate: p.StartDate.Time().Format(time.DateOnly), TimeZone: zone}}
	switch p.EndType {
	case recurrence.EndDate:
		out.Range.Type, out.Range.EndDate = "endDate", p.EndDate.Time().Format(time.DateOnly)
	case recurrence.EndCount:
		out.Range.Type, out.Range.Count = "numbered", int64(p.OccurrenceCount)
	}
	var days []string
	for i, d := range dayWords {
		if p.Weekdays&(1<<i) != 0 {
			days = append(days, d)
		}
	}
	pt := &out.Pattern
	pt.Interval = int64(p.Period)
	yearly := p.Frequency == recurrence.Yearly && p.Period%12 == 0 && p.Period > 0
	if yearly {
		pt.Interval, pt.Month = int64(p.Period)/12, int64(p.StartDate.Time().Month())
	}
	switch p.Type {
	case recurrence.Day:
		if pt.Type, pt.Interval = "daily", int64(p.Period)/(24*60); p.Period%(24*60) != 0 {
			return nil
		}
	case recurrence.Week:
		pt.Type, pt.DaysOfWeek, pt.FirstDay = "weekly", days, word(dayWords, int64(p.FirstDOW), true)
	case recurrence.Month, recurrence.MonthEnd:
		pt.Type, pt.DayOfMonth = "absoluteMonthly", int64(p.DayOfMonth)
		if p.Type == recurrence.MonthEnd {
			pt.DayOfMonth = 31
		}
		if yearly {
			pt.Type = "absoluteYearly"
		}
	case recurrence.MonthNth:
		pt.Type, pt.DaysOfWeek, pt.Index = "relativeMonthly", days, word(nthWords, int64(p.N)-1, true)
		if yearly {
			pt.Type = "relativeYearly"
		}
	default:
		return nil // lunar calendars
	}
	if pt.Interval < 1 || (p.Type == recurrence.Week || p.Type == recurrence.MonthNth) && len(days) == 0 || p.Type == recurrence.MonthNth && pt.Index == "" {
		return nil
	}
	return out
}

// attendees keeps those of a meeting where they do no harm.
func (x *composer) attendees() {
	var list []string
	for _, r := range x.m.Recipients {
		who := x.person(r.Props, recipientTags)
		if who == nil {
			continue
		}
		line := who.Email.Name
		if who.Email.Address != "" {
			line = strings.TrimSpace(line + " <" + who.Email.Address + ">")
		}
		list = append(list, line)
		x.lose("attendee "+line, mapi.LossNoContainer, "the service would send an invitation; kept in the text and in a property")
	}
	if len(list) == 0 {
		return
	}
	x.out.Properties = append(x.out.Properties, wire.Property{ID: "String " + extName(nameAttendees), Value: strings.Join(list, "\n")})
	text := "\nAttendees: " + strings.Join(list, ", ")
	b := x.out.Body
	if b.ContentType == "html" {
		b.Content += "<p>" + htmlEscaper.Replace(strings.TrimSpace(text)) + "</p>"
	} else {
		b.Content += text
	}
}

var htmlEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// others adds what has no field to the extended properties, or reports it.
func (x *composer) others(known map[mapi.Name]bool, tags map[uint16]bool) {
	for _, p := range x.m.Props {
		id := p.Tag.ID()
		switch {
		case p.Name != nil && known[*p.Name]:
			continue
		case p.Name == nil && (fields[id] || computed[id] || tags[id] || id == 0x001A):
			continue
		case p.Name == nil && (id == 0x0E07 || id == 0x0E06 || !carried[id]):
			if id != 0x0E07 && id != 0x0E06 && (id < 0x3A00 || id > 0x3AFF) {
				x.lose(p.String(), mapi.LossNoProperty, "json has no place for it")
				continue
			}
			if id == 0x0E07 || id == 0x0E06 {
				continue
			}
		}
		if p.Value.Type() == mapi.TypeTime {
			if _, ok := p.Value.Time(); !ok {
				continue
			}
		}
		if !x.extended(p) {
			x.lose(p.String(), mapi.LossNoProperty, "json cannot carry the value")
		}
	}
}
