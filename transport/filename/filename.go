// Package filename makes names of files out of text that strangers wrote:
// subjects, attachment names, folder names. A name never leaves its folder,
// never is a device, fits every common file system and looks like what it is.
//
// Start from [Clean] and [Set]. Not supported: names that must be turned back
// into the original text; stores escape reversibly on their own.
package filename

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxBytes is the length of a name that every common file system takes, less
// room for a number and a temporary ending.
const maxBytes = 230

// Clean makes a file name of s. The result is one path element of at most 230
// bytes: separators, control characters, characters that Windows forbids and
// those that change the direction of text (a trick to hide an extension) are
// replaced or dropped, dots and spaces at the ends go, reserved device names get an
// underscore. The extension survives shortening. Of "" or of nothing but
// forbidden characters it makes fallback.
func Clean(s, fallback string) string {
	var b strings.Builder
	space := false
	for _, r := range s {
		switch {
		case r == utf8.RuneError, unicode.Is(unicode.Bidi_Control, r), unicode.Is(unicode.Cf, r) && r != 0x200D && r != 0x200C:
			continue
		case unicode.IsSpace(r), unicode.IsControl(r):
			space = true
			continue
		case strings.ContainsRune(`/\:*?"<>|`, r):
			r = '_'
		}
		if space && b.Len() > 0 {
			b.WriteByte(' ')
		}
		space = false
		b.WriteRune(r)
	}
	name := shorten(strings.Trim(b.String(), ". "))
	if name == "" || strings.Trim(name, "_. ") == "" {
		return fallback
	}
	stem, _, _ := strings.Cut(name, ".")
	if reserved(strings.TrimRight(stem, " ")) {
		name = shorten("_" + name)
	}
	return name
}

// shorten cuts a name to maxBytes, at the end of a character and before the
// extension.
func shorten(name string) string {
	if len(name) <= maxBytes {
		return name
	}
	ext := ""
	if i := strings.LastIndexByte(name, '.'); i > 0 && len(name)-i <= 16 {
		ext = name[i:]
	}
	n := maxBytes - len(ext)
	for n > 0 && !utf8.RuneStart(name[n]) {
		n--
	}
	return strings.TrimRight(name[:n], ". ") + ext
}

func reserved(stem string) bool {
	switch s := strings.ToUpper(stem); s {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$":
		return true
	default:
		rest, ok := strings.CutPrefix(s, "COM")
		if !ok {
			rest, ok = strings.CutPrefix(s, "LPT")
		}
		return ok && (len(rest) == 1 && rest[0] >= '0' && rest[0] <= '9' || rest == "¹" || rest == "²" || rest == "³")
	}
}

// A Set hands out names that differ from each other on every file system, see
// [Fold]. The zero value is empty. It is not safe for concurrent use.
type Set struct{ taken map[string]bool }

// Unique returns name, or name with a number before its extension when it was
// handed out before.
func (s *Set) Unique(name string) string {
	if s.taken == nil {
		s.taken = map[string]bool{}
	}
	stem, ext := name, ""
	if i := strings.LastIndexByte(name, '.'); i > 0 {
		stem, ext = name[:i], name[i:]
	}
	for n := 2; s.taken[Fold(name)]; n++ {
		name = stem + " (" + strconv.Itoa(n) + ")" + ext
	}
	s.taken[Fold(name)] = true
	return name
}

// Fold is equal for names that some file system takes for one: those that
// differ in case, or in how an accent is written.
func Fold(name string) string {
	// Upper case first: ς and σ are both Σ.
	return strings.ToLower(strings.ToUpper(norm.NFC.String(name)))
}
