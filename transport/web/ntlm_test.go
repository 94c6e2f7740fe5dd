package web_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/web"
)

// acceptor is an independent implementation of the server's side.
type acceptor struct {
	mu  sync.Mutex
	in  io.Writer
	out *bufio.Scanner
}

func newAcceptor(t *testing.T) *acceptor {
	t.Helper()
	if err := exec.Command("/usr/bin/python3", "-c", "import gssapi").Run(); err != nil {
		t.Skip("LEFT OUT: NTLM judged by gss-ntlmssp (python3-gssapi is not installed; make test-deps)")
	}
	if found, _ := filepath.Glob("/usr/lib/*/gssntlmssp/gssntlmssp.so"); len(found) == 0 {
		t.Skip("LEFT OUT: NTLM judged by gss-ntlmssp (not installed; make test-deps)")
	}
	users := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(users, []byte("EXAMPLE:ann:"+password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/usr/bin/python3", "testdata/acceptor.py")
	cmd.Env = append(os.Environ(), "NTLM_USER_FILE="+users)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); cmd.Wait() })
	return &acceptor{in: in, out: bufio.NewScanner(out)}
}

func (a *acceptor) step(conn, token, binding string) (word, rest string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	fmt.Fprintln(a.in, conn, token, binding)
	if !a.out.Scan() {
		return "fail", "the acceptor ended"
	}
	word, rest, _ = strings.Cut(a.out.Text(), " ")
	return word, rest
}

// ntlmServer logs connections in, as [MS-NTHT] has it, and counts.
type ntlmServer struct {
	*httptest.Server
	a        *acceptor
	mu       sync.Mutex
	in       map[string]string // by remote address
	logins   int
	failures []string
	bytes    int64 // bodies of requests that were not logged in
}

func startNTLM(t *testing.T, tls, wrongChannel bool) *ntlmServer {
	s := &ntlmServer{a: newAcceptor(t), in: map[string]string{}}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		user := s.in[r.RemoteAddr]
		s.mu.Unlock()
		n, _ := io.Copy(io.Discard, r.Body)
		if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "NTLM "); ok {
			binding := "-"
			if tls {
				sum := sha256.Sum256(s.Certificate().Raw)
				if wrongChannel {
					sum[0]++
				}
				binding = hex.EncodeToString(append([]byte("tls-server-end-point:"), sum[:]...))
			}
			word, rest := s.a.step(r.RemoteAddr, token, binding)
			s.mu.Lock()
			switch word {
			case "continue":
				w.Header().Set("WWW-Authenticate", "NTLM "+rest)
			case "done":
				user = rest
				s.in[r.RemoteAddr] = user
				s.logins++
			default:
				s.failures = append(s.failures, rest)
			}
			s.mu.Unlock()
		}
		if user == "" {
			s.mu.Lock()
			s.bytes += n
			s.mu.Unlock()
			if w.Header().Get("WWW-Authenticate") == "" {
				w.Header().Add("WWW-Authenticate", "NTLM")
				w.Header().Add("WWW-Authenticate", "Basic realm=x")
			}
			w.WriteHeader(401)
			return
		}
		fmt.Fprintf(w, "%s %d", user, n)
	}))
	if tls {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s
}

func (s *ntlmServer) client(t *testing.T, user, pass string) *web.Client {
	t.Helper()
	v := url.Values{}
	if c := s.Certificate(); c != nil {
		ca := filepath.Join(t.TempDir(), "ca.pem")
		if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}), 0o600); err != nil {
			t.Fatal(err)
		}
		v.Set("ca", ca)
	}
	env := &transport.Env{Secret: func(context.Context, transport.Address) (string, error) { return pass, nil }}
	c, err := web.Open(bg, transport.Address{Scheme: "ews", User: user, Host: "example.org", Params: v}, env, web.Options{Endpoint: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestNTLM(t *testing.T) {
	for _, tls := range []bool{false, true} {
		s := startNTLM(t, tls, false)
		c := s.client(t, `EXAMPLE\ann`, password)
		body := strings.Repeat("x", 100_000)
		for range 3 {
			got, err := post(t, c, body)
			if err != nil || !strings.Contains(strings.ToLower(got), "ann") || !strings.HasSuffix(got, " 100000") || strings.Contains(got, "bound") != tls {
				t.Fatalf("tls %v: %q, %v, %q", tls, got, err, s.failures)
			}
		}
		if s.logins != 1 || s.bytes != 0 {
			t.Errorf("tls %v: %d logins, %d bytes sent in vain", tls, s.logins, s.bytes)
		}
		// A connection that the server closes costs one more login.
		s.CloseClientConnections()
		if _, err := post(t, c, body); err != nil && transport.KindOf(err) != transport.Temporary {
			t.Errorf("tls %v: after a lost connection: %v", tls, err)
		}
		if _, err := post(t, c, body); err != nil {
			t.Errorf("tls %v: and again: %v", tls, err)
		}
	}
}

func TestNTLMRequestsAtOnce(t *testing.T) {
	s := startNTLM(t, true, false)
	c := s.client(t, `EXAMPLE\ann`, password)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 5 {
				if got, err := post(t, c, "hello"); err != nil || !strings.HasSuffix(got, " 5") {
					t.Errorf("%q, %v", got, err)
				}
			}
		})
	}
	wg.Wait()
	if s.logins > 8 {
		t.Errorf("%d logins for 8 at once", s.logins)
	}
}

func TestNTLMWithTheWrongPasswordIsTriedOnce(t *testing.T) {
	s := startNTLM(t, true, false)
	c := s.client(t, `EXAMPLE\ann`, "wrong-"+password)
	for range 3 {
		_, err := post(t, c, "hello")
		if transport.KindOf(err) != transport.Auth || strings.Contains(err.Error(), password) {
			t.Fatalf("error %v", err)
		}
	}
	if len(s.failures) != 1 {
		t.Errorf("the password was tried %d times: %q", len(s.failures), s.failures)
	}
}

// A login that someone in the middle passes on is bound to another certificate.
func TestNTLMIsBoundToTheChannel(t *testing.T) {
	s := startNTLM(t, true, true)
	if _, err := post(t, s.client(t, `EXAMPLE\ann`, password), "hello"); transport.KindOf(err) != transport.Auth {
		t.Errorf("error %v", err)
	}
	if len(s.failures) != 1 || !strings.Contains(s.failures[0], "Permission denied") {
		t.Errorf("the server says %q", s.failures)
	}
}
