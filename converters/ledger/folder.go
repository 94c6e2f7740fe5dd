package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/mailconv/mailconv/transport"
)

const folderColumns = "id, source_id, source_path, role, class, sink, cursor, expected, listed, error, note, gone, run"

type scanner interface{ Scan(...any) error }

func scanFolder(s scanner) (Folder, error) {
	var f Folder
	var path, role string
	var listed int64
	err := s.Scan(&f.ID, &f.SourceID, &path, &role, &f.Class, &f.Sink, &f.Cursor, &f.Expected, &listed, &f.Error, &f.Note, &f.Gone, &f.Run)
	f.Path, f.Role, f.Listed = transport.ParsePath(path), transport.Role(role), fromUnix(listed)
	return f, err
}

// Folders lists the folders of the source in the order in which they were met.
func (l *Ledger) Folders(ctx context.Context) ([]Folder, error) {
	rows, err := l.db.QueryContext(ctx, "SELECT "+folderColumns+" FROM folders ORDER BY id")
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	defer rows.Close()
	var list []Folder
	for rows.Next() {
		f, err := scanFolder(rows)
		if err != nil {
			return nil, fmt.Errorf("ledger: %w", err)
		}
		list = append(list, f)
	}
	return list, rows.Err()
}

// Folder finds a folder by the store's key; nil when there is no row.
func (l *Ledger) Folder(ctx context.Context, sourceID string) (*Folder, error) {
	f, err := scanFolder(l.db.QueryRowContext(ctx, "SELECT "+folderColumns+" FROM folders WHERE source_id=?", sourceID))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return &f, nil
}

// SaveFolder adds the row of a folder (ID 0, which it sets) or replaces it.
func (tx *Tx) SaveFolder(f *Folder) error {
	gone := 0
	if f.Gone {
		gone = 1
	}
	args := []any{transport.JoinPath(f.Path), string(f.Role), f.Class, f.Sink, f.Cursor, f.Expected, unix(f.Listed), tx.words(f.Error), f.Note, gone, f.Run}
	if f.ID != 0 {
		return tx.one("folder", f.ID, "UPDATE folders SET source_path=?, role=?, class=?, sink=?, cursor=?, expected=?, listed=?, error=?, note=?, gone=?, run=? WHERE id=?", append(args, f.ID)...)
	}
	r, err := tx.exec("INSERT INTO folders (source_path, role, class, sink, cursor, expected, listed, error, note, gone, run, source_id) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)", append(args, f.SourceID)...)
	if err != nil {
		return fmt.Errorf("folder %s: %w", transport.JoinPath(f.Path), err)
	}
	f.ID, err = r.LastInsertId()
	return err
}

func scanSink(s scanner) (Sink, error) {
	var k Sink
	var path, store string
	err := s.Scan(&k.ID, &path, &store, &k.StoreID, &k.Scanned)
	k.Path, k.StorePath = transport.ParsePath(path), transport.ParsePath(store)
	return k, err
}

// Sinks lists the folders of the sink that this ledger knows.
func (l *Ledger) Sinks(ctx context.Context) ([]Sink, error) {
	rows, err := l.db.QueryContext(ctx, "SELECT id, path, store_path, store_id, scanned FROM sinks ORDER BY id")
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	defer rows.Close()
	var list []Sink
	for rows.Next() {
		k, err := scanSink(rows)
		if err != nil {
			return nil, fmt.Errorf("ledger: %w", err)
		}
		list = append(list, k)
	}
	return list, rows.Err()
}

// SaveSink adds a sink folder, or replaces what the store made of its path, and
// sets ID and Scanned.
func (tx *Tx) SaveSink(k *Sink) error {
	path := transport.JoinPath(k.Path)
	if _, err := tx.exec("INSERT INTO sinks (path, store_path, store_id) VALUES (?,?,?) ON CONFLICT (path) DO UPDATE SET store_path=excluded.store_path, store_id=excluded.store_id",
		path, transport.JoinPath(k.StorePath), k.StoreID); err != nil {
		return fmt.Errorf("sink folder %s: %w", path, err)
	}
	s, err := tx.stmt("SELECT id, path, store_path, store_id, scanned FROM sinks WHERE path=?")
	if err != nil {
		return err
	}
	*k, err = scanSink(s.QueryRow(path))
	return err
}

// A Count is what a folder has in one state.
type Count struct {
	Folder int64
	State  State
	Gone   Gone
	Reason string // of skipped and failed
	Items  int64
	Bytes  int64 // what was written, for copied; what the source told, for others
}

// Counts adds up all items by folder, state and reason.
func (l *Ledger) Counts(ctx context.Context) ([]Count, error) {
	rows, err := l.db.QueryContext(ctx, `SELECT folder, state, gone, reason, count(*), sum(CASE WHEN state='copied' THEN bytes ELSE max(size,0) END)
		FROM items GROUP BY folder, state, gone, reason ORDER BY folder, state, gone, reason`)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	defer rows.Close()
	var list []Count
	for rows.Next() {
		var c Count
		if err := rows.Scan(&c.Folder, &c.State, &c.Gone, &c.Reason, &c.Items, &c.Bytes); err != nil {
			return nil, fmt.Errorf("ledger: %w", err)
		}
		list = append(list, c)
	}
	return list, rows.Err()
}
