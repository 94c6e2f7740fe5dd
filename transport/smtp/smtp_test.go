package smtp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gosmtp "github.com/emersion/go-smtp"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/smtp"
)

const text = "From: Ann <ann@a.example>\r\nTo: ben@b.example\r\nBcc: eve@c.example,\r\n\tdan@c.example\r\nSubject: x\r\n\r\n.\r\n..\r\nFrom here\r\n"

func mail(to ...string) smtp.Mail {
	return smtp.Mail{From: "ann@a.example", To: to, Content: mapi.Bytes(text)}
}

func TestBytesArriveWithoutBcc(t *testing.T) {
	p := open(t, nil)
	c := p.client(t, "", "")
	from, to, err := smtp.FromHeader(t.Context(), mapi.Bytes(text))
	if err != nil || from != "ann@a.example" || !slices.Equal(to, []string{"ben@b.example", "eve@c.example", "dan@c.example"}) {
		t.Fatalf("%q %q %v", from, to, err)
	}
	rep, err := c.Send(t.Context(), mail(to...))
	if err != nil {
		t.Fatal(err)
	}
	raw := mail("ben@b.example")
	raw.Raw = true
	if _, err := c.Send(t.Context(), raw); err != nil {
		t.Fatal(err)
	}
	got := p.letters()
	if len(rep.Accepted) != 3 || len(got) != 2 || !slices.Equal(got[0].to, to) || got[0].from != from {
		t.Errorf("%+v, %+v", rep, got)
	}
	if want := strings.Replace(text, "Bcc: eve@c.example,\r\n\tdan@c.example\r\n", "", 1); got[0].body != want || got[0].mail.Size != int64(len(want)) || rep.Bytes != int64(len(want)) {
		t.Errorf("%q, size %d", got[0].body, got[0].mail.Size)
	}
	if got[1].body != text {
		t.Errorf("raw: %q", got[1].body)
	}
	if p.conns != 2 { // before and behind STARTTLS
		t.Errorf("%d sessions for two mails", p.conns)
	}
}

func TestResentFieldsNameTheEnvelope(t *testing.T) {
	from, to, err := smtp.FromHeader(t.Context(), mapi.Bytes("Received: x\r\nResent-From: new@x.example\r\nResent-To: a@x.example\r\nResent-Bcc: b@x.example\r\nReceived: y\r\nResent-From: old@x.example\r\nResent-To: c@x.example\r\n"+text))
	if err != nil || from != "new@x.example" || !slices.Equal(to, []string{"a@x.example", "b@x.example"}) {
		t.Errorf("%q %q %v", from, to, err)
	}
	if _, _, err := smtp.FromHeader(t.Context(), mapi.Bytes("From: a@x.example\r\n\r\n")); transport.KindOf(err) != transport.Rejected {
		t.Errorf("no recipient: %v", err)
	}
	_, to, _ = smtp.FromHeader(t.Context(), mapi.Bytes("From: a@x.example\r\nTo: Team: b@x.example, c@x.example;\r\n\r\n"))
	if len(to) != 2 {
		t.Errorf("a group: %q", to)
	}
}

func TestPartialRefusalIsReported(t *testing.T) {
	p := open(t, nil)
	p.refuse["no@x.example"] = &gosmtp.SMTPError{Code: 550, EnhancedCode: gosmtp.EnhancedCode{5, 1, 1}, Message: "unknown user"}
	p.refuse["later@x.example"] = &gosmtp.SMTPError{Code: 450, EnhancedCode: gosmtp.EnhancedCode{4, 2, 0}, Message: "busy"}
	c := p.client(t, "", "")
	rep, err := c.Send(t.Context(), mail("no@x.example", "yes@x.example", "later@x.example"))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(rep.Accepted, []string{"yes@x.example"}) || len(rep.Refused) != 2 ||
		transport.KindOf(rep.Refused[0].Err) != transport.Rejected || transport.KindOf(rep.Refused[1].Err) != transport.Temporary {
		t.Errorf("%+v", rep)
	}
	rep, err = c.Send(t.Context(), mail("no@x.example"))
	if transport.KindOf(err) != transport.Rejected || !strings.Contains(err.Error(), "no@x.example: the server says 550 5.1.1 unknown user") || len(rep.Refused) != 1 {
		t.Errorf("%v, %+v", err, rep)
	}
	if _, err := c.Send(t.Context(), mail("yes@x.example")); err != nil {
		t.Errorf("after a refusal: %v", err)
	}
	if n := len(p.letters()); n != 2 {
		t.Errorf("%d mails arrived", n)
	}
}

