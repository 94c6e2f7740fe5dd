package sasl_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/xdg-go/scram"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/sasl"
)

func name(t *testing.T, server, want string, c sasl.Credentials, cleartext error) (string, error) {
	t.Helper()
	m, err := sasl.Choose(strings.Fields(server), want, c, cleartext)
	if err != nil {
		return "", err
	}
	n, _, err := m.Start()
	return n, err
}

func TestTheBestOfTheServersListIsChosen(t *testing.T) {
	open := errors.New("open line")
	who := sasl.Credentials{User: "ann", Secret: "s"}
	master := sasl.Credentials{User: "root", As: "ann", Secret: "s"}
	for _, tt := range []struct {
		server, want, got string
		c                 sasl.Credentials
		open              bool
	}{
		{server: "PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 scram-sha-256", got: sasl.SCRAMSHA256, c: who},
		{server: "CRAM-MD5 PLAIN", got: sasl.Plain, c: who},
		{server: "CRAM-MD5 PLAIN", got: sasl.CRAMMD5, c: who, open: true},
		{server: "LOGIN", got: sasl.Login, c: who},
		{server: "LOGIN CRAM-MD5 PLAIN", got: sasl.Plain, c: master},
		{server: "PLAIN SCRAM-SHA-1", want: "scram", got: sasl.SCRAMSHA1, c: who},
		{server: "PLAIN XOAUTH2 OAUTHBEARER", want: "oauthbearer", got: sasl.OAuthBearer, c: who},
		{server: "PLAIN XOAUTH2 OAUTHBEARER", want: "oauth", got: sasl.XOAuth2, c: who},
	} {
		var cleartext error
		if tt.open {
			cleartext = open
		}
		if got, err := name(t, tt.server, tt.want, tt.c, cleartext); got != tt.got || err != nil {
			t.Errorf("%q, auth=%s: %s, %v; want %s", tt.server, tt.want, got, err, tt.got)
		}
	}
	if _, err := name(t, "PLAIN LOGIN", "", who, open); err != open {
		t.Errorf("a password on an open line: %v", err)
	}
	if _, err := name(t, "XOAUTH2", "", who, nil); transport.KindOf(err) != transport.Auth || !strings.Contains(err.Error(), "mailconv login") {
		t.Errorf("only tokens: %v", err)
	}
	if _, err := name(t, "PLAIN", "magic", who, nil); transport.KindOf(err) != transport.Usage {
		t.Errorf("unknown: %v", err)
	}
	if _, err := name(t, "PLAIN", "", sasl.Credentials{User: "a\x00b"}, nil); transport.KindOf(err) != transport.Usage {
		t.Errorf("NUL in a name: %v", err)
	}
}

func TestBytesOnTheWire(t *testing.T) {
	c := sasl.Credentials{User: "tim", As: "ann", Secret: "tanstaaftanstaaf", Host: "h.example", Port: "143"}
	for n, want := range map[string]string{
		sasl.Plain:       "ann\x00tim\x00tanstaaftanstaaf",
		sasl.XOAuth2:     "user=tim\x01auth=Bearer tanstaaftanstaaf\x01\x01",
		sasl.OAuthBearer: "n,a=tim,\x01host=h.example\x01port=143\x01auth=Bearer tanstaaftanstaaf\x01\x01",
	} {
		m, err := sasl.New(n, c)
		if err != nil {
			t.Fatal(err)
		}
		if _, got, err := m.Start(); string(got) != want || err != nil {
			t.Errorf("%s: %q, %v", n, got, err)
		}
	}
	// The example of RFC 2195.
	m, _ := sasl.New(sasl.CRAMMD5, c)
	m.Start()
	got, err := m.Next([]byte("<1896.697170952@postoffice.reston.mci.net>"))
	if string(got) != "tim b913a602c7eda7a495b4e6e7334d3890" || err != nil {
		t.Errorf("CRAM-MD5: %q, %v", got, err)
	}
	m, _ = sasl.New(sasl.Login, c)
	if _, ir, _ := m.Start(); ir != nil {
		t.Error("LOGIN has no initial response")
	}
	u, _ := m.Next([]byte("User Name\x00"))
	p, _ := m.Next([]byte("Password:"))
	if string(u) != "tim" || string(p) != c.Secret {
		t.Errorf("LOGIN: %q %q", u, p)
	}
	if _, err := m.Next(nil); err == nil {
		t.Error("LOGIN answers a third question")
	}
}

