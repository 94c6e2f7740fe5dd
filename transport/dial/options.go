package dial

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/mailconv/mailconv/transport"
)

// A Mode says how a connection is protected.
type Mode string

// Modes.
const (
	None     Mode = "none"     // not at all
	StartTLS Mode = "starttls" // upgraded before anything else is said; never left out
	Implicit Mode = "implicit" // TLS from the first byte
)

// Options say how to reach a server.
type Options struct {
	Host, Port string
	TLS        Mode
	// Roots are the trusted authorities, nil for the system's.
	Roots *x509.CertPool
	// ServerName is the name that the certificate must have; "" is Host.
	ServerName string
	// Proxy is http, https, socks5 or socks5h; nil is none.
	Proxy *url.URL
	// AllowCleartext permits a password over an unprotected connection to
	// another machine.
	AllowCleartext bool
	// Timeout bounds connecting and the TLS handshake, each; 0 is 30 s.
	Timeout time.Duration
	// Idle is the longest wait for the other side within a conversation; 0 is
	// 5 minutes.
	Idle time.Duration
}

// Params are the query parameters that [Parse] reads.
func Params() []transport.Param {
	return []transport.Param{
		{Name: "tls", Help: "none, starttls or implicit"},
		{Name: "ca", Help: "file of trusted authorities (PEM) instead of the system's"},
		{Name: "servername", Help: "name in the server's certificate, when it is not the host"},
		{Name: "proxy", Help: "http://, https:// or socks5:// URL of a proxy"},
		{Name: "timeout", Help: "longest wait for the server, as in 90s (default 5m)"},
	}
}

// Ports are the defaults of a protocol.
type Ports struct {
	Plain    string // with none and starttls
	Implicit string
}

// Parse reads host, port and the parameters of [Params] from an address. mode
// is what the scheme stands for; the parameter tls overrides it.
func Parse(a transport.Address, env *transport.Env, mode Mode, ports Ports) (*Options, error) {
	o := &Options{TLS: mode, ServerName: a.Params.Get("servername")}
	if env != nil {
		o.AllowCleartext = env.AllowCleartext
	}
	switch m := Mode(a.Params.Get("tls")); m {
	case "":
	case None, StartTLS, Implicit:
		o.TLS = m
	default:
		return nil, usage("tls=%s is none of none, starttls, implicit", m)
	}
	if err := o.hostPort(a.Host, ports); err != nil {
		return nil, err
	}
	if file := a.Params.Get("ca"); file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, usage("ca: %w", err)
		}
		o.Roots = x509.NewCertPool()
		if !o.Roots.AppendCertsFromPEM(pem) {
			return nil, usage("ca: %s holds no certificate in PEM form", file)
		}
	}
	if s := a.Params.Get("proxy"); s != "" {
		u, err := url.Parse(s)
		if err != nil || u.Hostname() == "" {
			// The text is not shown: it may hold a password.
			return nil, usage("proxy is not a URL like socks5://host:1080")
		}
		switch u.Scheme {
		case "http", "https", "socks5", "socks5h":
		default:
			return nil, usage("proxy scheme %q is none of http, https, socks5", u.Scheme)
		}
		o.Proxy = u
	}
	if s := a.Params.Get("timeout"); s != "" {
		d, err := time.ParseDuration(s)
		if err != nil || d <= 0 {
			return nil, usage("timeout=%s is not a duration like 90s", s)
		}
		o.Idle = d
		o.Timeout = min(d, defaultTimeout)
	}
	return o, nil
}

func usage(format string, args ...any) error {
	return &transport.Error{Kind: transport.Usage, Op: "address", Err: fmt.Errorf(format, args...)}
}

func (o *Options) hostPort(s string, ports Ports) error {
	host, port := s, ""
	if h, p, err := net.SplitHostPort(s); err == nil {
		host, port = h, p
	} else if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		host = s[1 : len(s)-1]
	} else if strings.Count(s, ":") == 1 {
		return usage("host %q: %w", s, errors.New("the port is not a number"))
	}
	if host == "" {
		return usage("the address names no host")
	}
	if port == "" {
		port = ports.Plain
		if o.TLS == Implicit {
			port = ports.Implicit
		}
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return usage("%q is not a port", port)
	}
	o.Host, o.Port = host, port
	return nil
}

// Addr is host:port.
func (o *Options) Addr() string { return net.JoinHostPort(o.Host, o.Port) }

// TLSConfig is the configuration of every TLS connection: verified, 1.2 or
// later.
func (o *Options) TLSConfig() *tls.Config {
	name := o.ServerName
	if name == "" {
		name = o.Host
	}
	return &tls.Config{ServerName: name, RootCAs: o.Roots, MinVersion: tls.VersionTLS12}
}
