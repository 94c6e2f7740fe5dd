package vcard

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/mapi"
)

var ctx = context.Background()

func readAll(t testing.TB, s string) []*Card {
	t.Helper()
	r, err := NewReader(strings.NewReader(s), int64(len(s)))
	if err != nil {
		t.Fatal(err)
	}
	var cards []*Card
	for {
		c, err := r.Next()
		if err == io.EOF {
			return cards
		}
		if err != nil {
			t.Fatal(err)
		}
		cards = append(cards, c)
	}
}

func lines(s ...string) string { return strings.Join(s, "\r\n") + "\r\n" }

func card(t testing.TB, s ...string) *Card {
	t.Helper()
	cards := readAll(t, "BEGIN:VCARD\r\n"+lines(s...)+"END:VCARD\r\n")
	if len(cards) != 1 {
		t.Fatalf("%d cards", len(cards))
	}
	return cards[0]
}

func TestValues(t *testing.T) {
	for _, tt := range []struct {
		name  string
		lines []string
		prop  string
		want  string
	}{
		{"fold of 3.0 loses its blank", []string{"VERSION:3.0", "NOTE:one tw", " o three"}, "NOTE", "one two three"},
		{"fold of 2.1 keeps its blank", []string{"VERSION:2.1", "NOTE:one", " two"}, "NOTE", "one two"},
		{"quoted-printable with soft breaks", []string{"VERSION:2.1", "NOTE;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=", "=BCller=0D=0A=", "Two"}, "NOTE", "Müller\nTwo"},
		{"bare quoted-printable, Latin-1", []string{"VERSION:2.1", "NOTE;QUOTED-PRINTABLE;CHARSET=ISO-8859-1:Bj=F8rn"}, "NOTE", "Bjørn"},
		{"Latin-1 without a word", []string{"VERSION:3.0", "NOTE:Bj\xf8rn"}, "NOTE", "Bjørn"},
		{"Shift_JIS", []string{"VERSION:2.1", "NOTE;CHARSET=SHIFT_JIS:\x93\xfa\x96{"}, "NOTE", "日本"},
		{"backslashes of 2.1", []string{"VERSION:2.1", `NOTE:C:\temp\;x`}, "NOTE", `C:\temp;x`},
		{"escapes of 3.0", []string{"VERSION:3.0", `NOTE:a\, b\; c\\ d\ne\:f`}, "NOTE", "a, b; c\\ d\ne:f"},
		{"lower case", []string{"version:3.0", "note:x"}, "NOTE", "x"},
		{"a colon inside quotes", []string{"VERSION:4.0", `NOTE;X="a:b;c":x`}, "NOTE", "x"},
		{"a quote that does not close", []string{"VERSION:4.0", `NOTE;X="a:b`}, "NOTE", "b"},
		{"a head that is folded", []string{"VERSION:3.0", "NOTE;LANGU", " AGE=en:x", " y"}, "NOTE", "xy"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := card(t, tt.lines...)
			l := c.Get(tt.prop)
			if l == nil {
				t.Fatalf("no %s in %v (%v)", tt.prop, c.Lines, c.Problems)
			}
			if got := l.Text(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if len(c.Problems) > 0 {
				t.Errorf("problems: %v", c.Problems)
			}
		})
	}
}

func TestLineEnds(t *testing.T) {
	for _, nl := range []string{"\n", "\r\n", "\r", "\r\r\n"} {
		s := strings.Join([]string{"BEGIN:VCARD", "VERSION:3.0", "item1.TEL;TYPE=home;TYPE=pref:1", " 2", "END:VCARD", ""}, nl)
		for _, bom := range []string{"", "\xEF\xBB\xBF"} {
			cards := readAll(t, bom+s)
			if len(cards) != 1 || len(cards[0].Lines) != 1 || cards[0].Lines[0].Value != "12" || cards[0].Lines[0].Group != "item1" {
				t.Fatalf("%q: %+v", nl, cards)
			}
			if got := cards[0].Lines[0].Types(); fmt.Sprint(got) != "[HOME PREF]" {
				t.Errorf("types %v", got)
			}
		}
		cards := readAll(t, "\xFF\xFE"+string(mapi.EncodeUTF16(s)))
		if len(cards) != 1 || len(cards[0].Lines) != 1 {
			t.Errorf("UTF-16: %+v", cards)
		}
	}
}

