package mapihttp

import (
	"context"
	"fmt"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/rop"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/exchange"
	"github.com/mailconv/mailconv/transport/pathname"
)

// Ensure implements [transport.Sink]. Names are as they are, but control
// characters are escaped as %XX.
func (st *Store) Ensure(ctx context.Context, f transport.Folder) (transport.Folder, error) {
	return st.folders.Ensure(ctx, f)
}

// folderName is a name that the server can hold.
func folderName(name string) string {
	if strings.IndexFunc(name, func(r rune) bool { return r < ' ' || r == 0x7F }) < 0 {
		return name
	}
	return pathname.Escape(name, "")
}

// createFolder makes a folder, or finds it where someone else has made it
// meanwhile, which does not change it.
func (st *Store) createFolder(ctx context.Context, f *exchange.Folder, path []string) error {
	parent, err := parseID(f.Parent)
	if err != nil {
		return fail("create", transport.Folder{Path: path}, "", err)
	}
	class := f.Class
	err = st.run(ctx, "create", func(s *session) error {
		b := s.batch("create")
		up := b.out(b.put(s.logon), &rop.OpenFolder{FolderID: parent})
		made := b.out(b.index(up), &rop.CreateFolder{FolderType: rop.GenericFolder, Unicode: true, OpenExisting: true, DisplayName: f.Name})
		// The class of a folder that was there is not touched, so it is set
		// in a request of its own.
		if err := b.do(ctx); err != nil {
			return err
		}
		s.free(b.made()...)
		if err := b.first(); err != nil {
			return err
		}
		a, ok := b.result(made).(*rop.CreateFolderResult)
		if !ok {
			return b.err(made)
		}
		f.ID = a.FolderID.String()
		if a.IsExistingFolder {
			f.Class = ""
			return nil
		}
		handle := b.handle(made)
		s.use(handle)
		b = s.batch("create")
		b.in(b.put(handle), &rop.SetProperties{Props: mapi.Properties{{Tag: mapi.PidTagContainerClass, Value: mapi.StringValue(class)}}})
		err := b.do(ctx)
		s.free(handle)
		if err != nil {
			return err
		}
		return b.first()
	})
	return fail("create", transport.Folder{Path: path}, "", err)
}

// DeleteFolder implements [transport.FolderDeleter].
func (st *Store) DeleteFolder(ctx context.Context, f transport.Folder) error {
	return st.folders.Remove(ctx, f, func(s string) error {
		id, err := parseID(s)
		if err != nil {
			return nil // there is no such folder
		}
		t, err := st.loadTree(ctx)
		if err != nil {
			return err
		}
		n := t.Folder(id.String())
		if n == nil {
			return nil
		}
		parent, err := parseID(n.Parent)
		if err == nil {
			err = st.run(ctx, "delete", func(s *session) error { return s.deleteFolder(ctx, parent, id) })
		}
		if err != nil && transport.KindOf(err) == transport.NotFound {
			return nil
		}
		return fail("delete", f, "", err)
	})
}

// deleteFolder deletes a folder for good, with all that is in it.
func (s *session) deleteFolder(ctx context.Context, parent, id rop.ObjectID) error {
	b := s.batch("delete")
	up := b.out(b.put(s.logon), &rop.OpenFolder{FolderID: parent})
	del := b.in(b.index(up), &rop.DeleteFolder{DeleteFolderFlags: rop.DeleteMessagesToo | rop.DeleteFoldersToo | rop.DeleteHard, FolderID: id})
	if err := b.do(ctx); err != nil {
		return err
	}
	s.free(b.made()...)
	if err := b.first(); err != nil {
		return err
	}
	if a, ok := b.result(del).(*rop.PartialResult); ok && a.PartialCompletion {
		return fmt.Errorf("%v: %w", rop.IDDeleteFolder, rop.PartiallyComplete)
	}
	return nil
}
