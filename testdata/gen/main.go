// Command gen writes the samples of testdata. They are made, not collected:
// every name and address in them is invented.
//
//	go run ./testdata/gen
package main

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/png"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/msg"
)

func main() {
	dir := "testdata"
	if len(os.Args) > 1 {
		dir = os.Args[1]
	}
	if err := msg.WriteFile(context.Background(), filepath.Join(dir, "sample.msg"), sample(), nil); err != nil {
		log.Fatal(err)
	}
}

const html = `<html><head><meta charset="utf-8"></head><body>
<p>Liebe Zoë,</p>
<p>das Angebot für <b>Łódź → 東京</b> liegt bei. Der Zug ist gebucht:</p>
<p><img src="cid:train@mailconv.example" alt="a small train" width="96" height="48"></p>
<p>Viele Grüße<br>Jürgen Müller &amp; Team</p>
</body></html>
`

const text = "Liebe Zoë,\r\n\r\ndas Angebot für Łódź → 東京 liegt bei. Der Zug ist gebucht.\r\n\r\nViele Grüße\r\nJürgen Müller & Team\r\n"

// sample is a mail that shows at a glance what a conversion must keep: a
// Unicode subject, text and HTML, an inline image, an attachment whose name is
// not ASCII, three recipients, and categories.
func sample() *mapi.Message {
	date := time.Date(2025, 3, 14, 9, 26, 53, 0, time.UTC)
	m := new(mapi.Message)
	p := &m.Props
	p.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Note"))
	p.Set(mapi.PidTagSubject, mapi.StringValue("AW: Angebot für Łódź → 東京 🚆"))
	p.Set(mapi.PidTagBody, mapi.StringValue(text))
	p.Set(mapi.PidTagHtml, mapi.BinaryValue([]byte(html)))
	p.Set(mapi.PidTagInternetCodepage, mapi.Int32Value(65001))
	p.Set(mapi.PidTagInternetMessageId, mapi.StringValue("<20250314092653.sample@mailconv.example>"))
	p.Set(mapi.PidTagClientSubmitTime, mapi.TimeValue(date))
	p.Set(mapi.PidTagMessageDeliveryTime, mapi.TimeValue(date.Add(4*time.Second)))
	p.Set(mapi.PidTagImportance, mapi.Int32Value(2))
	for _, t := range [][4]mapi.Tag{
		{mapi.PidTagSenderName, mapi.PidTagSenderAddressType, mapi.PidTagSenderEmailAddress, mapi.PidTagSenderSmtpAddress},
		{mapi.PidTagSentRepresentingName, mapi.PidTagSentRepresentingAddressType, mapi.PidTagSentRepresentingEmailAddress, mapi.PidTagSentRepresentingSmtpAddress},
	} {
		p.Set(t[0], mapi.StringValue("Jürgen Müller"))
		p.Set(t[1], mapi.StringValue("SMTP"))
		p.Set(t[2], mapi.StringValue("juergen@mailconv.example"))
		p.Set(t[3], mapi.StringValue("juergen@mailconv.example"))
	}
	p.SetName(mapi.Name{Set: mapi.PSPublicStrings, Name: "Keywords"}, mapi.MultiStringValue([]string{"Reise", "Grüne Kategorie"}))

	m.Recipients = []*mapi.Recipient{
		recipient(mapi.RecipientTo, "Zoë Nowak", "zoe@mailconv.example"),
		recipient(mapi.RecipientTo, "佐藤 花子", "hanako@mailconv.example"),
		recipient(mapi.RecipientCc, "Reisestelle", "travel@mailconv.example"),
	}
	offer := attachment("Angebot Łódź–東京.txt", "text/plain", []byte("Łódź → 東京\r\n1 Person, 2. Klasse: 1.234,50 €\r\n"))
	train := attachment("train.png", "image/png", picture())
	train.Props.Set(mapi.PidTagAttachContentId, mapi.StringValue("train@mailconv.example"))
	train.Props.Set(mapi.PidTagAttachmentHidden, mapi.BoolValue(true))
	train.Props.Set(mapi.PidTagAttachFlags, mapi.Int32Value(4)) // used by the HTML body
	m.Attachments = []*mapi.Attachment{train, offer}
	msg.Complete(m)
	return m
}

func recipient(typ int32, name, addr string) *mapi.Recipient {
	r := new(mapi.Recipient)
	r.Props.Set(mapi.PidTagRecipientType, mapi.Int32Value(typ))
	r.Props.Set(mapi.PidTagDisplayName, mapi.StringValue(name))
	r.Props.Set(mapi.PidTagAddressType, mapi.StringValue("SMTP"))
	r.Props.Set(mapi.PidTagEmailAddress, mapi.StringValue(addr))
	return r
}

func attachment(name, typ string, data []byte) *mapi.Attachment {
	a := new(mapi.Attachment)
	a.Props.Set(mapi.PidTagAttachLongFilename, mapi.StringValue(name))
	a.Props.Set(mapi.PidTagAttachMimeTag, mapi.StringValue(typ))
	a.Props.Set(mapi.PidTagAttachDataBinary, mapi.BinaryValue(data))
	return a
}

// picture draws a locomotive.
func picture() []byte {
	pal := color.Palette{color.White, color.RGBA{0x20, 0x60, 0xA0, 0xFF}, color.RGBA{0x30, 0x30, 0x30, 0xFF}, color.RGBA{0xE0, 0xA0, 0x20, 0xFF}}
	img := image.NewPaletted(image.Rect(0, 0, 96, 48), pal)
	box := func(x0, y0, x1, y1 int, c uint8) {
		for y := y0; y < y1; y++ {
			for x := x0; x < x1; x++ {
				img.SetColorIndex(x, y, c)
			}
		}
	}
	box(10, 16, 86, 36, 1)
	box(60, 6, 86, 16, 1)
	box(66, 9, 80, 16, 3)
	box(16, 6, 24, 16, 2)
	for _, cx := range []int{22, 42, 74} {
		for y := -6; y <= 6; y++ {
			for x := -6; x <= 6; x++ {
				if x*x+y*y <= 36 {
					img.SetColorIndex(cx+x, 37+y, 2)
				}
			}
		}
	}
	box(0, 44, 96, 46, 2)
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		log.Fatal(err)
	}
	return b.Bytes()
}
