package graph

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/graph/wire"
)

// A kind is the part of the service that a folder belongs to.
type kind byte

// Kinds, as they stand before the colon of a folder's ID.
const (
	kindMail     kind = 'm' // a mailFolder
	kindBox      kind = 'x' // a mailboxFolder of the import and export API
	kindCalendar kind = 'c' // a calendar
	kindContacts kind = 'p' // a contactFolder
	kindTasks    kind = 't' // a todoTaskList
)

func (k kind) id(id string) string { return string(rune(k)) + ":" + id }

// place reads the ID of a folder.
func place(f transport.Folder) (kind, string, bool) {
	if len(f.ID) < 3 || f.ID[1] != ':' {
		return 0, "", false
	}
	k := kind(f.ID[0])
	return k, f.ID[2:], strings.ContainsRune("mxcpt", rune(k))
}

// placeOf is place as an error of a method.
func placeOf(op string, f transport.Folder) (kind, string, error) {
	k, id, ok := place(f)
	if !ok {
		return 0, "", &transport.Error{Kind: transport.NotFound, Op: op, Folder: f.String(), Err: errNoFolder}
	}
	return k, id, nil
}

// wellKnown are the folders that the service finds by name.
var wellKnown = []struct {
	name string
	role transport.Role
}{
	{"inbox", transport.RoleInbox},
	{"sentitems", transport.RoleSent},
	{"drafts", transport.RoleDrafts},
	{"deleteditems", transport.RoleTrash},
	{"junkemail", transport.RoleJunk},
	{"archive", transport.RoleArchive},
	{"outbox", transport.RoleOutbox},
}

// roleIDs finds the ids of the well-known folders, once.
func (s *Store) roleIDs(ctx context.Context) (map[string]transport.Role, error) {
	s.mu.Lock()
	roles := s.roles
	s.mu.Unlock()
	if roles != nil {
		return roles, nil
	}
	ids := make([]string, len(wellKnown))
	errs := make([]error, len(wellKnown))
	var wg sync.WaitGroup
	for i, w := range wellKnown {
		wg.Go(func() {
			var f wire.Folder
			c := &call{op: "list folders", url: query(s.user("mailFolders", w.name), "$select", "id")}
			if errs[i] = s.json(ctx, c, &f); isKind(errs[i], transport.NotFound) {
				errs[i] = nil
			}
			ids[i] = f.ID
		})
	}
	wg.Wait()
	roles = map[string]transport.Role{}
	for i, w := range wellKnown {
		if errs[i] != nil {
			return nil, errs[i]
		}
		if ids[i] != "" {
			roles[ids[i]] = w.role
		}
	}
	s.mu.Lock()
	s.roles = roles
	s.mu.Unlock()
	return roles, nil
}

// Folders implements [transport.Source].
func (s *Store) Folders(ctx context.Context) iter.Seq2[transport.Folder, error] {
	return func(yield func(transport.Folder, error) bool) {
		stop := false
		err := s.walk(ctx, func(f transport.Folder) bool {
			if shown, ok := s.shown(f); ok && !yield(shown, nil) {
				stop = true
			}
			return !stop
		})
		if err != nil && !stop {
			yield(transport.Folder{}, err)
		}
	}
}

// shown is a folder as the store shows it, below the store's root.
func (s *Store) shown(f transport.Folder) (transport.Folder, bool) {
	if n := len(s.root); n > 0 {
		if len(f.Path) <= n || !slices.Equal(f.Path[:n], s.root) {
			return f, false
		}
		f.Path = f.Path[n:]
	}
	if n := len(s.only); n > 0 && (len(f.Path) < n || !slices.Equal(f.Path[:n], s.only)) {
		return f, false
	}
	return f, true
}

// walk tells of all folders, parents first, with their paths in the mailbox.
func (s *Store) walk(ctx context.Context, fn func(transport.Folder) bool) error {
	if s.o.Archive {
		box, err := s.mailboxID(ctx)
		if err != nil {
			return err
		}
		_, err = s.descend(ctx, boxTree(s.at("admin", "exchange", "mailboxes", box, "folders")), nil, "", map[string]bool{}, fn)
		return err
	}
	roles, err := s.roleIDs(ctx)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	mail := level{
		kind: kindMail, top: s.user("mailFolders"), under: func(id string) string { return s.user("mailFolders", id, "childFolders") },
		hidden: true, keep: func(wire.Folder) bool { return true }, roles: roles,
	}
	more, err := s.descend(ctx, mail, nil, "", seen, fn)
	if err != nil || !more || s.o.MailOnly {
		return err
	}
	if s.o.Route == RouteJSON {
		// What is written by resources is tracked by them, too.
		return s.resources(ctx, seen, fn)
	}
	if box, err := s.mailboxID(ctx); err == nil {
		// Mail folders are seen already, but not those below a folder of
		// another kind.
		l := boxTree(s.at("admin", "exchange", "mailboxes", box, "folders"))
		_, err = s.descend(ctx, l, nil, "", seen, fn)
		if !s.without(err) {
			return err
		}
	} else if !s.without(err) {
		return err
	}
	return s.resources(ctx, seen, fn)
}

// without reports whether an error says that the import and export API is not
// there for us, for want of a permission or of the API.
func (s *Store) without(err error) bool {
	if err == nil {
		return false
	}
	return isKind(err, transport.Auth) && statusOf(err) == http.StatusForbidden || isKind(err, transport.NotFound) || isKind(err, transport.Usage) ||
		isKind(err, transport.Rejected) || isKind(err, transport.Permanent) && statusOf(err) > 0
}

