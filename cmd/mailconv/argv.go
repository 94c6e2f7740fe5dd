package main

import (
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// flagsFirst moves the options of a command before its arguments. The flag
// parser stops at the first argument and would take "a.msg --to eml" for three
// inputs, without a word. After "--" everything is an argument.
func flagsFirst(commands []*cli.Command, args []string) []string {
	if len(args) < 3 {
		return args
	}
	var cmd *cli.Command
	for _, c := range commands {
		if c.HasName(args[1]) {
			cmd = c
		}
	}
	if cmd == nil {
		return args
	}
	takesValue := map[string]bool{}
	for _, f := range cmd.Flags {
		doc, ok := f.(cli.DocGenerationFlag)
		for _, name := range f.Names() {
			takesValue[name] = ok && doc.TakesValue()
		}
	}
	var flags, rest []string
	in := args[2:]
	for i := 0; i < len(in); i++ {
		a := in[i]
		if a == "--" {
			rest = append(rest, in[i+1:]...)
			break
		}
		if len(a) < 2 || a[0] != '-' {
			rest = append(rest, a)
			continue
		}
		flags = append(flags, a)
		name, _, hasValue := strings.Cut(strings.TrimLeft(a, "-"), "=")
		if !hasValue && takesValue[name] {
			if i++; i == len(in) {
				// No "--" may be taken for the value.
				return append([]string{args[0], args[1]}, flags...)
			}
			flags = append(flags, in[i])
		}
	}
	out := append([]string{args[0], args[1]}, flags...)
	return append(append(out, "--"), rest...)
}

var (
	unknownFlag = regexp.MustCompile(`^flag provided but not defined: -+(.*)$`)
	emptyFlag   = regexp.MustCompile(`^flag needs an argument: -+(.*)$`)
	badFlag     = regexp.MustCompile(`^invalid (?:boolean )?value "(.*)" for (?:flag )?-+([^ :]+): `)
)

// flagError says in our words what the flag parser says in its own.
func flagError(c *cli.Context, err error) error {
	text := err.Error()
	if m := unknownFlag.FindStringSubmatch(text); m != nil {
		help := "mailconv --help"
		if c != nil && c.Command != nil && c.Command.Name != "" && c.Command.Name != "mailconv" {
			help = "mailconv " + c.Command.Name + " --help"
		}
		return usagef("there is no option %s; see %s", dashes(m[1]), help)
	}
	if m := emptyFlag.FindStringSubmatch(text); m != nil {
		return usagef("%s needs a value", dashes(m[1]))
	}
	if m := badFlag.FindStringSubmatch(text); m != nil {
		return usagef("%s %s: want %s", dashes(m[2]), m[1], wanted(c, m[2]))
	}
	return &exitError{exitUsage, err}
}

func dashes(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// wanted is what values an option takes.
func wanted(c *cli.Context, name string) string {
	if c != nil && c.Command != nil {
		for _, f := range c.Command.Flags {
			if slices.Contains(f.Names(), name) {
				switch f.(type) {
				case *cli.BoolFlag:
					return "true or false"
				case *cli.DurationFlag:
					return "a time like 90s or 5m"
				}
			}
		}
	}
	return "a whole number, without a unit"
}

// atLeastZero refuses numbers below zero where they have no meaning.
func atLeastZero(c *cli.Context, names ...string) error {
	for _, name := range names {
		if n := c.Int64(name); n < 0 {
			return usagef("--%s %d: want a number of at least 0; 0 is no limit", name, n)
		}
	}
	return nil
}
