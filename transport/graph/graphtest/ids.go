package graphtest

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// Identifiers are opaque to clients. Here they hold what they stand for, with a
// check of the mailbox: a folder; an item in a place, which changes with each
// move; an item for good; an attachment of an item; a folder as the import and
// export API names it, which other calls do not take and the other way round.
const (
	idFolder = 'F'
	idPlace  = 'P'
	idItem   = 'I'
	idAttach = 'A'
	idAdmin  = 'M'
)

// heads are what identifiers start with, by their kind.
var heads = map[byte]string{idFolder: "AQMkAD", idPlace: "AAMkAD", idItem: "AAkALg", idAttach: "AAMkAA", idAdmin: "AAMkAG"}

type ident struct {
	kind byte
	n    uint64
	sub  uint32 // of attachments
}

func encodeID(m *mailbox.Mailbox, id ident) string {
	g := m.GUID()
	b := append([]byte{id.kind}, g[8:]...)
	b = binary.BigEndian.AppendUint64(b, id.n)
	if id.kind == idAttach {
		b = binary.BigEndian.AppendUint32(b, id.sub)
	}
	return heads[id.kind] + base64.URLEncoding.EncodeToString(b)
}

func decodeID(m *mailbox.Mailbox, s string) (ident, error) {
	if len(s) < 6 {
		return ident{}, errMalformed
	}
	b, err := base64.URLEncoding.DecodeString(s[6:])
	if err != nil || len(b) < 17 || heads[b[0]] != s[:6] || len(b) != 17 && (b[0] != idAttach || len(b) != 21) {
		return ident{}, errMalformed
	}
	g := m.GUID()
	if !slices.Equal(b[1:9], g[8:]) {
		return ident{}, errNotFound
	}
	id := ident{kind: b[0], n: binary.BigEndian.Uint64(b[9:])}
	if id.kind == idAttach {
		id.sub = binary.BigEndian.Uint32(b[17:])
	}
	return id, nil
}

func (c *call) folderID(id mailbox.FolderID) string {
	return encodeID(c.box, ident{kind: idFolder, n: uint64(id)})
}

func (c *call) itemID(it *mailbox.Item) string {
	if c.immutable {
		return encodeID(c.box, ident{kind: idItem, n: uint64(it.ID)})
	}
	return encodeID(c.box, ident{kind: idPlace, n: uint64(it.Place)})
}

// item finds an item by the id in the path, in either form.
func (c *call) item(id string) (mailbox.Item, error) {
	d, err := decodeID(c.box, id)
	if err != nil {
		return mailbox.Item{}, err
	}
	var it mailbox.Item
	ok := false
	switch d.kind {
	case idPlace:
		it, ok = c.box.At(mailbox.ItemID(d.n))
	case idItem:
		it, ok = c.box.Item(mailbox.ItemID(d.n))
	default:
		return it, errMalformed
	}
	if !ok {
		return it, errNotFound
	}
	return it, nil
}

// wellKnown are the names that stand for folders.
var wellKnown = map[string]mailbox.WellKnown{
	"inbox": mailbox.Inbox, "drafts": mailbox.Drafts, "sentitems": mailbox.SentItems, "deleteditems": mailbox.DeletedItems,
	"junkemail": mailbox.JunkEmail, "outbox": mailbox.Outbox, "msgfolderroot": mailbox.IPMSubtree, "root": mailbox.Root,
	"recoverableitemsdeletions": mailbox.RecoverableDeletions, "searchfolders": mailbox.Finder,
	"archivemsgfolderroot": mailbox.ArchiveIPMSubtree, "archivedeleteditems": mailbox.ArchiveDeletedItems,
}

// folder finds a folder by its id or its well-known name.
func (c *call) folder(id string) (mailbox.Folder, error) { return c.folderOf(idFolder, id) }

func (c *call) folderOf(kind byte, id string) (mailbox.Folder, error) {
	name := strings.ToLower(id)
	if name == "archive" {
		root, _ := c.box.WellKnown(mailbox.IPMSubtree)
		if f, ok := c.box.Child(root.ID, "Archive"); ok {
			return f, nil
		}
		return c.box.CreateFolder(root.ID, "Archive", "IPF.Note", nil)
	}
	if w, ok := wellKnown[name]; ok {
		f, ok := c.box.WellKnown(w)
		if !ok {
			return f, errNotFound
		}
		return f, nil
	}
	d, err := decodeID(c.box, id)
	if err != nil {
		return mailbox.Folder{}, err
	}
	if d.kind != kind {
		return mailbox.Folder{}, errMalformed
	}
	f, ok := c.box.Folder(mailbox.FolderID(d.n))
	if !ok {
		return f, errNotFound
	}
	return f, nil
}

// changeKey is the version of an item.
func changeKey(it *mailbox.Item) string {
	b := binary.BigEndian.AppendUint64([]byte("CQAAABYA"), max(it.Change, it.ReadChange))
	return base64.StdEncoding.EncodeToString(b)
}

// mailboxID is how the import and export API names a mailbox.
func (s *Server) mailboxID(m *mailbox.Mailbox) string {
	return fmt.Sprintf("MBX:%s@%s", m.GUID(), s.tenantID)
}

// archiveID is how the import and export API names the archive of a mailbox.
func (s *Server) archiveID(m *mailbox.Mailbox) string {
	g := m.GUID()
	g[1] ^= 0xFF
	return fmt.Sprintf("MBX:%s@%s", g, s.tenantID)
}

func (s *Server) byMailboxID(id string) (*mailbox.Mailbox, bool) {
	for _, m := range s.boxes.Mailboxes() {
		if strings.EqualFold(s.mailboxID(m), id) || m.Account().Archive && strings.EqualFold(s.archiveID(m), id) {
			return m, true
		}
	}
	return nil, false
}

// userID is the object id of the owner of a mailbox.
func userID(m *mailbox.Mailbox) string {
	g := m.GUID()
	g[0] ^= 0xFF
	return mapi.GUID(g).String()
}

// user finds a mailbox by an object id or a name of its owner.
func (s *Server) user(id string) (*mailbox.Mailbox, bool) {
	if m, ok := s.boxes.Mailbox(id); ok {
		return m, true
	}
	for _, m := range s.boxes.Mailboxes() {
		if strings.EqualFold(userID(m), id) {
			return m, true
		}
	}
	return nil, false
}
