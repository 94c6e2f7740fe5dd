package graph

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/clock"
	"github.com/mailconv/mailconv/transport/spool"
)

// What a store promises.
var (
	_ transport.Source        = (*Store)(nil)
	_ transport.BatchSink     = (*Store)(nil)
	_ transport.Tracker       = (*Store)(nil)
	_ transport.FlagSetter    = (*Store)(nil)
	_ transport.Mover         = (*Store)(nil)
	_ transport.Deleter       = (*Store)(nil)
	_ transport.FolderDeleter = (*Store)(nil)
	_ transport.Searcher      = (*Store)(nil)
	_ transport.Watcher       = (*Store)(nil)
)

// spoolBudget is how much of bodies on their way is held in memory.
const spoolBudget = 4 << 20

// A Store is one mailbox. Its methods may be called by several goroutines at
// once.
type Store struct {
	o      Options
	base   *url.URL // with the version
	limits *Limits
	clock  clock.Clock
	spool  *spool.Spool
	only   []string // as a source: this folder and what is below it
	root   []string // as a sink: what all folders are below

	sessionMu sync.Mutex
	proofMu   sync.Mutex

	mu      sync.Mutex
	box     mailboxID // of the import and export API
	roles   map[string]transport.Role
	tree    *tree         // folders by path, for the sink
	session importSession // guarded by sessionMu
	proofs  map[string]*proof
	pace    pace
	boxes   map[string]string // ids of folders in other parts of the service
	marks   map[string]string
	sameIDs bool // the import API answers with immutable ids
}

// Open makes a store. Nothing is asked of the service yet.
func Open(_ context.Context, o Options) (*Store, error) {
	if o.Client == nil || o.Mailbox == "" {
		return nil, &transport.Error{Kind: transport.Usage, Op: "open", Err: errors.New("no service or no mailbox is named")}
	}
	if o.Env == nil {
		o.Env = &transport.Env{}
	}
	if o.Route == "" {
		o.Route = RouteAuto
	}
	if o.NoImport && o.Route == RouteAuto {
		o.Route = RouteJSON
	}
	if o.Poll <= 0 {
		o.Poll = defaultPoll
	}
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	base, err := url.Parse(o.Client.Endpoint())
	if err != nil {
		return nil, usage("endpoint: %w", err)
	}
	if base.Path = strings.TrimSuffix(base.Path, "/"); base.Path == "" {
		base.Path = "/v1.0"
	}
	s := &Store{
		o: o, base: base, limits: o.Limits, clock: o.Clock,
		spool: spool.New(spoolBudget, o.Env.TempDir), proofs: map[string]*proof{}, marks: map[string]string{}, boxes: map[string]string{},
	}
	if s.limits == nil {
		s.limits = shared(base.Host+"/"+strings.ToLower(o.Mailbox), o.Clock)
	}
	return s, nil
}

// Settle implements [transport.Settler]: the service carries out a request that it
// has whole, though nobody waits for the answer any more.
func (s *Store) Settle() time.Duration { return s.o.Client.Settle() }

// Close implements [transport.Source] and [transport.Sink]. Bodies that are
// still open cannot be read any further.
func (s *Store) Close() error {
	return errors.Join(s.spool.Close(), s.o.Client.Close())
}

func (s *Store) warn(msg string, args ...any) {
	if s.o.Env.Log != nil {
		s.o.Env.Log.Warn(msg, args...)
	}
}

// Rewrites implements [transport.Rewriter]: Exchange keeps objects.
func (s *Store) Rewrites() bool { return true }
