package mapitest

import (
	"bytes"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/codepage"
)

// Sample makes a message that has everything which a codec can meet: each
// property type, named properties of both kinds, an identifier without a
// mapping, text in a code page and damaged text, values above
// [mapi.InlineLimit], recipients, attachments by value, a message within a
// message within the message, and a storage.
func Sample() *mapi.Message {
	cs, _ := codepage.Get(1252)
	date := time.Date(2024, 2, 29, 13, 7, 11, 123456700, time.UTC)
	m := &mapi.Message{}
	p := &m.Props
	p.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Note"))
	p.Set(mapi.PidTagSubject, mapi.StringValue("Prüfung: 𝒂𝒃𝒄 日本"))
	p.Set(mapi.PidTagImportance, mapi.Int32Value(2))
	p.Set(mapi.PidTagClientSubmitTime, mapi.TimeValue(date))
	p.Set(mapi.PidTagLastModificationTime, mapi.TimeValue(date.Add(time.Hour)))
	p.Set(mapi.PidTagSearchKey, mapi.BinaryValue([]byte{1, 2, 3, 0xFE}))
	p.Set(mapi.PidTagBody, mapi.StringValue("Erste Zeile\r\nzweite Zeile\r\n"))
	p.Set(mapi.PidTagHtml, mapi.BlobValue(mapi.TypeBinary, Large(100_003)))
	p.Set(mapi.PidTagSenderName, mapi.RawValue(mapi.TypeString8, []byte("J\xFCrgen")).WithCharset(cs))
	p.Set(mapi.PidTagTransportMessageHeaders, mapi.BlobValue(mapi.TypeString, Large(80_000)))
	*p = append(*p, EveryType(0x6600)...)

	p.SetName(mapi.Name{Set: mapi.PSETIDCommon, ID: 0x8503}, mapi.BoolValue(true))
	p.SetName(mapi.Name{Set: mapi.PSPublicStrings, Name: "Keywords"}, mapi.MultiStringValue([]string{"rot", "", "grün"}))
	p.SetName(mapi.Name{Set: mapi.PSInternetHeaders, Name: "x-mailer"}, mapi.StringValue("x"))
	p.SetName(mapi.Name{Set: mapi.PSETIDAppointment, ID: 0x820D}, mapi.TimeValue(date))
	unmapped := mapi.NewTag(0x8123, mapi.TypeString)
	*p = append(*p, mapi.Property{Tag: unmapped, Value: mapi.StringValue("no mapping")})

	for i, name := range []string{"Ä. Empfänger", "B", "C"} {
		r := &mapi.Recipient{}
		r.Props.Set(mapi.PidTagRowid, mapi.Int32Value(int32(i)))
		r.Props.Set(mapi.PidTagRecipientType, mapi.Int32Value(int32(i+1)))
		r.Props.Set(mapi.PidTagDisplayName, mapi.StringValue(name))
		r.Props.Set(mapi.PidTagAddressType, mapi.StringValue("SMTP"))
		r.Props.Set(mapi.PidTagEmailAddress, mapi.StringValue("a@example.test"))
		r.Props.SetName(mapi.Name{Set: mapi.PSPublicStrings, Name: "note"}, mapi.Int32Value(int32(i)))
		m.Recipients = append(m.Recipients, r)
	}

	file := &mapi.Attachment{}
	file.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachByValue))
	file.Props.Set(mapi.PidTagAttachNumber, mapi.Int32Value(0))
	file.Props.Set(mapi.PidTagRenderingPosition, mapi.Int32Value(-1))
	file.Props.Set(mapi.PidTagAttachLongFilename, mapi.StringValue("Größe & Länge.bin"))
	file.Props.Set(mapi.PidTagAttachFilename, mapi.StringValue("GREUND~1.BIN"))
	file.Props.Set(mapi.PidTagAttachRendering, mapi.BinaryValue([]byte("metafile")))
	file.Props.Set(mapi.PidTagAttachDataBinary, mapi.BlobValue(mapi.TypeBinary, Large(200_001)))
	file.Props.SetName(mapi.Name{Set: mapi.PSETIDAttachment, Name: "AttachmentPermissionType"}, mapi.Int32Value(2))

	empty := &mapi.Attachment{}
	empty.Props.Set(mapi.PidTagAttachLongFilename, mapi.StringValue("empty.txt"))
	empty.Props.Set(mapi.PidTagAttachDataBinary, mapi.BinaryValue(nil))

	inner := &mapi.Message{}
	inner.Props.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Appointment"))
	inner.Props.Set(mapi.PidTagSubject, mapi.StringValue("innerste"))
	inner.Props.SetName(mapi.Name{Set: mapi.PSETIDCommon, ID: 0x8503}, mapi.BoolValue(false))
	inner.Recipients = append(inner.Recipients, &mapi.Recipient{Props: mapi.Properties{
		{Tag: mapi.PidTagDisplayName, Value: mapi.StringValue("D")},
	}})

	middle := &mapi.Message{}
	middle.Props.Set(mapi.PidTagMessageClass, mapi.StringValue("REPORT.IPM.Note.NDR"))
	middle.Props.Set(mapi.PidTagBody, mapi.BlobValue(mapi.TypeString, Large(70_000)))
	within := &mapi.Attachment{Embedded: inner}
	within.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachEmbedded))
	within.Props.Set(mapi.PidTagDisplayName, mapi.StringValue("innerste"))
	middle.Attachments = append(middle.Attachments, within)

	embedded := &mapi.Attachment{Embedded: middle}
	embedded.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachEmbedded))
	embedded.Props.Set(mapi.PidTagAttachNumber, mapi.Int32Value(2))

	ole := &mapi.Attachment{Storage: &mapi.Storage{
		CLSID: mapi.MustGUID("00020810-0000-0000-C000-000000000046"), State: 7,
		Streams: []mapi.Stream{{Name: "\x01CompObj", Data: mapi.Bytes("object")}, {Name: "Workbook", Data: Large(50_000)}},
		Storages: []*mapi.Storage{{
			Name: "Ordner", Created: 1, Modified: 2,
			Streams: []mapi.Stream{{Name: "leer", Data: mapi.Bytes(nil)}},
		}},
	}}
	ole.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachOLE))

	m.Attachments = append(m.Attachments, file, empty, embedded, ole)
	return m
}

