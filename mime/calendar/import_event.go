package calendar

import (
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/timezone"
	"github.com/mailconv/mailconv/mime/ical"
)

// eventTimes are the times of a VEVENT.
type eventTimes struct {
	ok         bool // DTSTART can be read
	start, end ical.DateTime
	zs, ze     zone
	startUTC   time.Time
	endUTC     time.Time
}

// event reads a VEVENT. [MS-OXCICAL] 2.1.3.1.1.20
func (it *itemReader) event(overrides []*ical.Component, left *[]*ical.Component) {
	ps := &it.m.Props
	class := classOf(it.cal.method, it.partstat())
	ps.Set(mapi.PidTagMessageClass, mapi.StringValue(class))
	var recur []*ical.Property
	var stampAt *ical.Property
	lines := it.in.Properties
	for i := range lines {
		p := &lines[i]
		switch p.Name {
		case "DTSTART", "DTEND", "DURATION", "ORGANIZER", "ATTENDEE":
			// below
		case "UID":
			if it.once(p) {
				it.uid(p)
			}
		case "DTSTAMP":
			if it.once(p) {
				stampAt = p
			}
		case cleanLine:
			if id, err := hex.DecodeString(p.Value); err != nil || len(id) == 0 || len(id) > maxUID {
				it.keepLine(p)
			}
		case dayZoneName, instanceName:
			// by zone, below
		case "RRULE", "RDATE", "EXDATE", "EXRULE":
			if p.Large != nil {
				it.loss(p.Name, mapi.LossTooLarge, "")
				continue
			}
			recur = append(recur, p)
		case "RECURRENCE-ID":
			// below
		case "SEQUENCE":
			if n, err := strconv.ParseInt(strings.TrimSpace(p.Value), 10, 32); err == nil && n >= 0 && it.once(p) {
				ps.SetName(mapi.PidLidAppointmentSequence, mapi.Int32Value(int32(n)))
			} else {
				it.keepLine(p)
			}
		case "TRANSP", "X-MICROSOFT-CDO-BUSYSTATUS", "STATUS":
			// below
		case "X-MICROSOFT-CDO-INTENDEDSTATUS":
			if n := busy(p.Value); n >= 0 && it.once(p) {
				ps.SetName(mapi.PidLidIntendedBusyStatus, mapi.Int32Value(int32(n)))
			} else {
				it.keepLine(p)
			}
		case "X-MICROSOFT-CDO-ALLDAYEVENT":
			ps.SetName(mapi.PidLidAppointmentSubType, mapi.BoolValue(strings.EqualFold(strings.TrimSpace(p.Value), "TRUE")))
		case "X-MS-OLK-ORIGINALSTART", "X-MS-OLK-ORIGINALEND":
			if it.cal.method != "COUNTER" {
				it.keepLine(p)
			}
		default:
			if !it.common(p) {
				it.keepLine(p)
			}
		}
	}
	it.people(class)
	it.busyStatus()
	if stampAt != nil {
		it.stamp(stampAt, class)
	}
	t := it.times()
	it.storeTimes(t)
	it.state(class)
	it.reminder(t)
	switch {
	case it.in.Get("RECURRENCE-ID") != nil:
		for _, p := range recur {
			it.keepLine(p)
		}
		it.occurrence(t)
	case len(recur) > 0 || len(overrides) > 0:
		overrides = it.recurrence(t, recur, overrides)
	}
	if q := it.in.Get(instanceName); q != nil {
		v, ok := ps.GetName(mapi.PidLidCleanGlobalObjectId)
		if d, err := ical.ParseDateTime(q.Value, ""); ok && err == nil {
			ps.SetName(mapi.PidLidGlobalObjectId, mapi.BinaryValue(withDate(v.Raw(), d.Clock)))
		}
	}
	if q := it.in.Get(cleanLine); q != nil {
		if id, err := hex.DecodeString(q.Value); err == nil && len(id) > 0 && len(id) <= maxUID {
			ps.SetName(mapi.PidLidCleanGlobalObjectId, mapi.BinaryValue(id))
		}
	}
	if left != nil {
		*left = overrides
	}
}

