package tnef

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/mapitest"
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		panic(err)
	}
	return b
}

func prop(t mapi.Tag, v mapi.Value) mapi.Property { return mapi.Property{Tag: t, Value: v} }

// Vectors written by hand from [MS-OXTNEF] 2.1.3.4: each property and its
// bytes within a list.
var vectors = []struct {
	name  string
	bytes string
	p     mapi.Property
}{
	{"PtypInteger16 is padded", "0200 0166 3412 0000", prop(0x66010002, mapi.Int16Value(0x1234))},
	{"PtypInteger32", "0300 1700 02000000", prop(0x00170003, mapi.Int32Value(2))},
	{"PtypFloating32", "0400 0266 0000C03F", prop(0x66020004, mapi.RawValue(mapi.TypeFloating32, []byte{0, 0, 0xC0, 0x3F}))},
	{"PtypFloating64", "0500 0366 00000000000002C0", prop(0x66030005, mapi.Float64Value(-2.25))},
	{"PtypBoolean is padded", "0B00 2900 0100 0000", prop(0x0029000B, mapi.BoolValue(true))},
	{"PtypTime", "4000 3900 0024AB6231F2D501", prop(0x00390040, mapi.RawValue(mapi.TypeTime, unhex("0024AB6231F2D501")))},
	{"PtypGuid", "4800 0766 90DAD86E0B451B1098DA00AA003F1305", prop(0x66070048, mapi.GUIDValue(mapi.PSETIDMeeting))},
	{"PtypString8 has a count, a length, a zero, padding", "1E00 3700 01000000 03000000 6F6B00 00", prop(0x0037001E, mapi.RawValue(mapi.TypeString8, []byte("ok")))},
	{"PtypString", "1F00 3700 01000000 06000000 4100 E400 0000 0000", prop(0x0037001F, mapi.StringValue("Aä"))},
	{"PtypBinary", "0201 7100 01000000 05000000 01F57A0203 000000", prop(0x00710102, mapi.BinaryValue([]byte{1, 0xF5, 0x7A, 2, 3}))},
	{"PtypBinary empty", "0201 E165 01000000 00000000", prop(0x65E10102, mapi.BinaryValue(nil))},
	{"PtypMultipleInteger16 is padded", "0210 0966 02000000 0100 0000 FEFF 0000", prop(0x66091002, mapi.RawValue(mapi.TypeMultipleInteger16, unhex("0100 FEFF")))},
	{"PtypMultipleInteger32", "0310 0966 02000000 01000000 FEFFFFFF", prop(0x66091003, mapi.RawValue(mapi.TypeMultipleInteger32, unhex("01000000 FEFFFFFF")))},
	{"PtypMultipleBinary", "0211 0A66 02000000 02000000 0102 0000 00000000", prop(0x660A1102, mapi.MultiValue(mapi.TypeMultipleBinary, [][]byte{{1, 2}, {}}))},
	{"PtypMultipleString", "1F10 0E66 02000000 04000000 6100 0000 02000000 0000 0000", prop(0x660E101F, mapi.MultiStringValue([]string{"a", ""}))},
	{
		"named by number", "0300 0080 0820060000000000C000000000000046 00000000 10850000 07000000",
		mapi.Property{Tag: 0x80000003, Name: &mapi.Name{Set: mapi.PSETIDCommon, ID: 0x8510}, Value: mapi.Int32Value(7)},
	},
	{
		"named by string", "0B00 0080 2903020000000000C000000000000046 01000000 06000000 6B00 6500 0000 0000 0000 0000",
		mapi.Property{Tag: 0x8000000B, Name: &mapi.Name{Set: mapi.PSPublicStrings, Name: "ke"}, Value: mapi.BoolValue(false)},
	},
	{"no mapping", "0300 2381 2803020000000000C000000000000046 00000000 23810000 01000000", prop(0x81230003, mapi.Int32Value(1))},
}

