package header_test

import (
	"bufio"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	gomessage "github.com/emersion/go-message/mail"
	"github.com/emersion/go-message/textproto"

	"github.com/mailconv/mailconv/mime/header"
)

// written checks what holds for every field, and returns it.
func written(t *testing.T, f func(w *header.Writer)) string {
	t.Helper()
	var w header.Writer
	f(&w)
	s := string(w.Bytes())
	if !strings.HasSuffix(s, "\r\n") {
		t.Errorf("%q does not end its line", s)
	}
	for i, line := range strings.Split(strings.TrimSuffix(s, "\r\n"), "\r\n") {
		if strings.ContainsAny(line, "\r\n\x00") {
			t.Errorf("line %q holds a control character", line)
		}
		if i > 0 && (line == "" || line[0] != ' ' && line[0] != '\t') {
			t.Errorf("line %q is no continuation", line)
		}
		if strings.TrimSpace(line) == "" {
			t.Errorf("%q has a line of white space", s)
		}
		if len(line) > 998 {
			t.Errorf("a line of %d characters", len(line))
		}
		for j := 0; j < len(line); j++ {
			if line[j] >= 0x80 {
				t.Errorf("line %q is not 7-bit", line)
				break
			}
		}
	}
	return s
}

// fits reports the longest line of s.
func longest(s string) int {
	n := 0
	for _, line := range strings.Split(s, "\r\n") {
		n = max(n, len(line))
	}
	return n
}

// goText reads an unstructured field with another program.
func goText(t *testing.T, field string) string {
	t.Helper()
	h, err := textproto.ReadHeader(newReader(field + "\r\n"))
	if err != nil {
		t.Fatalf("%q: %v", field, err)
	}
	var m gomessage.Header
	m.Header.Header = h
	s, err := m.Text("Subject")
	if err != nil {
		t.Fatalf("%q: %v", field, err)
	}
	return s
}

var texts = []string{
	"", "plain", "two words", " leading", "trailing ", "  both  ", "tab\there", "x  y   z",
	"Grüße aus Köln", "日本語の件名はとても長いので折り返さなければなりません、そうですよね、きっと", "a =?utf-8?Q?trick?= b", "=?", "=?x",
	"mixed ASCII words and ünïcödé words that go on for longer than one line of seventy-eight characters, with more",
	strings.Repeat("word ", 60) + "end", strings.Repeat("x", 300), strings.Repeat("ü", 200), strings.Repeat("😀", 50),
	"control \x01\x1b\x7f end", "é " + strings.Repeat(" ", 120) + "far", "a" + strings.Repeat(" ", 200) + "b",
	strings.Repeat("1234567890", 7) + " 12345678", "Re: " + strings.Repeat("あ い ", 40),
}

func TestTextComesBack(t *testing.T) {
	for _, s := range texts {
		f := written(t, func(w *header.Writer) { w.Text("Subject", s) })
		if n := longest(f); n > 78 {
			t.Errorf("%q: a line of %d characters:\n%s", s, n, f)
		}
		if got := header.Parse([]byte(f)).Text("Subject", nil); got != s && strings.TrimSpace(s) != "" {
			t.Errorf("wrote %q\nread  %q\nfield %q", s, got, f)
		}
		if got := goText(t, f); got != s && strings.TrimSpace(s) == s {
			t.Errorf("go-message: wrote %q\nread  %q\nfield %q", s, got, f)
		}
	}
}

