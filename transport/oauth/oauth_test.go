package oauth_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/oauth"
)

// An authority is an authorization server. It is spoken to without a network,
// so that time can be made up.
type authority struct {
	t *testing.T

	mu        sync.Mutex
	challenge string // of the last authorization
	redirect  string
	refresh   string // the one that is valid
	noRefresh bool
	rotate    bool
	n         int
	device    []string // answers to polls, in turn; "" is a token
	deny      map[string]string
	forms     []url.Values
	polls     []time.Time
}

const base = "https://login.example"

func (a *authority) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w.Result(), nil
}

func (a *authority) client() *http.Client { return &http.Client{Transport: a} }

func (a *authority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r.Body != nil {
		r.ParseForm()
	}
	w.Header().Set("Content-Type", "application/json")
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		fmt.Fprintf(w, `{"authorization_endpoint":"%[1]s/auth","token_endpoint":"%[1]s/token","device_authorization_endpoint":"%[1]s/device"}`, base)
	case "/device":
		a.forms = append(a.forms, r.PostForm)
		fmt.Fprint(w, `{"device_code":"dev","user_code":"ABCD-EFGH","verification_uri":"https://login.example/enter","expires_in":900,"interval":5}`)
	case "/token":
		a.forms = append(a.forms, r.PostForm)
		a.token(w, r.PostForm)
	case "/moved":
		http.Redirect(w, r, "https://evil.example/token", http.StatusTemporaryRedirect)
	default:
		http.Error(w, "busy", http.StatusServiceUnavailable)
	}
}

func (a *authority) fail(w http.ResponseWriter, code, text string) {
	w.WriteHeader(http.StatusBadRequest)
	json.NewEncoder(w).Encode(map[string]string{"error": code, "error_description": text})
}

func (a *authority) token(w http.ResponseWriter, f url.Values) {
	if text, ok := a.deny[f.Get("grant_type")]; ok {
		code, text, _ := strings.Cut(text, "|")
		a.fail(w, code, text)
		return
	}
	switch f.Get("grant_type") {
	case "authorization_code":
		sum := sha256.Sum256([]byte(f.Get("code_verifier")))
		if f.Get("code") != "the-code" || base64.RawURLEncoding.EncodeToString(sum[:]) != a.challenge || f.Get("redirect_uri") != a.redirect {
			a.fail(w, "invalid_grant", "the verifier does not fit")
			return
		}
	case "urn:ietf:params:oauth:grant-type:device_code":
		a.polls = append(a.polls, time.Now())
		say := a.device[0]
		if len(a.device) > 1 {
			a.device = a.device[1:]
		}
		if say != "" {
			code, text, _ := strings.Cut(say, "|")
			a.fail(w, code, text)
			return
		}
	case "refresh_token":
		if f.Get("refresh_token") != a.refresh {
			a.fail(w, "invalid_grant", "AADSTS700082: The refresh token has expired due to inactivity.\r\nTrace ID: 1")
			return
		}
	case "client_credentials":
		if f.Get("client_secret") != "app-secret" && f.Get("client_assertion") == "" {
			a.fail(w, "invalid_client", "AADSTS7000215: Invalid client secret provided.")
			return
		}
	case "urn:ietf:params:oauth:grant-type:jwt-bearer":
	}
	a.n++
	out := map[string]any{"access_token": fmt.Sprintf("access-%d", a.n), "token_type": "Bearer", "expires_in": 3600}
	if !a.noRefresh && (f.Get("grant_type") != "refresh_token" || a.rotate) {
		a.refresh = fmt.Sprintf("refresh-%d", a.n)
		out["refresh_token"] = a.refresh
	}
	json.NewEncoder(w).Encode(out)
}

func (a *authority) login() oauth.Login {
	return oauth.Login{HTTP: a.client(), User: "ann@x.example", Provider: oauth.Provider{
		Name: "login.example", AuthURL: base + "/auth", TokenURL: base + "/token", DeviceURL: base + "/device",
		ClientID: "client", Scopes: []string{"mail", "offline_access"},
	}}
}

