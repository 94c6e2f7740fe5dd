package mime

import (
	"bytes"
	"strings"
	"testing"
)

// benchMail is a mail of a common kind: transport headers, a text, HTML, and a
// small image that the HTML shows.
var benchMail = func() []byte {
	s := "Received: from mx1.example.com (mx1.example.com [192.0.2.1])\n\tby mx2.example.com with ESMTPS id 4abc;\n\tSat, 3 Feb 2024 04:05:08 +0000\n" +
		"Received: from pc.example.com (pc.example.com [192.0.2.2])\n\tby mx1.example.com with ESMTPSA id 3abc;\n\tSat, 3 Feb 2024 04:05:07 +0000\n" +
		"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=s1;\n\tbh=" + strings.Repeat("A", 44) + ";\n\tb=" + strings.Repeat("B", 300) + "\n" +
		"From: =?utf-8?Q?J=C3=B6rg_M=C3=BCller?= <joerg@example.com>\nTo: \"Ann Example\" <ann@example.com>, bob@example.com\nCc: Carol <carol@example.com>\n" +
		"Subject: Re: =?utf-8?Q?Gr=C3=BC=C3=9Fe?= from the sea\nDate: Sat, 3 Feb 2024 04:05:06 +0000\nMessage-ID: <20240203040506.1@example.com>\n" +
		"In-Reply-To: <20240202040506.1@example.com>\nReferences: <20240201040506.1@example.com> <20240202040506.1@example.com>\n" +
		"X-Mailer: Example 1.0\nX-Spam-Status: No\nList-Unsubscribe: <https://example.com/u>\nMIME-Version: 1.0\n" +
		"Content-Type: multipart/related; boundary=\"r\"\n\n--r\nContent-Type: multipart/alternative; boundary=\"a\"\n\n" +
		"--a\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n" + strings.Repeat("The sea is wide, and the boat is sm=C3=A5ll.\n", 30) +
		"\n--a\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n<html><body>" +
		strings.Repeat("<p class=3D\"x\">The sea is wide, and the boat is sm=C3=A5ll.</p>\n", 30) + "<img src=3D\"cid:1@x\"></body></html>\n\n--a--\n" +
		"--r\nContent-Type: image/png; name=sea.png\nContent-Transfer-Encoding: base64\nContent-ID: <1@x>\nContent-Disposition: inline; filename=sea.png\n\n" +
		strings.Repeat(strings.Repeat("iVBO", 19)+"\n", 40) + "--r--\n"
	return []byte(strings.ReplaceAll(s, "\n", "\r\n"))
}()

func BenchmarkImport(b *testing.B) {
	b.ReportAllocs()
	b.SetBytes(int64(len(benchMail)))
	for b.Loop() {
		if _, _, err := Import(b.Context(), bytes.NewReader(benchMail), int64(len(benchMail)), nil); err != nil {
			b.Fatal(err)
		}
	}
}
