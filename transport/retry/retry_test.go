package retry_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/clock"
	"github.com/mailconv/mailconv/transport/fault"
	"github.com/mailconv/mailconv/transport/mem"
	"github.com/mailconv/mailconv/transport/retry"
	"github.com/mailconv/mailconv/transport/storetest"
)

var (
	bg    = context.Background()
	inbox = transport.Folder{Path: []string{"Inbox"}}
)

func kind(k transport.Kind, after time.Duration) error {
	return &transport.Error{Kind: k, Op: "test", After: after, Err: errors.New("as ordered")}
}

func policy() (retry.Policy, *clock.Fake) {
	c := clock.NewFake(time.Unix(0, 0))
	return retry.Policy{Attempts: 4, First: time.Second, Max: 10 * time.Second, Clock: c, Jitter: func() float64 { return 1 }}, c
}

func filled(n int, o mem.Options) *mem.Store {
	s := mem.New(o)
	for i := range n {
		s.Add(inbox.Path, transport.Meta{}, fmt.Sprintf("Subject: %d\r\n\r\n", i))
	}
	return s
}

func content(i int) *transport.Content {
	return &transport.Content{Form: transport.FormMIME, MIME: mapi.Bytes(fmt.Sprintf("Message-ID: <%d@x>\r\n\r\n", i))}
}

func TestWrappedStorePassesTheSuite(t *testing.T) {
	s := mem.New(mem.Options{OneShot: true})
	p, _ := policy()
	storetest.Run(t, storetest.Options{Huge: 1 << 20, Open: func(context.Context) (transport.Source, transport.Sink, error) {
		return retry.Source(s.Reopen(), p), retry.Sink(s.Reopen(), p), nil
	}})
}

func TestListingsGoOnWhereTheyBroke(t *testing.T) {
	fs, s := fault.New(), filled(5, mem.Options{})
	p, c := policy()
	src := retry.Source(fs.Source(s), p)
	fs.On("Items").ResetAfter(2)
	fs.On("Items").ErrorInstead(kind(transport.Throttled, 300*time.Second))
	var got []transport.Key
	cur := &transport.Cursor{}
	for m, err := range src.Items(bg, inbox, cur) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, m.Key)
	}
	if len(got) != 5 || len(slices.Compact(slices.Sorted(slices.Values(got)))) != 5 {
		t.Errorf("listed %q", got)
	}
	if cur.Token == "" {
		t.Error("the cursor was not moved on")
	}
	// T51: the wait that the server names is kept to.
	if w := c.Slept(); !slices.Equal(w, []time.Duration{time.Second, 300 * time.Second}) {
		t.Errorf("waited %v", w)
	}
	fs.On("Folders").ErrorInstead(kind(transport.Auth, 0))
	for _, err := range src.Folders(bg) {
		if transport.KindOf(err) != transport.Auth {
			t.Errorf("%v", err)
		}
	}
	if len(c.Slept()) != 2 {
		t.Error("refused credentials were tried again")
	}
}

func TestFetchAsksAgainForWhatIsMissing(t *testing.T) {
	fs, s := fault.New(), filled(6, mem.Options{})
	p, c := policy()
	var keys []transport.Key
	for m := range s.Items(bg, inbox, nil) {
		keys = append(keys, m.Key)
	}
	fs.On("Fetch").ResetAfter(2)
	fs.On("Fetch").ResetAfter(3)
	seen := map[transport.Key]int{}
	for fe, err := range retry.Source(fs.Source(s), p).Fetch(bg, inbox, keys, nil) {
		if err != nil || fe.Err != nil {
			t.Fatal(err, fe.Err)
		}
		seen[fe.Key]++
		fe.Content.Close()
	}
	if len(seen) != 6 || len(c.Slept()) != 2 || s.Open() != 0 {
		t.Errorf("fetched %v, %d waits, %d left open", seen, len(c.Slept()), s.Open())
	}
	// Without end, the error comes up.
	fs.On("Fetch").ErrorInstead(kind(transport.Temporary, 0)).Repeat(100)
	for _, err := range retry.Source(fs.Source(s), p).Fetch(bg, inbox, keys, nil) {
		if transport.KindOf(err) != transport.Temporary {
			t.Errorf("error %v", err)
		}
	}
	if w := c.Slept()[2:]; !slices.Equal(w, []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}) {
		t.Errorf("waited %v", w)
	}
}

