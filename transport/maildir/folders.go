package maildir

import (
	"context"
	"fmt"
	"iter"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/localfile"
	"github.com/mailconv/mailconv/transport/pathname"
	"github.com/mailconv/mailconv/transport/utf7"
)

// inbox is the name of the root, which is a maildir itself in Maildir++.
const inbox = "INBOX"

// maxDepth bounds folders within folders.
const maxDepth = 64

// Folders implements [transport.Source].
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

// scan lists all folders in the order of their paths.
func (s *Store) scan(ctx context.Context) ([]transport.Folder, error) {
	if err := s.begin(ctx, "list"); err != nil {
		return nil, err
	}
	var list []transport.Folder
	add := func(id string, p []string) {
		f := transport.Folder{Path: p, ID: id, Count: -1, Size: -1}
		if len(p) == 1 && p[0] == inbox {
			f.Role = transport.RoleInbox
		}
		list = append(list, f)
	}
	if isMaildir(s.root) {
		add(".", []string{inbox})
	}
	var walk func(id string, p []string, depth int) error
	walk = func(id string, p []string, depth int) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		entries, err := os.ReadDir(s.path(id))
		if err != nil {
			if id == "." {
				if s.o.New && os.IsNotExist(err) {
					return nil
				}
				return localfile.Error("list", transport.Folder{}, "", err)
			}
			at := transport.Folder{Path: p}
			list = append(list, transport.Folder{Path: p, ID: id, Count: -1, Size: -1, Err: localfile.Error("list", at, "", err)})
			return nil
		}
		for _, e := range entries {
			name := e.Name()
			if !e.IsDir() || name == "cur" || name == "new" || name == "tmp" || depth > maxDepth {
				continue
			}
			sub := path.Join(id, name)
			below := append(slices.Clone(p), s.decode(name)...)
			has := isMaildir(s.path(sub))
			if has {
				add(sub, below)
			} else if strings.HasPrefix(name, ".") {
				continue // a hidden folder of something else
			}
			if err := walk(sub, below, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	err := walk(".", nil, 0)
	return localfile.Complete(list), err
}

// decode reads the name of a folder: one element, or several in Maildir++.
func (s *Store) decode(name string) []string {
	long := s.book.Long(name)
	if rest, ok := strings.CutPrefix(long, "."); ok {
		var p []string
		for _, e := range strings.Split(rest, ".") {
			if e == "" {
				continue // ".." between names is somebody's mistake
			}
			if text, ok := decodeUTF7(e); ok {
				e = text
			}
			p = append(p, pathname.Unescape(e, "."))
		}
		return p
	}
	for _, reserved := range [...]string{"cur", "new", "tmp"} {
		if long == escapeReserved(reserved) {
			return []string{reserved}
		}
	}
	if strings.Contains(long, "&") {
		if text, ok := decodeUTF7(long); ok {
			return []string{text}
		}
	}
	return []string{pathname.Unescape(long, "&")}
}

func escapeReserved(name string) string { return fmt.Sprintf("%%%02X%s", name[0], name[1:]) }

// encode is the ID of a folder that is to be made at a path.
func (s *Store) encode(p []string, layout Layout) (string, error) {
	if layout == PlusPlus {
		var b strings.Builder
		for _, e := range p {
			b.WriteString("." + utf7.Encode(pathname.Escape(e, ".")))
		}
		return s.book.Shorten(b.String())
	}
	var names []string
	for _, e := range p {
		name := pathname.Escape(e, "&")
		if e == "cur" || e == "new" || e == "tmp" {
			name = escapeReserved(e)
		}
		name, err := s.book.Shorten(name)
		if err != nil {
			return "", err
		}
		names = append(names, name)
	}
	return strings.Join(names, "/"), nil
}

// lookup finds the ID of a path, "" when it is not there.
func (s *Store) lookup(p []string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.index(); err != nil {
		return "", err
	}
	return s.byPath[transport.JoinPath(s.normal(p))], nil
}

// index fills byPath. The lock is held.
func (s *Store) index() error {
	if s.byPath != nil {
		return nil
	}
	m := map[string]string{}
	if isDir(s.root) {
		list, err := s.scan(context.Background())
		if err != nil {
			return err
		}
		for _, f := range list {
			if !f.NoItems {
				m[f.String()] = f.ID
			}
		}
	}
	s.byPath = m
	return nil
}

// normal spells INBOX the one way that it has.
func (s *Store) normal(p []string) []string {
	if len(p) == 0 || len(p) == 1 && strings.EqualFold(p[0], inbox) {
		return []string{inbox}
	}
	return p
}

// layout is what new folders follow.
func (s *Store) layout() Layout {
	if s.o.Layout != "" {
		return s.o.Layout
	}
	entries, _ := os.ReadDir(s.root)
	nested := false
	for _, e := range entries {
		if name := e.Name(); e.IsDir() && name != "cur" && name != "new" && name != "tmp" {
			if strings.HasPrefix(name, ".") {
				if isMaildir(filepath.Join(s.root, name)) {
					return PlusPlus
				}
				continue
			}
			nested = nested || Sniff(filepath.Join(s.root, name))
		}
	}
	if nested {
		return Nested
	}
	return PlusPlus
}

// Ensure implements [transport.Sink].
func (s *Store) Ensure(ctx context.Context, f transport.Folder) (transport.Folder, error) {
	if err := s.begin(ctx, "create"); err != nil {
		return transport.Folder{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fail := func(err error) (transport.Folder, error) {
		return transport.Folder{}, localfile.Error("create", f, "", err)
	}
	if err := s.index(); err != nil {
		return fail(err)
	}
	p := s.normal(f.Path)
	layout := s.o.Layout
	id := s.byPath[transport.JoinPath(p)]
	if id == "" {
		if layout == "" {
			s.o.Layout = s.layout()
			layout = s.o.Layout
		}
		if err := os.MkdirAll(s.root, 0o700); err != nil {
			return fail(err)
		}
		for i := 1; i <= len(p); i++ {
			part := transport.JoinPath(p[:i])
			if have := s.byPath[part]; have != "" {
				id = have
				continue
			}
			var err error
			if id, err = s.encode(p[:i], layout); err != nil {
				return fail(err)
			}
			if part == inbox && layout == PlusPlus {
				id = "."
			}
			if err := s.make(id); err != nil {
				return fail(err)
			}
			s.byPath[part] = id
		}
	}
	out := transport.Folder{Path: slices.Clone(p), ID: id, Count: -1, Size: -1}
	if id == "." {
		out.Role = transport.RoleInbox
	}
	return out, nil
}

func (s *Store) make(id string) error {
	dir := s.path(id)
	for _, sub := range [...]string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return err
		}
	}
	if strings.HasPrefix(path.Base(id), ".") && id != "." {
		// Maildir++ wants it, so that a mail is delivered to the folder and
		// not to the user.
		f, err := os.OpenFile(filepath.Join(dir, "maildirfolder"), os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		return f.Close()
	}
	return nil
}

// DeleteFolder implements [transport.FolderDeleter].
func (s *Store) DeleteFolder(ctx context.Context, f transport.Folder) error {
	list, err := s.scan(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range list {
		if len(g.Path) < len(f.Path) || !slices.Equal(g.Path[:len(f.Path)], f.Path) || g.NoItems {
			continue
		}
		dirs := []string{s.path(g.ID)}
		if g.ID == "." {
			dirs = []string{filepath.Join(s.root, "cur"), filepath.Join(s.root, "new"), filepath.Join(s.root, "tmp")}
		}
		for _, d := range dirs {
			if err := os.RemoveAll(d); err != nil {
				return localfile.Error("delete", f, "", err)
			}
		}
		delete(s.folders, g.ID)
	}
	s.byPath = nil
	return nil
}
