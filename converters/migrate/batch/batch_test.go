package batch_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/converters/migrate"
	"github.com/mailconv/mailconv/converters/migrate/batch"
	"github.com/mailconv/mailconv/converters/report"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/mem"
)

func parse(t testing.TB, name, text string) []batch.Row {
	t.Helper()
	rows, err := batch.Parse(name, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// The same batch in both formats.
func TestParse(t *testing.T) {
	csv := parse(t, "a.csv", "\uFEFFname, source, Sink, source-secret, exclude, since, dedupe\n"+
		"# a comment\n"+
		"zoe, imaps://zoe@old.example, imaps://zoe@new.example, env:ZOE, Spam; Trash, 2020-01-02, yes\n"+
		", imaps://ann@old.example, imaps://ann@new.example,,Spam;Trash,2020-01-02,\n")
	toml := parse(t, "a.TOML", `
[defaults]
exclude = ["Spam", "Trash"]
since = 2020-01-02

[[mailbox]]
name = "zoe"
source = "imaps://zoe@old.example"
sink = "imaps://zoe@new.example"
source-secret = "env:ZOE"
dedupe = true

[[mailbox]]
source = "imaps://ann@old.example"
sink = "imaps://ann@new.example"
`)
	for _, rows := range [][]batch.Row{csv, toml} {
		if len(rows) != 2 || rows[0].Name != "zoe" || rows[1].Name != "ann" || rows[0].SourceSecret != "env:ZOE" || rows[1].SourceSecret != "" {
			t.Errorf("%+v", rows)
		}
		if !slices.Equal(rows[1].Set["exclude"], []string{"Spam", "Trash"}) || len(rows[0].Set["dedupe"]) != 1 || len(rows[1].Set["dedupe"]) != 0 {
			t.Errorf("%+v", rows)
		}
		if s := rows[0].Set["since"]; len(s) != 1 || !strings.HasPrefix(s[0], "2020-01-02") || strings.Contains(s[0], "+") {
			t.Errorf("since %q", s)
		}
	}
}

// What makes no sense is refused before anything is done, and no secret is told.
func TestParseRefusals(t *testing.T) {
	for text, want := range map[string]string{
		"a.txt|x":                                     "must end in",
		"a.csv|":                                      "no mailboxes",
		"a.csv|source,sink\n":                         "no mailboxes",
		"a.csv|source,sink,colour\nx,y,z":             `there is no column "colour"`,
		"a.csv|source,source\nx,y":                    "two columns",
		"a.csv|source,sink\nmaildir:x,":               "needs a source and a sink",
		"a.csv|source,sink\nx,y,z":                    "wrong number of fields",
		"a.csv|source,sink,since\nx,y,now":            "want a date",
		"a.csv|source,sink,source-secret\nx,y,s3cret": "env:NAME",
		"a.csv|source,sink,sink-secret\nx,y,env:":     "env:NAME",

		"a.csv|source,sink\nmaildir:x,maildir:y\nmaildir:x,maildir:y":          "it is called maildir:x",
		"a.csv|name,source,sink\na,maildir:x,maildir:y\nb,maildir:x,maildir:y": "source and sink of mailbox 1",
		"a.csv|source,sink,merge\nx,y,perhaps":                                 "yes or no",
		"a.csv|source,sink,max-size\nx,y,-1":                                   "number of bytes",
		"a.csv|source,sink,folder-map\nx,y,nothing":                            "A=B",
		"a.csv|source,sink,non-mail\nx,y,z":                                    "mail or skip",
		"a.toml|[[mailbox]]\nsource = \"s3cret":                                "line 2 is no TOML",
		"a.toml|[[mailbox]]\nsource = \"x\"\nsink = 1.5":                       "wants a text",
		"a.toml|[mail]\nsource = \"x\"":                                        "no place for",
		"a.toml|mailbox = 3":                                                   "[[mailbox]]",
		"a.toml|[[mailbox]]\nsource=\"a\"\nsink=\"b\"\nexclude=[1]":            "a list holds texts",
	} {
		name, text, _ := strings.Cut(text, "|")
		_, err := batch.Parse(name, strings.NewReader(text))
		if err == nil || !strings.Contains(err.Error(), want) || transport.KindOf(err) != transport.Usage || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("a.csv", "name,source,sink,exclude\nzoe,maildir:a,maildir:b,x;y\n")
	f.Add("a.toml", "[defaults]\nsince=2020-01-01\n[[mailbox]]\nsource=\"a\"\nsink=\"b\"\n")
	f.Fuzz(func(t *testing.T, name, text string) {
		rows, err := batch.Parse(name, strings.NewReader(text))
		if err != nil && transport.KindOf(err) != transport.Usage {
			t.Error(err)
		}
		for i := range rows {
			if rows[i].Name == "" || rows[i].Pair().Source == "" {
				t.Errorf("%+v", rows[i])
			}
		}
	})
}

// world holds stores by address.
type world struct {
	mu     sync.Mutex
	stores map[string]*mem.Store
	errs   map[string]error
	busy   int
	most   int
}

func (w *world) store(address string) *mem.Store {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stores[address] == nil {
		w.stores[address] = mem.New(mem.Options{Latency: time.Millisecond})
	}
	return w.stores[address]
}

// counted tells how many rows are open at once.
type counted struct {
	*mem.Store
	w *world
}

func (c counted) Close() error {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	c.w.busy--
	return c.Store.Close()
}

func (w *world) open(_ context.Context, r *batch.Row) (transport.Source, transport.Sink, error) {
	src, sink := w.store(r.Source), w.store(r.Sink)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.errs[r.Source]; err != nil {
		return nil, nil, err
	}
	w.busy++
	w.most = max(w.most, w.busy)
	return counted{src.Reopen(), w}, sink.Reopen(), nil
}

func setup(t testing.TB, n int) (*world, []batch.Row, batch.Options) {
	w := &world{stores: map[string]*mem.Store{}, errs: map[string]error{}}
	var b strings.Builder
	b.WriteString("name,source,sink,exclude\n")
	for i := range n {
		fmt.Fprintf(&b, "box%d,mem:old%d,mem:new%d,%s\n", i, i, i, map[bool]string{true: "Spam"}[i == 0])
		for k := range 10 {
			for _, f := range []string{"Inbox", "Spam"} {
				w.store(fmt.Sprint("mem:old", i)).Add([]string{f}, transport.Meta{}, fmt.Sprintf("Subject: %d\r\n\r\n%s %d %d\r\n", k, f, i, k))
			}
		}
	}
	return w, parse(t, "x.csv", b.String()), batch.Options{Dir: filepath.Join(t.TempDir(), "state"), Open: w.open, Jobs: 3}
}

func count(s *mem.Store) (n int) {
	for f := range s.Folders(context.Background()) {
		n += int(f.Count)
	}
	return n
}

func mailboxes(res *batch.Result) (list []report.Mailbox) {
	for _, o := range res.Rows {
		list = append(list, report.Mailbox{Name: o.Row.Name, Pair: o.Row.Pair(), Ledger: o.Ledger, Page: "boxes/" + o.Row.Name + ".html"})
	}
	return list
}

func TestRun(t *testing.T) {
	w, rows, o := setup(t, 7)
	w.errs["mem:old3"] = &transport.Error{Kind: transport.Auth, Op: "login", Err: errors.New("no such <user>")}
	lines := map[string]int{}
	o.Observer = func(r *batch.Row, e migrate.Event) {
		b, err := batch.MarshalEvent(r, e)
		if err != nil || !strings.HasPrefix(string(b), `{"mailbox":"`+r.Name+`","event":"`) {
			t.Errorf("%s, %v", b, err)
		}
		lines[e.Kind()]++
	}
	res, err := batch.Run(t.Context(), rows, o)
	if err != nil {
		t.Fatal(err)
	}
	if res.Count(batch.Done) != 6 || res.Count(batch.Stopped) != 1 || transport.KindOf(res.Rows[3].Err) != transport.Auth {
		t.Errorf("%+v", res.Rows)
	}
	if w.most != 3 {
		t.Errorf("%d rows at once, want 3", w.most)
	}
	if lines["mailbox"] != 7 || lines["mailbox-done"] != 7 || lines["item"] == 0 {
		t.Errorf("events %v", lines)
	}
	// A row's own settings come on top.
	if a, b := count(w.store("mem:new0")), count(w.store("mem:new1")); a != 10 || b != 20 {
		t.Errorf("%d and %d items", a, b)
	}
	// The row that could not begin is in the report.
	html, csv, json := filepath.Join(t.TempDir(), "r.html"), filepath.Join(o.Dir, "r.csv"), filepath.Join(o.Dir, "r.json")
	for _, name := range []string{html, csv, json} {
		if err := report.WriteAll(t.Context(), name, mailboxes(res)); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string][]string{
		html: {"1 mailbox of 7 needs attention", "no such &lt;user&gt;", `<a href="boxes/box2.html">`, "mem:old4 → mem:new4"},
		csv:  {"box3,mem:old3,mem:new3,stopped,", "box1,mem:old1,mem:new1,done,,true,20,20,"},
		json: {`"name":"box3"`, `"state":"stopped"`, `"items":110`},
	} {
		b, _ := os.ReadFile(name)
		for _, s := range want {
			if !strings.Contains(string(b), s) {
				t.Errorf("%s lacks %q", name, s)
			}
		}
	}
	// Again, with the password mended: what is done is known, or left out.
	delete(w.errs, "mem:old3")
	o.OnlyFailed = true
	before := w.store("mem:old1").Calls("Folders")
	if list, err := batch.DryRun(t.Context(), rows, o); err != nil || !list[1].Known || list[3].Forecast == nil || list[3].Forecast.Copy != 20 {
		t.Errorf("dry run: %+v, %v", list, err)
	}
	if res, err = batch.Run(t.Context(), rows, o); err != nil || res.Count(batch.Done) != 7 || !res.Rows[1].Known || res.Rows[3].Known {
		t.Errorf("%+v, %v", res, err)
	}
	if w.store("mem:old1").Calls("Folders") != before {
		t.Error("a row that was done is asked again")
	}
	o.OnlyFailed = false
	if res, err = batch.Run(t.Context(), rows, o); err != nil || res.Count(batch.Done) != 7 || res.Rows[1].Result.Known != 20 || res.Rows[1].Result.Copied != 0 {
		t.Errorf("%+v, %v", res, err)
	}
}

// Interrupted anywhere, the batch goes on as a whole.
func TestResume(t *testing.T) {
	for stop := 1; stop < 60; stop += 7 {
		w, rows, o := setup(t, 4)
		o.Migrate.Batch = 3
		ctx, cancel := context.WithCancel(t.Context())
		n := 0
		o.Observer = func(*batch.Row, migrate.Event) {
			if n++; n == stop {
				cancel()
			}
		}
		res, err := batch.Run(ctx, rows, o)
		if !errors.Is(err, context.Canceled) || res.Count(batch.Done) == 4 {
			t.Fatalf("stop %d: %v", stop, err)
		}
		// The report can be written all the same.
		if err := report.WriteAll(t.Context(), filepath.Join(o.Dir, "r.html"), mailboxes(res)); err != nil {
			t.Error(err)
		}
		o.OnlyFailed, o.Observer = true, nil
		if res, err = batch.Run(t.Context(), rows, o); err != nil || res.Count(batch.Done) != 4 {
			t.Errorf("stop %d: %+v, %v", stop, res, err)
		}
		for i := range 4 {
			if n := count(w.store(fmt.Sprint("mem:new", i))); n != 20 && !(i == 0 && n == 10) {
				t.Errorf("stop %d: box %d has %d items", stop, i, n)
			}
		}
		cancel()
	}
}

// Rows with one sink take turns, and each has its mails once.
func TestOneSinkForAll(t *testing.T) {
	w, _, o := setup(t, 3)
	rows := parse(t, "x.csv", "name,source,sink,folder-map\na,mem:old0,mem:all,=A\nb,mem:old1,mem:all,=B\nc,mem:old2,mem:all,=B\n")
	if res, err := batch.Run(t.Context(), rows, o); err != nil || res.Count(batch.Done) != 3 {
		t.Fatalf("%+v, %v", res, err)
	}
	if n := count(w.store("mem:all")); n != 60 {
		t.Errorf("%d items", n)
	}
	if w.most > 1 {
		t.Errorf("%d rows at once", w.most)
	}
}

func TestStateOf(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l")
	state := func(want batch.State) {
		t.Helper()
		if s, err := batch.StateOf(t.Context(), path); s != want || err != nil {
			t.Errorf("%s, %v, want %s", s, err, want)
		}
	}
	state(batch.NotBegun)
	l, err := ledger.Open(t.Context(), path, ledger.Pair{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	state(batch.NotBegun)
	for _, c := range []struct {
		outcome ledger.Outcome
		detail  string
		want    batch.State
	}{
		{ledger.Running, "", batch.Interrupted},
		{ledger.Interrupted, "", batch.Interrupted},
		{ledger.Stopped, "full", batch.Stopped},
		{ledger.Done, "", batch.Done},
		{ledger.Done, "3 items stay at the source", batch.Incomplete},
	} {
		err := l.Update(func(tx *ledger.Tx) error {
			id, err := tx.StartRun("{}")
			if err == nil && c.outcome != ledger.Running {
				err = tx.EndRun(id, c.outcome, c.detail)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		state(c.want)
	}
}
