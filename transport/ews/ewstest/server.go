package ewstest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/xml"
	"errors"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// Ways to log in.
const (
	Basic  = "basic"
	NTLM   = "ntlm"
	Bearer = "bearer"
)

// Options say what the server is like. Only Convert must be there.
type Options struct {
	// Mailboxes are what the server shows; nil makes a set without any.
	Mailboxes *mailbox.Server
	// Convert turns MIME into objects and back.
	Convert transport.Converter
	// Addr is host:port to listen on, which must be a loopback address; ""
	// is any free port.
	Addr string
	// TLS makes it https, with a certificate for localhost, 127.0.0.1 and
	// ::1 of an authority of its own, see [Server.CA].
	TLS bool
	// Auth lists the ways to log in; nil is all.
	Auth []string
	// RequireChannelBinding refuses NTLM over TLS without the binding to the
	// channel (Extended Protection). A wrong one is always refused. RFC 5929
	RequireChannelBinding bool
	// Version is the newest schema version spoken, "Exchange2016" by default.
	// A request for a newer or unknown one is ErrorInvalidServerVersion.
	Version string
	// Without lists operations that this server does not have: they are
	// answered by a SOAP fault.
	Without []string
	// Connections is how many requests of one mailbox may run at once; 0 is
	// no limit. One more is ErrorExceededConnectionCount, and counted.
	Connections int
	// MaxSize is the largest request body in bytes; 0 is no limit.
	MaxSize int64
	// Latency is added to each request.
	Latency time.Duration
	// RefuseChunked answers 400 to request bodies without Content-Length.
	RefuseChunked bool
	// DeleteFull lets DeleteFolder remove a folder that holds anything; the
	// real server refuses that.
	DeleteFull bool
	// Affinity plays a farm behind a balancer: a subscription is known only to
	// requests that bring the cookie that came with it, which is given to who
	// asks for it by X-PreferServerAffinity.
	Affinity bool
	// Heartbeat is the time between empty notifications of a stream; 0 is 45
	// seconds. Minute is the unit of its ConnectionTimeout; 0 is a minute.
	Heartbeat, Minute time.Duration
	// Quirks are what one server does differently from another.
	Quirks Quirks
	// Record is told the bodies of each request and reply, as far as they are
	// no longer than 1 MiB. It may be called by several goroutines at once.
	Record func(Exchange)
}

// An Exchange is one request and its reply.
type Exchange struct {
	Operation       string // "" when the request was not understood
	Mailbox         string // who it was for
	Status          int
	Request, Reply  []byte
	RequestHeader   http.Header
	Cut             bool // one of the bodies was too long to be kept whole
	StartedAt, Took time.Duration
}

// Quirks are ways in which a server differs from Exchange. All were seen.
type Quirks struct {
	// Fractions writes times with nine decimals.
	Fractions bool
	// LongTags writes property tags with leading zeros, as in 0x0E06 and not
	// in 0xe06.
	LongTags bool
	// Prefix is that of SOAP elements; "" is s.
	Prefix string
	// TextXML leaves the charset out of Content-Type.
	TextXML bool
	// ReadAsUpdate reports a change of the read state as an Update.
	ReadAsUpdate bool
	// NotDraft makes items of CreateItem no drafts by default.
	NotDraft bool
	// IgnoreBadSyncState takes a SyncState that is garbage for none.
	IgnoreBadSyncState bool
	// DropItemAttachments says yes to item attachments in CreateAttachment,
	// and drops them.
	DropItemAttachments bool
	// ReceivedIsCreated adds DateTimeReceived to each item, with the time of
	// its creation.
	ReceivedIsCreated bool
	// FaultStatusOK sends SOAP faults with status 200, but those about
	// requests that are malformed or not known.
	FaultStatusOK bool
	// DateWithTime writes the dates of a recurrence with a time.
	DateWithTime bool
	// StrayReply sends a second, empty reply after a SOAP fault on the same
	// connection, and closes it.
	StrayReply bool
	// OddElements writes a few elements that the schema does not have or has
	// elsewhere: Groups in FindItem, m:x for the message of GetEvents,
	// Responses in SendItem, ExtendedProperty behind the other fields.
	OddElements bool
	// MailMIME makes the MimeContent of calendar items and contacts a mail.
	MailMIME bool
	// BadBase64 takes MimeContent that is no base64.
	BadBase64 bool
	// ControlCharacters writes character references that XML forbids, as in
	// &#x1;, where a value has such characters. Otherwise they become U+FFFD.
	ControlCharacters bool
}

// RealQuirks are those of the server in the project's recordings.
var RealQuirks = Quirks{
	Fractions: true, Prefix: "SOAP", TextXML: true, ReadAsUpdate: true, NotDraft: true,
	IgnoreBadSyncState: true, ReceivedIsCreated: true, FaultStatusOK: true, DateWithTime: true, BadBase64: true, MailMIME: true, StrayReply: true, OddElements: true,
}

