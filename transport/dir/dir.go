package dir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/localfile"
	"github.com/mailconv/mailconv/transport/pathname"
)

// Driver describes the store for a registry.
func Driver() transport.Driver {
	open := func(a transport.Address, sink bool) (*Store, error) {
		o := &Options{Format: Format(a.Params.Get("format")), New: sink}
		bad := func(name string) (*Store, error) {
			return nil, &transport.Error{Kind: transport.Usage, Op: "open", Err: fmt.Errorf("%s=%s is not known to dir", name, a.Params.Get(name))}
		}
		switch o.Format {
		case "", EML, MSG, ICS, VCF:
		default:
			return bad("format")
		}
		switch a.Params.Get("sync") {
		case "", "yes":
		case "no":
			o.NoSync = true
		default:
			return bad("sync")
		}
		return Open(a.Path, o)
	}
	return transport.Driver{
		Schemes: []string{"dir"},
		Summary: "a folder of .eml, .msg, .ics or .vcf files, with folders in it",
		Params: []transport.Param{
			{Name: "format", Help: "what is written: eml (the default), msg, ics (appointments, meetings, tasks, journal entries, notes; no others) or vcf (contacts and lists; no others). Read are all"},
			{Name: "sync", Help: "no: do not wait until each file is safe on disk; faster, and a power cut may lose mail"},
		},
		Sniff: Sniff,
		Source: func(_ context.Context, a transport.Address, _ *transport.Env) (transport.Source, error) {
			if st, err := os.Stat(a.Path); err != nil || !st.IsDir() {
				return nil, &transport.Error{Kind: transport.Unavailable, Op: "open", Err: fmt.Errorf("%s is not a folder", a.Path)}
			}
			return open(a, false)
		},
		Sink: func(_ context.Context, a transport.Address, _ *transport.Env) (transport.Sink, error) {
			return open(a, true)
		},
	}
}

// Sniff reports whether a path is a folder with such a file in it, or
// in a folder below.
func Sniff(root string) bool { return sniff(root, 0) }

func sniff(root string, depth int) bool {
	list, err := os.ReadDir(root)
	if err != nil {
		return false
	}
	for _, e := range list {
		if e.Type().IsRegular() && formatOf(e.Name()) != "" || e.Name() == MetaName {
			return true
		}
	}
	for _, e := range list {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") && depth < 3 && sniff(filepath.Join(root, e.Name()), depth+1) {
			return true
		}
	}
	return false
}

// A Format is a kind of files.
type Format string

// Formats.
const (
	EML Format = "eml"
	MSG Format = "msg"
	ICS Format = "ics" // one item of a calendar
	VCF Format = "vcf" // one contact or list
)

// formatOf tells the format by the extension, "" for other files.
func formatOf(name string) Format {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".eml":
		return EML
	case ".msg", ".oft":
		return MSG
	case ".ics":
		return ICS
	case ".vcf":
		return VCF
	}
	return ""
}

// Options for [Open]. nil is the default.
type Options struct {
	// Format of what is written; "" is EML.
	Format Format
	// NoSync leaves out the waits for the disk.
	NoSync bool
	// New says that the store may not be there yet: it lists nothing then, and
	// the first folder makes it. A sink begins so.
	New bool
}

// A Store is a folder of files. It is a [transport.Source] and a
// [transport.Sink].
type Store struct {
	o      Options
	root   string
	book   *pathname.Book
	closed atomic.Bool

	mu      sync.Mutex
	byPath  map[string]string
	folders map[string]*folder
}

// folder is what is kept of one folder while the store is open.
type folder struct {
	dir string
	log *log

	mu       sync.Mutex
	swept    bool
	counts   map[string]int  // the last number of a name that many have
	reserved map[string]bool // names of files that are not there yet
}

// Open opens a folder, which need not exist yet.
func Open(root string, o *Options) (*Store, error) {
	s := &Store{root: root, folders: map[string]*folder{}}
	if o != nil {
		s.o = *o
	}
	if s.o.Format == "" {
		s.o.Format = EML
	}
	var err error
	if s.book, err = pathname.OpenBook(root); err != nil {
		return nil, localfile.Error("open", transport.Folder{}, "", err)
	}
	return s, nil
}

// Close implements [transport.Source] and [transport.Sink].
func (s *Store) Close() error {
	s.closed.Store(true)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, fo := range s.folders {
		fo.log.close()
	}
	clear(s.folders)
	return nil
}

func (s *Store) begin(ctx context.Context, op string) error {
	if s.closed.Load() {
		return localfile.Closed(op)
	}
	return ctx.Err()
}

func (s *Store) path(id string) string { return filepath.Join(s.root, filepath.FromSlash(id)) }

