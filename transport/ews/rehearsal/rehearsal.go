// Package rehearsal runs a pair of Exchange-like servers in the process, on
// loopback ports, so that a migration can be practised before the real one.
//
// Start from [Start] and [Pair]. The old server has a mailbox with mail in
// folders, an appointment, a contact, a task and a note; the new one is empty.
// Nothing is kept when they stop, and nothing is ever sent: see [Pair.Sent].
//
// Not supported: TLS, and what only real servers do; package ewstest, which
// this is made of, says what that is.
package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/ews/ewstest"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// User is the address of the mailbox on both servers, Password that of both.
const (
	User     = "zoe@mailconv.example"
	Password = "rehearsal"
)

// Options say what to start. Only Convert must be there: the servers turn MIME
// into objects and back with it. The zero value takes any free ports and 60
// mails.
type Options struct {
	// OldAddr and NewAddr are host:port to listen on; they must be loopback
	// addresses.
	OldAddr, NewAddr string
	// Mails is the number of mails in the old mailbox; 0 is 60.
	Mails   int
	Convert transport.Converter
}

// A Pair is two running servers.
type Pair struct {
	// Old and New are the addresses of the services.
	Old, New string

	convert transport.Converter
	servers []*ewstest.Server
	boxes   []*mailbox.Server
	old     *mailbox.Mailbox
	folders []mailbox.FolderID

	mu    sync.Mutex
	count int
}