// browse does what a browser and a person do: it goes to the URL and comes back.
func (a *authority) browse(change func(url.Values)) func(string) error {
	return func(s string) error {
		u, err := url.Parse(s)
		if err != nil {
			return err
		}
		q := u.Query()
		if q.Get("code_challenge_method") != "S256" || q.Get("client_id") != "client" || q.Get("login_hint") != "ann@x.example" || q.Get("scope") != "mail offline_access" {
			a.t.Errorf("asked for %v", q)
		}
		a.mu.Lock()
		a.challenge, a.redirect = q.Get("code_challenge"), q.Get("redirect_uri")
		a.mu.Unlock()
		back := url.Values{"code": {"the-code"}, "state": {q.Get("state")}}
		if change != nil {
			change(back)
		}
		go func() {
			// Somebody else knocks first.
			for _, path := range []string{"?code=evil&state=evil", "favicon.ico", "?" + back.Encode()} {
				res, err := http.Get(strings.Replace(q.Get("redirect_uri"), "localhost", "127.0.0.1", 1) + path)
				if err != nil {
					a.t.Error(err)
					return
				}
				b, _ := io.ReadAll(res.Body)
				res.Body.Close()
				if strings.Contains(string(b), "<script>") {
					a.t.Errorf("the page holds what it was sent: %s", b)
				}
			}
		}()
		return nil
	}
}

func TestBrowserLoginWithPKCE(t *testing.T) {
	a := &authority{t: t}
	g, err := a.login().Browser(t.Context(), a.browse(nil))
	if err != nil {
		t.Fatal(err)
	}
	if g.Kind != oauth.Person || g.Refresh != "refresh-1" || g.Access != "access-1" {
		t.Errorf("%+v", g)
	}
	if tok, err := g.Source(a.client(), nil).Token(t.Context()); tok != "access-1" || err != nil {
		t.Errorf("%s, %v", tok, err)
	}
	// A changed challenge is what an attacker who has the code lacks.
	l := a.login()
	_, err = l.Browser(t.Context(), func(s string) error {
		err := a.browse(nil)(s)
		a.mu.Lock()
		a.challenge = "other"
		a.mu.Unlock()
		return err
	})
	if transport.KindOf(err) != transport.Auth {
		t.Errorf("a wrong verifier: %v", err)
	}
}

func TestBrowserLoginRefused(t *testing.T) {
	a := &authority{t: t}
	_, err := a.login().Browser(t.Context(), a.browse(func(q url.Values) {
		q.Del("code")
		q.Set("error", "access_denied")
		q.Set("error_description", "AADSTS65004: User declined <script>")
	}))
	wants(t, err, transport.Auth, "the consent was declined", "mailconv login")
	ctx, cancel := context.WithCancel(t.Context())
	_, err = a.login().Browser(ctx, func(string) error { cancel(); return nil })
	if !transport.Canceled(err) {
		t.Errorf("nobody comes back: %v", err)
	}
}

func wants(t *testing.T, err error, kind transport.Kind, words ...string) {
	t.Helper()
	if transport.KindOf(err) != kind || err == nil {
		t.Errorf("%v (%v), want kind %v", err, transport.KindOf(err), kind)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
	if strings.ContainsAny(err.Error(), "\r\n") {
		t.Errorf("not one line: %q", err)
	}
	for _, s := range []string{"access-", "refresh-", "the-code", "app-secret"} {
		if strings.Contains(err.Error(), s) {
			t.Errorf("the error holds a secret: %v", err)
		}
	}
}

func TestDeviceCode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &authority{t: t, device: []string{"authorization_pending", "slow_down", "authorization_pending", ""}}
		var shown oauth.Prompt
		start := time.Now()
		g, err := a.login().Device(t.Context(), func(p oauth.Prompt) { shown = p })
		if err != nil {
			t.Fatal(err)
		}
		if g.Refresh != "refresh-1" || shown.Code != "ABCD-EFGH" || shown.URL != "https://login.example/enter" {
			t.Errorf("%+v, %+v", g, shown)
		}
		var waits []time.Duration
		for _, p := range a.polls {
			waits = append(waits, p.Sub(start))
			start = p
		}
		if fmt.Sprint(waits) != "[5s 5s 10s 10s]" {
			t.Errorf("polls after %v", waits)
		}
	})
}