// once is true for the first property of a name; the others are kept.
func (it *itemReader) once(p *ical.Property) bool {
	if it.seen == nil {
		it.seen = make(map[string]bool)
	}
	if it.seen[p.Name] || p.Large != nil {
		it.keepLine(p)
		return false
	}
	it.seen[p.Name] = true
	it.keepParams(p, p.Value)
	return true
}

func (it *itemReader) partstat() string {
	if p := it.in.Get("ATTENDEE"); p != nil {
		return strings.ToUpper(p.Param("PARTSTAT"))
	}
	return ""
}

func (it *itemReader) uid(p *ical.Property) {
	uid := ical.Text(p.Value)
	if uid == "" {
		return
	}
	if len(uid) > maxUID {
		it.keepLine(p)
		return
	}
	id := goidFromUID(uid)
	if uidFromGOID(id) != uid {
		it.keepLine(p) // in lower case, or with a date inside
	}
	it.m.Props.SetName(mapi.PidLidGlobalObjectId, mapi.BinaryValue(id))
	it.m.Props.SetName(mapi.PidLidCleanGlobalObjectId, mapi.BinaryValue(id))
}

func busy(s string) int {
	s = strings.ToUpper(strings.TrimSpace(s))
	for i, n := range busyNames {
		if n == s {
			return i
		}
	}
	return -1
}

// busyStatus reads what says whether the time is taken. [MS-OXCICAL]
// 2.1.3.1.1.20.24, 2.1.3.1.1.20.31
func (it *itemReader) busyStatus() {
	n := -1
	transp, status, exact := it.in.Get("TRANSP"), it.in.Get("STATUS"), it.in.Get("X-MICROSOFT-CDO-BUSYSTATUS")
	if exact != nil {
		n = busy(exact.Value)
		if n < 0 {
			it.keepLine(exact)
		}
	}
	if n < 0 && transp != nil {
		n = 2
		if strings.EqualFold(strings.TrimSpace(transp.Value), "TRANSPARENT") || strings.TrimSpace(transp.Value) == "1" {
			n = 0
		} else if status != nil && strings.EqualFold(strings.TrimSpace(status.Value), "TENTATIVE") {
			n = 1
		}
	}
	if n < 0 && status != nil && strings.EqualFold(strings.TrimSpace(status.Value), "TENTATIVE") {
		n = 1
	}
	if status != nil && !(it.cal.method == "CANCEL" && strings.EqualFold(status.Value, "CANCELLED")) {
		it.keepLine(status)
	}
	for _, name := range []string{"TRANSP", "STATUS"} {
		for i, p := range it.in.All(name) {
			if i > 0 {
				it.keepLine(p)
			}
		}
	}
	if n < 0 {
		n = 2
	}
	it.m.Props.SetName(mapi.PidLidBusyStatus, mapi.Int32Value(int32(n)))
	if it.cal.method == "REQUEST" && it.in.Get("X-MICROSOFT-CDO-INTENDEDSTATUS") == nil {
		it.m.Props.SetName(mapi.PidLidIntendedBusyStatus, mapi.Int32Value(int32(n)))
	}
}

// stamp reads DTSTAMP. [MS-OXCICAL] 2.1.3.1.1.20.9
func (it *itemReader) stamp(p *ical.Property, class string) {
	d, err := ical.ParseDateTime(p.Value, "")
	if err != nil {
		it.invalid(p, err, false)
		return
	}
	n := mapi.PidLidOwnerCriticalChange
	if strings.HasPrefix(class, classResponse) {
		n = mapi.PidLidAttendeeCriticalChange
	}
	v, ok := it.m.Props.GetName(n)
	if at, _ := v.Time(); ok && !at.Equal(d.Clock) {
		it.keepLine(p)
	} else if !ok {
		it.m.Props.SetName(n, mapi.TimeValue(d.Clock))
	}
}

