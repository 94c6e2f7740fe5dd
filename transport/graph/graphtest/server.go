package graphtest

import (
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/clock"
	"github.com/mailconv/mailconv/transport/graph/graphtest/csdl"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// Options say what to run. The zero value is a global tenant with one mailbox
// for each of DefaultUsers, on any free port.
type Options struct {
	// Addr is host:port to listen on, a loopback address; "" is any port.
	Addr string
	// Handler listens nowhere: requests come by [Server.ServeHTTP] alone.
	Handler bool
	// TLS makes the server speak https; nil is http.
	TLS *tls.Config
	// SessionHost is the host of import and upload URLs, as localhost: with
	// the real service it is not that of Graph. "" is the host of Addr.
	SessionHost string
	// Mailboxes is the memory behind the server; nil makes one with
	// DefaultUsers, which is closed with the server.
	Mailboxes *mailbox.Server
	// Tenant is the name of the tenant; "" is DefaultTenant.
	Tenant string
	// Cloud is global (or ""), usgov, dod or china. Only global has the import
	// and export API.
	Cloud string
	// Convert makes MIME of items and items of MIME. Without it these calls
	// answer 501.
	Convert transport.Converter
	// Clock is the server's time, of tokens, sessions and limits; nil is the
	// system's.
	Clock clock.Clock
	// Schema judges what is sent and answered; nil judges nothing.
	Schema *csdl.Schema
	// Limits replaces the limits of Graph where a member is not 0.
	Limits Limits
	Quirks Quirks
	// TokenLife and SessionLife are how long tokens and the URLs of import
	// and upload sessions hold; 0 is an hour, and an hour.
	TokenLife, SessionLife time.Duration
	// Page is the size of pages where the client names none; 0 is 10, as for
	// messages of Graph.
	Page int
}

// Defaults of Options.
const DefaultTenant = "mailconv.example"

// DefaultUsers are the local parts of the addresses in the default tenant.
var DefaultUsers = []string{"zoe", "anna"}

// Quirks are things that some tenants and some days of Graph have.
type Quirks struct {
	// NoRetryAfter leaves Retry-After out of replies with 429.
	NoRetryAfter bool
	// NoRange answers a Range with the whole content.
	NoRange bool
	// NoImport refuses the import and export API with 403.
	NoImport bool
	// LoseLargeMIME answers a MIME post of more than this many bytes with 201
	// and keeps an item without body and attachments. 0 is never.
	LoseLargeMIME int64
	// NoDevice blocks the login by device code (Security Defaults).
	NoDevice bool
	// NoRefresh gives no refresh token.
	NoRefresh bool
	// NoConsent says that nobody has consented to the application.
	NoConsent bool
	// SecretExpired refuses the secret of the application.
	SecretExpired bool
}

// A Server is a running Graph. Its methods may be called by several goroutines
// at once.
type Server struct {
	o        Options
	boxes    *mailbox.Server
	owned    bool
	http     *http.Server
	root     string
	sessions string // where import and upload URLs start
	tenantID mapi.GUID
	routes   []*route

	mu         sync.Mutex
	tokens     map[string]*grant
	refresh    map[string]*grant
	devices    map[string]*device
	codes      map[string]*grant
	apps       map[string]*App
	imports    map[string]*session
	uploads    map[string]*upload
	unlicensed map[string]bool
	throttle   map[string]*budget
	faults     []*Fault
	calls      map[string]int
	log        []Request
	violations []string
	peak       int
	exceeded   map[string]int
	settings   map[*mailbox.Mailbox]*settings
}

// New starts a server.
func New(o Options) (*Server, error) {
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	host, _, err := net.SplitHostPort(o.Addr)
	if err != nil {
		return nil, err
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("%s is not a loopback address: the server speaks without encryption", o.Addr)
	}
	switch o.Cloud {
	case "":
		o.Cloud = "global"
	case "global", "usgov", "dod", "china":
	default:
		return nil, fmt.Errorf("cloud %q is none of global, usgov, dod, china", o.Cloud)
	}
	if o.Tenant == "" {
		o.Tenant = DefaultTenant
	}
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	if o.TokenLife == 0 {
		o.TokenLife = time.Hour
	}
	if o.SessionLife == 0 {
		o.SessionLife = time.Hour
	}
	if o.Page == 0 {
		o.Page = 10
	}
	o.Limits = o.Limits.orDefault()
	s := &Server{
		o: o, boxes: o.Mailboxes, routes: table(),
		tokens: map[string]*grant{}, refresh: map[string]*grant{}, devices: map[string]*device{}, codes: map[string]*grant{},
		apps: map[string]*App{}, imports: map[string]*session{}, uploads: map[string]*upload{}, unlicensed: map[string]bool{},
		throttle: map[string]*budget{}, calls: map[string]int{}, exceeded: map[string]int{}, settings: map[*mailbox.Mailbox]*settings{},
	}
	copy(s.tenantID[:], "graphtest tenant")
	if s.boxes == nil {
		s.owned = true
		s.boxes = mailbox.New(mailbox.Options{Now: o.Clock.Now})
		for _, u := range DefaultUsers {
			s.boxes.Add(mailbox.Account{Address: u + "@" + o.Tenant})
		}
	}
	s.AddApp(App{ID: DefaultApp, Secret: DefaultSecret})
	if o.Handler {
		s.root = "http://" + o.Addr
		s.sessions = s.root
		s.http = &http.Server{ReadHeaderTimeout: time.Second}
		return s, nil
	}
	l, err := net.Listen("tcp", o.Addr)
	if err != nil {
		return nil, err
	}
	s.root = "http://" + l.Addr().String()
	if o.TLS != nil {
		s.root = "https://" + l.Addr().String()
		l = tls.NewListener(l, o.TLS)
	}
	s.sessions = s.root
	if o.SessionHost != "" {
		scheme, addr, _ := strings.Cut(s.root, "://")
		_, port, _ := net.SplitHostPort(addr)
		s.sessions = scheme + "://" + net.JoinHostPort(o.SessionHost, port)
	}
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 30 * time.Second}
	go func() { _ = s.http.Serve(l) }() // it ends with Close
	return s, nil
}

