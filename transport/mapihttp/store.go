package mapihttp

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"sync"
	"time"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/autodiscover"
	"github.com/mailconv/mailconv/transport/clock"
	"github.com/mailconv/mailconv/transport/exchange"
	"github.com/mailconv/mailconv/transport/spool"
	"github.com/mailconv/mailconv/transport/web"
)

const (
	// Each session costs the server a context; three keep two cores busy.
	defaultConnections = 3
	defaultPoll        = time.Minute
	spoolBudget        = 4 << 20
)

// Driver opens mapihttp: addresses.
func Driver() transport.Driver {
	return transport.Driver{
		Schemes: []string{"mapihttp"},
		Summary: "Exchange server, by MAPI over HTTP: mapihttp://user@host[/folder]",
		Params: append(append(web.Params(), autodiscover.Param()),
			transport.Param{Name: "mailbox", Help: "ADDRESS of a shared mailbox on which the account has rights"},
			transport.Param{Name: "dn", Help: "legacyExchangeDN of the account, where neither Autodiscover nor the address book tells it"},
			transport.Param{Name: "associated", Help: "1: list folder associated items too"},
			transport.Param{Name: "deleted", Help: "1: list soft-deleted items too"},
			transport.Param{Name: "import", Help: "ics: import items as changes, which keeps modification times and change keys"},
			transport.Param{Name: "receipts", Help: "keep: leave requests for read receipts in what is written"},
			transport.Param{Name: "compress", Help: "1: compress what is sent and ask the server to do so too, for slow lines"},
			transport.Param{Name: "connections", Help: "most sessions at once (default 3)"},
			transport.Param{Name: "poll", Help: "watch: how often folders are looked at where notifications are not possible, as in 30s (default 1m)"},
		),
		Source: func(ctx context.Context, a transport.Address, env *transport.Env) (transport.Source, error) {
			st, err := OpenAddress(ctx, a, env)
			if err != nil {
				return nil, err
			}
			st.folders.Only = transport.ParsePath(a.Path)
			return st, nil
		},
		Sink: func(ctx context.Context, a transport.Address, env *transport.Env) (transport.Sink, error) {
			st, err := OpenAddress(ctx, a, env)
			if err != nil {
				return nil, err
			}
			st.folders.Root = transport.ParsePath(a.Path)
			return st, nil
		},
	}
}

// Options are what an address says beside the server and the login.
type Options struct {
	// Mailbox is the SMTP address of another mailbox.
	Mailbox string
	// UserDN and MailboxDN are legacyExchangeDNs, of the login and of the
	// mailbox; where they are "" the address book is asked.
	UserDN, MailboxDN string
	// AddressBook is the URL of the address book; "" is that of the endpoint
	// with nspi in the place of emsmdb.
	AddressBook string
	Associated  bool
	Deleted     bool
	// ImportICS puts items by RopSynchronizationImportMessageChange, which
	// keeps the time of modification, the change key and the predecessors.
	ImportICS bool
	// Compress compresses operations and lets the server do so.
	Compress bool
	// KeepReceipts leaves requests for read receipts in what is written.
	KeepReceipts bool
	// Connections is the most sessions at once; 0 is 3.
	Connections int
	// Poll is how often folders are looked at where notifications are not
	// possible; 0 is one minute.
	Poll time.Duration
	// TempDir is for bodies; "" is the system's.
	TempDir string
	// Clock is nil for the system's.
	Clock clock.Clock
}

// A Store is one mailbox. Its methods may be called by several goroutines at
// once.
type Store struct {
	o       Options
	user    string
	k       *client
	spool   *spool.Spool
	folders *exchange.Hierarchy

	slots chan struct{} // one for each session that is in use

	mu     sync.Mutex
	idle   []*session
	closed bool
	book   *Directory // for ResolveEX, nil until it is asked
	names  nameMap
	marks  map[string]string // folder to the newest state that Mark gave
}

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

// parse reads the parameters of an address.
func parse(a transport.Address, env *transport.Env) (Options, error) {
	p := exchange.Read(a)
	o := Options{
		Mailbox: p.Mailbox("mailbox"), UserDN: p.Text("dn"), Associated: p.Switch("associated"), Deleted: p.Switch("deleted"),
		ImportICS: p.Word("import", "ics") == "ics", Compress: p.Switch("compress"), KeepReceipts: p.Word("receipts", "keep", "clear") == "keep",
		Connections: p.Count("connections"), Poll: p.Duration("poll"), TempDir: env.TempDir,
	}
	return o, p.Err()
}

// OpenAddress opens the mailbox of an address. The first session tells at once
// whether server, login and mailbox are right.
func OpenAddress(ctx context.Context, a transport.Address, env *transport.Env) (*Store, error) {
	if env == nil {
		env = &transport.Env{}
	}
	o, err := parse(a, env)
	if err != nil {
		return nil, err
	}
	endpoint := ""
	if a.Host != "" {
		endpoint = "https://" + a.Host + "/mapi/emsmdb/?MailboxId=" + url.QueryEscape(cmp.Or(o.Mailbox, autodiscover.Email(a)))
	}
	w, err := web.Open(ctx, a, env, web.Options{Endpoint: endpoint})
	if err != nil {
		return nil, err
	}
	named := a.Params.Get("endpoint") != ""
	if a.Params.Get("autodiscover") != "" {
		w.SetEndpoint("") //nolint:errcheck // it cannot fail
	}
	st := Open(w, autodiscover.Email(a), o)
	err = errors.New("the address names no server")
	if w.Endpoint() != "" {
		err = st.probe(ctx)
	}
	// What is not there is looked up, unless the address says where it is.
	if err != nil && !named && (w.Endpoint() == "" || transport.KindOf(err) == transport.Unavailable) && ctx.Err() == nil {
		err = st.discover(ctx, a, env, err)
	}
	if err != nil {
		st.Close()
		return nil, err
	}
	return st, nil
}

