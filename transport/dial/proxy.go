package dial

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/net/proxy"
)

func (o *Options) timeout() time.Duration {
	if o.Timeout > 0 {
		return o.Timeout
	}
	return defaultTimeout
}

// errProxy marks errors of the way to the proxy, not to the server.
var errProxy = errors.New("proxy")

func (o *Options) connect(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, o.timeout(), errConnectTimeout)
	defer cancel()
	d := &net.Dialer{KeepAlive: 30 * time.Second}
	c, err := o.via(ctx, d)
	if err != nil && context.Cause(ctx) == errConnectTimeout {
		return nil, errConnectTimeout
	}
	return c, err
}

var errConnectTimeout = errors.New("no answer in time")

func (o *Options) via(ctx context.Context, d *net.Dialer) (net.Conn, error) {
	if o.Proxy == nil {
		return d.DialContext(ctx, "tcp", o.Addr())
	}
	at := proxyAddr(o.Proxy)
	if o.Proxy.Scheme == "http" || o.Proxy.Scheme == "https" {
		c, err := d.DialContext(ctx, "tcp", at)
		if err != nil {
			return nil, fmt.Errorf("%w %s: %w", errProxy, at, err)
		}
		t, err := o.httpConnect(ctx, c)
		if err != nil {
			c.Close()
			return nil, fmt.Errorf("%w %s: %w", errProxy, at, err)
		}
		return t, nil
	}
	var auth *proxy.Auth
	if u := o.Proxy.User; u != nil {
		p, _ := u.Password()
		auth = &proxy.Auth{User: u.Username(), Password: p}
	}
	s, err := proxy.SOCKS5("tcp", at, auth, d)
	if err != nil {
		return nil, fmt.Errorf("%w %s: %w", errProxy, at, err)
	}
	cd, ok := s.(proxy.ContextDialer)
	if !ok {
		return nil, fmt.Errorf("%w %s: no dialer with a context", errProxy, at)
	}
	c, err := cd.DialContext(ctx, "tcp", o.Addr())
	if err != nil {
		return nil, fmt.Errorf("%w %s: %w", errProxy, at, err)
	}
	return c, nil
}

func proxyAddr(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "8080", "https": "443"}[u.Scheme]
		if port == "" {
			port = "1080"
		}
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// httpConnect asks a proxy for a tunnel. RFC 9110 9.3.6
func (o *Options) httpConnect(ctx context.Context, c net.Conn) (net.Conn, error) {
	stop := context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) }) //nolint:errcheck // as above
	defer stop()
	if o.Proxy.Scheme == "https" {
		t := tls.Client(c, &tls.Config{ServerName: o.Proxy.Hostname(), RootCAs: o.Roots, MinVersion: tls.VersionTLS12})
		if err := t.HandshakeContext(ctx); err != nil {
			return nil, err
		}
		c = t
	}
	req := "CONNECT " + o.Addr() + " HTTP/1.1\r\nHost: " + o.Addr() + "\r\n"
	if u := o.Proxy.User; u != nil {
		p, _ := u.Password()
		req += "Proxy-Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(u.Username()+":"+p)) + "\r\n"
	}
	if _, err := c.Write([]byte(req + "\r\n")); err != nil {
		return nil, err
	}
	// Byte by byte: what follows the header is the server's.
	var head []byte
	for b := make([]byte, 1); !bytes.HasSuffix(head, []byte("\r\n\r\n")); {
		if len(head) > 16<<10 {
			return nil, errors.New("the answer to CONNECT has no end")
		}
		n, err := c.Read(b)
		if err != nil {
			return nil, err
		}
		head = append(head, b[:n]...)
	}
	res, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(head)), &http.Request{Method: http.MethodConnect})
	if err != nil {
		return nil, err
	}
	res.Body.Close()
	if res.StatusCode/100 != 2 {
		return nil, fmt.Errorf("CONNECT is refused: %s", res.Status)
	}
	return c, nil
}
