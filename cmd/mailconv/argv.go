package main

import (
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mailconv/mailconv/converters/migrate"
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
				case *cli.GenericFlag:
					return "a size like 500000, 25M or 1.5GB"
				}
			}
		}
	}
	return "a whole number, without a unit"
}

// byteCount is the value of a flag: a size as [migrate.ParseBytes] reads it.
type byteCount struct {
	n    int64
	text string
}

// Set implements [cli.Generic].
func (b *byteCount) Set(s string) (err error) {
	b.text = s
	b.n, err = migrate.ParseBytes(s)
	return err
}

// String implements [cli.Generic].
func (b *byteCount) String() string { return b.text }

func bytesFlag(name, usage string) cli.Flag {
	return &cli.GenericFlag{Name: name, Usage: usage, Value: &byteCount{}}
}

// bytesOf is the value of a [bytesFlag], 0 where it is not given.
func bytesOf(c *cli.Context, name string) int64 {
	if b, ok := c.Generic(name).(*byteCount); ok {
		return b.n
	}
	return 0
}
