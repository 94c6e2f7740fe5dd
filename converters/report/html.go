package report

import (
	"context"
	"embed"
	"fmt"
	"html/template"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mailconv/mailconv/converters/ledger"
)

// pageLimit is how many items the page lists. A page with more is slow to open;
// CSV and JSON have all.
const pageLimit = 5000

//go:embed page.html overview.html style.html
var files embed.FS

// pages are parsed when they are first needed: most commands do not.
var pages = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("page").Funcs(template.FuncMap{
		"n": number, "bytes": size, "time": clock, "percent": percent, "note": noteText, "took": took,
	}).ParseFS(files, "*.html"))
})

// HTML writes one page that needs nothing else.
func HTML(ctx context.Context, w io.Writer, l *ledger.Ledger) error {
	s, err := summarise(ctx, l)
	if err != nil {
		return err
	}
	c, err := chartOf(ctx, l, s.Runs)
	if err != nil {
		return err
	}
	open, err := l.Count(ctx, ledger.Query{States: []ledger.State{ledger.Pending, ledger.Intent}})
	if err != nil {
		return err
	}
	data := struct {
		*summary
		Chart   *chart
		Verdict string
		Good    bool
		Listed  bool
	}{summary: s, Chart: c, Listed: s.Totals.Failed+s.Noted+open > 0}
	data.Verdict, data.Good = verdict(s)
	if err := pages().ExecuteTemplate(w, "head", data); err != nil {
		return err
	}
	shown, err := worst(ctx, w, l, "", pageLimit)
	if err != nil {
		return err
	}
	return pages().ExecuteTemplate(w, "foot", struct {
		Shown int64
		Full  bool
	}{int64(shown), shown == pageLimit})
}

// worst lists at most limit items of which the page tells, the worst first, and
// says how many. Their folders have the prefix before them.
func worst(ctx context.Context, w io.Writer, l *ledger.Ledger, prefix string, limit int) (int, error) {
	n, err := namesOf(ctx, l)
	if err != nil {
		return 0, err
	}
	left, listed := limit, map[int64]bool{}
	for _, q := range []ledger.Query{
		{States: []ledger.State{ledger.Failed}},
		{Severe: true},
		{States: []ledger.State{ledger.Intent, ledger.Pending}},
		{Mild: true},
	} {
		if left == 0 {
			break
		}
		err := rows(ctx, l, q, n, func(r row) (bool, error) {
			if listed[r.ID] {
				return true, nil
			}
			listed[r.ID] = true
			left--
			r.Folder = prefix + r.Folder
			return left > 0, pages().ExecuteTemplate(w, "item", r)
		})
		if err != nil {
			return 0, err
		}
	}
	return len(listed), nil
}

// verdict is the report in one sentence.
func verdict(s *summary) (string, bool) {
	var bad []string
	add := func(n int64, one, many string) {
		if n == 1 {
			bad = append(bad, "1 "+one)
		} else if n > 1 {
			bad = append(bad, number(n)+" "+many)
		}
	}
	var unlisted, lacking int64
	for _, f := range s.Folders {
		if f.Error != "" {
			unlisted++
		}
		lacking += f.Lacking()
	}
	add(s.Totals.Failed, "item failed", "items failed")
	add(s.Severe, "item lost content", "items lost content")
	add(unlisted, "folder could not be listed", "folders could not be listed")
	add(lacking, "item was never listed", "items were never listed")
	add(s.Totals.Open, "item is not done yet", "items are not done yet")
	if len(s.Runs) > 0 {
		// A run that ended early may not have seen what it did not list.
		switch last := s.Runs[len(s.Runs)-1]; {
		case last.Outcome == ledger.Running:
			bad = append(bad, "the last run is under way, or was killed")
		case last.Outcome != ledger.Done:
			bad = append(bad, "the last run did not come to its end")
		case last.Detail != "":
			bad = append(bad, last.Detail)
		}
	}
	if len(bad) == 0 {
		return "Every item that was asked for is in the sink.", true
	}
	text := bad[0]
	if n := len(bad); n > 1 {
		text = strings.Join(bad[:n-1], ", ") + " and " + bad[n-1]
	}
	return strings.ToUpper(text[:1]) + text[1:] + ".", false
}

