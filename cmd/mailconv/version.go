package main

import (
	"fmt"
	"runtime"

	"github.com/urfave/cli/v2"
)

func versionCommand(std stdio) *cli.Command {
	return &cli.Command{
		Name:        "version",
		Usage:       "show the version",
		ArgsUsage:   " ",
		Description: "EXAMPLE:\n   mailconv version",
		Action: func(*cli.Context) error {
			fmt.Fprintf(std.out, "mailconv %s (%s, %s/%s)\n", versionText(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return nil
		},
	}
}
