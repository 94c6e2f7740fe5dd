package mime_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/rtf"
	"github.com/mailconv/mailconv/mime"
)

// FuzzExport puts bytes of any kind where a message has text, addresses, names
// and bodies. The mail must be well-formed whatever they are: every line
// within the limit, every entity readable, every attachment there.
func FuzzExport(f *testing.F) {
	f.Add("Grüße", "text\r\nFrom x", []byte("<img src=cid:a@b>"), []byte(htmlInRTF), storedHeader, "IPM.Note", uint8(0))
	f.Add("a\r\nb", "\x00", []byte("\xff\xfe"), []byte("{\\rtf1 x}"), "X: =?utf-8?Q?=0D=0A?=\r\n\tb\r\n\r\nc", "REPORT.IPM.Note.NDR", uint8(1))
	f.Add("=?", strings.Repeat("ü", 400), []byte("<p>\xf0"), []byte{1}, "From : a <b@c>, d\n", "IPM.Note.SMIME", uint8(2))
	f.Add("", signedEntity, []byte(signedEntity), []byte(nil), "To: a:b@c;", "IPM.Note.SMIME.MultipartSigned", uint8(7))
	f.Fuzz(func(t *testing.T, s, body string, page, rich []byte, head, class string, kind uint8) {
		texts := map[mapi.Tag]string{mapi.PidTagMessageClass: class, mapi.PidTagTransportMessageHeaders: head}
		for _, tag := range []mapi.Tag{
			mapi.PidTagSubject, mapi.PidTagSenderName, mapi.PidTagSenderEmailAddress, mapi.PidTagSentRepresentingName,
			mapi.PidTagSentRepresentingSmtpAddress, mapi.PidTagInternetMessageId, mapi.PidTagInternetReferences, mapi.PidTagConversationTopic,
			mapi.PidTagReplyRecipientNames, mapi.PidTagReportingMessageTransferAgent,
		} {
			texts[tag] = s
		}
		m := newMessage(texts)
		m.Props.Set(mapi.PidTagBody, mapi.StringValue(body))
		if kind&1 == 0 {
			m.Props.Set(mapi.PidTagHtml, mapi.BinaryValue(page))
		}
		m.Props.Set(mapi.PidTagRtfCompressed, mapi.BinaryValue(rtf.Compressed(rich)))
		m.Props.Set(mapi.PidTagInternetCodepage, mapi.Int32Value(int32(kind)))
		m.Props.Set(mapi.PidTagReplyRecipientEntries, mapi.BinaryValue(rich))
		m.Props.Set(mapi.PidTagSenderEntryId, mapi.BinaryValue(entryIDOneOff(s, body, head)))
		m.Props.SetName(mapi.Name{Set: mapi.PSInternetHeaders, Name: s}, mapi.StringValue(body))
		m.Props.SetName(mapi.PidNameKeywords, mapi.MultiStringValue([]string{s, body}))
		m.Recipients = []*mapi.Recipient{
			newRecipient(int32(kind), map[mapi.Tag]string{mapi.PidTagDisplayName: s, mapi.PidTagEmailAddress: body, mapi.PidTagAddressType: head}),
			newRecipient(1, map[mapi.Tag]string{mapi.PidTagDisplayName: body, mapi.PidTagSmtpAddress: s}),
		}
		m.Attachments = []*mapi.Attachment{withText(newAttachment(s, page), mapi.PidTagAttachContentId, body)}
		if kind&2 == 0 {
			inner := *m
			m.Attachments = append(m.Attachments, withText(&mapi.Attachment{Embedded: &inner}, mapi.PidTagDisplayName, body))
		}
		var b bytes.Buffer
		report, err := mime.Export(context.Background(), &b, m, &mime.ExportOptions{Losses: true, KeepMAPI: kind&4 != 0})
		if err != nil {
			t.Fatal(err)
		}
		if report.Problems.Severe() && !strings.Contains(report.Problems[0].Where, "Rtf") && kind&4 == 0 {
			t.Errorf("%v", report.Problems)
		}
		if strings.Contains(strings.ToUpper(class), "SMIME") {
			return // may hold stored entities, which are what they are
		}
		got := b.String()
		for i, line := range strings.Split(got, "\r\n") {
			if strings.ContainsAny(line, "\r\n\x00") || len(line) > 998 {
				t.Fatalf("line %d: %q", i+1, line)
			}
			for j := 0; j < len(line); j++ {
				if line[j] >= 0x80 {
					t.Fatalf("line %d is not 7-bit: %q", i+1, line)
				}
			}
		}
		p := tree(t, got)
		found := 0
		var walk func(*part)
		walk = func(p *part) {
			if p.disp != "" && p.body == string(page) {
				found++
			}
			for _, k := range p.kids {
				walk(k)
			}
		}
		walk(p)
		if found == 0 {
			t.Errorf("the attachment is missing in %s", p.shape())
		}
	})
}
