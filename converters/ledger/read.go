package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/mailconv/mailconv/transport"
)

// page is how many rows one query reads. Between pages no transaction is open.
const page = 500

const itemColumns = `id, folder, key, state, gone, reason, detail, sink, ref, route, mark, content, put, bytes, size,
	received, zone, flags, keywords, object_id, message_id, class, subject, tries, run, at`

func scanItem(s scanner) (Item, error) {
	var it Item
	var content, put []byte
	var nanos, zone sql.NullInt64
	var keywords string
	var at int64
	m := &it.Meta
	err := s.Scan(&it.ID, &it.Folder, &m.Key, &it.State, &it.Gone, &it.Reason, &it.Detail, &it.Sink, &it.Ref, &it.Route, &it.Mark, &content, &put,
		&it.Bytes, &m.Size, &nanos, &zone, &m.Flags, &keywords, &m.ObjectID, &m.MessageID, &m.Class, &m.Subject, &it.Tries, &it.Run, &at)
	copy(it.Content[:], content)
	copy(it.Put[:], put)
	if nanos.Valid {
		loc := time.UTC
		if zone.Int64 != 0 {
			loc = time.FixedZone("", int(zone.Int64)*60)
		}
		m.Received = time.Unix(0, nanos.Int64).In(loc)
	}
	m.Keywords, it.At = splitKeywords(keywords), fromUnix(at)
	return it, err
}

func (l *Ledger) items(ctx context.Context, query string, args ...any) ([]Item, error) {
	rows, err := l.db.QueryContext(ctx, "SELECT "+itemColumns+" FROM items "+query, args...)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	defer rows.Close()
	var list []Item
	for rows.Next() {
		it, err := scanItem(rows)
		if err != nil {
			return nil, fmt.Errorf("ledger: %w", err)
		}
		list = append(list, it)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return list, nil
}

// keyList is the right side of IN, with its arguments. Keys may hold any bytes:
// a file's name need not be UTF-8.
func keyList(keys []transport.Key) (string, []any) {
	args := make([]any, len(keys))
	for i, k := range keys {
		args[i] = string(k)
	}
	return "(" + strings.TrimSuffix(strings.Repeat("?,", len(keys)), ",") + ")", args
}

func idList(ids []int64) string {
	b, _ := json.Marshal(ids) // numbers always marshal
	return string(b)
}

// Lookup finds the rows of items by their keys; keys without a row are not in
// the result. Ask in pages of some hundred.
func (l *Ledger) Lookup(ctx context.Context, folder int64, keys []transport.Key) (map[transport.Key]Item, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	in, args := keyList(keys)
	list, err := l.items(ctx, "WHERE folder=? AND key IN "+in, append([]any{folder}, args...)...)
	if err != nil {
		return nil, err
	}
	known := make(map[transport.Key]Item, len(list))
	for _, it := range list {
		known[it.Meta.Key] = it
	}
	return known, nil
}

// A Query selects items. Fields that are zero select all.
type Query struct {
	Folder int64
	States []State
	// Gone selects by what became of the item; nil selects all.
	Gone []Gone
	// Noted selects items that have notes, Severe those with a note that
	// content was lost, Mild those with none but others.
	Noted, Severe, Mild bool
}

// openStates is the condition of the index items_open, to the letter: only then
// SQLite takes the index.
const openStates = "state IN ('pending', 'intent', 'failed')"

// open reports whether the query asks only for what is in items_open.
func (q Query) open() bool {
	return len(q.States) > 0 && !slices.ContainsFunc(q.States, func(s State) bool { return s != Pending && s != Intent && s != Failed })
}

func (q Query) where() (string, []any) {
	cond := []string{"1"}
	var args []any
	if q.Folder != 0 {
		cond, args = append(cond, "folder=?"), append(args, q.Folder)
	}
	if q.open() {
		cond = append(cond, openStates)
	}
	if len(q.States) > 0 {
		names := make([]string, len(q.States))
		for i, s := range q.States {
			names[i] = "'" + strings.ReplaceAll(string(s), "'", "''") + "'"
		}
		cond = append(cond, "+state IN ("+strings.Join(names, ",")+")")
	}
	if len(q.Gone) > 0 {
		nums := make([]string, len(q.Gone))
		for i, g := range q.Gone {
			nums[i] = fmt.Sprint(int(g))
		}
		cond = append(cond, "+gone IN ("+strings.Join(nums, ",")+")")
	}
	if q.Noted || q.Mild {
		cond = append(cond, "+id IN (SELECT item FROM notes)")
	}
	if q.Severe {
		cond = append(cond, "+id IN (SELECT item FROM notes WHERE severe=1)")
	}
	if q.Mild {
		cond = append(cond, "+id NOT IN (SELECT item FROM notes WHERE severe=1)")
	}
	return "WHERE " + strings.Join(cond, " AND "), args
}

// paged is the query of one page, and whether its pages go by key. Each page
// starts where an index has the end of the one before, so that reading all costs
// the same for each item. indexed says that there is an index items_open.
func (q Query) paged(indexed bool) (query string, args []any, byKey bool) {
	where, args := q.where()
	if q.Folder != 0 && !q.open() {
		return where + " AND key>? ORDER BY key LIMIT ?", args, true
	}
	if q.open() && q.Folder == 0 && indexed {
		// Few are open among many; sorting them costs less than finding them.
		where = "INDEXED BY items_open " + where
	}
	return where + " AND id>? ORDER BY id LIMIT ?", args, false
}

// Items lists items in pages: the rows may be changed while the sequence runs.
// They come in the order of their IDs, which is that of their listing; a query
// for one folder that asks for more than open and failed items goes in the order
// of keys.
func (l *Ledger) Items(ctx context.Context, q Query) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		query, args, byKey := q.paged(l.openIndexed.Load())
		id, key := int64(0), ""
		for {
			after := any(id)
			if byKey {
				after = key
			}
			list, err := l.items(ctx, query, append(slices.Clip(args), after, page)...)
			if err != nil {
				yield(Item{}, err)
				return
			}
			for _, it := range list {
				if !yield(it, nil) {
					return
				}
				id, key = it.ID, string(it.Meta.Key)
			}
			if len(list) < page {
				return
			}
		}
	}
}