// times reads DTSTART, DTEND and DURATION. [MS-OXCICAL] 2.1.3.1.1.20.8,
// 2.1.3.1.1.20.10
func (it *itemReader) times() (t eventTimes) {
	for _, name := range []string{"DTSTART", "DTEND", "DURATION"} {
		for i, p := range it.in.All(name) {
			if i > 0 || p.Large != nil {
				it.keepLine(p)
			}
		}
	}
	p := it.in.Get("DTSTART")
	if p == nil {
		for _, name := range []string{"DTEND", "DURATION"} {
			if q := it.in.Get(name); q != nil {
				it.keepLine(q)
			}
		}
		return t
	}
	d, err := ical.ParseDateTime(p.Value, p.Param("TZID"))
	if err != nil {
		it.invalid(p, err, true)
		return t
	}
	t.ok, t.start = true, d
	t.zs = it.zone(p, d)
	t.startUTC = timezone.Instant(t.zs, d.Clock)
	it.keepParams(p, d.String(), "TZID", "VALUE")
	// The end: stated, or as long as it lasts, or a day for a day.
	t.end, t.ze, t.endUTC = t.start, t.zs, t.startUTC
	if d.Date {
		t.end.Clock = d.Clock.AddDate(0, 0, 1)
	}
	if q := it.in.Get("DTEND"); q != nil {
		e, err := ical.ParseDateTime(q.Value, q.Param("TZID"))
		switch {
		case err != nil:
			it.invalid(q, err, true)
		default:
			t.end = e
			t.ze = it.zone(q, e)
			it.keepParams(q, e.String(), "TZID", "VALUE")
		}
	} else if q := it.in.Get("DURATION"); q != nil {
		n, err := ical.ParseDuration(q.Value)
		switch {
		case err != nil:
			it.invalid(q, err, true)
		case strings.ContainsAny(strings.ToUpper(q.Value), "HMS"):
			// Exact time. RFC 5545 3.3.6
			t.endUTC = timezone.Instant(t.zs, t.start.Clock).Add(n)
			t.end.Clock = timezone.Clock(t.zs, t.endUTC)
			t.end.Date = false
			if d.Date && midnight(t.end.Clock) {
				t.end.Date = true
			}
		default:
			t.end.Clock = t.start.Clock.Add(n)
		}
	}
	t.endUTC = timezone.Instant(t.ze, t.end.Clock)
	if t.endUTC.Before(t.startUTC) {
		it.problem(mapi.Problem{Offset: -1, Field: "DTEND", Detail: "the event ends before it begins", Spec: "RFC 5545 3.8.2.2"})
	}
	return t
}

// zone is the zone of a property.
func (it *itemReader) zone(p *ical.Property, d ical.DateTime) zone {
	if q := it.in.Get(dayZoneName); q != nil && d.Date {
		if z, ok := it.named(it.cal, ical.DateTime{Clock: d.Clock, TZID: ical.Text(q.Value)}); ok {
			return z
		}
	}
	z, ok := it.zoneOf(it.cal, d)
	if !ok {
		it.problem(mapi.Problem{Offset: -1, Field: p.Name, Detail: "the zone " + strconv.Quote(d.TZID[:min(len(d.TZID), 80)]) + " is not known and has no VTIMEZONE; the time is read as local", Spec: "RFC 5545 3.2.19"})
	}
	return z
}

// storeTimes writes the times of an appointment. [MS-OXOCAL] 2.2.1.5, 2.2.1.6
func (it *itemReader) storeTimes(t eventTimes) {
	if !t.ok {
		return
	}
	ps := &it.m.Props
	for _, x := range []struct {
		v     time.Time
		names []mapi.Name
		tag   mapi.Tag
	}{
		{t.startUTC, []mapi.Name{mapi.PidLidAppointmentStartWhole, mapi.PidLidCommonStart}, mapi.PidTagStartDate},
		{t.endUTC, []mapi.Name{mapi.PidLidAppointmentEndWhole, mapi.PidLidCommonEnd}, mapi.PidTagEndDate},
	} {
		v := mapi.TimeValue(x.v)
		for _, n := range x.names {
			ps.SetName(n, v)
		}
		ps.Set(x.tag, v)
	}
	ps.SetName(mapi.PidLidClipStart, mapi.TimeValue(t.startUTC))
	ps.SetName(mapi.PidLidClipEnd, mapi.TimeValue(t.endUTC))
	minutes := t.endUTC.Sub(t.startUTC) / time.Minute
	ps.SetName(mapi.PidLidAppointmentDuration, mapi.Int32Value(int32(max(0, minutes))))
	allDay := t.start.Date && t.end.Date
	if _, ok := ps.GetName(mapi.PidLidAppointmentSubType); !ok || allDay {
		ps.SetName(mapi.PidLidAppointmentSubType, mapi.BoolValue(allDay))
	}
	ps.SetName(mapi.PidLidAppointmentTimeZoneDefinitionStartDisplay, mapi.BinaryValue(timezone.AppendDefinition(nil, it.definition(it.cal, t.zs, t.startUTC, t.startUTC))))
	ps.SetName(mapi.PidLidAppointmentTimeZoneDefinitionEndDisplay, mapi.BinaryValue(timezone.AppendDefinition(nil, it.definition(it.cal, t.ze, t.startUTC, t.startUTC))))
	if !t.start.Date {
		it.zones[0] = t.zs.hint()
	}
	if !t.end.Date {
		it.zones[1] = t.ze.hint()
	}
	if it.cal.method == "COUNTER" {
		it.proposal(t)
	}
}

