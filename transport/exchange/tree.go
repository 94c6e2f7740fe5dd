package exchange

import (
	"slices"
	"strings"

	"github.com/mailconv/mailconv/transport"
)

// A Folder is a folder as the server has it.
type Folder struct {
	// ID and Parent are identifiers of the server, in the form that
	// [transport.Folder] has them.
	ID, Parent string
	Name       string
	// Class is the container class, or "".
	Class string
	// Count and Size (bytes) are -1 where the server does not say.
	Count, Size int64
	// Hidden is PidTagAttributeHidden. [MS-OXCFOLD] 2.2.2.2.2.1
	Hidden bool
	// Search is set for search folders.
	Search bool
	// Role is that of a well-known folder.
	Role transport.Role

	path []string
}

// Path holds the names from the root down, without that of the root; nil for a
// folder that cannot be reached from there.
func (f *Folder) Path() []string { return f.path }

// MaxDepth bounds a tree that goes in circles.
const MaxDepth = 300

// A Tree is all folders of a mailbox. It is filled by [Tree.Add], then
// [Tree.Sort] gives paths.
type Tree struct {
	root     string
	byID     map[string]*Folder
	children map[string][]*Folder // by identifier of the parent
	sorted   []*Folder            // parents first
}

// NewTree makes a tree without folders. root is the identifier of the IPM
// subtree.
func NewTree(root string) *Tree {
	return &Tree{root: root, byID: map[string]*Folder{}, children: map[string][]*Folder{}}
}

// Add takes a folder in. One that is there already, and the root, do not count.
func (t *Tree) Add(f *Folder) {
	if f.ID == t.root || t.byID[f.ID] != nil {
		return
	}
	t.byID[f.ID] = f
	t.children[f.Parent] = append(t.children[f.Parent], f)
}

// Sort gives paths to all that is below the root.
func (t *Tree) Sort() { t.sort(t.root, nil, 0) }

// Attach shows a folder that was added but is not below the root, under its own
// name, with all below it.
func (t *Tree) Attach(f *Folder) {
	if t.byID[f.ID] != f || f.path != nil {
		return
	}
	f.path = []string{f.Name}
	t.sorted = append(t.sorted, f)
	t.sort(f.ID, f.path, 0)
}

func (t *Tree) sort(parent string, path []string, depth int) {
	if depth > MaxDepth {
		return
	}
	for _, f := range t.children[parent] {
		if f.path != nil {
			continue
		}
		f.path = append(slices.Clip(path), f.Name)
		t.sorted = append(t.sorted, f)
		t.sort(f.ID, f.path, depth+1)
	}
}

// Folder is the folder with an identifier, nil where there is none.
func (t *Tree) Folder(id string) *Folder { return t.byID[id] }

// Children are the folders right below another.
func (t *Tree) Children(id string) []*Folder { return t.children[id] }

// child finds a folder by name, in which case does not count. Where names clash
// in that, the one that is the same to the letter is taken.
func (t *Tree) child(parent, name string) *Folder {
	var other *Folder
	for _, f := range t.children[parent] {
		switch {
		case f.Name == name:
			return f
		case strings.EqualFold(f.Name, name):
			other = f
		}
	}
	return other
}

// find finds a folder by its path.
func (t *Tree) find(path []string) *Folder {
	for _, f := range t.sorted {
		if samePath(f.path, path) {
			return f
		}
	}
	return nil
}

// made takes in a folder that came into being after the tree was sorted. Where
// the server found it under another name, it is the folder that is there.
func (t *Tree) made(f *Folder) *Folder {
	if old := t.byID[f.ID]; old != nil {
		return old
	}
	t.Add(f)
	if up := t.byID[f.Parent]; up != nil {
		f.path = append(slices.Clip(up.path), f.Name)
	} else {
		f.path = []string{f.Name}
	}
	t.sorted = append(t.sorted, f)
	return f
}

func samePath(a, b []string) bool { return slices.EqualFunc(a, b, strings.EqualFold) }
