package ewstest

import (
	"errors"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// Operations on items. [MS-OXWSCORE] 3.1.4

// build makes the message that an item element says: its MIME content first,
// then every other element, recurrences last as they need times and zones.
func (e *edit) build(n *node) error {
	if d := n.child("MimeContent"); d != nil {
		if err := setMIME(e, d); err != nil {
			return err
		}
	}
	k := kinds[n.name]
	if class := n.value("ItemClass"); class != "" {
		k = kindOf(class)
	}
	var late []*node
	for _, child := range n.kids {
		switch child.name {
		case "MimeContent", "ItemId", "ParentFolderId":
			continue
		case "Recurrence":
			late = append(late, child)
			continue
		}
		if err := e.apply(k, n.name, child); err != nil {
			return err
		}
	}
	for _, child := range late {
		if err := e.apply(k, n.name, child); err != nil {
			return err
		}
	}
	if e.msg.Class() == "" {
		e.msg.Props.Set(mapi.PidTagMessageClass, mapi.StringValue(classFor[n.name]))
	}
	switch {
	case strings.EqualFold(e.msg.Class(), "IPM.Appointment"):
		e.appointment()
	case n.name == "Message" && n.child("MimeContent") == nil:
		e.byOwner(sender)
		e.byOwner(from)
	}
	return nil
}

// byOwner says that an item is of the owner of the mailbox, unless it says so
// of somebody.
func (e *edit) byOwner(p person) {
	ps := &e.msg.Props
	if ps.Text(p.name) != "" || ps.Text(p.email) != "" {
		return
	}
	a := e.c.acting.Account()
	ps.Set(p.name, mapi.StringValue(a.Name))
	ps.Set(p.kind, mapi.StringValue("SMTP"))
	ps.Set(p.email, mapi.StringValue(a.Address))
	ps.Set(p.smtp, mapi.StringValue(a.Address))
}

func (e *edit) apply(k kind, element string, child *node) error {
	f, ok := k.byName(child.name)
	if !ok {
		f, ok = kinds[element].byName(child.name)
	}
	switch {
	case !ok:
		return fail("ErrorInvalidPropertySet", "an item of the kind %s has no %s here", element, child.name)
	case f.set == nil:
		return fail("ErrorInvalidPropertySet", "Set action is invalid for property %s.", f.uri)
	}
	return f.set(e, child)
}

// appointment sets what follows from others in a new appointment.
func (e *edit) appointment() {
	ps := &e.msg.Props
	if len(e.msg.Recipients) == 0 {
		return
	}
	if _, ok := ps.GetName(mapi.PidLidAppointmentStateFlags); !ok {
		ps.SetName(mapi.PidLidAppointmentStateFlags, mapi.Int32Value(stateMeeting))
		ps.SetName(mapi.PidLidResponseStatus, mapi.Int32Value(1))
	}
	e.byOwner(from)
}

// draftFlags decides the message flags of a new item.
func (e *edit) draftFlags(n *node) {
	explicit := false
	for _, k := range n.kids {
		if k.name == "ExtendedProperty" {
			if p, err := parseProperty(k.child("ExtendedFieldURI")); err == nil && p.name == nil && p.tag.ID() == mapi.PidTagMessageFlags.ID() {
				explicit = true
			}
		}
	}
	flags, _ := e.msg.Props.Int(mapi.PidTagMessageFlags)
	if !explicit {
		// A new item is a draft that its owner has read. That cannot be
		// changed later.
		flags = flagRead
		if e.read == nil {
			flags |= flagUnmodified
		}
		if mail := kindOf(e.msg.Class()).element; !e.c.s.o.Quirks.NotDraft && (mail == "Message" || mail == "Item") {
			flags |= flagUnsent
		}
	}
	if e.read != nil {
		flags &^= flagRead
		if *e.read {
			flags |= flagRead
		}
	}
	e.msg.Props.Set(mapi.PidTagMessageFlags, mapi.Int32Value(int32(flags&^flagAttach)))
}

// homes are where new items go that no folder was named for.
var homes = map[string]mailbox.WellKnown{
	"CalendarItem": mailbox.Calendar, "Contact": mailbox.Contacts, "DistributionList": mailbox.Contacts, "Task": mailbox.Tasks,
	"PostItem": mailbox.Inbox,
}

func createItem(c *call) *soapFault {
	disposition := or(c.body.attr("MessageDisposition"), "SaveOnly")
	c.begin()
	for _, n := range c.body.list("Items") {
		c.message(c.noItems, func() (func() error, error) {
			if _, ok := kinds[n.name]; !ok {
				return nil, fail("ErrorInvalidRequest", "items of the kind %s cannot be made", n.name)
			}
			m, folder, err := c.destination(n, disposition)
			if err != nil {
				return nil, err
			}
			e := &edit{c: c, m: m, msg: &mapi.Message{}}
			if err := e.build(n); err != nil {
				return nil, err
			}
			e.draftFlags(n)
			isMail := homes[n.name] == "" && disposition != "SaveOnly"
			if isMail {
				if err := c.submit(m, e.msg, "CreateItem "+disposition); err != nil {
					return nil, err
				}
				if disposition == "SendOnly" {
					return func() error { c.noItems(); return nil }, nil
				}
			}
			if n.name == "CalendarItem" {
				if how := c.body.attr("SendMeetingInvitations"); how != "SendToNone" && how != "" && len(e.msg.Recipients) > 0 {
					if err := c.s.boxes.Submit(c.ctx, m, e.msg, "CreateItem "+how); err != nil {
						return nil, err
					}
				}
			}
			it, cerr := m.Create(c.ctx, folder.ID, e.msg, mailbox.CreateOptions{Owned: true, Associated: n.isTrue("IsAssociated")})
			if cerr != nil {
				return nil, folderFailure(cerr)
			}
			return c.writeIDs(m, &it), nil
		})
	}
	return nil
}

// destination is the folder of a new item.
func (c *call) destination(n *node, disposition string) (*mailbox.Mailbox, mailbox.Folder, error) {
	if saved := c.body.child("SavedItemFolderId"); saved != nil {
		m, f, err := c.target(saved, mailbox.MayCreate)
		if err != nil {
			return nil, f, err
		}
		return m, f, nil
	}
	home, ok := homes[n.name]
	if !ok {
		home = mailbox.Drafts
		if disposition == "SendAndSaveCopy" {
			home = mailbox.SentItems
		}
	}
	f, _ := c.acting.WellKnown(home)
	return c.acting, f, nil
}

// submit sends a message, which is no draft then.
func (c *call) submit(m *mailbox.Mailbox, msg *mapi.Message, via string) error {
	if len(msg.Recipients) == 0 {
		return fail("ErrorMissingRecipients", "Recipients are missing in the request.")
	}
	flags, _ := msg.Props.Int(mapi.PidTagMessageFlags)
	msg.Props.Set(mapi.PidTagMessageFlags, mapi.Int32Value(int32(flags&^flagUnsent|flagRead|flagFromMe)))
	now := c.s.boxes.Now()
	for _, t := range []mapi.Tag{mapi.PidTagClientSubmitTime, mapi.PidTagMessageDeliveryTime} {
		if msg.Props.Time(t).IsZero() {
			msg.Props.Set(t, mapi.TimeValue(now))
		}
	}
	e := &edit{c: c, m: m, msg: msg}
	e.byOwner(sender)
	e.byOwner(from)
	return c.s.boxes.Submit(c.ctx, m, msg, via)
}

// writeIDs writes the identifiers of one item as the result.
func (c *call) writeIDs(m *mailbox.Mailbox, it *mailbox.Item) func() error {
	return func() error {
		c.w.open("m:Items")
		if err := c.newView(m, it, shape{}).writeItem(); err != nil {
			return err
		}
		c.w.close()
		return nil
	}
}

func getItem(c *call) *soapFault {
	sh, sf := parseShape(c.body.child("ItemShape"))
	if sf != nil {
		return sf
	}
	c.begin()
	for _, id := range c.body.list("ItemIds") {
		c.message(c.noItems, func() (func() error, error) {
			m, it, err := c.item(id, 0)
			if err != nil {
				return nil, err
			}
			return func() error {
				c.w.open("m:Items")
				if err := c.newView(m, &it, sh).writeItem(); err != nil {
					return err
				}
				c.w.close()
				return nil
			}, nil
		})
	}
	return nil
}

// asItemFailure is the response code for an error of a mailbox about an item.
func asItemFailure(err error) error {
	if errors.Is(err, mailbox.ErrNotFound) {
		return fail("ErrorItemNotFound", "The specified object was not found in the store.")
	}
	return err
}

func sendItem(c *call) *soapFault {
	save := boolean(c.body.attr("SaveItemToFolder"))
	c.begin()
	for _, id := range c.body.list("ItemIds") {
		c.message(nil, func() (func() error, error) {
			m, it, err := c.item(id, mailbox.MayEdit)
			if err != nil {
				return nil, err
			}
			to, _ := m.WellKnown(mailbox.SentItems)
			if saved := c.body.child("SavedItemFolderId"); saved != nil {
				if _, to, err = c.target(saved, mailbox.MayCreate); err != nil {
					return nil, err
				}
			}
			n, cerr := m.Change(it.ID, func(msg *mapi.Message) error { return c.submit(m, msg, "SendItem") })
			if cerr != nil {
				return nil, cerr
			}
			if !save {
				return nil, m.Delete(n.ID, mailbox.Hard)
			}
			_, cerr = m.Move(n.ID, to.ID)
			return nil, cerr
		})
	}
	return nil
}

// transfer moves or copies.
func (c *call) transfer(move bool) *soapFault {
	c.begin()
	for _, id := range c.body.list("ItemIds") {
		c.message(c.noItems, func() (func() error, error) {
			to, dst, err := c.target(c.body.child("ToFolderId"), mailbox.MayCreate)
			if err != nil {
				return nil, err
			}
			need := mailbox.MayRead
			if move {
				need |= mailbox.MayDelete
			}
			m, it, err := c.item(id, need)
			if err != nil {
				return nil, err
			}
			var n mailbox.Item
			var terr error
			if move && m == to {
				n, terr = m.Move(it.ID, dst.ID)
			} else {
				n, terr = m.Copy(it.ID, to, dst.ID)
				if move && terr == nil {
					terr = m.Delete(it.ID, mailbox.Hard)
				}
			}
			if terr != nil {
				return nil, asItemFailure(terr)
			}
			if m != to || c.body.child("ReturnNewItemIds") != nil && !c.body.isTrue("ReturnNewItemIds") {
				// Identifiers are not told across mailboxes.
				return func() error { c.noItems(); return nil }, nil
			}
			return c.writeIDs(to, &n), nil
		})
	}
	return nil
}

func moveItem(c *call) *soapFault { return c.transfer(true) }

func copyItem(c *call) *soapFault { return c.transfer(false) }

func deleteKind(s string) mailbox.DeleteKind {
	switch s {
	case "HardDelete":
		return mailbox.Hard
	case "SoftDelete":
		return mailbox.Soft
	}
	return mailbox.ToTrash
}

func deleteItem(c *call) *soapFault {
	how := deleteKind(c.body.attr("DeleteType"))
	cancel := c.body.attr("SendMeetingCancellations")
	c.begin()
	for _, id := range c.body.list("ItemIds") {
		c.message(nil, func() (func() error, error) {
			m, it, err := c.item(id, mailbox.MayDelete)
			if err != nil {
				return nil, err
			}
			if kindOf(it.Class()).element == "CalendarItem" && len(it.Message.Recipients) > 0 && cancel != "" && cancel != "SendToNone" {
				if err := c.s.boxes.Submit(c.ctx, m, it.Message, "DeleteItem "+cancel); err != nil {
					return nil, err
				}
			}
			return nil, asItemFailure(m.Delete(it.ID, how))
		})
	}
	return nil
}

func markAllRead(c *call) *soapFault {
	read, suppress := c.body.isTrue("ReadFlag"), c.body.isTrue("SuppressReadReceipts")
	c.begin()
	for _, id := range c.body.list("FolderIds") {
		c.message(nil, func() (func() error, error) {
			m, f, err := c.folder(id, mailbox.MayEdit)
			if err != nil {
				return nil, err
			}
			items, _ := m.Items(f.ID, mailbox.Normal)
			for _, it := range items {
				n, changed, err := m.SetRead(it.ID, read)
				if err == nil && changed && read && !suppress {
					err = c.receipt(m, n.Message)
				}
				if err != nil && !errors.Is(err, mailbox.ErrNotFound) {
					return nil, err
				}
			}
			return nil, nil
		})
	}
	return nil
}
