package psttest

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/mapitest"
	"github.com/mailconv/mailconv/mapi/pst/ndb"
)

// A Kind is a kind of file with a name.
type Kind struct {
	Name    string
	Options Options
}

// Kinds is every kind of file that a reader must take.
func Kinds() []Kind {
	return []Kind{
		{"ansi14", Options{Kind: ndb.ANSI, Version: 14}},
		{"ansi15-permute", Options{Kind: ndb.ANSI, Version: 15, Crypt: ndb.CryptPermute}},
		{"ansi15-cyclic", Options{Kind: ndb.ANSI, Crypt: ndb.CryptCyclic}},
		{"ansi15-xxblock", Options{Kind: ndb.ANSI, Crypt: ndb.CryptPermute, XBlockEntries: 3}},
		{"ansi15-trees", Options{Kind: ndb.ANSI, Crypt: ndb.CryptPermute, PageEntries: 5, HeapBlock: 1200, RowsInSubnode: true}},
		{"unicode", Options{Kind: ndb.Unicode}},
		{"unicode-permute", Options{Kind: ndb.Unicode, Crypt: ndb.CryptPermute, Password: 0x1BADCAFE}},
		{"unicode-cyclic", Options{Kind: ndb.Unicode, Crypt: ndb.CryptCyclic}},
		{"unicode21", Options{Kind: ndb.Unicode, Version: 21, Crypt: ndb.CryptPermute}},
		{"unicode-ost", Options{Kind: ndb.Unicode, Crypt: ndb.CryptPermute, OST: true}},
		{"unicode-xxblock", Options{Kind: ndb.Unicode, Crypt: ndb.CryptPermute, XBlockEntries: 3}},
		{"unicode-trees", Options{Kind: ndb.Unicode, Crypt: ndb.CryptPermute, PageEntries: 5, HeapBlock: 1200, RowsInSubnode: true}},
		{"unicode-subnodes", Options{Kind: ndb.Unicode, Crypt: ndb.CryptPermute, SubEntries: 2, Inline: 40}},
		{"unicode-small", Options{Kind: ndb.Unicode, Crypt: ndb.CryptPermute, BlockData: 1000, XBlockEntries: 7, SubEntries: 2, DeepSubnodes: true, PageEntries: 4, HeapBlock: 900, Inline: 40, RowsInSubnode: true}},
		{"4k", Options{Kind: ndb.Unicode4K, OST: true}},
		{"4k-zlib", Options{Kind: ndb.Unicode4K, OST: true, Compress: true}},
		{"4k-zlib-permute", Options{Kind: ndb.Unicode4K, OST: true, Compress: true, Crypt: ndb.CryptPermute}},
		{"4k-zlib-cyclic", Options{Kind: ndb.Unicode4K, OST: true, Compress: true, Crypt: ndb.CryptCyclic}},
		{"4k-zlib-xxblock", Options{Kind: ndb.Unicode4K, OST: true, Compress: true, Crypt: ndb.CryptPermute, BlockData: 10000, XBlockEntries: 3}},
		{"4k-zlib-trees", Options{Kind: ndb.Unicode4K, OST: true, Compress: true, Crypt: ndb.CryptPermute, PageEntries: 5, HeapBlock: 1200, RowsInSubnode: true}},
		{"4k-zlib-subnodes", Options{Kind: ndb.Unicode4K, OST: true, Compress: true, Crypt: ndb.CryptPermute, SubEntries: 2, Inline: 40}},
	}
}

// Sample is a store with folders within folders, two folders of one name,
// items of several classes, every property type, and attachments of each
// method, one of them 150,001 bytes long.
func Sample() *Folder {
	rich := mapitest.WithoutStorages(mapitest.Sample())
	rich.Props.Delete(mapi.PidTagSenderName) // has a code page of its own
	for _, a := range rich.Attachments {
		// A PST has a method with each attachment.
		a.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(int32(a.Method())))
	}
	return &Folder{Name: "Sample", Folders: []*Folder{
		{Name: "Deleted Items", Class: "IPF.Note"},
		{
			Name: "Inbox", Class: "IPF.Note", Items: Items(rich, attachments(), prefixed(), Plain(1), Plain(2)),
			Associated: []*mapi.Message{note("IPM.Configuration.Sample", "settings")},
			Dead:       []*mapi.Message{Plain(900)},
			Orphans:    []*mapi.Message{Plain(901)},
			Former:     []*mapi.Message{Plain(902), withFile(903)},
			Folders: []*Folder{
				{Name: "Twin", Class: "IPF.Note", Items: Items(Plain(3))},
				{Name: "Twin", Class: "IPF.Note", Items: Items(Plain(4), Plain(5))},
				{Name: "Deep/Größe", Class: "IPF.Note", Folders: []*Folder{{Name: "Deeper", Items: Items(Plain(6))}}},
			},
		},
		{Name: "Calendar", Class: "IPF.Appointment", Items: Items(note("IPM.Appointment", "meeting"))},
		{Name: "Contacts", Class: "IPF.Contact", Items: Items(note("IPM.Contact", "person"), note("IPM.DistList", "list"))},
		{Name: "Notes", Class: "IPF.StickyNote", Items: Items(note("IPM.StickyNote", "yellow"))},
		{Name: "Tasks", Class: "IPF.Task", Items: Items(note("IPM.Task", "to do"))},
		{Name: "Many", Class: "IPF.Note", Items: func(yield func(*mapi.Message) bool) {
			for i := range 120 {
				if !yield(Plain(1000 + i)) {
					return
				}
			}
		}},
		{Name: "Search", Search: true},
	}}
}

