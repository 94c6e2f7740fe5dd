package graphtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/fasttransfer"
	"github.com/mailconv/mailconv/msg/cfb"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

var adminRoutes = []*route{
	{"POST", "admin/exchange/mailboxes/{mailbox}/exportItems", "export", "MailboxItem.Export", "graph.exportItemsBody", "Collection(graph.exportItemResponse)", (*call).exportItems},
	{"POST", "admin/exchange/mailboxes/{mailbox}/createImportSession", "import.session", "MailboxItem.ImportExport", "", "graph.mailboxItemImportSession", (*call).createImport},
	{"GET", "admin/exchange/mailboxes/{mailbox}/folders", "boxfolders.list", "MailboxFolder.Read", "", "Collection(graph.mailboxFolder)", (*call).listBoxFolders},
	{"POST", "admin/exchange/mailboxes/{mailbox}/folders", "boxfolders.create", "MailboxFolder.ReadWrite", "graph.mailboxFolder", "graph.mailboxFolder", (*call).createBoxFolder},
	{"GET", "admin/exchange/mailboxes/{mailbox}/folders/delta", "boxfolders.delta", "MailboxFolder.Read", "", "Collection(graph.mailboxFolder)", (*call).deltaBoxFolders},
	{"GET", "admin/exchange/mailboxes/{mailbox}/folders/{folder}", "boxfolders.get", "MailboxFolder.Read", "", "graph.mailboxFolder", (*call).getBoxFolder},
	{"PATCH", "admin/exchange/mailboxes/{mailbox}/folders/{folder}", "boxfolders.update", "MailboxFolder.ReadWrite", "graph.mailboxFolder", "graph.mailboxFolder", (*call).updateBoxFolder},
	{"DELETE", "admin/exchange/mailboxes/{mailbox}/folders/{folder}", "boxfolders.delete", "MailboxFolder.ReadWrite", "", "", (*call).deleteBoxFolder},
	{"GET", "admin/exchange/mailboxes/{mailbox}/folders/{folder}/childFolders", "boxfolders.list", "MailboxFolder.Read", "", "Collection(graph.mailboxFolder)", (*call).listBoxFolders},
	{"POST", "admin/exchange/mailboxes/{mailbox}/folders/{folder}/childFolders", "boxfolders.create", "MailboxFolder.ReadWrite", "graph.mailboxFolder", "graph.mailboxFolder", (*call).createBoxFolder},
	{"GET", "admin/exchange/mailboxes/{mailbox}/folders/{folder}/items", "boxitems.list", "MailboxItem.Read", "", "Collection(graph.mailboxItem)", (*call).listBoxItems},
	{"GET", "admin/exchange/mailboxes/{mailbox}/folders/{folder}/items/delta", "boxitems.delta", "MailboxItem.Read", "", "Collection(graph.mailboxItem)", (*call).deltaBoxItems},
	{"GET", "admin/exchange/mailboxes/{mailbox}/folders/{folder}/items/{item}", "boxitems.get", "MailboxItem.Read", "", "graph.mailboxItem", (*call).getBoxItem},
	{"GET", "users/{user}/settings/exchange", "settings.exchange", "MailboxFolder.Read", "", "graph.exchangeSettings", (*call).exchangeSettings},
}

func (c *call) exchangeSettings() error {
	if err := c.s.importAllowed(); err != nil {
		return err
	}
	o := object{"@odata.context": c.base() + "/$metadata#users/settings/exchange/$entity", "primaryMailboxId": c.s.mailboxID(c.box)}
	typ := c.route.reply
	if c.version == "beta" && c.box.Account().Archive {
		typ = "graph.exchangeSettingsBeta"
		o["inPlaceArchiveMailboxId"] = c.s.archiveID(c.box)
	}
	return c.replyAs(200, typ, o)
}

