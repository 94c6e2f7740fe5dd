package transport

import "strings"

// A Folder is a place for items in a store. Identity and location are two
// things: ID survives a renaming where the store has such an identity.
type Folder struct {
	// Path holds the names from the root down, as a person reads them: no
	// delimiter, no encoding of the store. The root itself has no name.
	Path []string
	// ID is the store's own key of the folder; a store that has none uses
	// the path. The ledger keys rows by it.
	ID string
	// Role is the special use, where the store tells it.
	Role Role
	// Class is the container class (IPF.Note, IPF.Appointment, ...), or "".
	Class string
	// Count and Size (bytes) are what the store says, -1 when it does not.
	Count, Size int64
	// NoItems is set for folders that can only hold folders.
	NoItems bool
	// Hidden is set for folders that a mail program does not show (search
	// folders, associated contents, recoverable items).
	Hidden bool
	// Unsubscribed is set where the store keeps subscriptions and this folder
	// has none.
	Unsubscribed bool
	// New is set where [Sink.Ensure] made the folder, so that it is empty.
	New bool
	// Err says why the folder cannot be listed. Such a folder is reported,
	// and never passes for an empty one.
	Err error
}

// Name is the last element of the path, "" for the root.
func (f Folder) Name() string {
	if len(f.Path) == 0 {
		return ""
	}
	return f.Path[len(f.Path)-1]
}

// String joins the path with slashes; a slash or backslash within a name is
// preceded by a backslash, so that [ParsePath] gives the same path back.
func (f Folder) String() string { return JoinPath(f.Path) }

var escapeName = strings.NewReplacer(`\`, `\\`, `/`, `\/`)

// JoinPath writes a path in one line. See [Folder.String].
func JoinPath(path []string) string {
	list := make([]string, len(path))
	for i, n := range path {
		list[i] = escapeName.Replace(n)
	}
	return strings.Join(list, "/")
}

// ParsePath reads what [JoinPath] wrote. Empty elements are dropped.
func ParsePath(s string) []string {
	var path []string
	var name strings.Builder
	end := func() {
		if name.Len() > 0 {
			path = append(path, name.String())
		}
		name.Reset()
	}
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			name.WriteByte(s[i])
		case s[i] == '/':
			end()
		default:
			name.WriteByte(s[i])
		}
	}
	end()
	return path
}

// A Role is the special use of a folder. RFC 6154, [MS-OXOSFLD] 2.2.3
type Role string

// Roles.
const (
	RoleNone      Role = ""
	RoleInbox     Role = "inbox"
	RoleSent      Role = "sent"
	RoleDrafts    Role = "drafts"
	RoleTrash     Role = "trash"
	RoleJunk      Role = "junk"
	RoleArchive   Role = "archive"
	RoleAll       Role = "all"
	RoleFlagged   Role = "flagged"
	RoleImportant Role = "important"
	RoleOutbox    Role = "outbox"
	RoleCalendar  Role = "calendar"
	RoleContacts  Role = "contacts"
	RoleTasks     Role = "tasks"
	RoleNotes     Role = "notes"
	RoleJournal   Role = "journal"
)
