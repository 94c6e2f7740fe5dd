package mapihttp_test

import (
	"context"
	"net/url"
	"testing"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/mapihttp"
	"github.com/mailconv/mailconv/transport/mapihttp/mapihttptest"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
	"github.com/mailconv/mailconv/transport/storetest"
)

var bg = context.Background()

// serve starts a server with the mailbox of Ann.
func serve(t testing.TB, o mapihttptest.Options) (*mapihttptest.Server, *mailbox.Mailbox) {
	t.Helper()
	s, err := mapihttptest.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, s.Mailboxes().Add(mailbox.Account{Address: "ann@example.org", Name: "Ann", Password: "secret"})
}

// address is that of Ann's mailbox.
func address(s *mapihttptest.Server, params ...string) transport.Address {
	a := transport.Address{Scheme: "mapihttp", User: "ann@example.org", Password: "secret", Params: url.Values{"endpoint": {s.URL()}, "settle": {"50ms"}}}
	for i := 0; i+1 < len(params); i += 2 {
		a.Params.Set(params[i], params[i+1])
	}
	return a
}

func open(t testing.TB, a transport.Address, env *transport.Env) *mapihttp.Store {
	t.Helper()
	st, err := mapihttp.OpenAddress(bg, a, env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

func TestStore(t *testing.T) {
	for name, o := range map[string]mapihttptest.Options{
		"plain":      {},
		"compressed": {Compress: true, Obfuscate: true, Pending: true, MaxRopOut: 40000},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := serve(t, o)
			temp := t.TempDir()
			storetest.Run(t, storetest.Options{
				TempDir: temp, Huge: 4 << 20,
				Open: func(ctx context.Context) (transport.Source, transport.Sink, error) {
					a := address(s)
					if o.Compress {
						a.Params.Set("compress", "1")
					}
					st, err := mapihttp.OpenAddress(ctx, a, &transport.Env{TempDir: temp})
					return st, st, err
				},
			})
		})
	}
}
