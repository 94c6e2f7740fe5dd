package mapi_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/mailconv/mailconv/mapi"
)

func TestTags(t *testing.T) {
	tag := mapi.NewTag(0x0037, mapi.TypeString8)
	if tag.ID() != 0x0037 || tag.Type() != mapi.TypeString8 || tag.String() != "0037001E" || tag.WithType(mapi.TypeString) != mapi.PidTagSubject {
		t.Errorf("%v", tag)
	}
	// A name speaks of both kinds of string.
	if tag.Canonical() != "PidTagSubject" {
		t.Errorf("%v is %q", tag, tag.Canonical())
	}
	// The type takes part in a name: two properties have the identifier 3701.
	if a, b := mapi.PidTagAttachDataBinary.Canonical(), mapi.PidTagAttachDataObject.Canonical(); a == b || mapi.PidTagAttachDataBinary.ID() != mapi.PidTagAttachDataObject.ID() {
		t.Errorf("%s %s", a, b)
	}
	for tag, want := range map[mapi.Tag]bool{0x7FFF001F: false, 0x8000001F: true, 0xFFFE001F: true, 0xFFFF001F: false} {
		if tag.Named() != want {
			t.Errorf("%v: named %v", tag, !want)
		}
	}
	if _, ok := mapi.LookupTag("PidTagNoSuch"); ok {
		t.Error("an unknown name has a tag")
	}
}

func TestNamesAreFound(t *testing.T) {
	n, ok := mapi.LookupName("pidlidbusystatus")
	if !ok || n.Set != mapi.PSETIDAppointment || n.ID != 0x8205 || n.Canonical() != "PidLidBusyStatus" || n.Type() != mapi.TypeInteger32 {
		t.Errorf("%+v %v", n, ok)
	}
	other := mapi.Name{Set: n.Set, ID: 0x1234}
	if other.Canonical() != "" || other.Type() != mapi.TypeUnspecified {
		t.Errorf("a name that is in no table is called %q", other.Canonical())
	}
}

func TestGUIDs(t *testing.T) {
	const text = "00062002-0000-0000-c000-000000000046"
	for _, s := range []string{text, "{" + text + "}", strings.ToUpper(text)} {
		g, err := mapi.ParseGUID(s)
		if err != nil || g != mapi.PSETIDAppointment || g.String() != text || g[0] != 0x02 {
			t.Errorf("%s: %v %v", s, g, err)
		}
	}
	for _, s := range []string{"", text[1:], text + "0", strings.Replace(text, "6", "g", 1), strings.Replace(text, "-", "0", 1)} {
		if g, err := mapi.ParseGUID(s); err == nil {
			t.Errorf("%q is read as %v", s, g)
		}
	}
}

func TestTimes(t *testing.T) {
	for _, want := range []time.Time{
		time.Date(1601, 1, 1, 0, 0, 0, 100, time.UTC),
		time.Date(1969, 12, 31, 23, 59, 59, 999999900, time.UTC),
		time.Date(2026, 2, 28, 12, 0, 0, 123456700, time.FixedZone("", 3600)),
	} {
		v := mapi.TimeValue(want)
		if got, ok := v.Time(); !ok || !got.Equal(want) || got.Location() != time.UTC {
			t.Errorf("%v comes back as %v, %v", want, got, ok)
		}
	}
	// "No date" is no date.
	for _, ft := range []uint64{0, 0x0CB34557A3DD4000, 1 << 63, 1<<64 - 1} {
		if got, ok := mapi.FiletimeTime(ft); ok {
			t.Errorf("%#x is %v", ft, got)
		}
	}
	if ft := mapi.Filetime(time.Date(1600, 1, 1, 0, 0, 0, 0, time.UTC)); ft != 0 {
		t.Errorf("a time before the epoch is %d", ft)
	}
}

