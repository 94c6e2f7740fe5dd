package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/mailconv/mailconv/converters"
)

func extractCommand(std stdio) *cli.Command {
	return &cli.Command{
		Name:      "extract",
		Usage:     "write the attachments of messages to files",
		ArgsUsage: "[-o DIR] IN...",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: ".", Usage: "the folder to write to; it is made"},
			&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Usage: "overwrite files that are there"},
			&cli.IntFlag{Name: "codepage", Usage: "read 8-bit strings in code page `N`"},
		},
		Description: `Attachments of embedded messages are written too, and embedded messages
themselves as .msg (from MAPI) or .eml (from MIME). Names are made safe: none
leaves the folder. Each file written is listed.

EXAMPLES:
   mailconv extract -o files/ letter.msg
   mailconv extract -o files/ winmail.dat mail.eml`,
		Action: func(c *cli.Context) error {
			x := &converters.Extractor{Dir: c.String("output"), Force: c.Bool("force")}
			return eachItem(c, std, func(name string, it *converters.Item, cv *converters.Converter) error {
				files, err := x.Extract(c.Context, it, cv)
				for _, f := range files {
					fmt.Fprintln(std.out, f)
				}
				if err == nil {
					printLost(std, name, it)
				}
				return err
			})
		},
	}
}

// printLost says what of an item could not be read.
func printLost(std stdio, name string, it *converters.Item) {
	for _, p := range it.Problems {
		if p.Severe {
			printFile(std.err, name, p.String())
		}
	}
}
