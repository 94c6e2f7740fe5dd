package main

import (
	"encoding/json"

	"github.com/urfave/cli/v2"

	"github.com/mailconv/mailconv/converters"
)

func inspectCommand(std stdio) *cli.Command {
	return &cli.Command{
		Name:      "inspect",
		Usage:     "show what is in a message: tree, headers, properties, problems",
		ArgsUsage: "[--props] [--json] IN...",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "props", Aliases: []string{"p"}, Usage: "list every property with name, tag, type and value"},
			&cli.BoolFlag{Name: "json", Usage: "print JSON, one document for each message, properties included"},
			&cli.IntFlag{Name: "codepage", Usage: "read 8-bit strings in code page `N`"},
		},
		Description: `EXAMPLES:
   mailconv inspect letter.msg
   mailconv inspect --props letter.msg
   mailconv inspect --json letter.msg | jq '.properties[] | select(.name=="PidTagSubject")'`,
		Action: func(c *cli.Context) error {
			return eachItem(c, std, func(name string, it *converters.Item, cv *converters.Converter) error {
				asJSON := c.Bool("json")
				n, err := converters.Describe(c.Context, it, cv, asJSON || c.Bool("props"))
				if err != nil {
					return err
				}
				if !asJSON {
					n.Title = name + ": " + n.Title
					return n.WriteText(std.out)
				}
				enc := json.NewEncoder(std.out)
				enc.SetEscapeHTML(false)
				enc.SetIndent("", "  ")
				return enc.Encode(struct {
					File string `json:"file"`
					*converters.Node
				}{name, n})
			})
		},
	}
}

// eachItem reads the inputs of a command one item after the other. Errors are
// printed as they come and decide the exit code at the end.
func eachItem(c *cli.Context, std stdio, do func(name string, it *converters.Item, cv *converters.Converter) error) error {
	if !c.Args().Present() {
		return usagef("no input was named")
	}
	cv := &converters.Converter{CodePage: c.Int("codepage")}
	read, failed := 0, 0
	for it, err := range converters.ReadFiles(c.Context, c.Args().Slice(), std.in, cv) {
		if err == nil && it.Err != nil {
			err = it.Err
		}
		if err == nil {
			read++
			err = do(it.File, it.Item, cv)
		}
		if c.Context.Err() != nil {
			return &exitError{exitInterrupted, nil}
		}
		if err != nil {
			printFile(std.err, it.File, err.Error())
		}
		if err != nil || it.Problems.Severe() {
			failed++
		}
	}
	switch {
	case read == 0:
		return &exitError{code: exitNothingRead}
	case failed > 0:
		return &exitError{code: exitSomeFailed}
	}
	return nil
}
