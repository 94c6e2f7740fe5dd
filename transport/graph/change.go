package graph

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/graph/wire"
	"github.com/mailconv/mailconv/transport/itemprops"
)

// many does something for each of n things, a few at a time.
func many(n int, do func(i int)) {
	sem := make(chan struct{}, MaxInFlight)
	var wg sync.WaitGroup
	for i := range n {
		sem <- struct{}{}
		wg.Go(func() {
			defer func() { <-sem }()
			do(i)
		})
	}
	wg.Wait()
}

// resourceKind is the resource by which an item of a folder is changed: items of
// the import and export API have one by the class of their folder.
func resourceKind(k kind, f transport.Folder) kind {
	if k != kindBox {
		return k
	}
	switch c := classOf(f); {
	case isClass(c, "IPF.Appointment"):
		return kindCalendar
	case isClass(c, "IPF.Contact"):
		return kindContacts
	}
	return kindMail
}

// item is the URL of an item of a folder.
func (s *Store) item(k kind, folder string, key transport.Key, elem ...string) string {
	switch k {
	case kindCalendar:
		return s.user(append([]string{"events", string(key)}, elem...)...)
	case kindContacts:
		return s.user(append([]string{"contacts", string(key)}, elem...)...)
	case kindTasks:
		return s.user(append([]string{"todo", "lists", folder, "tasks", string(key)}, elem...)...)
	}
	return s.user(append([]string{"messages", string(key)}, elem...)...)
}

// SetFlags implements [transport.FlagSetter], for mails. Of other items only
// the categories are set.
func (s *Store) SetFlags(ctx context.Context, f transport.Folder, changes []transport.FlagChange) []error {
	errs := make([]error, len(changes))
	k, id, err := placeOf("set flags", f)
	if err != nil {
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	k = resourceKind(k, f)
	many(len(changes), func(i int) { errs[i] = s.setFlags(ctx, f, k, id, changes[i]) })
	return errs
}

func (s *Store) setFlags(ctx context.Context, f transport.Folder, k kind, folder string, ch transport.FlagChange) error {
	categories := ch.Keywords
	if categories == nil {
		categories = []string{}
	}
	body := map[string]any{"categories": categories}
	if k == kindMail {
		read := ch.Flags.Has(transport.Seen)
		status := "notFlagged"
		if ch.Flags.Has(transport.Flagged) {
			status = "flagged"
		}
		st := itemprops.State{}.With(ch.Flags)
		icon := st.Icon()
		if icon == 0 {
			icon = -1 // the icon of the class
		}
		body["isRead"], body["flag"] = read, wire.Flag{Status: status}
		body["singleValueExtendedProperties"] = []wire.Property{
			{ID: extVerb, Value: strconv.FormatInt(st.LastVerb, 10)},
			{ID: extIcon, Value: strconv.FormatInt(icon, 10)},
		}
	}
	c := &call{op: "set flags", folder: f.String(), key: ch.Ref, method: http.MethodPatch, url: s.item(k, folder, ch.Ref)}
	return s.post(ctx, c, body, nil, nil)
}

// Move implements [transport.Mover]. Ids stay as they are.
func (s *Store) Move(ctx context.Context, from, to transport.Folder, refs []transport.Key) []transport.Result {
	out := make([]transport.Result, len(refs))
	k, _, err := placeOf("move", from)
	kt, target, err2 := placeOf("move", to)
	if err = errors.Join(err, err2); err == nil && (k != kindMail && k != kindBox || kt != kindMail && kt != kindBox) {
		err = &transport.Error{Kind: transport.Usage, Op: "move", Folder: from.String(), Err: errors.New("only mails are moved")}
	}
	many(len(refs), func(i int) {
		if out[i].Err = err; err != nil {
			return
		}
		var moved wire.Item
		c := &call{op: "move", folder: from.String(), key: refs[i], url: s.item(k, "", refs[i], "move")}
		out[i].Err = s.post(ctx, c, map[string]string{"destinationId": target}, nil, &moved)
		out[i].Receipt = transport.Receipt{Ref: transport.Key(moved.ID), Route: "move"}
	})
	return out
}

// Delete implements [transport.Deleter]: for good, past the folder of deleted
// items.
func (s *Store) Delete(ctx context.Context, f transport.Folder, refs []transport.Key) []error {
	errs := make([]error, len(refs))
	k, id, err := placeOf("delete", f)
	k = resourceKind(k, f)
	many(len(refs), func(i int) {
		if errs[i] = err; err == nil {
			errs[i] = s.purge(ctx, &call{op: "delete", folder: f.String(), key: refs[i]}, s.item(k, id, refs[i]), k != kindTasks)
		}
	})
	return errs
}

// DeleteFolder implements [transport.FolderDeleter].
func (s *Store) DeleteFolder(ctx context.Context, f transport.Folder) error {
	k, id, err := placeOf("delete folder", f)
	if err != nil {
		return nil //nolint:nilerr // a folder without an id is not there
	}
	c := &call{op: "delete folder", folder: f.String()}
	where := s.user("mailFolders", id)
	switch k {
	case kindBox:
		box, err := s.mailboxID(ctx)
		if err != nil {
			return err
		}
		where = s.exchange(box, "folders", id)
	case kindCalendar:
		where = s.user("calendars", id)
	case kindContacts:
		where = s.user("contactFolders", id)
	case kindTasks:
		where = s.user("todo", "lists", id)
	}
	err = s.purge(ctx, c, where, k != kindBox && k != kindTasks)
	if err == nil {
		s.mu.Lock()
		s.tree, s.marks, s.boxes = nil, map[string]string{}, map[string]string{}
		s.mu.Unlock()
	}
	return err
}

// purge deletes for good, where the service can. What is not there counts as
// deleted.
func (s *Store) purge(ctx context.Context, c *call, where string, permanent bool) error {
	if permanent {
		p := *c
		p.method, p.url = http.MethodPost, where+"/permanentDelete"
		err := s.json(ctx, &p, nil)
		switch {
		case err == nil, isKind(err, transport.NotFound) && codeOf(err) != "ResourceNotFound" && codeOf(err) != "":
			return nil
		case statusOf(err) != http.StatusMethodNotAllowed && statusOf(err) != http.StatusNotImplemented && statusOf(err) != http.StatusBadRequest && !isKind(err, transport.NotFound):
			return err
		}
		if strings.Contains(where, "/events/") {
			// Deleting a meeting in the other way sends cancellations.
			return err
		}
		// A cloud without it: what is deleted lies among the deleted items.
	}
	p := *c
	p.method, p.url = http.MethodDelete, where
	err := s.json(ctx, &p, nil)
	if isKind(err, transport.NotFound) {
		return nil
	}
	return err
}
