package imap

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode/utf8"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/imap/wire"
	"github.com/mailconv/mailconv/transport/pathname"
)

const inbox = "INBOX"

// A space is one namespace. RFC 9051 6.3.10
type space struct{ prefix, delim string }

// namespaces are those of the account. personal has at least one.
type namespaces struct{ personal, other, shared []space }

// namespaces asks once.
func (s *Store) namespaces(ctx context.Context, c *session) (*namespaces, error) {
	s.mu.Lock()
	ns := s.spaces
	s.mu.Unlock()
	if ns != nil {
		return ns, nil
	}
	ns = &namespaces{}
	if c.can("NAMESPACE", "IMAP4REV2") {
		_, err := c.do(ctx, "list folders", "", cmd("NAMESPACE"), func(r *wire.Response) error {
			if r.Name == "NAMESPACE" {
				for i, to := range []*[]space{&ns.personal, &ns.other, &ns.shared} {
					if i < len(r.Values) {
						*to = spaces(r.Values[i])
					}
				}
			}
			return nil
		})
		if err != nil && c.Broken() != nil {
			return nil, err
		}
	}
	if len(ns.personal) == 0 {
		own := space{}
		_, err := c.do(ctx, "list folders", "", cmd(`LIST "" ""`), func(r *wire.Response) error {
			if r.Name == "LIST" && len(r.Values) > 1 {
				own.delim = r.Values[1].Text
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		ns.personal = []space{own}
	}
	s.mu.Lock()
	s.spaces = ns
	s.mu.Unlock()
	return ns, nil
}

func spaces(v wire.Value) (list []space) {
	for _, e := range v.List {
		if len(e.List) >= 2 {
			list = append(list, space{e.List[0].Text, e.List[1].Text})
		}
	}
	return list
}

// path is the path behind a raw name: the personal prefix is taken off once,
// names are decoded and unescaped.
func (ns *namespaces) path(raw, delim string) []string {
	if strings.EqualFold(raw, inbox) {
		return []string{inbox}
	}
	own := ns.personal[0]
	rest := raw
	if own.prefix != "" && hasPrefixFold(raw, own.prefix) && len(raw) > len(own.prefix) {
		rest = raw[len(own.prefix):]
		// INBOX.INBOX would be told apart from INBOX no more.
		if first, _, _ := strings.Cut(rest+delim, delim); delim != "" && strings.EqualFold(first, inbox) {
			rest = raw
		}
	}
	parts := []string{rest}
	if delim != "" {
		parts = strings.Split(strings.TrimSuffix(rest, delim), delim)
	}
	for i, p := range parts {
		if i == 0 && strings.EqualFold(p, inbox) {
			parts[i] = inbox
			continue
		}
		parts[i] = unescape(wire.DecodeMailbox(p), delim)
	}
	return parts
}

func hasPrefixFold(s, prefix string) bool {
	if len(s) < len(prefix) {
		return false
	}
	// Only INBOX is spelled in either case.
	head := s[:len(prefix)]
	return head == prefix || strings.EqualFold(head, prefix) && hasPrefixFold(prefix, inbox[:min(len(inbox), len(prefix))]) && len(prefix) > len(inbox)
}

// An escaping is how much of a name is escaped; servers differ in what they
// refuse.
type escaping int

const (
	weak   escaping = iota // what cannot be in a name at all
	strong                 // what file systems and shells stumble over
	picky                  // all but letters, digits and a few signs, with = for %
	short                  // cut, with a hash; cannot be undone
)

// raw is the server's name for a path.
func (ns *namespaces) raw(path []string, e escaping, utf8 bool) string {
	own := ns.personal[0]
	hard := own.delim // what cannot be in a name
	if utf8 {
		// QUIRK: go-imap's server still reads UTF-7 after ENABLE UTF8=ACCEPT,
		// and so do we, as not all servers change what they list.
		hard += "&"
	}
	if len(path) > 0 && strings.EqualFold(path[0], inbox) {
		if len(path) == 1 {
			return inbox
		}
		if hasPrefixFold(own.prefix, inbox) {
			path = path[1:] // INBOX.x is a child of INBOX and of the prefix alike
		}
	}
	if own.delim == "" {
		return own.prefix + encode(escape(transport.JoinPath(path), hard, e), utf8)
	}
	parts := make([]string, len(path))
	for i, p := range path {
		if i == 0 && strings.EqualFold(p, inbox) {
			parts[i] = inbox
			continue
		}
		parts[i] = encode(escape(p, hard, e), utf8)
	}
	return own.prefix + strings.Join(parts, own.delim)
}

func encode(name string, utf8 bool) string {
	if utf8 {
		return name
	}
	return wire.EncodeMailbox(name)
}

// strongExtra is what strong escapes beyond package pathname.
func strongExtra(delim string) string { return delim + "~&#" }

// maxName is where short cuts a name, in bytes as the server sees them.
const maxName = 120

func escape(name, delim string, e escaping) string {
	switch e {
	case weak:
		return escapeWeak(name, delim)
	case strong:
		return pathname.Escape(name, strongExtra(delim))
	case picky:
		return escapePicky(name, delim)
	}
	full := escapePicky(name, delim)
	if len(wire.EncodeMailbox(full)) <= maxName {
		return full
	}
	sum := sha256.Sum256([]byte(name))
	cut := full
	for len(wire.EncodeMailbox(cut)) > maxName-18 {
		_, n := utf8.DecodeLastRuneInString(cut)
		cut = cut[:len(cut)-n]
	}
	return cut + "=_" + hex.EncodeToString(sum[:8])
}

const hexDigits = "0123456789ABCDEF"

func isHex(s string) bool {
	return len(s) >= 2 && strings.IndexByte(hexDigits, s[0]) >= 0 && strings.IndexByte(hexDigits, s[1]) >= 0
}

// escapeWeak makes %XX of the delimiter, of control characters, of bytes that
// are not UTF-8, and of a sign that would be read as an escape.
func escapeWeak(name, delim string) string {
	if name == "" {
		return "%"
	}
	var b strings.Builder
	for i := 0; i < len(name); {
		c := name[i]
		r, n := utf8.DecodeRuneInString(name[i:])
		if r == utf8.RuneError && n == 1 || c < ' ' || c == 0x7F ||
			delim != "" && strings.IndexByte(delim, c) >= 0 || (c == '%' || c == '=') && (isHex(name[i+1:]) || name == "%") {
			b.Write([]byte{'%', hexDigits[c>>4], hexDigits[c&15]})
			i++
			continue
		}
		b.WriteString(name[i : i+n])
		i += n
	}
	return b.String()
}

// escapePicky makes =XX of all that is not sure to be taken.
//
// QUIRK: Cyrus refuses the percent sign and much else (its GOODCHARS).
func escapePicky(name, delim string) string {
	if name == "" {
		return "=00"
	}
	var b strings.Builder
	for i := 0; i < len(name); {
		c := name[i]
		r, n := utf8.DecodeRuneInString(name[i:])
		plain := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("_-.,'()+@", c) >= 0 ||
			c == ' ' && i > 0 && i+1 < len(name)
		if c < utf8.RuneSelf && (!plain || strings.IndexByte(delim, c) >= 0) || r == utf8.RuneError && n == 1 {
			b.Write([]byte{'=', hexDigits[c>>4], hexDigits[c&15]})
			i++
			continue
		}
		b.WriteString(name[i : i+n])
		i += n
	}
	return b.String()
}

// unescape undoes what escape does, but for what was cut. A name that it does
// not make comes back as it is.
func unescape(s, delim string) string {
	switch s {
	case "%", "=00":
		return ""
	}
	if strings.Contains(s, "%") {
		if name := decodeSign(s, '%'); escapeWeak(name, delim) == s || escapeWeak(name, delim+"&") == s || pathname.Escape(name, strongExtra(delim)) == s {
			return name
		}
	}
	if strings.Contains(s, "=") {
		if name := decodeSign(s, '='); escapePicky(name, delim) == s {
			return name
		}
	}
	return s
}

func decodeSign(s string, sign byte) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == sign && isHex(s[i+1:]) {
			b.WriteByte(byte(strings.IndexByte(hexDigits, s[i+1])<<4 | strings.IndexByte(hexDigits, s[i+2])))
			i += 2
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
