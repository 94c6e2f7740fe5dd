package recurrence

import (
	"iter"
	"math/bits"
	"slices"
	"time"
)

// Expandable reports whether the rule can be expanded: it is of a calendar with
// the months of the Gregorian one, and gives days at all.
func (p *Pattern) Expandable() bool {
	switch p.CalendarType {
	case 0, 1, 2, 3, 4, 5, 7, 9, 10, 11, 12:
	default:
		return false
	}
	switch p.Type {
	case Day:
		return p.Period >= minutesPerDay
	case Week:
		return p.Period > 0 && p.Weekdays&0x7F != 0
	case Month, MonthEnd:
		return p.Period > 0
	case MonthNth:
		return p.Period > 0 && p.Weekdays&0x7F != 0 && p.N >= 1 && p.N <= Last
	}
	return false
}

// days lists the days that the rule gives from StartDate on, without regard to
// its end. Days count from 1601-01-01.
func (p *Pattern) days() iter.Seq[int64] {
	return func(yield func(int64) bool) {
		if !p.Expandable() {
			return
		}
		start := int64(p.StartDate) / minutesPerDay
		const last = maxMinutes / minutesPerDay
		switch p.Type {
		case Day:
			for m := int64(p.StartDate); m <= maxMinutes; m += int64(p.Period) {
				if !yield(m / minutesPerDay) {
					return
				}
			}
		case Week:
			for w := p.weekStart(start); w <= last; w += 7 * int64(p.Period) {
				for d := w; d < w+7; d++ {
					// Day 0 is a Monday.
					if d >= start && p.Weekdays&(1<<uint((d+1)%7)) != 0 && (d > last || !yield(d)) {
						return
					}
				}
			}
		default:
			t := p.StartDate.Time()
			for m := int64(t.Year()-1601)*12 + int64(t.Month()-1); ; m += int64(p.Period) {
				if m > 12*2899+11 {
					return
				}
				d := p.inMonth(m)
				if d > last {
					return
				}
				if d >= start && !yield(d) {
					return
				}
			}
		}
	}
}

// inMonth is the day that a monthly rule gives in a month.
func (p *Pattern) inMonth(months int64) int64 {
	first := monthStart(months)
	length := monthStart(months+1) - first
	if p.Type == MonthNth {
		if p.N == Last {
			for d := length - 1; d > 0; d-- {
				if p.Weekdays&(1<<uint((first+d+1)%7)) != 0 {
					return first + d
				}
			}
			return first
		}
		n := p.N
		for d := range length {
			if p.Weekdays&(1<<uint((first+d+1)%7)) != 0 {
				if n--; n == 0 {
					return first + d
				}
			}
		}
		return first + length - 1
	}
	if p.Type == MonthEnd {
		return first + length - 1
	}
	return first + min(max(int64(p.DayOfMonth), 1), length) - 1
}

// Until is the last day that the rule gives up to a day, and how many there are
// up to it. OccurrenceCount and EndDate are not looked at.
func (p *Pattern) Until(day Minutes) (last Minutes, n int64) {
	if !p.Expandable() || day < p.StartDate {
		return 0, 0
	}
	switch p.Type {
	case Day:
		n = (int64(day) - int64(p.StartDate)) / int64(p.Period)
		return p.StartDate + Minutes(n*int64(p.Period)), n + 1
	case Week:
		// Whole rounds first, then the week that is left.
		start := int64(p.StartDate) / minutesPerDay
		round := 7 * int64(p.Period)
		w := p.weekStart(start)
		rounds := (int64(day)/minutesPerDay - w) / round
		q := *p
		if rounds > 1 {
			skip := rounds - 1
			_, before := p.inWeek(w, start, w+6)
			n = before + (skip-1)*int64(bits.OnesCount32(p.Weekdays&0x7F))
			q.StartDate = Minutes((w + skip*round) * minutesPerDay)
		}
		for d := range q.days() {
			if d > int64(day)/minutesPerDay {
				break
			}
			last = Minutes(d * minutesPerDay)
			n++
		}
		return last, n
	}
	for d := range p.days() {
		if d > int64(day)/minutesPerDay {
			break
		}
		last = Minutes(d * minutesPerDay)
		n++
	}
	return last, n
}

