package mime_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime"
)

func ExampleExport() {
	m := new(mapi.Message)
	m.Props.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Note"))
	m.Props.Set(mapi.PidTagSubject, mapi.StringValue("Hello"))
	m.Props.Set(mapi.PidTagSenderName, mapi.StringValue("Ann"))
	m.Props.Set(mapi.PidTagSenderSmtpAddress, mapi.StringValue("ann@example.com"))
	m.Props.Set(mapi.PidTagClientSubmitTime, mapi.TimeValue(time.Date(2024, 2, 3, 4, 5, 6, 0, time.UTC)))
	m.Props.Set(mapi.PidTagBody, mapi.StringValue("Hello, Bob"))

	var b strings.Builder
	report, err := mime.Export(context.Background(), &b, m, nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	fmt.Print(strings.ReplaceAll(b.String(), "\r\n", "\n"))
	fmt.Println("problems:", len(report.Problems))
	// Output:
	// From: Ann <ann@example.com>
	// Subject: Hello
	// Date: Sat, 3 Feb 2024 04:05:06 +0000
	// MIME-Version: 1.0
	// Content-Type: text/plain; charset=utf-8
	// Content-Transfer-Encoding: 7bit
	//
	// Hello, Bob
	// problems: 0
}
