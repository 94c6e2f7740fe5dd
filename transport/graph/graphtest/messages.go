package graphtest

import (
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

var messageRoutes = []*route{
	{"GET", "users/{user}/messages", "messages.list", "Mail.Read", "", "Collection(graph.message)", (*call).listMessages},
	{"POST", "users/{user}/messages", "messages.create", "Mail.ReadWrite", "graph.message", "graph.message", (*call).createMessage},
	{"GET", "users/{user}/mailFolders/{folder}/messages", "messages.list", "Mail.Read", "", "Collection(graph.message)", (*call).listMessages},
	{"POST", "users/{user}/mailFolders/{folder}/messages", "messages.create", "Mail.ReadWrite", "graph.message", "graph.message", (*call).createMessage},
	{"GET", "users/{user}/mailFolders/{folder}/messages/delta", "messages.delta", "Mail.Read", "", "Collection(graph.message)", (*call).deltaMessages},
	{"GET", "users/{user}/messages/{item}", "messages.get", "Mail.Read", "", "graph.message", (*call).getMessage},
	{"GET", "users/{user}/mailFolders/{folder}/messages/{item}", "messages.get", "Mail.Read", "", "graph.message", (*call).getMessage},
	{"PATCH", "users/{user}/messages/{item}", "messages.update", "Mail.ReadWrite", "graph.message", "graph.message", (*call).updateMessage},
	{"PATCH", "users/{user}/mailFolders/{folder}/messages/{item}", "messages.update", "Mail.ReadWrite", "graph.message", "graph.message", (*call).updateMessage},
	{"DELETE", "users/{user}/messages/{item}", "messages.delete", "Mail.ReadWrite", "", "", (*call).deleteItem},
	{"DELETE", "users/{user}/mailFolders/{folder}/messages/{item}", "messages.delete", "Mail.ReadWrite", "", "", (*call).deleteItem},
	{"POST", "users/{user}/messages/{item}/permanentDelete", "messages.purge", "Mail.ReadWrite", "", "", (*call).purgeItem},
	{"POST", "users/{user}/messages/{item}/move", "messages.move", "Mail.ReadWrite", "graph.moveBody", "graph.message", (*call).moveMessage},
	{"POST", "users/{user}/messages/{item}/copy", "messages.copy", "Mail.ReadWrite", "graph.moveBody", "graph.message", (*call).copyMessage},
	{"POST", "users/{user}/messages/{item}/send", "messages.send", "Mail.Send", "", "", (*call).sendDraft},
	{"GET", "users/{user}/messages/{item}/$value", "messages.value", "Mail.Read", "", "", (*call).messageValue},
	{"GET", "users/{user}/mailFolders/{folder}/messages/{item}/$value", "messages.value", "Mail.Read", "", "", (*call).messageValue},
	{"POST", "users/{user}/sendMail", "sendMail", "Mail.Send", "graph.sendMailBody", "", (*call).sendMail},
}

// isMessage reports whether an item of a folder is one of its messages.
// Contacts, appointments and the like that lie in a folder of mail are not.
func isMessage(it *mailbox.Item) bool {
	class := strings.ToLower(it.Class())
	for _, no := range []string{"ipm.contact", "ipm.distlist", "ipm.appointment", "ipm.task", "ipm.stickynote", "ipm.activity"} {
		if class == no || strings.HasPrefix(class, no+".") {
			return false
		}
	}
	return true
}

func (c *call) listMessages() error {
	var items []mailbox.Item
	folders := []mailbox.Folder{}
	if _, ok := c.vars["folder"]; ok {
		f, err := c.parent()
		if err != nil {
			return err
		}
		folders = append(folders, f)
	} else {
		folders = c.mailFolders()
	}
	for _, f := range folders {
		if err := c.may(f.ID, mailbox.MayRead); err != nil {
			return err
		}
		list, err := c.box.Items(f.ID, mailbox.Normal)
		if err != nil {
			return err
		}
		items = append(items, slices.DeleteFunc(list, func(it mailbox.Item) bool { return !isMessage(&it) })...)
	}
	byReceived(items)
	return c.replyList(len(items), func(q *query, i int) (object, error) { return c.message(q, &items[i]) })
}

// one finds the item of the path and checks what the person may do with it.
func (c *call) one(r mailbox.Rights) (mailbox.Item, error) {
	it, err := c.item(c.vars["item"])
	if err != nil {
		return it, err
	}
	if id, ok := c.vars["folder"]; ok {
		f, err := c.folder(id)
		if err != nil {
			return it, err
		}
		if f.ID != it.Folder {
			return it, errNotFound
		}
	}
	return it, c.may(it.Folder, r)
}

func (c *call) replyMessage(status int, it mailbox.Item) error {
	o, err := c.message(&c.q, &it)
	if err != nil {
		return err
	}
	o["@odata.context"] = c.base() + "/$metadata#users('" + userID(c.box) + "')/messages/$entity"
	if status == 201 {
		c.w.Header().Set("Location", c.base()+"/users('"+userID(c.box)+"')/messages('"+c.itemID(&it)+"')")
	}
	return c.reply(status, o)
}

func (c *call) getMessage() error {
	it, err := c.one(mailbox.MayRead)
	if err != nil {
		return err
	}
	return c.replyMessage(200, it)
}

func (c *call) createMessage() error {
	var f mailbox.Folder
	var err error
	if _, ok := c.vars["folder"]; ok {
		f, err = c.parent()
	} else {
		f, _ = c.box.WellKnown(mailbox.Drafts)
	}
	if err != nil {
		return err
	}
	if err := c.may(f.ID, mailbox.MayCreate); err != nil {
		return err
	}
	var m *mapi.Message
	if strings.HasPrefix(c.r.Header.Get("Content-Type"), "text/plain") {
		if m, err = c.messageOfMIME(); err != nil {
			return err
		}
	} else {
		o, err := c.body()
		if err != nil {
			return err
		}
		if m, err = c.newMessage(o); err != nil {
			return err
		}
	}
	it, err := c.box.Create(c.ctx, f.ID, m, mailbox.CreateOptions{})
	if err != nil {
		return err
	}
	return c.replyMessage(201, it)
}

// messageOfMIME reads a mail in base64, as in api/user-post-messages. It
// becomes a draft, whatever it says.
func (c *call) messageOfMIME() (*mapi.Message, error) {
	if c.s.o.Convert == nil {
		return nil, fail(501, "NotImplemented", "This server was given no converter for MIME.")
	}
	b := &bounded{r: c.r.Body, left: c.s.o.Limits.Body}
	buf := c.s.boxes.Spool().Create()
	n, err := copyBase64(buf, b)
	var corrupt base64.CorruptInputError
	switch {
	case b.over:
		buf.Close()
		return nil, errTooLarge
	case errors.As(err, &corrupt) || errors.Is(err, io.ErrUnexpectedEOF) && c.r.ContentLength >= 0 && c.s.o.Limits.Body-b.left == c.r.ContentLength:
		buf.Close()
		return nil, fail(400, "ErrorMimeContentInvalidBase64String", "Invalid base64 string for MIME content.")
	case err != nil:
		buf.Close()
		return nil, err
	}
	blob, err := buf.Blob()
	if err != nil {
		return nil, err
	}
	// The buffer lives as long as the mailboxes: what is large in the item
	// points into it.
	obj, err := c.s.o.Convert.ToObject(c.ctx, &transport.Content{Form: transport.FormMIME, MIME: blob})
	if err != nil {
		return nil, fail(400, "ErrorMimeContentInvalid", "The MIME content is not valid. (%v)", err)
	}
	defer obj.Close()
	m := &mapi.Message{Props: obj.Object.Props, Recipients: obj.Object.Recipients, Attachments: obj.Object.Attachments}
	flags, _ := m.Props.Int(mapi.PidTagMessageFlags)
	m.Props.Set(mapi.PidTagMessageFlags, mapi.Int32Value(int32(flags|flagUnsent|flagRead)))
	m.Props.Set(mapi.PidTagMessageDeliveryTime, mapi.TimeValue(c.s.now()))
	if l := c.s.o.Quirks.LoseLargeMIME; l > 0 && n > l {
		m = &mapi.Message{}
		m.Props.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Note"))
		m.Props.Set(mapi.PidTagMessageFlags, mapi.Int32Value(flagUnsent|flagRead))
	}
	// obj is closed before Create copies: take a copy now.
	kept, err := c.s.boxes.Spool().Copy(c.ctx, &transport.Content{Form: transport.FormObject, Object: m})
	if err != nil {
		return nil, err
	}
	return kept.Object, nil
}

func (c *call) updateMessage() error {
	it, err := c.one(mailbox.MayEdit)
	if err != nil {
		return err
	}
	if match := c.r.Header.Get("If-Match"); match != "" && match != `W/"`+changeKey(&it)+`"` && match != "*" {
		return fail(412, "ErrorIrresolvableConflict", "The send or update operation could not be performed because the change key passed in the request does not match the current change key for the item.")
	}
	o, err := c.body()
	if err != nil {
		return err
	}
	if b, ok := truth(o, "isRead"); ok && len(o) == 1 {
		if it, _, err = c.box.SetRead(it.ID, b); err != nil {
			return err
		}
		return c.replyMessage(200, it)
	}
	if it, err = c.box.Change(it.ID, func(m *mapi.Message) error { return c.setMessage(m, o, false) }); err != nil {
		return err
	}
	return c.replyMessage(200, it)
}

// deleteItem moves an item to the deleted items, or from there to the
// recoverable ones.
func (c *call) deleteItem() error {
	it, err := c.one(mailbox.MayDelete)
	if err != nil {
		return err
	}
	how := mailbox.ToTrash
	trash, _ := c.box.WellKnown(mailbox.DeletedItems)
	if _, below := c.box.Path(trash.ID, it.Folder); below {
		how = mailbox.Soft
	}
	if err := c.box.Delete(it.ID, how); err != nil {
		return err
	}
	return c.noContent(204)
}

func (c *call) purgeItem() error {
	it, err := c.one(mailbox.MayDelete)
	if err != nil {
		return err
	}
	if err := c.box.Delete(it.ID, mailbox.Hard); err != nil {
		return err
	}
	return c.noContent(204)
}

func (c *call) destination() (mailbox.Folder, error) {
	o, err := c.body()
	if err != nil {
		return mailbox.Folder{}, err
	}
	f, err := c.folder(text(o, "destinationId"))
	if err != nil {
		return f, err
	}
	return f, c.may(f.ID, mailbox.MayCreate)
}

func (c *call) moveMessage() error {
	it, err := c.one(mailbox.MayDelete)
	if err != nil {
		return err
	}
	to, err := c.destination()
	if err != nil {
		return err
	}
	if it, err = c.box.Move(it.ID, to.ID); err != nil {
		return err
	}
	return c.replyMessage(201, it)
}

func (c *call) copyMessage() error {
	it, err := c.one(mailbox.MayRead)
	if err != nil {
		return err
	}
	to, err := c.destination()
	if err != nil {
		return err
	}
	if it, err = c.box.Copy(it.ID, c.box, to.ID); err != nil {
		return err
	}
	return c.replyMessage(201, it)
}

// messageValue gives an item as MIME, made anew each time: Exchange keeps MAPI.
func (c *call) messageValue() error {
	it, err := c.one(mailbox.MayRead)
	if err != nil {
		return err
	}
	if c.s.o.Convert == nil {
		return fail(501, "NotImplemented", "This server was given no converter for MIME.")
	}
	m, err := c.s.o.Convert.ToMIME(c.ctx, &transport.Content{Form: transport.FormObject, Object: it.Message})
	if err != nil {
		return fail(500, "ErrorContentConversionFailed", "Content conversion failed. (%v)", err)
	}
	defer m.Close()
	return c.serve("text/plain", `"`+changeKey(&it)+`"`, m.MIME)
}

// serve answers with bytes, or with the range of them that was asked for.
func (c *call) serve(typ, etag string, b mapi.Blob) error {
	r, err := b.Open(c.ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	h := c.w.Header()
	h.Set("Content-Type", typ)
	h.Set("ETag", etag)
	s, seeks := r.(io.ReadSeeker)
	if !seeks && c.r.Header.Get("Range") != "" && !c.s.o.Quirks.NoRange {
		buf := c.s.boxes.Spool().Create()
		defer buf.Close()
		if _, err := io.Copy(buf, r); err != nil {
			return err
		}
		whole, err := buf.Blob()
		if err != nil {
			return err
		}
		again, err := whole.Open(c.ctx)
		if err != nil {
			return err
		}
		defer again.Close()
		s, seeks = again.(io.ReadSeeker)
	}
	if seeks && !c.s.o.Quirks.NoRange {
		http.ServeContent(c.w, c.r, "", time.Time{}, s)
		return nil
	}
	c.w.WriteHeader(200)
	if _, err := io.Copy(c.w, r); err != nil {
		panic(http.ErrAbortHandler)
	}
	return nil
}

func (c *call) sendDraft() error {
	it, err := c.one(mailbox.MayEdit)
	if err != nil {
		return err
	}
	if !draft(it.Message) {
		return fail(403, "ErrorAccessDenied", "The message was sent before.")
	}
	if len(it.Message.Recipients) == 0 {
		return fail(400, "ErrorInvalidRecipients", "At least one recipient is not valid.")
	}
	if err := c.s.boxes.Submit(c.ctx, c.box, it.Message, c.route.name); err != nil {
		return err
	}
	if _, err := c.box.Change(it.ID, func(m *mapi.Message) error { return c.sent(m) }); err != nil {
		return err
	}
	to, _ := c.box.WellKnown(mailbox.SentItems)
	if _, err := c.box.Move(it.ID, to.ID); err != nil {
		return err
	}
	return c.noContent(202)
}

// sent makes of a draft what lies in the sent items.
func (c *call) sent(m *mapi.Message) error {
	setFlag(&m.Props, flagUnsent, false)
	setFlag(&m.Props, flagRead, true)
	m.Props.Set(mapi.PidTagClientSubmitTime, mapi.TimeValue(c.s.now()))
	if sender(m.Props) == nil {
		me := object{"emailAddress": object{"name": c.box.Account().Name, "address": c.box.Address()}}
		setAddress(&m.Props, me, mapi.PidTagSenderName, mapi.PidTagSenderAddressType, mapi.PidTagSenderEmailAddress, mapi.PidTagSenderSmtpAddress)
		setAddress(&m.Props, me, mapi.PidTagSentRepresentingName, mapi.PidTagSentRepresentingAddressType, mapi.PidTagSentRepresentingEmailAddress, mapi.PidTagSentRepresentingSmtpAddress)
	}
	return nil
}

func (c *call) sendMail() error {
	var m *mapi.Message
	save := true
	if strings.HasPrefix(c.r.Header.Get("Content-Type"), "text/plain") {
		var err error
		if m, err = c.messageOfMIME(); err != nil {
			return err
		}
	} else {
		o, err := c.body()
		if err != nil {
			return err
		}
		if m, err = c.newMessage(child(o, "message")); err != nil {
			return err
		}
		if b, ok := truth(o, "saveToSentItems"); ok {
			save = b
		}
	}
	if len(m.Recipients) == 0 {
		return fail(400, "ErrorInvalidRecipients", "At least one recipient is not valid.")
	}
	if err := c.sent(m); err != nil {
		return err
	}
	if err := c.s.boxes.Submit(c.ctx, c.box, m, c.route.name); err != nil {
		return err
	}
	if save {
		f, _ := c.box.WellKnown(mailbox.SentItems)
		if _, err := c.box.Create(c.ctx, f.ID, m, mailbox.CreateOptions{}); err != nil {
			return err
		}
	}
	return c.noContent(202)
}
