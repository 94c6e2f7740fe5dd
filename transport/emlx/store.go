package emlx

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

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/head"
	"github.com/mailconv/mailconv/transport/localfile"
)

// Driver describes the store for a registry.
func Driver() transport.Driver {
	return transport.Driver{
		Schemes: []string{"emlx"},
		Summary: "the folders of Apple Mail",
		Sniff:   Sniff,
		Source: func(_ context.Context, a transport.Address, _ *transport.Env) (transport.Source, error) {
			return Open(a.Path)
		},
	}
}

// Sniff reports whether a path is a folder with .emlx files at some depth.
func Sniff(root string) bool { return sniff(root, 0) }

func sniff(dir string, depth int) bool {
	list, err := os.ReadDir(dir)
	if err != nil || depth > 8 {
		return false
	}
	for _, e := range list {
		if !e.IsDir() && strings.EqualFold(path.Ext(e.Name()), ".emlx") {
			return true
		}
	}
	for _, e := range list {
		// Only where Apple Mail would look: a home folder is not searched.
		if name := e.Name(); e.IsDir() && (strings.HasSuffix(name, ".mbox") || inner(name)) && sniff(filepath.Join(dir, name), depth+1) {
			return true
		}
	}
	return false
}

// inner reports whether a folder is part of the inside of X.mbox: Messages,
// Data, a number, an identifier, or the version at the top (V10).
func inner(name string) bool {
	if name == "Messages" || name == "Data" || strings.Trim(name, "0123456789") == "" || len(name) > 1 && name[0] == 'V' && strings.Trim(name[1:], "0123456789") == "" {
		return true
	}
	if len(name) != 36 {
		return false
	}
	for i, c := range name {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (c == '-') || !dash && !strings.ContainsRune("0123456789abcdefABCDEF", c) {
			return false
		}
	}
	return true
}

// A Store is a tree of folders of Apple Mail. It is a [transport.Source].
type Store struct {
	root   string
	closed atomic.Bool

	mu   sync.Mutex
	dirs map[string][]string // JoinPath to the folders that hold its files
	list []transport.Folder
}

// Open opens a tree, or one X.mbox.
func Open(root string) (*Store, error) {
	st, err := os.Stat(root)
	if err == nil && !st.IsDir() {
		err = fmt.Errorf("%s is not a folder", root)
	}
	if err != nil {
		return nil, &transport.Error{Kind: transport.Unavailable, Op: "open", Err: err}
	}
	return &Store{root: root}, nil
}

// Close implements [transport.Source].
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

// maxFolders bounds folders within folders.
const maxFolders = 32

// scan finds the folders. Those inside X.mbox belong to X.
func (s *Store) scan(ctx context.Context) error {
	if err := s.begin(ctx, "list"); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	dirs := map[string][]string{}
	byName := map[string]transport.Folder{}
	var walk func(rel string, p []string, inMbox bool, depth int) error
	walk = func(rel string, p []string, inMbox bool, depth int) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		entries, err := os.ReadDir(filepath.Join(s.root, filepath.FromSlash(rel)))
		f := transport.Folder{Path: p, ID: id(p), Count: -1, Size: -1}
		if err != nil {
			if rel == "." {
				return localfile.Error("list", f, "", err)
			}
			f.Err = localfile.Error("list", f, "", err)
			byName[f.String()] = f
			return nil
		}
		has := false
		for _, e := range entries {
			name := e.Name()
			switch {
			case strings.HasPrefix(name, "."), depth > maxFolders:
			case !e.IsDir():
				has = has || strings.EqualFold(path.Ext(name), ".emlx")
			case name == "Attachments", name == "MailData":
			case strings.HasSuffix(name, ".mbox"):
				err = walk(path.Join(rel, name), append(slices.Clone(p), strings.TrimSuffix(name, ".mbox")), true, depth+1)
			case name == "Messages", inner(name) && (inMbox || depth == 0 && name[0] == 'V'):
				err = walk(path.Join(rel, name), p, inMbox, depth+1)
			default:
				err = walk(path.Join(rel, name), append(slices.Clone(p), name), inMbox, depth+1)
			}
			if err != nil {
				return err
			}
		}
		if has {
			dirs[f.String()] = append(dirs[f.String()], rel)
			byName[f.String()] = f
		}
		return nil
	}
	var p []string
	base := filepath.Base(s.root)
	single := strings.HasSuffix(base, ".mbox")
	if single {
		p = []string{strings.TrimSuffix(base, ".mbox")}
	}
	if err := walk(".", p, single, 0); err != nil {
		return err
	}
	s.dirs, s.list = dirs, nil
	for _, f := range byName {
		s.list = append(s.list, f)
		for i := 1; i < len(f.Path); i++ {
			up := transport.Folder{Path: f.Path[:i], ID: id(f.Path[:i]), Count: -1, Size: -1, NoItems: true}
			if _, ok := byName[up.String()]; !ok && !slices.ContainsFunc(s.list, func(g transport.Folder) bool { return g.ID == up.ID }) {
				s.list = append(s.list, up)
			}
		}
	}
	slices.SortFunc(s.list, func(a, b transport.Folder) int { return slices.Compare(a.Path, b.Path) })
	return nil
}

