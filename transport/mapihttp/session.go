package mapihttp

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/codepage"
	"github.com/mailconv/mailconv/mapi/rop"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/web"
)

const (
	// codePage is that of 8-bit strings; those of Exchange are Unicode anyway.
	codePage = 1252
	// locale is English (United States); it sorts tables.
	locale = 0x0409
)

// A client is one program at one endpoint: what all its sessions share.
type client struct {
	web  *web.Client
	info string // X-ClientInfo
	id   string // the GUID of X-RequestId
	// compress compresses operations, and lets the server do so.
	compress bool

	mu sync.Mutex
	n  int
}

func newClient(w *web.Client) *client {
	return &client{web: w, info: newGUID(), id: newGUID()}
}

func newGUID() string {
	var g mapi.GUID
	rand.Read(g[:]) //nolint:errcheck // it never fails
	return "{" + strings.ToUpper(g.String()) + "}"
}

// cookies are those of one session. The server changes one of them with each
// reply. [MS-OXCMAPIHTTP] 3.2.5.1
type cookies struct{ list []*http.Cookie }

func (c *cookies) set(resp *http.Response) {
	for _, n := range resp.Cookies() {
		found := false
		for i, old := range c.list {
			if old.Name == n.Name {
				c.list[i], found = n, true
			}
		}
		if !found && len(c.list) < 50 {
			c.list = append(c.list, n)
		}
	}
}

func (c *cookies) add(req *http.Request) {
	for _, k := range c.list {
		req.AddCookie(&http.Cookie{Name: k.Name, Value: k.Value})
	}
}

// post sends one request and gives the body of its answer.
// [MS-OXCMAPIHTTP] 2.2.2
func (k *client) post(ctx context.Context, op, url, requestType string, jar *cookies, body []byte) ([]byte, error) {
	req, err := web.NewRequest(ctx, http.MethodPost, url, mapi.Bytes(body))
	if err != nil {
		return nil, &transport.Error{Kind: transport.Usage, Op: op, Err: err}
	}
	k.mu.Lock()
	k.n++
	id := fmt.Sprintf("%s:%d", k.id, k.n)
	k.mu.Unlock()
	h := req.Header
	h.Set("Content-Type", "application/mapi-http")
	h.Set("Accept", "application/mapi-http")
	h.Set("X-RequestType", requestType)
	h.Set("X-ClientInfo", k.info)
	h.Set("X-RequestId", id)
	h.Set("X-ClientApplication", "mailconv/15.0.4551.1")
	jar.add(req)
	resp, err := k.web.Do(op, req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, refused(op, resp)
	}
	header, data, err := readReply(resp)
	jar.set(resp)
	if header != nil {
		jar.set(&http.Response{Header: header})
	}
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		e := &transport.Error{Op: op, Err: err}
		var c ResponseCode
		switch {
		case errors.As(err, &c):
			e.Kind = c.kind()
		case errors.Is(err, errCut):
			e.Kind, e.Unsettled = transport.Temporary, true
		default:
			e.Kind, e.Remedy = transport.Unavailable, "check the address of the service, or name it with endpoint="
		}
		return nil, e
	}
	return data, nil
}

// refused makes an error of a status that MAPI over HTTP has no use for.
func refused(op string, resp *http.Response) error {
	e := &transport.Error{Kind: transport.Unavailable, Op: op, Err: web.ReadStatus(resp)}
	switch resp.StatusCode {
	case http.StatusForbidden:
		e.Kind, e.Remedy = transport.Auth, "the account may not use this service"
	case http.StatusRequestEntityTooLarge:
		e.Kind = transport.TooLarge
	case http.StatusInternalServerError:
		e.Kind = transport.Temporary
	default:
		e.Remedy = "check the address of the service, or name it with endpoint="
	}
	return e
}

// A session is one Session Context: one user who is logged on to one mailbox.
// One goroutine uses it at a time.
type session struct {
	k    *client
	url  string
	jar  cookies
	cols rop.Columns

	logon   uint32 // handle of the mailbox
	mailbox rop.LogonResult
	folders map[rop.ObjectID]uint32 // handles of open folders
	release []uint32                // handles to give back with the next request
	dead    bool
	used    time.Time // when it was given back
	ids     localIDs
	// notices are the notifications that came with answers.
	notices []*rop.Notify
	keep    bool // collect notices
	maxPoll time.Duration
}

