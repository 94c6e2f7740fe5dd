package secret_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/zalando/go-keyring"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/oauth"
	"github.com/mailconv/mailconv/transport/secret"
)

func address(t *testing.T, s string) transport.Address {
	t.Helper()
	a, err := transport.ParseAddress(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func keyFile(t *testing.T) string {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(name, []byte("# made for a test\n"+id.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestStores(t *testing.T) {
	keyring.MockInit()
	dir := t.TempDir()
	key := keyFile(t)
	for name, open := range map[string]func() secret.Store{
		"keyring":   secret.Keyring,
		"file":      func() secret.Store { return secret.File(filepath.Join(dir, "a", "plain"), "") },
		"encrypted": func() secret.Store { return secret.File(filepath.Join(dir, "b", "age"), key) },
		"first":     func() secret.Store { return secret.First(secret.Keyring(), secret.File(filepath.Join(dir, "c"), "")) },
	} {
		s := open()
		if _, err := s.Get("ann@x.example"); !errors.Is(err, secret.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
		if err := errors.Join(s.Set("ann@x.example", "hidden-value"), s.Set("ben@x.example", "other")); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		s = open()
		if v, err := s.Get("ann@x.example"); v != "hidden-value" || err != nil {
			t.Errorf("%s: %q, %v", name, v, err)
		}
		if err := errors.Join(s.Delete("ann@x.example"), s.Delete("ann@x.example")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := s.Get("ann@x.example"); !errors.Is(err, secret.ErrNotFound) {
			t.Errorf("%s: after deletion %v", name, err)
		}
		if v, _ := s.Get("ben@x.example"); v != "other" {
			t.Errorf("%s: the other one is %q", name, v)
		}
	}
}

func TestFileIsOnlyItsOwners(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	key := keyFile(t)
	if err := secret.File(path, key).Set("n", "hidden-value"); err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", st.Mode())
	}
	if b, _ := os.ReadFile(path); bytes.Contains(b, []byte("hidden-value")) {
		t.Error("the file is not encrypted")
	}
	for name, s := range map[string]secret.Store{"no key": secret.File(path, ""), "another key": secret.File(path, keyFile(t)), "no key file": secret.File(path, path+".missing"), "not a key": secret.File(path, path)} {
		if _, err := s.Get("n"); transport.KindOf(err) != transport.Usage {
			t.Errorf("%s: %v", name, err)
		}
		if err := s.Set("n", "x"); err == nil {
			t.Errorf("%s: secrets that cannot be read are overwritten", name)
		}
	}
}

func TestWithoutAKeyringTheFileIsTaken(t *testing.T) {
	keyring.MockInitWithError(errors.New("no bus"))
	t.Cleanup(keyring.MockInit)
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("AppData", t.TempDir())
	t.Setenv(secret.KeyFile, "")
	s, err := secret.Default()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Set("n", "v"); err != nil {
		t.Fatal(err)
	}
	if v, err := s.Get("n"); v != "v" || err != nil || !strings.HasSuffix(s.Where(), "secrets.json") {
		t.Errorf("%q, %v, in %s", v, err, s.Where())
	}
	if err := s.Delete("n"); err != nil {
		t.Error(err)
	}
	t.Setenv(secret.KeyFile, keyFile(t))
	if s, err = secret.Default(); err != nil || !strings.Contains(s.Where(), "encrypted") {
		t.Errorf("with a key file: %s, %v", s.Where(), err)
	}
}

func TestWhereAPasswordComesFrom(t *testing.T) {
	keyring.MockInit()
	s := secret.Keyring()
	file := filepath.Join(t.TempDir(), "pw")
	if err := os.WriteFile(file, []byte("from file\r\nsecond line\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a := address(t, "imap://ann@x.example@Mail.Example:143")
	f := &secret.Finder{Store: s}
	if _, err := f.Secret(t.Context(), a); transport.KindOf(err) != transport.Auth || !strings.Contains(err.Error(), "mailconv login") {
		t.Errorf("nothing: %v", err)
	}
	for _, step := range []struct {
		do   func()
		want string
	}{
		{func() { secret.SetPassword(s, "ann@x.example", "by user") }, "by user"},
		{func() { secret.SetPassword(s, secret.Name(a), "by server") }, "by server"},
		{func() { f.Env = secret.SourceEnv; t.Setenv(secret.SourceEnv, "from env") }, "from env"},
		{func() { f.File = file }, "from file"},
		{func() { a.Password = "in address" }, "in address"},
	} {
		step.do()
		if got, err := f.Secret(t.Context(), a); got != step.want || err != nil {
			t.Errorf("%q, %v, want %q", got, err, step.want)
		}
	}
	if _, err := (&secret.Finder{File: file + ".missing"}).Secret(t.Context(), address(t, "imap://u@h")); transport.KindOf(err) != transport.Usage {
		t.Errorf("a missing file: %v", err)
	}
}

func TestStoredLoginGivesTokensAndIsRotated(t *testing.T) {
	keyring.MockInit()
	n := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		if r.PostForm.Get("refresh_token") != fmt.Sprintf("refresh-%d", n) {
			w.WriteHeader(400)
			fmt.Fprint(w, `{"error":"invalid_grant"}`)
			return
		}
		n++
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"access_token":"access-%d","refresh_token":"refresh-%d","token_type":"Bearer","expires_in":60}`, n, n)
	}))
	defer srv.Close()
	s := secret.Keyring()
	g := &oauth.Grant{Kind: oauth.Person, Refresh: "refresh-0", Provider: oauth.Provider{Name: "x", TokenURL: srv.URL + "/token", ClientID: "c"}}
	if err := secret.SetGrant(s, "ann@x.example", g); err != nil {
		t.Fatal(err)
	}
	a := address(t, "imap://ann@x.example@mail.example?tls=none")
	for i := 1; i < 4; i++ {
		var seen []string
		// A new run each time: only what was stored is known.
		f := &secret.Finder{Store: s, Found: func(s string) { seen = append(seen, s) }}
		b := f.Prepare(a, true)
		if b.Params.Get("auth") != "oauth" || b.Params.Get("tls") != "none" || a.Params.Has("auth") {
			t.Errorf("prepared: %s, %s", b, a)
		}
		tok, err := f.Secret(t.Context(), b)
		if tok != fmt.Sprintf("access-%d", i) || err != nil || len(seen) != 1 {
			t.Errorf("%s, %v, %q", tok, err, seen)
		}
	}
	f := &secret.Finder{Store: s}
	if b := f.Prepare(address(t, "imap://ann@x.example:pw@h"), true); b.Params.Has("auth") {
		t.Error("a password in the address is passed over")
	}
	if b := f.Prepare(a, false); b.Params.Has("auth") {
		t.Error("a store that knows no auth gets one")
	}
}

func TestRedaction(t *testing.T) {
	r := &secret.Redactor{}
	const pw, token = "pass wörd&/secret", "ya29.a0AfH6-token"
	r.Add(pw)
	r.Add(token)
	r.Add("ab") // too short
	var b bytes.Buffer
	log := slog.New(r.Handler(slog.NewJSONHandler(&b, nil)))
	log = log.With("from", "x:"+pw)
	log.WithGroup("g").Info("login with "+pw, "err", fmt.Errorf("refused: %s", token), "list", []string{token}, slog.Group("h", "k", pw))
	for skip := range 3 {
		fmt.Fprintln(r.Writer(&b), base64.StdEncoding.EncodeToString([]byte(strings.Repeat("u", skip)+"\x00"+pw+"\x00tail")))
		fmt.Fprintln(r.Writer(&b), base64.StdEncoding.EncodeToString([]byte(strings.Repeat("u", skip)+"auth=Bearer "+token+"\x01\x01")))
	}
	fmt.Fprintln(r.Writer(&b), "imap://ann:"+url.PathEscape(pw)+"@h", url.QueryEscape(pw))
	for _, s := range []string{pw, token, "wörd", "a0AfH6", "secret", base64.StdEncoding.EncodeToString([]byte(pw))[:20]} {
		if strings.Contains(b.String(), s) {
			t.Errorf("%q is in\n%s", s, b.String())
		}
	}
	for line := range strings.Lines(b.String()) {
		if !strings.Contains(line, "***") {
			t.Errorf("nothing is masked in %q", line)
		}
	}
	if !strings.Contains(b.String(), "login with ***") {
		t.Errorf("too much is masked:\n%s", b.String())
	}
}

func TestReferences(t *testing.T) {
	keyring.MockInit()
	s := secret.Keyring()
	if err := secret.SetPassword(s, "shared", "from keyring"); err != nil {
		t.Fatal(err)
	}
	if err := secret.SetPassword(s, "ann@x.example", "by address"); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "pw")
	if err := os.WriteFile(file, []byte("from file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("ANN", "from env")
	a := address(t, "imaps://ann@x.example")
	for ref, want := range map[string]string{"": "by address", "env:ANN": "from env", "file:" + file: "from file", "keyring:shared": "from keyring", "keyring:none": "", "env:NOT_SET": ""} {
		f, err := secret.Reference(ref, s)
		if err != nil {
			t.Fatal(err)
		}
		got, err := f.Secret(t.Context(), a)
		if got != want || (want == "") != (transport.KindOf(err) == transport.Auth) {
			t.Errorf("%s: %q, %v", ref, got, err)
		}
	}
	for _, ref := range []string{"hidden-value", "env:", ":hidden", "vault:hidden"} {
		if _, err := secret.Reference(ref, s); transport.KindOf(err) != transport.Usage || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: %v", ref, err)
		}
	}
}
