package fasttransfer

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/codepage"
	"github.com/mailconv/mailconv/mapi/mapitest"
)

func encode8(t testing.TB, m *mapi.Message, o *EncodeOptions) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := Encode(context.Background(), &buf, m, o); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func encodeItem(t testing.TB, m *mapi.Message, o *EncodeOptions) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := EncodeItem(context.Background(), &buf, m, o); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func decode(t testing.TB, b []byte, o *Options) (*mapi.Message, mapi.Problems) {
	t.Helper()
	m, problems, err := Decode(context.Background(), bytes.NewReader(b), int64(len(b)), o)
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

func wantClean(t testing.TB, problems mapi.Problems) {
	t.Helper()
	for _, p := range problems {
		t.Error(p)
	}
}

// sample is a message of which a stream can say everything.
func sample() *mapi.Message {
	m := mapitest.WithoutStorages(mapitest.Sample())
	kept := m.Props[:0]
	for _, p := range m.Props {
		if p.Value.Type() != mapi.TypeErrorCode {
			kept = append(kept, p)
		}
	}
	m.Props = kept
	var number func(m *mapi.Message)
	number = func(m *mapi.Message) {
		for i, r := range m.Recipients {
			r.Props.Set(mapi.PidTagRowid, mapi.Int32Value(int32(i)))
		}
		for i, a := range m.Attachments {
			a.Props.Set(mapi.PidTagAttachNumber, mapi.Int32Value(int32(i)))
			if a.Embedded != nil {
				number(a.Embedded)
			}
		}
	}
	number(m)
	return m
}

func TestEveryPropertyComesBack(t *testing.T) {
	for _, plain := range []bool{false, true} {
		m := sample()
		var losses []mapi.Loss
		b := encode8(t, m, &EncodeOptions{PlainString8: plain, Loss: func(l mapi.Loss) { losses = append(losses, l) }})
		checkStream(t, b)
		got, problems := decode(t, b, nil)
		wantClean(t, problems)
		wantEqual(t, m, got)
		if len(losses) > 0 {
			t.Error(losses)
		}
	}
}

func TestItemComesBackAndKeepsItsBytes(t *testing.T) {
	m := sample()
	b := encodeItem(t, m, nil)
	got, problems := decode(t, b, nil)
	wantClean(t, problems)
	wantEqual(t, m, got)
	if got.Encoded == nil || got.Encoded.Format != "fts" {
		t.Fatal("the data are not kept")
	}
	kept, err := mapi.ReadBlob(context.Background(), got.Encoded.Blob, 1<<24)
	if err != nil || !bytes.Equal(kept, b) {
		t.Errorf("the data kept differ: %v", err)
	}
}

// TestBuffersSplitBetweenAtoms: [MS-OXCFXICS] 2.2.4.1, a stream MUST NOT be
// split within an atom.
func TestBuffersSplitBetweenAtoms(t *testing.T) {
	m := sample()
	for i := range 3000 {
		m.Props.SetName(mapi.Name{Set: mapi.PSPublicStrings, Name: strings.Repeat("n", i%90) + string(rune('a'+i%26))}, mapi.Int32Value(int32(i)))
	}
	stream, item := encode8(t, m, nil), encodeItem(t, m, nil)
	atoms := checkStream(t, stream)
	var joined []byte
	cuts := map[int]bool{}
	for pos := 0; pos < len(item); {
		op, n := binary.LittleEndian.Uint32(item[pos:]), int(binary.LittleEndian.Uint32(item[pos+4:]))
		pos += 8
		if op == opTransferBuffer {
			if n > bufferSize {
				t.Errorf("a buffer of %d bytes", n)
			}
			joined = append(joined, item[pos:pos+n]...)
			cuts[len(joined)] = true
		}
		pos += n
	}
	if !bytes.Equal(joined, stream) {
		t.Error("the buffers are not the stream")
	}
	if len(cuts) < 3 {
		t.Errorf("only %d buffers", len(cuts))
	}
	for _, a := range atoms {
		for i := a[0] + 1; i < a[1]; i++ {
			if cuts[i] {
				t.Errorf("an atom at 0x%X is split at 0x%X", a[0], i)
			}
		}
	}
}

// unhex reads hexadecimal with spaces.
func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		panic(err)
	}
	return b
}

