package ewstest

import (
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// UpdateItem. [MS-OXWSCORE] 3.1.4.9

func updateItem(c *call) *soapFault {
	disposition := c.body.attr("MessageDisposition")
	suppress := boolean(c.body.attr("SuppressReadReceipts"))
	resolution := c.body.attr("ConflictResolution")
	c.begin()
	for _, ch := range c.body.list("ItemChanges") {
		c.message(func() {
			c.noItems()
			c.conflicts()
		}, func() (func() error, error) {
			id := ch.child("ItemId")
			m, it, err := c.item(id, mailbox.MayEdit)
			if err != nil {
				return nil, err
			}
			if key := id.attr("ChangeKey"); key != "" && resolution == "NeverOverwrite" && key != changeKey(max(it.Change, it.ReadChange)) {
				return nil, fail("ErrorIrresolvableConflict", "The send or update operation could not be performed because the change key passed in the request does not match the current change key for the item.")
			}
			n, uerr := c.update(m, it, ch.list("Updates"), suppress)
			if uerr != nil {
				return nil, uerr
			}
			if disposition == "SendOnly" || disposition == "SendAndSaveCopy" {
				if err := c.submit(m, n.Message, "UpdateItem "+disposition); err != nil {
					return nil, err
				}
			}
			if how := c.body.attr("SendMeetingInvitationsOrCancellations"); how != "" && how != "SendToNone" && len(n.Message.Recipients) > 0 && kindOf(n.Class()).element == "CalendarItem" {
				if err := c.s.boxes.Submit(c.ctx, m, n.Message, "UpdateItem "+how); err != nil {
					return nil, err
				}
			}
			write := c.writeIDs(m, &n)
			return func() error {
				err := write()
				c.conflicts()
				return err
			}, nil
		})
	}
	return nil
}

func (c *call) conflicts() {
	c.w.open("m:ConflictResults")
	c.w.int("t:Count", 0)
	c.w.close()
}

// update changes an item; the read state alone is a change of its own kind.
func (c *call) update(m *mailbox.Mailbox, it mailbox.Item, updates []*node, suppress bool) (mailbox.Item, error) {
	// The changes are made on a copy outside the mailbox, as they may convert.
	msg := *it.Message
	e := &edit{c: c, m: m, msg: &msg}
	e.msg.Props = msg.Props.Clone()
	e.msg.Recipients = append([]*mapi.Recipient(nil), msg.Recipients...)
	e.msg.Attachments = append([]*mapi.Attachment(nil), msg.Attachments...)
	changed := false
	for _, u := range updates {
		if len(u.kids) == 0 {
			return it, fail("ErrorInvalidRequest", "a change names no field")
		}
		only, err := e.change(u)
		if err != nil {
			return it, err
		}
		changed = changed || !only
	}
	n := it
	if changed {
		var err error
		if n, err = m.Change(it.ID, func(now *mapi.Message) error {
			flags, _ := it.Message.Props.Int(mapi.PidTagMessageFlags)
			if f, _ := e.msg.Props.Int(mapi.PidTagMessageFlags); (f^flags)&flagUnsent != 0 {
				// What a draft is, is decided when it is made.
				e.msg.Props.Set(mapi.PidTagMessageFlags, mapi.Int32Value(int32(f&^flagUnsent|flags&flagUnsent)))
			}
			*now = *e.msg
			now.Encoded = nil
			f, _ := now.Props.Int(mapi.PidTagMessageFlags)
			now.Props.Set(mapi.PidTagMessageFlags, mapi.Int32Value(int32(f&^flagUnmodified)))
			return nil
		}); err != nil {
			return it, asItemFailure(err)
		}
	}
	if e.read == nil {
		return n, nil
	}
	was := n.Read()
	n, _, err := m.SetRead(it.ID, *e.read)
	if err != nil {
		return it, asItemFailure(err)
	}
	if !was && *e.read && !suppress {
		err = c.receipt(m, n.Message)
	}
	return n, err
}

// receipt sends the read receipt that a mail asks for.
func (c *call) receipt(m *mailbox.Mailbox, msg *mapi.Message) error {
	to := or(msg.Props.Text(from.smtp), msg.Props.Text(from.email))
	if !msg.Props.Bool(mapi.PidTagReadReceiptRequested) || to == "" {
		return nil
	}
	r := &mapi.Message{}
	r.Props.Set(mapi.PidTagMessageClass, mapi.StringValue("REPORT.IPM.Note.IPNRN"))
	r.Props.Set(mapi.PidTagSubject, mapi.StringValue("Read: "+msg.Props.Text(mapi.PidTagSubject)))
	n := &node{kids: []*node{{name: "EmailAddress", text: to}}}
	r.Recipients = []*mapi.Recipient{recipient(n, mapi.RecipientTo)}
	return c.s.boxes.Submit(c.ctx, m, r, "read receipt")
}

// change applies one SetItemField, AppendToItemField or DeleteItemField. only
// says that nothing but the read state was asked for.
func (e *edit) change(u *node) (only bool, err error) {
	path := u.kids[0]
	var value *node
	if len(u.kids) > 1 && len(u.kids[1].kids) > 0 {
		value = u.kids[1].kids[0]
	}
	if u.name != "DeleteItemField" && value == nil {
		return false, fail("ErrorUpdatePropertyMismatch", "There is no value.")
	}
	if path.name == "ExtendedFieldURI" {
		p, perr := parseProperty(path)
		if perr != nil {
			return false, perr
		}
		if u.name == "DeleteItemField" {
			p.remove(&e.msg.Props)
			return false, nil
		}
		return false, setExtended(e, value)
	}
	uri := path.attr("FieldURI")
	f, ok := fieldByURI(indexedField(uri))
	if !ok {
		return false, fail("ErrorInvalidPropertySet", "Set action is invalid for property %s.", uri)
	}
	switch u.name {
	case "DeleteItemField":
		if path.name == "IndexedFieldURI" {
			return false, f.set(e, &node{kids: []*node{{name: "Entry", attrs: map[string]string{"Key": path.attr("FieldIndex")}}}})
		}
		if f.remove == nil {
			return false, fail("ErrorInvalidPropertyDelete", "Property %s cannot be deleted.", uri)
		}
		f.remove(&e.msg.Props)
	case "AppendToItemField":
		return false, e.appendTo(f, value)
	case "SetItemField":
		if f.set == nil {
			return false, fail("ErrorInvalidPropertySet", "Set action is invalid for property %s.", uri)
		}
		return uri == isRead.uri, f.set(e, value)
	default:
		return false, fail("ErrorInvalidRequest", "%s is no change", u.name)
	}
	return false, nil
}

// appendTo adds to a body or to recipients.
func (e *edit) appendTo(f field, value *node) error {
	switch f.uri {
	case "item:Body":
		isHTML := value.attr("BodyType") == "HTML"
		v := &view{c: e.c, m: e.m, msg: e.msg}
		want := "Text"
		if isHTML {
			want = "HTML"
		}
		old, err := v.bodyText(want)
		if err != nil {
			return err
		}
		n := *value
		n.text = old + value.text
		return f.set(e, &n)
	case "message:ToRecipients", "message:CcRecipients", "message:BccRecipients":
		old := e.msg.Recipients
		e.msg.Recipients = nil
		if err := f.set(e, value); err != nil {
			return err
		}
		e.msg.Recipients = append(old[:len(old):len(old)], e.msg.Recipients...)
		return nil
	}
	return fail("ErrorInvalidPropertyAppend", "Property %s cannot be appended to.", f.uri)
}
