package main

import (
	"bytes"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"filippo.io/age"
	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"
	"github.com/rogpeppe/go-internal/testscript"
)

// These scripts talk to servers of this process: an SMTP server at $SMTP, whose
// authority is in ca.pem and whose mails appear as files in got/, and a
// provider of logins at $OAUTH. Secrets that the scripts use begin with
// "hidden"; none of them may appear in what the program writes.
func TestServerScripts(t *testing.T) {
	samples, err := filepath.Abs("../../testdata")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/server",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			post, err := newPost(env.WorkDir)
			if err != nil {
				return err
			}
			env.Defer(func() { post.Close() })
			logins := httptest.NewServer(&provider{})
			env.Defer(logins.Close)
			id, err := age.GenerateX25519Identity()
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(env.WorkDir, "key"), []byte(id.String()+"\n"), 0o600); err != nil {
				return err
			}
			// A script cannot hold CRLF.
			crlf := "From: ann@a.example\r\nTo: ben@b.example\r\nBcc: eve@c.example\r\n\r\ntext\r\n"
			if err := os.WriteFile(filepath.Join(env.WorkDir, "crlf.eml"), []byte(crlf), 0o600); err != nil {
				return err
			}
			for k, v := range map[string]string{
				"SAMPLES": samples, "HOME": env.WorkDir, "XDG_CONFIG_HOME": filepath.Join(env.WorkDir, "config"),
				"AppData": filepath.Join(env.WorkDir, "config"), "SMTP": post.Addr, "OAUTH": logins.URL,
				// Not the keyring of who runs the tests.
				"MAILCONV_KEY_FILE": filepath.Join(env.WorkDir, "key"),
			} {
				env.Setenv(k, v)
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "clean": clean},
	})
}

// clean wants that no output and no file of the script's folder holds a secret,
// except those that the script itself brought, which are called my-something.
func clean(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: clean")
	}
	check := func(name, text string) {
		if strings.Contains(text, "hidden") {
			ts.Fatalf("%s holds a secret: %s", name, text)
		}
	}
	check("stdout", ts.ReadFile("stdout"))
	check("stderr", ts.ReadFile("stderr"))
	root := ts.MkAbs(".")
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if strings.HasPrefix(d.Name(), "my-") {
			return nil
		}
		b, err := os.ReadFile(path)
		check(path, string(b))
		return err
	})
	ts.Check(err)
}

type post struct {
	*gosmtp.Server
	dir string
	mu  sync.Mutex
	n   int
}

func newPost(dir string) (*post, error) {
	h := httptest.NewUnstartedServer(nil)
	h.StartTLS()
	defer h.Close()
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: h.Certificate().Raw})
	if err := os.WriteFile(filepath.Join(dir, "ca.pem"), block, 0o600); err != nil {
		return nil, err
	}
	if err := os.Mkdir(filepath.Join(dir, "got"), 0o700); err != nil {
		return nil, err
	}
	p := &post{dir: filepath.Join(dir, "got")}
	p.Server = gosmtp.NewServer(p)
	p.Domain, p.EnableDSN, p.TLSConfig = "mail.example", true, &tls.Config{Certificates: h.TLS.Certificates}
	p.ErrorLog = quiet{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p.Addr = l.Addr().String()
	go p.Serve(l)
	return p, nil
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

func (p *post) NewSession(*gosmtp.Conn) (gosmtp.Session, error) { return &visit{p: p}, nil }

type visit struct {
	p  *post
	in bool
	b  bytes.Buffer
}

var errDenied = &gosmtp.SMTPError{Code: 535, EnhancedCode: gosmtp.EnhancedCode{5, 7, 8}, Message: "no"}

func (v *visit) AuthMechanisms() []string { return []string{"PLAIN", "XOAUTH2"} }

func (v *visit) Auth(mech string) (sasl.Server, error) {
	if mech == "PLAIN" {
		return sasl.NewPlainServer(func(_, user, password string) error {
			if v.in = password == "hidden-password"; !v.in {
				return errDenied
			}
			return nil
		}), nil
	}
	return tokenServer{v}, nil
}

type tokenServer struct{ v *visit }

func (t tokenServer) Next(in []byte) ([]byte, bool, error) {
	if t.v.in = bytes.Contains(in, []byte("auth=Bearer hidden-access\x01")); !t.v.in {
		return nil, true, errDenied
	}
	return nil, true, nil
}

func (v *visit) Mail(from string, o *gosmtp.MailOptions) error {
	if !v.in {
		return &gosmtp.SMTPError{Code: 530, EnhancedCode: gosmtp.EnhancedCode{5, 7, 0}, Message: "Authentication required"}
	}
	v.b.Reset()
	fmt.Fprintf(&v.b, "MAIL <%s> RET=%s ENVID=%s\n", from, o.Return, o.EnvelopeID)
	return nil
}

func (v *visit) Rcpt(to string, o *gosmtp.RcptOptions) error {
	if strings.HasPrefix(to, "nobody@") {
		return &gosmtp.SMTPError{Code: 550, EnhancedCode: gosmtp.EnhancedCode{5, 1, 1}, Message: "unknown user"}
	}
	fmt.Fprintf(&v.b, "RCPT <%s> NOTIFY=%v ORCPT=%s\n", to, o.Notify, o.OriginalRecipient)
	return nil
}

func (v *visit) Data(r io.Reader) error {
	v.p.mu.Lock()
	defer v.p.mu.Unlock()
	v.p.n++
	_, err := io.Copy(&v.b, r)
	return errors.Join(err, os.WriteFile(filepath.Join(v.p.dir, fmt.Sprintf("%d.txt", v.p.n)), v.b.Bytes(), 0o600))
}

func (v *visit) Reset()        {}
func (v *visit) Logout() error { return nil }

// A provider gives one login, by device code or to an application.
type provider struct{}

func (*provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.ParseForm()
	w.Header().Set("Content-Type", "application/json")
	switch {
	case r.URL.Path == "/.well-known/openid-configuration":
		base := "http://" + r.Host
		fmt.Fprintf(w, `{"authorization_endpoint":"%[1]s/auth","token_endpoint":"%[1]s/token","device_authorization_endpoint":"%[1]s/device"}`, base)
	case r.URL.Path == "/device":
		fmt.Fprint(w, `{"device_code":"hidden-device","user_code":"WXYZ","verification_uri":"https://login.example/enter","expires_in":600,"interval":1}`)
	case r.PostForm.Get("client_id") != "app":
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"error":"invalid_client","error_description":"AADSTS700016: Application not found"}`)
	case r.PostForm.Get("grant_type") == "client_credentials" && r.PostForm.Get("client_secret") != "hidden-secret":
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret"}`)
	default:
		fmt.Fprint(w, `{"access_token":"hidden-access","refresh_token":"hidden-refresh","token_type":"Bearer","expires_in":3600}`)
	}
}
