package emlx

import (
	"encoding/xml"
	"fmt"
	"strings"

	"github.com/mailconv/mailconv/transport"
)

// Plist is the property list that follows the mail in a file: flags, the date
// of arrival, the subject.
func Plist(m transport.Meta) string {
	flags := 0
	for _, f := range []struct {
		flag transport.Flags
		bit  int
	}{
		{transport.Seen, bitRead},
		{transport.Deleted, bitDeleted},
		{transport.Answered, bitAnswered},
		{transport.Flagged, bitFlagged},
		{transport.Draft, bitDraft},
		{transport.Forwarded, bitForwarded},
	} {
		if m.Flags.Has(f.flag) {
			flags |= f.bit
		}
	}
	var b strings.Builder
	b.WriteString("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" +
		"<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n" +
		"<plist version=\"1.0\">\n<dict>\n")
	if !m.Received.IsZero() {
		fmt.Fprintf(&b, "\t<key>date-received</key>\n\t<integer>%d</integer>\n", m.Received.Unix())
	}
	fmt.Fprintf(&b, "\t<key>flags</key>\n\t<integer>%d</integer>\n", flags)
	if m.Subject != "" {
		b.WriteString("\t<key>subject</key>\n\t<string>")
		_ = xml.EscapeText(&b, []byte(m.Subject)) // a strings.Builder does not fail
		b.WriteString("</string>\n")
	}
	b.WriteString("</dict>\n</plist>\n")
	return b.String()
}
