package ical

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

func parse(t *testing.T, s string) ([]*Component, string) {
	t.Helper()
	list, problems, err := Read(context.Background(), strings.NewReader(s), int64(len(s)))
	if err != nil {
		t.Fatal(err)
	}
	var p []string
	for _, x := range problems {
		p = append(p, x.Detail)
	}
	return list, strings.Join(p, "; ")
}

// What careless writers do is read.
func TestLenient(t *testing.T) {
	for name, c := range map[string]struct{ in, want, problems string }{
		"mark, lower case, LF":     {"\xEF\xBB\xBFbegin:vcalendar\nbegin:vevent\nsummary:a\nend:vevent\nend:vcalendar\n", "a", ""},
		"CR alone":                 {"BEGIN:VCALENDAR\rBEGIN:VEVENT\rSUMMARY:a\rEND:VEVENT\rEND:VCALENDAR\r", "a", ""},
		"CR CR LF":                 {"BEGIN:VCALENDAR\r\r\nBEGIN:VEVENT\r\r\nSUMMARY:a\r\r\n b\r\r\nEND:VEVENT\r\r\nEND:VCALENDAR\r\r\n", "ab", ""},
		"folds of either blank":    {"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMM\r\n ARY:a\r\n\tb\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", "ab", ""},
		"a fold within a letter":   {"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:\xC3\r\n \xA4\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", "ä", ""},
		"Windows-1252":             {"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:\xE4\x80\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", "ä€", ""},
		"junk costs one line":      {"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nwhat is this\r\nSUMMARY:a\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", "a", `"what is this" is no property and is left out`},
		"END missing":              {"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:a\r\nBEGIN:VEVENT\r\nSUMMARY:b\r\nEND:VCALENDAR\r\n", "a|b", "END:VEVENT is missing; END:VEVENT is missing"},
		"END of all missing":       {"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nBEGIN:VALARM\r\nSUMMARY:x\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nSUMMARY:b", "|b", "END:VALARM is missing; END:VEVENT is missing"},
		"an END too many":          {"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nEND:VTODO\r\nSUMMARY:a\r\nEND:VEVENT\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", "a", "END:VTODO within VEVENT; END:VEVENT without BEGIN"},
		"no calendar around":       {"BEGIN:VEVENT\r\nSUMMARY:a\r\nEND:VEVENT\r\n", "a", ""},
		"quoted-printable":         {"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:gr=C3=BC=\r\n=C3=9F\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", "grüß", ""},
		"a bare encoding":          {"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY;QUOTED-PRINTABLE:a=3Db\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", "a=b", ""},
		"UTF-16":                   {"\xFF\xFEB\x00E\x00G\x00I\x00N\x00:\x00V\x00E\x00V\x00E\x00N\x00T\x00\n\x00S\x00U\x00M\x00M\x00A\x00R\x00Y\x00:\x00\xE4\x00\n\x00", "ä", "END:VEVENT is missing"},
		"empty lines between them": {"BEGIN:VCALENDAR\r\n\r\nBEGIN:VEVENT\r\n\r\nSUMMARY:a\r\n\r\nEND:VEVENT\r\n\r\n", "a", ""},
	} {
		list, problems := parse(t, c.in)
		var got []string
		for _, cal := range list {
			for _, e := range cal.Components {
				got = append(got, Text(e.Value("SUMMARY")))
			}
		}
		if s := strings.Join(got, "|"); s != c.want || problems != c.problems {
			t.Errorf("%s: %q (%s), want %q (%s)", name, s, problems, c.want, c.problems)
		}
	}
	if _, _, err := Read(context.Background(), strings.NewReader("no calendar\n"), 12); err == nil {
		t.Error("text is read as a calendar")
	}
}

func TestParameters(t *testing.T) {
	p, ok := ParseLine(`attendee;cn="Doe; J: a, b";Member="mailto:a@x","mailto:b@x";X-A=^'q^'^n^^:mailto:c@x`)
	if !ok || p.Name != "ATTENDEE" || p.Param("CN") != "Doe; J: a, b" || len(p.Params[1].Values) != 2 || p.Param("X-A") != "\"q\"\n^" || p.Value != "mailto:c@x" {
		t.Errorf("%+v", p)
	}
	if s := Format(p); s != `ATTENDEE;CN="Doe; J: a, b";MEMBER="mailto:a@x","mailto:b@x";X-A=^'q^'^n^^:mailto:c@x` {
		t.Error(s)
	}
	p, _ = ParseLine("DTSTART;TZID=(GMT-05:00) Eastern:20260101T000000")
	if p.Param("TZID") != "(GMT-05:00) Eastern" || p.Value != "20260101T000000" {
		t.Errorf("%+v", p)
	}
}

func TestFolding(t *testing.T) {
	var b bytes.Buffer
	w := NewWriter(&b)
	long := strings.Repeat("ä☕x", 60)
	w.Begin("VEVENT")
	w.Line(New("SUMMARY", EscapeText(long+"\r\nnext; line")))
	w.End("VEVENT")
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	for _, l := range strings.Split(b.String(), "\r\n") {
		if len(l) > 75 || !strings.HasPrefix(l, " ") && strings.ToValidUTF8(l, "") != l {
			t.Errorf("%d octets: %q", len(l), l)
		}
	}
	list, _ := parse(t, b.String())
	if got := Text(list[0].Components[0].Value("SUMMARY")); got != long+"\nnext; line" {
		t.Errorf("%q", got)
	}
}

