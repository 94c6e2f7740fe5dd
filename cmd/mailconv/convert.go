package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/codepage"
)

func convertCommand(std stdio) *cli.Command {
	return &cli.Command{
		Name:      "convert",
		Usage:     "change the form of files and folders of files",
		ArgsUsage: "[options] IN...",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "to", Usage: "write `FORMAT`: " + strings.Join(converters.FormatNames(), " ") + "; by default the extension of -o, else eml (msg for .eml inputs)"},
			&cli.StringFlag{Name: "from", Usage: "read inputs as `FORMAT` instead of looking at them"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write to `PATH`: a file, a folder (the tree of folders is kept) or - for standard output"},
			&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Usage: "overwrite files that are there"},
			&cli.BoolFlag{Name: "strict", Usage: "exit 1 on any problem or loss, not only where content was lost"},
			&cli.IntFlag{Name: "workers", Usage: "convert `N` files at a time (default: one for each processor)"},
			&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Usage: "list each problem, and each file"},
			&cli.BoolFlag{Name: "loss", Usage: "list for each file what the target form cannot hold"},
			&cli.BoolFlag{Name: "json", Usage: "one line of JSON for each file on standard output"},
			&cli.StringFlag{Name: "progress", Usage: "`KIND` of progress: bar, plain, json or none (default: a bar on a terminal)"},
		}, conversionFlags()...),
		Description: `Inputs are recognised by their content, folders are walked, '-' is standard
input. Of an archive (.pst, .ost, .olm) each item becomes a file, in the tree of
its folders; copy does the same with a ledger, verify proves it. Without -o a
file lies beside its input under the new extension. Where -o is called like a
file that holds many (.ics, .vcf, .mbox), all items go into it; in folders and
archives those that have no form there are left alone.
Nothing is overwritten without --force, and no half file is left behind.

EXAMPLES:
   mailconv convert letter.msg
   mailconv convert --to msg -o out/ inbox/
   mailconv convert winmail.dat -o letter.eml
   mailconv convert archive.pst --to eml -o mails/
   mailconv convert --to html -o - letter.msg > letter.html
   mailconv convert -o all.ics a.msg b.msg calendar/
   mailconv convert --to msg -o cards/ people.vcf
   mailconv convert --keep-mapi a.msg && mailconv convert --to msg a.eml -o b.msg`,
		Action: func(c *cli.Context) error { return runConvert(c, std) },
	}
}

// conversionFlags are the options of converters.Converter.
func conversionFlags() []cli.Flag {
	return []cli.Flag{
		&cli.IntFlag{Name: "codepage", Usage: "read 8-bit strings of MAPI items in code page `N`, whatever the item says"},
		&cli.BoolFlag{Name: "keep-mapi", Usage: "to MIME: what MIME cannot say travels in a TNEF part, and comes back"},
		&cli.BoolFlag{Name: "keep-mime", Usage: "to MAPI: keep the original bytes in the item, and give them back"},
		&cli.BoolFlag{Name: "rtf", Usage: "to MAPI: write the body as RTF too"},
		&cli.BoolFlag{Name: "unwrap-tnef", Usage: "from MIME to MIME: replace winmail.dat by what is in it"},
		&cli.StringFlag{Name: "addresses", Usage: "`FILE` of Exchange addresses and their SMTP addresses, a pair a line, tab between"},
	}
}

func converterOf(c *cli.Context) (*converters.Converter, error) {
	if n := c.Int("codepage"); n != 0 && codepage.Name(n) == "" {
		return nil, usagef("there is no code page %d", n)
	}
	cv := &converters.Converter{
		CodePage:   c.Int("codepage"),
		KeepMAPI:   c.Bool("keep-mapi"),
		KeepMIME:   c.Bool("keep-mime"),
		RTF:        c.Bool("rtf"),
		UnwrapTNEF: c.Bool("unwrap-tnef"),
		Losses:     c.Bool("loss") || c.Bool("strict"),
	}
	if name := c.String("addresses"); name != "" {
		m, err := converters.ReadAddresses(name)
		if err != nil {
			return nil, usagef("%v", err)
		}
		cv.Addresses = m
	}
	return cv, nil
}