func TestPropertiesAreFoundByEitherString(t *testing.T) {
	var ps mapi.Properties
	ps.Set(mapi.PidTagSubject.WithType(mapi.TypeString8), mapi.RawValue(mapi.TypeString8, []byte("old\x00")))
	if got := ps.Text(mapi.PidTagSubject); got != "old" {
		t.Errorf("%q", got)
	}
	ps.Set(mapi.PidTagSubject, mapi.StringValue("new"))
	if len(ps) != 1 || ps.Text(mapi.PidTagSubject) != "new" {
		t.Errorf("%v", ps)
	}
	name := mapi.Name{Set: mapi.PSPublicStrings, Name: "Keywords"}
	ps.SetName(name, mapi.MultiStringValue([]string{"a", "ä"}))
	c := ps.Clone()
	ps.DeleteName(name)
	ps.Delete(mapi.PidTagSubject)
	if v, ok := c.GetName(name); len(ps) != 0 || !ok || !slices.Equal(v.Texts(), []string{"a", "ä"}) {
		t.Errorf("%v %v", ps, c)
	}
}

func TestValuesKeepTheirBytes(t *testing.T) {
	// Half a surrogate pair and a zero within: text is a view, the bytes stay.
	raw := []byte{0x41, 0, 0x00, 0xD8, 0, 0, 0x42, 0}
	v := mapi.RawValue(mapi.TypeString, raw)
	if !bytes.Equal(v.Raw(), raw) || v.Text() != "A\uFFFD\x00B" {
		t.Errorf("%q % x", v.Text(), v.Raw())
	}
	// Fixed types are cut or padded to their size.
	if n, ok := mapi.RawValue(mapi.TypeInteger32, []byte{1}).Int(); !ok || n != 1 {
		t.Errorf("%d %v", n, ok)
	}
	if v := mapi.RawValue(mapi.TypeInteger64, make([]byte, 11)); v.Size() != 8 {
		t.Errorf("%d bytes", v.Size())
	}
	for _, n := range []int64{-1, 0, 1 << 40} {
		if got, ok := mapi.Int64Value(n).Int(); !ok || got != n {
			t.Errorf("%d comes back as %d", n, got)
		}
	}
	if got, ok := mapi.Int16Value(-2).Int(); !ok || got != -2 {
		t.Errorf("%d", got)
	}
	if _, ok := mapi.StringValue("7").Int(); ok {
		t.Error("text is no number")
	}
	if _, ok := mapi.Int32Value(7).Time(); ok {
		t.Error("a number is no time")
	}
}

// shrinking is a blob that promises more than it holds.
type shrinking struct{ mapi.Bytes }

func (s shrinking) Open(ctx context.Context) (io.ReadCloser, error) { return s.Bytes.Open(ctx) }
func (s shrinking) Size() int64                                     { return 1 << 40 }

func TestBlobs(t *testing.T) {
	ctx := t.Context()
	section := mapi.Section{R: strings.NewReader("0123456789"), Off: 2, N: 5}
	for range 2 { // a blob opens again and again
		if b, err := mapi.ReadBlob(ctx, section, 5); err != nil || string(b) != "23456" {
			t.Errorf("%q %v", b, err)
		}
	}
	if _, err := mapi.ReadBlob(ctx, section, 4); !errors.Is(err, mapi.ErrTooLarge) {
		t.Errorf("%v", err)
	}
	if _, err := mapi.ReadBlob(ctx, shrinking{mapi.Bytes("x")}, 10); !errors.Is(err, mapi.ErrTooLarge) {
		t.Errorf("%v", err)
	}
	long := strings.Repeat("ä🚆", 100_000)
	v := mapi.BlobValue(mapi.TypeString, shrunk(mapi.EncodeUTF16(long)))
	r, err := v.OpenText(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if b, err := io.ReadAll(r); err != nil || string(b) != long {
		t.Errorf("%d bytes, want %d: %v", len(b), len(long), err)
	}
}

// shrunk is a blob that is not held in memory, as far as mapi can tell.
func shrunk(b []byte) mapi.Blob {
	return mapi.Section{R: bytes.NewReader(b), N: int64(len(b))}
}

func TestMethodOfAnAttachmentIsInferred(t *testing.T) {
	byValue := &mapi.Attachment{}
	byValue.Props.Set(mapi.PidTagAttachDataBinary, mapi.BinaryValue(nil))
	said := &mapi.Attachment{Embedded: &mapi.Message{}}
	said.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachByReference))
	for want, a := range map[int]*mapi.Attachment{
		mapi.AttachNone: {}, mapi.AttachByValue: byValue, mapi.AttachEmbedded: {Embedded: &mapi.Message{}},
		mapi.AttachOLE: {Storage: &mapi.Storage{}}, mapi.AttachByReference: said,
	} {
		if got := a.Method(); got != want {
			t.Errorf("%+v: %d, want %d", a, got, want)
		}
	}
}

