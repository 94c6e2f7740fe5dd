package mapihttptest

import (
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/rop"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// dn is the legacyExchangeDN of a mailbox.
func dn(m *mailbox.Mailbox) string {
	a := m.Account()
	name := a.Login
	if name == "" {
		name, _, _ = strings.Cut(a.Address, "@")
	}
	return "/o=Example/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn=" + name
}

// byDN finds a mailbox by its legacyExchangeDN, or by its address.
func (s *Server) byDN(name string) (*mailbox.Mailbox, bool) {
	for _, m := range s.boxes.Mailboxes() {
		if strings.EqualFold(dn(m), name) {
			return m, true
		}
	}
	return s.boxes.Mailbox(name)
}

// hidden folders of a logon that no one asks for have counters of their own.
const unusedFolders = 1 << 40

// doLogon opens a mailbox. [MS-OXCSTOR] 3.2.5.1
func doLogon(x *execution, _ object, body rop.RequestBody) (rop.Body, error) {
	r, ok := body.(*rop.Logon)
	if !ok {
		return nil, rop.RpcFormat
	}
	if r.LogonFlags&rop.LogonPrivate == 0 {
		return nil, rop.LoginPermission
	}
	box, ok := x.c.s.byDN(r.ESSDN)
	if !ok {
		return nil, rop.UnknownUser
	}
	rights := box.RightsOf(x.ses.login, 0)
	if box != x.ses.login && rights&mailbox.MayRead == 0 {
		return nil, rop.LoginPermission
	}
	l := &logon{s: x.c.s, box: box, names: x.c.s.namesOf(box)}
	x.put(l)
	res := &rop.LogonResult{LogonFlags: rop.LogonPrivate, ResponseFlags: 0x01, MailboxGUID: box.GUID(), ReplicaID: replica, ReplicaGUID: box.GUID()}
	if box == x.ses.login {
		res.ResponseFlags = 0x07 // reserved, owner, may send as
	}
	for i := range res.Folders {
		res.Folders[i] = rop.NewObjectID(replica, uint64(unusedFolders+i))
	}
	for i, role := range map[int]mailbox.WellKnown{
		rop.FolderRoot: mailbox.Root, rop.FolderIPMSubtree: mailbox.IPMSubtree, rop.FolderInbox: mailbox.Inbox, rop.FolderOutbox: mailbox.Outbox,
		rop.FolderSentItems: mailbox.SentItems, rop.FolderDeletedItems: mailbox.DeletedItems, rop.FolderSearch: mailbox.Finder,
	} {
		if f, ok := box.WellKnown(role); ok {
			res.Folders[i] = folderID(f.ID)
		}
	}
	now := x.c.s.boxes.Now()
	res.LogonTime = [8]byte{
		byte(now.Second()), byte(now.Minute()), byte(now.Hour()), byte(now.Weekday()), byte(now.Day()), byte(now.Month()),
		byte(now.Year()), byte(now.Year() >> 8),
	}
	res.GwartTime = mapi.Filetime(now)
	return res, nil
}

// logonOf is the logon of whatever object an operation was given.
func logonOf(o object) *logon {
	switch o := o.(type) {
	case *logon:
		return o
	case *folderObject:
		return o.logon
	case holder:
		return o.owner()
	}
	return nil
}

func (l *logon) may(x *execution, folder mailbox.FolderID, r mailbox.Rights) error {
	if !l.box.May(x.ses.login, folder, r) {
		return rop.AccessDenied
	}
	return nil
}

// doOpenFolder opens a folder on any object of the logon. [MS-OXCFOLD] 3.2.5.1
func doOpenFolder(x *execution, in object, body rop.RequestBody) (rop.Body, error) {
	r, l := body.(*rop.OpenFolder), logonOf(in)
	if l == nil {
		return nil, rop.NullObject
	}
	id := mailbox.FolderID(r.FolderID.Counter())
	if _, ok := l.box.Folder(id); !ok || r.FolderID.Replica() != replica {
		return nil, rop.NotFound
	}
	if err := l.may(x, id, mailbox.MayRead); err != nil {
		return nil, err
	}
	x.put(&folderObject{logon: l, id: id})
	return &rop.OpenFolderResult{}, nil
}

func doCreateFolder(x *execution, f *folderObject, r *rop.CreateFolder) (rop.Body, error) {
	if r.FolderType != rop.GenericFolder {
		return nil, rop.NotSupported
	}
	if err := f.may(x, f.id, mailbox.MayCreateFolders); err != nil {
		return nil, err
	}
	if old, ok := f.box.Child(f.id, r.DisplayName); ok {
		if !r.OpenExisting {
			return nil, rop.DuplicateName
		}
		x.put(&folderObject{logon: f.logon, id: old.ID})
		return &rop.CreateFolderResult{FolderID: folderID(old.ID), IsExistingFolder: true}, nil
	}
	var ps mapi.Properties
	if r.Comment != "" {
		ps.Set(mapi.PidTagComment, mapi.StringValue(r.Comment))
	}
	n, err := f.box.CreateFolder(f.id, r.DisplayName, "", ps)
	if err != nil {
		return nil, err
	}
	x.put(&folderObject{logon: f.logon, id: n.ID})
	return &rop.CreateFolderResult{FolderID: folderID(n.ID)}, nil
}

func doDeleteFolder(_ *execution, f *folderObject, r *rop.DeleteFolder) (rop.Body, error) {
	id := mailbox.FolderID(r.FolderID.Counter())
	fo, ok := f.box.Folder(id)
	if !ok || fo.Parent != f.id {
		return nil, rop.NotFound
	}
	if fo.Children > 0 && r.DeleteFolderFlags&rop.DeleteFoldersToo == 0 || fo.Count+fo.Associated > 0 && r.DeleteFolderFlags&rop.DeleteMessagesToo == 0 {
		// Not an error, but not done either. [MS-OXCFOLD] 3.2.5.3
		return &rop.PartialResult{PartialCompletion: true}, nil
	}
	if err := f.box.DeleteFolder(id, true); err != nil {
		return nil, err
	}
	return &rop.PartialResult{}, nil
}

func doMoveFolder(x *execution, f *folderObject, r *rop.MoveFolder) (rop.Body, error) {
	to, ok := x.object(x.request.Out).(*folderObject)
	if !ok {
		return nil, rop.NullObject
	}
	id := mailbox.FolderID(r.FolderID.Counter())
	if _, err := f.box.MoveFolder(id, to.id); err != nil {
		return nil, err
	}
	if _, err := f.box.UpdateFolder(id, func(n *mailbox.Folder) error { n.Name = r.NewFolderName; return nil }); err != nil {
		return nil, err
	}
	return &rop.PartialResult{}, nil
}

func doMoveCopyMessages(x *execution, f *folderObject, r *rop.MoveCopyMessages) (rop.Body, error) {
	to, ok := x.object(x.request.Out).(*folderObject)
	if !ok {
		return nil, rop.NullObject
	}
	res := &rop.PartialResult{}
	for _, id := range r.MessageIDs {
		it, ok := f.item(id)
		if !ok {
			res.PartialCompletion = true
			continue
		}
		var err error
		if r.WantCopy {
			_, err = f.box.Copy(it.ID, to.box, to.id)
		} else {
			_, err = f.box.Move(it.ID, to.id)
		}
		if err != nil {
			res.PartialCompletion = true
		}
	}
	return res, nil
}

// item is a message of the folder.
func (f *folderObject) item(id rop.ObjectID) (mailbox.Item, bool) {
	it, ok := f.box.At(mailbox.ItemID(id.Counter()))
	return it, ok && id.Replica() == replica && it.Folder == f.id
}

func (f *folderObject) delete(x *execution, ids []rop.ObjectID, how mailbox.DeleteKind) (rop.Body, error) {
	if err := f.may(x, f.id, mailbox.MayDelete); err != nil {
		return nil, err
	}
	res := &rop.PartialResult{}
	for _, id := range ids {
		if it, ok := f.item(id); !ok || f.box.Delete(it.ID, how) != nil {
			res.PartialCompletion = true
		}
	}
	return res, nil
}

func doDeleteMessages(x *execution, f *folderObject, r *rop.DeleteMessages) (rop.Body, error) {
	return f.delete(x, r.MessageIDs, mailbox.Soft)
}

func doHardDeleteMessages(x *execution, f *folderObject, r *rop.HardDeleteMessages) (rop.Body, error) {
	return f.delete(x, r.MessageIDs, mailbox.Hard)
}

// empty deletes what is in a folder. [MS-OXCFOLD] 3.2.5.9
func (f *folderObject) empty(x *execution, associated bool, how mailbox.DeleteKind) (rop.Body, error) {
	view := mailbox.Normal
	if associated {
		view = mailbox.All
	}
	items, err := f.box.Items(f.id, view)
	if err != nil {
		return nil, err
	}
	var ids []rop.ObjectID
	for _, it := range items {
		ids = append(ids, messageID(it.Place))
	}
	for _, sub := range f.box.Folders(f.id, false) {
		if err := f.box.DeleteFolder(sub.ID, true); err != nil {
			return nil, err
		}
	}
	return f.delete(x, ids, how)
}

func doEmptyFolder(x *execution, f *folderObject, r *rop.EmptyFolder) (rop.Body, error) {
	return f.empty(x, r.WantDeleteAssociated, mailbox.Soft)
}

func doHardEmptyFolder(x *execution, f *folderObject, r *rop.HardDeleteMessagesAndSubfolders) (rop.Body, error) {
	return f.empty(x, r.WantDeleteAssociated, mailbox.Hard)
}

func doGetReceiveFolder(_ *execution, l *logon, _ *rop.GetReceiveFolder) (rop.Body, error) {
	f, ok := l.box.WellKnown(mailbox.Inbox)
	if !ok {
		return nil, rop.NotFound
	}
	return &rop.GetReceiveFolderResult{FolderID: folderID(f.ID)}, nil
}

func doLongTermID(_ *execution, l *logon, r *rop.LongTermIDFromID) (rop.Body, error) {
	if r.ObjectID.Replica() != replica {
		return nil, rop.NotFound
	}
	res := &rop.LongTermIDFromIDResult{LongTermID: rop.LongTermID{Replica: l.box.GUID()}}
	copy(res.LongTermID.Counter[:], l.xid(r.ObjectID.Counter())[16:])
	return res, nil
}

// maxLocalIDs is how many identifiers a client may have at once.
const maxLocalIDs = 0x10000

// doLocalReplicaIDs sets counters aside, far from those that the mailbox gives
// itself.
func doLocalReplicaIDs(_ *execution, l *logon, r *rop.GetLocalReplicaIDs) (rop.Body, error) {
	if r.IDCount == 0 || r.IDCount > maxLocalIDs {
		return nil, rop.InvalidParameter
	}
	l.s.mu.Lock()
	first := 1<<47 + l.s.local
	l.s.local += uint64(r.IDCount)
	l.s.mu.Unlock()
	res := &rop.GetLocalReplicaIDsResult{Replica: l.box.GUID()}
	copy(res.Counter[:], l.xid(first)[16:])
	return res, nil
}

func doIDFromLongTermID(_ *execution, l *logon, r *rop.IDFromLongTermID) (rop.Body, error) {
	if r.LongTermID.Replica != l.box.GUID() {
		return nil, rop.NotFound
	}
	var n uint64
	for _, b := range r.LongTermID.Counter {
		n = n<<8 | uint64(b)
	}
	return &rop.IDFromLongTermIDResult{ObjectID: rop.NewObjectID(replica, n)}, nil
}