func formatNamed(name string) (*converters.Format, error) {
	f, ok := converters.ByName(name)
	if !ok {
		return nil, usagef("there is no format %q; possible are %s", name, strings.Join(converters.FormatNames(), ", "))
	}
	return f, nil
}

func runConvert(c *cli.Context, std stdio) error {
	cv, err := converterOf(c)
	if err != nil {
		return err
	}
	inputs := c.Args().Slice()
	b := &converters.Batch{
		Out: c.String("output"), Stdin: std.in, Stdout: std.out,
		Force: c.Bool("force"), Workers: c.Int("workers"), Converter: cv,
	}
	if name := c.String("from"); name != "" {
		if b.From, err = formatNamed(name); err != nil {
			return err
		}
	}
	if b.To, err = targetFormat(c.String("to"), b.Out, inputs); err != nil {
		return err
	}
	if c.Bool("json") && b.Out == "-" {
		return usagef("--json and -o - both want standard output")
	}
	show, err := newProgress(c.String("progress"), "files", std)
	if err != nil {
		return err
	}
	out := &convertOutput{std: std, verbose: c.Bool("verbose"), loss: c.Bool("loss"), json: c.Bool("json"), single: len(inputs) == 1, strict: c.Bool("strict"), show: show}
	b.Started = show.start
	b.Done = out.done
	sum, err := b.Run(c.Context, inputs)
	show.finish()
	if err != nil {
		if c.Context.Err() != nil {
			return &exitError{exitInterrupted, fmt.Errorf("interrupted; finished files are kept")}
		}
		return err
	}
	out.summary(sum)
	switch {
	case sum.Files == 0 && sum.Skipped > 0:
		return &exitError{exitNothingRead, fmt.Errorf("none of %s is a message of a known format", plural(sum.Skipped, "file", "files"))}
	case sum.Files > 0 && sum.Unread == sum.Files:
		return &exitError{code: exitNothingRead}
	case sum.Unread > 0 || sum.Failed > 0 || sum.Lossy > 0 || c.Bool("strict") && (sum.Problems > 0 || out.losses > 0):
		return &exitError{code: exitSomeFailed}
	}
	return nil
}

// targetFormat is what --to says, else the extension of the output, else the
// other side of what the inputs are called.
func targetFormat(to, out string, inputs []string) (*converters.Format, error) {
	if to != "" {
		f, err := formatNamed(to)
		if err == nil && !f.Writable() {
			err = usagef("%s is read, not written; possible are %s", f.Name, strings.Join(converters.FormatNames(), ", "))
		}
		return f, err
	}
	if ext := filepath.Ext(out); len(ext) > 1 {
		if f, ok := converters.ByName(ext); ok && f.Writable() {
			return f, nil
		}
		if len(inputs) == 1 && !isFolder(inputs[0]) && !isFolder(out) {
			return nil, usagef("%s: the extension names no format; say which with --to: %s", out, strings.Join(converters.FormatNames(), ", "))
		}
	}
	name := "eml"
	if len(inputs) > 0 && strings.HasSuffix(strings.ToLower(inputs[0]), ".eml") {
		name = "msg"
	}
	return formatNamed(name)
}

func isFolder(name string) bool {
	st, err := os.Stat(name)
	return err == nil && st.IsDir()
}

// convertOutput prints what becomes of each file.
type convertOutput struct {
	std                                 stdio
	verbose, loss, json, single, strict bool
	show                                *progress
	losses                              int
}

func (o *convertOutput) done(r converters.Result) {
	if !r.Part {
		o.show.step()
	}
	o.losses += len(r.Losses)
	if o.json {
		o.printJSON(r)
		return
	}
	var b strings.Builder
	if r.Skipped != "" {
		if o.verbose {
			printFile(&b, r.In, "skipped: "+r.Skipped)
		}
	} else {
		o.describe(&b, r)
	}
	if b.Len() > 0 {
		o.show.print(func() { io.WriteString(o.std.err, b.String()) })
	}
}

