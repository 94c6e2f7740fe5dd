package mapi

import "fmt"

// A Name identifies a named property wherever it is stored: its property set,
// and either a number (LID) or a string. It is comparable. [MS-OXCDATA] 2.6.1
type Name struct {
	Set GUID
	// ID is the long identifier; it has a meaning only where Name is "".
	ID uint32
	// Name is the string name. It is case-sensitive as stored.
	// An empty string name cannot be told from ID 0, and no file has one.
	Name string
}

// String shows the canonical name where the property table has one, else the
// set with the number or the string, as in {set}:0x8554 or {set}:Keywords.
func (n Name) String() string {
	if s := n.Canonical(); s != "" {
		return s
	}
	if n.Name != "" {
		return fmt.Sprintf("{%s}:%s", n.Set, n.Name)
	}
	return fmt.Sprintf("{%s}:0x%04X", n.Set, n.ID)
}
