package mailbox_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
	"github.com/mailconv/mailconv/transport/storetest"
)

var bg = context.Background()

func newServer(t *testing.T, o mailbox.Options) *mailbox.Server {
	s := mailbox.New(o)
	t.Cleanup(func() { s.Close() })
	return s
}

func TestStore(t *testing.T) {
	for _, kind := range []string{"object", "mime"} {
		t.Run(kind, func(t *testing.T) {
			s := newServer(t, mailbox.Options{TempDir: t.TempDir()})
			m := s.Add(mailbox.Account{Address: "ann@example.test"})
			o := mailbox.StoreOptions{}
			if kind == "mime" {
				o.Convert = &converters.Converter{Spool: s.Spool()}
			}
			storetest.Run(t, storetest.Options{
				// Objects in a mailbox have flags as properties, so what comes
				// back has more than what was put.
				Loose: true,
				Open: func(context.Context) (transport.Source, transport.Sink, error) {
					return m.Store(o), m.Store(o), nil
				},
			})
		})
	}
}

func message(subject string) *mapi.Message {
	m := &mapi.Message{}
	m.Props.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Note"))
	m.Props.Set(mapi.PidTagSubject, mapi.StringValue(subject))
	return m
}

func TestFolders(t *testing.T) {
	s := newServer(t, mailbox.Options{})
	m := s.Add(mailbox.Account{Address: "ann@example.test", Archive: true, FolderNames: map[mailbox.WellKnown]string{mailbox.Inbox: "Posteingang"}})
	top, _ := m.WellKnown(mailbox.IPMSubtree)
	inbox, _ := m.WellKnown(mailbox.Inbox)
	if inbox.Name != "Posteingang" || inbox.Class != "IPF.Note" || inbox.Parent != top.ID || inbox.Role != mailbox.Inbox {
		t.Errorf("%+v", inbox)
	}
	if f, ok := m.WellKnown(mailbox.ArchiveIPMSubtree); !ok || f.Name == "" {
		t.Error("there is no archive")
	}
	since := m.Latest()
	a, err := m.CreateFolder(top.ID, "A", "IPF.Note", nil)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := m.CreateFolder(a.ID, "B", "", nil)
	c, _ := m.CreateFolder(b.ID, "C", "", nil)
	for _, tt := range []struct {
		what string
		err  error
		want error
	}{
		{"the same name in another case", second(m.CreateFolder(top.ID, "a", "", nil)), mailbox.ErrExists},
		{"no name", second(m.CreateFolder(top.ID, "", "", nil)), mailbox.ErrName},
		{"no parent", second(m.CreateFolder(1, "x", "", nil)), mailbox.ErrNotFound},
		{"below itself", second(m.MoveFolder(a.ID, c.ID)), mailbox.ErrLoop},
		{"a standard folder moves", second(m.MoveFolder(inbox.ID, a.ID)), mailbox.ErrStandard},
		{"a standard folder goes", m.DeleteFolder(inbox.ID, true), mailbox.ErrStandard},
		{"folders in it", m.DeleteFolder(a.ID, false), mailbox.ErrNotEmpty},
		{"moves", second(m.MoveFolder(b.ID, top.ID)), nil},
		{"now empty", m.DeleteFolder(a.ID, false), nil},
		{"twice", m.DeleteFolder(a.ID, false), mailbox.ErrNotFound},
	} {
		if !errors.Is(tt.err, tt.want) {
			t.Errorf("%s: %v", tt.what, tt.err)
		}
	}
	if p, ok := m.Path(top.ID, c.ID); !ok || !slices.Equal(p, []string{"B", "C"}) {
		t.Errorf("%v", p)
	}
	list, _ := m.FolderChanges(top.ID, since)
	var got []string
	for _, ch := range list {
		got = append(got, fmt.Sprint(ch.Removed, ch.Folder.Name))
	}
	if want := []string{"falseB", "falseC", "true"}; !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

func second[T any](_ T, err error) error { return err }

func TestIdentityAndChangeNumbers(t *testing.T) {
	s := newServer(t, mailbox.Options{})
	m := s.Add(mailbox.Account{Address: "ann@example.test"})
	inbox, _ := m.WellKnown(mailbox.Inbox)
	sent, _ := m.WellKnown(mailbox.SentItems)
	raw := &mapi.Encoded{Format: "fts", Blob: mapi.Bytes("as it came")}
	msg := message("one")
	msg.Encoded = raw
	it, err := m.Create(bg, inbox.ID, msg, mailbox.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if it.Message.Encoded == nil || it.Message.Encoded.Format != "fts" {
		t.Error("the bytes that came are gone")
	}
	kinds := func(f mailbox.FolderID, since uint64) (list []mailbox.ChangeKind) {
		changes, _, _ := m.Changes(f, mailbox.Normal, since)
		for _, c := range changes {
			list = append(list, c.Kind)
		}
		return list
	}
	before := m.Latest()
	if n, changed, _ := m.SetRead(it.ID, true); !changed || n.Change != it.Change || !n.Read() {
		t.Errorf("%+v", n)
	}
	if _, changed, _ := m.SetRead(it.ID, true); changed {
		t.Error("nothing changed")
	}
	if k := kinds(inbox.ID, before); !slices.Equal(k, []mailbox.ChangeKind{mailbox.ReadChanged}) {
		t.Errorf("%v", k)
	}
	n, err := m.Change(it.ID, func(m *mapi.Message) error {
		m.Props.Set(mapi.PidTagSubject, mapi.StringValue("two"))
		return nil
	})
	if err != nil || n.ID != it.ID || n.Place != it.Place || n.Change <= it.Change || n.Message.Encoded != nil {
		t.Errorf("%+v %v", n, err)
	}
	if it.Message.Props.Text(mapi.PidTagSubject) != "one" {
		t.Error("what was handed out before has changed")
	}
	moved, err := m.Move(it.ID, sent.ID)
	if err != nil || moved.ID != it.ID || moved.Place == it.Place {
		t.Errorf("%+v %v", moved, err)
	}
	if k := kinds(inbox.ID, before); !slices.Equal(k, []mailbox.ChangeKind{mailbox.Removed}) {
		t.Errorf("%v", k)
	}
	c, _ := m.Copy(it.ID, m, inbox.ID)
	if c.ID == it.ID {
		t.Error("a copy has the same identifier")
	}
	if err := m.Delete(c.ID, mailbox.Soft); err != nil {
		t.Error(err)
	}
	if c, ok := m.Item(c.ID); !ok || c.DeletedFrom != inbox.ID {
		t.Errorf("%+v", c)
	}
	if err := m.Delete(c.ID, mailbox.Hard); err != nil {
		t.Error(err)
	}
	if err := m.Delete(c.ID, mailbox.Hard); !errors.Is(err, mailbox.ErrNotFound) {
		t.Error(err)
	}
}

func TestAccounts(t *testing.T) {
	s := newServer(t, mailbox.Options{})
	ann := s.Add(mailbox.Account{Address: "ann@example.test", Domain: "EXAMPLE", Password: "secret", Tokens: []string{"tok"}})
	ben := s.Add(mailbox.Account{Address: "ben@example.test", Password: "other"})
	for login, ok := range map[string]bool{"ann": true, "ANN@example.test": true, `EXAMPLE\ann`: true, `OTHER\ann`: false, "nobody": false} {
		m, got := s.Login(login, "secret")
		if got != ok || ok && m != ann {
			t.Errorf("%s: %v", login, got)
		}
	}
	if _, ok := s.Login("ann", "wrong"); ok || s.FailedLogins("ann") != 1 {
		t.Errorf("%d failed logins", s.FailedLogins("ann"))
	}
	if m, ok := s.LoginToken("tok"); !ok || m != ann {
		t.Error("the token is refused")
	}
	if _, ok := s.LoginToken(""); ok {
		t.Error("no token is a token")
	}
	if s.MayImpersonate(ann, ben) {
		t.Error("nobody allowed that")
	}
	s.AllowImpersonation("ann@example.test", "ben@example.test")
	if !s.MayImpersonate(ann, ben) || s.MayImpersonate(ben, ann) {
		t.Error("rights of impersonation")
	}
	inbox, _ := ben.WellKnown(mailbox.Inbox)
	sent, _ := ben.WellKnown(mailbox.SentItems)
	ben.Grant(ann, inbox.ID, mailbox.MayRead)
	if !ben.May(ann, inbox.ID, mailbox.MayRead) || ben.May(ann, inbox.ID, mailbox.MayRead|mailbox.MayEdit) || ben.May(ann, sent.ID, mailbox.MayRead) || !ben.May(ben, sent.ID, mailbox.FullAccess) {
		t.Error("rights of a delegate")
	}
}

func TestWhatIsSentIsRecordedAndArrives(t *testing.T) {
	s := newServer(t, mailbox.Options{Now: func() time.Time { return time.Unix(1700000000, 0) }})
	ann := s.Add(mailbox.Account{Address: "ann@example.test"})
	ben := s.Add(mailbox.Account{Address: "ben@example.test"})
	msg := message("hello")
	for _, a := range []string{"ben@example.test", "far@elsewhere.test"} {
		r := &mapi.Recipient{}
		r.Props.Set(mapi.PidTagSmtpAddress, mapi.StringValue(a))
		msg.Recipients = append(msg.Recipients, r)
	}
	last := ben.LastEvent()
	if err := s.Submit(bg, ann, msg, "SendItem"); err != nil {
		t.Fatal(err)
	}
	out := s.Outbox()
	if len(out) != 1 || out[0].Mailbox != "ann@example.test" || len(out[0].Recipients) != 2 {
		t.Errorf("%+v", out)
	}
	inbox, _ := ben.WellKnown(mailbox.Inbox)
	list, _ := ben.Items(inbox.ID, mailbox.Normal)
	if len(list) != 1 || list[0].Read() || list[0].Received().Unix() != 1700000000 || list[0].Message.Props.Text(mapi.PidTagSenderSmtpAddress) != "ann@example.test" {
		t.Errorf("%+v", list)
	}
	ev, _ := ben.Events(last)
	if len(ev) != 1 || ev[0].Kind != mailbox.EventNewMail || ev[0].Place != list[0].Place {
		t.Errorf("%+v", ev)
	}
}

func TestEventsWake(t *testing.T) {
	s := newServer(t, mailbox.Options{})
	m := s.Add(mailbox.Account{Address: "ann@example.test"})
	inbox, _ := m.WellKnown(mailbox.Inbox)
	after := m.LastEvent()
	_, wake := m.Events(after)
	go m.Create(bg, inbox.ID, message("x"), mailbox.CreateOptions{})
	<-wake
	if ev, _ := m.Events(after); len(ev) != 1 || ev[0].Kind != mailbox.EventCreated || ev[0].Number != after+1 {
		t.Errorf("%+v", ev)
	}
}
