package mapi

// A Message is one item: properties, recipients and attachments. Every form
// that mailconv reads as MAPI becomes one, whatever its class (mail,
// appointment, contact, report).
//
// A Message may be read by several goroutines; changing it is up to one.
// Content behind a [Blob] can be opened until the source is closed.
type Message struct {
	Props       Properties
	Recipients  []*Recipient
	Attachments []*Attachment

	// Encoded is the item in the encoding in which it arrived, where that is
	// still at hand; a sink of the same encoding writes it untouched. Whoever
	// changes the message sets it to nil.
	Encoded *Encoded
}

// Encoded is a whole item in one encoding.
type Encoded struct {
	Format string // "msg", "tnef", "fts"
	Blob   Blob
}

// Class is PidTagMessageClass, or "" when there is none.
func (m *Message) Class() string { return m.Props.Text(PidTagMessageClass) }

// A Recipient is one row of the recipient table.
type Recipient struct{ Props Properties }

// Recipient types, PidTagRecipientType. [MS-OXOMSG] 2.2.3.1
const (
	RecipientOriginator = 0
	RecipientTo         = 1
	RecipientCc         = 2
	RecipientBcc        = 3
)

// Type is PidTagRecipientType without its flag bits; a row that has none
// counts as To.
func (r *Recipient) Type() int {
	v, ok := r.Props.Int(PidTagRecipientType)
	if !ok {
		return RecipientTo
	}
	return int(v & 0x0FFFFFFF)
}

// An Attachment is one attachment object. Its content is the property
// PidTagAttachDataBinary, or Embedded, or Storage.
type Attachment struct {
	Props Properties
	// Embedded is the message of an attachment by method 5.
	Embedded *Message
	// Storage is the OLE object of an attachment by method 6, and of any
	// other attachment whose PidTagAttachDataObject is a storage.
	Storage *Storage
}

// Attachment methods, PidTagAttachMethod. [MS-OXCMSG] 2.2.2.9
const (
	AttachNone           = 0
	AttachByValue        = 1
	AttachByReference    = 2
	AttachByRefResolve   = 3
	AttachByRefOnly      = 4
	AttachEmbedded       = 5
	AttachOLE            = 6
	AttachByWebReference = 7
)

// Method is PidTagAttachMethod; where it is missing it is inferred from what
// the attachment holds.
func (a *Attachment) Method() int {
	if v, ok := a.Props.Int(PidTagAttachMethod); ok {
		return int(v)
	}
	switch {
	case a.Embedded != nil:
		return AttachEmbedded
	case a.Storage != nil:
		return AttachOLE
	case a.Data() != nil:
		return AttachByValue
	}
	return AttachNone
}

// Data is the content of an attachment by value, or nil.
func (a *Attachment) Data() Blob {
	if v, ok := a.Props.Get(PidTagAttachDataBinary); ok {
		return v.Blob()
	}
	return nil
}

// A Storage is a structured storage: a named folder of streams and storages,
// as in an OLE attachment. [MS-CFB]
type Storage struct {
	Name     string
	CLSID    GUID
	State    uint32
	Created  uint64 // FILETIME, 0 when none
	Modified uint64 // FILETIME, 0 when none
	Storages []*Storage
	Streams  []Stream
}

// A Stream is one named stream of a [Storage].
type Stream struct {
	Name string
	Data Blob
}