// boxParent is the folder of the path, or the root of the mailbox: of its
// archive when the id is that of the archive.
func (c *call) boxParent() (mailbox.Folder, error) {
	if id, ok := c.vars["folder"]; ok {
		return c.folderOf(idAdmin, id)
	}
	root := mailbox.IPMSubtree
	if strings.EqualFold(c.vars["mailbox"], c.s.archiveID(c.box)) {
		root = mailbox.ArchiveIPMSubtree
	}
	f, ok := c.box.WellKnown(root)
	if !ok {
		return f, errNotFound
	}
	return f, nil
}

func (c *call) boxFolderID(id mailbox.FolderID) string {
	return encodeID(c.box, ident{kind: idAdmin, n: uint64(id)})
}

func (c *call) boxFolder(q *query, f *mailbox.Folder) (object, error) {
	o := object{
		"id": c.boxFolderID(f.ID), "displayName": f.Name, "type": f.Class, "parentFolderId": c.boxFolderID(f.Parent),
		"childFolderCount": f.Children, "totalItemCount": f.Count,
	}
	if err := q.extended(o, f.Props); err != nil {
		return nil, err
	}
	return q.apply(o), nil
}

func (c *call) listBoxFolders() error {
	p, err := c.boxParent()
	if err != nil {
		return err
	}
	list := c.box.Folders(p.ID, false)
	return c.replyList(len(list), func(q *query, i int) (object, error) { return c.boxFolder(q, &list[i]) })
}

func (c *call) replyBoxFolder(status int, f mailbox.Folder) error {
	o, err := c.boxFolder(&c.q, &f)
	if err != nil {
		return err
	}
	o["@odata.context"] = c.base() + "/$metadata#mailboxFolder/$entity"
	return c.reply(status, o)
}

func (c *call) getBoxFolder() error {
	f, err := c.boxParent()
	if err != nil {
		return err
	}
	return c.replyBoxFolder(200, f)
}

func (c *call) createBoxFolder() error {
	p, err := c.boxParent()
	if err != nil {
		return err
	}
	o, err := c.body()
	if err != nil {
		return err
	}
	var ps mapi.Properties
	if err := setExtended(&ps, o); err != nil {
		return err
	}
	class := text(o, "type")
	if class == "" {
		class = "IPF.Note"
	}
	f, err := c.box.CreateFolder(p.ID, text(o, "displayName"), class, ps)
	if err != nil {
		return err
	}
	return c.replyBoxFolder(201, f)
}

func (c *call) updateBoxFolder() error {
	f, err := c.boxParent()
	if err != nil {
		return err
	}
	o, err := c.body()
	if err != nil {
		return err
	}
	if n := text(o, "displayName"); n != "" {
		if f, err = c.rename(f, n); err != nil {
			return err
		}
	}
	return c.replyBoxFolder(200, f)
}

func (c *call) deleteBoxFolder() error {
	f, err := c.boxParent()
	if err != nil {
		return err
	}
	if err := c.box.DeleteFolder(f.ID, true); err != nil {
		return err
	}
	return c.noContent(204)
}

func (c *call) deltaBoxFolders() error {
	root, err := c.boxParent()
	if err != nil {
		return err
	}
	return c.deltaTree("boxfolders", root.ID, func(mailbox.Folder) bool { return true }, c.boxFolder, c.boxFolderID)
}

var boxItemFields = append([]field{
	{name: "type", f: func(_ *call, it *mailbox.Item) any { return it.Class() }},
	{name: "size", f: func(_ *call, it *mailbox.Item) any { return it.Size }},
}, common...)

func (c *call) boxItem(q *query, it *mailbox.Item) (object, error) {
	return c.build(q, "", boxItemFields, it)
}

func (c *call) listBoxItems() error {
	f, err := c.boxParent()
	if err != nil {
		return err
	}
	items, err := c.box.Items(f.ID, mailbox.Normal)
	if err != nil {
		return err
	}
	return c.replyList(len(items), func(q *query, i int) (object, error) { return c.boxItem(q, &items[i]) })
}