func id(p []string) string {
	if len(p) == 0 {
		return "."
	}
	return transport.JoinPath(p)
}

// Folders implements [transport.Source].
func (s *Store) Folders(ctx context.Context) iter.Seq2[transport.Folder, error] {
	return func(yield func(transport.Folder, error) bool) {
		if err := s.scan(ctx); err != nil {
			yield(transport.Folder{}, err)
			return
		}
		s.mu.Lock()
		list := s.list
		s.mu.Unlock()
		for _, f := range list {
			if !yield(f, nil) {
				return
			}
		}
	}
}

func (s *Store) folder(ctx context.Context, op string, f transport.Folder) ([]string, error) {
	if err := s.begin(ctx, op); err != nil {
		return nil, err
	}
	s.mu.Lock()
	known := s.dirs != nil
	s.mu.Unlock()
	if !known {
		if err := s.scan(ctx); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	dirs, ok := s.dirs[f.String()]
	if !ok {
		return nil, localfile.NoFolder(op, f)
	}
	return dirs, nil
}

// Items implements [transport.Source]. Keys are paths below the root.
func (s *Store) Items(ctx context.Context, f transport.Folder, _ *transport.Cursor) iter.Seq2[transport.Meta, error] {
	return func(yield func(transport.Meta, error) bool) {
		dirs, err := s.folder(ctx, "list", f)
		if err != nil {
			yield(transport.Meta{}, err)
			return
		}
		for _, dir := range dirs {
			d, err := os.Open(filepath.Join(s.root, filepath.FromSlash(dir)))
			if err != nil {
				yield(transport.Meta{}, localfile.Error("list", f, "", err))
				return
			}
			more := s.page(ctx, d, dir, f, yield)
			d.Close()
			if !more {
				return
			}
		}
	}
}

// page lists one folder of files. It is false when the listing is over.
func (s *Store) page(ctx context.Context, d *os.File, dir string, f transport.Folder, yield func(transport.Meta, error) bool) bool {
	for {
		list, err := d.ReadDir(512)
		for _, e := range list {
			if cerr := ctx.Err(); cerr != nil {
				yield(transport.Meta{}, cerr)
				return false
			}
			if e.IsDir() || strings.HasPrefix(e.Name(), ".") || !strings.EqualFold(path.Ext(e.Name()), ".emlx") {
				continue
			}
			key := transport.Key(path.Join(dir, e.Name()))
			m, merr := s.meta(key)
			if errors.Is(merr, fs.ErrNotExist) {
				continue
			}
			if !yield(m, localfile.Error("list", f, key, merr)) {
				return false
			}
		}
		if err == io.EOF {
			return true
		}
		if err != nil {
			yield(transport.Meta{}, localfile.Error("list", f, "", err))
			return false
		}
	}
}

func (s *Store) meta(k transport.Key) (transport.Meta, error) {
	file, err := os.Open(filepath.Join(s.root, filepath.FromSlash(string(k))))
	if err != nil {
		return transport.Meta{Key: k, Size: -1}, err
	}
	defer file.Close()
	st, err := file.Stat()
	if err != nil {
		return transport.Meta{Key: k, Size: -1}, err
	}
	msg, err := Read(file, st.Size())
	if err != nil {
		// The Fetch tells what is wrong, with the bytes.
		return transport.Meta{Key: k, Size: st.Size(), Received: st.ModTime().UTC()}, nil
	}
	m := msg.Meta
	m.Key = k
	h, err := head.Read(io.NewSectionReader(file, msg.Mail.Off, msg.Mail.N))
	m.Subject, m.MessageID = h.Subject(), h.MessageID()
	if m.Received.IsZero() {
		m.Received = h.Received().UTC()
	}
	return m, err
}

// Fetch implements [transport.Source].
func (s *Store) Fetch(ctx context.Context, f transport.Folder, keys []transport.Key, _ []transport.Form) iter.Seq2[transport.Fetched, error] {
	return func(yield func(transport.Fetched, error) bool) {
		dirs, err := s.folder(ctx, "fetch", f)
		if err != nil {
			yield(transport.Fetched{}, err)
			return
		}
		for _, k := range keys {
			if err := ctx.Err(); err != nil {
				yield(transport.Fetched{}, err)
				return
			}
			fe := transport.Fetched{Key: k}
			if slices.Contains(dirs, path.Dir(string(k))) && strings.EqualFold(path.Ext(string(k)), ".emlx") {
				fe.Content, fe.Err = s.content(ctx, f, k)
			} else {
				fe.Err = localfile.NoItem("fetch", f, k)
			}
			if transport.Canceled(fe.Err) {
				yield(transport.Fetched{}, fe.Err)
				return
			}
			if !yield(fe, nil) {
				return
			}
		}
	}
}

func (s *Store) content(ctx context.Context, f transport.Folder, k transport.Key) (*transport.Content, error) {
	name := filepath.Join(s.root, filepath.FromSlash(string(k)))
	file, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, localfile.NoItem("fetch", f, k)
	}
	if err != nil {
		return nil, localfile.Error("fetch", f, k, err)
	}
	fail := func(err error) (*transport.Content, error) {
		file.Close()
		return nil, localfile.Error("fetch", f, k, err)
	}
	st, err := file.Stat()
	if err != nil {
		return fail(err)
	}
	c := &transport.Content{Form: transport.FormMIME, OnClose: file.Close}
	msg, err := Read(file, st.Size())
	if err != nil {
		c.MIME = mapi.Section{R: file, N: st.Size()}
		return c, &transport.Error{Kind: transport.Permanent, Op: "fetch", Folder: f.String(), Key: k, Err: err}
	}
	if c.MIME, c.Losses, err = msg.Join(ctx, func(p Part) (*Content, error) { return find(name, p) }); err != nil {
		return fail(err)
	}
	c.Problems = msg.Problems
	return c, nil
}

