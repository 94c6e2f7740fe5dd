package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/mailconv/mailconv/transport"
)

// Auth is a way to log in.
type Auth string

// Ways to log in.
const (
	Basic  Auth = "basic"  // RFC 7617
	NTLM   Auth = "ntlm"   // [MS-NTHT]
	Bearer Auth = "bearer" // RFC 6750
)

// ParseAuth reads a value of the parameter auth.
func ParseAuth(s string) (Auth, bool) {
	switch strings.ToLower(s) {
	case "basic", "plain", "login":
		return Basic, true
	case "ntlm", "negotiate":
		return NTLM, true
	case "bearer", "oauth", "xoauth2", "oauthbearer":
		return Bearer, true
	}
	return "", false
}

var errNoReplay = errors.New("the body of the request cannot be sent twice")

func (a Auth) set(req *http.Request, user, secret string) {
	if a == Bearer {
		req.Header.Set("Authorization", "Bearer "+secret)
		return
	}
	req.SetBasicAuth(user, secret)
}

// choose is the way to log in: what was asked for, else the best of what the
// server offers to a request that names nobody.
func (c *Client) choose(op string, req *http.Request) (Auth, error) {
	c.mu.Lock()
	auth := c.auth
	c.mu.Unlock()
	if auth != "" {
		return auth, nil
	}
	probe, err := again(req, true)
	if err != nil {
		return "", err
	}
	resp, err := c.send(op, c.plain, probe)
	if err != nil {
		return "", err
	}
	drain(resp)
	offers := challenges(resp.Header)
	switch {
	case slices.Contains(offers, "ntlm"), slices.Contains(offers, "negotiate"):
		auth = NTLM // the password itself is not sent
	case slices.Contains(offers, "basic"), resp.StatusCode != http.StatusUnauthorized:
		auth = Basic
	case slices.Contains(offers, "bearer"):
		auth = Bearer
	default:
		return "", &transport.Error{
			Kind: transport.Auth, Op: op, Err: fmt.Errorf("%s offers none of the logins basic, ntlm, oauth", req.URL.Host),
			Remedy: "it offers " + strings.Join(offers, ", "),
		}
	}
	c.mu.Lock()
	c.auth = auth
	c.mu.Unlock()
	return auth, nil
}

// challenges are the schemes of WWW-Authenticate, in lower case.
func challenges(h http.Header) (list []string) {
	for _, v := range h.Values("Www-Authenticate") {
		scheme, _, _ := strings.Cut(strings.TrimSpace(v), " ")
		if scheme = strings.ToLower(strings.TrimSuffix(scheme, ",")); scheme != "" && !slices.Contains(list, scheme) {
			list = append(list, scheme)
		}
	}
	return list
}

// credentials is the password, or a token that is fresh.
func (c *Client) credentials(ctx context.Context) (string, error) {
	if c.address.Password != "" {
		return c.address.Password, nil
	}
	c.mu.Lock()
	auth, secret, known := c.auth, c.secret, c.known
	c.mu.Unlock()
	if known && auth != Bearer {
		return secret, nil
	}
	if c.env.Secret == nil {
		return "", &transport.Error{
			Kind: transport.Auth, Op: "login", Err: errors.New("there is no password for " + c.address.User),
			Remedy: "give one with --src-password-file or --dst-password-file, or their environment variables",
		}
	}
	secret, err := c.env.Secret(ctx, c.address)
	if err != nil {
		return "", err
	}
	c.mu.Lock()
	c.secret, c.known = secret, true
	c.mu.Unlock()
	return secret, nil
}

// drain reads what is left of a short reply, so that its connection lives on.
func drain(resp *http.Response) {
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 256<<10))
	resp.Body.Close()
}
