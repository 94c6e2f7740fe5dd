package imap

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/imap/wire"
)

// pageSize is the number of messages that one command lists. A folder of a
// million costs a thousand commands and the memory of one.
const pageSize = 1000

// A token is the state of a folder that a [transport.Cursor] carries.
type token struct {
	validity, next uint32
	modseq         uint64
	exists         uint32
}

func (t token) String() string {
	return fmt.Sprintf("%d/%d/%d/%d", t.validity, t.next, t.modseq, t.exists)
}

func parseToken(s string) (t token, ok bool) {
	n, err := fmt.Sscanf(s, "%d/%d/%d/%d", &t.validity, &t.next, &t.modseq, &t.exists)
	return t, err == nil && n == 4
}

// Items implements [transport.Source]. With CONDSTORE a later listing holds
// what is new or has other flags, as long as nothing was deleted.
func (s *Store) Items(ctx context.Context, f transport.Folder, cur *transport.Cursor) iter.Seq2[transport.Meta, error] {
	return func(yield func(transport.Meta, error) bool) {
		raw, err := s.rawOf(ctx, f)
		if err != nil {
			yield(transport.Meta{}, err)
			return
		}
		l := &listing{s: s, raw: raw, folder: f.String(), next: 1}
		now, err := l.begin(ctx)
		if err != nil {
			yield(transport.Meta{}, err)
			return
		}
		if cur != nil {
			if old, ok := parseToken(cur.Token); ok {
				changed, whole, err := l.changes(ctx, old)
				if err != nil {
					yield(transport.Meta{}, err)
					return
				}
				if whole {
					for _, m := range changed {
						if !yield(m, nil) {
							return
						}
					}
					cur.Token, cur.Delta = now.String(), true
					return
				}
			}
		}
		for {
			page, done, err := l.page(ctx)
			if err != nil {
				yield(transport.Meta{}, err)
				return
			}
			for _, e := range page {
				if err := ctx.Err(); err != nil {
					yield(transport.Meta{}, err)
					return
				}
				if !yield(e.meta, e.err) {
					return
				}
			}
			if done {
				break
			}
		}
		if cur != nil {
			cur.Token, cur.Delta = now.String(), false
		}
	}
}

// listing goes through a folder page by page. No connection is held while the
// caller works, so positions are checked: the message before a page must be
// the last one that was listed, else the page is moved back.
type listing struct {
	s           *Store
	raw, folder string
	validity    uint32
	next        uint32 // sequence number at which the next page starts
	last        uint32 // the last UID that was listed
	end         uint32 // EXISTS at the beginning
}

type entry struct {
	meta transport.Meta
	err  error
}

// begin opens the mailbox anew and notes where it stands.
func (l *listing) begin(ctx context.Context) (token, error) {
	c, err := l.s.pool.get(ctx, l.raw)
	if err != nil {
		return token{}, err
	}
	defer l.s.pool.put(c)
	if err := c.open(ctx, "list", l.folder, l.raw, false, true); err != nil {
		return token{}, err
	}
	l.validity, l.end = c.state.validity, c.state.exists
	return token{c.state.validity, c.state.next, c.state.modseq, c.state.exists}, nil
}

// changes lists what is new since a token. It is not whole when that cannot be
// told: UIDVALIDITY changed, the server keeps no MODSEQ, or messages are gone.
func (l *listing) changes(ctx context.Context, old token) (list []transport.Meta, whole bool, err error) {
	c, err := l.s.pool.get(ctx, l.raw)
	if err != nil {
		return nil, false, err
	}
	defer l.s.pool.put(c)
	if err := c.open(ctx, "list", l.folder, l.raw, false, false); err != nil {
		return nil, false, err
	}
	if c.gmail() && l.s.o.Labels != labelsKeywords {
		return nil, false, nil // another label may have changed where a mail belongs
	}
	st := c.state
	if st.validity != old.validity || st.modseq == 0 || old.modseq == 0 || old.next == 0 || st.next < old.next {
		return nil, false, nil
	}
	if st.modseq == old.modseq && st.exists == old.exists && st.next == old.next {
		return nil, true, nil
	}
	var fresh uint32
	byUID := map[uint32]int{}
	w := cmd("UID FETCH 1:* (" + l.s.metaItems(c, false) + ") (CHANGEDSINCE " + strconv.FormatUint(old.modseq, 10) + ")")
	_, err = c.do(ctx, "list", l.folder, w, func(r *wire.Response) error {
		if r.Name != "FETCH" {
			return nil
		}
		e, err := c.readMeta(ctx, r)
		if err != nil || e.uid == 0 {
			return err
		}
		e.meta.Key = key(st.validity, e.uid)
		if at, twice := byUID[e.uid]; twice {
			merge(&list[at], e)
			return nil
		}
		if e.uid >= old.next {
			fresh++
		}
		byUID[e.uid] = len(list)
		list = append(list, e.meta)
		return nil
	})
	if err != nil {
		if c.Broken() != nil {
			return nil, false, err
		}
		return nil, false, nil // a server that does not keep what it offers
	}
	return list, c.state.exists == old.exists+fresh, nil
}