// proposal stores the times of a counter proposal, and the original ones as
// those of the meeting. [MS-OXOCAL] 2.2.8
func (it *itemReader) proposal(t eventTimes) {
	ps := &it.m.Props
	ps.SetName(mapi.PidLidAppointmentCounterProposal, mapi.BoolValue(true))
	ps.SetName(mapi.PidLidAppointmentProposedStartWhole, mapi.TimeValue(t.startUTC))
	ps.SetName(mapi.PidLidAppointmentProposedEndWhole, mapi.TimeValue(t.endUTC))
	ps.SetName(mapi.PidLidAppointmentProposedDuration, mapi.Int32Value(int32(max(0, t.endUTC.Sub(t.startUTC)/time.Minute))))
	for name, n := range map[string]mapi.Name{"X-MS-OLK-ORIGINALSTART": mapi.PidLidAppointmentStartWhole, "X-MS-OLK-ORIGINALEND": mapi.PidLidAppointmentEndWhole} {
		p := it.in.Get(name)
		if p == nil {
			continue
		}
		if d, err := ical.ParseDateTime(p.Value, p.Param("TZID")); err == nil {
			ps.SetName(n, mapi.TimeValue(timezone.Instant(it.zone(p, d), d.Clock)))
		}
	}
}

// state sets what follows from class and people. [MS-OXOCAL] 2.2.1.10
func (it *itemReader) state(class string) {
	ps := &it.m.Props
	setInt := func(n mapi.Name, v int) {
		if _, ok := ps.GetName(n); !ok {
			ps.SetName(n, mapi.Int32Value(int32(v)))
		}
	}
	if class == classRequest {
		setInt(mapi.PidLidMeetingType, 1)
	}
	setInt(mapi.PidLidAppointmentStateFlags, stateOf(it.m))
	for i := range eventFields {
		f := &eventFields[i]
		if _, ok := f.get(*ps); f.zero && !ok {
			v := mapi.Int32Value(0)
			if f.kind == boolean {
				v = mapi.BoolValue(false)
			}
			f.set(ps, v)
		}
	}
	if class != classAppointment {
		if v, ok := ps.GetName(mapi.PidLidLocation); ok {
			if _, have := ps.GetName(mapi.PidLidWhere); !have {
				ps.SetName(mapi.PidLidWhere, v)
			}
		}
	}
}

// occurrence marks an item that stands for one occurrence of a series that is
// elsewhere. [MS-OXCICAL] 2.1.3.1.1.20.20
func (it *itemReader) occurrence(t eventTimes) {
	list := it.in.All("RECURRENCE-ID")
	p := list[0]
	for _, q := range list[1:] {
		it.keepLine(q)
	}
	d, err := ical.ParseDateTime(p.Value, p.Param("TZID"))
	if err != nil || p.Param("RANGE") != "" {
		it.keepLine(p)
		return
	}
	z := it.zone(p, d)
	at := timezone.Instant(z, d.Clock)
	ps := &it.m.Props
	ps.SetName(mapi.PidLidExceptionReplaceTime, mapi.TimeValue(at))
	ps.SetName(mapi.PidLidIsException, mapi.BoolValue(true))
	if v, ok := ps.GetName(mapi.PidLidGlobalObjectId); ok {
		ps.SetName(mapi.PidLidGlobalObjectId, mapi.BinaryValue(withDate(v.Raw(), d.Clock)))
	}
	// Written in the zone of the start; kept where that is another.
	if !t.ok || t.zs.tzid != z.tzid || t.start.UTC != d.UTC || t.start.Date != d.Date {
		ps.DeleteName(mapi.PidLidExceptionReplaceTime)
		it.keepLine(p)
	}
}