func TestNoLineBreakReachesTheHeader(t *testing.T) {
	for _, s := range []string{"a\r\nBcc: evil@example.com", "a\nb", "a\rb", "a\x00b", "\r\n\r\nbody", "x\r\n y", "\n", "a\u2028b"} {
		for _, f := range []func(w *header.Writer){
			func(w *header.Writer) { w.Text("X", s) },
			func(w *header.Writer) { w.Value("X", s) },
			func(w *header.Writer) { w.Stored("X", s) },
			func(w *header.Writer) { w.Phrases("X", []string{s, s}) },
			func(w *header.Writer) { w.MessageIDs("X", "<a@b>", header.MessageID(s+"@x")) },
			func(w *header.Writer) { w.Params("X", "text/plain", header.Param{Name: "name", Value: s}) },
			func(w *header.Writer) { w.Params("X", s, header.Param{Name: "filename", Value: s}) },
			func(w *header.Writer) {
				w.Addresses("X", header.Address{Name: s, Addr: s}, header.Address{Name: s, Addr: "a@b"}, header.Address{Addr: s + "@x"},
					header.Address{Name: s, Group: true, Members: []header.Address{{Name: s, Addr: "a@b"}}})
			},
		} {
			got := written(t, f)
			if n := len(header.Parse([]byte(got))); n != 1 {
				t.Errorf("%q became %d fields: %q", s, n, got)
			}
		}
	}
}

