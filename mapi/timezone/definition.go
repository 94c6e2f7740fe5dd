package timezone

import "time"

// A Date is a SYSTEMTIME as time zone rules use it: in every year the n-th
// weekday of a month, or one day when Year is set. [MS-OXOCAL] 2.2.1.39
type Date struct {
	Year, Month, DayOfWeek, Day        uint16 // Day is 1 to 5 when Year is 0; 5 is the last
	Hour, Minute, Second, Milliseconds uint16
}

// IsZero reports whether the date says that the clock never changes.
func (d Date) IsZero() bool { return d.Month == 0 }

// valid reports whether In can resolve d.
func (d Date) valid() bool { return d.Month >= 1 && d.Month <= 12 }

// In is the time on the clock at which the rule changes it in a year.
func (d Date) In(year int) time.Time {
	h, m, s := int(d.Hour%25), int(d.Minute%60), int(d.Second%60)
	if d.Year != 0 {
		return time.Date(year, time.Month(d.Month), int(d.Day), h, m, s, 0, time.UTC)
	}
	first := time.Date(year, time.Month(d.Month), 1, h, m, s, 0, time.UTC)
	day := 1 + (int(d.DayOfWeek%7)-int(first.Weekday())+7)%7
	day += 7 * (max(int(d.Day), 1) - 1)
	for day > daysIn(year, time.Month(d.Month)) {
		day -= 7
	}
	return first.AddDate(0, 0, day-1)
}

func daysIn(year int, m time.Month) int { return time.Date(year, m+1, 0, 0, 0, 0, 0, time.UTC).Day() }

// Flags of a [Rule]. [MS-OXOCAL] 2.2.1.41.1
const (
	RecurCurrent = 0x0001 // TZRULE_FLAG_RECUR_CURRENT_TZREG: the rule of a recurring series
	Effective    = 0x0002 // TZRULE_FLAG_EFFECTIVE_TZREG: the rule in force when it was written
)

// A Rule is a TZRule: how the clock runs from a year on. Biases are minutes;
// UTC is the time on the clock plus Bias plus one of the other two. [MS-OXOCAL]
// 2.2.1.41.1
type Rule struct {
	Flags        uint16
	Year         uint16
	Bias         int32
	StandardBias int32
	DaylightBias int32
	Reserved     [14]byte // X; see [NewRule]
	Standard     Date     // when standard time begins, in daylight time
	Daylight     Date     // when daylight time begins, in standard time
}

// NewRule is a rule with the reserved bytes that Outlook writes.
func NewRule(bias, standardBias, daylightBias int32) Rule {
	// QUIRK: [MS-OXOCAL] has zeros, Outlook the rest of a SYSTEMTIME: the first
	// of January (corpus msg/hiraokahypertools-msgreader/A weekly 1.msg).
	return Rule{Bias: bias, StandardBias: standardBias, DaylightBias: daylightBias, Reserved: [14]byte{0: 1, 4: 1}}
}

// changes reports whether the clock is changed at all.
func (r *Rule) changes() bool {
	return r.Standard.valid() && r.Daylight.valid() && r.StandardBias != r.DaylightBias
}

func (r *Rule) standardOffset() time.Duration {
	return -time.Duration(r.Bias+r.StandardBias) * time.Minute
}

func (r *Rule) daylightOffset() time.Duration {
	return -time.Duration(r.Bias+r.DaylightBias) * time.Minute
}

// A Definition is a time zone: its name in the registry of Windows, or any
// other name, and its rules, ascending by year. A year before the first rule
// follows the first. It implements [Zone].
type Definition struct {
	KeyName string
	Rules   []Rule
}

// rule is the rule of a year; the zero Rule is UTC.
func (d *Definition) rule(year int) Rule {
	var r Rule
	for i := range d.Rules {
		if i == 0 || int(d.Rules[i].Year) <= year {
			r = d.Rules[i]
		}
	}
	return r
}

// RuleOf is the rule that holds in a year; false when there is none.
func (d *Definition) RuleOf(year int) (Rule, bool) { return d.rule(year), len(d.Rules) > 0 }

// Offset implements [Zone].
func (d *Definition) Offset(t time.Time) time.Duration {
	t = t.UTC()
	r := d.rule(t.Year())
	// The year is that of the clock.
	if y := t.Add(r.standardOffset()).Year(); y != t.Year() {
		r = d.rule(y)
	}
	std, day := r.standardOffset(), r.daylightOffset()
	if !r.changes() {
		return std
	}
	y := t.Add(std).Year()
	from := r.Daylight.In(y).Add(-std)
	to := r.Standard.In(y).Add(-day)
	if from.Before(to) && !t.Before(from) && t.Before(to) || !from.Before(to) && (!t.Before(from) || t.Before(to)) {
		return day
	}
	return std
}

// Fixed is a zone whose clock never changes, offset east of UTC.
func Fixed(name string, offset time.Duration) Definition {
	r := NewRule(int32(-offset/time.Minute), 0, 0)
	r.Flags, r.Year = Effective|RecurCurrent, 1601
	return Definition{KeyName: name, Rules: []Rule{r}}
}

// UTC is the zone of that name.
func UTC() Definition { return Fixed("UTC", 0) }

// IsUTC reports whether the clock of the zone always shows UTC.
func (d *Definition) IsUTC() bool {
	for i := range d.Rules {
		r := &d.Rules[i]
		if r.Bias+r.StandardBias != 0 || r.changes() {
			return false
		}
	}
	return true
}
