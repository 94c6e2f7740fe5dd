package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/transport"
)

func lsCommand(std stdio) *cli.Command {
	return &cli.Command{
		Name:      "ls",
		Usage:     "list the folders of a store, or its messages",
		ArgsUsage: "[-l] STORE",
		Flags: append([]cli.Flag{
			&cli.BoolFlag{Name: "long", Aliases: []string{"l"}, Usage: "list messages, not only folders"},
			&cli.BoolFlag{Name: "json", Usage: "print a line of JSON for each folder or message"},
			&cli.BoolFlag{Name: "csv", Usage: "print CSV"},
			&cli.BoolFlag{Name: "gal", Usage: "list the address book of the server instead (mapihttp)"},
		}, storeFlags(sourceRole)...),
		Description: `EXAMPLES:
   mailconv ls archive.mbox
   mailconv ls -l maildir:Mail
   mailconv ls --csv imaps://zoe@mail.example
   mailconv ls --gal --csv mapihttp://zoe@mail.example

` + storesHelp(),
		Action: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return usagef("name one store")
			}
			if c.Bool("json") && c.Bool("csv") {
				return usagef("--json and --csv exclude each other")
			}
			s, _, err := openSource(c, c.Args().First(), sourceRole, &converters.Converter{})
			if err != nil {
				return err
			}
			defer s.Close()
			if c.Bool("gal") {
				return listBook(c, std.out, s)
			}
			l := newLister(c, std.out)
			failed := 0
			for f, err := range s.Folders(c.Context) {
				if err != nil {
					return err
				}
				if f.Err != nil {
					printFile(std.err, f.String(), f.Err.Error())
					failed++
					continue
				}
				if !c.Bool("long") {
					if f.Count < 0 && !f.NoItems {
						f.Count = count(c.Context, s, f)
					}
					l.folder(f)
					continue
				}
				for m, err := range s.Items(c.Context, f, nil) {
					if err != nil {
						printFile(std.err, f.String(), err.Error())
						failed++
						if m.Key == "" {
							break
						}
						continue
					}
					l.item(f, m)
				}
			}
			if err := l.flush(); err != nil {
				return err
			}
			if failed > 0 {
				return &exitError{code: exitSomeFailed}
			}
			return c.Context.Err()
		},
	}
}

// count lists a folder whose store does not tell its number of items; -1 when
// that fails.
func count(ctx context.Context, s transport.Source, f transport.Folder) int64 {
	var n int64
	for m, err := range s.Items(ctx, f, nil) {
		switch {
		case err == nil:
			n++
		case m.Key == "":
			return -1
		}
	}
	return n
}

// lister prints folders or messages in one of three forms.
type lister struct {
	out  io.Writer
	json *json.Encoder
	csv  *csv.Writer
	long bool
}

func newLister(c *cli.Context, out io.Writer) *lister {
	l := &lister{out: out, long: c.Bool("long")}
	switch {
	case c.Bool("json"):
		l.json = json.NewEncoder(out)
		l.json.SetEscapeHTML(false)
	case c.Bool("csv"):
		l.csv = csv.NewWriter(out)
		head := []string{"folder", "items", "bytes", "role", "class"}
		if l.long {
			head = []string{"folder", "key", "received", "bytes", "flags", "keywords", "class", "subject"}
		}
		_ = l.csv.Write(head) // its error shows at flush
	}
	return l
}

func (l *lister) folder(f transport.Folder) {
	switch {
	case l.json != nil:
		_ = l.json.Encode(map[string]any{"folder": f.Path, "items": f.Count, "bytes": f.Size, "role": f.Role, "class": f.Class, "hidden": f.Hidden})
	case l.csv != nil:
		_ = l.csv.Write([]string{f.String(), number(f.Count), number(f.Size), string(f.Role), f.Class})
	default:
		note := string(f.Role)
		if f.Hidden {
			note = strings.TrimSpace(note + " hidden")
		}
		fmt.Fprintf(l.out, "%9s  %s%s\n", dash(number(f.Count)), printableName(f.String()), parenthesis(note))
	}
}

func (l *lister) item(f transport.Folder, m transport.Meta) {
	received := ""
	if !m.Received.IsZero() {
		received = m.Received.UTC().Format(time.RFC3339)
	}
	switch {
	case l.json != nil:
		_ = l.json.Encode(map[string]any{
			"folder": f.Path, "key": m.Key, "received": received, "bytes": m.Size, "flags": flagNames(m.Flags),
			"keywords": m.Keywords, "class": m.Class, "subject": m.Subject, "skip": m.Skip,
		})
	case l.csv != nil:
		_ = l.csv.Write([]string{f.String(), string(m.Key), received, number(m.Size), strings.Join(flagNames(m.Flags), " "), strings.Join(m.Keywords, " "), m.Class, m.Subject})
	default:
		fmt.Fprintf(l.out, "%-20s %9s  %s  %s%s\n", dash(received), dash(number(m.Size)), printableName(f.String()), printableName(m.Subject), parenthesis(m.Skip))
	}
}

func (l *lister) flush() error {
	if l.csv == nil {
		return nil
	}
	l.csv.Flush()
	return l.csv.Error()
}

func number(n int64) string {
	if n < 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func parenthesis(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
}

// printableName is a folder or subject as it may go to a terminal.
func printableName(s string) string {
	if s == "" {
		return "(root)"
	}
	return oneLine(s)
}

var flagList = []struct {
	flag transport.Flags
	name string
}{
	{transport.Seen, "seen"},
	{transport.Answered, "answered"},
	{transport.Flagged, "flagged"},
	{transport.Deleted, "deleted"},
	{transport.Draft, "draft"},
	{transport.Forwarded, "forwarded"},
	{transport.MDNSent, "mdn-sent"},
}

func flagNames(f transport.Flags) []string {
	list := []string{}
	for _, e := range flagList {
		if f.Has(e.flag) {
			list = append(list, e.name)
		}
	}
	return list
}