func TestSCRAMWantsTheServersProof(t *testing.T) {
	for _, n := range []string{sasl.SCRAMSHA1, sasl.SCRAMSHA256} {
		hash := scram.SHA1
		if n == sasl.SCRAMSHA256 {
			hash = scram.SHA256
		}
		known, err := hash.NewClient("ann", "pencil", "")
		if err != nil {
			t.Fatal(err)
		}
		stored, err := known.GetStoredCredentialsWithError(scram.KeyFactors{Salt: "salt", Iters: 4096})
		if err != nil {
			t.Fatal(err)
		}
		server, err := hash.NewServer(func(string) (scram.StoredCredentials, error) { return stored, nil })
		if err != nil {
			t.Fatal(err)
		}
		s := server.NewConversation()
		m, err := sasl.New(n, sasl.Credentials{User: "ann", Secret: "pencil"})
		if err != nil {
			t.Fatal(err)
		}
		_, out, err := m.Start()
		if err != nil {
			t.Fatal(err)
		}
		for !s.Done() {
			in, err := s.Step(string(out))
			if err != nil {
				t.Fatal(err)
			}
			if s.Done() && sasl.Finish(m) == nil {
				t.Errorf("%s: complete before the server's proof", n)
			}
			if out, err = m.Next([]byte(in)); err != nil {
				t.Fatal(err)
			}
			if out == nil {
				t.Errorf("%s: no answer", n)
			}
		}
		if err := sasl.Finish(m); err != nil {
			t.Error(err)
		}
		m, _ = sasl.New(n, sasl.Credentials{User: "ann", Secret: "pencil"})
		_, first, _ := m.Start()
		_, nonce, _ := strings.Cut(string(first), ",r=")
		if _, err := m.Next([]byte("r=" + nonce + "x,s=" + base64.StdEncoding.EncodeToString([]byte("salt")) + ",i=2000000000")); err == nil {
			t.Error("two thousand million rounds are computed")
		}
	}
}

func TestRefusedTokenTellsWhy(t *testing.T) {
	for n, want := range map[string]string{sasl.XOAuth2: "", sasl.OAuthBearer: "\x01"} {
		m, _ := sasl.New(n, sasl.Credentials{User: "ann", Secret: "token-secret"})
		m.Start()
		got, err := m.Next([]byte(`{"status":"401","schemes":"bearer","scope":"https://mail.example/"}`))
		if string(got) != want || got == nil || err != nil {
			t.Errorf("%s: %q, %v", n, got, err)
		}
		if d := sasl.Detail(m); d != "status 401, wanted scope https://mail.example/" {
			t.Errorf("%s: %q", n, d)
		}
	}
}

func FuzzChallenges(f *testing.F) {
	f.Add("r=abc,s=QSXCR+Q6sek8bf92,i=4096")
	f.Add(`{"status":"401"}`)
	f.Fuzz(func(t *testing.T, in string) {
		for _, n := range []string{sasl.Plain, sasl.Login, sasl.CRAMMD5, sasl.SCRAMSHA1, sasl.SCRAMSHA256, sasl.XOAuth2, sasl.OAuthBearer} {
			m, err := sasl.New(n, sasl.Credentials{User: "u", Secret: "p"})
			if err != nil {
				t.Fatal(err)
			}
			m.Start()
			m.Next([]byte(in))
			m.Next([]byte(in))
		}
	})
}
