package report

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/transport"
)

// Write writes the report to a file, in the format of its extension: .html,
// .json or .csv. The file appears when it is complete.
func Write(ctx context.Context, path string, l *ledger.Ledger) error {
	render, err := byExtension(path, HTML, JSON, CSV)
	if err != nil {
		return err
	}
	return writeFile(path, func(w io.Writer) error { return render(ctx, w, l) })
}

// byExtension picks what a file's name asks for.
func byExtension[F any](path string, html, json, csv F) (none F, err error) {
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".html", ".htm":
		return html, nil
	case ".json":
		return json, nil
	case ".csv":
		return csv, nil
	default:
		return none, fmt.Errorf("report %s: there is no report of the kind %q; use .html, .json or .csv", path, ext)
	}
}

func writeFile(path string, render func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".report-*")
	if err != nil {
		// The name of the temporary file says nothing to the user.
		var pe *fs.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return fmt.Errorf("report: %s cannot be written: %w", path, err)
	}
	defer os.Remove(f.Name())
	w := bufio.NewWriterSize(f, 64<<10)
	if err = render(w); err == nil {
		err = w.Flush()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("report %s: %w", path, err)
	}
	return nil
}

// Totals are numbers of items by state.
type Totals struct {
	Items     int64 `json:"items"`
	Copied    int64 `json:"copied"`
	Duplicate int64 `json:"duplicate"`
	Skipped   int64 `json:"skipped"`
	Failed    int64 `json:"failed"`
	// Removed were deleted at the source once they were copied.
	Removed int64 `json:"removed,omitempty"`
	// Open are pending, or intents of a run that was killed.
	Open  int64 `json:"open"`
	Bytes int64 `json:"bytes"`
}

func (t *Totals) add(c ledger.Count) {
	t.Items += c.Items
	switch c.State {
	case ledger.Copied:
		t.Copied += c.Items
		t.Bytes += c.Bytes
		if c.Gone == ledger.Removed {
			t.Removed += c.Items
		}
	case ledger.Duplicate:
		t.Duplicate += c.Items
	case ledger.Skipped:
		t.Skipped += c.Items
	case ledger.Failed:
		t.Failed += c.Items
	default:
		t.Open += c.Items
	}
}

// Folder is what a report says of one folder.
type Folder struct {
	Source string `json:"source"`
	Sink   string `json:"sink"`
	// Stored is what the sink calls the folder, where that differs from the
	// path: names that a store cannot hold are escaped.
	Stored string `json:"stored,omitempty"`
	// Expected is what the store said that it holds, -1 when it did not.
	Expected int64 `json:"expected"`
	Totals
	Error string `json:"error,omitempty"`
	Note  string `json:"note,omitempty"`
	Gone  bool   `json:"gone,omitempty"`
}

// Lacking is how many items the store said that it holds and never listed.
func (f Folder) Lacking() int64 {
	if f.Expected <= f.Items || f.Gone || f.Note == "left out by the filter" {
		return 0
	}
	return f.Expected - f.Items
}

// Reason is how often items were skipped or failed for one reason.
type Reason struct {
	State  ledger.State `json:"state"`
	Reason string       `json:"reason"`
	Items  int64        `json:"items"`
}

// summary is all that is small.
type summary struct {
	Pair    ledger.Pair
	Runs    []ledger.Run
	Totals  Totals
	Severe  int64
	Noted   int64
	Folders []Folder
	Reasons []Reason
	Notes   []ledger.NoteCount
}

func summarise(ctx context.Context, l *ledger.Ledger) (*summary, error) {
	s := &summary{Pair: l.Pair()}
	var err error
	if s.Runs, err = l.Runs(ctx); err != nil {
		return nil, err
	}
	folders, err := l.Folders(ctx)
	if err != nil {
		return nil, err
	}
	sinks, err := l.Sinks(ctx)
	if err != nil {
		return nil, err
	}
	sink, stored := map[int64]string{}, map[int64]string{}
	for _, k := range sinks {
		sink[k.ID] = transport.JoinPath(k.StorePath)
		// Long ones are no names but keys.
		if k.StoreID != sink[k.ID] && len(k.StoreID) <= 120 {
			stored[k.ID] = k.StoreID
		}
	}
	counts, err := l.Counts(ctx)
	if err != nil {
		return nil, err
	}
	at := map[int64]int{}
	for _, f := range folders {
		at[f.ID] = len(s.Folders)
		s.Folders = append(s.Folders, Folder{
			Source: transport.JoinPath(f.Path), Sink: sink[f.Sink], Stored: stored[f.Sink], Expected: f.Expected, Error: f.Error, Note: f.Note, Gone: f.Gone,
		})
	}
	reasons := map[Reason]int{}
	for _, c := range counts {
		s.Totals.add(c)
		if i, ok := at[c.Folder]; ok {
			s.Folders[i].add(c)
		}
		if c.Reason == "" {
			continue
		}
		key := Reason{State: c.State, Reason: c.Reason}
		i, ok := reasons[key]
		if !ok {
			i = len(s.Reasons)
			reasons[key] = i
			s.Reasons = append(s.Reasons, key)
		}
		s.Reasons[i].Items += c.Items
	}
	if s.Notes, err = l.NoteCounts(ctx, 50); err != nil {
		return nil, err
	}
	if s.Severe, err = l.Count(ctx, ledger.Query{Severe: true}); err != nil {
		return nil, err
	}
	s.Noted, err = l.Count(ctx, ledger.Query{Noted: true})
	return s, err
}

// row is one item with what the report says of it.
type row struct {
	ledger.Item
	Folder, Sink string
	Notes        []ledger.Note
}

// names resolves folders.
type names struct{ source, sink map[int64]string }

func namesOf(ctx context.Context, l *ledger.Ledger) (names, error) {
	n := names{map[int64]string{}, map[int64]string{}}
	folders, err := l.Folders(ctx)
	if err != nil {
		return n, err
	}
	for _, f := range folders {
		n.source[f.ID] = transport.JoinPath(f.Path)
	}
	sinks, err := l.Sinks(ctx)
	for _, s := range sinks {
		n.sink[s.ID] = transport.JoinPath(s.StorePath)
	}
	return n, err
}

// rows hands over the items of a query with their notes, in pages.
func rows(ctx context.Context, l *ledger.Ledger, q ledger.Query, n names, fn func(row) (more bool, err error)) error {
	const size = 200
	page := make([]ledger.Item, 0, size)
	stopped := false
	flush := func() error {
		ids := make([]int64, len(page))
		for i, it := range page {
			ids[i] = it.ID
		}
		notes, err := l.Notes(ctx, ids...)
		if err != nil {
			return err
		}
		for _, it := range page {
			more, err := fn(row{Item: it, Folder: n.source[it.Folder], Sink: n.sink[it.Sink], Notes: notes[it.ID]})
			if err != nil {
				return err
			}
			if !more {
				stopped = true
				break
			}
		}
		page = page[:0]
		return nil
	}
	for it, err := range l.Items(ctx, q) {
		if err != nil {
			return err
		}
		if page = append(page, it); len(page) == size {
			if err := flush(); err != nil || stopped {
				return err
			}
		}
	}
	return flush()
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
