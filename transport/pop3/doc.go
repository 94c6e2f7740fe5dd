// Package pop3 reads a POP3 maildrop: RFC 1939 with CAPA (RFC 2449), STLS (RFC
// 2595), SASL (RFC 5034), UTF8 (RFC 6856) and the response codes of RFC 3206.
//
// Start from [Driver], which opens pop3:// and pop3s:// addresses, and from
// [Store], a [transport.Source] with one folder, INBOX. The key of a mail is
// its UIDL. A server that has none gets keys made from the header and the size,
// so that a second run knows the mails again.
//
// A mail comes as the server sends it, byte for byte, with only the dots undone
// that the protocol adds. Nothing is deleted, except by [Store.Delete], which
// the engine calls after a mail has arrived elsewhere. Several mails are asked
// for at once where the server allows that (PIPELINING).
//
// Not supported: flags, keywords, received dates and folders, which the protocol
// does not have; writing, so there is no sink; LANG.
package pop3
