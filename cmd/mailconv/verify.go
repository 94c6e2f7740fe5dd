package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/converters/migrate"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/all"
	"github.com/mailconv/mailconv/transport/spool"
)

func verifyCommand(std stdio) *cli.Command {
	flags := []cli.Flag{
		&cli.StringFlag{Name: "level", Usage: "compare `LEVEL`: bytes, properties or content (default: the strongest that each pair of items allows)"},
		&cli.StringFlag{Name: "state", Usage: "`FILE` of the ledger of the copy (default: that of the pair, where there is one)"},
		&cli.BoolFlag{Name: "json", Usage: "print the result as JSON"},
		&cli.BoolFlag{Name: "exact", Usage: "items that only the sink has count as a difference"},
	}
	flags = append(flags, filterFlags()...)
	flags = append(flags,
		&cli.StringSliceFlag{Name: "folder-map", Usage: "as it was for the copy: `A=B`"},
		&cli.BoolFlag{Name: "keep-names", Usage: "as it was for the copy"},
		&cli.BoolFlag{Name: "merge", Usage: "as it was for the copy"},
		&cli.StringFlag{Name: "non-mail", Usage: "as it was for the copy: `mail` or skip", Value: "mail"},
	)
	flags = append(flags, storeFlags(sourceRole, sinkRole)...)
	return &cli.Command{
		Name:      "verify",
		Usage:     "prove that a sink holds what a source holds",
		ArgsUsage: "[options] SOURCE SINK",
		Flags:     flags,
		Description: `Items are paired by the ledger of the copy, else by content, as a multiset: three
identical mails must be there three times. What is missing, different or extra
is listed with a reason; the reasons are a closed list (doc/verify.md).

EXAMPLES:
   mailconv verify archive.mbox maildir:Mail
   mailconv verify --level content --json maildir:Mail 'dir:out?format=msg'`,
		Action: func(c *cli.Context) error { return runVerify(c, std) },
	}
}

func runVerify(c *cli.Context, std stdio) error {
	if c.NArg() != 2 {
		return usagef("name a source and a sink")
	}
	sp := spool.New(spoolBudget, "")
	defer sp.Close()
	cv := &converters.Converter{Spool: sp}
	o, err := optionsOf(c, cv, sp)
	if err != nil {
		return err
	}
	src, from, err := openSource(c, c.Args().Get(0), sourceRole, cv)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, to, err := openCopied(c, c.Args().Get(1), cv)
	if err != nil {
		return err
	}
	defer dst.Close()
	v := &migrate.VerifyOptions{Level: migrate.Level(c.String("level")), Run: o}
	l, err := ledgerOf(c, ledger.Pair{Source: from.String(), Sink: to.String()})
	if err != nil {
		return err
	}
	if l != nil {
		defer l.Close()
		v.Ledger = l
	}
	res, err := migrate.Verify(c.Context, src, dst, v)
	if err != nil {
		return err
	}
	for i := range res.Findings {
		res.Findings[i].Detail = maskOf(c).String(res.Findings[i].Detail)
	}
	if c.Bool("json") {
		enc := json.NewEncoder(std.out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(res); err != nil {
			return err
		}
	} else {
		printVerify(std, res)
	}
	if !res.Clean() || c.Bool("exact") && !res.Exact() {
		return &exitError{code: exitSomeFailed}
	}
	return nil
}

// openCopied opens the store that a copy went to, as the sink that it was: the
// folder of its address is where copies are put. A store that can only be read
// was filled by somebody else.
func openCopied(c *cli.Context, address string, cv *converters.Converter) (io.Closer, transport.Address, error) {
	a, err := transport.ParseAddress(address)
	if err != nil {
		return nil, a, err
	}
	d, a, err := all.Registry().Resolve(a)
	if err != nil {
		return nil, a, err
	}
	if d.Sink == nil {
		return openSource(c, address, sinkRole, cv)
	}
	return openSink(c, address, sinkRole, cv)
}

// ledgerOf is the ledger of a copy between two stores, nil when there is none.
func ledgerOf(c *cli.Context, pair ledger.Pair) (*ledger.Ledger, error) {
	path := c.String("state")
	named := path != ""
	if !named {
		var err error
		if path, err = ledger.DefaultPath(pair); err != nil {
			return nil, nil // no state folder: nothing was kept there
		}
	}
	l, err := ledger.Read(c.Context, path)
	if err != nil && !named && errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return l, err
}

func printVerify(std stdio, r *migrate.VerifyResult) {
	for _, f := range r.Findings {
		where := f.Folder
		if where == "" {
			where = f.SinkFolder
		}
		text := string(f.Reason)
		if f.Detail != "" {
			text += ": " + f.Detail
		}
		fmt.Fprintf(std.out, "%s  %s %s%s\n", oneLine(text), printableName(where), oneLine(string(f.Key+f.Ref)), parenthesis(oneLine(f.Subject)))
	}
	fmt.Fprintf(std.out, "%d in the source, %d in the sink, %d the same", r.Source, r.Sink, r.Same)
	for _, level := range migrate.Levels {
		if n := r.Levels[level]; n > 0 {
			fmt.Fprintf(std.out, ", %d compared by %s", n, level)
		}
	}
	fmt.Fprintln(std.out)
	for _, reason := range slices.Sorted(maps.Keys(r.Reasons)) {
		fmt.Fprintf(std.out, "%9d  %s\n", r.Reasons[reason], reason)
	}
	for _, why := range slices.Sorted(maps.Keys(r.Excused)) {
		fmt.Fprintf(std.out, "%9d  left out: %s\n", r.Excused[why], why)
	}
	for _, name := range r.ExtraFolders {
		fmt.Fprintf(std.out, "folder of the sink alone: %s\n", printableName(name))
	}
}
