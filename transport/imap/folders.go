package imap

import (
	"context"
	"iter"
	"slices"
	"strings"

	goimap "github.com/emersion/go-imap/v2"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/imap/wire"
)

// A mailbox is one line of a LIST.
type mailbox struct {
	raw, delim   string
	path         []string
	attrs        map[goimap.MailboxAttr]bool // while the listing is read
	role         transport.Role
	subscribed   bool
	count, size  int64
	next         int64 // UIDNEXT, -1 when not told
	haveStatus   bool
	unselectable bool
	nonexistent  bool
	fresh        bool // made by this store, and not looked at since
}

// roles of RFC 6154 and, with \Inbox, \AllMail, \Starred and \Spam, of XLIST.
var roles = map[goimap.MailboxAttr]transport.Role{
	goimap.MailboxAttrAll:       transport.RoleAll,
	goimap.MailboxAttrArchive:   transport.RoleArchive,
	goimap.MailboxAttrDrafts:    transport.RoleDrafts,
	goimap.MailboxAttrFlagged:   transport.RoleFlagged,
	goimap.MailboxAttrJunk:      transport.RoleJunk,
	goimap.MailboxAttrSent:      transport.RoleSent,
	goimap.MailboxAttrTrash:     transport.RoleTrash,
	goimap.MailboxAttrImportant: transport.RoleImportant,
	`\Allmail`:                  transport.RoleAll,
	`\Starred`:                  transport.RoleFlagged,
	`\Spam`:                     transport.RoleJunk,
	`\Inbox`:                    transport.RoleInbox,
}

// Folders implements [transport.Source].
func (s *Store) Folders(ctx context.Context) iter.Seq2[transport.Folder, error] {
	return s.folders(ctx, true)
}

func (s *Store) folders(ctx context.Context, status bool) iter.Seq2[transport.Folder, error] {
	return func(yield func(transport.Folder, error) bool) {
		list, err := s.list(ctx, status)
		if err != nil {
			yield(transport.Folder{}, err)
			return
		}
		for _, m := range list {
			f, ok := s.shown(m)
			if ok && !yield(f, nil) {
				return
			}
		}
	}
}

// shown is a mailbox as the store shows it, below the store's root.
func (s *Store) shown(m mailbox) (transport.Folder, bool) {
	path := m.path
	if n := len(s.root); n > 0 {
		if len(path) <= n || !slices.Equal(path[:n], s.root) {
			return transport.Folder{}, false
		}
		path = path[n:]
	}
	if n := len(s.only); n > 0 && (len(path) < n || !slices.Equal(path[:n], s.only)) {
		return transport.Folder{}, false
	}
	return transport.Folder{
		Path: slices.Clone(path), ID: m.raw, Role: m.role, Count: m.count, Size: m.size,
		NoItems: m.unselectable, Unsubscribed: !m.subscribed,
	}, true
}

// list reads the tree of mailboxes, sorted so that parents come first, and
// remembers it for the sink.
func (s *Store) list(ctx context.Context, status bool) ([]mailbox, error) {
	c, err := s.pool.get(ctx, "")
	if err != nil {
		return nil, err
	}
	defer s.pool.put(c)
	ns, err := s.namespaces(ctx, c)
	if err != nil {
		return nil, err
	}
	l := &lister{s: s, c: c, ns: ns, at: map[string]int{}}
	if err := l.run(ctx, status); err != nil {
		return nil, err
	}
	slices.SortStableFunc(l.list, func(a, b mailbox) int { return slices.Compare(a.path, b.path) })
	known, byPath := map[string]mailbox{}, map[string]string{}
	for _, m := range l.list {
		known[m.raw] = m
		if _, twice := byPath[transport.JoinPath(m.path)]; !twice {
			byPath[transport.JoinPath(m.path)] = m.raw
		}
	}
	s.mu.Lock()
	s.known, s.byPath = known, byPath
	s.mu.Unlock()
	return l.list, nil
}

type lister struct {
	s    *Store
	c    *session
	ns   *namespaces
	list []mailbox
	at   map[string]int // raw name to place
	subs bool           // subscriptions were told
}

