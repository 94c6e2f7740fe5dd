package mapihttptest

import (
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// Options say what the server is like. The zero value will do.
type Options struct {
	// Mailboxes are what the server shows; nil makes a set without any.
	Mailboxes *mailbox.Server
	// Addr is host:port to listen on, which must be a loopback address; "" is
	// any free port.
	Addr string
	// Compress compresses replies where the client allows it, Obfuscate hides
	// them where it allows that.
	Compress, Obfuscate bool
	// Expiry is how long a session lives without requests; 0 is 15 minutes.
	Expiry time.Duration
	// NotificationWait is the longest wait for an event; 0 is 5 minutes.
	NotificationWait time.Duration
	// MaxRopOut bounds the replies of one request in bytes, beside the bound
	// that the client gives; 0 is 256 KiB.
	MaxRopOut int
	// Pending makes each reply begin with a PENDING before it is DONE.
	Pending bool
	// Latency is added to each request.
	Latency time.Duration
}

// A Server is a running server. Its methods may be called by several
// goroutines at once.
type Server struct {
	o     Options
	boxes *mailbox.Server
	own   bool
	http  *http.Server
	l     net.Listener

	mu       sync.Mutex
	sessions map[string]*session
	counts   map[string]int
	rops     map[string]int
	faults   []*order
	named    map[*mailbox.Mailbox]*names
	local    uint64 // counters that were set aside
}

// New starts a server.
func New(o Options) (*Server, error) {
	s := &Server{o: o, boxes: o.Mailboxes, sessions: map[string]*session{}, counts: map[string]int{}, rops: map[string]int{}, named: map[*mailbox.Mailbox]*names{}}
	if s.o.Expiry == 0 {
		s.o.Expiry = 15 * time.Minute
	}
	if s.o.NotificationWait == 0 {
		s.o.NotificationWait = 5 * time.Minute
	}
	if s.o.MaxRopOut == 0 {
		s.o.MaxRopOut = 256 << 10
	}
	if s.o.Addr == "" {
		s.o.Addr = "127.0.0.1:0"
	}
	host, _, err := net.SplitHostPort(s.o.Addr)
	if err != nil {
		return nil, err
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, errors.New(s.o.Addr + " is not a loopback address")
	}
	if s.l, err = net.Listen("tcp", s.o.Addr); err != nil {
		return nil, err
	}
	if s.boxes == nil {
		s.boxes, s.own = mailbox.New(mailbox.Options{}), true
	}
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
	go func() { _ = s.http.Serve(s.l) }() // it ends with Close
	return s, nil
}

// Close stops the server, also requests that run.
func (s *Server) Close() error {
	err := s.http.Close()
	if s.own {
		err = errors.Join(err, s.boxes.Close())
	}
	return err
}

// Mailboxes are what the server shows.
func (s *Server) Mailboxes() *mailbox.Server { return s.boxes }

// URL is the address of the mailbox service, as endpoint= takes it.
func (s *Server) URL() string { return "http://" + s.l.Addr().String() + mailPath }

// AddressBookURL is that of the address book.
func (s *Server) AddressBookURL() string { return "http://" + s.l.Addr().String() + bookPath }

// AutodiscoverURL is that of Autodiscover.
func (s *Server) AutodiscoverURL() string {
	return "http://" + s.l.Addr().String() + discoverPath
}

const (
	mailPath     = "/mapi/emsmdb/"
	bookPath     = "/mapi/nspi/"
	discoverPath = "/autodiscover/autodiscover.xml"
)

// Requests tells how many requests of a type came (Connect, Execute, ...); ""
// is all.
func (s *Server) Requests(kind string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if kind != "" {
		return s.counts[kind]
	}
	n := 0
	for _, c := range s.counts {
		n += c
	}
	return n
}

// ROPs tells how many operations of a name were done; "" is all.
func (s *Server) ROPs(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if name != "" {
		return s.rops[name]
	}
	n := 0
	for _, c := range s.rops {
		n += c
	}
	return n
}

// Forget drops all sessions, as a server that restarts does.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.sessions)
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch strings.ToLower(r.URL.Path) {
	case mailPath, strings.TrimSuffix(mailPath, "/"):
		s.serve(w, r, mailTypes)
	case bookPath, strings.TrimSuffix(bookPath, "/"):
		s.serve(w, r, bookTypes)
	case discoverPath:
		s.serveDiscover(w, r)
	default:
		http.NotFound(w, r)
	}
}

// login finds out who asks. When it says no, it has answered.
func (s *Server) login(w http.ResponseWriter, r *http.Request) (*mailbox.Mailbox, bool) {
	if user, password, ok := r.BasicAuth(); ok {
		if m, ok := s.boxes.Login(user, password); ok {
			return m, true
		}
	}
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		if m, ok := s.boxes.LoginToken(token); ok {
			return m, true
		}
	}
	w.Header().Add("WWW-Authenticate", `Basic realm="`+s.l.Addr().String()+`"`)
	w.Header().Add("WWW-Authenticate", "Bearer")
	http.Error(w, "Unauthorized", http.StatusUnauthorized)
	return nil, false
}

// namesOf are the named properties of a mailbox.
func (s *Server) namesOf(m *mailbox.Mailbox) *names {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.named[m]
	if n == nil {
		n = &names{}
		s.named[m] = n
	}
	return n
}
