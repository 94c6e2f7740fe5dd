package calendar

import (
	"strconv"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/recurrence"
	"github.com/mailconv/mailconv/mapi/timezone"
	"github.com/mailconv/mailconv/mime/ical"
)

// task reads a VTODO. [MS-OXOTASK] 2.2.2.2
func (it *itemReader) task() {
	ps := &it.m.Props
	ps.Set(mapi.PidTagMessageClass, mapi.StringValue(classTask))
	var recur []*ical.Property
	var t eventTimes
	status := -1
	for i := range it.in.Properties {
		p := &it.in.Properties[i]
		switch p.Name {
		case "DTSTART":
			if d, ok := it.day(p, mapi.PidLidTaskStartDate, mapi.PidLidCommonStart); ok {
				t.ok, t.start = true, d
				t.zs = it.zone(p, d)
				t.startUTC = timezone.Instant(t.zs, d.Clock)
				t.end, t.ze, t.endUTC = t.start, t.zs, t.startUTC
			}
		case "DUE":
			if d, ok := it.day(p, mapi.PidLidTaskDueDate, mapi.PidLidCommonEnd); ok {
				z := it.zone(p, d)
				t.endUTC = timezone.Instant(z, d.Clock)
				if !t.ok {
					t.start, t.zs, t.startUTC = d, z, t.endUTC
				}
			}
		case "COMPLETED":
			if _, ok := it.day(p, mapi.PidLidTaskDateCompleted, mapi.Name{}); ok && status < 0 {
				status = taskComplete
			}
		case "STATUS":
			switch v := strings.ToUpper(strings.TrimSpace(p.Value)); v {
			case "NEEDS-ACTION":
				status = taskNotStarted
			case "IN-PROCESS":
				status = taskInProgress
			case "COMPLETED":
				status = taskComplete
			case "CANCELLED":
				status = taskDeferred
				it.keepLine(p)
			default:
				it.keepLine(p)
			}
		case "X-MAILCONV-TASK-STATUS":
			if n, err := strconv.Atoi(p.Value); err == nil && n >= 0 && n <= taskDeferred {
				status = n
			}
		case "PERCENT-COMPLETE":
			n, err := strconv.Atoi(strings.TrimSpace(p.Value))
			if err != nil || n < 0 || n > 100 || !it.once(p) {
				it.keepLine(p)
				continue
			}
			ps.SetName(mapi.PidLidPercentComplete, mapi.Float64Value(float64(n)/100))
		case "RRULE", "RDATE", "EXDATE", "EXRULE":
			recur = append(recur, p)
		case "X-MAILCONV-TASK-SLIDING":
		case "ORGANIZER", "ATTENDEE":
		case "UID", "DTSTAMP":
			it.keepID(p)
		default:
			if !it.common(p) {
				it.keepLine(p)
			}
		}
	}
	if status >= 0 {
		ps.SetName(mapi.PidLidTaskStatus, mapi.Int32Value(int32(status)))
	}
	ps.SetName(mapi.PidLidTaskComplete, mapi.BoolValue(status == taskComplete))
	if status == taskComplete {
		if _, ok := ps.GetName(mapi.PidLidPercentComplete); !ok {
			ps.SetName(mapi.PidLidPercentComplete, mapi.Float64Value(1))
		}
	}
	it.people(classTask)
	it.reminder(t)
	it.taskSeries(t, recur)
}

// keepID keeps what identifies an item for which MAPI has no such property.
func (it *itemReader) keepID(p *ical.Property) {
	it.keepLine(p)
}