func TestT72DeviceCodeThatFails(t *testing.T) {
	for _, tt := range []struct {
		say   string
		words []string
	}{
		{"authorization_declined|AADSTS70016", []string{"declined"}},
		{"access_denied|", []string{"declined"}},
		{"expired_token|", []string{"not entered in time"}},
		{"invalid_grant|AADSTS53003: Access has been blocked by Conditional Access policies.", []string{"Conditional Access", "without --device"}},
		{"interaction_required|AADSTS50076: you must use multi-factor authentication", []string{"second factor", "browser"}},
		{"invalid_client|AADSTS7000218: The request body must contain client_assertion", []string{"public client flows"}},
		{"invalid_grant|AADSTS65001: The user or administrator has not consented", []string{"consent"}},
		{"odd_code|something else", []string{"odd_code: something else"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			a := &authority{t: t, device: []string{tt.say}}
			_, err := a.login().Device(t.Context(), func(oauth.Prompt) {})
			wants(t, err, transport.Auth, tt.words...)
		})
	}
	synctest.Test(t, func(t *testing.T) {
		a := &authority{t: t, device: []string{"authorization_pending"}}
		_, err := a.login().Device(t.Context(), func(oauth.Prompt) {})
		wants(t, err, transport.Auth, "not entered in time")
	})
}

func TestT72NoRefreshToken(t *testing.T) {
	a := &authority{t: t, noRefresh: true, device: []string{""}}
	l := a.login()
	l.Scopes = []string{"mail"}
	synctest.Test(t, func(t *testing.T) {
		_, err := l.Device(t.Context(), func(oauth.Prompt) {})
		wants(t, err, transport.Auth, "no refresh token", "--scope offline_access")
	})
	p, err := oauth.Microsoft("x.example", "", "", false)
	if err != nil || !strings.HasSuffix(strings.Join(p.Scopes, " "), " offline_access") || !strings.Contains(p.TokenURL, "/oauth2/v2.0/") {
		t.Errorf("Microsoft is asked for %q at %s", p.Scopes, p.TokenURL)
	}
}

func TestRefreshAndRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &authority{t: t, refresh: "refresh-0", rotate: true}
		g := &oauth.Grant{Kind: oauth.Person, Provider: a.login().Provider, Refresh: "refresh-0"}
		var saved []string
		src := g.Source(a.client(), func(g *oauth.Grant) error { saved = append(saved, g.Refresh); return nil })
		var got []string
		for range 5 {
			tok, err := src.Token(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, tok)
			time.Sleep(29 * time.Minute)
		}
		if fmt.Sprint(got) != "[access-1 access-1 access-1 access-2 access-2]" && fmt.Sprint(got) != "[access-1 access-1 access-2 access-2 access-3]" {
			t.Errorf("%q", got)
		}
		if len(saved) != a.n || saved[0] != "refresh-1" {
			t.Errorf("stored: %q", saved)
		}
		if g.Refresh != "refresh-0" {
			t.Error("the caller's grant was changed")
		}
		// A login that the server forgot.
		a.refresh = "other"
		time.Sleep(2 * time.Hour)
		_, err := src.Token(t.Context())
		wants(t, err, transport.Auth, "expired", "mailconv login")
	})
}

