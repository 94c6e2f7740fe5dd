package calendar

import (
	"strconv"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/recurrence"
	"github.com/mailconv/mailconv/mapi/timezone"
	"github.com/mailconv/mailconv/mime/ical"
)

// Values of PidLidTaskStatus. [MS-OXOTASK] 2.2.2.2.2
const (
	taskNotStarted = 0
	taskInProgress = 1
	taskComplete   = 2
	taskWaiting    = 3
	taskDeferred   = 4
)

// task writes a task. Its dates are days on the clock of whoever reads them.
// [MS-OXOTASK] 2.2.2.2
func (x *exporter) task(m *mapi.Message) {
	ps := m.Props
	start, due := ps.NameTime(mapi.PidLidTaskStartDate), ps.NameTime(mapi.PidLidTaskDueDate)
	x.keptZones(m, start, due)
	it := &item{name: "VTODO"}
	x.common(it, m)
	day := func(name string, t time.Time) {
		// A time of the day was kept; it holds while the day does.
		if p := it.keeps(name); p != nil {
			if d, err := ical.ParseDateTime(p.Value, p.Param("TZID")); err == nil && sameDay(d.Clock, t) {
				return
			}
			it.forget(name)
		}
		if !t.IsZero() {
			it.add(ical.DateTime{Clock: t, Date: true}.Property(name))
		}
	}
	clock := func(name string, t time.Time) {
		if x.opt.Losses && !midnight(t) {
			x.loss(name, mapi.LossApproximated, "the day is kept, the time of the day is not")
		}
	}
	clock("PidLidTaskStartDate", start)
	clock("PidLidTaskDueDate", due)
	day("DTSTART", start)
	day("DUE", due)
	day("COMPLETED", ps.NameTime(mapi.PidLidTaskDateCompleted))
	for i := range it.lines {
		if p := &it.lines[i].prop; p.Name == "COMPLETED" && p.Param("VALUE") == "DATE" {
			// RFC 5545 3.8.2.1 wants a time in UTC.
			d, _ := ical.ParseDateTime(p.Value, "")
			*p = ical.UTCTime(d.Clock).Property("COMPLETED")
		}
	}
	x.people(it, m, m.Recipients)
	if n, ok := ps.NameInt(mapi.PidLidTaskStatus); ok && it.keeps("STATUS") == nil {
		switch n {
		case taskInProgress:
			it.add(ical.New("STATUS", "IN-PROCESS"))
		case taskComplete:
			it.add(ical.New("STATUS", "COMPLETED"))
		case taskWaiting, taskDeferred:
			it.add(ical.New("STATUS", "NEEDS-ACTION"))
			it.add(ical.New("X-MAILCONV-TASK-STATUS", strconv.FormatInt(n, 10)))
		default:
			it.add(ical.New("STATUS", "NEEDS-ACTION"))
		}
	}
	if v, ok := ps.GetName(mapi.PidLidPercentComplete); ok {
		if f, ok := v.Float(); ok && f >= 0 && f <= 1 {
			it.add(ical.New("PERCENT-COMPLETE", strconv.Itoa(int(f*100+0.5))))
		}
	}
	if kept := keptRecurrence(m); len(kept) > 0 {
		for _, p := range kept {
			it.add(p)
		}
	} else if v, ok := ps.GetName(mapi.PidLidTaskRecurrence); ok && len(v.Raw()) > 0 {
		p, err := recurrence.ParsePattern(v.Raw())
		if err != nil {
			x.problem(mapi.Problem{Severe: true, Where: "PidLidTaskRecurrence", Offset: -1, Detail: err.Error()})
		} else {
			if start.IsZero() && it.keeps("DTSTART") == nil {
				it.add(ical.DateTime{Clock: p.StartDate.Time(), Date: true}.Property("DTSTART"))
			}
			utc := timezone.UTC()
			x.rule(it, p, p.StartDate.Time(), &eventZone{allDay: true, zone: &utc})
			if p.Sliding != 0 {
				it.add(ical.New("X-MAILCONV-TASK-SLIDING", strconv.FormatUint(uint64(p.Sliding), 10)))
			}
		}
	}
	x.alarms(it, m, due)
	x.write(it, lines(ps, NameParameters))
}

// midnightOf is the day of a time.
func midnightOf(t time.Time) time.Time { return t.Truncate(24 * time.Hour) }

func sameDay(a, b time.Time) bool { return a.Format("20060102") == b.Format("20060102") }

// journal writes a journal entry. [MS-OXOJRNL] 2.2.1
func (x *exporter) journal(m *mapi.Message) {
	ps := m.Props
	start := ps.NameTime(mapi.PidLidLogStart)
	if start.IsZero() {
		start = ps.NameTime(mapi.PidLidCommonStart)
	}
	x.keptZones(m, start, start)
	it := &item{name: "VJOURNAL"}
	x.common(it, m)
	if !start.IsZero() && it.keeps("DTSTART") == nil {
		it.add(ical.UTCTime(start).Property("DTSTART"))
	}
	x.people(it, m, m.Recipients)
	x.write(it, lines(ps, NameParameters))
}
