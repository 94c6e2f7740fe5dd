package ews

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/ews/soap"
	"github.com/mailconv/mailconv/transport/web"
)

// versions of the schema that are asked for, the best first. What a later one
// adds is not needed here.
var versions = []string{"Exchange2013_SP1", "Exchange2010_SP2", "Exchange2010_SP1", "Exchange2010", "Exchange2007_SP1"}

const (
	nsSOAP     = "http://schemas.xmlsoap.org/soap/envelope/"
	nsTypes    = "http://schemas.microsoft.com/exchange/services/2006/types"
	nsMessages = "http://schemas.microsoft.com/exchange/services/2006/messages"
)

// A service is one login at one server. It may be used by several goroutines at
// once; at most as many requests run as the address allows.
type service struct {
	web         *web.Client
	impersonate string // SMTP address, "" for the login's own mailbox
	anchor      string // SMTP address of the mailbox that is worked on
	slots       chan struct{}

	mu      sync.Mutex
	version int               // index of versions
	lacks   map[string]bool   // operations that the server does not know
	cookies map[string]string // that lead to the same server behind a balancer
}

// affinity are the cookies by which a balancer finds the server that knows a
// subscription.
var affinity = map[string]bool{"X-BackEndOverrideCookie": true, "exchangecookie": true}

func newService(w *web.Client, connections int) *service {
	return &service{web: w, slots: make(chan struct{}, connections), lacks: map[string]bool{}, cookies: map[string]string{}}
}

// A request is one operation.
type request struct {
	op     string // for errors: "list", "fetch", ...
	name   string // of the operation: GetFolder, ...
	attrs  []string
	folder string // for errors
	body   func(w *soap.Writer)
}

// A message is one response message: the outcome for one thing that was asked
// for.
type message struct {
	class  string // Success, Warning, Error
	code   string
	text   string
	values map[string]string // of MessageXml
	err    error             // what the code means, nil for success
}

// A reply takes a response apart. Both functions may be nil.
type reply struct {
	// element is called for each child of response message i that is no part
	// of [message]; the scanner stands at it.
	element func(i int, s *soap.Scanner) error
	// done is called at the end of response message i. Without it the first
	// error of a message is that of the request.
	done func(i int, m *message) error
}

// errLeft ends work whose reader has left.
var errLeft = errors.New("the reader has left")

// do sends a request and reads its reply. The version is negotiated down where
// the server does not know it.
func (v *service) do(ctx context.Context, r request, p reply) error {
	for {
		v.mu.Lock()
		version := v.version
		v.mu.Unlock()
		err := v.once(ctx, r, p, versions[version])
		if !hasCode(err, "ErrorInvalidServerVersion") {
			return err
		}
		if version+1 == len(versions) {
			var e *transport.Error
			if errors.As(err, &e) {
				e.Kind = transport.Unavailable
			}
			return err
		}
		v.mu.Lock()
		v.version = max(v.version, version+1)
		v.mu.Unlock()
	}
}

