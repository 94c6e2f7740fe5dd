package web

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/mailconv/mailconv/transport"
)

// bodyLimit is how much of the body of a refusal is kept.
const bodyLimit = 64 << 10

// A StatusError is a reply that refuses.
type StatusError struct {
	Code   int
	Header http.Header
	// Body is its beginning, at most 64 KiB.
	Body []byte
}

func (e *StatusError) Error() string {
	s := fmt.Sprintf("HTTP %d", e.Code)
	if text := http.StatusText(e.Code); text != "" {
		s += " " + text
	}
	if text := Text(e.Header, e.Body); text != "" {
		s += ": " + text
	}
	return s
}

// Text is a body as one short line for people, "" when it is none: HTML pages
// and documents are left out.
func Text(h http.Header, body []byte) string {
	s := strings.Join(strings.FieldsFunc(string(body), func(r rune) bool { return r <= ' ' || r == 0x7F }), " ")
	if strings.HasPrefix(s, "<") || strings.HasPrefix(s, "{") && !strings.Contains(h.Get("Content-Type"), "json") {
		return ""
	}
	if r := []rune(s); len(r) > 200 {
		s = string(r[:200]) + "..."
	}
	return s
}

// judge makes errors of the statuses that mean the same for every service.
func (c *Client) judge(op string, resp *http.Response) (*http.Response, error) {
	e := &transport.Error{Op: op}
	switch code := resp.StatusCode; {
	case code == http.StatusUnauthorized:
		e.Kind, e.Remedy = transport.Auth, "check user and password, or log in again with mailconv login"
	case code == http.StatusProxyAuthRequired:
		e.Kind, e.Remedy = transport.Unavailable, "check proxy="
	case code == http.StatusTooManyRequests, code == http.StatusServiceUnavailable:
		e.Kind, e.After = transport.Throttled, RetryAfter(resp.Header, time.Now())
	case code == http.StatusBadGateway, code == http.StatusGatewayTimeout, code == http.StatusRequestTimeout:
		e.Unsettled = true // whoever stands in between did not wait for the end
		e.Kind, e.After = transport.Temporary, RetryAfter(resp.Header, time.Now())
	case code >= 300 && code < 400 && code != http.StatusNotModified:
		e.Kind = transport.Unavailable
		if to, err := resp.Location(); err == nil {
			e.Remedy = fmt.Sprintf("it points to %s://%s: name the service with endpoint=", to.Scheme, to.Host)
		}
	default:
		return resp, nil
	}
	e.Err = ReadStatus(resp)
	return nil, e
}

// ReadStatus makes an error of a reply and closes it. Drivers use it for the
// statuses that [Client.Do] hands on.
func ReadStatus(resp *http.Response) *StatusError {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, bodyLimit))
	drain(resp)
	return &StatusError{Code: resp.StatusCode, Header: resp.Header, Body: body}
}

// maxWait bounds what a server may ask for.
const maxWait = 24 * time.Hour

// RetryAfter is the wait that a reply asks for, 0 when it names none. RFC 9110
// 10.2.3
func RetryAfter(h http.Header, now time.Time) time.Duration {
	s := strings.TrimSpace(h.Get("Retry-After"))
	if s == "" {
		return 0
	}
	var d time.Duration
	if n, err := strconv.ParseFloat(s, 64); err == nil {
		if n > maxWait.Seconds() {
			return maxWait
		}
		d = time.Duration(n * float64(time.Second))
	} else if t, err := http.ParseTime(s); err == nil {
		d = t.Sub(now)
	}
	return min(max(d, 0), maxWait)
}
