package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/mailconv/mailconv/transport"
)

// maxGroup bounds how many updates share one commit.
const maxGroup = 256

// writer is the one connection that writes. Updates that wait at the same time
// are committed together.
type writer struct {
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
	queue chan request
	stop  sync.Once
	done  chan struct{}
	err   error
}

type request struct {
	fn  func(*Tx) error
	err chan error
}

func newWriter(ctx context.Context, db *sql.DB, cache int) (*writer, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := conn.ExecContext(ctx, fmt.Sprintf("PRAGMA cache_size=-%d", cache)); err != nil {
		conn.Close()
		return nil, err
	}
	w := &writer{conn: conn, stmts: map[string]*sql.Stmt{}, queue: make(chan request, maxGroup), done: make(chan struct{})}
	go w.run()
	return w, nil
}

func (w *writer) run() {
	defer close(w.done)
	for first := range w.queue {
		group := []request{first}
	more:
		for len(group) < maxGroup {
			select {
			case r, ok := <-w.queue:
				if !ok {
					break more
				}
				group = append(group, r)
			default:
				break more
			}
		}
		w.commit(group)
	}
	for _, s := range w.stmts {
		s.Close()
	}
	w.err = w.conn.Close()
}

// commit runs a group of updates in one transaction. An update that fails takes
// back only itself.
func (w *writer) commit(group []request) {
	ctx := context.Background()
	errs := make([]error, len(group))
	_, err := w.conn.ExecContext(ctx, "BEGIN IMMEDIATE")
	if err == nil {
		tx := &Tx{w: w, now: time.Now().Unix()}
		for i, r := range group {
			errs[i] = w.update(tx, r, len(group) > 1)
			if len(group) == 1 && errs[i] != nil {
				_, err = w.conn.ExecContext(ctx, "ROLLBACK")
				r.err <- errors.Join(errs[i], err)
				return
			}
		}
		if _, err = w.conn.ExecContext(ctx, "COMMIT"); err != nil {
			w.conn.ExecContext(ctx, "ROLLBACK")
		}
	}
	for i, r := range group {
		if errs[i] == nil && err != nil {
			errs[i] = fmt.Errorf("ledger: %w", err)
		}
		r.err <- errs[i]
	}
}

func (w *writer) update(tx *Tx, r request, savepoint bool) (err error) {
	if savepoint {
		if _, err := tx.exec("SAVEPOINT one"); err != nil {
			return err
		}
		defer func() {
			if err != nil {
				tx.exec("ROLLBACK TO one")
			}
			tx.exec("RELEASE one")
		}()
	}
	return r.fn(tx)
}

func (w *writer) close() error {
	w.stop.Do(func() { close(w.queue) })
	<-w.done
	return w.err
}

// Update runs fn in a transaction; when it returns nil, all of it is on the
// disk. When fn fails, nothing of it is. Update is not bound to a context: what
// has happened is recorded also when a run is cancelled. fn must not call the
// ledger other than through its Tx.
func (l *Ledger) Update(fn func(*Tx) error) error {
	if l.write == nil {
		return fmt.Errorf("ledger %s is open for reading only", l.path)
	}
	r := request{func(tx *Tx) error {
		tx.words = l.Words
		return fn(tx)
	}, make(chan error, 1)}
	l.write.queue <- r
	return <-r.err
}

// A Tx is one transaction. It belongs to the function that got it.
type Tx struct {
	w     *writer
	now   int64
	words func(string) string // see [Ledger.Words]
}

func (tx *Tx) stmt(query string) (*sql.Stmt, error) {
	if s := tx.w.stmts[query]; s != nil {
		return s, nil
	}
	s, err := tx.w.conn.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	tx.w.stmts[query] = s
	return s, nil
}

func (tx *Tx) exec(query string, args ...any) (sql.Result, error) {
	s, err := tx.stmt(query)
	if err != nil {
		return nil, err
	}
	r, err := s.Exec(args...)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return r, nil
}

