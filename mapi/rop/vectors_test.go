package rop

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/mapi"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

type requestVector struct {
	name, ops string
	want      RequestBuffer
}

// requestVectors are buffers put together by hand from [MS-OXCROPS] 2.2.
var requestVectors = []requestVector{
	{"logon", `FE 00 00 01 0C000001 00000000 0300 2F6F00`, RequestBuffer{
		Requests: []Request{{Body: &Logon{LogonFlags: 1, OpenFlags: OpenUsePerMDBReplidMap | OpenHomeLogon | OpenTakeOwnership, ESSDN: "/o"}}},
		Handles:  []uint32{NoHandle},
	}},
	{"open folder and its contents", `02000001 010000000000000D 00 05000102 42`, RequestBuffer{
		Requests: []Request{
			{In: 0, Out: 1, Body: &OpenFolder{FolderID: NewObjectID(1, 13)}},
			{In: 1, Out: 2, Body: &GetContentsTable{TableFlags: TableUseUnicode | TableAssociated}},
		},
		Handles: []uint32{1, NoHandle, NoHandle},
	}},
	{"save: the other index first", `0C000201 0A`, RequestBuffer{
		Requests: []Request{{In: 1, Out: 2, Body: &SaveChangesMessage{SaveFlags: KeepOpenReadWrite | DelayedCall}}},
		Handles:  []uint32{5, 6, 7},
	}},
	{"restrict", `140000 00 1E00 00 0200 03 02000100 1F003700 1F003700 41000000 06 01 0300070E 01000000`, RequestBuffer{
		Requests: []Request{{Body: &Restrict{Restriction: &And{
			&ContentRestriction{FuzzyLow: Prefix, FuzzyHigh: IgnoreCase, Tag: mapi.PidTagSubject, Value: mapi.Property{Tag: mapi.PidTagSubject, Value: mapi.StringValue("A")}},
			&BitmaskRestriction{BitmapRelOp: 1, Tag: mapi.PidTagMessageFlags, Mask: 1},
		}}}},
		Handles: []uint32{1},
	}},
	{"read a stream in long form", `2C0000 BEBA 00000100`, RequestBuffer{
		Requests: []Request{{Body: &ReadStream{ByteCount: LongCount, MaximumByteCount: 1 << 16}}},
		Handles:  []uint32{2},
	}},
	{"names", `560000 02 0200 00 0820060000000000C000000000000046 03850000 01 2903020000000000C000000000000046 06 410042000000`, RequestBuffer{
		Requests: []Request{{Body: &GetPropertyIDsFromNames{Flags: NamesCreate, Names: []*mapi.Name{
			{Set: mapi.MustGUID("00062008-0000-0000-c000-000000000046"), ID: 0x8503},
			{Set: mapi.MustGUID("00020329-0000-0000-c000-000000000046"), Name: "AB"},
		}}}},
		Handles: []uint32{1},
	}},
	{"notifications of a folder", `29000001 1C00 00 010000000000000D 0000000000000000`, RequestBuffer{
		Requests: []Request{{Out: 1, Body: &RegisterNotification{Types: CreatedObject | DeletedObject | ModifiedObject, FolderID: NewObjectID(1, 13)}}},
		Handles:  []uint32{1, NoHandle},
	}},
	{"read states", `800000 0900 0200 AABB 01 0100 CC 00`, RequestBuffer{
		Requests: []Request{{Body: &SynchronizationImportReadStateChanges{Changes: []ReadStateChange{{[]byte{0xAA, 0xBB}, true}, {[]byte{0xCC}, false}}}}},
		Handles:  []uint32{1},
	}},
}

// bytes puts RopSize before the operations and the handles behind them.
func (v *requestVector) bytes(t testing.TB) []byte {
	ops := unhex(t, v.ops)
	b := append([]byte{byte(len(ops) + 2), 0}, ops...)
	for _, h := range v.want.Handles {
		b = binary.LittleEndian.AppendUint32(b, h)
	}
	return b
}

func TestRequestVectors(t *testing.T) {
	for _, v := range requestVectors {
		t.Run(v.name, func(t *testing.T) {
			b := v.bytes(t)
			got, err := ParseRequest(b, nil)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(*got, v.want) {
				t.Errorf("read\n%#v\nwant\n%#v", *got, v.want)
			}
			again, err := v.want.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(again, b) {
				t.Error(differ(again, b))
			}
		})
	}
}

// TestRows reads what depends on columns set before, in the same buffer and in
// an earlier one.
func TestRows(t *testing.T) {
	requests := []Request{
		{In: 0, Body: &SetColumns{Tags: []mapi.Tag{mapi.PidTagMessageFlags, 0x30010000, 0x0E1D001F}}},
		{In: 0, Body: &QueryRows{ForwardRead: true, RowCount: 2}},
	}
	b := unhex(t, `3400
		12 00 00000000 00
		15 00 00000000 02 0200
		00 01000000 0200 0700 4100 0000
		01 00 01000000 0A00 0A 0F010480 0A 0E000780
		07000000`)
	b[0] = byte(len(b) - 4)
	var cols Columns
	got, err := ParseResponse(b, requests, &cols)
	if err != nil {
		t.Fatal(err)
	}
	rows := got.Responses[1].Body.(*QueryRowsResult).Rows
	if len(rows) != 2 || rows[0].Properties().Text(0x0E1D001F) != "A" {
		t.Fatalf("rows %v", rows)
	}
	if n, _ := rows[1].Values[2].Int(); Code(n) != OutOfMemory {
		t.Errorf("error %v", Code(n))
	}
	if n := len(rows[1].Properties()); n != 1 {
		t.Errorf("%d properties in a row with two errors", n)
	}
	if again, err := got.Marshal(); err != nil || !bytes.Equal(again, b) {
		t.Errorf("%v\n%s", err, differ(again, b))
	}
	if _, err := ParseResponse(b, requests[1:], new(Columns)); err == nil {
		t.Error("rows were read without columns")
	}
}

