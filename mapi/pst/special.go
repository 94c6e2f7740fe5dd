package pst

import (
	"encoding/binary"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/pst/ltp"
	"github.com/mailconv/mailconv/mapi/pst/ndb"
)

// special is which folder plays which role.
type special struct {
	subtree NID
	roles   map[NID]Role
	// byFID finds folders of an Exchange mailbox; made when it is needed.
	byFID map[[6]byte]NID
}

// findSpecial reads from the message store, the root and the inbox which
// folder is for what. [MS-OXOSFLD] 2.2.3 to 2.2.5
func (f *File) findSpecial() {
	s := special{roles: map[NID]Role{}}
	defer func() { f.special = s }()
	set := func(ps mapi.Properties, tag mapi.Tag, r Role) {
		if nid := f.entryNID(ps.Bytes(tag), &s); nid != 0 && s.roles[nid] == "" {
			s.roles[nid] = r
		}
	}
	inbox := f.receiveFolder()
	s.subtree = f.entryNID(f.store.Bytes(mapi.PidTagIpmSubtreeEntryId), &s)
	if n, err := f.db.Node(inbox); s.subtree == 0 && err == nil {
		// QUIRK: an OST does not name its IPM subtree; the inbox is right
		// below it (corpus pst/aspose.email-for-.net/SampleOstFile.ost).
		s.subtree = n.Parent
	}
	if _, err := f.db.Node(s.subtree); err != nil {
		s.subtree = ndb.NIDRootFolder
	}
	if inbox == s.subtree {
		inbox = 0
	}
	set(f.store, mapi.PidTagIpmWastebasketEntryId, RoleTrash)
	set(f.store, mapi.PidTagIpmSentMailEntryId, RoleSent)
	set(f.store, mapi.PidTagIpmOutboxEntryId, RoleOutbox)
	if inbox != 0 {
		s.roles[inbox] = RoleInbox
	}
	for _, nid := range []NID{inbox, ndb.NIDRootFolder, s.subtree} {
		if nid == 0 {
			continue
		}
		ps, err := f.FolderProperties(nid)
		if err != nil {
			continue
		}
		set(ps, mapi.PidTagIpmAppointmentEntryId, RoleCalendar)
		set(ps, mapi.PidTagIpmContactEntryId, RoleContacts)
		set(ps, mapi.PidTagIpmJournalEntryId, RoleJournal)
		set(ps, mapi.PidTagIpmNoteEntryId, RoleNotes)
		set(ps, mapi.PidTagIpmTaskEntryId, RoleTasks)
		set(ps, mapi.PidTagIpmDraftsEntryId, RoleDrafts)
		// Index 4 is the junk folder. [MS-OXOSFLD] 2.2.4
		if v, ok := ps.Get(mapi.PidTagAdditionalRenEntryIds); ok {
			if e := v.Elems(); len(e) > 4 {
				if nid := f.entryNID(e[4], &s); nid != 0 && s.roles[nid] == "" {
					s.roles[nid] = RoleJunk
				}
			}
		}
	}
	delete(s.roles, s.subtree)
	delete(s.roles, ndb.NIDRootFolder)
}

// nidReceiveFolders is the table of receive folders: one row for each message
// class, with the folder's node in a column that [MS-PST] does not describe.
const nidReceiveFolders NID = 0x62B

// receiveFolder is the inbox: the folder that the table of receive folders
// has for all classes.
func (f *File) receiveFolder() NID {
	n, err := f.db.Node(nidReceiveFolders)
	if err != nil {
		return 0
	}
	t, err := ltp.OpenTable(f.db, n)
	if err != nil {
		return 0
	}
	entry, _ := t.Column(mapi.NewTag(0x6605, mapi.TypeInteger32))
	class, _ := t.Column(mapi.PidTagMessageClass)
	var inbox NID
	for r, err := range t.Rows() {
		if err != nil {
			continue
		}
		v, ok, _ := r.Value(entry)
		nid, isInt := v.Int()
		if !ok || !isInt || NID(nid).Type() != ndb.TypeNormalFolder {
			continue
		}
		c, _, _ := r.Value(class)
		if c.Text() == "" || inbox == 0 && strings.EqualFold(c.Text(), "IPM") {
			inbox = NID(nid)
		}
	}
	if inbox == ndb.NIDRootFolder {
		return 0
	}
	return inbox
}

// entryNID is the folder that an entry identifier names: of this file, or of
// the Exchange mailbox that an OST is a copy of. [MS-PST] 2.4.3.2,
// [MS-OXCDATA] 2.2.4.1
func (f *File) entryNID(b []byte, s *special) NID {
	switch len(b) {
	case 24:
		return NID(binary.LittleEndian.Uint32(b[20:]))
	case 46:
		if s.byFID == nil {
			s.byFID = f.foldersByFID()
		}
		return s.byFID[[6]byte(b[38:])]
	}
	return 0
}

// pidTagFID is where an OST keeps a folder's identifier on the server: two
// bytes of replica and six of counter. It is not in [MS-OXPROPS].
const pidTagFID = mapi.Tag(0x67F40014)

func (f *File) foldersByFID() map[[6]byte]NID {
	m := map[[6]byte]NID{}
	for n, err := range f.db.Nodes(0) {
		if err != nil || n.NID.Type() != ndb.TypeNormalFolder {
			continue
		}
		ps, err := f.FolderProperties(n.NID)
		if err != nil {
			continue
		}
		if b := ps.Bytes(pidTagFID); len(b) == 8 {
			m[[6]byte(b[2:])] = n.NID
		}
	}
	return m
}
