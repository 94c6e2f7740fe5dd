package smtp_test

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/smtp"
)

// postfix starts a Postfix that delivers to Maildirs below dir/mail.
func postfix(t *testing.T) (addr, ca, dir string) {
	t.Helper()
	if _, err := os.Stat("/usr/lib/postfix/sbin/master"); err != nil {
		t.Skip("LEFT OUT: Postfix is not installed (make test-deps)")
	}
	if os.Geteuid() != 0 {
		t.Skip("LEFT OUT: Postfix can only be started by root")
	}
	dir, err := os.MkdirTemp("", "mcp") // short, as sockets lie in it
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewUnstartedServer(nil)
	h.StartTLS()
	defer h.Close()
	key, err := x509.MarshalPKCS8PrivateKey(h.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr = l.Addr().String()
	l.Close()
	ca = filepath.Join(dir, "cert.pem")
	mainCF := strings.NewReplacer("DIR", dir).Replace(`compatibility_level = 3.6
queue_directory = DIR/spool
data_directory = DIR/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
maillog_file = DIR/log
maillog_file_prefixes = DIR
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mail.example
mydestination =
alias_maps =
alias_database =
virtual_mailbox_domains = x.example
virtual_mailbox_base = DIR/mail
virtual_mailbox_maps = inline:{ann@x.example=ann/, ben@x.example=ben/}
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions = reject_unlisted_recipient, permit_mynetworks, reject
smtpd_tls_cert_file = DIR/cert.pem
smtpd_tls_key_file = DIR/key.pem
smtpd_tls_security_level = may
smtp_tls_security_level = none
message_size_limit = 2000000
`)
	masterCF := addr + " inet n - n - - smtpd\n" + `cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`
	for name, text := range map[string]string{
		"main.cf": mainCF, "master.cf": masterCF,
		"cert.pem": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: h.Certificate().Raw})),
		"key.pem":  string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run := func(args ...string) error {
		cmd := exec.Command(args[0], args[1:]...)
		out, err := os.OpenFile(filepath.Join(dir, "out"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		defer out.Close()
		cmd.Stdout, cmd.Stderr = out, out // not pipes: the daemon stays
		return cmd.Run()
	}
	says := func() string {
		a, _ := os.ReadFile(filepath.Join(dir, "out"))
		b, _ := os.ReadFile(filepath.Join(dir, "log"))
		return string(a) + string(b)
	}
	t.Cleanup(func() {
		run("/usr/sbin/postfix", "-c", dir, "stop")
		if t.Failed() {
			t.Logf("Postfix says:\n%s", says())
		}
		os.RemoveAll(dir)
	})
	for _, d := range []string{"spool", "data", "mail"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{
		{"chmod", "755", dir},
		{"chown", "postfix", filepath.Join(dir, "data")},
		{"chown", "65534:65534", filepath.Join(dir, "mail")},
		{"/usr/sbin/postfix", "-c", dir, "start"},
	} {
		if err := run(args...); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, says())
		}
	}
	for range 100 {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return addr, ca, dir
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("Postfix does not answer")
	return
}

// delivered waits for n mails in a Maildir.
func delivered(t *testing.T, dir, user string, n int) []string {
	t.Helper()
	for range 200 {
		names, _ := filepath.Glob(filepath.Join(dir, "mail", user, "new", "*"))
		if len(names) >= n {
			var list []string
			for _, f := range names {
				b, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				list = append(list, string(b))
			}
			return list
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("%s did not get %d mails", user, n)
	return nil
}

func TestPostfix(t *testing.T) {
	addr, ca, dir := postfix(t)
	a, err := transport.ParseAddress("smtp://" + addr + "?ca=" + ca)
	if err != nil {
		t.Fatal(err)
	}
	c, err := smtp.New(a, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if n, err := c.MaxSize(t.Context()); n != 2000000 || err != nil {
		t.Errorf("MaxSize: %d, %v", n, err)
	}
	body := "From: ann@x.example\r\nTo: ben@x.example\r\nBcc: eve@x.example\r\nSubject: x\r\nDate: Tue, 14 May 2024 10:20:30 +0200\r\nMessage-ID: <1@x.example>\r\n\r\n.\r\n..\r\nFrom here\r\nGr\xc3\xbc\xc3\x9fe \xff\r\n"
	m := smtp.Mail{From: "ann@x.example", To: []string{"ben@x.example", "nobody@x.example"}, Content: mapi.Bytes(body)}
	m.DSN = smtp.DSN{Notify: []string{"SUCCESS"}, Return: "HDRS", ID: "an+id=1", Original: true}
	rep, err := c.Send(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	if rep.NoDSN || len(rep.Accepted) != 1 || len(rep.Refused) != 1 || transport.KindOf(rep.Refused[0].Err) != transport.Rejected || !strings.Contains(rep.Reply, "queued as") {
		t.Errorf("%+v", rep)
	}
	got := delivered(t, dir, "ben", 1)[0]
	_, text, _ := strings.Cut(got, "\n\n")
	if text != ".\n..\nFrom here\nGr\xc3\xbc\xc3\x9fe \xff\n" || strings.Contains(got, "Bcc") || !strings.Contains(got, "with ESMTPS") {
		t.Errorf("delivered:\n%s", got)
	}
	news := delivered(t, dir, "ann", 1)[0]
	for _, want := range []string{"message/delivery-status", "Original-Envelope-Id: an+id=1", "Original-Recipient: RFC822;ben@x.example", "Action: delivered"} {
		if !strings.Contains(news, want) {
			t.Errorf("the notification lacks %q:\n%s", want, news)
		}
	}
	start := time.Now()
	m.DSN = smtp.DSN{}
	m.To = m.To[:1]
	for i := range 50 {
		m.Content = mapi.Bytes(strings.Replace(body, "Subject: x", fmt.Sprintf("Subject: %d", i), 1))
		if _, err := c.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("50 mails in %v over one connection", time.Since(start).Round(time.Millisecond))
	delivered(t, dir, "ben", 51)
	m.Content = mapi.Bytes(body + strings.Repeat("x\r\n", 1000000))
	if _, err := c.Send(t.Context(), m); transport.KindOf(err) != transport.TooLarge {
		t.Errorf("3 MB: %v", err)
	}
	a.Params.Del("ca")
	stranger, err := smtp.New(a, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	if err := stranger.Connect(t.Context()); transport.KindOf(err) != transport.Unavailable || !strings.Contains(err.Error(), "not trusted") {
		t.Errorf("without its authority: %v", err)
	}
}
