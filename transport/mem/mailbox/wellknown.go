package mailbox

import "github.com/mailconv/mailconv/transport"

// A WellKnown is the name of a folder that each mailbox has, in the words of
// DistinguishedFolderIdNameType of EWS.
type WellKnown string

// Well-known folders. [MS-OXOSFLD] 2.2.1
const (
	Root                 WellKnown = "root"
	IPMSubtree           WellKnown = "msgfolderroot"
	Inbox                WellKnown = "inbox"
	Outbox               WellKnown = "outbox"
	DeletedItems         WellKnown = "deleteditems"
	SentItems            WellKnown = "sentitems"
	Drafts               WellKnown = "drafts"
	JunkEmail            WellKnown = "junkemail"
	Calendar             WellKnown = "calendar"
	Contacts             WellKnown = "contacts"
	Tasks                WellKnown = "tasks"
	Notes                WellKnown = "notes"
	Journal              WellKnown = "journal"
	Finder               WellKnown = "searchfolders"
	RecoverableRoot      WellKnown = "recoverableitemsroot"
	RecoverableDeletions WellKnown = "recoverableitemsdeletions"
	RecoverableVersions  WellKnown = "recoverableitemsversions"
	RecoverablePurges    WellKnown = "recoverableitemspurges"
	ArchiveRoot          WellKnown = "archiveroot"
	ArchiveIPMSubtree    WellKnown = "archivemsgfolderroot"
	ArchiveDeletedItems  WellKnown = "archivedeleteditems"
	ArchiveRecoverable   WellKnown = "archiverecoverableitemsroot"
)

// standard lists the folders of a new mailbox, parents first.
var standard = []struct {
	role, parent WellKnown
	name, class  string
	archive      bool
}{
	{role: Root, name: ""},
	{role: Finder, parent: Root, name: "Finder"},
	{role: IPMSubtree, parent: Root, name: "Top of Information Store"},
	{role: RecoverableRoot, parent: Root, name: "Recoverable Items"},
	{role: RecoverableDeletions, parent: RecoverableRoot, name: "Deletions", class: "IPF.Note"},
	{role: RecoverableVersions, parent: RecoverableRoot, name: "Versions", class: "IPF.Note"},
	{role: RecoverablePurges, parent: RecoverableRoot, name: "Purges", class: "IPF.Note"},
	{role: Inbox, parent: IPMSubtree, name: "Inbox", class: "IPF.Note"},
	{role: Outbox, parent: IPMSubtree, name: "Outbox", class: "IPF.Note"},
	{role: DeletedItems, parent: IPMSubtree, name: "Deleted Items", class: "IPF.Note"},
	{role: SentItems, parent: IPMSubtree, name: "Sent Items", class: "IPF.Note"},
	{role: Drafts, parent: IPMSubtree, name: "Drafts", class: "IPF.Note"},
	{role: JunkEmail, parent: IPMSubtree, name: "Junk Email", class: "IPF.Note"},
	{role: Calendar, parent: IPMSubtree, name: "Calendar", class: "IPF.Appointment"},
	{role: Contacts, parent: IPMSubtree, name: "Contacts", class: "IPF.Contact"},
	{role: Tasks, parent: IPMSubtree, name: "Tasks", class: "IPF.Task"},
	{role: Notes, parent: IPMSubtree, name: "Notes", class: "IPF.StickyNote"},
	{role: Journal, parent: IPMSubtree, name: "Journal", class: "IPF.Journal"},
	{role: ArchiveRoot, name: "", archive: true},
	{role: ArchiveIPMSubtree, parent: ArchiveRoot, name: "Top of Information Store", archive: true},
	{role: ArchiveDeletedItems, parent: ArchiveIPMSubtree, name: "Deleted Items", class: "IPF.Note", archive: true},
	{role: ArchiveRecoverable, parent: ArchiveRoot, name: "Recoverable Items", archive: true},
}

// roles are the special uses of package transport.
var roles = map[WellKnown]transport.Role{
	Inbox: transport.RoleInbox, SentItems: transport.RoleSent, Drafts: transport.RoleDrafts,
	DeletedItems: transport.RoleTrash, JunkEmail: transport.RoleJunk, Outbox: transport.RoleOutbox,
	Calendar: transport.RoleCalendar, Contacts: transport.RoleContacts, Tasks: transport.RoleTasks,
	Notes: transport.RoleNotes, Journal: transport.RoleJournal, ArchiveDeletedItems: transport.RoleTrash,
}

// TransportRole is the special use of a folder in the words of package
// transport.
func (w WellKnown) TransportRole() transport.Role { return roles[w] }
