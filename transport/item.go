package transport

import (
	"time"

	"github.com/mailconv/mailconv/mapi"
)

// A Key identifies an item within its folder for as long as the item stays
// there: UIDVALIDITY and UID, UIDL, an Exchange id, a PST node id, a file name.
// It is opaque outside the driver, and is text without control characters.
type Key string

// Meta is what is known of an item without its body. Identity (Key, ObjectID)
// is kept apart from location, which is the folder that listed it.
type Meta struct {
	Key Key
	// ObjectID identifies the item in the whole store and survives a move
	// (EMAILID, X-GM-MSGID, an immutable id, a search key); "" when there is
	// no such thing.
	ObjectID string
	// Token is the mark of the run that put the item here, where the store
	// keeps it. The engine sets it before a Put; see [Tracker].
	Token string
	// Size in bytes as the store tells it, -1 when it does not. It may differ
	// from the size of the content.
	Size int64
	// Received is the date of arrival (INTERNALDATE, PidTagMessageDeliveryTime),
	// zero when the store has none.
	Received time.Time
	Flags    Flags
	// Keywords are IMAP keywords, Outlook categories, labels.
	Keywords []string
	// Class is the MAPI message class, "" when the store does not know. Mail
	// stores leave it empty.
	Class string
	// Subject is for listings and reports; it may be empty.
	Subject string
	// MessageID is the Message-ID with its brackets, where a listing has it.
	MessageID string
	// Gone says that the item is not there any more. Only a listing that
	// started from a [Cursor] yields such an entry, with no other field than
	// Key and ObjectID.
	Gone bool
	// Skip, when not "", says why the source does not hand the item over by
	// default (an associated item, a soft-deleted one). It gets a row.
	Skip string
}

// Flags are the system flags of an item.
type Flags uint16

// Flags. RFC 9051 2.3.2; $Forwarded and $MDNSent are keywords there but
// properties in MAPI, so they are flags here.
const (
	Seen Flags = 1 << iota
	Answered
	Flagged
	Deleted
	Draft
	Forwarded
	MDNSent
)

// Has reports whether all flags of g are set.
func (f Flags) Has(g Flags) bool { return f&g == g }

// A Form is one of the two forms in which an item travels.
type Form string

// Forms.
const (
	FormMIME   Form = "mime"   // bytes of RFC 5322, CRLF, never re-encoded
	FormObject Form = "object" // *mapi.Message with every property
)

// Content is the body of an item in one form. Whoever receives it closes it.
type Content struct {
	Form   Form
	MIME   mapi.Blob     // with FormMIME
	Object *mapi.Message // with FormObject
	// OneShot says that the bytes come straight from a connection: they can
	// be opened once, and only until the next item is pulled. Who needs them
	// longer spools them (transport/spool).
	OneShot bool
	// Partial says of an object that the store's form (iCalendar, vCard)
	// cannot hold every property, so that it is compared by content.
	Partial bool
	// Sum is the SHA-256 of the bytes of MIME where it is known, else nil.
	Sum []byte
	// Clean says of the bytes of MIME that all their line ends are CRLF and
	// that there is no NUL. It is set only by who looked.
	Clean bool
	// Problems are what the reader met in the item.
	Problems mapi.Problems
	// Losses are what conversions on the way could not carry.
	Losses []mapi.Loss
	// OnClose releases what the content holds: a spool file, a handle.
	OnClose func() error
}

// Close releases the content. It may be called twice, and on nil.
func (c *Content) Close() error {
	if c == nil || c.OnClose == nil {
		return nil
	}
	f := c.OnClose
	c.OnClose = nil
	return f()
}

// Fetched is one item that a source hands over.
type Fetched struct {
	Key Key
	// Content is set when Err is nil. It must be closed before the next item
	// is pulled or kept and closed later, unless it is OneShot.
	Content *Content
	// Err is about this item only; the sequence goes on. When Content is set
	// too it holds the raw bytes that could not be understood, for the
	// quarantine.
	Err error
}

// Staged is one item of a batch.
type Staged struct {
	Meta    Meta
	Content *Content
}

// A Receipt says what a sink did with an item.
type Receipt struct {
	// Ref is the key of the item in the folder that took it, "" when the
	// sink does not tell (a server without UIDPLUS).
	Ref Key
	// Route names the way in where there are several (append, import, json).
	Route string
	// Losses are what the store could not keep: a keyword, a date.
	Losses []mapi.Loss
	// Bytes is what was written, for the report.
	Bytes int64
}

// A Result is the outcome for one item of a batch.
type Result struct {
	Receipt Receipt
	Err     error
}

// A Cursor carries a folder's state from one run to the next: the engine keeps
// Token in the ledger and hands it to the next listing.
type Cursor struct {
	// Token is opaque (UIDVALIDITY/UIDNEXT/MODSEQ, a SyncState, a deltaLink).
	// "" asks for everything. When a listing ends without error, the source
	// has replaced it by the state that the next run starts from; sources
	// that have no such thing leave it empty.
	Token string
	// Delta is set by the source when the listing held only what changed
	// since Token. When it is false the listing was complete, and an item
	// that it did not hold is gone.
	Delta bool
}
