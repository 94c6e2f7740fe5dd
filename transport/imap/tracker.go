package imap

import (
	"context"
	"iter"
	"slices"
	"strconv"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/imap/wire"
)

// Mark implements [transport.Tracker]: UIDVALIDITY and UIDNEXT.
func (s *Store) Mark(ctx context.Context, f transport.Folder) (string, error) {
	raw, err := s.rawOf(ctx, f)
	if err != nil {
		return "", err
	}
	c, err := s.pool.get(ctx, "")
	if err != nil {
		return "", err
	}
	defer s.pool.put(c)
	var validity, next uint64
	res, err := c.do(ctx, "mark", f.String(), c.name(cmd("STATUS "), raw).Raw(" (UIDNEXT UIDVALIDITY)"), func(r *wire.Response) error {
		if r.Name != "STATUS" || len(r.Values) < 2 {
			return nil
		}
		items := r.Values[1].List
		for i := 0; i+1 < len(items); i += 2 {
			switch n, _ := items[i+1].Number(); {
			case items[i].Is("UIDNEXT"):
				next = n
			case items[i].Is("UIDVALIDITY"):
				validity = n
			}
		}
		return nil
	})
	if err != nil {
		if res != nil && c.Broken() == nil {
			err = c.missing(ctx, "mark", f.String(), raw, err)
		}
		return "", err
	}
	if next == 0 {
		// UIDNEXT is not known to very old servers.
		if next, err = s.uidNext(ctx, c, f.String(), raw); err != nil {
			return "", err
		}
	}
	return string(key(uint32(validity), uint32(next))), nil
}

// uidNext finds the end of a mailbox by its last message.
func (s *Store) uidNext(ctx context.Context, c *session, folder, raw string) (uint64, error) {
	if err := c.open(ctx, "mark", folder, raw, false, true); err != nil {
		return 0, err
	}
	if c.state.next > 0 || c.state.exists == 0 {
		return uint64(max(c.state.next, 1)), nil
	}
	var last uint32
	_, err := c.do(ctx, "mark", folder, cmd("FETCH * (UID)"), func(r *wire.Response) error {
		if r.Name != "FETCH" {
			return nil
		}
		e, err := c.readMeta(ctx, r)
		last = max(last, e.uid)
		return err
	})
	return uint64(last) + 1, err
}

// Since implements [transport.Tracker]. Of a mark with another UIDVALIDITY
// nothing is known, so everything is listed.
func (s *Store) Since(ctx context.Context, f transport.Folder, mark string) iter.Seq2[transport.Meta, error] {
	return func(yield func(transport.Meta, error) bool) {
		validity, next, ok := parseKey(transport.Key(mark))
		list, err := s.since(ctx, f, validity, next, ok)
		for _, m := range list {
			if !yield(m, nil) {
				return
			}
		}
		if err != nil {
			yield(transport.Meta{}, err)
		}
	}
}

func (s *Store) since(ctx context.Context, f transport.Folder, validity, next uint32, known bool) ([]transport.Meta, error) {
	raw, err := s.rawOf(ctx, f)
	if err != nil {
		return nil, err
	}
	c, err := s.pool.get(ctx, raw)
	if err != nil {
		return nil, err
	}
	defer s.pool.put(c)
	if err := c.open(ctx, "list", f.String(), raw, false, true); err != nil {
		return nil, err
	}
	if !known || c.state.validity != validity {
		next = 1
	}
	if c.state.exists == 0 || c.state.next > 0 && c.state.next <= next {
		return nil, nil
	}
	return s.metas(ctx, c, f.String(), strconv.FormatUint(uint64(next), 10)+":*", func(uid uint32) bool {
		// n:* holds the last message also where that lies before n.
		return uid >= next
	})
}

// metas lists messages by UID, with their Message-ID.
func (s *Store) metas(ctx context.Context, c *session, folder, set string, want func(uint32) bool) ([]transport.Meta, error) {
	var list []transport.Meta
	at := map[uint32]int{}
	_, err := c.do(ctx, "list", folder, cmd("UID FETCH "+set+" ("+s.metaItems(c, true)+")"), func(r *wire.Response) error {
		if r.Name != "FETCH" {
			return nil
		}
		e, err := c.readMeta(ctx, r)
		if err != nil || e.uid == 0 || !want(e.uid) {
			return err
		}
		if i, twice := at[e.uid]; twice {
			merge(&list[i], e)
			return nil
		}
		at[e.uid] = len(list)
		e.meta.Key = key(c.state.validity, e.uid)
		list = append(list, e.meta)
		return nil
	})
	return list, err
}

