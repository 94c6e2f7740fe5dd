package main

import (
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/mailconv/mailconv/transport/mapihttp/rehearsal"
)

// rehearseMAPI is the port of the server.
const rehearseMAPI = "127.0.0.1:11471"

func rehearseMAPIHTTP(c *cli.Context, std stdio) error {
	addr := rehearseMAPI
	if c.IsSet("new") {
		addr = c.String("new")
	}
	s, err := rehearsal.Start(c.Context, rehearsal.Options{Addr: addr, Mails: c.Int("mails")})
	if err != nil {
		return usagef("%v", err)
	}
	defer s.Close()
	for _, who := range []struct{ label, user string }{{"old", rehearsal.User}, {"new", rehearsal.Other}} {
		fmt.Fprintf(std.out, "%s  mapihttp://%s@%s?autodiscover=%s\n", who.label, who.user, rehearsal.Domain, s.AutodiscoverURL())
	}
	fmt.Fprintf(std.out, "password of both: %s\n", rehearsal.Password)
	fmt.Fprintln(std.out, "Ctrl-C stops it")
	var end <-chan time.Time
	if d := c.Duration("for"); d > 0 {
		end = time.After(d)
	}
	select {
	case <-end:
	case <-c.Context.Done():
	}
	fmt.Fprintf(std.out, "%d requests; %d mails would have been sent\n", s.Requests(""), s.Outbox())
	return nil
}
