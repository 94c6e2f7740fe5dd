package calendar_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime/calendar"
)

// Appointments come one by one and go into one calendar.
func ExampleNewWriter() {
	var file strings.Builder
	w := calendar.NewWriter(context.Background(), &file, nil)
	for i, subject := range []string{"Breakfast", "Lunch"} {
		m := &mapi.Message{}
		m.Props.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Appointment"))
		m.Props.Set(mapi.PidTagSubject, mapi.StringValue(subject))
		start := time.Date(2025, 3, 14, 8+4*i, 0, 0, 0, time.UTC)
		m.Props.SetName(mapi.PidLidAppointmentStartWhole, mapi.TimeValue(start))
		m.Props.SetName(mapi.PidLidGlobalObjectId, mapi.BinaryValue([]byte{byte(i)}))
		if _, err := w.Add(m); err != nil {
			fmt.Println(err)
		}
	}
	if err := w.Close(); err != nil {
		fmt.Println(err)
	}
	fmt.Print(strings.ReplaceAll(file.String(), "\r\n", "\n"))
	// Output:
	// BEGIN:VCALENDAR
	// VERSION:2.0
	// PRODID:-//mailconv//mailconv//EN
	// METHOD:PUBLISH
	// BEGIN:VEVENT
	// UID:00
	// DTSTAMP:20250314T080000Z
	// SUMMARY:Breakfast
	// DTSTART:20250314T080000Z
	// END:VEVENT
	// BEGIN:VEVENT
	// UID:01
	// DTSTAMP:20250314T120000Z
	// SUMMARY:Lunch
	// DTSTART:20250314T120000Z
	// END:VEVENT
	// END:VCALENDAR
}

// The text/calendar part of a mail makes it a meeting request.
func ExampleImportPart() {
	part := "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nSUMMARY:Review\r\nDTSTART:20250314T080000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	item, _, err := calendar.ImportPart(context.Background(), strings.NewReader(part), int64(len(part)), &calendar.ImportOptions{Method: "REQUEST"})
	if err != nil || item == nil {
		fmt.Println("no single item", err)
		return
	}
	mail := &mapi.Message{}
	mail.Props.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Note"))
	mail.Props.Set(mapi.PidTagSubject, mapi.StringValue("Invitation: Review"))
	item.Join(mail)
	fmt.Println(mail.Class(), "|", mail.Props.Text(mapi.PidTagSubject), "|", mail.Props.NameTime(mapi.PidLidAppointmentStartWhole).UTC().Format(time.DateTime))
	// Output:
	// IPM.Schedule.Meeting.Request | Invitation: Review | 2025-03-14 08:00:00
}