func TestManyRecipientsGoInSeveralTransactions(t *testing.T) {
	p := open(t, func(p *post, _ *gosmtp.Server) { p.full = 3 })
	var to []string
	for i := range 8 {
		to = append(to, fmt.Sprintf("u%d@x.example", i))
	}
	rep, err := p.client(t, "", "").Send(t.Context(), mail(append(to, to[0])...))
	if err != nil || !slices.Equal(rep.Accepted, to) {
		t.Fatalf("%+v, %v", rep, err)
	}
	if n := len(p.letters()); n != 3 {
		t.Errorf("%d transactions", n)
	}
}

func TestDSN(t *testing.T) {
	p := open(t, nil)
	m := mail("bén@x.example", "ben@bücher.example", "c@x.example")
	m.DSN = smtp.DSN{Notify: []string{"SUCCESS", "FAILURE"}, Return: "HDRS", ID: "id+1", Original: true}
	rep, err := p.client(t, "", "").Send(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	l := p.letters()[0]
	if rep.NoDSN || l.mail.Return != "HDRS" || l.mail.EnvelopeID != "id+1" || !l.mail.UTF8 {
		t.Errorf("%+v", l.mail)
	}
	if l.to[1] != "ben@xn--bcher-kva.example" || l.rcpt[2].OriginalRecipient != "c@x.example" || l.rcpt[0].OriginalRecipient != "bén@x.example" || len(l.rcpt[0].Notify) != 2 {
		t.Errorf("%q %+v", l.to, l.rcpt)
	}
	plain := open(t, func(_ *post, s *gosmtp.Server) { s.EnableDSN = false })
	m.To = []string{"c@x.example"}
	if rep, err := plain.client(t, "", "").Send(t.Context(), m); err != nil || !rep.NoDSN {
		t.Errorf("a server without DSN: %+v, %v", rep, err)
	}
	m.DSN.Notify = []string{"NEVER", "SUCCESS"}
	if _, err := plain.client(t, "", "").Send(t.Context(), m); transport.KindOf(err) != transport.Usage {
		t.Errorf("NEVER and SUCCESS: %v", err)
	}
}

func TestWhatTheServerCannotTake(t *testing.T) {
	p := open(t, func(_ *post, s *gosmtp.Server) { s.EnableSMTPUTF8, s.MaxMessageBytes = false, 1000 })
	c := p.client(t, "", "")
	if n, err := c.MaxSize(t.Context()); n != 1000 || err != nil {
		t.Errorf("MaxSize %d, %v", n, err)
	}
	big := mail("b@x.example")
	big.Content = mapi.Bytes(text + strings.Repeat("x\r\n", 1000))
	bare := mail("b@x.example")
	bare.Content = mapi.Bytes("Subject: x\r\n\r\na\nb\rc\r\n")
	for name, tt := range map[string]struct {
		m    smtp.Mail
		kind transport.Kind
	}{
		"too large":       {big, transport.TooLarge},
		"SMTPUTF8":        {mail("bén@x.example"), transport.Rejected},
		"bare ends":       {bare, transport.Rejected},
		"no recipient":    {mail(), transport.Usage},
		"injection":       {mail("a@x.example> NOTIFY=NEVER"), transport.Usage},
		"line break":      {mail("a@x.example\r\nRCPT TO:<b@x.example"), transport.Usage},
		"no address":      {mail("ann"), transport.Usage},
		"header too long": {smtp.Mail{To: []string{"a@x.example"}, Content: mapi.Bytes(strings.Repeat("X: y\r\n", 60000) + "Bcc: b@x.example\r\n\r\n")}, transport.Rejected},
	} {
		if _, err := c.Send(t.Context(), tt.m); transport.KindOf(err) != tt.kind || err == nil {
			t.Errorf("%s: %v (%v), want %v", name, err, transport.KindOf(err), tt.kind)
		}
	}
	if n := len(p.letters()); n != 0 {
		t.Fatalf("%d mails arrived", n)
	}
	bare.Mend = true
	if _, err := c.Send(t.Context(), bare); err != nil {
		t.Fatal(err)
	}
	if got := p.letters()[0]; got.body != "Subject: x\r\n\r\na\r\nb\r\nc\r\n" || got.mail.Size != int64(len(got.body)) {
		t.Errorf("mended: %q, size %d", got.body, got.mail.Size)
	}
}

func TestErrorsAreClassified(t *testing.T) {
	for _, tt := range []struct {
		code int
		enh  gosmtp.EnhancedCode
		kind transport.Kind
	}{
		{451, gosmtp.EnhancedCode{4, 3, 0}, transport.Temporary},
		{421, gosmtp.EnhancedCode{4, 7, 0}, transport.Throttled},
		{432, gosmtp.EnhancedCode{4, 3, 2}, transport.Throttled},
		{550, gosmtp.EnhancedCode{5, 7, 1}, transport.Rejected},
		{552, gosmtp.EnhancedCode{5, 3, 4}, transport.TooLarge},
		{552, gosmtp.EnhancedCode{5, 2, 2}, transport.QuotaExceeded},
		{530, gosmtp.EnhancedCode{5, 7, 0}, transport.Auth},
	} {
		p := open(t, func(p *post, _ *gosmtp.Server) {
			p.data = &gosmtp.SMTPError{Code: tt.code, EnhancedCode: tt.enh, Message: "because\nof that"}
		})
		c := p.client(t, "", "")
		_, err := c.Send(t.Context(), mail("b@x.example"))
		if transport.KindOf(err) != tt.kind || err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%d %v: %v (%v)", tt.code, tt.enh, err, transport.KindOf(err))
		}
		p.data = nil
		if _, err := c.Send(t.Context(), mail("b@x.example")); err != nil {
			t.Errorf("after %d: %v", tt.code, err)
		}
	}
}