// Count is the number of items that a query selects.
func (l *Ledger) Count(ctx context.Context, q Query) (int64, error) {
	where, args := q.where()
	var n int64
	if err := l.db.QueryRowContext(ctx, "SELECT count(*) FROM items "+where, args...).Scan(&n); err != nil {
		return 0, fmt.Errorf("ledger: %w", err)
	}
	return n, nil
}

// Any reports whether there is any item at all.
func (l *Ledger) Any(ctx context.Context) (bool, error) {
	list, err := l.items(ctx, "LIMIT 1")
	return len(list) > 0, err
}

// Item finds a row by its ID; nil when there is none.
func (l *Ledger) Item(ctx context.Context, id int64) (*Item, error) {
	list, err := l.items(ctx, "WHERE id=?", id)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return &list[0], nil
}

// LeftObject finds copied items that are not where they were in the source, by
// their object id.
func (l *Ledger) LeftObject(ctx context.Context, id string) ([]Item, error) {
	return l.items(ctx, "WHERE gone=1 AND object_id=? AND state='copied' ORDER BY id LIMIT ?", id, page)
}

// LeftContent is [Ledger.LeftObject] by content. Items of whatever folder are
// found; there may be many twins, so it lists those of the folder first.
func (l *Ledger) LeftContent(ctx context.Context, f Fingerprint, folder int64) ([]Item, error) {
	return l.items(ctx, "WHERE gone=1 AND content=? AND state='copied' ORDER BY folder<>?, id LIMIT ?", f[:], folder, page)
}

// Twin finds an item with the same content that is in the sink; nil when there
// is none. The index that it needs is made by [Ledger.IndexContent].
func (l *Ledger) Twin(ctx context.Context, f Fingerprint) (*Item, error) {
	list, err := l.items(ctx, "WHERE content=? AND state='copied' AND gone<>2 LIMIT 1", f[:])
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return &list[0], nil
}