func (c *call) getBoxItem() error {
	it, err := c.item(c.vars["item"])
	if err != nil {
		return err
	}
	o, err := c.boxItem(&c.q, &it)
	if err != nil {
		return err
	}
	return c.reply(200, o)
}

func (c *call) deltaBoxItems() error {
	f, err := c.boxParent()
	if err != nil {
		return err
	}
	return c.deltaItems(f, "graph.mailboxItem", c.boxItem, func(*mailbox.Item) bool { return true })
}

// maxExport is the number of items of one export. (api/mailbox-exportitems)
const maxExport = 20

// exportItems gives items as FastTransfer streams. One that came as a stream
// goes as it came.
func (c *call) exportItems() error {
	o, err := c.body()
	if err != nil {
		return err
	}
	ids := texts(o, "itemIds")
	if len(ids) == 0 || len(ids) > maxExport {
		return fail(400, "ErrorInvalidRequest", "itemIds takes 1 to %d ids.", maxExport)
	}
	out := object{"@odata.context": c.base() + "/$metadata#Collection(microsoft.graph.exportItemResponse)"}
	out["value"] = list(func(yield func(any) bool) {
		for _, id := range ids {
			if !yield(c.export(id)) {
				return
			}
		}
	})
	return c.reply(200, out)
}

func (c *call) export(id string) any {
	refuse := func(err error) object {
		var e *apiError
		if !errors.As(err, &e) {
			e = &apiError{code: "ErrorInternalServerError", message: err.Error()}
		}
		return object{"itemId": id, "error": object{"code": e.code, "message": e.message}}
	}
	it, err := c.item(id)
	if err != nil {
		return refuse(err)
	}
	if f := c.s.fault("export.item", c.box.Address(), id); f != nil {
		if e := f.refuse(); e != nil {
			return refuse(e)
		}
	}
	reply := object{"itemId": id, "changeKey": changeKey(&it)}
	if e := it.Message.Encoded; e != nil && e.Format == "fts" {
		reply["data"] = e.Blob
		return reply
	}
	buf := c.s.boxes.Spool().Create()
	if err := fasttransfer.EncodeItem(c.ctx, buf, it.Message, &fasttransfer.EncodeOptions{Storage: cfb.StorageBlob}); err != nil {
		buf.Close()
		return refuse(err)
	}
	b, err := buf.Blob()
	if err != nil {
		return refuse(err)
	}
	reply["data"] = closing{b, buf}
	return reply
}

// closing gives a buffer back when it was read.
type closing struct {
	mapi.Blob
	buf io.Closer
}

func (b closing) Open(ctx context.Context) (io.ReadCloser, error) {
	r, err := b.Blob.Open(ctx)
	if err != nil {
		return nil, err
	}
	return closingReader{r, b.buf}, nil
}

type closingReader struct {
	io.ReadCloser
	buf io.Closer
}

func (r closingReader) Close() error { return errors.Join(r.ReadCloser.Close(), r.buf.Close()) }

// A session is one of createImportSession.
type session struct {
	who     *grant
	box     *mailbox.Mailbox
	expires time.Time
}

func (c *call) createImport() error {
	im := &session{who: c.who, box: c.box, expires: c.s.now().Add(c.s.o.SessionLife)}
	t := secret()
	c.s.mu.Lock()
	c.s.imports[t] = im
	c.s.mu.Unlock()
	// QUIRK: the pages say 200 and 201; the example has 200.
	return c.reply(200, object{
		"@odata.context": c.base() + "/$metadata#microsoft.graph.mailboxItemImportSession",
		"importUrl":      fmt.Sprintf("%s/api/gv1.0/importItem?authtoken=%s", c.s.sessions, t), "expirationDateTime": im.expires,
	})
}

// ExpireSessions makes all URLs of import and upload sessions void.
func (s *Server) ExpireSessions() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, im := range s.imports {
		im.expires = time.Time{}
	}
	for _, u := range s.uploads {
		u.expires = time.Time{}
	}
}