func TestEncryptionIsNeverLeftOut(t *testing.T) {
	p := open(t, nil)
	through := func(change func(string) (string, bool)) transport.Address {
		a := p.address(t, "ann:secret", "")
		a.Host = middleman(t, p.addr, change)
		return a
	}
	for name, tt := range map[string]struct {
		a    transport.Address
		want string
	}{
		"taken out of the list": {through(func(l string) (string, bool) {
			return strings.ReplaceAll(l, "STARTTLS", "XSTARTTL"), true
		}), "offers no encryption"},
		"refused": {through(func(l string) (string, bool) {
			if strings.HasPrefix(l, "220 2.0.0") {
				return "454 4.7.0 not now", true
			}
			return l, true
		}), "not now"},
		"wrong name":        {p.address(t, "ann:secret", "servername=other.example"), "another name"},
		"unknown authority": {func() transport.Address { a := p.address(t, "ann:secret", ""); a.Params.Del("ca"); return a }(), "not trusted"},
	} {
		c, err := smtp.New(tt.a, nil)
		if err != nil {
			t.Fatal(err)
		}
		err = c.Connect(t.Context())
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
		c.Close()
	}
	if len(p.logins) > 0 {
		t.Errorf("somebody logged in: %q", p.logins)
	}
}

func TestLogins(t *testing.T) {
	p := open(t, func(p *post, s *gosmtp.Server) { p.mechs, s.AllowInsecureAuth = []string{"PLAIN", "XOAUTH2"}, true })
	for _, tt := range []struct {
		user, query, want string
		kind              transport.Kind
	}{
		{"ann:secret", "", "PLAIN ann", 0},
		{"ann:secret", "tls=none", "PLAIN ann", 0}, // on loopback
		{"ann", "auth=xoauth2", "XOAUTH2", 0},
		{"ann:wrong-secret", "", "", transport.Auth},
		{"ann:wrong-secret", "auth=xoauth2", "", transport.Auth},
		{"ann:wrong-secret", "auth=scram", "", transport.Auth},
	} {
		p.logins = nil
		err := p.client(t, tt.user, tt.query).Connect(t.Context())
		if tt.want == "" {
			if transport.KindOf(err) != tt.kind || strings.Contains(fmt.Sprint(err), "wrong-secret") {
				t.Errorf("%s %s: %v", tt.user, tt.query, err)
			}
			if tt.query == "auth=xoauth2" && !strings.Contains(fmt.Sprint(err), "wanted scope smtp") {
				t.Errorf("the server's reason is lost: %v", err)
			}
			continue
		}
		if err != nil || !slices.Equal(p.logins, []string{tt.want}) {
			t.Errorf("%s %s: %q, %v", tt.user, tt.query, p.logins, err)
		}
	}
}

