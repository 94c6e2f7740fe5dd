package sasl

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mailconv/mailconv/transport"
)

// Mechanism names, as on the wire.
const (
	Plain       = "PLAIN"
	Login       = "LOGIN"
	CRAMMD5     = "CRAM-MD5"
	SCRAMSHA1   = "SCRAM-SHA-1"
	SCRAMSHA256 = "SCRAM-SHA-256"
	XOAuth2     = "XOAUTH2"
	OAuthBearer = "OAUTHBEARER"
)

// Credentials say who logs in.
type Credentials struct {
	// User is whose secret it is.
	User string
	// As is the user to act as, where it is another one (a master user). PLAIN
	// and SCRAM know this; "" is User.
	As string
	// Secret is the password, or the access token for XOAUTH2 and OAUTHBEARER.
	Secret string
	// Host and Port go into OAUTHBEARER.
	Host, Port string
}

// A Mechanism is one login. Start gives the name and the initial response,
// which is nil when there is none; Next answers a challenge, never with nil.
type Mechanism interface {
	Start() (name string, initial []byte, err error)
	Next(challenge []byte) (response []byte, err error)
}

// Param documents the query parameter that [Choose] takes as want.
func Param() transport.Param {
	return transport.Param{Name: "auth", Help: "plain, login, cram-md5, scram, scram-sha-1, scram-sha-256, xoauth2 or oauthbearer; by default the best that the server offers"}
}

// byStrength is the order without a wish. SCRAM proves the server too; PLAIN
// goes before CRAM-MD5, which must keep passwords readable on the server and
// fails for those outside of ASCII.
var byStrength = []string{SCRAMSHA256, SCRAMSHA1, Plain, CRAMMD5, Login}

// wishes are the values of auth=, best first.
var wishes = map[string][]string{
	"":              byStrength,
	"scram":         {SCRAMSHA256, SCRAMSHA1},
	"plain":         {Plain},
	"login":         {Login},
	"cram-md5":      {CRAMMD5},
	"scram-sha-1":   {SCRAMSHA1},
	"scram-sha-256": {SCRAMSHA256},
	"xoauth2":       {XOAuth2},
	"oauthbearer":   {OAuthBearer},
	"oauth":         {XOAuth2, OAuthBearer},
}

// Known reports whether want is a value that [Choose] takes.
func Known(want string) bool {
	_, ok := wishes[strings.ToLower(want)]
	return ok
}

// WantsToken reports whether want asks for an access token in the place of a
// password.
func WantsToken(want string) bool {
	w := wishes[strings.ToLower(want)]
	return len(w) > 0 && (w[0] == XOAuth2 || w[0] == OAuthBearer)
}

// Reveals reports whether a mechanism shows the secret to who listens.
func Reveals(name string) bool {
	switch name {
	case SCRAMSHA1, SCRAMSHA256, CRAMMD5:
		return false
	}
	return true
}

// ErrNone means that the server offers nothing that was asked for.
var ErrNone = errors.New("no common login mechanism")

// Choose picks the best mechanism that the server offers and want ("" for any
// that takes a password) allows. cleartext is nil when the connection may carry
// a secret; otherwise a mechanism that reveals it is not chosen, and where only
// such ones are left cleartext is the error.
func Choose(server []string, want string, c Credentials, cleartext error) (Mechanism, error) {
	list, ok := wishes[strings.ToLower(want)]
	if !ok {
		return nil, &transport.Error{
			Kind: transport.Usage, Op: "login", Err: fmt.Errorf("auth=%s is not known", want),
			Remedy: "possible: " + Param().Help,
		}
	}
	revealed := false
	for _, name := range list {
		switch {
		case !slices.ContainsFunc(server, func(s string) bool { return strings.EqualFold(s, name) }):
		case c.As != "" && c.As != c.User && (name == CRAMMD5 || name == Login):
		case cleartext != nil && Reveals(name):
			revealed = true
		default:
			return New(name, c)
		}
	}
	if revealed {
		return nil, cleartext
	}
	offer := strings.Join(server, " ")
	if offer == "" {
		offer = "nothing"
	}
	e := &transport.Error{Kind: transport.Auth, Op: "login", Err: fmt.Errorf("%w: the server offers %s", ErrNone, offer)}
	if want == "" && slices.ContainsFunc(server, func(s string) bool { return WantsToken(s) }) {
		e.Remedy = "it wants a token: run mailconv login, then use auth=oauth"
	}
	return nil, e
}

