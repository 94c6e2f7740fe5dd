package graph

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/graph/wire"
	"github.com/mailconv/mailconv/transport/itemprops"
)

// pageSize is how many items one reply of a listing holds at most.
const pageSize = 200

// Items implements [transport.Source], by delta queries for mail folders and
// folders of the import and export API; the cursor is the delta link. Calendars,
// contacts and tasks by their own resources are listed whole each time.
func (s *Store) Items(ctx context.Context, f transport.Folder, c *transport.Cursor) iter.Seq2[transport.Meta, error] {
	return func(yield func(transport.Meta, error) bool) {
		stopped := errors.New("the range was left")
		err := s.list(ctx, "list", f, c, func(it wire.Item, m transport.Meta) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			if !yield(m, nil) {
				return stopped
			}
			return nil
		})
		if err != nil && err != stopped {
			yield(transport.Meta{}, err)
		}
	}
}

// list lists a folder from a cursor on, which may be nil. The messages of a mail
// folder leave out contacts, appointments and their like that lie in it; they
// are listed by the import and export API where that is there. The token has
// both states then.
func (s *Store) list(ctx context.Context, op string, f transport.Folder, c *transport.Cursor, fn func(wire.Item, transport.Meta) error) error {
	k, id, err := placeOf(op, f)
	if err != nil {
		return err
	}
	if c == nil {
		c = &transport.Cursor{}
	}
	from, other, _ := strings.Cut(c.Token, stateSep)
	c.Delta = false
	where, err := s.listURL(ctx, k, id)
	if err != nil {
		return err
	}
	if k != kindMail || s.o.MailOnly || s.o.Route == RouteJSON || s.o.Route == RouteMIME {
		next, whole, err := s.listPart(ctx, op, f, k, where, from, fn)
		c.Token, c.Delta = next, err == nil && !whole && next != ""
		return err
	}
	box, berr := s.boxFolder(ctx, f)
	if berr != nil && !s.without(berr) {
		return berr
	}
	both := berr == nil
	if !both {
		other = ""
	} else if other == "" {
		from = "" // what is listed anew is listed whole
	}
	next, whole, err := s.listPart(ctx, op, f, k, where, from, func(it wire.Item, m transport.Meta) error {
		if both && !m.Gone && isPIM(m.Class) {
			return nil
		}
		return fn(it, m)
	})
	if err != nil || !both {
		c.Token, c.Delta = next, err == nil && !whole
		return err
	}
	if whole {
		other = "" // both are whole, or none is
	}
	if where, err = s.listURL(ctx, kindBox, box); err != nil {
		return err
	}
	nextOther, wholeOther, err := s.listPart(ctx, op, f, kindBox, where, other, func(it wire.Item, m transport.Meta) error {
		if !m.Gone && !isPIM(m.Class) {
			return nil
		}
		return fn(it, m)
	})
	if err != nil {
		return err
	}
	if wholeOther && !whole {
		// Half a state is none: the next listing is whole.
		c.Token, c.Delta = "", true
		return nil
	}
	c.Token, c.Delta = next+stateSep+nextOther, !whole
	return nil
}

// stateSep stands between the two states of a mail folder.
const stateSep = "\n"

// isPIM tells what Outlook keeps besides mail.
func isPIM(class string) bool {
	for _, of := range []string{"IPM.Contact", "IPM.DistList", "IPM.Appointment", "IPM.Task", "IPM.StickyNote", "IPM.Activity"} {
		if isClass(class, of) {
			return true
		}
	}
	return false
}

// listPart lists one collection from a state on. whole says that it was listed
// from its beginning.
func (s *Store) listPart(ctx context.Context, op string, f transport.Folder, k kind, where, from string, fn func(wire.Item, transport.Meta) error) (next string, whole bool, err error) {
	for {
		ca := &call{op: op, folder: f.String(), url: where, prefer: []string{"odata.maxpagesize=" + strconv.Itoa(pageSize)}}
		if from != "" {
			if ca.url, err = s.link(ca, from); err != nil {
				return "", false, err
			}
		}
		any := false
		next, err := s.pages(ctx, ca, func(raw json.RawMessage) (bool, error) {
			any = true
			it, err := element[wire.Item](raw)
			if err != nil {
				return false, ca.broken(err)
			}
			return true, fn(it, metaOf(k, it))
		})
		if err != nil {
			if from != "" && !any && lostState(err) {
				// The service has forgotten the state: everything anew.
				from = ""
				continue
			}
			return "", false, err
		}
		return next, from == "", nil
	}
}

// lostState reports whether the service does not know a delta link any more.
func lostState(err error) bool {
	switch codeOf(err) {
	case "SyncStateNotFound", "syncStateNotFound", "resyncRequired", "ResyncRequired", "SyncStateInvalid", "ErrorInvalidSyncStateData", "InvalidDeltaToken":
		return true
	}
	return statusOf(err) == http.StatusGone
}