// connect begins a session and logs on. essdn is the mailbox, user who asks.
func (k *client) connect(ctx context.Context, url, user, essdn string) (*session, error) {
	s := &session{k: k, url: url, folders: map[rop.ObjectID]uint32{}}
	s.cols.Charset, _ = codepage.Get(codePage)
	body, err := rop.MarshalBody(&rop.ConnectRequest{UserDN: user, DefaultCodePage: codePage, LcidSort: locale, LcidString: locale})
	if err != nil {
		return nil, err
	}
	data, err := k.post(ctx, "login", url, "Connect", &s.jar, body)
	if err != nil {
		return nil, err
	}
	var answer rop.ConnectResponse
	if err := rop.ParseBody(data, &answer); err != nil {
		return nil, &transport.Error{Kind: transport.Temporary, Op: "login", Err: err}
	}
	if err := s.status("Connect", answer.Status); err != nil {
		var c rop.Code
		e := &transport.Error{Kind: transport.Unavailable, Op: "login", Err: err}
		if errors.As(err, &c) {
			if k, ok := kinds[c]; ok {
				e.Kind = k
			}
			e.Remedy = "check the name of the mailbox"
		}
		return nil, e
	}
	s.maxPoll = time.Duration(answer.PollsMax) * time.Millisecond
	b := s.batch("login")
	out := b.out(0, &rop.Logon{
		LogonFlags: rop.LogonPrivate,
		OpenFlags:  rop.OpenUsePerMDBReplidMap | rop.OpenTakeOwnership | rop.OpenHomeLogon,
		ESSDN:      essdn,
	})
	if err := b.do(ctx); err != nil {
		return nil, err
	}
	result, ok := b.result(out).(*rop.LogonResult)
	if !ok {
		err := b.err(out)
		if to, ok := b.result(out).(*rop.LogonRedirect); ok {
			err = fmt.Errorf("%w: the mailbox is on %s", err, to.ServerName)
		}
		s.close(context.WithoutCancel(ctx))
		return nil, fail("login", transport.Folder{}, "", err)
	}
	s.mailbox, s.logon = *result, b.handle(out)
	return s, nil
}

// status is what an answer says of the request as a whole.
func (s *session) status(what string, st rop.Status) error {
	if st.StatusCode != 0 {
		return fmt.Errorf("%s was not carried out: StatusCode %d", what, st.StatusCode)
	}
	if st.ErrorCode != rop.Success {
		return fmt.Errorf("%s: %w", what, st.ErrorCode)
	}
	return nil
}

// close ends the session. A server that does not hear of it forgets it by
// itself, so errors do not matter.
func (s *session) close(ctx context.Context) {
	if s.dead {
		return
	}
	s.dead = true
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	body, _ := rop.MarshalBody(&rop.DisconnectRequest{})
	s.k.post(ctx, "logout", s.url, "Disconnect", &s.jar, body) //nolint:errcheck // see above
}

// pingAfter is the time without requests after which a session is asked whether
// it is still there. Servers keep one for 15 minutes or less.
var pingAfter = time.Minute

// ping keeps the session alive. [MS-OXCMAPIHTTP] 2.2.6.1
func (s *session) ping(ctx context.Context) error {
	_, err := s.k.post(ctx, "ping", s.url, "PING", &s.jar, nil)
	if err != nil {
		s.dead = true
	}
	return err
}

// wait returns when the server has notifications, or after some time without.
// [MS-OXCMAPIHTTP] 2.2.4.4
func (s *session) wait(ctx context.Context) (bool, error) {
	body, err := rop.MarshalBody(&rop.NotificationWaitRequest{})
	if err != nil {
		return false, err
	}
	data, err := s.k.post(ctx, "watch", s.url, "NotificationWait", &s.jar, body)
	if err != nil {
		s.dead = true
		return false, err
	}
	var answer rop.NotificationWaitResponse
	if err := rop.ParseBody(data, &answer); err != nil {
		return false, &transport.Error{Kind: transport.Temporary, Op: "watch", Err: err}
	}
	return answer.EventPending&rop.EventPending != 0, s.status("NotificationWait", answer.Status)
}