func TestPutOfUnknownOutcomeIsNotRepeated(t *testing.T) {
	for name, o := range map[string]mem.Options{"tokens": {}, "no ref": {NoRef: true}} {
		for _, token := range []string{"", "mark"} {
			fs, s := fault.New(), mem.New(o)
			p, _ := policy()
			snk := retry.Sink(fs.Sink(s), p)
			f, _ := snk.Ensure(bg, inbox)
			put := func(i int) {
				t.Helper()
				m := transport.Meta{MessageID: fmt.Sprintf("<%d@x>", i)}
				if token != "" {
					m.Token = fmt.Sprint(token, i)
				}
				if _, err := snk.Put(bg, f, m, content(i)); err != nil {
					t.Error(err)
				}
			}
			put(1)
			fs.On("Put").ErrorAfter(fault.ErrReset) // it is there
			put(2)
			fs.On("Put").ErrorInstead(fault.ErrReset) // it is not
			put(2)
			fs.On("Put").Short(5)
			put(3)
			n := 0
			for range s.Items(bg, f, nil) {
				n++
			}
			if n != 4 || fs.Left() != 0 {
				t.Errorf("%s %q: %d items, 4 were put", name, token, n)
			}
		}
	}
}

func TestBatchResetInTheMiddle(t *testing.T) {
	for _, token := range []bool{true, false} {
		fs, s := fault.New(), mem.New(mem.Options{})
		p, _ := policy()
		snk := retry.Sink(fs.Sink(s), p)
		f, _ := snk.Ensure(bg, inbox)
		var items []transport.Staged
		for i := range 6 {
			m := transport.Meta{MessageID: fmt.Sprintf("<%d@x>", i)}
			if token {
				m.Token = fmt.Sprint("t", i)
			}
			items = append(items, transport.Staged{Meta: m, Content: content(i)})
		}
		fs.On("PutBatch").ResetAfter(3)
		fs.On("PutBatch").ErrorInstead(kind(transport.Temporary, 0))
		b, _ := transport.As[transport.BatchSink](snk)
		results, err := b.PutBatch(bg, f, items)
		if err != nil {
			t.Fatal(err)
		}
		refs := map[transport.Key]bool{}
		for _, r := range results {
			if r.Err != nil {
				t.Error(r.Err)
			}
			refs[r.Receipt.Ref] = true
		}
		n := 0
		for range s.Items(bg, f, nil) {
			n++
		}
		if n != 6 || len(refs) != 6 {
			t.Errorf("%d items, %d refs; 6 were put", n, len(refs))
		}
	}
}

func TestPermanentErrorsAreNotRepeated(t *testing.T) {
	p, c := policy()
	for _, k := range []transport.Kind{transport.Permanent, transport.Auth, transport.NotFound, transport.TooLarge, transport.QuotaExceeded, transport.Rejected, transport.Unavailable, transport.Usage} {
		fs := fault.New()
		snk := retry.Sink(fs.Sink(mem.New(mem.Options{})), p)
		f, _ := snk.Ensure(bg, inbox)
		fs.On("Put").ErrorInstead(kind(k, 0))
		if _, err := snk.Put(bg, f, transport.Meta{}, content(1)); transport.KindOf(err) != k {
			t.Errorf("%v came up as %v", k, err)
		}
	}
	if len(c.Slept()) != 0 {
		t.Errorf("waited %v", c.Slept())
	}
}

// A listing of any length is begun again without yielding an item twice.
func TestLongListingGoesOn(t *testing.T) {
	if testing.Short() {
		t.Skip("lists 100,000 items twice; left out with -short")
	}
	p, _ := policy()
	const n = 100_000
	got := map[transport.Key]bool{}
	for m, err := range retry.Source(&breaking{n: n, breaks: []int{1, 40_000, 99_000}}, p).Items(bg, inbox, nil) {
		if err != nil {
			t.Fatal(err)
		}
		if got[m.Key] {
			t.Fatalf("%s came twice", m.Key)
		}
		got[m.Key] = true
	}
	if len(got) != n {
		t.Errorf("%d items", len(got))
	}
}

// breaking is a source whose listings break off.
type breaking struct {
	transport.Source
	n      int
	breaks []int
}

func (b *breaking) Items(context.Context, transport.Folder, *transport.Cursor) iter.Seq2[transport.Meta, error] {
	return func(yield func(transport.Meta, error) bool) {
		end := b.n
		if len(b.breaks) > 0 {
			end, b.breaks = b.breaks[0], b.breaks[1:]
		}
		for i := range end {
			if !yield(transport.Meta{Key: transport.Key(fmt.Sprint(i))}, nil) {
				return
			}
		}
		if end < b.n {
			yield(transport.Meta{}, kind(transport.Temporary, 0))
		}
	}
}
