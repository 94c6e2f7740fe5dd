package ewstest

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

type connKey struct{}

// connection is what the server knows of a connection: NTLM logs in a
// connection and not a request.
type connection struct {
	mu        sync.Mutex
	challenge []byte
	user      *mailbox.Mailbox
}

func (s *Server) allows(way string) bool { return s.o.Auth == nil || slices.Contains(s.o.Auth, way) }

// login finds out who asks. When it says no, it has answered.
func (s *Server) login(w http.ResponseWriter, r *http.Request) (*mailbox.Mailbox, bool) {
	conn, _ := r.Context().Value(connKey{}).(*connection)
	if conn == nil {
		conn = &connection{}
	}
	conn.mu.Lock()
	defer conn.mu.Unlock()
	h := r.Header.Get("Authorization")
	way, value, _ := strings.Cut(h, " ")
	switch {
	case h == "" && conn.user != nil:
		return conn.user, true
	case strings.EqualFold(way, "Basic") && s.allows(Basic):
		if user, password, ok := r.BasicAuth(); ok {
			if m, ok := s.boxes.Login(user, password); ok {
				return m, true
			}
		}
	case strings.EqualFold(way, "Bearer") && s.allows(Bearer):
		if m, ok := s.boxes.LoginToken(strings.TrimSpace(value)); ok {
			return m, true
		}
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		http.Error(w, "", http.StatusUnauthorized)
		return nil, false
	case (strings.EqualFold(way, "NTLM") || strings.EqualFold(way, "Negotiate")) && s.allows(NTLM):
		conn.user = nil
		msg, err := base64.StdEncoding.DecodeString(strings.TrimSpace(value))
		if err == nil && isNegotiate(msg) {
			var reply []byte
			conn.challenge, reply = newChallenge(s.boxes.Now())
			w.Header().Set("WWW-Authenticate", way+" "+base64.StdEncoding.EncodeToString(reply))
			http.Error(w, "", http.StatusUnauthorized)
			return nil, false
		}
		if err == nil && conn.challenge != nil {
			m, err := s.authenticate(msg, conn.challenge, r.TLS != nil)
			conn.challenge = nil
			if err == nil {
				conn.user = m
				return m, true
			}
		}
	}
	s.challenge(w)
	return nil, false
}

// challenge asks for credentials.
func (s *Server) challenge(w http.ResponseWriter) {
	h := w.Header()
	if s.allows(NTLM) {
		h.Add("WWW-Authenticate", "Negotiate")
		h.Add("WWW-Authenticate", "NTLM")
	}
	if s.allows(Basic) {
		h.Add("WWW-Authenticate", `Basic realm="`+s.Host()+`"`)
	}
	if s.allows(Bearer) {
		h.Add("WWW-Authenticate", `Bearer client_id="00000002-0000-0ff1-ce00-000000000000"`)
	}
	http.Error(w, "Unauthorized", http.StatusUnauthorized)
}
