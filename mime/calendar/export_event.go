package calendar

import (
	"bytes"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/recurrence"
	"github.com/mailconv/mailconv/mapi/timezone"
	"github.com/mailconv/mailconv/mime/ical"
)

// dayZoneName is the property that names the zone of an all-day event.
const dayZoneName = "X-MAILCONV-TZID"

// instanceName is the property that says for which day of a series an item is,
// as its Global Object ID has it.
const instanceName = "X-MAILCONV-INSTANCE"

// An eventZone is the zone in which a time is written.
type eventZone struct {
	tzid     string // "" for UTC and floating
	floating bool
	zone     timezone.Zone
	allDay   bool
}

// time is an instant as it is written.
func (z *eventZone) time(t time.Time) ical.DateTime {
	clock := timezone.Clock(z.zone, t)
	switch {
	case z.allDay:
		return ical.DateTime{Clock: clock, Date: true}
	case z.tzid == "" && !z.floating:
		return ical.UTCTime(t)
	}
	return ical.DateTime{Clock: clock, TZID: z.tzid}
}

// clock is a time on the clock of the zone as it is written.
func (z *eventZone) clock(c time.Time) ical.DateTime {
	if z.tzid == "" && !z.floating && !z.allDay {
		return ical.UTCTime(timezone.Instant(z.zone, c))
	}
	return ical.DateTime{Clock: c, Date: z.allDay, TZID: z.tzid}
}

// event writes an appointment or meeting, and its exceptions. [MS-OXCICAL]
// 2.1.3.1.1.20
func (x *exporter) event(m *mapi.Message) {
	rec, series := x.recurrenceOf(m)
	start, end := times(m.Props)
	allDay := m.Props.NameBool(mapi.PidLidAppointmentSubType)
	last := start
	if rec != nil {
		last = start.AddDate(10, 0, 0)
		if e := rec.EndDate.Time(); rec.EndDate != recurrence.Never && e.Before(last) {
			last = e
		}
	}
	zs := x.zoneOf(m, mapi.PidLidAppointmentTimeZoneDefinitionStartDisplay, 0, series, start, last)
	ze := x.zoneOf(m, mapi.PidLidAppointmentTimeZoneDefinitionEndDisplay, 1, series, start, last)
	dayZone := ""
	if allDay {
		// Days on the clock of the zone; else what they are.
		a, b := timezone.Clock(zs.zone, start), timezone.Clock(zs.zone, end)
		if midnight(a) && midnight(b) {
			zs.allDay = true
			dayZone = zs.tzid
			ze = zs
		}
	}
	if x.ownZone(dayZone) {
		dayZone = ""
	}
	if dayZone != "" {
		z := zs
		z.allDay = false
		x.place(&z, start, last)
		dayZone = z.tzid
	}
	x.place(&zs, start, last)
	x.place(&ze, start, last)
	x.keptZones(m, start, last)

	it := &item{name: "VEVENT"}
	x.eventLines(it, m, m.Recipients, start, end, &zs, &ze)
	if dayZone != "" {
		// Whose day it is; a DATE cannot say.
		it.text(dayZoneName, dayZone)
	}
	switch {
	case series:
		x.recurrenceLines(it, m, rec, start, &zs)
	default:
		if t, ok := replaced(m); ok {
			it.add(zs.time(t).Property("RECURRENCE-ID"))
		}
		// The day that the identifier names, which a reader cannot always tell.
		if v, ok := m.Props.GetName(mapi.PidLidGlobalObjectId); ok && it.keeps("RECURRENCE-ID") == nil {
			if d := dateOf(v.Raw()); d != "" {
				it.add(ical.New(instanceName, d))
			}
		}
	}
	x.cleanID(it, m)
	x.write(it, lines(m.Props, NameParameters))
	if rec != nil {
		x.exceptions(m, rec, start, &zs, &ze)
	}
}

