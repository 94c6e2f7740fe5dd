package msg

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/codepage"
	"github.com/mailconv/mailconv/mapi/mapitest"
	"github.com/mailconv/mailconv/msg/cfb"
)

func str8(raw string) mapi.Value { return mapi.RawValue(mapi.TypeString8, []byte(raw)) }

// TestT01CodePage writes text in code pages and expects exact Unicode.
func TestT01CodePage(t *testing.T) {
	for _, c := range []struct {
		name           string
		codePage, lcid int32 // 0: not stored
		html           int32 // PidTagInternetCodepage
		override       int
		raw, want      string
	}{
		{"Cyrillic", 1251, 0, 0, 0, "\xCF\xF0\xE8\xE2\xE5\xF2", "Привет"},
		{"Greek", 1253, 0, 0, 0, "\xC3\xE5\xE9\xDC", "Γειά"},
		{"Hebrew", 1255, 0, 0, 0, "\xF9\xEC\xE5\xED", "שלום"},
		{"Japanese", 932, 0, 0, 0, "\x93\xFA\x96\x7B\x8C\xEA", "日本語"},
		{"from the locale", 0, 0x0419, 0, 0, "\xCF\xF0\xE8\xE2\xE5\xF2", "Привет"},
		{"the code page goes before the locale", 1253, 0x0419, 0, 0, "\xC3\xE5\xE9\xDC", "Γειά"},
		{"nothing stored", 0, 0, 0, 0, "caf\xE9", "café"},
		{"the code page of the HTML body is not asked", 0, 0, 50220, 0, "caf\xE9", "café"},
		{"override", 1252, 0, 0, 1251, "\xCF\xF0\xE8\xE2\xE5\xF2", "Привет"},
		{"unknown code page", 29999, 0, 0, 0, "caf\xE9", "café"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := new(mapi.Message)
			m.Props.Set(mapi.PidTagSubject, str8(c.raw))
			if c.codePage != 0 {
				m.Props.Set(mapi.PidTagMessageCodepage, mapi.Int32Value(c.codePage))
			}
			if c.lcid != 0 {
				m.Props.Set(mapi.PidTagMessageLocaleId, mapi.Int32Value(c.lcid))
			}
			if c.html != 0 {
				m.Props.Set(mapi.PidTagInternetCodepage, mapi.Int32Value(c.html))
			}
			r := new(mapi.Recipient)
			r.Props.Set(mapi.PidTagDisplayName, str8(c.raw))
			m.Recipients = append(m.Recipients, r)
			a := new(mapi.Attachment)
			a.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachByValue))
			a.Props.Set(mapi.PidTagAttachLongFilename, str8(c.raw))
			a.Props.Set(mapi.PidTagAttachDataBinary, mapi.BinaryValue([]byte("x")))
			m.Attachments = append(m.Attachments, a)
			m.Props.SetName(mapi.Name{Set: mapi.PSPublicStrings, Name: "Keywords"}, mapi.MultiValue(mapi.TypeMultipleString8, [][]byte{[]byte(c.raw)}))

			b := encode(t, m, nil)
			f, err := NewReader(bytes.NewReader(b), int64(len(b)), &Options{CodePage: c.override})
			if err != nil {
				t.Fatal(err)
			}
			kw, _ := f.Message.Props.GetName(mapi.Name{Set: mapi.PSPublicStrings, Name: "Keywords"})
			for _, got := range []string{
				f.Message.Props.Text(mapi.PidTagSubject), f.Message.Recipients[0].Props.Text(mapi.PidTagDisplayName),
				f.Message.Attachments[0].Props.Text(mapi.PidTagAttachLongFilename), kw.Texts()[0],
			} {
				if got != c.want {
					t.Errorf("%q, want %q", got, c.want)
				}
			}
			if _, known := codepage.Get(int(c.codePage)); c.codePage != 0 && !known != (len(f.Problems) > 0) {
				t.Errorf("problems: %v", f.Problems)
			}
		})
	}
}

func TestT10ContentIDSurvives(t *testing.T) {
	const id = "image001.png@01D719B4.37AF4500"
	m := new(mapi.Message)
	a := new(mapi.Attachment)
	a.Props.Set(mapi.PidTagAttachContentId, mapi.StringValue(id))
	a.Props.Set(mapi.PidTagAttachDataBinary, mapi.BinaryValue([]byte("png")))
	m.Attachments = append(m.Attachments, a)
	Complete(m)
	f := decode(t, encode(t, m, nil))
	expectNoProblems(t, f)
	if got := f.Message.Attachments[0].Props.Text(mapi.PidTagAttachContentId); got != id {
		t.Errorf("%q", got)
	}
}

