package ewstest

import (
	"encoding/base64"
	"encoding/binary"
	"strconv"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// Identifiers are opaque to clients: what they name, in base64. That of an item
// changes when it moves, as that of Exchange does.
const (
	idFolder     = 2
	idItem       = 3
	idAttachment = 4
)

// idLead makes identifiers hold all that base64 can hold.
var idLead = []byte{0x00, 0xFB, 0xEF, 0xBE, 0xFF, 0xFF}

const idHead = 6 + 1 + 16 + 8

func makeID(kind byte, m *mailbox.Mailbox, f mailbox.FolderID, rest ...byte) string {
	b := append([]byte(nil), idLead...)
	b = append(b, kind)
	g := m.GUID()
	b = append(b, g[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(f))
	return base64.StdEncoding.EncodeToString(append(b, rest...))
}

func folderID(m *mailbox.Mailbox, f mailbox.FolderID) string { return makeID(idFolder, m, f) }

func itemID(m *mailbox.Mailbox, f mailbox.FolderID, place mailbox.ItemID) string {
	return makeID(idItem, m, f, binary.BigEndian.AppendUint64(nil, uint64(place))...)
}

func attachmentID(m *mailbox.Mailbox, it *mailbox.Item, path []int) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(it.Place))
	for _, n := range path {
		b = binary.BigEndian.AppendUint16(b, uint16(n))
	}
	return makeID(idAttachment, m, it.Folder, b...)
}

// changeKey is opaque too; it differs whenever the object does.
func changeKey(n uint64) string {
	b := []byte{0x09, 0, 0, 0, 0x16, 0, 0, 0}
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64(b, n))
}

// reference is an identifier taken apart.
type reference struct {
	kind   byte
	m      *mailbox.Mailbox
	folder mailbox.FolderID
	place  mailbox.ItemID
	path   []int
}

func (s *Server) reference(id string) (r reference, ok bool) {
	b, err := base64.StdEncoding.DecodeString(id)
	if err != nil || len(b) < idHead || string(b[:len(idLead)]) != string(idLead) {
		return r, false
	}
	r.kind = b[6]
	var g mapi.GUID
	copy(g[:], b[7:])
	for _, m := range s.boxes.Mailboxes() {
		if m.GUID() == g {
			r.m = m
		}
	}
	r.folder = mailbox.FolderID(binary.BigEndian.Uint64(b[23:]))
	rest := b[idHead:]
	if r.kind != idFolder {
		if len(rest) < 8 {
			return r, false
		}
		r.place = mailbox.ItemID(binary.BigEndian.Uint64(rest))
		for rest = rest[8:]; len(rest) >= 2; rest = rest[2:] {
			r.path = append(r.path, int(binary.BigEndian.Uint16(rest)))
		}
	}
	return r, r.m != nil && len(rest) == 0
}

// folder finds the folder that an element names: FolderId or
// DistinguishedFolderId.
func (c *call) folder(n *node, need mailbox.Rights) (*mailbox.Mailbox, mailbox.Folder, *failure) {
	if n == nil {
		return nil, mailbox.Folder{}, fail("ErrorInvalidIdEmpty", "There is no folder id.")
	}
	m := c.acting
	var f mailbox.Folder
	if n.name == "DistinguishedFolderId" {
		if a := words(n.child("Mailbox").value("EmailAddress")); a != "" {
			var ok bool
			if m, ok = c.s.boxes.Mailbox(a); !ok {
				return nil, f, fail("ErrorNonExistentMailbox", "The SMTP address has no mailbox associated with it.")
			}
		}
		var ok bool
		if f, ok = m.WellKnown(mailbox.WellKnown(n.attr("Id"))); !ok {
			return nil, f, fail("ErrorFolderNotFound", "The specified folder could not be found in the store.")
		}
	} else {
		r, ok := c.s.reference(n.attr("Id"))
		if !ok || r.kind != idFolder {
			return nil, f, fail("ErrorInvalidIdMalformed", "Id is malformed.")
		}
		m = r.m
		if f, ok = m.Folder(r.folder); !ok {
			return nil, f, fail("ErrorFolderNotFound", "The specified folder could not be found in the store.")
		}
	}
	if !m.May(c.acting, f.ID, need|mailbox.MayRead) {
		return nil, f, fail("ErrorAccessDenied", "Access is denied. Check credentials and try again.")
	}
	return m, f, nil
}

// target finds the folder within an element like ToFolderId.
func (c *call) target(n *node, need mailbox.Rights) (*mailbox.Mailbox, mailbox.Folder, *failure) {
	if n == nil || len(n.kids) == 0 {
		return nil, mailbox.Folder{}, fail("ErrorInvalidIdEmpty", "There is no folder id.")
	}
	return c.folder(n.kids[0], need)
}

// item finds the item that an ItemId names.
func (c *call) item(n *node, need mailbox.Rights) (*mailbox.Mailbox, mailbox.Item, *failure) {
	r, ok := c.s.reference(n.attr("Id"))
	if !ok || r.kind != idItem {
		return nil, mailbox.Item{}, fail("ErrorInvalidIdMalformed", "Id is malformed.")
	}
	if !r.m.May(c.acting, r.folder, need|mailbox.MayRead) {
		return nil, mailbox.Item{}, fail("ErrorAccessDenied", "Access is denied. Check credentials and try again.")
	}
	it, ok := r.m.At(r.place)
	if !ok || it.Folder != r.folder {
		return nil, mailbox.Item{}, fail("ErrorItemNotFound", "The specified object was not found in the store.")
	}
	return r.m, it, nil
}

func (c *call) itemID(m *mailbox.Mailbox, it *mailbox.Item) {
	c.w.empty("t:ItemId", "Id", itemID(m, it.Folder, it.Place), "ChangeKey", changeKey(max(it.Change, it.ReadChange)))
}

func number(s string, otherwise int) int {
	n, err := strconv.Atoi(words(s))
	if err != nil {
		return otherwise
	}
	return n
}