// number groups digits by thin spaces that do not break.
func number(n int64) string {
	s := strconv.FormatInt(n, 10)
	neg := strings.HasPrefix(s, "-")
	s = strings.TrimPrefix(s, "-")
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "\u202F" + s[i:]
	}
	if neg {
		s = "-" + s
	}
	return s
}

func size(n int64) string {
	if n < 0 {
		return "?"
	}
	f, units := float64(n), []string{"B", "KiB", "MiB", "GiB", "TiB"}
	i := 0
	for f >= 1024 && i < len(units)-1 {
		f /= 1024
		i++
	}
	if i == 0 {
		return fmt.Sprintf("%d\u00A0B", n)
	}
	return fmt.Sprintf("%.1f\u00A0%s", f, units[i])
}

func clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}

func took(a, b time.Time) string {
	if a.IsZero() || b.IsZero() {
		return ""
	}
	return b.Sub(a).String()
}

// percent is the width of a part of a bar. A part that is there is seen.
func percent(part, whole int64) template.CSS {
	if part <= 0 || whole <= 0 {
		return "width:0"
	}
	return template.CSS(fmt.Sprintf("width:max(3px,%.3f%%)", 100*float64(part)/float64(whole)))
}

// A chart is the time line, in units of the drawing.
type chart struct {
	Title       string
	Start, End  string
	Most        string // the highest bar, in words
	Width       int
	Height      int
	Bars        []bar
	Step        string
	Description string
}

type bar struct {
	X, W   string
	Y, H   string // copied
	FY, FH string // failed, on top
	Text   string
}

const (
	chartWidth  = 960
	chartHeight = 140
	chartBars   = 96
)

// chartOf draws all runs when they lie close together, else the last one that
// did something.
func chartOf(ctx context.Context, l *ledger.Ledger, runs []ledger.Run) (*chart, error) {
	first, last, err := l.Span(ctx, 0)
	if err != nil || first.IsZero() {
		return nil, err
	}
	run, title := int64(0), "All runs"
	if last.Sub(first) > 72*time.Hour {
		for i := len(runs) - 1; i >= 0; i-- {
			a, b, err := l.Span(ctx, runs[i].ID)
			if err != nil {
				return nil, err
			}
			if !a.IsZero() {
				first, last, run, title = a, b, runs[i].ID, fmt.Sprintf("Run %d", runs[i].ID)
				break
			}
		}
	}
	if len(runs) == 1 {
		title = "Run 1"
	}
	span := last.Sub(first) + time.Second
	step := max((span+chartBars-1)/chartBars, time.Second).Round(time.Second)
	for span > step*chartBars {
		step += time.Second
	}
	ticks, err := l.Timeline(ctx, run, step)
	if err != nil {
		return nil, err
	}
	c := &chart{Title: title, Start: clock(first), End: clock(last), Width: chartWidth, Height: chartHeight, Step: step.String()}
	base := first.Unix() / int64(step/time.Second) * int64(step/time.Second)
	n := int((last.Unix()-base)/int64(step/time.Second)) + 1
	var most, items int64
	for _, t := range ticks {
		most = max(most, t.Copied+t.Fail)
		items += t.Copied + t.Fail
	}
	if most == 0 {
		return nil, nil
	}
	w := float64(chartWidth) / float64(max(n, 12))
	for _, t := range ticks {
		if t.Copied+t.Fail == 0 {
			continue
		}
		at := int((t.Start.Unix() - base) / int64(step/time.Second))
		h := func(v int64) float64 {
			if v == 0 {
				return 0
			}
			return max(float64(v)/float64(most)*(chartHeight-8), 2)
		}
		hc, hf := h(t.Copied), h(t.Fail)
		f := func(v float64) string { return strconv.FormatFloat(v, 'f', 2, 64) }
		text := fmt.Sprintf("%s: %s copied, %s", clock(t.Start), number(t.Copied), size(t.Bytes))
		if t.Fail > 0 {
			text += fmt.Sprintf(", %s failed", number(t.Fail))
		}
		c.Bars = append(c.Bars, bar{
			X: f(float64(at) * w), W: f(max(w-1, 0.8)), Y: f(chartHeight - hc), H: f(hc), FY: f(max(chartHeight-hc-hf, 0)), FH: f(hf), Text: text,
		})
	}
	c.Most = fmt.Sprintf("%s items in %s", number(most), step)
	c.Description = fmt.Sprintf("%s items in %s", number(items), span)
	return c, nil
}
