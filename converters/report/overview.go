package report

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/mailconv/mailconv/converters/ledger"
)

// A Mailbox is one ledger of many.
type Mailbox struct {
	Name string
	// Pair is what the ledger is, or will be, about.
	Pair ledger.Pair
	// Ledger is its file. One that is not there was not begun.
	Ledger string
	// Page is a link from the overview to the mailbox's own report, relative
	// to it; "" is none.
	Page string
}

// WriteAll writes one report over many mailboxes to a file, in the format of
// its extension: .html, .json or .csv. All have an entry for each mailbox; the
// page lists items that failed or lost something too. Every item is in the
// mailbox's own report.
func WriteAll(ctx context.Context, path string, list []Mailbox) error {
	render, err := byExtension(path, AllHTML, AllJSON, AllCSV)
	if err != nil {
		return err
	}
	return writeFile(path, func(w io.Writer) error { return render(ctx, w, list) })
}

// overview is what is said of one mailbox.
type overview struct {
	Mailbox
	*summary
	// State is the outcome of the last run, or "not begun", or "unreadable".
	State   string
	Detail  string
	Verdict string
	Good    bool
}

const notBegun = "not begun"

func (m Mailbox) overview(ctx context.Context) (overview, error) {
	o := overview{Mailbox: m, summary: &summary{Pair: m.Pair}, State: notBegun, Verdict: "Nothing was copied yet."}
	if _, err := os.Stat(m.Ledger); errors.Is(err, os.ErrNotExist) {
		return o, nil
	}
	l, err := ledger.Read(ctx, m.Ledger)
	if err == nil {
		defer l.Close()
		o.summary, err = summarise(ctx, l)
	}
	if ctx.Err() != nil {
		return o, ctx.Err()
	}
	if err != nil {
		// One ledger that cannot be read does not hide the others.
		o.summary = &summary{Pair: m.Pair}
		o.State, o.Detail, o.Verdict = "unreadable", err.Error(), "Its ledger cannot be read."
		return o, nil
	}
	if len(o.Runs) == 0 {
		return o, nil
	}
	last := o.Runs[len(o.Runs)-1]
	o.State, o.Detail = string(last.Outcome), last.Detail
	o.Verdict, o.Good = verdict(o.summary)
	return o, nil
}

func (t *Totals) sum(u Totals) {
	t.Items += u.Items
	t.Copied += u.Copied
	t.Duplicate += u.Duplicate
	t.Skipped += u.Skipped
	t.Failed += u.Failed
	t.Removed += u.Removed
	t.Open += u.Open
	t.Bytes += u.Bytes
}

// AllHTML writes one page about many mailboxes that needs nothing else.
func AllHTML(ctx context.Context, w io.Writer, list []Mailbox) error {
	data := struct {
		Mailboxes       []overview
		Totals          Totals
		Verdict         string
		Good            bool
		Done, Attention int
		Listed          bool
	}{}
	for _, m := range list {
		o, err := m.overview(ctx)
		if err != nil {
			return err
		}
		data.Mailboxes = append(data.Mailboxes, o)
		data.Totals.sum(o.Totals)
		if o.Good {
			data.Done++
		} else {
			data.Attention++
		}
		data.Listed = data.Listed || o.Totals.Failed+o.Totals.Open+o.Noted > 0
	}
	switch data.Good = data.Attention == 0; {
	case data.Good && data.Done == 1:
		data.Verdict = "The mailbox is in its new place, with every item that was asked for."
	case data.Good:
		data.Verdict = fmt.Sprintf("All %d mailboxes are in their new places, with every item that was asked for.", data.Done)
	case data.Attention == 1:
		data.Verdict = fmt.Sprintf("1 mailbox of %d needs attention.", len(list))
	default:
		data.Verdict = fmt.Sprintf("%d mailboxes of %d need attention.", data.Attention, len(list))
	}
	if err := pages().ExecuteTemplate(w, "overview", data); err != nil {
		return err
	}
	left := pageLimit
	for _, o := range data.Mailboxes {
		if o.Totals.Failed+o.Totals.Open+o.Noted == 0 {
			continue
		}
		n, err := o.items(ctx, w, left)
		if err != nil {
			return err
		}
		if left -= n; left == 0 {
			break
		}
	}
	return pages().ExecuteTemplate(w, "foot", struct {
		Shown int64
		Full  bool
	}{int64(pageLimit - left), left == 0})
}