// reminder reads the first VALARM that MAPI can say; all are kept where it says
// less. [MS-OXCICAL] 2.1.3.1.1.20.62
func (it *itemReader) reminder(t eventTimes) {
	ps := &it.m.Props
	var alarms []*ical.Component
	for _, c := range it.in.Components {
		if c.Name == "VALARM" {
			alarms = append(alarms, c)
			continue
		}
		it.props.limit = keptLimit
		if !it.props.component(c) {
			it.loss(c.Name, mapi.LossTooLarge, "")
		}
	}
	set := false
	for _, a := range alarms {
		at, ok := it.trigger(a, t)
		if !ok {
			continue
		}
		set = true
		n := t.startUTC.Sub(at) / time.Minute
		if componentOf(it.m) == "VTODO" {
			ps.SetName(mapi.PidLidReminderTime, mapi.TimeValue(at))
			ps.SetName(mapi.PidLidReminderSignalTime, mapi.TimeValue(at))
			break
		}
		if n < 0 || n > 1<<30 {
			n = 0
		}
		ps.SetName(mapi.PidLidReminderDelta, mapi.Int32Value(int32(n)))
		if it.in.Get(reminderLine) == nil {
			ps.SetName(mapi.PidLidReminderTime, mapi.TimeValue(t.startUTC))
		}
		ps.SetName(mapi.PidLidReminderSignalTime, mapi.TimeValue(t.startUTC.Add(-n*time.Minute)))
		break
	}
	if componentOf(it.m) != "VJOURNAL" {
		ps.SetName(mapi.PidLidReminderSet, mapi.BoolValue(set))
	}
	if len(alarms) == 0 || len(alarms) == 1 && set && plainAlarm(alarms[0]) {
		return
	}
	k := keeper{limit: keptLimit}
	k.line(reminderKey(it.m))
	for _, a := range alarms {
		if !k.component(a) {
			it.loss("VALARM", mapi.LossTooLarge, "")
		}
	}
	keep(ps, NameAlarms, k.lines)
}

// plainAlarm reports whether the writer makes the same alarm anew.
func plainAlarm(c *ical.Component) bool {
	if len(c.Components) > 0 || len(c.Properties) != 3 || c.Value("ACTION") != "DISPLAY" || c.Value("DESCRIPTION") != "REMINDER" {
		return false
	}
	p := c.Get("TRIGGER")
	if p == nil {
		return false
	}
	if p.Param("VALUE") == "DATE-TIME" {
		return true
	}
	d, err := ical.ParseDuration(p.Value)
	return err == nil && len(p.Params) == 1 && p.Param("RELATED") == "START" && ical.FormatDuration(d) == p.Value && d <= 0 && d%time.Minute == 0
}

// trigger is when an alarm goes off; ok is false where MAPI cannot say it.
func (it *itemReader) trigger(c *ical.Component, t eventTimes) (time.Time, bool) {
	p := c.Get("TRIGGER")
	if p == nil || p.Large != nil {
		return time.Time{}, false
	}
	if d, err := ical.ParseDuration(p.Value); err == nil {
		if !t.ok {
			return time.Time{}, false
		}
		base := t.startUTC
		if strings.EqualFold(p.Param("RELATED"), "END") {
			base = t.endUTC
		}
		return base.Add(d), true
	}
	d, err := ical.ParseDateTime(p.Value, p.Param("TZID"))
	if err != nil || d.Date {
		return time.Time{}, false
	}
	if !t.ok && componentOf(it.m) != "VTODO" {
		return time.Time{}, false
	}
	z, _ := it.zoneOf(it.cal, d)
	return timezone.Instant(z, d.Clock), true
}

// offsets are minutes after midnight of the start and end of each occurrence.
func (t *eventTimes) offsets() (start, end uint32) {
	day := t.start.Clock.Truncate(24 * time.Hour)
	s := t.start.Clock.Sub(day) / time.Minute
	length := t.endUTC.Sub(t.startUTC) / time.Minute
	if t.zs.tzid == t.ze.tzid && t.start.UTC == t.end.UTC {
		length = t.end.Clock.Sub(t.start.Clock) / time.Minute
	}
	length = min(max(length, 0), 1<<30)
	return uint32(s), uint32(s + length)
}
