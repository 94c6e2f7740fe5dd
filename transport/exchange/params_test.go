package exchange_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/exchange"
)

func TestParams(t *testing.T) {
	read := func(query string) *exchange.Params {
		v, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		return exchange.Read(transport.Address{User: "ann", Params: v})
	}
	p := read("archive=1&old=0&receipts=keep&connections=7&poll=30s&mailbox=ben@x.example&dn=/o=x")
	if !p.Switch("archive") || p.Switch("old") || p.Switch("none") || p.Word("receipts", "keep", "clear") != "keep" || p.Word("none", "a") != "" || p.Count("connections") != 7 ||
		p.Count("none") != 0 || p.Duration("poll") != 30*time.Second || p.Duration("none") != 0 || p.Mailbox("mailbox") != "ben@x.example" || p.Mailbox("none") != "" || p.Text("dn") != "/o=x" || p.Err() != nil {
		t.Errorf("%+v", p)
	}
	for query, want := range map[string]string{
		"a=2":   "a=2 is neither 0 nor 1",
		"b=x":   "b=x is none of u, v, w",
		"c=x":   "c=x is not ics",
		"d=0":   "d=0 is not a number above 0",
		"e=-1s": "e=-1s is not a duration like 30s",
		"f=ben": "f=ben is not an address like ann@example.org",
	} {
		p := read(query)
		if p.Switch("a") || p.Word("b", "u", "v", "w") != "" || p.Word("c", "ics") != "" || p.Count("d") != 0 || p.Duration("e") != 0 || p.Mailbox("f") != "" {
			t.Errorf("%s has a value", query)
		}
		if err := p.Err(); transport.KindOf(err) != transport.Usage || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: %v", query, err)
		}
	}
	if err := exchange.Read(transport.Address{}).Err(); transport.KindOf(err) != transport.Usage {
		t.Errorf("no user: %v", err)
	}
}