// one runs a statement that must change exactly one row.
func (tx *Tx) one(what string, id int64, query string, args ...any) error {
	r, err := tx.exec(query, args...)
	if err != nil {
		return err
	}
	if n, err := r.RowsAffected(); err != nil || n != 1 {
		return fmt.Errorf("ledger: there is no %s %d", what, id)
	}
	return nil
}

func blob(f Fingerprint) any {
	if f.IsZero() {
		return nil
	}
	return f[:]
}

func received(t time.Time) (nanos, zone any) {
	if t.IsZero() {
		return nil, nil
	}
	_, off := t.Zone()
	return t.UnixNano(), off / 60
}

// Add makes the row of an item that has none, in the state and with the other
// fields that it has, and sets its ID. A second row for the same folder and
// key is an error.
func (tx *Tx) Add(it *Item) error {
	r, err := tx.add(it)
	if err != nil {
		return fmt.Errorf("item %s: %w", it.Meta.Key, err)
	}
	it.ID, err = r.LastInsertId()
	return err
}

// add leaves out what most items do not have: each value costs as much as a
// column.
func (tx *Tx) add(it *Item) (sql.Result, error) {
	nanos, zone := received(it.Meta.Received)
	if it.Gone == Here && it.Reason == "" && it.Detail == "" && it.Ref == "" && it.Route == "" && it.Put.IsZero() && it.Bytes == 0 &&
		it.Meta.ObjectID == "" && it.Meta.Class == "" {
		return tx.exec(`INSERT INTO items (folder, key, state, sink, mark, content, size, received, zone, flags, keywords, message_id, subject, tries, run, at)
			VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`,
			it.Folder, string(it.Meta.Key), string(it.State), it.Sink, it.Mark, blob(it.Content), it.Meta.Size, nanos, zone, int(it.Meta.Flags),
			joinKeywords(it.Meta.Keywords), it.Meta.MessageID, it.Meta.Subject, it.Tries, it.Run, tx.now)
	}
	return tx.exec(`INSERT INTO items (folder, key, state, gone, reason, detail, sink, ref, route, mark, content, put, bytes, size,
		received, zone, flags, keywords, object_id, message_id, class, subject, tries, run, at)
		VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`,
		it.Folder, string(it.Meta.Key), string(it.State), int(it.Gone), it.Reason, tx.words(it.Detail), it.Sink, string(it.Ref), it.Route, it.Mark,
		blob(it.Content), blob(it.Put), it.Bytes, it.Meta.Size, nanos, zone, int(it.Meta.Flags), joinKeywords(it.Meta.Keywords),
		it.Meta.ObjectID, it.Meta.MessageID, it.Meta.Class, it.Meta.Subject, it.Tries, it.Run, tx.now)
}

// Intend records that a put of the item is about to happen: State becomes
// [Intent], and Sink, Mark, Content and Put are taken from it. A row that is
// not there yet (ID 0) is added.
func (tx *Tx) Intend(it *Item) error {
	it.State = Intent
	it.Tries++
	it.was = it.intended()
	if it.ID == 0 {
		return tx.Add(it)
	}
	nanos, zone := received(it.Meta.Received)
	return tx.one("item", it.ID, `UPDATE items SET state='intent', reason='', detail='', sink=?, mark=?, content=?, put=?, tries=?, run=?, at=?,
		received=?, zone=?, message_id=?, subject=?, class=? WHERE id=?`,
		it.Sink, it.Mark, blob(it.Content), blob(it.Put), it.Tries, it.Run, tx.now, nanos, zone, it.Meta.MessageID, it.Meta.Subject, it.Meta.Class, it.ID)
}

