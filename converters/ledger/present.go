package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"

	"github.com/mailconv/mailconv/transport"
)

// Present is one item that a sink folder held before the first put.
type Present struct {
	ID       int64
	Sink     int64
	Ref      transport.Key
	Size     int64 // as the sink told, -1 when it did not
	Received int64 // Unix seconds, 0 when the sink told none
	// MessageID as the sink told, "" when it did not.
	MessageID string
	// Content is known once the item was read, Digest once its meaning was.
	Content, Digest Fingerprint
}

// AddPresent records an item that a sink folder holds. One that is recorded
// already is left as it is.
func (tx *Tx) AddPresent(sink int64, m transport.Meta) error {
	var sec any
	if !m.Received.IsZero() {
		sec = m.Received.Unix()
	}
	_, err := tx.exec("INSERT OR IGNORE INTO present (sink, ref, size, received, message_id) VALUES (?,?,?,?,?)", sink, string(m.Key), m.Size, sec, m.MessageID)
	return err
}

// SetScanned records that what a sink folder held is known.
func (tx *Tx) SetScanned(sink int64) error {
	return tx.one("sink folder", sink, "UPDATE sinks SET scanned=1 WHERE id=?", sink)
}

// SetPresent records what was found when the item was read.
func (tx *Tx) SetPresent(p Present) error {
	return tx.one("present item", p.ID, "UPDATE present SET content=?, digest=? WHERE id=?", blob(p.Content), blob(p.Digest), p.ID)
}

// TakePresent records that a source item is the one that was there. It fails
// when another took it before.
func (tx *Tx) TakePresent(id, item int64) error {
	return tx.one("free present item", id, "UPDATE present SET taken=? WHERE id=? AND taken=0", item, id)
}

// Candidates lists what a sink folder held and nobody took, and that may be
// the copy of an item: with the same Message-ID where both are known, else with
// the same size or date, else all of which the sink tells nothing. An item of
// which the source tells nothing either, as a contact, may be any that has no
// Message-ID.
func (l *Ledger) Candidates(ctx context.Context, sink int64, m transport.Meta) ([]Present, error) {
	var sec any
	if !m.Received.IsZero() {
		sec = m.Received.Unix()
	}
	const columns = "SELECT id, sink, ref, size, coalesce(received,0), message_id, content, digest FROM present WHERE sink=?1 AND taken=0 AND "
	query := columns + "message_id='' AND size=?2 UNION " +
		columns + "message_id='' AND received=?3 UNION " +
		columns + "message_id='' AND size<0 AND received IS NULL"
	if m.MessageID == "" && m.Received.IsZero() {
		query += " UNION " + columns + "message_id=''"
	}
	if m.MessageID != "" {
		query += " UNION " + columns + "message_id=?4"
	} else {
		// The source item has none, or its listing did not tell.
		query += " UNION " + columns + "message_id<>?4 AND size=?2"
	}
	rows, err := l.db.QueryContext(ctx, query+" ORDER BY id LIMIT 1000", sink, m.Size, sec, m.MessageID)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	defer rows.Close()
	var list []Present
	for rows.Next() {
		var p Present
		var content, digest []byte
		if err := rows.Scan(&p.ID, &p.Sink, &p.Ref, &p.Size, &p.Received, &p.MessageID, &content, &digest); err != nil {
			return nil, fmt.Errorf("ledger: %w", err)
		}
		copy(p.Content[:], content)
		copy(p.Digest[:], digest)
		list = append(list, p)
	}
	return list, rows.Err()
}

// IndexReceived makes [Ledger.Alike] fast. It is not there from the start, as
// few runs need it.
func (l *Ledger) IndexReceived() error {
	return l.Update(func(tx *Tx) error {
		_, err := tx.exec("CREATE INDEX IF NOT EXISTS present_received ON present (sink, received) WHERE taken=0")
		return err
	})
}

