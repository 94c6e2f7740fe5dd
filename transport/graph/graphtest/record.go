package graphtest

import (
	"fmt"
	"slices"
)

// A Request is one request as the server saw it. Each part of a batch has one
// of its own.
type Request struct {
	// Call is the kind of the call, as in messages.create; see [Server.Inject].
	Call string
	// Mailbox is the address that it was about, "" for none.
	Mailbox      string
	Method, Path string
	Status       int
	// Sent and Received are the bytes of the bodies of reply and request.
	Sent, Received int64
}

// maxLog bounds the log of requests.
const maxLog = 200_000

func (s *Server) record(r Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[r.Call]++
	if len(s.log) < maxLog {
		s.log = append(s.log, r)
	}
}

// Calls tells how often each kind of call came, refused ones included.
func (s *Server) Calls() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[string]int, len(s.calls))
	for k, n := range s.calls {
		out[k] = n
	}
	return out
}

// Count is the number of requests of all kinds but logins.
func (s *Server) Count() int {
	n := 0
	for k, c := range s.Calls() {
		if k != "token" && k != "devicecode" && k != "authorize" {
			n += c
		}
	}
	return n
}

// ResetCalls starts counting anew.
func (s *Server) ResetCalls() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.calls)
	clear(s.exceeded)
	s.log, s.peak = nil, 0
}

// Log lists the requests in the order in which they were answered.
func (s *Server) Log() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

// Violations lists what was wrong by [Options.Schema], each once.
func (s *Server) Violations() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.violations)
}

// judge holds a body against its type.
func (s *Server) judge(what, typ string, v any) []string {
	if s.o.Schema == nil || typ == "" {
		return nil
	}
	wrong := s.o.Schema.Check(typ, v)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range wrong {
		line := fmt.Sprintf("%s (%s): %s", what, typ, w)
		if !slices.Contains(s.violations, line) && len(s.violations) < 1000 {
			s.violations = append(s.violations, line)
		}
	}
	return wrong
}

// ForgetViolations clears the list, after mistakes that were made on purpose.
func (s *Server) ForgetViolations() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.violations = nil
}
