package graphtest

import (
	"net/http"
	"strings"
	"time"
)

// A Fault is an error to order. It strikes calls of one kind, or all.
type Fault struct {
	// Call is a kind of call as in messages.create, "" for each kind, or a
	// prefix that ends in a dot or with *. [Calls] lists them.
	Call string
	// Mailbox limits it to one address, Path to requests whose path (with its
	// query) has this in it, as an id.
	Mailbox, Path string
	// Nth is the first call that it strikes, counted from the order: 0 and 1
	// are the next one. Times is how many in a row, 0 is one; a negative
	// number is all from then on.
	Nth, Times int

	// Status, Code, Message and After make the reply. Status 0 with none of
	// the other members below is 503.
	Status        int
	Code, Message string
	After         time.Duration // Retry-After, 0 sends none
	// Drop breaks the connection before anything is done.
	Drop bool
	// Lose does what was asked and breaks the connection before the reply.
	Lose bool
	// Cut sends this many bytes of the reply and breaks the connection.
	Cut int64
	// Garbage answers 200 with HTML, as proxies do.
	Garbage bool
	// Stall waits on the server's clock before it answers as usual, or with
	// Status.
	Stall time.Duration

	seen int
	hits int
}

// Inject orders a fault.
func (s *Server) Inject(f Fault) {
	if f.Status == 0 && !f.Drop && !f.Lose && f.Cut == 0 && !f.Garbage && f.Stall == 0 {
		f.Status = http.StatusServiceUnavailable
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
}

// ClearFaults takes back what was ordered.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// Struck tells how often the faults that are still ordered have struck.
func (s *Server) Struck() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, f := range s.faults {
		n += f.hits
	}
	return n
}

// fault finds what was ordered for a call.
func (s *Server) fault(call, box, path string) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		if !f.about(call) || f.Mailbox != "" && !strings.EqualFold(f.Mailbox, box) || f.Path != "" && !strings.Contains(path, f.Path) {
			continue
		}
		f.seen++
		first := max(f.Nth, 1)
		if n := f.seen - first; n >= 0 && (f.Times < 0 || n < max(f.Times, 1)) {
			f.hits++
			c := *f
			return &c
		}
	}
	return nil
}

func (f *Fault) about(call string) bool {
	switch {
	case f.Call == "" || f.Call == call:
		return true
	case strings.HasSuffix(f.Call, "*"):
		return strings.HasPrefix(call, strings.TrimSuffix(f.Call, "*"))
	}
	return strings.HasSuffix(f.Call, ".") && strings.HasPrefix(call, f.Call)
}

// refuse is the error that a fault answers with, nil when it lets the call be.
func (f *Fault) refuse() *apiError {
	if f == nil || f.Status == 0 {
		return nil
	}
	e := &apiError{status: f.Status, code: f.Code, message: f.Message, after: f.After}
	d := usual[f.Status]
	if e.code == "" {
		e.code = d.code
	}
	if e.message == "" {
		e.message = d.message
	}
	return e
}

// usual are the words that come with a status.
var usual = map[int]struct{ code, message string }{
	400: {"ErrorInvalidRequest", "The request is invalid."},
	401: {"InvalidAuthenticationToken", "Access token has expired or is not yet valid."},
	403: {"ErrorAccessDenied", "Access is denied. Check credentials and try again."},
	404: {"ErrorItemNotFound", "The specified object was not found in the store."},
	409: {"ErrorIrresolvableConflict", "The send or update operation could not be performed because the change key passed in the request does not match the current change key for the item."},
	410: {"SyncStateNotFound", "The sync state generation is not found; the collection must be read anew."},
	413: {"RequestEntityTooLarge", "The request entity is too large."},
	429: {"ApplicationThrottled", "Application is over its MailboxConcurrency limit."},
	500: {"ErrorInternalServerError", "An internal server error occurred. The operation failed."},
	502: {"BadGateway", "The server got no valid answer."},
	503: {"ServiceUnavailable", "The service is temporarily unavailable. Please try again later."},
	504: {"UnknownError", "The request timed out."},
}
