package ewstest

import (
	"encoding/binary"
	"errors"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// Operations on folders. [MS-OXWSFOLD], [MS-OXWSSRCH] 3.1.4.1

// folderElement is the name of the element for a container class.
func folderElement(class string) string {
	class = strings.ToLower(class)
	for _, k := range []struct{ class, name string }{
		{"ipf.appointment", "CalendarFolder"}, {"ipf.contact", "ContactsFolder"}, {"ipf.task", "TasksFolder"},
	} {
		if class == k.class || strings.HasPrefix(class, k.class+".") {
			return k.name
		}
	}
	return "Folder"
}

// folderFailure is the response code for an error of a mailbox.
func folderFailure(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, mailbox.ErrNotFound):
		return fail("ErrorFolderNotFound", "The specified folder could not be found in the store.")
	case errors.Is(err, mailbox.ErrExists):
		return fail("ErrorFolderExists", "A folder with the specified name already exists.")
	case errors.Is(err, mailbox.ErrName):
		return fail("ErrorFolderSave", "The folder save operation failed due to invalid property values.")
	case errors.Is(err, mailbox.ErrNotEmpty):
		return fail("ErrorCannotDeleteObject", "The folder is not empty.")
	case errors.Is(err, mailbox.ErrStandard):
		return fail("ErrorDeleteDistinguishedFolder", "Distinguished folders cannot be deleted, moved or renamed.")
	case errors.Is(err, mailbox.ErrLoop):
		return fail("ErrorMoveCopyFailed", "The move or copy operation failed.")
	}
	return err
}

// folderValue is a property of a folder, those that the server computes too.
func folderValue(m *mailbox.Mailbox, f mailbox.Folder, p property) (mapi.Value, bool) {
	if p.name == nil {
		switch p.tag.WithType(mapi.TypeUnspecified).ID() {
		case mapi.PidTagDisplayName.ID():
			return mapi.StringValue(f.Name), true
		case mapi.PidTagContainerClass.ID():
			return mapi.StringValue(f.Class), f.Class != ""
		case mapi.PidTagContentCount.ID():
			return mapi.Int32Value(int32(f.Count)), true
		case mapi.PidTagContentUnreadCount.ID():
			return mapi.Int32Value(int32(f.Unread)), true
		case mapi.PidTagAssociatedContentCount.ID():
			return mapi.Int32Value(int32(f.Associated)), true
		case mapi.PidTagSubfolders.ID():
			return mapi.BoolValue(f.Children > 0), true
		case mapi.PidTagFolderType.ID():
			return mapi.Int32Value(1), true
		case mapi.PidTagCreationTime.ID():
			return mapi.TimeValue(f.Created), true
		case mapi.PidTagLastModificationTime.ID():
			return mapi.TimeValue(f.Modified), true
		case mapi.PidTagEntryId.ID():
			return mapi.BinaryValue(entryID(m, uint64(f.ID))), true
		case mapi.PidTagParentEntryId.ID():
			return mapi.BinaryValue(entryID(m, uint64(f.Parent))), f.Parent != 0
		case mapi.PidTagSourceKey.ID():
			return mapi.BinaryValue(sourceKey(m, uint64(f.ID))), true
		case mapi.PidTagMessageSize.ID():
			if p.tag.Type() == mapi.TypeInteger64 {
				return mapi.Int64Value(f.Size), true
			}
			return mapi.Int32Value(int32(f.Size)), true
		}
	}
	return p.get(f.Props)
}

// entryID and sourceKey identify a folder or an item. [MS-OXCDATA] 2.2.4
func entryID(m *mailbox.Mailbox, ids ...uint64) []byte {
	g := m.GUID()
	b := append(make([]byte, 4), g[:]...)
	b = append(b, 1, 0)
	for _, id := range ids {
		b = append(b, sourceKey(m, id)...)
		b = append(b, 0, 0)
	}
	return b
}

// sourceKey is a GID. [MS-OXCDATA] 2.2.1.3
func sourceKey(m *mailbox.Mailbox, id uint64) []byte {
	g := m.GUID()
	return append(g[:], binary.BigEndian.AppendUint64(nil, id)[2:]...)
}

// writeFolder writes a folder in a shape.
func (c *call) writeFolder(m *mailbox.Mailbox, f mailbox.Folder, sh shape) {
	w := c.w
	name := folderElement(f.Class)
	w.open("t:" + name)
	w.empty("t:FolderId", "Id", folderID(m, f.ID), "ChangeKey", changeKey(f.Change))
	if sh.has("folder:ParentFolderId", inAll) && f.Parent != 0 {
		w.empty("t:ParentFolderId", "Id", folderID(m, f.Parent), "ChangeKey", changeKey(1))
	}
	if sh.has("folder:FolderClass", inAll) && f.Class != "" {
		w.elem("t:FolderClass", f.Class)
	}
	if sh.has("folder:DisplayName", inDefault) {
		w.elem("t:DisplayName", f.Name)
	}
	if sh.has("folder:TotalCount", inDefault) {
		w.int("t:TotalCount", int64(f.Count))
	}
	if sh.has("folder:ChildFolderCount", inDefault) {
		w.int("t:ChildFolderCount", int64(f.Children))
	}
	for _, p := range sh.extended {
		if v, ok := folderValue(m, f, p); ok {
			c.extended(p, v)
		}
	}
	if sh.has("folder:EffectiveRights", inAll) {
		c.effectiveRights(m, f.ID, true)
	}
	if sh.has("folder:DistinguishedFolderId", never) && f.Role != "" && c.s.speaks("Exchange2013") {
		w.elem("t:DistinguishedFolderId", string(f.Role))
	}
	if sh.has("folder:UnreadCount", inDefault) && (name == "Folder" || name == "TasksFolder") {
		w.int("t:UnreadCount", int64(f.Unread))
	}
	w.close()
}