func TestJunkCostsOneLine(t *testing.T) {
	c := card(t, "VERSION:3.0", "FN:A", "no colon here", ":no name", "TEL:1", "")
	if len(c.Lines) != 2 || len(c.Problems) != 2 {
		t.Errorf("%v, %v", c.Lines, c.Problems)
	}
}

func TestMissingEnd(t *testing.T) {
	cards := readAll(t, lines("BEGIN:VCARD", "FN:A", "BEGIN:VCARD", "FN:B"))
	if len(cards) != 2 || len(cards[0].Problems) != 1 || len(cards[1].Problems) != 1 {
		t.Fatalf("%+v", cards)
	}
}

func TestNoCard(t *testing.T) {
	r, _ := NewReader(strings.NewReader("hello"), 5)
	_, err := r.Next()
	var fe *mapi.FormatError
	if !errors.As(err, &fe) {
		t.Fatalf("got %v", err)
	}
}

func data(t testing.TB, l *Line) string {
	t.Helper()
	if l == nil || l.Data == nil {
		t.Fatalf("no data: %+v", l)
	}
	b, err := mapi.ReadBlob(ctx, l.Data, 1<<24)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestBase64(t *testing.T) {
	for name, s := range map[string][]string{
		"2.1":            {"VERSION:2.1", "PHOTO;JPEG;ENCODING=BASE64:", " aGVsbG8g", " d29ybGQ=", "", "TEL:1"},
		"2.1 not folded": {"VERSION:2.1", "PHOTO;ENCODING=BASE64;TYPE=JPEG:aGVsbG8g", "d29ybGQ=", "TEL:1"},
		"3.0":            {"VERSION:3.0", "PHOTO;ENCODING=b;TYPE=JPEG:aGVsbG8g", " d29ybGQ=", "TEL:1"},
		"4.0":            {"VERSION:4.0", "PHOTO:data:image/jpeg;base64,aGVsbG8g", " d29ybGQ=", "TEL:1"},
		"4.0 escaped":    {"VERSION:4.0", `PHOTO:data:image/jpeg\;base64\,aGVsbG8g`, " d29ybGQ=", "TEL:1"},
	} {
		c := card(t, s...)
		if got := data(t, c.Get("PHOTO")); got != "hello world" {
			t.Errorf("%s: %q", name, got)
		}
		if m := MediaType(c.Get("PHOTO")); m != "image/jpeg" {
			t.Errorf("%s: %s", name, m)
		}
		if c.Get("TEL") == nil || len(c.Problems) > 0 {
			t.Errorf("%s: %+v, %v", name, c.Lines, c.Problems)
		}
	}
}

func TestAgentOf21(t *testing.T) {
	c := card(t, "VERSION:2.1", "AGENT:", "BEGIN:VCARD", "FN:Inner", "END:VCARD", "FN:Outer")
	if c.Get("FN").Text() != "Outer" || c.Get("AGENT").Text() != "BEGIN:VCARD\nFN:Inner\nEND:VCARD" {
		t.Errorf("%+v", c.Lines)
	}
}

// write gives the file that holds the cards.
func write(t testing.TB, version string, cards ...*Card) string {
	t.Helper()
	var b bytes.Buffer
	w, err := NewWriter(&b, version)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cards {
		if err := w.Write(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// same says how two lines differ in what they say, "" when they do not.
func same(t testing.TB, a, b *Line) string {
	t.Helper()
	if a.Name != b.Name || a.Group != b.Group {
		return fmt.Sprintf("%s and %s", a.String(), b.String())
	}
	if (a.Data != nil) != (b.Data != nil) {
		return a.Name + ": one has data"
	}
	if a.Data != nil && data(t, a) != data(t, b) {
		return a.Name + ": data differs"
	}
	text := func(l *Line) string {
		r, err := l.OpenText(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		p, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		return string(p)
	}
	if x, y := text(a), text(b); a.Data == nil && x != y {
		return fmt.Sprintf("%s: %.200q and %.200q", a.Name, x, y)
	}
	return ""
}

func roundTrip(t testing.TB, c *Card, version string) {
	t.Helper()
	out := write(t, version, c)
	for i, l := range strings.Split(out, "\r\n") {
		if len(l) > foldAt+2 && version != V21 {
			t.Errorf("line %d has %d bytes", i, len(l))
		}
	}
	again := readAll(t, out)
	if len(again) != 1 {
		t.Fatalf("%s: %d cards in %q", version, len(again), out)
	}
	if len(again[0].Problems) > 0 {
		t.Errorf("%s: %v", version, again[0].Problems)
	}
	if len(again[0].Lines) != len(c.Lines) {
		t.Fatalf("%s: %d lines, then %d:\n%s", version, len(c.Lines), len(again[0].Lines), out)
	}
	for i := range c.Lines {
		if d := same(t, &c.Lines[i], &again[0].Lines[i]); d != "" {
			t.Errorf("%s: %s", version, d)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	long := strings.Repeat("Grüße, große; Öfen\\ \n", 5000)
	c := &Card{Lines: []Line{
		{Name: "FN", Value: Escape("Jürgen; \\ , \"Groß\"")},
		{Name: "NOTE", Value: Escape(strings.Repeat("a b ", 100) + "\nend ")},
		{Name: "ADR", Params: []Param{{Name: "TYPE", Values: []string{"HOME", "PREF"}}}, Value: `;;a\;b;c\,d;;e;`},
		{Group: "item1", Name: "X-ABLABEL", Value: "_$!<HomePage>!$_"},
		{Name: "PHOTO", Params: []Param{{Name: "TYPE", Values: []string{"JPEG"}}}, Data: mapi.Bytes(bytes.Repeat([]byte{0, 1, 255}, 40000))},
		{Name: "X-LONG", Long: mapi.Bytes(Escape(long))},
		{Name: "TEL", Value: "1"},
	}}
	for _, v := range []string{V21, V30, V40} {
		roundTrip(t, c, v)
	}
}

func TestWriterSaysPrefAsItsVersion(t *testing.T) {
	c := &Card{Lines: []Line{{Name: "TEL", Params: []Param{{Name: "TYPE", Values: []string{"home", "pref"}}}, Value: "1"}}}
	if s := write(t, V40, c); !strings.Contains(s, "TEL;TYPE=home;PREF=1:1\r\n") {
		t.Error(s)
	}
	c.Lines[0].Params = []Param{{Name: "PREF", Values: []string{"1"}}}
	if s := write(t, V30, c); !strings.Contains(s, "TEL;TYPE=PREF:1\r\n") {
		t.Error(s)
	}
	if s := write(t, V21, c); !strings.Contains(s, "TEL;PREF:1\r\n") {
		t.Error(s)
	}
}

func TestLabelParameterKeepsLines(t *testing.T) {
	c := &Card{Lines: []Line{{Name: "ADR", Params: []Param{{Name: "LABEL", Values: []string{"a \"b\"\nc^d; e"}}}, Value: ";;;;;;"}}}
	again := readAll(t, write(t, V40, c))
	if got := again[0].Lines[0].Param("LABEL"); got != "a \"b\"\nc^d; e" {
		t.Errorf("%q", got)
	}
}

// pattern is a source of any size that takes no memory.
type pattern struct {
	head, tail string
	size       int64
}

func (p pattern) ReadAt(b []byte, off int64) (int, error) {
	n := 0
	for n < len(b) && off < p.size {
		switch t := p.size - int64(len(p.tail)); {
		case off < int64(len(p.head)):
			b[n] = p.head[off]
		case off >= t:
			b[n] = p.tail[off-t]
		default:
			b[n] = 'Q'
		}
		n++
		off++
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func TestHugeLineIsNotHeld(t *testing.T) {
	p := pattern{"BEGIN:VCARD\r\nVERSION:3.0\r\nPHOTO;ENCODING=b:", "\r\nFN:A\r\nEND:VCARD\r\n", 4 << 20}
	n := testing.AllocsPerRun(1, func() {
		r, err := NewReader(p, p.size)
		if err != nil {
			t.Fatal(err)
		}
		c, err := r.Next()
		if err != nil || c.Get("FN") == nil {
			t.Fatal(c, err)
		}
		want := (p.size - int64(len(p.head)+len(p.tail))) / 4 * 3
		if got := c.Get("PHOTO").Data.Size(); got < want-3 || got > want+3 {
			t.Errorf("size %d, want about %d", got, want)
		}
	})
	if n > 1000 {
		t.Errorf("%v allocations", n)
	}
}

// Lines of every length, so that each kind of line end meets the edge of the
// window.
func TestEdgeOfWindow(t *testing.T) {
	for _, nl := range []string{"\n", "\r\n", "\r\r\n"} {
		for n := windowSize - 35; n < windowSize-10; n++ {
			s := "BEGIN:VCARD" + nl + "NOTE:" + strings.Repeat("x", n) + nl + " y" + nl + "FN:A" + nl + "END:VCARD" + nl
			c := readAll(t, s)[0]
			r, err := c.Get("NOTE").OpenText(ctx)
			if err != nil {
				t.Fatal(err)
			}
			b, _ := io.ReadAll(r)
			if len(b) != n+1 || len(c.Lines) != 2 || len(c.Problems) > 0 {
				t.Fatalf("%q %d: %d bytes, %d lines, %v", nl, n, len(b), len(c.Lines), c.Problems)
			}
		}
	}
}

func TestCorpus(t *testing.T) {
	dir := os.Getenv("MAILCONV_CORPUS")
	if dir == "" {
		t.Skip("MAILCONV_CORPUS does not name the sample collection")
	}
	n, cardsRead := 0, 0
	err := filepath.WalkDir(filepath.Join(dir, "vcf"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		n++
		cards := readAll(t, string(b))
		cardsRead += len(cards)
		for _, c := range cards {
			for _, p := range c.Problems {
				t.Logf("%s: %v", filepath.Base(path), p)
			}
			for _, v := range []string{V21, V30, V40} {
				roundTrip(t, c, v)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d files, %d cards", n, cardsRead)
}

func FuzzReader(f *testing.F) {
	f.Add([]byte(lines("BEGIN:VCARD", "VERSION:2.1", "N;CHARSET=UTF-8;QUOTED-PRINTABLE:M=C3=", "=BC;A", "PHOTO;ENCODING=BASE64;JPEG:", " aGVsbG8=", "", "AGENT:", "BEGIN:VCARD", "END:VCARD", "END:VCARD")))
	f.Add([]byte(lines("BEGIN:VCARD", "VERSION:4.0", "item1.ADR;LABEL=\"a^nb\":;;a\\,b;c", " d;;;", "KEY:data:a/b;base64,AAAA", "END:VCARD", "junk", "BEGIN:VCARD")))
	f.Add([]byte("\xFF\xFEB\x00E\x00G\x00I\x00N\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := NewReader(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		for {
			c, err := r.Next()
			if err != nil {
				return
			}
			for _, v := range []string{V21, V30, V40} {
				again := readAll(t, write(t, v, c))
				if len(again) != 1 {
					t.Fatalf("%s: %d cards", v, len(again))
				}
			}
			for i := range c.Lines {
				_ = c.Lines[i].Components()
				l, ok := ParseLine(c.Lines[i].String())
				if ok && l.Name != c.Lines[i].Name {
					t.Fatalf("%q and %q", l.Name, c.Lines[i].Name)
				}
			}
		}
	})
}
