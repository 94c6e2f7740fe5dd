package msg_test

//go:generate go run ../testdata/gen ../testdata

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/msg"
)

// Read a .msg file: fields, recipients, attachments, and what was wrong with it.
func Example() {
	f, err := msg.Open("../testdata/sample.msg", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	m := f.Message
	fmt.Println("Subject:", m.Props.Text(mapi.PidTagSubject))
	fmt.Println("Sent:", m.Props.Time(mapi.PidTagClientSubmitTime).Format(time.RFC3339))
	for _, r := range m.Recipients {
		fmt.Printf("To (%d): %s <%s>\n", r.Type(), r.Props.Text(mapi.PidTagDisplayName), r.Props.Text(mapi.PidTagSmtpAddress))
	}
	for _, a := range m.Attachments {
		fmt.Printf("Attachment: %s, %d bytes\n", a.Props.Text(mapi.PidTagAttachLongFilename), a.Data().Size())
	}
	fmt.Println("Problems:", len(f.Problems))
	// Output:
	// Subject: AW: Angebot für Łódź → 東京 🚆
	// Sent: 2025-03-14T09:26:53Z
	// To (1): Zoë Nowak <zoe@mailconv.example>
	// To (1): 佐藤 花子 <hanako@mailconv.example>
	// To (2): Reisestelle <travel@mailconv.example>
	// Attachment: train.png, 214 bytes
	// Attachment: Angebot Łódź–東京.txt, 55 bytes
	// Problems: 0
}

// Make a .msg from nothing, with an attachment and a category.
func ExampleWrite() {
	m := new(mapi.Message)
	m.Props.Set(mapi.PidTagSubject, mapi.StringValue("Grüße aus Köln"))
	m.Props.Set(mapi.PidTagBody, mapi.StringValue("Das Foto hängt an.\r\n"))
	m.Props.Set(mapi.PidTagClientSubmitTime, mapi.TimeValue(time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)))
	m.Props.SetName(mapi.Name{Set: mapi.PSPublicStrings, Name: "Keywords"}, mapi.MultiStringValue([]string{"Reise"}))

	to := new(mapi.Recipient)
	to.Props.Set(mapi.PidTagDisplayName, mapi.StringValue("Zoë"))
	to.Props.Set(mapi.PidTagSmtpAddress, mapi.StringValue("zoe@example.com"))
	m.Recipients = append(m.Recipients, to)

	photo := new(mapi.Attachment)
	photo.Props.Set(mapi.PidTagAttachLongFilename, mapi.StringValue("Dom.jpg"))
	photo.Props.Set(mapi.PidTagAttachDataBinary, mapi.BinaryValue([]byte("the bytes of a picture")))
	m.Attachments = append(m.Attachments, photo)

	msg.Complete(m) // what Outlook expects beside that
	var file bytes.Buffer
	if err := msg.Write(context.Background(), &file, m, nil); err != nil {
		log.Fatal(err)
	}

	f, err := msg.NewReader(bytes.NewReader(file.Bytes()), int64(file.Len()), nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(f.Message.Class(), "to", f.Message.Props.Text(mapi.PidTagDisplayTo))
	fmt.Println(f.Message.Attachments[0].Props.Text(mapi.PidTagAttachLongFilename))
	// Output:
	// IPM.Note to Zoë
	// Dom.jpg
}

// Look at every property, also those without a name in any specification.
func ExampleFile() {
	f, err := msg.Open("../testdata/sample.msg", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Message.Props {
		if p.Name != nil {
			fmt.Println(p, p.Tag.Type(), p.Value.Texts())
		}
	}
	// Output:
	// PidNameKeywords PtypMultipleString [Reise Grüne Kategorie]
}