// folder finds the folder by its ID, else by its path.
func (s *Store) folder(ctx context.Context, op string, f transport.Folder) (*folder, error) {
	if err := s.begin(ctx, op); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	isDir := func(id string) bool {
		st, err := os.Stat(s.path(id))
		return err == nil && st.IsDir()
	}
	id := f.ID
	if id == "" || !filepath.IsLocal(filepath.FromSlash(id)) || !isDir(id) {
		if err := s.index(); err != nil {
			return nil, localfile.Error(op, f, "", err)
		}
		if id = s.byPath[f.String()]; id == "" || !isDir(id) {
			return nil, localfile.NoFolder(op, f)
		}
	}
	fo := s.folders[id]
	if fo == nil {
		fo = &folder{dir: s.path(id), log: newLog(s.path(id)), counts: map[string]int{}, reserved: map[string]bool{}}
		s.folders[id] = fo
	}
	return fo, nil
}

// maxDepth bounds folders within folders.
const maxDepth = 64

// Folders implements [transport.Source]. The root is a folder without a name; it
// is listed where it holds files.
func (s *Store) Folders(ctx context.Context) iter.Seq2[transport.Folder, error] {
	return func(yield func(transport.Folder, error) bool) {
		list, err := s.scan(ctx)
		for _, f := range list {
			if !yield(f, nil) {
				return
			}
		}
		if err != nil {
			yield(transport.Folder{}, err)
		}
	}
}

func (s *Store) scan(ctx context.Context) ([]transport.Folder, error) {
	if err := s.begin(ctx, "list"); err != nil {
		return nil, err
	}
	var list []transport.Folder
	var walk func(id string, p []string, depth int) error
	walk = func(id string, p []string, depth int) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		f := transport.Folder{Path: p, ID: id, Count: -1, Size: -1}
		var subs []string
		files := false
		err := eachEntry(s.path(id), func(e os.DirEntry) bool {
			switch name := e.Name(); {
			case strings.HasPrefix(name, "."):
			case e.IsDir():
				subs = append(subs, name)
			default:
				files = true
			}
			return true
		})
		if err != nil {
			if id == "." {
				if s.o.New && errors.Is(err, fs.ErrNotExist) {
					return nil
				}
				return localfile.Error("list", f, "", err)
			}
			f.Err = localfile.Error("list", f, "", err)
		}
		if id != "." || files {
			list = append(list, f)
		}
		slices.Sort(subs)
		for _, name := range subs {
			if depth >= maxDepth {
				break
			}
			below := append(slices.Clone(p), pathname.Unescape(s.book.Long(name), ""))
			if err := walk(path.Join(id, name), below, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	err := walk(".", nil, 0)
	return list, err
}

// eachEntry goes through a folder in pages.
func eachEntry(dir string, do func(os.DirEntry) bool) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	for {
		list, err := d.ReadDir(512)
		for _, e := range list {
			if !do(e) {
				return nil
			}
		}
		if err != nil {
			if err == io.EOF {
				return nil
			}
			return err
		}
	}
}

// index fills byPath. The lock is held.
func (s *Store) index() error {
	if s.byPath != nil {
		return nil
	}
	m := map[string]string{"": "."}
	if _, err := os.Stat(s.root); err == nil {
		list, err := s.scan(context.Background())
		if err != nil {
			return err
		}
		for _, f := range list {
			m[f.String()] = f.ID
		}
	}
	s.byPath = m
	return nil
}

// Ensure implements [transport.Sink].
func (s *Store) Ensure(ctx context.Context, f transport.Folder) (transport.Folder, error) {
	if err := s.begin(ctx, "create"); err != nil {
		return transport.Folder{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.index()
	if err == nil {
		err = os.MkdirAll(s.root, 0o777)
	}
	id := "."
	for i := 1; i <= len(f.Path) && err == nil; i++ {
		part := transport.JoinPath(f.Path[:i])
		if have := s.byPath[part]; have != "" {
			id = have
			continue
		}
		var name string
		if name, err = s.book.Shorten(pathname.Escape(f.Path[i-1], "")); err != nil {
			break
		}
		id = path.Join(id, name)
		if err = os.MkdirAll(s.path(id), 0o777); err == nil {
			s.byPath[part] = id
		}
	}
	if err != nil {
		return transport.Folder{}, localfile.Error("create", f, "", err)
	}
	return transport.Folder{Path: slices.Clone(f.Path), ID: id, Count: -1, Size: -1}, nil
}

// DeleteFolder implements [transport.FolderDeleter]. Of the root, only messages
// and what we put beside them go.
func (s *Store) DeleteFolder(ctx context.Context, f transport.Folder) error {
	if err := s.begin(ctx, "delete"); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.index(); err != nil {
		return localfile.Error("delete", f, "", err)
	}
	id, ok := s.byPath[f.String()]
	if !ok {
		return nil
	}
	for name, fo := range s.folders {
		if name == id || id == "." || strings.HasPrefix(name, id+"/") {
			fo.log.close()
			delete(s.folders, name)
		}
	}
	s.byPath = nil
	var err error
	if id != "." {
		err = os.RemoveAll(s.path(id))
	} else {
		err = eachEntry(s.root, func(e os.DirEntry) bool {
			if e.IsDir() || formatOf(e.Name()) != "" || strings.HasPrefix(e.Name(), ".mailconv-") {
				os.RemoveAll(filepath.Join(s.root, e.Name()))
			}
			return true
		})
	}
	return localfile.Error("delete", f, "", err)
}
