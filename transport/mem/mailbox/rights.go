package mailbox

// Rights are what one account may do in the mailbox of another.
// [MS-OXCPERM] 2.2.7
type Rights uint

// Rights. May read also lets see the folder.
const (
	MayRead Rights = 1 << iota
	MayCreate
	MayEdit
	MayDelete
	MayCreateFolders

	FullAccess = MayRead | MayCreate | MayEdit | MayDelete | MayCreateFolders
)

type grant struct {
	to     *Mailbox
	folder FolderID
	rights Rights
}

// Grant gives another account rights in one folder, or with folder 0 in the
// whole mailbox.
func (m *Mailbox) Grant(to *Mailbox, folder FolderID, r Rights) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.grants = append(m.grants, grant{to, folder, r})
}

// May reports whether an account has all the rights in a folder. The owner has
// every one.
func (m *Mailbox) May(who *Mailbox, folder FolderID, r Rights) bool {
	return m.RightsOf(who, folder)&r == r
}

// RightsOf are the rights of an account in a folder.
func (m *Mailbox) RightsOf(who *Mailbox, folder FolderID) Rights {
	if who == m {
		return FullAccess
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var have Rights
	for _, g := range m.grants {
		if g.to == who && (g.folder == 0 || g.folder == folder) {
			have |= g.rights
		}
	}
	return have
}
