package calendar

import (
	"slices"
	"time"

	"github.com/mailconv/mailconv/mapi/recurrence"
	"github.com/mailconv/mailconv/mime/ical"
)

// patternOf makes the pattern of a rule; start is DTSTART on its clock. It is
// the nearest where exact is false, and nil where there is none. [MS-OXCICAL]
// 2.1.3.2.2
func patternOf(r *ical.Rule, start time.Time) (p *recurrence.Pattern, exact bool) {
	exact = true
	p = &recurrence.Pattern{StartDate: recurrence.At(start).Midnight(), FirstDOW: uint32(r.WeekStart), EndType: recurrence.NoEnd}
	if len(r.BySecond)+len(r.ByYearDay)+len(r.ByWeekNo)+len(r.Other) > 0 ||
		!only(r.ByHour, start.Hour()) || !only(r.ByMinute, start.Minute()) {
		exact = false
	}
	if r.Interval > 10000 {
		return nil, false
	}
	interval := uint32(r.Interval)
	var ok bool
	switch r.Freq {
	case "DAILY":
		ok = daily(p, r, interval)
	case "WEEKLY":
		ok = weekly(p, r, start, interval)
	case "MONTHLY", "YEARLY":
		ok = monthly(p, r, start, interval)
	default:
		return nil, false
	}
	if !ok {
		exact = false
	}
	if !p.Expandable() {
		return nil, false
	}
	if !p.Gives(p.StartDate) {
		exact = false // DTSTART is an occurrence that the rule does not give
	}
	return p, exact
}

func only(list []int, n int) bool { return len(list) == 0 || len(list) == 1 && list[0] == n }

func daily(p *recurrence.Pattern, r *ical.Rule, interval uint32) bool {
	p.Frequency, p.Type, p.Period = recurrence.Daily, recurrence.Day, interval*24*60
	if mask, plain := weekdayMask(r.ByDay); mask != 0 && plain && interval == 1 {
		p.Type, p.Period, p.Weekdays = recurrence.Week, 1, mask
	} else if mask != 0 {
		return false
	}
	return len(r.ByMonth)+len(r.ByMonthDay)+len(r.BySetPos) == 0
}

func weekly(p *recurrence.Pattern, r *ical.Rule, start time.Time, interval uint32) bool {
	p.Frequency, p.Type, p.Period = recurrence.Weekly, recurrence.Week, interval
	mask, plain := weekdayMask(r.ByDay)
	if mask == 0 {
		mask = 1 << uint(start.Weekday())
	}
	p.Weekdays = mask
	return plain && len(r.ByMonth)+len(r.ByMonthDay)+len(r.BySetPos) == 0
}

// weekdayMask is BYDAY as bits; plain is false when a day has a number.
func weekdayMask(list []ical.Weekday) (mask uint32, plain bool) {
	plain = true
	for _, d := range list {
		mask |= 1 << uint(d.Day)
		plain = plain && d.N == 0
	}
	return mask, plain
}

