package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/dial"
)

// Options are what a driver says of its servers. The zero value will do where
// the address has a parameter endpoint.
type Options struct {
	// Endpoint is where requests go when the address does not say; a URL.
	Endpoint string
	// Auth is the login that is used when the address does not say; "" asks
	// the server what it offers.
	Auth Auth
	// UserAgent is "mailconv" when empty.
	UserAgent string
}

// Params are the query parameters that [Open] reads.
func Params() []transport.Param {
	params := []transport.Param{
		{Name: "endpoint", Help: "URL of the service, instead of the one that is looked up"},
		{Name: "auth", Help: "basic, ntlm or oauth; by default the best that the server offers"},
		{Name: "settle", Help: "how long the service may go on with a request after the connection broke (default 10s)"},
	}
	for _, p := range dial.Params() {
		if p.Name != "tls" { // the scheme of the endpoint says it
			params = append(params, p)
		}
	}
	return params
}

// A Client is one login at one service. It may be used by several goroutines at
// once.
type Client struct {
	endpoint *url.URL
	dial     *dial.Options
	agent    string
	env      *transport.Env
	address  transport.Address
	plain    *http.Transport // for all that is not NTLM
	lanes    lanes
	settle   time.Duration

	mu      sync.Mutex
	auth    Auth
	secret  string
	known   bool  // secret is there
	refused error // the credentials were refused, for good
}

// Open makes a client. Nothing is sent before the first request.
func Open(ctx context.Context, a transport.Address, env *transport.Env, o Options) (*Client, error) {
	if env == nil {
		env = &transport.Env{}
	}
	c := &Client{env: env, address: a, agent: o.UserAgent, auth: o.Auth}
	if c.agent == "" {
		c.agent = "mailconv"
	}
	where := a.Params.Get("endpoint")
	if where == "" {
		where = o.Endpoint
	}
	if err := c.SetEndpoint(where); err != nil {
		return nil, err
	}
	if s := a.Params.Get("auth"); s != "" {
		var ok bool
		if c.auth, ok = ParseAuth(s); !ok {
			return nil, usage("auth=%s is none of basic, ntlm, oauth", s)
		}
	}
	var err error
	c.settle = defaultSettle
	if s := a.Params.Get("settle"); s != "" {
		if c.settle, err = time.ParseDuration(s); err != nil || c.settle <= 0 {
			return nil, usage("settle=%s is not a duration like 30s", s)
		}
	}
	// The host of the address names an organisation; that of the endpoint is
	// set for each connection.
	if c.dial, err = dial.Parse(transport.Address{Host: "endpoint", Params: without(a.Params, "tls")}, env, dial.None, dial.Ports{Plain: "80", Implicit: "443"}); err != nil {
		return nil, err
	}
	c.plain = c.transport()
	c.lanes.make = c.transport
	return c, nil
}

const defaultSettle = 10 * time.Second

// Settle is how long the service may go on with a request after the connection
// broke; see [transport.Settler].
func (c *Client) Settle() time.Duration { return c.settle }

func without(v url.Values, name string) url.Values {
	out := url.Values{}
	for k, list := range v {
		if k != name {
			out[k] = list
		}
	}
	return out
}

func usage(format string, args ...any) error {
	return &transport.Error{Kind: transport.Usage, Op: "address", Err: fmt.Errorf(format, args...)}
}

// Endpoint is where the service is, "" when it is to be found yet.
func (c *Client) Endpoint() string {
	if c.endpoint == nil {
		return ""
	}
	return c.endpoint.String()
}

// SetEndpoint says where the service is, after it was looked up. It must not be
// called while requests run.
func (c *Client) SetEndpoint(s string) error {
	if s == "" {
		c.endpoint = nil
		return nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil {
		return usage("endpoint is not a URL like https://mail.example/service")
	}
	c.endpoint = u
	return nil
}

// transport makes the connections of the client. TLS is ours, as dial has the
// rules for it.
func (c *Client) transport() *http.Transport {
	return &http.Transport{
		DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
			return c.connect(ctx, addr, dial.None)
		},
		DialTLSContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
			return c.connect(ctx, addr, dial.Implicit)
		},
		MaxIdleConnsPerHost:    16,
		IdleConnTimeout:        90 * time.Second,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: 256 << 10,
		WriteBufferSize:        32 << 10,
		ReadBufferSize:         32 << 10,
		TLSNextProto:           map[string]func(string, *tls.Conn) http.RoundTripper{},
	}
}

