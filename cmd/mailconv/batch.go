package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/converters/migrate"
	"github.com/mailconv/mailconv/converters/migrate/batch"
	"github.com/mailconv/mailconv/converters/report"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/all"
	"github.com/mailconv/mailconv/transport/secret"
	"github.com/mailconv/mailconv/transport/spool"
	"github.com/mailconv/mailconv/transport/throttle"
)

const (
	// batchWorkers is how many folders are worked on at once at most, over all
	// mailboxes: each takes connections and buffers.
	batchWorkers = 8
	// batchBudget is the memory of bodies on their way, over all mailboxes.
	batchBudget = 6 << 20
)

func batchCommand(std stdio) *cli.Command {
	flags := append([]cli.Flag{
		&cli.IntFlag{Name: "jobs", Aliases: []string{"j"}, Usage: "work on `N` mailboxes at once", Value: 4},
		&cli.BoolFlag{Name: "only-failed", Usage: "leave out mailboxes that are done"},
		&cli.BoolFlag{Name: "dry-run", Aliases: []string{"n"}, Usage: "say what would be done, and do nothing"},
		&cli.StringFlag{Name: "state", Usage: "`DIR` of the ledgers (default: in the user's state folder, named after FILE)"},
		&cli.StringSliceFlag{Name: "report", Usage: "write one report over all to `FILE`: .html, .json or .csv; those of the mailboxes lie in a folder beside it"},
	}, runFlags()...)
	return &cli.Command{
		Name:      "batch",
		Usage:     "copy many mailboxes that are listed in a file",
		ArgsUsage: "[options] FILE",
		Flags:     append(flags, storeFlags()...),
		Description: `FILE is CSV with a header line, or TOML with a table [[mailbox]] for each
mailbox and [defaults] for all. The columns source and sink are addresses;
source-secret and sink-secret say where a password is: env:NAME, file:PATH or
keyring:NAME (default: what mailconv login stored). Other columns are options of
copy for that mailbox; they win over those of the command line:
` + wrapped(batch.Settings()) + `
In CSV several values are separated by semicolons. Each mailbox has a ledger of
its own: run the same command again to go on. Limits on bytes are for each
mailbox; --workers is for all together (at most 8, but one for each mailbox
at least).

EXAMPLES:
   mailconv batch --dry-run company.csv
   mailconv batch --jobs 8 --report company.html company.csv
   mailconv batch --only-failed company.csv`,
		Action: func(c *cli.Context) error { return runBatch(c, std) },
	}
}

// wrapped sets words in lines of the help.
func wrapped(words []string) string {
	var b strings.Builder
	n := 80
	for _, w := range words {
		if n+len(w)+2 > 76 {
			b.WriteString("\n  ")
			n = 2
		}
		b.WriteString(" " + w)
		n += len(w) + 1
	}
	return strings.TrimPrefix(b.String(), "\n") + "\n"
}

func runBatch(c *cli.Context, std stdio) error {
	if c.NArg() != 1 {
		return usagef("name one file, .csv or .toml")
	}
	if c.Int("jobs") < 1 {
		return usagef("--jobs wants a number from 1 on")
	}
	for _, name := range c.StringSlice("report") {
		if !reportKind(name) {
			return usagef("--report %s: the name must end in .html, .json or .csv", name)
		}
	}
	rows, err := readBatch(c.Args().First())
	if err != nil {
		return err
	}
	cv, err := converterOf(c)
	if err != nil {
		return err
	}
	sp := spool.New(batchBudget, "")
	defer sp.Close()
	cv.Spool = sp
	shareMemory(c.Int("jobs"))
	o := batch.Options{Mask: maskOf(c).String, Jobs: c.Int("jobs"), OnlyFailed: c.Bool("only-failed"), Open: opener(c, cv)}
	if o.Migrate, err = optionsOf(c, cv, sp); err != nil {
		return err
	}
	workers := batchWorkers
	if c.IsSet("workers") {
		workers = min(o.Migrate.Workers, batchWorkers)
	}
	o.Migrate.Workers = max(1, workers/o.Jobs)
	if o.Dir, err = batchDir(c); err != nil {
		return err
	}
	show, err := newBatchProgress(c, std)
	if err != nil {
		return err
	}
	o.Observer = show.event
	if c.Bool("dry-run") {
		return dryBatch(c.Context, rows, o, std)
	}
	show.say("ledgers in " + o.Dir)
	res, err := batch.Run(c.Context, rows, o)
	if res == nil {
		return err
	}
	show.result(res)
	rerr := batchReports(context.WithoutCancel(c.Context), c.StringSlice("report"), res)
	if c.Context.Err() != nil {
		return &exitError{exitInterrupted, errors.Join(errors.New("interrupted; the state is saved, run the same command to go on"), rerr)}
	}
	if err = errors.Join(err, rerr); err != nil {
		return err
	}
	if code := batchCode(res); code != exitOK {
		return &exitError{code: code}
	}
	return nil
}

