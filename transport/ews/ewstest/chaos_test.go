package ewstest_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/converters/migrate"
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/clock"
	"github.com/mailconv/mailconv/transport/ews"
	"github.com/mailconv/mailconv/transport/ews/ewstest"
	"github.com/mailconv/mailconv/transport/mem"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
	"github.com/mailconv/mailconv/transport/retry"
)

// disorder orders faults of every kind, at calls that a seed chooses.
func disorder(s *ewstest.Server, r *rand.Rand, n int) {
	ops := []string{"CreateItem", "UploadItems", "UploadItems", "FindItem", "FindFolder", "GetFolder", "CreateFolder", "SyncFolderItems", "GetItem", "ExportItems", ""}
	for range n {
		f := ewstest.Fault{Operation: ops[r.IntN(len(ops))], At: 1 + r.IntN(6), Times: 1 + r.IntN(2)}
		switch r.IntN(9) {
		case 0:
			f.Kind = ewstest.Drop
		case 1:
			f.Kind = ewstest.DropAfter
		case 2:
			f.Kind = ewstest.Garbage
		case 3:
			f.Kind, f.After = ewstest.Cut, int64(r.IntN(3000))
		case 4:
			f.Kind, f.Status = ewstest.Status, []int{429, 500, 502, 503, 504}[r.IntN(5)]
			f.Wait = time.Duration(r.IntN(3)) * time.Second
		case 5:
			f.Kind, f.Wait = ewstest.Busy, time.Duration(r.IntN(5))*time.Second
		case 6:
			f.Kind, f.ZeroWait = ewstest.BusyInBody, true
		case 7:
			f.Kind, f.Wait = ewstest.Code, time.Second
		case 8:
			f.Kind, f.Code = ewstest.Code, []string{"ErrorInternalServerTransientError", "ErrorTimeoutExpired", "ErrorMailboxStoreUnavailable"}[r.IntN(3)]
		}
		s.Inject(f)
	}
}

func letters(n int) (subjects map[string]int, add func(put func(folder string, m transport.Meta, mail string))) {
	subjects = map[string]int{}
	return subjects, func(put func(string, transport.Meta, string)) {
		for i := range n {
			subject := fmt.Sprintf("letter %d", i-i%5/4) // every fifth is a twin
			subjects[subject]++
			m := transport.Meta{Received: time.Unix(1.6e9+int64(i-i%5/4), 0)}
			if i%2 == 0 {
				m.Flags = transport.Seen
			}
			put([]string{"Inbox", "A", "A/B"}[i/5%3], m, "From: a@example.org\r\nTo: b@example.org\r\nSubject: "+subject+"\r\nDate: Tue, 03 Mar 2020 10:11:12 +0100\r\n\r\nbody of "+subject+"\r\n")
		}
	}
}

// repeat copies until all is done, each time after more disorder.
func repeat(t *testing.T, src transport.Source, sink transport.Sink, again func()) {
	t.Helper()
	l, err := ledger.Open(t.Context(), filepath.Join(t.TempDir(), "state"), ledger.Pair{Source: "a:", Sink: "b:"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := retry.Policy{Clock: clock.NewFake(time.Now()), Attempts: 4}
	for run := 1; ; run++ {
		res, err := migrate.Run(t.Context(), retry.Source(src, p), retry.Sink(sink, p), l, migrate.Options{Converter: &converters.Converter{}})
		if err == nil && res.Complete() {
			return
		}
		if run == 8 {
			t.Fatalf("after %d runs: %+v %v", run, res, err)
		}
		if run < 4 {
			again()
		}
	}
}

func TestDisorderCostsTimeNotMail(t *testing.T) {
	seeds := uint64(3)
	if os.Getenv("MAILCONV_CORPUS") != "" { // where there is time
		seeds = 12
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("to Exchange ", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			o := ewstest.Options{}
			if seed%3 == 0 {
				o.Without = []string{"UploadItems", "ExportItems"}
			}
			if seed%4 == 0 {
				o.Quirks = ewstest.RealQuirks
			}
			f := start(t, o)
			src := mem.New(mem.Options{})
			want, add := letters(40)
			add(func(folder string, m transport.Meta, mail string) { src.Add(transport.ParsePath(folder), m, mail) })
			disorder(f.Server, r, 10)
			repeat(t, src, f.open(t), func() { disorder(f.Server, r, 6) })
			got := map[string]int{}
			top, _ := f.alice.WellKnown(mailbox.IPMSubtree)
			for _, folder := range f.alice.Folders(top.ID, true) {
				items, _ := f.alice.Items(folder.ID, mailbox.Normal)
				for _, it := range items {
					got[it.Message.Props.Text(mapi.PidTagSubject)]++
				}
			}
			if !maps.Equal(want, got) {
				t.Errorf("want %v\ngot  %v", want, got)
			}
			if n := len(f.boxes.Outbox()); n != 0 {
				t.Errorf("%d messages would have been sent", n)
			}
		})
		t.Run(fmt.Sprint("from Exchange ", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 2))
			f := start(t, ewstest.Options{})
			want, add := letters(40)
			box := f.alice.Store(mailbox.StoreOptions{Convert: f.convert()})
			add(func(folder string, m transport.Meta, mail string) {
				to, err := box.Ensure(t.Context(), transport.Folder{Path: transport.ParsePath(folder), Class: "IPF.Note"})
				if err == nil {
					_, err = box.Put(t.Context(), to, m, &transport.Content{Form: transport.FormMIME, MIME: mapi.Bytes(mail)})
				}
				if err != nil {
					t.Fatal(err)
				}
			})
			disorder(f.Server, r, 10)
			sink := mem.New(mem.Options{Forms: []transport.Form{transport.FormObject}})
			repeat(t, f.open(t), sink, func() { disorder(f.Server, r, 6) })
			got := map[string]int{}
			for folder, err := range sink.Folders(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				for m, err := range sink.Items(t.Context(), folder, nil) {
					if err != nil {
						t.Fatal(err)
					}
					for fe := range sink.Fetch(t.Context(), folder, []transport.Key{m.Key}, nil) {
						got[fe.Content.Object.Props.Text(mapi.PidTagSubject)]++
						fe.Content.Close()
					}
				}
			}
			if !maps.Equal(want, got) {
				t.Errorf("want %v\ngot  %v", want, got)
			}
		})
	}
}

// open opens the mailbox of alice with our client.
func (f *fixture) open(t *testing.T) *ews.Store {
	a := transport.Address{Scheme: "ews", User: "alice@example.test", Params: map[string][]string{"endpoint": {f.URL()}, "auth": {"basic"}}}
	env := &transport.Env{TempDir: t.TempDir(), Secret: func(context.Context, transport.Address) (string, error) { return "secret", nil }}
	st, err := ews.OpenAddress(t.Context(), a, env)
	for i := 0; retry.Retryable(err) && i < 20; i++ {
		st, err = ews.OpenAddress(t.Context(), a, env)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}
