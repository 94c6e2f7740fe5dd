// Package entity reads the structure of a mail: the tree of parts of RFC 2045
// and RFC 2046, each a section over the source, never a copy.
//
// Start from [Parse] and [Entity]. Parsing is one pass in constant memory and
// refuses no mail; what is odd becomes a problem. Each part gives its raw
// bytes, its fields (package mime/header), its body as it stands
// ([Entity.Body]) and decoded ([Entity.Content]), and text as UTF-8
// ([Entity.OpenText]).
//
// # Line ends
//
// The bytes of a mail are its CRLF form. A source whose lines end in LF (a
// Maildir file, an mbox entry), CR or CR CR LF is read as it is: Raw, Header and Body are its own
// bytes. [CRLF] gives the mail form of them, and the decoded content of text
// and message parts of such a source has CRLF too.
//
// # Leniency
//
// A boundary that is missing in the Content-Type or wrong is taken from the
// body; one that is never closed ends with its parent; parts behind a closing
// delimiter count. Base64 may hold junk, lack padding or be several runs with
// padding of their own; a line of other text behind the padding (the footer of
// a mailing list) ends it. Quoted-printable escapes that are none stand for
// themselves. Nesting beyond [Options.MaxDepth] and parts beyond
// [Options.MaxParts] stay as opaque parts.
//
// Not supported: yEnc, message/partial (the pieces stay parts).
package entity
