package calendar

import (
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi/timezone"
	"github.com/mailconv/mailconv/mime/ical"
)

// A zone is a zone of a file: what a TZID means in it.
type zone struct {
	tzid string // as in the file
	key  string // name in MAPI: the Windows name, or the TZID
	timezone.Zone
}

// observances is a VTIMEZONE as a [timezone.Zone].
type observances []timezone.Change // ascending

// Offset implements [timezone.Zone].
func (o observances) Offset(t time.Time) time.Duration {
	i := sort.Search(len(o), func(i int) bool { return o[i].At.After(t) })
	if i == 0 {
		if len(o) == 0 {
			return 0
		}
		return o[0].Before
	}
	return o[i-1].After
}

// Years for which the changes of a VTIMEZONE are computed.
const (
	zoneFirst = 1900
	zoneLast  = 2100
)

// observancesOf reads STANDARD and DAYLIGHT. RFC 5545 3.6.5
func observancesOf(c *ical.Component) observances {
	var list observances
	for _, o := range c.Components {
		if o.Name != "STANDARD" && o.Name != "DAYLIGHT" || len(list) > 20000 {
			continue
		}
		to, err := ical.ParseOffset(o.Value("TZOFFSETTO"))
		if err != nil {
			continue
		}
		from, err := ical.ParseOffset(o.Value("TZOFFSETFROM"))
		if err != nil {
			from = to
		}
		start, err := ical.ParseDateTime(o.Value("DTSTART"), "")
		if err != nil {
			continue
		}
		at := func(clock time.Time) {
			list = append(list, timezone.Change{At: clock.Add(-from), Before: from, After: to})
		}
		at(start.Clock)
		for _, p := range o.All("RDATE") {
			for _, v := range ical.Split(p.Value, ',') {
				if d, err := ical.ParseDateTime(v, ""); err == nil && len(list) < 20000 {
					at(d.Clock)
				}
			}
		}
		for _, p := range o.All("RRULE") {
			if r, err := ical.ParseRule(p.Value); err == nil {
				yearly(r, start.Clock, from, at)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b timezone.Change) int { return a.At.Compare(b.At) })
	// Two that begin at once: the later in the file holds.
	return slices.CompactFunc(list, func(a, b timezone.Change) bool { return a == b })
}

// yearly expands the rule of an observance: days of one month of a year.
func yearly(r *ical.Rule, start time.Time, from time.Duration, at func(time.Time)) {
	if r.Freq != "YEARLY" {
		return
	}
	months := r.ByMonth
	if len(months) == 0 {
		months = []int{int(start.Month())}
	}
	if r.Interval > zoneLast {
		return
	}
	n := int64(1) // DTSTART is the first
	for y := max(start.Year(), zoneFirst); y <= zoneLast; y += r.Interval {
		for _, m := range months {
			for d := 1; d <= 31; d++ {
				t := time.Date(y, time.Month(m), d, start.Hour(), start.Minute(), start.Second(), 0, time.UTC)
				if t.Day() != d || !onDay(r, t, start) || !t.After(start) {
					continue
				}
				if r.Until != nil {
					u := r.Until.Clock
					if r.Until.UTC {
						u = u.Add(from)
					}
					if t.After(u) {
						return
					}
				}
				if n++; r.Count > 0 && n > r.Count {
					return
				}
				at(t)
			}
		}
	}
}

func onDay(r *ical.Rule, t, start time.Time) bool {
	last := time.Date(t.Year(), t.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
	if len(r.ByMonthDay) > 0 && !slices.Contains(r.ByMonthDay, t.Day()) && !slices.Contains(r.ByMonthDay, t.Day()-last-1) {
		return false
	}
	if len(r.ByDay) == 0 {
		return len(r.ByMonthDay) > 0 || t.Day() == start.Day()
	}
	for _, d := range r.ByDay {
		n := d.N
		if n == 0 && len(r.BySetPos) == 1 {
			n = r.BySetPos[0]
		}
		if d.Day == t.Weekday() && (n == 0 || n > 0 && (t.Day()-1)/7+1 == n || n < 0 && (last-t.Day())/7+1 == -n) {
			return true
		}
	}
	return false
}

// agree reports whether two zones have the same offsets from one instant to
// another. It looks at every week.
func agree(a, b timezone.Zone, from, to time.Time) bool {
	if to.Sub(from) > 30*366*24*time.Hour {
		to = from.AddDate(30, 0, 0)
	}
	for t := from; ; t = t.Add(7 * 24 * time.Hour) {
		if a.Offset(t) != b.Offset(t) {
			return false
		}
		if t.After(to) {
			return true
		}
	}
}

// vtimezone writes the rules of a zone. RFC 5545 3.6.5
func vtimezone(tzid string, d *timezone.Definition) *ical.Component {
	c := &ical.Component{Name: "VTIMEZONE"}
	c.Add(ical.New("TZID", strings.ReplaceAll(tzid, `\`, `\\`)))
	minute := func(n int32) time.Duration { return time.Duration(n) * time.Minute }
	for i := range d.Rules {
		r := &d.Rules[i]
		std, day := -minute(r.Bias+r.StandardBias), -minute(r.Bias+r.DaylightBias)
		year := max(int(r.Year), 1601)
		last := 0
		if i+1 < len(d.Rules) {
			last = int(d.Rules[i+1].Year) - 1
			if last < year {
				continue
			}
		}
		if r.Standard.IsZero() || r.Daylight.IsZero() || std == day {
			from := std
			if i > 0 {
				from = d.Offset(time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC).Add(-48 * time.Hour))
			}
			c.Components = append(c.Components, observance("STANDARD", time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC), from, std, ""))
			continue
		}
		c.Components = append(c.Components,
			period("STANDARD", r.Standard, year, last, day, std),
			period("DAYLIGHT", r.Daylight, year, last, std, day))
	}
	if len(c.Components) == 0 {
		c.Components = append(c.Components, observance("STANDARD", time.Date(1601, 1, 1, 0, 0, 0, 0, time.UTC), 0, 0, ""))
	}
	return c
}

func period(name string, d timezone.Date, first, last int, from, to time.Duration) *ical.Component {
	start := d.In(first)
	if d.Year != 0 || last == first {
		return observance(name, start, from, to, "")
	}
	n := int(d.Day)
	if n >= 5 {
		n = -1
	}
	rule := ical.Rule{Freq: "YEARLY", Interval: 1, WeekStart: time.Monday, ByMonth: []int{int(d.Month)}, ByDay: []ical.Weekday{{N: n, Day: time.Weekday(d.DayOfWeek % 7)}}}
	if last != 0 {
		u := ical.UTCTime(d.In(last).Add(-from))
		rule.Until = &u
	}
	return observance(name, start, from, to, rule.String())
}

func observance(name string, start time.Time, from, to time.Duration, rule string) *ical.Component {
	c := &ical.Component{Name: name}
	c.Add(ical.New("DTSTART", ical.DateTime{Clock: start}.String()))
	c.Add(ical.New("TZOFFSETFROM", ical.FormatOffset(from)))
	c.Add(ical.New("TZOFFSETTO", ical.FormatOffset(to)))
	if rule != "" {
		c.Add(ical.New("RRULE", rule))
	}
	return c
}
