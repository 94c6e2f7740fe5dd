package header

import (
	"strings"
)

// An Address is a mailbox, or a group of them. RFC 5322 3.4
type Address struct {
	// Name is the display name, decoded; "" when there is none.
	Name string
	// Addr is the addr-spec without angle brackets. A mailbox that has no
	// address is written as a group without members, which is the only form
	// that the syntax has for a name alone.
	Addr string
	// Group says that this is a group called Name, even with no Members.
	Group   bool
	Members []Address
}

// Addresses writes a list of mailboxes and groups. An Addr that is no
// addr-spec (see [AddrSpec]) is not lost: it goes into the display name of an
// empty group.
func (w *Writer) Addresses(name string, list ...Address) {
	w.begin(name)
	for i := range list {
		tail := ","
		if i == len(list)-1 {
			tail = ""
		}
		w.address(&list[i], tail)
	}
	w.finish()
}

func (w *Writer) address(a *Address, tail string) {
	if a.Group {
		name := clean(a.Name)
		if name == "" {
			name = "undisclosed-recipients"
		}
		if len(a.Members) == 0 {
			w.phrase(" ", name, ":;"+tail)
			return
		}
		w.phrase(" ", name, ":")
		for i := range a.Members {
			t := ","
			if i == len(a.Members)-1 {
				t = ";" + tail
			}
			// Groups do not nest. RFC 5322 3.4
			m := a.Members[i]
			m.Group = false
			w.address(&m, t)
		}
		return
	}
	spec, ok := AddrSpec(a.Addr)
	name := strings.TrimSpace(clean(a.Name))
	if !ok {
		bad := strings.TrimSpace(clean(a.Addr))
		switch {
		case name == "":
			name = bad
		case bad != "" && !strings.Contains(name, bad):
			name += " (" + bad + ")"
		}
		w.phrase(" ", name, ":;"+tail)
		return
	}
	if name == "" {
		w.tok = append(append(append(append(w.tok[:0], '<'), spec...), '>'), tail...)
		token(w, " ", w.tok)
		return
	}
	w.phrase(" ", name, "")
	w.tok = append(append(append(append(w.tok[:0], '<'), spec...), '>'), tail...)
	token(w, " ", w.tok)
}

// AddrSpec makes an addr-spec of what is stored as an SMTP address: blanks,
// angle brackets, a "mailto:" or "smtp:" in front and single quotes around it
// are removed; a local part that is no dot-atom is quoted. It is false for text
// that is no address, and for one outside of ASCII, which a 7-bit header
// cannot say. RFC 5322 3.4.1
func AddrSpec(s string) (string, bool) {
	if isPlainSpec(s) {
		return s, true
	}
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7F {
			return -1
		}
		return r
	}, s)
	s = strings.TrimSpace(s)
	if i, j := strings.IndexByte(s, '<'), strings.LastIndexByte(s, '>'); i >= 0 && j > i {
		s = s[i+1 : j]
	}
	s = strings.TrimSpace(strings.Trim(strings.TrimSpace(s), "'<>"))
	for _, p := range []string{"mailto:", "smtp:"} {
		if len(s) > len(p) && strings.EqualFold(s[:len(p)], p) {
			s = s[len(p):]
		}
	}
	at := strings.LastIndexByte(s, '@')
	if at <= 0 || at == len(s)-1 || len(s) > 900 {
		return "", false
	}
	local, domain := s[:at], strings.TrimSuffix(s[at+1:], ".")
	if !isDomain(domain) {
		return "", false
	}
	if isDotAtom(local) {
		return local + "@" + domain, true
	}
	if len(local) > 2 && local[0] == '"' && local[len(local)-1] == '"' {
		local = strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(local[1 : len(local)-1])
	}
	for i := 0; i < len(local); i++ {
		if local[i] < ' ' || local[i] >= 0x7F {
			return "", false
		}
	}
	return string(appendQuoted(nil, local)) + "@" + domain, true
}

// isPlainSpec is the common case, without an allocation.
func isPlainSpec(s string) bool {
	at := strings.IndexByte(s, '@')
	return at > 0 && s[0] != '\'' && len(s) <= 900 && isDotAtom(s[:at]) && isDomain(s[at+1:])
}

func isDotAtom(s string) bool {
	if s == "" || s[0] == '.' || s[len(s)-1] == '.' {
		return false
	}
	for i := 0; i < len(s); i++ {
		if s[i] == '.' {
			if s[i-1] == '.' {
				return false
			}
			continue
		}
		if !atext(s[i]) {
			return false
		}
	}
	return true
}

func isDomain(s string) bool {
	if len(s) > 2 && s[0] == '[' && s[len(s)-1] == ']' {
		for i := 1; i < len(s)-1; i++ {
			if c := s[i]; c <= ' ' || c >= 0x7F || c == '[' || c == ']' || c == '\\' {
				return false
			}
		}
		return true
	}
	return isDotAtom(s)
}
