// Package utf7 reads and writes modified UTF-7, in which IMAP servers and
// Maildir++ name folders. RFC 3501 5.1.3
//
// Start from [Encode] and [Decode]. Not supported: UTF-7 proper (RFC 2152),
// which mapi/codepage has.
package utf7

import (
	"encoding/base64"
	"strings"
	"unicode/utf16"
)

var alphabet = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").WithPadding(base64.NoPadding)

// Encode writes a name in modified UTF-7.
func Encode(s string) string {
	var b strings.Builder
	var wide []rune
	flush := func() {
		if len(wide) == 0 {
			return
		}
		var raw []byte
		for _, u := range utf16.Encode(wide) {
			raw = append(raw, byte(u>>8), byte(u))
		}
		b.WriteString("&" + alphabet.EncodeToString(raw) + "-")
		wide = wide[:0]
	}
	for _, r := range s {
		if r < ' ' || r > '~' {
			wide = append(wide, r)
			continue
		}
		flush()
		b.WriteRune(r)
		if r == '&' {
			b.WriteByte('-')
		}
	}
	flush()
	return b.String()
}

// Decode reads a name in modified UTF-7. It is false, with "", for a name that
// is not well-formed: an ampersand that someone did not encode. What it reads
// may be what [Encode] would write in another way.
func Decode(s string) (string, bool) {
	var b strings.Builder
	for rest := s; rest != ""; {
		plain, after, shifted := strings.Cut(rest, "&")
		b.WriteString(plain)
		if !shifted {
			break
		}
		code, tail, closed := strings.Cut(after, "-")
		if !closed {
			return "", false
		}
		rest = tail
		if code == "" {
			b.WriteByte('&')
			continue
		}
		raw, err := alphabet.DecodeString(code)
		if err != nil || len(raw)%2 != 0 {
			return "", false
		}
		units := make([]uint16, len(raw)/2)
		for i := range units {
			units[i] = uint16(raw[2*i])<<8 | uint16(raw[2*i+1])
		}
		b.WriteString(string(utf16.Decode(units)))
	}
	return b.String(), true
}
