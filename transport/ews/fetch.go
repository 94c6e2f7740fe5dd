package ews

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/fasttransfer"
	"github.com/mailconv/mailconv/msg/cfb"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/ews/soap"
	"github.com/mailconv/mailconv/transport/itemprops"
	"github.com/mailconv/mailconv/transport/spool"
)

const (
	opExport = "ExportItems"
	opUpload = "UploadItems"
)

// Bodies are asked for in groups, so that small mail takes few requests, and
// read to the end before the first is handed over, so that a slow reader does
// not keep a connection. The groups grow while they stay small in bytes.
const (
	firstGroup = 8
	largeGroup = 64
	groupBytes = 8 << 20
)

// Fetch implements [transport.Source].
func (st *Store) Fetch(ctx context.Context, f transport.Folder, keys []transport.Key, want []transport.Form) iter.Seq2[transport.Fetched, error] {
	return func(yield func(transport.Fetched, error) bool) {
		objects := st.wantsObjects(f, want)
		size := firstGroup
		for len(keys) > 0 {
			part := keys[:min(size, len(keys))]
			keys = keys[len(part):]
			g := &group{st: st, f: f, keys: part, got: make([]*transport.Fetched, len(part))}
			err := g.fetch(ctx, objects)
			switch {
			case g.bytes > groupBytes:
				size = max(1, size/4)
			case g.bytes < groupBytes/4:
				size = min(largeGroup, size*2)
			}
			if !g.hand(ctx, yield) {
				return
			}
			if err != nil {
				yield(transport.Fetched{}, err)
				return
			}
		}
	}
}

// wantsObjects reports whether the items of a folder are asked for as objects.
func (st *Store) wantsObjects(f transport.Folder, want []transport.Form) bool {
	if st.o.Objects == ObjectsAlways || len(want) > 0 && want[0] == transport.FormObject {
		return true
	}
	class := f.Class
	if class == "" && f.ID != "" {
		class = st.folders.Class(f.ID)
	}
	switch c := strings.ToUpper(class); {
	case c == "", c == "IPF", c == "IPF.NOTE", strings.HasPrefix(c, "IPF.NOTE."):
		return false
	}
	return true
}

// A group is the items of one call.
type group struct {
	st    *Store
	f     transport.Folder
	keys  []transport.Key
	got   []*transport.Fetched // nil where there is no answer yet
	bytes int64
}

// hand yields what there is; false when the reader has left.
func (g *group) hand(ctx context.Context, yield func(transport.Fetched, error) bool) bool {
	for i, fe := range g.got {
		if fe == nil {
			continue
		}
		end := ctx.Err()
		if end != nil {
			fe.Content.Close()
			yield(transport.Fetched{}, end)
		}
		if end != nil || !yield(*fe, nil) {
			for _, rest := range g.got[i+1:] {
				if rest != nil {
					rest.Content.Close()
				}
			}
			return false
		}
	}
	return true
}

func (g *group) put(i int, c *transport.Content, err error) {
	if old := g.got[i]; old != nil {
		old.Content.Close()
	}
	if err != nil {
		c.Close()
		c = nil
	}
	g.got[i] = &transport.Fetched{Key: g.keys[i], Content: c, Err: withKey(err, g.keys[i])}
}

// fetch asks for all items of the group. An error is about the rest of them.
func (g *group) fetch(ctx context.Context, objects bool) error {
	all := make([]int, len(g.keys))
	for i := range all {
		all[i] = i
	}
	if objects && g.st.svc.has(opExport) {
		left, err := g.export(ctx, all)
		if !unknownOperation(err) || g.st.svc.has(opExport) {
			if err != nil || len(left) == 0 {
				return err
			}
			return g.mime(ctx, left, true)
		}
	}
	return g.mime(ctx, all, false)
}

func pick[T any](list []T, at []int) []T {
	out := make([]T, len(at))
	for i, k := range at {
		out[i] = list[k]
	}
	return out
}

// export asks for objects. What is too large for it is left over.
func (g *group) export(ctx context.Context, at []int) (left []int, err error) {
	keys := pick(g.keys, at)
	r := request{op: "fetch", name: opExport, folder: g.f.String(), body: func(w *soap.Writer) { writeItemIDs(w, keys) }}
	var c *transport.Content
	var bad error
	defer func() { c.Close() }()
	err = g.st.svc.do(ctx, r, reply{
		element: func(i int, s *soap.Scanner) error {
			if s.Name() != "Data" || i >= len(at) || c != nil {
				return nil
			}
			buf := g.st.spool.Create()
			c = &transport.Content{Form: transport.FormObject, OnClose: buf.Close}
			var n int64
			n, bad = s.Base64(buf)
			g.bytes += n
			if s.Err() != nil {
				return g.writeError(s, buf)
			}
			if bad == nil {
				bad = g.decode(ctx, buf, c)
			}
			return ctx.Err()
		},
		done: func(i int, m *message) error {
			if i >= len(at) {
				return nil
			}
			now, nowBad := c, bad
			c, bad = nil, nil
			switch {
			case transport.KindOf(m.err) == transport.TooLarge && m.err != nil:
				now.Close()
				left = append(left, at[i])
			case m.err != nil:
				now.Close()
				g.put(at[i], nil, m.err)
			case now == nil:
				g.put(at[i], nil, &transport.Error{Op: "fetch", Folder: g.f.String(), Err: errors.New("the server reports success and gives no data")})
			default:
				g.put(at[i], now, nowBad)
			}
			return nil
		},
	})
	return left, err
}

