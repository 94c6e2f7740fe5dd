package graph_test

import (
	"context"
	"net/url"
	"testing"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/graph"
	"github.com/mailconv/mailconv/transport/graph/graphtest"
	"github.com/mailconv/mailconv/transport/graph/graphtest/csdl"
	"github.com/mailconv/mailconv/transport/storetest"
)

// start runs a server. Where the types of Graph are at hand, everything that is
// said is held against them.
func start(t testing.TB, o graphtest.Options) *graphtest.Server {
	t.Helper()
	schema, err := csdl.FromEnv()
	if err != nil {
		t.Fatal(err)
	}
	o.Schema = schema
	if o.Convert == nil {
		o.Convert = &converters.Converter{}
	}
	s, err := graphtest.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, v := range s.Violations() {
			t.Errorf("the types of Graph are broken: %s", v)
		}
		s.Close()
	})
	return s
}

// address is that of zoe's mailbox on a server.
func address(s *graphtest.Server, params ...string) transport.Address {
	a := transport.Address{Scheme: "graph", User: "zoe", Host: s.Tenant(), Params: url.Values{"endpoint": {s.URL()}, "settle": {"50ms"}}}
	for i := 0; i+1 < len(params); i += 2 {
		if params[i] == "path" {
			a.Path = params[i+1]
			continue
		}
		a.Params.Set(params[i], params[i+1])
	}
	return a
}

// env has a token of zoe.
func env(t testing.TB, s *graphtest.Server) *transport.Env {
	return &transport.Env{
		Convert: &converters.Converter{}, TempDir: t.TempDir(),
		Secret: func(context.Context, transport.Address) (string, error) { return s.Token("zoe@" + s.Tenant()), nil },
	}
}

// open opens a mailbox as a source and as a sink, which is one store here.
func open(t testing.TB, s *graphtest.Server, params ...string) *graph.Store {
	t.Helper()
	src, err := graph.Driver().Source(t.Context(), address(s, params...), env(t, s))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { src.Close() })
	return src.(*graph.Store)
}

func TestStores(t *testing.T) {
	t.Parallel()
	for _, route := range []string{"import", "json", "auto"} {
		t.Run(route, func(t *testing.T) {
			s := start(t, graphtest.Options{Limits: graphtest.Limits{Requests: 1 << 30, Upload: 1 << 40}})
			e := env(t, s)
			storetest.Run(t, storetest.Options{
				Open: func(ctx context.Context) (transport.Source, transport.Sink, error) {
					src, err := graph.Driver().Source(ctx, address(s, "route", route), e)
					if err != nil {
						return nil, nil, err
					}
					snk, err := graph.Driver().Sink(ctx, address(s, "route", route), e)
					return src, snk, err
				},
				TempDir: e.TempDir, Loose: true, Huge: 8 << 20, Depth: 4,
			})
			if n := len(s.Outbox()); n > 0 {
				t.Errorf("%d mails were sent", n)
			}
		})
	}
}
