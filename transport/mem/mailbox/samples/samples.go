// Package samples makes the items of an invented person, for rehearsals: mails
// with categories, attachments and read marks, a meeting with a guest, a contact
// and a task.
//
// Start from [Fill], which puts them into a mailbox, and from [Mail].
//
// Not supported: being anything but small.
package samples

import (
	"context"
	"fmt"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// The people, and where they are.
const (
	User   = "zoe"
	Other  = "anna"
	Domain = "mailconv.example"
)

// first is the date of the first mail.
var first = time.Date(2024, 3, 4, 8, 0, 0, 0, time.UTC)

// Folders are the names and container classes below those that each mailbox
// has; a mail folder holds the mails whose number modulo 4 is its place.
var Folders = []struct {
	Path  []string
	Class string
}{
	{[]string{"Inbox"}, "IPF.Note"},
	{[]string{"Sent Items"}, "IPF.Note"},
	{[]string{"Projects"}, "IPF.Note"},
	{[]string{"Projects", "Łódź"}, "IPF.Note"},
}

// Fill puts n mails, a meeting, a contact and a task into a mailbox.
func Fill(ctx context.Context, box *mailbox.Mailbox, n int) error {
	top, _ := box.WellKnown(mailbox.IPMSubtree)
	var ids []mailbox.FolderID
	for _, f := range Folders {
		at := top
		for _, name := range f.Path {
			next, ok := box.Child(at.ID, name)
			if !ok {
				var err error
				if next, err = box.CreateFolder(at.ID, name, f.Class, nil); err != nil {
					return err
				}
			}
			at = next
		}
		ids = append(ids, at.ID)
	}
	for i := range n {
		if _, err := box.Create(ctx, ids[i%len(ids)], Mail(i), mailbox.CreateOptions{}); err != nil {
			return err
		}
	}
	for role, m := range map[mailbox.WellKnown]*mapi.Message{mailbox.Calendar: Meeting(), mailbox.Contacts: Contact(), mailbox.Tasks: Task()} {
		f, ok := box.WellKnown(role)
		if !ok {
			continue
		}
		if _, err := box.Create(ctx, f.ID, m, mailbox.CreateOptions{}); err != nil {
			return err
		}
	}
	return nil
}

func person(kind int, name string) *mapi.Recipient {
	r := &mapi.Recipient{}
	r.Props.Set(mapi.PidTagRecipientType, mapi.Int32Value(int32(kind)))
	r.Props.Set(mapi.PidTagDisplayName, mapi.StringValue(name))
	r.Props.Set(mapi.PidTagAddressType, mapi.StringValue("SMTP"))
	r.Props.Set(mapi.PidTagEmailAddress, mapi.StringValue(name+"@"+Domain))
	r.Props.Set(mapi.PidTagSmtpAddress, mapi.StringValue(name+"@"+Domain))
	return r
}

// Mail is the i-th mail, counted from 0, to [User].
func Mail(i int) *mapi.Message {
	m := &mapi.Message{}
	p := &m.Props
	date := first.Add(time.Duration(i) * 7 * time.Hour)
	id := fmt.Sprintf("<letter.%d@%s>", i+1, Domain)
	p.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Note"))
	p.Set(mapi.PidTagSubject, mapi.StringValue(fmt.Sprintf("Letter %d", i+1)))
	p.Set(mapi.PidTagNormalizedSubject, mapi.StringValue(fmt.Sprintf("Letter %d", i+1)))
	flags := int32(1)
	if i%3 == 0 {
		flags = 0 // not read yet
	}
	p.Set(mapi.PidTagMessageFlags, mapi.Int32Value(flags))
	p.Set(mapi.PidTagClientSubmitTime, mapi.TimeValue(date))
	p.Set(mapi.PidTagMessageDeliveryTime, mapi.TimeValue(date.Add(time.Minute)))
	p.Set(mapi.PidTagCreationTime, mapi.TimeValue(date))
	p.Set(mapi.PidTagLastModificationTime, mapi.TimeValue(date))
	p.Set(mapi.PidTagInternetMessageId, mapi.StringValue(id))
	for _, t := range []mapi.Tag{mapi.PidTagSenderName, mapi.PidTagSentRepresentingName} {
		p.Set(t, mapi.StringValue("Anna Example"))
	}
	for _, t := range []mapi.Tag{mapi.PidTagSenderAddressType, mapi.PidTagSentRepresentingAddressType} {
		p.Set(t, mapi.StringValue("SMTP"))
	}
	for _, t := range []mapi.Tag{mapi.PidTagSenderEmailAddress, mapi.PidTagSentRepresentingEmailAddress, mapi.PidTagSenderSmtpAddress, mapi.PidTagSentRepresentingSmtpAddress} {
		p.Set(t, mapi.StringValue(Other+"@"+Domain))
	}
	p.Set(mapi.PidTagBody, mapi.StringValue(fmt.Sprintf("Dear Zoë,\r\n\r\nthis is letter %d.\r\n", i+1)))
	p.Set(mapi.PidTagTransportMessageHeaders, mapi.StringValue(fmt.Sprintf(
		"Received: from old.%[1]s by mail.%[1]s; %[2]s\r\nFrom: Anna Example <anna@%[1]s>\r\nTo: Zoe <zoe@%[1]s>\r\nSubject: Letter %[3]d\r\nDate: %[2]s\r\nMessage-ID: %[4]s\r\n",
		Domain, date.Format(time.RFC1123Z), i+1, id)))
	m.Recipients = []*mapi.Recipient{person(mapi.RecipientTo, User)}
	p.Set(mapi.PidTagDisplayTo, mapi.StringValue(User))
	if i%5 == 1 {
		p.SetName(mapi.PidNameKeywords, mapi.MultiStringValue([]string{"Family"}))
	}
	if i%10 == 2 {
		a := &mapi.Attachment{}
		a.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachByValue))
		a.Props.Set(mapi.PidTagAttachLongFilename, mapi.StringValue("Größe.csv"))
		a.Props.Set(mapi.PidTagAttachMimeTag, mapi.StringValue("text/csv"))
		a.Props.Set(mapi.PidTagRenderingPosition, mapi.Int32Value(-1))
		a.Props.Set(mapi.PidTagAttachDataBinary, mapi.BinaryValue([]byte("a,b\r\n1,2\r\n")))
		m.Attachments = append(m.Attachments, a)
	}
	return m
}

