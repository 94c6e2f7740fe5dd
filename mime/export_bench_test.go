package mime_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mime"
)

// typicalMessage is a mail as it lies in most .msg files: text, HTML inside
// RTF, a stored header, two recipients, one small picture.
func typicalMessage(tb testing.TB) *mapi.Message {
	m := arrived()
	text := strings.Repeat("A line of text as people write it, with Umlauten wie ä and ü.\r\n", 60)
	m.Props.Set(mapi.PidTagBody, mapi.StringValue(text))
	html := strings.Repeat(`<p class=MsoNormal><span lang=DE style='font-size:11.0pt'>A line of text as people write it &#228;.</span></p>`+"\r\n", 80)
	m.Props.Set(mapi.PidTagHtml, mapi.BinaryValue([]byte("<html><body><img src=\"cid:image001.png@01D719B4.37AF4500\">"+html)))
	m.Props.Set(mapi.PidTagInternetCodepage, mapi.Int32Value(65001))
	m.Attachments = []*mapi.Attachment{withText(newAttachment("image001.png", make([]byte, 4000)), mapi.PidTagAttachContentId, "image001.png@01D719B4.37AF4500")}
	m.Props.Set(mapi.PidTagMessageDeliveryTime, mapi.TimeValue(time.Unix(1700000000, 0)))
	return m
}

func BenchmarkExportSmall(b *testing.B) {
	m := typicalMessage(b)
	var c counter
	mime.Export(context.Background(), &c, m, nil)
	b.SetBytes(c.n)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := mime.Export(context.Background(), io.Discard, m, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkExportAttachment(b *testing.B) {
	m := newMessage(nil)
	m.Attachments = []*mapi.Attachment{newAttachment("x", nil)}
	const size = 80 << 20
	m.Attachments[0].Props.Set(mapi.PidTagAttachDataBinary, mapi.BlobValue(mapi.TypeBinary, zeros(size)))
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := mime.Export(context.Background(), io.Discard, m, nil); err != nil {
			b.Fatal(err)
		}
	}
}