// Vectors written by hand from [MS-OXCFXICS] 2.2.4.1: each property and its
// bytes.
var vectors = []struct {
	name  string
	bytes string
	p     mapi.Property
}{
	{"PtypInteger16", "0200 0166 3412", prop(0x66010002, mapi.Int16Value(0x1234))},
	{"PtypInteger32", "0300 1700 02000000", prop(0x00170003, mapi.Int32Value(2))},
	{"PtypFloating32", "0400 0266 0000C03F", prop(0x66020004, mapi.RawValue(mapi.TypeFloating32, []byte{0, 0, 0xC0, 0x3F}))},
	{"PtypFloating64", "0500 0366 00000000000002C0", prop(0x66030005, mapi.Float64Value(-2.25))},
	{"PtypCurrency", "0600 0466 40E2010000000000", prop(0x66040006, mapi.RawValue(mapi.TypeCurrency, []byte{0x40, 0xE2, 1, 0, 0, 0, 0, 0}))},
	{"PtypBoolean takes two bytes", "0B00 2900 0100", prop(0x0029000B, mapi.BoolValue(true))},
	{"PtypInteger64", "1400 4A67 0100000000000080", prop(0x674A0014, mapi.RawValue(mapi.TypeInteger64, []byte{1, 0, 0, 0, 0, 0, 0, 0x80}))},
	{"PtypString with its zero", "1F00 3700 06000000 4100 E400 0000", prop(0x0037001F, mapi.StringValue("Aä"))},
	{"PtypString empty", "1F00 3D00 02000000 0000", prop(0x003D001F, mapi.StringValue(""))},
	{"PtypString8", "1E00 1A00 09000000 49504D2E4E6F746500", prop(0x001A001E, mapi.RawValue(mapi.TypeString8, []byte("IPM.Note")))},
	{"PtypBinary", "0201 7100 03000000 01F57A", prop(0x00710102, mapi.BinaryValue([]byte{1, 0xF5, 0x7A}))},
	{"PtypBinary empty", "0201 E165 00000000", prop(0x65E10102, mapi.BinaryValue(nil))},
	{"PtypTime", "4000 3900 0024AB6231F2D501", prop(0x00390040, mapi.RawValue(mapi.TypeTime, unhex("0024AB6231F2D501")))},
	{"PtypGuid", "4800 0766 90DAD86E0B451B1098DA00AA003F1305", prop(0x66070048, mapi.GUIDValue(mapi.PSETIDMeeting))},
	{"PtypServerId", "FB00 4D67 02000000 0105", prop(0x674D00FB, mapi.RawValue(mapi.TypeServerID, []byte{1, 5}))},
	{"PtypMultipleInteger32", "0310 0966 02000000 01000000 FEFFFFFF", prop(0x66091003, mapi.RawValue(mapi.TypeMultipleInteger32, unhex("01000000 FEFFFFFF")))},
	{"PtypMultipleBinary", "0211 0A66 02000000 02000000 0102 00000000", prop(0x660A1102, mapi.MultiValue(mapi.TypeMultipleBinary, [][]byte{{1, 2}, {}}))},
	{"PtypMultipleString", "1F10 0E66 01000000 04000000 6100 0000", prop(0x660E101F, mapi.MultiStringValue([]string{"a"}))},
	{
		"named by number", "0300 0080 0820060000000000C000000000000046 00 10850000 07000000",
		mapi.Property{Tag: 0x80000003, Name: &mapi.Name{Set: mapi.PSETIDCommon, ID: 0x8510}, Value: mapi.Int32Value(7)},
	},
	{
		"named by string", "0B00 0080 2903020000000000C000000000000046 01 6B0065007900 0000 0000",
		mapi.Property{Tag: 0x8000000B, Name: &mapi.Name{Set: mapi.PSPublicStrings, Name: "key"}, Value: mapi.BoolValue(false)},
	},
	{"no mapping", "0300 2381 2803020000000000C000000000000046 00 23810000 01000000", prop(0x81230003, mapi.Int32Value(1))},
	{"code page 1251", "E384 3700 03000000 CFF000", prop(0x0037001E, mapi.RawValue(mapi.TypeString8, []byte{0xCF, 0xF0}).WithCharset(page(1251)))},
	{"code page 65001", "E9FD 3700 03000000 C3A400", prop(0x0037001E, mapi.RawValue(mapi.TypeString8, []byte{0xC3, 0xA4}).WithCharset(page(65001)))},
	{"MetaTagIdsetGiven says PtypInteger32", "0300 1740 02000000 AABB", prop(MetaTagIdsetGiven, mapi.BinaryValue([]byte{0xAA, 0xBB}))},
	{"MetaTagFXDelProp", "0300 1640 0D00120E", prop(MetaTagFXDelProp, mapi.Int32Value(0x0E12000D))},
}

func prop(t mapi.Tag, v mapi.Value) mapi.Property { return mapi.Property{Tag: t, Value: v} }

func page(n int) mapi.Charset { cs, _ := codepage.Get(n); return cs }

