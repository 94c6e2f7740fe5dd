package mailbox

import (
	"context"
	"crypto/subtle"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/spool"
)

// Options say how a server behaves. The zero value will do.
type Options struct {
	// Budget is how many bytes of large values are held in memory before they
	// go to files; 0 is 8 MiB. TempDir is where the files go.
	Budget  int64
	TempDir string
	// Now is the server's clock; nil is time.Now.
	Now func() time.Time
	// NoDelivery leaves what is sent in the outbox alone. Otherwise it also
	// arrives in the inboxes of this server, as it would.
	NoDelivery bool
}

// An Account is the owner of a mailbox.
type Account struct {
	// Address is the primary SMTP address; it names the mailbox.
	Address string
	Aliases []string
	Name    string // display name
	// Login is the account name; "" is the local part of Address. Domain is
	// that of Windows; "" is any.
	Login, Domain string
	Password      string
	// Tokens are bearer tokens that stand for this account.
	Tokens []string
	// Archive gives the mailbox an archive.
	Archive bool
	// FolderNames replaces the English names of folders, as in a store that
	// was made in another language.
	FolderNames map[WellKnown]string
}

// Sent is one message that would have left the server.
type Sent struct {
	Time time.Time
	// Mailbox is the sender's address.
	Mailbox string
	// Via names the operation that asked for it.
	Via string
	// Recipients are SMTP addresses, as far as they are known.
	Recipients []string
	Message    *mapi.Message
}

// A Server is a set of mailboxes. All methods of it and of its mailboxes may be
// called by several goroutines at once.
type Server struct {
	o     Options
	spool *spool.Spool

	mu        sync.Mutex
	mailboxes []*Mailbox
	sent      []Sent
	actors    map[string][]string // who may act as whom
	failed    map[string]int      // failed logins
	next      uint64              // the next identifier
}

// New makes a server without mailboxes.
func New(o Options) *Server {
	if o.Budget == 0 {
		o.Budget = 8 << 20
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Server{o: o, spool: spool.New(o.Budget, o.TempDir), actors: map[string][]string{}, failed: map[string]int{}, next: 0x100}
}

// Close drops everything.
func (s *Server) Close() error { return s.spool.Close() }

// Spool is where the server's large values live. Values that are made there
// need not be copied when they become part of an item.
func (s *Server) Spool() *spool.Spool { return s.spool }

// Now is the server's time, in UTC.
func (s *Server) Now() time.Time { return s.o.Now().UTC() }

// id gives an identifier that was never used before.
func (s *Server) id() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	return s.next
}

// Add makes a mailbox with its standard folders.
func (s *Server) Add(a Account) *Mailbox {
	if a.Login == "" {
		a.Login, _, _ = strings.Cut(a.Address, "@")
	}
	if a.Name == "" {
		a.Name = a.Login
	}
	m := newMailbox(s, a)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mailboxes = append(s.mailboxes, m)
	return m
}

// Mailboxes lists the mailboxes in the order in which they were added.
func (s *Server) Mailboxes() []*Mailbox {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mailboxes)
}

// Mailbox finds a mailbox by an address of its owner.
func (s *Server) Mailbox(address string) (*Mailbox, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.mailboxes {
		if m.account.has(address) {
			return m, true
		}
	}
	return nil, false
}

func (a Account) has(address string) bool {
	return strings.EqualFold(a.Address, address) || slices.ContainsFunc(a.Aliases, func(s string) bool { return strings.EqualFold(s, address) })
}