// cleanID adds the clean identifier of a message where it is not that of the other
// one without its date.
func (x *exporter) cleanID(it *item, m *mapi.Message) {
	clean, ok := m.Props.GetName(mapi.PidLidCleanGlobalObjectId)
	full, has := m.Props.GetName(mapi.PidLidGlobalObjectId)
	if !ok || !has || len(full.Raw()) < goidDate+4 || len(clean.Raw()) > maxUID {
		return
	}
	want := bytes.Clone(full.Raw())
	clear(want[goidDate : goidDate+4])
	if !bytes.Equal(want, clean.Raw()) {
		it.add(ical.New(cleanLine, strings.ToUpper(hex.EncodeToString(clean.Raw()))))
	}
}

// ownZone reports whether the calendar that is open names a zone as its own.
func (x *exporter) ownZone(name string) bool {
	props, _ := parseKept(x.calendar)
	p := find(props, "X-WR-TIMEZONE")
	if p == nil || name == "" {
		return false
	}
	a, ok := timezone.Resolve(ical.Text(p.Value))
	b, ok2 := timezone.Resolve(name)
	w1, _ := timezone.Windows(a)
	w2, _ := timezone.Windows(b)
	return ok && ok2 && (a == b || w1 != "" && w1 == w2)
}

func midnight(t time.Time) bool { return t.Hour() == 0 && t.Minute() == 0 && t.Second() == 0 }

// times are the start and end of an appointment.
func times(ps mapi.Properties) (start, end time.Time) {
	start, end = ps.NameTime(mapi.PidLidAppointmentStartWhole), ps.NameTime(mapi.PidLidAppointmentEndWhole)
	if start.IsZero() {
		start = ps.NameTime(mapi.PidLidCommonStart)
	}
	if start.IsZero() {
		start = ps.Time(mapi.PidTagStartDate)
	}
	if end.IsZero() {
		end = ps.NameTime(mapi.PidLidCommonEnd)
	}
	if end.IsZero() {
		end = ps.Time(mapi.PidTagEndDate)
	}
	return start, end
}

// replaced is the original start of an item that stands for one occurrence of a
// series that is elsewhere.
func replaced(m *mapi.Message) (time.Time, bool) {
	t := m.Props.NameTime(mapi.PidLidExceptionReplaceTime)
	return t, !t.IsZero()
}

// eventLines adds what an event and an exception of one have.
func (x *exporter) eventLines(it *item, m *mapi.Message, recipients []*mapi.Recipient, start, end time.Time, zs, ze *eventZone) {
	ps := m.Props
	method, _ := Part(m)
	x.common(it, m)
	if !start.IsZero() {
		it.add(zs.time(start).Property("DTSTART"))
		if !end.IsZero() && !unreadable(it, "DTEND") {
			it.add(ze.time(end).Property("DTEND"))
		}
	}
	x.people(it, m, recipients)
	if n, ok := ps.NameInt(mapi.PidLidAppointmentSequence); ok {
		it.add(ical.New("SEQUENCE", strconv.FormatInt(n, 10)))
	}
	if method == "CANCEL" {
		it.add(ical.New("STATUS", "CANCELLED"))
	}
	busy, ok := ps.NameInt(mapi.PidLidBusyStatus)
	if ok && busy >= 0 && int(busy) < len(busyNames) {
		transp := "OPAQUE"
		if busy == 0 {
			transp = "TRANSPARENT"
		}
		it.add(ical.New("TRANSP", transp))
		it.add(ical.New("X-MICROSOFT-CDO-BUSYSTATUS", busyNames[busy]))
	}
	if n, ok := ps.NameInt(mapi.PidLidIntendedBusyStatus); ok && n >= 0 && int(n) < len(busyNames) {
		it.add(ical.New("X-MICROSOFT-CDO-INTENDEDSTATUS", busyNames[n]))
	}
	if v, ok := ps.GetName(mapi.PidLidAppointmentSubType); ok {
		n, _ := v.Int()
		it.add(ical.New("X-MICROSOFT-CDO-ALLDAYEVENT", map[bool]string{true: "TRUE", false: "FALSE"}[n != 0]))
	}
	x.counter(it, m, zs)
	x.alarms(it, m, start)
}

// unreadable reports whether a line that was kept stands for what it could not
// say.
func unreadable(it *item, name string) bool {
	p := it.keeps(name)
	if p == nil {
		return false
	}
	_, err := ical.ParseDateTime(p.Value, "")
	return err != nil
}

