package mapi_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime"
	"github.com/mailconv/mailconv/msg"
)

// Read a .msg file into the model, and look at what is in it by name.
func Example() {
	f, err := msg.Open("../testdata/sample.msg", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	m := f.Message
	fmt.Println(m.Class(), len(m.Recipients), "recipients", len(m.Attachments), "attachments")

	tag, _ := mapi.LookupTag("PidTagSubject")
	fmt.Println(tag, tag.Type(), m.Props.Text(tag))
	name, _ := mapi.LookupName("PidNameKeywords")
	v, _ := m.Props.GetName(name)
	fmt.Println(name, v.Texts())
	// Output:
	// IPM.Note 3 recipients 2 attachments
	// 0037001F PtypString AW: Angebot für Łódź → 東京 🚆
	// PidNameKeywords [Reise Grüne Kategorie]
}

// Make a message from nothing, with an attachment, and write it as .msg.
func ExampleMessage() {
	m := new(mapi.Message)
	m.Props.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Note"))
	m.Props.Set(mapi.PidTagSubject, mapi.StringValue("Minutes"))
	m.Props.Set(mapi.PidTagClientSubmitTime, mapi.TimeValue(time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)))
	m.Props.SetName(mapi.Name{Set: mapi.PSETIDCommon, ID: 0x8580}, mapi.StringValue("red"))

	a := new(mapi.Attachment)
	a.Props.Set(mapi.PidTagAttachLongFilename, mapi.StringValue("minutes.txt"))
	a.Props.Set(mapi.PidTagAttachDataBinary, mapi.BlobValue(mapi.TypeBinary, mapi.Bytes("1. Opening")))
	m.Attachments = append(m.Attachments, a)

	msg.Complete(m) // what Outlook expects beside that
	var file bytes.Buffer
	if err := msg.Write(context.Background(), &file, m, nil); err != nil {
		log.Fatal(err)
	}
	fmt.Println(a.Method() == mapi.AttachByValue, a.Data().Size(), m.Props.Text(mapi.PidTagNormalizedSubject))
	// Output:
	// true 10 Minutes
}

// Convert both ways: .msg to a mail, and the mail to a .msg that has every
// property of the first.
func Example_bothWays() {
	ctx := context.Background()
	f, err := msg.Open("../testdata/sample.msg", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()

	var mail strings.Builder
	if _, err := mime.Export(ctx, &mail, f.Message, &mime.ExportOptions{KeepMAPI: true}); err != nil {
		log.Fatal(err)
	}
	r := strings.NewReader(mail.String())
	m, report, err := mime.Import(ctx, r, r.Size(), nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("all properties are back:", report.Restored)
	if err := msg.Write(ctx, io.Discard, m, nil); err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.Props.Text(mapi.PidTagSubject) == f.Message.Props.Text(mapi.PidTagSubject))
	// Output:
	// all properties are back: true
	// true
}
