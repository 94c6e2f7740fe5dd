package imap

import (
	"context"
	"errors"
	"slices"
	"strings"

	goimap "github.com/emersion/go-imap/v2"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/imap/wire"
)

// A target is a mailbox that is open for changes, and the UIDs of some keys in
// it.
type target struct {
	s      *Store
	c      *session
	folder string
	errs   []error
	uids   []uint32 // by place; 0 where there is an error
}

// target opens a mailbox and sorts out the keys that are not there.
func (s *Store) target(ctx context.Context, op string, f transport.Folder, keys []transport.Key) (*target, error) {
	raw, err := s.rawOf(ctx, f)
	if err != nil {
		return nil, err
	}
	c, err := s.pool.get(ctx, raw)
	if err != nil {
		return nil, err
	}
	t := &target{s: s, c: c, folder: f.String(), errs: make([]error, len(keys)), uids: make([]uint32, len(keys))}
	err = c.open(ctx, op, t.folder, raw, true, true)
	if err == nil && c.readOnly {
		err = fail(transport.Permanent, op, t.folder, "the server opens the mailbox for reading only")
	}
	var ask []uint32
	if err == nil {
		for i, k := range keys {
			if v, uid, ok := parseKey(k); ok && v == c.state.validity {
				t.uids[i] = uid
				ask = append(ask, uid)
			}
		}
		slices.Sort(ask)
		var there map[uint32]bool
		if there, err = s.exist(ctx, c, op, t.folder, slices.Compact(ask)); err == nil {
			for i, k := range keys {
				if t.uids[i] == 0 || !there[t.uids[i]] {
					t.uids[i] = 0
					t.errs[i] = &transport.Error{Kind: transport.NotFound, Op: op, Folder: t.folder, Key: k, Err: errors.New("the message is not there")}
				}
			}
		}
	}
	if err != nil {
		s.pool.put(c)
		return nil, err
	}
	return t, nil
}