func TestGrantIsStoredAsJSON(t *testing.T) {
	a := &authority{t: t, refresh: "refresh-0"}
	g := &oauth.Grant{Kind: oauth.Person, Provider: a.login().Provider, Refresh: "refresh-0", User: "ann"}
	b, err := json.Marshal(g)
	if err != nil {
		t.Fatal(err)
	}
	var back oauth.Grant
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if tok, err := back.Source(a.client(), nil).Token(t.Context()); tok != "access-1" || err != nil {
		t.Errorf("%s, %v", tok, err)
	}
	other := back.For("graph")
	if _, err := other.Source(a.client(), nil).Token(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := a.forms[0].Get("refresh_token"); s != "refresh-0" {
		t.Error(s)
	}
}

func TestApplicationWithSecret(t *testing.T) {
	a := &authority{t: t}
	p := a.login().Provider
	if _, err := oauth.NewApplication(p); transport.KindOf(err) != transport.Usage {
		t.Errorf("no secret: %v", err)
	}
	p.ClientSecret = "app-secret"
	g, err := oauth.NewApplication(p)
	if err != nil {
		t.Fatal(err)
	}
	if tok, err := g.Source(a.client(), nil).Token(t.Context()); tok != "access-1" || err != nil {
		t.Errorf("%s, %v", tok, err)
	}
	g.ClientSecret = "wrong"
	_, err = g.Source(a.client(), nil).Token(t.Context())
	wants(t, err, transport.Auth, "the client secret is wrong")
}

func keyAndCertificate(t *testing.T) (*rsa.PrivateKey, *x509.Certificate, []byte) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "app"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pk, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	file := append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pk}), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	return key, cert, file
}

func TestApplicationWithCertificate(t *testing.T) {
	key, cert, file := keyAndCertificate(t)
	a := &authority{t: t}
	g, err := oauth.NewCertificate(a.login().Provider, file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Source(a.client(), nil).Token(t.Context()); err != nil {
		t.Fatal(err)
	}
	f := a.forms[0]
	if f.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" || f.Get("client_secret") != "" {
		t.Errorf("%v", f)
	}
	parts := strings.Split(f.Get("client_assertion"), ".")
	if len(parts) != 3 {
		t.Fatalf("%d parts", len(parts))
	}
	var head struct {
		Alg string `json:"alg"`
		X5t string `json:"x5t#S256"`
	}
	var body struct {
		Aud, Iss, Sub string
		Exp           int64
	}
	for i, v := range []any{&head, &body} {
		b, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, v); err != nil {
			t.Fatal(err)
		}
	}
	thumb := sha256.Sum256(cert.Raw)
	if head.Alg != "PS256" || head.X5t != base64.RawURLEncoding.EncodeToString(thumb[:]) || body.Aud != base+"/token" || body.Iss != "client" || body.Sub != "client" || body.Exp < time.Now().Unix() {
		t.Errorf("%+v %+v", head, body)
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	sig, _ := base64.RawURLEncoding.DecodeString(parts[2])
	if err := rsa.VerifyPSS(&key.PublicKey, 5, sum[:], sig, nil); err != nil {
		t.Error(err)
	}
	_, _, other := keyAndCertificate(t)
	mixed := append(file[:strings.Index(string(file), "-----BEGIN CERT")], other[strings.Index(string(other), "-----BEGIN CERT"):]...)
	for _, bad := range [][]byte{nil, []byte("junk"), mixed} {
		if _, err := oauth.NewCertificate(a.login().Provider, bad); transport.KindOf(err) != transport.Usage {
			t.Errorf("a bad file: %v", err)
		}
	}
}

func TestServiceAccount(t *testing.T) {
	key, _, _ := keyAndCertificate(t)
	pk, _ := x509.MarshalPKCS8PrivateKey(key)
	file, _ := json.Marshal(map[string]string{
		"type": "service_account", "client_email": "sa@p.example", "client_id": "123", "private_key_id": "k1", "token_uri": base + "/token",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pk})),
	})
	a := &authority{t: t, deny: map[string]string{}}
	g, err := oauth.NewService(file, "ann@x.example")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Source(a.client(), nil).Token(t.Context()); err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(a.forms[0].Get("assertion"), ".")
	b, _ := base64.RawURLEncoding.DecodeString(parts[1])
	var c struct{ Iss, Sub, Scope string }
	if json.Unmarshal(b, &c); c.Iss != "sa@p.example" || c.Sub != "ann@x.example" || c.Scope != "https://mail.google.com/" {
		t.Errorf("%s", b)
	}
	a.deny["urn:ietf:params:oauth:grant-type:jwt-bearer"] = "unauthorized_client|Client is unauthorized to retrieve access tokens"
	_, err = g.Source(a.client(), nil).Token(t.Context())
	wants(t, err, transport.Auth, "delegate its client id")
	if _, err := oauth.NewService([]byte(`{"type":"user"}`), "u"); transport.KindOf(err) != transport.Usage {
		t.Error(err)
	}
	if _, err := oauth.NewService(file, ""); transport.KindOf(err) != transport.Usage {
		t.Error(err)
	}
}

