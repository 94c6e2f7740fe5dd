package graphtest

import (
	"slices"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/recurrence"
)

var (
	weekdays = []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}
	weeks    = []string{"first", "second", "third", "fourth", "last"}
)

// recurrenceOf makes a patternedRecurrence, nil when there is none that Graph
// could say.
func recurrenceOf(ps mapi.Properties) object {
	v, ok := ps.GetName(mapi.PidLidAppointmentRecur)
	if !ok {
		return nil
	}
	r, _, err := recurrence.Parse(v.Raw())
	if err != nil {
		return nil
	}
	p := &r.Pattern
	var days []any
	for i, d := range weekdays {
		if p.Weekdays&(1<<i) != 0 {
			days = append(days, d)
		}
	}
	if days == nil {
		days = []any{}
	}
	o := object{
		"type": "daily", "interval": int(p.Period), "month": 0, "dayOfMonth": 0, "daysOfWeek": []any{},
		"firstDayOfWeek": weekdays[p.FirstDOW%7], "index": "first",
	}
	start := p.StartDate.Time()
	switch p.Type {
	case recurrence.Day:
		o["interval"] = int(p.Period / (24 * 60))
	case recurrence.Week:
		o["type"], o["daysOfWeek"] = "weekly", days
	case recurrence.Month, recurrence.MonthEnd:
		o["type"], o["dayOfMonth"] = "absoluteMonthly", int(p.DayOfMonth)
	case recurrence.MonthNth:
		o["type"], o["daysOfWeek"] = "relativeMonthly", days
		if p.N >= 1 && p.N <= 5 {
			o["index"] = weeks[p.N-1]
		}
	default:
		return nil
	}
	if p.Frequency == recurrence.Yearly {
		o["interval"], o["month"] = max(int(p.Period)/12, 1), int(start.Month())
		switch o["type"] {
		case "absoluteMonthly":
			o["type"] = "absoluteYearly"
		case "relativeMonthly":
			o["type"] = "relativeYearly"
		}
	}
	rng := object{
		"type": "noEnd", "startDate": start.Format(time.DateOnly), "endDate": "0001-01-01",
		"recurrenceTimeZone": zoneName(ps), "numberOfOccurrences": 0,
	}
	switch p.EndType {
	case recurrence.EndDate:
		rng["type"], rng["endDate"] = "endDate", p.EndDate.Time().Format(time.DateOnly)
	case recurrence.EndCount:
		rng["type"], rng["numberOfOccurrences"] = "numbered", int(p.OccurrenceCount)
	}
	return object{"pattern": o, "range": rng}
}

// setRecurrence sets the rule of an appointment; null takes it away.
func setRecurrence(ps *mapi.Properties, o object) error {
	if o == nil {
		ps.DeleteName(mapi.PidLidAppointmentRecur)
		ps.DeleteName(mapi.PidLidRecurring)
		return nil
	}
	bad := func(what string) error {
		return fail(400, "ErrorPropertyValidationFailure", "At least one property failed validation. Property: 'recurrence', %s.", what)
	}
	pat, rng := child(o, "pattern"), child(o, "range")
	if pat == nil || rng == nil {
		return bad("pattern or range is missing")
	}
	interval, _ := whole(pat, "interval")
	if interval < 1 {
		return bad("interval")
	}
	start, err := time.Parse(time.DateOnly, text(rng, "startDate"))
	if err != nil {
		return bad("startDate")
	}
	r := &recurrence.Recurrence{}
	p := &r.Pattern
	p.StartDate = recurrence.At(start)
	p.Period = uint32(interval)
	for _, d := range texts(pat, "daysOfWeek") {
		if i := slices.Index(weekdays, d); i >= 0 {
			p.Weekdays |= 1 << i
		}
	}
	if i := slices.Index(weekdays, text(pat, "firstDayOfWeek")); i >= 0 {
		p.FirstDOW = uint32(i)
	}
	if i := slices.Index(weeks, text(pat, "index")); i >= 0 {
		p.N = uint32(i + 1)
	} else {
		p.N = 1
	}
	day, _ := whole(pat, "dayOfMonth")
	switch t := text(pat, "type"); t {
	case "daily":
		p.Frequency, p.Type, p.Period, p.Weekdays = recurrence.Daily, recurrence.Day, uint32(interval)*24*60, 0
	case "weekly":
		p.Frequency, p.Type = recurrence.Weekly, recurrence.Week
	case "absoluteMonthly", "absoluteYearly":
		p.Frequency, p.Type, p.DayOfMonth, p.Weekdays = recurrence.Monthly, recurrence.Month, uint32(day), 0
	case "relativeMonthly", "relativeYearly":
		p.Frequency, p.Type = recurrence.Monthly, recurrence.MonthNth
	default:
		return bad("type")
	}
	if t := text(pat, "type"); t == "absoluteYearly" || t == "relativeYearly" {
		p.Frequency, p.Period = recurrence.Yearly, uint32(interval)*12
	}
	if (p.Type == recurrence.Week || p.Type == recurrence.MonthNth) && p.Weekdays == 0 {
		return bad("daysOfWeek")
	}
	switch text(rng, "type") {
	case "noEnd":
		p.EndType = recurrence.NoEnd
	case "numbered":
		n, _ := whole(rng, "numberOfOccurrences")
		if n < 1 {
			return bad("numberOfOccurrences")
		}
		p.EndType, p.OccurrenceCount = recurrence.EndCount, uint32(n)
	case "endDate":
		end, err := time.Parse(time.DateOnly, text(rng, "endDate"))
		if err != nil {
			return bad("endDate")
		}
		p.EndType, p.EndDate = recurrence.EndDate, recurrence.At(end)
	default:
		return bad("range")
	}
	p.Complete()
	ps.SetName(mapi.PidLidAppointmentRecur, mapi.BinaryValue(recurrence.Append(nil, r)))
	ps.SetName(mapi.PidLidRecurring, mapi.BoolValue(true))
	return nil
}
