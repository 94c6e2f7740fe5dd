package graphtest

import (
	"slices"
	"strings"
	"time"
)

// DefaultApp and DefaultSecret are the client id of an application that each
// server knows, and its secret.
const (
	DefaultApp    = "5e0f7a51-0000-4000-8000-6d61696c636f"
	DefaultSecret = "rehearsal"
)

// Delegated are the permissions that a person's token has unless others are
// named; Roles are those of an application on its own.
var (
	Delegated = []string{
		"Mail.ReadWrite", "Mail.ReadWrite.Shared", "Mail.Send", "MailboxFolder.ReadWrite", "MailboxItem.ImportExport", "MailboxSettings.ReadWrite",
		"Calendars.ReadWrite", "Calendars.ReadWrite.Shared", "Contacts.ReadWrite", "Contacts.ReadWrite.Shared", "Tasks.ReadWrite", "Tasks.ReadWrite.Shared", "User.Read",
	}
	Roles = []string{
		"Mail.ReadWrite", "Mail.Send", "MailboxFolder.ReadWrite.All", "MailboxItem.ImportExport.All", "MailboxSettings.ReadWrite",
		"Calendars.ReadWrite", "Contacts.ReadWrite", "Tasks.ReadWrite.All", "User.Read.All",
	}
)

// An App is an application that is registered with the tenant.
type App struct {
	ID, Secret string
	// Roles are the permissions that an administrator has granted it for use
	// on its own; nil is Roles.
	Roles []string
	// Scopes are what people have consented to; nil is Delegated.
	Scopes []string
	// SecretExpired and NoConsent are as in Quirks, for this application.
	SecretExpired, NoConsent bool
}

// AddApp registers an application, or replaces one.
func (s *Server) AddApp(a App) {
	if a.Roles == nil {
		a.Roles = Roles
	}
	if a.Scopes == nil {
		a.Scopes = Delegated
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.apps[a.ID] = &a
}

// A grant is what a token stands for.
type grant struct {
	app string
	// user is an address, "" for an application on its own.
	user    string
	scopes  []string
	expires time.Time
	// challenge is that of an authorization code. RFC 7636
	challenge, redirect string
}

// Token gives an access token of a person; without scopes it has Delegated. It
// panics when there is no such mailbox.
func (s *Server) Token(user string, scopes ...string) string {
	if len(scopes) == 0 {
		scopes = Delegated
	}
	return s.issue(&grant{app: DefaultApp, user: s.Mailbox(user).Address(), scopes: scopes})
}

// AppToken gives an access token of an application on its own; without roles it
// has Roles.
func (s *Server) AppToken(roles ...string) string {
	if len(roles) == 0 {
		roles = Roles
	}
	return s.issue(&grant{app: DefaultApp, scopes: roles})
}

func (s *Server) issue(g *grant) string {
	t := secret()
	s.setToken(t, g)
	return t
}

// SetToken makes a token of a fixed text, for walk-throughs.
func (s *Server) SetToken(token, user string) {
	s.setToken(token, &grant{app: DefaultApp, user: s.Mailbox(user).Address(), scopes: Delegated, expires: s.now().Add(365 * 24 * time.Hour)})
}

func (s *Server) setToken(t string, g *grant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g.expires.IsZero() {
		g.expires = s.now().Add(s.o.TokenLife)
	}
	s.tokens[t] = g
}

// Revoke makes a token void.
func (s *Server) Revoke(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tokens, token)
}

// authenticate finds what the Authorization header stands for.
func (s *Server) authenticate(header string) (*grant, error) {
	t, ok := strings.CutPrefix(header, "Bearer ")
	if !ok || t == "" {
		return nil, fail(401, "InvalidAuthenticationToken", "Access token is empty.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.tokens[t]
	switch {
	case g == nil:
		return nil, fail(401, "InvalidAuthenticationToken", "IDX14100: JWT is not well formed, there are no dots (.).")
	case !s.now().Before(g.expires):
		return nil, fail(401, "InvalidAuthenticationToken", "Lifetime validation failed, the token is expired.")
	}
	return g, nil
}

// permits reports whether a grant has a permission, or one that holds it. For
// the mailbox of another a person needs the .Shared one; the import and export
// API has none.
func (g *grant) permits(need string, other bool) bool {
	if need == "" {
		return true
	}
	var wanted []string
	add := func(p string) {
		switch {
		case g.user == "":
			wanted = append(wanted, p, p+".All")
		case !other:
			wanted = append(wanted, p, p+".Shared")
		case !strings.HasPrefix(p, "Mailbox"):
			wanted = append(wanted, p+".Shared")
		}
	}
	add(need)
	if p, ok := strings.CutSuffix(need, ".Read"); ok {
		add(p + ".ReadWrite")
	}
	if need == "MailboxItem.Export" || need == "MailboxItem.Read" {
		add("MailboxItem.ImportExport")
	}
	if need == "MailboxItem.Read" {
		add("MailboxItem.Export")
	}
	if need == "User.Read" {
		// Whoever may read mail has a profile to read too, in effect.
		return true
	}
	return slices.ContainsFunc(g.scopes, func(s string) bool { return slices.Contains(wanted, s) })
}
