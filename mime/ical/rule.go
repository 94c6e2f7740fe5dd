package ical

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Weekday is one entry of BYDAY: the N-th from the begin, or with N below 0
// from the end; every one when N is 0.
type Weekday struct {
	N   int
	Day time.Weekday
}

// A Rule is a value of type RECUR. RFC 5545 3.3.10
type Rule struct {
	Freq      string // SECONDLY to YEARLY
	Interval  int    // 1 where the rule has none
	Count     int64  // 0 for none
	Until     *DateTime
	WeekStart time.Weekday // Monday where the rule has none

	ByDay                                              []Weekday
	BySecond, ByMinute, ByHour                         []int
	ByMonthDay, ByYearDay, ByWeekNo, ByMonth, BySetPos []int

	// Other are parts of no known name, as they stand.
	Other []string
}

var weekdays = map[string]time.Weekday{"SU": 0, "MO": 1, "TU": 2, "WE": 3, "TH": 4, "FR": 5, "SA": 6}

// WeekdayNames are the values of BYDAY, from Sunday.
var WeekdayNames = [7]string{"SU", "MO", "TU", "WE", "TH", "FR", "SA"}

// ParseRule reads a value of type RECUR.
func ParseRule(s string) (*Rule, error) {
	r := &Rule{Interval: 1, WeekStart: time.Monday}
	bad := func(part string) error { return fmt.Errorf("%q is no part of a recurrence rule", short(part)) }
	for _, part := range strings.Split(strings.TrimSpace(s), ";") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		name, value, ok := strings.Cut(part, "=")
		name, value = strings.ToUpper(strings.TrimSpace(name)), strings.ToUpper(strings.TrimSpace(value))
		if !ok || value == "" {
			return nil, bad(part)
		}
		var err error
		switch name {
		case "FREQ":
			switch value {
			case "SECONDLY", "MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY":
				r.Freq = value
			default:
				return nil, bad(part)
			}
		case "INTERVAL":
			r.Interval, err = strconv.Atoi(value)
			if r.Interval < 1 {
				r.Interval = 1
			}
		case "COUNT":
			r.Count, err = strconv.ParseInt(value, 10, 64)
			if r.Count < 0 {
				return nil, bad(part)
			}
		case "UNTIL":
			var d DateTime
			d, err = ParseDateTime(value, "")
			r.Until = &d
		case "WKST":
			r.WeekStart, ok = weekdays[value]
			if !ok {
				return nil, bad(part)
			}
		case "BYDAY":
			for _, v := range strings.Split(value, ",") {
				v = strings.TrimSpace(v)
				if len(v) < 2 {
					return nil, bad(part)
				}
				d, ok := weekdays[v[len(v)-2:]]
				n := 0
				if len(v) > 2 {
					n, err = strconv.Atoi(v[:len(v)-2])
				}
				if !ok || err != nil || n < -366 || n > 366 || len(r.ByDay) > 1000 {
					return nil, bad(part)
				}
				r.ByDay = append(r.ByDay, Weekday{n, d})
			}
		case "BYSECOND":
			r.BySecond, err = ints(value, 0, 60)
		case "BYMINUTE":
			r.ByMinute, err = ints(value, 0, 59)
		case "BYHOUR":
			r.ByHour, err = ints(value, 0, 23)
		case "BYMONTHDAY":
			r.ByMonthDay, err = ints(value, -31, 31)
		case "BYYEARDAY":
			r.ByYearDay, err = ints(value, -366, 366)
		case "BYWEEKNO":
			r.ByWeekNo, err = ints(value, -53, 53)
		case "BYMONTH":
			r.ByMonth, err = ints(value, 1, 12)
		case "BYSETPOS":
			r.BySetPos, err = ints(value, -366, 366)
		default:
			r.Other = append(r.Other, part)
		}
		if err != nil {
			return nil, bad(part)
		}
	}
	if r.Freq == "" {
		return nil, fmt.Errorf("%q has no FREQ", short(s))
	}
	return r, nil
}

func ints(s string, lo, hi int) ([]int, error) {
	var list []int
	for _, v := range strings.Split(s, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(v))
		if err != nil || n < lo || n > hi || len(list) > 1000 {
			return nil, fmt.Errorf("%q is out of range", short(v))
		}
		list = append(list, n)
	}
	return list, nil
}

// String writes the rule.
func (r *Rule) String() string {
	var b strings.Builder
	b.WriteString("FREQ=" + r.Freq)
	if r.Until != nil {
		b.WriteString(";UNTIL=" + r.Until.String())
	}
	if r.Count > 0 {
		fmt.Fprintf(&b, ";COUNT=%d", r.Count)
	}
	if r.Interval > 1 {
		fmt.Fprintf(&b, ";INTERVAL=%d", r.Interval)
	}
	list := func(name string, l []int) {
		for i, n := range l {
			if i == 0 {
				b.WriteString(";" + name + "=")
			} else {
				b.WriteByte(',')
			}
			b.WriteString(strconv.Itoa(n))
		}
	}
	list("BYSECOND", r.BySecond)
	list("BYMINUTE", r.ByMinute)
	list("BYHOUR", r.ByHour)
	for i, d := range r.ByDay {
		if i == 0 {
			b.WriteString(";BYDAY=")
		} else {
			b.WriteByte(',')
		}
		if d.N != 0 {
			b.WriteString(strconv.Itoa(d.N))
		}
		b.WriteString(WeekdayNames[d.Day])
	}
	list("BYMONTHDAY", r.ByMonthDay)
	list("BYYEARDAY", r.ByYearDay)
	list("BYWEEKNO", r.ByWeekNo)
	list("BYMONTH", r.ByMonth)
	list("BYSETPOS", r.BySetPos)
	if r.WeekStart != time.Monday {
		b.WriteString(";WKST=" + WeekdayNames[r.WeekStart])
	}
	for _, o := range r.Other {
		b.WriteString(";" + o)
	}
	return b.String()
}