// items lists at most limit items of a mailbox that failed, lost something or
// are open.
func (m Mailbox) items(ctx context.Context, w io.Writer, limit int) (int, error) {
	l, err := ledger.Read(ctx, m.Ledger)
	if err != nil {
		return 0, nil // the overview says so
	}
	defer l.Close()
	return worst(ctx, w, l, m.Name+": ", limit)
}

type jsonMailbox struct {
	Name    string   `json:"name"`
	Source  string   `json:"source"`
	Sink    string   `json:"sink"`
	State   string   `json:"state"`
	Detail  string   `json:"detail,omitempty"`
	Good    bool     `json:"complete"`
	Ledger  string   `json:"ledger"`
	Report  string   `json:"report,omitempty"`
	Totals  Totals   `json:"totals"`
	Severe  int64    `json:"severe"`
	Folders []Folder `json:"folders"`
	Reasons []Reason `json:"reasons"`
	Started string   `json:"started,omitempty"`
	Ended   string   `json:"ended,omitempty"`
	Runs    int      `json:"runs"`
}

// AllJSON writes one object: an entry for each mailbox, and the totals.
func AllJSON(ctx context.Context, w io.Writer, list []Mailbox) error {
	out := bufio.NewWriter(w)
	var totals Totals
	out.WriteString("{\n\"mailboxes\": [")
	for i, m := range list {
		o, err := m.overview(ctx)
		if err != nil {
			return err
		}
		totals.sum(o.Totals)
		started, ended := o.span()
		b, err := json.Marshal(jsonMailbox{
			Name: o.Name, Source: o.Mailbox.Pair.Source, Sink: o.Mailbox.Pair.Sink, State: o.State, Detail: o.Detail, Good: o.Good,
			Ledger: o.Ledger, Report: o.Page, Totals: o.Totals, Severe: o.Severe, Folders: o.Folders, Reasons: o.Reasons,
			Started: started, Ended: ended, Runs: len(o.Runs),
		})
		if err != nil {
			return err
		}
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteByte('\n')
		out.Write(b)
	}
	b, err := json.Marshal(totals)
	if err != nil {
		return err
	}
	out.WriteString("\n],\n\"totals\": ")
	out.Write(b)
	out.WriteString("\n}\n")
	return out.Flush()
}

// span is when the first run began and the last one ended.
func (o overview) span() (started, ended string) {
	if n := len(o.Runs); n > 0 {
		return stamp(o.Runs[0].Started), stamp(o.Runs[n-1].Ended)
	}
	return "", ""
}

// AllCSV writes a header line and a line for each mailbox, with the care that
// [CSV] takes.
func AllCSV(ctx context.Context, w io.Writer, list []Mailbox) error {
	out := csv.NewWriter(w)
	out.Write([]string{"mailbox", "source", "sink", "state", "detail", "complete", "items", "copied", "duplicate", "skipped", "failed", "not done", "lost content", "deleted at the source", "bytes", "folders", "folders not listed", "started", "ended"})
	for _, m := range list {
		o, err := m.overview(ctx)
		if err != nil {
			return err
		}
		unlisted := int64(0)
		for _, f := range o.Folders {
			if f.Error != "" {
				unlisted++
			}
		}
		line := []string{plain(o.Name), plain(o.Mailbox.Pair.Source), plain(o.Mailbox.Pair.Sink), o.State, plain(o.Detail), strconv.FormatBool(o.Good)}
		t := o.Totals
		for _, n := range []int64{t.Items, t.Copied, t.Duplicate, t.Skipped, t.Failed, t.Open, o.Severe, t.Removed, t.Bytes, int64(len(o.Folders)), unlisted} {
			line = append(line, strconv.FormatInt(n, 10))
		}
		started, ended := o.span()
		out.Write(append(line, started, ended))
	}
	out.Flush()
	return out.Error()
}
