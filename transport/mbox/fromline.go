package mbox

import (
	"bytes"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mime/header"
)

// maxFromLine bounds a separator line.
const maxFromLine = 1 << 10

var fromPrefix = []byte("From ")

var months = []string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}

// firstYear and lastYear bound the year of a separator line. Servers keep dates
// before 1970 as ones after 2100.
const firstYear, lastYear = "1600", "2199"

// hasDate reports whether a line has what makes it a separator: a time, a year
// and a month, in any order.
func hasDate(line []byte) bool {
	clock, year, month := false, false, false
	for _, w := range strings.Fields(string(line)) {
		w = strings.Trim(w, ",")
		switch {
		case len(w) >= 4 && strings.IndexByte(w, ':') > 0 && w[0] >= '0' && w[0] <= '9':
			clock = true
			// ISO 8601
			if len(w) > 11 && w[4] == '-' && (w[10] == 'T' || w[10] == ' ') {
				year, month = true, true
			}
		case len(w) == 4 && digits(w) && w >= firstYear && w <= lastYear:
			year = true
		case len(w) == 10 && w[4] == '-' && w[7] == '-':
			year, month = true, true
		default:
			for _, m := range months {
				month = month || strings.EqualFold(w, m)
			}
		}
	}
	return clock && year && month
}

func digits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// fromDate reads the date of a separator line.
func fromDate(line []byte) time.Time {
	s := strings.TrimSpace(strings.TrimPrefix(string(line), "From "))
	// What follows the sender, which may hold blanks ("ann at x.example").
	for s != "" {
		if t, ok := header.ParseDate(s); ok && plausible(s) {
			return t.UTC()
		}
		_, rest, _ := strings.Cut(s, " ")
		s = strings.TrimSpace(rest)
	}
	return time.Time{}
}

// plausible keeps a sender from being read as part of a date.
func plausible(s string) bool {
	c := s[0]
	if c >= '0' && c <= '9' {
		return true
	}
	for _, day := range []string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"} {
		if len(s) >= 3 && strings.EqualFold(s[:3], day) {
			return true
		}
	}
	return false
}

// separates reports whether a date makes a separator of its line.
func separates(t time.Time) bool {
	y := t.UTC().Format("2006")
	return !t.IsZero() && len(y) == 4 && y >= firstYear && y <= lastYear
}

// formatFrom writes a separator line without its end.
func formatFrom(sender string, received time.Time) string {
	sender = strings.Map(func(r rune) rune {
		if r <= ' ' || r >= 0x7F {
			return -1
		}
		return r
	}, sender)
	if sender == "" {
		sender = "MAILER-DAEMON"
	}
	if !separates(received) {
		received = time.Unix(0, 0)
	}
	return "From " + sender[:min(len(sender), 250)] + " " + received.UTC().Format(time.ANSIC)
}

// looksLikeField reports whether a line can begin a header.
func looksLikeField(line []byte) bool {
	i := bytes.IndexByte(line, ':')
	if i <= 0 {
		return false
	}
	for _, c := range line[:i] {
		if c <= ' ' || c >= 0x7F {
			return false
		}
	}
	return true
}
