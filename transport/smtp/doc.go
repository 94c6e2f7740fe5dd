// Package smtp sends mail: RFC 5321 with SIZE, 8BITMIME, SMTPUTF8 (RFC 6531),
// delivery status notifications (RFC 3461), STARTTLS and AUTH.
//
// Start from [Client], which sends many mails over one connection, and from
// [Draft], which makes a mail of its parts. [Driver] opens smtp:// and smtps://
// addresses as a [transport.Sink]: every mail that is put goes to the
// recipients of the parameter to=, whatever the folder. Nothing is sent to the
// recipients of a mail's own header unless to=header says so.
//
// A mail is sent byte for byte, with only the dots added that the protocol
// wants, and without its Bcc fields. A mail with line ends that SMTP cannot
// carry (bare CR, bare LF) is rejected, or mended on demand.
//
// Not supported: pipelining and BDAT (each command waits for its answer),
// BINARYMIME, LMTP, delivery to MX hosts: the server that is named takes
// everything.
package smtp
