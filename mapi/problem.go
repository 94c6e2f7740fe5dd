package mapi

import (
	"errors"
	"fmt"
	"strings"
)

// ErrTooLarge is returned where a bound on memory forbids to hold a value.
var ErrTooLarge = errors.New("too large to be held in memory")

// ErrUnsupported is wrapped by every [FormatError] about valid input that
// mailconv cannot read, as against broken input.
var ErrUnsupported = errors.New("not supported")

// A Problem is damage that a reader or a converter met and survived. Readers
// return what could be read together with the problems found.
type Problem struct {
	// Severe says that content was lost: a body, recipient, attachment, date
	// or item. Other problems cost at most a property or a formality.
	Severe bool
	// Unsupported says that the input is valid as far as can be told, but
	// that mailconv cannot read it.
	Unsupported bool
	// Where is the stream, property, part or node, as a path from the root.
	Where string
	// Offset is the position in Where, or in the file when Where is empty;
	// -1 when it is not known.
	Offset int64
	// Field is the specification's name of the field that is wrong.
	Field string
	// Detail says in one line what was wrong, with the value seen.
	Detail string
	// Spec is the section, as in "[MS-OXMSG] 2.4.1".
	Spec string
}

// String is one line: where, offset, field, detail, section.
func (p Problem) String() string {
	var b strings.Builder
	if p.Where != "" {
		b.WriteString(p.Where)
		b.WriteString(": ")
	}
	if p.Offset >= 0 {
		fmt.Fprintf(&b, "offset 0x%X: ", p.Offset)
	}
	if p.Field != "" {
		b.WriteString(p.Field)
		b.WriteString(": ")
	}
	b.WriteString(p.Detail)
	if p.Spec != "" {
		fmt.Fprintf(&b, " (%s)", p.Spec)
	}
	return b.String()
}

// Problems is a list of what went wrong, in the order in which it was met.
type Problems []Problem

// MaxProblems bounds a list, so that hostile input cannot fill memory with
// complaints about itself. The last entry then says that more were dropped.
const MaxProblems = 1000

// Add appends p while the list is within [MaxProblems].
func (l *Problems) Add(p Problem) {
	switch {
	case len(*l) < MaxProblems:
		*l = append(*l, p)
	case len(*l) == MaxProblems:
		*l = append(*l, Problem{Severe: true, Offset: -1, Detail: "more problems than can be listed; the rest is not shown"})
	case p.Severe:
		(*l)[MaxProblems].Severe = true
	}
}

// Severe reports whether any problem cost content.
func (l Problems) Severe() bool {
	for _, p := range l {
		if p.Severe {
			return true
		}
	}
	return false
}

// A FormatError says that nothing useful could be read. It carries the same
// fields as a [Problem].
type FormatError struct {
	// Format is the short name of what was being read: cfb, msg, tnef, ...
	Format string
	Problem
}

// Error is one line without the file's name, which the caller adds.
func (e *FormatError) Error() string { return e.Format + ": " + e.Problem.String() }

// Unwrap lets errors.Is tell unsupported from broken input.
func (e *FormatError) Unwrap() error {
	if e.Unsupported {
		return ErrUnsupported
	}
	return nil
}