// writeError tells a full disk from a broken connection.
func (g *group) writeError(s *soap.Scanner, buf *spool.Buffer) error {
	if _, err := buf.Blob(); err != nil {
		return &transport.Error{Kind: transport.Unavailable, Op: "fetch", Folder: g.f.String(), Err: err}
	}
	return nil // the scanner keeps its error
}

// decode reads an object out of its stream.
func (g *group) decode(ctx context.Context, buf *spool.Buffer, c *transport.Content) error {
	blob, err := buf.Blob()
	if err != nil {
		return err
	}
	sec, ok := blob.(mapi.Section)
	if !ok {
		return fmt.Errorf("a spooled body of type %T", blob)
	}
	m, problems, err := fasttransfer.Decode(ctx, sec.R, sec.N, &fasttransfer.Options{Storage: cfb.ReadStorage})
	if err != nil {
		return &transport.Error{Op: "fetch", Folder: g.f.String(), Err: err}
	}
	if _, ok := m.Props.GetName(itemprops.NameToken); ok {
		// Ours, and of no use elsewhere.
		m.Props.DeleteName(itemprops.NameToken)
		m.Encoded = nil
	}
	c.Object, c.Problems = m, problems
	return nil
}

// mime asks for MIME. With late they were asked for as objects before, which
// were too large.
func (g *group) mime(ctx context.Context, at []int, late bool) error {
	keys := pick(g.keys, at)
	r := request{op: "fetch", name: "GetItem", folder: g.f.String(), body: func(w *soap.Writer) {
		w.Start("m:ItemShape").Element("t:BaseShape", "IdOnly").Element("t:IncludeMimeContent", "true")
		w.Start("t:AdditionalProperties").Empty("t:FieldURI", "FieldURI", "item:ItemClass").End().End()
		writeItemIDs(w, keys)
	}}
	var c *transport.Content
	var bad error
	var it item
	defer func() { c.Close() }()
	var others []int  // no mail: objects by nature
	var corrupt []int // the server cannot make MIME of them
	err := g.st.svc.do(ctx, r, reply{
		element: func(i int, s *soap.Scanner) error {
			if s.Name() != "Items" || i >= len(at) {
				return nil
			}
			for depth := s.Depth(); s.Child(depth); {
				var err error
				it, err = readItem(s, func(s *soap.Scanner) error {
					if c != nil {
						return nil
					}
					buf := g.st.spool.Create()
					c = &transport.Content{Form: transport.FormMIME, OnClose: buf.Close}
					var n int64
					n, bad = s.Base64(buf)
					g.bytes += n
					if s.Err() != nil {
						return g.writeError(s, buf)
					}
					if bad == nil {
						c.MIME, bad = buf.Blob()
					}
					return ctx.Err()
				})
				if err != nil && s.Err() == nil {
					return err
				}
			}
			return nil
		},
		done: func(i int, m *message) error {
			if i >= len(at) {
				return nil
			}
			now, nowBad, class := c, bad, it.props.Text(mapi.PidTagMessageClass)
			c, bad, it = nil, nil, item{}
			switch {
			case m.err != nil:
				now.Close()
				g.put(at[i], nil, m.err)
				if transport.KindOf(m.err) == transport.Rejected && !late {
					corrupt = append(corrupt, at[i])
				}
			case !late && !isMail(class):
				now.Close()
				others = append(others, at[i])
			case now == nil:
				g.put(at[i], nil, &transport.Error{Op: "fetch", Folder: g.f.String(), Err: errors.New("the server gives no MIME content")})
			default:
				if late {
					now.Losses = append(now.Losses, mapi.Loss{Item: "object", Reason: mapi.LossTooLarge, Detail: "the server does not export an item of this size; its MIME form was taken"})
				}
				g.put(at[i], now, nowBad)
			}
			return nil
		},
	})
	if err == nil && len(corrupt) > 0 && g.st.svc.has(opExport) {
		// As an object such an item is often still whole.
		if _, err = g.export(ctx, corrupt); unknownOperation(err) {
			err = nil // the first error of each stays
		}
	}
	if err != nil || len(others) == 0 {
		return err
	}
	return g.others(ctx, others)
}

// others asks for items that are no mail.
func (g *group) others(ctx context.Context, at []int) error {
	if g.st.svc.has(opExport) {
		left, err := g.export(ctx, at)
		if !unknownOperation(err) || g.st.svc.has(opExport) {
			if err != nil || len(left) == 0 {
				return err
			}
			return g.mime(ctx, left, true)
		}
	}
	return g.fields(ctx, at)
}
