package mapihttptest

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// Values of X-ResponseCode. [MS-OXCMAPIHTTP] 2.2.3.3.3
const (
	codeOK              = 0
	codeUnknown         = 1
	codeInvalidHeader   = 4
	codeInvalidType     = 5
	codeInvalidCookie   = 6
	codeMissingHeader   = 7
	codeTooLarge        = 9
	codeContextNotFound = 10
	codeInvalidBody     = 12
	codeMissingCookie   = 13
	codeInvalidSequence = 15
)

const (
	contextCookie  = "MapiContext"
	sequenceCookie = "MapiSequence"
	contentType    = "application/mapi-http"
	// maxBody bounds the body of a request, as Exchange does.
	maxBody = 4 << 20
)

// A call is one request.
type call struct {
	s     *Server
	r     *http.Request
	box   *mailbox.Mailbox // whose login it is
	ses   *session
	body  []byte
	start time.Time
}

// A requestType is what is done for a value of X-RequestType. begin marks those
// that make a session, end the one that ends it.
type requestType struct {
	do         func(*call) ([]byte, error)
	begin, end bool
}

// codeError is a failure that X-ResponseCode tells.
type codeError struct {
	code int
	text string
}

func (e *codeError) Error() string { return e.text }

func (s *Server) serve(w http.ResponseWriter, r *http.Request, types map[string]requestType) {
	kind := r.Header.Get("X-RequestType")
	s.mu.Lock()
	s.counts[kind]++
	s.mu.Unlock()
	if s.o.Latency > 0 {
		time.Sleep(s.o.Latency)
	}
	f := s.strike(kind)
	if f != nil && f.before(s, w) {
		_, _ = io.Copy(io.Discard, r.Body)
		return
	}
	if f != nil && f.Kind == NoCookie {
		r.Header.Del("Cookie")
	}
	box, ok := s.login(w, r)
	if !ok {
		_, _ = io.Copy(io.Discard, r.Body)
		return
	}
	c := &call{s: s, r: r, box: box, start: time.Now()}
	out, err := c.run(kind, types)
	var code *codeError
	switch {
	case errors.As(err, &code):
		c.headers(w, kind, code.code)
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, "<html><body>%s</body></html>", code.text)
		return
	case err != nil:
		c.headers(w, kind, codeUnknown)
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, "<html><body>%v</body></html>", err)
		return
	}
	c.headers(w, kind, codeOK)
	w.Header().Set("Content-Type", contentType)
	c.reply(w, f, out)
}

// run does what was asked, within a session.
func (c *call) run(kind string, types map[string]requestType) ([]byte, error) {
	t, ok := types[kind]
	if !ok {
		return nil, &codeError{codeInvalidType, "unknown X-RequestType"}
	}
	for _, name := range []string{"X-RequestId", "X-ClientInfo", "X-ClientApplication"} {
		if c.r.Header.Get(name) == "" {
			return nil, &codeError{codeMissingHeader, "there is no " + name}
		}
	}
	if !strings.HasPrefix(c.r.Header.Get("Content-Type"), contentType) {
		return nil, &codeError{codeInvalidHeader, "the Content-Type is not " + contentType}
	}
	body, err := io.ReadAll(io.LimitReader(c.r.Body, maxBody+1))
	if err != nil {
		return nil, &codeError{codeInvalidBody, err.Error()}
	}
	if len(body) > maxBody {
		return nil, &codeError{codeTooLarge, "the request is too large"}
	}
	c.body = body
	if t.begin {
		c.forget()
		c.ses = newSession(c.box)
	} else if err := c.resume(); err != nil {
		return nil, err
	} else {
		defer c.ses.release(kind == waitType)
	}
	out, err := t.do(c)
	switch {
	case err == nil && t.begin:
		c.ses.release(false)
		c.s.mu.Lock()
		c.s.sessions[c.ses.id] = c.ses
		c.s.mu.Unlock()
	case t.begin:
		c.ses = nil
	case t.end:
		c.forget()
	}
	return out, err
}

// resume finds the session of the cookies and occupies it. [MS-OXCMAPIHTTP]
// 3.2.5.1
func (c *call) resume() error {
	id, err := c.r.Cookie(contextCookie)
	if err != nil {
		return &codeError{codeMissingCookie, "there is no context cookie"}
	}
	c.s.mu.Lock()
	ses := c.s.sessions[id.Value]
	if ses != nil && time.Since(ses.used) > c.s.o.Expiry {
		delete(c.s.sessions, id.Value)
		ses = nil
	}
	c.s.mu.Unlock()
	if ses == nil || ses.login != c.box {
		return &codeError{codeContextNotFound, "the session is not there"}
	}
	seq, err := c.r.Cookie(sequenceCookie)
	if err != nil {
		return &codeError{codeMissingCookie, "there is no sequence cookie"}
	}
	if !ses.occupy(seq.Value, c.r.Header.Get("X-RequestType") == waitType) {
		return &codeError{codeInvalidSequence, "requests of one session come one after the other"}
	}
	c.ses = ses
	return nil
}

// forget drops the session of the cookies, if there is one.
func (c *call) forget() {
	if id, err := c.r.Cookie(contextCookie); err == nil {
		c.s.mu.Lock()
		if ses := c.s.sessions[id.Value]; ses != nil && ses.login == c.box {
			delete(c.s.sessions, id.Value)
		}
		c.s.mu.Unlock()
	}
}

func (c *call) headers(w http.ResponseWriter, kind string, code int) {
	h := w.Header()
	h.Set("Cache-Control", "private")
	h.Set("X-RequestType", kind)
	for _, name := range []string{"X-RequestId", "X-ClientInfo"} {
		h.Set(name, c.r.Header.Get(name))
	}
	h.Set("X-ResponseCode", fmt.Sprint(code))
	h.Set("X-PendingPeriod", "15000")
	h.Set("X-ExpirationInfo", fmt.Sprint(c.s.o.Expiry.Milliseconds()))
	h.Set("X-ServerApplication", "Exchange/15.20.0000.000")
	if c.ses != nil {
		http.SetCookie(w, &http.Cookie{Name: contextCookie, Value: c.ses.id, Path: "/mapi/"})
		http.SetCookie(w, &http.Cookie{Name: sequenceCookie, Value: c.ses.sequence(), Path: "/mapi/"})
	}
}

// reply writes meta-tags, additional headers and the body. [MS-OXCMAPIHTTP]
// 2.2.7, 3.2.5.2
func (c *call) reply(w http.ResponseWriter, f *Fault, body []byte) {
	flush := http.NewResponseController(w).Flush
	fmt.Fprint(w, "PROCESSING\r\n")
	_ = flush() // as the protocol wants it
	if c.s.o.Pending {
		fmt.Fprint(w, "PENDING\r\n")
		_ = flush()
	}
	if f != nil && f.within(w, body) {
		return
	}
	fmt.Fprintf(w, "DONE\r\nX-ElapsedTime: %d\r\nX-StartTime: %s\r\n\r\n", time.Since(c.start).Milliseconds(), c.start.UTC().Format(http.TimeFormat))
	_, _ = w.Write(body)
}

func random() string {
	var b [16]byte
	rand.Read(b[:]) //nolint:errcheck // it never fails
	return hex.EncodeToString(b[:])
}
