package main

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/transport"
)

func inspectCommand(std stdio) *cli.Command {
	return &cli.Command{
		Name:      "inspect",
		Usage:     "show what is in a message: tree, headers, properties, problems",
		ArgsUsage: "[--props] [--json] IN...",
		Flags: append([]cli.Flag{
			&cli.BoolFlag{Name: "props", Aliases: []string{"p"}, Usage: "list every property with name, tag, type and value"},
			&cli.BoolFlag{Name: "json", Usage: "print JSON, one document for each message, properties included"},
			&cli.IntFlag{Name: "codepage", Usage: "read 8-bit strings in code page `N`"},
			&cli.StringSliceFlag{Name: "set", Usage: "of an item on a server (mapihttp): change a property first, as `NAME=VALUE`"},
			&cli.StringFlag{Name: "node", Usage: "of a PST or OST: the item, table or properties of node `ID`, as in 0x200024"},
		}, storeFlags(sourceRole)...),
		Description: `A PST or OST is shown as the tree of its folders, with counts and damage.
An item on a server is named by its store, folder and key, as ls -l shows it.

EXAMPLES:
   mailconv inspect letter.msg
   mailconv inspect --props letter.msg
   mailconv inspect archive.pst
   mailconv inspect --props --node 0x200024 archive.pst
   mailconv inspect --props mapihttp://zoe@mail.example/Inbox/1-30000
   mailconv inspect --set PidTagSubject=Better mapihttp://zoe@mail.example/Inbox/1-30000
   mailconv inspect --json letter.msg | jq '.properties[] | select(.name=="PidTagSubject")'`,
		Action: func(c *cli.Context) error {
			asJSON := c.Bool("json")
			props := asJSON || c.Bool("props")
			show := func(name string, n *converters.Node) error {
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
			}
			set, err := parseSets(c.StringSlice("set"))
			if err != nil {
				return err
			}
			if node := c.String("node"); node != "" {
				if _, err := strconv.ParseUint(node, 0, 32); err != nil {
					return usagef("--node %s: want a node identifier as 0x200024", node)
				}
			}
			return eachInput(c, std, func(t *tally, name string) error {
				if a, ok := liveAddress(name); ok {
					n, err := inspectLive(c, a, set, props)
					if err == nil {
						t.read++
						err = show(a.String(), n)
					}
					switch transport.KindOf(err) {
					case transport.Auth, transport.Unavailable:
						return err
					case transport.NotFound:
						err = fmt.Errorf("%w; mailconv ls -l --csv shows the keys of what is there", err)
					}
					t.done(std, a.String(), err, n != nil && lost(n))
					return nil
				}
				if len(set) > 0 {
					return usagef("--set changes items on a server, as in mapihttp://zoe@mail.example/Inbox/1-30000")
				}
				if a, ok := archiveAddress(name); ok && a.Scheme != "olm" {
					n, err := inspectPST(c, a, props)
					if err == nil {
						t.read++
						err = show(name, n)
					}
					t.done(std, name, err, n != nil && lost(n))
					return nil
				}
				return t.items(c, std, name, func(name string, it *converters.Item, cv *converters.Converter) error {
					n, err := converters.Describe(c.Context, it, cv, props)
					if err != nil {
						return err
					}
					return show(name, n)
				})
			})
		},
	}
}

// eachItem reads the inputs of a command one item after the other.
func eachItem(c *cli.Context, std stdio, do func(name string, it *converters.Item, cv *converters.Converter) error) error {
	return eachInput(c, std, func(t *tally, name string) error { return t.items(c, std, name, do) })
}

// eachInput goes through the inputs of a command. Errors are printed as they
// come and decide the exit code at the end.
func eachInput(c *cli.Context, std stdio, do func(t *tally, name string) error) error {
	if !c.Args().Present() {
		return usagef("no input was named")
	}
	t := &tally{}
	for _, name := range c.Args().Slice() {
		if err := do(t, name); err != nil {
			return err
		}
	}
	switch {
	case t.read == 0:
		return &exitError{code: exitNothingRead}
	case t.failed > 0:
		return &exitError{code: exitSomeFailed}
	}
	return nil
}

// A tally counts items that were read, and those of them or of others that
// failed or lost content.
type tally struct{ read, failed int }

func (t *tally) done(std stdio, name string, err error, severe bool) {
	if err != nil {
		printFile(std.err, name, err.Error())
	}
	if err != nil || severe {
		t.failed++
	}
}

// items reads the items of one input.
func (t *tally) items(c *cli.Context, std stdio, name string, do func(name string, it *converters.Item, cv *converters.Converter) error) error {
	cv := &converters.Converter{CodePage: c.Int("codepage")}
	list := converters.ReadFiles(c.Context, []string{name}, std.in, cv)
	if a, ok := archiveAddress(name); ok {
		list = archiveItems(c, a)
	}
	for it, err := range list {
		if err == nil && it.Err != nil {
			err = it.Err
		}
		if err == nil {
			t.read++
			err = do(it.File, it.Item, cv)
		}
		if c.Context.Err() != nil {
			return &exitError{exitInterrupted, nil}
		}
		t.done(std, it.File, err, err == nil && it.Problems.Severe())
	}
	return nil
}