// find looks for the content of a part beside a file.
func find(name string, p Part) (*Content, error) {
	number, _, _ := strings.Cut(filepath.Base(name), ".")
	dir := filepath.Dir(name)
	raw := filepath.Join(dir, number+"."+p.ID+".emlxpart")
	if st, err := os.Stat(raw); err == nil && st.Mode().IsRegular() {
		b := &rawPart{localfile.Blob{Path: raw, N: st.Size()}, st.Size()}
		return &Content{Blob: b, Raw: true}, b.trim()
	}
	if p.ID == "" {
		return nil, nil
	}
	folder := filepath.Join(filepath.Dir(dir), "Attachments", number, p.ID)
	list, err := os.ReadDir(folder)
	if err != nil {
		return nil, nil
	}
	var found fs.FileInfo
	for _, e := range list {
		if st, err := e.Info(); err == nil && st.Mode().IsRegular() && !strings.HasPrefix(e.Name(), ".") && (found == nil || e.Name() == p.Name) {
			found = st
		}
	}
	if found == nil {
		return nil, nil
	}
	return &Content{Blob: localfile.Blob{Path: filepath.Join(folder, found.Name()), N: found.Size()}}, nil
}

// rawPart is a part in its encoding, without a line end at its end.
type rawPart struct {
	localfile.Blob
	n int64
}

func (r *rawPart) trim() error {
	f, err := os.Open(r.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	last := make([]byte, min(r.N, 2))
	if _, err := f.ReadAt(last, r.N-int64(len(last))); err != nil && err != io.EOF {
		return err
	}
	if rest, ok := strings.CutSuffix(string(last), "\n"); ok {
		r.n--
		if strings.HasSuffix(rest, "\r") {
			r.n--
		}
	}
	return nil
}

func (r *rawPart) Size() int64 { return r.n }

func (r *rawPart) Open(ctx context.Context) (io.ReadCloser, error) {
	in, err := r.Blob.Open(ctx)
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(in, r.n), in}, nil
}
