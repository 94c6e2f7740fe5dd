package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/all"
	"github.com/mailconv/mailconv/transport/secret"
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

// storeAccess is what a store needs from outside, and its address with the way
// to log in that a stored login asks for.
func storeAccess(c *cli.Context, r role, cv *converters.Converter, a transport.Address) (*transport.Env, transport.Address, error) {
	f := &secret.Finder{Env: r.env, File: c.String(r.flag), Found: maskOf(c).Add}
	// Without a folder for configuration there is nothing stored.
	f.Store, _ = secret.Default()
	return access(c, f, cv, a)
}

// secretGiven reports whether the secret of an address was given for this run.
func secretGiven(c *cli.Context, r role, a transport.Address) bool {
	return a.Password != "" || os.Getenv(r.env) != "" || c.String(r.flag) != ""
}

// access is [storeAccess] with a secret that is looked for elsewhere.
func access(c *cli.Context, f *secret.Finder, cv *converters.Converter, a transport.Address) (*transport.Env, transport.Address, error) {
	d, a, err := all.Registry().Resolve(a)
	if err != nil {
		return nil, a, err
	}
	maskAddress(c, a)
	a = f.Prepare(a, slices.ContainsFunc(d.Params, func(p transport.Param) bool { return p.Name == "auth" }))
	env := &transport.Env{AllowCleartext: c.Bool("allow-cleartext"), Secret: f.Secret}
	if cv != nil {
		env.Convert = cv
	}
	return env, a, nil
}

// maskAddress makes the secrets known that stand in an address.
func maskAddress(c *cli.Context, a transport.Address) {
	maskOf(c).Add(a.Password)
	if u, err := url.Parse(a.Params.Get("proxy")); err == nil && u.User != nil {
		p, _ := u.User.Password()
		maskOf(c).Add(p)
	}
}

// openSource opens a store to read from, and returns its address as the user
// gave it, with the scheme that was found.
func openSource(c *cli.Context, address string, r role, cv *converters.Converter) (transport.Source, transport.Address, error) {
	a, err := transport.ParseAddress(address)
	if err != nil {
		return nil, a, err
	}
	reg := all.Registry()
	if _, a, err = reg.Resolve(a); err != nil {
		return nil, a, err
	}
	env, prepared, err := storeAccess(c, r, cv, a)
	if err != nil {
		return nil, a, err
	}
	s, err := reg.OpenSource(c.Context, prepared, env)
	switch {
	case err != nil:
		return nil, a, unread(a, err)
	case r == sourceRole:
		s = named(s, a)
	}
	return s, a, nil
}

// inside reports whether a store is a part of another one, and not all of it.
func inside(a, b transport.Address) bool {
	if a.Scheme != b.Scheme || a.Host != b.Host || a.User != b.User || a.Params.Get("mailbox") != b.Params.Get("mailbox") || a.Params.Get("archive") != b.Params.Get("archive") {
		return false
	}
	if a.Host != "" {
		x, y := transport.ParsePath(a.Path), transport.ParsePath(b.Path)
		return len(x) > len(y) && slices.Equal(x[:len(y)], y)
	}
	x, errX := filepath.Abs(a.Path)
	y, errY := filepath.Abs(b.Path)
	return errX == nil && errY == nil && x != y && strings.HasPrefix(x, strings.TrimSuffix(y, string(filepath.Separator))+string(filepath.Separator))
}

// unread gives a store on this machine that cannot be opened the exit code of a
// file that cannot be read.
func unread(a transport.Address, err error) error {
	if a.Host != "" || transport.Canceled(err) || transport.KindOf(err) == transport.Usage {
		return err
	}
	return &exitError{exitNothingRead, err}
}

// named makes it an error that the folder which the address of a server names
// is not there: a slip of the pen would look like an empty mailbox.
func named(s transport.Source, a transport.Address) transport.Source {
	path := transport.ParsePath(a.Path)
	if a.Host == "" || len(path) == 0 {
		return s
	}
	return &namedSource{s, path}
}

type namedSource struct {
	transport.Source
	path []string
}

func (s *namedSource) Unwrap() any { return s.Source }

func (s *namedSource) Folders(ctx context.Context) iter.Seq2[transport.Folder, error] {
	return func(yield func(transport.Folder, error) bool) {
		found := false
		for f, err := range s.Source.Folders(ctx) {
			found = true
			if !yield(f, err) {
				return
			}
		}
		if !found && ctx.Err() == nil {
			yield(transport.Folder{}, &transport.Error{
				Kind: transport.NotFound, Op: "list", Folder: transport.JoinPath(s.path),
				Err: errors.New("there is no such folder"), Remedy: "mailconv ls without a folder in the address lists those that there are",
			})
		}
	}
}

func openSink(c *cli.Context, address string, r role, cv *converters.Converter) (transport.Sink, transport.Address, error) {
	a, err := transport.ParseAddress(address)
	if err != nil {
		return nil, a, err
	}
	prepared := a
	env := &transport.Env{}
	if a.Scheme != "" {
		if env, prepared, err = storeAccess(c, r, cv, a); err != nil {
			return nil, a, err
		}
	}
	if cv != nil {
		env.Convert = cv
	}
	s, err := all.Registry().OpenSink(c.Context, prepared, env)
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
