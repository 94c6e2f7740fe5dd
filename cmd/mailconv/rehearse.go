package main

import (
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/mailconv/mailconv/transport/imap/rehearsal"
)

// Ports of a rehearsal, so that its walk-through can be followed word for word.
const (
	rehearseOld = "127.0.0.1:11431"
	rehearseNew = "127.0.0.1:11432"
)

func rehearseCommand(std stdio) *cli.Command {
	return &cli.Command{
		Name:      "rehearse",
		Usage:     "run servers on this machine to practise a migration on",
		ArgsUsage: "imap|ews|graph|mapihttp",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "old", Usage: "`ADDRESS` of the old server (ews: " + rehearseOldEWS + ")", Value: rehearseOld},
			&cli.StringFlag{Name: "new", Usage: "`ADDRESS` of the new server (ews: " + rehearseNewEWS + ", graph: " + rehearseGraph + ", mapihttp: " + rehearseMAPI + ")", Value: rehearseNew},
			&cli.StringFlag{Name: "pst", Usage: "graph: write the old mailbox to `FILE`, a .pst"},
			&cli.IntFlag{Name: "mails", Usage: "`N` mails in the old mailbox", Value: 60},
			&cli.DurationFlag{Name: "every", Usage: "one more mail arrives every `TIME`", Value: 20 * time.Second},
			&cli.DurationFlag{Name: "for", Usage: "stop after `TIME` instead of waiting for Ctrl-C"},
		},
		Description: `imap: two IMAP servers: an old one with mail in it, to which more arrives, and a
new one that is empty.
ews: the same with two Exchange servers and everything that is no mail (a meeting,
a contact, a task, a note).
graph: a tenant of Microsoft 365 with an empty mailbox and the limits of the real
one, and with --pst a .pst of mails, a meeting, a contact and a task that moves
there. Nothing is mailed; at the end it says what would have been.
mapihttp: an Exchange server that speaks MAPI over HTTP, with a mailbox that has
mail in it and one that is empty.

Nothing is kept when they stop. The README walks through a migration with them.

EXAMPLES:
   mailconv rehearse imap
   mailconv rehearse ews
   mailconv rehearse graph --pst old.pst
   mailconv rehearse mapihttp`,
		Action: func(c *cli.Context) error { return runRehearse(c, std) },
	}
}

func runRehearse(c *cli.Context, std stdio) error {
	if c.Duration("every") <= 0 {
		return usagef("--every wants a time as in 20s")
	}
	switch {
	case c.NArg() == 1 && c.Args().First() == "imap":
	case c.NArg() == 1 && c.Args().First() == "ews":
		return rehearseExchange(c, std)
	case c.NArg() == 1 && c.Args().First() == "graph":
		return rehearseTenant(c, std)
	case c.NArg() == 1 && c.Args().First() == "mapihttp":
		return rehearseMAPIHTTP(c, std)
	default:
		return usagef("name what to rehearse: imap, ews, graph or mapihttp")
	}
	p, err := rehearsal.Start(rehearsal.Options{OldAddr: c.String("old"), NewAddr: c.String("new"), Mails: c.Int("mails")})
	if err != nil {
		return usagef("%v", err)
	}
	defer p.Close()
	fmt.Fprintf(std.out, "old  imap://%s@%s?tls=none\nnew  imap://%[1]s@%[3]s?tls=none\npassword of both: %[4]s\n", rehearsal.User, p.Old, p.New, rehearsal.Password)
	fmt.Fprintln(std.out, "Ctrl-C stops them")
	return keepArriving(c, p.Arrive)
}

// keepArriving delivers one more mail from time to time, until it is to end.
func keepArriving(c *cli.Context, deliver func() error) error {
	var end <-chan time.Time
	if d := c.Duration("for"); d > 0 {
		end = time.After(d)
	}
	arrive := time.NewTicker(c.Duration("every"))
	defer arrive.Stop()
	for {
		select {
		case <-arrive.C:
			if err := deliver(); err != nil {
				return err
			}
		case <-end:
			return nil
		case <-c.Context.Done():
			return nil
		}
	}
}
