package graph

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/clock"
	"github.com/mailconv/mailconv/transport/web"
)

// A Route is a way into a mailbox.
type Route string

// Routes.
const (
	RouteAuto   Route = "auto"
	RouteImport Route = "import"
	RouteJSON   Route = "json"
	RouteMIME   Route = "mime"
)

// clouds are the separate worlds of Microsoft 365.
var clouds = map[string]string{
	"": "https://graph.microsoft.com", "global": "https://graph.microsoft.com",
	"usgov": "https://graph.microsoft.us", "dod": "https://dod-graph.microsoft.us",
	"china": "https://microsoftgraph.chinacloudapi.cn",
}

const defaultPoll = time.Minute

// Driver opens graph: addresses.
func Driver() transport.Driver {
	return transport.Driver{
		Schemes: []string{"graph"},
		Summary: "Microsoft 365: graph://user@tenant[/folder], through Microsoft Graph",
		Params: append(web.Params(),
			transport.Param{Name: "cloud", Help: "global (default), usgov, dod or china"},
			transport.Param{Name: "route", Help: "how items are written: auto (default), import, json, or mime (drafts)"},
			transport.Param{Name: "mailbox", Help: "address of the mailbox, when it is not the user's own (a shared one)"},
			transport.Param{Name: "archive", Help: "1: the in-place archive of the mailbox"},
			transport.Param{Name: "items", Help: "all (default) or mail: whether calendars, contacts, tasks and notes are read too"},
			transport.Param{Name: "receipts", Help: "keep: requests for read receipts stay in what is written"},
			transport.Param{Name: "poll", Help: "watch: how often folders are looked at, as in 30s (default 1m)"},
		),
		Source: func(ctx context.Context, a transport.Address, env *transport.Env) (transport.Source, error) {
			s, err := open(ctx, a, env)
			if err != nil {
				return nil, err
			}
			s.only = transport.ParsePath(a.Path)
			return s, nil
		},
		Sink: func(ctx context.Context, a transport.Address, env *transport.Env) (transport.Sink, error) {
			s, err := open(ctx, a, env)
			if err != nil {
				return nil, err
			}
			s.root = transport.ParsePath(a.Path)
			return s, nil
		},
	}
}

// Options are what an address says, for callers that have none.
type Options struct {
	// Client reaches the service; its endpoint is the URL without a version,
	// or with one.
	Client *web.Client
	// Mailbox is the address or id of the mailbox.
	Mailbox string
	// Archive is for the in-place archive of the mailbox.
	Archive bool
	Route   Route // "" is RouteAuto
	// NoImport says that the cloud has no import and export of items.
	NoImport bool
	// MailOnly leaves out what is no mail folder.
	MailOnly bool
	// KeepReceipts leaves requests for read receipts in place.
	KeepReceipts bool
	// Poll is how often Watch asks; 0 is one minute.
	Poll time.Duration
	// Limits is the budget of the mailbox; nil is the one that all stores of
	// this mailbox in this process share.
	Limits *Limits
	// Clock is nil for the system's.
	Clock clock.Clock
	// Env has the folder for temporary files, the log, and the converter that
	// makes mail of objects for RouteMIME.
	Env *transport.Env
}

func usage(format string, args ...any) error {
	return &transport.Error{Kind: transport.Usage, Op: "address", Err: fmt.Errorf(format, args...)}
}

func choice(name, value string, of ...string) error {
	if value == "" || slices.Contains(of, value) {
		return nil
	}
	return usage("%s=%s is none of %s", name, value, strings.Join(of, ", "))
}

// OpenAddress opens the mailbox of an address as [Driver] does, for what goes
// beyond sources and sinks.
func OpenAddress(ctx context.Context, a transport.Address, env *transport.Env) (*Store, error) {
	return open(ctx, a, env)
}

func open(ctx context.Context, a transport.Address, env *transport.Env) (*Store, error) {
	if env == nil {
		env = &transport.Env{}
	}
	p := a.Params
	err := errors.Join(
		choice("cloud", p.Get("cloud"), "global", "usgov", "dod", "china"),
		choice("route", p.Get("route"), "auto", "import", "json", "mime"),
		choice("archive", p.Get("archive"), "0", "1"),
		choice("items", p.Get("items"), "all", "mail"),
		choice("receipts", p.Get("receipts"), "keep", "clear"),
	)
	if err != nil {
		return nil, err
	}
	o := Options{
		Route: Route(p.Get("route")), Archive: p.Get("archive") == "1", MailOnly: p.Get("items") == "mail",
		KeepReceipts: p.Get("receipts") == "keep", Env: env,
	}
	o.NoImport = p.Get("cloud") != "" && p.Get("cloud") != "global"
	if o.NoImport && (o.Route == RouteImport || o.Archive) {
		return nil, usage("the cloud %s has no import and export of items", p.Get("cloud"))
	}
	if s := p.Get("poll"); s != "" {
		if o.Poll, err = time.ParseDuration(s); err != nil || o.Poll <= 0 {
			return nil, usage("poll=%s is not a duration like 30s", s)
		}
	}
	if o.Mailbox, err = mailboxOf(a); err != nil {
		return nil, err
	}
	o.Client, err = web.Open(ctx, a, env, web.Options{Endpoint: clouds[p.Get("cloud")], Auth: web.Bearer})
	if err != nil {
		return nil, err
	}
	return Open(ctx, o)
}

// mailboxOf is the mailbox of an address: that of mailbox=, or the user. A user
// without a domain is one of the tenant's.
func mailboxOf(a transport.Address) (string, error) {
	if s := a.Params.Get("mailbox"); s != "" {
		return s, nil
	}
	if a.User == "" {
		return "", usage("the address names no user: write graph://user@tenant")
	}
	if strings.Contains(a.User, "@") {
		return a.User, nil
	}
	host, _, _ := strings.Cut(a.Host, ":")
	return a.User + "@" + host, nil
}
