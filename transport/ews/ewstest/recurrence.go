package ewstest

import (
	"slices"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi/recurrence"
)

var weekdays = []string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}

var months = []string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}

var indexes = []string{"", "First", "Second", "Third", "Fourth", "Last"}

// dayNames are the days of a mask, as DaysOfWeek has them.
func dayNames(mask uint32) string {
	switch mask {
	case 0x7F:
		return "Day"
	case 0x3E:
		return "Weekday"
	case 0x41:
		return "WeekendDay"
	}
	var l []string
	for i, d := range weekdays {
		if mask&(1<<i) != 0 {
			l = append(l, d)
		}
	}
	return strings.Join(l, " ")
}

func dayMask(s string) (mask uint32) {
	for _, d := range strings.Fields(s) {
		switch i := slices.Index(weekdays, d); {
		case i >= 0:
			mask |= 1 << i
		case d == "Day":
			mask = 0x7F
		case d == "Weekday":
			mask |= 0x3E
		case d == "WeekendDay":
			mask |= 0x41
		}
	}
	return mask
}

// writePattern writes a RecurrenceType. [MS-OXWSCDATA] 2.2.4.52
func (v *view) writePattern(p *recurrence.Pattern) error {
	w := v.c.w
	start := p.StartDate.Time()
	month := months[start.Month()-1]
	w.open("t:Recurrence")
	yearly := p.Frequency == recurrence.Yearly && p.Period%12 == 0
	switch {
	case p.Type == recurrence.Day:
		w.open("t:DailyRecurrence")
		w.int("t:Interval", int64(max(p.Period/1440, 1)))
	case p.Type == recurrence.Week:
		w.open("t:WeeklyRecurrence")
		w.int("t:Interval", int64(max(p.Period, 1)))
		w.elem("t:DaysOfWeek", dayNames(p.Weekdays))
		w.elem("t:FirstDayOfWeek", weekdays[p.FirstDOW%7])
	case p.Type == recurrence.MonthNth || p.Type == recurrence.HjMonthNth:
		if yearly {
			w.open("t:RelativeYearlyRecurrence")
		} else {
			w.open("t:RelativeMonthlyRecurrence")
			w.int("t:Interval", int64(max(p.Period, 1)))
		}
		w.elem("t:DaysOfWeek", dayNames(p.Weekdays))
		w.elem("t:DayOfWeekIndex", indexes[min(max(p.N, 1), 5)])
		if yearly {
			w.elem("t:Month", month)
		}
	default:
		day := int64(p.DayOfMonth)
		if p.Type == recurrence.MonthEnd || day == 0 {
			day = 31
		}
		if yearly {
			w.open("t:AbsoluteYearlyRecurrence")
			w.int("t:DayOfMonth", day)
			w.elem("t:Month", month)
		} else {
			w.open("t:AbsoluteMonthlyRecurrence")
			w.int("t:Interval", int64(max(p.Period, 1)))
			w.int("t:DayOfMonth", day)
		}
	}
	w.close()
	first := start.Format("2006-01-02") + "Z"
	if w.q.DateWithTime {
		first = start.Format("2006-01-02T15:04:05.000000Z")
	}
	switch p.EndType {
	case recurrence.EndDate:
		w.open("t:EndDateRecurrence")
		w.elem("t:StartDate", first)
		w.elem("t:EndDate", p.EndDate.Time().Format("2006-01-02")+"Z")
	case recurrence.EndCount:
		w.open("t:NumberedRecurrence")
		w.elem("t:StartDate", first)
		w.int("t:NumberOfOccurrences", int64(p.OccurrenceCount))
	default:
		w.open("t:NoEndRecurrence")
		w.elem("t:StartDate", first)
	}
	w.close()
	w.close()
	return nil
}

// parsePattern reads a RecurrenceType.
func parsePattern(n *node) (*recurrence.Pattern, error) {
	bad := fail("ErrorCalendarInvalidRecurrence", "The recurrence is invalid.")
	if len(n.kids) != 2 {
		return nil, bad
	}
	rule, span := n.kids[0], n.kids[1]
	p := &recurrence.Pattern{FirstDOW: 1}
	interval := uint32(max(number(rule.value("Interval"), 1), 1))
	month := slices.Index(months, words(rule.value("Month")))
	switch rule.name {
	case "DailyRecurrence", "DailyRegeneration":
		p.Frequency, p.Type, p.Period = recurrence.Daily, recurrence.Day, interval*1440
	case "WeeklyRecurrence", "WeeklyRegeneration":
		p.Frequency, p.Type, p.Period, p.Weekdays = recurrence.Weekly, recurrence.Week, interval, dayMask(rule.value("DaysOfWeek"))
		if i := slices.Index(weekdays, words(rule.value("FirstDayOfWeek"))); i >= 0 {
			p.FirstDOW = uint32(i)
		}
		if p.Weekdays == 0 {
			return nil, bad
		}
	case "RelativeMonthlyRecurrence", "RelativeYearlyRecurrence":
		p.Frequency, p.Type, p.Period = recurrence.Monthly, recurrence.MonthNth, interval
		p.Weekdays = dayMask(rule.value("DaysOfWeek"))
		p.N = uint32(max(slices.Index(indexes, words(rule.value("DayOfWeekIndex"))), 0))
		if p.N == 0 || p.Weekdays == 0 {
			return nil, bad
		}
	case "AbsoluteMonthlyRecurrence", "AbsoluteYearlyRecurrence":
		p.Frequency, p.Type, p.Period = recurrence.Monthly, recurrence.Month, interval
		p.DayOfMonth = uint32(number(rule.value("DayOfMonth"), 0))
		if p.DayOfMonth < 1 || p.DayOfMonth > 31 {
			return nil, bad
		}
	default:
		return nil, bad
	}
	if strings.Contains(rule.name, "Yearly") {
		if month < 0 {
			return nil, bad
		}
		p.Frequency, p.Period = recurrence.Yearly, 12
	}
	start, err := parseTime(span.value("StartDate"))
	if err != nil {
		return nil, bad
	}
	p.StartDate = recurrence.At(time.Date(start.Year(), start.Month(), start.Day(), 0, 0, 0, 0, time.UTC))
	switch span.name {
	case "EndDateRecurrence":
		end, err := parseTime(span.value("EndDate"))
		if err != nil {
			return nil, bad
		}
		p.EndType, p.EndDate = recurrence.EndDate, recurrence.At(end)
	case "NumberedRecurrence":
		p.EndType, p.OccurrenceCount = recurrence.EndCount, uint32(max(number(span.value("NumberOfOccurrences"), 1), 1))
	case "NoEndRecurrence":
		p.EndType = recurrence.NoEnd
	default:
		return nil, bad
	}
	p.Complete()
	return p, nil
}
