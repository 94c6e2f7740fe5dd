package ewstest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// A call is one request that was understood.
type call struct {
	s   *Server
	ctx context.Context
	// caller logged in; acting is whose rights count (impersonation).
	caller, acting *mailbox.Mailbox
	op             string
	body           *node
	w              *writer
	http           http.ResponseWriter
	request        *http.Request
	// forced is an error that was ordered for each message.
	forced *failure
}

// operation answers one request: it writes the messages, or gives a fault
// before it has written anything.
type operation func(*call) *soapFault

// operations are filled in by the files that have them.
var operations = map[string]operation{
	"GetFolder": getFolder, "FindFolder": findFolder, "CreateFolder": createFolder, "UpdateFolder": updateFolder,
	"MoveFolder": moveFolder, "DeleteFolder": deleteFolder, "EmptyFolder": emptyFolder,
	"SyncFolderHierarchy": syncHierarchy, "SyncFolderItems": syncItems,
	"FindItem": findItem, "GetItem": getItem, "CreateItem": createItem, "UpdateItem": updateItem,
	"SendItem": sendItem, "MoveItem": moveItem, "CopyItem": copyItem, "DeleteItem": deleteItem,
	"MarkAllItemsAsRead": markAllRead,
	"GetAttachment":      getAttachment, "CreateAttachment": createAttachment, "DeleteAttachment": deleteAttachment,
	"ExportItems": exportItems, "UploadItems": uploadItems,
	"ResolveNames": resolveNames, "GetServerTimeZones": getTimeZones, "ConvertId": convertID, "GetRoomLists": getRoomLists,
	"Subscribe": subscribe, "Unsubscribe": unsubscribe, "GetEvents": getEvents, "GetStreamingEvents": streamEvents,
	"GetUserOofSettings": getOof,
}

func (s *Server) contentType() string {
	if s.o.Quirks.TextXML {
		return "text/xml"
	}
	return "text/xml; charset=utf-8"
}

// maxRecord bounds what is kept of a body for [Options.Record].
const maxRecord = 1 << 20

// keep takes the first bytes of a body.
type keep struct {
	bytes.Buffer
	cut bool
}

func (k *keep) Write(p []byte) (int, error) {
	n := min(len(p), maxRecord-k.Len())
	k.Buffer.Write(p[:n])
	k.cut = k.cut || n < len(p)
	return len(p), nil
}

// recorder keeps what is answered.
type recorder struct {
	http.ResponseWriter
	status int
	body   keep
	on     bool
}

func (r *recorder) WriteHeader(n int) {
	if r.status == 0 {
		r.status = n
	}
	r.ResponseWriter.WriteHeader(n)
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	if r.on {
		_, _ = r.body.Write(p)
	}
	return r.ResponseWriter.Write(p)
}

func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (s *Server) serveEWS(hw http.ResponseWriter, r *http.Request) {
	w := &recorder{ResponseWriter: hw, on: s.o.Record != nil}
	x := Exchange{RequestHeader: r.Header, StartedAt: time.Since(s.start)}
	var in keep
	if s.o.Record != nil {
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.TeeReader(r.Body, &in), r.Body}
		defer func() {
			x.Status, x.Request, x.Reply, x.Cut = w.status, in.Bytes(), w.body.Bytes(), in.cut || w.body.cut
			x.Took = time.Since(s.start) - x.StartedAt
			s.o.Record(x)
		}()
	}
	caller, ok := s.login(w, r)
	if !ok {
		return
	}
	if r.Method != http.MethodPost {
		// A browser and DavMail's first look.
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, "<html><body>You have created a service.</body></html>")
		return
	}
	if s.o.RefuseChunked && r.ContentLength < 0 {
		http.Error(w, "chunked requests are not taken", http.StatusBadRequest)
		return
	}
	if s.o.MaxSize > 0 {
		r.Body = http.MaxBytesReader(w, r.Body, s.o.MaxSize)
	}
	c := &call{s: s, ctx: r.Context(), caller: caller, acting: caller, http: w, request: r}
	if f := c.read(r); f != nil {
		var large *http.MaxBytesError
		if errors.As(f.cause, &large) {
			http.Error(w, "the request is too large", http.StatusRequestEntityTooLarge)
			return
		}
		s.fault(w, f.soapFault)
		return
	}
	x.Operation, x.Mailbox = c.op, c.acting.Address()
	s.mu.Lock()
	s.counts[c.op]++
	s.mu.Unlock()
	leave, f := s.enter(c.acting.Address())
	if f != nil {
		s.fault(w, f)
		return
	}
	defer leave()
	if s.o.Latency > 0 {
		select {
		case <-time.After(s.o.Latency):
		case <-r.Context().Done():
			return
		}
	}
	s.run(w, c)
}

// enter counts a request in.
func (s *Server) enter(address string) (func(), *soapFault) {
	k := strings.ToLower(address)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running[k]++
	s.peak[k] = max(s.peak[k], s.running[k])
	if s.o.Connections > 0 && s.running[k] > s.o.Connections {
		s.exceeded++
		s.running[k]--
		return nil, faultOf(fail("ErrorExceededConnectionCount", "You have exceeded the available concurrent connections for your account. Try again once your other requests have completed."))
	}
	return func() {
		s.mu.Lock()
		s.running[k]--
		s.mu.Unlock()
	}, nil
}

// badRequest is a fault with what caused it.
type badRequest struct {
	*soapFault
	cause error
}

