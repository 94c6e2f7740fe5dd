package graphtest_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailconv/mailconv/transport/clock"
	"github.com/mailconv/mailconv/transport/graph/graphtest"
)

func TestFaults(t *testing.T) {
	s := start(t, graphtest.Options{})
	c := connect(t, s)
	// The n-th call of a kind.
	s.Inject(graphtest.Fault{Call: "messages.create", Nth: 2, Status: 503, After: 7 * time.Second})
	c.do(201, "POST", "me/messages", object{"subject": "1"})
	resp, err := c.raw("POST", "me/messages", strings.NewReader(`{"subject":"2"}`), "application/json")
	if err != nil || resp.StatusCode != 503 || resp.Header.Get("Retry-After") != "7" {
		t.Errorf("the second: %v %v", resp, err)
	}
	resp.Body.Close()
	c.do(201, "POST", "me/messages", object{"subject": "3"})
	if s.Struck() != 1 {
		t.Errorf("struck %d times", s.Struck())
	}
	s.ClearFaults()
	// Nothing is done before a dropped connection, everything before a lost
	// reply.
	count := func() int { l, _ := c.all("me/messages?$select=subject"); return len(l) }
	before := count()
	for want, f := range []graphtest.Fault{{Call: "messages.create", Drop: true}, {Call: "messages.create", Lose: true}} {
		s.Inject(f)
		if resp, err := c.raw("POST", "me/messages", strings.NewReader(`{"subject":"x"}`), "application/json"); err == nil {
			t.Errorf("a reply came: %v", resp.Status)
		}
		if n := count() - before; n != want {
			t.Errorf("%+v: %d were made, want %d", f, n, want)
		}
	}
	s.ClearFaults()
	s.Inject(graphtest.Fault{Call: "messages.*", Cut: 100})
	resp, err = c.raw("GET", "me/messages", nil, "")
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(resp.Body); err == nil || len(b) != 100 {
		t.Errorf("cut: %d bytes, %v", len(b), err)
	}
	resp.Body.Close()
	s.Inject(graphtest.Fault{Garbage: true})
	if o := c.do(200, "GET", "me", nil); !strings.HasPrefix(o["text"].(string), "<!doctype") {
		t.Errorf("garbage: %v", o)
	}
	s.ClearFaults()
	for _, status := range []int{401, 410, 413, 429, 500, 502, 503, 504} {
		s.Inject(graphtest.Fault{Call: "users.get", Status: status})
		if o := c.do(status, "GET", "me", nil); code(o) == "" {
			t.Errorf("%d: %v", status, o)
		}
	}
	s.Inject(graphtest.Fault{Call: "export.item", Status: 404})
	o := c.do(201, "POST", "me/messages", object{"subject": "x"})
	ex := c.do(200, "POST", c.admin()+"/exportItems", object{"itemIds": []any{o["id"]}})
	if at(ex["value"].([]any)[0].(object), "error", "code") != "ErrorItemNotFound" {
		t.Errorf("one item of an export: %v", ex)
	}
}

func TestEveryCallHasAName(t *testing.T) {
	seen := map[string]bool{}
	for _, n := range graphtest.Calls() {
		if n == "" || seen[n] {
			t.Errorf("%q", n)
		}
		seen[n] = true
	}
	for _, n := range []string{"messages.list", "messages.create", "messages.delta", "messages.value", "export", "import.session", "import.post", "upload.create", "upload.put", "token"} {
		if !seen[n] {
			t.Errorf("no %s", n)
		}
	}
}

