package header

import (
	"strings"
	"time"
)

// ParseDate reads a date and time from an unfolded value, with the offset that
// it states. It knows RFC 5322 3.3 and its obsolete forms (4.3): zones by name
// and by letter, years of two and three digits, missing weekday, seconds or
// zone (which then is +0000); and what else is found in mail: a wrong weekday,
// the order of asctime, numeric months of ISO 8601, dashes, AM and PM. It is
// false for what holds no date.
func ParseDate(s string) (time.Time, bool) {
	d := dateParser{day: -1, month: -1, year: -1, hour: -1}
	for s != "" {
		switch c := s[0]; {
		case c == '(':
			_, s = cutComment(s)
		case c == ' ' || c == '\t' || c == ',' || c == '\r' || c == '\n':
			s = s[1:]
		default:
			i := strings.IndexAny(s, " \t,(\r\n")
			if i < 0 {
				i = len(s)
			}
			if !d.word(s[:i]) {
				return time.Time{}, false
			}
			s = s[i:]
		}
	}
	return d.time()
}

type dateParser struct {
	day, month, year     int
	hour, minute, second int
	nano                 int
	pm, am               bool
	offset               int
	zoned                bool
}

var months = [...]string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}

// zones are the names of RFC 5322 4.3 and the common others, in minutes.
var zones = map[string]int{
	"ut": 0, "utc": 0, "gmt": 0, "z": 0, "wet": 0, "est": -300, "edt": -240, "cst": -360, "cdt": -300,
	"mst": -420, "mdt": -360, "pst": -480, "pdt": -420, "bst": 60, "cet": 60, "met": 60, "mez": 60,
	"cest": 120, "mest": 120, "mesz": 120, "eet": 120, "eest": 180, "msk": 180, "jst": 540, "kst": 540,
	"hst": -600, "akst": -540, "akdt": -480, "ast": -240, "adt": -180, "nst": -210, "ndt": -150,
	"aest": 600, "aedt": 660, "acst": 570, "awst": 480, "nzst": 720, "nzdt": 780, "sgt": 480, "hkt": 480, "ist": 330,
}

func (d *dateParser) word(w string) bool {
	lower := strings.ToLower(w)
	switch {
	case strings.IndexByte(w, ':') > 0 && w[0] != '+' && w[0] != '-':
		// An ISO date may stand before the time.
		if i := strings.IndexByte(lower, 't'); i == 10 {
			return d.dashed(lower[:i]) && d.clock(lower[i+1:])
		}
		return d.clock(lower)
	case w[0] == '+' || w[0] == '-':
		if d.hour < 0 && d.day < 0 {
			return true
		}
		d.numericZone(w)
		return true
	case isDigit(w[0]):
		if strings.IndexAny(w, "-/.") > 0 {
			return d.dashed(lower)
		}
		n, rest := number(lower)
		switch rest {
		case "", "st", "nd", "rd", "th", ".":
		case "am", "pm":
			d.am, d.pm = rest == "am", rest == "pm"
			if d.hour < 0 {
				d.hour = n
			}
			return true
		default:
			return true
		}
		switch {
		case d.day < 0 && n >= 1 && n <= 31 && len(w) <= 2:
			d.day = n
		case d.year < 0:
			d.year = fullYear(n, len(w))
		}
		return true
	}
	if lower == "am" || lower == "pm" {
		d.am, d.pm = lower == "am", lower == "pm"
		return true
	}
	if len(lower) >= 3 && d.month < 0 {
		for i, m := range months {
			if strings.HasPrefix(lower, m) && (d.day < 0 || d.month < 0) {
				// "marzo" is March, "monday" is no month.
				d.month = i + 1
				return true
			}
		}
	}
	if d.hour >= 0 && !d.zoned {
		if m, ok := zones[strings.Trim(lower, "\"'")]; ok {
			d.offset, d.zoned = m*60, true
		} else if len(lower) == 1 && lower[0] >= 'a' && lower[0] <= 'y' && lower[0] != 'j' {
			// Military letters mean -0000, as their signs were published
			// wrongly. RFC 5322 4.3
			d.zoned = true
		} else if (strings.HasPrefix(lower, "gmt") || strings.HasPrefix(lower, "utc")) && len(lower) > 3 {
			d.numericZone(lower[3:])
		}
	}
	return true
}

