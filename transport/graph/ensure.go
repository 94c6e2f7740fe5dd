package graph

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/graph/wire"
)

// A tree is the folders of the mailbox, for who makes new ones. Names are
// compared as Exchange does, without case.
type tree struct {
	byPath map[string]transport.Folder
}

func treeKey(path []string) string { return strings.ToLower(transport.JoinPath(path)) }

// loadTree lists the folders once.
func (s *Store) loadTree(ctx context.Context) error {
	s.mu.Lock()
	loaded := s.tree != nil
	s.mu.Unlock()
	if loaded {
		return nil
	}
	t := &tree{byPath: map[string]transport.Folder{}}
	err := s.walk(ctx, func(f transport.Folder) bool {
		if f.Err == nil {
			t.byPath[treeKey(f.Path)] = f
		}
		return true
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	if s.tree == nil {
		s.tree = t
	}
	s.mu.Unlock()
	return nil
}

// Ensure implements [transport.Sink]. A name that is too long is cut and has a
// hash at its end.
func (s *Store) Ensure(ctx context.Context, f transport.Folder) (transport.Folder, error) {
	if err := s.loadTree(ctx); err != nil {
		return transport.Folder{}, err
	}
	full := slices.Concat(s.root, f.Path)
	if len(full) == 0 {
		full = []string{"Inbox"}
	}
	if out, ok := s.byRole(f); ok {
		return out, nil
	}
	k := kindMail
	if class := classOf(f); !isMailFolder(class) {
		var err error
		if k, err = s.kindFor(ctx, class); err != nil {
			return transport.Folder{}, err
		}
	}
	if s.o.Archive {
		k = kindBox
	}
	if k != kindMail && k != kindBox && k != kindContacts && len(full) > 1 {
		// Calendars and task lists lie in no tree.
		full = []string{strings.Join(full, " - ")}
	}
	var at transport.Folder
	for i := range full {
		class := "IPF.Note"
		if i == len(full)-1 && classOf(f) != "" {
			class = classOf(f)
		}
		var err error
		if at, err = s.ensure(ctx, k, at, append(slices.Clone(at.Path), full[i]), class); err != nil {
			return transport.Folder{}, err
		}
	}
	out := at
	if n := len(s.root); n > 0 && len(out.Path) > n {
		out.Path = out.Path[n:]
	}
	out.Count, out.Size = -1, -1
	return out, nil
}

// byRole finds the folder of the mailbox for a special use, where the folder
// that is asked for lies at the top.
func (s *Store) byRole(f transport.Folder) (transport.Folder, bool) {
	if f.Role == transport.RoleNone || len(f.Path) != 1 || len(s.root) > 0 {
		return transport.Folder{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if there, ok := s.tree.byPath[treeKey(f.Path)]; ok && there.Role == transport.RoleNone {
		return transport.Folder{}, false // what is there under the name goes before
	}
	for _, there := range s.tree.byPath {
		if there.Role == f.Role {
			there.Count = -1
			return there, true
		}
	}
	return transport.Folder{}, false
}

func classOf(f transport.Folder) string {
	if f.Class != "" {
		return f.Class
	}
	switch f.Role {
	case transport.RoleCalendar:
		return "IPF.Appointment"
	case transport.RoleContacts:
		return "IPF.Contact"
	case transport.RoleTasks:
		return "IPF.Task"
	case transport.RoleNotes:
		return "IPF.StickyNote"
	case transport.RoleJournal:
		return "IPF.Journal"
	}
	return ""
}

// kindFor is the kind of a folder that is no mail folder. Where items can be
// imported, all are folders of the mailbox; else calendars, contacts and tasks
// have their own resources, and the rest goes into mail folders.
func (s *Store) kindFor(ctx context.Context, class string) (kind, error) {
	if s.o.Route == RouteImport || s.o.Route == RouteAuto {
		_, err := s.mailboxID(ctx)
		if err == nil {
			return kindBox, nil
		}
		if !s.without(err) || s.o.Route == RouteImport {
			return 0, err
		}
	}
	class = strings.ToUpper(class)
	for prefix, k := range map[string]kind{"IPF.APPOINTMENT": kindCalendar, "IPF.CONTACT": kindContacts, "IPF.TASK": kindTasks} {
		if class == prefix || strings.HasPrefix(class, prefix+".") {
			return k, nil
		}
	}
	return kindMail, nil
}

// maxName is the longest name of a folder, in characters.
const maxName = 255

// otherName is behind the name of a folder that is taken by one of another kind.
const otherName = " (2)"

// ensure finds or makes one folder whose parent is there.
func (s *Store) ensure(ctx context.Context, k kind, parent transport.Folder, path []string, class string) (transport.Folder, error) {
	name := path[len(path)-1]
	if r := []rune(name); len(r) > maxName {
		sum := sha256.Sum256([]byte(name))
		name = string(r[:maxName-9]) + "~" + hex.EncodeToString(sum[:4])
		path = append(slices.Clone(path[:len(path)-1]), name)
	}
	s.mu.Lock()
	there, ok := s.tree.byPath[treeKey(path)]
	s.mu.Unlock()
	if ok {
		return there, nil
	}
	c := &call{op: "create folder", folder: transport.JoinPath(path)}
	in := wire.Folder{DisplayName: name}
	pk, pid, _ := place(parent)
	if k == kindMail && pk == kindBox {
		k = kindBox // what is below such a folder is one, too
	}
	switch {
	case k == kindCalendar:
		c.url, in = s.user("calendars"), wire.Folder{Name: name}
	case k == kindTasks:
		c.url = s.user("todo", "lists")
	case k == kindContacts && pk == kindContacts:
		c.url = s.user("contactFolders", pid, "childFolders")
	case k == kindContacts:
		c.url = s.user("contactFolders")
	case k == kindBox:
		box, err := s.mailboxID(ctx)
		if err != nil {
			return there, err
		}
		if pid != "" && pk != kindBox {
			// This API takes its own ids only.
			if pid, err = s.boxPath(ctx, parent.Path); err != nil {
				return there, err
			}
		}
		c.url = s.exchange(box, "folders")
		if pid != "" {
			c.url = s.exchange(box, "folders", pid, "childFolders")
		}
		in.Type = class
	case pid != "":
		c.url = s.user("mailFolders", pid, "childFolders")
	default:
		c.url = s.user("mailFolders")
	}
	var made wire.Folder
	err := s.post(ctx, c, in, nil, &made)
	if err == nil && made.ID == "" {
		err = c.broken(errors.New("the service gives the new folder no id"))
	}
	if err != nil {
		if statusOf(err) != http.StatusConflict && codeOf(err) != "ErrorFolderExists" {
			return there, err
		}
		// Someone else made it, or it is there in another spelling.
		found, ferr := s.findChild(ctx, path)
		switch {
		case ferr == nil:
			return found, nil
		case !errors.Is(ferr, errNoFolder):
			return there, ferr
		case strings.HasSuffix(name, otherName):
			return there, err
		}
		// The name belongs to a folder of another kind, which this part of the
		// service does not show.
		return s.ensure(ctx, k, parent, append(slices.Clone(path[:len(path)-1]), name+otherName), class)
	}
	out := transport.Folder{Path: path, ID: k.id(made.ID), Class: made.Type, Count: -1, Size: -1}
	s.mu.Lock()
	s.tree.byPath[treeKey(path)] = out
	s.mu.Unlock()
	return out, nil
}

// findChild lists the folders anew and looks for one.
func (s *Store) findChild(ctx context.Context, path []string) (transport.Folder, error) {
	s.mu.Lock()
	s.tree = nil
	s.mu.Unlock()
	if err := s.loadTree(ctx); err != nil {
		return transport.Folder{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if f, ok := s.tree.byPath[treeKey(path)]; ok {
		return f, nil
	}
	return transport.Folder{}, errNoFolder
}
