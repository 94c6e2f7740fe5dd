package pst

import (
	"context"
	"encoding/hex"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/pst"
	"github.com/mailconv/mailconv/mapi/pst/ndb"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/itemprops"
	"github.com/mailconv/mailconv/transport/localfile"
)

// DamageKey is the key of the error that stands for the items of a folder that
// could not even be named.
const DamageKey = transport.Key("damage")

// Items implements [transport.Source]. The order is that of the node
// identifiers, within each kind of items.
func (s *Store) Items(ctx context.Context, f transport.Folder, _ *transport.Cursor) iter.Seq2[transport.Meta, error] {
	return func(yield func(transport.Meta, error) bool) {
		fo, err := s.folder(ctx, "list", f)
		if err != nil {
			yield(transport.Meta{}, err)
			return
		}
		if fo.recovered {
			s.recovered(ctx, fo, yield)
			return
		}
		read := 0
		for _, v := range []pst.View{pst.Contents, pst.Deleted, pst.Associated} {
			if v == pst.Deleted && fo.src.Search {
				continue
			}
			for e, err := range s.file.Items(fo.src.NID, v) {
				if ctx.Err() != nil {
					yield(transport.Meta{}, ctx.Err())
					return
				}
				if v == pst.Contents {
					read++
				}
				if !yield(s.item(fo, e, err)) {
					return
				}
			}
		}
		if err := s.damage(fo, read); err != nil {
			m := transport.Meta{Key: DamageKey, Size: -1}
			yield(m, localfile.Error("list", fo.Folder, m.Key, err))
		}
	}
}

// item turns an entry of a list into what the store tells of it.
func (s *Store) item(fo *folder, e pst.Entry, err error) (transport.Meta, error) {
	skip := ""
	switch {
	case fo.src.Search:
		skip = "listed by a search folder; the item itself is in another one"
	case fo.src.Recoverable && !s.o.Recoverable:
		skip = "in the dumpster; the parameter recoverable=1 takes it"
	case e.View == pst.Deleted && !s.o.Deleted:
		skip = "deleted; the parameter deleted=1 takes it"
	case e.View == pst.Associated && !s.o.Associated:
		skip = "an associated item; the parameter associated=1 takes it"
	}
	if err == nil && skip == "" && !s.o.Brief {
		// What is damaged there is told by the Fetch.
		_ = s.file.Complete(&e)
	}
	m := meta(e)
	m.Skip = skip
	if err != nil && skip != "" {
		err = nil // it is left out all the same
	}
	return m, localfile.Error("list", fo.Folder, m.Key, err)
}

func meta(e pst.Entry) transport.Meta {
	m := transport.Meta{
		Key: transport.Key(e.NID.String()), ObjectID: hex.EncodeToString(e.SearchKey), Size: e.Size,
		Received: e.Received, Class: e.Class, Subject: e.Subject, Keywords: e.Keywords,
	}
	if m.Received.IsZero() {
		m.Received = e.Submitted
	}
	if m.Received.Year() < 1970 {
		m.Received = time.Time{}
	}
	if id := strings.TrimSpace(e.MessageID); strings.HasPrefix(id, "<") {
		m.MessageID = id
	}
	m.Flags = itemprops.State{
		Class: e.Class, MessageFlags: int64(e.Flags), MessageStatus: int64(e.Status), LastVerb: int64(e.LastVerb), FlagStatus: int64(e.FlagStatus),
	}.Flags()
	if e.View == pst.Deleted {
		m.Flags |= transport.Deleted
	}
	return m
}

// damage says what of a folder is not in its listing, nil when nothing is
// known to be missing.
func (s *Store) damage(fo *folder, read int) error {
	src := fo.src
	if src.Search {
		return nil
	}
	var why []string
	if src.Err != nil {
		why = append(why, src.Err.Error())
	}
	if n := src.Count - read; n > 0 {
		why = append(why, fmt.Sprintf("the folder says %d items, %d are listed", src.Count, read))
	}
	more := 0
	for _, p := range s.file.Problems() {
		if !p.Severe || !about(p, src.NID) {
			continue
		}
		if len(why) < 3 {
			why = append(why, p.String())
		} else {
			more++
		}
	}
	if len(why) == 0 {
		return nil
	}
	if more > 0 {
		why = append(why, fmt.Sprintf("and %d more", more))
	}
	return fmt.Errorf("%s; what was found is listed, recover=1 looks for the rest", strings.Join(why, "; "))
}

// about reports whether a problem is about the lists of a folder.
func about(p mapi.Problem, folder pst.NID) bool {
	for _, typ := range []ndb.NIDType{ndb.TypeContentsTable, ndb.TypeHierarchyTable, folder.Type()} {
		n := "node " + folder.WithType(typ).String()
		if p.Where == n || strings.HasPrefix(p.Where, n+",") {
			return true
		}
	}
	return false
}

// recovered lists what no folder has.
func (s *Store) recovered(ctx context.Context, fo *folder, yield func(transport.Meta, error) bool) {
	show := func(m transport.Meta, e pst.Entry, err error) bool {
		if err == nil && e.View == pst.Associated && !s.o.Associated {
			m.Skip = "an associated item; the parameter associated=1 takes it"
		}
		return yield(m, localfile.Error("list", fo.Folder, m.Key, err))
	}
	// Deleted items that still have a row are listed in their folder.
	deleted := map[pst.NID]struct{}{}
	for _, f := range s.folders().list {
		if f.recovered || f.src.Search {
			continue
		}
		for e := range s.file.Items(f.src.NID, pst.Deleted) {
			deleted[e.NID] = struct{}{}
		}
	}
	lost := 0
	for e, err := range s.file.Orphans(ctx) {
		if _, ok := deleted[e.NID]; ok && err == nil {
			continue
		}
		if ctx.Err() != nil {
			yield(transport.Meta{}, ctx.Err())
			return
		}
		if err != nil {
			lost++
			if !yield(transport.Meta{Key: transport.Key(fmt.Sprintf("%s-%d", DamageKey, lost)), Size: -1}, localfile.Error("list", fo.Folder, DamageKey, err)) {
				return
			}
			continue
		}
		_ = s.file.Complete(&e)
		if !show(meta(e), e, nil) {
			return
		}
	}
	for e, err := range s.file.Former(ctx) {
		if ctx.Err() != nil {
			yield(transport.Meta{}, ctx.Err())
			return
		}
		m := meta(e.Entry)
		m.Key = formerKey(e.Node)
		m.ObjectID = "" // the item itself may be there too
		if !show(m, e.Entry, err) {
			return
		}
	}
}

// formerKey is the node and its block: the node alone may be another item's
// now.
func formerKey(n ndb.Node) transport.Key {
	return transport.Key(n.NID.String() + "-" + n.Data.String())
}
