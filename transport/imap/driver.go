package imap

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/dial"
	"github.com/mailconv/mailconv/transport/sasl"
	"github.com/mailconv/mailconv/transport/spool"
)

const (
	defaultConnections = 4
	defaultPoll        = time.Minute
	defaultSettle      = 10 * time.Second
	// spoolBudget holds bodies that came before their UID, which is rare.
	spoolBudget = 2 << 20
)

// Driver opens imap: and imaps: addresses.
func Driver() transport.Driver {
	return transport.Driver{
		Schemes: []string{"imap", "imaps"},
		Summary: "IMAP server: imap://user@host[:port]/[folder] (STARTTLS), imaps:// (TLS)",
		Params: append(dial.Params(), sasl.Param(),
			transport.Param{Name: "authzid", Help: "user to act as, when the login is a master user's"},
			transport.Param{Name: "namespace", Help: "personal (default), other, shared or all: whose folders are listed"},
			transport.Param{Name: "labels", Help: "Gmail: folders (default; each mail once, in the inbox or under its first label, other labels as keywords), keywords (all in All Mail) or copies (one for each label)"},
			transport.Param{Name: "connections", Help: "most connections at once (default 4)"},
			transport.Param{Name: "settle", Help: "how long the server may go on with an APPEND after the connection broke (default 10s)"},
			transport.Param{Name: "poll", Help: "watch: how often folders without IDLE are looked at, as in 30s (default 1m)"},
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
	Dial  *dial.Options
	Login sasl.Credentials
	// Auth is the wish for a login mechanism, see [sasl.Choose].
	Auth string
	// Namespace is personal, other, shared or all; "" is personal.
	Namespace string
	// Labels is folders, keywords or copies, for Gmail; "" is folders.
	Labels string
	// Connections is the most connections at once; 0 is 4.
	Connections int
	// Poll is how often folders are looked at where IDLE is not possible; 0 is
	// one minute.
	Poll time.Duration
	// Settle is how long the server may go on with an APPEND after the
	// connection broke; 0 is ten seconds.
	Settle time.Duration
	// TempDir is for bodies that have to wait for their UID.
	TempDir string
	// Token gives a fresh access token for each login; nil takes
	// Login.Secret.
	Token func(ctx context.Context) (string, error)
}

// A Store is one account. Its methods may be called by several goroutines at
// once; each takes a connection from a pool for its time.
type Store struct {
	o     Options
	spool *spool.Spool
	pool  *pool
	only  []string // as a source: this folder and what is below it
	root  []string // as a sink: what all folders are below

	mu       sync.Mutex
	spaces   *namespaces
	known    map[string]mailbox // by raw name
	byPath   map[string]string  // path to raw name
	wanted   map[string]bool    // raw names of Select, nil before
	flagSets map[string]flagSet // by raw name
	appendMx int64              // APPENDLIMIT, -1 none
}

func open(ctx context.Context, a transport.Address, env *transport.Env) (*Store, error) {
	if env == nil {
		env = &transport.Env{}
	}
	mode := dial.StartTLS
	if a.Scheme == "imaps" {
		mode = dial.Implicit
	}
	d, err := dial.Parse(a, env, mode, dial.Ports{Plain: "143", Implicit: "993"})
	if err != nil {
		return nil, err
	}
	o := Options{
		Dial: d, Auth: a.Params.Get("auth"), TempDir: env.TempDir,
		Namespace: a.Params.Get("namespace"), Labels: a.Params.Get("labels"),
		Login: sasl.Credentials{User: a.User, As: a.Params.Get("authzid"), Secret: a.Password, Host: d.Host, Port: d.Port},
	}
	if err := choice("namespace", o.Namespace, "personal", "other", "shared", "all"); err != nil {
		return nil, err
	}
	if err := choice("labels", o.Labels, labelsFolders, labelsKeywords, labelsCopies); err != nil {
		return nil, err
	}
	if !sasl.Known(o.Auth) {
		return nil, usage("auth=%s is not known", o.Auth)
	}
	if s := a.Params.Get("connections"); s != "" {
		if o.Connections, err = strconv.Atoi(s); err != nil || o.Connections < 1 {
			return nil, usage("connections=%s is not a number above 0", s)
		}
	}
	for name, d := range map[string]*time.Duration{"poll": &o.Poll, "settle": &o.Settle} {
		if s := a.Params.Get(name); s != "" {
			if *d, err = time.ParseDuration(s); err != nil || *d <= 0 {
				return nil, usage("%s=%s is not a duration like 30s", name, s)
			}
		}
	}
	if o.Login.User == "" {
		return nil, usage("the address names no user")
	}
	if o.Login.Secret == "" && env.Secret != nil {
		if sasl.WantsToken(o.Auth) {
			o.Token = func(ctx context.Context) (string, error) { return env.Secret(ctx, a) }
		} else if o.Login.Secret, err = env.Secret(ctx, a); err != nil {
			return nil, err
		}
	}
	return Open(ctx, o)
}

func choice(name, value string, of ...string) error {
	if value == "" || slices.Contains(of, value) {
		return nil
	}
	return usage("%s=%s is none of %s", name, value, strings.Join(of, ", "))
}

func usage(format string, args ...any) error {
	return &transport.Error{Kind: transport.Usage, Op: "address", Err: fmt.Errorf(format, args...)}
}

// Open connects and logs in. The connection is the first of the pool.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.Dial == nil {
		return nil, &transport.Error{Kind: transport.Usage, Op: "open", Err: errors.New("no server is named")}
	}
	if o.Connections <= 0 {
		o.Connections = defaultConnections
	}
	if o.Poll <= 0 {
		o.Poll = defaultPoll
	}
	if o.Settle <= 0 {
		o.Settle = defaultSettle
	}
	s := &Store{o: o, spool: spool.New(spoolBudget, o.TempDir), appendMx: -1}
	s.pool = newPool(s, o.Connections)
	c, err := s.pool.get(ctx, "")
	if err != nil {
		s.Close()
		return nil, err
	}
	s.pool.put(c)
	return s, nil
}

// Settle implements [transport.Settler]: a server that has a whole APPEND in its
// hands carries it out, though nobody waits for the answer any more.
func (s *Store) Settle() time.Duration { return s.o.Settle }

// Close implements [transport.Source] and [transport.Sink]. Bodies that are
// still open cannot be read any further.
func (s *Store) Close() error {
	s.pool.close()
	return s.spool.Close()
}
