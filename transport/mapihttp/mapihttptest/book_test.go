package mapihttptest_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/nspi"
	"github.com/mailconv/mailconv/transport/mapihttp/mapihttptest"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// book posts to the address book.
func (c *client) book(kind string, request, into nspi.Body) {
	c.t.Helper()
	body, err := nspi.Marshal(request)
	if err != nil {
		c.t.Fatal(err)
	}
	req, _ := http.NewRequest("POST", c.s.AddressBookURL(), bytes.NewReader(body))
	req.SetBasicAuth("ann", "secret")
	c.n++
	for k, v := range map[string]string{
		"Content-Type": "application/mapi-http", "X-RequestType": kind, "X-RequestId": fmt.Sprintf("{E2EA6C1C-E61B-49E9-9CFB-38184F907552}:%d", c.n),
		"X-ClientInfo": "{2F94A2BF-A2E6-4CCC-BF98-B5F22C542226}:1", "X-ClientApplication": "Outlook/15.0.4551.1",
	} {
		req.Header.Set(k, v)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	_, b, _ = bytes.Cut(b, []byte("\r\n\r\n"))
	if code := resp.Header.Get("X-ResponseCode"); code != "0" {
		c.t.Fatalf("%s: code %s: %s", kind, code, b)
	}
	if err := nspi.Parse(b, into, nil); err != nil {
		c.t.Fatal(err)
	}
}

func TestTheAddressBook(t *testing.T) {
	s, _, c := start(t, mapihttptest.Options{})
	for _, name := range []string{"Zoe", "Carol", "Carla"} {
		s.Mailboxes().Add(mailbox.Account{Address: name + "@example.org", Name: name + " Example"})
	}
	c.http.Jar, _ = cookiejar.New(nil)
	stat := func() *nspi.Stat { return &nspi.Stat{CodePage: 1252, TemplateLocale: 1033, SortLocale: 1033} }
	var bound nspi.BindResponse
	c.book("Bind", &nspi.BindRequest{State: stat()}, &bound)

	columns := []mapi.Tag{mapi.PidTagDisplayName, mapi.PidTagSmtpAddress}
	var found nspi.ResolveNamesResponse
	c.book("ResolveNames", &nspi.ResolveNamesRequest{State: stat(), Columns: columns, Names: []string{"zoe@example.org", "Car", "nobody"}}, &found)
	if len(found.MinimalIDs) != 3 || found.MinimalIDs[0] != nspi.Resolved || found.MinimalIDs[1] != nspi.Ambiguous || found.MinimalIDs[2] != nspi.Unresolved {
		t.Errorf("resolved: %v", found.MinimalIDs)
	}
	if len(found.Rows) != 1 || found.Rows[0].Values[1].Text() != "Zoe@example.org" {
		t.Errorf("rows: %+v", found.Rows)
	}

	// The whole book, two at a time.
	var names []string
	at := stat()
	for range 10 {
		var rows nspi.QueryRowsResponse
		c.book("QueryRows", &nspi.QueryRowsRequest{State: at, RowCount: 2, Columns: columns}, &rows)
		for _, r := range rows.Rows {
			names = append(names, r.Values[0].Text())
		}
		if at = rows.State; at.CurrentRec == nspi.EndOfTable {
			break
		}
	}
	if fmt.Sprint(names) != "[Ann Carla Example Carol Example Zoe Example]" {
		t.Errorf("the book has %q", names)
	}

	var ids nspi.DNToMIDResponse
	c.book("DNToMId", &nspi.DNToMIDRequest{Names: []string{dn, "/o=No/cn=body"}}, &ids)
	if len(ids.MinimalIDs) != 2 || ids.MinimalIDs[0] == 0 || ids.MinimalIDs[1] != 0 {
		t.Fatalf("identifiers %v", ids.MinimalIDs)
	}
	one := stat()
	one.CurrentRec = ids.MinimalIDs[0]
	var props nspi.GetPropsResponse
	c.book("GetProps", &nspi.GetPropsRequest{State: one, Columns: columns}, &props)
	if props.Props.Text(mapi.PidTagSmtpAddress) != "ann@example.org" {
		t.Errorf("properties %v", props.Props)
	}
	var unbound nspi.UnbindResponse
	c.book("Unbind", &nspi.UnbindRequest{}, &unbound)
}
