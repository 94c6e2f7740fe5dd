package converters_test

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// Every mail of the corpus becomes a .msg in which Apache POI finds what Python
// finds in the mail: subject, sender, recipients, attachments by their hash.
func TestImportedMessagesReadByPOI(t *testing.T) {
	needs(t, "python3", "java")
	if _, err := os.Stat("/usr/share/java/poi-scratchpad.jar"); err != nil {
		t.Skip("LEFT OUT: Apache POI is not installed (make test-deps)")
	}
	names := mails(t)
	msgs := toMSG(t, names, nil)
	want := judge[pythonMail](t, names, "python3", "testdata/judges/reademl.py")
	got := judge[poiMessage](t, msgs, "java", "-cp", poi, "testdata/judges/ReadMsg.java")
	c := tally{kinds: map[string]int{}}
	for i, name := range names {
		w, g := want[name], got[msgs[i]]
		if w.Error != nil || len(w.Defects) > 0 {
			// Python stumbles over the mail: it is no judge of it.
			c.kinds["not judged: Python reports a defect"]++
			if g.Error != nil {
				c.add("unexplained: POI cannot read it", name, *g.Error)
			}
			continue
		}
		c.files++
		comparePOI(&c, name, w, g)
	}
	c.log(t)
}

// comparePOI compares one mail, as Python sees it, with its .msg. A difference
// that the specifications want is counted under its reason; any other one is
// unexplained.
func comparePOI(c *tally, name string, w pythonMail, g poiMessage) {
	if g.Error != nil {
		c.add("unexplained: POI cannot read it", name, *g.Error)
		return
	}
	c.subject(name, w, text(g.Subject))
	if from := w.From; len(from) > 0 && !strings.EqualFold(text(g.From), from[0]) && (len(w.Sender) == 0 || !strings.EqualFold(text(g.From), w.Sender[0])) {
		c.add("unexplained: sender", name, from[0])
	}
	c.recipients(name, w, g.Recipients)
	var hashes []string
	for _, a := range g.Attachments {
		hashes = append(hashes, a.SHA256)
	}
	c.attachments(name, w, hashes)
}

func (c *tally) subject(name string, w pythonMail, got string) {
	want := squeeze(text(w.Subject))
	if got = squeeze(got); want == got {
		return
	}
	if ascii(want) == ascii(got) {
		c.add("subject: raw 8-bit, which Python drops and we read as Windows-1252", name, got)
		return
	}
	c.add("unexplained: subject", name, want+" / "+got)
}

func (c *tally) recipients(name string, w pythonMail, got []string) {
	all := slices.Concat(w.To, w.Cc, w.Bcc)
	missing := subtract(all, got)
	switch {
	case len(missing) == 0:
	case w.Type == "multipart/report":
		// [MS-OXCMAIL] 2.2.3.7: the recipients of a report are those that it
		// is about; To is kept in the transport headers.
		c.add("recipient: those of a report are those that it is about", name, strings.Join(missing, ", "))
	default:
		c.add("unexplained: recipient", name, strings.Join(missing, ", "))
	}
}

func (c *tally) attachments(name string, w pythonMail, hashes []string) {
	for _, a := range w.Attachments {
		if a.Type == "message/rfc822" || strings.HasPrefix(a.Type, "text/") && a.Disposition != "attachment" || a.Size == 0 {
			continue
		}
		if len(subtract([]string{a.SHA256}, hashes)) == 0 {
			continue
		}
		kind := "unexplained: attachment"
		switch {
		case w.Type == "multipart/signed" || strings.HasSuffix(a.Type, "-signature"):
			kind = "attachment: a signed mail is kept whole as smime.p7m ([MS-OXOSMIME] 2.2.2)"
		case w.Type == "multipart/encrypted":
			kind = "attachment: an encrypted mail is kept whole"
		case a.Type == "application/mac-binhex40":
			kind = "attachment: BinHex stays as it is"
		case a.Type == "application/ms-tnef":
			kind = "attachment: winmail.dat is unwrapped"
		case strings.HasPrefix(a.Type, "text/"):
			kind = "attachment: text has CRLF where the file had LF"
		}
		c.add(kind, name, a.Type+" "+a.Name)
	}
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// ascii leaves only letters and digits that no character set disputes.
func ascii(s string) string {
	return strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7F {
			return r
		}
		return -1
	}, s)
}

// subtract is what list has beyond the other, without regard to case.
func subtract(list, other []string) []string {
	have := map[string]int{}
	for _, s := range other {
		have[strings.ToLower(s)]++
	}
	var rest []string
	for _, s := range list {
		if s = strings.ToLower(s); have[s] > 0 {
			have[s]--
			continue
		}
		rest = append(rest, s)
	}
	return rest
}
