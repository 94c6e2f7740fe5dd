package tnef

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/mapitest"
)

func encode(t testing.TB, m *mapi.Message, o *EncodeOptions) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := Encode(context.Background(), &buf, m, o); err != nil {
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

func TestEveryPropertyComesBack(t *testing.T) {
	m := mapitest.WithoutStorages(mapitest.Sample())
	got, problems := decode(t, encode(t, m, nil), nil)
	wantClean(t, problems)
	wantEqual(t, m, got)
	if s := got.Props.Text(mapi.PidTagSenderName); s != "Jürgen" {
		t.Errorf("8-bit text reads %q", s)
	}
}

func TestEncodingIsTheSameEachTime(t *testing.T) {
	a := encode(t, mapitest.WithoutStorages(mapitest.Sample()), nil)
	b := encode(t, mapitest.WithoutStorages(mapitest.Sample()), nil)
	if !bytes.Equal(a, b) {
		t.Error("two encodings of one message differ")
	}
}

func TestEmptyMessage(t *testing.T) {
	got, problems := decode(t, encode(t, &mapi.Message{}, nil), nil)
	wantClean(t, problems)
	wantEqual(t, &mapi.Message{}, got)
}

func TestStorageGoesThroughTheFunctionsHandedIn(t *testing.T) {
	m := mapitest.Sample()
	file := append([]byte(nil), compoundFile...)
	file = append(file, mapitest.Large(70_000)...)
	b := encode(t, m, &EncodeOptions{Storage: func(_ context.Context, s *mapi.Storage) (mapi.Blob, error) { return mapi.Bytes(file), nil }})

	var want *mapi.Storage
	for _, a := range m.Attachments {
		if a.Storage != nil {
			want = a.Storage
		}
	}
	got, problems := decode(t, b, &Options{Storage: func(_ context.Context, r io.ReaderAt, size int64) (*mapi.Storage, error) {
		g, err := io.ReadAll(io.NewSectionReader(r, 0, size))
		if err != nil || !bytes.Equal(g, file) {
			t.Errorf("the compound file has changed: %d bytes, %v", len(g), err)
		}
		return want, nil
	}})
	wantClean(t, problems)
	wantEqual(t, m, got)

	// Without the function the file stays, and is written as it was.
	kept, _ := decode(t, b, nil)
	if v, ok := kept.Attachments[3].Props.Get(mapi.PidTagAttachDataObject); !ok || v.Size() != int64(len(file)) {
		t.Fatal("the compound file is not kept")
	}
	again, _ := decode(t, encode(t, kept, nil), nil)
	wantEqual(t, kept, again)
}

func TestStorageWithoutAFunctionIsALoss(t *testing.T) {
	var losses []mapi.Loss
	encode(t, mapitest.Sample(), &EncodeOptions{Loss: func(l mapi.Loss) { losses = append(losses, l) }})
	if len(losses) != 1 || losses[0].Reason != mapi.LossNoContainer {
		t.Errorf("losses: %v", losses)
	}
}

func TestSkipLeavesOnlyContentOut(t *testing.T) {
	m := mapitest.WithoutStorages(mapitest.Sample())
	b := encode(t, m, &EncodeOptions{Skip: func(i int, a *mapi.Attachment) bool { return i == 0 || i == 2 }})
	if len(b) > 450_000 {
		t.Errorf("%d bytes: the content was written", len(b))
	}
	got, problems := decode(t, b, nil)
	wantClean(t, problems)
	if got.Attachments[0].Data() != nil || got.Attachments[2].Embedded != nil {
		t.Error("content was written")
	}
	m.Attachments[0].Props.Delete(mapi.PidTagAttachDataBinary)
	m.Attachments[2].Embedded = nil
	wantEqual(t, m, got)
}

func TestBlobThatLiesAboutItsSizeIsAnError(t *testing.T) {
	for _, n := range []int64{10, 50_001} {
		m := &mapi.Message{}
		m.Props.Set(mapi.PidTagHtml, mapi.BlobValue(mapi.TypeBinary, liar{n}))
		if err := Encode(context.Background(), io.Discard, m, nil); err == nil {
			t.Errorf("a blob of 50000 bytes that says %d was written", n)
		}
	}
}

type liar struct{ n int64 }

func (l liar) Size() int64 { return l.n }
func (l liar) Open(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(make([]byte, 50_000))), nil
}

