package codepage

import (
	"bytes"
	"encoding/hex"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/mailconv/mailconv/mapi"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// vectors were computed with Python's codecs and glibc's iconv.
var vectors = []struct {
	page int
	hex  string
	text string
}{
	{932, "93fa967b8cea b6c5 5c", "日本語ｶﾅ\\"},
	{932, "41 f040 f07e f080 f9fc 93fa", "A\uE000\uE03E\uE03F\uE757日"},
	{936, "d6d0cec4 8140", "中文丂"},
	{949, "c7d1b1db 8141", "한글갂"},
	{950, "a4a4a4e5", "中文"},
	{1250, "f8e1", "řá"},
	{1251, "cff0e8e2e5f2", "Привет"},
	{1252, "938094e9", "“€”é"},
	{1253, "d0", "Π"},
	{1255, "f9ec", "של"},
	{1361, "d065 8b69 e9e0 d931 8861 dcbf", "한글丕　가㉮"},
	{28591, "93e994", "“é”"},
	{37, "c885939396", "Hello"},
	{500, "c885939396 4a", "Hello["},
	{437, "84e1", "äß"},
	{737, "80", "Α"},
	{720, "a0", "ب"},
	{10029, "8e", "é"},
	{20866, "f0d2c9d7c5d4", "Привет"},
	{50220, "1b2442467c4b5c386c1b2842 41", "日本語A"},
	{50222, "0e31320f", "ｱｲ"},
	{50225, "1b242943 0e 4751315b 0f 41", "한글A"},
	{50227, "1b242941 0e 56504e44 0f 0a", "中文\n"},
	{51950, "c4e3c5c6 8ea2a1a1", "中文乂"},
	{52936, "7e7b 56504e44 7e7d", "中文"},
	{54936, "d6d0 81308130", "中\u0080"},
	{65000, "48 69 2b5a65567358413d2d", "Hi"},
	{1200, "fffe4100e9003dd800de", "Aé😀"},
	{1201, "004100e9d83dde00", "Aé😀"},
	{12001, "0001f600", "😀"},
}

func TestVectors(t *testing.T) {
	for _, v := range vectors {
		if v.page == 65000 {
			v.hex, v.text = hex.EncodeToString([]byte("Hi +ZeVnLIqe- +- 2+AD0-2")), "Hi 日本語 + 2=2"
		}
		cs, ok := Get(v.page)
		if !ok || cs.CodePage() != v.page {
			t.Errorf("Get(%d) = %d, %v", v.page, cs.CodePage(), ok)
			continue
		}
		raw := unhex(t, v.hex)
		got, ok := cs.Decode(raw)
		if got != v.text || !ok {
			t.Errorf("%d: %x decodes as %q, %v, want %q", v.page, raw, got, ok, v.text)
		}
		for _, slow := range []bool{false, true} {
			var r io.Reader = bytes.NewReader(raw)
			if slow {
				r = iotest.OneByteReader(r)
			}
			all, err := io.ReadAll(cs.NewReader(r))
			if err != nil || string(all) != v.text {
				t.Errorf("%d: stream gives %q, %v, want %q", v.page, all, err, v.text)
			}
		}
		if v.page == 28591 || v.page == 54936 {
			continue // do not encode what they leniently decode
		}
		enc, ok := cs.Encode(v.text)
		if back, _ := cs.Decode(enc); !ok || back != v.text {
			t.Errorf("%d: %q encodes as %x, %v, which is %q", v.page, v.text, enc, ok, back)
		}
	}
}

// TestT02EveryNumber: no code page number aborts, and none is silently lost.
func TestT02EveryNumber(t *testing.T) {
	all := []int{
		37, 437, 500, 708, 709, 710, 720, 737, 775, 850, 852, 855, 857, 858, 860, 861, 862, 863, 864, 865, 866, 869, 870, 874, 875,
		932, 936, 949, 950, 1026, 1047, 1140, 1141, 1142, 1143, 1144, 1145, 1146, 1147, 1148, 1149, 1200, 1201, 1250, 1251, 1252,
		1253, 1254, 1255, 1256, 1257, 1258, 1361, 10000, 10001, 10002, 10003, 10004, 10005, 10006, 10007, 10008, 10010, 10017, 10021,
		10029, 10079, 10081, 10082, 12000, 12001, 20000, 20001, 20002, 20003, 20004, 20005, 20105, 20106, 20107, 20108, 20127, 20261,
		20269, 20273, 20277, 20278, 20280, 20284, 20285, 20290, 20297, 20420, 20423, 20424, 20833, 20838, 20866, 20871, 20880, 20905,
		20924, 20932, 20936, 20949, 21025, 21027, 21866, 28591, 28592, 28593, 28594, 28595, 28596, 28597, 28598, 28599, 28603, 28605,
		29001, 38598, 50220, 50221, 50222, 50225, 50227, 50229, 50930, 50931, 50933, 50935, 50936, 50937, 50939, 51932, 51936, 51949,
		51950, 52936, 54936, 57002, 57003, 57004, 57005, 57006, 57007, 57008, 57009, 57010, 57011, 65000, 65001, 99999, -1,
	}
	var every []byte
	for i := range 256 {
		every = append(every, byte(i))
	}
	degraded := 0
	for _, n := range all {
		cs, ok := Get(n)
		if cs == nil {
			t.Fatalf("Get(%d) is nil", n)
		}
		if !ok {
			degraded++
		} else if cs.CodePage() != n {
			t.Errorf("Get(%d) is page %d", n, cs.CodePage())
		}
		s, _ := cs.Decode(every)
		if !utf8.ValidString(s) || utf8.RuneCountInString(s) < 32 {
			t.Errorf("%d: 256 bytes decode to %d characters", n, utf8.RuneCountInString(s))
		}
		if again, _ := Get(n); again != cs {
			t.Errorf("%d: two calls give two sets", n)
		}
		cs.Encode("A\u00e9\u65e5\U0001F600\uFFFD")
	}
	if degraded > 35 {
		t.Errorf("%d of %d numbers degrade", degraded, len(all))
	}
}

func TestByName(t *testing.T) {
	for label, page := range map[string]int{
		"utf-8": 65001, "'utf-8'": 65001, "\"UTF8\"": 65001, " utf-8 ": 65001, "utf-8*en": 65001,
		"utf-7": 65000, "unicode-1-1-utf-7": 65000, "cp932": 932, "cp949": 949, "johab": 1361, "cp-850": 850, "cp737": 737,
		"cp775": 775, "ibm857": 857, "ibm864": 864, "IBM-864": 864, "euc-tw": 51950, "x-mac-ce": 10029, "utf-32": 12000,
		"646": 20127, "iso-2022-kr": 50225, "iso-2022-cn": 50227, "hz": 52936, "hz-gb-2312": 52936, "ks_c_5601-1987": 949,
		"gb2312": 936, "x-gbk": 936, "GB18030": 54936, "big5": 950, "shift_jis": 932, "iso-2022-jp": 50220, "euc-kr": 51949,
		"latin1": 28591, "ISO_8859-1": 28591, "iso8859-15": 28605, "us-ascii": 20127, "ANSI_X3.4-1968": 20127,
		"windows-1251": 1251, "win-1251": 1251, "cp1251": 1251, "x-cp1251": 1251, "1251": 1251, "koi8-r": 20866, "tis-620": 874,
		"cesu-8": 65001, "viscii": 1258, "utf-16": 1200, "utf-16be": 1201, "x-ibm-737": 737, "iso-8859-8-i": 38598,
	} {
		cs, ok := ByName(label)
		if !ok || cs.CodePage() != page {
			t.Errorf("ByName(%q) = %d, %v, want %d", label, cs.CodePage(), ok, page)
		}
	}
	for _, label := range []string{"", "x-unknown", "unknown-8bit", "replacement", "57002"} {
		if cs, ok := ByName(label); ok || cs.CodePage() != 1252 {
			t.Errorf("ByName(%q) = %d, %v, want 1252, false", label, cs.CodePage(), ok)
		}
	}
	for _, p := range pages {
		for _, label := range strings.Fields(p.labels) {
			if _, ok := ByName(label); ok == p.approximate {
				t.Errorf("label %q: %v", label, ok)
			}
		}
		if n := Name(p.page); n == "" {
			t.Errorf("page %d has no name", p.page)
		}
	}
	for label, text := range map[string]string{"cesu-8": "\xed\xa0\xbd\xed\xb8\x80A", "viscii": "\xa1"} {
		cs, _ := ByName(label)
		s, ok := cs.Decode([]byte(text))
		if !ok || s != map[string]string{"cesu-8": "😀A", "viscii": "ắ"}[label] {
			t.Errorf("%s: %q", label, s)
		}
	}
}

// TestT01MessageCodePage: 0x3FFD, else the locale 0x3FF1, else 1252; never
// 0x3FDE.
func TestT01MessageCodePage(t *testing.T) {
	var ps mapi.Properties
	ps.Set(mapi.PidTagInternetCodepage, mapi.Int32Value(50220))
	if n := OfMessage(ps); n != 1252 {
		t.Errorf("without both: %d", n)
	}
	ps.Set(mapi.PidTagMessageLocaleId, mapi.Int32Value(1041))
	if n := OfMessage(ps); n != 932 {
		t.Errorf("by locale: %d", n)
	}
	ps.Set(mapi.PidTagMessageCodepage, mapi.Int32Value(1251))
	if n := OfMessage(ps); n != 1251 {
		t.Errorf("by code page: %d", n)
	}
	ps.Set(mapi.PidTagMessageCodepage, mapi.Int32Value(1200))
	if n := OfMessage(ps); n != 932 {
		t.Errorf("with 1200: %d", n)
	}
}

func TestANSI(t *testing.T) {
	for lcid, want := range map[uint32]int{
		1041: 932, 1049: 1251, 1028: 950, 2052: 936, 1042: 949, 1032: 1253, 1037: 1255, 1025: 1256, 1033: 1252, 1031: 1252,
		3076: 950, 4100: 936, 1050: 1250, 3098: 1251, 1066: 1258, 1054: 874, 1055: 1254, 1063: 1257, 2092: 1251, 1068: 1254,
		0: 1252, 0x20804: 936,
	} {
		if got := ANSI(lcid); got != want {
			t.Errorf("ANSI(%d) = %d, want %d", lcid, got, want)
		}
	}
}

func TestUnencodable(t *testing.T) {
	for _, n := range []int{1252, 28591, 20127, 932, 50220, 50225, 50227, 1361, 51950} {
		cs, _ := Get(n)
		if b, ok := cs.Encode("a\U0001F600b"); ok || string(b) != "a?b" {
			t.Errorf("%d: %q, %v", n, b, ok)
		}
	}
	cs, _ := Get(ASCII)
	if s, ok := cs.Decode([]byte("caf\xe9")); s != "café" || ok {
		t.Errorf("US-ASCII with eight bits: %q, %v", s, ok)
	}
}

// TestTables holds every single-byte set and every plane against itself: what
// decodes encodes back to bytes that decode the same.
func TestTables(t *testing.T) {
	for _, p := range pages {
		cs, _ := Get(p.page)
		var all []byte
		for i := range 256 {
			if c := cs.(*charset); c.single != nil {
				all = append(all, byte(i))
			}
		}
		s, _ := cs.Decode(all)
		s = strings.ReplaceAll(s, "\uFFFD", "")
		if p.page == 28591 || p.page == 28599 || p.page == 20127 {
			continue
		}
		b, ok := cs.Encode(s)
		if back, _ := cs.Decode(b); !ok || back != s {
			t.Errorf("%d: %q comes back as %q", p.page, s, back)
		}
	}
	for name, p := range map[string]*plane{"JIS0208": planeJIS0208, "KS": planeKS, "GB": planeGB, "CNS1": planeCNS1, "CNS2": planeCNS2} {
		p.once.Do(p.init)
		if len(p.enc) < 5000 {
			t.Errorf("%s has %d characters", name, len(p.enc))
		}
	}
	planeKS.once.Do(planeKS.init)
	cs, _ := Get(1361)
	for r := rune(0xAC00); r < 0xAC00+11172; r++ {
		b, ok := cs.Encode(string(r))
		if s, _ := cs.Decode(b); !ok || s != string(r) {
			t.Fatalf("Johab: %U encodes as %x, %v, which is %q", r, b, ok, s)
		}
	}
	for r := range planeKS.enc {
		b, ok := cs.Encode(string(r))
		if s, _ := cs.Decode(b); ok && s != string(r) {
			t.Fatalf("Johab: %U encodes as %x, %v, which is %q", r, b, ok, s)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, v := range vectors {
		raw, _ := hex.DecodeString(strings.ReplaceAll(v.hex, " ", ""))
		f.Add(v.page, raw)
	}
	f.Fuzz(func(t *testing.T, page int, raw []byte) {
		cs, _ := Get(page)
		s, _ := cs.Decode(raw)
		if !utf8.ValidString(s) {
			t.Fatalf("%d: %q is not UTF-8", page, s)
		}
		all, err := io.ReadAll(cs.NewReader(iotest.HalfReader(bytes.NewReader(raw))))
		if err == nil && string(all) != s && cs.(*charset).single == nil && !strings.ContainsRune(s, utf8.RuneError) {
			t.Fatalf("%d: the stream gives %q, the whole %q", page, all, s)
		}
		cs.Encode(s)
	})
}

func BenchmarkDecodeASCII(b *testing.B) {
	cs, _ := Get(1252)
	raw := bytes.Repeat([]byte("Subject of a mail. "), 4)
	b.ReportAllocs()
	for b.Loop() {
		cs.Decode(raw)
	}
}
