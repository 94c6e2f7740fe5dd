package tnef_test

import (
	"bytes"
	"context"
	"fmt"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/tnef"
)

// A winmail.dat is written, and its attachments are listed.
func Example() {
	ctx := context.Background()
	m := &mapi.Message{}
	m.Props.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Note"))
	m.Props.Set(mapi.PidTagSubject, mapi.StringValue("Report"))
	a := &mapi.Attachment{}
	a.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachByValue))
	a.Props.Set(mapi.PidTagAttachLongFilename, mapi.StringValue("numbers.csv"))
	a.Props.Set(mapi.PidTagAttachDataBinary, mapi.BinaryValue([]byte("1;2;3\n")))
	m.Attachments = append(m.Attachments, a)

	var winmail bytes.Buffer
	if err := tnef.Encode(ctx, &winmail, m, nil); err != nil {
		panic(err)
	}

	got, problems, err := tnef.Decode(ctx, bytes.NewReader(winmail.Bytes()), int64(winmail.Len()), nil)
	if err != nil {
		panic(err)
	}
	fmt.Println(got.Class(), got.Props.Text(mapi.PidTagSubject), len(problems))
	for _, a := range got.Attachments {
		fmt.Println(a.Props.Text(mapi.PidTagAttachLongFilename), a.Data().Size())
	}
	// Output:
	// IPM.Note Report 0
	// numbers.csv 6
}