func TestCycleOfMessagesIsAnError(t *testing.T) {
	m := &mapi.Message{}
	m.Attachments = []*mapi.Attachment{{Embedded: m}}
	if err := Encode(context.Background(), io.Discard, m, nil); !errors.Is(err, mapi.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}

// stream builds TNEF by hand.
type stream struct{ b []byte }

func newStream() *stream {
	return &stream{[]byte{0x78, 0x9F, 0x3E, 0x22, 0x01, 0x00}}
}

func (s *stream) att(level byte, att attribute, data ...byte) *stream {
	s.b = append(s.b, level)
	s.b = binary.LittleEndian.AppendUint32(s.b, uint32(att))
	s.b = binary.LittleEndian.AppendUint32(s.b, uint32(len(data)))
	s.b = append(s.b, data...)
	var sum uint16
	for _, x := range data {
		sum += uint16(x)
	}
	s.b = binary.LittleEndian.AppendUint16(s.b, sum)
	return s
}

var rend = make([]byte, renddataSize)

func TestLegacyAttributesAlone(t *testing.T) {
	s := newStream().
		att(1, attTnefVersion, 0, 0, 1, 0).
		att(1, attMessageClass, []byte("IPM.Microsoft Schedule.MtgRespA\x00")...).
		att(1, attSubject, []byte("\xCF\xF0\xE8\xE2\xE5\xF2\x00")...).
		att(1, attPriority, 1, 0).
		att(1, attMessageStatus, 0x20).
		att(1, attDateSent, 0xD4, 0x07, 2, 0, 17, 0, 11, 0, 25, 0, 35, 0, 2, 0).
		att(1, attMessageID, []byte("757BB19C\x00")...).
		att(1, attFrom, append([]byte{4, 0, 36, 0, 4, 0, 16, 0}, "Ann\x00smtp:a@b.test\x00\x00\x00\x00"...)...).
		att(1, attOwner, append([]byte{2, 0, 'O', 0, 9, 0}, "SMTP:o@x\x00"...)...).
		att(1, attAidOwner, 5, 0, 0, 0).
		att(1, attRequestRes, 1, 0).
		att(1, attOemCodepage, 0xE3, 0x04, 0, 0, 0, 0, 0, 0). // stands after what it governs
		att(2, attAttachRenddata, append([]byte{1, 0, 7, 0, 0, 0}, rend[6:]...)...).
		att(2, attAttachData, 1, 2, 3).
		att(2, attAttachTitle, []byte("\xC0.TXT\x00")...)
	m, problems := decode(t, s.b, nil)
	if problems.Severe() {
		t.Error(problems)
	}
	for tag, want := range map[mapi.Tag]string{
		mapi.PidTagMessageClass:                     "IPM.Schedule.Meeting.Resp.Tent",
		mapi.PidTagSubject:                          "Привет",
		mapi.PidTagSenderName:                       "Ann",
		mapi.PidTagSenderAddressType:                "smtp",
		mapi.PidTagSenderEmailAddress:               "a@b.test",
		mapi.PidTagReceivedRepresentingEmailAddress: "o@x",
		mapi.PidTagReceivedRepresentingName:         "O",
	} {
		if got := m.Props.Text(tag); got != want {
			t.Errorf("%s: %q, want %q", tag.Canonical(), got, want)
		}
	}
	for tag, want := range map[mapi.Tag]int64{
		mapi.PidTagImportance: 2, mapi.PidTagMessageFlags: 3,
		mapi.PidTagOwnerAppointmentId: 5, mapi.PidTagResponseRequested: 1,
	} {
		if got, _ := m.Props.Int(tag); got != want {
			t.Errorf("%s: %d, want %d", tag.Canonical(), got, want)
		}
	}
	if got := m.Props.Time(mapi.PidTagClientSubmitTime).Format("2006-01-02T15:04:05Z07:00"); got != "2004-02-17T11:25:35Z" {
		t.Errorf("date %s", got)
	}
	if len(m.Attachments) != 1 {
		t.Fatalf("%d attachments", len(m.Attachments))
	}
	a := m.Attachments[0]
	if a.Props.Text(mapi.PidTagAttachFilename) != "А.TXT" || !bytes.Equal(a.Props.Bytes(mapi.PidTagAttachDataBinary), []byte{1, 2, 3}) || a.Method() != mapi.AttachByValue {
		t.Errorf("attachment: %v", a.Props)
	}
	if pos, _ := a.Props.Int(mapi.PidTagRenderingPosition); pos != 7 {
		t.Errorf("position %d", pos)
	}
}

func TestPropertyListWins(t *testing.T) {
	list := []byte{1, 0, 0, 0, 0x1E, 0, 0x37, 0, 1, 0, 0, 0, 3, 0, 0, 0, 'o', 'k', 0, 0}
	s := newStream().att(1, attMsgProps, list...).att(1, attSubject, []byte("old\x00")...)
	m, problems := decode(t, s.b, nil)
	wantClean(t, problems)
	if got := m.Props.Text(mapi.PidTagSubject); got != "ok" || len(m.Props) != 1 {
		t.Errorf("subject %q of %v", got, m.Props)
	}
}

func TestT29LongNamesWin(t *testing.T) {
	a := &mapi.Attachment{}
	a.Props.Set(mapi.PidTagAttachLongFilename, mapi.StringValue("a long name.txt"))
	a.Props.Set(mapi.PidTagAttachDataBinary, mapi.BinaryValue([]byte("x")))
	m := &mapi.Message{Attachments: []*mapi.Attachment{a}}
	got, _ := decode(t, encode(t, m, nil), nil)
	wantEqual(t, m, got)
}

func TestT29BadChecksumIsAWarning(t *testing.T) {
	b := encode(t, mapitest.WithoutStorages(mapitest.Sample()), nil)
	m, _ := decode(t, b, nil)
	b[len(b)-1] ^= 0xFF
	got, problems := decode(t, b, nil)
	if len(problems) != 1 || problems.Severe() || problems[0].Field != "attrChecksum" {
		t.Errorf("problems: %v", problems)
	}
	wantEqual(t, m, got)
}

func TestT29TruncatedStreamGivesWhatIsThere(t *testing.T) {
	b := encode(t, mapitest.WithoutStorages(mapitest.Sample()), nil)
	for n := 20; n < len(b); n += 1 + n/7 {
		m, problems, err := Decode(context.Background(), bytes.NewReader(b[:n]), int64(n), nil)
		if err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		if n > 2000 && (m.Class() != "IPM.Note" || len(problems) == 0) {
			t.Errorf("%d bytes: class %q, problems %v", n, m.Class(), problems)
		}
	}
	// Half an attachment is half its content.
	cut := b[:len(b)/2]
	m, problems := decode(t, cut, nil)
	if !problems.Severe() || len(m.Attachments) == 0 {
		t.Errorf("%d attachments, problems %v", len(m.Attachments), problems)
	}
}

func TestNotTNEF(t *testing.T) {
	for _, s := range []string{"", "x", "From: a@b.test\r\n\r\nhello", "\x78\x9F\x3E\x22\x01\x00", "\x78\x9F\x3E\x22\x01\x00no attribute"} {
		_, _, err := Decode(context.Background(), bytes.NewReader([]byte(s)), int64(len(s)), nil)
		var fe *mapi.FormatError
		if !errors.As(err, &fe) || fe.Format != "tnef" {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestDeepNestingEnds(t *testing.T) {
	m := &mapi.Message{}
	m.Props.Set(mapi.PidTagSubject, mapi.StringValue("core"))
	for range maxDepth {
		m = &mapi.Message{Attachments: []*mapi.Attachment{{Embedded: m}}}
	}
	got, problems := decode(t, encode(t, m, nil), nil)
	wantClean(t, problems)
	wantEqual(t, m, got)
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	b := encode(t, mapitest.WithoutStorages(mapitest.Sample()), nil)
	if _, _, err := Decode(ctx, bytes.NewReader(b), int64(len(b)), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Decode: %v", err)
	}
}

// failing is a source with a bad block.
type failing struct{ io.ReaderAt }

func (f failing) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > 3000 {
		return 0, errors.New("bad block")
	}
	return f.ReaderAt.ReadAt(p, off)
}

func TestFailureOfTheSourceIsAnError(t *testing.T) {
	b := encode(t, mapitest.WithoutStorages(mapitest.Sample()), nil)
	_, _, err := Decode(context.Background(), failing{bytes.NewReader(b)}, int64(len(b)), nil)
	if err == nil {
		t.Error("a read error was taken for damage")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encode(f, mapitest.WithoutStorages(mapitest.Sample()), nil))
	f.Add(encode(f, &mapi.Message{Props: mapitest.EveryType(0x6000)}, nil))
	f.Add(newStream().att(1, attFrom, 4, 0, 36, 0, 4, 0, 16, 0).att(2, attAttachRenddata, rend...).att(2, attAttachData, 1).b)
	f.Fuzz(func(t *testing.T, b []byte) {
		m, _, err := Decode(context.Background(), bytes.NewReader(b), int64(len(b)), nil)
		if err != nil {
			return
		}
		// What was read can be written, and reads the same.
		again, _ := decode(t, encode(t, m, nil), &Options{})
		wantEqual(t, m, again)
	})
}
