package mapihttp

import (
	"context"
	"errors"
	"iter"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/rop"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/itemprops"
)

// metaTags are the properties that [transport.Meta] is made of, beside those
// with names.
var metaTags = []mapi.Tag{
	mapi.PidTagMid, mapi.PidTagMessageSize, mapi.PidTagMessageClass, mapi.PidTagMessageFlags, mapi.PidTagMessageStatus,
	mapi.PidTagLastVerbExecuted, mapi.PidTagFlagStatus, mapi.PidTagMessageDeliveryTime, mapi.PidTagClientSubmitTime,
	mapi.PidTagSubject, mapi.PidTagInternetMessageId, mapi.PidTagSearchKey,
}

// metaColumns are metaTags and the named ones. The name of categories is made
// where the mailbox does not have it yet, as each client does; that of tokens
// only where tokens will be looked for.
func (st *Store) metaColumns(ctx context.Context, s *session, tokens bool) ([]mapi.Tag, error) {
	tags := metaTags[:len(metaTags):len(metaTags)]
	for _, n := range []struct {
		name   mapi.Name
		t      mapi.Type
		create bool
	}{{mapi.PidNameKeywords, mapi.TypeMultipleString, true}, {itemprops.NameToken, mapi.TypeString, tokens}} {
		ids, err := st.propertyIDs(ctx, s, []mapi.Name{n.name}, n.create)
		if _, refused := codeOf(err); refused && n.create {
			ids, err = st.propertyIDs(ctx, s, []mapi.Name{n.name}, false)
		}
		if err != nil {
			return nil, err
		}
		if ids[0] != 0 {
			tags = append(tags, mapi.NewTag(ids[0], n.t))
		}
	}
	return tags, nil
}

// A kindOfItem is where in its folder an item is. It is part of the key.
type kindOfItem byte

const (
	normalItem     kindOfItem = 0
	associatedItem kindOfItem = 'a'
	deletedItem    kindOfItem = 'd'
)

// keyOf is the key of a message.
func keyOf(id rop.ObjectID, k kindOfItem) transport.Key {
	if k == normalItem {
		return transport.Key(id.String())
	}
	return transport.Key(string(rune(k)) + ":" + id.String())
}

func parseKey(key transport.Key) (rop.ObjectID, kindOfItem, error) {
	s := string(key)
	k := normalItem
	if len(s) > 2 && s[1] == ':' {
		if k = kindOfItem(s[0]); k != associatedItem && k != deletedItem {
			return 0, 0, &transport.Error{Kind: transport.NotFound, Key: key, Err: errNoItem}
		}
		s = s[2:]
	}
	id, err := parseID(s)
	if err != nil {
		return 0, 0, &transport.Error{Kind: transport.NotFound, Key: key, Err: errNoItem}
	}
	return id, k, nil
}

var errNoItem = errors.New("the folder has no such item")

// metaOf makes a Meta of the properties of a row or of a change.
func metaOf(ps mapi.Properties, id rop.ObjectID, k kindOfItem) transport.Meta {
	m := itemprops.Meta(ps)
	m.Key = keyOf(id, k)
	if n, ok := ps.Int(mapi.PidTagMessageSize); ok {
		m.Size = int64(uint32(n))
	}
	if key := ps.Bytes(mapi.PidTagSearchKey); len(key) == 16 {
		m.ObjectID = mapi.GUID(key).String()
	}
	m.Token = ps.NameText(itemprops.NameToken)
	return m
}

// errLeft ends work whose reader has left.
var errLeft = errors.New("the reader has left")

// Items implements [transport.Source]. With a cursor the folder is synchronized,
// and the token is the state; without one its table is read. Associated and
// soft-deleted items, where they are asked for, come from their tables.
func (st *Store) Items(ctx context.Context, f transport.Folder, c *transport.Cursor) iter.Seq2[transport.Meta, error] {
	return func(yield func(transport.Meta, error) bool) {
		err := st.items(ctx, f, c, func(m transport.Meta) bool { return yield(m, nil) })
		if err != nil && err != errLeft {
			yield(transport.Meta{}, fail("list", f, "", err))
		}
	}
}

func (st *Store) items(ctx context.Context, f transport.Folder, c *transport.Cursor, yield func(transport.Meta) bool) error {
	id, err := st.folderID(ctx, "list", f)
	if err != nil {
		return err
	}
	// What the tables of associated and deleted items no longer hold is only
	// found by a whole listing.
	whole := st.o.Associated || st.o.Deleted
	listed := false
	if c != nil && !whole {
		if listed, err = st.synchronized(ctx, f, id, c, yield); err != nil {
			return err
		}
	}
	if c != nil && !listed {
		c.Token, c.Delta = "", false
	}
	if !listed {
		if err := st.listTable(ctx, "list", id, normalItem, nil, yield); err != nil {
			return err
		}
	}
	for _, k := range []struct {
		on   bool
		kind kindOfItem
	}{{st.o.Associated, associatedItem}, {st.o.Deleted, deletedItem}} {
		if !k.on {
			continue
		}
		if err := st.listTable(ctx, "list", id, k.kind, nil, yield); err != nil {
			return err
		}
	}
	return nil
}

// listTable lists a contents table.
func (st *Store) listTable(ctx context.Context, op string, id rop.ObjectID, k kindOfItem, restrict rop.Restriction, yield func(transport.Meta) bool) error {
	flags := uint8(0)
	switch k {
	case associatedItem:
		flags = rop.TableAssociated
	case deletedItem:
		flags = rop.TableSoftDeletes
	}
	var list []transport.Meta
	err := st.run(ctx, op, func(s *session) error {
		list = list[:0]
		columns, err := st.metaColumns(ctx, s, false)
		if err != nil {
			return err
		}
		return s.table(ctx, op, id, &rop.GetContentsTable{TableFlags: flags}, columns, restrict, func(r *rop.Row) error {
			ps := r.Properties()
			if err := st.nameProperties(ctx, s, ps); err != nil {
				return err
			}
			if mid := objectID(ps, mapi.PidTagMid); mid != 0 {
				list = append(list, metaOf(ps, mid, k))
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	for _, m := range list {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !yield(m) {
			return errLeft
		}
	}
	return nil
}

// Search implements [transport.Searcher]. The query is words, all of which must
// stand in subject or text, and terms: subject:WORD, from:WORD, class:CLASS,
// since:DATE, before:DATE (2024-01-31), is:unread, is:read, has:attachment.
func (st *Store) Search(ctx context.Context, f transport.Folder, query string) iter.Seq2[transport.Meta, error] {
	return func(yield func(transport.Meta, error) bool) {
		restrict, err := parseQuery(query)
		var id rop.ObjectID
		if err == nil {
			id, err = st.folderID(ctx, "search", f)
		}
		if err == nil {
			err = st.listTable(ctx, "search", id, normalItem, restrict, func(m transport.Meta) bool { return yield(m, nil) })
		}
		if err != nil && err != errLeft {
			yield(transport.Meta{}, fail("search", f, "", err))
		}
	}
}
