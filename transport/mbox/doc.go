// Package mbox reads and writes mbox files, and trees of them.
//
// Start from [Driver] and [Open]; [Scan] reads a single file. Known are mboxo,
// mboxrd, mboxcl and mboxcl2 (they differ in how a line "From " within a mail is
// kept apart), Thunderbird's trees and status headers, the exports of Apple Mail
// (X.mbox/mbox), Status, X-Status and X-Keywords, and the labels of Google's
// Takeout. A file is never held in memory; an item is known by its offset.
//
// Written is mboxrd. A mail is put as
//
//	From <sender> <received, UTC>
//	X-Mailconv: <lines below>. <token>
//	Status: RO
//	X-Status: AF
//	X-Keywords: work
//	...the mail, with LF lines and each ^>*From quoted by one more >
//
// The lines down to X-Keywords are taken off again when it is read, and can be
// changed in place. A mail that LF lines could not give back is
// written with CRLF lines, also its From line; reading takes such a mail byte
// for byte. So every mail comes back as it was.
//
// While a file is written to, a hidden file beside it holds the length that is
// complete. What a killed run left beyond it is not read, and is cut off before
// the next mail is written.
//
// The forms are described in RFC 4155 and in
// https://www.loc.gov/preservation/digital/formats/fdd/fdd000383.shtml.
//
// Not supported: changing the flags of mails that other programs put there,
// moving and deleting mails; locks between programs.
package mbox
