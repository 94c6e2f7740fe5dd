package migrate_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/converters/migrate"
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/clock"
	"github.com/mailconv/mailconv/transport/mem"
	"github.com/mailconv/mailconv/transport/retry"
)

var bg = context.Background()

func mail(n int) string {
	return fmt.Sprintf("Message-ID: <%d@example.org>\r\nSubject: mail %d\r\nDate: Mon, 1 Feb 2021 10:00:00 +0100\r\n\r\nbody %d\r\n", n, n, n)
}

// filled makes a store with n mails in each folder.
func filled(n int, o mem.Options, folders ...string) *mem.Store {
	s := mem.New(o)
	i := 0
	for _, f := range folders {
		for range n {
			s.Add(transport.ParsePath(f), transport.Meta{Received: time.Unix(1600000000+int64(i), 0).UTC(), Flags: transport.Flags(i % 4), Keywords: []string{"k"}}, mail(i))
			i++
		}
	}
	return s
}

func body(t testing.TB, b mapi.Blob) string {
	t.Helper()
	r, err := b.Open(bg)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// dump lists everything in a store: folder, flags, date, body.
func dump(t testing.TB, s *mem.Store) []string {
	t.Helper()
	s = s.With(mem.Options{})
	var out []string
	for f, err := range s.Folders(bg) {
		if err != nil {
			t.Fatal(err)
		}
		for m, err := range s.Items(bg, f, nil) {
			if err != nil {
				t.Fatal(err)
			}
			for fe, err := range s.Fetch(bg, f, []transport.Key{m.Key}, nil) {
				if err != nil || fe.Err != nil {
					t.Fatal(err, fe.Err)
				}
				b := "object"
				if fe.Content.MIME != nil {
					b = body(t, fe.Content.MIME)
				}
				out = append(out, fmt.Sprintf("%s|%d|%s|%s|%s", f, m.Flags, strings.Join(m.Keywords, ","), m.Received.UTC().Format(time.RFC3339), b))
				fe.Content.Close()
			}
		}
	}
	slices.Sort(out)
	return out
}

func same(t testing.TB, what string, a, b *mem.Store) {
	t.Helper()
	x, y := dump(t, a), dump(t, b)
	if !slices.Equal(x, y) {
		t.Errorf("%s: the stores differ: %d and %d items", what, len(x), len(y))
		for _, s := range x {
			if !slices.Contains(y, s) {
				t.Logf("only in the first: %.80q", s)
			}
		}
		for _, s := range y {
			if !slices.Contains(x, s) {
				t.Logf("only in the second: %.80q", s)
			}
		}
	}
}

type env struct {
	t    testing.TB
	path string
	src  transport.Source
	sink transport.Sink
	o    migrate.Options
	ev   []migrate.Event
}

func newEnv(t testing.TB, src transport.Source, sink transport.Sink) *env {
	e := &env{t: t, path: filepath.Join(t.TempDir(), "ledger"), src: src, sink: sink}
	c := clock.NewFake(time.Unix(1700000000, 0))
	e.o = migrate.Options{Clock: c, NoRoles: true, Retry: retry.Policy{Attempts: 4, Clock: c}}
	return e
}

// run runs with a ledger that is opened and closed around it.
func (e *env) run() (*migrate.Result, error) {
	e.t.Helper()
	return e.runCtx(bg)
}

func (e *env) runCtx(ctx context.Context) (*migrate.Result, error) {
	e.t.Helper()
	l, err := ledger.Open(bg, e.path, ledger.Pair{Source: "mem:a", Sink: "mem:b"})
	if err != nil {
		e.t.Fatal(err)
	}
	defer l.Close()
	o := e.o
	o.Observer = func(ev migrate.Event) {
		e.ev = append(e.ev, ev)
		if e.o.Observer != nil {
			e.o.Observer(ev)
		}
	}
	return migrate.Run(ctx, e.src, e.sink, l, o)
}

func (e *env) ok() *migrate.Result {
	e.t.Helper()
	r, err := e.run()
	if err != nil {
		e.t.Fatal(err)
	}
	return r
}

// rows checks that there is one final row for each item, and counts states.
func (e *env) rows() map[ledger.State]int {
	e.t.Helper()
	l, err := ledger.Read(bg, e.path)
	if err != nil {
		e.t.Fatal(err)
	}
	defer l.Close()
	out := map[ledger.State]int{}
	for it, err := range l.Items(bg, ledger.Query{}) {
		if err != nil {
			e.t.Fatal(err)
		}
		out[it.State]++
	}
	return out
}

func (e *env) items() []ledger.Item {
	e.t.Helper()
	l, err := ledger.Read(bg, e.path)
	if err != nil {
		e.t.Fatal(err)
	}
	defer l.Close()
	var list []ledger.Item
	for it, err := range l.Items(bg, ledger.Query{}) {
		if err != nil {
			e.t.Fatal(err)
		}
		list = append(list, it)
	}
	return list
}

func errOf(k transport.Kind) error {
	return &transport.Error{Kind: k, Op: "test", Err: errors.New("as ordered")}
}

func puts(s *mem.Store) int { return s.Calls("Put") + s.Calls("PutBatch") }