func (v *service) once(ctx context.Context, r request, p reply, version string) error {
	select {
	case v.slots <- struct{}{}:
		defer func() { <-v.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	resp, err := v.post(ctx, r, version)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body := io.Reader(resp.Body)
	if n := resp.ContentLength; n > 0 {
		// QUIRK: after a fault some servers send a second reply that nobody
		// asked for. The last byte, which ends </Envelope>, is not read then,
		// so that the connection is not used again.
		body = io.LimitReader(body, n-1)
	}
	err = v.read(r, soap.NewScanner(body), p)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if !isFault(err) {
		io.CopyN(io.Discard, resp.Body, 64<<10) //nolint:errcheck // the reply is read; this frees the connection
	}
	return err
}

// post sends the envelope.
func (v *service) post(ctx context.Context, r request, version string) (*http.Response, error) {
	w := &soap.Writer{}
	v.envelope(w, r, version)
	body := &watched{Writer: w}
	req, err := web.NewRequest(ctx, http.MethodPost, v.web.Endpoint(), body)
	if err != nil {
		return nil, fail(transport.Usage, r, err)
	}
	req.Header.Set("Content-Type", "text/xml; charset=utf-8")
	req.Header.Set("Accept", "text/xml")
	if v.anchor != "" {
		// The front end finds the server of the mailbox by it.
		req.Header.Set("X-AnchorMailbox", v.anchor)
	}
	req.Header.Set("X-PreferServerAffinity", "true")
	v.mu.Lock()
	for name, value := range v.cookies {
		req.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	v.mu.Unlock()
	resp, err := v.web.Do(r.op, req)
	if err != nil {
		if b := body.failure(); b != nil && ctx.Err() == nil {
			return nil, b
		}
		return nil, v.refused(r, err)
	}
	for _, c := range resp.Cookies() {
		if affinity[c.Name] && len(c.Value) < 4096 {
			v.mu.Lock()
			v.cookies[c.Name] = c.Value
			v.mu.Unlock()
		}
	}
	if resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusInternalServerError {
		return resp, nil
	}
	e := web.ReadStatus(resp)
	kind := transport.Unavailable
	remedy := "check the address of the service, or name it with endpoint="
	switch resp.StatusCode {
	case http.StatusRequestEntityTooLarge:
		kind, remedy = transport.TooLarge, ""
	case http.StatusForbidden:
		kind, remedy = transport.Auth, "the account may not use this service"
	}
	return nil, &transport.Error{Kind: kind, Op: r.op, Folder: r.folder, Err: e, Remedy: remedy}
}

// refused looks into a refusal for what the server says in SOAP.
func (v *service) refused(r request, err error) error {
	var te *transport.Error
	var se *web.StatusError
	if !errors.As(err, &te) || !errors.As(err, &se) {
		return err
	}
	te.Folder = r.folder
	if te.Kind == transport.Throttled && te.After == 0 {
		m := message{values: map[string]string{}}
		for s := soap.NewScanner(strings.NewReader(string(se.Body))); s.Find("Value"); {
			m.value(s)
		}
		te.After = m.backOff()
	}
	return err
}

func (v *service) envelope(w *soap.Writer, r request, version string) {
	w.Raw(`<?xml version="1.0" encoding="utf-8"?>`)
	w.Start("s:Envelope", "xmlns:s", nsSOAP, "xmlns:t", nsTypes, "xmlns:m", nsMessages)
	w.Start("s:Header").Empty("t:RequestServerVersion", "Version", version)
	if v.impersonate != "" {
		w.Start("t:ExchangeImpersonation").Start("t:ConnectingSID").Element("t:PrimarySmtpAddress", v.impersonate).End().End()
	}
	w.End()
	w.Start("s:Body").Start("m:"+r.name, r.attrs...)
	r.body(w)
	w.End().End().End()
}

// watched is a request that remembers when what is sent could not be read:
// http.Client would only say that the connection broke.
type watched struct {
	*soap.Writer
	mu  sync.Mutex
	err *soap.BlobError
}

func (b *watched) failure() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		return nil
	}
	return b.err
}

// Open implements [mapi.Blob].
func (b *watched) Open(ctx context.Context) (io.ReadCloser, error) {
	r, err := b.Writer.Open(ctx)
	return &watchedReader{r, b}, err
}

type watchedReader struct {
	io.ReadCloser
	b *watched
}

func (r *watchedReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	var be *soap.BlobError
	if errors.As(err, &be) {
		r.b.mu.Lock()
		r.b.err = be
		r.b.mu.Unlock()
	}
	return n, err
}

// readNext reads one of several envelopes behind each other.
func (v *service) readNext(r request, s *soap.Scanner, p reply) error {
	err := v.read(r, s, p)
	for err == nil && s.Depth() > 0 && s.Child(s.Depth()) {
	}
	return err
}

// read takes an envelope apart.
func (v *service) read(r request, s *soap.Scanner, p reply) error {
	var first error
	answered := 0
	done := p.done
	if done == nil {
		done = func(_ int, m *message) error {
			if first == nil {
				first = m.err
			}
			return nil
		}
	}
	broken := func() error {
		err := s.Err()
		if err == nil {
			err = errors.New("the reply is no SOAP envelope")
		}
		return &transport.Error{Kind: transport.Temporary, Unsettled: true, Op: r.op, Folder: r.folder, Err: fmt.Errorf("reply to %s: %w", r.name, err)}
	}
	if !s.Find("Body") {
		return broken()
	}
	for body := s.Depth(); s.Child(body); {
		if s.Name() == "Fault" {
			m := readFault(s)
			if s.Err() != nil {
				return broken()
			}
			m.err = m.fault(r)
			v.note(r, m.err)
			return m.err
		}
		for response := s.Depth(); s.Child(response); {
			// QUIRK: [MS-OXWSCORE] says ResponseMessages, SendItem of one
			// server answers with Responses.
			for list := s.Depth(); s.Child(list); {
				m := message{class: s.Attr("ResponseClass"), values: map[string]string{}}
				if m.class == "" {
					continue
				}
				if err := readMessage(s, answered, &m, p.element); err != nil {
					return err
				}
				if s.Err() != nil {
					return broken()
				}
				m.err = m.error(r)
				err := done(answered, &m)
				answered++
				if err != nil {
					return err
				}
			}
		}
	}
	if s.Err() != nil || answered == 0 {
		return broken()
	}
	return first
}

func readMessage(s *soap.Scanner, i int, m *message, element func(int, *soap.Scanner) error) error {
	for depth := s.Depth(); s.Child(depth); {
		switch s.Name() {
		case "ResponseCode":
			m.code = s.Text()
		case "MessageText":
			m.text = s.Text()
		case "DescriptiveLinkKey":
		case "MessageXml":
			for depth := s.Depth(); s.Child(depth); {
				m.value(s)
			}
		default:
			if element != nil {
				if err := element(i, s); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// value reads one <t:Value Name="...">.
func (m *message) value(s *soap.Scanner) {
	if name := s.Attr("Name"); s.Name() == "Value" && name != "" && len(m.values) < 100 {
		m.values[name] = s.Text()
	}
}

func (m *message) backOff() time.Duration {
	ms, err := strconv.ParseInt(strings.TrimSpace(m.values["BackOffMilliseconds"]), 10, 64)
	if err != nil || ms <= 0 {
		// A server that names 0 is asked again after the wait that the policy
		// of retries has for servers that name none; it grows. T69
		return 0
	}
	return time.Duration(min(ms, 24*3600*1000)) * time.Millisecond
}

// readFault reads a SOAP fault. Exchange names its code in the detail; others
// in the fault code, or in words.
func readFault(s *soap.Scanner) message {
	m := message{class: "Error", values: map[string]string{}}
	for depth := s.Depth(); s.Child(depth); {
		switch s.Name() {
		case "faultcode":
			code := s.Text()
			if i := strings.LastIndexByte(code, ':'); i >= 0 {
				code = code[i+1:]
			}
			if m.code == "" {
				m.code = strings.TrimSpace(code)
			}
		case "faultstring":
			m.text = s.Text()
		case "detail":
			for depth := s.Depth(); s.Child(depth); {
				switch s.Name() {
				case "ResponseCode":
					m.code = s.Text()
				case "MessageXml":
					for depth := s.Depth(); s.Child(depth); {
						m.value(s)
					}
				}
			}
		}
	}
	return m
}

// note remembers operations that the server does not know.
func (v *service) note(r request, err error) {
	if unknownOperation(err) && (r.name == opUpload || r.name == opExport) {
		v.lack(r.name)
	}
}

func (v *service) lack(name string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.lacks[name] = true
}

// has reports whether the server may know an operation.
func (v *service) has(name string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return !v.lacks[name]
}

var _ mapi.Blob = (*watched)(nil)
