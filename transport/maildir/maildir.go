package maildir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/localfile"
	"github.com/mailconv/mailconv/transport/pathname"
)

// Driver describes the store for a registry.
func Driver() transport.Driver {
	return transport.Driver{
		Schemes: []string{"maildir"},
		Summary: "a Maildir, with Maildir++ or nested folders",
		Params: []transport.Param{
			{Name: "layout", Help: "how new folders are nested: ++ (.Sub.Folder) or fs (folders within folders); without it, as it is done there, else ++"},
			{Name: "separator", Help: "what stands before the flags of a new name: a colon, or ! or ; where the file system takes no colon"},
			{Name: "date", Help: "where the received date comes from: mtime (the file's time) or name (the number it begins with)"},
			{Name: "sync", Help: "no: do not wait until each mail is safe on disk; faster, and a power cut may lose mail"},
		},
		Sniff: Sniff,
		Source: func(_ context.Context, a transport.Address, _ *transport.Env) (transport.Source, error) {
			o, err := options(a)
			if err != nil {
				return nil, err
			}
			if !isDir(a.Path) {
				return nil, &transport.Error{Kind: transport.Unavailable, Op: "open", Err: fmt.Errorf("%s is not a folder", a.Path)}
			}
			return Open(a.Path, o)
		},
		Sink: func(_ context.Context, a transport.Address, _ *transport.Env) (transport.Sink, error) {
			o, err := options(a)
			if err != nil {
				return nil, err
			}
			o.New = true
			return Open(a.Path, o)
		},
	}
}

func options(a transport.Address) (*Options, error) {
	o := &Options{}
	bad := func(name string) error {
		return &transport.Error{Kind: transport.Usage, Op: "open", Err: fmt.Errorf("%s=%s is not known to maildir", name, a.Params.Get(name))}
	}
	// A plus sign of a query is a blank.
	switch v := strings.ReplaceAll(a.Params.Get("layout"), " ", "+"); v {
	case "", string(PlusPlus), string(Nested):
		o.Layout = Layout(v)
	default:
		return nil, bad("layout")
	}
	switch v := a.Params.Get("separator"); v {
	case "":
	case ":", "!", ";":
		o.Separator = v[0]
	default:
		return nil, bad("separator")
	}
	switch a.Params.Get("date") {
	case "", "mtime":
	case "name":
		o.DateFromName = true
	default:
		return nil, bad("date")
	}
	switch a.Params.Get("sync") {
	case "", "yes":
	case "no":
		o.NoSync = true
	default:
		return nil, bad("sync")
	}
	return o, nil
}

// Sniff reports whether a path is a maildir: it has cur, or new and tmp, or
// folders that have. A folder that happens to be called new is not enough.
func Sniff(path string) bool {
	sure := func(path string) bool {
		return isDir(filepath.Join(path, "cur")) || isDir(filepath.Join(path, "new")) && isDir(filepath.Join(path, "tmp"))
	}
	if sure(path) {
		return true
	}
	list, err := os.ReadDir(path)
	if err != nil {
		return false
	}
	for _, e := range list {
		if e.IsDir() && sure(filepath.Join(path, e.Name())) {
			return true
		}
	}
	return false
}

func isDir(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}

// isMaildir asks for cur or new, as some have only one of them.
// QUIRK: cur alone, corpus maildir/mu/cjk.
func isMaildir(path string) bool {
	return isDir(filepath.Join(path, "cur")) || isDir(filepath.Join(path, "new"))
}

// A Layout is a way to nest folders.
type Layout string

// Layouts.
const (
	PlusPlus Layout = "++"
	Nested   Layout = "fs"
)

// Options for [Open]. nil is the default.
type Options struct {
	// Layout of new folders; "" keeps to what is there, else [PlusPlus].
	Layout Layout
	// Separator before the flags of new names; 0 is ':', or '!' on Windows.
	Separator byte
	// DateFromName takes the received date from the name, as for files whose
	// times were lost in a copy.
	DateFromName bool
	// NoSync leaves out the waits for the disk.
	NoSync bool
	// New says that the store may not be there yet: it lists nothing then, and
	// the first folder makes it. A sink begins so.
	New bool
}

