package throttle_test

import (
	"context"
	"testing"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/clock"
	"github.com/mailconv/mailconv/transport/mem"
	"github.com/mailconv/mailconv/transport/storetest"
	"github.com/mailconv/mailconv/transport/throttle"
)

var (
	bg    = context.Background()
	start = time.Date(2024, 1, 1, 12, 0, 0, 0, time.UTC)
)

func TestWrappedStorePassesTheSuite(t *testing.T) {
	s := mem.New(mem.Options{OneShot: true})
	th := throttle.New(throttle.Limits{Operations: 100, Bytes: 1 << 20, PerDay: 10 << 20, Clock: clock.NewFake(start)})
	storetest.Run(t, storetest.Options{Huge: 4 << 20, Open: func(context.Context) (transport.Source, transport.Sink, error) {
		return th.Source(s.Reopen()), th.Sink(s.Reopen()), nil
	}})
}

func put(t *testing.T, l throttle.Limits, items, size int) (time.Duration, throttle.Day) {
	t.Helper()
	c := clock.NewFake(start)
	l.Clock = c
	th := throttle.New(l)
	snk := th.Sink(mem.New(mem.Options{}))
	f, _ := snk.Ensure(bg, transport.Folder{Path: []string{"x"}})
	for range items {
		if _, err := snk.Put(bg, f, transport.Meta{}, &transport.Content{Form: transport.FormMIME, MIME: mapi.Bytes(make([]byte, size))}); err != nil {
			t.Fatal(err)
		}
	}
	return c.Now().Sub(start), th.Day()
}

func TestRates(t *testing.T) {
	if d, _ := put(t, throttle.Limits{Operations: 10}, 100, 1); d < 8*time.Second || d > 10*time.Second {
		t.Errorf("100 puts at 10 per second took %v", d)
	}
	if d, _ := put(t, throttle.Limits{Bytes: 1000}, 10, 1000); d < 8*time.Second || d > 10*time.Second {
		t.Errorf("10,000 bytes at 1000 per second took %v", d)
	}
	if d, _ := put(t, throttle.Limits{}, 100, 1000); d != 0 {
		t.Errorf("without limits it took %v", d)
	}
}

func TestT52DayBudgetResumesByItself(t *testing.T) {
	d, day := put(t, throttle.Limits{PerDay: 5000}, 12, 1000)
	if d != 48*time.Hour || day.Spent != 2000 || !day.Start.Equal(start.Add(48*time.Hour)) {
		t.Errorf("12,000 bytes at 5000 a day took %v, the day stands at %+v", d, day)
	}
	// A later run goes on from where the day stood.
	before := throttle.Day{Start: start.Add(-time.Hour), Spent: 4000}
	if d, _ := put(t, throttle.Limits{PerDay: 5000, Day: before}, 2, 1000); d != 23*time.Hour {
		t.Errorf("the second item waited %v, not for the rest of the day", d)
	}
}
