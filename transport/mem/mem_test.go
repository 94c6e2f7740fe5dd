package mem_test

import (
	"context"
	"io"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/mem"
)

var bg = context.Background()

func keys(t *testing.T, s transport.Source, f transport.Folder, c *transport.Cursor) (all []transport.Meta) {
	t.Helper()
	for m, err := range s.Items(bg, f, c) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

func TestCursorListsWhatChanged(t *testing.T) {
	s := mem.New(mem.Options{})
	inbox := transport.Folder{Path: []string{"Inbox"}}
	a := s.Add(inbox.Path, transport.Meta{}, "Subject: a\r\n\r\n")
	b := s.Add(inbox.Path, transport.Meta{}, "Subject: b\r\n\r\n")
	c := &transport.Cursor{}
	if l := keys(t, s, inbox, c); len(l) != 2 || c.Delta {
		t.Fatalf("first listing: %v, delta %v", l, c.Delta)
	}
	s.SetFlags(bg, inbox, []transport.FlagChange{{Ref: a, Flags: transport.Seen}})
	s.Delete(bg, inbox, []transport.Key{b})
	if l := keys(t, s, inbox, c); len(l) != 2 || !c.Delta || l[0].Flags != transport.Seen || !l[1].Gone {
		t.Errorf("second listing: %+v, delta %v", l, c.Delta)
	}
	if l := keys(t, s, inbox, c); len(l) != 0 {
		t.Errorf("nothing changed, but: %+v", l)
	}
	s.ResetValidity("Inbox")
	if l := keys(t, s, inbox, c); len(l) != 1 || c.Delta || l[0].Key == a {
		t.Errorf("after a new UIDVALIDITY: %+v, delta %v", l, c.Delta)
	}
}

func TestOneShotBodiesEndWithTheNextItem(t *testing.T) {
	s := mem.New(mem.Options{OneShot: true})
	inbox := transport.Folder{Path: []string{"Inbox"}}
	ks := []transport.Key{
		s.Add(inbox.Path, transport.Meta{}, "Subject: a\r\n\r\n"),
		s.Add(inbox.Path, transport.Meta{}, "Subject: b\r\n\r\n"),
	}
	var last *transport.Content
	for fe, err := range s.Fetch(bg, inbox, ks, nil) {
		if err != nil || fe.Err != nil {
			t.Fatal(err, fe.Err)
		}
		if last != nil {
			if _, err := last.MIME.Open(bg); err == nil {
				t.Error("the body of the item before can still be opened")
			}
			last.Close()
		}
		last = fe.Content
	}
	last.Close()
	for fe := range s.Fetch(bg, inbox, ks[:1], nil) {
		r, err := fe.Content.MIME.Open(bg)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, r)
		if _, err := fe.Content.MIME.Open(bg); err == nil {
			t.Error("a body can be opened twice")
		}
		fe.Content.Close()
	}
	if s.Open() != 0 {
		t.Errorf("%d contents are not closed", s.Open())
	}
}

func TestLimitsAndQuota(t *testing.T) {
	s := mem.New(mem.Options{MaxSize: 100, Limit: 150})
	f, _ := s.Ensure(bg, transport.Folder{Path: []string{"a", "b"}})
	put := func(n int) error {
		_, err := s.Put(bg, f, transport.Meta{}, &transport.Content{Form: transport.FormMIME, MIME: mapi.Bytes(make([]byte, n))})
		return err
	}
	if err := put(101); transport.KindOf(err) != transport.TooLarge {
		t.Errorf("too large: %v", err)
	}
	if err := put(100); err != nil {
		t.Error(err)
	}
	if err := put(100); transport.KindOf(err) != transport.QuotaExceeded {
		t.Errorf("over quota: %v", err)
	}
	if used, limit, err := s.Quota(bg); used != 100 || limit != 150 || err != nil {
		t.Errorf("quota %d of %d, %v", used, limit, err)
	}
}
