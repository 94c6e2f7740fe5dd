package smtp_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/smtp"
)

// A post takes mail in this process.
type post struct {
	addr string
	ca   string

	mu     sync.Mutex
	got    []letter
	conns  int
	refuse map[string]*gosmtp.SMTPError // by recipient
	full   int                          // recipients of one transaction
	data   *gosmtp.SMTPError
	logins []string
	mechs  []string
}

type letter struct {
	from string
	to   []string
	mail gosmtp.MailOptions
	rcpt []gosmtp.RcptOptions
	body string
}

func (p *post) letters() []letter {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]letter(nil), p.got...)
}

type visit struct {
	p *post
	l letter
}

func (p *post) NewSession(*gosmtp.Conn) (gosmtp.Session, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns++
	return &visit{p: p}, nil
}

func (v *visit) AuthMechanisms() []string { return v.p.mechs }

func (v *visit) Auth(mech string) (sasl.Server, error) {
	deny := &gosmtp.SMTPError{Code: 535, EnhancedCode: gosmtp.EnhancedCode{5, 7, 8}, Message: "no"}
	note := func(s string) {
		v.p.mu.Lock()
		v.p.logins = append(v.p.logins, s)
		v.p.mu.Unlock()
	}
	switch mech {
	case "PLAIN":
		return sasl.NewPlainServer(func(as, user, pass string) error {
			if pass != "secret" {
				return deny
			}
			note(mech + " " + user)
			return nil
		}), nil
	case "XOAUTH2":
		return &xoauth2{ok: func() { note(mech) }, deny: deny}, nil
	}
	return nil, errors.New("no")
}

type xoauth2 struct {
	ok   func()
	deny error
	told bool
}

func (x *xoauth2) Next(in []byte) ([]byte, bool, error) {
	switch {
	case x.told:
		return nil, true, x.deny
	case bytes.Contains(in, []byte("auth=Bearer good\x01")):
		x.ok()
		return nil, true, nil
	}
	x.told = true
	return []byte(`{"status":"401","scope":"smtp"}`), false, nil
}

func (v *visit) Mail(from string, o *gosmtp.MailOptions) error {
	v.l = letter{from: from, mail: *o}
	return nil
}

func (v *visit) Rcpt(to string, o *gosmtp.RcptOptions) error {
	if e := v.p.refuse[to]; e != nil {
		return e
	}
	if v.p.full > 0 && len(v.l.to) >= v.p.full {
		return &gosmtp.SMTPError{Code: 452, EnhancedCode: gosmtp.EnhancedCode{4, 5, 3}, Message: "too many recipients"}
	}
	v.l.to = append(v.l.to, to)
	v.l.rcpt = append(v.l.rcpt, *o)
	return nil
}

func (v *visit) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if v.p.data != nil {
		return v.p.data
	}
	v.l.body = string(b)
	v.p.mu.Lock()
	v.p.got = append(v.p.got, v.l)
	v.p.mu.Unlock()
	return nil
}

func (v *visit) Reset()        { v.l = letter{} }
func (v *visit) Logout() error { return nil }

// open starts a post; set may change the server.
func open(t *testing.T, set func(*post, *gosmtp.Server)) *post {
	t.Helper()
	h := httptest.NewUnstartedServer(nil)
	h.StartTLS()
	conf := &tls.Config{Certificates: h.TLS.Certificates}
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: h.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	h.Close()
	p := &post{ca: ca, refuse: map[string]*gosmtp.SMTPError{}, mechs: []string{"PLAIN"}}
	s := gosmtp.NewServer(p)
	s.Domain, s.TLSConfig = "mail.example", conf
	s.EnableDSN, s.EnableSMTPUTF8 = true, true
	s.MaxMessageBytes = 1 << 20
	s.ErrorLog = discard{}
	if set != nil {
		set(p, s)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.addr = l.Addr().String()
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return p
}

type discard struct{}

func (discard) Printf(string, ...any) {}
func (discard) Println(...any)        {}

// client opens smtp:// at the post; TLS with its authority by default.
func (p *post) client(t *testing.T, user, query string) *smtp.Client {
	t.Helper()
	c, err := smtp.New(p.address(t, user, query), &transport.Env{Secret: func(context.Context, transport.Address) (string, error) { return "good", nil }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func (p *post) address(t *testing.T, user, query string) transport.Address {
	t.Helper()
	if user != "" {
		user += "@"
	}
	a, err := transport.ParseAddress("smtp://" + user + p.addr + "?ca=" + p.ca + "&" + query)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// middleman passes lines on and lets change edit what the server says.
func middleman(t *testing.T, to string, change func(line string) (string, bool)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s, err := net.Dial("tcp", to)
			if err != nil {
				c.Close()
				return
			}
			go func() { io.Copy(s, c); s.Close() }()
			go func() {
				defer c.Close()
				r := bufio.NewReader(s)
				for {
					line, err := r.ReadString('\n')
					if err != nil {
						return
					}
					line, ok := change(strings.TrimRight(line, "\r\n"))
					if !ok {
						return
					}
					if line != "" {
						io.WriteString(c, line+"\r\n")
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}