// T65, T66: four at once for each mailbox, and what is more is refused.
func TestConcurrency(t *testing.T) {
	s := start(t, graphtest.Options{})
	run := func(user string, n int) (refused int) {
		c := connect(t, s)
		c.token = s.Token(user)
		var wg sync.WaitGroup
		var mu sync.Mutex
		for range n {
			wg.Go(func() {
				// The body comes slowly, so that all are there at once.
				pr, pw := io.Pipe()
				go func() {
					time.Sleep(100 * time.Millisecond)
					io.WriteString(pw, `{"subject":"x"}`)
					pw.Close()
				}()
				resp, err := c.raw("POST", "me/messages", pr, "application/json")
				if err != nil {
					t.Error(err)
					return
				}
				defer resp.Body.Close()
				if resp.StatusCode == 429 {
					mu.Lock()
					refused++
					mu.Unlock()
					b, _ := io.ReadAll(resp.Body)
					if resp.Header.Get("Retry-After") == "" || !strings.Contains(string(b), "MailboxConcurrency") {
						t.Errorf("refused: %v %s", resp.Header, b)
					}
				}
			})
		}
		wg.Wait()
		return refused
	}
	if n := run(zoe, 4); n != 0 {
		t.Errorf("%d of 4 were refused", n)
	}
	if n := run(zoe, 7); n != 3 || s.Exceeded()["MailboxConcurrency"] != 3 || s.Peak() < 5 {
		t.Errorf("%d of 7 were refused; %v, %d at once", n, s.Exceeded(), s.Peak())
	}
	var wg sync.WaitGroup
	for _, u := range graphtest.DefaultUsers {
		wg.Go(func() {
			if n := run(u+"@mailconv.example", 4); n != 0 {
				t.Errorf("%s: %d of 4 were refused", u, n)
			}
		})
	}
	wg.Wait()
}

func TestRates(t *testing.T) {
	clk := clock.NewFake(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	s := start(t, graphtest.Options{Clock: clk, TokenLife: 24 * time.Hour, Limits: graphtest.Limits{Requests: 20, Upload: 1000}})
	c := connect(t, s)
	for range 20 {
		c.get("me/mailFolders/inbox?$select=id")
	}
	resp, err := c.raw("GET", "me/mailFolders/inbox", nil, "")
	if err != nil || resp.StatusCode != 429 {
		t.Fatalf("the 21st: %v %v", resp, err)
	}
	resp.Body.Close()
	var wait int
	fmt.Sscan(resp.Header.Get("Retry-After"), &wait)
	if wait < 590 || wait > 601 {
		t.Errorf("wait %d s", wait)
	}
	clk.Sleep(context.Background(), time.Duration(wait)*time.Second)
	c.get("me/mailFolders/inbox")
	body := func() object { return object{"subject": strings.Repeat("x", 600)} }
	c.do(201, "POST", "me/messages", body())
	c.do(429, "POST", "me/messages", body())
	clk.Sleep(context.Background(), 5*time.Minute)
	// A body that does not tell its size counts too.
	resp, err = c.raw("POST", "me/messages", struct{ io.Reader }{strings.NewReader(`{"subject":"` + strings.Repeat("x", 600) + `"}`)}, "application/json")
	if err != nil || resp.StatusCode != 201 {
		t.Fatalf("without a size: %v %v", resp, err)
	}
	resp.Body.Close()
	c.do(429, "POST", "me/messages", body())
	if e := s.Exceeded(); e["RequestRate"] != 1 || e["UploadRate"] != 2 {
		t.Errorf("exceeded: %v", e)
	}
}

func TestRetryAfterLeftOut(t *testing.T) {
	s := start(t, graphtest.Options{Limits: graphtest.Limits{Requests: 1}, Quirks: graphtest.Quirks{NoRetryAfter: true}})
	c := connect(t, s)
	c.get("me")
	resp, err := c.raw("GET", "me", nil, "")
	if err != nil || resp.StatusCode != 429 || resp.Header.Get("Retry-After") != "" {
		t.Errorf("%v %v", resp, err)
	}
	resp.Body.Close()
}

func TestTokensExpire(t *testing.T) {
	clk := clock.NewFake(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	s := start(t, graphtest.Options{Clock: clk})
	c := connect(t, s)
	c.get("me")
	clk.Sleep(context.Background(), time.Hour)
	if e := c.do(401, "GET", "me", nil); code(e) != "InvalidAuthenticationToken" {
		t.Errorf("after an hour: %v", e)
	}
	c.token = ""
	c.do(401, "GET", "me", nil)
}

// A violation is refused, and found by the test that made it.
func TestViolations(t *testing.T) {
	s := start(t, graphtest.Options{})
	c := connect(t, s)
	c.do(400, "POST", "me/messages", object{"subjekt": "x"})
	c.do(400, "POST", "me/events", object{"subject": "x", "start": zoned("2024-03-05T09:00:00"), "end": zoned("2024-03-05T10:00:00"), "place": 1})
	if len(s.Violations()) == 0 && hasSchema(t) {
		t.Error("nothing was found")
	}
	s.ForgetViolations()
}