func TestVectors(t *testing.T) {
	for _, v := range vectors {
		t.Run(v.name, func(t *testing.T) {
			list := append([]byte{1, 0, 0, 0}, unhex(v.bytes)...)
			got, problems := decode(t, newStream().att(1, attMsgProps, list...).b, nil)
			wantClean(t, problems)
			for _, s := range mapitest.DiffProperties(mapi.Properties{v.p}, got.Props) {
				t.Error(s)
			}
			b := encode(t, &mapi.Message{Props: mapi.Properties{v.p}}, nil)
			at := bytes.Index(b, binary.LittleEndian.AppendUint32([]byte{lvlMessage}, uint32(attMsgProps)))
			n := int(binary.LittleEndian.Uint32(b[at+5:]))
			if got := b[at+9 : at+9+n]; !bytes.Equal(got, list) {
				t.Errorf("written %x, want %x", got, list)
			}
		})
	}
}

// TestStreamStartsAsTheSpecificationShows: [MS-OXTNEF] 3.1.
func TestStreamStartsAsTheSpecificationShows(t *testing.T) {
	m := &mapi.Message{}
	m.Props.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Note"))
	m.Props.Set(mapi.PidTagImportance, mapi.Int32Value(1))
	m.Props.Set(mapi.PidTagSubject, mapi.StringValue("Simple subject"))
	want := unhex(`789F3E22 0100
		01 06900800 04000000 00000100 0100
		01 07900600 08000000 E404000000000000 E800
		01 08800700 18000000 49504D2E4D6963726F736F6674204D61696C2E4E6F746500 3108
		01 0D800400 02000000 0200 0200
		01 04800100 0F000000 53696D706C65207375626A65637400 7A05`)
	if got := encode(t, m, nil); !bytes.HasPrefix(got, want) {
		t.Errorf("got %x", got[:len(want)])
	}
}

// zeros is a large blob that exists nowhere.
type zeros int64

func (z zeros) Size() int64 { return int64(z) }
func (z zeros) Open(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(io.LimitReader(endless{}, int64(z))), nil
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestLargeAttachmentIsNotHeld writes 1 GiB, in a message within the message,
// and holds next to nothing.
func TestLargeAttachmentIsNotHeld(t *testing.T) {
	if testing.Short() {
		t.Skip("1 GiB takes a while")
	}
	a := &mapi.Attachment{}
	a.Props.Set(mapi.PidTagAttachDataBinary, mapi.BlobValue(mapi.TypeBinary, zeros(1<<30)))
	inner := &mapi.Message{Attachments: []*mapi.Attachment{a}}
	m := &mapi.Message{Attachments: []*mapi.Attachment{{Embedded: inner}}}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := Encode(context.Background(), io.Discard, m, nil); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 4<<20 {
		t.Errorf("%d KiB were allocated", n>>10)
	}
}

// TestAttributeAbove4GiBIsAnError: the length has 32 bits.
func TestAttributeAbove4GiBIsAnError(t *testing.T) {
	a := &mapi.Attachment{}
	a.Props.Set(mapi.PidTagAttachDataBinary, mapi.BlobValue(mapi.TypeBinary, zeros(5<<30)))
	for _, m := range []*mapi.Message{
		{Attachments: []*mapi.Attachment{a}},
		{Attachments: []*mapi.Attachment{{Embedded: &mapi.Message{Attachments: []*mapi.Attachment{a}}}}},
	} {
		if err := Encode(context.Background(), io.Discard, m, nil); err == nil || !strings.Contains(err.Error(), mapi.ErrTooLarge.Error()) {
			t.Errorf("got %v", err)
		}
	}
}

func TestChecksumIsTheSumOfBytes(t *testing.T) {
	b := append(bytes.Repeat([]byte{0xFF}, 5000), mapitest.Large(100_003)...)
	for _, n := range []int{0, 1, 7, 8, 9, 1023, 1024, 1025, 4999, len(b)} {
		var want uint16
		for _, x := range b[:n] {
			want += uint16(x)
		}
		if got := addChecksum(7, b[:n]); got != want+7 {
			t.Errorf("%d bytes: 0x%04X, want 0x%04X", n, got, want+7)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	m := mapitest.WithoutStorages(mapitest.Sample())
	b.SetBytes(int64(len(encode(b, m, nil))))
	for b.Loop() {
		Encode(context.Background(), io.Discard, m, nil)
	}
}

func BenchmarkDecode(b *testing.B) {
	data := encode(b, mapitest.WithoutStorages(mapitest.Sample()), nil)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		Decode(context.Background(), bytes.NewReader(data), int64(len(data)), nil)
	}
}
