package main

import (
	"fmt"
	"time"

	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/converters/migrate"
)

// copyProgress shows the events of a run in one of four ways.
type copyProgress struct {
	*progress
	verbose bool
}

func newCopyProgress(kind string, verbose bool, std stdio) (*copyProgress, error) {
	p, err := newProgress(kind, "items", std)
	if err != nil {
		return nil, err
	}
	return &copyProgress{p, verbose}, nil
}

// say prints a line that is no event.
func (p *copyProgress) say(s string) {
	if p.kind != "json" {
		fmt.Fprintf(p.std.err, "mailconv: %s\n", oneLine(s))
	}
}

func (p *copyProgress) event(e migrate.Event) {
	if p.kind == "json" {
		line, err := migrate.MarshalEvent(e)
		if err == nil {
			fmt.Fprintf(p.std.err, "%s\n", line)
		}
		return
	}
	switch e := e.(type) {
	case migrate.RunStarted:
		if e.Items > 0 {
			p.start(int(e.Items))
		}
	case migrate.ItemDone:
		p.step()
	case migrate.FolderDone:
		p.steps(int(e.Known))
	}
	if text := eventText(e, p.verbose, p.kind == "plain"); text != "" {
		p.print(func() { p.say(text) })
	}
}

// eventText is what is said of an event, "" when it is nothing.
func eventText(e migrate.Event, verbose, plain bool) string {
	switch e := e.(type) {
	case migrate.ItemDone:
		if e.State != ledger.Failed && !verbose {
			return ""
		}
		text := e.Folder + " " + e.Key + ": " + string(e.State)
		if e.Reason != "" {
			text += " (" + e.Reason + ")"
		}
		if e.Detail != "" {
			text += ": " + e.Detail
		}
		return text
	case migrate.FolderDone:
		switch {
		case e.Error != "":
			return printableName(e.Folder) + ": " + e.Error
		case plain:
			return fmt.Sprintf("%s: %d listed, %d known", e.Folder, e.Listed, e.Known)
		}
	case migrate.Waiting:
		if e.For >= time.Second {
			return fmt.Sprintf("waiting %s: %s", e.For.Round(time.Second), e.Why)
		}
	case migrate.Trouble:
		if e.Folder != "" {
			return e.Folder + ": " + e.Text
		}
		return e.Text
	}
	return ""
}

// result sums up a run.
func (p *copyProgress) result(r *migrate.Result) {
	if p.kind == "json" || r == nil {
		return
	}
	p.say(resultText(r))
}

func resultText(r *migrate.Result) string {
	s := fmt.Sprintf("%d copied (%s)", r.Copied, bytesText(r.Bytes))
	for _, e := range []struct {
		n    int64
		what string
	}{
		{r.Known, "known"},
		{r.Present, "were there"},
		{r.Found, "put by a run that was killed"},
		{r.Rekeyed, "under new keys"},
		{r.Moved, "moved"},
		{r.Flags, "with new flags"},
		{r.Deleted, "deleted"},
		{r.Removed, "deleted at the source"},
		{r.Kept, "kept at the source"},
		{r.Duplicate, "duplicate"},
		{r.Skipped, "skipped"},
		{r.Failed, "failed"},
		{r.Severe, "lost content"},
	} {
		if e.n > 0 {
			s += fmt.Sprintf(", %d %s", e.n, e.what)
		}
	}
	if r.Unlisted > 0 {
		s += ", " + plural(int(r.Unlisted), "folder", "folders") + " could not be listed"
	}
	return s
}