// readBatch reads the file and refuses stores that there are not.
func readBatch(name string) ([]batch.Row, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, &exitError{exitNothingRead, err}
	}
	defer f.Close()
	rows, err := batch.Parse(name, f)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		for _, address := range []string{rows[i].Source, rows[i].Sink} {
			a, err := transport.ParseAddress(address)
			if err == nil && a.Scheme != "" {
				_, _, err = all.Registry().Resolve(a)
			}
			if err != nil {
				return nil, usagef("%s: mailbox %s: %w", name, rows[i].Name, err)
			}
		}
	}
	return rows, nil
}

// batchDir is the folder of the ledgers.
func batchDir(c *cli.Context) (string, error) {
	if dir := c.String("state"); dir != "" {
		return dir, nil
	}
	file, err := filepath.Abs(c.Args().First())
	if err != nil {
		return "", err
	}
	path, err := ledger.DefaultPath(ledger.Pair{})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(file))
	name := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	return filepath.Join(filepath.Dir(path), "batch-"+name+"-"+hex.EncodeToString(sum[:4])), nil
}

// opener opens the stores of a row.
func opener(c *cli.Context, cv *converters.Converter) func(context.Context, *batch.Row) (transport.Source, transport.Sink, error) {
	// Without a folder for configuration there is nothing stored.
	store, _ := secret.Default()
	prepare := func(address, ref string) (transport.Address, *transport.Env, error) {
		a, err := transport.ParseAddress(address)
		if err != nil {
			return a, nil, err
		}
		f, err := secret.Reference(ref, store)
		if err != nil {
			return a, nil, err
		}
		f.Found = maskOf(c).Add
		if a.Scheme == "" {
			return a, &transport.Env{Convert: cv}, nil
		}
		env, a, err := access(c, f, cv, a)
		return a, env, err
	}
	return func(ctx context.Context, r *batch.Row) (transport.Source, transport.Sink, error) {
		a, env, err := prepare(r.Source, r.SourceSecret)
		if err != nil {
			return nil, nil, fmt.Errorf("source: %w", err)
		}
		source, err := all.Registry().OpenSource(ctx, a, env)
		if err != nil {
			return nil, nil, fmt.Errorf("source: %w", err)
		}
		source = named(source, a)
		if rate := bytesOf(c, "rate"); rate > 0 {
			source = throttle.New(throttle.Limits{Bytes: rate}).Source(source)
		}
		if a, env, err = prepare(r.Sink, r.SinkSecret); err == nil {
			var sink transport.Sink
			if sink, err = all.Registry().OpenSink(ctx, a, env); err == nil {
				return source, sink, nil
			}
		}
		source.Close()
		return nil, nil, fmt.Errorf("sink: %w", err)
	}
}

// batchCode is the exit code. When all that ended badly ended for one reason,
// and nothing went well, it is that of the reason.
func batchCode(res *batch.Result) int {
	code := exitOK
	for _, r := range res.Rows {
		this := exitOK
		switch {
		case r.Err != nil:
			this = exitCode(r.Err)
		case r.State != batch.Done:
			this = exitSomeFailed
		}
		if code != this && code != exitOK {
			return exitSomeFailed
		}
		code = max(code, this)
	}
	if code != exitOK && res.Count(batch.Done) > 0 {
		return exitSomeFailed
	}
	return code
}

