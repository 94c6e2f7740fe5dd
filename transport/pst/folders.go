package pst

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/mailconv/mailconv/mapi/pst"
	"github.com/mailconv/mailconv/mapi/pst/ndb"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/localfile"
)

// RecoveredFolder is the name of the folder that [Options.Recover] adds.
const RecoveredFolder = "Recovered items"

const recoveredID = "recovered"

// A folder is a folder of the file as the store shows it.
type folder struct {
	transport.Folder
	src pst.Folder
	// recovered is set for the one folder that the file does not have.
	recovered bool
}

// tree is all folders, read once.
type tree struct {
	list   []*folder
	byNID  map[pst.NID]*folder
	byPath map[string]*folder
}

func (s *Store) folders() *tree {
	s.treeOnce.Do(func() { s.tree = s.readTree() })
	return s.tree
}

func (s *Store) readTree() *tree {
	t := &tree{byNID: map[pst.NID]*folder{}, byPath: map[string]*folder{}}
	for src := range s.file.Folders() {
		if len(src.Path) == 0 && !s.holdsItems(src) && !s.hopeless(src) {
			// The root of the file and the top of what a person sees are
			// folders only where they hold items.
			continue
		}
		t.list = append(t.list, s.newFolder(src))
	}
	// Names go to what a person sees first.
	for _, hidden := range []bool{false, true} {
		for _, f := range t.list {
			if f.src.Hidden == hidden {
				t.place(f)
			}
		}
	}
	if s.o.Recover {
		f := &folder{recovered: true, Folder: transport.Folder{ID: recoveredID, Count: -1, Size: -1}}
		f.Path = t.free([]string{RecoveredFolder})
		t.byPath[f.String()] = f
		t.list = append(t.list, f)
	}
	return t
}

func (s *Store) newFolder(src pst.Folder) *folder {
	f := &folder{src: src, Folder: transport.Folder{
		ID: src.NID.String(), Role: transport.Role(src.Role), Class: src.Class,
		Count: int64(src.Count), Size: -1, Hidden: src.Hidden || src.Search,
	}}
	switch {
	case src.Recoverable && s.o.Recoverable:
		f.Hidden = false
	case len(src.Path) == 0 && src.Count <= 0 && !s.o.Associated:
		f.Hidden = true // nothing but associated items
	}
	if s.hopeless(src) {
		f.Err = &transport.Error{Op: "list", Folder: transport.JoinPath(src.Path), Err: src.Err}
	}
	return f
}

// place gives a folder its path, below the one of its parent.
func (t *tree) place(f *folder) {
	name := f.src.Name
	var path []string
	if n := len(f.src.Path); n > 0 {
		name = f.src.Path[n-1]
		if up := t.byNID[f.src.Parent]; up != nil && len(up.src.Path) > 0 {
			path = slices.Clone(up.Path)
		}
	}
	if name == "" {
		name = "(top)"
	}
	f.Path = t.free(append(path, name))
	t.byPath[f.String()] = f
	t.byNID[f.src.NID] = f
}

// free gives a number to a path that another folder has: one of them is below
// the root of the file, the other below the top of what a person sees.
func (t *tree) free(path []string) []string {
	name := path[len(path)-1]
	for n := 2; t.byPath[transport.JoinPath(path)] != nil; n++ {
		path[len(path)-1] = fmt.Sprintf("%s (%d)", name, n)
	}
	return path
}

// holdsItems reports whether a folder has items of any kind.
func (s *Store) holdsItems(f pst.Folder) bool {
	if f.Count > 0 || f.Associated > 0 {
		return true
	}
	for _, v := range []pst.View{pst.Contents, pst.Associated} {
		for range s.file.Items(f.NID, v) {
			return true
		}
	}
	return false
}

// hopeless reports whether neither the folder nor a list of its items is there.
func (s *Store) hopeless(f pst.Folder) bool {
	if f.Err == nil {
		return false
	}
	for _, typ := range []ndb.NIDType{ndb.TypeContentsTable, ndb.TypeSearchContentsTable} {
		if _, err := s.file.DB().Node(f.NID.WithType(typ)); err == nil {
			return false
		}
	}
	return true
}

// Folders implements [transport.Source].
func (s *Store) Folders(ctx context.Context) iter.Seq2[transport.Folder, error] {
	return func(yield func(transport.Folder, error) bool) {
		if err := s.begin(ctx, "list"); err != nil {
			yield(transport.Folder{}, err)
			return
		}
		for _, f := range s.folders().list {
			if err := ctx.Err(); err != nil {
				yield(transport.Folder{}, err)
				return
			}
			if !yield(f.Folder, nil) {
				return
			}
		}
	}
}

// folder finds a folder by its ID, else by its path.
func (s *Store) folder(ctx context.Context, op string, f transport.Folder) (*folder, error) {
	if err := s.begin(ctx, op); err != nil {
		return nil, err
	}
	t := s.folders()
	if f.ID == recoveredID && s.o.Recover {
		return t.list[len(t.list)-1], nil
	}
	if nid, ok := parseNID(f.ID); ok {
		if fo := t.byNID[nid]; fo != nil {
			return fo, nil
		}
	}
	if fo := t.byPath[f.String()]; fo != nil {
		return fo, nil
	}
	return nil, localfile.NoFolder(op, f)
}

// parseNID reads what [pst.NID.String] writes.
func parseNID(s string) (pst.NID, bool) {
	hex, ok := strings.CutPrefix(s, "0x")
	n, err := strconv.ParseUint(hex, 16, 32)
	return pst.NID(n), ok && err == nil
}
