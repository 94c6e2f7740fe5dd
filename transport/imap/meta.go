package imap

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	goimap "github.com/emersion/go-imap/v2"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/imap/wire"
)

// key writes UIDVALIDITY:UID.
func key(validity, uid uint32) transport.Key {
	b := strconv.AppendUint(nil, uint64(validity), 10)
	b = append(b, ':')
	return transport.Key(strconv.AppendUint(b, uint64(uid), 10))
}

func parseKey(k transport.Key) (validity, uid uint32, ok bool) {
	a, b, found := strings.Cut(string(k), ":")
	v, err1 := strconv.ParseUint(a, 10, 32)
	u, err2 := strconv.ParseUint(b, 10, 32)
	return uint32(v), uint32(u), found && err1 == nil && err2 == nil && u > 0
}

// flags of IMAP and ours. $Forwarded and $MDNSent are keywords there.
var flagTable = []struct {
	flag transport.Flags
	name goimap.Flag
}{
	{transport.Seen, goimap.FlagSeen},
	{transport.Answered, goimap.FlagAnswered},
	{transport.Flagged, goimap.FlagFlagged},
	{transport.Deleted, goimap.FlagDeleted},
	{transport.Draft, goimap.FlagDraft},
	{transport.Forwarded, goimap.FlagForwarded},
	{transport.MDNSent, goimap.FlagMDNSent},
}

// readFlags splits the flags of a FETCH.
func readFlags(list []wire.Value) (flags transport.Flags, keywords []string) {
next:
	for _, v := range list {
		if v.Text == "" {
			continue
		}
		for _, f := range flagTable {
			if strings.EqualFold(v.Text, string(f.name)) {
				flags |= f.flag
				continue next
			}
		}
		if v.Text[0] == '\\' {
			continue // \Recent, and system flags that nobody can set
		}
		keywords = append(keywords, unescapeKeyword(v.Text))
	}
	return flags, keywords
}

// specials may not be in a keyword; "=" is the sign of an escape. RFC 9051 9,
// flag-keyword
const specials = "(){%*\"\\]="

// escapeKeyword makes an atom of any keyword, as transport/maildir does.
func escapeKeyword(s string) string {
	plain := s != ""
	for i := 0; i < len(s) && plain; i++ {
		plain = s[i] > ' ' && s[i] < 0x7F && strings.IndexByte(specials, s[i]) < 0
	}
	if plain {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7F || strings.IndexByte(specials, c) >= 0 {
			fmt.Fprintf(&b, "=%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func unescapeKeyword(s string) string {
	if !strings.Contains(s, "=") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '=' && isHex(s[i+1:]) {
			b.WriteByte(byte(strings.IndexByte(hexDigits, s[i+1])<<4 | strings.IndexByte(hexDigits, s[i+2])))
			i += 2
			continue
		}
		b.WriteByte(s[i])
	}
	if name := b.String(); escapeKeyword(name) == s {
		return name
	}
	return s
}

// dateLayouts are those of INTERNALDATE. The first is the standard's.
var dateLayouts = []string{
	"_2-Jan-2006 15:04:05 -0700",
	"2-Jan-2006 15:04:05 -0700",
	// QUIRK: a zone by name, and none at all, come from old servers.
	"2-Jan-2006 15:04:05 MST",
	"2-Jan-2006 15:04:05",
	"2-Jan-2006",
}

// readDate is the zero time for what is no date.
func readDate(s string) time.Time {
	for _, l := range dateLayouts {
		if t, err := time.Parse(l, strings.TrimSpace(s)); err == nil {
			if _, off := t.Zone(); off != 0 && l == dateLayouts[2] {
				return t.UTC()
			}
			return t
		}
	}
	return time.Time{}
}

// writeDate is the standard's date-time. Years beyond four digits have none.
func writeDate(t time.Time) string {
	if t.IsZero() || t.Year() < 1 || t.Year() > 9999 {
		return ""
	}
	// Zones of seconds (before 1900) have no form.
	if _, off := t.Zone(); off%60 != 0 {
		t = t.UTC()
	}
	return `"` + t.Format(dateLayouts[0]) + `"`
}

// listed is one FETCH response of a listing.
type listed struct {
	uid    uint32
	seq    uint32
	modseq uint64
	meta   transport.Meta
	full   bool // more than a change of flags
	flags  bool
}

// metaItems are the data items of a listing.
func (s *Store) metaItems(c *session, header bool) string {
	items := "UID FLAGS INTERNALDATE RFC822.SIZE"
	switch {
	case c.can("OBJECTID"):
		items += " EMAILID"
	case c.can("X-GM-EXT-1"):
		items += " X-GM-MSGID"
	}
	if c.gmail() {
		items += " X-GM-LABELS"
	}
	if header {
		items += " BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]"
	}
	return items
}

// readMeta reads the data items of a FETCH response.
func (c *session) readMeta(ctx context.Context, r *wire.Response) (l listed, err error) {
	l.seq = r.Num
	l.meta.Size = -1
	var labels []string
	for {
		a, ok, err := c.Attr(ctx)
		if err != nil {
			return l, err
		}
		if !ok {
			break
		}
		switch a.Name {
		case "UID":
			n, _ := a.Value.Number()
			l.uid = uint32(min(n, 1<<32-1))
		case "FLAGS":
			l.flags = true
			l.meta.Flags, l.meta.Keywords = readFlags(a.Value.List)
		case "INTERNALDATE":
			l.full = true
			l.meta.Received = readDate(a.Value.Text)
		case "RFC822.SIZE":
			l.full = true
			if n, ok := a.Value.Number(); ok && n <= 1<<62 {
				l.meta.Size = int64(n)
			}
		case "EMAILID":
			if len(a.Value.List) > 0 {
				l.meta.ObjectID = a.Value.List[0].Text
			}
		case "X-GM-MSGID":
			l.meta.ObjectID = a.Value.Text
		case "X-GM-LABELS":
			for _, v := range a.Value.List {
				labels = append(labels, v.Text)
			}
		case "MODSEQ":
			if len(a.Value.List) > 0 {
				l.modseq, _ = a.Value.List[0].Number()
			}
		case "BODY[HEADER.FIELDS (MESSAGE-ID)]":
			l.meta.MessageID = messageID(a.Value.Text)
		}
	}
	if l.full && c.gmail() {
		c.label(&l.meta, labels)
	}
	return l, nil
}

// messageID is the value of the field, unfolded.
func messageID(header string) string {
	_, value, ok := strings.Cut(header, ":")
	if !ok {
		return ""
	}
	return strings.Join(strings.Fields(value), " ")
}
