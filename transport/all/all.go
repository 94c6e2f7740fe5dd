// Package all is the list of stores.
//
// Start from [Registry]. A driver that is not listed here does not exist for
// the program.
package all

import (
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/dir"
	"github.com/mailconv/mailconv/transport/emlx"
	"github.com/mailconv/mailconv/transport/ews"
	"github.com/mailconv/mailconv/transport/graph"
	"github.com/mailconv/mailconv/transport/imap"
	"github.com/mailconv/mailconv/transport/maildir"
	"github.com/mailconv/mailconv/transport/mapihttp"
	"github.com/mailconv/mailconv/transport/mbox"
	"github.com/mailconv/mailconv/transport/olm"
	"github.com/mailconv/mailconv/transport/pop3"
	"github.com/mailconv/mailconv/transport/pst"
	"github.com/mailconv/mailconv/transport/smtp"
	"github.com/mailconv/mailconv/transport/zimbra"
)

// Registry lists every driver, in the order in which a bare path is sniffed.
func Registry() *transport.Registry {
	return transport.NewRegistry(
		pst.Driver(),
		olm.Driver(),
		maildir.Driver(),
		emlx.Driver(),
		mbox.Driver(),
		zimbra.Driver(),
		dir.Driver(),
		imap.Driver(),
		pop3.Driver(),
		smtp.Driver(),
		ews.Driver(),
		graph.Driver(),
		mapihttp.Driver(),
	)
}
