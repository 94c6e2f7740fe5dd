package mime

import (
	"bytes"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime/header"
)

// storedFields is the header that the message arrived with,
// PidTagTransportMessageHeaders. It ends at its first empty line: some programs
// store the headers of the body parts behind it.
func (x *exporter) storedFields() header.Fields {
	v, ok := x.m.Props.Get(mapi.PidTagTransportMessageHeaders)
	if !ok || v.Size() == 0 {
		return nil
	}
	block := bytes.TrimLeft([]byte(v.Text()), "\r\n\x00")
	cr := bytes.IndexByte(block, '\n') < 0
	for pos := 0; pos < len(block); {
		line := header.Line(block[pos:], cr)
		if header.IsBlank(line) {
			block = block[:pos]
			break
		}
		pos += len(line)
	}
	return header.Parse(block)
}

// mergeStored writes the stored header in its order, with the fields that the
// properties tell otherwise in their place, and behind it the fields that it
// does not have.
func (x *exporter) mergeStored(v *values, stored header.Fields) {
	var done [fieldCount]bool
	for _, s := range stored {
		if !header.ValidName(s.Name) {
			// Without a name it is the separator of an mbox, or the line
			// "Microsoft Mail Internet Headers Version 2.0" that old versions
			// of Outlook put in front.
			if s.Name != "" {
				x.loss("PidTagTransportMessageHeaders", mapi.LossNoHeader, "a line that is no header field: "+s.Name)
			}
			continue
		}
		f := fieldOf(s.Name)
		switch {
		case f == fieldStructure:
			continue
		case f == fieldOther:
			x.hdr.Stored(s.Name, string(s.Body()))
			continue
		case done[f] && v.has[f] && f != fieldXPriority:
			// Repeated; the first one told all of them.
			continue
		}
		if f <= fieldBcc {
			if !done[f] {
				done[f] = true
				if v.has[f] && !x.sameAddresses(f, v.addresses[f], stored.All(fieldNames[f])) {
					x.writeField(v, f)
					v.has[f] = true
					continue
				}
				v.has[f] = false
			}
			x.storedAddresses(&s)
			continue
		}
		same := !v.has[f] || x.same(v, f, &s)
		if x.contradicts(f, &s) {
			same = false
		}
		if same {
			x.hdr.Stored(s.Name, string(s.Body()))
			if !done[f] {
				v.has[f] = false
			}
		} else if !done[f] && v.has[f] {
			x.writeField(v, f)
		}
		done[f] = true
	}
	for f := field(0); f < fieldCount; f++ {
		if !done[f] {
			x.writeField(v, f)
		}
	}
}

// storedAddresses writes an address field as stored; one that is not in order
// is written anew from what could be read of it.
func (x *exporter) storedAddresses(s *header.Field) {
	body := string(s.Body())
	if !wellFormedAddresses(body) {
		if list := header.ParseAddresses(s.Value(), x.charset); len(list) > 0 {
			x.hdr.Addresses(s.Name, list...)
			return
		}
	}
	x.hdr.Stored(s.Name, body)
}

// wellFormedAddresses finds the faults that address fields in the field have:
// characters outside of ASCII, encoded words in quotes or glued to other text,
// and special characters in a name without quotes. RFC 5322 3.4, RFC 2047 5
func wellFormedAddresses(s string) bool {
	quoted, angle, comment := false, false, 0
	special := false // in the name so far
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x7F || c < ' ' && c != '\t' && c != '\r' && c != '\n' {
			return false
		}
		switch {
		case c == '\\' && (quoted || comment > 0):
			i++
		case quoted:
			if c == '=' && i+1 < len(s) && s[i+1] == '?' {
				return false
			}
			quoted = c != '"'
		case c == '(' && !angle:
			comment++
		case comment > 0:
			if c == ')' {
				comment--
			}
		case c == '"':
			quoted = true
		case c == '<':
			if special || angle {
				return false
			}
			angle = true
		case c == '>':
			if !angle {
				return false
			}
			angle = false
		case c == ',' || c == ';' || c == ':' && !angle:
			if angle {
				return false
			}
			special = false
		case angle:
			if c == ' ' || c == '\t' || c == '\r' || c == '\n' {
				return false
			}
		case c == '=' && i+1 < len(s) && s[i+1] == '?':
			// An encoded word with white space on both sides, or it is not one.
			end := strings.IndexAny(s[i:], " \t\r\n<,")
			if end < 0 || s[i+end] == '<' || s[i+end-1] != '=' || i > 0 && s[i-1] > ' ' {
				return false
			}
			for _, c := range []byte(s[i : i+end]) {
				if c >= 0x7F {
					return false
				}
			}
			i += end - 1
		case c == '.' || c == '@' || c == '[' || c == ']' || c == ')':
			special = true
		}
	}
	return !quoted && !angle && comment == 0
}