// there are the UIDs that are there, ascending.
func (t *target) there() []uint32 {
	var list []uint32
	for _, u := range t.uids {
		if u > 0 {
			list = append(list, u)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// each runs a command over sets that fit into a line.
func (t *target) each(ctx context.Context, op string, uids []uint32, command func([]uint32) *wire.Command, on func(*wire.Response) error) error {
	for part := range slices.Chunk(uids, 1000) {
		res, err := t.c.do(ctx, op, t.folder, command(part), on)
		if err != nil {
			return err
		}
		if on != nil {
			if err := on(res); err != nil {
				return err
			}
		}
	}
	return nil
}

func all(err error, n int) []error {
	errs := make([]error, n)
	for i := range errs {
		errs[i] = err
	}
	return errs
}

// receiptsAnswered are the messages with $MDNSent, which is never taken away: a
// mail program would ask once more whether to send a receipt. RFC 3503 3.1
func (t *target) receiptsAnswered(ctx context.Context) (map[uint32]bool, error) {
	uids := t.there()
	if len(uids) == 0 || !t.c.state.flags.names[strings.ToLower(string(goimap.FlagMDNSent))] {
		return nil, nil
	}
	list, err := t.c.search(ctx, "store", t.folder, cmd("UID SEARCH UID ").Set(uids).Raw(" KEYWORD "+string(goimap.FlagMDNSent)))
	if err != nil && t.c.Broken() == nil {
		return nil, nil // a server that cannot search for it has not got it
	}
	set := map[uint32]bool{}
	for _, u := range list {
		set[u] = true
	}
	return set, err
}

// SetFlags implements [transport.FlagSetter]. Keywords that the mailbox does
// not take are left out.
func (s *Store) SetFlags(ctx context.Context, f transport.Folder, changes []transport.FlagChange) []error {
	keys := make([]transport.Key, len(changes))
	for i, c := range changes {
		keys[i] = c.Ref
	}
	t, err := s.target(ctx, "store", f, keys)
	if err != nil {
		return all(err, len(changes))
	}
	defer s.pool.put(t.c)
	answered, err := t.receiptsAnswered(ctx)
	if err != nil {
		return all(err, len(changes))
	}
	// One command for all that get the same flags.
	groups := map[string][]int{}
	var order []string
	for i, c := range changes {
		if t.errs[i] != nil {
			continue
		}
		if answered[t.uids[i]] {
			c.Flags |= transport.MDNSent
		}
		list, _ := t.c.state.flags.write(c.Flags, c.Keywords)
		flags := strings.Join(list, " ")
		if groups[flags] == nil {
			order = append(order, flags)
		}
		groups[flags] = append(groups[flags], i)
	}
	for _, flags := range order {
		var uids []uint32
		for _, i := range groups[flags] {
			uids = append(uids, t.uids[i])
		}
		slices.Sort(uids)
		err := t.each(ctx, "store", slices.Compact(uids), func(part []uint32) *wire.Command {
			return cmd("UID STORE ").Set(part).Raw(" FLAGS.SILENT (" + flags + ")")
		}, nil)
		for _, i := range groups[flags] {
			t.errs[i] = err
		}
	}
	return t.errs
}

// Move implements [transport.Mover]: MOVE, or COPY and expunge by UID.
func (s *Store) Move(ctx context.Context, from, to transport.Folder, refs []transport.Key) []transport.Result {
	results := make([]transport.Result, len(refs))
	fill := func(errs []error) []transport.Result {
		for i, err := range errs {
			if err != nil {
				results[i] = transport.Result{Err: err}
			}
		}
		return results
	}
	dst, err := s.rawOf(ctx, to)
	if err != nil {
		return fill(all(err, len(refs)))
	}
	t, err := s.target(ctx, "move", from, refs)
	if err != nil {
		return fill(all(err, len(refs)))
	}
	defer s.pool.put(t.c)
	verb := "UID MOVE "
	if !t.c.can("MOVE", "IMAP4REV2") {
		verb = "UID COPY "
	}
	ref := map[uint32]transport.Key{}
	note := func(r *wire.Response) error {
		args := r.Args()
		if r.Code != "COPYUID" || len(args) < 3 {
			return nil
		}
		validity, _ := args[0].Number()
		old, ok1 := wire.ParseSet(args[1].Text, 1<<20)
		fresh, ok2 := wire.ParseSet(args[2].Text, 1<<20)
		if ok1 && ok2 && len(old) == len(fresh) && validity < 1<<32 {
			for i := range old {
				ref[old[i]] = key(uint32(validity), fresh[i])
			}
		}
		return nil
	}
	uids := t.there()
	err = t.each(ctx, "move", uids, func(part []uint32) *wire.Command {
		return t.c.name(cmd(verb).Set(part).Raw(" "), dst)
	}, note)
	if err == nil && verb == "UID COPY " && len(uids) > 0 {
		err = t.expunge(ctx, uids)
	}
	for i, uid := range t.uids {
		switch {
		case t.errs[i] != nil:
			results[i].Err = t.errs[i]
		case err != nil:
			results[i].Err = err
		default:
			results[i].Receipt = transport.Receipt{Ref: ref[uid], Route: "move"}
		}
	}
	return results
}

// Delete implements [transport.Deleter].
func (s *Store) Delete(ctx context.Context, f transport.Folder, refs []transport.Key) []error {
	t, err := s.target(ctx, "delete", f, refs)
	if err != nil {
		return all(err, len(refs))
	}
	defer s.pool.put(t.c)
	if uids := t.there(); len(uids) > 0 {
		err = t.expunge(ctx, uids)
	}
	for i := range t.errs {
		if t.errs[i] = nil; t.uids[i] > 0 {
			t.errs[i] = err
		}
	}
	return t.errs
}

// expunge deletes messages for good, and only these. Without UIDPLUS an EXPUNGE
// takes all that is marked, so it is done only where nothing else is.
func (t *target) expunge(ctx context.Context, uids []uint32) error {
	mark := func(part []uint32) *wire.Command {
		return cmd("UID STORE ").Set(part).Raw(` +FLAGS.SILENT (\Deleted)`)
	}
	if t.c.can("UIDPLUS", "IMAP4REV2") {
		if err := t.each(ctx, "delete", uids, mark, nil); err != nil {
			return err
		}
		return t.each(ctx, "delete", uids, func(part []uint32) *wire.Command { return cmd("UID EXPUNGE ").Set(part) }, nil)
	}
	others := false
	_, err := t.c.do(ctx, "delete", t.folder, cmd("UID SEARCH DELETED"), func(r *wire.Response) error {
		for _, uid := range r.Numbers {
			_, ours := slices.BinarySearch(uids, uid)
			others = others || !ours
		}
		return nil
	})
	if err != nil {
		return err
	}
	if others {
		return fail(transport.Permanent, "delete", t.folder, "other messages are marked as deleted, and the server cannot expunge by UID")
	}
	if err := t.each(ctx, "delete", uids, mark, nil); err != nil {
		return err
	}
	_, err = t.c.do(ctx, "delete", t.folder, cmd("EXPUNGE"), nil)
	return err
}

// DeleteFolder implements [transport.FolderDeleter]. INBOX cannot go; it is
// emptied.
func (s *Store) DeleteFolder(ctx context.Context, f transport.Folder) error {
	list, err := s.list(ctx, false)
	if err != nil {
		return err
	}
	full := slices.Concat(s.root, f.Path)
	for _, m := range slices.Backward(list) { // children before parents
		if len(m.path) < len(full) || !slices.Equal(m.path[:len(full)], full) {
			continue
		}
		if err := s.deleteMailbox(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) deleteMailbox(ctx context.Context, m mailbox) error {
	s.pool.forget(m.raw)
	name := transport.JoinPath(m.path)
	c, err := s.pool.get(ctx, "")
	if err != nil {
		return err
	}
	defer s.pool.put(c)
	if c.mailbox == m.raw {
		c.mailbox = ""
	}
	if m.raw == inbox {
		if err := c.open(ctx, "delete", name, m.raw, true, true); err != nil || c.state.exists == 0 {
			return err
		}
		if _, err := c.do(ctx, "delete", name, cmd(`STORE 1:* +FLAGS.SILENT (\Deleted)`), nil); err != nil {
			return err
		}
		_, err := c.do(ctx, "delete", name, cmd("EXPUNGE"), nil)
		return err
	}
	if !m.nonexistent {
		_, err = c.do(ctx, "delete", name, c.name(cmd("DELETE "), m.raw), nil)
		if err != nil && (c.Broken() != nil || !m.unselectable) && transport.KindOf(err) != transport.NotFound {
			return err
		}
	}
	if _, err := c.do(ctx, "delete", name, c.name(cmd("UNSUBSCRIBE "), m.raw), nil); err != nil && c.Broken() != nil {
		return err
	}
	s.mu.Lock()
	delete(s.known, m.raw)
	delete(s.byPath, transport.JoinPath(m.path))
	delete(s.flagSets, m.raw)
	s.mu.Unlock()
	return nil
}

// Quota implements [transport.Quota]: the storage of INBOX's quota root. RFC
// 9208
func (s *Store) Quota(ctx context.Context) (used, limit int64, err error) {
	c, err := s.pool.get(ctx, "")
	if err != nil {
		return 0, -1, err
	}
	defer s.pool.put(c)
	if !slices.ContainsFunc([]string{"QUOTA", "QUOTA=RES-STORAGE"}, func(n string) bool { return c.caps[n] }) {
		return 0, -1, nil
	}
	limit = -1
	_, err = c.do(ctx, "quota", "", cmd("GETQUOTAROOT INBOX"), func(r *wire.Response) error {
		if r.Name != "QUOTA" || len(r.Values) < 2 {
			return nil
		}
		for i, list := 0, r.Values[1].List; i+2 < len(list); i += 3 {
			u, ok1 := list[i+1].Number()
			l, ok2 := list[i+2].Number()
			// In units of 1024 bytes. The tightest root counts.
			if list[i].Is("STORAGE") && ok1 && ok2 && l < 1<<50 && u < 1<<50 && (limit < 0 || int64(l)*1024 < limit) {
				used, limit = int64(u)*1024, int64(l)*1024
			}
		}
		return nil
	})
	return used, limit, err
}
