package web

import (
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/ntlm"
)

// NTLM logs a connection in, not a request: [MS-NTHT] 1.3. So a request has a
// connection of its own until its reply is read, which is then kept with its
// login for the next request. A lane is one such connection.
type lane struct {
	t        *http.Transport
	loggedIn bool
}

// lanes are those that no request uses.
type lanes struct {
	make func() *http.Transport

	mu   sync.Mutex
	free []*lane
}

func (l *lanes) get() *lane {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.free); n > 0 {
		ln := l.free[n-1]
		l.free = l.free[:n-1]
		return ln
	}
	t := l.make()
	t.MaxConnsPerHost = 1
	return &lane{t: t}
}

func (l *lanes) put(ln *lane) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.free = append(l.free, ln)
}

func (l *lanes) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, ln := range l.free {
		ln.t.CloseIdleConnections()
	}
	l.free = nil
}

// viaLane sends a request over a connection that is logged in. The lane is free
// again when the body of the reply is closed.
func (c *Client) viaLane(op string, req *http.Request, secret string) (*http.Response, error) {
	ln := c.lanes.get()
	resp, err := c.laneDo(op, ln, req, secret)
	if err != nil {
		ln.t.CloseIdleConnections()
		return nil, err
	}
	resp.Body = &laneBody{ReadCloser: resp.Body, done: func() { c.lanes.put(ln) }}
	return resp, nil
}

// laneDo logs in where needed. A connection that the server has closed in
// between makes one more login; an answer to a login that is refused is final.
func (c *Client) laneDo(op string, ln *lane, req *http.Request, secret string) (*http.Response, error) {
	var resp *http.Response
	for range 3 {
		var authorization string
		var err error
		if !ln.loggedIn {
			if authorization, err = c.handshake(op, ln, req, secret); err != nil {
				return nil, err
			}
		}
		var n *http.Request
		if n, err = again(req, false); err != nil {
			return nil, err
		}
		if authorization != "" {
			n.Header.Set("Authorization", authorization)
		}
		reused := false
		n = n.WithContext(httptrace.WithClientTrace(n.Context(), &httptrace.ClientTrace{
			GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused },
		}))
		if resp, err = c.send(op, ln.t, n); err != nil {
			ln.loggedIn = false
			return nil, err
		}
		if resp.StatusCode != http.StatusUnauthorized {
			ln.loggedIn = true
			return resp, nil
		}
		// Refused on the connection that has just been challenged: the
		// password is wrong.
		if authorization != "" && reused {
			return resp, nil
		}
		ln.loggedIn = false
		drain(resp)
	}
	return nil, &transport.Error{Kind: transport.Temporary, Op: op, Err: errors.New("the server closes the connection within the login")}
}

// handshake gets the challenge of the server with requests that have no body,
// and answers it. [MS-NTHT] 3.1.5
func (c *Client) handshake(op string, ln *lane, req *http.Request, secret string) (string, error) {
	hello := ntlm.Negotiate()
	for _, scheme := range []string{"NTLM", "Negotiate"} {
		n, err := again(req, true)
		if err != nil {
			return "", err
		}
		n.Header.Set("Authorization", scheme+" "+base64.StdEncoding.EncodeToString(hello))
		resp, err := c.send(op, ln.t, n)
		if err != nil {
			return "", err
		}
		drain(resp)
		challenge := token(resp.Header, scheme)
		if challenge == nil {
			if _, err := c.judge(op, resp); err != nil && resp.StatusCode != http.StatusUnauthorized {
				return "", err
			}
			continue
		}
		cred := ntlm.Credentials{User: c.address.User, Password: secret, Target: "HTTP/" + req.URL.Hostname()}
		if resp.TLS != nil && len(resp.TLS.PeerCertificates) > 0 {
			cred.Binding = ntlm.Binding(resp.TLS.PeerCertificates[0])
		}
		answer, err := ntlm.Authenticate(hello, challenge, cred)
		if err != nil {
			return "", &transport.Error{Kind: transport.Auth, Op: op, Err: err}
		}
		return scheme + " " + base64.StdEncoding.EncodeToString(answer), nil
	}
	return "", &transport.Error{Kind: transport.Auth, Op: op, Err: errors.New("the server offers no NTLM login"), Remedy: "try auth=basic or auth=oauth"}
}

// token is the challenge of a scheme, nil when there is none.
func token(h http.Header, scheme string) []byte {
	for _, v := range h.Values("Www-Authenticate") {
		name, data, ok := strings.Cut(strings.TrimSpace(v), " ")
		if !ok || !strings.EqualFold(name, scheme) {
			continue
		}
		if b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(data)); err == nil && len(b) > 0 {
			return b
		}
	}
	return nil
}

// laneBody gives the lane back when the reply is closed. What was not read of a
// long reply costs the connection, which net/http then closes.
type laneBody struct {
	io.ReadCloser
	done func()
	once sync.Once
}

func (b *laneBody) Close() error {
	err := b.ReadCloser.Close()
	b.once.Do(b.done)
	return err
}
