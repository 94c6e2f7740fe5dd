package storetest_test

import (
	"context"
	"iter"
	"testing"
	"time"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/mem"
	"github.com/mailconv/mailconv/transport/storetest"
)

func open(s *mem.Store) func(context.Context) (transport.Source, transport.Sink, error) {
	return func(context.Context) (transport.Source, transport.Sink, error) { return s.Reopen(), s.Reopen(), nil }
}

func TestMemoryStorePassesInEveryMode(t *testing.T) {
	for name, o := range map[string]mem.Options{
		"simple":  {},
		"strict":  {OneShot: true, BatchOnly: true, BatchItems: 50, Latency: 200 * time.Microsecond, NoRef: true},
		"objects": {Forms: []transport.Form{transport.FormObject}},
		"poor":    {NoKeywords: true, NoMessageID: true, MaxSize: 1 << 20, BatchItems: 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := mem.New(o)
			opt := storetest.Options{Open: open(s), Root: []string{"scratch"}, TempDir: t.TempDir(), BatchOnly: o.BatchOnly, Huge: 4 << 20}
			if o.MaxSize > 0 {
				opt.Skip = map[string]string{"cancel": "the sample is too large for this mode", "fault": "as above"}
			}
			storetest.Run(t, opt)
			if s.Open() != 0 {
				t.Errorf("%d contents are left open", s.Open())
			}
		})
	}
}

// A sloppy store breaks one promise.
type sloppy struct {
	*mem.Store
	fault string
}

func (s sloppy) Fetch(ctx context.Context, f transport.Folder, keys []transport.Key, want []transport.Form) iter.Seq2[transport.Fetched, error] {
	if s.fault == "fetch" && len(keys) > 1 {
		keys = keys[1:]
	}
	return s.Store.Fetch(ctx, f, keys, want)
}

func (s sloppy) Put(ctx context.Context, f transport.Folder, m transport.Meta, c *transport.Content) (transport.Receipt, error) {
	switch s.fault {
	case "flags":
		m.Flags &^= transport.Flagged
	case "received":
		m.Received = m.Received.Add(time.Hour)
	case "twins":
		for have := range s.Store.Items(ctx, f, nil) {
			if have.MessageID != "" && have.MessageID == "<twin@storetest.example>" {
				return transport.Receipt{}, nil
			}
		}
	}
	return s.Store.Put(ctx, f, m, c)
}

func TestSuiteFindsWhatItPromisesToFind(t *testing.T) {
	for _, fault := range []string{"fetch", "flags", "received", "twins"} {
		s := mem.New(mem.Options{})
		failed := map[string]bool{}
		err := storetest.Check(t.Context(), storetest.Options{
			Huge: 1 << 20,
			Open: func(context.Context) (transport.Source, transport.Sink, error) {
				x := sloppy{s.Reopen(), fault}
				return x, x, nil
			},
		}, func(o storetest.Outcome) { failed[o.Name] = o.Err != nil })
		if err == nil || !failed[fault] {
			t.Errorf("a store that breaks %q passes: %v", fault, failed)
		}
	}
}
