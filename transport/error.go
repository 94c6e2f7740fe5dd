package transport

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A Kind is the class of an error. A driver classifies once; what to do about
// it is decided above.
type Kind int

// Kinds.
const (
	// Permanent will fail again: this item or folder is given up. It is the
	// kind of an error that says nothing of itself.
	Permanent Kind = iota
	// Temporary may pass: a dropped connection, a busy server. Retried with
	// growing waits.
	Temporary
	// Throttled is Temporary with a wait that the server named, if it did.
	Throttled
	// Auth means that the credentials are refused. Never retried: that locks
	// accounts.
	Auth
	// NotFound means that the item or folder is not there.
	NotFound
	// TooLarge means that the store does not take an item of this size.
	TooLarge
	// QuotaExceeded means that the store is full. The run stops with its state
	// saved.
	QuotaExceeded
	// Rejected means that the store does not take this item as it is.
	Rejected
	// Unavailable means that the other side cannot be reached or used at all.
	Unavailable
	// Usage means that what was asked for makes no sense for this store.
	Usage
)

var kindNames = [...]string{"permanent", "temporary", "throttled", "auth", "not-found", "too-large", "quota", "rejected", "unavailable", "usage"}

// String is the name that reports and the ledger use.
func (k Kind) String() string {
	if k >= 0 && int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "permanent"
}

// An Error is what a driver returns. It is one line: what was done, where, and
// the other side's own words.
type Error struct {
	Kind   Kind
	Op     string // "append", "fetch", "list", ...
	Folder string // "" when it is about the store
	Key    Key
	// After is how long the other side asked to wait, 0 when it did not say.
	After time.Duration
	// Unsettled means that the other side may have done what was asked, or may
	// still do it; see [Settler].
	Unsettled bool
	// Remedy tells the user what to do; it may be empty.
	Remedy string
	Err    error
}

func (e *Error) Error() string {
	s := e.Op
	if e.Folder != "" {
		s += fmt.Sprintf(" %q", e.Folder)
	}
	if e.Key != "" {
		s += fmt.Sprintf(" item %s", e.Key)
	}
	if e.Err != nil {
		if s != "" {
			s += ": "
		}
		s += e.Err.Error()
	}
	if e.Remedy != "" {
		s += "; " + e.Remedy
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// KindOf is the class of err: that of the [Error] in its chain, else
// [Permanent].
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Permanent
}

// RetryAfter is the wait that err asks for, 0 when it names none.
func RetryAfter(err error) time.Duration {
	var e *Error
	if errors.As(err, &e) {
		return e.After
	}
	return 0
}

// Unsettled reports whether what failed with err may still happen.
func Unsettled(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Unsettled
}

// Canceled reports whether err comes from a context that ended.
func Canceled(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