// Close stops the server.
func (s *Server) Close() error {
	err := s.http.Close()
	if s.owned {
		if cerr := s.boxes.Close(); err == nil {
			err = cerr
		}
	}
	return err
}

// Root is the address without a version: the login lies below it at
// /TENANT/oauth2/v2.0/.
func (s *Server) Root() string { return s.root }

// URL is the endpoint, as https://graph.microsoft.com/v1.0 is.
func (s *Server) URL() string { return s.root + "/v1.0" }

// LoginURL is the base of the login's endpoints for a tenant; "" is the
// server's own.
func (s *Server) LoginURL(tenant string) string {
	if tenant == "" {
		tenant = s.o.Tenant
	}
	return s.root + "/" + tenant + "/oauth2/v2.0"
}

// Tenant is the name of the tenant.
func (s *Server) Tenant() string { return s.o.Tenant }

// Mailboxes is the memory behind the server.
func (s *Server) Mailboxes() *mailbox.Server { return s.boxes }

// Mailbox is the mailbox of a user; it panics when there is none.
func (s *Server) Mailbox(address string) *mailbox.Mailbox {
	m, ok := s.boxes.Mailbox(address)
	if !ok {
		panic("graphtest: no mailbox " + address)
	}
	return m
}

// Unlicensed takes the licence from a mailbox: each call about it answers
// MailboxNotEnabledForRESTAPI.
func (s *Server) Unlicensed(address string) {
	m := s.Mailbox(address)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unlicensed[m.Address()] = true
}

// Outbox lists what would have been mailed: sent messages, and the invitations
// that an event with attendees makes.
func (s *Server) Outbox() []mailbox.Sent { return s.boxes.Outbox() }

// now is the server's time.
func (s *Server) now() time.Time { return s.o.Clock.Now().UTC() }

func secret() string { return rand.Text() + rand.Text() }