// Plain is a small mail with a number.
func Plain(n int) *mapi.Message {
	m := note("IPM.Note", fmt.Sprintf("Mail %d", n))
	m.Props.Set(mapi.PidTagBody, mapi.StringValue(strings.Repeat(fmt.Sprintf("Text of mail %d.\r\n", n), 5)))
	r := &mapi.Recipient{}
	r.Props.Set(mapi.PidTagRecipientType, mapi.Int32Value(mapi.RecipientTo))
	r.Props.Set(mapi.PidTagDisplayName, mapi.StringValue(fmt.Sprintf("Person %d", n)))
	r.Props.Set(mapi.PidTagAddressType, mapi.StringValue("SMTP"))
	r.Props.Set(mapi.PidTagEmailAddress, mapi.StringValue(fmt.Sprintf("p%d@example.test", n)))
	m.Recipients = append(m.Recipients, r)
	return m
}

func note(class, subject string) *mapi.Message {
	m := &mapi.Message{}
	date := time.Date(2023, 5, 6, 7, 8, 9, 0, time.UTC)
	m.Props.Set(mapi.PidTagMessageClass, mapi.StringValue(class))
	m.Props.Set(mapi.PidTagSubject, mapi.StringValue(subject))
	m.Props.Set(mapi.PidTagMessageFlags, mapi.Int32Value(1))
	m.Props.Set(mapi.PidTagMessageDeliveryTime, mapi.TimeValue(date))
	m.Props.Set(mapi.PidTagClientSubmitTime, mapi.TimeValue(date))
	m.Props.Set(mapi.PidTagLastModificationTime, mapi.TimeValue(date))
	m.Props.Set(mapi.PidTagSearchKey, mapi.BinaryValue([]byte("key of "+subject)))
	return m
}

// withFile is a mail with an attachment of several blocks.
func withFile(n int) *mapi.Message {
	m := Plain(n)
	a := &mapi.Attachment{}
	a.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachByValue))
	a.Props.Set(mapi.PidTagAttachLongFilename, mapi.StringValue("deleted.bin"))
	a.Props.Set(mapi.PidTagAttachDataBinary, mapi.BinaryValue(noise(70_001, 11)))
	m.Attachments = append(m.Attachments, a)
	return m
}

// prefixed is a reply: its subject has a mark where the prefix ends.
func prefixed() *mapi.Message {
	m := note("IPM.Note", "AW: Übermorgen")
	m.Props.Set(mapi.PidTagSubjectPrefix, mapi.StringValue("AW: "))
	m.Props.Set(mapi.PidTagNormalizedSubject, mapi.StringValue("Übermorgen"))
	return m
}

// attachments is a mail with an attachment of each method.
func attachments() *mapi.Message {
	m := note("IPM.Note", "attachments")
	add := func(method int32, name string, set func(*mapi.Attachment)) {
		a := &mapi.Attachment{}
		a.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(method))
		a.Props.Set(mapi.PidTagAttachLongFilename, mapi.StringValue(name))
		a.Props.Set(mapi.PidTagAttachFilename, mapi.StringValue(name))
		set(a)
		m.Attachments = append(m.Attachments, a)
	}
	data := func(b []byte) func(*mapi.Attachment) {
		return func(a *mapi.Attachment) {
			a.Props.Set(mapi.PidTagAttachSize, mapi.Int32Value(int32(len(b))))
			a.Props.Set(mapi.PidTagAttachDataBinary, mapi.BinaryValue(b))
		}
	}
	add(mapi.AttachByValue, "tiny.txt", data([]byte("a few bytes")))
	add(mapi.AttachByValue, "text.txt", data(bytes.Repeat([]byte("0123456789abcdef"), 5000)))
	add(mapi.AttachByValue, "noise.bin", data(noise(150_001, 7)))
	add(mapi.AttachByWebReference, "link", func(a *mapi.Attachment) {
		a.Props.Set(mapi.PidTagAttachLongPathname, mapi.StringValue("https://example.test/shared/file.docx"))
		a.Props.SetName(mapi.Name{Set: mapi.PSETIDAttachment, Name: "AttachmentProviderType"}, mapi.StringValue("OneDrive"))
	})
	add(mapi.AttachByReference, "path", func(a *mapi.Attachment) {
		a.Props.Set(mapi.PidTagAttachLongPathname, mapi.StringValue(`\\server\share\file.doc`))
	})
	add(mapi.AttachEmbedded, "mail", func(a *mapi.Attachment) {
		inner := Plain(77)
		outer := Plain(78)
		outer.Attachments = append(outer.Attachments, &mapi.Attachment{Embedded: inner, Props: mapi.Properties{
			{Tag: mapi.PidTagAttachMethod, Value: mapi.Int32Value(mapi.AttachEmbedded)},
		}})
		a.Embedded = outer
	})
	add(mapi.AttachOLE, "object", func(a *mapi.Attachment) {
		a.Props.Set(mapi.PidTagAttachDataObject, mapi.BlobValue(mapi.TypeObject, mapi.Bytes(noise(9000, 9))))
	})
	return m
}
