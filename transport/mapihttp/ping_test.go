package mapihttp

import (
	"context"
	"net/url"
	"testing"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/mapihttp/mapihttptest"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// A session that lay idle is asked whether it is still there, and replaced when
// it is not.
func TestIdleSessionsArePinged(t *testing.T) {
	defer func(d func()) { d() }(func() { pingAfter = 60e9 })
	pingAfter = 0
	s, err := mapihttptest.New(mapihttptest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.Mailboxes().Add(mailbox.Account{Address: "ann@example.org", Name: "Ann", Password: "secret"})
	a := transport.Address{Scheme: "mapihttp", User: "ann", Password: "secret", Host: "example.org", Params: url.Values{"autodiscover": {s.AutodiscoverURL()}, "auth": {"basic"}}}
	ctx := context.Background()
	st, err := Driver().Source(ctx, a, &transport.Env{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	list := func() (n int) {
		for _, err := range st.Folders(ctx) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		return n
	}
	n := list()
	if list() != n || s.Requests("PING") == 0 {
		t.Errorf("%d pings", s.Requests("PING"))
	}
	s.Forget()
	before := s.Requests("Connect")
	if list() != n || s.Requests("Connect") != before+1 {
		t.Errorf("%d new sessions after the server forgot them", s.Requests("Connect")-before)
	}
}