func (c *call) effectiveRights(m *mailbox.Mailbox, f mailbox.FolderID, folder bool) {
	r := m.RightsOf(c.acting, f)
	w := c.w
	w.open("t:EffectiveRights")
	w.bool("t:CreateAssociated", r&mailbox.MayCreate != 0)
	w.bool("t:CreateContents", r&mailbox.MayCreate != 0 && folder)
	w.bool("t:CreateHierarchy", r&mailbox.MayCreateFolders != 0 && folder)
	w.bool("t:Delete", r&mailbox.MayDelete != 0)
	w.bool("t:Modify", r&mailbox.MayEdit != 0)
	w.bool("t:Read", r&mailbox.MayRead != 0)
	w.close()
}

func getFolder(c *call) *soapFault {
	sh, sf := parseShape(c.body.child("FolderShape"))
	if sf != nil {
		return sf
	}
	c.begin()
	for _, id := range c.body.list("FolderIds") {
		c.message(c.noFolders, func() (func() error, error) {
			m, f, err := c.folder(id, 0)
			if err != nil {
				return nil, err
			}
			return func() error {
				c.w.open("m:Folders")
				c.writeFolder(m, f, sh)
				c.w.close()
				return nil
			}, nil
		})
	}
	return nil
}

// noFolders and noItems are what an error has in the place of a result.
func (c *call) noFolders() { c.w.empty("m:Folders") }
func (c *call) noItems()   { c.w.empty("m:Items") }

// window is a page of n entries of a list. [MS-OXWSSRCH] 2.2.4.24
func window(view *node, total int) (from, to, next int, last bool) {
	if view == nil {
		return 0, total, total, true
	}
	most := number(view.attr("MaxEntriesReturned"), 1000)
	most = min(max(most, 0), 1000)
	offset := max(number(view.attr("Offset"), 0), 0)
	if view.attr("BasePoint") == "End" {
		// The offset counts from the end, and the page lies before it.
		to = max(total-offset, 0)
		from = max(to-most, 0)
		return from, to, from, from == 0
	}
	from = min(offset, total)
	to = min(from+most, total)
	next = to
	if offset > total {
		// QUIRK: an offset beyond the end is kept and counted on.
		next = offset + most
	}
	return from, to, next, to == total
}

func (c *call) rootFolder(next int, last bool, total int) {
	c.w.open("m:RootFolder", "IndexedPagingOffset", itoa(next), "TotalItemsInView", itoa(total), "IncludesLastItemInRange", btoa(last))
}

func findFolder(c *call) *soapFault {
	sh, sf := parseShape(c.body.child("FolderShape"))
	if sf != nil {
		return sf
	}
	deep := c.body.attr("Traversal") == "Deep"
	c.begin()
	for _, id := range c.body.list("ParentFolderIds") {
		c.message(nil, func() (func() error, error) {
			m, parent, err := c.folder(id, 0)
			if err != nil {
				return nil, err
			}
			match, err := c.restriction(c.body.child("Restriction"))
			if err != nil {
				return nil, err
			}
			var list []mailbox.Folder
			if c.body.attr("Traversal") != "SoftDeleted" {
				for _, f := range m.Folders(parent.ID, deep) {
					if m.May(c.acting, f.ID, mailbox.MayRead) && match(folderSubject{m, f}) {
						list = append(list, f)
					}
				}
			}
			from, to, next, last := window(c.body.child("IndexedPageFolderView"), len(list))
			return func() error {
				c.rootFolder(next, last, len(list))
				c.w.open("t:Folders")
				for _, f := range list[from:to] {
					c.writeFolder(m, f, sh)
				}
				c.w.close()
				c.w.close()
				return nil
			}, nil
		})
	}
	return nil
}

// folderWork is a message whose result is one folder.
func (c *call) folderWork(work func() (*mailbox.Mailbox, mailbox.Folder, error)) {
	c.message(c.noFolders, func() (func() error, error) {
		m, f, err := work()
		if err != nil {
			return nil, folderFailure(err)
		}
		return func() error {
			c.w.open("m:Folders")
			c.writeFolder(m, f, shape{})
			c.w.close()
			return nil
		}, nil
	})
}

