package web_test

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/web"
)

var bg = context.Background()

const password = "open sesame"

func open(t *testing.T, endpoint string, params ...string) *web.Client {
	t.Helper()
	v := url.Values{}
	for i := 0; i < len(params); i += 2 {
		v.Set(params[i], params[i+1])
	}
	env := &transport.Env{Secret: func(context.Context, transport.Address) (string, error) { return password, nil }}
	c, err := web.Open(bg, transport.Address{Scheme: "ews", User: `ann`, Host: "example.org", Params: v}, env, web.Options{Endpoint: endpoint})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func post(t *testing.T, c *web.Client, body string) (string, error) {
	t.Helper()
	req, err := web.NewRequest(bg, "POST", c.Endpoint(), mapi.Bytes(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do("post", req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

func TestBasicIsFoundByAsking(t *testing.T) {
	var asked atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		user, pass, ok := r.BasicAuth()
		if !ok {
			asked.Add(1)
			if len(b) > 0 {
				t.Errorf("a request without a login carries %q", b)
			}
			w.Header().Add("WWW-Authenticate", `Digest realm="x"`)
			w.Header().Add("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(401)
			return
		}
		if r.ContentLength < 0 {
			t.Error("the length of the body is not told")
		}
		fmt.Fprintf(w, "%s %s %s", user, pass, b)
	}))
	defer s.Close()
	c := open(t, s.URL)
	for range 3 {
		if got, err := post(t, c, "hello"); got != "ann open sesame hello" || err != nil {
			t.Fatal(got, err)
		}
	}
	if asked.Load() != 1 {
		t.Errorf("the server was asked %d times", asked.Load())
	}
}

func TestARefusedPasswordIsSentOnce(t *testing.T) {
	var tried atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		tried.Add(1)
		w.WriteHeader(401)
	}))
	defer s.Close()
	c := open(t, s.URL, "auth", "basic")
	for range 3 {
		_, err := post(t, c, "x")
		if transport.KindOf(err) != transport.Auth {
			t.Fatalf("error %v", err)
		}
		if strings.Contains(err.Error(), password) || strings.Contains(err.Error(), "\n") {
			t.Errorf("the error is %q", err)
		}
	}
	if tried.Load() != 1 {
		t.Errorf("the password was tried %d times", tried.Load())
	}
}

func TestStatuses(t *testing.T) {
	for _, tt := range []struct {
		code  int
		head  string
		kind  transport.Kind
		after time.Duration
	}{
		{429, "7", transport.Throttled, 7 * time.Second},
		{429, "", transport.Throttled, 0},
		{503, "1e99", transport.Throttled, 24 * time.Hour},
		{503, "-5", transport.Throttled, 0},
		{502, "", transport.Temporary, 0},
		{504, "", transport.Temporary, 0},
		{302, "", transport.Unavailable, 0},
		{407, "", transport.Unavailable, 0},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/" {
				t.Errorf("a redirect was followed to %s", r.URL)
			}
			w.Header().Set("Location", "https://evil.example/x")
			if tt.head != "" {
				w.Header().Set("Retry-After", tt.head)
			}
			w.WriteHeader(tt.code)
			io.WriteString(w, "slow\ndown")
		}))
		_, err := post(t, open(t, s.URL+"/", "auth", "basic"), "x")
		if transport.KindOf(err) != tt.kind || transport.RetryAfter(err) != tt.after {
			t.Errorf("%d %q: %v (%v, wait %v)", tt.code, tt.head, err, transport.KindOf(err), transport.RetryAfter(err))
		}
		var se *web.StatusError
		if !errors.As(err, &se) || se.Code != tt.code || string(se.Body) != "slow\ndown" {
			t.Errorf("%d: the reply is not in the error: %v", tt.code, err)
		}
		s.Close()
	}
}

func TestPasswordsStayAtTheirHost(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("another host was sent the password")
		}
	}))
	defer other.Close()
	mine := httptest.NewServer(http.NotFoundHandler())
	defer mine.Close()
	c := open(t, mine.URL, "auth", "basic")
	req, _ := web.NewRequest(bg, "GET", other.URL, nil)
	resp, err := c.Do("get", req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
}

func TestCleartextIsRefused(t *testing.T) {
	c := open(t, "http://mail.example/ews", "auth", "basic")
	if _, err := post(t, c, "x"); transport.KindOf(err) != transport.Usage {
		t.Errorf("error %v", err)
	}
}

func TestAnUnknownCertificateIsRefused(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	if _, err := post(t, open(t, s.URL, "auth", "basic"), "x"); transport.KindOf(err) != transport.Unavailable {
		t.Errorf("error %v", err)
	}
	ca := filepath.Join(t.TempDir(), "ca.pem")
	os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600)
	if _, err := post(t, open(t, s.URL, "auth", "basic", "ca", ca), "x"); err != nil {
		t.Error(err)
	}
}

func TestNobodyListens(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	if _, err := post(t, open(t, s.URL, "auth", "basic"), "x"); transport.KindOf(err) != transport.Unavailable || transport.Unsettled(err) {
		t.Errorf("error %v", err)
	}
}

// What broke after it was sent may still be carried out.
func TestARequestThatWasSentIsUnsettled(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		if r.URL.Path == "/gateway" {
			w.WriteHeader(http.StatusGatewayTimeout)
			return
		}
		panic(http.ErrAbortHandler) // the connection ends without an answer
	}))
	defer s.Close()
	for _, path := range []string{"/", "/gateway"} {
		if _, err := post(t, open(t, s.URL+path, "auth", "basic"), "x"); transport.KindOf(err) != transport.Temporary || !transport.Unsettled(err) {
			t.Errorf("%s: %v, unsettled %v", path, err, transport.Unsettled(err))
		}
	}
	if d := open(t, s.URL).Settle(); d != 10*time.Second {
		t.Errorf("settles after %v", d)
	}
	if d := open(t, s.URL, "settle", "2m").Settle(); d != 2*time.Minute {
		t.Errorf("settles after %v", d)
	}
	for _, bad := range []string{"5", "-1s", "0"} {
		if _, err := web.Open(bg, transport.Address{Params: url.Values{"settle": {bad}}}, nil, web.Options{}); transport.KindOf(err) != transport.Usage {
			t.Errorf("settle=%s: %v", bad, err)
		}
	}
}

func TestTheEndOfTheContextEndsARequest(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer s.Close()
	ctx, cancel := context.WithTimeout(bg, 50*time.Millisecond)
	defer cancel()
	req, _ := web.NewRequest(ctx, "GET", s.URL, nil)
	if _, err := open(t, s.URL, "auth", "basic").Do("get", req); !transport.Canceled(err) {
		t.Errorf("error %v", err)
	}
}
