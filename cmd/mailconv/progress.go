package main

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress draws how far a long work is: a bar on a terminal, lines or JSON
// events where asked.
type progress struct {
	kind  string
	what  string
	std   stdio
	mu    sync.Mutex
	bar   *progressbar.ProgressBar
	total int
	count int
	last  time.Time
}

// barFrom is the number of steps from which a bar is worth drawing.
const barFrom = 10

func newProgress(kind, what string, std stdio) (*progress, error) {
	switch kind {
	case "":
		kind = "none"
		if std.terminal {
			kind = "bar"
		}
	case "bar", "plain", "json", "none":
	default:
		return nil, usagef("--progress takes bar, plain, json or none, not %q", kind)
	}
	return &progress{kind: kind, what: what, std: std}, nil
}

func (p *progress) start(total int) {
	p.total = total
	if p.kind == "bar" && total >= barFrom {
		p.bar = progressbar.NewOptions(total, progressbar.OptionSetWriter(p.std.err),
			progressbar.OptionSetDescription(p.what), progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(true),
			progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionSetWidth(30), progressbar.OptionClearOnFinish())
	}
}

func (p *progress) step() { p.steps(1) }

// steps counts n steps at once.
func (p *progress) steps(n int) {
	if n == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count += n
	if p.bar != nil {
		_ = p.bar.Add(n) // only the drawing can fail
		return
	}
	if p.kind != "plain" && p.kind != "json" {
		return
	}
	if now := time.Now(); now.Sub(p.last) < time.Second && p.count != p.total {
		return
	} else {
		p.last = now
	}
	if p.kind == "json" {
		line, _ := json.Marshal(map[string]any{"event": "progress", "what": p.what, "done": p.count, "total": p.total})
		fmt.Fprintf(p.std.err, "%s\n", line)
		return
	}
	if p.total == 0 { // nobody knows it
		fmt.Fprintf(p.std.err, "mailconv: %s so far: %d\n", p.what, p.count)
		return
	}
	fmt.Fprintf(p.std.err, "mailconv: %d of %d %s\n", p.count, p.total, p.what)
}

// print runs f, which prints something, with the bar out of its way; the next
// step draws it again.
func (p *progress) print(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Clear()
	}
	f()
}

func (p *progress) finish() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
