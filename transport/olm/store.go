package olm

import (
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/itemprops"
	"github.com/mailconv/mailconv/transport/localfile"
)

// Driver describes the store for a registry.
func Driver() transport.Driver {
	return transport.Driver{
		Schemes: []string{"olm"},
		Summary: "an archive of Outlook for Mac, .olm (read only)",
		Sniff:   Sniff,
		Source: func(_ context.Context, a transport.Address, _ *transport.Env) (transport.Source, error) {
			return Open(a.Path)
		},
	}
}

// Sniff reports whether a path is a zip file with the folders of such an
// archive.
func Sniff(path string) bool {
	st, err := os.Stat(path)
	if err != nil || !st.Mode().IsRegular() {
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	magic := make([]byte, 4)
	if _, err = io.ReadFull(f, magic); err != nil || string(magic[:2]) != "PK" {
		return false
	}
	_, err = open(f, st.Size())
	return err == nil
}

// A Store is one archive. It is a [transport.Source].
type Store struct {
	a      *archive
	file   *os.File // nil when it is not ours to close
	closed atomic.Bool
}

// Open opens an archive for reading. Memory holds its list of files.
func Open(name string) (*Store, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, &transport.Error{Kind: transport.Unavailable, Op: "open", Err: err}
	}
	var a *archive
	st, err := f.Stat()
	if err == nil {
		a, err = open(f, st.Size())
	}
	if err != nil {
		f.Close()
		return nil, &transport.Error{Op: "open " + name, Err: err}
	}
	return &Store{a: a, file: f}, nil
}

// New is [Open] for a file of size bytes that r reads. It stays open as long as
// the store and its content are used.
func New(r io.ReaderAt, size int64) (*Store, error) {
	a, err := open(r, size)
	if err != nil {
		return nil, &transport.Error{Op: "open", Err: err}
	}
	return &Store{a: a}, nil
}

// Close implements [transport.Source]. Content that was fetched cannot be read
// any more.
func (s *Store) Close() error {
	if s.closed.Swap(true) || s.file == nil {
		return nil
	}
	return s.file.Close()
}

func (s *Store) begin(ctx context.Context, op string) error {
	if s.closed.Load() {
		return localfile.Closed(op)
	}
	return ctx.Err()
}

// Folders implements [transport.Source].
func (s *Store) Folders(ctx context.Context) iter.Seq2[transport.Folder, error] {
	return func(yield func(transport.Folder, error) bool) {
		if err := s.begin(ctx, "list"); err != nil {
			yield(transport.Folder{}, err)
			return
		}
		for _, f := range s.a.folders {
			if !yield(f.Folder, nil) {
				return
			}
		}
	}
}

func (s *Store) folder(ctx context.Context, op string, f transport.Folder) (*folder, error) {
	if err := s.begin(ctx, op); err != nil {
		return nil, err
	}
	if fo := s.a.byPath[f.ID]; fo != nil {
		return fo, nil
	}
	if fo := s.a.byPath[f.String()]; fo != nil {
		return fo, nil
	}
	return nil, localfile.NoFolder(op, f)
}

// An item is one that a file yields, or the error that ends the file.
type item struct {
	key      transport.Key
	n        int // its place in the file
	m        *mapi.Message
	problems mapi.Problems
	err      error
}

// items reads a file. want leaves out what need not be made.
func (a *archive) items(ctx context.Context, e *entry, want func(transport.Key) bool) iter.Seq[item] {
	return func(yield func(item) bool) {
		key := func(n int) transport.Key {
			if n == 0 && e.mail {
				return transport.Key(e.key)
			}
			return transport.Key(e.key + "#" + strconv.Itoa(n))
		}
		f, err := e.file.Open()
		if err != nil {
			yield(item{key: key(0), err: err})
			return
		}
		defer f.Close()
		r := newItemReader(f, e.file.Name)
		for n := 0; ; n++ {
			x, err := r.next(ctx)
			switch {
			case err != nil:
				yield(item{key: key(n), n: n, err: fmt.Errorf("%w; what follows in %s is lost", err, e.key)})
				return
			case x == nil && (n < r.expected || n == 0 && e.mail):
				yield(item{key: key(n), n: n, err: fmt.Errorf("olm: %s says %d items and holds %d", e.key, max(r.expected, 1), n)})
				return
			case x == nil:
				return
			}
			if want != nil && !want(key(n)) {
				continue
			}
			it := item{key: key(n), n: n}
			it.m, it.problems = a.build(e, n, x)
			if !yield(it) {
				return
			}
		}
	}
}