// day stores a date of a task: a day on the clock of whoever reads it, and its
// midnight. What else the line says is kept. [MS-OXOTASK] 2.2.2.2.4
func (it *itemReader) day(p *ical.Property, local, common mapi.Name) (ical.DateTime, bool) {
	d, err := ical.ParseDateTime(p.Value, p.Param("TZID"))
	if err != nil || p.Large != nil {
		it.invalid(p, errOr(err), true)
		return d, false
	}
	if !it.once1(p) {
		return d, false
	}
	clock := d.Clock.Truncate(24 * time.Hour)
	it.m.Props.SetName(local, mapi.TimeValue(clock))
	own := map[mapi.Name]string{mapi.PidLidCommonStart: commonStartLine, mapi.PidLidCommonEnd: commonEndLine}[common]
	if common != (mapi.Name{}) && it.in.Get(own) == nil {
		it.m.Props.SetName(common, mapi.TimeValue(timezone.Instant(it.floating(it.cal), clock)))
	}
	plain := d.Date && p.Name != "COMPLETED" || p.Name == "COMPLETED" && d.UTC && midnight(d.Clock)
	if !plain || len(p.Params) > 1 {
		it.keepLine(p)
	}
	return d, true
}

func (it *itemReader) once1(p *ical.Property) bool {
	if it.seen == nil {
		it.seen = make(map[string]bool)
	}
	if it.seen[p.Name] {
		it.keepLine(p)
		return false
	}
	it.seen[p.Name] = true
	return true
}

type lineError string

func (e lineError) Error() string { return string(e) }

func errOr(err error) error {
	if err == nil {
		return lineError("the value is too long")
	}
	return err
}

// taskSeries reads the rule of a task. [MS-OXOTASK] 2.2.2.2.15
func (it *itemReader) taskSeries(t eventTimes, recur []*ical.Property) {
	if len(recur) == 0 {
		return
	}
	ps := &it.m.Props
	whole := false
	if t.ok {
		var rec *recurrence.Recurrence
		rec, whole = it.series(t, recur)
		if rec != nil {
			if !it.deleted(t, rec, recur) {
				whole = false
			}
			rec.Sort()
			if len(rec.Deleted) > 0 || !t.start.Date {
				whole = false // times of the day and single dates are kept
			}
			if p := it.in.Get("X-MAILCONV-TASK-SLIDING"); p != nil {
				if n, err := strconv.ParseUint(p.Value, 10, 32); err == nil {
					rec.Sliding = uint32(n)
				}
			}
			ps.SetName(mapi.PidLidTaskRecurrence, mapi.BinaryValue(recurrence.AppendPattern(nil, &rec.Pattern)))
			ps.SetName(mapi.PidLidTaskFRecurring, mapi.BoolValue(true))
		}
	}
	if whole {
		return
	}
	k := keeper{limit: keptLimit}
	k.line(recurrenceDigest(it.m))
	for _, p := range recur {
		if !k.property(p) {
			it.loss(p.Name, mapi.LossTooLarge, "")
		}
	}
	keep(ps, NameRecurrence, k.lines)
}

// journal reads a VJOURNAL. [MS-OXOJRNL] 2.2.1
func (it *itemReader) journal() {
	ps := &it.m.Props
	ps.Set(mapi.PidTagMessageClass, mapi.StringValue(classJournal))
	for i := range it.in.Properties {
		p := &it.in.Properties[i]
		switch p.Name {
		case "DTSTART":
			d, err := ical.ParseDateTime(p.Value, p.Param("TZID"))
			if err != nil || p.Large != nil {
				it.invalid(p, errOr(err), true)
				continue
			}
			if !it.once1(p) {
				continue
			}
			v := mapi.TimeValue(timezone.Instant(it.zone(p, d), d.Clock))
			ps.SetName(mapi.PidLidLogStart, v)
			ps.SetName(mapi.PidLidCommonStart, v)
			if !d.UTC || len(p.Params) > 0 {
				it.keepLine(p)
			}
		case "UID", "DTSTAMP":
			it.keepID(p)
		case "ORGANIZER", "ATTENDEE":
		default:
			if !it.common(p) {
				it.keepLine(p)
			}
		}
	}
	if v, ok := ps.GetName(mapi.PidLidLogEnd); ok {
		ps.SetName(mapi.PidLidCommonEnd, v)
	}
	it.people(classJournal)
	it.reminder(eventTimes{})
}