func TestProblemsAreBoundedAndOneLine(t *testing.T) {
	var ps mapi.Problems
	for range 100_000 {
		ps.Add(mapi.Problem{Where: "a/b", Offset: 16, Field: "Count", Detail: "5 announced", Spec: "[MS-OXMSG] 2.4"})
	}
	ps.Add(mapi.Problem{Severe: true, Offset: -1, Detail: "the body is lost"})
	if len(ps) > 10_000 || !ps.Severe() {
		t.Errorf("%d problems, severe %v", len(ps), ps.Severe())
	}
	if s := ps[0].String(); strings.Contains(s, "\n") || !strings.Contains(s, "0x10") || !strings.Contains(s, "Count") {
		t.Errorf("%q", s)
	}
}

// FuzzUTF16 holds the streaming reader against the one in memory.
func FuzzUTF16(f *testing.F) {
	f.Add(mapi.EncodeUTF16("AW: Łódź → 東京 🚆"))
	f.Add([]byte{0x00, 0xD8, 0x41})
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := io.ReadAll(mapi.NewUTF16Reader(bytes.NewReader(b)))
		if err != nil || !utf8.Valid(got) {
			t.Fatalf("%q %v", got, err)
		}
		if want := mapi.DecodeUTF16(b); string(got) != want {
			t.Errorf("streamed %q, at once %q", got, want)
		}
		if s := string(got); len(b)%2 == 0 && !strings.Contains(s, "\uFFFD") && !bytes.Equal(mapi.EncodeUTF16(s), b) {
			t.Errorf("% x does not come back", b)
		}
	})
}

// UTF-16 is read four units at a time where it is ASCII, with the same outcome.
func TestDecodeUTF16InWords(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	kinds := [][]uint16{{'a', 'b', 0x7F, 0}, {'a', 'b', 'c', 'd', 'e', 0x80, 0xFF}, {'a', 0x100, 0x20AC}, {'a', 0xD83D, 0xDE00, 0xD800, 0xDC00}}
	for i := range 5000 {
		units := make([]uint16, r.IntN(24))
		for k := range units {
			kind := kinds[i%len(kinds)]
			units[k] = kind[r.IntN(len(kind))]
		}
		var b []byte
		for _, u := range units {
			b = binary.LittleEndian.AppendUint16(b, u)
		}
		want := string(utf16.Decode(units))
		if got := mapi.DecodeUTF16(b); got != want {
			t.Fatalf("% X is %q, want %q", b, got, want)
		}
		if got := mapi.DecodeUTF16(append(b, 'x')); got != want {
			t.Fatalf("% X and an odd byte is %q, want %q", b, got, want)
		}
		v := mapi.RawValue(mapi.TypeString, b)
		if got := string(v.AppendText([]byte("> "))); got != "> "+v.Text() {
			t.Fatalf("AppendText of % X is %q, Text %q", b, got, v.Text())
		}
		all, err := io.ReadAll(iotest.OneByteReader(mapi.NewUTF16Reader(iotest.HalfReader(bytes.NewReader(b)))))
		if err != nil || string(all) != want {
			t.Fatalf("read, % X is %q (%v), want %q", b, all, err, want)
		}
	}
}
