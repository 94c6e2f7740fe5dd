package imap

import (
	"slices"
	"strings"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/imap/wire"
)

// What becomes of Gmail's labels. There a mail exists once, and each of its
// labels is a folder that shows it.
const (
	// labelsFolders hands each mail over in one folder, the home; its other
	// labels become keywords.
	labelsFolders = "folders"
	// labelsKeywords hands all mails over in All Mail, with all labels as
	// keywords.
	labelsKeywords = "keywords"
	// labelsCopies hands a mail over in each folder that shows it.
	labelsCopies = "copies"
)

// systemLabels are those that are folders with a role, in the order in which
// they are the home of a mail.
var systemLabels = []struct {
	label string
	role  transport.Role
}{
	{`\inbox`, transport.RoleInbox},
	{`\sent`, transport.RoleSent},
	{`\draft`, transport.RoleDrafts},
	{`\drafts`, transport.RoleDrafts},
}

// Select implements [transport.Selector].
func (s *Store) Select(folders []transport.Folder) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wanted = map[string]bool{}
	for _, f := range folders {
		s.wanted[f.ID] = true
	}
}

// gmail reports whether labels are looked at.
func (c *session) gmail() bool { return c.s.o.Labels != labelsCopies && c.can("X-GM-EXT-1") }

// label applies the policy to a message of the selected mailbox. Labels are as
// the server writes them, without that of the mailbox itself.
func (c *session) label(m *transport.Meta, labels []string) {
	if c.s.o.Labels == labelsKeywords {
		for _, l := range labels {
			addKeyword(m, wire.DecodeMailbox(strings.TrimPrefix(l, `\`)))
		}
		return
	}
	home := c.s.home(c.mailbox, labels)
	if home != c.mailbox {
		m.Skip = "a mail with several labels; its copy is that of " + wire.DecodeMailbox(home) + " (labels=copies makes one for each)"
	}
	for _, l := range append(labels, c.mailbox) {
		// System labels are flags or roles, except this one.
		if strings.EqualFold(l, `\Important`) {
			l = "Important"
		}
		if l != home && !strings.HasPrefix(l, `\`) && !c.s.hasRole(l) {
			addKeyword(m, wire.DecodeMailbox(l))
		}
	}
}

func addKeyword(m *transport.Meta, k string) {
	if k != "" && !slices.Contains(m.Keywords, k) {
		m.Keywords = append(m.Keywords, k)
	}
}

// hasRole reports whether a mailbox is not one of the user's labels.
func (s *Store) hasRole(raw string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known[raw].role != ""
}

// home is the mailbox that hands a mail over: the inbox, sent or drafts, then
// the first of the user's labels, then All Mail. Only mailboxes that are listed
// count. Trash and spam show what no other mailbox shows.
func (s *Store) home(own string, labels []string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	listed := func(raw string) bool {
		m, ok := s.known[raw]
		return ok && !m.unselectable && (s.wanted == nil || s.wanted[raw])
	}
	byRole := func(role transport.Role) string {
		for raw, m := range s.known {
			if m.role == role && listed(raw) {
				return raw
			}
		}
		return ""
	}
	mine := s.known[own].role
	if mine == transport.RoleTrash || mine == transport.RoleJunk || !listed(own) {
		return own
	}
	for _, sys := range systemLabels {
		if mine != sys.role && !slices.ContainsFunc(labels, func(l string) bool { return strings.EqualFold(l, sys.label) }) {
			continue
		}
		if raw := byRole(sys.role); raw != "" {
			return raw
		}
	}
	var users []string
	for _, l := range append(labels, own) {
		if listed(l) && s.known[l].role == "" {
			users = append(users, l)
		}
	}
	if len(users) > 0 {
		return slices.Min(users)
	}
	if all := byRole(transport.RoleAll); all != "" {
		return all
	}
	return own
}
