package servertest_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/all"
	"github.com/mailconv/mailconv/transport/servertest"
	"github.com/mailconv/mailconv/transport/smtp"
)

// doors are the servers of this test by scheme.
func doors(t *testing.T) (hosts map[string]string, ca string) {
	t.Helper()
	d := servertest.Dovecot(t)
	hosts = map[string]string{"imap": d.IMAP, "pop3": d.POP3}
	if os.Geteuid() == 0 {
		if _, err := os.Stat("/usr/lib/postfix/sbin/master"); err == nil {
			p := servertest.Postfix(t)
			hosts["smtp"] = p.SMTP
			// One authority for all.
			a, err := os.ReadFile(d.CA)
			if err != nil {
				t.Fatal(err)
			}
			b, err := os.ReadFile(p.CA)
			if err != nil {
				t.Fatal(err)
			}
			ca = filepath.Join(t.TempDir(), "ca.pem")
			if err := os.WriteFile(ca, append(a, b...), 0o600); err != nil {
				t.Fatal(err)
			}
			return hosts, ca
		}
	}
	t.Log("LEFT OUT: the same for Postfix (not installed, or not root)")
	return hosts, d.CA
}

// reach opens a store, which connects and logs in.
func reach(ctx context.Context, scheme, host string, params ...string) error {
	a, err := transport.ParseAddress(scheme + "://ann@" + host)
	if err != nil {
		return err
	}
	a.Params = url.Values{}
	for i := 0; i+1 < len(params); i += 2 {
		a.Params.Set(params[i], params[i+1])
	}
	a.Password = servertest.Password
	if scheme == "smtp" {
		a.User, a.Password = "", "" // this Postfix lets everybody in
		c, err := smtp.New(a, nil)
		if err != nil {
			return err
		}
		defer c.Close()
		return c.Connect(ctx)
	}
	s, err := all.Registry().OpenSource(ctx, a, nil)
	if err != nil {
		return err
	}
	defer s.Close()
	for _, err := range s.Folders(ctx) {
		if err != nil {
			return err
		}
	}
	return nil
}

// A middleman stands between a client and a server and changes lines of both,
// as long as they are text. It remembers what the client said.
type middleman struct {
	change func(fromServer bool, line string) (forward string, back string)
	mu     sync.Mutex
	said   []string
}

func (m *middleman) start(t *testing.T, server string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", server)
			if err != nil {
				near.Close()
				return
			}
			go m.carry(near, far, true)
			go m.carry(far, near, false)
		}
	}()
	return l.Addr().String()
}

func (m *middleman) carry(to, from net.Conn, fromServer bool) {
	defer to.Close()
	r := bufio.NewReader(from)
	for {
		line, err := r.ReadString('\n')
		if line != "" {
			if !fromServer {
				m.mu.Lock()
				m.said = append(m.said, line)
				m.mu.Unlock()
			}
			forward, back := m.change(fromServer, line)
			io.WriteString(to, forward)
			io.WriteString(from, back)
		}
		if err != nil {
			return
		}
	}
}

