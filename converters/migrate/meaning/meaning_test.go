package meaning_test

import (
	"strings"
	"testing"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/converters/migrate"
	"github.com/mailconv/mailconv/converters/migrate/meaning"
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
)

func read(t *testing.T, c *transport.Content) *migrate.Meaning {
	t.Helper()
	m, err := (&meaning.Reader{}).Meaning(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func mime(s string) *transport.Content {
	return &transport.Content{Form: transport.FormMIME, MIME: mapi.Bytes(strings.ReplaceAll(s, "\n", "\r\n"))}
}

const head = "Message-ID: <1@mailconv.example>\nFrom: =?utf-8?q?Zo=C3=AB?= <zoe@mailconv.example>\nTo: team: a@mailconv.example, b@mailconv.example;\n" +
	"Date: Mon, 1 Feb 2021 10:00:00 +0100\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\nMIME-Version: 1.0\n"

// One mail in three wordings: other encodings, another order of headers, a
// text beside the HTML. They mean the same.
func TestWordingDoesNotCount(t *testing.T) {
	a := mime(head + "Content-Type: text/html; charset=utf-8\n\n<p>Caf\u00e9 <b>o</b>pen</p><style>p{}</style>\n")
	b := mime("Subject: =?iso-8859-1?b?R3L832U=?=\nX-More: x\nMessage-ID: <1@mailconv.example>\nDate: Mon, 1 Feb 2021 09:00:00 +0000\n" +
		"To: b@mailconv.example, a@mailconv.example\nFrom: zoe@mailconv.example\nContent-Type: multipart/alternative; boundary=x\n\n" +
		"--x\nContent-Type: text/plain\n\nCafe\n--x\nContent-Type: text/html; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\n<div>Caf=E9</div>  open\n--x--\n")
	x, y := read(t, a), read(t, b)
	if x.Digest() != y.Digest() {
		t.Errorf("%+v\n%+v", x, y)
	}
	if x.Subject != "Grüße" || len(x.To) != 2 || x.Date.IsZero() || len(x.Attachments) != 0 {
		t.Errorf("%+v", x)
	}
}

// What a person would miss counts: each of these differs from the first.
func TestContentCounts(t *testing.T) {
	part := func(text, attachment string) string {
		return "Content-Type: multipart/mixed; boundary=x\n\n--x\n\n" + text + "\n--x\nContent-Type: application/pdf; name=a.pdf\nContent-Disposition: attachment\n\n" + attachment + "\n--x--\n"
	}
	inner := func(s string) string {
		return "Content-Type: multipart/mixed; boundary=x\n\n--x\n\none\n--x\nContent-Type: message/rfc822\n\nSubject: " + s + "\n\nin it\n--x--\n"
	}
	first := read(t, mime(head+part("one", "data")))
	if len(first.Attachments) != 1 || first.Attachments[0].Name != "a.pdf" {
		t.Fatalf("%+v", first)
	}
	seen := map[string]string{}
	for name, mail := range map[string]string{
		"first": head + part("one", "data"), "text": head + part("two", "data"), "attachment": head + part("one", "dat4"),
		"subject": strings.Replace(head, "Gr=C3", "gr=C3", 1) + part("one", "data"), "sender": strings.Replace(head, "zoe@", "zo@", 1) + part("one", "data"),
		"recipient": strings.Replace(head, "b@mail", "c@mail", 1) + part("one", "data"), "date": strings.Replace(head, "10:00:00", "10:00:02", 1) + part("one", "data"),
		"mail within": head + inner("a"), "another within": head + inner("b"),
	} {
		m := read(t, mime(mail))
		digest := m.Digest()
		if other, ok := seen[string(digest[:])]; ok {
			t.Errorf("%s and %s mean the same", name, other)
		}
		seen[string(digest[:])] = name
	}
}

// An object means what the mail means that it was made of.
func TestObjectMeansWhatItsMailMeans(t *testing.T) {
	c := mime(head + "Content-Type: text/plain; charset=utf-8\n\nCaf\u00e9\n")
	o, err := (&converters.Converter{}).ToObject(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if x, y := read(t, c), read(t, o); x.Digest() != y.Digest() {
		t.Errorf("%+v\n%+v", x, y)
	}
}

// What says that it has parts and has none: the whole of such a mail is its
// text, and within a mail it is a thing of its own, as it is in an object.
func TestMultipartsWithoutParts(t *testing.T) {
	m := read(t, mime(head+"Content-Type: multipart/report;\n\nI have no boundary\n"))
	if len(m.Attachments) != 0 || m.Words != read(t, mime(head+"\nI have no boundary\n")).Words {
		t.Errorf("%+v", m)
	}
	signed := mime(head + "Content-Type: multipart/mixed; boundary=x\n\n--x\n\none\n--x\nContent-Type: multipart/signed\nContent-Transfer-Encoding: base64\n\nYWJj\n--x--\n")
	a := read(t, signed)
	if len(a.Attachments) != 1 {
		t.Errorf("%+v", a)
	}
	object, err := (&converters.Converter{}).ToObject(t.Context(), signed)
	if err != nil {
		t.Fatal(err)
	}
	defer object.Close()
	if b := read(t, object); b.Digest() != a.Digest() {
		t.Errorf("as a mail %+v, as an object %+v", a, b)
	}
}