func TestEndpointsAreFound(t *testing.T) {
	a := &authority{t: t}
	p, err := oauth.Discover(t.Context(), base+"/", a.client())
	if err != nil || p.TokenURL != base+"/token" || p.DeviceURL != base+"/device" || p.Name != "login.example" {
		t.Errorf("%+v, %v", p, err)
	}
	for _, bad := range []string{"http://login.example", "ftp://x", "login", "https://u:p@x"} {
		if _, err := oauth.Discover(t.Context(), bad, a.client()); transport.KindOf(err) != transport.Usage {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if _, err := oauth.Discover(t.Context(), base+"/elsewhere", a.client()); transport.KindOf(err) != transport.Unavailable {
		t.Error(err)
	}
}

func TestSecretsStayWithTheirServer(t *testing.T) {
	a := &authority{t: t}
	p := a.login().Provider
	p.ClientSecret, p.TokenURL = "app-secret", base+"/moved"
	g, err := oauth.NewApplication(p)
	if err != nil {
		t.Fatal(err)
	}
	_, err = g.Source(a.client(), nil).Token(t.Context())
	wants(t, err, transport.Unavailable, "not followed")
	p.TokenURL = "http://login.example/token"
	if _, err := oauth.NewApplication(p); transport.KindOf(err) != transport.Usage {
		t.Errorf("http: %v", err)
	}
	p.TokenURL, p.ClientID = base+"/token", ""
	if _, err := oauth.NewApplication(p); transport.KindOf(err) != transport.Usage || !strings.Contains(err.Error(), "--client-id") {
		t.Errorf("no client id: %v", err)
	}
	p.TokenURL, p.ClientID = base+"/busy", "client"
	g, _ = oauth.NewApplication(p)
	_, err = g.Source(a.client(), nil).Token(t.Context())
	wants(t, err, transport.Temporary, "503")
}

func TestProviders(t *testing.T) {
	p, err := oauth.Microsoft("x.example", "china", oauth.ForGraph, true)
	if err != nil || p.Scopes[0] != "https://microsoftgraph.chinacloudapi.cn/.default" || !strings.HasPrefix(p.TokenURL, "https://login.partner.microsoftonline.cn/x.example/") {
		t.Errorf("%+v, %v", p, err)
	}
	for _, f := range []func() (oauth.Provider, error){
		func() (oauth.Provider, error) { return oauth.Microsoft("a/../b", "", "", false) },
		func() (oauth.Provider, error) { return oauth.Microsoft("", "moon", "", false) },
		func() (oauth.Provider, error) { return oauth.Microsoft("", "", "chat", false) },
		func() (oauth.Provider, error) { return oauth.Microsoft("", "", "", true) },
	} {
		if _, err := f(); transport.KindOf(err) != transport.Usage {
			t.Error(err)
		}
	}
	if g := oauth.Google(); g.Scopes[0] != "https://mail.google.com/" {
		t.Errorf("%+v", g)
	}
}

type outside struct{ err error }

func (o outside) Token() (*oauth2.Token, error) { return &oauth2.Token{AccessToken: "theirs"}, o.err }

func TestTokensFromOutside(t *testing.T) {
	f := oauth.Secret(oauth.From(outside{}))
	if s, err := f(t.Context(), transport.Address{}); s != "theirs" || err != nil {
		t.Errorf("%s, %v", s, err)
	}
	if _, err := oauth.From(outside{errors.New("gone")}).Token(t.Context()); transport.KindOf(err) != transport.Auth {
		t.Error(err)
	}
}
