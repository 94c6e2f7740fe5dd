package mime_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/mapi"
)

const signedEntity = "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\";\r\n\tmicalg=sha-256; boundary=\"b\"\r\n" +
	"\r\nThis is an S/MIME message\r\n--b\r\nContent-Type: text/plain\r\n\r\nsigned  \r\n--b\r\nContent-Type: application/pkcs7-signature\r\n\r\nsig\r\n--b--\r\n"

func smimeMessage(class, tag string, data []byte) *mapi.Message {
	m := newMessage(map[mapi.Tag]string{
		mapi.PidTagMessageClass: class, mapi.PidTagSubject: "s", mapi.PidTagBody: "a copy of the text",
		mapi.PidTagSenderSmtpAddress: "a@example.com",
	})
	m.Attachments = []*mapi.Attachment{withText(newAttachment("", data), mapi.PidTagAttachMimeTag, tag)}
	return m
}

// T27: a signed entity leaves as it came.
func TestT27SignedEntityIsUntouched(t *testing.T) {
	for _, class := range []string{"IPM.Note.SMIME.MultipartSigned", "IPM.Note.SMIME", "ipm.note.smime.multipartsigned"} {
		got, report := export(t, smimeMessage(class, "multipart/signed", []byte(signedEntity)), nil)
		head, body, _ := strings.Cut(got, "\r\n\r\n")
		_, want, _ := strings.Cut(signedEntity, "\r\n\r\n")
		if body != want {
			t.Errorf("%s: the body is %q", class, body)
		}
		if !strings.Contains(head, "\r\nContent-Type: multipart/signed;") || strings.Count(head, "MIME-Version") != 1 || len(report.Problems) > 0 {
			t.Errorf("%s: %s", class, head)
		}
	}
	_, parts, _ := strings.Cut(signedEntity, "message\r\n")
	got, _ := export(t, smimeMessage("IPM.Note.SMIME.MultipartSigned", "multipart/signed", []byte(parts)), nil)
	if !strings.HasSuffix(got, "\r\n\r\n"+parts) || tree(t, got).shape() != "signed(plain pkcs7-signature)" {
		t.Errorf("parts alone:\n%s", got)
	}
	cms := []byte{0x30, 0x80, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x03, 0xA0, 0x80, 0, 1, 2, 3}
	got, _ = export(t, smimeMessage("IPM.Note.SMIME", "", cms), nil)
	if p := tree(t, got); p.typ != "application/pkcs7-mime" || p.params["smime-type"] != "enveloped-data" || p.body != string(cms) || p.name != "smime.p7m" {
		t.Errorf("opaque:\n%s", got)
	}
	// What is neither is written as an ordinary message, and said.
	got, report := export(t, smimeMessage("IPM.Note.SMIME", "text/plain", []byte("just text")), nil)
	if p := tree(t, got); p.shape() != "mixed(plain plain)" || len(report.Problems) != 1 {
		t.Errorf("%s %v", p.shape(), report.Problems)
	}
}

// A field that the stored entity brings is not written twice.
func TestT27EntityHeaderOnce(t *testing.T) {
	m := smimeMessage("IPM.Note.SMIME.MultipartSigned", "multipart/signed", []byte("Content-Language: de\r\n"+signedEntity))
	m.Props.Set(mapi.PidTagTransportMessageHeaders, mapi.StringValue("content-language: de\r\nContent-Class: x\r\nX-A: b\r\n"))
	m.Props.SetName(mapi.Name{Set: mapi.PSInternetHeaders, Name: "content-language"}, mapi.StringValue("de"))
	got, _ := export(t, m, nil)
	if f := fields(got); len(f.All("Content-Language")) != 1 || f.Value("Content-Class") != "x" || len(f.All("Content-Type")) != 1 {
		t.Errorf("%s", got)
	}
}

