package exchange_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/exchange"
)

var errExists = errors.New("the folder exists")

// A server has folders, each with its path without a slash as its identifier.
type server struct {
	folders []exchange.Folder
	loads   int
	create  func(f *exchange.Folder) error // before a folder is made
}

func (s *server) hierarchy() *exchange.Hierarchy {
	return exchange.New(exchange.Server{
		Load: func(context.Context) (*exchange.Tree, error) {
			s.loads++
			t := exchange.NewTree("root")
			for _, f := range s.folders {
				t.Add(&f)
			}
			t.Sort()
			return t, nil
		},
		Create: func(_ context.Context, f *exchange.Folder, path []string) error {
			if s.create != nil {
				if err := s.create(f); err != nil || f.ID != "" {
					return err
				}
			}
			f.ID = strings.Join(path, "")
			s.folders = append(s.folders, *f)
			return nil
		},
		Exists: func(err error) bool { return errors.Is(err, errExists) },
		Name:   strings.TrimSpace,
	})
}

func paths(t *testing.T, h *exchange.Hierarchy) (list []string) {
	t.Helper()
	for f, err := range h.Folders(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, f.String()+"="+f.ID)
	}
	return list
}

func folder(id, parent, name string) exchange.Folder {
	return exchange.Folder{ID: id, Parent: parent, Name: name, Count: -1, Size: -1}
}

func TestFoldersAreSortedParentsFirst(t *testing.T) {
	// One comes twice, two go in a circle, one hangs in the air.
	s := &server{folders: []exchange.Folder{
		folder("ab", "a", "B"), folder("a", "root", "A"), folder("a", "root", "A again"), folder("x", "y", "X"), folder("y", "x", "Y"), folder("z", "nowhere", "Z"), folder("root", "a", "Root"),
	}}
	if got := paths(t, s.hierarchy()); !slices.Equal(got, []string{"A=a", "A/B=ab"}) {
		t.Errorf("%q", got)
	}
}

func TestAttachedFoldersComeLast(t *testing.T) {
	aside := &exchange.Folder{ID: "r", Name: "Recoverable Items"}
	tree := exchange.NewTree("root")
	tree.Add(aside)
	tree.Add(&exchange.Folder{ID: "d", Parent: "r", Name: "Deletions"})
	tree.Add(&exchange.Folder{ID: "a", Parent: "root", Name: "A"})
	tree.Sort()
	tree.Attach(aside)
	tree.Attach(aside)
	h := exchange.New(exchange.Server{Load: func(context.Context) (*exchange.Tree, error) { return tree, nil }})
	if got := paths(t, h); !slices.Equal(got, []string{"A=a", "Recoverable Items=r", "Recoverable Items/Deletions=d"}) {
		t.Errorf("%q", got)
	}
}

func TestTheAddressNamesWhatIsShown(t *testing.T) {
	s := &server{folders: []exchange.Folder{folder("a", "root", "A"), folder("ab", "a", "B"), folder("abc", "ab", "C"), folder("d", "root", "D")}}
	h := s.hierarchy()
	h.Only = []string{"a"}
	if got := paths(t, h); !slices.Equal(got, []string{"A=a", "A/B=ab", "A/B/C=abc"}) {
		t.Errorf("only A: %q", got)
	}
	h = s.hierarchy()
	h.Root = []string{"A", "b"}
	if got := paths(t, h); !slices.Equal(got, []string{"C=abc"}) {
		t.Errorf("below A/B: %q", got)
	}
	if id, err := h.ID(t.Context(), "list", transport.Folder{Path: []string{"c"}}); id != "abc" || err != nil {
		t.Errorf("C below A/B is %q: %v", id, err)
	}
	if _, err := h.ID(t.Context(), "list", transport.Folder{Path: []string{"D"}}); transport.KindOf(err) != transport.NotFound {
		t.Errorf("D below A/B: %v", err)
	}
}

func TestEnsure(t *testing.T) {
	s := &server{folders: []exchange.Folder{folder("a1", "root", "box"), folder("a2", "root", "Box")}}
	h := s.hierarchy()
	for _, step := range []struct {
		path, id, class string
	}{
		{"Box", "a2", ""}, // to the letter
		{"BOX/New/Inner", "BOXNewInner", "IPF.Task"},
		{"Box/new", "BOXNew", "IPF.Note"},
		{"Box/ New ", "BOXNew", "IPF.Note"},
	} {
		f, err := h.Ensure(t.Context(), transport.Folder{Path: transport.ParsePath(step.path), Class: step.class})
		if err != nil || f.ID != step.id || f.Class != step.class || f.Count != -1 || f.Size != -1 {
			t.Errorf("%s is %+v: %v", step.path, f, err)
		}
	}
	if s.loads != 1 || len(s.folders) != 4 {
		t.Errorf("%d loads, folders %v", s.loads, s.folders)
	}
	if c := h.Class("BOXNewInner"); c != "IPF.Task" {
		t.Errorf("the class is %q", c)
	}
	if _, err := h.Ensure(t.Context(), transport.Folder{}); transport.KindOf(err) != transport.Usage {
		t.Errorf("the root: %v", err)
	}
}

// TestEnsureMeetsOthers: somebody else makes the same folder.
func TestEnsureMeetsOthers(t *testing.T) {
	s := &server{}
	h := s.hierarchy()
	s.create = func(*exchange.Folder) error {
		s.folders, s.create = append(s.folders, folder("theirs", "root", "Box")), nil
		return errExists
	}
	f, err := h.Ensure(t.Context(), transport.Folder{Path: []string{"Box", "Inner"}})
	if err != nil || f.String() != "Box/Inner" || s.loads != 2 {
		t.Errorf("%v: %v, %d loads", f, err, s.loads)
	}
	// Once is enough.
	s.create = func(*exchange.Folder) error { return errExists }
	if _, err = h.Ensure(t.Context(), transport.Folder{Path: []string{"Other"}}); !errors.Is(err, errExists) || s.loads != 3 {
		t.Errorf("%v, %d loads", err, s.loads)
	}
	// The server takes another name for the same.
	s.create = func(f *exchange.Folder) error { f.ID, f.Class = "theirs", ""; return nil }
	if f, err = h.Ensure(t.Context(), transport.Folder{Path: []string{"Bóx"}}); err != nil || f.ID != "theirs" || f.String() != "Box" {
		t.Errorf("%v is %s: %v", f, f.ID, err)
	}
}

func TestRemove(t *testing.T) {
	s := &server{folders: []exchange.Folder{folder("a", "root", "A")}}
	h := s.hierarchy()
	if err := h.Remove(t.Context(), transport.Folder{Path: []string{"B"}}, func(string) error { return errExists }); err != nil {
		t.Errorf("what is not there: %v", err)
	}
	err := h.Remove(t.Context(), transport.Folder{Path: []string{"A"}}, func(id string) error {
		if id != "a" {
			t.Errorf("%q is removed", id)
		}
		s.folders = nil
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if _, err := h.ID(t.Context(), "list", transport.Folder{Path: []string{"A"}}); transport.KindOf(err) != transport.NotFound {
		t.Errorf("it is still known: %v", err)
	}
}
