package oauth

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	"golang.org/x/oauth2/jwt"

	"github.com/mailconv/mailconv/transport"
)

// Kinds of a [Grant].
const (
	Person      = "person"      // a refresh token
	Application = "application" // client credentials with a secret
	Certificate = "certificate" // client credentials with a certificate
	Service     = "service"     // a Google service account
)

// A Grant is the right to get tokens. It is a secret, and its JSON is how it is
// stored.
type Grant struct {
	Kind string `json:"kind"`
	Provider
	// User is whose mailbox it is; for a service account, the user to act for.
	User    string    `json:"user,omitempty"`
	Refresh string    `json:"refresh,omitempty"`
	Access  string    `json:"access,omitempty"`
	Expiry  time.Time `json:"expiry,omitzero"`
	// Key is PEM: the private key and, for Certificate, the certificate.
	Key string `json:"key,omitempty"`
	// KeyID and Account are those of a service account.
	KeyID   string `json:"key_id,omitempty"`
	Account string `json:"account,omitempty"`
}

// NewApplication is the grant of an application on its own with its secret.
func NewApplication(p Provider) (*Grant, error) {
	if err := p.check(p.TokenURL); err != nil {
		return nil, err
	}
	if p.ClientSecret == "" {
		return nil, usage("an application on its own needs a secret or a certificate")
	}
	return &Grant{Kind: Application, Provider: p}, nil
}

// NewCertificate is the grant of an application on its own with a certificate;
// file holds it and its private key as PEM. RFC 7523
func NewCertificate(p Provider, file []byte) (*Grant, error) {
	if err := p.check(p.TokenURL); err != nil {
		return nil, err
	}
	g := &Grant{Kind: Certificate, Provider: p, Key: string(file)}
	_, err := g.assertion(time.Now())
	return g, err
}

// NewService is the grant of a Google service account whose JSON key file is
// given, acting for a user of its domain.
func NewService(file []byte, user string, scopes ...string) (*Grant, error) {
	var k struct {
		Type  string `json:"type"`
		Email string `json:"client_email"`
		ID    string `json:"client_id"`
		Key   string `json:"private_key"`
		KeyID string `json:"private_key_id"`
		URL   string `json:"token_uri"`
	}
	if err := json.Unmarshal(file, &k); err != nil || k.Type != "service_account" || k.Email == "" || k.Key == "" {
		return nil, usage("the file is not the JSON key of a service account")
	}
	if user == "" {
		return nil, usage("a service account acts for a user: name one with --user")
	}
	p := Google()
	if k.URL != "" {
		p.TokenURL = k.URL
	}
	if p.ClientID = k.ID; p.ClientID == "" {
		p.ClientID = k.Email
	}
	if len(scopes) > 0 {
		p.Scopes = scopes
	}
	return &Grant{Kind: Service, Provider: p, User: user, Key: k.Key, KeyID: k.KeyID, Account: k.Email}, p.check(p.TokenURL)
}

// For is the same grant for other scopes: Microsoft gives tokens for several
// services against one refresh token.
func (g Grant) For(scopes ...string) *Grant {
	g.Scopes, g.Access, g.Expiry = scopes, "", time.Time{}
	return &g
}

// A TokenSource gives access tokens, fresh ones whenever it is asked. It may be
// used by several goroutines at once.
type TokenSource interface {
	Token(ctx context.Context) (string, error)
}

// From takes a source of golang.org/x/oauth2.
func From(s oauth2.TokenSource) TokenSource { return outside{s} }

type outside struct{ s oauth2.TokenSource }

func (o outside) Token(context.Context) (string, error) {
	t, err := o.s.Token()
	if err != nil {
		return "", Provider{Name: "the token source"}.failed("login", err)
	}
	return t.AccessToken, nil
}

// Secret makes the function of [transport.Env] from a source, for addresses
// with auth=xoauth2 or auth=oauthbearer.
func Secret(s TokenSource) func(context.Context, transport.Address) (string, error) {
	return func(ctx context.Context, _ transport.Address) (string, error) { return s.Token(ctx) }
}

// early is how long before its end a token is renewed.
const early = 2 * time.Minute

// Source gives tokens against the grant and renews them. save is told of each
// change, so that it can be stored: servers may replace the refresh token and
// make the old one void. It may be nil. h is nil for a client of our own.
func (g *Grant) Source(h *http.Client, save func(*Grant) error) TokenSource {
	own := *g
	return &source{g: &own, http: h, save: save}
}

