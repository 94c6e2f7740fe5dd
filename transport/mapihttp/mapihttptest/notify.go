package mapihttptest

import (
	"github.com/mailconv/mailconv/mapi/rop"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// A subscription tells a client of events. [MS-OXCNOTIF] 3.1.5.1
type subscription struct {
	*logon
	handle uint32
	types  rop.NotificationFlags
	folder mailbox.FolderID // 0 is the whole mailbox
	item   mailbox.ItemID   // place, 0 is all of the folder
	after  uint64
}

func doRegisterNotification(x *execution, in object, body rop.RequestBody) (rop.Body, error) {
	r, l := body.(*rop.RegisterNotification), logonOf(in)
	if l == nil {
		return nil, rop.NullObject
	}
	s := &subscription{logon: l, types: r.Types, after: l.box.LastEvent()}
	if !r.WantWholeStore {
		s.folder, s.item = mailbox.FolderID(r.FolderID.Counter()), mailbox.ItemID(r.MessageID.Counter())
	}
	x.put(s)
	s.handle = x.handles[x.request.Out]
	x.ses.mu.Lock()
	x.ses.subscriptions[s.handle] = s
	x.ses.mu.Unlock()
	return nil, nil
}

// kinds are the events of [mailbox] in the words of this protocol.
var kinds = map[mailbox.EventKind]rop.NotificationFlags{
	mailbox.EventNewMail: rop.NewMail, mailbox.EventCreated: rop.CreatedObject, mailbox.EventModified: rop.ModifiedObject,
	mailbox.EventMoved: rop.MovedObject, mailbox.EventCopied: rop.CopiedObject, mailbox.EventDeleted: rop.DeletedObject,
}

// wants reports whether the subscription is for an event.
func (s *subscription) wants(e mailbox.Event) bool {
	if s.types&kinds[e.Kind] == 0 {
		return false
	}
	if s.item != 0 {
		return e.Place == s.item || e.OldPlace == s.item
	}
	return s.folder == 0 || e.Parent == s.folder || e.OldParent == s.folder || e.IsFolder && e.Folder == s.folder
}

// pending are the events that are to be told, and wake, which is closed when
// there may be more.
func (s *subscription) pending() (list []mailbox.Event, latest uint64, wake <-chan struct{}) {
	all, wake := s.box.Events(s.after)
	latest = s.after
	for _, e := range all {
		latest = e.Number
		if s.wants(e) {
			list = append(list, e)
		}
	}
	return list, latest, wake
}

// notify adds what happened to the answers, as far as there is room.
// [MS-OXCNOTIF] 3.1.5.1.2
func (x *execution) notify() error {
	x.ses.mu.Lock()
	defer x.ses.mu.Unlock()
	for _, s := range x.ses.subscriptions {
		events, latest, _ := s.pending()
		for _, e := range events {
			answer := rop.Response{ID: rop.IDNotify, Body: s.notification(e)}
			b, err := answer.Marshal()
			if err != nil {
				return err
			}
			if x.size+len(b) > x.limit {
				return nil
			}
			x.size += len(b)
			x.out = append(x.out, answer)
			s.after = e.Number
		}
		s.after = latest
	}
	return nil
}

// notification is one event. [MS-OXCNOTIF] 2.2.1.4.1.2
func (s *subscription) notification(e mailbox.Event) *rop.Notify {
	n := &rop.Notify{NotificationHandle: s.handle, Flags: kinds[e.Kind], NoTags: true}
	if e.IsFolder {
		n.FolderID, n.ParentFolderID, n.OldFolderID, n.OldParentFolderID = folderID(e.Folder), folderID(e.Parent), folderID(e.Folder), folderID(e.OldParent)
		return n
	}
	n.Flags |= rop.OfMessage
	n.FolderID, n.MessageID = folderID(e.Parent), messageID(e.Place)
	n.OldFolderID, n.OldMessageID = folderID(e.OldParent), messageID(e.OldPlace)
	if e.Kind == mailbox.EventNewMail {
		if it, ok := s.box.At(e.Place); ok {
			n.MessageClass = it.Class()
		}
		n.Unicode = true
	}
	return n
}
