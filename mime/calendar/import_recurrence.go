package calendar

import (
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/recurrence"
	"github.com/mailconv/mailconv/mapi/timezone"
	"github.com/mailconv/mailconv/mime/ical"
)

const maxExceptions = 5000

// recurrence reads the rule of a series and its exceptions into the blob, and
// gives back the changed occurrences that it has no place for. [MS-OXCICAL]
// 2.1.3.2
func (it *itemReader) recurrence(t eventTimes, recur []*ical.Property, overrides []*ical.Component) (left []*ical.Component) {
	if !t.ok {
		for _, p := range recur {
			it.keepLine(p)
		}
		return overrides
	}
	rec, whole := it.series(t, recur)
	ps := &it.m.Props
	if rec == nil && len(recur) == 0 {
		return overrides
	}
	if rec != nil {
		if !it.deleted(t, rec, recur) {
			whole = false
		}
		for _, o := range overrides {
			if len(rec.Exceptions) >= maxExceptions || !it.exception(t, rec, o) {
				left = append(left, o)
			}
		}
		rec.Sort()
		it.storeSeries(t, rec)
	} else {
		left = overrides
	}
	if !whole {
		k := keeper{limit: keptLimit}
		k.line(recurrenceDigest(it.m))
		for _, p := range recur {
			if !k.property(p) {
				it.loss(p.Name, mapi.LossTooLarge, "")
			}
		}
		keep(ps, NameRecurrence, k.lines)
	}
	return left
}

// series makes the recurrence of the rule; whole is false when the lines say
// more. A rule that has no form at all gives nil.
func (it *itemReader) series(t eventTimes, recur []*ical.Property) (rec *recurrence.Recurrence, whole bool) {
	whole = true
	var p *recurrence.Pattern
	for _, l := range recur {
		switch l.Name {
		case "RRULE":
			r, err := ical.ParseRule(l.Value)
			if err != nil {
				it.problem(mapi.Problem{Offset: -1, Field: "RRULE", Detail: err.Error() + "; the line is kept as it is", Spec: "RFC 5545 3.3.10"})
				whole = false
				continue
			}
			if p != nil {
				whole = false
				it.loss("RRULE", mapi.LossApproximated, "a second rule")
				continue
			}
			q, exact := patternOf(r, t.start.Clock)
			if q == nil {
				whole = false
				it.loss("RRULE", mapi.LossApproximated, "the rule has no form in MAPI; the item is stored as a single one")
				continue
			}
			if !exact {
				whole = false
				it.loss("RRULE", mapi.LossApproximated, "the nearest rule is stored")
			}
			limit(q, r, t.start.Clock, it.until(r, t.zs))
			if q.EndType == recurrence.EndCount && q.OccurrenceCount == 0 || q.EndType == recurrence.EndDate && q.OccurrenceCount == 0 {
				whole = false // ends before it begins
			}
			p = q
			if len(l.Params) > 0 || !endsAsWritten(q, r) {
				whole = false
			}
		case "RDATE", "EXRULE":
			if strings.TrimSpace(l.Value) != "" {
				it.loss(l.Name, mapi.LossApproximated, "occurrences beyond a rule have no form in MAPI")
			}
			whole = false
		}
	}
	if p == nil {
		return nil, false
	}
	start, end := t.offsets()
	return recurrence.New(*p, start, end), whole
}

// endsAsWritten reports whether the end of a rule can be said by the pattern.
func endsAsWritten(p *recurrence.Pattern, r *ical.Rule) bool {
	return r.Count <= 1<<31 && (p.EndType != recurrence.EndCount || p.EndDate != recurrence.Never)
}

// until is UNTIL on the clock of the series.
func (it *itemReader) until(r *ical.Rule, z zone) time.Time {
	if r.Until == nil {
		return time.Time{}
	}
	if r.Until.UTC {
		return timezone.Clock(z, r.Until.Clock)
	}
	return r.Until.Clock
}

// deleted reads EXDATE; false when some are no occurrences.
func (it *itemReader) deleted(t eventTimes, rec *recurrence.Recurrence, recur []*ical.Property) bool {
	whole := true
	for _, l := range recur {
		if l.Name != "EXDATE" {
			continue
		}
		for _, v := range ical.Split(l.Value, ',') {
			d, err := ical.ParseDateTime(v, l.Param("TZID"))
			if err != nil || len(rec.Deleted) >= maxExceptions {
				whole = false
				continue
			}
			clock, ok := it.onClock(t, d)
			if !ok || !rec.Gives(recurrence.At(clock)) {
				whole = false
				continue
			}
			rec.Deleted = append(rec.Deleted, recurrence.At(clock).Midnight())
		}
	}
	return whole
}

