// Package mime turns a MAPI message into an Internet mail and back, by the
// rules of [MS-OXCMAIL].
//
// Start from [Export], which writes a [mapi.Message] as RFC 5322 and MIME, and
// from [Import], which reads one. Both report what went wrong
// ([mapi.Problems]) and, when asked, what the other form cannot say
// ([mapi.Loss]). A [Resolver] answers the one question that a message cannot:
// whose SMTP address an Exchange address is.
//
// Below lie mime/header, the syntax of header fields, and mime/entity, the
// tree of parts, and the forms of items that are no mail: mime/calendar over
// mime/ical, mime/contact over mime/vcard.
//
// # Items that are no mail
//
// A meeting request, answer or cancellation is a mail with a text/calendar part
// among the forms of its text, and a mail with such a part becomes one.
// Appointments, tasks, journal entries and notes travel in the same way, contacts
// and lists with a text/vcard part. Content-Class says what they are; without it a
// vCard in a mail is a file, and so is a calendar of several items. What a mail
// and its calendar say differently comes back as it was from both. [MS-OXCMAIL]
// 2.1.3.3.8
//
// # What is written
//
// Lines end in CRLF and hold at most 998 bytes; everything is 7-bit, except
// content that must not be touched: S/MIME entities and mails that were kept
// as they came. Text is UTF-8; HTML that is stored as bytes keeps its bytes and is
// labelled with its code page. The output depends on the message and the
// options alone: boundaries come from a hash, no clock is read, and a message
// that has no date gets none.
//
// Where the message holds the header that it arrived with
// (PidTagTransportMessageHeaders), its fields are written in their order and
// form. Fields about the MIME structure are ours. A field that a property also
// tells (subject, addresses, date, identifiers, importance) is written as
// stored as long as both say the same; when they differ, the property wins, as
// it is what the user sees and may have edited. What a store computes (the topic
// of a conversation that is the subject, the mark of a draft) adds no field to
// such a header. A report that was read from a mail keeps its parts.
//
// Not supported: S/MIME encryption and signing (what is signed or encrypted is passed
// on untouched), uuencode, message/partial.
package mime