// discover finds the endpoint and the names of login and mailbox. was is why it
// is asked.
func (st *Store) discover(ctx context.Context, a transport.Address, env *transport.Env, was error) error {
	found, err := autodiscover.Discover(ctx, a, env, st.o.Mailbox, autodiscover.MAPIHTTP)
	if err != nil {
		if st.k.web.Endpoint() == "" || transport.KindOf(err) == transport.Auth {
			return err
		}
		return was
	}
	if err := st.k.web.SetEndpoint(found.MailStore); err != nil {
		return err
	}
	st.o.AddressBook, st.o.MailboxDN = found.AddressBook, found.LegacyDN
	if st.o.Mailbox == "" && st.o.UserDN == "" {
		st.o.UserDN = found.LegacyDN
	}
	return st.probe(ctx)
}

// Open makes a store of a client whose endpoint is known. user is the mail
// address of the login. Nothing is sent yet.
func Open(w *web.Client, user string, o Options) *Store {
	if o.Connections <= 0 {
		o.Connections = defaultConnections
	}
	if o.Poll <= 0 {
		o.Poll = defaultPoll
	}
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	k := newClient(w)
	k.compress = o.Compress
	st := &Store{
		o: o, user: user, k: k, spool: spool.New(spoolBudget, o.TempDir), slots: make(chan struct{}, o.Connections),
		names: newNameMap(), marks: map[string]string{},
	}
	st.folders = exchange.New(exchange.Server{Load: st.loadTree, Create: st.createFolder, Name: folderName})
	return st
}

func (st *Store) probe(ctx context.Context) error {
	return st.run(ctx, "login", func(*session) error { return nil })
}

// Settle implements [transport.Settler]: the service carries out a request that it
// has whole, though nobody waits for the answer any more.
func (st *Store) Settle() time.Duration { return st.k.web.Settle() }

// Close implements [transport.Source] and [transport.Sink]. Bodies that are
// still open cannot be read any further.
func (st *Store) Close() error {
	st.mu.Lock()
	idle, book := st.idle, st.book
	st.idle, st.book, st.closed = nil, nil, true
	st.mu.Unlock()
	if book != nil {
		book.Close() //nolint:errcheck // the server forgets it by itself
	}
	for _, s := range idle {
		s.close(context.Background())
	}
	return errors.Join(st.k.web.Close(), st.spool.Close())
}

// distinguished names are found once.
func (st *Store) distinguishedNames(ctx context.Context) (user, mailbox string, err error) {
	st.mu.Lock()
	user, mailbox = st.o.UserDN, st.o.MailboxDN
	st.mu.Unlock()
	if user != "" && (mailbox != "" || st.o.Mailbox == "") {
		return user, cmp.Or(mailbox, user), nil
	}
	d := st.Directory()
	defer d.Close()
	if user == "" {
		if user, err = d.distinguishedName(ctx, st.user); err != nil {
			return "", "", err
		}
	}
	if mailbox == "" {
		mailbox = user
		if st.o.Mailbox != "" {
			if mailbox, err = d.distinguishedName(ctx, st.o.Mailbox); err != nil {
				return "", "", err
			}
		}
	}
	st.mu.Lock()
	st.o.UserDN, st.o.MailboxDN = user, mailbox
	st.mu.Unlock()
	return user, mailbox, nil
}

var errClosed = &transport.Error{Kind: transport.Usage, Op: "open", Err: errors.New("the store is closed")}

// take gives a session that nobody else uses.
func (st *Store) take(ctx context.Context) (*session, error) {
	select {
	case st.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	st.mu.Lock()
	var s *session
	if n := len(st.idle); n > 0 {
		s, st.idle = st.idle[n-1], st.idle[:n-1]
	}
	closed := st.closed
	st.mu.Unlock()
	if closed {
		<-st.slots
		return nil, errClosed
	}
	if s != nil && time.Since(s.used) > pingAfter && s.ping(ctx) != nil {
		s = nil // the server has forgotten it
	}
	if s != nil {
		return s, nil
	}
	s, err := st.connect(ctx)
	if err != nil {
		<-st.slots
	}
	return s, err
}

func (st *Store) connect(ctx context.Context) (*session, error) {
	user, mailbox, err := st.distinguishedNames(ctx)
	if err != nil {
		return nil, err
	}
	return st.k.connect(ctx, st.k.web.Endpoint(), user, mailbox)
}

// give takes a session back.
func (st *Store) give(s *session) {
	s.used = time.Now()
	st.mu.Lock()
	closed := st.closed
	if !s.dead && !closed {
		st.idle = append(st.idle, s)
	}
	st.mu.Unlock()
	if closed {
		s.close(context.Background())
	}
	<-st.slots
}

// run does work in a session. Where the server has forgotten the session, a new
// one is begun, once, and the work is done anew: such a server did nothing of
// what was asked last, and work that is spread over requests leaves nothing
// behind that is not saved.
func (st *Store) run(ctx context.Context, op string, work func(*session) error) error {
	for try := 0; ; try++ {
		s, err := st.take(ctx)
		if err != nil {
			return err
		}
		err = work(s)
		if ctx.Err() != nil && err != nil {
			s.dead = true
		}
		st.give(s)
		if try == 0 && contextLost(err) {
			st.drop()
			continue
		}
		return fail(op, transport.Folder{}, "", err)
	}
}

// drop forgets the sessions that nobody uses: where one was lost, the others
// mostly are too.
func (st *Store) drop() {
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, s := range st.idle {
		s.dead = true
	}
	st.idle = nil
}
