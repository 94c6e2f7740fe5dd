package graphtest

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// A state is what a token of a delta query says: everything up to change since
// was told; of a first round, what went before floor was never told.
type state struct {
	since, floor uint64
	scope        string
}

func (s state) String() string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d.%d.%s", s.since, s.floor, s.scope))
}

// QUIRK: a token that is too old or not for this collection answers 410, and
// the client has to start anew.
var errState = fail(410, "SyncStateNotFound", "The sync state generation is not found; continuationToken=.")

func parseState(t, scope string) (s state, err error) {
	b, err := base64.RawURLEncoding.DecodeString(t)
	if err != nil {
		return s, errState
	}
	if n, _ := fmt.Sscanf(strings.ReplaceAll(string(b), ".", " "), "%d %d %s", &s.since, &s.floor, &s.scope); n != 3 || s.scope != scope {
		return s, errState
	}
	return s, nil
}

// round reads the state of a request. The options of the first request of a
// round hold for all its pages.
func (c *call) round(scope string) (state, error) {
	switch {
	case c.q.token != "":
		return parseState(c.q.token, scope)
	case c.q.delta == "latest":
		return state{since: c.box.Latest(), scope: scope}, nil
	case c.q.delta != "":
		return parseState(c.q.delta, scope)
	}
	return state{floor: c.box.Latest(), scope: scope}, nil
}

// A difference is one entry of a round.
type difference struct {
	number uint64
	o      func() (object, error)
}

// replyDelta answers with a page of a round.
func (c *call) replyDelta(s state, latest uint64, list []difference) error {
	o := object{"@odata.context": c.base() + "/$metadata#" + contextOf(c.route.reply)}
	size := c.size()
	if c.q.delta == "latest" {
		list = nil
	}
	if len(list) > size {
		list = list[:size]
		s.since = list[size-1].number
		o["@odata.nextLink"] = c.link(map[string]string{"$skiptoken": s.String()}, "$skiptoken", "$deltatoken")
	} else {
		o["@odata.deltaLink"] = c.link(map[string]string{"$deltatoken": state{since: latest, scope: s.scope}.String()}, "$skiptoken", "$deltatoken")
	}
	value := []any{}
	for _, d := range list {
		e, err := d.o()
		if err != nil {
			return err
		}
		value = append(value, e)
	}
	o["value"] = value
	return c.reply(200, o)
}

func (c *call) deltaMessages() error {
	f, err := c.parent()
	if err != nil {
		return err
	}
	if err := c.may(f.ID, mailbox.MayRead); err != nil {
		return err
	}
	if c.q.filter != nil {
		b, ok := c.q.filter.(comparison)
		m, is := b.a.(member)
		if !ok || !is || len(m.path) != 1 || m.path[0] != "receivedDateTime" || b.op != "ge" && b.op != "gt" {
			return fail(400, "ErrorInvalidUrlQueryFilter", "The query filter contains one or more invalid nodes: only receivedDateTime ge or gt is supported.")
		}
	}
	if len(c.q.order) > 0 && c.q.order[0].path != "receivedDateTime" || c.q.search != "" {
		return fail(400, "ErrorInvalidUrlQuery", "The query is not supported for change tracking.")
	}
	return c.deltaItems(f, "graph.message", c.message, func(it *mailbox.Item) bool { return isMessage(it) })
}

// deltaItems is a round over the items of a folder.
func (c *call) deltaItems(f mailbox.Folder, typ string, build func(*query, *mailbox.Item) (object, error), wanted func(*mailbox.Item) bool) error {
	s, err := c.round(fmt.Sprintf("%x", uint64(f.ID)))
	if err != nil {
		return err
	}
	changes, latest, err := c.box.Changes(f.ID, mailbox.Normal, s.since)
	if err != nil {
		return err
	}
	var list []difference
	for _, ch := range changes {
		d := difference{number: ch.Number}
		kind := "updated"
		switch ch.Kind {
		case mailbox.Removed:
			if ch.Number <= s.floor {
				continue
			}
			kind = "deleted"
			gone := mailbox.Item{ID: ch.Gone.ID, Place: ch.Gone.Place}
			d.o = func() (object, error) {
				return object{"id": c.itemID(&gone), "@odata.type": "#microsoft." + typ, "@removed": object{"reason": "deleted"}}, nil
			}
		default:
			it := ch.Item
			if !wanted(&it) {
				continue
			}
			if it.Born > s.since {
				kind = "created"
			}
			if c.q.filter != nil && !matches(c.q.filter, object{"receivedDateTime": received(&it)}) {
				continue
			}
			d.o = func() (object, error) {
				o, err := build(&c.q, &it)
				if err == nil && o["@odata.type"] == nil {
					o["@odata.type"] = "#microsoft." + typ
				}
				return o, err
			}
		}
		if c.q.changes == "" || c.q.changes == kind {
			list = append(list, d)
		}
	}
	return c.replyDelta(s, latest, list)
}

func (c *call) deltaFolders() error {
	root, _ := c.box.WellKnown(mailbox.IPMSubtree)
	return c.deltaTree("folders", root.ID, func(f mailbox.Folder) bool { return isMail(&f) && (c.q.hidden || !hiddenFolder(&f)) }, c.mailFolder, c.folderID)
}

// deltaTree is a round over the folders below a root.
func (c *call) deltaTree(scope string, root mailbox.FolderID, wanted func(mailbox.Folder) bool, build func(*query, *mailbox.Folder) (object, error), id func(mailbox.FolderID) string) error {
	s, err := c.round(scope)
	if err != nil {
		return err
	}
	changes, latest := c.box.FolderChanges(root, s.since)
	// Pages go by the numbers.
	slices.SortStableFunc(changes, func(a, b mailbox.FolderChange) int { return cmp.Compare(a.Number, b.Number) })
	var list []difference
	for _, ch := range changes {
		d := difference{number: ch.Number}
		if ch.Removed {
			if ch.Number <= s.floor {
				continue
			}
			d.o = func() (object, error) {
				return object{"id": id(ch.Gone.ID), "@removed": object{"reason": "deleted"}}, nil
			}
		} else {
			f := ch.Folder
			if !wanted(f) {
				continue
			}
			d.o = func() (object, error) { return build(&c.q, &f) }
		}
		list = append(list, d)
	}
	return c.replyDelta(s, latest, list)
}
