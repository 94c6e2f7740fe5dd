package rehearsal

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/pst/ndb"
	"github.com/mailconv/mailconv/mapi/pst/psttest"
)

// WriteArchive writes a .pst with n mails, and a meeting with guests, a contact
// and a task: what a move must not lose, and must not mail. A file that is there
// is not overwritten.
func WriteArchive(path string, n int) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			os.Remove(path) //nolint:errcheck // err says more
		}
	}()
	_, err = psttest.Write(f, archive(n), &psttest.Options{Kind: ndb.Unicode, Crypt: ndb.CryptPermute})
	return err
}

// first is the date of the first mail.
var first = time.Date(2024, 3, 4, 8, 0, 0, 0, time.UTC)

func archive(n int) *psttest.Folder {
	folder := func(name, class string, items ...*mapi.Message) *psttest.Folder {
		return &psttest.Folder{Name: name, Class: class, Items: psttest.Items(items...)}
	}
	mails := make([][]*mapi.Message, 4)
	for i := range n {
		mails[i%4] = append(mails[i%4], mail(i))
	}
	projects := folder("Projects", "IPF.Note", mails[2]...)
	projects.Folders = []*psttest.Folder{folder("Łódź", "IPF.Note", mails[3]...)}
	return &psttest.Folder{Name: "Archive of Zoe", Items: psttest.Items(), Folders: []*psttest.Folder{
		folder("Inbox", "IPF.Note", mails[0]...), folder("Sent Items", "IPF.Note", mails[1]...), projects,
		folder("Calendar", "IPF.Appointment", meeting()), folder("Contacts", "IPF.Contact", contact()), folder("Tasks", "IPF.Task", task()),
	}}
}

func person(kind int, name string) *mapi.Recipient {
	r := &mapi.Recipient{}
	r.Props.Set(mapi.PidTagRecipientType, mapi.Int32Value(int32(kind)))
	r.Props.Set(mapi.PidTagDisplayName, mapi.StringValue(name))
	r.Props.Set(mapi.PidTagAddressType, mapi.StringValue("SMTP"))
	r.Props.Set(mapi.PidTagEmailAddress, mapi.StringValue(name+"@"+Tenant))
	r.Props.Set(mapi.PidTagSmtpAddress, mapi.StringValue(name+"@"+Tenant))
	return r
}

func mail(i int) *mapi.Message {
	m := &mapi.Message{}
	p := &m.Props
	date := first.Add(time.Duration(i) * 7 * time.Hour)
	id := fmt.Sprintf("<letter.%d@%s>", i+1, Tenant)
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
		p.Set(t, mapi.StringValue(Other+"@"+Tenant))
	}
	p.Set(mapi.PidTagBody, mapi.StringValue(fmt.Sprintf("Dear Zoë,\r\n\r\nthis is letter %d.\r\n", i+1)))
	p.Set(mapi.PidTagTransportMessageHeaders, mapi.StringValue(fmt.Sprintf(
		"Received: from old.%[1]s by mail.%[1]s; %[2]s\r\nFrom: Anna Example <anna@%[1]s>\r\nTo: Zoe <zoe@%[1]s>\r\nSubject: Letter %[3]d\r\nDate: %[2]s\r\nMessage-ID: %[4]s\r\n",
		Tenant, date.Format(time.RFC1123Z), i+1, id)))
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

// meeting has a guest, who must not hear of it once more.
func meeting() *mapi.Message {
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

func contact() *mapi.Message {
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
	p.SetName(mapi.PidLidEmail1EmailAddress, mapi.StringValue("lucja@"+Tenant))
	p.SetName(mapi.PidLidEmail1OriginalDisplayName, mapi.StringValue("lucja@"+Tenant))
	return m
}

func task() *mapi.Message {
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
