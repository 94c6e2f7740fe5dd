package maildir

import (
	"context"
	"errors"
	"hash/maphash"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/head"
	"github.com/mailconv/mailconv/transport/lineend"
	"github.com/mailconv/mailconv/transport/localfile"
)

// Items implements [transport.Source]. The order is that of the file system.
func (s *Store) Items(ctx context.Context, f transport.Folder, _ *transport.Cursor) iter.Seq2[transport.Meta, error] {
	return s.items(ctx, f, func(string) bool { return true })
}

var seed = maphash.MakeSeed()

func (s *Store) items(ctx context.Context, f transport.Folder, want func(unique string) bool) iter.Seq2[transport.Meta, error] {
	return func(yield func(transport.Meta, error) bool) {
		err := s.begin(ctx, "list")
		var fo *folder
		if err == nil {
			fo, err = s.folder("list", f)
		}
		if err != nil {
			yield(transport.Meta{}, err)
			return
		}
		names := fo.kw.list()
		moved := map[uint64]bool{} // from new to cur, while we list
		for _, sub := range [...]string{"new", "cur"} {
			dir := filepath.Join(fo.dir, sub)
			stop := false
			err := eachName(dir, func(name string) bool {
				if err = ctx.Err(); err != nil {
					return false
				}
				unique, info := splitInfo(name)
				h := maphash.String(seed, unique)
				if sub == "new" {
					moved[h] = true
				} else {
					fo.learn(name[len(unique):])
					if moved[h] {
						return true
					}
				}
				if !want(unique) {
					return true
				}
				m, err := s.meta(filepath.Join(dir, name), unique)
				if errors.Is(err, fs.ErrNotExist) {
					return true // renamed or deleted meanwhile
				}
				m.Flags, m.Keywords = parseInfo(info, names)
				stop = !yield(m, localfile.Error("list", f, m.Key, err))
				return !stop
			})
			if stop {
				return
			}
			if err == nil {
				err = ctx.Err()
			}
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				yield(transport.Meta{}, localfile.Error("list", f, "", err))
				return
			}
		}
	}
}

// meta reads what the name, the file's attributes and the header say.
func (s *Store) meta(path, unique string) (transport.Meta, error) {
	m := transport.Meta{Key: keyOf(unique), Size: -1}
	file, err := os.Open(path)
	if err != nil {
		return m, err
	}
	defer file.Close()
	st, err := file.Stat()
	if err != nil {
		return m, err
	}
	m.Size, m.Received = st.Size(), st.ModTime()
	if stamp, ok, ours := parseUnique(unique); ok {
		// A name that is unique by the rules stays with the mail in a move.
		m.ObjectID, m.Token = unique, stamp.token
		if s.o.DateFromName || ours && m.Received.Unix() != stamp.received && stamp.received > 0 {
			m.Received = time.Unix(stamp.received, 0)
		}
	}
	m.Received = m.Received.UTC()
	h, err := head.Read(file)
	if err != nil {
		return m, err
	}
	m.Subject, m.MessageID = h.Subject(), h.MessageID()
	return m, nil
}

// Fetch implements [transport.Source].
func (s *Store) Fetch(ctx context.Context, f transport.Folder, keys []transport.Key, _ []transport.Form) iter.Seq2[transport.Fetched, error] {
	return func(yield func(transport.Fetched, error) bool) {
		err := s.begin(ctx, "fetch")
		var fo *folder
		if err == nil {
			fo, err = s.folder("fetch", f)
		}
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
			fe.Content, fe.Err = s.content(ctx, fo, f, k)
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

func (s *Store) content(ctx context.Context, fo *folder, f transport.Folder, k transport.Key) (*transport.Content, error) {
	path, err := fo.locate(f, k, "fetch")
	if err != nil {
		return nil, err
	}
	st, err := os.Stat(path)
	if err != nil {
		return nil, localfile.Error("fetch", f, k, err)
	}
	b, err := lineend.Load(ctx, localfile.Blob{Path: path, N: st.Size()})
	if err != nil {
		return nil, localfile.Error("fetch", f, k, err)
	}
	return &transport.Content{Form: transport.FormMIME, MIME: b}, nil
}

func (fo *folder) locate(f transport.Folder, k transport.Key, op string) (string, error) {
	unique := uniqueOf(k)
	if unique == "" || strings.HasPrefix(unique, ".") {
		return "", localfile.NoItem(op, f, k)
	}
	path, err := fo.find(unique)
	if errors.Is(err, fs.ErrNotExist) {
		return "", localfile.NoItem(op, f, k)
	}
	return path, localfile.Error(op, f, k, err)
}
