package ledger

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"modernc.org/sqlite" // also the driver
)

// ErrInUse is wrapped by the error of [Open] when another run has the ledger.
var ErrInUse = errors.New("in use by another run")

// ErrOtherPair is wrapped by the error of [Open] when the ledger is about two
// other stores.
var ErrOtherPair = errors.New("another pair")

// A Pair names what a ledger is about: the addresses of the two stores, without
// passwords.
type Pair struct{ Source, Sink string }

// A Ledger is open. Its methods may be called by several goroutines at once.
type Ledger struct {
	path string
	id   string
	pair Pair

	db    *sql.DB // readers
	lock  *sql.DB // held until Close; nil for a ledger that is only read
	write *writer // nil for a ledger that is only read
	mask  func(string) string
	// openIndexed says that there is an index items_open.
	openIndexed atomic.Bool

	closing sync.Once
	cerr    error
}

// Open opens the ledger in a file, makes it when it is not there, and takes its
// lock: a second Open of the same file, also from another process, fails with
// [ErrInUse] until the first is closed or its process has ended. A ledger of
// another pair is refused ([ErrOtherPair]); an empty pair takes any.
func Open(ctx context.Context, path string, pair Pair) (*Ledger, error) {
	return OpenShare(ctx, path, pair, 1)
}

// OpenShare is [Open] for one of n ledgers that are open at once and take
// together about the memory of one.
func OpenShare(ctx context.Context, path string, pair Pair, n int) (*Ledger, error) {
	n = max(n, 1)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	// The file exists before SQLite opens it, so that nobody else can read
	// subjects and addresses.
	if f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	} else if err := f.Close(); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	l := &Ledger{path: path}
	ok := false
	defer func() {
		if !ok {
			l.Close()
		}
	}()
	if err := l.takeLock(ctx); err != nil {
		return nil, err
	}
	var err error
	if l.db, err = sql.Open("sqlite", dsn(path, max(readCache/n, leastCache))); err != nil {
		return nil, fmt.Errorf("ledger %s: %w", path, err)
	}
	l.db.SetMaxOpenConns(max(4/n, 2)) // one of them writes
	if err := l.prepare(ctx, pair); err != nil {
		return nil, damaged(path, err)
	}
	if l.write, err = newWriter(ctx, l.db, max(writeCache/n, leastCache)); err != nil {
		return nil, fmt.Errorf("ledger %s: %w", path, err)
	}
	ok = true
	return l, nil
}

// Mask sets what takes secrets out of the words of others (errors, details of
// notes) before they are written. It is called before the first Update.
func (l *Ledger) Mask(mask func(string) string) { l.mask = mask }

// Words are somebody's words as [Ledger.Mask] leaves them.
func (l *Ledger) Words(s string) string {
	if l.mask == nil || s == "" {
		return s
	}
	return l.mask(s)
}

// Read opens a ledger to read it, also while a run is writing it. It takes no
// lock and changes nothing.
func Read(ctx context.Context, path string) (*Ledger, error) {
	if st, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	} else if st.Size() == 0 {
		return nil, fmt.Errorf("ledger %s: the file is empty: no run has written to it", path)
	}
	db, err := sql.Open("sqlite", "file:"+escape(path)+"?mode=ro&_pragma=busy_timeout(10000)&_pragma=query_only(1)&_pragma=cache_size(-1024)")
	if err != nil {
		return nil, fmt.Errorf("ledger %s: %w", path, err)
	}
	db.SetMaxOpenConns(4)
	l := &Ledger{path: path, db: db}
	if err := l.about(ctx); err != nil {
		db.Close()
		return nil, damaged(path, err)
	}
	return l, nil
}

// damaged adds what to do to the error about a file that is no database, or no
// whole one. SQLite's SQLITE_CORRUPT is 11 and SQLITE_NOTADB is 26; higher bits
// say more.
func damaged(path string, err error) error {
	var se *sqlite.Error
	if errors.As(err, &se) && (se.Code()&0xFF == 11 || se.Code()&0xFF == 26) {
		return fmt.Errorf("ledger %s is damaged, or no ledger: %w; move it away, and a copy finds again what the sink has", path, err)
	}
	return fmt.Errorf("ledger %s: %w", path, err)
}

func escape(path string) string {
	return strings.ReplaceAll(url.PathEscape(filepath.ToSlash(path)), "%2F", "/")
}

func dsn(path string, cache int) string {
	return fmt.Sprintf("file:%s%s&_pragma=cache_size(-%d)", escape(path), pragmas, cache)
}

// takeLock holds an exclusive transaction on a file beside the ledger. The
// system drops it with the process, however that ends.
func (l *Ledger) takeLock(ctx context.Context) error {
	db, err := sql.Open("sqlite", "file:"+escape(l.path+".lock")+"?_pragma=busy_timeout(0)&_pragma=journal_mode(MEMORY)")
	if err != nil {
		return fmt.Errorf("ledger %s: lock: %w", l.path, err)
	}
	l.lock = db
	db.SetMaxOpenConns(1)
	db.SetConnMaxLifetime(0)
	if _, err := db.ExecContext(ctx, "BEGIN EXCLUSIVE"); err != nil {
		if !strings.Contains(err.Error(), "locked") && !strings.Contains(err.Error(), "BUSY") {
			return fmt.Errorf("ledger %s: lock: %w", l.path, err)
		}
		return fmt.Errorf("ledger %s is %w%s; wait for its end, or give this run a ledger of its own (--state)", l.path, ErrInUse, l.holder(ctx))
	}
	return nil
}

