package ews

import (
	"context"
	"iter"
	"strconv"
	"strings"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/ews/soap"
)

const (
	// syncPage is the most that SyncFolderItems gives. [MS-OXWSSYNC] 3.1.4.2
	syncPage = 512
	findPage = 500
	metaPage = 100 // items of one GetItem without bodies
)

// A change is one entry of a synchronization.
type change struct {
	meta transport.Meta
	// partial: only the key is known, the rest has to be asked for.
	partial bool
}

// A syncReply is one page of a synchronization.
type syncReply struct {
	state   string
	last    bool
	changes []change
}

// sync asks for what changed in a folder since a state, "" for all.
func (st *Store) sync(ctx context.Context, f transport.Folder, id, state string, created bool) (syncReply, error) {
	r := request{op: "list", name: "SyncFolderItems", folder: f.String(), body: func(w *soap.Writer) {
		writeMetaShape(w)
		writeFolderID(w, "m:SyncFolderId", id)
		if state != "" {
			w.Element("m:SyncState", state)
		}
		w.Element("m:MaxChangesReturned", strconv.Itoa(syncPage))
	}}
	out := syncReply{last: true}
	err := st.svc.do(ctx, r, reply{element: func(_ int, s *soap.Scanner) error {
		switch s.Name() {
		case "SyncState":
			out.state = strings.TrimSpace(s.Text())
		case "IncludesLastItemInRange":
			out.last = s.Text() != "false"
		case "Changes":
			for depth := s.Depth(); s.Child(depth); {
				readChange(s, created, &out)
			}
		}
		return nil
	}})
	return out, err
}

// readChange reads one entry. With created only new items count.
func readChange(s *soap.Scanner, created bool, out *syncReply) {
	kind := s.Name()
	var c change
	for depth := s.Depth(); s.Child(depth); {
		switch s.Name() {
		case "ItemId":
			c.meta.Key = transport.Key(s.Attr("Id"))
		case "IsRead":
		default:
			it, err := readItem(s, nil)
			if err == nil {
				c.meta = it.meta()
			}
		}
	}
	if c.meta.Key == "" {
		return
	}
	switch kind {
	case "Create":
	case "Update":
		if created {
			return
		}
	case "Delete":
		if created {
			return
		}
		c.meta.Gone = true
	case "ReadFlagChange":
		if created {
			return
		}
		c.partial = true
	default:
		return
	}
	out.changes = append(out.changes, c)
}

// Items implements [transport.Source]. The token of the cursor is the
// SyncState.
func (st *Store) Items(ctx context.Context, f transport.Folder, c *transport.Cursor) iter.Seq2[transport.Meta, error] {
	return func(yield func(transport.Meta, error) bool) {
		id, err := st.folderID(ctx, "list", f)
		if err != nil {
			yield(transport.Meta{}, err)
			return
		}
		state := ""
		if c != nil {
			state = c.Token
		}
		delta := state != ""
		for {
			page, err := st.sync(ctx, f, id, state, false)
			switch {
			case hasCode(err, "ErrorInvalidSyncStateData") && state != "" && delta:
				// The state is too old or of another mailbox: all anew.
				state, delta = "", false
				continue
			case unknownOperation(err) && state == "":
				if err := st.find(ctx, f, id, "", yield); err != nil && err != errLeft {
					yield(transport.Meta{}, err)
				}
				return
			case err == nil:
				err = st.complete(ctx, f, page.changes)
			}
			if err != nil {
				yield(transport.Meta{}, err)
				return
			}
			for _, ch := range page.changes {
				if err := ctx.Err(); err != nil {
					yield(transport.Meta{}, err)
					return
				}
				if !yield(ch.meta, nil) {
					return
				}
			}
			// A page that leads nowhere would be asked for for ever.
			if page.last || page.state == "" || page.state == state && len(page.changes) == 0 {
				state = page.state
				break
			}
			state = page.state
		}
		if c != nil {
			c.Token, c.Delta = state, delta
		}
	}
}

