package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/converters/migrate"
	"github.com/mailconv/mailconv/converters/migrate/meaning"
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/msg"
	"github.com/mailconv/mailconv/transport/spool"
)

// spoolBudget is the memory that bodies on their way may take, over all
// workers; beyond it they go to files.
const spoolBudget = 16 << 20

func copyCommand(std stdio) *cli.Command {
	flags := append([]cli.Flag{
		&cli.BoolFlag{Name: "dry-run", Aliases: []string{"n"}, Usage: "say what would be done, and do nothing"},
		&cli.StringFlag{Name: "save-plan", Usage: "with --dry-run: write the plan to `FILE`"},
		&cli.StringFlag{Name: "plan", Usage: "carry out the plan in `FILE`"},
	}, copyFlags()...)
	return &cli.Command{
		Name:      "copy",
		Usage:     "copy everything from one store to another; run it again to go on",
		ArgsUsage: "[options] SOURCE SINK",
		Flags:     flags,
		Description: `Each item gets one row in a ledger: copied, duplicate, skipped or failed, with
the reason. A run that was interrupted, or killed, goes on where it was; a run
with nothing new puts nothing. A later run also carries changes of flags and
moves. No import ever sends mail.

EXAMPLES:
   mailconv copy archive.mbox maildir:Mail
   mailconv copy --dry-run imaps://zoe@old.example imaps://zoe@new.example
   mailconv copy --folder-map 'Old/2019=2019' --since 2019-01-01 maildir:Mail mbox:out
   mailconv copy maildir:Mail 'dir:out?format=msg' --report report.html

` + storesHelp(),
		Action: func(c *cli.Context) error { return runCopy(c, std) },
	}
}

// copyFlags are the options of a copy that copy and watch have in common.
func copyFlags() []cli.Flag {
	flags := []cli.Flag{
		&cli.StringFlag{Name: "state", Usage: "`FILE` of the ledger (default: in the user's state folder, named after the pair)"},
		&cli.StringSliceFlag{Name: "report", Usage: "write a report to `FILE`: .html, .json or .csv"},
		&cli.StringFlag{Name: "log", Usage: "append a line of JSON for each call to the stores to `FILE`, without bodies, subjects and secrets"},
	}
	flags = append(flags, runFlags()...)
	return append(flags, storeFlags(sourceRole, sinkRole)...)
}

// runFlags say how a mailbox is copied, in copy, watch and batch.
func runFlags() []cli.Flag {
	flags := append(filterFlags(),
		&cli.StringFlag{Name: "query", Usage: "only items that match `QUERY` in the source's own language, as in SUBJECT \"offer\" for IMAP"},
		&cli.StringSliceFlag{Name: "folder-map", Usage: "put folder A and what is below it into B, as `A=B`"},
		&cli.BoolFlag{Name: "keep-names", Usage: "do not translate Sent Items and its like to the sink's own"},
		&cli.BoolFlag{Name: "merge", Usage: "put folders of the same name into one"},
		&cli.StringFlag{Name: "non-mail", Usage: "appointments, contacts and tasks in a sink for mail: `mail` (in a folder of its own) or skip", Value: "mail"},
		&cli.BoolFlag{Name: "dedupe", Usage: "copy identical items once"},
		&cli.BoolFlag{Name: "mirror-deletes", Usage: "delete in the sink what was deleted in the source"},
		&cli.BoolFlag{Name: "delete-source", Usage: "delete at the source what the sink, asked again, has whole"},
		&cli.BoolFlag{Name: "no-flags", Usage: "do not carry changes of flags"},
		&cli.BoolFlag{Name: "no-moves", Usage: "do not carry moves between folders"},
		&cli.BoolFlag{Name: "keep-failed", Usage: "do not try again what failed in an earlier run"},
		&cli.BoolFlag{Name: "repair", Usage: "mend mails that the sink rejects (bare line feeds, zeros, long lines); recorded as a change"},
		&cli.StringFlag{Name: "quarantine", Usage: "`DIR` for the raw bytes of items that failed (default: beside the ledger)"},
		&cli.IntFlag{Name: "workers", Usage: "work on `N` folders at once", DefaultText: "one for each processor, at most 4; with a server one at first, and one more each second, up to 4"},
		bytesFlag("rate", "at most `SIZE` a second, as 500k or 2MiB"),
		bytesFlag("bytes-per-day", "at most `SIZE` in 24 hours, as 2.5G; the run waits"),
		bytesFlag("max-bytes", "stop after `SIZE`, as 10G, state saved"),
		&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Usage: "a line for each item"},
		&cli.StringFlag{Name: "progress", Usage: "`KIND` of progress: bar, plain, json or none (default: a bar on a terminal)"},
	)
	return append(flags, conversionFlags()...)
}

// filterFlags select what is copied.
func filterFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "folder", Usage: "only folders that match `PATTERN`, and what is below them"},
		&cli.StringSliceFlag{Name: "exclude", Usage: "not folders that match `PATTERN`"},
		&cli.StringFlag{Name: "since", Usage: "only items that arrived on `DATE` (2006-01-02) or later"},
		&cli.StringFlag{Name: "before", Usage: "only items that arrived before `DATE`"},
		bytesFlag("max-size", "only items of at most `SIZE`, as 25M"),
		&cli.StringSliceFlag{Name: "class", Usage: "only items whose message class matches `PATTERN`, as in IPM.Note*"},
		&cli.BoolFlag{Name: "hidden", Usage: "also folders that a mail program does not show"},
	}
}

