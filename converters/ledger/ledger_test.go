package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
)

var bg = context.Background()

func open(t testing.TB) *Ledger {
	t.Helper()
	l, err := Open(bg, filepath.Join(t.TempDir(), "a b%.ledger"), Pair{"imap://a@x", "maildir:/y?a=b"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func update(t testing.TB, l *Ledger, fn func(*Tx) error) {
	t.Helper()
	if err := l.Update(fn); err != nil {
		t.Fatal(err)
	}
}

func TestRowComesBackAsItWasWritten(t *testing.T) {
	l := open(t)
	in := Item{
		Folder: 3, State: Copied, Sink: 4, Ref: "9.1", Route: "append", Bytes: 12, Tries: 2, Run: 5, Content: Fingerprint{1}, Put: Fingerprint{2},
		Meta: transport.Meta{
			Key: "1.2", ObjectID: "M1", Size: -1, Received: time.Date(2021, 2, 3, 4, 5, 6, 7, time.FixedZone("", 5*3600+1800)),
			Flags: transport.Seen | transport.MDNSent, Keywords: []string{"a b", "ä"}, Class: "IPM.Note", Subject: "<script>", MessageID: "<x@y>",
		},
	}
	update(t, l, func(tx *Tx) error {
		return tx.Finish(&in, LossNotes([]mapi.Loss{{Item: "keyword", Reason: mapi.LossStoreOnly}})...)
	})
	got, err := l.Lookup(bg, 3, []transport.Key{"1.2", "1.3"})
	if err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	it := got["1.2"]
	it.At = in.At
	if !it.Meta.Received.Equal(in.Meta.Received) || it.Meta.Received.Format(time.RFC3339) != in.Meta.Received.Format(time.RFC3339) {
		t.Errorf("received %v", it.Meta.Received)
	}
	it.Meta.Received = in.Meta.Received
	if fmt.Sprint(it) != fmt.Sprint(in) {
		t.Errorf("got  %v\nwant %v", it, in)
	}
	notes, err := l.Notes(bg, it.ID)
	if err != nil || len(notes[it.ID]) != 1 || notes[it.ID][0].Reason != "store-only" {
		t.Errorf("notes %v %v", notes, err)
	}
}

// T57: one row for each item.
func TestT57SecondRowForAnItemIsRefused(t *testing.T) {
	l := open(t)
	add := func() error {
		return l.Update(func(tx *Tx) error {
			return tx.Add(&Item{Folder: 1, State: Pending, Meta: transport.Meta{Key: "k"}})
		})
	}
	if err := add(); err != nil {
		t.Fatal(err)
	}
	if err := add(); err == nil {
		t.Error("a second row was made")
	}
}

func TestUpdateThatFailsLeavesNothing(t *testing.T) {
	l := open(t)
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			err := l.Update(func(tx *Tx) error {
				if err := tx.Add(&Item{Folder: 1, State: Pending, Meta: transport.Meta{Key: transport.Key(fmt.Sprint(i))}}); err != nil {
					return err
				}
				if i%2 == 1 {
					return errors.New("no")
				}
				return nil
			})
			if (err != nil) != (i%2 == 1) {
				t.Errorf("update %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if n, err := l.Count(bg, Query{}); n != 100 || err != nil {
		t.Errorf("%d rows, %v", n, err)
	}
}

func TestOneRunForEachLedger(t *testing.T) {
	l := open(t)
	update(t, l, func(tx *Tx) error { _, err := tx.StartRun(""); return err })
	_, err := Open(bg, l.Path(), Pair{})
	if !errors.Is(err, ErrInUse) || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), fmt.Sprint("process ", os.Getpid())) {
		t.Fatalf("second open: %v", err)
	}
	t.Log(err)
	if _, err := os.Stat(l.Path() + ".lock-journal"); err == nil {
		t.Error("the lock keeps a journal, which a kill would leave behind")
	}
	r, err := Read(bg, l.Path())
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Update(func(*Tx) error { return nil }); err == nil {
		t.Error("a ledger open for reading takes updates")
	}
	r.Close()
	if err := errors.Join(l.Close(), l.Close()); err != nil {
		t.Fatal(err)
	}
	again, err := Open(bg, l.Path(), l.Pair())
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
	if again.ID() != l.ID() {
		t.Error("the id changed")
	}
	if _, err := Open(bg, l.Path(), Pair{"other", "pair"}); err == nil || !strings.Contains(err.Error(), "--state") {
		t.Errorf("another pair: %v", err)
	}
	if _, err := Read(bg, l.Path()); err != nil {
		t.Error(err)
	}
}

// The lock of a process that was killed is free at once, and what it committed
// is there.
func TestT58KilledProcessLeavesNoLockAndNoHalfUpdate(t *testing.T) {
	if path := os.Getenv("LEDGER_TEST_PATH"); path != "" {
		l, err := Open(bg, path, Pair{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			update(t, l, func(tx *Tx) error {
				return tx.Add(&Item{Folder: 1, State: Copied, Meta: transport.Meta{Key: transport.Key(fmt.Sprint(i))}})
			})
		}
		l.Update(func(tx *Tx) error {
			tx.Add(&Item{Folder: 1, State: Copied, Meta: transport.Meta{Key: "half"}})
			os.WriteFile(path+".ready", nil, 0o600)
			select {}
		})
	}
	path := filepath.Join(t.TempDir(), "l")
	cmd := exec.Command(os.Args[0], "-test.run=^TestT58KilledProcess")
	cmd.Env = append(os.Environ(), "LEDGER_TEST_PATH="+path)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for i := 0; ; i++ {
		if _, err := os.Stat(path + ".ready"); err == nil {
			break
		}
		if i > 500 {
			t.Fatal("the other process does not start")
		}
		time.Sleep(10 * time.Millisecond)
	}
	if _, err := Open(bg, path, Pair{}); !errors.Is(err, ErrInUse) {
		t.Errorf("while it runs: %v", err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	l, err := Open(bg, path, Pair{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if n, _ := l.Count(bg, Query{}); n != 3 {
		t.Errorf("%d rows after the kill, 3 were committed", n)
	}
}

func TestReadRefusesWhatIsNoLedger(t *testing.T) {
	p := filepath.Join(t.TempDir(), "x")
	for _, data := range []string{"", "From someone\n"} {
		os.WriteFile(p, []byte(data), 0o600)
		if _, err := Read(bg, p); err == nil {
			t.Errorf("%q was read", data)
		}
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	l := open(t)
	update(t, l, func(tx *Tx) error { _, err := tx.exec("PRAGMA user_version = 99"); return err })
	l.Close()
	if _, err := Open(bg, l.Path(), Pair{}); err == nil || !strings.Contains(err.Error(), "newer") {
		t.Error(err)
	}
}

func TestNamesOfServersWithURLs(t *testing.T) {
	a := FileName(Pair{Source: "ews://ann@mail.example?endpoint=https://mail.example/EWS/Exchange.asmx", Sink: "graph://ann@example.org"})
	if !strings.HasPrefix(a, "ews-ann@mail.example--graph-ann@example.org-") {
		t.Error(a)
	}
	if b := FileName(Pair{Source: "ews://ann@mail.example?endpoint=https://other.example/", Sink: "graph://ann@example.org"}); a == b {
		t.Errorf("two pairs are called %s", a)
	}
}

func TestDefaultPathNamesThePair(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	a, err := DefaultPath(Pair{"imap://anna@example.org", "maildir:/home/anna/Mail"})
	if err != nil {
		t.Fatal(err)
	}
	b, _ := DefaultPath(Pair{"imap://anna@example.org", "maildir:/home/anna/Mail2"})
	if a == b || !strings.Contains(filepath.Base(a), "anna@example.org--maildir-home-anna-Mail") {
		t.Errorf("%s, %s", a, b)
	}
}

func TestCandidatesByIDSizeAndDate(t *testing.T) {
	l := open(t)
	day := time.Unix(1600000000, 0)
	add := func(key, id string, size int64, at time.Time) {
		update(t, l, func(tx *Tx) error {
			return tx.AddPresent(7, transport.Meta{Key: transport.Key(key), MessageID: id, Size: size, Received: at})
		})
	}
	add("id", "<a>", 100, day)
	add("other id", "<b>", 100, day)
	add("size", "", 100, time.Time{})
	add("date", "", 5, day)
	add("neither", "", 5, time.Time{})
	add("silent", "", -1, time.Time{})
	refs := func(m transport.Meta) ([]Present, string) {
		list, err := l.Candidates(bg, 7, m)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range list {
			got = append(got, string(p.Ref))
		}
		return list, strings.Join(got, ",")
	}
	list, s := refs(transport.Meta{MessageID: "<a>", Size: 100, Received: day})
	if s != "id,size,date,silent" {
		t.Error(s)
	}
	// A contact has neither a Message-ID nor a date, and no size that a sink knows.
	if _, s := refs(transport.Meta{Size: -1}); s != "size,date,neither,silent" {
		t.Error(s)
	}
	take := func() error { return l.Update(func(tx *Tx) error { return tx.TakePresent(list[0].ID, 1) }) }
	if err := take(); err != nil {
		t.Fatal(err)
	}
	if take() == nil {
		t.Error("a present item was taken twice")
	}
}

// rows writes n items the way the engine does, in batches: intents, and with
// the next intents the results.
func rows(t testing.TB, l *Ledger, from, n, batch int) {
	var last []Item
	for i := from; i < from+n; i += batch {
		next := make([]Item, 0, batch)
		for j := i; j < i+batch; j++ {
			next = append(next, Item{
				Folder: 1, Sink: 1, Mark: "12.345", Content: Fingerprint{byte(j), byte(j >> 8), byte(j >> 16), 1},
				Meta: transport.Meta{
					Key: transport.Key(fmt.Sprintf("1600000000.%d", j)), Size: 5000, Received: time.Unix(1600000000+int64(j), 0),
					MessageID: fmt.Sprintf("<%d.abcdef@mail.example.org>", j), Subject: "Minutes of the meeting of the board",
				},
			})
		}
		update(t, l, func(tx *Tx) error {
			for k := range last {
				if err := tx.Finish(&last[k]); err != nil {
					return err
				}
			}
			for k := range next {
				if err := tx.Intend(&next[k]); err != nil {
					return err
				}
			}
			return nil
		})
		for k := range next {
			next[k].State, next[k].Ref, next[k].Route = Copied, transport.Key(fmt.Sprintf("2.%d", i+k)), "append"
		}
		last = next
	}
	update(t, l, func(tx *Tx) error {
		for k := range last {
			if err := tx.Finish(&last[k]); err != nil {
				return err
			}
		}
		return nil
	})
}

func BenchmarkRows(b *testing.B) {
	for _, batch := range []int{50, 500} {
		b.Run(fmt.Sprint(batch), func(b *testing.B) {
			l := open(b)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				rows(b, l, i, batch*10, batch)
				i += batch * 10
			}
			b.ReportMetric(float64(i)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// No page makes SQLite read or sort what other pages read.
func TestPagesGoByAnIndex(t *testing.T) {
	l := open(t)
	if err := l.IndexOpen(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		q    Query
		want string
	}{
		{Query{}, "SEARCH items USING INTEGER PRIMARY KEY (rowid>?)"},
		{Query{States: []State{Copied}, Gone: []Gone{GoneSource}}, "SEARCH items USING INTEGER PRIMARY KEY (rowid>?)"},
		{Query{Folder: 1, States: []State{Pending, Failed}, Gone: []Gone{Here}}, "SEARCH items USING INDEX items_open (folder=? AND id>?)"},
		{Query{Folder: 1, Gone: []Gone{Here}}, "SEARCH items USING INDEX sqlite_autoindex_items_1 (folder=? AND key>?)"},
		{Query{States: []State{Intent}}, "SCAN items USING INDEX items_open"},
		{Query{Mild: true}, "SEARCH items USING INTEGER PRIMARY KEY (rowid>?)"},
	} {
		query, args, _ := c.q.paged(true)
		rows, err := l.db.Query("EXPLAIN QUERY PLAN SELECT "+itemColumns+" FROM items "+query, append(args, 0, page)...)
		if err != nil {
			t.Fatal(err)
		}
		var plan []string
		for rows.Next() {
			var id, parent, x int
			var detail string
			if err := rows.Scan(&id, &parent, &x, &detail); err != nil {
				t.Fatal(err)
			}
			plan = append(plan, detail)
		}
		rows.Close()
		if s := strings.Join(plan, "; "); !strings.HasPrefix(s, c.want) || strings.Contains(s, "TEMP B-TREE FOR ORDER") && !strings.HasPrefix(s, "SCAN") {
			t.Errorf("%+v: %s", c.q, s)
		}
	}
}

// T54: memory is the same for many items as for few.
func TestT54MemoryIsFlat(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 100,000 rows; left out with -short")
	}
	l := open(t)
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	n := 100_000
	if os.Getenv("MAILCONV_MILLION") != "" {
		n = 1_000_000
	}
	rows(t, l, 0, 10_000, 500)
	before := heap()
	start := time.Now()
	rows(t, l, 10_000, n, 500)
	t.Logf("%.0f rows/s", float64(n)/time.Since(start).Seconds())
	seen := 0
	start = time.Now()
	for _, err := range l.Items(bg, Query{States: []State{Copied}}) {
		if err != nil {
			t.Fatal(err)
		}
		seen++
	}
	t.Logf("read %.0f rows/s", float64(seen)/time.Since(start).Seconds())
	if seen != n+10_000 {
		t.Errorf("%d rows", seen)
	}
	if after := heap(); after > before+4<<20 {
		t.Errorf("heap grew from %d to %d", before, after)
	}
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "VmHWM") {
			t.Log(strings.TrimSpace(line))
		}
	}
}
