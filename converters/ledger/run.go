package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"time"
)

// A Run is one run of the engine over this ledger.
type Run struct {
	ID             int64
	Started, Ended time.Time
	Outcome        Outcome
	Host           string
	Process        int
	Options        string // what was asked for, as JSON
	Detail         string // why it stopped
}

// An Outcome tells how a run ended.
type Outcome string

// Outcomes. A run that was killed stays "running" until the next one starts.
const (
	Running     Outcome = "running"
	Done        Outcome = "done"        // went through; items may have failed
	Interrupted Outcome = "interrupted" // cancelled, state saved
	Stopped     Outcome = "stopped"     // gave up: credentials, quota, the other side
	Killed      Outcome = "killed"      // found running by a later run
)

// StartRun adds a run. Runs that still count as running were killed.
func (tx *Tx) StartRun(options string) (int64, error) {
	if _, err := tx.exec("UPDATE runs SET outcome='killed' WHERE outcome='running'"); err != nil {
		return 0, err
	}
	host, _ := os.Hostname()
	r, err := tx.exec("INSERT INTO runs (started, host, process, options) VALUES (?,?,?,?)", tx.now, host, os.Getpid(), options)
	if err != nil {
		return 0, err
	}
	return r.LastInsertId()
}

// EndRun records how a run ended.
func (tx *Tx) EndRun(id int64, o Outcome, detail string) error {
	return tx.one("run", id, "UPDATE runs SET ended=?, outcome=?, detail=? WHERE id=?", tx.now, string(o), tx.words(detail), id)
}

// Runs lists all runs, the first one first.
func (l *Ledger) Runs(ctx context.Context) ([]Run, error) {
	rows, err := l.db.QueryContext(ctx, "SELECT id, started, ended, outcome, host, process, options, detail FROM runs ORDER BY id")
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	defer rows.Close()
	var list []Run
	for rows.Next() {
		var r Run
		var started int64
		var ended sql.NullInt64
		if err := rows.Scan(&r.ID, &started, &ended, &r.Outcome, &r.Host, &r.Process, &r.Options, &r.Detail); err != nil {
			return nil, fmt.Errorf("ledger: %w", err)
		}
		r.Started, r.Ended = fromUnix(started), fromUnix(ended.Int64)
		list = append(list, r)
	}
	return list, rows.Err()
}

// A Tick is what was copied in one stretch of time.
type Tick struct {
	Start        time.Time
	Copied, Fail int64
	Bytes        int64
}

// Timeline adds up the items that a run finished, in stretches of the given
// length; stretches in which nothing happened are left out. Run 0 is all runs.
func (l *Ledger) Timeline(ctx context.Context, run int64, step time.Duration) ([]Tick, error) {
	sec := max(int64(step/time.Second), 1)
	rows, err := l.db.QueryContext(ctx, `SELECT at/?1*?1, sum(state='copied'), sum(state='failed'), sum(CASE WHEN state='copied' THEN bytes ELSE 0 END)
		FROM items WHERE state IN ('copied','failed','duplicate','skipped') AND (?2=0 OR run=?2) GROUP BY 1 ORDER BY 1`, sec, run)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	defer rows.Close()
	var list []Tick
	for rows.Next() {
		var t Tick
		var at int64
		if err := rows.Scan(&at, &t.Copied, &t.Fail, &t.Bytes); err != nil {
			return nil, fmt.Errorf("ledger: %w", err)
		}
		t.Start = fromUnix(at)
		list = append(list, t)
	}
	return list, rows.Err()
}

// BytesSince is what was written to the sink from a moment on, for a budget of
// bytes in a stretch of time.
func (l *Ledger) BytesSince(ctx context.Context, t time.Time) (int64, error) {
	var n sql.NullInt64
	if err := l.db.QueryRowContext(ctx, "SELECT sum(bytes) FROM items WHERE state='copied' AND at>=?", t.Unix()).Scan(&n); err != nil {
		return 0, fmt.Errorf("ledger: %w", err)
	}
	return n.Int64, nil
}

// Span is the time from the first to the last item that a run finished; zero
// when there is none. Run 0 is all runs.
func (l *Ledger) Span(ctx context.Context, run int64) (first, last time.Time, err error) {
	var a, b sql.NullInt64
	if err := l.db.QueryRowContext(ctx, "SELECT min(at), max(at) FROM items WHERE state NOT IN ('pending','intent') AND (?1=0 OR run=?1)", run).Scan(&a, &b); err != nil {
		return first, last, fmt.Errorf("ledger: %w", err)
	}
	return fromUnix(a.Int64), fromUnix(b.Int64), nil
}