func filterOf(c *cli.Context) (migrate.Filter, error) {
	f := migrate.Filter{
		Folders: c.StringSlice("folder"), Exclude: c.StringSlice("exclude"), Classes: c.StringSlice("class"),
		MaxSize: bytesOf(c, "max-size"), Hidden: c.Bool("hidden"),
	}
	for name, t := range map[string]*time.Time{"since": &f.Since, "before": &f.Before} {
		if s := c.String(name); s != "" {
			var err error
			if *t, err = time.Parse("2006-01-02", s); err != nil {
				if *t, err = time.Parse(time.RFC3339, s); err != nil {
					return f, usagef("--%s %s: want a date as 2006-01-02 or 2006-01-02T15:04:05Z", name, s)
				}
			}
		}
	}
	return f, nil
}

func optionsOf(c *cli.Context, cv *converters.Converter, sp *spool.Spool) (migrate.Options, error) {
	o := migrate.Options{
		Converter: cv, Contenter: &meaning.Reader{Converter: cv}, Spool: sp,
		Encode:  func(ctx context.Context, w io.Writer, m *mapi.Message) error { return msg.Write(ctx, w, m, nil) },
		Workers: c.Int("workers"), NoRoles: c.Bool("keep-names"), Merge: c.Bool("merge"), Dedupe: c.Bool("dedupe"),
		MirrorDeletes: c.Bool("mirror-deletes"), DeleteSource: c.Bool("delete-source"), Query: c.String("query"), NoFlags: c.Bool("no-flags"), NoMoves: c.Bool("no-moves"),
		KeepFailed: c.Bool("keep-failed"), Repair: c.Bool("repair"), Quarantine: c.String("quarantine"),
		BytesPerDay: bytesOf(c, "bytes-per-day"), MaxBytes: bytesOf(c, "max-bytes"),
	}
	var err error
	if n := c.Int("workers"); n < 0 {
		return o, usagef("--workers %d: want 1 or more, or leave it out", n)
	}
	if o.Filter, err = filterOf(c); err != nil {
		return o, err
	}
	for _, s := range c.StringSlice("folder-map") {
		r, ok := migrate.ParseMapRule(s)
		if !ok {
			return o, usagef("--folder-map %s: want A=B", s)
		}
		o.Map = append(o.Map, r)
	}
	switch c.String("non-mail") {
	case "mail":
	case "skip":
		o.NonMail = migrate.NonMailSkip
	default:
		return o, usagef("--non-mail takes mail or skip")
	}
	if name := c.String("plan"); name != "" {
		if _, err := os.Stat(name); err != nil {
			return o, usagef("--plan: %w", err)
		}
		o.Plan = &migrate.Plan{Open: func() (io.ReadCloser, error) { return os.Open(name) }}
	}
	return o, nil
}

func runCopy(c *cli.Context, std stdio) error {
	s, err := openCopy(c, std)
	if err != nil {
		return err
	}
	defer s.close()
	if c.Bool("dry-run") {
		return dryRun(c, std, s)
	}
	if err := s.begin(); err != nil {
		return err
	}
	res, err := s.run(s.options)
	if err == nil {
		err = s.closeSink()
	}
	s.show.result(res)
	if rerr := s.reports(); err == nil {
		err = rerr
	}
	switch {
	case c.Context.Err() != nil:
		return &exitError{exitInterrupted, errors.New("interrupted; the state is saved, run the same command to go on")}
	case err != nil:
		return err
	case !res.Complete():
		return &exitError{code: exitSomeFailed}
	}
	return nil
}

func dryRun(c *cli.Context, std stdio, s *copySession) error {
	var l *ledger.Ledger
	if _, err := os.Stat(s.state); err == nil {
		if l, err = ledger.Read(c.Context, s.state); err != nil {
			return err
		}
		defer l.Close()
	}
	var f *migrate.Forecast
	plan := func(w io.Writer) (err error) {
		f, err = migrate.DryRun(c.Context, s.source, s.sink, l, s.options, w)
		return err
	}
	var err error
	if name := c.String("save-plan"); name != "" {
		err = converters.WriteFile(name, plan)
	} else {
		err = plan(nil)
	}
	if err != nil {
		return err
	}
	if c.String("progress") == "json" {
		return json.NewEncoder(std.out).Encode(f)
	}
	printForecast(std.out, f)
	return nil
}

func printForecast(w io.Writer, f *migrate.Forecast) {
	fmt.Fprintf(w, "%s, %d of them new in the sink\n", plural(f.Folders, "folder", "folders"), f.NewFolders)
	row := func(n int64, what string) {
		if n > 0 {
			fmt.Fprintf(w, "%9d  %s\n", n, what)
		}
	}
	row(f.Copy, "to copy, "+bytesText(f.Bytes))
	row(f.Known, "done by earlier runs")
	row(f.Present, "that the sink seems to have")
	row(f.TooLarge, "too large for the sink")
	for reason, n := range f.Skip {
		row(n, "left out: "+reason)
	}
	row(f.Extra, "in the sink that the source does not have")
	row(int64(f.Unlisted), "folders that cannot be listed")
	if f.Room >= 0 && f.Room < f.Bytes {
		fmt.Fprintf(w, "the sink has room for %s only\n", bytesText(f.Room))
	}
	if f.Copy > 0 {
		how := "a guess"
		if f.Measured {
			how = "at the pace of earlier runs"
		}
		fmt.Fprintf(w, "it takes about %s (%s)\n", f.Estimate.Round(time.Second), how)
	}
}

func bytesText(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d bytes", n)
	case n < 1e6:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	case n < 1e9:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.2f GB", float64(n)/1e9)
}
