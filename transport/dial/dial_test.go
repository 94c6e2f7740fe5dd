package dial_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/dial"
)

// echo answers each line with itself.
func echo(t *testing.T, conf *tls.Config) string {
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
			if conf != nil {
				c = tls.Server(c, conf)
			}
			go func() {
				defer c.Close()
				io.Copy(c, c)
			}()
		}
	}()
	return l.Addr().String()
}

// certificate is one for example.com and 127.0.0.1, with its authority.
func certificate() (*tls.Config, *x509.CertPool) {
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return &tls.Config{Certificates: s.TLS.Certificates}, roots
}

func options(addr string, mode dial.Mode) *dial.Options {
	host, port, _ := net.SplitHostPort(addr)
	return &dial.Options{Host: host, Port: port, TLS: mode, Timeout: 5 * time.Second}
}

func say(t *testing.T, c *dial.Conn) {
	t.Helper()
	defer c.Close()
	if _, err := io.WriteString(c, "hello\n"); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(c).ReadString('\n'); line != "hello\n" {
		t.Fatalf("%q, %v", line, err)
	}
}

func TestTLSIsVerified(t *testing.T) {
	conf, roots := certificate()
	addr := echo(t, conf)
	o := options(addr, dial.Implicit)
	o.Roots = roots
	c, err := o.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !c.Secure() || c.MayCarryPassword() != nil {
		t.Error("TLS does not count as protection")
	}
	say(t, c)

	o.ServerName = "other.example.org"
	for name, o := range map[string]*dial.Options{"is for another name": o, "not trusted": options(addr, dial.Implicit)} {
		_, err = o.Dial(t.Context())
		if transport.KindOf(err) != transport.Unavailable || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "\n") {
			t.Errorf("want %q of kind unavailable, got %v", name, err)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if c, err := l.Accept(); err == nil {
			io.WriteString(c, "* OK ready when you are\r\n")
		}
	}()
	plain := options(l.Addr().String(), dial.Implicit)
	if _, err := plain.Dial(t.Context()); err == nil || !strings.Contains(err.Error(), "tls=starttls") {
		t.Errorf("a server without TLS: %v", err)
	}
}

func TestErrorsNameTheCause(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	_, err = options(addr, dial.None).Dial(t.Context())
	if transport.KindOf(err) != transport.Unavailable || !strings.Contains(err.Error(), "refuses connections") {
		t.Errorf("closed port: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = options(addr, dial.None).Dial(ctx); !transport.Canceled(err) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestContextEndsAWait(t *testing.T) {
	o := options(echo(t, nil), dial.None)
	c, err := o.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	stop := c.Use(ctx)
	_, err = c.Read(make([]byte, 1))
	if err := o.Broken("read", err); !transport.Canceled(err) {
		t.Errorf("the read ends with %v", err)
	}
	if stop() {
		t.Error("a connection whose context ended counts as usable")
	}
	// A deadline from above does not bring it back.
	c.SetDeadline(time.Now().Add(time.Minute))
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the next read ends with %v", err)
	}
}

func TestSilenceEnds(t *testing.T) {
	o := options(echo(t, nil), dial.None)
	o.Idle = 20 * time.Millisecond
	c, err := o.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	stop := c.Use(t.Context())
	defer stop()
	_, err = c.Read(make([]byte, 1))
	err = o.Broken("read", err)
	if transport.KindOf(err) != transport.Temporary || transport.Canceled(err) || !strings.Contains(err.Error(), "does not answer") {
		t.Errorf("silence: %v", err)
	}
}

func TestPasswordNeedsProtection(t *testing.T) {
	o := options(echo(t, nil), dial.None)
	c, err := o.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.MayCarryPassword(); err != nil {
		t.Errorf("on loopback: %v", err)
	}
	// Behind a proxy nobody knows where the connection ends.
	o.Proxy = &url.URL{Scheme: "socks5", Host: "127.0.0.1"}
	if err := c.MayCarryPassword(); transport.KindOf(err) != transport.Usage || !strings.Contains(err.Error(), "--allow-cleartext") {
		t.Errorf("elsewhere: %v", err)
	}
	o.AllowCleartext = true
	if err := c.MayCarryPassword(); err != nil {
		t.Errorf("allowed: %v", err)
	}
}

func TestHTTPProxy(t *testing.T) {
	target := echo(t, nil)
	p := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, pass, _ := (&http.Request{Header: http.Header{"Authorization": r.Header["Proxy-Authorization"]}}).BasicAuth()
		if r.Method != http.MethodConnect || user != "u" || pass != "p" {
			http.Error(w, "no", http.StatusProxyAuthRequired)
			return
		}
		out, err := net.Dial("tcp", r.Host)
		if err != nil {
			http.Error(w, "no", http.StatusBadGateway)
			return
		}
		in, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		io.WriteString(in, "HTTP/1.1 200 OK\r\nX: y\r\n\r\n")
		go io.Copy(out, in)
		io.Copy(in, out)
		in.Close()
		out.Close()
	}))
	defer p.Close()
	at := strings.TrimPrefix(p.URL, "http://")
	o := options(target, dial.None)
	o.Proxy = &url.URL{Scheme: "http", Host: at, User: url.UserPassword("u", "p")}
	c, err := o.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	say(t, c)
	o.Proxy.User = url.UserPassword("u", "wrong-secret")
	_, err = o.Dial(t.Context())
	if transport.KindOf(err) != transport.Unavailable || !strings.Contains(err.Error(), "407") || strings.Contains(err.Error(), "secret") {
		t.Errorf("refused by the proxy: %v", err)
	}
}

