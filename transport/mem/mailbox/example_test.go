package mailbox_test

import (
	"context"
	"fmt"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// Make a mailbox, put an item into it and ask what is new.
func Example() {
	s := mailbox.New(mailbox.Options{})
	defer s.Close()
	m := s.Add(mailbox.Account{Address: "ann@example.test", Password: "secret"})
	inbox, _ := m.WellKnown(mailbox.Inbox)
	since := m.Latest()
	msg := &mapi.Message{}
	msg.Props.Set(mapi.PidTagSubject, mapi.StringValue("hello"))
	if _, err := m.Create(context.Background(), inbox.ID, msg, mailbox.CreateOptions{}); err != nil {
		fmt.Println(err)
	}
	changes, _, _ := m.Changes(inbox.ID, mailbox.Normal, since)
	for _, c := range changes {
		fmt.Println(c.Item.Message.Props.Text(mapi.PidTagSubject), c.Item.Read())
	}
	// Output:
	// hello false
}