func (c *Client) connect(ctx context.Context, addr string, mode dial.Mode) (net.Conn, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	o := *c.dial
	o.Host, o.Port, o.TLS = host, port, mode
	conn, err := o.Dial(ctx)
	if err != nil {
		return nil, err
	}
	if mode == dial.Implicit {
		return conn.Conn, nil // the TLS layer itself, so that its certificate is seen
	}
	return conn, nil
}

// Close drops the connections.
func (c *Client) Close() error {
	c.plain.CloseIdleConnections()
	c.lanes.close()
	return nil
}

// Do sends a request with the login and returns the reply, whatever its status,
// but for these, which are errors with a [StatusError] in their chain: 401
// ([transport.Auth]), 407, 429 and 503 ([transport.Throttled], with the wait that
// the server names), 502 and 504 ([transport.Temporary]), and redirects
// ([transport.Unavailable]). What breaks on the way is [transport.Temporary],
// what cannot be reached [transport.Unavailable]. op names the request in errors.
//
// The caller closes the body of the reply. A request with a body needs its
// GetBody, see [NewRequest].
func (c *Client) Do(op string, req *http.Request) (*http.Response, error) {
	c.mu.Lock()
	refused := c.refused
	c.mu.Unlock()
	if refused != nil {
		return nil, refused
	}
	if !c.mine(req.URL) {
		return c.DoBare(op, req)
	}
	auth, err := c.choose(op, req)
	if err != nil {
		return nil, err
	}
	if err := c.mayCarry(op, req.URL); err != nil {
		return nil, err
	}
	secret, err := c.credentials(req.Context())
	if err != nil {
		return nil, err
	}
	var resp *http.Response
	if auth == NTLM {
		resp, err = c.viaLane(op, req, secret)
	} else {
		auth.set(req, c.address.User, secret)
		resp, err = c.send(op, c.plain, req)
	}
	if err == nil {
		resp, err = c.judge(op, resp)
	}
	var e *transport.Error
	if errors.As(err, &e) && e.Kind == transport.Auth {
		c.mu.Lock()
		if auth == Bearer {
			c.known = false
		} else {
			c.refused = err
		}
		c.mu.Unlock()
	}
	return resp, err
}

// DoBare is [Client.Do] without a login, for URLs that carry their own.
func (c *Client) DoBare(op string, req *http.Request) (*http.Response, error) {
	resp, err := c.send(op, c.plain, req)
	if err != nil {
		return nil, err
	}
	return c.judge(op, resp)
}

// mine reports whether a URL is at the host that the credentials are for.
func (c *Client) mine(u *url.URL) bool {
	return c.endpoint != nil && u.Scheme == c.endpoint.Scheme && strings.EqualFold(u.Host, c.endpoint.Host)
}

// send sends a request as it is.
func (c *Client) send(op string, t *http.Transport, req *http.Request) (*http.Response, error) {
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", c.agent)
	}
	begin := time.Now()
	resp, err := t.RoundTrip(req)
	if c.env.Log != nil {
		status := 0
		if resp != nil {
			status = resp.StatusCode
		}
		c.env.Log.Debug("http", "op", op, "method", req.Method, "host", req.URL.Host, "path", req.URL.Path, "status", status, "ms", time.Since(begin).Milliseconds())
	}
	if err != nil {
		return nil, c.broken(op, req, err)
	}
	return resp, nil
}

func (c *Client) broken(op string, req *http.Request, err error) error {
	if ctx := req.Context(); ctx.Err() != nil {
		return ctx.Err()
	}
	o := *c.dial
	o.Host, o.Port = req.URL.Hostname(), req.URL.Port()
	if o.Port == "" {
		o.Port = map[string]string{"http": "80", "https": "443"}[req.URL.Scheme]
	}
	err = o.Broken(op, err)
	if e := (*transport.Error)(nil); errors.As(err, &e) && e.Kind == transport.Temporary {
		e.Unsettled = true // it may have arrived
	}
	return err
}

// mayCarry refuses credentials over a line that others can read.
func (c *Client) mayCarry(op string, u *url.URL) error {
	if u.Scheme == "https" || c.env.AllowCleartext || c.dial.Proxy == nil && loopback(u.Hostname()) {
		return nil
	}
	return &transport.Error{
		Kind: transport.Usage, Op: op, Err: errors.New("a password would cross the network unprotected"),
		Remedy: "use an endpoint with https, or give --allow-cleartext",
	}
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
