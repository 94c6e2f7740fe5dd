package transport_test

import (
	"strings"
	"testing"

	"github.com/mailconv/mailconv/transport"
)

func TestParseAddress(t *testing.T) {
	for in, want := range map[string]transport.Address{
		"imaps://zoe@example.org@mail.example:993/Sent/2024?auth=login": {Scheme: "imaps", User: "zoe@example.org", Host: "mail.example:993", Path: "Sent/2024"},
		"imap://zoe:p%40ss@mail.example":                                {Scheme: "imap", User: "zoe", Password: "p@ss", Host: "mail.example"},
		"maildir:Mail":                                                  {Scheme: "maildir", Path: "Mail"},
		"mbox:/a b/c.mbox":                                              {Scheme: "mbox", Path: "/a b/c.mbox"},
		"dir:out?format=msg":                                            {Scheme: "dir", Path: "out"},
		"archive.pst":                                                   {Path: "archive.pst"},
		`C:\Mail\archive.pst`:                                           {Path: `C:\Mail\archive.pst`},
	} {
		got, err := transport.ParseAddress(in)
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		got.Params = nil
		if got.Scheme != want.Scheme || got.User != want.User || got.Password != want.Password || got.Host != want.Host || got.Path != want.Path {
			t.Errorf("%s is read as %+v", in, got)
		}
	}
}

func TestAddressStringHoldsNoSecret(t *testing.T) {
	for _, in := range []string{
		"imap://zoe:hunter2@mail.example/INBOX",
		"imap://zoe@mail.example?proxy=socks5://u:hunter2@proxy.example:1080",
		"imap://zoe@mail.example?proxy=socks5%3A%2F%2Fu%3Ahunter2%40proxy.example%3A1080",
		"imap://zoe@mail.example?proxy=http%3A%2F%2Fu%3Ahunter2%25zz%40proxy.example",
	} {
		a, err := transport.ParseAddress(in)
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if s := a.String(); strings.Contains(s, "hunter2") || !strings.Contains(s, "zoe@mail.example") {
			t.Errorf("%s is shown as %s", in, s)
		}
	}
}
