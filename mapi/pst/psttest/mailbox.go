package psttest

import (
	"fmt"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
)

// Mailbox is a store of n messages in folders of a thousand: bodies of 1 to 20
// KiB in HTML and text, and for every fourth an attachment of 20 to 140 KiB,
// some of 3 MiB. Each message takes about 60 KiB. The content is made as it is
// pulled; the same n gives the same bytes.
func Mailbox(n int) *Folder {
	root := &Folder{Name: "Mailbox"}
	for first := 0; first < n; first += 1000 {
		last := min(first+1000, n)
		root.Folders = append(root.Folders, &Folder{
			Name: fmt.Sprintf("Folder %03d", first/1000), Class: "IPF.Note",
			Items: func(yield func(*mapi.Message) bool) {
				for i := first; i < last; i++ {
					if !yield(mail(i)) {
						return
					}
				}
			},
		})
	}
	return root
}

func mail(i int) *mapi.Message {
	m := &mapi.Message{}
	p := &m.Props
	date := time.Date(2020, 1, 1, 8, 0, 0, 0, time.UTC).Add(time.Duration(i) * 17 * time.Minute)
	p.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Note"))
	p.Set(mapi.PidTagSubject, mapi.StringValue(fmt.Sprintf("RE: Message %d of many", i)))
	p.Set(mapi.PidTagSubjectPrefix, mapi.StringValue("RE: "))
	p.Set(mapi.PidTagNormalizedSubject, mapi.StringValue(fmt.Sprintf("Message %d of many", i)))
	p.Set(mapi.PidTagImportance, mapi.Int32Value(1))
	p.Set(mapi.PidTagMessageFlags, mapi.Int32Value(1))
	p.Set(mapi.PidTagClientSubmitTime, mapi.TimeValue(date))
	p.Set(mapi.PidTagMessageDeliveryTime, mapi.TimeValue(date.Add(time.Minute)))
	p.Set(mapi.PidTagCreationTime, mapi.TimeValue(date))
	p.Set(mapi.PidTagLastModificationTime, mapi.TimeValue(date))
	p.Set(mapi.PidTagInternetMessageId, mapi.StringValue(fmt.Sprintf("<%d@mail.example.test>", i)))
	p.Set(mapi.PidTagSearchKey, mapi.BinaryValue(fmt.Appendf(nil, "key of item %05d", i)))
	for _, t := range []mapi.Tag{mapi.PidTagSenderName, mapi.PidTagSentRepresentingName} {
		p.Set(t, mapi.StringValue("Anna Absender"))
	}
	for _, t := range []mapi.Tag{mapi.PidTagSenderEmailAddress, mapi.PidTagSentRepresentingEmailAddress} {
		p.Set(t, mapi.StringValue("anna@example.test"))
	}
	for _, t := range []mapi.Tag{mapi.PidTagSenderAddressType, mapi.PidTagSentRepresentingAddressType} {
		p.Set(t, mapi.StringValue("SMTP"))
	}
	p.Set(mapi.PidTagDisplayTo, mapi.StringValue("Bert Beispiel"))
	text := strings.Repeat(fmt.Sprintf("Line of message %d, with some words in it.\r\n", i), 20+i%200)
	p.Set(mapi.PidTagBody, mapi.StringValue(text))
	p.Set(mapi.PidTagHtml, mapi.BinaryValue([]byte("<html><body><pre>"+text+"</pre></body></html>")))
	p.Set(mapi.PidTagInternetCodepage, mapi.Int32Value(65001))
	p.Set(mapi.PidTagTransportMessageHeaders, mapi.StringValue(fmt.Sprintf("From: anna@example.test\r\nTo: bert@example.test\r\nSubject: RE: Message %d of many\r\n", i)))
	p.SetName(mapi.Name{Set: mapi.PSETIDCommon, ID: 0x8503}, mapi.BoolValue(false))
	for k := range 1 + i%3 {
		r := &mapi.Recipient{}
		r.Props.Set(mapi.PidTagRecipientType, mapi.Int32Value(int32(1+k%2)))
		r.Props.Set(mapi.PidTagDisplayName, mapi.StringValue("Bert Beispiel"))
		r.Props.Set(mapi.PidTagAddressType, mapi.StringValue("SMTP"))
		r.Props.Set(mapi.PidTagEmailAddress, mapi.StringValue(fmt.Sprintf("bert%d@example.test", k)))
		m.Recipients = append(m.Recipients, r)
	}
	if i%4 == 0 {
		size := 20<<10 + i*7919%(120<<10)
		if i%160 == 0 {
			size = 3 << 20
		}
		a := &mapi.Attachment{}
		a.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachByValue))
		a.Props.Set(mapi.PidTagAttachLongFilename, mapi.StringValue(fmt.Sprintf("file %d.bin", i)))
		a.Props.Set(mapi.PidTagAttachFilename, mapi.StringValue(fmt.Sprintf("file%d.bin", i)))
		a.Props.Set(mapi.PidTagAttachSize, mapi.Int32Value(int32(size)))
		a.Props.Set(mapi.PidTagRenderingPosition, mapi.Int32Value(-1))
		a.Props.Set(mapi.PidTagAttachDataBinary, mapi.BinaryValue(noise(size, uint32(i))))
		m.Attachments = append(m.Attachments, a)
	}
	return m
}

// noise is bytes that do not compress.
func noise(n int, seed uint32) []byte {
	b := make([]byte, n)
	x := seed*2654435761 + 1
	for i := range b {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		b[i] = byte(x)
	}
	return b
}
