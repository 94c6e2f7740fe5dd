package fault_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/fault"
	"github.com/mailconv/mailconv/transport/mem"
)

func TestOrdersAreCarriedOutInTurn(t *testing.T) {
	ctx := context.Background()
	fs, s := fault.New(), mem.New(mem.Options{})
	snk, src := fs.Sink(s), fs.Source(s)
	f, _ := snk.Ensure(ctx, transport.Folder{Path: []string{"x"}})
	c := &transport.Content{Form: transport.FormMIME, MIME: mapi.Bytes("Subject: x\r\n\r\nbody\r\n")}
	count := func() (n int) {
		for range s.Items(ctx, f, nil) {
			n++
		}
		return n
	}
	denied := errors.New("denied")
	fs.On("Put").ErrorInstead(denied).Repeat(2)
	fs.On("Put")
	fs.On("Put").ErrorAfter(denied)
	fs.On("Put").Short(3)
	for i, want := range []struct {
		fails bool
		items int
	}{{true, 0}, {true, 0}, {false, 1}, {true, 2}, {true, 2}, {false, 3}} {
		if _, err := snk.Put(ctx, f, transport.Meta{}, c); (err != nil) != want.fails || count() != want.items {
			t.Errorf("put %d: error %v, %d items; want failure %v, %d items", i, err, count(), want.fails, want.items)
		}
	}
	b, _ := transport.As[transport.BatchSink](snk)
	fs.On("PutBatch").ResetAfter(2)
	if _, err := b.PutBatch(ctx, f, []transport.Staged{{Content: c}, {Content: c}, {Content: c}}); !errors.Is(err, fault.ErrReset) || count() != 5 {
		t.Errorf("a batch that is reset after 2: %v, %d items", err, count())
	}

	fs.On("Items").ResetAfter(1)
	n := 0
	var last error
	for _, err := range src.Items(ctx, f, nil) {
		if last = err; err == nil {
			n++
		}
	}
	if n != 1 || transport.KindOf(last) != transport.Temporary {
		t.Errorf("a listing that is reset after 1: %d items, %v", n, last)
	}

	short, stop := context.WithTimeout(ctx, 10*time.Millisecond)
	defer stop()
	fs.On("Ensure").Stall()
	if _, err := snk.Ensure(short, f); !transport.Canceled(err) {
		t.Errorf("a stall ends with %v", err)
	}

	fs.On("Fetch").Short(4)
	var keys []transport.Key
	for m := range s.Items(ctx, f, nil) {
		keys = append(keys, m.Key)
	}
	for fe := range src.Fetch(ctx, f, keys[:1], nil) {
		r, err := fe.Content.MIME.Open(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); string(got) != "Subj" || !errors.Is(err, fault.ErrReset) {
			t.Errorf("read %q, %v", got, err)
		}
		fe.Content.Close()
	}
	if s.Open() != 0 || fs.Left() != 0 || fs.Hit("Put") != 5 {
		t.Errorf("%d bodies open, %d orders left, %d puts hit", s.Open(), fs.Left(), fs.Hit("Put"))
	}
}
