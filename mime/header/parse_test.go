package header

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/mailconv/mailconv/mapi/codepage"
)

// Fault 1: headers that strict readers refuse.
func TestBrokenHeaderBlocks(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     []string // name=value
	}{
		{"plain", "A: 1\r\nB: 2\r\n 3\r\n\r\n", []string{"A=1", "B=2 3"}},
		{"bare LF", "A: 1\nB: 2\n", []string{"A=1", "B=2"}},
		{"bare CR", "A: 1\rB: 2\r\t3\r", []string{"A=1", "B=2 3"}},
		{"CR CR LF", "A: 1\r\r\nB: 2\r\r\n\r\r\n", []string{"A=1", "B=2"}},
		{"mbox line", "From me@example.org Mon Jan  1 00:00:00 2024\nA: 1\n", []string{"=", "A=1"}},
		{"quoted mbox line", ">From me@example.org\nA: 1\n", []string{"=", "A=1"}},
		{"leading blank", " A: 1\r\nB: 2\r\n", []string{"A=1", "B=2"}},
		{"byte order mark", "\xEF\xBB\xBFA: 1\r\nB: 2\r\n", []string{"A=1", "B=2"}},
		{"no colon", "A: 1\r\nand more\r\nB: 2\r\n", []string{"A=1 and more", "B=2"}},
		{"blank in name", "My Field: 1\r\nB : 2\r\n", []string{"My Field=1", "B=2"}},
		{"8-bit name", "Pr\xe9nom: x\r\n", []string{"Pr\xe9nom=x"}},
		{"empty value", "A:\r\nB: \r\n", []string{"A=", "B="}},
		{"tab fold", "A: x\r\n\ty\r\n", []string{"A=x y"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fs := Parse([]byte(tt.in))
			var got []string
			var raw []byte
			for _, f := range fs {
				v := f.Value()
				if f.Name == "" {
					v = ""
				}
				got = append(got, f.Name+"="+v)
				raw = append(raw, f.Raw...)
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if !strings.HasPrefix(tt.in, string(raw)) || len(bytes.Trim([]byte(tt.in[len(raw):]), "\r\n")) > 0 {
				t.Errorf("the fields do not cover the block: %q", raw)
			}
		})
	}
}