func TestALostConnectionIsMadeAgain(t *testing.T) {
	p := open(t, nil)
	a := p.address(t, "", "tls=none")
	var mu sync.Mutex
	cut := ""
	seen := 0
	from := func(s string) {
		mu.Lock()
		defer mu.Unlock()
		cut, seen = s, 0
	}
	a.Host = middleman(t, p.addr, func(l string) (string, bool) {
		mu.Lock()
		defer mu.Unlock()
		if cut != "" && strings.HasPrefix(l, cut) {
			if seen++; seen == 1 {
				return "", false
			}
		}
		return l, true
	})
	c, err := smtp.New(a, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Send(t.Context(), mail("b@x.example")); err != nil {
		t.Fatal(err)
	}
	from("250 2.0.0 Roger") // the answer to MAIL on the old connection
	if _, err := c.Send(t.Context(), mail("b@x.example")); err != nil {
		t.Errorf("a server that hung up meanwhile: %v", err)
	}
	// After the last byte nobody knows.
	from("250 2.0.0 OK")
	_, err = c.Send(t.Context(), mail("b@x.example"))
	if transport.KindOf(err) != transport.Permanent || !strings.Contains(fmt.Sprint(err), "may have been taken") {
		t.Errorf("cut before the verdict: %v", err)
	}
}

// failing is a mail whose bytes end in an error.
type failing struct{ n int }

func (f *failing) Size() int64 { return 5000 }

var errDisk = errors.New("the disk is gone")

func (f *failing) Open(context.Context) (io.ReadCloser, error) {
	f.n++
	r := io.Reader(strings.NewReader(text + strings.Repeat("x\r\n", 1000)))
	if f.n > 2 { // header, scan, and then
		r = io.MultiReader(io.LimitReader(r, 500), bad{})
	}
	return io.NopCloser(r), nil
}

type bad struct{}

func (bad) Read([]byte) (int, error) { return 0, errDisk }

func TestHalfAMailIsNeverSent(t *testing.T) {
	p := open(t, nil)
	c := p.client(t, "", "")
	m := mail("b@x.example")
	m.Content = &failing{}
	if _, err := c.Send(t.Context(), m); !errors.Is(err, errDisk) {
		t.Errorf("%v", err)
	}
	if n := len(p.letters()); n != 0 {
		t.Errorf("half a mail arrived: %q", p.letters()[0].body)
	}
	if _, err := c.Send(t.Context(), mail("b@x.example")); err != nil {
		t.Error(err)
	}
}

func TestSink(t *testing.T) {
	p := open(t, nil)
	if _, err := smtp.Driver().Sink(t.Context(), p.address(t, "", ""), nil); transport.KindOf(err) != transport.Usage || !strings.Contains(fmt.Sprint(err), "to=") {
		t.Fatalf("a sink without recipients: %v", err)
	}
	s, err := smtp.Driver().Sink(t.Context(), p.address(t, "", "to=archive@x.example&from=null"), nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := s.Ensure(t.Context(), transport.Folder{Path: []string{"any"}})
	if err != nil {
		t.Fatal(err)
	}
	c := &transport.Content{Form: transport.FormMIME, MIME: &once{Bytes: mapi.Bytes(text)}, OneShot: true}
	r, err := s.Put(t.Context(), f, transport.Meta{Flags: transport.Seen, Received: time.Now()}, c)
	if err != nil || r.Bytes == 0 || len(r.Losses) != 2 {
		t.Errorf("%+v, %v", r, err)
	}
	if got := p.letters()[0]; got.from != "" || !slices.Equal(got.to, []string{"archive@x.example"}) {
		t.Errorf("%+v", got)
	}
	if len(s.Accepts(transport.Meta{Class: "IPM.Contact"})) != 0 || len(s.Accepts(transport.Meta{Class: "IPM.Note.SMIME"})) != 1 {
		t.Error("Accepts")
	}
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Error(err)
	}
	s, err = smtp.Driver().Sink(t.Context(), p.address(t, "", "to=header"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Put(t.Context(), f, transport.Meta{}, &transport.Content{Form: transport.FormMIME, MIME: mapi.Bytes(text)}); err != nil {
		t.Fatal(err)
	}
	if got := p.letters()[1]; got.from != "ann@a.example" || len(got.to) != 3 {
		t.Errorf("%+v", got)
	}
}

// once can be opened once.
type once struct {
	mapi.Bytes
	used bool
}

func (o *once) Open(ctx context.Context) (io.ReadCloser, error) {
	if o.used {
		return nil, errors.New("opened twice")
	}
	o.used = true
	return o.Bytes.Open(ctx)
}

func TestDraft(t *testing.T) {
	file := filepath.Join(t.TempDir(), "Grüße.pdf")
	if err := os.WriteFile(file, bytes.Repeat([]byte("pdf"), 100), 0o600); err != nil {
		t.Fatal(err)
	}
	d := smtp.Draft{
		From: "Änne <ann@bücher.example>", To: "Ben <ben@b.example>, c@x.example", Bcc: "eve@c.example",
		Subject: "Über\r\nBcc: injected@x.example", Text: "Hello\nWorld\n", HTML: "<p>Hello</p>",
		Attachments: []string{file}, Date: time.Date(2024, 5, 14, 10, 20, 30, 0, time.UTC), MessageID: "<1@x.example>",
	}
	var b bytes.Buffer
	if err := d.Write(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"\r\nMessage-ID: <1@x.example>\r\n", "ann@xn--bcher-kva.example", "Date: Tue, 14 May 2024 10:20:30 +0000", "multipart/alternative", "multipart/mixed", "application/pdf", "Bcc: <eve@c.example>"} {
		if !strings.Contains("\r\n"+b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
	from, to, err := smtp.FromHeader(t.Context(), mapi.Bytes(b.Bytes()))
	if err != nil || from != "ann@xn--bcher-kva.example" || !slices.Equal(to, []string{"ben@b.example", "c@x.example", "eve@c.example"}) {
		t.Errorf("%q %q %v", from, to, err)
	}
	for _, bad := range []smtp.Draft{{To: "b@x.example"}, {From: "a@x.example, b@x.example"}, {From: "a@x.example", To: "nobody"}, {From: "bén@x.example"}, {From: "a@x.example", Attachments: []string{"missing"}}} {
		if err := bad.Write(t.Context(), io.Discard); transport.KindOf(err) != transport.Usage {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}
