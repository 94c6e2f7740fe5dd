package mbox

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
)

// maxDepth bounds folders within folders.
const maxDepth = 64

// extensions of mbox files, and of what lies beside them.
var extensions = []string{".mbox", ".mbx", ".mbs"}

func hasExt(name string) bool {
	return slices.Contains(extensions, strings.ToLower(filepath.Ext(name)))
}

// encode is the file name of a folder without its extension.
func (s *Store) encode(name string) (string, error) {
	e := pathname.Escape(name, "")
	switch ext := strings.ToLower(path.Ext(e)); ext {
	case ".sbd", ".msf", ".mbox", ".mbx", ".mbs":
		e = e[:len(e)-len(ext)] + "%2E" + e[len(e)-len(ext)+1:]
	}
	return s.book.Shorten(e)
}

func (s *Store) decode(file string) string {
	long := s.book.Long(file)
	if i := strings.LastIndex(long, "%2E"); i > 0 && len(long)-i <= 7 {
		name := pathname.Unescape(long[:i], "") + "." + long[i+3:]
		if back, err := s.encode(name); err == nil && back == file {
			return name
		}
	}
	return pathname.Unescape(long, "")
}

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

func (s *Store) scan(ctx context.Context) ([]transport.Folder, error) {
	if err := s.begin(ctx, "list"); err != nil {
		return nil, err
	}
	if s.single {
		st, err := os.Stat(s.root)
		if os.IsNotExist(err) {
			return nil, nil
		}
		if err != nil {
			return nil, localfile.Error("list", transport.Folder{}, "", err)
		}
		f := transport.Folder{Path: s.singlePath(), ID: filepath.Base(s.root), Count: -1, Size: st.Size()}
		if s.o.LabelFolders {
			return s.labelled(ctx, f)
		}
		return []transport.Folder{f}, nil
	}
	var list []transport.Folder
	var walk func(id string, p []string, depth int) error
	walk = func(id string, p []string, depth int) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		entries, err := os.ReadDir(s.path(id))
		if err != nil {
			if id == "." && s.o.New && os.IsNotExist(err) {
				return nil
			}
			err = localfile.Error("list", transport.Folder{Path: p}, "", err)
			if id == "." {
				return err
			}
			list = append(list, transport.Folder{Path: p, ID: id, Count: -1, Size: -1, Err: err})
			return nil
		}
		names := map[string]bool{}
		for _, e := range entries {
			names[e.Name()] = true
		}
		for _, e := range entries {
			name := e.Name()
			if strings.HasPrefix(name, ".") || depth > maxDepth {
				continue
			}
			sub := path.Join(id, name)
			stem := name
			if hasExt(name) {
				stem = strings.TrimSuffix(name, filepath.Ext(name))
			}
			switch {
			case e.IsDir() && strings.HasSuffix(name, ".sbd"):
				err = walk(sub, append(slices.Clone(p), s.decode(strings.TrimSuffix(name, ".sbd"))), depth+1)
			case e.IsDir() && isMbox(filepath.Join(s.path(sub), "mbox")):
				// QUIRK: the export of Apple Mail, X.mbox/mbox.
				s.add(&list, path.Join(sub, "mbox"), append(slices.Clone(p), s.decode(stem)))
			case e.IsDir():
				err = walk(sub, append(slices.Clone(p), s.decode(name)), depth+1)
			case e.Type().IsRegular():
				st, serr := e.Info()
				empty := serr == nil && st.Size() == 0 && (hasExt(name) || names[name+".msf"] || names[name+".sbd"])
				if empty || isMbox(s.path(sub)) {
					s.add(&list, sub, append(slices.Clone(p), s.decode(stem)))
				}
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	err := walk(".", nil, 0)
	list = localfile.Complete(list)
	if !s.o.LabelFolders || err != nil {
		return list, err
	}
	var out []transport.Folder
	for _, f := range list {
		if f.NoItems || f.Err != nil {
			out = append(out, f)
			continue
		}
		l, err := s.labelled(ctx, f)
		if err != nil {
			return out, err
		}
		out = append(out, l...)
	}
	return localfile.Complete(out), nil
}

func (s *Store) add(list *[]transport.Folder, id string, p []string) {
	size := int64(-1)
	if st, err := os.Stat(s.path(id)); err == nil {
		size = st.Size()
	}
	*list = append(*list, transport.Folder{Path: p, ID: id, Count: -1, Size: size})
}

// singlePath is the folder of a single file: its name.
func (s *Store) singlePath() []string {
	base := filepath.Base(s.root)
	if base == "mbox" && hasExt(filepath.Base(filepath.Dir(s.root))) {
		base = filepath.Base(filepath.Dir(s.root))
	}
	if hasExt(base) {
		base = strings.TrimSuffix(base, filepath.Ext(base))
	}
	return []string{s.decode(base)}
}

// labelled makes folders of the labels in one file. A file without any is one
// folder.
func (s *Store) labelled(ctx context.Context, f transport.Folder) ([]transport.Folder, error) {
	m := map[string][]int64{}
	file, size, err := openLimited(s.path(f.ID))
	if err != nil {
		return nil, localfile.Error("list", f, "", err)
	}
	defer file.Close()
	for e, err := range Scan(ctx, file, size, s.o.Variant) {
		if err != nil {
			if transport.Canceled(err) {
				return nil, err
			}
			f.Err = localfile.Error("list", f, "", err)
			return []transport.Folder{f}, nil
		}
		label := ""
		if len(e.labels) > 0 {
			label = e.home()
		}
		m[label] = append(m[label], e.Off)
	}
	if _, plain := m[""]; plain && len(m) == 1 || len(m) == 0 {
		return []transport.Folder{f}, nil
	}
	s.mu.Lock()
	s.labels[s.path(f.ID)] = m
	s.mu.Unlock()
	var out []transport.Folder
	for label, offs := range m {
		g := transport.Folder{Path: f.Path, ID: f.ID + "\t" + label, Count: int64(len(offs)), Size: -1}
		if label != "" {
			g.Path = slices.DeleteFunc(strings.Split(label, "/"), func(e string) bool { return e == "" })
		}
		out = append(out, g)
	}
	return localfile.Complete(out), nil
}

// index fills byPath. The lock is held, and given up while the files are
// listed.
func (s *Store) index() error {
	if s.byPath != nil {
		return nil
	}
	var list []transport.Folder
	if _, err := os.Stat(s.root); err == nil {
		s.mu.Unlock()
		list, err = s.scan(context.Background())
		s.mu.Lock()
		if err != nil {
			return err
		}
	}
	m := map[string]string{}
	for _, f := range list {
		if !f.NoItems {
			m[f.String()] = f.ID
		}
	}
	if s.byPath == nil {
		s.byPath = m
	}
	return nil
}

// layout is what new files follow.
func (s *Store) layout() Layout {
	if s.o.Layout == "" {
		s.o.Layout = Plain
		list, _ := os.ReadDir(s.root)
		for _, e := range list {
			if name := e.Name(); strings.HasSuffix(name, ".msf") {
				s.o.Layout = Thunderbird
			} else if e.Type().IsRegular() && hasExt(name) {
				s.o.Layout = Plain
				break
			}
		}
	}
	return s.o.Layout
}

// Ensure implements [transport.Sink]. A single file is one folder, whatever it
// is called; a second one is refused.
func (s *Store) Ensure(ctx context.Context, f transport.Folder) (transport.Folder, error) {
	if err := s.begin(ctx, "create"); err != nil {
		return transport.Folder{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fail := func(err error) (transport.Folder, error) {
		return transport.Folder{}, localfile.Error("create", f, "", err)
	}
	if s.single {
		p := f.String()
		if s.only == "" {
			s.only = p
		}
		if s.only != p {
			return transport.Folder{}, &transport.Error{
				Kind: transport.Usage, Op: "create", Folder: p, Err: fmt.Errorf("%s is one file and already takes the folder %q", s.root, s.only),
				Remedy: "name a folder, which gets a file for each, or copy one folder",
			}
		}
		if err := touch(s.root); err != nil {
			return fail(err)
		}
		s.byPath = nil
		return transport.Folder{Path: s.singlePath(), ID: filepath.Base(s.root), Count: -1, Size: -1}, nil
	}
	if err := s.index(); err != nil {
		return fail(err)
	}
	if len(f.Path) == 0 {
		// The root is no file. What lay in the root of another store goes
		// where mail arrives.
		f.Path = []string{"INBOX"}
	}
	id := "."
	for i := 1; i <= len(f.Path); i++ {
		part := transport.JoinPath(f.Path[:i])
		if have := s.byPath[part]; have != "" {
			id = have
			continue
		}
		name, err := s.encode(f.Path[i-1])
		if err != nil {
			return fail(err)
		}
		dir := "."
		if i > 1 {
			// Below X lies X.sbd, whatever the file of X is called.
			stem := id
			if hasExt(stem) {
				stem = strings.TrimSuffix(stem, path.Ext(stem))
			}
			dir = stem + ".sbd"
		}
		if s.layout() == Plain {
			name += ".mbox"
		}
		id = path.Join(dir, name)
		if err := os.MkdirAll(s.path(dir), 0o700); err != nil {
			return fail(err)
		}
		if err := touch(s.path(id)); err != nil {
			return fail(err)
		}
		if s.layout() == Thunderbird {
			// An empty file without an extension would not be known again.
			if err := touch(s.path(id) + ".msf"); err != nil {
				return fail(err)
			}
		}
		s.byPath[part] = id
	}
	return transport.Folder{Path: slices.Clone(f.Path), ID: id, Count: -1, Size: -1}, nil
}

func touch(name string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// DeleteFolder implements [transport.FolderDeleter].
func (s *Store) DeleteFolder(ctx context.Context, f transport.Folder) error {
	list, err := s.scan(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byPath = nil
	for _, g := range list {
		if g.NoItems || len(g.Path) < len(f.Path) || !slices.Equal(g.Path[:len(f.Path)], f.Path) {
			continue
		}
		name := s.path(g.ID)
		if a := s.open[name]; a != nil {
			a.close()
			delete(s.open, name)
		}
		stem := name
		if hasExt(stem) {
			stem = strings.TrimSuffix(stem, filepath.Ext(stem))
		}
		for _, n := range []string{name, name + ".msf", journalName(name)} {
			if err := os.Remove(n); err != nil && !os.IsNotExist(err) {
				return localfile.Error("delete", f, "", err)
			}
		}
		if !s.single {
			os.Remove(stem + ".sbd") // when it is empty
		}
	}
	for _, g := range slices.Backward(list) {
		if !s.single && !g.NoItems {
			stem := strings.TrimSuffix(s.path(g.ID), path.Ext(g.ID))
			os.Remove(stem + ".sbd")
		}
	}
	return nil
}