// read understands a request.
func (c *call) read(r *http.Request) *badRequest {
	root, err := parse(r.Body, c.s.boxes.Spool())
	if err != nil {
		return &badRequest{hardFault("%v", err), err}
	}
	header, body := root.child("Header"), root.child("Body")
	if body == nil || len(body.kids) != 1 {
		return &badRequest{hardFault("there is no operation in the body"), nil}
	}
	c.body = body.kids[0]
	c.op = c.body.name
	if v := header.child("RequestServerVersion").attr("Version"); !c.s.speaks(v) {
		return &badRequest{faultOf(fail("ErrorInvalidServerVersion", "The specified server version is invalid.")), nil}
	}
	if sid := header.path("ExchangeImpersonation", "ConnectingSID"); sid != nil {
		if f := c.impersonate(sid); f != nil {
			return &badRequest{faultOf(f), nil}
		}
	}
	return nil
}

func (c *call) impersonate(sid *node) *failure {
	var who string
	for _, k := range sid.kids {
		who = words(k.text)
	}
	m, ok := c.s.boxes.Lookup(who)
	if !ok {
		return fail("ErrorNonExistentMailbox", "The SMTP address has no mailbox associated with it.")
	}
	if !c.s.boxes.MayImpersonate(c.caller, m) {
		return fail("ErrorImpersonateUserDenied", "The account does not have permission to impersonate the requested user.")
	}
	c.acting = m
	return nil
}

// run answers a request, or fails as ordered.
func (s *Server) run(w *recorder, c *call) {
	f := s.take(c.op, c.acting.Address())
	out := io.Writer(w)
	if f != nil {
		wait := time.Duration(-1)
		if f.Wait > 0 || f.ZeroWait {
			wait = f.Wait
		}
		switch f.Kind {
		case Drop:
			panic(http.ErrAbortHandler)
		case Garbage:
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<html><body><h1>Something <b>else</h1> answers")
			return
		case Status:
			if wait >= 0 {
				w.Header().Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
			}
			http.Error(w, f.Body, f.Status)
			return
		case Busy, BusyInBody:
			sf := faultOf(fail(or(f.Code, "ErrorServerBusy"), "The server cannot service this request right now. Try again later."))
			sf.backOff = wait
			if f.Status != 0 {
				sf.status = f.Status
			}
			if f.Kind == BusyInBody {
				sf.status = http.StatusOK
			}
			s.fault(w, sf)
			return
		case Code:
			c.forced = fail(or(f.Code, "ErrorServerBusy"), "as was ordered")
			c.forced.backOff = wait
		case Cut:
			out = &cutter{w: w, left: f.After}
		case DropAfter:
			out = io.Discard
		case Stall:
			select {
			case <-time.After(f.Wait):
			case <-c.ctx.Done():
				return
			}
		}
	}
	op := operations[c.op]
	for _, no := range s.o.Without {
		if no == c.op {
			op = nil
		}
	}
	if op == nil {
		s.fault(w, hardFault("the operation %s is not known", c.op))
		return
	}
	w.Header().Set("Content-Type", s.contentType())
	c.w = newWriter(out, s.o.Quirks)
	if sf := op(c); sf != nil {
		s.fault(w, sf)
		return
	}
	c.w.end()
	err := c.w.flush()
	if f != nil && f.Kind == DropAfter || err != nil {
		panic(http.ErrAbortHandler)
	}
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// cutter ends the connection after some bytes.
type cutter struct {
	w    *recorder
	left int64
}

func (c *cutter) Write(p []byte) (int, error) {
	n := min(int64(len(p)), c.left)
	_, _ = c.w.Write(p[:n])
	c.left -= n
	if n < int64(len(p)) {
		_ = http.NewResponseController(c.w).Flush()
		panic(http.ErrAbortHandler)
	}
	return int(n), nil
}

// begin starts the answer of an operation.
func (c *call) begin() {
	c.w.envelope(c.s.o.Version)
	c.w.open("m:"+c.op+"Response", "xmlns:m", nsMessages, "xmlns:t", nsTypes)
	if c.op == "SendItem" && c.w.q.OddElements {
		c.w.open("m:Responses")
		return
	}
	c.w.open("m:ResponseMessages")
}

// message writes one response message: work prepares it, and gives what writes
// it, so that an error is known before anything is written. onError writes what
// the schema wants in an error too; it may be nil.
func (c *call) message(onError func(), work func() (func() error, error)) {
	name := "m:" + c.op + "ResponseMessage"
	if c.op == "GetEvents" && c.w.q.OddElements {
		name = "m:x"
	}
	var write func() error
	err := error(nil)
	if c.forced != nil {
		err = c.forced
	} else {
		write, err = work()
	}
	if err != nil {
		c.failed(name, asFailure(err))
		if onError != nil {
			onError()
		}
		c.w.close()
		return
	}
	c.w.open(name, "ResponseClass", "Success")
	c.w.elem("m:ResponseCode", "NoError")
	if write != nil {
		if err := write(); err != nil {
			// Half of it is on the wire.
			panic(http.ErrAbortHandler)
		}
	}
	c.w.close()
}

// failed starts a response message with an error.
func (c *call) failed(name string, f *failure) {
	class := "Error"
	if f.warning {
		class = "Warning"
	}
	c.w.open(name, "ResponseClass", class)
	c.w.elem("m:MessageText", f.text)
	c.w.elem("m:ResponseCode", f.code)
	c.w.elem("m:DescriptiveLinkKey", "0")
	if f.backOff >= 0 {
		c.w.open("m:MessageXml")
		c.w.elem("t:Value", strconv.FormatInt(f.backOff.Milliseconds(), 10), "Name", "BackOffMilliseconds")
		c.w.close()
	}
}