// counter adds the times that a response proposes. [MS-OXCICAL] has DTSTART for
// them; the original times travel beside it. [MS-OXCICAL] 2.1.3.1.1.20.8
func (x *exporter) counter(it *item, m *mapi.Message, zs *eventZone) {
	if !m.Props.NameBool(mapi.PidLidAppointmentCounterProposal) {
		return
	}
	s, e := m.Props.NameTime(mapi.PidLidAppointmentProposedStartWhole), m.Props.NameTime(mapi.PidLidAppointmentProposedEndWhole)
	if s.IsZero() || e.IsZero() {
		return
	}
	for i := range it.lines {
		p := &it.lines[i].prop
		switch p.Name {
		case "DTSTART":
			it.add(ical.New("X-MS-OLK-ORIGINALSTART", p.Value, "TZID", p.Param("TZID"), "VALUE", p.Param("VALUE")))
			it.lines[i].prop = zs.time(s).Property("DTSTART")
		case "DTEND":
			it.add(ical.New("X-MS-OLK-ORIGINALEND", p.Value, "TZID", p.Param("TZID"), "VALUE", p.Param("VALUE")))
			it.lines[i].prop = zs.time(e).Property("DTEND")
		}
	}
}

// defaultDelta stands for the user's own default. [MS-OXORMDR] 2.2.1.3
const defaultDelta = 0x5AE980E1

// alarms adds the reminder as a VALARM, or those that were kept for it.
// [MS-OXCICAL] 2.1.3.1.1.20.62
func (x *exporter) alarms(it *item, m *mapi.Message, start time.Time) {
	set := m.Props.NameBool(mapi.PidLidReminderSet)
	key := reminderKey(m)
	if kept := lines(m.Props, NameAlarms); len(kept) > 0 && kept[0] == key {
		_, comps := parseKept(kept[1:])
		it.comps = append(it.comps, comps...)
		return
	}
	if !set {
		return
	}
	c := &ical.Component{Name: "VALARM"}
	c.Add(ical.New("ACTION", "DISPLAY"))
	c.Add(ical.New("DESCRIPTION", "REMINDER"))
	if it.name == "VTODO" {
		t := m.Props.NameTime(mapi.PidLidReminderTime)
		if t.IsZero() {
			return
		}
		p := ical.UTCTime(t).Property("TRIGGER")
		p.Params = append(p.Params, ical.Param{Name: "VALUE", Values: []string{"DATE-TIME"}})
		c.Add(p)
	} else {
		c.Add(ical.New("TRIGGER", ical.FormatDuration(-time.Duration(delta(m.Props))*time.Minute), "RELATED", "START"))
	}
	it.comps = append(it.comps, c)
}

func delta(ps mapi.Properties) int64 {
	n, ok := ps.NameInt(mapi.PidLidReminderDelta)
	if !ok || n == defaultDelta {
		return 15
	}
	return n
}

// reminderKey says what a message's reminder is.
func reminderKey(m *mapi.Message) string {
	if !m.Props.NameBool(mapi.PidLidReminderSet) {
		return "none"
	}
	if componentOf(m) == "VTODO" {
		return m.Props.NameTime(mapi.PidLidReminderTime).Format(time.RFC3339)
	}
	return strconv.FormatInt(delta(m.Props), 10)
}

