package mime_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime"
)

func ExampleImport() {
	const mail = "From: Ann <ann@example.org>\r\n" +
		"To: Bob <bob@example.org>\r\n" +
		"Subject: =?utf-8?Q?Caf=C3=A9?=\r\n" +
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n" +
		"--b\r\n\r\nHello\r\n" +
		"--b\r\nContent-Type: text/csv; name=list.csv\r\nContent-Transfer-Encoding: base64\r\n\r\nYSxiDQo=\r\n" +
		"--b--\r\n"
	ctx := context.Background()
	m, report, err := mime.Import(ctx, strings.NewReader(mail), int64(len(mail)), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(m.Class(), m.Props.Text(mapi.PidTagSubject), len(report.Problems))
	for _, r := range m.Recipients {
		fmt.Println(r.Props.Text(mapi.PidTagDisplayName), r.Props.Text(mapi.PidTagSmtpAddress))
	}
	for _, a := range m.Attachments {
		r, err := a.Data().Open(ctx)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(mime.AttachmentName(a), a.Data().Size())
		io.Copy(os.Stdout, r)
		r.Close()
	}
	// Output:
	// IPM.Note Café 0
	// Bob bob@example.org
	// list.csv 5
	// a,b
}
