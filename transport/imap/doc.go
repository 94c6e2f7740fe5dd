// Package imap is the store behind an IMAP server. RFC 9051, RFC 3501
//
// Start from [Driver], which opens a [Store] by its address; a Store is source
// and sink at once. The syntax lies in imap/wire, connections in
// transport/dial, logins in transport/sasl.
//
// A key is UIDVALIDITY:UID. The ID of a folder is its name as the server writes
// it. Bodies are fetched in one command for many keys and come straight from
// the connection (OneShot); batches go out as one MULTIAPPEND where the server
// has it, else as APPENDs that do not wait for each other. Mailboxes are opened
// with EXAMINE and bodies fetched with PEEK, so reading changes nothing.
//
// A command may take as long as it likes; a server that is silent for longer
// than the parameter timeout (5 minutes) in the middle of one counts as dead,
// and TCP keepalives find a peer that is gone before that.
//
// Extensions that are used where offered: ENABLE, ID, LITERAL+, LITERAL-,
// MULTIAPPEND, UIDPLUS, MOVE, CONDSTORE, ESEARCH, NAMESPACE, LIST-EXTENDED,
// LIST-STATUS, STATUS=SIZE, SPECIAL-USE, CREATE-SPECIAL-USE, XLIST, OBJECTID,
// X-GM-EXT-1, APPENDLIMIT, QUOTA, IDLE, SASL-IR, UTF8=ACCEPT, UTF8=ONLY.
//
// Not supported: QRESYNC, COMPRESS, NOTIFY, ACL, METADATA, referrals.
package imap
