package ical

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A DateTime is a value of type DATE or DATE-TIME: what stands on a clock, and
// on which. RFC 5545 3.3.4, 3.3.5
type DateTime struct {
	Clock time.Time // in time.UTC
	UTC   bool
	Date  bool   // a day
	TZID  string // of the property; "" with neither UTC nor Date is floating
}

// ParseDateTime reads a value of type DATE-TIME or DATE. It also takes the
// extended form of ISO 8601, and an offset behind the time.
func ParseDateTime(s, tzid string) (DateTime, error) {
	d := DateTime{TZID: tzid}
	v := strings.ToUpper(strings.TrimSpace(s))
	bad := fmt.Errorf("%q is no date", short(s))
	day, clock, timed := strings.Cut(v, "T")
	if !timed {
		day, clock, timed = strings.Cut(v, " ")
	}
	day = strings.ReplaceAll(day, "-", "")
	y, m, n, ok := digits3(day, 4, 2, 2)
	if !ok || m < 1 || m > 12 || n < 1 || n > 31 {
		return d, bad
	}
	if !timed {
		d.Date = true
		d.TZID = ""
		d.Clock = time.Date(y, time.Month(m), n, 0, 0, 0, 0, time.UTC)
		if d.Clock.Day() != n {
			return d, bad
		}
		return d, nil
	}
	if strings.HasSuffix(clock, "Z") {
		d.UTC = true
		d.TZID = ""
		clock = clock[:len(clock)-1]
	}
	var offset time.Duration
	if i := strings.LastIndexAny(clock, "+-"); i > 0 {
		o, err := ParseOffset(strings.ReplaceAll(clock[i:], ":", ""))
		if err != nil {
			return d, bad
		}
		offset = o
		d.UTC = true
		d.TZID = ""
		clock = clock[:i]
	}
	clock = strings.ReplaceAll(clock, ":", "")
	clock, _, _ = strings.Cut(clock, ".")
	if len(clock) == 4 {
		clock += "00"
	}
	hh, mm, ss, ok := digits3(clock, 2, 2, 2)
	if !ok || hh > 24 || mm > 59 || ss > 60 {
		return d, bad
	}
	d.Clock = time.Date(y, time.Month(m), n, hh, mm, min(ss, 59), 0, time.UTC)
	if hh < 24 && d.Clock.Day() != n {
		return d, bad
	}
	d.Clock = d.Clock.Add(-offset)
	return d, nil
}

func digits3(s string, a, b, c int) (x, y, z int, ok bool) {
	if len(s) != a+b+c {
		return 0, 0, 0, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, 0, 0, false
		}
	}
	x, _ = strconv.Atoi(s[:a])
	y, _ = strconv.Atoi(s[a : a+b])
	z, _ = strconv.Atoi(s[a+b:])
	return x, y, z, true
}

// String is the value without its parameters.
func (d DateTime) String() string {
	switch {
	case d.Date:
		return d.Clock.Format("20060102")
	case d.UTC:
		return d.Clock.Format("20060102T150405Z")
	}
	return d.Clock.Format("20060102T150405")
}

// Property is a property with the value and the parameters that it needs.
func (d DateTime) Property(name string) Property {
	switch {
	case d.Date:
		return New(name, d.String(), "VALUE", "DATE")
	case d.UTC:
		return New(name, d.String())
	}
	return New(name, d.String(), "TZID", d.TZID)
}

// UTCTime is an instant as a value.
func UTCTime(t time.Time) DateTime { return DateTime{Clock: t.UTC().Truncate(time.Second), UTC: true} }

// ParseDuration reads a value of type DURATION. Days count as 24 hours. RFC
// 5545 3.3.6
func ParseDuration(s string) (time.Duration, error) {
	bad := fmt.Errorf("%q is no duration", short(s))
	v := strings.ToUpper(strings.TrimSpace(s))
	neg := strings.HasPrefix(v, "-")
	v = strings.TrimPrefix(strings.TrimPrefix(v, "-"), "+")
	if !strings.HasPrefix(v, "P") || len(v) < 2 {
		return 0, bad
	}
	var total time.Duration
	n, have := int64(0), false
	units := 0
	inTime := false
	for _, c := range v[1:] {
		var unit time.Duration
		switch {
		case c >= '0' && c <= '9':
			n = n*10 + int64(c-'0')
			have = true
			if n > 1e9 {
				return 0, bad
			}
			continue
		case c == 'T':
			inTime = true
			continue
		case c == 'W':
			unit = 7 * 24 * time.Hour
		case c == 'D':
			unit = 24 * time.Hour
		case c == 'H':
			unit = time.Hour
		case c == 'M' && inTime:
			unit = time.Minute
		case c == 'S':
			unit = time.Second
		default:
			return 0, bad
		}
		if !have || n > int64(maxDuration/unit) {
			return 0, bad
		}
		total += time.Duration(n) * unit
		if total > maxDuration {
			return 0, bad
		}
		n, have = 0, false
		units++
	}
	if have || units == 0 {
		return 0, bad
	}
	if neg {
		total = -total
	}
	return total, nil
}

// maxDuration is a bound on what a file may say: 100 years.
const maxDuration = 100 * 366 * 24 * time.Hour

// FormatDuration writes a value of type DURATION.
func FormatDuration(d time.Duration) string {
	var b strings.Builder
	if d < 0 {
		b.WriteByte('-')
		d = -d
	}
	s := int64(d / time.Second)
	b.WriteByte('P')
	if s != 0 && s%(7*86400) == 0 {
		fmt.Fprintf(&b, "%dW", s/(7*86400))
		return b.String()
	}
	if s >= 86400 {
		fmt.Fprintf(&b, "%dD", s/86400)
		s %= 86400
		if s == 0 {
			return b.String()
		}
	}
	b.WriteByte('T')
	if s >= 3600 {
		fmt.Fprintf(&b, "%dH", s/3600)
	}
	if s%3600 >= 60 {
		fmt.Fprintf(&b, "%dM", s%3600/60)
	}
	if s%60 != 0 || s == 0 {
		fmt.Fprintf(&b, "%dS", s%60)
	}
	return b.String()
}

// ParseOffset reads a value of type UTC-OFFSET. RFC 5545 3.3.14
func ParseOffset(s string) (time.Duration, error) {
	v := strings.TrimSpace(s)
	bad := fmt.Errorf("%q is no offset from UTC", short(s))
	if len(v) < 3 || v[0] != '+' && v[0] != '-' {
		return 0, bad
	}
	n := v[1:]
	for len(n) < 6 {
		n += "0"
	}
	h, m, sec, ok := digits3(n, 2, 2, 2)
	if !ok || h > 24 || m > 59 || sec > 59 {
		return 0, bad
	}
	d := time.Duration(h)*time.Hour + time.Duration(m)*time.Minute + time.Duration(sec)*time.Second
	if v[0] == '-' {
		d = -d
	}
	return d, nil
}

// FormatOffset writes a value of type UTC-OFFSET.
func FormatOffset(d time.Duration) string {
	sign := '+'
	if d < 0 {
		sign, d = '-', -d
	}
	s := int(d / time.Second)
	if s%60 != 0 {
		return fmt.Sprintf("%c%02d%02d%02d", sign, s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%c%02d%02d", sign, s/3600, s/60%60)
}