// dashed reads 2-Jan-2006, 2006-01-02, 02/01/2006 and 02.01.2006.
func (d *dateParser) dashed(w string) bool {
	parts := strings.FieldsFunc(w, func(r rune) bool { return r == '-' || r == '/' || r == '.' })
	if len(parts) < 3 {
		return true
	}
	a, restA := number(parts[0])
	c, restC := number(parts[2])
	if restA != "" || restC != "" && restC[0] != 't' {
		return true
	}
	b, restB := number(parts[1])
	if restB != "" {
		b = -1
		for i, m := range months {
			if strings.HasPrefix(parts[1], m) {
				b = i + 1
			}
		}
	}
	switch {
	case len(parts[0]) == 4:
		d.year, d.month, d.day = a, b, c
	case b > 12 && a <= 12 && strings.IndexByte(w, '/') > 0:
		d.month, d.day, d.year = a, b, fullYear(c, len(parts[2]))
	default:
		d.day, d.month, d.year = a, b, fullYear(c, len(parts[2]))
	}
	return true
}

// clock reads hh:mm, hh:mm:ss, with a fraction, a zone or am/pm at the end.
func (d *dateParser) clock(w string) bool {
	if d.hour >= 0 {
		return true
	}
	h, rest := number(w)
	if !strings.HasPrefix(rest, ":") {
		return false
	}
	m, rest := number(rest[1:])
	sec := 0
	if strings.HasPrefix(rest, ":") {
		sec, rest = number(rest[1:])
	}
	if strings.HasPrefix(rest, ".") {
		i := 1
		unit := 100000000
		for i < len(rest) && isDigit(rest[i]) {
			d.nano += int(rest[i]-'0') * unit
			unit /= 10
			i++
		}
		rest = rest[i:]
	}
	if h > 24 || m > 59 || sec > 61 {
		return false
	}
	d.hour, d.minute, d.second = h, m, min(sec, 59)
	switch {
	case rest == "am" || rest == "pm":
		d.am, d.pm = rest == "am", rest == "pm"
	case rest == "z":
		d.zoned = true
	case rest != "" && (rest[0] == '+' || rest[0] == '-'):
		d.numericZone(rest)
	}
	return true
}

func (d *dateParser) numericZone(w string) {
	if d.zoned || w == "" {
		return
	}
	sign := 1
	if w[0] == '-' {
		sign = -1
	}
	digits := make([]byte, 0, 4)
	for i := 1; i < len(w); i++ {
		if isDigit(w[i]) {
			digits = append(digits, w[i])
		} else if w[i] != ':' {
			break
		}
	}
	var h, m int
	switch len(digits) {
	case 1, 2:
		h, _ = number(string(digits))
	case 3:
		h, _ = number(string(digits[:1]))
		m, _ = number(string(digits[1:]))
	case 4, 5, 6:
		h, _ = number(string(digits[:2]))
		m, _ = number(string(digits[2:4]))
	default:
		return
	}
	if h > 23 || m > 59 {
		return
	}
	d.offset, d.zoned = sign*(h*3600+m*60), true
}

func (d *dateParser) time() (time.Time, bool) {
	if d.day < 1 || d.month < 1 || d.month > 12 || d.year < 1 || d.year > 9999 {
		return time.Time{}, false
	}
	if d.day > time.Date(d.year, time.Month(d.month)+1, 0, 0, 0, 0, 0, time.UTC).Day() {
		return time.Time{}, false
	}
	h := max(d.hour, 0)
	if d.pm && h < 12 {
		h += 12
	} else if d.am && h == 12 {
		h = 0
	}
	loc := time.UTC
	if d.offset != 0 {
		loc = time.FixedZone("", d.offset)
	}
	return time.Date(d.year, time.Month(d.month), d.day, h, d.minute, d.second, d.nano, loc), true
}

// fullYear completes years of two and three digits. RFC 5322 4.3
func fullYear(n, digits int) int {
	switch {
	case digits <= 2 && n < 50:
		return n + 2000
	case digits <= 3 && n < 1000:
		return n + 1900
	}
	return n
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// number reads digits at the start of s, at most eight.
func number(s string) (n int, rest string) {
	i := 0
	for i < len(s) && i < 8 && isDigit(s[i]) {
		n = n*10 + int(s[i]-'0')
		i++
	}
	return n, s[i:]
}
