package report

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/transport"
)

var bg = context.Background()

func open(t testing.TB) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(bg, filepath.Join(t.TempDir(), "l"), ledger.Pair{Source: "imap://anna@old.example.org", Sink: "graph://anna@new.example.org"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// hostile is text of a mail that must stay text.
const hostile = `<script>alert("x")</script><img src=x onerror=alert(1)>`

// sample is a run in which everything happened.
func sample(t testing.TB, l *ledger.Ledger, n int) {
	t.Helper()
	folders := []ledger.Folder{
		{SourceID: "1", Path: []string{"INBOX"}, Expected: int64(n)},
		{SourceID: "2", Path: []string{"Gesendete Elemente"}, Expected: -1, Note: "Sent was taken"},
		{SourceID: "3", Path: []string{"Projects", "A very long name of a folder that somebody made in the year 2009 and never cleaned up", "Sub/folder"}, Expected: 12},
		{SourceID: "4", Path: []string{"Broken"}, Expected: 7, Error: "list \"Broken\": offset 0x1A40: BBT page has no parent"},
		{SourceID: "5", Path: []string{hostile}, Expected: 1},
	}
	sinks := []ledger.Sink{{Path: []string{"INBOX"}, StorePath: []string{"INBOX"}}, {Path: []string{"Sent"}, StorePath: []string{"Sent"}}, {Path: folders[2].Path, StorePath: folders[2].Path}, {Path: []string{"x"}, StorePath: []string{hostile}}}
	err := l.Update(func(tx *ledger.Tx) error {
		run, err := tx.StartRun(`{"Workers":4}`)
		if err != nil {
			return err
		}
		for i := range sinks {
			if err := tx.SaveSink(&sinks[i]); err != nil {
				return err
			}
		}
		for i := range folders {
			folders[i].Sink = []int64{sinks[0].ID, sinks[1].ID, sinks[2].ID, 0, sinks[3].ID}[i]
			if err := tx.SaveFolder(&folders[i]); err != nil {
				return err
			}
		}
		add := func(folder, i int, st ledger.State, reason, detail, subject string, notes ...ledger.Note) error {
			it := ledger.Item{
				Folder: folders[folder].ID, Sink: folders[folder].Sink, State: st, Reason: reason, Detail: detail, Run: run, Bytes: 42_000, Ref: "7.1", Route: "append",
				Meta: transport.Meta{Key: transport.Key(fmt.Sprintf("1600000000.%d.%d", folder, i)), Size: 42_000, Subject: subject, Received: time.Unix(1600000000+int64(i), 0), MessageID: fmt.Sprintf("<%d@x>", i)},
			}
			return tx.Finish(&it, notes...)
		}
		for i := range n {
			if err := add(0, i, ledger.Copied, "", "", "Minutes"); err != nil {
				return err
			}
		}
		for i := range 9 {
			if err := add(1, i, ledger.Copied, "", "", "Re: offer", ledger.Note{Kind: ledger.Loss, Name: "keyword Büro", Reason: "store-only", Detail: "the store has no keywords"}); err != nil {
				return err
			}
		}
		for _, x := range []struct {
			folder int
			st     ledger.State
			reason string
			detail string
			sub    string
			notes  []ledger.Note
		}{
			{0, ledger.Failed, "too-large", "38912004 bytes, the sink takes at most 36700160", "Holiday pictures, all of them", nil},
			{2, ledger.Failed, "rejected", "append \"Projects\": NO [CANNOT] message contains NUL characters", hostile, nil},
			{2, ledger.Copied, "", "", "Contract", []ledger.Note{{Kind: ledger.Problem, Name: "PidTagAttachDataBinary", Reason: "damaged", Detail: "__attach_version1.0_#00000001: offset 0x4400: stream ends 1200 bytes early ([MS-CFB] 2.6.4)", Severe: true}}},
			{2, ledger.Skipped, "before --since", "", "Old", nil},
			{2, ledger.Duplicate, "", "the same as item 1600000000.3", "Twin", nil},
			{4, ledger.Intent, "", "", "=HYPERLINK(\"http://x\")", nil},
		} {
			if err := add(x.folder, 1000+len(x.sub), x.st, x.reason, x.detail, x.sub, x.notes...); err != nil {
				return err
			}
		}
		return tx.EndRun(run, ledger.Interrupted, "context canceled")
	})
	if err != nil {
		t.Fatal(err)
	}
}

// spread makes the run take some time.
func spread(t *testing.T, l *ledger.Ledger) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+l.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("UPDATE items SET at = at + id*id/40 + 30*(id%7)"); err != nil {
		t.Fatal(err)
	}
}

func render(t *testing.T, fn func(context.Context, io.Writer, *ledger.Ledger) error, l *ledger.Ledger) string {
	t.Helper()
	var b bytes.Buffer
	if err := fn(bg, &b, l); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPageKeepsTextText(t *testing.T) {
	l := open(t)
	sample(t, l, 400)
	spread(t, l)
	page := render(t, HTML, l)
	if strings.Contains(page, "<script>alert") || strings.Contains(page, "<img") {
		t.Error("text of a mail became markup")
	}
	if n := strings.Count(page, "&lt;script&gt;alert("); n < 2 {
		t.Errorf("the subject is there %d times", n)
	}
	if m := regexp.MustCompile(`(?i)<[^>]*\s(src|href|action)\s*=|url\(|@import|<link|<iframe`).FindString(page); m != "" {
		t.Errorf("the page loads or links something: %q", m)
	}
	for _, want := range []string{
		"2 items failed, 1 item lost content, 1 folder could not be listed", "too-large", "BBT page has no parent",
		"keyword Büro", "stream ends 1200 bytes early", "interrupted", "<rect", "7 items that the store counts were never listed",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(page, "ZgotmplZ") {
		t.Error("a value was refused by the template")
	}
	if p := os.Getenv("REPORT_SAMPLE"); p != "" {
		os.WriteFile(p, []byte(page), 0o600)
	}
}

func TestGoodRunSaysSo(t *testing.T) {
	l := open(t)
	if page := render(t, HTML, l); !strings.Contains(page, "Every item that was asked for") {
		t.Error("an empty ledger")
	}
	l.Update(func(tx *ledger.Tx) error {
		f := ledger.Folder{SourceID: "1", Path: []string{"INBOX"}, Expected: 1}
		if err := tx.SaveFolder(&f); err != nil {
			return err
		}
		return tx.Finish(&ledger.Item{Folder: f.ID, State: ledger.Copied, Meta: transport.Meta{Key: "1"}})
	})
	page := render(t, HTML, l)
	if !strings.Contains(page, `class="verdict good"`) || strings.Contains(page, `type="search"`) {
		t.Error("a good run")
	}
}

func TestLongListEnds(t *testing.T) {
	l := open(t)
	l.Update(func(tx *ledger.Tx) error {
		for i := range pageLimit + 10 {
			if err := tx.Add(&ledger.Item{Folder: 1, State: ledger.Failed, Reason: "rejected", Meta: transport.Meta{Key: transport.Key(fmt.Sprint(i))}}); err != nil {
				return err
			}
		}
		return nil
	})
	page := render(t, HTML, l)
	if n := strings.Count(page, "<article"); n != pageLimit {
		t.Errorf("%d items on the page", n)
	}
	if !strings.Contains(page, "have every item") {
		t.Error("nothing says that the list goes on")
	}
}

func TestCSVHasEveryItem(t *testing.T) {
	l := open(t)
	sample(t, l, 450)
	recs, err := csv.NewReader(strings.NewReader(render(t, CSV, l))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(recs) != 450+9+6+1 {
		t.Errorf("%d lines", len(recs))
	}
	for _, r := range recs[1:] {
		if len(r) != len(recs[0]) {
			t.Fatalf("%q", r)
		}
		for _, f := range r {
			if strings.HasPrefix(f, "=") {
				t.Errorf("a formula: %q", f)
			}
		}
	}
}

func TestJSONHasEveryItem(t *testing.T) {
	l := open(t)
	sample(t, l, 450)
	var out struct {
		Source, Sink string
		Runs         []struct{ Outcome string }
		Totals       Totals
		Folders      []Folder
		Items        []struct {
			Folder, State, Subject string
			Notes                  []struct{ Reason string }
		}
	}
	if err := json.Unmarshal([]byte(render(t, JSON, l)), &out); err != nil {
		t.Fatal(err)
	}
	if len(out.Items) != 465 || out.Totals.Items != 465 || out.Totals.Copied != 460 || out.Totals.Failed != 2 || out.Totals.Open != 1 || len(out.Folders) != 5 || out.Runs[0].Outcome != "interrupted" {
		t.Errorf("%d items, %+v, %+v", len(out.Items), out.Totals, out.Runs)
	}
	if out.Folders[3].Expected != 7 || out.Folders[0].Copied != 450 {
		t.Errorf("%+v", out.Folders)
	}
}

func TestWriteGoesByExtension(t *testing.T) {
	l := open(t)
	sample(t, l, 3)
	dir := t.TempDir()
	for _, name := range []string{"a.html", "b.JSON", "c.csv"} {
		if err := Write(bg, filepath.Join(dir, name), l); err != nil {
			t.Error(err)
		}
	}
	if err := Write(bg, filepath.Join(dir, "d.pdf"), l); err == nil || !strings.Contains(err.Error(), ".html") {
		t.Error(err)
	}
	list, _ := os.ReadDir(dir)
	if len(list) != 3 {
		t.Errorf("%v", list)
	}
	// A ledger that is only read will do.
	r, err := ledger.Read(bg, l.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := Write(bg, filepath.Join(dir, "e.html"), r); err != nil {
		t.Error(err)
	}
}

func TestNumbers(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1\u202F000", -1234567: "-1\u202F234\u202F567"} {
		if got := number(n); got != want {
			t.Errorf("%d: %q", n, got)
		}
	}
	for n, want := range map[int64]string{-1: "?", 5: "5\u00A0B", 1536: "1.5\u00A0KiB", 3 << 30: "3.0\u00A0GiB"} {
		if got := size(n); got != want {
			t.Errorf("%d: %q", n, got)
		}
	}
}

// T46: names that the sink cannot hold, or writes in another way, are in the
// report beside those that they stand for.
func TestT46ThePlacesAreInTheReport(t *testing.T) {
	l, err := ledger.Open(bg, filepath.Join(t.TempDir(), "l"), ledger.Pair{Source: "a", Sink: "b"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	err = l.Update(func(tx *ledger.Tx) error {
		if _, err := tx.StartRun("{}"); err != nil {
			return err
		}
		for i, names := range [][2]string{{"a/b", "a%2Fb"}, {"03_März", "03_M&AOQ-rz"}, {"Plain", "Plain"}, {"Id", strings.Repeat("QUJD", 40)}} {
			k := ledger.Sink{Path: names[:1], StorePath: names[:1], StoreID: names[1]}
			if err := tx.SaveSink(&k); err != nil {
				return err
			}
			if err := tx.SaveFolder(&ledger.Folder{SourceID: string(rune('1' + i)), Path: names[:1], Sink: k.ID}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, ext := range []string{".html", ".json"} {
		name := filepath.Join(t.TempDir(), "r"+ext)
		if err := Write(bg, name, l); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"a%2Fb", "03_M&AOQ-rz"} {
			if !strings.Contains(html.UnescapeString(strings.ReplaceAll(string(b), `\u0026`, "&")), want) {
				t.Errorf("%s does not tell %q", ext, want)
			}
		}
		if strings.Contains(string(b), "QUJDQUJD") {
			t.Errorf("%s shows a key", ext)
		}
	}
}