func TestT27OpenSSLVerifies(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not here")
	}
	dir := t.TempDir()
	run := func(args ...string) []byte {
		t.Helper()
		cmd := exec.Command(openssl, args...)
		cmd.Dir = dir
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		b, err := cmd.Output()
		if err != nil {
			t.Fatalf("openssl %v: %v\n%s", args, err, stderr.String())
		}
		return b
	}
	run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key", "-out", "cert", "-days", "2", "-subj", "/CN=test", "-batch")
	os.WriteFile(filepath.Join(dir, "in"), []byte("Content-Type: text/plain\r\n\r\nGr=C3=BC=C3=9Fe  \r\n"), 0o600)
	clear := run("smime", "-sign", "-in", "in", "-signer", "cert", "-inkey", "key", "-crlfeol", "-binary")
	clear = bytes.ReplaceAll(bytes.ReplaceAll(clear, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
	clear = bytes.TrimPrefix(clear, []byte("MIME-Version: 1.0\r\n"))
	der := run("smime", "-sign", "-nodetach", "-in", "in", "-signer", "cert", "-inkey", "key", "-outform", "DER", "-binary")
	for name, m := range map[string]*mapi.Message{
		"clear":  smimeMessage("IPM.Note.SMIME.MultipartSigned", "multipart/signed", clear),
		"opaque": smimeMessage("IPM.Note.SMIME", "application/pkcs7-mime", der),
	} {
		got, _ := export(t, m, nil)
		os.WriteFile(filepath.Join(dir, "mail"), []byte(got), 0o600)
		out := run("smime", "-verify", "-in", "mail", "-CAfile", "cert")
		if !bytes.Contains(out, []byte("Gr=C3=BC=C3=9Fe")) {
			t.Errorf("%s: %q", name, out)
		}
	}
}

// A signed message inside another keeps its bytes, even if they are 8-bit or
// hold the boundaries that we would have used.
func TestT27SignedMessageInside(t *testing.T) {
	entity := strings.Replace(signedEntity, "signed  ", "Gr\xc3\xbc\xc3\x9fe", 1)
	outer := newMessage(map[mapi.Tag]string{mapi.PidTagBody: "outer"})
	outer.Attachments = []*mapi.Attachment{{Embedded: smimeMessage("IPM.Note.SMIME.MultipartSigned", "multipart/signed", []byte(entity))}}
	got, _ := export(t, outer, nil)
	boundary := tree(t, got).params["boundary"]
	entity = strings.Replace(entity, "Gr", "--"+boundary+"\r\nGr", 1)
	outer.Attachments[0].Embedded = smimeMessage("IPM.Note.SMIME.MultipartSigned", "multipart/signed", []byte(entity))
	got, _ = export(t, outer, nil)
	p := tree(t, got)
	_, body, _ := strings.Cut(entity, "\r\n\r\n")
	if p.shape() != "mixed(plain rfc822(signed(plain pkcs7-signature)))" || !strings.Contains(got, body) {
		t.Errorf("%s\n%s", p.shape(), got)
	}
	if p.params["boundary"] == boundary {
		t.Error("the boundary occurs in the content")
	}
	if e := p.kids[1].head.Get("Content-Transfer-Encoding"); e != "8bit" || p.head.Get("Content-Transfer-Encoding") != "8bit" {
		t.Errorf("encoding %q of 8-bit content", e)
	}
}

func TestReports(t *testing.T) {
	m := newMessage(map[mapi.Tag]string{
		mapi.PidTagMessageClass: "REPORT.IPM.Note.NDR", mapi.PidTagBody: "not delivered",
		mapi.PidTagReportingMessageTransferAgent: "dns; mta.example.com",
	})
	r := newRecipient(1, map[mapi.Tag]string{mapi.PidTagDisplayName: "Bob", mapi.PidTagSmtpAddress: "bob@example.com", mapi.PidTagSupplementaryInfo: "<mx #5.1.1 smtp;550 5.1.1 unknown " + strings.Repeat("long", 30) + ">"})
	m.Recipients = []*mapi.Recipient{r, newRecipient(1, map[mapi.Tag]string{mapi.PidTagDisplayName: "Nobody"})}
	m.Recipients[1].Props.Set(mapi.PidTagNonDeliveryReportStatusCode, mapi.Int32Value(550))
	m.Attachments = []*mapi.Attachment{{Embedded: newMessage(map[mapi.Tag]string{mapi.PidTagSubject: "original"})}}
	got, _ := export(t, m, nil)
	p := tree(t, got)
	if p.shape() != "report(plain delivery-status rfc822(plain))" || p.params["report-type"] != "delivery-status" {
		t.Fatalf("%s\n%s", p.shape(), got)
	}
	if e := p.kids[1].head.Get("Content-Transfer-Encoding"); e != "7bit" {
		t.Errorf("a report in %s", e)
	}
	want := "Reporting-MTA: dns; mta.example.com\r\n\r\nFinal-Recipient: rfc822; bob@example.com\r\nAction: failed\r\nStatus: 5.1.1\r\n"
	if s := p.kids[1].body; !strings.HasPrefix(s, want) || !strings.Contains(s, "Status: 5.5.0") {
		t.Errorf("%s", s)
	}
	m = newMessage(map[mapi.Tag]string{
		mapi.PidTagMessageClass: "REPORT.IPM.Note.IPNRN", mapi.PidTagSenderSmtpAddress: "bob@example.com",
		mapi.NewTag(0x1046, mapi.TypeString): "<1@example.com>",
	})
	got, _ = export(t, m, nil)
	p = tree(t, got)
	if p.shape() != "report(plain disposition-notification)" || !strings.Contains(p.kids[1].body, "Final-Recipient: rfc822; bob@example.com\r\n") ||
		!strings.Contains(p.kids[1].body, "; displayed\r\n") || !strings.Contains(p.kids[1].body, "Original-Message-ID: <1@example.com>\r\n") {
		t.Errorf("%s\n%s", p.shape(), got)
	}
}
