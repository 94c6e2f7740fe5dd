package oauth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"slices"
	"time"

	"golang.org/x/oauth2"

	"github.com/mailconv/mailconv/transport"
)

// A Login is one way to a [Grant].
type Login struct {
	Provider
	// User is proposed to the server; it may be empty.
	User string
	// HTTP is nil for a client of our own.
	HTTP *http.Client
	// Port is where the browser is sent back to on this machine; 0 is any.
	Port int
}

// Browser logs a person in with a browser. open is given the URL to show; the
// answer comes back to a port on this machine. RFC 8252, RFC 7636
func (l Login) Browser(ctx context.Context, open func(url string) error) (*Grant, error) {
	if err := l.check(l.AuthURL, l.TokenURL); err != nil {
		return nil, err
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", l.Port))
	if err != nil {
		return nil, usage("no port for the answer of the browser: %w", err)
	}
	defer ln.Close()
	conf := l.config()
	// The name and not the number: Microsoft leaves the port open only for it.
	conf.RedirectURL = fmt.Sprintf("http://localhost:%d/", ln.Addr().(*net.TCPAddr).Port)
	state, verifier := rand.Text(), oauth2.GenerateVerifier()

	type answer struct {
		code string
		err  error
	}
	got := make(chan answer, 1)
	srv := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		if r.URL.Path != "/" || subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(state)) != 1 {
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, "This is not the answer that mailconv waits for.")
			return
		}
		a := answer{code: q.Get("code")}
		text := "mailconv is logged in. You can close this window."
		if a.code == "" {
			a.err = l.refused("login", q.Get("error"), q.Get("error_description"))
			text = "The login failed: " + a.err.Error()
		}
		io.WriteString(w, "<!doctype html><title>mailconv</title><p>"+html.EscapeString(text))
		select {
		case got <- a:
		default:
		}
	})}
	go srv.Serve(ln) //nolint:errcheck // ends with Shutdown
	defer func() {
		// The page is still on its way to the browser.
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		srv.Shutdown(end) //nolint:errcheck // the listener goes in any case
	}()

	opts := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(verifier)}
	if l.Name == "google" {
		// Without these a second login gives no refresh token.
		opts = append(opts, oauth2.AccessTypeOffline, oauth2.SetAuthURLParam("prompt", "consent"))
	}
	if l.User != "" {
		opts = append(opts, oauth2.SetAuthURLParam("login_hint", l.User))
	}
	if err := open(conf.AuthCodeURL(state, opts...)); err != nil {
		return nil, err
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case a := <-got:
		if a.err != nil {
			return nil, a.err
		}
		t, err := conf.Exchange(with(ctx, l.HTTP), a.code, oauth2.VerifierOption(verifier))
		return l.grant(t, err)
	}
}

// A Prompt is what a person is to do elsewhere.
type Prompt struct {
	URL, Code string
	Until     time.Time
}

// Device logs a person in with a browser on any machine, into which a code is
// typed. RFC 8628
func (l Login) Device(ctx context.Context, show func(Prompt)) (*Grant, error) {
	if err := l.check(l.DeviceURL, l.TokenURL); err != nil {
		return nil, err
	}
	conf := l.config()
	ctx = with(ctx, l.HTTP)
	d, err := conf.DeviceAuth(ctx)
	if err != nil {
		return nil, l.failed("login", err)
	}
	show(Prompt{URL: d.VerificationURI, Code: d.UserCode, Until: d.Expiry})
	t, err := conf.DeviceAccessToken(ctx, d)
	if err != nil && !d.Expiry.IsZero() && !time.Now().Before(d.Expiry) {
		return nil, l.refused("login", "expired_token", "")
	}
	return l.grant(t, err)
}

// grant is what a login of a person leaves behind.
func (l Login) grant(t *oauth2.Token, err error) (*Grant, error) {
	if err != nil {
		return nil, l.failed("login", err)
	}
	g := &Grant{Kind: Person, Provider: l.Provider, User: l.User, Refresh: t.RefreshToken, Access: t.AccessToken, Expiry: t.Expiry}
	if g.Refresh != "" {
		return g, nil
	}
	e := &transport.Error{Kind: transport.Auth, Op: "login", Err: errors.New("the server gave no refresh token, so the login would end within the hour")}
	switch {
	case l.Name == "google":
		e.Remedy = "remove the application from the account's third-party access and log in again"
	case !slices.Contains(l.Scopes, offline):
		e.Remedy = "ask for it: --scope " + offline
	default:
		e.Remedy = "allow " + offline + " in the registration of the application"
	}
	return nil, e
}
