package mapijson

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/codepage"
	"github.com/mailconv/mailconv/mapi/mapitest"
)

func encode(t testing.TB, m *mapi.Message) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := Encode(context.Background(), &buf, m); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func decode(t testing.TB, b []byte) (*mapi.Message, mapi.Problems) {
	t.Helper()
	m, problems, err := Decode(context.Background(), bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return m, problems
}

func wantEqual(t testing.TB, a, b *mapi.Message) {
	t.Helper()
	for _, s := range mapitest.Diff(a, b) {
		t.Error(s)
	}
}

func TestEveryPropertyComesBack(t *testing.T) {
	m := mapitest.Sample()
	b := encode(t, m)
	if !json.Valid(b) {
		t.Fatal("not JSON")
	}
	got, problems := decode(t, b)
	for _, p := range problems {
		t.Error(p)
	}
	wantEqual(t, m, got)
	if cs := must(got.Props.Get(mapi.PidTagSenderName)).Charset(); cs == nil || cs.CodePage() != 1252 {
		t.Error("the code page is lost")
	}
	if v := must(got.Attachments[0].Props.Get(mapi.PidTagAttachDataBinary)); v.InMemory() {
		t.Error("a large attachment is held in memory")
	}
	if !bytes.Equal(b, encode(t, got)) {
		t.Error("written again it differs")
	}
}

func must(v mapi.Value, ok bool) mapi.Value { return v }

func TestReadableForm(t *testing.T) {
	m := &mapi.Message{}
	m.Props.Set(mapi.PidTagSubject, mapi.StringValue("a \"b\"\n日本\x01"))
	m.Props.Set(mapi.PidTagImportance, mapi.Int32Value(2))
	m.Props.SetName(mapi.Name{Set: mapi.PSPublicStrings, Name: "Keywords"}, mapi.MultiStringValue([]string{"x", "y"}))
	m.Props.Set(mapi.PidTagLastModificationTime, mapi.RawValue(mapi.TypeTime, []byte{1, 0, 0, 0, 0, 0, 0, 0x01}))
	m.Props.Set(mapi.PidTagSearchKey, mapi.BinaryValue([]byte("key")))
	want := `{
  "format": "mailconv.message",
  "version": 1,
  "properties": [
    {"tag": "0037001F", "name": "PidTagSubject", "type": "PtypString", "value": "a \"b\"\n日本\u0001"},
    {"tag": "00170003", "name": "PidTagImportance", "type": "PtypInteger32", "value": 2},
    {"tag": "0000101F", "name": "PidNameKeywords", "set": "00020329-0000-0000-c000-000000000046", "key": "Keywords", "type": "PtypMultipleString", "value": ["x", "y"]},
    {"tag": "30080040", "name": "PidTagLastModificationTime", "type": "PtypTime", "value": "1829-05-05T23:50:03.7927937Z"},
    {"tag": "300B0102", "name": "PidTagSearchKey", "type": "PtypBinary", "raw": "a2V5"}
  ],
  "recipients": [],
  "attachments": []
}
`
	if got := string(encode(t, m)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestLargeTextIsReadableAndNotHeld(t *testing.T) {
	text := strings.Repeat("Zeile mit Ümlaut, 日本 und 𝒂\r\n\"\\\x00", 8000)
	cyrillic, _ := codepage.Get(1251)
	eight, _ := cyrillic.Encode(strings.Repeat("Привет ", 10000))
	m := &mapi.Message{}
	m.Props.Set(mapi.PidTagBody, mapi.BlobValue(mapi.TypeString, blob(mapi.EncodeUTF16(text))))
	m.Props = append(m.Props,
		mapi.Property{Tag: 0x6000001F, Value: mapi.BlobValue(mapi.TypeString, blob(append(mapi.EncodeUTF16(text), 0x00, 0xDC)))}, // ends in half a character
		mapi.Property{Tag: 0x6001001F, Value: mapi.BlobValue(mapi.TypeString, blob(append(mapi.EncodeUTF16(text), 'x')))},
		mapi.Property{Tag: 0x6002001E, Value: mapi.BlobValue(mapi.TypeString8, blob(bytes.Repeat([]byte("ascii "), 20000)))},
		mapi.Property{Tag: 0x6003001E, Value: mapi.BlobValue(mapi.TypeString8, blob(eight)).WithCharset(cyrillic)})
	b := encode(t, m)
	got, problems := decode(t, b)
	if len(problems) > 0 {
		t.Error(problems)
	}
	wantEqual(t, m, got)
	for _, p := range got.Props {
		if p.Value.InMemory() {
			t.Errorf("%v is held", p)
		}
	}
	if n := bytes.Count(b, []byte(`"raw"`)); n != 3 {
		t.Errorf("%d values have raw bytes", n)
	}
}

// blob hides its bytes from the quick ways around streaming.
type blob []byte

func (b blob) Size() int64 { return int64(len(b)) }
func (b blob) Open(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(oneByOne{bytes.NewReader(b)}), nil
}

// oneByOne gives odd pieces.
type oneByOne struct{ r io.Reader }

func (o oneByOne) Read(p []byte) (int, error) { return o.r.Read(p[:min(len(p), 1021)]) }

func TestWrittenByHand(t *testing.T) {
	// Another order of keys, escapes in base64, a type from the tag alone,
	// unknown keys, a large value edited by hand.
	text := strings.Repeat(`\u00e4\ud835\udc82b\/`, 20000)
	b := []byte(`{ "x": [1, {"y": [null]}], "properties" : [
		{"value": "` + text + `", "tag": "1000001F"},
		{"raw": "AP\/\u002f", "type": "PtypBinary", "tag": "300B0102"},
		{"tag": "0E070003", "value": 4294967295},
		{"tag": "00000003", "set": "{00062008-0000-0000-C000-000000000046}", "lid": 34051, "value": -1}] }`)
	m, problems := decode(t, b)
	if len(problems) > 0 {
		t.Error(problems)
	}
	want := &mapi.Message{}
	want.Props.Set(mapi.PidTagBody, mapi.StringValue(strings.Repeat("ä𝒂b/", 20000)))
	want.Props.Set(mapi.PidTagSearchKey, mapi.BinaryValue([]byte{0, 0xFF, 0xFF}))
	want.Props.Set(mapi.PidTagMessageFlags, mapi.Int32Value(-1))
	want.Props.SetName(mapi.Name{Set: mapi.PSETIDCommon, ID: 34051}, mapi.Int32Value(-1))
	wantEqual(t, want, m)
}

func TestNamesAlone(t *testing.T) {
	b := []byte(`{"properties": [
		{"name": "PidTagSubject", "value": "a"},
		{"name": "PidTagImportance", "value": 2},
		{"name": "PidTagBody", "type": "PtypString8", "value": "b"},
		{"name": "PidLidReminderSet", "value": true},
		{"name": "PidNameKeywords", "value": ["x"]}]}`)
	m, problems := decode(t, b)
	if len(problems) > 0 {
		t.Error(problems)
	}
	want := &mapi.Message{}
	want.Props.Set(mapi.PidTagSubject, mapi.StringValue("a"))
	want.Props.Set(mapi.PidTagImportance, mapi.Int32Value(2))
	want.Props.Set(mapi.PidTagBody, mapi.RawValue(mapi.TypeString8, []byte("b")))
	want.Props.SetName(mapi.PidLidReminderSet, mapi.BoolValue(true))
	want.Props.SetName(mapi.PidNameKeywords, mapi.MultiStringValue([]string{"x"}))
	wantEqual(t, want, m)
}

func TestWrongValuesCostThePropertyAlone(t *testing.T) {
	b := []byte(`{"properties": [
		{"tag": "00170003", "value": "two"},
		{"tag": "zz"},
		{"tag": "00170003", "type": "PtypFoo", "value": 1},
		{"tag": "300B0102", "raw": "a=b="},
		{"tag": "00390040", "value": "yesterday"},
		{"tag": "1234101F", "value": "no list"},
		{"tag": "0037001F", "value": "kept"}],
		"attachments": [{"properties": [{"tag": "37010102", "raw": "!"}]}]}`)
	m, problems := decode(t, b)
	if len(problems) != 7 || len(m.Props) != 1 || !problems.Severe() {
		t.Errorf("%d problems, %v", len(problems), m.Props)
	}
}

func TestTextThatBreaksOff(t *testing.T) {
	b := encode(t, mapitest.Sample())
	for n := 0; n < len(b)-2; n += 1 + n/11 {
		m, problems, err := Decode(context.Background(), bytes.NewReader(b[:n]), int64(n))
		var fe *mapi.FormatError
		switch {
		case err != nil && !errors.As(err, &fe):
			t.Fatalf("%d bytes: %v", n, err)
		case n > 2000 && (err != nil || !problems.Severe() || m.Class() != "IPM.Note"):
			t.Fatalf("%d bytes: %v, %v", n, err, problems)
		}
	}
}

func TestNoMessage(t *testing.T) {
	for _, s := range []string{"", "x", "[]", "{}", `{"a": 1}`, `{"format": "other", "properties": []}`, strings.Repeat("[", 100000)} {
		_, _, err := Decode(context.Background(), strings.NewReader(s), int64(len(s)))
		var fe *mapi.FormatError
		if !errors.As(err, &fe) {
			t.Errorf("%.20q: %v", s, err)
		}
	}
}

func TestCycleOfMessagesIsAnError(t *testing.T) {
	m := &mapi.Message{}
	m.Attachments = []*mapi.Attachment{{Embedded: m}}
	if err := Encode(context.Background(), io.Discard, m); !errors.Is(err, mapi.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encode(f, mapitest.Sample())[:4000])
	f.Add(encode(f, &mapi.Message{Props: mapitest.EveryType(0x6000)}))
	small := mapitest.Sample()
	small.Props = small.Props[:3]
	for _, a := range small.Attachments {
		a.Props = a.Props[:1]
	}
	f.Add(encode(f, small))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, _, err := Decode(context.Background(), bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		again, problems := decode(t, encode(t, m))
		if len(problems) > 0 {
			t.Error(problems)
		}
		wantEqual(t, m, again)
	})
}
