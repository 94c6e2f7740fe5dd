// Package rehearsal runs an Exchange server that speaks MAPI over HTTP in the
// process, on a loopback port, with a mailbox that has mail in it and one that
// is empty, so that a migration can be practised.
//
// Start from [Start]. Nothing is kept when it stops, and nothing is ever mailed.
//
// Not supported: TLS, and what only a real server does.
package rehearsal

import (
	"context"
	"errors"

	"github.com/mailconv/mailconv/transport/mapihttp/mapihttptest"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
	"github.com/mailconv/mailconv/transport/mem/mailbox/samples"
)

// The people, and the password of both. The mailbox of User has mail in it.
const (
	User     = samples.User
	Other    = samples.Other
	Domain   = samples.Domain
	Password = "rehearsal"
)

// Options say what to start. The zero value takes any free port and an empty
// mailbox.
type Options struct {
	// Addr is host:port to listen on, a loopback address.
	Addr string
	// Mails is how many mails User has.
	Mails int
	// TempDir is where large content goes; "" is the system's.
	TempDir string
}

// A Server is a running server.
type Server struct {
	*mapihttptest.Server
	boxes *mailbox.Server
}

// Start starts a server.
func Start(ctx context.Context, o Options) (*Server, error) {
	boxes := mailbox.New(mailbox.Options{TempDir: o.TempDir})
	zoe := boxes.Add(mailbox.Account{Address: User + "@" + Domain, Name: "Zoe Example", Password: Password})
	boxes.Add(mailbox.Account{Address: Other + "@" + Domain, Name: "Anna Example", Password: Password})
	if o.Mails > 0 {
		if err := samples.Fill(ctx, zoe, o.Mails); err != nil {
			return nil, errors.Join(err, boxes.Close())
		}
	}
	s, err := mapihttptest.New(mapihttptest.Options{Addr: o.Addr, Mailboxes: boxes})
	if err != nil {
		return nil, errors.Join(err, boxes.Close())
	}
	return &Server{s, boxes}, nil
}

// Outbox is how many mails would have been sent.
func (s *Server) Outbox() int { return len(s.boxes.Outbox()) }

// Close stops it.
func (s *Server) Close() error { return errors.Join(s.Server.Close(), s.boxes.Close()) }
