package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/transport/graph/graphtest"
	"github.com/mailconv/mailconv/transport/graph/rehearsal"
)

// rehearseGraph is the port of the tenant.
const rehearseGraph = "127.0.0.1:11451"

func rehearseTenant(c *cli.Context, std stdio) error {
	addr := rehearseGraph
	if c.IsSet("new") {
		addr = c.String("new")
	}
	// The archive is there before the tenant answers, so that who waits for the
	// port finds both.
	file := c.String("pst")
	if file != "" {
		switch err := rehearsal.WriteArchive(file, c.Int("mails")); {
		case errors.Is(err, fs.ErrExist):
			return usagef("%s is there already, and is not overwritten", file)
		case err != nil:
			return err
		}
	}
	cloud, err := rehearsal.Start(rehearsal.Options{Addr: addr, Convert: &converters.Converter{}})
	if err != nil {
		if file != "" {
			_ = os.Remove(file) // the next try makes it anew
		}
		return usagef("%v", err)
	}
	defer cloud.Close()
	if file != "" {
		fmt.Fprintf(std.out, "old  pst:%s\n", file)
	}
	fmt.Fprintf(std.out, "new  graph://%s@%s?endpoint=%s\ntoken of %[1]s, given as the password: %[4]s\n", rehearsal.User, rehearsal.Tenant, cloud.Root(), rehearsal.Token)
	fmt.Fprintf(std.out, "an application of its own gets tokens at %s/token: client id %s, secret %s\n", cloud.LoginURL(""), graphtest.DefaultApp, graphtest.DefaultSecret)
	fmt.Fprintln(std.out, "Ctrl-C stops it")
	var end <-chan time.Time
	if d := c.Duration("for"); d > 0 {
		end = time.After(d)
	}
	select {
	case <-end:
	case <-c.Context.Done():
	}
	fmt.Fprintf(std.out, "%d requests, %d of them refused for going too fast; %d mails would have been sent\n", cloud.Count(), tooFast(cloud), len(cloud.Outbox()))
	return nil
}

func tooFast(c *rehearsal.Cloud) (n int) {
	for _, k := range c.Exceeded() {
		n += k
	}
	return n
}
