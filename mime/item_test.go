package mime

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime/calendar"
	"github.com/mailconv/mailconv/mime/contact"
)

// fromCalendar is the one item of a calendar.
func fromCalendar(t *testing.T, lines string) *mapi.Message {
	t.Helper()
	b := []byte("BEGIN:VCALENDAR\n" + lines + "END:VCALENDAR\n")
	list, _, err := calendar.Import(context.Background(), bytes.NewReader(b), int64(len(b)), nil)
	if err != nil || len(list) != 1 {
		t.Fatal(len(list), err)
	}
	return list[0]
}

func fromCard(t *testing.T, lines string) *mapi.Message {
	t.Helper()
	b := []byte("BEGIN:VCARD\nVERSION:3.0\n" + lines + "END:VCARD\n")
	for it, err := range contact.Import(context.Background(), bytes.NewReader(b), int64(len(b))) {
		if err != nil {
			t.Fatal(err)
		}
		return it.Message
	}
	t.Fatal("no card")
	return nil
}

func exported(t *testing.T, m *mapi.Message) string {
	t.Helper()
	var b bytes.Buffer
	r, err := Export(context.Background(), &b, m, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range r.Problems {
		t.Errorf("%v", p)
	}
	return strings.ReplaceAll(b.String(), "\r\n", "\n")
}

const meeting = `BEGIN:VEVENT
UID:one@example.com
DTSTAMP:20240101T000000Z
SUMMARY:Review
DTSTART:20240203T090000Z
DTEND:20240203T100000Z
ORGANIZER;CN=Ann:mailto:ann@example.com
ATTENDEE;CN=Bob;PARTSTAT=ACCEPTED:mailto:bob@example.com
END:VEVENT
`

// Items of every class travel in a mail and come back as what they were.
func TestItemsInMail(t *testing.T) {
	for _, c := range []struct {
		m           *mapi.Message
		class, part string
		same        []mapi.Name
		tags        []mapi.Tag
	}{
		{fromCalendar(t, "METHOD:REQUEST\n"+meeting), "IPM.Schedule.Meeting.Request", "method=REQUEST", []mapi.Name{mapi.PidLidAppointmentStartWhole, mapi.PidLidGlobalObjectId}, nil},
		{fromCalendar(t, "METHOD:CANCEL\n"+meeting), "IPM.Schedule.Meeting.Canceled", "method=CANCEL", []mapi.Name{mapi.PidLidAppointmentStartWhole}, nil},
		{fromCalendar(t, "METHOD:REPLY\n"+meeting), "IPM.Schedule.Meeting.Resp.Pos", "method=REPLY", []mapi.Name{mapi.PidLidAppointmentStartWhole}, nil},
		{fromCalendar(t, "METHOD:REPLY\n"+strings.Replace(meeting, "ACCEPTED", "DECLINED", 1)), "IPM.Schedule.Meeting.Resp.Neg", "method=REPLY", nil, nil},
		{fromCalendar(t, "METHOD:COUNTER\n"+meeting), "IPM.Schedule.Meeting.Resp.Tent", "method=COUNTER", []mapi.Name{mapi.PidLidAppointmentProposedStartWhole}, nil},
		{fromCalendar(t, meeting), "IPM.Appointment", "method=PUBLISH", []mapi.Name{mapi.PidLidAppointmentStartWhole}, nil},
		{fromCalendar(t, "BEGIN:VTODO\nUID:t\nSUMMARY:Do\nDUE;VALUE=DATE:20240203\nPERCENT-COMPLETE:50\nEND:VTODO\n"), "IPM.Task", "text/calendar", []mapi.Name{mapi.PidLidTaskDueDate, mapi.PidLidPercentComplete}, nil},
		{fromCalendar(t, "BEGIN:VJOURNAL\nUID:j\nSUMMARY:Call\nDTSTART:20240203T090000Z\nEND:VJOURNAL\n"), "IPM.Activity", "text/calendar", []mapi.Name{mapi.PidLidLogStart}, nil},
		{fromCalendar(t, "BEGIN:VJOURNAL\nUID:n\nX-MAILCONV-CLASS:IPM.StickyNote\nSUMMARY:Milk\nDESCRIPTION:Milk\nX-MAILCONV-NOTE-COLOR:3\nX-MAILCONV-NOTE-WIDTH:200\nEND:VJOURNAL\n"), "IPM.StickyNote", "text/calendar", []mapi.Name{mapi.PidLidNoteColor, mapi.PidLidNoteWidth}, []mapi.Tag{mapi.PidTagBody, mapi.PidTagSubject}},
		{fromCalendar(t, "BEGIN:VTODO\nUID:t\nX-MAILCONV-CLASS:IPM.Task.Ours\nX-MAILCONV-X:1\nSUMMARY:Do\nEND:VTODO\n"), "IPM.Task.Ours", "text/calendar", nil, nil},
		{fromCard(t, "FN:Zoë Q\nN:Q;Zoë;;;\nTEL;TYPE=CELL:123\nNOTE:said\\nthis\n"), "IPM.Contact", "text/vcard", nil, []mapi.Tag{mapi.PidTagMobileTelephoneNumber, mapi.PidTagGivenName, mapi.PidTagBody}},
		{fromCard(t, "KIND:group\nFN:All\nN:All;;;;\nMEMBER:mailto:a@example.com\n"), "IPM.DistList", "text/vcard", []mapi.Name{mapi.PidLidDistributionListName}, nil},
	} {
		if got := c.m.Class(); got != c.class {
			t.Errorf("%s: made as %s", c.class, got)
			continue
		}
		mail := exported(t, c.m)
		mustHave(t, mail, c.part)
		again, _ := importMail(t, mail, nil)
		if got := again.Class(); got != c.class {
			t.Errorf("%s came back as %s of\n%s", c.class, got, mail)
		}
		if len(again.Attachments) != 0 {
			t.Errorf("%s: %d attachments of\n%s", c.class, len(again.Attachments), mail)
		}
		for _, n := range c.same {
			a, _ := c.m.Props.GetName(n)
			b, _ := again.Props.GetName(n)
			if len(a.Raw()) == 0 || !bytes.Equal(a.Raw(), b.Raw()) {
				t.Errorf("%s: %v is %x, was %x", c.class, n, b.Raw(), a.Raw())
			}
		}
		for _, tag := range c.tags {
			if a, b := c.m.Props.Text(tag), again.Props.Text(tag); a == "" || a != strings.TrimRight(b, "\r\n") {
				t.Errorf("%s: %v is %q, was %q", c.class, tag, b, a)
			}
		}
		if second := exported(t, again); second != mail && !strings.Contains(second, c.part) {
			t.Errorf("%s: the second mail is\n%s\nthe first was\n%s", c.class, second, mail)
		}
	}
}

const invitation = `From: Calendar <calendar@example.net>
To: Bob <bob@example.com>
Subject: Invitation: Review @ Sat
Date: Sat, 3 Feb 2024 04:05:06 +0000
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary=b

--b
Content-Type: text/plain

You are invited.
--b
Content-Type: text/html

<p>You are <b>invited</b>.
--b
Content-Type: text/calendar; charset=utf-8; method=REQUEST

BEGIN:VCALENDAR
VERSION:2.0
METHOD:REQUEST
BEGIN:VEVENT
UID:one@example.com
DTSTAMP:20240101T000000Z
SUMMARY:Review
DESCRIPTION:What we did\, and why
DTSTART:20240203T090000Z
DTEND:20240203T100000Z
ORGANIZER;CN=Ann:mailto:ann@example.com
ATTENDEE;CN=Robert;ROLE=OPT-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:BOB@example.com
ATTENDEE;CN=Cid;ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED:mailto:cid@example.com
ATTACH:https://example.com/agenda
X-UNKNOWN;P=1:kept
END:VEVENT
END:VCALENDAR
--b--
`

// A mail and its calendar may say different things: both come back as they
// were, in the places where they stood.
func TestInvitationComesBack(t *testing.T) {
	m, _ := importMail(t, invitation, nil)
	if got := m.Class(); got != "IPM.Schedule.Meeting.Request" {
		t.Fatal(got)
	}
	if got := m.Props.Text(mapi.PidTagSubject); got != "Invitation: Review @ Sat" {
		t.Errorf("subject %q", got)
	}
	if got := len(m.Recipients); got != 2 {
		t.Errorf("%d recipients", got)
	}
	mail := strings.ReplaceAll(exported(t, m), "\n ", "")
	mustHave(t, mail, "Subject: Invitation: Review @ Sat\n", "To: Bob <bob@example.com>\n", "From: Calendar <calendar@example.net>\n", "You are invited.", "<p>You are <b>invited</b>.",
		"SUMMARY:Review\n", `DESCRIPTION:What we did\, and why`, "ORGANIZER;CN=Ann:mailto:ann@example.com\n", "ROLE=OPT-PARTICIPANT", "mailto:cid@example.com\n", "https://example.com/agenda\n", "X-UNKNOWN;P=1:kept\n")
	if strings.Contains(mail, "Content-Class") || strings.Count(mail, "ATTENDEE") != 2 || strings.Count(mail, "\n--=_") != 4 {
		t.Errorf("not the mail that it was:\n%s", mail)
	}
	// The calendar by itself says what it said.
	var b bytes.Buffer
	if _, err := calendar.Export(context.Background(), &b, []*mapi.Message{m}, nil); err != nil {
		t.Fatal(err)
	}
	mustHave(t, strings.ReplaceAll(b.String(), "\r\n", "\n"), "SUMMARY:Review\n", `DESCRIPTION:What we did\, and why`, "ORGANIZER;CN=Ann:mailto:ann@example.com\n")
	// What is changed meanwhile goes before what was kept.
	m.Props.Set(mapi.PidTagSubject, mapi.StringValue("Another"))
	mustHave(t, exported(t, m), "Subject: Another\n", "SUMMARY:Another\n")
}

// T73, as far as mail is meant: a request that a delegate sent for a shared
// mailbox has both, in its header and in its calendar.
func TestT73SharedMailboxInMail(t *testing.T) {
	mail := "From: Room Desk <desk@example.com>\nSender: Ann <ann@example.com>\nTo: Bob <bob@example.com>\nSubject: Review\nDate: Sat, 3 Feb 2024 04:05:06 +0000\nMIME-Version: 1.0\n" +
		"Content-Type: text/calendar; method=REQUEST\n\nBEGIN:VCALENDAR\n" + strings.Replace(meeting, "ORGANIZER;CN=Ann:mailto:ann@example.com", `ORGANIZER;CN=Room Desk;SENT-BY="mailto:ann@example.com":mailto:desk@example.com`, 1) + "END:VCALENDAR\n"
	m, _ := importMail(t, mail, nil)
	if got := m.Props.Text(mapi.PidTagSentRepresentingSmtpAddress) + " " + m.Props.Text(mapi.PidTagSenderSmtpAddress); got != "desk@example.com ann@example.com" {
		t.Errorf("%s", got)
	}
	// And without the header that was stored.
	m.Props.Delete(mapi.PidTagTransportMessageHeaders)
	mustHave(t, strings.ReplaceAll(exported(t, m), "\n ", ""), "From: Room Desk <desk@example.com>\n", "Sender: Ann <ann@example.com>\n", `ORGANIZER;CN=Room Desk;SENT-BY="mailto:ann@example.com":mailto:desk@example.com`)
}

// The calendar of a mail that is nothing else is the body, and no text appears
// beside it.
func TestCalendarAlone(t *testing.T) {
	head := "From: ann@example.com\nTo: bob@example.com\nSubject: Review\nDate: Sat, 3 Feb 2024 04:05:06 +0000\nMIME-Version: 1.0\n"
	m, _ := importMail(t, head+"Content-Type: text/calendar; method=REQUEST\n\nBEGIN:VCALENDAR\n"+strings.Replace(meeting, "END:VEVENT", "DESCRIPTION:text\nEND:VEVENT", 1)+"END:VCALENDAR\n", nil)
	if got := m.Class() + " " + m.Props.Text(mapi.PidTagBody); got != "IPM.Schedule.Meeting.Request text" {
		t.Fatal(got)
	}
	if mail := exported(t, m); !strings.HasPrefix(mail, head+"Content-Type: text/calendar; method=REQUEST") {
		t.Errorf("%s", mail)
	}
}

// What is a file stays one.
func TestPartsThatStayFiles(t *testing.T) {
	two := "BEGIN:VCALENDAR\n" + meeting + strings.ReplaceAll(meeting, "one@", "two@") + "END:VCALENDAR\n"
	one := "BEGIN:VCALENDAR\n" + meeting + "END:VCALENDAR\n"
	for name, part := range map[string]string{
		"a vCard":             "Content-Type: text/vcard\nContent-Disposition: attachment; filename=a.vcf\n\nBEGIN:VCARD\nVERSION:3.0\nFN:A\nEND:VCARD\n",
		"an inline vCard":     "Content-Type: text/x-vcard\n\nBEGIN:VCARD\nVERSION:3.0\nFN:A\nEND:VCARD\n",
		"two meetings":        "Content-Type: text/calendar; method=REQUEST\n\n" + two,
		"an attached meeting": "Content-Type: text/calendar\nContent-Disposition: attachment; filename=a.ics\n\n" + one,
		"a task":              "Content-Type: text/calendar\n\nBEGIN:VCALENDAR\nBEGIN:VTODO\nUID:1\nEND:VTODO\nEND:VCALENDAR\n",
		"no calendar":         "Content-Type: text/calendar\n\nsorry\n",
	} {
		m, _ := importMail(t, "From: a@example.com\nSubject: s\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\ntext\n--b\n"+part+"--b--\n", nil)
		if m.Class() != "IPM.Note" || len(m.Attachments) != 1 {
			t.Errorf("%s: %s with %d attachments", name, m.Class(), len(m.Attachments))
		}
	}
	// One that is sent as a message is none, and keeps its name.
	m, _ := importMail(t, "From: a@example.com\nSubject: s\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\ntext\n--b\nContent-Type: text/calendar; method=REQUEST\nContent-Disposition: attachment; filename=invite.ics\n\n"+one+"--b--\n", nil)
	if m.Class() != "IPM.Schedule.Meeting.Request" {
		t.Error(m.Class())
	}
	mustHave(t, exported(t, m), "Content-Type: multipart/mixed", "filename=invite.ics")
}

// A meeting that is signed stays the bytes that it was.
func TestSignedMeetingIsUntouched(t *testing.T) {
	signed := "Content-Type: text/calendar; method=REQUEST\n\nBEGIN:VCALENDAR\n" + meeting + "END:VCALENDAR\n"
	m, _ := importMail(t, "From: a@example.com\nSubject: s\nMIME-Version: 1.0\nContent-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; micalg=sha-256; boundary=b\n\n--b\n"+signed+"--b\nContent-Type: application/pkcs7-signature; name=smime.p7s\n\nAAAA\n--b--\n", nil)
	if m.Class() != "IPM.Note.SMIME.MultipartSigned" {
		t.Fatal(m.Class())
	}
	mustHave(t, exported(t, m), signed)
}

// A mail that is something else keeps its calendar as a file.
func TestCalendarInReport(t *testing.T) {
	m, _ := importMail(t, "From: a@example.com\nSubject: s\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\nContent-Type: text/plain\n\nfailed\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; a\n\nFinal-Recipient: rfc822; b@example.com\nAction: failed\nStatus: 5.1.1\n--b\nContent-Type: text/calendar; method=REQUEST\n\nBEGIN:VCALENDAR\n"+meeting+"END:VCALENDAR\n--b--\n", nil)
	if m.Class() != "REPORT.IPM.Note.NDR" || len(m.Attachments) != 1 {
		t.Errorf("%s with %d attachments", m.Class(), len(m.Attachments))
	}
}