// A Store is a maildir. It is a [transport.Source] and a [transport.Sink].
type Store struct {
	o      Options
	root   string
	book   *pathname.Book
	host   string
	count  atomic.Int64
	closed atomic.Bool

	mu      sync.Mutex
	byPath  map[string]string // JoinPath to the folder's ID; nil until it is needed
	folders map[string]*folder
}

// folder is what is kept of one folder while the store is open.
type folder struct {
	dir string
	kw  *keywords

	mu       sync.Mutex
	order    int64           // the highest of our names
	suffixes map[string]bool // what stood behind unique parts, to find files without a listing
}

// Open opens a maildir, which need not exist yet.
func Open(root string, o *Options) (*Store, error) {
	s := &Store{root: root, folders: map[string]*folder{}, host: "mailconv"}
	if o != nil {
		s.o = *o
	}
	if s.o.Separator == 0 {
		s.o.Separator = ':'
		if runtime.GOOS == "windows" {
			s.o.Separator = '!'
		}
	}
	if h, err := os.Hostname(); err == nil {
		if h = strings.Map(hostByte, h); h != "" && len(h) < 64 {
			s.host = h
		}
	}
	var err error
	if s.book, err = pathname.OpenBook(root); err != nil {
		return nil, localfile.Error("open", transport.Folder{}, "", err)
	}
	return s, nil
}

func hostByte(r rune) rune {
	if r == '.' || r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
		return r
	}
	return -1
}

// Close implements [transport.Source] and [transport.Sink].
func (s *Store) Close() error {
	s.closed.Store(true)
	return nil
}

func (s *Store) begin(ctx context.Context, op string) error {
	if s.closed.Load() {
		return localfile.Closed(op)
	}
	return ctx.Err()
}

// folder finds the folder by its ID, else by its path.
func (s *Store) folder(op string, f transport.Folder) (*folder, error) {
	id := f.ID
	if id == "" || !filepath.IsLocal(filepath.FromSlash(id)) || !isMaildir(s.path(id)) {
		var err error
		if id, err = s.lookup(f.Path); err != nil {
			return nil, err
		}
		if id == "" || !isMaildir(s.path(id)) {
			return nil, localfile.NoFolder(op, f)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if fo := s.folders[id]; fo != nil {
		return fo, nil
	}
	kw, err := openKeywords(s.path(id))
	if err != nil {
		return nil, localfile.Error(op, f, "", err)
	}
	fo := &folder{dir: s.path(id), kw: kw, suffixes: map[string]bool{}}
	s.folders[id] = fo
	return fo, nil
}

func (s *Store) path(id string) string { return filepath.Join(s.root, filepath.FromSlash(id)) }

// maxSuffixes bounds what is remembered of the endings of names.
const maxSuffixes = 64

func (fo *folder) learn(suffix string) {
	fo.mu.Lock()
	defer fo.mu.Unlock()
	if len(fo.suffixes) < maxSuffixes {
		fo.suffixes[suffix] = true
	}
}

// find is the file of an item: by the endings seen so far, else by a listing.
func (fo *folder) find(unique string) (path string, err error) {
	fo.mu.Lock()
	var tries []string
	for suffix := range fo.suffixes {
		tries = append(tries, filepath.Join("cur", unique+suffix))
	}
	fo.mu.Unlock()
	for _, name := range append(tries, filepath.Join("new", unique)) {
		if _, err := os.Lstat(filepath.Join(fo.dir, name)); err == nil {
			return filepath.Join(fo.dir, name), nil
		}
	}
	err = fs.ErrNotExist
	for _, sub := range [...]string{"cur", "new"} {
		lerr := eachName(filepath.Join(fo.dir, sub), func(name string) bool {
			if u, _ := splitInfo(name); u == unique {
				path, err = filepath.Join(fo.dir, sub, name), nil
				fo.learn(strings.TrimPrefix(name, u))
				return false
			}
			return true
		})
		if lerr != nil && !errors.Is(lerr, fs.ErrNotExist) {
			return "", lerr
		}
		if err == nil {
			break
		}
	}
	return path, err
}

// eachName goes through a folder in pages, so that memory does not grow with
// it. Hidden files are no mails.
func eachName(dir string, do func(name string) bool) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	for {
		list, err := d.ReadDir(512)
		for _, e := range list {
			if strings.HasPrefix(e.Name(), ".") || e.IsDir() {
				continue
			}
			if !do(e.Name()) {
				return nil
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
