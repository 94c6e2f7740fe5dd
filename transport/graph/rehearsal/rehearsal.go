// Package rehearsal runs a tenant of Microsoft 365 in the process, on a loopback
// port, and writes the .pst of somebody who moves there, so that the move can be
// practised.
//
// Start from [Start] and [WriteArchive]. The tenant is that of graphtest, with
// its limits; nothing is kept when it stops, and nothing is ever mailed.
//
// Not supported: TLS, and what only a real tenant does.
package rehearsal

import (
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/graph/graphtest"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
	"github.com/mailconv/mailconv/transport/mem/mailbox/samples"
)

// The people of the tenant. Token stands for [User], as a password does.
const (
	User   = samples.User
	Other  = samples.Other
	Tenant = graphtest.DefaultTenant
	Token  = "rehearsal"
)

// Options say what to start. The zero value takes any free port.
type Options struct {
	// Addr is host:port to listen on, a loopback address.
	Addr string
	// Convert makes MIME of items and items of MIME.
	Convert transport.Converter
	// TempDir is where large content goes; "" is the system's.
	TempDir string
}

// A Cloud is a running tenant.
type Cloud struct {
	*graphtest.Server
	boxes *mailbox.Server
}

// Start starts a tenant with the mailboxes of User and Other, which are empty.
func Start(o Options) (*Cloud, error) {
	boxes := mailbox.New(mailbox.Options{TempDir: o.TempDir})
	for _, u := range []string{User, Other} {
		boxes.Add(mailbox.Account{Address: u + "@" + Tenant, Archive: true})
	}
	s, err := graphtest.New(graphtest.Options{Addr: o.Addr, Mailboxes: boxes, Convert: o.Convert})
	if err != nil {
		boxes.Close() //nolint:errcheck // err says more
		return nil, err
	}
	s.SetToken(Token, User+"@"+Tenant)
	return &Cloud{s, boxes}, nil
}

// Close stops it.
func (c *Cloud) Close() error {
	err := c.Server.Close()
	if cerr := c.boxes.Close(); err == nil {
		err = cerr
	}
	return err
}