func dryBatch(ctx context.Context, rows []batch.Row, o batch.Options, std stdio) error {
	list, err := batch.DryRun(ctx, rows, o)
	code := exitOK
	for _, p := range list {
		switch {
		case p.Err != nil:
			printFile(std.err, p.Row.Name, p.Err.Error())
			code = exitSomeFailed
		case p.Known:
			fmt.Fprintf(std.out, "%s: done\n", oneLine(p.Row.Name))
		case p.Forecast != nil:
			fmt.Fprintf(std.out, "%s: ", oneLine(p.Row.Name))
			printForecast(std.out, p.Forecast)
		}
	}
	if err == nil && code != exitOK {
		return &exitError{code: code}
	}
	return err
}

// batchReports writes the reports over all, and those of the mailboxes into a
// folder beside each.
func batchReports(ctx context.Context, names []string, res *batch.Result) error {
	for _, name := range names {
		ext := filepath.Ext(name)
		dir := strings.TrimSuffix(name, ext) + ".mailboxes"
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		var list []report.Mailbox
		for _, r := range res.Rows {
			m := report.Mailbox{Name: r.Row.Name, Pair: r.Row.Pair(), Ledger: r.Ledger}
			file := strings.TrimSuffix(filepath.Base(r.Ledger), ".ledger") + ext
			if err := mailboxReport(ctx, filepath.Join(dir, file), r.Ledger); err == nil {
				m.Page = filepath.Base(dir) + "/" + file
			} else if !errors.Is(err, os.ErrNotExist) {
				return err
			}
			list = append(list, m)
		}
		if err := report.WriteAll(ctx, name, list); err != nil {
			return err
		}
	}
	return nil
}

func mailboxReport(ctx context.Context, name, path string) error {
	l, err := ledger.Read(ctx, path)
	if err != nil {
		return err
	}
	defer l.Close()
	return report.Write(ctx, name, l)
}

// batchProgress has lines that begin with the name of a mailbox.
type batchProgress struct {
	*progress
	verbose bool
	results map[string]*migrate.Result
}

func newBatchProgress(c *cli.Context, std stdio) (*batchProgress, error) {
	p, err := newProgress(c.String("progress"), "items", std)
	if err != nil {
		return nil, err
	}
	return &batchProgress{p, c.Bool("verbose"), map[string]*migrate.Result{}}, nil
}

func (p *batchProgress) say(s string) {
	if p.kind != "json" {
		fmt.Fprintf(p.std.err, "mailconv: %s\n", oneLine(s))
	}
}

func (p *batchProgress) event(r *batch.Row, e migrate.Event) {
	if p.kind == "json" {
		if line, err := batch.MarshalEvent(r, e); err == nil {
			fmt.Fprintf(p.std.err, "%s\n", line)
		}
		return
	}
	say := func(format string, args ...any) { printFile(p.std.err, r.Name, fmt.Sprintf(format, args...)) }
	switch e := e.(type) {
	case batch.Started:
		if p.kind != "none" {
			say("begun")
		}
	case batch.Ended:
		text := string(e.State)
		switch {
		case e.Known:
			text = "done before"
		case e.Error != "":
			text += ": " + e.Error
		}
		if res := p.results[r.Name]; res != nil && e.Error == "" {
			text += ": " + resultText(res)
		}
		say("%s", text)
	case migrate.RunDone:
		p.results[r.Name] = &e.Result
	default:
		if text := eventText(e, p.verbose, p.kind == "plain"); text != "" {
			say("%s", text)
		}
	}
}

// result sums up a batch.
func (p *batchProgress) result(res *batch.Result) {
	text := ""
	for _, s := range []batch.State{batch.Done, batch.Incomplete, batch.Stopped, batch.Interrupted, batch.NotBegun} {
		if n := res.Count(s); n > 0 {
			text += fmt.Sprintf(", %d %s", n, s)
		}
	}
	p.say(plural(len(res.Rows), "mailbox", "mailboxes") + ": " + strings.TrimPrefix(text, ", "))
}