// maxImport bounds the data of one item.
const maxImport = 300 << 20

// importItem takes the post to an importUrl. (concepts/import-exchange-mailbox-item)
func (s *Server) importItem(w http.ResponseWriter, r *http.Request, im *session) error {
	if !s.now().Before(im.expires) {
		return errSession
	}
	if !isJSON(r) {
		return fail(415, "RequestBodyRead", "The Content-Type is not application/json.")
	}
	sp := s.boxes.Spool()
	members := object{}
	buf := sp.Create()
	kept := false
	defer func() {
		if !kept {
			buf.Close()
		}
	}()
	err := readMembers(r.Body, func(name string, v io.Reader) error {
		if name == "Data" {
			members[name] = mapi.Bytes(nil)
			n, err := copyBase64(buf, io.LimitReader(v, maxImport*4/3))
			if err == nil && n == 0 {
				err = errors.New("the member Data is empty")
			}
			return err
		}
		switch name {
		case "FolderId", "Mode", "ItemId", "ChangeKey":
		default:
			return fmt.Errorf("the property %s is not known", name)
		}
		b, err := io.ReadAll(io.LimitReader(v, 4096))
		members[name] = string(b)
		return err
	})
	if err != nil {
		return unreadable(err)
	}
	if wrong := s.judge("POST import.post", "graph.importItemBody", members); wrong != nil {
		return fail(400, "RequestBodyRead", "%s", wrong[0])
	}
	if members["Data"] == nil {
		return fail(400, "ErrorInvalidRequest", "Data is missing.")
	}
	c := &call{s: s, ctx: r.Context(), w: w, r: r, box: im.box, route: &route{name: "import.post", reply: "graph.importItemReply"}}
	if im.who.user != "" {
		c.actor, _ = s.boxes.Mailbox(im.who.user)
	}
	// The folder has to come from this API. (resources/mailbox-import-export-api-overview)
	f, err := c.folderOf(idAdmin, text(members, "FolderId"))
	if err != nil {
		return err
	}
	blob, err := buf.Blob()
	if err != nil {
		return err
	}
	m, err := s.decode(r.Context(), blob)
	if err != nil {
		return fail(400, "ErrorCorruptData", "The data of the item is corrupt. (%v)", err)
	}
	var it mailbox.Item
	switch text(members, "Mode") {
	case "create":
		it, err = im.box.Create(r.Context(), f.ID, m, mailbox.CreateOptions{Owned: true, Associated: m.Props.Bool(mapi.PidTagAssociated)})
	case "update":
		var old mailbox.Item
		if old, err = c.item(text(members, "ItemId")); err != nil {
			return err
		}
		if k := text(members, "ChangeKey"); k != "" && k != changeKey(&old) {
			return fail(409, "ErrorIrresolvableConflict", "The change key does not match the current change key for the item.")
		}
		it, err = im.box.Change(old.ID, func(n *mapi.Message) error { *n = *m; return nil })
	default:
		return fail(400, "ErrorInvalidRequest", "Mode is neither create nor update.")
	}
	if err != nil {
		return err
	}
	kept = true
	return c.reply(200, object{"itemId": c.itemID(&it), "changeKey": changeKey(&it)})
}

// decode reads a FastTransfer stream whose bytes live as long as the server.
func (s *Server) decode(ctx context.Context, b mapi.Blob) (*mapi.Message, error) {
	r, err := b.Open(ctx)
	if err != nil {
		return nil, err
	}
	at, ok := r.(io.ReaderAt)
	if !ok {
		return nil, errors.New("the spool has no ReaderAt")
	}
	m, problems, err := fasttransfer.Decode(ctx, at, b.Size(), &fasttransfer.Options{Storage: cfb.ReadStorage})
	if err != nil {
		return nil, err
	}
	for _, p := range problems {
		if p.Severe {
			return nil, errors.New(p.String())
		}
	}
	m.Encoded = &mapi.Encoded{Format: "fts", Blob: b}
	return m, nil
}
