package ews_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/ews"
	"github.com/mailconv/mailconv/transport/ews/ewstest"
	"github.com/mailconv/mailconv/transport/retry"
)

func TestArchiveRecoverableAndFolders(t *testing.T) {
	s := serve(t, ewstest.Options{})
	st := open(t, s, "archive", "1")
	put(t, st, ensure(t, st, "Old", "2019"), transport.Meta{}, mimeContent(letter))
	main := open(t, s, "recoverable", "1")
	seen := map[string]transport.Folder{}
	for f, err := range main.Folders(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		seen[f.String()] = f
	}
	if _, ok := seen["Old/2019"]; ok {
		t.Error("the archive's folder is in the mailbox")
	}
	for name, role := range map[string]transport.Role{
		"Inbox": transport.RoleInbox, "Sent Items": transport.RoleSent, "Deleted Items": transport.RoleTrash, "Drafts": transport.RoleDrafts, "Junk Email": transport.RoleJunk,
		"Calendar": transport.RoleCalendar, "Contacts": transport.RoleContacts, "Tasks": transport.RoleTasks, "Notes": transport.RoleNotes, "Journal": transport.RoleJournal, "Outbox": transport.RoleOutbox,
	} {
		if seen[name].Role != role {
			t.Errorf("%s has the role %q", name, seen[name].Role)
		}
	}
	if f, ok := seen["Recoverable Items/Deletions"]; !ok || f.Class != "IPF.Note" {
		t.Errorf("recoverable items are not listed: %v", seen)
	}
	n := 0
	for f, err := range st.Folders(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if f.String() == "Old/2019" && f.Count == 1 {
			n++
		}
	}
	if n != 1 {
		t.Error("the archive's folder is not listed with its item")
	}
}

func TestWatch(t *testing.T) {
	for name, o := range map[string]ewstest.Options{
		"streaming": {Heartbeat: 20 * time.Millisecond, Minute: 200 * time.Millisecond},
		"polling":   {Without: []string{"Subscribe", "GetStreamingEvents"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, o)
			st := open(t, s, "poll", "20ms")
			a, b := ensure(t, st, "A"), ensure(t, st, "B")
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			go func() {
				for i := range 200 {
					time.Sleep(30 * time.Millisecond)
					if ctx.Err() != nil {
						return
					}
					st.Put(ctx, b, transport.Meta{Token: fmt.Sprint(i)}, mimeContent(letter)) //nolint:errcheck // the test ends meanwhile
				}
			}()
			n := 0
			for f, err := range st.Watch(ctx, []transport.Folder{a, b}) {
				if err != nil {
					t.Fatal(err)
				}
				if f.String() != "B" {
					t.Errorf("%s changed", f)
				}
				if n++; n == 5 {
					break
				}
			}
			if n != 5 {
				t.Errorf("%d changes were seen", n)
			}
			if streamed := s.Requests("GetStreamingEvents") > 0; streamed != (name == "streaming") {
				t.Errorf("requests %v", s.Counts())
			}
		})
	}
}

func TestSend(t *testing.T) {
	s := serve(t, ewstest.Options{})
	st := open(t, s)
	if err := st.Send(t.Context(), mapi.Bytes(letter)); err != nil {
		t.Fatal(err)
	}
	out := s.Mailboxes().Outbox()
	if len(out) != 1 || !slices.Equal(out[0].Recipients, []string{"ben@x.example"}) || out[0].Mailbox != alice {
		t.Errorf("sent: %+v", out)
	}
	one(t, stored(t, s, alice, "Sent Items"))
	// An answer that is lost is not a reason to send again.
	s.Inject(ewstest.Fault{Kind: ewstest.DropAfter, Operation: "CreateItem"})
	err := st.Send(t.Context(), mapi.Bytes(letter))
	if err == nil || retry.Retryable(err) {
		t.Errorf("%v", err)
	}
}

func TestWrongPasswordIsAskedOnce(t *testing.T) {
	s := serve(t, ewstest.Options{})
	for _, auth := range []string{"basic", "ntlm"} {
		env := environment(t.TempDir())
		env.Secret = func(context.Context, transport.Address) (string, error) { return "wrong", nil }
		_, err := ews.OpenAddress(t.Context(), address(s, alice, "auth", auth), env)
		if transport.KindOf(err) != transport.Auth || strings.Contains(err.Error(), "wrong") {
			t.Errorf("%s: %v is of kind %v", auth, err, transport.KindOf(err))
		}
	}
	if n := s.Mailboxes().FailedLogins(alice); n > 2 {
		t.Errorf("%d logins failed; an account may be locked after three", n)
	}
}

func TestSearch(t *testing.T) {
	s := serve(t, ewstest.Options{})
	st := open(t, s)
	f := ensure(t, st, "Box")
	for i := range 7 {
		put(t, st, f, transport.Meta{Received: arrived}, mimeContent(strings.Replace(letter, "a letter", []string{"apples", "pears"}[i%2], 1)))
	}
	var got []string
	for m, err := range st.Search(t.Context(), f, "pears") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, m.Subject)
	}
	if fmt.Sprint(got) != "[pears pears pears]" {
		t.Errorf("found %q", got)
	}
}

// TestListingWithoutSynchronization goes page by page through a folder of a
// server that knows no SyncFolderItems (public folders of old ones).
func TestListingWithoutSynchronization(t *testing.T) {
	s := serve(t, ewstest.Options{Without: []string{"SyncFolderItems"}})
	st := open(t, s)
	f := ensure(t, st, "Box")
	const n = 520
	for i := 0; i < n; i += 40 {
		var items []transport.Staged
		for range 40 {
			items = append(items, transport.Staged{Content: mimeContent("Subject: x\r\n\r\n")})
		}
		res, err := st.PutBatch(t.Context(), f, items)
		if err != nil || res[0].Err != nil {
			t.Fatal(err, res)
		}
	}
	seen := map[transport.Key]bool{}
	for _, k := range keysOf(t, st, f) {
		seen[k] = true
	}
	if len(seen) != n || s.Requests("FindItem") != 2 {
		t.Errorf("%d items by %v", len(seen), s.Counts())
	}
}
