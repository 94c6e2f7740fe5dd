package graphtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// An apiError is an error in the form of Graph.
type apiError struct {
	status        int
	code, message string
	after         time.Duration
}

func (e *apiError) Error() string { return fmt.Sprintf("%d %s: %s", e.status, e.code, e.message) }

func fail(status int, code, format string, args ...any) error {
	return &apiError{status: status, code: code, message: fmt.Sprintf(format, args...)}
}

var (
	errNotFound  = fail(404, "ErrorItemNotFound", "The specified object was not found in the store.")
	errMalformed = fail(400, "ErrorInvalidIdMalformed", "Id is malformed.")
	errDenied    = fail(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
)

// A call is one request on its way.
type call struct {
	s     *Server
	ctx   context.Context
	w     http.ResponseWriter
	r     *http.Request
	route *route
	// vars are the parts of the path that the route has in braces.
	vars map[string]string
	q    query
	who  *grant
	// box is the mailbox that it is about, nil for none; actor that of the
	// person who asks, nil for an application.
	box, actor *mailbox.Mailbox
	prefer     map[string]string
	immutable  bool
	version    string
}

// preferences reads the Prefer headers. RFC 7240
func preferences(h http.Header) map[string]string {
	m := map[string]string{}
	for _, line := range h.Values("Prefer") {
		for _, p := range strings.FieldsFunc(line, func(r rune) bool { return r == ',' || r == ';' }) {
			k, v, _ := strings.Cut(strings.TrimSpace(p), "=")
			m[strings.ToLower(k)] = strings.Trim(v, `"`)
		}
	}
	return m
}

// base is the URL that links of replies start with.
func (c *call) base() string { return c.s.root + "/" + c.version }

// body reads a JSON body and judges it.
func (c *call) body() (object, error) {
	if !isJSON(c.r) {
		return nil, fail(415, "RequestBodyRead", "The Content-Type is not application/json.")
	}
	limit := c.s.o.Limits.Body
	if c.route.name == "attachments.create" {
		// The largest file that may come this way, in base64, is 4 MB itself.
		limit = max(limit, c.s.o.Limits.Inline*4/3+64<<10)
	}
	b := &bounded{r: c.r.Body, left: limit}
	o, err := readJSON(b)
	switch {
	case b.over:
		return nil, errTooLarge
	case err != nil:
		return nil, unreadable(err)
	}
	if wrong := c.s.judge(c.r.Method+" "+c.route.name, c.route.body, o); wrong != nil {
		return nil, fail(400, "RequestBodyRead", "%s", wrong[0])
	}
	return o, nil
}

func unreadable(err error) error {
	return fail(400, "BadRequest", "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format. (%v)", err)
}

// QUIRK: Graph answers 413 with or without a body, and names no limit.
// (corso#1115, graph-docs#13979)
var errTooLarge = fail(413, "RequestEntityTooLarge", "The request entity is too large.")

// bounded notes when more was there to read.
type bounded struct {
	r    io.Reader
	left int64
	over bool
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		var one [1]byte
		if n, err := io.ReadFull(b.r, one[:]); n == 0 {
			return 0, err
		}
		b.over = true
		return 0, errTooLarge
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.r.Read(p)
	b.left -= int64(n)
	return n, err
}

// reply answers with a value of the route's type.
func (c *call) reply(status int, o object) error {
	return c.replyAs(status, c.route.reply, o)
}

func (c *call) replyAs(status int, typ string, o object) error {
	c.w.Header().Set("Content-Type", "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8")
	if c.immutable {
		c.w.Header().Set("Preference-Applied", `IdType="ImmutableId"`)
	}
	if l, ok := o["value"].(list); ok {
		// The elements are judged when they are made.
		elem := strings.TrimSuffix(strings.TrimPrefix(typ, "Collection("), ")")
		o["value"] = list(func(yield func(any) bool) {
			for v := range l {
				c.s.judge("reply to "+c.route.name, elem, v)
				if !yield(v) {
					return
				}
			}
		})
		frame := object{"value": []any{}}
		for k, v := range o {
			if k != "value" {
				frame[k] = v
			}
		}
		c.s.judge("reply to "+c.route.name, typ, frame)
	} else {
		c.s.judge("reply to "+c.route.name, typ, o)
	}
	c.w.WriteHeader(status)
	if err := writeJSON(c.ctx, c.w, o); err != nil {
		// The status is sent: only a broken connection says it now.
		panic(http.ErrAbortHandler)
	}
	return nil
}

func (c *call) noContent(status int) error {
	c.w.WriteHeader(status)
	return nil
}

// maxDrain is how much of a request that is refused is read all the same, so
// that the client hears why before its connection closes.
const maxDrain = 64 << 20

// sendError answers with an error.
func (s *Server) sendError(w http.ResponseWriter, r *http.Request, err error) {
	_, _ = io.CopyN(io.Discard, r.Body, maxDrain)
	var e *apiError
	switch {
	case errors.As(err, &e):
	case errors.Is(err, mailbox.ErrNotFound):
		errors.As(errNotFound, &e)
	case errors.Is(err, mailbox.ErrExists):
		e = &apiError{status: 409, code: "ErrorFolderExists", message: "A folder with the specified name already exists."}
	case errors.Is(err, mailbox.ErrStandard):
		e = &apiError{status: 403, code: "ErrorDeleteDistinguishedFolder", message: "Distinguished folders cannot be deleted."}
	case errors.Is(err, mailbox.ErrName), errors.Is(err, mailbox.ErrLoop):
		e = &apiError{status: 400, code: "ErrorInvalidRequest", message: err.Error()}
	default:
		e = &apiError{status: 500, code: "ErrorInternalServerError", message: err.Error()}
	}
	o := object{"error": object{
		"code": e.code, "message": e.message,
		"innerError": object{
			"date": s.now().Format("2006-01-02T15:04:05"), "request-id": w.Header().Get("request-id"),
			"client-request-id": r.Header.Get("client-request-id"),
		},
	}}
	s.judge("error reply", "graph.errorReply", o)
	if e.after > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((e.after+time.Second-1)/time.Second)))
	}
	if e.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="", authorization_uri="`+s.root+`/common/oauth2/authorize"`)
	}
	w.Header().Set("Content-Type", "application/json")
	var b bytes.Buffer
	if writeJSON(r.Context(), &b, o) == nil {
		w.WriteHeader(e.status)
		_, _ = w.Write(b.Bytes())
	}
}