// Items implements [transport.Source]. The order is that of the names of the
// files.
func (s *Store) Items(ctx context.Context, f transport.Folder, _ *transport.Cursor) iter.Seq2[transport.Meta, error] {
	return func(yield func(transport.Meta, error) bool) {
		fo, err := s.folder(ctx, "list", f)
		if err != nil {
			yield(transport.Meta{}, err)
			return
		}
		for _, e := range fo.entries {
			for it := range s.a.items(ctx, e, nil) {
				if transport.Canceled(it.err) {
					yield(transport.Meta{}, it.err)
					return
				}
				m := transport.Meta{Key: it.key, Size: -1}
				if it.err == nil {
					m = meta(e, it)
				}
				if !yield(m, localfile.Error("list", fo.Folder, it.key, it.err)) {
					return
				}
			}
		}
	}
}

func meta(e *entry, it item) transport.Meta {
	m := itemprops.Meta(it.m.Props)
	m.Key = it.key
	if m.Received.IsZero() {
		m.Received = it.m.Props.Time(mapi.PidTagLastModificationTime)
	}
	if e.mail {
		m.Size = int64(e.file.UncompressedSize64)
		for _, a := range it.m.Attachments {
			if b := a.Data(); b != nil {
				m.Size += b.Size()
			}
		}
	}
	return m
}

// Fetch implements [transport.Source]. Keys of one file are answered in one
// pass over it. Content is valid until the store is closed.
func (s *Store) Fetch(ctx context.Context, f transport.Folder, keys []transport.Key, _ []transport.Form) iter.Seq2[transport.Fetched, error] {
	return func(yield func(transport.Fetched, error) bool) {
		fo, err := s.folder(ctx, "fetch", f)
		if err != nil {
			yield(transport.Fetched{}, err)
			return
		}
		left := map[transport.Key]int{}
		var order []*entry
		seen := map[*entry]bool{}
		for _, k := range keys {
			left[k]++
			name, _, _ := strings.Cut(string(k), "#")
			if e := s.a.entries[name]; e != nil && !seen[e] {
				seen[e] = true
				order = append(order, e)
			}
		}
		give := func(fe transport.Fetched) bool {
			for ; left[fe.Key] > 0; left[fe.Key]-- {
				if !yield(fe, nil) {
					return false
				}
			}
			return true
		}
		for _, e := range order {
			for it := range s.a.items(ctx, e, func(k transport.Key) bool { return left[k] > 0 }) {
				if transport.Canceled(it.err) {
					yield(transport.Fetched{}, it.err)
					return
				}
				fe := transport.Fetched{Key: it.key}
				if it.err != nil {
					fe.Err = localfile.Error("fetch", fo.Folder, it.key, it.err)
					fe.Content = &transport.Content{Form: transport.FormObject, Object: &mapi.Message{Encoded: &mapi.Encoded{Format: "xml", Blob: fileBlob{e.file}}}}
				} else {
					fe.Content = &transport.Content{Form: transport.FormObject, Object: it.m, Problems: it.problems}
				}
				if !give(fe) {
					return
				}
			}
		}
		for _, k := range keys {
			if err := ctx.Err(); err != nil {
				yield(transport.Fetched{}, err)
				return
			}
			if !give(transport.Fetched{Key: k, Err: localfile.NoItem("fetch", fo.Folder, k)}) {
				return
			}
		}
	}
}
