package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/all"
)

// role is which side of a command a store is; it names where its secret is.
type role struct{ env, flag string }

var (
	sourceRole = role{"MAILCONV_SRC_PASSWORD", "src-password-file"}
	sinkRole   = role{"MAILCONV_DST_PASSWORD", "dst-password-file"}
)

func storeFlags(roles ...role) []cli.Flag {
	flags := []cli.Flag{
		&cli.BoolFlag{Name: "allow-cleartext", Usage: "permit a password over an unprotected connection to another machine"},
	}
	for _, r := range roles {
		flags = append(flags, &cli.StringFlag{Name: r.flag, Usage: "`FILE` whose first line is the password (or set " + r.env + ")"})
	}
	return flags
}

func storeEnv(c *cli.Context, r role, cv *converters.Converter) *transport.Env {
	return &transport.Env{
		AllowCleartext: c.Bool("allow-cleartext"),
		Convert:        cv,
		Secret:         func(_ context.Context, a transport.Address) (string, error) { return secret(c, r, a) },
	}
}

// secret finds the password of a store. Its value is in no message.
func secret(c *cli.Context, r role, a transport.Address) (string, error) {
	if a.Password != "" {
		return a.Password, nil
	}
	if s := os.Getenv(r.env); s != "" {
		return s, nil
	}
	if name := c.String(r.flag); name != "" {
		b, err := os.ReadFile(name)
		if err != nil {
			return "", fmt.Errorf("--%s: %w", r.flag, err)
		}
		line, _, _ := strings.Cut(string(b), "\n")
		return strings.TrimSuffix(line, "\r"), nil
	}
	return "", &transport.Error{Kind: transport.Auth, Op: "open " + a.String(), Err: errors.New("there is no password"),
		Remedy: fmt.Sprintf("set %s or name a file with --%s", r.env, r.flag)}
}

func openSource(c *cli.Context, address string, r role, cv *converters.Converter) (transport.Source, transport.Address, error) {
	a, err := transport.ParseAddress(address)
	if err != nil {
		return nil, a, err
	}
	reg := all.Registry()
	if _, a, err = reg.Resolve(a); err != nil {
		return nil, a, err
	}
	s, err := reg.OpenSource(c.Context, a, storeEnv(c, r, cv))
	return s, a, err
}

func openSink(c *cli.Context, address string, r role, cv *converters.Converter) (transport.Sink, transport.Address, error) {
	a, err := transport.ParseAddress(address)
	if err != nil {
		return nil, a, err
	}
	reg := all.Registry()
	s, err := reg.OpenSink(c.Context, a, storeEnv(c, r, cv))
	return s, a, err
}

// storesHelp lists the stores that there are.
func storesHelp() string {
	var b strings.Builder
	b.WriteString("STORES:\n")
	for _, d := range all.Registry().Drivers() {
		ways := "read and write"
		if d.Sink == nil {
			ways = "read"
		} else if d.Source == nil {
			ways = "write"
		}
		fmt.Fprintf(&b, "   %-10s %s (%s)\n", d.Schemes[0], d.Summary, ways)
		for _, p := range d.Params {
			fmt.Fprintf(&b, "   %-10s    ?%s=  %s\n", "", p.Name, p.Help)
		}
	}
	return b.String()
}