// Meeting has a guest, who must not hear of it once more.
func Meeting() *mapi.Message {
	m := &mapi.Message{}
	p := &m.Props
	start := first.Add(30 * 24 * time.Hour)
	p.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Appointment"))
	p.Set(mapi.PidTagSubject, mapi.StringValue("Review"))
	p.Set(mapi.PidTagNormalizedSubject, mapi.StringValue("Review"))
	p.Set(mapi.PidTagMessageFlags, mapi.Int32Value(1))
	p.Set(mapi.PidTagCreationTime, mapi.TimeValue(first))
	p.Set(mapi.PidTagLastModificationTime, mapi.TimeValue(first))
	p.Set(mapi.PidTagBody, mapi.StringValue("We look back.\r\n"))
	for n, t := range map[mapi.Name]time.Time{
		mapi.PidLidAppointmentStartWhole: start, mapi.PidLidCommonStart: start,
		mapi.PidLidAppointmentEndWhole: start.Add(time.Hour), mapi.PidLidCommonEnd: start.Add(time.Hour),
	} {
		p.SetName(n, mapi.TimeValue(t))
	}
	p.SetName(mapi.PidLidLocation, mapi.StringValue("Room 1"))
	p.SetName(mapi.PidLidBusyStatus, mapi.Int32Value(2))
	p.SetName(mapi.PidLidAppointmentStateFlags, mapi.Int32Value(1))
	m.Recipients = []*mapi.Recipient{person(mapi.RecipientTo, Other)}
	return m
}

// Contact is a person with a name outside of ASCII.
func Contact() *mapi.Message {
	m := &mapi.Message{}
	p := &m.Props
	p.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Contact"))
	p.Set(mapi.PidTagSubject, mapi.StringValue("Łucja Nowak"))
	p.Set(mapi.PidTagDisplayName, mapi.StringValue("Łucja Nowak"))
	p.Set(mapi.PidTagGivenName, mapi.StringValue("Łucja"))
	p.Set(mapi.PidTagSurname, mapi.StringValue("Nowak"))
	p.Set(mapi.PidTagMobileTelephoneNumber, mapi.StringValue("+48 42 000 00 00"))
	p.Set(mapi.PidTagMessageFlags, mapi.Int32Value(1))
	p.Set(mapi.PidTagCreationTime, mapi.TimeValue(first))
	p.Set(mapi.PidTagLastModificationTime, mapi.TimeValue(first))
	p.SetName(mapi.PidLidFileUnder, mapi.StringValue("Nowak, Łucja"))
	p.SetName(mapi.PidLidEmail1DisplayName, mapi.StringValue("Łucja Nowak"))
	p.SetName(mapi.PidLidEmail1AddressType, mapi.StringValue("SMTP"))
	p.SetName(mapi.PidLidEmail1EmailAddress, mapi.StringValue("lucja@"+Domain))
	p.SetName(mapi.PidLidEmail1OriginalDisplayName, mapi.StringValue("lucja@"+Domain))
	return m
}

// Task is a task with a due date.
func Task() *mapi.Message {
	m := &mapi.Message{}
	p := &m.Props
	p.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Task"))
	p.Set(mapi.PidTagSubject, mapi.StringValue("Move house"))
	p.Set(mapi.PidTagNormalizedSubject, mapi.StringValue("Move house"))
	p.Set(mapi.PidTagMessageFlags, mapi.Int32Value(1))
	p.Set(mapi.PidTagCreationTime, mapi.TimeValue(first))
	p.Set(mapi.PidTagLastModificationTime, mapi.TimeValue(first))
	p.SetName(mapi.PidLidTaskStatus, mapi.Int32Value(1))
	p.SetName(mapi.PidLidTaskDueDate, mapi.TimeValue(first.Truncate(24*time.Hour).Add(60*24*time.Hour)))
	return m
}