func TestFailures(t *testing.T) {
	for _, v := range []struct {
		name, hex string
		asked     RequestBody
		want      Response
	}{
		{"logon elsewhere", `FE 00 78040000 01 03 7A7900`, &Logon{}, Response{ID: IDLogon, Code: WrongServer, Body: &LogonRedirect{1, "zy"}}},
		{"busy", `4E 00 80040000 0000 0000 0000 00 0000 88130000`, &FastTransferSourceGetBuffer{}, Response{ID: IDFastTransferSourceGetBuffer, Code: ServerBusy, Body: &FastTransferBackoff{BackoffTime: 5000}}},
		{"no destination", `33 00 03050000 02000000 00`, &MoveCopyMessages{}, Response{ID: IDMoveCopyMessages, Code: NullDestinationObject, Body: &NullDestination{DestHandleIndex: 2}}},
		{"a delete that failed", `1E 00 05000780 01`, &DeleteMessages{}, Response{ID: IDDeleteMessages, Code: AccessDenied, Body: &PartialResult{true}}},
		{"too small", `FF 0010 0200`, &GetPropertiesAll{}, Response{ID: IDBufferTooSmall, Body: &TooSmall{0x1000, []byte{2, 0}}}},
		{"wait", `F9 00 10270000 01 4E 05000000 0000`, &GetPropertiesAll{}, Response{ID: IDBackoff, Body: &Backoff{Duration: 10000, ROPs: []BackoffROP{{IDFastTransferSourceGetBuffer, 5}}, AdditionalData: []byte{}}}},
		{"pending", `6E 0300`, &GetPropertiesAll{}, Response{ID: IDPending, Body: &Pending{3}}},
		{"a message came", `2A 07000000 00 0280 010000000000000D 0100000000000010 01000000 00 49504D00`, &GetPropertiesAll{}, Response{ID: IDNotify, Body: &Notify{
			NotificationHandle: 7, Flags: NewMail | OfMessage, FolderID: NewObjectID(1, 13), MessageID: NewObjectID(1, 16), MessageFlags: 1, MessageClass: "IPM",
		}}},
	} {
		t.Run(v.name, func(t *testing.T) {
			ops := unhex(t, v.hex)
			b := append([]byte{byte(len(ops) + 2), 0}, ops...)
			got, err := ParseResponse(b, []Request{{Body: v.asked}}, new(Columns))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got.Responses, []Response{v.want}) {
				t.Errorf("read %#v\nwant %#v", got.Responses, v.want)
			}
			if again, err := got.Marshal(); err != nil || !bytes.Equal(again, b) {
				t.Errorf("%v\n%s", err, differ(again, b))
			}
		})
	}
}

// TestDecompress has two streams put together by hand.
func TestDecompress(t *testing.T) {
	for _, v := range []struct{ hex, want string }{
		{"3f000000 6162636465666768696a6b6c6d6e6f707172737475767778797a", "abcdefghijklmnopqrstuvwxyz"},
		{"ffffff1f 616263 1700 0f ff 2601", strings.Repeat("abc", 100)},
	} {
		got, err := Decompress(unhex(t, v.hex), len(v.want))
		if err != nil || string(got) != v.want {
			t.Errorf("%q: %q, %v", v.want, got, err)
		}
	}
	for _, bad := range []string{"", "00", "00000080", "ffffffff 0800", "00000000 41"} {
		if _, err := Decompress(unhex(t, bad), 100); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
}

func TestPayloads(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 3000)
	for i := range noise {
		noise[i] = byte(rng.Uint32())
	}
	mixed := append(bytes.Repeat([]byte("the same words again and "), 900), noise...)
	mixed = append(mixed, mixed[20000:]...)
	for _, data := range [][]byte{nil, []byte("a"), noise, mixed, make([]byte, 0xFFFF)} {
		for _, flags := range []HeaderFlags{0, Compressed, XorMagic, Compressed | XorMagic} {
			b, err := AppendPayload(nil, Payload{flags, data})
			if err != nil {
				t.Fatal(err)
			}
			b, err = AppendPayload(b, Payload{flags | Last, data})
			if err != nil {
				t.Fatal(err)
			}
			list, err := ParsePayloads(b)
			if err != nil || len(list) != 2 || !bytes.Equal(list[0].Data, data) || !bytes.Equal(list[1].Data, data) {
				t.Errorf("%d bytes, flags %X: %v", len(data), flags, err)
			}
			if len(data) > 20000 && flags&Compressed != 0 && len(b) > len(data) {
				t.Errorf("%d bytes twice became %d", len(data), len(b))
			}
		}
	}
	if _, err := AppendPayload(nil, Payload{0, make([]byte, 0x10000)}); err == nil {
		t.Error("a payload beyond 16 bits was written")
	}
}

func TestObjectID(t *testing.T) {
	id := NewObjectID(1, 0x0000000D)
	if id != 0x0D00000000000001 || id.Replica() != 1 || id.Counter() != 13 || id.String() != "1-D" {
		t.Errorf("%X %v", uint64(id), id)
	}
	if id := NewObjectID(0xFFFE, 0x123456789ABC); id.Counter() != 0x123456789ABC || id.Replica() != 0xFFFE {
		t.Errorf("%X", uint64(id))
	}
}
