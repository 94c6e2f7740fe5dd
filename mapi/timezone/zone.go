package timezone

import "time"

// A Zone tells the offset of its clock from UTC at an instant; east is
// positive.
type Zone interface {
	Offset(t time.Time) time.Duration
}

// A Location is a [time.Location] as a Zone. Its offsets are cut to whole
// minutes, as a [Rule] has them; only local mean times have seconds.
type Location struct{ *time.Location }

// Offset implements [Zone].
func (l Location) Offset(t time.Time) time.Duration {
	_, s := t.In(l.Location).Zone()
	return (time.Duration(s) * time.Second).Truncate(time.Minute)
}

// Clock is what the clock of a zone shows at an instant.
func Clock(z Zone, t time.Time) time.Time { return t.UTC().Add(z.Offset(t)) }

// Instant is when the clock of a zone shows a time. Of a time that comes twice
// it is the first; a time that is skipped is read with the offset before the
// change. RFC 5545 3.3.5
func Instant(z Zone, clock time.Time) time.Time {
	before := z.Offset(clock.Add(-26 * time.Hour))
	t := clock.Add(-before)
	if z.Offset(t) == before {
		return t
	}
	after := z.Offset(clock.Add(26 * time.Hour))
	if u := clock.Add(-after); z.Offset(u) == after {
		return u
	}
	// More than one change within two days, or a gap.
	if o := z.Offset(t); z.Offset(clock.Add(-o)) == o {
		return clock.Add(-o)
	}
	return t
}

// A Change is one change of the clock of a zone.
type Change struct {
	At            time.Time // the instant
	Before, After time.Duration
}

// Changes lists the changes of the clock in a year of the clock. It looks once
// for every day, so a change that is undone within a day is not seen.
func Changes(z Zone, year int) []Change {
	start := Instant(z, time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC))
	end := Instant(z, time.Date(year+1, 1, 1, 0, 0, 0, 0, time.UTC))
	var list []Change
	// The second before, as a change at the very start belongs to the year.
	a := start.Add(-time.Second)
	oa := z.Offset(a)
	for a.Before(end) {
		b := a.Add(24 * time.Hour)
		if !b.Before(end) {
			b = end.Add(-time.Second)
			if !a.Before(b) {
				break
			}
		}
		ob := z.Offset(b)
		if oa != ob {
			lo, hi := a, b
			for hi.Sub(lo) > time.Second {
				mid := lo.Add(hi.Sub(lo) / 2).Truncate(time.Second)
				if !mid.After(lo) {
					break
				}
				if z.Offset(mid) == oa {
					lo = mid
				} else {
					hi = mid
				}
			}
			list = append(list, Change{At: hi, Before: oa, After: z.Offset(hi)})
			ob = z.Offset(b)
		}
		a, oa = b, ob
	}
	return list
}

// Define makes the rules of a zone for the years from first to last. Years that
// follow the same rule share it, so most zones have a few. The rule of the last
// year is the effective one.
func Define(key string, z Zone, first, last int) Definition {
	first, last = max(first, 1601), min(last, 4500)
	d := Definition{KeyName: key}
	var run runOfYears
	for y := first; y <= last || y == first; y++ {
		next := yearRule(z, y)
		if len(d.Rules) > 0 && run.join(next) {
			continue
		}
		if len(d.Rules) > 0 {
			run.finish(&d.Rules[len(d.Rules)-1])
		}
		run = next
		d.Rules = append(d.Rules, Rule{Year: uint16(y)})
		if len(d.Rules) == maxRules {
			break
		}
	}
	run.finish(&d.Rules[len(d.Rules)-1])
	if len(d.Rules) == 1 {
		d.Rules[0].Year = 1601
	}
	d.Rules[len(d.Rules)-1].Flags = Effective | RecurCurrent
	return d
}

// A runOfYears is what a number of years have in common.
type runOfYears struct {
	rule               Rule
	standard, daylight []Date // what the changes can be; empty for none
}

func yearRule(z Zone, year int) runOfYears {
	list := Changes(z, year)
	switch len(list) {
	case 0:
		o := z.Offset(Instant(z, time.Date(year, 7, 1, 0, 0, 0, 0, time.UTC)))
		return runOfYears{rule: NewRule(minutes(-o), 0, 0)}
	case 1:
		// The zone moves for good: the first of January begins what it leaves.
		c := list[0]
		jan := Change{At: time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC).Add(-c.After), Before: c.After, After: c.Before}
		return pair(jan, c)
	}
	return pair(list[0], list[1])
}

func pair(a, b Change) runOfYears {
	if a.After < b.After {
		a, b = b, a // a begins daylight time
	}
	std, day := b.After, a.After
	return runOfYears{
		rule:     NewRule(minutes(-std), 0, minutes(std-day)),
		standard: candidates(b.At.Add(day)),
		daylight: candidates(a.At.Add(std)),
	}
}

func minutes(d time.Duration) int32 { return int32(d / time.Minute) }

// candidates are the rules that a day can follow: the n-th weekday, and the
// last.
func candidates(clock time.Time) []Date {
	clock = clock.UTC()
	d := Date{
		Month: uint16(clock.Month()), DayOfWeek: uint16(clock.Weekday()), Day: uint16((clock.Day()-1)/7 + 1),
		Hour: uint16(clock.Hour()), Minute: uint16(clock.Minute()), Second: uint16(clock.Second()),
	}
	list := []Date{}
	if clock.Day()+7 > daysIn(clock.Year(), clock.Month()) {
		last := d
		last.Day = 5
		list = append(list, last)
	}
	if d.Day < 5 {
		list = append(list, d)
	}
	return list
}

// join narrows the run to what it has in common with the next year; false when
// that is nothing.
func (r *runOfYears) join(next runOfYears) bool {
	if r.rule != next.rule || (len(r.standard) == 0) != (len(next.standard) == 0) {
		return false
	}
	s, d := common(r.standard, next.standard), common(r.daylight, next.daylight)
	if len(r.standard) > 0 && (len(s) == 0 || len(d) == 0) {
		return false
	}
	r.standard, r.daylight = s, d
	return true
}

func common(a, b []Date) []Date {
	var list []Date
	for _, x := range a {
		for _, y := range b {
			if x == y {
				list = append(list, x)
			}
		}
	}
	return list
}

func (r *runOfYears) finish(out *Rule) {
	y := out.Year
	*out = r.rule
	out.Year = y
	if len(r.standard) > 0 && len(r.daylight) > 0 {
		out.Standard, out.Daylight = r.standard[0], r.daylight[0]
	}
}