func TestVectors(t *testing.T) {
	for _, v := range vectors {
		t.Run(v.name, func(t *testing.T) {
			want := unhex(v.bytes)
			var buf bytes.Buffer
			w := NewWriter(context.Background(), &buf, nil)
			if err := w.Property(v.p); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(buf.Bytes(), want) {
				t.Errorf("written %x, want %x", buf.Bytes(), want)
			}
			l := NewLexer(context.Background(), bytes.NewReader(want), int64(len(want)), nil)
			e, err := l.Next()
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range mapitest.DiffProperties(mapi.Properties{v.p}, mapi.Properties{e.Property}) {
				t.Error(s)
			}
			if cs := v.p.Value.Charset(); cs != nil && e.Property.Value.Charset() != cs {
				t.Error("the code page is lost")
			}
			if _, err := l.Next(); err != io.EOF {
				t.Errorf("then: %v", err)
			}
		})
	}
}

func TestUnicodeAsCodePage(t *testing.T) {
	m, problems := decode(t, unhex("B084 1A00 12000000 490050004D002E004E006F00740065000000"), nil)
	wantClean(t, problems)
	if len(m.Props) != 1 || m.Props[0].Tag != mapi.PidTagMessageClass || m.Class() != "IPM.Note" {
		t.Errorf("%v", m.Props)
	}
}

func TestListOfStringsInACodePage(t *testing.T) {
	m, problems := decode(t, unhex("B094 0066 02000000 04000000 61000000 02000000 0000  E394 0166 01000000 02000000 CF00"), nil)
	wantClean(t, problems)
	if len(m.Props) != 2 || !slices.Equal(m.Props[0].Value.Texts(), []string{"a", ""}) || !slices.Equal(m.Props[1].Value.Texts(), []string{"П"}) {
		t.Errorf("%v", m.Props)
	}
}

func TestMarkersMakeAMessage(t *testing.T) {
	b := unhex(`
		E484 0840 02000000 4F00
		0300 1700 01000000
		0300 1640 0D00120E
		0300 0340  0300 0030 00000000  0300 150C 01000000  0300 0440
		0300 1640 0D00130E
		0300 0040  0300 210E 00000000
		0300 0140  1F00 3700 04000000 69000000  0300 0240
		0300 0E40`)
	m, problems := decode(t, b, nil)
	wantClean(t, problems)
	if len(m.Props) != 1 || len(m.Recipients) != 1 || m.Recipients[0].Type() != mapi.RecipientTo ||
		len(m.Attachments) != 1 || m.Attachments[0].Embedded.Props.Text(mapi.PidTagSubject) != "i" {
		t.Errorf("%+v", m)
	}
}

// TestPublishedItem reads how the example of UploadItems begins: commands,
// then properties with code-page types.
func TestPublishedItem(t *testing.T) {
	b := unhex(`
		01000000 08000000 00000000 01000000
		03000000 18000000 01000000 0703020000000000C000000000000046 00240080
		04000000 06000000 010EA4800000
		02000000 71000000
		E484 0840 03000000 2F4F00
		0300 1700 01000000
		B084 1A00 0C000000 490050004D002E0041000000
		0B00 2300`)
	m, problems := decode(t, b, nil)
	if m.Class() != "IPM.A" || len(m.Props) != 2 {
		t.Errorf("%v", m.Props)
	}
	if len(problems) != 2 || !problems.Severe() {
		t.Errorf("the cut is not told: %v", problems)
	}
	// What we write opens in the same way.
	if got := encodeItem(t, m, nil); !bytes.HasPrefix(got, b[:16+32+14]) {
		t.Errorf("%x", got[:64])
	}
}

func TestLosses(t *testing.T) {
	m := &mapi.Message{}
	m.Props = mapi.Properties{
		prop(0x6601000A, mapi.RawValue(mapi.TypeErrorCode, []byte{1, 0, 0, 0})),
		prop(0x66020001, mapi.RawValue(mapi.TypeNull, nil)),
		prop(0x660300FD, mapi.RawValue(mapi.TypeRestriction, []byte{1})),
		prop(0x400C0003, mapi.Int32Value(1)),
		prop(MetaTagFXDelProp, mapi.Int32Value(1)),
		prop(mapi.PidTagMessageRecipients, mapi.RawValue(mapi.TypeObject, nil)),
		prop(mapi.PidTagSubject, mapi.StringValue("kept")),
	}
	m.Attachments = []*mapi.Attachment{{Storage: &mapi.Storage{}}}
	var losses []mapi.Loss
	b := encode8(t, m, &EncodeOptions{Loss: func(l mapi.Loss) { losses = append(losses, l) }})
	checkStream(t, b)
	if len(losses) != 7 {
		t.Errorf("%d losses: %v", len(losses), losses)
	}
	got, _ := decode(t, b, nil)
	if len(got.Props) != 1 {
		t.Errorf("%v", got.Props)
	}
}

