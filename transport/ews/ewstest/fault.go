package ewstest

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A FaultKind is a way to fail.
type FaultKind int

// Kinds of faults.
const (
	// Drop closes the connection without an answer.
	Drop FaultKind = iota
	// DropAfter does what was asked, and then drops the answer.
	DropAfter
	// Garbage answers with what is no XML.
	Garbage
	// Cut sends the first Fault.After bytes of the answer.
	Cut
	// Status answers with Fault.Status and Fault.Body, and Retry-After where
	// Fault.Wait is set.
	Status
	// Busy answers by a SOAP fault ErrorServerBusy, or Fault.Code, with
	// BackOffMilliseconds of Fault.Wait. Fault.Status is 500 by default.
	Busy
	// BusyInBody is the same with status 200.
	BusyInBody
	// Code answers each message of the operation with the error Fault.Code,
	// with BackOffMilliseconds where Fault.Wait is set; status 200.
	Code
	// Stall waits for Fault.Wait, then goes on.
	Stall
)

// A Fault is an order to fail.
type Fault struct {
	Kind FaultKind
	// Operation is the one to fail, as in "GetItem"; "" is any. Mailbox
	// narrows it down to one mailbox.
	Operation, Mailbox string
	// At is which call from now on is the first to fail; 0 and 1 are the
	// next. Times is how many fail; 0 is one, -1 all.
	At, Times int
	Status    int
	Wait      time.Duration
	// ZeroWait writes BackOffMilliseconds or Retry-After although Wait is 0.
	ZeroWait bool
	Code     string
	Body     string
	After    int64
	// Bar makes the server watch whether the client keeps to Wait: a request
	// for the mailbox before its end is counted, see [Server.TooEarly].
	Bar bool
}

// order is a fault that waits.
type order struct {
	Fault
	seen, done int
}

// Wait is a wait that the server told a client.
type Wait struct {
	Mailbox, Operation string
	For                time.Duration
}

// Inject orders a fault. The first that fits a request is taken.
func (s *Server) Inject(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &order{Fault: f})
}

// Waits lists the waits that were told so far.
func (s *Server) Waits() []Wait {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Wait(nil), s.waits...)
}

// TooEarly tells how many requests came before the end of a wait that a fault
// with Bar had told.
func (s *Server) TooEarly() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tooEarly
}

// take finds the fault for a request.
func (s *Server) take(op, mailbox string) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t, ok := s.barred[mailbox]; ok {
		if time.Now().Before(t) {
			s.tooEarly++
		}
		delete(s.barred, mailbox)
	}
	for _, o := range s.faults {
		if o.Operation != "" && o.Operation != op || o.Mailbox != "" && !strings.EqualFold(o.Mailbox, mailbox) {
			continue
		}
		o.seen++
		times := max(o.Times, 1)
		if o.seen < max(o.At, 1) || o.Times >= 0 && o.done >= times {
			continue
		}
		o.done++
		if o.Kind == Status || o.Kind == Busy || o.Kind == BusyInBody || o.Kind == Code {
			s.waits = append(s.waits, Wait{mailbox, op, o.Wait})
			if o.Bar {
				s.barred[mailbox] = time.Now().Add(o.Wait)
			}
		}
		f := o.Fault
		return &f
	}
	return nil
}

// A failure is a response code with its text. [MS-OXWSCDATA] 2.2.5.24
type failure struct {
	code, text string
	// backOff is written as BackOffMilliseconds where it is not negative.
	backOff time.Duration
	// warning makes it a ResponseClass of Warning.
	warning bool
}

func (f *failure) Error() string { return f.code + ": " + f.text }

func fail(code, format string, args ...any) *failure {
	return &failure{code: code, text: fmt.Sprintf(format, args...), backOff: -1}
}

// A soapFault is an answer to a request as a whole.
type soapFault struct {
	failure
	status int
	// hard marks what is no request that the server knows.
	hard bool
}

func faultOf(f *failure) *soapFault {
	return &soapFault{failure: *f, status: http.StatusInternalServerError}
}

func schemaFault(format string, args ...any) *soapFault {
	return &soapFault{
		failure: failure{code: "ErrorSchemaValidation", text: "The request failed schema validation: " + fmt.Sprintf(format, args...), backOff: -1},
		status:  http.StatusInternalServerError,
	}
}

// hardFault is about a request that cannot be read, or is not known.
func hardFault(format string, args ...any) *soapFault {
	f := schemaFault(format, args...)
	f.hard = true
	return f
}

func (w *writer) backOff(f *failure) {
	if f.backOff >= 0 {
		w.open("t:MessageXml", "xmlns:t", nsTypes)
		w.elem("t:Value", strconv.FormatInt(f.backOff.Milliseconds(), 10), "Name", "BackOffMilliseconds")
		w.close()
	}
}

// fault answers by a SOAP fault. [MS-OXWSCDATA] 2.2.4.27
func (s *Server) fault(w http.ResponseWriter, f *soapFault) {
	status := f.status
	if s.o.Quirks.FaultStatusOK && !f.hard {
		status = http.StatusOK
	}
	var body bytes.Buffer
	x := newWriter(&body, s.o.Quirks)
	p := s.o.Quirks.prefix()
	x.raw(`<?xml version="1.0" encoding="utf-8"?>`)
	x.open(p+":Envelope", "xmlns:"+p, nsSOAP)
	x.open(p + ":Body")
	x.open(p + ":Fault")
	x.elem("faultcode", "a:"+f.code, "xmlns:a", nsTypes)
	x.elem("faultstring", f.text, "xml:lang", "en-US")
	x.open("detail")
	x.elem("e:ResponseCode", f.code, "xmlns:e", nsErrors)
	x.elem("e:Message", f.text, "xmlns:e", nsErrors)
	x.backOff(&f.failure)
	x.end()
	_ = x.flush() // a buffer takes all
	h := w.Header()
	h.Set("Content-Type", s.contentType())
	h.Set("Content-Length", strconv.Itoa(body.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) // the client is gone, or not
	if s.o.Quirks.StrayReply {
		s.stray(w)
	}
}

// stray sends a second reply that nobody asked for.
func (s *Server) stray(w http.ResponseWriter) {
	rc := http.NewResponseController(w)
	if rc.Flush() != nil {
		return
	}
	conn, _, err := rc.Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	const empty = `<?xml version="1.0" encoding="UTF-8"?><SOAP:Envelope xmlns:SOAP="` + nsSOAP + `"><SOAP:Body/></SOAP:Envelope>`
	_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n%s", len(empty), empty)
}

// asFailure makes a failure of whatever went wrong in an operation.
func asFailure(err error) *failure {
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	var sf *soapFault
	if errors.As(err, &sf) {
		return &sf.failure
	}
	return fail("ErrorInternalServerError", "%v", err)
}