// classOf is the container class that goes with a folder element.
var classOf = map[string]string{
	"Folder": "IPF.Note", "CalendarFolder": "IPF.Appointment", "ContactsFolder": "IPF.Contact", "TasksFolder": "IPF.Task",
}

func createFolder(c *call) *soapFault {
	c.begin()
	for _, n := range c.body.list("Folders") {
		c.folderWork(func() (*mailbox.Mailbox, mailbox.Folder, error) {
			m, parent, err := c.target(c.body.child("ParentFolderId"), mailbox.MayCreateFolders)
			if err != nil {
				return nil, parent, err
			}
			class := or(n.value("FolderClass"), classOf[n.name])
			props, perr := extendedProperties(n)
			if perr != nil {
				return nil, parent, perr
			}
			f, ferr := m.CreateFolder(parent.ID, n.value("DisplayName"), class, props)
			return m, f, ferr
		})
	}
	return nil
}

func updateFolder(c *call) *soapFault {
	c.begin()
	for _, ch := range c.body.list("FolderChanges") {
		c.folderWork(func() (*mailbox.Mailbox, mailbox.Folder, error) {
			if len(ch.kids) == 0 {
				return nil, mailbox.Folder{}, fail("ErrorInvalidIdEmpty", "There is no folder id.")
			}
			m, f, err := c.folder(ch.kids[0], mailbox.MayEdit)
			if err != nil {
				return nil, f, err
			}
			f, ferr := m.UpdateFolder(f.ID, func(f *mailbox.Folder) error { return changeFolder(f, ch.list("Updates")) })
			return m, f, ferr
		})
	}
	return nil
}

func changeFolder(f *mailbox.Folder, updates []*node) error {
	for _, u := range updates {
		if len(u.kids) == 0 {
			continue
		}
		path := u.kids[0]
		switch {
		case path.name == "ExtendedFieldURI":
			p, err := parseProperty(path)
			if err != nil {
				return err
			}
			p.remove(&f.Props)
			if u.name == "SetFolderField" && len(u.kids) > 1 {
				list, err := extendedProperties(u.kids[1])
				if err != nil {
					return err
				}
				f.Props = append(f.Props, list...)
			}
		case u.name == "SetFolderField" && len(u.kids) > 1 && path.attr("FieldURI") == "folder:DisplayName":
			if f.Role != "" && f.Name != u.kids[1].value("DisplayName") {
				return mailbox.ErrStandard
			}
			f.Name = u.kids[1].value("DisplayName")
		case u.name == "SetFolderField" && len(u.kids) > 1 && path.attr("FieldURI") == "folder:FolderClass":
			f.Class = u.kids[1].value("FolderClass")
		default:
			return fail("ErrorInvalidPropertySet", "Set action is invalid for property %s.", path.attr("FieldURI"))
		}
	}
	return nil
}

func moveFolder(c *call) *soapFault {
	c.begin()
	for _, id := range c.body.list("FolderIds") {
		c.folderWork(func() (*mailbox.Mailbox, mailbox.Folder, error) {
			to, dst, err := c.target(c.body.child("ToFolderId"), mailbox.MayCreateFolders)
			if err != nil {
				return nil, dst, err
			}
			m, f, err := c.folder(id, mailbox.MayDelete)
			if err != nil {
				return nil, f, err
			}
			if m != to {
				return nil, f, fail("ErrorMoveCopyFailed", "A folder cannot be moved to another mailbox.")
			}
			f, ferr := m.MoveFolder(f.ID, dst.ID)
			return m, f, ferr
		})
	}
	return nil
}

func deleteFolder(c *call) *soapFault {
	c.begin()
	for _, id := range c.body.list("FolderIds") {
		c.message(nil, func() (func() error, error) {
			m, f, err := c.folder(id, mailbox.MayDelete)
			if err != nil {
				return nil, err
			}
			if c.body.attr("DeleteType") == "MoveToDeletedItems" {
				trash, _ := m.WellKnown(mailbox.DeletedItems)
				_, err := m.MoveFolder(f.ID, trash.ID)
				return nil, folderFailure(err)
			}
			return nil, folderFailure(m.DeleteFolder(f.ID, c.s.o.DeleteFull))
		})
	}
	return nil
}

func emptyFolder(c *call) *soapFault {
	how := deleteKind(c.body.attr("DeleteType"))
	c.begin()
	for _, id := range c.body.list("FolderIds") {
		c.message(nil, func() (func() error, error) {
			m, f, err := c.folder(id, mailbox.MayDelete)
			if err != nil {
				return nil, err
			}
			items, _ := m.Items(f.ID, mailbox.Normal)
			for _, it := range items {
				if err := m.Delete(it.ID, how); err != nil && !errors.Is(err, mailbox.ErrNotFound) {
					return nil, err
				}
			}
			if boolean(c.body.attr("DeleteSubFolders")) {
				for _, sub := range m.Folders(f.ID, false) {
					if err := m.DeleteFolder(sub.ID, true); err != nil {
						return nil, folderFailure(err)
					}
				}
			}
			return nil, nil
		})
	}
	return nil
}