// Start starts both servers.
func Start(o Options) (*Pair, error) {
	if o.Mails == 0 {
		o.Mails = 60
	}
	p := &Pair{convert: o.Convert}
	p.old = p.mailbox()
	// All is there before anybody can ask.
	err := p.fill(o.Mails)
	if err == nil {
		p.Old, err = p.serve(p.old, o.OldAddr)
	}
	if err == nil {
		p.New, err = p.serve(p.mailbox(), o.NewAddr)
	}
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// mailbox makes an empty mailbox on a server of its own.
func (p *Pair) mailbox() *mailbox.Mailbox {
	boxes := mailbox.New(mailbox.Options{})
	p.boxes = append(p.boxes, boxes)
	return boxes.Add(mailbox.Account{Address: User, Name: "Zoe Example", Password: Password})
}

func (p *Pair) serve(m *mailbox.Mailbox, addr string) (string, error) {
	s, err := ewstest.New(ewstest.Options{Mailboxes: m.Server(), Convert: p.convert, Addr: addr})
	if err != nil {
		return "", err
	}
	p.servers = append(p.servers, s)
	return s.URL(), nil
}

// fill makes what the old mailbox holds.
func (p *Pair) fill(mails int) error {
	for _, w := range []mailbox.WellKnown{mailbox.Inbox, mailbox.SentItems} {
		f, _ := p.old.WellKnown(w)
		p.folders = append(p.folders, f.ID)
	}
	top, _ := p.old.WellKnown(mailbox.IPMSubtree)
	at := top.ID
	for _, name := range []string{"Projects", "Łódź"} {
		f, err := p.old.CreateFolder(at, name, "IPF.Note", nil)
		if err != nil {
			return err
		}
		at = f.ID
		p.folders = append(p.folders, at)
	}
	for range mails {
		if err := p.Arrive(); err != nil {
			return err
		}
	}
	for _, o := range others() {
		f, _ := p.old.WellKnown(o.in)
		if _, err := p.old.Create(context.Background(), f.ID, o.message, mailbox.CreateOptions{}); err != nil {
			return err
		}
	}
	return nil
}

// first is the date of the first mail.
var first = time.Date(2025, 3, 3, 8, 0, 0, 0, time.UTC)

// Arrive delivers one more mail to the old mailbox.
func (p *Pair) Arrive() error {
	p.mu.Lock()
	n := p.count
	p.count++
	p.mu.Unlock()
	date := first.Add(time.Duration(n) * 7 * time.Hour)
	mail := fmt.Sprintf("From: Anna Example <anna@mailconv.example>\r\nTo: Zoe Example <%s>\r\n"+
		"Subject: Letter %d\r\nDate: %s\r\nMessage-ID: <letter.%d@mailconv.example>\r\n"+
		"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"+
		"Dear Zoë,\r\n\r\nthis is letter %d.\r\n", User, n+1, date.Format(time.RFC1123Z), n+1, n+1)
	m := transport.Meta{Received: date}
	if n%3 != 0 {
		m.Flags |= transport.Seen
	}
	if n%10 == 4 {
		m.Flags |= transport.Flagged
	}
	if n%8 == 2 {
		m.Keywords = []string{"Reise"}
	}
	s := p.old.Store(mailbox.StoreOptions{Convert: p.convert})
	defer s.Close()
	id := p.folders[n%len(p.folders)]
	_, err := s.Put(context.Background(), mailbox.Handle(id), m, &transport.Content{Form: transport.FormMIME, MIME: mapi.Bytes(mail)})
	return err
}

// other is an item that is no mail.
type other struct {
	in      mailbox.WellKnown
	message *mapi.Message
}

func others() []other {
	at := func(day, hour int) mapi.Value {
		return mapi.TimeValue(time.Date(2025, 6, day, hour, 0, 0, 0, time.UTC))
	}
	item := func(class, subject, body string) *mapi.Message {
		m := &mapi.Message{}
		m.Props.Set(mapi.PidTagMessageClass, mapi.StringValue(class))
		m.Props.Set(mapi.PidTagSubject, mapi.StringValue(subject))
		m.Props.Set(mapi.PidTagBody, mapi.StringValue(body))
		m.Props.Set(mapi.PidTagMessageFlags, mapi.Int32Value(1))
		return m
	}
	meeting := item("IPM.Appointment", "Project meeting", "Bring the plans.")
	meeting.Props.SetName(mapi.PidLidAppointmentStartWhole, at(2, 9))
	meeting.Props.SetName(mapi.PidLidAppointmentEndWhole, at(2, 10))
	meeting.Props.SetName(mapi.PidLidLocation, mapi.StringValue("Łódź"))
	meeting.Props.SetName(mapi.PidLidBusyStatus, mapi.Int32Value(2))
	anna := item("IPM.Contact", "Anna Example", "")
	anna.Props.Set(mapi.PidTagDisplayName, mapi.StringValue("Anna Example"))
	anna.Props.Set(mapi.PidTagGivenName, mapi.StringValue("Anna"))
	anna.Props.Set(mapi.PidTagSurname, mapi.StringValue("Example"))
	anna.Props.SetName(mapi.PidLidEmail1EmailAddress, mapi.StringValue("anna@mailconv.example"))
	anna.Props.SetName(mapi.PidLidEmail1AddressType, mapi.StringValue("SMTP"))
	task := item("IPM.Task", "Send the plans", "")
	task.Props.SetName(mapi.PidLidTaskDueDate, at(10, 0))
	task.Props.SetName(mapi.PidLidTaskStatus, mapi.Int32Value(1))
	task.Props.SetName(mapi.PidLidPercentComplete, mapi.Float64Value(0.5))
	note := item("IPM.StickyNote", "Call Anna", "Call Anna")
	return []other{{mailbox.Calendar, meeting}, {mailbox.Contacts, anna}, {mailbox.Tasks, task}, {mailbox.Notes, note}}
}

// Sent tells how many messages the servers would have sent.
func (p *Pair) Sent() int {
	n := 0
	for _, b := range p.boxes {
		n += len(b.Outbox())
	}
	return n
}

// Close stops both servers.
func (p *Pair) Close() error {
	var errs []error
	for _, s := range p.servers {
		errs = append(errs, s.Close())
	}
	for _, b := range p.boxes {
		errs = append(errs, b.Close())
	}
	return errors.Join(errs...)
}