// isMailFolder tells container classes that mailFolders lists.
func isMailFolder(class string) bool {
	return class == "" || strings.EqualFold(class, "IPF.Note") || len(class) > 9 && strings.EqualFold(class[:9], "IPF.Note.")
}

// A level is how one kind of folder is listed.
type level struct {
	kind   kind
	top    string
	under  func(id string) string
	hidden bool // includeHiddenFolders
	keep   func(wire.Folder) bool
	roles  map[string]transport.Role
}

func boxTree(top string) level {
	return level{
		kind: kindBox, top: top, keep: func(wire.Folder) bool { return true },
		under: func(id string) string { return top + "/" + escape(id) + "/childFolders" },
	}
}

// descend lists a folder's children and what is below them. Children that are
// not kept are passed over, but not what is below them.
func (s *Store) descend(ctx context.Context, l level, path []string, parent string, seen map[string]bool, fn func(transport.Folder) bool) (bool, error) {
	where := l.top
	if parent != "" {
		where = l.under(parent)
	}
	options := []string{"$top", "100"}
	if l.hidden {
		options = append(options, "includeHiddenFolders", "true")
	}
	var list []wire.Folder
	_, err := s.pages(ctx, &call{op: "list folders", folder: transport.JoinPath(path), url: query(where, options...)}, func(raw json.RawMessage) (bool, error) {
		f, err := element[wire.Folder](raw)
		list = append(list, f)
		return err == nil, err
	})
	if err != nil {
		if parent == "" || transport.Canceled(err) || transport.KindOf(err) == transport.Temporary || transport.KindOf(err) == transport.Throttled {
			return false, err
		}
		// One folder that cannot be opened does not hide the others.
		return fn(transport.Folder{Path: slices.Concat(path, []string{"(folders below)"}), ID: l.kind.id(parent + "/below"), Count: -1, Size: -1, NoItems: true, Err: err}), nil
	}
	for _, f := range list {
		p := slices.Concat(path, []string{f.DisplayName})
		out := transport.Folder{
			Path: p, ID: l.kind.id(f.ID), Class: f.Type, Count: -1, Size: -1,
			Hidden: f.IsHidden || strings.HasSuffix(f.ODataType, "SearchFolder"), Role: l.roles[f.ID],
		}
		if out.Role == transport.RoleNone && l.kind == kindBox {
			out.Role = roleOfClass(f.Type, p)
		}
		if f.TotalItemCount != nil {
			out.Count = *f.TotalItemCount
		}
		// Two folders of one name differ in case or in blanks at most; the
		// second has its id behind the name.
		name := transport.JoinPath(p)
		if l.keep(f) && !seen[name] {
			seen[name] = true
			if !fn(out) {
				return false, nil
			}
		}
		if f.ChildFolderCount > 0 {
			if more, err := s.descend(ctx, l, p, f.ID, seen, fn); err != nil || !more {
				return more, err
			}
		}
	}
	return true, nil
}

// roleOfClass is the use of a folder at the top, where only its class tells.
func roleOfClass(class string, path []string) transport.Role {
	if len(path) != 1 {
		return transport.RoleNone
	}
	switch strings.ToUpper(class) {
	case "IPF.APPOINTMENT":
		return transport.RoleCalendar
	case "IPF.CONTACT":
		return transport.RoleContacts
	case "IPF.TASK":
		return transport.RoleTasks
	case "IPF.STICKYNOTE":
		return transport.RoleNotes
	case "IPF.JOURNAL":
		return transport.RoleJournal
	}
	return transport.RoleNone
}

// resources lists calendars, contact folders and task lists one by one, where
// the import and export API is not there.
func (s *Store) resources(ctx context.Context, seen map[string]bool, fn func(transport.Folder) bool) error {
	type part struct {
		kind  kind
		url   string
		class string
		role  transport.Role
		name  string
	}
	for _, p := range []part{
		{kindCalendar, s.user("calendars"), "IPF.Appointment", transport.RoleCalendar, "Calendar"},
		{kindContacts, s.user("contactFolders"), "IPF.Contact", transport.RoleContacts, "Contacts"},
		{kindTasks, s.user("todo", "lists"), "IPF.Task", transport.RoleTasks, "Tasks"},
	} {
		emit := func(f wire.Folder, role transport.Role) bool {
			name := f.DisplayName
			if name == "" {
				name = f.Name
			}
			path := []string{name}
			for n := 2; seen[transport.JoinPath(path)]; n++ {
				path = []string{name + " (" + string(rune('0'+min(n, 9))) + ")"}
			}
			seen[transport.JoinPath(path)] = true
			return fn(transport.Folder{Path: path, ID: p.kind.id(f.ID), Class: p.class, Role: role, Count: -1, Size: -1})
		}
		if p.kind == kindContacts {
			// The folder of all that were put nowhere else is not in the list.
			var f wire.Folder
			err := s.json(ctx, &call{op: "list folders", url: s.user("contactFolders", "contacts")}, &f)
			if err == nil && !emit(f, p.role) {
				return nil
			}
		}
		stop := false
		_, err := s.pages(ctx, &call{op: "list folders", url: query(p.url, "$top", "100")}, func(raw json.RawMessage) (bool, error) {
			f, err := element[wire.Folder](raw)
			role := transport.RoleNone
			if f.IsDefault || f.WellKnown == "defaultList" {
				role = p.role
			}
			if err == nil && !emit(f, role) {
				stop = true
			}
			return err == nil && !stop, err
		})
		switch {
		case stop:
			return nil
		case s.without(err):
			if !fn(transport.Folder{Path: []string{p.name}, ID: p.kind.id("?"), Class: p.class, Role: p.role, Count: -1, Size: -1, Err: err}) {
				return nil
			}
		case err != nil:
			return err
		}
	}
	return nil
}
