package ews_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/ews/ewstest"
)

func TestASubscriptionIsAskedOfTheServerThatHasIt(t *testing.T) {
	s := serve(t, ewstest.Options{Affinity: true, Heartbeat: 20 * time.Millisecond, Minute: 10 * time.Second})
	st := open(t, s, "poll", "1h")
	a := ensure(t, st, "A")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	go func() {
		for i := range 200 {
			time.Sleep(30 * time.Millisecond)
			if ctx.Err() != nil {
				return
			}
			st.Put(ctx, a, transport.Meta{Token: fmt.Sprint(i)}, mimeContent(letter)) //nolint:errcheck // the test ends meanwhile
		}
	}()
	n := 0
	for _, err := range st.Watch(ctx, []transport.Folder{a}) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 3 {
			break
		}
	}
	if subs, streams := s.Requests("Subscribe"), s.Requests("GetStreamingEvents"); n != 3 || subs != 1 || streams != 1 {
		t.Errorf("%d changes, %d subscriptions, %d streams: %v", n, subs, streams, s.Counts())
	}
}

func TestSubscriptionsThatAreLostAreNotAskedForWithoutAPause(t *testing.T) {
	s := serve(t, ewstest.Options{})
	s.Inject(ewstest.Fault{Operation: "GetStreamingEvents", Kind: ewstest.Code, Code: "ErrorSubscriptionNotFound", Times: -1})
	st := open(t, s, "poll", "100ms")
	a := ensure(t, st, "A")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	go func() {
		time.Sleep(time.Second)
		st.Put(ctx, a, transport.Meta{}, mimeContent(letter)) //nolint:errcheck // the change is awaited
	}()
	for _, err := range st.Watch(ctx, []transport.Folder{a}) {
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	if n := s.Requests("Subscribe"); n < 2 || n > 15 {
		t.Errorf("%d subscriptions in a second, with a pause of 100ms", n)
	}
}
