package mapihttptest

import (
	"fmt"
	"net/http"
	"time"
)

// A FaultKind is a way to fail.
type FaultKind int

// Kinds of faults.
const (
	// Drop closes the connection before anything is done.
	Drop FaultKind = iota
	// DropAfter does what was asked, and drops the answer.
	DropAfter
	// Cut sends the first half of the body.
	Cut
	// Garbage sends what is no answer.
	Garbage
	// Expire forgets the session, so that the request fails with "context not
	// found".
	Expire
	// NoCookie answers as to a request whose cookies were lost on the way.
	NoCookie
	// Busy is status 503 with the wait of Fault.Wait, where it is set.
	Busy
	// Late is a failure after DONE: an additional X-ResponseCode.
	Late
)

// A Fault is a failure to order.
type Fault struct {
	Kind FaultKind
	Wait time.Duration
}

type order struct {
	Fault
	kind       string // of request, "" is any
	skip, left int
}

// Inject orders a fault for the n-th request of a type from now on, counted
// from 1 ("" is any type), and for the times-1 requests behind it.
func (s *Server) Inject(kind string, n, times int, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &order{Fault: f, kind: kind, skip: n - 1, left: times})
}

// strike is the fault that is ordered for this request.
func (s *Server) strike(kind string) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.faults {
		switch {
		case o.left == 0 || o.kind != "" && o.kind != kind:
		case o.skip > 0:
			o.skip--
		default:
			o.left--
			return &o.Fault
		}
	}
	return nil
}

// before fails without doing anything, and reports that it has answered.
func (f *Fault) before(s *Server, w http.ResponseWriter) bool {
	switch f.Kind {
	case Drop:
		panic(http.ErrAbortHandler)
	case Expire:
		s.Forget()
	case Busy:
		if f.Wait > 0 {
			w.Header().Set("Retry-After", fmt.Sprint(int(f.Wait.Seconds())))
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	}
	return false
}

// within fails when the answer is on its way, and reports whether it has.
func (f *Fault) within(w http.ResponseWriter, body []byte) bool {
	switch f.Kind {
	case DropAfter:
		panic(http.ErrAbortHandler)
	case Cut:
		fmt.Fprint(w, "DONE\r\n\r\n")
		_, _ = w.Write(body[:len(body)/2])
		panic(http.ErrAbortHandler)
	case Garbage:
		fmt.Fprint(w, "DONE\r\n\r\n\xff\xfe not an answer")
		return true
	case Late:
		fmt.Fprint(w, "DONE\r\nX-ResponseCode: 1\r\nContent-Type: text/html\r\n\r\n<html>late</html>")
		return true
	}
	return false
}