// inWeek counts the days of one week within two bounds.
func (p *Pattern) inWeek(w, from, to int64) (last, n int64) {
	for d := max(w, from); d <= min(w+6, to); d++ {
		if p.Weekdays&(1<<uint((d+1)%7)) != 0 {
			last = d
			n++
		}
	}
	return last, n
}

// Nth is the n-th day that the rule gives, counted from 1; false when the
// calendar ends before.
func (p *Pattern) Nth(n int64) (Minutes, bool) {
	if n < 1 || !p.Expandable() {
		return 0, false
	}
	q := *p
	switch p.Type {
	case Day:
		if n > maxMinutes/minutesPerDay {
			return 0, false
		}
		m := int64(p.StartDate) + (n-1)*int64(p.Period)
		return Minutes(m), m <= maxMinutes
	case Week:
		if n > maxMinutes/minutesPerDay {
			return 0, false
		}
		start := int64(p.StartDate) / minutesPerDay
		w := p.weekStart(start)
		_, before := p.inWeek(w, start, w+6)
		if per := int64(bits.OnesCount32(p.Weekdays & 0x7F)); n > before+2*per {
			skip := (n-before)/per - 1
			n -= before + skip*per
			s := (w + (skip+1)*7*int64(p.Period)) * minutesPerDay
			if s > maxMinutes {
				return 0, false
			}
			q.StartDate = Minutes(s)
		}
	}
	for d := range q.days() {
		if n--; n == 0 {
			return Minutes(d * minutesPerDay), true
		}
	}
	return 0, false
}

// Dates lists the days that the rule gives, to its end, with those that are
// deleted or changed. A rule without end ends in the year 4500.
func (p *Pattern) Dates() iter.Seq[Minutes] {
	return func(yield func(Minutes) bool) {
		left := int64(-1)
		end := int64(maxMinutes)
		switch p.EndType {
		case EndCount:
			left = int64(p.OccurrenceCount)
		case EndDate:
			end = int64(p.EndDate)
		}
		for d := range p.days() {
			if left == 0 || d*minutesPerDay > end || !yield(Minutes(d*minutesPerDay)) {
				return
			}
			left--
		}
	}
}

// Gives reports whether a day is one of Dates.
func (p *Pattern) Gives(day Minutes) bool {
	day = day.Midnight()
	if day < p.StartDate {
		return false
	}
	last, n := p.Until(day)
	if n == 0 || last != day {
		return false
	}
	switch p.EndType {
	case EndCount:
		return n <= int64(p.OccurrenceCount)
	case EndDate:
		return day <= p.EndDate
	}
	return true
}

// An Occurrence is one time that an appointment takes place, on the clock of
// its zone.
type Occurrence struct {
	Original   Minutes // when the rule had it
	Start, End Minutes
	Exception  *Exception // nil when it is as the rule says
}

// Occurrences lists when the appointment takes place, in the order of the
// original times.
func (r *Recurrence) Occurrences() iter.Seq[Occurrence] {
	return func(yield func(Occurrence) bool) {
		deleted := slices.Clone(r.Deleted)
		slices.Sort(deleted)
		changed := make(map[Minutes]*Exception, len(r.Exceptions))
		for i := range r.Exceptions {
			e := &r.Exceptions[i]
			changed[e.OriginalStart.Midnight()] = e
		}
		for day := range r.Dates() {
			o := Occurrence{Original: day + Minutes(r.StartOffset), Start: day + Minutes(r.StartOffset), End: day + Minutes(r.EndOffset)}
			if e := changed[day]; e != nil {
				o.Start, o.End, o.Exception = e.Start, e.End, e
			} else if _, ok := slices.BinarySearch(deleted, day); ok {
				continue
			}
			if !yield(o) {
				return
			}
		}
	}
}

// Between lists the occurrences that start within two times on the clock.
func (r *Recurrence) Between(from, to time.Time) []Occurrence {
	var list []Occurrence
	limit := At(to)
	// A changed occurrence may have moved; a year is more than it may.
	for o := range r.Occurrences() {
		if o.Start >= At(from) && o.Start < limit {
			list = append(list, o)
		}
		if int64(o.Original) > int64(limit)+366*minutesPerDay {
			break
		}
	}
	return list
}