// onClock is a time of an EXDATE or RECURRENCE-ID on the clock of the series; ok
// is false when no occurrence begins at that time of the day.
func (it *itemReader) onClock(t eventTimes, d ical.DateTime) (time.Time, bool) {
	clock := d.Clock
	switch {
	case d.Date || t.start.Date:
		if d.Date != t.start.Date {
			return clock, false
		}
		return clock, true
	case d.UTC != t.start.UTC || d.TZID != t.start.TZID:
		z, _ := it.zoneOf(it.cal, d)
		clock = timezone.Clock(t.zs, timezone.Instant(z, d.Clock))
	}
	s := t.start.Clock
	return clock, clock.Hour() == s.Hour() && clock.Minute() == s.Minute() && clock.Second() == s.Second()
}

// storeSeries writes the recurrence. [MS-OXOCAL] 2.2.1.44
func (it *itemReader) storeSeries(t eventTimes, rec *recurrence.Recurrence) {
	ps := &it.m.Props
	ps.SetName(mapi.PidLidAppointmentRecur, mapi.BinaryValue(recurrence.Append(nil, rec)))
	ps.SetName(mapi.PidLidRecurring, mapi.BoolValue(true))
	ps.SetName(mapi.PidLidIsRecurring, mapi.BoolValue(true))
	ps.SetName(mapi.PidLidRecurrenceType, mapi.Int32Value(int32(rec.Frequency&0xF)-9))
	last := t.startUTC.AddDate(30, 0, 0)
	if rec.EndDate != recurrence.Never {
		last = rec.EndDate.Time()
	}
	def := it.definition(it.cal, t.zs, t.startUTC, last)
	ps.SetName(mapi.PidLidAppointmentTimeZoneDefinitionRecur, mapi.BinaryValue(timezone.AppendDefinition(nil, def)))
	if r, ok := def.RuleOf(t.start.Clock.Year()); ok {
		ps.SetName(mapi.PidLidTimeZoneStruct, mapi.BinaryValue(timezone.AppendStruct(nil, r)))
	}
	ps.SetName(mapi.PidLidTimeZoneDescription, mapi.StringValue(def.KeyName))
	// Midnight of the first and last day. [MS-OXOCAL] 2.2.1.14, 2.2.1.15
	ps.SetName(mapi.PidLidClipStart, mapi.TimeValue(timezone.Instant(&def, rec.StartDate.Time())))
	end := time.Date(4500, 8, 31, 23, 59, 0, 0, time.UTC)
	if rec.EndDate != recurrence.Never {
		end = rec.EndDate.Time()
	}
	ps.SetName(mapi.PidLidClipEnd, mapi.TimeValue(timezone.Instant(&def, end)))
}

// exception stores a changed occurrence in the blob and as an attachment; false
// when the series has no such occurrence. [MS-OXOCAL] 2.2.1.44.2, 2.2.10
func (it *itemReader) exception(t eventTimes, rec *recurrence.Recurrence, o *ical.Component) bool {
	p := o.Get("RECURRENCE-ID")
	d, err := ical.ParseDateTime(p.Value, p.Param("TZID"))
	if err != nil || p.Param("RANGE") != "" || len(o.All("RECURRENCE-ID")) > 1 || d.Date && p.Param("TZID") != "" {
		return false
	}
	clock, ok := it.onClock(t, d)
	if !ok || !rec.Gives(recurrence.At(clock)) || clock.Second() != t.start.Clock.Second() {
		return false
	}
	for i := range rec.Exceptions {
		if rec.Exceptions[i].OriginalStart.Midnight() == recurrence.At(clock).Midnight() {
			return false
		}
	}
	was := it.where
	it.where = label(o) + " " + p.Value[:min(len(p.Value), 40)]
	defer func() { it.where = was }()
	sub := &itemReader{importer: it.importer, cal: it.cal, in: o, m: &mapi.Message{}}
	sub.event(nil, nil)
	sub.finish()
	st := sub.times2()
	if !st.ok {
		return false
	}
	// What cannot be said within the series: a zone of its own, a rule.
	if st.zs.tzid != t.zs.tzid || st.start.UTC != t.start.UTC {
		if !st.start.Date && !t.start.Date && timezone.Clock(t.zs, st.startUTC) != st.start.Clock {
			return false
		}
	}
	start, end := timezone.Clock(t.zs, st.startUTC), timezone.Clock(t.zs, st.endUTC)
	if start.Year() < 1601 || start.Year() > 4499 || end.Before(start) {
		return false
	}
	m := sub.m
	e := recurrence.Exception{Start: recurrence.At(start), End: recurrence.At(end), OriginalStart: recurrence.At(clock).Midnight() + recurrence.Minutes(rec.StartOffset)}
	it.overridden(&e, m)
	it.blank(m)
	m.Props.Set(mapi.PidTagMessageClass, mapi.StringValue(classException))
	m.Props.SetName(mapi.PidLidExceptionReplaceTime, mapi.TimeValue(timezone.Instant(t.zs, clock)))
	if v, ok := it.m.Props.GetName(mapi.PidLidGlobalObjectId); ok {
		m.Props.SetName(mapi.PidLidGlobalObjectId, mapi.BinaryValue(withDate(v.Raw(), clock)))
	}
	a := &mapi.Attachment{Embedded: m}
	a.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachEmbedded))
	a.Props.Set(mapi.PidTagAttachmentFlags, mapi.Int32Value(2))
	a.Props.Set(mapi.PidTagAttachmentHidden, mapi.BoolValue(true))
	a.Props.Set(mapi.PidTagAttachFlags, mapi.Int32Value(0))
	a.Props.Set(mapi.PidTagRenderingPosition, mapi.Int32Value(-1))
	a.Props.Set(mapi.PidTagDisplayName, mapi.StringValue(m.Props.Text(mapi.PidTagSubject)))
	a.Props.Set(mapi.PidTagExceptionStartTime, mapi.TimeValue(start))
	a.Props.Set(mapi.PidTagExceptionEndTime, mapi.TimeValue(end))
	it.m.Attachments = append(it.m.Attachments, a)
	rec.Exceptions = append(rec.Exceptions, e)
	rec.Modified = append(rec.Modified, e.Start.Midnight())
	rec.Deleted = append(rec.Deleted, recurrence.At(clock).Midnight())
	return true
}

