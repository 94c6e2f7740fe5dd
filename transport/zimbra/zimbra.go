package zimbra

import (
	"archive/tar"
	"cmp"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/head"
	"github.com/mailconv/mailconv/transport/lineend"
	"github.com/mailconv/mailconv/transport/localfile"
)

// Driver describes the store for a registry.
func Driver() transport.Driver {
	return transport.Driver{
		Schemes: []string{"zimbra"},
		Summary: "an archive of a Zimbra mailbox, .tgz",
		Sniff:   Sniff,
		Source: func(_ context.Context, a transport.Address, env *transport.Env) (transport.Source, error) {
			dir := ""
			if env != nil {
				dir = env.TempDir
			}
			return Open(a.Path, dir)
		},
	}
}

// Sniff reports whether a path is a tar file whose first files have .meta files.
func Sniff(name string) bool {
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		return false
	}
	var r io.Reader = f
	if z, err := gzip.NewReader(f); err == nil {
		r = z
	} else if _, err := f.Seek(0, io.SeekStart); err != nil {
		return false
	}
	tr := tar.NewReader(io.LimitReader(r, 1<<20))
	for range 4 {
		h, err := tr.Next()
		if err != nil {
			return false
		}
		if strings.HasSuffix(h.Name, ".meta") {
			return true
		}
	}
	return false
}

// A Store is one archive. It is a [transport.Source].
type Store struct {
	name    string
	tempDir string
	closed  atomic.Bool

	mu sync.Mutex
	x  *index
}

// Open opens an archive. It is read when it is first asked for something.
func Open(name, tempDir string) (*Store, error) {
	st, err := os.Stat(name)
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a file", name)
	}
	if err != nil {
		return nil, &transport.Error{Kind: transport.Unavailable, Op: "open", Err: err}
	}
	return &Store{name: name, tempDir: tempDir}, nil
}

// Close implements [transport.Source].
func (s *Store) Close() error {
	s.closed.Store(true)
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.x
	if s.x = nil; x != nil {
		return x.release()
	}
	return nil
}

func (s *Store) index(ctx context.Context, op string) (*index, error) {
	if s.closed.Load() {
		return nil, localfile.Closed(op)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.x == nil {
		x, err := read(ctx, s.name, s.tempDir)
		if err != nil {
			return nil, localfile.Error("open", transport.Folder{}, "", err)
		}
		s.x = x
	}
	return s.x, nil
}

// Folders implements [transport.Source].
func (s *Store) Folders(ctx context.Context) iter.Seq2[transport.Folder, error] {
	return func(yield func(transport.Folder, error) bool) {
		x, err := s.index(ctx, "list")
		if err != nil {
			yield(transport.Folder{}, err)
			return
		}
		for _, f := range x.folders {
			if !yield(f, nil) {
				return
			}
		}
	}
}

func (s *Store) items(ctx context.Context, op string, f transport.Folder) (*index, []entry, error) {
	x, err := s.index(ctx, op)
	if err != nil {
		return nil, nil, err
	}
	list, ok := x.items[f.String()]
	if !ok && !slices.ContainsFunc(x.folders, func(g transport.Folder) bool { return slices.Equal(g.Path, f.Path) }) {
		return nil, nil, localfile.NoFolder(op, f)
	}
	return x, list, nil
}

// keyOf is the item's number, with its place among those that share it.
func keyOf(list []entry, i int) transport.Key {
	n := 0
	for n < i && list[i-n-1].id == list[i].id {
		n++
	}
	key := strconv.FormatInt(list[i].id, 10)
	if n > 0 {
		key += "." + strconv.Itoa(n)
	}
	return transport.Key(key)
}

func find(list []entry, k transport.Key) (entry, bool) {
	num, nth, more := strings.Cut(string(k), ".")
	id, err := strconv.ParseInt(num, 10, 64)
	n := 0
	if err == nil && more {
		n, err = strconv.Atoi(nth)
	}
	if err != nil {
		return entry{}, false
	}
	i, ok := slices.BinarySearchFunc(list, id, func(e entry, id int64) int { return cmp.Compare(e.id, id) })
	if !ok || n < 0 || n >= len(list)-i || keyOf(list, i+n) != k {
		return entry{}, false
	}
	return list[i+n], true
}

// Items implements [transport.Source].
func (s *Store) Items(ctx context.Context, f transport.Folder, _ *transport.Cursor) iter.Seq2[transport.Meta, error] {
	return func(yield func(transport.Meta, error) bool) {
		x, list, err := s.items(ctx, "list", f)
		if err != nil {
			yield(transport.Meta{}, err)
			return
		}
		for i, e := range list {
			if err := ctx.Err(); err != nil {
				yield(transport.Meta{}, err)
				return
			}
			m, err := x.item(e, keyOf(list, i))
			if !yield(m, localfile.Error("list", f, m.Key, err)) {
				return
			}
		}
	}
}

func (x *index) item(e entry, k transport.Key) (transport.Meta, error) {
	m := transport.Meta{Key: k, Size: e.size}
	if e.id > 0 {
		m.ObjectID = strconv.FormatInt(e.id, 10)
	}
	info, err := x.meta(e)
	if err != nil {
		return m, err
	}
	m.Subject, m.Flags, m.Keywords, m.Received = info.Subject, info.flags(), info.tags(), info.received()
	if info.Type != kindMessage {
		kind := kindNames[info.Type]
		if kind == "" {
			kind = "kind " + strconv.Itoa(info.Type)
		}
		m.Skip = "not a mail but a " + kind
		return m, nil
	}
	if e.size < 0 {
		m.Skip = "the archive holds no file of it"
		return m, nil
	}
	h, err := head.Read(io.NewSectionReader(x.r, e.off, e.size))
	m.MessageID = h.MessageID()
	if m.Subject == "" {
		m.Subject = h.Subject()
	}
	if m.Received.IsZero() {
		m.Received = h.Received().UTC()
	}
	return m, err
}

// Fetch implements [transport.Source].
func (s *Store) Fetch(ctx context.Context, f transport.Folder, keys []transport.Key, _ []transport.Form) iter.Seq2[transport.Fetched, error] {
	return func(yield func(transport.Fetched, error) bool) {
		x, list, err := s.items(ctx, "fetch", f)
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
			if e, ok := find(list, k); ok && e.size >= 0 {
				b, err := lineend.Load(ctx, mapi.Section{R: x.r, Off: e.off, N: e.size})
				if transport.Canceled(err) {
					yield(transport.Fetched{}, err)
					return
				}
				if fe.Err = localfile.Error("fetch", f, k, err); err == nil {
					fe.Content = &transport.Content{Form: transport.FormMIME, MIME: b}
				}
			} else {
				fe.Err = localfile.NoItem("fetch", f, k)
			}
			if !yield(fe, nil) {
				return
			}
		}
	}
}