// holder says who has the lock, as far as the ledger tells.
func (l *Ledger) holder(ctx context.Context) string {
	r, err := Read(ctx, l.path)
	if err != nil {
		return ""
	}
	defer r.Close()
	runs, err := r.Runs(ctx)
	if err != nil || len(runs) == 0 || runs[len(runs)-1].Outcome != Running {
		return ""
	}
	last := runs[len(runs)-1]
	return fmt.Sprintf(" (process %d on %s, since %s)", last.Process, last.Host, last.Started.UTC().Format("2006-01-02 15:04:05Z"))
}

func (l *Ledger) prepare(ctx context.Context, pair Pair) error {
	var v int
	if err := l.db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&v); err != nil {
		return err
	}
	if v == 0 {
		id := make([]byte, 8)
		if _, err := rand.Read(id); err != nil {
			return err
		}
		tx, err := l.db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		if _, err := tx.ExecContext(ctx, schema); err != nil {
			return err
		}
		for name, value := range map[string]string{"id": hex.EncodeToString(id), "source": pair.Source, "sink": pair.Sink} {
			if _, err := tx.ExecContext(ctx, "INSERT INTO about VALUES (?, ?)", name, value); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", version)); err != nil {
			return err
		}
		if err := tx.Commit(); err != nil {
			return err
		}
	}
	if err := l.about(ctx); err != nil {
		return err
	}
	if pair != (Pair{}) && l.pair != (Pair{}) && l.pair != pair {
		return fmt.Errorf("it is about %w: %s -> %s, not %s -> %s; give this run a ledger of its own (--state)", ErrOtherPair, l.pair.Source, l.pair.Sink, pair.Source, pair.Sink)
	}
	return nil
}

// about reads what the ledger is.
func (l *Ledger) about(ctx context.Context) error {
	var v int
	if err := l.db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&v); err != nil {
		return err
	}
	if v == 0 {
		return errors.New("this is not a ledger")
	}
	if v > version {
		return fmt.Errorf("it was written by a newer mailconv (schema %d, this one knows %d)", v, version)
	}
	var n int
	if err := l.db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master WHERE type='index' AND name='items_open'").Scan(&n); err != nil {
		return err
	}
	l.openIndexed.Store(n > 0)
	rows, err := l.db.QueryContext(ctx, "SELECT name, value FROM about")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return err
		}
		switch name {
		case "id":
			l.id = value
		case "source":
			l.pair.Source = value
		case "sink":
			l.pair.Sink = value
		}
	}
	return rows.Err()
}

// ID is random and tells ledgers apart. Tokens in sinks start with it.
func (l *Ledger) ID() string { return l.id }

// Path is the file.
func (l *Ledger) Path() string { return l.path }

// Pair is what the ledger is about.
func (l *Ledger) Pair() Pair { return l.pair }

// Close waits for the last update and gives the lock back. A second Close does
// nothing.
func (l *Ledger) Close() error {
	l.closing.Do(func() {
		var errs []error
		if l.write != nil {
			errs = append(errs, l.write.close())
		}
		if l.db != nil {
			errs = append(errs, l.db.Close())
		}
		if l.lock != nil {
			errs = append(errs, l.lock.Close())
		}
		l.cerr = errors.Join(errs...)
	})
	return l.cerr
}

// DefaultPath is where the ledger of a pair lies when the user names none: in
// the user's state folder, under a name made from both addresses.
func DefaultPath(pair Pair) (string, error) {
	dir, err := stateDir()
	if err != nil {
		return "", fmt.Errorf("ledger: no folder for state: %w; name a file (--state)", err)
	}
	return filepath.Join(dir, "mailconv", FileName(pair)), nil
}

// FileName is the name of the ledger of a pair, in whatever folder. It can be
// read, and ends in a hash that keeps pairs apart.
func FileName(pair Pair) string {
	sum := sha256.Sum256([]byte(pair.Source + "\x00" + pair.Sink))
	return slug(pair.Source) + "--" + slug(pair.Sink) + "-" + hex.EncodeToString(sum[:4]) + ".ledger"
}

func stateDir() (string, error) {
	if d := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(d) {
		return d, nil
	}
	switch runtime.GOOS {
	case "windows", "plan9":
		return os.UserCacheDir() // %LocalAppData%
	case "darwin", "ios":
		return os.UserConfigDir() // Application Support
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, ".local", "state"), nil
}

// slug makes a readable part of a file name; the hash keeps names apart.
func slug(s string) string {
	// The parameters of these are URLs, which would leave no room for the user.
	for _, scheme := range []string{"ews://", "graph://", "mapihttp://"} {
		if strings.HasPrefix(s, scheme) {
			s, _, _ = strings.Cut(s, "?")
		}
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '@', r == '_':
			b.WriteRune(r)
		default:
			if t := b.String(); t != "" && t[len(t)-1] != '-' {
				b.WriteByte('-')
			}
		}
	}
	t := b.String()
	if len(t) > 40 {
		t = t[len(t)-40:]
	}
	return strings.Trim(t, "-.")
}

func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func fromUnix(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}
