package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/transport/graph/graphtest"
)

// What goes wrong with a login at Microsoft is one line with cause and remedy,
// and ends with 4. Field case T72 for the login by device code.
func TestMicrosoftLoginsThatFail(t *testing.T) {
	for _, c := range []struct {
		name   string
		quirks graphtest.Quirks
		tenant string
		args   func(s *graphtest.Server, secret string) []string
		cause  string
		remedy string
	}{
		{"wrong tenant", graphtest.Quirks{}, "other.example", appLogin, "there is no such tenant", "--tenant"},
		{"missing consent", graphtest.Quirks{NoConsent: true}, "", deviceLogin, "nobody has consented", "grant consent"},
		{"expired secret", graphtest.Quirks{SecretExpired: true}, "", appLogin, "the client secret has expired", "make a new one"},
		{"device code blocked", graphtest.Quirks{NoDevice: true}, "", deviceLogin, "Security Defaults block this way", "without --device"},
		{"no refresh token", graphtest.Quirks{NoRefresh: true}, "", deviceLogin, "no refresh token", "offline_access"},
		{"mailbox without licence", graphtest.Quirks{}, "", func(s *graphtest.Server, _ string) []string {
			s.Unlicensed("zoe@" + s.Tenant())
			return []string{"ls", "graph://zoe@" + s.Tenant() + "?endpoint=" + s.URL()}
		}, "the mailbox has no licence", "licence with Exchange Online"},
		{"no permission", graphtest.Quirks{}, "", func(s *graphtest.Server, _ string) []string {
			t.Setenv("MAILCONV_SRC_PASSWORD", s.Token("zoe@"+s.Tenant(), "User.Read"))
			return []string{"ls", "graph://zoe@" + s.Tenant() + "?endpoint=" + s.URL()}
		}, "may not do this", "login --explain"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := graphtest.New(graphtest.Options{Quirks: c.quirks, Convert: &converters.Converter{}})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			home := t.TempDir()
			t.Setenv("HOME", home)
			t.Setenv("XDG_CONFIG_HOME", home)
			t.Setenv("XDG_STATE_HOME", home)
			t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+filepath.Join(home, "none"))
			t.Setenv("MAILCONV_SRC_PASSWORD", s.Token("zoe@"+s.Tenant()))
			secret := filepath.Join(home, "secret")
			if err := os.WriteFile(secret, []byte(graphtest.DefaultSecret+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			args := c.args(s, secret)
			if len(args) > 1 && args[0] == "login" {
				base := s.LoginURL(c.tenant)
				args = append(args, "--token-url", base+"/token", "--device-url", base+"/devicecode", "--auth-url", base+"/authorize")
			}
			var out bytes.Buffer
			errs := &typist{s: s}
			code := run(t.Context(), append([]string{"mailconv"}, args...), stdio{in: strings.NewReader(""), out: &out, err: errs})
			lines := strings.Split(strings.TrimSpace(errs.said.String()), "\n")
			last := lines[len(lines)-1]
			if code != 4 || !strings.Contains(last, c.cause) || !strings.Contains(last, c.remedy) {
				t.Errorf("exit %d: %s", code, errs.said.String())
			}
			if len(lines) > 1 && !strings.HasPrefix(lines[0], "Open ") || strings.Contains(errs.said.String(), graphtest.DefaultSecret) {
				t.Errorf("it is not one line, or tells a secret: %s", errs.said.String())
			}
		})
	}
}

// A typist is standard error, and types the code that is asked for there.
type typist struct {
	said bytes.Buffer
	s    *graphtest.Server
}

func (w *typist) Write(p []byte) (int, error) {
	n, err := w.said.Write(p)
	if m := askedCode.FindStringSubmatch(w.said.String()); m != nil {
		w.s.EnterCode(m[1], "zoe@"+w.s.Tenant())
	}
	return n, err
}

var askedCode = regexp.MustCompile(`enter the code (\S+) within`)

func appLogin(s *graphtest.Server, secret string) []string {
	return []string{"login", "microsoft", "--for", "graph", "--app", "--tenant", "other.example", "--user", "zoe@" + s.Tenant(), "--client-id", graphtest.DefaultApp, "--client-secret-file", secret}
}

func deviceLogin(s *graphtest.Server, _ string) []string {
	return []string{"login", "microsoft", "--for", "graph", "--device", "--user", "zoe@" + s.Tenant(), "--client-id", graphtest.DefaultApp}
}
