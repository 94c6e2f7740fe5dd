package ledger

import (
	"encoding/hex"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
)

// A State is where an item stands.
type State string

// States. The first two are on the way, the other four are final.
const (
	Pending   State = "pending"   // listed, not done yet
	Intent    State = "intent"    // a put was about to happen
	Copied    State = "copied"    // it is in the sink
	Duplicate State = "duplicate" // the same content was copied already, and one copy was asked for
	Skipped   State = "skipped"   // left out, for a reason
	Failed    State = "failed"    // tried, for a reason in vain; a later run tries again
)

// States lists all states in the order of reports.
var States = []State{Copied, Duplicate, Skipped, Failed, Intent, Pending}

// Final reports whether the state is one of the four terminal ones.
func (s State) Final() bool { return s != Pending && s != Intent && s != "" }

// Gone tells what became of an item after it was copied.
type Gone int

// Values of Gone.
const (
	Here       Gone = 0 // in the source, as far as the last listing knows
	GoneSource Gone = 1 // not in the source any more
	GoneBoth   Gone = 2 // deleted in the sink too
	Removing   Gone = 3 // a deletion at the source, on behalf of the user, was about to happen
	Removed    Gone = 4 // deleted at the source on behalf of the user; the copy stays
)

// A Fingerprint is the SHA-256 of an item's content; zero when it is not known.
type Fingerprint [32]byte

// IsZero reports whether the fingerprint is unknown.
func (f Fingerprint) IsZero() bool { return f == Fingerprint{} }

// String is hexadecimal, or "".
func (f Fingerprint) String() string {
	if f.IsZero() {
		return ""
	}
	return hex.EncodeToString(f[:])
}

// An Item is one row: one item of the source.
type Item struct {
	ID     int64
	Folder int64 // [Folder.ID]
	// Meta is what the source said of the item: Key, ObjectID, Size, Received,
	// Flags, Keywords, Class, Subject, MessageID. The other fields are empty.
	Meta  transport.Meta
	State State
	Gone  Gone
	// Reason is one word or two for skipped and failed, Detail one line.
	Reason, Detail string
	// Sink is the sink folder ([Sink.ID]) that has the item, or is to have it.
	Sink int64
	// Ref is the item's key there, "" when the sink does not tell.
	Ref   transport.Key
	Route string
	// Mark is the end of the sink folder before the put. See
	// [transport.Tracker].
	Mark string
	// Content is the fingerprint of what the source handed over, Put of what
	// was handed to the sink; Put is zero where they are the same.
	Content, Put Fingerprint
	// Bytes is what was written to the sink.
	Bytes int64
	Tries int
	Run   int64
	At    time.Time // in whole seconds

	was intended
}

// intended is what [Tx.Intend] has written of an item and [Tx.Finish] need not
// write again.
type intended struct {
	is           bool
	sink         int64
	content, put Fingerprint
	run          int64
}

func (it *Item) intended() intended { return intended{true, it.Sink, it.Content, it.Put, it.Run} }

// PutFingerprint is the fingerprint of what the sink was given.
func (it *Item) PutFingerprint() Fingerprint {
	if it.Put.IsZero() {
		return it.Content
	}
	return it.Put
}

// A Note is something that is worth knowing of an item.
type Note struct {
	Item int64
	Kind NoteKind
	// Name is the property, header or part; Reason a [mapi.LossReason] for a
	// loss and one word for the others; Detail one line.
	Name, Reason, Detail string
	// Severe means that content was lost.
	Severe bool
}

// A NoteKind tells notes apart.
type NoteKind string

// Kinds of notes.
const (
	Loss    NoteKind = "loss"    // the form or the store could not carry it
	Change  NoteKind = "change"  // the item was changed on purpose
	Problem NoteKind = "problem" // the source was damaged
)

// LossNotes and ProblemNotes turn what a conversion says into notes.
func LossNotes(list []mapi.Loss) []Note {
	notes := make([]Note, 0, len(list))
	for _, l := range list {
		notes = append(notes, Note{Kind: Loss, Name: l.Item, Reason: string(l.Reason), Detail: l.Detail})
	}
	return notes
}

// ProblemNotes is [LossNotes] for damage that a reader met.
func ProblemNotes(list mapi.Problems) []Note {
	notes := make([]Note, 0, len(list))
	for _, p := range list {
		name := p.Field
		if name == "" {
			name = p.Where
		}
		reason := "damaged"
		if p.Unsupported {
			reason = "unsupported"
		}
		notes = append(notes, Note{Kind: Problem, Name: name, Reason: reason, Detail: p.String(), Severe: p.Severe})
	}
	return notes
}

// A Folder is one folder of the source.
type Folder struct {
	ID       int64
	SourceID string // the store's key of the folder
	Path     []string
	Role     transport.Role
	Class    string
	Sink     int64  // the sink folder it is mapped to, 0 before
	Cursor   string // where the next listing starts
	Expected int64  // what the store said that it holds, -1 when it did not
	Listed   time.Time
	Error    string // why it cannot be listed, "" when it could
	Note     string // what the mapping did to its name
	Gone     bool   // not in the source any more
	Run      int64
}

// A Sink is one folder of the sink.
type Sink struct {
	ID int64
	// Path is what was asked for, StorePath and StoreID what the store made
	// of it.
	Path, StorePath []string
	StoreID         string
	// Scanned says that what the folder held before the first put is known.
	Scanned bool
}

// Folder is the sink folder in the words of transport.
func (s Sink) Folder() transport.Folder {
	return transport.Folder{Path: s.StorePath, ID: s.StoreID, Count: -1, Size: -1}
}

func joinKeywords(list []string) string {
	for _, k := range list {
		if k == "" || strings.Contains(k, "\n") {
			kept := make([]string, 0, len(list))
			for _, k := range list {
				if k = strings.ReplaceAll(k, "\n", " "); k != "" {
					kept = append(kept, k)
				}
			}
			return strings.Join(kept, "\n")
		}
	}
	return strings.Join(list, "\n")
}

func splitKeywords(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, "\n")
}
