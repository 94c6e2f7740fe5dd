package graphtest_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/transport/graph/graphtest"
	"github.com/mailconv/mailconv/transport/graph/graphtest/csdl"
	"github.com/mailconv/mailconv/transport/oauth"
)

func hasSchema(t *testing.T) bool {
	s, err := csdl.FromEnv()
	if err != nil {
		t.Fatal(err)
	}
	return s != nil
}

// provider is the server as mailconv login knows a provider.
func provider(s *graphtest.Server, tenant string) oauth.Provider {
	base := s.LoginURL(tenant)
	return oauth.Provider{
		Name: "microsoft", AuthURL: base + "/authorize", TokenURL: base + "/token", DeviceURL: base + "/devicecode",
		ClientID: graphtest.DefaultApp, Scopes: []string{"https://graph.microsoft.com/Mail.ReadWrite", "https://graph.microsoft.com/MailboxItem.ImportExport", "offline_access"},
	}
}

func app(s *graphtest.Server) oauth.Provider {
	p := provider(s, "")
	p.ClientSecret = graphtest.DefaultSecret
	p.Scopes = []string{"https://graph.microsoft.com/.default"}
	return p
}

// appToken logs an application in on its own.
func appToken(t *testing.T, p oauth.Provider) (string, error) {
	t.Helper()
	g, err := oauth.NewApplication(p)
	if err != nil {
		return "", err
	}
	return g.Source(nil, nil).Token(context.Background())
}

func device(s *graphtest.Server, user string) error {
	_, err := oauth.Login{Provider: provider(s, "")}.Device(context.Background(), func(p oauth.Prompt) { s.EnterCode(p.Code, user) })
	return err
}

func TestLogins(t *testing.T) {
	s := start(t, graphtest.Options{})
	c := connect(t, s)
	g, err := oauth.Login{Provider: provider(s, "")}.Device(context.Background(), func(p oauth.Prompt) {
		if !s.EnterCode(p.Code, zoe) {
			t.Errorf("code %s", p.Code)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	c.token = g.Access
	c.get("me/mailFolders")
	c.do(403, "GET", "me/events", nil) // nobody asked for calendars
	g.Access = ""
	if c.token, err = g.Source(nil, nil).Token(context.Background()); err != nil {
		t.Fatal(err)
	}
	c.get("me/mailFolders")
	g, err = oauth.Login{Provider: provider(s, ""), User: "anna@mailconv.example"}.Browser(context.Background(), func(url string) error {
		resp, err := http.Get(url) //nolint:noctx // a test
		if err == nil {
			resp.Body.Close()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	c.token = g.Access
	if me := c.get("me"); me["mail"] != "anna@mailconv.example" {
		t.Errorf("me: %v", me)
	}
	if c.token, err = appToken(t, app(s)); err != nil {
		t.Fatal(err)
	}
	c.get("users/" + zoe + "/messages")
}

// Must show 6 of the server's side: each refusal has the code that Entra ID
// gives, and mailconv login says what it means.
func TestRefusedLogins(t *testing.T) {
	for what, c := range map[string]struct {
		quirks graphtest.Quirks
		do     func(*graphtest.Server) error
		want   string
	}{
		"wrong tenant": {graphtest.Quirks{}, func(s *graphtest.Server) error {
			p := app(s)
			p.TokenURL = s.LoginURL("other.example") + "/token"
			_, err := appToken(t, p)
			return err
		}, "there is no such tenant"},
		"expired secret": {graphtest.Quirks{SecretExpired: true}, func(s *graphtest.Server) error { _, err := appToken(t, app(s)); return err }, "secret has expired"},
		"wrong secret": {graphtest.Quirks{}, func(s *graphtest.Server) error {
			p := app(s)
			p.ClientSecret = "guess"
			_, err := appToken(t, p)
			return err
		}, "secret is wrong"},
		"unknown application": {graphtest.Quirks{}, func(s *graphtest.Server) error {
			p := app(s)
			p.ClientID = "x"
			_, err := appToken(t, p)
			return err
		}, "does not know the application"},
		"no consent":     {graphtest.Quirks{NoConsent: true}, func(s *graphtest.Server) error { return device(s, zoe) }, "nobody has consented"},
		"blocked device": {graphtest.Quirks{NoDevice: true}, func(s *graphtest.Server) error { return device(s, zoe) }, "Security Defaults"},
		"declined":       {graphtest.Quirks{}, func(s *graphtest.Server) error { return device(s, "") }, "declined"},
		"no refresh":     {graphtest.Quirks{NoRefresh: true}, func(s *graphtest.Server) error { return device(s, zoe) }, "no refresh token"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			s := start(t, graphtest.Options{Quirks: c.quirks})
			if err := c.do(s); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
	s := start(t, graphtest.Options{Quirks: graphtest.Quirks{NoConsent: true}})
	c := connect(t, s)
	var err error
	if c.token, err = appToken(t, app(s)); err != nil {
		t.Fatal(err)
	}
	// An application without consent gets a token that opens nothing.
	c.do(403, "GET", "users/"+zoe+"/messages", nil)
}