// TestT11TrailingZeros: text is without the zeros, the bytes keep them.
func TestT11TrailingZeros(t *testing.T) {
	m := new(mapi.Message)
	m.Props.Set(mapi.PidTagSubject, mapi.StringValue("subject\x00\x00"))
	m.Props.Set(mapi.PidTagSenderName, str8("sender\x00"))
	f := decode(t, encode(t, m, nil))
	if s := f.Message.Props.Text(mapi.PidTagSubject); s != "subject" {
		t.Errorf("%q", s)
	}
	if s := f.Message.Props.Text(mapi.PidTagSenderName); s != "sender" {
		t.Errorf("%q", s)
	}
	expectEqual(t, m, f.Message)
}

// rewrite changes the tree of a message before it becomes a file.
func rewrite(t *testing.T, m *mapi.Message, change func(root *mapi.Storage)) *File {
	t.Helper()
	root, err := Storage(m)
	if err != nil {
		t.Fatal(err)
	}
	change(root)
	var b bytes.Buffer
	if err := cfb.Write(context.Background(), &b, root, nil); err != nil {
		t.Fatal(err)
	}
	return decode(t, b.Bytes())
}

func findStorage(st *mapi.Storage, name string) *mapi.Storage {
	for _, s := range st.Storages {
		if s.Name == name {
			return s
		}
	}
	return nil
}

func removeStream(st *mapi.Storage, name string) {
	kept := st.Streams[:0]
	for _, s := range st.Streams {
		if s.Name != name {
			kept = append(kept, s)
		}
	}
	st.Streams = kept
}

func expectProblem(t *testing.T, f *File, severe bool, want string) {
	t.Helper()
	for _, p := range f.Problems {
		if strings.Contains(p.String(), want) && p.Severe == severe {
			return
		}
	}
	t.Errorf("no problem (severe: %v) says %q: %v", severe, want, f.Problems)
}

func TestT14AttachmentMethodInferred(t *testing.T) {
	inner := new(mapi.Message)
	inner.Props.Set(mapi.PidTagSubject, mapi.StringValue("inner"))
	m := &mapi.Message{Attachments: []*mapi.Attachment{
		{Props: mapi.Properties{{Tag: mapi.PidTagAttachDataBinary, Value: mapi.BinaryValue([]byte("abc"))}}},
		{Embedded: inner},
		{Storage: &mapi.Storage{Streams: []mapi.Stream{{Name: "CONTENTS", Data: mapi.Bytes("ole")}}}},
		{Props: mapi.Properties{{Tag: mapi.PidTagAttachMethod, Value: mapi.Int32Value(mapi.AttachByValue)}}, Embedded: inner},
		{Props: mapi.Properties{{Tag: mapi.PidTagAttachMethod, Value: mapi.Int32Value(mapi.AttachByValue)}}},
	}}
	f := decode(t, encode(t, m, nil))
	got := f.Message.Attachments
	if len(got) != 5 {
		t.Fatalf("%d attachments", len(got))
	}
	for i, want := range []int{mapi.AttachByValue, mapi.AttachEmbedded, mapi.AttachOLE} {
		if got[i].Method() != want {
			t.Errorf("attachment %d: method %d, want %d", i, got[i].Method(), want)
		}
	}
	if got[3].Embedded == nil {
		t.Error("a wrong method hides the embedded message")
	}
	expectProblem(t, f, false, "PidTagAttachMethod: missing")
	expectProblem(t, f, false, "holds a message")
	expectProblem(t, f, true, "has no content")
	expectEqual(t, m, f.Message)

	t.Run("no property stream", func(t *testing.T) {
		f := rewrite(t, m, func(root *mapi.Storage) {
			removeStream(findStorage(root, prefixAttach+"00000000"), nameProperties)
		})
		a := f.Message.Attachments[0]
		if a.Method() != mapi.AttachByValue || string(a.Props.Bytes(mapi.PidTagAttachDataBinary)) != "abc" {
			t.Errorf("method %d, %v", a.Method(), a.Props)
		}
		expectProblem(t, f, true, "only properties with a stream")
	})
}