// A Server is a running server.
type Server struct {
	o     Options
	boxes *mailbox.Server
	own   bool
	http  *http.Server
	l     net.Listener
	auth  *authority
	start time.Time

	mu       sync.Mutex
	counts   map[string]int
	faults   []*order
	running  map[string]int
	peak     map[string]int
	exceeded int
	subs     map[string]*subscription
	subCount int
	waits    []Wait
	barred   map[string]time.Time
	tooEarly int
	closed   bool
	handlers sync.WaitGroup
}

// New starts a server.
func New(o Options) (*Server, error) {
	if o.Convert == nil {
		return nil, errors.New("ewstest: there is no converter")
	}
	s := &Server{
		o: o, boxes: o.Mailboxes, counts: map[string]int{}, running: map[string]int{}, peak: map[string]int{},
		subs: map[string]*subscription{}, barred: map[string]time.Time{}, start: time.Now(),
	}
	if s.boxes == nil {
		s.boxes, s.own = mailbox.New(mailbox.Options{}), true
	}
	if s.o.Version == "" {
		s.o.Version = "Exchange2016"
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
	s.http = &http.Server{
		Handler: s, ReadHeaderTimeout: time.Minute,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, &connection{})
		},
	}
	l := s.l
	if o.TLS {
		if s.auth, err = newAuthority(); err != nil {
			return nil, errors.Join(err, s.l.Close())
		}
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{s.auth.cert}})
	}
	go func() { _ = s.http.Serve(l) }() // it ends with Close
	return s, nil
}

// Close stops the server, also requests that run, and returns when they have
// ended.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	err := s.http.Close()
	s.handlers.Wait()
	if s.own {
		err = errors.Join(err, s.boxes.Close())
	}
	return err
}

// Mailboxes are what the server shows.
func (s *Server) Mailboxes() *mailbox.Server { return s.boxes }

// Host is host:port.
func (s *Server) Host() string { return s.l.Addr().String() }

func (s *Server) base() string {
	if s.o.TLS {
		return "https://" + s.Host()
	}
	return "http://" + s.Host()
}

// URL is the address of the service.
func (s *Server) URL() string { return s.base() + "/EWS/Exchange.asmx" }

// AutodiscoverURL is the address of POX autodiscover.
func (s *Server) AutodiscoverURL() string { return s.base() + "/autodiscover/autodiscover.xml" }

// CA is the authority of the server's certificate, nil without TLS.
func (s *Server) CA() *x509.CertPool {
	if s.auth == nil {
		return nil
	}
	p := x509.NewCertPool()
	p.AppendCertsFromPEM(s.auth.pem)
	return p
}

// WriteCA writes the authority's certificate to a file.
func (s *Server) WriteCA(path string) error {
	if s.auth == nil {
		return errors.New("ewstest: the server has no TLS")
	}
	return os.WriteFile(path, s.auth.pem, 0o600)
}

// Requests tells how many requests of an operation came ("" is all).
func (s *Server) Requests(op string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if op != "" {
		return s.counts[op]
	}
	n := 0
	for _, c := range s.counts {
		n += c
	}
	return n
}

// Counts tells how many requests of each operation came.
func (s *Server) Counts() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]int{}
	for k, v := range s.counts {
		out[k] = v
	}
	return out
}

// Peak is the largest number of requests for a mailbox that ran at once.
func (s *Server) Peak(address string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.peak[strings.ToLower(address)]
}

// Exceeded tells how often [Options.Connections] was exceeded.
func (s *Server) Exceeded() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.exceeded
}

// versions in their order. RequestServerVersion, [MS-OXWSCDATA] 2.2.3.8
var versions = []string{
	"Exchange2007", "Exchange2007_SP1", "Exchange2009", "Exchange2010", "Exchange2010_SP1", "Exchange2010_SP2",
	"Exchange2012", "Exchange2013", "Exchange2013_SP1", "V2015_10_05", "V2016_01_06", "V2016_04_13", "V2016_07_13",
	"V2016_10_10", "V2017_01_07", "V2017_04_14", "V2017_07_11", "V2017_10_09", "V2018_01_08",
	"Exchange2015", "Exchange2016",
}

func (s *Server) speaks(v string) bool {
	i, top := slices.Index(versions, v), slices.Index(versions, s.o.Version)
	return v == "" || i >= 0 && i <= top
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		panic(http.ErrAbortHandler)
	}
	s.handlers.Add(1)
	s.mu.Unlock()
	defer s.handlers.Done()
	// Paths are lower-cased by some clients.
	switch strings.ToLower(r.URL.Path) {
	case "/ews/exchange.asmx":
		s.serveEWS(w, r)
	case "/ews/services.wsdl":
		w.Header().Set("Content-Type", "text/xml; charset=utf-8")
		_, _ = w.Write([]byte(xml.Header + `<definitions xmlns="http://schemas.xmlsoap.org/wsdl/"/>`))
	case "/autodiscover/autodiscover.xml":
		s.serveDiscoverPOX(w, r)
	case "/autodiscover/autodiscover.svc":
		s.serveDiscoverSOAP(w, r)
	default:
		if strings.HasPrefix(strings.ToLower(r.URL.Path), "/autodiscover/autodiscover.json") {
			s.serveDiscoverJSON(w, r)
			return
		}
		http.NotFound(w, r)
	}
}