func TestAddressesComeBack(t *testing.T) {
	list := []header.Address{
		{Addr: "a@example.com"},
		{Name: "Ann Example", Addr: "a@example.com"},
		{Name: "Example, Ann", Addr: "a@example.com"},
		{Name: `The "Boss" \o/`, Addr: "a@example.com"},
		{Name: "Jörg Müller", Addr: "j@example.com"},
		{Name: "山田 太郎", Addr: "y@example.com"},
		{Name: "dots. and (parens) @ <angle>", Addr: "y@example.com"},
		{Name: "=?utf-8?Q?no?=", Addr: "y@example.com"},
		{Name: strings.Repeat("Very Long Name ", 12), Addr: "y@example.com"},
		{Name: strings.Repeat("x", 120), Addr: "y@example.com"},
		{Name: "quoted local", Addr: `"a b"@example.com`},
		{Name: "  double  blank ", Addr: "y@example.com"},
	}
	f := written(t, func(w *header.Writer) { w.Addresses("To", list...) })
	if n := longest(f); n > 78 {
		t.Errorf("a line of %d characters:\n%s", n, f)
	}
	got := header.ParseAddresses(header.Parse([]byte(f)).Value("To"), nil)
	if len(got) != len(list) {
		t.Fatalf("%d addresses of %d:\n%s", len(got), len(list), f)
	}
	h, err := textproto.ReadHeader(newReader(f + "\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	var m gomessage.Header
	m.Header.Header = h
	theirs, err := m.AddressList("To")
	if err != nil {
		t.Fatalf("go-message: %v\n%s", err, f)
	}
	for i := range list {
		want := strings.TrimSpace(list[i].Name)
		if got[i].Name != want || got[i].Addr != list[i].Addr {
			t.Errorf("wrote %+v, read %+v", list[i], got[i])
		}
		if theirs[i].Name != want || theirs[i].Address != strings.Trim(list[i].Addr, "") && i != 10 {
			t.Errorf("go-message: wrote %+v, read %+v", list[i], theirs[i])
		}
	}
}

func TestAddressWithoutAddressKeepsItsName(t *testing.T) {
	for _, c := range []struct {
		a    header.Address
		want string
	}{
		{header.Address{Name: "Ann"}, "Ann:;"},
		{header.Address{Name: "Ann", Addr: "not an address"}, `"Ann (not an address)":;`},
		{header.Address{Addr: "Unknown"}, "Unknown:;"},
		{header.Address{Name: "Jörg", Addr: "jörg@example.com"}, "=?utf-8?B?SsO2cmcgKGrDtnJnQGV4YW1wbGUuY29tKQ==?=:;"},
		{header.Address{Group: true}, "undisclosed-recipients:;"},
		{header.Address{Name: "Team", Group: true, Members: []header.Address{{Name: "A", Addr: "a@b.c"}, {Addr: "d@e.f"}}}, "Team: A <a@b.c>, <d@e.f>;"},
	} {
		got := written(t, func(w *header.Writer) { w.Addresses("To", c.a, header.Address{Addr: "z@z.z"}) })
		if want := "To: " + c.want + ", <z@z.z>\r\n"; got != want {
			t.Errorf("%+v: %q, want %q", c.a, got, want)
		}
	}
}

func TestAddrSpec(t *testing.T) {
	for in, want := range map[string]string{
		"a@b.c": "a@b.c", " <a@b.c> ": "a@b.c", "mailto:a@b.c": "a@b.c", "SMTP:a@b.c": "a@b.c", "'a@b.c'": "a@b.c",
		"Name <a@b.c>": "a@b.c", "a b@c.d": `"a b"@c.d`, `"a b"@c.d`: `"a b"@c.d`, "a..b@c.d": `"a..b"@c.d`, "a@b.": "a@b",
		"a@[1.2.3.4]": "a@[1.2.3.4]", "x@y@z.d": `"x@y"@z.d`, "a\r\n@b.c": "a@b.c",
		"": "", "a": "", "@b": "", "a@": "", "a@b c": "", "ü@b.c": "", "a@ü.de": "", "/o=Org/cn=x": "",
	} {
		got, ok := header.AddrSpec(in)
		if got != want || ok != (want != "") {
			t.Errorf("%q: %q %v, want %q", in, got, ok, want)
		}
	}
}

// T30: names with specials are quoted or encoded, never both, and come back in
// every reader.
func TestT30NamesComeBack(t *testing.T) {
	for _, name := range []string{
		"Hello-(123)-World.pdf", "plain.txt", "two words.doc", `quote".txt`, `back\slash.txt`, "semi;colon=.txt", "percent%20.txt",
		"Übersicht für März.xlsx", "日本語のとても長いファイル名は折り返さなければなりませんので注意してください.docx", "a'b.txt", "=?utf-8?B?eA==?=.txt",
		strings.Repeat("long name ", 15) + ".pdf", strings.Repeat("ü", 120) + ".pdf", "😀.png", " lead.txt", "tab\there.txt",
	} {
		f := written(t, func(w *header.Writer) {
			w.Params("Content-Disposition", "attachment", header.Param{Name: "filename", Value: name}, header.Param{Name: "x", Value: "1"})
		})
		if n := longest(f); n > 78 {
			t.Errorf("%q: a line of %d characters:\n%s", name, n, f)
		}
		if strings.Contains(f, `"=?`) {
			t.Errorf("an encoded word in quotes: %q", f)
		}
		value, params := header.ParseParams(header.Parse([]byte(f)).Value("Content-Disposition"), nil)
		got, _ := header.FindParam(params, "filename")
		if value != "attachment" || got != name {
			t.Errorf("wrote %q, read %q %q from %q", name, value, got, f)
		}
		h, err := textproto.ReadHeader(newReader(f + "\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		var a gomessage.AttachmentHeader
		a.Header.Header = h
		// go-message decodes encoded words wherever it finds them.
		if got, err := a.Filename(); (got != name || err != nil) && !strings.HasPrefix(name, "=?") {
			t.Errorf("go-message: wrote %q, read %q, %v", name, got, err)
		}
	}
}

func TestASCIINameIsReadable(t *testing.T) {
	for in, want := range map[string]string{
		"plain.txt": "plain.txt", "Übersicht für März.xlsx": "Ubersicht fur Marz.xlsx", "Straße.pdf": "Strasse.pdf",
		"日本語.pdf": "", "報告 2024.pdf": "__ 2024.pdf", "😀.png": "",
	} {
		if got := header.ASCIIName(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// T23: a numeric offset, whatever the zone is called.
func TestT23DateSyntax(t *testing.T) {
	at := time.Date(2024, 2, 3, 4, 5, 6, 7, time.FixedZone("NST", -(3*3600+1800)))
	got := written(t, func(w *header.Writer) { w.Date("Date", at) })
	if want := "Date: Sat, 3 Feb 2024 04:05:06 -0330\r\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestMessageID(t *testing.T) {
	for in, want := range map[string]string{
		"<a@b>": "<a@b>", "a@b": "<a@b>", " < a@b > ": "<a@b>", "<a@b>\x00": "<a@b>", "a b@c": "<ab@c>", "": "", "<>": "", "\r\n": "",
		"<ü@b>": "<@b>",
	} {
		if got := header.MessageID(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestStoredFieldStaysAsItIs(t *testing.T) {
	for _, raw := range []string{
		" from a by b;\r\n\tMon, 1 Jan 2024 00:00:00 +0000", " x", "x", " a  b\r\n  c", " long " + strings.Repeat("y", 900),
	} {
		got := written(t, func(w *header.Writer) { w.Stored("Received", raw) })
		want := "Received:" + raw + "\r\n"
		if raw[0] != ' ' {
			want = "Received: " + raw + "\r\n"
		}
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for raw, want := range map[string]string{
		" a\n\tb":            "X: a\r\n\tb\r\n",
		" a\r\n \r\n b":      "X: a b\r\n",
		" ü":                 "X: =?utf-8?B?w7w=?=\r\n",
		" a\x00b":            "X: ab\r\n",
		" a\r\nEvil: header": "X: a Evil: header\r\n",
	} {
		if got := written(t, func(w *header.Writer) { w.Stored("X", raw) }); got != want {
			t.Errorf("%q: %q, want %q", raw, got, want)
		}
	}
	written(t, func(w *header.Writer) { w.Stored("X", strings.Repeat("z", 5000)) })
}

func TestPhrases(t *testing.T) {
	list := []string{"Red Category", "a, b", "Größe", "x"}
	f := written(t, func(w *header.Writer) { w.Phrases("Keywords", list) })
	got := header.ParsePhrases(header.Parse([]byte(f)).Value("Keywords"), nil)
	if strings.Join(got, "|") != strings.Join(list, "|") {
		t.Errorf("wrote %q, read %q: %s", list, got, f)
	}
}

func FuzzWriter(f *testing.F) {
	for _, s := range texts {
		f.Add(s, "a@example.com")
	}
	f.Add("a\r\n b", "Name <x@y>")
	f.Add(strings.Repeat("1234567890", 5)+"\t\t\t\t\t\t\t\t"+strings.Repeat("1234567890", 3), "a@example.com")
	// A tab at which a line was folded is read as a blank: many writers fold so.
	blanks := func(s string) string { return strings.ReplaceAll(s, "\t", " ") }
	f.Fuzz(func(t *testing.T, s, addr string) {
		field := written(t, func(w *header.Writer) { w.Text("Subject", s) })
		if utf8.ValidString(s) && !strings.ContainsAny(s, "\r\n\x00") && strings.TrimSpace(s) != "" {
			if got := header.Parse([]byte(field)).Text("Subject", nil); blanks(got) != blanks(s) {
				t.Errorf("wrote %q, read %q: %q", s, got, field)
			}
		}
		written(t, func(w *header.Writer) { w.Value("X", s) })
		written(t, func(w *header.Writer) { w.Stored("X", s) })
		written(t, func(w *header.Writer) { w.Phrases("X", []string{s, addr}) })
		written(t, func(w *header.Writer) {
			w.Params("X", "text/plain", header.Param{Name: "name", Value: s}, header.Param{Name: "filename", Value: s})
		})
		list := written(t, func(w *header.Writer) {
			w.Addresses("To", header.Address{Name: s, Addr: addr}, header.Address{Name: addr, Group: true, Members: []header.Address{{Name: s, Addr: "x@y"}}})
		})
		if n := len(header.ParseAddresses(header.Parse([]byte(list)).Value("To"), nil)); n != 2 {
			t.Errorf("%d addresses of 2 in %q", n, list)
		}
	})
}

func BenchmarkAddresses(b *testing.B) {
	list := []header.Address{{Name: "Ann Example", Addr: "ann@example.com"}, {Name: "Jörg Müller", Addr: "j@example.com"}, {Addr: "x@example.com"}}
	var w header.Writer
	b.ReportAllocs()
	for b.Loop() {
		w.Reset()
		w.Addresses("To", list...)
	}
}

func newReader(s string) *bufio.Reader { return bufio.NewReader(strings.NewReader(s)) }
