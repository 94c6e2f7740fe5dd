// Package emlx reads the mail of Apple Mail: folders X.mbox with one .emlx file
// for each mail, a line with its length, the mail in LF lines, and a property
// list with flags and dates.
//
// Start from [Driver] and [Open]; [Read] reads a single file. Of a mail that
// Apple Mail took apart (N.partial.emlx) the attachments lie elsewhere, as raw
// parts (N.P.emlxpart) or as files (Attachments/N/P/name); they are put back
// where they belong, while the mail is read. A part that came from a file is
// encoded anew, which is reported, as its bytes may differ from those that were
// sent.
//
// The format has no specification; what is here is what the files show.
//
// Not supported: writing; the index of Apple Mail (a database), and so mails of
// which only the index knows.
package emlx
