// Package mapijson writes a message with all its properties as JSON, and reads
// it back without loss. People and scripts can read and change the form.
//
// Start from [Encode] and [Decode]. The form is an object:
//
//	{"format": "mailconv.message", "version": 1,
//	 "properties":  [PROPERTY, ...],
//	 "recipients":  [{"properties": [PROPERTY, ...]}, ...],
//	 "attachments": [{"properties": [PROPERTY, ...],
//	                  "embedded": MESSAGE, "storage": STORAGE}, ...]}
//
// where an embedded message has the same keys without format and version. A
// property is an object with these keys, in this order, each only where it
// says something:
//
//	tag       eight hexadecimal digits: identifier and type
//	name      the specification's name, for the reader's eyes; it is read
//	          only where there is neither tag nor set
//	set       of a named property: the property set
//	lid       of a named property: its number, or
//	key       of a named property: its string
//	type      the specification's name of the type, as in PtypString, or
//	          0xXXXX where it has none
//	codepage  of a string in a code page: the Windows number of that page
//	value     the value as text, number, Boolean, RFC 3339 time, GUID, or a
//	          list of such
//	raw       the bytes in base64 (a list for lists), where value would lose
//	          something or there is no readable form; it wins over value
//
// A storage is an OLE object: name, clsid, state, created and modified
// (FILETIME as decimal text), streams (each with name and base64 data) and
// storages.
//
// Numbers beyond 2^53 are written as strings, since many JSON readers round
// them. Output is UTF-8, in a fixed order of keys, and does not hold large
// values in memory: nor does Decode, whose large values are blobs over the
// JSON text.
//
// Not supported: JSON in other encodings than UTF-8.
package mapijson

import (
	"strconv"
	"strings"

	"github.com/mailconv/mailconv/mapi"
)

// Format and Version open every file.
const (
	Format  = "mailconv.message"
	Version = 1
)

// maxDepth bounds messages within messages, and storages within storages.
const maxDepth = 32

// timeLayout is RFC 3339 in UTC with the 100 ns that a FILETIME has.
const timeLayout = "2006-01-02T15:04:05.9999999Z"

// safeInteger is the largest number that JSON readers with binary64 numbers
// keep exact.
const safeInteger = 1 << 53

// types maps the written names of types back.
var types = func() map[string]mapi.Type {
	m := map[string]mapi.Type{}
	for t := mapi.Type(0); t < 0x1200; t++ {
		if t.Known() {
			m[t.String()] = t
		}
	}
	return m
}()

// parseType reads the name of a type, or 0xXXXX.
func parseType(s string) (mapi.Type, bool) {
	if t, ok := types[s]; ok {
		return t, true
	}
	if h, ok := strings.CutPrefix(s, "0x"); ok {
		n, err := strconv.ParseUint(h, 16, 16)
		return mapi.Type(n), err == nil
	}
	return 0, false
}