// Alike lists up to limit items that a sink folder held and nobody took, and
// that arrived in the same second as an item or have its Message-ID, whatever
// else is different.
func (l *Ledger) Alike(ctx context.Context, sink int64, m transport.Meta, limit int) ([]Present, error) {
	var sec any
	if !m.Received.IsZero() {
		sec = m.Received.Unix()
	}
	const from = "SELECT id, ref FROM present WHERE sink=?1 AND taken=0 AND "
	rows, err := l.db.QueryContext(ctx, from+"received=?2 UNION "+from+"message_id=?3 AND message_id<>'' ORDER BY id LIMIT ?4", sink, sec, m.MessageID, limit)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	defer rows.Close()
	var list []Present
	for rows.Next() {
		p := Present{Sink: sink}
		if err := rows.Scan(&p.ID, &p.Ref); err != nil {
			return nil, fmt.Errorf("ledger: %w", err)
		}
		list = append(list, p)
	}
	return list, rows.Err()
}

// HasPresent reports whether a sink folder held anything that nobody took.
func (l *Ledger) HasPresent(ctx context.Context, sink int64) (bool, error) {
	var n int
	err := l.db.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM present WHERE sink=? AND taken=0)", sink).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("ledger: %w", err)
	}
	return n == 1, nil
}

// WasPresent tells which keys a sink folder held before the first put.
func (l *Ledger) WasPresent(ctx context.Context, sink int64, refs []transport.Key) (map[transport.Key]bool, error) {
	in, args := keyList(refs)
	rows, err := l.db.QueryContext(ctx, "SELECT ref FROM present WHERE sink=? AND ref IN "+in, append([]any{sink}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	defer rows.Close()
	out := map[transport.Key]bool{}
	for rows.Next() {
		var ref transport.Key
		if err := rows.Scan(&ref); err != nil {
			return nil, fmt.Errorf("ledger: %w", err)
		}
		out[ref] = true
	}
	return out, rows.Err()
}

// FreePresent is the number of items that a sink folder held and nobody took.
func (l *Ledger) FreePresent(ctx context.Context, sink int64) (n int64, err error) {
	if err := l.db.QueryRowContext(ctx, "SELECT count(*) FROM present WHERE sink=? AND taken=0", sink).Scan(&n); err != nil {
		return 0, fmt.Errorf("ledger: %w", err)
	}
	return n, nil
}

// PresentByRef finds a present item that nobody took by its key; nil when there
// is none.
func (l *Ledger) PresentByRef(ctx context.Context, sink int64, ref transport.Key) (*Present, error) {
	p := Present{Sink: sink, Ref: ref}
	err := l.db.QueryRowContext(ctx, "SELECT id, size, coalesce(received,0), message_id FROM present WHERE sink=? AND ref=? AND taken=0", sink, string(ref)).
		Scan(&p.ID, &p.Size, &p.Received, &p.MessageID)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return &p, nil
}

// Free lists what a sink folder held and nobody took, in pages.
func (l *Ledger) Free(ctx context.Context, sink int64) iter.Seq2[Present, error] {
	return func(yield func(Present, error) bool) {
		after := int64(0)
		for {
			list, err := l.free(ctx, sink, after)
			if err != nil {
				yield(Present{}, err)
				return
			}
			for _, p := range list {
				if !yield(p, nil) {
					return
				}
				after = p.ID
			}
			if len(list) < page {
				return
			}
		}
	}
}

func (l *Ledger) free(ctx context.Context, sink, after int64) ([]Present, error) {
	rows, err := l.db.QueryContext(ctx, "SELECT id, ref, size, coalesce(received,0), message_id FROM present WHERE sink=? AND taken=0 AND id>? ORDER BY id LIMIT ?", sink, after, page)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	defer rows.Close()
	var list []Present
	for rows.Next() {
		p := Present{Sink: sink}
		if err := rows.Scan(&p.ID, &p.Ref, &p.Size, &p.Received, &p.MessageID); err != nil {
			return nil, fmt.Errorf("ledger: %w", err)
		}
		list = append(list, p)
	}
	return list, rows.Err()
}