// times2 reads the times again, without a word about what is wrong with them.
func (it *itemReader) times2() eventTimes {
	q := &itemReader{importer: &importer{ctx: it.ctx, opt: it.opt, report: &ImportReport{}}, cal: it.cal, in: it.in, m: &mapi.Message{}}
	return q.times()
}

// overridden says in the blob what is different from the series.
func (it *itemReader) overridden(e *recurrence.Exception, m *mapi.Message) {
	master, own := it.m.Props, m.Props
	if s := own.Text(mapi.PidTagSubject); s != master.Text(mapi.PidTagSubject) {
		e.Override |= recurrence.OverrideSubject
		e.Subject = s
	}
	if s := own.NameText(mapi.PidLidLocation); s != master.NameText(mapi.PidLidLocation) {
		e.Override |= recurrence.OverrideLocation
		e.Location = s
	}
	differs := func(n mapi.Name, bit uint16, out *uint32) {
		a, _ := own.NameInt(n)
		b, _ := master.NameInt(n)
		if a != b {
			e.Override |= bit
			*out = uint32(a)
		}
	}
	differs(mapi.PidLidBusyStatus, recurrence.OverrideBusyStatus, &e.BusyStatus)
	differs(mapi.PidLidReminderDelta, recurrence.OverrideDelta, &e.ReminderDelta)
	differs(mapi.PidLidReminderSet, recurrence.OverrideReminder, &e.ReminderSet)
	differs(mapi.PidLidAppointmentSubType, recurrence.OverrideSubType, &e.SubType)
	if len(m.Attachments) > 0 {
		e.Override |= recurrence.OverrideAttachment
		e.Attachment = 1
	}
	if own.Text(mapi.PidTagBody) != master.Text(mapi.PidTagBody) {
		e.Override |= recurrence.OverrideBody
	}
}

// blank gives the occurrence empty values for what the series has and it has
// not: a reader takes what is absent from the series.
func (it *itemReader) blank(m *mapi.Message) {
	for _, n := range []mapi.Name{NameProperties, NameParameters, NameAlarms, NameZones} {
		_, in := it.m.Props.GetName(n)
		if n == NameProperties || n == NameParameters {
			in = in || len(it.props.lines) > 0 || len(it.params.lines) > 0
		}
		if n == NameZones {
			in = in || it.zones != [2]string{}
		}
		if _, own := m.Props.GetName(n); in && !own {
			m.Props.SetName(n, mapi.MultiStringValue([]string{""}))
		}
	}
	if v, ok := it.m.Props.GetName(mapi.PidNameKeywords); ok && len(v.Texts()) > 0 {
		if _, own := m.Props.GetName(mapi.PidNameKeywords); !own {
			m.Props.SetName(mapi.PidNameKeywords, mapi.MultiStringValue([]string{""}))
		}
	}
}