func TestT15AnyClassIsRead(t *testing.T) {
	for _, class := range []string{"IPM", "IPM.Unknown.Thing", "", "REPORT.IPM.Note.NDR"} {
		m := new(mapi.Message)
		m.Props.Set(mapi.PidTagMessageClass, mapi.StringValue(class))
		f := decode(t, encode(t, m, nil))
		expectNoProblems(t, f)
		if f.Message.Class() != class {
			t.Errorf("%q became %q", class, f.Message.Class())
		}
	}
}

// TestT16EmbeddedStandsAlone: a message out of another opens by itself, with
// its named properties.
func TestT16EmbeddedStandsAlone(t *testing.T) {
	f := decode(t, encode(t, mapitest.Sample(), nil))
	n := 0
	var each func(m *mapi.Message)
	each = func(m *mapi.Message) {
		for _, a := range m.Attachments {
			if a.Embedded == nil {
				continue
			}
			n++
			alone := decode(t, encode(t, a.Embedded, nil))
			expectNoProblems(t, alone)
			expectEqual(t, a.Embedded, alone.Message)
			each(a.Embedded)
		}
	}
	each(f.Message)
	if n != 2 {
		t.Errorf("%d embedded messages", n)
	}
}

func TestT17NameSourcesSurvive(t *testing.T) {
	m := new(mapi.Message)
	for _, tag := range []mapi.Tag{mapi.PidTagAttachLongFilename, mapi.PidTagAttachFilename, mapi.PidTagDisplayName, mapi.PidTagAttachMimeTag} {
		a := new(mapi.Attachment)
		a.Props.Set(tag, mapi.StringValue("only this"))
		a.Props.Set(mapi.PidTagAttachDataBinary, mapi.BinaryValue([]byte("x")))
		m.Attachments = append(m.Attachments, a)
	}
	f := decode(t, encode(t, m, nil))
	expectEqual(t, m, f.Message)
}

func TestT18ZeroByteAttachment(t *testing.T) {
	m := new(mapi.Message)
	a := new(mapi.Attachment)
	a.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachByValue))
	a.Props.Set(mapi.PidTagAttachLongFilename, mapi.StringValue("empty.png"))
	a.Props.Set(mapi.PidTagAttachDataBinary, mapi.BinaryValue(nil))
	m.Attachments = append(m.Attachments, a)
	check := func(f *File) {
		t.Helper()
		expectNoProblems(t, f)
		if d := f.Message.Attachments[0].Data(); d == nil || d.Size() != 0 {
			t.Errorf("content %v", d)
		}
	}
	check(decode(t, encode(t, m, nil)))
	// Writers may leave the empty stream out.
	check(rewrite(t, m, func(root *mapi.Storage) {
		removeStream(findStorage(root, prefixAttach+"00000000"), hexName(prefixSubstg, uint32(mapi.PidTagAttachDataBinary)))
	}))
}

