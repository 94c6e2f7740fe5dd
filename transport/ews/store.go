package ews

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/msg/cfb"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/autodiscover"
	"github.com/mailconv/mailconv/transport/clock"
	"github.com/mailconv/mailconv/transport/exchange"
	"github.com/mailconv/mailconv/transport/spool"
	"github.com/mailconv/mailconv/transport/web"
)

const (
	// Exchange allows 27 connections of one user; four keep two cores busy and
	// leave room for the user's own programs.
	defaultConnections = 4
	defaultPoll        = time.Minute
	spoolBudget        = 4 << 20
)

// Driver opens ews: addresses.
func Driver() transport.Driver {
	return transport.Driver{
		Schemes: []string{"ews"},
		Summary: "Exchange server, by Exchange Web Services: ews://user@host[/folder]",
		Params: append(append(web.Params(), autodiscover.Param()),
			transport.Param{Name: "mailbox", Help: "ADDRESS of a shared mailbox on which the account has rights"},
			transport.Param{Name: "impersonate", Help: "ADDRESS of the user to act as (role ApplicationImpersonation)"},
			transport.Param{Name: "archive", Help: "1: the archive mailbox"},
			transport.Param{Name: "recoverable", Help: "1: list recoverable (soft-deleted) items too"},
			transport.Param{Name: "objects", Help: "auto (default), always or never: whole objects by ExportItems and UploadItems instead of MIME"},
			transport.Param{Name: "receipts", Help: "keep: leave requests for read receipts in what is written"},
			transport.Param{Name: "connections", Help: "most requests at once (default 4)"},
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

// Objects says when items travel as whole objects.
type Objects string

// Values of [Objects].
const (
	ObjectsAuto   Objects = "auto"   // in the form that was asked for or given
	ObjectsAlways Objects = "always" // a source exports objects whatever was asked for
	ObjectsNever  Objects = "never"  // as if the server had neither ExportItems nor UploadItems
)

// Options are what an address says beside the server and the login.
type Options struct {
	// Mailbox is the SMTP address of another mailbox, by delegation.
	Mailbox string
	// Impersonate is the SMTP address of the user to act as.
	Impersonate string
	Archive     bool
	Recoverable bool
	Objects     Objects
	// KeepReceipts leaves requests for read receipts in what is written.
	KeepReceipts bool
	// Connections is the most requests at once; 0 is 4.
	Connections int
	// Poll is how often folders are looked at where notifications are not
	// possible; 0 is one minute.
	Poll time.Duration
	// TempDir is for bodies; "" is the system's.
	TempDir string
	// Convert makes MIME of objects where the server takes none. It may be
	// nil; such objects are refused then.
	Convert transport.Converter
	// Clock is nil for the system's.
	Clock clock.Clock
}

// A Store is one mailbox. Its methods may be called by several goroutines at
// once.
type Store struct {
	o       Options
	svc     *service
	spool   *spool.Spool
	folders *exchange.Hierarchy

	mu       sync.Mutex
	marks    map[string]string // folder to the newest state that Mark gave
	noStream bool              // the server has no streaming notifications
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
	_ transport.Rewriter      = (*Store)(nil)
	_ transport.Settler       = (*Store)(nil)
)

// parse reads the parameters of an address.
func parse(a transport.Address, env *transport.Env) (Options, error) {
	p := exchange.Read(a)
	o := Options{
		Mailbox: p.Mailbox("mailbox"), Impersonate: p.Mailbox("impersonate"), Archive: p.Switch("archive"), Recoverable: p.Switch("recoverable"),
		Objects:      Objects(p.Word("objects", string(ObjectsAuto), string(ObjectsAlways), string(ObjectsNever))),
		KeepReceipts: p.Word("receipts", "keep", "clear") == "keep", Connections: p.Count("connections"), Poll: p.Duration("poll"),
		TempDir: env.TempDir, Convert: env.Convert,
	}
	return o, p.Err()
}

// OpenAddress opens the mailbox of an address. The first request tells at once
// whether server, login and mailbox are right.
func OpenAddress(ctx context.Context, a transport.Address, env *transport.Env) (*Store, error) {
	if env == nil {
		env = &transport.Env{}
	}
	o, err := parse(a, env)
	if err != nil {
		return nil, err
	}
	w, err := connect(ctx, a, env)
	if err != nil {
		return nil, err
	}
	if a.Params.Get("autodiscover") != "" {
		w.SetEndpoint("") //nolint:errcheck // it cannot fail
	}
	st := Open(w, a.User, o)
	err = errors.New("the address names no server")
	if w.Endpoint() != "" {
		err = st.probe(ctx)
	}
	// What is not there is looked up, unless the address says where it is.
	named := a.Params.Get("endpoint") != ""
	if err != nil && !named && (w.Endpoint() == "" || transport.KindOf(err) == transport.Unavailable) && ctx.Err() == nil {
		var found *autodiscover.Settings
		var derr error
		if found, derr = autodiscover.Discover(ctx, a, env, cmp.Or(o.Mailbox, o.Impersonate), autodiscover.EWS); derr == nil {
			if err = w.SetEndpoint(found.EWS); err == nil {
				st.svc.anchor = cmp.Or(st.svc.anchor, found.Address)
				err = st.probe(ctx)
			}
		} else if w.Endpoint() == "" || transport.KindOf(derr) == transport.Auth {
			err = derr
		}
	}
	if err != nil {
		st.Close()
		return nil, err
	}
	return st, nil
}

// connect makes the client of an address.
func connect(ctx context.Context, a transport.Address, env *transport.Env) (*web.Client, error) {
	endpoint := ""
	if a.Host != "" {
		endpoint = "https://" + a.Host + "/EWS/Exchange.asmx"
	}
	return web.Open(ctx, a, env, web.Options{Endpoint: endpoint})
}

// Open makes a store of a client whose endpoint is known. user is the login,
// which names the mailbox where it is an address. Nothing is sent yet.
func Open(w *web.Client, user string, o Options) *Store {
	if o.Connections <= 0 {
		o.Connections = defaultConnections
	}
	if o.Poll <= 0 {
		o.Poll = defaultPoll
	}
	if o.Objects == "" {
		o.Objects = ObjectsAuto
	}
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	svc := newService(w, o.Connections)
	svc.impersonate = o.Impersonate
	for _, address := range []string{o.Mailbox, o.Impersonate, user} {
		if svc.anchor == "" && strings.Contains(address, "@") {
			svc.anchor = address
		}
	}
	if o.Objects == ObjectsNever {
		svc.lacks[opUpload], svc.lacks[opExport] = true, true
	}
	st := &Store{o: o, svc: svc, spool: spool.New(spoolBudget, o.TempDir), marks: map[string]string{}}
	st.folders = exchange.New(exchange.Server{Load: st.loadTree, Create: st.createFolder, Exists: folderExists, Name: folderName})
	return st
}

// probe asks for the root folder.
func (st *Store) probe(ctx context.Context) error {
	_, err := st.distinguished(ctx)
	return err
}

// Rewrites implements [transport.Rewriter].
func (st *Store) Rewrites() bool { return true }

// Settle implements [transport.Settler]: the service carries out a request that it
// has whole, though nobody waits for the answer any more.
func (st *Store) Settle() time.Duration { return st.svc.web.Settle() }

// Close implements [transport.Source] and [transport.Sink]. Bodies that are
// still open cannot be read any further.
func (st *Store) Close() error {
	return errors.Join(st.svc.web.Close(), st.spool.Close())
}

// OLE objects travel as compound files within streams.

func storageBlob(_ context.Context, s *mapi.Storage) (mapi.Blob, error) {
	return cfb.NewBlob(s, nil)
}
