package ews

import (
	"context"
	"fmt"
	"strings"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/ews/soap"
	"github.com/mailconv/mailconv/transport/exchange"
	"github.com/mailconv/mailconv/transport/pathname"
)

// Ensure implements [transport.Sink]. Names are as they are, but control
// characters, which XML cannot say, are escaped as %XX.
func (st *Store) Ensure(ctx context.Context, f transport.Folder) (transport.Folder, error) {
	return st.folders.Ensure(ctx, f)
}

// folderName is a name that the server can hold.
func folderName(name string) string {
	if strings.IndexFunc(name, func(r rune) bool { return r < ' ' || r == 0x7F || r == 0xFFFE || r == 0xFFFF || r == 0xFFFD }) < 0 {
		return name
	}
	return pathname.Escape(name, "")
}

// folderElement is the element that makes a folder of a class.
func folderElement(class string) string {
	c := strings.ToUpper(class)
	for _, e := range []struct{ class, element string }{
		{"IPF.APPOINTMENT", "CalendarFolder"}, {"IPF.CONTACT", "ContactsFolder"}, {"IPF.TASK", "TasksFolder"},
	} {
		if c == e.class || strings.HasPrefix(c, e.class+".") {
			return e.element
		}
	}
	return "Folder"
}

// createFolder makes a folder, which must not be there.
func (st *Store) createFolder(ctx context.Context, f *exchange.Folder, path []string) error {
	element := folderElement(f.Class)
	r := request{op: "create", name: "CreateFolder", folder: transport.JoinPath(path), body: func(w *soap.Writer) {
		writeFolderID(w, "m:ParentFolderId", f.Parent)
		w.Start("m:Folders").Start("t:" + element)
		// The element says the class where it is one of its own; only then a
		// server refuses to be told.
		if element == "Folder" || strings.Count(f.Class, ".") > 1 {
			w.Element("t:FolderClass", f.Class)
		}
		w.Element("t:DisplayName", f.Name).End().End()
	}}
	err := st.svc.do(ctx, r, reply{element: func(_ int, s *soap.Scanner) error {
		if s.Name() == "Folders" {
			readFolders(s, func(made *exchange.Folder) { f.ID = made.ID })
		}
		return nil
	}})
	if err == nil && f.ID == "" {
		err = fail(transport.Temporary, r, fmt.Errorf("the reply to CreateFolder names no folder"))
	}
	return err
}

// folderExists reports whether a folder could not be made as it is there.
func folderExists(err error) bool { return hasCode(err, "ErrorFolderExists") }

// DeleteFolder implements [transport.FolderDeleter].
func (st *Store) DeleteFolder(ctx context.Context, f transport.Folder) error {
	return st.folders.Remove(ctx, f, func(id string) error {
		err := st.deleteFolder(ctx, f, id, "HardDelete")
		if err == nil || transport.KindOf(err) == transport.NotFound {
			return nil
		}
		// QUIRK: some servers do not delete a folder for good that is not
		// empty. It is emptied first, from the leaves on.
		if k := transport.KindOf(err); k == transport.Auth || k == transport.Throttled || k == transport.Temporary || transport.Canceled(err) {
			return err
		}
		t, lerr := st.loadTree(ctx)
		if lerr != nil {
			return err
		}
		return st.emptyFolder(ctx, t, f, id, 0)
	})
}

func (st *Store) emptyFolder(ctx context.Context, t *exchange.Tree, f transport.Folder, id string, depth int) error {
	if depth > exchange.MaxDepth {
		return &transport.Error{Op: "delete", Folder: f.String(), Err: fmt.Errorf("folders are nested more than %d deep", exchange.MaxDepth)}
	}
	for _, n := range t.Children(id) {
		if err := st.emptyFolder(ctx, t, transport.Folder{Path: n.Path(), ID: n.ID}, n.ID, depth+1); err != nil {
			return err
		}
	}
	var keys []transport.Key
	for m, err := range st.Items(ctx, transport.Folder{Path: f.Path, ID: id}, nil) {
		if err != nil {
			return err
		}
		keys = append(keys, m.Key)
	}
	for _, err := range st.Delete(ctx, f, keys) {
		if err != nil {
			return err
		}
	}
	err := st.deleteFolder(ctx, f, id, "HardDelete")
	if err != nil && transport.KindOf(err) == transport.NotFound {
		return nil
	}
	return err
}

func (st *Store) deleteFolder(ctx context.Context, f transport.Folder, id, how string) error {
	return st.svc.do(ctx, request{op: "delete", name: "DeleteFolder", folder: f.String(), attrs: []string{"DeleteType", how}, body: func(w *soap.Writer) {
		w.Start("m:FolderIds").Empty("t:FolderId", "Id", id).End()
	}}, reply{})
}
