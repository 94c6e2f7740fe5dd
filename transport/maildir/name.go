package maildir

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailconv/mailconv/transport"
)

// letters of the info part.
var letters = []struct {
	letter byte
	flag   transport.Flags
}{
	{'D', transport.Draft},
	{'F', transport.Flagged},
	{'P', transport.Forwarded},
	{'R', transport.Answered},
	{'S', transport.Seen},
	{'T', transport.Deleted},
}

// markers of the info part. The colon is no part of a name on Windows, so
// other programs take these.
// QUIRK: "!2," is mu's, corpus maildir/mu/testdir.
var markers = []string{":2,", "!2,", ";2,"}

// splitInfo parts a file name into the unique part and the letters.
func splitInfo(name string) (unique, info string) {
	at := -1
	for _, m := range markers {
		if i := strings.LastIndex(name, m); i > at {
			at = i
		}
	}
	if at < 0 {
		// Experimental info of another version: no flags for us.
		if i := strings.LastIndex(name, ":1,"); i >= 0 {
			return name[:i], ""
		}
		return name, ""
	}
	return name[:at], name[at+3:]
}

// parseInfo reads flags and keywords. names are those of dovecot-keywords.
func parseInfo(info string, names []string) (flags transport.Flags, keywords []string) {
	for i := range len(info) {
		c := info[i]
		for _, l := range letters {
			if l.letter == c {
				flags |= l.flag
			}
		}
		if k := int(c) - 'a'; k >= 0 && k < len(names) && names[k] != "" {
			switch name := unescapeKeyword(names[k]); {
			case strings.EqualFold(name, "$MDNSent"):
				flags |= transport.MDNSent
			case strings.EqualFold(name, "$Forwarded"):
				flags |= transport.Forwarded
			default:
				keywords = append(keywords, name)
			}
		}
	}
	return flags, keywords
}

// formatInfo writes the letters in their order. places holds the keywords'.
func formatInfo(flags transport.Flags, places []int) string {
	var b []byte
	for _, l := range letters {
		if flags.Has(l.flag) {
			b = append(b, l.letter)
		}
	}
	slices.Sort(places)
	for _, p := range slices.Compact(places) {
		b = append(b, byte('a'+p))
	}
	return string(b)
}

// A stamp is what a name of ours says.
type stamp struct {
	received int64
	order    int64
	token    string
}

const tokenSafe = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-"

// escapeToken makes a token fit for a name; "" when it is too long.
func escapeToken(token string) string {
	var b strings.Builder
	for i := range len(token) {
		if c := token[i]; strings.IndexByte(tokenSafe, c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "=%02X", c)
		}
	}
	if b.Len() > 120 {
		return ""
	}
	return b.String()
}

func unescapeToken(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '=' && i+2 < len(s) {
			if v, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(v))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// uniqueName makes the name of a new mail.
func uniqueName(received time.Time, order int64, pid int, count int64, token, host string) string {
	s := fmt.Sprintf("%d.M%dP%dQ%d", max(received.Unix(), 0), order, pid, count)
	if t := escapeToken(token); t != "" {
		s += "_" + t
	}
	return s + "." + host
}

// parseUnique reads a unique part. ok says that the name begins as the
// specification wants it; ours says that we made it.
func parseUnique(unique string) (st stamp, ok, ours bool) {
	first, rest, dot := strings.Cut(unique, ".")
	sec, err := strconv.ParseInt(first, 10, 64)
	if err != nil || !dot || sec < 0 {
		// Others put more behind the seconds.
		// QUIRK: 1252168370_3.14675.host, corpus maildir/mu/testdir.
		head, _, _ := strings.Cut(first, "_")
		if sec, err = strconv.ParseInt(head, 10, 64); err != nil || !dot {
			return stamp{}, false, false
		}
	}
	st.received = sec
	middle, _, more := strings.Cut(rest, ".")
	if !more || !strings.HasPrefix(middle, "M") {
		return st, true, false
	}
	var pid, count int64
	body, token, _ := strings.Cut(middle, "_")
	if n, err := fmt.Sscanf(body, "M%dP%dQ%d", &st.order, &pid, &count); err != nil || n != 3 || fmt.Sprintf("M%dP%dQ%d", st.order, pid, count) != body {
		return stamp{received: sec}, true, false
	}
	st.token = unescapeToken(token)
	return st, true, true
}

// keyOf is the unique part as a key. One that is no clean text is told in hex.
func keyOf(unique string) transport.Key {
	for i, r := range unique {
		if r < ' ' || r == 0x7F || r == '\uFFFD' && !strings.HasPrefix(unique[i:], "\uFFFD") {
			return transport.Key(fmt.Sprintf("%%!%x", unique))
		}
	}
	return transport.Key(unique)
}

// uniqueOf reads a key; "" is no key of a maildir.
func uniqueOf(k transport.Key) string {
	s := string(k)
	if hex, ok := strings.CutPrefix(s, "%!"); ok {
		var b []byte
		if _, err := fmt.Sscanf(hex, "%x", &b); err != nil {
			return ""
		}
		s = string(b)
	}
	if strings.ContainsAny(s, "/\\\x00") || s == "." || s == ".." {
		return ""
	}
	return s
}