// Somebody on the way takes encryption out of what the server offers, or plays
// the server: nobody logs in, and no password crosses the line.
func TestEncryptionThatIsTakenAwayIsMissed(t *testing.T) {
	hosts, ca := doors(t)
	begins := func(line string) bool {
		up := strings.ToUpper(line)
		return strings.Contains(up, "STARTTLS") || strings.Contains(up, "STLS")
	}
	tag := func(line string) string {
		if f := strings.Fields(line); len(f) == 2 {
			return f[0] + " "
		}
		return ""
	}
	refusals := map[string]string{"imap": "BAD unknown command\r\n", "pop3": "-ERR unknown command\r\n", "smtp": "502 5.5.1 unknown command\r\n"}
	accepts := map[string]string{"imap": "OK begin\r\n* PREAUTH you are in\r\n", "pop3": "+OK begin\r\n+OK you are in\r\n", "smtp": "220 begin\r\n250 you are in\r\n"}
	for name, change := range map[string]func(scheme string) func(bool, string) (string, string){
		"taken out of the offer": func(scheme string) func(bool, string) (string, string) {
			return func(fromServer bool, line string) (string, string) {
				if fromServer {
					return strings.NewReplacer("STARTTLS", "XSTARTTL", "STLS", "XTLS").Replace(line), ""
				}
				if begins(line) {
					return "", tag(line) + refusals[scheme]
				}
				return line, ""
			}
		},
		"refused": func(scheme string) func(bool, string) (string, string) {
			return func(fromServer bool, line string) (string, string) {
				if !fromServer && begins(line) {
					return "", tag(line) + refusals[scheme]
				}
				return line, ""
			}
		},
		"words put before it": func(scheme string) func(bool, string) (string, string) {
			return func(fromServer bool, line string) (string, string) {
				if !fromServer && begins(line) {
					return "", tag(line) + accepts[scheme]
				}
				return line, ""
			}
		},
	} {
		for scheme, host := range hosts {
			m := &middleman{change: change(scheme)}
			ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
			err := reach(ctx, scheme, m.start(t, host), "ca", ca, "timeout", "2s")
			stop()
			if err == nil || transport.KindOf(err) == transport.Auth || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s, %s: %v", scheme, name, err)
			}
			m.mu.Lock()
			said := m.said
			m.mu.Unlock()
			for _, line := range said {
				up := strings.ToUpper(line)
				if strings.Contains(line, servertest.Password) || strings.Contains(up, "LOGIN") || strings.Contains(up, "AUTH") || strings.HasPrefix(up, "USER") || strings.HasPrefix(up, "MAIL") {
					t.Errorf("%s, %s: this crossed the line in clear: %q", scheme, name, line)
				}
			}
		}
	}
}

// A certificate that is not the server's, or signed by a stranger, ends it.
func TestAWrongCertificateIsRefused(t *testing.T) {
	hosts, ca := doors(t)
	for scheme, host := range hosts {
		if err := reach(t.Context(), scheme, host, "ca", ca); err != nil {
			t.Errorf("%s: %v", scheme, err)
		}
		for name, params := range map[string][]string{"unknown authority": {"timeout", "5s"}, "another name": {"ca", ca, "servername", "mail.example"}} {
			err := reach(t.Context(), scheme, host, params...)
			if transport.KindOf(err) != transport.Unavailable || !strings.Contains(err.Error(), "certificate") {
				t.Errorf("%s, %s: %v", scheme, name, err)
			}
		}
	}
}

// Every transport goes through an HTTP and a SOCKS proxy, with and without
// password, and TLS is that of the server behind it.
func TestEveryTransportGoesThroughProxies(t *testing.T) {
	hosts, ca := doors(t)
	for kind, proxy := range map[string]func(*testing.T) (string, *atomic.Int32){"http": httpProxy, "socks5": socksProxy} {
		for scheme, host := range hosts {
			addr, used := proxy(t)
			for _, user := range []string{"", "joe:word@"} {
				if err := reach(t.Context(), scheme, host, "ca", ca, "proxy", kind+"://"+user+addr); err != nil {
					t.Errorf("%s through %s: %v", scheme, kind, err)
				}
			}
			if used.Load() < 2 {
				t.Errorf("%s through %s: the proxy was used %d times", scheme, kind, used.Load())
			}
			if err := reach(t.Context(), scheme, host, "ca", ca, "proxy", kind+"://joe:wrong@"+addr); transport.KindOf(err) != transport.Unavailable || strings.Contains(err.Error(), "wrong") {
				t.Errorf("%s through %s with a wrong password: %v", scheme, kind, err)
			}
		}
	}
}

