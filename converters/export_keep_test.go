package converters_test

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime"
	"github.com/mailconv/mailconv/msg"
)

// TestKeptMailSurvivesMsg: a mail kept in a .msg is given back byte for byte,
// also when the writer completed the message and the reader opens its content
// instead of holding it.
func TestKeptMailSurvivesMsg(t *testing.T) {
	ctx := context.Background()
	original := bytes.Repeat([]byte("Subject: x\n\nabc \xff\n"), 5000)
	for _, size := range []int{10, 100_000} {
		m := new(mapi.Message)
		for tag, s := range map[mapi.Tag]string{
			mapi.PidTagSubject: "RE: x", mapi.PidTagBody: strings.Repeat("ä", size),
			mapi.PidTagSenderSmtpAddress: "a@example.com", mapi.PidTagTransportMessageHeaders: strings.Repeat("X: y\r\n", size/5),
		} {
			m.Props.Set(tag, mapi.StringValue(s))
		}
		m.Props.Set(mapi.PidTagHtml, mapi.BinaryValue(bytes.Repeat([]byte("<p>"), size)))
		m.Props.Set(mapi.PidTagClientSubmitTime, mapi.TimeValue(time.Unix(1700000000, 0)))
		r := new(mapi.Recipient)
		r.Props.Set(mapi.PidTagSmtpAddress, mapi.StringValue("b@example.com"))
		m.Recipients = []*mapi.Recipient{r}
		a := new(mapi.Attachment)
		a.Props.Set(mapi.PidTagAttachLongFilename, mapi.StringValue("x.bin"))
		a.Props.Set(mapi.PidTagAttachDataBinary, mapi.BinaryValue(make([]byte, size)))
		inner := new(mapi.Message)
		inner.Props.Set(mapi.PidTagSubject, mapi.StringValue("inner"))
		m.Attachments = []*mapi.Attachment{a, {Embedded: inner}}
		if err := mime.Keep(ctx, m, mapi.Bytes(original)); err != nil {
			t.Fatal(err)
		}
		msg.Complete(m)
		name := filepath.Join(t.TempDir(), "x.msg")
		if err := msg.WriteFile(ctx, name, m, nil); err != nil {
			t.Fatal(err)
		}
		f, err := msg.Open(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		report, err := mime.Export(ctx, &b, f.Message, nil)
		f.Close()
		if err != nil || !report.Kept || !bytes.Equal(b.Bytes(), original) {
			t.Errorf("%d: kept %v, %d bytes of %d, %v", size, report.Kept, b.Len(), len(original), err)
		}
	}
}
