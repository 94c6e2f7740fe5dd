package rehearsal_test

import (
	"context"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/ews"
	"github.com/mailconv/mailconv/transport/ews/rehearsal"
)

func TestTheOldServerHasItemsOfEveryKind(t *testing.T) {
	p, err := rehearsal.Start(rehearsal.Options{Mails: 10, Convert: &converters.Converter{}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	count := func(url string) (n int, classes string) {
		a := transport.Address{Scheme: "ews", User: rehearsal.User, Params: map[string][]string{"endpoint": {url}}}
		env := &transport.Env{Secret: func(context.Context, transport.Address) (string, error) { return rehearsal.Password, nil }}
		src, err := ews.Driver().Source(t.Context(), a, env)
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		for f, err := range src.Folders(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			for m, err := range src.Items(t.Context(), f, nil) {
				if err != nil {
					t.Fatal(err)
				}
				n++
				classes += m.Class + " "
			}
		}
		return n, classes
	}
	n, classes := count(p.Old)
	if n != 14 {
		t.Errorf("%d items", n)
	}
	for _, c := range []string{"IPM.Note", "IPM.Appointment", "IPM.Contact", "IPM.Task", "IPM.StickyNote"} {
		if !strings.Contains(classes, c) {
			t.Errorf("there is no %s: %s", c, classes)
		}
	}
	if n, _ := count(p.New); n != 0 {
		t.Errorf("the new server has %d items", n)
	}
	if err := p.Arrive(); err != nil {
		t.Error(err)
	}
	if n, _ := count(p.Old); n != 15 {
		t.Errorf("%d items after one more arrived", n)
	}
	if p.Sent() != 0 {
		t.Errorf("%d messages would have been sent", p.Sent())
	}
}

func TestOnlyLoopback(t *testing.T) {
	if p, err := rehearsal.Start(rehearsal.Options{OldAddr: "192.0.2.1:80", Convert: &converters.Converter{}}); err == nil {
		p.Close()
		t.Error("servers without encryption listen to the world")
	}
}
