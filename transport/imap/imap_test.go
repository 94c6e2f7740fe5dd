package imap_test

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/url"
	"testing"

	goimap "github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/imap"
	"github.com/mailconv/mailconv/transport/servertest"
	"github.com/mailconv/mailconv/transport/storetest"
)

// open opens one account twice, as a source and as a sink.
func opener(t *testing.T, addr string, params ...string) func(context.Context) (transport.Source, transport.Sink, error) {
	t.Helper()
	a := address(t, addr, params...)
	return func(ctx context.Context) (transport.Source, transport.Sink, error) {
		src, err := imap.Driver().Source(ctx, a, nil)
		if err != nil {
			return nil, nil, err
		}
		snk, err := imap.Driver().Sink(ctx, a, nil)
		return src, snk, err
	}
}

func address(t testing.TB, addr string, params ...string) transport.Address {
	t.Helper()
	a, err := transport.ParseAddress(addr)
	if err != nil {
		t.Fatal(err)
	}
	a.Password = servertest.Password
	if a.Params == nil {
		a.Params = url.Values{}
	}
	if len(params) == 0 {
		params = []string{"tls", "none"}
	}
	for i := 0; i+1 < len(params); i += 2 {
		a.Params.Set(params[i], params[i+1])
	}
	return a
}

// memory starts go-imap's server in the process.
func memory(t *testing.T, caps ...goimap.Cap) string {
	t.Helper()
	mem := imapmemserver.New()
	user := imapmemserver.NewUser("ann", servertest.Password)
	if err := user.Create("INBOX", nil); err != nil {
		t.Fatal(err)
	}
	mem.AddUser(user)
	set := goimap.CapSet{goimap.CapIMAP4rev1: {}}
	for _, c := range caps {
		set[c] = struct{}{}
	}
	s := imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return mem.NewSession(), nil, nil
		},
		Caps: set, InsecureAuth: true, TLSConfig: (*tls.Config)(nil),
		Logger: log.New(io.Discard, "", 0),
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return l.Addr().String()
}

func TestMemoryServerPassesTheSuite(t *testing.T) {
	addr := memory(t, goimap.CapIMAP4rev2)
	storetest.Run(t, storetest.Options{Open: opener(t, "imap://ann@"+addr), Root: []string{"scratch"}, Huge: 4 << 20, ForeignNames: true, Skip: map[string]string{
		"bodies": "go-imap's memory server writes headers anew",
		"flags":  "go-imap's memory server keeps keywords in lower case",
		"fault":  "go-imap's memory server keeps the half of a literal",
		"batch":  "as above",
		"cancel": "as above",
	}})
}

func TestDovecotPassesTheSuite(t *testing.T) {
	s := servertest.Dovecot(t)
	storetest.Run(t, storetest.Options{Open: opener(t, "imap://ann@"+s.IMAP), Root: []string{"scratch"}, TempDir: t.TempDir(), ForeignNames: true})
}