// proxyServer listens, hands connections to shake, which names the target, and
// joins both.
func proxyServer(t *testing.T, shake func(net.Conn, *bufio.Reader) string) (string, *atomic.Int32) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	used := new(atomic.Int32)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			r := bufio.NewReader(c)
			target := shake(c, r)
			far, err := net.Dial("tcp", target)
			if target == "" || err != nil {
				c.Close()
				continue
			}
			used.Add(1)
			go func() { io.Copy(far, r); far.Close() }()
			go func() { io.Copy(c, far); c.Close() }()
		}
	}()
	return l.Addr().String(), used
}

func httpProxy(t *testing.T) (string, *atomic.Int32) {
	return proxyServer(t, func(c net.Conn, r *bufio.Reader) (target string) {
		refused := false
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return ""
			}
			if line = strings.TrimSpace(line); line == "" {
				break
			}
			if host, ok := strings.CutPrefix(line, "CONNECT "); ok {
				target, _, _ = strings.Cut(host, " ")
			}
			if cred, ok := strings.CutPrefix(line, "Proxy-Authorization: Basic "); ok {
				b, _ := base64.StdEncoding.DecodeString(cred)
				refused = string(b) != "joe:word"
			}
		}
		if refused {
			io.WriteString(c, "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
			return ""
		}
		io.WriteString(c, "HTTP/1.1 200 go on\r\n\r\n")
		return target
	})
}

func socksProxy(t *testing.T) (string, *atomic.Int32) {
	return proxyServer(t, func(c net.Conn, r *bufio.Reader) string {
		read := func(n int) []byte {
			b := make([]byte, n)
			io.ReadFull(r, b)
			return b
		}
		methods := read(int(read(2)[1]))
		if strings.Contains(string(methods), "\x02") {
			c.Write([]byte{5, 2})
			user := read(int(read(2)[1]))
			word := read(int(read(1)[0]))
			if string(user) != "joe" || string(word) != "word" {
				c.Write([]byte{1, 1})
				return ""
			}
			c.Write([]byte{1, 0})
		} else {
			c.Write([]byte{5, 0})
		}
		head := read(4)
		var host string
		switch head[3] {
		case 1:
			host = net.IP(read(4)).String()
		case 3:
			host = string(read(int(read(1)[0])))
		case 4:
			host = net.IP(read(16)).String()
		}
		port := read(2)
		c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
		return net.JoinHostPort(host, fmt.Sprint(int(port[0])<<8|int(port[1])))
	})
}

// Postfix is asked for news of the delivery, and they come.
func TestNotificationOfDelivery(t *testing.T) {
	p := servertest.Postfix(t)
	a, err := transport.ParseAddress("smtp://" + p.SMTP + "?ca=" + p.CA)
	if err != nil {
		t.Fatal(err)
	}
	c, err := smtp.New(a, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	rep, err := c.Send(t.Context(), smtp.Mail{
		From: "ann@example.test", To: []string{"ben@example.test"}, Content: mapi.Bytes("From: ann@example.test\r\nTo: ben@example.test\r\nSubject: news\r\n\r\nx\r\n"),
		DSN: smtp.DSN{Notify: []string{"SUCCESS", "FAILURE"}, Return: "HDRS", ID: "the id", Original: true},
	})
	if err != nil || rep.NoDSN || len(rep.Accepted) != 1 {
		t.Fatalf("%+v, %v", rep, err)
	}
	var got []byte
	for range 200 {
		if got, _ = os.ReadFile(filepath.Join(p.Dir, "postfix", "mail", "ann@example.test")); len(got) > 0 {
			break
		}
		if got, _ = os.ReadFile(filepath.Join(p.Dir, "postfix", "mail", "all")); strings.Contains(string(got), "delivery-status") {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	for _, want := range []string{"message/delivery-status", "Original-Envelope-Id: the id", "Action: delivered", "ben@example.test"} {
		if !strings.Contains(string(got), want) {
			t.Errorf("the notification lacks %q:\n%s", want, got)
		}
	}
}
