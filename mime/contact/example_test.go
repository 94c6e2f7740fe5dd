package contact_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime/contact"
	"github.com/mailconv/mailconv/mime/vcard"
)

// Each card of a file is a message; a line that no property stands for is kept.
func Example() {
	const file = "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ann Smith\r\nN:Smith;Ann;;;\r\n" +
		"EMAIL;TYPE=INTERNET,PREF:ann@example.com\r\nX-SHOE-SIZE:38\r\nEND:VCARD\r\n"
	ctx := context.Background()
	for item, err := range contact.Import(ctx, strings.NewReader(file), int64(len(file))) {
		if err != nil {
			fmt.Println(err)
			return
		}
		m := item.Message
		fmt.Println(m.Class(), m.Props.NameText(mapi.PidLidEmail1EmailAddress), m.Props.NameText(mapi.PidLidFileUnder))
		var out strings.Builder
		report, err := contact.Export(ctx, &out, m, &contact.ExportOptions{Version: vcard.V40})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Print(strings.ReplaceAll(out.String(), "\r\n", "\n"))
		fmt.Println(len(report.Losses), "losses")
	}
	// Output:
	// IPM.Contact ann@example.com Smith, Ann
	// BEGIN:VCARD
	// VERSION:4.0
	// FN:Ann Smith
	// N:Smith;Ann;;;
	// EMAIL;TYPE=INTERNET;PREF=1:ann@example.com
	// X-SHOE-SIZE:38
	// END:VCARD
	// 0 losses
}