// merge adds a second response about the same message.
func merge(m *transport.Meta, e listed) {
	if e.full {
		k := m.Key
		*m = e.meta
		m.Key = k
	} else if e.flags {
		m.Flags, m.Keywords = e.meta.Flags, e.meta.Keywords
	}
}

// page lists the next messages.
func (l *listing) page(ctx context.Context) (out []entry, done bool, err error) {
	if l.end == 0 || l.next > l.end {
		return nil, true, nil
	}
	c, err := l.s.pool.get(ctx, l.raw)
	if err != nil {
		return nil, false, err
	}
	defer l.s.pool.put(c)
	if err := c.open(ctx, "list", l.folder, l.raw, false, false); err != nil {
		return nil, false, err
	}
	if c.state.validity != l.validity {
		return nil, false, fail(transport.Temporary, "list", l.folder, "UIDVALIDITY changed from %d to %d within the listing", l.validity, c.state.validity)
	}
	for {
		end := min(l.end, c.state.exists)
		from := l.next
		if from > 1 {
			from-- // to see the one before
		}
		if from > end {
			if from = end; from == 0 {
				return nil, true, nil
			}
		}
		to := min(from+pageSize, end)
		got, err := l.fetch(ctx, c, from, to)
		if err != nil {
			return nil, false, err
		}
		slices.SortFunc(got, func(a, b listed) int { return int(int64(a.uid) - int64(b.uid)) })
		if len(got) > 0 && from > 1 && got[0].uid > l.last {
			// Messages before this page are gone; it moved up.
			l.next = max(from-min(from-1, pageSize), 1)
			continue
		}
		for _, e := range got {
			switch {
			case e.uid == 0:
				out = append(out, l.nameless(e.seq))
			case e.uid > l.last:
				l.last = e.uid
				e.meta.Key = key(l.validity, e.uid)
				out = append(out, entry{meta: e.meta})
			}
		}
		l.next = to + 1
		return out, to >= end, nil
	}
}

// nameless is a message that cannot be asked for.
func (l *listing) nameless(seq uint32) entry {
	k := transport.Key(strconv.FormatUint(uint64(l.validity), 10) + ":#" + strconv.FormatUint(uint64(seq), 10))
	return entry{transport.Meta{Key: k, Size: -1}, &transport.Error{
		Kind: transport.Permanent, Op: "list", Folder: l.folder, Key: k,
		Err: fmt.Errorf("the server does not tell the UID of message %d", seq),
	}}
}

// fetch lists messages by number; each has an entry, with UID 0 where the
// server gave none. Numbers are stable meanwhile: servers may not tell of
// expunged messages during a FETCH by number. RFC 9051 7.5.1
func (l *listing) fetch(ctx context.Context, c *session, from, to uint32) ([]listed, error) {
	list := make([]listed, to-from+1)
	items := l.s.metaItems(c, false)
	ask := func(set string) error {
		_, err := c.do(ctx, "list", l.folder, cmd("FETCH "+set+" ("+items+")"), func(r *wire.Response) error {
			if r.Name != "FETCH" {
				return nil
			}
			e, err := c.readMeta(ctx, r)
			if err != nil || e.seq < from || e.seq > to {
				return err
			}
			at := &list[e.seq-from]
			switch {
			case at.uid != 0 && (e.uid == 0 || e.uid == at.uid):
				merge(&at.meta, e)
			case e.uid != 0:
				*at = e
			}
			return nil
		})
		return err
	}
	refused := ask(rangeOf(from, to))
	if refused != nil && c.Broken() != nil {
		return nil, refused
	}
	var missing []uint32
	for i := range list {
		if list[i].uid == 0 {
			missing = append(missing, from+uint32(i))
		}
	}
	if len(missing) == 0 {
		return list, nil
	}
	if refused != nil && len(missing) == len(list) && len(list) > 1 {
		if k := transport.KindOf(refused); k == transport.Temporary || k == transport.Throttled {
			return nil, refused
		}
	}
	// What is missing is asked for again, then one by one. What is expunged
	// by then does not count.
	before := c.state.expunges
	if len(missing) > 1 {
		if err := ask(string(wire.AppendSet(nil, missing))); err != nil && c.Broken() != nil {
			return nil, err
		}
	}
	for _, n := range missing {
		if list[n-from].uid == 0 {
			if err := ask(rangeOf(n, n)); err != nil && c.Broken() != nil {
				return nil, err
			}
			list[n-from].seq = n
		}
	}
	if _, err := c.do(ctx, "list", l.folder, cmd("NOOP"), nil); err != nil {
		return nil, err
	}
	if gone := c.state.expunges - before; gone > 0 {
		list = slices.DeleteFunc(list, func(e listed) bool { return e.uid == 0 })
	}
	return list, nil
}

func rangeOf(from, to uint32) string {
	var b strings.Builder
	b.WriteString(strconv.FormatUint(uint64(from), 10))
	if to != from {
		b.WriteByte(':')
		b.WriteString(strconv.FormatUint(uint64(to), 10))
	}
	return b.String()
}
