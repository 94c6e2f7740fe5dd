// Package contact turns vCards into contacts and distribution lists and back,
// by the rules of [MS-OXVCARD] and [MS-OXOCNTC].
//
// Start from [Import], which gives one message for each card of a file, and
// from [Export], which writes one message as one card; several cards behind
// each other are a file. [Is] says which messages can be written. The syntax
// is in package mime/vcard.
//
// # What survives
//
// Import checks itself: it writes the card again from the properties that it
// has set, and keeps each line that would not come back, as it is, in
// properties of [CardSet] (or, where it holds content in base64 or very long
// text, as an attachment). Export gives these lines back. So no property of a
// card is lost, whether known or not; a property that was edited meanwhile
// wins over the line that it came from.
//
// Export writes what vCard and [MS-OXVCARD] have a line for, and further
// properties of a contact as X-MAILCONV- lines, which Import reads: the file-as
// name, initials, account, the names behind mail addresses and the like. What
// is left is a [mapi.Loss]: what only the store needs, formatted text beside the
// plain one, attachments other than the photo.
//
// Dates of birth and anniversaries are days. Where only an instant is stored
// (PidTagBirthday, midnight in a time zone that nobody knows any more) the day
// is that of the nearest midnight in UTC. No time zone takes part.
//
// Not supported: the structure of electronic business cards (kept as it is),
// sticky notes (no vCard can hold one).
package contact