// sameAddresses reports whether the fields name the people of the list: the
// same addresses in any order. One that had to be encapsulated says nothing
// against an address in the header that no one else has. Of several authors a
// message has the first.
func (x *exporter) sameAddresses(f field, list []header.Address, fields []header.Field) bool {
	var theirs []header.Address
	for i := range fields {
		theirs = append(theirs, flatten(header.ParseAddresses(fields[i].Value(), x.charset))...)
	}
	if f == fieldFrom && len(theirs) > 1 {
		theirs = theirs[:1]
	}
	if len(theirs) != len(list) {
		return false
	}
	left := make(map[string]int, len(theirs))
	for _, a := range theirs {
		if s, ok := header.AddrSpec(a.Addr); ok {
			left[strings.ToLower(s)]++
		}
	}
	for _, a := range list {
		s, ok := header.AddrSpec(a.Addr)
		key := strings.ToLower(s)
		switch {
		case !ok || strings.HasPrefix(key, "imcea"):
		case left[key] > 0:
			left[key]--
		default:
			return false
		}
	}
	return true
}

// same reports whether a stored field says what the property says.
func (x *exporter) same(v *values, f field, s *header.Field) bool {
	switch f {
	case fieldSubject, fieldThreadTopic:
		return sameText(s.Text(x.charset), v.texts[f])
	case fieldDate, fieldReplyBy, fieldExpires, fieldDeferred:
		t, ok := header.ParseDate(s.Value())
		return ok && t.Truncate(time.Second).Equal(v.dates[f].Truncate(time.Second))
	case fieldMessageID, fieldInReplyTo, fieldReferences:
		return equalLists(messageIDs(s.Value()), v.ids[f])
	case fieldThreadIndex:
		return strings.Join(strings.Fields(s.Value()), "") == v.texts[f]
	case fieldKeywords:
		return equalLists(header.ParsePhrases(s.Value(), x.charset), v.keywords)
	case fieldImportance, fieldPriority, fieldSensitivity, fieldAutoResponse, fieldUnsent:
		return sameText(strings.ToLower(s.Value()), strings.ToLower(v.texts[f]))
	case fieldXPriority:
		return sameText(xPriority(s.Value()), v.texts[f])
	}
	// What the header says of receipts and lists is what arrived.
	return true
}

// contradicts reports whether a stored field says something that a property
// which has no field of its own denies: a high priority on a message of normal
// importance.
func (x *exporter) contradicts(f field, s *header.Field) bool {
	var tag mapi.Tag
	normal := int64(1)
	value := strings.ToLower(s.Value())
	switch f {
	case fieldImportance, fieldXPriority:
		tag = mapi.PidTagImportance
		if f == fieldXPriority {
			value = xPriority(value)
			if value == "" {
				return false
			}
		}
		if value == "normal" || value == "medium" || value == "3" {
			return false
		}
	case fieldSensitivity:
		tag, normal = mapi.PidTagSensitivity, 0
		if value == "normal" {
			return false
		}
	default:
		return false
	}
	n, ok := x.m.Props.Int(tag)
	return ok && n == normal
}

// xPriority is the digit 1, 3 or 5 of an X-Priority or X-MSMail-Priority field,
// "" when it says nothing. [MS-OXCMAIL] 2.2.3.2.5
func xPriority(s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	switch {
	case strings.HasPrefix(s, "1"), strings.HasPrefix(s, "2"), s == "high", s == "highest":
		return "1"
	case strings.HasPrefix(s, "4"), strings.HasPrefix(s, "5"), s == "low", s == "lowest":
		return "5"
	case strings.HasPrefix(s, "3"), s == "normal":
		return "3"
	}
	return ""
}

// sameText compares texts as a header can carry them: white space counts as
// one blank, and control characters do not count.
func sameText(a, b string) bool {
	if a == b {
		return true
	}
	blank := func(r rune) bool { return r <= ' ' || r == 0xA0 }
	return strings.Join(strings.FieldsFunc(a, blank), " ") == strings.Join(strings.FieldsFunc(b, blank), " ")
}

func equalLists(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !strings.EqualFold(a[i], b[i]) {
			return false
		}
	}
	return true
}