// zoneOf chooses the zone in which the times of a message are written: that of
// the recurrence, or that of the time itself.
func (x *exporter) zoneOf(m *mapi.Message, display mapi.Name, which int, series bool, from, to time.Time) eventZone {
	hint := ""
	if kept := lines(m.Props, NameZones); len(kept) > which {
		hint = kept[which]
	}
	var def timezone.Definition
	ok := false
	order := []mapi.Name{display, mapi.PidLidAppointmentTimeZoneDefinitionRecur, mapi.PidLidAppointmentTimeZoneDefinitionStartDisplay}
	if series {
		order = []mapi.Name{mapi.PidLidAppointmentTimeZoneDefinitionRecur, mapi.PidLidAppointmentTimeZoneDefinitionStartDisplay}
		if _, have := m.Props.GetName(mapi.PidLidAppointmentTimeZoneDefinitionRecur); !have {
			if def, ok = x.structOf(m); ok {
				order = nil
			}
		}
	}
	for _, n := range order {
		v, have := m.Props.GetName(n)
		if !have {
			continue
		}
		d, problems, err := timezone.ParseDefinition(v.Raw())
		for _, p := range problems {
			p.Where = n.Canonical()
			x.problem(p)
		}
		if err != nil {
			x.problem(mapi.Problem{Where: n.Canonical(), Offset: -1, Detail: err.Error()})
			continue
		}
		def, ok = d, true
		break
	}
	if !ok {
		def, ok = x.structOf(m)
	}
	if !ok {
		// Nothing says where: all-day events are of the reader's zone, others
		// are written in UTC.
		def = *x.opt.Zone
		if !m.Props.NameBool(mapi.PidLidAppointmentSubType) {
			def = timezone.UTC()
		}
	}
	if hint == floating {
		return eventZone{floating: true, zone: &def}
	}
	if def.IsUTC() && (hint == "" || strings.EqualFold(hint, "UTC")) && (def.KeyName == "UTC" || def.KeyName == "") {
		return eventZone{zone: &def, tzid: hint}
	}
	for _, name := range []string{hint, def.KeyName} {
		iana, found := timezone.Resolve(name)
		if !found {
			continue
		}
		l, found := timezone.Load(iana)
		if !found || !agree(l, &def, from, to) {
			continue
		}
		if name == hint {
			iana = hint
		}
		return eventZone{tzid: iana, zone: l}
	}
	tzid := hint
	if tzid == "" {
		tzid = def.KeyName
	}
	if tzid == "" {
		tzid = "Zone of the appointment"
	}
	return eventZone{tzid: tzid, zone: &def}
}

// structOf reads PidLidTimeZoneStruct, whose name is PidLidTimeZoneDescription.
func (x *exporter) structOf(m *mapi.Message) (timezone.Definition, bool) {
	v, ok := m.Props.GetName(mapi.PidLidTimeZoneStruct)
	if !ok {
		return timezone.Definition{}, false
	}
	r, err := timezone.ParseStruct(v.Raw())
	if err != nil {
		x.problem(mapi.Problem{Where: "PidLidTimeZoneStruct", Offset: -1, Detail: err.Error()})
		return timezone.Definition{}, false
	}
	return timezone.Definition{KeyName: m.Props.NameText(mapi.PidLidTimeZoneDescription), Rules: []timezone.Rule{r}}, true
}

// place writes the VTIMEZONE of a zone, once in a calendar. A zone that has the
// name of another with other rules gets a name of its own.
func (x *exporter) place(z *eventZone, from, to time.Time) {
	if z.tzid == "" || z.allDay {
		return
	}
	name := z.tzid
	for n := 2; ; n++ {
		old := x.zones[z.tzid]
		if old == nil {
			break
		}
		if agree(old, z.zone, from, to) || n > 1000 {
			return
		}
		z.tzid = name + " " + strconv.Itoa(n)
	}
	x.zones[z.tzid] = z.zone
	if d, ok := z.zone.(*timezone.Definition); ok {
		x.w.Component(vtimezone(z.tzid, d))
		return
	}
	// From the year before the first to what is known of the future.
	since := x.since
	if since == 0 {
		since = 1970
	}
	first := max(min(from.Year()-1, since), zoneFirst)
	if from.IsZero() {
		first = since
	}
	d := timezone.Define(z.tzid, z.zone, first, min(max(to.Year()+1, 2037), first+200))
	x.w.Component(vtimezone(z.tzid, &d))
}

// keptZones writes the zones of kept lines.
func (x *exporter) keptZones(m *mapi.Message, from, to time.Time) {
	var list []string
	for _, n := range []mapi.Name{NameProperties, NameRecurrence, NameAlarms} {
		list = append(list, lines(m.Props, n)...)
	}
	for _, s := range list {
		if !strings.Contains(s, "TZID") {
			continue
		}
		p, ok := ical.ParseLine(s)
		if !ok {
			continue
		}
		id := p.Param("TZID")
		if iana, ok := timezone.Resolve(id); ok && x.zones[id] == nil {
			if l, ok := timezone.Load(iana); ok {
				x.place(&eventZone{tzid: id, zone: l}, from, to)
			}
		}
	}
}