func TestDamagedMessages(t *testing.T) {
	m := mapitest.Sample()
	root := func(change func(root *mapi.Storage)) *File { return rewrite(t, m, change) }
	props := func(st *mapi.Storage) *mapi.Stream {
		for i := range st.Streams {
			if st.Streams[i].Name == nameProperties {
				return &st.Streams[i]
			}
		}
		return nil
	}
	t.Run("property stream cut in an entry", func(t *testing.T) {
		f := root(func(st *mapi.Storage) {
			p := props(st)
			p.Data = p.Data.(mapi.Bytes)[:headerRoot+5*entrySize+7]
		})
		expectProblem(t, f, false, "after the last whole entry")
		if got := f.Message.Props.Text(mapi.PidTagSubject); got != m.Props.Text(mapi.PidTagSubject) {
			t.Errorf("subject %q", got)
		}
		if v, ok := f.Message.Props.Get(mapi.PidTagHtml); !ok || v.Size() != 100_003 {
			t.Error("a property whose entry is cut off is not found by its stream")
		}
	})
	t.Run("property stream cut in its header", func(t *testing.T) {
		f := root(func(st *mapi.Storage) { props(st).Data = mapi.Bytes("abc") })
		expectProblem(t, f, true, "ends in its header")
		if f.Message.Props.Text(mapi.PidTagSubject) == "" {
			t.Error("the subject is lost")
		}
	})
	t.Run("missing body stream", func(t *testing.T) {
		f := root(func(st *mapi.Storage) { removeStream(st, hexName(prefixSubstg, uint32(mapi.PidTagBody))) })
		expectProblem(t, f, true, "1000001F: Size: the stream is missing")
	})
	t.Run("missing recipients", func(t *testing.T) {
		f := root(func(st *mapi.Storage) { st.Storages = st.Storages[1:] })
		expectProblem(t, f, true, "Recipient Count: 3 announced, 2 found")
	})
	t.Run("embedded message with the header of a file", func(t *testing.T) {
		f := root(func(st *mapi.Storage) {
			p := props(findStorage(findStorage(st, prefixAttach+"00000002"), "__substg1.0_3701000D"))
			b := p.Data.(mapi.Bytes)
			p.Data = mapi.Bytes(bytes.Join([][]byte{b[:headerEmbedded], make([]byte, 8), b[headerEmbedded:]}, nil))
		})
		expectEqual(t, m, f.Message)
	})
	t.Run("names without a mapping", func(t *testing.T) {
		f := root(func(st *mapi.Storage) {
			kept := st.Storages[:0]
			for _, s := range st.Storages {
				if s.Name != nameNameID {
					kept = append(kept, s)
				}
			}
			st.Storages = kept
		})
		n := 0
		for _, p := range f.Message.Props {
			if p.Name != nil {
				t.Errorf("%v has a name", p)
			}
			if p.Tag.Named() {
				n++
			}
		}
		if n != 5 {
			t.Errorf("%d properties from 0x8000 on, want 5", n)
		}
	})
	t.Run("mapping points outside", func(t *testing.T) {
		f := root(func(st *mapi.Storage) {
			for i, s := range findStorage(st, nameNameID).Streams {
				switch s.Name {
				case hexName(prefixSubstg, uint32(tagGUIDStream)):
					findStorage(st, nameNameID).Streams[i].Data = mapi.Bytes(nil)
				case hexName(prefixSubstg, uint32(tagStringStream)):
					findStorage(st, nameNameID).Streams[i].Data = s.Data.(mapi.Bytes)[:6]
				}
			}
		})
		expectProblem(t, f, false, "GUID Index")
		expectProblem(t, f, false, "String Offset")
	})
	t.Run("lower-case names", func(t *testing.T) {
		f := root(func(st *mapi.Storage) {
			var lower func(st *mapi.Storage)
			lower = func(st *mapi.Storage) {
				for i := range st.Streams {
					if strings.HasPrefix(st.Streams[i].Name, prefixSubstg) {
						st.Streams[i].Name = strings.ToLower(st.Streams[i].Name)
					}
				}
				for _, s := range st.Storages {
					lower(s)
				}
			}
			lower(st)
		})
		expectEqual(t, m, f.Message)
	})
}