// New makes a mechanism by its name on the wire.
func New(name string, c Credentials) (Mechanism, error) {
	as := c.As
	if as == c.User {
		as = ""
	}
	for _, s := range []string{c.User, as, c.Secret} {
		if strings.ContainsRune(s, 0) {
			return nil, &transport.Error{Kind: transport.Usage, Op: "login", Err: errors.New("a user name or password holds a NUL")}
		}
	}
	switch strings.ToUpper(name) {
	case Plain:
		return &plain{c.User, as, c.Secret}, nil
	case Login:
		return &login{user: c.User, password: c.Secret}, nil
	case CRAMMD5:
		return &cramMD5{c.User, c.Secret}, nil
	case SCRAMSHA1, SCRAMSHA256:
		return newSCRAM(strings.ToUpper(name), c.User, as, c.Secret)
	case XOAuth2:
		return &bearer{user: c.User, token: c.Secret, old: true}, nil
	case OAuthBearer:
		return &bearer{user: c.User, token: c.Secret, host: c.Host, port: c.Port}, nil
	}
	return nil, &transport.Error{Kind: transport.Usage, Op: "login", Err: fmt.Errorf("login mechanism %q is not known", name)}
}

// Finish is nil when the login, which the server accepted, is complete: SCRAM
// wants to have seen the server's proof that it knows the password.
func Finish(m Mechanism) error {
	if f, ok := m.(interface{ finish() error }); ok {
		if err := f.finish(); err != nil {
			return &transport.Error{Kind: transport.Auth, Op: "login", Err: err}
		}
	}
	return nil
}

// Detail is what the server said of a refusal within the exchange (the JSON
// of XOAUTH2 and OAUTHBEARER), or "".
func Detail(m Mechanism) string {
	if d, ok := m.(interface{ detail() string }); ok {
		return d.detail()
	}
	return ""
}

// FromAddress asks env for the secret of an address. Where auth= wants a token,
// the secret is an access token, asked for anew on each login.
func FromAddress(ctx context.Context, a transport.Address, env *transport.Env) (Credentials, error) {
	c := Credentials{User: a.User, As: a.Params.Get("authzid"), Secret: a.Password}
	if c.User == "" {
		return c, &transport.Error{
			Kind: transport.Usage, Op: "login", Err: fmt.Errorf("the address of %s names no user", a.Host),
			Remedy: "write it as " + a.Scheme + "://user@host",
		}
	}
	if c.Secret == "" && env != nil && env.Secret != nil {
		var err error
		if c.Secret, err = env.Secret(ctx, a); err != nil {
			return c, err
		}
	}
	if c.Secret == "" {
		return c, &transport.Error{
			Kind: transport.Auth, Op: "login", Err: fmt.Errorf("there is no password for %s at %s", a.User, a.Host),
			Remedy: "give one by a password file, the environment or mailconv login",
		}
	}
	return c, nil
}

// AuthzidParam documents the query parameter that [FromAddress] reads.
func AuthzidParam() transport.Param {
	return transport.Param{Name: "authzid", Help: "user to act as, when the login is a master user's"}
}

// Mask takes the secret out of what a server says, as it is and as it went over
// the wire: some servers repeat what they were sent.
func (c Credentials) Mask(text string) string {
	if c.Secret == "" {
		return text
	}
	list := []string{c.Secret, "***"}
	for _, name := range []string{Plain, XOAuth2, OAuthBearer} {
		if m, err := New(name, c); err == nil {
			if _, initial, err := m.Start(); err == nil {
				list = append(list, base64.StdEncoding.EncodeToString(initial), "***")
			}
		}
	}
	list = append(list, base64.StdEncoding.EncodeToString([]byte(c.Secret)), "***")
	return strings.NewReplacer(list...).Replace(text)
}
