package mapi

// A LossReason says why something has no place in the target form. The set is
// closed and documented in doc/loss.md.
type LossReason string

// Reasons for a loss.
const (
	LossNoHeader     LossReason = "no-header"    // the property has no MIME header or part
	LossNoProperty   LossReason = "no-property"  // the header or part has no MAPI property
	LossNoContainer  LossReason = "no-container" // the form has no place for this object (an OLE storage, a second body)
	LossReencoded    LossReason = "re-encoded"   // content is kept, its bytes are not (signature, transfer encoding)
	LossApproximated LossReason = "approximated" // the nearest value of the target form was taken
	LossCharset      LossReason = "charset"      // characters or bytes that the target cannot say
	LossUnreadable   LossReason = "unreadable"   // the source was damaged there
	LossStoreOnly    LossReason = "store-only"   // has a meaning only in the store it came from
	LossTooLarge     LossReason = "too-large"    // above a bound of the target
	LossPolicy       LossReason = "policy"       // left out because an option asked for it
)

// A Loss is one thing that a conversion could not carry.
type Loss struct {
	// Item names the property (canonical name or tag) or the header or part.
	Item   string
	Reason LossReason
	// Detail is one line of free text; it may be empty.
	Detail string
}