func TestNoMessage(t *testing.T) {
	var doc bytes.Buffer
	if err := cfb.Write(context.Background(), &doc, &mapi.Storage{Streams: []mapi.Stream{{Name: "WordDocument", Data: mapi.Bytes("x")}}}, nil); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, c := range []struct {
		name        string
		content     []byte
		unsupported bool
		want        string
	}{
		{"empty.msg", nil, false, "the file is empty"},
		{"text.msg", []byte("From: a@example.test\r\n\r\nhello"), false, "not a compound file"},
		{"doc.msg", doc.Bytes(), true, "no message"},
	} {
		name := filepath.Join(dir, c.name)
		if err := os.WriteFile(name, c.content, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Open(name, nil)
		var fe *mapi.FormatError
		if !errors.As(err, &fe) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.name) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", c.name, err)
		}
		if errors.Is(err, mapi.ErrUnsupported) != c.unsupported {
			t.Errorf("%s: unsupported is told from broken wrongly: %v", c.name, err)
		}
	}
	if _, err := Open(dir, nil); err == nil || !strings.Contains(err.Error(), "is a folder") {
		t.Errorf("folder: %v", err)
	}
	if _, err := Open(filepath.Join(dir, "none.msg"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
}

func TestNestingIsBounded(t *testing.T) {
	nest := func(n int) *mapi.Message {
		m := new(mapi.Message)
		for range n {
			m = &mapi.Message{Attachments: []*mapi.Attachment{{Embedded: m}}}
		}
		return m
	}
	f := decode(t, encode(t, nest(maxDepth), nil))
	expectEqual(t, nest(maxDepth), f.Message)
	if err := Write(t.Context(), io.Discard, nest(maxDepth+1), nil); err == nil {
		t.Error("deeper messages are written than can be read")
	}
}

// TestNumbersWithoutName: an identifier that had no mapping keeps its number,
// and no name gets it.
func TestNumbersWithoutName(t *testing.T) {
	m := new(mapi.Message)
	for i := range 4 {
		m.Props.SetName(mapi.Name{Set: mapi.PSETIDCommon, ID: uint32(0x8500 + i)}, mapi.Int32Value(int32(i)))
	}
	for _, id := range []uint16{0x8000, 0x8002, 0xFFFE} {
		m.Props = append(m.Props, mapi.Property{Tag: mapi.NewTag(id, mapi.TypeInteger32), Value: mapi.Int32Value(int32(id))})
	}
	f := decode(t, encode(t, m, nil))
	expectNoProblems(t, f)
	expectEqual(t, m, f.Message)
}

func TestTemplate(t *testing.T) {
	f := decode(t, encode(t, mapitest.Sample(), &WriteOptions{CLSID: CLSIDTemplate}))
	if f.CLSID != CLSIDTemplate {
		t.Errorf("%v", f.CLSID)
	}
}

// TestHashBuckets: the bucket of a name follows from the formula of
// [MS-OXMSG] 2.2.3.2.
func TestHashBuckets(t *testing.T) {
	m := new(mapi.Message)
	num := mapi.Name{Set: mapi.PSETIDTask, ID: 0x8102}
	text := mapi.Name{Set: mapi.PSPublicStrings, Name: "Keywords"}
	m.Props.SetName(num, mapi.Int32Value(1))
	m.Props.SetName(text, mapi.MultiStringValue([]string{"a"}))
	root, err := Storage(m)
	if err != nil {
		t.Fatal(err)
	}
	bucket := func(hash uint32, kind uint32) []byte {
		name := hexName(prefixSubstg, (0x1000+(hash^kind)%0x1F)<<16|0x0102)
		for _, s := range findStorage(root, nameNameID).Streams {
			if s.Name == name {
				return s.Data.(mapi.Bytes)
			}
		}
		return nil
	}
	le := binary.LittleEndian
	if b := bucket(0x8102, 3<<1); !bytes.Contains(b, le.AppendUint32(le.AppendUint32(nil, 0x8102), 3<<1)) {
		t.Errorf("number: %X", b)
	}
	// The CRC of "Keywords" as files of Outlook have it.
	const crc = 0x2EDA4D3B
	if got := nameHash(text, mapi.EncodeUTF16(text.Name)); got != crc {
		t.Errorf("CRC 0x%08X", got)
	}
	lower := mapi.Name{Set: mapi.PSInternetHeaders, Name: "x-mailer"}
	upper := mapi.Name{Set: mapi.PSInternetHeaders, Name: "X-Mailer"}
	if nameHash(upper, mapi.EncodeUTF16(upper.Name)) != nameHash(lower, mapi.EncodeUTF16(lower.Name)) {
		t.Error("header names are hashed with their case")
	}
	if b := bucket(crc, 2<<1|1); !bytes.Contains(b, le.AppendUint32(le.AppendUint32(nil, crc), 1<<16|2<<1|1)) {
		t.Errorf("string: %X", b)
	}
}

func TestCompleteIsStable(t *testing.T) {
	m := new(mapi.Message)
	m.Props.Set(mapi.PidTagSubject, mapi.StringValue("AW: Grüße"))
	r := new(mapi.Recipient)
	r.Props.Set(mapi.PidTagSmtpAddress, mapi.StringValue("zoe@example.test"))
	m.Recipients = append(m.Recipients, r)
	Complete(m)
	for tag, want := range map[mapi.Tag]string{
		mapi.PidTagSubjectPrefix: "AW: ", mapi.PidTagNormalizedSubject: "Grüße", mapi.PidTagConversationTopic: "Grüße",
		mapi.PidTagDisplayTo: "zoe@example.test", mapi.PidTagMessageClass: "IPM.Note",
	} {
		if v, ok := m.Props.Get(tag); !ok || v.Text() != want {
			t.Errorf("%v: %q, want %q", tag.Canonical(), v.Text(), want)
		}
	}
	for _, tag := range []mapi.Tag{mapi.PidTagClientSubmitTime, mapi.PidTagMessageDeliveryTime, mapi.PidTagCreationTime, mapi.PidTagLastModificationTime} {
		if _, ok := m.Props.Get(tag); ok {
			t.Errorf("%v is made up", tag.Canonical())
		}
	}
	for _, p := range m.Props {
		if p.Value.Type() == mapi.TypeString && p.Value.Size() == 0 {
			t.Errorf("%v is empty, which [MS-OXMSG] 2.4.2.2 forbids", p)
		}
	}
	before := m.Props.Clone()
	Complete(m)
	for _, d := range mapitest.DiffProperties(before, m.Props) {
		t.Errorf("completed again: %s", d)
	}
}

// TestTwins: a property that stands twice is kept once; where two numbers have
// one name, the second keeps its number.
func TestTwins(t *testing.T) {
	m := new(mapi.Message)
	for i := range 3 {
		m.Props.SetName(mapi.Name{Set: mapi.PSETIDCommon, ID: uint32(0x8500 + i)}, mapi.Int32Value(int32(i)))
	}
	f := rewrite(t, m, func(root *mapi.Storage) {
		for i, s := range root.Streams {
			if s.Name == nameProperties {
				b := s.Data.(mapi.Bytes)
				root.Streams[i].Data = mapi.Bytes(append(bytes.Clone(b), b[headerRoot:headerRoot+entrySize]...))
			}
		}
		names := findStorage(root, nameNameID)
		for i, s := range names.Streams {
			if s.Name == hexName(prefixSubstg, uint32(tagEntryStream)) {
				b := bytes.Clone(s.Data.(mapi.Bytes))
				binary.LittleEndian.PutUint32(b[8:], 0x8500)
				names.Streams[i].Data = mapi.Bytes(b)
			}
		}
	})
	expectProblem(t, f, false, "80000003 stands twice")
	expectProblem(t, f, false, "80010003 has the name of another")
	if v, _ := f.Message.Props.Int(0x80010003); len(f.Message.Props) != 3 || v != 1 {
		t.Errorf("%v", f.Message.Props)
	}
}

func TestOddListElements(t *testing.T) {
	m := new(mapi.Message)
	m.Props.Set(mapi.NewTag(0x6601, mapi.TypeMultipleString), mapi.MultiValue(mapi.TypeMultipleString, [][]byte{{'a', 0, 'b'}, {0}, {'c', 0, 0, 0}, nil}))
	f := decode(t, encode(t, m, nil))
	expectNoProblems(t, f)
	expectEqual(t, m, f.Message)
}

// TestAttachmentReferences: an attachment that only points somewhere has no
// content, and that is no damage.
func TestAttachmentReferences(t *testing.T) {
	m := new(mapi.Message)
	for _, method := range []int32{mapi.AttachByReference, mapi.AttachByRefResolve, mapi.AttachByRefOnly, mapi.AttachByWebReference} {
		a := new(mapi.Attachment)
		a.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(method))
		a.Props.Set(mapi.PidTagAttachLongPathname, mapi.StringValue(`\\server\share\plan.xlsx`))
		m.Attachments = append(m.Attachments, a)
	}
	f := decode(t, encode(t, m, nil))
	expectNoProblems(t, f)
	expectEqual(t, m, f.Message)
}

// TestSharedNames: many entries of the mapping share one long string. What
// they take of memory is bounded.
func TestSharedNames(t *testing.T) {
	m := new(mapi.Message)
	m.Props.SetName(mapi.Name{Set: mapi.PSPublicStrings, Name: "x"}, mapi.Int32Value(1))
	long := mapi.EncodeUTF16(strings.Repeat("x", 200_000))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f := rewrite(t, m, func(root *mapi.Storage) {
		names := findStorage(root, nameNameID)
		for i, s := range names.Streams {
			switch s.Name {
			case hexName(prefixSubstg, uint32(tagEntryStream)):
				var b []byte
				for k := range 20_000 {
					b = binary.LittleEndian.AppendUint32(b, 0)
					b = binary.LittleEndian.AppendUint32(b, uint32(k)<<16|guidPublic<<1|1)
				}
				names.Streams[i].Data = mapi.Bytes(b)
			case hexName(prefixSubstg, uint32(tagStringStream)):
				names.Streams[i].Data = mapi.Bytes(append(binary.LittleEndian.AppendUint32(nil, uint32(len(long))), long...))
			}
		}
	})
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 64<<20 {
		t.Errorf("%d MiB allocated", n>>20)
	}
	expectProblem(t, f, false, "String Offset")
}
