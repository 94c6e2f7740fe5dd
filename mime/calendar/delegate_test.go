package calendar_test

import (
	"strings"
	"testing"

	"github.com/mailconv/mailconv/mapi"
)

// T73, as far as calendars are meant: who writes for a shared mailbox or as a
// delegate is the sender, the mailbox is the one that is represented; in
// requests, cancellations and answers, and back.
func TestT73SharedMailbox(t *testing.T) {
	for method, lines := range map[string][]string{
		"REQUEST": {"ORGANIZER;CN=Room Desk;SENT-BY=\"mailto:ann@example.com\":mailto:desk@example.com", "ATTENDEE;CN=Bob:mailto:bob@example.com"},
		"CANCEL":  {"ORGANIZER;CN=Room Desk;SENT-BY=\"mailto:ann@example.com\":mailto:desk@example.com", "ATTENDEE;CN=Bob:mailto:bob@example.com"},
		"REPLY":   {"ORGANIZER;CN=Bob:mailto:bob@example.com", "ATTENDEE;CN=Room Desk;PARTSTAT=ACCEPTED;SENT-BY=\"mailto:ann@example.com\":mailto:desk@example.com"},
	} {
		list, _ := read(t, event(method, append([]string{"UID:a", "DTSTART:20240101T100000Z", "SUMMARY:s"}, lines...)...), nil)
		if len(list) != 1 {
			t.Fatal(method, len(list))
		}
		ps := list[0].Props
		if got := ps.Text(mapi.PidTagSentRepresentingEmailAddress) + " " + ps.Text(mapi.PidTagSentRepresentingName) + " " + ps.Text(mapi.PidTagSenderEmailAddress); got != "desk@example.com Room Desk ann@example.com" {
			t.Errorf("%s: %s", method, got)
		}
		out := write(t, list, nil)
		if !strings.Contains(out, `SENT-BY="mailto:ann@example.com":mailto:desk@example.com`) {
			t.Errorf("%s: who sent it is gone:\n%s", method, out)
		}
		again, _ := read(t, out, nil)
		if got := again[0].Props.Text(mapi.PidTagSenderEmailAddress); got != "ann@example.com" {
			t.Errorf("%s: the second time it is sent by %s", method, got)
		}
	}
}
