package pst

import (
	"context"
	"errors"
	"iter"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/pst"
	"github.com/mailconv/mailconv/mapi/pst/ndb"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/localfile"
)

// Fetch implements [transport.Source]. Content is valid until the store is
// closed. An item that cannot be read comes with its node's bytes.
func (s *Store) Fetch(ctx context.Context, f transport.Folder, keys []transport.Key, _ []transport.Form) iter.Seq2[transport.Fetched, error] {
	return func(yield func(transport.Fetched, error) bool) {
		fo, err := s.folder(ctx, "fetch", f)
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
			fe.Content, fe.Err = s.content(ctx, fo, k)
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

func (s *Store) content(ctx context.Context, fo *folder, k transport.Key) (*transport.Content, error) {
	n, err := s.node(ctx, fo, k)
	if errors.Is(err, pst.ErrNotFound) {
		return nil, localfile.NoItem("fetch", fo.Folder, k)
	}
	if err != nil {
		return nil, localfile.Error("fetch", fo.Folder, k, err)
	}
	m, problems, err := s.file.ItemOf(ctx, n)
	if err == nil {
		return &transport.Content{Form: transport.FormObject, Object: m, Problems: problems}, nil
	}
	if transport.Canceled(err) {
		return nil, err
	}
	if errors.Is(err, pst.ErrNotFound) {
		err = errors.New(err.Error()) // the item is there, a part of it is not
	}
	return s.raw(n, problems), &transport.Error{Op: "fetch", Folder: fo.String(), Key: k, Err: err}
}

// raw is the bytes of a node that could not be understood, as far as they can
// be read; nil when they cannot.
func (s *Store) raw(n ndb.Node, problems mapi.Problems) *transport.Content {
	d, err := s.file.DB().Data(n)
	if err != nil || d.Size() == 0 {
		return nil
	}
	return &transport.Content{
		Form:     transport.FormObject,
		Object:   &mapi.Message{Encoded: &mapi.Encoded{Format: "node", Blob: d.Blob()}},
		Problems: problems,
	}
}

// node finds the node of a key.
func (s *Store) node(ctx context.Context, fo *folder, k transport.Key) (ndb.Node, error) {
	if nid, ok := parseNID(string(k)); ok {
		if t := nid.Type(); t != ndb.TypeNormalMessage && t != ndb.TypeAssocMessage {
			return ndb.Node{}, pst.ErrNotFound
		}
		return s.file.DB().Node(nid)
	}
	if !fo.recovered {
		return ndb.Node{}, pst.ErrNotFound
	}
	s.formerOnce.Do(func() {
		s.former = map[transport.Key]ndb.Node{}
		for _, n := range s.file.DB().Former() {
			s.former[formerKey(n)] = n
		}
	})
	n, ok := s.former[k]
	if !ok {
		return n, pst.ErrNotFound
	}
	return n, ctx.Err()
}