// Lookup finds the account that a login name means: an address, an account
// name, or DOMAIN\account. It does not look at passwords; a caller that does so
// itself (NTLM) reports a refusal with [Server.Refused].
func (s *Server) Lookup(login string) (*Mailbox, bool) {
	domain, name, cut := strings.Cut(login, `\`)
	if !cut {
		domain, name = "", login
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.mailboxes {
		a := m.account
		if domain != "" && a.Domain != "" && !strings.EqualFold(domain, a.Domain) {
			continue
		}
		if a.has(name) || strings.EqualFold(a.Login, name) {
			return m, true
		}
	}
	return nil, false
}

// Login checks a name and a password.
func (s *Server) Login(login, password string) (*Mailbox, bool) {
	m, ok := s.Lookup(login)
	if ok && subtle.ConstantTimeCompare([]byte(m.account.Password), []byte(password)) == 1 {
		return m, true
	}
	s.Refused(login)
	return nil, false
}

// LoginToken checks a bearer token.
func (s *Server) LoginToken(token string) (*Mailbox, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.mailboxes {
		if token != "" && slices.Contains(m.account.Tokens, token) {
			return m, true
		}
	}
	s.failed["token"]++
	return nil, false
}

// Refused records that a login failed.
func (s *Server) Refused(login string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed[strings.ToLower(login)]++
}

// FailedLogins tells how often a login was refused, tokens under "token".
func (s *Server) FailedLogins(login string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed[strings.ToLower(login)]
}

// Everybody stands for all mailboxes of a server.
const Everybody = "*"

// AllowImpersonation lets one account act as another, or as [Everybody].
func (s *Server) AllowImpersonation(actor, target string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := strings.ToLower(actor)
	s.actors[k] = append(s.actors[k], strings.ToLower(target))
}

// MayImpersonate reports whether one account may act as another.
func (s *Server) MayImpersonate(actor, target *Mailbox) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.actors[strings.ToLower(actor.account.Address)]
	return actor == target || slices.Contains(list, Everybody) || slices.Contains(list, strings.ToLower(target.account.Address))
}

// Submit records a message as sent and, unless the options say otherwise,
// delivers it to the mailboxes of this server. via names the operation.
func (s *Server) Submit(ctx context.Context, from *Mailbox, m *mapi.Message, via string) error {
	to := recipients(m)
	s.mu.Lock()
	s.sent = append(s.sent, Sent{Time: s.Now(), Mailbox: from.account.Address, Via: via, Recipients: to, Message: m})
	s.mu.Unlock()
	if s.o.NoDelivery {
		return nil
	}
	for _, a := range to {
		box, ok := s.Mailbox(a)
		if !ok {
			continue
		}
		n := clone(m)
		now := s.Now()
		n.Props.Set(mapi.PidTagMessageDeliveryTime, mapi.TimeValue(now))
		if _, ok := n.Props.Get(mapi.PidTagClientSubmitTime); !ok {
			n.Props.Set(mapi.PidTagClientSubmitTime, mapi.TimeValue(now))
		}
		if n.Props.Text(mapi.PidTagSenderSmtpAddress) == "" {
			n.Props.Set(mapi.PidTagSenderName, mapi.StringValue(from.account.Name))
			n.Props.Set(mapi.PidTagSenderSmtpAddress, mapi.StringValue(from.account.Address))
			n.Props.Set(mapi.PidTagSenderEmailAddress, mapi.StringValue(from.account.Address))
			n.Props.Set(mapi.PidTagSenderAddressType, mapi.StringValue("SMTP"))
		}
		n.Props.Set(mapi.PidTagMessageFlags, mapi.Int32Value(0))
		inbox, _ := box.WellKnown(Inbox)
		if _, err := box.create(ctx, inbox.ID, n, CreateOptions{Owned: true}, EventNewMail); err != nil {
			return err
		}
	}
	return nil
}

// recipients are the SMTP addresses in a recipient table.
func recipients(m *mapi.Message) (list []string) {
	for _, r := range m.Recipients {
		a := r.Props.Text(mapi.PidTagSmtpAddress)
		if a == "" {
			a = r.Props.Text(mapi.PidTagEmailAddress)
		}
		if a != "" {
			list = append(list, a)
		}
	}
	return list
}

// Outbox lists all that would have been sent, in order.
func (s *Server) Outbox() []Sent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.sent)
}

// hold copies the large values of a message into the server's spool.
func (s *Server) hold(ctx context.Context, m *mapi.Message) (*mapi.Message, error) {
	// The buffers are closed with the spool.
	c, err := s.spool.Copy(ctx, &transport.Content{Form: transport.FormObject, Object: m})
	if err != nil {
		return nil, fmt.Errorf("mailbox: %w", err)
	}
	return c.Object, nil
}

// clone copies a message so that its lists can be changed. Values are shared.
func clone(m *mapi.Message) *mapi.Message {
	out := &mapi.Message{Props: m.Props.Clone(), Encoded: m.Encoded}
	for _, r := range m.Recipients {
		out.Recipients = append(out.Recipients, &mapi.Recipient{Props: r.Props.Clone()})
	}
	for _, a := range m.Attachments {
		n := *a
		n.Props = a.Props.Clone()
		out.Attachments = append(out.Attachments, &n)
	}
	return out
}
