package ews_test

import (
	"context"
	"fmt"
	"log"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/ews"
	"github.com/mailconv/mailconv/transport/ews/ewstest"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// A mail goes into a mailbox on an Exchange server, which is one of this
// process here, and is listed.
func ExampleOpenAddress() {
	ctx := context.Background()
	boxes := mailbox.New(mailbox.Options{})
	defer boxes.Close()
	boxes.Add(mailbox.Account{Address: "ann@example.org", Password: "secret"})
	server, err := ewstest.New(ewstest.Options{Mailboxes: boxes, Convert: &converters.Converter{}})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()

	// Without endpoint= the service is at the host of the address, or looked up.
	a, err := transport.ParseAddress("ews://ann@example.org?endpoint=" + server.URL())
	if err != nil {
		log.Fatal(err)
	}
	store, err := ews.OpenAddress(ctx, a, &transport.Env{
		Secret: func(context.Context, transport.Address) (string, error) { return "secret", nil },
	})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	folder, err := store.Ensure(ctx, transport.Folder{Path: []string{"Archive", "2024"}})
	if err != nil {
		log.Fatal(err)
	}
	mail := mapi.Bytes("From: ben@example.org\r\nDate: Tue, 14 May 2024 10:20:30 +0200\r\nSubject: Report\r\n\r\nDone.\r\n")
	r, err := store.Put(ctx, folder, transport.Meta{Flags: transport.Seen}, &transport.Content{Form: transport.FormMIME, MIME: mail})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("by", r.Route)
	for m, err := range store.Items(ctx, folder, nil) {
		fmt.Println(m.Subject, m.Received.Format("2006-01-02"), m.Flags.Has(transport.Seen), err)
	}
	// Output:
	// by mime
	// Report 2024-05-14 true <nil>
}
