package mime

import (
	"bytes"
	"strings"
	"testing"
)

// back is a mail after it was a message.
func back(t *testing.T, mail string) string {
	t.Helper()
	mail = strings.ReplaceAll(mail, "\n", "\r\n")
	m, _, err := Import(t.Context(), strings.NewReader(mail), int64(len(mail)), nil)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := Export(t.Context(), &out, m, nil); err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(out.String(), "\r\n", "\n")
}

func mustHave(t *testing.T, mail string, want ...string) {
	t.Helper()
	for _, s := range want {
		if !strings.Contains(mail, s) {
			t.Errorf("there is no %q in\n%s", s, mail)
		}
	}
}

// The header comes back with the fields that it had, and no others.
func TestNoFieldIsAdded(t *testing.T) {
	for _, head := range []string{
		"From: ann@example.com\nTo: bob@example.com\nSubject: Re: lunch\nDate: Sat, 3 Feb 2024 04:05:06 +0000\n",
		"From: ann@example.com\nSubject: a draft\n",
		"From: ann@example.com\nX-Priority: 1\nDate: Sat, 3 Feb 2024 04:05:06 +0000\nSubject: soon\n",
		"From: ann@example.com\nImportance: low\nDate: Sat, 3 Feb 2024 04:05:06 +0000\nSubject: later\n",
		"From: ann@example.com, bob@example.com\nSubject: two authors\nDate: Sat, 3 Feb 2024 04:05:06 +0000\n",
		"From: ann@example.com\nThread-Topic: other\nThread-Index: AAECAw==\nSubject: this\nDate: Sat, 3 Feb 2024 04:05:06 +0000\n",
	} {
		if got := back(t, head+"MIME-Version: 1.0\n\ntext\n"); !strings.HasPrefix(got, head+"MIME-Version: 1.0\nContent-Type: text/plain") {
			t.Errorf("%s\nbecame\n%s", head, got)
		}
	}
}

// Encoded words that hold what should be encoded are read as what they say,
// and are not encoded twice.
func TestEncodedWordsAreNotEncodedAgain(t *testing.T) {
	got := back(t, "From: ann@example.com\nTo: J =?iso-8859-1?Q?M\xfcl=FC?= <m@example.com>\nX-Note: =?iso-8859-1?Q?f\xfcr_Sie?=\nSubject: =?utf-8?Q?a?=\n =?utf-8?Q?b?=\n \nDate: Sat, 3 Feb 2024 04:05:06 +0000\n\nx\n")
	mustHave(t, got, "To: =?utf-8?B?SiBNw7xsw7w=?= <m@example.com>\n", "X-Note: =?utf-8?Q?f=C3=BCr?= Sie\n", "Subject: =?utf-8?Q?a?=\n =?utf-8?Q?b?=\nDate")
}

const bounce = `From: mailer@example.com
To: ann@example.com
Subject: failed
Date: Sat, 3 Feb 2024 04:05:06 +0000
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

It failed.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.com
X-Queue: 12

Final-Recipient: rfc822; bob@example.com
Action: failed
Status: 5.1.1

--b
Content-Type: THIRD

RETURNED
--b--
`

// A report keeps its three parts: the fields for machines as they came, and
// the returned message or header as a part of the report.
func TestReportComesBack(t *testing.T) {
	for typ, content := range map[string]string{
		"text/rfc822-headers": "Received: by mx.example.com\nFrom: ann@example.com\nSubject: hello\n",
		"message/rfc822":      "From: ann@example.com\nTo: bob@example.com\nSubject: hello\n",
	} {
		got := back(t, strings.NewReplacer("THIRD", typ, "RETURNED", content).Replace(bounce))
		mustHave(t, got, "To: ann@example.com\n", "multipart/report;", "\n\nReporting-MTA: dns; mx.example.com\nX-Queue: 12\n\nFinal-Recipient: rfc822; bob@example.com\nAction: failed\nStatus: 5.1.1\n",
			"Content-Type: "+typ+"\n", content)
		if strings.Contains(got, "multipart/mixed") || strings.Contains(got, "base64") || strings.Contains(got, "attachment") {
			t.Errorf("%s", got)
		}
	}
}

// What PGP has encrypted is still known as that. RFC 3156 4
func TestPGPEncryptedComesBack(t *testing.T) {
	got := back(t, "From: ann@example.com\nSubject: secret\nDate: Sat, 3 Feb 2024 04:05:06 +0000\nMIME-Version: 1.0\nContent-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=b\n\n"+
		"--b\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n--b\nContent-Type: application/octet-stream; name=encrypted.asc\n\n-----BEGIN PGP MESSAGE-----\n--b--\n")
	mustHave(t, got, "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\";\n", "application/pgp-encrypted", "encrypted.asc")
}