// listURL is where the items of a folder are listed.
func (s *Store) listURL(ctx context.Context, k kind, id string) (string, error) {
	switch k {
	case kindBox:
		box, err := s.mailboxID(ctx)
		if err != nil {
			return "", err
		}
		return query(s.exchange(box, "folders", id, "items", "delta"), boxListing...), nil
	case kindCalendar:
		return query(s.user("calendars", id, "events"), "$select", "id,subject,categories,type,createdDateTime", "$expand", expand(extToken), "$top", "100"), nil
	case kindContacts:
		return query(s.user("contactFolders", id, "contacts"), "$select", "id,displayName,categories,createdDateTime", "$expand", expand(extToken), "$top", "100"), nil
	case kindTasks:
		return query(s.user("todo", "lists", id, "tasks"), "$expand", "linkedResources", "$top", "100"), nil
	}
	return query(s.user("mailFolders", id, "messages", "delta"), listing...), nil
}

// metaOf is what a listing says of an item.
func metaOf(k kind, it wire.Item) transport.Meta {
	m := transport.Meta{Key: transport.Key(it.ID), ObjectID: it.ID, Size: -1}
	if it.Removed != nil {
		m.Gone = true
		return m
	}
	b := bagOf(it.Properties)
	m.Keywords = it.Categories
	if token := b.get(extToken); !strings.HasPrefix(token, partial) {
		m.Token = token
	}
	num := func(id string) int64 {
		n, _ := strconv.ParseInt(b.get(id), 10, 64)
		return n
	}
	st := itemprops.State{LastVerb: num(extVerb)}
	switch k {
	case kindBox:
		st.Class, st.MessageFlags, st.FlagStatus = it.Type, num(extFlags), num(extFlag)
		m.Subject, m.MessageID = b.get(extSubject), messageID(b.get(extID))
		for _, id := range []string{extReceived, extSent} {
			if t, err := time.Parse(time.RFC3339Nano, b.get(id)); err == nil && t.Year() >= 1970 {
				m.Received = t.UTC()
				break
			}
		}
		if it.Size != nil {
			m.Size = *it.Size
		}
	case kindCalendar:
		st.Class, m.Subject = "IPM.Appointment", it.Subject
	case kindContacts:
		st.Class, m.Subject = "IPM.Contact", it.DisplayName
	case kindTasks:
		st.Class, m.Subject = "IPM.Task", it.Title
		for _, l := range it.Linked {
			if l.Application == application {
				m.Token = l.ID
			}
		}
	default:
		st.Class = b.get(extClass)
		m.Subject, m.MessageID, m.Received = it.Subject, messageID(it.InternetMessageID), it.ReceivedDateTime.UTC()
		if it.ReceivedDateTime.Year() < 1970 {
			m.Received = time.Time{}
		}
		if n := num(extSize); n > 0 {
			m.Size = n
		}
		if it.IsRead != nil && *it.IsRead {
			st.MessageFlags |= itemprops.FlagRead
		}
		if it.IsDraft {
			st.MessageFlags |= itemprops.FlagUnsent
		}
		if it.Flag != nil && it.Flag.Status == "flagged" {
			st.FlagStatus = itemprops.FollowupFlagged
		}
	}
	m.Flags, m.Class = st.Flags(), st.Class
	if k == kindMail && strings.EqualFold(m.Class, "IPM.Note") {
		m.Class = ""
	}
	return m
}

func messageID(s string) string {
	if s = strings.TrimSpace(s); strings.HasPrefix(s, "<") {
		return s
	}
	return ""
}

// Search implements [transport.Searcher]. The query is in the service's own
// language (KQL), as in subject:budget received>=2024-01-01; with filter: before
// it, it is an OData filter.
func (s *Store) Search(ctx context.Context, f transport.Folder, q string) iter.Seq2[transport.Meta, error] {
	return func(yield func(transport.Meta, error) bool) {
		k, id, err := placeOf("search", f)
		if err == nil && k != kindMail {
			err = &transport.Error{Kind: transport.Usage, Op: "search", Folder: f.String(), Err: errors.New("only mail folders can be searched")}
		}
		if err != nil {
			yield(transport.Meta{}, err)
			return
		}
		options := append([]string{"$top", strconv.Itoa(pageSize)}, listing...)
		if filter, ok := strings.CutPrefix(q, "filter:"); ok {
			options = append(options, "$filter", strings.TrimSpace(filter))
		} else {
			options = append(options, "$search", `"`+strings.ReplaceAll(strings.ReplaceAll(q, `\`, `\\`), `"`, `\"`)+`"`)
		}
		c := &call{op: "search", folder: f.String(), url: query(s.user("mailFolders", id, "messages"), options...)}
		left := false
		_, err = s.pages(ctx, c, func(raw json.RawMessage) (bool, error) {
			it, err := element[wire.Item](raw)
			if err != nil {
				return false, c.broken(err)
			}
			left = !yield(metaOf(k, it), nil)
			return !left, ctx.Err()
		})
		if err != nil && !left {
			yield(transport.Meta{}, err)
		}
	}
}
