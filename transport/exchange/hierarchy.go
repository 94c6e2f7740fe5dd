package exchange

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"

	"github.com/mailconv/mailconv/transport"
)

// A Server is what each protocol does in its own way.
type Server struct {
	// Load reads all folders.
	Load func(context.Context) (*Tree, error)
	// Create makes a folder from Parent, Name and Class and sets its ID. path
	// is where it will be.
	Create func(ctx context.Context, f *Folder, path []string) error
	// Exists reports whether Create failed because somebody else has made the
	// folder meanwhile. It may be nil.
	Exists func(error) bool
	// Name is a name that the server can hold, most often the one it is given.
	Name func(string) string
}

// A Hierarchy is the folders of a mailbox as a store shows them. Its methods may
// be called by several goroutines at once.
type Hierarchy struct {
	// Only is set in a source that shows one folder and what is below it.
	Only []string
	// Root is set in a sink: all paths are below this one.
	Root []string

	server   Server
	changing sync.Mutex // one at a time makes or removes folders
	mu       sync.Mutex
	tree     *Tree // as it was read last
}

// New makes a hierarchy. Nothing is read yet.
func New(s Server) *Hierarchy { return &Hierarchy{server: s} }

func (h *Hierarchy) set(t *Tree) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tree = t
}

func (h *Hierarchy) load(ctx context.Context) (*Tree, error) {
	t, err := h.server.Load(ctx)
	if err != nil {
		return nil, err
	}
	h.set(t)
	return t, nil
}

// last is the tree as it was read last.
func (h *Hierarchy) last(ctx context.Context) (*Tree, error) {
	h.mu.Lock()
	t := h.tree
	h.mu.Unlock()
	if t != nil {
		return t, nil
	}
	return h.load(ctx)
}

// Folders reads the folders anew and lists them, parents first. See
// [transport.Source].
func (h *Hierarchy) Folders(ctx context.Context) iter.Seq2[transport.Folder, error] {
	return func(yield func(transport.Folder, error) bool) {
		t, err := h.load(ctx)
		if err != nil {
			yield(transport.Folder{}, err)
			return
		}
		h.mu.Lock()
		list := t.sorted
		h.mu.Unlock()
		for _, f := range list {
			if err := ctx.Err(); err != nil {
				yield(transport.Folder{}, err)
				return
			}
			out, ok := h.shown(f)
			if ok && !yield(out, nil) {
				return
			}
		}
	}
}

// shown is a folder as the store gives it out; false when it lies outside of
// what the address names.
func (h *Hierarchy) shown(f *Folder) (transport.Folder, bool) {
	path := f.path
	switch {
	case len(h.Only) > 0:
		if len(path) < len(h.Only) || !samePath(path[:len(h.Only)], h.Only) {
			return transport.Folder{}, false
		}
	case len(h.Root) > 0:
		if len(path) <= len(h.Root) || !samePath(path[:len(h.Root)], h.Root) {
			return transport.Folder{}, false
		}
		path = path[len(h.Root):]
	}
	return transport.Folder{
		Path: slices.Clone(path), ID: f.ID, Role: f.Role, Class: f.Class, Count: f.Count, Size: f.Size,
		Hidden: f.Hidden || f.Search,
	}, true
}

var errNoFolder = errors.New("the mailbox has no such folder")

// NoFolder is the error of an operation on a folder that is not there.
func NoFolder(op string, f transport.Folder) error {
	return &transport.Error{Kind: transport.NotFound, Op: op, Folder: f.String(), Err: errNoFolder}
}

// ID is the server's identifier of a folder: the one that it has with it, else
// that of its path.
func (h *Hierarchy) ID(ctx context.Context, op string, f transport.Folder) (string, error) {
	if f.ID != "" {
		return f.ID, nil
	}
	t, err := h.last(ctx)
	if err != nil {
		return "", err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if n := t.find(slices.Concat(h.Root, f.Path)); n != nil {
		return n.ID, nil
	}
	return "", NoFolder(op, f)
}

// Class is the container class of a folder, as far as the folders have been read
// already.
func (h *Hierarchy) Class(id string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.tree != nil && h.tree.byID[id] != nil {
		return h.tree.byID[id].Class
	}
	return ""
}
