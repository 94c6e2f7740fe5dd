package ical

import "strings"

var textEscaper = strings.NewReplacer("\\", "\\\\", ";", "\\;", ",", "\\,", "\r\n", "\\n", "\n", "\\n", "\r", "\\n")

// EscapeText writes text as a value of type TEXT. RFC 5545 3.3.11
func EscapeText(s string) string { return textEscaper.Replace(s) }

// Text reads a value of type TEXT. Line ends come as LF.
func Text(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch s[i] {
		case 'n', 'N':
			b.WriteByte('\n')
		case '\\', ';', ',', ':', '"':
			b.WriteByte(s[i])
		default:
			// An unknown escape stays.
			b.WriteByte('\\')
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// SplitText splits a list of TEXT at its commas and reads each.
func SplitText(s string) []string {
	list := Split(s, ',')
	for i := range list {
		list[i] = Text(list[i])
	}
	return list
}

// Split splits a value at a separator that no backslash stands before. An empty
// value has no parts.
func Split(s string, sep byte) []string {
	if s == "" {
		return nil
	}
	var list []string
	start := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case sep:
			list = append(list, s[start:i])
			start = i + 1
		}
	}
	return append(list, s[start:])
}