// Finish records a state: State, Reason, Detail, Sink, Ref, Route, Bytes,
// Content, Put and Run are taken from the item, its mark is dropped, and its
// notes are replaced. A row that is not there yet is added.
func (tx *Tx) Finish(it *Item, notes ...Note) error {
	it.Mark = ""
	if it.ID == 0 {
		if err := tx.Add(it); err != nil {
			return err
		}
		return tx.addNotes(it.ID, notes)
	}
	var err error
	if it.State == Copied && it.Gone == Here && it.Reason == "" && it.Detail == "" && it.was == it.intended() {
		err = tx.one("intent", it.ID, `UPDATE items SET state='copied', ref=?, route=?, mark='', bytes=?, at=? WHERE id=? AND state='intent'`,
			string(it.Ref), it.Route, it.Bytes, tx.now, it.ID)
	} else {
		err = tx.one("item", it.ID, `UPDATE items SET state=?, gone=?, reason=?, detail=?, sink=?, ref=?, route=?, mark='', content=?, put=?, bytes=?, run=?, at=? WHERE id=?`,
			string(it.State), int(it.Gone), it.Reason, tx.words(it.Detail), it.Sink, string(it.Ref), it.Route, blob(it.Content), blob(it.Put), it.Bytes, it.Run, tx.now, it.ID)
	}
	if err != nil {
		return err
	}
	if it.Tries > 1 || it.State != Copied {
		if _, err := tx.exec("DELETE FROM notes WHERE item=?", it.ID); err != nil {
			return err
		}
	}
	return tx.addNotes(it.ID, notes)
}

// Note adds notes to an item.
func (tx *Tx) Note(item int64, notes ...Note) error { return tx.addNotes(item, notes) }

func (tx *Tx) addNotes(item int64, notes []Note) error {
	for _, n := range notes {
		severe := 0
		if n.Severe {
			severe = 1
		}
		if _, err := tx.exec("INSERT INTO notes (item, kind, name, reason, detail, severe) VALUES (?,?,?,?,?,?)",
			item, string(n.Kind), n.Name, n.Reason, tx.words(n.Detail), severe); err != nil {
			return err
		}
	}
	return nil
}

// SetMeta records what changed of an item that stayed where it is: flags,
// keywords, object id, size.
func (tx *Tx) SetMeta(id int64, m transport.Meta) error {
	return tx.one("item", id, "UPDATE items SET flags=?, keywords=?, object_id=CASE WHEN ?='' THEN object_id ELSE ? END, size=? WHERE id=?",
		int(m.Flags), joinKeywords(m.Keywords), m.ObjectID, m.ObjectID, m.Size, id)
}

// SetGone records whether the item is still there.
func (tx *Tx) SetGone(id int64, g Gone) error {
	return tx.one("item", id, "UPDATE items SET gone=?, at=? WHERE id=?", int(g), tx.now, id)
}

// SetRemoved records [Removing], [Removed] or [Here]. The time of the row stays
// that of the copy.
func (tx *Tx) SetRemoved(id int64, g Gone) error {
	return tx.one("item", id, "UPDATE items SET gone=? WHERE id=?", int(g), id)
}

// Rekey gives the row of an item that moved, or whose store gave out new keys,
// the key and folder under which it is listed now; now is the row that the new
// listing made, and is dropped. Identity stays with the old row, which must be
// gone from its place.
func (tx *Tx) Rekey(old *Item, now *Item) error {
	if now.ID != 0 {
		if err := tx.Drop(now.ID); err != nil {
			return err
		}
	}
	m := now.Meta
	nanos, zone := received(m.Received)
	return tx.one("item that left its place", old.ID, `UPDATE items SET folder=?, key=?, gone=0, flags=?, keywords=?, object_id=?, size=?, received=?, zone=?, sink=?, ref=?, run=?, at=? WHERE id=? AND gone=1`,
		now.Folder, string(m.Key), int(m.Flags), joinKeywords(m.Keywords), m.ObjectID, m.Size, nanos, zone, old.Sink, string(old.Ref), old.Run, tx.now, old.ID)
}

// Drop removes the row of an item that turned out to have one already.
func (tx *Tx) Drop(id int64) error {
	if _, err := tx.exec("DELETE FROM notes WHERE item=?", id); err != nil {
		return err
	}
	return tx.one("item", id, "DELETE FROM items WHERE id=?", id)
}