func (l *lister) run(ctx context.Context, status bool) error {
	c := l.c
	extended := c.can("LIST-EXTENDED", "IMAP4REV2")
	const op = "list folders"
	what := "MESSAGES UIDNEXT"
	if c.can("STATUS=SIZE", "IMAP4REV2") {
		what += " SIZE"
	}
	listed := false
	if extended {
		ret := "SUBSCRIBED"
		if c.can("SPECIAL-USE", "IMAP4REV2") {
			ret += " SPECIAL-USE"
		}
		if status && c.can("LIST-STATUS", "IMAP4REV2") {
			ret += " STATUS (" + what + ")"
		}
		_, err := c.do(ctx, op, "", cmd(`LIST "" "*" RETURN (`+ret+")"), l.take)
		if err != nil && c.Broken() != nil {
			return err
		}
		listed, l.subs = err == nil, err == nil
	}
	if !listed {
		verb := "LIST"
		if c.can("XLIST") && !c.can("SPECIAL-USE") {
			verb = "XLIST"
		}
		if _, err := c.do(ctx, op, "", cmd(verb+` "" "*"`), l.take); err != nil {
			return err
		}
	}
	for _, sp := range l.wanted() {
		// A namespace that the star did not show.
		if sp.prefix != "" && !slices.ContainsFunc(l.list, func(m mailbox) bool { return strings.HasPrefix(m.raw, sp.prefix) }) {
			if _, err := c.do(ctx, op, "", c.name(cmd(`LIST "" `), sp.prefix+"*"), l.take); err != nil && c.Broken() != nil {
				return err
			}
		}
	}
	if c.can("SPECIAL-USE") && !slices.ContainsFunc(l.list, func(m mailbox) bool { return m.role != "" && m.role != transport.RoleInbox }) {
		// QUIRK: some servers tell special uses only to who asks for nothing
		// else (recordings/lines/imap.txt, a007 and a008).
		if _, err := c.do(ctx, op, "", cmd(`LIST (SPECIAL-USE) "" "*"`), l.take); err != nil && c.Broken() != nil {
			return err
		}
	}
	if !l.subs {
		if _, err := c.do(ctx, op, "", cmd(`LSUB "" "*"`), l.take); err != nil {
			if c.Broken() != nil {
				return err
			}
			for i := range l.list {
				l.list[i].subscribed = true
			}
		}
	}
	l.filter()
	if !status {
		return nil
	}
	return l.status(ctx, what)
}

// take is told of each untagged response.
func (l *lister) take(r *wire.Response) error {
	switch r.Name {
	case "LIST", "XLIST", "LSUB":
		if len(r.Values) < 3 || r.Values[2].Text == "" {
			return nil
		}
		raw := r.Values[2].Text
		m := mailbox{raw: raw, delim: r.Values[1].Text, attrs: map[goimap.MailboxAttr]bool{}, count: -1, size: -1, next: -1}
		for _, a := range r.Values[0].List {
			if len(a.Text) > 1 {
				// The spelling of RFC 9051: \Noselect, \All.
				m.attrs[goimap.MailboxAttr(a.Text[:1]+strings.ToUpper(a.Text[1:2])+strings.ToLower(a.Text[2:]))] = true
			}
		}
		l.add(m, r.Name)
	case "STATUS":
		if len(r.Values) < 2 {
			return nil
		}
		if i, ok := l.at[canonical(r.Values[0].Text)]; ok {
			l.list[i].takeStatus(r.Values[1].List)
		}
	}
	return nil
}

// canonical is the one spelling of INBOX.
func canonical(raw string) string {
	if strings.EqualFold(raw, inbox) {
		return inbox
	}
	return raw
}

func (l *lister) add(m mailbox, verb string) {
	if verb == "XLIST" && m.attrs[`\Inbox`] {
		m.raw = inbox // QUIRK: Gmail's XLIST gives the inbox in the user's language
	}
	m.raw = canonical(m.raw)
	i, have := l.at[m.raw]
	if verb == "LSUB" {
		l.subs = true
		if have {
			l.list[i].subscribed = true
		}
		return
	}
	for a, r := range roles {
		// \Inbox is given to any folder by some; \Junk and \Spam may be both.
		if m.attrs[a] && r != transport.RoleInbox {
			m.role = r
		}
	}
	if m.raw == inbox {
		m.role = transport.RoleInbox
	}
	if have {
		if l.list[i].role == "" {
			l.list[i].role = m.role
		}
		return
	}
	m.subscribed = m.attrs[goimap.MailboxAttrSubscribed]
	m.nonexistent = m.attrs[`\Nonexistent`]
	m.unselectable = m.attrs[`\Noselect`] || m.nonexistent
	m.attrs = nil // an account may have thousands of mailboxes
	m.path = l.ns.path(m.raw, m.delim)
	l.at[m.raw] = len(l.list)
	l.list = append(l.list, m)
}