type source struct {
	http *http.Client
	save func(*Grant) error

	mu      sync.Mutex
	g       *Grant
	unsaved bool
}

func (s *source) Token(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.g.Access == "" || !s.g.Expiry.IsZero() && time.Until(s.g.Expiry) < early {
		t, err := s.g.renew(with(ctx, s.http))
		if err != nil {
			return "", s.g.failed("login", err)
		}
		s.g.Access, s.g.Expiry = t.AccessToken, t.Expiry
		s.unsaved = true
		if t.RefreshToken != "" {
			s.g.Refresh = t.RefreshToken
		}
	}
	if s.unsaved && s.save != nil {
		g := *s.g
		if err := s.save(&g); err != nil {
			return "", &transport.Error{Op: "login", Err: fmt.Errorf("the renewed login cannot be stored: %w", err)}
		}
	}
	s.unsaved = false
	return s.g.Access, nil
}

func (g *Grant) renew(ctx context.Context) (*oauth2.Token, error) {
	if err := g.check(g.TokenURL); err != nil {
		return nil, err
	}
	switch g.Kind {
	case Person:
		if g.Refresh == "" {
			return nil, g.refused("login", "invalid_grant", "there is no refresh token")
		}
		return g.config().TokenSource(ctx, &oauth2.Token{RefreshToken: g.Refresh}).Token()
	case Application, Certificate:
		c := clientcredentials.Config{ClientID: g.ClientID, ClientSecret: g.ClientSecret, TokenURL: g.TokenURL, Scopes: g.Scopes, AuthStyle: oauth2.AuthStyleInParams}
		if g.Kind == Certificate {
			a, err := g.assertion(time.Now())
			if err != nil {
				return nil, err
			}
			c.ClientSecret = ""
			c.EndpointParams = url.Values{"client_assertion": {a}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}}
		}
		return c.Token(ctx)
	case Service:
		c := &jwt.Config{Email: g.Account, PrivateKey: []byte(g.Key), PrivateKeyID: g.KeyID, Subject: g.User, Scopes: g.Scopes, TokenURL: g.TokenURL}
		return c.TokenSource(ctx).Token()
	}
	return nil, usage("a stored login of the kind %q is not known", g.Kind)
}

// assertion is the JWT by which an application proves that it has the key of
// its certificate. RFC 7523 3, RFC 7515
func (g *Grant) assertion(now time.Time) (string, error) {
	var key *rsa.PrivateKey
	var certs [][]byte
	for rest := []byte(g.Key); ; {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			break
		}
		switch b.Type {
		case "CERTIFICATE":
			certs = append(certs, b.Bytes)
		case "PRIVATE KEY":
			if k, err := x509.ParsePKCS8PrivateKey(b.Bytes); err == nil {
				key, _ = k.(*rsa.PrivateKey)
			}
		case "RSA PRIVATE KEY":
			key, _ = x509.ParsePKCS1PrivateKey(b.Bytes)
		}
	}
	if key == nil || len(certs) == 0 {
		return "", usage("the file does not hold a certificate and its unencrypted RSA key as PEM")
	}
	at := slices.IndexFunc(certs, func(der []byte) bool {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return false
		}
		pub, ok := c.PublicKey.(*rsa.PublicKey)
		return ok && pub.Equal(&key.PublicKey)
	})
	if at < 0 {
		return "", usage("the private key in the file is not that of the certificate")
	}
	thumb := sha256.Sum256(certs[at])
	enc := base64.RawURLEncoding
	head, err1 := json.Marshal(map[string]string{"alg": "PS256", "typ": "JWT", "x5t#S256": enc.EncodeToString(thumb[:])})
	body, err2 := json.Marshal(map[string]any{
		"aud": g.TokenURL, "iss": g.ClientID, "sub": g.ClientID, "jti": rand.Text(),
		"nbf": now.Add(-time.Minute).Unix(), "exp": now.Add(10 * time.Minute).Unix(),
	})
	if err := errors.Join(err1, err2); err != nil {
		return "", err
	}
	text := bytes.Join([][]byte{[]byte(enc.EncodeToString(head)), []byte(enc.EncodeToString(body))}, []byte("."))
	sum := sha256.Sum256(text)
	sig, err := rsa.SignPSS(rand.Reader, key, crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	if err != nil {
		return "", usage("the private key cannot sign: %w", err)
	}
	return string(text) + "." + enc.EncodeToString(sig), nil
}
