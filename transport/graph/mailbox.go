package graph

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/graph/wire"
)

var errNoFolder = errors.New("there is no such folder")

func escape(s string) string { return strings.ReplaceAll(url.PathEscape(s), "+", "%2B") }

// mailboxID is how the import and export API names the mailbox, asked for once.
type mailboxID struct {
	id  string
	err error // the API is not there
}

// mailboxID finds the id of the mailbox, or that of its archive.
func (s *Store) mailboxID(ctx context.Context) (string, error) {
	s.mu.Lock()
	box := s.box
	s.mu.Unlock()
	if box.id != "" || box.err != nil {
		return box.id, box.err
	}
	if s.o.NoImport {
		return "", &transport.Error{Kind: transport.Usage, Op: "open", Err: errors.New("this cloud has no import and export of items")}
	}
	var reply struct {
		Primary string `json:"primaryMailboxId"`
		Archive string `json:"inPlaceArchiveMailboxId"`
	}
	where := s.user("settings", "exchange")
	if s.o.Archive {
		// QUIRK: v1.0 does not tell the archive, beta does.
		where = strings.Replace(where, "/v1.0/", "/beta/", 1)
	}
	err := s.json(ctx, &call{op: "find mailbox", url: where}, &reply)
	box.id = reply.Primary
	if s.o.Archive {
		box.id = reply.Archive
		if err == nil && box.id == "" {
			err = &transport.Error{Kind: transport.Usage, Op: "open", Err: errors.New("the mailbox has no archive, or the service does not tell of it")}
		}
	}
	if err == nil && box.id == "" {
		err = &transport.Error{Kind: transport.Permanent, Op: "find mailbox", Err: errors.New("the service names no mailbox for the import and export of items")}
	}
	if err != nil {
		if !s.without(err) {
			return "", err
		}
		box.err = err
	}
	s.mu.Lock()
	s.box = box
	s.mu.Unlock()
	return box.id, box.err
}

// exchange is a URL of the import and export API.
func (s *Store) exchange(box string, elem ...string) string {
	return s.at(append([]string{"admin", "exchange", "mailboxes", box}, elem...)...)
}

// boxFolder is the id by which the import and export API names a folder: it
// takes only its own ids. The folder is found by its path.
func (s *Store) boxFolder(ctx context.Context, f transport.Folder) (string, error) {
	k, id, err := placeOf("put", f)
	if err != nil || k == kindBox {
		return id, err
	}
	s.mu.Lock()
	found := s.boxes[f.ID]
	s.mu.Unlock()
	if found != "" {
		return found, nil
	}
	parent, err := s.boxPath(ctx, slices.Concat(s.root, f.Path))
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	s.boxes[f.ID] = parent
	s.mu.Unlock()
	return parent, nil
}

// boxPath is [Store.boxFolder] for a path from the top of the mailbox.
func (s *Store) boxPath(ctx context.Context, full []string) (id string, err error) {
	for i := range full {
		if id, err = s.boxChild(ctx, full[:i+1], id); err != nil {
			return "", err
		}
	}
	if id == "" {
		return "", &transport.Error{Kind: transport.NotFound, Op: "put", Folder: transport.JoinPath(full), Err: errNoFolder}
	}
	return id, nil
}

// boxChild finds one folder below another, and remembers its siblings.
func (s *Store) boxChild(ctx context.Context, path []string, parent string) (string, error) {
	key := "path:" + treeKey(path)
	s.mu.Lock()
	found := s.boxes[key]
	s.mu.Unlock()
	if found != "" {
		return found, nil
	}
	box, err := s.mailboxID(ctx)
	if err != nil {
		return "", err
	}
	where := s.exchange(box, "folders")
	if parent != "" {
		where = s.exchange(box, "folders", parent, "childFolders")
	}
	c := &call{op: "find folder", folder: transport.JoinPath(path), url: query(where, "$top", "200", "$select", "id,displayName,type,childFolderCount")}
	if _, err := s.pages(ctx, c, func(raw json.RawMessage) (bool, error) {
		f, err := element[wire.Folder](raw)
		s.mu.Lock()
		k := "path:" + treeKey(append(slices.Clone(path[:len(path)-1]), f.DisplayName))
		if s.boxes[k] == "" {
			s.boxes[k] = f.ID
		}
		found = s.boxes[key]
		s.mu.Unlock()
		return err == nil, err
	}); err != nil {
		return "", err
	}
	if found == "" {
		return "", &transport.Error{Kind: transport.NotFound, Op: "find folder", Folder: transport.JoinPath(path), Err: errNoFolder}
	}
	return found, nil
}

// resourceFolder finds or makes the calendar, contact folder or task list of the
// name of a folder, for items that cannot be imported into that.
func (s *Store) resourceFolder(ctx context.Context, k kind, f transport.Folder) (string, error) {
	key := string(rune(k)) + ":" + f.ID
	s.mu.Lock()
	found := s.boxes[key]
	s.mu.Unlock()
	if found != "" {
		return found, nil
	}
	where := s.user("calendars")
	switch k {
	case kindContacts:
		where = s.user("contactFolders")
		if f.Role == transport.RoleContacts {
			var def wire.Folder
			if err := s.json(ctx, &call{op: "find folder", url: s.user("contactFolders", "contacts")}, &def); err != nil {
				return "", err
			}
			found = def.ID
		}
	case kindTasks:
		where = s.user("todo", "lists")
	}
	if found == "" {
		c := &call{op: "find folder", folder: f.String(), url: query(where, "$top", "100")}
		if _, err := s.pages(ctx, c, func(raw json.RawMessage) (bool, error) {
			there, err := element[wire.Folder](raw)
			if strings.EqualFold(there.DisplayName+there.Name, f.Name()) || f.Role != transport.RoleNone && (there.IsDefault || there.WellKnown == "defaultList") {
				found = there.ID
			}
			return err == nil && found == "", err
		}); err != nil {
			return "", err
		}
	}
	if found == "" {
		in := wire.Folder{DisplayName: f.Name()}
		if k == kindCalendar {
			in = wire.Folder{Name: f.Name()}
		}
		var made wire.Folder
		if err := s.post(ctx, &call{op: "create folder", folder: f.String(), url: where}, in, nil, &made); err != nil {
			return "", err
		}
		found = made.ID
	}
	s.mu.Lock()
	s.boxes[key] = found
	s.mu.Unlock()
	return found, nil
}
