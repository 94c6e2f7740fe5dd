package rehearsal

import (
	"errors"
	"os"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/pst/ndb"
	"github.com/mailconv/mailconv/mapi/pst/psttest"
	"github.com/mailconv/mailconv/transport/mem/mailbox/samples"
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

func archive(n int) *psttest.Folder {
	folder := func(name, class string, items ...*mapi.Message) *psttest.Folder {
		return &psttest.Folder{Name: name, Class: class, Items: psttest.Items(items...)}
	}
	mails := make([][]*mapi.Message, 4)
	for i := range n {
		mails[i%4] = append(mails[i%4], samples.Mail(i))
	}
	projects := folder("Projects", "IPF.Note", mails[2]...)
	projects.Folders = []*psttest.Folder{folder("Łódź", "IPF.Note", mails[3]...)}
	return &psttest.Folder{Name: "Archive of Zoe", Items: psttest.Items(), Folders: []*psttest.Folder{
		folder("Inbox", "IPF.Note", mails[0]...), folder("Sent Items", "IPF.Note", mails[1]...), projects,
		folder("Calendar", "IPF.Appointment", samples.Meeting()), folder("Contacts", "IPF.Contact", samples.Contact()), folder("Tasks", "IPF.Task", samples.Task()),
	}}
}