func TestValues(t *testing.T) {
	for in, want := range map[string]string{
		"PT15M": "PT15M", "-P1D": "-P1D", "P2W": "P2W", "P1DT2H3M4S": "P1DT2H3M4S", "PT0S": "PT0S", "P7D": "P1W", "-PT90M": "-PT1H30M",
	} {
		if d, err := ParseDuration(in); err != nil || FormatDuration(d) != want {
			t.Errorf("%s: %v %v", in, d, err)
		}
	}
	for _, bad := range []string{"", "P", "PT", "15M", "P1", "PT99999999999H", "P1M", "P-1D"} {
		if d, err := ParseDuration(bad); err == nil {
			t.Errorf("%q is %v", bad, d)
		}
	}
	for in, want := range map[string]string{
		"20260102": "20260102", "20260102T030405": "20260102T030405", "20260102T030405Z": "20260102T030405Z", "2026-01-02T03:04:05Z": "20260102T030405Z",
		"2026-01-02T03:04:05+01:00": "20260102T020405Z", "20260102T0304": "20260102T030400", "20260102T240000": "20260103T000000",
	} {
		if d, err := ParseDateTime(in, ""); err != nil || d.String() != want {
			t.Errorf("%s: %s %v", in, d, err)
		}
	}
	for _, bad := range []string{"", "2026", "20261301", "20260230", "20260102T", "20260102T250000", "x", "00000000T000000Z"} {
		if d, err := ParseDateTime(bad, ""); err == nil {
			t.Errorf("%q is %v", bad, d)
		}
	}
	if d, err := ParseOffset("-0330"); err != nil || FormatOffset(d) != "-0330" || d != -210*time.Minute {
		t.Error(d, err)
	}
}

func TestRule(t *testing.T) {
	for in, want := range map[string]string{
		"FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,-1FR;WKST=SU": "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,-1FR;WKST=SU",
		"freq=daily;count=3;":                          "FREQ=DAILY;COUNT=3",
		"FREQ=YEARLY;UNTIL=20300101;BYMONTH=1,2":       "FREQ=YEARLY;UNTIL=20300101;BYMONTH=1,2",
		"RSCALE=CHINESE;FREQ=YEARLY":                   "FREQ=YEARLY;RSCALE=CHINESE",
	} {
		r, err := ParseRule(in)
		if err != nil || r.String() != want {
			t.Errorf("%s: %v %v", in, r, err)
		}
	}
	for _, bad := range []string{"", "COUNT=1", "FREQ=NEVER", "FREQ=DAILY;BYDAY=XX", "FREQ=DAILY;BYMONTH=13", "FREQ=DAILY;UNTIL=soon"} {
		if r, err := ParseRule(bad); err == nil {
			t.Errorf("%q is %v", bad, r)
		}
	}
}

// A value above the limit stays in the source.
func TestLargeValue(t *testing.T) {
	value := strings.Repeat("abcdefghi\\n", 20000)
	var b bytes.Buffer
	w := NewWriter(&b)
	w.Begin("VEVENT")
	w.Line(New("DESCRIPTION", value, "LANGUAGE", "en"))
	w.Line(New("SUMMARY", "s"))
	w.End("VEVENT")
	w.Flush()
	list, _ := parse(t, b.String())
	c := list[0].Components[0]
	p := c.Get("DESCRIPTION")
	if p.Large == nil || p.Value != "" || p.Param("LANGUAGE") != "en" || p.Large.Size() != int64(len(value)) || c.Value("SUMMARY") != "s" {
		t.Fatalf("%d bytes", len(p.Value))
	}
	for range 2 {
		r, err := p.Open(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || string(got) != value {
			t.Error("the value is not what it was", err)
		}
	}
}

func TestNesting(t *testing.T) {
	var b strings.Builder
	for i := range 10000 {
		fmt.Fprintf(&b, "BEGIN:X-%d\r\n", i)
	}
	list, _ := parse(t, b.String())
	depth := 0
	for c := list[0]; len(c.Components) > 0; c = c.Components[0] {
		depth++
	}
	if depth > maxDepth {
		t.Errorf("%d deep", depth)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nSUMMARY;LANGUAGE=\"a;b\":x\\n\r\n y\r\nBEGIN:VALARM\r\nTRIGGER:-PT5M\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"))
	f.Add([]byte("begin:vcalendar\nbegin:vtodo\ndue;encoding=quoted-printable:2026=\n0101\njunk\nend:vevent"))
	f.Add([]byte("\xFF\xFEB\x00E\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, _, err := Read(context.Background(), bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		var out bytes.Buffer
		w := NewWriter(&out)
		for _, c := range list {
			w.Component(c)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		again, _, err := Read(context.Background(), bytes.NewReader(out.Bytes()), int64(out.Len()))
		if err != nil {
			t.Fatal(err)
		}
		var twice bytes.Buffer
		w = NewWriter(&twice)
		for _, c := range again {
			w.Component(c)
		}
		w.Flush()
		if !bytes.Equal(out.Bytes(), twice.Bytes()) {
			t.Fatalf("%q\nis then\n%q", out.Bytes(), twice.Bytes())
		}
		for _, c := range list {
			for _, p := range c.Properties {
				ParseDateTime(p.Value, "")
				ParseDuration(p.Value)
				if r, err := ParseRule(p.Value); err == nil {
					if _, err := ParseRule(r.String()); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	})
}
