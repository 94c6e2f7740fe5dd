package fasttransfer_test

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/fasttransfer"
)

// A message becomes the data that UploadItems takes, and is read back.
func ExampleEncodeItem() {
	ctx := context.Background()
	m := &mapi.Message{}
	m.Props.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Note"))
	m.Props.Set(mapi.PidTagSubject, mapi.StringValue("Report"))
	var data bytes.Buffer
	if err := fasttransfer.EncodeItem(ctx, &data, m, nil); err != nil {
		panic(err)
	}
	got, _, err := fasttransfer.Decode(ctx, bytes.NewReader(data.Bytes()), int64(data.Len()), nil)
	if err != nil {
		panic(err)
	}
	fmt.Println(got.Class(), got.Props.Text(mapi.PidTagSubject), got.Encoded.Format)
	// Output: IPM.Note Report fts
}

// The result of a synchronization is walked with the lexer, which reads the
// messages on the way.
func ExampleLexer() {
	ctx := context.Background()
	var stream bytes.Buffer
	w := fasttransfer.NewWriter(ctx, &stream, nil)
	w.Marker(fasttransfer.IncrSyncChg)
	w.Property(mapi.Property{Tag: mapi.PidTagSourceKey, Value: mapi.BinaryValue([]byte{1, 2})})
	w.Marker(fasttransfer.IncrSyncMessage)
	m := &mapi.Message{}
	m.Props.Set(mapi.PidTagSubject, mapi.StringValue("Report"))
	w.MessageContent(m)
	w.Marker(fasttransfer.IncrSyncStateBegin)
	w.Property(mapi.Property{Tag: fasttransfer.MetaTagIdsetGiven, Value: mapi.BinaryValue([]byte{3})})
	w.Marker(fasttransfer.IncrSyncStateEnd)
	w.Marker(fasttransfer.IncrSyncEnd)
	if w.Err() != nil {
		panic(w.Err())
	}

	l := fasttransfer.NewLexer(ctx, bytes.NewReader(stream.Bytes()), int64(stream.Len()), nil)
	for {
		e, err := l.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			panic(err)
		}
		switch e.Marker {
		case fasttransfer.IncrSyncChg, fasttransfer.IncrSyncStateBegin:
			ps, err := l.Properties()
			fmt.Println(e.Marker, len(ps), err)
		case fasttransfer.IncrSyncMessage:
			m, err := l.MessageContent()
			fmt.Println(e.Marker, m.Props.Text(mapi.PidTagSubject), err)
		default:
			fmt.Println(e.Marker)
		}
	}
	// Output:
	// IncrSyncChg 1 <nil>
	// IncrSyncMessage Report <nil>
	// IncrSyncStateBegin 1 <nil>
	// IncrSyncStateEnd
	// IncrSyncEnd
}
