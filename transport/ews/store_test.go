package ews_test

import (
	"context"
	"net/url"
	"testing"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/ews"
	"github.com/mailconv/mailconv/transport/ews/ewstest"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
	"github.com/mailconv/mailconv/transport/storetest"
)

const (
	alice    = "alice@example.test"
	password = "pass word"
)

// serve starts a server with the mailbox of alice.
func serve(t testing.TB, o ewstest.Options) *ewstest.Server {
	t.Helper()
	o.Convert = &converters.Converter{}
	if o.Mailboxes == nil {
		o.Mailboxes = mailbox.New(mailbox.Options{TempDir: t.TempDir(), NoDelivery: true})
		t.Cleanup(func() { o.Mailboxes.Close() })
		o.Mailboxes.Add(mailbox.Account{Address: alice, Name: "Alice", Password: password, Archive: true})
	}
	if o.Record == nil {
		o.Record = record
	}
	s, err := ewstest.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// address is that of a mailbox; params are names and values.
func address(s *ewstest.Server, user string, params ...string) transport.Address {
	v := url.Values{"endpoint": {s.URL()}, "auth": {"basic"}, "settle": {"50ms"}}
	for i := 0; i < len(params); i += 2 {
		v.Set(params[i], params[i+1])
	}
	return transport.Address{Scheme: "ews", User: user, Host: "mail.example.test", Params: v}
}

func environment(temp string) *transport.Env {
	return &transport.Env{
		TempDir: temp, Convert: &converters.Converter{Losses: true},
		Secret: func(context.Context, transport.Address) (string, error) { return password, nil },
	}
}

func open(t testing.TB, s *ewstest.Server, params ...string) *ews.Store {
	t.Helper()
	st, err := ews.OpenAddress(t.Context(), address(s, alice, params...), environment(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

// objectsOnly is a store that is given objects alone.
type objectsOnly struct{ *ews.Store }

func (objectsOnly) Accepts(transport.Meta) []transport.Form {
	return []transport.Form{transport.FormObject}
}

func TestConformance(t *testing.T) {
	for name, c := range map[string]struct {
		o       ewstest.Options
		objects bool
		params  []string
	}{
		"mime":          {},
		"objects":       {objects: true, params: []string{"objects", "always"}},
		"real":          {o: ewstest.Options{Without: []string{"UploadItems", "ExportItems"}, Quirks: ewstest.RealQuirks, RefuseChunked: true}},
		"no objects":    {o: ewstest.Options{Without: []string{"UploadItems", "ExportItems"}}, objects: true},
		"control chars": {o: ewstest.Options{Quirks: ewstest.Quirks{ControlCharacters: true}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, c.o)
			temp := t.TempDir()
			storetest.Run(t, storetest.Options{
				Open: func(ctx context.Context) (transport.Source, transport.Sink, error) {
					st, err := ews.OpenAddress(ctx, address(s, alice, c.params...), environment(temp))
					if err != nil {
						return nil, nil, err
					}
					if c.objects {
						return st, objectsOnly{st}, nil
					}
					return st, st, nil
				},
				Root: []string{"scratch"}, TempDir: temp, Huge: 4 << 20,
				// Exchange makes the MIME of a mail anew, and objects are
				// given flags and dates by the suite; that objects come
				// back whole is tested on its own.
				Loose: true,
			})
			if n := len(s.Mailboxes().Outbox()); n != 0 {
				t.Errorf("%d messages were sent", n)
			}
		})
	}
}