// Search implements [transport.Searcher]. The query is that of IMAP SEARCH, as
// in: SINCE 1-Jan-2024 FROM "ann". RFC 9051 6.4.4
func (s *Store) Search(ctx context.Context, f transport.Folder, query string) iter.Seq2[transport.Meta, error] {
	return func(yield func(transport.Meta, error) bool) {
		uids, raw, err := s.search(ctx, f, query)
		if err != nil {
			yield(transport.Meta{}, err)
			return
		}
		for part := range slices.Chunk(uids, pageSize) {
			list, err := s.found(ctx, f, raw, part)
			for _, m := range list {
				if !yield(m, nil) {
					return
				}
			}
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(transport.Meta{}, err)
				return
			}
		}
	}
}

func (s *Store) search(ctx context.Context, f transport.Folder, query string) ([]uint32, string, error) {
	if _, err := searchCommand(query, false); err != nil {
		return nil, "", err
	}
	raw, err := s.rawOf(ctx, f)
	if err != nil {
		return nil, "", err
	}
	c, err := s.pool.get(ctx, raw)
	if err != nil {
		return nil, "", err
	}
	defer s.pool.put(c)
	if err := c.open(ctx, "search", f.String(), raw, false, true); err != nil {
		return nil, "", err
	}
	w, err := searchCommand(query, c.utf8)
	if err != nil {
		return nil, "", err
	}
	uids, err := c.search(ctx, "search", f.String(), w)
	return uids, raw, err
}

// search runs a UID SEARCH and gives what it finds, ascending.
func (c *session) search(ctx context.Context, op, folder string, w *wire.Command) (uids []uint32, err error) {
	_, err = c.do(ctx, op, folder, w, func(r *wire.Response) error {
		switch r.Name {
		case "SEARCH":
			uids = append(uids, r.Numbers...)
		case "ESEARCH": // what an IMAP4rev2 server answers
			for i := 0; i+1 < len(r.Values); i++ {
				if r.Values[i].Is("ALL") {
					set, _ := wire.ParseSet(r.Values[i+1].Text, 1<<26)
					uids = append(uids, set...)
				}
			}
		}
		return nil
	})
	slices.Sort(uids)
	return slices.Compact(uids), err
}

// searchCommand sends quoted strings beyond ASCII as literals. After ENABLE
// UTF8=ACCEPT no character set may be named. RFC 6855 3
func searchCommand(query string, utf8 bool) (*wire.Command, error) {
	ascii := true
	for i := range len(query) {
		if c := query[i]; c < ' ' || c == 0x7F {
			return nil, fail(transport.Usage, "search", "", "a query is one line without control characters")
		}
		ascii = ascii && query[i] < 0x80
	}
	if ascii {
		return cmd("UID SEARCH " + query), nil
	}
	w := cmd("UID SEARCH ")
	if !utf8 {
		w.Raw("CHARSET UTF-8 ")
	}
	for i := 0; i < len(query); {
		if query[i] != '"' {
			if query[i] >= 0x80 {
				return nil, fail(transport.Usage, "search", "", "words beyond ASCII have to stand in quotes")
			}
			w.Raw(query[i : i+1])
			i++
			continue
		}
		var text []byte
		for i++; i < len(query) && query[i] != '"'; i++ {
			if query[i] == '\\' && i+1 < len(query) {
				i++
			}
			text = append(text, query[i])
		}
		if i == len(query) {
			return nil, fail(transport.Usage, "search", "", "a quote is not closed")
		}
		i++
		w.String(string(text))
	}
	return w, nil
}

func (s *Store) found(ctx context.Context, f transport.Folder, raw string, uids []uint32) ([]transport.Meta, error) {
	c, err := s.pool.get(ctx, raw)
	if err != nil {
		return nil, err
	}
	defer s.pool.put(c)
	if err := c.open(ctx, "list", f.String(), raw, false, false); err != nil {
		return nil, err
	}
	return s.metas(ctx, c, f.String(), string(wire.AppendSet(nil, uids)), func(uid uint32) bool {
		_, ok := slices.BinarySearch(uids, uid)
		return ok
	})
}