func TestSOCKSProxy(t *testing.T) {
	target := echo(t, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		b := make([]byte, 64)
		io.ReadFull(c, b[:2])
		io.ReadFull(c, b[:b[1]])
		c.Write([]byte{5, 0})
		io.ReadFull(c, b[:10]) // CONNECT to an IPv4 address
		out, err := net.Dial("tcp", target)
		if err != nil || b[3] != 1 {
			c.Close()
			return
		}
		c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
		go io.Copy(out, c)
		io.Copy(c, out)
	}()
	o := options(target, dial.None)
	o.Proxy = &url.URL{Scheme: "socks5", Host: l.Addr().String()}
	c, err := o.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	say(t, c)
}

func TestParse(t *testing.T) {
	ports := dial.Ports{Plain: "143", Implicit: "993"}
	for _, tt := range []struct {
		in, addr string
		mode     dial.Mode
		bad      string
	}{
		{in: "x://h", addr: "h:143", mode: dial.StartTLS},
		{in: "x://h?tls=implicit", addr: "h:993", mode: dial.Implicit},
		{in: "x://a@b@h:99/F?tls=none", addr: "h:99", mode: dial.None},
		{in: "x://[::1]", addr: "[::1]:143", mode: dial.StartTLS},
		{in: "x://[::1]:7", addr: "[::1]:7", mode: dial.StartTLS},
		{in: "x://h?tls=maybe", bad: "tls=maybe"},
		{in: "x://h:99999", bad: "not a port"},
		{in: "x://u@", bad: "no host"},
		{in: "x://h?ca=/nonexistent", bad: "ca"},
		{in: "x://h?proxy=ftp://u:hidden@h", bad: `"ftp"`},
		{in: "x://h?timeout=soon", bad: "timeout"},
	} {
		a, err := transport.ParseAddress(tt.in)
		if err != nil {
			t.Fatal(err)
		}
		o, err := dial.Parse(a, nil, dial.StartTLS, ports)
		if tt.bad != "" {
			if transport.KindOf(err) != transport.Usage || !strings.Contains(err.Error(), tt.bad) || strings.Contains(err.Error(), "hidden") {
				t.Errorf("%s: %v, want %q", tt.in, err, tt.bad)
			}
			continue
		}
		if err != nil || o.Addr() != tt.addr || o.TLS != tt.mode {
			t.Errorf("%s: %+v, %v", tt.in, o, err)
		}
	}
}

func TestT51BackoffWords(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"Request is throttled. Suggested Backoff Time: 299961 milliseconds": 299961 * time.Millisecond,
		"Backoff Time: 5 seconds": 5 * time.Second,
		"try later":               0,
	} {
		if got := dial.Backoff(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
