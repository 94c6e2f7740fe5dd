package rehearsal_test

import (
	"context"
	"testing"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/mapihttp/rehearsal"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

func TestOneMailboxHasMailAndOneHasNone(t *testing.T) {
	s, err := rehearsal.Start(context.Background(), rehearsal.Options{Mails: 20})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	count := func(user string) (classes map[string]int) {
		box, ok := s.Mailboxes().Mailbox(user + "@" + rehearsal.Domain)
		if !ok {
			t.Fatalf("there is no mailbox of %s", user)
		}
		classes = map[string]int{}
		store := box.Store(mailbox.StoreOptions{})
		for f, err := range store.Folders(context.Background()) {
			if err != nil {
				t.Fatal(err)
			}
			for m, err := range store.Items(context.Background(), f, nil) {
				if err != nil {
					t.Fatal(err)
				}
				classes[m.Class]++
				if len(f.Path) == 2 && f.Path[1] == "Łódź" && !m.Flags.Has(transport.Seen) {
					classes["unread in Łódź"]++
				}
			}
		}
		return classes
	}
	if c := count(rehearsal.User); c["IPM.Note"] != 20 || c["IPM.Appointment"] != 1 || c["IPM.Contact"] != 1 || c["IPM.Task"] != 1 || c["unread in Łódź"] == 0 {
		t.Errorf("the first mailbox has %v", c)
	}
	if c := count(rehearsal.Other); len(c) != 0 {
		t.Errorf("the other mailbox has %v", c)
	}
	if _, err := rehearsal.Start(context.Background(), rehearsal.Options{Addr: "192.0.2.1:80"}); err == nil {
		t.Error("it listens for the world")
	}
}
