package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/storetest"
)

func checkCommand(std stdio) *cli.Command {
	return &cli.Command{
		Name:      "check",
		Usage:     "try a store out, in a scratch folder that is removed afterwards",
		ArgsUsage: "STORE",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "root", Usage: "the scratch `FOLDER`", Value: "mailconv check"},
			&cli.BoolFlag{Name: "keep", Usage: "leave the scratch folder in place"},
			&cli.Int64Flag{Name: "huge", Usage: "size in bytes of the largest message", Value: 32 << 20},
		}, storeFlags(sinkRole)...),
		Description: `Folders with awkward names, flags, dates, empty and huge messages, identical
twins, a cancelled put: the checks that our own stores pass, on yours. It takes
a while, and writes only below the scratch folder.

EXAMPLE:
   mailconv check imaps://zoe@mail.example`,
		Action: func(c *cli.Context) error { return runCheck(c, std) },
	}
}

func runCheck(c *cli.Context, std stdio) error {
	if c.NArg() != 1 {
		return usagef("name one store")
	}
	temp, err := os.MkdirTemp("", "mailconv-check-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	cv := &converters.Converter{}
	// A store that cannot be opened fails once, not at every check.
	s, _, err := openSink(c, c.Args().First(), sinkRole, cv)
	if err != nil {
		return err
	}
	// A store that makes mails anew is not asked for the same bytes.
	w, loose := transport.As[transport.Rewriter](s)
	loose = loose && w.Rewrites()
	if loose {
		printError(std.err, errors.New("this store makes mails anew when they are read: they are told apart by their subjects"))
	}
	if err := s.Close(); err != nil {
		return err
	}
	o := storetest.Options{
		Loose: loose,
		Root:  transport.ParsePath(c.String("root")), TempDir: temp, Huge: c.Int64("huge"), Keep: c.Bool("keep"), ForeignNames: true,
		Open: func(context.Context) (transport.Source, transport.Sink, error) {
			s, _, err := openSink(c, c.Args().First(), sinkRole, cv)
			if err != nil {
				return nil, nil, err
			}
			source, ok := transport.As[transport.Source](s)
			if !ok {
				return nil, nil, errors.Join(usagef("this store can be written and not read, so that nothing can be checked"), s.Close())
			}
			return source, s, nil
		},
	}
	return storetest.Check(c.Context, o, func(r storetest.Outcome) {
		switch {
		case r.Skipped != "":
			fmt.Fprintf(std.out, "skip  %-9s %s (%s)\n", r.Name, r.Doc, oneLine(r.Skipped))
		case r.Err != nil:
			fmt.Fprintf(std.out, "FAIL  %-9s %s: %s\n", r.Name, r.Doc, oneLine(r.Err.Error()))
		default:
			fmt.Fprintf(std.out, "ok    %-9s %s (%s)\n", r.Name, r.Doc, r.Took.Round(time.Millisecond))
		}
	})
}
