// Package pathname turns names of folders into names of files and back. It is
// for stores of files, where package filename would lose what it replaces.
//
// Start from [Escape] and [Unescape]; [Book] keeps the names that are too long
// for a file system. A name that needs no escape stays readable as it is.
//
// Not supported: file systems that do not tell upper from lower case; two
// folders whose names differ in nothing else are one folder there.
package pathname

import (
	"strings"
	"unicode/utf8"
)

// MaxBytes is the longest name that Escape makes without help of a [Book]:
// what common file systems take, with room for an extension.
const MaxBytes = 240

const hexDigits = "0123456789ABCDEF"

// forbidden on Windows, or separators somewhere.
const forbidden = `/\:*?"<>|%`

// Escape makes one path element of any name: bytes that a file system does not
// take become %XX. It also escapes dots and blanks at the ends, names of
// devices, bytes that are not UTF-8 and the bytes listed in extra. The result of
// "" is "%".
func Escape(name, extra string) string {
	if name == "" {
		return "%"
	}
	var b strings.Builder
	device := isDevice(name)
	for i := 0; i < len(name); {
		r, n := utf8.DecodeRuneInString(name[i:])
		c := name[i]
		first, last := i == 0, i+n == len(name)
		switch {
		case r == utf8.RuneError && n == 1,
			c < ' ' || c == 0x7F,
			c < utf8.RuneSelf && (strings.IndexByte(forbidden, c) >= 0 || strings.IndexByte(extra, c) >= 0),
			first && (c == ' ' || c == '.' || c == '~' || device),
			last && (c == ' ' || c == '.'):
			b.WriteByte('%')
			b.WriteByte(hexDigits[c>>4])
			b.WriteByte(hexDigits[c&15])
			i++
			continue
		}
		b.WriteString(name[i : i+n])
		i += n
	}
	return b.String()
}

// Unescape reads what Escape made with the same extra. A name that Escape did
// not make comes back as it is.
func Unescape(s, extra string) string {
	if s == "%" {
		return ""
	}
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return s
		}
		hi, lo := strings.IndexByte(hexDigits, s[i+1]), strings.IndexByte(hexDigits, s[i+2])
		if hi < 0 || lo < 0 {
			return s
		}
		b.WriteByte(byte(hi<<4 | lo))
		i += 2
	}
	if name := b.String(); Escape(name, extra) == s {
		return name
	}
	return s
}

func isDevice(name string) bool {
	stem, _, _ := strings.Cut(name, ".")
	switch s := strings.ToUpper(strings.TrimRight(stem, " ")); s {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$":
		return true
	default:
		return len(s) == 4 && (s[:3] == "COM" || s[:3] == "LPT") && s[3] >= '0' && s[3] <= '9'
	}
}