// complete asks for what a synchronization did not tell.
func (st *Store) complete(ctx context.Context, f transport.Folder, changes []change) error {
	var keys []transport.Key
	at := map[transport.Key]int{}
	for i, ch := range changes {
		if ch.partial {
			keys = append(keys, ch.meta.Key)
			at[ch.meta.Key] = i
		}
	}
	for len(keys) > 0 {
		part := keys[:min(len(keys), metaPage)]
		keys = keys[len(part):]
		r := request{op: "list", name: "GetItem", folder: f.String(), body: func(w *soap.Writer) {
			writeMetaShape(w)
			writeItemIDs(w, part)
		}}
		err := st.svc.do(ctx, r, reply{
			element: func(i int, s *soap.Scanner) error {
				if s.Name() != "Items" || i >= len(part) {
					return nil
				}
				for depth := s.Depth(); s.Child(depth); {
					if it, err := readItem(s, nil); err == nil && it.id != "" {
						m := it.meta()
						m.Key = part[i]
						changes[at[part[i]]].meta = m
					}
				}
				return nil
			},
			done: func(i int, m *message) error {
				if i < len(part) && m.err != nil {
					if transport.KindOf(m.err) != transport.NotFound {
						return m.err
					}
					// Deleted since.
					changes[at[part[i]]].meta.Gone = true
				}
				return nil
			},
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Search implements [transport.Searcher]. The query is in the server's Advanced
// Query Syntax, as in: subject:report received:>2024-01-01
func (st *Store) Search(ctx context.Context, f transport.Folder, query string) iter.Seq2[transport.Meta, error] {
	return func(yield func(transport.Meta, error) bool) {
		id, err := st.folderID(ctx, "search", f)
		if err == nil {
			err = st.find(ctx, f, id, query, yield)
		}
		if err != nil && err != errLeft {
			yield(transport.Meta{}, err)
		}
	}
}

// find lists a folder by FindItem, page by page. errLeft says that the reader
// has left.
func (st *Store) find(ctx context.Context, f transport.Folder, id, query string, yield func(transport.Meta, error) bool) error {
	op := "list"
	if query != "" {
		op = "search"
	}
	for offset := 0; ; {
		var list []transport.Meta
		last, next := true, 0
		r := request{op: op, name: "FindItem", folder: f.String(), attrs: []string{"Traversal", "Shallow"}, body: func(w *soap.Writer) {
			writeMetaShape(w)
			w.Empty("m:IndexedPageItemView", "MaxEntriesReturned", strconv.Itoa(findPage), "Offset", strconv.Itoa(offset), "BasePoint", "Beginning")
			writeFolderID(w, "m:ParentFolderIds", id)
			if query != "" {
				w.Element("m:QueryString", query)
			}
		}}
		err := st.svc.do(ctx, r, reply{element: func(_ int, s *soap.Scanner) error {
			if s.Name() != "RootFolder" {
				return nil
			}
			last = s.Attr("IncludesLastItemInRange") != "false"
			next, _ = strconv.Atoi(s.Attr("IndexedPagingOffset"))
			for depth := s.Depth(); s.Child(depth); {
				if s.Name() == "Items" {
					for depth := s.Depth(); s.Child(depth); {
						if it, err := readItem(s, nil); err == nil && it.id != "" {
							list = append(list, it.meta())
						}
					}
				}
			}
			return nil
		}})
		if err != nil {
			return err
		}
		for _, m := range list {
			if err := ctx.Err(); err != nil {
				return err
			}
			if !yield(m, nil) {
				return errLeft
			}
		}
		if last || len(list) == 0 {
			return nil
		}
		// QUIRK: the offset of the reply may pass what was given.
		offset += len(list)
		if next > 0 && next < offset {
			offset = next
		}
	}
}
