package mbox

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
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
		o, err := options(a)
		if err != nil {
			return nil, err
		}
		o.New = sink
		return Open(a.Path, o)
	}
	return transport.Driver{
		Schemes: []string{"mbox"},
		Summary: "an mbox file, or a folder of them (also Thunderbird's)",
		Params: []transport.Param{
			{Name: "variant", Help: "how it is read: mboxo, mboxrd, mboxcl or mboxcl2; without it, found out. Written is mboxrd"},
			{Name: "layout", Help: "how new files are named: plain (X.mbox) or thunderbird (X); without it, as it is done there, else plain"},
			{Name: "labels", Help: "what becomes of Gmail's labels in a Takeout: keywords (the default) or folders, one for each mail and the rest keywords"},
			{Name: "sync", Help: "no: do not wait until each mail is safe on disk; faster, and a power cut may lose mail"},
		},
		Sniff: Sniff,
		Source: func(_ context.Context, a transport.Address, _ *transport.Env) (transport.Source, error) {
			if _, err := os.Stat(a.Path); err != nil {
				return nil, &transport.Error{Kind: transport.Unavailable, Op: "open", Err: err}
			}
			return open(a, false)
		},
		Sink: func(_ context.Context, a transport.Address, _ *transport.Env) (transport.Sink, error) {
			return open(a, true)
		},
	}
}

func options(a transport.Address) (*Options, error) {
	o := &Options{Variant: Variant(a.Params.Get("variant")), Layout: Layout(a.Params.Get("layout"))}
	bad := func(name string) error {
		return &transport.Error{Kind: transport.Usage, Op: "open", Err: fmt.Errorf("%s=%s is not known to mbox", name, a.Params.Get(name))}
	}
	switch o.Variant {
	case Auto, O, RD, CL, CL2:
	default:
		return nil, bad("variant")
	}
	switch o.Layout {
	case "", Plain, Thunderbird:
	default:
		return nil, bad("layout")
	}
	switch a.Params.Get("labels") {
	case "", "keywords":
	case "folders":
		o.LabelFolders = true
	default:
		return nil, bad("labels")
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

// Sniff reports whether a path is an mbox file, or a folder with one in it.
func Sniff(path string) bool {
	st, err := os.Stat(path)
	if err != nil {
		return false
	}
	if !st.IsDir() {
		return isMbox(path)
	}
	list, err := os.ReadDir(path)
	if err != nil {
		return false
	}
	for _, e := range list {
		name := filepath.Join(path, e.Name())
		if e.Type().IsRegular() && !strings.HasPrefix(e.Name(), ".") && isMbox(name) || e.IsDir() && strings.HasSuffix(e.Name(), ".mbox") && isMbox(filepath.Join(name, "mbox")) {
			return true
		}
	}
	return false
}

// isMbox looks at the first bytes.
func isMbox(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	b := make([]byte, 64)
	n, _ := f.Read(b)
	text := strings.TrimLeft(strings.TrimPrefix(string(b[:n]), "\xEF\xBB\xBF"), "\r\n")
	return strings.HasPrefix(text, "From ")
}

// A Layout is a way to name the files of a tree. Either keeps the folders below
// X in X.sbd.
type Layout string

// Layouts.
const (
	Plain       Layout = "plain"       // X.mbox
	Thunderbird Layout = "thunderbird" // X
)

// Options for [Open]. nil is the default.
type Options struct {
	// Variant in which files are read.
	Variant Variant
	// Layout of new files; "" keeps to what is there, else [Plain].
	Layout Layout
	// LabelFolders makes folders of Gmail's labels.
	LabelFolders bool
	// NoSync leaves out the waits for the disk.
	NoSync bool
	// New says that the store may not be there yet: it lists nothing then, and
	// the first folder makes it. A sink begins so.
	New bool
}

// A Store is an mbox file or a tree of them. It is a [transport.Source] and a
// [transport.Sink].
type Store struct {
	o      Options
	root   string
	single bool // root is a file
	book   *pathname.Book
	closed atomic.Bool

	mu       sync.Mutex
	byPath   map[string]string // JoinPath to the ID; nil until it is needed
	open     map[string]*appender
	tick     int64
	labels   map[string]map[string][]int64 // file to label to offsets
	variants map[string]Variant
	only     string // of a single file: the folder that it was made for
}

// Open opens a file or a folder of files. What is not there yet is made by the
// first Ensure: a file when the name ends in .mbox or .mbx, else a folder.
func Open(root string, o *Options) (*Store, error) {
	s := &Store{root: root, open: map[string]*appender{}, labels: map[string]map[string][]int64{}, variants: map[string]Variant{}}
	if o != nil {
		s.o = *o
	}
	st, err := os.Stat(root)
	switch {
	case err == nil:
		s.single = !st.IsDir()
		// QUIRK: an export of Apple Mail is a folder X.mbox with a file mbox.
		if file := filepath.Join(root, "mbox"); st.IsDir() && strings.EqualFold(filepath.Ext(root), ".mbox") && isMbox(file) {
			s.root, s.single = file, true
		}
	case os.IsNotExist(err):
		s.single = hasExt(root)
	default:
		return nil, localfile.Error("open", transport.Folder{}, "", err)
	}
	dir := s.root
	if s.single {
		dir = filepath.Dir(dir)
	}
	if s.book, err = pathname.OpenBook(dir); err != nil {
		return nil, localfile.Error("open", transport.Folder{}, "", err)
	}
	return s, nil
}

// Close implements [transport.Source] and [transport.Sink].
func (s *Store) Close() error {
	s.closed.Store(true)
	s.mu.Lock()
	defer s.mu.Unlock()
	var first error
	for id, a := range s.open {
		if err := a.close(); first == nil {
			first = err
		}
		delete(s.open, id)
	}
	return first
}

func (s *Store) begin(ctx context.Context, op string) error {
	if s.closed.Load() {
		return localfile.Closed(op)
	}
	return ctx.Err()
}

func (s *Store) path(id string) string {
	if s.single {
		return s.root
	}
	return filepath.Join(s.root, filepath.FromSlash(id))
}

// file finds the file of a folder. label is set for a folder that is a label.
func (s *Store) file(op string, f transport.Folder) (path, label string, err error) {
	if err := s.begin(context.Background(), op); err != nil {
		return "", "", err
	}
	id, label, _ := strings.Cut(f.ID, "\t")
	isFile := func(id string) bool {
		st, err := os.Stat(s.path(id))
		return err == nil && st.Mode().IsRegular()
	}
	if s.single && f.ID != "" && id == filepath.Base(s.root) && isFile(id) {
		return s.root, label, nil
	}
	if !s.single && id != "" && filepath.IsLocal(filepath.FromSlash(id)) && isFile(id) {
		return s.path(id), label, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.index(); err != nil {
		return "", "", localfile.Error(op, f, "", err)
	}
	if id, label, _ = strings.Cut(s.byPath[f.String()], "\t"); id == "" || !isFile(id) {
		return "", "", localfile.NoFolder(op, f)
	}
	return s.path(id), label, nil
}
