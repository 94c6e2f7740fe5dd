package pst

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/mailconv/mailconv/mapi/pst"
	"github.com/mailconv/mailconv/mapi/pst/ndb"
	"github.com/mailconv/mailconv/msg/cfb"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/localfile"
)

// Driver describes the store for a registry.
func Driver() transport.Driver {
	return transport.Driver{
		Schemes: []string{"pst", "ost"},
		Summary: "an Outlook archive, .pst or .ost (read only)",
		Params: []transport.Param{
			{Name: "associated", Help: "1: also associated items (settings, views, rules)"},
			{Name: "deleted", Help: "1: also deleted items whose row is still in their folder"},
			{Name: "recoverable", Help: "1: also the dumpster of an Exchange mailbox (Recoverable Items)"},
			{Name: "recover", Help: "1: also items that no folder lists, and deleted ones in free space, in a folder of their own"},
			{Name: "codepage", Help: "the code page of 8-bit strings where an item names none; without it 1252"},
		},
		Sniff: Sniff,
		Source: func(_ context.Context, a transport.Address, env *transport.Env) (transport.Source, error) {
			o, err := options(a)
			if err != nil {
				return nil, err
			}
			if env != nil {
				o.Log = env.Log
			}
			return Open(a.Path, o)
		},
	}
}

func options(a transport.Address) (*Options, error) {
	o := &Options{}
	bad := func(name string) error {
		return &transport.Error{Kind: transport.Usage, Op: "open", Err: fmt.Errorf("%s=%s is not known to pst", name, a.Params.Get(name))}
	}
	for name, to := range map[string]*bool{
		"associated": &o.Associated, "deleted": &o.Deleted, "recoverable": &o.Recoverable, "recover": &o.Recover,
	} {
		switch a.Params.Get(name) {
		case "", "0", "no":
		case "1", "yes":
			*to = true
		default:
			return nil, bad(name)
		}
	}
	if v := a.Params.Get("codepage"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n <= 0 || n > 65535 {
			return nil, bad("codepage")
		}
		o.CodePage = n
	}
	return o, nil
}

var magic = []byte("!BDN") // dwMagic. [MS-PST] 2.2.2.6

// Sniff reports whether a path is such a file, by its first bytes.
func Sniff(path string) bool {
	st, err := os.Stat(path)
	if err != nil || !st.Mode().IsRegular() {
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	b := make([]byte, len(magic))
	_, err = io.ReadFull(f, b)
	return err == nil && bytes.Equal(b, magic)
}

// Options of [Open]. A nil pointer is the zero value.
type Options struct {
	// Associated, Deleted and Recoverable hand over what is listed as skipped
	// without them.
	Associated, Deleted, Recoverable bool
	// Recover adds [RecoveredFolder].
	Recover bool
	// Brief lists only what the table of a folder holds, which is up to the
	// program that wrote it. Flags, keywords and identifiers may be missing.
	Brief bool
	// CodePage of 8-bit strings where an item names none; 0 is 1252.
	CodePage int
	// Log is told what kind of file it is, and at the end what damage was met.
	Log *slog.Logger
}

// A Store is one file. It is a [transport.Source].
type Store struct {
	file   *pst.File
	o      Options
	closed atomic.Bool

	treeOnce sync.Once
	tree     *tree

	formerOnce sync.Once
	former     map[transport.Key]ndb.Node
}

// Open opens a file for reading.
func Open(name string, o *Options) (*Store, error) {
	if st, err := os.Stat(name); err == nil && st.IsDir() {
		return nil, &transport.Error{Kind: transport.Unavailable, Op: "open", Err: fmt.Errorf("%s is a folder", name), Remedy: "name a .pst or .ost in it"}
	}
	s := newStore(o)
	f, err := pst.Open(name, s.readerOptions())
	if err != nil {
		var pe *os.PathError
		if errors.As(err, &pe) {
			return nil, &transport.Error{Kind: transport.Unavailable, Op: "open", Err: err}
		}
		return nil, &transport.Error{Op: "open " + name, Err: err}
	}
	s.begun(f)
	return s, nil
}

// New is [Open] for a file of size bytes that r reads. It stays open as long as
// the store and its content are used.
func New(r io.ReaderAt, size int64, o *Options) (*Store, error) {
	s := newStore(o)
	f, err := pst.NewReader(r, size, s.readerOptions())
	if err != nil {
		return nil, &transport.Error{Op: "open", Err: err}
	}
	s.begun(f)
	return s, nil
}

func newStore(o *Options) *Store {
	s := &Store{}
	if o != nil {
		s.o = *o
	}
	return s
}

func (s *Store) readerOptions() *pst.Options {
	return &pst.Options{CodePage: s.o.CodePage, Storage: cfb.ReadStorage}
}

func (s *Store) begun(f *pst.File) {
	s.file = f
	i := f.Info()
	s.log(slog.LevelInfo, "an Outlook archive", "kind", i.Kind.String(), "version", i.Version, "crypt", i.Crypt.String(), "name", i.Name)
	if i.Password {
		s.log(slog.LevelInfo, pst.PasswordNote)
	}
}

func (s *Store) log(level slog.Level, text string, args ...any) {
	if s.o.Log != nil {
		s.o.Log.Log(context.Background(), level, text, args...)
	}
}

// File is the file itself, for who wants to look at single nodes.
func (s *Store) File() *pst.File { return s.file }

// Close implements [transport.Source]. Content that was fetched cannot be read
// any more.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	for _, p := range s.file.Problems() {
		s.log(slog.LevelWarn, p.String())
	}
	return s.file.Close()
}

func (s *Store) begin(ctx context.Context, op string) error {
	if s.closed.Load() {
		return localfile.Closed(op)
	}
	return ctx.Err()
}
