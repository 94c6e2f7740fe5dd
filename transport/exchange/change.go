package exchange

import (
	"context"
	"errors"
	"slices"

	"github.com/mailconv/mailconv/transport"
)

// mailClass is the class of a folder that is made without one, and of the
// parents that have to be made for it. [MS-OXOSFLD] 2.2.1
const mailClass = "IPF.Note"

// Ensure finds a folder, or makes it and the parents that are missing. See
// [transport.Sink].
func (h *Hierarchy) Ensure(ctx context.Context, f transport.Folder) (transport.Folder, error) {
	h.changing.Lock()
	defer h.changing.Unlock()
	t, err := h.last(ctx)
	if err != nil {
		return transport.Folder{}, err
	}
	path := slices.Concat(h.Root, f.Path)
	if len(path) == 0 {
		return transport.Folder{}, &transport.Error{Kind: transport.Usage, Op: "create", Err: errors.New("the root of a mailbox takes no items")}
	}
	n, err := h.ensure(ctx, t, path, f.Class)
	if err != nil && h.server.Exists != nil && h.server.Exists(err) {
		// Made by someone else meanwhile.
		if t, err = h.load(ctx); err == nil {
			n, err = h.ensure(ctx, t, path, f.Class)
		}
	}
	if err != nil {
		return transport.Folder{}, err
	}
	out, ok := h.shown(n)
	if !ok {
		out = transport.Folder{Path: slices.Clone(n.path), ID: n.ID, Role: n.Role, Class: n.Class}
	}
	out.Count, out.Size = -1, -1
	return out, nil
}

// ensure walks down a path and makes what is missing.
func (h *Hierarchy) ensure(ctx context.Context, t *Tree, path []string, class string) (*Folder, error) {
	parent := t.root
	var f *Folder
	for i := range path {
		name := h.server.Name(path[i])
		if f = t.child(parent, name); f == nil {
			f = &Folder{Parent: parent, Name: name, Class: mailClass}
			if i == len(path)-1 && class != "" {
				f.Class = class
			}
			if err := h.server.Create(ctx, f, path[:i+1]); err != nil {
				return nil, err
			}
			h.mu.Lock()
			f = t.made(f)
			h.mu.Unlock()
		}
		parent = f.ID
	}
	return f, nil
}

// Remove has a folder removed, while nobody makes one. A folder that is not
// there needs no removing. See [transport.FolderDeleter].
func (h *Hierarchy) Remove(ctx context.Context, f transport.Folder, remove func(id string) error) error {
	id, err := h.ID(ctx, "delete", f)
	if err != nil {
		if transport.KindOf(err) == transport.NotFound {
			return nil
		}
		return err
	}
	h.changing.Lock()
	defer h.changing.Unlock()
	defer h.set(nil) // it is read anew
	return remove(id)
}