func TestStorageGoesThroughTheFunctionsHandedIn(t *testing.T) {
	file := mapitest.Large(70_000)
	want := &mapi.Storage{Name: "x"}
	a := &mapi.Attachment{Storage: want}
	a.Props.Set(mapi.PidTagAttachNumber, mapi.Int32Value(0))
	m := &mapi.Message{Attachments: []*mapi.Attachment{a}}
	b := encodeItem(t, m, &EncodeOptions{Storage: func(context.Context, *mapi.Storage) (mapi.Blob, error) { return file, nil }})
	got, problems := decode(t, b, &Options{Storage: func(_ context.Context, r io.ReaderAt, n int64) (*mapi.Storage, error) {
		g, err := io.ReadAll(io.NewSectionReader(r, 0, n))
		if err != nil || !bytes.Equal(g, file) {
			t.Errorf("the compound file has changed: %d bytes, %v", len(g), err)
		}
		return want, nil
	}})
	wantClean(t, problems)
	wantEqual(t, m, got)
}

func TestTruncatedStreamGivesWhatIsThere(t *testing.T) {
	for _, b := range [][]byte{encode8(t, sample(), nil), encodeItem(t, sample(), nil)} {
		for n := 100; n < len(b)-1; n += 1 + n/9 {
			m, problems, err := Decode(context.Background(), bytes.NewReader(b[:n]), int64(n), nil)
			if err != nil {
				t.Fatalf("%d bytes: %v", n, err)
			}
			if m.Class() != "IPM.Note" {
				t.Errorf("%d bytes: class %q", n, m.Class())
			}
			_ = problems
		}
		m, problems := decode(t, b[:len(b)/2], nil)
		if !problems.Severe() || len(m.Recipients) != 3 {
			t.Errorf("%d recipients, problems %v", len(m.Recipients), problems)
		}
	}
}

func TestNoMessage(t *testing.T) {
	for name, s := range map[string]string{
		"text": "46726F6D3A2061", "a folder": "0300 0940 1F00 0130 02000000 0000", "an empty item": "01000000 00000000",
		"a folder item": "01000000 00000000 03000000 14000000 01000000 0C03020000000000C000000000000046 02000000 01000000 00",
	} {
		b := unhex(s)
		_, _, err := Decode(context.Background(), bytes.NewReader(b), int64(len(b)), nil)
		var fe *mapi.FormatError
		if !errors.As(err, &fe) || fe.Format != "fts" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestServerThatCouldNotGiveAll(t *testing.T) {
	b := unhex(`0300 1700 01000000  0300 1840  0201 0000 02000000 0102`)
	m, problems := decode(t, b, nil)
	if len(m.Props) != 1 || !problems.Severe() {
		t.Errorf("%v, %v", m.Props, problems)
	}
}

func TestDeepNesting(t *testing.T) {
	m := &mapi.Message{}
	m.Attachments = []*mapi.Attachment{{Embedded: m}}
	if err := Encode(context.Background(), io.Discard, m, nil); !errors.Is(err, mapi.ErrTooLarge) {
		t.Errorf("a cycle: %v", err)
	}
	b := append(unhex("0300 1700 01000000"), bytes.Repeat(unhex("0300 0040 0300 0140"), 10000)...)
	_, problems := decode(t, b, nil)
	if !problems.Severe() {
		t.Error("endless nesting is not told")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encode8(f, sample(), nil))
	f.Add(encodeItem(f, sample(), nil))
	for _, v := range vectors {
		f.Add(unhex(v.bytes))
	}
	if os.Getenv("MAILCONV_RECORDINGS") != "" {
		for _, path := range recordings(f, "*.fts") {
			f.Add(load(f, path))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, _, err := Decode(context.Background(), bytes.NewReader(b), int64(len(b)), nil)
		if err != nil {
			return
		}
		// What was read can be written, and what that says reads the same.
		first, _, err := decodeBytes(encodeItem(t, m, nil))
		if err != nil {
			return
		}
		wantEqual(t, first, second(t, first))
	})
}

// decodeBytes reads from memory.
func decodeBytes(b []byte) (*mapi.Message, mapi.Problems, error) {
	return Decode(context.Background(), bytes.NewReader(b), int64(len(b)), nil)
}

func second(t *testing.T, m *mapi.Message) *mapi.Message {
	got, problems := decode(t, encodeItem(t, m, nil), nil)
	// A code page that is read as another one is told each time.
	if problems.Severe() {
		t.Error(problems)
	}
	return got
}
