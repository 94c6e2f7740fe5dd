// Package vcard is the syntax of vCard files, versions 2.1, 3.0 (RFC 2425,
// RFC 2426) and 4.0 (RFC 6350): cards, their lines, and the groups,
// parameters and values of a line. What a line means is up to package
// mime/contact.
//
// Start from [Reader], which gives one [Card] after the other, and from
// [Writer]. A [Line] has the same form whatever version it was read from or is
// written to: transfer encodings and character sets are undone, and the value
// is text with the escapes of RFC 6350 3.4, which [Line.Text], [Line.List] and
// [Line.Components] take apart.
//
// The reader is lenient: names in any case, any line end, a byte order mark,
// UTF-16, Latin-1 without a word about it, quoted-printable with soft breaks,
// parameters without a name, base64 that is not folded, a missing END. A line
// that cannot be read costs that line alone. Groups and unknown names stay.
//
// Large values are not held: base64 is a blob over the source, and so is text
// longer than [mapi.InlineLimit].
//
// Not supported: vCard as XML (RFC 6351) and JSON (RFC 7095).
package vcard
