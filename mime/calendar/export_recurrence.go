package calendar

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/recurrence"
	"github.com/mailconv/mailconv/mapi/timezone"
	"github.com/mailconv/mailconv/mime/ical"
)

// recurrenceOf reads the recurrence of an appointment. series is true also when
// only kept lines say how it recurs.
func (x *exporter) recurrenceOf(m *mapi.Message) (rec *recurrence.Recurrence, series bool) {
	v, ok := m.Props.GetName(mapi.PidLidAppointmentRecur)
	if ok && len(v.Raw()) > 0 {
		r, problems, err := recurrence.Parse(v.Raw())
		for _, p := range problems {
			p.Where = "PidLidAppointmentRecur"
			x.problem(p)
		}
		if err != nil {
			x.problem(mapi.Problem{Severe: true, Where: "PidLidAppointmentRecur", Offset: -1, Detail: err.Error()})
		}
		rec = r
	}
	return rec, rec != nil || len(keptRecurrence(m)) > 0
}

// recurrenceDigest tells whether the recurrence was changed since its lines were
// kept.
func recurrenceDigest(m *mapi.Message) string {
	h := sha256.New()
	for _, n := range []mapi.Name{mapi.PidLidAppointmentRecur, mapi.PidLidTaskRecurrence, mapi.PidLidAppointmentStartWhole, mapi.PidLidTaskStartDate} {
		v, _ := m.Props.GetName(n)
		h.Write(v.Raw())
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// keptRecurrence are the lines of a recurrence that was not changed since.
func keptRecurrence(m *mapi.Message) []ical.Property {
	kept := lines(m.Props, NameRecurrence)
	if len(kept) < 2 || kept[0] != recurrenceDigest(m) {
		return nil
	}
	props, _ := parseKept(kept[1:])
	return props
}

// recurrenceLines adds RRULE and EXDATE. [MS-OXCICAL] 2.1.3.2.2
func (x *exporter) recurrenceLines(it *item, m *mapi.Message, rec *recurrence.Recurrence, start time.Time, zs *eventZone) {
	if kept := keptRecurrence(m); len(kept) > 0 {
		for _, p := range kept {
			it.add(p)
		}
		return
	}
	if rec == nil {
		return
	}
	x.rule(it, &rec.Pattern, start, zs)
	changed := make(map[recurrence.Minutes]bool, len(rec.Exceptions))
	for i := range rec.Exceptions {
		changed[rec.Exceptions[i].OriginalStart.Midnight()] = true
	}
	second := time.Duration(timezone.Clock(zs.zone, start).Second()) * time.Second
	for _, day := range rec.Deleted {
		if !changed[day.Midnight()] {
			it.add(zs.clock((day.Midnight() + recurrence.Minutes(rec.StartOffset)).Time().Add(second)).Property("EXDATE"))
		}
	}
}

// rule adds RRULE.
func (x *exporter) rule(it *item, p *recurrence.Pattern, start time.Time, zs *eventZone) {
	r, exact := ruleOf(p)
	if r == nil {
		x.loss("PidLidAppointmentRecur", mapi.LossNoHeader, "a rule of another calendar has no RRULE")
		return
	}
	if !exact {
		x.loss("PidLidAppointmentRecur", mapi.LossApproximated, "RRULE is the nearest")
	}
	switch p.EndType {
	case recurrence.EndCount:
		r.Count = int64(p.OccurrenceCount)
	case recurrence.EndDate:
		clock := timezone.Clock(zs.zone, start)
		last := p.EndDate.Time()
		until := ical.DateTime{Clock: last, Date: true}
		if !zs.allDay {
			c := time.Date(last.Year(), last.Month(), last.Day(), clock.Hour(), clock.Minute(), clock.Second(), 0, time.UTC)
			until = ical.DateTime{Clock: c}
			if !zs.floating {
				until = ical.UTCTime(timezone.Instant(zs.zone, c))
			}
		}
		r.Until = &until
	}
	it.add(ical.New("RRULE", r.String()))
}

// exceptions writes the changed occurrences of a series, each a VEVENT with all
// that holds for it.
func (x *exporter) exceptions(m *mapi.Message, rec *recurrence.Recurrence, start time.Time, zs, ze *eventZone) {
	second := time.Duration(timezone.Clock(zs.zone, start).Second()) * time.Second
	for i := range rec.Exceptions {
		e := &rec.Exceptions[i]
		a := attachmentOf(m, e, zs)
		em, recipients := exceptionMessage(m, e, a)
		it := &item{name: "VEVENT"}
		es, ee := timezone.Instant(zs.zone, e.Start.Time().Add(second)), timezone.Instant(zs.zone, e.End.Time())
		if a != nil {
			// The times of the embedded message are exact where they agree.
			s, t := times(a.Embedded.Props)
			if d := s.Sub(es); d > -time.Minute && d < time.Minute {
				es = s
				if !t.IsZero() {
					ee = t
				}
			}
		}
		z, zEnd := *zs, *ze
		if e.Override&recurrence.OverrideSubType != 0 || zs.allDay {
			all := zs.allDay
			if e.Override&recurrence.OverrideSubType != 0 {
				all = e.SubType != 0
			}
			z.allDay = all && midnight(timezone.Clock(zs.zone, es)) && midnight(timezone.Clock(zs.zone, ee))
			zEnd.allDay = z.allDay
			if z.allDay {
				zEnd = z
			}
			x.place(&z, start, start.AddDate(10, 0, 0))
			if !z.allDay {
				zEnd.tzid = z.tzid
			}
		}
		x.where = "exception " + e.OriginalStart.Time().Format("2006-01-02") + "/"
		x.eventLines(it, em, recipients, es, ee, &z, &zEnd)
		it.add(zs.clock(e.OriginalStart.Time().Add(second)).Property("RECURRENCE-ID"))
		x.write(it, lines(em.Props, NameParameters))
		x.where = ""
	}
}

// attachmentOf finds the attachment of an exception. [MS-OXOCAL] 2.2.10.1
func attachmentOf(m *mapi.Message, e *recurrence.Exception, zs *eventZone) *mapi.Attachment {
	original := timezone.Instant(zs.zone, e.OriginalStart.Time())
	var byStart *mapi.Attachment
	for _, a := range m.Attachments {
		if !isException(a) {
			continue
		}
		for _, t := range []time.Time{a.Embedded.Props.NameTime(mapi.PidLidExceptionReplaceTime), a.Props.Time(mapi.PidTagExceptionReplaceTime)} {
			if d := t.Sub(original); !t.IsZero() && d > -time.Minute && d < time.Minute {
				return a
			}
		}
		if t := a.Props.Time(mapi.PidTagExceptionStartTime); recurrence.At(t) == e.Start {
			byStart = a
		}
	}
	return byStart
}

// exceptionMessage is an occurrence as a message of its own: the series, what
// the attachment says otherwise, and what the exception in the blob does.
func exceptionMessage(m *mapi.Message, e *recurrence.Exception, a *mapi.Attachment) (*mapi.Message, []*mapi.Recipient) {
	out := &mapi.Message{Props: m.Props.Clone(), Recipients: m.Recipients}
	for _, n := range []mapi.Name{mapi.PidLidAppointmentRecur, NameRecurrence, NameCalendar, NameMail} {
		out.Props.DeleteName(n)
	}
	recipients := m.Recipients
	class := m.Class()
	if a != nil {
		if _, body := a.Embedded.Props.Get(mapi.PidTagBody); body {
			out.Props.Delete(mapi.PidTagHtml)
			out.Props.Delete(mapi.PidTagRtfCompressed)
		}
		for _, p := range a.Embedded.Props {
			switch {
			case p.Name != nil:
				out.Props.SetName(*p.Name, p.Value)
			case p.Tag.ID() < 0x8000:
				out.Props.Set(p.Tag, p.Value)
			}
		}
		if len(a.Embedded.Recipients) > 0 {
			recipients = a.Embedded.Recipients
			out.Recipients = recipients
		}
		out.Attachments = a.Embedded.Attachments
		out.Props.Set(mapi.PidTagMessageClass, mapi.StringValue(class))
		// The identifier of the series.
		for _, n := range []mapi.Name{mapi.PidLidGlobalObjectId, mapi.PidLidCleanGlobalObjectId} {
			if v, ok := m.Props.GetName(n); ok {
				out.Props.SetName(n, v)
			} else {
				out.Props.DeleteName(n)
			}
		}
		if v, ok := m.Props.Get(mapi.PidTagSearchKey); ok {
			out.Props.Set(mapi.PidTagSearchKey, v)
		}
	}
	if _, ok := uidLine(m); ok {
		uid, _ := uidOf(m)
		out.Props.DeleteName(mapi.PidLidGlobalObjectId)
		out.Props.SetName(mapi.PidLidCleanGlobalObjectId, mapi.BinaryValue(goidFromUID(uid)))
	}
	override := func(bit uint16, set func()) {
		if e.Override&bit != 0 {
			set()
		}
	}
	override(recurrence.OverrideSubject, func() { out.Props.Set(mapi.PidTagSubject, mapi.StringValue(e.Subject)) })
	override(recurrence.OverrideLocation, func() { out.Props.SetName(mapi.PidLidLocation, mapi.StringValue(e.Location)) })
	override(recurrence.OverrideBusyStatus, func() { out.Props.SetName(mapi.PidLidBusyStatus, mapi.Int32Value(int32(e.BusyStatus))) })
	override(recurrence.OverrideDelta, func() { out.Props.SetName(mapi.PidLidReminderDelta, mapi.Int32Value(int32(e.ReminderDelta))) })
	override(recurrence.OverrideReminder, func() { out.Props.SetName(mapi.PidLidReminderSet, mapi.BoolValue(e.ReminderSet != 0)) })
	override(recurrence.OverrideSubType, func() { out.Props.SetName(mapi.PidLidAppointmentSubType, mapi.BoolValue(e.SubType != 0)) })
	override(recurrence.OverrideColor, func() { out.Props.SetName(mapi.PidLidAppointmentColor, mapi.Int32Value(int32(e.Color))) })
	override(recurrence.OverrideMeetingType, func() {
		out.Props.SetName(mapi.PidLidAppointmentStateFlags, mapi.Int32Value(int32(e.MeetingType)))
	})
	return out, recipients
}

// uidLine says whether a message without an identifier needs its UID pinned for
// its exceptions.
func uidLine(m *mapi.Message) (string, bool) {
	uid, made := uidOf(m)
	return uid, made && !strings.HasPrefix(uid, "04000000")
}
