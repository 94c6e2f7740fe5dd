// Package maildir reads and writes Maildir folders: one file for each mail, flags
// in its name.
//
// Start from [Driver] and [Open]. Both ways to nest are known, Maildir++
// (.Sub.Folder) and folders within folders, and are read side by side. Flags are
// those of the name's info part, keywords those of a file dovecot-keywords.
//
// A mail is stored with LF lines unless it would not come back (see package
// lineend). It is written to tmp, made durable, and renamed, so that a killed
// run leaves nothing but a file in tmp. The name of a mail that we write is
//
//	<received>.M<order>P<pid>Q<count>_<token>.<host>,S=<size>,W=<CRLF size>
//
// where order grows with each mail of a folder and the token is that of
// [transport.Meta]. The received date is the file's time.
//
// The format is that of https://cr.yp.to/proto/maildir.html with the extensions
// of Courier (Maildir++) and Dovecot (dovecot-keywords, S= and W=).
//
// Not supported: quota files, subscriptions, symbolic links.
package maildir
