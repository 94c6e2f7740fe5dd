package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/transport/ews/rehearsal"
)

// Ports of the two Exchange servers.
const (
	rehearseOldEWS = "127.0.0.1:11461"
	rehearseNewEWS = "127.0.0.1:11462"
)

func rehearseExchange(c *cli.Context, std stdio) error {
	o := rehearsal.Options{OldAddr: rehearseOldEWS, NewAddr: rehearseNewEWS, Mails: c.Int("mails"), Convert: &converters.Converter{}}
	if c.IsSet("old") {
		o.OldAddr = c.String("old")
	}
	if c.IsSet("new") {
		o.NewAddr = c.String("new")
	}
	p, err := rehearsal.Start(o)
	if err != nil {
		return usagef("%v", err)
	}
	defer p.Close()
	fmt.Fprintf(std.out, "old  ews://%s?endpoint=%s\nnew  ews://%[1]s?endpoint=%[3]s\npassword of both: %[4]s\n", rehearsal.User, p.Old, p.New, rehearsal.Password)
	fmt.Fprintln(std.out, "Ctrl-C stops them")
	if err := keepArriving(c, p.Arrive); err != nil {
		return err
	}
	fmt.Fprintf(std.out, "%d mails would have been sent\n", p.Sent())
	return nil
}