func monthly(p *recurrence.Pattern, r *ical.Rule, start time.Time, interval uint32) bool {
	p.Frequency, p.Period = recurrence.Monthly, interval
	exact := true
	if r.Freq == "YEARLY" {
		p.Frequency, p.Period = recurrence.Yearly, 12*interval
		switch {
		case len(r.ByMonth) == 0 && len(r.ByDay)+len(r.ByMonthDay) > 0:
			exact = false // every month, or a weekday of the year
		case !only(r.ByMonth, int(start.Month())):
			exact = false
		}
	} else if len(r.ByMonth) > 0 {
		// One month of every year.
		if only(r.ByMonth, int(start.Month())) && interval == 1 {
			p.Period = 12
		} else {
			exact = false
		}
	}
	if len(r.ByDay) > 0 {
		return nth(p, r) && exact && len(r.ByMonthDay) == 0
	}
	p.Type, p.DayOfMonth = recurrence.Month, uint32(start.Day())
	days := slices.Clone(r.ByMonthDay)
	slices.Sort(days)
	switch {
	case len(days) == 1 && days[0] == -1 && only(r.BySetPos, 1) || len(days) == 1 && days[0] == -1 && only(r.BySetPos, -1):
		p.DayOfMonth = 31
		return exact
	case len(days) > 1 && len(r.BySetPos) == 1 && r.BySetPos[0] == -1 && slices.Equal(days, []int{28, 29, 30, 31}[:len(days)]):
		// The day, or the last where the month is shorter.
		p.DayOfMonth = uint32(days[len(days)-1])
		return exact
	case len(days) == 1 && days[0] > 0 && len(r.BySetPos) == 0:
		p.DayOfMonth = uint32(days[0])
	case len(days) == 0 && len(r.BySetPos) == 0:
	default:
		exact = false
	}
	if p.DayOfMonth > 28 {
		// iCalendar skips months that do not have the day, MAPI takes their
		// last.
		if p.Period%12 != 0 || start.Month() == time.February || p.DayOfMonth > uint32(time.Date(2023, start.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()) {
			exact = false
		}
	}
	return exact
}

// nth reads BYDAY with a number, or with BYSETPOS.
func nth(p *recurrence.Pattern, r *ical.Rule) bool {
	p.Type = recurrence.MonthNth
	mask, plain := weekdayMask(r.ByDay)
	p.Weekdays = mask
	n := 0
	exact := true
	switch {
	case plain && len(r.BySetPos) == 1:
		n = r.BySetPos[0]
	case !plain && len(r.ByDay) == 1 && (len(r.BySetPos) == 0 || len(r.BySetPos) == 1 && (r.BySetPos[0] == 1 || r.BySetPos[0] == -1)):
		n = r.ByDay[0].N
	default:
		n, exact = 1, false
		if len(r.ByDay) > 0 && r.ByDay[0].N != 0 {
			n = r.ByDay[0].N
		}
	}
	switch {
	case n == -1:
		p.N = recurrence.Last
	case n >= 1 && n <= 4:
		p.N = uint32(n)
	default:
		p.N, exact = recurrence.Last, false
	}
	return exact
}

// limit sets the end of a pattern from COUNT or UNTIL; until is UNTIL on the
// clock of DTSTART.
func limit(p *recurrence.Pattern, r *ical.Rule, start time.Time, until time.Time) {
	switch {
	case r.Count > 0:
		p.EndType, p.OccurrenceCount = recurrence.EndCount, uint32(min(r.Count, 1<<31))
	case r.Until != nil:
		day := recurrence.At(until)
		// The last day counts only when its occurrence begins in time.
		if !r.Until.Date && until.Hour()*3600+until.Minute()*60+until.Second() < start.Hour()*3600+start.Minute()*60+start.Second() {
			day = recurrence.At(until.AddDate(0, 0, -1))
		}
		p.EndType, p.EndDate = recurrence.EndDate, day.Midnight()
		if p.EndDate < p.StartDate {
			// Before it begins: no occurrence, which MAPI cannot say.
			p.EndType, p.OccurrenceCount = recurrence.EndCount, 0
		}
		if until.Year() >= 4500 {
			p.EndType = recurrence.NoEnd
		}
	}
	p.Complete()
}

// ruleOf writes a pattern as a rule, without its end. exact is false when it is
// the nearest; nil is for a rule that has no form.
func ruleOf(p *recurrence.Pattern) (r *ical.Rule, exact bool) {
	if !p.Expandable() {
		return nil, false
	}
	r = &ical.Rule{Interval: int(p.Period), WeekStart: time.Weekday(p.FirstDOW % 7)}
	exact = true
	byDay := func() {
		for i := range 7 {
			d := time.Weekday((int(p.FirstDOW%7) + i) % 7)
			if p.Weekdays&(1<<uint(d)) != 0 {
				r.ByDay = append(r.ByDay, ical.Weekday{Day: d})
			}
		}
	}
	switch p.Type {
	case recurrence.Day:
		r.Freq = "DAILY"
		r.Interval = int(p.Period / (24 * 60))
		return r, p.Period%(24*60) == 0
	case recurrence.Week:
		r.Freq = "WEEKLY"
		if p.Frequency == recurrence.Daily && p.Period == 1 {
			r.Freq = "DAILY" // on work days
		}
		byDay()
		return r, exact
	}
	r.Freq = "MONTHLY"
	yearly := p.Frequency == recurrence.Yearly && p.Period%12 == 0
	if yearly {
		r.Freq, r.Interval = "YEARLY", int(p.Period/12)
		r.ByMonth = []int{int(p.StartDate.Time().Month())}
	}
	switch p.Type {
	case recurrence.MonthNth:
		byDay()
		n := int(p.N)
		if n == recurrence.Last {
			n = -1
		}
		if len(r.ByDay) == 1 {
			r.ByDay[0].N = n
		} else {
			r.BySetPos = []int{n}
		}
	case recurrence.MonthEnd:
		r.ByMonthDay = []int{-1}
	default:
		switch d := int(p.DayOfMonth); {
		case d >= 31:
			r.ByMonthDay = []int{-1}
			if yearly && longMonth(p) {
				r.ByMonthDay = []int{31}
			}
		case d > 28 && !(yearly && p.StartDate.Time().Month() != time.February):
			for n := 28; n <= d; n++ {
				r.ByMonthDay = append(r.ByMonthDay, n)
			}
			r.BySetPos = []int{-1}
		default:
			r.ByMonthDay = []int{max(d, 1)}
		}
	}
	return r, exact
}

func longMonth(p *recurrence.Pattern) bool {
	t := p.StartDate.Time()
	return time.Date(t.Year(), t.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day() == 31
}
