package pop3

import (
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/dial"
	"github.com/mailconv/mailconv/transport/sasl"
)

// login opens a session: connection, encryption, capabilities, credentials.
func (st *Store) login(ctx context.Context) (*session, error) {
	cred, err := sasl.FromAddress(ctx, st.addr, st.env)
	if err != nil {
		return nil, err
	}
	cred.Host, cred.Port = st.dial.Host, st.dial.Port
	c, err := st.dial.Dial(ctx)
	if err != nil {
		return nil, err
	}
	stop := c.Use(ctx)
	s, err := st.converse(ctx, c, cred)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return s, nil
}

func (st *Store) converse(ctx context.Context, c *dial.Conn, cred sasl.Credentials) (*session, error) {
	s, err := start(c)
	if err == nil {
		err = s.readCaps()
	}
	if err == nil && st.dial.TLS == dial.StartTLS {
		err = s.startTLS(ctx)
	}
	if err == nil && s.can("UTF8") {
		_, _, err = s.cmd("utf8", "UTF8") // a refusal leaves things as they were
	}
	if err == nil {
		err = s.auth(st.auth, cred)
	}
	if err == nil && s.caps != nil {
		err = s.readCaps() // they may be others now
	}
	return s, err
}

func (s *session) auth(want string, cred sasl.Credentials) error {
	s.mask = cred.Mask
	cleartext := s.c.MayCarryPassword()
	switch want {
	case authUser:
		return s.userPass(cred, cleartext)
	case authAPOP:
		return s.apop(cred)
	}
	m, err := sasl.Choose(s.caps["SASL"], want, cred, cleartext)
	switch {
	case err == nil:
		return s.sasl(m)
	case want != "":
		return err
	case cleartext != nil && s.stamp != "":
		return s.apop(cred)
	case errors.Is(err, sasl.ErrNone) && (s.caps == nil || s.can("USER") || len(s.caps["SASL"]) == 0):
		return s.userPass(cred, cleartext)
	}
	return err
}

func (s *session) userPass(cred sasl.Credentials, cleartext error) error {
	if cleartext != nil {
		return cleartext
	}
	if strings.ContainsAny(cred.User+cred.Secret, "\r\n\x00") || strings.ContainsRune(cred.User, ' ') {
		return &transport.Error{Kind: transport.Usage, Op: "login", Err: errors.New("a user name or password holds a character that USER and PASS cannot carry")}
	}
	ok, text, err := s.cmd("login", "USER %s", cred.User)
	if err != nil {
		return err
	}
	if ok {
		ok, text, err = s.cmd("login", "PASS %s", cred.Secret)
	}
	return s.loggedIn(ok, text, err)
}

// apop is RFC 1939 7: a hash of the greeting's stamp and the password.
func (s *session) apop(cred sasl.Credentials) error {
	if s.stamp == "" {
		return &transport.Error{Kind: transport.Auth, Op: "login", Err: errors.New("the server does not offer APOP")}
	}
	if strings.ContainsAny(cred.User, "\r\n \x00") {
		return &transport.Error{Kind: transport.Usage, Op: "login", Err: errors.New("the user name holds a character that APOP cannot carry")}
	}
	sum := md5.Sum([]byte(s.stamp + cred.Secret))
	return s.loggedIn(s.cmd("login", "APOP %s %s", cred.User, hex.EncodeToString(sum[:])))
}

func (s *session) loggedIn(ok bool, text string, err error) error {
	if err != nil || ok {
		return err
	}
	err = refusal("login", "", s.mask(text), transport.Auth)
	var e *transport.Error
	if errors.As(err, &e) && e.Kind == transport.Throttled && e.After == 0 {
		e.After = s.delay()
	}
	return err
}

// sasl is RFC 5034. An initial response that makes the line too long is sent
// when the server asks.
func (s *session) sasl(m sasl.Mechanism) error {
	name, initial, err := m.Start()
	if err != nil {
		return &transport.Error{Kind: transport.Auth, Op: "login", Err: err}
	}
	line := "AUTH " + name
	if initial != nil {
		in := base64.StdEncoding.EncodeToString(initial)
		if in == "" {
			in = "="
		}
		if len(line)+len(in) < 250 {
			line, initial = line+" "+in, nil
		}
	}
	s.write("%s", line)
	for range 20 {
		if err := s.w.Flush(); err != nil {
			return s.broken("login", err)
		}
		reply, err := s.line()
		if err != nil {
			return s.broken("login", err)
		}
		challenge, more := strings.CutPrefix(reply, "+ ")
		if more = more || reply == "+"; !more {
			ok, text := status(reply)
			if d := sasl.Detail(m); !ok && d != "" {
				text += " (" + d + ")"
			}
			if err := s.loggedIn(ok, text, nil); err != nil {
				return err
			}
			return sasl.Finish(m)
		}
		if reply == "+" {
			challenge = ""
		}
		if initial != nil && challenge == "" {
			s.write("%s", base64.StdEncoding.EncodeToString(initial))
			initial = nil
			continue
		}
		in, err := base64.StdEncoding.DecodeString(strings.TrimSpace(challenge))
		var out []byte
		if err == nil {
			out, err = m.Next(in)
		}
		if err != nil {
			s.dead = true
			return &transport.Error{Kind: transport.Auth, Op: "login", Err: fmt.Errorf("%s: %w", name, err)}
		}
		s.write("%s", base64.StdEncoding.EncodeToString(out))
	}
	return s.broken("login", errors.New("the login has no end"))
}
