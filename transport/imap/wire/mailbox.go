package wire

import (
	"strings"
	"unicode/utf8"

	"github.com/mailconv/mailconv/transport/utf7"
)

// EncodeMailbox writes a mailbox name in modified UTF-7.
func EncodeMailbox(s string) string { return utf7.Encode(s) }

// DecodeMailbox reads a mailbox name as servers send it: modified UTF-7, or
// UTF-8 (with UTF8=ACCEPT, and from servers that do not know better). Bytes
// that are neither are taken for Latin-1, so that each name stays another one.
func DecodeMailbox(s string) string {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return latin1(s)
		}
	}
	if out, ok := utf7.Decode(s); ok {
		return out
	}
	return s // an ampersand that someone did not encode
}

func latin1(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		b.WriteRune(rune(s[i]))
	}
	return b.String()
}
