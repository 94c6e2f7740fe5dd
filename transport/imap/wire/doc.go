// Package wire is the syntax of IMAP, without its meaning: responses are read,
// commands are written, over one connection. RFC 9051, RFC 3501, RFC 7888
//
// Start from [Conn], which runs commands and hands over responses, and from
// [Reader], which reads them. A body in a FETCH response is a stream
// ([Attr].Literal); nothing of its size is held in memory. The reader takes
// what real servers send: double spaces, NIL where none is allowed, items and
// responses that nobody knows, brackets in flags, bytes above 127. Only where
// no next response can be found does it give up, with a [SyntaxError].
//
// Not supported: COMPRESS; any meaning, such as which mailbox is selected.
package wire