// WithoutStorages removes OLE objects from m, for codecs that were given no
// way to write them.
func WithoutStorages(m *mapi.Message) *mapi.Message {
	kept := m.Attachments[:0]
	for _, a := range m.Attachments {
		if a.Storage == nil {
			kept = append(kept, a)
		}
	}
	m.Attachments = kept
	return m
}

// EveryType is one property of each type that messages store, with
// identifiers from first on, and some whose bytes a careless codec changes.
func EveryType(first uint16) mapi.Properties {
	eight := []byte{1, 2, 3, 4, 5, 6, 7, 0x81}
	guid := mapi.PSETIDMeeting[:]
	values := []mapi.Value{
		mapi.Int16Value(-2), mapi.Int32Value(-3), mapi.Int64Value(-1 << 60), mapi.BoolValue(true), mapi.BoolValue(false),
		mapi.RawValue(mapi.TypeFloating32, []byte{0, 0, 0xC0, 0x7F}), // a NaN keeps its bits
		mapi.Float64Value(-0.1),
		mapi.RawValue(mapi.TypeCurrency, eight), mapi.RawValue(mapi.TypeAppTime, eight),
		mapi.RawValue(mapi.TypeErrorCode, []byte{0x0F, 0x01, 0x04, 0x80}),
		mapi.RawValue(mapi.TypeTime, eight),
		mapi.RawValue(mapi.TypeTime, bytes.Repeat([]byte{0xFF}, 8)),
		mapi.RawValue(mapi.TypeGUID, guid),
		mapi.BinaryValue(nil), mapi.BinaryValue([]byte{0}), mapi.BinaryValue(bytes.Repeat([]byte{7}, 33)),
		mapi.RawValue(mapi.TypeServerID, append([]byte{1}, eight...)),
		mapi.StringValue(""), mapi.StringValue("x"), mapi.StringValue("ends in zeros\x00\x00"), mapi.StringValue("a\x00b"),
		mapi.RawValue(mapi.TypeString, []byte{0x00, 0xD8, 'a', 0}), // a lone surrogate
		mapi.RawValue(mapi.TypeString8, nil), mapi.RawValue(mapi.TypeString8, []byte("\x80\x81\xFF\x00")),
		mapi.RawValue(mapi.TypeMultipleInteger16, []byte{1, 0, 2, 0, 3, 0}),
		mapi.RawValue(mapi.TypeMultipleInteger32, []byte{1, 0, 0, 0, 2, 0, 0, 0}),
		mapi.RawValue(mapi.TypeMultipleFloating32, []byte{0, 0, 128, 63}),
		mapi.RawValue(mapi.TypeMultipleFloating64, append(eight, eight...)),
		mapi.RawValue(mapi.TypeMultipleCurrency, eight), mapi.RawValue(mapi.TypeMultipleAppTime, eight),
		mapi.RawValue(mapi.TypeMultipleInteger64, append(eight, eight...)),
		mapi.RawValue(mapi.TypeMultipleTime, append(eight, eight...)),
		mapi.RawValue(mapi.TypeMultipleGUID, append(append([]byte(nil), guid...), guid...)),
		mapi.MultiStringValue([]string{"a", "", "ccc"}), mapi.MultiStringValue(nil),
		mapi.MultiValue(mapi.TypeMultipleString8, [][]byte{[]byte("a\xE4"), nil, []byte("b")}),
		mapi.MultiValue(mapi.TypeMultipleBinary, [][]byte{{1}, {}, {1, 2, 3, 4, 5}}),
	}
	ps := make(mapi.Properties, len(values))
	for i, v := range values {
		ps[i] = mapi.Property{Tag: mapi.NewTag(first+uint16(i), v.Type()), Value: v}
	}
	return ps
}

// Large is n bytes of content that repeats itself only after 64 KiB.
func Large(n int) mapi.Bytes {
	b := make([]byte, n)
	x := uint32(n)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 16)
	}
	return b
}