// describe writes the lines about a file that was read.
func (o *convertOutput) describe(w io.Writer, r converters.Result) {
	// That it was interrupted is said once, at the end.
	if r.Err != nil && !errors.Is(r.Err, context.Canceled) {
		printFile(w, r.In, r.Err.Error())
	}
	for _, err := range r.Errs {
		printFile(w, r.In, err.Error())
	}
	for _, p := range r.Problems {
		if o.verbose || o.single && p.Severe {
			printFile(w, r.In, p.String())
		}
	}
	if o.verbose {
		for _, why := range slices.Sorted(maps.Keys(r.Left)) {
			printFile(w, r.In, plural(r.Left[why], "item", "items")+" left out: "+why)
		}
		for _, name := range r.Out {
			printFile(w, r.In, "written to "+name)
		}
	}
	if o.loss {
		for _, l := range r.Losses {
			printFile(w, r.In, "lost ("+string(l.Reason)+"): "+lossText(l))
		}
	}
}

func lossText(l mapi.Loss) string {
	if l.Detail == "" {
		return l.Item
	}
	return l.Item + ": " + l.Detail
}

func (o *convertOutput) printJSON(r converters.Result) {
	type loss struct {
		Item   string          `json:"item"`
		Reason mapi.LossReason `json:"reason"`
		Detail string          `json:"detail,omitempty"`
	}
	type problem struct {
		Severe bool   `json:"severe"`
		Text   string `json:"text"`
	}
	line := struct {
		In       string         `json:"in"`
		Part     bool           `json:"part,omitempty"`
		Out      []string       `json:"out,omitempty"`
		Items    int            `json:"items"`
		Failed   int            `json:"failed"`
		Skipped  string         `json:"skipped,omitempty"`
		Left     map[string]int `json:"left,omitempty"`
		Error    string         `json:"error,omitempty"`
		Errors   []string       `json:"errors,omitempty"`
		Problems []problem      `json:"problems,omitempty"`
		Losses   []loss         `json:"losses,omitempty"`
	}{In: r.In, Part: r.Part, Out: r.Out, Items: r.Items, Failed: r.Failed, Skipped: r.Skipped, Left: r.Left}
	if r.Err != nil {
		line.Error = r.Err.Error()
	}
	for _, err := range r.Errs {
		line.Errors = append(line.Errors, err.Error())
	}
	for _, p := range r.Problems {
		line.Problems = append(line.Problems, problem{p.Severe, p.String()})
	}
	for _, l := range r.Losses {
		line.Losses = append(line.Losses, loss{l.Item, l.Reason, l.Detail})
	}
	enc := json.NewEncoder(o.std.out)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(line) // a broken pipe shows at the next write of the program
}

func (o *convertOutput) summary(sum converters.Summary) {
	lost := o.strict && o.losses > 0
	if o.json || o.single && sum.Files == 1 && sum.Items <= 1 && sum.Left == 0 && sum.Problems == 0 && !lost {
		return
	}
	s := plural(sum.Items, "item", "items") + " of " + plural(sum.Files, "file", "files") + " converted"
	if sum.Unread > 0 {
		s += fmt.Sprintf(", %s unreadable", plural(sum.Unread, "file", "files"))
	}
	if sum.Failed > 0 {
		s += fmt.Sprintf(", %s failed", plural(sum.Failed, "item", "items"))
	}
	if sum.Left > 0 {
		s += fmt.Sprintf(", %s left out", plural(sum.Left, "item", "items"))
		if !o.verbose {
			s += " (-v says why)"
		}
	}
	if sum.Lossy > 0 {
		s += fmt.Sprintf(", %s with lost content", plural(sum.Lossy, "file", "files"))
	}
	if sum.Skipped > 0 {
		s += fmt.Sprintf(", %s skipped (no message)", plural(sum.Skipped, "file", "files"))
	}
	if lost {
		s += ", " + plural(o.losses, "property or header", "properties and headers") + " lost"
		if !o.loss {
			s += " (--loss lists them)"
		}
	}
	if sum.Problems > 0 {
		s += ", " + plural(sum.Problems, "problem", "problems")
		if !o.verbose {
			s += " (-v lists them)"
		}
	}
	fmt.Fprintf(o.std.err, "mailconv: %s\n", s)
}
