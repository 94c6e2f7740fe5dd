package converters_test

import (
	"strings"
	"testing"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
)

// An invitation that is handed to a driver as a mail becomes a meeting, and the
// meeting a mail with the same invitation: what stores of objects need.
func TestMeetingThroughConverter(t *testing.T) {
	const invitation = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:1@mailconv.example\r\nDTSTAMP:20250301T000000Z\r\nSUMMARY:Review\r\nDTSTART:20250314T080000Z\r\nDTEND:20250314T090000Z\r\n" +
		"ORGANIZER:mailto:ann@mailconv.example\r\nATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:zoe@mailconv.example\r\nX-OURS:kept\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	mail := "From: ann@mailconv.example\r\nTo: zoe@mailconv.example\r\nSubject: Please come\r\nDate: Sat, 1 Mar 2025 00:00:00 +0000\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nPlease come.\r\n--b\r\nContent-Type: text/calendar; method=REQUEST\r\n\r\n" + invitation + "--b--\r\n"
	cv := &converters.Converter{}
	object, err := cv.ToObject(t.Context(), &transport.Content{Form: transport.FormMIME, MIME: mapi.Bytes(mail)})
	if err != nil {
		t.Fatal(err)
	}
	defer object.Close()
	if got := object.Object.Class() + " " + object.Object.Props.NameTime(mapi.PidLidAppointmentStartWhole).UTC().Format("150405"); got != "IPM.Schedule.Meeting.Request 080000" {
		t.Errorf("%s", got)
	}
	back, err := cv.ToMIME(t.Context(), &transport.Content{Form: transport.FormObject, Object: object.Object})
	if err != nil {
		t.Fatal(err)
	}
	defer back.Close()
	b, err := mapi.ReadBlob(t.Context(), back.MIME, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(b), "\r\n ", "")
	for _, want := range []string{"Subject: Please come\r\n", "To: zoe@mailconv.example\r\n", "Please come.", "text/calendar; method=REQUEST", "SUMMARY:Review\r\n", "ORGANIZER:mailto:ann@mailconv.example\r\n", "mailto:zoe@mailconv.example\r\n", "X-OURS:kept\r\n", "UID:1@mailconv.example\r\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %q in\n%s", want, text)
		}
	}
}