func (m *mailbox) takeStatus(items []wire.Value) {
	m.haveStatus = true
	for i := 0; i+1 < len(items); i += 2 {
		n, ok := items[i+1].Number()
		if !ok || n > 1<<62 {
			continue
		}
		switch strings.ToUpper(items[i].Text) {
		case "MESSAGES":
			m.count = int64(n)
		case "SIZE":
			m.size = int64(n)
		case "UIDNEXT":
			m.next = int64(n)
		}
	}
}

// wanted are the namespaces that the address asks for, beyond the personal one
// that every listing shows.
func (l *lister) wanted() []space {
	switch l.s.o.Namespace {
	case "other":
		return l.ns.other
	case "shared":
		return l.ns.shared
	case "all":
		return slices.Concat(l.ns.personal, l.ns.other, l.ns.shared)
	}
	return l.ns.personal
}

// filter drops mailboxes of namespaces that are not asked for. The namespace of
// a mailbox is the one with the longest prefix that fits.
func (l *lister) filter() {
	kinds := []struct {
		name string
		list []space
	}{{"personal", l.ns.personal}, {"other", l.ns.other}, {"shared", l.ns.shared}}
	want := l.s.o.Namespace
	if want == "" {
		want = "personal"
	}
	keep := l.list[:0]
	gmail := l.s.o.Labels == labelsKeywords && l.c.can("X-GM-EXT-1")
	for _, m := range l.list {
		kind, longest := "personal", -1
		for _, k := range kinds {
			for _, sp := range k.list {
				if len(sp.prefix) > longest && (strings.HasPrefix(m.raw, sp.prefix) || m.raw+sp.delim == sp.prefix) {
					kind, longest = k.name, len(sp.prefix)
				}
			}
		}
		if want != "all" && want != kind {
			continue
		}
		if gmail && m.role != transport.RoleAll && m.role != transport.RoleTrash && m.role != transport.RoleJunk {
			continue // each is a label on what All Mail holds
		}
		keep = append(keep, m)
	}
	l.list = keep
	clear(l.at)
	for i, m := range l.list {
		l.at[m.raw] = i
	}
}

// statusAhead is how many STATUS commands are on their way at once.
const statusAhead = 32

// status asks for the counts that LIST did not give.
func (l *lister) status(ctx context.Context, what string) error {
	var ask []int
	for i, m := range l.list {
		if !m.haveStatus && !m.unselectable {
			ask = append(ask, i)
		}
	}
	// A refusal leaves the counts unknown; listing the folder will tell why.
	for part := range slices.Chunk(ask, statusAhead) {
		var ahead []*wire.Command
		for _, i := range part {
			w := l.c.name(cmd("STATUS "), l.list[i].raw).Raw(" (" + what + ")")
			if !w.Waits(l.c.Literals) {
				ahead = append(ahead, w)
			} else if _, err := l.c.do(ctx, "status", "", w, l.take); err != nil && l.c.Broken() != nil {
				return err
			}
		}
		if err := l.c.together(ctx, "status", ahead, l.take); err != nil {
			return err
		}
	}
	return nil
}

// rawOf is the server's name of a folder.
func (s *Store) rawOf(ctx context.Context, f transport.Folder) (string, error) {
	if f.ID != "" {
		return f.ID, nil
	}
	full := slices.Concat(s.root, f.Path)
	if len(full) == 0 {
		return inbox, nil
	}
	s.mu.Lock()
	raw, ok := s.byPath[transport.JoinPath(full)]
	s.mu.Unlock()
	if ok {
		return raw, nil
	}
	c, err := s.pool.get(ctx, "")
	if err != nil {
		return "", err
	}
	defer s.pool.put(c)
	ns, err := s.namespaces(ctx, c)
	if err != nil {
		return "", err
	}
	return ns.raw(full, weak, c.utf8), nil
}