// IndexContent makes the look-up of [Ledger.Twin] fast. It is not there from
// the start, as most runs do not need it.
func (l *Ledger) IndexContent() error {
	return l.Update(func(tx *Tx) error {
		_, err := tx.exec("CREATE INDEX IF NOT EXISTS items_content ON items (content) WHERE content IS NOT NULL")
		return err
	})
}

// IndexOpen makes [Ledger.Items] fast for items that are pending, intended or
// failed. It is not there from the start, as to keep it costs a first run more
// than all else that it writes.
func (l *Ledger) IndexOpen() error {
	if l.openIndexed.Load() {
		return nil
	}
	err := l.Update(func(tx *Tx) error {
		_, err := tx.exec("CREATE INDEX IF NOT EXISTS items_open ON items (folder, id) WHERE " + openStates)
		return err
	})
	l.openIndexed.Store(err == nil)
	return err
}

// OpenFolders are the folders with items that are pending, intended or failed.
func (l *Ledger) OpenFolders(ctx context.Context) (map[int64]bool, error) {
	rows, err := l.db.QueryContext(ctx, "SELECT DISTINCT folder FROM items WHERE "+openStates)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	defer rows.Close()
	open := map[int64]bool{}
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("ledger: %w", err)
		}
		open[id] = true
	}
	return open, rows.Err()
}

// IndexRefs makes [Ledger.Refs] fast.
func (l *Ledger) IndexRefs() error {
	return l.Update(func(tx *Tx) error {
		_, err := tx.exec("CREATE INDEX IF NOT EXISTS items_ref ON items (sink, ref) WHERE ref<>''")
		return err
	})
}

// Refs finds which keys of a sink folder are copies that this ledger knows,
// and of which item.
func (l *Ledger) Refs(ctx context.Context, sink int64, refs []transport.Key) (map[transport.Key]int64, error) {
	in, args := keyList(refs)
	rows, err := l.db.QueryContext(ctx, "SELECT ref, id FROM items WHERE sink=? AND ref<>'' AND ref IN "+in+" AND state='copied' AND gone<>2", append([]any{sink}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	defer rows.Close()
	out := map[transport.Key]int64{}
	for rows.Next() {
		var ref transport.Key
		var id int64
		if err := rows.Scan(&ref, &id); err != nil {
			return nil, fmt.Errorf("ledger: %w", err)
		}
		out[ref] = id
	}
	return out, rows.Err()
}

// Notes reads the notes of some items.
func (l *Ledger) Notes(ctx context.Context, items ...int64) (map[int64][]Note, error) {
	if len(items) == 0 {
		return nil, nil
	}
	rows, err := l.db.QueryContext(ctx, "SELECT item, kind, name, reason, detail, severe FROM notes WHERE item IN (SELECT value FROM json_each(?)) ORDER BY id", idList(items))
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	defer rows.Close()
	out := map[int64][]Note{}
	for rows.Next() {
		var n Note
		if err := rows.Scan(&n.Item, &n.Kind, &n.Name, &n.Reason, &n.Detail, &n.Severe); err != nil {
			return nil, fmt.Errorf("ledger: %w", err)
		}
		out[n.Item] = append(out[n.Item], n)
	}
	return out, rows.Err()
}

// A NoteCount is how often a reason was noted.
type NoteCount struct {
	Kind   NoteKind
	Name   string
	Reason string
	Severe bool
	Items  int64
}

// NoteCounts adds up the notes over all items, the most frequent first, at most
// limit.
func (l *Ledger) NoteCounts(ctx context.Context, limit int) ([]NoteCount, error) {
	rows, err := l.db.QueryContext(ctx, "SELECT kind, name, reason, max(severe), count(DISTINCT item) AS n FROM notes GROUP BY kind, name, reason ORDER BY n DESC, kind, name, reason LIMIT ?", limit)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	defer rows.Close()
	var list []NoteCount
	for rows.Next() {
		var n NoteCount
		if err := rows.Scan(&n.Kind, &n.Name, &n.Reason, &n.Severe, &n.Items); err != nil {
			return nil, fmt.Errorf("ledger: %w", err)
		}
		list = append(list, n)
	}
	return list, rows.Err()
}
