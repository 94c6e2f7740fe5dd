// Package ical is the syntax of iCalendar, RFC 5545: lines, parameters and
// components, as they stand on the wire. What they mean is mime/calendar.
//
// Start from [Reader], which gives the components of a calendar one after the
// other, or from [Read], which gives them all, and from [Writer]. Values are
// text as it stands in the file; [Text], [ParseDateTime], [ParseDuration] and
// [ParseRule] read them.
//
// The reader is lenient: a byte order mark, UTF-16, lower case, any line end,
// Windows-1252, quoted-printable and base64 of vCalendar 1.0, a missing END, an
// END too many, properties without a calendar around them. A line that is none
// costs that line. Unknown properties, parameters and components are kept.
//
// A value above [ValueLimit] stays in the source and is a [mapi.Blob], so
// memory does not grow with an attachment. The source must stay readable as
// long as such a value is used.
//
// Not supported: xCal and jCal (RFC 6321, RFC 7265).
package ical
