package report_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/converters/report"
	"github.com/mailconv/mailconv/transport"
)

// box makes a ledger with one folder, a run that ended so, and the items.
func box(t *testing.T, o ledger.Outcome, detail string, items ...ledger.Item) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ledger")
	l, err := ledger.Open(t.Context(), path, ledger.Pair{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	err = l.Update(func(tx *ledger.Tx) error {
		id, err := tx.StartRun("{}")
		if err != nil {
			return err
		}
		f := ledger.Folder{SourceID: "1", Path: []string{"In<box>"}, Expected: -1}
		if err := tx.SaveFolder(&f); err != nil {
			return err
		}
		for i := range items {
			it := &items[i]
			it.Folder, it.Run, it.Meta.Key = f.ID, id, transport.Key(rune('a'+i))
			if err := tx.Finish(it); err != nil {
				return err
			}
		}
		if o == ledger.Running {
			return nil
		}
		return tx.EndRun(id, o, detail)
	})
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOverview(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "broken")
	if err := os.WriteFile(broken, []byte("this is no ledger, but long enough to be looked at"), 0o600); err != nil {
		t.Fatal(err)
	}
	copied := ledger.Item{State: ledger.Copied, Bytes: 100}
	removed := ledger.Item{State: ledger.Copied, Bytes: 100, Gone: ledger.Removed}
	failed := ledger.Item{State: ledger.Failed, Reason: "rejected", Meta: transport.Meta{Subject: "<script>alert(1)</script>"}}
	list := []report.Mailbox{
		{Name: "good", Ledger: box(t, ledger.Done, "", copied, removed), Page: "x/good.html"},
		{Name: "=bad()", Ledger: box(t, ledger.Done, "", copied, failed)},
		{Name: "stopped", Ledger: box(t, ledger.Stopped, "login: <refused>", copied)},
		{Name: "killed", Ledger: box(t, ledger.Running, "", copied)},
		{Name: "kept", Ledger: box(t, ledger.Done, "3 items stay at the source", copied)},
		{Name: "later", Ledger: filepath.Join(t.TempDir(), "none"), Pair: ledger.Pair{Source: "mbox:a", Sink: "mbox:b"}},
		{Name: "broken", Ledger: broken},
	}
	var html, csv, json bytes.Buffer
	if err := report.AllHTML(t.Context(), &html, list); err != nil {
		t.Fatal(err)
	}
	if err := report.AllCSV(t.Context(), &csv, list); err != nil {
		t.Fatal(err)
	}
	if err := report.AllJSON(t.Context(), &json, list); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"6 mailboxes of 7 need attention", `<a href="x/good.html">good</a>`, "1 item failed.", "login: &lt;refused&gt;", "The last run is under way, or was killed.",
		"3 items stay at the source.", "mbox:a → mbox:b", "Its ledger cannot be read.", "&lt;script&gt;", "=bad(): In&lt;box&gt;", "Deleted at the source",
	} {
		if !strings.Contains(html.String(), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(html.String(), "<script>alert") {
		t.Error("a subject is not escaped")
	}
	for _, want := range []string{"good,,,done,,true,2,2,0,0,0,0,0,1,200,1,0,", "'=bad(),,,done,,false,2,1,0,0,1,", "stopped,,,stopped,login: <refused>,false,", "later,mbox:a,mbox:b,not begun,,false,0,"} {
		if !strings.Contains(csv.String(), want) {
			t.Errorf("CSV lacks %q in\n%s", want, csv.String())
		}
	}
	for _, want := range []string{`"name":"killed"`, `"state":"running"`, `"state":"unreadable"`, `"complete":true`, `"totals": {"items":7,"copied":6`} {
		if !strings.Contains(json.String(), want) {
			t.Errorf("JSON lacks %q in\n%s", want, json.String())
		}
	}
	var again bytes.Buffer
	if report.AllHTML(t.Context(), &again, list); !bytes.Equal(again.Bytes(), html.Bytes()) {
		t.Error("a second page is another one")
	}
	var one bytes.Buffer
	if err := report.AllHTML(t.Context(), &one, list[:1]); err != nil || !strings.Contains(one.String(), `class="verdict good"`) {
		t.Errorf("%v", err)
	}
	if err := report.WriteAll(t.Context(), "x.pdf", list); err == nil {
		t.Error("a report of an unknown kind")
	}
}
