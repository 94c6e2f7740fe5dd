package mapihttp_test

import (
	"context"
	"fmt"
	"log"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/mapihttp"
	"github.com/mailconv/mailconv/transport/mapihttp/mapihttptest"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// A program opens a mailbox, walks its folders, makes a message with an
// attachment, and changes a property of it.
func Example() {
	ctx := context.Background()
	server, err := mapihttptest.New(mapihttptest.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	server.Mailboxes().Add(mailbox.Account{Address: "ann@example.org", Password: "secret"})

	address, err := transport.ParseAddress("mapihttp://ann:secret@example.org?autodiscover=" + server.AutodiscoverURL())
	if err != nil {
		log.Fatal(err)
	}
	st, err := mapihttp.OpenAddress(ctx, address, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer st.Close()

	var inbox transport.Folder
	for f, err := range st.Folders(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		if f.Role == transport.RoleInbox {
			inbox = f
		}
	}

	m, err := st.NewMessage(ctx, inbox)
	if err != nil {
		log.Fatal(err)
	}
	colour := mapi.Name{Set: mapi.PSPublicStrings, Name: "colour"}
	var props mapi.Properties
	props.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Note"))
	props.Set(mapi.PidTagSubject, mapi.StringValue("Hello"))
	props.SetName(colour, mapi.StringValue("blue"))
	if err := m.Set(ctx, props); err != nil {
		log.Fatal(err)
	}
	var file mapi.Properties
	file.Set(mapi.PidTagAttachLongFilename, mapi.StringValue("notes.txt"))
	if err := m.AddAttachment(ctx, mapi.Bytes("Remember the milk.\n"), file); err != nil {
		log.Fatal(err)
	}
	key, err := m.Save(ctx)
	if err != nil {
		log.Fatal(err)
	}
	m.Close()

	m, err = st.OpenMessage(ctx, inbox, key)
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	got, err := m.Properties(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(got.Text(mapi.PidTagSubject), got.NameText(colour))
	list, err := m.Attachments(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, a := range list {
		fmt.Println(a.Text(mapi.PidTagAttachLongFilename))
	}
	// Output:
	// Hello blue
	// notes.txt
}
