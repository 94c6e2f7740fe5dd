package mbox

import (
	"context"
	"io"
	"iter"
	"os"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/localfile"
)

// openLimited opens a file up to the length that is complete.
func openLimited(name string) (*os.File, int64, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, 0, err
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	size := st.Size()
	if n, ok := journalled(name); ok {
		size = min(size, n)
	}
	return f, size, nil
}

// Items implements [transport.Source]. The order is that of the file.
func (s *Store) Items(ctx context.Context, f transport.Folder, _ *transport.Cursor) iter.Seq2[transport.Meta, error] {
	return s.items(ctx, f, 0)
}

func (s *Store) items(ctx context.Context, f transport.Folder, from int64) iter.Seq2[transport.Meta, error] {
	return func(yield func(transport.Meta, error) bool) {
		fail := func(err error) { yield(transport.Meta{}, localfile.Error("list", f, "", err)) }
		if err := s.begin(ctx, "list"); err != nil {
			fail(err)
			return
		}
		path, label, err := s.file("list", f)
		if err != nil {
			fail(err)
			return
		}
		file, size, err := openLimited(path)
		if err != nil {
			fail(err)
			return
		}
		defer file.Close()
		if s.o.LabelFolders && from == 0 && s.known(path) {
			s.byLabel(ctx, file, size, path, label, f, yield)
			return
		}
		sc := newScanner(file, size)
		defer sc.close()
		v := s.variant(sc, path)
		off, ok := int64(0), size > 0
		if from > 0 {
			off = sc.separator(from - 1)
			ok = off < size
		} else if ok {
			off, ok = sc.first()
		}
		for ok && sc.err == nil {
			if err := ctx.Err(); err != nil {
				fail(err)
				return
			}
			e, err := sc.entry(ctx, off, v)
			if err != nil {
				break
			}
			if !yield(e.Meta, nil) {
				return
			}
			off, ok = e.Next, e.Next < size
		}
		if sc.err != nil {
			fail(sc.err)
		}
	}
}

// variant is that of a file, found out once. An empty file has none yet.
func (s *Store) variant(sc *scanner, path string) Variant {
	if s.o.Variant != Auto {
		return s.o.Variant
	}
	s.mu.Lock()
	v, ok := s.variants[path]
	s.mu.Unlock()
	if !ok && sc.size > 0 {
		v = sc.variant()
		s.mu.Lock()
		s.variants[path] = v
		s.mu.Unlock()
	}
	return v
}

// known reports whether the labels of a file were read.
func (s *Store) known(path string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.labels[path] != nil
}

func (s *Store) byLabel(ctx context.Context, r io.ReaderAt, size int64, path, label string, f transport.Folder, yield func(transport.Meta, error) bool) {
	s.mu.Lock()
	offs := s.labels[path][label]
	s.mu.Unlock()
	sc := newScanner(r, size)
	defer sc.close()
	v := s.variant(sc, path)
	for _, off := range offs {
		err := ctx.Err()
		var e *Entry
		if err == nil {
			e, err = sc.entry(ctx, off, v)
		}
		if err != nil {
			yield(transport.Meta{}, localfile.Error("list", f, "", err))
			return
		}
		m := e.Meta
		// The label that is the folder need not be a keyword too.
		m.Keywords = nil
		for _, k := range e.Meta.Keywords {
			if k != label {
				m.Keywords = append(m.Keywords, k)
			}
		}
		if !yield(m, nil) {
			return
		}
	}
}

// Fetch implements [transport.Source].
func (s *Store) Fetch(ctx context.Context, f transport.Folder, keys []transport.Key, _ []transport.Form) iter.Seq2[transport.Fetched, error] {
	return func(yield func(transport.Fetched, error) bool) {
		err := s.begin(ctx, "fetch")
		var path string
		if err == nil {
			path, _, err = s.file("fetch", f)
		}
		var shared *sharedFile
		var size int64
		if err == nil {
			shared = &sharedFile{refs: 1}
			shared.File, size, err = openLimited(path)
		}
		if err != nil {
			yield(transport.Fetched{}, localfile.Error("fetch", f, "", err))
			return
		}
		defer shared.drop()
		sc := newScanner(shared.File, size)
		defer sc.close()
		v := s.variant(sc, path)
		for _, k := range keys {
			if err := ctx.Err(); err != nil {
				yield(transport.Fetched{}, err)
				return
			}
			fe := transport.Fetched{Key: k}
			fe.Content, fe.Err = fetch(ctx, sc, shared, v, f, k)
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

func fetch(ctx context.Context, sc *scanner, file *sharedFile, v Variant, f transport.Folder, k transport.Key) (*transport.Content, error) {
	off, hash, ok := parseKey(k)
	if !ok || off >= sc.size {
		return nil, localfile.NoItem("fetch", f, k)
	}
	e, err := sc.entry(ctx, off, v)
	if err != nil {
		sc.err = nil
		return nil, localfile.Error("fetch", f, k, err)
	}
	if e.hash != hash {
		return nil, localfile.NoItem("fetch", f, k)
	}
	b, err := e.Blob(ctx, file)
	if err != nil {
		return nil, localfile.Error("fetch", f, k, err)
	}
	c := &transport.Content{Form: transport.FormMIME, MIME: b}
	if _, large := b.(*blob); large {
		file.keep()
		c.OnClose = file.drop
	}
	return c, nil
}
