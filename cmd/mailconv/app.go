package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/secret"
)

// stdio is where a command reads and writes. Results go to out, all else to
// err.
type stdio struct {
	in       io.Reader
	out, err io.Writer
	// terminal says that err is one.
	terminal bool
}

// results is standard output. It remembers that a write failed, so that no
// command need look at each line that it prints.
type results struct {
	w   io.Writer
	err error
}

func (r *results) Write(p []byte) (int, error) {
	n, err := r.w.Write(p)
	if err != nil && r.err == nil {
		r.err = err
	}
	return n, err
}

// Exit codes. They are part of the interface and listed in --help.
const (
	exitOK          = 0
	exitSomeFailed  = 1
	exitUsage       = 2
	exitNothingRead = 3
	exitAuth        = 4
	exitUnavailable = 5
	exitInterrupted = 130
)

const exitCodes = `EXIT CODES:
   0    all done (properties that the target form cannot hold included; --strict makes that 1)
   1    some items failed, or content was lost
   2    the command line makes no sense
   3    nothing could be read
   4    the credentials were refused
   5    the other side is unavailable
   130  interrupted; what was done is saved
`

// exitError ends the program with a code. A nil err was reported already.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

// exitCode is the one place where an error becomes a number.
func exitCode(err error) int {
	var exit *exitError
	var usage *converters.UsageError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &exit):
		return exit.code
	case errors.As(err, &usage):
		return exitUsage
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	}
	switch transport.KindOf(err) {
	case transport.Usage:
		return exitUsage
	case transport.Auth:
		return exitAuth
	case transport.Unavailable, transport.Temporary, transport.Throttled, transport.QuotaExceeded:
		return exitUnavailable
	}
	return exitSomeFailed
}

// version is set by the linker for releases.
var version = ""

func versionText() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		v := info.Main.Version
		if v != "" && v != "(devel)" {
			return v
		}
	}
	return "development"
}

// run is the whole program.
func run(ctx context.Context, args []string, std stdio) int {
	out := &results{w: std.out}
	std.out = out
	if f, ok := std.err.(*os.File); ok {
		std.terminal = term.IsTerminal(int(f.Fd()))
	}
	// Whatever somebody says, no secret that is in use is repeated.
	mask := &secret.Redactor{}
	std.err = mask.Writer(std.err)
	app := &cli.App{
		Name:            "mailconv",
		Usage:           "move mail, whole, between every form it lives in",
		Version:         versionText(),
		HideVersion:     true,
		Reader:          std.in,
		Writer:          std.out,
		ErrWriter:       std.err,
		HideHelpCommand: true,
		// A file name may hold a comma.
		DisableSliceFlagSeparator: true,
		ExitErrHandler:            func(*cli.Context, error) {},
		OnUsageError:              func(c *cli.Context, err error, _ bool) error { return flagError(c, err) },
		Commands:                  commands(std),
		CustomAppHelpTemplate:     appHelp,
		EnableBashCompletion:      true,
		Metadata:                  map[string]any{maskKey: mask},
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return usagef("there is no command %q; see mailconv --help", c.Args().First())
			}
			return cli.ShowAppHelp(c)
		},
	}
	for _, c := range app.Commands {
		c.OnUsageError = app.OnUsageError
		c.CustomHelpTemplate = commandHelp
	}
	if completes(app.Commands, args, std) {
		return exitOK
	}
	err := app.RunContext(ctx, flagsFirst(app.Commands, args))
	if err == nil && out.err != nil {
		err = fmt.Errorf("results are missing: %w", out.err)
	}
	var exit *exitError
	if err != nil && !(errors.As(err, &exit) && exit.err == nil) {
		printError(std.err, err)
	}
	return exitCode(err)
}

const maskKey = "mask"

// maskOf knows the secrets in use.
func maskOf(c *cli.Context) *secret.Redactor { return c.App.Metadata[maskKey].(*secret.Redactor) }

func commands(std stdio) []*cli.Command {
	return []*cli.Command{
		convertCommand(std),
		inspectCommand(std),
		extractCommand(std),
		lsCommand(std),
		copyCommand(std),
		verifyCommand(std),
		watchCommand(std),
		batchCommand(std),
		checkCommand(std),
		sendCommand(std),
		loginCommand(std),
		rehearseCommand(std),
		completionCommand(std),
		versionCommand(std),
	}
}

const appHelp = `mailconv - {{.Usage}}

USAGE:
   mailconv COMMAND [options] ARGUMENTS

COMMANDS:{{range .VisibleCommands}}
   {{printf "%-12s" .Name}} {{.Usage}}{{end}}

   mailconv COMMAND --help shows options and examples. Options may stand anywhere.

EXAMPLES:
   mailconv convert letter.msg                 letter.eml, beside it
   mailconv convert --to msg -o out/ inbox/    a folder of .eml to .msg, the tree kept
   mailconv inspect letter.msg                 what is in it, every property by name

` + exitCodes

const commandHelp = `mailconv {{.Name}} - {{.Usage}}

USAGE:
   mailconv {{.Name}} {{.ArgsUsage}}
{{if .VisibleFlags}}
OPTIONS:{{range .VisibleFlags}}
   {{.}}{{end}}
{{end}}
{{.Description}}

` + exitCodes
