package imap

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strings"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/dial"
	"github.com/mailconv/mailconv/transport/imap/wire"
	"github.com/mailconv/mailconv/transport/sasl"
)

// connect makes a connection that is logged in.
func (s *Store) connect(ctx context.Context) (*session, error) {
	nc, err := s.o.Dial.Dial(ctx)
	if err != nil {
		return nil, err
	}
	c := &session{Conn: wire.NewConn(nc), s: s, nc: nc}
	c.Untagged = c.untagged
	if err := c.begin(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *session) begin(ctx context.Context) error {
	stop := c.Guard(ctx)
	hello, err := c.Next(ctx)
	stop()
	if err != nil {
		return c.s.broken("connect", "", err)
	}
	preauth := hello.Name == "PREAUTH"
	switch {
	case hello.Name == "BYE":
		return c.s.broken("connect", "", &wire.ByeError{Response: hello})
	case hello.Name != "OK" && !preauth:
		return fail(transport.Unavailable, "connect", "", "%s does not speak IMAP: it says %q", c.s.o.Dial.Addr(), oneLine(hello.Name+" "+hello.Text))
	}
	if c.s.o.Dial.TLS == dial.StartTLS {
		if preauth {
			// Someone in the middle may have logged us in. RFC 9051 11.1
			return fail(transport.Unavailable, "tls", "", "the server skips the login, so the connection cannot be protected")
		}
		if err := c.startTLS(ctx); err != nil {
			return err
		}
	}
	if err := c.capabilities(ctx); err != nil {
		return err
	}
	if !preauth {
		if err := c.login(ctx); err != nil {
			return err
		}
	}
	return c.greet(ctx)
}

// capabilities asks for them when the server did not tell.
func (c *session) capabilities(ctx context.Context) error {
	if c.news {
		return nil
	}
	_, err := c.do(ctx, "connect", "", cmd("CAPABILITY"), nil)
	if c.caps == nil {
		c.caps = map[string]bool{}
	}
	return err
}

func (c *session) startTLS(ctx context.Context) error {
	// The list of capabilities before TLS proves nothing, so STARTTLS is tried
	// whatever it says.
	res, err := c.Do(ctx, cmd("STARTTLS"), nil)
	if err != nil {
		return c.s.broken("tls", "", err)
	}
	if res.Name != "OK" {
		return &transport.Error{
			Kind: transport.Unavailable, Op: "tls", Err: refusal(res),
			Remedy: "the server refuses STARTTLS: use imaps://, or tls=none where the line is safe",
		}
	}
	if err := c.Upgrade(func() error { return c.nc.StartTLS(ctx) }); err != nil {
		return c.s.broken("tls", "", err)
	}
	c.caps, c.news = nil, false // RFC 9051 6.2.1: those from before are void
	return nil
}

func (c *session) login(ctx context.Context) error {
	cred := c.s.o.Login
	if c.s.o.Token != nil {
		token, err := c.s.o.Token(ctx)
		if err != nil {
			return err
		}
		cred.Secret = token
	}
	if cred.Secret == "" {
		return &transport.Error{
			Kind: transport.Auth, Op: "login", Err: errors.New("there is no password for " + cred.User),
			Remedy: "give one with --src-password-file or --dst-password-file, or their environment variables",
		}
	}
	var offered []string
	for name := range c.caps {
		if m, ok := strings.CutPrefix(name, "AUTH="); ok {
			offered = append(offered, m)
		}
	}
	open := c.nc.MayCarryPassword()
	m, err := sasl.Choose(offered, c.s.o.Auth, cred, open)
	want := strings.ToLower(c.s.o.Auth)
	// The command LOGIN is what is left where the server offers no mechanism.
	plain := errors.Is(err, sasl.ErrNone) && !c.caps["LOGINDISABLED"] && (want == "" || want == "login" || want == "plain") && (cred.As == "" || cred.As == cred.User)
	c.news = false
	switch {
	case plain && open != nil:
		return open
	case plain:
		var res *wire.Response
		res, err = c.Do(ctx, cmd("LOGIN ").String(cred.User).Raw(" ").String(cred.Secret), nil)
		err = c.loggedIn(res, err, nil, cred.Secret)
	case err != nil:
		return err
	default:
		err = c.authenticate(ctx, m, cred.Secret)
	}
	if err != nil {
		return err
	}
	return c.capabilities(ctx)
}

// authenticate is one SASL exchange. RFC 9051 6.2.2
func (c *session) authenticate(ctx context.Context, m sasl.Mechanism, secret string) error {
	defer c.Guard(ctx)()
	name, initial, err := m.Start()
	if err != nil {
		return fail(transport.Auth, "login", "", "%w", err)
	}
	w := cmd("AUTHENTICATE " + name)
	if initial != nil && c.can("SASL-IR") {
		w.Raw(" ")
		if len(initial) == 0 {
			w.Raw("=")
		}
		w.Raw(base64.StdEncoding.EncodeToString(initial))
		initial = nil
	}
	tag, _, err := c.Write(ctx, w)
	if err == nil {
		err = c.Flush(ctx)
	}
	for err == nil {
		var res *wire.Response
		if res, err = c.Next(ctx); err != nil {
			break
		}
		switch {
		case res.Tag == tag:
			return c.loggedIn(res, nil, m, secret)
		case res.Tag == "*" && res.Name == "BYE":
			err = &wire.ByeError{Response: res}
		case res.Tag == "+":
			reply := initial
			if initial == nil {
				challenge, derr := base64.StdEncoding.DecodeString(strings.TrimSpace(res.Text))
				if derr != nil {
					challenge = []byte(res.Text) // words instead of a challenge, as with LOGIN
				}
				if reply, derr = m.Next(challenge); derr != nil {
					c.Line(ctx, "*") //nolint:errcheck // the exchange failed already
					return fail(transport.Auth, "login", "", "%w", derr)
				}
			}
			initial = nil
			err = c.Line(ctx, base64.StdEncoding.EncodeToString(reply))
		}
	}
	return c.s.broken("login", "", err)
}

// loggedIn judges the end of a login. The secret is taken out of what the
// server says.
func (c *session) loggedIn(res *wire.Response, err error, m sasl.Mechanism, secret string) error {
	if err != nil {
		return c.s.broken("login", "", err)
	}
	if res.Name == "OK" {
		if res.Code == "CAPABILITY" {
			c.setCaps(res.Args())
		}
		if m != nil {
			return sasl.Finish(m)
		}
		return nil
	}
	if m != nil {
		if d := sasl.Detail(m); d != "" {
			res.Text += " (" + d + ")"
		}
	}
	if secret != "" {
		res.Text = strings.ReplaceAll(res.Text, secret, "***")
	}
	return refused("login", "", res)
}

// greet tells who we are and turns on what we use.
func (c *session) greet(ctx context.Context) error {
	if c.can("ID") {
		// Some hosters refuse to select a mailbox before they have seen it.
		if _, err := c.do(ctx, "connect", "", cmd(`ID ("name" "mailconv")`), nil); err != nil && c.Broken() != nil {
			return err
		}
	}
	if !c.can("UTF8=ONLY", "UTF8=ACCEPT") {
		return nil
	}
	// Without it the server may write mails with UTF-8 in their headers anew.
	// RFC 6855 3
	_, err := c.do(ctx, "connect", "", cmd("ENABLE UTF8=ACCEPT"), func(r *wire.Response) error {
		c.utf8 = c.utf8 || r.Name == "ENABLED" && slices.ContainsFunc(r.Values, func(v wire.Value) bool { return v.Is("UTF8=ACCEPT") })
		return nil
	})
	if c.can("UTF8=ONLY") {
		c.utf8 = err == nil
	} else if c.Broken() == nil {
		return nil // names are in UTF-7, then
	}
	return err
}