// Fault 6: encoded words.
func TestDecodeText(t *testing.T) {
	latin2, _ := codepage.ByName("iso-8859-2")
	for _, tt := range []struct{ in, want string }{
		{"plain", "plain"},
		{"=?utf-8?Q?caf=C3=A9_x?=", "café x"},
		{"=?iso-8859-1*en?Q?a=E9?=", "aé"},
		{"=?utf-8?B?w6k?=", "é"},
		{"=?utf-8?B?w6k=?=", "é"},
		{"=?utf-8?Q?caf=C3?= =?utf-8?Q?=A9?=", "café"},
		{"=?utf-8?Q?a?= =?iso-8859-1?Q?=E9?=", "aé"},
		{"=?utf-8?Q?a?= b =?utf-8?Q?c?=", "a b c"},
		{"Re:=?utf-8?Q?_x?=!", "Re: x!"},
		{"=?iso-2022-jp?B?GyRCRnw=?= =?iso-2022-jp?B?S1wbKEI=?=", "日本"},
		{"=?iso-2022-jp?B?GyRCRg==?= =?iso-2022-jp?B?fBsoQg==?=", "日"},
		{"=?windows-1252?Q?=80?=", "€"},
		{"=?iso-8859-1?Q?=80?=", "€"},
		{"=?utf-7?Q?+AOk-?=", "é"},
		{"=?x-unknown?Q?caf=C3=A9?=", "café"},
		{"=?utf-8?X?abc?=", "=?utf-8?X?abc?="},
		{"=?utf-8?Q?with blank?=", "with blank"},
		{"a =? b", "a =? b"},
		{"caf\xc3\xa9", "café"},
		{"caf\xe9", "café"},
	} {
		if got := DecodeText(tt.in, nil); got != tt.want {
			t.Errorf("DecodeText(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
	if got := DecodeText("\xb1", latin2); got != "ą" {
		t.Errorf("8-bit text in the given character set: %q", got)
	}
}

// Faults 2, 3 and 4: parameters.
func TestParseParams(t *testing.T) {
	for _, tt := range []struct {
		in, value string
		want      map[string]string
	}{
		{`text/plain; charset=utf-8`, "text/plain", map[string]string{"charset": "utf-8"}},
		{`TEXT/Plain; Charset="UTF-8" ; junk; format=flowed;`, "text/plain", map[string]string{"charset": "UTF-8", "format": "flowed"}},
		{`text/plain; charset=a; charset=b`, "text/plain", map[string]string{"charset": "a"}},
		{`text/plain charset=utf-8`, "text/plain", map[string]string{"charset": "utf-8"}},
		{`text/plain; charset=us-ascii (Plain text)`, "text/plain", map[string]string{"charset": "us-ascii"}},
		{`multipart/mixed; boundary=----=_Part:12/3?x`, "multipart/mixed", map[string]string{"boundary": "----=_Part:12/3?x"}},
		{`multipart/mixed; boundary="a b"; type="x"`, "multipart/mixed", map[string]string{"boundary": "a b", "type": "x"}},
		{`multipart/mixed; boundary="open`, "multipart/mixed", map[string]string{"boundary": "open"}},
		{`multipart/mixed; foo`, "multipart/mixed", nil},
		{`attachment; filename*=iso-8859-1''caf%E9.pdf`, "attachment", map[string]string{"filename": "café.pdf"}},
		{`attachment; filename*=utf-8'en'%E2%82%AC.txt; filename="E.txt"`, "attachment", map[string]string{"filename": "€.txt"}},
		{`attachment; filename*0*=utf-8''%E2%82; filename*1*=%AC; filename*2=".txt"`, "attachment", map[string]string{"filename": "€.txt"}},
		{`attachment; filename*1="b.txt"; filename*0="a"`, "attachment", map[string]string{"filename": "ab.txt"}},
		{`attachment; filename="=?utf-8?B?w6k=?=.txt"`, "attachment", map[string]string{"filename": "é.txt"}},
		{`attachment; filename=Hello-(123)-World.pdf`, "attachment", map[string]string{"filename": "Hello-(123)-World.pdf"}},
		{`attachment; filename*=utf-8''Hello-%28123%29-World.pdf`, "attachment", map[string]string{"filename": "Hello-(123)-World.pdf"}},
		{`attachment; filename=my file.pdf; size=3`, "attachment", map[string]string{"filename": "my file.pdf", "size": "3"}},
		{`attachment; filename="a "quoted" b.pdf"`, "attachment", map[string]string{"filename": `a "quoted" b.pdf`}},
		{`attachment; filename="C:\dir\a.pdf"`, "attachment", map[string]string{"filename": `C:\dir\a.pdf`}},
		{`attachment; filename="a.pdf" name="b"`, "attachment", map[string]string{"filename": "a.pdf", "name": "b"}},
		{"attachment; filename=\"caf\xe9.pdf\"", "attachment", map[string]string{"filename": "café.pdf"}},
		{`name=x.pdf`, "", map[string]string{"name": "x.pdf"}},
		{``, "", nil},
	} {
		value, params := ParseParams(tt.in, nil)
		if value != tt.value {
			t.Errorf("%s: value %q, want %q", tt.in, value, tt.value)
		}
		got := map[string]string{}
		for _, p := range params {
			got[p.Name] = p.Value
		}
		if len(got) != len(tt.want) || len(got) > 0 && !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestParseAddresses(t *testing.T) {
	box := func(name, addr string) Address { return Address{Name: name, Addr: addr} }
	for _, tt := range []struct {
		in   string
		want []Address
	}{
		{"a@example.org", []Address{box("", "a@example.org")}},
		{"A B <a@example.org>, c@example.org", []Address{box("A B", "a@example.org"), box("", "c@example.org")}},
		{`"B, A" <a@example.org>`, []Address{box("B, A", "a@example.org")}},
		{`"say \"hi\"" <a@example.org>`, []Address{box(`say "hi"`, "a@example.org")}},
		{"a@example.org (Ann)", []Address{box("Ann", "a@example.org")}},
		{"Team: a@example.org, B <b@example.org>;, c@example.org", []Address{
			{Name: "Team", Group: true, Members: []Address{box("", "a@example.org"), box("B", "b@example.org")}},
			box("", "c@example.org"),
		}},
		{"undisclosed-recipients:;", []Address{{Name: "undisclosed-recipients", Group: true}}},
		{"Team: a@example.org", []Address{{Name: "Team", Group: true, Members: []Address{box("", "a@example.org")}}}},
		{"<@x,@y:a@example.org>", []Address{box("", "a@example.org")}},
		{"a @ example . org", []Address{box("", "a@example.org")}},
		{`"john doe"@example.org`, []Address{box("", `"john doe"@example.org`)}},
		{"=?utf-8?Q?Caf=C3=A9=2C_A?= <a@example.org>", []Address{box("Café, A", "a@example.org")}},
		{"=?utf-8?Q?Doe,_Ann?= <a@example.org>", []Address{box("Doe, Ann", "a@example.org")}},
		{`"=?utf-8?Q?Caf=C3=A9?=" <a@example.org>`, []Address{box("Café", "a@example.org")}},
		{"=?utf-8?Q?Ann_<a@example.org>?=", []Address{box("Ann", "a@example.org")}},
		{`"Ann <a@example.org>`, []Address{box("Ann", "a@example.org")}},
		{"Ann <a@example.org, Bob <b@example.org>", []Address{box("Ann", "a@example.org"), box("Bob", "b@example.org")}},
		{"<<a@example.org>>", []Address{box("", "a@example.org")}},
		{"mailto:a@example.org", []Address{box("", "a@example.org")}},
		{"a@example.org; b@example.org", []Address{box("", "a@example.org"), box("", "b@example.org")}},
		{"Ann a@example.org", []Address{box("Ann", "a@example.org")}},
		{"a@[IPv6:::1]", []Address{box("", "a@[IPv6:::1]")}},
		{"root", []Address{box("", "root")}},
		{"Some Body", []Address{box("Some Body", "")}},
		{"Ann <>", []Address{box("Ann", "")}},
		{",, a@example.org,,", []Address{box("", "a@example.org")}},
		{"J\xf6rg <j@example.org>", []Address{box("Jörg", "j@example.org")}},
		{"用户@例子.中国", []Address{box("", "用户@例子.中国")}},
		{"", nil},
	} {
		if got := ParseAddresses(tt.in, nil); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s:\n got %+v\nwant %+v", tt.in, got, tt.want)
		}
	}
}

func TestParseDate(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"Mon, 1 Jan 2024 10:00:00 +0100", "2024-01-01T10:00:00+01:00"},
		{"Fri, 1 Jan 2024 10:00:00 +0100 (CET)", "2024-01-01T10:00:00+01:00"},
		{"1 Jan 24 10:00 EST", "2024-01-01T10:00:00-05:00"},
		{"1 Jan 70 10:00 GMT", "1970-01-01T10:00:00Z"},
		{"1 Jan 104 10:00 UT", "2004-01-01T10:00:00Z"},
		{"1 Jan 2024 10:00:00 A", "2024-01-01T10:00:00Z"},
		{"1 Jan 2024 10:00:00", "2024-01-01T10:00:00Z"},
		{"1 Jan 2024", "2024-01-01T00:00:00Z"},
		{"Mon Jan  1 10:00:00 2024", "2024-01-01T10:00:00Z"},
		{"Mon Jan  1 10:00:00 PST 2024", "2024-01-01T10:00:00-08:00"},
		{"2024-01-01T10:00:00Z", "2024-01-01T10:00:00Z"},
		{"2024-01-01 10:00:00 +0530", "2024-01-01T10:00:00+05:30"},
		{"01-Jan-2024 10:00:00 -0800", "2024-01-01T10:00:00-08:00"},
		{"Monday, January 1, 2024 3:04 PM", "2024-01-01T15:04:00Z"},
		{"Mon, 1 Jan 2024 10:00:60 +0000", "2024-01-01T10:00:59Z"},
		{"Mon, 1 Jan 2024 10:00:00 +01:00", "2024-01-01T10:00:00+01:00"},
		{"Mon, 1 Jan 2024 10:00:00 GMT+2", "2024-01-01T10:00:00+02:00"},
		{"Mon,1(x)Jan 2024(y)10:00:00 +0000", "2024-01-01T10:00:00Z"},
		{"yesterday", ""},
		{"", ""},
		{"31 Feb 2024 10:00:00 +0000", ""},
		{"1 Jan 2024 99:00:00", ""},
	} {
		got, ok := ParseDate(tt.in)
		s := ""
		if ok {
			s = got.Format(time.RFC3339)
		}
		if s != tt.want {
			t.Errorf("%q: %q, want %q", tt.in, s, tt.want)
		}
	}
}

func TestParseIDs(t *testing.T) {
	for in, want := range map[string][]string{
		"<a@b> <c@d>":        {"<a@b>", "<c@d>"},
		"<a@b><c@d>":         {"<a@b>", "<c@d>"},
		"Your mail of <a@b>": {"<a@b>"},
		"a@b":                {"<a@b>"},
		"<a\t@b>":            {"<a@b>"},
		"<a@b <c@d>":         {"<a@b>", "<c@d>"},
		"":                   nil,
	} {
		if got := ParseIDs(in); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := ParsePhrases("red, =?utf-8?Q?gr=C3=BCn?=, \"a, b\"", nil); !reflect.DeepEqual(got, []string{"red", "grün", "a, b"}) {
		t.Errorf("keywords: %q", got)
	}
}

func FuzzHeader(f *testing.F) {
	for _, s := range []string{
		"From x\nA: 1\n b\nc\nTo: =?utf-8?Q?a?= <b@c>, g: x;\nDate: Mon, 1 Jan 24 1:2 EST\n",
		"Content-Type: text/plain; name*0*=utf-8''%E2; name*1=\"x\\\"\"; (c) =; junk\r\r\n\r\r\n",
		"a: =?iso-2022-jp?B?GyRC?= =?utf-8?Q?=?=\r", " : \n", "<@a:<b>>(((\\",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		fs := Parse(b)
		n := 0
		for _, fl := range fs {
			n += len(fl.Raw)
			v := fl.Value()
			if strings.ContainsAny(v, "\r\n") {
				t.Fatalf("line end in %q", v)
			}
			DecodeText(v, nil)
			ParseParams(v, nil)
			ParseAddresses(v, nil)
			ParseDate(v)
			ParseIDs(v)
			ParsePhrases(v, nil)
		}
		if len(bytes.Trim(b[n:], "\r\n")) > 0 {
			t.Fatalf("bytes after the last field: %q", b[n:])
		}
	})
}
