package ewstest_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailconv/mailconv/transport/ews/ewstest"
)

func TestFaultsComeAsOrdered(t *testing.T) {
	getItem := `<m:GetItem>` + idOnly + `<m:ItemIds><t:ItemId Id="AAAA"/><t:ItemId Id="AAAA"/></m:ItemIds></m:GetItem>`
	for _, tt := range []struct {
		name   string
		f      ewstest.Fault
		status int
		want   []string
	}{
		{"drop", ewstest.Fault{Kind: ewstest.Drop}, 0, []string{"EOF"}},
		{"drop after", ewstest.Fault{Kind: ewstest.DropAfter}, 0, []string{"EOF"}},
		{"garbage", ewstest.Fault{Kind: ewstest.Garbage}, 200, []string{"<html>"}},
		{"cut", ewstest.Fault{Kind: ewstest.Cut, After: 300}, 200, []string{"unexpected EOF", "<s:Envelope"}},
		{"500", ewstest.Fault{Kind: ewstest.Status, Status: 500, Body: "oops"}, 500, []string{"oops"}},
		{"busy", ewstest.Fault{Kind: ewstest.Busy, Wait: 1500 * time.Millisecond}, 500, []string{"a:ErrorServerBusy", `Name="BackOffMilliseconds">1500<`}},
		{"busy in a body", ewstest.Fault{Kind: ewstest.BusyInBody, ZeroWait: true}, 200, []string{"ErrorServerBusy", `Name="BackOffMilliseconds">0<`}},
		{"code", ewstest.Fault{Kind: ewstest.Code, Code: "ErrorServerBusy", Wait: time.Second}, 200, []string{`ResponseClass="Error"`, `Name="BackOffMilliseconds">1000<`}},
		{"stall", ewstest.Fault{Kind: ewstest.Stall, Wait: 10 * time.Millisecond}, 200, []string{"ErrorInvalidIdMalformed"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := start(t, ewstest.Options{})
			f.client.Transport.(*http.Transport).DisableKeepAlives = true
			tt.f.Operation, tt.f.At = "GetItem", 2
			f.Inject(tt.f)
			for i, fails := range []bool{false, true, false} {
				if status, reply := f.post("", getInbox); status != 200 {
					t.Fatalf("another operation fails: %d %s", status, reply)
				}
				status, reply := f.post("", getItem)
				if !fails {
					if status != 200 || fmt.Sprint(codes(reply)) != "[ErrorInvalidIdMalformed ErrorInvalidIdMalformed]" {
						t.Errorf("call %d: %d %s", i+1, status, reply)
					}
					continue
				}
				if status != tt.status {
					t.Errorf("status %d\n%s", status, reply)
				}
				for _, w := range tt.want {
					if !strings.Contains(reply, w) {
						t.Errorf("%q is not in\n%s", w, reply)
					}
				}
			}
		})
	}
}

func TestRetryAfterAndWhetherAClientWaits(t *testing.T) {
	f := start(t, ewstest.Options{})
	f.Inject(ewstest.Fault{Kind: ewstest.Status, Status: 429, Wait: time.Second, Times: 2, Bar: true})
	resp := f.authorized("Bearer token-of-alice")
	if resp.StatusCode != 429 || resp.Header.Get("Retry-After") != "1" {
		t.Errorf("%d %q", resp.StatusCode, resp.Header)
	}
	f.authorized("Bearer token-of-alice")
	if n := f.TooEarly(); n != 1 {
		t.Errorf("%d requests came too early", n)
	}
	if w := f.Waits(); len(w) != 2 || w[0].For != time.Second || w[0].Mailbox != "alice@example.test" {
		t.Errorf("%+v", w)
	}
}

func TestConnectionLimit(t *testing.T) {
	f := start(t, ewstest.Options{Connections: 2, Latency: 100 * time.Millisecond})
	var wg sync.WaitGroup
	var mu sync.Mutex
	refused := 0
	for range 5 {
		wg.Go(func() {
			_, reply := f.post("", getInbox)
			mu.Lock()
			defer mu.Unlock()
			if strings.Contains(reply, "ErrorExceededConnectionCount") {
				refused++
			}
		})
	}
	wg.Wait()
	if refused != f.Exceeded() || refused == 0 || f.Peak("alice@example.test") < 3 {
		t.Errorf("%d refused, %d counted, peak %d", refused, f.Exceeded(), f.Peak("alice@example.test"))
	}
}

func TestVersionsAreNegotiated(t *testing.T) {
	f := start(t, ewstest.Options{Version: "Exchange2010_SP2"})
	send := func(v string) string {
		req, _ := http.NewRequest("POST", f.URL(), strings.NewReader(fmt.Sprintf(envelope, `<t:RequestServerVersion Version="`+v+`"/>`, getInbox)))
		req.SetBasicAuth("alice", "secret")
		resp, err := f.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b := new(strings.Builder)
		_, _ = fmt.Fprint(b, resp.StatusCode, " ")
		buf := make([]byte, 64<<10)
		for {
			n, err := resp.Body.Read(buf)
			b.Write(buf[:n])
			if err != nil {
				return b.String()
			}
		}
	}
	for v, want := range map[string]string{"Exchange2010": "200", "Exchange2010_SP2": "200", "Exchange2013": "500", "Exchange2030": "500"} {
		got := send(v)
		if !strings.HasPrefix(got, want) || strings.Contains(got, "ErrorInvalidServerVersion") != (want == "500") {
			t.Errorf("%s: %s", v, got)
		}
		if want == "200" && !strings.Contains(got, `MajorVersion="14"`) {
			t.Errorf("%s", got)
		}
	}
}

func TestOperationsAreSwitchedOff(t *testing.T) {
	f := start(t, ewstest.Options{Without: []string{"UploadItems"}, RefuseChunked: true, MaxSize: 4000})
	upload := `<m:UploadItems><m:Items><t:Item CreateAction="CreateNew"><t:ParentFolderId Id="AAAA"/><t:Data>AAAA</t:Data></t:Item></m:Items></m:UploadItems>`
	if status, reply := f.post("", upload); status != 500 || !strings.Contains(reply, "Fault") {
		t.Errorf("%d %s", status, reply)
	}
	if status, _ := f.post("", getInbox+strings.Repeat(" ", 5000)); status != 413 {
		t.Errorf("a large request: %d", status)
	}
	req, _ := http.NewRequest("POST", f.URL(), struct{ *strings.Reader }{strings.NewReader(fmt.Sprintf(envelope, version, getInbox))})
	req.ContentLength = -1
	req.SetBasicAuth("alice", "secret")
	resp, err := f.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 400 {
		t.Errorf("a request in chunks: %d", resp.StatusCode)
	}
}
